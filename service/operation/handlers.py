"""/health, /metrics and /schema."""

import re
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from litestar import Litestar, MediaType, Response, get, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect
from litestar.routes import HTTPRoute

from service.bodies import StrictBody
from service.database import SCHEMA_VERSION
from service.identity import NOBODY, asks_who
from service.migrations import is_older, required_version
from service.observing import metrics
from service.problems import CATALOGUE, MEDIA_TYPE, ProblemDetails, not_found, unavailable
from service.refusals import allow
from service.requests import PUBLIC, Db, Req

_PAGE_NAME = re.compile(rb"Page_service\.[\w.]+\.(\w+)_")
_SIGNED_IN: list[dict[str, list[str]]] = [{"bearer": []}, {"cookie": []}]
_PROBLEM = {
    "description": "An error, as problem details (RFC 9457); `type` names it and `errors` the fields that are wrong.",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
}


class Health(msgspec.Struct, frozen=True):
    """Whether the service can do its work, and on which schema."""

    status: str
    schema_version: str


@get("/health/live", operation_id="health_live", opt=PUBLIC)
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@get("/health/ready", operation_id="health_ready", opt=PUBLIC)
async def ready(db: Db) -> Health:
    """The database answers and has the schema that this service needs; else 503."""
    async with db.transaction(NOBODY, [], read_only=True) as tx:
        version = await tx.one(SCHEMA_VERSION)
    if is_older(version, required_version()):
        raise unavailable(f"The schema is {version}, this service needs {required_version()}: run `homelog migrate`.")
    return Health("ready", version)


@get("/metrics", operation_id="metrics", opt=PUBLIC, media_type=MediaType.TEXT)
async def prometheus(request: Req) -> Response[bytes]:
    """Prometheus' text format."""
    request.app.state.database.sample()
    return Response(metrics(), media_type="text/plain; version=0.0.4")


@get("/schema/openapi.json", operation_id="openapi", opt=PUBLIC, include_in_schema=False, sync_to_thread=False)
def openapi(request: Req) -> Response[bytes]:
    """The OpenAPI 3.1 document."""
    return Response(_document(request.app), media_type="application/json")


@cache
def _document(app: Litestar) -> bytes:
    return msgspec.json.encode(describe(app))


@cache
def _page() -> bytes:
    return Path(__file__).with_name("schema.html").read_bytes()


@get("/schema", operation_id="schema_page", opt=PUBLIC, include_in_schema=False)
async def schema_page() -> Response[bytes]:
    """The document as a page that needs nothing from elsewhere."""
    return Response(_page(), media_type=MediaType.HTML)


@get("/", operation_id="root", opt=PUBLIC, include_in_schema=False)
async def root() -> Redirect:
    """Whoever opens the address in a browser reads what there is."""
    return Redirect("/schema")


@get("/errors/{name:str}", operation_id="error", opt=PUBLIC)
async def error(name: FromPath[str]) -> dict[str, Any]:
    """What an error's `type` means."""
    if name not in CATALOGUE:
        raise not_found()
    status, title = CATALOGUE[name]
    return {"type": f"/errors/{name}", "status": status, "title": title}


def options(handlers: Sequence[HTTPRouteHandler]) -> list[HTTPRouteHandler]:
    """What answers OPTIONS on the path of each handler: `Allow` names all methods of the path.

    Litestar's own answer names those of the handler alone that was registered first.
    """
    allowed: dict[str, set[str]] = defaultdict(lambda: {"OPTIONS"})
    for handler in handlers:
        for path in handler.paths:
            allowed[path] |= handler.http_methods
    return [
        route(path, http_method=["OPTIONS"], opt={"allow": ", ".join(allow(methods))}, include_in_schema=False)(_allow)
        for path, methods in allowed.items()
    ]


async def _allow(request: Req) -> Response[None]:
    return Response(None, status_code=204, headers={"Allow": request.route_handler.opt["allow"]})


def describe(app: Litestar) -> dict[str, Any]:
    """The OpenAPI document of all routes: Litestar's, with our errors and with what needs no signing in."""
    text = msgspec.json.encode(app.openapi_schema.to_schema())
    document: dict[str, Any] = msgspec.json.decode(_PAGE_NAME.sub(rb"PageOf\1", text))
    _, known = msgspec.json.schema_components([ProblemDetails], ref_template="#/components/schemas/{name}")
    document["components"]["schemas"] |= known
    _keep_zeros(document["components"]["schemas"])
    handlers = [handler for route in app.routes if isinstance(route, HTTPRoute) for handler in route.route_handlers]
    said_of = {handler.operation_id: handler.opt for handler in handlers}
    for path, operations in document["paths"].items():
        accounts = _SIGNED_IN if asks_who(path) else []
        for operation in operations.values():
            opt = said_of[operation["operationId"]]
            operation["responses"].pop("400", None)
            operation["responses"].get("204", {}).pop("content", None)
            if "201" in operation["responses"] and not opt.get("always_new"):
                stored = {**operation["responses"]["201"], "description": "It was stored before"}
                operation["responses"].setdefault("200", stored)
            if opt.get("perhaps_new"):
                new = {**operation["responses"]["200"], "description": "Document created, URL follows"}
                operation["responses"]["201"] = new
            operation["responses"]["default"] = _PROBLEM
            scope = opt.get("device_scope")
            credentials = [*accounts, *([{"device_token": [scope]}] if scope else [])]
            if opt.get("public"):
                operation["security"] = [{}, *credentials] if credentials else []
            elif credentials != _SIGNED_IN:
                operation["security"] = credentials
            for body in operation.get("requestBody", {}).get("content", {}).values():
                # What may be null is a body that may be left out.
                if {"type": "null"} in body["schema"].get("oneOf", ()):
                    body["schema"] = body["schema"]["oneOf"][0]
                    operation["requestBody"]["required"] = False
    return document


def _keep_zeros(schemas: dict[str, Any]) -> None:
    """Add the lower bounds of 0, which Litestar takes for none in what may be absent or null."""
    _, known = msgspec.json.schema_components(list(StrictBody.annotations.values()), ref_template="{name}")
    for name in schemas.keys() & known.keys():
        for field, said in known[name].get("properties", {}).items():
            for each in (said, *said.get("anyOf", ())):
                for bound in {"minimum", "exclusiveMinimum"} & each.keys():
                    schemas[name]["properties"][field].setdefault(bound, each[bound])


HANDLERS = [live, ready, prometheus, openapi, schema_page, root, error]
