"""What operators see: metrics, slow statements, alerts and the queries that these lead to."""

import asyncio
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import httpx
import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from service import __version__
from service.database import Database
from service.embedded import EmbeddedPostgres
from service.maintenance.running import run
from service.migrations import SQL, required_version
from service.problems import CATALOGUE
from service.settings import Settings
from service.sqlfile import ALL
from tests.people import PASSWORD, Household, serve
from tests.processes import served

ROOT = SQL.parent
OPS = sorted((SQL / "ops").glob("*.sql"))
TEXTS = {file: file.read_text("utf-8") for file in OPS}


async def samples(home: Household) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    said = (await home.client.get("/metrics")).text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(said)
        for sample in family.samples
    }


def value(found: dict[tuple[str, frozenset[tuple[str, str]]], float], name: str, **labels: str) -> float:
    return found.get((name, frozenset(labels.items())), 0.0)


async def test_each_statement_has_its_time_under_its_name(home: Household) -> None:
    ann = await home.person("ann")
    before = await samples(home)
    for _ in range(3):
        await ann.get("/v1/homes")
    after = await samples(home)
    for name, least in (("homelog_query_seconds_count", 3), ("homelog_queries_total", 3)):
        more = value(after, name, query="homes:list_homes") - value(before, name, query="homes:list_homes")
        assert more == least, name
    assert value(after, "homelog_query_seconds_sum", query="homes:list_homes") > 0
    # As many series as there are statements in the project, whatever is sent.
    named = {dict(labels).get("query") for name, labels in after if name.startswith("homelog_quer")} - {None}
    assert named <= ALL.keys()


async def test_the_pool_shows_what_is_used_and_that_all_is_given_back(home: Household) -> None:
    ann = await home.person("ann")
    before = await samples(home)
    await ann.get("/v1/homes")
    found = await samples(home)
    assert value(found, "homelog_pool_connections_max") == 6
    assert 1 <= value(found, "homelog_pool_connections") <= 6
    assert value(found, "homelog_pool_connections_used") == value(before, "homelog_pool_connections_used") == 0
    assert value(found, "homelog_pool_waiting") == 0
    # What fills it is seen, and whoever waits.
    database: Database = home.app.app.state.database
    held = [await database.pool.acquire() for _ in range(6)]
    waiting = asyncio.create_task(ann.get("/v1/homes"))
    await asyncio.sleep(0.1)
    full = await samples(home)
    for connection in held:
        await database.pool.release(connection)
    assert (await waiting).status_code == 200
    after = await samples(home)
    assert (value(full, "homelog_pool_connections_used"), value(full, "homelog_pool_waiting")) == (6, 1)
    assert (value(after, "homelog_pool_connections_used"), value(after, "homelog_pool_waiting")) == (0, 0)
    name = "homelog_pool_wait_seconds_count"
    assert value(after, name) > value(before, name)


async def test_who_runs_is_told_with_the_schema(home: Household) -> None:
    found = await samples(home)
    assert value(found, "homelog_build_info", version=__version__, schema=required_version()) == 1


async def test_readings_are_counted_by_outcome_single_ones_too(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    path, name = f"/v1/sources/{source['id']}/readings", "homelog_readings_total"
    before = await samples(home)
    reading = {"value": 1, "timestamp": "2026-01-01T00:00:00Z"}
    await ann.post(path, reading)
    await ann.post(path, [reading, {**reading, "value": 2}], params={"mode": "partial"})
    await ann.post(path, {**reading, "timestamp": "2026-01-02T00:00:00Z"}, params={"dry_run": "true"})
    after = await samples(home)
    counted = {
        outcome: value(after, name, outcome=outcome) - value(before, name, outcome=outcome)
        for outcome in ("created", "duplicates", "rejected")
    }
    assert counted == {"created": 1, "duplicates": 1, "rejected": 1}


async def test_failures_are_counted_by_status(home: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "homelog_failed_requests_total"
    before = await samples(home)
    assert {dict(labels)["status"] for found, labels in before if found == name} == {
        str(status) for status, _ in CATALOGUE.values() if status >= 500
    }
    database: Database = home.app.app.state.database

    def broken(*_: object, **__: object) -> None:
        raise ArithmeticError

    monkeypatch.setattr(database, "transaction", broken)
    assert (await home.client.get("/health/ready")).status_code == 500
    after = await samples(home)
    assert value(after, name, status="500") - value(before, name, status="500") == 1
    assert value(after, name, status="503") == value(before, name, status="503")


async def test_the_end_of_the_last_maintenance_is_told_whoever_did_it(
    settings: Settings, dba: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.maintenance.running.LOOK_SECONDS", 0.05)
    name, newest = "homelog_maintenance_last_end_timestamp_seconds", datetime(2026, 1, 5, 3, tzinfo=UTC)
    async with serve(settings) as home, asyncio.timeout(30):
        for end in (newest, newest - timedelta(days=1), None):
            await dba.execute("INSERT INTO maintenance_runs (began_at, ended_at) VALUES ($1, $2)", newest, end)
        while value(await samples(home), name) != newest.timestamp():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_refusals_are_counted_by_kind(settings: Settings) -> None:
    async with serve(msgspec.structs.replace(settings, rate_limit=8)) as home:
        before = await samples(home)
        body = {"email": "nobody@example.org", "password": "not this one, either"}
        statuses = [(await home.client.post("/v1/auth/login", json=body)).status_code for _ in range(12)]
        after = await samples(home)
    assert statuses.count(429) >= 6
    for kind in ("passwords", "requests"):
        name = "homelog_refusals_total"
        assert value(after, name, kind=kind) > value(before, name, kind=kind), kind


async def test_a_slow_statement_is_logged_by_its_name_without_its_values(settings: Settings) -> None:
    canary = "a name that stands in no log"
    script = (
        "import asyncio, os, sys, msgspec\n"
        "from service.settings import Settings\n"
        "from tests.people import serve\n"
        "from pathlib import Path\n"
        "async def main():\n"
        "    url, name = sys.argv[1:]\n"
        "    for ms in (0, 1):\n"
        "        settings = Settings(database_url=url, data=Path('.'), secret='x' * 40, rate_limit=0,"
        " maintenance_minutes=0, slow_query_ms=ms)\n"
        "        async with serve(settings) as home:\n"
        "            home.app.app.state.database.slow *= 0.001\n"
        "            ann = await home.person(f'ann-{ms}')\n"
        "            await ann.home(name=name)\n"
        "asyncio.run(main())\n"
    )
    finished = subprocess.run(  # noqa: ASYNC221 - what is logged is what another process prints
        [sys.executable, "-c", script, settings.database_url, canary],
        cwd=ROOT,
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    lines = [json.loads(line) for line in finished.stdout.splitlines() if line.startswith(b"{")]
    slow = [line for line in lines if line["event"] == "slow query"]
    (request,) = [line for line in lines if line.get("route") == "/v1/homes"][1:]
    (told,) = [line for line in slow if line["query"] == "homes:create_home"]
    assert told["id"] == request["id"]
    assert set(told) == {"event", "id", "query", "ms", "level", "timestamp"}
    assert told["level"] == "warning"
    assert canary.encode() not in finished.stdout
    # 0 is never: all that was logged while it stood comes before the first home was made.
    first = next(n for n, line in enumerate(lines) if line.get("route") == "/v1/homes")
    assert not [line for line in lines[:first] if line["event"] == "slow query"]


async def test_one_scrape_tells_of_all_workers_and_forgets_those_that_are_gone(
    server: EmbeddedPostgres, database: str, home: Household, tmp_path: Path
) -> None:
    ann = await home.person("ann")
    with served(server.url("homelog_api", database), tmp_path, HOMELOG_WORKERS="2") as address:
        async with httpx.AsyncClient(base_url=address, timeout=60) as client:
            found: dict[str, float] = {}
            for _ in range(100):
                body = {"email": ann.email, "password": PASSWORD}
                assert (await client.post("/v1/auth/login", json=body)).status_code in {200, 503}
                said = (await client.get("/metrics", headers={"Connection": "close"})).text
                found = {
                    sample.name: sample.value
                    for family in text_string_to_metric_families(said)
                    for sample in family.samples
                    if not sample.labels
                }
                if found["homelog_pool_connections_max"] == 12:
                    break
            assert found["homelog_pool_connections_max"] == 12
            assert found["homelog_pool_connections_used"] == 0
            assert "homelog_build_info{" in said
            assert "pid=" not in said
    # A series that begins with its first failure begins at 1 and never rises, as Prometheus sees it.
    asked = [re.findall(r"homelog_\w+\{\w+=\"\w+\"\}", expression) for expression in alerts().values()]
    assert {series for found in asked for series in found if series not in said} == set()
    for series in ('failed_requests_total{status="500"}', 'maintenance_failures_total{task="clean_sessions"}'):
        assert f"homelog_{series} 0.0\n" in said
    assert 'homelog_readings_total{outcome="created"} 0.0\n' in said


# Alerts


def alerts() -> dict[str, str]:
    text = (ROOT / "ops/alerts.yml").read_text("utf-8")
    found = re.findall(r"- alert: (\w+)\n +expr: ((?:>-\n(?: {10}.*\n)+)|.*\n)", text)
    assert len(found) == text.count("alert:")
    return dict(found)


async def test_every_metric_that_an_alert_asks_for_is_there_with_its_labels(
    home: Household, settings: Settings
) -> None:
    ann = await home.person("ann")
    await ann.get("/v1/homes")
    await run(settings.database_url)
    said = (await home.client.get("/metrics")).text
    families = list(text_string_to_metric_families(said))
    # A counter with labels has no sample until it has counted: then its family at least is there.
    names = {sample.name for family in families for sample in family.samples}
    names |= {f"{family.name}_total" for family in families if family.type == "counter"}
    for alert, expression in alerts().items():
        asked = set(re.findall(r"\bhomelog_\w+", expression))
        assert asked <= names, (alert, asked - names)
        assert asked or alert == "HomelogDown"
    known = {name: set(sample.labels) for family in families for sample in family.samples for name in [sample.name]}
    for expression in alerts().values():
        for name, label in re.findall(r"(homelog_\w+)\{(\w+)", expression):
            assert name not in known or label in known[name]


def test_every_alert_has_its_line_in_the_page_and_each_line_its_alert() -> None:
    page = (ROOT / "docs/operations.md").read_text("utf-8")
    rows = re.findall(r"^\| `(Homelog\w+)` \|", page, re.MULTILINE)
    assert rows == list(alerts())


def test_every_metric_of_ours_stands_in_the_page() -> None:
    page = (ROOT / "docs/metrics.md").read_text("utf-8")
    source = (ROOT / "service/observing.py").read_text("utf-8")
    for name in re.findall(r'"(homelog_\w+)"', source):
        assert f"`{name}`" in page, name


# What to look at


def test_the_page_sends_to_every_query_and_to_none_that_is_not_there() -> None:
    page = (ROOT / "docs/operations.md").read_text("utf-8").partition("## Alerts")[2]
    assert {file.name for file in OPS} == set(re.findall(r"(\w+\.sql)\b", page)) & {file.name for file in OPS}
    assert set(re.findall(r"`(\w+\.sql)`", page)) <= {file.name for file in OPS}


@pytest.mark.parametrize("file", OPS, ids=lambda file: file.stem)
async def test_a_query_runs_for_operators(
    server: EmbeddedPostgres, database: str, dba: asyncpg.Connection, file: Path
) -> None:
    await dba.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    ops = await asyncpg.connect(server.url("homelog_ops", database))
    try:
        text = TEXTS[file]
        assert text.startswith("-- ")
        rows = await ops.fetch(text)
        empty = {"locks", "long_transactions", "replication", "growth", "refusals", "maintenance"}
        assert rows or file.stem in empty
    finally:
        await ops.close()


async def test_statements_are_found_by_their_names_where_postgresql_counts_them(
    server: EmbeddedPostgres, database: str, home: Household, dba: asyncpg.Connection
) -> None:
    await dba.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    await dba.execute("SELECT pg_stat_statements_reset()")
    ann = await home.person("ann")
    source = await ann.source()
    reading = {"value": 1, "timestamp": "2026-01-01T00:00:00Z"}
    await ann.post(f"/v1/sources/{source['id']}/readings", reading)
    assert (await ann.get("/v1/me/export")).status_code == 200
    ops = await asyncpg.connect(server.url("homelog_ops", database))
    named = {row["name"] for row in await ops.fetch(TEXTS[SQL / "ops/slow_statements.sql"])}
    # Sent alone, together with BEGIN, as a WITH, and as what COPY writes.
    sent = {"sources:create_source", "service:act_as", "service:commit", "readings:log_reading"}
    assert sent | {"readings:export_readings"} <= named
    page = (ROOT / "docs/database.md").read_text("utf-8")
    ((look,),) = [re.findall(r"`(SELECT query,[^`]+FROM pg_stat_statements[^`]+)`", page)]
    assert any("readings:log_reading" in row["query"] for row in await ops.fetch(look))
    await ops.close()


async def test_how_much_of_the_numbers_is_used_up_is_shown(
    server: EmbeddedPostgres, database: str, home: Household
) -> None:
    await home.person("ann")
    ops = await asyncpg.connect(server.url("homelog_ops", database))
    ((name, last),) = [
        (row["sequence_name"], row["last_value"])
        for row in await ops.fetch(TEXTS[SQL / "ops/sequences.sql"])
        if row["schema_name"] == "public"
    ]
    await ops.close()
    assert name == "audit_logs_id_seq"
    assert last > 0


async def test_who_waits_for_whom_is_shown(server: EmbeddedPostgres, database: str, dba: asyncpg.Connection) -> None:
    other, third = [await asyncpg.connect(server.url(server.superuser, database)) for _ in range(2)]
    ops = await asyncpg.connect(server.url("homelog_ops", database))
    await other.execute("BEGIN; LOCK TABLE homes")
    await third.execute("SET lock_timeout = '20s'")
    waiting = asyncio.create_task(third.execute("SELECT FROM homes"))
    rows: list[asyncpg.Record] = []
    while not rows:
        rows = await ops.fetch(TEXTS[SQL / "ops/locks.sql"])
    assert (rows[0]["on_table"], rows[0]["blocker"]) == ("homes", other.get_server_pid())
    assert rows[0]["ends_it"] == f"SELECT pg_terminate_backend({other.get_server_pid()})"
    await other.execute("ROLLBACK")
    await waiting
    for connection in (other, third, ops):
        await connection.close()
