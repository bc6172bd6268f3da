"""Up and down the chain of migrations, each one whole or not at all."""

import logging
import re
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import psycopg
from psycopg.rows import TupleRow
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.migrations import Migration, MigrationList, default_migration_table

from service.migrations.connection import LOCK_KEY, LOCK_WAIT, connect, has_baseline, scalar
from service.migrations.files import (
    SQL,
    Direction,
    MigrationError,
    MigrationFile,
    check_directives,
    read_chain,
)

log = logging.getLogger(__name__)

# Behind a waiting ALTER TABLE every request queues. Two seconds is less than the five that the service waits
# for a lock, so a request that queued behind a try of ours outlives it.
LOCK_TIMEOUT = "2s"
LOCK_TRIES = 10
LONGEST_PAUSE = 15.0  # seconds between two tries
# Without a transaction nothing queues behind us, so waiting out a long query is right.
APART_LOCK_TIMEOUT = "10min"

_CREATES_INDEX = re.compile(r"\bINDEX\s+CONCURRENTLY\s+IF\s+NOT\s+EXISTS\s+(?P<name>[\w.\"]+)", re.IGNORECASE)
_PARSE_ONLY = "DO $homelog_parse_only$ BEGIN RETURN; ", "\nEND $homelog_parse_only$"


@dataclass(frozen=True)
class MigrationStatus:
    """A migration, and whether and when (in the database's zone) this database got it."""

    id: str
    state: Literal["applied", "pending"]
    applied_at: datetime | None


def upgrade(migrator_url: str, *, root: Path = SQL) -> list[str]:
    """Apply every pending migration in order and return their ids.

    Waits for another run to end, at most ten minutes. Raises MigrationError: before anything runs where files
    and database disagree; later where a migration fails, which leaves those before it applied and whole.
    """
    with _session(migrator_url, root) as (backend, chain):
        ordered = backend.to_apply(_yoyo_list(chain))
        return backend.run([chain[migration.id] for migration in ordered], "apply")


def downgrade(migrator_url: str, steps: int = 1, *, root: Path = SQL) -> list[str]:
    """Roll back the last `steps` applied migrations, newest first, and return their ids.

    The baseline stays. Waits and raises as `upgrade` does.
    """
    if steps < 1:
        raise MigrationError("the number of migrations to roll back is 1 or more")
    with _session(migrator_url, root) as (backend, chain):
        ordered = backend.to_rollback(_yoyo_list(chain))
        return backend.run([chain[migration.id] for migration in ordered[:steps]], "rollback")


def status(url: str, *, root: Path = SQL) -> list[MigrationStatus]:
    """Every migration of the files and of the database, in order; any of Homelog's logins may ask."""
    with connect(url, search_path="homelog", lock_timeout=LOCK_TIMEOUT) as connection:
        _demand_baseline(connection)
        query = "SELECT migration_id, applied_at FROM homelog.schema_migrations"
        applied: dict[str, datetime] = dict(connection.execute(query).fetchall())
    ids = sorted({migration.id for migration in read_chain(root)} | applied.keys())
    return [MigrationStatus(id_, "applied" if id_ in applied else "pending", applied.get(id_)) for id_ in ids]


def _yoyo_list(chain: dict[str, MigrationFile]) -> MigrationList:
    # Not read_migrations, which takes the folder for a glob pattern: a path may hold brackets.
    return MigrationList([Migration(id_, str(file.forward), None) for id_, file in chain.items()])


@contextmanager
def _session(url: str, root: Path) -> Iterator[tuple["_Backend", dict[str, MigrationFile]]]:
    chain = read_chain(root)
    check_directives(chain)
    with _Backend(url, default_migration_table) as backend:
        _demand_baseline(backend.connection)
        backend.take_lock()
        try:
            backend.ensure_internal_schema_updated()
            backend._internal_schema_updated = True
            _check_history(chain, backend)
        except psycopg.Error as error:
            user, why = backend.connection.info.user, error.diag.message_primary or type(error).__name__
            raise MigrationError(f"{user} cannot keep the record of migrations: {why}") from error
        yield backend, {migration.id: migration for migration in chain}


def _demand_baseline(connection: psycopg.Connection[TupleRow]) -> None:
    if not has_baseline(connection):
        raise MigrationError("the database has no baseline yet: apply sql/init first")


def _check_history(chain: list[MigrationFile], backend: "_Backend") -> None:
    """Refuse a database whose history is not a beginning of the chain, word for word."""
    ledger = backend.ledger()
    on_disk = {migration.id for migration in chain}
    for id_ in sorted(ledger.keys() - on_disk):
        raise MigrationError(
            f"{id_} is applied but its file is missing: bring it back, and to undo it downgrade before deleting it; "
            "or is this an older version?"
        )
    pending = ""
    for migration in chain:
        if migration.id not in ledger:
            pending = pending or migration.id
        elif pending:
            raise MigrationError(f"{migration.id} is applied but {pending}, which comes before it, is not")
        elif ledger[migration.id] != migration.sha256:
            raise MigrationError(
                f"{migration.forward.name} was edited after it was applied: restore it and write a migration"
            )
    marked = set(backend.get_applied_migration_hashes())
    for migration in chain:
        if (migration.id in ledger) != (migration.hash in marked):
            raise MigrationError(f"yoyo and the ledger disagree about {migration.id}: was yoyo run by hand?")


class _Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]  # yoyo ships no types
    """yoyo's backend with one connection, one lock that dies with it, and one transaction a migration."""

    def connect(self, dburi: str) -> psycopg.Connection[TupleRow]:
        connection = connect(dburi, search_path="yoyo", lock_timeout=LOCK_TIMEOUT)
        # A superuser steps down: what it made in schema yoyo the migrator could not write to.
        if scalar(connection, "SELECT rolsuper FROM pg_roles WHERE rolname = session_user"):
            connection.execute("SET SESSION AUTHORIZATION homelog_migrator")
        return connection

    def list_tables(self, **_: Any) -> list[str]:
        """List yoyo's own tables, without the parsed URL that yoyo would look at."""
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'yoyo'"
        return [name for (name,) in self.connection.execute(query)]

    def take_lock(self) -> None:
        """Hold the lock until the connection ends, however it ends.

        Polled, because a session that waits inside a statement holds a snapshot, and a CREATE INDEX
        CONCURRENTLY of the run that it waits for would wait for that.
        """
        deadline = time.monotonic() + LOCK_WAIT
        told = False
        while not scalar(self.connection, "SELECT pg_try_advisory_lock(%s)", [LOCK_KEY]):
            if time.monotonic() > deadline:
                raise MigrationError(f"another migration has been running for {LOCK_WAIT / 60:.0f} minutes")
            if not told:
                log.warning("another migration is running; waiting at most %d minutes", LOCK_WAIT / 60)
                told = True
            time.sleep(0.2)
        self._is_locked = True  # yoyo's own flag: it need not insert the row that survives a kill

    def ledger(self) -> dict[str, str]:
        """Fetch the sha256 of each applied migration, by id."""
        query = "SELECT migration_id, sha256 FROM homelog.schema_migrations"
        return dict(self.connection.execute(query).fetchall())

    def get_log_data(self, migration: Any = None, operation: str = "apply") -> dict[str, Any]:
        """Fill yoyo's log row, asking neither passwd (a container's user has no entry) nor DNS (slow)."""
        return {
            "id": str(uuid.uuid4()),
            "migration_id": migration.id if migration else None,
            "migration_hash": migration.hash if migration else None,
            "username": self.connection.info.user,
            "hostname": socket.gethostname(),
            "created_at_utc": datetime.now(UTC).replace(tzinfo=None),  # yoyo's column has no zone
            "operation": operation,
        }

    def run(self, migrations: list[MigrationFile], direction: Direction) -> list[str]:
        """Run the migrations in the order given, once all of them have been read and parsed."""
        for migration in migrations:
            migration.check(direction)
            self._parse(migration, direction)
        for migration in migrations:
            self._run_patiently(migration, direction)
            log.info("%s: %s", "applied" if direction == "apply" else "rolled back", migration.id)
        return [migration.id for migration in migrations]

    def _parse(self, migration: MigrationFile, direction: Direction) -> None:
        """Have PostgreSQL parse the file and run none of it: plpgsql parses even what it never reaches."""
        before, after = _PARSE_ONLY
        try:
            self.connection.execute(f"{before}{migration.text[direction]}{after}".encode())
        except psycopg.Error as error:
            raise _failed(migration, direction, error, offset=len(before)) from error

    def _run_patiently(self, migration: MigrationFile, direction: Direction) -> None:
        run = self._run_whole if migration.transactional else self._run_apart
        for attempt in range(1, LOCK_TRIES + 1):
            try:
                return run(migration, direction)
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
                if attempt == LOCK_TRIES:
                    raise MigrationError(
                        f"{migration.id} got no lock in {LOCK_TRIES} tries: a long transaction holds it"
                    ) from error
                log.warning("%s waits for a lock that someone holds (try %d)", migration.id, attempt)
                time.sleep(min(2.0 ** (attempt - 1), LONGEST_PAUSE))
            except psycopg.Error as error:
                raise _failed(migration, direction, error) from error
        return None

    def _run_whole(self, migration: MigrationFile, direction: Direction) -> None:
        """Run the file as it stands, and mark it, in one transaction."""
        with self.transaction():
            self.connection.execute("SET LOCAL search_path = public")
            # Without parameters the file goes to the server untouched, in one message: no splitting, no %%.
            self.connection.execute(migration.text[direction].encode())
            self._end_settings()
            self._record(migration, direction)

    def _run_apart(self, migration: MigrationFile, direction: Direction) -> None:
        """Run a file's statements one by one, each committing by itself, and mark it after the last.

        After a crash before the mark the next run starts over; `MigrationFile.check` has made sure it may.
        """
        self.connection.execute("SET search_path = public")
        self.connection.execute(f"SET lock_timeout = '{APART_LOCK_TIMEOUT}'".encode())
        for statement in migration.statements(direction):
            if index := _CREATES_INDEX.search(statement):
                self._drop_invalid(index["name"])
            self.connection.execute(statement.encode())
        self._end_settings()
        with self.transaction():
            self._record(migration, direction)

    def _drop_invalid(self, index: str) -> None:
        """Drop what a broken CREATE INDEX CONCURRENTLY left: IF NOT EXISTS would take it for the index."""
        query = "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(%s) AND NOT indisvalid"
        if scalar(self.connection, query, [index]):
            self.connection.execute(f"DROP INDEX CONCURRENTLY {index}".encode())

    def _end_settings(self) -> None:
        """Undo whatever the file has set: role, search path, timeouts."""
        self.connection.execute("RESET ROLE")
        self.connection.execute("RESET ALL")

    def _record(self, migration: MigrationFile, direction: Direction) -> None:
        """Write yoyo's mark and log and the ledger's row, or take them away."""
        if direction == "apply":
            self.mark_one(migration, log=False)
            query = "INSERT INTO homelog.schema_migrations (migration_id, sha256) VALUES (%s, %s)"
            self.connection.execute(query, [migration.id, migration.sha256])
        else:
            self.unmark_one(migration, log=False)
            query = "DELETE FROM homelog.schema_migrations WHERE migration_id = %s"
            self.connection.execute(query, [migration.id])
        self.log_migration(migration, direction)


def _failed(migration: MigrationFile, direction: Direction, error: psycopg.Error, offset: int = 0) -> MigrationError:
    """Say which file failed, on which line where PostgreSQL knows it, and why."""
    where = migration.path(direction).name
    if position := error.diag.statement_position:
        line = migration.text[direction].count("\n", 0, max(int(position) - 1 - offset, 0)) + 1
        where = f"{where}, line {line}"
    why = " ".join((error.diag.message_primary or str(error)).split())
    # What plpgsql says of a file whose last statement has no end.
    why = why.replace("unexpected end of function definition", "the last statement lacks its semicolon")
    return MigrationError(f"{where}: {why}")
