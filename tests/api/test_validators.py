"""Validators over HTTP: who makes rules, and what the rules make of what is logged."""

import asyncio
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.people import Household, Person

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


def at(hour: float) -> str:
    """An instant as the API says it."""
    return (BEGIN + timedelta(hours=hour)).isoformat().replace("+00:00", "Z")


def rows(values: list[float], start: float = 0, step: float = 1) -> list[dict[str, Any]]:
    return [{"timestamp": at(start + step * n), "value": value} for n, value in enumerate(values)]


class Meter:
    """A source of Ann's and its rules."""

    def __init__(self, person: Person, source: dict[str, Any]) -> None:
        self.person = person
        self.source = source
        self.path = f"/v1/sources/{source['id']}"

    async def log(self, body: Any, query: str = "") -> Any:
        return await self.person.post(f"{self.path}/readings{query}", body)

    async def statuses(self, body: Any, query: str = "?mode=partial") -> dict[int, tuple[str, str | None]]:
        """What became of the rows that were not simply created."""
        response = await self.log(body, query)
        assert response.status_code in {200, 422}, response.text
        return {row["index"]: (row["status"], row["rule"]) for row in response.json()["results"]}

    async def stored(self) -> list[tuple[str, float, str]]:
        items = (await self.person.get(f"{self.path}/readings?order=asc&limit=1000")).json()["items"]
        return [(item["timestamp"], item["value"], item["quality_flag"]) for item in items]

    async def values(self) -> list[float]:
        return [value for _, value, _ in await self.stored()]

    async def check(self, query: str = "", **rules: Any) -> Any:
        response = await self.person.post(f"{self.path}/validators/check{query}", rules)
        assert response.status_code == 200, response.text
        return response.json()


async def meter(person: Person, **rules: Any) -> Meter:
    made = Meter(person, await person.source(kind="counter"))
    if rules:
        await person.made(f"{made.path}/validators", **rules)
    return made


# Rules as objects


async def test_a_rule_is_made_read_changed_and_deleted(home: Household) -> None:
    ann = await home.person("ann")
    path = f"/v1/sources/{(await ann.source())['id']}/validators"
    response = await ann.post(path, {"min_value": 0, "max_rate": 2.5})
    made = response.json()
    assert response.status_code == 201, response.text
    assert list(made) == [
        "id", "source_id", "min_value", "max_value", "non_decreasing", "max_rate", "action", "created_at", "updated_at",
        "created_by",
    ]  # fmt: skip
    assert (made["min_value"], made["max_value"], made["non_decreasing"], made["max_rate"]) == (0, None, False, 2.5)
    assert (made["action"], made["created_by"]) == ("reject", ann.id)
    one = response.headers["location"]
    assert one == f"{path}/{made['id']}"
    read = await ann.get(one)
    assert read.json() == made
    assert (await ann.get(one, headers={"If-None-Match": read.headers["etag"]})).status_code == 304
    assert (await ann.get(path)).json() == {"items": [made], "next_cursor": None}

    changed = await ann.patch(one, {"max_rate": None, "action": "flag"}, headers={"If-Match": read.headers["etag"]})
    assert changed.status_code == 200, changed.text
    assert changed.json() == {**made, "max_rate": None, "action": "flag", "updated_at": changed.json()["updated_at"]}
    stale = {"If-Match": read.headers["etag"]}
    assert (await ann.patch(one, {"max_value": 1}, headers=stale)).status_code == 412
    assert (await ann.delete(one, headers=stale)).status_code == 412
    assert (await ann.delete(one)).status_code == 204
    assert (await ann.get(one)).status_code == 404
    assert (await ann.delete(one)).status_code == 404


async def test_a_rule_sent_twice_is_made_once(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    source = await ann.source()
    path = f"/v1/sources/{source['id']}/validators"
    rule = {"id": str(uuid4()), "min_value": 0, "action": "flag"}
    first, second = await ann.post(path, rule), await ann.post(path, rule)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert (await ann.post(path, {**rule, "min_value": 1})).status_code == 409
    await ann.grant(source, bob, "admin")
    assert (await bob.post(path, rule)).status_code == 409
    other = await bob.source()
    assert (await bob.post(f"/v1/sources/{other['id']}/validators", rule)).status_code == 201
    at_once = {"id": str(uuid4()), "max_value": 5}
    statuses = [each.status_code for each in await asyncio.gather(*(ann.post(path, at_once) for _ in range(8)))]
    assert sorted(statuses) == [200] * 7 + [201]


async def test_rules_are_listed_in_pages(home: Household) -> None:
    ann = await home.person("ann")
    path = f"/v1/sources/{(await ann.source())['id']}/validators"
    made = [(await ann.made(path, min_value=n))["id"] for n in range(5)]
    first = (await ann.get(f"{path}?limit=3")).json()
    rest = (await ann.get(f"{path}?limit=3&cursor={first['next_cursor']}")).json()
    assert [each["id"] for each in first["items"] + rest["items"]] == sorted(made)
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ("{}", 422, None),
        ('{"non_decreasing": false}', 422, None),
        ('{"min_value": null}', 422, None),
        ('{"min_value": 2, "max_value": 1}', 422, None),
        ('{"min_value": "2"}', 422, "/min_value"),
        ('{"min_value": 1e400}', 422, "/min_value"),
        ('{"min_value": NaN}', 400, None),
        ('{"max_rate": 0}', 422, "/max_rate"),
        ('{"max_rate": -1}', 422, "/max_rate"),
        ('{"non_decreasing": 1}', 422, "/non_decreasing"),
        ('{"non_decreasing": null, "min_value": 1}', 422, "/non_decreasing"),
        ('{"min_value": 1, "action": "warn"}', 422, "/action"),
        ('{"min_value": 1, "created_by": null}', 422, "/created_by"),
        ('{"min_value": 1, "source_id": null}', 422, "/source_id"),
        ("[]", 422, ""),
        ("", 400, None),
    ],
)
@pytest.mark.parametrize("call", ["", "/check"])
async def test_a_rule_that_is_none_is_refused(
    home: Household, call: str, body: str, status: int, pointer: str | None
) -> None:
    ann = await home.person("ann")
    path = f"/v1/sources/{(await ann.source())['id']}/validators"
    headers = {"Content-Type": "application/json"}
    response = await ann.post(path + call, content=body.encode(), headers=headers)
    assert response.status_code == status, response.text
    if pointer is not None:
        assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
    assert (await ann.get(path)).json()["items"] == []


async def test_a_change_leaves_at_least_one_rule(home: Household) -> None:
    ann = await home.person("ann")
    path = f"/v1/sources/{(await ann.source())['id']}/validators"
    one = f"{path}/{(await ann.made(path, min_value=5))['id']}"
    emptied = await ann.patch(one, {"min_value": None})
    assert (emptied.status_code, emptied.json()["detail"]) == (422, "A validator needs at least one rule.")
    crossed = await ann.patch(one, {"max_value": 4})
    assert (crossed.status_code, crossed.json()["detail"]) == (422, "The minimum is not above the maximum.")
    assert (await ann.patch(one, {"action": None})).status_code == 422
    assert (await ann.patch(one, {})).json()["min_value"] == 5


# One reading


SINGLE: list[tuple[dict[str, Any], list[float], float, str | None]] = [
    ({"min_value": 5}, [], 4, "The value 4 is below the minimum of 5."),
    ({"min_value": 5}, [], 5, None),
    ({"max_value": 5.5}, [], 6, "The value 6 is above the maximum of 5.5."),
    ({"max_value": 5.5}, [], 5.5, None),
    (
        {"non_decreasing": True}, [10], 9,
        "The value 9 is below 10, the reading before at 2026-03-01T00:00:00Z.",
    ),
    ({"non_decreasing": True}, [10], 10, None),
    ({"non_decreasing": True}, [], -1e300, None),
    (
        {"max_rate": 2}, [10], 12.5,
        "The value 12.5 is too far from 10, the reading before at 2026-03-01T00:00:00Z: more than 2 an hour.",
    ),
    ({"max_rate": 2}, [10], 12, None),
    ({"max_rate": 2}, [10], 8, None),
    (
        {"max_rate": 2}, [10], 7.5,
        "The value 7.5 is too far from 10, the reading before at 2026-03-01T00:00:00Z: more than 2 an hour.",
    ),
    ({"max_rate": 0.1}, [1], 1.1, None),
    ({"max_rate": 5e-324}, [1.7e308], -1.7e308, ""),
    ({"max_rate": 1.7e308}, [1.7e308], -1.7e308, ""),
    ({"max_rate": 1.7e308, "non_decreasing": True}, [5e-324], 0, ""),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "before", "value", "sentence"), SINGLE)
@pytest.mark.parametrize("action", ["reject", "flag"])
async def test_a_reading_is_held_to_the_rules(
    home: Household, rules: dict[str, Any], before: list[float], value: float, sentence: str | None, action: str
) -> None:
    ann = await home.person("ann")
    source = await meter(ann, **rules, action=action)
    assert (await source.log(rows(before))).status_code == 200
    response = await source.log({"timestamp": at(1), "value": value})
    said = response.json()
    if sentence is None:
        assert (response.status_code, said["quality_flag"]) == (201, "good")
    elif action == "flag":
        assert (response.status_code, said["quality_flag"]) == (201, "questionable")
    else:
        assert (response.status_code, said["type"]) == (422, "/errors/invalid")
        assert [error["pointer"] for error in said["errors"]] == ["/value"]
        assert said["detail"] == sentence or not sentence
        assert await source.values() == before


async def test_a_reading_is_held_to_both_neighbours(home: Household) -> None:
    ann = await home.person("ann")
    source = await meter(ann, non_decreasing=True, max_rate=10)
    await source.log(rows([10, 20], step=2))
    above = await source.log({"timestamp": at(1), "value": 20.5})
    assert above.json()["detail"] == "The value 20.5 is above 20, the reading after at 2026-03-01T02:00:00Z."
    steep = await source.log({"timestamp": at(1.75), "value": 12})
    assert steep.json()["detail"] == (
        "The value 12 is too far from 20, the reading after at 2026-03-01T02:00:00Z: more than 10 an hour."
    )
    assert (await source.log({"timestamp": at(1), "value": 15})).status_code == 201


async def test_an_instant_is_told_with_its_fraction(home: Household) -> None:
    ann = await home.person("ann")
    source = await meter(ann, non_decreasing=True)
    await source.log({"timestamp": "2026-03-01T00:00:00.000005Z", "value": 5})
    response = await source.log({"timestamp": at(1), "value": 4})
    assert "2026-03-01T00:00:00.000005Z" in response.json()["detail"]


async def test_a_reading_without_a_time_is_held_to_the_last_one(home: Household) -> None:
    ann = await home.person("ann")
    source = await meter(ann, non_decreasing=True)
    assert (await source.log({"value": 5})).status_code == 201
    assert (await source.log({"value": 4})).status_code == 422
    assert (await source.log({"value": 5})).status_code == 201


async def test_bad_readings_are_judged_by_nothing_and_are_nobodys_neighbours(home: Household) -> None:
    ann = await home.person("ann")
    source = await meter(ann, min_value=0, non_decreasing=True)
    await source.log(rows([10]))
    assert (await source.log({"timestamp": at(1), "value": -5, "quality_flag": "bad"})).status_code == 201
    assert (await source.log({"timestamp": at(2), "value": 9999, "quality_flag": "bad"})).status_code == 201
    assert (await source.log({"timestamp": at(3), "value": 9})).status_code == 422
    assert (await source.log({"timestamp": at(3), "value": 11})).status_code == 201
    for flag in ("estimated", "questionable"):
        assert (await source.log({"timestamp": at(4), "value": 5, "quality_flag": flag})).status_code == 422


async def test_another_meter_may_start_lower(home: Household, dba: Any) -> None:
    ann = await home.person("ann")
    source = await meter(ann, non_decreasing=True, max_rate=100)
    await source.log(rows([1000, 1010]))
    swap = "INSERT INTO meter_events (source_id, at, kind) VALUES ($1, $2, 'swap')"
    await dba.execute(swap, source.source["id"], BEGIN + timedelta(hours=2))
    assert (await source.log({"timestamp": at(1.5), "value": 3})).status_code == 422
    assert (await source.log({"timestamp": at(2), "value": 3})).status_code == 201
    assert (await source.log({"timestamp": at(1.75), "value": 1012})).status_code == 201
    await dba.execute(swap, source.source["id"], BEGIN + timedelta(hours=5))
    assert await source.statuses(rows([4, 5, 0, 1, 0.5], start=3)) == {4: ("rejected", "non_decreasing")}
    said = await source.check(non_decreasing=True)
    assert (said["checked"], said["violations"]["non_decreasing"]) == (8, 0)


async def test_the_same_reading_again_is_the_same_whatever_the_rules_say(home: Household) -> None:
    ann = await home.person("ann")
    source = await meter(ann)
    low = {"timestamp": at(0), "value": 3}
    stored = (await source.log(low)).json()
    await ann.made(f"{source.path}/validators", min_value=5)
    again = await source.log(low)
    assert (again.status_code, again.json()) == (200, stored)
    assert (await source.log({**low, "value": 4})).status_code == 409
    assert await source.statuses([low, {**low, "value": 4}]) == {
        0: ("duplicate", None),
        1: ("conflict", "one_reading_a_time"),
    }
    replaced = await source.log(low, "?on_conflict=replace")
    assert (replaced.status_code, replaced.json()) == (200, stored)
    assert await source.statuses([low], "?on_conflict=replace") == {0: ("duplicate", None)}
    # What stands there already is not refused for its notes.
    assert (await source.log({**low, "notes": "n"}, "?on_conflict=replace")).json()["notes"] == "n"
    assert (await source.log({**low, "value": 4}, "?on_conflict=replace")).status_code == 422


async def test_a_flagged_reading_sent_again_stays_flagged(home: Household) -> None:
    ann = await home.person("ann")
    source = await meter(ann, max_value=5, action="flag")
    high = {"timestamp": at(0), "value": 6}
    first = (await source.log(high)).json()
    for query in ("", "?on_conflict=replace"):
        assert (await source.log(high, query)).json() == first
        assert await source.statuses([high], query or "?mode=partial") == {0: ("duplicate", None)}
    assert first["quality_flag"] == "questionable"


async def test_which_rule_flagged_a_single_reading_is_told_of_an_array_of_one_and_by_the_check(home: Household) -> None:
    ann = await home.person("ann")
    source = await meter(ann, max_value=5, action="flag")
    single, many = await ann.source(), (await source.log(rows([6], 1))).json()
    assert [(row["status"], row["rule"]) for row in many["results"]] == [("flagged", "max_value")]
    plain = (await ann.post(f"/v1/sources/{single['id']}/readings", rows([6])[0])).json()
    flagged = (await source.log(rows([6])[0])).json()
    assert flagged.keys() == plain.keys()
    assert flagged["quality_flag"] == "questionable"
    told = await source.check(f"?from={at(0)}&to={at(1)}", max_value=5)
    assert [(each["id"], each["rule"]) for each in told["results"]] == [(flagged["id"], "max_value")]
    assert told["results"][0]["detail"] == many["results"][0]["detail"]


async def test_a_replacement_is_held_to_the_neighbours_of_what_it_replaces(home: Household) -> None:
    ann = await home.person("ann")
    source = await meter(ann, non_decreasing=True)
    await source.log(rows([1, 50, 60]))
    assert (await source.log({"timestamp": at(1), "value": 2}, "?on_conflict=replace")).json()["value"] == 2
    assert (await source.log({"timestamp": at(1), "value": 61}, "?on_conflict=replace")).status_code == 422
    # A whole series may be shifted at once.
    shifted = rows([101, 102, 160])
    assert await source.statuses(shifted, "?on_conflict=replace&mode=partial") == dict.fromkeys(
        range(3), ("replaced", None)
    )
    # Where one stays as it is, each counts until its own turn.
    await ann.made(f"{source.path}/validators", max_value=1000)
    said = await source.statuses(rows([201, 202, 2000]), "?on_conflict=replace&mode=partial")
    assert said == {0: ("rejected", "non_decreasing"), 1: ("rejected", "non_decreasing"), 2: ("rejected", "max_value")}
    # A value that is sent as it stands is not on its way out.
    said = await source.statuses(rows([201, 202, 160]), "?on_conflict=replace&mode=partial")
    assert said == {0: ("rejected", "non_decreasing"), 1: ("rejected", "non_decreasing"), 2: ("duplicate", None)}
    assert await source.values() == [101, 102, 160]


async def test_a_dry_run_says_what_the_rules_say(home: Household) -> None:
    ann = await home.person("ann")
    source = await meter(ann, non_decreasing=True)
    assert (await source.log({"value": 5, "timestamp": at(0)}, "?dry_run=true")).status_code == 200
    said = await source.statuses(rows([2, 1, 3]), "?dry_run=true&mode=partial")
    assert said == {1: ("rejected", "non_decreasing")}
    assert await source.values() == []


# Corrections


async def test_a_correction_is_held_to_the_rules(home: Household) -> None:
    ann = await home.person("ann")
    source = await meter(ann, non_decreasing=True)
    await source.log(rows([10, 20, 30]))
    middle = (await ann.get(f"{source.path}/readings")).json()["items"][1]
    one = f"{source.path}/readings/{middle['id']}"
    tag = (await ann.get(one)).headers["etag"]
    refused = await ann.patch(one, {"value": 31})
    assert (refused.status_code, refused.json()["type"]) == (422, "/errors/invalid")
    assert refused.json()["errors"] == [
        {"pointer": "/value", "detail": "The value 31 is above 30, the reading after at 2026-03-01T02:00:00Z."}
    ]
    assert (await ann.get(one)).json() == middle
    assert (await ann.patch(one, {"value": 25})).json()["value"] == 25
    assert (await ann.patch(one, {"value": 99}, headers={"If-Match": tag})).status_code == 412
    assert (await ann.patch(one, {"value": 99, "quality_flag": "bad"})).status_code == 200
    good = await ann.patch(one, {"quality_flag": "good"})
    assert (good.status_code, good.json()["errors"][0]["pointer"]) == (422, "/quality_flag")
    assert (await ann.patch(one, {"quality_flag": "good", "value": 26})).status_code == 200


async def test_a_flagged_correction_is_questionable_unless_its_quality_was_sent(home: Household) -> None:
    ann = await home.person("ann")
    source = await meter(ann, max_value=10, action="flag")
    made = (await source.log({"timestamp": at(0), "value": 1})).json()
    one = f"{source.path}/readings/{made['id']}"
    assert (await ann.patch(one, {"value": 11})).json()["quality_flag"] == "questionable"
    assert (await ann.patch(one, {"quality_flag": "good"})).json()["quality_flag"] == "good"
    assert (await ann.patch(one, {"notes": "n"})).json()["quality_flag"] == "good"
    said = (await ann.patch(one, {"value": 12, "quality_flag": "estimated"})).json()
    assert (said["value"], said["quality_flag"]) == (12, "estimated")


async def test_what_was_stored_before_the_rule_may_be_corrected_and_removed(home: Household) -> None:
    ann = await home.person("ann")
    source = await meter(ann)
    made = (await source.log({"timestamp": at(0), "value": 1})).json()
    await ann.made(f"{source.path}/validators", min_value=5)
    one = f"{source.path}/readings/{made['id']}"
    assert (await ann.patch(one, {"notes": "low", "value": 1})).json()["notes"] == "low"
    assert (await ann.patch(one, {"value": 2})).status_code == 422
    assert (await ann.delete(one)).status_code == 204


async def test_a_rule_binds_only_its_source_and_goes_with_it(home: Household) -> None:
    ann = await home.person("ann")
    ruled, free = await meter(ann, min_value=5), await meter(ann)
    assert (await free.log({"value": 1})).status_code == 201
    both = [{**rows([1])[0], "source_id": each.source["id"]} for each in (ruled, free)]
    said = (await ann.post("/v1/readings?mode=partial", both)).json()
    assert [(row["index"], row["rule"]) for row in said["results"]] == [(0, "min_value")]
    assert said["created"] == 1
    (rule,) = (await ann.get(f"{ruled.path}/validators")).json()["items"]
    assert (await ann.delete(f"{ruled.path}/validators/{rule['id']}")).status_code == 204
    assert (await ruled.log({"value": 1})).status_code == 201
    assert (await ann.delete(ruled.path)).status_code == 204


async def test_the_strictest_of_several_rules_holds_and_rejecting_comes_first(home: Household) -> None:
    ann = await home.person("ann")
    source = await meter(ann, max_value=10)
    await ann.made(f"{source.path}/validators", max_value=20, min_value=0)
    await ann.made(f"{source.path}/validators", max_value=5, max_rate=1, action="flag")
    said = await source.statuses([*rows([1, 6, 11, -1, 3, 3.5])])
    assert said == {
        1: ("flagged", "max_value"), 2: ("rejected", "max_value"), 3: ("rejected", "min_value"),
    }  # fmt: skip
    assert [flag for *_, flag in await source.stored()] == ["good", "questionable", "good", "good"]


# Batches


async def test_rows_of_a_batch_are_each_others_neighbours(home: Household) -> None:
    ann = await home.person("ann")
    source = await meter(ann, non_decreasing=True)
    response = await source.log(rows([1, 2, 100, 3, 4]), "?mode=partial")
    said = response.json()
    assert (said["created"], said["rejected"]) == (3, 2)
    assert said["results"][0] == {
        "index": 3, "status": "rejected", "pointer": "/value", "rule": "non_decreasing",
        "detail": "The value 3 is below 100, the reading before at 2026-03-01T02:00:00Z.",
    }  # fmt: skip
    assert await source.values() == [1, 2, 100]
    atomic = await source.log(rows([101, 99], start=10))
    assert (atomic.status_code, atomic.json()["created"], atomic.json()["rejected"]) == (422, 0, 1)
    assert await source.values() == [1, 2, 100]


async def test_flagged_rows_are_created_and_stay_neighbours(home: Household) -> None:
    ann = await home.person("ann")
    source = await meter(ann, non_decreasing=True, action="flag")
    response = await source.log(rows([1, 2, 100, 3, 4]))
    said = response.json()
    assert (response.status_code, said["created"], said["rejected"]) == (200, 5, 0)
    assert [(row["index"], row["status"], row["rule"]) for row in said["results"]] == [(3, "flagged", "non_decreasing")]
    assert [flag for *_, flag in await source.stored()] == ["good"] * 3 + ["questionable", "good"]


async def test_a_backfill_is_held_to_what_lies_around_each_row(home: Household) -> None:
    ann = await home.person("ann")
    source = await meter(ann, non_decreasing=True)
    await source.log(rows([0, 10, 20, 30], step=10))
    batch = {5: 5, 9: 9, 11: 11, 12: 9, 15: 15, 25: 31}
    said = await source.statuses([{"timestamp": at(hour), "value": value} for hour, value in batch.items()])
    assert said == {3: ("rejected", "non_decreasing"), 5: ("rejected", "non_decreasing")}
    assert await source.values() == [0, 5, 9, 10, 11, 15, 20, 30]


async def test_the_order_in_which_rows_come_does_not_matter(home: Household) -> None:
    ann = await home.person("ann")
    batch = rows([1, 2, 100, 3, 4, 101])
    for seed in range(5):
        source = await meter(ann, non_decreasing=True)
        shuffled = Random(seed).sample(batch, len(batch))  # noqa: S311 - no secret
        await source.log(shuffled, "?mode=partial")
        assert await source.values() == [1, 2, 100, 101]


@pytest.mark.parametrize("media_type", ["text/csv", "application/x-ndjson"])
async def test_a_batch_of_many_pieces_is_held_to_the_rules(home: Household, media_type: str) -> None:
    ann = await home.person("ann")
    source = await meter(ann, non_decreasing=True)
    batch = rows([float(n) for n in range(25_000)], step=0.01)
    batch[15_000]["value"] = 14_000.5
    if media_type == "text/csv":
        text = "timestamp,value\n" + "\n".join(f"{row['timestamp']},{row['value']}" for row in batch)
    else:
        text = "\n".join(f'{{"timestamp": "{row["timestamp"]}", "value": {row["value"]}}}' for row in batch)
    headers = {"Content-Type": media_type}
    path = f"{source.path}/readings?mode=partial"
    said = (await ann.post(path, content=text.encode(), headers=headers)).json()
    assert (said["received"], said["created"], said["rejected"]) == (25_000, 24_999, 1)
    assert said["results"][0]["detail"].startswith("The value 14000.5 is below 14999")
    again = (await ann.post(path, content=text.encode(), headers=headers)).json()
    assert (again["created"], again["duplicates"], again["rejected"]) == (0, 24_999, 1)


async def test_one_time_twice_in_a_batch_takes_the_first_that_keeps_the_rules(home: Household) -> None:
    ann = await home.person("ann")
    source = await meter(ann, max_value=10)
    same = {"timestamp": at(0)}
    batch = [{**same, "value": value} for value in (11, 5, 5, 6, 12)]
    assert await source.statuses(batch) == {
        0: ("rejected", "max_value"), 2: ("duplicate", None), 3: ("conflict", "one_reading_a_time"),
        4: ("conflict", "one_reading_a_time"),
    }  # fmt: skip
    batch = [{**same, "value": value} for value in (7, 8, 13)]
    said = await source.statuses(batch, "?mode=partial&on_conflict=replace")
    assert said == {0: ("replaced", None), 1: ("replaced", None), 2: ("rejected", "max_value")}
    assert await source.values() == [8]


async def test_a_replacing_batch_tells_of_flags_too(home: Household) -> None:
    ann = await home.person("ann")
    source = await meter(ann, max_value=10, action="flag")
    await source.log(rows([1, 2]))
    said = await source.statuses(rows([1, 11, 12]), "?on_conflict=replace")
    assert said == {0: ("duplicate", None), 1: ("replaced", "max_value"), 2: ("flagged", "max_value")}
    assert [flag for *_, flag in await source.stored()] == ["good", "questionable", "questionable"]


# Whatever comes


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    """Rules, events, and batches that come one after the other."""
    small = st.integers(0, 12)
    rule = st.fixed_dictionaries(
        {"action": st.sampled_from(["reject", "flag"])},
        optional={
            "min_value": st.integers(1, 4),
            "max_value": st.integers(6, 11),
            "non_decreasing": st.just(True),
            "max_rate": st.sampled_from([1, 2.5, 4]),
        },
    ).filter(lambda rule: len(rule) > 1)
    row = st.tuples(small, small, st.sampled_from(["good"] * 6 + ["estimated", "bad"]))
    batch = st.tuples(st.booleans(), st.lists(row, min_size=1, max_size=8))
    return {
        "rules": draw(st.lists(rule, min_size=1, max_size=3)),
        "events": draw(st.sets(small, max_size=2)),
        "batches": draw(st.lists(batch, min_size=1, max_size=4)),
    }


class Model:
    """The same rules, read off the words of docs/api.md."""

    def __init__(self, rules: list[dict[str, Any]], events: set[int]) -> None:
        self.rules = sorted(rules, key=lambda rule: rule["action"] == "flag")
        self.events = events
        self.stored: dict[int, tuple[int, str]] = {}

    def broken(self, action: str, hour: int, value: int, around: list[tuple[int, int]]) -> str | None:
        before = max((each for each in around if each[0] < hour), default=None)
        after = min((each for each in around if each[0] > hour), default=None)
        near = [
            each for each in (before, after)
            if each and not any(min(each[0], hour) < event <= max(each[0], hour) for event in self.events)
        ]  # fmt: skip
        rules = [rule for rule in self.rules if rule["action"] == action]
        if any(value < rule.get("min_value", value) for rule in rules):
            return "min_value"
        if any(value > rule.get("max_value", value) for rule in rules):
            return "max_value"
        if any(rule.get("non_decreasing") for rule in rules) and any(
            (other > value) if then < hour else (other < value) for then, other in near
        ):
            return "non_decreasing"
        if any(
            abs(other - value) > rule.get("max_rate", 99) * abs(then - hour) for rule in rules for then, other in near
        ):
            return "max_rate"
        return None

    def log(self, batch: list[tuple[int, int, str]], *, replaces: bool) -> dict[int, tuple[str, str | None]]:
        said, stored, old_stays = self.judged(batch, replaces=replaces, in_turn=False)
        if old_stays:
            said, stored, _ = self.judged(batch, replaces=replaces, in_turn=True)
        self.stored = stored
        return said

    def judged(
        self, batch: list[tuple[int, int, str]], *, replaces: bool, in_turn: bool
    ) -> tuple[dict[int, tuple[str, str | None]], dict[int, tuple[int, str]], bool]:
        stored = dict(self.stored)
        first = {hour: (value, flag) for hour, value, flag in reversed(batch)}
        to_come = {
            hour for hour, (value, flag) in first.items()
            if replaces and not in_turn and (flag == "bad" or stored.get(hour, (None, ""))[0] != value)
        }  # fmt: skip
        said: dict[int, tuple[str, str | None]] = {}
        accepted: set[int] = set()
        old_stays = False
        for index, (hour, value, flag) in sorted(enumerate(batch), key=lambda each: (each[1][0], each[0])):
            old = stored.get(hour)
            if old and not replaces:
                said[index] = ("duplicate", None) if old[0] == value else ("conflict", "one_reading_a_time")
                continue
            around = [
                (then, other) for then, (other, quality) in stored.items()
                if then != hour and quality != "bad" and (then < hour or then not in to_come)
            ]  # fmt: skip
            stands = old is not None and old[0] == value and old[1] != "bad"
            rule = None
            if flag != "bad" and not stands:
                rule = self.broken("reject", hour, value, around)
            if rule:
                said[index] = ("rejected", rule)
                old_stays |= hour not in accepted and old is not None and old[1] != "bad"
                continue
            if flag != "bad" and not (stands and hour not in accepted and old and old[1] == flag):
                rule = self.broken("flag", hour, value, around)
            new = (value, "questionable" if rule else flag)
            if not old:
                said |= {index: ("flagged", rule)} if rule else {}
            elif old == new:
                said[index] = ("duplicate", None)
            else:
                said[index] = ("replaced", rule)
            stored[hour] = new
            accepted.add(hour)
        return said, stored, old_stays

    def violations(self, action: str) -> list[int]:
        around = [(hour, value) for hour, (value, flag) in self.stored.items() if flag != "bad"]
        return [hour for hour, value in around if self.broken(action, hour, value, around)]


def generated(strategy: Any, count: int) -> list[Any]:
    """Hypothesis makes the cases and cannot shrink them: they are asked over HTTP one after the other."""
    found: list[Any] = []

    @settings(max_examples=count, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(case: Any) -> None:
        found.append(case)

    collect()
    return found


async def test_whatever_comes_is_judged_as_the_words_say(home: Household, dba: Any) -> None:
    ann = await home.person("ann")
    for case in generated(cases(), 150):
        source = await meter(ann)
        for rule in case["rules"]:
            await ann.made(f"{source.path}/validators", **rule)
        for event in case["events"]:
            await dba.execute(
                "INSERT INTO meter_events (source_id, at, kind) VALUES ($1, $2, 'reset')",
                *(source.source["id"], BEGIN + timedelta(hours=event)),
            )
        model = Model(case["rules"], case["events"])
        for replaces, batch in case["batches"]:
            expected = model.log(batch, replaces=replaces)
            body = [{"timestamp": at(hour), "value": value, "quality_flag": flag} for hour, value, flag in batch]
            query = "?mode=partial" + ("&on_conflict=replace" if replaces else "")
            assert await source.statuses(body, query) == expected, (case, model.stored)
            stored = [(at(hour), *model.stored[hour]) for hour in sorted(model.stored)]
            assert await source.stored() == stored, case
        # What the rules rejected is nowhere stored: also where readings were replaced, or rows rejected between others.
        assert not model.violations("reject"), case


async def test_a_series_that_keeps_the_rules_is_stored_alike_however_it_comes(home: Household) -> None:
    ann = await home.person("ann")
    series = st.lists(st.integers(0, 3), min_size=1, max_size=30)
    for case, seed in zip(generated(series, 25), range(25), strict=False):
        random = Random(seed)  # noqa: S311 - no secret
        total, values = 0, []
        for step in case:
            total += step
            values.append(float(total))
        batch = rows(values)
        tables = []
        for _ in range(2):
            source = await meter(ann, min_value=0, max_value=90, non_decreasing=True, max_rate=3)
            shuffled = random.sample(batch, len(batch))
            parts = [shuffled[n : n + 7] for n in range(0, len(shuffled), 7)]
            for part in [*parts, *random.sample(parts, len(parts))]:
                said = await source.log(part)
                assert said.status_code == 200, said.text
            for row in random.sample(batch, min(3, len(batch))):
                assert (await source.log(row)).status_code == 200
            tables.append(await source.stored())
        assert tables[0] == tables[1] == [(row["timestamp"], row["value"], "good") for row in batch]


# At once


async def test_a_hundred_writers_store_nothing_that_a_rule_rejects(home: Household) -> None:
    ann = await home.person("ann")
    source = await meter(ann, non_decreasing=True)
    random = Random(1)  # noqa: S311 - no secret

    async def write(n: int) -> int:
        hour = random.randrange(500)
        row: dict[str, Any] = {"timestamp": at(hour), "value": hour + random.randrange(-20, 20)}
        if n % 4 == 0:
            batch = [{"timestamp": at(hour + k), "value": row["value"] + k} for k in range(5)]
            response = await source.log(batch, "?mode=partial")
        elif n % 4 == 1:
            response = await source.log(row, "?on_conflict=replace")
        elif n % 4 == 2 and (items := (await ann.get(f"{source.path}/readings?limit=50")).json()["items"]):
            one = f"{source.path}/readings/{random.choice(items)['id']}"
            response = await (ann.delete(one) if n % 8 == 2 else ann.patch(one, {"value": row["value"]}))
        else:
            response = await source.log(row)
        return int(response.status_code)

    statuses = set()
    for _ in range(3):
        statuses |= set(await asyncio.gather(*(write(n) for n in range(100))))
    assert statuses <= {200, 201, 204, 404, 409, 422}, statuses
    said = await source.check(non_decreasing=True)
    assert said["checked"] > 20
    assert said["violations"]["non_decreasing"] == 0, said["results"]


# What rules would say of what is stored


async def test_a_check_tells_what_a_rule_would_have_said(home: Household) -> None:
    ann = await home.person("ann")
    source = await meter(ann)
    await source.log(rows([1, 2, 100, 3, 4, -5]))
    await source.log({"timestamp": at(2.5), "value": 0, "quality_flag": "bad"})
    said = await source.check(non_decreasing=True, min_value=0)
    assert said["checked"] == 6
    assert said["violations"] == {"min_value": 1, "max_value": 0, "non_decreasing": 1, "max_rate": 0}
    assert said["results_truncated"] is False
    first, second = said["results"]
    stored = {item["value"]: item for item in (await ann.get(f"{source.path}/readings")).json()["items"]}
    assert first == {
        "id": stored[3]["id"], "timestamp": at(3), "value": 3, "rule": "non_decreasing",
        "detail": "The value 3 is below 100, the reading before at 2026-03-01T02:00:00Z.",
    }  # fmt: skip
    assert (second["rule"], second["detail"]) == ("min_value", "The value -5 is below the minimum of 0.")
    assert (await ann.get(f"{source.path}/validators")).json()["items"] == []
    assert (await source.check(max_rate=98))["violations"]["max_rate"] == 0
    assert (await source.check(max_rate=96.5))["results"][0]["timestamp"] == at(2)


async def test_a_check_of_a_range_knows_the_reading_before_it(home: Household) -> None:
    ann = await home.person("ann")
    source = await meter(ann)
    await source.log(rows([9, 1, 2, 0]))
    said = await source.check(f"?from={at(1)}&to={at(3)}", non_decreasing=True)
    assert (said["checked"], said["violations"]["non_decreasing"]) == (2, 1)
    assert said["results"][0]["value"] == 1
    assert (await source.check(f"?from={at(9)}", non_decreasing=True))["checked"] == 0
    path = f"{source.path}/validators/check"
    assert (await ann.post(f"{path}?from=2026-03-01T00:00:00", {"min_value": 1})).status_code == 400
    assert (await ann.post(f"{path}?to=0001-01-01T00:00:00Z", {"min_value": 1})).status_code == 422


async def test_a_check_shows_the_first_thousand(home: Household) -> None:
    ann = await home.person("ann")
    source = await meter(ann)
    assert (await source.check(min_value=1)) == {
        "checked": 0, "violations": {"min_value": 0, "max_value": 0, "non_decreasing": 0, "max_rate": 0},
        "results": [], "results_truncated": False,
    }  # fmt: skip
    await source.log(rows([0.0] * 1500))
    said = await source.check(min_value=1)
    assert (said["violations"]["min_value"], len(said["results"]), said["results_truncated"]) == (1500, 1000, True)
    assert [each["timestamp"] for each in said["results"]] == [at(n) for n in range(1000)]
