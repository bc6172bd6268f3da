"""The caller's transaction: what handlers ask the database through, and what its answers mean."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from asyncpg.protocol import NO_TIMEOUT

from service.identity import Caller
from service.observing import SENT, log, note_query
from service.problems import Problem, not_found
from service.sqlfile import Query, maker, queries_beside

T = TypeVar("T")

_bind = queries_beside(__file__)
ROLLBACK = _bind("rollback")
SET_FOR_LONG = _bind("set_for_long")

TRIES = 2
"""How often a transaction's first statement is tried that PostgreSQL ended so that others could go on."""
LONG_SECONDS = 600.0
"""How long what deletes much may take; set_for_long says the same."""
EXPORT_SECONDS = 900.0
"""How long an export may take; the login role's transaction_timeout says the same."""
COPY_BYTES, COPY_PAUSE_SECONDS = 32 * 1024, 0.001
"""PostgreSQL sends 8 KiB at a time. Where no more has come, a pause lets some gather: a tenth of the wake-ups."""

_TAKEN = "This id is taken by something else."
_NOT_ALLOWED = "Your access does not allow this."


class Transaction:
    """The caller's transaction: what handlers ask the database through."""

    __slots__ = (
        "beginning", "caller", "connection", "discard", "if_match", "queries", "read_only", "seconds", "slow",
        "untouched", "viewed",
    )  # fmt: skip

    def __init__(
        self,
        connection: PoolConnectionProxy,
        beginning: str,
        caller: Caller,
        *,
        read_only: bool,
        slow: float = math.inf,
    ) -> None:
        self.connection = connection
        self.beginning = beginning
        """What it began with, and may begin with again while it is untouched: no statement came yet."""
        self.untouched = True
        self.caller = caller
        self.read_only = read_only
        self.discard = False
        """Set by a dry run: the transaction is rolled back however well it went."""
        self.if_match: list[Any] | None = None
        self.seconds: float | None = None
        """How long a change may take; None for as long as any statement."""
        self.queries = SENT.get([])
        self.slow = slow
        self.viewed: Sequence[UUID] = ()
        """The sources that the answer shows, which the audit log keeps."""

    async def _ask(self, ask: Callable[..., Awaitable[T]], query: Query[Any], args: Sequence[Any], **options: Any) -> T:
        # The victim of a deadlock has lost its transaction, and with it all that it had written and read; the first
        # statement of one has lost nothing that it does not say again. When it has waited its second others are done.
        self.queries.append(query.name)
        tries = TRIES if self.untouched else 1
        self.untouched = False
        while True:
            began = time.perf_counter()
            try:
                return await ask(query.sql, *args, **options)
            except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError) as error:
                tries -= 1
                if tries == 0:
                    raise
                log.warning("tried again", query=query.name, why=error.sqlstate)
            finally:
                note_query(query.name, time.perf_counter() - began, self.slow)
            await self.connection.execute(f"{ROLLBACK.sql}; {self.beginning}")

    async def maybe(self, query: Query[T], *args: Any) -> T | None:
        """The first row, None if there is none."""
        record = await self._ask(self.connection.fetchrow, query, args)
        return None if record is None else maker(query.struct)(*record)

    async def one(self, query: Query[T], *args: Any) -> T:
        """The one row; without it what was asked for is not there for this caller: 404."""
        row = await self.maybe(query, *args)
        if row is None:
            raise not_found()
        return row

    async def all(self, query: Query[T], *args: Any) -> list[T]:
        """Every row."""
        make = maker(query.struct)
        return [make(*record) for record in await self._ask(self.connection.fetch, query, args)]

    async def each(self, query: Query[T], count: int, *args: Any) -> list[list[T]]:
        """The rows of each of so many things that were asked for at once.

        The first column is the place of whose row it is, from 1 on, and no part of the struct.
        """
        make = maker(query.struct)
        rows: list[list[T]] = [[] for _ in range(count)]
        for record in await self._ask(self.connection.fetch, query, args):
            rows[record[0] - 1].append(make(*record[1:]))
        return rows

    async def run(self, query: Query[Any], *args: Any) -> None:
        """A statement whose rows nobody reads."""
        await self._ask(self.connection.execute, query, args)

    async def copy(
        self, query: Query[Any], *args: Any, sink: Callable[[bytes], Coroutine[Any, Any, None]], form: Mapping[str, Any]
    ) -> None:
        """Every row, as COPY writes it in that form, to the sink: some whole rows at a time.

        asyncpg puts the arguments into the text as literals that PostgreSQL itself quoted: COPY takes no parameters.
        """

        async def output(rows: bytes) -> None:
            await sink(rows)
            if len(rows) < COPY_BYTES:
                await asyncio.sleep(COPY_PAUSE_SECONDS)

        self.queries.append(query.name)
        self.untouched = False
        # One clock for all: asyncpg's own is wound anew for each of thousands of pieces.
        async with asyncio.timeout(EXPORT_SECONDS):
            await self.connection.copy_from_query(query.sql, *args, output=output, timeout=NO_TIMEOUT, **form)  # type: ignore[arg-type]

    async def take_long(self) -> None:
        """Let a change take up to LONG_SECONDS: it deletes what may be millions of readings."""
        await self.run(SET_FOR_LONG)
        self.seconds = LONG_SECONDS
        self.beginning = f"{self.beginning}; {SET_FOR_LONG.sql}"
        self.untouched = True

    async def create(
        self,
        query: Query[T],
        *args: Any,
        taken: str = _TAKEN,
        refused: str = _NOT_ALLOWED,
    ) -> tuple[bool, T]:
        """Idempotent creation of one row: whether it is new, and the row.

        The first column is the verdict: `created`, `stored` (the same was there) or `replaced`; or else `hidden` (404:
        what it would lie in is not visible), `forbidden` (403, told in the words of `refused`), `stale` (412) or
        `conflict` (409, in those of `taken`). An id that is taken by other content or by somebody else is the same 409.
        """
        record = (await self._decided(query, args, taken, refused, nothing="again"))[0]
        return record[0] == "created", maker(query.struct)(*record[1:])

    async def create_many(self, query: Query[T], *args: Any, too_many: Problem | None = None) -> list[T]:
        """Idempotent work on several rows at once: the rows, those that are null left out.

        The first column of every row is the one verdict, as in `create`, or `too_many`, which is the problem of that
        name; no row at all is 404.
        """
        records = await self._decided(query, args, _TAKEN, _NOT_ALLOWED, nothing="hidden", too_many=too_many)
        make = maker(query.struct)
        return [make(*record[1:]) for record in records if record[1] is not None]

    async def _decided(
        self,
        query: Query[Any],
        args: Sequence[Any],
        taken: str,
        refused: str,
        *,
        nothing: str,
        too_many: Problem | None = None,
    ) -> list[asyncpg.Record]:
        # `again`: the key was taken while the statement waited for it, or what it would lie in went, so its snapshot is
        # older than that. A second statement sees it.
        for _ in range(2):
            records = await self._ask(self.connection.fetch, query, args)
            verdict = records[0][0] if records else nothing
            if verdict == "hidden":
                raise not_found()
            if verdict == "forbidden":
                raise Problem("forbidden", refused)
            if verdict == "stale":
                raise Problem("stale", "It has changed since the version that If-Match names.")
            if verdict == "too_many" and too_many is not None:
                raise too_many
            if verdict == "conflict":
                break
            if verdict != "again":
                return records
        raise Problem("conflict", taken)

    async def change(self, query: Query[T], *args: Any, refused: str = _NOT_ALLOWED) -> T:
        """A write to one row. The first two columns say whether the caller may, and whether If-Match still holds.

        404 if the caller cannot see the row, 403 if they may not write it (told in the words of `refused`), 412 if it
        changed: decided by the one statement that would have written.
        """
        record = await self._ask(self.connection.fetchrow, query, args, timeout=self.seconds)
        if record is None:
            raise not_found()
        if not record[0]:
            raise Problem("forbidden", refused)
        if not record[1] and self.if_match is None:
            # Somebody else's transaction deleted it while this one waited for it.
            raise not_found()
        if not record[1]:
            raise Problem("stale", "It has changed since the version that If-Match names.")
        return maker(query.struct)(*record[2:])
