"""The disk that the database writes to, where it is a disk of this machine."""

import os
import time
from pathlib import Path

from service.problems import Problem

RESERVE_BYTES = 256 * 1024 * 1024
"""What is kept free, on a small disk a tenth of it, for the write-ahead log, batches under way and clearing up."""
SECONDS = 1.0
"""For how long an answer of the file system is good."""


class Disk:
    """Tells when no more readings are to be taken in, before PostgreSQL has to stop for want of room."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._is_low = False
        self._asked = -SECONDS

    def demand_room(self) -> None:
        """Raise 507 where less is free than is kept; a disk that cannot be asked has room."""
        now = time.monotonic()
        if self._folder is not None and now - self._asked >= SECONDS:
            self._asked = now
            self._is_low = _is_low(self._folder)
        if self._is_low:
            raise Problem("disk_low", "The disk is nearly full; no readings are taken until there is room again.")


def _is_low(folder: Path) -> bool:
    try:
        found = os.statvfs(folder)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < min(RESERVE_BYTES, found.f_blocks * found.f_frsize // 10)
