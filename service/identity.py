"""Who a request comes from: access tokens, made and checked; device tokens, told from them."""

import hashlib
import hmac
import re
import time
from base64 import urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Sequence
from enum import StrEnum
from typing import Literal
from uuid import UUID

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from service.problems import unauthenticated

ACCESS_SECONDS = 3600
ALGORITHM = "HS256"
TYPE = "at+jwt"
CLOCK_SECONDS = 10
"""How far ahead the clock of another machine of ours may be that has just signed a token."""
LONGEST = 4096
"""How long an Authorization header may be; one of ours has about 500 characters."""


# What misshapen tokens raise: no header of ours, no text, no JSON that can be read.
_MISSHAPEN = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


class Scope(StrEnum):
    """What a device token may be for."""

    READ = "read:data"
    WRITE = "write:data"


class Caller(msgspec.Struct, frozen=True):
    """Who asks: an account and the session that it signed in with; a device token, by its digest; or nobody.

    Whose a device token is and what it may do is known in the database alone, which finds it in the trip that begins
    the transaction; `needs` is the scope that the route asks for, None where no token may. `is_gate_open` where even
    somebody with a temporary password may: to change it, and for the audit of a refusal.
    """

    user_id: UUID | None = None
    session_id: UUID | None = None
    token_hash: bytes | None = None
    needs: Scope | None = None
    is_gate_open: bool = False


NOBODY = Caller()


def asks_who(path: str) -> bool:
    """Whether credentials are looked at there: not where one signs in, where a stale token must keep nobody out."""
    return path.startswith("/v1/") and not path.startswith("/v1/auth/")


_DEVICE_TOKEN = re.compile(r"hl_[A-Za-z0-9_-]{43}\Z", re.ASCII)


def device(token: str) -> Caller:
    """Whoever holds a device token; raises 401 for what cannot be one."""
    if not _DEVICE_TOKEN.match(token):
        raise unauthenticated("This is no device token.")
    return Caller(token_hash=hashlib.sha256(token.encode()).digest())


class Claims(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an access token says; times in seconds since the epoch."""

    iss: Literal["homelog"]
    aud: Literal["homelog-api"]
    sub: UUID
    sid: UUID
    auth_provider: str
    auth_time: int
    scope: str
    iat: int
    exp: int


_read_claims = msgspec.json.Decoder(Claims, strict=True).decode


class AccessTokens:
    """Signs access tokens and checks them; a token that was checked once is known until it expires.

    Tokens are HS256 JWTs, signed with `secret`; one that a former secret signed is believed too. Its header names the
    secret (`kid`) and has one form for each, its claims have one form: what is written otherwise is none of ours.
    Whether the session still lives is asked in the database, in the trip that begins the request's transaction.
    """

    CACHE = 10_000

    def __init__(self, secret: str, former: Sequence[str] = ()) -> None:
        keys = {_key_id(each): OctKey.import_key(each.encode()) for each in (secret, *former)}
        self._headers = [{"alg": ALGORITHM, "typ": TYPE, "kid": key_id} for key_id in keys]
        self._key = keys[_key_id(secret)]
        # By the header as it is sent: no algorithm, key or extension is ever taken from a token.
        self._keys = {
            jws.serialize_compact(header, b"", key, algorithms=[ALGORITHM]).partition(".")[0]: key
            for header, key in zip(self._headers, keys.values(), strict=True)
        }
        self._known: OrderedDict[str, tuple[Caller, int]] = OrderedDict()

    def issue(self, user_id: UUID, session_id: UUID, provider: str, auth_time: float) -> str:
        """A token for one session, good for an hour. `auth_time` in seconds since the epoch."""
        now = int(time.time())
        claims = Claims(
            iss="homelog",
            aud="homelog-api",
            sub=user_id,
            sid=session_id,
            auth_provider=provider,
            auth_time=int(auth_time),
            scope="read:data write:data account",
            iat=now,
            exp=now + ACCESS_SECONDS,
        )
        return jws.serialize_compact(self._headers[0], msgspec.json.encode(claims), self._key, algorithms=[ALGORITHM])

    def caller(self, authorization: str | None) -> Caller:
        """Who an Authorization header says is asking; raises 401 for anything but a token of ours."""
        if authorization is None:
            return NOBODY
        known = self._known.get(authorization)
        now = time.time()
        if known is not None and known[1] > now:
            return known[0]
        if len(authorization) > LONGEST:
            raise unauthenticated("The Authorization header is too long.")
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise unauthenticated("The Authorization header must be of the scheme Bearer.")
        if token.startswith("hl_"):
            return device(token)
        caller, expires = self._check(token, now)
        self._known[authorization] = (caller, expires)
        if len(self._known) > self.CACHE:
            self._known.popitem(last=False)
        return caller

    def caller_of_cookie(self, token: str) -> Caller:
        """Who an access cookie says is asking; a device token is in none."""
        if token.startswith("hl_"):
            raise unauthenticated("A device token is sent in the Authorization header.")
        return self.caller(f"Bearer {token}")

    def _check(self, token: str, now: float) -> tuple[Caller, int]:
        try:
            key = self._keys[token.partition(".")[0]]
            payload = jws.deserialize_compact(token, key, algorithms=[ALGORITHM]).payload
            claims = _read_claims(payload)
        except (JoseError, msgspec.MsgspecError, *_MISSHAPEN) as error:
            raise unauthenticated("The access token is not valid.") from error
        # A name twice, blanks, 1e9 for a number: JSON can say one thing in many ways, we in one.
        in_our_words = msgspec.json.encode(claims) == payload
        if not in_our_words or claims.iat > now + CLOCK_SECONDS or claims.exp > claims.iat + ACCESS_SECONDS:
            raise unauthenticated("The access token is not valid.")
        if claims.exp <= now:
            raise unauthenticated("The access token has expired.")
        return Caller(claims.sub, claims.sid), claims.exp


def _key_id(secret: str) -> str:
    """The name of a secret, which tells nothing of it."""
    digest = hmac.digest(secret.encode(), b"homelog key id", hashlib.sha256)
    return urlsafe_b64encode(digest[:9]).decode()
