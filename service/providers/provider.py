"""A provider: where it is, what it vouches for, and whether an ID token is its own."""

import hashlib
import re
from asyncio import CancelledError
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from joserfc import jws, jwt
from joserfc.errors import ClaimError, JoseError
from joserfc.jwk import ECKey, Key, OctKey, RSAKey, import_key

from service.environment import is_loopback
from service.observing import log
from service.providers.fetching import FailedSignIn, Fetcher, Misconfigured, ProviderDown, in_time
from service.providers.published import Published
from service.providers.structs import Grant, Identity
from service.providers.tickets import Attempt
from service.settings import ProviderSettings

FRESH_SECONDS = 3600.0
"""How long a discovery document and a key set are believed."""
REFETCH_SECONDS = 60.0
"""How often an unknown key may have the key set fetched anew."""
LEEWAY_SECONDS = 30
"""How far the provider's clock may be off."""
_RSA_BITS = range(2048, 8193)

# As the constraint users_email_form has it.
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")

# What misshapen tokens and claims raise on their way to an identity.
_MISSHAPEN = (JoseError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


class Discovery(msgspec.Struct, frozen=True):
    """What we use of a discovery document (OpenID Connect Discovery 1.0)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)

    @property
    def urls(self) -> list[str]:
        """Every URL that somebody is sent to or that is called."""
        found = (self.authorization_endpoint, self.token_endpoint, self.jwks_uri, self.userinfo_endpoint)
        return [url for url in found if url is not None]


class KeySet(msgspec.Struct, frozen=True):
    """A JWK set; its keys are looked at one by one, when a token names them."""

    keys: tuple[dict[str, Any], ...]


class Kind(msgspec.Struct, frozen=True):
    """What is known of a provider beforehand, and is therefore not taken from its answers."""

    algorithms: Mapping[str, type[OctKey] | type[RSAKey] | type[ECKey]]
    """Pinned (RFC 8725 3.1), each with the one kind of key that it takes: a public key is never an HMAC's secret."""
    issuers: tuple[str, ...] = ()
    """Other spellings of the issuer in ID tokens."""
    posts_secret: bool = False
    """Whether the client's secret goes into the form whatever the discovery document says."""
    asks: Mapping[str, str] = {}
    """More parameters of the authorization request."""


KINDS = {
    "google": Kind({"RS256": RSAKey}, issuers=("accounts.google.com",), asks={"prompt": "select_account"}),
    # Browsers' ID tokens are signed with the channel secret, those of phones with a published key.
    "line": Kind({"HS256": OctKey, "ES256": ECKey}, posts_secret=True),
    "oidc": Kind({"RS256": RSAKey, "ES256": ECKey}),
}


class Provider:
    """One configured provider; what it publishes is kept for a while, by each worker."""

    def __init__(self, name: str, settings: ProviderSettings, fetcher: Fetcher, public_url: str) -> None:
        self.name = name
        self.title = settings.title
        self.settings = settings
        self.kind = KINDS[name]
        self.redirect_uri = f"{public_url}/v1/auth/{name}/callback"
        self._fetcher = fetcher
        self._discovery = Published(self._discover)
        self._keys = Published(self._fetch_keys)
        self._claims = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "values": [settings.issuer, *self.kind.issuers]},
            aud={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        )

    def stop(self) -> None:
        """Fetch nothing any more."""
        self._discovery.stop()
        self._keys.stop()

    async def authorization_url(self, attempt: Attempt) -> str:
        """Where to send a browser (code flow with PKCE, RFC 7636). Raises `ProviderDown`."""
        async with in_time():
            endpoint = (await self._discovery.get(FRESH_SECONDS)).authorization_endpoint
        domain = self.settings.hosted_domain
        asked = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid email profile",
            "state": attempt.key,
            "nonce": attempt.nonce,
            "code_challenge": _base64url(hashlib.sha256(attempt.verifier.encode()).digest()),
            "code_challenge_method": "S256",
            **self.kind.asks,
            **({"hd": domain} if domain else {}),
        }
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(asked)}"

    async def redeem(self, code: str, attempt: Attempt) -> tuple[Identity, Grant]:
        """Whom the code of a callback stands for, and what was given for it. Raises `FailedSignIn`."""
        async with in_time():
            discovery = await self._discovery.get(FRESH_SECONDS)
            form = {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self.redirect_uri,
                "code_verifier": attempt.verifier,
            }
            asked = self._authenticated(discovery, form)
            with self._telling("token", discovery.token_endpoint):
                grant = await self._fetcher.post(discovery.token_endpoint, Grant, **asked)
            claims = await self._verified(grant.id_token, {self.settings.client_id})
            _demand(claims.get("nonce") == attempt.nonce, "nonce")
            _demand(claims.get("at_hash", half := _half_hash(grant.access_token)) == half, "at_hash")
            if "email" not in claims and self.name == "oidc" and discovery.userinfo_endpoint is not None:
                claims |= await self._userinfo(discovery.userinfo_endpoint, grant.access_token, claims["sub"])
            return self._identity(claims), grant

    async def vouched(self, id_token: str, nonce: str | None) -> Identity:
        """Whom an ID token stands for that an app of ours was given. Raises `FailedSignIn`."""
        async with in_time():
            claims = await self._verified(id_token, {self.settings.client_id, *self.settings.app_client_ids})
        _demand(nonce is None or claims.get("nonce") == nonce, "nonce")
        return self._identity(claims)

    def answered(self, code: str | None, issuer: str | None, error: str | None) -> str:
        """The code of a callback. Raises `FailedSignIn` for one of another issuer (RFC 9207) and for a refusal."""
        _demand(issuer in {None, self.settings.issuer, *self.kind.issuers}, "iss")
        if error is not None:
            raise FailedSignIn("cancelled" if error == "access_denied" else "refused")
        if not code:
            raise FailedSignIn("code")
        return code

    # ID tokens

    async def _verified(self, id_token: str, clients: set[str]) -> dict[str, Any]:
        """The claims of an ID token (OpenID Connect Core 3.1.3.7), less the nonce, which the caller knows."""
        try:
            header = jws.extract_compact(id_token.encode()).headers()
            algorithm, name = header["alg"], header.get("kid")
            _demand(algorithm in self.kind.algorithms, "algorithm")
            key = await self._key(algorithm, name)
            claims = jwt.decode(id_token, key, algorithms=[algorithm]).claims
            self._claims.validate(claims)
            audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
            _demand(bool(audience) and clients.issuperset(audience), "aud")
            # Google names the web client as the audience and the phone's as who asked: both are of ours.
            _demand(claims.get("azp", audience[0] if len(audience) == 1 else None) in clients, "azp")
            subject = claims["sub"]
            _demand(subject.isascii() and subject.isprintable() and 1 <= len(subject) <= 255, "sub")
            domain = self.settings.hosted_domain
            _demand(domain is None or claims.get("hd", "").lower() == domain, "hd")
        except ClaimError as error:
            raise FailedSignIn(error.claim) from error
        except _MISSHAPEN as error:
            raise FailedSignIn("signature") from error
        return claims

    async def _key(self, algorithm: str, name: object) -> Key:
        """The key that an ID token has to be signed with; of a published one the newest set decides."""
        kind = self.kind.algorithms[algorithm]
        if kind is OctKey:
            return OctKey.import_key(self.settings.client_secret.encode())
        # One that is not there may be new; asking for it again and again is what a forger would have us do.
        known = self._keys.known is not None and _named(self._keys.known, kind, name)
        found = _named(await self._keys.get(FRESH_SECONDS if known else REFETCH_SECONDS), kind, name)
        _demand(len(found) == 1, "key")
        key = import_key(found[0])
        _demand(not isinstance(key, RSAKey) or key.raw_value.key_size in _RSA_BITS, "key")
        return key

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        email = _text(claims.get("email"), 254)
        return Identity(
            self.settings.issuer,
            claims["sub"],
            email if email and _EMAIL.fullmatch(email) else None,
            _text(claims.get("name"), 1000),
            _text(claims.get("picture"), 2000),
        )

    # What the provider publishes and answers

    async def _discover(self) -> Discovery:
        url = f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration"
        with self._telling("discovery", url):
            found = await self._fetcher.get(url, Discovery)
            if found.issuer != self.settings.issuer:
                said = f"the document says issuer {found.issuer[:200]!r}, the setting says {self.settings.issuer!r}"
                raise Misconfigured("says that it is another issuer", said)
            if not all(map(self._is_safe, found.urls)):
                raise Misconfigured("names an address that is not https")
        return found

    async def _fetch_keys(self) -> KeySet:
        url = (await self._discovery.get(FRESH_SECONDS)).jwks_uri
        with self._telling("keys", url):
            return await self._fetcher.get(url, KeySet)

    @contextmanager
    def _telling(self, step: str, url: str) -> Iterator[None]:
        """Log why a step failed: what a client is told does not say what an operator has to mend."""
        try:
            yield
        except (ProviderDown, CancelledError) as failure:
            said = failure.said if isinstance(failure, ProviderDown) else "no answer in time"
            address = url.partition("?")[0][:200]
            log.warning("provider failed", provider=self.name, step=step, address=address, reason=said)
            raise

    def _is_safe(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            ours = urlsplit(self.settings.issuer)
            plain = parts.scheme == "http" == ours.scheme and is_loopback(parts.hostname)
            return bool(parts.hostname) and "@" not in parts.netloc and (parts.scheme == "https" or plain)
        except ValueError:
            return False

    async def _userinfo(self, url: str, access_token: str, subject: str) -> dict[str, Any]:
        """What the provider says of somebody where their ID token says nothing (OpenID Connect Core 5.3)."""
        with self._telling("userinfo", url):
            said = await self._fetcher.get(url, dict[str, Any], headers={"Authorization": f"Bearer {access_token}"})
        _demand(said.get("sub") == subject, "userinfo")
        return {name: said[name] for name in ("email", "name", "picture") if name in said}

    def _authenticated(self, discovery: Discovery, form: dict[str, str]) -> dict[str, Any]:
        """A token request's form, with the client's secret in it or in a header beside it (RFC 6749 2.3.1)."""
        name, secret = self.settings.client_id, self.settings.client_secret
        if self.kind.posts_secret or "client_secret_basic" not in discovery.token_endpoint_auth_methods_supported:
            return {"form": form | {"client_id": name, "client_secret": secret}}
        return {"form": form, "auth": (quote(name, safe=""), quote(secret, safe=""))}


def _named(keys: KeySet, kind: type[OctKey] | type[RSAKey] | type[ECKey], name: object) -> list[dict[str, Any]]:
    return [
        key
        for key in keys.keys
        if key.get("kty") == kind.key_type
        and key.get("use", "sig") == "sig"
        and (name is None or key.get("kid") == name)
    ]


def _demand(holds: bool, reason: str) -> None:
    if not holds:
        raise FailedSignIn(reason)


def _text(value: object, longest: int) -> str | None:
    """A claim that may be stored, else nothing: what a provider says of somebody is no reason to keep them out."""
    return value if isinstance(value, str) and 0 < len(value) <= longest and value.isprintable() else None


def _base64url(digest: bytes) -> str:
    return urlsafe_b64encode(digest).decode().rstrip("=")


def _half_hash(access_token: str) -> str:
    # Every algorithm that is pinned here is one with SHA-256.
    return _base64url(hashlib.sha256(access_token.encode()).digest()[:16])
