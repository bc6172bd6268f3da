"""Line protocol → points, line by line; a line that is wrong costs none of the others.

A separator is escaped by the backslash right before it, whatever stands before that; any other backslash is itself. A
quoted string may hold line breaks, so the body is not split into lines first.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

SERIES_BYTES = 2000
"""How long the text of a series may be."""

# Nowhere: a line break outside of a string, NUL, what was no UTF-8 (a surrogate stands for it). Every quantifier is
# possessive: what has been read is not read again, so a line takes time by its length, whatever it is.
_BAD = r"\0\ud800-\udfff"
_MEASUREMENT = rf"(?:[^\\, \r\n{_BAD}]++|\\[, ]|\\)++"
_NAME = rf"(?:[^\\,= \r\n{_BAD}]++|\\[,= ]|\\)++"
_STRING = rf'"(?:[^\\"{_BAD}]++|\\["\\]|\\)*+"'
_VALUE = rf'(?:{_STRING}|[^", \r\n{_BAD}]++)'

_SERIES = rf"(?!\#)({_MEASUREMENT})((?:,{_NAME}={_NAME})*+)"
_LINE = re.compile(
    rf"[ \t]*+{_SERIES}[ ]++({_NAME}={_VALUE}(?:,{_NAME}={_VALUE})*+)"
    r"(?:[ ]++(-?\d{1,19}))?[ \t]*+(?:\r?\n|\r?\Z)",
    re.ASCII,
)
_TAG = re.compile(rf",({_NAME})=({_NAME})")
_FIELD = re.compile(rf"({_NAME})=({_VALUE})")
_NOTHING = re.compile(r"(?:[ \t]*+(?:#[^\n]*+)?+\r?\n)++|[ \t]*+(?:#[^\n]*+)?+\r?\Z")
_OF_SERIES = re.compile(rf"{_SERIES} ({_NAME})\Z")

_FLOAT = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\Z", re.ASCII)
_INTEGER = re.compile(r"([+-]?\d{1,20})([iu])\Z", re.ASCII)
_RANGES = {"i": range(-(2**63), 2**63), "u": range(2**64)}
_BOOLEANS = dict.fromkeys(("t", "T", "true", "True", "TRUE"), 1.0) | dict.fromkeys(
    ("f", "F", "false", "False", "FALSE"), 0.0
)

_ESCAPED_MEASUREMENT = re.compile(r"\\([, ])")
_ESCAPED_NAME = re.compile(r"\\([,= ])")
_MEASUREMENT_ESCAPES = str.maketrans({",": r"\,", " ": r"\ "})
_NAME_ESCAPES = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = (datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)

MICROSECONDS: dict[str, tuple[int, int]] = {
    "n": (1, 1000),
    "ns": (1, 1000),
    "u": (1, 1),
    "µ": (1, 1),
    "us": (1, 1),
    "ms": (1000, 1),
    "s": (1_000_000, 1),
    "m": (60_000_000, 1),
    "h": (3_600_000_000, 1),
}
"""Precision → by how much a timestamp is multiplied, then divided."""


class Series(msgspec.Struct, frozen=True):
    """What one source is made of: a measurement, its tags in order, a field. `text` says it in one way only."""

    text: str
    measurement: str
    unit: str | None


class Point(NamedTuple):
    """A number of a line: the line's number from 1, its series, value and time."""

    line: int
    series: Series
    value: float
    at: datetime


class Flaw(NamedTuple):
    """What is wrong with a line."""

    line: int
    detail: str


class _WrongError(Exception):
    """Why a line is not taken, as a sentence."""


def points(text: str, precision: str, now: datetime) -> Iterator[Point | Flaw]:
    """The numbers of every line, and what is wrong with the others; a line without a time is of `now`.

    Strings are passed over, comments and blank lines too.
    """
    times, over = MICROSECONDS[precision]
    known: dict[str, dict[str, Series]] = {}
    line, place = 1, 0
    while place < len(text):
        if (nothing := _NOTHING.match(text, place)) is not None:
            line, place = line + text.count("\n", place, nothing.end()), nothing.end()
            continue
        match = _LINE.match(text, place)
        if match is None:
            end = text.find("\n", place)
            place = len(text) if end < 0 else end + 1
            yield Flaw(line, "This is no line of the protocol: measurement[,tag=value…] field=value[,…] [time].")
            line += 1
            continue
        measurement, tags, fields, said_time = match.groups()
        try:
            at = now if said_time is None else _time(int(said_time) * times // over)
            series_of = known.setdefault(measurement + tags, {})
            found = []
            for name, said in _FIELD.findall(fields):
                if (value := _number(said)) is not None:
                    series = series_of.get(name)
                    if series is None:
                        series = series_of[name] = _series(measurement, tags, name)
                    found.append(Point(line, series, value, at))
            yield from found
        except _WrongError as wrong:
            yield Flaw(line, str(wrong))
        place = match.end()
        line += text.count("\n", match.start(), place)


def series_of(text: str) -> Series | None:
    """A series as somebody wrote it, `measurement,tag=value field`, told in the one way; None for what is none."""
    match = _OF_SERIES.match(text)
    try:
        return _series(*match.groups()) if match else None
    except _WrongError:
        return None


def _series(measurement: str, tags: str, field: str) -> Series:
    said = _ESCAPED_MEASUREMENT.sub(r"\1", measurement)
    pairs = sorted((_unescaped(name), _unescaped(value)) for name, value in _TAG.findall(tags))
    if len({name for name, _ in pairs}) != len(pairs):
        raise _WrongError("A tag stands twice.")
    if not said.strip() or not field.strip():
        raise _WrongError("A measurement or a field has no name.")
    text = said.translate(_MEASUREMENT_ESCAPES) + "".join(
        f",{name.translate(_NAME_ESCAPES)}={value.translate(_NAME_ESCAPES)}" for name, value in pairs
    )
    text += f" {_unescaped(field).translate(_NAME_ESCAPES)}"
    if len(text.encode()) > SERIES_BYTES:
        raise _WrongError(f"A series, with all its tags, has at most {SERIES_BYTES:,} bytes.")
    return Series(text, said, dict(pairs).get("unit"))


def _unescaped(name: str) -> str:
    return _ESCAPED_NAME.sub(r"\1", name)


def _number(said: str) -> float | None:
    """A field's value as a number, true as 1; None for a string."""
    if _FLOAT.match(said):
        value = float(said)
        if value - value != 0:
            raise _WrongError("A value is a finite number.")
        return value
    if said.startswith('"'):
        return None
    if (boolean := _BOOLEANS.get(said)) is not None:
        return boolean
    if (match := _INTEGER.match(said)) and int(match[1]) in _RANGES[match[2]]:
        return float(match[1])
    raise _WrongError("A value is a number, an integer (1i, 1u), a boolean or a quoted string.")


def _time(microseconds: int) -> datetime:
    if not 0 <= microseconds <= _LAST:
        raise _WrongError("A reading's time lies between 1970 and 24 hours from now; is the precision right?")
    return _EPOCH + timedelta(microseconds=microseconds)
