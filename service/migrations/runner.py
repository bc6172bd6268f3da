"""Up and down the chain of migrations, each one whole or not at all."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import psycopg

from service.migrations.backend import LOCK_TIMEOUT, Backend
from service.migrations.connection import connect, has_baseline, scalar
from service.migrations.files import SQL, MigrationError, MigrationFile, check_directives, find, read_chain
from service.migrations.history import History, State
from service.migrations.rehearsal import Rehearsal, baseline_script

B = TypeVar("B", bound=Backend)
Tell = Callable[[str], None]


def _say_nothing(_id: str) -> None:
    pass


@dataclass(frozen=True)
class MigrationStatus:
    """A migration, how it stands here, and when (in the database's zone) this database got it."""

    id: str
    state: State
    applied_at: datetime | None


@dataclass(frozen=True)
class SchemaStatus:
    """A database's baseline, None where it is missing, its migrations in order, and why nothing may be run on it.

    A database that is empty has no baseline and no complaint.
    """

    baseline: str | None
    migrations: list[MigrationStatus]
    complaints: list[str]

    @property
    def up_to_date(self) -> bool:
        """Whether this is the schema of these files, neither older nor newer nor another."""
        return bool(self.baseline) and {one.state for one in self.migrations} <= {"applied"} and not self.complaints


def upgrade(migrator_url: str, *, root: Path = SQL, to: str | None = None, tell: Tell = _say_nothing) -> list[str]:
    """Apply every pending migration in order, or those up to the one that `to` names, and return their ids.

    Where `to` is the last one applied there is nothing to do, so that a deployment may name it twice.
    `tell` hears each id when it is done. Waits for another run to end, at most ten minutes. Raises
    MigrationError: before anything runs where files and database disagree; later where a migration fails, which
    leaves those before it applied and whole.
    """
    with _session(Backend, migrator_url, root) as (backend, history):
        return backend.run(_to_apply(history, to), "apply", tell)


def downgrade(
    migrator_url: str,
    steps: int = 1,
    *,
    root: Path = SQL,
    expected: Sequence[str] | None = None,
    tell: Tell = _say_nothing,
) -> list[str]:
    """Roll back the last `steps` applied migrations, newest first, and return their ids.

    The baseline stays. `expected` are the ids that somebody agreed to: where others have become the last ones
    since, nothing runs. Waits and raises as `upgrade` does.
    """
    with _session(Backend, migrator_url, root) as (backend, history):
        migrations = _to_roll_back(history, steps)
        if expected is not None and [migration.id for migration in migrations] != list(expected):
            raise MigrationError("meanwhile somebody else has migrated this database: look again, then decide")
        return backend.run(migrations, "rollback", tell)


def rehearse_upgrade(migrator_url: str, *, root: Path = SQL, to: str | None = None) -> str:
    """Write the script that `upgrade` would run, empty where nothing is missing; nothing is changed or locked."""
    with _session(Rehearsal, migrator_url, root) as (rehearsal, history):
        done = rehearsal.run(_to_apply(history, to), "apply", _say_nothing)
        return str(rehearsal) if done else ""


def rehearse_downgrade(migrator_url: str, steps: int = 1, *, root: Path = SQL) -> str:
    """Write the script that `downgrade` would run; nothing is changed or locked."""
    with _session(Rehearsal, migrator_url, root) as (rehearsal, history):
        rehearsal.run(_to_roll_back(history, steps), "rollback", _say_nothing)
        return str(rehearsal)


def rehearse_baseline(url: str, *, root: Path = SQL) -> str:
    """Write the script that `ensure_baseline` would run, empty where the baseline is there."""
    with connect(url, search_path="public", lock_timeout=LOCK_TIMEOUT, read_only=True) as connection:
        return "" if has_baseline(connection) else baseline_script(root)


def last_applied(migrator_url: str, steps: int = 1, *, root: Path = SQL) -> list[MigrationFile]:
    """Look up what `downgrade` would roll back, newest first."""
    with _session(Rehearsal, migrator_url, root) as (_, history):
        return _to_roll_back(history, steps)


def status(url: str, *, root: Path = SQL) -> SchemaStatus:
    """Compare the files with the database; any of Homelog's logins may ask."""
    chain = read_chain(root)
    with connect(url, search_path="homelog", lock_timeout=LOCK_TIMEOUT, read_only=True) as connection:
        if not has_baseline(connection):
            return SchemaStatus(None, [MigrationStatus(one.id, "pending", None) for one in chain], [])
        history = History.read(connection, chain)
    times = {id_: entry.applied_at for id_, entry in history.ledger.items()}
    migrations = [MigrationStatus(id_, state, times.get(id_)) for id_, state in history.states().items()]
    return SchemaStatus(history.baseline, migrations, history.complaints())


def _to_apply(history: History, to: str | None) -> list[MigrationFile]:
    if to is None:
        return history.pending
    last = find(history.chain, to)
    if last not in history.pending and last != history.applied[-1]:
        raise MigrationError(f"{last.id} is applied already: to go back is a downgrade")
    return [migration for migration in history.pending if migration.id <= last.id]


def _to_roll_back(history: History, steps: int) -> list[MigrationFile]:
    if steps < 1:
        raise MigrationError("the number of migrations to roll back is 1 or more")
    there = len(history.applied)
    if steps > there:
        has = f"has {there} migration{'' if there == 1 else 's'}" if there else "has no migration"
        raise MigrationError(f"the database {has} above the baseline, which stays: {steps} cannot be rolled back")
    return history.applied[::-1][:steps]


@contextmanager
def _session(kind: type[B], url: str, root: Path) -> Iterator[tuple[B, History]]:
    """Begin a run: the files keep the rules, the lock is held, and the database's history is a part of the chain."""
    chain = read_chain(root)
    check_directives(chain)
    with kind(url) as backend:
        backend.take_lock()
        if not scalar(backend.connection, "SELECT to_regnamespace('yoyo') IS NOT NULL"):
            raise MigrationError(
                "schema yoyo, which holds the marks of migrations, is missing: docs/operations.md, A lost record"
            )
        try:
            backend.make_yoyos_tables()
            history = History.read(backend.connection, chain)
        except psycopg.Error as error:
            user, why = backend.connection.info.user, error.diag.message_primary or type(error).__name__
            raise MigrationError(f"the login {user} cannot keep the record of migrations: {why}") from error
        history.refuse()
        yield backend, history
