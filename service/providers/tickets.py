"""Tickets: what a sign-in carries through a browser or a client, sealed, for minutes, to be used once."""

import hashlib
import secrets
import time
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from service.providers.fetching import FailedSignIn
from service.providers.sealing import Sealer
from service.providers.structs import Identity

SECONDS = 600
"""How long somebody may take at the provider, or to type an e-mail."""

T = TypeVar("T", bound="Ticket")


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """One sign-in under way; `key` is what makes it one of a kind, `expires` in seconds since the epoch."""

    provider: str
    key: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(32))
    expires: int = msgspec.field(default_factory=lambda: int(time.time()) + SECONDS)

    @property
    def digest(self) -> bytes:
        """What is stored of it once it was used."""
        return hashlib.sha256(self.key.encode()).digest()

    @property
    def expires_at(self) -> datetime:
        """When it stops working."""
        return datetime.fromtimestamp(self.expires, UTC)


class Attempt(Ticket, frozen=True, kw_only=True):
    """A browser that was sent to a provider. The key is the `state` that it must bring back; it keeps the rest."""

    nonce: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(32))
    verifier: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(48))
    return_to: str | None = None


class Pending(Ticket, frozen=True, kw_only=True):
    """Somebody whom a provider vouched for without an e-mail."""

    identity: Identity


class Tickets:
    """Writes tickets and reads them; each kind is bound to its own name."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        self._sealer = Sealer.from_secrets(texts, "homelog tickets")

    def write(self, ticket: Ticket) -> str:
        """The ticket as its holder keeps it."""
        return self._sealer.seal(msgspec.json.encode(ticket), bound=type(ticket).__name__)

    def read(self, kind: type[T], sealed: str | None, provider: str) -> T:
        """A ticket of this kind and provider. Raises `FailedSignIn` for what is none, or has expired."""
        plain = self._sealer.open(sealed, bound=kind.__name__) if sealed else None
        ticket = None if plain is None else msgspec.json.decode(plain, type=kind)
        if ticket is None or ticket.provider != provider or ticket.expires <= time.time():
            raise FailedSignIn("ticket")
        return ticket
