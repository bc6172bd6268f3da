"""The rules of calendar links, as they hold for whoever reaches the database.

What is tested is compared with the catalogue: a constraint, trigger, policy or grant that is new fails here until it
has its line.
"""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from service.embedded import EmbeddedPostgres
from tests.sql.rules import (
    act_as,
    affected,
    assert_breaks,
    cloned,
    constraints_of,
    granted_to,
    id_of,
    policies_of,
    row_of,
    said,
    told,
    triggers_of,
)

LINK = "INSERT INTO calendar_links (user_id, key_hash) VALUES "
SET = "UPDATE calendar_links SET "

BROKEN = [
    ("calendar_links_pkey", LINK + "('{ann}', sha256('x'))"),
    ("calendar_links_user_id_fkey", LINK + "('{unknown}', sha256('x'))"),
    ("calendar_links_key_hash_key", LINK + "('{ben}', sha256('calendar'))"),
    ("calendar_links_key_hash_sha256", SET + "key_hash = 'a key in clear'"),
    ("calendar_links_user_id_not_null", SET + "user_id = NULL"),
    ("calendar_links_key_hash_not_null", SET + "key_hash = NULL"),
    ("calendar_links_created_at_not_null", SET + "created_at = NULL"),
]


@pytest.mark.parametrize(("constraint", "sql"), BROKEN)
async def test_a_constraint_holds_even_for_a_dba(dba: asyncpg.Connection, constraint: str, sql: str) -> None:
    await assert_breaks(dba, constraint, sql)


async def test_every_constraint_is_tested(dba: asyncpg.Connection) -> None:
    assert await constraints_of(dba, ["calendar_links"]) == {constraint for constraint, _ in BROKEN}


async def test_every_policy_and_trigger_is_known(dba: asyncpg.Connection) -> None:
    assert await triggers_of(dba, "calendar_links") == {
        "_100_renew_calendar_link", "_900_audit", "_900_audit_update",
    }  # fmt: skip
    assert await policies_of(dba, "calendar_links") == {
        "owner_all", "select_ops", "select_reader", "insert_writer", "update_writer", "delete_writer",
    }  # fmt: skip


@pytest.mark.parametrize("role", ["homelog_api", "homelog_ops"])
async def test_no_role_reads_the_hash(dba: asyncpg.Connection, role: str) -> None:
    assert await granted_to(dba, role, "calendar_links", "SELECT") == {"user_id", "created_at"}


async def test_the_service_writes_no_column_that_is_the_servers(dba: asyncpg.Connection) -> None:
    for verb in ("INSERT", "UPDATE"):
        assert await granted_to(dba, "homelog_api", "calendar_links", verb) == {"key_hash"}


async def test_a_device_token_touches_no_link(dba: asyncpg.Connection) -> None:
    await dba.execute("SET LOCAL ROLE homelog_api")
    await dba.execute("SELECT homelog.act_as_token(sha256('device'), 'write:data', '{}')")
    for sql in ("SELECT created_at FROM calendar_links", SET + "key_hash = sha256('x')", "DELETE FROM calendar_links"):
        assert await affected(dba, sql) == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await affected(dba, "INSERT INTO calendar_links (key_hash) VALUES (sha256('x'))")


async def test_another_key_makes_the_link_anew_and_the_same_does_not(dba: asyncpg.Connection) -> None:
    await affected(dba, SET + "created_at = '2020-01-01Z'")
    await affected(dba, SET + "key_hash = key_hash")
    assert await dba.fetchval("SELECT created_at < '2021-01-01Z' FROM calendar_links")
    assert await told(dba) == []
    await affected(dba, SET + "key_hash = sha256('another')")
    assert await dba.fetchval("SELECT created_at = now() FROM calendar_links")
    assert await told(dba) == [("replace_calendar_link", "{}")]


# Acting. A transaction that reads cannot be one that has written, so these have a database of their own.


@pytest.fixture(scope="module")
async def stored(server: EmbeddedPostgres, template: str) -> AsyncIterator[asyncpg.Connection]:
    """A DBA's connection to a database with the cast, outside any transaction."""
    async with cloned(server, template, "homelog_test_calendar_acting") as connection:
        yield connection


@pytest.fixture
async def reading(stored: asyncpg.Connection) -> AsyncIterator[asyncpg.Connection]:
    """The same, as the service in a transaction that only reads."""
    async with stored.transaction(readonly=True):
        await stored.execute("SET LOCAL ROLE homelog_api")
        yield stored


ACT = "SELECT homelog.act_by_calendar_key(sha256($1::text::bytea))"
SEEN = """
SELECT homelog.current_user_id(), homelog.current_session_id(), homelog.current_token_id(),
       homelog.readable_sources(), homelog.granted_sources(), homelog.writable_sources(),
       homelog.administered_sources()
"""


async def test_a_key_shows_its_owners_plants_and_no_source(reading: asyncpg.Connection) -> None:
    assert await reading.fetchval(ACT, "calendar") == id_of("ann")
    assert await row_of(reading, SEEN) == (id_of("ann"), None, None, [], [], [], [])
    assert await reading.fetchval("SELECT array_agg(id) FROM plants") == [id_of("fern")]
    assert await affected(reading, "SELECT FROM data_sources") == 0


async def test_whoever_had_signed_in_has_no_part_in_it(reading: asyncpg.Connection) -> None:
    await reading.execute(
        "SELECT homelog.act_as($1::uuid, $2::uuid, NULL::uuid[])", id_of("ben"), id_of("other session")
    )
    await reading.execute(ACT, "calendar")
    assert await row_of(reading, SEEN) == (id_of("ann"), None, None, [], [], [], [])


async def test_an_unknown_key_takes_on_no_identity(reading: asyncpg.Connection) -> None:
    assert await reading.fetchval(ACT, "another") is None
    assert await reading.fetchval("SELECT homelog.current_user_id()") is None


async def test_the_key_of_an_account_that_is_not_active_takes_on_no_identity(stored: asyncpg.Connection) -> None:
    await stored.execute(said("UPDATE users SET is_active = false WHERE id = '{ann}'"))
    async with stored.transaction(readonly=True):
        await stored.execute("SET LOCAL ROLE homelog_api")
        assert await stored.fetchval(ACT, "calendar") is None
        assert await stored.fetchval("SELECT homelog.current_user_id()") is None
    await stored.execute(said("UPDATE users SET is_active = true WHERE id = '{ann}'"))


async def test_a_key_opens_no_transaction_that_may_write(dba: asyncpg.Connection) -> None:
    await act_as(dba, "nobody")
    with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
        async with dba.transaction():
            await dba.execute(ACT, "calendar")


async def test_a_key_does_not_let_itself_be_used_to_write_afterwards(reading: asyncpg.Connection) -> None:
    await reading.execute(ACT, "calendar")
    with pytest.raises(asyncpg.PostgresError) as refused:
        await reading.execute("SET TRANSACTION READ WRITE")
    assert refused.value.sqlstate == "25001"
