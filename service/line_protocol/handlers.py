"""/api/v2/write and /write, what InfluxDB's clients ask before them, and /v1/me/line-mappings."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post, put
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import FromPath, FromQuery, JSONBody

from service import __version__
from service.answers import Cursor, Limit, Page, created, decode_cursor, found, page
from service.database import SCHEMA_VERSION, Database
from service.identity import NOBODY, Caller, Scope, device
from service.line_protocol.parsing import series_of
from service.line_protocol.structs import InfluxError, InfluxErrorV1, InfluxHealth, LineMapping, MapLine
from service.line_protocol.writing import BODY_BYTES, write_lines
from service.observing import log
from service.problems import Problem, unauthenticated
from service.refusals import problem_of
from service.requests import DEVICES_WRITE, PERHAPS_NEW, PUBLIC, SPANS_ALL, TAKES_READINGS, Db, Req, Tx
from service.sqlfile import queries_beside

_bind = queries_beside(__file__)
LIST_LINE_MAPPINGS = _bind("list_line_mappings", LineMapping)
GET_LINE_MAPPING = _bind("get_line_mapping", LineMapping)
PUT_LINE_MAPPING = _bind("put_line_mapping", LineMapping)
DELETE_LINE_MAPPING = _bind("delete_line_mapping", UUID)
EXPORT_LINE_MAPPINGS = _bind("export_line_mappings", str)

Precision = Literal["ns", "us", "ms", "s"]
PrecisionV1 = Literal["n", "ns", "u", "µ", "us", "ms", "s", "m", "h"]

_VERSION = {"X-Influxdb-Version": f"homelog-{__version__}", "X-Influxdb-Build": "homelog"}
_CODES = {
    401: "unauthorized",
    403: "forbidden",
    404: "not found",
    408: "request timeout",
    413: "request too large",
    415: "unsupported media type",
    429: "too many requests",
    500: "internal error",
    503: "unavailable",
    507: "unavailable",
}


@dataclass
class WriteOperation(Operation):
    """Describes the body of a write, which Litestar cannot see in its signature."""

    def __post_init__(self) -> None:
        """Name the media type."""
        lines = Schema(type=OpenAPIType.STRING, examples=["temperature,room=kitchen value=21.5 1767225600000000000"])
        self.request_body = RequestBody(
            required=True,
            description="Lines of the protocol, of any Content-Type; gzip is taken.",
            content={"text/plain": OpenAPIMediaType(schema=lines)},
        )


# Errors as InfluxDB says them: its clients give up after 400 and come again after 429 and 5xx.


def _answer(problem: Problem, body: msgspec.Struct) -> Response[Any]:
    return Response(body, status_code=problem.status, headers=problem.headers | _VERSION)


def _in_v2(problem: Problem) -> Response[Any]:
    return _answer(problem, InfluxError(_CODES.get(problem.status, "invalid"), problem.detail))


def _in_v1(problem: Problem) -> Response[Any]:
    return _answer(problem, InfluxErrorV1(problem.detail))


def _answering(tell: Callable[[Problem], Response[Any]]) -> dict[int | type[Exception], Any]:
    def answer(request: Req, error: Exception) -> Response[Any]:
        problem = problem_of(error, request.app.state.database.sentences, request.route_handler)
        if problem is None:
            log.error("unexpected", id=request.scope["homelog.request_id"], exc_info=error)  # type: ignore[typeddict-item]
            problem = Problem("internal", "Something broke here; the log has it.")
        return tell(problem)

    return {Exception: answer}


@post(
    "/api/v2/write",
    operation_id="write_lines",
    operation_class=WriteOperation,
    opt=DEVICES_WRITE | TAKES_READINGS,
    status_code=204,
    request_max_body_size=BODY_BYTES,
    exception_handlers=_answering(_in_v2),
)
async def write_v2(request: Req, precision: FromQuery[Precision] = "ns") -> Response[None]:
    """Log lines as InfluxDB 2 takes them, with a device token; `org` and `bucket` are not looked at."""
    return await _write(request, precision)


@post(
    "/write",
    operation_id="write_lines_v1",
    operation_class=WriteOperation,
    opt=DEVICES_WRITE | TAKES_READINGS,
    status_code=204,
    request_max_body_size=BODY_BYTES,
    exception_handlers=_answering(_in_v1),
)
async def write_v1(request: Req, precision: FromQuery[PrecisionV1] = "ns") -> Response[None]:
    """Log lines as InfluxDB 1 takes them, the password being a device token; `db` and `rp` are not looked at."""
    return await _write(request, precision)


async def _write(request: Req, precision: str) -> Response[None]:
    database: Database = request.app.state.database
    encoding = request.headers.get("content-encoding")
    caller = _device_of(request)
    # For whom the edge counts the next request, once this one has shown whose the token is.
    request.scope["homelog.caller"] = caller  # type: ignore[typeddict-unknown-key]
    wrong = await write_lines(database, caller, request.stream(), encoding, precision)
    if wrong is not None:
        raise Problem("unreadable", wrong)
    return Response(None, status_code=204, headers=_VERSION)


def _device_of(request: Req) -> Caller:
    """Who writes: `Token` or `Bearer`, the password of `Basic`, or ?p=; 401 for anything but a device token."""
    header = request.headers.get("authorization")
    if header is None:
        secret = request.query_params.get("p", "")
    else:
        scheme, _, said = header.partition(" ")
        if scheme.lower() not in {"token", "bearer", "basic"}:
            raise unauthenticated("The Authorization header must be of the scheme Token, Bearer or Basic.")
        # Clients of InfluxDB 1 put a name before it, some of them also with the scheme Token.
        secret = (_unpacked(said) if scheme.lower() == "basic" else said).rpartition(":")[2]
    return msgspec.structs.replace(device(secret), needs=Scope.WRITE)


def _unpacked(basic: str) -> str:
    try:
        return base64.b64decode(basic, validate=True).decode()
    except (binascii.Error, ValueError):
        raise unauthenticated("The Authorization header cannot be read.") from None


# What clients ask before they write


@get("/ping", operation_id="ping", opt=PUBLIC, status_code=204)
async def ping() -> Response[None]:
    """The process answers, as InfluxDB says it."""
    return Response(None, status_code=204, headers=_VERSION)


@get("/health", operation_id="health_of_influxdb", opt=PUBLIC, exception_handlers=_answering(_in_v2))
async def health(db: Db) -> InfluxHealth:
    """The database answers, as InfluxDB 2 says it; for everybody else there is `/health/ready`."""
    async with db.transaction(NOBODY, [], read_only=True) as tx:
        version = await tx.one(SCHEMA_VERSION)
    return InfluxHealth("homelog", f"ready for writes, on schema {version}", "pass", [], __version__)


# Which series is which source


@get("/v1/me/line-mappings", operation_id="list_line_mappings")
async def list_line_mappings(tx: Tx, limit: Limit = 100, cursor: Cursor = None) -> Page[LineMapping]:
    """Which series of the line protocol go to which sources, oldest first."""
    rows = await tx.all(LIST_LINE_MAPPINGS, decode_cursor("line mappings", cursor, UUID), limit + 1)
    return page(rows, limit, lambda mapping: mapping.id, "line mappings")


# It spans all because a series may go to any source that the caller may write to.
@put("/v1/me/line-mappings", operation_id="put_line_mapping", opt=SPANS_ALL | PERHAPS_NEW)
async def put_line_mapping(request: Req, tx: Tx, data: JSONBody[MapLine]) -> Response[LineMapping]:
    """Say where a series goes, whether it went elsewhere before or not."""
    series = series_of(data.series)
    if series is None:
        raise Problem.at("/series", "A series is measurement,tag=value field, escaped as in the line protocol.")
    is_new, mapping = await tx.create(PUT_LINE_MAPPING, series.text, data.source_id)
    return created(request, is_new, mapping, f"/v1/me/line-mappings/{mapping.id}")


@get("/v1/me/line-mappings/{mapping_id:uuid}", operation_id="get_line_mapping")
async def get_line_mapping(request: Req, tx: Tx, mapping_id: FromPath[UUID]) -> Response[LineMapping]:
    """Where one series goes."""
    return found(request, await tx.one(GET_LINE_MAPPING, mapping_id))


@delete("/v1/me/line-mappings/{mapping_id:uuid}", operation_id="delete_line_mapping")
async def delete_line_mapping(tx: Tx, mapping_id: FromPath[UUID]) -> None:
    """Forget where a series goes; when it is next seen it gets a source of its own."""
    await tx.change(DELETE_LINE_MAPPING, mapping_id, tx.if_match)


HANDLERS = [
    write_v2,
    write_v1,
    ping,
    health,
    list_line_mappings,
    put_line_mapping,
    get_line_mapping,
    delete_line_mapping,
]
EXPORTS = [EXPORT_LINE_MAPPINGS]
