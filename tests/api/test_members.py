"""Members and guests: whoever belongs to a home has their level for all that stands in it; a guest's ends by itself."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.people import Household, Person

FIELDS = [
    "home_id", "user_id", "email", "display_name", "access_level", "expires_at", "granted_at", "granted_by",
]  # fmt: skip
LEVELS = ["read", "write", "admin"]


def members(place: Any, person: Person | None = None) -> str:
    """The path of a home's members, or of one of them."""
    return f"/v1/homes/{place['id']}/members" + (f"/{person.id}" if person else "")


def soon(seconds: float) -> str:
    """A time from now, as the API takes it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def pointers(response: Any) -> list[str]:
    """Where the answer says the request is wrong."""
    assert response.headers["content-type"] == "application/problem+json"
    return [error["pointer"] for error in response.json().get("errors", [])]


async def levels(admin: Person, place: Any) -> dict[str, str]:
    """Who has which level, as an admin of the home sees it."""
    response = await admin.get(members(place))
    assert response.status_code == 200, response.text
    return {member["user_id"]: member["access_level"] for member in response.json()["items"]}


async def statuses(person: Person, *paths: str) -> list[int]:
    """What each of some GETs answers."""
    return [(await person.get(path)).status_code for path in paths]


async def expire(dba: Any, person: Person) -> None:
    """End a guest's access by letting its time come."""
    await dba.execute(
        "UPDATE home_members SET expires_at = now() + interval '1 microsecond' WHERE user_id = $1", person.id
    )


class Furnished:
    """A home of Ann's with a source, a reading, a plant and its care in it."""

    def __init__(self, place: Any, source: Any, reading: Any, plant: Any) -> None:
        self.place, self.source, self.reading, self.plant = place, source, reading, plant
        self.paths = [
            f"/v1/homes/{place['id']}",
            f"/v1/sources/{source['id']}",
            f"/v1/sources/{source['id']}/readings",
            f"/v1/sources/{source['id']}/readings/{reading['id']}",
            f"/v1/sources/{source['id']}/series",
            f"/v1/plants/{plant['id']}",
        ]


async def furnished(ann: Person) -> Furnished:
    """Make a home and something of everything in it."""
    place = await ann.home()
    source = await ann.source(home_id=place["id"], kind="counter")
    reading = await ann.made(f"/v1/sources/{source['id']}/readings", value=1, timestamp="2026-01-01T00:00:00Z")
    plant = await ann.plant(home_id=place["id"])
    assert (await ann.post(f"/v1/plants/{plant['id']}/water", {})).status_code == 200
    return Furnished(place, source, reading, plant)


# Inviting


async def test_whoever_makes_a_home_is_its_first_member_an_admin(home: Household) -> None:
    ann = await home.person("ann")
    place = await ann.home()
    assert place["access_level"] == "admin"
    (member,) = (await ann.get(members(place))).json()["items"]
    assert (member["user_id"], member["access_level"], member["expires_at"]) == (ann.id, "admin", None)
    assert member["granted_by"] == ann.id


async def test_an_invitation_names_the_person_and_who_invited_them(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    place = await ann.home()
    response = await ann.post(members(place), {"user_id": ben.id, "access_level": "write"})
    assert response.status_code == 201, response.text
    member = response.json()
    assert list(member) == FIELDS
    assert member == {
        "home_id": place["id"],
        "user_id": ben.id,
        "email": "ben@example.org",
        "display_name": "Ben",
        "access_level": "write",
        "expires_at": None,
        "granted_at": member["granted_at"],
        "granted_by": ann.id,
    }
    assert response.headers["location"] == members(place, ben)
    assert member in (await ann.get(members(place))).json()["items"]


@pytest.mark.parametrize("email", ["ben@example.org", "BEN@Example.ORG"])
async def test_a_member_is_invited_by_email_in_any_case_of_letters(home: Household, email: str) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    member = await ann.made(members(await ann.home()), email=email, access_level="read")
    assert (member["user_id"], member["email"]) == (ben.id, "ben@example.org")


async def test_who_has_no_account_cannot_be_invited(home: Household, dba: Any) -> None:
    ann, gone = await home.person("ann"), await home.person("gone")
    await dba.execute("UPDATE users SET is_active = false WHERE id = $1", gone.id)
    place = await ann.home()
    for named in (
        {"user_id": str(uuid4())}, {"user_id": gone.id}, {"email": gone.email},
        {"email": "nobody@example.org"}, {"email": "no address"}, {"email": "%"},
    ):  # fmt: skip
        response = await ann.post(members(place), {**named, "access_level": "read"})
        assert (response.status_code, pointers(response)) == (422, [f"/{next(iter(named))}"])
        assert response.json()["detail"] == "This account does not exist."
    assert list(await levels(ann, place)) == [ann.id]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"access_level": "read"}, ""),
        ({"access_level": "read", "user_id": None, "email": None}, ""),
        ({"access_level": "read", "user_id": str(uuid4()), "email": "ben@example.org"}, ""),
        ({"email": "ben@example.org"}, "/access_level"),
        ({"email": "ben@example.org", "access_level": "owner"}, "/access_level"),
        ({"email": "", "access_level": "read"}, "/email"),
        ({"user_id": "ben", "access_level": "read"}, "/user_id"),
        ({"email": "ben@example.org", "access_level": "read", "granted_by": str(uuid4())}, "/granted_by"),
        ({"email": "ben@example.org", "access_level": "read", "expires_at": "tomorrow"}, "/expires_at"),
        ({"email": "ben@example.org", "access_level": "read", "expires_at": "2999-01-01T00:00:00"}, "/expires_at"),
        ({"email": "ben@example.org", "access_level": "read", "expires_at": 4102444800}, "/expires_at"),
        ({"email": "ben@example.org", "access_level": "read", "expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"email": "ben@example.org", "access_level": "read", "expires_at": "0001-01-01T00:00:00Z"}, "/expires_at"),
        ([], ""),
    ],
)
async def test_a_wrong_invitation_is_pointed_at_and_invites_nobody(home: Household, body: Any, pointer: str) -> None:
    ann, _ = await home.person("ann"), await home.person("ben")
    place = await ann.home()
    response = await ann.post(members(place), body)
    assert (response.status_code, pointers(response)) == (422, [pointer])
    assert list(await levels(ann, place)) == [ann.id]


async def test_the_same_invitation_sent_twice_is_one_and_another_a_conflict(home: Household, dba: Any) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    place = await ann.home()
    until = "2999-01-01T00:00:00Z"
    first = await ann.post(members(place), {"user_id": ben.id, "access_level": "read", "expires_at": until})
    second = await ann.post(members(place), {"email": ben.email, "access_level": "read", "expires_at": until})
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert "location" not in second.headers
    for other in ({"access_level": "write", "expires_at": until}, {"access_level": "read"}):
        response = await ann.post(members(place), {"user_id": ben.id, **other})
        assert (response.status_code, response.json()["type"]) == (409, "/errors/conflict")
        assert "PUT" in response.json()["detail"]
    assert (await levels(ann, place))[ben.id] == "read"
    told = "SELECT array_agg(event_type ORDER BY id) FROM audit_logs WHERE details ->> 'user_id' = $1"
    assert await dba.fetchval(told, ben.id) == ["add_member"]


async def test_a_new_member_is_where_location_says(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    place = await ann.home()
    made = await ann.post(members(place), {"user_id": ben.id, "access_level": "read"})
    assert made.headers["location"] == members(place, ben)
    there = await ann.get(made.headers["location"])
    assert (there.status_code, there.json()) == (200, made.json())
    assert (await ben.get(made.headers["location"])).json() == made.json()
    assert (await ben.get(members(place, ann))).status_code == 403
    await ann.delete(made.headers["location"])
    assert await statuses(ann, members(place, ben), f"{members(place)}/{uuid4()}", f"{members(place)}/1") == [404] * 3
    assert await statuses(ben, members(place, ann)) == [404]


async def test_a_guest_whose_time_is_over_is_at_no_location(home: Household, dba: Any) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    place = await ann.home()
    await ann.invite(place, ben, "read", expires_at="2999-01-01T00:00:00Z")
    await expire(dba, ben)
    assert await statuses(ann, members(place, ben)) == [404]


async def test_the_same_invitation_sent_ten_times_at_once_is_one(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    place = await ann.home()
    body = {"user_id": ben.id, "access_level": "read"}
    answers = await asyncio.gather(*(ann.post(members(place), body) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]


async def test_an_admin_cannot_lower_themselves_by_inviting(home: Household) -> None:
    ann = await home.person("ann")
    place = await ann.home()
    assert (await ann.post(members(place), {"user_id": ann.id, "access_level": "admin"})).status_code == 200
    assert (await ann.post(members(place), {"user_id": ann.id, "access_level": "read"})).status_code == 409


# What a level allows, of sources, readings, plants and care alike


@pytest.mark.parametrize("level", LEVELS)
async def test_a_members_level_holds_for_all_that_stands_in_the_home(home: Household, level: str) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    has = await furnished(ann)
    elsewhere = [await ann.source(), await ann.plant()]
    await ann.invite(has.place, ben, level)
    writes, administers = level != "read", level == "admin"
    assert await statuses(ben, *has.paths) == [200] * len(has.paths)
    assert (await ben.get(has.paths[0])).json()["access_level"] == level
    assert [each["access_level"] for each in (await ben.get("/v1/homes")).json()["items"]] == [level]
    assert (await ben.get(has.paths[1])).json()["access_level"] == level
    (listed,) = (await ben.get("/v1/sources")).json()["items"]
    assert (listed["id"], listed["access_level"]) == (has.source["id"], level)
    (latest,) = (await ben.get("/v1/readings/latest")).json()["items"]
    assert latest["latest"]["id"] == has.reading["id"]
    assert [each["id"] for each in (await ben.get("/v1/plants")).json()["items"]] == [has.plant["id"]]
    assert await statuses(ben, f"/v1/sources/{elsewhere[0]['id']}", f"/v1/plants/{elsewhere[1]['id']}") == [404, 404]

    def allowed(may: bool, status: int) -> int:
        return status if may else 403

    source, plant = has.paths[1], has.paths[5]
    log = await ben.post(f"{source}/readings", {"value": 2, "timestamp": "2026-01-02T00:00:00Z"})
    assert log.status_code == allowed(writes, 201)
    assert (await ben.patch(has.paths[3], {"value": 1.5})).status_code == allowed(writes, 200)
    event = {"at": "2026-01-01T12:00:00Z", "kind": "swap"}
    assert (await ben.post(f"{source}/meter-events", event)).status_code == allowed(writes, 201)
    assert (await ben.post(f"{plant}/water", {})).status_code == allowed(writes, 200)
    assert (await ben.post(f"{plant}/growth", {"value": 3})).status_code == allowed(writes, 200)
    assert (await ben.patch(source, {"name": "Changed"})).status_code == allowed(administers, 200)
    assert (await ben.post(f"{source}/validators", {"min_value": 0})).status_code == allowed(administers, 201)
    assert (await ben.get(f"{source}/access")).status_code == allowed(administers, 200)
    assert (await ben.get(f"{source}/audit")).status_code == allowed(administers, 200)
    assert (await ben.patch(plant, {"name": "Changed"})).status_code == allowed(administers, 200)
    assert (await ben.patch(has.paths[0], {"name": "Changed"})).status_code == allowed(administers, 200)
    assert (await ben.get(members(has.place))).status_code == allowed(administers, 200)
    assert (await ben.delete(plant)).status_code == allowed(administers, 204)
    assert (await ben.delete(source)).status_code == allowed(administers, 204)
    assert (await ben.delete(has.paths[0])).status_code == allowed(administers, 204)


@pytest.mark.parametrize(("level", "status"), [("read", 422), ("write", 201), ("admin", 201)])
async def test_who_may_write_in_a_home_puts_things_into_it(home: Household, level: str, status: int) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    place = await ann.home()
    await ann.invite(place, ben, level)
    source = {"name": "Meter", "source_type": "heat", "unit": "kWh", "home_id": place["id"]}
    made = await ben.post("/v1/sources", source)
    grown = await ben.post("/v1/plants", {"name": "Fern", "kind": "fig", "home_id": place["id"]})
    assert (made.status_code, grown.status_code) == (status, status)
    if status == 422:
        unknown = await ben.post("/v1/sources", {**source, "home_id": str(uuid4())})
        assert {**made.json(), "instance": ""} == {**unknown.json(), "instance": ""}
    else:
        assert (await ann.get(f"/v1/sources/{made.json()['id']}")).json()["access_level"] == "admin"
        assert (await ann.patch(f"/v1/plants/{grown.json()['id']}", {"name": "x"})).status_code == 200


async def test_the_higher_of_grant_and_membership_holds(home: Household) -> None:
    ann, ben, cat = await home.person("ann"), await home.person("ben"), await home.person("cat")
    has = await furnished(ann)
    await ann.invite(has.place, ben, "read")
    await ann.grant(has.source, ben, "admin")
    await ann.invite(has.place, cat, "admin")
    await ann.grant(has.source, cat, "read")
    for person in (ben, cat):
        assert (await person.get(has.paths[1])).json()["access_level"] == "admin"
        (listed,) = (await person.get("/v1/sources")).json()["items"]
        assert listed["access_level"] == "admin"
        assert (await person.patch(has.paths[1], {"name": "x"})).status_code == 200


async def test_every_right_to_a_source_has_its_reason(home: Household) -> None:
    ann, ben, cat = await home.person("ann"), await home.person("ben"), await home.person("cat")
    has = await furnished(ann)
    await ann.invite(has.place, ben, "write")
    await ann.grant(has.source, ben, "read")
    await ann.grant(has.source, cat, "read")
    grants = (await ann.get(f"{has.paths[1]}/access")).json()["items"]
    assert [(each["user_id"], each["via"], each["access_level"]) for each in grants] == sorted(
        [
            (ann.id, "home", "admin"),
            (ann.id, "owner", "admin"),
            (ben.id, "grant", "read"),
            (ben.id, "home", "write"),
            (cat.id, "grant", "read"),
        ]
    )
    assert all(each["source_id"] == has.source["id"] and each["granted_by"] == ann.id for each in grants)
    paged: list[Any] = []
    cursor: dict[str, str] = {}
    while page := (await ann.get(f"{has.paths[1]}/access", params={"limit": 1, **cursor})).json():
        paged += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert paged == grants


async def test_a_source_is_shared_by_moving_it_into_a_home_and_no_longer_by_moving_it_out(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    place = await ann.home()
    await ann.invite(place, ben, "write")
    source, plant = await ann.source(), await ann.plant()
    paths = [f"/v1/sources/{source['id']}", f"/v1/plants/{plant['id']}"]
    for target, status in ((place["id"], 200), (None, 404), (place["id"], 200), ((await ann.home())["id"], 404)):
        for path in paths:
            assert (await ann.patch(path, {"home_id": target})).status_code == 200
        assert await statuses(ben, *paths) == [status, status]
        assert len((await ben.get("/v1/sources")).json()["items"]) == (status == 200)
        assert len((await ben.get("/v1/plants")).json()["items"]) == (status == 200)
        assert len((await ben.get("/v1/readings/latest")).json()["items"]) == (status == 200)


async def test_what_stood_in_a_home_that_is_deleted_is_its_owners_again(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    has = await furnished(ann)
    await ann.invite(has.place, ben, "admin")
    assert (await ben.delete(has.paths[0])).status_code == 204
    assert await statuses(ben, *has.paths) == [404] * len(has.paths)
    assert await statuses(ann, *has.paths) == [404] + [200] * (len(has.paths) - 1)


# Changing, removing, leaving


async def test_an_admin_changes_what_a_member_may_and_until_when(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    has = await furnished(ann)
    member = await ann.invite(has.place, ben, "read")
    until = "2999-01-01T00:00:00Z"
    response = await ann.put(members(has.place, ben), {"access_level": "write", "expires_at": until})
    changed = {**member, "access_level": "write", "expires_at": until}
    assert (response.status_code, response.json()) == (200, changed)
    assert (await ben.get(has.paths[0])).json()["access_level"] == "write"
    again = await ann.put(members(has.place, ben), {"access_level": "write", "expires_at": until})
    assert (again.status_code, again.json()) == (200, changed)
    stays = await ann.put(members(has.place, ben), {"access_level": "admin"})
    assert (stays.status_code, stays.json()["expires_at"]) == (200, None)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/access_level"),
        ({"access_level": "owner"}, "/access_level"),
        ({"access_level": "read", "home_id": str(uuid4())}, "/home_id"),
        ({"access_level": "read", "expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
    ],
)
async def test_a_wrong_change_of_a_member_changes_nothing(home: Household, body: Any, pointer: str) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    place = await ann.home()
    member = await ann.invite(place, ben, "write", expires_at="2999-01-01T00:00:00Z")
    response = await ann.put(members(place, ben), body)
    assert (response.status_code, pointers(response)) == (422, [pointer])
    assert member in (await ann.get(members(place))).json()["items"]


async def test_an_admin_is_no_guest(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    place = await ann.home()
    body = {"access_level": "admin", "expires_at": "2999-01-01T00:00:00Z"}
    invited = await ann.post(members(place), {"user_id": ben.id, **body})
    await ann.invite(place, ben, "write", expires_at=body["expires_at"])
    for response in (invited, await ann.put(members(place, ben), body), await ann.put(members(place, ann), body)):
        assert (response.status_code, response.json()["detail"]) == (422, "An admin's access does not end by itself.")
        assert pointers(response) == ["/expires_at"]
    assert await levels(ann, place) == {ann.id: "admin", ben.id: "write"}


async def test_a_time_that_is_past_is_refused_in_words_that_say_what_to_do(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    body = {"user_id": ben.id, "access_level": "read", "expires_at": soon(-1)}
    response = await ann.post(members(await ann.home()), body)
    assert response.json()["detail"] == "Access can end only in the future; to end it now, remove the member."


async def test_who_does_not_belong_to_a_home_has_nothing_to_change_or_remove(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    place = await ann.home()
    for path in (members(place, ben), f"{members(place)}/{uuid4()}", f"{members(place)}/1"):
        assert (await ann.put(path, {"access_level": "read"})).status_code == 404
        assert (await ann.delete(path)).status_code == 404


async def test_who_is_removed_sees_nothing_on_the_next_request(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    has = await furnished(ann)
    await ann.invite(has.place, ben, "admin")
    response = await ann.delete(members(has.place, ben))
    assert (response.status_code, response.content) == (204, b"")
    assert await statuses(ben, *has.paths, members(has.place)) == [404] * (len(has.paths) + 1)
    for path in ("/v1/homes", "/v1/sources", "/v1/plants", "/v1/readings/latest"):
        assert (await ben.get(path)).json()["items"] == []
    assert (await ann.delete(members(has.place, ben))).status_code == 404


@pytest.mark.parametrize("level", LEVELS)
async def test_anyone_leaves_by_themselves(home: Household, level: str) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    has = await furnished(ann)
    await ann.invite(has.place, ben, level)
    assert (await ben.delete(members(has.place, ben))).status_code == 204
    assert await statuses(ben, *has.paths) == [404] * len(has.paths)
    assert (await ben.delete(members(has.place, ben))).status_code == 404


async def test_a_plant_of_who_left_is_still_theirs(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    place = await ann.home()
    await ann.invite(place, ben, "write")
    plant = await ben.plant(home_id=place["id"])
    await ann.delete(members(place, ben))
    for person in (ann, ben):
        assert (await person.get(f"/v1/plants/{plant['id']}")).status_code == 200
        assert (await person.patch(f"/v1/plants/{plant['id']}", {"name": "x"})).status_code == 200
    assert (await ben.patch(f"/v1/plants/{plant['id']}", {"home_id": None})).status_code == 200
    assert (await ann.get(f"/v1/plants/{plant['id']}")).status_code == 404


async def test_an_admin_puts_the_plant_of_who_left_out_of_the_home(home: Household, dba: Any) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    place = await ann.home()
    await ann.invite(place, ben, "write")
    plant = await ben.plant(home_id=place["id"], room="Hall")
    await ann.delete(members(place, ben))
    path = f"/v1/plants/{plant['id']}"
    stale = {"If-Match": (await ann.get(path)).headers["etag"]}
    assert (await ann.patch(path, {"note": "whose?"})).status_code == 200
    since = (await ann.get("/v1/changes?limit=1000")).json()["next_cursor"]
    assert (await ann.patch(path, {"home_id": None}, headers=stale)).status_code == 412
    fresh = {"If-Match": (await ann.get(path)).headers["etag"]}
    put_out = await ann.patch(path, {"home_id": None, "room": ""}, headers=fresh)
    assert put_out.status_code == 200
    told = put_out.json()
    assert [told[name] for name in ("id", "user_id", "home_id", "room", "note")] == [
        plant["id"], ben.id, None, "", "whose?",
    ]  # fmt: skip
    assert await statuses(ann, path) == [404]
    assert (await ann.patch(path, {"home_id": place["id"]})).status_code == 404
    assert (await ben.get(path)).json() == told
    changes = (await ann.get(f"/v1/changes?since={since}")).json()["items"]
    assert ("plant", "lost", plant["id"]) in [(each["type"], each["op"], each["id"]) for each in changes]
    asked = "SELECT user_id::text, details -> 'home_id' ->> 'old' FROM audit_logs WHERE details -> 'home_id' ? 'new'"
    assert [tuple(row) for row in await dba.fetch(asked)] == [(ann.id, place["id"])]


@pytest.mark.parametrize("level", ["read", "write"])
async def test_only_a_homes_admin_puts_out_a_plant_of_somebody_elses(home: Household, level: str) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    place = await ann.home()
    await ann.invite(place, ben, level)
    plant = await ann.plant(home_id=place["id"])
    assert (await ben.patch(f"/v1/plants/{plant['id']}", {"home_id": None})).status_code == 403
    assert (await ann.get(f"/v1/plants/{plant['id']}")).json() == plant


async def test_nobody_carries_a_plant_where_its_owner_does_not_belong(home: Household, dba: Any) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    place, other = await ann.home(), await ann.home(name="Cabin")
    await ann.invite(place, ben, "write")
    plant = await ben.plant(home_id=place["id"])
    path, there = f"/v1/plants/{plant['id']}", {"home_id": other["id"]}

    async def refused() -> None:
        response = await ann.patch(path, there)
        assert (response.status_code, pointers(response)) == (422, ["/home_id"])
        detail = "Somebody else's plant can go only into a home that its owner belongs to."
        assert response.json()["detail"] == detail
        assert (await ben.get(path)).json() == plant

    await refused()
    await ann.delete(members(place, ben))
    await refused()
    await ann.invite(other, ben, "read", expires_at="2999-01-01T00:00:00Z")
    await expire(dba, ben)
    await refused()
    await ann.invite(other, ben, "read")
    moved = await ann.patch(path, there)
    assert (moved.status_code, moved.json()["home_id"]) == (200, other["id"])


async def test_the_last_admin_cannot_leave_or_be_lowered(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    place = await ann.home()
    await ann.invite(place, ben, "write")
    for response in (
        await ann.delete(members(place, ann)),
        await ann.put(members(place, ann), {"access_level": "write"}),
    ):
        assert (response.status_code, response.json()["type"]) == (409, "/errors/last_admin")
        assert response.json()["detail"] == "A home keeps at least one admin whose account is active."
    await ann.put(members(place, ben), {"access_level": "admin"})
    assert (await ann.put(members(place, ann), {"access_level": "read"})).status_code == 200
    assert (await ben.delete(members(place, ben))).status_code == 409


@pytest.mark.parametrize("method", ["DELETE", "PUT"])
async def test_two_admins_who_remove_each_other_at_once_leave_the_home_one(home: Household, method: str) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    body = {"json": {"access_level": "read"}} if method == "PUT" else {}
    for _ in range(10):
        place = await ann.home()
        await ann.invite(place, ben, "admin")
        answers = await asyncio.gather(
            ann.call(method, members(place, ben), **body), ben.call(method, members(place, ann), **body)
        )
        seen = sorted(answer.status_code for answer in answers)
        assert seen[0] in {200, 204}
        assert seen[1] in {403, 404, 409}
        left = [person for person in (ann, ben) if (await person.get(members(place))).status_code == 200]
        assert len(left) == 1
        assert list((await levels(left[0], place)).values()).count("admin") == 1


@pytest.mark.parametrize(
    ("who", "status"), [("read", 403), ("write", 403), ("stranger", 404), ("guest", 404), ("nobody", 401)]
)
async def test_only_admins_see_invite_change_and_remove_members(
    home: Household, dba: Any, who: str, status: int
) -> None:
    ann, ben, cat = await home.person("ann"), await home.person("ben"), await home.person("cat")
    place = await ann.home()
    await ann.invite(place, cat, "read")
    if who in LEVELS:
        await ann.invite(place, ben, who)
    elif who == "guest":
        await ann.invite(place, ben, "write")
        await expire(dba, ben)
    before = await levels(ann, place)
    caller = home.nobody if who == "nobody" else ben
    calls = [
        await caller.get(members(place)),
        await caller.post(members(place), {"user_id": cat.id, "access_level": "write"}),
        await caller.post(members(place), {"email": "nobody@example.org", "access_level": "read"}),
        await caller.post(
            members(place), {"user_id": cat.id, "access_level": "read", "expires_at": "2020-01-01T00:00:00Z"}
        ),
        await caller.put(members(place, cat), {"access_level": "write"}),
        await caller.put(f"{members(place)}/{uuid4()}", {"access_level": "write"}),
        await caller.delete(members(place, cat)),
        await caller.delete(f"{members(place)}/{uuid4()}"),
    ]
    assert [call.status_code for call in calls] == [status] * len(calls)
    assert await levels(ann, place) == before


@pytest.mark.parametrize("level", LEVELS)
async def test_a_member_sees_their_own_membership_and_when_it_ends(home: Household, dba: Any, level: str) -> None:
    ann, ben, cat = await home.person("ann"), await home.person("ben"), await home.person("cat")
    place = await ann.home()
    ends = {} if level == "admin" else {"expires_at": "2999-08-15T12:00:00Z"}
    invited = await ann.invite(place, ben, level, **ends)
    await ann.invite(place, cat, "read")
    seen = await ben.get(members(place, ben))
    assert (seen.status_code, seen.json()) == (200, invited)
    assert (invited["email"], invited["expires_at"]) == (ben.email, ends.get("expires_at"))
    assert (await ann.get(members(place, ben))).json() == invited
    assert (await ben.get(members(place, cat))).status_code == (200 if level == "admin" else 403)
    assert (await ben.get(f"{members(place)}/{uuid4()}")).status_code == (404 if level == "admin" else 403)
    if level != "admin":
        await expire(dba, ben)
        assert (await ben.get(members(place, ben))).status_code == 404


async def test_a_member_does_not_raise_themselves(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    place = await ann.home()
    await ann.invite(place, ben, "write")
    assert (await ben.put(members(place, ben), {"access_level": "admin"})).status_code == 403
    assert (await ben.post(members(place), {"user_id": ben.id, "access_level": "admin"})).status_code == 403
    assert (await levels(ann, place))[ben.id] == "write"


# Guests


async def test_one_second_after_a_guests_time_there_is_nothing_for_them_nor_for_their_token(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    has = await furnished(ann)
    await ann.invite(has.place, ben, "write", expires_at=soon(1.5))
    token = await ben.made("/v1/me/tokens", name="Phone", scopes=["read:data", "write:data"])
    phone = Person(ben.client, "phone", {"access_token": token["token"]})
    bound = await ben.made(
        "/v1/me/tokens", name="Sensor", scopes=["read:data", "write:data"], source_ids=[has.source["id"]]
    )
    sensor = Person(ben.client, "sensor", {"access_token": bound["token"]})
    assert await statuses(ben, *has.paths) == [200] * len(has.paths)
    assert await statuses(phone, *has.paths[1:]) == [200] * (len(has.paths) - 1)
    assert await statuses(sensor, *has.paths[1:5]) == [200] * 4
    await asyncio.sleep(2.5)
    assert await statuses(ben, *has.paths) == [404] * len(has.paths)
    for device in (phone, sensor):
        assert await statuses(device, *has.paths[1:]) == [404] * (len(has.paths) - 1)
        log = await device.post(f"{has.paths[1]}/readings", {"value": 2})
        water = await device.post(f"{has.paths[5]}/water", {})
        assert (log.status_code, water.status_code) == (404, 404)
        assert (await device.get("/v1/sources")).json()["items"] == []
        assert (await device.get("/v1/plants")).json()["items"] == []
    assert (await ben.get("/v1/homes")).json()["items"] == []
    assert list(await levels(ann, has.place)) == [ann.id]
    assert [each["user_id"] for each in (await ann.get(f"{has.paths[1]}/access")).json()["items"]] == [ann.id] * 2


async def test_a_bound_token_of_a_member_sees_no_home(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    has = await furnished(ann)
    await ann.invite(has.place, ben, "admin")
    bound = await ben.made("/v1/me/tokens", name="x", scopes=["read:data"], source_ids=[has.source["id"]])
    sensor = Person(ben.client, "sensor", {"access_token": bound["token"]})
    assert (await sensor.get(has.paths[1])).json()["access_level"] == "read"
    assert (await sensor.get(has.paths[5])).status_code == 404
    assert (await sensor.get(has.paths[0])).status_code == 403


async def test_a_guest_whose_time_is_over_is_no_member_any_more_and_may_come_again(home: Household, dba: Any) -> None:
    ann, ben, cat = await home.person("ann"), await home.person("ben"), await home.person("cat")
    has = await furnished(ann)
    first = await ann.invite(has.place, ben, "read", expires_at="2999-01-01T00:00:00Z")
    await ann.invite(has.place, cat, "admin")
    await expire(dba, ben)
    assert (await ann.put(members(has.place, ben), {"access_level": "write"})).status_code == 404
    assert (await ann.delete(members(has.place, ben))).status_code == 404
    assert (await ben.delete(members(has.place, ben))).status_code == 404
    again = await cat.post(members(has.place), {"user_id": ben.id, "access_level": "write"})
    assert again.status_code == 201
    assert (again.json()["granted_by"], again.json()["expires_at"]) == (cat.id, None)
    assert again.json()["granted_at"] > first["granted_at"]
    assert await statuses(ben, *has.paths) == [200] * len(has.paths)


# What happens when accounts go


@pytest.mark.usefixtures("keeper")
async def test_with_its_only_admin_a_home_goes_and_what_is_others_stays(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    has = await furnished(ann)
    await ann.invite(has.place, ben, "write")
    plant, source = await ben.plant(home_id=has.place["id"]), await ben.source(home_id=has.place["id"])
    assert (await ann.delete("/v1/me")).status_code == 204
    assert await statuses(ben, *has.paths) == [404] * len(has.paths)
    for path in (f"/v1/plants/{plant['id']}", f"/v1/sources/{source['id']}"):
        left = await ben.get(path)
        assert (left.status_code, left.json()["home_id"]) == (200, None)


@pytest.mark.usefixtures("keeper")
async def test_what_stands_in_a_home_with_another_admin_passes_to_that_admin(home: Household, dba: Any) -> None:
    ann, ben, cat = await home.person("ann"), await home.person("ben"), await home.person("cat")
    has = await furnished(ann)
    alone = await ann.plant()
    await ann.invite(has.place, ben, "write")
    await ann.invite(has.place, cat, "admin")
    theirs = await ben.plant(home_id=has.place["id"])
    assert (await ann.delete("/v1/me")).status_code == 204
    assert await statuses(cat, *has.paths) == [200] * len(has.paths)
    assert (await cat.get(has.paths[5])).json()["user_id"] == cat.id
    assert (await cat.get(f"/v1/plants/{theirs['id']}")).json()["user_id"] == ben.id
    place, source = (await cat.get(has.paths[0])).json(), (await cat.get(has.paths[1])).json()
    assert (place["created_by"], source["created_by"], source["access_level"]) == (None, None, "admin")
    grants = (await cat.get(f"{has.paths[1]}/access")).json()["items"]
    assert {(each["user_id"], each["via"], each["access_level"]) for each in grants} == {
        (cat.id, "grant", "admin"), (cat.id, "home", "admin"), (ben.id, "home", "write"),
    }  # fmt: skip
    # Moved out of the home it is still hers: nothing is left without an admin.
    assert (await cat.patch(has.paths[1], {"home_id": None})).status_code == 200
    assert (await cat.get(has.paths[1])).status_code == 200
    assert await dba.fetchval("SELECT count(*) FROM plants WHERE id = $1", alone["id"]) == 0
    # And a member's plant passes just so.
    assert (await ben.delete("/v1/me")).status_code == 204
    assert (await cat.get(f"/v1/plants/{theirs['id']}")).json()["user_id"] == cat.id


@pytest.mark.usefixtures("keeper")
async def test_of_several_admins_the_one_of_longest_standing_inherits(home: Household) -> None:
    ann, *others = [await home.person(name) for name in ("ann", "ben", "cat", "dan")]
    has = await furnished(ann)
    for other, level in zip(others, ("write", "admin", "admin"), strict=True):
        await ann.invite(has.place, other, level)
    await ann.delete("/v1/me")
    assert (await others[0].get(has.paths[5])).json()["user_id"] == others[1].id


@pytest.mark.usefixtures("keeper")
async def test_a_source_with_another_admin_of_its_own_passes_to_nobody_else(home: Household) -> None:
    ann, ben, cat = await home.person("ann"), await home.person("ben"), await home.person("cat")
    has = await furnished(ann)
    await ann.grant(has.source, ben, "admin")
    await ann.invite(has.place, cat, "admin")
    await ann.delete("/v1/me")
    grants = (await cat.get(f"{has.paths[1]}/access")).json()["items"]
    assert {(each["user_id"], each["via"]) for each in grants} == {(ben.id, "grant"), (cat.id, "home")}


@pytest.mark.usefixtures("keeper")
async def test_two_admins_whose_accounts_go_at_once_leave_nothing_behind(home: Household, dba: Any) -> None:
    for number in range(5):
        ann, ben = await home.person(f"ann{number}"), await home.person(f"ben{number}")
        has = await furnished(ann)
        await ann.invite(has.place, ben, "admin")
        answers = await asyncio.gather(ann.delete("/v1/me"), ben.delete("/v1/me"))
        assert [answer.status_code for answer in answers] == [204, 204]
        for table in ("homes", "home_members", "data_sources", "plants"):
            assert await dba.fetchval(f"SELECT count(*) FROM {table}") == 0, table  # noqa: S608
        assert await dba.fetchval("SELECT array_agg(display_name) FROM users") == ["Keeper"]


async def test_who_invited_may_go_and_whom_they_invited_stays(home: Household, dba: Any) -> None:
    ann, ben, cat, dan = [await home.person(name) for name in ("ann", "ben", "cat", "dan")]
    place = await ann.home()
    await ann.invite(place, ben, "admin")
    await ben.invite(place, cat, "read")
    await ben.invite(place, dan, "read")
    await expire(dba, dan)
    assert (await ben.delete("/v1/me")).status_code == 204
    listed = {each["user_id"]: each["granted_by"] for each in (await ann.get(members(place))).json()["items"]}
    assert listed == {ann.id: ann.id, cat.id: None}


# Lists and the audit log


async def test_members_are_listed_page_by_page(home: Household) -> None:
    ann = await home.person("ann")
    place = await ann.home()
    for number in range(4):
        await ann.invite(place, await home.person(f"p{number}"))
    whole = (await ann.get(members(place))).json()["items"]
    assert [each["user_id"] for each in whole] == sorted(each["user_id"] for each in whole)
    first = (await ann.get(members(place), params={"limit": 3})).json()
    second = (await ann.get(members(place), params={"limit": 3, "cursor": first["next_cursor"]})).json()
    assert (first["items"] + second["items"], second["next_cursor"]) == (whole, None)


async def test_who_came_changed_and_went_is_audited(home: Household, dba: Any) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    place = await ann.home()
    await ann.invite(place, ben, "read")
    await ann.put(members(place, ben), {"access_level": "write"})
    await ben.delete(members(place, ben))
    told = await dba.fetch(
        "SELECT event_type, user_id::text, details ->> 'home_id', details #>> '{access_level,new}' FROM audit_logs"
        " WHERE details ->> 'user_id' = $1 AND event_type LIKE '%member' ORDER BY id",
        ben.id,
    )
    assert [tuple(row) for row in told] == [
        ("add_member", ann.id, place["id"], None),
        ("change_member", ann.id, place["id"], "write"),
        ("remove_member", ben.id, place["id"], None),
    ]


async def test_a_home_made_again_by_who_left_it_is_a_conflict(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    place = await ann.home()
    again = {name: place[name] for name in ("id", "name", "address", "timezone")}
    assert (await ann.post("/v1/homes", again)).status_code == 200
    await ann.invite(place, ben, "admin")
    assert (await ben.post("/v1/homes", again)).status_code == 409
    await ann.delete(members(place, ann))
    assert (await ann.post("/v1/homes", again)).status_code == 409
    assert (await ann.get("/v1/homes")).json()["items"] == []


# What docs/security.md says of living together, said by trying it


@pytest.mark.parametrize("level", LEVELS)
async def test_who_shares_a_home_with_somebody_can_learn_their_email(home: Household, level: str) -> None:
    ann, eve = await home.person("ann"), await home.person("eve")
    place = await ann.home()
    plant = await ann.plant(home_id=place["id"])
    await ann.invite(place, eve, level)
    # Nothing that they see of the home shows it but to admins …
    seen = [await eve.get(path) for path in (members(place), f"/v1/homes/{place['id']}", f"/v1/plants/{plant['id']}")]
    assert any(ann.email in answer.text for answer in seen) is (level == "admin")
    assert not any(answer.status_code == 200 and ann.email in answer.text for answer in seen[1:])
    # … but it shows ids, and an invitation to a home of one's own answers whom it names.
    user_id = seen[2].json()["user_id"]
    mine = await eve.home()
    named = await eve.made(members(mine), user_id=user_id, access_level="read")
    assert (named["email"], named["display_name"]) == (ann.email, "Ann")


async def test_who_puts_a_source_into_a_home_sees_the_emails_of_its_members(home: Household) -> None:
    ann, eve = await home.person("ann"), await home.person("eve")
    place = await ann.home()
    await ann.invite(place, eve, "write")
    source = await eve.source(home_id=place["id"])
    rights = (await eve.get(f"/v1/sources/{source['id']}/access")).json()["items"]
    assert {(each["email"], each["via"]) for each in rights} == {
        (eve.email, "owner"), (eve.email, "home"), (ann.email, "home"),
    }  # fmt: skip


async def test_an_unwanted_invitation_shows_things_and_takes_none(home: Household) -> None:
    ann, eve = await home.person("ann"), await home.person("eve")
    own = {"/v1/homes": await ann.home(), "/v1/sources": await ann.source(), "/v1/plants": await ann.plant(room="Bath")}
    trap = await eve.home(name="Trap")
    theirs = {
        "/v1/homes": trap,
        "/v1/sources": await eve.source(home_id=trap["id"]),
        "/v1/plants": await eve.plant(home_id=trap["id"], room="Bath"),
    }
    await eve.invite(trap, ann, "write")

    # It asks nobody, and what stands there is in the lists of who was invited.
    for path in own:
        listed = {each["id"] for each in (await ann.get(path)).json()["items"]}
        assert listed == {own[path]["id"], theirs[path]["id"]}, path
        assert [each["id"] for each in (await eve.get(path)).json()["items"]] == [theirs[path]["id"]], path
    due = (await ann.get("/v1/plants/due")).json()["items"]
    assert {each["id"] for each in due} == {own["/v1/plants"]["id"], theirs["/v1/plants"]["id"]}
    # With a level of write their plants are watered with one's own in a room of that name.
    assert (await ann.post("/v1/plants/water", {"room": "Bath"})).status_code == 200
    assert (await eve.get(f"/v1/plants/{theirs['/v1/plants']['id']}")).json()["last_water"] is not None

    # Whoever invited learns the name and the address, and nothing of what is the other's.
    assert (await eve.get(members(trap, ann))).json()["email"] == ann.email
    assert await statuses(eve, *(f"{path}/{thing['id']}" for path, thing in own.items())) == [404] * 3

    # It ends when who was invited wants it to, and can be sent again.
    assert (await ann.delete(members(trap, ann))).status_code == 204
    for path in own:
        assert [each["id"] for each in (await ann.get(path)).json()["items"]] == [own[path]["id"]]
    await eve.invite(trap, ann, "read")


async def test_who_is_left_as_a_homes_only_admin_deletes_it(home: Household) -> None:
    ann, eve = await home.person("ann"), await home.person("eve")
    trap = await eve.home()
    plant = await eve.plant(home_id=trap["id"])
    await eve.invite(trap, ann, "admin")
    assert (await eve.delete("/v1/me")).status_code == 204
    assert (await ann.delete(members(trap, ann))).status_code == 409
    assert (await ann.get(f"/v1/plants/{plant['id']}")).json()["user_id"] == ann.id
    assert (await ann.delete(f"/v1/plants/{plant['id']}")).status_code == 204
    assert (await ann.delete(f"/v1/homes/{trap['id']}")).status_code == 204


async def test_an_admin_whose_account_is_not_active_is_none_to_leave_a_home_to(home: Household, dba: Any) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    place = await ann.home()
    await ann.invite(place, ben, "admin")
    activate = "UPDATE users SET is_active = $2 WHERE id = $1"
    await dba.execute(activate, ben.id, False)
    for refused in (
        await ann.delete(members(place, ann)),
        await ann.put(members(place, ann), {"access_level": "write"}),
    ):
        assert (refused.status_code, refused.json()["type"]) == (409, "/errors/last_admin")
    await dba.execute(activate, ben.id, True)
    assert (await ann.delete(members(place, ann))).status_code == 204
    # Deactivation ended his sessions for good.
    signed_in = await home.client.post("/v1/auth/login", json={"email": ben.email, "password": ben.password})
    again = Person(home.client, "ben", signed_in.json())
    assert await levels(again, place) == {ben.id: "admin"}
