"""What a reviewer should not have to look for: in the migration files, and in a database (sql/checks)."""

from pathlib import Path

from psycopg.rows import dict_row

from service.migrations.baseline import baseline_changes
from service.migrations.connection import connect, has_baseline
from service.migrations.files import (
    SQL,
    MigrationError,
    MigrationFile,
    check_directives,
    read_chain,
    read_checksums,
)
from service.migrations.statements import locked_tables


def check_files(root: Path = SQL) -> list[str]:
    """Say what is wrong with the baseline and the migrations on disk, a sentence each; nothing where all is well."""
    complaints = baseline_changes(root)
    try:
        chain = read_chain(root)
        check_directives(chain)
    except MigrationError as error:
        return [*complaints, str(error)]
    frozen = read_checksums(_checksums(root))
    for migration in chain:
        if migration.forward.name not in frozen:  # what has landed cannot be mended any more
            complaints += [
                f"{migration.forward.name} locks {table}: say `-- lock:`, which lock it is and why it is short"
                for table in _locked_in_silence(migration)
            ]
        for direction in ("apply", "rollback"):
            try:
                migration.check(direction)
            except MigrationError as error:
                complaints.append(str(error))
        if not migration.loss:
            complaints.append(
                f"{migration.rollback.name} does not begin by saying what is lost: a downgrade shows that"
            )
    return complaints + _edited(chain, root)


def check_database(url: str, root: Path = SQL) -> list[str]:
    """Say what the checks find in a database, a line each; they read the catalogue alone, so any login may ask.

    Raises MigrationError where there is no Homelog in it.
    """
    with connect(url, search_path="public", lock_timeout="2s") as connection:
        if not has_baseline(connection):
            raise MigrationError("there is no Homelog in this database: homelog migrate makes it")
        cursor = connection.cursor(row_factory=dict_row)
        return [
            f"{file.stem}: " + ", ".join(f"{name} {value}" for name, value in row.items())
            for file in sorted((root / "checks").glob("*.sql"))
            for row in cursor.execute(file.read_bytes())
        ]


def freeze(root: Path = SQL) -> list[str]:
    """Note the hash of each migration that has none noted yet, and return their ids: from now on they have landed."""
    path = _checksums(root)
    chain = read_chain(root)
    if edited := _edited(chain, root):
        raise MigrationError(edited[0])
    frozen = read_checksums(path)
    landed = [migration for migration in chain if migration.forward.name not in frozen]
    # The whole anew: behind a last line without its end the next would be part of it.
    noted = [f"{digest}  {name}\n" for name, digest in frozen.items()]
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(noted)
        file.writelines(f"{migration.sha256}  {migration.forward.name}\n" for migration in landed)
    return [migration.id for migration in landed]


def _checksums(root: Path) -> Path:
    return root / "migrations" / "CHECKSUMS"


def _edited(chain: list[MigrationFile], root: Path) -> list[str]:
    """Name what differs from CHECKSUMS; a migration that is not in it has not landed, and may change."""
    found = {migration.forward.name: migration.sha256 for migration in chain}
    complaints = []
    for name, digest in read_checksums(_checksums(root)).items():
        if name not in found:
            complaints.append(f"{name} has landed and is missing: bring it back, under this name")
        elif found[name] != digest:
            complaints.append(f"{name} has landed and was edited since: restore it and write a migration")
    return complaints


def _locked_in_silence(migration: MigrationFile) -> list[str]:
    """Name the tables, not made by the file itself, that are locked before a `-- lock:` stands in it."""
    text = migration.text["apply"]
    statements = migration.statements("apply")
    locked: dict[str, None] = {}
    for statement, tables in zip(statements, locked_tables(statements), strict=True):
        if "-- lock:" in text[: statement.start + len(statement.text)]:
            break
        locked |= dict.fromkeys(tables)
    return list(locked)
