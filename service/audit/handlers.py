"""/v1/audit, /v1/sources/{source_id}/audit."""

from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.params import FromPath, QueryParameter

from service.access.handlers import ADMINISTER_SOURCE
from service.answers import Cursor, From, Limit, Page, To, decode_cursor, page, refuse_range
from service.audit.structs import AuditRow, Place, RowId
from service.requests import Tx
from service.sqlfile import queries_beside

_bind = queries_beside(__file__)
LIST_OWN_AUDIT = _bind("list_own_audit", AuditRow)
IS_ADMIN = _bind("is_admin", bool)
LIST_ALL_AUDIT = _bind("list_all_audit", AuditRow)
LIST_AUDIT_OF_USER = _bind("list_audit_of_user", AuditRow)
LIST_SOURCE_AUDIT = _bind("list_source_audit", AuditRow)
EXPORT_OWN_AUDIT = _bind("export_own_audit", str)

EventType = Annotated[
    str | None,
    QueryParameter(pattern="^[a-z][a-z_]{1,49}$", description="Only events of this type, such as `grant_access`."),
]
Whose = Annotated[UUID | None, QueryParameter(description="Only what this account did; another's is for admins.")]


@get("/v1/audit", operation_id="list_own_audit")
async def list_own_audit(
    tx: Tx,
    since: From = None,
    until: To = None,
    event_type: EventType = None,
    user_id: Whose = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[AuditRow]:
    """What the caller did and what was tried in their name, newest first; for admins what everybody did.

    An admin sees no `details`, but for their own rows: those are asked for with their own `user_id`.
    """
    refuse_range(since, until)
    if user_id is None and await tx.one(IS_ADMIN):
        place = decode_cursor("all audit", cursor, Place)
        ended = (place.event_time, place.id) if place else (None, None)
        rows = await tx.all(LIST_ALL_AUDIT, since, until, event_type, *ended, limit + 1)
        return page(rows, limit, lambda row: Place(row.event_time, row.id), "all audit")
    last = decode_cursor("own audit", cursor, RowId)
    if user_id in {None, tx.caller.user_id}:
        rows = await tx.all(LIST_OWN_AUDIT, since, until, event_type, last, limit + 1)
    else:
        rows = await tx.all(LIST_AUDIT_OF_USER, user_id, since, until, event_type, last, limit + 1)
    return page(rows, limit, lambda row: row.id, "own audit")


@get("/v1/sources/{source_id:uuid}/audit", operation_id="list_source_audit")
async def list_source_audit(
    tx: Tx,
    source_id: FromPath[UUID],
    since: From = None,
    until: To = None,
    event_type: EventType = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[AuditRow]:
    """Who saw and changed a source, newest first; for its admins."""
    refuse_range(since, until)
    last = decode_cursor("source audit", cursor, RowId)
    await tx.change(ADMINISTER_SOURCE, source_id)
    rows = await tx.all(LIST_SOURCE_AUDIT, source_id, since, until, event_type, last, limit + 1)
    tx.viewed = [source_id]
    return page(rows, limit, lambda row: row.id, "source audit")


HANDLERS = [list_own_audit, list_source_audit]
EXPORTS = [EXPORT_OWN_AUDIT]
