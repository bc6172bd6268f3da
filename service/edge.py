"""The outermost layer: what holds for every answer, 404 and 500 included.

Litestar's middleware does not run on 404 and 405, so this wraps the whole application: request ids, security headers,
bad credentials, one log line and the metrics.
"""

import time
from collections.abc import Sequence
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec
from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import Message, Receive, Scope, Send

from service.database import Database
from service.identity import NOBODY, AccessTokens, Caller
from service.observing import QUERIES, REQUESTS, SECONDS, SENT, log
from service.problems import MEDIA_TYPE, Problem, problem_of, unavailable

_HEADERS = [
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
]
_NOT_KEPT = (b"cache-control", b"no-store")
_API_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
# The reference page is one file of ours with its style and script inside.
_PAGE_POLICY = (
    b"content-security-policy",
    (
        b"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
        b"img-src data:; frame-ancestors 'none'"
    ),
)

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class Edge:
    """Wraps the application; `tokens` checks the Authorization header of every call under /v1.

    Where `hosts` names any (`*.example.org` for all below), a request for another host is refused; health is not
    asked by a name.
    """

    def __init__(self, app: Litestar, tokens: AccessTokens, hosts: Sequence[str] = ()) -> None:
        self.app = app
        self.tokens = tokens
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = str(uuid4())
        sent: list[str] = []
        SENT.set(sent)
        scope["homelog.request_id"] = request_id  # type: ignore[typeddict-unknown-key]
        scope["homelog.caller"] = NOBODY  # type: ignore[typeddict-unknown-key]
        policy = _PAGE_POLICY if scope["path"] == "/schema" else _API_POLICY
        status = 500
        refused = False

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                said = list(message["headers"])
                if not any(name == b"cache-control" for name, _ in said):
                    said.append(_NOT_KEPT)
                message["headers"] = [
                    *said,
                    *_HEADERS,
                    policy,
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        async def send_vouched(message: Message) -> None:
            nonlocal refused
            # What no statement has answered, no transaction has asked whose the token is.
            if message["type"] == "http.response.start" and not sent and message["status"] not in {401, 503}:
                problem = await self._what_is_wrong_with_the_token(scope)
                if problem is not None:
                    refused = True
                    await _refuse(problem, request_id, send_with_headers)
            if not refused:
                await send_with_headers(message)

        try:
            try:
                self._demand_our_host(scope)
                scope["homelog.caller"] = self._caller(scope)  # type: ignore[typeddict-unknown-key]
            except Problem as problem:
                await _refuse(problem, request_id, send_with_headers)
                return
            is_device = scope["homelog.caller"].token_hash is not None  # type: ignore[typeddict-item]
            await self.app(scope, receive, send_vouched if is_device else send_with_headers)
        finally:
            seconds = time.perf_counter() - began
            route = scope.get("path_template") or "(none)"
            # A client may make methods up, and each would be a series that is kept for ever.
            method = scope["method"] if scope["method"] in _METHODS else "(other)"
            REQUESTS.labels(route, method, str(status)).inc()
            SECONDS.labels(route).observe(seconds)
            for query in sent:
                QUERIES.labels(query).inc()
            log.info(
                "request",
                id=request_id,
                method=scope["method"],
                route=route,
                status=status,
                ms=round(seconds * 1000, 2),
                queries=sent,
            )

    def _demand_our_host(self, scope: Scope) -> None:
        if not self.hosts or scope["path"].startswith("/health/"):
            return
        try:
            host = urlsplit(f"//{_header(scope, b'host') or ''}").hostname or ""
        except ValueError:
            host = ""
        if not any(host == ours or (ours.startswith("*.") and host.endswith(ours[1:])) for ours in self.hosts):
            raise Problem("unreadable", "This host is not served here.")

    async def _what_is_wrong_with_the_token(self, scope: Scope) -> Problem | None:
        database: Database = self.app.state.database
        try:
            async with database.transaction(scope["homelog.caller"], [], read_only=True, any_scope=True):  # type: ignore[typeddict-item]
                return None
        except Exception as error:  # noqa: BLE001 - whatever it is, the token has not been vouched for
            return problem_of(error, database.sentences) or unavailable()

    def _caller(self, scope: Scope) -> Caller:
        # Signing in asks for no token: a client that sends a stale one along must be able to get a new one.
        if not scope["path"].startswith("/v1/") or scope["path"].startswith("/v1/auth/"):
            return NOBODY
        return self.tokens.caller(_header(scope, b"authorization"))


def _header(scope: Scope, wanted: bytes) -> str | None:
    values = [value for name, value in scope["headers"] if name == wanted]
    return b", ".join(values).decode("latin-1") if values else None


async def _refuse(problem: Problem, request_id: str, send: Send) -> None:
    body = msgspec.json.encode(problem.body(request_id))
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
