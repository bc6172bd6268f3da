"""manifest.json: what a backup is of, by what it was made, and what it must hold."""

from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

from service.backup.archive import ArchiveError, read_archive

ROLES, DUMP, MANIFEST = "roles.sql", "database", "manifest.json"


class Table(msgspec.Struct, frozen=True):
    """What tells whether a table came back: how many rows, and the sum of their hashes, in whatever order they are."""

    rows: int
    fingerprint: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was true in the snapshot that was dumped.

    `schema` is the last migration's id. `locale` is that of PostgreSQL's own provider, null for any other: only that is
    the same on every machine. `passwords` says whether roles.sql holds the hashes of the roles' passwords.
    """

    format: Literal["homelog-backup-1"] = "homelog-backup-1"
    homelog: str
    schema: str
    postgres: str
    database: str
    encoding: str
    locale: str | None
    passwords: bool
    created_at: datetime
    tables: dict[str, Table]

    @property
    def rows(self) -> int:
        """How many rows there are in all tables together."""
        return sum(table.rows for table in self.tables.values())


def check(path: Path) -> Manifest:
    """Read a backup from beginning to end, without a database; raise `ArchiveError` if it is not whole or not right."""
    with path.open("rb") as file:
        return check_stream(file)


def check_stream(file: BinaryIO) -> Manifest:
    """The same of an open file."""
    manifest, seen = b"", set[str]()
    for name, content in read_archive(file):
        seen.add(name.partition("/")[0])
        if name == MANIFEST:
            manifest = content
    if seen != {ROLES, DUMP, MANIFEST}:
        raise ArchiveError("This is no backup of Homelog's: a part is missing.")
    try:
        return msgspec.json.decode(manifest, type=Manifest)
    except msgspec.DecodeError as error:
        raise ArchiveError(
            f"Another version of Homelog made this backup, and only that can read it ({error})."
        ) from None
