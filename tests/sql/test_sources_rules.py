"""The rules of homes, data_sources and user_source_access, as they hold for whoever reaches the database.

What is tested is compared with the catalogue: a constraint, trigger, policy or grant that is new fails here
until it has its line.
"""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from service.embedded import EmbeddedPostgres
from tests.sql.rules import triggers_of

TABLES = ["homes", "data_sources", "user_source_access"]
NAMED = {
    name: UUID(f"00000000-0000-7000-8000-{number:012}")
    for number, name in enumerate(
        ["ann", "ben", "cat", "dan", "off", "house", "cabin", "private", "public", "unknown"], 1
    )
}
EVERYONE = ["ann", "ben", "cat", "dan", "nobody"]


@pytest.fixture(scope="module")
async def household(server: EmbeddedPostgres, template: str) -> AsyncIterator[asyncpg.Connection]:
    """A DBA's connection to a database with a few people, two homes and two sources.

    Ann made `house` and both sources; Ben may write to `private`, Cat may read it, Dan has only `cabin`;
    `off` is an account that was deactivated.
    """
    name = "homelog_sources_rules"
    admin = await asyncpg.connect(server.url(server.superuser, "postgres"))
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    dba = await asyncpg.connect(server.url(server.superuser, name))
    for person in ("ann", "ben", "cat", "dan", "off"):
        await dba.execute(
            "INSERT INTO users (id, email, display_name, is_active) VALUES ($1, $2, $3::text, $3 <> 'off')",
            *(NAMED[person], f"{person}@example.org", person),
        )
    for place, maker in (("house", "ann"), ("cabin", "dan")):
        await dba.execute(
            "INSERT INTO homes (id, name, created_by) VALUES ($1, $2, $3)",
            *(NAMED[place], place, NAMED[maker]),
        )
    for source in ("private", "public"):
        await dba.execute(
            "INSERT INTO data_sources (id, name, source_type, unit, is_public, created_by, home_id)"
            " VALUES ($1, $2::text, 'heat', 'kWh', $2 = 'public', $3, $4)",
            *(NAMED[source], source, NAMED["ann"], NAMED["house"]),
        )
    for person, source, level in (
        ("ann", "private", "admin"), ("ben", "private", "write"), ("cat", "private", "read"),
        ("ann", "public", "admin"),
    ):  # fmt: skip
        await dba.execute(
            "INSERT INTO user_source_access (user_id, source_id, access_level, granted_by) VALUES ($1, $2, $3, $4)",
            *(NAMED[person], NAMED[source], level, NAMED["ann"]),
        )
    yield dba
    await dba.close()
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture
async def dba(household: asyncpg.Connection) -> AsyncIterator[asyncpg.Connection]:
    """The same connection in a transaction that is rolled back."""
    transaction = household.transaction()
    await transaction.start()
    yield household
    await transaction.rollback()


async def act_as(dba: asyncpg.Connection, person: str, *sources: str, every: bool = False) -> None:
    """Become the service on behalf of a person, reaching the named sources or every one that was granted."""
    named = None if every else [NAMED[source] for source in sources]
    await dba.execute("RESET ROLE")
    await dba.execute("SELECT homelog.act_as($1::uuid, $2::uuid[])", NAMED.get(person), named)
    await dba.execute("SET LOCAL ROLE homelog_api")


def given(*names: str) -> list[Any]:
    """Ids by name, other words as they are."""
    return [NAMED.get(name, name) for name in names]


async def affected(dba: asyncpg.Connection, sql: str, *names: str) -> int:
    """How many rows a statement saw or changed."""
    return int((await dba.execute(sql, *given(*names))).rpartition(" ")[2])


# Constraints. Each line: the constraint, a statement that breaks it, its arguments.

HOME = "INSERT INTO homes (name, address) VALUES ($1, repeat('x', $2::text::int))"
SOURCE = "INSERT INTO data_sources (name, source_type, unit) VALUES ($1, $2, $3)"
SET_SOURCE = "UPDATE data_sources SET "
GRANT = "INSERT INTO user_source_access (user_id, source_id, access_level) VALUES ($1, $2, 'read')"

BROKEN: list[tuple[str, str, tuple[str, ...]]] = [
    ("homes_pkey", "INSERT INTO homes (id, name) VALUES ($1, 'x')", ("house",)),
    ("homes_created_by_fkey", "UPDATE homes SET created_by = $1", ("unknown",)),
    ("homes_name_not_blank", HOME, ("", "0")),
    ("homes_name_not_blank", HOME, (" \t\n", "0")),
    ("homes_address_length", HOME, ("x", "501")),
    ("homes_id_not_null", "UPDATE homes SET id = NULL", ()),
    ("homes_name_not_null", "INSERT INTO homes DEFAULT VALUES", ()),
    ("homes_timezone_not_null", "INSERT INTO homes (name, timezone) VALUES ('x', NULL)", ()),
    ("homes_created_at_not_null", "UPDATE homes SET created_at = NULL", ()),
    (
        "homes_updated_at_not_null",
        "INSERT INTO homes (name, updated_at) VALUES ('x', NULL)",
        (),
    ),
    (
        "data_sources_pkey",
        "INSERT INTO data_sources (id, name, source_type, unit) VALUES ($1, 'x', 'x', 'x')",
        ("private",),
    ),
    ("data_sources_home_id_fkey", SET_SOURCE + "home_id = $1", ("unknown",)),
    ("data_sources_created_by_fkey", SET_SOURCE + "created_by = $1", ("unknown",)),
    ("data_sources_name_not_blank", SOURCE, (" ", "x", "x")),
    ("data_sources_source_type_not_blank", SOURCE, ("x", "\t", "x")),
    ("data_sources_unit_not_blank", SOURCE, ("x", "x", "")),
    ("data_sources_description_length", SET_SOURCE + "description = repeat('x', 10001)", ()),
    ("data_sources_address_length", SET_SOURCE + "address = repeat('x', 501)", ()),
    ("data_sources_thumbnail_url_form", SET_SOURCE + "thumbnail_url = $1", ("javascript:alert(1)",)),
    ("data_sources_thumbnail_url_form", SET_SOURCE + "thumbnail_url = $1", ("x\nhttp://example.org",)),
    ("data_sources_thumbnail_url_form", SET_SOURCE + "thumbnail_url = 'https://' || repeat('x', 2000)", ()),
    ("data_sources_id_not_null", SET_SOURCE + "id = NULL", ()),
    ("data_sources_name_not_null", SET_SOURCE + "name = NULL", ()),
    ("data_sources_source_type_not_null", SET_SOURCE + "source_type = NULL", ()),
    ("data_sources_unit_not_null", SET_SOURCE + "unit = NULL", ()),
    ("data_sources_kind_not_null", SET_SOURCE + "kind = NULL", ()),
    ("data_sources_is_public_not_null", SET_SOURCE + "is_public = NULL", ()),
    ("data_sources_created_at_not_null", SET_SOURCE + "created_at = NULL", ()),
    (
        "data_sources_updated_at_not_null",
        "INSERT INTO data_sources (name, source_type, unit, updated_at) VALUES ('x', 'x', 'x', NULL)",
        (),
    ),
    ("user_source_access_pkey", GRANT, ("ben", "private")),
    ("user_source_access_user_id_fkey", GRANT, ("unknown", "private")),
    ("user_source_access_source_id_fkey", GRANT, ("dan", "unknown")),
    ("user_source_access_granted_by_fkey", "UPDATE user_source_access SET granted_by = $1", ("unknown",)),
    ("user_source_access_user_id_not_null", "UPDATE user_source_access SET user_id = NULL", ()),
    ("user_source_access_source_id_not_null", "UPDATE user_source_access SET source_id = NULL", ()),
    ("user_source_access_access_level_not_null", "UPDATE user_source_access SET access_level = NULL", ()),
    ("user_source_access_granted_at_not_null", "UPDATE user_source_access SET granted_at = NULL", ()),
]


@pytest.mark.parametrize(("constraint", "sql", "names"), BROKEN, ids=[name for name, *_ in BROKEN])
async def test_a_constraint_holds_even_for_a_dba(
    dba: asyncpg.Connection, constraint: str, sql: str, names: tuple[str, ...]
) -> None:
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as broken:
        await dba.execute(sql, *given(*names))
    if isinstance(broken.value, asyncpg.NotNullViolationError):
        # PostgreSQL names the column of these, not the constraint.
        assert f"{broken.value.table_name}_{broken.value.column_name}_not_null" == constraint
    else:
        assert broken.value.constraint_name == constraint


async def test_every_constraint_is_tested(dba: asyncpg.Connection) -> None:
    rows = await dba.fetch("SELECT conname FROM pg_constraint WHERE conrelid::regclass::text = ANY ($1)", TABLES)
    assert {row[0] for row in rows} == {constraint for constraint, _, _ in BROKEN}


LENGTHS = {
    ("homes", "name"): 100,
    ("homes", "timezone"): 50,
    ("data_sources", "name"): 100,
    ("data_sources", "source_type"): 50,
    ("data_sources", "unit"): 20,
    ("data_sources", "meter_number"): 100,
    ("data_sources", "place_name"): 200,
}


async def test_a_column_takes_as_many_characters_as_the_contract_says(dba: asyncpg.Connection) -> None:
    rows = await dba.fetch(
        "SELECT table_name, column_name, character_maximum_length FROM information_schema.columns"
        " WHERE table_name = ANY ($1) AND data_type = 'character varying'",
        TABLES,
    )
    assert {(row[0], row[1]): row[2] for row in rows} == LENGTHS


GONE = [
    # What is deleted; whose row is looked at; what is left of it.
    ("users", "dan", "SELECT count(*) FROM homes WHERE id = $1", "cabin", 0),
    ("users", "cat", "SELECT count(*) FROM user_source_access WHERE user_id = $1", "cat", 0),
    ("users", "ben", "SELECT count(*) FROM user_source_access WHERE source_id = $1", "private", 2),
    ("users", "ann", "SELECT count(*) FROM data_sources WHERE id = $1", "private", 0),
    ("homes", "house", "SELECT count(*) FROM data_sources WHERE id = $1 AND home_id IS NULL", "private", 1),
    ("data_sources", "private", "SELECT count(*) FROM user_source_access WHERE source_id = $1", "private", 0),
    ("data_sources", "private", "SELECT count(*) FROM homes WHERE id = $1", "house", 1),
]


@pytest.mark.parametrize(("table", "what", "sql", "of", "left"), GONE)
async def test_what_belongs_to_what_is_deleted_goes_or_forgets_it(
    dba: asyncpg.Connection, table: str, what: str, sql: str, of: str, left: int
) -> None:
    assert await affected(dba, f"DELETE FROM {table} WHERE id = $1", what) == 1  # noqa: S608
    assert await dba.fetchval(sql, NAMED[of]) == left


async def test_a_source_with_another_admin_outlives_who_made_it_and_forgets_them(
    dba: asyncpg.Connection,
) -> None:
    await affected(dba, "UPDATE user_source_access SET access_level = 'admin' WHERE user_id = $1", "ben")
    await affected(dba, "DELETE FROM users WHERE id = $1", "ann")
    row = await dba.fetchrow(
        "SELECT s.created_by, a.granted_by, a.user_id FROM data_sources AS s"
        " JOIN user_source_access AS a ON a.source_id = s.id WHERE a.access_level = 'admin'"
    )
    assert tuple(row or ()) == (None, None, NAMED["ben"])


@pytest.mark.parametrize("column", ["home_id", "created_by", "granted_by", "user_id", "source_id"])
async def test_every_foreign_key_has_an_index_that_begins_with_it(dba: asyncpg.Connection, column: str) -> None:
    bare = await dba.fetch(
        "SELECT c.conname FROM pg_constraint AS c JOIN pg_attribute AS a"
        " ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]"
        " WHERE c.contype = 'f' AND c.conrelid::regclass::text = ANY ($1) AND a.attname = $2 AND NOT EXISTS ("
        " SELECT FROM pg_index AS i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1])",
        *(TABLES, column),
    )
    assert bare == []


# Triggers

TRIGGERS = {
    "homes": {
        "_050_check_timezone_insert", "_050_check_timezone_update", "_050_lock_what_stands_there",
        "_100_touch_updated_at", "_500_note_stale_days", "_900_audit", "_950_add_first_member",
    },
    "data_sources": {
        "_050_check_home_insert", "_050_check_home_update", "_050_lock_followers", "_100_touch_updated_at",
        "_500_note_stale_days",
        "_500_rebuild_days", "_500_sense_otherwise", "_600_note_move_delete", "_600_note_move_update",
        "_800_audit_deletion", "_900_audit",
    },
    "user_source_access": {
        "_500_keep_an_admin_delete", "_500_keep_an_admin_update", "_600_gain_source",
        "_600_leave_tombstone_delete", "_600_leave_tombstone_update", "_900_audit",
    },
}  # fmt: skip


@pytest.mark.parametrize("table", TABLES)
async def test_every_trigger_is_known(dba: asyncpg.Connection, table: str) -> None:
    assert await triggers_of(dba, table) == TRIGGERS[table]


@pytest.mark.parametrize("zone", ["FOO3", "europe/copenhagen", "posix/UTC", "UTC ", "+02", "localtime"])
async def test_a_zone_is_one_that_postgresql_lists(dba: asyncpg.Connection, zone: str) -> None:
    for sql in ("INSERT INTO homes (name, timezone) VALUES ('x', $1)", "UPDATE homes SET timezone = $1"):
        with pytest.raises(asyncpg.CheckViolationError) as broken:
            async with dba.transaction():
                await dba.execute(sql, zone)
        assert broken.value.constraint_name == "homes_timezone_known"
    for known in ("UTC", "Europe/Copenhagen", "Asia/Kathmandu"):
        await dba.execute("INSERT INTO homes (name, timezone) VALUES ('x', $1)", known)


@pytest.mark.parametrize("place", ["cabin", "unknown"])
async def test_a_source_is_put_only_into_a_home_where_one_may_write(dba: asyncpg.Connection, place: str) -> None:
    await act_as(dba, "ann", "private")
    calls = [
        "UPDATE data_sources SET home_id = $1",
        ("SELECT FROM homelog.create_source(NULL, 'x', NULL, 'x', 'x', 'gauge', $1, NULL, NULL, NULL, NULL, false)"),
    ]
    said = set()
    for sql in calls:
        with pytest.raises(asyncpg.ForeignKeyViolationError) as broken:
            async with dba.transaction():
                await dba.execute(sql, NAMED[place])
        assert (broken.value.constraint_name, broken.value.column_name) == (
            "data_sources_home_id_fkey", "home_id",
        )  # fmt: skip
        said.add(str(broken.value))
        assert await affected(dba, sql, "house") == 1
    assert said == {"There is no such home where you may put things."}


@pytest.mark.parametrize("table", ["homes", "data_sources"])
async def test_the_stamp_of_a_changed_row_climbs_even_within_a_transaction(dba: asyncpg.Connection, table: str) -> None:
    change = f"UPDATE {table} SET name = 'x', updated_at = '2000-01-01' RETURNING id, updated_at"  # noqa: S608
    first = {row[0]: row[1] for row in await dba.fetch(change)}
    second = {row[0]: row[1] for row in await dba.fetch(change)}
    assert all(second[row] > first[row] for row in first)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM user_source_access WHERE user_id = $1",
        "UPDATE user_source_access SET access_level = 'write' WHERE user_id = $1",
    ],
)
async def test_a_source_keeps_an_admin(dba: asyncpg.Connection, sql: str) -> None:
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as broken:
        async with dba.transaction():
            await affected(dba, sql, "ann")
    assert broken.value.constraint_name == "user_source_access_last_admin"
    await dba.execute("INSERT INTO user_source_access SELECT $1, id, 'admin' FROM data_sources", NAMED["dan"])
    # One who is not active is none to leave it to.
    await affected(dba, "UPDATE users SET is_active = false WHERE id = $1", "dan")
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        async with dba.transaction():
            await affected(dba, sql, "ann")
    await affected(dba, "UPDATE users SET is_active = true WHERE id = $1", "dan")
    assert await affected(dba, sql, "ann") == 2


@pytest.mark.parametrize(
    ("sql", "what", "event"),
    [
        ("INSERT INTO homes (id, name) VALUES ($1, 'x')", "unknown", "create_home"),
        ("UPDATE homes SET name = 'x' WHERE id = $1", "house", "update_home"),
        ("UPDATE homes SET name = name WHERE id = $1", "house", None),
        ("DELETE FROM homes WHERE id = $1", "cabin", "delete_home"),
        (
            "INSERT INTO data_sources (id, name, source_type, unit) VALUES ($1, 'x', 'x', 'x')",
            "unknown",
            "create_source",
        ),
        ("UPDATE data_sources SET name = 'x' WHERE id = $1", "private", "update_source"),
        ("UPDATE data_sources SET name = name WHERE id = $1", "private", None),
        ("DELETE FROM data_sources WHERE id = $1", "public", "delete_source"),
        (
            "INSERT INTO user_source_access SELECT $1, id, 'read' FROM data_sources WHERE is_public",
            "dan",
            "grant_access",
        ),
        (
            "UPDATE user_source_access SET access_level = 'write' WHERE user_id = $1",
            "cat",
            "change_access",
        ),
        ("DELETE FROM user_source_access WHERE user_id = $1", "cat", "revoke_access"),
    ],
)
async def test_a_change_leaves_one_audit_row_in_the_name_of_who_made_it(
    dba: asyncpg.Connection, sql: str, what: str, event: str | None
) -> None:
    await dba.execute("SELECT set_config('homelog.user_id', $1, true)", str(NAMED["ann"]))
    before = await dba.fetchval("SELECT coalesce(max(id), 0) FROM audit_logs")
    assert await affected(dba, sql, what) == 1
    rows = await dba.fetch(
        "SELECT user_id, source_id IS NOT NULL FROM audit_logs WHERE id > $1 AND event_type = $2",
        *(before, event),
    )
    of_source = event is not None and not event.endswith("_home")
    assert [tuple(row) for row in rows] == ([(NAMED["ann"], of_source)] if event else [])
    if event is None:
        assert await dba.fetchval("SELECT count(*) FROM audit_logs WHERE id > $1", before) == 0


# Policies. Each line: the policy; the sources that the request names; a statement; how many rows each person
# sees or changes (anyone not told of: 0), None for refused outright.

SEE_GRANTS = "SELECT FROM user_source_access WHERE source_id = $1"
INSERT_HOME = "INSERT INTO homes (name) VALUES ('x')"
Rows = dict[str, int | None]
POLICIES: list[tuple[str, tuple[str, ...], str, tuple[str, ...], Rows]] = [
    ("homes.select_reader", (), "SELECT FROM homes", (), {"ann": 1, "dan": 1}),
    ("homes.insert_writer", (), INSERT_HOME, (), {**dict.fromkeys(EVERYONE, 1), "nobody": None}),
    ("homes.update_admin", (), "UPDATE homes SET name = 'x' WHERE id = $1", ("house",), {"ann": 1}),
    ("homes.delete_admin", (), "DELETE FROM homes WHERE id = $1", ("house",), {"ann": 1}),
    ("data_sources.select_reader", (), "SELECT FROM data_sources", (), {}),
    (
        "data_sources.select_reader", ("private",), "SELECT FROM data_sources", (),
        {"ann": 1, "ben": 1, "cat": 1},
    ),
    (
        "data_sources.select_reader", ("public",), "SELECT FROM data_sources", (),
        dict.fromkeys(EVERYONE, 1),
    ),
    (
        "data_sources.update_admin", ("private",), "UPDATE data_sources SET name = 'x' WHERE id = $1",
        ("private",), {"ann": 1},
    ),
    (
        "data_sources.update_admin", ("public",), "UPDATE data_sources SET name = 'x' WHERE id = $1",
        ("private",), {},
    ),
    (
        "data_sources.update_admin", ("public",), "UPDATE data_sources SET name = 'x' WHERE id = $1",
        ("public",), {"ann": 1},
    ),
    (
        "data_sources.delete_admin", ("private", "public"), "DELETE FROM data_sources", (), {"ann": 2},
    ),
    (
        "user_source_access.select_reader", ("private",), SEE_GRANTS, ("private",),
        {"ann": 3, "ben": 1, "cat": 1},
    ),
    ("user_source_access.select_reader", (), SEE_GRANTS, ("private",), {"ann": 1, "ben": 1, "cat": 1}),
    ("user_source_access.select_reader", ("public",), SEE_GRANTS, ("public",), {"ann": 1}),
    (
        "user_source_access.insert_admin", ("private",), GRANT, ("dan", "private"),
        {**dict.fromkeys(EVERYONE), "ann": 1},
    ),
    (
        "user_source_access.insert_admin", ("public",), GRANT, ("dan", "public"),
        {**dict.fromkeys(EVERYONE), "ann": 1},
    ),
    ("user_source_access.insert_admin", (), GRANT, ("dan", "private"), dict.fromkeys(EVERYONE)),
    (
        "user_source_access.update_admin", ("private",),
        "UPDATE user_source_access SET access_level = 'write' WHERE user_id = $1", ("cat",), {"ann": 1},
    ),
    (
        "user_source_access.delete_admin", ("private",),
        "DELETE FROM user_source_access WHERE user_id = $1", ("cat",), {"ann": 1, "cat": 1},
    ),
    (
        "user_source_access.delete_admin", ("public",),
        "DELETE FROM user_source_access WHERE user_id = $1", ("ben",), {"ben": 1},
    ),
]  # fmt: skip


@pytest.mark.parametrize("person", EVERYONE)
@pytest.mark.parametrize(("policy", "named", "sql", "names", "rows"), POLICIES, ids=[policy for policy, *_ in POLICIES])
async def test_row_security_shows_and_changes_no_more_than_was_granted(
    dba: asyncpg.Connection,
    policy: str,
    named: tuple[str, ...],
    sql: str,
    names: tuple[str, ...],
    rows: Rows,
    person: str,
) -> None:
    await act_as(dba, person, *named)
    expected = rows.get(person, 0)
    if expected is None:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await affected(dba, sql, *names)
    else:
        assert await affected(dba, sql, *names) == expected


@pytest.mark.parametrize(("person", "seen"), [("ann", 2), ("ben", 1), ("cat", 1), ("dan", 0), ("nobody", 0)])
async def test_a_request_that_spans_all_sees_what_was_granted_and_nothing_public(
    dba: asyncpg.Connection, person: str, seen: int
) -> None:
    await act_as(dba, person, every=True)
    assert await affected(dba, "SELECT FROM data_sources") == seen
    assert len(await dba.fetchval("SELECT homelog.granted_sources()")) == seen


async def test_nobody_acts_as_an_account_that_was_deactivated(dba: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.PostgresError) as refused:
        await act_as(dba, "off")
    assert refused.value.sqlstate == "HL401"


@pytest.mark.parametrize("table", TABLES)
async def test_without_an_identity_the_service_sees_nothing(dba: asyncpg.Connection, table: str) -> None:
    await dba.execute("SET LOCAL ROLE homelog_api")
    assert await affected(dba, f"SELECT FROM {table}") == 0


@pytest.mark.parametrize("table", TABLES)
async def test_the_owner_does_all_and_operators_read_all(dba: asyncpg.Connection, table: str) -> None:
    count = await dba.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608
    await dba.execute("SET LOCAL ROLE homelog_ops")
    assert await affected(dba, f"SELECT FROM {table}") == count
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with dba.transaction():
            await dba.execute(f"DELETE FROM {table}")  # noqa: S608
    await dba.execute("SET LOCAL ROLE homelog_owner")
    assert await affected(dba, f"SELECT FROM {table}") == count
    if table != "user_source_access":
        assert await affected(dba, f"DELETE FROM {table}") == count  # noqa: S608


async def test_every_policy_is_tested(dba: asyncpg.Connection) -> None:
    rows = await dba.fetch("SELECT tablename || '.' || policyname FROM pg_policies WHERE tablename = ANY ($1)", TABLES)
    everywhere = {f"{table}.{policy}" for table in TABLES for policy in ("owner_all", "select_ops")}
    assert {row[0] for row in rows} == everywhere | {policy for policy, *_ in POLICIES}
    forced = await dba.fetch(
        "SELECT relname FROM pg_class WHERE relname = ANY ($1) AND relrowsecurity AND relforcerowsecurity",
        TABLES,
    )
    assert {row[0] for row in forced} == set(TABLES)


# Grants: what the service may write; every other column is the server's.

SOURCE_COLUMNS = {
    "name", "description", "source_type", "unit", "kind", "home_id", "meter_number", "place_name", "address",
    "thumbnail_url", "is_public",
}  # fmt: skip
WRITABLE = {
    ("homes", "INSERT"): {"id", "name", "address", "timezone"},
    ("homes", "UPDATE"): {"name", "address", "timezone"},
    ("data_sources", "INSERT"): set(),
    ("data_sources", "UPDATE"): SOURCE_COLUMNS,
    ("user_source_access", "INSERT"): {"user_id", "source_id", "access_level"},
    ("user_source_access", "UPDATE"): {"access_level"},
}


@pytest.mark.parametrize(("table", "verb"), WRITABLE)
async def test_the_service_writes_no_column_that_is_the_servers(dba: asyncpg.Connection, table: str, verb: str) -> None:
    rows = await dba.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0"
        " AND NOT attisdropped AND has_column_privilege('homelog_api', attrelid, attnum, $2)",
        *(table, verb),
    )
    assert {row[0] for row in rows} == WRITABLE[table, verb]


# Functions that cross the line

MAKE = (
    "SELECT verdict, (source).id, (source).created_by"
    " FROM homelog.create_source($1, $2, NULL, 'x', 'x', 'gauge', NULL, NULL, NULL, NULL, NULL, false)"
)


async def test_making_a_source_makes_its_maker_its_admin(dba: asyncpg.Connection) -> None:
    await act_as(dba, "dan")
    wanted = uuid4()
    for verdict, name in (("created", "x"), ("stored", "x"), ("conflict", "y")):
        row = await dba.fetchrow(MAKE, wanted, name)
        assert tuple(row or ()) == ((verdict, wanted, NAMED["dan"]) if verdict != "conflict" else (verdict, None, None))
    await act_as(dba, "dan", every=True)
    assert await dba.fetchval("SELECT homelog.administered_sources()") == [wanted]
    await act_as(dba, "ann")
    assert await dba.fetchval(MAKE, wanted, "x") == "conflict"


async def test_nobody_makes_no_source(dba: asyncpg.Connection) -> None:
    await act_as(dba, "nobody")
    with pytest.raises(asyncpg.PostgresError) as refused:
        await dba.fetchrow(MAKE, None, "x")
    assert refused.value.sqlstate == "HL401"


@pytest.mark.parametrize("person", EVERYONE)
async def test_only_a_sources_admins_learn_who_its_people_are(dba: asyncpg.Connection, person: str) -> None:
    await act_as(dba, person, "private", "public")
    people = await dba.fetch("SELECT email FROM homelog.people_of_source($1)", NAMED["private"])
    grantee = "SELECT email FROM homelog.find_grantee($1, $2, $3)"
    found = await dba.fetch(grantee, NAMED["private"], None, "DAN@example.org")
    assert (len(people), [row["email"] for row in found]) == ((3, ["dan@example.org"]) if person == "ann" else (0, []))
    if person != "ann":
        assert await dba.fetch(grantee, NAMED["private"], NAMED["unknown"], None) == []


@pytest.mark.parametrize(
    ("user", "email", "column"),
    [
        ("unknown", None, "user_id"),
        ("off", None, "user_id"),
        ("unknown", "ben@example.org", "user_id"),
        (None, "off@example.org", "email"),
        (None, "unknown@example.org", "email"),
        (None, None, "email"),
    ],
)
async def test_a_grantee_is_an_active_account(
    dba: asyncpg.Connection, user: str | None, email: str | None, column: str
) -> None:
    await act_as(dba, "ann", "private")
    with pytest.raises(asyncpg.ForeignKeyViolationError) as refused:
        await dba.fetch(
            "SELECT user_id FROM homelog.find_grantee($1, $2, $3)",
            *(NAMED["private"], NAMED[user] if user else None, email),
        )
    assert refused.value.column_name == column
    assert refused.value.constraint_name == "user_source_access_user_id_fkey"
