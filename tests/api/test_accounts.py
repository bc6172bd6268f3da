"""Accounts: registering, one's own account, its password, its end."""

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from argon2 import PasswordHasher, extract_parameters

from service.accounts import passwords
from service.accounts.passwords import HASHER, is_common
from service.settings import Settings
from tests.people import PASSWORD, Household, Person, serve

USER = {
    "id",
    "email",
    "username",
    "display_name",
    "role",
    "is_active",
    "is_password_temp",
    "created_at",
    "updated_at",
    "last_login_at",
}
NEW_PASSWORD = "another phrase, long enough"


async def register(home: Household, **fields: Any) -> Any:
    return await home.nobody.post("/v1/auth/register", {"email": "ann@example.org", "password": PASSWORD, **fields})


async def login(home: Household, email: str = "ann@example.org", password: str = PASSWORD) -> Any:
    return await home.nobody.post("/v1/auth/login", {"email": email, "password": password})


def pointers(response: Any) -> list[str]:
    return [error["pointer"] for error in response.json()["errors"]]


# Registering


async def test_registering_answers_the_whole_account(home: Household) -> None:
    response = await register(home, email="Ann@Example.org", display_name="Ann")

    assert response.status_code == 201
    assert response.headers["location"] == "/v1/me"
    user = response.json()
    assert set(user) == USER
    assert user["email"] == "Ann@Example.org"
    assert (user["username"], user["display_name"], user["last_login_at"]) == (None, "Ann", None)
    assert (user["is_active"], user["is_password_temp"]) == (True, False)
    assert user["created_at"].endswith("Z")


async def test_the_first_account_is_an_admin_and_later_ones_are_operators(home: Household) -> None:
    roles = [(await register(home, email=f"{name}@example.org")).json()["role"] for name in ("ann", "bob", "cy")]

    assert roles == ["admin", "operator", "operator"]


async def test_of_twenty_first_accounts_at_once_one_is_an_admin(home: Household) -> None:
    answers = await asyncio.gather(*(register(home, email=f"p{number}@example.org") for number in range(20)))

    assert [answer.status_code for answer in answers] == [201] * 20
    assert sorted(answer.json()["role"] for answer in answers) == ["admin"] + ["operator"] * 19


@pytest.mark.parametrize("email", ["ann@example.org", "ANN@EXAMPLE.ORG", "Ann@example.Org"])
async def test_an_email_has_one_account_whatever_its_letters_case(home: Household, email: str) -> None:
    await register(home)

    response = await register(home, email=email)

    assert response.status_code == 409
    assert response.json()["type"] == "/errors/email_taken"


async def test_two_who_register_one_email_at_once_make_one_account(home: Household) -> None:
    answers = await asyncio.gather(*(register(home, email=f"{name}@example.org") for name in ("ann", "ANN", "Ann")))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ann",
        "@example.org",
        "ann@",
        "ann@@example.org",
        "a b@example.org",
        "ann@example.org\n",
        "a" * 250 + "@b.cd",
    ],
)
async def test_an_email_that_is_none_is_refused_at_its_field(home: Household, email: str) -> None:
    response = await register(home, email=email)

    assert response.status_code == 422
    assert pointers(response) == ["/email"]


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "empty"),
        ("eleven char", "11 characters"),
        ("x1 " * 43, "129 characters"),
        ("passwordpassword", "a word twice"),
        ("Password1234!", "a word with a tail"),
        ("P@ssw0rd2024", "a word in disguise"),
        ("aaaaaaaaaaaaaaaa", "one letter"),
        ("abcabcabcabc", "one piece"),
        ("123456789012", "counting"),
        ("qwertyuiopasdf", "a run of keys"),
        ("lkjhgfdsapoiuytrewq", "a run of keys backwards"),
        ("1qaz2wsx3edc4rfv", "columns of keys"),
        ("Ann@Example.org", "the e-mail"),
    ],
)
async def test_a_password_that_is_short_long_or_common_is_refused(home: Household, password: str, why: str) -> None:
    response = await register(home, password=password)

    assert response.status_code == 422, why
    assert pointers(response) == ["/password"]
    if password:
        assert password not in response.text


async def test_the_name_in_an_email_is_no_password(home: Household) -> None:
    response = await register(home, email="rosalind.franklin@example.org", password="Rosalind.Franklin")

    assert pointers(response) == ["/password"]


@pytest.mark.parametrize(
    "password",
    [
        "twelve chars",
        "ελληνικά και 文字 🌱",
        " padded with space ",
        "🌱🌿🪴🌵🌲🌳🌴🌾🍀🍁🍂🍃",
        "x1 " * 42 + "yz",
    ],
)
async def test_a_password_may_be_of_any_characters_from_12_to_128(home: Household, password: str) -> None:
    assert (await register(home, password=password)).status_code == 201
    assert (await login(home, password=password)).status_code == 200
    assert (await login(home, password=password.strip() + "x")).status_code == 401


def test_the_list_of_common_passwords_is_bundled_and_none_of_it_passes() -> None:
    lines = Path(passwords.__file__).with_name("common_passwords.txt").read_text("utf-8").splitlines()
    listed = [line for line in lines if not line.startswith("#")]

    assert len(listed) > 500
    assert all(is_common(word) and is_common(f"{word.title()}2024!") for word in listed)


@pytest.mark.parametrize(
    "password", [PASSWORD, "mauve kettle under nine lamps", "xK9#vL2$mQ7w", "tr0ub4dor and three more"]
)
def test_a_password_that_nobody_would_guess_first_passes(password: str) -> None:
    assert not is_common(password)


@pytest.mark.parametrize(
    "field",
    ["id", "role", "is_active", "is_password_temp", "created_at", "username", "last_login_at", "cookies"],
)
async def test_registering_sets_nothing_that_is_the_servers(home: Household, field: str) -> None:
    response = await register(home, **{field: "admin"})

    assert response.status_code == 422
    assert pointers(response) == [f"/{field}"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"email": "ann@example.org"}, 422),
        ({"password": PASSWORD}, 422),
        ({"email": 1, "password": PASSWORD}, 422),
        ({"email": None, "password": PASSWORD}, 422),
        ({"email": "ann@example.org", "password": 123456789012}, 422),
        ({"email": "ann@example.org", "password": PASSWORD, "display_name": ""}, 422),
        ({"email": "ann@example.org", "password": PASSWORD, "display_name": "n" * 101}, 422),
        ({"email": "ann@example.org", "password": PASSWORD, "display_name": "a\0b"}, 422),
        ({"email": "a\0b@example.org", "password": PASSWORD}, 422),
        ([], 422),
        ("ann", 422),
    ],
)
async def test_a_wrong_registration_is_refused(home: Household, body: Any, status: int) -> None:
    assert (await home.nobody.post("/v1/auth/register", body)).status_code == status


@pytest.mark.parametrize(
    ("call", "field"),
    [
        ("register", b"email"),
        ("login", b"password"),
        ("refresh", b"refresh_token"),
        ("logout", b"refresh_token"),
    ],
)
@pytest.mark.parametrize(
    ("value", "status"),
    [
        (b"", 400),
        (b'"', 400),
        (b'"\xff"', 400),
        (b'"\\ud800"', 400),
        (b"1e400", 422),
        (b"NaN", 400),
        (b"[" * 100_000, 422),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    home: Household, call: str, field: bytes, value: bytes, status: int
) -> None:
    body = b'{"' + field + b'": ' + value + b"}"

    response = await home.client.post(f"/v1/auth/{call}", content=body, headers={"Content-Type": "application/json"})

    assert response.status_code == status


async def test_credentials_are_taken_as_json_only(home: Household) -> None:
    response = await home.client.post("/v1/auth/login", data={"email": "ann@example.org", "password": PASSWORD})

    assert response.status_code == 415


async def test_closed_registration_makes_no_account_and_leaves_a_trace(
    settings: Settings, dba: asyncpg.Connection
) -> None:
    async with serve(msgspec.structs.replace(settings, registration="closed")) as home:
        response = await register(home)

    assert response.status_code == 403
    assert response.json()["type"] == "/errors/forbidden"
    assert await dba.fetchval("SELECT count(*) FROM users") == 0
    assert await dba.fetchval("SELECT count(*) FROM audit_logs WHERE event_type = 'access_denied'") == 1


# Hashing


async def test_a_password_is_stored_as_argon2id_of_the_promised_strength(
    home: Household, dba: asyncpg.Connection
) -> None:
    await register(home)

    made = extract_parameters(await dba.fetchval("SELECT password_hash FROM user_passwords"))
    assert (made.type.name, made.memory_cost >= 19456, made.time_cost >= 2, made.parallelism) == (
        "ID",
        True,
        True,
        1,
    )
    assert (made.salt_len, made.hash_len) == (16, 32)


async def test_a_weaker_hash_is_made_stronger_at_sign_in(home: Household, dba: asyncpg.Connection) -> None:
    await register(home)
    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    await dba.execute("UPDATE user_passwords SET password_hash = $1", weak)

    assert (await login(home, password="not this one either")).status_code == 401
    assert await dba.fetchval("SELECT password_hash FROM user_passwords") == weak

    assert (await login(home)).status_code == 200
    made = extract_parameters(await dba.fetchval("SELECT password_hash FROM user_passwords"))
    assert (made.memory_cost, made.time_cost) == (19456, 2)
    assert (await login(home)).status_code == 200


@pytest.mark.parametrize(("now", "status"), [(PASSWORD, 200), (NEW_PASSWORD, 401)])
async def test_who_signs_in_while_another_worker_makes_the_hash_stronger_is_let_in(
    home: Household, dba: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch, now: str, status: int
) -> None:
    await register(home)
    other = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1).hash(now)
    matches = HASHER.matches

    async def meanwhile(stored: str | None, password: str) -> bool:
        right = await matches(stored, password)
        await dba.execute("UPDATE user_passwords SET password_hash = $1", other)
        return right

    monkeypatch.setattr(HASHER, "matches", meanwhile)
    assert (await login(home)).status_code == status


async def test_a_stronger_hash_is_left_as_it_is(home: Household, dba: asyncpg.Connection) -> None:
    await register(home)
    strong = PasswordHasher(time_cost=3, memory_cost=32768, parallelism=1).hash(PASSWORD)
    await dba.execute("UPDATE user_passwords SET password_hash = $1", strong)

    assert (await login(home)).status_code == 200
    assert await dba.fetchval("SELECT password_hash FROM user_passwords") == strong


@pytest.fixture
def busy_hasher() -> Any:
    """The hasher's thread held up until the test lets go."""
    go_on = threading.Event()
    HASHER._thread.submit(go_on.wait, 30)
    yield go_on
    go_on.set()


async def test_who_finds_the_hashers_queue_full_is_told_to_come_again(
    home: Household, busy_hasher: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HASHER, "WAITING", 2)
    waiting = [asyncio.create_task(register(home, email=f"p{number}@example.org")) for number in range(2)]
    await asyncio.sleep(0.1)

    refused = await register(home)
    busy_hasher.set()

    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) >= 1
    assert [(await answer).status_code for answer in waiting] == [201, 201]
    assert (await register(home)).status_code == 201


async def test_who_waits_too_long_for_the_hasher_is_told_to_come_again(
    home: Household, busy_hasher: threading.Event, dba: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HASHER, "SECONDS", 0.1)
    refused = await register(home)
    busy_hasher.set()
    monkeypatch.undo()

    assert refused.status_code == 503
    assert "retry-after" in refused.headers
    assert await dba.fetchval("SELECT count(*) FROM users") == 0
    assert (await register(home)).status_code == 201


async def test_no_transaction_is_held_while_somebody_waits_for_the_hasher(
    home: Household, busy_hasher: threading.Event, dba: asyncpg.Connection
) -> None:
    waiting = [asyncio.create_task(login(home)) for _ in range(10)]
    await asyncio.sleep(0.2)

    open_transactions = await dba.fetchval(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE usename = 'homelog_api' AND datname = current_database() AND xact_start IS NOT NULL"
    )
    busy_hasher.set()
    await asyncio.gather(*waiting)

    assert open_transactions == 0


# One's own account


async def test_one_sees_ones_own_account(home: Household) -> None:
    ann = await home.person("ann")
    await home.person("bob")

    response = await ann.get("/v1/me")

    assert response.status_code == 200
    assert set(response.json()) == USER
    assert response.json() == ann.login["user"]


async def test_an_account_that_was_not_changed_is_not_sent_again(home: Household) -> None:
    ann = await home.person("ann")
    tag = (await ann.get("/v1/me")).headers["etag"]

    response = await ann.get("/v1/me", headers={"If-None-Match": tag})

    assert (response.status_code, response.content) == (304, b"")


async def test_a_change_touches_what_was_sent_and_nothing_else(home: Household) -> None:
    ann = await home.person("ann")
    before = (await ann.get("/v1/me")).json()

    response = await ann.patch("/v1/me", {"username": "ann"})

    assert response.status_code == 200
    after = response.json()
    assert after["updated_at"] > before["updated_at"]
    assert {**after, "updated_at": None} == {**before, "updated_at": None, "username": "ann"}
    assert (await ann.get("/v1/me")).json() == after


async def test_null_clears_a_name_but_not_the_email(home: Household) -> None:
    ann = await home.person("ann")
    await ann.patch("/v1/me", {"username": "ann"})

    cleared = await ann.patch("/v1/me", {"username": None, "display_name": None})
    refused = await ann.patch("/v1/me", {"email": None})

    assert (cleared.json()["username"], cleared.json()["display_name"]) == (None, None)
    assert (refused.status_code, pointers(refused)) == (422, ["/email"])


async def test_a_changed_email_signs_in_and_the_old_one_does_not(home: Household) -> None:
    ann = await home.person("ann")

    assert (await ann.patch("/v1/me", {"email": "Ann@new.example"})).json()["email"] == "Ann@new.example"

    assert (await login(home, "ann@NEW.example")).status_code == 200
    assert (await login(home, "ann@example.org")).status_code == 401
    assert (await ann.patch("/v1/me", {"email": "ANN@new.example"})).json()["email"] == "ANN@new.example"


async def test_another_email_needs_a_fresh_sign_in(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    await dba.execute("UPDATE sessions SET created_at = now() - interval '11 minutes'")

    refused = await ann.patch("/v1/me", {"email": "thief@example.org", "display_name": "T"})
    same = await ann.patch("/v1/me", {"email": ann.email, "display_name": "Ann"})

    assert (refused.status_code, refused.json()["type"]) == (403, "/errors/forbidden")
    assert refused.json()["detail"] == "An e-mail is changed within ten minutes of signing in; sign in again."
    assert (same.status_code, same.json()["display_name"]) == (200, "Ann")
    again = Person(home.client, "ann", (await login(home, ann.email)).json())
    assert (await again.patch("/v1/me", {"email": "new@example.org"})).status_code == 200


async def test_nobody_takes_anothers_email_or_username(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    await bob.patch("/v1/me", {"username": "Bob"})

    email = await ann.patch("/v1/me", {"email": "BOB@example.org"})
    username = await ann.patch("/v1/me", {"username": "bob"})

    assert (email.status_code, email.json()["type"]) == (409, "/errors/email_taken")
    assert (username.status_code, username.json()["type"]) == (409, "/errors/conflict")
    assert username.json()["detail"] == "This username is taken."


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"email": "nonsense"}, "/email"),
        ({"email": "a" * 250 + "@b.cd"}, "/email"),
        ({"username": ""}, "/username"),
        ({"username": "u" * 51}, "/username"),
        ({"username": 7}, "/username"),
        ({"display_name": ""}, "/display_name"),
        ({"display_name": "n" * 101}, "/display_name"),
        ({"role": "admin"}, "/role"),
        ({"id": "01980000-0000-7000-8000-000000000000"}, "/id"),
        ({"is_active": False}, "/is_active"),
        ({"is_password_temp": True}, "/is_password_temp"),
        ({"password_hash": "x"}, "/password_hash"),
        ({"last_login_at": None}, "/last_login_at"),
    ],
)
async def test_a_wrong_change_is_refused_at_its_field(home: Household, fields: Any, pointer: str) -> None:
    ann = await home.person("ann")

    response = await ann.patch("/v1/me", fields)

    assert (response.status_code, pointers(response)) == (422, [pointer])
    assert (await ann.get("/v1/me")).json() == ann.login["user"]


async def test_a_text_with_nul_is_refused(home: Household) -> None:
    ann = await home.person("ann")

    for field in ("email", "username", "display_name"):
        assert (await ann.patch("/v1/me", {field: "a\0@b"})).status_code == 422


async def test_a_stale_change_is_refused(home: Household) -> None:
    ann = await home.person("ann")
    tag = (await ann.get("/v1/me")).headers["etag"]
    await ann.patch("/v1/me", {"username": "first"})

    late = await ann.patch("/v1/me", {"username": "second"}, headers={"If-Match": tag})
    late_end = await ann.delete("/v1/me", headers={"If-Match": tag})

    assert (late.status_code, late.json()["type"]) == (412, "/errors/stale")
    assert late_end.status_code == 412
    assert (await ann.get("/v1/me")).json()["username"] == "first"


async def test_a_change_of_the_version_that_was_read_is_made(home: Household) -> None:
    ann = await home.person("ann")
    tag = (await ann.get("/v1/me")).headers["etag"]

    response = await ann.patch("/v1/me", {"username": "ann"}, headers={"If-Match": tag})

    assert response.status_code == 200
    assert response.headers["etag"] != tag


async def test_signing_in_elsewhere_does_not_make_an_edit_stale(home: Household) -> None:
    ann = await home.person("ann")
    tag = (await ann.get("/v1/me")).headers["etag"]
    await login(home)

    assert (await ann.patch("/v1/me", {"username": "ann"}, headers={"If-Match": tag})).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/me"),
        ("PATCH", "/v1/me"),
        ("DELETE", "/v1/me"),
        ("PUT", "/v1/me/password"),
        ("GET", "/v1/me/sessions"),
        ("DELETE", "/v1/me/sessions/01980000-0000-7000-8000-000000000000"),
    ],
)
async def test_nobody_has_no_account(home: Household, method: str, path: str) -> None:
    response = await home.nobody.call(method, path, **({} if method in {"GET", "DELETE"} else {"json": {}}))

    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")


# Passwords


async def test_a_new_password_replaces_the_old_one(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")

    response = await ann.put("/v1/me/password", {"current_password": PASSWORD, "new_password": NEW_PASSWORD})

    assert (response.status_code, response.content) == (204, b"")
    assert (await login(home)).status_code == 401
    assert (await login(home, password=NEW_PASSWORD)).status_code == 200
    assert await dba.fetchval("SELECT count(*) FROM audit_logs WHERE event_type = 'change_password'") == 1


async def test_a_new_password_ends_every_other_session_and_keeps_this_one(home: Household) -> None:
    ann = await home.person("ann")
    others = [(await login(home)).json() for _ in range(2)]

    await ann.put("/v1/me/password", {"current_password": PASSWORD, "new_password": NEW_PASSWORD})

    assert (await ann.get("/v1/me")).status_code == 200
    assert len((await ann.get("/v1/me/sessions")).json()["items"]) == 1
    refreshed = await home.nobody.post("/v1/auth/refresh", {"refresh_token": ann.login["refresh_token"]})
    assert refreshed.status_code == 200
    for other in others:
        assert (await Person(home.client, "ann", other).get("/v1/me")).status_code == 401
        dead = await home.nobody.post("/v1/auth/refresh", {"refresh_token": other["refresh_token"]})
        assert dead.status_code == 401


async def test_a_wrong_current_password_changes_nothing_and_leaves_a_trace(
    home: Household, dba: asyncpg.Connection
) -> None:
    ann = await home.person("ann")
    await login(home)

    response = await ann.put("/v1/me/password", {"current_password": NEW_PASSWORD, "new_password": NEW_PASSWORD})

    assert (response.status_code, pointers(response)) == (422, ["/current_password"])
    assert (await login(home)).status_code == 200
    assert len((await ann.get("/v1/me/sessions")).json()["items"]) == 3
    told = await dba.fetch("SELECT user_id::text, details FROM audit_logs WHERE event_type = 'change_password_failed'")
    assert [tuple(row) for row in told] == [(ann.id, "{}")]


@pytest.mark.parametrize("new", ["short", "x" * 129, "passwordpassword", "Ann@example.org"])
async def test_a_new_password_keeps_the_same_rules(home: Household, new: str) -> None:
    ann = await home.person("ann")

    response = await ann.put("/v1/me/password", {"current_password": PASSWORD, "new_password": new})

    assert (response.status_code, pointers(response)) == (422, ["/new_password"])
    assert (await login(home)).status_code == 200


async def test_of_two_changes_of_one_password_at_once_one_is_made(home: Household) -> None:
    ann = await home.person("ann")
    new = ["the first new password", "the second new password"]

    answers = await asyncio.gather(
        *(ann.put("/v1/me/password", {"current_password": PASSWORD, "new_password": each}) for each in new)
    )

    assert sorted(answer.status_code for answer in answers) == [204, 422]
    kept = new[[answer.status_code for answer in answers].index(204)]
    assert (await login(home, password=kept)).status_code == 200


async def test_a_sign_in_that_overlaps_a_change_of_password_fails(
    home: Household, dba: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await home.person("ann")
    check = HASHER.matches

    async def changed_meanwhile(stored: str | None, password: str) -> bool:
        matches = await check(stored, password)
        await dba.execute("UPDATE user_passwords SET password_hash = $1", await HASHER.hash(NEW_PASSWORD))
        return matches

    monkeypatch.setattr(HASHER, "matches", changed_meanwhile)

    assert (await login(home)).status_code == 401
    assert await dba.fetchval("SELECT count(*) FROM sessions") == 1


# The end of an account


async def test_a_deleted_account_is_gone_and_its_email_free(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")

    response = await ann.delete("/v1/me")

    assert (response.status_code, response.content) == (204, b"")
    assert (await ann.get("/v1/me")).status_code == 401
    dead = await home.nobody.post("/v1/auth/refresh", {"refresh_token": ann.login["refresh_token"]})
    assert dead.status_code == 401
    assert (await login(home)).status_code == 401
    for table in ("users", "user_passwords", "sessions", "refresh_tokens"):
        assert await dba.fetchval(f"SELECT count(*) FROM {table}") == 0  # noqa: S608 - the names stand above
    again = await home.person("ann")
    assert again.id != ann.id


async def test_deleting_an_account_deletes_what_it_alone_administers(home: Household, dba: asyncpg.Connection) -> None:
    _, ann, bob = [await home.person(name) for name in ("keeper", "ann", "bob")]
    place = await ann.home()
    alone = await make_source(dba, ann, home_id=place["id"], readings=3)
    read_by_bob = await make_source(dba, ann)
    await grant(dba, read_by_bob, bob, "write", by=ann)
    await dba.execute("INSERT INTO plants (user_id, name, kind) VALUES ($1, 'Fern', 'pothos')", ann.id)

    assert (await ann.delete("/v1/me")).status_code == 204

    for table in ("homes", "data_sources", "user_source_access", "readings", "plants"):
        assert await dba.fetchval(f"SELECT count(*) FROM {table}") == 0, table  # noqa: S608 - the names stand above
    told = await dba.fetch(
        "SELECT source_id::text, user_id::text, details::jsonb ->> 'readings' FROM audit_logs "
        "WHERE event_type = 'delete_source' ORDER BY source_id"
    )
    assert [tuple(row) for row in told] == [(alone, ann.id, "3"), (read_by_bob, ann.id, "0")]


async def test_what_another_admin_administers_too_stays_without_the_name(
    home: Household, dba: asyncpg.Connection
) -> None:
    _, ann, bob, cy = [await home.person(name) for name in ("keeper", "ann", "bob", "cy")]
    shared = await make_source(dba, ann, readings=2)
    await grant(dba, shared, bob, "admin", by=ann)
    await grant(dba, shared, cy, "read", by=ann)
    bobs = await make_source(dba, bob)
    await grant(dba, bobs, ann, "write", by=bob)

    assert (await ann.delete("/v1/me")).status_code == 204

    sources = await dba.fetch("SELECT id::text, created_by::text FROM data_sources ORDER BY id")
    assert [tuple(row) for row in sources] == [(shared, None), (bobs, bob.id)]
    grants = await dba.fetch("SELECT source_id::text, user_id::text, granted_by::text FROM user_source_access")
    assert {tuple(row) for row in grants} == {
        (shared, bob.id, None),
        (shared, cy.id, None),
        (bobs, bob.id, bob.id),
    }
    recorded = await dba.fetch("SELECT recorded_by FROM readings WHERE source_id = $1", shared)
    assert [row["recorded_by"] for row in recorded] == [None, None]


async def test_audit_rows_outlive_the_account(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    before = await dba.fetchval("SELECT count(*) FROM audit_logs WHERE user_id = $1", ann.id)

    await ann.delete("/v1/me")

    events = await dba.fetch("SELECT event_type FROM audit_logs WHERE user_id = $1 ORDER BY id", ann.id)
    assert len(events) == before + 1
    assert events[-1]["event_type"] == "delete_user"


# Secrets


async def test_no_secret_is_in_an_answer_a_log_line_or_an_audit_row(
    home: Household, dba: asyncpg.Connection, capfd: pytest.CaptureFixture[str]
) -> None:
    canary, typed = "canary phrase one two", "typed into the e-mail field"
    answers = [await register(home, password=canary)]
    signed_in = (await login(home, password=canary)).json()
    ann = Person(home.client, "ann", signed_in)
    answers += [
        await login(home, password=canary + "!"),
        await login(home, email=typed),
        await login(home, email=canary, password=canary),
        await register(home, password=canary),
        await ann.get("/v1/me"),
        await ann.get("/v1/me/sessions"),
        await ann.put("/v1/me/password", {"current_password": canary, "new_password": canary}),
        await home.nobody.post("/v1/auth/refresh", {"refresh_token": canary}),
        await home.nobody.post("/v1/auth/logout", {"refresh_token": signed_in["refresh_token"]}),
    ]

    secrets = [
        canary,
        typed,
        signed_in["refresh_token"],
        signed_in["access_token"],
        "$argon2",
        "password_hash",
    ]
    audit = str(await dba.fetch("SELECT l::text FROM audit_logs AS l"))
    stored = str(await dba.fetch("SELECT encode(token_hash, 'escape') FROM refresh_tokens"))
    said = capfd.readouterr()
    for where in (audit, stored, said.out, said.err, *(answer.text for answer in answers)):
        assert not [secret for secret in secrets if secret in where]


async def make_source(dba: asyncpg.Connection, owner: Person, *, home_id: str | None = None, readings: int = 0) -> str:
    """A source as its owner makes it, with readings that they logged."""
    async with dba.transaction():
        await dba.execute("SELECT set_config('homelog.user_id', $1, true)", owner.id)
        source: str = await dba.fetchval(
            "INSERT INTO data_sources (name, source_type, unit, home_id) VALUES ('Meter', 'heat', 'kWh', $1) "
            "RETURNING id::text",
            home_id,
        )
        await grant(dba, source, owner, "admin", by=owner)
        for hour in range(readings):
            await dba.execute(
                "INSERT INTO readings (source_id, value, timestamp) VALUES ($1, $2, $3)",
                source,
                float(hour),
                datetime(2026, 1, 1, hour, tzinfo=UTC),
            )
    return source


async def grant(dba: asyncpg.Connection, source: str, to: Person, level: str, *, by: Person) -> None:
    await dba.execute(
        "INSERT INTO user_source_access (user_id, source_id, access_level, granted_by) "
        "VALUES ($1, $2, $3::text::access_level, $4)",
        to.id,
        source,
        level,
        by.id,
    )
