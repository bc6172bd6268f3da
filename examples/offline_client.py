"""A phone that is often offline: a copy in SQLite of what its owner sees, and an outbox for what they log meanwhile.

docs/sync.md tells the protocol, and this is all of it. Any step may be cut off anywhere: what was not answered is sent
again, which stores nothing twice, and what was fetched is kept in one local transaction with the cursor it leads to.
A copy belongs to one account.
"""

import argparse
import asyncio
import json
import math
import secrets
import sqlite3
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from getpass import getpass
from typing import Any
from uuid import UUID

import httpx

BATCH = 1000
"""An answer shows the outcomes of so many rows, so no batch is longer."""
PAGE = 1000
"""How many changes are asked for at a time."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS standing (
    cursor      text,               -- how far the copy goes; null: it is to be fetched anew
    generation  integer  NOT NULL   -- how often that has been
);
INSERT INTO standing SELECT NULL, 0 WHERE NOT EXISTS (SELECT 1 FROM standing);
CREATE TABLE IF NOT EXISTS owner (
    account     text     NOT NULL   -- whose copy it is: the first who signed in
);
CREATE TABLE IF NOT EXISTS objects (
    type        text     NOT NULL,
    source_id   text     NOT NULL,  -- the source that it is, or belongs to; '' for none
    id          text     NOT NULL,
    data        text     NOT NULL,
    generation  integer  NOT NULL,
    PRIMARY KEY (type, source_id, id)
);
CREATE TABLE IF NOT EXISTS outbox (
    place       integer  PRIMARY KEY,
    reading     text     NOT NULL,
    refused     text                -- why the server does not take it; null: it is still to be sent
);
"""


def uuid7() -> UUID:
    """An id in the order of making (RFC 9562)."""
    milliseconds, noise = time.time_ns() // 1_000_000, secrets.randbits(74)
    return UUID(int=milliseconds << 80 | 7 << 76 | (noise >> 62) << 64 | 2 << 62 | noise & (1 << 62) - 1)


class AnotherAccount(Exception):
    """Who signed in is not whose copy this is: it would show them what they may not see, and log in their name."""


class Phone:
    """One person's copy. `server` is None while there is no network; everything but `sync` works without."""

    def __init__(self, path: str, server: httpx.AsyncClient | None = None) -> None:
        self.server = server
        self.token = ""
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.executescript(SCHEMA)

    def log(self, source_id: str, value: float, at: datetime | None = None) -> str:
        """Log a reading, now unless `at` says when: its id. It is sent by the next sync."""
        reading = {
            "id": str(uuid7()),
            "source_id": source_id,
            "timestamp": (at or datetime.now(UTC)).isoformat(),
            "value": value,
        }
        self.db.execute("INSERT INTO outbox (reading) VALUES (?)", [json.dumps(reading)])
        return str(reading["id"])

    def objects(self, type_: str) -> list[Any]:
        """What the copy has of one type: source, reading, plant, and so on."""
        rows = self.db.execute("SELECT data FROM objects WHERE type = ? ORDER BY source_id, id", [type_])
        return [json.loads(data) for (data,) in rows]

    def waiting(self) -> list[Any]:
        """The readings that are still to be sent."""
        rows = self.db.execute("SELECT reading FROM outbox WHERE refused IS NULL ORDER BY place")
        return [json.loads(reading) for (reading,) in rows]

    def refused(self) -> list[tuple[Any, str]]:
        """The readings that the server does not take, and why: for their owner to decide about."""
        rows = self.db.execute("SELECT reading, refused FROM outbox WHERE refused IS NOT NULL ORDER BY place")
        return [(json.loads(reading), why) for reading, why in rows]

    async def sign_in(self, email: str, password: str) -> None:
        """Sign in to the server. Raises AnotherAccount, and httpx.HTTPError when it fails."""
        answer = await self._call("POST", "/v1/auth/login", json={"email": email, "password": password})
        account = answer["user"]["id"]
        self.db.execute("INSERT INTO owner SELECT ? WHERE NOT EXISTS (SELECT 1 FROM owner)", [account])
        if self.db.execute("SELECT account FROM owner").fetchone() != (account,):
            raise AnotherAccount
        self.token = answer["access_token"]

    async def sync(self) -> None:
        """Send what waits, then fetch what changed. Raises httpx.HTTPError when that fails; then call it again."""
        while await self._send():
            pass
        while await self._fetch():
            pass

    async def _send(self) -> bool:
        rows = self.db.execute(
            "SELECT place, reading FROM outbox WHERE refused IS NULL ORDER BY place LIMIT ?", [BATCH]
        ).fetchall()
        if not rows:
            return False
        body = f"[{','.join(reading for _, reading in rows)}]"
        answer = await self._call("POST", "/v1/readings", params={"mode": "partial"}, content=body)
        # A row that is not told was created. A duplicate was stored before: by us, and the answer was lost, or with the
        # same value by somebody else. Of two values at one time the server's stays: the one that came first.
        refused = {
            rows[row["index"]][0]: row["detail"]
            for row in answer["results"]
            if row["status"] in {"conflict", "rejected"}
        }
        with self._transaction():
            for place, _ in rows:
                if place in refused:
                    self.db.execute("UPDATE outbox SET refused = ? WHERE place = ?", [refused[place], place])
                else:
                    self.db.execute("DELETE FROM outbox WHERE place = ?", [place])
        return True

    async def _fetch(self) -> bool:
        cursor, generation = self.db.execute("SELECT cursor, generation FROM standing").fetchone()
        try:
            params = {"limit": PAGE} | ({"since": cursor} if cursor else {})
            page = await self._call("GET", "/v1/changes", params=params)
        except httpx.HTTPStatusError as error:
            if error.response.status_code != httpx.codes.GONE:
                raise
            # The copy is too old to be mended. It stays readable until a new one is whole; the outbox stays.
            self.db.execute("UPDATE standing SET cursor = NULL, generation = generation + 1")
            return True
        with self._transaction():
            for change in page["items"]:
                self._take(change, generation)
            self.db.execute("UPDATE standing SET cursor = ?", [page["next_cursor"]])
            if not page["has_more"]:
                self.db.execute("DELETE FROM objects WHERE generation < ?", [generation])
        return bool(page["has_more"])

    def _take(self, change: Any, generation: int) -> None:
        key = [change["type"], change["source_id"] or "", change["id"]]
        if change["op"] == "upsert":
            self.db.execute(
                "REPLACE INTO objects VALUES (?, ?, ?, ?, ?)", [*key, json.dumps(change["data"]), generation]
            )
        elif change["type"] == "source":
            # With a source goes what belongs to it.
            self.db.execute("DELETE FROM objects WHERE source_id = ?", [change["id"]])
        elif change["type"] == "plant":
            # With a plant goes its care.
            self.db.execute("DELETE FROM objects WHERE type = ? AND source_id = ? AND id = ?", key)
            self.db.execute(
                "DELETE FROM objects WHERE type = 'care' AND json_extract(data, '$.plant_id') = ?", [change["id"]]
            )
        else:
            self.db.execute("DELETE FROM objects WHERE type = ? AND source_id = ? AND id = ?", key)

    async def _call(self, method: str, path: str, **options: Any) -> Any:
        if self.server is None:
            raise httpx.ConnectError("There is no network.")
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        answer = await self.server.request(method, path, headers=headers, **options)
        return answer.raise_for_status().json()

    def _transaction(self) -> sqlite3.Connection:
        self.db.execute("BEGIN IMMEDIATE")
        return self.db  # which commits when the block ends, and rolls back when it raises


TYPES = ("home", "source", "validator", "meter_event", "reading", "plant", "care")


def finite(text: str) -> float:
    """A value as the server takes it."""
    if not math.isfinite(value := float(text)):
        raise ValueError
    return value


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description="Keep a copy of what you see, and log where there is no network.",
        epilog="Exit status: 0 done; 1 refused, and why; 2 called wrongly; 75 not reached or not able just now: call "
        "again, nothing is lost and nothing stored twice.",
    )
    parser.add_argument("copy", help="the file that holds the copy; it is made where there is none")
    commands = parser.add_subparsers(dest="command", required=True)
    log = commands.add_parser("log", help="log a value now, for the next sync to send; prints its id")
    log.add_argument("source_id", type=UUID)
    log.add_argument("value", type=finite)
    sync = commands.add_parser("sync", help="send what waits, then fetch what changed; prints how many of each")
    sync.add_argument("address", help="the server, such as http://127.0.0.1:8000")
    sync.add_argument("email")
    sync.add_argument("password", nargs="?", help="asked for if it is left out")
    show = commands.add_parser("show", help="print what the copy has, and what waits or was refused, a line each")
    show.add_argument("what", nargs="?", choices=[*TYPES, "waiting", "refused"])
    return parser


async def sync(phone: Phone, address: str, email: str, password: str) -> str:
    """Sync as whoever signs in: what came of it."""
    waited, refused = len(phone.waiting()), len(phone.refused())
    async with httpx.AsyncClient(base_url=address) as phone.server:
        await phone.sign_in(email, password)
        await phone.sync()
    refused = len(phone.refused()) - refused
    held = ", ".join(f"{len(phone.objects(type_))} {type_}" for type_ in TYPES)
    return f"sent {waited - refused}, refused {refused}; the copy holds {held}"


def shown(phone: Phone, what: str | None) -> Iterator[str]:
    """What the copy has and what it waits with, or only one of these."""
    for type_ in TYPES:
        if what in {None, type_}:
            yield from (f"{type_} {json.dumps(each)}" for each in phone.objects(type_))
    if what in {None, "waiting"}:
        yield from (f"waiting {json.dumps(reading)}" for reading in phone.waiting())
    if what in {None, "refused"}:
        yield from (f"refused {json.dumps(reading)}: {why}" for reading, why in phone.refused())


def done(asked: argparse.Namespace) -> Iterator[str]:
    """Do what the command line asks: the lines to print."""
    phone = Phone(asked.copy)
    if asked.command == "log":
        yield phone.log(str(asked.source_id), asked.value)
    elif asked.command == "sync":
        yield asyncio.run(sync(phone, asked.address, asked.email, asked.password or getpass()))
    else:
        yield from shown(phone, asked.what)


def main() -> int:
    """Do what the command line asks: the exit status."""
    asked = arguments().parse_args()
    try:
        sys.stdout.writelines(f"{line}\n" for line in done(asked))
    except AnotherAccount:
        status, why = 1, "This copy belongs to another account: take another file."
    except sqlite3.Error as error:
        status, why = 1, f"{asked.copy} cannot be used: {error}."
    except httpx.HTTPStatusError as error:
        status, why = 75 if error.response.status_code in {429, 503} else 1, error.response.text
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        status, why = 75, f"The server cannot be reached: {error}."
    else:
        return 0
    sys.stderr.write(f"{why}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
