"""Members as the API says and takes them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

AccessLevel = Literal["read", "write", "admin"]
Email = Annotated[str, Meta(min_length=1, max_length=254)]
Instant = Annotated[datetime, Meta(tz=True)]


class Member(Struct, frozen=True):
    """Somebody who belongs to a home; a guest's access ends at `expires_at`."""

    home_id: UUID
    user_id: UUID
    email: str
    display_name: str | None
    access_level: AccessLevel
    expires_at: datetime | None
    granted_at: datetime
    granted_by: UUID | None


class InviteMember(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new member, an account that is named by its id or its e-mail."""

    user_id: UUID | None = None
    email: Email | None = None
    access_level: AccessLevel
    expires_at: Instant | None = None

    def __post_init__(self) -> None:
        if (self.user_id is None) == (self.email is None):
            raise ValueError("Name the person by user_id or by email, exactly one of them")


class ChangeMember(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a member may do from now on, and until when; without `expires_at` they stay."""

    access_level: AccessLevel
    expires_at: Instant | None = None
