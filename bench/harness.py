"""What a row of the table is, and how its two sides are compared: alternating, by the medians of their rounds."""

import math
from collections.abc import Callable
from statistics import median
from typing import NamedTuple

Side = Callable[[], float]
"""Does its work once and says how long it took: seconds for each request, or for the whole."""


class Rounds(NamedTuple):
    """How often each side takes its turn, and how long a turn of many requests lasts."""

    turns: int = 5
    seconds: float = 3.0


class Bound(NamedTuple):
    """What a figure must reach and should reach; `sign` is ≥ where more is better.

    With `either_way` neither side may take so much longer than the other.
    """

    sign: str
    must: float
    aim: float
    unit: str = "×"
    either_way: bool = False

    def met(self, figure: float) -> str:
        """Whether a figure reaches the aim, the must, or neither."""
        aim, must = (figure >= bound if self.sign == "≥" else figure <= bound for bound in (self.aim, self.must))
        return "aim" if aim else "yes" if must else "no"

    def said(self, bound: float) -> str:
        """A bound as the table shows it."""
        return f"{self.sign} {bound:,g}{self.unit}"


class Result(NamedTuple):
    """One line of the table."""

    work: str
    against: str
    ours: str
    theirs: str
    figure: float
    bound: Bound

    @property
    def cells(self) -> list[str]:
        """The line as it is shown."""
        return [
            self.work,
            self.against,
            self.ours,
            self.theirs,
            f"{_three(self.figure)}{self.bound.unit}",
            self.bound.said(self.bound.must),
            self.bound.said(self.bound.aim),
            self.bound.met(self.figure),
        ]


class NotThere(Exception):
    """What a row measures does not exist yet, as a sentence."""


def at_least(must: float, aim: float) -> Bound:
    """So many times as fast as the other side."""
    return Bound("≥", must, aim)


def at_most(must: float, aim: float) -> Bound:
    """At most so many times as long as the other side."""
    return Bound("≤", must, aim)


def alike(must: float, aim: float) -> Bound:
    """Neither side takes more than so many times as long as the other."""
    return Bound("≤", must, aim, either_way=True)


def compare(
    rounds: Rounds, work: str, against: str, ours: Side, theirs: Side, bound: Bound, *, rate: bool = False
) -> Result:
    """Let both sides take turns, each first every other round, after a turn each that does not count.

    With `rate` what is shown is turned into requests a second.
    """
    mine: list[float] = []
    others: list[float] = []
    turns = [(ours, mine), (theirs, others)]
    for side, _ in turns:
        side()
    for _ in range(rounds.turns):
        for side, times in turns:
            times.append(side())
        turns.reverse()
    a, b = median(mine), median(others)
    show = per_second if rate else duration
    figure = b / a if bound.sign == "≥" else a / b
    if bound.either_way:
        figure = max(figure, 1 / figure)
    return Result(work, against, show(a, mine), show(b, others), figure, bound)


def duration(seconds: float, rounds: list[float]) -> str:
    """A time, and how far the rounds lay apart."""
    scale, unit = (1e6, "µs") if seconds < 1e-3 else (1e3, "ms") if seconds < 1 else (1, "s")
    return f"{_three(seconds * scale)} {unit}{_spread(rounds)}"


def per_second(seconds: float, rounds: list[float]) -> str:
    """A rate, and how far the rounds lay apart."""
    return f"{_three(1 / seconds)}/s{_spread(rounds)}"


def _spread(rounds: list[float]) -> str:
    return f" ±{(max(rounds) - min(rounds)) / 2 / median(rounds):.0%}"


def _three(number: float) -> str:
    """Three digits that count, more where there are more before the point."""
    return f"{number:,.{max(0, 2 - math.floor(math.log10(number)))}f}"
