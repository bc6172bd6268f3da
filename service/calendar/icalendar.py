"""Waterings as iCalendar (RFC 5545), which calendar apps subscribe to.

Written by hand: a feed needs ten kinds of line, and libraries take seconds of every worker's time for 10,000 events.
That it is what the RFC says, an independent library confirms in the tests.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC

from service.calendar.structs import Watering

OCTETS = 75
"""How long a line may be, its end not counted."""

EVENTS = 50
"""How many events a piece holds."""

EPOCH = 1_577_836_800
"""2020-01-01, from which SEQUENCE counts seconds: they fit its 31 bits until 2088, from 1970 on only until 2038."""

# What ends a line for somebody (U+0085 and U+2028 do for many) or may not stand in one.
_NOT_IN_A_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SPECIAL = re.compile(r"[\\;,]")

_BEGIN = (
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//Homelog//Plants//EN",
    "CALSCALE:GREGORIAN",
    "NAME:Plants",
    "X-WR-CALNAME:Plants",
    "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
    "X-PUBLISHED-TTL:PT1H",
)


def calendar(waterings: Sequence[Watering]) -> Iterator[bytes]:
    """The whole calendar: a day-long event for each, which stands under one UID wherever it moves.

    It is made of nothing but what it is given, so the same waterings are the same bytes. It comes in pieces of a
    millisecond or two: who makes 10,000 events lets others have a turn in between.
    """
    yield _lines(_BEGIN)
    for start in range(0, len(waterings), EVENTS):
        yield _lines(line for watering in waterings[start : start + EVENTS] for line in _event(watering))
    yield _lines(["END:VCALENDAR"])


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode()


def _event(watering: Watering) -> list[str]:
    stamp = watering.modified.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    room = f" ({watering.room})" if watering.room.strip() else ""
    lines = [
        "BEGIN:VEVENT",
        f"UID:{watering.plant_id}-water",
        # Without a METHOD both say when it last changed (RFC 5545, 3.8.7.2), and neither when it was asked for.
        f"DTSTAMP:{stamp}",
        f"LAST-MODIFIED:{stamp}",
        f"SEQUENCE:{min(max(0, int(watering.modified.timestamp()) - EPOCH), 2**31 - 1)}",
        # A date without an end is that whole day, wherever one is.
        f"DTSTART;VALUE=DATE:{watering.day.isoformat().replace('-', '')}",
        fold(f"SUMMARY:{text(f'Water {watering.name}{room}')}"),
        # Nobody is busy because of a plant.
        "TRANSP:TRANSPARENT",
    ]
    if watering.home is not None:
        lines.append(fold(f"LOCATION:{text(watering.home)}"))
    if watering.due_on is None:
        lines.append("DESCRIPTION:Never watered.")
    elif watering.due_on < watering.day:
        lines.append(f"DESCRIPTION:Due since {watering.due_on.isoformat()}.")
    lines.append("END:VEVENT")
    return lines


def text(said: str) -> str:
    """A text as a property's value, on one line whatever is in it."""
    return _SPECIAL.sub(r"\\\g<0>", _NOT_IN_A_LINE.sub(" ", said))


def fold(line: str) -> str:
    """A line, broken where its UTF-8 is too long, but never within a character."""
    octets = line.encode()
    if len(octets) <= OCTETS:
        return line
    parts = []
    start, room = 0, OCTETS
    while len(octets) - start > room:
        end = start + room
        while octets[end] & 0xC0 == 0x80:  # the middle of a character
            end -= 1
        parts.append(octets[start:end].decode())
        # What goes on begins with a space, which counts.
        start, room = end, OCTETS - 1
    return "\r\n ".join([*parts, octets[start:].decode()])
