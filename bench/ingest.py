"""Logging: one reading, a thousand, ten thousand; and what the rules cost of it."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, cast
from uuid import UUID

import asyncpg

from bench.client import JSON, Line, flood, request
from bench.harness import Result, Side, at_least, at_most, compare
from bench.postgres import psql
from bench.reads import source_path
from bench.stage import QUERY, Minutes, Place, Service, Stage
from service.database import Database
from service.identity import Caller
from service.migrations import required_version
from service.readings.ingest import store
from service.readings.parsing import json_chunks
from service.readings.structs import LogReading

LINES = 8
"""Connections that log single readings, each to a meter of its own."""
BATCH = 10_000
SMALL_BATCH = 1000
SMALL_BATCHES = 10


def log_one(stage: Stage) -> Iterator[Result]:
    """Single readings, against the peer."""
    service, ann = stage.service, stage.service.ann
    meters = [service.ruled_meter() for _ in range(LINES)]
    for meter in meters:
        stage.peer.meter(ann, meter)

    def logs(place: Place, headers: Mapping[str, str]) -> Side:
        to_come = [Minutes() for _ in meters]

        def following(number: int) -> bytes:
            body = json.dumps(to_come[number].take(1)[0]).encode()
            return request("POST", f"{source_path(meters[number])}/readings", {**headers, **JSON}, body)

        return lambda: flood(place.address, LINES, stage.rounds.seconds, following)

    yield compare(
        stage.rounds,
        "log one reading",
        "the peer",
        logs(service, ann.headers),
        logs(stage.peer, stage.peer.headers(ann)),
        at_least(5, 8),
        rate=True,
    )


def ingest(stage: Stage) -> Iterator[Result]:
    r"""10,000 readings in one request, against psql's \copy into a table without the rules."""
    service = stage.service
    meter = service.ruled_meter()
    bare(service)
    to_come = Minutes()
    line = Line(service.address, service.ann.headers | JSON)
    file = stage.folder / "rows"

    def ours() -> float:
        body = json.dumps(to_come.take(BATCH)).encode()
        service.checkpoint()
        return line.exchange("POST", f"{source_path(meter)}/readings", body).seconds

    def theirs() -> float:
        rows = to_come.take(BATCH)
        file.write_text("".join(f"{meter}\t{row['timestamp']}\t{row['value']}\n" for row in rows), encoding="utf-8")
        service.checkpoint()
        copy = rf"\copy bare (source_id, timestamp, value) FROM '{file}'"
        return psql(service.url, copy, warm="SELECT count(*) FROM (SELECT FROM bare LIMIT 1) AS b")

    yield compare(
        stage.rounds,
        "log 10,000 readings in one request",
        "psql \\\\copy into a table with the same keys and checks",
        ours,
        theirs,
        at_least(0.65, 0.9),
    )
    line.close()


def insert(stage: Stage) -> Iterator[Result]:
    """A thousand readings in one request, against the peer's two ways to store them."""
    service, ann = stage.service, stage.service.ann
    meter = service.ruled_meter()
    stage.peer.meter(ann, meter)
    ours = batches(service, ann.headers, f"{source_path(meter)}/readings", Minutes())
    to_come = Minutes()
    for how, bound in (("insert", at_least(5, 8)), ("add_all", at_least(13, 20))):
        path = f"{source_path(meter)}/readings/batch?how={how}"
        yield compare(
            stage.rounds,
            "log 1,000 readings in one request",
            f"the peer's {how}()",
            ours,
            batches(stage.peer, stage.peer.headers(ann), path, to_come),
            bound,
        )


def batches(place: Place, headers: Mapping[str, str], path: str, to_come: Minutes) -> Side:
    """A side that sends some batches one after the other."""

    def side() -> float:
        bodies = [json.dumps(to_come.take(SMALL_BATCH)).encode() for _ in range(SMALL_BATCHES)]
        place.checkpoint()
        line = Line(place.address, {**headers, **JSON})
        seconds = sum(line.exchange("POST", path, body).seconds for body in bodies)
        line.close()
        return seconds / SMALL_BATCHES

    return side


def rules(stage: Stage) -> Iterator[Result]:
    """What row security, validators, audit and all that triggers keep add to the statement that stores a batch."""
    service = stage.service
    meter = service.ruled_meter()
    bare(service)
    to_come = Minutes()
    caller = Caller(service.ann.id, service.ann.session)
    with asyncio.Runner() as runner:
        database = runner.run(Database.open(service.api_url, needs=required_version(), size=1))
        dba = runner.run(asyncpg.connect(service.url))

        def ours() -> float:
            return runner.run(_stored(service, database, caller, meter, to_come))

        def theirs() -> float:
            return runner.run(_inserted(service, dba, meter, to_come))

        yield compare(
            stage.rounds,
            "the statements that store 10,000 readings, every rule on",
            "INSERT into a bare table with the same key, checks and foreign key",
            ours,
            theirs,
            at_most(1.8, 1.3),
        )
        runner.run(dba.close())
        runner.run(database.close())


async def _stored(service: Service, database: Database, caller: Caller, meter: UUID, to_come: Minutes) -> float:
    """The seconds that the service's own code waits for its statements, BEGIN and COMMIT left out."""
    body = json.dumps(to_come.take(BATCH)).encode()
    service.checkpoint()
    async with database.transaction(caller, [meter]) as tx:
        watch = _Watched(tx.connection)
        tx.connection = cast(Any, watch)
        await store(tx, meter, [meter], json_chunks(body, LogReading), atomic=True, replace=False)
        tx.connection = watch.connection
    return watch.seconds


async def _inserted(service: Service, dba: asyncpg.Connection, meter: UUID, to_come: Minutes) -> float:
    rows = json.dumps(to_come.take(BATCH))
    service.checkpoint()
    async with dba.transaction():
        began = time.perf_counter()
        await dba.execute(QUERY("insert_bare").sql, meter, rows)
        return time.perf_counter() - began


class _Watched:
    """A connection whose calls are timed."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        return partial(self._timed, getattr(self.connection, name))

    async def _timed(self, method: Callable[..., Any], *args: Any, **options: Any) -> Any:
        began = time.perf_counter()
        try:
            return await method(*args, **options)
        finally:
            self.seconds += time.perf_counter() - began


def bare(place: Place) -> None:
    """Make the twin of readings that has no rules, anew."""
    for name in ("drop_bare", "make_bare", "tie_bare"):
        place.run(QUERY(name))
