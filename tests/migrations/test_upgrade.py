import logging
import re
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from service.migrations import (
    SQL,
    MigrationError,
    backend,
    connection,
    create,
    files,
    runner,
    schema_of_new_database,
    status,
)
from service.migrations.connection import LOCK_KEY
from service.migrations.files import MigrationFile
from service.migrations.statements import Statement
from tests.migrations.conftest import Sandbox

# What sqlparse, a placeholder or a split would spoil.
HARD_SQL = r"""
CREATE FUNCTION homelog.seven() RETURNS integer
LANGUAGE plpgsql
AS $body$
BEGIN
    -- a ; and a % and a 'quote
    EXECUTE $$ SELECT 1; $$;
    RETURN 107 % 100;
END
$body$;
/* a ; /* nested ; comment */ goes on ; */
CREATE FUNCTION homelog.eight() RETURNS integer
LANGUAGE sql
BEGIN ATOMIC
    SELECT CASE WHEN true THEN 0 END;
    SELECT 8;
END;
DO $$
BEGIN
    RAISE DEBUG '100%% of %', 'it';
END
$$;
CREATE TABLE texts (t text);
INSERT INTO texts VALUES ('50 %s %(a)s %'), (E'it\'s; so'), ('$1 :name ?');
"""


def test_up_down_up_gives_the_same_schema(box: Sandbox) -> None:
    shutil.copytree(SQL / "migrations", box.root / "migrations", dirs_exist_ok=True)
    baseline = box.dump()
    applied = box.upgrade()
    schema = box.dump()
    assert box.downgrade(len(applied) or 1) == applied[::-1]
    assert without_added_labels(box.dump()) == baseline
    assert box.upgrade() == applied
    assert box.dump() == schema


def without_added_labels(dump: str) -> str:
    """A dump less the enum labels that migrations added: PostgreSQL removes none, so a rollback leaves them."""
    for file in (SQL / "migrations").glob("*.sql"):
        for type_, label in re.findall(r"ALTER TYPE (\w+) ADD VALUE IF NOT EXISTS '(\w+)'", file.read_text("utf-8")):
            dump = re.sub(rf"(CREATE TYPE public\.{type_} AS ENUM \([^;]*?),\n    '{label}'", r"\1", dump)
    return dump


def test_the_template_of_the_conventions_runs_up_down_up(box: Sandbox) -> None:
    text = (SQL / "CONVENTIONS.md").read_text("utf-8")
    blocks = dict(re.findall(r"`NNNN_(\w+(?:\.rollback)?)\.sql`\n+```sql\n(.*?)```", text, re.DOTALL))
    assert sorted(blocks) == ["create_reminders", "create_reminders.rollback"]
    for name, block in blocks.items():
        filled = block.replace("NNNN_the_one_before", "").replace("NNNN", "0001")
        (box.root / "migrations" / f"0001_{name}.sql").write_text(filled, encoding="utf-8")
    baseline = box.dump()
    assert box.upgrade() == ["0001_create_reminders"]
    schema = box.dump()
    box.downgrade()
    assert box.dump() == baseline
    box.upgrade()
    assert box.dump() == schema

    query = "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE relname = 'reminders'"
    assert box.ask(query) == [True]
    query = "SELECT DISTINCT tableowner FROM pg_tables WHERE tablename = 'reminders'"
    assert box.ask(query) == ["homelog_owner"]
    query = (SQL / "checks/columns_without_class.sql").read_text("utf-8").rstrip().removesuffix(";")
    assert box.ask(f"{query} AND c.relname = 'reminders'") == []


def test_a_new_migration_runs_up_and_down_as_it_is(box: Sandbox) -> None:
    create("add nothing yet", box.root)
    assert box.upgrade() == box.downgrade() == ["0001_add_nothing_yet"]


def test_each_is_applied_once_in_order_and_recorded(box: Sandbox) -> None:
    for table in ("a", "b", "c"):
        box.write_table(table)
    pending = status(box.migrator_url, root=box.root).migrations
    assert [(one.id, one.state, one.applied_at) for one in pending] == [(id_, "pending", None) for id_ in box.ids]
    assert box.upgrade() == box.ids
    assert box.upgrade() == []
    assert {one.state for one in status(box.migrator_url, root=box.root).migrations} == {"applied"}
    assert box.ask("SELECT migration_id FROM yoyo._yoyo_migration ORDER BY 1") == box.ids
    assert box.ask("SELECT DISTINCT applied_by FROM homelog.schema_migrations") == ["homelog_migrator"]

    assert box.downgrade(2) == box.ids[:0:-1]
    assert [one.state for one in status(box.migrator_url, root=box.root).migrations] == [
        "applied",
        "pending",
        "pending",
    ]
    for too_many in (2, 9):
        with pytest.raises(MigrationError, match=f"has 1 migration above the baseline, .* {too_many} cannot be"):
            box.downgrade(too_many)
    assert box.downgrade() == box.ids[:1]
    with pytest.raises(MigrationError, match="has no migration above the baseline"):
        box.downgrade()
    with pytest.raises(MigrationError, match="1 or more"):
        box.downgrade(0)


def test_a_superuser_steps_down_to_the_migrator(box: Sandbox) -> None:
    box.write_table("a")
    assert runner.upgrade(box.admin_url, root=box.root) == box.ids
    assert box.ask("SELECT DISTINCT applied_by FROM homelog.schema_migrations") == ["homelog_migrator"]
    assert box.downgrade() == box.ids


def test_only_the_migrator_migrates(box: Sandbox) -> None:
    for user in ("homelog_api", "homelog_ops"):
        with pytest.raises(MigrationError, match=f"{user} cannot keep the record of migrations"):
            runner.upgrade(box.url(user), root=box.root)


def test_a_login_that_fails_is_one_sentence(box: Sandbox) -> None:
    with pytest.raises(MigrationError, match=r"the database cannot be reached: [^\n]*$"):
        runner.upgrade(box.migrator_url.replace(":", ":x", 2), root=box.root)


def test_a_file_reaches_the_server_as_it_stands(box: Sandbox) -> None:
    box.write("write_hard_sql", HARD_SQL)
    box.upgrade()
    assert box.ask("SELECT homelog.seven() + homelog.eight()") == [15]
    assert box.ask("SELECT t FROM texts") == ["50 %s %(a)s %", "it's; so", "$1 :name ?"]
    (body,) = box.ask("SELECT prosrc FROM pg_proc WHERE proname = 'seven'")
    assert body in HARD_SQL


def test_a_rollback_runs_from_top_to_bottom(box: Sandbox) -> None:
    # More statements back than forth, each of which needs the one before it.
    box.write(
        "create_steps",
        "CREATE TABLE steps (a int);",
        "ALTER TABLE steps ADD b int; ALTER TABLE steps RENAME b TO c; ALTER TABLE steps DROP c;DROP TABLE steps;",
    )
    box.upgrade()
    assert box.downgrade() == box.ids


def test_a_rollback_that_fails_leaves_the_migration_whole(box: Sandbox) -> None:
    box.write("create_a", "CREATE TABLE a (a int);", "DROP TABLE a; SELECT 1 / 0;")
    box.upgrade()
    before = box.dump()
    with pytest.raises(MigrationError, match=r"0001_create_a\.rollback\.sql: division by zero"):
        box.downgrade()
    assert box.dump() == before
    assert status(box.migrator_url, root=box.root).migrations[0].state == "applied"


def test_what_a_file_sets_ends_with_it(box: Sandbox) -> None:
    box.write("set_all", "SET ROLE homelog_owner; SET search_path = homelog; SET lock_timeout = '1ms';")
    box.write("look", "CREATE TABLE seen AS SELECT current_setting('lock_timeout') AS lock, current_schema() AS at;")
    assert box.upgrade() == box.ids
    assert box.ask("SELECT lock || ' ' || at FROM seen") == [f"{backend.LOCK_TIMEOUT} public"]


def refused(box: Sandbox, complaint: str) -> None:
    """Neither direction starts, and nothing has changed."""
    before = box.dump()
    for run in (box.upgrade, box.downgrade):
        with pytest.raises(MigrationError, match=complaint) as error:
            run()
        assert "\n" not in str(error.value)
    assert box.dump() == before


def forget(box: Sandbox, id_: str) -> None:
    box.ask("DELETE FROM homelog.schema_migrations WHERE migration_id = %s", id_)
    box.ask("DELETE FROM yoyo._yoyo_migration WHERE migration_id = %s", id_)


def test_an_edited_file_is_refused(box: Sandbox) -> None:
    path = box.write_table("a")
    box.upgrade()
    box.write_table("b")
    path.write_text(path.read_text("utf-8") + "-- better\n", encoding="utf-8")
    refused(box, r"0001_create_a\.sql was edited after it was applied")


def test_a_file_with_other_line_ends_is_the_same_file(box: Sandbox) -> None:
    path = box.write_table("a")
    box.upgrade()
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert box.upgrade() == []


def test_a_missing_file_is_refused(box: Sandbox) -> None:
    box.write_table("a")
    path = box.write_table("b")
    box.upgrade()
    path.unlink()
    path.with_suffix(".rollback.sql").unlink()
    refused(box, "0002_create_b is applied but its file is missing")


def test_a_gap_in_the_history_is_refused(box: Sandbox) -> None:
    box.write_table("a")
    box.write_table("b")
    box.upgrade()
    forget(box, "0001_create_a")
    refused(box, "0002_create_b is applied but 0001_create_a, which comes before it, is not")


def test_a_missing_rollback_is_refused(box: Sandbox) -> None:
    box.write_table("a").with_suffix(".rollback.sql").unlink()
    refused(box, r"0001_create_a\.rollback\.sql is missing")


def test_a_mark_that_yoyo_made_alone_is_refused(box: Sandbox) -> None:
    box.write_table("a")
    box.upgrade()
    box.ask("DELETE FROM homelog.schema_migrations")
    refused(box, "the ledger has no row of 0001_create_a, which yoyo has marked as applied")


def test_marks_that_were_lost_are_put_back_and_nothing_is_applied_again(box: Sandbox) -> None:
    text = (SQL.parent / "docs" / "operations.md").read_text("utf-8").partition("### A lost record")[2]
    insert, make_schema = re.findall(r"<<'SQL'\n(.*?)^SQL$", text, re.DOTALL | re.MULTILINE)[:2]
    box.write_table("a")
    box.upgrade()
    whole = box.dump()
    box.ask("TRUNCATE yoyo._yoyo_migration")
    refused(box, "yoyo has no mark of 0001_create_a, which the ledger has as applied")
    box.ask(insert)
    assert box.upgrade() == []

    box.ask("DROP SCHEMA yoyo CASCADE")
    refused(box, "schema yoyo, which holds the marks of migrations, is missing")
    box.ask(make_schema)
    with pytest.raises(MigrationError, match="yoyo has no mark"):
        box.upgrade()
    box.ask(insert)
    assert box.upgrade() == []
    assert box.dump() == whole


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("CREATE TABEL b (a int);", r'0002_break_it\.sql, line 5: syntax error at or near "TABEL"'),
        ("CREATE TABLE b (a int)", "the last statement lacks its semicolon"),
        ("SELECT 'open;", "unterminated quoted string"),
        ("BEGIN; CREATE TABLE b (a int); END;", "syntax error"),
        ("COMMIT;", "says COMMIT"),
        ("\\d plants", "syntax error"),
    ],
)
def test_a_file_that_does_not_parse_stops_even_those_before_it(box: Sandbox, text: str, complaint: str) -> None:
    box.write_table("a")
    box.write("break_it", text)
    with pytest.raises(MigrationError, match=complaint):
        box.upgrade()
    assert {one.state for one in status(box.migrator_url, root=box.root).migrations} == {"pending"}


def test_a_commit_that_is_hidden_ends_nothing(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = r"COMMENT ON TABLE a IS 'a\'; COMMIT; SELECT 1 / 0; --';"
    box.write("create_a", f"CREATE TABLE a (); {hidden}")
    with pytest.raises(MigrationError, match="says COMMIT"):
        box.upgrade()
    monkeypatch.setattr(MigrationFile, "check", lambda *_: None)
    monkeypatch.setattr(files, "split", lambda text: [Statement(text, 0)])  # what were hidden better
    with pytest.raises(MigrationError, match="cannot insert multiple commands"):
        box.upgrade()
    assert box.ask("SELECT to_regclass('a')") == [None]


def test_a_byte_order_mark_is_named(box: Sandbox) -> None:
    path = box.write_table("a")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    refused(box, r"0001_create_a\.sql begins with a byte order mark")


def test_a_file_that_is_not_utf8_is_refused(box: Sandbox) -> None:
    box.write_table("a").write_bytes(b"-- \xff\n")
    refused(box, "is not UTF-8")


def test_a_migration_that_fails_leaves_those_before_it(box: Sandbox) -> None:
    box.write_table("a")
    broken = box.write("break_it", "CREATE TABLE b (a int);\nSELECT nowhere FROM b;")
    with pytest.raises(MigrationError, match=r'0002_break_it\.sql, line 6: column "nowhere" does not exist'):
        box.upgrade()
    assert [one.state for one in status(box.migrator_url, root=box.root).migrations] == ["applied", "pending"]
    assert box.ask("SELECT to_regclass('b')") == [None]

    broken.write_text(broken.read_text("utf-8").replace("nowhere", "a"), encoding="utf-8")
    assert box.upgrade() == box.ids[1:]


def test_of_two_at_once_one_waits(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    for table in ("a", "b", "c"):
        box.write(f"create_{table}", f"CREATE TABLE {table} (a int); SELECT pg_sleep(0.2);")
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(box.upgrade) for _ in range(4)]
    assert sorted(len(run.result()) for run in runs) == [0, 0, 0, 3]
    assert "another migration or a backup is running" in caplog.text


def test_the_wait_for_another_run_is_bounded(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LOCK_WAIT", 0.0)
    with psycopg.connect(box.admin_url) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK_KEY])
        with pytest.raises(MigrationError, match="another migration"):
            box.upgrade()


def test_a_held_table_is_waited_for_in_short_tries(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(backend, "LOCK_TIMEOUT", "100ms")
    monkeypatch.setattr(backend, "LONGEST_PAUSE", 0.1)
    box.write("add_colour", "ALTER TABLE plants ADD colour text;")
    with psycopg.connect(box.admin_url) as idle:
        idle.execute("SELECT 1 FROM plants")
        monkeypatch.setattr(backend, "LOCK_TRIES", 2)
        with pytest.raises(MigrationError, match="0001_add_colour got no lock in 2 tries"):
            box.upgrade()

        monkeypatch.setattr(backend, "LOCK_TRIES", 50)
        threading.Timer(0.5, idle.rollback).start()
        with caplog.at_level(logging.WARNING):
            assert box.upgrade() == box.ids
        assert "waits for a lock" in caplog.text


def test_nobody_queues_for_long_behind_a_block_that_runs_outside_a_transaction(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "LOCK_TIMEOUT", "100ms")
    monkeypatch.setattr(backend, "LOCK_TRIES", 1)
    do = "DO $$ BEGIN ALTER TABLE plants ADD COLUMN IF NOT EXISTS colour text; END $$;"
    box.write("add_colour", do, directives="-- transactional: false")
    with psycopg.connect(box.admin_url) as idle:
        idle.execute("SELECT 1 FROM plants")
        with pytest.raises(MigrationError, match="0001_add_colour got no lock in 1 tries"):
            box.upgrade()


VIEWS = """
CREATE TABLE t (a int);
CREATE VIEW v AS SELECT a FROM t;
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER x AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
"""


@pytest.mark.parametrize(
    "first",
    [
        "ALTER TABLE t ADD b int",
        "DROP FUNCTION f() CASCADE",
        "ALTER VIEW v RENAME TO w",
        "DO $$ BEGIN EXECUTE 'LO' || 'CK t'; END $$",
    ],
)
def test_what_waits_for_many_tables_waits_no_longer_than_for_one(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """Whoever waits for the first one waits for the sum."""
    box.write("create_views", VIEWS)
    box.upgrade()
    monkeypatch.setattr(backend, "LOCK_TIMEOUT", "1min")
    monkeypatch.setattr(backend, "LOCKS_WAIT", 0.3)
    monkeypatch.setattr(backend, "LOCK_TRIES", 1)
    box.write("add_colour", f"{first}; SELECT pg_sleep(0.2); ALTER TABLE homes ADD a int;")
    with psycopg.connect(box.admin_url) as idle:
        idle.execute("SELECT 1 FROM homes")
        with pytest.raises(MigrationError, match="got no lock in 1 tries"):
            box.upgrade()


def wait_after(box: Sandbox, statements: str) -> str:
    """Run them, and return how long the next statement would wait for a lock."""
    box.write("look", f"{VIEWS} CREATE TABLE seen (lock text DEFAULT current_setting('lock_timeout'));")
    box.upgrade()
    box.write("lock", f"{statements}; INSERT INTO seen DEFAULT VALUES;")
    box.upgrade()
    return str(box.ask("SELECT lock FROM seen")[0])


@pytest.mark.parametrize(
    "first",
    [
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; UPDATE t SET a = 1",
        "CREATE TABLE u (a int); ALTER TABLE u ADD b int; DROP TABLE u; COMMENT ON TABLE t IS 'so'",
    ],
)
def test_what_holds_nobody_up_uses_up_no_time_for_locks(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    monkeypatch.setattr(backend, "LOCKS_WAIT", 0.0)
    assert wait_after(box, first) == backend.LOCK_TIMEOUT


@pytest.mark.parametrize(("own", "waits"), [("50ms", "50ms"), ("1min", "100ms"), ("0", "100ms")])
def test_a_file_may_wait_less_for_a_lock_than_it_is_given_and_no_more(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, own: str, waits: str
) -> None:
    monkeypatch.setattr(backend, "LOCKS_WAIT", 0.0)
    assert wait_after(box, f"ALTER TABLE t ADD b int; SET LOCAL lock_timeout = '{own}'") == waits


INDEX = "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS a_a_idx ON a (a);"
DROP_INDEX = "DROP INDEX CONCURRENTLY IF EXISTS a_a_idx;"


def test_an_index_that_broke_half_way_is_built_anew(box: Sandbox) -> None:
    box.write("create_a", "CREATE TABLE a (a int); INSERT INTO a VALUES (1), (1);", "DROP TABLE a;")
    box.write("index_a", INDEX, DROP_INDEX, directives="-- transactional: false")
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('a_a_idx')"
    with pytest.raises(MigrationError, match="could not create unique index"):
        box.upgrade()
    assert box.ask(valid) == [False]

    box.ask("DELETE FROM a WHERE ctid = '(0,1)'")
    assert box.upgrade() == box.ids[1:]
    assert box.ask(valid) == [True]
    assert box.downgrade(2) == box.ids[::-1]


@pytest.mark.parametrize("name", ["t_a_idx", '"T ""a"" idx"'])
def test_an_index_is_not_marked_until_it_is_valid_wherever_it_lies(box: Sandbox, name: str) -> None:
    box.write("create_t", "CREATE TABLE homelog.t AS VALUES (1), (1);", "DROP TABLE homelog.t;")
    index = f"CREATE UNIQUE INDEX /* in peace */ CONCURRENTLY IF NOT EXISTS {name} ON homelog.t (column1);"
    box.write("index_t", index, directives="-- transactional: false")
    for _ in range(2):
        with pytest.raises(MigrationError, match="could not create unique index"):
            box.upgrade()
    box.ask("DELETE FROM homelog.t WHERE ctid = '(0,1)'")
    assert box.upgrade() == box.ids[1:]
    assert box.ask("SELECT indisvalid FROM pg_index WHERE indrelid = 'homelog.t'::regclass") == [True]


def test_what_has_the_name_of_an_index_is_not_taken_for_it(box: Sandbox) -> None:
    box.write("create_a", "CREATE TABLE a (a int); CREATE TABLE a_a_idx ();")
    box.write("index_a", INDEX, DROP_INDEX, directives="-- transactional: false")
    with pytest.raises(MigrationError, match=r"0002_index_a\.sql ran, and yet a has no valid index a_a_idx"):
        box.upgrade()


def test_an_index_is_dropped_in_as_many_tries_as_it_takes(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "INDEX_LOCK_TIMEOUT", "100ms")
    monkeypatch.setattr(backend, "LONGEST_PAUSE", 0.1)
    box.write_table("a")
    box.write("index_a", INDEX, DROP_INDEX, directives="-- transactional: false")
    box.upgrade()
    with psycopg.connect(box.admin_url) as other:
        other.execute("LOCK TABLE a IN SHARE UPDATE EXCLUSIVE MODE")
        threading.Timer(0.3, other.rollback).start()
        assert box.downgrade() == ["0002_index_a"]


def test_an_index_whose_mark_was_lost_is_marked(box: Sandbox) -> None:
    box.write_table("a")
    box.write("index_a", INDEX, DROP_INDEX, directives="-- transactional: false")
    box.upgrade()
    forget(box, "0002_index_a")
    assert box.upgrade() == ["0002_index_a"]


def test_a_concurrent_index_is_not_held_up_by_a_waiting_run(box: Sandbox) -> None:
    box.write_table("a")
    box.write("index_a", INDEX, DROP_INDEX, directives="-- transactional: false")
    with psycopg.connect(box.admin_url) as old, ThreadPoolExecutor(2) as pool:
        old.execute("SELECT txid_current()")  # what the index waits for
        runs = [pool.submit(box.upgrade) for _ in range(2)]
        time.sleep(0.5)
        old.rollback()
        assert sorted(len(run.result()) for run in runs) == [0, 2]


def test_the_snapshot_of_a_new_database_is_that_of_this_one(box: Sandbox) -> None:
    box.write_table("a")
    box.upgrade()
    assert schema_of_new_database(box.admin_url, root=box.root) == box.dump()
    assert box.ask("SELECT datname FROM pg_database WHERE datname LIKE 'homelog_schema_%'") == []
