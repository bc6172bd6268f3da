"""The frozen baseline, sql/init: applied once, whole, and never edited again."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg.rows import TupleRow

from service.migrations.connection import LOCK_KEY, LOCK_WAIT, connect, has_baseline, scalar
from service.migrations.files import SQL, MigrationError, read_checksums

_LOGIN_ROLES = ("homelog_migrator", "homelog_api", "homelog_ops")


def ensure_baseline(admin_url: str, passwords: Mapping[str, str], *, root: Path = SQL) -> bool:
    """Apply `root`/init where it is missing, in one transaction; return whether it was.

    `admin_url` logs in as a superuser, or as the database's owner with CREATEROLE. `passwords` is by role
    name (`homelog_migrator`, `homelog_api`, `homelog_ops`); a role left out keeps the password it has.
    """
    with connect(admin_url, search_path="public", lock_timeout=f"{LOCK_WAIT:.0f}s") as connection:
        # Asked without the lock first: waiting for it inside a transaction would hold up a running
        # CREATE INDEX CONCURRENTLY, which waits for every transaction older than itself.
        if has_baseline(connection):
            return False
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_KEY])
            if has_baseline(connection):
                return False
            # Roles belong to the cluster, an advisory lock to one database. Two databases making the roles at
            # once would fail with "tuple concurrently updated"; whoever is no superuser takes that risk.
            if scalar(connection, "SELECT has_table_privilege('pg_authid', 'UPDATE')"):
                connection.execute("LOCK TABLE pg_authid IN SHARE ROW EXCLUSIVE MODE")
            _set_passwords(connection, passwords)
            _run_files(connection, root)
        return True


def baseline_changes(root: Path = SQL) -> list[str]:
    """Name the files of `root`/init that differ from its CHECKSUMS, one sentence each; none while unfrozen.

    It is frozen by `cd sql/init && sha256sum -- *.sql > CHECKSUMS`, once, when the first version lands.
    """
    folder = root / "init"
    frozen = read_checksums(folder / "CHECKSUMS")
    if not frozen:
        return []
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.sql")}
    changes = []
    for name in sorted(frozen.keys() | found.keys()):
        if name not in found:
            changes.append(f"{name} is missing from the frozen baseline")
        elif name not in frozen:
            changes.append(f"{name} is not part of the frozen baseline: write a migration")
        elif frozen[name] != found[name]:
            changes.append(f"{name} differs from the frozen baseline: restore it and write a migration")
    return changes


def _set_passwords(connection: psycopg.Connection[TupleRow], passwords: Mapping[str, str]) -> None:
    for role in _LOGIN_ROLES:
        if password := passwords.get(role):
            # Hashed here, so that no server log and no pg_stat_statements ever holds the password itself.
            verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
            setting = f"homelog.{role.removeprefix('homelog_')}_password"
            connection.execute("SELECT set_config(%s, %s, true)", [setting, verifier.decode()])


def _run_files(connection: psycopg.Connection[TupleRow], root: Path) -> None:
    for path in sorted((root / "init").glob("*.sql")):
        try:
            connection.execute(path.read_bytes())
        except psycopg.Error as error:
            # Not the error itself: its context quotes the statement that sets a password's hash.
            message = error.diag.message_primary or type(error).__name__
            raise MigrationError(f"the baseline stopped at {path.name}: {message}") from None
