"""Care: what was done for plants, undoing it, what is due, and how plants grow."""

import asyncio
import random
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import asyncpg
import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.api.test_plants import JSON, ago, care_of, names, pointers, today
from tests.people import Household, Person

# Care of one plant


def path_of(plant: Any, *more: str) -> str:
    return "/".join([f"/v1/plants/{plant['id']}", *more])


def shown(plant: Any) -> tuple[Any, Any, Any]:
    """What a watering changes."""
    return plant["last_water"], plant["moisture"], plant["status"]


async def look(who: Person, plant: Any) -> Any:
    return (await who.get(path_of(plant))).json()


async def test_care_is_answered_as_it_was_stored(home: Household) -> None:
    ann = await home.person("ann")
    plant = await ann.plant()
    sent = {"id": str(uuid4()), "kind": "repot", "at": ago(days=3), "note": "a wider pot"}
    response = await ann.post(path_of(plant, "care-events"), sent)
    assert response.status_code == 201
    care = response.json()
    assert list(care) == ["id", "plant_id", "user_id", "kind", "at", "note"]
    assert care == {**sent, "plant_id": plant["id"], "user_id": ann.id}
    assert response.headers["location"] == path_of(plant, "care-events", care["id"])
    read = await ann.get(response.headers["location"])
    assert (read.json(), read.headers["etag"]) == (care, response.headers["etag"])
    unchanged = await ann.get(response.headers["location"], headers={"If-None-Match": read.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


async def test_care_other_than_water_leaves_the_plant_as_it_is(home: Household) -> None:
    ann = await home.person("ann")
    plant = await ann.plant(status="resting", last_water=ago(days=9))
    for kind in ("fertilise", "repot", "prune", "mist", "observe", "treat"):
        care = await ann.made(path_of(plant, "care-events"), kind=kind)
        assert (care["kind"], care["note"]) == (kind, "")
    assert await look(ann, plant) == plant


async def test_a_water_event_waters(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    plant, other = [await ann.plant(status="resting", last_water=ago(days=9), moisture=0.1) for _ in range(2)]
    at = ago(hours=1)
    await ann.made(path_of(plant, "care-events"), kind="water", at=at, note="a lot")
    watered = (await ann.post(path_of(other, "water"), {"at": at})).json()
    assert shown(await look(ann, plant)) == shown(watered) == (at, 1, watered["status"])
    assert watered["status"] != "resting"
    told_late = await ann.made(path_of(plant, "care-events"), kind="water", at=ago(days=2))
    assert (await look(ann, plant))["last_water"] == at
    assert str((await care_of(dba, plant))[0]["id"]) == told_late["id"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/kind"),
        ({"kind": "sing"}, "/kind"),
        ({"kind": None}, "/kind"),
        ({"kind": "Water"}, "/kind"),
        ({"kind": "mist", "at": "2024-01-01T00:00:00"}, "/at"),
        ({"kind": "mist", "at": "1969-12-31T23:59:59.999999Z"}, "/at"),
        ({"kind": "mist", "at": (datetime.now(UTC) + timedelta(hours=25)).isoformat()}, "/at"),
        ({"kind": "mist", "note": "x" * 10_001}, "/note"),
        ({"kind": "mist", "note": None}, "/note"),
        ({"kind": "mist", "id": 1}, "/id"),
        ({"kind": "mist", "user_id": str(uuid4())}, "/user_id"),
        ({"kind": "water", "before_moisture": 0}, "/before_moisture"),
    ],
)
async def test_wrong_care_is_refused(
    home: Household, dba: asyncpg.Connection, body: dict[str, Any], pointer: str
) -> None:
    ann = await home.person("ann")
    plant = await ann.plant()
    response = await ann.post(path_of(plant, "care-events"), body)
    assert response.status_code == 422
    assert pointers(response) == [pointer]
    assert await care_of(dba, plant) == []


@pytest.mark.parametrize("kind", ["water", "prune"])
@pytest.mark.parametrize("at", [None, "2024-05-01T10:00:00+02:00"])
async def test_the_same_care_sent_twice_is_logged_once(
    home: Household, dba: asyncpg.Connection, kind: str, at: str | None
) -> None:
    ann = await home.person("ann")
    plant = await ann.plant()
    sent = {"id": str(uuid4()), "kind": kind, "note": "x", **({"at": at} if at else {})}
    first = await ann.post(path_of(plant, "care-events"), sent)
    after = (await ann.patch(path_of(plant), {"moisture": 0.2})).json()
    again = await ann.post(path_of(plant, "care-events"), sent)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert "location" not in again.headers
    assert await look(ann, plant) == after
    assert len(await care_of(dba, plant)) == 1
    at_once = await asyncio.gather(*(ann.post(path_of(plant, "care-events"), {**sent, "id": sent["id"][:-1] + "0"})
                                     for _ in range(8)))  # fmt: skip
    assert {answer.status_code for answer in at_once} <= {200, 201}
    assert len(await care_of(dba, plant)) <= 2


async def test_an_id_that_is_taken_by_other_care_is_a_conflict(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    plant, other, bobs = await ann.plant(), await ann.plant(), await bob.plant()
    taken = {"id": str(uuid4()), "kind": "mist", "at": ago(days=1)}
    await ann.made(path_of(plant, "care-events"), **taken)
    for who, where, sent in (
        (ann, plant, {**taken, "kind": "water"}),
        (ann, plant, {**taken, "note": "x"}),
        (ann, plant, {**taken, "at": ago(days=2)}),
        (ann, other, taken),
        (bob, bobs, taken),
        (bob, bobs, {**taken, "kind": "water"}),
    ):
        before = await look(who, where)
        response = await who.post(path_of(where, "care-events"), sent)
        assert response.status_code == 409
        assert response.json()["detail"] == "This id is taken by something else."
        assert await look(who, where) == before
    assert (await ann.post(path_of(plant, "water"), {"id": taken["id"]})).status_code == 409


async def test_history_is_newest_first_and_filtered_by_time_and_kind(home: Household) -> None:
    ann = await home.person("ann")
    plant, other = await ann.plant(), await ann.plant()
    times = [f"2026-03-0{day}T12:00:00Z" for day in range(1, 8)]
    for number, at in enumerate(times):
        await ann.made(path_of(plant, "care-events"), kind="water" if number % 2 else "mist", at=at)
    await ann.made(path_of(other, "care-events"), kind="mist")
    everything = (await ann.get(path_of(plant, "care-events"))).json()
    assert [care["at"] for care in everything["items"]] == times[::-1]
    assert everything["next_cursor"] is None
    for query, expected in {
        "kind=water": times[1::2][::-1],
        f"from={times[2]}": times[2:][::-1],
        f"to={times[2]}": times[:2][::-1],
        f"from={times[1]}&to={times[4]}&kind=mist": [times[2]],
        "kind=prune": [],
    }.items():
        listed = (await ann.get(path_of(plant, f"care-events?{query}"))).json()["items"]
        assert [care["at"] for care in listed] == expected, query


async def test_pages_of_history_show_each_once_even_at_one_time(home: Household) -> None:
    ann = await home.person("ann")
    plant = await ann.plant()
    for number in range(7):
        await ann.made(path_of(plant, "care-events"), kind="mist", at=f"2026-03-0{1 + number // 4}T12:00:00Z")
    wanted = [care["id"] for care in (await ann.get(path_of(plant, "care-events"))).json()["items"]]
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        page = (await ann.get(path_of(plant, f"care-events?limit=2{cursor and '&cursor=' + cursor}"))).json()
        seen += [care["id"] for care in page["items"]]
        cursor = page["next_cursor"]
        await ann.made(path_of(plant, "care-events"), kind="prune")
    assert seen == wanted


@pytest.mark.parametrize("query", ["kind=sing", "from=2026-01-01T00:00:00", "to=x", "limit=0", "cursor=x"])
async def test_a_wrong_query_of_the_history_is_refused(home: Household, query: str) -> None:
    ann = await home.person("ann")
    plant = await ann.plant()
    assert (await ann.get(path_of(plant, f"care-events?{query}"))).status_code in {400, 422}


async def test_a_plant_without_care_differs_from_no_plant(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    plant = await ann.plant()
    for list_ in ("care-events", "care-intervals", "growth"):
        assert (await ann.get(path_of(plant, list_))).json() == {"items": [], "next_cursor": None}
        assert (await bob.get(path_of(plant, list_))).status_code == 404
        assert (await ann.get(path_of({"id": uuid4()}, list_))).status_code == 404


async def test_a_home_s_writers_care_and_its_readers_look_on(home: Household, dba: asyncpg.Connection) -> None:
    ann, writer, reader = [await home.person(name) for name in ("ann", "writer", "reader")]
    cabin = await ann.home()
    for person, level in ((writer, "write"), (reader, "read")):
        await dba.execute(
            "INSERT INTO home_members (home_id, user_id, access_level) VALUES ($1, $2, $3::access_level)",
            *(cabin["id"], person.id, level),
        )
    plant = await ann.plant(home_id=cabin["id"], growth=[1])
    care = await writer.made(path_of(plant, "care-events"), kind="water")
    assert care["user_id"] == writer.id
    assert (await reader.get(path_of(plant, "care-events", care["id"]))).json() == care
    for method, path, body in (
        ("POST", "care-events", {"kind": "mist"}),
        ("POST", "water", {}),
        ("POST", "growth", {"value": 1}),
        ("PATCH", "growth/last", {"value": 2}),
        ("DELETE", f"care-events/{care['id']}", None),
        ("PUT", "care-intervals/mist", {"every": 3}),
    ):
        response = await reader.call(method, path_of(plant, path), **({"json": body} if body is not None else {}))
        assert response.status_code == 403, path
    assert (await writer.put(path_of(plant, "care-intervals/mist"), {"every": 3})).status_code == 403
    assert (await writer.patch(path_of(plant, "growth/last"), {"value": 2})).status_code == 200
    assert (await writer.delete(path_of(plant, "care-events", care["id"]))).status_code == 204
    assert (await look(ann, plant))["last_water"] is None


# Undoing


@pytest.mark.parametrize("status", ["resting", "dry"])
async def test_undoing_the_latest_watering_brings_back_what_was(home: Household, status: str) -> None:
    ann = await home.person("ann")
    for last_water in (None, ago(days=30)):
        plant = await ann.plant(status=status, moisture=0.3, last_water=last_water)
        care = await ann.made(path_of(plant, "care-events"), kind="water")
        assert shown(await look(ann, plant)) != shown(plant)
        response = await ann.delete(path_of(plant, "care-events", care["id"]))
        assert (response.status_code, response.content) == (204, b"")
        assert await look(ann, plant) == {**plant, "updated_at": (await look(ann, plant))["updated_at"]}
        assert (await ann.delete(path_of(plant, "care-events", care["id"]))).status_code == 404


async def test_undoing_an_older_watering_changes_history_alone(home: Household) -> None:
    ann = await home.person("ann")
    plant = await ann.plant(last_water=ago(days=30), moisture=0.3)
    older = await ann.made(path_of(plant, "care-events"), kind="water", at=ago(days=5))
    await ann.made(path_of(plant, "care-events"), kind="water", at=ago(days=1))
    before = await look(ann, plant)
    assert (await ann.delete(path_of(plant, "care-events", older["id"]))).status_code == 204
    assert await look(ann, plant) == before


async def test_what_was_changed_since_a_watering_stays_when_it_is_undone(home: Household) -> None:
    ann = await home.person("ann")
    said = ago(days=3)
    for change, left in (
        ({"moisture": 0.7}, {"moisture": 0.7, "last_water": None, "status": "dry"}),
        ({"status": "resting"}, {"moisture": 0.2, "last_water": None, "status": "resting"}),
        ({"last_water": said, "room": "Hall"}, {"moisture": 0.2, "last_water": said, "room": "Hall"}),
    ):
        plant = await ann.plant(moisture=0.2, status="dry")
        care = await ann.made(path_of(plant, "care-events"), kind="water")
        await ann.patch(path_of(plant), change)
        await ann.delete(path_of(plant, "care-events", care["id"]))
        after = await look(ann, plant)
        assert {name: after[name] for name in left} == left


@pytest.mark.parametrize("order", [*permutations(range(3))])
@pytest.mark.parametrize("days", [*permutations((9, 6, 3))])
async def test_waterings_are_undone_in_any_order(
    home: Household, days: tuple[int, ...], order: tuple[int, ...]
) -> None:
    """Whenever they are said to have been, and however few are left."""
    ann = await home.person("ann")
    first = ago(days=7)
    plant = await ann.plant(moisture=0.2, status="resting", last_water=first)
    said = [ago(days=each) for each in days]
    made = [await ann.made(path_of(plant, "care-events"), kind="water", at=at) for at in said]
    for undone in range(1, 4):
        await ann.delete(path_of(plant, "care-events", made[order[undone - 1]]["id"]))
        left = [said[number] for number in range(3) if number not in order[:undone]]
        after = await look(ann, plant)
        assert after["last_water"] == max([first, *left])
        # One that is older than what the plant began with changes history alone.
        watered = max(left, default="") > first
        assert (after["moisture"], after["status"] == "resting") == ((1, False) if watered else (0.2, True))


class Model:
    """A plant by the rule: a watering no older than the last one sets three fields; what was written since stays."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, Any]] = []

    def value(self) -> tuple[float, float, str]:
        """Replayed without what was undone: who writes a field says it whatever was before."""
        plant: dict[str, Any] = {"last_water": 0.0, "moisture": 0.5, "status": "dry"}
        for what, arg in self.steps:
            if what == "patch":
                plant |= arg
            elif arg >= plant["last_water"]:
                plant = {"last_water": arg, "moisture": 1.0, "status": "watered"}
        return plant["last_water"], plant["moisture"], plant["status"]


STEP = (
    st.tuples(st.just("water"), st.integers(1, 9))
    | st.tuples(st.just("water"), st.integers(1, 9))
    | st.tuples(st.just("undo"), st.integers(0, 9))
    | st.tuples(
        st.just("patch"),
        st.tuples(st.integers(0, 9), st.sets(st.sampled_from(["last_water", "moisture", "status"]), min_size=1)),
    )
)


async def test_undoing_is_as_if_a_watering_had_never_been(home: Household, dba: asyncpg.Connection) -> None:
    """Any waterings, late ones too, undoings and changes of any field, against a replay without the undone ones."""
    ann = await home.person("ann")
    runs: list[list[Any]] = []

    @settings(max_examples=60, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(STEP, min_size=8, max_size=14))
    def collect(steps: list[Any]) -> None:
        runs.append(steps)

    collect()
    epoch = datetime(2026, 1, 1, tzinfo=UTC)
    for steps in runs:
        plant = await ann.plant(last_water=epoch.isoformat(), moisture=0.5, status="dry")
        model, ids = Model(), dict[int, str]()
        # A change is seen to be one by what it says: each says something that was never said before.
        unsaid = ["resting", "soon", "thriving"]
        for number, (what, arg) in enumerate(steps):
            if what == "water":
                at = epoch + timedelta(days=arg)
                care = await ann.made(path_of(plant, "care-events"), kind="water", at=at.isoformat())
                model.steps.append((what, arg))
                ids = {**ids, id(model.steps[-1]): care["id"]}
            elif what == "patch":
                day, fields = arg
                said: dict[str, Any] = {"last_water": day + (number + 1) / 1440, "moisture": (number + 1) / 1000}
                if "status" in fields and unsaid:
                    said["status"] = unsaid.pop()
                said = {name: value for name, value in said.items() if name in fields}
                sent = {**said}
                if "last_water" in said:
                    sent["last_water"] = (epoch + timedelta(said["last_water"])).isoformat()
                await ann.patch(path_of(plant), sent)
                model.steps.append((what, said))
            elif waterings := [step for step in model.steps if step[0] == "water"]:
                gone = waterings[arg % len(waterings)]
                model.steps = [step for step in model.steps if step is not gone]
                assert (await ann.delete(path_of(plant, "care-events", ids[id(gone)]))).status_code == 204
            row = await dba.fetchrow("SELECT last_water, moisture, status::text FROM plants WHERE id = $1", plant["id"])
            last, moisture, status = model.value()
            assert tuple(row or ()) == (epoch + timedelta(days=last), moisture, status), steps[: number + 1]


class PutOff:
    """A plant that is put off, by the rule: what it was last put off to holds until a watering moves last_water on.

    If that one is undone, it holds until the next of the others that does.
    """

    def __init__(self, first: int | None) -> None:
        self.first = -1 if first is None else first
        self.waterings: list[tuple[int, int]] = []
        self.until: int | None = None
        self.ended_by: tuple[int, int] | None = None

    def last_water(self, before: int) -> int:
        """Of the waterings that were stored before that number."""
        return max(self.first, *(at for number, at in self.waterings if number < before), -1)

    def ends(self, watering: tuple[int, int]) -> bool:
        number, at = watering
        return at > self.last_water(before=number)

    def water(self, number: int, at: int) -> None:
        self.waterings.append((number, at))
        if self.ended_by is None and self.ends((number, at)):
            self.ended_by = (number, at)

    def put_off(self, until: int | None) -> None:
        self.until, self.ended_by = until, None

    def undo(self, gone: tuple[int, int]) -> None:
        self.waterings.remove(gone)
        if self.ended_by == gone:
            later = (each for each in self.waterings if each > gone and self.ends(each))
            self.ended_by = next(later, None)


STORIES, STEPS = 60, 14


async def test_undone_waterings_leave_a_plant_put_off_as_if_they_had_never_been(
    home: Household, dba: asyncpg.Connection
) -> None:
    """Any waterings, whenever they were, undone in any order while the plant is put off now and then."""
    ann = await home.person("ann")
    chance = random.Random(5)  # noqa: S311 - the same stories every time
    epoch = datetime(2026, 1, 1, tzinfo=UTC)
    fields = "SELECT last_water, moisture, status::text, snoozed_until FROM plants WHERE id = $1"
    for first in [None, 4] * (STORIES // 2):
        steps = [
            (what, chance.randrange(10)) for what in chance.choices(["water", "undo", "put off"], [3, 2, 2], k=STEPS)
        ]
        last_water = None if first is None else (epoch + timedelta(first)).isoformat()
        plant = await ann.plant(last_water=last_water, moisture=0.3, status="resting")
        model, ids, was_ended = PutOff(first), dict[int, str](), False
        for number, (what, arg) in enumerate(steps):
            if what == "water":
                at = (epoch + timedelta(arg)).isoformat()
                ids[number] = (await ann.made(path_of(plant, "care-events"), kind="water", at=at))["id"]
                model.water(number, arg)
                was_ended |= None not in (model.ended_by, model.until)
            elif what == "put off":
                # A null is told from what a watering makes of it only where none has ended anything.
                until = arg or None if not was_ended else arg + 1
                day = until and (epoch + timedelta(until)).date().isoformat()
                assert (await ann.patch(path_of(plant), {"snoozed_until": day})).status_code == 200
                model.put_off(until)
            elif model.waterings:
                gone = model.waterings[arg % len(model.waterings)]
                assert (await ann.delete(path_of(plant, "care-events", ids[gone[0]]))).status_code == 204
                model.undo(gone)
            days = model.last_water(before=len(steps))
            put_off = None if model.ended_by or model.until is None else (epoch + timedelta(model.until)).date()
            assert tuple(await dba.fetchrow(fields, plant["id"]) or ()) == (
                None if days == -1 else epoch + timedelta(days),
                *((1, "watered") if any(at >= model.first for _, at in model.waterings) else (0.3, "resting")),
                put_off,
            ), (first, steps[: number + 1])


async def test_undoing_holds_for_if_match_and_for_the_right_plant(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    plant, other = await ann.plant(), await ann.plant()
    care = await ann.made(path_of(plant, "care-events"), kind="water")
    assert (await ann.delete(path_of(other, "care-events", care["id"]))).status_code == 404
    assert (await bob.delete(path_of(plant, "care-events", care["id"]))).status_code == 404
    there = path_of(plant, "care-events", care["id"])
    assert (await ann.delete(there, headers={"If-Match": '"1-1"'})).status_code == 412
    tag = (await ann.get(there)).headers["etag"]
    assert (await ann.delete(there, headers={"If-Match": tag})).status_code == 204
    # Sent once more it is made anew.
    again = await ann.post(path_of(plant, "care-events"), {"id": care["id"], "kind": "water"})
    assert again.status_code == 201


async def test_watering_and_undoing_at_once_end_as_if_one_after_the_other(
    home: Household, dba: asyncpg.Connection
) -> None:
    ann = await home.person("ann")
    plant = await ann.plant(moisture=0.25, status="resting")
    ids = [(await ann.made(path_of(plant, "care-events"), kind="water"))["id"] for _ in range(6)]
    answers = await asyncio.gather(
        *(ann.delete(path_of(plant, "care-events", each)) for each in ids),
        *(ann.post(path_of(plant, "water"), {"id": str(uuid4())}) for _ in range(4)),
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [204] * 6
    left = [care["id"] for care in await care_of(dba, plant)]
    answers = await asyncio.gather(*(ann.delete(path_of(plant, "care-events", str(each))) for each in left))
    assert {answer.status_code for answer in answers} == {204}
    assert shown(await look(ann, plant)) == (None, 0.25, "resting")


async def test_undoing_is_audited_and_told_by_the_change_feed(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    plant = await ann.plant(moisture=0.25)
    start = (await ann.get("/v1/changes")).json()["next_cursor"]
    care = await ann.made(path_of(plant, "care-events"), kind="water")
    change = (await ann.get(f"/v1/changes?since={start}")).json()
    assert {"care", "plant"} <= {item["type"] for item in change["items"]}
    (told,) = [item["data"] for item in change["items"] if item["type"] == "care"]
    assert told == care
    await ann.delete(path_of(plant, "care-events", care["id"]))
    after = (await ann.get(f"/v1/changes?since={change['next_cursor']}")).json()["items"]
    assert ("care", "delete", care["id"]) in [(item["type"], item["op"], item["id"]) for item in after]
    (seen,) = [item["data"] for item in after if item["type"] == "plant"]
    assert seen["moisture"] == 0.25
    await ann.made(path_of(plant, "care-events"), id=care["id"], kind="water")
    anew = (await ann.get(f"/v1/changes?since={change['next_cursor']}")).json()["items"]
    assert [item["op"] for item in anew if item["type"] == "care"] == ["upsert"]
    rows = await dba.fetch("SELECT event_type, user_id FROM audit_logs WHERE event_type ~ '_care$' ORDER BY id")
    assert [row["event_type"] for row in rows] == ["create_care", "delete_care", "create_care"]
    assert {str(row["user_id"]) for row in rows} == {ann.id}


# Watering


@pytest.mark.parametrize("options", [{}, {"json": {}}, {"content": b"", "headers": JSON}])
async def test_watering_needs_no_body(home: Household, dba: asyncpg.Connection, options: dict[str, Any]) -> None:
    ann = await home.person("ann")
    plant = await ann.plant(moisture=0.1, last_water=ago(days=9))
    assert plant["status"] == "dry"
    response = await ann.call("POST", f"/v1/plants/{plant['id']}/water", **options)
    watered = response.json()
    assert response.status_code == 200
    assert (watered["status"], watered["moisture"], watered["due_on"]) == ("watered", 1, today(days=7))
    assert response.headers["etag"] == (await ann.get(f"/v1/plants/{plant['id']}")).headers["etag"]
    (care,) = await care_of(dba, plant)
    assert (care["kind"], str(care["user_id"])) == ("water", ann.id)
    assert care["at"] == datetime.fromisoformat(watered["last_water"])


@pytest.mark.parametrize("how", ["water", "care-events", "of many"])
async def test_a_watering_older_than_the_last_changes_history_alone(
    home: Household, dba: asyncpg.Connection, how: str
) -> None:
    ann = await home.person("ann")
    for fields in ({"status": "resting"}, {"status": "thriving", "snoozed_until": today(days=9)}):
        plant = await ann.plant(last_water=ago(days=5), moisture=0.25, room="Hall", **fields)
        late = {"at": ago(days=6)}
        if how == "of many":
            assert (await ann.post("/v1/plants/water", {**late, "plant_ids": [plant["id"]]})).status_code == 200
        else:
            await ann.post(path_of(plant, how), late if how == "water" else {**late, "kind": "water"})
        (care,) = await care_of(dba, plant)
        assert care["at"] == datetime.fromisoformat(late["at"])
        after = await look(ann, plant)
        assert after == {**plant, "updated_at": after["updated_at"]}
        # Undone, it leaves the plant as it is; and it waters once what came after it is undone.
        later = await ann.made(path_of(plant, "care-events"), kind="water", at=ago(days=1))
        assert (await ann.delete(path_of(plant, "care-events", later["id"]))).status_code == 204
        assert shown(await look(ann, plant)) == shown(plant)
        assert (await ann.delete(path_of(plant, "care-events", str(care["id"])))).status_code == 204
        assert shown(await look(ann, plant)) == shown(plant)


async def test_a_late_watering_waters_once_the_one_after_it_is_undone(home: Household) -> None:
    ann = await home.person("ann")
    plant = await ann.plant(last_water=ago(days=30), moisture=0.25, status="resting")
    wrong = await ann.made(path_of(plant, "care-events"), kind="water", at=ago(days=1))
    await ann.patch(path_of(plant), {"moisture": 0.5, "status": "resting"})
    told_late = await ann.made(path_of(plant, "care-events"), kind="water", at=ago(days=3))
    assert shown(await look(ann, plant)) == (wrong["at"], 0.5, "resting")
    assert (await ann.delete(path_of(plant, "care-events", wrong["id"]))).status_code == 204
    assert shown(await look(ann, plant)) == (told_late["at"], 1, "thriving")
    assert (await ann.delete(path_of(plant, "care-events", told_late["id"]))).status_code == 204
    # As it was written after the first watering, which would have stood without either.
    assert shown(await look(ann, plant)) == (plant["last_water"], 0.5, "resting")


async def test_a_watering_that_is_told_late_does_not_undo_a_later_one(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    plant = await ann.plant()
    path = f"/v1/plants/{plant['id']}/water"
    later, earlier = ago(days=2), ago(days=5)
    await ann.post(path, {"at": later})
    told_late = (await ann.post(path, {"at": earlier})).json()
    assert told_late["last_water"] == later
    assert told_late["status"] == "thriving"
    assert [care["at"] for care in await care_of(dba, plant)] == [
        datetime.fromisoformat(earlier), datetime.fromisoformat(later)
    ]  # fmt: skip


async def test_watering_ends_a_rest(home: Household) -> None:
    ann = await home.person("ann")
    plant = await ann.plant(status="resting", last_water=ago(days=90))
    watered = (await ann.post(f"/v1/plants/{plant['id']}/water", {"at": ago(days=10)})).json()
    assert (watered["status"], watered["moisture"]) == ("dry", 1)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"at": "1969-12-31T23:59:59.999999Z"}, "/at"),
        ({"at": (datetime.now(UTC) + timedelta(hours=25)).isoformat()}, "/at"),
        ({"at": "9999-12-31T23:59:59-12:00"}, "/at"),
        ({"at": "2024-01-01T00:00:00"}, "/at"),
        ({"at": "yesterday"}, "/at"),
        ({"at": 0}, "/at"),
        ({"id": "x"}, "/id"),
        ({"note": "x"}, "/note"),
    ],
)
async def test_a_wrong_watering_is_refused(
    home: Household, dba: asyncpg.Connection, body: dict[str, Any], pointer: str
) -> None:
    ann = await home.person("ann")
    plant = await ann.plant()
    response = await ann.post(f"/v1/plants/{plant['id']}/water", body)
    assert response.status_code == 422
    assert pointers(response) == [pointer]
    assert await care_of(dba, plant) == []


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"[]", JSON, 422),
        (b"0", JSON, 422),
        (b"{", JSON, 400),
        (b" ", JSON, 400),
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (b"{}", {}, 415),
    ],
)
async def test_a_body_that_is_sent_must_be_right(
    home: Household, content: bytes, headers: dict[str, str], status: int
) -> None:
    ann = await home.person("ann")
    plant = await ann.plant()
    path = f"/v1/plants/{plant['id']}/water"
    assert (await ann.post(path, content=content, headers=headers)).status_code == status
    assert (await ann.get(f"/v1/plants/{plant['id']}")).json() == plant


async def test_a_watering_from_1970_to_a_day_ahead_is_taken(home: Household) -> None:
    ann = await home.person("ann")
    plant = await ann.plant()
    ahead = (datetime.now(UTC) + timedelta(hours=23)).isoformat()
    for at in ("1970-01-01T00:00:00Z", ahead):
        response = await ann.post(f"/v1/plants/{plant['id']}/water", {"at": at})
        assert datetime.fromisoformat(response.json()["last_water"]) == datetime.fromisoformat(at)
    assert response.json()["status"] == "watered"


@pytest.mark.parametrize("at", [None, "2024-05-01T10:00:00+02:00"])
async def test_the_same_watering_sent_twice_is_done_once(
    home: Household, dba: asyncpg.Connection, at: str | None
) -> None:
    ann = await home.person("ann")
    plant = await ann.plant()
    path = f"/v1/plants/{plant['id']}/water"
    sent = {"id": str(uuid4()), **({"at": at} if at else {})}
    first = await ann.post(path, sent)
    await ann.patch(f"/v1/plants/{plant['id']}", {"moisture": 0.2})
    again = await ann.post(path, sent)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json()["moisture"] == 0.2
    assert again.json() == (await ann.get(f"/v1/plants/{plant['id']}")).json()
    assert len(await care_of(dba, plant)) == 1
    assert first.headers["location"] == again.headers["location"] == path_of(plant, "care-events", sent["id"])


async def test_a_watering_names_the_event_that_undoes_it(home: Household) -> None:
    ann = await home.person("ann")
    plant = await ann.plant()
    response = await ann.post(path_of(plant, "water"))
    assert list(response.json()) == list(plant)
    event = response.headers["location"]
    assert (await ann.get(event)).json()["kind"] == "water"
    assert (await ann.delete(event)).status_code == 204
    assert shown(await look(ann, plant)) == shown(plant)


@pytest.mark.parametrize("id_of_call", [{}, {"id": "01900000-0000-7000-8000-000000000001"}], ids=["once", "again"])
@pytest.mark.parametrize(("path", "kind"), [("water", {}), ("care-events", {"kind": "mist"})])
async def test_care_of_many_names_the_events_that_undo_it(
    home: Household, path: str, kind: dict[str, str], id_of_call: dict[str, str]
) -> None:
    ann = await home.person("ann")
    plants = [await ann.plant(room="Hall") for _ in range(3)]
    sent = {"room": "Hall", **kind, **id_of_call}
    results = (await ann.post(f"/v1/plants/{path}", sent)).json()["results"]
    if id_of_call:
        again = (await ann.post(f"/v1/plants/{path}", sent)).json()["results"]
        assert again == [{**each, "status": "duplicate"} for each in results]
    assert [each["plant_id"] for each in results] == [plant["id"] for plant in plants]
    for plant, result in zip(plants, results, strict=True):
        event = path_of(plant, "care-events", result["event_id"])
        assert (await ann.get(event)).json()["kind"] == kind.get("kind", "water")
        assert (await ann.delete(event)).status_code == 204
        assert shown(await look(ann, plant)) == shown(plant)


async def test_an_id_of_other_care_is_a_conflict(home: Household, dba: asyncpg.Connection) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    plant, other, bobs = await ann.plant(), await ann.plant(), await bob.plant()
    taken = {"id": str(uuid4()), "at": ago(days=1)}
    assert (await ann.post(f"/v1/plants/{plant['id']}/water", taken)).status_code == 200
    repotted = str(uuid4())
    await dba.execute(
        "INSERT INTO care_events (id, plant_id, user_id, kind) VALUES ($1, $2, $3, 'repot')",
        repotted, plant["id"], ann.id,
    )  # fmt: skip
    for who, where, sent in (
        (ann, other, taken),
        (ann, plant, {**taken, "at": ago(days=2)}),
        (ann, plant, {"id": repotted}),
        (bob, bobs, taken),
        (bob, bobs, {"id": taken["id"]}),
    ):
        before = (await who.get(f"/v1/plants/{where['id']}")).json()
        response = await who.post(f"/v1/plants/{where['id']}/water", sent)
        assert response.status_code == 409
        assert response.json()["detail"] == "This id is taken by something else."
        assert (await who.get(f"/v1/plants/{where['id']}")).json() == before


async def test_a_watering_sent_many_times_at_once_is_done_once(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    plant = await ann.plant()
    path = f"/v1/plants/{plant['id']}/water"
    sent = {"id": str(uuid4())}
    answers = await asyncio.gather(*(ann.post(path, sent) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["updated_at"] for answer in answers}) == 1
    assert len(await care_of(dba, plant)) == 1


# Many at once


async def test_plants_are_watered_by_name_by_room_and_by_home(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    cabin = await ann.home()
    a = await ann.plant(name="a", room="Hall", home_id=cabin["id"])
    b = await ann.plant(name="b", room="Hall", status="resting")
    c = await ann.plant(name="c", home_id=cabin["id"], last_water=ago(days=9))
    for sent, shown in (
        ({"plant_ids": [c["id"], a["id"], c["id"]]}, [a, c]),
        ({"room": "Hall"}, [a, b]),
        ({"home_id": cabin["id"]}, [a, c]),
    ):
        response = await ann.post("/v1/plants/water", sent)
        assert response.status_code == 200
        assert list(response.json()) == ["items", "results"]
        results = [(each["plant_id"], each["status"]) for each in response.json()["results"]]
        assert results == [(plant["id"], "watered") for plant in shown]
        assert [plant["id"] for plant in response.json()["items"]] == [plant["id"] for plant in shown]
        for plant in response.json()["items"]:
            assert (plant["status"], plant["moisture"]) == ("watered", 1)
            assert plant == (await ann.get(f"/v1/plants/{plant['id']}")).json()
    assert [len(await care_of(dba, plant)) for plant in (a, b, c)] == [3, 1, 2]


async def test_one_unseen_plant_leaves_all_unwatered(home: Household, dba: asyncpg.Connection) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    own, theirs = await ann.plant(), await bob.plant()
    for unseen in (theirs["id"], str(uuid4())):
        response = await ann.post("/v1/plants/water", {"plant_ids": [own["id"], unseen]})
        assert response.status_code == 404
    assert (await ann.get(f"/v1/plants/{own['id']}")).json() == own
    assert await care_of(dba, own) == await care_of(dba, theirs) == []


async def test_a_room_or_home_without_plants_waters_none(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    empty, theirs = await ann.home(), await bob.home()
    await bob.plant(room="Hall", home_id=theirs["id"])
    assert names(await ann.post("/v1/plants/water", {"room": "Hall"})) == []
    assert names(await ann.post("/v1/plants/water", {"home_id": empty["id"]})) == []
    for unseen in (theirs["id"], str(uuid4())):
        assert (await ann.post("/v1/plants/water", {"home_id": unseen})).status_code == 404


@pytest.mark.parametrize(("path", "more"), [("water", {}), ("care-events", {"kind": "mist"})])
async def test_a_room_of_one_home_leaves_rooms_of_that_name_elsewhere_alone(
    home: Household, dba: asyncpg.Connection, path: str, more: dict[str, Any]
) -> None:
    ann, ben, cat = [await home.person(name) for name in ("ann", "ben", "cat")]
    flat, cabin, theirs = await ann.home(), await ann.home(), await ben.home()
    await ann.invite(flat, ben, "write")
    await ann.invite(flat, cat, "read")
    here = [await ann.plant(room="Kitchen", home_id=flat["id"]), await ben.plant(room="Kitchen", home_id=flat["id"])]
    elsewhere = [
        await ann.plant(room="Hall", home_id=flat["id"]),
        await ann.plant(room="kitchen", home_id=flat["id"]),
        await ann.plant(room="Kitchen", home_id=cabin["id"]),
        await ann.plant(room="Kitchen"),
        await ben.plant(room="Kitchen"),
        await ben.plant(room="Kitchen", home_id=theirs["id"]),
    ]
    sent = {"room": "Kitchen", "home_id": flat["id"], **more}
    for who in (ann, ben):
        answer = await who.post(f"/v1/plants/{path}", sent)
        assert answer.status_code == 200, answer.text
        assert [each["plant_id"] for each in answer.json()["results"]] == [plant["id"] for plant in here]
    assert [len(await care_of(dba, plant)) for plant in here] == [2, 2]
    assert [await care_of(dba, plant) for plant in elsewhere] == [[]] * 6
    nothing = await ann.post(f"/v1/plants/{path}", {**sent, "room": "Attic"})
    assert (nothing.status_code, nothing.json()) == (200, {"items": [], "results": []})
    for unseen in (theirs["id"], str(uuid4())):
        assert (await ann.post(f"/v1/plants/{path}", {**sent, "home_id": unseen})).status_code == 404
    assert (await cat.post(f"/v1/plants/{path}", sent)).status_code == 403
    watched = await cat.post(f"/v1/plants/{path}?mode=partial", sent)
    assert {(each["plant_id"], each["status"]) for each in watched.json()["results"]} == {
        (plant["id"], "forbidden") for plant in here
    }


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"room": None}, ""),
        ({"room": "Hall", "plant_ids": [str(uuid4())]}, ""),
        ({"home_id": str(uuid4()), "plant_ids": [str(uuid4())]}, ""),
        ({"room": "Hall", "home_id": str(uuid4()), "plant_ids": [str(uuid4())]}, ""),
        ({"plant_ids": [], "room": None}, "/plant_ids"),
        ({"plant_ids": ["x"]}, "/plant_ids/0"),
        ({"plant_ids": [str(uuid4())] * 1001}, "/plant_ids"),
        ({"room": ""}, "/room"),
        ({"room": 1}, "/room"),
        ({"home_id": "x"}, "/home_id"),
        ({"room": "Hall", "at": "1969-12-31T23:59:59Z"}, "/at"),
        ({"room": "Hall", "id": "x"}, "/id"),
        ({"room": "Hall", "kind": "water"}, "/kind"),
    ],
)
async def test_who_waters_many_says_which_in_one_way(home: Household, body: dict[str, Any], pointer: str) -> None:
    ann = await home.person("ann")
    response = await ann.post("/v1/plants/water", body)
    assert response.status_code == 422
    assert pointers(response) == [pointer]


async def test_many_who_water_the_same_plants_wait_for_each_other(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    plants = [await ann.plant(room="Hall") for _ in range(6)]
    ids = [plant["id"] for plant in plants]
    bodies = [{"plant_ids": ids}, {"plant_ids": ids[::-1]}, {"room": "Hall"}] * 4
    answers = await asyncio.gather(*(ann.post("/v1/plants/water", body) for body in bodies))
    assert {answer.status_code for answer in answers} == {200}
    assert [len(await care_of(dba, plant)) for plant in plants] == [12] * 6


async def test_many_are_watered_at_a_time_and_once(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    plants = [await ann.plant(room="Hall") for _ in range(3)]
    sent = {"room": "Hall", "at": ago(days=1), "id": str(uuid4())}
    first = (await ann.post("/v1/plants/water", sent)).json()
    assert {plant["last_water"] for plant in first["items"]} == {sent["at"]}
    late = await ann.plant(room="Hall")
    again = (await ann.post("/v1/plants/water", sent)).json()
    assert [result["status"] for result in again["results"]] == ["duplicate"] * 3 + ["watered"]
    assert again["items"][:3] == first["items"]
    assert [len(await care_of(dba, plant)) for plant in (*plants, late)] == [1] * 4
    for other in ({**sent, "at": ago(days=2)}, {"id": sent["id"], "room": "Hall", "kind": "mist"}):
        path = "/v1/plants/care-events" if "kind" in other else "/v1/plants/water"
        assert (await ann.post(path, other)).status_code == 409
    # One of them can be undone by itself.
    (care,) = (await ann.get(path_of(plants[0], "care-events"))).json()["items"]
    assert UUID(care["id"]).version == 8
    assert (await ann.delete(path_of(plants[0], "care-events", care["id"]))).status_code == 204
    assert (await look(ann, plants[0]))["last_water"] is None


BULK = pytest.mark.parametrize(
    ("path", "more"), [("water", {}), ("care-events", {"kind": "mist"})], ids=["water", "mist"]
)


@BULK
@pytest.mark.parametrize("mode", ["atomic", "partial"])
async def test_a_call_cares_for_ten_thousand_plants_and_no_more(
    home: Household, dba: asyncpg.Connection, path: str, more: dict[str, Any], mode: str
) -> None:
    ann, eve = await home.person("ann"), await home.person("eve")
    house = await eve.home()
    await eve.invite(house, ann, "write")
    await dba.execute("SET session_replication_role = replica")
    await dba.execute(
        "INSERT INTO plants (user_id, name, kind, home_id, room)"
        " SELECT $1, 'Fern', 'pothos', $2, 'Hall' FROM generate_series(1, 10000)",
        eve.id,
        house["id"],
    )
    last = await ann.plant(home_id=house["id"], room="Hall")
    for held, named in (
        ("room", {"room": "Hall"}),
        ("home", {"home_id": house["id"]}),
        ("room", {"room": "Hall", "home_id": house["id"]}),
    ):
        refused = await ann.post(f"/v1/plants/{path}?mode={mode}", {**named, **more})
        detail = (
            f"This {held} holds more than 10,000 plants, and a call cares for no more:"
            " send plant_ids instead, at most 1,000 in each call."
        )
        assert refused.status_code == 422
        assert refused.json()["errors"] == [{"pointer": f"/{next(iter(named))}", "detail": detail}]
    assert await dba.fetchval("SELECT count(*) FROM care_events") == 0
    await ann.delete(path_of(last))
    done = await ann.post(f"/v1/plants/{path}?mode={mode}", {"home_id": house["id"], **more})
    assert (done.status_code, len(done.json()["results"])) == (200, 10_000)


async def going(dba: asyncpg.Connection, plant: Any, request: Coroutine[Any, Any, httpx.Response]) -> httpx.Response:
    """The answer to a request that comes while a plant is being deleted, and so waits for that."""
    waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
    async with dba.transaction():
        await dba.execute("DELETE FROM plants WHERE id = $1", plant["id"])
        task = asyncio.create_task(request)
        while not task.done() and not await dba.fetchval(waits):  # noqa: ASYNC110 - nobody tells it
            await asyncio.sleep(0.01)
        assert not task.done(), task.result().text
    return await task


@BULK
async def test_a_plant_that_goes_meanwhile_leaves_all_or_the_others(
    home: Household, dba: asyncpg.Connection, path: str, more: dict[str, Any]
) -> None:
    ann = await home.person("ann")
    house = await ann.home()
    for mode, status, done in (("atomic", 404, 0), ("partial", 200, 2)):
        *others, gone = [await ann.plant(room=mode, home_id=house["id"]) for _ in range(3)]
        named = {"plant_ids": [each["id"] for each in (gone, *others)]}
        answer = await going(dba, gone, ann.post(f"/v1/plants/{path}?mode={mode}", {**named, **more}))
        assert answer.status_code == status, answer.text
        assert [len(await care_of(dba, plant)) for plant in others] == [done // 2] * 2
        moistures = [(await look(ann, plant))["moisture"] for plant in others]
        assert moistures == [1 if done and path == "water" else 0.5] * 2
        if done:
            results = {each["plant_id"]: each["status"] for each in answer.json()["results"]}
            assert results.pop(gone["id"]) == "not_found"
            assert set(results.values()) == {"watered" if path == "water" else "logged"}
    # A room and a home are the plants that they hold.
    for held in ({"room": "partial"}, {"home_id": house["id"]}):
        gone = await ann.plant(room="partial", home_id=house["id"])
        answer = await going(dba, gone, ann.post(f"/v1/plants/{path}", {**held, **more}))
        assert answer.status_code == 200, answer.text
        assert gone["id"] not in {each["plant_id"] for each in answer.json()["results"]}
        assert {each["id"] for each in others} <= {each["plant_id"] for each in answer.json()["results"]}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "care-events", {"kind": "mist"}),
        ("POST", "care-events", {"kind": "water"}),
        ("DELETE", "care-events/{event}", None),
        ("POST", "water", {}),
        ("POST", "growth", {"value": 1}),
        ("PATCH", "growth/last", {"value": 1}),
        ("PUT", "care-intervals/mist", {"every": 3}),
        ("PUT", "care-intervals/prune", {"every": 3}),
        ("DELETE", "care-intervals/prune", None),
        ("PATCH", "", {"snoozed_until": "2999-01-01"}),
        ("DELETE", "", None),
    ],
)
async def test_a_write_to_a_plant_that_goes_meanwhile_is_404(
    home: Household, dba: asyncpg.Connection, method: str, path: str, body: dict[str, Any] | None
) -> None:
    ann = await home.person("ann")
    plant = await ann.plant(growth=[1])
    event = await ann.made(path_of(plant, "care-events"), kind="water")
    await ann.put(path_of(plant, "care-intervals", "prune"), {"every": 9})
    there = path_of(plant, path.format(event=event["id"])).rstrip("/")
    answer = await going(dba, plant, ann.call(method, there, **({"json": body} if body is not None else {})))
    assert answer.status_code == 404, answer.text


async def test_care_that_changes_nothing_of_a_plant_waits_for_none_who_does(
    home: Household, dba: asyncpg.Connection
) -> None:
    """So a sensor, which passes over plants that are locked, passes over none that is being misted."""
    ann = await home.person("ann")
    plant = await ann.plant()
    async with dba.transaction():
        await dba.execute("SELECT FROM plants WHERE id = $1 FOR NO KEY UPDATE", plant["id"])
        async with asyncio.timeout(5):
            await ann.made(path_of(plant, "care-events"), kind="mist")
            many = await ann.post("/v1/plants/care-events", {"plant_ids": [plant["id"]], "kind": "mist"})
            interval = await ann.put(path_of(plant, "care-intervals", "mist"), {"every": 3})
    assert (many.status_code, interval.status_code) == (200, 200)


async def test_a_plant_that_is_gone_does_not_lose_the_watering_of_the_others(
    home: Household, dba: asyncpg.Connection
) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    cabin = await bob.home()
    await dba.execute(
        "INSERT INTO home_members (home_id, user_id, access_level) VALUES ($1, $2, 'read')", cabin["id"], ann.id
    )
    own, gone, hidden, seen = (await ann.plant(), await ann.plant(), await bob.plant(),
                               await bob.plant(home_id=cabin["id"]))  # fmt: skip
    await ann.delete(path_of(gone))
    sent = {"plant_ids": [each["id"] for each in (gone, own, hidden, seen, own)]}
    for path, kind, done in (("water", {}, "watered"), ("care-events", {"kind": "fertilise"}, "logged")):
        assert (await ann.post(f"/v1/plants/{path}", {**sent, **kind})).status_code == 404
        some = {"plant_ids": [own["id"], seen["id"]], **kind}
        assert (await ann.post(f"/v1/plants/{path}", some)).status_code == 403
        response = await ann.post(f"/v1/plants/{path}?mode=partial", {**sent, **kind})
        assert response.status_code == 200
        assert [item.get("plant_id", item["id"]) for item in response.json()["items"]] == [own["id"]]
        assert {result["plant_id"]: result["status"] for result in response.json()["results"]} == {
            own["id"]: done, seen["id"]: "forbidden", gone["id"]: "not_found", hidden["id"]: "not_found",
        }  # fmt: skip
        of_home = await ann.post(f"/v1/plants/{path}?mode=partial", {"home_id": cabin["id"], **kind})
        assert of_home.json() == {
            "items": [],
            "results": [{"plant_id": seen["id"], "status": "forbidden", "event_id": None}],
        }
        assert (await ann.post(f"/v1/plants/{path}?mode=partial", {"home_id": str(uuid4()), **kind})).status_code == 404
    assert await care_of(dba, seen) == await care_of(dba, hidden) == []
    assert [care["kind"] for care in await care_of(dba, own)] == ["water", "fertilise"]
    assert (await ann.post("/v1/plants/water?mode=some", sent)).status_code in {400, 422}


async def test_many_are_cared_for_at_once(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    cabin = await ann.home()
    a, b, c = (await ann.plant(home_id=cabin["id"]), await ann.plant(room="Hall"),
               await ann.plant(room="Hall", home_id=cabin["id"]))  # fmt: skip
    for named, cared in (
        ({"plant_ids": [b["id"], a["id"]]}, [a, b]),
        ({"room": "Hall"}, [b, c]),
        ({"home_id": cabin["id"]}, [a, c]),
    ):
        sent = {**named, "id": str(uuid4()), "kind": "fertilise", "note": "half dose", "at": ago(hours=1)}
        response = (await ann.post("/v1/plants/care-events", sent)).json()
        assert [care["plant_id"] for care in response["items"]] == [plant["id"] for plant in cared]
        assert {(care["kind"], care["note"], care["at"], care["user_id"]) for care in response["items"]} == {
            ("fertilise", "half dose", sent["at"], ann.id)
        }
        assert response["results"] == [
            {"plant_id": plant["id"], "status": "logged", "event_id": care["id"]}
            for plant, care in zip(cared, response["items"], strict=True)
        ]
        for care in response["items"]:
            there = path_of({"id": care["plant_id"]}, "care-events", care["id"])
            assert (await ann.get(there)).json() == care
        again = (await ann.post("/v1/plants/care-events", sent)).json()
        assert again["items"] == response["items"]
        assert {result["status"] for result in again["results"]} == {"duplicate"}
        assert (await ann.post("/v1/plants/care-events", {**sent, "note": "x"})).status_code == 409
    assert [len(await care_of(dba, plant)) for plant in (a, b, c)] == [2] * 3
    assert await look(ann, a) == a
    audited = "SELECT count(*) FROM audit_logs WHERE event_type = 'create_care'"
    assert await dba.fetchval(audited) == 6
    for wrong, pointer in (({"room": "Hall", "kind": "water"}, "/kind"), ({"room": "Hall"}, "/kind"),
                           ({"kind": "mist"}, "")):  # fmt: skip
        refused = await ann.post("/v1/plants/care-events", wrong)
        assert (refused.status_code, pointers(refused)) == (422, [pointer])


async def test_the_same_care_of_many_sent_at_once_is_logged_once(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    plants = [await ann.plant(room="Hall") for _ in range(5)]
    water = {"id": str(uuid4()), "room": "Hall"}
    feed = {"id": str(uuid4()), "plant_ids": [plant["id"] for plant in plants[::-1]], "kind": "fertilise"}
    answers = await asyncio.gather(
        *(ann.post("/v1/plants/water", water) for _ in range(6)),
        *(ann.post("/v1/plants/care-events", feed) for _ in range(6)),
    )
    assert {answer.status_code for answer in answers} == {200}
    assert {len(answer.json()["items"]) for answer in answers} == {5}
    assert [len(await care_of(dba, plant)) for plant in plants] == [2] * 5


# Intervals


async def test_an_interval_is_set_seen_changed_and_ended(home: Household, dba: asyncpg.Connection) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    plant = await ann.plant()
    path = path_of(plant, "care-intervals", "fertilise")
    assert (await ann.get(path)).status_code == 404
    response = await ann.put(path, {"every": 14})
    assert response.status_code == 200
    interval = response.json()
    assert list(interval) == ["plant_id", "kind", "every", "last_at", "due_on", "created_at", "updated_at"]
    wanted = {"plant_id": plant["id"], "kind": "fertilise", "every": 14, "last_at": None, "due_on": None}
    assert {name: interval[name] for name in wanted} == wanted
    assert (await ann.get(path)).headers["etag"] == response.headers["etag"]
    changed = await ann.put(path, {"every": 3650}, headers={"If-Match": response.headers["etag"]})
    assert changed.json()["every"] == 3650
    for method, body in (("PUT", {"json": {"every": 1}}), ("DELETE", {})):
        assert (await ann.call(method, path, headers={"If-Match": response.headers["etag"]}, **body)).status_code == 412
        assert (await bob.call(method, path, **body)).status_code == 404
    await ann.put(path_of(plant, "care-intervals", "mist"), {"every": 1})
    first = (await ann.get(path_of(plant, "care-intervals?limit=1"))).json()
    second = (await ann.get(path_of(plant, f"care-intervals?cursor={first['next_cursor']}"))).json()
    assert [each["kind"] for each in first["items"] + second["items"]] == ["fertilise", "mist"]
    assert (await ann.delete(path)).status_code == 204
    assert (await ann.delete(path)).status_code == 404
    told = await dba.fetch("SELECT event_type FROM audit_logs WHERE event_type ~ '_interval$' ORDER BY id")
    assert [row[0] for row in told] == ["create_interval", "update_interval", "create_interval", "delete_interval"]


async def test_an_interval_is_of_a_known_kind_but_water_and_of_some_days(home: Household) -> None:
    ann = await home.person("ann")
    plant = await ann.plant()
    for kind in ("water", "sing", "Mist"):
        for method, options in (("GET", {}), ("PUT", {"json": {"every": 1}}), ("DELETE", {})):
            response = await ann.call(method, path_of(plant, "care-intervals", kind), **options)
            assert response.status_code == 404, (kind, method)
            nobody = await home.nobody.call(method, path_of(plant, "care-intervals", kind), **options)
            assert nobody.status_code == 401
    for body in ({"every": 0}, {"every": 3651}, {"every": 1.5}, {"every": None}, {}, {"every": 1, "kind": "mist"}):
        assert (await ann.put(path_of(plant, "care-intervals", "mist"), body)).status_code == 422


async def due(who: Person, query: str = "") -> list[tuple[str, str, str | None]]:
    response = await who.get(f"/v1/plants/care-due{query}")
    assert response.status_code == 200, response.text
    for item in response.json()["items"]:
        assert list(item) == ["plant_id", "name", "room", "home_id", "kind", "every", "last_at", "due_on"]
    return [(item["name"], item["kind"], item["due_on"]) for item in response.json()["items"]]


async def test_care_that_is_due_says_where_the_plant_stands(home: Household) -> None:
    ann = await home.person("ann")
    flat = await ann.home()
    for where in ({"room": "Hall", "home_id": flat["id"]}, {"room": "", "home_id": None}):
        plant = await ann.plant(**where)
        await ann.put(path_of(plant, "care-intervals", "mist"), {"every": 3})
        items = (await ann.get("/v1/plants/care-due")).json()["items"]
        (shown,) = [
            {"room": each["room"], "home_id": each["home_id"]} for each in items if each["plant_id"] == plant["id"]
        ]
        assert shown == where


async def test_what_is_due_begins_with_what_was_never_done_then_the_longest_due(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    for name, every, days in (("a", 7, 20), ("b", 30, None), ("c", 7, 5), ("d", 7, 4), ("e", 1, 30), ("f", 7, 7)):
        plant = await ann.plant(name=name)
        await ann.put(path_of(plant, "care-intervals", "fertilise"), {"every": every})
        await ann.made(path_of(plant, "care-events"), kind="water")
        if days is not None:
            for earlier in (days + 40, days):
                await ann.made(path_of(plant, "care-events"), kind="fertilise", at=ago(days=earlier))
    resting = await ann.plant(name="resting", status="resting")
    await ann.put(path_of(resting, "care-intervals", "fertilise"), {"every": 1})
    bobs = await bob.plant(name="Bob's")
    await bob.put(path_of(bobs, "care-intervals", "mist"), {"every": 1})
    always = [("b", "fertilise", None), ("e", "fertilise", today(days=-29)), ("a", "fertilise", today(days=-13)),
              ("f", "fertilise", today())]  # fmt: skip
    soon = ("c", "fertilise", today(days=2))
    assert await due(ann, "?within_days=0") == always
    assert await due(ann) == [*always, soon]
    assert await due(ann, "?within_days=3") == [*always, soon, ("d", "fertilise", today(days=3))]
    assert await due(bob) == [("Bob's", "mist", None)]
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        page = (await ann.get(f"/v1/plants/care-due?limit=2{cursor and '&cursor=' + cursor}")).json()
        seen += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert "".join(seen) == "beafc"
    for wrong in ("within_days=-1", "within_days=3651", "cursor=x", "limit=0"):
        assert (await ann.get(f"/v1/plants/care-due?{wrong}")).status_code in {400, 422}


async def test_care_closes_what_is_due_and_undoing_opens_it(home: Household) -> None:
    ann = await home.person("ann")
    plant = await ann.plant()
    await ann.put(path_of(plant, "care-intervals", "mist"), {"every": 3})
    care = await ann.made(path_of(plant, "care-events"), kind="mist")
    assert await due(ann) == []
    interval = (await ann.get(path_of(plant, "care-intervals", "mist"))).json()
    assert (interval["last_at"], interval["due_on"]) == (care["at"], today(days=3))
    assert (await ann.put(path_of(plant, "care-intervals", "mist"), {"every": 2})).json()["due_on"] == today(days=2)
    await ann.delete(path_of(plant, "care-events", care["id"]))
    assert await due(ann) == [("Fern", "mist", None)]


async def test_care_is_due_by_the_calendar_of_the_home(home: Household) -> None:
    ann = await home.person("ann")
    at = datetime.now(UTC) - timedelta(hours=25)
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Copenhagen"):
        place = await ann.home(timezone=zone)
        plant = await ann.plant(home_id=place["id"])
        await ann.put(path_of(plant, "care-intervals", "mist"), {"every": 3})
        await ann.made(path_of(plant, "care-events"), kind="mist", at=at.isoformat())
        day = at.astimezone(ZoneInfo(zone)).date() + timedelta(3)
        left = (day - datetime.now(ZoneInfo(zone)).date()).days
        assert await due(ann, f"?within_days={left}") == [("Fern", "mist", day.isoformat())]
        assert await due(ann, f"?within_days={left - 1}") == []
        await ann.delete(path_of(plant))


async def test_the_last_day_of_care_that_a_dba_can_store_can_still_be_said(
    home: Household, dba: asyncpg.Connection
) -> None:
    ann = await home.person("ann")
    plant = await ann.plant(home_id=(await ann.home(timezone="Pacific/Kiritimati"))["id"])
    await ann.put(path_of(plant, "care-intervals", "mist"), {"every": 3650})
    await ann.made(path_of(plant, "care-events"), kind="mist")
    await dba.execute("UPDATE care_events SET at = '9999-12-31 23:59:59+00'")
    interval = (await ann.get(path_of(plant, "care-intervals", "mist"))).json()
    assert interval["due_on"] == "9999-12-31"


# Growth


async def test_growth_is_appended(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    plant = await ann.plant(growth=[12.5])
    path = f"/v1/plants/{plant['id']}/growth"
    for value in (13, 0.1, -1e308, 0):
        response = await ann.post(path, {"value": value})
        assert response.status_code == 200
    assert response.json()["growth"] == [12.5, 13, 0.1, -1e308, 0]
    assert response.json() == (await ann.get(f"/v1/plants/{plant['id']}")).json()
    stored = "SELECT value, user_id FROM growth_measurements WHERE plant_id = $1 ORDER BY id"
    measured = await dba.fetch(stored, plant["id"])
    assert [row["value"] for row in measured] == [13, 0.1, -1e308, 0]
    assert {str(row["user_id"]) for row in measured} == {ann.id}


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{}", 422),
        (b'{"value":null}', 422),
        (b'{"value":"1"}', 422),
        (b'{"value":true}', 422),
        (b'{"value":[1]}', 422),
        (b'{"value":NaN}', 400),
        (b'{"value":1e400}', 422),
        (b'{"value":1.7e308}', 422),
        (b'{"value":1,"at":"2024-01-01T00:00:00"}', 422),
        (b'{"value":1,"at":"1969-12-31T23:59:59Z"}', 422),
        (b'{"value":1,"when":"2024-01-01T00:00:00Z"}', 422),
    ],
)
async def test_growth_is_one_finite_number(home: Household, content: bytes, status: int) -> None:
    ann = await home.person("ann")
    plant = await ann.plant()
    response = await ann.post(f"/v1/plants/{plant['id']}/growth", content=content, headers=JSON)
    assert response.status_code == status
    assert (await ann.get(f"/v1/plants/{plant['id']}")).json()["growth"] == []


async def test_growth_has_at_most_a_thousand_measurements(home: Household) -> None:
    ann = await home.person("ann")
    plant = await ann.plant(growth=[1] * 999)
    path = f"/v1/plants/{plant['id']}/growth"
    assert len((await ann.post(path, {"value": 2})).json()["growth"]) == 1000
    response = await ann.post(path, {"value": 3})
    assert response.status_code == 422
    assert response.json()["detail"] == "Growth has at most 1,000 measurements."
    assert (await ann.get(f"/v1/plants/{plant['id']}")).json()["growth"][-2:] == [1, 2]


async def test_the_same_measurement_sent_twice_is_appended_once(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    plant, other, bobs = await ann.plant(), await ann.plant(), await bob.plant()
    sent = {"id": str(uuid4()), "value": 0.1}
    first = await ann.post(f"/v1/plants/{plant['id']}/growth", sent)
    again = await ann.post(f"/v1/plants/{plant['id']}/growth", sent)
    assert (again.status_code, again.json()) == (200, first.json())
    for who, where, body in (
        (ann, plant, {**sent, "value": 0.2}),
        (ann, other, sent),
        (bob, bobs, sent),
    ):
        assert (await who.post(f"/v1/plants/{where['id']}/growth", body)).status_code == 409
        growth = (await who.get(f"/v1/plants/{where['id']}")).json()["growth"]
        assert growth == ([0.1] if where is plant else [])


async def test_measurements_sent_at_once_are_all_appended_and_each_once(home: Household) -> None:
    ann = await home.person("ann")
    plant = await ann.plant()
    path = f"/v1/plants/{plant['id']}/growth"
    sent = [{"id": str(uuid4()), "value": value} for value in range(8)] * 3
    answers = await asyncio.gather(*(ann.post(path, body) for body in sent))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted((await ann.get(f"/v1/plants/{plant['id']}")).json()["growth"]) == list(range(8))


async def test_growth_is_seen_over_time(home: Household, dba: asyncpg.Connection) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    plant, other = await ann.plant(growth=[1]), await ann.plant()
    times = [f"2026-03-0{day}T12:00:00Z" for day in range(1, 6)]
    for number in (1, 0, 3, 2, 4):
        await ann.post(path_of(plant, "growth"), {"value": number + 0.5, "at": times[number]})
    await ann.post(path_of(other, "growth"), {"value": 9})
    # The array has what was told, as it was told; the list has when it was.
    assert (await look(ann, plant))["growth"] == [1, 1.5, 0.5, 3.5, 2.5, 4.5]
    listed = (await ann.get(path_of(plant, "growth"))).json()["items"]
    assert [(each["at"], each["value"]) for each in listed] == [*zip(times, (0.5, 1.5, 2.5, 3.5, 4.5), strict=True)]
    assert list(listed[0]) == ["id", "plant_id", "user_id", "at", "value"]
    assert {(each["plant_id"], each["user_id"]) for each in listed} == {(plant["id"], ann.id)}
    within = (await ann.get(path_of(plant, f"growth?from={times[1]}&to={times[3]}"))).json()["items"]
    assert within == listed[1:3]
    seen: list[Any] = []
    cursor = ""
    while cursor is not None:
        page = (await ann.get(path_of(plant, f"growth?limit=2{cursor and '&cursor=' + cursor}"))).json()
        seen += page["items"]
        cursor = page["next_cursor"]
    assert seen == listed
    assert (await bob.get(path_of(plant, "growth"))).status_code == 404
    again = {"id": listed[0]["id"], "value": 0.5}
    assert (await ann.post(path_of(plant, "growth"), again)).status_code == 200
    assert (await ann.post(path_of(plant, "growth"), {**again, "at": times[1]})).status_code == 409


async def test_the_last_measurement_is_corrected(home: Household, dba: asyncpg.Connection) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    plant = await ann.plant(growth=[1])
    last = path_of(plant, "growth", "last")
    # One that was written with the array is in no list.
    response = await ann.patch(last, {"value": 2})
    assert (response.status_code, response.json()["growth"]) == (200, [2])
    assert response.json() == await look(ann, plant)
    for value in (3, 33):
        await ann.post(path_of(plant, "growth"), {"value": value})
    assert (await ann.patch(last, {"value": 3.3})).json()["growth"] == [2, 3, 3.3]
    assert (await ann.patch(last, {"value": 3.3})).json()["growth"] == [2, 3, 3.3]
    assert [each["value"] for each in (await ann.get(path_of(plant, "growth"))).json()["items"]] == [3, 3.3]
    stale = (await ann.get(path_of(plant))).headers["etag"]
    await ann.patch(path_of(plant), {"growth": [7]})
    assert (await ann.patch(last, {"value": 8}, headers={"If-Match": stale})).status_code == 412
    assert (await ann.patch(last, {"value": 8})).json()["growth"] == [8]
    assert [each["value"] for each in (await ann.get(path_of(plant, "growth"))).json()["items"]] == [3, 3.3]
    await ann.patch(path_of(plant), {"growth": []})
    assert (await ann.patch(last, {"value": 8})).status_code == 404
    assert (await bob.patch(last, {"value": 8})).status_code == 404
    for wrong in ({}, {"value": None}, {"value": "1"}, {"value": 1, "at": ago(days=1)}):
        assert (await ann.patch(last, wrong)).status_code == 422
    assert await dba.fetchval("SELECT count(*) FROM audit_logs WHERE event_type = 'update_plant'") == 7
