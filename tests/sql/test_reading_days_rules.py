"""The rules of reading_days: a local day with ten readings or more has its sums, whoever wrote and however.

What is tested is compared with the catalogue: a constraint, trigger, policy or grant that is new fails here until it
has its line. tests/test_series_properties.py tries whatever comes after whatever.
"""

# ruff: noqa: S608 - statements are put together of this file's own parts

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from service.embedded import EmbeddedPostgres
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
DAYS = (
    "SELECT source_id, since, until, count, min, max, sum, first_at, first_value, last_at, last_value, drops"
    " FROM reading_days ORDER BY source_id, since"
)
SUMS = """
WITH counted AS (
    SELECT r.*, day.since, day.until,
           lag(r.value) OVER (PARTITION BY r.source_id, day.since ORDER BY r.timestamp) AS before
    FROM readings AS r
    JOIN data_sources AS s ON s.id = r.source_id
    LEFT JOIN homes AS h ON h.id = s.home_id
    CROSS JOIN LATERAL (
        SELECT date_trunc('day', r.timestamp, coalesce(h.timezone, 'UTC')) AS since,
               date_trunc('day', date_trunc('day', r.timestamp, coalesce(h.timezone, 'UTC')) + interval '36 hours',
                          coalesce(h.timezone, 'UTC')) AS until
    ) AS day
    WHERE r.quality_flag <> 'bad'
)
SELECT source_id, since, until, count(*)::integer, min(value), max(value), sum(value ORDER BY timestamp),
       min(timestamp), (array_agg(value ORDER BY timestamp))[1],
       max(timestamp), (array_agg(value ORDER BY timestamp DESC))[1], (count(*) FILTER (WHERE value < before))::integer
FROM counted
GROUP BY source_id, since, until
HAVING count(*) >= 10 AND max(abs(value)) < 1e290
ORDER BY source_id, since
"""
NAMES = ("private", "public", "new")


def hours(source: str, day: int, *values: float, flag: str = "good", step: int = 60, since: int = 0) -> str:
    """Rows of VALUES: readings of a source on a day of March 2026, every so many minutes from a time of UTC on."""
    begin = datetime(2026, 3, day, tzinfo=UTC) + timedelta(minutes=since)
    return ", ".join(
        f"('{{{source}}}', timestamptz '{begin + timedelta(minutes=n * step)}', {value}, '{flag}'::quality_flag)"
        for n, value in enumerate(values)
    )


@pytest.fixture
async def dba(dba: asyncpg.Connection) -> asyncpg.Connection:
    """Ten readings on the sixth, nine on the seventh, of `private` in Copenhagen; twelve on the sixth of `public`."""
    await dba.execute("DELETE FROM reading_hours; DELETE FROM reading_days; DELETE FROM readings")
    await affected(dba, "UPDATE homes SET timezone = 'Europe/Copenhagen'")
    await affected(dba, INTO + "VALUES " + hours("private", 6, *range(10)))
    await affected(dba, INTO + "VALUES " + hours("private", 7, *range(9)))
    await affected(dba, INTO + "VALUES " + hours("public", 6, *range(12)))
    return dba


async def counts(dba: asyncpg.Connection) -> dict[tuple[str, int], int]:
    """How many readings each day has that is summed up, once the days are known to be what the readings say."""
    await dba.execute("RESET ROLE")
    kept = await rows_of(dba, DAYS)
    assert kept == await rows_of(dba, SUMS)
    names = {id_of(name): name for name in NAMES}
    # Noon is the same day in both zones.
    return {(names[row[0]], (row[1] + timedelta(hours=12)).day): row[3] for row in kept}


# Constraints

SUMMED = (
    "INSERT INTO reading_days"
    " SELECT {}, '2026-01-05 00:00Z', {}, {}, 1, 1, 10, '2026-01-05 00:00Z', 1, '2026-01-05 00:09Z', 1, 0"
)
COLUMNS = (
    "source_id", "since", "until", "count", "min", "max", "sum",
    "first_at", "first_value", "last_at", "last_value", "drops",
)  # fmt: skip
BROKEN = [
    ("reading_days_pkey", "INSERT INTO reading_days SELECT * FROM reading_days"),
    ("reading_days_source_id_fkey", SUMMED.format("'{unknown}'::uuid", "'2026-01-06 00:00Z'", 10)),
    ("reading_days_until_range", SUMMED.format("'{private}'::uuid", "'2026-01-05 00:00Z'", 10)),
    ("reading_days_until_range", SUMMED.format("'{private}'::uuid", "'2026-01-07 00:00:01Z'", 10)),
    ("reading_days_count_dense", SUMMED.format("'{private}'::uuid", "'2026-01-06 00:00Z'", 9)),
    *((f"reading_days_{column}_not_null", f"UPDATE reading_days SET {column} = NULL") for column in COLUMNS),
]


@pytest.mark.parametrize(("constraint", "sql"), BROKEN)
async def test_a_constraint_holds_even_for_a_dba(dba: asyncpg.Connection, constraint: str, sql: str) -> None:
    await assert_breaks(dba, constraint, sql)


async def test_every_constraint_is_tested(dba: asyncpg.Connection) -> None:
    assert await constraints_of(dba, ["reading_days"]) == {constraint for constraint, _ in BROKEN}


# Every way of writing. Each line: what is written, and the days that are summed up then.

STAYED = {("private", 6): 10, ("public", 6): 12}
SIXTH = "source_id = '{private}' AND timestamp >= '2026-03-05 23:00Z' AND timestamp < '2026-03-06 23:00Z'"
WRITES: dict[str, tuple[str, dict[tuple[str, int], int]]] = {
    "one more, the newest": (INTO + "VALUES ('{private}', '2026-03-06 22:59:59.999999Z', 0, 'good')",
                             {**STAYED, ("private", 6): 11}),
    "one in between": (INTO + "VALUES ('{private}', '2026-03-06 03:30Z', 99, 'good')", {**STAYED, ("private", 6): 11}),
    "one before": (INTO + "VALUES ('{private}', '2026-03-05 22:59:59.999999Z', 99, 'good')", STAYED),
    "one at midnight": (INTO + "VALUES ('{private}', '2026-03-05 23:00Z', 99, 'good')", {**STAYED, ("private", 6): 11}),
    "one at midnight, the tenth": (INTO + "VALUES ('{private}', '2026-03-06 23:00Z', 99, 'good')",
                                   {**STAYED, ("private", 7): 10}),
    "the tenth": (INTO + "VALUES ('{private}', '2026-03-07 22:59:59.999999Z', 1, 'estimated')",
                  {**STAYED, ("private", 7): 10}),
    "a tenth that is bad": (INTO + "VALUES ('{private}', '2026-03-07 12:30Z', 1, 'bad')", STAYED),
    "a bad one on a day that is summed up": (INTO + "VALUES ('{private}', '2026-03-06 12:30Z', 1, 'bad')", STAYED),
    "one too large to be summed up": (INTO + "VALUES ('{private}', '2026-03-06 12:30Z', 1e290, 'good')",
                                      {("public", 6): 12}),
    "ten that fall": (INTO + "VALUES " + hours("private", 9, *range(10, 0, -1)), {**STAYED, ("private", 9): 10}),
    "whole hours": (INTO + "VALUES " + hours("private", 9, *range(4 * 288), step=5), {
        **STAYED, ("private", 9): 276, ("private", 10): 288, ("private", 11): 288, ("private", 12): 288,
        ("private", 13): 12,
    }),
    "days of two sources": (INTO + "VALUES " + hours("private", 8, *range(20), step=9)
                            + ", " + hours("public", 7, *range(30)),
                            {**STAYED, ("private", 8): 20, ("public", 7): 24}),
    "days of 23 and 24 hours": (INTO + "VALUES " + hours("private", 28, *range(72)),
                                {**STAYED, ("private", 28): 23, ("private", 29): 23, ("private", 30): 24}),
    "a merge": (INTO + "VALUES " + hours("private", 7, *[5] * 12)
                + " ON CONFLICT (source_id, timestamp) DO UPDATE SET value = excluded.value",
                {**STAYED, ("private", 7): 12}),
    "nothing": (INTO + "SELECT '{private}', now(), 9, 'good' WHERE false", STAYED),
    "values": ("UPDATE readings SET value = 10 - value / 2", STAYED),
    "notes": ("UPDATE readings SET notes = 'x'", STAYED),
    "one flagged bad": (f"UPDATE readings SET quality_flag = 'bad' WHERE {SIXTH} AND value = 3", {("public", 6): 12}),
    "all moved by half a day": ("UPDATE readings SET timestamp = timestamp + interval '12 hours'",
                                {("private", 6): 10, ("public", 6): 12}),
    "all moved to another source": (
        "UPDATE readings SET source_id = '{public}', timestamp = timestamp + interval '30 minutes' WHERE " + SIXTH,
        {("public", 6): 22},
    ),
    "one deleted": (f"DELETE FROM readings WHERE {SIXTH} AND value = 3", {("public", 6): 12}),
    "all of a source deleted": ("DELETE FROM readings WHERE source_id = '{private}'", {("public", 6): 12}),
    "all deleted, ten come after": ("DELETE FROM readings;" + INTO + "VALUES " + hours("public", 3, *[1] * 10),
                                    {("public", 3): 10}),
    "TRUNCATE": (f"{DELIBERATELY}; TRUNCATE readings", {}),
    "the source gone": ("DELETE FROM data_sources WHERE id = '{private}'", {("public", 6): 12}),
    "the account gone": ("DELETE FROM users WHERE id = '{ann}'", {}),
}  # fmt: skip


@pytest.mark.parametrize("way", WRITES)
@pytest.mark.parametrize("role", ["postgres", "homelog_owner"])
async def test_days_are_kept_however_it_is_written(dba: asyncpg.Connection, way: str, role: str) -> None:
    sql, expected = WRITES[way]
    await dba.execute(f"SET LOCAL ROLE {role}")
    await dba.execute(said(sql))
    assert await counts(dba) == expected


async def test_what_is_copied_in_counts(dba: asyncpg.Connection) -> None:
    rows = [(id_of("private"), datetime(2026, 3, 8, 8, n, tzinfo=UTC), float(n % 7)) for n in range(60)]
    await dba.copy_records_to_table("readings", records=rows, columns=["source_id", "timestamp", "value"])
    assert await counts(dba) == {**STAYED, ("private", 8): 60}


async def test_one_at_a_time_they_make_the_day_that_a_batch_makes(dba: asyncpg.Connection) -> None:
    # Eighteen minutes apart: hours stay sparse, the last readings come late.
    rows = hours("private", 8, *(n % 9 for n in range(80)), step=18).split(", (")
    for row in [*rows[::2], *rows[1::2]]:
        await affected(dba, INTO + "VALUES (" + row.removeprefix("("))
    assert await counts(dba) == {**STAYED, ("private", 8): 77}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (INTO + "VALUES ('{private}', '2026-03-06 12:30Z', 1, 'good')", {**STAYED, ("private", 6): 11}),
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


async def test_a_note_rewrites_no_day(dba: asyncpg.Connection) -> None:
    before = await rows_of(dba, "SELECT ctid::text, xmin::text FROM reading_days")
    await affected(dba, "UPDATE readings SET notes = 'read off again'")
    assert await rows_of(dba, "SELECT ctid::text, xmin::text FROM reading_days") == before


@pytest.mark.parametrize("rebuild", ["hours", "days"])
async def test_an_operator_sums_up_what_was_written_while_triggers_were_off(
    dba: asyncpg.Connection, rebuild: str
) -> None:
    await dba.execute("SET LOCAL session_replication_role = replica")
    await affected(dba, INTO + "VALUES " + hours("private", 9, *range(20)))
    await affected(dba, f"DELETE FROM readings WHERE {SIXTH}")
    await dba.execute("SET LOCAL session_replication_role = origin")
    await dba.execute("SET LOCAL ROLE homelog_ops")
    await dba.execute(f"SELECT homelog.rebuild_{rebuild}(id) FROM data_sources")
    assert await counts(dba) == {("private", 9): 20, ("public", 6): 12}
    await dba.execute("SET LOCAL session_replication_role = replica; DELETE FROM readings")
    await dba.execute(f"SELECT homelog.rebuild_{rebuild}(id) FROM data_sources")
    assert await counts(dba) == {}


# Zones


@pytest.mark.parametrize(
    "zone",
    ["UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Havana", "America/St_Johns", "America/Sao_Paulo",
     "Africa/Cairo", "Asia/Beirut", "Pacific/Apia", "Pacific/Kiritimati", "Africa/Monrovia"],
)  # fmt: skip
@pytest.mark.parametrize("year", [1970, 1971, 1979, 1994, 2011, 2023])
async def test_each_instant_lies_in_the_day_that_its_midnights_enclose(
    dba: asyncpg.Connection, zone: str, year: int
) -> None:
    """Of two midnights in a night the second counts; one that the clock skips is the first instant after."""
    local = ZoneInfo(zone)
    days = [date(year, 1, 1) + timedelta(days=n) for n in range(-2, 370)]
    midnights = sorted({
        max(datetime(day.year, day.month, day.day, fold=fold, tzinfo=local).astimezone(UTC) for fold in (0, 1))
        for day in days
    })  # fmt: skip
    edges = list(pairwise(midnights))
    instant = timedelta(microseconds=1)
    at = [
        each for since, until in edges for each in (since, since + instant, until - timedelta(hours=1), until - instant)
    ]
    rows = await dba.fetch(
        "SELECT day.of AS since, homelog.day_after(day.of, $2) AS until FROM unnest($1::timestamptz[])"
        " WITH ORDINALITY AS u (at, n) CROSS JOIN LATERAL (SELECT homelog.day_of(u.at, $2) AS of) AS day ORDER BY n",
        *(at, zone),
    )
    assert [tuple(row) for row in rows] == [edge for edge in edges for _ in range(4)]


async def test_a_source_that_comes_into_a_home_gets_the_days_of_its_zone(dba: asyncpg.Connection) -> None:
    await affected(dba, INTO + "VALUES " + hours("public", 9, *range(4 * 288), step=5, since=12 * 60))
    before = await rows_of(dba, DAYS)
    await act_as(dba, "ann", "public")
    await affected(dba, "UPDATE data_sources SET home_id = '{house}' WHERE id = '{public}'")
    assert await counts(dba) == {
        **STAYED, ("public", 9): 132, ("public", 10): 288, ("public", 11): 288, ("public", 12): 288,
        ("public", 13): 156,
    }  # fmt: skip
    assert before != await rows_of(dba, DAYS)


async def test_nobody_who_moves_a_source_waits_for_its_writers(
    dba: asyncpg.Connection, server: EmbeddedPostgres
) -> None:
    await dba.execute("SET LOCAL session_replication_role = replica; SET LOCAL lock_timeout = '1s'")
    await affected(dba, "INSERT INTO data_sources (id, name, source_type, unit) VALUES ('{new}', 'New', 'heat', 'kWh')")
    await affected(dba, INTO + "VALUES " + hours("new", 9, *range(20)))
    await dba.execute("SET LOCAL session_replication_role = origin")
    move = "UPDATE data_sources SET home_id = NULL WHERE id = '{new}'; UPDATE data_sources SET home_id = '{house}'"
    writer = await asyncpg.connect(server.url(server.superuser, await dba.fetchval("SELECT current_database()")))
    async with writer.transaction():
        await writer.execute("SELECT homelog.take_turns($1)", [id_of("new")])
        await dba.execute(said(move + " WHERE id = '{new}'"))
    await writer.close()
    assert await dba.fetchval("SELECT count(*) FROM reading_days WHERE source_id = $1", id_of("new")) == 0
    await dba.execute(said(move + " WHERE id = '{new}'"))
    assert await counts(dba) == {**STAYED, ("new", 9): 20}


@pytest.mark.parametrize(
    "change",
    ["UPDATE data_sources SET home_id = NULL", "UPDATE homes SET timezone = 'Asia/Kolkata'", "DELETE FROM homes"],
)
async def test_days_stay_true_in_another_zone_until_they_are_written_to(dba: asyncpg.Connection, change: str) -> None:
    await affected(dba, INTO + "VALUES " + hours("private", 8, *range(96), since=10 * 60))
    before = await rows_of(dba, DAYS)
    await affected(dba, change)
    assert await rows_of(dba, DAYS) == before
    # What comes after all others of a day is added to the day as it is.
    await affected(dba, INTO + "VALUES ('{private}', '2026-03-12 09:30Z', 5, 'good')")
    (changed,) = set(await rows_of(dba, DAYS)) - set(before)
    (was,) = (row for row in before if row[:2] == changed[:2])
    assert (changed[3], changed[9], changed[10]) == (was[3] + 1, datetime(2026, 3, 12, 9, 30, tzinfo=UTC), 5)
    # One in between makes the day of the zone as it is now, for those that it overlaps.
    await affected(dba, INTO + "VALUES ('{private}', '2026-03-10 09:30Z', 5, 'good')")
    rows = await rows_of(dba, "SELECT since, until FROM reading_days WHERE source_id = '{private}' ORDER BY since")
    assert all(until <= since for (_, until), (since, _) in pairwise(rows))
    fresh = set(await rows_of(dba, DAYS)) - set(before) - {changed}
    assert fresh <= set(await rows_of(dba, SUMS))
    assert len(fresh) == 1
    await dba.execute("SELECT homelog.rebuild_days(id) FROM data_sources")
    await counts(dba)


# Who may


async def test_every_trigger_and_policy_is_known(dba: asyncpg.Connection) -> None:
    assert await triggers_of(dba, "reading_days") == set()
    assert await policies_of(dba, "reading_days") == {"owner_all", "select_ops", "select_reader"}


@pytest.mark.parametrize("role", ["homelog_api", "homelog_ops"])
async def test_nobody_writes_them(dba: asyncpg.Connection, role: str) -> None:
    for verb in ("INSERT", "UPDATE"):
        assert await granted_to(dba, role, "reading_days", verb) == set()
    await dba.execute(f"SET LOCAL ROLE {role}")
    for sql in (
        "DELETE FROM reading_days",
        "TRUNCATE reading_days",
        "SELECT homelog.sum_up_days('{{}}', '{{}}')",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with dba.transaction():
                await affected(dba, sql)


async def test_only_operators_sum_up_anew(dba: asyncpg.Connection) -> None:
    await act_as(dba, "ann", "private")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await affected(dba, "SELECT homelog.rebuild_days('{private}')")


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
        assert await affected(dba, "SELECT FROM reading_days") == expected, person


async def test_the_owner_and_operators_see_all(dba: asyncpg.Connection) -> None:
    for role in ("homelog_owner", "homelog_ops"):
        await dba.execute(f"SET LOCAL ROLE {role}")
        assert await affected(dba, "SELECT FROM reading_days") == 2
