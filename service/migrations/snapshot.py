"""The schema as text: what sql/schema.sql holds, so that a reviewer reads a change as a diff."""

import re
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg import sql
from psycopg.conninfo import make_conninfo

from service.migrations.baseline import ensure_baseline
from service.migrations.connection import connect
from service.migrations.files import SQL, MigrationError
from service.migrations.runner import upgrade
from service.programs import find_program, login

# \restrict carries a random token, the version lines whoever dumped.
_UNSTABLE = re.compile(r"^(\\(un)?restrict .*|-- Dumped (from|by) .*)\n", re.MULTILINE)
_BLANK_RUN = re.compile(r"\n{3,}")


def dump_schema(superuser_url: str) -> str:
    """Write the database's schema as SQL, one text for one schema, without yoyo's own tables."""
    dump = _run("pg_dump", superuser_url, "--schema-only", "--exclude-table=yoyo.*").decode()
    return _BLANK_RUN.sub("\n\n", _UNSTABLE.sub("", dump)).strip() + "\n"


def schema_of_new_database(superuser_url: str, *, root: Path = SQL) -> str:
    """Make a database with the baseline and every migration, dump it, and drop it again."""
    with new_database(superuser_url, root=root) as url:
        return dump_schema(url)


@contextmanager
def new_database(superuser_url: str, *, root: Path = SQL) -> Iterator[str]:
    """A superuser's URL of a database with the baseline and every migration, which is dropped afterwards."""
    with _empty_database(superuser_url) as url:
        ensure_baseline(url, {}, root=root)
        upgrade(url, root=root)
        yield url


@contextmanager
def restored_database(superuser_url: str) -> Iterator[str]:
    """A superuser's URL of a database with what a dump of this one brings back, which is dropped afterwards."""
    dump = _run("pg_dump", superuser_url, "--format=custom")
    with _empty_database(superuser_url) as url:
        _run("pg_restore", url, "--exit-on-error", given=dump)
        yield url


@contextmanager
def _empty_database(superuser_url: str) -> Iterator[str]:
    name = f"homelog_schema_{secrets.token_hex(6)}"
    database = sql.Identifier(name)
    with connect(superuser_url, search_path="public", lock_timeout="0") as connection:
        # template0: what someone put into template1 is no part of the schema.
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(database))
        try:
            yield make_conninfo(superuser_url, dbname=name)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))


def _run(program: str, url: str, *arguments: str, given: bytes = b"") -> bytes:
    """What one of PostgreSQL's client programs writes, logged in as the URL says."""
    database, environment = login(url)
    run = subprocess.run(
        [find_program(program), *arguments, database], env=environment, input=given, capture_output=True, check=False
    )
    if run.returncode:
        raise MigrationError(f"{program} failed: {run.stderr.decode(errors='replace').strip()}")
    return run.stdout
