"""Whose budget a request is of: an account's, a device token's, for a few calls a session's, else the address's."""

import hashlib
from collections import OrderedDict
from typing import TypeVar
from uuid import UUID

from litestar.types import HTTPScope

from service.identity import LONGEST, Caller
from service.limits.budgets import Budgets

K = TypeVar("K")
V = TypeVar("V")

DEVICES = 10_000
"""How many device tokens a worker knows as good."""
SESSIONS = 50_000
"""How many sessions a worker knows as alive."""
LINE_PROTOCOL = frozenset({"/api/v2/write", "/write"})
"""Where a device token may be spelled in more ways, so that its handler alone makes out who comes with it."""


class Counting:
    """Counts the requests that one worker sees."""

    def __init__(self, budgets: Budgets) -> None:
        self._budgets = budgets
        # By the header that they come in: a device token that the database has not vouched for may be made up, and
        # each would be a new budget.
        self._devices: OrderedDict[bytes, UUID] = OrderedDict()
        # A token of a session that has ended is still signed by us, and whoever stole it would use the account's up.
        self._sessions: OrderedDict[UUID, None] = OrderedDict()

    async def count(self, scope: HTTPScope) -> list[tuple[bytes, bytes]]:
        """Count a request against whoever makes it: the headers that tell what remains. Raises 429."""
        path = scope["path"]
        if path in {"/health", "/metrics"} or path.startswith("/health/"):
            return []
        return await self._budgets.take(self._identity(scope), exactly=path.startswith("/v1/auth/"))

    def note(self, scope: HTTPScope, status: int) -> None:
        """Remember a session or device token by which something was answered, and forget one that is none any more."""
        caller: Caller = scope["homelog.caller"]  # type: ignore[typeddict-item]
        if caller.session_id is not None:
            _keep(self._sessions, caller.session_id, None, status, SESSIONS)
        elif caller.token_hash is not None and 0 < len(said := _authorization(scope)) <= LONGEST:
            _keep(self._devices, said, UUID(bytes=caller.token_hash[:16]), status, DEVICES)

    def _identity(self, scope: HTTPScope) -> UUID:
        caller: Caller = scope["homelog.caller"]  # type: ignore[typeddict-item]
        if caller.user_id is not None and caller.session_id is not None and caller.session_id in self._sessions:
            return caller.session_id if _shuts_others_out(scope) else caller.user_id
        # Where none is asked for, a device token would only buy whoever has it another budget.
        takes_device = caller.token_hash is not None or scope["path"] in LINE_PROTOCOL
        known = self._devices.get(_authorization(scope)) if takes_device else None
        return known or _half(scope["homelog.address"].encode())  # type: ignore[typeddict-item]


def _keep(kept: OrderedDict[K, V], key: K, value: V, status: int, most: int) -> None:
    if status == 401:
        kept.pop(key, None)
    elif status < 500:
        kept[key] = value
        if len(kept) > most:
            kept.popitem(last=False)


def _shuts_others_out(scope: HTTPScope) -> bool:
    """Whether a call ends sessions or changes the password.

    These are counted by session, so that nobody who uses the account's budget up keeps its owner from them.
    """
    if scope["method"] == "PUT":
        return scope["path"] == "/v1/me/password"
    return scope["method"] == "DELETE" and f"{scope['path']}/".startswith("/v1/me/sessions/")


def _authorization(scope: HTTPScope) -> bytes:
    return b", ".join(value for name, value in scope["headers"] if name == b"authorization")


def _half(said: bytes) -> UUID:
    return UUID(bytes=hashlib.sha256(said).digest()[:16])
