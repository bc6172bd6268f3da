"""The rules of home_members, as they hold for whoever reaches the database.

What is tested is compared with the catalogue: a constraint, trigger, policy or grant that is new fails here until it
has its line.
"""

from collections.abc import AsyncIterator

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
    rows_of,
    said,
    triggers_of,
)

# Besides the cast: Ivy administers the house with Ann, Max may write there, Rea may read, Gus was a guest.
MEMBERS = """
INSERT INTO users (id, email) VALUES ('{ivy}', 'ivy@example.org'), ('{max}', 'max@example.org'),
    ('{rea}', 'rea@example.org'), ('{gus}', 'gus@example.org');
INSERT INTO home_members (home_id, user_id, access_level, expires_at, granted_at, granted_by) VALUES
    ('{house}', '{ivy}', 'admin', NULL, '2026-01-01Z', '{ann}'),
    ('{house}', '{max}', 'write', NULL, '2026-01-02Z', '{ann}'),
    ('{house}', '{rea}', 'read', now() + interval '1 day', '2026-01-03Z', '{ivy}'),
    ('{house}', '{gus}', 'write', now(), '2026-01-04Z', '{ivy}');
"""
EVERYONE = ["ann", "ivy", "max", "rea", "gus", "ben", "nobody"]


@pytest.fixture
async def dba(household: asyncpg.Connection) -> AsyncIterator[asyncpg.Connection]:
    """The cast and the members, in a transaction that is rolled back."""
    transaction = household.transaction()
    await transaction.start()
    await household.execute("SET LOCAL session_replication_role = replica")
    await household.execute(said(MEMBERS))
    await household.execute("SET LOCAL session_replication_role = DEFAULT")
    yield household
    await transaction.rollback()


# Constraints. Each line: the constraint, and a statement that breaks it.

INVITE = "INSERT INTO home_members (home_id, user_id, access_level, expires_at) VALUES "
SET = "UPDATE home_members SET "

BROKEN = [
    ("home_members_pkey", INVITE + "('{house}', '{ann}', 'read', NULL)"),
    ("home_members_home_id_fkey", INVITE + "('{unknown}', '{dan}', 'read', NULL)"),
    ("home_members_user_id_fkey", INVITE + "('{house}', '{unknown}', 'read', NULL)"),
    ("home_members_granted_by_fkey", SET + "granted_by = '{unknown}'"),
    ("home_members_admin_stays", SET + "expires_at = now() + interval '1 day' WHERE user_id = '{ann}'"),
    ("home_members_expires_at_range", SET + "expires_at = 'infinity' WHERE user_id = '{max}'"),
    ("home_members_expires_at_range", SET + "expires_at = '10000-01-01Z' WHERE user_id = '{max}'"),
    ("home_members_home_id_not_null", SET + "home_id = NULL"),
    ("home_members_user_id_not_null", SET + "user_id = NULL"),
    ("home_members_access_level_not_null", SET + "access_level = NULL WHERE user_id = '{max}'"),
    ("home_members_granted_at_not_null", SET + "granted_at = NULL WHERE user_id = '{max}'"),
]
BY_TRIGGER = [
    ("home_members_expires_at_future", INVITE + "('{house}', '{dan}', 'read', now())"),
    ("home_members_expires_at_future", SET + "expires_at = '1969-01-01Z' WHERE user_id = '{max}'"),
    ("home_members_last_admin", "DELETE FROM home_members WHERE access_level = 'admin'"),
    ("home_members_last_admin", SET + "access_level = 'write' WHERE access_level = 'admin'"),
]


@pytest.mark.parametrize(("constraint", "sql"), BROKEN + BY_TRIGGER)
async def test_a_constraint_holds_even_for_a_dba(dba: asyncpg.Connection, constraint: str, sql: str) -> None:
    await assert_breaks(dba, constraint, sql)


async def test_every_constraint_is_tested(dba: asyncpg.Connection) -> None:
    assert await constraints_of(dba, ["home_members"]) == {constraint for constraint, _ in BROKEN}


# Triggers


async def test_every_trigger_and_policy_is_known(dba: asyncpg.Connection) -> None:
    assert await triggers_of(dba, "home_members") == {
        "_050_check_expiry", "_060_renew_guest", "_500_keep_an_admin_delete", "_500_keep_an_admin_update",
        "_600_gain_home_insert", "_600_gain_home_update", "_600_leave_tombstone_delete", "_600_leave_tombstone_update",
        "_900_audit",
    }  # fmt: skip
    assert await policies_of(dba, "home_members") == {
        "owner_all", "select_ops", "select_reader", "insert_admin", "update_admin", "delete_admin",
    }  # fmt: skip


async def test_whoever_makes_a_home_belongs_to_it_and_a_dbas_home_is_nobodys(dba: asyncpg.Connection) -> None:
    await act_as(dba, "dan")
    await dba.execute(said("INSERT INTO homes (id, name) VALUES ('{cabin}', 'Cabin')"))
    member = "SELECT user_id, access_level::text, expires_at FROM home_members WHERE home_id = '{cabin}'"
    assert await row_of(dba, member) == (id_of("dan"), "admin", None)
    await dba.execute("RESET ROLE; SELECT homelog.act_as(NULL, NULL)")
    await dba.execute(said("INSERT INTO homes (id, name) VALUES ('{hut}', 'Hut')"))
    assert await affected(dba, "SELECT FROM home_members WHERE home_id = '{hut}'") == 0


async def test_only_a_guest_who_comes_again_is_granted_access_anew(dba: asyncpg.Connection) -> None:
    granted = "SELECT granted_at < now(), granted_by FROM home_members WHERE user_id = '{gus}'"
    await act_as(dba, "ann")
    # Neither a rename of the level nor a referential action, as when who invited goes, brings anybody back.
    await affected(dba, "UPDATE home_members SET access_level = 'read' WHERE user_id = '{gus}'")
    assert await row_of(dba, granted) == (True, id_of("ivy"))
    await affected(dba, "UPDATE home_members SET expires_at = now() + interval '1 hour' WHERE user_id = '{gus}'")
    assert await row_of(dba, granted) == (False, id_of("ann"))
    await affected(dba, "UPDATE home_members SET expires_at = NULL WHERE user_id = '{rea}'")
    assert await row_of(dba, granted.replace("gus", "rea")) == (True, id_of("ivy"))


async def test_who_invited_a_guest_may_go_after_the_guest(dba: asyncpg.Connection) -> None:
    await dba.execute("SELECT homelog.act_as($1::uuid, NULL)", id_of("ivy"))
    assert await affected(dba, "DELETE FROM users WHERE id = '{ivy}'") == 1
    assert await row_of(dba, "SELECT granted_by FROM home_members WHERE user_id = '{gus}'") == (None,)


# What a person's homes are, and what comes of it


@pytest.mark.parametrize(
    ("person", "level"), [("ann", 3), ("ivy", 3), ("max", 2), ("rea", 1), ("gus", 0), ("ben", 0), ("nobody", 0)]
)
async def test_a_level_holds_for_the_home_and_its_sources_alike(
    dba: asyncpg.Connection, person: str, level: int
) -> None:
    await dba.execute("DELETE FROM user_source_access WHERE user_id <> $1", id_of("ann"))
    homes = "SELECT cardinality({}_homes())".replace("{}", "homelog.{}")
    for every in (True, False):
        await act_as(dba, person, "private", every=every)
        for least, name in enumerate(("readable", "writable", "administered"), 1):
            assert await dba.fetchval(homes.format(name)) == (level >= least)
            reached = await dba.fetchval(f"SELECT homelog.{name}_sources()")
            assert (id_of("private") in reached) is (level >= least)
        assert (id_of("private") in await dba.fetchval("SELECT homelog.granted_sources()")) is (level > 0)


@pytest.mark.parametrize("every", [True, False])
async def test_of_a_grant_and_a_membership_the_higher_level_holds(dba: asyncpg.Connection, every: bool) -> None:
    # Ben may write by grant and Cat read; both now belong to the house, the other way round.
    await dba.execute(said(INVITE + "('{house}', '{ben}', 'read', NULL), ('{house}', '{cat}', 'admin', NULL)"))
    for person, name in (("ben", "writable"), ("cat", "administered")):
        await act_as(dba, person, "private", every=every)
        assert await dba.fetchval(f"SELECT homelog.{name}_sources()") == [id_of("private")]
        assert await dba.fetchval("SELECT homelog.readable_sources()") == [id_of("private")]


SEE = "SELECT FROM home_members"
GUARDS: list[tuple[str, str, dict[str, int | None]]] = [
    ("select_reader", SEE, {"ann": 6, "ivy": 6, "max": 1, "rea": 1, "gus": 1}),
    ("insert_admin", INVITE + "('{house}', '{dan}', 'read', NULL)", {**dict.fromkeys(EVERYONE), "ann": 1, "ivy": 1}),
    ("update_admin", SET + "access_level = 'read' WHERE user_id = '{max}'", {"ann": 1, "ivy": 1}),
    ("delete_admin", "DELETE FROM home_members WHERE user_id = '{max}'", {"ann": 1, "ivy": 1, "max": 1}),
    ("homes", "SELECT FROM homes", dict.fromkeys(["ann", "ivy", "max", "rea"], 1)),
    ("homes", "UPDATE homes SET name = 'x'", {"ann": 1, "ivy": 1}),
    ("homes", "DELETE FROM homes", {"ann": 1, "ivy": 1}),
    ("plants", "SELECT FROM plants", dict.fromkeys(["ann", "ivy", "max", "rea"], 1)),
    ("plants", "UPDATE plants SET room = 'x'", dict.fromkeys(["ann", "ivy", "max"], 1)),
    ("plants", "DELETE FROM plants", {"ann": 1, "ivy": 1}),
    ("care", "SELECT FROM care_events", dict.fromkeys(["ann", "ivy", "max", "rea"], 1)),
    ("care", "DELETE FROM care_events", dict.fromkeys(["ann", "ivy", "max"], 1)),
    ("readings", "SELECT FROM readings", {**dict.fromkeys(["ann", "ivy", "max", "rea", "ben"], 3)}),
    ("readings", "DELETE FROM readings", {**dict.fromkeys(["ann", "ivy", "max", "ben"], 3)}),
    ("sources", "DELETE FROM data_sources", {"ann": 1, "ivy": 1}),
    ("grants", "SELECT FROM user_source_access WHERE source_id = '{private}'", {"ann": 3, "ivy": 3, "ben": 1}),
]
CELLS = [(sql, person, rows.get(person, 0)) for _, sql, rows in GUARDS for person in EVERYONE]


@pytest.mark.parametrize(("sql", "person", "rows"), CELLS)
async def test_row_security_shows_and_changes_what_the_level_allows(
    dba: asyncpg.Connection, sql: str, person: str, rows: int | None
) -> None:
    await act_as(dba, person, "private")
    if rows is None:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await affected(dba, sql)
    else:
        assert await affected(dba, sql) == rows


async def test_a_token_that_is_bound_to_sources_sees_no_home(dba: asyncpg.Connection) -> None:
    await dba.execute("UPDATE device_tokens SET source_ids = $1", [id_of("private")])
    await dba.execute("SELECT homelog.act_as_token(sha256('device'), NULL)")
    await dba.execute("SET LOCAL ROLE homelog_api")
    assert await affected(dba, "SELECT FROM homes") == 0


async def test_the_service_sets_only_the_columns_that_are_the_callers(dba: asyncpg.Connection) -> None:
    assert await granted_to(dba, "homelog_api", "home_members", "INSERT") == {
        "home_id", "user_id", "access_level", "expires_at",
    }  # fmt: skip
    assert await granted_to(dba, "homelog_api", "home_members", "UPDATE") == {"access_level", "expires_at"}


async def test_only_admins_learn_who_belongs_and_who_has_an_account(dba: asyncpg.Connection) -> None:
    calls = [
        "SELECT FROM homelog.people_of_home('{house}')",
        "SELECT FROM homelog.rights_to_source('{private}')",
        "SELECT FROM homelog.find_invited('{house}', NULL, 'dan@example.org')",
    ]
    for person, seen in (("ann", [6, 7, 1]), ("ivy", [6, 7, 1]), *((each, [0, 0, 0]) for each in EVERYONE[2:])):
        await act_as(dba, person, "private")
        assert [await affected(dba, sql) for sql in calls] == seen, person


# Accounts that go


async def test_of_several_admins_the_one_of_longest_standing_inherits(dba: asyncpg.Connection) -> None:
    await dba.execute(said(SET + "access_level = 'admin' WHERE user_id = '{max}'"))
    await affected(dba, "DELETE FROM users WHERE id = '{ann}'")
    assert await row_of(dba, "SELECT user_id FROM plants WHERE id = '{fern}'") == (id_of("ivy"),)
    grants = "SELECT user_id, access_level::text FROM user_source_access WHERE source_id = '{private}'"
    assert set(await rows_of(dba, grants)) == {(id_of("cat"), "read"), (id_of("ben"), "write"), (id_of("ivy"), "admin")}
    assert await row_of(dba, "SELECT count(*) FROM data_sources WHERE id = '{public}'") == (0,)


async def test_a_heir_who_had_a_lower_grant_is_raised(dba: asyncpg.Connection) -> None:
    await dba.execute(said("INSERT INTO user_source_access VALUES ('{ivy}', '{private}', 'read')"))
    await affected(dba, "DELETE FROM users WHERE id = '{ann}'")
    level = "SELECT access_level::text FROM user_source_access WHERE user_id = '{ivy}'"
    assert await row_of(dba, level) == ("admin",)


async def test_a_guests_plant_passes_to_the_homes_admin(dba: asyncpg.Connection) -> None:
    await dba.execute(said("INSERT INTO plants (user_id, name, kind, home_id) VALUES ('{gus}', 'x', 'fig', '{house}')"))
    await affected(dba, "DELETE FROM users WHERE id = '{gus}'")
    assert await row_of(dba, "SELECT user_id FROM plants WHERE name = 'x'") == (id_of("ivy"),)


async def test_members_who_may_only_write_inherit_nothing(dba: asyncpg.Connection) -> None:
    await affected(dba, "DELETE FROM home_members WHERE user_id = '{ivy}'")
    await affected(dba, "DELETE FROM users WHERE id = '{ann}'")
    for table in ("homes", "home_members", "data_sources"):
        assert await affected(dba, f"SELECT FROM {table}") == 0, table
    assert await affected(dba, "SELECT FROM plants WHERE id = '{fern}'") == 0


# Accounts that are not active

SLEEP = "UPDATE users SET is_active = false WHERE id = '{ivy}'"
WAKE = "UPDATE users SET is_active = true WHERE id = '{ivy}'"
LEAVE = "DELETE FROM home_members WHERE user_id = '{ann}'"
OWNERS = "SELECT user_id FROM plants WHERE id = '{fern}'"
ADMINS = "SELECT user_id FROM user_source_access WHERE source_id = '{private}' AND access_level = 'admin'"


@pytest.mark.parametrize(
    "sql", [LEAVE, SET + "access_level = 'write' WHERE user_id = '{ann}'"], ids=["leaves", "is lowered"]
)
async def test_an_admin_who_is_not_active_is_none_to_leave_a_home_to(dba: asyncpg.Connection, sql: str) -> None:
    await affected(dba, SLEEP)
    await assert_breaks(dba, "home_members_last_admin", sql)
    await affected(dba, WAKE)
    assert await affected(dba, sql) == 1


async def test_an_admin_who_is_not_active_can_be_removed(dba: asyncpg.Connection) -> None:
    await affected(dba, SLEEP)
    assert await affected(dba, "DELETE FROM home_members WHERE user_id = '{ivy}'") == 1


async def test_the_last_admin_can_be_deactivated_and_is_admin_again_when_activated(dba: asyncpg.Connection) -> None:
    everyone = "UPDATE users SET is_active = false WHERE id IN ('{ann}', '{ivy}')"
    assert await affected(dba, everyone) == 2
    # Of those who cannot act one may be removed, the last may not.
    assert await affected(dba, LEAVE) == 1
    await assert_breaks(dba, "home_members_last_admin", "DELETE FROM home_members WHERE user_id = '{ivy}'")
    # Members stay what they were, and so does the admin.
    await act_as(dba, "max")
    assert await affected(dba, "UPDATE plants SET room = 'x'") == 1
    await dba.execute("RESET ROLE; SELECT homelog.act_as(NULL, NULL)")
    await affected(dba, WAKE)
    await act_as(dba, "ivy")
    assert await affected(dba, "UPDATE homes SET name = 'x'") == 1


async def test_who_is_active_inherits_before_one_of_longer_standing_who_is_not(dba: asyncpg.Connection) -> None:
    await affected(dba, SET + "access_level = 'admin' WHERE user_id = '{max}'")
    await affected(dba, SLEEP)
    await affected(dba, "DELETE FROM users WHERE id = '{ann}'")
    assert await row_of(dba, OWNERS) == (id_of("max"),)
    assert await rows_of(dba, ADMINS) == [(id_of("max"),)]


async def test_a_source_passes_to_a_homes_admin_also_beside_a_grant_of_who_is_not_active(
    dba: asyncpg.Connection,
) -> None:
    await affected(dba, "UPDATE user_source_access SET access_level = 'admin' WHERE user_id = '{ben}'")
    await affected(dba, "UPDATE users SET is_active = false WHERE id = '{ben}'")
    await affected(dba, "DELETE FROM users WHERE id = '{ann}'")
    assert set(await rows_of(dba, ADMINS)) == {(id_of("ben"),), (id_of("ivy"),)}


@pytest.mark.parametrize("asleep", ["ivy", "ivy, the admin by grant"])
async def test_where_nobody_is_active_who_could_inherit_nothing_is_lost(dba: asyncpg.Connection, asleep: str) -> None:
    if asleep != "ivy":
        await affected(dba, "INSERT INTO user_source_access VALUES ('{ivy}', '{private}', 'admin')")
    await affected(dba, SLEEP)
    await affected(dba, "DELETE FROM users WHERE id = '{ann}'")
    assert await row_of(dba, OWNERS) == (id_of("ivy"),)
    assert await rows_of(dba, ADMINS) == [(id_of("ivy"),)]
    members = "SELECT user_id FROM home_members WHERE access_level = 'admin'"
    assert await rows_of(dba, members) == [(id_of("ivy"),)]
    # With the last who could be active again it goes.
    await affected(dba, "DELETE FROM users WHERE id = '{ivy}'")
    assert await affected(dba, "SELECT FROM homes") == 0
    assert await affected(dba, "SELECT FROM data_sources WHERE id = '{private}'") == 0


# The order of locks


async def test_only_who_sees_it_locks_a_home_or_a_source(dba: asyncpg.Connection) -> None:
    locks = {
        "SELECT homelog.lock_home('{house}')": "SELECT xmax::text FROM homes WHERE id = '{house}'",
        "SELECT homelog.lock_source('{private}')": "SELECT xmax::text FROM data_sources WHERE id = '{private}'",
    }
    await dba.execute(said("DELETE FROM user_source_access WHERE user_id = '{ben}'"))
    for call, locked in locks.items():
        for person, may in (("dan", False), ("gus", False), ("ben", False), ("nobody", False), ("rea", True)):
            # Each in a part of its own, which is undone.
            part = dba.transaction()
            await part.start()
            before = await row_of(dba, locked)
            await act_as(dba, person, "private")
            await affected(dba, call)
            await dba.execute("RESET ROLE")
            assert (await row_of(dba, locked) != before) is may, (call, person)
            await part.rollback()
