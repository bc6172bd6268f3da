"""Validators as the API says and takes them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

Action = Literal["reject", "flag"]
RuleName = Literal["min_value", "max_value", "non_decreasing", "max_rate"]
Rate = Annotated[float, Meta(gt=0)]


class Validator(Struct, frozen=True):
    """Rules of a source; those that are null or false ask nothing. `max_rate` is in units an hour."""

    id: UUID
    source_id: UUID
    min_value: float | None
    max_value: float | None
    non_decreasing: bool
    max_rate: float | None
    action: Action
    created_at: datetime
    updated_at: datetime
    created_by: UUID | None


class CreateValidator(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """New rules, at least one; to be stored, or to be held against what is."""

    id: UUID | None = None
    min_value: float | None = None
    max_value: float | None = None
    non_decreasing: bool = False
    max_rate: Rate | None = None
    action: Action = "reject"

    def __post_init__(self) -> None:
        """Say what the table's constraints say, for those that are never stored."""
        if self.min_value is None and self.max_value is None and self.max_rate is None and not self.non_decreasing:
            raise ValueError("A validator needs at least one rule")
        if self.min_value is not None and self.max_value is not None and self.min_value > self.max_value:
            raise ValueError("The minimum is not above the maximum")


class ChangeValidator(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; what is absent stays, null clears."""

    min_value: float | UnsetType | None = UNSET
    max_value: float | UnsetType | None = UNSET
    non_decreasing: bool | UnsetType = UNSET
    max_rate: Rate | UnsetType | None = UNSET
    action: Action | UnsetType = UNSET


class Violations(Struct, frozen=True):
    """How many readings break each rule; one that breaks several counts for the first of them."""

    min_value: int
    max_value: int
    non_decreasing: int
    max_rate: int


class Violation(Struct, frozen=True):
    """A stored reading that breaks a rule."""

    id: UUID
    timestamp: datetime
    value: float
    rule: RuleName
    detail: str


class History(Struct, frozen=True):
    """What rules say of the stored readings, as the database says it: the first violations column by column."""

    checked: int
    min_value: int
    max_value: int
    non_decreasing: int
    max_rate: int
    ids: list[UUID]
    timestamps: list[datetime]
    vals: list[float]
    rules: list[RuleName]
    details: list[str]


class HistoryCheck(Struct, frozen=True):
    """What rules would say of the stored readings, bad ones apart: counts, and the first 1,000 that break one."""

    checked: int
    violations: Violations
    results: list[Violation]
    results_truncated: bool
