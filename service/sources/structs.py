"""Sources as the API says and takes them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import force_setattr

AccessLevel = Literal["read", "write", "admin"]
SourceKind = Literal["gauge", "counter", "delta"]
QualityFlag = Literal["good", "questionable", "bad", "estimated"]

Name = Annotated[str, Meta(min_length=1, max_length=100)]
SourceType = Annotated[str, Meta(min_length=1, max_length=50)]
Unit = Annotated[str, Meta(min_length=1, max_length=20)]
# What may be left out is cleared with null; a text without a letter is a mistake.
Description = Annotated[str, Meta(max_length=10_000, pattern=r"\S")]
MeterNumber = Annotated[str, Meta(max_length=100, pattern=r"\S")]
PlaceName = Annotated[str, Meta(max_length=200, pattern=r"\S")]
Address = Annotated[str, Meta(max_length=500, pattern=r"\S")]
ThumbnailUrl = Annotated[str, Meta(max_length=2_000)]


class Latest(Struct, frozen=True):
    """A source's latest reading."""

    id: UUID
    timestamp: datetime
    value: float
    quality_flag: QualityFlag


class Source(Struct, frozen=True):
    """A source as its caller sees it.

    `access_level` is null where the source is only public to them; then `meter_number`, `address` and
    `created_by` are null too.
    """

    id: UUID
    name: str
    description: str | None
    source_type: str
    unit: str
    kind: SourceKind
    home_id: UUID | None
    meter_number: str | None
    place_name: str | None
    address: str | None
    thumbnail_url: str | None
    is_public: bool
    created_at: datetime
    updated_at: datetime
    created_by: UUID | None
    access_level: AccessLevel | None
    latest: Latest | None

    def __post_init__(self) -> None:
        # A row within a row comes out of the database as a tuple.
        if isinstance(self.latest, tuple):
            force_setattr(self, "latest", Latest(*self.latest))


class CreateSource(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new source; `home_id` is a home where the caller may write."""

    id: UUID | None = None
    name: Name
    description: Description | None = None
    source_type: SourceType
    unit: Unit
    kind: SourceKind = "gauge"
    home_id: UUID | None = None
    meter_number: MeterNumber | None = None
    place_name: PlaceName | None = None
    address: Address | None = None
    thumbnail_url: ThumbnailUrl | None = None
    is_public: bool = False


class ChangeSource(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; what is absent stays, null clears."""

    name: Name | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    source_type: SourceType | UnsetType = UNSET
    unit: Unit | UnsetType = UNSET
    kind: SourceKind | UnsetType = UNSET
    home_id: UUID | UnsetType | None = UNSET
    meter_number: MeterNumber | UnsetType | None = UNSET
    place_name: PlaceName | UnsetType | None = UNSET
    address: Address | UnsetType | None = UNSET
    thumbnail_url: ThumbnailUrl | UnsetType | None = UNSET
    is_public: bool | UnsetType = UNSET
