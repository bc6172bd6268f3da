"""The rules of device tokens, as they hold for whoever reaches the database.

What is tested is compared with the catalogue: a constraint, trigger, policy or grant that is new fails here until it
has its line.
"""

from typing import Any

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
    row_of,
    said,
    triggers_of,
)

# Constraints. Each line: the constraint, and a statement that breaks it.

TOKEN = "INSERT INTO device_tokens (user_id, name, scopes, token_hash, source_ids, expires_at) VALUES "
SET = "UPDATE device_tokens SET "

BROKEN = [
    ("device_tokens_pkey", "INSERT INTO device_tokens SELECT id, user_id, name, scopes, NULL, '' FROM device_tokens"),
    ("device_tokens_user_id_fkey", TOKEN + "('{unknown}', 'x', '{{read:data}}', sha256('x'), NULL, NULL)"),
    ("device_tokens_token_hash_key", TOKEN + "('{ben}', 'x', '{{read:data}}', sha256('device'), NULL, NULL)"),
    ("device_tokens_token_hash_sha256", SET + "token_hash = 'hl_a token in clear'"),
    ("device_tokens_name_not_blank", SET + "name = ' '"),
    ("device_tokens_scopes_known", SET + "scopes = '{{}}'"),
    ("device_tokens_scopes_known", SET + "scopes = '{{admin}}'"),
    ("device_tokens_scopes_known", SET + "scopes = '{{read:data,read:data}}'"),
    ("device_tokens_scopes_known", SET + "scopes = '{{read:data,NULL}}'"),
    ("device_tokens_source_ids_number", SET + "source_ids = '{{}}'"),
    ("device_tokens_source_ids_number", SET + "source_ids = array_fill('{private}'::uuid, ARRAY[1001])"),
    ("device_tokens_expires_at_range", SET + "expires_at = created_at"),
    ("device_tokens_expires_at_range", SET + "expires_at = 'infinity'"),
    ("device_tokens_id_not_null", SET + "id = NULL"),
    ("device_tokens_user_id_not_null", SET + "user_id = NULL"),
    ("device_tokens_name_not_null", SET + "name = NULL"),
    ("device_tokens_scopes_not_null", SET + "scopes = NULL"),
    ("device_tokens_token_hash_not_null", SET + "token_hash = NULL"),
    ("device_tokens_is_gated_not_null", SET + "is_gated = NULL"),
    ("device_tokens_created_at_not_null", SET + "created_at = NULL"),
]


@pytest.mark.parametrize(("constraint", "sql"), BROKEN)
async def test_a_constraint_holds_even_for_a_dba(dba: asyncpg.Connection, constraint: str, sql: str) -> None:
    await assert_breaks(dba, constraint, sql.replace("NULL, '' FROM", "NULL, sha256('y') FROM"))


async def test_every_constraint_is_tested(dba: asyncpg.Connection) -> None:
    assert await constraints_of(dba, ["device_tokens"]) == {constraint for constraint, _ in BROKEN}


async def test_every_policy_and_trigger_is_known(dba: asyncpg.Connection) -> None:
    assert await triggers_of(dba, "device_tokens") == {"_050_check_sources", "_060_gate", "_700_bound", "_900_audit"}
    assert await policies_of(dba, "device_tokens") == {
        "owner_all", "select_ops", "select_reader", "insert_writer", "delete_writer",
    }  # fmt: skip


@pytest.mark.parametrize("role", ["homelog_api", "homelog_ops"])
async def test_no_role_reads_the_hash(dba: asyncpg.Connection, role: str) -> None:
    every = await granted_to(dba, "postgres", "device_tokens", "SELECT")
    assert every - await granted_to(dba, role, "device_tokens", "SELECT") == {"token_hash"}


async def test_the_service_writes_no_column_that_is_the_servers(dba: asyncpg.Connection) -> None:
    assert await granted_to(dba, "homelog_api", "device_tokens", "UPDATE") == set()
    assert await granted_to(dba, "homelog_api", "device_tokens", "INSERT") == {
        "id", "name", "scopes", "source_ids", "token_hash", "expires_at",
    }  # fmt: skip


# Acting

ACT = "SELECT homelog.act_as_token(sha256('device'), $1::text, $2::uuid[])"
SEEN = """
SELECT homelog.readable_sources(), homelog.granted_sources(), homelog.writable_sources(),
       homelog.administered_sources()
"""


async def act_as_token(dba: asyncpg.Connection, needed: str | None, *sources: str, every: bool = False) -> None:
    await dba.execute("SET LOCAL ROLE homelog_api")
    await dba.execute(ACT, needed, None if every else [id_of(source) for source in sources])


async def spoil(dba: asyncpg.Connection, sql: str) -> None:
    await dba.execute("RESET ROLE")
    await affected(dba, sql)


PRIVATE, PUBLIC = id_of("private"), id_of("public")


@pytest.mark.parametrize(
    ("spoilt", "needed", "seen"),
    [
        ("SELECT", "write:data", ([PRIVATE, PUBLIC], [PRIVATE, PUBLIC], [PRIVATE, PUBLIC], [])),
        (SET + "scopes = '{{read:data}}'", "read:data", ([PRIVATE, PUBLIC], [PRIVATE, PUBLIC], [], [])),
        (SET + "source_ids = '{{{private}}}'", "read:data", ([PRIVATE], [PRIVATE], [PRIVATE], [])),
        (SET + "source_ids = '{{{unknown}}}'", "read:data", ([], [], [], [])),
        (SET + "user_id = '{ben}'", "read:data", ([PRIVATE, PUBLIC], [PRIVATE], [PRIVATE], [])),
        (SET + "user_id = '{cat}'", "read:data", ([PRIVATE, PUBLIC], [PRIVATE], [], [])),
        (SET + "user_id = '{dan}', source_ids = '{{{public}}}'", "read:data", ([PUBLIC], [], [], [])),
    ],
)
async def test_a_token_reaches_what_its_owner_and_its_bounds_allow(
    dba: asyncpg.Connection, spoilt: str, needed: str, seen: Any
) -> None:
    await spoil(dba, spoilt)
    await act_as_token(dba, needed, "private", "public")
    assert tuple(map(sorted, await row_of(dba, SEEN) or ())) == tuple(map(sorted, seen))


async def test_asked_for_everything_a_bound_token_reaches_what_was_granted_of_it(dba: asyncpg.Connection) -> None:
    await spoil(dba, SET + "user_id = '{ben}', source_ids = '{{{private},{public}}}'")
    await act_as_token(dba, "read:data", every=True)
    assert await row_of(dba, SEEN) == ([PRIVATE], [PRIVATE], [PRIVATE], [])


@pytest.mark.parametrize(
    ("spoilt", "needed", "state"),
    [
        (SET + "token_hash = sha256('another')", "read:data", "HL401"),
        (SET + "created_at = '2020-01-01Z', expires_at = now()", "read:data", "HL401"),
        ("UPDATE users SET is_active = false", "read:data", "HL401"),
        ("DELETE FROM device_tokens", None, "HL401"),
        ("DELETE FROM users WHERE id = '{ann}'", "write:data", "HL401"),
        (SET + "scopes = '{{read:data}}'", "write:data", "HL403"),
        (SET + "scopes = '{{write:data}}'", "read:data", "HL403"),
        ("SELECT", None, "HL403"),
        ("SELECT", "account", "HL403"),
    ],
)
async def test_a_token_that_does_not_work_or_may_not_takes_on_no_identity(
    dba: asyncpg.Connection, spoilt: str, needed: str | None, state: str
) -> None:
    await spoil(dba, spoilt)
    with pytest.raises(asyncpg.PostgresError) as refused:
        async with dba.transaction():
            await act_as_token(dba, needed, "private")
    assert refused.value.sqlstate == state
    assert await dba.fetchval("SELECT homelog.current_user_id()") is None


BOUND = {
    "plants": "SELECT FROM plants",
    "watering": "UPDATE plants SET last_water = now()",
    "homes": "SELECT FROM homes",
    "care": "SELECT FROM care_events",
    "growth": "SELECT FROM growth_measurements",
    "intervals": "SELECT FROM care_intervals",
    "tokens": "SELECT FROM device_tokens",
}


@pytest.mark.parametrize("sql", BOUND.values(), ids=BOUND)
async def test_a_bound_token_sees_nothing_of_its_owners_but_its_sources(dba: asyncpg.Connection, sql: str) -> None:
    await act_as(dba, "ann", every=True)
    assert await affected(dba, sql) > 0
    await spoil(dba, SET + "source_ids = '{{{private}}}'")
    await act_as_token(dba, "write:data", every=True)
    assert await affected(dba, sql) == 0
    assert await affected(dba, "SELECT FROM data_sources") == 1


async def test_a_bound_token_cares_for_no_plant(dba: asyncpg.Connection) -> None:
    await spoil(dba, SET + "source_ids = '{{{private}}}'")
    await act_as_token(dba, "write:data")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await affected(dba, "INSERT INTO care_events (plant_id, kind) VALUES ('{fern}', 'water')")


async def test_a_token_makes_and_takes_away_no_tokens(dba: asyncpg.Connection) -> None:
    await act_as_token(dba, "write:data", every=True)
    assert await affected(dba, "DELETE FROM device_tokens") == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await affected(
            dba,
            "INSERT INTO device_tokens (name, scopes, token_hash) VALUES ('x', '{{read:data}}', sha256('x'))",
        )


async def test_every_audit_row_of_a_token_names_it_and_no_other_does(dba: asyncpg.Connection) -> None:
    insert = "INSERT INTO audit_logs (user_id, event_type, details) VALUES ('{ann}', 'x_y', '{{\"a\": 1}}')"
    last = "SELECT details::jsonb - 'a', user_id FROM audit_logs ORDER BY id DESC LIMIT 1"
    await act_as(dba, "ann")
    await affected(dba, insert)
    assert await dba.fetchval("SELECT details::text FROM audit_logs ORDER BY id DESC LIMIT 1") == '{"a": 1}'
    await act_as_token(dba, "write:data")
    await affected(dba, insert)
    told = await row_of(dba, last) or ()
    assert (str(told[0]), told[1]) == (f'{{"token_id": "{id_of("token")}"}}', id_of("ann"))


async def test_a_use_is_noted_once_a_minute(dba: asyncpg.Connection) -> None:
    async def note() -> Any:
        await act_as_token(dba, "read:data")
        await dba.execute("SELECT homelog.note_token_use()")
        await dba.execute("RESET ROLE")
        return await dba.fetchval("SELECT last_used_at FROM device_tokens")

    first = await note()
    assert first is not None
    await affected(dba, SET + "last_used_at = now() - interval '59 seconds'")
    assert await note() < first
    await affected(dba, SET + "last_used_at = now() - interval '61 seconds'")
    assert await note() == first


async def test_a_token_is_bound_only_to_what_its_maker_was_granted(dba: asyncpg.Connection) -> None:
    made = (
        "INSERT INTO device_tokens (name, scopes, token_hash, source_ids)"
        " VALUES ('x', '{{read:data}}', sha256('x'), '{{{private},{public}}}')"
    )
    await act_as(dba, "ann", every=True)
    assert await affected(dba, made.replace("'x')", "'y')")) == 1
    await act_as(dba, "ben", "private", "public")
    with pytest.raises(asyncpg.ForeignKeyViolationError) as broken:
        await dba.execute(said(made))
    assert broken.value.constraint_name == "device_tokens_source_ids_granted"
