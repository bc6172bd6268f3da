"""Access: admins of a source grant it, change grants and revoke them; one admin always stays."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tests.people import Household, Person

FIELDS = [
    "source_id", "user_id", "email", "display_name", "access_level", "granted_at", "granted_by", "via",
]  # fmt: skip


def pointers(response: Any) -> list[str]:
    """Where the answer says the request is wrong."""
    assert response.headers["content-type"] == "application/problem+json"
    return [error["pointer"] for error in response.json()["errors"]]


def told(response: Any) -> dict[str, Any]:
    """A problem without the id of its request: what two answers must have in common to look alike."""
    return {**response.json(), "instance": ""}


def access(source: Any, person: Person | None = None) -> str:
    """The path of a source's grants, or of one person's."""
    return f"/v1/sources/{source['id']}/access" + (f"/{person.id}" if person else "")


async def levels(admin: Person, source: Any) -> dict[str, str]:
    """Who has which level, as an admin of the source sees it."""
    response = await admin.get(access(source))
    assert response.status_code == 200, response.text
    return {grant["user_id"]: grant["access_level"] for grant in response.json()["items"]}


# Granting


async def test_a_grant_names_the_person_and_who_granted_it(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.source()
    response = await ann.post(access(made), {"user_id": ben.id, "access_level": "write"})
    assert response.status_code == 201, response.text
    grant = response.json()
    assert list(grant) == FIELDS
    assert grant == {
        "source_id": made["id"],
        "user_id": ben.id,
        "email": "ben@example.org",
        "display_name": "Ben",
        "access_level": "write",
        "granted_at": grant["granted_at"],
        "granted_by": ann.id,
        "via": "grant",
    }
    assert grant["granted_at"].endswith("Z")
    assert response.headers["location"] == access(made, ben)
    assert grant in (await ann.get(access(made))).json()["items"]


async def test_whoever_made_a_source_is_its_owner_and_first_admin(home: Household) -> None:
    ann = await home.person("ann")
    made = await ann.source()
    (grant,) = (await ann.get(access(made))).json()["items"]
    assert (grant["user_id"], grant["email"], grant["access_level"]) == (ann.id, ann.email, "admin")
    assert (grant["via"], grant["granted_by"]) == ("owner", ann.id)


@pytest.mark.parametrize("email", ["ben@example.org", "BEN@Example.ORG"])
async def test_a_grant_is_made_by_email_in_any_case_of_letters(home: Household, email: str) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    grant = await ann.made(access(await ann.source()), email=email, access_level="read")
    assert (grant["user_id"], grant["email"]) == (ben.id, "ben@example.org")


@pytest.mark.parametrize(
    ("level", "sees", "administers"),
    [("read", True, False), ("write", True, False), ("admin", True, True)],
)
async def test_a_grant_opens_the_source_at_its_level(
    home: Household, level: str, sees: bool, administers: bool
) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.source()
    await ann.grant(made, ben, level)
    assert ((await ben.get(f"/v1/sources/{made['id']}")).status_code == 200) is sees
    assert ((await ben.patch(f"/v1/sources/{made['id']}", {"name": "x"})).status_code == 200) is administers
    assert ((await ben.get(access(made))).status_code == 200) is administers


async def test_the_same_grant_sent_twice_is_one_grant(home: Household, dba: Any) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.source()
    first = await ann.post(access(made), {"user_id": ben.id, "access_level": "read"})
    second = await ann.post(access(made), {"email": ben.email, "access_level": "read"})
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert "location" not in second.headers
    granted = "SELECT count(*) FROM audit_logs WHERE event_type IN ('grant_access', 'change_access')"
    assert await dba.fetchval(granted + " AND details ->> 'user_id' = $1", ben.id) == 1


async def test_a_new_grant_is_where_location_says(home: Household) -> None:
    ann, ben, cat = await home.person("ann"), await home.person("ben"), await home.person("cat")
    place = await ann.home()
    made = await ann.source(home_id=place["id"])
    for member in (ben, cat):
        await ann.invite(place, member, "read")
    granted = await ann.post(access(made), {"user_id": ben.id, "access_level": "write"})
    assert granted.headers["location"] == f"{access(made)}/{ben.id}"
    there = await ann.get(granted.headers["location"])
    assert (there.status_code, there.json()) == (200, granted.json())
    assert (await ann.get(f"{access(made)}/{ann.id}")).json()["via"] == "owner"
    assert (await ben.get(granted.headers["location"])).status_code == 403
    # What comes of the home is no grant.
    for response in (
        await ann.get(f"{access(made)}/{cat.id}"),
        await ann.put(f"{access(made)}/{cat.id}", {"access_level": "write"}),
        await ann.delete(f"{access(made)}/{cat.id}"),
    ):
        assert response.status_code == 404


async def test_the_same_grant_sent_ten_times_at_once_is_one_grant(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.source()
    body = {"user_id": ben.id, "access_level": "read"}
    answers = await asyncio.gather(*(ann.post(access(made), body) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]


async def test_a_grant_at_another_level_is_a_conflict_and_changes_nothing(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.source()
    await ann.grant(made, ben, "read")
    response = await ann.post(access(made), {"user_id": ben.id, "access_level": "admin"})
    assert (response.status_code, response.json()["type"]) == (409, "/errors/conflict")
    assert "PUT" in response.json()["detail"]
    assert (await levels(ann, made))[ben.id] == "read"


async def test_an_admin_cannot_lower_themselves_by_granting(home: Household) -> None:
    ann = await home.person("ann")
    made = await ann.source()
    assert (await ann.post(access(made), {"user_id": ann.id, "access_level": "admin"})).status_code == 200
    assert (await ann.post(access(made), {"user_id": ann.id, "access_level": "read"})).status_code == 409


async def test_somebody_who_is_not_there_gets_no_grant(home: Household, dba: Any) -> None:
    ann, gone = await home.person("ann"), await home.person("gone")
    await dba.execute("UPDATE users SET is_active = false WHERE id = $1", gone.id)
    made = await ann.source()
    for named in (
        {"user_id": str(uuid4())}, {"user_id": gone.id}, {"email": gone.email},
        {"email": "nobody@example.org"}, {"email": "no address"}, {"email": "%"},
    ):  # fmt: skip
        response = await ann.post(access(made), {**named, "access_level": "read"})
        assert (response.status_code, pointers(response)) == (422, [f"/{next(iter(named))}"])
        assert response.json()["detail"] == "This account does not exist."
    assert list(await levels(ann, made)) == [ann.id]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"access_level": "read"}, ""),
        ({"access_level": "read", "user_id": None, "email": None}, ""),
        ({"access_level": "read", "user_id": str(uuid4()), "email": "ben@example.org"}, ""),
        ({"email": "ben@example.org"}, "/access_level"),
        ({"email": "ben@example.org", "access_level": "owner"}, "/access_level"),
        ({"email": "ben@example.org", "access_level": None}, "/access_level"),
        ({"email": "", "access_level": "read"}, "/email"),
        ({"email": "x" * 255, "access_level": "read"}, "/email"),
        ({"email": ["ben@example.org"], "access_level": "read"}, "/email"),
        ({"user_id": "ben", "access_level": "read"}, "/user_id"),
        ({"email": "ben@example.org", "access_level": "read", "granted_by": str(uuid4())}, "/granted_by"),
        ({"email": "ben@example.org", "access_level": "read", "via": "owner"}, "/via"),
        ([], ""),
    ],
)
async def test_a_wrong_grant_is_pointed_at_and_not_made(home: Household, body: Any, pointer: str) -> None:
    ann, _ = await home.person("ann"), await home.person("ben")
    made = await ann.source()
    response = await ann.post(access(made), body)
    assert (response.status_code, pointers(response)) == (422, [pointer])
    assert list(await levels(ann, made)) == [ann.id]


async def test_an_email_with_nul_is_refused(home: Household) -> None:
    ann = await home.person("ann")
    body = {"email": "ben\x00@example.org", "access_level": "read"}
    assert (await ann.post(access(await ann.source()), body)).status_code == 422


# Changing and revoking


async def test_an_admin_changes_the_level_of_a_grant(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.source()
    grant = await ann.grant(made, ben, "read")
    response = await ann.put(access(made, ben), {"access_level": "write"})
    assert (response.status_code, response.json()) == (200, {**grant, "access_level": "write"})
    assert (await ben.get(f"/v1/sources/{made['id']}")).json()["access_level"] == "write"
    again = await ann.put(access(made, ben), {"access_level": "write"})
    assert (again.status_code, again.json()) == (200, response.json())


@pytest.mark.parametrize("body", [{}, {"access_level": "owner"}, {"access_level": "read", "via": "grant"}])
async def test_a_wrong_change_of_a_grant_changes_nothing(home: Household, body: dict[str, Any]) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.source()
    await ann.grant(made, ben, "write")
    assert (await ann.put(access(made, ben), body)).status_code == 422
    assert (await levels(ann, made))[ben.id] == "write"


async def test_who_has_no_grant_has_none_to_change_or_revoke(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.source()
    for path in (access(made, ben), f"{access(made)}/{uuid4()}", f"{access(made)}/1"):
        assert (await ann.put(path, {"access_level": "read"})).status_code == 404
        assert (await ann.delete(path)).status_code == 404


async def test_revoked_access_is_gone_on_the_next_request(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.source()
    await ann.grant(made, ben, "admin")
    assert (await ben.get(f"/v1/sources/{made['id']}")).status_code == 200
    response = await ann.delete(access(made, ben))
    assert (response.status_code, response.content) == (204, b"")
    assert (await ben.get(f"/v1/sources/{made['id']}")).status_code == 404
    assert (await ben.get(access(made))).status_code == 404
    assert (await ben.get("/v1/sources")).json()["items"] == []
    assert (await ann.delete(access(made, ben))).status_code == 404


@pytest.mark.parametrize("level", ["read", "write", "admin"])
async def test_anyone_gives_up_their_own_access(home: Household, level: str) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.source()
    await ann.grant(made, ben, level)
    assert (await ben.delete(access(made, ben))).status_code == 204
    assert (await ben.get(f"/v1/sources/{made['id']}")).status_code == 404
    assert (await ben.delete(access(made, ben))).status_code == 404


async def test_an_owner_may_leave_once_somebody_else_is_admin(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.source()
    await ann.grant(made, ben, "admin")
    assert (await ann.delete(access(made, ann))).status_code == 204
    assert (await ann.get(f"/v1/sources/{made['id']}")).status_code == 404
    assert await levels(ben, made) == {ben.id: "admin"}


async def test_the_last_admin_cannot_be_removed_or_lowered(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.source()
    await ann.grant(made, ben, "write")
    for response in (
        await ann.delete(access(made, ann)),
        await ann.put(access(made, ann), {"access_level": "write"}),
    ):
        assert (response.status_code, response.json()["type"]) == (409, "/errors/last_admin")
    assert await levels(ann, made) == {ann.id: "admin", ben.id: "write"}
    await ann.put(access(made, ben), {"access_level": "admin"})
    assert (await ann.put(access(made, ann), {"access_level": "read"})).status_code == 200
    assert (await ben.delete(access(made, ben))).status_code == 409


@pytest.mark.parametrize("method", ["DELETE", "PUT"])
async def test_two_admins_who_remove_each_other_at_once_leave_one(home: Household, method: str) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    body = {"json": {"access_level": "read"}} if method == "PUT" else {}
    for _ in range(10):
        made = await ann.source()
        await ann.grant(made, ben, "admin")
        answers = await asyncio.gather(
            ann.call(method, access(made, ben), **body), ben.call(method, access(made, ann), **body)
        )
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses[0] in {200, 204}
        assert statuses[1] in {403, 404, 409}
        left = [person for person in (ann, ben) if (await person.get(access(made))).status_code == 200]
        assert len(left) == 1
        assert list((await levels(left[0], made)).values()).count("admin") == 1


# Who may


@pytest.mark.parametrize(
    ("who", "status"), [("reader", 403), ("writer", 403), ("stranger", 404), ("nobody", 401), ("admin", None)]
)
async def test_only_admins_see_make_change_and_revoke_grants(
    home: Household, dba: Any, who: str, status: int | None
) -> None:
    ann, ben, cat = await home.person("ann"), await home.person("ben"), await home.person("cat")
    made = await ann.source()
    await ann.grant(made, cat, "read")
    if who in {"reader", "writer", "admin"}:
        await ann.grant(made, ben, {"reader": "read", "writer": "write", "admin": "admin"}[who])
    caller = home.nobody if who == "nobody" else ben
    before = await levels(ann, made)
    answers = [
        await caller.get(access(made)),
        await caller.post(access(made), {"email": "dan@example.org", "access_level": "read"}),
        await caller.post(access(made), {"user_id": cat.id, "access_level": "read"}),
        await caller.put(access(made, cat), {"access_level": "write"}),
        await caller.put(f"{access(made)}/{uuid4()}", {"access_level": "write"}),
        await caller.delete(access(made, cat)),
        await caller.delete(f"{access(made)}/{uuid4()}"),
    ]
    seen = [answer.status_code for answer in answers]
    if status is None:
        assert seen == [200, 422, 200, 200, 404, 204, 404]
        return
    assert seen == [status] * 7
    assert await levels(ann, made) == before
    refused = await dba.fetchval("SELECT count(*) FROM audit_logs WHERE event_type = 'access_denied'")
    assert refused == (7 if status == 403 else 0)


async def test_a_reader_cannot_raise_their_own_grant(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.source()
    await ann.grant(made, ben, "read")
    assert (await ben.put(access(made, ben), {"access_level": "admin"})).status_code == 403
    assert (await ben.post(access(made), {"user_id": ben.id, "access_level": "admin"})).status_code == 403
    assert (await levels(ann, made))[ben.id] == "read"


async def test_strangers_see_a_public_source_but_nothing_of_its_grants(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.source(is_public=True)
    assert (await ben.get(access(made))).status_code == 403
    assert (await ben.post(access(made), {"user_id": ben.id, "access_level": "read"})).status_code == 403
    assert (await ben.put(access(made, ann), {"access_level": "read"})).status_code == 403
    assert (await ben.delete(access(made, ann))).status_code == 403
    assert (await ben.delete(access(made, ben))).status_code == 404
    assert (await home.nobody.get(access(made))).status_code == 401


async def test_a_refusal_does_not_tell_whether_somebody_has_an_account(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.source()
    await ann.grant(made, ben, "write")
    known = await ben.post(access(made), {"email": ann.email, "access_level": "read"})
    unknown = await ben.post(access(made), {"email": "x@example.org", "access_level": "read"})
    assert told(known) == told(unknown)


async def test_an_admin_of_accounts_is_a_stranger_to_sources(home: Household) -> None:
    first = await home.person("first")
    assert first.login["user"]["role"] == "admin"
    ben = await home.person("ben")
    made = await ben.source()
    assert (await first.get(f"/v1/sources/{made['id']}")).status_code == 404
    assert (await first.get(access(made))).status_code == 404


# Lists


async def test_grants_come_in_pages(home: Household) -> None:
    ann = await home.person("ann")
    made = await ann.source()
    for name in ("ben", "cat", "dan"):
        await ann.grant(made, await home.person(name), "read")
    seen, cursor = [], None
    for _ in range(4):
        query = {"limit": "1", **({"cursor": cursor} if cursor else {})}
        page = (await ann.get(access(made), params=query)).json()
        seen += [grant["display_name"] for grant in page["items"]]
        cursor = page["next_cursor"]
    assert (seen, cursor) == (["Ann", "Ben", "Cat", "Dan"], None)
    for query, status in (({"limit": "0"}, 422), ({"limit": "x"}, 400), ({"cursor": "zz"}, 400)):
        assert (await ann.get(access(made), params=query)).status_code == status


@pytest.mark.usefixtures("keeper")
async def test_an_account_that_is_deleted_takes_its_grants_along(home: Household, dba: Any) -> None:
    ann, ben, cat = await home.person("ann"), await home.person("ben"), await home.person("cat")
    shared, own = await ann.source(), await ann.source()
    await ann.grant(shared, ben, "admin")
    await ben.grant(shared, cat, "read")
    await ann.grant(own, ben, "read")
    await dba.execute("DELETE FROM users WHERE id = $1", ann.id)
    assert await levels(ben, shared) == {ben.id: "admin", cat.id: "read"}
    assert (await ben.get(f"/v1/sources/{shared['id']}")).json()["created_by"] is None
    left = (await ben.get(access(shared))).json()["items"]
    assert {grant["granted_by"] for grant in left} == {None, ben.id}
    assert (await ben.get(f"/v1/sources/{own['id']}")).status_code == 404


# Audit


async def test_every_grant_change_and_revocation_is_audited(home: Household, dba: Any) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.source()
    await ann.grant(made, ben, "read")
    await ann.put(access(made, ben), {"access_level": "write"})
    await ben.delete(access(made, ben))
    rows = await dba.fetch(
        "SELECT event_type, user_id::text, source_id::text FROM audit_logs"
        " WHERE details ->> 'user_id' = $1 AND event_type ~ '_access$' ORDER BY id",
        ben.id,
    )
    assert [tuple(row) for row in rows] == [
        ("grant_access", ann.id, made["id"]),
        ("change_access", ann.id, made["id"]),
        ("revoke_access", ben.id, made["id"]),
    ]
