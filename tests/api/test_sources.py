"""Sources: what they hold, who sees them, what a public one shows, and what goes with one that is deleted."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest

from tests.people import Household, Person

FIELDS = [
    "id", "name", "description", "source_type", "unit", "kind", "home_id", "meter_number", "place_name",
    "address", "thumbnail_url", "is_public", "created_at", "updated_at", "created_by", "access_level",
    "latest",
]  # fmt: skip
WHOLE = {
    "name": "Heat",
    "description": "In the cellar",
    "source_type": "heat",
    "unit": "m³",
    "kind": "counter",
    "meter_number": "65-1234",
    "place_name": "Østre Gasværk",
    "address": "1 Quay",
    "thumbnail_url": "https://example.org/meter.png",
    "is_public": True,
}
LEAST = {"name": "Heat", "source_type": "heat", "unit": "kWh"}


def pointers(response: Any) -> list[str]:
    """Where the answer says the request is wrong."""
    assert response.headers["content-type"] == "application/problem+json"
    return [error["pointer"] for error in response.json()["errors"]]


def told(response: Any) -> dict[str, Any]:
    """A problem without the id of its request: what two answers must have in common to look alike."""
    return {**response.json(), "instance": ""}


async def names(person: Person, **query: Any) -> list[str]:
    """The names in a person's list."""
    response = await person.get("/v1/sources", params=query)
    assert response.status_code == 200, response.text
    return [item["name"] for item in response.json()["items"]]


async def log(dba: Any, source: Any, timestamp: str, value: float = 1, flag: str = "good") -> str:
    """Store a reading, whoever may, and say its id."""
    return str(
        await dba.fetchval(
            "INSERT INTO readings (source_id, timestamp, value, quality_flag)"
            " VALUES ($1, $2::text::timestamptz, $3, $4) RETURNING id",
            *(source["id"], timestamp, value, flag),
        )
    )


# Making


async def test_a_source_is_answered_as_it_was_stored(home: Household) -> None:
    ann = await home.person("ann")
    place = await ann.home()
    response = await ann.post("/v1/sources", {**WHOLE, "home_id": place["id"]})
    assert response.status_code == 201, response.text
    made = response.json()
    assert list(made) == FIELDS
    assert {name: made[name] for name in WHOLE} == WHOLE
    assert (made["home_id"], made["created_by"]) == (place["id"], ann.id)
    assert (made["access_level"], made["latest"]) == ("admin", None)
    assert made["created_at"] == made["updated_at"]
    assert made["created_at"].endswith("Z")
    assert response.headers["location"] == f"/v1/sources/{made['id']}"

    read = await ann.get(response.headers["location"])
    assert read.json() == made
    assert read.headers["etag"] == response.headers["etag"]


async def test_a_source_needs_a_name_a_type_and_a_unit_and_is_a_private_gauge(home: Household) -> None:
    ann = await home.person("ann")
    made = await ann.made("/v1/sources", **LEAST)
    assert (made["kind"], made["is_public"], made["access_level"]) == ("gauge", False, "admin")
    assert {name for name in FIELDS if made[name] is None} == {
        "description", "home_id", "meter_number", "place_name", "address", "thumbnail_url", "latest",
    }  # fmt: skip


@pytest.mark.parametrize("field", ["name", "source_type", "unit"])
@pytest.mark.parametrize("value", ["absent", None, "", " \t", 5])
async def test_what_a_source_needs_must_be_there(home: Household, field: str, value: Any) -> None:
    ann = await home.person("ann")
    body = {**LEAST, field: value}
    if value == "absent":
        del body[field]
    response = await ann.post("/v1/sources", body)
    assert response.status_code == 422, response.text
    assert pointers(response) == [f"/{field}"]
    assert await names(ann) == []


LENGTHS = {
    "name": 100,
    "description": 10_000,
    "source_type": 50,
    "unit": 20,
    "meter_number": 100,
    "place_name": 200,
    "address": 500,
}


@pytest.mark.parametrize(("field", "most"), LENGTHS.items())
async def test_a_text_has_so_many_characters_at_most(home: Household, field: str, most: int) -> None:
    ann = await home.person("ann")
    made = await ann.made("/v1/sources", **{**LEAST, field: "🏡" * most})
    assert made[field] == "🏡" * most
    for response in (
        await ann.post("/v1/sources", {**LEAST, field: "x" * (most + 1)}),
        await ann.patch(f"/v1/sources/{made['id']}", {field: "x" * (most + 1)}),
    ):
        assert response.status_code == 422
        assert pointers(response) == [f"/{field}"]


WRONG = [
    ({"description": ""}, "/description"),
    ({"meter_number": "  "}, "/meter_number"),
    ({"place_name": "\n"}, "/place_name"),
    ({"address": " "}, "/address"),
    ({"kind": "meter"}, "/kind"),
    ({"kind": "GAUGE"}, "/kind"),
    ({"kind": None}, "/kind"),
    ({"is_public": "true"}, "/is_public"),
    ({"is_public": 1}, "/is_public"),
    ({"is_public": None}, "/is_public"),
    ({"home_id": "1"}, "/home_id"),
    ({"thumbnail_url": ""}, "/thumbnail_url"),
    ({"thumbnail_url": "javascript:alert(1)"}, "/thumbnail_url"),
    ({"thumbnail_url": "ftp://example.org/x.png"}, "/thumbnail_url"),
    ({"thumbnail_url": "x\nhttps://example.org"}, "/thumbnail_url"),
    ({"thumbnail_url": "https://example.org/" + "x" * 2000}, "/thumbnail_url"),
    ({"created_at": "2020-01-01T00:00:00Z"}, "/created_at"),
    ({"updated_at": "2020-01-01T00:00:00Z"}, "/updated_at"),
    ({"created_by": str(uuid4())}, "/created_by"),
    ({"access_level": "admin"}, "/access_level"),
    ({"latest": None}, "/latest"),
    ({"colour": "red"}, "/colour"),
]


@pytest.mark.parametrize(("fields", "pointer"), WRONG)
async def test_a_wrong_field_is_pointed_at_and_nothing_is_stored(
    home: Household, fields: dict[str, Any], pointer: str
) -> None:
    ann = await home.person("ann")
    stored = await ann.source()
    for response in (
        await ann.post("/v1/sources", {**LEAST, **fields}),
        await ann.patch(f"/v1/sources/{stored['id']}", fields),
    ):
        assert response.status_code == 422, response.text
        assert pointers(response) == [pointer]
    assert (await ann.get("/v1/sources")).json()["items"] == [stored]


@pytest.mark.parametrize("field", ["name", "description", "meter_number"])
async def test_a_text_holds_no_nul(home: Household, field: str) -> None:
    ann = await home.person("ann")
    stored = await ann.source()
    assert (await ann.post("/v1/sources", {**LEAST, field: "a\x00b"})).status_code == 422
    assert (await ann.patch(f"/v1/sources/{stored['id']}", {field: "a\x00b"})).status_code == 422


async def test_an_id_cannot_be_changed(home: Household) -> None:
    ann = await home.person("ann")
    stored = await ann.source()
    response = await ann.patch(f"/v1/sources/{stored['id']}", {"id": str(uuid4())})
    assert (response.status_code, pointers(response)) == (422, ["/id"])


async def test_an_unknown_and_a_foreign_home_are_the_same_mistake(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    foreign, unknown = (await ben.home())["id"], str(uuid4())
    stored = await ann.source()
    made = [await ann.post("/v1/sources", {**LEAST, "home_id": place}) for place in (foreign, unknown)]
    moved = [await ann.patch(f"/v1/sources/{stored['id']}", {"home_id": place}) for place in (foreign, unknown)]
    for response in made + moved:
        assert (response.status_code, pointers(response)) == (422, ["/home_id"])
        assert told(response) == told(made[0])


async def test_making_a_source_twice_makes_one(home: Household, dba: Any) -> None:
    ann = await home.person("ann")
    body = {**WHOLE, "id": str(uuid4())}
    first = await ann.post("/v1/sources", body)
    second = await ann.post("/v1/sources", body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert first.headers["etag"] == second.headers["etag"]
    assert "location" not in second.headers
    assert await dba.fetchval("SELECT count(*) FROM user_source_access") == 1


async def test_a_source_that_was_made_before_comes_with_its_latest_reading_and_level(home: Household, dba: Any) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    body = {**LEAST, "id": str(uuid4())}
    made = await ann.made("/v1/sources", **body)
    await log(dba, made, "2025-01-01T00:00:00Z", 7)
    await ann.grant(made, ben, "admin")
    assert (await ben.put(f"/v1/sources/{made['id']}/access/{ann.id}", {"access_level": "read"})).status_code == 200
    again = (await ann.post("/v1/sources", body)).json()
    assert (again["latest"]["value"], again["access_level"]) == (7, "read")


async def test_the_same_source_sent_ten_times_at_once_is_made_once(home: Household) -> None:
    ann = await home.person("ann")
    body = {**LEAST, "id": str(uuid4())}
    answers = await asyncio.gather(*(ann.post("/v1/sources", body) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]


async def test_an_id_that_is_taken_is_one_conflict_whoever_has_it(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    body = {**LEAST, "id": str(uuid4())}
    await ann.made("/v1/sources", **body)
    own = await ann.post("/v1/sources", {**body, "unit": "MWh"})
    foreign = await ben.post("/v1/sources", body)
    assert (own.status_code, foreign.status_code) == (409, 409)
    assert told(own) == told(foreign)
    assert await names(ben) == []


async def test_a_deleted_source_can_be_made_anew(home: Household) -> None:
    ann = await home.person("ann")
    body = {**LEAST, "id": str(uuid4())}
    await ann.made("/v1/sources", **body)
    assert (await ann.delete(f"/v1/sources/{body['id']}")).status_code == 204
    assert (await ann.post("/v1/sources", body)).status_code == 201


# Seeing


@pytest.mark.parametrize("level", ["read", "write", "admin"])
async def test_a_shared_source_shows_each_person_their_own_level(home: Household, level: str) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.source(**WHOLE)
    await ann.grant(made, ben, level)
    seen = (await ben.get(f"/v1/sources/{made['id']}")).json()
    assert seen == {**made, "access_level": level}
    assert (await ben.get("/v1/sources")).json()["items"] == [seen]


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_a_foreign_source_looks_like_one_that_is_not_there(home: Household, method: str) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.source()
    body = {"json": {"name": "Mine now"}} if method == "PATCH" else {}
    foreign = await ben.call(method, f"/v1/sources/{made['id']}", **body)
    unknown = await ben.call(method, f"/v1/sources/{uuid4()}", **body)
    stale = await ben.call(method, f"/v1/sources/{made['id']}", headers={"If-Match": '"1-0"'}, **body)
    assert (foreign.status_code, unknown.status_code, stale.status_code) == (404, 404, 404)
    assert told(foreign) == told(unknown)
    assert (await ann.get(f"/v1/sources/{made['id']}")).json() == made


async def test_without_signing_in_what_is_not_public_is_401_existing_or_not(home: Household) -> None:
    ann = await home.person("ann")
    private, public = await ann.source(), await ann.source(is_public=True)
    calls: list[tuple[str, str]] = [
        ("GET", "/v1/sources"), ("POST", "/v1/sources"), ("GET", f"/v1/sources/{private['id']}"),
        ("GET", f"/v1/sources/{uuid4()}"), ("GET", "/v1/sources/1"),
        ("PATCH", f"/v1/sources/{private['id']}"), ("DELETE", f"/v1/sources/{private['id']}"),
        ("PATCH", f"/v1/sources/{public['id']}"), ("DELETE", f"/v1/sources/{public['id']}"),
    ]  # fmt: skip
    answers = []
    for method, path in calls:
        body = {"json": LEAST} if method in {"POST", "PATCH"} else {}
        answers.append(await home.nobody.call(method, path, **body))
        assert answers[-1].status_code == 401, (method, path)
    assert all(told(answer) == told(answers[0]) for answer in answers)


async def test_a_bad_token_is_401_even_for_a_public_source(home: Household) -> None:
    ann = await home.person("ann")
    public = await ann.source(is_public=True)
    headers = {"Authorization": "Bearer nonsense"}
    assert (await home.nobody.get(f"/v1/sources/{public['id']}", headers=headers)).status_code == 401


async def test_an_id_that_is_no_uuid_is_not_found(home: Household) -> None:
    ann = await home.person("ann")
    for source_id in ("1", "' OR 1=1", "00000000-0000-0000-0000-00000000000g", "%00"):
        assert (await ann.get(f"/v1/sources/{source_id}")).status_code == 404


async def test_a_public_source_shows_strangers_all_but_whom_and_where(home: Household, dba: Any) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.source(**WHOLE)
    reading = await log(dba, made, "2025-01-01T00:00:00Z", 7.5)
    shown = {
        **made,
        **dict.fromkeys(("meter_number", "address", "created_by", "access_level")),
        "latest": {"id": reading, "timestamp": "2025-01-01T00:00:00Z", "value": 7.5, "quality_flag": "good"},
    }
    for stranger in (ben, home.nobody):
        response = await stranger.get(f"/v1/sources/{made['id']}")
        assert (response.status_code, response.json()) == (200, shown)
        tag = {"If-None-Match": response.headers["etag"]}
        assert (await stranger.get(f"/v1/sources/{made['id']}", headers=tag)).status_code == 304


async def test_a_public_source_stands_in_no_strangers_list(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.source(is_public=True)
    assert (await ben.get("/v1/sources")).json() == {"items": [], "next_cursor": None}
    assert await names(ben, q=made["name"]) == []


async def test_a_source_that_is_public_no_more_is_hidden_again(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.source(is_public=True)
    await ann.patch(f"/v1/sources/{made['id']}", {"is_public": False})
    assert (await ben.get(f"/v1/sources/{made['id']}")).status_code == 404
    assert (await home.nobody.get(f"/v1/sources/{made['id']}")).status_code == 401


async def test_latest_is_the_newest_by_its_time_not_by_its_arrival(home: Household, dba: Any) -> None:
    ann = await home.person("ann")
    made, other, empty = await ann.source(), await ann.source(name="Other"), await ann.source(name="Empty")
    newest = await log(dba, made, "2025-06-01T12:00:00.250000+02:00", 3, "bad")
    await log(dba, made, "2025-05-01T12:00:00Z", 2)
    await log(dba, other, "2030-01-01T00:00:00Z", 1e300)
    latest = {"id": newest, "timestamp": "2025-06-01T10:00:00.250000Z", "value": 3.0, "quality_flag": "bad"}
    assert (await ann.get(f"/v1/sources/{made['id']}")).json()["latest"] == latest

    listed = {item["id"]: item["latest"] for item in (await ann.get("/v1/sources")).json()["items"]}
    assert listed[made["id"]] == latest
    assert listed[other["id"]]["value"] == 1e300
    assert listed[empty["id"]] is None

    changed = await ann.patch(f"/v1/sources/{made['id']}", {"name": "Renamed"})
    assert changed.json()["latest"] == latest


async def test_the_etag_covers_level_and_latest_and_if_match_only_the_row(home: Household, dba: Any) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.source()
    path = f"/v1/sources/{made['id']}"
    before = (await ann.get(path)).headers["etag"]
    await log(dba, made, "2025-01-01T00:00:00Z")
    after = (await ann.get(path, headers={"If-None-Match": before})).headers["etag"]
    assert after != before
    assert (await ann.get(path, headers={"If-None-Match": after})).status_code == 304

    await ann.grant(made, ben, "read")
    as_reader = (await ben.get(path)).headers["etag"]
    await ann.put(f"{path}/access/{ben.id}", {"access_level": "write"})
    assert (await ben.get(path, headers={"If-None-Match": as_reader})).status_code == 200

    assert (await ann.patch(path, {"name": "x"}, headers={"If-Match": before})).status_code == 200
    assert (await ann.patch(path, {"name": "y"}, headers={"If-Match": before})).status_code == 412
    assert (await ann.delete(path, headers={"If-Match": before})).status_code == 412
    assert (await ann.get(path)).json()["name"] == "x"


# Lists


async def test_a_list_is_narrowed_by_home_and_type(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    cabin, foreign = await ann.home(name="Cabin"), await ben.home()
    await ann.source(name="a", home_id=cabin["id"], source_type="heat")
    await ann.source(name="b", home_id=cabin["id"], source_type="water")
    await ann.source(name="c", source_type="water")
    assert await names(ann, home_id=cabin["id"]) == ["a", "b"]
    assert await names(ann, source_type="water") == ["b", "c"]
    assert await names(ann, home_id=cabin["id"], source_type="water", q="B") == ["b"]
    assert await names(ann, source_type="WATER") == []
    assert await names(ann, home_id=foreign["id"]) == await names(ann, home_id=str(uuid4())) == []


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("cellar", ["In the Cellar"]), ("CELLAR", ["In the Cellar"]), ("østre", ["Gas"]), ("ØSTRE", ["Gas"]),
        ("65-99", ["Water"]), ("65-", ["Gas", "Water"]), ("%", ["100 %"]), ("_", ["a_b"]), ("a_b", ["a_b"]),
        ("axb", []), ("\\", ["back\\slash"]), ("'", ["o'clock"]), ("in the cellarx", []), ("", None),
    ],
)  # fmt: skip
async def test_q_finds_a_part_of_name_place_or_number_letter_by_letter(
    home: Household, q: str, found: list[str] | None
) -> None:
    ann = await home.person("ann")
    await ann.source(name="In the Cellar")
    await ann.source(name="Gas", place_name="Østre Gasværk", meter_number="65-12")
    await ann.source(name="Water", meter_number="AB65-99")
    for name in ("100 %", "a_b", "back\\slash", "o'clock"):
        await ann.source(name=name, description="cellar")
    assert await names(ann, q=q) == (await names(ann) if found is None else found)


async def test_pages_show_every_source_once_though_more_are_made_meanwhile(home: Household) -> None:
    ann = await home.person("ann")
    before = [(await ann.source(name=f"Meter {number}"))["id"] for number in range(5)]
    first = (await ann.get("/v1/sources", params={"limit": 2, "q": "METER"})).json()
    await ann.source(id="00000000-0000-7000-8000-000000000000")
    seen, cursor = [item["id"] for item in first["items"]], first["next_cursor"]
    while cursor:
        page = (await ann.get("/v1/sources", params={"limit": 2, "q": "METER", "cursor": cursor})).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == before


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 422), ("limit=1001", 422), ("limit=x", 400), ("cursor=zz", 400),
        ("cursor=WyJob21lcyIsMV0", 400), ("home_id=1", 400), ("home_id=", 400), ("q=" + "x" * 201, 422),
        ("q=%00", 422), ("source_type=%00", 422),
    ],
)  # fmt: skip
async def test_a_list_that_cannot_be_is_refused(home: Household, query: str, status: int) -> None:
    ann = await home.person("ann")
    response = await ann.get(f"/v1/sources?{query}")
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"


# Changing


async def test_a_change_touches_only_what_was_sent(home: Household) -> None:
    ann = await home.person("ann")
    place = await ann.home()
    made = await ann.source(**WHOLE, home_id=place["id"])
    path = f"/v1/sources/{made['id']}"
    now = made
    for field, value in {
        "name": "Renamed", "description": None, "source_type": "gas", "unit": "kWh", "kind": "delta",
        "home_id": None, "meter_number": None, "place_name": None, "address": None, "thumbnail_url": None,
        "is_public": False,
    }.items():  # fmt: skip
        changed = (await ann.patch(path, {field: value})).json()
        assert changed == {**now, field: value, "updated_at": changed["updated_at"]}
        assert changed["updated_at"] > now["updated_at"]
        now = changed
    assert (await ann.get(path)).json() == now


@pytest.mark.parametrize("level", ["read", "write"])
async def test_only_admins_change_or_delete_a_source(home: Household, dba: Any, level: str) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.source()
    path = f"/v1/sources/{made['id']}"
    await ann.grant(made, ben, level)
    stale = {"If-Match": '"1-0"'}
    assert (await ben.patch(path, {"name": "x"})).status_code == 403
    assert (await ben.patch(path, {"name": "x"}, headers=stale)).status_code == 403
    assert (await ben.delete(path)).status_code == 403
    assert (await ann.get(path)).json() == made
    refused = await dba.fetch("SELECT user_id, source_id FROM audit_logs WHERE event_type = 'access_denied'")
    assert [(str(row[0]), str(row[1])) for row in refused] == [(ben.id, made["id"])] * 3


async def test_strangers_see_a_public_source_and_may_not_change_it(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.source(is_public=True)
    path = f"/v1/sources/{made['id']}"
    assert (await ben.patch(path, {"name": "x"})).status_code == 403
    assert (await ben.delete(path)).status_code == 403
    assert (await ann.get(path)).json() == made


async def test_an_admin_who_is_not_of_the_home_changes_all_but_the_home(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    hers, his = await ann.home(), await ben.home()
    made = await ann.source(home_id=hers["id"])
    path = f"/v1/sources/{made['id']}"
    await ann.grant(made, ben, "admin")
    renamed = await ben.patch(path, {"name": "Renamed", "home_id": hers["id"]})
    assert (renamed.status_code, renamed.json()["home_id"]) == (200, hers["id"])
    assert (await ben.patch(path, {"home_id": his["id"]})).json()["home_id"] == his["id"]
    back = await ben.patch(path, {"home_id": hers["id"]})
    assert (back.status_code, pointers(back)) == (422, ["/home_id"])


async def test_of_two_changes_to_one_version_one_is_stale(home: Household) -> None:
    ann = await home.person("ann")
    for _ in range(5):
        made = await ann.post("/v1/sources", LEAST)
        path, tag = made.headers["location"], {"If-Match": made.headers["etag"]}
        answers = await asyncio.gather(
            ann.patch(path, {"name": "x"}, headers=tag), ann.patch(path, {"unit": "x"}, headers=tag)
        )
        assert sorted(answer.status_code for answer in answers) == [200, 412]


async def test_two_changes_at_once_are_both_kept(home: Household) -> None:
    ann = await home.person("ann")
    path = f"/v1/sources/{(await ann.source())['id']}"
    await asyncio.gather(ann.patch(path, {"name": "x"}), ann.patch(path, {"unit": "y"}))
    seen = (await ann.get(path)).json()
    assert (seen["name"], seen["unit"]) == ("x", "y")


# Deleting


async def test_deleting_a_source_deletes_its_readings_and_leaves_one_row_that_tells_of_them(
    home: Household, dba: Any
) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.source(name="Heat")
    path = f"/v1/sources/{made['id']}"
    await ann.grant(made, ben, "read")
    for day in (3, 1, 2):
        await log(dba, made, f"2025-01-0{day}T00:00:00Z")
    response = await ann.delete(path)
    assert (response.status_code, response.content) == (204, b"")

    for person in (ann, ben):
        assert (await person.get(path)).status_code == 404
        assert await names(person) == []
    assert (await ann.delete(path)).status_code == 404
    assert await dba.fetchval("SELECT count(*) FROM readings") == 0
    rows = await dba.fetch(
        "SELECT user_id::text,"
        " details ->> 'name', details ->> 'readings', details ->> 'first', details ->> 'last'"
        " FROM audit_logs WHERE event_type = 'delete_source'"
    )
    assert [tuple(row) for row in rows] == [
        (ann.id, "Heat", "3", "2025-01-01T00:00:00+00:00", "2025-01-03T00:00:00+00:00")
    ]
    assert await dba.fetchval("SELECT count(*) FROM audit_logs WHERE event_type = 'delete_entry'") == 0


async def test_of_two_deletions_at_once_one_finds_nothing(home: Household) -> None:
    ann = await home.person("ann")
    for _ in range(5):
        path = f"/v1/sources/{(await ann.source())['id']}"
        answers = await asyncio.gather(ann.delete(path), ann.delete(path))
        assert sorted(answer.status_code for answer in answers) == [204, 404]


# Audit


async def test_a_view_is_audited_once_an_hour_for_each_caller(home: Household, dba: Any) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.source(is_public=True)
    for viewer in (ann, ann, ben, home.nobody, home.nobody):
        assert (await viewer.get(f"/v1/sources/{made['id']}")).status_code == 200
    await ann.get("/v1/sources")
    await ann.get(f"/v1/sources/{uuid4()}")
    rows = await dba.fetch(
        "SELECT user_id::text, source_id::text FROM audit_logs WHERE event_type = 'view_source' ORDER BY id"
    )
    assert [tuple(row) for row in rows] == [(ann.id, made["id"]), (ben.id, made["id"]), (None, made["id"])]


async def test_an_audit_row_tells_old_and_new(home: Household, dba: Any) -> None:
    ann = await home.person("ann")
    made = await ann.source(name="Old")
    await ann.patch(f"/v1/sources/{made['id']}", {"name": "New"})
    (row,) = await dba.fetch("SELECT details FROM audit_logs WHERE event_type = 'update_source'")
    assert json.loads(row["details"])["name"] == {"old": "Old", "new": "New"}


async def test_the_id_of_a_source_that_is_gone_stays_with_who_made_it(home: Household) -> None:
    # Its audit stays, and whoever administers the id reads that.
    ann, bob = await home.person("ann"), await home.person("bob")
    source = await ann.source()
    assert (await ann.delete(f"/v1/sources/{source['id']}")).status_code == 204
    sent = {"id": source["id"], "name": "Mine", "source_type": "heat", "unit": "kWh"}
    assert (await bob.post("/v1/sources", sent)).status_code == 409
    assert (await ann.post("/v1/sources", sent)).status_code == 201
