"""The hot queries reach readings by the key, whatever plan PostgreSQL keeps: as the service, under row security.

Figures are counts that EXPLAIN ANALYZE gives (rows, loops, index searches), never times.
"""

from collections.abc import AsyncIterator, Iterator
from hashlib import md5
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from service.database import ACT_AS
from service.embedded import EmbeddedPostgres
from service.readings.handlers import CORRECT_READING, DELETE_READING, GET_READING, LIST_LATEST, LISTS
from service.readings.ingest import LOG_BATCH, LOG_READING
from service.series.handlers import FRAME_SERIES, SERIES
from service.sources.handlers import GET_SOURCE, LIST_SOURCES
from service.sqlfile import Query

ANN, SESSION = UUID(int=1), UUID(int=2)
SOURCES = [UUID(int=1000 + n) for n in range(50)]
"""Ann's; each has a reading every ten minutes from 2025 on. 2,000 more are somebody else's and have none."""
READINGS = 4000
SOURCE = SOURCES[20]
FIRST, MIDDLE, LAST = "2025-01-01T00:00:00Z", "2025-01-14T21:20:00Z", "2025-01-28T18:30:00Z"
READING = UUID(md5(f"{SOURCE}2000".encode()).hexdigest())  # noqa: S324 - as the database makes it below
"""The one at MIDDLE."""

FILL = f"""
SET session_replication_role = replica;
INSERT INTO users (id, email) VALUES ('{ANN}', 'ann@example.org');
INSERT INTO sessions (id, user_id, auth_provider, expires_at) VALUES ('{SESSION}', '{ANN}', 'password', 'infinity');
INSERT INTO data_sources (id, name, source_type, unit, created_by)
    SELECT lpad(to_hex(1000 + n), 32, '0')::uuid, 'Meter', 'heat', 'kWh', '{ANN}' FROM generate_series(0, 2049) AS n;
INSERT INTO user_source_access (user_id, source_id, access_level)
    SELECT '{ANN}', id, 'admin' FROM data_sources ORDER BY id LIMIT {len(SOURCES)};
INSERT INTO user_source_access (user_id, source_id, access_level)
    SELECT uuidv7(), id, 'admin' FROM data_sources;
INSERT INTO readings (id, source_id, value, timestamp)
    SELECT md5(s.id::text || n)::uuid, s.id, n, timestamptz '{FIRST}' + n * interval '10 minutes'
    FROM generate_series(0, {READINGS - 1}) AS n
    CROSS JOIN (SELECT id FROM data_sources ORDER BY id LIMIT {len(SOURCES)}) AS s;
RESET session_replication_role;
ANALYZE;
"""  # noqa: S608 - made of the constants above


@pytest.fixture(scope="module")
async def url(server: EmbeddedPostgres, template: str) -> AsyncIterator[str]:
    """A database with 200,000 readings, as the service reaches it."""
    name = "homelog_plans"
    admin = await asyncpg.connect(server.url(server.superuser, "postgres"))
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    dba = await asyncpg.connect(server.url(server.superuser, name))
    await dba.execute(FILL)
    await dba.close()
    yield server.url("homelog_api", name)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture(params=["custom", "generic"])
async def explain(request: pytest.FixtureRequest, url: str) -> AsyncIterator[Any]:
    """What a query does for Ann: its plan's nodes that touch a table, or a set-returning function, by its name."""
    api = await asyncpg.connect(url)
    await api.execute(f"SET plan_cache_mode = force_{request.param}_plan")

    async def run(
        query: Query[Any], *args: Any, named: list[UUID] | None = None, table: str = "readings"
    ) -> list[dict[str, Any]]:
        await api.execute("BEGIN")
        await api.fetchval(ACT_AS.sql, ANN, SESSION, named)
        await api.execute(f"PREPARE asked AS {query.sql}")
        said = await api.fetchval(
            f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE asked ({', '.join(map(literal, args))})"
        )
        await api.execute("DEALLOCATE asked; ROLLBACK")
        nodes = list(nodes_of(msgspec.json.decode(said)[0]["Plan"]))
        return [
            node
            for node in nodes
            if table in {node.get("Relation Name"), node.get("Function Name")} and node["Node Type"] != "ModifyTable"
        ]

    yield run
    await api.close()


def literal(value: Any) -> str:
    return "NULL" if value is None else "'" + str(value).replace("'", "''") + "'"


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes_of(child)


def assert_probes(nodes: list[dict[str, Any]], *, rows: float, times: int = 1, exactly_at: bool = False) -> None:
    """Each node descends the key by its source at most `times`, and reads no more than `rows` each time."""
    assert nodes
    for node in nodes:
        assert node["Node Type"] in {"Index Scan", "Index Only Scan"}, node
        assert node["Index Name"] == "readings_pkey"
        assert "source_id =" in node["Index Cond"], node
        assert "source_id" not in node.get("Filter", ""), node
        assert "timestamp" in node["Index Cond"] or not exactly_at, node
        assert node["Actual Loops"] <= times
        assert node["Index Searches"] <= times, node
        assert node["Actual Rows"] + node.get("Rows Removed by Filter", 0) <= rows, node


async def test_a_source_is_found_by_its_id_and_its_latest_reading_by_one_probe(explain: Any) -> None:
    assert_probes(await explain(GET_SOURCE, SOURCE, named=[SOURCE]), rows=1)
    (node,) = await explain(GET_SOURCE, SOURCE, named=[SOURCE], table="data_sources")
    assert node["Index Name"] == "data_sources_pkey"
    assert node["Actual Rows"] == 1


async def test_a_page_of_sources_probes_once_for_each_that_it_shows(explain: Any) -> None:
    nodes = await explain(LIST_SOURCES, None, None, None, None, 11)
    assert_probes(nodes, rows=1, times=11)


async def test_the_latest_of_everything_is_one_probe_a_source(explain: Any) -> None:
    nodes = await explain(LIST_LATEST, None, 1001)
    assert_probes(nodes, rows=1, times=len(SOURCES))
    assert sum(node["Index Searches"] for node in nodes) == len(SOURCES)


async def test_the_latest_of_everything_does_not_read_the_sources_of_others(explain: Any) -> None:
    (node,) = await explain(LIST_LATEST, None, 1001, table="data_sources")
    assert "id = ANY" in node.get("Index Cond", node.get("Recheck Cond", "")), node
    assert node["Actual Rows"] == len(SOURCES)
    assert node.get("Rows Removed by Filter", 0) == 0


@pytest.mark.parametrize("order", ["desc", "asc"])
@pytest.mark.parametrize(
    ("since", "until", "cursor"),
    [(None, None, None), (None, None, MIDDLE), (FIRST, LAST, None), (FIRST, LAST, MIDDLE)],
    ids=["first page", "next page", "a range", "a range's next page"],
)
async def test_a_page_of_readings_reads_only_what_it_shows(
    explain: Any, order: str, since: str | None, until: str | None, cursor: str | None
) -> None:
    nodes = await explain(LISTS[order], SOURCE, since, until, None, cursor, 101, named=[SOURCE])
    assert_probes(nodes, rows=101, exactly_at=cursor is not None)


async def test_a_reading_with_its_time_is_one_probe(explain: Any) -> None:
    nodes = await explain(GET_READING, SOURCE, READING, MIDDLE, named=[SOURCE])
    assert nodes[0]["Actual Rows"] == 1
    assert_probes(nodes, rows=1, exactly_at=True)


async def test_a_reading_without_its_time_is_searched_in_its_source_alone(explain: Any) -> None:
    (node,) = await explain(GET_READING, SOURCE, READING, None, named=[SOURCE])
    assert "source_id =" in node.get("Index Cond", node.get("Recheck Cond", "")), node
    assert node["Actual Rows"] + node.get("Rows Removed by Filter", 0) <= READINGS


async def test_the_frame_of_a_series_is_two_probes(explain: Any) -> None:
    nodes = await explain(FRAME_SERIES, SOURCE, None, None, None, None, None, named=[SOURCE])
    assert len(nodes) == 2
    assert_probes(nodes, rows=1)


@pytest.mark.parametrize("kind", ["counter", "gauge"])
async def test_a_series_reads_its_range_and_probes_at_the_edges(explain: Any, kind: str) -> None:
    week = ("2025-01-10T00:00:00Z", "2025-01-17T00:00:00Z")
    nodes = await explain(SERIES, SOURCE, kind, "UTC", *week, "day", "1 day", False, named=[SOURCE])
    (whole,) = (node for node in nodes if node["Actual Rows"] > 1)
    condition = whole.get("Index Cond", whole.get("Recheck Cond", ""))
    assert "source_id =" in condition
    assert "timestamp" in condition
    assert (whole["Actual Rows"], whole["Actual Loops"]) == (7 * 144, 1)
    assert_probes([node for node in nodes if node is not whole], rows=1, times=8)


@pytest.mark.parametrize(
    ("since", "until", "bucket", "length", "most"),
    [
        ("1900-01-01T00:00:00Z", "2999-12-31T00:00:00Z", "year", "1 year", 1100 + 3),
        ("2025-01-10T00:00:00Z", "2025-01-17T00:00:00Z", "day", "1 day", 7 + 4),
        ("2025-01-10T00:00:00Z", "2025-01-17T00:00:00Z", "hour", "1 hour", 7 * 24 + 6),
        ("2025-01-10T00:00:00Z", "2025-01-11T00:00:00Z", "15m", "15 minutes", 24 * 4 + 6),
        ("2025-01-10T00:00:00Z", "2025-01-11T00:00:00Z", "5m", "5 minutes", 24 * 12 + 6),
    ],
)
async def test_a_series_makes_no_more_edges_than_its_buckets_have(
    explain: Any, since: str, until: str, bucket: str, length: str, most: int
) -> None:
    args = (SOURCE, "gauge", "Europe/Copenhagen", since, until, bucket, length, False)
    nodes = await explain(SERIES, *args, named=[SOURCE], table="generate_series")
    made = sum((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"] for node in nodes)
    assert 0 < made <= most


@pytest.mark.parametrize("at", [MIDDLE, "2025-06-01T00:00:00Z", None], ids=["taken", "free", "now"])
async def test_logging_a_reading_is_one_probe(explain: Any, at: str | None) -> None:
    nodes = await explain(LOG_READING, SOURCE, None, 1.5, at, "good", None, None, False, named=[SOURCE])
    # A plan for this one call need not look for a stored reading at no time.
    assert nodes or at is None
    if nodes:
        assert_probes(nodes, rows=1, exactly_at=True)


@pytest.mark.parametrize("query", [CORRECT_READING, DELETE_READING], ids=lambda query: query.name)
async def test_changing_a_reading_with_its_time_reads_only_that_one(explain: Any, query: Query[Any]) -> None:
    fields = ['{"value": 2}'] if query is CORRECT_READING else []
    nodes = await explain(query, SOURCE, READING, MIDDLE, None, *fields, named=[SOURCE])
    assert_probes(nodes, rows=1, exactly_at=True)


async def test_logging_a_batch_reads_no_reading_at_all(explain: Any) -> None:
    rows = [{"value": 1, "timestamp": f"2025-07-01T00:00:{n:02}Z"} for n in range(60)]
    assert await explain(LOG_BATCH, SOURCE, msgspec.json.encode(rows).decode(), named=[SOURCE]) == []
