"""Secrets planted everywhere that a client, an operator or the service itself has one: none comes out anywhere.

The real server runs as its own processes; what it prints, answers and stores, its metrics, its PostgreSQL's log and a
dump of the whole database are searched, for each secret as it is and in the forms that it might be written in.
"""

import base64
import hashlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, urlsplit

import asyncpg
import httpx
import pytest

from service.embedded import EmbeddedPostgres
from service.migrations import ensure_baseline, upgrade
from service.programs import find_program
from tests.hostile_provider import CANARIES
from tests.processes import SECRET, served
from tests.providers import CLIENT_SECRET, hostile, line_token

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
ANN = {"email": "ann@example.org", "password": "{}"}

SENT: dict[str, tuple[str, str, dict[str, Any]]] = {
    # What clients send: {} is the secret. A new canary is a line here; Ann is signed in where `as` says so.
    "the password of an account": ("POST", "/v1/auth/register", {"json": ANN}),
    "a password for an e-mail that is taken": ("POST", "/v1/auth/register", {"json": ANN}),
    "a password that is refused": ("POST", "/v1/auth/register", {"json": {**ANN, "password": "{}" + "x" * 200}}),
    "a password that is wrong": ("POST", "/v1/auth/login", {"json": ANN}),
    "a password in the e-mail's field": ("POST", "/v1/auth/login", {"json": {"email": "{}", "password": "x"}}),
    "a password in a field that is none": ("POST", "/v1/auth/login", {"json": {**ANN, "passwort": "{}"}}),
    "a password as a list": ("POST", "/v1/auth/login", {"json": {**ANN, "password": ["{}"]}}),
    "a password in the name": ("POST", "/v1/auth/register", {"json": {**ANN, "display_name": ["{}"]}}),
    "a password in broken JSON": ("POST", "/v1/auth/login", {"content": b'{"password": "{}"', "type": JSON}),
    "a password in broken UTF-8": ("POST", "/v1/auth/login", {"content": b'{"password": "\xff{}"}', "type": JSON}),
    "a password with NUL": ("POST", "/v1/auth/register", {"json": {**ANN, "password": "{}\0" + "x" * 12}}),
    "a password in a form": ("POST", "/v1/auth/login", {"content": b"email=ann&password={}", "type": FORM}),
    "a password that is compressed": (
        "POST", "/v1/auth/login", {"content": b"{}", "type": JSON, "headers": {"Content-Encoding": "gzip"}},
    ),
    "a current password that is wrong": (
        "PUT", "/v1/me/password", {"as": "ann", "json": {"current_password": "{}", "new_password": "y" * 6 + "z" * 9}},
    ),
    "a new password that is refused": (
        "PUT", "/v1/me/password", {"as": "ann", "json": {"current_password": "x", "new_password": "{}" + "x" * 200}},
    ),
    "a refresh token": ("POST", "/v1/auth/refresh", {"json": {"refresh_token": "hr_{}"}}),
    "a refresh token to end": ("POST", "/v1/auth/logout", {"json": {"refresh_token": "hr_{}"}}),
    "a refresh token of a wrong type": ("POST", "/v1/auth/refresh", {"json": {"refresh_token": {"{}": "{}"}}}),
    "an access token": ("GET", "/v1/homes", {"headers": {"Authorization": "Bearer {}"}}),
    "a token of an unknown scheme": ("GET", "/v1/homes", {"headers": {"Authorization": "Hawk {}"}}),
    "a password of the scheme Basic": ("GET", "/v1/homes", {"headers": {"Authorization": "Basic {}"}}),
    "a token that is too long": ("GET", "/v1/homes", {"headers": {"Authorization": "Bearer {}" + "x" * 5000}}),
    "a device token": ("GET", "/v1/sources", {"headers": {"Authorization": "Bearer hl_{}"}}),
    "a device token of InfluxDB's scheme": (
        "POST", "/api/v2/write", {"headers": {"Authorization": "Token hl_{}"}, "content": b"m f=1"},
    ),
    "a device token in the query": ("POST", "/write?db=x&u=y&p=hl_{}", {"content": b"m f=1"}),
    "a password in the query": ("POST", "/v1/auth/login?password={}", {"json": {}}),
    "a token in the query": ("GET", "/v1/homes?access_token={}", {"as": "ann"}),
    "a token as a cursor": ("GET", "/v1/homes?cursor={}", {"as": "ann"}),
    "a token in the path": ("GET", "/v1/reset/{}", {"as": "ann"}),
    "a token in an id's place": ("DELETE", "/v1/me/tokens/{}", {"as": "ann"}),
    "a cookie": ("GET", "/v1/homes", {"headers": {"Cookie": "__Host-homelog_access={}; session={}"}}),
    "a CSRF token": ("POST", "/v1/homes", {"as": "ann", "headers": {"X-CSRF-Token": "{}"}, "json": {"name": "Home"}}),
    "an API key": ("GET", "/v1/homes", {"as": "ann", "headers": {"X-Api-Key": "{}", "Proxy-Authorization": "{}"}}),
    "a password in a media type": ("POST", "/v1/homes", {"as": "ann", "content": b"x", "type": "text/{}"}),
    "a password in a URL that sent somebody here": ("GET", "/v1/homes", {"as": "ann", "headers": {"Referer": "x?{}"}}),
}  # fmt: skip

PROVIDER_KEY = "y8y1mZ3k0Q2v5s7w9d1f3h5j7l9n1p3r5t7x9z2b4c4="
PROVIDERS = {
    # Whom the service is told of; {} is the hostile provider's address.
    "HOMELOG_PUBLIC_URL": "https://homelog.test",
    "HOMELOG_OIDC_CLIENT_ID": "oidc",
    "HOMELOG_OIDC_CLIENT_SECRET": CLIENT_SECRET,
    "HOMELOG_OIDC_ISSUER": "{}/canaries",
    "HOMELOG_LINE_CLIENT_ID": "line",
    "HOMELOG_LINE_CLIENT_SECRET": CLIENT_SECRET,
    "HOMELOG_LINE_ISSUER": "{}/canaries",
    "HOMELOG_PROVIDER_TOKEN_KEYS": PROVIDER_KEY,
}

# What else may not come out once the database has none of it any more: while a table is away, all is in flight.
BROKEN = ("a password while all is broken", "a refresh token while all is broken")


class Found(NamedTuple):
    """A secret, and where it may stand: a hash in its own table."""

    secret: str
    places: tuple[str, ...] = ()


@pytest.fixture(scope="module")
def own() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL whose log is this module's alone."""
    with (
        tempfile.TemporaryDirectory(prefix="homelog-test-", ignore_cleanup_errors=True) as folder,
        EmbeddedPostgres.start(Path(folder), fast=True) as running,
    ):
        ensure_baseline(running.url(running.superuser, "postgres"), running.secrets)
        upgrade(running.url("homelog_migrator", "postgres"))
        yield running


class Server:
    """The service, and all that it ever answered."""

    def __init__(self, address: str) -> None:
        self.client = httpx.Client(base_url=address, timeout=30)
        self.answers: list[httpx.Response] = []
        self.shown: list[httpx.Response] = []
        """Those that show somebody their own secret, which is what they are for."""

    def ask(self, method: str, path: str, *, shows: bool = False, **options: Any) -> httpx.Response:
        """Any call."""
        answer = self.client.request(method, path, **options)
        (self.shown if shows else self.answers).append(answer)
        return answer


def planted(value: Any, secret: str) -> Any:
    """A call's part with the secret in its places."""
    if isinstance(value, dict):
        return {planted(name, secret): planted(each, secret) for name, each in value.items()}
    if isinstance(value, list):
        return [planted(each, secret) for each in value]
    if isinstance(value, bytes):
        return value.replace(b"{}", secret.encode())
    return value.replace("{}", secret) if isinstance(value, str) else value


def secret_of(name: str) -> str:
    """The secret of that name: as long as a device token's random part, and nowhere else in the world."""
    return "Can" + hashlib.sha256(f"{name} {os.getpid()}".encode()).hexdigest()[:40]


def forms(secret: str) -> set[str]:
    """How a secret might be written."""
    raw = secret.encode()
    escaped = json.dumps(secret)[1:-1]
    return {
        secret,
        escaped,
        quote(secret),
        quote(secret, safe=""),
        raw.hex(),
        base64.b64encode(raw).decode().rstrip("="),
    }


def send(server: Server, signed_in: dict[str, Any]) -> None:
    """Every call of SENT with its secret."""
    for name, (method, path, options) in SENT.items():
        headers = dict(options.get("headers", {}))
        if "as" in options:
            headers = {"Authorization": f"Bearer {signed_in['access_token']}", **headers}
        if "type" in options:
            headers["Content-Type"] = options["type"]
        body = {part: options[part] for part in ("json", "content") if part in options}
        answer = server.ask(method, **planted({"path": path, "headers": headers, **body}, secret_of(name)))
        assert answer.status_code < 500, (name, answer.text)


def cookies_of(answer: httpx.Response) -> dict[str, str]:
    """What an answer has a browser keep; without TLS a client would not."""
    kept: SimpleCookie = SimpleCookie()
    for said in answer.headers.get_list("set-cookie"):
        kept.load(said)
    return {name: morsel.value for name, morsel in kept.items()}


def live_in_a_browser(server: Server, account: dict[str, str]) -> list[str]:
    """Sign in by cookies, go on and sign out, with the proof and without: what the cookies held."""
    held: list[dict[str, str]] = []

    def ask(method: str, path: str, *, proves: bool = True, **options: Any) -> None:
        kept = held[-1] if held else {}
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in kept.items())}
        if proves and kept:
            headers["X-CSRF-Token"] = kept["__Host-homelog_csrf"]
        answer = server.ask(method, path, headers=headers, **options)
        if any((found := cookies_of(answer)).values()):
            held.append(found)

    ask("POST", "/v1/auth/login", shows=True, json={**account, "cookies": True})
    ask("POST", "/v1/auth/refresh", shows=True)
    for proves in (True, False):
        ask("GET", "/v1/me/sessions", proves=proves)
        ask("POST", "/v1/homes", proves=proves, json={"name": "Home"})
    ask("POST", "/v1/auth/logout", proves=False)
    ask("POST", "/v1/auth/logout")
    return [value for kept in held for value in kept.values()]


def come_by_a_provider(server: Server, issuer: str) -> list[str]:
    """Sign in with a provider, in a browser and with an ID token that lacks an e-mail: what was carried along."""
    begun = server.ask("GET", "/v1/auth/oidc/login", shows=True)
    (ticket,) = cookies_of(begun).values()
    sent = parse_qs(urlsplit(begun.headers["location"]).query)
    back = urlsplit(httpx.get(begun.headers["location"], trust_env=False).headers["location"])
    cookie = {"Cookie": f"__Host-homelog_sign_in={ticket}"}
    for forged in ({}, cookie | {"Cookie": cookie["Cookie"][:-9]}):
        server.ask("GET", f"{back.path}?{back.query}", headers=forged)
    signed_in = server.ask("GET", f"{back.path}?{back.query}", headers=cookie, shows=True)
    assert signed_in.status_code == 200, signed_in.text
    server.ask("GET", f"{back.path}?{back.query}", headers=cookie)
    id_token = line_token(issuer)
    pending = server.ask("POST", "/v1/auth/line/id-token", json={"id_token": id_token}, shows=True).json()
    complete = {"pending_token": pending["pending_token"], "email": "line@example.org"}
    by_line = server.ask("POST", "/v1/auth/line/complete", json=complete, shows=True).json()
    server.ask("POST", "/v1/auth/line/complete", json=complete)
    server.ask("POST", "/v1/auth/oidc/id-token", json={"id_token": id_token})
    carried = [ticket, sent["state"][0], sent["nonce"][0], parse_qs(back.query)["code"][0], id_token]
    return [*carried, *cookies_of(signed_in).values(), pending["pending_token"], by_line["refresh_token"]]


def administer(server: Server, bearer: dict[str, str]) -> list[str]:
    """Make an account and reset its password: the temporary ones, of which the second was used."""
    made = server.ask("POST", "/v1/users", json={"email": "kim@example.org"}, headers=bearer, shows=True).json()
    reset = server.ask("POST", f"/v1/users/{made['id']}/password-reset", headers=bearer, shows=True).json()
    for temporary in (made["temporary_password"], reset["temporary_password"], reset["temporary_password"]):
        account = {"email": "kim@example.org", "password": temporary}
        server.ask("POST", "/v1/auth/login", json=account, shows=temporary == reset["temporary_password"])
    for path in ("/v1/users", f"/v1/users/{made['id']}", "/v1/audit"):
        server.ask("GET", path, headers=bearer)
    return [made["temporary_password"], reset["temporary_password"]]


async def test_no_secret_that_is_planted_comes_out_anywhere(own: EmbeddedPostgres, tmp_path: Path) -> None:
    account = {"email": "eve@example.org", "password": secret_of("the password of who is signed in")}
    dba = await asyncpg.connect(own.url(own.superuser, "postgres"))
    with (
        hostile() as tricks,
        served(own.url("homelog_api", "postgres"), tmp_path, **planted(PROVIDERS, tricks)) as address,
    ):
        server = Server(address)
        server.ask("POST", "/v1/auth/register", json=account)
        signed_in = server.ask("POST", "/v1/auth/login", json=account, shows=True).json()
        bearer = {"Authorization": f"Bearer {signed_in['access_token']}"}
        made = server.ask(
            "POST", "/v1/me/tokens", json={"name": "Sensor", "scopes": ["read:data"]}, headers=bearer, shows=True
        ).json()
        send(server, signed_in)
        again = {"refresh_token": signed_in["refresh_token"]}
        refreshed = server.ask("POST", "/v1/auth/refresh", json=again, shows=True).json()
        # The secrets of who has them, used rightly, wrongly and too late.
        device = {"Authorization": f"Bearer {made['token']}"}
        for headers in (bearer, device, {**bearer, "X-Forwarded-Authorization": bearer["Authorization"]}):
            for path in ("/v1/me", "/v1/me/tokens", "/v1/me/sessions", "/v1/me/export", "/v1/audit", "/v1/sources"):
                server.ask("GET", path, headers=headers)
        server.ask("DELETE", f"/v1/me/tokens/{made['id']}", headers=bearer)
        server.ask("GET", "/v1/sources", headers=device)
        calendar = server.ask("POST", "/v1/me/calendar-link", headers=bearer, shows=True).json()["url"]
        server.ask("GET", calendar)
        server.ask("GET", calendar[:-1])
        server.ask("GET", "/v1/me/calendar-link", headers=bearer)
        key = calendar.partition("=")[2]
        server.ask("GET", f"/v1/homes?key={key}", headers=bearer)
        carried = [
            key,
            *live_in_a_browser(server, account),
            *come_by_a_provider(server, f"{tricks}/canaries"),
            *administer(server, bearer),
        ]
        broken = [secret_of(name) for name in BROKEN]
        hashes = [row[0] for row in await dba.fetch("SELECT password_hash FROM user_passwords")]
        await dba.execute("ALTER TABLE user_passwords RENAME TO hidden; ALTER TABLE refresh_tokens RENAME TO lost")
        for path, body in (
            ("register", {"email": "ben@example.org", "password": broken[0]}),
            ("login", {**account, "password": broken[0]}),
            ("refresh", {"refresh_token": broken[1]}),
            ("logout", {"refresh_token": broken[1]}),
        ):
            assert server.ask("POST", f"/v1/auth/{path}", json=body).status_code == 500
        await dba.execute("ALTER TABLE hidden RENAME TO user_passwords; ALTER TABLE lost RENAME TO refresh_tokens")
        server.ask("PUT", "/v1/me/password", headers=bearer, json={
            "current_password": account["password"], "new_password": secret_of("a new password"),
        })  # fmt: skip
        server.ask("POST", "/v1/auth/logout", json={"refresh_token": refreshed["refresh_token"]})
        for token in (signed_in, refreshed):
            server.ask("GET", "/v1/me", headers={"Authorization": f"Bearer {token['access_token']}"})
        metrics = server.ask("GET", "/metrics").text
        commands = command_lines(tmp_path)
    hashes += [row[0] for row in await dba.fetch("SELECT password_hash FROM user_passwords")]
    digests = [row[0] for row in await dba.fetch("SELECT encode(token_hash, 'hex') FROM refresh_tokens")]
    # What the provider gave was kept, so that it could come out.
    assert await dba.fetchval("SELECT count(access_token) + count(refresh_token) FROM user_oauth_identities") == 2
    await dba.close()
    dump = tables_of(dump_of(own))
    where = {
        "the log": (tmp_path / "output").read_text(),
        "the metrics": metrics,
        "a command line": commands,
        "PostgreSQL's log": "".join(file.read_text() for file in (own.data / "log").glob("*.log")),
        **{f"answer {n}": each.text + str(each.headers) for n, each in enumerate(server.answers)},
    }
    assert where["the log"].count('"request"') > len(SENT)
    assert "Traceback" in where["the log"]
    assert len(server.shown) == 14
    secrets = [
        *(Found(secret_of(name)) for name in [*SENT, *BROKEN, "the password of who is signed in", "a new password"]),
        *(Found(each[name]) for each in (signed_in, refreshed) for name in ("access_token", "refresh_token")),
        Found(made["token"]),
        *(Found(each) for each in (SECRET, CLIENT_SECRET, PROVIDER_KEY, *CANARIES.values(), *carried)),
        *(Found(password) for password in own.secrets.values()),
        *(Found(each, ("public.user_passwords",)) for each in hashes),
        *(Found(each, ("public.refresh_tokens",)) for each in digests),
        # PostgreSQL logs the statement that it refused to begin; nothing is opened by the hash of 256 random bits.
        Found(hashlib.sha256(made["token"].encode()).hexdigest(), ("public.device_tokens", "PostgreSQL's log")),
        Found(hashlib.sha256(key.encode()).hexdigest(), ("public.calendar_links",)),
    ]
    assert len(secrets) >= 20
    out = [
        (secret, place)
        for secret in secrets
        for form in forms(secret.secret)
        for place, text in (where | dump).items()
        if form in text and place not in secret.places
    ]
    assert out == []
    # The search finds what is there: the hashes in their tables, an e-mail in an answer, an error of PostgreSQL's.
    assert hashes[-1] in dump["public.user_passwords"]
    assert digests[0] in dump["public.refresh_tokens"]
    assert hashlib.sha256(key.encode()).hexdigest() in dump["public.calendar_links"]
    assert any("eve@example.org" in text for place, text in where.items() if place.startswith("answer"))
    assert "user_passwords" in where["PostgreSQL's log"]


def command_lines(folder: Path) -> str:
    """How the service's processes were called."""
    first = int((folder / "pid").read_text())
    children = Path(f"/proc/{first}/task/{first}/children").read_text()
    return "".join(Path(f"/proc/{pid}/cmdline").read_text() for pid in (first, *map(int, children.split())))


def dump_of(own: EmbeddedPostgres) -> str:
    """The whole database as pg_dump writes it."""
    command = [str(find_program("pg_dump")), "--dbname", own.url(own.superuser, "postgres")]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def tables_of(dump: str) -> dict[str, str]:
    """The rows of a dump by table, and all else."""
    parts = re.split(r"^COPY (\S+) .*? FROM stdin;\n(.*?)^\\\.$", dump, flags=re.MULTILINE | re.DOTALL)
    return {"the schema": "".join(parts[::3]), **dict(zip(parts[1::3], parts[2::3], strict=True))}


def test_the_search_knows_the_forms_of_a_secret() -> None:
    assert forms('a b"') == {'a b"', 'a b\\"', "a%20b%22", "61206222", "YSBiIg"}
    assert tables_of("x\nCOPY public.a (id) FROM stdin;\n1\n\\.\ny") == {"the schema": "x\n\ny", "public.a": "1\n"}
