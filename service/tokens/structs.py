"""Device tokens as the API says and takes them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from service.readings.structs import Instant

Name = Annotated[str, Meta(min_length=1, max_length=100)]
TokenScope = Literal["read:data", "write:data"]
Scopes = Annotated[list[TokenScope], Meta(min_length=1, max_length=2)]
SourceIds = Annotated[list[UUID], Meta(min_length=1, max_length=1000)]


class Token(Struct, frozen=True):
    """A device token; without `source_ids` it reaches whatever its owner reaches."""

    id: UUID
    name: str
    scopes: list[str]
    source_ids: list[UUID] | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None

    @property
    def updated_at(self) -> datetime:
        """When it was made: it never changes, and what is noted of its use is no version."""
        return self.created_at


class NewToken(Token, frozen=True):
    """A device token as it is made: what it is sent as is said here and never again."""

    token: str


class CreateToken(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new device token."""

    id: UUID | None = None
    name: Name
    scopes: Scopes
    source_ids: SourceIds | None = None
    expires_at: Instant | None = None
