"""Accounts as admins manage them: made, changed, reset, deleted; temporary passwords; the last admin."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from service.accounts.passwords import is_common, temporary_password
from service.app import create_app
from service.settings import Settings
from tests.api.test_account_deletion import metered
from tests.people import PASSWORD, Household, Person

USER = {
    "id", "email", "username", "display_name", "role", "is_active", "is_password_temp", "created_at", "updated_at",
    "last_login_at",
}  # fmt: skip
NEW_PASSWORD = "a phrase of one's own"


async def sign_in(home: Household, email: str, password: str) -> httpx.Response:
    return await home.nobody.post("/v1/auth/login", {"email": email, "password": password})


async def signed_in(home: Household, name: str, password: str) -> Person:
    response = await sign_in(home, f"{name}@example.org", password)
    assert response.status_code == 200, response.text
    return Person(home.client, name, response.json())


async def newcomer(home: Household, admin: Person, name: str, **fields: Any) -> Person:
    """Somebody whose account the admin made, signed in with the temporary password that came with it."""
    made = await admin.made("/v1/users", email=f"{name}@example.org", **fields)
    return await signed_in(home, name, made["temporary_password"])


async def emails(admin: Person, **filters: Any) -> list[str]:
    response = await admin.get("/v1/users", params=filters)
    assert response.status_code == 200, response.text
    return [user["email"].partition("@")[0] for user in response.json()["items"]]


def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["type"].removeprefix("/errors/")


GATED = (403, "password_change_required")


# Making accounts


async def test_an_admin_makes_an_account_whose_temporary_password_is_said_once(home: Household) -> None:
    ann = await home.person("ann")
    response = await ann.post("/v1/users", {"email": "Bob@Example.org", "display_name": "Bob"})
    assert response.status_code == 201, response.text
    made = response.json()
    password = made.pop("temporary_password")
    assert set(made) == USER
    assert (made["email"], made["display_name"], made["role"]) == ("Bob@Example.org", "Bob", "operator")
    assert (made["is_active"], made["is_password_temp"], made["last_login_at"]) == (True, True, None)
    assert response.headers["location"] == f"/v1/users/{made['id']}"
    got = await ann.get(response.headers["location"])
    assert got.json() == made
    assert password not in (got.text + (await ann.get("/v1/users")).text + (await ann.get("/v1/audit")).text)


async def test_an_account_may_be_made_admin(home: Household) -> None:
    ann = await home.person("ann")
    assert (await ann.made("/v1/users", email="bob@example.org", role="admin"))["role"] == "admin"


async def test_a_temporary_password_is_random_and_easy_to_type() -> None:
    made = {temporary_password() for _ in range(1000)}
    assert len(made) == 1000
    # 31 ** 20 is above 2 ** 99.
    assert all(re.fullmatch(r"[2-9a-hjkmnp-z]{5}(-[2-9a-hjkmnp-z]{5}){3}", each) for each in made)
    assert not any(is_common(each) for each in made)


@pytest.mark.parametrize("email", ["ann@example.org", "ANN@EXAMPLE.ORG"])
async def test_a_taken_email_makes_no_account(home: Household, email: str) -> None:
    ann = await home.person("ann")
    assert refusal(await ann.post("/v1/users", {"email": email})) == (409, "email_taken")
    assert await emails(ann) == ["ann"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/email"),
        ({"email": "nonsense"}, "/email"),
        ({"email": None}, "/email"),
        ({"email": "a\0b@example.org"}, None),
        ({"email": "a" * 250 + "@b.cd"}, "/email"),
        ({"email": "b@example.org", "role": "root"}, "/role"),
        ({"email": "b@example.org", "role": None}, "/role"),
        ({"email": "b@example.org", "display_name": ""}, "/display_name"),
        ({"email": "b@example.org", "display_name": "n" * 101}, "/display_name"),
        ({"email": "b@example.org", "password": "a password of my choice"}, "/password"),
        ({"email": "b@example.org", "id": str(uuid4())}, "/id"),
        ({"email": "b@example.org", "is_password_temp": False}, "/is_password_temp"),
    ],
)
async def test_a_wrong_account_is_refused_at_its_field(home: Household, body: Any, pointer: str | None) -> None:
    ann = await home.person("ann")
    response = await ann.post("/v1/users", body)
    assert refusal(response) == (422, "invalid")
    assert pointer is None or [error["pointer"] for error in response.json()["errors"]] == [pointer]
    assert await emails(ann) == ["ann"]


# Reading them


async def test_the_list_of_accounts_can_be_narrowed(home: Household) -> None:
    ann = await home.person("ann")
    for name, role in (("bob", "operator"), ("cat", "admin"), ("dan", "operator")):
        await ann.made("/v1/users", email=f"{name}@example.org", role=role, display_name=f"{name.title()} of the 50%")
    off = (await ann.get("/v1/users", params={"q": "dan"})).json()["items"][0]
    await ann.patch(f"/v1/users/{off['id']}", {"is_active": False})
    assert await emails(ann) == ["ann", "bob", "cat", "dan"]
    assert await emails(ann, role="admin") == ["ann", "cat"]
    assert await emails(ann, is_active="false") == ["dan"]
    assert await emails(ann, is_active="true", role="operator") == ["bob"]
    assert await emails(ann, q="CAT@EX") == ["cat"]
    assert await emails(ann, q="bob OF") == ["bob"]
    assert await emails(ann, q="50%") == ["bob", "cat", "dan"]
    assert await emails(ann, q="b_b") == []
    assert await emails(ann, q="'; DROP TABLE users; --") == []


async def test_pages_hold_every_account_once_while_accounts_are_made(home: Household) -> None:
    ann = await home.person("ann")
    for number in range(6):
        await ann.made("/v1/users", email=f"p{number}@example.org")
    seen: list[str] = []
    cursor: str | None = None
    while True:
        told = (await ann.get("/v1/users", params={"limit": 3} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [user["email"].partition("@")[0] for user in told["items"]]
        cursor = told["next_cursor"]
        if cursor is None:
            break
        await ann.made("/v1/users", email=f"late{len(seen)}@example.org")
    assert seen == ["ann", *(f"p{number}" for number in range(6)), "late3", "late6"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("role=root", 422), ("role=", 422), ("is_active=maybe", 400), ("q=", 422), ("q=" + "x" * 255, 422),
        ("limit=0", 422), ("limit=1001", 422), ("cursor=nonsense", 400), ("q=%00", 422),
    ],
)  # fmt: skip
async def test_a_bad_query_is_refused(home: Household, query: str, status: int) -> None:
    ann = await home.person("ann")
    response = await ann.get(f"/v1/users?{query}")
    assert response.status_code == status, response.text


async def test_an_account_that_was_not_changed_is_not_sent_again(home: Household) -> None:
    ann = await home.person("ann")
    tag = (await ann.get(f"/v1/users/{ann.id}")).headers["etag"]
    assert (await ann.get(f"/v1/users/{ann.id}", headers={"If-None-Match": tag})).status_code == 304


# Who may


async def test_to_whoever_is_no_admin_the_accounts_are_not_there(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    calls = [
        ("GET", "/v1/users", None),
        ("POST", "/v1/users", {"email": "new@example.org"}),
        *(
            (method, f"/v1/users/{whose}{tail}", body)
            for whose in (ann.id, bob.id, uuid4(), "nonsense")
            for method, tail, body in [
                ("GET", "", None),
                ("PATCH", "", {"role": "admin"}),
                ("DELETE", "", None),
                ("POST", "/password-reset", None),
            ]
        ),
    ]
    for method, path, body in calls:
        options = {} if body is None else {"json": body}
        assert refusal(await bob.call(method, path, **options)) == (404, "not_found"), (method, path)
        assert refusal(await home.nobody.call(method, path, **options)) == (401, "unauthenticated"), (method, path)
    assert await emails(ann) == ["ann", "bob"]
    assert (await bob.get("/v1/me")).json()["role"] == "operator"


async def test_an_admin_who_is_demoted_administers_nothing_from_the_next_request_on(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    await ann.patch(f"/v1/users/{bob.id}", {"role": "admin"})
    assert (await bob.get("/v1/users")).status_code == 200
    await bob.patch(f"/v1/users/{ann.id}", {"role": "operator"})
    assert (await ann.get("/v1/users")).status_code == 404


async def test_a_device_token_of_an_admin_administers_nothing(home: Household) -> None:
    ann = await home.person("ann")
    made = await ann.made("/v1/me/tokens", name="Script", scopes=["read:data", "write:data"])
    script = Person(home.client, "script", {"access_token": made["token"]})
    assert refusal(await script.get("/v1/users")) == (403, "forbidden")
    assert refusal(await script.patch(f"/v1/users/{ann.id}", {"role": "operator"})) == (403, "forbidden")


async def test_an_admin_of_accounts_sees_nobodys_things(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    place, meter, fern = await bob.home(), await bob.source(), await bob.plant()
    for path in (f"/v1/homes/{place['id']}", f"/v1/sources/{meter['id']}", f"/v1/plants/{fern['id']}"):
        assert (await ann.get(path)).status_code == 404
    for path in ("/v1/homes", "/v1/sources", "/v1/plants"):
        assert (await ann.get(path)).json()["items"] == []


# Changing them


async def test_a_change_touches_what_was_sent_and_nothing_else(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    before = (await ann.get(f"/v1/users/{bob.id}")).json()
    response = await ann.patch(f"/v1/users/{bob.id}", {"role": "admin"})
    assert response.status_code == 200
    after = response.json()
    assert after["updated_at"] > before["updated_at"]
    assert {**after, "updated_at": ""} == {**before, "updated_at": "", "role": "admin"}
    cleared = await ann.patch(f"/v1/users/{bob.id}", {"display_name": None})
    assert (cleared.json()["display_name"], cleared.json()["role"]) == (None, "admin")


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"role": "root"}, "/role"),
        ({"role": None}, "/role"),
        ({"is_active": None}, "/is_active"),
        ({"is_active": "false"}, "/is_active"),
        ({"is_active": 0}, "/is_active"),
        ({"display_name": ""}, "/display_name"),
        # What is the person's own.
        ({"email": "other@example.org"}, "/email"),
        ({"username": "bob"}, "/username"),
        ({"is_password_temp": False}, "/is_password_temp"),
        ({"password": "a password of my choice"}, "/password"),
        ({"id": str(uuid4())}, "/id"),
    ],
)
async def test_what_is_not_an_admins_to_change_is_refused(home: Household, fields: Any, pointer: str) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    before = (await ann.get(f"/v1/users/{bob.id}")).json()
    response = await ann.patch(f"/v1/users/{bob.id}", fields)
    assert (response.status_code, [error["pointer"] for error in response.json()["errors"]]) == (422, [pointer])
    assert (await ann.get(f"/v1/users/{bob.id}")).json() == before


async def test_an_account_that_is_not_there_is_404(home: Household) -> None:
    ann = await home.person("ann")
    for path in (f"/v1/users/{uuid4()}", "/v1/users/nonsense", f"/v1/users/{ann.id.replace('-', '')}"):
        for method, tail, body in (
            ("GET", "", None), ("PATCH", "", {}), ("DELETE", "", None), ("POST", "/password-reset", None),
        ):  # fmt: skip
            assert (await ann.call(method, path + tail, json=body)).status_code == 404, (method, path + tail)


async def test_a_stale_change_or_deletion_is_refused(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    path = f"/v1/users/{bob.id}"
    tag = (await ann.get(path)).headers["etag"]
    first = await ann.patch(path, {"role": "admin"}, headers={"If-Match": tag})
    assert first.status_code == 200
    assert refusal(await ann.patch(path, {"role": "operator"}, headers={"If-Match": tag})) == (412, "stale")
    assert refusal(await ann.delete(path, headers={"If-Match": tag})) == (412, "stale")
    assert (await ann.get(path)).json()["role"] == "admin"
    assert (await ann.delete(path, headers={"If-Match": first.headers["etag"]})).status_code == 204


# Deactivation


async def test_a_deactivated_account_is_shut_out_at_once_and_its_sessions_stay_dead(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    made = await bob.made("/v1/me/tokens", name="Sensor", scopes=["read:data"])
    sensor = Person(home.client, "sensor", {"access_token": made["token"]})
    assert (await sensor.get("/v1/sources")).status_code == 200

    off = await ann.patch(f"/v1/users/{bob.id}", {"is_active": False})

    assert (off.status_code, off.json()["is_active"]) == (200, False)
    assert (await bob.get("/v1/me")).status_code == 401
    assert (await sensor.get("/v1/sources")).status_code == 401
    assert refusal(await sign_in(home, bob.email, PASSWORD)) == (401, "unauthenticated")
    assert (
        await home.nobody.post("/v1/auth/refresh", {"refresh_token": bob.login["refresh_token"]})
    ).status_code == 401

    assert (await ann.patch(f"/v1/users/{bob.id}", {"is_active": True})).status_code == 200

    assert (await bob.get("/v1/me")).status_code == 401
    assert (
        await home.nobody.post("/v1/auth/refresh", {"refresh_token": bob.login["refresh_token"]})
    ).status_code == 401
    assert (await sign_in(home, bob.email, PASSWORD)).status_code == 200
    # A token that was not taken away works again: nobody goes down to the cellar to type it in anew.
    assert (await sensor.get("/v1/sources")).status_code == 200


async def test_who_signs_in_while_being_deactivated_is_not_left_with_a_session(
    home: Household, dba: asyncpg.Connection
) -> None:
    ann = await home.person("ann")
    await home.person("bob")
    for _ in range(5):
        off = dba.execute("UPDATE users SET is_active = false WHERE email = 'bob@example.org'")
        await asyncio.gather(off, *(sign_in(home, "bob@example.org", PASSWORD) for _ in range(4)))
        alive = "SELECT count(*) FROM sessions AS s JOIN users AS u ON u.id = s.user_id WHERE s.ended_at IS NULL"
        assert await dba.fetchval(f"{alive} AND NOT u.is_active") == 0
        await dba.execute("UPDATE users SET is_active = true")
    assert (await ann.get("/v1/me")).status_code == 200


# Deletion


async def test_a_deleted_account_is_gone_with_what_it_alone_administers(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    meter = await bob.source()
    await bob.grant(meter, ann, "read")
    assert (await ann.delete(f"/v1/users/{bob.id}")).status_code == 204
    assert (await bob.get("/v1/me")).status_code == 401
    assert (await ann.get(f"/v1/sources/{meter['id']}")).status_code == 404
    assert (await ann.get(f"/v1/users/{bob.id}")).status_code == 404
    assert (await ann.delete(f"/v1/users/{bob.id}")).status_code == 404
    assert (await home.person("bob")).id != bob.id


async def test_an_account_with_a_temporary_password_can_be_deleted(home: Household) -> None:
    ann = await home.person("ann")
    bob = await newcomer(home, ann, "bob")
    assert (await ann.delete(f"/v1/users/{bob.id}")).status_code == 204
    assert (await bob.put("/v1/me/password", {})).status_code == 401


# Temporary passwords


async def test_a_temporary_password_opens_the_change_of_the_password_and_nothing_else(home: Household) -> None:
    ann = await home.person("ann")
    made = await ann.made("/v1/users", email="bob@example.org")
    answer = await sign_in(home, "bob@example.org", made["temporary_password"])
    assert answer.status_code == 200
    assert answer.json()["user"]["is_password_temp"] is True
    bob = Person(home.client, "bob", answer.json())

    for path in ("/v1/me", "/v1/homes", "/v1/me/sessions", "/v1/changes", "/v1/users", "/v1/audit"):
        response = await bob.get(path)
        assert refusal(response) == GATED
        assert response.json()["detail"].endswith("PUT /v1/me/password.")
    assert refusal(await bob.post("/v1/homes", {"name": "Home"})) == GATED
    assert refusal(await bob.delete("/v1/me")) == GATED

    change = {"current_password": made["temporary_password"], "new_password": NEW_PASSWORD}
    assert (await bob.put("/v1/me/password", change)).status_code == 204

    me = await bob.get("/v1/me")
    assert (me.status_code, me.json()["is_password_temp"]) == (200, False)
    assert (await ann.get(f"/v1/users/{bob.id}")).json()["is_password_temp"] is False
    refreshed = await home.nobody.post("/v1/auth/refresh", {"refresh_token": bob.login["refresh_token"]})
    assert refreshed.status_code == 200
    assert (await sign_in(home, bob.email, NEW_PASSWORD)).status_code == 200
    assert (await sign_in(home, bob.email, made["temporary_password"])).status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/reference"),
        ("GET", "/v1/nothing/here"),
        ("GET", "/v1/sources/nonsense"),
        ("GET", "/v1/sources/{public}"),
        ("GET", "/v1/sources/{public}/readings"),
        ("DELETE", "/v1/reference"),
        ("PUT", "/v1/homes"),
        ("POST", "/v1/me/password"),
        ("PATCH", "/v1/me"),
        ("POST", "/v1/sources/{public}/readings"),
    ],
)
async def test_the_gate_stands_before_what_is_public_or_not_there_too(home: Household, method: str, path: str) -> None:
    ann = await home.person("ann")
    public = (await ann.source(is_public=True))["id"]
    bob = await newcomer(home, ann, "bob")
    assert refusal(await bob.call(method, path.format(public=public))) == GATED
    if path.endswith("{public}"):
        assert (await home.nobody.get(path.format(public=public))).status_code == 200


@pytest.mark.parametrize(("content", "status"), [(b"", 400), (b"{", 400), (b"{}", 422), (b'{"x": 1}', 422)])
async def test_a_wrong_change_of_a_temporary_password_is_told_as_such(
    home: Household, content: bytes, status: int
) -> None:
    ann = await home.person("ann")
    bob = await newcomer(home, ann, "bob")
    headers = {"Content-Type": "application/json"}
    response = await bob.call("PUT", "/v1/me/password", content=content, headers=headers)
    assert response.status_code == status, response.text
    assert refusal(await bob.call("PATCH", "/v1/me", content=content, headers=headers)) == GATED


async def test_a_gated_session_is_not_refreshed_but_ends_when_signed_out(home: Household) -> None:
    ann = await home.person("ann")
    made = await ann.made("/v1/users", email="bob@example.org")
    bob = await signed_in(home, "bob", made["temporary_password"])
    for _ in range(2):
        refused = await home.nobody.post("/v1/auth/refresh", {"refresh_token": bob.login["refresh_token"]})
        assert refusal(refused) == GATED
    out = await home.nobody.post("/v1/auth/logout", {"refresh_token": bob.login["refresh_token"]})
    assert out.status_code == 204
    change = {"current_password": made["temporary_password"], "new_password": NEW_PASSWORD}
    assert (await bob.put("/v1/me/password", change)).status_code == 401


async def test_what_was_refused_at_the_gate_did_not_use_the_refresh_token(home: Household) -> None:
    ann = await home.person("ann")
    made = await ann.made("/v1/users", email="bob@example.org")
    bob = await signed_in(home, "bob", made["temporary_password"])
    token = {"refresh_token": bob.login["refresh_token"]}
    assert refusal(await home.nobody.post("/v1/auth/refresh", token)) == GATED
    change = {"current_password": made["temporary_password"], "new_password": NEW_PASSWORD}
    assert (await bob.put("/v1/me/password", change)).status_code == 204
    assert (await home.nobody.post("/v1/auth/refresh", token)).status_code == 200


async def test_a_temporary_password_signs_in_once_even_at_the_same_moment(home: Household) -> None:
    ann = await home.person("ann")
    made = await ann.made("/v1/users", email="bob@example.org")
    answers = await asyncio.gather(*(sign_in(home, "bob@example.org", made["temporary_password"]) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 5  # more would wait as guesses


async def test_a_temporary_password_that_is_used_or_old_looks_like_a_wrong_one(
    home: Household, dba: asyncpg.Connection
) -> None:
    ann = await home.person("ann")
    used, old, fresh = [await ann.made("/v1/users", email=f"{name}@example.org") for name in ("used", "old", "fresh")]
    await signed_in(home, "used", used["temporary_password"])
    aged = "UPDATE user_passwords SET created_at = now() - $1::interval WHERE user_id = $2"
    await dba.execute(aged, timedelta(hours=24), old["id"])
    await dba.execute(aged, timedelta(hours=23, minutes=50), fresh["id"])

    wrong = await sign_in(home, "fresh@example.org", "not this one either")
    for answer in (
        await sign_in(home, "used@example.org", used["temporary_password"]),
        await sign_in(home, "old@example.org", old["temporary_password"]),
        await sign_in(home, "nobody@example.org", used["temporary_password"]),
    ):
        assert told(answer) == told(wrong)
    assert wrong.status_code == 401
    assert (await sign_in(home, "fresh@example.org", fresh["temporary_password"])).status_code == 200


def told(response: httpx.Response) -> tuple[Any, Any]:
    headers = {
        name: value for name, value in response.headers.items() if name not in {"x-request-id", "content-length"}
    }
    return {**response.json(), "instance": ""}, headers


async def test_a_session_that_outlives_its_temporary_password_changes_nothing(
    home: Household, dba: asyncpg.Connection
) -> None:
    ann = await home.person("ann")
    made = await ann.made("/v1/users", email="bob@example.org")
    bob = await signed_in(home, "bob", made["temporary_password"])
    await dba.execute("UPDATE user_passwords SET created_at = now() - interval '24 hours' WHERE user_id = $1", bob.id)
    change = {"current_password": made["temporary_password"], "new_password": NEW_PASSWORD}
    response = await bob.put("/v1/me/password", change)
    assert [error["pointer"] for error in response.json()["errors"]] == ["/current_password"]


async def test_the_temporary_password_itself_is_no_new_one(home: Household) -> None:
    ann = await home.person("ann")
    made = await ann.made("/v1/users", email="bob@example.org")
    bob = await signed_in(home, "bob", made["temporary_password"])
    same = {"current_password": made["temporary_password"], "new_password": made["temporary_password"]}
    response = await bob.put("/v1/me/password", same)
    assert [error["pointer"] for error in response.json()["errors"]] == ["/new_password"]
    assert refusal(await bob.get("/v1/me")) == GATED


async def test_a_wrong_current_password_leaves_the_gate_shut(home: Household) -> None:
    ann = await home.person("ann")
    bob = await newcomer(home, ann, "bob")
    response = await bob.put("/v1/me/password", {"current_password": "not it", "new_password": NEW_PASSWORD})
    assert [error["pointer"] for error in response.json()["errors"]] == ["/current_password"]
    assert refusal(await bob.get("/v1/me")) == GATED


async def test_a_temporary_password_is_stored_as_argon2id(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    made = await ann.made("/v1/users", email="bob@example.org")
    stored = await dba.fetchval("SELECT password_hash FROM user_passwords WHERE user_id = $1", made["id"])
    assert stored.startswith("$argon2id$")
    assert made["temporary_password"] not in stored


async def test_every_refusal_at_the_gate_leaves_a_row(home: Household) -> None:
    ann = await home.person("ann")
    bob = await newcomer(home, ann, "bob")
    await bob.get("/v1/homes")
    await bob.get("/v1/reference")
    events = [row["event_type"] for row in (await ann.get("/v1/audit", params={"user_id": bob.id})).json()["items"]]
    assert events == ["access_denied", "access_denied", "login"]


# Resetting


async def test_a_reset_ends_every_session_and_gates_the_next_one(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    elsewhere = await signed_in(home, "bob", PASSWORD)
    sensor_token = await bob.made("/v1/me/tokens", name="Sensor", scopes=["read:data"])
    sensor = Person(home.client, "sensor", {"access_token": sensor_token["token"]})

    response = await ann.post(f"/v1/users/{bob.id}/password-reset")

    assert response.status_code == 200, response.text
    password = response.json()["temporary_password"]
    assert set(response.json()) == USER | {"temporary_password"}
    assert response.json()["is_password_temp"] is True
    for person in (bob, elsewhere):
        assert (await person.get("/v1/me")).status_code == 401
        dead = await home.nobody.post("/v1/auth/refresh", {"refresh_token": person.login["refresh_token"]})
        assert dead.status_code == 401
    assert (await sign_in(home, bob.email, PASSWORD)).status_code == 401
    assert refusal(await sensor.get("/v1/sources")) == GATED
    assert refusal(await sensor.get("/v1/reference")) == GATED

    again = await signed_in(home, "bob", password)
    assert refusal(await again.get("/v1/me")) == GATED
    change = {"current_password": password, "new_password": NEW_PASSWORD}
    assert (await again.put("/v1/me/password", change)).status_code == 204
    assert (await again.get("/v1/me")).status_code == 200
    assert (await sensor.get("/v1/sources")).status_code == 200


async def test_a_second_reset_replaces_the_first_and_the_24_hours_begin_anew(
    home: Household, dba: asyncpg.Connection
) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    first = (await ann.post(f"/v1/users/{bob.id}/password-reset")).json()["temporary_password"]
    await signed_in(home, "bob", first)
    await dba.execute("UPDATE user_passwords SET created_at = now() - interval '2 days' WHERE user_id = $1", bob.id)
    second = (await ann.post(f"/v1/users/{bob.id}/password-reset")).json()["temporary_password"]
    assert (await sign_in(home, bob.email, first)).status_code == 401
    assert (await sign_in(home, bob.email, second)).status_code == 200


async def test_an_account_without_a_password_gets_one_by_a_reset(home: Household, dba: asyncpg.Connection) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    await dba.execute("DELETE FROM user_passwords WHERE user_id = $1", bob.id)
    password = (await ann.post(f"/v1/users/{bob.id}/password-reset")).json()["temporary_password"]
    assert refusal(await (await signed_in(home, "bob", password)).get("/v1/me")) == GATED


async def test_who_changes_a_password_while_it_is_reset_does_not_keep_it(
    home: Household, dba: asyncpg.Connection
) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    reset, _ = await asyncio.gather(ann.post(f"/v1/users/{bob.id}/password-reset"), bob.put("/v1/me/password", change))
    assert reset.status_code == 200
    assert (await sign_in(home, bob.email, NEW_PASSWORD)).status_code == 401
    assert (await bob.get("/v1/me")).status_code == 401
    assert await dba.fetchval("SELECT is_temporary FROM user_passwords WHERE user_id = $1", bob.id) is True


# The last admin

GOING: dict[str, tuple[str, str, Any]] = {
    "demoted": ("PATCH", "/v1/users/{id}", {"role": "operator"}),
    "deactivated": ("PATCH", "/v1/users/{id}", {"is_active": False}),
    "deleted": ("DELETE", "/v1/users/{id}", None),
    "deleting oneself": ("DELETE", "/v1/me", None),
}


async def go(person: Person, whose: Person, how: str) -> httpx.Response:
    method, path, body = GOING[how]
    return await person.call(method, path.format(id=whose.id), **({} if body is None else {"json": body}))


@pytest.mark.parametrize("how", GOING)
async def test_the_last_admin_stays(home: Household, how: str) -> None:
    ann, _ = await home.person("ann"), await home.person("bob")
    assert refusal(await go(ann, ann, how)) == (409, "last_admin")
    assert (await ann.get("/v1/me")).json()["role"] == "admin"


@pytest.mark.parametrize("how", GOING)
async def test_an_admin_beside_another_may_go(home: Household, how: str) -> None:
    ann, bob, _ = [await home.person(name) for name in ("ann", "bob", "cat")]
    await ann.patch(f"/v1/users/{bob.id}", {"role": "admin"})
    assert (await go(ann, ann, how)).status_code in {200, 204}
    assert refusal(await go(bob, bob, how)) == (409, "last_admin")


async def test_an_admin_who_is_not_active_is_nobody_to_rely_on(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    await ann.patch(f"/v1/users/{bob.id}", {"role": "admin", "is_active": False})
    assert refusal(await go(ann, ann, "demoted")) == (409, "last_admin")


async def test_who_is_the_only_account_may_delete_it_and_the_next_one_is_admin(home: Household) -> None:
    # Nothing is left to administer.
    ann = await home.person("ann")
    assert refusal(await go(ann, ann, "demoted")) == (409, "last_admin")
    assert (await ann.delete("/v1/me")).status_code == 204
    assert (await home.person("bob")).login["user"]["role"] == "admin"


@pytest.mark.parametrize("first", GOING)
@pytest.mark.parametrize("second", GOING)
async def test_of_admins_who_go_at_once_one_stays(home: Household, first: str, second: str) -> None:
    ann = await home.person("ann")
    others = [await home.person(f"p{number}") for number in range(3)]
    for other in others:
        await ann.patch(f"/v1/users/{other.id}", {"role": "admin"})
    keeper = await home.person("keeper")
    everyone = [ann, *others]
    answers = await asyncio.gather(
        *(go(person, person, first if number % 2 else second) for number, person in enumerate(everyone))
    )
    assert sorted(answer.status_code >= 400 for answer in answers) == [False] * 3 + [True]
    assert {refusal(answer) for answer in answers if answer.status_code >= 400} == {(409, "last_admin")}
    assert (await keeper.get("/v1/me")).json()["role"] == "operator"


async def test_two_admins_who_demote_each_other_at_once_leave_one(home: Household, dba: asyncpg.Connection) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    for _ in range(5):
        await dba.execute("UPDATE users SET role = 'admin'")
        await asyncio.gather(go(ann, bob, "demoted"), go(bob, ann, "demoted"))
        assert await dba.fetchval("SELECT count(*) FROM users WHERE role = 'admin'") >= 1


async def test_the_last_admin_who_is_refused_keeps_nobody_else_from_going(home: Household) -> None:
    ann = await home.person("ann")
    for name in ("ben", "cat", "dan"):
        other = await home.person(name)
        for _ in range(3):
            await metered(ann, other, "admin")
        answers = await asyncio.gather(ann.delete("/v1/me"), other.delete("/v1/me"))
        statuses = [answer.status_code for answer in answers]
        assert statuses in ([409, 204], [204, 204])
        if statuses[0] == 204:  # The other was gone already, and she the only account.
            ann = await home.person("ann")


# What is told of it


async def test_every_administrative_act_leaves_a_row_that_says_to_whom(home: Household) -> None:
    ann = await home.person("ann")
    made = await ann.made("/v1/users", email="bob@example.org", display_name="Canary")
    path = f"/v1/users/{made['id']}"
    for change in ({"role": "admin"}, {"is_active": False}, {"is_active": True}, {"display_name": "Robert"}):
        await ann.patch(path, change)
    reset = (await ann.post(f"{path}/password-reset")).json()
    await ann.delete(path)
    shown = (await ann.get("/v1/audit", params={"user_id": ann.id})).json()["items"][:7]
    whom = {"id": made["id"]}
    assert [(row["event_type"], row["details"]) for row in reversed(shown)] == [
        ("create_user", whom),
        ("change_role", {**whom, "old": "operator", "new": "admin"}),
        ("deactivate_user", whom),
        ("activate_user", whom),
        ("update_user", {**whom, "changed": ["display_name"]}),
        ("reset_password", whom),
        ("delete_user", whom),
    ]
    for secret in (made["temporary_password"], reset["temporary_password"], "Canary", "Robert", "bob@example.org"):
        assert secret not in str(shown)


async def test_an_admin_reads_what_everybody_did_without_details(home: Household) -> None:
    ann, bob, cat = [await home.person(name) for name in ("ann", "bob", "cat")]
    meter = await bob.source(name="Canary")
    await cat.home()
    shown = (await ann.get("/v1/audit", params={"limit": 1000})).json()["items"]
    assert {ann.id, bob.id, cat.id} <= {row["user_id"] for row in shown}
    assert [row["event_time"] for row in shown] == sorted((row["event_time"] for row in shown), reverse=True)
    assert all(row["details"] is None for row in shown)
    assert "Canary" not in str(shown)
    assert (meter["id"], "create_source") in {(row["source_id"], row["event_type"]) for row in shown}


async def test_an_admin_reads_what_one_account_did_and_of_oneself_with_details(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    await bob.home(name="Canary")
    of_bob = (await ann.get("/v1/audit", params={"user_id": bob.id})).json()["items"]
    # In one transaction, and so at one time.
    assert {row["event_type"] for row in of_bob[:2]} == {"create_home", "add_member"}
    assert {row["user_id"] for row in of_bob} == {bob.id}
    assert all(row["details"] is None for row in of_bob)
    own = (await ann.get("/v1/audit", params={"user_id": ann.id, "event_type": "login"})).json()["items"]
    assert own[0]["details"]["provider"] == "password"
    assert (await bob.get("/v1/audit", params={"user_id": bob.id})).json() == (await bob.get("/v1/audit")).json()


async def test_who_is_no_admin_does_not_read_what_others_did(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    assert {row["user_id"] for row in (await bob.get("/v1/audit")).json()["items"]} == {bob.id}
    for whose in (ann.id, uuid4()):
        assert refusal(await bob.get("/v1/audit", params={"user_id": str(whose)})) == (404, "not_found")
    assert (await bob.get("/v1/audit", params={"user_id": "nonsense"})).status_code == 400


@pytest.mark.parametrize("whose", ["everybody's", "bob's"])
async def test_pages_of_others_rows_hold_every_row_once_while_rows_are_added(home: Household, whose: str) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    for number in range(7):
        await bob.home(name=f"Home {number}")
    query = {"user_id": bob.id} if whose == "bob's" else {}
    there = [row["id"] for row in (await ann.get("/v1/audit", params=query)).json()["items"]]
    paged: list[int] = []
    cursor: str | None = None
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = (await ann.get("/v1/audit", params={**query, **more, "limit": 3})).json()
        paged += [row["id"] for row in page["items"]]
        await bob.home()
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert paged == there


async def test_a_range_and_a_type_narrow_everybodys_rows(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    for number in range(3):
        await bob.home(name=f"Home {number}")
    for query in ({}, {"user_id": bob.id}):
        homes = (await ann.get("/v1/audit", params={**query, "event_type": "create_home"})).json()["items"]
        assert len(homes) == 3
        between = {"from": homes[1]["event_time"], "to": homes[0]["event_time"]}
        shown = (await ann.get("/v1/audit", params={**query, **between, "event_type": "create_home"})).json()["items"]
        assert [row["id"] for row in shown] == [homes[1]["id"]]


async def test_an_admins_cursors_open_only_their_own_list(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    everybodys = (await ann.get("/v1/audit", params={"limit": 1})).json()["next_cursor"]
    bobs = (await ann.get("/v1/audit", params={"limit": 1, "user_id": bob.id})).json()["next_cursor"]
    for cursor, query in ((everybodys, {"user_id": bob.id}), (bobs, {})):
        response = await ann.get("/v1/audit", params={**query, "cursor": cursor})
        assert refusal(response) == (400, "unreadable")
    assert refusal(await bob.get("/v1/audit", params={"cursor": everybodys})) == (400, "unreadable")


# The description


def test_every_route_of_users_is_described(tmp_path: Path) -> None:
    paths = create_app(Settings(data=tmp_path, secret="x" * 40)).app.openapi_schema.to_schema()["paths"]
    calls = {(path, method) for path, methods in paths.items() for method in methods}
    assert {(path, method) for path, method in calls if path.startswith("/v1/users")} == {
        ("/v1/users", "get"), ("/v1/users", "post"),
        ("/v1/users/{user_id}", "get"), ("/v1/users/{user_id}", "patch"), ("/v1/users/{user_id}", "delete"),
        ("/v1/users/{user_id}/password-reset", "post"),
    }  # fmt: skip
