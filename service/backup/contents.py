"""What a database holds, asked over one connection: facts, roles, tables and their fingerprints."""

import psycopg
from msgspec import Struct
from psycopg import sql
from psycopg.rows import TupleRow

from service.backup.errors import BackupError
from service.backup.manifest import Table
from service.migrations.connection import open_session
from service.sqlfile import Query, T, maker, queries_beside

_bind = queries_beside(__file__)

Connection = psycopg.Connection[TupleRow]

# As text a row looks the same in every session that says these.
_SESSION = (
    "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c idle_session_timeout=0 "
    "-c transaction_timeout=0 -c lock_timeout=60s -c default_transaction_read_only=off -c row_security=off "
    "-c search_path=pg_catalog -c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres -c bytea_output=hex "
    "-c extra_float_digits=1 -c client_min_messages=warning -c jit=off"
)


class Facts(Struct, frozen=True):
    """Who is logged in, and where."""

    is_superuser: bool
    sees_all: bool
    sees_passwords: bool
    major: int
    version: str
    name: str
    encoding: str
    locale: str | None
    has_baseline: bool


class Found(Struct, frozen=True):
    """A database of the cluster."""

    owner: str
    comment: str | None
    connected: int


class Listed(Struct, frozen=True):
    """A table."""

    schema: str
    name: str
    is_kept: bool


DESCRIBE_DATABASE = _bind("describe_database", Facts)
FIND_DATABASE = _bind("find_database", Found)
LIST_TABLES = _bind("list_tables", Listed)
GET_SCHEMA = _bind("get_schema", str)
EXPORT_SNAPSHOT = _bind("export_snapshot", str)
LIST_STRANGERS = _bind("list_strangers", str)
LIST_ROLES = _bind("list_roles", str)
ROLE_STATEMENTS = _bind("role_statements", str)
PASSWORD_STATEMENTS = _bind("password_statements", str)


def connect(url: str) -> Connection:
    """Connect in autocommit, so that every transaction is one that the code spells out."""
    try:
        # $1 as the files write it, and no meaning in a percent sign.
        return open_session(
            url, _SESSION, autocommit=True, cursor_factory=psycopg.RawCursor, application_name="homelog backup"
        )
    except psycopg.Error as error:
        raise BackupError(f"The database cannot be reached: {said(error)}") from None


def said(error: psycopg.Error) -> str:
    """What PostgreSQL said, without the statement that it said it of: that may quote a password's hash."""
    return " ".join((error.diag.message_primary or str(error)).split()).rstrip(".")


def ask(connection: Connection, query: Query[T], *args: object) -> list[T]:
    """All rows of a query."""
    return [maker(query.struct)(*row) for row in connection.execute(query.sql.encode(), args)]


def facts(connection: Connection) -> Facts:
    """Who is logged in, and where."""
    (found,) = ask(connection, DESCRIBE_DATABASE)
    return found


def roles(connection: Connection, *, passwords: bool) -> str:
    """The SQL that makes the database's roles and settings."""
    names = ask(connection, LIST_ROLES)
    statements = ask(connection, ROLE_STATEMENTS, names)
    if passwords:
        statements += ask(connection, PASSWORD_STATEMENTS, names)
    return "\n".join(["-- Run in the database itself, as a superuser, before its tables are made.", *statements, ""])


def fingerprints(connection: Connection) -> dict[str, Table]:
    """The rows and the fingerprint of every table.

    The fingerprint is the sum of the first 64 bits of each row's SHA-256, as text: the same for the same rows in any
    order, on any machine.
    """
    found = {}
    for table in ask(connection, LIST_TABLES):
        # The one statement that no file can hold: it names a table that only the catalogue knows.
        query = sql.SQL(
            "SELECT count(*),"
            " coalesce(sum(substring(sha256(convert_to(whole_row::text, 'UTF8')) FOR 8)::bigint), 0)::text"
            " FROM ONLY {} AS whole_row"
        ).format(sql.Identifier(table.schema, table.name))
        ((rows, fingerprint),) = connection.execute(query).fetchall()
        found[f"{table.schema}.{table.name}"] = Table(rows, fingerprint)
    return found


def what_it_holds(connection: Connection) -> list[str]:
    """The tables with rows that matter, and what Homelog did not make; all in a database that Homelog never made."""
    kept = [table for table in ask(connection, LIST_TABLES) if table.is_kept]
    return [table.name for table in kept if _has_rows(connection, table)] + ask(connection, LIST_STRANGERS)


def _has_rows(connection: Connection, table: Listed) -> bool:
    query = sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(table.schema, table.name))
    ((found,),) = connection.execute(query).fetchall()
    return bool(found)
