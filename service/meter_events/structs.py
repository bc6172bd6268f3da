"""Meter events as the API says and takes them."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct
from msgspec.structs import force_setattr

from service.readings.structs import Instant

MeterEventKind = Literal["swap", "rollover", "reset"]


class MeterEvent(Struct, frozen=True):
    """A moment at which a counter's values jump; strangers to a public source do not see who noted it.

    Readings at or after `at` are of the meter as it is afterwards. `old_value` is what it would have shown just then,
    null for what the last reading before showed; `new_value` what it showed from then on, null for what the first
    reading afterwards showed.
    """

    id: UUID
    source_id: UUID
    at: datetime
    kind: MeterEventKind
    old_value: float | None
    new_value: float | None
    created_at: datetime
    created_by: UUID | None

    @property
    def updated_at(self) -> datetime:
        """The version of the row: an event is made and removed, never changed."""
        return self.created_at


class CreateMeterEvent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new meter event; a value that nobody noted is left out."""

    id: UUID | None = None
    at: Instant
    kind: MeterEventKind
    old_value: float | None = None
    new_value: float | None = None


class Point(Struct, frozen=True):
    """A reading on one side of a drop."""

    id: UUID
    timestamp: datetime
    value: float


class SuggestedMeterEvent(Struct, frozen=True):
    """The event that would explain a drop, and the readings before and after it."""

    at: datetime
    kind: MeterEventKind
    old_value: float
    new_value: float
    before: Point
    after: Point

    def __post_init__(self) -> None:
        """A row within a row comes out of the database as a tuple."""
        for name in ("before", "after"):
            if isinstance(point := getattr(self, name), tuple):
                force_setattr(self, name, Point(*point))
