"""InfluxDB's line protocol over HTTP: who may write, what becomes of a line, which source a series is."""

import asyncio
import base64
import gzip
import io
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from service.line_protocol import writing
from tests.api.test_tokens import READ, WRITE, Device, device
from tests.people import Household, Person
from tests.test_service import logged

SECOND = 1_767_225_600
"""2026-01-01, in seconds."""


class Collector(Device):
    """What writes lines, as clients of InfluxDB 2 do."""

    async def write(
        self, *lines: str | bytes, path: str = "/api/v2/write?precision=s", **options: Any
    ) -> httpx.Response:
        body = b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines)
        headers = {"Authorization": f"Token {self.login['access_token']}", **options.pop("headers", {})}
        return await self.client.post(path, content=body, headers=headers, **options)

    async def stored(self, *lines: str | bytes, **options: Any) -> None:
        response = await self.write(*lines, **options)
        assert (response.status_code, response.content) == (204, b""), response.text


async def collector(owner: Person, *scopes: str, **fields: Any) -> Collector:
    return Collector(owner.client, (await device(owner, *(scopes or (WRITE,)), **fields)).login["access_token"])


async def sources(owner: Person) -> dict[str, Any]:
    """Each source of the owner's by its name."""
    return {each["name"]: each for each in (await owner.get("/v1/sources?limit=1000")).json()["items"]}


async def values(owner: Person, name: str) -> list[tuple[str, float]]:
    """The readings of the source of that name, oldest first."""
    source = (await sources(owner))[name]
    items = (await owner.get(f"/v1/sources/{source['id']}/readings?order=asc&limit=1000")).json()["items"]
    return [(item["timestamp"], item["value"]) for item in items]


# What becomes of a line


async def test_each_number_of_a_line_is_a_reading_of_a_source_of_its_own(home: Household) -> None:
    ann = await home.person("ann")
    sensor = await collector(ann)
    await sensor.stored(
        f'temperature,room=kitchen,unit=°C value=21.5,battery=90i,ok=true,name="x" {SECOND}',
        f"temperature,unit=°C,room=kitchen value=22.5 {SECOND + 60}",
    )
    made = await sources(ann)
    assert made.keys() == {f"temperature,room=kitchen,unit=°C {field}" for field in ("value", "battery", "ok")}
    source = made["temperature,room=kitchen,unit=°C value"]
    assert (source["source_type"], source["unit"], source["kind"]) == ("temperature", "°C", "gauge")
    assert (source["created_by"], source["access_level"], source["is_public"]) == (ann.id, "admin", False)
    assert await values(ann, source["name"]) == [("2026-01-01T00:00:00Z", 21.5), ("2026-01-01T00:01:00Z", 22.5)]
    assert await values(ann, "temperature,room=kitchen,unit=°C battery") == [("2026-01-01T00:00:00Z", 90)]
    assert await values(ann, "temperature,room=kitchen,unit=°C ok") == [("2026-01-01T00:00:00Z", 1)]


async def test_a_line_without_a_time_is_of_now(home: Household) -> None:
    ann = await home.person("ann")
    await (await collector(ann)).stored("m f=1")
    ((at, value),) = await values(ann, "m f")
    assert value == 1
    assert abs((datetime.fromisoformat(at) - datetime.now(UTC)).total_seconds()) < 10


async def test_the_last_value_of_a_time_wins_and_what_comes_again_changes_nothing(
    home: Household, dba: asyncpg.Connection
) -> None:
    ann = await home.person("ann")
    sensor = await collector(ann)
    await sensor.stored(f"m f=1 {SECOND}", f"m f=2 {SECOND}")
    assert await values(ann, "m f") == [("2026-01-01T00:00:00Z", 2)]
    await sensor.stored(f"m f=3 {SECOND}")
    assert await values(ann, "m f") == [("2026-01-01T00:00:00Z", 3)]
    written = await dba.fetchval("SELECT count(*) FROM audit_logs")
    for _ in range(3):
        await sensor.stored(f"m f=3 {SECOND}")
    assert await dba.fetchval("SELECT count(*) FROM audit_logs") == written


@pytest.mark.parametrize(
    ("path", "times"),
    [
        ("/api/v2/write", 10**9),
        ("/api/v2/write?precision=ns", 10**9),
        ("/api/v2/write?precision=us&org=o&bucket=b", 10**6),
        ("/api/v2/write?precision=ms", 10**3),
        ("/api/v2/write?precision=s", 1),
        ("/write?db=x&rp=y", 10**9),
        ("/write?precision=n", 10**9),
        ("/write?precision=ns", 10**9),
        ("/write?precision=u", 10**6),
        ("/write?precision=%C2%B5", 10**6),
        ("/write?precision=us", 10**6),
        ("/write?precision=ms&consistency=one", 10**3),
        ("/write?precision=s", 1),
        ("/write?precision=m", 1 / 60),
        ("/write?precision=h", 1 / 3600),
    ],
)
async def test_a_time_is_of_the_precision_that_is_named(home: Household, path: str, times: float) -> None:
    ann = await home.person("ann")
    await (await collector(ann)).stored(f"m f=1 {round(SECOND * times)}", path=path)
    assert await values(ann, "m f") == [("2026-01-01T00:00:00Z", 1)]


async def test_a_body_may_be_gzip_and_of_any_media_type(home: Household) -> None:
    ann = await home.person("ann")
    sensor = await collector(ann)
    for n, (media_type, coding) in enumerate(
        (("text/plain; charset=utf-8", "gzip"), ("application/octet-stream", "identity"), ("", "gzip"))
    ):
        line = f"m f={n} {SECOND + n}".encode()
        body = gzip.compress(line) if coding == "gzip" else line
        await sensor.stored(body, headers={"Content-Type": media_type, "Content-Encoding": coding})
    assert len(await values(ann, "m f")) == 3


@pytest.mark.parametrize("body", ["", "\n", "# nothing\n", 'm s="text"', "\r\n"])
async def test_a_write_of_nothing_is_taken(home: Household, body: str) -> None:
    # Home Assistant asks whether it may write by writing nothing.
    ann = await home.person("ann")
    sensor = await collector(ann)
    await sensor.stored(body)
    await sensor.stored(body, path="/write?db=x")
    assert await sources(ann) == {}


async def test_the_readings_are_the_owners_and_the_audit_names_the_token(
    home: Household, dba: asyncpg.Connection
) -> None:
    ann = await home.person("ann")
    await (await collector(ann)).stored(f"m f=1 {SECOND}")
    token = (await ann.get("/v1/me/tokens")).json()["items"][0]
    assert token["last_used_at"] is not None
    rows = await dba.fetch(
        "SELECT event_type, user_id::text FROM audit_logs WHERE details::jsonb ->> 'token_id' = $1 ORDER BY id",
        token["id"],
    )
    assert {row["event_type"] for row in rows} == {
        "create_source", "grant_access", "create_line_mapping", "create_entry",
    }  # fmt: skip
    assert {row["user_id"] for row in rows} == {ann.id}
    assert await dba.fetchval("SELECT recorded_by::text FROM readings") == ann.id


# What is wrong


@pytest.mark.parametrize(("path", "key"), [("/api/v2/write?precision=s", "message"), ("/write?precision=s", "error")])
async def test_a_wrong_line_is_named_and_the_good_ones_are_stored(home: Household, path: str, key: str) -> None:
    ann = await home.person("ann")
    sensor = await collector(ann)
    response = await sensor.write(
        f"m f=1 {SECOND}", "nonsense", f"m f=2 {SECOND + 1}", b"m,t=\xff f=1", "m f=1 99999999999", path=path
    )
    assert (response.status_code, response.headers["content-type"]) == (400, "application/json")
    answer = response.json()
    shape = "This is no line of the protocol: measurement[,tag=value…] field=value[,…] [time]"
    assert answer[key] == (
        f"partial write: line 2: {shape}; line 4: {shape}; line 5: A reading's time lies between 1970 and 24 hours from"
        " now dropped=3"
    )
    assert answer.keys() == ({"code", "message"} if key == "message" else {"error"})
    assert answer.get("code", "invalid") == "invalid"
    assert [value for _, value in await values(ann, "m f")] == [1, 2]


async def test_a_write_of_nothing_but_wrong_lines_names_the_first_ones(home: Household) -> None:
    ann = await home.person("ann")
    response = await (await collector(ann)).write(*["x"] * 2000)
    assert response.status_code == 400
    message = response.json()["message"]
    assert message.startswith("partial write: line 1: ")
    assert message.count("; line") == writing.SHOWN - 1
    assert message.endswith("; … dropped=2000")
    assert ".;" not in message


async def test_a_mark_of_the_byte_order_is_no_part_of_a_name(home: Household) -> None:
    ann = await home.person("ann")
    sensor = await collector(ann)
    await sensor.stored(b"\xef\xbb\xbfm f=1")
    await sensor.stored(gzip.compress(b"\xef\xbb\xbfm f=2"), headers={"Content-Encoding": "gzip"})
    assert list(await sources(ann)) == ["m f"]


@pytest.mark.parametrize("path", ["/api/v2/write", "/write"])
async def test_what_comes_again_in_vain_is_4xx_and_what_may_do_better_says_when(
    home: Household, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    ann = await home.person("ann")
    sensor = await collector(ann)
    monkeypatch.setattr(writing, "BODY_BYTES", 1000)
    gzipped = {"Content-Encoding": "gzip"}
    cases: list[tuple[int, str, httpx.Response]] = [
        (413, "request too large", await sensor.write("m f=1\n" * 1000, path=path)),
        (413, "request too large", await sensor.write(gzip.compress(b"m f=1\n" * 9000), path=path, headers=gzipped)),
        (400, "invalid", await sensor.write("no gzip", path=path, headers=gzipped)),
        (415, "unsupported media type", await sensor.write("x", path=path, headers={"Content-Encoding": "br"})),
        (422, "invalid", await sensor.write("m f=1", path=f"{path}?precision=d")),
    ]
    monkeypatch.setattr(writing, "MOST_SERIES", 2)
    cases.append((413, "request too large", await sensor.write("m a=1,b=2,c=3", path=path)))
    for status, code, response in cases:
        assert response.status_code == status, response.text
        if path == "/write":
            assert list(response.json()) == ["error"]
        else:
            assert response.json()["code"] == code
    database = home.app.app.state.database
    held = [await database.pool.acquire() for _ in range(database.pool.get_max_size())]
    response = await sensor.write("m f=1", path=path)
    for connection in held:
        await database.pool.release(connection)
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")
    assert await sources(ann) == {}


async def test_what_breaks_inside_shows_nothing_of_the_inside(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    sensor = await collector(ann)
    await dba.execute("ALTER TABLE line_protocol_sources RENAME COLUMN series TO hidden")
    response = await sensor.write("m f=1")
    assert (response.status_code, response.json()["code"]) == (500, "internal error")
    assert "hidden" not in response.text


# Who may write


async def test_a_client_says_its_token_in_any_of_influxdbs_ways(home: Household) -> None:
    ann = await home.person("ann")
    token = (await collector(ann)).login["access_token"]

    def basic(said: str) -> str:
        return "Basic " + base64.b64encode(said.encode()).decode()

    ways: list[tuple[str, dict[str, str]]] = [
        ("", {"Authorization": f"Token {token}"}),
        ("", {"Authorization": f"token {token}"}),
        ("", {"Authorization": f"Bearer {token}"}),
        ("", {"Authorization": f"Token ann:{token}"}),
        ("", {"Authorization": basic(f"ann:{token}")}),
        ("", {"Authorization": basic(f":{token}")}),
        (f"&u=ann&p={token}", {}),
        (f"&p={token}", {}),
    ]
    for path in ("/api/v2/write?precision=s", "/write?precision=s"):
        for said, headers in ways:
            response = await home.client.post(path + said, content=f"m f=1 {SECOND}", headers=headers)
            assert response.status_code == 204, (said, headers, response.text)


@pytest.mark.parametrize("path", ["/api/v2/write", "/write"])
async def test_without_a_device_token_nothing_is_taken(home: Household, dba: asyncpg.Connection, path: str) -> None:
    ann = await home.person("ann")
    sensor = await collector(ann)
    token = sensor.login["access_token"]
    unknown = f"hl_{'x' * 43}"
    ways: list[dict[str, str]] = [
        {},
        {"Authorization": f"Token {unknown}"},
        {"Authorization": f"Token {ann.login['access_token']}"},
        {"Authorization": f"Bearer {ann.login['access_token']}"},
        {"Authorization": "Token "},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic " + base64.b64encode(b"\xff\xff").decode()},
        {"Authorization": "Basic " + base64.b64encode(f"{token}:x".encode()).decode()},
        {"Authorization": f"Digest {token}"},
        {"Authorization": token},
    ]
    broken = gzip.compress(b"m f=1")[:-3]
    for headers in ways:
        for body, coding in ((b"m f=1", "identity"), (broken, "gzip"), (b"x", "br")):
            response = await home.client.post(path, content=body, headers={**headers, "Content-Encoding": coding})
            assert response.status_code == 401, (headers, response.text)
            assert response.json().get("code", "unauthorized") == "unauthorized"
            assert "www-authenticate" in response.headers
    assert await dba.fetchval("SELECT count(*) FROM readings") == 0


async def test_a_token_that_only_reads_is_told_so(home: Household) -> None:
    ann = await home.person("ann")
    response = await (await collector(ann, READ)).write("m f=1")
    assert response.status_code == 403
    assert response.json() == {"code": "forbidden", "message": "This needs a token with the scope write:data."}


async def test_a_token_that_was_taken_away_writes_nothing(home: Household) -> None:
    ann = await home.person("ann")
    sensor = await collector(ann)
    (token,) = (await ann.get("/v1/me/tokens")).json()["items"]
    await ann.delete(f"/v1/me/tokens/{token['id']}")
    assert (await sensor.write("m f=1")).status_code == 401


async def test_no_token_is_in_a_log_line_or_an_error(home: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = await home.person("ann")
    sensor = await collector(ann)
    canary = sensor.login["access_token"]
    with logged(monkeypatch) as lines:
        assert isinstance(lines, io.BytesIO)
        answers = [
            await sensor.write("m f=1", canary),
            await home.client.post(f"/write?u=ann&p={canary}&precision=x", content="m f=1"),
            await home.client.post(f"/write?u=ann&p={canary}x", content="m f=1"),
            await home.client.get(f"/write?p={canary}"),
        ]
    assert lines.getvalue().count(b'"request"') == len(answers)
    for text in (lines.getvalue().decode(), *(answer.text for answer in answers)):
        assert canary not in text


# Which source a series is


async def test_a_series_goes_where_its_owner_says(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source(name="Kitchen")
    made = await ann.put("/v1/me/line-mappings", {"series": "m,b=2,a=1 f", "source_id": source["id"]})
    assert made.status_code == 201
    mapping = made.json()
    assert list(mapping) == ["id", "series", "source_id", "created_at", "updated_at"]
    assert (mapping["series"], mapping["source_id"]) == ("m,a=1,b=2 f", source["id"])
    assert made.headers["location"] == f"/v1/me/line-mappings/{mapping['id']}"
    assert (await ann.get(made.headers["location"])).json() == mapping
    sensor = await collector(ann)
    await sensor.stored(f"m,a=1,b=2 f=1 {SECOND}", f"m,b=2,a=1 f=2 {SECOND + 1}")
    assert [value for _, value in await values(ann, "Kitchen")] == [1, 2]

    other = await ann.source(name="Cellar")
    again = await ann.put("/v1/me/line-mappings", {"series": "m,a=1,b=2 f", "source_id": other["id"]})
    assert (again.status_code, again.json()["id"], again.json()["source_id"]) == (200, mapping["id"], other["id"])
    await sensor.stored(f"m,a=1,b=2 f=3 {SECOND}")
    assert [value for _, value in await values(ann, "Cellar")] == [3]
    assert (await ann.get("/v1/me/line-mappings")).json()["items"] == [again.json()]


async def test_a_series_that_is_mapped_to_nothing_is_not_kept(home: Household) -> None:
    ann = await home.person("ann")
    assert (await ann.put("/v1/me/line-mappings", {"series": "m noise", "source_id": None})).status_code == 201
    await (await collector(ann)).stored(f"m noise=1,f=2 {SECOND}")
    assert (await sources(ann)).keys() == {"m f"}


async def test_a_series_whose_mapping_or_source_is_gone_gets_a_new_source(home: Household) -> None:
    ann = await home.person("ann")
    sensor = await collector(ann)
    await sensor.stored(f"m f=1 {SECOND}")
    first = (await sources(ann))["m f"]
    assert (await ann.delete(f"/v1/sources/{first['id']}")).status_code == 204
    assert (await ann.get("/v1/me/line-mappings")).json()["items"] == []
    await sensor.stored(f"m f=2 {SECOND}")
    (mapping,) = (await ann.get("/v1/me/line-mappings")).json()["items"]
    assert mapping["source_id"] == (await sources(ann))["m f"]["id"] != first["id"]
    assert (await ann.delete(f"/v1/me/line-mappings/{mapping['id']}")).status_code == 204
    await sensor.stored(f"m f=3 {SECOND}")
    assert len((await ann.get("/v1/sources")).json()["items"]) == 2


async def test_a_bound_token_writes_to_what_is_mapped_to_its_sources_and_makes_none(home: Household) -> None:
    ann = await home.person("ann")
    mine, other = await ann.source(name="Mine"), await ann.source(name="Other")
    for series, source in (("m mine", mine), ("m other", other)):
        await ann.put("/v1/me/line-mappings", {"series": series, "source_id": source["id"]})
    sensor = await collector(ann, WRITE, source_ids=[mine["id"]])
    response = await sensor.write(f"m mine=1,other=2,new=3 {SECOND}")
    assert response.status_code == 400
    assert "There is no such source that you can see" in response.json()["message"]
    assert "the token is bound to sources" in response.json()["message"]
    assert response.json()["message"].endswith("dropped=2")
    assert (await sources(ann)).keys() == {"Mine", "Other"}
    assert [value for _, value in await values(ann, "Mine")] == [1]
    assert await values(ann, "Other") == []


async def test_a_series_goes_nowhere_its_owner_may_not_write(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    source = await ann.source()
    put = {"series": "m f", "source_id": source["id"]}
    unknown = await ben.put("/v1/me/line-mappings", {**put, "source_id": str(uuid4())})
    for level in (None, "read"):
        if level:
            await ann.grant(source, ben, level)
        response = await ben.put("/v1/me/line-mappings", put)
        assert (response.status_code, response.json()["errors"]) == (422, unknown.json()["errors"])
        assert response.json()["errors"][0]["pointer"] == "/source_id"
    path = f"/v1/sources/{source['id']}/access/{ben.id}"
    await ann.put(path, {"access_level": "write"})
    assert (await ben.put("/v1/me/line-mappings", put)).status_code == 201
    sensor = await collector(ben)
    await sensor.stored(f"m f=1 {SECOND}")
    await ann.put(path, {"access_level": "read"})
    refused = await sensor.write(f"m f=2 {SECOND + 1}")
    assert (refused.status_code, "does not allow this" in refused.text) == (400, True)


async def test_mappings_are_ones_own(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    await (await collector(ann)).stored(f"m f=1 {SECOND}")
    await (await collector(ben)).stored(f"m f=2 {SECOND}")
    assert [value for _, value in await values(ann, "m f")] == [1]
    (mapping,) = (await ann.get("/v1/me/line-mappings")).json()["items"]
    path = f"/v1/me/line-mappings/{mapping['id']}"
    assert (await ben.get(path)).status_code == 404
    assert (await ben.delete(path)).status_code == 404
    assert (await ann.delete(path, headers={"If-Match": '"0-0"'})).status_code == 412
    assert (await ann.get(path)).status_code == 200


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"series": ""}, "/series"),
        ({"series": "m"}, "/series"),
        ({"series": "m f=1"}, "/series"),
        ({"series": "m,a f"}, "/series"),
        ({"series": "m\n f"}, "/series"),
        ({"series": f"{'ü' * 1500} f"}, "/series"),
        ({"series": "x" * 3000}, "/series"),
        ({"source_id": "x"}, "/source_id"),
        ({"user_id": str(uuid4())}, "/user_id"),
        ({"is_made": True}, "/is_made"),
    ],
)
async def test_a_wrong_mapping_is_refused(home: Household, fields: dict[str, Any], pointer: str) -> None:
    ann = await home.person("ann")
    response = await ann.put("/v1/me/line-mappings", {"series": "m f", "source_id": None, **fields})
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["pointer"] == pointer


async def test_only_so_many_sources_are_made(home: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MOST_MADE", 3)
    ann = await home.person("ann")
    sensor = await collector(ann)
    await sensor.stored(f"m a=1,b=1 {SECOND}")
    response = await sensor.write(f"m a=2,c=2,d=2,e=2 {SECOND + 1}")
    assert response.status_code == 400
    assert response.json()["message"].endswith("dropped=2")
    assert (await sources(ann)).keys() == {"m a", "m b", "m c"}
    assert [value for _, value in await values(ann, "m a")] == [1, 2]
    # One's own sources do not count.
    mine = await ann.source(name="Mine")
    await ann.put("/v1/me/line-mappings", {"series": "m d", "source_id": mine["id"]})
    await sensor.stored(f"m d=3 {SECOND}")
    assert (await sensor.write(f"m e=3 {SECOND}")).status_code == 400
    # And each that goes makes room for another.
    await ann.delete(f"/v1/sources/{(await sources(ann))['m b']['id']}")
    await sensor.stored(f"m e=3 {SECOND}")


async def test_collectors_that_see_a_series_first_at_once_make_one_source(home: Household) -> None:
    ann = await home.person("ann")
    sensor = await collector(ann)
    answers = await asyncio.gather(*(sensor.write(f"m f={n},g={n} {SECOND + n}") for n in range(10)))
    assert {answer.status_code for answer in answers} == {204}
    assert (await sources(ann)).keys() == {"m f", "m g"}
    assert len(await values(ann, "m f")) == len(await values(ann, "m g")) == 10


async def test_a_series_of_odd_names_gets_a_source(home: Household) -> None:
    ann = await home.person("ann")
    long = "x" * 150
    await (await collector(ann)).stored(
        f"{long},unit={'y' * 30} f=1 {SECOND}", rf"\ \ m\,n,a\=b=c\ d f\ g=1 {SECOND}", f"🏠,unit=\xa0 ü=1 {SECOND}"
    )
    made = await sources(ann)
    assert {(each["source_type"], each["unit"]) for each in made.values()} == {
        (long[:50], "1"), ("m,n", "1"), ("🏠", "1"),
    }  # fmt: skip


async def test_many_lines_are_stored_in_one_write(home: Household) -> None:
    ann = await home.person("ann")
    lines = [f"m,s={n % 20} f={n}.5 {SECOND + n}" for n in range(25_000)]
    await (await collector(ann)).stored(gzip.compress("\n".join(lines).encode()), headers={"Content-Encoding": "gzip"})
    latest = (await ann.get("/v1/readings/latest")).json()["items"]
    assert sorted(item["latest"]["value"] for item in latest) == [n + 0.5 for n in range(24_980, 25_000)]


# What clients ask before they write


async def test_influxdbs_clients_find_what_they_ask_for(home: Household) -> None:
    for method in ("GET", "HEAD"):
        response = await home.client.request(method, "/ping")
        assert (response.status_code, response.content) == (204, b"")
        assert response.headers["x-influxdb-version"].startswith("homelog-")
    health = await home.client.get("/health")
    assert (health.status_code, health.json()["status"], health.json()["name"]) == (200, "pass", "homelog")
