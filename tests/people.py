"""The people of the tests: each holds an HTTP client that is signed in as them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from service.app import create_app
from service.edge import Edge
from service.observing import set_up_logging
from service.settings import Settings

PASSWORD = "a long enough phrase"


class Person:
    """Somebody who calls the API; `headers` goes with every call."""

    def __init__(
        self, client: httpx.AsyncClient, name: str, signed_in: dict[str, Any] | None = None, password: str = PASSWORD
    ) -> None:
        self.client = client
        self.name = name
        self.password = password
        self.email = f"{name}@example.org"
        self.login: dict[str, Any] = signed_in or {}
        self.headers = {"Authorization": f"Bearer {self.login['access_token']}"} if self.login else {}

    @property
    def id(self) -> str:
        return str(self.login["user"]["id"])

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Any call, with this person's credentials."""
        headers = {**self.headers, **options.pop("headers", {})}
        return await self.client.request(method, path, headers=headers, **options)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.call("GET", path, **options)

    async def post(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return await self.call("POST", path, **({"json": json} if json is not None else {}), **options)

    async def put(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return await self.call("PUT", path, json=json, **options)

    async def patch(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return await self.call("PATCH", path, json=json, **options)

    async def delete(self, path: str, **options: Any) -> httpx.Response:
        return await self.call("DELETE", path, **options)

    async def made(self, path: str, **fields: Any) -> Any:
        """The body of a POST that must make something."""
        response = await self.post(path, fields)
        assert response.status_code == 201, response.text
        return response.json()

    async def home(self, **fields: Any) -> Any:
        return await self.made("/v1/homes", **{"name": "Home", "timezone": "Europe/Copenhagen", **fields})

    async def source(self, **fields: Any) -> Any:
        return await self.made("/v1/sources", **{"name": "Meter", "source_type": "heat", "unit": "kWh", **fields})

    async def plant(self, **fields: Any) -> Any:
        return await self.made("/v1/plants", **{"name": "Fern", "kind": "pothos", **fields})

    async def grant(self, source: Any, to: "Person", level: str = "read") -> Any:
        return await self.made(f"/v1/sources/{source['id']}/access", user_id=to.id, access_level=level)

    async def invite(self, place: Any, who: "Person", level: str = "read", **more: Any) -> Any:
        return await self.made(f"/v1/homes/{place['id']}/members", user_id=who.id, access_level=level, **more)


class Browser(Person):
    """Somebody at a page of the service's own origin: cookies are kept and sent, and read where a script may."""

    def __init__(self, client: httpx.AsyncClient, name: str) -> None:
        super().__init__(client, name)

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Any call, with what a page adds to it; `csrf=None` leaves it out."""
        said = options.pop("csrf", self.client.cookies.get("__Host-homelog_csrf"))
        headers = ({"X-CSRF-Token": said} if said is not None else {}) | options.pop("headers", {})
        return await self.client.request(method, path, headers=headers, **options)

    async def sign_in(self, **fields: Any) -> httpx.Response:
        """Sign in by cookies."""
        said = {"email": self.email, "password": PASSWORD, "cookies": True, **fields}
        return await self.client.post("/v1/auth/login", json=said)

    def cookie(self, name: str) -> str:
        """What one of the three cookies holds."""
        return str(self.client.cookies[f"__Host-homelog_{name}"])


class Household:
    """A running service and the people who use it."""

    def __init__(self, app: Edge, client: httpx.AsyncClient) -> None:
        self.app = app
        self.client = client
        self.nobody = Person(client, "nobody")

    async def person(self, name: str) -> Person:
        """Somebody who has registered and signed in."""
        account = {"email": f"{name}@example.org", "password": PASSWORD}
        registered = await self.client.post("/v1/auth/register", json={**account, "display_name": name.title()})
        assert registered.status_code == 201, registered.text
        signed_in = await self.client.post("/v1/auth/login", json=account)
        assert signed_in.status_code == 200, signed_in.text
        return Person(self.client, name, signed_in.json())

    @asynccontextmanager
    async def browser(self, name: str, *, app: Edge | None = None) -> AsyncIterator[Browser]:
        """A browser of somebody's, signed in nowhere. Only https makes it keep such cookies."""
        transport = httpx.ASGITransport(app=app or self.app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="https://homelog.test") as client:
            yield Browser(client, name)


@asynccontextmanager
async def running(app: Edge) -> AsyncIterator[None]:
    """The application's lifespan in a task of its own, as in a server: a fixture ends in another task than it began."""
    started, stop = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.app.lifespan():
            started.set()
            await stop.wait()

    task = asyncio.create_task(live())
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        waiting.cancel()
        task.result()
    try:
        yield
    finally:
        stop.set()
        await task


@asynccontextmanager
async def serve(settings: Settings) -> AsyncIterator[Household]:
    """The application in this process, its real pool open, spoken to over HTTP."""
    set_up_logging()
    app = create_app(settings)
    async with running(app):
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://homelog.test") as client:
            yield Household(app, client)
