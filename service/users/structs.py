"""Accounts as the API says and takes them from admins."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from service.accounts.structs import DisplayName, Email, User

Role = Literal["operator", "admin"]


class NewUser(User, frozen=True):
    """An account as it is made or reset: its temporary password is said here and never again.

    It opens one session within 24 hours, and that session only the change of the password.
    """

    temporary_password: str


class CreateUser(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new account for somebody else."""

    email: Email
    display_name: DisplayName | None = None
    role: Role = "operator"


class ChangeUser(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an admin changes of an account; what is absent stays, null clears."""

    role: Role | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET
    display_name: DisplayName | UnsetType | None = UNSET
