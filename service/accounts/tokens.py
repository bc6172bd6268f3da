"""Refresh tokens: opaque, stored as a hash, each the parent of the next."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from datetime import timedelta

LIFETIME = timedelta(days=7)
"""How long a refresh token works unless it is used; each use begins it anew."""
ABSOLUTE = timedelta(days=180)
"""After how long a session ends that is used all the time: whoever has a copy of it has it no longer than that."""
GRACE = timedelta(seconds=10)
"""How long a token that was just used answers once more, alike: its first answer may have been lost."""

_PREFIX = "hr_"


def new_token() -> str:
    """The first token of a session: 256 random bits."""
    return _PREFIX + secrets.token_urlsafe(32)


def successors(token: str, of_secrets: Iterable[str]) -> dict[bytes, str]:
    """The token that follows, for each secret that it may follow from, by digest.

    Derived, so that it can be answered twice though it is stored nowhere, and after the secret was replaced too.
    """
    following = [_successor(token, secret) for secret in of_secrets]
    return {digest(each): each for each in following}


def digest(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).digest()


def _successor(token: str, secret: str) -> str:
    key = hmac.digest(secret.encode(), b"homelog refresh token", hashlib.sha256)
    return _PREFIX + urlsafe_b64encode(hmac.digest(key, token.encode(), hashlib.sha256)).decode().rstrip("=")
