"""kill -9 at any point leaves the old or the new version, and the next run needs no hand."""

import signal
import subprocess
import sys
import time

from tests.migrations.conftest import Sandbox

POINTS = 20
UPGRADE = """
import sys
from pathlib import Path
from service.migrations import upgrade
print("ready", flush=True)
upgrade(sys.argv[1], root=Path(sys.argv[2]))
"""


def start(box: Sandbox) -> subprocess.Popen[bytes]:
    """Start an upgrade in a process of its own; return when it is about to connect."""
    process = subprocess.Popen([sys.executable, "-c", UPGRADE, box.migrator_url, str(box.root)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def state(box: Sandbox) -> tuple[list[str], list[str], list[str]]:
    """What the tables, the ledger and yoyo say is applied, once the killed migrator's session is gone."""
    deadline = time.monotonic() + 20
    sessions = """
        SELECT 1 FROM pg_stat_activity
        WHERE application_name = 'homelog migrate' AND datname = current_database()
    """
    while box.ask(sessions):
        assert time.monotonic() < deadline, "a killed migrator's session stays"
        time.sleep(0.01)
    query = "SELECT relname FROM pg_class WHERE relname ~ '^(one|two|three|four)$' ORDER BY oid"
    tables = box.ask(query)
    applied = [id_ for id_ in box.ids if id_.partition("create_")[2] in tables]
    ledger = box.ask("SELECT migration_id FROM homelog.schema_migrations ORDER BY 1")
    has_yoyo = box.ask("SELECT to_regclass('yoyo._yoyo_migration') IS NOT NULL") == [True]
    marks = box.ask("SELECT migration_id FROM yoyo._yoyo_migration ORDER BY 1") if has_yoyo else []
    return applied, ledger, marks


def test_a_killed_upgrade_is_whole_and_heals(box: Sandbox) -> None:
    for name in ("one", "two", "three", "four"):
        box.write(
            f"create_{name}",
            f"CREATE TABLE {name} (); SELECT pg_sleep(0.05); ALTER TABLE {name} ADD a int;",
            f"DROP TABLE {name};",
        )
    with start(box) as process:
        began = time.monotonic()
        assert process.wait() == 0
        span = time.monotonic() - began
    box.downgrade(4)

    seen = set()
    for point in range(POINTS):
        with start(box) as process:
            time.sleep(span * point / POINTS)
            process.send_signal(signal.SIGKILL)
        tables, ledger, marks = state(box)
        assert tables == ledger == marks
        seen.add(len(ledger))
        assert box.upgrade() == box.ids[len(ledger) :]
        assert box.downgrade(4) == box.ids[::-1]
    assert len(seen) > 1, "no kill hit between two migrations"
