"""The outermost layer over HTTP: hosts, origins, headers, full disks, slow bodies."""

import asyncio
import gc
import os
import re
import tracemalloc
from collections import defaultdict
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest

from service.app import HANDLERS
from service.disk import Disk
from service.edge import Edge
from service.problems import Problem
from service.settings import Settings
from tests.people import Household, Person, serve


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("home.example.org", 200),
        ("HOME.example.org:8000", 200),
        ("a.example.net", 200),
        ("example.net", 400),
        ("evil.org", 400),
        ("home.example.org.evil.org", 400),
        ("]", 400),
        ("", 400),
    ],
)
async def test_only_named_hosts_are_served(settings: Settings, host: str, status: int) -> None:
    named = msgspec.structs.replace(settings, allowed_hosts=("home.example.org", "*.example.net"))
    async with serve(named) as home:
        response = await home.client.get("/v1/reference", headers={"Host": host})
        assert response.status_code == status
        assert (await home.client.get("/health/live", headers={"Host": host})).status_code == 200


OURS = "https://home.example.org"
PREFLIGHT = {"Origin": OURS, "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "if-match"}


@pytest.fixture
async def page(settings: Settings) -> AsyncIterator[Household]:
    """The service that pages of one origin may call, five times a minute."""
    async with serve(msgspec.structs.replace(settings, cors_origins=(OURS,), rate_limit=5)) as household:
        yield household


async def test_only_named_origins_may_read_answers(page: Household) -> None:
    for origin, allowed in ((OURS, OURS), ("https://evil.org", None), ("null", None), (f"{OURS}.evil.org", None)):
        for method, path in (("GET", "/v1/reference"), ("OPTIONS", "/v1/homes")):
            asked = {**PREFLIGHT, "Origin": origin} if method == "OPTIONS" else {"Origin": origin}
            response = await page.client.request(method, path, headers=asked)
            assert response.headers.get("access-control-allow-origin") == allowed
            assert response.headers.get("access-control-allow-credentials") == (allowed and "true")
            assert response.headers["vary"] == "Origin"


async def test_a_page_reads_every_answer_refusals_included(page: Household, settings: Settings) -> None:
    asked = [
        ("GET", "/v1/reference", 200),
        ("GET", "/v1/homes", 401),
        ("GET", "/nothing", 404),
        ("POST", "/health/live", 405),
        ("GET", "/v1/readings/latest", 401),
        ("GET", "/schema", 200),
        ("GET", "/v1/reference", 429),
        ("GET", "/health/live", 200),
    ]
    for method, path, status in asked:
        answer = await page.client.request(method, path, headers={"Origin": OURS})
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == OURS
        shown = answer.headers["access-control-expose-headers"].lower().split(", ")
        assert {"etag", "location", "retry-after", "x-request-id", "ratelimit-remaining"} <= set(shown)
    hosts = msgspec.structs.replace(settings, cors_origins=(OURS,), allowed_hosts=("elsewhere.example.org",))
    async with serve(hosts) as household:
        refused = await household.client.get("/v1/reference", headers={"Origin": OURS})
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (400, OURS)


async def test_a_preflight_needs_no_credentials_and_costs_nothing(page: Household) -> None:
    for _ in range(10):
        answer = await page.client.options("/v1/homes", headers=PREFLIGHT)
        assert answer.status_code == 204
        assert "ratelimit-limit" not in answer.headers
        assert "PATCH" in answer.headers["access-control-allow-methods"].split(", ")
        allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
        assert {"authorization", "content-type", "if-match", "if-none-match", "x-csrf-token"} <= set(allowed)
        assert_safe(answer)
    assert (await page.client.get("/v1/reference")).headers["ratelimit-remaining"] == "4"


async def test_what_is_no_preflight_of_a_named_origin_is_a_request_like_any(page: Household) -> None:
    for headers in ({}, {"Origin": OURS}, {**PREFLIGHT, "Origin": "https://evil.org"}):
        answer = await page.client.options("/v1/homes", headers=headers)
        assert answer.headers["ratelimit-limit"] == "5"
        assert "access-control-allow-methods" not in answer.headers


async def test_without_named_origins_no_page_may_read_answers(settings: Settings) -> None:
    async with serve(settings) as home:
        response = await home.client.get("/v1/reference", headers={"Origin": "https://evil.org"})
        assert not any(name.startswith("access-control") for name in response.headers)


def assert_safe(answer: httpx.Response) -> None:
    assert answer.headers["strict-transport-security"].startswith("max-age=")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("OPTIONS", "/v1/homes", 204),
        ("OPTIONS", "/nothing", 404),
        ("HEAD", "/v1/reference", 200),
        ("HEAD", "/v1/homes", 401),
        ("POST", "/v1/reference", 401),
        ("POST", "/health/live", 405),
        ("BREW", "/v1/auth/login", 405),
        ("GET", "/nothing", 404),
        ("GET", "/schema", 200),
        ("GET", "/", 302),
        ("POST", "/v1/auth/login", 400),
    ],
)
async def test_every_answer_carries_the_security_headers(home: Household, method: str, path: str, status: int) -> None:
    answer = await home.client.request(method, path)
    assert answer.status_code == status
    assert_safe(answer)


# What is long


LONG = 400_000
"""As long as the server lets headers be."""
AT = " - at `$"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Accept", "*/*;q=0,"),
        ("Accept", "*/*;q ="),
        ("Authorization", "Bearer "),
        ("Authorization", "eyJ."),
        ("Content-Type", "application/json;"),
        ("Content-Type", 'charset="\\'),
        ("Cookie", "__Host-homelog_access=a;"),
        ("Cookie", '="\\'),
        ("Forwarded", '\\"'),
        ("Host", "[:@"),
        ("If-Match", '"5-",'),
        ("If-Match", '"f'),
        ("If-None-Match", 'W/"'),
        ("Origin", "https://"),
        ("X-CSRF-Token", "a"),
        ("X-Forwarded-For", "10.0.0.1,"),
    ],
)
async def test_a_header_takes_time_by_its_length(settings: Settings, name: str, text: str) -> None:
    # Read again for each character, so long a header would hold everybody up for an hour.
    proxied = msgspec.structs.replace(settings, trusted_proxies=("127.0.0.1",), allowed_hosts=("homelog.test",))
    async with serve(proxied) as home:
        ann = await home.person("ann")
        headers = {"Content-Type": "application/json", name: text * (LONG // len(text))}
        answers = [
            await ann.patch("/v1/me", {"display_name": "Ann"}, headers=headers),
            await ann.get("/v1/me", headers=headers),
            await home.client.get("/v1/reference", headers=headers),
            await home.client.post("/v1/auth/logout", headers=headers),
        ]
        assert all(answer.status_code < 500 for answer in answers)


@pytest.mark.parametrize(
    "name", [AT, f"{AT}`", f"{AT}.email`", "Expected `", "`, got", "$.[]", "Object contains unknown field `"]
)
@pytest.mark.parametrize("end", ["", "\n", "`\n"])
async def test_a_body_takes_time_by_its_length(home: Household, name: str, end: str) -> None:
    body = {"email": "a", "password": "b", name * (LONG // len(name)) + end: 1}
    answer = await home.client.post("/v1/auth/login", json=body)
    assert answer.status_code == 422
    assert answer.json()["type"] == "/errors/invalid"


@pytest.mark.parametrize("middle", ["a", "%61", "%F0%9F%98%80", "/"])
async def test_a_long_path_leads_nowhere_and_is_counted(settings: Settings, middle: str) -> None:
    async with serve(msgspec.structs.replace(settings, rate_limit=10)) as home:
        longest = "/v1/auth/" + middle * ((1000 - len("/v1/auth//login")) // len(middle)) + "/login"
        for path in (longest, longest.replace("/login", middle * 5 + "/login")):
            answer = await home.client.get(f"http://homelog.test{path}")
            expected = 404 if len(path) > 1000 or middle != "/" else 405
            assert (answer.status_code, answer.headers["content-type"]) == (expected, "application/problem+json")
        assert answer.headers["ratelimit-remaining"] == "8"


async def asked(app: Edge, path: str, query: str = "", host: str = "homelog.test") -> int:
    """The status of a GET without a client, which keeps what it has sent."""
    sent: list[Any] = []
    scope = {
        "type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "root_path": "",
        "headers": [(b"host", host.encode())], "path": path, "raw_path": path.encode(), "query_string": query.encode(),
        "client": ("203.0.113.1", 1), "server": ("homelog.test", 80), "asgi": {"version": "3.0"},
        "extensions": {}, "state": {},
    }  # fmt: skip

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)  # type: ignore[arg-type]
    return int(sent[0]["status"])


async def test_long_paths_and_queries_are_not_kept(home: Household) -> None:
    async def ask(n: int) -> list[int]:
        return [
            await asked(home.app, f"/v1/reference/{n}{'a' * 60_000}"),
            await asked(home.app, f"/v1/auth/{n}{'a' * 60_000}/login"),
            await asked(home.app, "/v1/reference", f"a={n}{'a' * 60_000}"),
            await asked(home.app, "/v1/reference", f"a={n}{'&a' * 2_000}"),
        ]

    await ask(0)
    tracemalloc.start()
    try:
        for n in range(1, 100):
            assert await ask(n) == [401, 404, 400, 400]
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()


async def test_long_hosts_are_not_kept(home: Household, settings: Settings) -> None:
    async with serve(msgspec.structs.replace(settings, allowed_hosts=("homelog.test",))) as named:

        async def ask(n: int) -> list[int]:
            host = f"{n}{'a' * 60_000}"
            return [
                # What is missing in a query is told with the address, which is parsed for that.
                await asked(home.app, "/v1/series", host=host),
                await asked(named.app, "/v1/reference", host=host),
                await asked(named.app, "/health/live", host=host),
            ]

        await ask(0)
        tracemalloc.start()
        try:
            for n in range(1, 100):
                assert await ask(n) == [400, 400, 400]
            gc.collect()
            assert tracemalloc.get_traced_memory()[0] < 1_000_000
        finally:
            tracemalloc.stop()


async def test_the_longest_host_is_as_long_as_a_name_can_be(home: Household) -> None:
    longest = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61])
    for host, status in ((f"{longest}:65535", 200), (f"{longest}.:65535", 200), (f"{longest}.a:65535", 400)):
        assert await asked(home.app, "/v1/reference", host=host) == status


@pytest.mark.parametrize(("query", "status"), [("a=" + "a" * 7998, 200), ("a=" + "a" * 7999, 400), ("a&" * 200, 400)])
async def test_a_query_has_an_end(home: Household, query: str, status: int) -> None:
    answer = await home.client.get(f"/v1/reference?{query}")
    assert answer.status_code == status
    assert status == 200 or answer.json()["type"] == "/errors/unreadable"


async def test_options_and_a_refusal_name_every_method_of_their_path(home: Household) -> None:
    ann = await home.person("ann")
    methods: dict[str, set[str]] = defaultdict(lambda: {"OPTIONS"})
    for handler in HANDLERS:
        for path in handler.paths:
            methods[path] |= handler.http_methods | ({"HEAD"} if "GET" in handler.http_methods else set())
    assert methods["/v1/me"] == {"GET", "HEAD", "PATCH", "DELETE", "OPTIONS"}
    for path, taken in methods.items():
        place = re.sub(r"{\w+:(\w+)}", lambda part: str(uuid4()) if part[1] == "uuid" else "x", path)
        asked, refused = await ann.call("OPTIONS", place), await ann.call("BREW", place)
        assert (asked.status_code, asked.content, refused.status_code) == (204, b"", 405), path
        for answer in (asked, refused):
            assert sorted(answer.headers["allow"].split(", ")) == sorted(taken), path
        assert all(method in refused.json()["detail"] for method in taken), path
    assert refused.json()["detail"].startswith("Only ")


async def test_head_is_answered_as_get_is_without_the_body(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    path = f"/v1/sources/{source['id']}"
    await ann.post(f"{path}/readings", [{"timestamp": "2020-01-01T00:00:00Z", "value": 1}])
    paths = ("/schema", "/health/live", path, f"{path}/readings", f"/v1/sources/{uuid4()}", "/v1/nothing")
    for person, where in product((ann, home.nobody), paths):
        get, head = await person.get(where), await person.call("HEAD", where)
        assert (head.status_code, head.content) == (get.status_code, b""), where
        assert head.headers.keys() == get.headers.keys()
        assert int(head.headers["content-length"]) == len(get.content)
    tag = {"If-None-Match": (await ann.get(path)).headers["etag"]}
    assert (await ann.call("HEAD", path, headers=tag)).status_code == 304
    lines = await ann.call("HEAD", f"{path}/readings", headers={"Accept": "text/csv"})
    assert (lines.status_code, lines.content) == (200, b"")
    assert lines.headers["content-type"].startswith("text/csv")
    assert (await ann.call("HEAD", "/v1/auth/login")).status_code == 405


# The disk


async def test_readings_are_refused_before_the_disk_is_full_and_all_else_goes_on(
    home: Household, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await home.person("ann")
    meter = await ann.source()
    made = await ann.made("/v1/me/tokens", name="Collector", scopes=["write:data"])
    free = 0
    real = os.statvfs(tmp_path)

    def statvfs(folder: Path) -> os.statvfs_result:
        assert folder == tmp_path
        return os.statvfs_result((*real[:4], free // real.f_frsize, *real[5:]))

    monkeypatch.setattr("os.statvfs", statvfs)
    monkeypatch.setattr("service.disk.SECONDS", 0)
    async with serve(msgspec.structs.replace(settings, database_disk=tmp_path)) as low:
        own = Person(low.client, "ann", ann.login)

        async def log() -> list[httpx.Response]:
            readings = f"/v1/sources/{meter['id']}/readings"
            return [
                await own.post(readings, {"value": 1}),
                await own.post(readings, content=b"timestamp,value\n", headers={"Content-Type": "text/csv"}),
                await own.post("/v1/readings", []),
                await low.client.post(
                    "/api/v2/write", content=b"m f=1", headers={"Authorization": f"Token {made['token']}"}
                ),
            ]

        for answer in await log():
            assert answer.status_code == 507
            assert_safe(answer)
        assert (await own.post(f"/v1/sources/{meter['id']}/readings", {"value": 1})).json()["type"] == (
            "/errors/disk_low"
        )
        assert (await own.get(f"/v1/sources/{meter['id']}")).json()["latest"] is None
        assert (await own.patch(f"/v1/sources/{meter['id']}", {"name": "Meter 2"})).status_code == 200
        anonymous = await low.client.post(f"/v1/sources/{meter['id']}/readings", json={"value": 1})
        assert anonymous.status_code == 401
        free = 1 << 40
        assert {answer.status_code for answer in await log()} <= {200, 201, 204}


def test_a_small_disk_keeps_a_tenth_and_one_that_cannot_be_asked_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size, block = 100 << 20, 4096
    for free, is_low in ((9 << 20, True), (11 << 20, False)):
        found = os.statvfs_result((block, block, size // block, free // block, free // block, 0, 0, 0, 0, 255))
        monkeypatch.setattr("os.statvfs", lambda _, found=found: found)
        disk = Disk(tmp_path)
        if is_low:
            with pytest.raises(Problem):
                disk.demand_room()
        else:
            disk.demand_room()
    monkeypatch.undo()
    Disk(tmp_path / "nowhere").demand_room()
    Disk(None).demand_room()


# Bodies that come slowly


class Trickle(httpx.AsyncByteStream):
    """A body of some pieces, each after a while."""

    def __init__(self, pieces: int, piece: bytes, seconds: float) -> None:
        self.pieces, self.piece, self.seconds = pieces, piece, seconds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self.pieces):
            await asyncio.sleep(self.seconds)
            yield self.piece


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines of a tenth of their length and less."""
    monkeypatch.setattr("service.arrival.IDLE_SECONDS", 0.5)
    monkeypatch.setattr("service.arrival.WHOLE_SECONDS", 1.5)
    monkeypatch.setattr("service.arrival.BYTES_PER_SECOND", 1000)


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("pieces", "piece", "seconds"),
    [
        (2, b"{", 5),  # silent
        (100, b" ", 0.1),  # a byte at a time
        (100, b" " * 5000, 0.1),  # fast enough, but for ever
    ],
    ids=["silent", "a byte at a time", "for ever"],
)
async def test_a_body_that_comes_too_slowly_is_not_waited_for(
    home: Household, hurry: None, pieces: int, piece: bytes, seconds: float
) -> None:
    answer = await home.client.post("/v1/auth/login", content=Trickle(pieces, piece, seconds), headers=JSON)
    assert answer.status_code == 408
    assert answer.json()["type"] == "/errors/too_slow"
    assert_safe(answer)


async def test_a_body_that_takes_a_little_is_waited_for(home: Household, hurry: None) -> None:
    ann = await home.person("ann")
    answer = await ann.call("POST", "/v1/homes", content=Trickle(3, b'{"name": "Home"}', 0.05), headers=JSON)
    assert answer.status_code == 400  # three of them are no JSON
    answer = await ann.call("POST", "/v1/homes", content=Trickle(1, b'{"name": "Home"}', 0.2), headers=JSON)
    assert answer.status_code == 201


async def test_readings_may_come_for_as_long_as_they_come_fast_enough(home: Household, hurry: None) -> None:
    ann = await home.person("ann")
    meter = await ann.source()
    rows = b"".join(b"2026-01-01T00:%02d:00Z,1\n" % n for n in range(20))
    body = Trickle(30, b"timestamp,value\n" + rows, 0.1)
    slow = Trickle(30, b"2026-01-01T00:00:00Z,1\n", 0.1)
    csv = {"Content-Type": "text/csv"}
    path = f"/v1/sources/{meter['id']}/readings?mode=partial"
    assert (await ann.call("POST", path, content=body, headers=csv)).status_code == 200
    assert (await ann.call("POST", path, content=slow, headers=csv)).status_code == 408
