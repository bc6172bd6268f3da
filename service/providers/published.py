"""What a provider publishes: fetched once for all who ask, kept for a while, and so is that it cannot be had."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from service.providers.fetching import ProviderDown, in_time

T = TypeVar("T")

FAILED_SECONDS = 30.0
"""How long nobody asks again after a failure: who comes meanwhile is told at once, and does not wait for it too."""


class Published(Generic[T]):
    """One document of a provider's; `known` is the latest that was had, however old."""

    def __init__(self, fetch: Callable[[], Awaitable[T]]) -> None:
        self.known: T | None = None
        self._fetch = fetch
        self._fetched = 0.0
        self._failed = 0.0
        self._why: ProviderDown | None = None
        self._asking: asyncio.Task[None] | None = None

    async def get(self, good_for: float) -> T:
        """It, no older than so many seconds. Raises `ProviderDown`."""
        now = time.monotonic()
        if self.known is not None and now - self._fetched <= good_for:
            return self.known
        if self._why is None or now - self._failed > FAILED_SECONDS:
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(self._ask())
            # Whoever goes away, or has waited long enough, does not take it from the others.
            await asyncio.shield(self._asking)
        if self._why is not None:
            raise type(self._why)(*self._why.args)
        if self.known is None:
            raise ProviderDown("cannot be reached")
        return self.known

    def stop(self) -> None:
        """Fetch nothing any more: who still waits is cancelled."""
        if self._asking is not None:
            self._asking.cancel()

    async def _ask(self) -> None:
        try:
            async with in_time():
                self.known = await self._fetch()
            self._fetched, self._why = time.monotonic(), None
        except ProviderDown as failure:
            self._failed, self._why = time.monotonic(), failure
