"""The benchmark's own arithmetic; how fast anything is, no test says."""

from collections.abc import Iterator
from itertools import chain, repeat

import pytest

from bench.__main__ import ROWS
from bench.harness import Rounds, alike, at_least, at_most, compare
from bench.postgres import put_in
from service.migrations import SQL


def test_sides_take_turns_and_each_goes_first_every_other_round() -> None:
    turns: list[str] = []

    def ours() -> float:
        turns.append("o")
        return 1

    def theirs() -> float:
        turns.append("t")
        return 1

    compare(Rounds(3), "work", "it", ours, theirs, at_least(1, 2))
    assert "".join(turns) == "ot" + "ot" + "to" + "ot"


@pytest.mark.parametrize(("bound", "figure"), [(at_least(1, 4), 2.0), (at_most(0.5, 0.1), 0.5), (alike(2, 1), 2.0)])
def test_a_figure_is_the_ratio_of_medians_without_the_first_turn(bound: object, figure: float) -> None:
    def side(*seconds: float) -> Iterator[float]:
        return chain([1000.0], seconds, repeat(0.0))

    ours, theirs = side(1, 9, 2), side(4, 4, 400)
    result = compare(Rounds(3), "work", "it", lambda: next(ours), lambda: next(theirs), bound)  # type: ignore[arg-type]
    assert (result.figure, result.bound.met(result.figure)) == (figure, "yes")


@pytest.mark.parametrize(
    ("figure", "met"), [(0.49, ("no", "aim")), (0.5, ("yes", "aim")), (1.0, ("aim", "yes")), (1.01, ("aim", "no"))]
)
def test_a_bound_is_met_from_its_side(figure: float, met: tuple[str, str]) -> None:
    assert (at_least(0.5, 1).met(figure), at_most(1, 0.5).met(figure)) == met


def test_what_pgbench_is_given_holds_no_colon_but_casts() -> None:
    assert put_in("/* readings:get */ SELECT $1, $10", *map(str, range(1, 11))) == "SELECT '1'::text, '10'::text"


def test_every_row_is_told_of() -> None:
    page = (SQL.parent / "bench/README.md").read_text("utf-8")
    assert [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")] == list(ROWS)
