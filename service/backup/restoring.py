"""A restore: into a database beside the one that is asked for, which takes its name when all of it is right."""

import logging
import shlex
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from service.backup.archive import read_archive
from service.backup.contents import (
    FIND_DATABASE,
    Connection,
    Facts,
    Found,
    ask,
    connect,
    facts,
    fingerprints,
    said,
    what_it_holds,
)
from service.backup.errors import BackupError
from service.backup.manifest import DUMP, ROLES, Manifest, check_stream
from service.backup.programs import run
from service.migrations import is_older, required_version
from service.migrations.connection import try_lock
from service.programs import find_program

log = logging.getLogger(__name__)

_PASSERS_BY_SECONDS = 3.0
_LOST_SECONDS = 60.0
"""How long a server may take to come back that went away at the last moment."""

_MARK = "homelog restore is at work here; the next one drops what it has left"
"""The comment of a database that is a restore's own to drop: never to be changed, others leave and find it."""
_LONGEST_NAME = 53
"""Bytes: PostgreSQL cuts a name off after 63, and the longer of our two endings has ten."""

MAINTENANCE = "postgres"
"""A database that every cluster has: one cannot be renamed by who is connected to it."""

UNWATCHED = """
    SET log_statement = 'none';
    SET log_min_duration_statement = -1;
    SET log_min_duration_sample = -1;
    SET log_transaction_sample_rate = 0;
    SET log_min_error_statement = 'panic';
    SET pg_stat_statements.track = 'none';
"""
"""Of what quotes the hash of a password nothing may reach the server's log."""


class Opened(NamedTuple):
    """A backup, all of it read and found right."""

    file: BinaryIO
    manifest: Manifest


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """Open a backup and read it once whole; raises `BackupError`, `ArchiveError`."""
    # Closed at its end; what is wrong with the file is told from what goes wrong in the block.
    with ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            if not file.seekable():
                raise BackupError(f"The backup {path} is read twice: it must be a file and no pipe.")
            manifest = check_stream(file)
        except OSError as error:
            raise _unreadable(path, error) from None
        yield Opened(file, manifest)


def restore(url: str, path: Path, passwords: Mapping[str, str]) -> Manifest:
    """The same as `restore_opened`, of the backup at `path`."""
    with opened(path) as backup:
        return restore_opened(url, backup, passwords)


def restore_opened(url: str, backup: Opened, passwords: Mapping[str, str]) -> Manifest:
    """Restore a backup as the database that `url` names, which is not there yet or holds nothing.

    `url` logs in as a superuser of the cluster. `passwords`, by role, are what these log in with from now on; a role
    without one keeps what it has, else gets the one that it had. Killed or failed, it leaves the database of that name
    as it was; the next restore clears away what was begun, and nothing else. Raises `BackupError`, `ArchiveError`,
    `ProgramError`.
    """
    try:
        with connect(make_conninfo(url, dbname=MAINTENANCE)) as connection:
            return _Restore(url, backup, connection).run(passwords)
    except psycopg.Error as error:
        raise BackupError(f"Nothing was restored: {said(error)}") from None
    except OSError as error:
        raise _unreadable(backup.file.name, error) from None


class _Restore:
    def __init__(self, url: str, backup: Opened, connection: Connection) -> None:
        self.url = url
        self.database = str(conninfo_to_dict(url)["dbname"])
        self.new = f"{self.database}_restoring"
        self.old = f"{self.database}_replaced"
        self.file, self.manifest = backup
        self.connection = connection

    def run(self, passwords: Mapping[str, str]) -> Manifest:
        manifest = self.manifest
        cluster = facts(self.connection)
        self._demand_fit(manifest, cluster)
        if not try_lock(self.connection):
            raise BackupError("Another restore is under way in this cluster.")
        before = self._demand_nothing_there()
        self._clear_away_the_last()
        self._make_new(manifest, before)
        try:
            comment = self._fill(manifest, cluster, passwords)
            self._take_the_name(comment, replaces=before is not None)
        except BaseException:
            # Where it cannot be dropped the next restore does it, and what went wrong before is what is told.
            with suppress(psycopg.Error):
                self._drop(self.new)
            raise
        if before:
            self._drop_replaced()
        return manifest

    def _demand_fit(self, manifest: Manifest, cluster: Facts) -> None:
        if self.database == MAINTENANCE:
            raise BackupError(f"The database cannot be named {MAINTENANCE}: that is where the others are made from.")
        if len(self.database.encode()) > _LONGEST_NAME:
            raise BackupError(
                f"The database's name is too long: {self.new}, which a restore works in, may have 63 bytes."
            )
        if not cluster.is_superuser:
            raise BackupError("A restore makes roles and needs a superuser's login.")
        if cluster.major < int(manifest.postgres.partition(".")[0]):
            raise BackupError(f"The backup is of PostgreSQL {manifest.postgres} and this one is {cluster.version}.")
        if is_older(required_version(), manifest.schema):
            raise BackupError(
                f"The backup has the schema {manifest.schema}, which is newer than this Homelog: restore it with"
                f" the one that made it, {manifest.homelog}, or a newer one."
            )

    def _demand_nothing_there(self) -> Found | None:
        deadline = time.monotonic() + _PASSERS_BY_SECONDS
        # Health checks come and go.
        while (found := ask(self.connection, FIND_DATABASE, self.database)) and found[0].connected:
            if time.monotonic() < deadline:
                time.sleep(0.1)
                continue
            raise BackupError(f"Somebody is connected to the database {self.database}: stop the service first.")
        if not found:
            return None
        if held := self._held_by(self.database):
            raise BackupError(
                f"The database {self.database} holds something ({', '.join(held[:5])}): a backup is restored where"
                f" there is nothing. Restore elsewhere, or rename it first: {self._how_to_rename()}"
            )
        return found[0]

    def _how_to_rename(self) -> str:
        """The line for a shell: not as the database's own login, for who is connected to one cannot rename it."""
        statement = sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
            sql.Identifier(self.database), sql.Identifier(f"{self.database}_old")
        )
        command = ["homelog", "psql", "--role", "superuser", "--", "-d", MAINTENANCE, "-c", statement.as_string()]
        return shlex.join(command)

    def _clear_away_the_last(self) -> None:
        """Drop what a restore that was killed has left, and nothing else."""
        for found in ask(self.connection, FIND_DATABASE, self.new):
            if found.comment == _MARK:
                self._drop(self.new)
            elif self._is_bare(self.new):
                # Killed before it was marked; or somebody's, who loses nothing and is not thrown out of it.
                self._drop(self.new, force=False)
            else:
                raise _not_ours(self.new)
        for found in ask(self.connection, FIND_DATABASE, self.old):
            if found.comment != _MARK:
                raise _not_ours(self.old)
            self._drop_old()

    def _make_new(self, manifest: Manifest, before: Found | None) -> None:
        # template0: what someone put into template1 is not in the backup.
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {}").format(
            sql.Identifier(self.new), sql.Literal(manifest.encoding)
        )
        if manifest.locale:
            statement += sql.SQL(" LOCALE_PROVIDER builtin BUILTIN_LOCALE {} LOCALE 'C'").format(
                sql.Literal(manifest.locale)
            )
        if before:
            statement += sql.SQL(" OWNER {}").format(sql.SQL(before.owner))  # quoted by PostgreSQL
        self.connection.execute(statement)

    def _fill(self, manifest: Manifest, cluster: Facts, passwords: Mapping[str, str]) -> str | None:
        """Make what the backup holds; return the comment that the database is to have."""
        comment = None
        pg_restore = find_program("pg_restore", cluster.major)
        self.file.seek(0)
        with (
            self._connected(self.new) as connection,
            run(
                pg_restore,
                make_conninfo(self.url, dbname=self.new),
                # A tablespace is a folder of the other machine.
                ["--exit-on-error", "--no-tablespaces"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
            ) as program,
        ):
            try:
                for name, content in read_archive(self.file):
                    if name == ROLES:
                        connection.execute(UNWATCHED)
                        connection.execute(content)
                        comment = ask(self.connection, FIND_DATABASE, self.new)[0].comment
                        self._comment(self.new, _MARK)
                    elif name.startswith(DUMP):
                        program.input.write(content)
                program.input.close()
            except BrokenPipeError:
                pass  # it says why
            program.demand_success()
            _set_passwords(connection, passwords)
            connection.execute("ANALYZE")
            _compare(manifest, fingerprints(connection))
        return comment

    def _take_the_name(self, comment: str | None, *, replaces: bool) -> None:
        try:
            self._rename_both(comment, replaces=replaces)
        except psycopg.OperationalError as error:
            # A connection that is lost at its COMMIT has committed or has not: only the server knows.
            if not self.connection.closed or not self._has_the_name(error):
                raise

    def _rename_both(self, comment: str | None, *, replaces: bool) -> None:
        # Both or none, and meanwhile nobody gets in.
        with self.connection.transaction():
            if replaces:
                self._rename(self.database, self.old)
                self._comment(self.old, _MARK)
            self._rename(self.new, self.database)
            self._comment(self.database, comment)

    def _has_the_name(self, lost: psycopg.Error) -> bool:
        """Whether what was restored has taken the name, asked over a new connection."""
        deadline = time.monotonic() + _LOST_SECONDS
        why = said(lost)
        while time.monotonic() < deadline:
            try:
                with self._connected(MAINTENANCE) as connection:
                    # The lost session has the lock until its COMMIT is done or undone.
                    if try_lock(connection):
                        is_there = [bool(ask(connection, FIND_DATABASE, name)) for name in (self.new, self.database)]
                        return is_there == [False, True]
            except (psycopg.Error, BackupError) as error:
                why = str(error)
            time.sleep(0.2)
        raise BackupError(
            f"The connection was lost while {self.new} took the name {self.database}, and nobody could be asked which"
            f" of the two it has now ({why}). If there is a database {self.new}, nothing was restored; else all was."
        )

    def _drop_replaced(self) -> None:
        """Drop the empty database that had the name; the restore is done, whatever comes of that."""
        try:
            self._drop_old()
        except (psycopg.Error, BackupError) as error:
            why = said(error) if isinstance(error, psycopg.Error) else str(error).rstrip(".")
            log.warning("Restored, but %s could not be dropped: %s.", self.old, why)

    def _drop_old(self) -> None:
        if held := self._held_by(self.old):
            raise BackupError(
                f"The database {self.old} was empty before it was replaced and now holds something"
                f" ({', '.join(held[:5])}): look at it and drop it."
            )
        self._drop(self.old)

    def _rename(self, name: str, to: str) -> None:
        self.connection.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(to))
        )

    def _comment(self, name: str, comment: str | None) -> None:
        self.connection.execute(
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(comment))
        )

    def _drop(self, name: str, *, force: bool = True) -> None:
        statement = sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name))
        self.connection.execute(statement + sql.SQL(" WITH (FORCE)" if force else ""))

    def _held_by(self, name: str) -> list[str]:
        with self._connected(name) as connection:
            return what_it_holds(connection)

    def _is_bare(self, name: str) -> bool:
        with self._connected(name) as connection:
            return not facts(connection).has_baseline and not what_it_holds(connection)

    @contextmanager
    def _connected(self, database: str) -> Iterator[Connection]:
        with connect(make_conninfo(self.url, dbname=database)) as connection:
            yield connection


def _unreadable(path: object, error: OSError) -> BackupError:
    return BackupError(f"The backup {path} cannot be read: {error.strerror}.")


def _not_ours(name: str) -> BackupError:
    return BackupError(f"There is a database {name}, which no restore has made and one would use: rename or drop it.")


def _set_passwords(connection: Connection, passwords: Mapping[str, str]) -> None:
    for role, password in passwords.items():
        # Hashed here, so that no server log ever holds the password itself.
        verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier)))


def _compare(manifest: Manifest, found: Mapping[str, object]) -> None:
    wrong = [name for name in manifest.tables.keys() | found.keys() if manifest.tables.get(name) != found.get(name)]
    if wrong:
        raise BackupError(f"What was restored differs from what was backed up: {', '.join(sorted(wrong))}.")
