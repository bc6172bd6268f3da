"""Who a request comes from: access tokens, made and checked; device tokens, told from them."""

import hashlib
import re
import time
from collections import OrderedDict
from enum import StrEnum
from uuid import UUID

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from service.problems import unauthenticated

ISSUER = "homelog"
AUDIENCE = "homelog-api"
ACCESS_SECONDS = 3600
ALGORITHM = "HS256"
LONGEST = 4096
"""How long an Authorization header may be; one of ours has about 500 characters."""


# What misshapen claims raise on their way to a Caller: no UUID, no number, no JSON that can be read.
_MISSHAPEN = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


class Scope(StrEnum):
    """What a device token may be for."""

    READ = "read:data"
    WRITE = "write:data"


class Caller(msgspec.Struct, frozen=True):
    """Who asks: an account and the session that it signed in with; a device token, by its digest; or nobody.

    Whose a device token is and what it may do is known in the database alone, which finds it in the trip that begins
    the transaction; `needs` is the scope that the route asks for, None where no token may.
    """

    user_id: UUID | None = None
    session_id: UUID | None = None
    token_hash: bytes | None = None
    needs: Scope | None = None


NOBODY = Caller()

_DEVICE_TOKEN = re.compile(r"hl_[A-Za-z0-9_-]{43}\Z", re.ASCII)


def device(token: str) -> Caller:
    """Whoever holds a device token; raises 401 for what cannot be one."""
    if not _DEVICE_TOKEN.match(token):
        raise unauthenticated("This is no device token.")
    return Caller(token_hash=hashlib.sha256(token.encode()).digest())


class AccessTokens:
    """Signs access tokens and checks them; a token that was checked once is known until it expires.

    Tokens are HS256 JWTs. The algorithm, issuer, audience and type are pinned; whether the session still lives
    is asked in the database, in the trip that begins the request's transaction.
    """

    CACHE = 10_000

    def __init__(self, secret: str) -> None:
        self._key = OctKey.import_key(secret.encode())
        self._known: OrderedDict[str, tuple[Caller, float]] = OrderedDict()
        self._claims = jwt.JWTClaimsRegistry(
            leeway=0,
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": AUDIENCE},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            sid={"essential": True},
        )

    def issue(self, user_id: UUID, session_id: UUID, provider: str, auth_time: float) -> str:
        """A token for one session, good for an hour. `auth_time` in seconds since the epoch."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(user_id),
            "sid": str(session_id),
            "auth_provider": provider,
            "auth_time": int(auth_time),
            "scope": "read:data write:data account",
            "iat": now,
            "exp": now + ACCESS_SECONDS,
        }
        return jwt.encode({"alg": ALGORITHM, "typ": "at+jwt"}, claims, self._key, algorithms=[ALGORITHM])

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
        caller, expires = self._check(token)
        self._known[authorization] = (caller, expires)
        if len(self._known) > self.CACHE:
            self._known.popitem(last=False)
        return caller

    def _check(self, token: str) -> tuple[Caller, float]:
        try:
            decoded = jwt.decode(token, self._key, algorithms=[ALGORITHM])
            self._claims.validate(decoded.claims)
            if decoded.header.get("typ") != "at+jwt":
                raise unauthenticated("This is no access token.")
            caller = Caller(UUID(decoded.claims["sub"]), UUID(decoded.claims["sid"]))
            return caller, float(decoded.claims["exp"])
        except (JoseError, *_MISSHAPEN) as error:
            raise unauthenticated("The access token is not valid or has expired.") from error
