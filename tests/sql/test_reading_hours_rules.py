"""The rules of reading_hours: an hour with ten readings or more has its exact sums, whoever wrote and however.

What is tested is compared with the catalogue: a constraint, trigger, policy or grant that is new fails here until it
has its line. tests/test_series_properties.py tries whatever comes after whatever.
"""

# ruff: noqa: S608 - statements are put together of this file's own parts

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from tests.sql.rules import (
    DELIBERATELY,
    act_as,
    affected,
    assert_breaks,
    constraints_of,
    granted_to,
    id_of,
    policies_of,
    rows_of,
    said,
    triggers_of,
)

INTO = "INSERT INTO readings (source_id, timestamp, value, quality_flag) "
HOURS = (
    "SELECT source_id, hour, count, min, max, sum, first_at, first_value, last_at, last_value, drops"
    " FROM reading_hours ORDER BY source_id, hour"
)
SUMS = """
SELECT source_id, date_trunc('hour', timestamp, 'UTC') AS hour, count(*)::integer, min(value), max(value),
       sum(value ORDER BY timestamp), min(timestamp), (array_agg(value ORDER BY timestamp))[1],
       max(timestamp), (array_agg(value ORDER BY timestamp DESC))[1], (count(*) FILTER (WHERE value < before))::integer
FROM (
    SELECT *, lag(value) OVER (
        PARTITION BY source_id, date_trunc('hour', timestamp, 'UTC') ORDER BY timestamp
    ) AS before
    FROM readings
    WHERE quality_flag <> 'bad'
) AS r
GROUP BY source_id, hour
HAVING count(*) >= 10 AND max(abs(value)) < 1e290
ORDER BY source_id, hour
"""
NAMES = ("private", "public", "new")


def minutes(source: str, hour: int, *values: float, flag: str = "good", step: int = 1) -> str:
    """Rows of VALUES: readings of a source in an hour of a day, every so many minutes."""
    return ", ".join(
        f"('{{{source}}}', timestamptz '2026-03-01 {hour:02}:{n * step:02}Z', {value}, '{flag}'::quality_flag)"
        for n, value in enumerate(values)
    )


@pytest.fixture
async def dba(dba: asyncpg.Connection) -> asyncpg.Connection:
    """Ten readings in the sixth hour, nine in the seventh, of `private`; twelve in the sixth of `public`."""
    await dba.execute("DELETE FROM reading_hours")
    await affected(dba, INTO + "VALUES " + minutes("private", 6, *range(10)))
    await affected(dba, INTO + "VALUES " + minutes("private", 7, *range(9)))
    await affected(dba, INTO + "VALUES " + minutes("public", 6, *range(12)))
    return dba


async def counts(dba: asyncpg.Connection) -> dict[tuple[str, int], int]:
    """How many readings each hour has, once the hours are known to be what the readings say."""
    await dba.execute("RESET ROLE")
    kept = await rows_of(dba, HOURS)
    assert kept == await rows_of(dba, SUMS)
    names = {id_of(name): name for name in NAMES}
    return {(names[row[0]], row[1].astimezone(UTC).hour): row[2] for row in kept}


# Constraints

SUMMED = (
    "INSERT INTO reading_hours"
    " SELECT {}, '2026-01-05 00:00Z', {}, 1, 1, 10, '2026-01-05 00:00Z', 1, '2026-01-05 00:09Z', 1, 0"
)
COLUMNS = (
    "source_id", "hour", "count", "min", "max", "sum", "first_at", "first_value", "last_at", "last_value", "drops",
    "is_thinned",
)  # fmt: skip
BROKEN = [
    ("reading_hours_pkey", "INSERT INTO reading_hours SELECT * FROM reading_hours"),
    ("reading_hours_source_id_fkey", SUMMED.format("'{unknown}'::uuid", 10)),
    ("reading_hours_count_dense", SUMMED.format("'{private}'::uuid", 9)),
    *((f"reading_hours_{column}_not_null", f"UPDATE reading_hours SET {column} = NULL") for column in COLUMNS),
]


@pytest.mark.parametrize(("constraint", "sql"), BROKEN)
async def test_a_constraint_holds_even_for_a_dba(dba: asyncpg.Connection, constraint: str, sql: str) -> None:
    await assert_breaks(dba, constraint, sql)


async def test_every_constraint_is_tested(dba: asyncpg.Connection) -> None:
    assert await constraints_of(dba, ["reading_hours"]) == {constraint for constraint, _ in BROKEN}


# Every way of writing. Each line: what is written, and the hours that are summed up then.

STAYED = {("private", 6): 10, ("public", 6): 12}
SIXTH = "source_id = '{private}' AND timestamp >= '2026-03-01 06:00Z' AND timestamp < '2026-03-01 07:00Z'"
WRITES: dict[str, tuple[str, dict[tuple[str, int], int]]] = {
    "one more, the newest": (INTO + "VALUES " + minutes("private", 6, *[0] * 11) + " ON CONFLICT DO NOTHING",
                             {**STAYED, ("private", 6): 11}),
    "one in between": (INTO + "VALUES ('{private}', '2026-03-01 06:03:30Z', 99, 'good')",
                       {**STAYED, ("private", 6): 11}),
    "one before": (INTO + "VALUES ('{private}', '2026-03-01 05:59:59.999999Z', 99, 'good')", STAYED),
    "the tenth": (INTO + "VALUES ('{private}', '2026-03-01 07:59:59.999999Z', 1, 'estimated')",
                  {**STAYED, ("private", 7): 10}),
    "a tenth that is bad": (INTO + "VALUES ('{private}', '2026-03-01 07:30Z', 1, 'bad')", STAYED),
    "a bad one in an hour that is summed up": (INTO + "VALUES ('{private}', '2026-03-01 06:30Z', 1, 'bad')", STAYED),
    "one too large to be summed up": (INTO + "VALUES ('{private}', '2026-03-01 06:30Z', 1e290, 'good')",
                                      {("public", 6): 12}),
    "ten that fall": (INTO + "VALUES " + minutes("private", 9, *range(10, 0, -1)), {**STAYED, ("private", 9): 10}),
    "hours of two sources": (INTO + "VALUES " + minutes("private", 8, *range(20), step=2)
                             + ", " + minutes("public", 7, *range(30)),
                             {**STAYED, ("private", 8): 20, ("public", 7): 30}),
    "a merge": (INTO + "VALUES " + minutes("private", 7, *[5] * 12)
                + " ON CONFLICT (source_id, timestamp) DO UPDATE SET value = excluded.value",
                {**STAYED, ("private", 7): 12}),
    "nothing": (INTO + "SELECT '{private}', now(), 9, 'good' WHERE false", STAYED),
    "values": ("UPDATE readings SET value = 10 - value / 2", STAYED),
    "notes": ("UPDATE readings SET notes = 'x'", STAYED),
    "one flagged bad": (f"UPDATE readings SET quality_flag = 'bad' WHERE {SIXTH} AND value = 3", {("public", 6): 12}),
    "all moved by an hour and a half": ("UPDATE readings SET timestamp = timestamp + interval '90 minutes'",
                                        {("private", 7): 10, ("public", 7): 12}),
    "all moved to another source": (
        "UPDATE readings SET source_id = '{public}', timestamp = timestamp + interval '30 minutes' WHERE " + SIXTH,
        {("public", 6): 22},
    ),
    "one deleted": (f"DELETE FROM readings WHERE {SIXTH} AND value = 3", {("public", 6): 12}),
    "all of a source deleted": ("DELETE FROM readings WHERE source_id = '{private}'", {("public", 6): 12}),
    "all deleted, ten come after": ("DELETE FROM readings;" + INTO + "VALUES " + minutes("public", 3, *[1] * 10),
                                             {("public", 3): 10}),
    "TRUNCATE": (f"{DELIBERATELY}; TRUNCATE readings", {}),
    "the source gone": ("DELETE FROM data_sources WHERE id = '{private}'", {("public", 6): 12}),
    "the account gone": ("DELETE FROM users WHERE id = '{ann}'", {}),
}  # fmt: skip


@pytest.mark.parametrize("way", WRITES)
@pytest.mark.parametrize("role", ["postgres", "homelog_owner"])
async def test_hours_are_kept_however_it_is_written(dba: asyncpg.Connection, way: str, role: str) -> None:
    sql, expected = WRITES[way]
    await dba.execute(f"SET LOCAL ROLE {role}")
    await dba.execute(said(sql))
    assert await counts(dba) == expected


async def test_what_is_copied_in_counts(dba: asyncpg.Connection) -> None:
    rows = [(id_of("private"), datetime(2026, 3, 1, 8, n, tzinfo=UTC), float(n % 7)) for n in range(60)]
    await dba.copy_records_to_table("readings", records=rows, columns=["source_id", "timestamp", "value"])
    assert await counts(dba) == {**STAYED, ("private", 8): 60}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (INTO + "VALUES ('{private}', '2026-03-01 06:30Z', 1, 'good')", {**STAYED, ("private", 6): 11}),
        (f"UPDATE readings SET value = 7 WHERE {SIXTH}", STAYED),
        (f"DELETE FROM readings WHERE {SIXTH}", {("public", 6): 12}),
    ],
)
async def test_what_the_service_writes_counts(
    dba: asyncpg.Connection, sql: str, expected: dict[tuple[str, int], int]
) -> None:
    await dba.execute(said("UPDATE readings SET recorded_by = '{ben}'"))
    await act_as(dba, "ben", "private")
    await affected(dba, sql)
    assert await counts(dba) == expected


async def test_a_statement_that_is_rolled_back_changes_nothing(dba: asyncpg.Connection) -> None:
    transaction = dba.transaction()
    await transaction.start()
    await affected(dba, "DELETE FROM readings")
    await transaction.rollback()
    assert await counts(dba) == STAYED


async def test_a_note_rewrites_no_hour(dba: asyncpg.Connection) -> None:
    before = await rows_of(dba, "SELECT ctid::text, xmin::text FROM reading_hours")
    await affected(dba, "UPDATE readings SET notes = 'read off again'")
    assert await rows_of(dba, "SELECT ctid::text, xmin::text FROM reading_hours") == before


async def test_an_operator_sums_up_what_was_written_while_triggers_were_off(dba: asyncpg.Connection) -> None:
    await dba.execute("SET LOCAL session_replication_role = replica")
    await affected(dba, INTO + "VALUES " + minutes("private", 9, *range(30)))
    await affected(dba, f"DELETE FROM readings WHERE {SIXTH}")
    await dba.execute("SET LOCAL session_replication_role = origin")
    await dba.execute("SET LOCAL ROLE homelog_ops")
    await dba.execute("SELECT homelog.rebuild_hours(id) FROM data_sources")
    assert await counts(dba) == {("private", 9): 30, ("public", 6): 12}
    await dba.execute("SET LOCAL session_replication_role = replica; DELETE FROM readings")
    await dba.execute("SELECT homelog.rebuild_hours(id) FROM data_sources")
    assert await counts(dba) == {}


@pytest.mark.parametrize("offset", [timedelta(0), timedelta(microseconds=-1), timedelta(minutes=59, seconds=59)])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "Africa/Monrovia", "Pacific/Kiritimati"])
@pytest.mark.parametrize("year", [1970, 1971, 2026])
async def test_an_hour_is_one_of_utc_whatever_the_session_shows(
    dba: asyncpg.Connection, zone: str, year: int, offset: timedelta
) -> None:
    at = datetime(year, 3, 1, 6, tzinfo=UTC) + offset
    await dba.execute(f"SET LOCAL timezone = '{zone}'")
    assert await dba.fetchval("SELECT homelog.hour_of($1)", at) == at.replace(minute=0, second=0, microsecond=0)


# Who may


async def test_every_trigger_and_policy_is_known(dba: asyncpg.Connection) -> None:
    assert await triggers_of(dba, "reading_hours") == set()
    assert await policies_of(dba, "reading_hours") == {"owner_all", "select_ops", "select_reader"}
    assert {name for name in await triggers_of(dba, "readings") if "roll_up" in name} == {
        "_500_roll_up_insert", "_500_roll_up_update", "_500_roll_up_delete", "_500_roll_up_truncate",
    }  # fmt: skip


@pytest.mark.parametrize("role", ["homelog_api", "homelog_ops"])
async def test_nobody_writes_them(dba: asyncpg.Connection, role: str) -> None:
    for verb in ("INSERT", "UPDATE"):
        assert await granted_to(dba, role, "reading_hours", verb) == set()
    await dba.execute(f"SET LOCAL ROLE {role}")
    for sql in (
        "DELETE FROM reading_hours",
        "TRUNCATE reading_hours",
        "SELECT homelog.sum_up_hours('{{}}', '{{}}')",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with dba.transaction():
                await affected(dba, sql)


async def test_only_operators_sum_up_anew(dba: asyncpg.Connection) -> None:
    await act_as(dba, "ann", "private")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await affected(dba, "SELECT homelog.rebuild_hours('{private}')")


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
        assert await affected(dba, "SELECT FROM reading_hours") == expected, person


async def test_the_owner_and_operators_see_all(dba: asyncpg.Connection) -> None:
    for role in ("homelog_owner", "homelog_ops"):
        await dba.execute(f"SET LOCAL ROLE {role}")
        assert await affected(dba, "SELECT FROM reading_hours") == 2
