"""GET /v1/changes: a copy that is kept by it alone is what its owner sees. Of many writers: test_interleavings.py."""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from service.changes.handlers import list_changes
from service.embedded import EmbeddedPostgres
from service.identity import Caller
from tests.copies import Copy
from tests.people import Household, Person

TIME = "2026-01-01T00:00:00Z"


async def log(person: Person, source: Any, value: float = 1, timestamp: str = TIME, **fields: Any) -> Any:
    return await person.made(f"/v1/sources/{source['id']}/readings", value=value, timestamp=timestamp, **fields)


async def furnish(ann: Person, dba: asyncpg.Connection) -> dict[str, Any]:
    """One of everything, by its type; the validator and the meter event as a DBA makes them."""
    home = await ann.home()
    source = await ann.source(home_id=home["id"], kind="counter")
    reading = await log(ann, source, notes="Cellar", metadata={"by": "hand"})
    plant = await ann.plant(home_id=home["id"])
    plant = (await ann.post(f"/v1/plants/{plant['id']}/water", {})).json()
    validator = await dba.fetchval(
        "INSERT INTO data_validators (source_id, min_value) VALUES ($1, 0) RETURNING id", UUID(source["id"])
    )
    event = await dba.fetchval(
        "INSERT INTO meter_events (source_id, at, kind) VALUES ($1, $2, 'swap') RETURNING id",
        *(UUID(source["id"]), datetime(2026, 1, 1, tzinfo=UTC)),
    )
    care = await dba.fetchval("SELECT id FROM care_events")
    return {
        "home": home,
        "source": (await ann.get(f"/v1/sources/{source['id']}")).json(),
        "validator": {"id": str(validator)},
        "meter_event": {"id": str(event)},
        "plant": plant,
        "care": {"id": str(care)},
        "reading": reading,
    }


@pytest.fixture
async def others(
    server: EmbeddedPostgres, database: str, dba: asyncpg.Connection
) -> AsyncIterator[list[asyncpg.Connection]]:
    """Three more DBAs, so that transactions can overlap."""
    async with AsyncExitStack() as stack:
        connections = [await asyncpg.connect(server.url(server.superuser, database)) for _ in range(3)]
        for connection in connections:
            stack.push_async_callback(connection.close)
        yield connections


# What a copy is told


async def test_without_a_cursor_it_is_told_everything_the_whole_before_its_parts(
    home: Household, dba: asyncpg.Connection
) -> None:
    ann = await home.person("ann")
    made = await furnish(ann, dba)
    copy = Copy(ann)
    assert await copy.catch_up() == [(type_, "upsert", each["id"]) for type_, each in made.items()]


async def test_what_it_is_told_has_the_shape_of_the_objects_own_get(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    made = await furnish(ann, dba)
    copy = Copy(ann)
    await copy.catch_up()
    reading = made["reading"]
    for type_, path in (
        ("home", f"/v1/homes/{made['home']['id']}"),
        ("source", f"/v1/sources/{made['source']['id']}"),
        ("plant", f"/v1/plants/{made['plant']['id']}"),
        ("reading", f"/v1/sources/{reading['source_id']}/readings/{reading['id']}"),
    ):
        assert copy.of(type_) == [(await ann.get(path)).json()]
    (validator,), (event,), (care,) = copy.of("validator"), copy.of("meter_event"), copy.of("care")
    assert (validator["min_value"], validator["non_decreasing"], validator["action"]) == (0, False, "reject")
    assert (event["at"], event["kind"], event["old_value"]) == (TIME, "swap", None)
    assert care == {
        "id": made["care"]["id"], "plant_id": made["plant"]["id"], "user_id": ann.id, "kind": "water",
        "at": made["plant"]["last_water"], "note": "",
    }  # fmt: skip


async def test_a_change_names_its_source(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    source = (await furnish(ann, dba))["source"]["id"]
    items = (await ann.get("/v1/changes")).json()["items"]
    assert {each["type"]: each["source_id"] for each in items} == {
        "home": None, "source": source, "validator": source, "meter_event": source, "plant": None, "care": None,
        "reading": source,
    }  # fmt: skip


async def test_a_copy_that_has_all_is_told_nothing(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    await furnish(ann, dba)
    copy = Copy(ann)
    await copy.catch_up()
    # While something else of the server is open (autovacuum), a change may be told again.
    for _ in range(100):
        if not (told := await copy.catch_up()):
            break
    assert not told


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8])
async def test_pages_of_any_size_tell_the_same(home: Household, dba: asyncpg.Connection, limit: int) -> None:
    ann = await home.person("ann")
    await furnish(ann, dba)
    source = await ann.source()
    for day in range(1, 6):
        await log(ann, source, timestamp=f"2026-02-0{day}T00:00:00Z")
    copy, same = Copy(ann), Copy(ann)
    told = await copy.catch_up(limit)
    assert told == await same.catch_up(1000)
    assert len(told) == len(set(told)) == 13
    await ann.delete(f"/v1/sources/{source['id']}")
    await ann.delete(f"/v1/homes/{(await ann.get('/v1/homes')).json()['items'][0]['id']}")
    assert await copy.catch_up(limit) == await same.catch_up(1000)
    assert copy.items == same.items


async def test_readings_that_come_change_and_go(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    copy = Copy(ann)
    await copy.catch_up()
    reading = await log(ann, source)
    path = f"/v1/sources/{source['id']}/readings/{reading['id']}"
    assert ("reading", "upsert", reading["id"]) in await copy.catch_up()
    await ann.patch(path, {"value": 2})
    await copy.catch_up()
    assert [each["value"] for each in copy.of("reading")] == [2]
    await ann.delete(path)
    assert ("reading", "delete", reading["id"]) in await copy.catch_up()
    assert copy.of("reading") == []
    again = await log(ann, source, 3)
    await copy.catch_up()
    assert copy.of("reading") == [again]


async def test_a_day_is_read_for_what_changed_on_it_alone(home: Household, others: list[asyncpg.Connection]) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    for hour in range(10):
        await log(ann, source, timestamp=f"2026-01-01T0{hour}:00:00Z")
    copy = Copy(ann)
    for _ in range(100):
        if not await copy.catch_up():
            break
    reading = await log(ann, source, timestamp="2026-01-01T04:30:00Z")
    assert await copy.catch_up() == [("reading", "upsert", reading["id"])]


async def test_a_source_is_told_when_it_is_changed_and_not_for_each_reading(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    copy = Copy(ann)
    for _ in range(100):
        if not await copy.catch_up():
            break
    await log(ann, source)
    assert [type_ for type_, _, _ in await copy.catch_up()] == ["reading"]
    await ann.patch(f"/v1/sources/{source['id']}", {"name": "Renamed"})
    assert "source" in [type_ for type_, _, _ in await copy.catch_up()]
    (copied,) = copy.of("source")
    assert (copied["name"], copied["latest"]["timestamp"]) == ("Renamed", TIME)


async def test_a_home_that_goes_leaves_what_stood_in_it(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    made = await furnish(ann, dba)
    copy = Copy(ann)
    await copy.catch_up()
    await ann.patch(f"/v1/homes/{made['home']['id']}", {"timezone": "Pacific/Kiritimati"})
    await copy.catch_up()
    assert copy.of("plant") == [(await ann.get(f"/v1/plants/{made['plant']['id']}")).json()]  # its days are the home's
    await ann.delete(f"/v1/homes/{made['home']['id']}")
    assert ("home", "delete", made["home"]["id"]) in await copy.catch_up()
    assert copy.of("home") == []
    assert [each["home_id"] for each in copy.of("source") + copy.of("plant")] == [None, None]


async def test_a_plant_goes_with_its_care(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    made = await furnish(ann, dba)
    copy = Copy(ann)
    await copy.catch_up()
    await ann.delete(f"/v1/plants/{made['plant']['id']}")
    assert {("plant", "delete", made["plant"]["id"]), ("care", "delete", made["care"]["id"])} <= set(
        await copy.catch_up()
    )
    assert copy.of("plant") == copy.of("care") == []


async def test_a_source_that_goes_is_told_once_whatever_it_held(home: Household, dba: asyncpg.Connection) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await furnish(ann, dba)
    await ann.grant(made["source"], ben)
    copies = [Copy(ann), Copy(ben)]
    for copy in copies:
        await copy.catch_up()
    await ann.delete(f"/v1/sources/{made['source']['id']}")
    for copy in copies:
        told = await copy.catch_up()
        assert [each for each in told if each[1] != "upsert"] == [("source", "delete", made["source"]["id"])]
        assert not {"source", "reading", "validator", "meter_event"} & {type_ for type_, _, _ in copy.items}


async def test_of_a_source_that_is_made_anew_nothing_old_is_left(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source(id=str(uuid4()))
    await log(ann, source, 1)
    copy = Copy(ann)
    await copy.catch_up()
    await ann.delete(f"/v1/sources/{source['id']}")
    await ann.source(id=source["id"])
    reading = await log(ann, source, 2, "2026-01-02T00:00:00Z")
    await copy.catch_up()
    assert copy.of("reading") == [reading]


# Whom it is told


async def test_strangers_are_told_nothing_of_what_is_not_theirs(home: Household, dba: asyncpg.Connection) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await furnish(ann, dba)
    copy = Copy(ben)
    assert await copy.catch_up() == []
    await ann.patch(f"/v1/sources/{made['source']['id']}", {"is_public": True})
    await ann.delete(f"/v1/sources/{made['source']['id']}/readings/{made['reading']['id']}")
    await ann.delete(f"/v1/plants/{made['plant']['id']}")
    await ann.delete(f"/v1/homes/{made['home']['id']}")
    await ann.delete(f"/v1/sources/{made['source']['id']}")
    assert await copy.catch_up() == []


async def test_who_is_granted_a_source_is_told_all_of_it_and_who_loses_it_that_it_is_lost(
    home: Household, dba: asyncpg.Connection
) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await furnish(ann, dba)
    copy = Copy(ben)
    await copy.catch_up()
    for _ in range(2):
        await ann.grant(made["source"], ben)
        await copy.catch_up()
        assert {type_ for type_, _, _ in copy.items} == {"source", "validator", "meter_event", "reading"}
        assert copy.of("reading") == [made["reading"]]
        assert [each["access_level"] for each in copy.of("source")] == ["read"]
        await ann.delete(f"/v1/sources/{made['source']['id']}/access/{ben.id}")
        page = await copy.page()
        assert [each for each in page["items"] if each["op"] == "lost"] == [
            {
                "type": "source", "op": "lost", "id": made["source"]["id"], "source_id": made["source"]["id"],
                "data": None,
            }
        ]  # fmt: skip
        assert copy.items == {}


async def test_a_level_that_changes_tells_the_source_and_not_its_readings(
    home: Household, dba: asyncpg.Connection
) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    made = await furnish(ann, dba)
    await ann.grant(made["source"], ben)
    copy = Copy(ben)
    for _ in range(100):
        if not await copy.catch_up():
            break
    await ann.put(f"/v1/sources/{made['source']['id']}/access/{ben.id}", {"access_level": "write"})
    assert await copy.catch_up() == [("source", "upsert", made["source"]["id"])]
    assert [each["access_level"] for each in copy.of("source")] == ["write"]


async def test_what_went_while_one_had_no_access_is_gone_when_one_has_it_again(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    source = await ann.source()
    reading, kept = await log(ann, source), await log(ann, source, 2, "2026-01-02T00:00:00Z")
    await ann.grant(source, ben)
    copy = Copy(ben)
    await copy.catch_up()
    await ann.delete(f"/v1/sources/{source['id']}/access/{ben.id}")
    await ann.delete(f"/v1/sources/{source['id']}/readings/{reading['id']}")
    await ann.grant(source, ben)
    await copy.catch_up()
    assert copy.of("reading") == [kept]


@pytest.mark.usefixtures("keeper")
async def test_an_account_that_goes_takes_its_name_off_what_others_keep(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    source = await ann.source()
    await ann.grant(source, ben, "admin")
    await log(ann, source)
    copy = Copy(ben)
    await copy.catch_up()
    assert (await ann.delete("/v1/me")).status_code == 204
    await copy.catch_up()
    assert [each["recorded_by"] for each in copy.of("reading")] == [None]
    assert [each["created_by"] for each in copy.of("source")] == [None]


# Transactions that overlap


async def test_a_transaction_that_was_open_while_the_copy_was_made_is_not_skipped(
    home: Household, others: list[asyncpg.Connection]
) -> None:
    ann = await home.person("ann")
    source = UUID((await ann.source())["id"])
    early, late, _ = others
    copy = Copy(ann)
    insert = "INSERT INTO homes (name, created_by) VALUES ($1, $2)"
    begun, other = early.transaction(), late.transaction()
    await begun.start()
    await early.execute(insert, "early", UUID(ann.id))
    await other.start()
    await late.execute(insert, "late", UUID(ann.id))
    await other.commit()
    await copy.catch_up()
    assert [each["name"] for each in copy.of("home")] == ["late"]
    await early.execute("INSERT INTO readings (source_id, timestamp, value) VALUES ($1, now(), 1)", source)
    await copy.catch_up()
    assert copy.of("reading") == []
    await begun.commit()
    await copy.catch_up()
    assert sorted(each["name"] for each in copy.of("home")) == ["early", "late"]
    assert len(copy.of("reading")) == 1


REMADE = {
    "home": (
        "INSERT INTO homes (id, name, created_by) VALUES ('{id}', 'Home', '{ann}')",
        "DELETE FROM homes",
    ),
    "reading": (
        "INSERT INTO readings (id, source_id, timestamp, value) VALUES ('{id}', '{source}', '2026-01-01Z', 1)",
        "DELETE FROM readings",
    ),
    "source": (
        "INSERT INTO user_source_access (user_id, source_id, access_level) VALUES ('{ben}', '{source}', 'read')",
        "DELETE FROM user_source_access WHERE user_id = '{ben}'",
    ),
}


@pytest.mark.parametrize("type_", REMADE)
async def test_a_deletion_that_is_told_again_does_not_take_away_what_was_made_anew(
    home: Household, others: list[asyncpg.Connection], type_: str
) -> None:
    # The number of who deletes is later than that of who makes it anew, and between them somebody stays open.
    ann, ben = await home.person("ann"), await home.person("ben")
    names = {"ann": ann.id, "ben": ben.id, "source": (await ann.source())["id"], "id": uuid4()}
    make, delete = (sql.format(**names) for sql in REMADE[type_])
    maker, stays, deleter = others
    await deleter.execute(make)
    copy = Copy(ben if type_ == "source" else ann)
    await copy.catch_up()
    for each in (maker, stays, deleter):
        await each.execute("BEGIN; SELECT pg_current_xact_id()")
    await deleter.execute(f"{delete}; COMMIT")
    await maker.execute(f"{make}; COMMIT")
    for _ in range(3):
        await copy.catch_up()
        assert len(copy.of(type_)) == 1
    await stays.execute("COMMIT")
    await copy.catch_up()
    assert len(copy.of(type_)) == 1


async def test_what_is_granted_between_the_callers_identity_and_the_first_question_is_not_skipped(
    home: Household, dba: asyncpg.Connection
) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    source = await ann.source()
    await log(ann, source)
    copy = Copy(ben)
    await copy.catch_up()
    caller = home.app.tokens.caller(ben.headers["Authorization"])
    assert isinstance(caller, Caller)
    async with home.app.app.state.database.transaction(caller, None, read_only=True) as tx:
        await ann.grant(source, ben)
        copy.apply(msgspec.to_builtins(await list_changes.fn(tx, copy.cursor, 100)))
    await copy.catch_up()
    assert len(copy.of("source")) == len(copy.of("reading")) == 1


async def test_numbers_that_a_cursor_calls_over_are_on_disk(home: Household, dba: asyncpg.Connection) -> None:
    # Else a crash could give out again that of a transaction which was rolled back.
    ann = await home.person("ann")
    for cursor in (None, (await ann.get("/v1/changes")).json()["next_cursor"]):
        await dba.execute("SET synchronous_commit = off; CREATE TEMPORARY TABLE IF NOT EXISTS x (); BEGIN")
        await dba.execute("INSERT INTO homes (name) VALUES ('x'); ROLLBACK")
        reached = await dba.fetchval("SELECT pg_current_wal_insert_lsn()")
        await ann.get("/v1/changes", params={"since": cursor} if cursor else {})
        assert await dba.fetchval("SELECT pg_current_wal_flush_lsn() >= $1", reached)


# Cursors


def opened(cursor: str) -> Any:
    return msgspec.json.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))


def closed(said: Any) -> str:
    return urlsafe_b64encode(msgspec.json.encode(said)).decode().rstrip("=")


async def cursor_of(person: Person, **params: Any) -> str:
    return str((await person.get("/v1/changes", params=params)).json()["next_cursor"])


def assert_expired(response: Any) -> None:
    assert (response.status_code, response.json()["type"]) == (410, "/errors/cursor_expired"), response.text


async def test_a_cursor_is_good_for_90_days(home: Household) -> None:
    ann = await home.person("ann")
    kind, (what, era, (snapshot, at)) = opened(await cursor_of(ann))
    taken = datetime.fromisoformat(at)
    for days, hours, status in ((0, 0, 200), (89, 23, 200), (90, 1, 410), (9999, 0, 410)):
        then = (taken - timedelta(days=days, hours=hours)).isoformat()
        response = await ann.get(f"/v1/changes?since={closed([kind, [what, era, [snapshot, then]]])}")
        assert response.status_code == status, (days, response.text)
    assert_expired(response)


async def test_a_cursor_that_is_half_way_through_ages_too(home: Household) -> None:
    ann = await home.person("ann")
    whole = await cursor_of(ann)
    for name in ("One", "Two"):
        await ann.home(name=name)
    kind, (what, era, (snapshot, at), *rest) = opened(await cursor_of(ann, since=whole, limit=1))
    assert what == "Pass"
    then = (datetime.fromisoformat(at) - timedelta(days=91)).isoformat()
    assert_expired(await ann.get(f"/v1/changes?since={closed([kind, [what, era, [snapshot, then], *rest]])}"))


@pytest.mark.parametrize("how", ["of another account", "of the future", "two billion transactions old", "another era"])
async def test_a_cursor_that_says_nothing_here_has_expired(home: Household, how: str) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    kind, (what, era, ((oldest, coming, between), at)) = opened(await cursor_of(ben if "account" in how else ann))
    if how == "of the future":
        oldest, coming, between = coming + 10**6, coming + 10**6, []
    elif how == "two billion transactions old":
        # As if so many had passed: the other way round.
        oldest, coming, between = oldest + 2**31, coming + 2**31, []
    elif how == "another era":
        era = str(uuid4())
    assert_expired(await ann.get(f"/v1/changes?since={closed([kind, [what, era, [[oldest, coming, between], at]]])}"))


async def test_a_cursor_of_another_database_has_expired(
    home: Household, dba: asyncpg.Connection, server: EmbeddedPostgres
) -> None:
    # As after a restore into this one.
    ann = await home.person("ann")
    cursor = await cursor_of(ann)
    await dba.execute(
        "CREATE TABLE copy (LIKE user_tombstones INCLUDING ALL); ALTER TABLE user_tombstones RENAME TO old"
    )
    await dba.execute("ALTER TABLE copy RENAME TO user_tombstones")
    assert_expired(await ann.get(f"/v1/changes?since={cursor}"))


@pytest.mark.parametrize(
    "cursor",
    [
        "", "x", "ä", "%00", "e30", closed({}), closed(["changes"]), closed(["homes", str(uuid4())]),
        closed(["changes", None]), closed(["changes", ["Whole"]]), closed(["changes", ["Other", 1]]),
        closed(["changes", ["Whole", str(uuid4()), [[1, 1, []], "2026-01-01T00:00:00"]]]),
        *(
            closed(["changes", ["Whole", str(uuid4()), [snapshot, "2026-01-01T00:00:00Z"]]])
            for snapshot in (
                [], [1], [1, 2], 1, [0, 1, []], [2, 1, []], [1, 2, [2]], [1, 4, [2, 2]], [1, 4, [3, 2]], [-1, 1, []],
                [1, 2**63, []], [1.5, 2, []], [True, 2, []], [1, 2, None],
            )
        ),
        *(
            closed(["changes", ["Pass", str(uuid4()), moment, moment, key]])
            for moment in [[[1, 1, []], "2026-01-01T00:00:00Z"]]
            for key in (None, [], ["HomeKey", 1], ["HomeKey", "x"], ["Whole"], ["ReadingKey", str(uuid4()), "now"])
        ),
    ],
)  # fmt: skip
async def test_a_cursor_that_is_none_is_unreadable(home: Household, cursor: str) -> None:
    ann = await home.person(f"ann-{uuid4()}")
    response = await ann.get("/v1/changes", params={"since": cursor})
    assert (response.status_code, response.json()["type"]) == (400, "/errors/unreadable"), response.text


@pytest.mark.parametrize(("limit", "status"), [("0", 422), ("1001", 422), ("many", 400), ("1", 200), ("1000", 200)])
async def test_a_limit_is_1_to_1000(home: Household, limit: str, status: int) -> None:
    ann = await home.person("ann")
    assert (await ann.get(f"/v1/changes?limit={limit}")).status_code == status


async def test_a_cursor_can_be_used_again(home: Household, dba: asyncpg.Connection) -> None:
    # The answer to the first may have been lost.
    ann = await home.person("ann")
    await furnish(ann, dba)
    copy = Copy(ann)
    await copy.page(2)
    cursor = copy.cursor
    first = await copy.page(3)
    copy.cursor = cursor
    assert (await copy.page(3))["items"] == first["items"]


# Members


async def told_of(copy: Copy) -> set[tuple[str, str]]:
    """Type and op of what a copy is told when it asks."""
    return {(type_, op) for type_, op, _ in await copy.catch_up()}


HOLDS = ["care", "home", "plant", "reading", "source"]
"""What there is of a furnished home."""


async def furnished(ann: Person) -> tuple[Any, Any, Any]:
    """A home of Ann's, a source with readings and a plant with care in it."""
    place = await ann.home()
    source, plant = await ann.source(home_id=place["id"]), await ann.plant(home_id=place["id"])
    for day in (1, 2):
        await ann.made(f"/v1/sources/{source['id']}/readings", value=day, timestamp=f"2026-01-0{day}T00:00:00Z")
    assert (await ann.post(f"/v1/plants/{plant['id']}/water", {})).status_code == 200
    return place, source, plant


def types(copy: Copy) -> list[str]:
    """The types of what a copy holds."""
    return sorted(key[0] for key in copy.items)


async def test_who_is_invited_is_sent_all_of_the_home_and_who_is_removed_loses_it(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    place, _, _ = await furnished(ann)
    copy = Copy(ben)
    await copy.catch_up()
    await ann.invite(place, ben, "write")
    await copy.catch_up(2)
    assert types(copy) == ["care", "home", "plant", "reading", "reading", "source"]
    assert (copy.of("home")[0]["access_level"], copy.of("source")[0]["access_level"]) == ("write", "write")
    await ann.put(f"/v1/homes/{place['id']}/members/{ben.id}", {"access_level": "admin"})
    assert await told_of(copy) == {("home", "upsert"), ("source", "upsert")}
    assert (copy.of("home")[0]["access_level"], copy.of("source")[0]["access_level"]) == ("admin", "admin")
    await ann.delete(f"/v1/homes/{place['id']}/members/{ben.id}")
    assert await told_of(copy) == {("home", "lost"), ("source", "lost"), ("plant", "lost")}
    assert copy.items == {}
    assert await told_of(copy) == set()


async def test_a_guests_copy_loses_all_when_the_time_is_over_though_nothing_was_written(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    place, source, plant = await furnished(ann)
    await ann.grant(source, ben, "read")
    own = await ben.plant(name="Own")
    copy = Copy(ben)
    until = (datetime.now(UTC) + timedelta(seconds=1.2)).isoformat()
    await ann.invite(place, ben, "write", expires_at=until)
    await copy.catch_up()
    assert copy.of("source")[0]["access_level"] == "write"
    await asyncio.sleep(1.5)
    told = await copy.catch_up()
    assert sorted(told) == sorted(
        [("home", "lost", place["id"]), ("plant", "lost", plant["id"]), ("source", "upsert", source["id"])]
    )
    # What is seen for another reason stays, at the level that is left; and so does what is one's own.
    assert types(copy) == ["plant", "reading", "reading", "source"]
    assert (copy.of("source")[0]["access_level"], copy.of("plant")[0]["id"]) == ("read", own["id"])
    assert await told_of(copy) == set()
    await ann.invite(place, ben, "read")
    await copy.catch_up()
    assert sorted(set(types(copy))) == HOLDS


@pytest.mark.parametrize("how", ["removed", "expired"])
async def test_who_left_learns_nothing_of_what_comes_and_goes_afterwards(home: Household, how: str) -> None:
    ann, eve = await home.person("ann"), await home.person("eve")
    house = await ann.home()
    until = datetime.now(UTC) + timedelta(seconds=4)
    await ann.invite(house, eve, **({"expires_at": until.isoformat()} if how == "expired" else {}))
    there = [
        await ann.source(home_id=house["id"]), await ann.plant(home_id=house["id"]), await ann.plant(),
        await ann.plant(home_id=house["id"]),
    ]  # fmt: skip
    await ann.patch(f"/v1/plants/{there[2]['id']}", {"home_id": house["id"]})
    cursor = (await eve.get("/v1/changes?limit=1000")).json()["next_cursor"]
    if how == "expired":
        await asyncio.sleep((until - datetime.now(UTC)).total_seconds() + 0.1)
    else:
        assert (await ann.delete(f"/v1/homes/{house['id']}/members/{eve.id}")).status_code == 204

    async def told() -> set[tuple[str, str]]:
        items = (await eve.get("/v1/changes", params={"since": cursor, "limit": 1000})).json()["items"]
        return {(each["op"], each["id"]) for each in items}

    gone = {("lost", each["id"]) for each in (house, *there)}
    assert await told() == gone
    source, plant = await ann.source(home_id=house["id"]), await ann.plant(home_id=house["id"])
    moved = await ann.plant()
    await ann.patch(f"/v1/plants/{moved['id']}", {"home_id": house["id"]})
    assert await told() == gone
    await ann.delete(f"/v1/sources/{source['id']}")
    for each in (plant, moved, there[1]):
        await ann.patch(f"/v1/plants/{each['id']}", {"home_id": None})
    await ann.delete(f"/v1/plants/{there[3]['id']}")
    # Of what stood there when they left they are told that it is lost, wherever it is now.
    assert await told() == gone
    await ann.patch(f"/v1/plants/{there[1]['id']}", {"home_id": house["id"]})
    assert await told() == gone


async def test_what_moves_between_homes_comes_and_goes_with_its_readings_and_care(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    place, source, plant = await furnished(ann)
    other = await ann.home()
    await ann.invite(other, ben)
    copy = Copy(ben)
    await copy.catch_up()
    for target, held in ((other["id"], HOLDS), (None, ["home"]), (other["id"], HOLDS), (place["id"], ["home"])):
        for path in (f"/v1/sources/{source['id']}", f"/v1/plants/{plant['id']}"):
            assert (await ann.patch(path, {"home_id": target})).status_code == 200
        await copy.catch_up()
        assert sorted(set(types(copy))) == held


async def test_with_a_home_that_is_deleted_goes_what_stood_in_it(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    place, _, _ = await furnished(ann)
    await ann.invite(place, ben)
    mine, bens = Copy(ann), Copy(ben)
    await mine.catch_up()
    await bens.catch_up()
    await ann.delete(f"/v1/homes/{place['id']}")
    assert ("home", "delete") in await told_of(bens)
    assert bens.items == {}
    await mine.catch_up()
    assert types(mine) == ["care", "plant", "reading", "reading", "source"]
    assert (mine.of("source")[0]["home_id"], mine.of("plant")[0]["home_id"]) == (None, None)


async def test_what_a_member_does_is_told_to_the_others(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    place, source, plant = await furnished(ann)
    await ann.invite(place, ben, "write")
    copy = Copy(ann)
    await copy.catch_up()
    await ben.made(f"/v1/sources/{source['id']}/readings", value=9, timestamp="2026-01-03T00:00:00Z")
    await ben.post(f"/v1/plants/{plant['id']}/water", {})
    grown = await ben.plant(home_id=place["id"])
    await copy.catch_up()
    assert len(copy.of("reading")) == 3
    assert len(copy.of("care")) == 2
    assert len(copy.of("plant")) == 2
    await ben.delete(f"/v1/plants/{grown['id']}")
    assert await told_of(copy) == {("plant", "delete")}
