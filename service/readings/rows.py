"""Rows of readings as they come: what a type cannot say of them, and what is wrong with one."""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec

from service.problems import wrong_value
from service.readings.structs import LogReading, LogReadingOf, RowOutcome

Row = TypeVar("Row", LogReading, LogReadingOf)

METADATA_LENGTH = 10_000
DEPTH = 32
FIRST = datetime(1970, 1, 1, tzinfo=UTC)
AHEAD = timedelta(hours=24)


class Chunk(msgspec.Struct):
    """Some rows of a batch: those that can be stored with their indexes, and what is wrong with the others."""

    rows: list[Any]
    indexes: list[int]
    wrong: list[RowOutcome]


def checked(rows: list[Any], indexes: Sequence[int], wrong: list[RowOutcome]) -> Chunk:
    """Sort out what a type cannot say: a missing or impossible time, NUL, metadata that is too long."""
    latest = datetime.now(UTC) + AHEAD
    if _are_plain(rows, latest):
        return Chunk(rows, list(indexes), wrong)
    kept: list[Any] = []
    places: list[int] = []
    for index, row in zip(indexes, rows, strict=True):
        outcome = wrong_row(index, row, latest)
        if outcome is None:
            kept.append(row)
            places.append(index)
        else:
            wrong.append(outcome)
    wrong.sort(key=lambda outcome: outcome.index)
    return Chunk(kept, places, wrong)


def _are_plain(rows: list[Any], latest: datetime) -> bool:
    """Whether nothing can be wrong with any of the rows: much quicker than asking each."""
    times = [row.timestamp for row in rows]
    return not rows or (
        None not in times
        and min(times) >= FIRST
        and max(times) < latest
        and not any(row.metadata or (row.notes and not _is_plain(row.notes)) for row in rows)
        and all(map(math.isfinite, [row.value for row in rows]))
    )


def _is_plain(text: str) -> bool:
    return text.isascii() and "\0" not in text


def wrong_row(index: int, row: LogReading, latest: datetime, *, needs_time: bool = True) -> RowOutcome | None:
    """What is wrong with a row of the right types, None if nothing is."""
    if row.timestamp is None and needs_time:
        detail = "A reading in a batch needs its timestamp."
        return RowOutcome(index, "rejected", "/timestamp", "required", detail)
    if row.timestamp is not None and not FIRST <= row.timestamp < latest:
        detail = "A reading's time lies between 1970 and 24 hours from now."
        return RowOutcome(index, "rejected", "/timestamp", "range", detail)
    if not math.isfinite(row.value):
        return RowOutcome(index, "rejected", "/value", "finite", "A value is a finite number.")
    for pointer, flaw in flaws(row.notes, row.metadata):
        return RowOutcome(index, "rejected", pointer, *flaw)
    return None


def flaws(notes: Any, metadata: Any) -> Iterator[tuple[str, tuple[str, str]]]:
    """What is wrong with the free parts of a reading: a pointer, and the rule and sentence."""
    for pointer, value in (("/notes", notes), ("/metadata", metadata)):
        if isinstance(value, str | dict) and (flaw := _flaw(value, DEPTH)):
            yield pointer, flaw
    if isinstance(metadata, dict) and len(msgspec.json.encode(metadata).decode()) > METADATA_LENGTH:
        yield "/metadata", ("length", "Metadata is an object of at most 10,000 characters.")


def _flaw(value: Any, levels: int) -> tuple[str, str] | None:
    if levels == 0:
        return "depth", f"Metadata is nested at most {DEPTH} deep."
    if isinstance(value, str):
        if "\0" in value:
            return "nul", "A text may not hold the character NUL."
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            return "surrogate", "A text may not hold half a surrogate pair."
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return "finite", "A number in metadata is finite."
    inside = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next(filter(None, (_flaw(item, levels - 1) for item in inside)), None)


def wrong_type(index: int, error: msgspec.ValidationError, row: type[Row]) -> RowOutcome:
    """What msgspec says of a row whose types are wrong."""
    said, wrong = str(error), wrong_value(error, row)
    rule = "required" if "missing required" in said else "unknown" if "unknown field" in said else "type"
    return RowOutcome(index, "rejected", wrong.pointer, rule, wrong.detail)
