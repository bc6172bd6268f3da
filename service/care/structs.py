"""Care and growth as the API says and takes them."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from service.plants.structs import Instant, Measurement, Note, Plant

CareKind = Literal["water", "fertilise", "repot", "prune", "mist", "observe", "treat"]
OtherCareKind = Literal["fertilise", "repot", "prune", "mist", "observe", "treat"]
"""What is done for a plant beside watering it."""
MOST_NAMED = 1_000
MOST_AT_ONCE = 10_000
"""How many plants one call cares for: what a room or a home holds, and less where each is named."""
CareEvery = Annotated[int, Meta(ge=1, le=3650, description="Days from one time to the next.")]


class Care(Struct, frozen=True):
    """What somebody did for a plant; `user_id` is null once that account is gone."""

    id: UUID
    plant_id: UUID
    user_id: UUID | None
    kind: CareKind
    at: datetime
    note: str

    @property
    def updated_at(self) -> datetime:
        """The version of the row: care is logged and undone, never changed."""
        return self.at


class CreateCare(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Care to log, given now unless `at` says when; with an `id` it can be sent again and is logged once."""

    id: UUID | None = None
    kind: CareKind
    at: Instant | None = None
    note: Note = ""


class Water(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A watering, now unless `at` says when; with an `id` it can be sent again and is done once."""

    at: Instant | None = None
    id: UUID | None = None


class OfMany(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which plants were cared for: these, those of a room in any home or in one, or those of a home; and when.

    That is now unless `at` says it. With an `id` it can be sent again and is done once to each plant.
    """

    plant_ids: Annotated[list[UUID], Meta(min_length=1, max_length=MOST_NAMED)] | None = None
    room: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    home_id: UUID | None = None
    at: Instant | None = None
    id: UUID | None = None

    def __post_init__(self) -> None:
        """Refuse a body that names plants in no way or in two."""
        if (self.plant_ids is None) == (self.room is None and self.home_id is None):
            raise ValueError("Send plant_ids, room, home_id, or room and home_id together for a room of one home")


class WaterMany(OfMany, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which plants were watered, and when."""


class CareForMany(OfMany, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was done for which plants, and when; many are watered by a call of its own."""

    kind: OtherCareKind
    note: Note = ""


CareStatus = Literal["watered", "logged", "duplicate", "conflict", "forbidden", "not_found"]
"""What becomes of a plant's care. A `duplicate` was logged before, a `conflict` met other care with its id."""


class CareResult(Struct, frozen=True):
    """What became of one plant that was named; `event_id` is its care, null where there is none."""

    plant_id: UUID
    status: CareStatus
    event_id: UUID | None


class Watering(Plant, frozen=True):
    """A plant that was named, as it is now, and its watering, null where there is none."""

    event_id: UUID | None


class WateredPlant(Watering, frozen=True):
    """And what became of it."""

    outcome: CareStatus


class LoggedCare(Struct, frozen=True):
    """What became of a plant that was named, and the care, null where there is none."""

    plant_id: UUID
    outcome: CareStatus
    id: UUID
    user_id: UUID | None
    kind: CareKind
    at: datetime
    note: str


class Watered(Struct, frozen=True):
    """The plants that are watered, as they are now, and what became of each plant that was named."""

    items: list[Plant]
    results: list[CareResult]


class CaredFor(Struct, frozen=True):
    """The care that is logged, and what became of each plant that was named."""

    items: list[Care]
    results: list[CareResult]


class CareKey(Struct, frozen=True, array_like=True):
    """Where care stands in a plant's history."""

    at: Instant
    id: UUID


class CareInterval(Struct, frozen=True):
    """How often a plant wants care other than water.

    `due_on` is the date in the plant's home, null as `last_at` is: never done, so due.
    """

    plant_id: UUID
    kind: CareKind
    every: int
    last_at: datetime | None
    due_on: date | None
    created_at: datetime
    updated_at: datetime


class IntervalKey(Struct, frozen=True, array_like=True):
    """Where an interval stands among those of its plant."""

    kind: CareKind


class SetCareInterval(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many days lie between one time and the next."""

    every: CareEvery


class DueCare(Struct, frozen=True):
    """Care that a plant wants; `last_at` and `due_on` are null for what was never done."""

    plant_id: UUID
    name: str
    room: str
    home_id: UUID | None
    kind: CareKind
    every: int
    last_at: datetime | None
    due_on: date | None


class DueCareKey(Struct, frozen=True, array_like=True):
    """Where care stands in the list of what is due: never done first, then the longest due."""

    due_on: date | None
    plant_id: UUID
    kind: CareKind


class GrowthMeasurement(Struct, frozen=True):
    """A measurement of a plant's growth; `user_id` is null once that account is gone."""

    id: UUID
    plant_id: UUID
    user_id: UUID | None
    at: datetime
    value: float


class Grow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A measurement to append, made now unless `at` says when; with an `id` it is appended once, however often sent."""

    value: Measurement
    at: Instant | None = None
    id: UUID | None = None


class CorrectGrowth(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the last measurement should have been."""

    value: Measurement
