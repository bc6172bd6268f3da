"""Series of counters that are swapped, roll over, are reset or fall without saying why; of many sources; as CSV."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.people import Household, Person

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)
MIDNIGHT = datetime(2025, 1, 1, tzinfo=UTC)
FIELDS = [
    "start", "end", "count", "min", "max", "avg", "sum", "first", "last", "consumption", "coverage", "estimated",
    "drops",
]  # fmt: skip


def said(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def every(step: timedelta, *values: float, begin: datetime = NOON) -> list[dict[str, Any]]:
    """Readings at even steps."""
    return [{"timestamp": said(begin + n * step), "value": value} for n, value in enumerate(values)]


def event(days: float, kind: str = "swap", old: float | None = None, new: float | None = None) -> dict[str, Any]:
    """A meter event so many days after the first noon."""
    return {"at": said(NOON + days * DAY), "kind": kind, "old_value": old, "new_value": new}


async def meter(person: Person, readings: list[dict[str, Any]], *events: dict[str, Any], **fields: Any) -> str:
    """The path of a source, by default a counter, with these readings and meter events."""
    source = await person.source(**{"kind": "counter", **fields})
    path = f"/v1/sources/{source['id']}"
    if readings:
        stored = await person.post(f"{path}/readings", readings)
        assert stored.json()["created"] == len(readings), stored.text
    for each in events:
        await person.made(f"{path}/meter-events", **each)
    return path


async def buckets(person: Person, path: str, bucket: str = "day", **query: Any) -> list[dict[str, Any]]:
    response = await person.get(f"{path}/series", params={"bucket": bucket, "tz": "UTC", **query})
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    assert all(list(item) == FIELDS for item in items)
    return items


def column(items: list[dict[str, Any]], name: str) -> list[Any]:
    return [item[name] for item in items]


# Consumption runs on across meter events. Readings are at noon, buckets begin at midnight.

RUNS_ON: dict[str, tuple[list[float], list[dict[str, Any]], list[float]]] = {
    "swapped, both values known": ([10, 20, 4, 14], [event(1.5, "swap", 26, 0)], [5, 5 + 6, 4 + 5, 5]),
    "rolled over": ([90, 98, 6, 14], [event(1.2, "rollover", 100, 0)], [4, 4 + 2 + 6 * 0.3 / 0.8, 3.75 + 4, 4]),
    "reset, as early as can be": ([10, 20, 4, 14], [event(1 + 1e-9, "reset", 20, 0)], [5, 5 + 2, 2 + 5, 5]),
    "neither value known": ([10, 20, 4, 14], [event(1.5)], [5, 5, 5, 5]),
    "the new value alone": ([10, 20, 4, 14], [event(1.5, "swap", None, 1)], [5, 5, 3 + 5, 5]),
    "the old value alone": ([10, 20, 4, 14], [event(1.5, "swap", 23)], [5, 5 + 3, 5, 5]),
    "twice between two readings": (
        [10, 20, 4, 14],
        [event(1.25, "swap", 22, 5), event(1.5, "reset", 8, 0)],
        [5, 5 + 2 + 3, 4 + 5, 5],
    ),
    "twice, nothing known": ([10, 20, 4, 14], [event(1.25), event(1.5)], [5, 5, 5, 5]),
    "twice, the second's value known": ([10, 20, 4, 14], [event(1.25), event(1.5, "swap", 9, 2)], [5, 5, 2 + 5, 5]),
    "twice, the first's value known": ([10, 20, 4, 14], [event(1.25, "swap", 21, 9), event(1.5)], [5, 5 + 1, 5, 5]),
    "at a reading, which is the new meter's": ([10, 20, 4, 14], [event(2, "swap", 30, 3)], [5, 10, 5 + 1 + 5, 5]),
    "at a reading, nothing known": ([10, 20, 4, 14], [event(2)], [5, 5, 5, 5]),
    "to a higher value": ([10, 20, 504, 514], [event(1.5, "swap", 22, 500)], [5, 5 + 2, 4 + 5, 5]),
    "before the first reading": ([10, 20, 30, 40], [event(-1, "swap", 900, 3)], [5, 10, 10, 5]),
    "at the first reading": ([10, 20, 30, 40], [event(0, "swap", 900, 3)], [5, 10, 10, 5]),
    "after the last reading": ([10, 20, 30, 40], [event(4, "swap", 41, 3)], [5, 10, 10, 5]),
}


@pytest.mark.parametrize("way", RUNS_ON)
async def test_consumption_runs_on_across_a_meter_event(home: Household, way: str) -> None:
    values, events, expected = RUNS_ON[way]
    ann = await home.person("ann")
    path = await meter(ann, every(DAY, *values), *events)
    items = await buckets(ann, path)
    assert column(items, "consumption") == pytest.approx(expected, abs=1e-3)
    assert column(items, "drops") == [0, 0, 0, 0]
    assert column(items, "first") == values
    (whole,) = await buckets(ann, path, "year")
    assert whole["consumption"] == pytest.approx(sum(expected), abs=1e-3)
    # A range between the readings on either side of the event sees it too.
    middle = await buckets(ann, path, **{"from": said(NOON + 1.1 * DAY), "to": said(NOON + 1.9 * DAY)})
    assert column(middle, "drops") == [0, 0]


async def test_an_event_in_an_hour_full_of_readings_counts_there(home: Household) -> None:
    ann = await home.person("ann")
    readings = every(HOUR / 20, *range(100, 140), *range(40), begin=MIDNIGHT)
    path = await meter(ann, readings, {"at": said(MIDNIGHT + 2 * HOUR), "kind": "swap", "old_value": 140})
    hours = await buckets(ann, path, "hour")
    assert column(hours, "consumption") == [20, 20, 20, 19]
    (day,) = await buckets(ann, path)
    assert (day["consumption"], day["drops"], day["count"]) == (79, 0, 80)


@pytest.mark.parametrize("at", ["2025-01-02T12:00:00Z", "2025-01-03T00:00:00Z", "2025-01-03T12:00:00Z"])
async def test_nothing_is_lost_or_drops_wherever_an_event_stands(home: Household, at: str) -> None:
    ann = await home.person("ann")
    begin = MIDNIGHT + DAY / 2
    path = await meter(
        ann,
        every(DAY / 2, 1, 2, 3, 4, 5, 6, begin=begin),
        {"at": at, "kind": "swap", "old_value": 10, "new_value": 0},
    )
    for bucket in ("hour", "day", "week", "month", "year"):
        items = await buckets(ann, path, bucket)
        assert sum(column(items, "consumption")) == pytest.approx(5 + 10), bucket


async def test_an_event_that_does_not_explain_its_drop_leaves_a_mark(home: Household) -> None:
    ann = await home.person("ann")
    path = await meter(ann, every(DAY, 10, 20, 4, 14), event(1.25, "swap", 26, 5))
    items = await buckets(ann, path)
    assert column(items, "drops") == [0, 1, 1, 0]
    assert sum(column(items, "consumption")) == pytest.approx(10 + 6 - 1 + 10)


# Drops without an event


async def test_a_drop_without_an_event_is_marked_in_each_bucket_it_touches(home: Household) -> None:
    ann = await home.person("ann")
    readings = [*every(DAY, 10, 20), *every(DAY, 5, 15, begin=NOON + 4 * DAY)]
    path = await meter(ann, readings)
    items = await buckets(ann, path)
    assert column(items, "drops") == [0, 1, 1, 1, 1, 0]
    assert column(items, "consumption") == pytest.approx([5, 5 - 2.5, -5, -5, -2.5 + 5, 5])
    (whole,) = await buckets(ann, path, "year")
    assert (whole["drops"], whole["consumption"]) == (1, 5)
    part = await buckets(ann, path, **{"from": "2025-01-03", "to": "2025-01-04"})
    assert column(part, "drops") == [1]
    assert column(part, "consumption") == pytest.approx([-5])


async def test_a_drop_that_ends_on_an_edge_is_marked_only_before_it(home: Household) -> None:
    ann = await home.person("ann")
    path = await meter(ann, every(DAY / 2, 10, 20, 5, 6, 7, begin=MIDNIGHT))
    items = await buckets(ann, path)
    assert column(items, "drops") == [1, 0, 0]
    assert column(items, "consumption") == [-5, 2, 0]


async def test_each_drop_counts_and_a_small_dip_is_one(home: Household) -> None:
    ann = await home.person("ann")
    path = await meter(ann, every(HOUR, 10, 9.999, 11, 10, 10, 12, begin=MIDNIGHT))
    (day,) = await buckets(ann, path)
    assert (day["drops"], day["consumption"]) == (2, 2)


async def test_drops_are_counted_in_and_between_hours_full_of_readings(home: Household) -> None:
    ann = await home.person("ann")
    values = [float(n) for n in range(80)]
    values[30] = 1  # within an hour
    values[60] = 2  # from one hour to the next
    path = await meter(ann, every(HOUR / 20, *values, begin=MIDNIGHT))
    assert column(await buckets(ann, path, "hour"), "drops") == [0, 1, 1, 0]
    assert column(await buckets(ann, path), "drops") == [2]


async def test_accepting_the_suggested_event_takes_the_mark_away(home: Household) -> None:
    ann = await home.person("ann")
    path = await meter(ann, every(DAY, 10, 20, 4, 14))
    assert column(await buckets(ann, path), "drops") == [0, 1, 1, 0]
    (suggested,) = (await ann.get(f"{path}/meter-events/suggested")).json()["items"]
    event = {name: suggested[name] for name in ("at", "kind", "old_value", "new_value")}
    made = await ann.made(f"{path}/meter-events", **event)
    items = await buckets(ann, path)
    assert column(items, "drops") == [0, 0, 0, 0]
    assert sum(column(items, "consumption")) == pytest.approx(24)
    await ann.delete(f"{path}/meter-events/{made['id']}")
    assert column(await buckets(ann, path), "drops") == [0, 1, 1, 0]


@pytest.mark.parametrize(("kind", "consumption"), [("gauge", None), ("delta", 34)])
async def test_only_counters_drop_or_are_estimated(home: Household, kind: str, consumption: float | None) -> None:
    ann = await home.person("ann")
    path = await meter(ann, every(HOUR, 20, 10, 4), kind=kind)
    (day,) = await buckets(ann, path)
    assert (day["drops"], day["estimated"], day["consumption"]) == (None, None, consumption)


async def test_bad_readings_do_not_drop(home: Household) -> None:
    ann = await home.person("ann")
    readings = every(HOUR, 10, 3, 12, 999, 14, begin=MIDNIGHT)
    readings[1]["quality_flag"] = readings[3]["quality_flag"] = "bad"
    path = await meter(ann, readings)
    (day,) = await buckets(ann, path)
    assert (day["drops"], day["consumption"], day["count"], day["estimated"]) == (0, 4, 3, 0)


# How much is estimated


async def test_nothing_is_estimated_where_readings_stand_on_the_edges(home: Household) -> None:
    ann = await home.person("ann")
    path = await meter(ann, every(DAY, 10, 20, 30, begin=MIDNIGHT))
    assert column(await buckets(ann, path), "estimated") == [0, 0, 0]


async def test_all_is_estimated_without_a_reading_and_the_share_between_else(home: Household) -> None:
    ann = await home.person("ann")
    # Noon, the third day's 06:00 and 18:00, and the fourth day's noon: the last half day is beyond what is known.
    at = [NOON, MIDNIGHT + 2.25 * DAY, MIDNIGHT + 2.75 * DAY, NOON + 3 * DAY]
    path = await meter(ann, [{"timestamp": said(a), "value": n} for n, a in enumerate(at)])
    assert column(await buckets(ann, path), "estimated") == pytest.approx([1, 1, 0.5, 1])
    filled = await buckets(ann, path, fill="null", to="2025-01-07")
    assert column(filled, "estimated")[4:] == [None, None]
    assert column(filled, "drops")[4:] == [0, 0]


async def test_a_range_that_cuts_a_bucket_is_estimated_by_what_is_left(home: Household) -> None:
    ann = await home.person("ann")
    path = await meter(ann, every(DAY / 4, 0, 1, 2, 3, 4, begin=MIDNIGHT))
    (day,) = await buckets(ann, path, **{"from": "2025-01-01T03:00:00Z", "to": "2025-01-01T15:00:00Z"})
    assert (day["consumption"], day["estimated"]) == (2, 0.5)


async def test_a_single_reading_is_not_estimated(home: Household) -> None:
    ann = await home.person("ann")
    (day,) = await buckets(ann, await meter(ann, every(DAY, 7)))
    assert (day["consumption"], day["coverage"], day["estimated"], day["drops"]) == (0, 0, 0, 0)


async def test_a_meter_that_is_read_every_month_is_spread_over_its_days(home: Household) -> None:
    ann = await home.person("ann")
    values = [100.0, 131.5, 160.25, 199.0, 260.75, 300.0]
    at = [datetime(2025, month, 3, 17, 30, tzinfo=UTC) for month in range(1, 7)]
    path = await meter(ann, [{"timestamp": said(a), "value": v} for a, v in zip(at, values, strict=True)])
    days = await buckets(ann, path, tz="Europe/Copenhagen")
    assert len(days) == (at[-1] - at[0]).days + 1
    assert sum(column(days, "consumption")) == pytest.approx(200, rel=1e-12)
    assert all(day["consumption"] > 0 for day in days)
    assert {day["estimated"] for day in days} == {1}
    assert sum(column(days, "count")) == 6


# Several sources


async def many(person: Person, paths: list[str], **query: Any) -> Any:
    ids = [path.rpartition("/")[2] for path in paths]
    response = await person.get("/v1/series", params={"source_id": ids, "bucket": "day", "tz": "UTC", **query})
    assert response.status_code == 200, response.text
    return response.json()["items"]


async def test_several_sources_are_answered_in_their_order_each_once(home: Household) -> None:
    ann = await home.person("ann")
    paths = [
        await meter(ann, every(DAY, 10, 20, 4), event(1.5, "swap", 26, 0)),
        await meter(ann, every(HOUR, 1, 2, 3), kind="gauge", unit="°C"),
        await meter(ann, [], kind="delta"),
    ]
    for asked in (paths, paths[::-1], [paths[1], paths[0], paths[1], paths[2], paths[0]]):
        once = list(dict.fromkeys(asked))
        alone = [(await ann.get(f"{path}/series", params={"bucket": "day", "tz": "UTC"})).json() for path in once]
        assert await many(ann, asked) == alone


async def test_each_source_counts_by_its_own_homes_days(home: Household) -> None:
    ann = await home.person("ann")
    zones = ["Asia/Kathmandu", "America/New_York"]
    paths = [await meter(ann, every(DAY, 1, 2), home_id=(await ann.home(timezone=zone))["id"]) for zone in zones]
    ids = [path.rpartition("/")[2] for path in paths]
    items = (await ann.get("/v1/series", params={"source_id": ids, "bucket": "day"})).json()["items"]
    assert [series["tz"] for series in items] == zones
    assert [series["items"][0]["start"][11:] for series in items] == ["18:15:00Z", "05:00:00Z"]


async def test_a_source_that_is_not_seen_hides_all(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    seen, hidden = await meter(ann, every(DAY, 1)), await meter(bob, every(DAY, 1))
    for other in (hidden.rpartition("/")[2], str(uuid4())):
        ids = [seen.rpartition("/")[2], other]
        response = await ann.get("/v1/series", params={"source_id": ids})
        assert (response.status_code, response.json()["type"]) == (404, "/errors/not_found")


@pytest.mark.parametrize("ids", [[], ["x"], [str(uuid4()) for _ in range(51)]], ids=["none", "no id", "51"])
async def test_one_to_fifty_sources_are_asked_for(home: Household, ids: list[str]) -> None:
    ann = await home.person("ann")
    response = await ann.get("/v1/series", params={"source_id": ids})
    assert response.status_code in {400, 422}, response.text
    assert response.headers["content-type"] == "application/problem+json"


async def test_the_points_of_all_sources_are_counted_together(home: Household) -> None:
    ann = await home.person("ann")
    ids = [(await meter(ann, [])).rpartition("/")[2] for _ in range(3)]
    query = {"bucket": "hour", "from": "2024-01-01", "to": "2025-01-01", "tz": "UTC"}
    assert (await ann.get("/v1/series", params={"source_id": ids[:2], **query})).status_code == 200
    response = await ann.get("/v1/series", params={"source_id": ids, **query})
    assert (response.status_code, response.json()["type"]) == (422, "/errors/too_many_points")
    assert str(3 * 366 * 24) in response.json()["detail"]


# Other forms


def read_csv(text: str) -> list[dict[str, Any]]:
    """The rows of a CSV, as JSON would have them."""
    whole = {"count", "drops"}
    said = {"source_id", "start", "end"}
    return [
        {
            name: None if cell == "" else cell if name in said else int(cell) if name in whole else float(cell)
            for name, cell in row.items()
        }
        for row in csv.DictReader(io.StringIO(text))
    ]


async def test_flat_rows_and_csv_say_what_the_nested_form_says(home: Household) -> None:
    ann = await home.person("ann")
    paths = [
        await meter(ann, every(DAY, 10, 20.1, 4), event(1.5, "swap", 26, 0)),
        await meter(ann, every(DAY, 1e-7, 1e300, 0.1), kind="gauge"),
    ]
    ids = [path.rpartition("/")[2] for path in paths]
    query = {"bucket": "day", "tz": "UTC", "fill": "null", "from": "2024-12-31", "to": "2025-01-06"}
    for path, asked in [(f"{paths[0]}/series", {}), ("/v1/series", {"source_id": ids})]:
        nested = (await ann.get(path, params={**query, **asked})).json()
        series = nested["items"] if asked else [nested]
        rows = [{"source_id": each["source_id"], **item} for each in series for item in each["items"]]
        flat = await ann.get(path, params={**query, **asked, "format": "flat"})
        flat_rows = [{name: value for name, value in row.items() if name != "unit"} for row in flat.json()["items"]]
        assert flat_rows == rows
        assert {row["unit"] for row in flat.json()["items"]} == {"kWh"}
        text = await ann.get(path, params={**query, **asked}, headers={"Accept": "text/csv"})
        assert text.headers["content-type"] == "text/csv; charset=utf-8"
        assert text.text.splitlines()[0] == ",".join(["source_id", *FIELDS])
        assert read_csv(text.text) == rows
        assert all(row["start"].endswith("T00:00:00Z") for row in read_csv(text.text))


async def test_a_form_that_is_none_is_told(home: Household) -> None:
    ann = await home.person("ann")
    response = await ann.get(f"{await meter(ann, [])}/series", params={"format": "wide"})
    assert (response.status_code, response.json()["type"]) == (422, "/errors/invalid")


async def test_auto_takes_a_bucket_that_all_sources_together_have_room_for(home: Household) -> None:
    ann = await home.person("ann")
    ids = [(await ann.source())["id"] for _ in range(42)]
    query = {"source_id": ids, "tz": "UTC", "from": "2025-01-01T00:00:00Z", "to": "2025-01-21T00:00:00Z"}
    answer = await ann.get("/v1/series", params={**query, "bucket": "hour"})
    assert (answer.status_code, answer.json()["type"]) == (422, "/errors/too_many_points")
    answer = await ann.get("/v1/series", params=query)
    assert (answer.status_code, {series["bucket"] for series in answer.json()["items"]}) == (200, {"day"})
