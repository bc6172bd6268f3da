"""The one connection that changes a schema."""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from service.migrations.files import MigrationError

log = logging.getLogger(__name__)

# "homelog" in ASCII. Baseline and migrations share it, so they wait for each other; backups take it shared.
LOCK_KEY = 0x686F6D656C6F67
LOCK_WAIT = 600.0  # seconds
_PAUSE = 0.2  # seconds between two tries

# The connection check ends a killed migrator's statement within a second; it would run on and keep the lock.
_SESSION = (
    "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c idle_session_timeout=0 "
    "-c transaction_timeout=0 -c client_connection_check_interval=1s -c client_min_messages=warning"
)


def session_options(search_path: str, lock_timeout: str) -> str:
    """What a session of the migrator begins with, as PGOPTIONS has it."""
    return f"{_SESSION} -c search_path={search_path} -c lock_timeout={lock_timeout}"


def open_session(url: str, options: str, **parameters: Any) -> psycopg.Connection[TupleRow]:
    """Connect with these options, after those that the URL has: ours hold where both say something."""
    return psycopg.connect(with_options(url, options), client_encoding="UTF8", **parameters)


def with_options(url: str, options: str) -> str:
    """The URL, as a connection string, with these options after its own."""
    return make_conninfo(url, options=f"{conninfo_to_dict(url).get('options') or ''} {options}")


def connect(url: str, *, search_path: str, lock_timeout: str, read_only: bool = False) -> psycopg.Connection[TupleRow]:
    """Connect in autocommit, so that every transaction is one that the code spells out.

    The settings are the connection's own defaults: RESET ALL returns to them. A pooler in transaction mode
    would lose the lock and the settings; the URL must lead to PostgreSQL itself. With `read_only` PostgreSQL
    itself refuses whatever would change something.
    """
    try:
        options = session_options(search_path, lock_timeout)
        if read_only:
            options += " -c default_transaction_read_only=on"
        return open_session(url, options, autocommit=True, application_name="homelog migrate")
    except psycopg.Error as error:
        why = " ".join(str(error).split())
        raise MigrationError(f"the database cannot be reached: {why}") from error


def wait_for_lock(connection: psycopg.Connection[TupleRow], holder: str, *, shared: bool = False) -> bool:
    """Take the lock as `try_lock` does, in short tries for `LOCK_WAIT` seconds; warn while `holder` has it.

    Polled, because a session that waits inside a statement holds a snapshot, and a CREATE INDEX CONCURRENTLY of the
    run that it waits for would wait for that.
    """
    deadline = time.monotonic() + LOCK_WAIT
    told = False
    while not try_lock(connection, shared=shared):
        if time.monotonic() > deadline:
            return False
        if not told:
            log.warning("%s is running; waiting at most %d minutes", holder, LOCK_WAIT / 60)
            told = True
        time.sleep(_PAUSE)
    return True


def try_lock(connection: psycopg.Connection[TupleRow], *, shared: bool = False) -> bool:
    """Take the lock, until the connection ends, however it ends; or say that somebody else has it."""
    function = "pg_try_advisory_lock_shared" if shared else "pg_try_advisory_lock"
    return bool(scalar(connection, f"SELECT {function}({LOCK_KEY})"))


def scalar(
    connection: psycopg.Connection[TupleRow], query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
) -> Any:
    """Fetch the first column of the query's first row, None where it has no row."""
    row = connection.execute(query.encode(), parameters).fetchone()
    return row[0] if row else None


def has_baseline(connection: psycopg.Connection[TupleRow]) -> bool:
    """Whether sql/init has run here; being one transaction it has run whole or not at all.

    One of its two tables is enough: a database that lost the other is not to be made anew.
    """
    return has_table(connection, "schema_baseline") or has_table(connection, "schema_migrations")


def has_table(connection: psycopg.Connection[TupleRow], name: str) -> bool:
    """Whether schema homelog has that table."""
    # Asked of the catalogue: to_regclass() may answer from a cache that is older than the lock one has waited for.
    query = "SELECT EXISTS (SELECT FROM pg_tables WHERE (schemaname, tablename) = ('homelog', %s))"
    return bool(scalar(connection, query, [name]))
