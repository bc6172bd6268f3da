"""Homes as the API says and takes them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

Name = Annotated[str, Meta(min_length=1, max_length=100)]
Address = Annotated[str, Meta(max_length=500)]
Timezone = Annotated[str, Meta(min_length=1, max_length=50)]


class Home(Struct, frozen=True):
    """A home as its caller sees it."""

    id: UUID
    name: str
    address: str | None
    timezone: str
    created_at: datetime
    updated_at: datetime
    created_by: UUID | None
    access_level: Literal["read", "write", "admin"]


class CreateHome(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new home; `timezone` is an IANA name."""

    id: UUID | None = None
    name: Name
    address: Address | None = None
    timezone: Timezone = "UTC"


class ChangeHome(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; what is absent stays, null clears."""

    name: Name | UnsetType = UNSET
    address: Address | UnsetType | None = UNSET
    timezone: Timezone | UnsetType = UNSET
