"""Bodies of many readings: JSON array, NDJSON and CSV become chunks of rows, each wrong row named.

A body is read into a file first and parsed in chunks, so that a slow client holds no transaction and a million rows
take the memory of one chunk.
"""

import csv
import json
import math
import re
import zlib
from collections.abc import AsyncIterable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from itertools import chain, islice
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, TypeVar, cast

import msgspec

from service.problems import Problem
from service.readings.structs import LogReading, LogReadingOf, RowOutcome

Row = TypeVar("Row", LogReading, LogReadingOf)

CHUNK_ROWS = 10_000
BODY_BYTES = 256 * 1024 * 1024
JSON_BYTES = 16 * 1024 * 1024
"""A JSON array is held whole while it is decoded; longer bodies are sent as NDJSON or CSV."""
IN_MEMORY = 1024 * 1024
PART_BYTES = 64 * 1024
PIECE_BYTES = 1024 * 1024
"""How much of a JSON array is decoded at once: some 10,000 rows."""
LINE_BYTES = 256 * 1024
MOST_ROWS = 2_000_000
METADATA_LENGTH = 10_000
DEPTH = 32
FIRST = datetime(1970, 1, 1, tzinfo=UTC)
AHEAD = timedelta(hours=24)

JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv"
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)
_JSON_SPACE = b" \t\r\n"
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
        # Of nothing at all nothing is missing; clients call an empty body gzip, too.
        self.is_whole = True

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
    # Pieces that end where an object of the array seems to end are decoded as arrays of their own. One that decodes to
    # rows was cut well, for up to there the array says the same; for all that is not the slow way takes over.
    decode = msgspec.json.Decoder(list[row]).decode  # type: ignore[valid-type]
    index, at, end = 0, body.find(b"[") + 1, len(body.rstrip(_JSON_SPACE)) - 1
    is_array = not body[: at - 1].strip(_JSON_SPACE) and body[end:].startswith(b"]")
    while is_array and at < end:
        cut = body.rfind(b"},", at, at + PIECE_BYTES) + 1 if end - at > PIECE_BYTES else end
        try:
            rows: list[Any] = decode(b"[%b]" % body[at : cut or at])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            break
        if not rows:
            break
        yield _checked(rows, range(index, index + len(rows)), [])
        index, at = index + len(rows), cut + 1
    if not is_array or at < end or index == 0:
        yield from _json_rows(body, row, index)


def _json_rows(body: bytes, row: type[Row], begin: int) -> Iterator[Chunk]:
    """The rows from the one with the index `begin` on, one by one, to name all that are wrong."""
    try:
        elements = islice(enumerate(_elements(body.decode())), begin, None)
        while part := list(islice(elements, CHUNK_ROWS)):
            yield _rows_of(part, partial(msgspec.convert, type=row))
    except (ValueError, RecursionError) as error:
        raise Problem("unreadable", f"The body is no valid JSON: {error}.") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _elements(text: str) -> Iterator[Any]:
    """The elements of a JSON array one after the other: a list of them all could take a hundred times its text."""
    decode = json.JSONDecoder(parse_constant=_refuse_constant).raw_decode

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


def _lines(file: BinaryIO) -> Iterator[list[bytes]]:
    """The lines of a body, some thousands at a time; 413 for one that is too long to be a row, and for too many."""
    lines: list[bytes] = []
    seen, tail, piece = 0, b"", file.read(PART_BYTES)
    while piece:
        lines += (tail + piece).split(b"\n")
        tail, piece = lines.pop(), file.read(PART_BYTES)
        if not piece and tail:
            lines.append(tail)
        if max(map(len, lines), default=0) > LINE_BYTES or len(tail) > LINE_BYTES:
            raise Problem("too_large", "A line has at most 256 KiB.")
        if seen + len(lines) > MOST_ROWS:
            raise Problem("too_large", f"A batch has at most {MOST_ROWS:,} rows; send the rest in another.")
        if len(lines) >= CHUNK_ROWS or not piece:
            yield lines[:CHUNK_ROWS]
            seen += CHUNK_ROWS
            del lines[:CHUNK_ROWS]
    if lines:
        yield lines


@cache
def _decoder(row: type[Row]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(row)


def ndjson_chunks(file: BinaryIO, row: type[Row]) -> Iterator[Chunk]:
    """The rows of a body with one JSON object a line; blank lines are skipped."""
    index = 0
    decode = _decoder(row).decode
    for part in _lines(file):
        lines = [line for line in part if line and not line.isspace()]
        yield _rows_of(enumerate(lines, index), decode)
        index += len(lines)


def csv_chunks(file: BinaryIO, row: type[Row], timestamp_column: str, value_column: str) -> Iterator[Chunk]:
    """The rows of a CSV body, its columns named by its header; 422 for a missing column, 400 for broken CSV."""
    parts = _csv_parts(file)
    first = next(parts, [])
    header = [name.strip() for name in _cells(first[0])] if first else []
    columns = _csv_columns(header, row, timestamp_column, value_column)
    index = 0
    for part in chain([first[1:]], parts):
        if lines := [line for line in part if line]:
            yield _csv_at_once(lines, index, columns, header, row) or _csv_rows(lines, index, columns, header, row)
            index += len(lines)


Line = str | list[str]
"""A row of CSV: the line itself where it holds no quote, else its cells."""


def _cells(line: Line) -> list[str]:
    return line.split(",") if isinstance(line, str) else line


def _csv_parts(file: BinaryIO) -> Iterator[Sequence[Line]]:
    """The rows of a CSV body, some thousands at a time; 400 for what is none."""
    seen = 0
    parts = _lines(file)
    try:
        for lines in parts:
            text = b"\n".join([*lines, b""]).decode("utf-8" if seen else "utf-8-sig")
            plain = text.replace("\r\n", "\n")
            if '"' in text or "\r" in plain:
                # From here on a cell may hold anything, line breaks too.
                yield from _quoted_parts(text, parts, seen)
                return
            yield plain.split("\n")[:-1]
            seen += len(lines)
    except UnicodeDecodeError:
        raise Problem("unreadable", "The body is not valid UTF-8.") from None


def _quoted_parts(text: str, parts: Iterator[list[bytes]], seen: int) -> Iterator[list[list[str]]]:
    def lines() -> Iterator[str]:
        yield from (f"{line}\n" for line in text.split("\n")[:-1])
        for part in parts:
            yield from (f"{line.decode()}\n" for line in part)

    reader = csv.reader(lines(), strict=True)
    try:
        while part := list(islice(reader, CHUNK_ROWS)):
            yield part
    except csv.Error as error:
        line = seen + reader.line_num
        raise Problem("unreadable", f"The body is no valid CSV: line {line}: {error}.") from None


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


def _csv_at_once(
    lines: Sequence[Line], index: int, columns: list[tuple[int, str]], header: list[str], row: type[Row]
) -> Chunk | None:
    """The rows of lines that are all as they should be, None if any is not.

    Written as JSON and decoded as that: a third of the time that converting cell by cell takes.
    """
    form = _json_form(dict(columns), len(header))
    try:
        if isinstance(lines[0], str):
            text = "\n".join([form % tuple(_cells(line)) for line in lines])
            # A backslash would escape what follows; a note that is blank is none.
            if "\\" in text or '"notes":" ' in text:
                return None
        else:
            text = "\n".join([form % cells for cells in _fit_for_json(lines, columns)])
        for cell, meant in _MEANT:
            text = text.replace(cell, meant)
        rows = _decoder(row).decode_lines(text)
    except (msgspec.MsgspecError, TypeError, IndexError, ValueError):
        return None
    return _checked(rows, range(index, index + len(rows)), []) if len(rows) == len(lines) else None


# An empty cell means what an absent field means; and JSON's -0 is an integer, which has no sign to keep.
_MEANT = (
    ('"id":""', '"id":null'),
    ('"notes":""', '"notes":null'),
    ('"quality_flag":""', '"quality_flag":"good"'),
    ('"value":-0,', '"value":-0.0,'),
    ('"value":-0}', '"value":-0.0}'),
)


def _json_form(names: dict[int, str], width: int) -> str:
    """What makes a row's cells a JSON object; `%.0s` says nothing of a cell that is not wanted."""
    form = ""
    for place in range(width):
        if field := names.get(place):
            comma = "," if ":" in form else ""
            form += f'{comma}"{field}":' + ("%s" if field == "value" else '"%s"')
        else:
            form += "%.0s"
    return f"{{{form}}}"


def _fit_for_json(lines: Sequence[Line], columns: list[tuple[int, str]]) -> Iterator[tuple[str, ...]]:
    """The cells of lines with quotes, notes as JSON has them in its own; ValueError for another that needs that too."""
    notes = None
    for place, field in columns:
        text = "".join([line[place] for line in lines])
        if field == "notes":
            notes = place
        elif '"' in text or "\\" in text:
            raise ValueError(f"a quote or backslash in {field}")
    for cells in lines:
        if notes is None:
            yield tuple(cells)
        else:
            note = "" if cells[notes].isspace() else msgspec.json.encode(cells[notes]).decode()[1:-1]
            yield (*cells[:notes], note, *cells[notes + 1 :])


# What to say of a cell that is wrong, by its column's name and what it holds.
_WRONG_CELLS = {
    "timestamp": "The {} {} is no time with a zone, such as 2026-03-01T07:00:00Z.",
    "value": "The {} {} is no number.",
    "id": "The {} {} is no UUID.",
    "source_id": "The {} {} is no UUID.",
    "quality_flag": "The {} {} is none of good, questionable, bad, estimated.",
    "notes": "The {} have more than 10,000 characters.",
}


def _note(cell: str) -> str | None:
    """A note is kept as it was written, so that what is read out can be logged again; a blank one is none."""
    return None if not cell or cell.isspace() else cell


def _csv_rows(
    lines: Sequence[Line], index: int, columns: list[tuple[int, str]], header: list[str], row: type[Row]
) -> Chunk:
    rows: list[Any] = []
    indexes: list[int] = []
    wrong: list[RowOutcome] = []
    for number, cells in enumerate(map(_cells, lines), index):
        if len(cells) > len(header):
            # A decimal comma that is not quoted makes two cells, and the first of them a wrong value.
            detail = f"This row has {len(cells)} cells and the header {len(header)}."
            wrong.append(RowOutcome(number, "rejected", "", "cells", detail))
            continue
        told = {field: cells[place] for place, field in columns if place < len(cells)}
        fields: dict[str, Any] = {field: cell.strip() for field, cell in told.items() if _note(cell)}
        if "notes" in fields:
            fields["notes"] = told["notes"]
        if _NUMBER.match(fields.get("value", "")):
            fields["value"] = float(fields["value"])
        try:
            rows.append(msgspec.convert(fields, row))
            indexes.append(number)
        except msgspec.ValidationError as error:
            wrong.append(_wrong_cell(number, error, told, columns, header))
    return _checked(rows, indexes, wrong)


def _wrong_cell(
    index: int, error: msgspec.ValidationError, told: dict[str, str], columns: list[tuple[int, str]], header: list[str]
) -> RowOutcome:
    """What is wrong with a row, in the words of its column."""
    outcome = _wrong(index, error)
    field = (outcome.pointer or "").removeprefix("/")
    place = next(place for place, each in columns if each == field)
    if outcome.rule == "required":
        return RowOutcome(index, "rejected", outcome.pointer, "required", f"The {header[place]} is missing.")
    detail = _WRONG_CELLS[field].format(header[place], told[field].strip()[:40])
    return RowOutcome(index, "rejected", outcome.pointer, "type", detail)


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


def _checked(rows: list[Any], indexes: Sequence[int], wrong: list[RowOutcome]) -> Chunk:
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


def _wrong(index: int, error: msgspec.ValidationError) -> RowOutcome:
    said = str(error)
    path = match[1] if (match := _AT.search(said)) else ""
    pointer = "".join(f"/{part}" for part in re.findall(r"[^.\[\]]+", path))
    if field := _FIELD.match(said):
        pointer += f"/{field[1]}"
    rule = "required" if "missing required" in said else "unknown" if "unknown field" in said else "type"
    return RowOutcome(index, "rejected", pointer, rule, _AT.sub("", said).replace("`", "") + ".")
