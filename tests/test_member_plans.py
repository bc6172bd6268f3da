"""What a person may do is found among everybody's homes by index; counted is what is read, in functions too.

So the price of a request grows neither with what others have nor, where it names its source, with one's own.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import pytest

from service.database import ACT_AS
from service.embedded import EmbeddedPostgres
from tests.conftest import cloned
from tests.test_changes_plans import snapshot_of

ANN, SESSION = UUID(int=1), UUID(int=255)
PEOPLE, SOURCES, PLANTS, MEMBERS = 500, 40, 20, 4
"""Each has a home with so many sources and plants, and belongs to the homes of the three who come next."""
HOUSE, SOURCE = UUID(int=1001), UUID(int=100_001)
"""Ann's home, and a source that stands in it."""

FILL = f"""
SET session_replication_role = replica;
INSERT INTO users (id, email)
    SELECT lpad(to_hex(n), 32, '0')::uuid, n || '@example.org' FROM generate_series(1, {PEOPLE}) AS n;
INSERT INTO sessions (id, user_id, auth_provider, expires_at) VALUES ('{SESSION}', '{ANN}', 'password', 'infinity');
INSERT INTO homes (id, name, created_by)
    SELECT lpad(to_hex(1000 + n), 32, '0')::uuid, 'Home', lpad(to_hex(n), 32, '0')::uuid
    FROM generate_series(1, {PEOPLE}) AS n;
INSERT INTO home_members (home_id, user_id, access_level)
    SELECT lpad(to_hex(1001 + (n + m) % {PEOPLE}), 32, '0')::uuid, lpad(to_hex(n + 1), 32, '0')::uuid,
           (CASE m WHEN 0 THEN 'admin' ELSE 'write' END)::access_level
    FROM generate_series(0, {PEOPLE - 1}) AS n CROSS JOIN generate_series(0, {MEMBERS - 1}) AS m;
INSERT INTO gained_homes (home_id, user_id) SELECT home_id, user_id FROM home_members;
INSERT INTO data_sources (id, name, source_type, unit, home_id)
    SELECT lpad(to_hex(100000 + n), 32, '0')::uuid, 'Meter', 'heat', 'kWh',
           lpad(to_hex(1001 + (n - 1) % {PEOPLE}), 32, '0')::uuid
    FROM generate_series(1, {PEOPLE * SOURCES}) AS n;
INSERT INTO user_source_access (user_id, source_id, access_level)
    SELECT lpad(to_hex(1 + (n - 1) % {PEOPLE}), 32, '0')::uuid, lpad(to_hex(100000 + n), 32, '0')::uuid, 'admin'
    FROM generate_series(1, {PEOPLE * SOURCES}) AS n;
INSERT INTO plants (user_id, name, kind, home_id)
    SELECT lpad(to_hex(1 + n % {PEOPLE}), 32, '0')::uuid, 'Plant', 'fig',
           lpad(to_hex(1001 + n % {PEOPLE}), 32, '0')::uuid
    FROM generate_series(1, {PEOPLE * PLANTS}) AS n;
INSERT INTO place_tombstones (place_id, id, type, op)
    SELECT id, uuidv7(), 'source', 'delete' FROM homes CROSS JOIN generate_series(1, 100);
INSERT INTO place_tombstones (place_id, id, type, op) SELECT id, uuidv7(), 'care', 'delete' FROM plants;
RESET session_replication_role;
ANALYZE;
"""  # noqa: S608 - made of the constants above


@pytest.fixture(scope="module")
async def moment(server: EmbeddedPostgres, template: str) -> AsyncIterator[tuple[str, str]]:
    """A database with 20,000 sources in 500 homes, one of which Ann just left: its name, and a snapshot of before."""
    async with cloned(server, template) as name:
        dba = await asyncpg.connect(server.url(server.superuser, name))
        await dba.execute(FILL)
        since = await dba.fetchval("SELECT pg_current_snapshot()::text")
        left = "DELETE FROM home_members WHERE user_id = $1 AND access_level = 'write' AND home_id = $2"
        assert await dba.execute(left, ANN, UUID(int=1002)) == "DELETE 1"
        await dba.close()
        yield name, since


@pytest.fixture(params=["custom", "generic"])
async def api(
    request: pytest.FixtureRequest, server: EmbeddedPostgres, moment: tuple[str, str]
) -> AsyncIterator[asyncpg.Connection]:
    """The service, within a transaction."""
    api = await asyncpg.connect(server.url("homelog_api", moment[0]))
    await api.execute(f"SET plan_cache_mode = force_{request.param}_plan")
    async with api.transaction():
        yield api
    await api.close()


async def read(api: asyncpg.Connection) -> dict[str, int]:
    """How many rows of each table the transaction has read."""
    rows = await api.fetch("SELECT relname, seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables")
    return dict(map(tuple, rows))


async def test_the_rights_to_a_source_that_is_named_are_two_probes(api: asyncpg.Connection) -> None:
    await api.fetchval(ACT_AS.sql, ANN, SESSION, [SOURCE])
    counts = await read(api)
    assert await api.fetchval("SELECT current_setting('homelog.administered')") == f"{{{SOURCE}}}"
    assert {table: counts[table] for table in ("data_sources", "home_members", "user_source_access")} == {
        "data_sources": 1, "home_members": 1, "user_source_access": 1,
    }  # fmt: skip


async def test_the_rights_to_all_sources_are_read_of_ones_own_homes_alone(api: asyncpg.Connection) -> None:
    await api.fetchval(ACT_AS.sql, ANN, SESSION, None)
    counts = await read(api)
    own = (MEMBERS - 1) * SOURCES
    assert len((await api.fetchval("SELECT current_setting('homelog.readable')")).split(",")) == own
    assert counts["data_sources"] <= own + MEMBERS
    assert counts["home_members"] <= MEMBERS + 1
    assert counts["user_source_access"] <= SOURCES


async def test_losses_read_what_was_left_and_no_tombstone_of_before(
    api: asyncpg.Connection, moment: tuple[str, str]
) -> None:
    await api.fetchval(ACT_AS.sql, ANN, SESSION, [])
    losses = "SELECT type::text, count(*) FROM homelog.losses($1, $2) GROUP BY 1"
    lost = {row[0]: row[1] for row in await api.fetch(losses, snapshot_of(moment[1]), datetime.now(UTC))}
    counts = await read(api)
    assert lost == {"home": 1, "source": SOURCES, "plant": PLANTS}
    assert counts["user_tombstones"] == 1
    assert counts["data_sources"] <= SOURCES
    assert counts.get("place_tombstones", 0) == 0
    # Those of the home that was left, and all that Ann sees, whose care may be gone.
    assert counts["plants"] <= 2 * (MEMBERS + 1) * PLANTS
