"""What admins are shown is a walk along an index from where the page begins, however many accounts and rows there are.

The statements stand in functions, which EXPLAIN does not look into; the pages that they touch are counted instead.
"""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from service.audit.handlers import LIST_ALL_AUDIT, LIST_AUDIT_OF_USER
from service.embedded import EmbeddedPostgres
from service.sqlfile import Query
from service.users.handlers import GET_USER, LIST_USERS
from tests.conftest import cloned
from tests.test_plans import literal

KEEPER, SELDOM = UUID(int=1), UUID(int=20_000)
PEOPLE, ROWS, PAGE = 60_000, 60_000, 101
MOST = 600
"""Pages for a page of the list: some for each row (its password, its place in the table), none for the rows passed by.
The tables have some thousands."""

FILL = f"""
SET session_replication_role = replica;
INSERT INTO users (id, email, role)
    SELECT lpad(to_hex(n), 32, '0')::uuid, n || '@example.org', CASE n WHEN 1 THEN 'admin' ELSE 'operator' END
    FROM generate_series(1, {PEOPLE}) AS n;
INSERT INTO user_passwords (user_id, password_hash) SELECT id, '$argon2id$' || repeat('x', 90) FROM users;
INSERT INTO audit_logs (event_time, user_id, event_type, details)
    SELECT
        timestamptz '2025-01-01T00:00:00Z' + n * interval '1 minute',
        CASE WHEN n <= 200 THEN '{SELDOM}' ELSE lpad(to_hex(2 + n % 500), 32, '0') END::uuid,
        'create_home', jsonb_build_object('name', repeat('x', 200))
    FROM generate_series(1, {ROWS}) AS n;
RESET session_replication_role;
ANALYZE;
"""  # noqa: S608 - made of the constants above


@pytest.fixture(scope="module")
async def url(server: EmbeddedPostgres, template: str) -> AsyncIterator[str]:
    """A database with many accounts and a long log, as a superuser reaches it."""
    async with cloned(server, template) as name:
        dba = await asyncpg.connect(server.url(server.superuser, name))
        await dba.execute(FILL)
        await dba.execute("VACUUM ANALYZE")
        await dba.close()
        yield server.url(server.superuser, name)


@pytest.mark.parametrize("plan", ["custom", "generic"])
@pytest.mark.parametrize(
    ("query", "args", "rows"),
    [
        (LIST_USERS, (None, None, None, None, PAGE), PAGE),
        (LIST_USERS, (None, None, None, UUID(int=PEOPLE - 200), PAGE), PAGE),
        (LIST_USERS, (None, True, None, UUID(int=PEOPLE // 2), PAGE), PAGE),
        (GET_USER, (SELDOM,), 1),
        (LIST_ALL_AUDIT, (None, None, None, None, None, PAGE), PAGE),
        (LIST_ALL_AUDIT, (None, "2025-01-10T00:00:00Z", None, None, None, PAGE), PAGE),
        (LIST_ALL_AUDIT, (None, None, None, "2025-01-10T00:00:00Z", 12_960, PAGE), PAGE),
        (LIST_ALL_AUDIT, ("2025-01-05T00:00:00Z", "2025-01-05T01:00:00Z", None, None, None, PAGE), 60),
        (LIST_AUDIT_OF_USER, (SELDOM, None, None, None, None, PAGE), PAGE),
        (LIST_AUDIT_OF_USER, (SELDOM, None, None, None, 50, PAGE), 49),
        (LIST_AUDIT_OF_USER, (UUID(int=7), None, None, None, None, PAGE), PAGE),
    ],
)
async def test_a_page_costs_what_it_shows(
    url: str, query: Query[Any], args: tuple[Any, ...], rows: int, plan: str
) -> None:
    dba = await asyncpg.connect(url)
    await dba.execute(f"SET plan_cache_mode = force_{plan}_plan")
    await dba.execute("BEGIN")
    await dba.execute("SELECT homelog.act_as($1::uuid, '{}'::uuid[])", KEEPER)
    await dba.execute("SET LOCAL ROLE homelog_api")
    await dba.execute(f"PREPARE asked AS {query.sql}")
    explain = f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE asked ({', '.join(map(literal, args))})"
    for _ in range(2):  # what is read once of the catalogue is not counted
        (said,) = msgspec.json.decode(await dba.fetchval(explain))
    await dba.close()
    node = said["Plan"]
    assert node["Actual Rows"] == rows
    assert node["Shared Hit Blocks"] + node["Shared Read Blocks"] <= MOST
