"""Storing a batch: chunk by chunk in one transaction, an outcome for every row."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from operator import lt
from typing import Any, Literal
from uuid import UUID

import msgspec

from service.problems import Problem
from service.readings.rows import AHEAD, Chunk, wrong_row
from service.readings.structs import BatchOutcome, LogReading, LogReadingOf, Reading, RowOutcome, Status
from service.sqlfile import queries_beside
from service.transaction import Transaction
from service.validators.structs import Action

SHOWN = 1000
"""How many outcomes an answer shows."""
MOST_REJECTED = 100_000


class Reach(msgspec.Struct, frozen=True):
    """Which of a batch's sources the caller may read and write, and whether any has rules."""

    readable: list[UUID]
    writable: list[UUID]
    has_rules: bool


class Verdict(msgspec.Struct, frozen=True):
    """What a rule says of a row that it does not just accept.

    The action is None for one that comes again after it was thinned, as far as anybody can tell.
    """

    place: int
    action: Action | None
    rule: str
    detail: str


class Inserted(msgspec.Struct, frozen=True):
    """How many rows were inserted and, where that was not all of them, which."""

    created: int
    sources: list[UUID] | None
    timestamps: list[datetime] | None


class Settled(msgspec.Struct, frozen=True):
    """A row that was not inserted because its time is taken; whether by the same value."""

    place: int
    same: bool


class Replaced(msgspec.Struct, frozen=True):
    """What became of a row where another value gives way."""

    place: int
    status: Literal["created", "duplicate", "replaced"]


_bind = queries_beside(__file__)
LOG_READING = _bind("log_reading", Reading)
REACH_OF_BATCH = _bind("reach_of_batch", Reach)
JUDGE_BATCH = _bind("judge_batch", Verdict)
LOG_RUN = _bind("log_run", bool)
LOG_BATCH = _bind("log_batch", Inserted)
SETTLE_BATCH = _bind("settle_batch", Settled)
REPLACE_BATCH = _bind("replace_batch", Replaced)


async def log_one(tx: Transaction, source_id: UUID, data: LogReading, *, replace: bool) -> tuple[bool, Reading]:
    """Log one reading, now if it has no timestamp: whether it is new, and the reading as it is stored.

    The same value at the same time is stored once; another value is 409 unless it is to `replace`. 422 for a value that
    a rule of the source rejects.
    """
    if wrong := wrong_row(0, data, datetime.now(UTC) + AHEAD, needs_time=False):
        raise Problem.at(wrong.pointer or "", wrong.detail or "")
    return await tx.create(
        LOG_READING,
        source_id,
        data.id,
        data.value,
        data.timestamp,
        data.quality_flag,
        data.notes,
        data.metadata,
        replace,
        taken="The source already has another value at this time.",
    )


class Tally:
    """Counts a batch's outcomes and keeps the first of those to show."""

    def __init__(self) -> None:
        self.received = 0
        self.counts: Counter[str] = Counter()
        self._wrong: list[RowOutcome] = []
        self._others: list[RowOutcome] = []
        self._outcomes = 0

    def add(self, outcomes: Iterable[RowOutcome]) -> None:
        """Take in outcomes other than plain creation, in the order of their rows."""
        for outcome in outcomes:
            self.counts["rejected" if outcome.status == "conflict" else outcome.status] += 1
            self._outcomes += 1
            kept = self._wrong if outcome.status in {"rejected", "conflict"} else self._others
            if len(kept) < SHOWN:
                kept.append(outcome)

    def outcome(self, *, stored: bool = True) -> BatchOutcome:
        """The answer; of a batch that is not stored nothing was created or replaced.

        What is wrong is shown before what is not: one bad row of a file that is sent again must not be lost among
        its duplicates.
        """
        shown = self._wrong + self._others[: SHOWN - len(self._wrong)]
        return BatchOutcome(
            received=self.received,
            created=self.counts["created"] if stored else 0,
            duplicates=self.counts["duplicate"],
            replaced=self.counts["replaced"] if stored else 0,
            rejected=self.counts["rejected"],
            results=sorted(shown, key=lambda outcome: outcome.index),
            results_truncated=self._outcomes > len(shown),
        )


async def store(
    tx: Transaction,
    source_id: UUID | None,
    sources: list[UUID],
    chunks: Iterable[Chunk],
    *,
    atomic: bool,
    replace: bool,
) -> BatchOutcome:
    """Store a batch of the one source, or for None of the sources that its rows name.

    With `atomic` a rejected row raises `batch_rejected`, which undoes the batch. 404 and 403 as for one reading.
    """
    reach = await tx.one(REACH_OF_BATCH, sources)
    readable, writable = set(reach.readable), set(reach.writable)
    if source_id is not None and source_id not in readable:
        raise Problem("not_found", "There is nothing here that you can see.")
    if source_id is not None and source_id not in writable:
        raise Problem("forbidden", "Your access does not allow this.")
    tally = Tally()
    for chunk in chunks:
        tally.received += len(chunk.rows) + len(chunk.wrong)
        outcomes = chunk.wrong
        if source_id is None:
            outcomes = outcomes + _out_of_reach(chunk, readable, writable)
        said = msgspec.json.encode(chunk.rows).decode()
        flagged: dict[int, RowOutcome] = {}
        if reach.has_rules and chunk.rows:
            rejected, flagged = await _judge(tx, source_id, chunk, said, replace=replace)
            outcomes = outcomes + rejected
            if rejected or flagged:
                said = msgspec.json.encode(chunk.rows).decode()
        if chunk.rows and not await _insert_run(tx, source_id, chunk, said, tally):
            store_rows = _replace if replace else _insert
            outcomes = outcomes + await store_rows(tx, source_id, chunk, said, flagged, tally)
        tally.add(sorted(outcomes, key=lambda outcome: outcome.index))
        if tally.counts["rejected"] > MOST_REJECTED:
            raise Problem("too_large", f"More than {MOST_REJECTED:,} rows are wrong; the batch was not stored.")
        # A chunk that has nothing to store asks the database nothing, and would keep others waiting.
        await asyncio.sleep(0)
    if atomic and tally.counts["rejected"]:
        raise Problem(
            "batch_rejected",
            f"{tally.counts['rejected']} of {tally.received} rows cannot be stored, so none was.",
            more=tally.outcome(stored=False),
        )
    return tally.outcome()


def _out_of_reach(chunk: Chunk, readable: set[UUID], writable: set[UUID]) -> list[RowOutcome]:
    """Take the rows of sources that the caller may not write out of a chunk, and say so."""
    refused: list[RowOutcome] = []
    rows: list[LogReadingOf] = []
    indexes: list[int] = []
    for index, row in zip(chunk.indexes, chunk.rows, strict=True):
        if row.source_id in writable:
            rows.append(row)
            indexes.append(index)
        elif row.source_id in readable:
            detail = "Your access to this source does not allow this."
            refused.append(RowOutcome(index, "rejected", "/source_id", "forbidden", detail))
        else:
            detail = "There is no such source that you can see."
            refused.append(RowOutcome(index, "rejected", "/source_id", "not_found", detail))
    chunk.rows, chunk.indexes = rows, indexes
    return refused


async def _judge(
    tx: Transaction, source_id: UUID | None, chunk: Chunk, said: str, *, replace: bool
) -> tuple[list[RowOutcome], dict[int, RowOutcome]]:
    """Take what the rules reject and what was thinned out of a chunk, make questionable what they flag.

    Says both, the latter by index.
    """
    rejected: list[RowOutcome] = []
    flagged: dict[int, RowOutcome] = {}
    for verdict in await tx.all(JUDGE_BATCH, source_id, said, replace):
        index = chunk.indexes[verdict.place]
        if verdict.action != "flag":
            pointer = "/timestamp" if verdict.rule == "retention" else "/value"
            status: Status = "rejected" if verdict.action else "duplicate"
            rejected.append(RowOutcome(index, status, pointer, verdict.rule, verdict.detail))
        else:
            row = chunk.rows[verdict.place]
            chunk.rows[verdict.place] = msgspec.structs.replace(row, quality_flag="questionable")
            flagged[index] = RowOutcome(index, "flagged", "/value", verdict.rule, verdict.detail)
    if rejected:
        gone = {outcome.index for outcome in rejected}
        kept = [place for place, index in enumerate(chunk.indexes) if index not in gone]
        chunk.rows = [chunk.rows[place] for place in kept]
        chunk.indexes = [chunk.indexes[place] for place in kept]
    return rejected, flagged


async def _insert_run(tx: Transaction, source_id: UUID | None, chunk: Chunk, said: str, tally: Tally) -> bool:
    """Store a chunk that is a run, where nothing is stored yet; whether it was one and is stored."""
    if source_id is None or not _is_run(chunk.rows):
        return False
    first, last, count = chunk.rows[0].timestamp, chunk.rows[-1].timestamp, len(chunk.rows)
    if not await tx.maybe(LOG_RUN, source_id, said, first, last, count):
        return False
    tally.counts["created"] += count
    return True


def _is_run(rows: list[Any]) -> bool:
    """Whether rows are several bare values, each later than the one before."""
    times = [row.timestamp for row in rows]
    return (
        len(rows) > 1
        and all(map(lt, times, islice(times, 1, None)))
        and all(
            row.id is None and row.quality_flag == "good" and row.notes is None and row.metadata is None for row in rows
        )
    )


async def _insert(
    tx: Transaction, source_id: UUID | None, chunk: Chunk, said: str, flagged: dict[int, RowOutcome], tally: Tally
) -> list[RowOutcome]:
    inserted = await tx.one(LOG_BATCH, source_id, said)
    tally.counts["created"] += inserted.created
    outcomes = list(flagged.values())
    if inserted.created == len(chunk.rows):
        return outcomes
    settled = await tx.all(SETTLE_BATCH, source_id, said, inserted.sources or [], inserted.timestamps or [])
    return outcomes + [
        RowOutcome(chunk.indexes[row.place], "duplicate")
        if row.same
        else RowOutcome(
            chunk.indexes[row.place],
            "conflict",
            "/value",
            "one_reading_a_time",
            "The source already has another value at this time.",
        )
        for row in settled
    ]


async def _replace(
    tx: Transaction, source_id: UUID | None, chunk: Chunk, said: str, flagged: dict[int, RowOutcome], tally: Tally
) -> list[RowOutcome]:
    outcomes: list[RowOutcome] = []
    for row in await tx.all(REPLACE_BATCH, source_id, said):
        index = chunk.indexes[row.place]
        if row.status == "created":
            tally.counts["created"] += 1
            outcomes += [flagged[index]] if index in flagged else []
        elif row.status == "replaced" and index in flagged:
            outcomes.append(msgspec.structs.replace(flagged[index], status="replaced"))
        else:
            outcomes.append(RowOutcome(index, row.status))
    return outcomes


async def sources_of(chunks: Iterable[Chunk]) -> list[UUID]:
    """The sources that rows name."""
    found: set[Any] = set()
    for chunk in chunks:
        found.update(row.source_id for row in chunk.rows)
        await asyncio.sleep(0)
    return sorted(found)
