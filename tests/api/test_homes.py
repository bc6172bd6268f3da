"""Homes: who sees them, what they may hold, and what happens to what stands in them."""

import asyncio
import re
from typing import Any
from uuid import uuid4

import pytest

from tests.people import Household

UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")


def pointers(response: Any) -> list[str]:
    """Where the answer says the request is wrong."""
    assert response.headers["content-type"] == "application/problem+json"
    return [error["pointer"] for error in response.json()["errors"]]


async def test_a_home_is_answered_as_it_was_stored(home: Household) -> None:
    ann = await home.person("ann")
    body = {"name": "Sea view", "address": "1 Quay", "timezone": "Asia/Kathmandu"}
    response = await ann.post("/v1/homes", body)
    assert response.status_code == 201
    made = response.json()
    assert list(made) == [
        "id", "name", "address", "timezone", "created_at", "updated_at", "created_by", "access_level",
    ]  # fmt: skip
    assert {name: made[name] for name in body} == body
    assert (made["created_by"], made["access_level"]) == (ann.id, "admin")
    assert UTC.fullmatch(made["created_at"])
    assert UTC.fullmatch(made["updated_at"])
    assert response.headers["location"] == f"/v1/homes/{made['id']}"

    read = await ann.get(response.headers["location"])
    assert read.json() == made
    assert read.headers["etag"] == response.headers["etag"]


async def test_a_home_needs_only_a_name_and_then_keeps_utc(home: Household) -> None:
    ann = await home.person("ann")
    made = await ann.made("/v1/homes", name="Cabin")
    assert (made["address"], made["timezone"]) == (None, "UTC")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/name"),
        ({"name": None}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": " \t\n"}, "/name"),
        ({"name": "x" * 101}, "/name"),
        ({"name": 5}, "/name"),
        ({"name": "x", "address": "x" * 501}, "/address"),
        ({"name": "x", "timezone": None}, "/timezone"),
        ({"name": "x", "timezone": ""}, "/timezone"),
        ({"name": "x", "timezone": "FOO3"}, "/timezone"),
        ({"name": "x", "timezone": "europe/copenhagen"}, "/timezone"),
        ({"name": "x", "timezone": "posix/Europe/Copenhagen"}, "/timezone"),
        ({"name": "x", "timezone": "Europe/Copenhagen; DROP TABLE homes"}, "/timezone"),
        ({"name": "x", "id": "1"}, "/id"),
        ({"name": "x", "created_by": str(uuid4())}, "/created_by"),
        ({"name": "x", "created_at": "2020-01-01T00:00:00Z"}, "/created_at"),
        ({"name": "x", "updated_at": "2020-01-01T00:00:00Z"}, "/updated_at"),
        ({"name": "x", "access_level": "admin"}, "/access_level"),
        ({"name": "x", "colour": "red"}, "/colour"),
    ],
)
async def test_a_wrong_field_is_pointed_at_and_nothing_is_made(
    home: Household, body: dict[str, Any], pointer: str
) -> None:
    ann = await home.person("ann")
    response = await ann.post("/v1/homes", body)
    assert response.status_code == 422, response.text
    assert pointers(response) == [pointer]
    assert (await ann.get("/v1/homes")).json()["items"] == []


@pytest.mark.parametrize("text", ["a\x00b", "\x00"])
async def test_a_name_holds_no_nul(home: Household, text: str) -> None:
    ann = await home.person("ann")
    assert (await ann.post("/v1/homes", {"name": text})).status_code == 422
    made = await ann.home()
    assert (await ann.patch(f"/v1/homes/{made['id']}", {"name": text})).status_code == 422


async def test_a_name_may_be_a_hundred_letters_of_any_script(home: Household) -> None:
    ann = await home.person("ann")
    name = "家🏡" * 50
    assert (await ann.made("/v1/homes", name=name))["name"] == name


async def test_homes_belong_to_who_made_them(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    hers = await ann.home(name="Hers")
    his = await ben.home(name="His")
    assert [item["id"] for item in (await ann.get("/v1/homes")).json()["items"]] == [hers["id"]]
    assert [item["id"] for item in (await ben.get("/v1/homes")).json()["items"]] == [his["id"]]


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_a_foreign_home_looks_like_one_that_is_not_there(home: Household, method: str) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.home()
    body = {"json": {"name": "Mine now"}} if method == "PATCH" else {}
    foreign = await ben.call(method, f"/v1/homes/{made['id']}", **body)
    unknown = await ben.call(method, f"/v1/homes/{uuid4()}", **body)
    assert (foreign.status_code, unknown.status_code) == (404, 404)
    assert {**foreign.json(), "instance": ""} == {**unknown.json(), "instance": ""}
    assert (await ann.get(f"/v1/homes/{made['id']}")).json() == made


async def test_an_id_that_is_no_uuid_is_not_found(home: Household) -> None:
    ann = await home.person("ann")
    for path in ("/v1/homes/1", "/v1/homes/' OR 1=1", "/v1/homes/00000000-0000-0000-0000-00000000000g"):
        assert (await ann.get(path)).status_code == 404
        assert (await home.nobody.get(path)).status_code == 401


async def test_without_signing_in_every_call_is_401(home: Household) -> None:
    ann = await home.person("ann")
    made = await ann.home()
    calls: list[tuple[str, str]] = [
        ("GET", "/v1/homes"), ("POST", "/v1/homes"), ("GET", f"/v1/homes/{made['id']}"),
        ("PATCH", f"/v1/homes/{made['id']}"), ("DELETE", f"/v1/homes/{made['id']}"),
        ("GET", f"/v1/homes/{uuid4()}"),
    ]  # fmt: skip
    for method, path in calls:
        body = {"json": {"name": "x"}} if method in {"POST", "PATCH"} else {}
        response = await home.nobody.call(method, path, **body)
        assert response.status_code == 401, (method, path)
        assert response.headers["www-authenticate"].startswith("Bearer")


async def test_a_change_touches_only_what_was_sent(home: Household) -> None:
    ann = await home.person("ann")
    made = await ann.home(name="Home", address="1 Quay", timezone="Europe/Copenhagen")
    path = f"/v1/homes/{made['id']}"

    changed = (await ann.patch(path, {"name": "House"})).json()
    assert {**changed, "updated_at": ""} == {**made, "name": "House", "updated_at": ""}
    assert changed["updated_at"] > made["updated_at"]

    cleared = (await ann.patch(path, {"address": None})).json()
    assert {**cleared, "updated_at": ""} == {**changed, "address": None, "updated_at": ""}
    assert (await ann.get(path)).json() == cleared


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": None}, "/name"),
        ({"name": "  "}, "/name"),
        ({"timezone": None}, "/timezone"),
        ({"timezone": "FOO3"}, "/timezone"),
        ({"address": "x" * 501}, "/address"),
        ({"id": str(uuid4())}, "/id"),
        ({"created_by": str(uuid4())}, "/created_by"),
        ({"access_level": "read"}, "/access_level"),
    ],
)
async def test_a_wrong_change_is_pointed_at_and_changes_nothing(
    home: Household, body: dict[str, Any], pointer: str
) -> None:
    ann = await home.person("ann")
    made = await ann.home()
    response = await ann.patch(f"/v1/homes/{made['id']}", body)
    assert response.status_code == 422
    assert pointers(response) == [pointer]
    assert (await ann.get(f"/v1/homes/{made['id']}")).json() == made


async def test_a_version_that_is_known_is_not_sent_again(home: Household) -> None:
    ann = await home.person("ann")
    path = f"/v1/homes/{(await ann.home())['id']}"
    tag = (await ann.get(path)).headers["etag"]
    for asked in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await ann.get(path, headers={"If-None-Match": asked})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    await ann.patch(path, {"name": "House"})
    assert (await ann.get(path, headers={"If-None-Match": tag})).status_code == 200


async def test_a_change_of_an_old_version_is_refused(home: Household) -> None:
    ann = await home.person("ann")
    path = f"/v1/homes/{(await ann.home())['id']}"
    old = (await ann.get(path)).headers["etag"]
    new = (await ann.patch(path, {"name": "House"}, headers={"If-Match": old})).headers["etag"]

    for asked in (old, f"W/{new}", '"nonsense"', "nonsense"):
        assert (await ann.patch(path, {"name": "Hut"}, headers={"If-Match": asked})).status_code == 412
        assert (await ann.delete(path, headers={"If-Match": asked})).status_code == 412
    assert (await ann.get(path)).json()["name"] == "House"
    assert (await ann.patch(path, {"name": "Hut"}, headers={"If-Match": f"{old}, {new}"})).status_code == 200
    assert (await ann.delete(path, headers={"If-Match": "*"})).status_code == 204


async def test_a_foreign_home_is_not_found_before_it_is_stale(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    path = f"/v1/homes/{(await ann.home())['id']}"
    assert (await ben.patch(path, {"name": "x"}, headers={"If-Match": '"1-0"'})).status_code == 404


async def test_making_a_home_twice_makes_one(home: Household) -> None:
    ann = await home.person("ann")
    body = {"id": str(uuid4()), "name": "Home", "timezone": "Europe/Copenhagen"}
    first = await ann.post("/v1/homes", body)
    second = await ann.post("/v1/homes", body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert "location" not in second.headers
    assert len((await ann.get("/v1/homes")).json()["items"]) == 1


async def test_the_same_home_sent_ten_times_at_once_is_made_once(home: Household) -> None:
    ann = await home.person("ann")
    body = {"id": str(uuid4()), "name": "Home"}
    answers = await asyncio.gather(*(ann.post("/v1/homes", body) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]


async def test_an_id_that_is_taken_is_one_conflict_whoever_has_it(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    body = {"id": str(uuid4()), "name": "Home"}
    await ann.made("/v1/homes", **body)
    own = await ann.post("/v1/homes", {**body, "name": "Other"})
    foreign = await ben.post("/v1/homes", body)
    assert (own.status_code, foreign.status_code) == (409, 409)
    assert {**own.json(), "instance": ""} == {**foreign.json(), "instance": ""}


async def test_a_deleted_home_can_be_made_anew(home: Household) -> None:
    ann = await home.person("ann")
    body = {"id": str(uuid4()), "name": "Home"}
    await ann.made("/v1/homes", **body)
    assert (await ann.delete(f"/v1/homes/{body['id']}")).status_code == 204
    assert (await ann.post("/v1/homes", body)).status_code == 201


async def test_a_deleted_home_is_gone_and_what_stood_there_stays(home: Household) -> None:
    ann = await home.person("ann")
    made = await ann.home()
    source = await ann.source(home_id=made["id"])
    response = await ann.delete(f"/v1/homes/{made['id']}")
    assert (response.status_code, response.content) == (204, b"")
    assert (await ann.get(f"/v1/homes/{made['id']}")).status_code == 404
    assert (await ann.delete(f"/v1/homes/{made['id']}")).status_code == 404
    assert (await ann.get(f"/v1/sources/{source['id']}")).json()["home_id"] is None


async def test_of_two_deletions_at_once_one_finds_nothing(home: Household) -> None:
    ann = await home.person("ann")
    for _ in range(5):
        path = f"/v1/homes/{(await ann.home())['id']}"
        answers = await asyncio.gather(ann.delete(path), ann.delete(path))
        assert sorted(answer.status_code for answer in answers) == [204, 404]


async def test_pages_show_every_home_once_though_more_are_made_meanwhile(home: Household) -> None:
    ann = await home.person("ann")
    before = [(await ann.home(name=f"Home {number}"))["id"] for number in range(5)]
    first = (await ann.get("/v1/homes", params={"limit": 2})).json()
    await ann.home(id="00000000-0000-7000-8000-000000000000", name="Sorts first")
    seen = [item["id"] for item in first["items"]]
    cursor = first["next_cursor"]
    while cursor:
        page = (await ann.get("/v1/homes", params={"limit": 2, "cursor": cursor})).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == before


async def test_a_full_last_page_says_that_it_is_the_last(home: Household) -> None:
    ann = await home.person("ann")
    await ann.home()
    await ann.home()
    assert (await ann.get("/v1/homes", params={"limit": 2})).json()["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 422), ("limit=1001", 422), ("limit=-1", 422), ("limit=abc", 400), ("limit=1.5", 400),
        ("cursor=zz", 400), ("cursor=%00", 400), ("cursor=ü", 400), ("cursor=WyJzb3VyY2VzIiwxXQ", 400),
    ],
)  # fmt: skip
async def test_a_page_that_cannot_be_is_refused(home: Household, query: str, status: int) -> None:
    ann = await home.person("ann")
    response = await ann.get(f"/v1/homes?{query}")
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b'{"name":"\xff"}', "application/json", 400),
        (b'{"name":"\\ud800"}', "application/json", 400),
        (b'{"name":' + b"[" * 100_000, "application/json", 422),
        (b"[]", "application/json", 422),
        (b"null", "application/json", 422),
        (b'{"name":"x"}', "text/plain", 415),
        (b'{"name":"x"}', "application/x-www-form-urlencoded", 415),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    home: Household, body: bytes, media_type: str, status: int
) -> None:
    ann = await home.person("ann")
    response = await ann.post("/v1/homes", content=body, headers={"Content-Type": media_type})
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"


async def test_what_is_done_to_a_home_is_audited(home: Household, dba: Any) -> None:
    ann = await home.person("ann")
    made = await ann.home()
    await ann.patch(f"/v1/homes/{made['id']}", {"name": "House"})
    await ann.delete(f"/v1/homes/{made['id']}")
    rows = await dba.fetch("SELECT event_type, user_id::text FROM audit_logs WHERE event_type ~ '_home$' ORDER BY id")
    assert [tuple(row) for row in rows] == [
        ("create_home", ann.id), ("update_home", ann.id), ("delete_home", ann.id),
    ]  # fmt: skip
