"""A page of the audit log is a walk down its index from the newest row: as the service, under row security.

Whatever plan PostgreSQL keeps and however the rows are spread. Figures are counts that EXPLAIN ANALYZE gives, never
times.
"""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from service.audit.handlers import LIST_OWN_AUDIT, LIST_SOURCE_AUDIT
from service.embedded import EmbeddedPostgres
from service.sqlfile import Query
from tests.test_plans import literal, nodes_of

ANN, BEN = UUID(int=1), UUID(int=2)
"""Ann did a row in 50, spread over all; Ben half of all, and nothing for a long while."""
METER, OLD_METER, YOUNG_METER = UUID(int=1001), UUID(int=1002), UUID(int=1003)
"""Ann administers all three: one with a row in 50, one with a quarter of all and none of them new, one with five."""
ROWS = 60_000
PAGE = 101

FILL = f"""
SET session_replication_role = replica;
INSERT INTO users (id, email) VALUES ('{ANN}', 'ann@example.org'), ('{BEN}', 'ben@example.org');
INSERT INTO data_sources (id, name, source_type, unit, created_at)
    SELECT lpad(to_hex(1000 + n), 32, '0')::uuid, 'Meter', 'heat', 'kWh', '2025-01-01T00:00:00Z'
    FROM generate_series(1, 100) AS n;
INSERT INTO user_source_access (user_id, source_id, access_level)
    SELECT '{ANN}', id, 'admin' FROM data_sources;
INSERT INTO audit_logs (event_time, user_id, source_id, event_type)
    SELECT
        timestamptz '2025-01-01T00:00:00Z' + n * interval '1 minute',
        CASE WHEN n % 50 = 0 THEN '{ANN}' WHEN n <= {ROWS} / 2 THEN '{BEN}'
             ELSE lpad(to_hex(100 + n % 97), 32, '0') END::uuid,
        CASE WHEN n > {ROWS} - 5 THEN '{YOUNG_METER}' WHEN n % 50 < 2 THEN '{METER}'
             WHEN n <= {ROWS} / 2 AND n % 2 = 0 THEN '{OLD_METER}'
             ELSE lpad(to_hex(1010 + n % 80), 32, '0') END::uuid,
        (ARRAY['view_source', 'login', 'create_entry', 'update_entry'])[1 + n / 7 % 4]
    FROM generate_series(1, {ROWS}) AS n;
RESET session_replication_role;
ANALYZE;
"""  # noqa: S608 - made of the constants above


@pytest.fixture(scope="module")
async def url(server: EmbeddedPostgres, template: str) -> AsyncIterator[str]:
    """A database with a long log, as a superuser reaches it."""
    name = "homelog_audit_plans"
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
    """What a query does for somebody: the nodes of its plan."""
    dba = await asyncpg.connect(url)
    await dba.execute(f"SET plan_cache_mode = force_{request.param}_plan")

    async def run(query: Query[Any], *args: Any, who: UUID = ANN, named: tuple[UUID, ...] = ()) -> list[dict[str, Any]]:
        await dba.execute("BEGIN")
        # The service would name a session here.
        await dba.execute("SELECT homelog.act_as($1::uuid, $2::uuid[])", who, named)
        await dba.execute("SET LOCAL ROLE homelog_api")
        await dba.execute(f"PREPARE asked AS {query.sql}")
        said = await dba.fetchval(
            f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE asked ({', '.join(map(literal, args))})"
        )
        await dba.execute("DEALLOCATE asked; ROLLBACK")
        return list(nodes_of(msgspec.json.decode(said)[0]["Plan"]))

    yield run
    await dba.close()


def assert_walks_back(nodes: list[dict[str, Any]], key: str, *, rows: int) -> None:
    """One descent of the index on `key` and id, from the newest row on, which reads only what is shown."""
    assert not [node for node in nodes if "Sort" in node["Node Type"]]
    (node,) = (node for node in nodes if node.get("Relation Name") == "audit_logs")
    assert (node["Node Type"], node["Scan Direction"]) == ("Index Scan", "Backward"), node
    assert node["Index Name"] == f"audit_logs_{key}_id_idx"
    assert f"ROW({key}, id) <" in node["Index Cond"], node
    assert f"({key} >=" in node["Index Cond"], node
    assert (node["Actual Loops"], node["Index Searches"]) == (1, 1), node
    assert node["Actual Rows"] == rows
    assert node.get("Rows Removed by Filter", 0) == 0, node


@pytest.mark.parametrize("cursor", [None, ROWS - 10, ROWS // 3], ids=["first page", "next page", "a late page"])
@pytest.mark.parametrize("who", [ANN, BEN], ids=["somebody", "who did the half of it long ago"])
async def test_a_page_of_ones_own_rows_reads_only_what_it_shows(explain: Any, who: UUID, cursor: int | None) -> None:
    nodes = await explain(LIST_OWN_AUDIT, None, None, None, cursor, PAGE, who=who)
    assert_walks_back(nodes, "user_id", rows=PAGE)


@pytest.mark.parametrize("cursor", [None, ROWS - 10, ROWS // 3], ids=["first page", "next page", "a late page"])
@pytest.mark.parametrize("source", [METER, OLD_METER], ids=["a source", "one with much long ago"])
async def test_a_page_of_a_sources_rows_reads_only_what_it_shows(
    explain: Any, source: UUID, cursor: int | None
) -> None:
    nodes = await explain(LIST_SOURCE_AUDIT, source, None, None, None, cursor, PAGE, named=(source,))
    assert_walks_back(nodes, "source_id", rows=PAGE)


async def test_a_source_with_few_rows_costs_no_more_than_these(explain: Any) -> None:
    nodes = await explain(LIST_SOURCE_AUDIT, YOUNG_METER, None, None, None, None, PAGE, named=(YOUNG_METER,))
    assert_walks_back(nodes, "source_id", rows=5)


@pytest.mark.parametrize("event_type", [None, "view_source"], ids=["any event", "one kind of event"])
async def test_a_filtered_page_reads_no_rows_of_others(explain: Any, event_type: str | None) -> None:
    # No index has these filters. Where few rows pass, reading all that are asked about and sorting those is as good.
    week = ("2025-02-01T00:00:00Z", "2025-02-08T00:00:00Z", event_type)
    own = await explain(LIST_OWN_AUDIT, *week, None, 21)
    of_meter = await explain(LIST_SOURCE_AUDIT, METER, *week, None, 21, named=(METER,))
    for nodes, key, there in ((own, "user_id", ROWS // 50), (of_meter, "source_id", ROWS // 25)):
        assert [node for node in nodes if f"ROW({key}, id) <" in node.get("Index Cond", "")]
        (table,) = (node for node in nodes if node.get("Relation Name") == "audit_logs")
        assert table["Actual Rows"] + table.get("Rows Removed by Filter", 0) <= there, table
