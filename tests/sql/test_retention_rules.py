"""The rules of source_retentions, reading_horizons, stale_days and maintenance_runs."""

import asyncpg
import pytest

from tests.sql.rules import act_as, affected, assert_breaks, constraints_of, granted_to, policies_of, triggers_of

RETENTION = "INSERT INTO source_retentions (source_id, months) VALUES "
HORIZON = "INSERT INTO reading_horizons (source_id, thinned_until) VALUES "
BROKEN = [
    ("source_retentions_pkey", RETENTION + "('{private}', 1)"),
    ("source_retentions_source_id_fkey", RETENTION + "('{nothing}', 1)"),
    ("source_retentions_created_by_fkey", "UPDATE source_retentions SET created_by = '{nothing}'"),
    ("source_retentions_months_range", RETENTION + "('{public}', 0)"),
    ("source_retentions_months_range", RETENTION + "('{public}', 1201)"),
    ("source_retentions_source_id_not_null", RETENTION + "(NULL, 1)"),
    ("source_retentions_months_not_null", RETENTION + "('{public}', NULL)"),
    ("source_retentions_action_not_null", "UPDATE source_retentions SET action = NULL"),
    ("source_retentions_created_at_not_null", "UPDATE source_retentions SET created_at = NULL"),
    (
        "source_retentions_updated_at_not_null",
        "INSERT INTO source_retentions VALUES ('{public}', 1, 'thin', now(), NULL)",
    ),
    ("reading_horizons_pkey", HORIZON + "('{private}', now())"),
    ("reading_horizons_source_id_fkey", HORIZON + "('{nothing}', now())"),
    ("reading_horizons_source_id_not_null", HORIZON + "(NULL, now())"),
    ("reading_horizons_some_end", "UPDATE reading_horizons SET thinned_until = NULL"),
    ("stale_days_pkey", "INSERT INTO stale_days VALUES ('{private}')"),
    ("stale_days_source_id_fkey", "INSERT INTO stale_days VALUES ('{nothing}')"),
    ("stale_days_source_id_not_null", "INSERT INTO stale_days VALUES (NULL)"),
    ("stale_days_since_not_null", "INSERT INTO stale_days VALUES ('{public}', NULL)"),
    ("maintenance_runs_pkey", "INSERT INTO maintenance_runs (id) SELECT id FROM maintenance_runs"),
    ("maintenance_runs_done_object", "INSERT INTO maintenance_runs (done) VALUES ('[]')"),
    ("maintenance_runs_id_not_null", "INSERT INTO maintenance_runs (id) VALUES (NULL)"),
    ("maintenance_runs_began_at_not_null", "INSERT INTO maintenance_runs (began_at) VALUES (NULL)"),
    ("maintenance_runs_done_not_null", "INSERT INTO maintenance_runs (done) VALUES (NULL)"),
]
TABLES = ["source_retentions", "reading_horizons", "stale_days", "maintenance_runs"]


@pytest.mark.parametrize(("constraint", "sql"), BROKEN)
async def test_a_constraint_holds_even_for_a_dba(dba: asyncpg.Connection, constraint: str, sql: str) -> None:
    await assert_breaks(dba, constraint, sql)


async def test_every_constraint_is_tested(dba: asyncpg.Connection) -> None:
    assert await constraints_of(dba, TABLES) == {constraint for constraint, _ in BROKEN}


GUARDS = {
    "source_retentions": (
        {"_100_touch_updated_at", "_500_lift_horizon", "_900_audit"},
        {"owner_all", "select_ops", "select_reader", "insert_admin", "update_admin", "delete_admin"},
    ),
    "reading_horizons": (set[str](), {"owner_all", "select_ops", "select_reader"}),
    "stale_days": (set[str](), {"owner_all", "select_ops"}),
    "maintenance_runs": (set[str](), {"owner_all", "select_ops"}),
}


@pytest.mark.parametrize("table", TABLES)
async def test_a_table_has_exactly_these_guards(dba: asyncpg.Connection, table: str) -> None:
    assert (await triggers_of(dba, table), await policies_of(dba, table)) == GUARDS[table]


async def test_the_service_writes_no_column_that_is_the_servers(dba: asyncpg.Connection) -> None:
    assert await granted_to(dba, "homelog_api", "source_retentions", "INSERT") == {"source_id", "months", "action"}
    assert await granted_to(dba, "homelog_api", "source_retentions", "UPDATE") == {"months", "action"}
    for table in TABLES[1:]:
        for verb in ("INSERT", "UPDATE"):
            assert await granted_to(dba, "homelog_api", table, verb) == set()


async def test_the_service_sums_up_and_expires_only_by_way_of_what_is_due(dba: asyncpg.Connection) -> None:
    await act_as(dba, "nobody")
    for call in (
        *("rebuild_days(uuidv7())", "forget_tombstones('0')", "note_stale_days('{{}}')", "due_retentions()"),
        "thin_hours(uuidv7(), '{{}}', now(), 1)",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with dba.transaction():
                await affected(dba, f"SELECT homelog.{call}")


async def test_sums_are_frozen_where_readings_were_thinned(dba: asyncpg.Connection) -> None:
    await affected(
        dba,
        "INSERT INTO readings (source_id, timestamp, value)"
        " SELECT '{public}', '2020-01-01 00:00Z'::timestamptz + n * interval '1 minute', n"
        " FROM generate_series(0, 2999) AS n",
    )
    sums = "SELECT source_id, hour, count, min, max, sum, first_at, last_at, drops FROM reading_hours ORDER BY 1, 2"
    days = "SELECT source_id, since, count, min, max, sum, first_at, last_at, drops FROM reading_days ORDER BY 1, 2"
    before = await dba.fetch(sums), await dba.fetch(days)
    await affected(dba, "INSERT INTO source_retentions (source_id, months) VALUES ('{public}', 12)")
    await dba.execute("SELECT homelog.expire_readings(700) FROM generate_series(1, 20)")
    assert await affected(dba, "SELECT FROM readings WHERE source_id = '{public}' AND timestamp < '2021-01-01Z'") == 100
    assert (await dba.fetch(sums), await dba.fetch(days)) == before
