"""A provider that lies: each of its tricks is an issuer of its own, /{trick}; `honest` is none.

Prints its port once it listens.
"""

import gzip
import hashlib
import json
import secrets
import sys
import time
import warnings
from base64 import urlsafe_b64encode
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

OURS = RSAKey.generate_key(2048, {"kid": "ours", "use": "sig"})
OTHER = RSAKey.generate_key(2048, {"kid": "ours", "use": "sig"})
with warnings.catch_warnings(action="ignore"):  # that it is weak is the point
    WEAK = RSAKey.generate_key(1024, {"kid": "ours", "use": "sig"})
CURVE = ECKey.generate_key("P-256", {"kid": "curve", "use": "sig"})

# What `canaries`, an honest one, gives for a code: to be found nowhere else.
CANARIES = {"access_token": "CanaryAccess4f1c0b7e92d5a863", "refresh_token": "CanaryRefresh31fe7d20c59b48aa"}

Claims = dict[str, Any]


def signed(claims: Claims, key: Any = OURS, algorithm: str = "RS256", **header: Any) -> str:
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    return jwt.encode({"alg": algorithm, "kid": "ours", **header}, claims, key, registry=registry)


def encoded(value: Any) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def without(claims: Claims, name: str) -> str:
    return signed({key: value for key, value in claims.items() if key != name})


NOW = int(time.time())

TOKENS: dict[str, Callable[[Claims], str]] = {
    "honest": signed,
    "issuer": lambda claims: signed(claims | {"iss": "https://accounts.google.com"}),
    "issuer_with_slash": lambda claims: signed(claims | {"iss": claims["iss"] + "/"}),
    "no_issuer": lambda claims: without(claims, "iss"),
    "audience": lambda claims: signed(claims | {"aud": "somebody else"}),
    "audience_and_another": lambda claims: signed(claims | {"aud": [claims["aud"], "another"], "azp": claims["aud"]}),
    "empty_audience": lambda claims: signed(claims | {"aud": []}),
    "no_audience": lambda claims: without(claims, "aud"),
    "azp": lambda claims: signed(claims | {"azp": "another"}),
    "nonce": lambda claims: signed(claims | {"nonce": "another"}),
    "no_nonce": lambda claims: without(claims, "nonce"),
    "expired": lambda claims: signed(claims | {"exp": NOW - 3600, "iat": NOW - 7200}),
    "no_expiry": lambda claims: without(claims, "exp"),
    "expiry_is_text": lambda claims: signed(claims | {"exp": "never"}),
    "not_yet_valid": lambda claims: signed(claims | {"nbf": NOW + 3600}),
    "issued_tomorrow": lambda claims: signed(claims | {"iat": NOW + 86400, "exp": NOW + 90000}),
    "no_subject": lambda claims: without(claims, "sub"),
    "empty_subject": lambda claims: signed(claims | {"sub": ""}),
    "subject_is_a_number": lambda claims: signed(claims | {"sub": 7}),
    "subject_with_nul": lambda claims: signed(claims | {"sub": "a\0b"}),
    "subject_is_half_a_character": lambda claims: signed(claims | {"sub": "\ud800"}),
    "subject_too_long": lambda claims: signed(claims | {"sub": "x" * 256}),
    "at_hash": lambda claims: signed(claims | {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}),
    "no_hosted_domain": lambda claims: without(claims, "hd"),
    "hosted_domain": lambda claims: signed(claims | {"hd": "example.com"}),
    "algorithm_none": lambda claims: f"{encoded({'alg': 'none'})}.{encoded(claims)}.",
    "signed_with_the_public_key": lambda claims: signed(
        claims, OctKey.import_key(json.dumps(OURS.as_dict(private=False)).encode()), "HS256"
    ),
    "algorithm_of_another_kind": lambda claims: signed(claims, CURVE, "ES256", kid="curve"),
    "algorithm_is_a_list": lambda claims: f"{encoded({'alg': ['RS256']})}.{encoded(claims)}.AAAA",
    "another_key": lambda claims: signed(claims, OTHER),
    "key_in_its_header": lambda claims: signed(claims, OTHER, jwk=OTHER.as_dict(private=False)),
    "unknown_key": lambda claims: signed(claims, kid="unknown"),
    "weak_key": lambda claims: signed(claims, WEAK),
    "unknown_critical_header": lambda claims: (
        signed(claims)[:0]
        + f"{encoded({'alg': 'RS256', 'kid': 'ours', 'crit': ['x'], 'x': 1})}.{signed(claims).split('.', 1)[1]}"
    ),
    "no_token_at_all": lambda claims: "not a token",
    "an_encrypted_token": lambda claims: "a.b.c.d.e",
    "claims_are_a_list": lambda claims: f"{encoded({'alg': 'RS256', 'kid': 'ours'})}.{encoded([1])}.AAAA",
    "a_very_deep_token": lambda claims: (
        f"{encoded({'alg': 'RS256', 'kid': 'ours'})}."
        + urlsafe_b64encode(b"[" * 100_000).decode().rstrip("=")
        + ".AAAA"
    ),
}
"""What it says in an ID token."""

ANSWERS: dict[str, Callable[["Handler", bytes], None]] = {
    "redirect": lambda handler, body: handler.say(302, b"", location=f"{handler.base}/honest/jwks"),
    "slow": lambda handler, body: handler.say_slowly(body),
    "stuck": lambda handler, body: time.sleep(30),
    "oversized": lambda handler, body: handler.say(200, body + b" " * 2_000_000),
    "bomb": lambda handler, body: handler.say(200, gzip.compress(body + b" " * 50_000_000), encoding="gzip"),
    "html": lambda handler, body: handler.say(200, b"<h1>Welcome</h1>"),
    "deep": lambda handler, body: handler.say(200, b"[" * 500_000),
    "not_utf8": lambda handler, body: handler.say(200, b'{"keys": "\xff"}'),
    "another_shape": lambda handler, body: handler.say(200, b'{"keys": 1, "id_token": 1}'),
    "empty": lambda handler, body: handler.say(200, b'{"keys": []}'),
    "broken": lambda handler, body: handler.say(500, body),
    "hung_up": lambda handler, body: handler.connection.close(),
}
"""How it says something: {place}_{answer}, where the place is `discovery`, `token` or `keys`."""

grants: dict[str, Claims] = {}
"""What each code stands for."""
asked: dict[str, int] = {}
"""How often each trick was asked for its discovery document."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"  # type: ignore[attr-defined]

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass

    def say(self, status: int, body: bytes, location: str = "", encoding: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if location:
            self.send_header("Location", location)
        if encoding:
            self.send_header("Content-Encoding", encoding)
        self.end_headers()
        self.wfile.write(body)

    def say_slowly(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for byte in body:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(0.2)

    def answer(self, place: str, trick: str, said: Any) -> None:
        body = json.dumps(said).encode()
        where, _, how = trick.partition("_")
        if where == place and how in ANSWERS:
            ANSWERS[how](self, body)
        else:
            self.say(200, body)

    def do_GET(self) -> None:
        _, trick, place = urlsplit(self.path).path.split("/", 2)
        issuer = f"{self.base}/{trick}"
        if place == ".well-known/openid-configuration":
            asked[trick] = asked.get(trick, 0) + 1
            said = {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}/authorize",
                "token_endpoint": f"{issuer}/token",
                "jwks_uri": f"{issuer}/jwks",
                "userinfo_endpoint": f"{issuer}/userinfo",
            }
            lies: dict[str, Claims] = {
                "discovery_of_another_issuer": {"issuer": f"{self.base}/honest"},
                "discovery_of_a_plain_address": {"jwks_uri": "http://keys.example.org/"},
                "discovery_of_a_file": {"jwks_uri": "file:///etc/passwd"},
                "discovery_of_no_address": {"jwks_uri": "https://a b/"},
            }
            # The first worker hears the truth, so that a browser is sent here at all.
            first = asked[trick] == 1
            self.answer("discovery", "" if first else trick, said if first else said | lies.get(trick, {}))
        elif place == "authorize":
            query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            code = secrets.token_urlsafe()
            grants[code] = query
            back = {"code": code, "state": query["state"], "iss": issuer}
            self.say(302, b"", location=f"{query['redirect_uri']}?{urlencode(back)}")
        elif place == "jwks":
            keys: list[Any] = [WEAK] if trick == "weak_key" else [OURS, CURVE]
            self.answer("keys", trick, {"keys": [key.as_dict(private=False) for key in keys]})
        elif place == "userinfo":
            subject = "another" if trick == "userinfo_of_another" else "subject"
            self.say(200, json.dumps({"sub": subject, "email": "told@example.org", "name": "Told"}).encode())
        else:
            self.say(404, b"{}")

    def do_POST(self) -> None:
        _, trick, _place = urlsplit(self.path).path.split("/", 2)
        length = int(self.headers["Content-Length"])
        form = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
        query = grants.pop(form["code"], None)
        challenge = urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
        if query is None or query["code_challenge"] != challenge or query["redirect_uri"] != form["redirect_uri"]:
            self.say(400, b'{"error": "invalid_grant"}')
            return
        claims = {
            "iss": f"{self.base}/{trick}",
            "aud": query["client_id"],
            "sub": "subject",
            "nonce": query["nonce"],
            "iat": int(time.time()),
            "exp": int(time.time()) + 600,
            "hd": "example.org",
            "email": "told@example.org",
        }
        if trick.startswith("userinfo"):
            del claims["email"]
        token = TOKENS.get(trick, signed)(claims)
        access_token = {"userinfo_by_no_header": "ü\n", "long_tokens": "x" * 20_000}.get(trick, "access")
        said = {"id_token": token, "access_token": access_token, "token_type": "Bearer"}
        lifetimes = {"lifetime_beyond_time": 10**18, "lifetime_that_is_text": "long"}
        given = CANARIES if trick == "canaries" else {}
        self.answer("token", trick, said | given | {"expires_in": lifetimes.get(trick, 3600)})


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
