"""Providers to sign in at: a certified one in a process of its own, and browsers that sign in there."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import httpx
from joserfc import jwt
from joserfc.jwk import OctKey

from service.edge import Edge
from service.settings import ProviderSettings

PUBLIC_URL = "https://homelog.test"
SERVER = Path(__file__).with_name("oidc")
CLIENT_SECRET = "92d5a86331fe7d20c59b48aa4f1c0b7e"
ALGORITHMS = {"google": "RS256", "line": "HS256", "oidc": "ES256"}


def why_no_certified_provider() -> str | None:
    """What is missing to start the certified provider, None if nothing is."""
    if not shutil.which("node"):
        return "node is not installed"
    if not (SERVER / "node_modules/oidc-provider").is_dir():
        return "oidc-provider is not installed: npm ci in tests/oidc"
    return None


@contextmanager
def speaking_first(*command: str) -> Iterator[str]:
    """What a server process says once it listens; it ends with the block."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=SERVER.parent.parent)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


@contextmanager
def certified() -> Iterator[str]:
    """The issuer of the certified provider, at which the service is a client of each kind."""
    clients = [
        {
            "client_id": name,
            "client_secret": CLIENT_SECRET,
            "redirect_uris": [f"{PUBLIC_URL}/v1/auth/{name}/callback"],
            "id_token_signed_response_alg": algorithm,
            "token_endpoint_auth_method": "client_secret_post" if name == "line" else "client_secret_basic",
        }
        for name, algorithm in ALGORITHMS.items()
    ]
    with speaking_first("node", str(SERVER / "server.js"), json.dumps(clients)) as port:
        yield f"http://127.0.0.1:{int(port)}"


@contextmanager
def hostile() -> Iterator[str]:
    """The address of the hostile provider; below it each of its tricks is an issuer of its own."""
    with speaking_first(sys.executable, "-m", "tests.hostile_provider") as port:
        yield f"http://127.0.0.1:{int(port)}"


def provider(issuer: str, client_id: str, **more: object) -> ProviderSettings:
    """How the service is told of a provider."""
    said = {"title": client_id.title(), "issuer": issuer, "client_id": client_id, "client_secret": CLIENT_SECRET}
    return ProviderSettings(**(said | more))  # type: ignore[arg-type]


def line_token(issuer: str, **claims: object) -> str:
    """An ID token as LINE signs those of its web sign-in: with the channel secret."""
    said = {"iss": issuer, "aud": "line", "sub": "U1", "iat": 1, "exp": 4_000_000_000, "name": "Ann"}
    return jwt.encode({"alg": "HS256"}, said | claims, OctKey.import_key(CLIENT_SECRET))


class Browser:
    """Somebody at a browser: what the service sets stays with the service, what a provider sets with that."""

    def __init__(self, service: httpx.AsyncClient, outside: httpx.AsyncClient) -> None:
        self.service = service
        self.outside = outside

    async def begin(self, name: str, **query: str) -> str:
        """Where the service sends the browser to sign in."""
        response = await self.service.get(f"/v1/auth/{name}/login", params=query)
        assert response.status_code == 303, response.text
        return response.headers["location"]

    async def pass_through(self, url: str, login: str | None = None) -> str:
        """Go through a provider's pages, filling in what they ask for, and say where it sends the browser back to."""
        response = await self.outside.get(url)
        for _ in range(20):
            if response.is_redirect:
                url = urljoin(str(response.url), response.headers["location"])
                if url.startswith(PUBLIC_URL):
                    return url
                response = await self.outside.get(url)
                continue
            assert response.status_code == 200, response.text
            form = re.search(r'<form[^>]*action="([^"]+)"', response.text)
            assert form, response.text
            fields = dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="(\w+)"[^>]*value="([^"]*)"', response.text))
            if 'name="login"' in response.text:
                assert login is not None
                fields |= {"login": login, "password": "whatever"}
            response = await self.outside.post(urljoin(str(response.url), unescape(form[1])), data=fields)
        raise AssertionError("the provider's pages lead nowhere")

    async def come_back(self, url: str) -> httpx.Response:
        """What the service answers to the callback."""
        return await self.service.get(url.removeprefix(PUBLIC_URL))

    async def sign_in(self, name: str, login: str | None = None, **query: str) -> httpx.Response:
        """The whole way through a provider and back."""
        return await self.come_back(await self.pass_through(await self.begin(name, **query), login))


@asynccontextmanager
async def browsing(app: Edge) -> AsyncIterator[Browser]:
    """A browser with no cookie yet."""
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    async with (
        httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as service,
        # No stand-in has a certificate, and to read those of the machine takes a browser longer than all the rest.
        httpx.AsyncClient(trust_env=False, timeout=60, verify=False) as outside,  # noqa: S501
    ):
        yield Browser(service, outside)
