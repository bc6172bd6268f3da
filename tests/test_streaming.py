"""Long answers from the real server: who hangs up, who takes nothing, and a database that goes away meanwhile."""

import asyncio
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from service.embedded import EmbeddedPostgres
from service.migrations import ensure_baseline, upgrade
from tests.people import PASSWORD
from tests.processes import served

READINGS = 400_000
FILL = f"""
INSERT INTO readings (source_id, value, timestamp)
SELECT id, n * 1.1, timestamptz '2025-01-01T00:00:00Z' + n * interval '1 minute'
FROM data_sources CROSS JOIN generate_series(0, {READINGS - 1}) AS n
"""  # noqa: S608 - made of the constant above


@pytest.fixture(scope="module")
def own() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL that a test may stop: nobody else's."""
    with (
        tempfile.TemporaryDirectory(prefix="homelog-test-", ignore_cleanup_errors=True) as folder,
        EmbeddedPostgres.start(Path(folder), fast=True) as running,
    ):
        ensure_baseline(running.url(running.superuser, "postgres"), running.secrets)
        upgrade(running.url("homelog_migrator", "postgres"))
        yield running


@pytest.fixture(scope="module")
def address(own: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on it."""
    with served(own.url("homelog_api", "postgres"), tmp_path_factory.mktemp("served")) as address:
        yield address


@pytest.fixture(scope="module")
async def path(own: EmbeddedPostgres, address: str) -> str:
    """A public source with many readings, which nobody need sign in for."""
    account = {"email": "ann@example.org", "password": PASSWORD}
    async with httpx.AsyncClient(base_url=f"{address}/v1") as client:
        await client.post("/auth/register", json=account)
        token = (await client.post("/auth/login", json=account)).json()["access_token"]
        source = {"name": "Meter", "source_type": "heat", "unit": "kWh", "is_public": True}
        made = await client.post("/sources", json=source, headers={"Authorization": f"Bearer {token}"})
    dba = await asyncpg.connect(own.url(own.superuser, "postgres"))
    await dba.execute(FILL)
    await dba.close()
    return f"/v1/sources/{made.json()['id']}/readings"


class Reader:
    """A client that takes what it wants of an export, over a socket of its own with a small buffer."""

    def __init__(self, address: str, path: str) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.socket.settimeout(30)
        self.socket.connect((urlsplit(address).hostname, urlsplit(address).port))
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: homelog.test\r\nAccept: text/csv\r\n\r\n".encode())

    def status(self) -> int:
        return int(self.socket.recv(1000).split()[1])

    def to_the_end(self) -> bool:
        """Read on; whether the answer ends as a whole one does, with a last chunk of no length."""
        tail = b""
        try:
            while not tail.endswith(b"\r\n0\r\n\r\n") and (piece := self.socket.recv(1 << 20)):
                tail = (tail + piece)[-7:]
        except ConnectionResetError:
            return False
        return tail.endswith(b"\r\n0\r\n\r\n")


async def exports(dba: asyncpg.Connection, within: float, wanted: int) -> float:
    """How long it takes until that many exports run."""
    began = time.monotonic()
    running = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'homelog_api' AND state <> 'idle'"
    while await dba.fetchval(running) != wanted:
        assert time.monotonic() < began + within
        await asyncio.sleep(0.02)
    return time.monotonic() - began


async def test_a_client_that_hangs_up_gives_its_connection_back_within_a_second(
    own: EmbeddedPostgres, address: str, path: str
) -> None:
    dba = await asyncpg.connect(own.url(own.superuser, "postgres"))
    for taken in (0, 1, 1_000_000) * 4:
        reader = Reader(address, path)
        left = taken
        while left > 0:
            left -= len(reader.socket.recv(left))
        reader.socket.close()
        await asyncio.sleep(0.02)
        assert await exports(dba, 5, 0) < 1
    assert Reader(address, path).to_the_end()
    await dba.close()


async def test_clients_that_take_nothing_leave_connections_for_others_and_come_to_no_harm(
    own: EmbeddedPostgres, address: str, path: str
) -> None:
    dba = await asyncpg.connect(own.url(own.superuser, "postgres"))
    slow = [Reader(address, path) for _ in range(2)]
    assert [reader.status() for reader in slow] == [200, 200]
    await exports(dba, 5, 2)
    # For a third there is no turn; and everybody else is served.
    third = Reader(address, path)
    async with httpx.AsyncClient(base_url=address) as client:
        listed = await asyncio.gather(*(client.get(path) for _ in range(20)))
    assert {answer.status_code for answer in listed} == {200}
    assert third.status() == 503
    assert [reader.to_the_end() for reader in slow] == [True, True]
    await exports(dba, 5, 0)
    await dba.close()


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_a_database_that_goes_away_midway_never_makes_a_whole_answer(
    own: EmbeddedPostgres, address: str, path: str, mode: str
) -> None:
    reader = Reader(address, path)
    assert reader.status() == 200
    own.restart(mode)  # type: ignore[arg-type]
    assert not reader.to_the_end()
    assert Reader(address, path).to_the_end()
