"""Bodies on their way in: how slowly they may come, and when there is no room for them."""

import asyncio
import time

from litestar.types import HTTPScope, Receive, ReceiveMessage

from service.disk import Disk
from service.problems import Problem

IDLE_SECONDS = 10.0
"""How long a client may be silent; also how long a body may take, besides what its size gives it."""
BYTES_PER_SECOND = 8 * 1024
"""How slowly a body may come: each so many bytes give it a second more."""
WHOLE_SECONDS = 60.0
"""How long a body of at most 10 MiB may take in all. Readings come for as long as they come fast enough."""


class Arrival:
    """The `receive` of one request. Only waiting for the client counts: what the service takes is not its fault.

    Raises 408 for a body that comes too slowly, and 507 before one of readings for which there is no room.
    """

    __slots__ = ("_disk", "_is_whole", "_receive", "_received", "_scope", "_waited")

    def __init__(self, receive: Receive, scope: HTTPScope, disk: Disk) -> None:
        self._receive = receive
        self._scope = scope
        self._disk = disk
        self._received = 0
        self._waited = 0.0
        self._is_whole = False

    async def __call__(self) -> ReceiveMessage:
        """The next piece of the body, after which it tells when the client is gone."""
        if self._is_whole:
            return await self._receive()
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._patience()):
                message = await self._receive()
        except TimeoutError:
            self._is_whole = True
            raise Problem("too_slow", "The body came too slowly; nothing was done with it.") from None
        self._waited += time.monotonic() - began
        if message["type"] == "http.request":
            self._received += len(message["body"])
            self._is_whole = not message["more_body"]
        return message

    def _patience(self) -> float:
        patience = min(IDLE_SECONDS, IDLE_SECONDS + self._received / BYTES_PER_SECOND - self._waited)
        # The route is known by the time that anybody asks for the body.
        if self._scope["route_handler"].opt.get("takes_readings"):
            if self._received == 0:
                self._disk.demand_room()
            return patience
        return min(patience, WHOLE_SECONDS - self._waited)
