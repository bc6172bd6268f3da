"""What is sent and what breaks, against the real server: a clear answer, nothing lost, nothing twice.

A few rounds of each, which fit into seconds.
"""

import asyncio
import contextlib
import gzip
import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from service.embedded import EmbeddedPostgres
from service.migrations import ensure_baseline, upgrade
from tests.people import PASSWORD
from tests.processes import served

ACCOUNT = {"email": "ann@example.org", "password": PASSWORD}
BATCH = 50


@pytest.fixture(scope="module")
def own() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL that a test may kill; durable, as it is run, for what is acknowledged is counted."""
    with (
        tempfile.TemporaryDirectory(prefix="homelog-test-", ignore_cleanup_errors=True) as folder,
        EmbeddedPostgres.start(Path(folder)) as running,
    ):
        ensure_baseline(running.url(running.superuser, "postgres"), running.secrets)
        upgrade(running.url("homelog_migrator", "postgres"))
        yield running


@pytest.fixture
def url(own: EmbeddedPostgres) -> str:
    return own.url("homelog_api", "postgres")


def processes(folder: Path) -> list[int]:
    """The ids of the service's processes, the first one before its workers."""
    first = int((folder / "pid").read_text())
    children = Path(f"/proc/{first}/task/{first}/children").read_text()
    return [first, *map(int, children.split())]


def peak(pid: int) -> int:
    """The most memory that a process had, in bytes."""
    (line,) = [row for row in Path(f"/proc/{pid}/status").read_text().splitlines() if row.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


async def enter(client: httpx.AsyncClient) -> str:
    """Sign in, with an account if there is none yet: a new source."""
    await client.post("/v1/auth/register", json=ACCOUNT)
    signed_in = (await client.post("/v1/auth/login", json=ACCOUNT)).json()
    client.headers["Authorization"] = f"Bearer {signed_in['access_token']}"
    made = await client.post("/v1/sources", json={"name": "Meter", "source_type": "heat", "unit": "kWh"})
    return str(made.json()["id"])


def batch(number: int) -> list[dict[str, Any]]:
    """Readings of which no two batches have one."""
    begin = 1_700_000_000 + number * BATCH
    return [
        {"timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begin + n)), "value": number * BATCH + n}
        for n in range(BATCH)
    ]


class Writer:
    """Sends batches until each is acknowledged, and knows which were."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.sent = 0
        self.acknowledged: set[int] = set()
        self.statuses: set[int] = set()
        self.stop = False

    async def send(self, client: httpx.AsyncClient, number: int) -> bool:
        """One batch; whether it is acknowledged."""
        try:
            answer = await client.post(f"/v1/sources/{self.source}/readings", json=batch(number))
        except httpx.TransportError:
            return False
        self.statuses.add(answer.status_code)
        if answer.status_code != 200:
            assert answer.status_code != 503 or int(answer.headers["retry-after"]) >= 1
            return False
        assert answer.json()["created"] + answer.json()["duplicates"] == BATCH, answer.text
        self.acknowledged.add(number)
        return True

    async def run(self, client: httpx.AsyncClient) -> None:
        """Batch after batch, each once, until told to stop."""
        while not self.stop:
            self.sent += 1
            if not await self.send(client, self.sent - 1):
                await asyncio.sleep(0.05)

    async def replay(self, client: httpx.AsyncClient) -> None:
        """Every batch that was not acknowledged, again."""
        for number in set(range(self.sent)) - self.acknowledged:
            assert await self.send(client, number)

    async def assert_whole(self, own: EmbeddedPostgres, *, replayed: bool = False) -> None:
        """Every acknowledged batch is there, each that is there is whole, and none is there twice."""
        dba = await asyncpg.connect(own.url(own.superuser, "postgres"))
        rows = await dba.fetch(
            "SELECT floor(value / $2)::int, count(*)::int FROM readings WHERE source_id = $1 GROUP BY 1",
            *(self.source, float(BATCH)),
        )
        await dba.close()
        stored = {number for number, _ in rows}
        assert {count for _, count in rows} <= {BATCH}
        assert self.acknowledged <= stored <= set(range(self.sent))
        assert not replayed or stored == set(range(self.sent))


# What is sent

HOSTILE: dict[str, tuple[Callable[[], bytes], dict[str, str]]] = {
    "100 MB": (lambda: b'{"value": "' + b"x" * 100_000_000 + b'"}', {}),
    "a gzip bomb": (lambda: gzip.compress(bytes(1 << 20)) * 300, {"Content-Encoding": "gzip"}),
    "a gzip bomb of lines": (
        lambda: gzip.compress(b"\n" * (1 << 20)) * 300,
        {"Content-Encoding": "gzip", "Content-Type": "application/x-ndjson"},
    ),
    "arrays 1,000,000 deep": (lambda: b"[" * 1_000_000, {}),
    "objects 1,000,000 deep": (lambda: b'{"value":' * 1_000_000, {}),
    "metadata 1,000,000 deep": (lambda: b'{"value":1,"metadata":{"a":' + b"[" * 1_000_000, {}),
    "NaN": (lambda: b'{"value": NaN}', {}),
    "1e400": (lambda: b'{"value": 1e400}', {}),
    "an integer of 100,000 digits": (lambda: b'{"value": ' + b"9" * 100_000 + b"}", {}),
    "NUL": (lambda: b'{"value": 1, "notes": "\\u0000"}', {}),
    "NUL in metadata": (lambda: b'{"value": 1, "metadata": {"\\u0000": 1}}', {}),
    "a lone surrogate": (lambda: b'{"value": 1, "notes": "\\ud800"}', {}),
    "bytes that are no UTF-8": (lambda: b'{"value": 1, "notes": "\xff\xfe"}', {}),
    "the year 294276": (lambda: b'{"value": 1, "timestamp": "294276-12-31T23:59:59Z"}', {}),
    "the year 9999": (lambda: b'{"value": 1, "timestamp": "9999-12-31T23:59:59Z"}', {}),
    "nothing": (lambda: b"", {}),
}  # fmt: skip


def status_of(address: str, path: str, headers: dict[str, str], body: bytes) -> int:
    """The status of a POST: a body that is too long is refused before its end, and the connection closed."""
    parts = urlsplit(address)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode())
            connection.sendall(body)
        return int(connection.recv(1000).split()[1])


async def test_whatever_is_sent_is_refused_in_time_by_a_server_that_lives_on(url: str, tmp_path: Path) -> None:
    with served(url, tmp_path) as address:
        async with httpx.AsyncClient(base_url=address, timeout=60) as client:
            source = await enter(client)
            before = processes(tmp_path)
            for name, (make, headers) in HOSTILE.items():
                body = make()
                memory, began = peak(before[-1]), time.monotonic()
                path = "/v1/homes" if name == "100 MB" else f"/v1/sources/{source}/readings"
                said = {"Authorization": client.headers["Authorization"], "Content-Type": "application/json", **headers}
                assert 400 <= await asyncio.to_thread(status_of, address, path, said, body) < 500, name
                assert time.monotonic() - began < 20, name
                if name.startswith("a gzip bomb"):
                    assert peak(before[-1]) - memory < 20 << 20
            assert (await client.get("/health/ready")).status_code == 200
            assert processes(tmp_path) == before
            latest = (await client.get(f"/v1/sources/{source}")).json()["latest"]
            assert latest is None


async def test_clients_that_hang_up_leave_the_pool_whole(own: EmbeddedPostgres, url: str, tmp_path: Path) -> None:
    with served(url, tmp_path) as address:
        parts = urlsplit(address)
        async with httpx.AsyncClient(base_url=address, timeout=60) as client:
            source = await enter(client)
            head = (
                f"POST /v1/sources/{source}/readings HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                f"Authorization: {client.headers['Authorization']}\r\nContent-Length: "
            ).encode()
            whole = b'{"value": 1}'
            for n in range(200):
                with socket.create_connection((parts.hostname, parts.port)) as gone:
                    # In the middle of its head, of its body, or before it has heard the answer.
                    sent = (head, head + b"1000\r\n\r\n" + whole, head + b"12\r\n\r\n" + whole)[n % 3]
                    gone.sendall(sent)
            dba = await asyncpg.connect(own.url(own.superuser, "postgres"))
            busy = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'homelog_api' AND state <> 'idle'"
            deadline = time.monotonic() + 15
            while await dba.fetchval(busy):
                assert time.monotonic() < deadline
                await asyncio.sleep(0.1)
            await dba.close()
            answers = await asyncio.gather(*(client.get("/v1/sources") for _ in range(20)))
            assert {answer.status_code for answer in answers} == {200}


# What breaks


async def test_sigterm_under_load_ends_it_in_time_without_an_error(
    own: EmbeddedPostgres, url: str, tmp_path: Path
) -> None:
    with served(url, tmp_path) as address:
        async with httpx.AsyncClient(base_url=address, timeout=60) as client:
            writer = Writer(await enter(client))
            running = asyncio.create_task(writer.run(client))
            await asyncio.sleep(1)
            pids = processes(tmp_path)
            began = time.monotonic()
            os.kill(pids[0], signal.SIGTERM)
            while any(lives(pid) for pid in pids):
                assert time.monotonic() < began + 15
                await asyncio.sleep(0.05)
            writer.stop = True
            await running
    assert writer.statuses == {200}
    await writer.assert_whole(own)


def lives(pid: int) -> bool:
    """Whether a process runs; one that has ended may wait for its parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_a_server_that_is_killed_mid_batch_loses_nothing_it_acknowledged(
    own: EmbeddedPostgres, url: str, tmp_path: Path
) -> None:
    writer: Writer | None = None
    for round_ in range(3):
        folder = tmp_path / str(round_)
        folder.mkdir()
        with served(url, folder) as address:
            async with httpx.AsyncClient(base_url=address, timeout=60) as client:
                source = await enter(client)
                writer = writer or Writer(source)
                writer.stop = False
                running = [asyncio.create_task(writer.run(client)) for _ in range(4)]
                await asyncio.sleep(0.5 + round_ * 0.13)
                for pid in reversed(processes(folder)):
                    os.kill(pid, signal.SIGKILL)
                writer.stop = True
                await asyncio.gather(*running)
        await writer.assert_whole(own)
    assert writer
    folder = tmp_path / "at last"
    folder.mkdir()
    with served(url, folder) as address:
        async with httpx.AsyncClient(base_url=address, timeout=60) as client:
            await enter(client)
            await writer.replay(client)
    await writer.assert_whole(own, replayed=True)
    assert writer.statuses == {200}


async def test_a_database_that_stops_and_is_killed_under_writers_loses_nothing(
    own: EmbeddedPostgres, url: str, tmp_path: Path
) -> None:
    with served(url, tmp_path) as address:
        async with httpx.AsyncClient(base_url=address, timeout=60) as client:
            writer = Writer(await enter(client))
            running = [asyncio.create_task(writer.run(client)) for _ in range(8)]
            for mode in ("fast", "immediate", "fast", "immediate"):
                await asyncio.sleep(0.7)
                await asyncio.to_thread(own.restart, mode)
                accepts = time.monotonic()
                while (await client.get("/v1/sources")).status_code != 200:
                    assert time.monotonic() < accepts + 10
                    await asyncio.sleep(0.05)
            writer.stop = True
            await asyncio.gather(*running)
            await writer.assert_whole(own)
            await writer.replay(client)
    await writer.assert_whole(own, replayed=True)
    assert writer.statuses <= {200, 503}
    assert len(writer.acknowledged) == writer.sent > 10
