"""Whole ranges read out: PostgreSQL writes the lines, this puts their times in order and hands them on."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Struct

from service.database import Database
from service.problems import Problem
from service.readings.parsing import CSV, NDJSON
from service.requests import Req
from service.sources.structs import QualityFlag
from service.sqlfile import Query, queries_beside
from service.streams import JSON_LINES, Sink, Streamed, json_rows, six_digits
from service.transaction import Transaction


class Exported(Struct, frozen=True):
    """A line of CSV; the columns in their order."""

    id: UUID
    timestamp: datetime
    value: float
    quality_flag: QualityFlag
    notes: str | None


class Form(NamedTuple):
    """How a media type is written: what COPY is told, how its lines are finished, the queries by their order."""

    copy: Mapping[str, Any]
    finish: Callable[[bytes], bytes]
    suffix: str
    queries: Mapping[str, Query[Any]]


# PostgreSQL writes 2026-01-01 00:00:00.5+00 in half the time that to_char takes for 2026-01-01T00:00:00.500000Z, which
# was two fifths of an export. So the lines are finished here, while PostgreSQL makes the next ones: all at once where
# they hold nothing that might look like a time, else row by row.
_FRACTION = re.compile(rb"\.\d+\+00,")
_CSV_ROW = re.compile(
    rb"([0-9a-f-]{36},[0-9-]{10}) ([0-9:]{8})(\.\d+)?\+00"
    rb'(,[^,\n]*+,[a-z]*+,(?:"[^"]*+(?:""[^"]*+)*+")?\n)'
)


def csv_rows(rows: bytes) -> bytes:
    """Whole rows of CSV, notes alone in quotes, with times as RFC 3339 has them: six digits of fraction or none."""
    if b'"' in rows or _FRACTION.search(rows):
        return _CSV_ROW.sub(lambda row: b"%bT%b%bZ%b" % (row[1], row[2], six_digits(row[3]), row[4]), rows)
    return rows.replace(b" ", b"T").replace(b"+00,", b"Z,")


_bind = queries_beside(__file__, "export.sql")
EXPORT_READINGS = _bind("export_readings", str)
EXPORTS = [EXPORT_READINGS]
FORMS: Mapping[str, Form] = {
    CSV: Form(
        {"format": "csv", "header": True, "force_quote": ["notes"]},
        csv_rows,
        "csv",
        {
            "desc": _bind("export_csv_newest_first", Exported),
            "asc": _bind("export_csv_oldest_first", Exported),
        },
    ),
    NDJSON: Form(
        JSON_LINES,
        json_rows,
        "ndjson",
        {
            "desc": _bind("export_ndjson_newest_first", str),
            "asc": _bind("export_ndjson_oldest_first", str),
        },
    ),
}


def refuse_pages(request: Req) -> None:
    """Refuse what cuts a list into pages (400): an export is whole."""
    for name in ("limit", "cursor"):
        if name in request.query_params:
            raise Problem.at(f"?{name}", "What is read out whole has no pages; `from` and `to` bound it.", "unreadable")


def export(
    request: Req,
    tx: Transaction,
    media_type: str,
    source_id: UUID,
    since: datetime | None,
    until: datetime | None,
    order: str,
    quality: QualityFlag | None,
) -> Streamed:
    """The readings of a range as CSV or NDJSON, of whatever length, in constant memory.

    In a transaction of its own: the request's ends before its answer begins.
    """
    database: Database = request.app.state.database
    form = FORMS[media_type]

    async def write(sink: Sink) -> None:
        async def finish(rows: bytes) -> None:
            await sink(form.finish(rows))

        async with database.export(tx.caller, [source_id]) as own:
            asked = (source_id, since, until, quality)
            await own.copy(form.queries[order], *asked, sink=finish, form=form.copy)

    name = f'attachment; filename="readings-{source_id}.{form.suffix}"'
    return Streamed(write, media_type, headers={"Content-Disposition": name})
