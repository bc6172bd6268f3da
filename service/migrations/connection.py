"""The one connection that changes a schema."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from service.migrations.files import MigrationError

# "homelog" in ASCII. Baseline and migrations share it, so they wait for each other.
LOCK_KEY = 0x686F6D656C6F67
LOCK_WAIT = 600.0  # seconds

# The connection check ends a killed migrator's statement within a second; it would run on and keep the lock.
_SESSION = (
    "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c transaction_timeout=0 "
    "-c client_connection_check_interval=1s -c client_min_messages=warning"
)


def session_options(search_path: str, lock_timeout: str) -> str:
    """What a session of the migrator begins with, as PGOPTIONS has it."""
    return f"{_SESSION} -c search_path={search_path} -c lock_timeout={lock_timeout}"


def connect(url: str, *, search_path: str, lock_timeout: str, read_only: bool = False) -> psycopg.Connection[TupleRow]:
    """Connect in autocommit, so that every transaction is one that the code spells out.

    The settings are the connection's own defaults: RESET ALL returns to them. A pooler in transaction mode
    would lose the lock and the settings; the URL must lead to PostgreSQL itself. With `read_only` PostgreSQL
    itself refuses whatever would change something.
    """
    try:
        theirs = conninfo_to_dict(url).get("options") or ""
        ours = session_options(search_path, lock_timeout)
        last = "-c default_transaction_read_only=on" if read_only else ""
        return psycopg.connect(
            url,
            autocommit=True,
            application_name="homelog migrate",
            client_encoding="UTF8",
            options=f"{theirs} {ours} {last}",
        )
    except psycopg.Error as error:
        why = " ".join(str(error).split())
        raise MigrationError(f"the database cannot be reached: {why}") from error


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
