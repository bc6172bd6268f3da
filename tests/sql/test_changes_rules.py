"""The rules of what is noted for the change feed, as they hold for whoever reaches the database."""

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

TABLES = [
    "changed_sources", "changed_days", "gained_homes", "gained_sources", "moved_things", "place_tombstones",
    "source_tombstones", "user_tombstones",
]  # fmt: skip
HIDDEN = {"gained_homes", "gained_sources", "moved_things", "place_tombstones"}
"""Those that the service asks functions about."""
READABLE = {"owner_all", "select_ops", "select_reader"}

# Each line: the constraint, and a statement that breaks it.
GRANT = "INSERT INTO gained_sources (user_id, source_id) VALUES "
MEMBER = "INSERT INTO gained_homes (home_id, user_id) VALUES "
PLACE_TOMBSTONE = "INSERT INTO place_tombstones (place_id, id, type, op) VALUES "
SOURCE_TOMBSTONE = "INSERT INTO source_tombstones (source_id, id, type) VALUES "
USER_TOMBSTONE = "INSERT INTO user_tombstones (user_id, id, type, op) VALUES "
BREAKS = [
    ("changed_sources_pkey", "INSERT INTO changed_sources VALUES ('{private}')"),
    ("changed_sources_source_id_not_null", "INSERT INTO changed_sources VALUES (NULL)"),
    ("changed_sources_source_id_fkey", "INSERT INTO changed_sources VALUES ('{nothing}')"),
    ("changed_days_pkey", "INSERT INTO changed_days VALUES ('{private}', '2026-01-01')"),
    ("changed_days_source_id_not_null", "INSERT INTO changed_days VALUES (NULL, '2026-01-01')"),
    ("changed_days_day_not_null", "INSERT INTO changed_days VALUES ('{private}', NULL)"),
    ("changed_days_source_id_fkey", "INSERT INTO changed_days VALUES ('{nothing}', '2026-01-01')"),
    ("gained_sources_pkey", GRANT + "('{ann}', '{private}')"),
    ("gained_sources_user_id_not_null", GRANT + "(NULL, '{private}')"),
    ("gained_sources_source_id_not_null", GRANT + "('{ann}', NULL)"),
    ("gained_sources_source_id_user_id_fkey", GRANT + "('{dan}', '{private}')"),
    ("gained_homes_pkey", MEMBER + "('{house}', '{ann}')"),
    ("gained_homes_home_id_not_null", MEMBER + "(NULL, '{ann}')"),
    ("gained_homes_user_id_not_null", MEMBER + "('{house}', NULL)"),
    ("gained_homes_home_id_user_id_fkey", MEMBER + "('{house}', '{dan}')"),
    ("moved_things_pkey", "INSERT INTO moved_things VALUES ('plant', '{fern}')"),
    ("moved_things_type_not_null", "INSERT INTO moved_things VALUES (NULL, '{x}')"),
    ("moved_things_id_not_null", "INSERT INTO moved_things VALUES ('plant', NULL)"),
    (
        "place_tombstones_pkey",
        PLACE_TOMBSTONE + "('{house}', '{x}', 'plant', 'lost'), ('{house}', '{x}', 'plant', 'lost')",
    ),
    ("place_tombstones_place_id_not_null", PLACE_TOMBSTONE + "(NULL, '{x}', 'plant', 'lost')"),
    ("place_tombstones_xid_not_null", "UPDATE place_tombstones SET xid = NULL"),
    ("place_tombstones_id_not_null", PLACE_TOMBSTONE + "('{house}', NULL, 'plant', 'lost')"),
    ("place_tombstones_type_not_null", PLACE_TOMBSTONE + "('{house}', '{x}', NULL, 'lost')"),
    ("place_tombstones_op_not_null", PLACE_TOMBSTONE + "('{house}', '{x}', 'plant', NULL)"),
    ("place_tombstones_deleted_at_not_null", "UPDATE place_tombstones SET deleted_at = NULL"),
    ("place_tombstones_op_gone", PLACE_TOMBSTONE + "('{house}', '{x}', 'plant', 'upsert')"),
    ("source_tombstones_pkey", SOURCE_TOMBSTONE + "('{private}', '{x}', 'reading'), ('{private}', '{x}', 'reading')"),
    ("source_tombstones_source_id_not_null", SOURCE_TOMBSTONE + "(NULL, '{x}', 'reading')"),
    ("source_tombstones_xid_not_null", "UPDATE source_tombstones SET xid = NULL"),
    ("source_tombstones_id_not_null", SOURCE_TOMBSTONE + "('{private}', NULL, 'reading')"),
    ("source_tombstones_type_not_null", SOURCE_TOMBSTONE + "('{private}', '{x}', NULL)"),
    ("source_tombstones_deleted_at_not_null", "UPDATE source_tombstones SET deleted_at = NULL"),
    ("user_tombstones_pkey", USER_TOMBSTONE + "('{ann}', '{x}', 'home', 'lost'), ('{ann}', '{x}', 'home', 'delete')"),
    ("user_tombstones_user_id_not_null", USER_TOMBSTONE + "(NULL, '{x}', 'home', 'lost')"),
    ("user_tombstones_xid_not_null", "UPDATE user_tombstones SET xid = NULL"),
    ("user_tombstones_id_not_null", USER_TOMBSTONE + "('{ann}', NULL, 'home', 'lost')"),
    ("user_tombstones_type_not_null", USER_TOMBSTONE + "('{ann}', '{x}', NULL, 'lost')"),
    ("user_tombstones_op_not_null", USER_TOMBSTONE + "('{ann}', '{x}', 'home', NULL)"),
    ("user_tombstones_deleted_at_not_null", "UPDATE user_tombstones SET deleted_at = NULL"),
    ("user_tombstones_op_gone", USER_TOMBSTONE + "('{ann}', '{x}', 'home', 'upsert')"),
]

TOMBSTONES = """
SELECT type::text, 'delete', id FROM source_tombstones WHERE id <> '{gone reading}'
UNION ALL
SELECT type::text, op::text, id FROM user_tombstones WHERE user_id = '{ann}' AND id <> '{gone home}'
ORDER BY 1, 2, 3
"""


@pytest.mark.parametrize(("constraint", "sql"), BREAKS)
async def test_a_constraint_holds(dba: asyncpg.Connection, constraint: str, sql: str) -> None:
    await assert_breaks(dba, constraint, sql)


async def test_every_constraint_is_known(dba: asyncpg.Connection) -> None:
    assert await constraints_of(dba, TABLES) == {constraint for constraint, _ in BREAKS}


@pytest.mark.parametrize("table", TABLES)
async def test_the_service_reads_and_only_triggers_write(dba: asyncpg.Connection, table: str) -> None:
    assert await triggers_of(dba, table) == set()
    assert await policies_of(dba, table) == READABLE - ({"select_reader"} if table in HIDDEN else set())
    for verb in ("INSERT", "UPDATE"):
        assert await granted_to(dba, "homelog_api", table, verb) == set()
        assert await granted_to(dba, "homelog_ops", table, verb) == set()


# What is gone, and what is noted of it for Ann


@pytest.mark.parametrize(
    ("sql", "noted"),
    [
        ("DELETE FROM readings WHERE id = '{reading}'", [("reading", "delete", "reading")]),
        ("UPDATE readings SET id = '{x}' WHERE id = '{reading}'", [("reading", "delete", "reading")]),
        ("UPDATE readings SET timestamp = timestamp - interval '9 days' WHERE id = '{reading}'", []),
        ("UPDATE readings SET value = 9", []),
        ("DELETE FROM data_validators", [("validator", "delete", "validator")]),
        ("UPDATE data_validators SET source_id = '{public}'", [("validator", "delete", "validator")]),
        ("UPDATE data_validators SET min_value = 1", []),
        ("DELETE FROM homes", [("home", "delete", "house")]),
        ("UPDATE homes SET created_by = '{ben}'", []),
        ("DELETE FROM home_members WHERE user_id = '{ann}'", [("home", "lost", "house")]),
        ("UPDATE homes SET name = 'x'", []),
        ("DELETE FROM plants", [("care", "delete", "watering"), ("plant", "delete", "fern")]),
        ("UPDATE plants SET user_id = '{ben}'", [("care", "lost", "watering"), ("plant", "lost", "fern")]),
        ("UPDATE plants SET name = 'x'", []),
        ("DELETE FROM care_events", []),  # of the plant
        ("UPDATE care_events SET note = 'x'", []),
        # With a source go its readings and rules, and nobody need be told of each.
        ("DELETE FROM data_sources WHERE id = '{private}'", [("source", "delete", "private")]),
        ("DELETE FROM user_source_access WHERE user_id = '{ann}'", None),
        ("UPDATE user_source_access SET access_level = 'admin'", []),
    ],
)
async def test_what_is_gone_is_noted(
    dba: asyncpg.Connection, sql: str, noted: list[tuple[str, str, str]] | None
) -> None:
    if noted is None:
        # The last admin does not go.
        await dba.execute("ALTER TABLE user_source_access DISABLE TRIGGER _500_keep_an_admin_delete")
        noted = [("source", "lost", "private"), ("source", "lost", "public")]
    if "home_members" in sql:
        await dba.execute("ALTER TABLE home_members DISABLE TRIGGER _500_keep_an_admin_delete")
    await dba.execute(said(sql))
    assert await rows_of(dba, TOMBSTONES) == sorted((type_, op, id_of(name)) for type_, op, name in noted)


@pytest.mark.parametrize(
    ("sql", "noted"),
    [
        ("UPDATE data_sources SET home_id = NULL", [("house", "source", "lost", "private")]),
        ("UPDATE plants SET home_id = NULL", [("house", "plant", "lost", "fern")]),
        ("DELETE FROM homes", [("house", "plant", "lost", "fern"), ("house", "source", "lost", "private")]),
        ("DELETE FROM data_sources", [("house", "source", "delete", "private")]),
        ("DELETE FROM plants", [("fern", "care", "delete", "watering"), ("house", "plant", "delete", "fern")]),
        ("DELETE FROM care_events", [("fern", "care", "delete", "watering")]),
        ("UPDATE plants SET user_id = '{ben}'", []),
        ("UPDATE plants SET name = 'x'", []),
    ],
)
async def test_what_left_a_home_or_a_plant_is_noted_there(
    dba: asyncpg.Connection, sql: str, noted: list[tuple[str, str, str, str]]
) -> None:
    await dba.execute(said(sql))
    left = "SELECT place_id, type::text, op::text, id FROM place_tombstones WHERE id <> '{gone plant}'"
    rows = await rows_of(dba, left)
    assert sorted(rows) == sorted((id_of(place), type_, op, id_of(name)) for place, type_, op, name in noted)


async def test_everyone_who_was_granted_a_source_learns_that_it_is_gone(dba: asyncpg.Connection) -> None:
    await dba.execute(said("DELETE FROM data_sources WHERE id = '{private}'"))
    rows = await rows_of(dba, "SELECT user_id FROM user_tombstones WHERE id = '{private}' AND op = 'delete'")
    assert {row[0] for row in rows} == {id_of("ann"), id_of("ben"), id_of("cat")}


async def test_an_account_goes_with_all_that_was_noted_for_it(dba: asyncpg.Connection) -> None:
    await dba.execute(said("DELETE FROM users WHERE id = '{ann}'"))
    assert await rows_of(dba, "SELECT FROM user_tombstones WHERE user_id = '{ann}'") == []
    assert await rows_of(dba, "SELECT FROM user_tombstones WHERE user_id = '{ben}' AND id = '{private}'") == [()]


async def test_a_source_that_goes_leaves_no_tombstone_a_reading(dba: asyncpg.Connection) -> None:
    await dba.execute(
        said(
            "INSERT INTO readings (source_id, timestamp, value)"
            " SELECT '{private}', '2026-02-01Z'::timestamptz + n * interval '1 minute', n"
            " FROM generate_series(1, 9999) AS n"
        )
    )
    await dba.execute(said("DELETE FROM data_sources WHERE id = '{private}'"))
    assert await affected(dba, "SELECT FROM source_tombstones WHERE source_id = '{private}'") == 1  # the cast's own
    assert await affected(dba, "SELECT FROM changed_days WHERE source_id = '{private}'") == 0


# What changed


async def test_days_are_noted_in_utc(dba: asyncpg.Connection) -> None:
    await dba.execute("SET LOCAL timezone = 'Pacific/Kiritimati'")
    await dba.execute("DELETE FROM changed_days")
    await dba.execute(
        said(
            "INSERT INTO readings (source_id, timestamp, value) VALUES ('{public}', '2026-03-01 23:59:59.999999Z', 1),"
            " ('{public}', '2026-03-02 00:00Z', 2), ('{private}', '2026-03-02 12:00Z', 3)"
        )
    )
    rows = await rows_of(dba, "SELECT source_id, day::text FROM changed_days")
    assert set(rows) == {
        (id_of("public"), "2026-03-01"),
        (id_of("public"), "2026-03-02"),
        (id_of("private"), "2026-03-02"),
    }


async def test_a_day_is_noted_anew_by_each_transaction_and_once_by_one(dba: asyncpg.Connection) -> None:
    first = "SELECT ctid, xmin = pg_current_xact_id()::xid FROM changed_days WHERE source_id = '{public}'"
    ((place, ours),) = await rows_of(dba, first)
    assert not ours
    await dba.execute(said("UPDATE readings SET value = 5 WHERE source_id = '{public}'"))
    ((moved, ours),) = await rows_of(dba, first)
    assert ours
    assert moved != place
    await dba.execute(said("UPDATE readings SET value = 6 WHERE source_id = '{public}'"))
    assert await rows_of(dba, first) == [(moved, True)]


async def test_a_level_that_changes_is_no_new_grant(dba: asyncpg.Connection) -> None:
    ours = "SELECT count(*) FROM gained_sources WHERE xmin = pg_current_xact_id()::xid"
    await dba.execute(said("UPDATE user_source_access SET access_level = 'admin' WHERE user_id = '{cat}'"))
    assert await rows_of(dba, ours) == [(0,)]
    await dba.execute(said("INSERT INTO user_source_access VALUES ('{dan}', '{private}', 'read')"))
    assert await rows_of(dba, ours) == [(1,)]


# What is forgotten


@pytest.mark.parametrize(("keep", "age", "kept"), [(0, 90, 1), (0, 92, 0), (365, 200, 1), (365, 367, 0)])
async def test_tombstones_are_kept_as_long_as_a_cursor_may_ask(
    dba: asyncpg.Connection, keep: int, age: int, kept: int
) -> None:
    for table in ("source_tombstones", "user_tombstones"):
        await dba.execute(f"DELETE FROM {table}")  # noqa: S608
    await dba.execute(said(USER_TOMBSTONE + "('{ann}', '{x}', 'home', 'delete')"))
    await dba.execute("UPDATE user_tombstones SET deleted_at = now() - $1 * interval '1 day'", age)
    await dba.execute("SET LOCAL ROLE homelog_owner")
    assert await dba.fetchval(f"SELECT homelog.forget_tombstones('{keep} days')") == 1 - kept
    assert await affected(dba, "SELECT FROM user_tombstones") == kept


async def test_the_service_forgets_nothing_itself(dba: asyncpg.Connection) -> None:
    await act_as(dba, "ann")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await dba.execute("SELECT homelog.forget_tombstones('0')")
