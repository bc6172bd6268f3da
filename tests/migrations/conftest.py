"""A database of its own for each test, and a folder of migrations that the test may spoil."""

import itertools
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from service.embedded import EmbeddedPostgres
from service.migrations import SQL, downgrade, dump_schema, ensure_baseline, upgrade

_numbers = itertools.count(1)


@dataclass
class Sandbox:
    """One database and the SQL folder that it is made from."""

    server: EmbeddedPostgres
    database: str
    root: Path
    ids: list[str] = field(default_factory=list)

    def url(self, user: str) -> str:
        return self.server.url(user, self.database)

    @property
    def admin_url(self) -> str:
        return self.url(self.server.superuser)

    @property
    def migrator_url(self) -> str:
        return self.url("homelog_migrator")

    @property
    def passwords(self) -> dict[str, str]:
        return self.server.secrets

    def write(self, name: str, forward: str, rollback: str = "", directives: str = "") -> Path:
        """Add the next migration, acting as the owner; return its forward file."""
        id_ = f"{len(self.ids) + 1:04}_{name}"
        depends = f"-- depends: {self.ids[-1] if self.ids else ''}\n{directives}\n"
        role = f"SET {'' if directives else 'LOCAL '}ROLE homelog_owner;\n"
        path = self.root / "migrations" / f"{id_}.sql"
        path.write_text(f"-- {name}\n{depends}{role}{forward}\n", encoding="utf-8")
        path.with_suffix(".rollback.sql").write_text(f"{role}{rollback}\n", encoding="utf-8")
        self.ids.append(id_)
        return path

    def write_table(self, name: str) -> Path:
        return self.write(f"create_{name}", f"CREATE TABLE {name} (a int);", f"DROP TABLE {name};")

    def upgrade(self) -> list[str]:
        return upgrade(self.migrator_url, root=self.root)

    def upgrade_to(self, id_: str) -> list[str]:
        return upgrade(self.migrator_url, root=self.root, to=id_)

    def downgrade(self, steps: int = 1) -> list[str]:
        return downgrade(self.migrator_url, steps, root=self.root)

    def dump(self) -> str:
        return dump_schema(self.admin_url)

    def ask(self, query: str, *parameters: object) -> list[Any]:
        """Run a query as the superuser and return its first column."""
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            cursor = connection.execute(query.encode(), parameters or None)
            return [row[0] for row in cursor.fetchall()] if cursor.description else []


@pytest.fixture
def empty(server: EmbeddedPostgres, tmp_path: Path) -> Iterator[Sandbox]:
    """A database without anything in it, the real baseline, no migrations."""
    name = f"migrations_{next(_numbers)}"
    root = tmp_path / "[sql]"  # a folder's name may look like a pattern
    shutil.copytree(SQL / "init", root / "init")
    (root / "migrations").mkdir()
    with psycopg.connect(server.url(server.superuser, "postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        yield Sandbox(server, name, root)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def box(empty: Sandbox) -> Sandbox:
    """A database with the baseline."""
    ensure_baseline(empty.admin_url, empty.passwords, root=empty.root)
    return empty
