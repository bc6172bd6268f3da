"""Whether a process lives and a socket answers."""

import os
import socket
from pathlib import Path


def is_postgres(pid: int) -> bool:
    """Whether `pid` is a live PostgreSQL process; where there is no /proc, whether it is a live process."""
    try:
        _, _, rest = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").partition("(")
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return False
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True
    name, _, rest = rest.rpartition(")")
    # A container without a reaper keeps the dead as zombies.
    return name == "postgres" and rest.split()[0] not in {"Z", "X"}


def listens(socket_file: Path) -> bool:
    """Whether somebody accepts connections on a UNIX socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        try:
            client.connect(str(socket_file))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except TimeoutError:
            pass  # busy, not gone
    return True
