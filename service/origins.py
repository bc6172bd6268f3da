"""Pages of other origins: which may call from a browser and read the answers."""

from collections.abc import Sequence

from litestar.types import HTTPScope

Headers = list[tuple[bytes, bytes]]

_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
_TAKEN = b"Authorization, Content-Type, Content-Encoding, If-Match, If-None-Match, X-CSRF-Token"
_SHOWN = (
    b"ETag, Location, Allow, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Request-Id, "
    b"X-CSRF-Token"
)
_SECONDS = b"600"


class Origins:
    """The origins whose pages may. Each is named in answers by itself, never as `*`, so that cookies may come along."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = {origin.encode() for origin in origins}

    def headers(self, scope: HTTPScope) -> Headers:
        """What an answer says to the page that asked, whatever the answer is."""
        if not self._origins:
            return []
        origin = _first(scope, b"origin")
        if origin not in self._origins:
            return [(b"vary", b"Origin")]
        return [
            (b"vary", b"Origin"),
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-expose-headers", _SHOWN),
        ]

    def preflight(self, scope: HTTPScope) -> Headers | None:
        """What a browser asks before it calls, without credentials; None for any other request."""
        if scope["method"] != "OPTIONS" or _first(scope, b"access-control-request-method") is None:
            return None
        if _first(scope, b"origin") not in self._origins:
            return None
        return [
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", _TAKEN),
            (b"access-control-max-age", _SECONDS),
        ]


def _first(scope: HTTPScope, wanted: bytes) -> bytes | None:
    return next((value for name, value in scope["headers"] if name == wanted), None)
