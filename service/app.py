"""The application: the one place that knows every feature."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Response
from litestar.config.cors import CORSConfig
from litestar.datastructures import State
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme

from service import __version__
from service.access.handlers import HANDLERS as ACCESS
from service.accounts.handlers import HANDLERS as ACCOUNTS
from service.audit.handlers import HANDLERS as AUDIT
from service.bodies import StrictBody
from service.calendar.handlers import HANDLERS as CALENDAR
from service.care.handlers import HANDLERS as CARE
from service.changes.handlers import HANDLERS as CHANGES
from service.database import Database
from service.edge import Edge
from service.homes.handlers import HANDLERS as HOMES
from service.identity import NOBODY, AccessTokens, Caller
from service.line_protocol.handlers import HANDLERS as LINE_PROTOCOL
from service.members.handlers import HANDLERS as MEMBERS
from service.meter_events.handlers import HANDLERS as METER_EVENTS
from service.migrations import required_version
from service.observing import log, set_up_logging
from service.operation.handlers import HANDLERS as OPERATION
from service.plants.handlers import HANDLERS as PLANTS
from service.problems import Problem, Sentences, answer, problem_of, unauthenticated
from service.readings.handlers import HANDLERS as READINGS
from service.reference.handlers import HANDLERS as REFERENCE
from service.requests import DEPENDENCIES, Req
from service.series.handlers import HANDLERS as SERIES
from service.settings import Settings
from service.sources.handlers import HANDLERS as SOURCES
from service.tokens.handlers import HANDLERS as TOKENS
from service.validators.handlers import HANDLERS as VALIDATORS

HANDLERS = [
    *OPERATION,
    *ACCESS,
    *ACCOUNTS,
    *AUDIT,
    *CALENDAR,
    *CARE,
    *CHANGES,
    *HOMES,
    *LINE_PROTOCOL,
    *MEMBERS,
    *METER_EVENTS,
    *PLANTS,
    *READINGS,
    *REFERENCE,
    *SERIES,
    *SOURCES,
    *TOKENS,
    *VALIDATORS,
]


def create_app(settings: Settings) -> Edge:
    """The whole service as one ASGI application; its pool opens when the server starts it."""
    tokens = AccessTokens(settings.secret)
    litestar = Litestar(
        route_handlers=HANDLERS,
        dependencies=DEPENDENCIES,
        dto=StrictBody,
        return_dto=None,
        exception_handlers={Exception: _answer_exception},
        lifespan=[_lifespan(settings)],
        state=State({"settings": settings, "tokens": tokens}),
        request_max_body_size=10 * 1024 * 1024,
        openapi_config=OpenAPIConfig(
            title="Homelog",
            version=__version__,
            description="A household logbook: meters and their readings, plants and their care.",
            path="/openapi-unused",
            render_plugins=[],
            use_handler_docstrings=True,
            components=Components(
                security_schemes={
                    "bearer": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT"),
                    "device_token": SecurityScheme(type="http", scheme="bearer", bearer_format="hl_…"),
                }
            ),
            security=[{"bearer": []}],
        ),
        logging_config=None,
        cors_config=_cors(settings) if settings.cors_origins else None,
    )
    return Edge(litestar, tokens, settings.allowed_hosts)


def create() -> Edge:
    """The application as the environment describes it: what the server's workers import."""
    set_up_logging()
    return create_app(Settings.from_environment(os.environ, require_database=True))


def _cors(settings: Settings) -> CORSConfig:
    return CORSConfig(
        allow_origins=list(settings.cors_origins),
        allow_headers=["Authorization", "Content-Type", "Content-Encoding", "If-Match", "If-None-Match"],
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        expose_headers=["ETag", "Location", "Retry-After", "X-Request-Id"],
    )


def _lifespan(settings: Settings) -> Any:
    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        database = await Database.open(settings.database_url, needs=required_version())
        app.state.database = database
        try:
            yield
        finally:
            await database.close()

    return lifespan


def _answer_exception(request: Req, error: Exception) -> Response[Any]:
    database: Database | None = request.app.state.get("database")
    request_id: str = request.scope["homelog.request_id"]  # type: ignore[typeddict-item]
    caller: Caller = request.scope["homelog.caller"]  # type: ignore[typeddict-item]
    # A path that is no route's has no handler.
    handler = request.scope.get("route_handler")
    problem = problem_of(error, database.sentences if database else Sentences(), handler)
    if problem is None:
        log.error("unexpected", id=request_id, exc_info=error)
        problem = Problem("internal", "Something broke here; the log has it under this request's id.")
    elif problem.name == "unavailable":
        # The answer is the same whether it was a deadlock, a time limit or a server that went; operators must know.
        log.warning("unavailable", id=request_id, why=getattr(error, "sqlstate", None) or type(error).__name__)
    # Without credentials whatever is not public looks the same, existing or not.
    path = request.scope["path"]
    # A path that is no route's has no handler.
    keyed = getattr(request.scope.get("route_handler"), "opt", {}).get("keyed")
    if problem.name in {"not_found", "method_not_allowed"} and caller == NOBODY and not keyed:
        problem = unauthenticated() if path.startswith("/v1/") and not path.startswith("/v1/auth/") else problem
    return answer(problem, request_id)
