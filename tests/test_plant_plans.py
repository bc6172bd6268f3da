"""Lists of plants find the caller's by index and nobody else's, in one statement, whatever plan PostgreSQL keeps."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from service.database import ACT_AS
from service.embedded import EmbeddedPostgres
from service.plants.handlers import GET_PLANT, LIST_DUE_PLANTS, LIST_PLANTS, LIST_PLANTS_OF_HOME
from tests.test_plans import literal, nodes_of

ANN, SESSION, HOME = UUID(int=1), UUID(int=255), UUID(int=1000)
PLANTS = 10_000
"""Ann's, most of them in one of her ten homes. Nine others have as many."""

FILL = f"""
SET session_replication_role = replica;
INSERT INTO users (id, email)
    SELECT lpad(to_hex(n), 32, '0')::uuid, n || '@example.org' FROM generate_series(1, 10) AS n;
INSERT INTO sessions (id, user_id, auth_provider, expires_at) VALUES ('{SESSION}', '{ANN}', 'password', 'infinity');
INSERT INTO homes (id, name, timezone, created_by)
    SELECT lpad(to_hex(1000 + n), 32, '0')::uuid, 'Home', 'Europe/Copenhagen', '{ANN}' FROM generate_series(0, 9) AS n;
INSERT INTO home_members (home_id, user_id, access_level) SELECT id, created_by, 'admin' FROM homes;
INSERT INTO plants (user_id, name, kind, home_id, every, last_water)
    SELECT lpad(to_hex(1 + n % 10), 32, '0')::uuid, 'Plant', 'fig',
           CASE WHEN n % 10 = 0 AND n % 40 > 0 THEN lpad(to_hex(1000 + n % 100 / 10), 32, '0')::uuid END,
           1 + n % 30, now() - n % 40 * interval '1 day'
    FROM generate_series(0, {10 * PLANTS - 1}) AS n;
RESET session_replication_role;
ANALYZE;
"""  # noqa: S608 - made of the constants above


@pytest.fixture(scope="module")
async def url(server: EmbeddedPostgres, template: str) -> AsyncIterator[str]:
    """A database with 100,000 plants, as the service reaches it."""
    name = "homelog_plant_plans"
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
    """What a query does for Ann: all nodes of its plan."""
    api = await asyncpg.connect(url)
    await api.execute(f"SET plan_cache_mode = force_{request.param}_plan")

    async def run(query: Any, *args: Any) -> list[dict[str, Any]]:
        await api.execute("BEGIN")
        await api.fetchval(ACT_AS.sql, ANN, SESSION, [])
        await api.execute(f"PREPARE asked AS {query.sql}")
        said = await api.fetchval(
            f"EXPLAIN (ANALYZE, VERBOSE, TIMING OFF, FORMAT JSON) EXECUTE asked ({', '.join(map(literal, args))})"
        )
        await api.execute("DEALLOCATE asked; ROLLBACK")
        assert "homelog.plant_" not in said, "a function that is not inlined is called for each row"
        return list(nodes_of(msgspec.json.decode(said)[0]["Plan"]))

    yield run
    await api.close()


def of(nodes: list[dict[str, Any]], table: str) -> list[dict[str, Any]]:
    return [node for node in nodes if node.get("Relation Name") == table]


@pytest.mark.parametrize("status", [None, "dry", "resting"])
async def test_a_list_by_status_scans_the_callers_plants_once(explain: Any, status: str | None) -> None:
    assert_scanned_once(await explain(LIST_PLANTS, None, 101, None, None, status), PLANTS)


async def test_the_due_list_scans_the_callers_plants_once(explain: Any) -> None:
    assert_scanned_once(await explain(LIST_DUE_PLANTS, 2, None, None, None, 101, None, None), PLANTS)


async def test_the_list_of_a_home_scans_its_plants_once(explain: Any) -> None:
    assert_scanned_once(await explain(LIST_PLANTS_OF_HOME, None, 101, None, None, "dry", HOME), PLANTS // 10)


def assert_scanned_once(nodes: list[dict[str, Any]], rows: int) -> None:
    (plants,) = of(nodes, "plants")
    assert plants["Node Type"] in {"Bitmap Heap Scan", "Index Scan"}, plants
    assert plants["Actual Loops"] == 1
    assert plants["Actual Rows"] + plants.get("Rows Removed by Filter", 0) <= rows
    (homes,) = of(nodes, "homes")
    assert homes["Actual Loops"] == 1
    indexes = [node for node in nodes if node["Node Type"] in {"Bitmap Index Scan", "Index Scan"} and "plants" in
               node["Index Name"]]  # fmt: skip
    assert {node["Index Name"] for node in indexes} <= {"plants_user_id_idx", "plants_home_id_idx"}
    assert all(node["Actual Loops"] == 1 and node["Index Cond"] for node in indexes)


async def test_the_growth_of_those_that_are_not_shown_is_not_read(explain: Any) -> None:
    nodes = await explain(LIST_DUE_PLANTS, 2, None, None, None, 101, None, None)
    (growth,) = [node for node in nodes if node.get("Function Name") == "jsonb_array_elements"]
    assert growth["Actual Loops"] <= 101


async def test_a_plant_is_found_by_its_id(explain: Any) -> None:
    (plant,) = of(await explain(GET_PLANT, UUID(int=5)), "plants")
    assert (plant["Node Type"], plant["Index Name"]) == ("Index Scan", "plants_pkey")
