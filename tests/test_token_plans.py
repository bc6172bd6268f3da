"""A token and the series of a write are found by index among everybody's: as the service, under row security."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from service.embedded import EmbeddedPostgres
from service.line_protocol.handlers import LIST_LINE_MAPPINGS
from service.line_protocol.writing import FIND_MAPPED_SERIES
from service.sqlfile import Query
from service.tokens.handlers import LIST_TOKENS
from tests.conftest import cloned
from tests.test_plans import literal, nodes_of

ANN = UUID(int=1)
PEOPLE, EACH = 50, 400
"""Each has so many tokens, and so many series."""

FILL = f"""
SET session_replication_role = replica;
INSERT INTO users (id, email)
    SELECT lpad(to_hex(n), 32, '0')::uuid, n || '@example.org' FROM generate_series(1, {PEOPLE}) AS n;
INSERT INTO device_tokens (user_id, name, scopes, token_hash)
    SELECT u.id, 'x', '{{read:data}}', sha256((u.email || n)::bytea) FROM users AS u, generate_series(1, {EACH}) AS n;
INSERT INTO line_protocol_sources (user_id, series, source_id)
    SELECT u.id, 'm,n=' || n || ' f', NULL FROM users AS u, generate_series(1, {EACH}) AS n;
RESET session_replication_role;
ANALYZE;
"""  # noqa: S608 - made of the constants above


@pytest.fixture(scope="module")
async def url(server: EmbeddedPostgres, template: str) -> AsyncIterator[str]:
    """A database where many people have many tokens, as a superuser reaches it."""
    async with cloned(server, template) as name:
        dba = await asyncpg.connect(server.url(server.superuser, name))
        await dba.execute(FILL)
        await dba.close()
        yield server.url(server.superuser, name)


@pytest.mark.parametrize("plan", ["custom", "generic"])
@pytest.mark.parametrize(
    ("query", "args", "index", "most"),
    [
        (LIST_TOKENS, (None, 101), "device_tokens_user_id_idx", EACH),
        (LIST_LINE_MAPPINGS, (None, 101), "line_protocol_sources_user_id_id_key", EACH),
        (
            FIND_MAPPED_SERIES,
            ("{" + ",".join(f'"m,n={n} f"' for n in range(1, 11)) + "}",),
            "line_protocol_sources_pkey",
            10,
        ),
    ],
    ids=["tokens", "mappings", "series"],
)
async def test_only_ones_own_rows_are_read(
    url: str, query: Query[Any], args: tuple[Any, ...], index: str, most: int, plan: str
) -> None:
    dba = await asyncpg.connect(url)
    await dba.execute(f"SET plan_cache_mode = force_{plan}_plan")
    await dba.execute("BEGIN")
    await dba.execute("SELECT homelog.act_as($1::uuid, '{}'::uuid[])", ANN)
    await dba.execute("SET LOCAL ROLE homelog_api")
    await dba.execute(f"PREPARE asked AS {query.sql}")
    said = await dba.fetchval(
        f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE asked ({', '.join(map(literal, args))})"
    )
    await dba.close()
    (node,) = (each for each in nodes_of(msgspec.json.decode(said)[0]["Plan"]) if each.get("Index Name"))
    assert node["Index Name"] == index
    assert "user_id" in node["Index Cond"]
    assert node["Actual Rows"] + node.get("Rows Removed by Filter", 0) <= most


async def test_a_token_is_found_by_its_digest(url: str) -> None:
    dba = await asyncpg.connect(url)
    await dba.execute("BEGIN")
    await dba.execute("SELECT homelog.act_as_token(sha256('1@example.org1'), 'read:data', '{}')")
    scans = await dba.fetchrow(
        "SELECT seq_scan, idx_scan, idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'device_tokens'"
    )
    await dba.close()
    assert tuple(scans or ()) == (0, 1, 1)
