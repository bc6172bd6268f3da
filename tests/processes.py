"""The service as it is run: `homelog serve`, its own processes and all."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.migrations import SQL

SECRET = "4f1c0b7e92d5a86331fe7d20c59b48aa"


@contextmanager
def served(database_url: str, folder: Path, **settings: str) -> Iterator[str]:
    """The address of a service with one worker on that database; what it prints goes into a file of the folder.

    `settings` are more variables of its environment. Its first process's id stands in a file beside the other.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "DATABASE_URL": database_url,
        "HOMELOG_SECRET": SECRET,
        "HOMELOG_PORT": str(port),
        "HOMELOG_WORKERS": "1",
        "HOMELOG_RATE_LIMIT": "0",
        **settings,
    }
    output = folder / "output"
    with output.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "serve"],
            cwd=SQL.parent,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    (folder / "pid").write_text(str(process.pid))
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            try:
                urllib.request.urlopen(f"{address}/health/ready", timeout=5).close()  # noqa: S310 - http, ours
                break
            except OSError:
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(30)
