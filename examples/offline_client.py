"""A phone that is often offline: a copy in SQLite of what its owner sees, and an outbox for what they log meanwhile.

docs/sync.md tells the protocol, and this is all of it. Any step may be cut off anywhere: what was not answered is sent
again, which stores nothing twice, and what was fetched is kept in one local transaction with the cursor it leads to.

    offline_client.py copy.db log SOURCE_ID 12.5
    offline_client.py copy.db sync http://127.0.0.1:8000 eve@example.org 'nobody guesses this'
    offline_client.py copy.db show
"""

import asyncio
import json
import secrets
import sqlite3
import sys
import time
from datetime import UTC, datetime
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


class Phone:
    """One person's copy. `server` is None while there is no network; everything but `sync` works without."""

    def __init__(self, path: str, server: httpx.AsyncClient | None = None) -> None:
        self.server = server
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
        else:
            self.db.execute("DELETE FROM objects WHERE type = ? AND source_id = ? AND id = ?", key)

    async def _call(self, method: str, path: str, **options: Any) -> Any:
        if self.server is None:
            raise httpx.ConnectError("There is no network.")
        headers = {"Content-Type": "application/json"}
        answer = await self.server.request(method, path, headers=headers, **options)
        return answer.raise_for_status().json()

    def _transaction(self) -> sqlite3.Connection:
        self.db.execute("BEGIN IMMEDIATE")
        return self.db  # which commits when the block ends, and rolls back when it raises


async def main(path: str, command: str, *args: str) -> None:
    """Do what the command line asks."""
    phone = Phone(path)
    if command == "log":
        source_id, value = args
        phone.log(source_id, float(value))
    elif command == "sync":
        address, email, password = args
        async with httpx.AsyncClient(base_url=address) as phone.server:
            signed_in = await phone.server.post("/v1/auth/login", json={"email": email, "password": password})
            token = signed_in.raise_for_status().json()["access_token"]
            phone.server.headers["Authorization"] = f"Bearer {token}"
            await phone.sync()
    for type_ in ("source", "reading", "plant"):
        for each in phone.objects(type_):
            sys.stdout.write(f"{type_} {json.dumps(each)}\n")
    for reading in phone.waiting():
        sys.stdout.write(f"waiting {json.dumps(reading)}\n")
    for reading, why in phone.refused():
        sys.stdout.write(f"refused {json.dumps(reading)}: {why}\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
