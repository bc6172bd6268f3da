"""Plants: who sees them, when they want water, and that care that is sent twice is done once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import asyncpg
import httpx
import pytest

from tests.people import Household, Person

FIELDS = [
    "id", "user_id", "name", "species", "kind", "room", "moisture", "status", "every", "light", "note",
    "growth", "last_water", "home_id", "created_at", "updated_at", "due_on", "season_factor", "season_from",
    "season_to", "snoozed_until", "moisture_source_id", "dry_below", "stale_after_hours", "moisture_at", "sensor",
]  # fmt: skip
JSON = {"Content-Type": "application/json"}


def pointers(response: httpx.Response) -> list[str]:
    """Where the answer says the request is wrong."""
    assert response.headers["content-type"] == "application/problem+json"
    return [error["pointer"] for error in response.json()["errors"]]


def ago(**span: float) -> str:
    """An instant so long ago, to the second."""
    return (datetime.now(UTC) - timedelta(**span)).replace(microsecond=0).strftime("%Y-%m-%dT%H:%M:%SZ")


def today(zone: str = "UTC", days: int = 0) -> str:
    """The date in a zone, or so many days later."""
    return (datetime.now(ZoneInfo(zone)).date() + timedelta(days)).isoformat()


def names(response: httpx.Response) -> list[str]:
    """Which plants a list shows, in its order."""
    assert response.status_code == 200, response.text
    return [plant["name"] for plant in response.json()["items"]]


async def care_of(dba: asyncpg.Connection, plant: Any) -> list[asyncpg.Record]:
    return await dba.fetch("SELECT * FROM care_events WHERE plant_id = $1 ORDER BY at", plant["id"])


async def let_everyone_read_every_home(dba: asyncpg.Connection) -> None:
    """What a later version does for members: sees a home, writes nothing there."""
    await dba.execute(
        "CREATE OR REPLACE FUNCTION homelog.readable_homes() RETURNS uuid[] LANGUAGE plpgsql STABLE "
        "SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp "
        "AS 'BEGIN RETURN ARRAY(SELECT id FROM homes); END'"
    )


# Making


async def test_a_plant_is_answered_as_it_was_stored(home: Household) -> None:
    ann = await home.person("ann")
    cabin = await ann.home(timezone="Pacific/Kiritimati")
    watered = ago(days=3)
    sent = {
        "name": "Monty", "species": "M. deliciosa", "kind": "monstera", "room": "Kitchen", "moisture": 0.25,
        "status": "soon", "every": 10, "light": "east", "note": "from Bob", "growth": [1.5, 2, -3e-7],
        "last_water": watered, "home_id": cabin["id"],
    }  # fmt: skip
    response = await ann.post("/v1/plants", sent)
    assert response.status_code == 201
    made = response.json()
    assert list(made) == FIELDS
    assert {name: made[name] for name in sent} == {**sent, "status": "thriving"}
    assert made["user_id"] == ann.id
    local = datetime.fromisoformat(watered).astimezone(ZoneInfo("Pacific/Kiritimati")).date()
    assert made["due_on"] == (local + timedelta(10)).isoformat()
    assert response.headers["location"] == f"/v1/plants/{made['id']}"

    read = await ann.get(response.headers["location"])
    assert read.json() == made
    assert read.headers["etag"] == response.headers["etag"]


async def test_a_plant_needs_only_a_name_and_a_kind(home: Household) -> None:
    ann = await home.person("ann")
    made = await ann.made("/v1/plants", name="Spike", kind="succulent")
    defaults = {
        "species": "", "room": "", "moisture": 0.5, "status": "thriving", "every": 7, "light": "", "note": "",
        "growth": [], "last_water": None, "home_id": None, "due_on": None, "season_factor": None, "season_from": None,
        "season_to": None, "snoozed_until": None, "moisture_source_id": None, "dry_below": 0.2,
        "stale_after_hours": 24, "moisture_at": None, "sensor": None,
    }  # fmt: skip
    assert {name: made[name] for name in defaults} == defaults


WRONG: list[tuple[dict[str, Any], str | None]] = [
    ({"name": ""}, "/name"),
    ({"name": " \t\n"}, "/name"),
    ({"name": "x" * 101}, "/name"),
    ({"name": 5}, "/name"),
    ({"name": None}, "/name"),
    ({"name": "a\0b"}, None),
    ({"species": "x" * 201}, "/species"),
    ({"species": None}, "/species"),
    ({"kind": "Monstera"}, "/kind"),
    ({"kind": "oak"}, "/kind"),
    ({"room": "x" * 101}, "/room"),
    ({"moisture": -0.01}, "/moisture"),
    ({"moisture": 1.01}, "/moisture"),
    ({"moisture": "0.5"}, "/moisture"),
    ({"moisture": True}, "/moisture"),
    ({"status": "thirsty"}, "/status"),
    ({"every": 0}, "/every"),
    ({"every": 366}, "/every"),
    ({"every": 2**63}, "/every"),
    ({"every": 1.5}, "/every"),
    ({"every": "7"}, "/every"),
    ({"light": "x" * 201}, "/light"),
    ({"note": "x" * 10_001}, "/note"),
    ({"growth": None}, "/growth"),
    ({"growth": {}}, "/growth"),
    ({"growth": [1, "2"]}, "/growth/1"),
    ({"growth": [None]}, "/growth/0"),
    ({"growth": [1.5e308]}, "/growth/0"),
    ({"growth": [0] * 1001}, "/growth"),
    ({"last_water": "2024-01-01T00:00:00"}, "/last_water"),
    ({"last_water": "2024-02-30T00:00:00Z"}, "/last_water"),
    ({"last_water": "1969-12-31T23:59:59Z"}, "/last_water"),
    ({"last_water": "0001-01-01T00:00:00+14:00"}, "/last_water"),
    ({"last_water": "9999-12-31T23:59:59-12:00"}, "/last_water"),
    ({"last_water": 1_700_000_000}, "/last_water"),
    ({"home_id": "kitchen"}, "/home_id"),
    ({"home_id": "01900000-0000-7000-8000-000000000000"}, "/home_id"),
    ({"status": "unknown"}, "/status"),
    ({"season_factor": 0.05, "season_from": 1, "season_to": 2}, "/season_factor"),
    ({"season_factor": 11, "season_from": 1, "season_to": 2}, "/season_factor"),
    ({"season_factor": 2, "season_from": 0, "season_to": 2}, "/season_from"),
    ({"season_factor": 2, "season_from": 1, "season_to": 13}, "/season_to"),
    ({"season_factor": 2, "season_from": 1, "season_to": 1.5}, "/season_to"),
    ({"snoozed_until": "2026-02-30"}, "/snoozed_until"),
    ({"snoozed_until": "2026-02-01T00:00:00Z"}, "/snoozed_until"),
    ({"snoozed_until": "0001-01-01"}, "/snoozed_until"),
    ({"moisture_source_id": "01900000-0000-7000-8000-000000000000"}, "/moisture_source_id"),
    ({"dry_below": 1.5}, "/dry_below"),
    ({"dry_below": None}, "/dry_below"),
    ({"stale_after_hours": 0}, "/stale_after_hours"),
    ({"moisture_at": "2024-01-01T00:00:00Z"}, "/moisture_at"),
    ({"sensor": "fresh"}, "/sensor"),
    ({"user_id": "01900000-0000-7000-8000-000000000000"}, "/user_id"),
    ({"updated_at": "2024-01-01T00:00:00Z"}, "/updated_at"),
    ({"due_on": "2024-01-01"}, "/due_on"),
    ({"colour": "green"}, "/colour"),
]


async def test_a_wrong_field_is_named(home: Household) -> None:
    ann = await home.person("ann")
    plant = await ann.plant()
    for body, pointer in WRONG:
        for response in (
            await ann.post("/v1/plants", {"name": "Fern", "kind": "pothos", **body}),
            await ann.patch(f"/v1/plants/{plant['id']}", body),
        ):
            assert response.status_code == 422, (body, response.text)
            assert pointer is None or pointers(response) == [pointer], body
    assert (await ann.get("/v1/plants")).json()["items"] == [plant]


@pytest.mark.parametrize("body", [{"season_factor": 2}, {"season_from": 1, "season_to": 2}])
async def test_a_season_that_is_not_whole_names_its_three_fields(home: Household, body: dict[str, Any]) -> None:
    ann = await home.person("ann")
    plant = await ann.plant()
    for response in (
        await ann.post("/v1/plants", {"name": "Fern", "kind": "pothos", **body}),
        await ann.patch(f"/v1/plants/{plant['id']}", body),
    ):
        assert (response.status_code, pointers(response)) == (422, ["/season_factor", "/season_from", "/season_to"])
        assert response.json()["detail"] == "A season has season_factor, season_from and season_to, all three or none."


@pytest.mark.parametrize("missing", ["name", "kind"])
async def test_what_is_required_is_named(home: Household, missing: str) -> None:
    ann = await home.person("ann")
    body = {"name": "Fern", "kind": "pothos"}
    del body[missing]
    assert pointers(await ann.post("/v1/plants", body)) == [f"/{missing}"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 422),
        (b"null", 422),
        (b'{"name":"x","kind":"fig","moisture":NaN}', 400),
        (b'{"name":"x","kind":"fig","moisture":1e400}', 422),
        (b'{"name":"x","kind":"fig","growth":[1e400]}', 422),
        (b'{"name":"x","kind":"fig","growth":[-Infinity]}', 400),
        (b'{"name":"x","kind":"fig","growth":[1' + b"0" * 400 + b"]}", 422),
        (b'{"name":"\\ud800","kind":"fig"}', 400),
        (b'{"name":"\xff","kind":"fig"}', 400),
        (b'{"growth":' + b"[" * 100_000, 400),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(home: Household, body: bytes, status: int) -> None:
    ann = await home.person("ann")
    response = await ann.post("/v1/plants", content=body, headers=JSON)
    assert response.status_code in {status, 422}
    assert response.status_code < 500
    assert (await ann.get("/v1/plants")).json()["items"] == []


async def test_the_extremes_of_growth_are_kept(home: Household) -> None:
    ann = await home.person("ann")
    extremes = [1e308, -1e308, 5e-324, 0.1, 1e22]
    made = await ann.plant(growth=extremes, moisture=5e-324)
    assert (made["growth"], made["moisture"]) == (extremes, 5e-324)
    changed = await ann.patch(f"/v1/plants/{made['id']}", {"growth": extremes * 200, "moisture": 0.1})
    assert (changed.json()["growth"], changed.json()["moisture"]) == (extremes * 200, 0.1)


async def test_the_same_plant_sent_twice_is_made_once(home: Household) -> None:
    ann = await home.person("ann")
    sent = {
        "id": str(uuid4()), "name": "Fern", "kind": "pothos", "moisture": 0.3, "growth": [1, 2.5],
        "last_water": "2024-03-31T02:30:00+02:00",
    }  # fmt: skip
    first = await ann.post("/v1/plants", sent)
    same = {**sent, "last_water": "2024-03-31T00:30:00Z", "every": 7, "growth": [1.0, 2.5]}
    again = await ann.post("/v1/plants", same)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert "location" not in again.headers


@pytest.mark.parametrize(
    "other",
    [
        {"name": "Farn"}, {"kind": "fig"}, {"room": "Hall"}, {"moisture": 0.1}, {"status": "resting"},
        {"every": 8}, {"growth": [1]}, {"note": "x"}, {"light": "x"}, {"species": "x"},
        {"last_water": "2024-01-01T00:00:00Z"},
    ],
)  # fmt: skip
async def test_the_same_id_with_other_content_is_a_conflict(home: Household, other: dict[str, Any]) -> None:
    ann = await home.person("ann")
    made = await ann.plant(id=str(uuid4()))
    response = await ann.post("/v1/plants", {"id": made["id"], "name": "Fern", "kind": "pothos", **other})
    assert response.status_code == 409
    assert (await ann.get(f"/v1/plants/{made['id']}")).json() == made


async def test_an_id_that_somebody_else_has_is_the_same_conflict(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    made = await ann.plant()
    sent = {"id": made["id"], "name": "Fern", "kind": "pothos"}
    theirs = await bob.post("/v1/plants", sent)
    own = await ann.post("/v1/plants", {**sent, "name": "Farn"})
    assert theirs.status_code == own.status_code == 409
    assert theirs.json()["detail"] == own.json()["detail"]


async def test_a_plant_sent_many_times_at_once_is_made_once(home: Household) -> None:
    ann = await home.person("ann")
    sent = {"id": str(uuid4()), "name": "Fern", "kind": "pothos"}
    answers = await asyncio.gather(*(ann.post("/v1/plants", sent) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [200] * 11 + [201]
    assert len((await ann.get("/v1/plants")).json()["items"]) == 1


async def test_a_plant_that_was_deleted_can_be_made_anew(home: Household) -> None:
    ann = await home.person("ann")
    sent = {"id": str(uuid4()), "name": "Fern", "kind": "pothos"}
    await ann.post("/v1/plants", sent)
    assert (await ann.delete(f"/v1/plants/{sent['id']}")).status_code == 204
    assert (await ann.post("/v1/plants", sent)).status_code == 201


# Whose it is

CALLS: list[tuple[str, str, Any]] = [
    ("GET", "/v1/plants/{id}", None),
    ("PATCH", "/v1/plants/{id}", {"name": "Mine"}),
    ("DELETE", "/v1/plants/{id}", None),
    ("POST", "/v1/plants/{id}/water", {}),
    ("POST", "/v1/plants/{id}/growth", {"value": 1}),
    ("POST", "/v1/plants/water", {"plant_ids": ["{id}"]}),
]


def about(plant: str, path: str, body: Any) -> tuple[str, Any]:
    if body and "plant_ids" in body:
        body = {"plant_ids": [plant]}
    return path.format(id=plant), body


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
async def test_a_stranger_learns_nothing(home: Household, method: str, path: str, body: Any) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    plant = await ann.plant()
    told = []
    for wanted in (plant["id"], str(uuid4())):
        url, sent = about(wanted, path, body)
        options = {"json": sent} if sent is not None else {}
        response = await bob.call(method, url, headers={"If-Match": '"1-1"'}, **options)
        problem = response.json()
        told.append((response.status_code, problem["type"], problem["detail"]))
    assert told[0] == told[1]
    assert told[0][0] == 404
    assert (await ann.get(f"/v1/plants/{plant['id']}")).json() == plant


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        *CALLS,
        ("GET", "/v1/plants", None),
        ("POST", "/v1/plants", {"name": "Fern", "kind": "pothos"}),
        ("GET", "/v1/plants/due", None),
    ],
)
async def test_nobody_gets_in_without_credentials(home: Household, method: str, path: str, body: Any) -> None:
    url, sent = about(str(uuid4()), path, body)
    response = await home.nobody.call(method, url, **({"json": sent} if sent is not None else {}))
    assert response.status_code == 401


async def test_an_id_that_is_no_uuid_is_not_found(home: Household) -> None:
    ann = await home.person("ann")
    for method, path, body in CALLS[:-1]:
        url, sent = about("fern", path, body)
        assert (await ann.call(method, url, json=sent)).status_code == 404


async def test_lists_show_ones_own_plants_only(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    await ann.plant(name="Ann's")
    await bob.plant(name="Bob's")
    assert names(await bob.get("/v1/plants")) == names(await bob.get("/v1/plants/due")) == ["Bob's"]


async def test_a_home_must_be_ones_own_and_a_foreign_one_looks_like_none(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    theirs = await ann.home()
    plant = await bob.plant()
    told = []
    for home_id in (theirs["id"], str(uuid4())):
        made = await bob.post("/v1/plants", {"name": "Spy", "kind": "fig", "home_id": home_id})
        moved = await bob.patch(f"/v1/plants/{plant['id']}", {"home_id": home_id})
        assert made.status_code == moved.status_code == 422
        assert pointers(made) == pointers(moved) == ["/home_id"]
        told.append((made.json()["errors"], moved.json()["errors"]))
    assert told[0] == told[1]


@pytest.mark.parametrize(("method", "path", "body"), CALLS[1:])
async def test_who_may_only_see_a_plant_is_forbidden_to_touch_it(
    home: Household, dba: asyncpg.Connection, method: str, path: str, body: Any
) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    cabin = await ann.home()
    plant = await ann.plant(home_id=cabin["id"])
    await let_everyone_read_every_home(dba)
    assert (await bob.get(f"/v1/plants/{plant['id']}")).status_code == 200

    url, sent = about(plant["id"], path, body)
    options = {"json": sent} if sent is not None else {}
    # 403 comes before 412: the version is nothing to somebody who may not change it.
    response = await bob.call(method, url, headers={"If-Match": '"1-1"'}, **options)
    assert response.status_code == 403, response.text
    assert (await ann.get(f"/v1/plants/{plant['id']}")).json() == plant
    assert await care_of(dba, plant) == []
    refused = "SELECT count(*) FROM audit_logs WHERE event_type = 'access_denied' AND user_id = $1"
    assert await dba.fetchval(refused, bob.id) == 1


async def test_who_may_only_see_a_home_cannot_water_it_but_waters_their_own(
    home: Household, dba: asyncpg.Connection
) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    cabin = await ann.home()
    await ann.plant(name="Ann's", home_id=cabin["id"], room="Hall")
    own = await bob.plant(name="Bob's", room="Hall")
    await let_everyone_read_every_home(dba)
    assert (await bob.post("/v1/plants/water", {"home_id": cabin["id"]})).status_code == 403
    assert names(await bob.post("/v1/plants/water", {"room": "Hall"})) == ["Bob's"]
    assert len(await care_of(dba, own)) == 1


# Changing


async def test_a_change_changes_only_what_was_sent(home: Household) -> None:
    ann = await home.person("ann")
    cabin = await ann.home()
    plant = await ann.plant(room="Hall", growth=[1], last_water=ago(days=1), home_id=cabin["id"], note="keep")
    response = await ann.patch(f"/v1/plants/{plant['id']}", {"room": "", "moisture": 0})
    changed = response.json()
    assert response.status_code == 200
    assert changed == {**plant, "room": "", "moisture": 0, "updated_at": changed["updated_at"]}
    assert changed["updated_at"] > plant["updated_at"]

    cleared = (await ann.patch(f"/v1/plants/{plant['id']}", {"last_water": None, "home_id": None})).json()
    assert (cleared["last_water"], cleared["home_id"], cleared["due_on"]) == (None, None, None)
    assert (cleared["note"], cleared["growth"]) == ("keep", [1])


async def test_every_field_can_be_changed(home: Household) -> None:
    ann = await home.person("ann")
    cabin = await ann.home()
    plant = await ann.plant()
    sent = {
        "name": "Spike", "species": "s", "kind": "snake", "room": "r", "moisture": 1, "status": "resting",
        "every": 365, "light": "l", "note": "n", "growth": [1.5], "last_water": ago(days=1),
        "home_id": cabin["id"],
    }  # fmt: skip
    changed = (await ann.patch(f"/v1/plants/{plant['id']}", sent)).json()
    assert {name: changed[name] for name in sent} == sent


async def test_a_stale_version_is_neither_changed_nor_deleted(home: Household) -> None:
    ann = await home.person("ann")
    plant = await ann.plant()
    path = f"/v1/plants/{plant['id']}"
    stale = {"If-Match": (await ann.get(path)).headers["etag"]}
    fresh = {"If-Match": (await ann.patch(path, {"room": "Hall"}, headers=stale)).headers["etag"]}
    assert (await ann.patch(path, {"room": "Attic"}, headers=stale)).status_code == 412
    assert (await ann.delete(path, headers=stale)).status_code == 412
    assert (await ann.get(path)).json()["room"] == "Hall"
    assert (await ann.delete(path, headers=fresh)).status_code == 204
    assert (await ann.delete(path)).status_code == 404


async def test_an_unchanged_plant_is_not_sent_again(home: Household) -> None:
    ann = await home.person("ann")
    plant = await ann.plant()
    tag = (await ann.get(f"/v1/plants/{plant['id']}")).headers["etag"]
    response = await ann.get(f"/v1/plants/{plant['id']}", headers={"If-None-Match": tag})
    assert (response.status_code, response.content) == (304, b"")


async def test_a_plant_outlives_its_home(home: Household) -> None:
    ann = await home.person("ann")
    cabin = await ann.home()
    plant = await ann.plant(home_id=cabin["id"])
    await ann.delete(f"/v1/homes/{cabin['id']}")
    assert (await ann.get(f"/v1/plants/{plant['id']}")).json()["home_id"] is None


# Lists


async def test_a_list_is_filtered_by_what_is_asked(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    cabin, foreign = await ann.home(), await bob.home()
    await ann.plant(name="a", kind="fig", room="Hall", home_id=cabin["id"], last_water=ago(days=30))
    await ann.plant(name="b", kind="fig", room="Attic", home_id=cabin["id"])
    await ann.plant(name="c", kind="snake", room="Hall", status="resting")
    for query, shown in {
        "": "abc",
        "kind=fig": "ab",
        "room=Hall": "ac",
        "room=hall": "",
        "room=": "",
        "status=dry": "a",
        "status=resting": "c",
        "status=thriving": "b",
        f"home_id={cabin['id']}": "ab",
        f"home_id={cabin['id']}&room=Attic": "b",
        f"home_id={cabin['id']}&kind=snake": "",
        f"home_id={cabin['id']}&status=dry": "a",
        f"home_id={foreign['id']}": "",
        f"home_id={uuid4()}": "",
        "kind=fig&room=Hall&status=dry": "a",
    }.items():
        assert "".join(names(await ann.get(f"/v1/plants?{query}"))) == shown, query


@pytest.mark.parametrize(
    "query",
    ["kind=oak", "status=thirsty", "home_id=x", "limit=0", "limit=1001", "limit=x", "cursor=x", "room=%00"],
)
async def test_a_wrong_query_is_refused(home: Household, query: str) -> None:
    ann = await home.person("ann")
    assert (await ann.get(f"/v1/plants?{query}")).status_code in {400, 422}


async def test_a_room_that_is_no_utf8_is_a_room_without_plants(home: Household) -> None:
    ann = await home.person("ann")
    await ann.plant()
    assert names(await ann.get("/v1/plants?room=%ff")) == []


@pytest.mark.parametrize("query", ["within_days=-1", "within_days=366", "within_days=x", "within_days=1.5"])
async def test_days_are_bounded(home: Household, query: str) -> None:
    ann = await home.person("ann")
    assert (await ann.get(f"/v1/plants/due?{query}")).status_code in {400, 422}


@pytest.mark.parametrize("path", ["/v1/plants?", "/v1/plants/due?within_days=30&"])
async def test_pages_show_each_plant_once_whatever_is_added_meanwhile(home: Household, path: str) -> None:
    ann = await home.person("ann")
    for number in range(7):
        await ann.plant(name=str(number), last_water=ago(days=number // 2) if number % 3 else None)
    wanted = names(await ann.get(path))
    assert sorted(wanted) == list("0123456")

    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        body = (await ann.get(f"{path}limit=2{cursor and '&cursor=' + cursor}")).json()
        seen += [plant["name"] for plant in body["items"]]
        cursor = body["next_cursor"]
        await ann.plant(name="new", status="resting")
    assert [name for name in seen if name != "new"] == wanted


async def test_a_cursor_belongs_to_its_list(home: Household) -> None:
    ann = await home.person("ann")
    await ann.plant()
    await ann.plant()
    cursor = (await ann.get("/v1/plants?limit=1")).json()["next_cursor"]
    due = (await ann.get("/v1/plants/due?limit=1")).json()["next_cursor"]
    assert (await ann.get(f"/v1/plants/due?cursor={cursor}")).status_code == 400
    assert (await ann.get(f"/v1/plants?cursor={due}")).status_code == 400


# What a plant needs


async def test_what_is_due_begins_with_what_was_never_watered(home: Household) -> None:
    ann = await home.person("ann")
    await ann.plant(name="overdue", every=7, last_water=ago(days=20))
    await ann.plant(name="long overdue", every=1, last_water=ago(days=30))
    await ann.plant(name="in two days", every=7, last_water=ago(days=5))
    await ann.plant(name="in three days", every=7, last_water=ago(days=4))
    await ann.plant(name="never")
    await ann.plant(name="resting", status="resting", last_water=ago(days=300))
    await ann.plant(name="resting, never", status="resting")
    # Older than all, though its id says otherwise.
    await ann.plant(name="never either", id="ffffffff-ffff-7fff-bfff-ffffffffffff")
    await ann.plant(name="today", every=7, last_water=ago(days=7))

    always = ["never", "never either", "long overdue", "overdue", "today"]
    assert names(await ann.get("/v1/plants/due?within_days=0")) == always
    assert names(await ann.get("/v1/plants/due")) == [*always, "in two days"]
    assert names(await ann.get("/v1/plants/due?within_days=3")) == [*always, "in two days", "in three days"]
    assert names(await ann.get("/v1/plants?status=dry")) == ["overdue", "long overdue", "today"]
    assert names(await ann.get("/v1/plants?status=soon")) == ["in two days"]


async def test_what_is_due_is_asked_of_a_home_and_a_room(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    cabin, foreign = await ann.home(), await bob.home()
    for name, fields in {
        "a": {"room": "Hall", "home_id": cabin["id"]}, "b": {"room": "Attic", "home_id": cabin["id"]},
        "c": {"room": "Hall"},
    }.items():  # fmt: skip
        plant = await ann.plant(name=name, last_water=ago(days=30), **fields)
        await ann.put(f"/v1/plants/{plant['id']}/care-intervals/mist", {"every": 1})
    for query, shown in {
        "": "abc",
        "room=Hall": "ac",
        "room=hall": "",
        f"home_id={cabin['id']}": "ab",
        f"home_id={cabin['id']}&room=Hall": "a",
        f"home_id={foreign['id']}": "",
        f"home_id={uuid4()}": "",
    }.items():
        for path in ("due", "care-due"):
            assert "".join(sorted(names(await ann.get(f"/v1/plants/{path}?{query}")))) == shown, (path, query)
    for path in ("due", "care-due"):
        first = (await ann.get(f"/v1/plants/{path}?room=Hall&limit=1")).json()
        rest = (await ann.get(f"/v1/plants/{path}?room=Hall&limit=1&cursor={first['next_cursor']}")).json()
        assert sorted(item["name"] for item in first["items"] + rest["items"]) == ["a", "c"]
        assert rest["next_cursor"] is None
        assert (await ann.get(f"/v1/plants/{path}?home_id=x")).status_code == 400


async def test_days_are_those_of_the_home(home: Household) -> None:
    """Kiritimati and Pago Pago are 25 hours apart and never share a date."""
    ann = await home.person("ann")
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Copenhagen"):
        place = await ann.home(timezone=zone)
        plant = await ann.plant(home_id=place["id"], every=3, last_water=ago(hours=25))
        watered = datetime.fromisoformat(plant["last_water"]).astimezone(ZoneInfo(zone)).date()
        left = (watered - datetime.now(ZoneInfo(zone)).date()).days + 3
        assert plant["due_on"] == (watered + timedelta(3)).isoformat()
        assert plant["status"] == "soon"
        due = names(await ann.get(f"/v1/plants/due?within_days={left}"))
        assert due == ["Fern"]
        assert names(await ann.get(f"/v1/plants/due?within_days={left - 1}")) == []
        await ann.delete(f"/v1/plants/{plant['id']}")


async def test_the_last_date_that_a_dba_can_store_can_still_be_said(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    far_east = await ann.home(timezone="Pacific/Kiritimati")
    plant = await ann.plant(home_id=far_east["id"], every=365)
    await dba.execute("UPDATE plants SET last_water = '9997-12-31 23:59:59.999999+00'")
    assert (await ann.get(f"/v1/plants/{plant['id']}")).json()["due_on"] == "9999-01-01"


async def test_a_written_status_reads_back_only_at_rest_or_before_the_first_watering(home: Household) -> None:
    ann = await home.person("ann")
    never = await ann.plant(status="dry")
    watered = await ann.plant(status="dry", last_water=ago(seconds=1))
    resting = await ann.plant(status="resting", last_water=ago(days=100))
    assert [plant["status"] for plant in (never, watered, resting)] == ["dry", "watered", "resting"]
    assert resting["due_on"] is None
    woken = (await ann.patch(f"/v1/plants/{resting['id']}", {"status": "thriving"})).json()
    assert woken["status"] == "dry"


async def test_a_plants_care_goes_with_it(home: Household, dba: asyncpg.Connection) -> None:
    ann: Person = await home.person("ann")
    plant = await ann.plant()
    await ann.post(f"/v1/plants/{plant['id']}/water")
    await ann.post(f"/v1/plants/{plant['id']}/growth", {"value": 1})
    response = await ann.delete(f"/v1/plants/{plant['id']}")
    assert (response.status_code, response.content) == (204, b"")
    assert await dba.fetchval("SELECT count(*) FROM care_events") == 0
    assert await dba.fetchval("SELECT count(*) FROM growth_measurements") == 0
    told = await dba.fetch("SELECT event_type FROM audit_logs WHERE event_type ~ '(plant|care)$' ORDER BY id")
    assert [row[0] for row in told] == [
        "create_plant", "create_care", "update_plant", "update_plant", "delete_plant", "delete_care",
    ]  # fmt: skip
