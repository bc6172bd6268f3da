"""/v1/sources/{source_id}/readings, /v1/readings."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, BinaryIO, Literal
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, Operation, Reference, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from service.answers import (
    Cursor,
    From,
    Limit,
    Page,
    To,
    created,
    decode_cursor,
    found,
    page,
    preferred,
    refuse_instant,
    refuse_range,
)
from service.bodies import decode, refuse_media_type
from service.observing import INGESTED, OUTCOMES
from service.problems import Problem
from service.readings.csv_parsing import csv_chunks
from service.readings.export import export, refuse_pages
from service.readings.ingest import log_one, sources_of, store
from service.readings.parsing import (
    BODY_BYTES,
    CSV,
    JSON,
    JSON_BYTES,
    JSON_SPACE,
    NDJSON,
    json_chunks,
    ndjson_chunks,
    spool,
)
from service.readings.rows import Chunk, Row, flaws
from service.readings.structs import (
    BatchOutcome,
    CorrectReading,
    Instant,
    LatestOfSource,
    LogReading,
    LogReadingOf,
    Reading,
)
from service.requests import DEVICES_READ, DEVICES_WRITE, PUBLIC, SPANS_ALL, TAKES_READINGS, Db, Req, Tx, signed_in
from service.sources.structs import QualityFlag
from service.sqlfile import queries_beside
from service.transaction import Transaction

_bind = queries_beside(__file__)
LISTS = {
    "desc": _bind("list_newest_first", Reading),
    "asc": _bind("list_oldest_first", Reading),
}
SOURCE_IS_VISIBLE = _bind("source_is_visible", bool)
GET_READING = _bind("get_reading", Reading)
FIND_READING = _bind("find_reading", Reading)
LIST_LATEST = _bind("list_latest", LatestOfSource)
CORRECT_READING = _bind("correct_reading", Reading)
DELETE_READING = _bind("delete_reading", UUID)

SMALL = 64 * 1024
"""A body up to here is read before the transaction begins; for a longer one access is asked for first."""

At = Annotated[
    datetime | None, QueryParameter(name="timestamp", description="The reading's time: makes this one probe.")
]
Mode = Literal["atomic", "partial"]
OnConflict = Literal["error", "replace"]


@dataclass
class LogOperation(Operation):
    """Describes the bodies that the ingest calls take, which Litestar cannot see in their signatures."""

    def __post_init__(self) -> None:
        """Name the media types."""
        rows = Schema(description="A reading, or an array of readings.", type=[OpenAPIType.OBJECT, OpenAPIType.ARRAY])
        lines = Schema(type=OpenAPIType.STRING)
        self.request_body = RequestBody(
            required=True,
            description="One reading, or a batch as JSON array, NDJSON or CSV; gzip is taken.",
            content={
                JSON: OpenAPIMediaType(schema=rows),
                NDJSON: OpenAPIMediaType(schema=lines),
                CSV: OpenAPIMediaType(schema=lines),
            },
        )
        reading, outcome = (Reference(ref=f"#/components/schemas/{name}") for name in ("Reading", "BatchOutcome"))
        new = OpenAPIResponse(
            description="A single reading that is new.", content={JSON: OpenAPIMediaType(schema=reading)}
        )
        said = OpenAPIResponse(
            description="A batch's outcome; or a single reading that was stored before, or replaced, or tried.",
            content={JSON: OpenAPIMediaType(schema=Schema(one_of=[reading, outcome]))},
        )
        self.responses = {**(self.responses or {}), "201": new, "200": said}


@dataclass
class ListOperation(Operation):
    """Describes the forms that a whole range comes in, which Litestar cannot see in the signature."""

    def __post_init__(self) -> None:
        """Name the media types."""
        said = (self.responses or {})["200"]
        if isinstance(said, OpenAPIResponse) and said.content is not None:
            said.description = "A page as JSON; the whole range, without pages, as NDJSON or CSV: `Accept` says which."
            line = Schema(type=OpenAPIType.STRING)
            said.content |= {NDJSON: OpenAPIMediaType(schema=line), CSV: OpenAPIMediaType(schema=line)}


@get(
    "/v1/sources/{source_id:uuid}/readings",
    operation_id="list_readings",
    operation_class=ListOperation,
    opt=PUBLIC | DEVICES_READ,
)
async def list_readings(
    request: Req,
    tx: Tx,
    source_id: FromPath[UUID],
    since: From = None,
    until: To = None,
    order: FromQuery[Literal["asc", "desc"]] = "desc",
    quality: FromQuery[QualityFlag | None] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Reading]:
    """Readings of a range, newest first unless `order=asc`; all at once where CSV or NDJSON is asked for."""
    refuse_range(since, until)
    media_type = preferred(request.headers.get("accept"), (JSON, CSV, NDJSON))
    if media_type != JSON:
        refuse_pages(request)
        await tx.one(SOURCE_IS_VISIBLE, source_id)
        tx.viewed = [source_id]
        return export(request, tx, media_type, source_id, since, until, order, quality)  # type: ignore[return-value]
    last = decode_cursor(f"readings {order}", cursor, Instant)
    rows = await tx.all(LISTS[order], source_id, since, until, quality, last, limit + 1)
    if not rows:
        await tx.one(SOURCE_IS_VISIBLE, source_id)
    tx.viewed = [source_id]
    return page(rows, limit, lambda reading: reading.timestamp, f"readings {order}")


@post(
    "/v1/sources/{source_id:uuid}/readings",
    operation_id="log_readings",
    operation_class=LogOperation,
    responses={200: ResponseSpec(BatchOutcome, generate_examples=False)},
    opt=DEVICES_WRITE | TAKES_READINGS,
    request_max_body_size=BODY_BYTES,
)
async def log_readings(
    request: Req,
    db: Db,
    source_id: FromPath[UUID],
    mode: FromQuery[Mode] = "atomic",
    dry_run: FromQuery[bool] = False,
    on_conflict: FromQuery[OnConflict] = "error",
    timestamp_column: FromQuery[str] = "timestamp",
    value_column: FromQuery[str] = "value",
) -> Response[Reading] | Response[BatchOutcome]:
    """Log one reading (a JSON object), or a batch (a JSON array, NDJSON or CSV) with an outcome for each row."""
    caller = signed_in(request)
    is_small = _is_small(request)
    if not is_small:
        async with db.transaction(caller, [source_id]) as tx:
            await store(tx, source_id, [source_id], (), atomic=True, replace=False)
    with await spool(request.stream(), request.headers.get("content-encoding")) as body:
        async with db.transaction(caller, [source_id], turn=not is_small) as tx:
            tx.discard = dry_run
            media_type = _media_type(request)
            if media_type == JSON and not _is_array(body):
                data: LogReading = decode(_at_once(body), LogReading)
                return await _log_one(request, tx, source_id, data, replace=on_conflict == "replace")
            outcome = await store(
                tx,
                source_id,
                [source_id],
                _chunks(body, media_type, LogReading, timestamp_column, value_column),
                atomic=mode == "atomic",
                replace=on_conflict == "replace",
            )
    return _told(outcome, stored=not dry_run)


@post(
    "/v1/readings",
    operation_id="log_readings_of_many",
    operation_class=LogOperation,
    responses={200: ResponseSpec(BatchOutcome, generate_examples=False)},
    opt=DEVICES_WRITE | TAKES_READINGS,
    request_max_body_size=BODY_BYTES,
)
async def log_readings_of_many(
    request: Req,
    db: Db,
    mode: FromQuery[Mode] = "atomic",
    dry_run: FromQuery[bool] = False,
    on_conflict: FromQuery[OnConflict] = "error",
    timestamp_column: FromQuery[str] = "timestamp",
    value_column: FromQuery[str] = "value",
) -> Response[Reading] | Response[BatchOutcome]:
    """Log one reading that names its source, as there; or a batch of such, where no access is a row's outcome."""
    caller = signed_in(request)
    async with db.transaction(caller, [], read_only=True):
        media_type = _media_type(request)
    with await spool(request.stream(), request.headers.get("content-encoding")) as body:
        if media_type == JSON and not _is_array(body):
            data: LogReadingOf = decode(_at_once(body), LogReadingOf)
            async with db.transaction(caller, [data.source_id]) as tx:
                tx.discard = dry_run
                return await _log_one(request, tx, data.source_id, data, replace=on_conflict == "replace")
        # Which sources a batch reaches must be known before its transaction begins, so it is read twice.
        sources = await sources_of(_chunks(body, media_type, LogReadingOf, timestamp_column, value_column))
        body.seek(0)
        async with db.transaction(caller, sources, turn=True) as tx:
            tx.discard = dry_run
            outcome = await store(
                tx,
                None,
                sources,
                _chunks(body, media_type, LogReadingOf, timestamp_column, value_column),
                atomic=mode == "atomic",
                replace=on_conflict == "replace",
            )
    return _told(outcome, stored=not dry_run)


@get("/v1/readings/latest", operation_id="list_latest", opt=SPANS_ALL | DEVICES_READ)
async def list_latest(tx: Tx, limit: Limit = 100, cursor: Cursor = None) -> Page[LatestOfSource]:
    """The newest reading of every source that the caller was granted."""
    rows = await tx.all(LIST_LATEST, decode_cursor("latest", cursor, UUID), limit + 1)
    return page(rows, limit, lambda row: row.source_id, "latest")


@get(
    "/v1/sources/{source_id:uuid}/readings/{reading_id:uuid}",
    operation_id="get_reading",
    opt=PUBLIC | DEVICES_READ,
)
async def get_reading(
    request: Req, tx: Tx, source_id: FromPath[UUID], reading_id: FromPath[UUID], at: At = None
) -> Response[Reading]:
    """One reading of a source."""
    refuse_instant("timestamp", at)
    asked = (GET_READING, source_id, reading_id, at) if at else (FIND_READING, source_id, reading_id)
    reading = await tx.one(*asked)
    tx.viewed = [source_id]
    return found(request, reading)


@patch("/v1/sources/{source_id:uuid}/readings/{reading_id:uuid}", operation_id="correct_reading")
async def correct_reading(
    request: Req,
    tx: Tx,
    source_id: FromPath[UUID],
    reading_id: FromPath[UUID],
    data: JSONBody[CorrectReading],
    at: At = None,
) -> Response[Reading]:
    """Correct what was sent; the audit keeps what it was."""
    refuse_instant("timestamp", at)
    for pointer, (_, sentence) in flaws(data.notes, data.metadata):
        raise Problem.at(pointer, sentence)
    fields = msgspec.to_builtins(data)
    return found(request, await tx.change(CORRECT_READING, source_id, reading_id, at, tx.if_match, fields))


@delete("/v1/sources/{source_id:uuid}/readings/{reading_id:uuid}", operation_id="delete_reading")
async def delete_reading(tx: Tx, source_id: FromPath[UUID], reading_id: FromPath[UUID], at: At = None) -> None:
    """Remove a reading; the audit keeps what it was."""
    refuse_instant("timestamp", at)
    await tx.change(DELETE_READING, source_id, reading_id, at, tx.if_match)


async def _log_one(
    request: Req, tx: Transaction, source_id: UUID, data: LogReading, *, replace: bool
) -> Response[Reading]:
    is_new, reading = await log_one(tx, source_id, data, replace=replace)
    is_stored = is_new and not tx.discard
    INGESTED.labels("created").inc(is_stored)
    return created(request, is_stored, reading, _location(reading))


def _told(outcome: BatchOutcome, *, stored: bool) -> Response[BatchOutcome]:
    # Counted here, where the transaction has been committed.
    for name in OUTCOMES:
        if stored:
            INGESTED.labels(name).inc(getattr(outcome, name))
    return Response(outcome, status_code=200)


def _is_small(request: Req) -> bool:
    length = request.headers.get("content-length", "")
    return length.isdigit() and int(length) <= SMALL and not request.headers.get("content-encoding")


def _is_array(body: BinaryIO) -> bool:
    start = b""
    # White space that is longer than any JSON body may be is told so by whoever reads it.
    while not start and body.tell() <= JSON_BYTES and (piece := body.read(SMALL)):
        start = piece.lstrip(JSON_SPACE)
    body.seek(0)
    return start.startswith(b"[")


def _media_type(request: Req) -> str:
    return refuse_media_type(request.headers.get("content-type"), JSON, NDJSON, CSV)


def _chunks(
    body: BinaryIO, media_type: str, row: type[Row], timestamp_column: str, value_column: str
) -> Iterator[Chunk]:
    if media_type == CSV:
        return csv_chunks(body, row, timestamp_column, value_column)
    if media_type == NDJSON:
        return ndjson_chunks(body, row)
    return json_chunks(_at_once(body), row)


def _at_once(body: BinaryIO) -> bytes:
    content = body.read(JSON_BYTES + 1)
    if len(content) > JSON_BYTES:
        raise Problem("too_large", "A JSON body has at most 16 MiB; send more as NDJSON or CSV.")
    return content


def _location(reading: Reading) -> str:
    at = msgspec.to_builtins(reading.timestamp)
    return f"/v1/sources/{reading.source_id}/readings/{reading.id}?timestamp={at}"


HANDLERS = [
    list_readings,
    log_readings,
    log_readings_of_many,
    list_latest,
    get_reading,
    correct_reading,
    delete_reading,
]
