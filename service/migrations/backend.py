"""yoyo's backend with one connection, one lock that dies with it, and one transaction a migration."""

import logging
import socket
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.rows import TupleRow
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.migrations import default_migration_table

from service.migrations.connection import LOCK_WAIT, connect, has_baseline, scalar, wait_for_lock
from service.migrations.files import Direction, MigrationError, MigrationFile, built_index
from service.migrations.statements import Statement

log = logging.getLogger(__name__)

# Behind a waiting ALTER TABLE every request queues. Two seconds is less than the five that the service waits
# for a lock, so a request that queued behind a lock of ours outlives the wait for it.
LOCK_TIMEOUT = "2s"
# A transaction keeps the locks that it has while it waits for the next. From the first one on that a reader or a
# writer would wait for, all that follow share these seconds; a statement still waits the least, or a file that works
# for long could never end.
LOCKS_WAIT = 2.0
LEAST_WAIT = 0.1
LOCK_TRIES = 10
LONGEST_PAUSE = 15.0  # seconds between two tries
# Nothing queues behind an index that is built or dropped CONCURRENTLY, so waiting out a long query is right.
INDEX_LOCK_TIMEOUT = "10min"
SEARCH_PATH = "yoyo"

# An index lies in its table's schema, whatever the search path is.
_BUILT_INDEX = """
    SELECT format('%%I.%%I', n.nspname, c.relname), i.indisvalid
    FROM pg_class AS t
    JOIN pg_namespace AS n ON n.oid = t.relnamespace
    JOIN pg_index AS i ON i.indrelid = t.oid
    JOIN pg_class AS c ON c.oid = i.indexrelid
    WHERE t.oid = to_regclass(%(table)s) AND c.relname = (parse_ident(%(index)s))[1]::name
"""
# PostgreSQL is asked, for no text tells what a CASCADE or a DO locks.
_LOCKED = """
    SELECT relation
    FROM pg_catalog.pg_locks
    WHERE pid = pg_catalog.pg_backend_pid() AND locktype = 'relation' AND granted
        AND mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
"""
# A file that wants to wait less itself is left alone; 0 is for ever.
_WAIT_AT_MOST = """
    SELECT pg_catalog.set_config(name, %(ms)s::text, true)
    FROM pg_catalog.pg_settings
    WHERE name = 'lock_timeout' AND (setting = '0' OR setting::integer > %(ms)s)
"""
LOCK_ERRORS = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
_PARSE_ONLY = "DO $homelog_parse_only$ BEGIN RETURN; ", "\nEND $homelog_parse_only$"


class Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]  # yoyo ships no types
    """One session of the migrator. Whatever changes something goes through `send`, or yoyo's `execute`."""

    read_only = False

    def __init__(self, url: str) -> None:
        super().__init__(url, default_migration_table)

    def connect(self, dburi: str) -> psycopg.Connection[TupleRow]:
        """Connect, as homelog_migrator or as a superuser who then steps down."""
        connection = connect(dburi, search_path=SEARCH_PATH, lock_timeout=LOCK_TIMEOUT, read_only=self.read_only)
        # The roles come with it, whom a superuser could not become before.
        if not has_baseline(connection):
            connection.close()
            raise MigrationError(
                "the database has no baseline yet: set HOMELOG_ADMIN_URL to a superuser's URL of it, or apply sql/init "
                "as one"
            )
        # What a superuser made in schema yoyo the migrator could not write to.
        if scalar(connection, "SELECT rolsuper FROM pg_roles WHERE rolname = session_user"):
            connection.execute("SET SESSION AUTHORIZATION homelog_migrator")
        return connection

    def send(self, statement: str, parameters: Sequence[Any] | None = None) -> None:
        """Run what changes something. Without parameters it goes to the server untouched: no splitting, no %%."""
        self.connection.execute(statement.encode(), parameters)

    def send_alone(self, statement: str) -> None:
        """Run one statement that a file holds.

        Binary has psycopg speak the extended protocol, in which PostgreSQL refuses a second command in the same
        message: no COMMIT gets past `MigrationFile.check`, wherever it is hidden.
        """
        self.connection.execute(statement.encode(), binary=True)

    def _send_from(self, migration: MigrationFile, direction: Direction, statement: Statement) -> None:
        """Run a statement of a file. Raises MigrationError, with its line, except where a lock was not to be had."""
        try:
            self.send_alone(statement.text)
        except LOCK_ERRORS:
            raise
        except psycopg.Error as error:
            raise _failed(migration, direction, error, begins=statement.start) from error

    def list_tables(self, **_: Any) -> list[str]:
        """List yoyo's own tables, without the parsed URL that yoyo would look at."""
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'yoyo'"
        return [name for (name,) in self.connection.execute(query)]

    def take_lock(self) -> None:
        """Hold the lock until the connection ends, however it ends."""
        holder = "another migration or a backup"
        if not wait_for_lock(self.connection, holder):
            raise MigrationError(f"{holder} has been running for {LOCK_WAIT / 60:.0f} minutes")
        self._is_locked = True  # yoyo's own flag: it need not insert the row that survives a kill

    def make_yoyos_tables(self) -> None:
        """Make the tables that yoyo marks migrations in, where they are missing."""
        self.ensure_internal_schema_updated()
        self._internal_schema_updated = True

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

    def run(self, migrations: Sequence[MigrationFile], direction: Direction, tell: Callable[[str], None]) -> list[str]:
        """Run the migrations in the order given, once all of them have been read and parsed; tell each that is done."""
        for migration in migrations:
            migration.check(direction)
            self._parse(migration, direction)
        for migration in migrations:
            self.begin_migration(migration, direction)
            self._run_patiently(migration, direction)
            tell(migration.id)
        return [migration.id for migration in migrations]

    def begin_migration(self, migration: MigrationFile, direction: Direction) -> None:
        """Do nothing; a rehearsal writes down what comes."""

    def _parse(self, migration: MigrationFile, direction: Direction) -> None:
        """Have PostgreSQL parse the file and run none of it: plpgsql parses even what it never reaches."""
        before, after = _PARSE_ONLY
        try:
            self.connection.execute(f"{before}{migration.text[direction]}{after}".encode())
        except psycopg.Error as error:
            raise _failed(migration, direction, error, begins=-len(before)) from error

    def _run_patiently(self, migration: MigrationFile, direction: Direction) -> None:
        run = self._run_whole if migration.transactional else self._run_apart
        for attempt in range(1, LOCK_TRIES + 1):
            try:
                return run(migration, direction)
            except LOCK_ERRORS as error:
                if attempt == LOCK_TRIES:
                    raise MigrationError(
                        f"{migration.id} got no lock in {LOCK_TRIES} tries: a long transaction holds it"
                    ) from error
                log.warning("%s waits for a lock that someone holds (try %d)", migration.id, attempt)
                self._end_settings()  # the next try begins as this one did
                time.sleep(min(2.0 ** (attempt - 1), LONGEST_PAUSE))
            except psycopg.Error as error:
                raise _failed(migration, direction, error) from error
        return None

    def _run_whole(self, migration: MigrationFile, direction: Direction) -> None:
        """Run the file's statements as they stand, and mark it, in one transaction."""
        theirs = self._relations("SELECT oid FROM pg_class")  # nobody waits for what the file itself makes
        with self.transaction():
            self.send("SET LOCAL search_path = public")
            deadline = None
            for statement in migration.statements(direction):
                began = time.monotonic()
                if deadline is not None:
                    left = max(deadline - began, LEAST_WAIT)
                    self.connection.execute(_WAIT_AT_MOST.encode(), {"ms": round(left * 1000)})
                self._send_from(migration, direction, statement)
                # Not asked after a SET: SET TRANSACTION has to come before any query.
                if deadline is None and not statement.sets and theirs & self._relations(_LOCKED):
                    deadline = began + LOCKS_WAIT
            self._end_settings()
            if direction == "apply":
                self.mark_one(migration, log=False)
                self._enter(migration)
            else:
                self.unmark_one(migration, log=False)
                self._strike(migration)
            self.log_migration(migration, direction)

    def _relations(self, query: str) -> set[int]:
        return {oid for (oid,) in self.connection.execute(query.encode())}

    def _run_apart(self, migration: MigrationFile, direction: Direction) -> None:
        """Run a file's one statement, which commits by itself; `MigrationFile.check` has made sure it may run twice.

        A crash before the row in the ledger leaves it pending, and the next run starts over. A rollback takes
        yoyo's mark away first and the row last: cut short, it shows, and either direction may go on from there.
        """
        if direction == "rollback":
            self.unmark_one(migration, log=False)
        self.send("SET search_path = public")
        for statement in migration.statements(direction):
            if index := built_index(statement):
                self._drop_invalid(*index)
            if " INDEX CONCURRENTLY " in statement.code.upper():
                self.send(f"SET lock_timeout = '{INDEX_LOCK_TIMEOUT}'")
            self._send_from(migration, direction, statement)
            if index:
                self.demand_valid(migration.path(direction).name, *index)
        self._end_settings()
        with self.transaction():
            if direction == "apply":
                self.mark_one(migration, log=False)
                self._enter(migration)
            else:
                self._strike(migration)
            self.log_migration(migration, direction)

    def find_index(self, index: str, table: str) -> tuple[str, bool] | None:
        """Look the index of a table up; return its whole name, and whether it is valid."""
        row = self.connection.execute(_BUILT_INDEX.encode(), {"index": index, "table": table}).fetchone()
        return (row[0], row[1]) if row else None

    def _drop_invalid(self, index: str, table: str) -> None:
        """Drop what a broken CREATE INDEX CONCURRENTLY left: IF NOT EXISTS would take it for the index."""
        found = self.find_index(index, table)
        if found and not found[1]:
            self.send(f"SET lock_timeout = '{INDEX_LOCK_TIMEOUT}'")
            self.send(f"DROP INDEX CONCURRENTLY {found[0]}")

    def demand_valid(self, file: str, index: str, table: str) -> None:
        """Refuse to mark an index that is not there, not valid, or something else of that name."""
        found = self.find_index(index, table)
        if not (found and found[1]):
            raise MigrationError(f"{file} ran, and yet {table} has no valid index {index}: see what has that name")

    def _end_settings(self) -> None:
        """Undo whatever the file has set: role, search path, timeouts."""
        self.send("RESET ROLE")
        self.send("RESET ALL")

    def _enter(self, migration: MigrationFile) -> None:
        """Write the ledger's row; the one that is there already is that of a rollback cut short."""
        query = "INSERT INTO homelog.schema_migrations (migration_id, sha256) VALUES (%s, %s) ON CONFLICT DO NOTHING"
        self.send(query, [migration.id, migration.sha256])

    def _strike(self, migration: MigrationFile) -> None:
        self.send("DELETE FROM homelog.schema_migrations WHERE migration_id = %s", [migration.id])


def _failed(migration: MigrationFile, direction: Direction, error: psycopg.Error, begins: int = 0) -> MigrationError:
    """Say which file failed, on which line where PostgreSQL knows it, and why; `begins` is where its text did."""
    where = migration.path(direction).name
    if position := error.diag.statement_position:
        line = migration.text[direction].count("\n", 0, max(int(position) - 1 + begins, 0)) + 1
        where = f"{where}, line {line}"
    why = " ".join((error.diag.message_primary or str(error)).split())
    # What plpgsql says of a file whose last statement has no end.
    why = why.replace("unexpected end of function definition", "the last statement lacks its semicolon")
    return MigrationError(f"{where}: {why}")
