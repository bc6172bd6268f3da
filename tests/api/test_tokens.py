"""Device tokens: making them, what they may do, and what ends them."""

import asyncio
import hashlib
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from service.database import Database
from service.readings.handlers import LISTS
from tests.people import PASSWORD, Household, Person
from tests.test_service import logged

READ, WRITE = "read:data", "write:data"


class Device(Person):
    """Something that signs in with a device token."""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        super().__init__(client, "device", {"access_token": token})


async def device(owner: Person, *scopes: str, **fields: Any) -> Device:
    made = await owner.made("/v1/me/tokens", **{"name": "Sensor", "scopes": list(scopes), **fields})
    return Device(owner.client, made["token"])


def reading(**fields: Any) -> dict[str, Any]:
    return {"value": 1.5, "timestamp": "2026-01-01T00:00:00Z", **fields}


def said_of(response: httpx.Response) -> tuple[int, str, str]:
    problem = response.json()
    return response.status_code, problem["type"], problem["detail"]


# Making them


async def test_the_token_is_shown_once_and_is_256_random_bits(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    fields = {"name": "Cellar", "scopes": [READ, WRITE], "source_ids": [source["id"]]}

    response = await ann.post("/v1/me/tokens", fields)

    assert response.status_code == 201
    made = response.json()
    assert list(made) == [
        "id", "name", "scopes", "source_ids", "created_at", "expires_at", "last_used_at", "token",
    ]  # fmt: skip
    assert re.fullmatch(r"hl_[A-Za-z0-9_-]{43}", made.pop("token"))
    assert made | {"id": "", "created_at": ""} == {
        **fields, "id": "", "created_at": "", "expires_at": None, "last_used_at": None,
    }  # fmt: skip
    assert response.headers["location"] == f"/v1/me/tokens/{made['id']}"
    one = await ann.get(response.headers["location"])
    assert (one.json(), one.status_code) == (made, 200)
    assert (await ann.get("/v1/me/tokens")).json() == {"items": [made], "next_cursor": None}


async def test_only_a_digest_is_stored(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    token = (await device(ann, READ)).login["access_token"]
    assert await dba.fetchval("SELECT token_hash FROM device_tokens") == hashlib.sha256(token.encode()).digest()


async def test_a_repeated_call_answers_the_stored_token_without_its_secret(home: Household) -> None:
    ann = await home.person("ann")
    call = {"id": str(uuid4()), "name": "Cellar", "scopes": [READ, WRITE]}
    made = (await ann.post("/v1/me/tokens", call)).json()
    again = await ann.post("/v1/me/tokens", {**call, "scopes": [WRITE, READ]})
    del made["token"]
    assert (again.status_code, again.json()) == (200, made)
    for other in ({"name": "Attic"}, {"scopes": [READ]}, {"expires_at": "2099-01-01T00:00:00Z"}):
        assert (await ann.post("/v1/me/tokens", {**call, **other})).status_code == 409


async def test_an_account_has_at_most_a_hundred_that_work(home: Household, dba: asyncpg.Connection) -> None:
    """Each has a budget of requests of its own."""
    ann, ben = await home.person("ann"), await home.person("ben")
    await dba.execute(
        "INSERT INTO device_tokens (user_id, name, scopes, token_hash, created_at, expires_at)"
        " SELECT $1, 'Sensor', '{read:data}', sha256(n::text::bytea), now() - interval '2 days',"
        " CASE WHEN n <= 50 THEN now() - interval '1 day' END FROM generate_series(1, 145) AS n",
        UUID(ann.id),
    )
    fields = {"name": "Sensor", "scopes": [READ], "id": "01890a5d-ac96-774b-bcce-b302099a8057"}
    assert (await ann.post("/v1/me/tokens", fields)).status_code == 201
    at_once = await asyncio.gather(*(ann.post("/v1/me/tokens", fields | {"id": str(uuid4())}) for _ in range(8)))
    assert sorted(answer.status_code for answer in at_once) == [201] * 4 + [409] * 4
    refused = await ann.post("/v1/me/tokens", {"name": "Sensor", "scopes": [READ]})
    assert said_of(refused) == (
        409,
        "/errors/conflict",
        "An account has at most 100 device tokens that work: delete one that is not used any more.",
    )
    # The same call again makes none.
    assert (await ann.post("/v1/me/tokens", fields)).status_code == 200
    assert (await ben.post("/v1/me/tokens", {"name": "Sensor", "scopes": [READ]})).status_code == 201
    assert (await ann.delete(f"/v1/me/tokens/{fields['id']}")).status_code == 204
    assert (await ann.post("/v1/me/tokens", {"name": "Sensor", "scopes": [READ]})).status_code == 201


async def test_an_id_that_is_taken_is_one_conflict_whoever_has_it(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    call = {"id": str(uuid4()), "name": "Cellar", "scopes": [READ]}
    assert (await ann.post("/v1/me/tokens", call)).status_code == 201
    foreign = await ben.post("/v1/me/tokens", call)
    own = await ann.post("/v1/me/tokens", {**call, "name": "Attic"})
    assert said_of(foreign) == said_of(own)
    assert foreign.status_code == 409


WRONG: list[tuple[dict[str, Any], int, str]] = [
    ({"name": ""}, 422, "/name"),
    ({"name": "  "}, 422, "/name"),
    ({"name": "x" * 101}, 422, "/name"),
    ({"name": "a\0b"}, 422, ""),
    ({"scopes": []}, 422, "/scopes"),
    ({"scopes": ["admin"]}, 422, "/scopes/0"),
    ({"scopes": [READ, READ]}, 422, "/scopes"),
    ({"scopes": [READ, WRITE, READ]}, 422, "/scopes"),
    ({"scopes": READ}, 422, "/scopes"),
    ({"source_ids": []}, 422, "/source_ids"),
    ({"source_ids": ["x"]}, 422, "/source_ids/0"),
    ({"expires_at": "2020-01-01T00:00:00Z"}, 422, ""),
    ({"expires_at": "2099-01-01T00:00:00"}, 422, "/expires_at"),
    ({"expires_at": "9999-12-31T23:59:59-12:00"}, 422, ""),
    ({"user_id": str(uuid4())}, 422, "/user_id"),
    ({"token": "hl_mine"}, 422, "/token"),
    ({"token_hash": "mine"}, 422, "/token_hash"),
    ({"last_used_at": None}, 422, "/last_used_at"),
]


@pytest.mark.parametrize(("fields", "status", "pointer"), WRONG)
async def test_a_wrong_token_is_refused(home: Household, fields: Any, status: int, pointer: str) -> None:
    ann = await home.person("ann")
    response = await ann.post("/v1/me/tokens", {"name": "Cellar", "scopes": [READ], **fields})
    assert response.status_code == status, response.text
    if pointer:
        assert [each["pointer"] for each in response.json()["errors"]] == [pointer]
    assert (await ann.get("/v1/me/tokens")).json()["items"] == []


async def test_a_foreign_and_an_unknown_source_are_the_same_mistake(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    own, public = await ann.source(), await ben.source(is_public=True)
    private = await ben.source()
    answers = [
        await ann.post("/v1/me/tokens", {"name": "x", "scopes": [READ], "source_ids": [own["id"], wrong]})
        for wrong in (private["id"], public["id"], str(uuid4()))
    ]
    assert {said_of(answer) for answer in answers} == {
        (422, "/errors/invalid", "A token can be bound only to sources that you were granted.")
    }
    assert answers[0].json()["errors"][0]["pointer"] == "/source_ids"


async def test_tokens_are_ones_own(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await ann.made("/v1/me/tokens", name="x", scopes=[READ])
    path = f"/v1/me/tokens/{made['id']}"
    assert (await ben.get("/v1/me/tokens")).json()["items"] == []
    for response in (await ben.get(path), await ben.delete(path)):
        assert said_of(response) == said_of(await ben.get(f"/v1/me/tokens/{uuid4()}"))
    assert (await ann.get(path)).status_code == 200


async def test_a_list_of_tokens_comes_in_pages(home: Household) -> None:
    ann = await home.person("ann")
    made = [(await ann.made("/v1/me/tokens", name=f"{n}", scopes=[READ]))["name"] for n in range(5)]
    first = (await ann.get("/v1/me/tokens?limit=3")).json()
    rest = (await ann.get(f"/v1/me/tokens?limit=3&cursor={first['next_cursor']}")).json()
    assert [each["name"] for each in first["items"] + rest["items"]] == made
    assert rest["next_cursor"] is None


async def test_if_match_holds_for_a_token(home: Household) -> None:
    ann = await home.person("ann")
    made = await ann.made("/v1/me/tokens", name="x", scopes=[READ])
    path = f"/v1/me/tokens/{made['id']}"
    tag = (await ann.get(path)).headers["etag"]
    assert (await ann.get(path, headers={"If-None-Match": tag})).status_code == 304
    assert (await ann.delete(path, headers={"If-Match": '"0-0"'})).status_code == 412
    assert (await ann.delete(path, headers={"If-Match": tag})).status_code == 204


# What they may do


async def test_a_token_reads_and_logs_in_its_owners_name(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    sensor = await device(ann, READ, WRITE)
    stored = await sensor.made(f"/v1/sources/{source['id']}/readings", **reading())
    assert stored["recorded_by"] == ann.id
    assert (await sensor.get(f"/v1/sources/{source['id']}/readings")).json()["items"] == [stored]
    assert (await sensor.get("/v1/readings/latest")).json()["items"][0]["latest"]["value"] == 1.5
    assert (await sensor.get("/v1/sources")).json()["items"][0]["id"] == source["id"]


async def test_a_token_that_may_write_reads_nothing_and_the_other_way_round(home: Household) -> None:
    ann = await home.person("ann")
    source, plant = await ann.source(), await ann.plant()
    writer, reader = await device(ann, WRITE), await device(ann, READ)
    path = f"/v1/sources/{source['id']}"
    assert (await writer.post(f"{path}/readings", reading())).status_code == 201
    assert (await writer.post("/v1/readings", [reading(source_id=source["id"])])).status_code == 200
    assert (await writer.post("/v1/readings", reading(source_id=source["id"], value=2))).status_code == 409
    assert (await writer.post(f"/v1/plants/{plant['id']}/water")).status_code == 200
    for get in (path, f"{path}/readings", f"{path}/series", "/v1/sources", "/v1/readings/latest", "/v1/plants"):
        assert (await reader.get(get)).status_code == 200
        assert said_of(await writer.get(get)) == (
            403, "/errors/forbidden", "This needs a token with the scope read:data.",
        )  # fmt: skip
    for post, body in (
        (f"{path}/readings", reading()),
        ("/v1/readings", [reading(source_id=source["id"])]),
        (f"/v1/plants/{plant['id']}/water", {}),
    ):
        assert said_of(await reader.post(post, body)) == (
            403, "/errors/forbidden", "This needs a token with the scope write:data.",
        )  # fmt: skip


async def test_a_token_of_somebody_who_only_reads_writes_nothing(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    source = await ann.source()
    await ann.grant(source, ben, "read")
    sensor = await device(ben, READ, WRITE)
    assert (await sensor.get(f"/v1/sources/{source['id']}")).json()["access_level"] == "read"
    assert (await sensor.post(f"/v1/sources/{source['id']}/readings", reading())).status_code == 403


async def test_a_token_administers_nothing_of_what_its_owner_administers(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    path = f"/v1/sources/{source['id']}"
    for scopes, level in (((READ,), "read"), ((READ, WRITE), "write")):
        sensor = await device(ann, *scopes)
        assert (await sensor.get(path)).json()["access_level"] == level
        assert (await sensor.patch(path, {"name": "x"})).status_code == 403
        assert (await sensor.delete(path)).status_code == 403
        assert (await sensor.get(f"{path}/access")).status_code == 403


async def test_a_bound_token_reaches_its_sources_and_nothing_else(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    place = await ann.home()
    mine, other = await ann.source(), await ann.source(home_id=place["id"])
    public = await ben.source(is_public=True)
    plant = await ann.plant(home_id=place["id"])
    sensor = await device(ann, READ, WRITE, source_ids=[mine["id"]])
    assert (await sensor.post(f"/v1/sources/{mine['id']}/readings", reading())).status_code == 201
    for source in (other, public):
        path = f"/v1/sources/{source['id']}"
        nowhere = f"/v1/sources/{uuid4()}"
        for get in ("", "/readings", "/series"):
            assert said_of(await sensor.get(path + get)) == said_of(await sensor.get(nowhere + get))
        assert (await sensor.post(f"{path}/readings", reading())).status_code == 404
    batch = [reading(source_id=each["id"], value=2) for each in (mine, other)]
    outcome = (await sensor.post("/v1/readings?mode=partial&on_conflict=replace", batch)).json()
    assert (outcome["replaced"], outcome["rejected"]) == (1, 1)
    assert outcome["results"][-1]["rule"] == "not_found"
    assert [(await sensor.post("/v1/readings", one)).status_code for one in batch] == [200, 404]
    for path in ("/v1/sources", "/v1/readings/latest"):
        items = (await sensor.get(path)).json()["items"]
        assert [item.get("id", item.get("source_id")) for item in items] == [mine["id"]]
    assert (await sensor.get("/v1/plants")).json()["items"] == []
    assert (await sensor.get("/v1/plants/due")).json()["items"] == []
    assert (await sensor.get(f"/v1/plants/{plant['id']}")).status_code == 404
    assert (await sensor.post(f"/v1/plants/{plant['id']}/water")).status_code == 404
    assert (await sensor.post(f"/v1/plants/{plant['id']}/growth", {"value": 1})).status_code == 404
    assert (await sensor.post("/v1/plants/water", {"plant_ids": [plant["id"]]})).status_code == 404
    assert (await sensor.post("/v1/plants/water", {"home_id": place["id"]})).status_code == 404


async def test_a_token_bound_to_a_source_that_is_gone_stays_bound(home: Household) -> None:
    ann = await home.person("ann")
    gone, other = await ann.source(), await ann.source()
    sensor = await device(ann, READ, source_ids=[gone["id"]])
    assert (await ann.delete(f"/v1/sources/{gone['id']}")).status_code == 204
    assert (await sensor.get("/v1/sources")).json()["items"] == []
    assert (await sensor.get(f"/v1/sources/{other['id']}")).status_code == 404


async def test_a_token_loses_what_its_owner_loses(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    source = await ann.source(is_public=True)
    await ann.grant(source, ben, "write")
    bound, unbound = await device(ben, READ, WRITE, source_ids=[source["id"]]), await device(ben, READ, WRITE)
    path = f"/v1/sources/{source['id']}"
    assert (await ann.delete(f"{path}/access/{ben.id}")).status_code == 204
    for sensor in (bound, unbound):
        assert (await sensor.post(f"{path}/readings", reading())).status_code == 403
        assert (await sensor.get(path)).json()["access_level"] is None
        assert (await sensor.get("/v1/sources")).json()["items"] == []


async def test_tokens_make_no_tokens_and_see_none(home: Household) -> None:
    ann = await home.person("ann")
    made = await ann.made("/v1/me/tokens", name="x", scopes=[READ, WRITE])
    sensor = Device(ann.client, made["token"])
    assert (await sensor.post("/v1/me/tokens", {"name": "y", "scopes": [READ]})).status_code == 403
    assert (await sensor.get("/v1/me/tokens")).status_code == 403
    assert (await sensor.delete(f"/v1/me/tokens/{made['id']}")).status_code == 403
    assert len((await ann.get("/v1/me/tokens")).json()["items"]) == 1


async def test_what_a_token_may_not_do_is_told_before_what_is_wrong_with_the_body(home: Household) -> None:
    ann = await home.person("ann")
    sensor = await device(ann, READ)
    for method, path in (
        ("POST", "/v1/homes"),
        ("PUT", "/v1/me/password"),
        ("POST", f"/v1/sources/{uuid4()}/readings"),
    ):
        assert (await sensor.call(method, path, content=b"{")).status_code == 403
        assert (await sensor.call(method, path, json={"x": 1})).status_code == 403


@pytest.mark.parametrize("scopes", [[READ], [WRITE], [READ, WRITE]])
async def test_what_no_token_may_do_is_told_so(home: Household, dba: asyncpg.Connection, scopes: list[str]) -> None:
    ann = await home.person("ann")
    plant = await ann.plant()
    sensor = await device(ann, *scopes)
    for method, path in (("GET", "/v1/homes"), ("POST", "/v1/homes"), ("PATCH", f"/v1/plants/{plant['id']}")):
        assert said_of(await sensor.call(method, path, json={})) == (
            403, "/errors/forbidden", "No device token may do this.",
        )  # fmt: skip
    told = "SELECT details ->> 'detail' FROM audit_logs WHERE event_type = 'access_denied' ORDER BY id DESC LIMIT 1"
    assert await dba.fetchval(told) == "No device token may do this."


# What ends them

PATHS = [
    ("GET", "/v1/sources"),
    ("GET", f"/v1/sources/{uuid4()}"),
    ("GET", "/v1/sources/NO-UUID"),
    ("GET", f"/v1/sources/{str(uuid4()).upper()}"),
    ("POST", f"/v1/sources/{uuid4()}/readings"),
    ("POST", "/v1/readings"),
    ("GET", "/v1/readings/latest"),
    ("GET", "/v1/reference"),
    ("GET", "/v1/me"),
    ("GET", "/v1/homes"),
    ("PUT", "/v1/me/password"),
    ("POST", "/v1/me/tokens"),
    ("GET", "/v1/nowhere"),
    ("DELETE", "/v1/sources"),
]


async def assert_locked_out(sensor: Person, path: tuple[str, str]) -> None:
    response = await sensor.call(*path)
    assert response.status_code == 401, response.text
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers.get_list("x-request-id") == [response.json()["instance"]]


@pytest.mark.parametrize("path", PATHS, ids=[str(n) for n in range(len(PATHS))])
async def test_a_token_that_is_none_is_401_everywhere(home: Household, path: tuple[str, str]) -> None:
    for token in (f"hl_{'x' * 43}", "hl_", f"hl_{'x' * 42}", f"hl_{'x' * 44}", "hl_" + "ø" * 43, f"hl_{'x' * 43} "):
        header = {b"Authorization": f"Bearer {token}".encode()}
        response = await home.client.request(*path, headers=header)
        assert response.status_code == 401, (token, response.text)


async def expired(ann: Person, dba: asyncpg.Connection, token: Any) -> None:
    await dba.execute("UPDATE device_tokens SET created_at = '2020-01-01Z', expires_at = now() - interval '1 second'")


async def deleted(ann: Person, dba: asyncpg.Connection, token: Any) -> None:
    assert (await ann.delete(f"/v1/me/tokens/{token['id']}")).status_code == 204


async def deactivated(ann: Person, dba: asyncpg.Connection, token: Any) -> None:
    await dba.execute("INSERT INTO users (email, role) VALUES ('keeper@example.org', 'admin')")
    await dba.execute("UPDATE users SET is_active = false WHERE id = $1", ann.id)


async def account_deleted(ann: Person, dba: asyncpg.Connection, token: Any) -> None:
    assert (await ann.delete("/v1/me")).status_code == 204


@pytest.mark.parametrize("end", [expired, deleted, deactivated, account_deleted])
async def test_a_token_ends_with_its_next_request(home: Household, dba: asyncpg.Connection, end: Any) -> None:
    ann = await home.person("ann")
    made = await ann.made(
        "/v1/me/tokens", name="x", scopes=[READ, WRITE], expires_at=str(datetime.now(UTC) + timedelta(hours=1))
    )
    sensor = Device(ann.client, made["token"])
    assert (await sensor.get("/v1/sources")).status_code == 200
    await end(ann, dba, made)
    for path in PATHS:
        await assert_locked_out(sensor, path)


async def test_a_new_password_leaves_device_tokens_alone_and_so_does_signing_out(home: Household) -> None:
    ann = await home.person("ann")
    sensor = await device(ann, READ)
    changed = {"current_password": PASSWORD, "new_password": "quite another phrase"}
    assert (await ann.put("/v1/me/password", changed)).status_code == 204
    assert (await ann.post("/v1/auth/logout", {"refresh_token": ann.login["refresh_token"]})).status_code == 204
    assert (await sensor.get("/v1/sources")).status_code == 200


async def test_a_token_works_as_bearer_and_as_nothing_else(home: Household) -> None:
    ann = await home.person("ann")
    token = (await device(ann, READ)).login["access_token"]
    assert (await home.client.get("/v1/sources", headers={"Authorization": f"bearer {token}"})).status_code == 200
    for header in (f"Token {token}", f"Basic {token}", token, f"Bearer {token}, Bearer {token}", f"Bearer  {token}"):
        response = await home.client.get("/v1/sources", headers={"Authorization": header})
        assert response.status_code == 401, header
    assert (await home.client.get(f"/v1/sources?token={token}&p={token}")).status_code == 401


async def test_of_what_is_not_there_a_token_that_works_learns_as_much_as_a_session(home: Household) -> None:
    ann = await home.person("ann")
    sensor = await device(ann, READ, WRITE)
    for path in (("GET", "/v1/nowhere"), ("GET", "/v1/sources/NO-UUID"), ("PUT", "/v1/sources")):
        assert said_of(await sensor.call(*path)) == said_of(await ann.call(*path))
    assert (await sensor.get("/v1/reference")).status_code == 200


# What is noted


async def test_when_a_token_was_last_used_is_noted_once_a_minute(
    home: Household, dba: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await home.person("ann")
    made = await ann.made("/v1/me/tokens", name="x", scopes=[READ])
    sensor = Device(ann.client, made["token"])

    async def last_used() -> str | None:
        answer: str | None = (await ann.get(f"/v1/me/tokens/{made['id']}")).json()["last_used_at"]
        return answer

    assert await last_used() is None
    await sensor.get("/v1/sources")
    first = await last_used()
    assert first is not None
    written = await dba.fetchval("SELECT xmin::text FROM device_tokens")
    await asyncio.gather(*(sensor.get("/v1/sources") for _ in range(5)))
    # Another worker, which does not know of the first one's note.
    database: Database = home.app.app.state.database
    database._noted.clear()
    await sensor.get("/v1/sources")
    assert await dba.fetchval("SELECT xmin::text FROM device_tokens") == written
    await dba.execute("UPDATE device_tokens SET last_used_at = last_used_at - interval '61 seconds'")
    database._noted.clear()
    await sensor.get("/v1/sources")
    assert (await last_used() or "") > first


async def test_a_token_costs_no_statement_of_its_own(home: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    sensor = await device(ann, READ)
    path = f"/v1/sources/{source['id']}/readings"
    await sensor.get(path)
    with logged(monkeypatch) as lines:
        await sensor.get(path)
    (line,) = lines.getvalue().decode().splitlines()
    assert f'"queries":["{LISTS["desc"].name}","readings:source_is_visible"]' in line


async def test_what_a_token_did_is_audited_with_the_token(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    source, plant = await ann.source(), await ann.plant()
    made = await ann.made("/v1/me/tokens", name="Cellar", scopes=[READ, WRITE])
    sensor = Device(ann.client, made["token"])
    readings = f"/v1/sources/{source['id']}/readings"
    await sensor.post(readings, reading())
    await sensor.post(f"{readings}?on_conflict=replace", reading(value=2))
    await sensor.post(f"{readings}", [reading(timestamp="2026-01-02T00:00:00Z")])
    await sensor.get(readings)
    await sensor.post(f"/v1/plants/{plant['id']}/water")
    await sensor.post("/v1/homes", {"name": "x"})
    rows = await dba.fetch(
        "SELECT event_type, user_id::text FROM audit_logs WHERE details::jsonb ->> 'token_id' = $1 ORDER BY id",
        made["id"],
    )
    assert [row["event_type"] for row in rows] == [
        "create_entry", "update_entry", "create_entry", "view_source", "create_care", "update_plant", "access_denied",
    ]  # fmt: skip
    assert {row["user_id"] for row in rows} == {ann.id}
    others = await dba.fetchval("SELECT count(*) FROM audit_logs WHERE details::jsonb ? 'token_id'")
    assert others == len(rows)


async def test_making_and_taking_away_is_audited(home: Household) -> None:
    ann = await home.person("ann")
    made = await ann.made("/v1/me/tokens", name="Cellar", scopes=[READ])
    await ann.delete(f"/v1/me/tokens/{made['id']}")
    rows = (await ann.get("/v1/audit", params={"user_id": ann.id})).json()["items"]
    told = {row["event_type"]: row["details"] for row in rows if row["event_type"].endswith("_token")}
    assert told.keys() == {"create_token", "delete_token"}
    assert (told["create_token"]["name"], told["create_token"]["scopes"]) == ("Cellar", [READ])
    assert "token_hash" not in str(told)


async def test_no_token_is_in_an_answer_a_log_line_or_an_audit_row(
    home: Household, dba: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    answers: list[httpx.Response] = []
    with logged(monkeypatch) as lines:
        assert isinstance(lines, io.BytesIO)
        made = await ann.made("/v1/me/tokens", name="Cellar", scopes=[WRITE])
        sensor = Device(ann.client, made["token"])
        canary = made["token"]
        for method, path in (*PATHS, ("POST", f"/v1/sources/{source['id']}/readings")):
            answers.append(
                await sensor.call(method, f"{path}?token={canary}", json={"value": 1, "notes": canary + "!"})
            )
        await dba.execute("ALTER TABLE device_tokens RENAME COLUMN scopes TO hidden")
        answers.append(await sensor.get("/v1/sources"))
        answers.append(await sensor.get("/v1/nowhere"))
        await dba.execute("ALTER TABLE device_tokens RENAME COLUMN hidden TO scopes")
        answers.append(await ann.delete(f"/v1/me/tokens/{made['id']}"))
        answers.append(await sensor.get("/v1/sources"))
    digest = hashlib.sha256(canary.encode()).hexdigest()
    # The note of the reading that was logged holds it, as was asked for.
    told = [answer.text.replace(canary + "!", "") for answer in answers]
    rows = await dba.fetchval("SELECT string_agg(l::text, '') FROM audit_logs AS l")
    for text in (*told, lines.getvalue().decode(), rows):
        assert canary not in text
        assert digest not in text


async def test_a_token_used_by_somebody_makes_no_cursor_old(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    cursor = (await ann.get("/v1/changes")).json()["next_cursor"]
    sensor = await device(ben, READ)
    for _ in range(8):
        assert (await sensor.get("/v1/sources")).status_code == 200
        assert (await ann.get("/v1/changes", params={"since": cursor})).status_code == 200


async def test_a_cursor_is_of_what_the_token_is_bound_to(home: Household) -> None:
    ann = await home.person("ann")
    first, second = await ann.source(), await ann.source()
    await ann.made(f"/v1/sources/{second['id']}/readings", value=1)
    one, two = [await device(ann, READ, source_ids=[source["id"]]) for source in (first, second)]
    cursor = (await one.get("/v1/changes")).json()["next_cursor"]
    assert (await one.get("/v1/changes", params={"since": cursor})).status_code == 200
    assert (await two.get("/v1/changes", params={"since": cursor})).status_code == 410
    assert (await ann.get("/v1/changes", params={"since": cursor})).status_code == 410


async def test_a_bound_token_is_told_that_its_source_is_lost_and_nothing_of_others(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    source, other = await ann.source(), await ann.source()
    for each in (source, other):
        await ann.grant(each, ben)
    sensor = await device(ben, READ, source_ids=[source["id"]])
    cursor = (await sensor.get("/v1/changes")).json()["next_cursor"]
    for each in (source, other):
        await ann.delete(f"/v1/sources/{each['id']}/access/{ben.id}")
    items = (await sensor.get("/v1/changes", params={"since": cursor})).json()["items"]
    assert [(item["op"], item["id"]) for item in items] == [("lost", source["id"])]
