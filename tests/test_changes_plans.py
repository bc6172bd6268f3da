"""The phases of the change feed read what changed and little else, whatever plan PostgreSQL keeps, by count."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from service.changes.phases import CHANGED_READINGS, SOURCE_DELETIONS, USER_DELETIONS
from service.database import ACT_AS
from service.embedded import EmbeddedPostgres
from service.sqlfile import Query
from tests.conftest import cloned
from tests.test_plans import ANN, FILL, LAST, MIDDLE, SESSION, SOURCE, SOURCES, literal, nodes_of

NIL = "00000000-0000-0000-0000-000000000000"
A_DAY, GONE = 144, 3000

BEFORE = f"""
INSERT INTO changed_sources SELECT id FROM data_sources;
INSERT INTO changed_days SELECT DISTINCT source_id, (timestamp AT TIME ZONE 'UTC')::date FROM readings;
INSERT INTO source_tombstones (source_id, id, type)
    SELECT s.id, uuidv7(), 'reading' FROM data_sources AS s CROSS JOIN generate_series(1, {GONE // 50});
INSERT INTO user_tombstones (user_id, id, type, op)
    SELECT u, uuidv7(), 'home', 'delete' FROM unnest(ARRAY['{ANN}', uuidv7()]) AS u
    CROSS JOIN generate_series(1, {GONE});
"""  # noqa: S608 - made of the constants above
SINCE = f"""
UPDATE readings SET value = 0 WHERE source_id = '{SOURCE}' AND timestamp = '{MIDDLE}';
DELETE FROM readings WHERE source_id = '{SOURCES[0]}' AND timestamp = '{MIDDLE}';
INSERT INTO user_tombstones (user_id, id, type, op) VALUES ('{ANN}', uuidv7(), 'plant', 'delete');
ANALYZE;
"""  # noqa: S608


class Explain:
    """What a phase does for Ann since some moment: a plan's nodes that touch a table, by its name."""

    def __init__(self, api: asyncpg.Connection, since: str) -> None:
        self.api = api
        self.since = since

    async def __call__(self, query: Query[Any], table: str, *args: Any) -> list[dict[str, Any]]:
        await self.api.execute("BEGIN")
        await self.api.fetchval(ACT_AS.sql, ANN, SESSION, None)
        await self.api.execute(f"PREPARE asked AS {query.sql}")
        asked = ", ".join(map(literal, args))
        said = await self.api.fetchval(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE asked ({asked})")
        await self.api.execute("DEALLOCATE asked; ROLLBACK")
        return [node for node in nodes_of(msgspec.json.decode(said)[0]["Plan"]) if node.get("Relation Name") == table]

    async def counts(self) -> dict[str, int]:
        """How many rows the connection has read of each table."""
        rows = await self.api.fetch("SELECT relname, seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables")
        return {name: count or 0 for name, count in rows}


@pytest.fixture(scope="module")
async def moment(server: EmbeddedPostgres, template: str) -> AsyncIterator[tuple[str, str]]:
    """A database where little has changed since a snapshot: its name, and the snapshot."""
    async with cloned(server, template) as name:
        dba = await asyncpg.connect(server.url(server.superuser, name))
        await dba.execute(FILL + BEFORE)
        since = await dba.fetchval("SELECT pg_current_snapshot()::text")
        await dba.execute(SINCE)
        await dba.close()
        yield name, since


@pytest.fixture(params=["custom", "generic"])
async def explain(
    request: pytest.FixtureRequest, server: EmbeddedPostgres, moment: tuple[str, str]
) -> AsyncIterator[Explain]:
    name, since = moment
    api = await asyncpg.connect(server.url("homelog_api", name))
    await api.execute(f"SET plan_cache_mode = force_{request.param}_plan")
    yield Explain(api, since)
    await api.close()


@pytest.mark.parametrize(
    ("ever", "key", "told", "days", "readings"),
    [
        (False, (None, None), 1, 28, A_DAY),
        (True, (None, None), 101, 0, 101),
        (True, (SOURCE, MIDDLE), 101, 0, 101),
        (True, (SOURCE, LAST), 101, 0, 101),
    ],
    ids=["little changed", "everything", "a next page", "the next source"],
)
async def test_readings_are_read_as_far_as_a_page_goes_and_on_days_when_something_changed(
    explain: Explain, ever: bool, key: tuple[UUID | None, str | None], told: int, days: int, readings: int
) -> None:
    # The plans are in a function: counted is what the connection reads.
    source, time = key
    snapshot = "1:1:" if ever else explain.since
    before = await explain.counts()
    async with explain.api.transaction():
        await explain.api.fetchval(ACT_AS.sql, ANN, SESSION, None)
        at = None if time is None else datetime.fromisoformat(time)
        rows = await explain.api.fetch(CHANGED_READINGS.sql, snapshot_of(snapshot), source, at, 101)
        read = {table: count - before.get(table, 0) for table, count in (await explain.counts()).items()}
    assert len(rows) == told
    assert read["readings"] <= readings
    assert read.get("changed_days", 0) <= days
    assert read["changed_sources"] <= len(SOURCES)


def snapshot_of(said: str) -> tuple[int, int, tuple[int, ...]]:
    oldest, coming, between = said.split(":")
    return int(oldest), int(coming), tuple(map(int, between.split(","))) if between else ()


async def test_of_what_is_gone_only_the_new_is_read(explain: Explain) -> None:
    # One's own are read in a function: counted is what the connection reads.
    before = await explain.counts()
    async with explain.api.transaction():
        await explain.api.fetchval(ACT_AS.sql, ANN, SESSION, None)
        key = (0, UUID(NIL), "home", 101)
        rows = await explain.api.fetch(USER_DELETIONS.sql, snapshot_of(explain.since), datetime.now(UTC), *key)
        read = (await explain.counts())["user_tombstones"] - before.get("user_tombstones", 0)
    assert (len(rows), read) == (1, 1)
    (node,) = await explain(SOURCE_DELETIONS, "source_tombstones", explain.since, NIL, 0, NIL, "home", 101)
    assert (node["Actual Rows"], node.get("Rows Removed by Filter", 0)) == (1, 0), node
    assert "xid >=" in node["Index Cond"]
