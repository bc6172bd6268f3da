"""Audit rows as the API says them."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct

RowId = Annotated[int, Meta(ge=1, le=2**63 - 1)]


class Place(Struct, frozen=True, array_like=True):
    """Where a page of everybody's rows ended."""

    event_time: Annotated[datetime, Meta(tz=True)]
    id: RowId


class AuditRow(Struct, frozen=True):
    """One event; `details` holds old and new values and what else tells it, never a secret.

    They are null where an admin reads what others did.
    """

    id: int
    event_time: datetime
    user_id: UUID | None
    source_id: UUID | None
    entry_id: UUID | None
    event_type: str
    details: dict[str, Any] | None
