"""The feed reads its owner's plants by their index, and none of the others'."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from service.calendar.handlers import LIST_WATERINGS, MOST
from tests.people import Household

OWN, SHARED, FOREIGN = 150, 50, 20_000


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes_of(child)


@pytest.mark.parametrize("kept", ["custom", "generic"])
async def test_a_feed_reads_no_plant_that_it_does_not_show(home: Household, dba: asyncpg.Connection, kept: str) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    house = await ben.home()
    await ben.made(f"/v1/homes/{house['id']}/members", user_id=ann.id, access_level="read")
    fill = (
        "INSERT INTO plants (user_id, name, kind, last_water, home_id)"
        " SELECT $1, 'Fern', 'fig', now(), $2 FROM generate_series(1, $3::integer)"
    )
    await dba.execute("SET session_replication_role = replica")
    await dba.execute(fill, UUID(ann.id), None, OWN)
    await dba.execute(fill, UUID(ben.id), UUID(house["id"]), SHARED)
    await dba.execute(
        "INSERT INTO plants (user_id, name, kind, home_id)"
        " SELECT md5(n / 20 || 'owner')::uuid, 'Foreign', 'fig', md5(n / 10 || 'home')::uuid"
        " FROM generate_series(1, $1::integer) AS n",
        FOREIGN,
    )
    await dba.execute("RESET session_replication_role; ANALYZE")

    await dba.execute(f"SET plan_cache_mode = force_{kept}_plan")
    async with dba.transaction():
        await dba.execute("SELECT homelog.act_as($1::uuid, '{}'::uuid[])", UUID(ann.id))
        await dba.execute(f"SET LOCAL ROLE homelog_api; PREPARE asked AS {LIST_WATERINGS.sql}")
        said = await dba.fetchval(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE asked ({MOST})")
    nodes = list(nodes_of(msgspec.json.decode(said)[0]["Plan"]))
    (plants,) = (node for node in nodes if node.get("Relation Name") == "plants")
    assert plants["Node Type"] == "Bitmap Heap Scan"
    assert plants["Actual Rows"] + plants.get("Rows Removed by Filter", 0) == OWN + SHARED
    assert {node["Index Name"] for node in nodes if node["Node Type"] == "Bitmap Index Scan"} == {
        "plants_user_id_idx", "plants_home_id_idx",
    }  # fmt: skip
