"""Sessions that end while others use them: two services on one database, each with its own cache."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import asyncpg
import httpx
import pytest

from service.settings import Settings
from tests.people import PASSWORD, Household, serve

RACES = 100
Workers = tuple[Household, Household]


@pytest.fixture
async def workers(settings: Settings) -> AsyncIterator[Workers]:
    async with serve(settings) as one, serve(settings) as two:
        yield one, two


async def sign_in(home: Household) -> dict[str, Any]:
    response = await home.client.post("/v1/auth/login", json={"email": "ann@example.org", "password": PASSWORD})
    assert response.status_code == 200
    return dict(response.json())


async def refresh(home: Household, token: str) -> httpx.Response:
    return await home.client.post("/v1/auth/refresh", json={"refresh_token": token})


async def lives(home: Household, login: dict[str, Any]) -> bool:
    headers = {"Authorization": f"Bearer {login['access_token']}"}
    status = (await home.client.get("/v1/me", headers=headers)).status_code
    assert status in {200, 401}
    return status == 200


async def test_fifty_refreshes_over_two_workers_answer_one_successor(workers: Workers) -> None:
    ann = await workers[0].person("ann")

    answers = await asyncio.gather(*(refresh(workers[number % 2], ann.login["refresh_token"]) for number in range(50)))

    assert [answer.status_code for answer in answers] == [200] * 50
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    assert all([await lives(workers[0], answer.json()) for answer in answers])


async def test_a_replayed_grandparent_ends_its_family_in_every_race(workers: Workers, dba: asyncpg.Connection) -> None:
    """The thief's replay at one worker, the owner's refreshes and reads at the other, in every order."""
    one, two = workers
    await one.person("ann")
    order = random.Random(4)  # noqa: S311 - an order, no secret
    for _ in range(RACES):
        grandparent = await sign_in(one)
        parent = (await refresh(two, grandparent["refresh_token"])).json()
        child = (await refresh(one, parent["refresh_token"])).json()
        family = [grandparent, parent, child]
        assert all([await lives(two, each) for each in family])  # both know the tokens now
        assert all([await lives(one, each) for each in family])

        async def replay(family: list[dict[str, Any]] = family) -> None:
            assert (await refresh(one, family[0]["refresh_token"])).status_code == 401
            # On the very next call, at whichever worker.
            assert not any(await asyncio.gather(*(lives(home, each) for each in family for home in workers)))

        async def go_on(family: list[dict[str, Any]] = family) -> None:
            answer = await refresh(two, family[2]["refresh_token"])
            assert answer.status_code in {200, 401}
            if answer.status_code == 200:
                family.append(answer.json())

        work: list[Awaitable[Any]] = [replay(), go_on(), go_on(), *(lives(two, each) for each in family)]
        order.shuffle(work)
        await asyncio.gather(*work)

        assert not any(await asyncio.gather(*(lives(home, each) for each in family for home in workers)))
        answers = await asyncio.gather(*(refresh(two, each["refresh_token"]) for each in family))
        assert {answer.status_code for answer in answers} == {401}
    ended = "SELECT count(*) FROM audit_logs WHERE event_type = 'refresh_reused'"
    assert await dba.fetchval(ended) == RACES


ENDINGS = ["log-out", "password", "another session", "all others", "deactivation", "deletion of the session"]


@pytest.mark.parametrize("ending", ENDINGS)
async def test_what_ends_a_session_at_one_worker_ends_it_at_the_other_with_the_next_request(
    workers: Workers, dba: asyncpg.Connection, ending: str
) -> None:
    one, two = workers
    await one.person("keeper")
    ann = await one.person("ann")
    victim = await sign_in(two)
    session = (await ann.get("/v1/me/sessions")).json()["items"][-1]["id"]
    assert await lives(one, victim)
    assert await lives(two, victim)

    match ending:
        case "log-out":
            await one.client.post("/v1/auth/logout", json={"refresh_token": victim["refresh_token"]})
        case "password":
            change = {"current_password": PASSWORD, "new_password": "quite another phrase"}
            assert (await ann.put("/v1/me/password", change)).status_code == 204
        case "another session":
            assert (await ann.delete(f"/v1/me/sessions/{session}")).status_code == 204
        case "all others":
            assert (await ann.delete("/v1/me/sessions")).status_code == 204
        case "deactivation":
            await dba.execute("UPDATE users SET is_active = false WHERE id = $1", ann.id)
        case _:
            await dba.execute("DELETE FROM sessions WHERE id = $1", session)

    assert not await lives(two, victim)
    assert not await lives(one, victim)
    assert (await refresh(two, victim["refresh_token"])).status_code == 401
    assert await lives(two, ann.login) is (ending != "deactivation")


async def test_a_password_that_is_changed_while_sessions_are_refreshed_ends_them_all(workers: Workers) -> None:
    one, two = workers
    ann = await one.person("ann")
    passwords = [PASSWORD, "quite another phrase"]
    for number in range(10):
        old, new = passwords[number % 2], passwords[(number + 1) % 2]
        account = {"email": ann.email, "password": old}
        others = [(await two.client.post("/v1/auth/login", json=account)).json() for _ in range(3)]
        changed, *answers = await asyncio.gather(
            ann.put("/v1/me/password", {"current_password": old, "new_password": new}),
            *(refresh(two, other["refresh_token"]) for other in others),
        )
        assert changed.status_code == 204
        for answer in answers:
            others += [answer.json()] if answer.status_code == 200 else []
        assert not any([await lives(two, other) for other in others])
        assert await lives(two, ann.login)


async def test_an_account_that_is_deactivated_while_it_refreshes_is_out(
    workers: Workers, dba: asyncpg.Connection
) -> None:
    one, two = workers
    await one.person("keeper")
    ann = await one.person("ann")
    login = ann.login
    for _ in range(10):
        answer, _ = await asyncio.gather(
            refresh(two, login["refresh_token"]),
            dba.execute("UPDATE users SET is_active = false WHERE id = $1", ann.id),
        )
        login = answer.json() if answer.status_code == 200 else login
        assert not await lives(one, login)
        assert not await lives(two, login)
        await dba.execute("UPDATE users SET is_active = true")
        # What it ended stays ended.
        login = await sign_in(one)
        assert await lives(one, login)


async def test_who_signs_out_while_refreshing_is_out(workers: Workers) -> None:
    one, two = workers
    await one.person("ann")
    for _ in range(20):
        login = await sign_in(one)
        out, answer = await asyncio.gather(
            one.client.post("/v1/auth/logout", json={"refresh_token": login["refresh_token"]}),
            refresh(two, login["refresh_token"]),
        )
        assert out.status_code == 204
        family = [login, answer.json()] if answer.status_code == 200 else [login]
        assert not any([await lives(two, each) for each in family])
