"""CSV becomes chunks of rows: columns named by its header, each wrong row named in the words of its column."""

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any, BinaryIO

import msgspec

from service.problems import Problem
from service.readings.parsing import CHUNK_ROWS, decoder, lines_of
from service.readings.rows import Chunk, Row, checked, wrong_type
from service.readings.structs import LogReadingOf, RowOutcome

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)


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
    parts = lines_of(file)
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
        rows = decoder(row).decode_lines(text)
    except (msgspec.MsgspecError, TypeError, IndexError, ValueError):
        return None
    return checked(rows, range(index, index + len(rows)), []) if len(rows) == len(lines) else None


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
            wrong.append(_wrong_cell(wrong_type(number, error, row), told, columns, header))
    return checked(rows, indexes, wrong)


def _wrong_cell(
    outcome: RowOutcome, told: dict[str, str], columns: list[tuple[int, str]], header: list[str]
) -> RowOutcome:
    """What is wrong with a row, in the words of its column."""
    field = (outcome.pointer or "").removeprefix("/")
    place = next(place for place, each in columns if each == field)
    if outcome.rule == "required":
        return msgspec.structs.replace(outcome, detail=f"The {header[place]} is missing.")
    detail = _WRONG_CELLS[field].format(header[place], told[field].strip()[:40])
    return msgspec.structs.replace(outcome, detail=detail)
