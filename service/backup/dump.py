"""A backup: pg_dump's own snapshot shared, its output passed on piece by piece."""

import fcntl
import os
import stat
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import msgspec
import psycopg

from service import __version__
from service.backup.archive import ArchiveWriter, UnwritableError, writing
from service.backup.contents import (
    EXPORT_SNAPSHOT,
    GET_SCHEMA,
    Connection,
    ask,
    connect,
    facts,
    fingerprints,
    roles,
    said,
)
from service.backup.errors import BackupError
from service.backup.manifest import DUMP, MANIFEST, ROLES, Manifest, check_stream
from service.backup.programs import run
from service.embedded import sync_folder
from service.migrations.connection import LOCK_WAIT, wait_for_lock
from service.programs import find_program


def back_up(url: str, path: Path) -> Manifest:
    """Write a backup of the database to `path`: whole, or not at all.

    `url` logs in as somebody whom row security does not filter. It is written beside its place, forced to the disk,
    read again, and then renamed: what was there is replaced by a backup that is whole. A link is followed. Raises
    `BackupError`, `ProgramError`.
    """
    path = Path(os.path.realpath(path))
    if (mode := mode_of(path)) and not stat.S_ISREG(mode):
        raise BackupError(f"{path} is there and no file: a backup would take its place.")
    with _written_whole(path) as file:
        manifest = back_up_to_stream(url, file)
        with writing():
            os.fsync(file.fileno())
            file.seek(0)
            check_stream(file)
    return manifest


def mode_of(path: Path) -> int:
    """What is there, as `stat` has it; 0 for nothing, and where one may not look: who writes there is told why."""
    try:
        return path.stat().st_mode
    except OSError:
        return 0


def back_up_to_stream(url: str, file: BinaryIO) -> Manifest:
    """The same to whatever takes bytes; it is whole only if this returns. Raises `BackupError`, `ProgramError`."""
    try:
        with connect(url) as connection:
            return _dump(url, connection, file)
    except psycopg.Error as error:
        raise BackupError(f"The backup broke off: {said(error)}") from None


def _dump(url: str, connection: Connection, file: BinaryIO) -> Manifest:
    found = facts(connection)
    if not found.has_baseline:
        raise BackupError(f"The database {found.name} is none of Homelog's: there is nothing to back up.")
    if not found.sees_all:
        raise BackupError("A backup needs a login that row-level security does not filter: a superuser, say.")
    pg_dump = find_program("pg_dump", found.major)
    created_at = datetime.now(UTC).replace(microsecond=0)
    # A migration would change tables between the snapshot and the moment that pg_dump comes to them.
    if not wait_for_lock(connection, "a migration", shared=True):
        raise BackupError(f"A migration has been running for {LOCK_WAIT / 60:.0f} minutes.")
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    (snapshot,) = ask(connection, EXPORT_SNAPSHOT)
    (schema,) = ask(connection, GET_SCHEMA)
    archive = ArchiveWriter(file, int(created_at.timestamp()))
    archive.add(ROLES, roles(connection, passwords=found.sees_passwords).encode())
    arguments = ["--format=custom", f"--snapshot={snapshot}", "--lock-wait-timeout=60s"]
    with (
        ThreadPoolExecutor(1) as beside,
        run(pg_dump, url, arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as program,
    ):
        tables = beside.submit(fingerprints, connection)
        try:
            archive.add_pieces(DUMP, program.output)
            program.demand_success()
        except BaseException:
            connection.cancel_safe()
            raise
        manifest = Manifest(
            homelog=__version__,
            schema=schema,
            postgres=found.version,
            database=found.name,
            encoding=found.encoding,
            locale=found.locale,
            passwords=found.sees_passwords,
            created_at=created_at,
            tables=tables.result(),
        )
    connection.execute("COMMIT")
    archive.add(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    archive.finish()
    return manifest


@contextmanager
def _written_whole(path: Path) -> Iterator[BinaryIO]:
    """A file that gets its name when the block ends well; one that a killed backup left unfinished is taken over."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    with os.fdopen(_open_locked(unfinished), "w+b") as file:
        try:
            with writing():
                os.fchmod(file.fileno(), 0o600)
                file.truncate()
            yield file
            with writing():
                unfinished.rename(path)
        except BaseException as error:
            unfinished.unlink(missing_ok=True)
            if isinstance(error, UnwritableError):
                raise BackupError(f"{unfinished} cannot be written: {error.why}.") from None
            raise
    try:
        sync_folder(path.parent)
    except OSError as error:
        raise BackupError(f"{path} is whole, but its name may not outlast a power cut: {error.strerror}.") from None


def _open_locked(unfinished: Path) -> int:
    """Open the file to write it, locked; never one that has got a finished backup's name meanwhile."""
    while True:
        try:
            # Where it is a pipe that nobody reads, opening it must not wait.
            descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        except OSError as error:
            raise BackupError(f"{unfinished} cannot be written: {error.strerror}.") from None
        with ExitStack() as stack:
            stack.callback(os.close, descriptor)
            opened = os.fstat(descriptor)
            if not stat.S_ISREG(opened.st_mode):
                raise BackupError(f"{unfinished} is there and is no file: take it away.")
            # Whoever made it, or has another name for it, would have the backup, whatever its mode is.
            if opened.st_uid != os.geteuid() or opened.st_nlink > 1:
                raise BackupError(f"{unfinished} is there and is not ours alone: take it away.")
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BackupError(f"Another backup is writing {unfinished}.") from None
            # Between the two, whoever had the lock may have renamed the file, or removed it.
            with suppress(FileNotFoundError):
                if os.path.samestat(opened, unfinished.lstat()):
                    stack.pop_all()
                    return descriptor
