"""The rules of line_protocol_sources, as they hold for whoever reaches the database.

What is tested is compared with the catalogue: a constraint, trigger, policy or grant that is new fails here until it
has its line.
"""

import json

import asyncpg
import pytest

from tests.sql.rules import (
    act_as,
    affected,
    assert_breaks,
    constraints_of,
    granted_to,
    id_of,
    policies_of,
    rows_of,
    said,
    triggers_of,
)

MAPPING = "INSERT INTO line_protocol_sources (user_id, series, source_id) VALUES "
SET = "UPDATE line_protocol_sources SET "

BROKEN = [
    ("line_protocol_sources_pkey", MAPPING + "('{ann}', 'm f', NULL)"),
    (
        "line_protocol_sources_user_id_id_key",
        "INSERT INTO line_protocol_sources (id, user_id, series) VALUES ('{mapping}', '{ann}', 'n f')",
    ),
    ("line_protocol_sources_user_id_fkey", MAPPING + "('{unknown}', 'n f', NULL)"),
    ("line_protocol_sources_source_id_fkey", MAPPING + "('{ann}', 'n f', '{unknown}')"),
    ("line_protocol_sources_series_length", SET + "series = ''"),
    ("line_protocol_sources_series_length", SET + "series = repeat('ü', 1001)"),
    ("line_protocol_sources_id_not_null", SET + "id = NULL"),
    ("line_protocol_sources_user_id_not_null", SET + "user_id = NULL"),
    ("line_protocol_sources_series_not_null", SET + "series = NULL"),
    ("line_protocol_sources_is_made_not_null", SET + "is_made = NULL"),
    ("line_protocol_sources_created_at_not_null", SET + "created_at = NULL"),
    (
        "line_protocol_sources_updated_at_not_null",
        "INSERT INTO line_protocol_sources (user_id, series, updated_at) VALUES ('{ann}', 'n f', NULL)",
    ),
]


@pytest.mark.parametrize(("constraint", "sql"), BROKEN)
async def test_a_constraint_holds_even_for_a_dba(dba: asyncpg.Connection, constraint: str, sql: str) -> None:
    await assert_breaks(dba, constraint, sql)


async def test_every_constraint_is_tested(dba: asyncpg.Connection) -> None:
    assert await constraints_of(dba, ["line_protocol_sources"]) == {constraint for constraint, _ in BROKEN}


async def test_the_longest_series_fits_its_index(dba: asyncpg.Connection) -> None:
    # Of random letters, so that it cannot be compressed.
    letters = "(SELECT string_agg(chr(33 + (random() * 90)::integer), '') FROM generate_series(1, 2000))"
    await affected(dba, SET + "series = " + letters)


async def test_every_policy_trigger_and_grant_is_known(dba: asyncpg.Connection) -> None:
    table = "line_protocol_sources"
    assert await triggers_of(dba, table) == {"_050_check_source", "_100_touch_updated_at", "_900_audit"}
    assert await policies_of(dba, table) == {
        "owner_all", "select_ops", "select_reader", "insert_writer", "update_writer", "delete_writer",
    }  # fmt: skip
    assert await granted_to(dba, "homelog_api", table, "INSERT") == {"series", "source_id"}
    assert await granted_to(dba, "homelog_api", table, "UPDATE") == {"source_id", "is_made"}


@pytest.mark.parametrize("source", ["private", "public", "unknown"])
async def test_a_series_is_mapped_only_to_what_its_owner_may_write_to(dba: asyncpg.Connection, source: str) -> None:
    await act_as(dba, "cat", "private", "public", "unknown")
    with pytest.raises(asyncpg.ForeignKeyViolationError) as broken:
        await dba.execute(
            said("INSERT INTO line_protocol_sources (series, source_id) VALUES ('x f', $1)"), id_of(source)
        )
    assert broken.value.constraint_name == "line_protocol_sources_source_id_fkey"


async def make(dba: asyncpg.Connection, *series: str, most: int = 10) -> list[tuple[str, bool]]:
    """The series that are mapped afterwards, and whether their source is new."""
    wanted = [{"series": each, "name": each, "source_type": "m", "unit": "1"} for each in series]
    rows = await dba.fetch("SELECT * FROM homelog.make_sources_of_lines($1, $2)", json.dumps(wanted), most)
    return sorted((row[0], row[1] != id_of("private")) for row in rows)


async def test_what_is_mapped_is_not_made_again(dba: asyncpg.Connection) -> None:
    await act_as(dba, "ann")
    assert await make(dba, "m f", "n f") == [("m f", False), ("n f", True)]
    await dba.execute("RESET ROLE")
    ((source, kind, creator, level, made),) = await rows_of(
        dba,
        "SELECT s.name, s.kind, s.created_by, a.access_level, m.is_made FROM line_protocol_sources AS m"
        " JOIN data_sources AS s ON s.id = m.source_id JOIN user_source_access AS a ON a.source_id = s.id"
        " WHERE m.series = 'n f'",
    )
    assert (source, kind, creator, level, made) == ("n f", "gauge", id_of("ann"), "admin", True)


async def test_no_more_than_so_many_are_made(dba: asyncpg.Connection) -> None:
    await act_as(dba, "ann")
    assert await make(dba, "c f", "a f", "b f", most=2) == [("a f", True)]
    assert await make(dba, "b f", most=0) == []


@pytest.mark.parametrize("person", ["nobody", "bound"])
async def test_nobody_and_a_bound_token_make_none(dba: asyncpg.Connection, person: str) -> None:
    if person == "nobody":
        await act_as(dba, "nobody")
    else:
        await affected(dba, "UPDATE device_tokens SET source_ids = '{{{private}}}'")
        await dba.execute("SET LOCAL ROLE homelog_api")
        await dba.execute("SELECT homelog.act_as_token(sha256('device'), 'write:data', '{}')")
    assert await make(dba, "n f") == []


async def test_a_source_that_goes_takes_its_mappings_along(dba: asyncpg.Connection) -> None:
    await affected(dba, "DELETE FROM data_sources WHERE id = '{private}'")
    assert await affected(dba, "SELECT FROM line_protocol_sources") == 0
