"""/v1/sources."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from service.answers import Cursor, Limit, Page, created, decode_cursor, found, page
from service.requests import DEVICES_READ, LASTS, PUBLIC, SPANS_ALL, Req, Tx
from service.sources.structs import ChangeSource, CreateSource, Source
from service.sqlfile import queries_beside

_bind = queries_beside(__file__)
LIST_SOURCES = _bind("list_sources", Source)
GET_SOURCE = _bind("get_source", Source)
CREATE_SOURCE = _bind("create_source", Source)
CHANGE_SOURCE = _bind("change_source", Source)
DELETE_SOURCE = _bind("delete_source", UUID)
EXPORT_SOURCES = _bind("export_sources", str)

Part = Annotated[
    str | None,
    QueryParameter(max_length=200, description="A part of the name, place name or meter number, in any case."),
]


@get("/v1/sources", operation_id="list_sources", opt=SPANS_ALL | DEVICES_READ)
async def list_sources(
    tx: Tx,
    limit: Limit = 100,
    cursor: Cursor = None,
    home_id: FromQuery[UUID | None] = None,
    source_type: FromQuery[str | None] = None,
    q: Part = None,
) -> Page[Source]:
    """The sources that the caller was granted."""
    last = decode_cursor("sources", cursor, UUID)
    rows = await tx.all(LIST_SOURCES, last, home_id, source_type, q, limit + 1)
    return page(rows, limit, lambda source: source.id, "sources")


# It spans all because a source that the caller stored before is shown with its latest reading.
@post("/v1/sources", operation_id="create_source", opt=SPANS_ALL)
async def create_source(request: Req, tx: Tx, data: JSONBody[CreateSource]) -> Response[Source]:
    """Make a source, which the caller administers."""
    is_new, source = await tx.create(CREATE_SOURCE, *msgspec.structs.astuple(data))
    return created(request, is_new, source, f"/v1/sources/{source.id}")


@get("/v1/sources/{source_id:uuid}", operation_id="get_source", opt=PUBLIC | DEVICES_READ)
async def get_source(request: Req, tx: Tx, source_id: FromPath[UUID]) -> Response[Source]:
    """One source; a public one also without signing in."""
    source = await tx.one(GET_SOURCE, source_id)
    tx.viewed = [source_id]
    return found(request, source)


@patch("/v1/sources/{source_id:uuid}", operation_id="change_source")
async def change_source(
    request: Req, tx: Tx, source_id: FromPath[UUID], data: JSONBody[ChangeSource]
) -> Response[Source]:
    """Change what was sent; for the source's admins."""
    return found(request, await tx.change(CHANGE_SOURCE, source_id, tx.if_match, msgspec.to_builtins(data)))


@delete("/v1/sources/{source_id:uuid}", operation_id="delete_source", opt=LASTS)
async def delete_source(tx: Tx, source_id: FromPath[UUID]) -> None:
    """Delete a source and all its readings; for its admins."""
    await tx.change(DELETE_SOURCE, source_id, tx.if_match)


HANDLERS = [list_sources, create_source, get_source, change_source, delete_source]
EXPORTS = [EXPORT_SOURCES]
