"""Retentions as the API says and takes them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

RetentionAction = Literal["thin", "delete"]


class Retention(Struct, frozen=True):
    """For how many months a source keeps its readings, and what becomes of older ones.

    `thinned_until` and `deleted_until` say how far that has been done; before the later of the two nothing is written.
    """

    source_id: UUID
    months: int
    action: RetentionAction
    thinned_until: datetime | None
    deleted_until: datetime | None
    created_at: datetime
    updated_at: datetime
    created_by: UUID | None


class PutRetention(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For how long readings are to be kept."""

    months: Annotated[int, Meta(ge=1, le=1200)]
    action: RetentionAction = "thin"
