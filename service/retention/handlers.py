"""/v1/sources/{source_id}/retention."""

from uuid import UUID

from litestar import Response, delete, get, put
from litestar.params import FromPath, JSONBody

from service.answers import created, found
from service.requests import PERHAPS_NEW, Req, Tx
from service.retention.structs import PutRetention, Retention
from service.sqlfile import queries_beside

_bind = queries_beside(__file__)
GET_RETENTION = _bind("get_retention", Retention)
PUT_RETENTION = _bind("put_retention", Retention)
DELETE_RETENTION = _bind("delete_retention", UUID)
EXPORT_RETENTIONS = _bind("export_retentions", str)
EXPORT_HORIZONS = _bind("export_horizons", str)
EXPORT_THINNED_HOURS = _bind("export_thinned_hours", str)


@get("/v1/sources/{source_id:uuid}/retention", operation_id="get_retention")
async def get_retention(request: Req, tx: Tx, source_id: FromPath[UUID]) -> Response[Retention]:
    """For how long a source keeps its readings, for whoever was granted it; 404 where it keeps them for ever."""
    return found(request, await tx.one(GET_RETENTION, source_id))


@put("/v1/sources/{source_id:uuid}/retention", operation_id="put_retention", opt=PERHAPS_NEW)
async def put_retention(
    request: Req, tx: Tx, source_id: FromPath[UUID], data: JSONBody[PutRetention]
) -> Response[Retention]:
    """Say for how long a source keeps its readings; for its admins."""
    is_new, retention = await tx.create(PUT_RETENTION, source_id, tx.if_match, data.months, data.action)
    return created(request, is_new, retention, f"/v1/sources/{source_id}/retention")


@delete("/v1/sources/{source_id:uuid}/retention", operation_id="delete_retention")
async def delete_retention(tx: Tx, source_id: FromPath[UUID]) -> None:
    """Have a source keep its readings for ever from now on; for its admins. What is gone stays so."""
    await tx.change(DELETE_RETENTION, source_id, tx.if_match)


HANDLERS = [get_retention, put_retention, delete_retention]
EXPORTS = [EXPORT_RETENTIONS, EXPORT_HORIZONS, EXPORT_THINNED_HOURS]
