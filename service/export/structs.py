"""The one line of an export that the database does not write."""

from msgspec import Struct


class Lines(Struct, frozen=True):
    """How many lines stand before the last one."""

    lines: int


class End(Struct, frozen=True, tag_field="type", tag="end"):
    """The last line: without it the export was cut off."""

    server: Lines
    call: None = None
    body: None = None
