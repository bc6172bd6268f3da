"""What handlers are given: the caller's transaction, the database, the caller."""

import re
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, get_args
from uuid import UUID

import msgspec
from litestar import Request
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.handlers import BaseRouteHandler
from litestar.params import SkipValidation

from service.answers import refuse_number, versions_of
from service.cookies import BY_COOKIE, forgery, is_forged
from service.database import Database
from service.identity import NOBODY, Caller, Scope
from service.parameters import parameters_of
from service.problems import Problem, not_found, unauthenticated
from service.transaction import Transaction

Tx = NamedDependency[SkipValidation[Transaction]]
Db = NamedDependency[SkipValidation[Database]]
Req = Request[Any, Any, State]

PUBLIC: dict[str, Any] = {"public": True}
"""`opt` of a route that answers without credentials."""
KEYED: dict[str, Any] = {"public": True, "keyed": True}
"""`opt` of a public route whose credential is a key in its address: with a wrong one 404, for signing in is no help."""
SPANS_ALL: dict[str, Any] = {"spans_all": True}
"""`opt` of a route whose answer spans every source that the caller was granted."""
SOURCES_IN_QUERY: dict[str, Any] = {"sources_in_query": True}
"""`opt` of a route whose query names its sources, each as `source_id`."""
DEVICES_READ: dict[str, Any] = {"device_scope": Scope.READ}
"""`opt` of a route that device tokens with the scope read:data may call. Without such an `opt` none may."""
DEVICES_WRITE: dict[str, Any] = {"device_scope": Scope.WRITE}
"""`opt` of a route that device tokens with the scope write:data may call."""
OPENS_GATE: dict[str, Any] = {"opens_gate": True}
"""`opt` of the route that somebody with a temporary password may call: the one that changes it."""
LASTS: dict[str, Any] = {"lasts": True}
"""`opt` of a write that may take minutes: it deletes whatever hangs on what it names."""
TAKES_READINGS: dict[str, Any] = {"takes_readings": True}
"""`opt` of a route whose body is readings: as long as it comes, if there is room for it."""
ALWAYS_NEW: dict[str, Any] = {"always_new": True}
"""`opt` of a route that makes something each time. Others that are answered 201 are answered 200 when sent again."""
PERHAPS_NEW: dict[str, Any] = {"perhaps_new": True}
"""`opt` of a PUT that is answered 201 where it stores something that was not there."""


_SAFE = {"GET", "HEAD", "OPTIONS"}
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def caller_of(request: Req) -> Caller:
    """Who asks, as the edge made out from the Authorization header."""
    return request.scope["homelog.caller"]  # type: ignore[typeddict-item, no-any-return]


def address_of(request: Req) -> str:
    """Where a request comes from, as the edge made it out: an address, of IPv6 a network."""
    return request.scope["homelog.address"]  # type: ignore[typeddict-item, no-any-return]


def signed_in(request: Req) -> Caller:
    """Who asks, a device token with the scope that the route needs of it.

    401 for nobody unless the route is public, 404 for an id in another spelling than an UUID's own.
    """
    caller = caller_of(request)
    if caller == NOBODY and not request.route_handler.opt.get("public"):
        raise unauthenticated()
    if caller.token_hash is not None:
        caller = msgspec.structs.replace(caller, needs=request.route_handler.opt.get("device_scope"))
    elif request.route_handler.opt.get("opens_gate"):
        caller = msgspec.structs.replace(caller, is_gate_open=True)
        request.scope["homelog.caller"] = caller  # type: ignore[typeddict-unknown-key]
    said = request.scope["path"].lower().split("/")
    if not all(str(value) in said for value in request.path_params.values() if isinstance(value, UUID)):
        raise not_found()
    return caller


def refuse_body(request: Req) -> None:
    """Note that a deletion came with a body (400): what it says would be ignored, and the deletion is for good."""
    if request.method != "DELETE":
        return
    if request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers:
        wrong = Problem("unreadable", "This takes no body.")
        request.scope["homelog.wrong_body"] = wrong  # type: ignore[typeddict-unknown-key]


def refuse_wrong_body(request: Req) -> None:
    """Raise what was wrong with the body, now that the caller is known to be who they say."""
    # Taken out, so that the two do not keep each other.
    problem = request.scope.pop("homelog.wrong_body", None)  # type: ignore[typeddict-item]
    if isinstance(problem, Problem):
        raise problem


def is_forged_write(request: Req, caller: Caller) -> bool:
    """Whether the access cookie alone signs a write, without the proof that a page of ours sent it."""
    writes = BY_COOKIE in request.scope and request.method not in _SAFE
    return writes and caller.session_id is not None and is_forged(request, caller.session_id)


def refuse_numbers_as_instants(request: Req) -> None:
    """Refuse seconds since 1970 in the query (422), which msgspec would take for the instant that they are."""
    if not request.scope["query_string"]:
        return
    for name in _instants_of(request.route_handler):
        for text in request.query_params.getall(name, []):
            refuse_number(name, text)


# For each of the routes of an application; tests make many.
@lru_cache(1000)
def _instants_of(handler: BaseRouteHandler) -> list[str]:
    return [name for _, name, annotation in parameters_of(handler) if datetime in get_args(annotation)]


def sources_named(request: Req) -> Sequence[UUID] | None:
    """The sources that a request reaches: the one in its path, those in its query, all for a route that spans them."""
    if (source_id := request.path_params.get("source_id")) is not None:
        return [source_id]
    if request.route_handler.opt.get("sources_in_query"):
        return [UUID(said) for said in request.query_params.getall("source_id", []) if _UUID.fullmatch(said)]
    return None if request.route_handler.opt.get("spans_all") else []


async def provide_tx(request: Req) -> AsyncIterator[Transaction]:
    """The one dependency of a request: its transaction, read-only for GET.

    One generator and no more: with two, Litestar wraps a failure at COMMIT in an ExceptionGroup and a 409 becomes a
    500.
    """
    caller = signed_in(request)
    refuse_body(request)
    read_only = request.method in _SAFE
    lasts = request.route_handler.opt.get("lasts", False)
    database: Database = request.app.state.database
    async with database.transaction(caller, sources_named(request), read_only=read_only, turn=lasts) as tx:
        if is_forged_write(request, caller):
            raise forgery()
        refuse_wrong_body(request)
        refuse_numbers_as_instants(request)
        if lasts:
            await tx.take_long()
        if not read_only:
            tx.if_match = versions_of(request.headers.get("if-match"))
        yield tx


async def provide_db(request: Req) -> Database:
    """The database, for the few handlers that must not hold a transaction all along (hashing, streaming)."""
    caller = signed_in(request)
    refuse_body(request)
    database: Database = request.app.state.database
    no_device_may = caller.token_hash is not None and caller.needs is None
    forged = is_forged_write(request, caller)
    if no_device_may or forged or (caller != NOBODY and "homelog.wrong_body" in request.scope):
        # A session that has ended, and what a device token may not do, is told before what is wrong with the request.
        async with database.transaction(caller, sources_named(request), read_only=True):
            if forged:
                raise forgery()
    refuse_wrong_body(request)
    return database


DEPENDENCIES = {"tx": Provide(provide_tx), "db": Provide(provide_db)}
