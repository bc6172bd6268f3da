"""The runs: task after task, in small steps, by one process of all that serve a database."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from service.database import Database
from service.identity import NOBODY
from service.observing import MAINTENANCE_DONE, MAINTENANCE_ENDED, MAINTENANCE_FAILURES, MAINTENANCE_SECONDS, log
from service.problems import Problem
from service.sqlfile import Query, queries_beside


class Step(msgspec.Struct, frozen=True):
    """How much a step did, and whether another one may find more."""

    done: int
    more: bool


_bind = queries_beside(__file__)
BEGIN_MAINTENANCE = _bind("begin_maintenance", UUID)
END_MAINTENANCE = _bind("end_maintenance")
LAST_END = _bind("last_end", datetime)
TASKS: dict[str, Query[Step]] = {
    name: _bind(name, Step)
    for name in (
        "rebuild_stale_days",
        "expire_readings",
        "clean_refresh_tokens",
        "clean_sessions",
        "clean_guests",
        "clean_tombstones",
        "clean_request_budgets",
        "clean_password_guesses",
        "clean_spent_tickets",
        "analyze_grown",  # last: of what is left
    )
}

AT_ONCE = 1_000
"""How many rows a step deletes at most, some readings more: who writes to the same source waits for tens of
milliseconds."""
SHORTEST_PAUSE = 0.01
"""Seconds. After each step as long a pause as it took, so that whoever waited for it goes first."""
FIRST_SECONDS = 60.0
"""Within how long after its start a process looks for the first time."""

LOOK_SECONDS = 60.0
"""How old what the metrics say of the last run may be."""

_FAILED = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

Done = Mapping[str, int | None]
"""By task how much it did; None where it failed."""

# What an alert waits for is there from the start.
for _task in ("look", "begin", *TASKS):
    MAINTENANCE_FAILURES.labels(_task)


@asynccontextmanager
async def maintained(url: str, minutes: int) -> AsyncIterator[None]:
    """Run every so many minutes for the while, in turn with all other processes; never for 0."""
    if not minutes:
        yield
        return
    async with _beside(keep_running(url, timedelta(minutes=minutes))):
        yield


@asynccontextmanager
async def last_end_told(database: Database) -> AsyncIterator[None]:
    """Tell in the metrics for the while when a run ended last: this process's, another's or one that cron began."""

    async def look() -> None:
        while True:
            try:
                async with database.transaction(NOBODY, [], read_only=True) as tx:
                    if (end := await tx.maybe(LAST_END)) is not None:
                        MAINTENANCE_ENDED.set(end.timestamp())
            except (Problem, *_FAILED):
                pass  # a database that does not answer shows elsewhere
            except Exception as error:  # noqa: BLE001 - nobody else would hear of it, and there is a next look
                _note_failure("look", error)
            await asyncio.sleep(LOOK_SECONDS)

    async with _beside(look()):
        yield


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def keep_running(url: str, every: timedelta) -> None:
    """Run again and again."""
    seconds = every.total_seconds()
    await asyncio.sleep(random.uniform(0, min(FIRST_SECONDS, seconds)))  # noqa: S311 - so that not all ask at once
    while True:
        try:
            # A little less, so that whoever asks a little early next time does not have to wait once more.
            await run(url, every * 0.9)
        except Exception as error:  # noqa: BLE001 - nobody else would hear of it, and there is a next run
            _note_failure("begin", error)
        await asyncio.sleep(seconds * random.uniform(0.95, 1.05))  # noqa: S311


async def run(url: str, every: timedelta = timedelta(0)) -> Done | None:
    """One run; None where one of any process began less than `every` ago, or another is in the midst of a step.

    Beside one that pauses it begins all the same, for a process that was killed ends no run: of two, each step is done
    by one, and a task that the other is at is left to it.
    """
    connection = await asyncpg.connect(
        url, timeout=5, command_timeout=60, server_settings={"application_name": "homelog maintenance"}
    )
    try:
        run_id = await connection.fetchval(BEGIN_MAINTENANCE.sql, every)
        if run_id is None:
            return None
        began = time.perf_counter()
        done = {name: await _do(connection, name, query) for name, query in TASKS.items()}
        await connection.execute(END_MAINTENANCE.sql, run_id, msgspec.json.encode(done).decode())
        log.info("maintenance", ms=round((time.perf_counter() - began) * 1000, 2), done=done)
        return done
    finally:
        connection.terminate()


async def _do(connection: asyncpg.Connection, name: str, query: Query[Step]) -> int | None:
    done = 0
    began = time.perf_counter()
    args = (AT_ONCE,) if "$1" in query.sql else ()
    try:
        step = Step(0, more=True)
        while step.more:
            start = time.perf_counter()
            step = Step(*(await connection.fetch(query.sql, *args))[0])
            done += step.done
            MAINTENANCE_DONE.labels(name).inc(step.done)
            if step.more:
                await asyncio.sleep(max(SHORTEST_PAUSE, time.perf_counter() - start))
    except Exception as error:  # noqa: BLE001 - the next task may do all the same, and the next run finds what is left
        _note_failure(name, error)
        return None
    finally:
        MAINTENANCE_SECONDS.labels(name).inc(time.perf_counter() - began)
    return done


def _note_failure(task: str, error: Exception) -> None:
    MAINTENANCE_FAILURES.labels(task).inc()
    why = getattr(error, "sqlstate", None) or type(error).__name__
    if isinstance(error, _FAILED):
        log.warning("maintenance failed", task=task, why=why)
    else:
        log.error("maintenance failed", task=task, why=why, exc_info=error)
