"""Whole ranges read out as CSV and NDJSON."""

import asyncio
import csv
import io
import json
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import settings as checked
from hypothesis import strategies as st

from service import streams
from service.answers import preferred
from service.readings.export import csv_rows
from service.settings import Settings
from service.streams import json_rows
from tests.people import Household, Person, serve

CSV, NDJSON = {"Accept": "text/csv"}, {"Accept": "application/x-ndjson"}
HEADER = "id,timestamp,value,quality_flag,notes"
AWKWARD = [
    {
        "timestamp": "2020-03-29T01:59:59.999999Z",
        "value": 0.1 + 0.2,
        "notes": 'a, "b"\nc\r\nd\\n',
        "metadata": {"a": 1},
    },
    {"timestamp": "2020-03-29T02:00:00Z", "value": -0.0, "notes": "ünï\u2028ço∂e 🪴\t\x01\x02\x7f"},
    {"timestamp": "2020-03-29T02:00:00.5Z", "value": 1.7976931348623157e308, "quality_flag": "bad"},
    {"timestamp": "1970-01-01T00:00:00Z", "value": 5e-324, "notes": "\\."},
    {"timestamp": "2020-10-25T00:30:00.000001Z", "value": 123456789.12345679, "notes": " padded "},
    {"timestamp": "2020-10-25T00:30:00.10Z", "value": 1e20, "notes": "=1+1, 2026-01-01 00:00:00+00,"},
    {"timestamp": "2020-10-25T00:31:00Z", "value": 1, "notes": '+00:00"', "metadata": {"timestamp": "x+00:00"}},
    {"timestamp": "2020-10-25T00:32:00Z", "value": 2, "notes": '"timestamp":"2026-01-01T00:00:00.5+00:00"'},
]


def readings(source: Any) -> str:
    return f"/v1/sources/{source['id']}/readings"


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.split("\n")[:-1]]


async def filled(person: Person, rows: list[dict[str, Any]], **fields: Any) -> Any:
    source = await person.source(**fields)
    response = await person.post(readings(source), rows)
    assert response.json()["created"] == len(rows), response.text
    return source


async def fill(dba: asyncpg.Connection, source: Any, count: int) -> None:
    await dba.execute(
        "INSERT INTO readings (source_id, value, timestamp)"
        " SELECT $1, n * 1.1, timestamptz '2025-01-01T00:00:00Z' + n * interval '1 minute'"
        " FROM generate_series(0, $2::int - 1) AS n",
        source["id"],
        count,
    )
    await dba.execute("VACUUM ANALYZE readings")


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_ndjson_is_the_list_an_object_a_line(home: Household, order: str) -> None:
    ann = await home.person("ann")
    source = await filled(ann, AWKWARD)
    listed = (await ann.get(readings(source), params={"order": order})).json()["items"]
    response = await ann.get(readings(source), params={"order": order}, headers=NDJSON)
    assert response.headers["content-type"] == "application/x-ndjson"
    assert "content-length" not in response.headers
    assert lines(response.text) == listed
    assert [list(line) for line in lines(response.text)] == [list(item) for item in listed]


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_csv_says_what_the_list_says(home: Household, order: str) -> None:
    ann = await home.person("ann")
    source = await filled(ann, AWKWARD)
    listed = (await ann.get(readings(source), params={"order": order})).json()["items"]
    response = await ann.get(readings(source), params={"order": order}, headers=CSV)
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.text.startswith(HEADER + "\n")
    rows = list(csv.DictReader(io.StringIO(response.text, newline="")))
    told = [{**row, "value": float(row["value"]), "notes": row["notes"] or None} for row in rows]
    assert told == [{name: item[name] for name in HEADER.split(",")} for item in listed]


async def test_what_is_read_out_can_be_logged_again(home: Household) -> None:
    ann = await home.person("ann")
    source, other = await filled(ann, AWKWARD), await ann.source()
    out = await ann.get(readings(source), headers=CSV)
    assert out.headers["content-disposition"] == f'attachment; filename="readings-{source["id"]}.csv"'
    sent = {"content": out.content, "headers": {"Content-Type": "text/csv"}}
    response = await ann.post(readings(source), **sent)
    assert response.json()["duplicates"] == len(AWKWARD), response.text
    response = await ann.post(readings(other), **sent)
    assert response.json()["created"] == len(AWKWARD), response.text
    assert (await ann.get(readings(other), headers=CSV)).content == out.content


async def test_ndjson_without_the_servers_columns_can_be_logged_again(home: Household) -> None:
    ann = await home.person("ann")
    source, other = await filled(ann, AWKWARD), await ann.source()
    out = lines((await ann.get(readings(source), headers=NDJSON)).text)
    ours = ("source_id", "recorded_at", "recorded_by", "updated_at")
    rows = [json.dumps({name: value for name, value in row.items() if name not in ours}) for row in out]
    sent = {"content": "\n".join(rows), "headers": {"Content-Type": "application/x-ndjson"}}
    assert (await ann.post(readings(source), **sent)).json()["duplicates"] == len(AWKWARD)
    assert (await ann.post(readings(other), **sent)).json()["created"] == len(AWKWARD)
    again = lines((await ann.get(readings(other), headers=NDJSON)).text)
    assert [{**row, **dict.fromkeys(ours)} for row in again] == [{**row, **dict.fromkeys(ours)} for row in out]


MOMENTS = st.one_of(
    st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)).map(  # noqa: DTZ001
        lambda at: at.replace(microsecond=0)
    ),
)
NOTES = st.one_of(st.none(), st.text(), st.sampled_from(["2026-01-01 00:00:00.5+00,", '+00:00"', '"\n', "+00,"]))


def as_postgresql_writes(at: datetime, separator: str) -> str:
    return f"{at:%Y-%m-%d}{separator}{at:%H:%M:%S}" + (f".{at:%f}".rstrip("0") if at.microsecond else "")


def as_we_write(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}" + (f".{at:%f}Z" if at.microsecond else "Z")


@checked(deadline=None)
@given(st.lists(st.tuples(MOMENTS, NOTES)))
def test_lines_of_csv_change_in_nothing_but_the_form_of_their_times(rows: list[tuple[datetime, str | None]]) -> None:
    def line(at: str, notes: str | None) -> str:
        told = "" if notes is None else '"' + notes.replace('"', '""') + '"'
        return f"01a200ff-7e77-7026-b880-5ed872beb767,{at},-1.5e+300,good,{told}\n"

    written = "".join(line(as_postgresql_writes(at, " ") + "+00", notes) for at, notes in rows)
    wanted = "".join(line(as_we_write(at), notes) for at, notes in rows)
    assert (
        csv_rows((HEADER + "\n" + written).encode("utf-8", "replace")).decode()
        == (HEADER + "\n" + wanted).encode("utf-8", "replace").decode()
    )


@checked(deadline=None)
@given(st.lists(st.tuples(MOMENTS, MOMENTS, NOTES, NOTES)))
def test_lines_of_json_change_in_nothing_but_the_form_of_their_times(rows: list[Any]) -> None:
    def line(at: str, stored: str, notes: str | None, told: str | None) -> str:
        note = json.dumps(notes)
        metadata = "null" if told is None else json.dumps({told: [told, {"timestamp": told}]})
        return (
            f'{{"value":1.5e+300,"timestamp":"{at}","recorded_at":"{stored}","notes":{note},"metadata":{metadata},'
            f'"updated_at":"{stored}"}}\n'
        )

    written = "".join(
        line(as_postgresql_writes(at, "T") + "+00:00", as_postgresql_writes(stored, "T") + "+00:00", *rest)
        for at, stored, *rest in rows
    )
    wanted = "".join(line(as_we_write(at), as_we_write(stored), *rest) for at, stored, *rest in rows)
    assert json_rows(written.encode()).decode() == wanted


async def test_what_is_read_out_whole_has_no_pages(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    for name in ("limit", "cursor"):
        said = await ann.get(readings(source), params={name: "100"}, headers=CSV)
        assert said.status_code == 400
        assert said.json()["errors"][0]["pointer"] == f"?{name}"


async def test_times_and_numbers_are_written_the_same_whatever_a_dba_has_set(
    home: Household, dba: asyncpg.Connection, database: str, settings: Settings
) -> None:
    ann = await home.person("ann")
    source = await filled(ann, AWKWARD)
    wanted = [(await ann.get(readings(source), headers=accept)).content for accept in (CSV, NDJSON)]
    for setting in ("datestyle = 'German, DMY'", "extra_float_digits = 0", "timezone = 'Asia/Tokyo'"):
        await dba.execute(f"ALTER ROLE homelog_api IN DATABASE {database} SET {setting}")
    async with serve(settings) as other:
        person = Person(other.client, "ann", ann.login)
        assert [(await person.get(readings(source), headers=accept)).content for accept in (CSV, NDJSON)] == wanted


async def test_a_range_and_a_quality_are_read_out(home: Household) -> None:
    ann = await home.person("ann")
    source = await filled(ann, AWKWARD)
    for wanted in (
        {"from": "2020-03-29T02:00:00Z"},
        {"to": "2020-03-29T02:00:00Z"},
        {"from": "2020-03-29T02:00:00Z", "to": "2020-03-29T04:00:00.5+02:00"},
        {"quality": "bad"},
        {"quality": "good", "from": "2020-01-01T00:00:00Z", "order": "asc"},
    ):
        listed = (await ann.get(readings(source), params=wanted)).json()["items"]
        assert lines((await ann.get(readings(source), params=wanted, headers=NDJSON)).text) == listed
        assert listed


async def test_a_range_without_readings_is_the_header_alone(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    said = await ann.get(readings(source), headers=CSV)
    assert (said.status_code, said.text) == (200, HEADER + "\n")
    said = await ann.get(readings(source), headers=NDJSON)
    assert (said.status_code, said.text) == (200, "")


@pytest.mark.parametrize("accept", [CSV, NDJSON], ids=["csv", "ndjson"])
async def test_what_may_not_be_read_is_told_as_a_problem(home: Household, accept: dict[str, str]) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    source = await filled(ann, AWKWARD)
    asked = [
        (home.nobody, "", 401),
        (bob, "", 404),
        (ann, "?from=yesterday", 400),
        (ann, "?quality=fine", 422),
        (ann, "?order=up", 422),
    ]
    for person, query, status in asked:
        said = await person.get(readings(source) + query, headers=accept)
        told = await person.get(readings(source) + query)
        assert (said.status_code, told.status_code) == (status, status), query
        assert said.headers["content-type"] == "application/problem+json"
    bad = await home.nobody.get(readings(source), headers={**accept, "Authorization": "Bearer x"})
    assert bad.status_code == 401


async def test_strangers_to_a_public_source_see_no_notes_metadata_or_people(home: Household) -> None:
    ann = await home.person("ann")
    source = await filled(ann, AWKWARD, is_public=True)
    rows = lines((await home.nobody.get(readings(source), headers=NDJSON)).text)
    assert len(rows) == len(AWKWARD)
    assert {(row["notes"], row["metadata"], row["recorded_by"]) for row in rows} == {(None, None, None)}
    out = (await home.nobody.get(readings(source), headers=CSV)).text
    assert [row["notes"] for row in csv.DictReader(io.StringIO(out, newline=""))] == [""] * len(AWKWARD)


async def test_reading_out_is_audited_as_a_view(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    source = await filled(ann, AWKWARD)
    await ann.get(readings(source), headers=CSV)
    views = "SELECT count(*) FROM audit_logs WHERE source_id = $1 AND event_type = 'view_source'"
    assert await dba.fetchval(views, source["id"]) == 1


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "json"),
        ("", "json"),
        ("*/*", "json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "json"),
        ("image/png", "json"),
        ("text/csv", "csv"),
        ("TEXT/CSV; charset=utf-8", "csv"),
        ("text/*", "csv"),
        ("text/csv, */*", "csv"),
        ("text/csv;q=0.5, application/json", "json"),
        ("text/csv;q=0.5, application/json;q=0.4", "csv"),
        ("text/csv;q=0.5, application/x-ndjson;q=0.9, */*;q=0.1", "ndjson"),
        ("application/x-ndjson, text/csv", "ndjson"),
        ("application/json, text/csv", "json"),
        ("application/json;q=0, */*", "csv"),
        ("text/csv;q=0", "json"),
        ("text/csv;q=nan", "csv"),
        ("csv, ,;q=1,/", "json"),
        ("text/csv".rjust(4096), "csv"),
        ("text/csv".rjust(4097), "json"),  # nobody says so much
    ],
)
def test_the_form_that_is_liked_best_is_answered(accept: str | None, chosen: str) -> None:
    offered = {"json": "application/json", "csv": "text/csv", "ndjson": "application/x-ndjson"}
    assert preferred(accept, tuple(offered.values())) == offered[chosen]


async def test_a_list_is_json_unless_asked_otherwise(home: Household) -> None:
    ann = await home.person("ann")
    source = await filled(ann, AWKWARD)
    said = await ann.get(readings(source), headers={"Accept": "image/png"})
    assert said.headers["content-type"] == "application/json"
    assert len(said.json()["items"]) == len(AWKWARD)


# What is long, and who goes


class Client:
    """Speaks ASGI to the service itself: takes pieces one by one, hangs up, or stops taking any."""

    def __init__(self, home: Household, person: Person, path: str, *, hang_up: int = 0, stall: int = 0) -> None:
        self.home, self.hang_up, self.stall = home, hang_up, stall
        self.headers = [(name.lower().encode(), value.encode()) for name, value in {**person.headers, **CSV}.items()]
        self.path = path
        self.began, self.gone = asyncio.Event(), asyncio.Event()
        self.status = self.pieces = self.size = self.lines = 0
        self.complete = False

    async def receive(self) -> Any:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        self.began.set()
        self.pieces += 1
        self.size += len(message["body"])
        self.lines += message["body"].count(b"\n")
        self.complete = not message["more_body"]
        if self.pieces == self.hang_up:
            self.gone.set()
        if self.status == 200 and self.pieces in {self.hang_up, self.stall}:
            await asyncio.Event().wait()

    async def run(self) -> None:
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": self.path, "raw_path": self.path.encode(), "query_string": b"", "root_path": "",
            "headers": [(b"host", b"homelog.test"), *self.headers], "client": ("127.0.0.1", 1), "server": ("x", 80),
        }  # fmt: skip
        await self.home.app(scope, self.receive, self.send)  # type: ignore[arg-type]


def pool(home: Household) -> asyncpg.Pool:
    return home.app.app.state.database.pool  # type: ignore[no-any-return]


async def assert_whole(home: Household, dba: asyncpg.Connection) -> None:
    """Every connection is back, none in a transaction, and all of them work."""
    assert pool(home).get_idle_size() == pool(home).get_size()
    states = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'homelog_api' AND state <> 'idle'"
    for _ in range(50):
        if await dba.fetchval(f"{states} AND datname = current_database()") == 0:
            break
        await asyncio.sleep(0.05)
    assert await dba.fetchval(f"{states} AND datname = current_database()") == 0
    checks = await asyncio.gather(*(home.nobody.get("/health/ready") for _ in range(12)))
    assert {check.status_code for check in checks} == {200}


async def test_a_long_range_takes_no_more_memory_than_a_short_one(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    await fill(dba, source, 100_000)
    client = Client(home, ann, readings(source))
    tracemalloc.start()
    try:
        await client.run()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (client.status, client.lines, client.complete) == (200, 100_001, True)
    assert client.size > 6_000_000
    assert client.pieces < client.size / streams.PIECE + 1
    assert peak < 3_000_000
    await assert_whole(home, dba)


async def test_a_client_that_hangs_up_holds_no_connection(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    await fill(dba, source, 100_000)
    for after in (1, 2, 3, 1, 2, 3, 1, 2):
        client = Client(home, ann, readings(source), hang_up=after)
        await asyncio.wait_for(client.run(), 10)
        assert (client.pieces, client.complete) == (after, False)
    await assert_whole(home, dba)


async def test_a_client_that_takes_nothing_is_cut_off(
    home: Household, dba: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    await fill(dba, source, 20_000)
    monkeypatch.setattr(streams, "SEND_SECONDS", 0.2)
    client = Client(home, ann, readings(source), stall=2)
    # Raised through to the server, which breaks the connection off.
    with pytest.raises(Exception, match="after response started"):
        await asyncio.wait_for(client.run(), 10)
    assert (client.status, client.complete) == (200, False)
    await assert_whole(home, dba)


async def test_a_database_that_fails_midway_never_makes_a_whole_answer(
    home: Household, dba: asyncpg.Connection
) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    await fill(dba, source, 300_000)
    client = Client(home, ann, readings(source))
    send = client.send

    async def kill_at_the_second(message: Any) -> None:
        await send(message)
        if client.pieces == 2:
            await dba.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE usename = 'homelog_api' AND datname = current_database() AND query LIKE 'COPY%'"
            )

    client.send = kill_at_the_second  # type: ignore[method-assign]
    with pytest.raises(Exception, match="after response started"):
        await asyncio.wait_for(client.run(), 10)
    assert not client.complete
    await assert_whole(home, dba)


async def test_slow_exports_leave_connections_for_the_rest(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    await fill(dba, source, 100_000)
    clients = [Client(home, ann, readings(source), stall=1) for _ in range(8)]
    running = [asyncio.create_task(client.run()) for client in clients[:2]]
    try:
        await asyncio.wait_for(asyncio.gather(*(client.began.wait() for client in clients[:2])), 5)
        running += [asyncio.create_task(client.run()) for client in clients[2:]]
        one = await ann.post(readings(source), {"value": 1, "timestamp": "2020-01-01T00:00:00Z"})
        many = [{"value": n, "timestamp": f"2020-01-02T{n // 60:02}:{n % 60:02}:00Z"} for n in range(1440)]
        assert one.status_code == 201
        batch = await asyncio.wait_for(ann.post(readings(source), many), 10)
        assert batch.json()["created"] == 1440, batch.text
        await asyncio.wait(running[2:], timeout=10)
        # Those for whom there is no turn are told so before anything else.
        assert [client.status for client in clients] == [200, 200, *[503] * 6]
    finally:
        for client in clients:
            client.gone.set()
        await asyncio.gather(*running)
    await assert_whole(home, dba)
