"""What whoever has taken a session, of whatever age, cannot make of it: a way in that stays, or harm for good."""

from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from service.accounts.tokens import ABSOLUTE, LIFETIME
from tests.people import PASSWORD, Household, Person


def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["type"].removeprefix("/errors/")


async def age(dba: asyncpg.Connection, by: timedelta) -> None:
    """Have everybody have signed in so much earlier."""
    await dba.execute("UPDATE sessions SET created_at = created_at - $1::interval", by)


async def refreshed(home: Household, person: Person) -> httpx.Response:
    return await home.nobody.post("/v1/auth/refresh", {"refresh_token": person.login["refresh_token"]})


async def anew(home: Household, person: Person) -> Person:
    answer = await home.nobody.post("/v1/auth/login", {"email": person.email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return Person(home.client, person.name, answer.json())


def assert_stale(response: httpx.Response) -> None:
    assert refusal(response) == (403, "forbidden"), response.text
    assert "within ten minutes of signing in; sign in again." in response.json()["detail"]


async def refusals(dba: asyncpg.Connection, person: Person) -> int:
    query = "SELECT count(*) FROM audit_logs WHERE event_type = 'access_denied' AND user_id = $1::text::uuid"
    return int(await dba.fetchval(query, person.id))


async def test_an_account_is_deleted_only_soon_after_signing_in(home: Household, dba: asyncpg.Connection) -> None:
    await home.person("keeper")
    ann = await home.person("ann")
    await age(dba, timedelta(minutes=11))
    assert_stale(await ann.delete("/v1/me"))
    # Neither a refresh nor the right version makes it younger.
    later = Person(home.client, "ann", (await refreshed(home, ann)).json())
    etag = (await later.get("/v1/me")).headers["etag"]
    assert_stale(await later.delete("/v1/me", headers={"If-Match": etag}))
    assert await refusals(dba, ann) == 2
    assert (await later.get("/v1/me")).status_code == 200
    assert (await (await anew(home, ann)).delete("/v1/me")).status_code == 204


ADMINISTERING = [
    ("POST", "/v1/users", {"email": "eve@example.org", "role": "admin"}),
    ("PATCH", "/v1/users/{bob}", {"role": "admin"}),
    ("PATCH", "/v1/users/{bob}", {"role": "admin", "is_active": False}),
    ("DELETE", "/v1/users/{bob}", None),
    ("POST", "/v1/users/{bob}/password-reset", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ADMINISTERING)
async def test_an_admin_hands_out_and_takes_away_only_soon_after_signing_in(
    home: Household, dba: asyncpg.Connection, method: str, path: str, body: Any
) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    path = path.format(bob=bob.id)
    await age(dba, timedelta(minutes=11))
    before = await dba.fetch("SELECT u::text FROM users AS u ORDER BY id")
    assert_stale(await ann.call(method, path, json=body))
    assert await dba.fetch("SELECT u::text FROM users AS u ORDER BY id") == before
    assert (await bob.get("/v1/me")).status_code == 200
    assert (await home.nobody.post("/v1/auth/login", {"email": bob.email, "password": PASSWORD})).status_code == 200
    assert await refusals(dba, ann) == 1
    assert (await (await anew(home, ann)).call(method, path, json=body)).is_success


async def test_what_is_not_there_is_404_whenever_one_signed_in(home: Household, dba: asyncpg.Connection) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    await age(dba, timedelta(minutes=11))
    for method, path, body in ADMINISTERING:
        there = path.format(bob=bob.id)
        assert refusal(await bob.call(method, there, json=body)) == (404, "not_found")
        if "{bob}" in path:
            nowhere = path.format(bob="00000000-0000-7000-8000-000000000000")
            assert refusal(await ann.call(method, nowhere, json=body)) == (404, "not_found")


async def test_an_older_session_still_administers_what_can_be_undone(home: Household, dba: asyncpg.Connection) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    await age(dba, timedelta(days=3))
    assert (await ann.get("/v1/users")).status_code == 200
    await ann.made("/v1/users", email="cat@example.org")
    for change in ({"display_name": "Robert"}, {"is_active": False}, {"is_active": True}):
        assert (await ann.patch(f"/v1/users/{bob.id}", change)).status_code == 200


async def test_an_admin_does_not_reset_their_own_password(home: Household) -> None:
    """Or else a session were worth a password, without knowing the one before it."""
    ann = await home.person("ann")
    answer = await ann.post(f"/v1/users/{ann.id}/password-reset")
    assert refusal(answer) == (409, "conflict")
    assert "PUT /v1/me/password" in answer.json()["detail"]
    assert (await ann.get("/v1/me")).json()["is_password_temp"] is False
    assert (await anew(home, ann)).id == ann.id


async def test_a_session_ends_half_a_year_after_signing_in_however_often_it_is_refreshed(
    home: Household, dba: asyncpg.Connection
) -> None:
    ann = await home.person("ann")
    await age(dba, ABSOLUTE - LIFETIME / 2)
    answer = await refreshed(home, ann)
    assert answer.status_code == 200
    later = Person(home.client, "ann", answer.json())
    row = await dba.fetchrow("SELECT created_at, expires_at FROM sessions")
    assert row is not None
    assert row["expires_at"] == row["created_at"] + ABSOLUTE
    await dba.execute("UPDATE sessions SET created_at = created_at - $1::interval, expires_at = now()", LIFETIME / 2)
    assert refusal(await later.get("/v1/me")) == (401, "unauthenticated")
    assert refusal(await refreshed(home, later)) == (401, "unauthenticated")
    assert (await anew(home, ann)).id == ann.id


async def test_a_session_that_was_older_when_the_rule_came_ends_too(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    await age(dba, ABSOLUTE)
    assert refusal(await refreshed(home, ann)) == (401, "unauthenticated")
    assert await dba.fetchval("SELECT count(*) FROM refresh_tokens") == 1
