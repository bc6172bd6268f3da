"""The end of an account (data rule 7): what it alone administers goes, what others administer too stays, nameless."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from service import database
from service.settings import Settings
from tests.people import PASSWORD, Household, Person, serve

pytestmark = pytest.mark.usefixtures("keeper")
ON = "2026-01-{:02}T00:00:00Z"


async def counted(dba: asyncpg.Connection, *tables: str) -> dict[str, int]:
    """How many rows each table has."""
    return {table: await dba.fetchval(f"SELECT count(*) FROM {table}") for table in tables}  # noqa: S608 - as called


async def metered(ann: Person, ben: Person, level: str) -> Any:
    """A source of Ann's, with something of everything by Ann, and Ben's grant on it."""
    source = await ann.source(kind="counter")
    path = f"/v1/sources/{source['id']}"
    await ann.grant(source, ben, level)
    rows = [{"timestamp": ON.format(day), "value": day} for day in (1, 2, 3)]
    assert (await ann.post(f"{path}/readings", rows)).json()["created"] == 3
    await ann.made(f"{path}/meter-events", at=ON.format(9), kind="swap")
    await ann.made(f"{path}/validators", min_value=0)
    return source


async def test_what_another_admin_has_too_stays_with_all_of_it_and_without_the_name(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    path = f"/v1/sources/{(await metered(ann, ben, 'admin'))['id']}"
    lists = (f"{path}/readings", f"{path}/meter-events", f"{path}/validators")
    before = [(await ben.get(each)).json()["items"] for each in lists]
    told = (await ben.get(f"{path}/audit?limit=1000")).json()["items"]

    assert (await ann.delete("/v1/me")).status_code == 204

    source = (await ben.get(path)).json()
    assert (source["created_by"], source["access_level"], source["latest"]["value"]) == (None, "admin", 3)
    after = [(await ben.get(each)).json()["items"] for each in lists]
    for items, same in zip(before, after, strict=True):
        who = {"recorded_by", "created_by", "updated_at"}
        assert [[item[name] for name in item if name not in who] for item in items] == [
            [item[name] for name in item if name not in who] for item in same
        ]
        assert {item.get("recorded_by", item.get("created_by")) for item in items} == {ann.id}
        assert {item.get("recorded_by", item.get("created_by")) for item in same} == {None}
    (grant,) = (await ben.get(f"{path}/access")).json()["items"]
    assert (grant["user_id"], grant["granted_by"], grant["access_level"]) == (ben.id, None, "admin")
    # What was told of it stays told, in her name.
    rows = (await ben.get(f"{path}/audit?limit=1000")).json()["items"]
    assert [row for row in rows if row in told] == told
    assert ann.id in {row["user_id"] for row in rows}


@pytest.mark.parametrize("level", ["read", "write"])
async def test_what_others_only_read_or_write_goes_and_leaves_one_row(
    home: Household, dba: asyncpg.Connection, level: str
) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    source = await metered(ann, ben, level)
    path = f"/v1/sources/{source['id']}"
    assert (await ben.get(path)).status_code == 200

    assert (await ann.delete("/v1/me")).status_code == 204

    for each in (path, f"{path}/readings", f"{path}/meter-events", f"{path}/series"):
        assert (await ben.get(each)).status_code == 404
    assert (await ben.get("/v1/sources")).json()["items"] == []
    changes = (await ben.get("/v1/changes")).json()["items"]
    assert source["id"] not in {each["id"] for each in changes if each["op"] == "upsert"}
    rows = await dba.fetch(
        "SELECT user_id::text, details FROM audit_logs WHERE source_id = $1 AND id > ("
        "  SELECT max(id) FROM audit_logs WHERE event_type = 'view_source') AND event_type LIKE 'delete%'",
        source["id"],
    )
    ((who, details),) = [tuple(row) for row in rows]
    assert who == ann.id
    for part in ('"readings": 3', '"first": "2026-01-01T', '"last": "2026-01-03T', '"name": "Meter"'):
        assert part in details


async def test_homes_and_plants_go_and_what_others_put_there_stays_theirs(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    place = await ann.home()
    source = await ann.source(home_id=place["id"])
    await ann.plant(home_id=place["id"])
    await ann.grant(source, ben, "admin")
    fern = await ben.plant()

    assert (await ann.delete("/v1/me")).status_code == 204

    assert (await ben.get(f"/v1/homes/{place['id']}")).status_code == 404
    assert (await ben.get(f"/v1/sources/{source['id']}")).json()["home_id"] is None
    assert [plant["id"] for plant in (await ben.get("/v1/plants")).json()["items"]] == [fern["id"]]


async def test_everything_that_opens_the_account_is_dead_with_the_next_request(
    home: Household, dba: asyncpg.Connection
) -> None:
    tables = ("users", "user_passwords", "user_oauth_identities", "sessions", "refresh_tokens", "device_tokens")
    before = await counted(dba, *tables)
    ann = await home.person("ann")
    other = (await home.client.post("/v1/auth/login", json={"email": ann.email, "password": PASSWORD})).json()
    token = await ann.made("/v1/me/tokens", name="Sensor", scopes=["read:data", "write:data"])
    await dba.execute(
        "INSERT INTO user_oauth_identities (user_id, provider, issuer, provider_user_id)"
        " VALUES ($1, 'google', 'https://accounts.google.com', 'subject')",
        ann.id,
    )
    elsewhere = Person(home.client, "ann", other)
    device = Person(home.client, "sensor", {"access_token": token["token"]})
    assert [(await each.get("/v1/sources")).status_code for each in (ann, elsewhere, device)] == [200] * 3

    assert (await ann.delete("/v1/me")).status_code == 204

    assert [(await each.get("/v1/sources")).status_code for each in (ann, elsewhere, device)] == [401] * 3
    for each in (ann.login, other):
        answer = await home.nobody.post("/v1/auth/refresh", {"refresh_token": each["refresh_token"]})
        assert answer.status_code == 401
    assert await counted(dba, *tables) == before
    anew = await home.person("ann")
    assert (await anew.get("/v1/sources")).json()["items"] == []


async def test_no_table_keeps_the_id_but_the_log(home: Household, dba: asyncpg.Connection) -> None:
    """Of every column of every table, whatever is made by a migration to come."""
    ann, ben = await home.person("ann"), await home.person("ben")
    place = await ann.home()
    shared, bens = await metered(ann, ben, "admin"), await ben.source()
    await ben.grant(bens, ann, "write")
    assert (await ann.post(f"/v1/sources/{bens['id']}/readings", {"value": 1})).status_code == 201
    await ann.plant(home_id=place["id"])
    await ann.made("/v1/me/tokens", name="Sensor", scopes=["write:data"], source_ids=[shared["id"]])
    await ann.put("/v1/me/line-mappings", {"series": "m f", "source_id": bens["id"]})
    await ann.get(f"/v1/sources/{bens['id']}")

    assert (await ann.delete("/v1/me")).status_code == 204

    tables = await dba.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1"
    )
    keeps = {
        table
        for (table,) in tables
        if await dba.fetchval(f"SELECT count(*) FROM {table} AS t WHERE strpos(t::text, $1) > 0", ann.id)  # noqa: S608
    }
    assert keeps <= {"audit_logs", "user_tombstones", "source_tombstones"}


async def test_a_writer_meanwhile_is_answered_truly_and_the_row_counts_all_that_was_stored(
    home: Household, dba: asyncpg.Connection
) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    source = await ann.source()
    await ann.grant(source, ben, "write")
    stored, gone = 0, asyncio.Event()

    async def write(lane: int) -> None:
        nonlocal stored
        for n in range(1000):
            rows = [
                {"timestamp": f"2026-{lane:02}-{1 + n // 24:02}T{n % 24:02}:{m:02}:00Z", "value": m} for m in range(5)
            ]
            answer = await ben.post(f"/v1/sources/{source['id']}/readings", rows)
            if answer.status_code in {404, 422}:  # the source went before it was asked for, or while it was written
                return
            assert answer.status_code == 200, answer.text
            stored += answer.json()["created"]
            assert not gone.is_set(), "stored in a source that is not there any more"

    async def go() -> None:
        await asyncio.sleep(0.2)
        assert (await ann.delete("/v1/me")).status_code == 204
        gone.set()

    writers = [asyncio.create_task(write(lane)) for lane in (1, 2, 3)]
    await go()
    await asyncio.gather(*writers)
    assert stored > 0
    assert await dba.fetchval("SELECT count(*) FROM readings") == 0
    details = await dba.fetchval("SELECT details::text FROM audit_logs WHERE event_type = 'delete_source'")
    assert f'"readings": {stored}' in details


async def test_the_other_admins_writes_all_succeed_meanwhile(home: Household, dba: asyncpg.Connection) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    source = await metered(ann, ben, "admin")

    async def write(n: int) -> int:
        row = {"timestamp": f"2026-02-01T{n:02}:00:00Z", "value": n}
        return (await ben.post(f"/v1/sources/{source['id']}/readings", row)).status_code

    writes = asyncio.gather(*(write(n) for n in range(24)))
    gone = await ann.delete("/v1/me")
    assert (gone.status_code, await writes) == (204, [201] * 24)
    assert await dba.fetchval("SELECT count(*) FROM readings") == 27
    assert await dba.fetchval("SELECT count(*) FROM readings WHERE recorded_by = $1", ann.id) == 0


@pytest.mark.parametrize("level", ["write", "admin"])
async def test_a_members_batches_meanwhile_are_answered_truly(
    home: Household, dba: asyncpg.Connection, level: str
) -> None:
    """A batch is of several sources of the home: all of Ann's, who goes, but for one that is Ben's own."""
    ann, ben = await home.person("ann"), await home.person("ben")
    place = await ann.home()
    await ann.invite(place, ben, level)
    anns = [(await ann.source(home_id=place["id"]))["id"] for _ in range(6)]
    bens = (await ben.source(home_id=place["id"]))["id"]
    stored: dict[str, int] = dict.fromkeys([*anns, bens], 0)
    began, gone = asyncio.Event(), asyncio.Event()

    async def write(lane: int) -> None:
        for n in range(500):
            at = f"2026-{lane:02}-{1 + n // 24:02}T{n % 24:02}:00:00Z"
            sources = [*anns[lane % 2 :: 2], bens]
            rows = [{"source_id": each, "timestamp": at, "value": n} for each in sources]
            is_late = gone.is_set()
            answer = await ben.post("/v1/readings", rows)
            if answer.status_code in {404, 422} and level == "write":
                return
            assert answer.status_code == 200, answer.text
            assert answer.json()["created"] == len(rows)
            assert level == "admin" or not is_late, "stored in a source that is not there any more"
            for each in sources:
                stored[each] += 1
            began.set()
            if is_late:
                return

    writers = [asyncio.create_task(write(lane)) for lane in (1, 2, 3, 4)]
    await began.wait()
    assert (await ann.delete("/v1/me")).status_code == 204
    gone.set()
    await asyncio.gather(*writers)
    counts = dict.fromkeys(stored, 0) | {
        str(row[0]): row[1] for row in await dba.fetch("SELECT source_id, count(*) FROM readings GROUP BY 1")
    }
    rows = await dba.fetch(
        "SELECT source_id::text, (details ->> 'readings')::int FROM audit_logs WHERE event_type = 'delete_source'"
    )
    told = {row[0]: row[1] for row in rows}
    if level == "admin":
        assert (counts, told) == (stored, {})
    else:
        assert counts == dict.fromkeys(anns, 0) | {bens: stored[bens]}
        assert told == {each: stored[each] for each in anns}


async def test_two_admins_of_one_source_who_go_at_once_leave_nothing(home: Household, dba: asyncpg.Connection) -> None:
    tables = ("users", "data_sources", "readings", "user_source_access", "data_validators", "meter_events")
    before = await counted(dba, *tables)
    ann, ben = await home.person("ann"), await home.person("ben")
    for _ in range(3):
        await metered(ann, ben, "admin")
    answers = await asyncio.gather(ann.delete("/v1/me"), ben.delete("/v1/me"))
    assert [answer.status_code for answer in answers] == [204, 204]
    assert await counted(dba, *tables) == before
    assert await dba.fetchval("SELECT count(*) FROM audit_logs WHERE event_type = 'delete_source'") == 3


@pytest.mark.parametrize("via", ["grant", "home"])
async def test_whoever_goes_while_they_write_leaves_no_name_behind(
    home: Household, dba: asyncpg.Connection, via: str
) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    place = await ben.home()
    bens = await ben.source(home_id=place["id"])
    if via == "grant":
        await ben.grant(bens, ann, "write")
    else:
        await ben.invite(place, ann, "write")

    async def write(n: int) -> int:
        row = {"timestamp": f"2026-02-{1 + n // 24:02}T{n % 24:02}:00:00Z", "value": n}
        return (await ann.post(f"/v1/sources/{bens['id']}/readings", row)).status_code

    # The first of them is her first reading in that source.
    writes = asyncio.gather(*(write(n) for n in range(30)))
    gone = await ann.delete("/v1/me")
    assert gone.status_code == 204
    answers = await writes
    assert set(answers) <= {201, 401, 404}
    assert await dba.fetchval("SELECT count(*) FROM readings") == answers.count(201)
    assert await dba.fetchval("SELECT count(*) FROM readings WHERE recorded_by = $1", ann.id) == 0


async def test_a_change_that_is_stale_deletes_nothing(home: Household) -> None:
    ann = await home.person("ann")
    version = (await ann.get("/v1/me")).headers["etag"]
    await ann.patch("/v1/me", {"display_name": "Changed"})
    assert (await ann.delete("/v1/me", headers={"If-Match": version})).status_code == 412
    assert (await ann.get("/v1/me")).status_code == 200


# Millions of readings


@pytest.fixture
async def slow(
    settings: Settings, dba: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Household]:
    """A service whose statements end after a second, on a database that needs longer for a source or a home."""
    monkeypatch.setattr(database, "COMMAND_SECONDS", 1.0)
    await dba.execute(
        f"ALTER ROLE homelog_api IN DATABASE {await dba.fetchval('SELECT current_database()')}"
        " SET statement_timeout = '1s';"
        " CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep(1.5); RETURN OLD; END $$;"
        " CREATE TRIGGER _dawdle BEFORE DELETE ON data_sources FOR EACH ROW EXECUTE FUNCTION dawdle();"
        " CREATE TRIGGER _dawdle BEFORE DELETE ON homes FOR EACH ROW EXECUTE FUNCTION dawdle()"
    )
    async with serve(settings) as household:
        yield household


async def test_what_has_millions_of_readings_may_take_long_to_delete(slow: Household, keeper: Person) -> None:
    ann, ben = await slow.person("ann"), await slow.person("ben")
    admin = Person(slow.client, "keeper", keeper.login)
    source = await ann.source()
    for person in (ann, ben):
        await person.source()
    for person, path in ((ann, f"/v1/sources/{source['id']}"), (ann, "/v1/me"), (admin, f"/v1/users/{ben.id}")):
        response = await person.delete(path)
        assert response.status_code == 204, response.text


async def test_nothing_else_may_take_long_not_even_on_the_same_connection(slow: Household) -> None:
    ann = await slow.person("ann")
    source, place = await ann.source(), await ann.home()
    assert (await ann.delete(f"/v1/sources/{source['id']}")).status_code == 204
    pool = slow.app.app.state.database.pool
    connections = [await pool.acquire() for _ in range(pool.get_size())]
    assert {await each.fetchval("SHOW statement_timeout") for each in connections} == {"1s"}
    for each in connections:
        await pool.release(each)
    assert (await ann.delete(f"/v1/homes/{place['id']}")).status_code == 503
    assert (await ann.get(f"/v1/homes/{place['id']}")).status_code == 200
