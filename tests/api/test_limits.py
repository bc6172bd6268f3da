"""Limits over HTTP: requests a minute, guesses of passwords, and what stays reachable when everybody comes at once."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import msgspec
import pytest

from service.accounts.passwords import HASHER
from service.database import Database
from service.problems import unavailable
from service.settings import Settings
from tests.people import PASSWORD, Household, Person, serve

PROXY = "127.0.0.1"
"""Where httpx's requests come from; the tests name it as a proxy to say other addresses."""


ELSEWHERE = "192.0.2.250"


def limited(settings: Settings, most: int) -> Settings:
    return msgspec.structs.replace(settings, rate_limit=most, trusted_proxies=(PROXY,))


def at(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}


@pytest.fixture
async def ann(home: Household) -> Person:
    """Somebody who signed in where nothing is limited."""
    return await home.person("ann")


@pytest.fixture
async def ten(settings: Settings) -> AsyncIterator[Household]:
    """The service with ten requests a minute."""
    async with serve(limited(settings, 10)) as household:
        yield household


def seen_by(household: Household, person: Person) -> Person:
    """The same person at another worker of the service."""
    return Person(household.client, person.name, person.login)


async def known(household: Household, person: Person) -> Person:
    """The same at a worker that has seen their session live, for which another address's budget went."""
    own = seen_by(household, person)
    assert (await own.get("/v1/me", headers=at(ELSEWHERE))).status_code == 200
    return own


def assert_limited(response: httpx.Response, most: int) -> None:
    assert response.status_code == 429, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "/errors/rate_limited"
    assert response.json()["instance"] == response.headers["x-request-id"]
    assert 1 <= int(response.headers["retry-after"]) <= 60
    assert response.headers["ratelimit-limit"] == str(most)
    assert response.headers["ratelimit-remaining"] == "0"
    assert response.headers["ratelimit-reset"] == response.headers["retry-after"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]


# Requests a minute


async def test_the_request_after_the_last_is_refused_and_each_says_what_remains(ten: Household, ann: Person) -> None:
    own = await known(ten, ann)
    told = [await own.get("/v1/homes") for _ in range(10)]
    assert [answer.status_code for answer in told] == [200] * 10
    assert [answer.headers["ratelimit-remaining"] for answer in told] == [str(n) for n in reversed(range(10))]
    assert {answer.headers["ratelimit-limit"] for answer in told} == {"10"}
    assert all(1 <= int(answer.headers["ratelimit-reset"]) <= 60 for answer in told)
    assert_limited(await own.get("/v1/homes"), 10)
    # Elsewhere too, another address included: the budget is the account's.
    assert_limited(await own.get("/v1/me", headers=at("203.0.113.9")), 10)


async def test_whatever_is_asked_counts(ten: Household, ann: Person) -> None:
    own = await known(ten, ann)
    asked = [
        await own.get("/v1/homes"),
        await own.get("/v1/nothing"),
        await own.put("/v1/homes"),
        await own.get("/v1/homes?limit=x"),
        await own.post("/v1/homes", {}),
        await own.get(f"/v1/sources/{uuid4()}"),
        await own.call("OPTIONS", "/v1/homes"),
        await own.get("/schema"),
    ]
    assert [answer.status_code for answer in asked] == [200, 404, 405, 400, 422, 404, 204, 200]
    # The page asks for no token, so that it is counted for the address.
    assert [answer.headers["ratelimit-remaining"] for answer in asked] == [*"9876543", "9"]


async def test_refusals_of_the_edge_count_for_the_address(ten: Household) -> None:
    for n in range(10):
        answer = await ten.client.get("/v1/homes", headers={**at("203.0.113.1"), "Authorization": f"Bearer x{n}"})
        assert answer.status_code == 401
    assert_limited(await ten.client.get("/v1/reference", headers=at("203.0.113.1")), 10)
    assert (await ten.client.get("/v1/reference", headers=at("203.0.113.2"))).status_code == 200


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/health", "/metrics"])
async def test_what_watches_the_service_is_not_limited(ten: Household, path: str) -> None:
    for _ in range(12):
        answer = await ten.client.get(path)
        assert answer.status_code == 200
        assert "ratelimit-limit" not in answer.headers


async def test_no_limit_is_no_limit(home: Household, ann: Person) -> None:
    answers = [await ann.get("/v1/homes") for _ in range(120)]
    assert {answer.status_code for answer in answers} == {200}
    assert not any(name.startswith("ratelimit") for name in answers[0].headers)


async def test_accounts_do_not_share_a_budget_though_they_share_an_address(ten: Household, home: Household) -> None:
    people = [await known(ten, await home.person(name)) for name in ("ann", "ben")]
    for person in people:
        assert {(await person.get("/v1/homes")).status_code for _ in range(10)} == {200}
    for person in people:
        assert_limited(await person.get("/v1/homes"), 10)


async def sign_in(household: Household, person: Person, address: str) -> Person:
    account = {"email": person.email, "password": PASSWORD}
    answer = await household.client.post("/v1/auth/login", json=account, headers=at(address))
    assert answer.status_code == 200, answer.text
    return Person(household.client, person.name, answer.json())


@pytest.mark.parametrize("has_seen", [False, True])
async def test_a_session_that_has_ended_costs_its_account_nothing(ten: Household, ann: Person, has_seen: bool) -> None:
    thief = await known(ten, ann) if has_seen else seen_by(ten, ann)
    own = await sign_in(ten, ann, "203.0.113.1")
    assert (await own.delete("/v1/me/sessions", headers=at("203.0.113.1"))).status_code == 204
    stolen = [(await thief.get("/v1/me", headers=at("203.0.113.66"))).status_code for _ in range(20)]
    # A worker that knew the session learns from its first request that it has ended.
    assert Counter(stolen) == {401: 11 if has_seen else 10, 429: 9 if has_seen else 10}
    answers = [await own.get("/v1/me", headers=at("203.0.113.1")) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [200] * (9 if has_seen else 10) + [429] * (
        2 if has_seen else 1
    )


async def test_a_token_says_nothing_of_a_budget_where_the_database_did_not_vouch_for_it(
    ten: Household, ann: Person
) -> None:
    """A path that leads nowhere asks no database by itself."""
    thief = seen_by(ten, ann)
    own = await sign_in(ten, ann, "203.0.113.1")
    assert (await own.delete("/v1/me/sessions", headers=at("203.0.113.1"))).status_code == 204
    for path in ("/v1/nothing", f"/v1/{'a' * 1000}"):
        for _ in range(5):
            await thief.get(path, headers=at("203.0.113.66"))
    assert_limited(await thief.get("/v1/me", headers=at("203.0.113.66")), 10)
    assert (await own.get("/v1/me")).headers["ratelimit-remaining"] == "9"


async def test_who_uses_the_budget_up_keeps_nobody_from_shutting_them_out(ten: Household, ann: Person) -> None:
    thief = await known(ten, ann)
    for _ in range(10):
        await thief.get("/v1/me")
        await thief.delete(f"/v1/me/sessions/{uuid4()}")
    assert_limited(await thief.get("/v1/me"), 10)
    assert_limited(await thief.delete(f"/v1/me/sessions/{uuid4()}"), 10)
    # A new session, and one that the worker knew: the budget of the account is gone, these calls' are not.
    for n in range(2):
        own = await sign_in(ten, ann, f"203.0.113.{n}")
        if n:
            await own.get("/v1/homes", headers=at("203.0.113.1"))
            assert_limited(await own.get("/v1/homes"), 10)
        sessions = {"headers": at("203.0.113.9")}
        assert (await own.delete(f"/v1/me/sessions/{uuid4()}", **sessions)).status_code == 404
        changed = {"current_password": PASSWORD, "new_password": f"another long enough phrase {n}"}
        if n:
            assert (await own.put("/v1/me/password", changed, **sessions)).status_code == 204
        else:
            assert (await own.delete("/v1/me/sessions", **sessions)).status_code == 204
    assert (await thief.get("/v1/me", headers=at("203.0.113.66"))).status_code in {401, 429}


async def test_the_calls_that_shut_others_out_are_limited_too(ten: Household, ann: Person) -> None:
    own = await known(ten, ann)
    statuses = [(await own.delete("/v1/me/sessions")).status_code for _ in range(12)]
    assert Counter(statuses) == {204: 10, 429: 2}
    assert (await own.get("/v1/homes")).status_code == 200


async def test_device_tokens_have_budgets_of_their_own_once_they_are_known(ten: Household, ann: Person) -> None:
    devices = []
    for n in range(2):
        made = await ann.made("/v1/me/tokens", name=f"Sensor {n}", scopes=["read:data"])
        devices.append({"Authorization": f"Bearer {made['token']}", **at(f"203.0.113.{n}")})
    for device in devices:
        answers = [await ten.client.get("/v1/sources", headers=device) for _ in range(11)]
        # The first was counted for the address: a token may be made up until the database has vouched for it.
        assert [answer.status_code for answer in answers] == [200] * 11
        assert_limited(await ten.client.get("/v1/sources", headers=device), 10)


async def test_who_makes_tokens_up_has_one_budget(ten: Household) -> None:
    statuses: Counter[int] = Counter()
    for n in range(20):
        token = {"Authorization": f"Bearer hl_{n:043d}", **at("203.0.113.7")}
        statuses[(await ten.client.get("/v1/sources", headers=token)).status_code] += 1
    assert statuses == {401: 10, 429: 10}


@pytest.mark.parametrize("path", ["/api/v2/write", "/write"])
async def test_a_collector_is_counted_by_its_token(ten: Household, ann: Person, path: str) -> None:
    made = await ann.made("/v1/me/tokens", name="Collector", scopes=["write:data"])
    headers = {"Authorization": f"Token {made['token']}", **at("203.0.113.8")}

    async def write() -> httpx.Response:
        return await ten.client.post(path, content=b"m f=1", headers=headers)

    assert [(await write()).status_code for _ in range(11)] == [204] * 11
    assert (await write()).status_code == 429
    assert (await ten.client.get("/v1/reference", headers=at("203.0.113.8"))).status_code == 200


async def test_a_device_token_buys_no_budget_where_none_is_taken(ten: Household, ann: Person) -> None:
    """Somebody who has many of them must not guess so many times as often, nor read what is public."""
    devices = []
    for n in range(3):
        made = await ann.made("/v1/me/tokens", name=f"Sensor {n}", scopes=["read:data"])
        devices.append({"Authorization": f"Bearer {made['token']}", **at("203.0.113.9")})
        known = {**devices[-1], **at(f"203.0.113.{n}")}
        assert [(await ten.client.get("/v1/sources", headers=known)).status_code for _ in range(2)] == [200] * 2

    async def statuses(method: str, path: str) -> Counter[int]:
        answers = [
            await ten.client.request(method, path, headers=device, json={"refresh_token": "x"})
            for device in devices
            for _ in range(8)
        ]
        return Counter(answer.status_code for answer in answers)

    assert await statuses("POST", "/v1/auth/refresh") == {401: 10, 429: 14}
    assert await statuses("GET", "/schema") == {429: 24}
    assert await statuses("GET", "/v1/sources") == {200: 24}


PATHS = [
    "/v1//auth/refresh",
    "//v1/auth/refresh",
    "/v1/auth//refresh",
    "///v1///auth///refresh///",
    "/v1/auth/refresh/",
]


@pytest.mark.parametrize("path", PATHS)
async def test_more_slashes_are_the_same_path(ten: Household, ann: Person, dba: asyncpg.Connection, path: str) -> None:
    """What the router takes for one path must be one for the limits too."""
    own = await known(ten, ann)
    answers = [await own.post(f"http://homelog.test{path}", {"refresh_token": "x"}) for _ in range(12)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
    # For the address, and exactly: no share of it lies in a worker.
    assert (await own.get("/v1/homes")).headers["ratelimit-remaining"] == "9"
    assert await dba.fetchval("SELECT count(*) FROM request_budgets") == 3


@pytest.mark.parametrize("path", ["//v1/homes", "/v1//homes", "//v1//homes//"])
async def test_more_slashes_get_nobody_in(ten: Household, ann: Person, path: str) -> None:
    assert (await ten.client.get(f"http://homelog.test{path}")).status_code == 401
    bad = {"Authorization": "Bearer x"}
    assert (await ten.client.get(f"http://homelog.test{path}", headers=bad)).status_code == 401
    answer = await (await known(ten, ann)).get(f"http://homelog.test{path}")
    assert (answer.status_code, answer.headers["ratelimit-remaining"]) == (200, "9")


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        ("203.0.113.1", "203.0.113.1", True),
        ("203.0.113.1", "203.0.113.2", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),  # one household has a whole /64
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:203.0.113.1", "203.0.113.1", True),
    ],
)
async def test_without_credentials_the_address_is_counted(
    ten: Household, first: str, second: str, is_one: bool
) -> None:
    for _ in range(10):
        assert (await ten.client.get("/v1/reference", headers=at(first))).status_code == 200
    other = await ten.client.get("/v1/reference", headers=at(second))
    assert other.status_code == (429 if is_one else 200)


async def test_a_new_minute_is_a_new_budget_and_the_old_one_goes(
    settings: Settings, ann: Person, dba: asyncpg.Connection
) -> None:
    async with serve(limited(settings, 10)) as one, serve(limited(settings, 10)) as other:
        own, there = await known(one, ann), await known(other, ann)
        assert [(await own.get("/v1/homes")).status_code for _ in range(11)] == [200] * 10 + [429]
        assert_limited(await there.get("/v1/homes"), 10)
        await dba.execute("UPDATE request_budgets SET began_at = began_at - interval '1 minute'")
        async with serve(limited(settings, 10)) as later:
            assert (await (await known(later, ann)).get("/v1/homes")).headers["ratelimit-remaining"] == "9"
    assert await dba.fetchval("SELECT count(*) FROM request_budgets") == 2


async def test_one_budget_holds_across_workers(settings: Settings, ann: Person) -> None:
    async with AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(serve(limited(settings, 100))) for _ in range(4)]
        seen = [await known(worker, ann) for worker in workers]
        asked = [own.get("/v1/homes") for _ in range(60) for own in seen]
        statuses = Counter(answer.status_code for answer in await asyncio.gather(*asked))
    # What is asked evenly is granted whole: a worker holds little at the end.
    assert statuses == {200: 100, 429: 140}


async def test_a_worker_asks_for_a_share_and_not_for_each_request(
    settings: Settings, ann: Person, dba: asyncpg.Connection
) -> None:
    async with serve(limited(settings, 1000)) as household:
        own = await known(household, ann)
        taken = "SELECT taken FROM request_budgets WHERE identity = $1", UUID(ann.id)
        await own.get("/v1/homes")
        assert await dba.fetchval(*taken) == 100
        for _ in range(99):
            await own.get("/v1/homes")
        assert await dba.fetchval(*taken) == 100
        told = await own.get("/v1/homes")
        assert await dba.fetchval(*taken) == 200
        assert told.headers["ratelimit-remaining"] == "899"


async def test_while_budgets_do_not_answer_requests_are_let_through_and_sign_ins_are_not(
    settings: Settings, ann: Person, dba: asyncpg.Connection
) -> None:
    async with serve(limited(settings, 20)) as household, dba.transaction():
        own = await known(household, ann)
        await own.get("/v1/homes")
        await dba.execute("LOCK TABLE request_budgets")
        assert (await own.get("/v1/homes")).headers["ratelimit-remaining"] == "18"  # of the share that it holds
        answers = [await own.get("/v1/homes") for _ in range(40)]
        assert {answer.status_code for answer in answers} == {200}
        sign_in = await household.client.post("/v1/auth/login", json={"email": ann.email, "password": PASSWORD})
        assert sign_in.status_code == 503
        assert int(sign_in.headers["retry-after"]) >= 1


async def test_of_600_sign_ins_at_four_workers_exactly_the_limit_reaches_the_hasher(
    settings: Settings, home: Household, dba: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [await home.person(f"person-{n}") for n in range(10)]
    monkeypatch.setattr("service.limits.budgets.TURNS", 1000)
    monkeypatch.setattr("service.accounts.guesses.SECONDS", 60.0)
    reached = 0
    matches = HASHER.matches

    async def counted(*args: Any) -> bool:
        nonlocal reached
        reached += 1
        return await matches(*args)

    monkeypatch.setattr(HASHER, "matches", counted)
    async with AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(serve(limited(settings, 100))) for _ in range(4)]
        asked = [
            worker.client.post("/v1/auth/login", json={"email": people[n % 10].email, "password": PASSWORD})
            for n in range(150)
            for worker in workers
        ]
        answers = [await asked.pop()]
        # The minute began with that one. It lasts an hour, however long this machine takes.
        await dba.execute("UPDATE request_budgets SET began_at = began_at + interval '1 hour'")
        answers += await asyncio.gather(*asked)
    statuses = Counter(answer.status_code for answer in answers)
    assert reached == 100
    assert statuses[429] == 500
    assert statuses.keys() <= {200, 429, 503}


# Guesses of passwords


WRONG = "not the right one"


async def guess(
    household: Household, password: str = WRONG, email: str = "ann@example.org", address: str = PROXY
) -> httpx.Response:
    return await household.client.post(
        "/v1/auth/login", json={"email": email, "password": password}, headers=at(address)
    )


@pytest.fixture
async def door(settings: Settings) -> AsyncIterator[Household]:
    """The service with no limit on requests, that takes the proxy's word for addresses."""
    async with serve(limited(settings, 0)) as household:
        yield household


async def statuses_of(household: Household, count: int, **options: Any) -> list[int]:
    return [(await guess(household, **options)).status_code for _ in range(count)]


@pytest.mark.parametrize("email", ["ann@example.org", "nobody@example.org", "", "x" * 254])
async def test_after_five_failures_every_sign_in_waits_known_or_not_right_or_not(
    door: Household, ann: Person, email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await statuses_of(door, 5, email=email) == [401] * 5
    monkeypatch.setattr(HASHER, "matches", None)  # is not called
    for password in ("not the right one", PASSWORD):
        refused = await guess(door, password, email)
        assert refused.status_code == 429
        assert 10 <= int(refused.headers["retry-after"]) <= 15
        body = refused.json()
        body.pop("instance")
        assert body == {
            "type": "/errors/rate_limited",
            "title": "Too many requests",
            "status": 429,
            "detail": "Too many wrong passwords were tried; wait before the next.",
        }


@pytest.mark.parametrize("email", ["x" * 255, "ann@example.org" + " " * 240, "ann@example.org" * 100_000])
async def test_an_email_that_no_account_can_have_is_a_wrong_field_and_costs_nothing(
    door: Household, ann: Person, dba: asyncpg.Connection, email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HASHER, "matches", None)  # is not called
    refused = await guess(door, PASSWORD, email)
    assert (refused.status_code, refused.json()["type"]) == (422, "/errors/invalid")
    assert refused.json()["errors"][0]["pointer"] == "/email"
    assert "ann@" not in refused.text
    assert await dba.fetchval("SELECT sum(failures) FROM password_guesses") == 0


async def test_the_wait_is_for_the_email_in_any_case_and_for_no_other(door: Household, ann: Person) -> None:
    await statuses_of(door, 5)
    assert await statuses_of(door, 1, email="ANN@example.ORG") == [429]
    assert await statuses_of(door, 1, email="ben@example.org") == [401]


async def test_who_signs_in_from_elsewhere_does_not_wait(door: Household, ann: Person) -> None:
    assert (await statuses_of(door, 8, address="203.0.113.66"))[-1] == 429
    assert (await guess(door, PASSWORD, address="203.0.113.1")).status_code == 200
    assert (await guess(door, PASSWORD, address="203.0.113.66")).status_code == 429


async def test_each_failure_doubles_the_wait_up_to_a_quarter_of_an_hour(
    door: Household, ann: Person, dba: asyncpg.Connection
) -> None:
    await statuses_of(door, 5)
    waits = []
    for _ in range(9):
        refused = await guess(door)
        assert refused.status_code == 429
        waits.append(int(refused.headers["retry-after"]))
        await dba.execute("UPDATE password_guesses SET waits_until = now()")
        assert (await guess(door)).status_code == 401
    assert all(
        0 <= expected - wait <= 5
        for expected, wait in zip([15, 30, 60, 120, 240, 480, 900, 900, 900], waits, strict=True)
    )
    await dba.execute("UPDATE password_guesses SET waits_until = now()")
    assert (await guess(door, PASSWORD)).status_code == 200


async def test_the_right_password_clears_what_came_before(door: Household, ann: Person) -> None:
    for _ in range(3):
        assert await statuses_of(door, 4) == [401] * 4
        assert (await guess(door, PASSWORD)).status_code == 200


async def test_failures_are_forgotten_after_a_day(door: Household, ann: Person, dba: asyncpg.Connection) -> None:
    await statuses_of(door, 5)
    await dba.execute("UPDATE password_guesses SET waits_until = now(), began_at = now() - interval '25 hours'")
    assert await statuses_of(door, 6) == [401] * 5 + [429]


async def test_a_burst_of_guesses_is_no_more_than_five(settings: Settings, ann: Person) -> None:
    async with AsyncExitStack() as stack:
        doors = [await stack.enter_async_context(serve(limited(settings, 0))) for _ in range(4)]
        answers = await asyncio.gather(*(guess(door) for _ in range(10) for door in doors))
    assert Counter(answer.status_code for answer in answers) == {401: 5, 429: 35}


async def test_many_right_sign_ins_at_once_are_no_guesses(door: Household, ann: Person) -> None:
    answers = await asyncio.gather(*(guess(door, PASSWORD) for _ in range(12)))
    assert {answer.status_code for answer in answers} == {200}


async def test_an_address_has_a_limit_over_all_accounts(door: Household, ann: Person, dba: asyncpg.Connection) -> None:
    for n in range(100):
        assert (await guess(door, email=f"{n}@example.org", address="203.0.113.5")).status_code == 401
    assert (await guess(door, email="another@example.org", address="203.0.113.5")).status_code == 429
    assert (await guess(door, PASSWORD, address="203.0.113.5")).status_code == 429
    assert (await guess(door, PASSWORD, address="203.0.113.6")).status_code == 200
    # A right password opens the door once the wait is over, and does not forgive the others.
    await dba.execute("UPDATE password_guesses SET waits_until = now()")
    assert (await guess(door, PASSWORD, address="203.0.113.5")).status_code == 200
    assert (await guess(door, email="another@example.org", address="203.0.113.5")).status_code == 401
    assert (await guess(door, email="another@example.org", address="203.0.113.5")).status_code == 429


def a_home_of_the_network(n: int) -> str:
    return f"2001:db8:7:{n:x}::1"


async def test_who_has_a_whole_network_of_ipv6_has_a_limit_over_all_its_homes(
    door: Household, ann: Person, dba: asyncpg.Connection
) -> None:
    """A /48 is what a provider gives a site: 65,536 addresses as they are counted here."""
    for n in range(5):
        assert (await guess(door, email=f"{n}@example.org", address=a_home_of_the_network(n))).status_code == 401
    counted = "SELECT failures FROM password_guesses WHERE about = homelog.guessing_site('2001:db8:7:99::/64')"
    assert await dba.fetchval(counted) == 5
    await dba.execute(
        "UPDATE password_guesses SET failures = 399 WHERE about = homelog.guessing_site('2001:db8:7:99::/64')"
    )
    assert (await guess(door, address=a_home_of_the_network(6))).status_code == 401
    assert (await guess(door, address=a_home_of_the_network(7))).status_code == 429
    assert (await guess(door, PASSWORD, address=a_home_of_the_network(8))).status_code == 429
    assert (await guess(door, PASSWORD, address="2001:db8:8:1::1")).status_code == 200
    # Over, a right password is let in and does not forgive the others.
    await dba.execute("UPDATE password_guesses SET waits_until = now()")
    assert (await guess(door, PASSWORD, address=a_home_of_the_network(8))).status_code == 200
    assert await dba.fetchval(counted) == 400


async def test_what_is_refused_is_counted_nowhere(door: Household, ann: Person, dba: asyncpg.Connection) -> None:
    await statuses_of(door, 9, address=a_home_of_the_network(1))
    failures = await dba.fetch("SELECT failures FROM password_guesses WHERE failures > 0")
    assert [row[0] for row in failures] == [5, 5, 5]


OVER = (
    "INSERT INTO password_guesses (about, began_at, failures, waits_until)"
    " VALUES (homelog.guessing_address('203.0.113.66'), now() - interval '30 minutes', 106, now())"
)


async def test_a_right_password_makes_nobody_wait_at_an_address_with_many_failures(
    door: Household, home: Household, ann: Person, dba: asyncpg.Connection
) -> None:
    ben = await home.person("ben")
    await dba.execute(OVER)
    for email in (ann.email, ben.email, ann.email):
        assert (await guess(door, PASSWORD, email, "203.0.113.66")).status_code == 200
    held = await dba.fetchrow("SELECT failures, waits_until FROM password_guesses WHERE failures > 0")
    assert held is not None
    assert tuple(held) == (106, None)
    assert (await guess(door, email=ann.email, address="203.0.113.66")).status_code == 401
    assert (await guess(door, PASSWORD, ben.email, "203.0.113.66")).status_code == 429


async def test_who_waits_at_one_account_has_nobody_else_wait(
    door: Household, home: Household, ann: Person, dba: asyncpg.Connection
) -> None:
    ben = await home.person("ben")
    await statuses_of(door, 5, address="203.0.113.66")
    await dba.execute("DELETE FROM password_guesses WHERE about = homelog.guessing_address('203.0.113.66')")
    await dba.execute(OVER)
    assert (await guess(door, PASSWORD, ann.email, "203.0.113.66")).status_code == 429
    assert (await guess(door, PASSWORD, ben.email, "203.0.113.66")).status_code == 200


async def test_who_waits_at_one_account_does_not_use_does_not_use_the_address_up(door: Household, ann: Person) -> None:
    assert Counter(await statuses_of(door, 120)) == {401: 5, 429: 115}
    assert (await guess(door, email="ben@example.org")).status_code == 401


async def test_a_sign_in_that_must_wait_is_audited_in_the_name_of_the_account(
    door: Household, ann: Person, dba: asyncpg.Connection
) -> None:
    await statuses_of(door, 6)
    await statuses_of(door, 6, email="nobody@example.org")
    told = await dba.fetch(
        "SELECT user_id::text, details ->> 'provider', (details ->> 'seconds')::int > 0"
        " FROM audit_logs WHERE event_type = 'login_refused' ORDER BY id"
    )
    assert [tuple(row) for row in told] == [(ann.id, "password", True), (None, "password", True)]
    listed = (await ann.get("/v1/audit")).json()["items"]
    assert "login_refused" in [event["event_type"] for event in listed]


async def test_what_is_typed_at_sign_in_is_stored_nowhere(door: Household, dba: asyncpg.Connection) -> None:
    await statuses_of(door, 6, email="my password, by mistake", address="203.0.113.77")
    rows = str(await dba.fetch("SELECT * FROM password_guesses")) + str(
        await dba.fetch("SELECT * FROM request_budgets")
    )
    assert "mistake" not in rows
    assert b"mistake".hex() not in rows
    assert "203.0.113" not in rows


async def change_password(person: Person, current: str, new: str = "another long enough phrase") -> httpx.Response:
    return await person.put("/v1/me/password", {"current_password": current, "new_password": new})


async def test_guessing_ones_current_password_waits_too(door: Household, ann: Person, dba: asyncpg.Connection) -> None:
    own = seen_by(door, ann)
    assert [(await change_password(own, f"wrong {n}")).status_code for n in range(5)] == [422] * 5
    refused = await change_password(own, PASSWORD)
    assert refused.status_code == 429
    assert 10 <= int(refused.headers["retry-after"]) <= 15
    assert await dba.fetchval("SELECT user_id::text FROM audit_logs WHERE event_type = 'change_password_refused'") == (
        ann.id
    )
    # Signing in is another door.
    assert (await guess(door, PASSWORD)).status_code == 200
    await dba.execute("UPDATE password_guesses SET waits_until = now()")
    assert (await change_password(own, PASSWORD)).status_code == 204
    assert [(await change_password(own, f"wrong {n}")).status_code for n in range(5)] == [422] * 5


async def test_a_right_password_is_no_failure_whatever_comes_of_it(
    door: Household, ann: Person, dba: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = seen_by(door, ann)
    for _ in range(4):
        assert (await change_password(own, "a wrong one")).status_code == 422
    assert (await change_password(own, PASSWORD, PASSWORD)).status_code == 422
    assert (await change_password(own, PASSWORD, PASSWORD)).status_code == 422

    async def busy(*_: Any) -> str:
        raise unavailable("Too many people are signing in just now; try again.")

    with monkeypatch.context() as full:
        full.setattr(HASHER, "hash", busy)
        for _ in range(6):
            assert (await change_password(own, PASSWORD)).status_code == 503
    assert await dba.fetchval("SELECT sum(failures) FROM password_guesses") == 0
    assert (await change_password(own, PASSWORD)).status_code == 204


async def test_a_new_password_is_guessed_anew(door: Household, ann: Person, dba: asyncpg.Connection) -> None:
    """Whom an admin lets in again must not wait for the guesses that made that needful."""
    ben = await door.person("ben")
    own = seen_by(door, ben)
    assert [(await change_password(own, f"wrong {n}")).status_code for n in range(6)] == [422] * 5 + [429]
    assert await statuses_of(door, 6, email=ben.email) == [401] * 5 + [429]
    reset = await seen_by(door, ann).post(f"/v1/users/{ben.id}/password-reset")
    temporary = reset.json()["temporary_password"]
    opened = await guess(door, temporary, ben.email)
    assert opened.status_code == 200
    again = Person(door.client, "ben", opened.json())
    assert (await change_password(again, temporary)).status_code == 204
    # Guesses of the new one count as ever.
    assert await statuses_of(door, 6, email=ben.email) == [401] * 5 + [429]
    assert (await change_password(again, "another long enough phrase", PASSWORD)).status_code == 204
    assert (await guess(door, PASSWORD, ben.email)).status_code == 200


# Everybody at once


async def test_when_far_more_come_than_there_are_connections_each_is_answered_and_the_service_serves_on(
    settings: Settings, home: Household
) -> None:
    people = [await home.person(f"person-{n}") for n in range(4)]
    async with serve(limited(settings, 30)) as busy:
        seen = [await known(busy, person) for person in people]
        database: Database = busy.app.app.state.database
        held = [await database.pool.acquire() for _ in range(database.pool.get_max_size() - 1)]
        began = time.monotonic()
        answers = await asyncio.gather(
            *(seen[n % 4].get("/v1/homes") for n in range(200)),
            *(busy.client.get("/v1/reference", headers=at(f"203.0.113.{n}")) for n in range(50)),
        )
        seconds = time.monotonic() - began
        for connection in held:
            await database.pool.release(connection)
        assert {answer.status_code for answer in answers} <= {200, 429, 503}
        assert Counter(answer.status_code for answer in answers)[429] == 80
        assert all("retry-after" in answer.headers for answer in answers if answer.status_code != 200)
        # Four seconds for a connection, and what this machine needs for 250 requests at once.
        assert seconds < 15
        assert (await busy.client.get("/health/ready")).status_code == 200
