"""/v1/homes."""

from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.params import FromPath, JSONBody

from service.answers import Cursor, Limit, Page, created, decode_cursor, found, page
from service.homes.structs import ChangeHome, CreateHome, Home
from service.requests import Req, Tx
from service.sqlfile import queries_beside

_bind = queries_beside(__file__)
LIST_HOMES = _bind("list_homes", Home)
GET_HOME = _bind("get_home", Home)
CREATE_HOME = _bind("create_home", Home)
CHANGE_HOME = _bind("change_home", Home)
DELETE_HOME = _bind("delete_home", UUID)
EXPORT_HOMES = _bind("export_homes", str)


@get("/v1/homes", operation_id="list_homes")
async def list_homes(tx: Tx, limit: Limit = 100, cursor: Cursor = None) -> Page[Home]:
    """The homes that the caller may see."""
    rows = await tx.all(LIST_HOMES, decode_cursor("homes", cursor, UUID), limit + 1)
    return page(rows, limit, lambda home: home.id, "homes")


@post("/v1/homes", operation_id="create_home")
async def create_home(request: Req, tx: Tx, data: JSONBody[CreateHome]) -> Response[Home]:
    """Make a home, which the caller administers."""
    is_new, home = await tx.create(CREATE_HOME, data.id, data.name, data.address, data.timezone)
    return created(request, is_new, home, f"/v1/homes/{home.id}")


@get("/v1/homes/{home_id:uuid}", operation_id="get_home")
async def get_home(request: Req, tx: Tx, home_id: FromPath[UUID]) -> Response[Home]:
    """One home."""
    return found(request, await tx.one(GET_HOME, home_id))


@patch("/v1/homes/{home_id:uuid}", operation_id="change_home")
async def change_home(request: Req, tx: Tx, home_id: FromPath[UUID], data: JSONBody[ChangeHome]) -> Response[Home]:
    """Change what was sent."""
    return found(request, await tx.change(CHANGE_HOME, home_id, tx.if_match, msgspec.to_builtins(data)))


@delete("/v1/homes/{home_id:uuid}", operation_id="delete_home")
async def delete_home(tx: Tx, home_id: FromPath[UUID]) -> None:
    """Delete a home; its sources and plants stay, without a home."""
    await tx.change(DELETE_HOME, home_id, tx.if_match)


HANDLERS = [list_homes, create_home, get_home, change_home, delete_home]
EXPORTS = [EXPORT_HOMES]
