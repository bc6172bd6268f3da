"""No committed change is skipped, however writers overlap: a copy that reads on while transactions come, stay and go.

An interleaving is a random order of steps: of writers, each on a connection of its own in transactions that overlap,
and of a reader, who takes a page at a time. When the writers are done the reader goes on to the end; what it then holds
must be what is there. It is one copy all along, so each interleaving begins where the one before ended.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from service.changes.handlers import list_changes
from service.database import Database
from service.embedded import EmbeddedPostgres
from service.identity import Caller
from service.migrations import required_version
from tests.conftest import cloned
from tests.copies import Copy

ANN, EVE, SESSION = UUID(int=1), UUID(int=2), UUID(int=3)
SOURCES = [UUID(int=100 + n) for n in range(3)]
OTHERS = [UUID(int=200 + n) for n in range(3)]
"""Ids of homes, plants, validators and meter events."""
TIMES = [f"2026-01-0{day} {hour}:00Z" for day in (1, 2) for hour in ("00", "23")]
WRITERS, STEPS = 4, 24

PEOPLE = f"""
INSERT INTO users (id, email) VALUES ('{ANN}', 'ann@example.org'), ('{EVE}', 'eve@example.org');
INSERT INTO sessions (id, user_id, auth_provider, expires_at) VALUES ('{SESSION}', '{ANN}', 'password', 'infinity');
"""  # noqa: S608

WRITES = {
    "log": "INSERT INTO readings (source_id, timestamp, value) VALUES ('{source}', '{time}', random())"
    " ON CONFLICT (source_id, timestamp) DO UPDATE SET value = excluded.value",
    "log again": "INSERT INTO readings (id, source_id, timestamp, value)"
    " VALUES (md5('{source}{time}')::uuid, '{source}', '{time}', random()) ON CONFLICT DO NOTHING",
    "log many": "INSERT INTO readings (source_id, timestamp, value)"
    " SELECT '{source}', time, random() FROM unnest(ARRAY[{times}]::timestamptz[]) AS time"
    " ON CONFLICT (source_id, timestamp) DO UPDATE SET value = excluded.value",
    "correct all": "UPDATE readings SET value = random() WHERE source_id = '{source}'",
    "move": "UPDATE readings SET timestamp = timestamp + interval '7 days' WHERE (source_id, timestamp) ="
    " ('{source}', '{time}') AND id <> md5('{source}{time}')::uuid",
    "remove": "DELETE FROM readings WHERE source_id = '{source}' AND timestamp = '{time}'",
    "remove all": "DELETE FROM readings WHERE source_id = '{source}'",
    "exchange": "DELETE FROM readings WHERE source_id = '{source}' AND timestamp = '{time}';"
    " INSERT INTO readings (source_id, timestamp, value) VALUES ('{source}', '{time}', random())",
    "make source": "WITH made AS (INSERT INTO data_sources (id, name, source_type, unit, kind)"
    " VALUES ('{source}', 'Meter', 'heat', 'kWh', 'counter') ON CONFLICT DO NOTHING RETURNING id)"
    " INSERT INTO user_source_access (user_id, source_id, access_level) SELECT '{eve}', id, 'admin' FROM made",
    "change source": "UPDATE data_sources SET name = random()::text WHERE id = '{source}'",
    "delete source": "DELETE FROM data_sources WHERE id = '{source}'",
    "grant": "INSERT INTO user_source_access (user_id, source_id, access_level)"
    " SELECT '{ann}', id, (ARRAY['read', 'write'])[1 + round(random())::integer]::access_level FROM data_sources"
    " WHERE id = '{source}' ON CONFLICT (source_id, user_id) DO UPDATE SET access_level = excluded.access_level",
    "make source anew": "DELETE FROM data_sources WHERE id = '{source}';"
    " INSERT INTO data_sources (id, name, source_type, unit, kind)"
    " VALUES ('{source}', 'Anew', 'heat', 'kWh', 'counter');"
    " INSERT INTO user_source_access (user_id, source_id, access_level)"
    " VALUES ('{eve}', '{source}', 'admin'), ('{ann}', '{source}', 'read')",
    "revoke": "DELETE FROM user_source_access WHERE user_id = '{ann}' AND source_id = '{source}'",
    "make validator": "INSERT INTO data_validators (source_id, id, min_value) SELECT id, '{other}', 0 FROM data_sources"
    " WHERE id = '{source}' ON CONFLICT (source_id, id) DO UPDATE SET min_value = random()",
    "delete validator": "DELETE FROM data_validators WHERE source_id = '{source}' AND id = '{other}'",
    "make meter event": "INSERT INTO meter_events (source_id, id, at, kind) SELECT id, '{other}', '{time}', 'swap'"
    " FROM data_sources WHERE id = '{source}' ON CONFLICT DO NOTHING",
    "delete meter event": "DELETE FROM meter_events WHERE source_id = '{source}' AND id = '{other}'",
    "make home": "INSERT INTO homes (id, name, created_by) VALUES ('{other}', 'House', '{eve}')"
    " ON CONFLICT (id) DO UPDATE SET name = random()::text",
    "make home of one's own": "INSERT INTO homes (id, name, created_by) VALUES ('{other}', 'House', '{ann}')",
    "delete home": "DELETE FROM homes WHERE id = '{other}'",
    "invite": "INSERT INTO home_members (home_id, user_id, access_level)"
    " SELECT id, '{ann}', (ARRAY['read', 'write'])[1 + round(random())::integer]::access_level FROM homes"
    " WHERE id = '{other}' ON CONFLICT (home_id, user_id) DO UPDATE SET access_level = excluded.access_level",
    "invite guest": "INSERT INTO home_members (home_id, user_id, access_level, expires_at)"
    " SELECT id, '{ann}', 'write', clock_timestamp() + interval '20 ms' * random() FROM homes"
    " WHERE id = '{other}' ON CONFLICT (home_id, user_id) DO UPDATE SET expires_at = excluded.expires_at",
    "let guest stay": "UPDATE home_members SET expires_at = (ARRAY[NULL, now() + interval '1 day'])"
    "[1 + round(random())::integer] WHERE user_id = '{ann}' AND home_id = '{other}'",
    "remove member": "DELETE FROM home_members WHERE user_id = '{ann}' AND home_id = '{other}'",
    "move source": "UPDATE data_sources SET home_id = '{other}' WHERE id = '{source}'",
    "move source out": "UPDATE data_sources SET home_id = NULL WHERE id = '{source}'",
    "move plant": "UPDATE plants SET home_id = '{home}' WHERE id = '{other}'",
    "move plant out": "UPDATE plants SET home_id = NULL WHERE id = '{other}'",
    "make plant": "INSERT INTO plants (id, user_id, name, kind) VALUES ('{other}', '{ann}', 'Fern', 'fig')"
    " ON CONFLICT (id) DO UPDATE SET name = random()::text",
    "pass plant on": "UPDATE plants SET user_id = CASE user_id WHEN '{ann}' THEN '{eve}' ELSE '{ann}' END::uuid"
    " WHERE id = '{other}'",
    "delete plant": "DELETE FROM plants WHERE id = '{other}'",
    "care": "INSERT INTO care_events (plant_id, kind) SELECT id, 'water' FROM plants WHERE id = '{other}'",
    "undo care": "DELETE FROM care_events WHERE plant_id = '{other}'",
    "begin a part": "SAVEPOINT part; SELECT pg_current_xact_id()",
    "undo a part": "ROLLBACK TO part",
}
USUAL = [
    *WRITES, *["make source", "make home", "make plant", "invite guest", "invite", "move source", "move plant"] * 2,
    *["grant", "care", "log", "log again", "log many"] * 3,
]  # fmt: skip

HOMES = f"""
    SELECT home_id FROM home_members WHERE user_id = '{ANN}' AND (expires_at IS NULL OR expires_at > now())
"""  # noqa: S608
PLANTS = f"SELECT id FROM plants WHERE user_id = '{ANN}' OR home_id IN ({HOMES})"  # noqa: S608
SEEN = f"""
    (SELECT source_id, max(access_level) AS access_level FROM (
        SELECT source_id, access_level FROM user_source_access WHERE user_id = '{ANN}'
        UNION ALL
        SELECT s.id, m.access_level FROM home_members AS m JOIN data_sources AS s USING (home_id)
        WHERE m.user_id = '{ANN}' AND (m.expires_at IS NULL OR m.expires_at > now())
    ) AS reason GROUP BY source_id) AS seen
"""  # noqa: S608
"""The homes and plants that Ann sees, and the sources with her level."""

TRUTH = {
    "home": (
        "name, access_level",
        f"homes JOIN home_members ON home_id = id WHERE user_id = '{ANN}' AND id IN ({HOMES})",
    ),
    "source": ("name, home_id, access_level", f"{SEEN} JOIN data_sources ON id = source_id"),
    "validator": ("source_id, min_value", f"{SEEN} JOIN data_validators USING (source_id)"),
    "meter_event": ("source_id, at", f"{SEEN} JOIN meter_events USING (source_id)"),
    "reading": ("source_id, timestamp, value", f"{SEEN} JOIN readings USING (source_id)"),
    "plant": ("name, user_id, home_id", f"plants WHERE id IN ({PLANTS})"),
    "care": ("plant_id, kind", f"care_events WHERE plant_id IN ({PLANTS})"),
}
"""Of each type what is compared, and where it is what Ann sees; as a DBA."""


class Writer:
    """Somebody whose transactions stay open from one step to another."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection

    async def step(self, dice: random.Random) -> str:
        """Do the next thing: most often write something, now and then begin or end."""
        if not self.connection.is_in_transaction():
            # Numbers are given out with the first write: often some time before what is looked for.
            how = dice.choice(["BEGIN", "BEGIN; SELECT pg_current_xact_id()", "BEGIN ISOLATION LEVEL REPEATABLE READ"])
            await self.connection.execute(how)
            return how
        if dice.random() < 0.3:
            return await self.end(dice)
        name = dice.choice(USUAL)
        names = {"ann": ANN, "eve": EVE, "source": dice.choice(SOURCES), "other": dice.choice(OTHERS)}
        names["home"] = dice.choice(OTHERS)
        times = ", ".join(f"'{time}'" for time in dice.sample(TIMES, 2))
        try:
            await self.connection.execute(WRITES[name].format(**names, time=dice.choice(TIMES), times=times))
        except asyncpg.PostgresError as error:
            # It would wait for another writer, or what it is about is not there.
            await self.connection.execute("ROLLBACK")
            return f"{name}: {error}"
        return f"{name} {names['source'].int} {names['other'].int}"

    async def end(self, dice: random.Random) -> str:
        """Commit, or now and then not."""
        how = dice.choice(["COMMIT", "COMMIT", "COMMIT", "ROLLBACK"])
        await self.connection.execute(how)
        return how


class Reader(Copy):
    """Ann's copy, by the handler itself: HTTP would make a thousand interleavings long."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database

    async def page(self, limit: int = 100) -> Any:
        async with self.database.transaction(Caller(ANN, SESSION), None, read_only=True) as tx:
            page = msgspec.to_builtins(await list_changes.fn(tx, self.cursor, limit))
        self.apply(page)
        return page

    async def settle(self) -> list[tuple[str, str, str]]:
        """End the pass that is under way, and go through one that begins now."""
        await self.catch_up(5)
        return await self.catch_up(5)


@pytest.fixture
async def scene(
    server: EmbeddedPostgres, template: str
) -> AsyncIterator[tuple[asyncpg.Connection, list[Writer], Reader]]:
    """A DBA, the writers and the reader on a database of their own."""
    async with AsyncExitStack() as stack:
        name = await stack.enter_async_context(cloned(server, template))
        connections = [await asyncpg.connect(server.url(server.superuser, name)) for _ in range(WRITERS + 1)]
        for connection in connections:
            stack.push_async_callback(connection.close)
            await connection.execute("SET lock_timeout = '2ms'")
        database = await Database.open(server.url("homelog_api", name), needs=required_version())
        stack.push_async_callback(database.close)
        dba, *writers = connections
        await dba.execute(PEOPLE)
        yield dba, list(map(Writer, writers)), Reader(database)


@pytest.mark.parametrize("seed", range(4))
async def test_after_100_interleavings_the_copy_is_what_is_there(
    scene: tuple[asyncpg.Connection, list[Writer], Reader], seed: int
) -> None:
    dba, writers, reader = scene
    dice = random.Random(seed)  # noqa: S311 - it is to be the same every time
    for interleaving in range(100):
        steps = []
        for _ in range(STEPS):
            if dice.random() < 0.25:
                page = await reader.page(dice.choice([1, 2, 3, 7]))
                steps.append(f"page of {[(each['op'], each['type'], each['id']) for each in page['items']]}")
            else:
                number = dice.randrange(WRITERS)
                steps.append(f"{number}: {await writers[number].step(dice)}")
        for number, writer in enumerate(writers):
            if writer.connection.is_in_transaction():
                steps.append(f"{number}: {await writer.end(dice)}")
        # Whatever guest's time was to come has come: what is there is the same a moment later.
        await asyncio.sleep(0.02)
        await reader.settle()
        for type_, (columns, where) in TRUTH.items():
            rows = await dba.fetch(f"SELECT id, {columns} FROM {where}")  # noqa: S608
            there = [msgspec.to_builtins(list(row)) for row in rows]
            held = [[data[name] for name in ("id", *columns.split(", "))] for data in reader.of(type_)]
            assert sorted(held, key=str) == sorted(there, key=str), (interleaving, type_, steps)
