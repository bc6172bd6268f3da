"""The rules of latest_readings: at every commit it holds the newest reading of each source, whoever wrote and however.

What is tested is compared with the catalogue: a constraint, trigger, policy or grant that is new fails here until it
has its line.
"""

# ruff: noqa: S608 - statements are put together of this file's own parts

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import UTC, datetime

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.embedded import EmbeddedPostgres
from tests.sql.rules import (
    DELIBERATELY,
    act_as,
    affected,
    assert_breaks,
    cloned,
    constraints_of,
    granted_to,
    id_of,
    policies_of,
    rows_of,
    said,
    triggers_of,
)

READING = "INSERT INTO readings (id, source_id, timestamp, value) VALUES "
LATEST = "SELECT source_id, id, timestamp, value, quality_flag FROM latest_readings ORDER BY source_id"
NEWEST = (
    "SELECT DISTINCT ON (source_id) source_id, id, timestamp, value, quality_flag"
    " FROM readings ORDER BY source_id, timestamp DESC"
)


async def values(dba: asyncpg.Connection) -> dict[str, float]:
    """The latest value of each source of the cast, once it is known to be what a search of all readings finds."""
    await dba.execute("RESET ROLE")
    latest = await rows_of(dba, LATEST)
    assert latest == await rows_of(dba, NEWEST)
    names = {id_of(name): name for name in ("private", "public", "new")}
    return {names[source]: value for source, _, _, value, _ in latest}


# Constraints

COPIED = "INSERT INTO latest_readings (source_id, id, timestamp, value, quality_flag) VALUES "
BROKEN = [
    ("latest_readings_pkey", COPIED + "('{private}', '{reading}', now(), 1, 'good')"),
    ("latest_readings_source_id_fkey", COPIED + "('{unknown}', '{reading}', now(), 1, 'good')"),
    ("latest_readings_source_id_not_null", "UPDATE latest_readings SET source_id = NULL"),
    ("latest_readings_id_not_null", "UPDATE latest_readings SET id = NULL"),
    ("latest_readings_timestamp_not_null", "UPDATE latest_readings SET timestamp = NULL"),
    ("latest_readings_value_not_null", "UPDATE latest_readings SET value = NULL"),
    ("latest_readings_quality_flag_not_null", "UPDATE latest_readings SET quality_flag = NULL"),
]


@pytest.mark.parametrize(("constraint", "sql"), BROKEN)
async def test_a_constraint_holds_even_for_a_dba(dba: asyncpg.Connection, constraint: str, sql: str) -> None:
    await assert_breaks(dba, constraint, sql)


async def test_every_constraint_is_tested(dba: asyncpg.Connection) -> None:
    assert await constraints_of(dba, ["latest_readings"]) == {constraint for constraint, _ in BROKEN}


# Every way of writing. Each line: what is written, and the latest values then.

INTO = "INSERT INTO readings (source_id, timestamp, value) "
SOURCE = "INSERT INTO data_sources (id, name, source_type, unit) VALUES ('{{{}}}', 'New', 'x', 'x');"
STAYED: dict[str, float] = {"private": 3, "public": 4}
WRITES: dict[str, tuple[str, dict[str, float]]] = {
    "a newer reading": (INTO + "VALUES ('{private}', '2026-02-01Z', 9)", {"private": 9, "public": 4}),
    "an older reading": (INTO + "VALUES ('{private}', '2025-02-01Z', 9)", STAYED),
    "many at once": (
        INTO + "SELECT s, timestamptz '2026-02-01Z' - n * interval '1 hour', n"
        " FROM generate_series(0, 99) AS n, unnest('{{{private},{public}}}'::uuid[]) AS s",
        {"private": 0, "public": 0},
    ),
    "the first reading of a source": (
        SOURCE.format("new") + INTO + "VALUES ('{new}', '2020-01-01Z', 9)",
        {**STAYED, "new": 9},
    ),
    "a source without a reading": (SOURCE.format("new"), STAYED),
    "a reading of low quality": (
        "INSERT INTO readings (source_id, timestamp, value, quality_flag) VALUES ('{private}', now(), 9, 'bad')",
        {"private": 9, "public": 4},
    ),
    "nothing": (INTO + "SELECT '{private}', now(), 9 WHERE false", STAYED),
    "a correction of the latest": (
        "UPDATE readings SET value = 9 WHERE id = '{third reading}'",
        {"private": 9, "public": 4},
    ),
    "its quality": ("UPDATE readings SET quality_flag = 'bad' WHERE id = '{third reading}'", STAYED),
    "its id": ("UPDATE readings SET id = '{new}' WHERE id = '{third reading}'", STAYED),
    "a correction of another": ("UPDATE readings SET value = 9 WHERE id = '{reading}'", STAYED),
    "a correction of all": ("UPDATE readings SET value = value + 10", {"private": 13, "public": 14}),
    "notes": ("UPDATE readings SET notes = 'read off again'", STAYED),
    "the latest moved back in time": (
        "UPDATE readings SET timestamp = '2020-01-01Z' WHERE id = '{third reading}'",
        {"private": 2, "public": 4},
    ),
    "another moved past it": (
        "UPDATE readings SET timestamp = '2027-01-01Z' WHERE id = '{reading}'",
        {"private": 1, "public": 4},
    ),
    "the latest moved to another source": (
        "UPDATE readings SET source_id = '{public}' WHERE id = '{third reading}'",
        {"private": 2, "public": 3},
    ),
    "the only one moved to another source": (
        "UPDATE readings SET source_id = '{private}', timestamp = '2027-01-01Z' WHERE id = '{public reading}'",
        {"private": 4},
    ),
    "a merge that adds and corrects": (
        INTO + "VALUES ('{private}', '2026-01-03Z', 9), ('{private}', '2025-01-01Z', 8), ('{public}', '2026-02-01Z', 7)"
        " ON CONFLICT (source_id, timestamp) DO UPDATE SET value = excluded.value",
        {"private": 9, "public": 7},
    ),
    "a merge that leaves what is there": (
        INTO + "VALUES ('{private}', '2026-01-03Z', 9), ('{public}', '2026-02-01Z', 7) ON CONFLICT DO NOTHING",
        {"private": 3, "public": 7},
    ),
    "MERGE": (
        (
            "MERGE INTO readings AS r USING (VALUES ('{private}'::uuid), ('{public}')) AS n (source_id)"
            " ON r.source_id = n.source_id AND r.value = 3"
            " WHEN MATCHED THEN DELETE"
            " WHEN NOT MATCHED THEN INSERT (source_id, timestamp, value) VALUES (n.source_id, '2026-02-01Z', 7)"
        ),
        {"private": 2, "public": 7},
    ),
    "the latest gone and come in one statement": (
        "WITH gone AS (DELETE FROM readings WHERE id = '{third reading}' RETURNING source_id, timestamp) "
        + INTO
        + "SELECT source_id, timestamp, 9 FROM gone",
        {"private": 9, "public": 4},
    ),
    "a delete of the latest": ("DELETE FROM readings WHERE id = '{third reading}'", {"private": 2, "public": 4}),
    "a delete of another": ("DELETE FROM readings WHERE id = '{reading}'", STAYED),
    "a delete of a source's all": ("DELETE FROM readings WHERE source_id = '{private}'", {"public": 4}),
    "a delete of all, and one that comes after": (
        "DELETE FROM readings;" + INTO + "VALUES ('{private}', '2020-01-01Z', 9)",
        {"private": 9},
    ),
    "TRUNCATE, and one that comes after": (
        f"{DELIBERATELY}; TRUNCATE readings;" + INTO + "VALUES ('{private}', '2020-01-01Z', 9)",
        {"private": 9},
    ),
    "the source gone": ("DELETE FROM data_sources WHERE id = '{private}'", {"public": 4}),
    "the source gone and come again": (
        "DELETE FROM data_sources WHERE id = '{private}';" + SOURCE.format("private"),
        {"public": 4},
    ),
    "the account gone that owns them": ("DELETE FROM users WHERE id = '{ann}'", {}),
    "the account gone that wrote to them": ("DELETE FROM users WHERE id = '{ben}'", STAYED),
}


@pytest.mark.parametrize("way", WRITES)
@pytest.mark.parametrize("role", ["postgres", "homelog_owner"])
async def test_the_latest_is_kept_however_it_is_written(dba: asyncpg.Connection, way: str, role: str) -> None:
    sql, expected = WRITES[way]
    await dba.execute(f"SET LOCAL ROLE {role}")
    await dba.execute(said(sql))
    assert await values(dba) == expected


async def test_what_is_copied_in_counts(dba: asyncpg.Connection) -> None:
    at = datetime(2026, 5, 1, tzinfo=UTC)
    rows = [(id_of("private"), at, 9.0), (id_of("public"), at, 7.0)]
    await dba.copy_records_to_table("readings", records=rows, columns=["source_id", "timestamp", "value"])
    assert await values(dba) == {"private": 9, "public": 7}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("INSERT INTO readings (source_id, timestamp, value) VALUES ('{private}', now(), 9)", 9),
        ("UPDATE readings SET value = 9", 9),
        ("DELETE FROM readings WHERE id = '{third reading}'", 2),
    ],
)
async def test_what_the_service_writes_counts(dba: asyncpg.Connection, sql: str, expected: float) -> None:
    await act_as(dba, "ben", "private")
    await affected(dba, sql)
    assert await values(dba) == {"private": expected, "public": 4}


async def test_a_statement_that_is_rolled_back_changes_nothing(dba: asyncpg.Connection) -> None:
    transaction = dba.transaction()
    await transaction.start()
    await affected(dba, READING + "('{new}', '{private}', '2026-02-01Z', 9)")
    await transaction.rollback()
    assert await values(dba) == STAYED


async def test_a_correction_writes_its_own_source_alone(dba: asyncpg.Connection) -> None:
    before = await rows_of(dba, "SELECT source_id, ctid::text FROM latest_readings")
    await affected(dba, "UPDATE readings SET value = 9 WHERE source_id = '{private}'")
    after = await rows_of(dba, "SELECT source_id, ctid::text FROM latest_readings")
    assert {source for source, _ in set(before) ^ set(after)} == {id_of("private")}


async def test_a_dba_catches_up_with_what_was_written_while_triggers_were_off(dba: asyncpg.Connection) -> None:
    await dba.execute("SET LOCAL session_replication_role = replica")
    await affected(dba, INTO + "VALUES ('{private}', '2026-02-01Z', 9)")
    await affected(dba, "DELETE FROM readings WHERE source_id = '{public}'")
    await dba.execute("SET LOCAL session_replication_role = origin")
    await dba.execute("SELECT homelog.refresh_latest_readings(ARRAY(SELECT id FROM data_sources))")
    assert await values(dba) == {"private": 9}


# Whatever comes after whatever

SOURCES = st.sampled_from(["private", "public", "new"])
TIMES = st.integers(0, 5).map(lambda day: f"2026-01-0{day + 1}Z")
READINGS = st.lists(st.tuples(SOURCES, TIMES, st.integers(0, 9)), min_size=1, max_size=5, unique_by=lambda row: row[:2])


def inserted(rows: list[tuple[str, str, int]], conflict: str) -> str:
    said_rows = ", ".join(f"('{{{source}}}', timestamptz '{at}', {value})" for source, at, value in rows)
    return f"INSERT INTO readings (source_id, timestamp, value) VALUES {said_rows} {conflict}"


CONFLICTS = st.sampled_from(
    ["", "ON CONFLICT DO NOTHING", "ON CONFLICT (source_id, timestamp) DO UPDATE SET value = excluded.value"]
)
STATEMENTS = st.one_of(
    st.builds(inserted, READINGS, CONFLICTS),
    st.builds("UPDATE readings SET value = {2} WHERE source_id = '{{{0}}}' AND timestamp = '{1}'".format,
              SOURCES, TIMES, st.integers(0, 9)),
    st.builds("UPDATE readings SET timestamp = '{1}', source_id = '{{{2}}}' WHERE source_id = '{{{0}}}'"
              " AND timestamp = '{3}'".format, SOURCES, TIMES, SOURCES, TIMES),
    st.builds("UPDATE readings SET timestamp = timestamp + interval '{0} days'".format, st.integers(-9, 9)),
    st.builds("DELETE FROM readings WHERE source_id = '{{{0}}}' AND timestamp >= '{1}'".format, SOURCES, TIMES),
    st.builds("DELETE FROM readings WHERE timestamp <> '{0}'".format, TIMES),
    st.just("DELETE FROM readings"),
)  # fmt: skip


@settings(max_examples=100, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(statements=st.lists(STATEMENTS, min_size=1, max_size=12))
async def test_it_is_the_newest_after_any_statements(dba: asyncpg.Connection, statements: list[str]) -> None:
    example = dba.transaction()
    await example.start()
    await affected(dba, "INSERT INTO data_sources (id, name, source_type, unit) VALUES ('{new}', 'New', 'x', 'x')")
    for sql in statements:
        # One that breaks a key leaves everything as it was.
        with suppress(asyncpg.UniqueViolationError):
            async with dba.transaction():
                await affected(dba, sql)
        await values(dba)
    await example.rollback()


# Two at once

Connect = Callable[[], AbstractAsyncContextManager[asyncpg.Connection]]


@pytest.fixture
async def connect(server: EmbeddedPostgres, template: str) -> AsyncIterator[Connect]:
    """Opens connections to one database with the cast, where Ben administers what Ann does; work there is committed."""
    async with cloned(server, template, "homelog_latest_two") as dba:
        await dba.execute(said("UPDATE user_source_access SET access_level = 'admin' WHERE user_id = '{ben}'"))

        @asynccontextmanager
        async def connect() -> AsyncIterator[asyncpg.Connection]:
            connection = await asyncpg.connect(
                server.url(server.superuser, "homelog_latest_two"), server_settings={"statement_timeout": "20s"}
            )
            yield connection
            await connection.close()

        yield connect


async def waiting(looker: asyncpg.Connection, connection: asyncpg.Connection, sql: str) -> asyncio.Task[int]:
    """The task of a statement that is seen to wait for a lock."""
    task = asyncio.create_task(affected(connection, sql))
    query = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1"
    while not await looker.fetchval(query, connection.get_server_pid()):
        assert not task.done(), "it did not wait"
        await asyncio.sleep(0.01)
    return task


NEWER = READING + "('{new}', '{private}', '2026-02-01Z', 9)"
BETWEEN = READING + "('{another new}', '{private}', '2026-01-02 12:00Z', 8)"
LATEST_GONE = "DELETE FROM readings WHERE id = '{third reading}'"
FALLBACK_CORRECTED = "UPDATE readings SET value = 7 WHERE id = '{another reading}'"
FALLBACK_GONE = "DELETE FROM readings WHERE id = '{another reading}'"
ALL_GONE = "DELETE FROM readings WHERE source_id = '{private}'"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (NEWER, BETWEEN, 9),
        (BETWEEN, NEWER, 9),
        (LATEST_GONE, BETWEEN, 8),
        (BETWEEN, LATEST_GONE, 8),
        (LATEST_GONE, FALLBACK_CORRECTED, 7),
        (FALLBACK_CORRECTED, LATEST_GONE, 7),
        (LATEST_GONE, FALLBACK_GONE, 1),
        (FALLBACK_GONE, LATEST_GONE, 1),
        (ALL_GONE, NEWER, 9),
        (NEWER, ALL_GONE, 9),  # which does not see what was not there when it began
    ],
)
async def test_of_two_who_write_at_once_the_second_sees_what_the_first_did(
    connect: Connect, first: str, second: str, expected: float
) -> None:
    async with connect() as one, connect() as two, connect() as looker:
        async with one.transaction():
            await affected(one, first)
            task = await waiting(looker, two, second)
        await task
        assert (await values(looker))["private"] == expected


async def test_writers_of_different_sources_do_not_wait(connect: Connect) -> None:
    async with connect() as one, connect() as two, one.transaction():
        await affected(one, NEWER)
        await affected(two, READING + "('{new}', '{public}', '2026-02-01Z', 7)")


MERGED = (
    "INSERT INTO readings (source_id, timestamp, value) VALUES ('{{private}}', '2026-03-0{}Z', {})"
    " ON CONFLICT (source_id, timestamp) DO UPDATE SET value = excluded.value"
)
GONE = "DELETE FROM readings WHERE source_id = '{{private}}' AND timestamp = '2026-03-0{}Z'"


async def test_many_who_write_at_once_leave_the_newest(connect: Connect) -> None:
    async def write(seed: int) -> None:
        lot = random.Random(seed)  # noqa: S311 - lots, not secrets
        async with connect() as connection:
            for _ in range(50):
                await affected(connection, lot.choice([MERGED, GONE]).format(lot.randint(1, 9), lot.random()))

    await asyncio.gather(*map(write, range(4)))
    async with connect() as looker:
        await values(looker)


async def test_whoever_logs_to_a_source_that_goes_meanwhile_is_told_so(connect: Connect) -> None:
    async with connect() as writer, connect() as remover, connect() as looker:
        async with remover.transaction():
            writing = writer.transaction()
            await writing.start()
            await writer.execute("SELECT homelog.take_turns($1)", [id_of("private")])
            await affected(remover, "DELETE FROM data_sources WHERE id = '{private}'")
            task = await waiting(looker, writer, NEWER)
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await task
        await writing.rollback()
        assert await values(looker) == {"public": 4}


SENSORS = """
INSERT INTO data_sources (id, name, source_type, unit) VALUES ('{eve}', 'Soil', 'x', '%');
INSERT INTO user_source_access (user_id, source_id, access_level) VALUES
    ('{ann}', '{eve}', 'admin'), ('{dan}', '{eve}', 'read');
INSERT INTO plants (id, user_id, name, kind, moisture_source_id) VALUES
    ('{new}', '{ann}', 'Ann''s', 'fig', '{eve}'), ('{another new}', '{dan}', 'Dan''s', 'fig', '{eve}')
"""
MOISTURES = "SELECT name, moisture FROM plants WHERE id IN ('{new}', '{another new}') ORDER BY name"
SOIL = "INSERT INTO readings (source_id, timestamp, value) VALUES ('{eve}', clock_timestamp(), "


async def test_whoever_logs_waits_for_nobodys_plant_and_the_next_reading_tells_it(connect: Connect) -> None:
    async with connect() as writer, connect() as waterer, connect() as looker:
        await affected(looker, SENSORS)
        await writer.execute("SET lock_timeout = '1s'")
        async with waterer.transaction():
            await affected(waterer, "UPDATE plants SET note = 'x' WHERE id = '{another new}'")
            assert await affected(writer, SOIL + "40)") == 1
        assert await rows_of(looker, MOISTURES) == [("Ann's", 0.4), ("Dan's", 0.5)]
        assert await affected(writer, SOIL + "30)") == 1
        assert await rows_of(looker, MOISTURES) == [("Ann's", 0.3), ("Dan's", 0.3)]


async def test_a_watering_tells_a_plant_what_came_while_it_was_locked(connect: Connect) -> None:
    async with connect() as writer, connect() as waterer, connect() as looker:
        await affected(looker, SENSORS)
        async with waterer.transaction():
            await affected(waterer, "SELECT FROM plants WHERE id = '{new}' FOR NO KEY UPDATE")
            await affected(writer, SOIL + "40)")
            water = "UPDATE plants SET last_water = {}, moisture = 1 WHERE id = '{{new}}'"
            await affected(waterer, water.format("now() - interval '1 hour'"))
            assert (await rows_of(waterer, MOISTURES))[0] == ("Ann's", 0.4)
            await affected(writer, SOIL + "30)")
            await affected(waterer, water.format("clock_timestamp()"))
        # It was watered after that, but its sensor is known to live.
        told = (
            "SELECT moisture, moisture_at = (SELECT max(timestamp) FROM readings WHERE source_id = '{eve}') FROM plants"
        )
        assert await rows_of(looker, told + " WHERE id = '{new}'") == [(1, True)]


async def test_a_reading_touches_no_plant_whose_owner_lost_the_source_or_that_it_does_not_move(
    connect: Connect,
) -> None:
    async with connect() as writer:
        await affected(writer, SENSORS)
        await affected(writer, SOIL + "40)")
        await affected(writer, "DELETE FROM user_source_access WHERE user_id = '{dan}' AND source_id = '{eve}'")
        versions = "SELECT name, xmin FROM plants WHERE moisture_source_id = '{eve}' ORDER BY name"
        before = await rows_of(writer, versions)
        await affected(writer, SOIL.replace("value)", "value, quality_flag)") + "10, 'bad')")
        assert await rows_of(writer, versions) == before
        await affected(writer, SOIL + "30)")
        after = await rows_of(writer, versions)
        assert [now == then for now, then in zip(after, before, strict=True)] == [False, True]


async def test_an_account_that_goes_waits_for_whoever_logs_to_a_source_that_stays(connect: Connect) -> None:
    async with connect() as writer, connect() as remover, connect() as looker:
        async with writer.transaction():
            await writer.execute("SELECT homelog.take_turns($1)", [id_of("private")])
            task = await waiting(looker, remover, "DELETE FROM users WHERE id = '{ann}'")
            await affected(writer, NEWER)
            await affected(writer, "UPDATE readings SET value = 8 WHERE id = '{reading}'")
        assert await task == 1
        assert await values(looker) == {"private": 9}


# Who may


async def test_every_trigger_and_policy_is_known(dba: asyncpg.Connection) -> None:
    assert await triggers_of(dba, "latest_readings") == set()
    assert await policies_of(dba, "latest_readings") == {"owner_all", "select_ops", "select_reader"}
    assert {name for name in await triggers_of(dba, "readings") if "keep_latest" in name} == {
        "_400_keep_latest_insert", "_400_keep_latest_update", "_400_keep_latest_delete", "_400_keep_latest_truncate",
    }  # fmt: skip


@pytest.mark.parametrize("role", ["homelog_api", "homelog_ops"])
async def test_nobody_writes_it(dba: asyncpg.Connection, role: str) -> None:
    for verb in ("INSERT", "UPDATE"):
        assert await granted_to(dba, role, "latest_readings", verb) == set()
    await dba.execute(f"SET LOCAL ROLE {role}")
    for sql in (
        "DELETE FROM latest_readings",
        "TRUNCATE latest_readings",
        "SELECT homelog.refresh_latest_readings('{{}}')",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with dba.transaction():
                await affected(dba, sql)


@pytest.mark.parametrize(
    ("named", "rows"),
    [
        (["private"], [1, 1, 1, 0, 0]),
        (["public"], [1, 1, 1, 1, 1]),
        (["private", "public"], [2, 2, 2, 1, 1]),
        ([], [0, 0, 0, 0, 0]),
    ],
)
async def test_row_security_shows_no_more_than_was_granted(
    dba: asyncpg.Connection, named: list[str], rows: list[int]
) -> None:
    for person, expected in zip(["ann", "ben", "cat", "dan", "nobody"], rows, strict=True):
        await act_as(dba, person, *named)
        assert await affected(dba, "SELECT FROM latest_readings") == expected, person


async def test_the_owner_and_operators_see_all(dba: asyncpg.Connection) -> None:
    for role in ("homelog_owner", "homelog_ops"):
        await dba.execute(f"SET LOCAL ROLE {role}")
        assert await affected(dba, "SELECT FROM latest_readings") == 2
