"""A DBA's first hour (docs/database.md), followed to the letter on 200,000 rows while somebody writes."""

import asyncio
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from service.embedded import EmbeddedPostgres
from service.migrations import SQL
from tests.people import Household, Person
from tests.processes import SECRET

ROOT = SQL.parent
ROWS = 200_000
PAGE = (ROOT / "docs/database.md").read_text("utf-8").partition("## A DBA's first hour\n")[2].partition("\n## ")[0]
STEPS = re.compile(
    r"(?:^`NNNN_(?P<file>\w+(?:\.rollback)?)\.sql`:\n\n)?^```(?P<language>\w+)\n(?P<block>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)

needs_make = pytest.mark.skipif(not (shutil.which("bash") and shutil.which("make")), reason="the commands are for make")


class Checkout:
    """A copy of the project in which somebody works on a migration."""

    def __init__(self, folder: Path, urls: dict[str, str]) -> None:
        self.root = folder / "homelog"
        for name in ("service", "sql", "scripts"):
            shutil.copytree(ROOT / name, self.root / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("Makefile", "pyproject.toml", "requirements.txt", "requirements-dev.txt"):
            shutil.copy(ROOT / name, self.root)
        # Set up already, from this interpreter's packages and the copy's own files.
        programs = self.root / ".venv/bin"
        programs.mkdir(parents=True)
        (programs / "python").symlink_to(sys.executable)
        (programs / "homelog").write_text(f'#!/bin/sh\ncd {self.root} && exec {sys.executable} -m service "$@"\n')
        (programs / "homelog").chmod(0o755)
        self.environment = {"PATH": f"{programs}:{os.environ['PATH']}", "HOMELOG_SECRET": SECRET, **urls}

    async def run(self, script: str) -> str:
        """What a block of commands prints."""
        stamp = 'echo "$(cat requirements.txt requirements-dev.txt pyproject.toml | cksum) $PWD" >.venv/.setup-dev\n'
        process = await asyncio.create_subprocess_exec(
            str(shutil.which("bash")), "-euo", "pipefail", "-c", stamp + script,
            cwd=self.root, env=self.environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said = (await process.communicate())[0].decode()
        assert process.returncode == 0, f"{script}\n{said}"
        return said

    def write(self, name: str, block: str) -> None:
        """Fill a file in that `make migration` has made."""
        (file,) = (self.root / "sql/migrations").glob(f"[0-9]*_{name}.sql")
        number = int(file.name[:4])
        (before,) = (self.root / "sql/migrations").glob(f"{number - 1:04}_*.rollback.sql")
        last = before.name.removesuffix(".rollback.sql")
        file.write_text(block.replace("NNNN_the_one_before", last).replace("NNNN", file.name[:4]), "utf-8")


class Watch:
    """For how long somebody held the strongest lock on care_events, and what writers were answered."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.answers: list[int] = []
        self.stored: list[str] = []
        self.is_over = False

    async def locks(self, url: str) -> None:
        """Look every few milliseconds, until cancelled."""
        query = (
            "SELECT virtualtransaction, extract(epoch FROM clock_timestamp())::float8 FROM pg_locks"
            " WHERE relation = 'care_events'::regclass AND mode = 'AccessExclusiveLock' AND granted"
        )
        seen: dict[str, tuple[float, float]] = {}
        connection = await asyncpg.connect(url)
        try:
            while True:
                for holder, at in await connection.fetch(query):
                    seen[holder] = (seen.get(holder, (at, at))[0], at)
                self.seconds = [last - first for first, last in seen.values()]
                await asyncio.sleep(0.003)
        finally:
            await connection.close()

    async def writes(self, person: Person, plant: str) -> None:
        """Log care, one after the other, as a phone does: what is told to come again comes again."""
        while not self.is_over:
            care = {"id": str(uuid4()), "kind": "repot", "at": "2026-03-01T23:30:00Z"}
            while (answer := await person.post(f"/v1/plants/{plant}/care-events", care)).status_code == 503:
                self.answers.append(503)
            self.answers.append(answer.status_code)
            self.stored.append(care["id"])
            await asyncio.sleep(0.02)


@asynccontextmanager
async def watched(url: str, person: Person, plant: str) -> AsyncIterator[Watch]:
    """Writers at work, and somebody who looks at the locks."""
    watch = Watch()
    tasks = [asyncio.create_task(watch.locks(url)), asyncio.create_task(watch.writes(person, plant))]
    try:
        yield watch
        assert not [task.exception() for task in tasks if task.done()]
        # Whoever is under way is answered: what is counted afterwards is all that was stored.
        watch.is_over = True
        await tasks[1]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def told(page: str) -> Iterator[Iterator[tuple[str | None, str, str]]]:
    """The page's blocks: the file that each fills, if it is one, its language and its text; each is followed."""
    steps = [(step["file"], step["language"], step["block"]) for step in STEPS.finditer(page)]
    assert {language for _, language, _ in steps} == {"sh", "sql"}
    rest = iter(steps)
    yield rest
    assert next(rest, None) is None


@needs_make
@pytest.mark.own_database
async def test_the_first_hour_goes_as_it_is_written(
    home: Household, server: EmbeddedPostgres, dba: asyncpg.Connection, database: str, tmp_path: Path
) -> None:
    ann = await home.person("ann")
    place = await ann.home(timezone="Asia/Tokyo")
    plant = (await ann.plant(home_id=place["id"]))["id"]
    await dba.execute(f"REVOKE TEMP ON DATABASE {database} FROM PUBLIC")
    async with dba.transaction():
        await dba.execute("SET LOCAL session_replication_role = replica")
        await dba.execute(
            "INSERT INTO care_events (plant_id, user_id, kind, at)"
            " SELECT $1, $2, 'fertilise', '2016-01-01'::timestamptz + n * interval '20 minutes'"
            " FROM generate_series(1, $3) AS n",
            plant, ann.id, ROWS,
        )  # fmt: skip
    checkout = Checkout(
        tmp_path,
        {
            "DATABASE_URL": server.url("homelog_api", database),
            "HOMELOG_MIGRATOR_URL": server.url("homelog_migrator", database),
        },
    )
    said: list[str] = []
    url = server.url(server.superuser, database)
    async with watched(url, ann, plant) as watch:
        with told(PAGE) as steps:
            for file, language, block in steps:
                if language == "sql":
                    assert file, block
                    checkout.write(file, block)
                else:
                    said.append(await checkout.run(block))
        wrote = len(watch.stored)
        held = max(watch.seconds)

    see, new, up, backfill, more, require, back = said
    assert "Personal." in see
    assert "The checks find nothing in the database." in see
    assert "add_care_events_local_day.rollback.sql" in new
    assert re.findall(r"^(Applied|Rolled) ", up, re.MULTILINE) == ["Applied", "Rolled", "Applied"]
    assert backfill.split()[-1] == "0"
    assert more.count(".sql") == 4
    assert "The checks find nothing in the database." in require
    assert re.search(r"care_events_local_day_not_null \| t", require)
    assert back.count("Rolled") == back.count("Applied") == 3

    # Nobody was kept out for long, and nothing was lost.
    assert held < 1
    assert set(watch.answers) <= {201, 200, 503}
    assert wrote > 20
    days = await dba.fetch("SELECT local_day, count(*) AS count FROM care_events WHERE kind = 'repot' GROUP BY 1")
    assert [(str(row["local_day"]), row["count"]) for row in days] == [("2026-03-02", len(watch.stored))]
    wrong = "SELECT count(*) FROM care_events WHERE local_day IS DISTINCT FROM (at AT TIME ZONE 'Asia/Tokyo')::date"
    assert await dba.fetchval(wrong) == 0
    assert await dba.fetchval("SELECT count(*) FROM care_events WHERE kind = 'fertilise'") == ROWS
    assert await dba.fetchval("SELECT count(*) FROM audit_logs WHERE event_type = 'update_plant'") == 0


async def test_a_lock_that_is_held_for_long_would_be_seen(
    home: Household, server: EmbeddedPostgres, dba: asyncpg.Connection, database: str
) -> None:
    ann = await home.person("ann")
    plant = (await ann.plant())["id"]
    async with watched(server.url(server.superuser, database), ann, plant) as watch:
        async with dba.transaction():
            await dba.execute("LOCK TABLE care_events IN ACCESS EXCLUSIVE MODE")
            await dba.execute("SELECT pg_sleep(1.2)")
        await asyncio.sleep(0.05)
        assert max(watch.seconds) > 1
