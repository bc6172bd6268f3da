"""HTTP clients that cost next to nothing beside what they measure: one exchange at a time, or a flood of them."""

import http.client
import json
import selectors
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, NamedTuple

Address = tuple[str, int]
Requests = Callable[[int], bytes]
"""The next request of the connection with this number."""

JSON = {"Content-Type": "application/json"}


class WrongAnswer(Exception):
    """An answer that was not expected, whose time means nothing."""


class Timed(NamedTuple):
    """What one exchange took, and how long its body was."""

    seconds: float
    size: int


def request(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def call(address: Address, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
    """One call, its JSON answer; raises `WrongAnswer` unless it succeeded."""
    connection = http.client.HTTPConnection(*address, timeout=600)
    said = None if body is None else json.dumps(body).encode()
    connection.request(method, path, said, {**JSON, **(headers or {})})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    if answer.status >= 300:
        raise WrongAnswer(f"{method} {path}: {answer.status} {content[:500]!r}")
    return json.loads(content) if content else None


class Line:
    """One connection that stays open, for exchanges that are long enough to be timed one by one."""

    def __init__(self, address: Address, headers: Mapping[str, str]) -> None:
        self._connection = http.client.HTTPConnection(*address, timeout=600, blocksize=1 << 16)
        self._connection.connect()
        self._headers = headers
        self._buffer = bytearray(1 << 16)

    def exchange(
        self, method: str, path: str, body: bytes | BinaryIO | None = None, headers: Mapping[str, str] | None = None
    ) -> Timed:
        """Send a request and read its answer to the last byte, keeping none."""
        began = time.perf_counter()
        self._connection.request(method, path, body, {**self._headers, **(headers or {})})
        answer = self._connection.getresponse()
        size = 0
        while read := answer.readinto(self._buffer):
            if answer.status >= 300:
                raise WrongAnswer(f"{method} {path}: {answer.status} {bytes(self._buffer[: min(read, 500)])!r}")
            size += read
        return Timed(time.perf_counter() - began, size)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def flood(address: Address, connections: int, seconds: float, requests: Requests) -> float:
    """Keep as many connections busy for so long; return the seconds that a request took on average.

    Every connection sends its next request as soon as it has the answer to the last, as pgbench's clients do. They are
    opened anew each time, since which of the workers serves a connection is luck.
    """
    selector = selectors.DefaultSelector()
    lines = [socket.create_connection(address) for _ in range(connections)]
    for number, line in enumerate(lines):
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(line, selectors.EVENT_READ, number)
        line.sendall(requests(number))
    began = time.perf_counter()
    end = began + seconds
    answered = 0
    while (now := time.perf_counter()) < end:
        for key, _ in selector.select(1):
            line, number = lines[key.data], key.data
            _read_answer(line)
            answered += 1
            line.sendall(requests(number))
    for line in lines:
        _read_answer(line)  # so that the other side's turn does not begin with our work
        line.close()
    selector.close()
    return (now - began) / answered


def _read_answer(line: socket.socket) -> None:
    """Take one answer with a Content-Length off the line; the first part nearly always holds all of it."""
    answer = line.recv(1 << 18)
    while (head := answer.find(b"\r\n\r\n")) < 0:
        answer += _more(line)
    if answer[9:11] != b"20":
        raise WrongAnswer(answer[:500].decode("latin-1"))
    _, said, length = answer[: head + 2].lower().partition(b"content-length:")
    if not said:
        raise WrongAnswer("an answer without Content-Length")
    missing = head + 4 + int(length[: length.index(b"\r")]) - len(answer)
    while missing > 0:
        missing -= len(_more(line))


def _more(line: socket.socket) -> bytes:
    if not (more := line.recv(1 << 18)):
        raise WrongAnswer("the connection was closed")
    return more


def same(said: bytes) -> Requests:
    """The same request over and over."""
    return lambda _: said
