"""Plants as the API says and takes them."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

Kind = Literal["monstera", "fig", "pothos", "snake", "succulent"]
Status = Literal["dry", "soon", "thriving", "watered", "resting", "unknown"]
WrittenStatus = Literal["dry", "soon", "thriving", "watered", "resting"]
Sensor = Literal["fresh", "unknown"]
Name = Annotated[str, Meta(min_length=1, max_length=100)]
Line = Annotated[str, Meta(max_length=200)]
Room = Annotated[str, Meta(max_length=100)]
Moisture = Annotated[float, Meta(ge=0, le=1, description="How wet the soil is.")]
Every = Annotated[int, Meta(ge=1, le=365, description="Days between waterings.")]
Note = Annotated[str, Meta(max_length=10_000)]
Factor = Annotated[float, Meta(ge=0.1, le=10, description="In the season `every` counts so many times.")]
Month = Annotated[int, Meta(ge=1, le=12)]
DryBelow = Annotated[float, Meta(ge=0, le=1, description="A moisture below this is dry to a sensor.")]
Hours = Annotated[int, Meta(ge=1, le=8760, description="For how long a sensor's reading counts.")]
Measurement = Annotated[float, Meta(ge=-1e308, le=1e308)]
Growth = Annotated[list[Measurement], Meta(max_length=1000, description="Measurements, oldest first.")]
Instant = Annotated[datetime, Meta(tz=True)]


class Plant(Struct, frozen=True):
    """A plant as its caller sees it.

    `status` is what it is now, by the calendar of the plant's home or by its sensor; `due_on` is the home's local
    date, null while the plant rests, if it was never watered, and while its sensor finds it wet. `moisture_at` is the
    time of the sensor's reading that `moisture` is of; `sensor` is null for a plant without one.
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
    season_factor: float | None
    season_from: int | None
    season_to: int | None
    snoozed_until: date | None
    moisture_source_id: UUID | None
    dry_below: float
    stale_after_hours: int
    moisture_at: datetime | None
    sensor: Sensor | None


class CreatePlant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new plant. A `status` reads back only while it is `resting` or the plant was never watered."""

    id: UUID | None = None
    name: Name
    species: Line = ""
    kind: Kind
    room: Room = ""
    moisture: Moisture = 0.5
    status: WrittenStatus = "thriving"
    every: Every = 7
    light: Line = ""
    note: Note = ""
    growth: Growth = []
    last_water: Instant | None = None
    home_id: UUID | None = None
    season_factor: Factor | None = None
    season_from: Month | None = None
    season_to: Month | None = None
    snoozed_until: date | None = None
    moisture_source_id: UUID | None = None
    dry_below: DryBelow = 0.2
    stale_after_hours: Hours = 24


class ChangePlant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; what is absent stays, null clears."""

    name: Name | UnsetType = UNSET
    species: Line | UnsetType = UNSET
    kind: Kind | UnsetType = UNSET
    room: Room | UnsetType = UNSET
    moisture: Moisture | UnsetType = UNSET
    status: WrittenStatus | UnsetType = UNSET
    every: Every | UnsetType = UNSET
    light: Line | UnsetType = UNSET
    note: Note | UnsetType = UNSET
    growth: Growth | UnsetType = UNSET
    last_water: Instant | UnsetType | None = UNSET
    home_id: UUID | UnsetType | None = UNSET
    season_factor: Factor | UnsetType | None = UNSET
    season_from: Month | UnsetType | None = UNSET
    season_to: Month | UnsetType | None = UNSET
    snoozed_until: date | UnsetType | None = UNSET
    moisture_source_id: UUID | UnsetType | None = UNSET
    dry_below: DryBelow | UnsetType = UNSET
    stale_after_hours: Hours | UnsetType = UNSET


class DueKey(Struct, frozen=True, array_like=True):
    """Where a plant stands in the due list: never watered first, then the longest due, then the oldest."""

    due_on: date | None
    created_at: Instant
    id: UUID
