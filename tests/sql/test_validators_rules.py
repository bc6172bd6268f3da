"""What a source's rules make of readings, for whoever writes them: a DBA in psql, the owner's functions, a restore.

How the service answers stands in tests/api/test_validators.py; both ask the same functions.
"""

import json

import asyncpg
import pytest

from tests.sql.rules import act_as, affected, assert_breaks, id_of, rows_of, told

INSERT = "INSERT INTO readings (source_id, timestamp, value) VALUES "
ONE = INSERT + "('{public}', '2026-01-02 00:00Z', "
"""The cast's one reading of the public source is 4, a day before; without rules of its own yet."""
CHANGE = "UPDATE readings SET "


async def rule(dba: asyncpg.Connection, columns: str, values: str, source: str = "{public}") -> None:
    await affected(dba, f"INSERT INTO data_validators (source_id, {columns}) VALUES ('{source}', {values})")  # noqa: S608


async def stored(dba: asyncpg.Connection) -> list[tuple[float, str]]:
    return [
        (value, flag)
        for value, flag in await rows_of(
            dba, "SELECT value, quality_flag FROM readings WHERE source_id = '{public}' ORDER BY timestamp"
        )
    ]


async def locks(dba: asyncpg.Connection) -> int:
    count = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
    return int(await dba.fetchval(count))


@pytest.mark.parametrize(
    ("columns", "values", "constraint", "value", "sentence"),
    [
        ("min_value", "5", "data_validators_min_value", 3, "The value 3 is below the minimum of 5."),
        ("max_value", "5", "data_validators_max_value", 6, "The value 6 is above the maximum of 5."),
        (
            "non_decreasing", "true", "data_validators_non_decreasing", 3,
            "The value 3 is below 4, the reading before at 2026-01-01T00:00:00Z.",
        ),
        (
            "max_rate", "1", "data_validators_max_rate", 29,
            "The value 29 is too far from 4, the reading before at 2026-01-01T00:00:00Z: more than 1 an hour.",
        ),
    ],
)  # fmt: skip
async def test_what_a_rule_rejects_is_refused_as_by_a_constraint(
    dba: asyncpg.Connection, columns: str, values: str, constraint: str, value: float, sentence: str
) -> None:
    await rule(dba, columns, values)
    await assert_breaks(dba, constraint, f"{ONE}{value})")
    with pytest.raises(asyncpg.CheckViolationError, match=f"^{sentence}$") as broken:
        async with dba.transaction():
            await affected(dba, f"{ONE}{value})")
    assert (broken.value.table_name, broken.value.column_name) == ("readings", "value")
    assert await affected(dba, ONE + "5)") == 1


async def test_what_a_rule_flags_is_questionable(dba: asyncpg.Connection) -> None:
    await rule(dba, "non_decreasing, action", "true, 'flag'")
    await affected(
        dba,
        INSERT + "('{public}', '2026-01-06 00:00Z', 7), ('{public}', '2026-01-05 00:00Z', 6),"
        " ('{public}', '2026-01-04 00:00Z', 100), ('{public}', '2026-01-03 00:00Z', 5),"
        " ('{private}', '2026-01-01 12:00Z', 0)",
    )
    assert await stored(dba) == [
        (4, "good"), (5, "good"), (100, "good"), (6, "questionable"), (7, "good"),
    ]  # fmt: skip
    log = [(event, json.loads(details)) for event, details in await told(dba)]
    assert [event for event, _ in log] == ["create_validator", "update_entry", "create_entry", "create_entry"]
    assert (log[1][1]["old"]["quality_flag"], log[1][1]["new"]["quality_flag"]) == ("good", "questionable")


async def test_a_change_of_value_is_judged_and_no_other(dba: asyncpg.Connection) -> None:
    await affected(dba, INSERT + "('{public}', '2026-01-02 00:00Z', 5), ('{public}', '2026-01-03 00:00Z', -1)")
    await rule(dba, "min_value, non_decreasing", "0, true")
    assert await affected(dba, CHANGE + "notes = 'n' WHERE source_id = '{public}'") == 3
    second = " WHERE source_id = '{public}' AND timestamp = '2026-01-02 00:00Z'"
    await assert_breaks(dba, "data_validators_non_decreasing", CHANGE + "value = 3" + second)
    assert await affected(dba, CHANGE + "value = 0, quality_flag = 'bad'" + second) == 1
    await assert_breaks(dba, "data_validators_non_decreasing", CHANGE + "quality_flag = 'good'" + second)
    await assert_breaks(dba, "data_validators_min_value", CHANGE + "value = -2 WHERE source_id = '{public}'")
    assert await affected(dba, "DELETE FROM readings WHERE source_id = '{public}'") == 3


async def test_a_whole_series_may_be_shifted_at_once(dba: asyncpg.Connection) -> None:
    await affected(dba, INSERT + "('{public}', '2026-01-02 00:00Z', 5), ('{public}', '2026-01-03 00:00Z', 6)")
    await rule(dba, "non_decreasing", "true")
    assert await affected(dba, CHANGE + "value = value + 100 WHERE source_id = '{public}'") == 3
    assert await affected(dba, CHANGE + "value = value - 100 WHERE source_id = '{public}'") == 3


async def test_a_reading_that_is_moved_in_time_is_judged_where_it_comes_to_lie(dba: asyncpg.Connection) -> None:
    await affected(dba, INSERT + "('{public}', '2026-01-02 00:00Z', 5), ('{public}', '2026-01-03 00:00Z', 6)")
    await rule(dba, "non_decreasing", "true")
    move = CHANGE + "timestamp = timestamp + interval '2 days' WHERE source_id = '{public}' AND value = "
    await assert_breaks(dba, "data_validators_non_decreasing", move + "5")
    assert await affected(dba, move + "6") == 1


async def test_bad_readings_and_meter_events_part_neighbours(dba: asyncpg.Connection) -> None:
    await rule(dba, "non_decreasing", "true")
    await affected(dba, "UPDATE data_sources SET kind = 'counter' WHERE id = '{public}'")
    await affected(dba, "DELETE FROM meter_events")
    await affected(
        dba, "INSERT INTO meter_events (source_id, at, kind) VALUES ('{public}', '2026-01-02 00:00Z', 'swap')"
    )
    assert await affected(dba, ONE + "0), ('{public}', '2026-01-03 00:00Z', 1)") == 2
    await assert_breaks(
        dba, "data_validators_non_decreasing", INSERT + "('{public}', '2026-01-01 23:59:59.999999Z', 3)"
    )
    await affected(
        dba,
        "INSERT INTO readings (source_id, timestamp, value, quality_flag) VALUES"
        " ('{public}', '2026-01-04 00:00Z', -1, 'bad'), ('{public}', '2026-01-05 00:00Z', 999, 'bad')",
    )
    assert await affected(dba, INSERT + "('{public}', '2026-01-06 00:00Z', 2)") == 1


async def test_a_restore_stores_what_the_rules_would_reject(dba: asyncpg.Connection) -> None:
    await rule(dba, "min_value", "5")
    await dba.execute("SET LOCAL session_replication_role = replica")
    assert await affected(dba, ONE + "0)") == 1


async def test_the_owners_functions_are_held_to_the_rules(dba: asyncpg.Connection) -> None:
    await rule(dba, "min_value", "5")
    await dba.execute("SET LOCAL ROLE homelog_owner")
    await assert_breaks(dba, "data_validators_min_value", ONE + "0)")


async def test_the_services_own_statements_judge_for_themselves(dba: asyncpg.Connection) -> None:
    # Its triggers would come too late: a batch says of each row what became of it.
    await rule(dba, "min_value", "5")
    await act_as(dba, "ann", "public")
    assert await affected(dba, ONE + "0)") == 1
    with pytest.raises(asyncpg.CheckViolationError):
        async with dba.transaction():
            await rows_of(dba, "SELECT homelog.judge_reading('{public}', NULL, 0, '2026-01-03 00:00Z', 'good', false)")


async def test_who_writes_to_a_source_with_rules_holds_its_turn(dba: asyncpg.Connection) -> None:
    assert await locks(dba) == 0
    await rule(dba, "min_value", "0")
    await affected(dba, ONE + "5)")
    assert await locks(dba) == 1


@pytest.mark.parametrize("person", ["cat", "dan", "nobody"])
async def test_who_may_not_write_takes_no_turn_and_learns_no_rule(dba: asyncpg.Connection, person: str) -> None:
    await rule(dba, "min_value", "9", "{private}")
    await act_as(dba, person, "private")
    for call in (
        "judge_reading('{private}', NULL, 0, '2026-01-03 00:00Z', 'good', false)",
        "judge_correction('{private}', '{reading}', NULL, NULL, '{{\"value\": 0}}')",
    ):
        assert await rows_of(dba, f"SELECT * FROM homelog.{call} AS t WHERE t IS NOT NULL") == []  # noqa: S608
    await dba.execute("RESET ROLE")
    assert await locks(dba) == 0


async def test_rules_are_asked_only_of_their_own_source(dba: asyncpg.Connection) -> None:
    await rule(dba, "min_value", "100")
    assert await affected(dba, INSERT + "('{private}', '2026-06-01 00:00Z', 5)") == 1
    await affected(dba, "DELETE FROM data_sources WHERE id = '{public}'")
    assert await rows_of(dba, "SELECT id FROM data_validators") == [(id_of("validator"),)]
