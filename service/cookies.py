"""A browser's sign-in: the three cookies that hold it, and the proof that its writes bring."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar import Request
from litestar.datastructures import Cookie, State
from litestar.types import Scope

from service.problems import Problem

# The prefix has browsers refuse what another host or a page without TLS would plant.
ACCESS_COOKIE = "__Host-homelog_access"
REFRESH_COOKIE = "__Host-homelog_refresh"
CSRF_COOKIE = "__Host-homelog_csrf"
CSRF_HEADER = "X-CSRF-Token"
"""What every write brings that the access cookie alone signs; sign-ins by cookies say it too, for pages of another
origin, which cannot read the cookie."""

BY_COOKIE = "homelog.by_cookie"
"""In the scope of a request that the access cookie speaks for."""


def cookie_of(scope: Scope, name: str) -> str | None:
    """What the cookie of that name holds, None without one. Two of a name are run together, and so hold nothing."""
    prefix = f"{name}=".encode()
    values = [
        part[len(prefix) :]
        for header, said in scope["headers"]
        if header == b"cookie"
        for part in map(bytes.strip, said.split(b";"))
        if part.startswith(prefix)
    ]
    return b", ".join(values).decode("latin-1") if values else None


def cookies_of(access_token: str, access_seconds: int, refresh_token: str, seconds: int, csrf: str) -> list[Cookie]:
    """The cookies of a sign-in; each lives as long as what it holds works, in seconds."""
    return [
        _cookie(ACCESS_COOKIE, access_token, access_seconds),
        _cookie(REFRESH_COOKIE, refresh_token, seconds),
        _cookie(CSRF_COOKIE, csrf, seconds, script_reads=True),
    ]


def cleared(request: Request[Any, Any, State]) -> list[Cookie]:
    """What has a browser drop them all, if it brought any: a page of a foreign origin brings none and drops none."""
    if all(cookie_of(request.scope, name) is None for name in (ACCESS_COOKIE, REFRESH_COOKIE, CSRF_COOKIE)):
        return []
    return [
        _cookie(ACCESS_COOKIE, "", 0),
        _cookie(REFRESH_COOKIE, "", 0),
        _cookie(CSRF_COOKIE, "", 0, script_reads=True),
    ]


def csrf_of(secret: str, session_id: UUID) -> str:
    """What a page of ours knows of its session and no other page does."""
    key = hmac.digest(secret.encode(), b"homelog csrf", hashlib.sha256)
    return urlsafe_b64encode(hmac.digest(key, session_id.bytes, hashlib.sha256)).decode().rstrip("=")


def is_forged(request: Request[Any, Any, State], session_id: UUID) -> bool:
    """Whether the header or the cookie holds something else than what belongs to this session.

    That they are equal would not do: who can plant a cookie plants one that he knows.
    """
    ours = [csrf_of(secret, session_id).encode() for secret in request.app.state.settings.secrets]
    brought = (request.headers.get(CSRF_HEADER), cookie_of(request.scope, CSRF_COOKIE))
    return not all(any(hmac.compare_digest((said or "").encode(), each) for each in ours) for said in brought)


def forgery() -> Problem:
    """A write that a page of somebody else may have had the browser send."""
    return Problem("csrf", f"Send what the cookie {CSRF_COOKIE} holds as {CSRF_HEADER}.")


def refuse_foreign_page(request: Request[Any, Any, State]) -> None:
    """Raise 403 `csrf` for a sign-in by cookies that a page of a foreign origin asks for.

    It would leave the browser signed in to the account of somebody else. What a browser says of itself is believed
    (`Sec-Fetch-Site`, else `Origin` against `Host`); who says neither is no browser.
    """
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site")
    ours: Sequence[str] = request.app.state.settings.cors_origins
    if origin is not None and origin in ours:
        return
    if site in {"same-origin", "none"} or (site is None and _is_own(origin, request.headers.get("host"))):
        return
    raise Problem("csrf", "A page of this origin may not sign a browser in.")


def _is_own(origin: str | None, host: str | None) -> bool:
    return origin is None or origin.partition("://")[2] == host


def _cookie(name: str, value: str, seconds: int, *, script_reads: bool = False) -> Cookie:
    return Cookie(
        name, path="/", value=value, max_age=seconds, secure=True, httponly=not script_reads, samesite="strict"
    )
