"""pg_dump and pg_restore while they run."""

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from service.backup.errors import BackupError
from service.migrations.connection import with_options
from service.programs import cannot_run, login

_END_SECONDS = 10


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
    # A database that takes no writes, say before a move, is one again that takes them while it is restored.
    database, environment = login(with_options(url, "-c default_transaction_read_only=off"))
    command = [str(path), *arguments, "--no-password", database]
    with ExitStack() as stack:
        try:
            complaints = stack.enter_context(tempfile.TemporaryFile())
            process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=complaints, env=environment)
        except OSError as error:
            raise cannot_run(path, error) from None
        stack.enter_context(process)
        try:
            yield Program(path.name, process, complaints)
        finally:
            if process.poll() is None:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_END_SECONDS)
                process.kill()
