"""The file: a tar written in one go to whatever takes bytes, and read back byte by byte.

tarfile itself is lenient, as befits who opens other people's archives: it skips what it does not understand. Here every
byte is accounted for, padding included, so that a file in which one bit is not what was written is refused.
"""

import hashlib
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, NoReturn

from service.backup.errors import BackupError

SUMS = "SHA256SUMS"
PIECE_BYTES = 8 * 1024 * 1024
"""How much of a dump is in memory at once: a tar says how long a member is before it begins."""

_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)


class ArchiveError(BackupError):
    """The file is not what was written, or was never written whole."""


class UnwritableError(BackupError):
    """Whatever takes the backup takes no more of it; the cause is the system's error."""

    def __init__(self, error: OSError) -> None:
        self.why = error.strerror
        super().__init__(f"The backup cannot be written: {self.why}.")


class ArchiveWriter:
    """Writes members one after the other, and at the end their hashes."""

    def __init__(self, file: IO[bytes], time: int) -> None:
        self.bytes = 0
        self._file = file
        self._time = time
        self._sums: list[str] = []

    def add(self, name: str, content: bytes) -> None:
        """Write a member."""
        self._sums.append(_sum(name, content))
        self._write(name, content)

    def add_pieces(self, folder: str, source: IO[bytes]) -> None:
        """Write all of `source` as members of a folder, a piece each."""
        number = 0
        while piece := source.read(PIECE_BYTES):
            self.add(f"{folder}/{number:06}", piece)
            number += 1

    def finish(self) -> None:
        """Write the hashes and the end: before that the file is none."""
        self._write(SUMS, "".join(self._sums).encode())
        with writing():
            self._file.write(_END)
            self._file.flush()

    def _write(self, name: str, content: bytes) -> None:
        header = _header(name, len(content), self._time)
        for part in (header, content, _padding(content)):
            with writing():
                self._file.write(part)
            self.bytes += len(part)


@contextmanager
def writing() -> Iterator[None]:
    """Tell an error of the system's here from any other: raises `UnwritableError`."""
    try:
        yield
    except OSError as error:
        raise UnwritableError(error) from error


def read_archive(file: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield each member, name and content; raise `ArchiveError` at the first byte that is wrong.

    Only when it has ended by itself was all of it right: the hashes stand at the end.
    """
    sums: list[str] = []
    while True:
        name, content = _read_member(file)
        if name == SUMS:
            break
        sums.append(_sum(name, content))
        yield name, content
    if content != "".join(sums).encode():
        _refuse("its hashes are not those of its content")
    if file.read(len(_END) + 1) != _END:
        _refuse("it does not end where it should")


def _read_member(file: IO[bytes]) -> tuple[str, bytes]:
    header = file.read(_BLOCK)
    try:
        member = tarfile.TarInfo.frombuf(header, "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError):
        _refuse("it ends too early" if len(header) < _BLOCK else "what should be a header in it is none")
    # What other programs write is read by other programs.
    if member.size > PIECE_BYTES or not _is_ours(header, member):
        _refuse("it was not written by homelog backup")
    content = file.read(member.size)
    padding = _padding(content)
    if len(content) < member.size or file.read(len(padding)) != padding:
        _refuse("it ends too early, or holds what does not belong to it")
    return member.name, content


def _is_ours(header: bytes, member: tarfile.TarInfo) -> bool:
    try:
        return header == _header(member.name, member.size, int(member.mtime))
    except ValueError:
        return False  # a name or a number that ours cannot have


def _header(name: str, size: int, time: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = size, time, 0o600
    return member.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict")


def _padding(content: bytes) -> bytes:
    return bytes(-len(content) % _BLOCK)


def _sum(name: str, content: bytes) -> str:
    return f"{hashlib.sha256(content).hexdigest()}  {name}\n"


def _refuse(why: str) -> NoReturn:
    raise ArchiveError(f"This is no whole and unchanged backup: {why}.")
