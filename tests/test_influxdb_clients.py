"""InfluxDB's own clients, unmodified, against a real server on a real socket, over a line that loses answers."""

import contextlib
import json
import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from influxdb_client.client import influxdb_client
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.write import point
from influxdb_client.client.write_api import SYNCHRONOUS, WriteOptions

from tests.people import PASSWORD
from tests.test_docs import served

__all__ = ["served"]  # a fixture

SECOND = 1_767_225_600
Client: Any = influxdb_client.InfluxDBClient  # it has no types
Point: Any = point.Point


class Api:
    """Somebody who is signed in, and a device token of theirs."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.authorization = ""
        account = {"email": "ann@example.org", "password": PASSWORD}
        self.call("POST", "/v1/auth/register", account)
        self.authorization = f"Bearer {self.call('POST', '/v1/auth/login', account)['access_token']}"
        self.token = self.call("POST", "/v1/me/tokens", {"name": "x", "scopes": ["write:data"]})["token"]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Content-Type": "application/json", "Authorization": self.authorization}
        headers = {name: value for name, value in headers.items() if value}
        content = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.address + path, content, headers, method=method)  # noqa: S310 - ours
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return json.load(response)

    def values(self) -> dict[str, list[float]]:
        """The values of every source by its name, oldest first."""
        found: dict[str, list[float]] = {}
        for source in self.call("GET", "/v1/sources?limit=1000")["items"]:
            path, items = f"/v1/sources/{source['id']}/readings?order=asc&limit=1000", []
            cursor = ""
            while cursor is not None:
                answer = self.call("GET", f"{path}&cursor={cursor}" if cursor else path)
                items += answer["items"]
                cursor = answer["next_cursor"]
            found[source["name"]] = [item["value"] for item in items]
        return found


@pytest.fixture
def api(served: str) -> Api:
    return Api(served)


@contextmanager
def losing_answers(address: str, every: int) -> Iterator[tuple[str, list[int]]]:
    """An address that passes requests on and loses every so many-th answer, and the numbers of those it lost."""
    server = urlsplit(address)
    lost: list[int] = []
    listener = socket.create_server(("127.0.0.1", 0))
    count = iter(range(1, 1_000_000))

    def pump(source: socket.socket, target: socket.socket, answers: bool) -> None:
        with contextlib.suppress(OSError):
            while part := source.recv(65536):
                # An answer to a write is a few hundred bytes and comes in one piece.
                if answers and (number := next(count)) % every == 0:
                    lost.append(number)
                    break
                target.sendall(part)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                upstream = socket.create_connection((str(server.hostname), int(server.port or 80)))
                threading.Thread(target=pump, args=(client, upstream, False), daemon=True).start()
                threading.Thread(target=pump, args=(upstream, client, True), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", lost
    finally:
        listener.close()


def test_the_client_of_influxdb_2_writes_what_it_is_given(api: Api) -> None:
    with Client(url=api.address, token=api.token, org="home", enable_gzip=True) as client:
        assert client.ping()
        assert client.version().startswith("homelog-")
        with client.write_api(write_options=SYNCHRONOUS) as write:
            write.write(bucket="any", record=Point("t").tag("room", "a b").field("f", 1.5).time(SECOND, "s"))
            write.write("any", "home", f"t,room=a\\ b f=2.5 {SECOND + 1}", "s")
            write.write("any", record={"measurement": "t", "tags": {"room": "a b"}, "fields": {"f": 3, "s": "x"}})
            write.write("any", record=[Point("t").tag("room", "a b").field("f", True).time("2026-01-01T00:00:02Z")])
            write.write("any", record=b"")
    assert api.values() == {"t,room=a\\ b f": [1.5, 2.5, 1, 3]}


def test_the_client_of_influxdb_2_is_told_what_is_wrong(api: Api) -> None:
    def refused(token: str, record: str) -> Any:
        with Client(url=api.address, token=token, org="home") as client, pytest.raises(InfluxDBError) as error:
            client.write_api(write_options=SYNCHRONOUS).write("any", record=record)
        return error.value

    partly = refused(api.token, f"good f=1 {SECOND}000000000\nbad\n")
    assert partly.message.startswith("partial write: line 2: ")
    assert partly.response.status == 400
    assert refused(f"hl_{'x' * 43}", "good f=2").response.status == 401
    assert api.values() == {"good f": [1]}


def test_over_a_line_that_loses_answers_every_value_arrives_once(api: Api) -> None:
    total, rooms = 5000, 5
    failures: list[Any] = []
    options = WriteOptions(
        batch_size=250, flush_interval=50, retry_interval=20, max_retry_delay=50, max_retries=20, exponential_base=1
    )
    with losing_answers(api.address, every=3) as (address, lost):
        with (
            Client(url=address, token=api.token, org="home", enable_gzip=True) as client,
            client.write_api(write_options=options, error_callback=lambda *said: failures.append(said)) as write,
        ):
            for n in range(total):
                reading = Point("t").tag("room", n % rooms).field("f", n + 0.5).time(SECOND + n, "s")
                write.write(bucket="any", record=reading)
        assert len(lost) >= 3
    assert failures == []
    values = api.values()
    assert values == {f"t,room={room} f": [n + 0.5 for n in range(room, total, rooms)] for room in range(rooms)}


def test_the_client_of_influxdb_1_writes_what_it_is_given(api: Api) -> None:
    influxdb = pytest.importorskip("influxdb")
    at = urlsplit(api.address)
    client = influxdb.InfluxDBClient(
        at.hostname, at.port, username="home", password=api.token, database="any", gzip=True, timeout=10
    )
    assert client.ping().startswith("homelog-")
    # As Home Assistant does to see whether it may.
    client.write_points([])
    points = [
        {"measurement": "°C", "tags": {"entity_id": "kitchen"}, "fields": {"value": n + 0.5, "state": "on"},
         "time": SECOND + n}
        for n in range(10)
    ]  # fmt: skip
    assert client.write_points(points, time_precision="s")
    assert client.write_points(points, time_precision="s", batch_size=3)
    with pytest.raises(influxdb.exceptions.InfluxDBClientError) as refused:
        client.write(["bad"], params={"db": "any"}, protocol="line")
    assert refused.value.code == 400
    assert "partial write: line 1: " in str(refused.value)
    client.close()
    assert api.values() == {"°C,entity_id=kitchen value": [n + 0.5 for n in range(10)]}
