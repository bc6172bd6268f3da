"""A relay between the migrator and PostgreSQL that stands still at the n-th request, so that a kill hits there."""

import shutil
import socket
import struct
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from psycopg.conninfo import conninfo_to_dict, make_conninfo

Side = Literal["before", "after"]


class Relay:
    """One connection's messages, passed on until the n-th request: that one never arrives, or its answer does not."""

    def __init__(self, url: str, stop_at: int = 0, side: Side = "before") -> None:
        login = conninfo_to_dict(url)
        self._folder = Path(tempfile.mkdtemp(prefix="relay-"))
        self._server = f"{login['host']}/.s.PGSQL.{login['port']}"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._folder / f".s.PGSQL.{login['port']}"))
        self._listener.listen()
        self._open: list[socket.socket] = [self._listener]
        self._stop_at, self._side = stop_at, side
        self.url = make_conninfo(url, host=str(self._folder))
        self.requests = 0
        self.stopped = threading.Event()
        threading.Thread(target=self._pass_on, daemon=True).start()

    def close(self) -> None:
        """End the connection to the server, as a killed client's kernel does."""
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _pass_on(self) -> None:
        with suppress(OSError, EOFError):
            client, _ = self._listener.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._server)
            self._open += [client, server]
            threading.Thread(target=self._pass_back, args=(server, client), daemon=True).start()
            _forward(_read(client, typed=False), server)
            while True:
                message = _read(client)
                # A simple query, or the Sync after one with parameters; a password is a 'p'.
                self.requests += message[:1] in {b"Q", b"S"}
                if self._is_at_the_end and self._side == "before":
                    self.stopped.set()
                    return
                _forward(message, server)

    def _pass_back(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError, EOFError):
            while True:
                message = _read(server)
                if not self._is_at_the_end:
                    _forward(message, client)
                elif message[:1] == b"Z":
                    self.stopped.set()

    @property
    def _is_at_the_end(self) -> bool:
        return self.requests == self._stop_at > 0


@contextmanager
def relayed(url: str, stop_at: int = 0, side: Side = "before") -> Iterator[Relay]:
    """A relay for the while; without `stop_at` it only counts."""
    relay = Relay(url, stop_at, side)
    try:
        yield relay
    finally:
        relay.close()


def _read(end: socket.socket, *, typed: bool = True) -> bytes:
    head = _exactly(end, 5 if typed else 4)
    (length,) = struct.unpack("!I", head[-4:])
    return head + _exactly(end, length - 4)


def _exactly(end: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = end.recv(size - len(parts))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


def _forward(message: bytes, end: socket.socket) -> None:
    end.sendall(message)
