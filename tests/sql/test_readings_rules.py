"""The rules of readings and data_validators, as they hold for whoever reaches the database.

What is tested is compared with the catalogue: a constraint, trigger, policy or grant that is new fails here until it
has its line.
"""

import json
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
    rows_of,
    told,
    triggers_of,
)

TABLES = ["readings", "data_validators"]

# Constraints. Each line: the constraint, and a statement that breaks it.

READING = "INSERT INTO readings (source_id, timestamp, value) VALUES "
READING_OF_ID = "INSERT INTO readings (id, source_id, timestamp, value) VALUES "
SET_READING = "UPDATE readings SET "
VALIDATOR = "INSERT INTO data_validators (source_id, "
SET_VALIDATOR = "UPDATE data_validators SET "

BROKEN = [
    ("readings_pkey", READING + "('{private}', '2026-01-01 00:00Z', 9)"),
    ("readings_pkey", READING + "('{private}', '2026-01-01 01:00+01', 9)"),
    ("readings_source_id_fkey", READING + "('{unknown}', '2026-02-01 00:00Z', 9)"),
    ("readings_value_finite", SET_READING + "value = 'NaN'"),
    ("readings_value_finite", SET_READING + "value = 'Infinity'"),
    ("readings_value_finite", SET_READING + "value = '-Infinity'"),
    ("readings_timestamp_range", READING + "('{private}', '1969-12-31 23:59:59.999999Z', 9)"),
    ("readings_timestamp_range", READING + "('{private}', '10000-01-01 00:00Z', 9)"),
    ("readings_timestamp_range", READING + "('{private}', 'infinity', 9)"),
    ("readings_timestamp_range", READING + "('{private}', '-infinity', 9)"),
    ("readings_notes_length", SET_READING + "notes = repeat('x', 10001)"),
    ("readings_metadata_object", SET_READING + "metadata = '[]'"),
    ("readings_metadata_object", SET_READING + "metadata = 'null'"),
    ("readings_metadata_object", SET_READING + "metadata = jsonb_build_object('x', repeat('x', 1000000))"),
    ("readings_id_not_null", SET_READING + "id = NULL"),
    ("readings_source_id_not_null", SET_READING + "source_id = NULL"),
    ("readings_value_not_null", SET_READING + "value = NULL"),
    ("readings_timestamp_not_null", SET_READING + "timestamp = NULL"),
    ("readings_recorded_at_not_null", SET_READING + "recorded_at = NULL"),
    ("readings_quality_flag_not_null", SET_READING + "quality_flag = NULL"),
    (
        "readings_updated_at_not_null",
        READING.replace("value)", "value, updated_at)") + "('{private}', now(), 1, NULL)",
    ),
    ("data_validators_pkey", VALIDATOR + "id, max_value) VALUES ('{private}', '{validator}', 1)"),
    ("data_validators_source_id_fkey", VALIDATOR + "max_value) VALUES ('{unknown}', 1)"),
    ("data_validators_created_by_fkey", SET_VALIDATOR + "created_by = '{unknown}'"),
    ("data_validators_some_rule", VALIDATOR + "action) VALUES ('{private}', 'flag')"),
    ("data_validators_some_rule", SET_VALIDATOR + "min_value = NULL"),
    ("data_validators_min_value_finite", SET_VALIDATOR + "min_value = 'NaN'"),
    ("data_validators_min_value_finite", SET_VALIDATOR + "min_value = '-Infinity'"),
    ("data_validators_max_value_finite", SET_VALIDATOR + "max_value = 'Infinity'"),
    ("data_validators_max_value_finite", SET_VALIDATOR + "max_value = 'NaN'"),
    ("data_validators_range_not_empty", SET_VALIDATOR + "max_value = -1"),
    ("data_validators_max_rate_positive", SET_VALIDATOR + "max_rate = 0"),
    ("data_validators_max_rate_positive", SET_VALIDATOR + "max_rate = -1"),
    ("data_validators_max_rate_positive", SET_VALIDATOR + "max_rate = 'Infinity'"),
    ("data_validators_max_rate_positive", SET_VALIDATOR + "max_rate = 'NaN'"),
    ("data_validators_id_not_null", SET_VALIDATOR + "id = NULL"),
    ("data_validators_source_id_not_null", SET_VALIDATOR + "source_id = NULL"),
    ("data_validators_non_decreasing_not_null", SET_VALIDATOR + "non_decreasing = NULL"),
    ("data_validators_action_not_null", SET_VALIDATOR + "action = NULL"),
    ("data_validators_created_at_not_null", SET_VALIDATOR + "created_at = NULL"),
    ("data_validators_updated_at_not_null", VALIDATOR + "max_value, updated_at) VALUES ('{private}', 1, NULL)"),
]


@pytest.mark.parametrize(("constraint", "sql"), BROKEN)
async def test_a_constraint_holds_even_for_a_dba(dba: asyncpg.Connection, constraint: str, sql: str) -> None:
    await assert_breaks(dba, constraint, sql)


async def test_every_constraint_is_tested(dba: asyncpg.Connection) -> None:
    assert await constraints_of(dba, TABLES) == {constraint for constraint, _ in BROKEN}


@pytest.mark.parametrize(
    "sql",
    [
        READING + "('{private}', '1970-01-01 00:00Z', 1.7976931348623157e308)",
        READING + "('{public}', '9999-12-31 23:59:59.999999Z', -1.7976931348623157e308)",
        READING + "('{private}', '2026-01-01 00:00:00.000001Z', 0)",
        READING + "('{public}', '2026-01-02 00:00Z', 5e-324)",
        VALIDATOR + "min_value, max_value) VALUES ('{private}', 1, 1)",
        VALIDATOR + "non_decreasing) VALUES ('{private}', true)",
    ],
)
async def test_what_lies_on_the_edge_is_taken(dba: asyncpg.Connection, sql: str) -> None:
    assert await affected(dba, sql) == 1


async def test_two_sources_may_give_one_id_to_their_readings(dba: asyncpg.Connection) -> None:
    # The key is the source and the time: nobody can occupy another's id.
    assert await affected(dba, READING_OF_ID + "('{reading}', '{public}', '2026-05-01 00:00Z', 1)") == 1


# What a DBA writes in psql is audited, statement by statement


async def test_an_insert_is_one_event_a_source_with_its_count_and_range(dba: asyncpg.Connection) -> None:
    await affected(
        dba,
        "INSERT INTO readings (source_id, timestamp, value)"
        " SELECT s, '2026-03-01 00:00Z'::timestamptz + n * interval '1 hour', n"
        " FROM generate_series(0, 99) AS n, unnest('{{{private},{public}}}'::uuid[]) AS s"
        " WHERE s = '{private}' OR n < 10",
    )
    log = await told(dba, "event_type, source_id, entry_id, user_id, details")
    assert sorted((event, json.loads(details)["count"]) for event, *_, details in log) == [
        ("create_entry", 10), ("create_entry", 100),
    ]  # fmt: skip
    details = {source: json.loads(each) for _, source, _, _, each in log}
    assert details[id_of("private")] == {
        "count": 100, "first": "2026-03-01T00:00:00+00:00", "last": "2026-03-05T03:00:00+00:00", "role": "postgres",
    }  # fmt: skip
    assert {(entry, user) for _, _, entry, user, _ in log} == {(None, None)}


async def test_one_reading_is_told_of_by_its_id(dba: asyncpg.Connection) -> None:
    await affected(dba, READING_OF_ID + "('{new}', '{private}', '2026-05-01 00:00Z', 1)")
    assert [row[0] for row in await told(dba, "entry_id")] == [id_of("new")]


async def test_an_update_tells_old_and_new_of_each_reading_that_changed(dba: asyncpg.Connection) -> None:
    await affected(dba, SET_READING + "value = 2, notes = 'read off again' WHERE source_id = '{private}' AND value = 1")
    await affected(dba, SET_READING + "quality_flag = 'bad' WHERE id = '{third reading}'")
    log = await told(dba, "event_type, source_id, entry_id, details")
    assert [(event, source, entry) for event, source, entry, _ in log] == [
        ("update_entry", id_of("private"), id_of("reading")),
        ("update_entry", id_of("private"), id_of("third reading")),
    ]
    assert [json.loads(details) for *_, details in log] == [
        {
            "timestamp": "2026-01-01T00:00:00+00:00",
            "old": {"value": 1, "quality_flag": "good"},
            "new": {"value": 2, "quality_flag": "good", "notes": "read off again"},
            "role": "postgres",
        },
        {
            "timestamp": "2026-01-03T00:00:00+00:00",
            "old": {"value": 3, "quality_flag": "good"},
            "new": {"value": 3, "quality_flag": "bad"},
            "role": "postgres",
        },
    ]


async def test_an_update_that_changes_nothing_is_no_event(dba: asyncpg.Connection) -> None:
    assert await affected(dba, SET_READING + "value = value") == 4
    assert await told(dba) == []


async def test_a_reading_that_is_moved_in_time_is_one_gone_and_one_come(dba: asyncpg.Connection) -> None:
    await affected(dba, SET_READING + "timestamp = '2026-06-01 00:00Z' WHERE id = '{reading}'")
    log = await told(dba, "event_type, entry_id")
    assert sorted(log) == [("create_entry", id_of("reading")), ("delete_entry", id_of("reading"))]


async def test_a_delete_tells_what_each_reading_was(dba: asyncpg.Connection) -> None:
    await affected(dba, "DELETE FROM readings WHERE source_id = '{private}'")
    log = await told(dba, "event_type, entry_id, details")
    assert sorted((json.loads(details)["old"]["value"], event, entry) for event, entry, details in log) == [
        (1, "delete_entry", id_of("reading")),
        (2, "delete_entry", id_of("another reading")),
        (3, "delete_entry", id_of("third reading")),
    ]


async def test_a_source_that_goes_is_told_of_once_and_none_of_its_readings(dba: asyncpg.Connection) -> None:
    await affected(dba, "DELETE FROM data_sources WHERE id = '{private}'")
    log = [(event, json.loads(details)) for event, details in await told(dba)]
    assert [event for event, _ in log if event in {"delete_source", "delete_entry"}] == ["delete_source"]
    assert dict(log)["delete_source"]["readings"] == 3
    assert await affected(dba, "SELECT FROM readings") == 1


async def test_a_source_without_readings_is_told_of_without_a_range(dba: asyncpg.Connection) -> None:
    await affected(dba, "INSERT INTO data_sources (id, name, source_type, unit) VALUES ('{new}', 'New', 'x', 'x')")
    await affected(dba, "DELETE FROM data_sources WHERE id = '{new}'")
    log = await told(dba)
    assert (log[-1][0], json.loads(log[-1][1])) == ("delete_source", {"name": "New", "readings": 0})


async def test_what_the_owners_functions_write_is_told_of_too(dba: asyncpg.Connection) -> None:
    await dba.execute("SET LOCAL ROLE homelog_owner")
    await affected(dba, SET_READING + "value = 9 WHERE id = '{reading}'")
    assert [row[0] for row in await told(dba)] == ["update_entry"]


async def test_the_services_own_statements_tell_of_themselves(dba: asyncpg.Connection) -> None:
    # log_batch and its kin write their audit row in the same statement; a trigger's would be a second one.
    await act_as(dba, "ben", "private")
    await affected(dba, READING + "('{private}', '2026-05-01 00:00Z', 1)")
    assert await told(dba) == []


async def test_the_stamp_of_a_changed_row_climbs_even_within_a_transaction(dba: asyncpg.Connection) -> None:
    for table in TABLES:
        change = f"UPDATE {table} SET updated_at = '2000-01-01' RETURNING updated_at"  # noqa: S608
        (first, *_), (second, *_) = [await rows_of(dba, change) for _ in range(2)]
        assert first < second


# Who may

GUARDS = {
    "readings": (
        {
            "_100_touch_updated_at",
            *("_300_judge_insert", "_300_judge_update", "_300_require_account"),
            *(
                f"{trigger}_{event}"
                for trigger in ("_400_keep_latest", "_500_roll_up")
                for event in ("insert", "update", "delete", "truncate")
            ),
            *(
                f"{trigger}_{event}"
                for trigger in ("_450_keep_horizon", "_600_track_changes", "_900_audit")
                for event in ("insert", "update", "delete")
            ),
        },
        {"owner_all", "select_ops", "select_reader", "insert_writer", "update_writer", "delete_writer"},
    ),
    "data_validators": (
        {"_100_touch_updated_at", "_600_leave_tombstone_delete", "_600_leave_tombstone_update", "_900_audit"},
        {"owner_all", "select_ops", "select_reader", "insert_admin", "update_admin", "delete_admin"},
    ),
}  # fmt: skip
WRITABLE = {
    ("readings", "INSERT"): {"id", "source_id", "value", "timestamp", "quality_flag", "notes", "metadata"},
    # Source and timestamp are what a reading is: they never change.
    ("readings", "UPDATE"): {"value", "quality_flag", "notes", "metadata"},
    ("data_validators", "INSERT"): {
        "id", "source_id", "min_value", "max_value", "non_decreasing", "max_rate", "action",
    },
    ("data_validators", "UPDATE"): {"min_value", "max_value", "non_decreasing", "max_rate", "action"},
}  # fmt: skip


@pytest.mark.parametrize("table", TABLES)
async def test_every_trigger_and_policy_is_known(dba: asyncpg.Connection, table: str) -> None:
    assert (await triggers_of(dba, table), await policies_of(dba, table)) == GUARDS[table]


@pytest.mark.parametrize(("table", "verb"), WRITABLE)
async def test_the_service_writes_no_column_that_is_the_servers(dba: asyncpg.Connection, table: str, verb: str) -> None:
    assert await granted_to(dba, "homelog_api", table, verb) == WRITABLE[table, verb]
    assert await granted_to(dba, "homelog_ops", table, verb) == set()


PEOPLE = ["ann", "ben", "cat", "dan", "nobody"]
# The statement, and the rows that Ann (admin), Ben (write), Cat (read), Dan and nobody see or change; None: refused.
POLICIES: list[tuple[str, list[str], str, list[int | None]]] = [
    ("readings.select_reader", ["private"], "SELECT FROM readings", [3, 3, 3, 0, 0]),
    ("readings.select_reader", ["public"], "SELECT FROM readings", [1, 1, 1, 1, 1]),
    ("readings.select_reader", ["private", "public"], "SELECT FROM readings", [4, 4, 4, 1, 1]),
    ("readings.select_reader", [], "SELECT FROM readings", [0, 0, 0, 0, 0]),
    ("readings.insert_writer", ["private"], READING + "('{private}', now(), 1)", [1, 1, None, None, None]),
    ("readings.insert_writer", ["public"], READING + "('{public}', now(), 1)", [1, None, None, None, None]),
    ("readings.insert_writer", ["public"], READING + "('{private}', now(), 1)", [None] * 5),
    ("readings.insert_writer", ["private"], READING + "('{unknown}', now(), 1)", [None] * 5),
    ("readings.update_writer", ["private", "public"], SET_READING + "value = 9", [4, 3, 0, 0, 0]),
    ("readings.delete_writer", ["private", "public"], "DELETE FROM readings", [4, 3, 0, 0, 0]),
    ("data_validators.select_reader", ["private"], "SELECT FROM data_validators", [1, 1, 1, 0, 0]),
    (
        "data_validators.insert_admin", ["private"], VALIDATOR + "max_value) VALUES ('{private}', 1)",
        [1, None, None, None, None],
    ),
    ("data_validators.update_admin", ["private"], SET_VALIDATOR + "min_value = 1", [1, 0, 0, 0, 0]),
    ("data_validators.delete_admin", ["private"], "DELETE FROM data_validators", [1, 0, 0, 0, 0]),
]  # fmt: skip


@pytest.mark.parametrize(("policy", "named", "sql", "rows"), POLICIES)
async def test_row_security_shows_and_changes_no_more_than_was_granted(
    dba: asyncpg.Connection, policy: str, named: list[str], sql: str, rows: list[int | None]
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


async def test_every_policy_is_tested(dba: asyncpg.Connection) -> None:
    policies = {f"{table}.{policy}" for table in TABLES for policy in await policies_of(dba, table)}
    for table in TABLES:
        policies -= {f"{table}.owner_all", f"{table}.select_ops"}
    assert policies == {policy for policy, *_ in POLICIES}


async def test_a_strangers_public_source_shows_no_rules(dba: asyncpg.Connection) -> None:
    await affected(dba, "INSERT INTO data_validators (source_id, max_value) VALUES ('{public}', 9)")
    await act_as(dba, "dan", "public")
    assert await affected(dba, "SELECT FROM readings") == 1
    assert await affected(dba, "SELECT FROM data_validators") == 0


async def test_a_reading_logged_by_the_service_is_the_callers(dba: asyncpg.Connection) -> None:
    await act_as(dba, "ben", "private")
    made: list[Any] = await rows_of(
        dba, READING + "('{private}', '2026-05-01 00:00Z', 1) RETURNING recorded_by, quality_flag, id IS NOT NULL"
    )
    assert made == [(id_of("ben"), "good", True)]


@pytest.mark.parametrize("table", TABLES)
async def test_the_owner_does_all_and_operators_read_all(dba: asyncpg.Connection, table: str) -> None:
    count = await affected(dba, f"SELECT FROM {table}")
    await dba.execute("SET LOCAL ROLE homelog_ops")
    assert await affected(dba, f"SELECT FROM {table}") == count
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with dba.transaction():
            await affected(dba, f"DELETE FROM {table}")  # noqa: S608
    await dba.execute("SET LOCAL ROLE homelog_owner")
    assert await affected(dba, f"DELETE FROM {table}") == count  # noqa: S608
