"""Passwords: which are refused, and the one thread that hashes them."""

import asyncio
import re
import secrets
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

from service.observing import REFUSALS
from service.problems import Problem, unavailable

P = ParamSpec("P")
T = TypeVar("T")

MEMORY_KIB = 19456
PASSES = 2

# What fingers and children know by heart; any stretch of one, forwards or backwards, is a common password.
_RUNS = (
    "abcdefghijklmnopqrstuvwxyz" * 2,
    "1234567890" * 4,
    "qwertyuiopasdfghjklzxcvbnm" * 2,
    "qwertyuiop[]asdfghjkl;'zxcvbnm,./",
    "qwertzuiopasdfghjklyxcvbnm" * 2,
    "azertyuiopqsdfghjklmwxcvbn" * 2,
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1q2w3e4r5t6y7u8i9o0p",
    "1a2b3c4d5e6f7g8h9i0j",
    "a1b2c3d4e5f6g7h8i9j0",
)
_TYPED = "23456789abcdefghjkmnpqrstuvwxyz"
_LEET = str.maketrans("@4301!57$8", "aaeoiistsb")
_ENDS = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_PUNCTUATION = re.compile(r"[\W_]+")


class Hasher:
    """Argon2id in one thread of its own, behind a short queue.

    One thread leaves other requests four fifths of their speed; two of them, or more memory, do not. Who gets
    no turn in time is answered 503. Whoever waits here must hold no transaction.
    """

    WAITING = 32
    SECONDS = 4.0

    def __init__(self) -> None:
        self._argon2 = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=1)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hasher")
        self._waiting = 0
        # Checked where there is no account, so that this takes as long. Its digest is random: nobody has it.
        salt, digest = (b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32))
        self._nobodys = f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p=1${salt}${digest}"

    async def hash(self, password: str) -> str:
        """The hash to store, in PHC form; 503 if the queue is full."""
        return await self._in_turn(self._argon2.hash, password)

    async def matches(self, stored: str | None, password: str) -> bool:
        """Whether the stored hash is of this password; None takes as long and never is. 503 as above."""
        return await self._in_turn(self._check, stored or self._nobodys, password)

    def _check(self, stored: str, password: str) -> bool:
        try:
            return self._argon2.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_turn(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._waiting >= self.WAITING:
            raise _busy()
        self._waiting += 1
        try:
            turn = asyncio.wrap_future(self._thread.submit(work, *args, **kwargs))
            return await asyncio.wait_for(turn, self.SECONDS)
        except TimeoutError:
            raise _busy() from None
        finally:
            self._waiting -= 1


HASHER = Hasher()
"""The hasher of this process."""


def temporary_password() -> str:
    """A random password of 99 bits to be read out and typed in: no character that looks like another."""
    return "-".join("".join(secrets.choice(_TYPED) for _ in range(5)) for _ in range(4))


def is_weak(stored: str) -> bool:
    """Whether a hash was made with less work than new ones are."""
    made = extract_parameters(stored)
    return made.memory_cost < MEMORY_KIB or made.time_cost < PASSES


def refuse_guessable(pointer: str, password: str, email: str) -> None:
    """Raise a 422 at `pointer` for a password that is among the first to be guessed for this account."""
    # Folded to compare guesses; whose an e-mail is only the database decides.
    address = email.casefold()
    if password.casefold() in (address, address.partition("@")[0]):
        raise Problem.at(pointer, "A password is not the e-mail address.")
    if is_common(password):
        raise Problem.at(pointer, "This password is among the first to be guessed; choose another one.")


def is_common(password: str) -> bool:
    """Whether a password is one piece again and again, a run of keys, or on the list, disguised or not."""
    folded = password.casefold()
    core = _ENDS.sub("", folded)
    return (
        # A string that repeats a piece of itself is found within its double, less the two ends.
        folded in (folded + folded)[1:-1]
        or any(folded in run or folded in run[::-1] for run in _RUNS)
        or any(_PUNCTUATION.sub("", said.translate(_LEET)) in _listed() for said in (folded, core))
        or not _listed().isdisjoint({_PUNCTUATION.sub("", folded), _PUNCTUATION.sub("", core)})
    )


@cache
def _listed() -> frozenset[str]:
    lines = Path(__file__).with_name("common_passwords.txt").read_text("utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


def _busy() -> Problem:
    REFUSALS.labels("sign_ins").inc()
    return unavailable("Too many people are signing in just now; try again.")
