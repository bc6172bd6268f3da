"""Budgets of requests: one for each identity, kept in the database, of which each worker takes some at a time."""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import msgspec

from service.observing import REFUSALS, log
from service.problems import rate_limited, unavailable
from service.sqlfile import queries_beside


class Taken(msgspec.Struct, frozen=True):
    """What a worker was granted of an identity's budget, what remains of that, and for how many seconds."""

    identity: UUID
    granted: int
    remaining: int
    seconds: float


TAKE_REQUESTS = queries_beside(__file__)("take_requests", Taken)

SHARES = 10
"""A worker takes a tenth of a budget at a time, so that the trip to the database is made for every tenth of it."""
SECONDS, TURNS = 0.05, 20
"""A healthy trip takes well under a millisecond. Whoever must wait this often this long for one is not counted: for a
second, or longer where the worker itself is late and its loop has not yet come round to the answer."""
REST_SECONDS = 1.0
"""How long nobody is counted after the database has not answered."""
REMEMBERED = 50_000
"""How many identities a worker holds shares of."""

_ENDED = (OSError, asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, asyncpg.InterfaceError)
_SILENT = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class Share:
    """What a worker holds of one identity's budget; good until `ends`, on the monotonic clock."""

    __slots__ = ("asking", "ends", "left", "remaining", "waiting")

    def __init__(self) -> None:
        self.left = 0
        self.remaining = 0
        self.ends = -math.inf
        self.asking = asyncio.Lock()
        self.waiting = 0

    def take(self) -> bool:
        """One request of the share, if there is one."""
        if self.left == 0 or time.monotonic() >= self.ends:
            return False
        self.left -= 1
        return True

    @property
    def is_refused(self) -> bool:
        """Whether the database has said that nothing is left."""
        return self.left == 0 and self.remaining == 0 and time.monotonic() < self.ends

    def hold(self, taken: Taken, asked: float) -> None:
        """Take in what was granted at some time after `asked`; what is left of an earlier one lapses."""
        self.left = taken.granted
        self.remaining = taken.remaining
        # From before the question on, so that the share lapses no later than the budget that it is of.
        self.ends = asked + taken.seconds


class Budgets:
    """The budgets of `most` requests a minute, as one worker sees them. Until `opened` everything is let through."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._share = max(1, most // SHARES)
        self._shares: OrderedDict[UUID, Share] = OrderedDict()
        self._pool: asyncpg.Pool | None = None
        self._rests_until = -math.inf
        self._questions: dict[UUID, tuple[int, asyncio.Future[tuple[Taken, float]]]] = {}
        self._asking: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def opened(self, url: str) -> AsyncIterator[None]:
        """Count for the while, on a connection apart from the pool: who is to be refused must not wait for a turn."""
        if not self.most:
            yield
            return
        self._pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=1,
            timeout=2,
            command_timeout=SECONDS * TURNS,
            server_settings={"application_name": "homelog limits"},
        )
        try:
            yield
        finally:
            self._pool.terminate()

    async def take(self, identity: UUID, *, exactly: bool) -> list[tuple[bytes, bytes]]:
        """Count one request: the headers that tell what remains, none where nothing is counted.

        `exactly` takes no more than is asked for just now, so that nothing lies unused in another worker. Raises 429,
        with the headers, for a budget that is used up. Where the database does not answer the request is let through
        to learn that for itself, and what must be exact is 503.
        """
        if self._pool is None:
            return []
        share = self._shares.get(identity)
        if share is None:
            share = self._shares[identity] = Share()
            if len(self._shares) > REMEMBERED:
                self._shares.popitem(last=False)
        try:
            granted = await self._take_of(identity, share, exactly=exactly)
        except _SILENT as error:
            log.warning("not counted", why=repr(error))
            self._rests_until = time.monotonic() + REST_SECONDS
            if exactly:
                raise unavailable() from None
            return []
        if granted is None:
            return []
        seconds = max(1, math.ceil(share.ends - time.monotonic()))
        told = {
            "RateLimit-Limit": str(self.most),
            "RateLimit-Remaining": str(share.left + share.remaining),
            "RateLimit-Reset": str(seconds),
        }
        if not granted:
            REFUSALS.labels("requests").inc()
            raise rate_limited(seconds, f"There are {self.most} requests a minute; wait for the next.", told)
        return [(name.lower().encode(), value.encode()) for name, value in told.items()]

    async def _take_of(self, identity: UUID, share: Share, *, exactly: bool) -> bool | None:
        if share.take():
            return True
        # One question at a time: those who wait for it share what it brings.
        share.waiting += 1
        try:
            async with share.asking:
                while not share.take():
                    if share.is_refused:
                        return False
                    if not exactly and time.monotonic() < self._rests_until:
                        return None
                    share.hold(*await self._ask(identity, share.waiting if exactly else self._share))
                return True
        finally:
            share.waiting -= 1

    async def _ask(self, identity: UUID, wanted: int) -> tuple[Taken, float]:
        """What was granted, and a time before it was asked for."""
        # What is asked while a trip is under way goes with the next one, all together.
        answer: asyncio.Future[tuple[Taken, float]] = asyncio.get_running_loop().create_future()
        self._questions[identity] = (wanted, answer)
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_all())
        for _ in range(TURNS):
            if (await asyncio.wait((answer,), timeout=SECONDS))[0]:
                return answer.result()
        answer.cancel()
        raise TimeoutError("the database does not say what is left of a budget")

    async def _ask_all(self) -> None:
        while self._questions:
            questions, self._questions = self._questions, {}
            asked = time.monotonic()
            try:
                rows = await self._fetch([*questions], [wanted for wanted, _ in questions.values()])
            except _SILENT as error:
                for _, answer in questions.values():
                    if not answer.done():
                        answer.set_exception(error)
                continue
            for taken in (Taken(*row) for row in rows):
                if not (answer := questions[taken.identity][1]).done():
                    answer.set_result((taken, asked))

    async def _fetch(self, identities: list[UUID], wanted: list[int]) -> list[asyncpg.Record]:
        assert self._pool is not None  # noqa: S101 - whoever asks has been opened
        try:
            return await self._pool.fetch(TAKE_REQUESTS.sql, identities, wanted, self.most)
        except _ENDED:
            # A connection that died while it was idle shows it here; what it counted, if it did, lapses.
            return await self._pool.fetch(TAKE_REQUESTS.sql, identities, wanted, self.most)
