"""Sessions: signing in, refreshing, signing out, and every access token that must not be taken."""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from statistics import median
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
from argon2 import PasswordHasher

from service.embedded import EmbeddedPostgres
from service.settings import Settings
from service.transaction import Transaction
from tests.people import PASSWORD, Household, Person, serve

SECRET = "a test's own secret, 32 characters and more"


async def login(home: Household, email: str = "ann@example.org", password: str = PASSWORD) -> httpx.Response:
    return await home.nobody.post("/v1/auth/login", {"email": email, "password": password})


async def refresh(home: Household, token: str) -> httpx.Response:
    return await home.nobody.post("/v1/auth/refresh", {"refresh_token": token})


async def logout(home: Household, token: str) -> httpx.Response:
    return await home.nobody.post("/v1/auth/logout", {"refresh_token": token})


@pytest.mark.parametrize("call", [refresh, logout])
async def test_a_refresh_token_has_an_end(home: Household, call: Any) -> None:
    answer = await call(home, "x" * 1025)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/refresh_token")


def bearer(home: Household, login_answer: Any) -> Person:
    return Person(home.client, "ann", login_answer)


# Signing in


async def test_signing_in_answers_both_tokens_and_the_account(home: Household) -> None:
    ann = await home.person("ann")

    response = await login(home, "ANN@example.ORG")

    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    answer = response.json()
    assert list(answer) == ["access_token", "token_type", "expires_in", "refresh_token", "user"]
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
    assert re.fullmatch(r"hr_[A-Za-z0-9_-]{43}", answer["refresh_token"])
    assert answer["user"]["email"] == ann.email
    assert answer["user"]["last_login_at"] is not None
    assert (await bearer(home, answer).get("/v1/me")).json() == answer["user"]


async def test_an_access_token_says_what_the_contract_names_and_no_more(home: Household) -> None:
    ann = await home.person("ann")

    header, claims = (json.loads(unpacked(part)) for part in ann.login["access_token"].split(".")[:2])

    assert {**header, "kid": "…"} == {"alg": "HS256", "typ": "at+jwt", "kid": "…"}
    assert re.fullmatch(r"[\w-]{12}", header["kid"])
    assert set(claims) == {"sub", "auth_provider", "auth_time", "scope", "sid", "iss", "aud", "iat", "exp"}
    assert (claims["sub"], claims["auth_provider"]) == (ann.id, "password")
    assert (claims["iss"], claims["aud"]) == ("homelog", "homelog-api")
    assert claims["scope"] == "read:data write:data account"
    assert claims["sid"] == (await ann.get("/v1/me/sessions")).json()["items"][0]["id"]
    assert claims["exp"] - claims["iat"] == 3600
    assert abs(claims["iat"] - time.time()) < 600
    assert claims["auth_time"] in {claims["iat"], claims["iat"] - 1}


async def test_a_sign_in_is_audited_and_remembered(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")

    told = await dba.fetch(
        "SELECT user_id::text, details::jsonb ->> 'provider' FROM audit_logs WHERE event_type = 'login'"
    )

    assert [tuple(row) for row in told] == [(ann.id, "password")]


async def wrong_password(home: Household, dba: asyncpg.Connection) -> httpx.Response:
    return await login(home, password="not the right one")


async def unknown_email(home: Household, dba: asyncpg.Connection) -> httpx.Response:
    return await login(home, email="nobody@example.org")


async def inactive_account(home: Household, dba: asyncpg.Connection) -> httpx.Response:
    await dba.execute("INSERT INTO users (email, role) VALUES ('keeper@example.org', 'admin')")
    await dba.execute("UPDATE users SET is_active = false WHERE email <> 'keeper@example.org'")
    return await login(home)


async def no_password(home: Household, dba: asyncpg.Connection) -> httpx.Response:
    await dba.execute("DELETE FROM user_passwords")
    return await login(home)


async def not_even_an_email(home: Household, dba: asyncpg.Connection) -> httpx.Response:
    return await login(home, email="", password="")


FAILURES = [wrong_password, unknown_email, inactive_account, no_password, not_even_an_email]
Failure = Callable[[Household, asyncpg.Connection], Any]


@pytest.mark.parametrize("failure", FAILURES)
async def test_every_failed_sign_in_looks_the_same(home: Household, dba: asyncpg.Connection, failure: Failure) -> None:
    await home.person("ann")

    response = await failure(home, dba)

    assert response.status_code == 401
    body = response.json()
    body.pop("instance")
    assert body == {
        "type": "/errors/unauthenticated",
        "title": "Sign in first",
        "status": 401,
        "detail": "The e-mail or the password is wrong.",
    }
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("failure", FAILURES)
async def test_every_failed_sign_in_costs_the_same_one_hash_and_the_same_statements(
    home: Household, dba: asyncpg.Connection, failure: Failure, monkeypatch: pytest.MonkeyPatch
) -> None:
    await home.person("ann")
    work = noted(monkeypatch)

    await failure(home, dba)

    assert work == [
        "accounts:try_sign_in",
        "accounts:find_credentials",
        "verify",
        "accounts:record_failed_login",
    ]


async def test_a_wrong_password_and_an_unknown_email_take_the_same_time(settings: Settings) -> None:
    async with serve(msgspec.structs.replace(settings, trusted_proxies=("127.0.0.1",))) as home:
        await home.person("ann")

        async def seconds(email: str, number: int) -> float:
            # Each from another address, so that none waits for guesses.
            headers = {"X-Forwarded-For": f"203.0.{number // 256}.{number % 256}"}
            account = {"email": email, "password": "not the right one"}
            began = time.perf_counter()
            response = await home.client.post("/v1/auth/login", json=account, headers=headers)
            assert response.status_code == 401
            return time.perf_counter() - began

        apart = []
        for attempt in range(5):
            # One after the other, who comes first taking turns: what else this machine does meets both alike.
            pairs = []
            for n in range(40):
                order = ["ann@example.org", "nobody@example.org"][:: (-1) ** n]
                pairs.append({email: await seconds(email, 40 * attempt + n) for email in order})
            known, unknown = (median(pair[email] for pair in pairs) for email in sorted(order))
            apart.append(abs(known / unknown - 1))
            if apart[-1] <= 0.1:
                return
        raise AssertionError(f"the medians differ by {apart}")


async def test_a_right_sign_in_hashes_once_too(home: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    await home.person("ann")
    work = noted(monkeypatch)

    assert (await login(home)).status_code == 200

    assert work == [
        "accounts:try_sign_in",
        "accounts:find_credentials",
        "verify",
        "accounts:open_session",
        "accounts:forgive_sign_in",
        "accounts:get_me",
    ]


def noted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """From now on: each call of the hashing library and each statement, in order."""
    work: list[str] = []

    def note(owner: type, method: str, name: Callable[..., str]) -> None:
        real = getattr(owner, method)

        def noting(*args: Any, **kwargs: Any) -> Any:
            work.append(name(*args))
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, method, noting)

    for method in ("verify", "hash"):
        note(PasswordHasher, method, lambda *_, method=method: method)
    for method in ("maybe", "run"):
        note(Transaction, method, lambda _, query, *__: query.name)
    return work


async def test_a_failed_sign_in_is_audited_in_the_name_of_the_account_that_was_tried(
    home: Household, dba: asyncpg.Connection
) -> None:
    ann = await home.person("ann")

    await login(home, email="ANN@example.org", password="not the right one")
    await login(home, email="nobody@example.org", password="not the right one")

    told = await dba.fetch(
        "SELECT user_id::text, details FROM audit_logs WHERE event_type = 'login_failed' ORDER BY id"
    )
    assert [tuple(row) for row in told] == [
        (ann.id, '{"provider": "password"}'),
        (None, '{"provider": "password"}'),
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"cookies": "yes"},
        {"cookies": 1},
        {"email": None},
        {"password": 7},
        {"password": "x" * 1025},
        {"email": "a\0b@c.de"},
    ],
)
async def test_a_wrong_sign_in_body_is_422(home: Household, fields: Any) -> None:
    response = await home.nobody.post("/v1/auth/login", {"email": "a@b.cd", "password": PASSWORD, **fields})

    assert response.status_code == 422


async def test_a_stale_access_token_does_not_keep_anybody_from_signing_in(home: Household) -> None:
    ann = await home.person("ann")
    await logout(home, ann.login["refresh_token"])

    response = await ann.post("/v1/auth/login", {"email": ann.email, "password": PASSWORD})

    assert response.status_code == 200


# Refreshing


async def test_refreshing_answers_new_tokens_of_the_same_session(home: Household) -> None:
    ann = await home.person("ann")

    response = await refresh(home, ann.login["refresh_token"])

    assert response.status_code == 200
    answer = response.json()
    assert set(answer) == {"access_token", "token_type", "expires_in", "refresh_token", "user"}
    assert re.fullmatch(r"hr_[A-Za-z0-9_-]{43}", answer["refresh_token"])
    assert answer["refresh_token"] != ann.login["refresh_token"]
    assert answer["user"] == ann.login["user"]
    assert claims_of(answer)["sid"] == claims_of(ann.login)["sid"]
    assert claims_of(answer)["auth_time"] == claims_of(ann.login)["auth_time"]
    assert (await bearer(home, answer).get("/v1/me")).status_code == 200
    assert (await ann.get("/v1/me")).status_code == 200


async def test_fifty_refreshes_at_once_answer_one_successor(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")

    answers = await asyncio.gather(*(refresh(home, ann.login["refresh_token"]) for _ in range(50)))

    assert [answer.status_code for answer in answers] == [200] * 50
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    assert await dba.fetchval("SELECT count(*) FROM refresh_tokens") == 2
    assert (await refresh(home, answers[0].json()["refresh_token"])).status_code == 200


async def test_no_refresh_token_is_stored_as_it_is(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    successor = (await refresh(home, ann.login["refresh_token"])).json()["refresh_token"]

    stored = {row["token_hash"] for row in await dba.fetch("SELECT token_hash FROM refresh_tokens")}

    assert stored == {hashlib.sha256(each.encode()).digest() for each in (ann.login["refresh_token"], successor)}


async def test_the_parent_that_comes_again_after_the_grace_ends_the_session(
    home: Household, dba: asyncpg.Connection
) -> None:
    ann = await home.person("ann")
    newest = (await refresh(home, ann.login["refresh_token"])).json()
    await dba.execute("UPDATE refresh_tokens SET replaced_at = replaced_at - interval '11 seconds'")

    assert (await refresh(home, ann.login["refresh_token"])).status_code == 401

    await assert_dead(home, ann.login)
    await assert_dead(home, newest)
    told = await dba.fetch("SELECT user_id::text FROM audit_logs WHERE event_type = 'refresh_reused'")
    assert [row["user_id"] for row in told] == [ann.id]


async def test_a_grandparent_that_comes_again_ends_the_session_at_once(home: Household) -> None:
    ann = await home.person("ann")
    second = (await refresh(home, ann.login["refresh_token"])).json()
    third = (await refresh(home, second["refresh_token"])).json()

    assert (await refresh(home, ann.login["refresh_token"])).status_code == 401

    for each in (ann.login, second, third):
        await assert_dead(home, each)


async def test_a_reused_token_ends_its_own_session_only(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    elsewhere = (await login(home)).json()
    await refresh(home, ann.login["refresh_token"])
    await dba.execute("UPDATE refresh_tokens SET replaced_at = replaced_at - interval '11 seconds'")

    await refresh(home, ann.login["refresh_token"])

    await assert_dead(home, ann.login)
    assert (await bearer(home, elsewhere).get("/v1/me")).status_code == 200


async def test_a_refresh_token_lives_seven_days_from_its_last_use(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    lifetime = "SELECT expires_at - last_used_at FROM sessions"
    assert await dba.fetchval(lifetime) == timedelta(days=7)
    await dba.execute("UPDATE sessions SET expires_at = now() + interval '1 minute'")

    newest = (await refresh(home, ann.login["refresh_token"])).json()
    assert await dba.fetchval(lifetime) == timedelta(days=7)

    await dba.execute("UPDATE sessions SET expires_at = now() - interval '1 second'")
    await assert_dead(home, newest)


@pytest.mark.parametrize("token", ["", "hr_", "hr_" + "A" * 43, "nonsense", "é", "a\0b", "x" * 1_024])
async def test_an_unknown_refresh_token_is_401_and_signing_out_with_it_is_no_error(home: Household, token: str) -> None:
    refused = await refresh(home, token)

    assert (refused.status_code, refused.json()["type"]) == (401, "/errors/unauthenticated")
    assert (await logout(home, token)).status_code == 204


async def test_an_access_token_is_no_refresh_token(home: Household) -> None:
    ann = await home.person("ann")

    assert (await refresh(home, ann.login["access_token"])).status_code == 401
    assert (await logout(home, ann.login["access_token"])).status_code == 204
    assert (await ann.get("/v1/me")).status_code == 200


@pytest.mark.parametrize("call", ["refresh", "logout"])
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"refresh_token": None},
        {"refresh_token": 1},
        {"refresh_token": "x", "sid": "x"},
        {"refresh_token": "x" * 1_025},
    ],
)
async def test_a_wrong_refresh_body_is_422(home: Household, call: str, body: Any) -> None:
    assert (await home.nobody.post(f"/v1/auth/{call}", body)).status_code == 422


# Signing out


async def test_signing_out_ends_the_session_and_its_access_tokens_and_no_other(home: Household) -> None:
    ann = await home.person("ann")
    elsewhere = (await login(home)).json()
    newest = (await refresh(home, ann.login["refresh_token"])).json()

    response = await logout(home, newest["refresh_token"])

    assert (response.status_code, response.content) == (204, b"")
    await assert_dead(home, ann.login)
    await assert_dead(home, newest)
    assert (await bearer(home, elsewhere).get("/v1/me")).status_code == 200


async def test_signing_out_needs_the_refresh_token_and_says_so(home: Household) -> None:
    ann = await home.person("ann")
    for caller in (ann, home.nobody):
        response = await caller.post("/v1/auth/logout")
        assert response.status_code == 422
        assert [error["pointer"] for error in response.json()["errors"]] == ["/refresh_token"]
    assert (await ann.get("/v1/me")).status_code == 200


async def test_signing_out_twice_is_signing_out_once(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")

    assert [(await logout(home, ann.login["refresh_token"])).status_code for _ in range(2)] == [204, 204]
    assert await dba.fetchval("SELECT count(*) FROM audit_logs WHERE event_type = 'logout'") == 1


async def test_deactivation_kills_access_and_refresh_tokens(home: Household, dba: asyncpg.Connection) -> None:
    _, ann = await home.person("keeper"), await home.person("ann")

    await dba.execute("UPDATE users SET is_active = false WHERE id = $1", ann.id)

    await assert_dead(home, ann.login)


# The list of sessions


async def test_one_sees_where_one_is_signed_in(home: Household) -> None:
    ann = await home.person("ann")
    await home.person("bob")
    elsewhere = (await login(home)).json()

    response = await ann.get("/v1/me/sessions")

    assert response.status_code == 200
    assert response.json()["next_cursor"] is None
    items = response.json()["items"]
    assert [item["id"] for item in items] == [claims_of(ann.login)["sid"], claims_of(elsewhere)["sid"]]
    assert [item["current"] for item in items] == [True, False]
    assert all(set(item) == {"id", "created_at", "last_used_at", "expires_at", "current"} for item in items)


async def test_sessions_come_in_pages(home: Household) -> None:
    ann = await home.person("ann")
    for _ in range(4):
        await login(home)

    ids: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        page = (await ann.get("/v1/me/sessions", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        ids += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]

    assert cursor is None
    assert len(set(ids)) == 5
    assert (await ann.get("/v1/me/sessions", params={"cursor": "nonsense"})).status_code == 400
    assert (await ann.get("/v1/me/sessions", params={"limit": "0"})).status_code == 422


async def test_dead_sessions_are_not_listed(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    await logout(home, (await login(home)).json()["refresh_token"])
    expired = claims_of((await login(home)).json())["sid"]
    await dba.execute("UPDATE sessions SET expires_at = now() WHERE id = $1", expired)

    items = (await ann.get("/v1/me/sessions")).json()["items"]

    assert [item["current"] for item in items] == [True]
    assert (await ann.delete(f"/v1/me/sessions/{expired}")).status_code == 404


async def test_one_ends_a_session_from_another(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    elsewhere = (await login(home)).json()
    path = f"/v1/me/sessions/{claims_of(elsewhere)['sid']}"

    assert (await ann.delete(path)).status_code == 204

    await assert_dead(home, elsewhere)
    assert (await ann.get("/v1/me")).status_code == 200
    assert (await ann.delete(path)).status_code == 404
    assert await dba.fetchval("SELECT count(*) FROM audit_logs WHERE event_type = 'end_session'") == 1


async def test_one_session_is_shown_with_its_version(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    (listed,) = (await ann.get("/v1/me/sessions")).json()["items"]
    path = f"/v1/me/sessions/{listed['id']}"

    response = await ann.get(path)

    assert (response.status_code, response.json()) == (200, listed)
    unchanged = await ann.get(path, headers={"If-None-Match": response.headers["etag"]})
    assert unchanged.status_code == 304
    assert (await bob.get(path)).status_code == 404


async def test_one_ends_all_ones_other_sessions(home: Household, dba: asyncpg.Connection) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    others = [(await login(home)).json() for _ in range(3)]

    assert (await ann.delete("/v1/me/sessions")).status_code == 204

    for other in others:
        await assert_dead(home, other)
    assert [item["current"] for item in (await ann.get("/v1/me/sessions")).json()["items"]] == [True]
    assert (await bob.get("/v1/me")).status_code == 200
    told = await dba.fetch("SELECT user_id::text, details FROM audit_logs WHERE event_type = 'end_session'")
    assert {(row["user_id"], json.loads(row["details"])["session_id"]) for row in told} == {
        (ann.id, claims_of(other)["sid"]) for other in others
    }
    assert (await ann.delete("/v1/me/sessions")).status_code == 204


async def test_one_may_end_the_session_that_asks(home: Household) -> None:
    ann = await home.person("ann")

    assert (await ann.delete(f"/v1/me/sessions/{claims_of(ann.login)['sid']}")).status_code == 204

    await assert_dead(home, ann.login)


async def test_nobody_ends_anothers_session(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")

    response = await bob.delete(f"/v1/me/sessions/{claims_of(ann.login)['sid']}")

    assert response.status_code == 404
    assert (await ann.get("/v1/me")).status_code == 200


@pytest.mark.parametrize("session", ["01980000-0000-7000-8000-000000000000", "nonsense"])
async def test_a_session_that_is_not_there_is_404(home: Household, session: str) -> None:
    ann = await home.person("ann")

    assert (await ann.delete(f"/v1/me/sessions/{session}")).status_code == 404


# Forged access tokens


class Forger:
    """Makes tokens that come close to a real one of Ann's."""

    def __init__(self, ann: Person, bob: Person) -> None:
        self.good: str = ann.login["access_token"]
        self.header, self.claims = (json.loads(unpacked(part)) for part in self.good.split(".")[:2])
        self.bobs_id = bob.id
        self.bobs_session = claims_of(bob.login)["sid"]
        self.refresh_token: str = ann.login["refresh_token"]

    def sign(
        self,
        header: Any = None,
        claims: Any = None,
        *,
        key: str = SECRET,
        algorithm: str = "sha256",
        drop: str = "",
    ) -> str:
        """The real token with other header or claims, signed as the service signs unless told otherwise."""
        said = {name: value for name, value in {**self.claims, **(claims or {})}.items() if name != drop}
        return self.sign_raw(as_json({**self.header, **(header or {})}), as_json(said), key=key, algorithm=algorithm)

    def sign_raw(self, header: bytes, claims: bytes, *, key: str | bytes = SECRET, algorithm: str = "sha256") -> str:
        """A token of that very header and those very claims, signed as the service signs unless told otherwise."""
        key = key.encode() if isinstance(key, str) else key
        signed = f"{packed(header)}.{packed(claims)}"
        return f"{signed}.{packed(hmac.digest(key, signed.encode(), algorithm))}"

    def said(self, change: Callable[[bytes], bytes]) -> str:
        """The real claims, written otherwise and signed."""
        return self.sign_raw(as_json(self.header), change(as_json(self.claims)))

    def headed(self, change: Callable[[bytes], bytes]) -> str:
        """The real header, written otherwise and signed."""
        return self.sign_raw(change(as_json(self.header)), as_json(self.claims))

    def without(self, name: str) -> str:
        """Signed, with a header that lacks something."""
        return self.headed(lambda _: as_json({each: value for each, value in self.header.items() if each != name}))

    def id_token(self) -> str:
        """What somebody who signs Ann in elsewhere gives out, signed with the key that is ours."""
        said = {"iss": "https://accounts.google.com", "aud": "client", "sub": self.claims["sub"], "nonce": "n"}
        times = {name: self.claims[name] for name in ("iat", "exp")}
        return self.sign_raw(b'{"alg":"HS256","typ":"JWT"}', as_json(said | times))

    def sign_in_the_other_alphabet(self) -> str:
        """The real token, but with + and / for what base64url writes as - and _."""
        for serial in range(100):
            token = self.sign(claims={"auth_time": self.claims["auth_time"] - serial})
            signed, _, signature = token.rpartition(".")
            if set("-_") & set(signature):
                return f"{signed}.{signature.translate(str.maketrans('-_', '+/'))}"
        raise AssertionError

    def unsigned(self, algorithm: str) -> str:
        return self.sign({"alg": algorithm}).rpartition(".")[0] + "."


def as_json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


PUBLIC_KEY = b"""-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
"""


def header_of(raw: bytes) -> str:
    return f"{packed(raw)}.e30.{'A' * 43}"


FORGERIES: dict[str, Callable[[Forger], str]] = {
    "algorithm none": lambda f: f"Bearer {f.unsigned('none')}",
    "algorithm None": lambda f: f"Bearer {f.unsigned('None')}",
    "algorithm none, signed": lambda f: f"Bearer {f.sign({'alg': 'none'})}",
    "HS512 with the same key": lambda f: f"Bearer {f.sign({'alg': 'HS512'}, algorithm='sha512')}",
    "HS384 with the same key": lambda f: f"Bearer {f.sign({'alg': 'HS384'}, algorithm='sha384')}",
    "RS256 by name": lambda f: f"Bearer {f.sign({'alg': 'RS256'})}",
    "a list of algorithms": lambda f: f"Bearer {f.sign({'alg': ['HS256', 'none']})}",
    "another key": lambda f: f"Bearer {f.sign(key='x' * 43)}",
    "the empty key": lambda f: f"Bearer {f.sign(key='')}",
    "a key that it brings": lambda f: f"Bearer {f.sign({'jwk': {'kty': 'oct', 'k': packed(b'x' * 43)}}, key='x' * 43)}",
    "a key from elsewhere": lambda f: f"Bearer {f.sign({'jku': 'https://evil.example/keys'}, key='x' * 43)}",
    "no signature": lambda f: f"Bearer {f.good.rpartition('.')[0]}.",
    "RS256, with a public key as the secret": lambda f: (
        f"Bearer {f.sign_raw(as_json(f.header | {'alg': 'RS256'}), as_json(f.claims), key=PUBLIC_KEY)}"
    ),
    "HS256, with a public key as the secret": lambda f: (
        f"Bearer {f.sign_raw(as_json(f.header), as_json(f.claims), key=PUBLIC_KEY)}"
    ),
    "the algorithm in capitals and not": lambda f: f"Bearer {f.sign({'alg': 'hs256'})}",
    "no algorithm": lambda f: f"Bearer {f.without('alg')}",
    "no type": lambda f: f"Bearer {f.without('typ')}",
    "no key id": lambda f: f"Bearer {f.without('kid')}",
    "the id of another key": lambda f: f"Bearer {f.sign({'kid': 'AAAAAAAAAAAA'})}",
    "the id of another key, signed by that": lambda f: f"Bearer {f.sign({'kid': 'AAAAAAAAAAAA'}, key='x' * 43)}",
    "a key id that is a path": lambda f: f"Bearer {f.sign({'kid': '../../../../dev/null'}, key='')}",
    "a key id that is SQL": lambda f: f"Bearer {f.sign({'kid': chr(39) + ' UNION SELECT ' + chr(39) + 'x'}, key='x')}",
    "a key id that is empty": lambda f: f"Bearer {f.sign({'kid': ''})}",
    "a key id that is a list": lambda f: f"Bearer {f.sign({'kid': [f.header['kid']]})}",
    "a key id that is null": lambda f: f"Bearer {f.sign({'kid': None})}",
    "a key that it brings, signed by ours": lambda f: f"Bearer {f.sign({'jwk': {'kty': 'oct', 'k': packed(b'x')}})}",
    "a key from elsewhere, signed by ours": lambda f: f"Bearer {f.sign({'jku': 'https://evil.example/keys'})}",
    "a certificate from elsewhere": lambda f: f"Bearer {f.sign({'x5u': 'https://evil.example/cert'})}",
    "an extension that must be known": lambda f: f"Bearer {f.sign({'crit': ['exp']})}",
    "no extension that must be known": lambda f: f"Bearer {f.sign({'crit': []})}",
    "claims that are not encoded": lambda f: f"Bearer {f.sign({'b64': False})}",
    "a header with a name twice": lambda f: (
        f"Bearer {f.headed(lambda raw: b'{' + as_json({'alg': 'none'})[1:-1] + b',' + raw[1:])}"
    ),
    "a header with blanks": lambda f: f"Bearer {f.headed(lambda raw: raw.replace(b',', b', '))}",
    "a header in another order": lambda f: f"Bearer {f.headed(lambda _: as_json(dict(reversed(f.header.items()))))}",
    "two parts": lambda f: f"Bearer {f.good.rpartition('.')[0]}",
    "another's signature": lambda f: f"Bearer {f.sign(claims={'sub': 'x'}).rpartition('.')[0]}.{f.good.split('.')[2]}",
    "half a signature": lambda f: f"Bearer {f.good[:-20]}",
    "a signature with loose bits": lambda f: f"Bearer {f.good[:-1]}{chr(ord(f.good[-1]) + 1)}",
    "another issuer": lambda f: f"Bearer {f.sign(claims={'iss': 'https://accounts.google.com'})}",
    "another audience": lambda f: f"Bearer {f.sign(claims={'aud': 'another-api'})}",
    "the type of an ID token": lambda f: f"Bearer {f.sign({'typ': 'JWT'})}",
    "a list of audiences": lambda f: f"Bearer {f.sign(claims={'aud': ['homelog-api', 'another-api']})}",
    "a list of our audience alone": lambda f: f"Bearer {f.sign(claims={'aud': ['homelog-api']})}",
    "a list of issuers": lambda f: f"Bearer {f.sign(claims={'iss': ['homelog']})}",
    "an issuer in other letters": lambda f: f"Bearer {f.sign(claims={'iss': 'Homelog'})}",
    "an ID token": lambda f: f"Bearer {f.id_token()}",
    "an ID token that calls itself one of ours": lambda f: (
        f"Bearer {f.sign(claims={'nonce': 'n', 'azp': 'homelog-api'})}"
    ),
    "somebody twice": lambda f: f"Bearer {f.said(lambda raw: as_json({'sub': f.bobs_id})[:-1] + b',' + raw[1:])}",
    "somebody twice, the other last": lambda f: (
        f"Bearer {f.said(lambda raw: raw[:-1] + b',' + as_json({'sub': f.claims['sub']})[1:])}"
    ),
    "an end twice": lambda f: (
        f"Bearer {f.said(lambda raw: raw[:-1] + b',' + as_json({'exp': f.claims['exp'] + 9})[1:])}"
    ),
    "blanks between claims": lambda f: f"Bearer {f.said(lambda raw: raw.replace(b',', b', '))}",
    "a blank after the claims": lambda f: f"Bearer {f.said(lambda raw: raw + b' ')}",
    "claims with a mark of the order of bytes": lambda f: f"Bearer {f.said(lambda raw: bytes([239, 187, 191]) + raw)}",
    "claims in another order": lambda f: f"Bearer {f.said(lambda _: as_json(dict(reversed(f.claims.items()))))}",
    "claims that are a list": lambda f: f"Bearer {f.said(lambda raw: b'[' + raw + b']')}",
    "claims that are null": lambda f: f"Bearer {f.said(lambda _: b'null')}",
    "no claims": lambda f: f"Bearer {f.said(lambda _: b'')}",
    "claims of 1,000 brackets": lambda f: f"Bearer {f.said(lambda _: b'[' * 1000)}",
    "a claim that nobody knows": lambda f: f"Bearer {f.sign(claims={'role': 'admin'})}",
    "a token within a token": lambda f: f"Bearer {f.sign_raw(as_json(f.header | {'cty': 'JWT'}), f.good.encode())}",
    "an encrypted token": lambda f: (
        f"Bearer {packed(as_json({'alg': 'dir', 'enc': 'A256GCM', 'cty': 'JWT'}))}..AAAA.AAAA.AAAA"
    ),
    "an encrypted token, its key in it": lambda f: f"Bearer {packed(as_json(f.header))}.AAAA.AAAA.AAAA.AAAA",
    "a list of types": lambda f: f"Bearer {f.sign({'typ': ['at+jwt']})}",
    "an extension that nobody knows": lambda f: f"Bearer {f.sign({'crit': ['b64'], 'b64': False})}",
    "expired this second": lambda f: f"Bearer {f.sign(claims={'exp': int(time.time())})}",
    "an end that is null": lambda f: f"Bearer {f.sign(claims={'exp': None})}",
    "an end with a fraction": lambda f: f"Bearer {f.sign(claims={'exp': f.claims['exp'] + 0.5})}",
    "an end that is true": lambda f: f"Bearer {f.sign(claims={'exp': True})}",
    "an end before the epoch": lambda f: f"Bearer {f.sign(claims={'exp': -1})}",
    "expired": lambda f: f"Bearer {f.sign(claims={'exp': int(time.time()) - 1})}",
    "an end that is a word": lambda f: f"Bearer {f.sign(claims={'exp': 'never'})}",
    "an end without end": lambda f: f"Bearer {f.sign(claims={'exp': float('inf')})}",
    "an end in a hundred years": lambda f: f"Bearer {f.sign(claims={'exp': f.claims['exp'] + 100 * 31_557_600})}",
    "an end of 400 digits": lambda f: f"Bearer {f.sign(claims={'exp': 10**400})}",
    "from the future": lambda f: f"Bearer {f.sign(claims={'iat': int(time.time()) + 600})}",
    "not valid yet": lambda f: f"Bearer {f.sign(claims={'nbf': int(time.time()) + 600})}",
    **{
        f"no {name}": lambda f, name=name: f"Bearer {f.sign(drop=name)}"  # type: ignore[misc]
        for name in ("exp", "iat", "iss", "aud", "sub", "sid", "auth_provider", "auth_time", "scope")
    },
    "another's session": lambda f: f"Bearer {f.sign(claims={'sid': f.bobs_session})}",
    "another, in one's own session": lambda f: f"Bearer {f.sign(claims={'sub': f.bobs_id})}",
    "person and session swapped": lambda f: f"Bearer {f.sign(claims={'sub': f.claims['sid'], 'sid': f.claims['sub']})}",
    "a person in capitals": lambda f: f"Bearer {f.sign(claims={'sub': f.claims['sub'].upper()})}",
    "a person in braces": lambda f: f"Bearer {f.sign(claims={'sub': '{' + f.claims['sub'] + '}'})}",
    "nobody": lambda f: f"Bearer {f.sign(claims={'sub': None, 'sid': None})}",
    "a session that never was": lambda f: f"Bearer {f.sign(claims={'sid': f.claims['sub']})}",
    "a session that is no id": lambda f: f"Bearer {f.sign(claims={'sid': 'x'})}",
    "a person that is a number": lambda f: f"Bearer {f.sign(claims={'sub': 7})}",
    "a person with SQL": lambda f: f"Bearer {f.sign(claims={'sub': chr(39) + ' OR true --'})}",
    "a refresh token": lambda f: f"Bearer {f.refresh_token}",
    "a device token that was never made": lambda f: f"Bearer hl_{'A' * 43}",
    "a device token's mark before it": lambda f: f"Bearer hl_{f.good}",
    "the scheme Basic, as it is meant": lambda f: f"Basic {base64.b64encode(f.good.encode()).decode()}",
    "the scheme DPoP": lambda f: f"DPoP {f.good}",
    "the scheme Basic": lambda f: f"Basic {f.good}",
    "the scheme Token": lambda f: f"Token {f.good}",
    "no scheme": lambda f: f.good,
    "no token": lambda f: "Bearer",
    "an empty token": lambda f: "Bearer ",
    "nothing": lambda f: "",
    "two tokens": lambda f: f"Bearer {f.good} {f.good}",
    "two tokens and a comma": lambda f: f"Bearer {f.good}, Bearer {f.good}",
    "garbage after it": lambda f: f"Bearer {f.good}!",
    "letters after it": lambda f: f"Bearer {f.good}AAAA",
    "padding after it": lambda f: f"Bearer {f.good}=",
    "a space before it": lambda f: f"Bearer  {f.good}",
    "8 KiB of claims": lambda f: f"Bearer {f.sign(claims={'x': 'x' * 8192})}",
    "64 KiB of anything": lambda f: f"Bearer {'A' * 65536}",
    "100,000 dots": lambda f: f"Bearer {'.' * 100_000}",
    "a header of 100,000 brackets": lambda f: f"Bearer {header_of(b'[' * 100_000)}",
    "a header of 300 brackets": lambda f: f"Bearer {header_of(b'[' * 300)}",
    "a header that is a list": lambda f: f"Bearer {header_of(b'[]')}",
    "a header that is a number": lambda f: f"Bearer {header_of(b'1')}",
    "a header that is no text": lambda f: f"Bearer {header_of(bytes([255, 254]))}",
    "an encrypted token's five parts": lambda f: "Bearer eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..AAAA.AAAA.AAAA",
    "a signature in another alphabet": lambda f: f"Bearer {f.sign_in_the_other_alphabet()}",
    "padding in every part": lambda f: (
        "Bearer " + ".".join(part + "=" * (-len(part) % 4) for part in f.good.split("."))
    ),
    "a line feed within": lambda f: f"Bearer {f.good[:40]}\n{f.good[40:]}",
    "a tab before it": lambda f: f"Bearer\t{f.good}",
    "a blank after it": lambda f: f"Bearer {f.good} ",
    "a signature of nothing": lambda f: f"Bearer {f.good.rpartition('.')[0]}.{packed(b'')}AA",
    "a signature of zeros": lambda f: f"Bearer {f.good.rpartition('.')[0]}.{packed(bytes(32))}",
    "a longer signature": lambda f: f"Bearer {f.good}{packed(bytes(3))}",
    "letters that are not ASCII": lambda f: f"Bearer {f.good}é",
    "nothing but letters that are not ASCII": lambda f: "Bearer ünïcödé.ünïcödé.ünïcödé",
    "a NUL": lambda f: f"Bearer {f.good}\0",
}


@pytest.fixture(scope="module")
async def victims(
    server: EmbeddedPostgres, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Person, Person]]:
    """Ann and Bob, once for all forgeries: what is refused changes nothing."""
    admin = await asyncpg.connect(server.url(server.superuser, "postgres"))
    await admin.execute(f"CREATE DATABASE homelog_forgeries TEMPLATE {template} STRATEGY FILE_COPY")
    url = server.url("homelog_api", "homelog_forgeries")
    settings = Settings(
        database_url=url, data=tmp_path_factory.mktemp("data"), secret=SECRET, rate_limit=0, maintenance_minutes=0
    )
    async with serve(settings) as home:
        yield await home.person("ann"), await home.person("bob")
    await admin.execute("DROP DATABASE homelog_forgeries WITH (FORCE)")
    await admin.close()


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_forged_access_token_is_refused(victims: tuple[Person, Person], forgery: str) -> None:
    ann, bob = victims
    header = FORGERIES[forgery](Forger(ann, bob)).encode()

    response = await ann.client.get("/v1/me", headers=[(b"Authorization", header)])

    assert response.status_code == 401
    assert response.json()["type"] == "/errors/unauthenticated"
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert (await ann.get("/v1/me")).status_code == 200


async def test_a_token_that_the_forger_leaves_as_it_was_is_taken(victims: tuple[Person, Person]) -> None:
    ann, bob = victims
    header = f"Bearer {Forger(ann, bob).sign()}"

    response = await ann.client.get("/v1/me", headers={"Authorization": header})

    assert response.json()["id"] == ann.id


def test_there_are_forgeries_enough() -> None:
    assert len(FORGERIES) >= 100


async def test_a_token_from_a_clock_a_little_ahead_is_taken(victims: tuple[Person, Person]) -> None:
    ann, bob = victims
    token = Forger(ann, bob).sign(claims={"iat": int(time.time()) + 5})

    assert (await ann.client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})).status_code == 200


async def test_two_authorization_headers_are_refused(home: Household) -> None:
    ann = await home.person("ann")
    header = (b"Authorization", ann.headers["Authorization"].encode())

    assert (await home.client.get("/v1/me", headers=[header, header])).status_code == 401


async def test_a_token_that_was_taken_is_refused_once_it_has_expired(
    home: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await home.person("ann")
    assert (await ann.get("/v1/me")).status_code == 200
    in_an_hour = time.time() + 3601

    monkeypatch.setattr(time, "time", lambda: in_an_hour)

    assert (await ann.get("/v1/me")).status_code == 401


@pytest.mark.parametrize("path", ["/v1/homes", "/v1/me", "/v1/nothing/here"])
async def test_bad_credentials_are_401_everywhere(home: Household, path: str) -> None:
    response = await home.client.get(path, headers={"Authorization": "Bearer nonsense"})

    assert response.status_code == 401


async def assert_dead(home: Household, login_answer: Any) -> None:
    """Neither token of a sign-in works any more."""
    assert (await bearer(home, login_answer).get("/v1/me")).status_code == 401
    assert (await refresh(home, login_answer["refresh_token"])).status_code == 401


def claims_of(login_answer: Any) -> Any:
    return json.loads(unpacked(login_answer["access_token"].split(".")[1]))


def packed(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def unpacked(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
