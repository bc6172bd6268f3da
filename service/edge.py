"""The outermost layer: what holds for every answer, 404 and 500 included.

Litestar's middleware does not run on 404 and 405, so this wraps the whole application: request ids, security headers,
origins, hosts, bad credentials, limits, slow bodies, one log line and the metrics.
"""

import time
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec
from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import Message, Receive, Scope, Send
from litestar.utils.path import normalize_path

from service.arrival import Arrival
from service.cookies import ACCESS_COOKIE, BY_COOKIE, cookie_of
from service.database import Database
from service.disk import Disk
from service.identity import NOBODY, AccessTokens, Caller, asks_who
from service.limits.budgets import Budgets
from service.limits.counting import Counting
from service.observing import FAILED, QUERIES, REQUEST, REQUESTS, SECONDS, SENT, log
from service.origins import Origins
from service.peers import Peers
from service.problems import MEDIA_TYPE, Problem, not_found, unauthenticated, unavailable
from service.refusals import problem_of
from service.settings import Settings

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

LONGEST_PATH, LONGEST_QUERY, MOST_PARAMETERS = 1000, 8000, 200
"""How long a path and a query may be, in characters as sent: the router and the parser keep the last 1,024 of each."""
LONGEST_HOST = 260
"""How long the Host header may be: the longest name of DNS, its last dot, a port. Parsers of URLs keep the last 128."""
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class Edge:
    """Wraps the application; `tokens` checks the Authorization header of every call under /v1.

    Where the settings name any hosts (`*.example.org` for all below), a request for another host is refused; health is
    not asked by a name.
    """

    def __init__(self, app: Litestar, tokens: AccessTokens, budgets: Budgets, settings: Settings) -> None:
        self.app = app
        self.tokens = tokens
        self.counting = Counting(budgets)
        self.hosts = settings.allowed_hosts
        self.origins = Origins(settings.cors_origins)
        self.peers = Peers(settings.trusted_proxies)
        self.disk = Disk(settings.database_disk)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        # As the router reads it, to which // is /: else what it lets in is another path to the limits and the gate.
        scope["path"] = normalize_path(scope["path"])
        request_id = str(uuid4())
        sent: list[str] = []
        SENT.set(sent)
        REQUEST.set(request_id)
        scope["homelog.request_id"] = request_id  # type: ignore[typeddict-unknown-key]
        scope["homelog.caller"] = NOBODY  # type: ignore[typeddict-unknown-key]
        scope["homelog.address"] = self.peers.address(scope)  # type: ignore[typeddict-unknown-key]
        headers = [
            *_HEADERS,
            _PAGE_POLICY if scope["path"] == "/schema" else _API_POLICY,
            (b"x-request-id", request_id.encode()),
            *self.origins.headers(scope),
        ]
        status = 500
        refused = False
        asked = scope["method"]
        if asked == "HEAD":
            # Answered as GET is, whose answer shows all that its headers do, and then without the body.
            scope["method"], send = "GET", _without_body(send)

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                said = list(message["headers"])
                if not any(name == b"cache-control" for name, _ in said):
                    said.append(_NOT_KEPT)
                message["headers"] = [*said, *headers]
            await send(message)

        async def send_vouched(message: Message) -> None:
            nonlocal refused
            # What no statement has answered, no transaction has asked whose the token is and what it opens.
            if message["type"] == "http.response.start" and not sent and message["status"] not in {401, 503}:
                problem = await self._what_is_wrong_with_the_token(scope)
                if problem is not None:
                    refused = True
                    await _refuse(problem, request_id, send_with_headers)
            if not refused:
                await send_with_headers(message)

        try:
            if (preflight := self.origins.preflight(scope)) is not None:
                await _answer_preflight(preflight, send_with_headers)
                return
            problem = self._wrong_at_once(scope)
            try:
                headers += await self.counting.count(scope)
            except Problem as too_many:
                problem = too_many
            if problem is not None:
                await _refuse(problem, request_id, send_with_headers)
                return
            is_somebody = scope["homelog.caller"] is not NOBODY  # type: ignore[typeddict-item]
            arrival = Arrival(receive, scope, self.disk)
            await self.app(scope, arrival, send_vouched if is_somebody else send_with_headers)
            self.counting.note(scope, status)
        finally:
            seconds = time.perf_counter() - began
            route = scope.get("path_template") or "(none)"
            # A client may make methods up, and each would be a series that is kept for ever.
            method = asked if asked in _METHODS else "(other)"
            REQUESTS.labels(route, method, str(status)).inc()
            if status >= 500:
                FAILED.labels(str(status)).inc()
            SECONDS.labels(route).observe(seconds)
            for query in sent:
                QUERIES.labels(query).inc()
            log.info(
                "request",
                id=request_id,
                method=asked,
                route=route,
                status=status,
                ms=round(seconds * 1000, 2),
                queries=sent,
            )

    def _wrong_at_once(self, scope: Scope) -> Problem | None:
        """What is wrong with the host or the credentials; what is right with these is noted as the caller."""
        try:
            self._demand_our_host(scope)
            scope["homelog.caller"] = self._caller(scope)  # type: ignore[typeddict-unknown-key]
            _demand_short(scope)
        except Problem as problem:
            return problem
        return None

    def _demand_our_host(self, scope: Scope) -> None:
        said = _header(scope, b"host") or ""
        is_asked_by_name = self.hosts and not scope["path"].startswith("/health/")
        if len(said) > LONGEST_HOST or (is_asked_by_name and not self._is_ours(said)):
            raise Problem("unreadable", "This host is not served here.")

    def _is_ours(self, said: str) -> bool:
        try:
            host = urlsplit(f"//{said}").hostname or ""
        except ValueError:
            return False
        return any(host == ours or (ours.startswith("*.") and host.endswith(ours[1:])) for ours in self.hosts)

    async def _what_is_wrong_with_the_token(self, scope: Scope) -> Problem | None:
        database: Database = self.app.state.database
        try:
            async with database.transaction(scope["homelog.caller"], [], read_only=True, any_scope=True):  # type: ignore[typeddict-item]
                return None
        except Exception as error:  # noqa: BLE001 - whatever it is, the token has not been vouched for
            return problem_of(error, database.sentences) or unavailable()

    def _caller(self, scope: Scope) -> Caller:
        if not asks_who(scope["path"]):
            return NOBODY
        authorization = _header(scope, b"authorization")
        if authorization is None and (token := cookie_of(scope, ACCESS_COOKIE)) is not None:
            scope[BY_COOKIE] = True  # type: ignore[literal-required]
            return self.tokens.caller_of_cookie(token)
        return self.tokens.caller(authorization)


def _demand_short(scope: Scope) -> None:
    path = scope["path"]
    if max(len(path), len(scope.get("raw_path") or b"")) > LONGEST_PATH:
        # Without credentials whatever is not public looks the same, existing or not.
        is_nobody = scope["homelog.caller"] == NOBODY  # type: ignore[typeddict-item]
        raise unauthenticated() if is_nobody and asks_who(path) else not_found()
    query = scope["query_string"]
    if len(query) > LONGEST_QUERY or query.count(b"&") >= MOST_PARAMETERS:
        raise Problem(
            "unreadable", f"A query has at most {LONGEST_QUERY:,} characters and {MOST_PARAMETERS} parameters."
        )


def _header(scope: Scope, wanted: bytes) -> str | None:
    values = [value for name, value in scope["headers"] if name == wanted]
    return b", ".join(values).decode("latin-1") if values else None


async def _answer_preflight(headers: list[tuple[bytes, bytes]], send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
        elif not message.get("more_body"):
            await send({**message, "body": b""})

    return send_head


async def _refuse(problem: Problem, request_id: str, send: Send) -> None:
    body = msgspec.json.encode(problem.body(request_id))
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
