"""Care of a home of 10,000 plants is one statement whose work grows as the plants do, whatever plan PostgreSQL keeps.

Figures are counts that EXPLAIN ANALYZE gives (rows, loops), never times.
"""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from service.care.handlers import (
    CARE_FOR_PLANTS,
    CREATE_CARE_EVENT,
    DELETE_CARE_EVENT,
    LIST_CARE_EVENTS,
    LIST_DUE_CARE,
    WATER_PLANT,
    WATER_PLANTS,
)
from service.database import ACT_AS
from service.embedded import EmbeddedPostgres
from service.sqlfile import Query
from tests.test_plans import literal, nodes_of

ANN, SESSION, HOME, CALL = (UUID(int=number) for number in range(1, 5))
DATABASE = "homelog_care_plans"
PLANTS = 10_000
PLANT = UUID(int=10_000 + 5_000)
EVENTS = 12
"""Of each plant."""

FILL = f"""
SET session_replication_role = replica;
INSERT INTO users (id, email) VALUES ('{ANN}', 'ann@example.org');
INSERT INTO sessions (id, user_id, auth_provider, expires_at) VALUES ('{SESSION}', '{ANN}', 'password', 'infinity');
INSERT INTO homes (id, name, created_by) VALUES ('{HOME}', 'Home', '{ANN}');
INSERT INTO home_members (home_id, user_id, access_level) VALUES ('{HOME}', '{ANN}', 'admin');
INSERT INTO plants (id, user_id, home_id, name, kind, room)
    SELECT lpad(to_hex(10000 + n), 32, '0')::uuid, '{ANN}', '{HOME}', 'Fern', 'pothos', 'Hall'
    FROM generate_series(0, {PLANTS - 1}) AS n;
INSERT INTO plants (user_id, name, kind) SELECT uuidv7(), 'Fern', 'pothos' FROM generate_series(1, {PLANTS});
INSERT INTO care_events (id, plant_id, kind, at)
    SELECT uuidv7(), p.id, (ARRAY['water', 'mist'])[1 + n % 2]::care_kind, now() - n * interval '1 day'
    FROM plants AS p CROSS JOIN generate_series(1, {EVENTS}) AS n;
INSERT INTO care_intervals (plant_id, kind, every) SELECT id, 'mist', 1 FROM plants;
RESET session_replication_role;
ANALYZE;
"""  # noqa: S608 - made of the constants above


@pytest.fixture(scope="module")
async def url(server: EmbeddedPostgres, template: str) -> AsyncIterator[str]:
    """A database with a home of 10,000 plants, and as many of others, as the service reaches it."""
    admin = await asyncpg.connect(server.url(server.superuser, "postgres"))
    await admin.execute(f"CREATE DATABASE {DATABASE} TEMPLATE {template} STRATEGY FILE_COPY")
    dba = await asyncpg.connect(server.url(server.superuser, DATABASE))
    await dba.execute(FILL)
    await dba.close()
    yield server.url("homelog_api", DATABASE)
    await admin.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")
    await admin.close()


@pytest.fixture(params=["custom", "generic"])
async def explain(request: pytest.FixtureRequest, server: EmbeddedPostgres, url: str) -> AsyncIterator[Any]:
    """Every node of the plan that a query has for Ann."""
    dba = await asyncpg.connect(server.url(server.superuser, DATABASE))
    await dba.execute("VACUUM plants")  # Of the indexes too what the tests before have rolled back.
    await dba.close()
    api = await asyncpg.connect(url)
    await api.execute(f"SET plan_cache_mode = force_{request.param}_plan")

    async def run(query: Query[Any], *args: Any) -> list[dict[str, Any]]:
        await api.execute("BEGIN")
        await api.fetchval(ACT_AS.sql, ANN, SESSION, [])
        await api.execute(f"PREPARE asked AS {query.sql}")
        said = await api.fetchval(
            f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE asked ({', '.join(map(literal, args))})"
        )
        await api.execute("DEALLOCATE asked; ROLLBACK")
        return list(nodes_of(msgspec.json.decode(said)[0]["Plan"]))

    yield run
    await api.close()


def touched(node: dict[str, Any]) -> float:
    """How many rows a node looked at, in all its loops."""
    removed = sum(float(value) for name, value in node.items() if name.startswith("Rows Removed"))
    return float((node["Actual Rows"] + removed) * node["Actual Loops"])


@pytest.mark.parametrize("call", [None, CALL], ids=["once", "again"])
@pytest.mark.parametrize(
    ("query", "more"), [(WATER_PLANTS, ()), (CARE_FOR_PLANTS, ("fertilise", ""))], ids=["water", "fertilise"]
)
@pytest.mark.parametrize(
    "named", [(None, None, HOME), (None, "Hall", None), (None, "Hall", HOME)], ids=["home", "room", "room of home"]
)
async def test_caring_for_a_home_looks_at_each_plant_a_few_times(
    explain: Any, query: Query[Any], more: tuple[str, ...], named: tuple[Any, ...], call: UUID | None
) -> None:
    nodes = await explain(query, *named, None, call, False, PLANTS, *more)
    assert nodes[0]["Actual Rows"] == PLANTS
    # No node looks at each plant once for each other one: that would be 10,000 times as many.
    assert max(touched(node) for node in nodes) <= 3 * PLANTS


@pytest.mark.parametrize(
    ("query", "args"),
    [
        (WATER_PLANT, (PLANT, None, None)),
        (CREATE_CARE_EVENT, (PLANT, None, "water", None, "")),
        (DELETE_CARE_EVENT, (PLANT, CALL, None)),
        (LIST_CARE_EVENTS, (PLANT, None, None, None, None, None, 101)),
    ],
    ids=lambda each: each.name if isinstance(each, Query) else "",
)
async def test_care_of_one_plant_costs_nothing_for_the_others(
    explain: Any, query: Query[Any], args: tuple[Any, ...]
) -> None:
    nodes = await explain(query, *args)
    assert sum(touched(node) for node in nodes if node.get("Relation Name") == "plants") <= 2 * EVENTS
    assert sum(touched(node) for node in nodes if node.get("Relation Name") == "care_events") <= 2 * EVENTS
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan" and node.get("Relation Name") != "homes"]


async def test_a_page_of_the_history_walks_its_index(explain: Any) -> None:
    nodes = await explain(LIST_CARE_EVENTS, PLANT, None, None, None, None, None, 4)
    (node,) = [node for node in nodes if node.get("Relation Name") == "care_events"]
    assert (node["Node Type"], node["Index Name"]) == ("Index Scan", "care_events_plant_id_idx")
    assert touched(node) <= 6


async def test_what_is_due_looks_for_each_plants_latest_care_alone(explain: Any) -> None:
    nodes = await explain(LIST_DUE_CARE, 2, None, None, None, 101, None, None)
    assert nodes[0]["Actual Rows"] == 101
    events = [node for node in nodes if node.get("Relation Name") == "care_events"]
    assert events
    for node in events:
        assert "plant_id =" in node["Index Cond"], node
    # Backwards from the newest: watered every other day, it is the second.
    assert sum(touched(node) for node in events) <= 3 * PLANTS
