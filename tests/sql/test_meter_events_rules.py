"""The rules of meter_events, as they hold for whoever reaches the database.

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
    row_of,
    rows_of,
    told,
    triggers_of,
)

EVENT = "INSERT INTO meter_events (source_id, at, kind) VALUES "
EVENT_OF_ID = "INSERT INTO meter_events (id, source_id, at, kind) VALUES "
SET_EVENT = "UPDATE meter_events SET "

# Constraints. Each line: the constraint, and a statement that breaks it.

BROKEN = [
    ("meter_events_pkey", EVENT_OF_ID + "('{swap}', '{private}', now(), 'swap')"),
    ("meter_events_source_id_at_key", EVENT + "('{private}', '2026-01-02 13:00+01', 'reset')"),
    ("meter_events_source_id_fkey", EVENT + "('{unknown}', now(), 'swap')"),
    ("meter_events_created_by_fkey", SET_EVENT + "created_by = '{unknown}'"),
    ("meter_events_at_range", EVENT + "('{private}', '1969-12-31 23:59:59.999999Z', 'swap')"),
    ("meter_events_at_range", EVENT + "('{private}', '10000-01-01 00:00Z', 'swap')"),
    ("meter_events_at_range", SET_EVENT + "at = 'infinity'"),
    ("meter_events_at_range", SET_EVENT + "at = '-infinity'"),
    ("meter_events_old_value_finite", SET_EVENT + "old_value = 'NaN'"),
    ("meter_events_old_value_finite", SET_EVENT + "old_value = 'Infinity'"),
    ("meter_events_old_value_finite", SET_EVENT + "old_value = '-Infinity'"),
    ("meter_events_new_value_finite", SET_EVENT + "new_value = 'NaN'"),
    ("meter_events_new_value_finite", SET_EVENT + "new_value = 'Infinity'"),
    ("meter_events_new_value_finite", SET_EVENT + "new_value = '-Infinity'"),
    ("meter_events_id_not_null", SET_EVENT + "id = NULL"),
    ("meter_events_source_id_not_null", SET_EVENT + "source_id = NULL"),
    ("meter_events_at_not_null", SET_EVENT + "at = NULL"),
    ("meter_events_kind_not_null", SET_EVENT + "kind = NULL"),
    ("meter_events_created_at_not_null", SET_EVENT + "created_at = NULL"),
]


@pytest.mark.parametrize(("constraint", "sql"), BROKEN)
async def test_a_constraint_holds_even_for_a_dba(dba: asyncpg.Connection, constraint: str, sql: str) -> None:
    await assert_breaks(dba, constraint, sql)


async def test_every_constraint_is_tested(dba: asyncpg.Connection) -> None:
    assert await constraints_of(dba, ["meter_events"]) == {constraint for constraint, _ in BROKEN}


@pytest.mark.parametrize(
    "sql",
    [
        EVENT + "('{private}', '1970-01-01 00:00Z', 'swap')",
        EVENT + "('{private}', '9999-12-31 23:59:59.999999Z', 'rollover')",
        EVENT + "('{private}', '2026-01-02 12:00:00.000001Z', 'reset')",
        SET_EVENT + "old_value = 1.7976931348623157e308, new_value = -1.7976931348623157e308 WHERE id = '{swap}'",
    ],
)
async def test_what_lies_on_the_edge_is_taken(dba: asyncpg.Connection, sql: str) -> None:
    assert await affected(dba, sql) == 1


# Only a counter


@pytest.mark.parametrize("kind", ["gauge", "delta"])
async def test_what_does_not_count_up_has_no_events_even_for_a_dba(dba: asyncpg.Connection, kind: str) -> None:
    await affected(dba, f"UPDATE data_sources SET kind = '{kind}' WHERE id = '{{public}}'")  # noqa: S608
    await assert_breaks(dba, "meter_events_of_counter", EVENT + "('{public}', now(), 'swap')")
    moved = SET_EVENT + "source_id = '{public}', at = now() WHERE id = '{swap}'"
    await assert_breaks(dba, "meter_events_of_counter", moved)


async def test_who_may_not_write_is_not_told_what_the_source_is(dba: asyncpg.Connection) -> None:
    await act_as(dba, "dan", "public")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await affected(dba, EVENT + "('{public}', now(), 'swap')")


async def test_an_event_outlives_that_its_source_counted(dba: asyncpg.Connection) -> None:
    await affected(dba, "UPDATE data_sources SET kind = 'gauge' WHERE id = '{private}'")
    assert await affected(dba, SET_EVENT + "new_value = 1 WHERE id = '{swap}'") == 1
    again = EVENT_OF_ID + "('{swap}', '{private}', now(), 'swap') ON CONFLICT DO NOTHING"
    assert await affected(dba, again) == 0


# The audit


async def test_what_a_dba_does_is_told(dba: asyncpg.Connection) -> None:
    await affected(dba, EVENT_OF_ID + "('{new}', '{private}', '2026-03-01 00:00Z', 'reset')")
    await affected(dba, SET_EVENT + "old_value = 9 WHERE id = '{new}'")
    await affected(dba, "DELETE FROM meter_events WHERE id = '{new}'")
    log = await told(dba, "event_type, source_id, details")
    assert [row[:2] for row in log] == [
        (f"{verb}_meter_event", id_of("private")) for verb in ("create", "update", "delete")
    ]
    created, changed, deleted = (json.loads(row[2]) for row in log)
    assert (created["id"], created["kind"]) == (str(id_of("new")), "reset")
    assert changed == {"id": str(id_of("new")), "old_value": {"old": None, "new": 9}}
    assert deleted["old_value"] == 9


async def test_events_that_go_with_their_source_are_not_told_of_one_by_one(dba: asyncpg.Connection) -> None:
    await affected(dba, "DELETE FROM data_sources WHERE id = '{private}'")
    assert await affected(dba, "SELECT FROM meter_events") == 1
    assert "delete_meter_event" not in {row[0] for row in await told(dba)}


# Who may


async def test_every_trigger_and_policy_is_known(dba: asyncpg.Connection) -> None:
    assert await triggers_of(dba, "meter_events") == {
        "_200_require_counter", "_450_keep_horizon", "_600_leave_tombstone_delete", "_600_leave_tombstone_update",
        "_900_audit",
    }  # fmt: skip
    assert await policies_of(dba, "meter_events") == {
        "owner_all", "select_ops", "select_reader", "insert_writer", "delete_writer",
    }  # fmt: skip


async def test_the_service_writes_no_column_that_is_the_servers(dba: asyncpg.Connection) -> None:
    writable = {"id", "source_id", "at", "kind", "old_value", "new_value"}
    assert await granted_to(dba, "homelog_api", "meter_events", "INSERT") == writable
    assert await granted_to(dba, "homelog_api", "meter_events", "UPDATE") == set()
    for verb in ("INSERT", "UPDATE"):
        assert await granted_to(dba, "homelog_ops", "meter_events", verb) == set()


PEOPLE = ["ann", "ben", "cat", "dan", "nobody"]
# The statement, and the rows that Ann (admin), Ben (write), Cat (read), Dan and nobody see or change; None: refused.
POLICIES: list[tuple[list[str], str, list[int | None]]] = [
    (["private"], "SELECT FROM meter_events", [1, 1, 1, 0, 0]),
    (["public"], "SELECT FROM meter_events", [1, 1, 1, 1, 1]),
    ([], "SELECT FROM meter_events", [0, 0, 0, 0, 0]),
    (["private"], EVENT + "('{private}', now(), 'swap')", [1, 1, None, None, None]),
    (["public"], EVENT + "('{private}', now(), 'swap')", [None] * 5),
    (["private"], EVENT + "('{unknown}', now(), 'swap')", [None] * 5),
    (["private", "public"], "DELETE FROM meter_events", [2, 1, 0, 0, 0]),
    (["public"], "DELETE FROM meter_events", [1, 0, 0, 0, 0]),
]


@pytest.mark.parametrize(("named", "sql", "rows"), POLICIES)
async def test_row_security_shows_and_changes_no_more_than_was_granted(
    dba: asyncpg.Connection, named: list[str], sql: str, rows: list[int | None]
) -> None:
    for person, expected in zip(PEOPLE, rows, strict=True):
        transaction = dba.transaction()
        await transaction.start()
        await act_as(dba, person, *named)
        if expected is None:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await affected(dba, sql)
        else:
            assert await affected(dba, sql) == expected, person
        await transaction.rollback()


async def test_an_event_noted_through_the_service_is_the_callers(dba: asyncpg.Connection) -> None:
    await act_as(dba, "ben", "private")
    made = await rows_of(dba, EVENT + "('{private}', now(), 'swap') RETURNING created_by, id IS NOT NULL, old_value")
    assert made == [(id_of("ben"), True, None)]


async def test_an_event_forgets_who_noted_it_when_they_go(dba: asyncpg.Connection) -> None:
    await affected(dba, SET_EVENT + "created_by = '{ben}' WHERE id = '{swap}'")
    await affected(dba, "DELETE FROM users WHERE id = '{ben}'")
    assert await row_of(dba, "SELECT created_by FROM meter_events WHERE id = '{swap}'") == (None,)


async def test_the_owner_does_all_and_operators_read_all(dba: asyncpg.Connection) -> None:
    await dba.execute("SET LOCAL ROLE homelog_ops")
    assert await affected(dba, "SELECT FROM meter_events") == 2
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with dba.transaction():
            await affected(dba, "DELETE FROM meter_events")
    await dba.execute("SET LOCAL ROLE homelog_owner")
    assert await affected(dba, "DELETE FROM meter_events") == 2
