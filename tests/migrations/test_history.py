"""Where files and database disagree, and what a person is told to do; what a rehearsal shows."""

import os
import re
import subprocess
from pathlib import Path

import psycopg
import pytest

from service.embedded import packaged_binaries
from service.migrations import MigrationError, ensure_baseline, runner, status, upgrade
from service.migrations.backend import SEARCH_PATH
from service.migrations.checks import freeze
from service.migrations.connection import session_options
from service.migrations.runner import last_applied, rehearse_baseline, rehearse_downgrade, rehearse_upgrade
from tests.migrations.conftest import Sandbox

APART = "-- transactional: false"


def states(box: Sandbox) -> list[str]:
    return [one.state for one in status(box.migrator_url, root=box.root).migrations]


def remove(path: Path) -> None:
    path.unlink()
    path.with_suffix(".rollback.sql").unlink()


def fingerprint(box: Sandbox) -> tuple[str, list[str]]:
    """The schema, and what the ledger and yoyo have noted; sequences and times aside."""
    query = "SELECT migration_id FROM yoyo._yoyo_migration UNION ALL SELECT migration_id FROM homelog.schema_migrations"
    has_yoyo = box.ask("SELECT to_regclass('yoyo._yoyo_migration') IS NOT NULL") == [True]
    return box.dump(), sorted(box.ask(query)) if has_yoyo else []


def test_a_database_that_is_newer_than_the_files_is_named_and_left_alone(box: Sandbox) -> None:
    box.write_table("a")
    newest = box.write_table("b")
    box.upgrade()
    remove(newest)
    assert states(box) == ["applied", "unknown"]
    for run in (box.upgrade, box.downgrade):
        with pytest.raises(MigrationError, match="the database is newer than this code; use the version that has it"):
            run()


def test_a_file_that_was_renamed_is_told_by_its_number(box: Sandbox) -> None:
    path = box.write_table("a")
    box.upgrade()
    for half in (path, path.with_suffix(".rollback.sql")):
        half.rename(half.with_name(half.name.replace("create_a", "make_a")))
    with pytest.raises(MigrationError, match=r"0001_create_a is applied .* 0001_make_a has its number"):
        box.upgrade()


def test_every_disagreement_is_in_the_status(box: Sandbox) -> None:
    edited = box.write_table("a")
    box.write_table("b")
    box.write_table("c")
    box.write_table("d")
    box.upgrade()
    box.downgrade()
    edited.write_text(edited.read_text("utf-8") + "-- better\n", encoding="utf-8")
    box.ask("DELETE FROM homelog.schema_migrations WHERE migration_id = '0002_create_b'")
    box.ask("DELETE FROM yoyo._yoyo_migration WHERE migration_id = '0002_create_b'")
    box.ask("INSERT INTO homelog.schema_migrations VALUES ('0005_create_e', '')")
    found = status(box.migrator_url, root=box.root)
    assert [one.state for one in found.migrations] == ["edited", "skipped", "applied", "pending", "unknown"]
    assert not found.up_to_date
    assert [complaint.split()[0] for complaint in found.complaints] == [
        "0005_create_e",
        "0001_create_a.sql",
        "0003_create_c",
    ]


@pytest.mark.parametrize("has_landed", [True, False])
@pytest.mark.parametrize("has_mark", [True, False])
def test_only_what_never_ran_and_has_not_landed_is_to_be_renumbered(
    box: Sandbox, has_landed: bool, has_mark: bool
) -> None:
    for name in ("a", "b", "c"):
        box.write_table(name)
    box.upgrade()
    if has_landed:
        freeze(box.root)
    box.ask("DELETE FROM homelog.schema_migrations WHERE migration_id = '0002_create_b'")
    if not has_mark:
        box.ask("DELETE FROM yoyo._yoyo_migration WHERE migration_id = '0002_create_b'")
    (complaint,) = status(box.migrator_url, root=box.root).complaints
    assert ("docs/operations.md, A lost record" in complaint) == (has_landed or has_mark)
    assert ("give that the next free number" in complaint) == (not has_landed and not has_mark)
    with pytest.raises(MigrationError, match=re.escape(complaint)):
        box.upgrade()


def test_a_database_that_lost_its_own_tables_is_no_empty_one(box: Sandbox) -> None:
    box.write_table("a")
    box.upgrade()
    for change, complaint in (
        ("DROP TABLE homelog.schema_baseline", "the baseline's row is missing, though 1 migration is applied"),
        (
            "ALTER TABLE homelog.schema_migrations RENAME TO schema_baseline",
            "schema_migrations, the ledger, is missing",
        ),
    ):
        box.ask(change)
        assert not ensure_baseline(box.admin_url, box.passwords, root=box.root)
        with pytest.raises(MigrationError, match=complaint):
            box.upgrade()


@pytest.mark.parametrize("user", ["homelog_api", "homelog_ops", "homelog_migrator", "postgres"])
def test_any_login_of_ours_may_ask_for_the_status(box: Sandbox, user: str) -> None:
    box.write_table("a")
    assert not status(box.url(user), root=box.root).up_to_date
    box.upgrade()
    assert status(box.url(user), root=box.root).up_to_date


def test_a_lock_row_that_a_killed_yoyo_left_does_not_matter(box: Sandbox) -> None:
    box.write_table("a")
    box.upgrade()
    box.write_table("b")
    box.ask("CREATE TABLE yoyo.yoyo_lock (locked int PRIMARY KEY, ctime timestamp, pid int NOT NULL)")
    box.ask("INSERT INTO yoyo.yoyo_lock VALUES (1, now(), 4711)")
    assert box.upgrade() == box.ids[1:]


def test_one_may_go_no_further_than_a_migration(box: Sandbox) -> None:
    for table in ("a", "b", "c", "d"):
        box.write_table(table)
    for name, wanted in (("1", ["0001_create_a"]), ("0003_create_c", ["0002_create_b", "0003_create_c"])):
        assert runner.upgrade(box.migrator_url, root=box.root, to=name) == wanted
        assert runner.upgrade(box.migrator_url, root=box.root, to=name) == []  # a deployment runs a second time
        assert rehearse_upgrade(box.migrator_url, root=box.root, to=name) == ""
    for name, complaint in (
        ("0002", "0002_create_b is applied already: to go back is a downgrade"),
        ("0009", "there is no migration 0009: the last is 0004_create_d"),
        ("create_d", "there is no migration create_d"),
    ):
        with pytest.raises(MigrationError, match=complaint):
            runner.upgrade(box.migrator_url, root=box.root, to=name)


def test_a_downgrade_that_was_agreed_to_is_not_another_one(box: Sandbox) -> None:
    box.write_table("a")
    box.upgrade()
    agreed = [migration.id for migration in last_applied(box.migrator_url, root=box.root)]
    box.write_table("b")
    box.upgrade()
    with pytest.raises(MigrationError, match="meanwhile somebody else has migrated this database"):
        runner.downgrade(box.migrator_url, root=box.root, expected=agreed)
    assert states(box) == ["applied", "applied"]


def test_those_that_are_done_are_told_at_once(box: Sandbox) -> None:
    box.write_table("a")
    box.write("break_it", "SELECT 1 / 0;")
    told: list[str] = []
    with pytest.raises(MigrationError, match="division by zero"):
        upgrade(box.migrator_url, root=box.root, tell=told.append)
    assert told == ["0001_create_a"]


# Outside a transaction


@pytest.mark.parametrize(
    ("forward", "complaint"),
    [
        ("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON a (a); ANALYZE a;", "holds one statement"),
        ("", "holds one statement"),
        ("DO $$ BEGIN NULL; END $$; SET lock_timeout = 0;", "holds one statement"),
        ("INSERT INTO a VALUES (1);", "may CREATE or DROP an INDEX CONCURRENTLY, or DO or CALL"),
        ("CREATE TABLE IF NOT EXISTS b (a int);", "may CREATE or DROP an INDEX CONCURRENTLY"),
        ("CREATE INDEX CONCURRENTLY i ON a (a);", "may run twice"),
    ],
)
def test_a_file_outside_a_transaction_holds_one_statement_that_may_run_twice(
    box: Sandbox, forward: str, complaint: str
) -> None:
    box.write("do_apart", forward, directives=APART)
    with pytest.raises(MigrationError, match=complaint):
        box.upgrade()


BATCHES = """
SET lock_timeout = '1s';
-- Ten rows at a time; who is killed goes on where it stopped.
DO $$
DECLARE
    changed integer;
BEGIN
    LOOP
        UPDATE a SET b = a WHERE a IN (SELECT a FROM a WHERE b IS NULL LIMIT 10);
        GET DIAGNOSTICS changed = ROW_COUNT;
        COMMIT;
        EXIT WHEN changed = 0;
    END LOOP;
END
$$;
"""


def test_rows_are_filled_in_batches(box: Sandbox) -> None:
    box.write(
        "create_a", "CREATE TABLE a (a int, b int); INSERT INTO a SELECT generate_series(1, 95);", "DROP TABLE a;"
    )
    box.write("fill_a", BATCHES, directives=APART)
    assert box.upgrade() == box.ids
    assert box.ask("SELECT count(DISTINCT xmin::text) || ' ' || count(b) FROM a") == ["10 95"]
    assert box.downgrade(2) == box.ids[::-1]


# A rehearsal


def run_by_hand(box: Sandbox, script: str) -> None:
    """As psql runs it, in a session as the script says."""
    psql = packaged_binaries() / "psql"
    subprocess.run(
        [psql, "--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1", "--file=-", box.migrator_url],
        env={**os.environ, "PGOPTIONS": session_options(SEARCH_PATH, "2s")},
        input=script,
        text=True,
        check=True,
        stdout=subprocess.DEVNULL,
    )


def test_a_rehearsal_changes_nothing_and_its_script_does_what_the_run_does(box: Sandbox) -> None:
    box.write("create_a", "CREATE TABLE a (a text);\nINSERT INTO a VALUES ('50 %s');", "DROP TABLE a;")
    box.write("index_a", "CREATE INDEX CONCURRENTLY IF NOT EXISTS a_idx ON a (a);", directives=APART)
    box.write_table("b")
    before = fingerprint(box)
    up = rehearse_upgrade(box.migrator_url, root=box.root)
    assert fingerprint(box) == before
    assert (
        re.findall(r"^(?:BEGIN|COMMIT|-- \d.*?:|SELECT pg_try\w+)", up, re.MULTILINE)[0]
        == "SELECT pg_try_advisory_lock"
    )

    run_by_hand(box, up)
    by_hand = fingerprint(box)
    assert status(box.migrator_url, root=box.root).up_to_date
    assert rehearse_upgrade(box.migrator_url, root=box.root) == ""
    down = rehearse_downgrade(box.migrator_url, 3, root=box.root)
    assert fingerprint(box) == by_hand
    box.ask("DROP INDEX a_idx")  # the rollback of this test's own says nothing of it

    run_by_hand(box, down)
    assert set(states(box)) == {"pending"}
    box.upgrade()
    assert fingerprint(box) == by_hand


def test_a_rehearsal_waits_for_nobody_and_finds_what_a_run_would_refuse(box: Sandbox) -> None:
    box.write("break_it", "CREATE TABEL a;")
    with psycopg.connect(box.admin_url) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [0x686F6D656C6F67])
        with pytest.raises(MigrationError, match=r"0001_break_it\.sql, line 5: syntax error"):
            rehearse_upgrade(box.migrator_url, root=box.root)


def test_a_rehearsal_of_an_empty_database_shows_the_baseline(empty: Sandbox) -> None:
    script = rehearse_baseline(empty.admin_url, root=empty.root)
    assert script.index("BEGIN;") < script.index("CREATE TABLE users") < script.rindex("COMMIT;")
    assert empty.ask("SELECT to_regnamespace('homelog')") == [None]
