"""A value is any finite number: a series over the largest ones answers, with null for what is no number."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from tests.people import Household, Person

MOST = 1.7976931348623157e308
NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)


async def meter(person: Person, kind: str, *values: float, step: timedelta = timedelta(hours=6)) -> str:
    """The id of a source with these values, one every six hours."""
    source = await person.source(kind=kind)
    rows = [{"timestamp": (NOON + n * step).isoformat(), "value": value} for n, value in enumerate(values)]
    response = await person.post(f"/v1/sources/{source['id']}/readings", rows)
    assert response.status_code == 200, response.text
    return str(source["id"])


async def days(person: Person, source: str, **query: str) -> list[Any]:
    response = await person.get(f"/v1/sources/{source}/series", params={"bucket": "day", "tz": "UTC", **query})
    assert response.status_code == 200, response.text
    return list(response.json()["items"])


@pytest.mark.parametrize("kind", ["gauge", "delta", "counter"])
async def test_what_is_no_number_is_null_and_the_rest_is_told(home: Household, kind: str) -> None:
    ann = await home.person("ann")
    steps = [timedelta(minutes=1), timedelta(hours=6), timedelta(days=1)]
    for values, step in product([[MOST, MOST], [-MOST, MOST], [MOST, -MOST], [1e308, 1], [0, -1e290]], steps):
        many = values * 10
        items = await days(ann, await meter(ann, kind, *many, step=step))
        assert sum(item["count"] for item in items) == len(many)
        assert {item["max"] for item in items} | {item["min"] for item in items} == set(values)
        assert (items[0]["first"], items[-1]["last"]) == (many[0], many[-1])
        for item in items:
            is_huge = max(abs(item["max"]), abs(item["min"])) >= 1e290
            assert (item["avg"] is None) == is_huge
            assert (item["sum"] is None) == (is_huge or kind == "counter")
            if kind != "counter":
                assert (item["consumption"] is None) == (is_huge or kind == "gauge")


async def test_days_without_such_a_value_are_told_as_ever(home: Household) -> None:
    ann = await home.person("ann")
    step = timedelta(hours=12)
    delta = await days(ann, await meter(ann, "delta", 1, 2, 3, MOST, MOST, 6, 7, step=step))
    assert [item["sum"] for item in delta] == [1, 5, None, 13]
    assert [item["avg"] for item in delta] == [1, 2.5, None, 6.5]
    counter = await days(ann, await meter(ann, "counter", 1, 2, 3, 4, MOST, 6, 7, 8, 9, step=step))
    assert [item["consumption"] for item in counter] == [1, 2, 2, 2, 1]  # at each midnight there is another


async def test_one_source_with_such_values_spoils_no_other(home: Household) -> None:
    ann = await home.person("ann")
    huge, usual = await meter(ann, "delta", MOST, MOST), await meter(ann, "delta", 1, 2)
    query = {"source_id": [huge, usual], "bucket": "day", "tz": "UTC"}
    first, second = (await ann.get("/v1/series", params=query)).json()["items"]
    assert [item["sum"] for item in first["items"]] == [None]
    assert [item["sum"] for item in second["items"]] == [3]


async def test_a_meter_event_with_such_a_value_leaves_the_time_before_it_alone(home: Household) -> None:
    ann = await home.person("ann")
    source = await meter(ann, "counter", *range(12), step=timedelta(hours=12))
    event = {"at": (NOON + timedelta(days=3)).isoformat(), "kind": "swap", "old_value": MOST, "new_value": -MOST}
    await ann.made(f"/v1/sources/{source}/meter-events", **event)
    flowed = [item["consumption"] for item in await days(ann, source)]
    assert flowed[:2] == [1, 2]
    assert None in flowed
    suggested = await ann.get(f"/v1/sources/{source}/meter-events/suggested")
    assert suggested.status_code == 200, suggested.text


async def test_suggestions_and_rules_take_such_values(home: Household) -> None:
    ann = await home.person("ann")
    values = [0, MOST, -MOST, 5, MOST, 3]
    source = await meter(ann, "counter", *values)
    suggested = await ann.get(f"/v1/sources/{source}/meter-events/suggested")
    assert suggested.status_code == 200, suggested.text
    for rule in ({"max_rate": 1e308}, {"non_decreasing": True}, {"max_value": MOST, "min_value": -MOST}):
        said = await ann.post(f"/v1/sources/{source}/validators/check", rule)
        assert said.status_code == 200, said.text
        await ann.made(f"/v1/sources/{source}/validators", action="flag", **rule)
    path = f"/v1/sources/{source}/readings"
    for n, value in enumerate((MOST, -MOST, MOST)):
        at = (NOON + timedelta(days=30, hours=n)).isoformat()
        assert (await ann.post(path, {"timestamp": at, "value": value})).status_code == 201
        at = (NOON + timedelta(days=60, hours=n)).isoformat()
        batch = [
            {"timestamp": at, "value": value},
            {"timestamp": (NOON + timedelta(days=90 + n)).isoformat(), "value": 1},
        ]
        assert (await ann.post(path, batch)).json()["created"] == 2
