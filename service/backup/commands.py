"""`homelog backup` and `homelog restore`."""

import argparse
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from service.backup.archive import UnwritableError
from service.backup.dump import back_up, back_up_to_stream, mode_of
from service.backup.errors import BackupError
from service.backup.manifest import Manifest
from service.backup.restoring import opened, restore_opened
from service.commands import Add
from service.drift import CannotCompareError, look
from service.settings import Settings
from service.target import Target, announce, open_target


def register(add: Add) -> None:
    """Add the commands to the command line."""
    backup = add("backup", run_backup, "write the whole database and its roles into one file")
    backup.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        default=".",
        help="where to; a folder gets homelog-TIME.tar, - is standard output; default: the folder that one is in",
    )
    restore = add("restore", run_restore, "restore a backup where there is no database, or an empty one")
    restore.add_argument("file", metavar="FILE", help="the backup")
    restore.add_argument("--check", action="store_true", help="only read it and say whether it is whole and unchanged")


def run_backup(arguments: argparse.Namespace) -> None:
    """Back the database up."""
    if arguments.file == "-":
        if sys.stdout.isatty():
            raise BackupError("A backup is nothing to look at: name a file, or say where standard output goes.")
        with _superuser(_settings(), "a backup") as (url, _):
            manifest = _to_standard_output(url)
        _tell(f"Backed up {_what(manifest)}.")
        return
    path = Path(arguments.file)
    if stat.S_ISDIR(mode_of(path)):
        path /= f"homelog-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar"
    elif arguments.file.endswith("/"):
        raise BackupError(f"{path} is no folder, as the slash after it says: make it first.")
    with _superuser(_settings(), "a backup") as (url, _):
        manifest = back_up(url, path)
    _tell(f"Backed up {_what(manifest)}: {path}, {path.stat().st_size:,} bytes.")


def _to_standard_output(url: str) -> Manifest:
    try:
        return back_up_to_stream(url, sys.stdout.buffer)
    except UnwritableError as error:
        # Python writes what it has left at its end, and would fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error.__cause__, BrokenPipeError):
            raise BackupError("Whoever was to take the backup has gone.") from None
        raise BackupError(f"Standard output cannot be written: {error.why}.") from None


def run_restore(arguments: argparse.Namespace) -> None:
    """Restore a backup, or only check one."""
    if arguments.file == "-":
        raise BackupError("A backup is read twice, so standard input cannot be one: name a file.")
    settings = None if arguments.check else _settings()
    # Before there is any server: one of its own would be made for a file that is none.
    with opened(Path(arguments.file)) as backup:
        if settings is None:
            _tell(f"{arguments.file} is whole and unchanged: {_what(backup.manifest)}.")
            return
        with _superuser(settings, "a restore", may_make=True) as (url, target):
            roles = {role: password for role, password in target.passwords.items() if role.startswith("homelog_")}
            manifest = restore_opened(url, backup, roles)
            _tell(f"Restored {_what(manifest)}. The rows and fingerprints of all tables are those of the backup.")
            _tell_of_drift(url)


def _tell_of_drift(url: str) -> None:
    """Roles are the cluster's, and what one that was there had besides, it keeps: what that makes other is said."""
    try:
        differences = look(url).differences
    except CannotCompareError as error:
        _tell(f"It was not compared with what the migrations make: {error}.")
        return
    if differences:
        _tell("These come from the backup, or from roles that were here, and are not as the migrations make them:")
        _tell("\n".join(f"  {sentence}" for sentence in differences))


def _what(manifest: Manifest) -> str:
    return (
        f"{len(manifest.tables)} tables with {manifest.rows:,} rows of {manifest.created_at:%Y-%m-%d %H:%M:%S} UTC,"
        f" schema {manifest.schema}"
    )


def _tell(text: str) -> None:
    # Standard output may be the backup.
    sys.stderr.write(f"{text}\n")


def _settings() -> Settings:
    return Settings.from_environment(os.environ)


@contextmanager
def _superuser(settings: Settings, what: str, *, may_make: bool = False) -> Iterator[tuple[str, Target]]:
    with open_target(settings, may_make=may_make) as target:
        url = target.demand_superuser(what)
        announce(url)
        yield url, target
