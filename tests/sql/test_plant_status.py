"""A plant's status and due day at instants of the test's choosing: the database's answer is plain Python's."""

from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from service.embedded import EmbeddedPostgres
from tests.watering import Pot

ZONES = ["UTC", "Pacific/Kiritimati", "Pacific/Niue", "Pacific/Apia", "Europe/Copenhagen", "Australia/Lord_Howe"]
SENSOR = UUID(int=7)


class Case(NamedTuple):
    """A plant, where and when it is asked for."""

    pot: Pot
    zone: str
    at: datetime


@pytest.fixture(scope="module")
async def dba(server: EmbeddedPostgres, template: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the template: nothing is written, plants are made of JSON."""
    name = "homelog_plant_status"
    admin = await asyncpg.connect(server.url(server.superuser, "postgres"))
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    connection = await asyncpg.connect(server.url(server.superuser, name))
    yield connection
    await connection.close()
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


async def say(dba: asyncpg.Connection, cases: list[Case]) -> list[tuple[str, date | None, str | None]]:
    """What the database says of all of them, in one trip."""
    rows = await dba.fetch(
        "SELECT s.status::text, s.due_on, s.sensor::text"
        " FROM unnest($1::jsonb[], $2::text[], $3::timestamptz[]) WITH ORDINALITY AS c (pot, zone, at, place)"
        " CROSS JOIN LATERAL jsonb_populate_record(NULL::plants, c.pot) AS p"
        " CROSS JOIN LATERAL homelog.shown_plant(p, c.zone, c.at) AS s ORDER BY c.place",
        [msgspec.json.encode({**asdict(case.pot), "growth": []}).decode() for case in cases],
        [case.zone for case in cases],
        [case.at for case in cases],
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def assert_as_expected(dba: asyncpg.Connection, cases: list[Case]) -> None:
    told = await say(dba, cases)
    wrong = [
        (case, said, case.pot.shown(case.zone, case.at))
        for case, said in zip(cases, told, strict=True)
        if said != case.pot.shown(case.zone, case.at)
    ]
    assert wrong == []


def edges(day: date, zone: str) -> list[datetime]:
    """The first and the last microsecond of a local day."""
    first, following = (
        datetime(each.year, each.month, each.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        for each in (day, day + timedelta(1))
    )
    return [first, following - timedelta(microseconds=1)]


NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
TODAY = NOON.date()


def watered(days_ago: int, **others: object) -> Pot:
    return replace(Pot(last_water=NOON - timedelta(days_ago)), **others)  # type: ignore[arg-type]


def days(count: int) -> date:
    return TODAY + timedelta(count)


# Both of Copenhagen's changes of 2026, Lord Howe's half hours, a leap day, New Year.
DAYS = [date(2026, 3, 29), date(2026, 3, 30), date(2026, 10, 25), date(2026, 4, 5), date(2026, 10, 4),
        date(2024, 2, 29), date(2025, 1, 1)]  # fmt: skip


@pytest.mark.parametrize("zone", ZONES)
async def test_every_boundary_is_local_midnight(dba: asyncpg.Connection, zone: str) -> None:
    cases = []
    for day in DAYS:
        for since in range(9):
            for last_water in edges(day - timedelta(since), zone):
                pots = [
                    Pot(every=5, last_water=last_water),
                    Pot(every=5, last_water=last_water, snoozed_until=day),
                    Pot(every=5, last_water=last_water, snoozed_until=day + timedelta(1)),
                    Pot(every=3, last_water=last_water, season_factor=2, season_from=day.month, season_to=day.month),
                    Pot(every=5, last_water=last_water, moisture_source_id=SENSOR),
                ]
                cases += [Case(pot, zone, at) for pot in pots for at in edges(day, zone)]
    await assert_as_expected(dba, cases)


async def test_the_days_that_samoa_left_out_count_as_its_calendar_does(dba: asyncpg.Connection) -> None:
    """Apia went from 29 December 2011 to the 31st: watered on the 29th, due two days on, is due then."""
    pot = Pot(every=2, last_water=datetime(2011, 12, 30, 0, 0, tzinfo=UTC))
    told = await say(dba, [Case(pot, "Pacific/Apia", datetime(2011, 12, 30, 12, tzinfo=UTC))])
    assert told == [("dry", date(2011, 12, 31), None)]


@pytest.mark.parametrize(
    ("last_water", "every", "factor", "months", "due"),
    [
        (date(2026, 10, 31), 7, 2, (11, 2), date(2026, 11, 7)),
        (date(2026, 11, 1), 7, 2, (11, 2), date(2026, 11, 15)),
        (date(2026, 12, 31), 7, 2, (11, 2), date(2027, 1, 14)),
        (date(2026, 2, 28), 7, 2, (11, 2), date(2026, 3, 14)),
        (date(2026, 3, 1), 7, 2, (11, 2), date(2026, 3, 8)),
        (date(2026, 6, 1), 7, 0.5, (5, 9), date(2026, 6, 5)),
        (date(2026, 6, 1), 5, 0.5, (6, 6), date(2026, 6, 4)),
        (date(2026, 6, 1), 15, 0.1, (1, 12), date(2026, 6, 3)),
        (date(2026, 6, 1), 1, 0.1, (1, 12), date(2026, 6, 2)),
        (date(2026, 6, 1), 5, 1.1, (6, 6), date(2026, 6, 7)),
        (date(2026, 6, 1), 365, 10, (6, 6), date(2036, 5, 29)),
    ],
)
async def test_the_month_of_the_watering_decides_the_season(
    dba: asyncpg.Connection, last_water: date, every: int, factor: float, months: tuple[int, int], due: date
) -> None:
    instant = datetime(last_water.year, last_water.month, last_water.day, 12, tzinfo=UTC)
    pot = Pot(every=every, last_water=instant, season_factor=factor, season_from=months[0], season_to=months[1])
    assert [said[1] for said in await say(dba, [Case(pot, "UTC", NOON)])] == [due]
    assert pot.shown("UTC", NOON)[1] == due


@pytest.mark.parametrize(
    ("pot", "status", "due"),
    [
        (watered(9, snoozed_until=days(-1)), "dry", days(-1)),
        (watered(9, snoozed_until=days(-5)), "dry", days(-2)),
        (watered(9, snoozed_until=days(0)), "dry", days(0)),
        (watered(9, snoozed_until=days(1)), "soon", days(1)),
        (watered(9, snoozed_until=days(30)), "soon", days(30)),
        (watered(6, snoozed_until=days(30)), "thriving", days(30)),
        (watered(6, snoozed_until=days(2)), "soon", days(2)),
        (watered(0, snoozed_until=days(30)), "watered", days(30)),
        (Pot(snoozed_until=days(3)), "thriving", days(3)),
        (Pot(status="dry", snoozed_until=days(3)), "dry", days(3)),
        (watered(9, status="resting", snoozed_until=days(3)), "resting", None),
    ],
)
async def test_what_was_put_off_is_not_due_before(
    dba: asyncpg.Connection, pot: Pot, status: str, due: date | None
) -> None:
    assert await say(dba, [Case(pot, "UTC", NOON)]) == [(status, due, None)]
    assert pot.shown("UTC", NOON) == (status, due, None)


FRESH: dict[str, Any] = {
    "moisture_source_id": SENSOR,
    "moisture_at": NOON - timedelta(hours=24) + timedelta(microseconds=1),
}
STALE: dict[str, Any] = {"moisture_source_id": SENSOR, "moisture_at": NOON - timedelta(hours=24)}


@pytest.mark.parametrize(
    ("pot", "shown"),
    [
        # The sensor rules while it is fresh, whatever the calendar says.
        (watered(30, **FRESH), ("thriving", None, "fresh")),
        (watered(1, **FRESH, dry_since=NOON), ("dry", days(0), "fresh")),
        (watered(9, **FRESH, dry_since=NOON - timedelta(3)), ("dry", days(-3), "fresh")),
        (Pot(**FRESH), ("thriving", None, "fresh")),
        (Pot(**FRESH, dry_since=NOON), ("dry", days(0), "fresh")),
        (Pot(status="dry", **FRESH), ("thriving", None, "fresh")),
        (watered(0, **FRESH), ("watered", None, "fresh")),
        (watered(0, **FRESH, dry_since=NOON), ("watered", days(1), "fresh")),
        (watered(9, **FRESH, dry_since=NOON, snoozed_until=days(4)), ("soon", days(4), "fresh")),
        (watered(9, **FRESH, snoozed_until=days(4)), ("thriving", None, "fresh")),
        (watered(9, status="resting", **FRESH, dry_since=NOON), ("resting", None, "fresh")),
        # A silent one says nothing: the calendar does, and never that all is well.
        (watered(9, **STALE), ("dry", days(-2), "unknown")),
        (watered(6, **STALE), ("soon", days(1), "unknown")),
        (watered(1, **STALE), ("unknown", days(6), "unknown")),
        (watered(0, **STALE), ("unknown", days(7), "unknown")),
        (watered(1, **STALE, dry_since=NOON - timedelta(1)), ("unknown", days(6), "unknown")),
        (Pot(**STALE), ("unknown", None, "unknown")),
        (Pot(status="watered", **STALE), ("unknown", None, "unknown")),
        (Pot(status="dry", **STALE), ("dry", None, "unknown")),
        (watered(1, status="resting", **STALE), ("resting", None, "unknown")),
        (watered(1, moisture_source_id=SENSOR), ("unknown", days(6), "unknown")),
        (watered(1, **STALE, stale_after_hours=25), ("thriving", None, "fresh")),
        (watered(1, **FRESH, stale_after_hours=1), ("unknown", days(6), "unknown")),
    ],
)
async def test_a_sensor_rules_while_it_is_fresh_and_is_never_fine_when_silent(
    dba: asyncpg.Connection, pot: Pot, shown: tuple[str, date | None, str | None]
) -> None:
    assert await say(dba, [Case(pot, "UTC", NOON)]) == [shown]
    assert pot.shown("UTC", NOON) == shown


def moments(first: int, last: int) -> st.SearchStrategy[datetime]:
    return st.datetimes(datetime(first, 1, 1), datetime(last, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


SPANS = st.timedeltas(timedelta(days=-1), timedelta(days=5)) | st.timedeltas(timedelta(), timedelta(days=800))


@st.composite
def any_case(draw: st.DrawFn) -> Case:
    at = draw(moments(2000, 2030))
    season = draw(st.none() | st.tuples(st.floats(0.1, 10).map(lambda f: round(f, 2)), *[st.integers(1, 12)] * 2))
    has_sensor = draw(st.booleans())
    pot = Pot(
        status=draw(st.sampled_from(["dry", "soon", "thriving", "watered", "resting"])),
        every=draw(st.integers(1, 365) | st.integers(1, 5)),
        last_water=draw(st.none() | SPANS.map(lambda span: at - span)),
        season_factor=season[0] if season else None,
        season_from=season[1] if season else None,
        season_to=season[2] if season else None,
        snoozed_until=draw(st.none() | st.integers(-5, 10).map(lambda n: at.date() + timedelta(n))),
        moisture_source_id=SENSOR if has_sensor else None,
        stale_after_hours=draw(st.sampled_from([1, 24, 8760])),
        moisture_at=draw(st.none() | SPANS.map(lambda span: at - span)) if has_sensor else None,
        dry_since=draw(st.none() | SPANS.map(lambda span: at - span)) if has_sensor else None,
    )
    return Case(pot, draw(st.sampled_from(ZONES)), at)


async def test_any_status_is_what_plain_python_says(dba: asyncpg.Connection) -> None:
    cases: list[Case] = []

    # Hypothesis makes the cases and cannot shrink them: they are asked together, which is one trip instead of 500.
    @settings(max_examples=500, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))
    @given(any_case())
    def collect(case: Case) -> None:
        cases.append(case)

    collect()
    assert len(cases) >= 500
    await assert_as_expected(dba, cases)


async def test_a_day_that_is_due_does_not_move_while_one_waits(dba: asyncpg.Connection) -> None:
    pot = watered(0, season_factor=3, season_from=6, season_to=6)
    cases = [Case(pot, "UTC", NOON + timedelta(day)) for day in range(60)]
    assert {due for _, due, _ in await say(dba, cases)} == {days(21)}
