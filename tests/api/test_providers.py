"""Signing in with providers: the rules that hold whoever the provider is, and what a provider that lies achieves."""

import asyncio
import base64
import hashlib
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import asyncpg
import httpx
import msgspec
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from service.app import create_app
from service.edge import Edge
from service.embedded import EmbeddedPostgres
from service.problems import Problem
from service.providers import fetching, published
from service.providers import provider as providers
from service.providers.configured import Providers
from service.providers.sealing import Sealer
from service.providers.signing_in import page_to_return_to
from service.settings import Settings
from tests.conftest import cloned
from tests.hostile_provider import ANSWERS, TOKENS
from tests.people import PASSWORD, Household, Person, running, serve
from tests.providers import PUBLIC_URL, Browser, browsing, hostile, line_token, provider

SECRET = "a test's own secret, 32 characters and more"
KEYS = (b"the newest key, of 32 bytes long", b"the key before, of 32 bytes long")


@pytest.fixture(scope="module")
def tricks() -> Iterator[str]:
    """The address of the hostile provider."""
    with hostile() as address:
        yield address


@pytest.fixture
def settings(settings: Settings, tricks: str) -> Settings:
    """A service at which one signs in with an honest provider as Google and as any, and with LINE's tokens."""
    return told_of(settings, f"{tricks}/honest")


def told_of(settings: Settings, issuer: str, **more: Any) -> Settings:
    return msgspec.structs.replace(
        settings,
        public_url=PUBLIC_URL,
        cors_origins=("https://app.example.org",),
        providers={
            "google": provider(issuer, "google", title="Google", hosted_domain="example.org"),
            "line": provider(issuer, "line", title="LINE"),
            "oidc": provider(issuer, "oidc", title="Our own", app_client_ids=("phone",)),
        },
        **more,
    )


@pytest.fixture
async def home(settings: Settings) -> AsyncIterator[Household]:
    """That service, for one test."""
    async with serve(settings) as household:
        yield household


@pytest.fixture
async def browser(home: Household) -> AsyncIterator[Browser]:
    async with browsing(home.app) as one:
        yield one


async def told(dba: asyncpg.Connection, event: str = "login_failed") -> list[tuple[Any, ...]]:
    rows = await dba.fetch("SELECT user_id::text, details FROM audit_logs WHERE event_type = $1 ORDER BY id", event)
    return [(row[0], json.loads(row[1])) for row in rows]


def assert_problem(response: httpx.Response, status: int, name: str) -> Any:
    assert response.status_code == status, response.text
    assert response.json()["type"] == f"/errors/{name}"
    return response.json()


# Going there


async def test_a_browser_is_sent_with_all_that_binds_its_return(browser: Browser, tricks: str) -> None:
    response = await browser.service.get("/v1/auth/google/login")
    assert response.status_code == 303
    url = urlsplit(response.headers["location"])
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{tricks}/honest/authorize"
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert {name: query.pop(name) for name in ("state", "nonce", "code_challenge")}
    assert query == {
        "response_type": "code",
        "client_id": "google",
        "redirect_uri": f"{PUBLIC_URL}/v1/auth/google/callback",
        "scope": "openid email profile",
        "code_challenge_method": "S256",
        "prompt": "select_account",
        "hd": "example.org",
    }
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("__Host-homelog_sign_in=")
    assert {part.strip().lower() for part in cookie.split(";")[1:]} == {
        "httponly", "secure", "path=/", "samesite=lax", "max-age=600",
    }  # fmt: skip


async def test_only_google_is_asked_for_a_choice_of_accounts(browser: Browser) -> None:
    assert "prompt=" not in await browser.begin("line")


@pytest.mark.parametrize("name", ["google", "line", "oidc", "github", "Google"])
async def test_a_provider_that_is_not_configured_is_not_there(settings: Settings, name: str) -> None:
    bare = msgspec.structs.replace(settings, providers={})
    async with serve(bare) as home:
        ann = await home.person("ann")
        for method, path in (
            ("GET", f"/v1/auth/{name}/login"),
            ("GET", f"/v1/auth/{name}/callback?code=1&state=1"),
            ("POST", f"/v1/auth/{name}/id-token"),
            ("POST", f"/v1/auth/{name}/complete"),
            ("POST", f"/v1/me/identities/{name}"),
        ):
            body = {"pending_token": "x", "email": "a@b"} if path.endswith("complete") else {"id_token": "x"}
            response = await ann.call(method, path, **({"json": body} if method == "POST" else {}))
            assert response.status_code == 404, path


RETURNS = {
    "/": f"{PUBLIC_URL}/",
    "/app?tab=1#top": f"{PUBLIC_URL}/app?tab=1#top",
    "app": f"{PUBLIC_URL}/app",
    "?tab=1": f"{PUBLIC_URL}/?tab=1",
    "#top": f"{PUBLIC_URL}/#top",
    "/a//b:c@d": f"{PUBLIC_URL}/a//b:c@d",
    f"{PUBLIC_URL}/x": f"{PUBLIC_URL}/x",
    "https://app.example.org": "https://app.example.org/",
    "https://app.example.org/signed-in": "https://app.example.org/signed-in",
    "https://app.example.org?next=https://evil.example.org": "https://app.example.org/?next=https://evil.example.org",
    "/" + "x" * 999: f"{PUBLIC_URL}/" + "x" * 999,
}
FOREIGN = [
    "",
    "https://evil.example.org/",
    "https:////evil.example.org/#x",
    "https:///evil.example.org/",
    "https://///evil.example.org",
    "http:////evil.example.org",
    "https:evil.example.org",
    "https:/evil.example.org",
    "https:",
    "https://",
    "http:",
    "//evil.example.org",
    "///evil.example.org",
    "////evil.example.org",
    "//homelog.test/",
    "https://homelog.test//evil.example.org",
    "https://app.example.org//evil.example.org",
    "/\\evil.example.org",
    "\\\\evil.example.org",
    "\\/evil.example.org",
    "https:\\\\evil.example.org",
    "https:/\\evil.example.org",
    "https://homelog.test\\@evil.example.org",
    "https://homelog.test\\.evil.example.org",
    "http://app.example.org/",
    "HTTPS://app.example.org/",
    "https://APP.example.org/",
    "https://app.example.org./",
    "https://app.example.org.evil.org/",
    "https://app.example.orgevil.org/",
    "https://app.example.org:443/",
    "https://app.example.org:@evil.org/",
    "https://app.example.org@evil.org/",
    "https://user@app.example.org/",
    "https://homelog.test:8443/",
    "https://homelog.test%2f@evil.org/",
    "https://homelog.test%00.evil.org/",
    "https://[::1",
    "https://[::1]/",
    "ftp://homelog.test/",
    "javascript:alert(1)",
    "javascript://homelog.test/%0aalert(1)",
    "data:text/html,x",
    "mailto:a@evil.org",
    "a:/b",
    ":80/x",
    " https://evil.example.org",
    "\thttps://evil.example.org",
    "/\t/evil.example.org",
    "/\n/evil.example.org",
    "/\r\nSet-Cookie: a=b",
    "/\0",
    "https://homelog.test\n.evil.org/",
    "https://homelog\u3002test/",
    "https://homelog\uff0etest/",
    "https://evil\uff0fhomelog.test/",
    "\uff0f\uff0fevil.example.org",
    "/\u202e",
    "/ünï",
    "/" + "x" * 1000,
    "https:" + "/" * 2000,
]


async def test_a_browser_goes_on_to_a_page_of_ours(browser: Browser) -> None:
    for return_to, page in RETURNS.items():
        response = await browser.sign_in("google", return_to=return_to)
        assert response.status_code == 303, response.text
        assert response.headers["location"] == page
        assert (await browser.service.get("/v1/me")).status_code == 200


async def test_a_browser_goes_on_to_nobody_elses_page(browser: Browser) -> None:
    for return_to in FOREIGN:
        response = await browser.service.get("/v1/auth/google/login", params={"return_to": return_to})
        assert response.status_code == 422, return_to
        assert assert_problem(response, 422, "invalid")["errors"][0]["pointer"] == "?return_to"
        assert "set-cookie" not in response.headers


ODD = st.lists(
    st.sampled_from([*"/\\:@#?.%;&=[]|\t\n ", "https", "http", "//", "homelog.test", "evil", "x"]), max_size=12
)


@given(ODD.map("".join) | st.text(max_size=40) | ODD.map(lambda parts: PUBLIC_URL + "".join(parts)))
def test_whatever_is_taken_is_a_page_of_ours(said: str) -> None:
    ours = Settings(
        database_url="", data=Path(), secret=SECRET, public_url=PUBLIC_URL, cors_origins=("https://app.example.org",)
    )
    try:
        url = page_to_return_to(ours, said)
    except Problem:
        return
    assert url is not None
    assert re.fullmatch(r"https://(homelog\.test|app\.example\.org)/(?!/)[!-Z_a-z~]*", url)
    # Whatever page it is read on.
    assert urlsplit(urljoin("https://evil.org/", url)).netloc in {"homelog.test", "app.example.org"}


# Coming back


async def test_the_first_account_is_admin_and_its_session_says_who_vouched(
    browser: Browser, dba: asyncpg.Connection
) -> None:
    response = await browser.sign_in("google")
    assert response.status_code == 200, response.text
    assert response.json().keys() == {"user"}
    assert response.json()["user"]["role"] == "admin"
    assert response.json()["user"]["email"] == "told@example.org"
    access = browser.service.cookies["__Host-homelog_access"]
    claims = json.loads(base64.urlsafe_b64decode(access.split(".")[1] + "=="))
    assert claims["auth_provider"] == "google"
    ((_, details),) = await told(dba, "login")
    assert details["provider"] == "google"
    assert [details["provider"] for _, details in await told(dba, "link_identity")] == ["google"]


async def test_who_comes_again_is_the_same_account(home: Household, browser: Browser) -> None:
    first = (await browser.sign_in("google")).json()["user"]
    async with browsing(home.app) as another:
        again = (await another.sign_in("google")).json()["user"]
    assert again["id"] == first["id"]


async def test_two_who_come_first_at_once_are_one_admin(home: Household, dba: asyncpg.Connection) -> None:
    async with browsing(home.app) as one, browsing(home.app) as two:
        ways = [await each.pass_through(await each.begin("google")) for each in (one, two)]
        answers = await asyncio.gather(one.come_back(ways[0]), two.come_back(ways[1]))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert await dba.fetchval("SELECT count(*) FROM users") == 1


async def test_the_workers_need_not_be_the_same(settings: Settings, home: Household, browser: Browser) -> None:
    url = await browser.pass_through(await browser.begin("oidc"))
    app = create_app(settings)
    async with running(app), browsing(app) as elsewhere:
        elsewhere.service.cookies = browser.service.cookies
        assert (await elsewhere.come_back(url)).status_code == 200
    assert_problem(await browser.come_back(url), 401, "unauthenticated")


async def test_a_provider_whose_id_token_tells_no_email_is_asked_for_it(
    settings: Settings, tricks: str, dba: asyncpg.Connection
) -> None:
    async with serve(told_of(settings, f"{tricks}/userinfo")) as home, browsing(home.app) as browser:
        assert (await browser.sign_in("oidc")).json()["user"]["email"] == "told@example.org"


async def test_who_cancels_is_told_so(browser: Browser, dba: asyncpg.Connection) -> None:
    (state,) = parse_qs(urlsplit(await browser.begin("line")).query)["state"]
    response = await browser.service.get("/v1/auth/line/callback", params={"state": state, "error": "access_denied"})
    assert "cancelled" in assert_problem(response, 401, "unauthenticated")["detail"]
    assert [details["reason"] for _, details in await told(dba)] == ["cancelled"]


# What a provider that lies achieves


PLACES = [(place, how) for place in ("discovery", "token", "keys") for how in ANSWERS]
TRICKS = [
    *(trick for trick in TOKENS if trick != "honest"),
    *(f"{place}_{how}" for place, how in PLACES if (place, how) not in {("discovery", "stuck"), ("token", "stuck")}),
    "discovery_of_another_issuer",
    "discovery_of_a_plain_address",
    "discovery_of_a_file",
    "discovery_of_no_address",
    "userinfo_of_another",
    "userinfo_by_no_header",
    "lifetime_beyond_time",
    "lifetime_that_is_text",
]


class Workers:
    """Two workers of one service: one sends browsers to a provider, the other has them back and knew nothing of it."""

    def __init__(self, sending: Edge, receiving: Edge, dba: asyncpg.Connection, fetcher: fetching.Fetcher) -> None:
        self.sending = sending
        self.receiving = receiving
        self.dba = dba
        self.fetcher = fetcher

    async def sign_in(self, name: str, issuer: str) -> httpx.Response:
        for app in (self.sending, self.receiving):
            app.app.state.providers = Providers(told_of(app.app.state.settings, issuer), self.fetcher)
        async with browsing(self.sending) as browser, browsing(self.receiving) as back:
            url = await browser.pass_through(await browser.begin(name))
            back.service.cookies = browser.service.cookies
            return await back.come_back(url)

    async def counted(self) -> tuple[int, int, int]:
        """How many accounts, sessions and failed sign-ins there are."""
        counts = "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM sessions), count(*) FROM audit_logs"
        row = await self.dba.fetchrow(f"{counts} WHERE event_type = 'login_failed' AND user_id IS NULL")
        assert row is not None
        return row[0], row[1], row[2]


@pytest.fixture(scope="module")
async def workers(
    server: EmbeddedPostgres, template: str, tricks: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Workers]:
    async with cloned(server, template) as name:
        plain = Settings(
            database_url=server.url("homelog_api", name),
            data=tmp_path_factory.mktemp("data"),
            secret=SECRET,
            rate_limit=0,
            maintenance_minutes=0,
        )
        sending, receiving = (create_app(told_of(plain, f"{tricks}/honest")) for _ in range(2))
        dba = await asyncpg.connect(server.url(server.superuser, name))
        fetcher = fetching.Fetcher()
        async with running(sending), running(receiving):
            yield Workers(sending, receiving, dba, fetcher)
        await fetcher.close()
        await dba.close()


@pytest.mark.parametrize("trick", TRICKS)
async def test_a_lie_opens_nothing_and_leaves_one_row(
    workers: Workers, tricks: str, monkeypatch: pytest.MonkeyPatch, trick: str
) -> None:
    if trick.endswith(("slow", "stuck", "hung_up")):
        monkeypatch.setattr(fetching, "SECONDS", 1.5)
    before = await workers.counted()
    response = await workers.sign_in("oidc" if trick.startswith("userinfo") else "google", f"{tricks}/{trick}")
    assert response.status_code in {400, 401}, response.text
    assert "set-cookie" not in response.headers
    users, sessions, failed = await workers.counted()
    assert (users, sessions, failed - before[2]) == (before[0], before[1], 1)


async def test_a_provider_has_five_seconds_for_all_that_it_is_asked(workers: Workers, tricks: str) -> None:
    began = time.monotonic()
    assert (await workers.sign_in("google", f"{tricks}/keys_slow")).status_code == 401
    # It says a byte every fifth of a second, so that no single silence is long; and machines are busy.
    assert 5 <= time.monotonic() - began < 20


async def test_an_honest_one_succeeds_by_the_same_way(workers: Workers, tricks: str) -> None:
    # Else the lies would prove nothing.
    assert (await workers.sign_in("google", f"{tricks}/honest")).status_code == 200


async def test_tokens_that_are_too_long_keep_nobody_out(
    settings: Settings, tricks: str, dba: asyncpg.Connection
) -> None:
    told = told_of(settings, f"{tricks}/long_tokens", provider_token_keys=KEYS)
    async with serve(told) as home, browsing(home.app) as browser:
        assert (await browser.sign_in("google")).status_code == 200
    assert (await kept_of(dba))[1] is None


async def test_a_state_opens_once(browser: Browser, home: Household, dba: asyncpg.Connection) -> None:
    url = await browser.pass_through(await browser.begin("google"))
    assert (await browser.come_back(url)).status_code == 200
    assert_problem(await browser.come_back(url), 401, "unauthenticated")
    assert await dba.fetchval("SELECT count(*) FROM sessions") == 1
    assert [details["reason"] for _, details in await told(dba)] == ["used before"]


async def test_a_state_that_comes_twice_at_once_opens_once(browser: Browser, dba: asyncpg.Connection) -> None:
    url = await browser.pass_through(await browser.begin("google"))
    answers = await asyncio.gather(*(browser.come_back(url) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401, 401]
    assert await dba.fetchval("SELECT count(*) FROM sessions") == 1


async def test_a_code_opens_once(browser: Browser, dba: asyncpg.Connection) -> None:
    first = parse_qs(urlsplit(await browser.pass_through(await browser.begin("google"))).query)
    assert (await browser.service.get("/v1/auth/google/callback", params=first)).status_code == 200
    (state,) = parse_qs(urlsplit(await browser.begin("google")).query)["state"]
    again = await browser.service.get("/v1/auth/google/callback", params=first | {"state": [state]})
    assert_problem(again, 401, "unauthenticated")
    assert len(await told(dba)) == 1


LIES: list[dict[str, str | None]] = [
    {"state": None},
    {"state": ""},
    {"state": "another"},
    {"state": "ü" * 1000},
    {"code": None},
    {"code": ""},
    {"code": "another"},
    {"code": "a\0b"},
    {"iss": "https://accounts.google.com"},
    {"iss": ""},
    {"error": "server_error"},
    {"error": "\0", "error_description": "<script>"},
]


@pytest.mark.parametrize("lie", LIES)
async def test_a_callback_that_lies_opens_nothing(
    browser: Browser, dba: asyncpg.Connection, lie: dict[str, str | None]
) -> None:
    url = urlsplit(await browser.pass_through(await browser.begin("google")))
    query = {name: values[0] for name, values in parse_qs(url.query).items()} | lie
    said = {name: value for name, value in query.items() if value is not None}
    response = await browser.service.get(url.path, params=said)
    assert_problem(response, 401, "unauthenticated")
    assert "script" not in response.text
    assert await dba.fetchval("SELECT count(*) FROM sessions") == 0
    assert len(await told(dba)) == 1


async def test_a_state_is_the_browsers_that_began(home: Household, browser: Browser, dba: asyncpg.Connection) -> None:
    url = await browser.pass_through(await browser.begin("google"))
    async with browsing(home.app) as another:
        assert_problem(await another.come_back(url), 401, "unauthenticated")
        await another.begin("google")
        assert_problem(await another.come_back(url), 401, "unauthenticated")
    assert await dba.fetchval("SELECT count(*) FROM sessions") == 0
    assert len(await told(dba)) == 2
    assert (await browser.come_back(url)).status_code == 200


async def test_a_state_is_for_one_provider(browser: Browser, dba: asyncpg.Connection) -> None:
    url = await browser.pass_through(await browser.begin("google"))
    assert_problem(await browser.come_back(url.replace("/google/", "/oidc/")), 401, "unauthenticated")
    assert await dba.fetchval("SELECT count(*) FROM sessions") == 0


@pytest.mark.parametrize("cookie", ["", "x", "x.y", "00000000.AAAA", "ü", "." * 5000])
async def test_a_cookie_that_is_not_ours_is_none(home: Household, dba: asyncpg.Connection, cookie: str) -> None:
    response = await home.client.get(
        "/v1/auth/google/callback?code=1&state=1",
        headers={b"Cookie": f"__Host-homelog_sign_in={cookie}".encode()},
    )
    assert_problem(response, 401, "unauthenticated")
    assert len(await told(dba)) == 1


async def test_a_state_is_forgotten_in_time(
    browser: Browser, dba: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = await browser.pass_through(await browser.begin("google"))
    now = time.time()
    with monkeypatch.context() as later:
        later.setattr("service.providers.tickets.time.time", lambda: now + 601)
        assert_problem(await browser.come_back(url), 401, "unauthenticated")
    assert len(await told(dba)) == 1


async def test_an_unknown_key_has_the_keys_fetched_once_in_a_while(
    home: Household, tricks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = home.app.app.state.providers.named("oidc")
    fetched = []
    get = asked._fetcher.get

    async def counting(url: str, *args: Any, **options: Any) -> Any:
        fetched.append(url)
        return await get(url, *args, **options)

    monkeypatch.setattr(asked._fetcher, "get", counting)
    async with browsing(home.app) as browser:
        assert (await browser.sign_in("oidc")).status_code == 200
        before = len(fetched)
        forged = {"id_token": TOKENS["unknown_key"]({"iss": f"{tricks}/honest", "aud": "oidc", "sub": "x"})}
        for _ in range(5):
            response = await browser.service.post("/v1/auth/oidc/id-token", json=forged)
            assert_problem(response, 401, "unauthenticated")
        assert len(fetched) == before
        monkeypatch.setattr(providers, "REFETCH_SECONDS", -1.0)
        await browser.service.post("/v1/auth/oidc/id-token", json=forged)
        assert len(fetched) == before + 1


class Asked:
    """What a provider is asked for, and whether it answers."""

    def __init__(self, home: Household, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.urls: list[str] = []
        self.is_down = False
        self.began = asyncio.Event()
        fetcher = home.app.app.state.providers.named(name)._fetcher
        self._get = fetcher.get
        monkeypatch.setattr(fetcher, "get", self.get)

    async def get(self, url: str, *args: Any, **options: Any) -> Any:
        self.urls.append(url)
        self.began.set()
        await asyncio.sleep(0.01)
        if self.is_down:
            raise fetching.ProviderDown("cannot be reached")
        return await self._get(url, *args, **options)


async def test_a_provider_that_is_down_is_asked_once_in_a_while(
    home: Household, tricks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each who would sign in has it asked, and waits for it as long as it is waited for."""
    asked = Asked(home, "oidc", monkeypatch)
    asked.is_down = True
    token = await id_token_of(tricks)
    for _ in range(3):
        answers = await asyncio.gather(
            *(home.client.get("/v1/auth/oidc/login") for _ in range(5)), post_token(home, "oidc", token)
        )
        assert {answer.status_code for answer in answers} == {503}
    assert len(asked.urls) == 1
    asked.is_down = False
    assert (await home.client.get("/v1/auth/oidc/login")).status_code == 503
    monkeypatch.setattr(published, "FAILED_SECONDS", -1.0)
    assert (await home.client.get("/v1/auth/oidc/login")).status_code == 303
    assert (await post_token(home, "oidc", token)).status_code == 200
    assert len(asked.urls) == 3


async def test_what_is_known_of_a_provider_holds_while_it_is_down(
    home: Household, tricks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked(home, "oidc", monkeypatch)
    token = await id_token_of(tricks)
    assert (await post_token(home, "oidc", token)).status_code == 200
    asked.is_down = True
    monkeypatch.setattr(providers, "REFETCH_SECONDS", -1.0)
    forged = TOKENS["unknown_key"]({"iss": f"{tricks}/honest", "aud": "oidc", "sub": "x"})
    for _ in range(3):
        assert_problem(await post_token(home, "oidc", forged), 503, "unavailable")
    # Whoever brings a key that nobody has heard of keeps nobody else out.
    assert (await post_token(home, "oidc", token)).status_code == 200
    assert len(asked.urls) == 3


async def test_who_goes_away_takes_the_answer_from_nobody(
    home: Household, tricks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked(home, "oidc", monkeypatch)
    oidc = home.app.app.state.providers.named("oidc")
    first = asyncio.create_task(oidc.vouched(await id_token_of(tricks), None))
    await asked.began.wait()
    first.cancel()
    assert (await home.client.get("/v1/auth/oidc/login")).status_code == 303
    assert len(asked.urls) <= 2


# Phones


async def id_token_of(tricks: str, client: str = "oidc", trick: str = "honest", **claims: Any) -> str:
    """What the honest provider gives an app: by its own pages, as it keeps its key to itself."""
    async with httpx.AsyncClient(trust_env=False) as app:
        query = {"client_id": client, "redirect_uri": "app:/", "nonce": "n", "state": "s"}
        query["code_challenge"] = base64.urlsafe_b64encode(hashlib.sha256(b"v").digest()).decode().rstrip("=")
        sent = await app.get(f"{tricks}/{trick}/authorize", params=query | claims)
        (code,) = parse_qs(urlsplit(sent.headers["location"]).query)["code"]
        form = {"code": code, "code_verifier": "v", "redirect_uri": "app:/"}
        return str((await app.post(f"{tricks}/{trick}/token", data=form)).json()["id_token"])


async def test_a_phone_signs_in_by_its_id_token(home: Household, tricks: str) -> None:
    token = await id_token_of(tricks)
    for body in ({"id_token": token}, {"id_token": token, "nonce": "n"}):
        response = await home.client.post("/v1/auth/oidc/id-token", json=body)
        assert response.status_code == 200, response.text
        ann = Person(home.client, "ann", response.json())
        assert (await ann.get("/v1/me")).json()["email"] == "told@example.org"


async def test_a_phone_may_be_another_client_of_ours(home: Household, tricks: str) -> None:
    assert (await post_token(home, "oidc", await id_token_of(tricks, "phone"))).status_code == 200
    assert_problem(await post_token(home, "oidc", await id_token_of(tricks, "tablet")), 401, "unauthenticated")
    # Another client's ID token is for phones alone: a browser's is the web client's.
    assert_problem(await post_token(home, "google", await id_token_of(tricks, "phone")), 401, "unauthenticated")


async def test_a_nonce_that_is_said_has_to_be_in_the_token(
    home: Household, tricks: str, dba: asyncpg.Connection
) -> None:
    body = {"id_token": await id_token_of(tricks), "nonce": "another"}
    assert_problem(await home.client.post("/v1/auth/oidc/id-token", json=body), 401, "unauthenticated")
    assert await told(dba) == [(None, {"provider": "oidc", "reason": "nonce"})]


async def test_a_page_may_have_it_in_cookies(browser: Browser, tricks: str) -> None:
    body = {"id_token": await id_token_of(tricks), "cookies": True}
    foreign = {"Origin": "https://evil.example.org"}
    assert_problem(await browser.service.post("/v1/auth/oidc/id-token", json=body, headers=foreign), 403, "csrf")
    response = await browser.service.post("/v1/auth/oidc/id-token", json=body)
    assert response.json().keys() == {"user"}
    assert (await browser.service.get("/v1/me")).status_code == 200


@pytest.mark.parametrize("body", [{}, {"id_token": 1}, {"id_token": "x" * 20_000}, {"id_token": "x", "user_id": "y"}])
async def test_a_body_that_does_not_fit_is_refused(home: Household, body: dict[str, Any]) -> None:
    assert_problem(await home.client.post("/v1/auth/oidc/id-token", json=body), 422, "invalid")


async def test_a_provider_that_is_down_may_be_tried_again(
    settings: Settings, tricks: str, dba: asyncpg.Connection
) -> None:
    async with serve(told_of(settings, f"{tricks}/keys_broken")) as home:
        token = await id_token_of(tricks)
        response = await post_token(home, "oidc", token)
        assert_problem(response, 503, "unavailable")
        assert response.headers["retry-after"]
    async with serve(told_of(settings, "http://127.0.0.1:9")) as home:
        assert_problem(await home.client.get("/v1/auth/oidc/login"), 503, "unavailable")
    assert [details["reason"] for _, details in await told(dba)] == ["answered 500"]


@pytest.mark.parametrize(
    ("issuer", "step", "reason", "detail"),
    [
        ("http://127.0.0.1:9", "discovery", "cannot connect: ", "Our own cannot be reached; try again."),
        ("{}/honest/nowhere", "discovery", "answered 404", "misconfigured"),
        ("{}/honest/", "discovery", "the document says issuer '{0}/honest', the setting says '{0}/honest/'", "misconf"),
        ("{}/keys_html", "keys", "answered nothing that can be read", "misconfigured"),
        ("{}/keys_broken", "keys", "answered 500", "Our own cannot be reached; try again."),
        ("{}/keys_stuck", "keys", "no answer in time", "Our own cannot be reached; try again."),
    ],
)
async def test_why_a_provider_cannot_be_used_is_logged_for_the_operator(
    settings: Settings, tricks: str, monkeypatch: pytest.MonkeyPatch, issuer: str, step: str, reason: str, detail: str
) -> None:
    monkeypatch.setattr(fetching, "SECONDS", 2.0)
    issuer = issuer.format(tricks)
    logger = structlog.testing.CapturingLogger()
    monkeypatch.setattr(providers, "log", logger)
    async with serve(told_of(settings, issuer)) as home:
        # A browser is stopped before it is sent away, a phone at the keys.
        token = await id_token_of(tricks)
        said = await (home.client.get("/v1/auth/oidc/login") if step != "keys" else post_token(home, "oidc", token))
    problem = assert_problem(said, 503, "unavailable")
    assert detail in problem["detail"]
    assert said.headers["retry-after"]
    (call,) = logger.calls
    assert (call.method_name, call.args) == ("warning", ("provider failed",))
    assert (call.kwargs["provider"], call.kwargs["step"]) == ("oidc", step)
    assert call.kwargs["address"].startswith(issuer.rstrip("/"))
    assert call.kwargs["reason"].startswith(reason.format(tricks))
    assert token not in str(logger.calls)


async def post_token(home: Household, name: str, token: str) -> httpx.Response:
    return await home.client.post(f"/v1/auth/{name}/id-token", json={"id_token": token})


# LINE, whose people need not have an e-mail


async def test_who_has_no_email_is_asked_for_one(home: Household, tricks: str, dba: asyncpg.Connection) -> None:
    problem = assert_problem(await post_token(home, "line", line_token(f"{tricks}/honest")), 422, "email_required")
    assert await dba.fetchval("SELECT count(*) FROM users") == 0
    body = {"pending_token": problem["pending_token"], "email": "ann@example.org"}
    response = await home.client.post("/v1/auth/line/complete", json=body)
    assert response.status_code == 200, response.text
    assert response.json()["user"]["email"] == "ann@example.org"
    assert response.json()["user"]["display_name"] == "Ann"
    assert_problem(await home.client.post("/v1/auth/line/complete", json=body), 401, "unauthenticated")
    again = await post_token(home, "line", line_token(f"{tricks}/honest"))
    assert again.json()["user"]["id"] == response.json()["user"]["id"]
    assert [details["reason"] for _, details in await told(dba)] == ["used before"]


@pytest.mark.parametrize("email", ["@", "a@", "@b", "a b@x.org", "a@b@c", "a@x.org ", "x" * 250 + "@x.org"])
async def test_an_email_that_no_account_can_have_is_none(home: Household, tricks: str, email: str) -> None:
    token = line_token(f"{tricks}/honest", email=email)
    assert_problem(await post_token(home, "line", token), 422, "email_required")


async def test_what_the_database_refuses_is_a_failed_sign_in(
    home: Household, tricks: str, dba: asyncpg.Connection
) -> None:
    pending = (await post_token(home, "line", line_token(f"{tricks}/honest"))).json()["pending_token"]
    body = {"pending_token": pending, "email": "none"}
    assert_problem(await home.client.post("/v1/auth/line/complete", json=body), 422, "invalid")
    assert [details["reason"] for _, details in await told(dba)] == ["invalid"]


async def test_an_email_that_is_typed_joins_no_account(home: Household, tricks: str) -> None:
    await home.person("ann")
    pending = (await post_token(home, "line", line_token(f"{tricks}/honest"))).json()["pending_token"]
    for email, status in (("ANN@example.org", 409), ("none", 422), ("x" * 300, 422), ("other@example.org", 200)):
        body = {"pending_token": pending, "email": email}
        response = await home.client.post("/v1/auth/line/complete", json=body)
        assert response.status_code == status, response.text


async def test_a_pending_token_is_for_its_provider(home: Household, tricks: str) -> None:
    pending = (await post_token(home, "line", line_token(f"{tricks}/honest"))).json()["pending_token"]
    for name, token in (("google", pending), ("line", pending[:-2] + "AA"), ("line", "x"), ("line", "")):
        body = {"pending_token": token, "email": "ann@example.org"}
        assert_problem(await home.client.post(f"/v1/auth/{name}/complete", json=body), 401, "unauthenticated")


async def test_a_browser_takes_the_pending_token_to_its_page(settings: Settings, tricks: str) -> None:
    async with serve(told_of(settings, f"{tricks}/userinfo")) as home, browsing(home.app) as browser:
        response = await browser.sign_in("google", return_to="app#old")
        assert response.status_code == 303
        where, _, said = response.headers["location"].partition("#")
        assert where == f"{PUBLIC_URL}/app"
        assert "old" not in said
        fields = parse_qs(said)
        assert fields["error"] == ["email_required"]
        body = {"pending_token": fields["pending_token"][0], "email": "ann@example.org", "cookies": True}
        assert (await browser.service.post("/v1/auth/google/complete", json=body)).status_code == 200


# Accounts that are there


async def test_an_email_alone_joins_no_account(home: Household, browser: Browser, dba: asyncpg.Connection) -> None:
    await home.person("told")
    problem = assert_problem(await browser.sign_in("google"), 409, "email_taken")
    assert "link Google" in problem["detail"]
    assert await dba.fetchval("SELECT count(*) FROM user_oauth_identities") == 0
    assert await dba.fetchval("SELECT count(*) FROM sessions") == 1
    assert [details["reason"] for _, details in await told(dba)] == ["email_taken"]


async def test_where_registration_is_closed_no_provider_opens_it(
    settings: Settings, tricks: str, dba: asyncpg.Connection
) -> None:
    closed = msgspec.structs.replace(settings, registration="closed")
    async with serve(closed) as home, browsing(home.app) as browser:
        assert_problem(await browser.sign_in("google"), 403, "forbidden")
        assert_problem(await post_token(home, "line", line_token(f"{tricks}/honest")), 403, "forbidden")
    assert await dba.fetchval("SELECT count(*) FROM users") == 0
    assert len(await told(dba, "access_denied")) == 2
    assert await told(dba) == []


async def test_who_has_an_account_comes_in_though_registration_is_closed(
    settings: Settings, home: Household, browser: Browser
) -> None:
    user = (await browser.sign_in("google")).json()["user"]
    async with serve(msgspec.structs.replace(settings, registration="closed")) as closed, browsing(closed.app) as again:
        assert (await again.sign_in("google")).json()["user"]["id"] == user["id"]


async def test_an_account_that_is_not_active_stays_shut(
    home: Household, browser: Browser, dba: asyncpg.Connection
) -> None:
    await home.person("keeper")
    user = (await browser.sign_in("google")).json()["user"]
    await dba.execute("UPDATE users SET is_active = false WHERE id = $1", user["id"])
    assert_problem(await browser.sign_in("google"), 401, "unauthenticated")
    assert await told(dba) == [(user["id"], {"provider": "google", "reason": "unauthenticated"})]


async def test_another_issuers_subject_of_the_same_name_is_somebody_else(
    settings: Settings, home: Household, browser: Browser, tricks: str
) -> None:
    assert (await browser.sign_in("oidc")).status_code == 200
    async with serve(told_of(settings, f"{tricks}/honest_too")) as moved, browsing(moved.app) as stranger:
        assert (await stranger.sign_in("oidc")).status_code == 409


# Linking


async def test_an_identity_is_linked_and_opens_the_account(
    home: Household, tricks: str, dba: asyncpg.Connection
) -> None:
    ann = await home.person("ann")
    body = {"id_token": line_token(f"{tricks}/honest")}
    response = await ann.post("/v1/me/identities/line", body)
    assert response.status_code == 201, response.text
    assert response.headers["location"] == "/v1/me/identities/line"
    shown = response.json()
    assert {name: shown[name] for name in ("provider", "provider_user_id", "name", "email")} == {
        "provider": "line", "provider_user_id": "U1", "name": "Ann", "email": None,
    }  # fmt: skip
    again = await ann.post("/v1/me/identities/line", body)
    assert (again.status_code, again.json()) == (200, shown)
    assert (await ann.get("/v1/me/identities")).json() == {"items": [shown], "next_cursor": None}
    assert (await ann.get("/v1/me/identities/line")).json() == shown
    signed_in = await post_token(home, "line", line_token(f"{tricks}/honest"))
    assert signed_in.json()["user"]["id"] == ann.id
    assert await told(dba, "link_identity") == [(ann.id, {"id": shown["id"], "user_id": ann.id, "provider": "line"})]


async def test_an_identity_opens_one_account(home: Household, tricks: str) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    await ann.made("/v1/me/identities/line", id_token=line_token(f"{tricks}/honest"))
    response = await ben.post("/v1/me/identities/line", {"id_token": line_token(f"{tricks}/honest")})
    assert assert_problem(response, 409, "conflict")["detail"] == "This identity already opens an account."
    other = await ann.post("/v1/me/identities/line", {"id_token": line_token(f"{tricks}/honest", sub="U2")})
    assert "already has an identity of this provider" in assert_problem(other, 409, "conflict")["detail"]
    assert (await ben.get("/v1/me/identities")).json()["items"] == []


async def test_linking_needs_a_fresh_sign_in(home: Household, tricks: str, dba: asyncpg.Connection) -> None:
    """Who has somebody's session must not give themselves a way in that outlives it."""
    ann = await by_line(home, tricks)
    await dba.execute("UPDATE sessions SET created_at = now() - interval '11 minutes'")
    mallory = {"id_token": await id_token_of(tricks)}
    refused = assert_problem(await ann.post("/v1/me/identities/oidc", mallory), 403, "forbidden")
    assert "sign in again" in refused["detail"]
    assert [who for who, _ in await told(dba, "access_denied")] == [ann.id]
    assert await dba.fetchval("SELECT count(*) FROM user_oauth_identities") == 1
    assert (await post_token(home, "oidc", mallory["id_token"])).json()["user"]["id"] != ann.id
    # What is linked is told again: nothing comes of it.
    again = await ann.post("/v1/me/identities/line", {"id_token": line_token(f"{tricks}/honest")})
    assert again.status_code == 200


async def test_refreshing_does_not_make_a_session_fresh(home: Household, tricks: str, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    await dba.execute("UPDATE sessions SET created_at = now() - interval '11 minutes'")
    body = {"refresh_token": ann.login["refresh_token"]}
    later = Person(home.client, "ann", (await home.client.post("/v1/auth/refresh", json=body)).json())
    token = {"id_token": line_token(f"{tricks}/honest")}
    assert_problem(await later.post("/v1/me/identities/line", token), 403, "forbidden")
    account = {"email": ann.email, "password": PASSWORD}
    anew = Person(home.client, "ann", (await home.client.post("/v1/auth/login", json=account)).json())
    assert (await anew.post("/v1/me/identities/line", token)).status_code == 201


async def test_a_new_password_ends_sessions_and_no_other_way_in(home: Household, tricks: str) -> None:
    keeper, ann = await home.person("keeper"), await home.person("ann")
    token = {"id_token": line_token(f"{tricks}/honest")}
    await ann.made("/v1/me/identities/line", **token)
    made = await ann.made("/v1/me/tokens", name="Sensor", scopes=["read:data"])
    calendar = (await ann.made("/v1/me/calendar-link"))["url"]
    device = {"Authorization": f"Bearer {made['token']}"}
    elsewhere = Person(home.client, "ann", (await post_token(home, "line", token["id_token"])).json())

    async def open_ways() -> list[int]:
        by_line = Person(home.client, "ann", (await post_token(home, "line", token["id_token"])).json())
        return [
            (await home.client.get("/v1/sources", headers=device)).status_code,
            (await home.client.get(calendar)).status_code,
            (await by_line.get("/v1/me")).status_code,
        ]

    new = {"current_password": PASSWORD, "new_password": "quite another phrase"}
    assert (await ann.put("/v1/me/password", new)).status_code == 204
    assert (await elsewhere.get("/v1/me")).status_code == 401
    assert await open_ways() == [200, 200, 200]
    # An admin's reset shuts them until the temporary password is changed, and takes none away.
    temporary = (await keeper.post(f"/v1/users/{ann.id}/password-reset")).json()["temporary_password"]
    assert await open_ways() == [403, 404, 403]
    account = {"email": ann.email, "password": temporary}
    own = Person(home.client, "ann", (await home.client.post("/v1/auth/login", json=account)).json())
    new = {"current_password": temporary, "new_password": "yet another long phrase"}
    assert (await own.put("/v1/me/password", new)).status_code == 204
    assert await open_ways() == [200, 200, 200]


async def test_a_bad_token_links_nothing_and_is_noted(home: Household, tricks: str, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    for bad in ({"aud": "another"}, {"exp": 1}, {"iss": "https://access.line.me"}):
        response = await ann.post("/v1/me/identities/line", {"id_token": line_token(f"{tricks}/honest", **bad)})
        assert assert_problem(response, 422, "invalid")["errors"][0]["pointer"] == "/id_token"
    assert [who for who, _ in await told(dba, "link_identity_failed")] == [ann.id] * 3


async def test_unlinking_ends_what_the_identity_opened(home: Household, tricks: str, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    await ann.made("/v1/me/identities/line", id_token=line_token(f"{tricks}/honest"))
    phone = Person(home.client, "ann", (await post_token(home, "line", line_token(f"{tricks}/honest"))).json())
    assert (await ann.delete("/v1/me/identities/line")).status_code == 204
    assert (await phone.get("/v1/me")).status_code == 401
    assert (await ann.get("/v1/me")).status_code == 200
    assert (await ann.delete("/v1/me/identities/line")).status_code == 404
    assert (await ann.get("/v1/me/identities/line")).status_code == 404
    assert len(await told(dba, "unlink_identity")) == 1


async def test_the_last_way_in_stays(home: Household, tricks: str, dba: asyncpg.Connection) -> None:
    pending = (await post_token(home, "line", line_token(f"{tricks}/honest"))).json()["pending_token"]
    made = await home.client.post("/v1/auth/line/complete", json={"pending_token": pending, "email": "ann@example.org"})
    ann = Person(home.client, "ann", made.json())
    problem = assert_problem(await ann.delete("/v1/me/identities/line"), 409, "conflict")
    assert "only way into your account" in problem["detail"]
    await ann.made("/v1/me/identities/oidc", id_token=await id_token_of(tricks))
    gone = await asyncio.gather(*(ann.delete(f"/v1/me/identities/{name}") for name in ("line", "oidc")))
    assert sorted(answer.status_code for answer in gone) == [204, 409]
    assert await dba.fetchval("SELECT count(*) FROM user_oauth_identities") == 1
    assert (await ann.delete("/v1/me")).status_code == 204


NEW = {"new_password": "quite another phrase"}


async def by_line(home: Household, tricks: str, email: str = "ann@example.org") -> Person:
    """Somebody who signed in with LINE and has no password."""
    pending = (await post_token(home, "line", line_token(f"{tricks}/honest"))).json().get("pending_token")
    if pending is None:
        return Person(home.client, "ann", (await post_token(home, "line", line_token(f"{tricks}/honest"))).json())
    made = await home.client.post("/v1/auth/line/complete", json={"pending_token": pending, "email": email})
    assert made.status_code == 200, made.text
    return Person(home.client, "ann", made.json())


async def test_who_signed_in_by_a_provider_may_set_a_first_password(
    home: Household, tricks: str, dba: asyncpg.Connection
) -> None:
    ann = await by_line(home, tricks)
    elsewhere = await by_line(home, tricks)
    assert (await ann.put("/v1/me/password", NEW)).status_code == 204
    # From now on it is a password like any other: it signs in, ends other sessions, and is asked for.
    account = {"email": "ann@example.org", "password": NEW["new_password"]}
    assert (await home.client.post("/v1/auth/login", json=account)).status_code == 200
    assert (await ann.get("/v1/me")).status_code == 200
    assert (await elsewhere.get("/v1/me")).status_code == 401
    problem = assert_problem(await ann.put("/v1/me/password", NEW), 422, "invalid")
    assert [error["pointer"] for error in problem["errors"]] == ["/current_password"]
    assert await told(dba, "change_password") == [(ann.id, {})]
    assert (await ann.delete("/v1/me/identities/line")).status_code == 204


async def test_a_first_password_needs_a_fresh_sign_in_and_is_no_guessable_one(
    home: Household, tricks: str, dba: asyncpg.Connection
) -> None:
    ann = await by_line(home, tricks)
    for guessable in ("short", "ann@example.org", "passwordpassword"):
        response = await ann.put("/v1/me/password", {"new_password": guessable})
        assert assert_problem(response, 422, "invalid")["errors"][0]["pointer"] == "/new_password"
    # Where there is none, none is right.
    problem = assert_problem(await ann.put("/v1/me/password", {**NEW, "current_password": ""}), 422, "invalid")
    assert [error["pointer"] for error in problem["errors"]] == ["/current_password"]
    await dba.execute("UPDATE sessions SET created_at = now() - interval '11 minutes'")
    assert "sign in again" in assert_problem(await ann.put("/v1/me/password", NEW), 403, "forbidden")["detail"]
    assert [who for who, _ in await told(dba, "access_denied")] == [ann.id]
    assert await dba.fetchval("SELECT count(*) FROM user_passwords") == 0
    again = await by_line(home, tricks)
    assert (await again.put("/v1/me/password", NEW)).status_code == 204


async def test_of_two_first_passwords_at_once_one_is_set(home: Household, tricks: str) -> None:
    ann, elsewhere = await by_line(home, tricks), await by_line(home, tricks)
    bodies = [{"new_password": f"quite another phrase {n}"} for n in range(2)]
    answers = await asyncio.gather(
        *(each.put("/v1/me/password", body) for each, body in zip((ann, elsewhere), bodies, strict=True))
    )
    assert 204 in {answer.status_code for answer in answers}
    accounts = [{"email": "ann@example.org", "password": body["new_password"]} for body in bodies]
    opened = [(await home.client.post("/v1/auth/login", json=account)).status_code for account in accounts]
    assert opened == [200 if answer.status_code == 204 else 401 for answer in answers]


async def test_an_identity_is_unlinked_in_the_version_that_was_seen(home: Household, tricks: str) -> None:
    ann = await home.person("ann")
    response = await ann.post("/v1/me/identities/line", {"id_token": line_token(f"{tricks}/honest")})
    stale = await ann.delete("/v1/me/identities/line", headers={"If-Match": '"1-abc"'})
    assert stale.status_code == 412
    fresh = {"If-Match": response.headers["etag"]}
    assert (await ann.delete("/v1/me/identities/line", headers=fresh)).status_code == 204


# What is kept


async def kept_of(dba: asyncpg.Connection) -> tuple[Any, Any]:
    row = await dba.fetchrow("SELECT id, access_token FROM user_oauth_identities")
    assert row is not None
    return row[0], row[1]


async def test_tokens_of_a_provider_are_kept_only_where_a_key_says_so(
    settings: Settings, tricks: str, dba: asyncpg.Connection
) -> None:
    async with serve(settings) as home, browsing(home.app) as browser:
        assert (await browser.sign_in("oidc")).status_code == 200
    identity, kept = await kept_of(dba)
    assert kept is None
    old = told_of(settings, f"{tricks}/honest", provider_token_keys=KEYS[1:])
    async with serve(old) as home, browsing(home.app) as browser:
        assert (await browser.sign_in("oidc")).status_code == 200
    _, kept = await kept_of(dba)
    assert "access" not in kept
    bound = f"{identity} access_token"
    # A key that came since opens what the one before it sealed; nothing opens for another row, column or key.
    assert Sealer(KEYS).open(kept, bound=bound) == b"access"
    assert Sealer(KEYS[:1]).open(kept, bound=bound) is None
    assert Sealer(KEYS).open(kept, bound=f"{identity} refresh_token") is None
    assert Sealer(KEYS).open(kept[:-3] + "AAA", bound=bound) is None
    both = told_of(settings, f"{tricks}/honest", provider_token_keys=KEYS)
    async with serve(both) as home, browsing(home.app) as browser:
        assert (await browser.sign_in("oidc")).status_code == 200
    _, kept = await kept_of(dba)
    assert Sealer(KEYS[:1]).open(kept, bound=bound) == b"access"
    assert await dba.fetchval("SELECT count(*) FROM audit_logs WHERE details::text ~ 'access'") == 0


async def test_spent_tickets_are_forgotten(browser: Browser, dba: asyncpg.Connection) -> None:
    assert (await browser.sign_in("google")).status_code == 200
    assert await dba.fetchval("SELECT count(*) FROM spent_tickets") == 1
    await dba.execute("UPDATE spent_tickets SET expires_at = now() - interval '2 hours'")
    assert (await browser.sign_in("google")).status_code == 200
    assert await dba.fetchval("SELECT count(*) FROM spent_tickets") == 1
