"""The service as it is run, under clients that take their time: granian, its own processes, raw sockets."""

import asyncio
import resource
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.embedded import EmbeddedPostgres
from tests.processes import served

SLOW_BODY = (
    b"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
)
SLOW_HEADERS = b"GET /v1/reference HTTP/1.1\r\nHost: x\r\n"
HEALTH = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
DEADLINE = 10.0
"""For headers and for bodies alike."""


@pytest.fixture
def port(server: EmbeddedPostgres, database: str, tmp_path: Path) -> Iterator[int]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(8192, hard)), hard))
    with served(server.url("homelog_api", database), tmp_path) as address:
        yield int(address.rpartition(":")[2])


async def answer(port: int, said: bytes) -> bytes:
    """What one connection is answered until it is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(said)
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def watched(port: int, until: asyncio.Task[None]) -> float:
    """The longest that health takes to answer meanwhile."""
    worst = 0.0
    while not until.done():
        began = time.monotonic()
        assert (await asyncio.wait_for(answer(port, HEALTH), 30)).startswith(b"HTTP/1.1 200")
        worst = max(worst, time.monotonic() - began)
        await asyncio.sleep(0.1)
    return worst


async def test_slow_and_silent_clients_end_at_their_deadline_and_hold_nobody_up(port: int) -> None:
    answers: Counter[bytes] = Counter()

    async def come(count: int, said: bytes) -> None:
        answers.update(got[:12] for got in await asyncio.gather(*(answer(port, said) for _ in range(count))))

    async def attack() -> None:
        await asyncio.gather(come(1100, SLOW_BODY), come(600, SLOW_HEADERS), come(150, b""), come(150, b"PRI * HT"))

    began = time.monotonic()
    attacking = asyncio.create_task(asyncio.wait_for(attack(), 12 * DEADLINE))
    worst = await watched(port, attacking)
    await attacking
    assert answers == {b"HTTP/1.1 408": 1100, b"": 900}
    assert time.monotonic() - began >= DEADLINE - 1
    # A frozen worker does not answer at all; the promise of 2 s is for a machine that does nothing else.
    assert worst < 5


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 600_000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 200 + b"\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nHost x\r\n\r\n", b"400"),
        (b"hello\r\n\r\n", b"400"),
    ],
    ids=["long", "many", "no colon", "no HTTP"],
)
async def test_what_is_no_request_is_refused_by_the_server_itself_without_a_word(
    port: int, said: bytes, status: bytes
) -> None:
    """These never reach the service, so they have none of its headers; there is no body that could need them."""
    head, _, body = (await answer(port, said)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 " + status)
    assert b"\r\nconnection: close" in head
    assert b"\r\ncontent-length: 0" in head
    assert body == b""
