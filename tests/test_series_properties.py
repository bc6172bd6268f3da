"""Whatever a source shows, in whatever zone: a series is what plain arithmetic makes of the raw readings.

The arithmetic here knows no SQL, no hours that are summed up and no zone but those of Python.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from math import isclose
from random import Random
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.people import Household, Person

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)
GRID = timedelta(seconds=30)
"""Divides every offset since 1970, and so every local multiple of five minutes."""

ZONES = [
    "UTC", "Europe/Copenhagen", "Europe/London", "Europe/Dublin", "America/New_York", "America/St_Johns",
    "America/Sao_Paulo", "America/Havana", "America/Caracas", "Africa/Monrovia", "Africa/Cairo", "Africa/Casablanca",
    "Asia/Kathmandu", "Asia/Kolkata", "Asia/Tehran", "Asia/Beirut", "Asia/Pyongyang", "Australia/Lord_Howe",
    "Australia/Adelaide", "Pacific/Apia", "Pacific/Chatham", "Pacific/Kiritimati", "Pacific/Pago_Pago",
    "Atlantic/Azores",
]  # fmt: skip
ERAS = [
    datetime(2023, 9, 1, tzinfo=UTC),
    datetime(2011, 9, 1, tzinfo=UTC),  # Apia leaves out the last Friday of the year, St. John's changes at 00:01
    datetime(1971, 5, 1, tzinfo=UTC),  # Monrovia is at -0:44:30 until January
    datetime(1979, 3, 1, tzinfo=UTC),  # Kiritimati is at -10:40 until October
]
PARTS = {"5m": 5, "15m": 15, "hour": 60}

Readings = list[tuple[datetime, float]]
Events = list[tuple[datetime, float | None, float | None]]

# Sources


@st.composite
def sources(draw: st.DrawFn, span: timedelta, *, counts_up: bool = False) -> tuple[list[Any], list[Any], list[Any]]:
    """Readings that count, readings that are bad, and meter events: dense stretches, sparse ones and gaps.

    Some readings and events stand at one time, at full hours, or before and after all others.
    """
    chance = draw(st.randoms(use_true_random=True))
    at: set[timedelta] = set()
    for _ in range(chance.randrange(1, 6)):
        begin = chance.random() * span
        match chance.choice(["minutes", "quarters", "daily", "few"]):
            case "minutes":
                at |= {begin + n * 20 * SECOND for n in range(chance.randrange(1, 300))}
            case "quarters":
                at |= {timedelta(minutes=15) * (begin // timedelta(minutes=15) + n) for n in range(100)}
            case "daily":
                at |= {begin + n * 24 * HOUR for n in range(10)}
            case _:
                at |= {HOUR * chance.randrange(span // HOUR) for _ in range(chance.randrange(1, 5))}
    times = sorted({SECOND * (each // SECOND) for each in at if each < span})[:900]
    readings: list[Any] = []
    bad: list[Any] = []
    events: list[Any] = []
    value = chance.uniform(0, 1000)
    # In some sources whole hours are without a swap, as they are summed up; and where there is one, another is likely.
    usual = swapped = chance.choice([0.001, 0.02, 0.05])
    for time in times:
        happens = chance.random()
        before = value
        is_swap = happens < swapped
        if is_swap:
            value = chance.uniform(0, 10)
            if counts_up or chance.random() < 0.7:
                old = before + chance.choice([0, chance.uniform(0, 5)])
                new = value - chance.choice([0, chance.uniform(0, value)])
                earlier = readings[-1][0] if readings else timedelta(0)
                when = chance.choice([time, earlier + SECOND, earlier + (time - earlier) * chance.random()])
                # Of one instant nobody says two values.
                when = max(when, earlier + MICROSECOND)
                new = value if when == time else new
                events.append((when, chance.choice([None, old]), chance.choice([None, new])))
        elif happens < swapped + 0.02:
            bad.append((time, -1e6))
            continue
        elif happens < swapped + 0.03 and not counts_up:
            value -= chance.uniform(0, 1)
        else:
            value += chance.choice([0, chance.uniform(0, 3)])
        swapped = 0.7 if is_swap else usual
        readings.append((time, value))
    if not counts_up:
        events += [(chance.random() * span, chance.choice([None, 5.0]), chance.choice([None, 2.0])) for _ in range(2)]
    apart = {MICROSECOND * (when // MICROSECOND): values for when, *values in events}
    return readings, bad, sorted((when, *values) for when, values in apart.items())


def placed(begin: datetime, drawn: Any) -> Any:
    return [[(begin + at, *rest) for at, *rest in part] for part in drawn]


def said(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


async def stored(
    person: Person, kind: str, readings: Readings, bad: Readings, events: Events, zone: str | None = None
) -> str:
    """The path of the source that has them, in a home in that zone."""
    home = {} if zone is None else {"home_id": (await person.home(timezone=zone))["id"]}
    source = await person.source(kind=kind, **home)
    path = f"/v1/sources/{source['id']}"
    rows = [{"timestamp": said(at), "value": value} for at, value in readings]
    rows += [{"timestamp": said(at), "value": value, "quality_flag": "bad"} for at, value in bad]
    if rows:
        response = await person.post(f"{path}/readings", rows)
        assert response.json()["created"] == len(rows), response.text
    if kind == "counter":
        for at, old, new in events:
            await person.made(f"{path}/meter-events", at=said(at), kind="swap", old_value=old, new_value=new)
    return f"{path}/series"


async def buckets(person: Person, path: str, **query: Any) -> list[dict[str, Any]]:
    response = await person.get(path, params=query)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


def some(strategy: Any, count: int) -> list[Any]:
    """So many cases; Hypothesis makes them and cannot shrink them through the service."""
    made: list[Any] = []

    @settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(case: Any) -> None:
        made.append(case)

    collect()
    return made


# Plain arithmetic


def resolved(readings: Readings, events: Events) -> list[tuple[datetime, float, float]]:
    """Events between the first and the last reading, with what they do not say taken from their neighbours."""
    times = [at for at, _ in readings]
    inside = [each for each in events if readings and times[0] < each[0] <= times[-1]]
    known = []
    for n, (at, old, new) in enumerate(inside):
        place = bisect_left(times, at)
        follows = n > 0 and inside[n - 1][0] > times[place - 1]
        leads = n + 1 < len(inside) and inside[n + 1][0] <= times[place]
        shown = (inside[n - 1][2] or 0) if follows else readings[place - 1][1]
        shows = (inside[n + 1][1] or 0) if leads else readings[place][1]
        known.append((at, shown if old is None else old, shows if new is None else new))
    return known


class Counter:
    """What went through a meter, as a line through its readings and events."""

    def __init__(self, readings: Readings, events: Events) -> None:
        knots = [(at, 0, old, new) for at, old, new in resolved(readings, events)]
        knots = sorted([*knots, *((at, 1, value, value) for at, value in readings)])
        self.drops = [(s, u) for (s, _, _, left), (u, _, found, _) in pairwise(knots) if found < left]
        self.at: list[datetime] = []
        self.flowed: list[float] = []
        self.afterwards: list[float] = []  # differs where an event and a reading stand at one time and disagree
        ahead = 0.0
        for at, _, old, new in knots:
            if not self.at or self.at[-1] != at:
                self.at.append(at)
                self.flowed.append(old + ahead)
                self.afterwards.append(0)
            self.afterwards[-1] = old + ahead
            ahead += old - new

    def flowed_by(self, at: datetime) -> float:
        n = bisect_left(self.at, at)
        if n == len(self.at):
            return self.afterwards[-1]
        if n == 0 or self.at[n] == at:
            return self.flowed[n]
        share = (at - self.at[n - 1]) / (self.at[n] - self.at[n - 1])
        return self.afterwards[n - 1] + (self.flowed[n] - self.afterwards[n - 1]) * share

    def estimated(self, since: datetime, until: datetime) -> float:
        """The share of what is known of a time in which no knot stands between an edge and the next one."""
        since, until = max(since, self.at[0]), min(until, self.at[-1])
        if until <= since:
            return 0
        inside = self.at[bisect_left(self.at, since) : bisect_right(self.at, until)]
        return 1 - (inside[-1] - inside[0]) / (until - since) if inside else 1

    def drops_in(self, since: datetime, until: datetime) -> int:
        return sum(since <= s < until if s == u else u > since and s < until for s, u in self.drops)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The second of two in a night; the first instant after, where the clock skips it."""
    local = datetime(day.year, day.month, day.day, tzinfo=zone)
    later = local.replace(fold=1)
    return max(local.astimezone(UTC), later.astimezone(UTC))


def beginnings(bucket: str, day: date) -> Iterator[date]:
    """The first days of buckets, from one well before a day."""
    day -= timedelta(days=800)
    day = {
        "day": day,
        "week": day - timedelta(days=day.weekday()),
        "month": day.replace(day=1),
        "year": day.replace(month=1, day=1),
    }[bucket]
    while True:
        yield day
        day += {"day": timedelta(1), "week": timedelta(7), "month": timedelta(32), "year": timedelta(367)}[bucket]
        day = day.replace(day=1) if bucket == "month" else day.replace(month=1, day=1) if bucket == "year" else day


def edges_of(bucket: str, zone: ZoneInfo, since: datetime, until: datetime) -> list[datetime]:
    """The edges of the buckets in which a range lies."""
    edges: list[datetime] = []
    if bucket in PARTS:
        begin = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - 3 * HOUR
        length = PARTS[bucket] * 60
        for n in range((until - begin + 3 * HOUR) // GRID):
            local = (begin + n * GRID).astimezone(zone)
            if (local.minute * 60 + local.second) % length == 0:
                edges.append(begin + n * GRID)
    else:
        for day in beginnings(bucket, since.date()):
            edges.append(midnight(day, zone))
            if edges[-1] > until + timedelta(days=2):
                break
    edges = sorted(set(edges))
    return edges[bisect_right(edges, since) - 1 : bisect_left(edges, until) + 1]


def series(
    kind: str, readings: Readings, events: Events, edges: list[datetime], since: datetime, until: datetime, fill: bool
) -> list[dict[str, Any]]:
    """What a series must say."""
    counter = Counter(readings, events) if kind == "counter" and readings else None
    items = []
    for start, end in pairwise(edges):
        cut, next_cut = max(start, since), min(end, until)
        values = [value for at, value in readings if cut <= at < next_cut]
        coverage = 0.0
        if readings:
            coverage = max(0.0, (min(end, readings[-1][0]) - max(start, readings[0][0])) / (end - start))
        known = counter is not None and (coverage > 0 or bool(values))
        if not (fill or values or known):
            continue
        item = {
            "start": said(start), "end": said(end), "count": len(values), "min": min(values, default=None),
            "max": max(values, default=None), "avg": sum(values) / len(values) if values else None,
            "sum": sum(values) if values and kind != "counter" else None, "first": values[0] if values else None,
            "last": values[-1] if values else None, "consumption": sum(values) if values and kind == "delta" else None,
            "coverage": coverage, "estimated": None, "drops": 0 if kind == "counter" else None,
        }  # fmt: skip
        if counter is not None:
            item["drops"] = counter.drops_in(cut, next_cut)
        if counter is not None and known:
            item["consumption"] = counter.flowed_by(next_cut) - counter.flowed_by(cut)
            item["estimated"] = counter.estimated(cut, next_cut)
        items.append(item)
    return items


def differing(item: dict[str, Any], other: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What two buckets do not say alike, but for rounding."""
    return {
        name: (value, other[name])
        for name, value in item.items()
        if value != other[name]
        and (None in {value, other[name]} or not isclose(value, other[name], rel_tol=1e-9, abs_tol=1e-6))
    }


# What holds


async def test_days_and_months_add_up_to_what_went_through_in_every_zone(home: Household) -> None:
    ann = await home.person("ann")
    for begin, drawn in some(st.tuples(st.sampled_from(ERAS), sources(timedelta(days=400), counts_up=True)), 4):
        readings, bad, events = placed(begin, drawn)
        if not readings:
            continue
        path = await stored(ann, "counter", readings, bad, events)
        whole = readings[-1][1] - readings[0][1] + sum(old - new for _, old, new in resolved(readings, events))
        for zone in ZONES:
            for bucket in ("day", "month"):
                items = await buckets(ann, path, bucket=bucket, tz=zone)
                flowed = sum(item["consumption"] for item in items)
                assert flowed == pytest.approx(whole, rel=1e-9, abs=1e-7), (begin, zone, bucket)
                assert sum(item["count"] for item in items) == len(readings), (begin, zone, bucket)
                assert all(item["end"] == after["start"] for item, after in pairwise(items)), (begin, zone, bucket)


def change_of_clock(zone: ZoneInfo, begin: datetime) -> datetime:
    """The day before the clock is changed within 400 days, else the first."""
    days = [begin + timedelta(days=n) for n in range(400)]
    offsets = [day.astimezone(zone).utcoffset() for day in days]
    return next((day for day, (old, new) in zip(days, pairwise(offsets), strict=False) if old != new), begin)


KINDS = st.sampled_from(["counter", "counter", "counter", "gauge", "delta"])
LENGTHS = {"5m": 1, "15m": 2, "hour": 4, "day": 20, "week": 60, "month": 200, "year": 800}
"""How many days the readings of a source are spread over, of which a series by that bucket is asked for."""


@st.composite
def questions(draw: st.DrawFn) -> Any:
    bucket = draw(st.sampled_from(list(LENGTHS)))
    span = timedelta(days=LENGTHS[bucket])
    ends = st.none() | st.floats(-0.2, 1.2).map(lambda share: SECOND * (share * span // SECOND))
    drawn = draw(sources(span))
    return (draw(KINDS), bucket, draw(st.sampled_from(ZONES)), draw(st.sampled_from(ERAS)), drawn,
            (draw(ends), draw(ends)), draw(st.booleans()))  # fmt: skip


async def test_a_series_is_what_plain_arithmetic_makes_of_the_readings(home: Household) -> None:
    ann = await home.person("ann")
    for kind, bucket, name, era, drawn, ends, fill in some(questions(), 150):
        zone = ZoneInfo(name)
        begin = change_of_clock(zone, era) - timedelta(days=LENGTHS[bucket]) / 2
        readings, bad, events = placed(begin, drawn)
        path = await stored(ann, kind, readings, bad, events, name if fill else None)
        asked = {end: begin + at for end, at in zip(("from", "to"), ends, strict=True) if at is not None}
        query = {"bucket": bucket, "tz": name, "fill": "null" if fill else "none"}
        items = await buckets(ann, path, **query, **{end: said(at) for end, at in asked.items()})
        span = {"from": readings[0][0], "to": readings[-1][0] + MICROSECOND} if readings else {}
        since, until = ({**span, **asked}.get(end) for end in ("from", "to"))
        expected = []
        if since and until and since < until:
            expected = series(kind, readings, events, edges_of(bucket, zone, since, until), since, until, fill)
        case = (kind, query, path)
        assert [item["start"] for item in items] == [item["start"] for item in expected], case
        for item, other in zip(items, expected, strict=True):
            assert differing(item, other) == {}, (case, item)


# Days that are summed up


@st.composite
def full_days(draw: st.DrawFn) -> Any:
    """A week and a half with readings at all times, but for a hole perhaps, which fall and are bad now and then.

    Some stand on midnights. Falls and meter events come across midnights as often as anywhere else; an event is at the
    time of a reading or between two.
    """
    # Hypothesis' own numbers are mostly small ones: all events would come on the first day.
    chance = Random(draw(st.integers(0, 1 << 32)))  # noqa: S311 - for no secret
    step = timedelta(minutes=chance.choice([15, 20, 45, 60, 101]))
    begin = timedelta(minutes=chance.choice([0, 0, chance.randrange(300)]))
    hole = [chance.random() * 11 * 24 * HOUR for _ in range(chance.randrange(2))]
    readings: list[Any] = []
    bad: list[Any] = []
    events: list[Any] = []
    value = chance.uniform(0, 1000)
    for n in range((11 * 24 * HOUR - begin) // step):
        time = begin + n * step
        if any(each <= time < each + 30 * HOUR for each in hole):
            continue
        happens = chance.random()
        overnight = (time - step) // (24 * HOUR) < time // (24 * HOUR)
        if happens > 0.98:
            bad.append((time, -1e6))
            continue
        if happens < (0.2 if overnight else 0.005) and len(events) < 4 and readings:
            before, value = value, chance.uniform(0, 10)
            when = chance.choice([time, readings[-1][0] + SECOND * (step // SECOND) * chance.random()])
            when = max(MICROSECOND * (when // MICROSECOND), readings[-1][0] + MICROSECOND)
            events.append((when, chance.choice([None, before]), None if when == time else chance.choice([None, value])))
        falls = happens > (0.7 if overnight else 0.96)
        value += -chance.uniform(0, 1) if falls else chance.choice([0, chance.uniform(0, 3)])
        readings.append((time, value))
    return readings, bad, events


@st.composite
def questions_of_days(draw: st.DrawFn) -> Any:
    ends = st.none() | st.integers(0, 11 * 24).map(lambda n: n * HOUR) | st.integers(0, 11).map(lambda n: n * 24 * HOUR)
    home = draw(st.sampled_from(ZONES))
    # With some of their midnights in common, but on the day when one of them changes its clock.
    alike = st.sampled_from([("UTC", "Europe/London"), ("Europe/London", "UTC"), ("Europe/Dublin", "Europe/London")])
    zones = draw(st.one_of(st.just((home, home)), st.just((home, home)), st.just((home, "UTC")), alike))
    eras = st.sampled_from([*ERAS, datetime(2024, 2, 1, tzinfo=UTC)])  # when clocks are put forward next
    return (draw(KINDS), *zones, draw(eras), draw(full_days()), (draw(ends), draw(ends)),
            draw(st.booleans()))  # fmt: skip


async def test_days_that_are_summed_up_say_what_the_readings_say(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    summed = 0
    for kind, stands, name, era, drawn, ends, fill in some(questions_of_days(), 100):
        zone = ZoneInfo(name)
        change = max(change_of_clock(each, era) for each in (zone, ZoneInfo(stands)))
        begin = midnight((change - timedelta(days=5)).date(), ZoneInfo(stands))
        readings, bad, events = placed(begin, drawn)
        path = await stored(ann, kind, readings, bad, events, stands)
        asked = {end: begin + at for end, at in zip(("from", "to"), ends, strict=True) if at is not None}
        query = {"bucket": "day", "tz": name, "fill": "null" if fill else "none"}
        query |= {end: said(at) for end, at in asked.items()}
        span = {"from": readings[0][0], "to": readings[-1][0] + MICROSECOND}
        since, until = ({**span, **asked}[end] for end in ("from", "to"))
        edges = edges_of("day", zone, since, until) if since < until else []
        expected = series(kind, readings, events, edges, since, until, fill)
        items = await buckets(ann, path, **query)
        days = await dba.fetch("DELETE FROM reading_days RETURNING since, until")
        summed += len(set(pairwise(edges)) & {(day["since"], day["until"]) for day in days})
        apart = await buckets(ann, path, **query)
        case = (kind, stands, query, path)
        assert [item["start"] for item in items] == [item["start"] for item in expected], case
        for item, other, same in zip(items, expected, apart, strict=True):
            assert differing(item, other) == {}, (case, item)
            assert differing(item, same) == {}, (case, item)
    assert summed > 200


async def test_a_day_with_a_value_too_large_to_be_summed_up_is_like_others(home: Household) -> None:
    ann = await home.person("ann")
    begin = datetime(2025, 5, 1, tzinfo=UTC)
    readings = [(begin + n * HOUR, 1e290 if n == 30 else float(n)) for n in range(96)]
    path = await stored(ann, "gauge", readings, [], [])
    items = await buckets(ann, path, bucket="day")
    assert [(item["count"], item["max"]) for item in items] == [(24, 23), (24, 1e290), (24, 71), (24, 95)]


# Hours that are summed up

UNLIKE_THE_READINGS = """
WITH counted AS (
    SELECT source_id, date_trunc('hour', timestamp, 'UTC') AS hour, value, timestamp,
           lag(value) OVER (PARTITION BY source_id, date_trunc('hour', timestamp, 'UTC') ORDER BY timestamp) AS before
    FROM readings
    WHERE quality_flag <> 'bad'
),
hours AS (
    SELECT source_id, hour, count(*)::integer AS count, min(value) AS min, max(value) AS max,
           CASE WHEN max(abs(value)) < 1e290 THEN sum(value ORDER BY timestamp) END AS sum,
           min(timestamp) AS first_at, (array_agg(value ORDER BY timestamp))[1] AS first_value,
           max(timestamp) AS last_at, (array_agg(value ORDER BY timestamp DESC))[1] AS last_value,
           (count(*) FILTER (WHERE value < before))::integer AS drops
    FROM counted
    GROUP BY source_id, hour
    HAVING count(*) >= 10 AND max(abs(value)) < 1e290
)
SELECT coalesce(h.source_id, r.source_id) AS source_id, h, r
FROM hours AS h
FULL JOIN reading_hours AS r USING (source_id, hour)
WHERE (h.source_id, h.count, h.min, h.max, h.sum, h.first_at, h.first_value, h.last_at, h.last_value, h.drops)
    IS DISTINCT FROM
    (r.source_id, r.count, r.min, r.max, r.sum, r.first_at, r.first_value, r.last_at, r.last_value, r.drops)
"""

MOMENTS = st.integers(0, 59).map(lambda n: datetime(2025, 1, 1, n // 20, n % 20 * 3, tzinfo=UTC))
VALUES = st.one_of(st.floats(-1e3, 1e3), st.integers(0, 3).map(float), st.sampled_from([1e289, 1e290, -1e300]))
FLAGS = st.sampled_from(["good", "good", "good", "questionable", "estimated", "bad"])
ROWS = st.lists(st.tuples(MOMENTS, VALUES, FLAGS), min_size=1, max_size=25, unique_by=lambda row: row[0])
MANY = st.builds(
    lambda hour, value: [(datetime(2025, 1, 1, hour, n * 3, tzinfo=UTC), value + n * 0.1, "good") for n in range(12)],
    *(st.integers(0, 2), st.floats(0, 10)),
)
WRITES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["batch", "replace", "sql"]), MANY | MANY | ROWS),
        st.tuples(
            st.sampled_from(["log", "correct", "correct by sql", "move by sql", "delete", "delete by sql"]), ROWS
        ),
    ),
    min_size=4,
    max_size=10,
)


async def write(person: Person, dba: asyncpg.Connection, source: str, way: str, rows: Any) -> None:
    path = f"/v1/sources/{source}/readings"
    sent = [{"timestamp": said(at), "value": value, "quality_flag": flag} for at, value, flag in rows]
    stored = await dba.fetch("SELECT id, timestamp FROM readings WHERE source_id = $1 ORDER BY timestamp", source)
    at, value, flag = rows[0]
    nth = stored[at.minute % len(stored)] if stored else {"id": uuid4(), "timestamp": at}
    match way:
        case "batch":
            await person.post(path, sent)
        case "replace":
            await person.post(path, sent, params={"on_conflict": "replace"})
        case "log":
            for row in sent:
                await person.post(path, row)
        case "correct":
            await person.patch(f"{path}/{nth['id']}", {"value": value})
            await person.patch(f"{path}/{nth['id']}", {"quality_flag": flag})
        case "delete":
            await person.delete(f"{path}/{nth['id']}")
        case "sql":
            await dba.executemany(
                "INSERT INTO readings (source_id, timestamp, value, quality_flag) VALUES ($1, $2, $3, $4)"
                " ON CONFLICT (source_id, timestamp) DO UPDATE SET value = excluded.value",
                [(source, *row) for row in rows],
            )
        case "correct by sql":
            await dba.execute(
                "UPDATE readings SET value = $3, quality_flag = $4 WHERE source_id = $1 AND timestamp >= $2",
                *(source, at, value, flag),
            )
        case "move by sql":
            with suppress(asyncpg.UniqueViolationError):
                await dba.execute(
                    "UPDATE readings SET timestamp = timestamp + interval '31 minutes' WHERE source_id = $1", source
                )
        case _:
            await dba.execute(
                "DELETE FROM readings WHERE source_id = $1 AND timestamp BETWEEN $2 AND $3",
                *(source, at, at + HOUR / 4),
            )


async def test_hours_are_what_their_readings_say_after_any_writes(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    dense = 0
    for writes in some(WRITES, 60):
        source = (await ann.source(kind="counter"))["id"]
        for way, rows in writes:
            await write(ann, dba, source, way, rows)
            assert await dba.fetch(UNLIKE_THE_READINGS) == [], (way, rows)
            dense += await dba.fetchval("SELECT count(*) FROM reading_hours WHERE source_id = $1", source)
        await dba.execute("DELETE FROM data_sources WHERE id = $1", source)
        assert await dba.fetchval("SELECT count(*) FROM reading_hours") == 0
    assert dense > 100


# Days, likewise

UNLIKE_THE_READINGS_OF_DAYS = """
WITH counted AS (
    SELECT source_id, width_bucket(timestamp, $1::timestamptz[]) AS n, value, timestamp,
           lag(value) OVER (
               PARTITION BY source_id, width_bucket(timestamp, $1::timestamptz[]) ORDER BY timestamp
           ) AS before
    FROM readings
    WHERE quality_flag <> 'bad'
),
days AS (
    SELECT source_id, ($1::timestamptz[])[n] AS since, ($1::timestamptz[])[n + 1] AS until, count(*)::integer AS count,
           min(value) AS min, max(value) AS max,
           CASE WHEN max(abs(value)) < 1e290 THEN sum(value) END AS sum, max(abs(value)) AS largest,
           min(timestamp) AS first_at, (array_agg(value ORDER BY timestamp))[1] AS first_value,
           max(timestamp) AS last_at, (array_agg(value ORDER BY timestamp DESC))[1] AS last_value,
           (count(*) FILTER (WHERE value < before))::integer AS drops
    FROM counted
    GROUP BY source_id, n
    HAVING count(*) >= 10 AND max(abs(value)) < 1e290
)
SELECT coalesce(d.source_id, r.source_id) AS source_id, d, r
FROM days AS d
FULL JOIN reading_days AS r USING (source_id, since, until)
WHERE (d.source_id, d.count, d.min, d.max, d.first_at, d.first_value, d.last_at, d.last_value, d.drops)
    IS DISTINCT FROM
    (r.source_id, r.count, r.min, r.max, r.first_at, r.first_value, r.last_at, r.last_value, r.drops)
    OR abs(d.sum - r.sum) > d.count * d.largest * 1e-14
"""


async def test_days_are_what_their_readings_say_after_any_writes(home: Household, dba: asyncpg.Connection) -> None:
    """Written around a midnight, which may stand in the midst of an hour; some change of the clock is near."""
    ann = await home.person("ann")
    dense = 0
    cases = st.tuples(WRITES, st.sampled_from(ZONES), st.sampled_from(ERAS))
    for writes, name, era in some(cases, 60):
        zone = ZoneInfo(name)
        day = change_of_clock(zone, era).astimezone(zone).date()
        begin = midnight(day + timedelta(days=1), zone) - HOUR
        edges = sorted({midnight(day + timedelta(days=n), zone) for n in range(-3, 6)})
        moment = datetime(2025, 1, 1, tzinfo=UTC)
        house = (await ann.home(timezone=name))["id"]
        source = (await ann.source(kind="counter", home_id=house))["id"]
        for way, rows in writes:
            await write(ann, dba, source, way, [(begin + (at - moment), *rest) for at, *rest in rows])
            assert await dba.fetch(UNLIKE_THE_READINGS_OF_DAYS, edges) == [], (name, begin, way, rows)
            dense += await dba.fetchval("SELECT count(*) FROM reading_days WHERE source_id = $1", source)
        await dba.execute("DELETE FROM data_sources WHERE id = $1", source)
        assert await dba.fetchval("SELECT count(*) FROM reading_days") == 0
    assert dense > 100
