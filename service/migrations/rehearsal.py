"""What a run would send, as a script: the same code, on a connection that PostgreSQL keeps from writing."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
from yoyo.utils import change_param_style

from service.migrations.backend import LOCK_TIMEOUT, LOCK_TRIES, SEARCH_PATH, Backend
from service.migrations.connection import LOCK_KEY, session_options
from service.migrations.files import Direction, MigrationFile


class _NoRows:
    """The answer to a question about a table that is yet to be made."""

    def fetchone(self) -> None:
        return None


class Rehearsal(Backend):
    """A backend that writes down what it would send; `str` is a script for psql."""

    read_only = True

    def __init__(self, url: str) -> None:
        self._lines: list[str] = []
        super().__init__(url)

    def __str__(self) -> str:
        return "\n".join(self._lines) + "\n"

    def take_lock(self) -> None:
        """Write down the lock and what the session begins with."""
        self._lines += [
            f"-- The session, as PGOPTIONS: {session_options(SEARCH_PATH, LOCK_TIMEOUT)}",
            "",
            "-- The lock of migrations, asked for until it is had; it ends with the session.",
            f"SELECT pg_try_advisory_lock({LOCK_KEY});",
        ]
        self._is_locked = True

    def begin_migration(self, migration: MigrationFile, direction: Direction) -> None:
        """Write down which file comes, and how it runs."""
        if migration.transactional:
            how = f"one transaction; waits at most {LOCK_TIMEOUT} for a lock, then begins again, {LOCK_TRIES} times"
        else:
            how = "not in a transaction; a crash half way is healed by the next run"
        self._lines += ["", f"-- {migration.path(direction).name}: {how}."]

    def send(self, statement: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> None:
        """Write the statement down."""
        text = psycopg.ClientCursor(self.connection).mogrify(statement.encode(), parameters).strip()
        self._lines.append(text if text.endswith(";") else f"{text};")

    def send_alone(self, statement: str) -> None:
        """Write the statement down, its comments too."""
        self.send(statement)

    def find_index(self, index: str, table: str) -> tuple[str, bool] | None:
        """Look it up as the run would, whose search path is only written down here."""
        with self.connection.transaction():
            self.connection.execute("SET LOCAL search_path = public")
            return super().find_index(index, table)

    def demand_valid(self, file: str, index: str, table: str) -> None:
        """Do nothing: it has not been built."""

    def execute(self, sql: str, params: Mapping[str, Any] | None = None) -> Any:
        """Write down what yoyo would change, and answer what it asks; its tables may not be there yet."""
        if not sql.lstrip().upper().startswith("SELECT"):
            return self.send(*change_param_style("pyformat", sql, params))
        return super().execute(sql, params) if self.list_tables() else _NoRows()


def baseline_script(root: Path) -> str:
    """What `ensure_baseline` would run, less the passwords, of which the server gets hashes."""
    files = sorted((root / "init").glob("*.sql"))
    texts = [f"\n-- {path.name}\n{path.read_text(encoding='utf-8').strip()}" for path in files]
    begin = ["-- The baseline: one transaction, as HOMELOG_ADMIN_URL's login.", "BEGIN;"]
    return "\n".join([*begin, f"SELECT pg_advisory_xact_lock({LOCK_KEY});", *texts, "COMMIT;"]) + "\n"
