"""What a database has of the migrations on disk, and where the two disagree."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal, Self

import psycopg
from psycopg.rows import TupleRow

from service.migrations.connection import has_table, scalar
from service.migrations.files import MigrationError, MigrationFile

State = Literal["applied", "pending", "skipped", "edited", "unknown"]

_HAS_MARKS = """
    SELECT has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'yoyo' AND c.relname = '_yoyo_migration'
"""


_ADVICE = "was it deleted, or yoyo run by hand? Delete nothing before you have read docs/operations.md, A lost record"


@dataclass(frozen=True)
class Entry:
    """A row of the ledger; the time is in the database's zone."""

    sha256: str
    applied_at: datetime
    applied_by: str


@dataclass(frozen=True)
class History:
    """The files, and a database's record: its baseline, the ledger, and yoyo's marks.

    The baseline is None where its row is lost, the marks where the login may not read them.
    """

    chain: list[MigrationFile]
    baseline: str | None
    ledger: dict[str, Entry]
    marks: frozenset[str] | None

    @classmethod
    def read(cls, connection: psycopg.Connection[TupleRow], chain: list[MigrationFile]) -> Self:
        """Read the record of a database that has had its baseline; raises MigrationError where there is no ledger."""
        if not has_table(connection, "schema_migrations"):
            raise MigrationError("table homelog.schema_migrations, the ledger, is missing: restore a backup")
        baseline = None
        if has_table(connection, "schema_baseline"):
            baseline = scalar(connection, "SELECT version FROM homelog.schema_baseline")
        query = "SELECT migration_id, sha256, applied_at, applied_by FROM homelog.schema_migrations"
        ledger = {id_: Entry(*entry) for id_, *entry in connection.execute(query)}
        marks = None
        if scalar(connection, _HAS_MARKS):
            marks = frozenset(
                hash_ for (hash_,) in connection.execute("SELECT migration_hash FROM yoyo._yoyo_migration")
            )
        return cls(chain, baseline, ledger, marks)

    @cached_property
    def applied(self) -> list[MigrationFile]:
        """What the ledger has, in order; what is half rolled back is among it."""
        return [migration for migration in self.chain if migration.id in self.ledger]

    @cached_property
    def pending(self) -> list[MigrationFile]:
        """What an upgrade runs, in order; what is half rolled back is among it, to be made whole."""
        return [one for one in self.chain if one.id not in self.ledger or self._is_half_rolled_back(one)]

    @property
    def missing(self) -> list[str]:
        """Name what is pending and not merely unrecorded: nothing says that it has run."""
        skipped, marks = self._skipped(), self.marks or ()
        return [one.id for one in self.pending if one.id not in skipped and one.hash not in marks]

    def states(self) -> dict[str, State]:
        """Say of each migration, of the files and of the database, in order, how it is."""
        on_disk = {migration.id: migration for migration in self.chain}
        newest = max((migration.id for migration in self.applied), default="")
        states: dict[str, State] = {}
        for id_ in sorted(on_disk.keys() | self.ledger.keys()):
            if id_ not in on_disk:
                states[id_] = "unknown"
            elif id_ not in self.ledger:
                states[id_] = "skipped" if id_ < newest else "pending"
            elif self._is_half_rolled_back(on_disk[id_]):
                states[id_] = "pending"
            else:
                states[id_] = "applied" if self.ledger[id_].sha256 == on_disk[id_].sha256 else "edited"
        return states

    def complaints(self) -> list[str]:
        """Say why nothing may be run here, and what to do, a sentence each; nothing where all is well."""
        return [*self._unknown(), *self._edited(), *self.out_of_order(), *self.lost()]

    def out_of_order(self) -> list[str]:
        """Say of the first migration that came in below one that is applied, and never ran, that it has to move up."""
        return [
            f"{later} is applied but {id_}, which comes before it, is not: give that the next free number"
            for id_, later in self._skipped().items()
            if not self._has_run(id_)
        ][:1]

    def lost(self) -> list[str]:
        """Say which rows of the record were lost, a sentence each; what they told of may well be there."""
        return [*self._baseline_lost(), *self._rows_lost(), *self._marked_alone()]

    def refuse(self) -> None:
        """Raise MigrationError with the first complaint, if there is one."""
        if complaints := self.complaints():
            raise MigrationError(complaints[0])

    def _unknown(self) -> list[str]:
        numbers = {migration.id[:4]: migration for migration in self.chain}
        found = []
        for id_, state in self.states().items():
            if state != "unknown":
                continue
            if other := numbers.get(id_[:4]):
                why = f"{other.id} has its number; bring the file back, or give it back its name"
            else:
                why = "the database is newer than this code; use the version that has it, also to roll it back"
            found.append(f"{id_} is applied but its file is missing: {why}")
        return found

    def _edited(self) -> list[str]:
        states = self.states()
        return [
            f"{migration.forward.name} was edited after it was applied: restore it and write a migration"
            for migration in self.applied
            if states[migration.id] == "edited"
        ]

    def _skipped(self) -> dict[str, str]:
        """Name those that are not in the ledger, each with the next one that is."""
        return {
            id_: next(one.id for one in self.applied if one.id > id_)
            for id_, state in self.states().items()
            if state == "skipped"
        }

    def _has_run(self, id_: str) -> bool:
        """Whether one that is not in the ledger must have run all the same."""
        migration = next(one for one in self.chain if one.id == id_)
        return migration.has_landed or migration.hash in (self.marks or ())

    def _baseline_lost(self) -> list[str]:
        if self.baseline is not None:
            return []
        count = len(self.ledger)
        applied = f"{count} migration{' is' if count == 1 else 's are'} applied" if count else "the schema is there"
        return [f"the baseline's row is missing, though {applied}: {_ADVICE}"]

    def _rows_lost(self) -> list[str]:
        return [
            f"the ledger has no row of {id_}, though {later}, which comes after it, is applied: {_ADVICE}"
            for id_, later in self._skipped().items()
            if self._has_run(id_)
        ]

    def _marked_alone(self) -> list[str]:
        if self.marks is None:
            return []
        skipped = self._skipped()
        return [
            f"yoyo has no mark of {one.id}, which the ledger has as applied: {_ADVICE}"
            if one.id in self.ledger
            else f"the ledger has no row of {one.id}, which yoyo has marked as applied: {_ADVICE}"
            for one in self.chain
            if (one.id in self.ledger) != (one.hash in self.marks)
            and one.id not in skipped
            and not self._is_half_rolled_back(one)
        ]

    def _is_half_rolled_back(self, migration: MigrationFile) -> bool:
        """Whether a rollback outside a transaction was cut short: its mark goes first, its row in the ledger last."""
        if self.marks is None or migration.id not in self.ledger or migration.hash in self.marks:
            return False
        return not migration.transactional
