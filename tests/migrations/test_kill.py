"""kill -9 at any point leaves the old or the new version, and the next run needs no hand."""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any

import psycopg
import pytest

from service.migrations import downgrade, ensure_baseline, upgrade
from tests.migrations.conftest import Sandbox
from tests.migrations.relay import Side, relayed

POINTS = 20
APART = "-- transactional: false"
# Forked from one that has the migrator loaded: a start costs milliseconds, and no thread of pytest's is in it.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["service.migrations"])


@pytest.fixture
def chain(box: Sandbox) -> Sandbox:
    """Migrations of every kind, none of them applied."""
    box.write("create_one", "CREATE TABLE one (); ALTER TABLE one ADD a int;", "DROP TABLE one;")
    box.write(
        "index_one",
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS one_a_idx ON one (a);",
        "DROP INDEX CONCURRENTLY IF EXISTS one_a_idx;",
        directives=APART,
    )
    box.write("create_two", "CREATE TABLE two (a int); INSERT INTO two VALUES (1), (2), (3);", "DROP TABLE two;")
    box.write("fill_two", "DO $$ BEGIN UPDATE two SET a = 9 WHERE a <> 9; COMMIT; END $$;", directives=APART)
    return box


@contextmanager
def running(run: Callable[..., Any], *arguments: Any, **options: Any) -> Iterator[BaseProcess]:
    """A process that runs the function, killed with SIGKILL at the end if it still is there."""
    process = processes.Process(target=run, args=arguments, kwargs=options)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def kill(box: Sandbox, stop_at: int, side: Side, run: Callable[..., Any], *arguments: Any) -> None:
    """Kill a run in a process of its own before its n-th request arrives, or after it has been carried out."""
    with relayed(box.migrator_url, stop_at, side) as relay, running(run, relay.url, *arguments, root=box.root):
        assert relay.stopped.wait(60), "the run has no such request"
    await_end_of_sessions(box)


def await_end_of_sessions(box: Sandbox) -> None:
    query = """
        SELECT 1 FROM pg_stat_activity
        WHERE application_name = 'homelog migrate' AND datname = current_database()
    """
    deadline = time.monotonic() + 60
    while box.ask(query):
        assert time.monotonic() < deadline, "a killed migrator's session stays"
        time.sleep(0.01)


def count_requests(box: Sandbox, run: Callable[..., Any], *arguments: Any) -> int:
    with relayed(box.migrator_url) as relay, running(run, relay.url, *arguments, root=box.root) as process:
        process.join(60)
        assert process.exitcode == 0
        return relay.requests


def points(requests: int) -> list[tuple[int, Side]]:
    """Twenty requests from the first to the last, every other killed when it has been carried out."""
    assert requests > POINTS
    chosen = [1 + (requests - 1) * point // (POINTS - 1) for point in range(POINTS)]
    return [(request, "after" if number % 2 else "before") for number, request in enumerate(chosen)]


def records(box: Sandbox) -> tuple[list[str], list[str]]:
    has_yoyo = box.ask("SELECT to_regclass('yoyo._yoyo_migration') IS NOT NULL") == [True]
    marks = box.ask("SELECT migration_id FROM yoyo._yoyo_migration ORDER BY 1") if has_yoyo else []
    return box.ask("SELECT migration_id FROM homelog.schema_migrations ORDER BY 1"), marks


def assert_whole_ones_are_whole(box: Sandbox) -> int:
    """What is one transaction is there with its marks or not at all; return how many there are."""
    ledger, marks = records(box)
    for table, id_ in (("one", box.ids[0]), ("two", box.ids[2])):
        there = box.ask("SELECT to_regclass(%s) IS NOT NULL", table) == [True]
        assert there == (id_ in ledger) == (id_ in marks)
    assert ledger == box.ids[: len(ledger)]
    return len(ledger)


def assert_up(box: Sandbox) -> None:
    assert records(box) == (box.ids, box.ids)
    assert box.ask("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('one_a_idx')") == [True]
    assert box.ask("SELECT a FROM two") == [9, 9, 9]


def assert_down(box: Sandbox) -> None:
    assert records(box) == ([], [])
    assert box.ask("SELECT relname FROM pg_class WHERE relname ~ '^(one|two)(_|$)'") == []


def test_a_killed_upgrade_is_whole_and_heals(chain: Sandbox) -> None:
    chain.upgrade()  # yoyo makes its own tables, once
    chain.downgrade(4)
    requests = count_requests(chain, upgrade)
    chain.downgrade(4)
    seen = set()
    for request, side in points(requests):
        kill(chain, request, side, upgrade)
        done = assert_whole_ones_are_whole(chain)
        assert chain.upgrade() == chain.ids[done:]
        assert_up(chain)
        chain.downgrade(4)
        seen.add(done)
    assert seen == {0, 1, 2, 3, 4}


def test_a_first_upgrade_that_is_killed_again_and_again_ends_whole(chain: Sandbox) -> None:
    # It makes yoyo's tables besides.
    for request in range(2, 20):
        kill(chain, request, "after" if request % 2 else "before", upgrade)
        done = assert_whole_ones_are_whole(chain)
    assert chain.upgrade() == chain.ids[done:]
    assert_up(chain)


@pytest.mark.parametrize("then", ["down", "up"])
def test_a_killed_downgrade_is_whole_and_goes_on_either_way(chain: Sandbox, then: str) -> None:
    chain.upgrade()
    requests = count_requests(chain, downgrade, 4)
    for request, side in points(requests):
        chain.upgrade()
        kill(chain, request, side, downgrade, 4)
        if left := assert_whole_ones_are_whole(chain) if then == "down" else 0:
            assert chain.downgrade(left) == chain.ids[:left][::-1]
        if then == "down":
            assert_down(chain)
        else:
            chain.upgrade()
            assert_up(chain)


def test_a_killed_baseline_leaves_nothing(empty: Sandbox) -> None:
    query = "SELECT to_regclass('homelog.schema_baseline')"
    for request in (1, 3, 6, 9, 12):
        with (
            relayed(empty.admin_url, request, "after") as relay,
            running(ensure_baseline, relay.url, empty.passwords, root=empty.root),
        ):
            assert relay.stopped.wait(60)
        await_end_of_sessions(empty)
        assert empty.ask(query) == [None]
    assert ensure_baseline(empty.admin_url, empty.passwords, root=empty.root)


def test_an_index_that_a_kill_left_invalid_is_built_anew_by_two_at_once(chain: Sandbox) -> None:
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('one_a_idx')"
    with psycopg.connect(chain.admin_url) as old:
        old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        old.execute("SELECT 1")  # the index waits for whoever looks at the database as it was
        with running(upgrade, chain.migrator_url, root=chain.root):
            waits = "SELECT 1 FROM pg_locks WHERE locktype = 'virtualxid' AND NOT granted"
            deadline = time.monotonic() + 60
            while not chain.ask(waits):
                assert time.monotonic() < deadline
                time.sleep(0.01)
        await_end_of_sessions(chain)
        assert chain.ask(valid) == [False]
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(chain.upgrade) for _ in range(2)]
    assert sorted(len(run.result()) for run in runs) == [0, 3]
    assert_up(chain)


def test_who_waits_for_a_migrator_that_is_killed_ends_its_work(chain: Sandbox) -> None:
    requests = count_requests(chain, upgrade)
    for request in (requests // 3, requests // 2):
        chain.downgrade(4)
        with relayed(chain.migrator_url, request, "after") as relay, ThreadPoolExecutor(1) as pool:
            with running(upgrade, relay.url, root=chain.root):
                assert relay.stopped.wait(60)
                waiting = pool.submit(chain.upgrade)
                time.sleep(0.3)
                assert not waiting.done()
            done = assert_whole_ones_are_whole(chain)
            relay.close()
            assert waiting.result() == chain.ids[done:]
        assert_up(chain)
