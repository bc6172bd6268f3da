"""Changes as the API says them, and the cursor that says how far a copy has come."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from service.care.structs import Care
from service.homes.structs import Home
from service.meter_events.structs import MeterEvent
from service.plants.structs import Plant
from service.readings.structs import Instant, Reading
from service.sources.structs import Source
from service.validators.structs import Validator

ChangeType = Literal["home", "source", "validator", "meter_event", "reading", "plant", "care"]
ChangeOp = Literal["upsert", "delete", "lost"]
Xid = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Snapshot = tuple[Xid, Xid, tuple[Xid, ...]]
"""A pg_snapshot: the oldest transaction that was open, the first that was yet to come, those between that were open."""
NIL = UUID(int=0)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Change(Struct, frozen=True, tag_field="type"):
    """Something that was made or changed (`upsert`), is gone (`delete`) or not the caller's to see now (`lost`).

    `source_id` is the source that it belongs to or is, null for homes, plants and their care. Each type has a struct of
    its own, which adds `data`: the object as its own GET answers it, null where there is none any more.
    """

    op: ChangeOp
    id: UUID
    source_id: UUID | None


class HomeChange(Change, frozen=True, tag="home"):
    """A change of a home."""

    data: Home | None


class SourceChange(Change, frozen=True, tag="source"):
    """A change of a source, or of the caller's access to it; a new reading is none."""

    data: Source | None


class ValidatorChange(Change, frozen=True, tag="validator"):
    """A change of a validator."""

    data: Validator | None


class MeterEventChange(Change, frozen=True, tag="meter_event"):
    """A change of a meter event."""

    data: MeterEvent | None


class ReadingChange(Change, frozen=True, tag="reading"):
    """A change of a reading."""

    data: Reading | None


class PlantChange(Change, frozen=True, tag="plant"):
    """A change of a plant; that its days go by is none."""

    data: Plant | None


class CareChange(Change, frozen=True, tag="care"):
    """A change of what was done for a plant."""

    data: Care | None


AnyChange = HomeChange | SourceChange | ValidatorChange | MeterEventChange | ReadingChange | PlantChange | CareChange


class Changes(Struct, frozen=True):
    """A page of changes. `next_cursor` is never null: the last page's begins the next pass."""

    items: list[AnyChange]
    next_cursor: str
    has_more: bool


class UserDeletion(Struct, frozen=True):
    """Something that one person does not see any more."""

    xid: int
    id: UUID
    type: ChangeType
    op: ChangeOp
    source_id: UUID | None


class SourceDeletion(Struct, frozen=True):
    """Something that is gone from a source that is still there."""

    source_id: UUID
    xid: int
    id: UUID
    type: ChangeType
    op: ChangeOp


class Tagged(Struct, frozen=True, array_like=True, tag=True, tag_field="is"):
    """A part of a cursor that says what it is."""


# Where in a phase a page ends: the key of its last row, the defaults before the first. The tag tells the phase. No
# transaction has number 0, so what begins with one begins before every row; an id may be any, so null does.


class UserDeletionKey(Tagged, frozen=True):
    """The order of what one person does not see any more."""

    xid: Xid = 0
    id: UUID = NIL
    type: ChangeType = "home"


class SourceDeletionKey(Tagged, frozen=True):
    """The order of what is gone from sources."""

    source_id: UUID = NIL
    xid: Xid = 0
    id: UUID = NIL
    type: ChangeType = "home"


class HomeKey(Tagged, frozen=True):
    """The order of homes."""

    id: UUID | None = None


class SourceKey(Tagged, frozen=True):
    """The order of sources."""

    id: UUID | None = None


class ValidatorKey(Tagged, frozen=True):
    """The order of validators."""

    source_id: UUID | None = None
    id: UUID | None = None


class MeterEventKey(Tagged, frozen=True):
    """The order of meter events."""

    source_id: UUID | None = None
    id: UUID | None = None


class PlantKey(Tagged, frozen=True):
    """The order of plants."""

    id: UUID | None = None


class CareKey(Tagged, frozen=True):
    """The order of care."""

    plant_id: UUID | None = None
    id: UUID | None = None


class ReadingKey(Tagged, frozen=True):
    """The order of readings."""

    source_id: UUID | None = None
    timestamp: Instant | None = None


Key = (
    UserDeletionKey
    | SourceDeletionKey
    | HomeKey
    | SourceKey
    | ValidatorKey
    | MeterEventKey
    | PlantKey
    | CareKey
    | ReadingKey
)


class Moment(Struct, frozen=True, array_like=True):
    """A snapshot, and when it was taken."""

    snapshot: Snapshot
    at: Instant

    def __post_init__(self) -> None:
        """Refuse what is no snapshot."""
        oldest, coming, between = self.snapshot
        if not (0 < oldest <= coming < oldest + 2**31 and 1970 <= self.at.year < 2200) or any(
            not a < b for a, b in pairwise((oldest - 1, *between, coming))
        ):
            raise ValueError("This is no snapshot")


class Whole(Tagged, frozen=True):
    """The cursor of a copy that has all that was before `beginning`."""

    era: UUID
    beginning: Moment


class Pass(Tagged, frozen=True):
    """The cursor of a copy that is getting what came since `beginning`: it is at `key`, then whole to `following`."""

    era: UUID
    beginning: Moment
    following: Moment
    key: Key


class Now(Struct, frozen=True):
    """The era, and what is seen now."""

    era: UUID
    snapshot: Snapshot
    at: datetime
