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


def connect(url: str, *, search_path: str, lock_timeout: str) -> psycopg.Connection[TupleRow]:
    """Connect in autocommit, so that every transaction is one that the code spells out.

    The settings are the connection's own defaults: RESET ALL returns to them. A pooler in transaction mode
    would lose the lock and the settings; the URL must lead to PostgreSQL itself.
    """
    try:
        theirs = conninfo_to_dict(url).get("options") or ""
        return psycopg.connect(
            url,
            autocommit=True,
            application_name="homelog migrate",
            client_encoding="UTF8",
            options=f"{theirs} {_SESSION} -c search_path={search_path} -c lock_timeout={lock_timeout}",
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
    """Whether sql/init has run here; being one transaction it has run whole or not at all."""
    # Asked of the catalogue: to_regclass() may answer from a cache that is older than the lock one has waited for.
    return bool(
        scalar(
            connection,
            "SELECT EXISTS (SELECT FROM pg_tables WHERE (schemaname, tablename) = ('homelog', 'schema_baseline'))",
        )
    )
