"""The rules of audit_logs: whoever reaches the database adds to it in their own name and changes nothing.

What is tested is compared with the catalogue: a constraint, policy or table that is new fails here until it has its
line.
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
    said,
    told,
    triggers_of,
)

# Constraints

BROKEN = [
    ("audit_logs_pkey", "INSERT INTO audit_logs (id, event_type) OVERRIDING SYSTEM VALUE VALUES (1, 'x_y')"),
    ("audit_logs_event_type_form", "INSERT INTO audit_logs (event_type) VALUES ('')"),
    ("audit_logs_event_type_form", "INSERT INTO audit_logs (event_type) VALUES ('Login')"),
    ("audit_logs_event_type_form", "INSERT INTO audit_logs (event_type) VALUES ('log in')"),
    ("audit_logs_event_type_form", "INSERT INTO audit_logs (event_type) VALUES (repeat('x', 51))"),
    ("audit_logs_details_object", "INSERT INTO audit_logs (event_type, details) VALUES ('login', '[]')"),
    ("audit_logs_details_object", "INSERT INTO audit_logs (event_type, details) VALUES ('login', 'null')"),
    ("audit_logs_id_not_null", "INSERT INTO audit_logs (id, event_type) OVERRIDING SYSTEM VALUE VALUES (NULL, 'x_y')"),
    ("audit_logs_event_time_not_null", "INSERT INTO audit_logs (event_type, event_time) VALUES ('login', NULL)"),
    ("audit_logs_event_type_not_null", "INSERT INTO audit_logs DEFAULT VALUES"),
    ("audit_logs_details_not_null", "INSERT INTO audit_logs (event_type, details) VALUES ('login', NULL)"),
]


@pytest.mark.parametrize(("constraint", "sql"), BROKEN)
async def test_a_constraint_holds_even_for_a_dba(dba: asyncpg.Connection, constraint: str, sql: str) -> None:
    await assert_breaks(dba, constraint, sql)


async def test_every_constraint_is_tested(dba: asyncpg.Connection) -> None:
    assert await constraints_of(dba, ["audit_logs"]) == {constraint for constraint, _ in BROKEN}


async def test_an_event_has_a_time_and_a_number_that_nobody_chooses(dba: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.GeneratedAlwaysError):
        await dba.execute("INSERT INTO audit_logs (id, event_type) VALUES (7, 'login')")


# Append-only

CHANGES = [
    "UPDATE audit_logs SET details = '{{}}'",
    "UPDATE audit_logs SET user_id = NULL WHERE false",
    "DELETE FROM audit_logs",
    "DELETE FROM audit_logs WHERE false",
    "TRUNCATE audit_logs",
    "TRUNCATE audit_logs CASCADE",
    "INSERT INTO audit_logs (event_type) VALUES ('login') ON CONFLICT (id) DO UPDATE SET details = '{{}}'",
    "MERGE INTO audit_logs AS l USING (VALUES (1)) AS v (n) ON true WHEN MATCHED THEN DELETE",
]


@pytest.mark.parametrize("role", ["postgres", "homelog_owner", "homelog_migrator", "homelog_api", "homelog_ops"])
@pytest.mark.parametrize("sql", CHANGES)
async def test_nobody_changes_or_empties_the_log(dba: asyncpg.Connection, role: str, sql: str) -> None:
    await dba.execute(f"SET LOCAL ROLE {role}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError) as refused:
        async with dba.transaction():
            await dba.execute(said(sql))
    if role in {"postgres", "homelog_owner"}:
        assert str(refused.value) == "The audit log is append-only."


async def test_the_log_has_exactly_these_guards(dba: asyncpg.Connection) -> None:
    assert await triggers_of(dba, "audit_logs") == {"_050_name_token", "_100_refuse_change"}
    assert await policies_of(dba, "audit_logs") == {"owner_all", "select_ops", "select_reader", "insert_writer"}


async def test_what_it_tells_of_may_go_and_the_log_stays(dba: asyncpg.Connection) -> None:
    # No foreign keys: these would either hold the account or take the row along.
    before = await affected(dba, "SELECT FROM audit_logs")
    await affected(dba, "DELETE FROM users WHERE id IN ('{ann}', '{ben}', '{dan}')")
    assert await affected(dba, "SELECT FROM data_sources") == 0
    assert await affected(dba, "SELECT FROM audit_logs WHERE user_id = '{ann}' AND source_id = '{private}'") == 1
    assert await affected(dba, "SELECT FROM audit_logs") > before


# Who writes, and who reads

INSERT = "INSERT INTO audit_logs (user_id, source_id, event_type) VALUES "


@pytest.mark.parametrize("person", ["ann", "ben", "dan", "nobody"])
async def test_the_service_writes_only_in_the_name_of_whom_it_acts_for(dba: asyncpg.Connection, person: str) -> None:
    await act_as(dba, person, "private")
    for name in ("ann", "ben", "dan", "off", "nobody"):
        user = "NULL" if name == "nobody" else f"'{id_of(name)}'"
        row = f"({user}, '{{private}}', 'view_source')"
        if name == person:
            assert await affected(dba, INSERT + row) == 1
        else:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with dba.transaction():
                    await affected(dba, INSERT + row)


async def test_the_service_sets_neither_number_nor_time(dba: asyncpg.Connection) -> None:
    assert await granted_to(dba, "homelog_api", "audit_logs", "INSERT") == {
        "user_id", "source_id", "entry_id", "event_type", "details",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("person", "seen"),
    [
        ("ann", ["ann", "ben", "nobody"]),  # all of the sources that she administers
        ("ben", ["ben"]),  # who may write sees what he did himself
        ("cat", []),
        ("dan", ["dan"]),
        ("nobody", []),
    ],
)
async def test_one_reads_what_one_did_and_all_of_the_sources_that_one_administers(
    dba: asyncpg.Connection, person: str, seen: list[str]
) -> None:
    await act_as(dba, person, "private", "public")
    names = {id_of(name): name for name in ("ann", "ben", "cat", "dan")}
    rows = await dba.fetch("SELECT user_id FROM audit_logs ORDER BY id")
    assert [names.get(row[0], "nobody") for row in rows] == seen


async def test_a_source_that_the_request_does_not_name_shows_only_ones_own_deeds(dba: asyncpg.Connection) -> None:
    await act_as(dba, "ann")
    assert await affected(dba, "SELECT FROM audit_logs") == 1


@pytest.mark.parametrize(("role", "seen"), [("homelog_ops", 4), ("homelog_owner", 4), ("homelog_api", 0)])
async def test_operators_read_all_and_the_service_without_an_identity_nothing(
    dba: asyncpg.Connection, role: str, seen: int
) -> None:
    await dba.execute(f"SET LOCAL ROLE {role}")
    assert await affected(dba, "SELECT FROM audit_logs") == seen


# What is audited

# Each table whose rows are audited by a trigger of its own; of the others, why not.
AUDITED = {
    "calendar_links", "care_events", "care_intervals", "data_sources", "data_validators", "device_tokens",
    "home_members", "homes", "line_protocol_sources", "meter_events", "plants", "readings", "source_retentions",
    "user_oauth_identities", "user_source_access", "users",
}  # fmt: skip
NOT_AUDITED = {
    "audit_logs": "is the log",
    "changed_days": "follows readings",
    "changed_sources": "follows readings",
    "latest_readings": "follows readings",
    "reading_days": "follows readings",
    "reading_hours": "follows readings",
    "gained_homes": "follows members",
    "gained_sources": "follows grants",
    "maintenance_runs": "tells what was cleaned up; of readings that went the log tells itself",
    "reading_horizons": "follows readings that went by a retention",
    "stale_days": "follows homes",
    "moved_things": "follows sources and plants",
    "place_tombstones": "follows from deletions and moves, which are events",
    "growth_measurements": "each is a change of its plant",
    "password_guesses": "counts; one that is refused or wrong is an event, which the functions that see it write",
    "refresh_tokens": "a token that is replaced is no event; one that is used twice is, and refresh_session says so",
    "request_budgets": "counts what anybody asks, for a minute",
    "sessions": "signing in and out are events, which the functions that do it write",
    "source_tombstones": "follows from deletions, which are events",
    "spent_tickets": "each is part of a sign-in, which is an event",
    "user_passwords": "only functions touch it, and they write the event",
    "user_tombstones": "follows from deletions and grants that are revoked, which are events",
}


async def test_every_table_is_audited_or_says_why_not(dba: asyncpg.Connection) -> None:
    rows = await dba.fetch(
        "SELECT c.relname, bool_or(t.tgname ~ '_audit') FROM pg_class AS c LEFT JOIN pg_trigger AS t"
        " ON t.tgrelid = c.oid WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') GROUP BY 1"
    )
    assert {row[0] for row in rows} == AUDITED | NOT_AUDITED.keys()
    assert {row[0] for row in rows if row[1]} == AUDITED


@pytest.mark.parametrize("role", ["postgres", "homelog_owner"])
async def test_what_is_audited_is_not_emptied_without_a_trace(dba: asyncpg.Connection, role: str) -> None:
    rows = await dba.fetch("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = '_100_refuse_truncate'")
    assert {row[0] for row in rows} == AUDITED
    await dba.execute(f"SET LOCAL ROLE {role}")
    for table in sorted(AUDITED):
        with pytest.raises(asyncpg.InsufficientPrivilegeError) as refused:
            async with dba.transaction():
                await dba.execute(f"TRUNCATE {table} CASCADE")
        assert str(refused.value) == "TRUNCATE would leave no trace in the audit log: DELETE the rows."


IDENTITY = "INSERT INTO user_oauth_identities (user_id, provider, issuer, provider_user_id) VALUES "
EVENTS = [
    ("INSERT INTO users (id, email) VALUES ('{eve}', 'eve@example.org')", "create_user"),
    ("UPDATE users SET display_name = 'Canary' WHERE id = '{ann}'", "update_user"),
    ("DELETE FROM users WHERE id = '{cat}'", "delete_user"),
    ("INSERT INTO homes (name) VALUES ('Cabin')", "create_home"),
    ("UPDATE homes SET name = 'Cabin'", "update_home"),
    ("DELETE FROM homes WHERE id = '{house}'", "delete_home"),
    ("INSERT INTO home_members VALUES ('{house}', '{dan}', 'read')", "add_member"),
    ("UPDATE home_members SET access_level = 'write' WHERE user_id = '{off}'", "change_member"),
    ("DELETE FROM home_members WHERE user_id = '{off}'", "remove_member"),
    ("INSERT INTO data_sources (name, source_type, unit) VALUES ('x', 'x', 'x')", "create_source"),
    ("UPDATE data_sources SET name = 'x' WHERE id = '{private}'", "update_source"),
    ("DELETE FROM data_sources WHERE id = '{private}'", "delete_source"),
    ("INSERT INTO user_source_access VALUES ('{dan}', '{private}', 'read')", "grant_access"),
    ("UPDATE user_source_access SET access_level = 'write' WHERE user_id = '{cat}'", "change_access"),
    ("DELETE FROM user_source_access WHERE user_id = '{cat}'", "revoke_access"),
    ("INSERT INTO data_validators (source_id, max_value) VALUES ('{private}', 9)", "create_validator"),
    ("UPDATE data_validators SET max_value = 9", "update_validator"),
    ("DELETE FROM data_validators", "delete_validator"),
    ("INSERT INTO source_retentions (source_id, months) VALUES ('{public}', 1)", "create_retention"),
    ("UPDATE source_retentions SET months = 1", "change_retention"),
    ("DELETE FROM source_retentions", "delete_retention"),
    ("INSERT INTO device_tokens SELECT uuidv7(), '{ann}', 'x', '{{read:data}}', NULL, sha256('x')", "create_token"),
    ("DELETE FROM device_tokens", "delete_token"),
    (IDENTITY + "('{ann}', 'line', 'https://x', 'x')", "link_identity"),
    ("DELETE FROM user_oauth_identities", "unlink_identity"),
    ("INSERT INTO line_protocol_sources (user_id, series) VALUES ('{ann}', 'n f')", "create_line_mapping"),
    ("UPDATE line_protocol_sources SET source_id = NULL, is_made = false", "update_line_mapping"),
    ("DELETE FROM line_protocol_sources", "delete_line_mapping"),
    ("INSERT INTO calendar_links (user_id, key_hash) VALUES ('{ben}', sha256('x'))", "create_calendar_link"),
    ("UPDATE calendar_links SET key_hash = sha256('x')", "replace_calendar_link"),
    ("DELETE FROM calendar_links", "delete_calendar_link"),
    ("INSERT INTO plants (user_id, name, kind) VALUES ('{ann}', 'x', 'fig')", "create_plant"),
    ("UPDATE plants SET room = 'Hall' WHERE id = '{fern}'", "update_plant"),
    ("DELETE FROM plants WHERE id = '{cactus}'", "delete_plant"),
    ("INSERT INTO care_events (plant_id, kind) VALUES ('{fern}', 'mist')", "create_care"),
    ("DELETE FROM care_events", "delete_care"),
]


@pytest.mark.parametrize(("sql", "event"), EVENTS)
async def test_a_dbas_change_is_an_event_too(dba: asyncpg.Connection, sql: str, event: str) -> None:
    assert await affected(dba, sql) == 1
    assert event in [row[0] for row in await told(dba)]


async def test_an_event_tells_who_did_it_and_to_which_source(dba: asyncpg.Connection) -> None:
    await act_as(dba, "ann", "private")
    await affected(dba, "UPDATE data_sources SET name = 'Heat', unit = unit WHERE id = '{private}'")
    ((user, source, event, details),) = await told(dba, "user_id, source_id, event_type, details")
    assert (user, source, event) == (id_of("ann"), id_of("private"), "update_source")
    assert json.loads(details) == {"id": str(id_of("private")), "name": {"old": "Private", "new": "Heat"}}


@pytest.mark.parametrize("table", ["users", "homes", "data_sources", "plants", "data_validators"])
async def test_a_change_that_changes_nothing_is_no_event(dba: asyncpg.Connection, table: str) -> None:
    assert await affected(dba, f"UPDATE {table} SET id = id") > 0  # noqa: S608
    assert await told(dba) == []


async def test_a_statement_that_changes_several_plants_is_an_event_of_each(dba: asyncpg.Connection) -> None:
    assert await affected(dba, "UPDATE plants SET every = CASE id WHEN '{fern}' THEN 3 ELSE 5 END") == 2
    rows = await told(dba)
    assert {row[0] for row in rows} == {"update_plant"}
    events = sorted((json.loads(row[1]) for row in rows), key=lambda each: str(each["every"]))
    assert events == [
        {"id": str(id_of("fern")), "user_id": str(id_of("ann")), "every": {"old": 7, "new": 3}},
        {"id": str(id_of("cactus")), "user_id": str(id_of("dan")), "every": {"old": 7, "new": 5}},
    ]


async def test_a_plant_that_gets_another_id_is_told_as_one_that_went_and_one_that_came(dba: asyncpg.Connection) -> None:
    assert await affected(dba, "UPDATE plants SET id = '{eve}' WHERE id = '{cactus}'") == 1
    events = {row[0]: json.loads(row[1]) for row in await told(dba)}
    assert {name: event["id"] for name, event in events.items()} == {
        "delete_plant": str(id_of("cactus")), "create_plant": str(id_of("eve")),
    }  # fmt: skip
    assert {event["name"] for event in events.values()} == {"Cactus"}


async def test_an_account_is_told_of_without_personal_data(dba: asyncpg.Connection) -> None:
    for sql, _ in EVENTS[:3]:
        await affected(dba, sql)
    details = [row[1] for row in await told(dba) if row[0].endswith("_user")]
    assert [json.loads(each) for each in details] == [
        {"id": str(id_of("eve"))},
        {"id": str(id_of("ann")), "changed": ["display_name"]},
        {"id": str(id_of("cat"))},
    ]


async def test_no_secret_is_ever_told(dba: asyncpg.Connection) -> None:
    canary = "canary"
    await dba.execute(
        "SELECT FROM homelog.register_user($1, 'eve@example.org', 'Eve', '$argon2id$canary')", id_of("eve")
    )
    await act_as(dba, "eve")
    await dba.execute("RESET ROLE")
    await dba.execute("SELECT homelog.set_own_password('$argon2id$canary2')")
    await dba.execute("SELECT homelog.change_own_password('$argon2id$canary2', '$argon2id$canary3')")
    token = b"canary".ljust(32)
    await dba.execute("SELECT homelog.open_session($1, 'password', $2, '1 day')", id_of("eve"), token)
    for successor in (b"canary one".ljust(32), b"canary two".ljust(32)):
        await dba.execute("SELECT FROM homelog.refresh_session($1, $2, '1 day', '0 s')", token, successor)
    await dba.execute("SELECT homelog.end_session_of_token($1)", token)
    await dba.execute("SELECT homelog.record_failed_login('canary@example.org')")
    canaries = (
        "google",
        "https://canary",
        "canary",
        "canary@example.com",
        "canary",
        "https://canary/",
        True,
        bytes(32),
    )
    await dba.execute("SELECT FROM homelog.sign_in_by_identity($1, $2, $3, $4, $5, $6, $7, $8, '1 day')", *canaries)
    identity = await dba.fetchval("SELECT id FROM user_oauth_identities WHERE issuer = 'https://canary'")
    await dba.execute("SELECT homelog.keep_provider_tokens($1, 'canary', 'canary', NULL)", identity)
    await dba.execute("SELECT homelog.record_failed_identity('google', 'https://canary', 'canary', 'nonce')")
    await dba.execute("UPDATE user_passwords SET is_temporary = false")
    log = await told(dba)
    assert {"create_user", "change_password", "login", "refresh_reused", "login_failed"} <= {row[0] for row in log}
    assert canary not in str(log)
    assert canary.encode().hex() not in str(log)
