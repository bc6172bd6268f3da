"""Plants as the API says and takes them."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

Kind = Literal["monstera", "fig", "pothos", "snake", "succulent"]
Status = Literal["dry", "soon", "thriving", "watered", "resting"]
Name = Annotated[str, Meta(min_length=1, max_length=100)]
Line = Annotated[str, Meta(max_length=200)]
Room = Annotated[str, Meta(max_length=100)]
Moisture = Annotated[float, Meta(ge=0, le=1, description="How wet the soil is.")]
Every = Annotated[int, Meta(ge=1, le=365, description="Days between waterings.")]
Note = Annotated[str, Meta(max_length=10_000)]
Measurement = Annotated[float, Meta(ge=-1e308, le=1e308)]
Growth = Annotated[list[Measurement], Meta(max_length=1000, description="Measurements, oldest first.")]
Instant = Annotated[datetime, Meta(tz=True)]


class Plant(Struct, frozen=True):
    """A plant as its caller sees it.

    `status` is what it is now, by the calendar of the plant's home; `due_on` is the home's local date, null
    while the plant rests or if it was never watered.
    """

    id: UUID
    user_id: UUID
    name: str
    species: str
    kind: Kind
    room: str
    moisture: float
    status: Status
    every: int
    light: str
    note: str
    growth: list[float]
    last_water: datetime | None
    home_id: UUID | None
    created_at: datetime
    updated_at: datetime
    due_on: date | None


class Care(Struct, frozen=True):
    """What somebody did for a plant; `user_id` is null once that account is gone."""

    id: UUID
    plant_id: UUID
    user_id: UUID | None
    kind: Literal["water", "fertilise", "repot", "prune", "mist", "observe", "treat"]
    at: datetime
    note: str


class CreatePlant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new plant. A `status` reads back only while it is `resting` or the plant was never watered."""

    id: UUID | None = None
    name: Name
    species: Line = ""
    kind: Kind
    room: Room = ""
    moisture: Moisture = 0.5
    status: Status = "thriving"
    every: Every = 7
    light: Line = ""
    note: Note = ""
    growth: Growth = []
    last_water: Instant | None = None
    home_id: UUID | None = None


class ChangePlant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; what is absent stays, null clears."""

    name: Name | UnsetType = UNSET
    species: Line | UnsetType = UNSET
    kind: Kind | UnsetType = UNSET
    room: Room | UnsetType = UNSET
    moisture: Moisture | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    every: Every | UnsetType = UNSET
    light: Line | UnsetType = UNSET
    note: Note | UnsetType = UNSET
    growth: Growth | UnsetType = UNSET
    last_water: Instant | UnsetType | None = UNSET
    home_id: UUID | UnsetType | None = UNSET


class Water(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A watering, now unless `at` says when; with an `id` it can be sent again and is done once."""

    at: Instant | None = None
    id: UUID | None = None


class WaterMany(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which plants were watered just now: these, those of a room, or those of a home."""

    plant_ids: Annotated[list[UUID], Meta(min_length=1, max_length=1000)] | None = None
    room: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    home_id: UUID | None = None

    def __post_init__(self) -> None:
        """Refuse a body that names plants in no way or in two."""
        if (self.plant_ids, self.room, self.home_id).count(None) != 2:
            raise ValueError("Send exactly one of plant_ids, room and home_id")


class Watered(Struct, frozen=True):
    """The plants that were watered."""

    items: list[Plant]


class Grow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A measurement to append; with an `id` it can be sent again and is appended once."""

    value: Measurement
    id: UUID | None = None


class DueKey(Struct, frozen=True, array_like=True):
    """Where a plant stands in the due list: never watered first, then the longest due, then the oldest."""

    due_on: date | None
    created_at: Instant
    id: UUID
