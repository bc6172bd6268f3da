"""Signing in at a certified OpenID Connect provider, through its own pages: as Google, LINE and any other speak."""

from collections.abc import AsyncIterator, Iterator
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from service.settings import Settings
from tests.people import Household, serve
from tests.providers import ALGORITHMS, PUBLIC_URL, browsing, certified, provider, why_no_certified_provider

MISSING = why_no_certified_provider()
pytestmark = pytest.mark.skipif(MISSING is not None, reason=MISSING or "")


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with certified() as address:
        yield address


@pytest.fixture
def settings(settings: Settings, issuer: str) -> Settings:
    found = {name: provider(issuer, name) for name in ALGORITHMS}
    found["google"] = provider(issuer, "google", hosted_domain="example.org")
    return msgspec.structs.replace(settings, public_url=PUBLIC_URL, providers=found)


@pytest.fixture
async def home(settings: Settings) -> AsyncIterator[Household]:
    async with serve(settings) as household:
        yield household


@pytest.mark.usefixtures("dba")
@pytest.mark.parametrize("name", ALGORITHMS)
async def test_people_sign_in_through_its_pages_and_come_again(home: Household, name: str) -> None:
    async with browsing(home.app) as browser:
        first = await browser.sign_in(name, "ann@example.org")
        assert first.status_code == 200, first.text
        assert first.json()["user"]["email"] == "ann@example.org"
        assert first.json()["user"]["display_name"] == "Name of ann@example.org"
        assert (await browser.service.get("/v1/me")).json()["id"] == first.json()["user"]["id"]
        again = await browser.sign_in(name, "ann@example.org", return_to="/app")
        assert (again.status_code, again.headers["location"]) == (303, f"{PUBLIC_URL}/app")
    async with browsing(home.app) as another:
        other = await another.sign_in(name, "ben@example.org")
        assert other.json()["user"]["id"] != first.json()["user"]["id"]


@pytest.mark.usefixtures("dba")
async def test_people_of_another_domain_are_not_let_in(home: Household) -> None:
    async with browsing(home.app) as browser:
        assert (await browser.sign_in("google", "ann@example.com")).status_code == 401
    async with browsing(home.app) as browser:
        assert (await browser.sign_in("google", "nobody")).status_code == 401


@pytest.mark.usefixtures("dba")
async def test_who_has_no_email_there_types_one_here(home: Household) -> None:
    async with browsing(home.app) as browser:
        asked = await browser.sign_in("line", "ann")
        assert asked.status_code == 422, asked.text
        body = {"pending_token": asked.json()["pending_token"], "email": "ann@example.org", "cookies": True}
        assert (await browser.service.post("/v1/auth/line/complete", json=body)).status_code == 200
        assert (await browser.sign_in("line", "ann")).json()["user"]["email"] == "ann@example.org"


@pytest.mark.usefixtures("dba")
async def test_it_gives_nothing_for_a_code_that_was_used_or_is_anothers(home: Household) -> None:
    async with browsing(home.app) as ann, browsing(home.app) as mallory:
        stolen = parse_qs(urlsplit(await ann.pass_through(await ann.begin("oidc"), "ann@example.org")).query)
        # Mallory brings Ann's code with a state of his own: the verifier is not the code's.
        (state,) = parse_qs(urlsplit(await mallory.begin("oidc")).query)["state"]
        response = await mallory.service.get("/v1/auth/oidc/callback", params=stolen | {"state": [state]})
        assert response.status_code == 401
