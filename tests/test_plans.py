"""The hot queries reach readings by the key, whatever plan PostgreSQL keeps: as the service, under row security.

Figures are counts that EXPLAIN ANALYZE gives (rows, loops, index searches), never times.
"""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from hashlib import md5
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from service.database import ACT_AS, SET_FOR_EXPORT
from service.embedded import EmbeddedPostgres
from service.readings.export import EXPORT_READINGS, FORMS
from service.readings.handlers import CORRECT_READING, DELETE_READING, FIND_READING, GET_READING, LIST_LATEST, LISTS
from service.readings.ingest import LOG_BATCH, LOG_READING
from service.series.handlers import FRAME_SERIES, SERIES, SERIES_OF_DAYS
from service.sources.handlers import GET_SOURCE, LIST_SOURCES
from service.sqlfile import Query

ANN, SESSION = UUID(int=1), UUID(int=2)
SOURCES = [UUID(int=1000 + n) for n in range(50)]
"""Ann's; each has a reading every ten minutes from 2025 on. 20,000 more are somebody else's."""
READINGS = 4000
SOURCE = SOURCES[20]
RULED = SOURCES[30]
"""It has rules, which its readings keep."""
FIRST, MIDDLE, LAST = "2025-01-01T00:00:00Z", "2025-01-14T21:20:00Z", "2025-01-28T18:30:00Z"
DENSE, DENSE_DAYS = SOURCES[40], 60
"""It has, besides, a reading every minute of so many days from June on."""
SOIL = SOURCES[45]
"""It is the sensor in a pot, and wet all the time."""
READING = UUID(md5(f"{SOURCE}2000".encode()).hexdigest())  # noqa: S324 - as the database makes it below
"""The one at MIDDLE."""

FILL = f"""
SET session_replication_role = replica;
INSERT INTO users (id, email) VALUES ('{ANN}', 'ann@example.org');
INSERT INTO sessions (id, user_id, auth_provider, expires_at) VALUES ('{SESSION}', '{ANN}', 'password', 'infinity');
INSERT INTO data_sources (id, name, source_type, unit, created_by)
    SELECT lpad(to_hex(1000 + n), 32, '0')::uuid, 'Meter', 'heat', 'kWh', '{ANN}' FROM generate_series(0, 20049) AS n;
INSERT INTO user_source_access (user_id, source_id, access_level)
    SELECT '{ANN}', id, 'admin' FROM data_sources ORDER BY id LIMIT {len(SOURCES)};
INSERT INTO user_source_access (user_id, source_id, access_level)
    SELECT uuidv7(), id, 'admin' FROM data_sources;
INSERT INTO readings (id, source_id, value, timestamp)
    SELECT md5(s.id::text || n)::uuid, s.id, n, timestamptz '{FIRST}' + n * interval '10 minutes'
    FROM generate_series(0, {READINGS - 1}) AS n
    CROSS JOIN (SELECT id FROM data_sources ORDER BY id LIMIT {len(SOURCES)}) AS s;
INSERT INTO readings (source_id, value, timestamp)
    SELECT '{DENSE}', n, timestamptz '2025-06-01T00:00:00Z' + n * interval '1 minute'
    FROM generate_series(0, {DENSE_DAYS * 1440 - 1}) AS n;
UPDATE data_sources SET unit = '%' WHERE id = '{SOIL}';
UPDATE readings SET value = 50 WHERE source_id = '{SOIL}';
INSERT INTO data_validators (source_id, min_value, non_decreasing) VALUES ('{RULED}', 0, true);
INSERT INTO data_validators (source_id, max_rate, action) VALUES ('{RULED}', 1e12, 'flag');
INSERT INTO latest_readings (source_id, id, timestamp, value, quality_flag)
    SELECT id, uuidv7(), '{LAST}', 1, 'good' FROM data_sources;
RESET session_replication_role;
SELECT homelog.rebuild_hours(id) FROM (SELECT id FROM data_sources ORDER BY id LIMIT {len(SOURCES)}) AS s;
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
    """What a query does for Ann: its plan's nodes that touch a table, or a set-returning function, by its name.

    Or those of a `kind`; `before` is asked first.
    """
    api = await asyncpg.connect(url)
    await api.execute(f"SET plan_cache_mode = force_{request.param}_plan")

    async def run(
        query: Query[Any],
        *args: Any,
        named: list[UUID] | None = None,
        table: str = "readings",
        kind: str | None = None,
        before: Query[Any] | None = None,
    ) -> list[dict[str, Any]]:
        await api.execute("BEGIN")
        await api.fetchval(ACT_AS.sql, ANN, SESSION, named)
        if before is not None:
            await api.execute(before.sql)
        await api.execute(f"PREPARE asked AS {query.sql}")
        asked = f"asked ({', '.join(map(literal, args))})" if args else "asked"
        said = await api.fetchval(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE {asked}")
        await api.execute("DEALLOCATE asked; ROLLBACK")
        nodes = list(nodes_of(msgspec.json.decode(said)[0]["Plan"]))
        if kind is not None:
            return [node for node in nodes if node["Node Type"] == kind]
        return [
            node
            for node in nodes
            if table in {node.get("Relation Name"), node.get("Function Name")} and node["Node Type"] != "ModifyTable"
        ]

    yield run
    await api.close()


def literal(value: Any) -> str:
    if isinstance(value, list):
        return literal("{" + ",".join(map(str, value)) + "}")
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


async def test_a_source_and_its_latest_reading_are_one_probe_each(explain: Any) -> None:
    for table in ("data_sources", "latest_readings"):
        (node,) = await explain(GET_SOURCE, SOURCE, named=[SOURCE], table=table)
        assert node["Index Name"] == f"{table}_pkey"
        assert (node["Actual Rows"], node["Index Searches"]) == (1, 1)


@pytest.mark.parametrize(
    ("query", "args", "shown"),
    [(LIST_SOURCES, (None, None, None, None, 11), 11), (LIST_LATEST, (None, 1001), len(SOURCES))],
    ids=["a page of sources", "the latest of everything"],
)
async def test_latest_readings_are_probed_once_for_each_source_that_is_shown(
    explain: Any, query: Query[Any], args: tuple[Any, ...], shown: int
) -> None:
    (node,) = await explain(query, *args, table="latest_readings")
    assert node["Index Name"] == "latest_readings_pkey"
    assert "source_id = s" in node["Index Cond"]
    assert (node["Actual Loops"], node["Index Searches"]) == (shown, shown)
    assert node.get("Rows Removed by Filter", 0) == 0


@pytest.mark.parametrize(
    ("query", "args", "named"),
    [
        (GET_SOURCE, (SOURCE,), [SOURCE]),
        (LIST_SOURCES, (None, None, None, None, 1001), None),
        (LIST_LATEST, (None, 1001), None),
    ],
    ids=lambda value: getattr(value, "name", None),
)
async def test_nobody_searches_readings_for_the_latest(
    explain: Any, query: Query[Any], args: tuple[Any, ...], named: list[UUID] | None
) -> None:
    assert await explain(query, *args, named=named) == []


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


@pytest.mark.parametrize(
    "query", [query for form in FORMS.values() for query in form.queries.values()], ids=lambda query: query.name
)
@pytest.mark.parametrize(("since", "until", "rows"), [(None, None, READINGS), (FIRST, MIDDLE, 2000)])
async def test_reading_a_range_out_walks_the_key_and_sorts_nothing(
    explain: Any, query: Query[Any], since: str | None, until: str | None, rows: int
) -> None:
    asked = (query, SOURCE, since, until, None)
    (node,) = await explain(*asked, named=[SOURCE], before=SET_FOR_EXPORT)
    assert_probes([node], rows=rows)
    assert node["Actual Rows"] == rows
    assert not await explain(*asked, named=[SOURCE], before=SET_FOR_EXPORT, kind="Sort")


async def test_reading_all_ones_own_out_walks_the_key_source_by_source_and_sorts_nothing(explain: Any) -> None:
    (node,) = await explain(EXPORT_READINGS, before=SET_FOR_EXPORT)
    assert node["Index Name"] == "readings_pkey"
    assert node["Actual Rows"] * node["Actual Loops"] == len(SOURCES) * READINGS + DENSE_DAYS * 1440
    assert node["Index Searches"] <= len(SOURCES) + 1
    assert node.get("Rows Removed by Filter", 0) == 0
    assert not await explain(EXPORT_READINGS, before=SET_FOR_EXPORT, kind="Sort")
    assert not await explain(EXPORT_READINGS, before=SET_FOR_EXPORT, kind="Incremental Sort")


async def test_a_reading_with_its_time_is_one_probe(explain: Any) -> None:
    nodes = await explain(GET_READING, SOURCE, READING, MIDDLE, named=[SOURCE])
    assert nodes[0]["Actual Rows"] == 1
    assert_probes(nodes, rows=1, exactly_at=True)


async def test_a_reading_without_its_time_is_searched_in_its_source_alone(explain: Any) -> None:
    (node,) = await explain(FIND_READING, SOURCE, READING, named=[SOURCE])
    assert "source_id =" in node.get("Index Cond", node.get("Recheck Cond", "")), node
    assert node["Actual Rows"] + node.get("Rows Removed by Filter", 0) <= READINGS


@pytest.mark.parametrize(
    ("query", "args"),
    [
        (GET_READING, (SOURCE, READING, datetime.fromisoformat(MIDDLE))),
        (GET_SOURCE, (SOURCE,)),
        *((query, (SOURCE, None, None, None, None, limit)) for query in LISTS.values() for limit in (2, 101, 1001)),
    ],
)
async def test_what_is_read_most_is_not_planned_for_each_request(url: str, query: Query[Any], args: Any) -> None:
    # Where a plan for any arguments looks costlier than ones for just these, PostgreSQL plans for ever.
    api = await asyncpg.connect(url)
    await api.execute("BEGIN")
    await api.fetchval(ACT_AS.sql, ANN, SESSION, [SOURCE])
    for _ in range(10):
        assert await api.fetch(query.sql, *args)
    planned = "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement = $1"
    assert tuple(await api.fetchrow(planned, query.sql) or ()) == (5, 5)
    await api.close()


async def test_the_frame_of_a_series_is_two_probes(explain: Any) -> None:
    nodes = await explain(FRAME_SERIES, [SOURCE], None, None, None, None, None, named=[SOURCE])
    assert len(nodes) == 2
    assert_probes(nodes, rows=1)


@pytest.mark.parametrize("kind", ["counter", "gauge"])
async def test_a_series_reads_its_range_and_probes_at_the_edges(explain: Any, kind: str) -> None:
    week = ("2025-01-10T00:00:00Z", "2025-01-17T00:00:00Z")
    nodes = await explain(
        SERIES, [SOURCE], [kind], ["UTC"], *([at] for at in week), "day", "1 day", False, named=[SOURCE]
    )
    (whole,) = (node for node in nodes if node["Actual Rows"] > 1)
    condition = whole.get("Index Cond", whole.get("Recheck Cond", ""))
    assert "source_id =" in condition
    assert "timestamp" in condition
    assert (whole["Actual Rows"], whole["Actual Loops"]) == (7 * 144, 1)
    assert_probes([node for node in nodes if node is not whole], rows=1, times=8)


YEAR = ("2025-03-01T00:00:00Z", "2026-03-01T00:00:00Z", "day", "1 day", False)


def read_in_all(nodes: list[dict[str, Any]], index: str) -> float:
    """How many rows nodes read, each of which must descend the index by the source."""
    for node in nodes:
        assert node["Node Type"] in {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}, node
        assert node.get("Index Name", index) == index, node
        assert "source_id =" in node.get("Index Cond", node.get("Recheck Cond", "")), node
        assert "source_id" not in node.get("Filter", ""), node
    rows = [(node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"] for node in nodes]
    return float(sum(rows))


@pytest.mark.parametrize("kind", ["counter", "gauge"])
async def test_a_year_by_day_reads_its_days_once_and_readings_only_beside_holes(explain: Any, kind: str) -> None:
    args = (SERIES_OF_DAYS, [DENSE], [kind], ["UTC"], [YEAR[0]], [YEAR[1]])
    (days,) = await explain(*args, named=[DENSE], table="reading_days")
    assert read_in_all([days], "reading_days_pkey") == DENSE_DAYS
    assert "since" in days.get("Index Cond", days.get("Recheck Cond", ""))
    assert (days["Actual Loops"], days.get("Index Searches", 1)) == (1, 1)
    # Nothing is beside the first and the last one, of which time and value are looked up.
    assert_probes([node for node in await explain(*args, named=[DENSE]) if node["Actual Loops"]], rows=1)
    assert await explain(*args, named=[DENSE], table="reading_hours") == []


async def test_a_source_without_days_is_asked_for_them_by_one_probe(explain: Any) -> None:
    (node,) = await explain(
        FRAME_SERIES, [UUID(int=5000)], None, None, None, None, None, named=[], table="reading_days"
    )
    assert node["Index Name"] == "reading_days_pkey"
    assert "source_id =" in node["Index Cond"]


@pytest.mark.parametrize(("zone", "most"), [("UTC", 0), ("Asia/Kathmandu", DENSE_DAYS * 60 + 60)])
@pytest.mark.parametrize("kind", ["counter", "gauge"])
async def test_a_year_by_day_reads_hours_and_only_the_readings_of_those_that_are_cut(
    explain: Any, kind: str, zone: str, most: int
) -> None:
    args = (SERIES, [DENSE], [kind], [zone], [YEAR[0]], [YEAR[1]], *YEAR[2:])
    hours = await explain(*args, named=[DENSE], table="reading_hours")
    # Hours of a day that is whole are read at once; those of one with a cut hour once more, one by one.
    assert DENSE_DAYS * 23 <= read_in_all(hours, "reading_hours_pkey") <= 2 * DENSE_DAYS * 24
    # Ends of the range, and the first and last value of each day, are probes.
    assert read_in_all(await explain(*args, named=[DENSE]), "readings_pkey") <= most + 2 * DENSE_DAYS + 8


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
    args = ([SOURCE], ["gauge"], ["Europe/Copenhagen"], [since], [until], bucket, length, False)
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


@pytest.mark.parametrize(
    ("rows", "most"),
    [([("2025-01-14T21:25:00Z", 2000)], 4), ([("2025-07-01T00:00:00Z", 9999)], 4)],
    ids=["between", "after all"],
)
@pytest.mark.parametrize("kept", ["custom", "generic"])
async def test_judging_a_reading_reads_its_neighbours_alone(
    url: str, kept: str, rows: list[tuple[str, float]], most: int
) -> None:
    ((at, value),) = rows
    assert await read_by(url, kept, f"homelog.judge_reading('{RULED}', NULL, {value}, '{at}', 'good', true)") <= most


@pytest.mark.parametrize(
    ("start", "step", "replaces", "most"),
    [
        ("2025-07-01T00:00:00Z", "1 minute", "false", 8),
        ("2025-01-10T00:05:00Z", "10 minutes", "false", 4 * 60),
        ("2025-01-10T00:00:00Z", "10 minutes", "false", 2 * 60),
        ("2025-01-10T00:00:00Z", "10 minutes", "true", 4 * 60),
    ],
    ids=["appended", "between", "again", "replaced"],
)
@pytest.mark.parametrize("kept", ["custom", "generic"])
async def test_judging_a_batch_reads_what_lies_around_its_rows_alone(
    url: str, kept: str, start: str, step: str, replaces: str, most: int
) -> None:
    sent = (
        "(SELECT json_agg(json_build_object('timestamp', at, 'value', 1e6)) FROM generate_series("  # noqa: S608
        f"timestamptz '{start}', timestamptz '{start}' + 59 * interval '{step}', interval '{step}') AS at)"
    )
    assert await read_by(url, kept, f"homelog.judge_batch('{RULED}', {sent}, {replaces})") <= most


async def read_by(url: str, kept: str, call: str) -> int:
    """How many readings a function fetches for Ann by the key; it may not read the table itself."""
    fetched = "SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'readings' AND seq_scan = 0"
    api = await asyncpg.connect(url)
    await api.execute(f"SET plan_cache_mode = force_{kept}_plan; BEGIN")
    await api.fetchval(ACT_AS.sql, ANN, SESSION, [RULED])
    await api.fetch(f"SELECT * FROM {call}")  # noqa: S608
    count = await api.fetchval(fetched)
    await api.close()
    return int(count)


@pytest.mark.parametrize("kept", ["custom", "generic"])
async def test_asking_a_plants_sensor_reads_a_few_readings_of_its_year(url: str, kept: str) -> None:
    fetched = "SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'readings' AND seq_scan = 0"
    follow = "INSERT INTO plants (name, kind, moisture_source_id, stale_after_hours) VALUES ('Fern', 'fig', $1, 8760)"
    api = await asyncpg.connect(url)
    await api.execute(f"SET plan_cache_mode = force_{kept}_plan; BEGIN")
    await api.fetchval(ACT_AS.sql, ANN, SESSION, [SOIL])
    await api.execute(follow, SOIL)
    assert await api.fetchval(fetched) <= 4
    before = await api.fetchval(fetched)
    await api.execute("INSERT INTO readings (source_id, timestamp, value) VALUES ($1, '2025-01-29Z', 50)", SOIL)
    assert await api.fetchval(fetched) - before <= 16
    await api.close()
