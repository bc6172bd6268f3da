"""Two databases' facts → what differs, a sentence each."""

import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from service.drift.facts import Fact, Facts

_WIDTH = 160
_AHEAD = 40  # how much of a long text is shown before the place where it differs
# The schemas that a name is read without: that of the tables, and of arguments' types that of PostgreSQL's own.
_USUAL_SCHEMA = re.compile(r'(?<![\w."])public\.|(?<=[(,])pg_catalog\.')


def differences(expected: Facts, found: Facts) -> list[str]:
    """Every way in which what is found is not as expected.

    What is missing or new as a whole is one difference: its parts go without saying.
    """
    ours: dict[str, Fact] = {}
    restored: dict[str, Fact] = {}
    for fact in expected.facts:
        (restored if fact.title in ours else ours)[fact.title] = fact
    theirs = {fact.title: fact for fact in found.facts}
    said: list[str] = []
    for title in sorted(ours.keys() | theirs.keys()):
        our, their = ours.get(title), theirs.get(title)
        if our and their:
            said += _changes(our, restored.get(title, our), their)
        elif our and (our.part_of not in ours or our.part_of in theirs):
            said.append(_missing(our))
        elif their and (their.part_of not in theirs or their.part_of in ours):
            said.append(_added(their))
    return [_on_one_line(sentence) for sentence in said]


def _on_one_line(sentence: str) -> str:
    # A name may hold anything; what it holds does not reach a terminal.
    return "".join(character if character.isprintable() else " " for character in sentence)


def _missing(fact: Fact) -> str:
    if fact.is_privilege:
        return _plain(fact.title.replace(" has ", " lacks ", 1)) + ", which the migrations grant."
    return f"{_heading(fact)} is missing{_telling(fact)}"


def _added(fact: Fact) -> str:
    if fact.is_privilege:
        return _plain(fact.title) + ", which no migration grants."
    return f"{_heading(fact)} is not in the migrations{_telling(fact)}"


def _telling(fact: Fact) -> str:
    """What says most of it, where there is such a property."""
    text = fact.properties.get("definition") or fact.properties.get("value")
    return f": {_excerpt(text, 0)}" if text else "."


def _changes(ours: Fact, restored: Fact, theirs: Fact) -> Iterator[str]:
    for name in sorted(ours.properties.keys() | theirs.properties.keys()):
        our, their = ours.properties.get(name), theirs.properties.get(name)
        if their in (our, restored.properties.get(name)):
            continue
        if isinstance(our, list) or isinstance(their, list):
            changes = _of_lists(name, our or [], their or [])
        else:
            changes = iter([_of_texts(name, our, their)])
        for change in changes:
            yield f"{_heading(ours)}: {change}."


def _of_lists(name: str, ours: list[str], theirs: list[str]) -> Iterator[str]:
    missing, added = [item for item in ours if item not in theirs], [item for item in theirs if item not in ours]
    # A column that is missing or new is a difference of its own.
    if (missing or added) and name != "columns":
        lack = [f"lack {', '.join(missing)}"] if missing else []
        have = [f"have {', '.join(added)} besides"] if added else []
        yield f"{name} {' and '.join(lack + have)}"
    common, order = [item for item in ours if item in theirs], [item for item in theirs if item in ours]
    if common != order:
        yield f"{name} are in the order {', '.join(order)}, not {', '.join(common)}"


def _of_texts(name: str, our: Any, their: Any) -> str:
    if our is None or their is None or not ("\n" in our or "\n" in their):
        at = _first_difference(our or "", their or "")
        return f"{name} is {_quoted(their, at)}, not {_quoted(our, at)}"
    lines = enumerate(zip_longest(our.split("\n"), their.split("\n")), 1)
    number, our_line, their_line = next((n, one, other) for n, (one, other) in lines if one != other)
    if our_line and their_line and our_line.split() == their_line.split():
        return f"{name} differs from line {number} on, there in blanks"
    at = _first_difference(our_line or "", their_line or "")
    return f"{name} differs from line {number} on: {_quoted(their_line, at)}, not {_quoted(our_line, at)}"


def _first_difference(one: str, other: str) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _quoted(text: str | None, at: int) -> str:
    if not text:
        return "unset" if text is None else "empty"
    shown = _excerpt(text, at)
    return shown if re.fullmatch(r'[^\s“”]*[\w)\]"]', shown) else f"“{shown}”"


def _excerpt(text: str, at: int) -> str:
    """The text on one line; where it is long, what is around that place."""
    start = max(0, at - _AHEAD) if len(text) > _WIDTH else 0
    shown = " ".join(text[start : start + _WIDTH].split())
    return f"{'…' if start else ''}{shown}{'…' if start + _WIDTH < len(text) else ''}"


def _heading(fact: Fact) -> str:
    text = _plain(fact.title)
    return text[:1].upper() + text[1:]


def _plain(title: str) -> str:
    return _USUAL_SCHEMA.sub("", title)
