"""Browsers: signing in by cookies, and that no page of somebody else acts through them."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import msgspec
import pytest

from service.app import create_app
from service.settings import Settings
from tests.people import PASSWORD, Browser, Household, Person, serve

ACCESS, REFRESH, CSRF = (f"__Host-homelog_{name}" for name in ("access", "refresh", "csrf"))
NOWHERE = str(uuid4())


@pytest.fixture
async def ann(home: Household) -> AsyncIterator[Browser]:
    """Ann at her browser, signed in by cookies alone."""
    await home.person("ann")
    async with home.browser("ann") as browser:
        assert (await browser.sign_in()).status_code == 200
        yield browser


def set_by(response: httpx.Response) -> dict[str, dict[str, Any]]:
    """The cookies that an answer sets, each with what it says of it."""
    found = {}
    for header in response.headers.get_list("set-cookie"):
        ((name, morsel),) = SimpleCookie(header).items()
        found[name] = {key: value for key, value in morsel.items() if value} | {"value": morsel.value}
    return found


def with_cookies(**cookies: str) -> dict[str, str]:
    return {"Cookie": "; ".join(f"__Host-homelog_{name}={value}" for name, value in cookies.items())}


# Signing in


async def test_a_sign_in_by_cookies_says_who_it_is_and_no_token(home: Household) -> None:
    signed_in = await home.person("ann")
    async with home.browser("ann") as ann:
        response = await ann.sign_in()

    assert response.status_code == 200
    assert list(response.json()) == ["user"]
    assert response.json()["user"]["id"] == signed_in.id
    assert response.headers["cache-control"] == "no-store"
    for secret in (ann.cookie("access"), ann.cookie("refresh")):
        assert secret not in response.text
        assert secret not in str(response.url)


async def test_its_cookies_are_for_this_host_for_https_and_for_its_own_pages(home: Household) -> None:
    await home.person("ann")
    async with home.browser("ann") as ann:
        cookies = set_by(await ann.sign_in())

    everywhere = {"path": "/", "secure": True, "samesite": "strict"}
    assert cookies == {
        ACCESS: everywhere | {"httponly": True, "max-age": "3600", "value": ann.cookie("access")},
        REFRESH: everywhere | {"httponly": True, "max-age": "604800", "value": ann.cookie("refresh")},
        CSRF: everywhere | {"max-age": "604800", "value": ann.cookie("csrf")},
    }
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", ann.cookie("access"))
    assert re.fullmatch(r"hr_[\w-]{43}", ann.cookie("refresh"))
    assert re.fullmatch(r"[\w-]{43}", ann.cookie("csrf"))


async def test_without_asking_for_them_nobody_gets_cookies(home: Household) -> None:
    ann = await home.person("ann")

    for cookies in ({}, {"cookies": False}):
        response = await home.nobody.post("/v1/auth/login", {"email": ann.email, "password": PASSWORD, **cookies})
        assert "access_token" in response.json()
        assert "set-cookie" not in response.headers
        assert "x-csrf-token" not in response.headers


async def test_a_browser_reads_and_writes(ann: Browser) -> None:
    assert (await ann.get("/v1/me")).json()["email"] == ann.email
    source = await ann.source()
    path = f"/v1/sources/{source['id']}"
    assert (await ann.post(f"{path}/readings", {"value": 1})).status_code == 201
    assert (await ann.patch(path, {"name": "Renamed"})).json()["name"] == "Renamed"
    assert (await ann.delete(path)).status_code == 204
    assert [each["current"] for each in (await ann.get("/v1/me/sessions")).json()["items"]] == [False, True]


async def test_a_page_of_another_origin_learns_its_proof_from_a_header(ann: Browser) -> None:
    assert (await ann.sign_in()).headers["x-csrf-token"] == ann.cookie("csrf")
    assert (await ann.post("/v1/auth/refresh")).headers["x-csrf-token"] == ann.cookie("csrf")


async def test_a_failed_sign_in_sets_nothing(home: Household) -> None:
    await home.person("ann")
    async with home.browser("ann") as ann:
        response = await ann.sign_in(password="not the right one")

    assert response.status_code == 401
    assert "set-cookie" not in response.headers


# Writes that a page of somebody else sends

DOCUMENT = create_app(Settings(data=Path(), secret="x" * 40)).app.openapi_schema.to_schema()
SIGNED_WRITES = [
    (method.upper(), re.sub(r"\{\w+\}", NOWHERE, path))
    for path, operations in DOCUMENT["paths"].items()
    for method in operations
    if method != "get" and path.startswith("/v1/") and not path.startswith("/v1/auth/")
]


@pytest.mark.parametrize(("method", "path"), SIGNED_WRITES)
async def test_a_write_that_cookies_sign_needs_the_proof(ann: Browser, method: str, path: str) -> None:
    response = await ann.call(method, path, csrf=None, json={})

    assert (response.status_code, response.json()["type"]) == (403, "/errors/csrf")
    assert (await ann.get("/v1/me")).status_code == 200


async def forged_proofs(home: Household, ann: Browser) -> list[tuple[str | None, str | None]]:
    """What a page of somebody else may bring: the header, and a cookie that it planted."""
    await home.person("eve")
    async with home.browser("eve") as eve:
        await eve.sign_in()
        evil = eve.cookie("csrf")
    good = ann.cookie("csrf")
    return [
        (None, good),
        (good, None),
        ("", ""),
        ("x", "x"),
        (evil, evil),
        (evil, good),
        (good, evil),
        (good[:-1], good),
        (f"{good}=", good),
        (f"{good}, {good}", good),
        ("é", good),
        (ann.cookie("refresh"), ann.cookie("refresh")),
    ]


async def test_a_proof_is_the_sessions_own_in_header_and_cookie(home: Household, ann: Browser) -> None:
    for header, cookie in await forged_proofs(home, ann):
        cookies = {"access": ann.cookie("access")} | ({CSRF.removeprefix("__Host-homelog_"): cookie} if cookie else {})
        headers = {**with_cookies(**cookies), **({"X-CSRF-Token": header} if header is not None else {})}
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        response = await home.client.post("/v1/homes", json={"name": "Home"}, headers=raw)
        assert response.status_code == 403, (header, cookie)
    assert (await ann.get("/v1/homes")).json()["items"] == []


async def test_the_proof_of_one_session_is_none_for_another_of_the_same_person(home: Household, ann: Browser) -> None:
    async with home.browser("ann") as elsewhere:
        await elsewhere.sign_in()
        assert elsewhere.cookie("csrf") != ann.cookie("csrf")
        response = await elsewhere.call("PATCH", "/v1/me", csrf=ann.cookie("csrf"), json={"display_name": "Eve"})

    assert response.status_code == 403


async def test_a_write_without_proof_changes_nothing_and_is_audited(
    home: Household, ann: Browser, dba: asyncpg.Connection
) -> None:
    assert (await ann.call("PATCH", "/v1/me", csrf=None, json={"display_name": "Eve"})).status_code == 403

    assert (await ann.get("/v1/me")).json()["display_name"] == "Ann"
    last = await dba.fetchrow(
        "SELECT u.email, a.event_type FROM audit_logs AS a JOIN users AS u ON u.id = a.user_id"
        " ORDER BY a.id DESC LIMIT 1"
    )
    assert tuple(last or ()) == (ann.email, "access_denied")


async def test_reading_needs_no_proof(ann: Browser) -> None:
    for method in ("GET", "HEAD"):
        assert (await ann.call(method, "/v1/me", csrf=None)).status_code in {200, 405}


async def test_who_sends_an_access_token_needs_no_proof(home: Household, ann: Browser) -> None:
    signed_in = (await home.client.post("/v1/auth/login", json={"email": ann.email, "password": PASSWORD})).json()
    header = {"Authorization": f"Bearer {signed_in['access_token']}"}

    response = await ann.call("PATCH", "/v1/me", csrf=None, json={"display_name": "New"}, headers=header)

    assert response.status_code == 200


async def test_a_wrong_authorization_header_is_not_made_good_by_a_cookie(ann: Browser) -> None:
    for header in ("Bearer nonsense", "Basic YTpi", ""):
        assert (await ann.get("/v1/me", headers={"Authorization": header})).status_code == 401


async def test_somebody_whose_session_has_ended_learns_that_and_not_what_proof_is_missing(
    home: Household, ann: Browser
) -> None:
    headers = with_cookies(access=ann.cookie("access"))
    await ann.post("/v1/auth/logout")

    for path in ("/v1/homes", f"/v1/sources/{NOWHERE}/readings", "/v1/readings"):
        assert (await home.client.post(path, json={}, headers=headers)).status_code == 401


# What is no access cookie


async def test_no_other_token_is_taken_from_the_cookie(home: Household, ann: Browser) -> None:
    device = (await ann.made("/v1/me/tokens", name="Cellar", scopes=["read:data"]))["token"]
    access = ann.cookie("access")
    for wrong in (device, ann.cookie("refresh"), ann.cookie("csrf"), "", "x", f"{access}=", f'"{access}"', "é"):
        raw = [(b"Cookie", f"{ACCESS}={wrong}".encode())]
        assert (await home.client.get("/v1/me", headers=raw)).status_code == 401, wrong


async def test_two_access_cookies_are_none(home: Household, ann: Browser) -> None:
    pair = f"{ACCESS}={ann.cookie('access')}"

    for headers in ([("Cookie", f"{pair}; {pair}")], [("Cookie", pair), ("Cookie", pair)]):
        assert (await home.client.get("/v1/me", headers=headers)).status_code == 401


async def test_cookies_of_others_do_not_matter(home: Household, ann: Browser) -> None:
    mine = f"{ACCESS}={ann.cookie('access')}"
    for said in (f"a=b; {mine}; c=d", f"a=b;{mine}", f"{mine};", f'x="; {mine}', f"x{mine}=1; {mine}"):
        assert (await home.client.get("/v1/me", headers={"Cookie": said})).status_code == 200, said
    for said in ("", ";;;", "a", f"x{mine}", f"{ACCESS}", f"{ACCESS.lower()}={ann.cookie('access')}"):
        assert (await home.client.get("/v1/me", headers={"Cookie": said})).status_code == 401, said
    split = [("Cookie", "a=b"), ("Cookie", mine)]  # as HTTP/2 may bring them
    assert (await home.client.get("/v1/me", headers=split)).status_code == 200


async def test_collectors_are_not_signed_in_by_cookies(ann: Browser) -> None:
    for path in ("/api/v2/write", "/write"):
        assert (await ann.call("POST", path, content=b"m f=1")).status_code == 401


# A cookie whose session has ended


async def test_a_stale_access_cookie_is_401_even_where_none_is_needed(home: Household, ann: Browser) -> None:
    source = await ann.source(is_public=True)
    stale = with_cookies(access=ann.cookie("access"))
    await ann.post("/v1/auth/logout")

    for path in ("/v1/me", f"/v1/sources/{source['id']}", "/v1/reference", "/v1/nothing/here"):
        assert (await home.client.get(path, headers=stale)).status_code == 401, path
    assert (await home.client.get(f"/v1/sources/{source['id']}")).status_code == 200


async def test_stale_cookies_keep_nobody_from_signing_in_or_out(home: Household, ann: Browser) -> None:
    stale = with_cookies(access=ann.cookie("access"), refresh=ann.cookie("refresh"), csrf=ann.cookie("csrf"))
    await ann.post("/v1/auth/logout")

    signed_in = await home.client.post(
        "/v1/auth/login", json={"email": ann.email, "password": PASSWORD, "cookies": True}, headers=stale
    )
    assert signed_in.status_code == 200
    assert set(set_by(signed_in)) == {ACCESS, REFRESH, CSRF}
    assert (await home.client.post("/v1/auth/refresh", headers=stale)).status_code == 401
    signed_out = await home.client.post("/v1/auth/logout", headers=stale)
    assert signed_out.status_code == 204
    assert {each["value"] for each in set_by(signed_out).values()} == {""}


# Refreshing


@pytest.mark.parametrize(
    "body", [{}, {"content": b""}, {"json": {}}, {"headers": {"Content-Type": "application/json"}}]
)
async def test_a_browser_refreshes_by_its_cookie(ann: Browser, body: Any) -> None:
    before = {name: ann.cookie(name) for name in ("access", "refresh", "csrf")}
    del ann.client.cookies[ACCESS]  # it has expired

    response = await ann.post("/v1/auth/refresh", **body)

    assert response.status_code == 200
    assert list(response.json()) == ["user"]
    assert set(set_by(response)) == {ACCESS, REFRESH, CSRF}
    assert ann.cookie("refresh") != before["refresh"]
    assert ann.cookie("csrf") == before["csrf"]
    assert (await ann.patch("/v1/me", {"display_name": "New"})).status_code == 200


async def test_refreshing_by_cookie_needs_the_proof_and_does_nothing_without(home: Household, ann: Browser) -> None:
    for header, cookie in await forged_proofs(home, ann):
        cookies = {"refresh": ann.cookie("refresh")} | ({"csrf": cookie} if cookie else {})
        headers = {**with_cookies(**cookies), **({"X-CSRF-Token": header} if header is not None else {})}
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        for call in ("refresh", "logout"):
            response = await home.client.post(f"/v1/auth/{call}", headers=raw)
            assert (response.status_code, response.json()["type"]) == (403, "/errors/csrf"), (header, cookie)
            assert "set-cookie" not in response.headers
    before = ann.cookie("refresh")
    assert (await ann.post("/v1/auth/refresh")).status_code == 200
    assert ann.cookie("refresh") != before


async def test_a_page_of_somebody_else_cannot_end_a_session_by_an_old_cookie(home: Household, ann: Browser) -> None:
    oldest = ann.cookie("refresh")
    for _ in range(2):
        await ann.post("/v1/auth/refresh")

    forged = await home.client.post("/v1/auth/refresh", headers=with_cookies(refresh=oldest))
    assert forged.status_code == 403
    assert (await ann.get("/v1/me")).status_code == 200

    headers = with_cookies(refresh=oldest, csrf=ann.cookie("csrf")) | {"X-CSRF-Token": ann.cookie("csrf")}
    assert (await home.client.post("/v1/auth/refresh", headers=headers)).status_code == 401
    assert (await ann.get("/v1/me")).status_code == 401


async def test_many_tabs_that_refresh_at_once_stay_signed_in(home: Household, ann: Browser) -> None:
    cookies = {name: ann.cookie(name) for name in ("refresh", "csrf")}
    headers = with_cookies(**cookies) | {"X-CSRF-Token": cookies["csrf"]}

    answers = await asyncio.gather(*(home.client.post("/v1/auth/refresh", headers=headers) for _ in range(20)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({set_by(answer)[REFRESH]["value"] for answer in answers}) == 1


async def test_a_token_in_the_body_comes_before_the_cookie_and_is_answered_in_the_body(
    home: Household, ann: Browser
) -> None:
    signed_in = (await home.client.post("/v1/auth/login", json={"email": ann.email, "password": PASSWORD})).json()

    response = await ann.call("POST", "/v1/auth/refresh", csrf=None, json={"refresh_token": signed_in["refresh_token"]})

    assert response.status_code == 200
    assert "refresh_token" in response.json()
    assert "set-cookie" not in response.headers


async def test_without_token_and_cookie_there_is_nothing_to_refresh_or_to_end(home: Household) -> None:
    assert (await home.client.post("/v1/auth/refresh")).status_code == 401
    signed_out = await home.client.post("/v1/auth/logout")
    assert signed_out.status_code == 422
    assert "set-cookie" not in signed_out.headers


# Signing out


async def test_signing_out_ends_the_session_and_clears_the_cookies(home: Household, ann: Browser) -> None:
    held = {name: ann.cookie(name) for name in ("access", "refresh", "csrf")}

    response = await ann.post("/v1/auth/logout")

    assert (response.status_code, response.content) == (204, b"")
    assert not ann.client.cookies
    for cookie in set_by(response).values():
        assert (cookie["value"], cookie["max-age"], cookie["path"], cookie["secure"]) == ("", "0", "/", True)
    assert (await home.client.get("/v1/me", headers=with_cookies(**held))).status_code == 401
    assert (await ann.get("/v1/me")).status_code == 401


async def test_a_new_password_keeps_the_browser_signed_in_and_nothing_else(home: Household, ann: Browser) -> None:
    async with home.browser("ann") as elsewhere:
        await elsewhere.sign_in()
        change = {"current_password": PASSWORD, "new_password": "quite another phrase"}
        assert (await ann.put("/v1/me/password", change, csrf=None)).status_code == 403

        assert (await ann.put("/v1/me/password", change)).status_code == 204

        assert (await elsewhere.get("/v1/me")).status_code == 401
        assert (await elsewhere.post("/v1/auth/refresh")).status_code == 401
    assert (await ann.get("/v1/me")).status_code == 200
    assert (await ann.post("/v1/auth/refresh")).status_code == 200


# Signing a browser in from a page of somebody else

FOREIGN = [
    ({"Origin": "https://evil.example"}, 403),
    ({"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, 403),
    ({"Origin": "https://evil.homelog.test", "Sec-Fetch-Site": "same-site"}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Origin": "null"}, 403),
    ({"Origin": "homelog.test"}, 403),
    ({"Origin": "https://homelog.test.evil.example"}, 403),
    ({"Origin": "https://["}, 403),
    ({"Origin": "https://homelog.test", "Sec-Fetch-Site": "same-origin"}, 200),
    ({"Origin": "https://proxied.example", "Sec-Fetch-Site": "same-origin"}, 200),
    ({"Origin": "https://homelog.test"}, 200),
    ({"Sec-Fetch-Site": "none"}, 200),
    ({}, 200),
    ({"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}, 200),
    ({"Origin": "https://app.example"}, 200),
]
"""What a browser says of the page that asks, and whether that is one of ours. https://app.example is a named origin."""


async def test_a_page_of_a_foreign_origin_signs_nobody_in(settings: Settings, dba: asyncpg.Connection) -> None:
    async with serve(msgspec.structs.replace(settings, cors_origins=("https://app.example",))) as home:
        await home.person("ann")
        for headers, status in FOREIGN:
            async with home.browser("ann") as ann:
                said = {"email": ann.email, "password": PASSWORD}
                response = await ann.client.post("/v1/auth/login", json={**said, "cookies": True}, headers=headers)
                assert response.status_code == status, headers
                assert ("set-cookie" in response.headers) is (status == 200)
                # Tokens in the body are no danger: the page has them, and no browser sends them by itself.
                response = await ann.client.post("/v1/auth/login", json=said, headers=headers)
                assert response.status_code == 200
    refused = "SELECT count(*) FROM audit_logs WHERE event_type = 'access_denied' AND user_id IS NULL"
    assert await dba.fetchval(refused) == sum(status == 403 for _, status in FOREIGN)


async def test_a_form_of_somebody_else_signs_nobody_in_or_out(home: Household, ann: Browser) -> None:
    said = json.dumps({"email": ann.email, "password": PASSWORD, "cookies": True})
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        response = await home.client.post("/v1/auth/login", content=said, headers={"Content-Type": media_type})
        assert response.status_code == 415
    # SameSite: a browser sends no cookies along, so there is nothing to end, and nothing that it is told to drop.
    response = await home.client.post("/v1/auth/logout", headers={"Sec-Fetch-Site": "cross-site"})
    assert "set-cookie" not in response.headers
    assert (await ann.get("/v1/me")).status_code == 200


async def test_an_account_that_is_gone_takes_its_cookies_along_and_they_open_nothing(ann: Browser) -> None:
    kept = dict(ann.client.cookies)
    assert (await ann.delete("/v1/me")).status_code == 204
    assert not ann.client.cookies

    ann.client.cookies.update(kept)
    assert (await ann.get("/v1/me")).status_code == 401
    assert (await ann.post("/v1/auth/refresh")).status_code == 401
    assert (await ann.post("/v1/auth/logout")).status_code == 204


def test_the_description_names_the_cookie() -> None:
    schemes = DOCUMENT["components"]["securitySchemes"]
    assert (schemes["cookie"]["type"], schemes["cookie"]["in"], schemes["cookie"]["name"]) == (
        "apiKey",
        "cookie",
        ACCESS,
    )


async def test_a_browser_and_a_script_of_one_person_do_not_disturb_each_other(home: Household, ann: Browser) -> None:
    login = (await home.client.post("/v1/auth/login", json={"email": ann.email, "password": PASSWORD})).json()
    script = Person(home.client, "ann", login)

    await ann.post("/v1/auth/logout")

    assert (await script.get("/v1/me")).status_code == 200
