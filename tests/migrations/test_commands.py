"""`homelog db`, from the operator's chair: what it prints, what it asks, and the exit status that cron reads."""

import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.migrations import SQL
from tests.migrations.conftest import Sandbox

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def tree(box: Sandbox, tmp_path: Path) -> Path:
    """A copy of the project with the sandbox's SQL, so that a command may write to it."""
    folder = tmp_path / "project"
    shutil.copytree(SQL.parent / "service", folder / "service", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "sql").symlink_to(box.root)
    return folder


@pytest.fixture
def run(box: Sandbox, tree: Path) -> Run:
    """Run `homelog` on the sandbox, as nobody at a terminal does; the environment is what a test adds to."""

    def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "service", *arguments],
            cwd=tree,
            env=given(box, tree) | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert not any(secret in done.stdout + done.stderr for secret in box.passwords.values())
        return done

    return command


def given(box: Sandbox, tree: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(tree), "HOMELOG_MIGRATOR_URL": box.migrator_url}


def three(box: Sandbox) -> None:
    for name in ("a", "b", "c"):
        path = box.write_table(name).with_suffix(".rollback.sql")
        path.write_text(f"-- Undoes create_{name}.\n-- All of {name} is lost.\n{path.read_text('utf-8')}", "utf-8")


def test_the_status_is_said_in_words_and_by_the_exit(box: Sandbox, run: Run) -> None:
    three(box)
    run("db", "upgrade", "--to", "0001")
    assert run("db", "upgrade", "--to", "0001").stdout == "No migration is missing up to 0001.\n"
    old = run("db", "status")
    assert old.returncode == 1
    lines = old.stdout.splitlines()
    assert lines[0].startswith(f"Database: {box.database} at ")
    assert lines[0].endswith(" as homelog_migrator")
    assert lines[1] == "Baseline: baseline-1."
    assert lines[2].startswith("Applied: 1 migration, the last 0001_create_a at 20")
    assert lines[3:] == ["Missing:", "  0002_create_b", "  0003_create_c", "Run `homelog db upgrade`."]

    assert run("db", "upgrade").stdout == "Applied 0002_create_b.\nApplied 0003_create_c.\n"
    assert run("db", "upgrade").stdout == "No migration is missing.\n"
    new = run("db", "status")
    assert (new.returncode, new.stdout.splitlines()[-1]) == (0, "Up to date.")


def test_a_status_that_is_not_well_says_what_to_do(box: Sandbox, run: Run) -> None:
    three(box)
    run("db", "upgrade")
    box.ask("UPDATE homelog.schema_migrations SET sha256 = '' WHERE migration_id = '0002_create_b'")
    box.ask("INSERT INTO homelog.schema_migrations VALUES ('0004_create_d', '')")
    found = run("db", "status")
    assert found.returncode == 1
    assert "Edited after they were applied:\n  0002_create_b\nUnknown to this code:\n  0004_create_d\n" in found.stdout
    assert "0002_create_b.sql was edited after it was applied: restore it and write a migration.\n" in found.stdout
    assert "use the version that has it" in found.stdout
    assert run("db", "upgrade").returncode == 1


def test_a_lost_row_of_the_baseline_is_no_missing_schema(box: Sandbox, run: Run) -> None:
    three(box)
    run("db", "upgrade")
    box.ask("DELETE FROM homelog.schema_baseline")
    found = run("db", "status")
    assert (found.returncode, found.stdout.splitlines()[1]) == (1, "Baseline: missing.")
    assert "Applied: 3 migrations, the last 0003_create_c at" in found.stdout
    assert "homelog db upgrade" not in found.stdout
    sentence = found.stdout.splitlines()[-1]
    assert sentence.startswith("The baseline's row is missing, though 3 migrations are applied: ")
    refused = run("db", "upgrade")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.splitlines()[-1] == sentence.removesuffix(".")


def test_an_empty_database_is_told_from_one_out_of_reach(empty: Sandbox, tmp_path: Path) -> None:
    def status(url: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "service", "db", "status"],
            cwd=SQL.parent,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "HOMELOG_MIGRATOR_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )

    found = status(empty.admin_url)
    assert (found.returncode, found.stdout.splitlines()[1]) == (1, "Baseline: missing.")
    found = status("postgresql://homelog_migrator:hidden@127.0.0.1:9/homelog")
    assert (found.returncode, found.stdout) == (1, "Database: homelog at 127.0.0.1:9 as homelog_migrator\n")
    assert found.stderr.startswith("The database cannot be reached: ")
    assert "hidden" not in found.stderr


def test_every_command_says_which_database_it_works_on(box: Sandbox, run: Run) -> None:
    three(box)
    for command in (["migrate"], ["db", "upgrade", "--dry-run"], ["downgrade"], ["db", "downgrade", "--dry-run"]):
        done = run(*command)
        assert done.returncode == 0, done.stderr
        assert done.stderr.startswith(f"Database: {box.database} at "), command


def test_a_downgrade_says_what_is_lost(box: Sandbox, run: Run) -> None:
    three(box)
    run("migrate")
    done = run("db", "downgrade")
    assert done.stdout == "Undoes create_c. All of c is lost.\nRolled 0003_create_c back.\n"


@pytest.mark.parametrize("command", [["db", "downgrade"], ["downgrade"]])
def test_more_than_one_is_not_rolled_back_unless_somebody_agrees(box: Sandbox, run: Run, command: list[str]) -> None:
    three(box)
    run("migrate")
    before = box.dump()
    refused = run(*command, "--steps", "2")
    assert refused.returncode == 1
    assert "nobody is here to agree: say --yes if that is meant. Nothing was changed." in refused.stderr
    too_many = run(*command, "--steps", "4", "--yes")
    assert too_many.returncode == 1
    assert "The database has 3 migrations above the baseline, which stays: 4 cannot be rolled back" in too_many.stderr
    assert run(*command, "--steps", "0").returncode == 1
    assert box.dump() == before

    agreed = run(*command, "--steps", "2", "--yes")
    assert (agreed.returncode, agreed.stdout.splitlines()[-1]) == (0, "Rolled 0002_create_b back.")


@pytest.mark.parametrize(("typed", "returned"), [("2\n", 0), ("y\n", 1), ("\n", 1)])
def test_at_a_terminal_one_is_asked(box: Sandbox, tree: Path, run: Run, typed: str, returned: int) -> None:
    three(box)
    run("migrate")
    keyboard, terminal = pty.openpty()
    os.write(keyboard, typed.encode())
    done = subprocess.run(
        [sys.executable, "-m", "service", "db", "downgrade", "--steps", "2"],
        cwd=tree,
        env=given(box, tree),
        stdin=terminal,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    os.close(keyboard)
    os.close(terminal)
    assert f"Roll 2 migrations back, on {box.database} at " in done.stdout
    assert done.returncode == returned, done.stderr
    left = box.ask("SELECT count(*) FROM homelog.schema_migrations")
    assert left == ([3] if returned else [1])


def test_a_dry_run_prints_what_would_run(box: Sandbox, run: Run) -> None:
    three(box)
    before = box.dump()
    shown = run("db", "upgrade", "--dry-run", "--to", "2").stdout
    assert "CREATE TABLE b (a int);" in shown
    assert "CREATE TABLE c" not in shown
    assert box.dump() == before


def test_a_new_migration_is_begun_checked_and_frozen(box: Sandbox, run: Run) -> None:
    made = run("db", "new", "add", "rooms to plants").stdout.split()
    assert made == [f"sql/migrations/0001_add_rooms_to_plants{end}" for end in (".sql", ".rollback.sql")]
    assert run("migration", "add pots").returncode == 0
    forward = box.root / "migrations" / "0001_add_rooms_to_plants.sql"
    assert run("db", "check").stdout == "2 migrations, and all is well with their files.\n"

    begun = forward.read_text("utf-8")
    forward.write_text(begun + "ALTER TABLE plants ADD room text;\n", "utf-8")
    told = run("db", "check")
    assert told.returncode == 1
    assert told.stderr == (
        "0001_add_rooms_to_plants.sql locks plants: say `-- lock:`, which lock it is and why it is short.\n"
    )
    forward.write_text(begun + "-- lock: for an instant.\nALTER TABLE plants ADD room text;\n", "utf-8")
    assert run("db", "check", "--freeze").stdout == "Froze 0001_add_rooms_to_plants.\nFroze 0002_add_pots.\n"
    assert run("db", "check", "--freeze").stdout == "All are frozen already.\n"
    forward.write_text(begun, "utf-8")
    assert "0001_add_rooms_to_plants.sql has landed and was edited since" in run("db", "check").stderr


def test_a_check_names_all_that_is_wrong(box: Sandbox, run: Run) -> None:
    box.write("one", "COMMIT;")
    box.write("two", "CREATE INDEX CONCURRENTLY i ON plants (id);", directives="-- transactional: false")
    told: Any = run("db", "check")
    assert told.returncode == 1
    assert [line.split(maxsplit=1)[0] for line in told.stderr.splitlines()] == [
        "0001_one.sql",
        "0001_one.rollback.sql",
        "0002_two.sql",
        "0002_two.rollback.sql",
    ]


def test_a_wrong_argument_shows_the_usage_of_its_command(run: Run) -> None:
    refused = run("db", "status", "extra")
    assert refused.returncode == 2
    assert refused.stderr.startswith("usage: homelog db status [-h]\n")
    assert refused.stderr.endswith("homelog db status: error: unrecognized arguments: extra\n")
