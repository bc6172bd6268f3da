"""Series: what a home used, by the calendar of its time zone."""

import csv
import random
from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.people import Household, Person

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
HOUR = timedelta(hours=1)


def said(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def rows(at: list[datetime], value: list[float]) -> list[dict[str, Any]]:
    return [{"timestamp": said(a), "value": v} for a, v in zip(at, value, strict=True)]


async def meter(person: Person, readings: list[dict[str, Any]], **fields: Any) -> str:
    source = await person.source(**{"kind": "counter", **fields})
    stored = await person.post(f"/v1/sources/{source['id']}/readings", readings)
    assert stored.json()["created"] == len(readings), stored.text
    return f"/v1/sources/{source['id']}/series"


async def buckets(person: Person, path: str, **query: Any) -> list[dict[str, Any]]:
    response = await person.get(path, params=query)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


async def test_a_counters_months_are_the_homes_own(home: Household) -> None:
    ann = await home.person("ann")
    place = await ann.home(timezone="Europe/Copenhagen")
    begin = datetime(2019, 1, 1, tzinfo=COPENHAGEN).astimezone(UTC)
    at = [begin + HOUR * n for n in range(24 * 90 - 1)]
    path = await meter(ann, rows(at, [float(n) for n in range(len(at))]), home_id=place["id"])
    response = (await ann.get(path, params={"bucket": "month"})).json()
    assert (response["tz"], response["kind"], response["unit"]) == ("Europe/Copenhagen", "counter", "kWh")
    starts = [item["start"] for item in response["items"]]
    assert starts == ["2018-12-31T23:00:00Z", "2019-01-31T23:00:00Z", "2019-02-28T23:00:00Z"]
    january = response["items"][0]
    assert january["consumption"] == 31 * 24
    assert (january["count"], january["min"], january["max"]) == (744, 0, 743)
    assert (january["first"], january["last"], january["sum"], january["avg"]) == (0, 743, None, 371.5)
    assert january["coverage"] == 1
    utc = await buckets(ann, path, bucket="month", tz="UTC")
    assert utc[1]["start"] == "2019-01-01T00:00:00Z"
    assert sum(item["consumption"] for item in utc) == pytest.approx(len(at) - 1)


@pytest.mark.parametrize(("day", "length"), [(date(2024, 3, 31), 23), (date(2024, 10, 27), 25), (date(2024, 7, 1), 24)])
async def test_days_are_as_long_as_the_clock_makes_them(home: Household, day: date, length: int) -> None:
    ann = await home.person("ann")
    begin = datetime(day.year, day.month, day.day, tzinfo=COPENHAGEN) - 24 * HOUR
    at = [begin.astimezone(UTC) + HOUR * n for n in range(24 * 4)]
    path = await meter(ann, rows(at, [float(n) for n in range(len(at))]))
    query = {"tz": "Europe/Copenhagen", "from": str(day), "to": str(day + timedelta(days=1))}
    (item,) = await buckets(ann, path, bucket="day", **query)
    assert (item["consumption"], item["count"]) == (length, length)
    hours = await buckets(ann, path, bucket="hour", **query)
    assert len(hours) == length
    assert [item["consumption"] for item in hours] == [1] * length
    assert all(before["end"] == after["start"] for before, after in pairwise(hours))


async def test_a_hand_read_meter_is_spread_over_the_days_between(home: Household) -> None:
    ann = await home.person("ann")
    at = [datetime(2024, 1, 1, 12, tzinfo=UTC), datetime(2024, 1, 11, 12, tzinfo=UTC)]
    path = await meter(ann, rows(at, [100.0, 200.0]))
    items = await buckets(ann, path, bucket="day", tz="UTC")
    assert len(items) == 11
    assert [item["consumption"] for item in items] == pytest.approx([5, *[10] * 9, 5])
    assert [item["count"] for item in items] == [1, *[0] * 9, 1]
    assert items[0]["coverage"] == 0.5
    middle = await buckets(ann, path, bucket="day", **{"from": "2024-01-05", "to": "2024-01-06", "tz": "UTC"})
    assert middle[0]["consumption"] == pytest.approx(10)


async def test_bad_readings_do_not_count(home: Household) -> None:
    ann = await home.person("ann")
    at = [datetime(2024, 1, 1, hour, tzinfo=UTC) for hour in range(3)]
    some = rows(at, [1.0, 999.0, 3.0])
    some[1]["quality_flag"] = "bad"
    path = await meter(ann, some)
    (item,) = await buckets(ann, path, bucket="day", tz="UTC")
    assert (item["count"], item["max"], item["consumption"]) == (2, 3, 2)


async def test_gauges_have_no_consumption_and_deltas_are_sums(home: Household) -> None:
    ann = await home.person("ann")
    at = [datetime(2024, 1, 1, hour, tzinfo=UTC) for hour in range(3)]
    gauge = await buckets(ann, await meter(ann, rows(at, [1, 2, 6]), kind="gauge"), bucket="day")
    assert (gauge[0]["sum"], gauge[0]["consumption"], gauge[0]["avg"]) == (9, None, 3)
    delta = await buckets(ann, await meter(ann, rows(at, [1, 2, 6]), kind="delta"), bucket="day")
    assert (delta[0]["sum"], delta[0]["consumption"]) == (9, 9)


async def test_empty_buckets_are_left_out_unless_filled(home: Household) -> None:
    ann = await home.person("ann")
    at = [datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 4, tzinfo=UTC)]
    path = await meter(ann, rows(at, [1, 2]), kind="gauge")
    assert len(await buckets(ann, path, bucket="day")) == 2
    filled = await buckets(ann, path, bucket="day", fill="null")
    assert [item["count"] for item in filled] == [1, 0, 0, 1]
    assert filled[1]["avg"] is None
    far = await buckets(ann, path, bucket="year", fill="null", **{"from": "2030-01-01", "to": "2032-01-01"})
    assert [(item["count"], item["coverage"]) for item in far] == [(0, 0), (0, 0)]


async def test_a_source_without_readings_has_no_buckets(home: Household) -> None:
    ann = await home.person("ann")
    path = await meter(ann, [])
    assert await buckets(ann, path, bucket="day") == []
    assert len(await buckets(ann, path, bucket="day", fill="null", **{"from": "2024-01-01", "to": "2024-01-03"})) == 2


async def test_auto_takes_a_bucket_that_can_be_drawn(home: Household) -> None:
    ann = await home.person("ann")
    at = [datetime(2024, 1, 1, tzinfo=UTC) + HOUR * n for n in range(24 * 60)]
    path = await meter(ann, rows(at, [1.0] * len(at)), kind="gauge")
    assert (await ann.get(path)).json()["bucket"] == "day"
    assert (await ann.get(path, params={"from": "2024-01-02", "to": "2024-01-03"})).json()["bucket"] == "5m"


@pytest.mark.parametrize(
    ("query", "status", "name"),
    [
        ({"bucket": "decade"}, 422, "invalid"),
        ({"tz": "FOO3"}, 422, "invalid"),
        ({"tz": "europe/copenhagen"}, 422, "invalid"),
        ({"from": "yesterday"}, 400, "unreadable"),
        ({"from": "2024-13-01"}, 400, "unreadable"),
        ({"from": "2024-01-01T00:00:00"}, 400, "unreadable"),
        ({"from": "1970-01-01", "to": "2999-12-31", "bucket": "5m"}, 422, "too_many_points"),
        ({"from": "1970-01-01", "to": "9999-12-31"}, 422, "invalid"),
        ({"fill": "zero"}, 422, "invalid"),
    ],
)
async def test_a_bad_question_is_told(home: Household, query: dict[str, str], status: int, name: str) -> None:
    ann = await home.person("ann")
    path = await meter(ann, rows([datetime(2024, 1, 1, tzinfo=UTC)], [1.0]))
    response = await ann.get(path, params=query)
    assert (response.status_code, response.json()["type"]) == (status, f"/errors/{name}")


@pytest.mark.parametrize("name", ["from", "to"])
@pytest.mark.parametrize(
    "value",
    [
        "0001-01-01",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "1899-12-31T23:59:59.999999Z",
        "3000-01-01",
        "9999-12-31T23:59:59-23:59",
    ],
)
async def test_an_end_beyond_the_calendar_is_told_by_its_name(home: Household, name: str, value: str) -> None:
    ann = await home.person("ann")
    response = await ann.get(await meter(ann, []), params={name: value})
    assert (response.status_code, response.json()["type"]) == (422, "/errors/invalid")
    assert [error["pointer"] for error in response.json()["errors"]] == [f"?{name}"]


@pytest.mark.parametrize("bucket", ["year", "month"])
async def test_a_range_reaches_up_to_the_end_of_the_calendar_in_any_zone(home: Household, bucket: str) -> None:
    ann = await home.person("ann")
    path = await meter(ann, [])
    ends = {"from": "1900-01-01T00:00:00+23:59", "to": "2999-12-31T23:59:59.999999-23:59"}
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"):
        items = await buckets(ann, path, bucket=bucket, tz=zone, fill="null", **ends)
        assert len(items) in range(1100 if bucket == "year" else 13_200, 13_203), zone


async def test_too_many_points_are_counted(home: Household) -> None:
    ann = await home.person("ann")
    path = await meter(ann, [])
    query = {"from": "2020-01-01T00:00:00Z", "to": "2021-01-01T00:00:00Z", "bucket": "5m"}
    detail = (await ann.get(path, params=query)).json()["detail"]
    assert str(366 * 24 * 12) in detail


async def test_whoever_was_granted_a_source_counts_by_its_homes_days(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    place = await ann.home(timezone="Asia/Kathmandu")
    source = await ann.source(home_id=place["id"], kind="counter")
    await ann.grant(source, bob)
    await ann.post(f"/v1/sources/{source['id']}/readings", rows([datetime(2024, 1, 1, tzinfo=UTC)], [1.0]))
    response = (await bob.get(f"/v1/sources/{source['id']}/series", params={"bucket": "day"})).json()
    assert response["tz"] == "Asia/Kathmandu"
    assert response["items"][0]["start"] == "2023-12-31T18:15:00Z"


ZONES = [
    "UTC", "Europe/Copenhagen", "America/New_York", "America/St_Johns", "Asia/Kathmandu", "Asia/Kolkata",
    "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Chatham", "America/Sao_Paulo", "Africa/Cairo", "Asia/Tehran",
    "Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Dublin", "Asia/Beirut", "America/Havana", "Asia/Tokyo",
    "Australia/Adelaide", "Atlantic/Azores",
]  # fmt: skip


async def test_days_add_up_to_the_whole_in_every_zone(home: Household) -> None:
    """Random readings with gaps across a year with both changes of the clock, bucket by bucket against an oracle."""
    ann = await home.person("ann")
    chance = random.Random(20_240_101)  # noqa: S311 - chance, not secrecy
    begin = datetime(2023, 9, 1, tzinfo=UTC)
    at = sorted({begin + timedelta(minutes=chance.randrange(60 * 24 * 400)) for _ in range(700)})
    total = 0.0
    values = [total := total + chance.random() for _ in at]
    path = await meter(ann, rows(at, values))
    for zone in ZONES:
        for bucket in ("day", "week", "month", "year"):
            items = await buckets(ann, path, bucket=bucket, tz=zone)
            whole = sum(item["consumption"] for item in items)
            assert whole == pytest.approx(values[-1] - values[0]), (zone, bucket)
            assert sum(item["count"] for item in items) == len(at)
            assert all(before["end"] == after["start"] for before, after in pairwise(items))
            for item in items:
                local = datetime.fromisoformat(item["start"]).astimezone(ZoneInfo(zone))
                # Where the clock skips midnight the day begins at the first instant after it.
                assert local.hour <= 1, (zone, bucket, local)
                if bucket == "month":
                    assert local.day == 1
                if bucket == "week":
                    assert local.isoweekday() == 1
        hours = await buckets(ann, path, bucket="hour", tz=zone, **{"from": "2024-03-01", "to": "2024-04-10"})
        assert all(datetime.fromisoformat(h["start"]).astimezone(ZoneInfo(zone)).minute == 0 for h in hours), zone


LONG_AGO = [
    ("Pacific/Kiritimati", datetime(1978, 3, 1, tzinfo=UTC)),  # at -10:40
    ("Pacific/Kiritimati", datetime(1979, 9, 1, tzinfo=UTC)),  # to -10:00 in October
    ("Africa/Monrovia", datetime(1971, 3, 1, tzinfo=UTC)),  # at -0:44:30
    ("Africa/Monrovia", datetime(1971, 12, 20, tzinfo=UTC)),  # to UTC in January
    ("Asia/Kathmandu", datetime(1985, 12, 20, tzinfo=UTC)),  # from +5:30 to +5:45 at new year
    ("America/Guyana", datetime(1975, 7, 1, tzinfo=UTC)),  # from -3:45 to -3:00 in August
]
STEP = timedelta(seconds=30)
"""Divides every offset since 1970, and so every local multiple of five minutes."""


def change_of_clock(zone: ZoneInfo, begin: datetime) -> datetime:
    """The day on which the clock is changed within 400 days, else the first."""
    days = [begin + timedelta(days=n) for n in range(400)]
    offsets = [day.astimezone(zone).utcoffset() for day in days]
    return next((day for day, (old, new) in zip(days, pairwise(offsets), strict=False) if old != new), begin)


def edges_of(zone: ZoneInfo, since: datetime, until: datetime, minutes: int) -> list[datetime]:
    """Where the local clock shows a multiple of so many minutes, from the last at `since` to the first at `until`."""
    begin = since.replace(minute=0, second=0) - 3 * HOUR
    grid = [begin + STEP * n for n in range((until - begin + 3 * HOUR) // STEP)]
    local = [(at, at.astimezone(zone)) for at in grid]
    edges = [at for at, shown in local if (shown.minute * 60 + shown.second) % (minutes * 60) == 0]
    return edges[bisect_right(edges, since) - 1 : bisect_left(edges, until) + 1]


async def test_hours_and_their_parts_are_those_of_the_local_clock_in_every_zone(home: Household) -> None:
    """Random readings around a change of the clock, and random ends of the range, bucket by bucket."""
    ann = await home.person("ann")
    chance = random.Random(19_780_101)  # noqa: S311 - chance, not secrecy
    for name, begin in [*((zone, datetime(2024, 1, 1, tzinfo=UTC)) for zone in ZONES), *LONG_AGO]:
        zone = ZoneInfo(name)
        since = change_of_clock(zone, begin) - STEP * chance.randrange(2000)
        until = since + timedelta(days=2) + STEP * chance.randrange(2000)
        at = sorted({since + STEP * chance.randrange(-100, (until - since) // STEP + 100) for _ in range(200)})
        path = await meter(ann, rows(at, [float(n) for n in range(len(at))]))
        inside = [a for a in at if since <= a < until]
        through = set()
        for bucket, minutes in {"5m": 5, "15m": 15, "hour": 60}.items():
            asked = {"bucket": bucket, "tz": name, "fill": "null", "from": said(since), "to": said(until)}
            items = await buckets(ann, path, **asked)
            edges = edges_of(zone, since, until, minutes)
            spans = [(datetime.fromisoformat(i["start"]), datetime.fromisoformat(i["end"])) for i in items]
            assert spans == list(pairwise(edges)), (name, begin, bucket)
            counts = [bisect_left(inside, end) - bisect_left(inside, start) for start, end in spans]
            assert [item["count"] for item in items] == counts, (name, begin, bucket)
            assert sum(counts) == len(inside)
            through.add(round(sum(item["consumption"] or 0 for item in items), 6))
        assert len(through) == 1, (name, begin)


async def test_hourly_readings_are_an_hour_each_where_the_offset_was_odd(home: Household) -> None:
    ann = await home.person("ann")
    at = [datetime(1978, 1, 1, tzinfo=UTC) + HOUR * n for n in range(48)]
    path = await meter(ann, rows(at, [1.0] * 48), kind="gauge")
    items = await buckets(ann, path, bucket="hour", tz="Pacific/Kiritimati")
    assert [item["count"] for item in items] == [1] * 48
    assert (items[0]["start"], items[-1]["end"]) == ("1977-12-31T23:40:00Z", "1978-01-02T23:40:00Z")


async def test_a_reading_between_two_midnights_of_one_night_is_in_a_day(home: Household) -> None:
    """St. John's set its clock back at 00:01: the day begins at the second midnight, the reading is before it."""
    ann = await home.person("ann")
    path = await meter(ann, rows([datetime(2010, 11, 7, 2, 30, 30, tzinfo=UTC)], [1.0]), kind="gauge")
    (item,) = await buckets(ann, path, bucket="day", tz="America/St_Johns")
    assert (item["start"], item["end"], item["count"]) == ("2010-11-06T02:30:00Z", "2010-11-07T03:30:00Z", 1)


async def test_a_real_meters_months_add_up(home: Household) -> None:
    """One week of shape, three years of arithmetic: the file of the heat meter, if it is there."""
    file = Path(__file__).parents[3] / "shared" / "data" / "heat_meter_660.csv"
    if not file.exists():
        pytest.skip("the readings of the real meter are not beside the project")
    ann = await home.person("ann")
    place = await ann.home(timezone="Europe/Copenhagen")
    source = await ann.source(kind="counter", home_id=place["id"])
    path = f"/v1/sources/{source['id']}"
    text = file.read_bytes()
    send = {"content": text, "headers": {"Content-Type": "text/csv"}}
    first = (await ann.post(f"{path}/readings?value_column=energy_kwh", **send)).json()
    assert (first["received"], first["created"], first["rejected"]) == (26_256, 26_256, 0)
    again = (await ann.post(f"{path}/readings?value_column=energy_kwh", **send)).json()
    assert (again["created"], again["duplicates"], again["results_truncated"]) == (0, 26_256, True)
    values = [float(row["energy_kwh"]) for row in csv.DictReader(text.decode().splitlines())]
    months = await buckets(ann, f"{path}/series", bucket="month")
    assert len(months) == 36
    assert sum(month["consumption"] for month in months) == pytest.approx(values[-1] - values[0], abs=1e-6)
    assert round(values[-1] - values[0], 1) == 51_627.2
    january = {"bucket": "month", "from": "2019-01-01", "to": "2019-02-01"}
    (local,) = await buckets(ann, f"{path}/series", **january)
    (utc,) = await buckets(ann, f"{path}/series", tz="UTC", **january)
    assert local["start"] == "2018-12-31T23:00:00Z"
    assert utc["start"] == "2019-01-01T00:00:00Z"
    assert local["consumption"] != utc["consumption"]
    by_time = {row["timestamp"]: float(row["energy_kwh"]) for row in csv.DictReader(text.decode().splitlines())}
    assert local["consumption"] == pytest.approx(by_time["2019-01-31T23:00:00Z"] - by_time["2018-12-31T23:00:00Z"])
    assert utc["consumption"] == pytest.approx(by_time["2019-02-01T00:00:00Z"] - by_time["2019-01-01T00:00:00Z"])
