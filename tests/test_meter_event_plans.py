"""Suggesting meter events is one pass over a source that ends with the page: as the service, under row security.

Whatever plan PostgreSQL keeps. Figures are counts that EXPLAIN ANALYZE gives, never times.
"""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from service.embedded import EmbeddedPostgres
from service.meter_events.handlers import LIST_METER_EVENTS, SUGGEST_METER_EVENTS
from service.sqlfile import Query
from tests.test_plans import literal, nodes_of

ANN = UUID(int=1)
CLIMBING, FALLING, EXPLAINED, GAUGE = (UUID(int=1001 + n) for n in range(4))
"""A counter that never falls; one that falls every tenth reading; the same with an event for each fall; the same, but a
gauge."""
READINGS = 5000
FALLS = READINGS // 10 - 1
PAGE = 11

FILL = f"""
SET session_replication_role = replica;
INSERT INTO users (id, email) VALUES ('{ANN}', 'ann@example.org');
INSERT INTO data_sources (id, name, source_type, unit, kind)
    SELECT lpad(to_hex(1000 + n), 32, '0')::uuid, 'Meter', 'heat', 'kWh',
           CASE n WHEN 4 THEN 'gauge' ELSE 'counter' END::source_kind
    FROM generate_series(1, 50) AS n;
INSERT INTO user_source_access (user_id, source_id, access_level)
    SELECT '{ANN}', id, 'admin' FROM data_sources;
INSERT INTO readings (source_id, value, timestamp)
    SELECT s.id, CASE WHEN s.id = '{CLIMBING}' THEN n ELSE n % 10 END,
           timestamptz '2025-01-01T00:00:00Z' + n * interval '10 minutes'
    FROM generate_series(0, {READINGS - 1}) AS n
    CROSS JOIN (SELECT id FROM data_sources ORDER BY id LIMIT 10) AS s;
INSERT INTO meter_events (source_id, at, kind)
    SELECT '{EXPLAINED}', timestamptz '2025-01-01T00:00:00Z' + n * interval '100 minutes', 'reset'
    FROM generate_series(1, {FALLS}) AS n;
RESET session_replication_role;
ANALYZE data_sources, readings;
"""  # noqa: S608 - made of the constants above; events are not analysed: nobody waits for that after the first ones


@pytest.fixture(scope="module")
async def url(server: EmbeddedPostgres, template: str) -> AsyncIterator[str]:
    """A database with some meters, as a superuser reaches it."""
    name = "homelog_meter_event_plans"
    admin = await asyncpg.connect(server.url(server.superuser, "postgres"))
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    dba = await asyncpg.connect(server.url(server.superuser, name))
    await dba.execute(FILL)
    await dba.close()
    yield server.url(server.superuser, name)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture(params=["custom", "generic"])
async def explain(request: pytest.FixtureRequest, url: str) -> AsyncIterator[Any]:
    """What a query does for Ann: the nodes of its plan that touch a table."""
    dba = await asyncpg.connect(url, server_settings={"timezone": "UTC"})
    await dba.execute(f"SET plan_cache_mode = force_{request.param}_plan")

    async def run(query: Query[Any], source: UUID, *args: Any, table: str = "readings") -> list[dict[str, Any]]:
        await dba.execute("BEGIN")
        await dba.execute("SELECT homelog.act_as($1::uuid, $2::uuid[])", ANN, [source])
        await dba.execute("SET LOCAL ROLE homelog_api")
        await dba.execute(f"PREPARE asked AS {query.sql}")
        said = await dba.fetchval(
            f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE asked ({', '.join(map(literal, (source, *args)))})"
        )
        await dba.execute("DEALLOCATE asked; ROLLBACK")
        nodes = list(nodes_of(msgspec.json.decode(said)[0]["Plan"]))
        assert not [node for node in nodes if "Sort" in node["Node Type"]]
        return [node for node in nodes if node.get("Relation Name") == table]

    yield run
    await dba.close()


def read(nodes: list[dict[str, Any]]) -> list[float]:
    """How many rows each node read in all, most first; each must walk or probe the key of its table."""
    for node in nodes:
        assert node["Node Type"] in {"Index Scan", "Index Only Scan"}, node
        assert node["Index Name"] in {"readings_pkey", "meter_events_source_id_at_key"}, node
        assert "source_id =" in node["Index Cond"], node
    per_loop = [node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in nodes]
    return sorted((rows * node["Actual Loops"] for rows, node in zip(per_loop, nodes, strict=True)), reverse=True)


async def test_a_meter_that_never_falls_is_read_once(explain: Any) -> None:
    nodes = await explain(SUGGEST_METER_EVENTS, CLIMBING, None, None, None, PAGE)
    assert read(nodes) == [READINGS, 0, 0, 0]


async def test_a_page_of_suggestions_reads_no_further_than_it_shows(explain: Any) -> None:
    nodes = await explain(SUGGEST_METER_EVENTS, FALLING, None, None, None, PAGE)
    scan, *probes = read(nodes)
    assert 10 * PAGE <= scan <= 10 * PAGE + 2
    assert sum(probes) == 2 * PAGE


async def test_the_next_page_begins_where_the_last_one_ended(explain: Any) -> None:
    last = "2025-01-21T20:00:00Z"  # of the 300th fall
    nodes = await explain(SUGGEST_METER_EVENTS, FALLING, None, None, last, PAGE)
    scan, *probes = read(nodes)
    assert 10 * PAGE <= scan <= 10 * PAGE + 2
    assert sum(probes) == 2 * PAGE + 1


async def test_a_range_reads_what_lies_in_it(explain: Any) -> None:
    week = ("2025-01-10T00:00:00Z", "2025-01-17T00:00:00Z")
    nodes = await explain(SUGGEST_METER_EVENTS, CLIMBING, *week, None, PAGE)
    assert read(nodes) == [7 * 144 + 1, 1, 0, 0]


async def test_a_drop_that_was_explained_costs_one_probe_though_nobody_counted_the_events(explain: Any) -> None:
    nodes = await explain(SUGGEST_METER_EVENTS, EXPLAINED, None, None, None, PAGE, table="meter_events")
    (node,) = nodes
    assert (node["Index Name"], node["Actual Loops"]) == ("meter_events_source_id_at_key", FALLS)
    assert read(nodes) == [FALLS]


async def test_of_what_does_not_count_up_no_reading_is_read(explain: Any) -> None:
    nodes = await explain(SUGGEST_METER_EVENTS, GAUGE, None, None, None, PAGE)
    assert read(nodes) == [0, 0, 0, 0]


@pytest.mark.parametrize("cursor", [None, "2025-01-21T20:00:00Z"], ids=["first page", "next page"])
async def test_a_page_of_events_reads_only_what_it_shows(explain: Any, cursor: str | None) -> None:
    nodes = await explain(LIST_METER_EVENTS, EXPLAINED, cursor, PAGE, table="meter_events")
    assert read(nodes) == [PAGE]
    assert nodes[0]["Index Name"] == "meter_events_source_id_at_key"
