"""Bodies of many readings: JSON array, NDJSON and CSV become chunks of rows, each wrong row named.

A body is read into a file first and parsed in chunks, so that a slow client holds no transaction and a million rows
take the memory of one chunk.
"""

import csv
import json
import math
import re
import zlib
from collections.abc import AsyncIterable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, TypeVar, cast

import msgspec

from service.problems import Problem
from service.readings.structs import LogReading, LogReadingOf, RowOutcome

Row = TypeVar("Row", LogReading, LogReadingOf)

CHUNK_ROWS = 10_000
BODY_BYTES = 256 * 1024 * 1024
JSON_BYTES = 16 * 1024 * 1024
"""JSON is decoded whole; longer bodies are sent as NDJSON or CSV."""
IN_MEMORY = 1024 * 1024
PART_BYTES = 64 * 1024
LINE_BYTES = 256 * 1024
MOST_ROWS = 2_000_000
METADATA_LENGTH = 10_000
DEPTH = 32
FIRST = datetime(1970, 1, 1, tzinfo=UTC)
AHEAD = timedelta(hours=24)

JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv"
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)
_AT = re.compile(r" - at `\$(.*)`$")
_FIELD = re.compile(r"^Object (?:missing required|contains unknown) field `(.*?)`")


class Chunk(msgspec.Struct):
    """Some rows of a batch: those that can be stored with their indexes, and what is wrong with the others."""

    rows: list[Any]
    indexes: list[int]
    wrong: list[RowOutcome]


async def spool(body: AsyncIterable[bytes], encoding: str | None) -> BinaryIO:
    """The body in a file, gunzipped; 413 past 256 MiB, counted after gunzip, 400 for broken gzip."""
    coding = (encoding or "identity").strip().lower()
    if coding not in {"identity", "gzip"}:
        raise Problem("unsupported_media_type", "A body may be sent with Content-Encoding gzip, or with none.")
    file = cast(BinaryIO, SpooledTemporaryFile(max_size=IN_MEMORY))  # noqa: SIM115 - closed by the caller
    gunzip = _Gunzip() if coding == "gzip" else None
    size = 0
    async for piece in body:
        for part in gunzip.parts(piece) if gunzip else (piece,):
            size += len(part)
            if size > BODY_BYTES:
                raise Problem("too_large", "A batch has at most 256 MiB.")
            file.write(part)
    if gunzip and not gunzip.is_whole:
        raise Problem("unreadable", "The gzip body ends too early.")
    file.seek(0)
    return file


class _Gunzip:
    """Gunzips piece by piece, so that a bomb is noticed before it fills the memory; members may follow each other."""

    def __init__(self) -> None:
        self._member: Any = None
        self.is_whole = False

    def parts(self, piece: bytes) -> Iterator[bytes]:
        try:
            while piece:
                if self._member is None:
                    self._member = zlib.decompressobj(wbits=31)
                yield self._member.decompress(piece, PART_BYTES)
                self.is_whole = self._member.eof
                piece = self._member.unused_data if self.is_whole else self._member.unconsumed_tail
                if self.is_whole:
                    self._member = None
        except zlib.error:
            raise Problem("unreadable", "The body is no valid gzip.") from None


def json_chunks(body: bytes, row: type[Row]) -> Iterator[Chunk]:
    """The rows of a JSON array; 400 if it is none."""
    try:
        rows: list[Any] = msgspec.json.decode(body, type=list[row])  # type: ignore[valid-type]
    except msgspec.ValidationError:
        # Once more, row by row, to name all that are wrong.
        yield from _json_rows(body, row)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem("unreadable", f"The body is no valid JSON: {error}.") from None
    else:
        yield _checked(rows, range(len(rows)), [])


def _json_rows(body: bytes, row: type[Row]) -> Iterator[Chunk]:
    try:
        elements = enumerate(_elements(body.decode()))
        while part := list(islice(elements, CHUNK_ROWS)):
            yield _rows_of(part, partial(msgspec.convert, type=row))
    except (ValueError, RecursionError) as error:
        raise Problem("unreadable", f"The body is no valid JSON: {error}.") from None


def _elements(text: str) -> Iterator[Any]:
    """The elements of a JSON array one after the other: a list of them all could take a hundred times its text."""
    decode = json.JSONDecoder().raw_decode

    def skip(at: int) -> int:
        while text[at : at + 1] in {" ", "\t", "\r", "\n"}:
            at += 1
        return at

    at = skip(0)
    if text[at : at + 1] != "[":
        raise ValueError("a batch is an array")
    at = skip(at + 1)
    more = text[at : at + 1] != "]"
    while more:
        element, at = decode(text, at)
        yield element
        at = skip(at)
        more = text[at : at + 1] == ","
        if more:
            at = skip(at + 1)
        elif text[at : at + 1] != "]":
            raise ValueError(f"expected , or ] at character {at}")
    if skip(at + 1) != len(text):
        raise ValueError("something follows the array")


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a body; 413 for one that is too long to be a row, and for too many."""
    for _ in range(MOST_ROWS + 1):
        line = file.readline(LINE_BYTES + 1)
        if not line:
            return
        if len(line) > LINE_BYTES:
            raise Problem("too_large", "A line has at most 256 KiB.")
        yield line
    raise Problem("too_large", f"A batch has at most {MOST_ROWS:,} rows; send the rest in another.")


def ndjson_chunks(file: BinaryIO, row: type[Row]) -> Iterator[Chunk]:
    """The rows of a body with one JSON object a line; blank lines are skipped."""
    lines = _lines(file)
    index = 0
    decode = msgspec.json.Decoder(row).decode
    while part := list(islice(lines, CHUNK_ROWS)):
        rows = list(enumerate((line for line in part if line.strip()), index))
        index += len(rows)
        yield _rows_of(rows, decode)


def csv_chunks(file: BinaryIO, row: type[Row], timestamp_column: str, value_column: str) -> Iterator[Chunk]:
    """The rows of a CSV body, its columns named by its header; 422 for a missing column, 400 for broken CSV."""
    text = (line.decode("utf-8-sig" if first else "utf-8") for first, line in _told_first(_lines(file)))
    reader = csv.reader(text, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        columns, width = _csv_columns(header, row, timestamp_column, value_column), len(header)
        index = 0
        while part := list(islice(reader, CHUNK_ROWS)):
            rows = list(enumerate((cells for cells in part if cells), index))
            index += len(rows)
            yield _csv_rows(rows, columns, width, row)
    except UnicodeDecodeError:
        raise Problem("unreadable", "The body is not valid UTF-8.") from None
    except csv.Error as error:
        raise Problem("unreadable", f"The body is no valid CSV: line {reader.line_num}: {error}.") from None


def _told_first(lines: Iterator[bytes]) -> Iterator[tuple[bool, bytes]]:
    return ((number == 0, line) for number, line in enumerate(lines))


def _csv_columns(header: list[str], row: type[Row], timestamp_column: str, value_column: str) -> list[tuple[int, str]]:
    """Which column is which field; 422 for a missing one."""
    if not header:
        raise Problem("unreadable", "The CSV is empty; it must begin with a header.")
    names = {timestamp_column: "timestamp", value_column: "value"}
    names |= {name: name for name in ("id", "quality_flag", "notes") if name not in names}
    required = {timestamp_column: "timestamp_column", value_column: "value_column"}
    if row is LogReadingOf:
        names["source_id"], required["source_id"] = "source_id", "source_id"
    for column, parameter in required.items():
        if header.count(column) != 1:
            raise Problem.at(f"?{parameter}", f"The CSV must have one column {column}; it has: {', '.join(header)}.")
    return [(header.index(name), field) for name, field in names.items() if name in header]


def _csv_rows(part: list[tuple[int, list[str]]], columns: list[tuple[int, str]], width: int, row: type[Row]) -> Chunk:
    rows: list[Any] = []
    indexes: list[int] = []
    wrong: list[RowOutcome] = []
    for index, cells in part:
        if len(cells) > width:
            # A decimal comma that is not quoted makes two cells, and the first of them a wrong value.
            detail = f"This row has {len(cells)} cells and the header {width}."
            wrong.append(RowOutcome(index, "rejected", "", "cells", detail))
            continue
        fields: dict[str, Any] = {}
        for place, field in columns:
            cell = cells[place].strip() if place < len(cells) else ""
            if cell:
                fields[field] = cell
        value = fields.get("value")
        if value is not None and _NUMBER.match(value):
            fields["value"] = float(value)
        try:
            rows.append(msgspec.convert(fields, row))
            indexes.append(index)
        except msgspec.ValidationError as error:
            wrong.append(_wrong(index, error))
    return _checked(rows, indexes, wrong)


def _rows_of(part: Any, decode: Callable[[Any], Row]) -> Chunk:
    rows: list[Any] = []
    indexes: list[int] = []
    wrong: list[RowOutcome] = []
    for index, raw in part:
        try:
            rows.append(decode(raw))
            indexes.append(index)
        except msgspec.ValidationError as error:
            wrong.append(_wrong(index, error))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            wrong.append(RowOutcome(index, "rejected", "", "readable", f"This is no valid JSON: {error}."))
    return _checked(rows, indexes, wrong)


def _checked(rows: list[Any], indexes: Any, wrong: list[RowOutcome]) -> Chunk:
    """Sort out what a type cannot say: a missing or impossible time, NUL, metadata that is too long."""
    latest = datetime.now(UTC) + AHEAD
    if all(
        row.timestamp is not None
        and FIRST <= row.timestamp < latest
        and row.notes is None
        and row.metadata is None
        and math.isfinite(row.value)
        for row in rows
    ):
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
    inside = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next(filter(None, (_flaw(item, levels - 1) for item in inside)), None)


def _wrong(index: int, error: msgspec.ValidationError) -> RowOutcome:
    said = str(error)
    path = match[1] if (match := _AT.search(said)) else ""
    pointer = "".join(f"/{part}" for part in re.findall(r"[^.\[\]]+", path))
    if field := _FIELD.match(said):
        pointer += f"/{field[1]}"
    rule = "required" if "missing required" in said else "unknown" if "unknown field" in said else "type"
    return RowOutcome(index, "rejected", pointer, rule, _AT.sub("", said).replace("`", "") + ".")
