import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from service.migrations import (
    BASELINE,
    SQL,
    MigrationError,
    dump_schema,
    ensure_baseline,
    schema_of_new_database,
    upgrade,
)
from service.migrations.connection import LOCK_KEY
from tests.migrations.conftest import Sandbox


def test_a_second_run_changes_nothing(empty: Sandbox) -> None:
    assert ensure_baseline(empty.admin_url, empty.passwords, root=empty.root)
    once = empty.dump()
    assert not ensure_baseline(empty.admin_url, empty.passwords, root=empty.root)
    assert empty.dump() == once
    assert empty.ask("SELECT version FROM homelog.schema_baseline") == [BASELINE]


def test_of_many_at_once_one_applies_it(empty: Sandbox) -> None:
    with ThreadPoolExecutor(8) as pool:
        runs = [pool.submit(ensure_baseline, empty.admin_url, empty.passwords, root=empty.root) for _ in range(8)]
    assert sorted(run.result() for run in runs) == [False] * 7 + [True]


def test_a_baseline_that_another_made_while_one_waited_is_seen(empty: Sandbox) -> None:
    with psycopg.connect(empty.admin_url) as other, ThreadPoolExecutor(1) as pool:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_KEY])
        other.execute("CREATE SCHEMA homelog")
        other.execute("CREATE TABLE homelog.schema_baseline ()")
        waiting = pool.submit(ensure_baseline, empty.admin_url, empty.passwords, root=empty.root)
        while not (waiting.done() or empty.ask("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")):
            time.sleep(0.01)
        other.commit()
        assert waiting.result() is False


def test_databases_of_one_cluster_get_it_at_once(empty: Sandbox) -> None:
    # They share the roles; the advisory lock is each database's own.
    names = [f"{empty.database}_{number}" for number in range(6)]
    for name in names:
        empty.ask(f"CREATE DATABASE {name}")
    urls = [empty.server.url(empty.server.superuser, name) for name in names]
    try:
        with ThreadPoolExecutor(len(urls)) as pool:
            runs = [pool.submit(ensure_baseline, url, empty.passwords, root=empty.root) for url in urls]
        assert all(run.result() for run in runs)
        assert len({dump_schema(url) for url in urls}) == 1
    finally:
        for name in names:
            empty.ask(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_baseline_that_fails_leaves_nothing(empty: Sandbox) -> None:
    before = empty.dump()
    broken = empty.root / "init" / "999_broken.sql"
    broken.write_text("CREATE TABLE left_behind (a int);\nSELECT 1 / 0;\n", encoding="utf-8")
    with pytest.raises(MigrationError, match=r"stopped at 999_broken\.sql: division by zero"):
        ensure_baseline(empty.admin_url, empty.passwords, root=empty.root)
    assert empty.dump() == before

    broken.unlink()
    assert ensure_baseline(empty.admin_url, empty.passwords, root=empty.root)


def test_the_passwords_open_each_login_and_only_hashes_reach_the_server(box: Sandbox) -> None:
    for role in ("homelog_migrator", "homelog_api", "homelog_ops"):
        with psycopg.connect(box.url(role)) as connection:
            assert connection.info.user == role
    stored = box.ask("SELECT rolpassword FROM pg_authid WHERE rolname LIKE 'homelog%%' AND rolcanlogin")
    assert all(password.startswith("SCRAM-SHA-256$") for password in stored)


def test_a_run_without_passwords_keeps_those_there_are(box: Sandbox) -> None:
    query = "SELECT rolpassword FROM pg_authid WHERE rolname = 'homelog_api'"
    before = box.ask(query)
    schema_of_new_database(box.admin_url, root=box.root)
    assert box.ask(query) == before


def test_a_migration_waits_for_the_baseline(empty: Sandbox) -> None:
    with pytest.raises(MigrationError, match="no baseline yet"):
        upgrade(empty.admin_url, root=empty.root)


def test_the_dump_of_a_schema_is_stable_and_bare(box: Sandbox) -> None:
    box.upgrade()  # makes yoyo's tables
    once = box.dump()
    assert once == dump_schema(box.admin_url) == schema_of_new_database(box.admin_url, root=box.root)
    assert "CREATE TABLE public.plants" in once
    assert "_yoyo" not in once
    assert "restrict " not in once
    assert "Dumped" not in once
    assert "\n\n\n" not in once


def test_schema_sql_is_fresh(box: Sandbox) -> None:
    assert Path(SQL / "schema.sql").read_text("utf-8") == schema_of_new_database(box.admin_url), (
        "run `make schema` and commit sql/schema.sql"
    )
