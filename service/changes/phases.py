"""What a pass sends, phase by phase: first what is gone, then what is there, the whole before its parts."""

from collections.abc import Callable
from typing import Any, get_args

from msgspec import Struct
from msgspec.structs import astuple

from service.care.structs import Care
from service.changes.structs import (
    AnyChange,
    CareChange,
    CareKey,
    HomeChange,
    HomeKey,
    Key,
    MeterEventChange,
    MeterEventKey,
    Moment,
    PlantChange,
    PlantKey,
    ReadingChange,
    ReadingKey,
    SourceChange,
    SourceDeletion,
    SourceDeletionKey,
    SourceKey,
    UserDeletion,
    UserDeletionKey,
    ValidatorChange,
    ValidatorKey,
)
from service.homes.structs import Home
from service.meter_events.structs import MeterEvent
from service.plants.structs import Plant
from service.readings.structs import Reading
from service.sources.structs import Source
from service.sqlfile import Query, queries_beside
from service.transaction import Transaction
from service.validators.structs import Validator

_bind = queries_beside(__file__)
USER_DELETIONS = _bind("user_deletions", UserDeletion)
SOURCE_DELETIONS = _bind("source_deletions", SourceDeletion)
CHANGED_HOMES = _bind("changed_homes", Home)
CHANGED_SOURCES = _bind("changed_sources", Source)
CHANGED_VALIDATORS = _bind("changed_validators", Validator)
CHANGED_METER_EVENTS = _bind("changed_meter_events", MeterEvent)
CHANGED_PLANTS = _bind("changed_plants", Plant)
CHANGED_CARE = _bind("changed_care", Care)
CHANGED_READINGS = _bind("changed_readings", Reading)


class Phase(Struct, frozen=True):
    """One query in the order of one key, and the change that a row of it is."""

    query: Query[Any]
    key: type[Key]
    change: Callable[[Any], AnyChange]
    timed: bool = False
    """Whether it depends on the time too: a guest's access ends without a transaction."""

    async def rows(self, tx: Transaction, since: Moment, after: Key, limit: int) -> list[Any]:
        """What changed since a moment, from a key on."""
        beginning = astuple(since) if self.timed else (since.snapshot,)
        return await tx.all(self.query, *beginning, *astuple(after), limit)

    def key_of(self, row: Any) -> Key:
        """Where a row stands: its own columns of the key's names."""
        return self.key(*(getattr(row, name) for name in self.key.__struct_fields__))


_BY_TYPE: dict[str, type[AnyChange]] = {change.__struct_config__.tag: change for change in get_args(AnyChange)}


def _gone(row: UserDeletion | SourceDeletion) -> AnyChange:
    return _BY_TYPE[row.type](row.op, row.id, row.source_id, None)


def _source(row: Source) -> AnyChange:
    return SourceChange("upsert", row.id, row.id, row)


def _upsert(change: type[AnyChange]) -> Callable[[Any], AnyChange]:
    return lambda row: change("upsert", row.id, getattr(row, "source_id", None), row)


DELETIONS = [
    Phase(USER_DELETIONS, UserDeletionKey, _gone, timed=True),
    Phase(SOURCE_DELETIONS, SourceDeletionKey, _gone),
]
UPSERTS = [
    Phase(CHANGED_HOMES, HomeKey, _upsert(HomeChange)),
    Phase(CHANGED_SOURCES, SourceKey, _source, timed=True),
    Phase(CHANGED_VALIDATORS, ValidatorKey, _upsert(ValidatorChange)),
    Phase(CHANGED_METER_EVENTS, MeterEventKey, _upsert(MeterEventChange)),
    Phase(CHANGED_PLANTS, PlantKey, _upsert(PlantChange), timed=True),
    Phase(CHANGED_CARE, CareKey, _upsert(CareChange)),
    Phase(CHANGED_READINGS, ReadingKey, _upsert(ReadingChange)),
]


def from_key(key: Key) -> list[tuple[Phase, Key]]:
    """The phases that are still to come, each with the key to begin after."""
    phases = DELETIONS + UPSERTS
    (reached,) = (number for number, phase in enumerate(phases) if isinstance(key, phase.key))
    return [(phases[reached], key), *((phase, phase.key()) for phase in phases[reached + 1 :])]
