"""Guesses of passwords, one after the other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from service.observing import REFUSALS
from service.problems import rate_limited, unavailable

SECONDS = 4.0
"""How long a guess waits for those before it."""

_turns: WeakValueDictionary[tuple[str, ...], asyncio.Lock] = WeakValueDictionary()


@asynccontextmanager
async def in_turn(*about: str) -> AsyncIterator[None]:
    """Let guesses about the same pass one at a time within this process; 503 for one that waits too long.

    A guess counts as a failure until it is known to be right. Without turns, somebody who signs in many times at once
    with the right password would be taken for somebody who guesses. One thread hashes, so that nobody loses by it.
    """
    turn = _turns.setdefault(about, asyncio.Lock())
    try:
        async with asyncio.timeout(SECONDS):
            await turn.acquire()
    except TimeoutError:
        REFUSALS.labels("sign_ins").inc()
        raise unavailable("Too many people are signing in just now; try again.") from None
    try:
        yield
    finally:
        turn.release()


def demand_no_wait(seconds: int) -> None:
    """Raise 429 for a guess that has to wait so many seconds: the same for known and unknown e-mails."""
    if seconds:
        REFUSALS.labels("passwords").inc()
        raise rate_limited(seconds, "Too many wrong passwords were tried; wait before the next.")
