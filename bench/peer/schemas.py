"""What the peer is sent and answers."""

import math
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from models import AccessLevel, QualityFlag
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Value = Annotated[float, Field(allow_inf_nan=False)]


class LogReading(BaseModel):
    """A new reading."""

    model_config = ConfigDict(extra="forbid")

    id: UUID | None = None
    value: Value
    timestamp: AwareDatetime
    quality_flag: QualityFlag = QualityFlag.good
    notes: Annotated[str, Field(max_length=10_000)] | None = None
    metadata: dict[str, Any] | None = None


class ReadingOut(BaseModel):
    """A reading."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    source_id: UUID
    value: float
    timestamp: datetime
    recorded_at: datetime
    recorded_by: UUID | None
    quality_flag: QualityFlag
    notes: str | None
    metadata: dict[str, Any] | None = Field(validation_alias="extra")
    updated_at: datetime


class Latest(BaseModel):
    """A source's newest reading."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    timestamp: datetime
    value: float
    quality_flag: QualityFlag


class SourceOut(BaseModel):
    """A source."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    description: str | None
    source_type: str
    unit: str
    kind: str
    home_id: UUID | None
    meter_number: str | None
    place_name: str | None
    address: str | None
    thumbnail_url: str | None
    is_public: bool
    created_at: datetime
    updated_at: datetime
    created_by: UUID | None
    access_level: AccessLevel | None = None
    latest: Latest | None = None


class ReadingPage(BaseModel):
    """Readings, newest first."""

    items: list[ReadingOut]
    next_cursor: datetime | None


class BatchOutcome(BaseModel):
    """What became of a batch."""

    received: int
    created: int


def is_steeper(before: tuple[datetime, float], after: tuple[datetime, float], rate: float | None) -> bool:
    """Whether a value changes by more than `rate` an hour."""
    hours = (after[0] - before[0]).total_seconds() / 3600
    return rate is not None and not math.isclose(hours, 0) and abs(after[1] - before[1]) / hours > rate
