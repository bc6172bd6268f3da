"""Replacing HOMELOG_SECRET: nobody is signed out while the former one is still believed."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import msgspec
import pytest

from service.settings import Settings
from tests.api.test_sessions import claims_of, unpacked
from tests.people import Browser, Household, Person, serve

FORMER, NEW, OTHER = "a former secret " * 3, "the secret from now on " * 2, "a secret that never was ours " * 2


class Services:
    """Services on one database that know different secrets, as before, during and after the change."""

    def __init__(self, before: Household, during: Household, after: Household) -> None:
        self.before, self.during, self.after = before, during, after


@pytest.fixture
async def services(settings: Settings) -> AsyncIterator[Services]:
    async with AsyncExitStack() as stack:
        said = (FORMER, ()), (NEW, (OTHER, FORMER)), (NEW, ())
        yield Services(
            *[
                await stack.enter_async_context(
                    serve(msgspec.structs.replace(settings, secret=secret, former_secrets=former))
                )
                for secret, former in said
            ]
        )


async def refreshed(home: Household, token: str) -> Person:
    response = await home.client.post("/v1/auth/refresh", json={"refresh_token": token})
    assert response.status_code == 200, response.text
    return Person(home.client, "ann", response.json())


async def status(home: Household, who: Person) -> int:
    return (await home.client.get("/v1/me", headers=who.headers)).status_code


async def test_a_token_of_a_former_secret_is_believed_until_the_secret_is_removed(services: Services) -> None:
    ann = await services.before.person("ann")

    assert [await status(home, ann) for home in (services.before, services.during, services.after)] == [200, 200, 401]


async def test_new_tokens_are_signed_by_the_new_secret_and_name_it(services: Services) -> None:
    ann = await services.before.person("ann")
    newest = await refreshed(services.during, ann.login["refresh_token"])

    assert [await status(home, newest) for home in (services.during, services.after, services.before)] == [
        200,
        200,
        401,
    ]
    old, new = (json.loads(unpacked(each.login["access_token"].split(".")[0])) for each in (ann, newest))
    assert old["kid"] != new["kid"]
    assert not any(each["kid"] in secret for each in (old, new) for secret in (FORMER, NEW))
    assert claims_of(newest.login)["sid"] == claims_of(ann.login)["sid"]


async def test_a_session_outlives_its_secret(services: Services) -> None:
    ann = await services.before.person("ann")

    newest = await refreshed(services.after, ann.login["refresh_token"])

    assert await status(services.after, newest) == 200


@pytest.mark.parametrize(("first", "then"), [("before", "during"), ("during", "during"), ("during", "after")])
async def test_a_lost_answer_is_given_again_after_the_secret_was_replaced(
    services: Services, first: str, then: str
) -> None:
    ann = await services.before.person("ann")
    token = ann.login["refresh_token"]
    lost = await refreshed(getattr(services, first), token)

    again = await refreshed(getattr(services, then), token)

    assert again.login["refresh_token"] == lost.login["refresh_token"]
    assert await status(services.during, again) == 200
    newest = await refreshed(services.after, again.login["refresh_token"])
    assert await status(services.after, newest) == 200


async def test_two_services_that_name_each_others_secret_may_run_at_once(settings: Settings) -> None:
    one = msgspec.structs.replace(settings, secret=FORMER, former_secrets=(NEW,))
    two = msgspec.structs.replace(settings, secret=NEW, former_secrets=(FORMER,))
    async with serve(one) as old, serve(two) as new:
        ann = await new.person("ann")
        assert await status(old, ann) == 200
        for first, then in ((old, new), (new, old)):
            lost = await refreshed(first, ann.login["refresh_token"])
            again = await refreshed(then, ann.login["refresh_token"])
            assert again.login["refresh_token"] == lost.login["refresh_token"]
            assert await status(first, again) == 200
            ann = again


async def test_a_token_that_comes_too_often_ends_its_session_whatever_secret_it_follows_from(
    services: Services,
) -> None:
    ann = await services.before.person("ann")
    second = await refreshed(services.before, ann.login["refresh_token"])
    third = await refreshed(services.during, second.login["refresh_token"])

    response = await services.during.client.post("/v1/auth/refresh", json={"refresh_token": ann.login["refresh_token"]})

    assert response.status_code == 401
    assert [await status(services.during, each) for each in (ann, second, third)] == [401] * 3


async def browser_of(services: Services, stack: AsyncExitStack) -> Browser:
    """Ann at her browser, signed in before, with which she goes on."""
    await services.before.person("ann")
    before = await stack.enter_async_context(services.before.browser("ann"))
    await before.sign_in()
    during = await stack.enter_async_context(services.before.browser("ann", app=services.during.app))
    during.client.cookies = before.client.cookies
    return during


async def test_a_browser_stays_signed_in_when_the_secret_is_replaced(services: Services) -> None:
    async with AsyncExitStack() as stack:
        ann = await browser_of(services, stack)
        former = ann.cookie("csrf")

        assert (await ann.patch("/v1/me", {"display_name": "New"})).status_code == 200
        assert (await ann.post("/v1/auth/refresh")).status_code == 200

        assert ann.cookie("csrf") != former
        assert (await ann.patch("/v1/me", {"display_name": "Newer"})).status_code == 200
        # Another tab still holds the proof that it learnt first.
        assert (await ann.call("PATCH", "/v1/me", csrf=former, json={"display_name": "Newest"})).status_code == 200


async def test_a_proof_of_a_secret_that_was_removed_is_none(services: Services) -> None:
    async with AsyncExitStack() as stack:
        ann = await browser_of(services, stack)
        former = ann.cookie("csrf")
        await ann.post("/v1/auth/refresh")
        after = await stack.enter_async_context(services.before.browser("ann", app=services.after.app))
        after.client.cookies = ann.client.cookies

        assert (await after.call("PATCH", "/v1/me", csrf=former, json={})).status_code == 403
        assert (await after.patch("/v1/me", {"display_name": "New"})).status_code == 200
