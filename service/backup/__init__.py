"""Backups: the whole database and its roles in one file, and back into an empty server.

The file is a tar that any tar opens, written as it comes:

    roles.sql        the roles, their attributes, settings, memberships and password hashes; the database's own settings
    database/000000  what pg_dump wrote (its custom format), in pieces that belong together: tar -xOf FILE database
    manifest.json    of what and by what it was made, with each table's rows and fingerprint in the dump's own snapshot
    SHA256SUMS       of all of these, as `sha256sum --check` reads it

Why it is so stands in docs/decisions.
"""

from service.backup.archive import ArchiveError
from service.backup.dump import back_up, back_up_to_stream
from service.backup.errors import BackupError
from service.backup.manifest import Manifest, check
from service.backup.restoring import restore

__all__ = ["ArchiveError", "BackupError", "Manifest", "back_up", "back_up_to_stream", "check", "restore"]
