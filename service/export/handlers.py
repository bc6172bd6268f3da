"""/v1/me/export."""

from dataclasses import dataclass

import msgspec
from litestar import get
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, Operation, Schema
from litestar.openapi.spec.enums import OpenAPIType

from service.database import AUDIT, Database
from service.export.structs import End, Lines
from service.identity import Caller
from service.requests import Db, Req, caller_of
from service.sqlfile import Query
from service.streams import JSON_LINES, Sink, Streamed, json_rows

NDJSON = "application/x-ndjson"
_HEADERS = {"Content-Disposition": 'attachment; filename="homelog.ndjson"'}


@dataclass
class ExportOperation(Operation):
    """Describes the answer, which Litestar cannot see in the signature."""

    def __post_init__(self) -> None:
        """Name the media type."""
        line = Schema(type=OpenAPIType.STRING, description="Lines of JSON: `type`, `call`, `body`, `server`.")
        said = OpenAPIResponse(description="All that is one's own.", content={NDJSON: OpenAPIMediaType(schema=line)})
        self.responses = {**(self.responses or {}), "200": said}


@get("/v1/me/export", operation_id="export_me", operation_class=ExportOperation)
async def export_me(request: Req, db: Db) -> Streamed:
    """All that is one's own, as lines that say which call takes them in again, of one moment."""
    caller = caller_of(request)
    async with db.transaction(caller, []) as tx:
        await tx.run(AUDIT, None, None, "export_account", {})
    return _export(db, caller, request.app.state.exports)


def _export(db: Database, caller: Caller, queries: list[Query[str]]) -> Streamed:
    async def write(sink: Sink) -> None:
        lines = 0

        async def finish(rows: bytes) -> None:
            nonlocal lines
            lines += rows.count(b"\n")
            await sink(json_rows(rows))

        async with db.export(caller, None) as tx:
            for query in queries:
                await tx.copy(query, sink=finish, form=JSON_LINES)
        await sink(msgspec.json.encode(End(Lines(lines))) + b"\n")

    return Streamed(write, NDJSON, headers=_HEADERS)


HANDLERS = [export_me]
