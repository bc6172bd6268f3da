"""Storing a body of line protocol: its series found or made, its numbers through the one way in that readings have."""

import asyncio
import codecs
from collections.abc import AsyncIterable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

from service.database import Database
from service.identity import Caller
from service.line_protocol.parsing import Flaw, Point, Series, points
from service.line_protocol.structs import MappedSeries
from service.observing import INGESTED, OUTCOMES
from service.problems import Problem
from service.readings.ingest import store
from service.readings.parsing import CHUNK_ROWS, spool
from service.readings.rows import AHEAD, Chunk, wrong_row
from service.readings.structs import BatchOutcome, LogReadingOf, RowOutcome
from service.sqlfile import queries_beside
from service.transaction import Transaction

_bind = queries_beside(__file__)
FIND_MAPPED_SERIES = _bind("find_mapped_series", MappedSeries)
MAKE_SOURCES_OF_LINES = _bind("make_sources_of_lines", MappedSeries)

BODY_BYTES = 10 * 1024 * 1024
MOST_SERIES = 10_000
MOST_MADE = 1000
SHOWN = 10
"""How many wrong lines an answer names."""
PART = 5000
"""How many points are parsed before others get a turn."""

_NO_SOURCE = (
    "Its series is mapped to no source and none is made: the token is bound to sources, or "
    f"{MOST_MADE:,} have been made already."
)


async def write_lines(
    database: Database, caller: Caller, body: AsyncIterable[bytes], encoding: str | None, precision: str
) -> str | None:
    """Store what can be stored of a body: what was wrong with the rest, None if nothing was.

    Of one series the last value at a time wins, as in InfluxDB, so that what is sent again arrives once.
    """
    async with database.transaction(caller, [], read_only=True):
        # Who may not write is told before ten megabytes are taken in.
        pass
    found, flaws = await _parsed(await _text(body, encoding), precision)
    series = {point.series.text: point.series for point in found}
    if len(series) > MOST_SERIES:
        raise Problem("too_large", f"A write has at most {MOST_SERIES:,} series; send the rest in another.")
    async with database.transaction(caller, []) as tx:
        sources = await _sources_of(tx, series)
    named = sorted({source for source in sources.values() if source is not None})
    async with database.transaction(caller, named, turn=True) as tx:
        outcome = await store(tx, None, named, _chunks(found, flaws, sources), atomic=False, replace=True)
    for name in OUTCOMES:
        INGESTED.labels(name).inc(getattr(outcome, name))
    return _told(outcome)


async def _text(body: AsyncIterable[bytes], encoding: str | None) -> str:
    with await spool(body, encoding) as file:
        content = file.read(BODY_BYTES + 1)
    if len(content) > BODY_BYTES:
        raise Problem("too_large", "A write has at most 10 MiB after gunzip; send the rest in another.")
    # What is no UTF-8 becomes surrogates, which no line may hold: it costs its own line alone.
    # A mark of the byte order, as editors on Windows write it, would be part of the first measurement's name.
    return content.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")


async def _parsed(text: str, precision: str) -> tuple[list[Point], list[Flaw]]:
    found: list[Point] = []
    flaws: list[Flaw] = []
    every = points(text, precision, datetime.now(UTC))
    while part := list(islice(every, PART)):
        for each in part:
            if isinstance(each, Point):
                found.append(each)
            else:
                flaws.append(each)
        await asyncio.sleep(0)
    return found, flaws


async def _sources_of(tx: Transaction, series: dict[str, Series]) -> dict[str, UUID | None]:
    """The source of each series, None for one that is not kept; a series without any is left out."""
    mapped = {row.series: row.source_id for row in await tx.all(FIND_MAPPED_SERIES, list(series))}
    if missing := [series[text] for text in series if text not in mapped]:
        wanted = [_source_for(each) for each in missing]
        mapped |= {row.series: row.source_id for row in await tx.all(MAKE_SOURCES_OF_LINES, wanted, MOST_MADE)}
    return mapped


def _source_for(series: Series) -> dict[str, str]:
    unit = (series.unit or "").strip()
    return {
        "series": series.text,
        "name": series.text.strip()[:100],
        "source_type": series.measurement.strip()[:50],
        "unit": unit if 0 < len(unit) <= 20 else "1",
    }


def _chunks(found: Iterable[Point], flaws: list[Flaw], sources: dict[str, UUID | None]) -> Iterator[Chunk]:
    """The readings of the points, by the numbers of their lines, and what is wrong with the others."""
    latest = datetime.now(UTC) + AHEAD
    yield Chunk([], [], [RowOutcome(line, "rejected", "", "readable", detail) for line, detail in flaws])
    every = iter(found)
    while part := list(islice(every, CHUNK_ROWS)):
        chunk = Chunk([], [], [])
        for point in part:
            source = sources.get(point.series.text, ...)
            if source is ...:
                chunk.wrong.append(RowOutcome(point.line, "rejected", "", "no_source", _NO_SOURCE))
            elif source is not None:
                row = LogReadingOf(source_id=source, value=point.value, timestamp=point.at)
                if (wrong := wrong_row(point.line, row, latest)) is not None:
                    chunk.wrong.append(wrong)
                else:
                    chunk.rows.append(row)
                    chunk.indexes.append(point.line)
        yield chunk


def _told(outcome: BatchOutcome) -> str | None:
    if not outcome.rejected:
        return None
    wrong = [each for each in outcome.results if each.status == "rejected"]
    shown = "; ".join(f"line {each.index}: {(each.detail or '').removesuffix('.')}" for each in wrong[:SHOWN])
    return f"partial write: {shown}{'; …' if len(wrong) > SHOWN else ''} dropped={outcome.rejected}"
