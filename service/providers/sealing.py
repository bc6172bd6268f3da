"""Sealing: what is given out of hand, or put away, and comes back as it was or not at all."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


class Sealer:
    """AES-256-GCM under the first of several keys; opens what any of them sealed.

    What a seal is `bound` to has to be said again to open it: a sealed value that is moved elsewhere stays shut.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._ciphers = {_name(key): AESGCM(key) for key in keys}
        self._newest = _name(keys[0])

    @classmethod
    def from_secrets(cls, texts: Sequence[str], purpose: str) -> "Sealer":
        """A sealer whose keys are derived from the service's secrets for one purpose."""
        return cls([hmac.digest(text.encode(), purpose.encode(), hashlib.sha256) for text in texts])

    def seal(self, plain: bytes, *, bound: str) -> str:
        """Seal; the text is of URL-safe characters and names its key."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._ciphers[self._newest].encrypt(nonce, plain, bound.encode())
        return f"{self._newest}.{urlsafe_b64encode(sealed).decode().rstrip('=')}"

    def open(self, sealed: str, *, bound: str) -> bytes | None:
        """What was sealed; None for what was not, not so bound, or with a key that is kept no more."""
        name, _, text = sealed.partition(".")
        cipher = self._ciphers.get(name)
        if cipher is None:
            return None
        try:
            raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
            return cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], bound.encode())
        except (InvalidTag, ValueError):
            return None


def _name(key: bytes) -> str:
    return hashlib.sha256(b"homelog key name" + key).hexdigest()[:8]
