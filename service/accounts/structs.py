"""Accounts and sessions as the API says and takes them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

Email = Annotated[str, Meta(max_length=254)]
DisplayName = Annotated[str, Meta(min_length=1, max_length=100)]
Username = Annotated[str, Meta(min_length=1, max_length=50)]
NewPassword = Annotated[str, Meta(min_length=12, max_length=128)]
# Whatever is tried is a wrong password and no wrong field; the bound only keeps the hasher's work small.
TriedPassword = Annotated[str, Meta(max_length=1024)]


class User(Struct, frozen=True):
    """An account as its owner sees it."""

    id: UUID
    email: str
    username: str | None
    display_name: str | None
    role: Literal["operator", "admin"]
    is_active: bool
    is_password_temp: bool
    created_at: datetime
    updated_at: datetime
    last_login_at: datetime | None


class Session(Struct, frozen=True):
    """A sign-in that lives; `current` is the one that asks."""

    id: UUID
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    current: bool

    @property
    def updated_at(self) -> datetime:
        """When its refresh token was last used: what else it shows never changes."""
        return self.last_used_at


class SignedIn(Struct, frozen=True):
    """What signing in and refreshing answer; `expires_in` is of the access token, in seconds."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_token: str
    user: User


class SignedInByCookies(Struct, frozen=True):
    """What signing in and refreshing answer to a browser that keeps the tokens in cookies."""

    user: User


class Register(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new account."""

    email: Email
    password: NewPassword
    display_name: DisplayName | None = None


class Login(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An e-mail and a password; with `cookies` the tokens go into cookies alone."""

    email: Email
    password: TriedPassword
    cookies: bool = False


class Refresh(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The refresh token of a session, to rotate it or to end the session; without it a browser's cookie is meant."""

    refresh_token: Annotated[str, Meta(max_length=1024)] | UnsetType = UNSET


class ChangeMe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of one's own account; what is absent stays, null clears."""

    email: Email | UnsetType = UNSET
    username: Username | UnsetType | None = UNSET
    display_name: DisplayName | UnsetType | None = UNSET


class ChangePassword(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new password, and the one it replaces, if there is one."""

    current_password: TriedPassword | UnsetType = UNSET
    new_password: NewPassword


class Credentials(Struct, frozen=True):
    """What a sign-in is checked against; it never leaves the service."""

    user_id: UUID
    password_hash: str


class OwnCredentials(Struct, frozen=True):
    """What a change of password is checked against; it never leaves the service."""

    email: str
    password_hash: str | None


class OpenSession(Struct, frozen=True):
    """What an access token says of its session."""

    session_id: UUID
    user_id: UUID
    auth_provider: str
    created_at: datetime


class RefreshedSession(OpenSession, frozen=True):
    """A session and the digest of its refresh token from now on."""

    successor: bytes


class Presented(Struct, frozen=True):
    """A refresh token as it came, and whether a browser brought it by itself."""

    token: str
    by_cookie: bool
