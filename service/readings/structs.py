"""Readings as the API says and takes them."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import force_setattr

from service.sources.structs import Latest, QualityFlag

Instant = Annotated[datetime, Meta(tz=True)]
Notes = Annotated[str, Meta(max_length=10_000)]
Status = Literal["duplicate", "conflict", "replaced", "flagged", "rejected"]


class Reading(Struct, frozen=True):
    """A reading as its caller sees it; strangers to a public source see no notes, metadata or people."""

    id: UUID
    source_id: UUID
    value: float
    timestamp: datetime
    recorded_at: datetime
    recorded_by: UUID | None
    quality_flag: QualityFlag
    notes: str | None
    metadata: dict[str, Any] | None
    updated_at: datetime


class LogReading(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A reading of the source that the path names; without `timestamp`, which only a single one may lack, now."""

    value: float
    timestamp: Instant | None = None
    id: UUID | None = None
    quality_flag: QualityFlag = "good"
    notes: Notes | None = None
    metadata: dict[str, Any] | None = None


class LogReadingOf(LogReading, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A reading that names its source itself."""

    source_id: UUID


class CorrectReading(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to correct; what is absent stays, null clears. Source and timestamp never change."""

    value: float | UnsetType = UNSET
    quality_flag: QualityFlag | UnsetType = UNSET
    notes: Notes | UnsetType | None = UNSET
    metadata: dict[str, Any] | UnsetType | None = UNSET


class LatestOfSource(Struct, frozen=True):
    """A source and its newest reading, null if it has none."""

    source_id: UUID
    latest: Latest | None

    def __post_init__(self) -> None:
        """A row within a row comes out of the database as a tuple."""
        if isinstance(self.latest, tuple):
            force_setattr(self, "latest", Latest(*self.latest))


class RowOutcome(Struct, frozen=True):
    """What became of a row of a batch that was not simply created; `index` counts data rows from 0."""

    index: int
    status: Status
    pointer: str | None = None
    rule: str | None = None
    detail: str | None = None


class BatchOutcome(Struct, frozen=True):
    """The counts of a batch, and its first 1,000 rows that were not simply created."""

    received: int
    created: int
    duplicates: int
    replaced: int
    rejected: int
    results: list[RowOutcome]
    results_truncated: bool
