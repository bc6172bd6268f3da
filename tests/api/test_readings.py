"""Readings over HTTP: one, many, corrected, removed."""

import asyncio
import gzip
import json
import time
from typing import Any
from uuid import RFC_4122, UUID, uuid4

import asyncpg
import pytest

from tests.people import Household, Person


def hours(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [
        {"timestamp": f"2020-01-{1 + hour // 24:02}T{hour % 24:02}:00:00Z", "value": float(hour)}
        for hour in range(start, start + count)
    ]


def readings(source: Any) -> str:
    return f"/v1/sources/{source['id']}/readings"


async def csv(person: Person, path: str, text: str, **options: Any) -> Any:
    return await person.post(path, content=text.encode(), headers={"Content-Type": "text/csv"}, **options)


async def test_a_reading_is_logged_and_read_back(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    response = await ann.post(readings(source), {"value": 5.25, "timestamp": "2020-01-01T00:00:00+01:00", "notes": "n"})
    assert response.status_code == 201, response.text
    made = response.json()
    assert made["timestamp"] == "2019-12-31T23:00:00Z"
    assert list(made) == [
        "id", "source_id", "value", "timestamp", "recorded_at", "recorded_by", "quality_flag", "notes", "metadata",
        "updated_at",
    ]  # fmt: skip
    assert made["recorded_by"] == ann.id
    read = await ann.get(response.headers["location"])
    assert read.json() == made
    assert (await ann.get(f"{readings(source)}/{made['id']}")).json() == made
    unchanged = await ann.get(response.headers["location"], headers={"If-None-Match": read.headers["etag"]})
    assert unchanged.status_code == 304


async def test_a_reading_without_a_time_is_now(home: Household) -> None:
    ann = await home.person("ann")
    made = await ann.made(readings(await ann.source()), value=1)
    assert made["timestamp"] == made["recorded_at"]


async def test_the_same_reading_twice_is_stored_once(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    row = {"value": 1, "timestamp": "2020-01-01T00:00:00Z"}
    first = await ann.post(readings(source), row)
    second = await ann.post(readings(source), row)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    other = await ann.post(readings(source), {**row, "value": 2})
    assert (other.status_code, other.json()["type"]) == (409, "/errors/conflict")
    replaced = await ann.post(readings(source) + "?on_conflict=replace", {**row, "value": 2})
    assert (replaced.status_code, replaced.json()["value"]) == (200, 2)
    assert replaced.json()["id"] == first.json()["id"]


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ('{"value": "5"}', 422, "/value"),
        ('{"value": true}', 422, "/value"),
        ('{"value": null}', 422, "/value"),
        ('{"value": NaN}', 400, None),
        ('{"value": 1e400}', 422, "/value"),
        ("{}", 422, "/value"),
        ('{"value": 1, "recorded_by": "x"}', 422, "/recorded_by"),
        ('{"value": 1, "timestamp": "2020-01-01T00:00:00"}', 422, "/timestamp"),
        ('{"value": 1, "timestamp": "1969-12-31T23:59:59Z"}', 422, "/timestamp"),
        ('{"value": 1, "timestamp": "2190-01-01T00:00:00Z"}', 422, "/timestamp"),
        ('{"value": 1, "timestamp": "294276-01-01T00:00:00Z"}', 422, "/timestamp"),
        ('{"value": 1, "timestamp": 5}', 422, "/timestamp"),
        ('{"value": 1, "id": "x"}', 422, "/id"),
        ('{"value": 1, "quality_flag": "GOOD"}', 422, "/quality_flag"),
        ('{"value": 1, "notes": "\\u0000"}', 422, "/notes"),
        ('{"value": 1, "metadata": {"a": "\\u0000"}}', 422, "/metadata"),
        ('{"value": 1, "notes": "\\ud800"}', 400, None),
        ('{"value": 1, "metadata": []}', 422, "/metadata"),
        ('{"value": 1, "metadata": {"a": "' + "x" * 10_000 + '"}}', 422, "/metadata"),
        ("", 400, None),
        ("5", 422, ""),
        ("{", 400, None),
        ("[" * 100_000, 400, None),
        ('{"value": 1, "metadata": ' + '{"a":' * 100_000, 400, None),
    ],
)
async def test_a_bad_reading_is_refused(home: Household, body: str, status: int, pointer: str | None) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    response = await ann.post(readings(source), content=body.encode(), headers={"Content-Type": "application/json"})
    assert response.status_code == status, response.text
    if pointer is not None:
        assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
    assert (await ann.get(readings(source))).json()["items"] == []


async def test_a_body_of_another_media_type_is_refused(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    response = await ann.post(readings(source), content=b'{"value": 1}', headers={"Content-Type": "text/plain"})
    assert response.status_code == 415


@pytest.mark.parametrize("form", ["json", "ndjson", "csv", "gzip"])
async def test_a_batch_is_stored_and_replayed(home: Household, form: str) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    rows = hours(48)
    body, headers = {
        "json": (json.dumps(rows), {"Content-Type": "application/json"}),
        "ndjson": ("\n".join(map(json.dumps, rows)), {"Content-Type": "application/x-ndjson"}),
        "csv": (
            "timestamp,other,value\r\n" + "\r\n".join(f"{r['timestamp']},x,{r['value']}" for r in rows),
            {"Content-Type": "text/csv; charset=utf-8"},
        ),
        "gzip": (json.dumps(rows), {"Content-Type": "application/json", "Content-Encoding": "gzip"}),
    }[form]
    content = gzip.compress(body.encode()) if form == "gzip" else body.encode()
    first = await ann.post(readings(source), content=content, headers=headers)
    assert first.status_code == 200, first.text
    assert first.json() == {
        "received": 48, "created": 48, "duplicates": 0, "replaced": 0, "rejected": 0, "results": [],
        "results_truncated": False,
    }  # fmt: skip
    again = (await ann.post(readings(source), content=content, headers=headers)).json()
    assert (again["created"], again["duplicates"]) == (0, 48)
    assert again["results"][47]["index"] == 47
    assert again["results"][0]["status"] == "duplicate"


async def test_every_reading_of_a_batch_has_an_id_of_its_own(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    before = time.time()
    for start in (0, 300):
        await ann.post(readings(source), hours(300, start))
    stored = (await ann.get(f"{readings(source)}?order=asc&limit=1000")).json()["items"]
    ids = [UUID(reading["id"]) for reading in stored]
    assert len(set(ids)) == 600
    assert ids == sorted(ids)
    assert {(one.version, one.variant) for one in ids} == {(7, RFC_4122)}
    assert all(before - 1 < (one.int >> 80) / 1000 < time.time() + 1 for one in ids)


async def test_an_atomic_batch_with_a_bad_row_stores_nothing(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    rows: list[Any] = hours(10)
    rows[7] = {"timestamp": "2020-01-01T07:00:00Z", "value": "much"}
    response = await ann.post(readings(source), rows)
    said = response.json()
    assert (response.status_code, said["type"]) == (422, "/errors/batch_rejected")
    assert (said["received"], said["created"], said["rejected"]) == (10, 0, 1)
    (outcome,) = said["results"]
    assert (outcome["index"], outcome["status"], outcome["pointer"]) == (7, "rejected", "/value")
    assert outcome["detail"]
    assert (await ann.get(readings(source))).json()["items"] == []


async def test_a_partial_batch_stores_the_good_rows(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    rows: list[Any] = hours(10)
    rows[3] = {"timestamp": "yesterday", "value": 1}
    response = await ann.post(readings(source) + "?mode=partial", rows)
    said = response.json()
    assert (response.status_code, said["created"], said["rejected"]) == (200, 9, 1)
    assert [outcome["index"] for outcome in said["results"]] == [3]


async def test_one_time_twice_in_a_batch_the_first_wins(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    at = "2020-01-01T00:00:00Z"
    rows = [{"timestamp": at, "value": value} for value in (1, 1, 2)]
    said = (await ann.post(readings(source) + "?mode=partial", rows)).json()
    assert (said["created"], said["duplicates"], said["rejected"]) == (1, 1, 1)
    assert [(row["index"], row["status"]) for row in said["results"]] == [(1, "duplicate"), (2, "conflict")]
    (stored,) = (await ann.get(readings(source))).json()["items"]
    assert stored["value"] == 1


async def test_one_time_twice_in_a_replacing_batch_the_last_wins(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    at = "2020-01-01T00:00:00Z"
    rows = [{"timestamp": at, "value": value} for value in (1, 1, 2)]
    said = (await ann.post(readings(source) + "?on_conflict=replace", rows)).json()
    assert [(row["index"], row["status"]) for row in said["results"]] == [(1, "duplicate"), (2, "replaced")]
    assert (said["created"], said["duplicates"], said["replaced"]) == (1, 1, 1)
    said = (await ann.post(readings(source) + "?on_conflict=replace", rows)).json()
    assert [row["status"] for row in said["results"]] == ["replaced", "duplicate", "replaced"]
    said = (await ann.post(readings(source) + "?on_conflict=replace", rows[2:])).json()
    assert (said["duplicates"], said["replaced"]) == (1, 0)
    (stored,) = (await ann.get(readings(source))).json()["items"]
    assert stored["value"] == 2


async def test_a_dry_run_stores_nothing(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    said = (await ann.post(readings(source) + "?dry_run=true", hours(5))).json()
    assert said["created"] == 5
    assert (await ann.post(readings(source) + "?dry_run=true", {"value": 1})).status_code in {200, 201}
    assert (await ann.get(readings(source))).json()["items"] == []


async def test_an_empty_batch_is_fine(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    assert (await ann.post(readings(source), [])).json()["received"] == 0
    assert (await csv(ann, readings(source), "timestamp,value\n")).json()["received"] == 0


async def test_csv_columns_are_chosen_by_name(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    text = "\ufeffwhen,kwh,m3\n2020-01-01T00:00:00Z,1.5,9\n2020-01-01T01:00:00Z,2.5,9\n"
    missing = await csv(ann, readings(source), text)
    assert (missing.status_code, missing.json()["errors"][0]["pointer"]) == (422, "?timestamp_column")
    said = await csv(ann, readings(source) + "?timestamp_column=when&value_column=kwh", text)
    assert said.json()["created"] == 2
    items = (await ann.get(readings(source) + "?order=asc")).json()["items"]
    assert [item["value"] for item in items] == [1.5, 2.5]


@pytest.mark.parametrize("cell", ["nan", "inf", "1_000", "1,5", "", "0x10", "1e400", "١"])
async def test_a_csv_value_that_is_no_number_is_named(home: Household, cell: str) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    quoted = f'"{cell}"'
    said = await csv(ann, readings(source), f"timestamp,value\n2020-01-01T00:00:00Z,{quoted}\n")
    assert said.status_code == 422, said.text
    assert said.json()["results"][0]["pointer"] == "/value"


async def test_broken_csv_and_gzip_are_unreadable(home: Household) -> None:
    ann = await home.person("ann")
    path = readings(await ann.source())
    assert (await csv(ann, path, 'timestamp,value\n"2020')).status_code == 400
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert (await ann.post(path, content=b"nonsense", headers=headers)).status_code == 400
    assert (await ann.post(path, content=gzip.compress(b"[]")[:-4], headers=headers)).status_code == 400
    headers["Content-Encoding"] = "br"
    assert (await ann.post(path, content=b"[]", headers=headers)).status_code == 415
    latin = {"Content-Type": "text/csv"}
    assert (await ann.post(path, content=b"timestamp,value\n\xff,1", headers=latin)).status_code == 400


async def test_rows_of_many_sources_go_in_one_batch(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    mine, shared, theirs = await ann.source(), await bob.source(), await bob.source()
    await bob.grant(shared, ann, "read")
    at = "2020-01-01T00:00:00Z"
    rows = [
        {"source_id": source, "timestamp": at, "value": 1}
        for source in (mine["id"], shared["id"], theirs["id"], str(uuid4()))
    ]
    response = await ann.post("/v1/readings?mode=partial", rows)
    said = response.json()
    assert (response.status_code, said["created"], said["rejected"]) == (200, 1, 3)
    assert [(row["index"], row["rule"]) for row in said["results"]] == [
        (1, "forbidden"), (2, "not_found"), (3, "not_found"),
    ]  # fmt: skip
    assert (await ann.post("/v1/readings", rows)).status_code == 422
    await bob.grant(theirs, ann, "write")
    assert (await ann.post("/v1/readings", rows[2:3])).json()["created"] == 1
    text = f"source_id,timestamp,value\n{mine['id']},2020-01-02T00:00:00Z,3\n"
    assert (await csv(ann, "/v1/readings", text)).json()["created"] == 1


async def test_a_single_reading_that_names_its_source_is_logged_as_by_the_call_of_that_source(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    mine, shared, theirs = await ann.source(), await bob.source(), await bob.source()
    await bob.grant(shared, ann, "read")
    row = {"source_id": mine["id"], "value": 1, "timestamp": "2020-01-01T00:00:00Z"}
    tried = await ann.post("/v1/readings?dry_run=true", row)
    assert (tried.status_code, "location" in tried.headers) == (200, False)
    first = await ann.post("/v1/readings", row)
    assert first.status_code == 201, first.text
    assert (await ann.get(first.headers["location"])).json() == first.json()
    assert first.json()["source_id"] == mine["id"]
    again = await ann.post("/v1/readings", row)
    assert (again.status_code, again.json(), again.headers["etag"]) == (200, first.json(), first.headers["etag"])
    other = {**row, "value": 2}
    assert (await ann.post("/v1/readings", other)).status_code == 409
    assert (await ann.post("/v1/readings?on_conflict=replace", other)).json()["value"] == 2
    now = await ann.post("/v1/readings", {"source_id": mine["id"], "value": 3})
    assert now.json()["timestamp"] == now.json()["recorded_at"]
    for source, status in ((shared["id"], 403), (theirs["id"], 404), (str(uuid4()), 404)):
        assert (await ann.post("/v1/readings", {**row, "source_id": source})).status_code == status
    assert (await home.nobody.post("/v1/readings", row)).status_code == 401


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        (b'{"value": 1}', 422, "/source_id"),
        (b'{"value": 1, "source_id": "meter"}', 422, "/source_id"),
        (b'{"value": 1, "source_id": null}', 422, "/source_id"),
        (b'{"value": "1", "source_id": "%s"}', 422, "/value"),
        (b'{"value": 1, "source_id": "%s", "unit": "kWh"}', 422, "/unit"),
        (b'{"value": 1, "source_id": "%s", "timestamp": "1969-01-01T00:00:00Z"}', 422, "/timestamp"),
        (b"1", 422, ""),
        (b"", 400, None),
        (b'{"value": 1,', 400, None),
    ],
)
async def test_a_single_reading_says_what_is_wrong_with_it(
    home: Household, body: bytes, status: int, pointer: str | None
) -> None:
    ann = await home.person("ann")
    body = body.replace(b"%s", str((await ann.source())["id"]).encode())
    response = await ann.post("/v1/readings", content=body, headers={"Content-Type": "application/json"})
    said = response.json()
    assert (response.status_code, said.get("errors", [{"pointer": None}])[0]["pointer"]) == (status, pointer), said
    assert "a batch is an array" not in response.text


async def test_pages_follow_each_other_both_ways(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    await ann.post(readings(source), hours(25))
    of_other_order = (await ann.get(f"{readings(source)}?order=asc&limit=10")).json()["next_cursor"]
    for order in ("asc", "desc"):
        seen: list[float] = []
        cursor = ""
        while True:
            said = (await ann.get(f"{readings(source)}?order={order}&limit=10{cursor}")).json()
            seen += [item["value"] for item in said["items"]]
            if said["next_cursor"] is None:
                break
            cursor = f"&cursor={said['next_cursor']}"
        assert seen == sorted(map(float, range(25)), reverse=order == "desc")
    wrong_way = await ann.get(f"{readings(source)}?order=desc&limit=10&cursor={of_other_order}")
    assert wrong_way.status_code == 400


async def test_a_range_takes_its_start_and_leaves_its_end(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    await ann.post(readings(source), hours(5))
    path = f"{readings(source)}?from=2020-01-01T01:00:00Z&to=2020-01-01T04:00:00%2B01:00&order=asc"
    assert [item["value"] for item in (await ann.get(path)).json()["items"]] == [1, 2]
    assert (await ann.get(f"{readings(source)}?from=yesterday")).status_code == 400
    far = await ann.get(f"{readings(source)}?to=0001-01-01T00:00:00%2B23:59")
    assert (far.status_code, far.json()["errors"][0]["pointer"]) == (422, "?to")
    await ann.post(readings(source), {"value": 9, "timestamp": "2020-01-02T00:00:00Z", "quality_flag": "bad"})
    assert [i["value"] for i in (await ann.get(f"{readings(source)}?quality=bad")).json()["items"]] == [9]
    assert (await ann.get(f"{readings(source)}?quality=fine")).status_code == 422


async def test_a_reading_is_corrected_and_the_audit_keeps_what_it_was(home: Household, dba: Any) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    made = await ann.made(readings(source), value=1, timestamp="2020-01-01T00:00:00Z", notes="n", metadata={"a": 1})
    path = f"{readings(source)}/{made['id']}"
    tag = (await ann.get(path)).headers["etag"]
    changed = await ann.patch(path, {"value": 2, "notes": None}, headers={"If-Match": tag})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["value"], changed.json()["notes"], changed.json()["metadata"]) == (2, None, {"a": 1})
    assert changed.json()["updated_at"] > made["updated_at"]
    stale = await ann.patch(path, {"value": 3}, headers={"If-Match": tag})
    assert stale.status_code == 412
    assert (await ann.patch(path, {"timestamp": "2020-01-01T00:00:00Z"})).status_code == 422
    assert (await ann.patch(path, {"value": None})).status_code == 422
    assert (await ann.patch(path, {"metadata": None})).json()["metadata"] is None
    assert (await ann.delete(path, headers={"If-Match": tag})).status_code == 412
    assert (await ann.delete(path)).status_code == 204
    assert (await ann.delete(path)).status_code == 404
    told = await dba.fetch("SELECT event_type, details FROM audit_logs WHERE entry_id = $1 ORDER BY id", made["id"])
    assert [row["event_type"] for row in told] == ["create_entry", "update_entry", "update_entry", "delete_entry"]
    assert json.loads(told[1]["details"])["old"]["value"] == 1
    assert json.loads(told[3]["details"])["old"]["value"] == 2


async def test_a_stranger_sees_no_readings_and_a_reader_changes_none(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    source = await ann.source()
    made = await ann.made(readings(source), value=1, timestamp="2020-01-01T00:00:00Z")
    one = f"{readings(source)}/{made['id']}"
    row = {"value": 2}
    calls: list[tuple[str, str, Any]] = [
        ("GET", readings(source), None), ("GET", one, None), ("POST", readings(source), row),
        ("POST", readings(source), [row]), ("PATCH", one, row), ("DELETE", one, None),
        ("GET", f"/v1/sources/{source['id']}/series", None),
    ]  # fmt: skip
    for method, path, body in calls:
        sent: dict[str, Any] = {"json": body} if body is not None else {}
        assert (await bob.call(method, path, **sent)).status_code == 404, (method, path)
        assert (await home.nobody.call(method, path, **sent)).status_code == 401, (method, path)
    await ann.grant(source, bob, "read")
    assert (await bob.get(one)).json() == made
    for method, path, body in calls[2:6]:
        sent = {"json": body} if body is not None else {}
        assert (await bob.call(method, path, **sent)).status_code == 403, (method, path)
    revoked = await ann.delete(f"/v1/sources/{source['id']}/access/{bob.id}")
    assert revoked.status_code == 204
    assert (await bob.get(one)).status_code == 404


async def test_a_public_source_shows_strangers_values_only(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    source = await ann.source(is_public=True)
    await ann.made(readings(source), value=1, timestamp="2020-01-01T00:00:00Z", notes="mine", metadata={"a": 1})
    for stranger in (bob, home.nobody):
        (item,) = (await stranger.get(readings(source))).json()["items"]
        assert (item["value"], item["notes"], item["metadata"], item["recorded_by"]) == (1, None, None, None)
        assert (await stranger.get(f"{readings(source)}/{item['id']}")).json() == item
    assert (await bob.post(readings(source), {"value": 1})).status_code == 403
    assert (await home.nobody.post(readings(source), {"value": 1})).status_code == 401
    assert (await bob.get("/v1/readings/latest")).json()["items"] == []


async def test_two_people_may_use_one_reading_id(home: Household) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    of_ann, of_bob = await ann.source(), await bob.source()
    row = {"id": str(uuid4()), "value": 1, "timestamp": "2020-01-01T00:00:00Z"}
    assert (await ann.post(readings(of_ann), row)).status_code == 201
    assert (await bob.post(readings(of_bob), {**row, "value": 2})).status_code == 201
    assert (await ann.get(f"{readings(of_ann)}/{row['id']}")).json()["value"] == 1


async def test_the_latest_of_every_source_in_one_call(home: Household) -> None:
    ann = await home.person("ann")
    empty, full = await ann.source(), await ann.source()
    await ann.post(readings(full), hours(3))
    items = (await ann.get("/v1/readings/latest")).json()["items"]
    latest = {item["source_id"]: item["latest"] for item in items}
    assert latest[empty["id"]] is None
    assert latest[full["id"]]["value"] == 2
    assert list(latest[full["id"]]) == ["id", "timestamp", "value", "quality_flag"]
    assert latest[full["id"]]["timestamp"] == "2020-01-01T02:00:00Z"


async def test_a_view_is_audited_once_an_hour(home: Household, dba: Any) -> None:
    ann, bob = await home.person("ann"), await home.person("bob")
    source = await ann.source()
    await ann.grant(source, bob, "read")
    for _ in range(3):
        await bob.get(readings(source))
    views = "SELECT count(*) FROM audit_logs WHERE event_type = 'view_source' AND user_id = $1"
    assert await dba.fetchval(views, bob.id) == 1
    assert (await bob.delete(f"/v1/sources/{source['id']}")).status_code == 403
    public = await ann.source(is_public=True)
    for _ in range(3):
        await home.nobody.get(readings(public))
        await dba.execute("SELECT homelog.record_view($1)", public["id"])
    anybody = "SELECT count(*) FROM audit_logs WHERE event_type = 'view_source' AND user_id IS NULL"
    assert await dba.fetchval(anybody) == 1
    denied = "SELECT count(*) FROM audit_logs WHERE event_type = 'access_denied' AND user_id = $1"
    assert await dba.fetchval(denied, bob.id) == 1


async def test_who_waits_too_long_for_a_batch_to_the_same_source_is_told_to_come_again(
    home: Household, dba: asyncpg.Connection, database: str
) -> None:
    ann = await home.person("ann")
    busy = await ann.source()
    # Five seconds would do as well.
    await dba.execute(f"ALTER ROLE homelog_api IN DATABASE {database} SET lock_timeout = '100ms'")
    await dba.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'homelog_api'"
                      " AND datname = current_database()")  # fmt: skip
    async with dba.transaction():
        await dba.execute("SELECT homelog.take_turns(ARRAY[$1::uuid])", busy["id"])
        for body in (hours(1)[0], hours(2)):
            response = await ann.post(readings(busy), body)
            assert (response.status_code, response.json()["type"]) == (503, "/errors/unavailable")
            assert response.headers["retry-after"] == "2"
        assert (await ann.get(readings(busy))).json()["items"] == []
    assert (await ann.post(readings(busy), hours(1)[0])).status_code == 201


async def test_metadata_that_the_database_writes_out_long_is_stored(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    rows = [{"timestamp": "2020-01-01T00:00:00Z", "value": 1, "metadata": {"a": [1e308] * 40}}]
    assert (await ann.post(readings(source), rows)).json()["created"] == 1


async def test_a_batch_of_very_many_sources_takes_few_locks(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    at = "2020-01-01T00:00:00Z"
    rows = [{"source_id": str(uuid4()), "timestamp": at, "value": 1} for _ in range(30_000)]
    rows.append({"source_id": source["id"], "timestamp": at, "value": 1})
    said = (await ann.post("/v1/readings?mode=partial", rows)).json()
    assert (said["created"], said["rejected"]) == (1, 30_000)


@pytest.mark.parametrize(
    ("media_type", "body", "status"),
    [
        ("application/x-ndjson", b"0\n" * 1_000_000, 413),
        ("application/x-ndjson", b"\n" * 3_000_000, 413),
        ("application/x-ndjson", b"[" * 1_000_000, 413),
        ("application/json", b"[" + b"0," * 1_000_000 + b"0]", 413),
        ("application/json", b"[" + b"0," * 50_000 + b"0]", 422),
        ("application/json", b"[0,]", 400),
        ("application/json", b"[0] 1", 400),
        ("application/json", b"[0 0]", 400),
        ("application/json", b" " * 1000 + b"[0]", 422),
        ("text/csv", b"timestamp,value\n" + b"," * 1_000_000, 413),
        ("text/csv", b"timestamp,value\n" + b"x,y\n" * 200_000, 413),
    ],
)
async def test_a_body_of_nonsense_is_told_so_in_time(
    home: Household, media_type: str, body: bytes, status: int
) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    headers = {"Content-Type": media_type, "Content-Encoding": "gzip"}
    calls = [ann.post(readings(source), content=gzip.compress(body), headers=headers), ann.get("/health/live")]
    response, alive = await asyncio.gather(*calls)
    assert (response.status_code, alive.status_code) == (status, 200), response.text


async def test_a_batch_may_begin_with_any_white_space(home: Household) -> None:
    ann = await home.person("ann")
    path = readings(await ann.source())
    headers = {"Content-Type": "application/json"}
    for number in (1, 65_535, 65_536, 1_000_000):
        response = await ann.post(path, content=(" \n\t\r" * number)[:number] + json.dumps(hours(2)), headers=headers)
        assert (response.status_code, response.json()["received"]) == (200, 2), number
    endless = await ann.post(path, content=b" " * 17 * 1024 * 1024 + b"[]", headers=headers)
    assert endless.status_code == 413


async def test_gzip_members_may_follow_each_other(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    parts = [b"timestamp,value\n", b"2020-01-01T00:00:00Z,1\n", b"2020-01-01T01:00:00Z,2\n"]
    headers = {"Content-Type": "text/csv", "Content-Encoding": "GZIP"}
    said = await ann.post(readings(source), content=b"".join(map(gzip.compress, parts)), headers=headers)
    assert said.json()["created"] == 2


@pytest.mark.parametrize("way", ["one", "batch", "patch"])
async def test_metadata_is_nested_only_so_deep(home: Household, way: str) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    made = await ann.made(readings(source), value=1, timestamp="2020-01-01T00:00:00Z")
    for depth, fits in ((30, True), (32, False), (900, False)):
        row = {"value": 1, "timestamp": f"2020-01-02T00:00:{depth % 60:02}Z", "metadata": json.loads(
            '{"a":' + "[" * depth + "]" * depth + "}"
        )}  # fmt: skip
        if way == "patch":
            said = await ann.patch(f"{readings(source)}/{made['id']}", {"metadata": row["metadata"]})
        else:
            said = await ann.post(readings(source), row if way == "one" else [row])
        assert (said.status_code in {200, 201}) is fits, said.text
        assert said.status_code in {200, 201, 422}
    assert (await ann.get(readings(source))).status_code == 200


async def test_a_backslash_is_no_nul_and_length_is_in_characters(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    for metadata in ({"a": "\\u0000"}, {"a": "é" * 6_000}):
        made = await ann.made(readings(source), value=1, metadata=metadata)
        assert made["metadata"] == metadata


async def test_an_id_without_a_time_is_known_again(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    row = {"id": str(uuid4()), "value": 1}
    first, second = await ann.post(readings(source), row), await ann.post(readings(source), row)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert (await ann.post(readings(source), {**row, "value": 2})).status_code == 409


@pytest.mark.parametrize("spelling", ["{%s}", "urn:uuid:%s", "uuid:%s", "%s-"])
async def test_an_id_in_another_spelling_is_not_there(home: Household, spelling: str) -> None:
    ann = await home.person("ann")
    source = await ann.source(is_public=True)
    assert (await ann.get(f"/v1/sources/{spelling % source['id']}")).status_code == 404
    assert (await ann.get(f"/v1/sources/{source['id'].upper()}")).status_code == 200


async def test_a_range_that_ends_before_it_begins_is_empty(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    await ann.post(readings(source), hours(3))
    for path in (readings(source), f"/v1/sources/{source['id']}/series"):
        said = await ann.get(f"{path}?from=2020-01-02T00:00:00Z&to=2020-01-01T00:00:00Z")
        assert (said.status_code, said.json()["items"]) == (200, []), said.text


async def test_a_call_that_is_not_there_is_401_for_nobody(home: Household) -> None:
    assert (await home.nobody.put("/v1/homes")).status_code == 401
    assert (await home.nobody.get("/v1/auth/login")).status_code == 405
    ann = await home.person("ann")
    assert (await ann.put("/v1/homes")).status_code == 405


async def test_a_bad_row_is_named_however_many_duplicates_come_with_it(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    rows: list[Any] = [{"timestamp": f"2020-01-01T{n // 60:02}:{n % 60:02}:00Z", "value": n} for n in range(1200)]
    await ann.post(readings(source), rows)
    rows[1100] = {"timestamp": "2020-01-01T00:00:00Z", "value": "much"}
    said = (await ann.post(readings(source) + "?mode=partial", rows)).json()
    assert (said["duplicates"], said["rejected"], said["results_truncated"]) == (1199, 1, True)
    assert len(said["results"]) == 1000
    assert (said["results"][-1]["index"], said["results"][-1]["pointer"]) == (1100, "/value")


async def test_a_csv_row_with_more_cells_than_columns_is_refused(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    said = await csv(ann, readings(source), "timestamp,value\n2020-01-01T00:00:00Z,15,5\n")
    assert (said.status_code, said.json()["results"][0]["rule"]) == (422, "cells")
    assert (await csv(ann, readings(source), "")).status_code == 400


async def test_an_instant_without_a_zone_is_unreadable(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    made = await ann.made(readings(source), value=1, timestamp="2020-01-01T00:00:00Z")
    naive = "2020-01-01T00:00:00"
    for name in ("from", "to"):
        assert (await ann.get(f"{readings(source)}?{name}={naive}")).status_code == 400
    one = f"{readings(source)}/{made['id']}?timestamp={naive}"
    assert [(await ann.call(method, one, json={})).status_code for method in ("GET", "PATCH", "DELETE")] == [400] * 3


async def test_the_root_leads_to_the_description(home: Household) -> None:
    response = await home.nobody.get("/")
    assert (response.status_code, response.headers["location"]) == (302, "/schema")


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity"])
async def test_metadata_holds_no_number_that_is_none(home: Household, number: str) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    row = f'{{"value": 1, "timestamp": "2026-01-01T00:00:00Z", "metadata": {{"a": [{number}]}}}}'
    for body in (row, f"[{row}]", f"[{row}, {{}}]"):
        response = await ann.post(
            f"/v1/sources/{source['id']}/readings?mode=partial",
            content=body.encode(),
            headers={"Content-Type": "application/json"},
        )
        assert response.status_code in {400, 422} or response.json()["created"] == 0, response.text
