"""Grants as the API says and takes them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

AccessLevel = Literal["read", "write", "admin"]
Email = Annotated[str, Meta(min_length=1, max_length=254)]


class Grant(Struct, frozen=True):
    """What a person may do with a source; `via` says why: they made it, were granted it, or belong to its home."""

    source_id: UUID
    user_id: UUID
    email: str
    display_name: str | None
    access_level: AccessLevel
    granted_at: datetime
    granted_by: UUID | None
    via: Literal["owner", "grant", "home"]


class CreateGrant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new grant, to an account that is named by its id or its e-mail."""

    user_id: UUID | None = None
    email: Email | None = None
    access_level: AccessLevel

    def __post_init__(self) -> None:
        if (self.user_id is None) == (self.email is None):
            raise ValueError("Name the person by user_id or by email, exactly one of them")


class ChangeGrant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The level that a grant gets."""

    access_level: AccessLevel
