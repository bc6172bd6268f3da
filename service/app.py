"""The application: the one place that knows every feature."""

import math
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Response
from litestar.datastructures import State
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme

from service import __version__
from service.access.handlers import EXPORTS as ACCESS_EXPORTS
from service.access.handlers import HANDLERS as ACCESS
from service.accounts.handlers import EXPORTS as ACCOUNTS_EXPORTS
from service.accounts.handlers import HANDLERS as ACCOUNTS
from service.accounts.sessions import EXPORTS as SESSIONS_EXPORTS
from service.accounts.sessions import HANDLERS as SESSIONS
from service.audit.handlers import EXPORTS as AUDIT_EXPORTS
from service.audit.handlers import HANDLERS as AUDIT
from service.bodies import StrictBody
from service.calendar.handlers import EXPORTS as CALENDAR_EXPORTS
from service.calendar.handlers import HANDLERS as CALENDAR
from service.care.handlers import EXPORTS as CARE_EXPORTS
from service.care.handlers import HANDLERS as CARE
from service.changes.handlers import HANDLERS as CHANGES
from service.cookies import ACCESS_COOKIE, CSRF_HEADER
from service.database import Database
from service.edge import Edge
from service.export.handlers import HANDLERS as EXPORT
from service.homes.handlers import EXPORTS as HOMES_EXPORTS
from service.homes.handlers import HANDLERS as HOMES
from service.identity import NOBODY, AccessTokens, Caller, asks_who
from service.limits.budgets import Budgets
from service.line_protocol.handlers import EXPORTS as LINE_PROTOCOL_EXPORTS
from service.line_protocol.handlers import HANDLERS as LINE_PROTOCOL
from service.maintenance.running import last_end_told, maintained
from service.members.handlers import EXPORTS as MEMBERS_EXPORTS
from service.members.handlers import HANDLERS as MEMBERS
from service.meter_events.handlers import EXPORTS as METER_EVENTS_EXPORTS
from service.meter_events.handlers import HANDLERS as METER_EVENTS
from service.migrations import required_version
from service.observing import log, set_up_logging
from service.operation.handlers import HANDLERS as OPERATION
from service.operation.handlers import options
from service.plants.handlers import EXPORTS as PLANTS_EXPORTS
from service.plants.handlers import HANDLERS as PLANTS
from service.problems import Problem, Sentences, unauthenticated
from service.providers.configured import Providers
from service.providers.handlers import HANDLERS as PROVIDERS
from service.readings.export import EXPORTS as READINGS_EXPORTS
from service.readings.handlers import HANDLERS as READINGS
from service.reference.handlers import HANDLERS as REFERENCE
from service.refusals import answer, problem_of
from service.requests import DEPENDENCIES, Req
from service.retention.handlers import EXPORTS as RETENTION_EXPORTS
from service.retention.handlers import HANDLERS as RETENTION
from service.series.handlers import HANDLERS as SERIES
from service.settings import Settings
from service.sources.handlers import EXPORTS as SOURCES_EXPORTS
from service.sources.handlers import HANDLERS as SOURCES
from service.tokens.handlers import EXPORTS as TOKENS_EXPORTS
from service.tokens.handlers import HANDLERS as TOKENS
from service.users.handlers import HANDLERS as USERS
from service.validators.handlers import EXPORTS as VALIDATORS_EXPORTS
from service.validators.handlers import HANDLERS as VALIDATORS

HANDLERS = [
    *OPERATION,
    *ACCESS,
    *ACCOUNTS,
    *AUDIT,
    *CALENDAR,
    *CARE,
    *CHANGES,
    *EXPORT,
    *HOMES,
    *LINE_PROTOCOL,
    *MEMBERS,
    *METER_EVENTS,
    *PLANTS,
    *PROVIDERS,
    *READINGS,
    *REFERENCE,
    *RETENTION,
    *SERIES,
    *SESSIONS,
    *SOURCES,
    *TOKENS,
    *USERS,
    *VALIDATORS,
]

# What a person takes along, in the order in which another server takes it in: what something refers to before it, and
# rules after the readings that are older than they.
EXPORTS = [
    *ACCOUNTS_EXPORTS,
    *SESSIONS_EXPORTS,
    *HOMES_EXPORTS,
    *MEMBERS_EXPORTS,
    *SOURCES_EXPORTS,
    *ACCESS_EXPORTS,
    *METER_EVENTS_EXPORTS,
    *READINGS_EXPORTS,
    *VALIDATORS_EXPORTS,
    *RETENTION_EXPORTS,
    *LINE_PROTOCOL_EXPORTS,
    *PLANTS_EXPORTS,
    *CARE_EXPORTS,
    *TOKENS_EXPORTS,
    *CALENDAR_EXPORTS,
    *AUDIT_EXPORTS,
]


def create_app(settings: Settings) -> Edge:
    """The whole service as one ASGI application; its pool opens when the server starts it."""
    tokens = AccessTokens(settings.secret, settings.former_secrets)
    budgets = Budgets(settings.rate_limit)
    litestar = Litestar(
        # First, for Litestar adds an answer of its own to a path whose first handler takes no OPTIONS.
        route_handlers=[*options(HANDLERS), *HANDLERS],
        dependencies=DEPENDENCIES,
        dto=StrictBody,
        return_dto=None,
        exception_handlers={Exception: _answer_exception},
        lifespan=[_lifespan(settings, budgets)],
        state=State({"settings": settings, "tokens": tokens, "exports": EXPORTS}),
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
                    "cookie": SecurityScheme(
                        type="apiKey",
                        security_scheme_in="cookie",
                        name=ACCESS_COOKIE,
                        description=f"Set by a sign-in with `cookies`. A write also sends {CSRF_HEADER}.",
                    ),
                    "device_token": SecurityScheme(type="http", scheme="bearer", bearer_format="hl_…"),
                }
            ),
            security=[{"bearer": []}, {"cookie": []}],
        ),
        logging_config=None,
    )
    return Edge(litestar, tokens, budgets, settings)


def create() -> Edge:
    """The application as the environment describes it: what the server's workers import."""
    set_up_logging()
    return create_app(Settings.from_environment(os.environ, require_database=True, require_secret=True))


def _lifespan(settings: Settings, budgets: Budgets) -> Any:
    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        slow = settings.slow_query_ms / 1000 or math.inf
        database = await Database.open(settings.database_url, needs=required_version(), slow=slow)
        app.state.database = database
        try:
            async with (
                database.sampled(),
                last_end_told(database),
                Providers.open(settings) as app.state.providers,
                budgets.opened(settings.database_url),
                maintained(settings.database_url, settings.maintenance_minutes),
            ):
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
    is_keyed = getattr(handler, "opt", {}).get("keyed")
    is_hidden = asks_who(request.scope["path"]) and not is_keyed
    if problem.name in {"not_found", "method_not_allowed"} and caller == NOBODY and is_hidden:
        problem = unauthenticated()
    return answer(problem, request_id)
