"""Refresh tokens: opaque, stored as a hash, each the parent of the next."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from datetime import timedelta

LIFETIME = timedelta(days=7)
"""How long a refresh token works unless it is used; each use begins it anew."""
GRACE = timedelta(seconds=10)
"""How long a token that was just used answers once more, alike: its first answer may have been lost."""

_PREFIX = "hr_"


def new_token() -> str:
    """The first token of a session: 256 random bits."""
    return _PREFIX + secrets.token_urlsafe(32)


def successor(token: str, secret: str) -> str:
    """The token that follows. Derived, so that it can be answered twice though it is stored nowhere."""
    key = hmac.digest(secret.encode(), b"homelog refresh token", hashlib.sha256)
    return _PREFIX + urlsafe_b64encode(hmac.digest(key, token.encode(), hashlib.sha256)).decode().rstrip("=")


def digest(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).digest()
