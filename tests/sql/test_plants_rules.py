"""The rules of plants, care_events and growth_measurements, as they hold for whoever reaches the database.

A plant's status is compared with what Python's calendar says of the same instant. Constraints, triggers, policies and
grants are compared with the catalogue: one that is new fails here until it has its line.
"""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from service.embedded import EmbeddedPostgres
from tests.sql.rules import triggers_of

TABLES = ["plants", "care_events", "care_intervals", "growth_measurements"]
NAMED = {
    name: UUID(f"00000000-0000-7000-8000-{number:012}")
    for number, name in enumerate(["ann", "ben", "house", "fern", "cactus", "watering", "measurement", "unknown"], 1)
}


@pytest.fixture(scope="module")
async def household(server: EmbeddedPostgres, template: str) -> AsyncIterator[asyncpg.Connection]:
    """A DBA's connection to a database where Ann has a home with a fern, once watered and measured; Ben a cactus."""
    name = "homelog_plants_rules"
    admin = await asyncpg.connect(server.url(server.superuser, "postgres"))
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    dba = await asyncpg.connect(server.url(server.superuser, name))
    for sql, *names in (
        ("INSERT INTO users (id, email) VALUES ($1, 'ann@example.org'), ($2, 'ben@example.org')", "ann", "ben"),
        ("INSERT INTO homes (id, name, created_by) VALUES ($1, 'House', $2)", "house", "ann"),
        (
            "INSERT INTO plants (id, user_id, home_id, name, kind) VALUES ($1, $2, $3, 'Fern', 'pothos')",
            *("fern", "ann", "house"),
        ),
        (
            "INSERT INTO plants (id, user_id, name, kind) VALUES ($1, $2, 'Cactus', 'succulent')",
            *("cactus", "ben"),
        ),
        (
            "INSERT INTO care_events (id, plant_id, user_id, kind) VALUES ($1, $2, $3, 'water')",
            *("watering", "fern", "ben"),
        ),
        (
            "INSERT INTO growth_measurements (id, plant_id, user_id, value) VALUES ($1, $2, $3, 1)",
            *("measurement", "fern", "ben"),
        ),
        ("INSERT INTO care_intervals (plant_id, kind, every) VALUES ($1, 'mist', 7)", "fern"),
    ):
        await dba.execute(sql, *(NAMED[name] for name in names))
    yield dba
    await dba.close()
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture
async def dba(household: asyncpg.Connection) -> AsyncIterator[asyncpg.Connection]:
    """The same connection in a transaction that is rolled back."""
    transaction = household.transaction()
    await transaction.start()
    yield household
    await transaction.rollback()


async def act_as(dba: asyncpg.Connection, person: str) -> None:
    """Become the service on behalf of a person."""
    await dba.execute("RESET ROLE")
    await dba.execute("SELECT homelog.act_as($1::uuid, '{}')", NAMED.get(person))
    await dba.execute("SET LOCAL ROLE homelog_api")


async def affected(dba: asyncpg.Connection, sql: str, *names: str) -> int:
    """How many rows a statement saw or changed."""
    return int((await dba.execute(sql, *(NAMED[name] for name in names))).rpartition(" ")[2])


# Status

ZONES = ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Copenhagen"]
STATUSES = ["dry", "soon", "thriving", "watered", "resting"]


class Case(NamedTuple):
    """What a status depends on."""

    stored: str
    every: int
    last_water: datetime | None
    zone: str
    at: datetime


def expected(case: Case) -> tuple[str, date | None]:
    """The status and due date by the specification, in plain Python."""
    if case.last_water is None:
        return case.stored, None
    zone = ZoneInfo(case.zone)
    watered, today = case.last_water.astimezone(zone).date(), case.at.astimezone(zone).date()
    if case.stored == "resting":
        return "resting", None
    due = watered + timedelta(case.every)
    days_left = (due - today).days
    if watered >= today:
        return "watered", due
    if days_left <= 0:
        return "dry", due
    return ("soon" if days_left <= 2 else "thriving"), due


async def say(dba: asyncpg.Connection, cases: list[Case]) -> list[tuple[str, date | None]]:
    """What the database says of all of them, in one trip."""
    rows = await dba.fetch(
        "SELECT homelog.plant_status(c.stored, c.every, c.last_water, c.zone, c.at)::text,"
        " homelog.plant_due_on(c.stored, c.every, c.last_water, c.zone)"
        " FROM unnest($1::plantstatus[], $2::integer[], $3::timestamptz[], $4::text[], $5::timestamptz[])"
        " WITH ORDINALITY AS c (stored, every, last_water, zone, at, place) ORDER BY c.place",
        *([list(column) for column in zip(*cases, strict=True)]),
    )
    return [(row[0], row[1]) for row in rows]


# Days since the last watering, days between waterings, what that is called.
BOUNDARIES = [
    (0, 1, "watered"),
    (0, 365, "watered"),
    (1, 1, "dry"),
    (1, 2, "soon"),
    (1, 3, "soon"),
    (1, 4, "thriving"),
    (4, 7, "thriving"),
    (5, 7, "soon"),
    (6, 7, "soon"),
    (7, 7, "dry"),
    (8, 7, "dry"),
    (365, 365, "dry"),
    (364, 365, "soon"),
    (3650, 1, "dry"),
]
# Noon is the same date's noon in none of these zones at once; both of Copenhagen's changes of 2026, and a leap day.
DAYS = [date(2026, 3, 28), date(2026, 3, 29), date(2026, 3, 30), date(2026, 10, 25), date(2026, 10, 26),
        date(2024, 2, 29), date(2024, 12, 31)]  # fmt: skip


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("stored", STATUSES[:-1])
async def test_a_status_changes_at_local_midnight(dba: asyncpg.Connection, zone: str, stored: str) -> None:
    """Watered in the last microsecond of a day or the first, asked in the first of another or the last."""

    def edges(day: date) -> list[datetime]:
        local = ZoneInfo(zone)
        following = day + timedelta(1)
        first = datetime(day.year, day.month, day.day, tzinfo=local).astimezone(UTC)
        end = datetime(following.year, following.month, following.day, tzinfo=local).astimezone(UTC)
        return [first, end - timedelta(microseconds=1)]

    wanted, cases = [], []
    for day in DAYS:
        for since, every, status in BOUNDARIES:
            for last_water in edges(day - timedelta(since)):
                for at in edges(day):
                    cases.append(Case(stored, every, last_water, zone, at))
                    wanted.append((status, day - timedelta(since) + timedelta(every)))
    assert await say(dba, cases) == wanted == [expected(case) for case in cases]


@pytest.mark.parametrize("zone", ZONES)
async def test_what_rests_or_was_never_watered_is_as_stored(dba: asyncpg.Connection, zone: str) -> None:
    at = datetime(2026, 6, 1, 12, tzinfo=UTC)
    never = [Case(status, 1, None, zone, at) for status in STATUSES]
    resting = [Case("resting", 1, at - timedelta(days), zone, at) for days in (-1, 0, 1, 2, 400)]
    assert await say(dba, never) == [(status, None) for status in STATUSES]
    assert await say(dba, resting) == [("resting", None)] * 5


async def test_the_same_instant_is_another_day_elsewhere(dba: asyncpg.Connection) -> None:
    """Ten in the morning in UTC is already tomorrow in Kiritimati and still yesterday in Pago Pago."""
    last_water = datetime(2026, 6, 1, 10, 30, tzinfo=UTC)
    cases = [Case("dry", 2, last_water, zone, last_water) for zone in ZONES]
    assert [due for _, due in await say(dba, cases)] == [
        date(2026, 6, 3), date(2026, 6, 4), date(2026, 6, 2), date(2026, 6, 3),
    ]  # fmt: skip


async def test_a_watering_that_is_a_little_ahead_counts_as_todays(dba: asyncpg.Connection) -> None:
    at = datetime(2026, 6, 1, 23, 59, tzinfo=UTC)
    case = Case("dry", 1, at + timedelta(hours=23), "UTC", at)
    assert await say(dba, [case]) == [("watered", date(2026, 6, 3))]


def moments(first: datetime, last: datetime) -> st.SearchStrategy[datetime]:
    return st.datetimes(first.replace(tzinfo=None), last.replace(tzinfo=None), timezones=st.just(UTC))


ANY_CASE = st.builds(
    lambda stored, every, last_water, zone, since: Case(
        stored, every, last_water, zone, (last_water or datetime(2026, 1, 1, tzinfo=UTC)) + since
    ),
    stored=st.sampled_from(STATUSES),
    every=st.integers(1, 365) | st.integers(1, 4),
    last_water=st.none() | moments(datetime(2000, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)),
    zone=st.sampled_from(ZONES),
    since=st.timedeltas(timedelta(days=-1), timedelta(days=5)) | st.timedeltas(timedelta(), timedelta(days=400)),
)


async def test_any_status_is_what_the_calendar_says(dba: asyncpg.Connection) -> None:
    cases: list[Case] = []

    # Hypothesis makes the cases and cannot shrink them: they are asked together, which is one trip instead of 200.
    @settings(max_examples=200, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))
    @given(ANY_CASE)
    def collect(case: Case) -> None:
        cases.append(case)

    collect()
    assert len(cases) >= 200
    told = await say(dba, cases)
    wrong = [(case, said) for case, said in zip(cases, told, strict=True) if said != expected(case)]
    assert wrong == []


# Constraints. Each line: the constraint, a statement that breaks it, the names of its arguments.

SET_PLANT = "UPDATE plants SET "
CARE = "INSERT INTO care_events (plant_id, kind, at, note) VALUES ($1, 'water', "
PLAN = "INSERT INTO care_intervals (plant_id, kind, every) VALUES ($1, "
MEASURE = "INSERT INTO growth_measurements (plant_id, value) VALUES ($1, "
BROKEN: list[tuple[str, str, tuple[str, ...]]] = [
    ("plants_pkey", "INSERT INTO plants (id, user_id, name, kind) VALUES ($1, $2, 'x', 'fig')", ("fern", "ben")),
    ("plants_user_id_fkey", SET_PLANT + "user_id = $1", ("unknown",)),
    ("plants_home_id_fkey", SET_PLANT + "home_id = $1", ("unknown",)),
    ("plants_name_not_blank", SET_PLANT + "name = ''", ()),
    ("plants_name_not_blank", SET_PLANT + "name = E' \\t\\n'", ()),
    ("plants_name_not_blank", SET_PLANT + "name = repeat('x', 101)", ()),
    ("plants_species_length", SET_PLANT + "species = repeat('x', 201)", ()),
    ("plants_room_length", SET_PLANT + "room = repeat('x', 101)", ()),
    ("plants_moisture_range", SET_PLANT + "moisture = -1e-300", ()),
    ("plants_moisture_range", SET_PLANT + "moisture = 1.0000000000000002", ()),
    ("plants_moisture_range", SET_PLANT + "moisture = 'NaN'", ()),
    ("plants_moisture_range", SET_PLANT + "moisture = 'Infinity'", ()),
    ("plants_every_range", SET_PLANT + "every = 0", ()),
    ("plants_every_range", SET_PLANT + "every = 366", ()),
    ("plants_light_length", SET_PLANT + "light = repeat('x', 201)", ()),
    ("plants_note_length", SET_PLANT + "note = repeat('x', 10001)", ()),
    ("plants_growth_numbers", SET_PLANT + "growth = '{}'", ()),
    ("plants_growth_numbers", SET_PLANT + "growth = '1'", ()),
    ("plants_growth_numbers", SET_PLANT + "growth = 'null'", ()),
    ("plants_growth_numbers", SET_PLANT + "growth = '[1, \"2\"]'", ()),
    ("plants_growth_numbers", SET_PLANT + "growth = '[null]'", ()),
    ("plants_growth_numbers", SET_PLANT + "growth = '[[1]]'", ()),
    ("plants_growth_numbers", SET_PLANT + "growth = '[{\"a\": 1}]'", ()),
    ("plants_growth_numbers", SET_PLANT + "growth = '[true]'", ()),
    ("plants_growth_numbers", SET_PLANT + "growth = '[1e309]'", ()),
    ("plants_growth_numbers", SET_PLANT + "growth = '[-1e309]'", ()),
    ("plants_growth_length", SET_PLANT + "growth = to_jsonb(array_fill(1, '{1001}'))", ()),
    ("plants_last_water_range", SET_PLANT + "last_water = '1969-12-31 23:59:59.999999+00'", ()),
    ("plants_last_water_range", SET_PLANT + "last_water = '9998-01-01 00:00+00'", ()),
    ("plants_last_water_range", SET_PLANT + "last_water = 'infinity'", ()),
    ("plants_last_water_range", SET_PLANT + "last_water = '-infinity'", ()),
    ("plants_status_stored", SET_PLANT + "status = 'unknown'", ()),
    ("plants_season_factor_range", SET_PLANT + "season_factor = 0.09, season_from = 1, season_to = 2", ()),
    ("plants_season_factor_range", SET_PLANT + "season_factor = 'NaN', season_from = 1, season_to = 2", ()),
    ("plants_season_from_month", SET_PLANT + "season_factor = 2, season_from = 0, season_to = 2", ()),
    ("plants_season_to_month", SET_PLANT + "season_factor = 2, season_from = 1, season_to = 13", ()),
    ("plants_season_whole", SET_PLANT + "season_factor = 2", ()),
    ("plants_season_whole", SET_PLANT + "season_from = 2, season_to = 3", ()),
    ("plants_snoozed_until_range", SET_PLANT + "snoozed_until = '1969-12-31'", ()),
    ("plants_snoozed_until_range", SET_PLANT + "snoozed_until = 'infinity'", ()),
    ("plants_moisture_source_id_fkey", SET_PLANT + "moisture_source_id = $1", ("unknown",)),
    ("plants_dry_below_range", SET_PLANT + "dry_below = 1.01", ()),
    ("plants_dry_below_range", SET_PLANT + "dry_below = 'NaN'", ()),
    ("plants_stale_after_hours_range", SET_PLANT + "stale_after_hours = 0", ()),
    ("plants_stale_after_hours_range", SET_PLANT + "stale_after_hours = 8761", ()),
    (
        "care_events_pkey",
        "INSERT INTO care_events (id, plant_id, kind) VALUES ($1, $2, 'mist')",
        ("watering", "cactus"),
    ),
    ("care_events_plant_id_fkey", CARE + "now(), '')", ("unknown",)),
    ("care_events_user_id_fkey", "UPDATE care_events SET user_id = $1", ("unknown",)),
    ("care_events_at_range", CARE + "'1969-12-31 23:59:59.999999+00', '')", ("fern",)),
    ("care_events_at_range", CARE + "'infinity', '')", ("fern",)),
    ("care_events_note_length", CARE + "now(), repeat('x', 10001))", ("fern",)),
    ("care_events_before_whole", "UPDATE care_events SET before_moisture = 1", ()),
    ("care_events_before_whole", "UPDATE care_events SET before_last_water = now()", ()),
    ("care_events_before_whole", "UPDATE care_events SET before_snoozed_until = now()", ()),
    (
        "care_events_before_whole",
        "UPDATE care_events SET kind = 'mist', before_moisture = 1, before_status = 'dry', before_version = now()",
        (),
    ),
    ("care_intervals_pkey", PLAN + "'mist', 1)", ("fern",)),
    ("care_intervals_plant_id_fkey", PLAN + "'mist', 1)", ("unknown",)),
    ("care_intervals_kind_not_water", PLAN + "'water', 1)", ("fern",)),
    ("care_intervals_every_range", PLAN + "'repot', 0)", ("fern",)),
    ("care_intervals_every_range", PLAN + "'repot', 3651)", ("fern",)),
    (
        "growth_measurements_pkey",
        "INSERT INTO growth_measurements (id, plant_id, value) VALUES ($1, $2, 1)",
        ("measurement", "cactus"),
    ),
    ("growth_measurements_plant_id_fkey", MEASURE + "1)", ("unknown",)),
    ("growth_measurements_user_id_fkey", "UPDATE growth_measurements SET user_id = $1", ("unknown",)),
    (
        "growth_measurements_at_range",
        "UPDATE growth_measurements SET at = '1969-12-31 23:59:59.999999+00'",
        (),
    ),
    ("growth_measurements_at_range", "UPDATE growth_measurements SET at = 'infinity'", ()),
    ("growth_measurements_value_finite", MEASURE + "'NaN')", ("fern",)),
    ("growth_measurements_value_finite", MEASURE + "'Infinity')", ("fern",)),
    ("growth_measurements_value_finite", MEASURE + "'-Infinity')", ("fern",)),
]
NULLABLE = {
    ("plants", "last_water"), ("plants", "home_id"), ("care_events", "user_id"),
    ("growth_measurements", "user_id"), ("plants", "season_factor"), ("plants", "season_from"),
    ("plants", "season_to"), ("plants", "snoozed_until"), ("plants", "moisture_source_id"),
    ("plants", "moisture_at"), ("plants", "dry_since"), ("care_events", "before_last_water"),
    ("care_events", "before_moisture"), ("care_events", "before_status"), ("care_events", "before_version"),
    ("care_events", "before_snoozed_until"),
}  # fmt: skip


@pytest.mark.parametrize(("constraint", "sql", "names"), BROKEN, ids=[name for name, *_ in BROKEN])
async def test_a_constraint_holds_even_for_a_dba(
    dba: asyncpg.Connection, constraint: str, sql: str, names: tuple[str, ...]
) -> None:
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as broken:
        await affected(dba, sql, *names)
    assert broken.value.constraint_name == constraint


async def test_every_constraint_is_tested_and_says_a_sentence(dba: asyncpg.Connection) -> None:
    rows = await dba.fetch(
        "SELECT conname, contype::text, obj_description(oid, 'pg_constraint') AS sentence FROM pg_constraint"
        " WHERE conrelid::regclass::text = ANY ($1) AND contype <> 'n'",
        TABLES,
    )
    assert {row["conname"] for row in rows} == {constraint for constraint, _, _ in BROKEN}
    assert [row["conname"] for row in rows if row["contype"] != "p" and not row["sentence"]] == []


async def test_only_what_may_be_empty_takes_null(dba: asyncpg.Connection) -> None:
    rows = await dba.fetch(
        "SELECT attrelid::regclass::text, attname FROM pg_attribute"
        " WHERE attrelid::regclass::text = ANY ($1) AND attnum > 0 AND NOT attisdropped AND NOT attnotnull",
        TABLES,
    )
    assert {(row[0], row[1]) for row in rows} == NULLABLE


@pytest.mark.parametrize(
    "sql",
    [
        "moisture = 0",
        "moisture = 1",
        "every = 1",
        "every = 365",
        "growth = '[]'",
        "growth = '[0, -1e308, 1e308, 0.5]'",
        "growth = to_jsonb(array_fill(1, '{1000}'))",
        "last_water = '1970-01-01 00:00+00'",
        "name = repeat('x', 100), species = repeat('x', 200), room = repeat('x', 100)",
        "light = repeat('x', 200), note = repeat('x', 10000)",
    ],
)
async def test_what_lies_on_the_edge_is_taken(dba: asyncpg.Connection, sql: str) -> None:
    assert await affected(dba, SET_PLANT + sql) == 2


LEFT = "SELECT count(*) FROM "


@pytest.mark.parametrize(
    ("table", "what", "sql", "left"),
    [
        ("users", "ann", LEFT + "plants WHERE name = 'Fern'", 0),
        ("users", "ann", LEFT + "care_events", 0),
        ("users", "ben", LEFT + "plants WHERE name = 'Cactus'", 0),
        ("users", "ben", LEFT + "care_events WHERE user_id IS NULL", 1),
        ("users", "ben", LEFT + "growth_measurements WHERE user_id IS NULL", 1),
        ("homes", "house", LEFT + "plants WHERE name = 'Fern' AND home_id IS NULL", 1),
        ("plants", "fern", LEFT + "care_events", 0),
        ("plants", "fern", LEFT + "growth_measurements", 0),
        ("plants", "fern", LEFT + "care_intervals", 0),
    ],
)
async def test_what_belongs_to_what_is_deleted_goes_or_forgets_it(
    dba: asyncpg.Connection, table: str, what: str, sql: str, left: int
) -> None:
    assert await affected(dba, f"DELETE FROM {table} WHERE id = $1", what) == 1  # noqa: S608
    assert await dba.fetchval(sql) == left


async def test_every_foreign_key_has_an_index_that_begins_with_it(dba: asyncpg.Connection) -> None:
    bare = await dba.fetch(
        "SELECT c.conname FROM pg_constraint AS c"
        " WHERE c.contype = 'f' AND c.conrelid::regclass::text = ANY ($1) AND NOT EXISTS ("
        " SELECT FROM pg_index AS i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1])",
        TABLES,
    )
    assert bare == []


# Triggers

TRIGGERS = {
    "plants": {
        "_050_check_home_insert", "_050_check_home_update", "_051_check_owners_home",
        "_052_check_moisture_source_insert", "_052_check_moisture_source_update", "_053_limit_followers_insert",
        "_053_limit_followers_update", "_055_note_watering", "_060_sense_insert", "_060_sense_update",
        "_100_touch_updated_at",
        "_600_leave_tombstone_delete", "_600_leave_tombstone_update", "_600_note_move_delete", "_600_note_move_update",
        "_900_audit_insert", "_900_audit_update", "_900_audit_delete",
    },
    "care_events": {
        "_200_undo_watering", "_600_leave_tombstone_delete", "_600_leave_tombstone_update", "_900_audit_insert",
        "_900_audit_delete",
    },
    "care_intervals": {"_100_touch_updated_at", "_900_audit"},
    "growth_measurements": set(),
}  # fmt: skip


@pytest.mark.parametrize("table", TABLES)
async def test_every_trigger_is_known(dba: asyncpg.Connection, table: str) -> None:
    assert await triggers_of(dba, table) == TRIGGERS[table]


@pytest.mark.parametrize("place", ["house", "unknown"])
async def test_a_plant_is_put_only_into_a_home_where_one_may_write(dba: asyncpg.Connection, place: str) -> None:
    await act_as(dba, "ben")
    for sql in (SET_PLANT + "home_id = $1", "INSERT INTO plants (name, kind, home_id) VALUES ('x', 'fig', $1)"):
        with pytest.raises(asyncpg.ForeignKeyViolationError) as broken:
            async with dba.transaction():
                await affected(dba, sql, place)
        assert str(broken.value) == "There is no such home where you may put things."
        assert (broken.value.constraint_name, broken.value.column_name) == ("plants_home_id_fkey", "home_id")


async def test_the_stamp_of_a_changed_plant_climbs_even_within_a_transaction(dba: asyncpg.Connection) -> None:
    change = "UPDATE plants SET updated_at = '2000-01-01' WHERE id = $1 RETURNING updated_at"
    first, second = [await dba.fetchval(change, NAMED["fern"]) for _ in range(2)]
    assert first < second


async def test_what_is_done_to_a_plant_is_audited_with_old_and_new_values(dba: asyncpg.Connection) -> None:
    await act_as(dba, "ann")
    await affected(dba, SET_PLANT + "room = 'Hall', every = every WHERE id = $1", "fern")
    await affected(dba, "DELETE FROM plants WHERE id = $1", "fern")
    await dba.execute("RESET ROLE")
    told = await dba.fetch(
        "SELECT user_id, event_type, details::text AS details FROM audit_logs"
        " WHERE user_id IS NOT NULL AND event_type ~ 'plant$' ORDER BY id"
    )
    assert [(row["user_id"], row["event_type"]) for row in told] == [
        (NAMED["ann"], "update_plant"), (NAMED["ann"], "delete_plant"),
    ]  # fmt: skip
    assert '"room": {"new": "Hall", "old": ""}' in told[0]["details"]
    assert "every" not in told[0]["details"]
    assert '"name": "Fern"' in told[1]["details"]


# Who may

POLICIES = {
    "plants": {"owner_all", "select_ops", "select_reader", "insert_writer", "update_writer", "delete_admin"},
    "care_events": {"owner_all", "select_ops", "select_reader", "insert_writer", "delete_writer"},
    "care_intervals": {"owner_all", "select_ops", "select_reader", "insert_admin", "update_admin", "delete_admin"},
    "growth_measurements": {"owner_all", "select_ops", "select_reader", "insert_writer", "update_writer"},
}
SETTABLE = {
    "id", "name", "species", "kind", "room", "moisture", "status", "every", "light", "note", "growth",
    "last_water", "home_id", "season_factor", "season_from", "season_to", "snoozed_until", "moisture_source_id",
    "dry_below", "stale_after_hours",
}  # fmt: skip
GRANTED = {
    ("plants", "INSERT"): SETTABLE,
    ("plants", "UPDATE"): SETTABLE - {"id"},
    ("care_events", "INSERT"): {
        "id",
        "plant_id",
        "kind",
        "at",
        "note",
        "before_last_water",
        "before_moisture",
        "before_status",
        "before_snoozed_until",
        "before_version",
    },
    ("care_events", "UPDATE"): set(),
    ("care_intervals", "INSERT"): {"plant_id", "kind", "every"},
    ("care_intervals", "UPDATE"): {"every"},
    ("growth_measurements", "INSERT"): {"id", "plant_id", "value", "at"},
    ("growth_measurements", "UPDATE"): {"value"},
}


@pytest.mark.parametrize("table", TABLES)
async def test_every_policy_is_known_and_forced(dba: asyncpg.Connection, table: str) -> None:
    rows = await dba.fetch("SELECT polname FROM pg_policy WHERE polrelid = $1::text::regclass", table)
    assert {row[0] for row in rows} == POLICIES[table]
    on = "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = $1::text::regclass"
    assert await dba.fetchval(on, table)


@pytest.mark.parametrize(("table", "verb"), GRANTED)
async def test_the_service_sets_only_the_columns_that_are_the_callers(
    dba: asyncpg.Connection, table: str, verb: str
) -> None:
    rows = await dba.fetch(
        "SELECT column_name FROM information_schema.column_privileges"
        " WHERE grantee = 'homelog_api' AND table_name = $1 AND privilege_type = $2",
        *(table, verb),
    )
    assert {row[0] for row in rows} == GRANTED[table, verb]


@pytest.mark.parametrize("person", ["ann", "ben", "nobody"])
async def test_one_sees_ones_own_plants_and_their_care(dba: asyncpg.Connection, person: str) -> None:
    await act_as(dba, person)
    seen: dict[str, Any] = {"ann": ("Fern", 1, 1), "ben": ("Cactus", 0, 0), "nobody": (None, 0, 0)}
    row = await dba.fetchrow(
        "SELECT (SELECT string_agg(name, ',') FROM plants), (SELECT count(*) FROM care_events),"
        " (SELECT count(*) FROM growth_measurements)"
    )
    assert tuple(row or ()) == seen[person]


WRITES = [
    ("UPDATE plants SET note = 'x' WHERE id = $1", "fern"),
    ("DELETE FROM plants WHERE id = $1", "fern"),
    ("DELETE FROM care_events WHERE id = $1", "watering"),
]
PLANS = [
    ("UPDATE care_intervals SET every = 9 WHERE plant_id = $1", "fern"),
    ("DELETE FROM care_intervals WHERE plant_id = $1", "fern"),
    ("UPDATE growth_measurements SET value = 9 WHERE plant_id = $1", "fern"),
]
LOGS = [
    "INSERT INTO care_events (plant_id, kind) VALUES ($1, 'water')",
    "INSERT INTO growth_measurements (plant_id, value) VALUES ($1, 1)",
]


@pytest.mark.parametrize(("sql", "what"), WRITES + PLANS)
async def test_one_writes_ones_own_and_nobody_elses(dba: asyncpg.Connection, sql: str, what: str) -> None:
    for person, rows in (("ben", 0), ("nobody", 0), ("ann", 1)):
        await act_as(dba, person)
        assert await affected(dba, sql, what) == rows


@pytest.mark.parametrize("sql", LOGS)
async def test_one_logs_care_of_ones_own_plants_and_in_ones_own_name(dba: asyncpg.Connection, sql: str) -> None:
    for person in ("ben", "nobody"):
        await act_as(dba, person)
        for plant in ("fern", "unknown"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with dba.transaction():
                    await affected(dba, sql, plant)
    await act_as(dba, "ann")
    by = await dba.fetchval(f"{sql} RETURNING user_id", NAMED["fern"])
    assert by == NAMED["ann"]


async def test_a_plant_made_by_the_service_is_the_callers(dba: asyncpg.Connection) -> None:
    make = "INSERT INTO plants (name, kind) VALUES ('x', 'fig') RETURNING user_id"
    await act_as(dba, "ben")
    assert await dba.fetchval(make) == NAMED["ben"]
    await act_as(dba, "nobody")
    with pytest.raises(asyncpg.PostgresError):
        async with dba.transaction():
            await dba.fetchval(make)


@pytest.mark.parametrize("table", TABLES)
async def test_nobody_who_is_no_role_of_ours_reads_a_table(dba: asyncpg.Connection, table: str) -> None:
    await dba.execute("CREATE ROLE homelog_test_stranger; SET LOCAL ROLE homelog_test_stranger")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with dba.transaction():
            await dba.fetch(f"SELECT FROM {table}")


# Undoing


async def test_undoing_in_psql_brings_back_what_was_too(dba: asyncpg.Connection) -> None:
    await dba.execute(
        "UPDATE plants SET moisture = 1, status = 'watered', last_water = '2026-01-02' WHERE name = 'Fern'"
    )
    await dba.execute(
        "INSERT INTO care_events"
        " (plant_id, kind, at, before_last_water, before_moisture, before_status, before_version)"
        " SELECT id, 'water', '2026-01-02', '2026-01-01', 0.25, 'resting', created_at FROM plants WHERE name = 'Fern'"
    )
    assert await affected(dba, "DELETE FROM care_events WHERE before_version IS NOT NULL") == 1
    row = await dba.fetchrow("SELECT last_water::date, moisture, status::text FROM plants WHERE name = 'Fern'")
    assert tuple(row or ()) == (date(2026, 1, 1), 0.25, "resting")


async def test_a_watering_that_keeps_nothing_of_before_brings_nothing_back(dba: asyncpg.Connection) -> None:
    before = await dba.fetchrow("SELECT p FROM plants AS p WHERE name = 'Fern'")
    assert await affected(dba, "DELETE FROM care_events WHERE id = $1", "watering") == 1
    assert await dba.fetchrow("SELECT p FROM plants AS p WHERE name = 'Fern'") == before


async def test_the_id_of_care_within_care_for_many_is_of_version_8_and_its_own(dba: asyncpg.Connection) -> None:
    first, second, third, none, again = (
        await dba.fetchrow(
            "SELECT homelog.care_id($1, $2), homelog.care_id($1, $3), homelog.care_id($2, $1),"
            " homelog.care_id(NULL, $1), homelog.care_id($1, $2)",
            *(NAMED[name] for name in ("ann", "ben", "fern")),
        )
        or [None] * 5
    )
    assert len({first, second, third}) == 3
    assert (none, again) == (None, first)
    assert {(UUID(str(each)).version, UUID(str(each)).variant) for each in (first, second, third)} == {
        (8, "specified in RFC 4122")
    }
