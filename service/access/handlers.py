"""/v1/sources/{source_id}/access."""

from uuid import UUID

from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody

from service.access.structs import ChangeGrant, CreateGrant, Grant
from service.answers import Cursor, Limit, Page, decode_cursor, page
from service.requests import Tx
from service.sqlfile import queries_beside

_bind = queries_beside(__file__)
LOCK_SOURCE = _bind("lock_source", type(None))
ADMINISTER_SOURCE = _bind("administer_source", UUID)
LIST_GRANTS = _bind("list_grants", Grant)
GET_GRANT = _bind("get_grant", Grant)
CREATE_GRANT = _bind("create_grant", Grant)
CHANGE_GRANT = _bind("change_grant", Grant)
DELETE_GRANT = _bind("delete_grant", UUID)
EXPORT_GRANTS = _bind("export_grants", str)


@get("/v1/sources/{source_id:uuid}/access", operation_id="list_grants")
async def list_grants(tx: Tx, source_id: FromPath[UUID], limit: Limit = 100, cursor: Cursor = None) -> Page[Grant]:
    """Who may do what with a source and why, one row for each reason; for its admins."""
    last_user, last_via = decode_cursor("grants", cursor, tuple[UUID, str]) or (None, None)
    await tx.change(ADMINISTER_SOURCE, source_id)
    rows = await tx.all(LIST_GRANTS, source_id, last_user, last_via, limit + 1)
    return page(rows, limit, lambda grant: (grant.user_id, grant.via), "grants")


@post("/v1/sources/{source_id:uuid}/access", operation_id="create_grant")
async def create_grant(tx: Tx, source_id: FromPath[UUID], data: JSONBody[CreateGrant]) -> Response[Grant]:
    """Grant access to somebody; 409 if they have it at another level, which PUT changes."""
    is_new, grant = await tx.create(
        CREATE_GRANT, source_id, data.user_id, data.email, data.access_level,
        taken="This person already has access at another level; PUT changes it.",
    )  # fmt: skip
    location = {"Location": f"/v1/sources/{source_id}/access/{grant.user_id}"}
    return Response(grant, status_code=201 if is_new else 200, headers=location if is_new else None)


@get("/v1/sources/{source_id:uuid}/access/{user_id:uuid}", operation_id="get_grant")
async def get_grant(tx: Tx, source_id: FromPath[UUID], user_id: FromPath[UUID]) -> Grant:
    """What a person was granted of a source, not what comes of its home; for its admins."""
    return await tx.change(GET_GRANT, source_id, user_id)


@put("/v1/sources/{source_id:uuid}/access/{user_id:uuid}", operation_id="change_grant")
async def change_grant(
    tx: Tx, source_id: FromPath[UUID], user_id: FromPath[UUID], data: JSONBody[ChangeGrant]
) -> Grant:
    """Change the level of a grant; the last admin stays one."""
    await tx.run(LOCK_SOURCE, source_id)
    return await tx.change(CHANGE_GRANT, source_id, user_id, data.access_level)


@delete("/v1/sources/{source_id:uuid}/access/{user_id:uuid}", operation_id="delete_grant")
async def delete_grant(tx: Tx, source_id: FromPath[UUID], user_id: FromPath[UUID]) -> None:
    """Revoke a grant, or give up one's own; the last admin stays."""
    await tx.run(LOCK_SOURCE, source_id)
    await tx.change(DELETE_GRANT, source_id, user_id)


HANDLERS = [list_grants, create_grant, get_grant, change_grant, delete_grant]
EXPORTS = [EXPORT_GRANTS]
