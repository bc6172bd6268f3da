"""The rules of accounts, their passwords, identities and sessions, as they hold for whoever reaches the database.

What is tested is compared with the catalogue: a constraint, trigger, policy or grant that is new fails here until it
has its line.
"""

import asyncio
import json
from datetime import timedelta

import asyncpg
import pytest

from service.embedded import EmbeddedPostgres
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
    told,
    triggers_of,
)

TABLES = ["users", "user_passwords", "user_oauth_identities", "sessions", "refresh_tokens", "spent_tickets"]

# Constraints. Each line: the constraint, and a statement that breaks it.

USER = "INSERT INTO users (email) VALUES "
SET_USER = "UPDATE users SET "
PASSWORD = "INSERT INTO user_passwords (user_id, password_hash) VALUES "
SET_IDENTITY = "UPDATE user_oauth_identities SET "
IDENTITY = "INSERT INTO user_oauth_identities (issuer, user_id, provider, provider_user_id) VALUES "
SESSION = "INSERT INTO sessions (user_id, auth_provider, expires_at) VALUES "
TOKEN = "INSERT INTO refresh_tokens (token_hash, session_id) VALUES "

BROKEN = [
    ("users_pkey", "INSERT INTO users (id, email) VALUES ('{ann}', 'x@example.org')"),
    ("users_email_key", USER + "('ANN@Example.ORG')"),
    ("users_username_key", SET_USER + "username = 'ANN' WHERE id = '{ben}'"),
    ("users_email_form", USER + "('')"),
    ("users_email_form", USER + "('ann')"),
    ("users_email_form", USER + "('@example.org')"),
    ("users_email_form", USER + "('ann@')"),
    ("users_email_form", USER + "('ann@b@example.org')"),
    ("users_email_form", USER + "('a nn@example.org')"),
    ("users_email_form", USER + "(E'x\\n@example.org')"),
    ("users_email_form", USER + "(repeat('x', 243) || '@example.org')"),
    ("users_username_length", SET_USER + "username = '' WHERE id = '{ann}'"),
    ("users_username_length", SET_USER + "username = repeat('x', 51) WHERE id = '{ann}'"),
    ("users_role_known", SET_USER + "role = 'superuser'"),
    ("users_role_known", SET_USER + "role = 'ADMIN'"),
    ("users_id_not_null", SET_USER + "id = NULL"),
    ("users_email_not_null", SET_USER + "email = NULL"),
    ("users_role_not_null", SET_USER + "role = NULL"),
    ("users_is_active_not_null", SET_USER + "is_active = NULL"),
    ("users_created_at_not_null", SET_USER + "created_at = NULL"),
    ("users_updated_at_not_null", "INSERT INTO users (email, updated_at) VALUES ('x@example.org', NULL)"),
    ("user_passwords_pkey", PASSWORD + "('{ann}', '$argon2id$x')"),
    ("user_passwords_user_id_fkey", PASSWORD + "('{unknown}', '$argon2id$x')"),
    ("user_passwords_password_hash_argon2id", "UPDATE user_passwords SET password_hash = 'a password in clear'"),
    ("user_passwords_password_hash_argon2id", "UPDATE user_passwords SET password_hash = '$argon2i$x'"),
    ("user_passwords_password_hash_argon2id", "UPDATE user_passwords SET password_hash = rpad('$argon2id$', 501, 'x')"),
    ("user_passwords_used_at_temporary", "UPDATE user_passwords SET used_at = now()"),
    ("user_passwords_user_id_not_null", "UPDATE user_passwords SET user_id = NULL"),
    ("user_passwords_password_hash_not_null", "UPDATE user_passwords SET password_hash = NULL"),
    ("user_passwords_is_temporary_not_null", "UPDATE user_passwords SET is_temporary = NULL"),
    ("user_passwords_created_at_not_null", "UPDATE user_passwords SET created_at = NULL"),
    (
        "user_oauth_identities_pkey",
        IDENTITY.replace("(issuer", "(id, issuer") + "('{identity}', 'https://x', '{ben}', 'line', 'x')",
    ),
    ("user_oauth_identities_user_id_fkey", IDENTITY + "('https://x', '{unknown}', 'line', 'x')"),
    ("user_oauth_identities_provider_provider_user_id_key", IDENTITY + "('https://x', '{ben}', 'google', 'subject')"),
    ("user_oauth_identities_user_id_provider_key", IDENTITY + "('https://x', '{ann}', 'google', 'another')"),
    ("user_oauth_identities_provider_user_id_not_blank", IDENTITY + "('https://x', '{ben}', 'google', '')"),
    ("user_oauth_identities_email_length", SET_IDENTITY + "email = repeat('x', 255)"),
    ("user_oauth_identities_name_length", SET_IDENTITY + "name = repeat('x', 1001)"),
    ("user_oauth_identities_profile_image_length", SET_IDENTITY + "profile_image = repeat('x', 2001)"),
    ("user_oauth_identities_access_token_length", SET_IDENTITY + "access_token = repeat('x', 10001)"),
    ("user_oauth_identities_refresh_token_length", SET_IDENTITY + "refresh_token = repeat('x', 10001)"),
    ("user_oauth_identities_issuer_length", SET_IDENTITY + "issuer = ''"),
    ("user_oauth_identities_issuer_length", SET_IDENTITY + "issuer = repeat('x', 501)"),
    ("user_oauth_identities_issuer_not_null", SET_IDENTITY + "issuer = NULL"),
    ("user_oauth_identities_id_not_null", SET_IDENTITY + "id = NULL"),
    ("user_oauth_identities_user_id_not_null", SET_IDENTITY + "user_id = NULL"),
    ("user_oauth_identities_provider_not_null", SET_IDENTITY + "provider = NULL"),
    ("user_oauth_identities_provider_user_id_not_null", SET_IDENTITY + "provider_user_id = NULL"),
    ("user_oauth_identities_created_at_not_null", SET_IDENTITY + "created_at = NULL"),
    (
        "sessions_pkey",
        "INSERT INTO sessions (id, user_id, auth_provider, expires_at) VALUES ('{session}', '{ben}', 'line', now())",
    ),
    ("sessions_user_id_fkey", SESSION + "('{unknown}', 'password', now())"),
    ("sessions_auth_provider_form", SESSION + "('{ann}', '', now())"),
    ("sessions_auth_provider_form", SESSION + "('{ann}', 'Google', now())"),
    ("sessions_auth_provider_form", SESSION + "('{ann}', repeat('x', 21), now())"),
    ("sessions_id_not_null", "UPDATE sessions SET id = NULL"),
    ("sessions_user_id_not_null", "UPDATE sessions SET user_id = NULL"),
    ("sessions_auth_provider_not_null", "UPDATE sessions SET auth_provider = NULL"),
    ("sessions_created_at_not_null", "UPDATE sessions SET created_at = NULL"),
    ("sessions_last_used_at_not_null", "UPDATE sessions SET last_used_at = NULL"),
    ("sessions_expires_at_not_null", "UPDATE sessions SET expires_at = NULL"),
    ("sessions_is_gated_not_null", "UPDATE sessions SET is_gated = NULL"),
    ("refresh_tokens_pkey", TOKEN + "(sha256('token'), '{other session}')"),
    ("refresh_tokens_session_id_fkey", TOKEN + "(sha256('another'), '{unknown}')"),
    ("refresh_tokens_token_hash_sha256", TOKEN + "('a token in clear', '{session}')"),
    ("refresh_tokens_token_hash_not_null", TOKEN + "(NULL, '{session}')"),
    ("refresh_tokens_session_id_not_null", TOKEN + "(sha256('another'), NULL)"),
    ("refresh_tokens_created_at_not_null", "UPDATE refresh_tokens SET created_at = NULL"),
    ("spent_tickets_pkey", "INSERT INTO spent_tickets VALUES (sha256('ticket'), now())"),
    ("spent_tickets_ticket_hash_sha256", "INSERT INTO spent_tickets VALUES ('a ticket in clear', now())"),
    ("spent_tickets_ticket_hash_not_null", "INSERT INTO spent_tickets VALUES (NULL, now())"),
    ("spent_tickets_expires_at_not_null", "UPDATE spent_tickets SET expires_at = NULL"),
]


@pytest.mark.parametrize(("constraint", "sql"), BROKEN)
async def test_a_constraint_holds_even_for_a_dba(dba: asyncpg.Connection, constraint: str, sql: str) -> None:
    await assert_breaks(dba, constraint, sql)


async def test_every_constraint_is_tested(dba: asyncpg.Connection) -> None:
    assert await constraints_of(dba, TABLES) == {constraint for constraint, _ in BROKEN}


async def test_an_email_is_found_whatever_its_case_and_kept_as_it_was_written(dba: asyncpg.Connection) -> None:
    await affected(dba, "UPDATE users SET email = 'Ann@Example.org' WHERE id = '{ann}'")
    assert await dba.fetchval("SELECT email FROM users WHERE email = 'aNN@eXAMPLE.org'") == "Ann@Example.org"
    assert await dba.fetchval("SELECT homelog.find_user(NULL, 'ANN@EXAMPLE.ORG')") == id_of("ann")
    row = await row_of(dba, "SELECT user_id FROM homelog.find_credentials('ANN@EXAMPLE.ORG')")
    assert row == (id_of("ann"),)


async def test_accounts_without_a_username_do_not_collide(dba: asyncpg.Connection) -> None:
    assert await affected(dba, "SELECT FROM users WHERE username IS NULL") > 1


# Triggers, policies, grants

GUARDS = {
    "users": (
        {
            "_100_go_one_by_one",
            "_100_touch_updated_at",
            "_110_lock_own_account",
            "_500_leave_nothing_orphaned",
            "_600_forget_tombstones",
            "_700_keep_last_admin_delete",
            "_700_keep_last_admin_update",
            "_800_end_sessions",
            "_900_audit",
            "_900_audit_update",
            "_910_audit_standing",
        },
        {"owner_all", "select_ops", "select_reader", "update_writer", "delete_admin"},
    ),
    "user_passwords": ({"_050_settle", "_500_gate_all"}, {"owner_all", "select_ops", "select_reader"}),
    "user_oauth_identities": (
        {"_100_keep_a_way_in", "_900_audit"},
        {"owner_all", "select_ops", "select_reader", "insert_writer", "delete_admin"},
    ),
    "sessions": ({"_050_gate"}, {"owner_all", "select_ops", "select_reader", "update_writer"}),
    "refresh_tokens": (set(), {"owner_all"}),
    "spent_tickets": (set(), {"owner_all"}),
}

READABLE = {
    "users": None,  # all
    "user_passwords": {"user_id", "is_temporary", "created_at"},
    "user_oauth_identities": {
        "id", "user_id", "provider", "issuer", "provider_user_id", "email", "name", "profile_image", "token_expiry",
        "created_at",
    },
    "sessions": None,
    "refresh_tokens": set[str](),
    "spent_tickets": set[str](),
}  # fmt: skip
WRITABLE = {
    ("users", "INSERT"): set(),
    ("users", "UPDATE"): {"email", "username", "display_name"},
    ("user_passwords", "INSERT"): set(),
    ("user_passwords", "UPDATE"): set(),
    ("user_oauth_identities", "INSERT"): {"provider", "issuer", "provider_user_id", "email", "name", "profile_image"},
    ("user_oauth_identities", "UPDATE"): set(),
    ("sessions", "INSERT"): set(),
    ("sessions", "UPDATE"): {"ended_at"},
    ("refresh_tokens", "INSERT"): set(),
    ("refresh_tokens", "UPDATE"): set(),
    ("spent_tickets", "INSERT"): set(),
    ("spent_tickets", "UPDATE"): set(),
}


@pytest.mark.parametrize("table", TABLES)
async def test_every_trigger_and_policy_is_known(dba: asyncpg.Connection, table: str) -> None:
    assert (await triggers_of(dba, table), await policies_of(dba, table)) == GUARDS[table]


@pytest.mark.parametrize("role", ["homelog_api", "homelog_ops"])
@pytest.mark.parametrize("table", TABLES)
async def test_no_role_reads_a_secret_column(dba: asyncpg.Connection, role: str, table: str) -> None:
    allowed = READABLE[table]
    if allowed is None:
        allowed = await granted_to(dba, "postgres", table, "SELECT")
    assert await granted_to(dba, role, table, "SELECT") == allowed


@pytest.mark.parametrize(("table", "verb"), WRITABLE)
async def test_the_service_writes_no_column_that_is_the_servers(dba: asyncpg.Connection, table: str, verb: str) -> None:
    assert await granted_to(dba, "homelog_api", table, verb) == WRITABLE[table, verb]
    assert await granted_to(dba, "homelog_ops", table, verb) == set()


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        # How many rows of whom Ann, Ben, Dan and nobody see and change: only their own.
        ("SELECT FROM users", (1, 1, 1, 0)),
        ("UPDATE users SET display_name = 'x'", (1, 1, 1, 0)),
        ("DELETE FROM users", (1, 1, 1, 0)),
        ("SELECT is_temporary FROM user_passwords", (1, 1, 1, 0)),
        ("SELECT id FROM user_oauth_identities", (1, 0, 0, 0)),
        ("DELETE FROM user_oauth_identities", (1, 0, 0, 0)),
        ("SELECT FROM sessions", (1, 1, 0, 0)),
        ("UPDATE sessions SET ended_at = now()", (1, 1, 0, 0)),
    ],
)
async def test_one_sees_and_changes_ones_own_account_and_no_other(
    dba: asyncpg.Connection, sql: str, rows: tuple[int, ...]
) -> None:
    for person, expected in zip(("ann", "ben", "dan", "nobody"), rows, strict=True):
        transaction = dba.transaction()
        await transaction.start()
        await act_as(dba, person, "private")
        assert await affected(dba, sql) == expected
        await transaction.rollback()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT password_hash FROM user_passwords",
        "SELECT access_token FROM user_oauth_identities",
        "SELECT * FROM user_oauth_identities",
        "SELECT FROM refresh_tokens",
        "UPDATE users SET role = 'admin'",
        "UPDATE users SET is_active = true",
        "UPDATE users SET id = gen_random_uuid()",
        "INSERT INTO users (email) VALUES ('x@example.org')",
        "UPDATE user_passwords SET is_temporary = false",
        IDENTITY + "('https://x', '{ann}', 'line', 'x')",
        "UPDATE user_oauth_identities SET provider_user_id = 'another'",
        "INSERT INTO spent_tickets VALUES (sha256('x'), now())",
        "DELETE FROM spent_tickets",
        "UPDATE sessions SET expires_at = 'infinity'",
        "DELETE FROM sessions",
        "DELETE FROM user_passwords",
        "SELECT homelog.act_as('{ann}', NULL)",
        "SELECT homelog.record_login('{ben}', '{{}}')",
        "SELECT homelog.open_session('{ann}', 'password', NULL, '1 day')",
        "SELECT homelog.set_own_password('$argon2id$new')",
        "SELECT homelog.end_sessions(NULL)",
        "SELECT homelog.find_user(NULL, 'ann@example.org')",
        "UPDATE sessions SET is_gated = false",
        "SELECT homelog.check_session('{ann}', '{session}', true)",
        "SELECT homelog.give_password('{ann}', '$argon2id$new', false)",
        "SELECT homelog.make_admin('x@example.org', NULL, '$argon2id$new', false)",
        "SELECT homelog.recover_account('ann@example.org', '$argon2id$new', false)",
        "SELECT homelog.use_password('{ann}')",
    ],
)
async def test_what_crosses_the_line_needs_a_function(dba: asyncpg.Connection, sql: str) -> None:
    await act_as(dba, "ann")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await dba.execute(said(sql))


async def test_an_ended_session_stays_ended(dba: asyncpg.Connection) -> None:
    await act_as(dba, "ann")
    await affected(dba, "UPDATE sessions SET ended_at = now()")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await affected(dba, "UPDATE sessions SET ended_at = NULL")


async def test_signing_in_makes_nothing_stale(dba: asyncpg.Connection) -> None:
    stamp = "SELECT updated_at FROM users WHERE username = 'ann'"
    before = await dba.fetchval(stamp)
    await affected(dba, "SELECT homelog.record_login('{ann}', '{{}}')")
    assert await dba.fetchval(stamp) == before
    await affected(dba, "UPDATE users SET display_name = 'Ann' WHERE id = '{ann}'")
    assert await dba.fetchval(stamp) > before
    assert [row[0] for row in await told(dba)] == ["login", "update_user"]


# Admins

ADMINS = [
    "SELECT homelog.demand_admin()",
    "SELECT FROM homelog.list_accounts(NULL, NULL, NULL, NULL, 10)",
    "SELECT FROM homelog.get_account('{ben}')",
    "SELECT homelog.make_account('x@example.org', NULL, 'admin', '$argon2id$x', '1 day')",
    "SELECT FROM homelog.change_account('{ben}', NULL, '{{}}', '1 day')",
    "SELECT FROM homelog.delete_account('{ben}', NULL, '1 day')",
    "SELECT FROM homelog.reset_password('{ben}', '$argon2id$x', '1 day')",
    "SELECT FROM homelog.list_audit(NULL, NULL, NULL, NULL, NULL, 10)",
    "SELECT FROM homelog.list_audit_of_user('{ben}', NULL, NULL, NULL, NULL, 10)",
]


@pytest.mark.parametrize("sql", ADMINS)
@pytest.mark.parametrize("person", ["ann", "dan", "nobody"])
async def test_what_is_for_admins_is_not_there_for_others(dba: asyncpg.Connection, sql: str, person: str) -> None:
    await affected(dba, "UPDATE users SET role = 'admin' WHERE id = '{dan}'")
    await act_as(dba, person)
    if person == "dan":
        await affected(dba, sql)
        # A device token of an admin is none.
        await dba.execute("SELECT set_config('homelog.token_id', $1, true)", str(id_of("token")))
    with pytest.raises(asyncpg.PostgresError) as refused:
        await affected(dba, sql)
    assert refused.value.sqlstate == "HL404"


async def test_an_admin_sees_no_row_more_than_others(dba: asyncpg.Connection) -> None:
    await affected(dba, "UPDATE users SET role = 'admin' WHERE id = '{dan}'")
    await act_as(dba, "dan", every=True)
    for table, rows in (("users", 1), ("sessions", 0), ("homes", 0), ("data_sources", 0), ("user_passwords", 1)):
        assert await affected(dba, f"SELECT FROM {table}") == rows, table


@pytest.mark.parametrize(
    "going",
    [
        "UPDATE users SET role = 'operator'",
        "UPDATE users SET is_active = false",
        "UPDATE users SET role = 'operator' WHERE id = '{dan}'",
        "DELETE FROM users WHERE id = '{dan}'",
        "DELETE FROM users WHERE role = 'admin'",
    ],
)
async def test_the_last_active_admin_stays_even_for_a_dba(dba: asyncpg.Connection, going: str) -> None:
    await affected(dba, "UPDATE users SET role = 'admin' WHERE id IN ('{dan}', '{off}')")
    await assert_breaks(dba, "users_last_admin", going)


async def test_one_statement_may_put_another_in_the_last_admins_place(dba: asyncpg.Connection) -> None:
    await affected(dba, "UPDATE users SET role = 'admin' WHERE id = '{dan}'")
    swap = "UPDATE users SET role = CASE id WHEN '{ann}' THEN 'admin' ELSE 'operator' END"
    assert await affected(dba, swap) == 5
    assert await affected(dba, "DELETE FROM users") == 5


async def test_an_admin_does_not_go_under_a_snapshot_that_may_be_old(server: EmbeddedPostgres, database: str) -> None:
    own = await asyncpg.connect(server.url(server.superuser, database))
    await own.execute("INSERT INTO users (email, role) VALUES ('a@b', 'admin'), ('b@b', 'admin')")
    await own.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    with pytest.raises(asyncpg.FeatureNotSupportedError):
        await own.execute("DELETE FROM users WHERE email = 'a@b'")
    await own.close()


async def test_of_two_admins_demoted_at_once_the_second_waits_and_stays(
    server: EmbeddedPostgres, database: str
) -> None:
    first, second = [await asyncpg.connect(server.url(server.superuser, database)) for _ in range(2)]
    people = "INSERT INTO users (id, email, role) VALUES ('{ann}', 'a@b', 'admin'), ('{ben}', 'b@b', 'admin')"
    await first.execute(said(people))
    for going in ("UPDATE users SET role = 'operator' WHERE id = $1", "DELETE FROM users WHERE id = $1"):
        transaction = first.transaction()
        await transaction.start()
        await first.execute(going, id_of("ann"))
        waiting = asyncio.create_task(second.execute(going, id_of("ben")))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        await transaction.commit()
        if going.startswith("UPDATE"):
            with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
                await waiting
            assert refused.value.constraint_name == "users_last_admin"
            await first.execute("UPDATE users SET role = 'admin'")
        else:
            await waiting  # the only account: nothing is left to administer
    assert await first.fetchval("SELECT count(*) FROM users") == 0
    await first.close()
    await second.close()


async def test_who_registers_while_the_only_account_goes_finds_an_admin_or_is_one(
    server: EmbeddedPostgres, database: str
) -> None:
    first, second = [await asyncpg.connect(server.url(server.superuser, database)) for _ in range(2)]
    await first.execute("INSERT INTO users (id, email, role) VALUES ($1, 'a@b', 'admin')", id_of("ann"))
    transaction = second.transaction()
    await transaction.start()
    assert await register(second, "ben") == "operator"
    waiting = asyncio.create_task(first.execute("DELETE FROM users WHERE id = $1", id_of("ann")))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    await transaction.commit()
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await waiting
    await first.close()
    await second.close()


# Temporary passwords


async def test_a_password_that_becomes_temporary_gates_what_is_signed_in_and_a_new_one_frees_it(
    dba: asyncpg.Connection,
) -> None:
    gated = "SELECT is_gated FROM sessions WHERE user_id = '{ann}'"
    await affected(dba, "UPDATE user_passwords SET is_temporary = true WHERE user_id = '{ann}'")
    assert await row_of(dba, gated) == (True,)
    with pytest.raises(asyncpg.PostgresError) as refused:
        async with dba.transaction():
            await dba.execute(ACT, id_of("ann"), id_of("session"))
    assert refused.value.sqlstate == "HL4PW"
    await dba.execute("SELECT homelog.act_as_gated($1, $2)", id_of("ann"), id_of("session"))
    await affected(dba, "UPDATE user_passwords SET is_temporary = false")
    assert await row_of(dba, gated) == (False,)


async def test_a_session_opened_by_whatever_proof_is_gated_while_the_password_is_temporary(
    dba: asyncpg.Connection,
) -> None:
    await affected(dba, "UPDATE user_passwords SET is_temporary = true WHERE user_id = '{dan}'")
    opened = "SELECT homelog.open_session('{dan}', '{provider}', sha256('{provider}'), '1 day')"
    for provider in ("google", "line", "password"):
        await dba.execute(said(opened.replace("{provider}", provider)))
    assert set(await rows_of(dba, "SELECT is_gated FROM sessions WHERE user_id = '{dan}'")) == {(True,)}


async def test_no_session_is_opened_for_an_account_that_is_not_active(dba: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.PostgresError) as refused:
        await affected(dba, SESSION + "('{off}', 'google', now())")
    assert refused.value.sqlstate == "HL401"


async def test_deactivation_by_psql_ends_sessions_for_good(dba: asyncpg.Connection) -> None:
    await affected(dba, "UPDATE users SET is_active = false WHERE id = '{ann}'")
    await affected(dba, "UPDATE users SET is_active = true WHERE id = '{ann}'")
    assert await affected(dba, "SELECT FROM sessions WHERE user_id = '{ann}' AND ended_at IS NULL") == 0
    assert [event for event, _ in await told(dba)] == ["deactivate_user", "activate_user"]


# The first account


async def register(dba: asyncpg.Connection, name: str) -> str:
    role = await dba.fetchval(
        "SELECT role FROM homelog.register_user($1, $2::text::citext, $3, '$argon2id$x')",
        *(id_of(name), f"{name}@example.org", name),
    )
    return str(role)


async def test_the_first_account_is_made_admin_and_no_later_one(server: EmbeddedPostgres, database: str) -> None:
    people = [f"person{n}" for n in range(20)]
    connections = [await asyncpg.connect(server.url("homelog_api", database)) for _ in people]
    roles = await asyncio.gather(*(register(each, name) for each, name in zip(connections, people, strict=True)))
    assert sorted(roles) == ["admin", *["operator"] * 19]
    assert await register(connections[0], "late") == "operator"
    for connection in connections:
        await connection.close()


# Deleting an account, by psql as by the API


async def test_an_account_takes_along_what_it_alone_administers(dba: asyncpg.Connection) -> None:
    await affected(dba, "DELETE FROM users WHERE id = '{ann}'")
    for table in ("homes", "data_sources", "readings", "user_source_access", "data_validators", "sessions"):
        left = "sessions WHERE user_id <> '{ben}'" if table == "sessions" else table
        assert await affected(dba, f"SELECT FROM {left}") == 0, table
    assert await dba.fetchval("SELECT array_agg(name) FROM plants") == ["Cactus"]


async def test_what_it_alone_administered_leaves_one_audit_row_each_with_count_and_range(
    dba: asyncpg.Connection,
) -> None:
    await affected(dba, "DELETE FROM users WHERE id = '{ann}'")
    log = await told(dba, "event_type, source_id, details")
    gone = {source: json.loads(details) for event, source, details in log if event == "delete_source"}
    assert gone == {
        id_of("private"): {
            "name": "Private", "readings": 3,
            "first": "2026-01-01T00:00:00+00:00", "last": "2026-01-03T00:00:00+00:00",
        },
        id_of("public"): {
            "name": "Public", "readings": 1,
            "first": "2026-01-01T00:00:00+00:00", "last": "2026-01-01T00:00:00+00:00",
        },
    }  # fmt: skip
    assert not [event for event, *_ in log if event == "delete_entry"]


async def test_what_another_also_administers_stays_and_forgets_the_account(dba: asyncpg.Connection) -> None:
    await affected(dba, "UPDATE user_source_access SET access_level = 'admin' WHERE user_id = '{ben}'")
    await affected(dba, "DELETE FROM users WHERE id = '{ann}'")
    assert await rows_of(dba, "SELECT name, created_by, home_id FROM data_sources") == [("Private", None, None)]
    assert await affected(dba, "SELECT FROM user_source_access WHERE granted_by IS NULL") == 2
    assert await affected(dba, "SELECT FROM data_validators WHERE created_by IS NULL") == 1
    recorded = await dba.fetch("SELECT recorded_by FROM readings ORDER BY timestamp")
    assert [row[0] for row in recorded] == [None, id_of("ben"), None]


async def test_taking_a_name_off_readings_is_told_of_no_reading(dba: asyncpg.Connection) -> None:
    # Their values have not changed.
    await affected(dba, "UPDATE user_source_access SET access_level = 'admin' WHERE user_id = '{ben}'")
    await affected(dba, "DELETE FROM users WHERE id = '{ann}'")
    assert not [event for event, _ in await told(dba) if event.endswith("_entry")]


async def test_care_for_anothers_plant_stays_and_forgets_the_account(dba: asyncpg.Connection) -> None:
    await affected(dba, "UPDATE care_events SET user_id = '{ben}'")
    await affected(dba, "UPDATE growth_measurements SET user_id = '{ben}'")
    await affected(dba, "DELETE FROM users WHERE id = '{ben}'")
    assert await rows_of(dba, "SELECT user_id FROM care_events UNION ALL SELECT user_id FROM growth_measurements") == [
        (None,), (None,),
    ]  # fmt: skip


async def test_the_audit_log_keeps_the_name_of_an_account_that_is_gone(dba: asyncpg.Connection) -> None:
    await affected(dba, "DELETE FROM users WHERE id = '{ben}'")
    assert await affected(dba, "SELECT FROM audit_logs WHERE user_id = '{ben}'") == 1


@pytest.mark.parametrize(
    ("remove", "left"),
    [("DELETE FROM user_source_access WHERE user_id", 1), ("DELETE FROM users WHERE id", 0)],
)
async def test_of_two_admins_removed_at_once_the_second_knows_it_is_the_last(
    server: EmbeddedPostgres, database: str, remove: str, left: int
) -> None:
    # Each sees the other as the one who stays. The last grant cannot be revoked; the last account takes all along.
    first, second = [await asyncpg.connect(server.url(server.superuser, database)) for _ in range(2)]
    await first.execute(
        said(
            "INSERT INTO users (id, email) VALUES ('{ann}', 'ann@example.org'), ('{ben}', 'ben@example.org');"
            "INSERT INTO data_sources (id, name, source_type, unit) VALUES ('{private}', 'x', 'x', 'x');"
            "INSERT INTO user_source_access (user_id, source_id, access_level)"
            " VALUES ('{ann}', '{private}', 'admin'), ('{ben}', '{private}', 'admin')"
        )
    )
    transaction = first.transaction()
    await transaction.start()
    await first.execute(f"{remove} = $1", id_of("ann"))
    waiting = asyncio.create_task(second.execute(f"{remove} = $1", id_of("ben")))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    await transaction.commit()
    if left:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
            await waiting
        assert refused.value.constraint_name == "user_source_access_last_admin"
    else:
        await waiting
    assert await rows_of(first, "SELECT user_id FROM user_source_access") == [(id_of("ben"),)] * left
    assert await first.fetchval("SELECT count(*) FROM data_sources") == left
    await first.close()
    await second.close()


# Sessions and passwords, by their functions

DAY = timedelta(days=1)
ACT = "SELECT homelog.act_as($1, $2, ARRAY[]::uuid[])"
REFRESH = "SELECT verdict, user_id FROM homelog.refresh_session($1, $2, $3, $4)"


def hashed(name: str) -> bytes:
    return name.encode().ljust(32)


@pytest.mark.parametrize(
    ("spoil", "caller", "session"),
    [
        ("UPDATE sessions SET ended_at = now()", "ann", "session"),
        ("UPDATE sessions SET expires_at = now()", "ann", "session"),
        ("UPDATE users SET is_active = false", "ann", "session"),
        ("DELETE FROM sessions", "ann", "session"),
        ("SELECT", "ann", "other session"),
        ("SELECT", "ben", "session"),
        ("SELECT", "unknown", "session"),
        ("SELECT", "ann", None),
    ],
)
async def test_nobody_acts_with_a_session_that_is_not_theirs_and_alive(
    dba: asyncpg.Connection, spoil: str, caller: str, session: str | None
) -> None:
    await dba.execute("SET LOCAL ROLE homelog_api")
    await dba.execute(ACT, id_of("ann"), id_of("session"))
    await dba.execute("RESET ROLE")
    await dba.execute(spoil)
    await dba.execute("SET LOCAL ROLE homelog_api")
    with pytest.raises(asyncpg.PostgresError) as refused:
        await dba.execute(ACT, id_of(caller), id_of(session) if session else None)
    assert refused.value.sqlstate == "HL401"


@pytest.mark.parametrize("person", ["off", "unknown"])
async def test_nobody_acts_as_an_account_that_is_not_active(dba: asyncpg.Connection, person: str) -> None:
    with pytest.raises(asyncpg.PostgresError) as refused:
        await act_as(dba, person)
    assert refused.value.sqlstate == "HL401"


async def test_acting_as_nobody_forgets_who_acted_before(dba: asyncpg.Connection) -> None:
    await act_as(dba, "ann", every=True)
    await dba.execute(ACT, None, None)
    assert await row_of(
        dba,
        "SELECT homelog.current_user_id(), homelog.current_session_id(), homelog.readable_sources(),"
        " homelog.granted_sources(), homelog.writable_sources(), homelog.administered_sources()",
    ) == (None, None, [], [], [], [])


async def open_session(dba: asyncpg.Connection, person: str, token: str) -> object:
    return await dba.fetchval("SELECT homelog.open_session($1, 'password', $2, $3)", id_of(person), hashed(token), DAY)


async def test_a_refresh_token_is_replaced_and_its_parent_honoured_for_a_grace(dba: asyncpg.Connection) -> None:
    session = await open_session(dba, "ann", "one")
    ten, none = timedelta(seconds=10), timedelta(0)
    assert await row_of(dba, REFRESH, hashed("one"), hashed("two"), DAY, ten) == ("rotated", id_of("ann"))
    # The answer was lost: the same successor again.
    assert await row_of(dba, REFRESH, hashed("one"), hashed("two"), DAY, ten) == ("again", id_of("ann"))
    assert await row_of(dba, REFRESH, hashed("two"), hashed("three"), DAY, ten) == ("rotated", id_of("ann"))
    # A copy of an older one turns up: the session ends, and its newest token with it.
    assert await row_of(dba, REFRESH, hashed("one"), hashed("two"), DAY, none) == ("reused", id_of("ann"))
    assert await row_of(dba, REFRESH, hashed("three"), hashed("four"), DAY, ten) == ("dead", None)
    assert await dba.fetchval("SELECT ended_at FROM sessions WHERE id = $1", session) is not None
    assert [row[0] for row in await told(dba)] == ["login", "refresh_reused"]


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE sessions SET ended_at = now()",
        "UPDATE sessions SET expires_at = now()",
        "UPDATE users SET is_active = false",
        "DELETE FROM users",
    ],
)
async def test_a_dead_sessions_token_refreshes_nothing(dba: asyncpg.Connection, spoil: str) -> None:
    await open_session(dba, "ben", "one")
    await dba.execute(spoil)
    for token in ("one", "unknown"):
        row = await row_of(dba, REFRESH, hashed(token), hashed("two"), DAY, timedelta(seconds=10))
        assert row == ("dead", None)


async def test_ending_a_session_is_told_once(dba: asyncpg.Connection) -> None:
    await open_session(dba, "ann", "one")
    end = "SELECT homelog.end_session_of_token($1)"
    assert [await dba.fetchval(end, hashed(token)) for token in ("one", "one", "unknown")] == [True, False, False]
    assert [row[0] for row in await told(dba)] == ["login", "logout"]


async def test_a_new_password_ends_every_other_session(dba: asyncpg.Connection) -> None:
    await open_session(dba, "ann", "one")
    await dba.execute("SET LOCAL ROLE homelog_api")
    await dba.execute(ACT, id_of("ann"), id_of("session"))
    change = "SELECT homelog.change_own_password($1, '$argon2id$new')"
    assert await dba.fetchval(change, "$argon2id$not it") is False
    assert await dba.fetchval(change, "$argon2id$hash of ann@example.org") is True
    await dba.execute("RESET ROLE")
    alive = await dba.fetch("SELECT id FROM sessions WHERE ended_at IS NULL")
    assert {row[0] for row in alive} == {id_of("session"), id_of("other session")}
    assert await dba.fetchval("SELECT is_temporary FROM user_passwords WHERE user_id = $1", id_of("ann")) is False


async def test_a_rehash_does_not_undo_a_new_password(dba: asyncpg.Connection) -> None:
    rehash = "SELECT homelog.rehash_password($1, $2, '$argon2id$stronger')"
    await dba.execute(rehash, id_of("ann"), "$argon2id$an older one")
    stored = "SELECT password_hash FROM user_passwords WHERE user_id = $1"
    assert await dba.fetchval(stored, id_of("ann")) == "$argon2id$hash of ann@example.org"
    await dba.execute(rehash, id_of("ann"), "$argon2id$hash of ann@example.org")
    assert await dba.fetchval(stored, id_of("ann")) == "$argon2id$stronger"


@pytest.mark.parametrize(
    ("person", "checked", "so"),
    [
        ("ann", "$argon2id$hash of ann@example.org", True),
        ("ann", "$argon2id$hash of ben@example.org", False),
        ("off", "$argon2id$hash of off@example.org", False),
        ("unknown", "$argon2id$x", False),
    ],
)
async def test_a_password_is_confirmed_for_an_active_account_alone(
    dba: asyncpg.Connection, person: str, checked: str, so: bool
) -> None:
    assert await dba.fetchval("SELECT homelog.confirm_password($1, $2)", id_of(person), checked) is so


async def test_a_failed_login_is_told_without_what_was_typed(dba: asyncpg.Connection) -> None:
    for typed in ("ANN@example.org", "my password, typed into the wrong field"):
        await dba.execute("SELECT homelog.record_failed_login($1::text::citext)", typed)
    assert await told(dba, "user_id, event_type, details") == [
        (id_of("ann"), "login_failed", '{"provider": "password"}'),
        (None, "login_failed", '{"provider": "password"}'),
    ]


# Signing in with providers

SIGN_IN = (
    "SELECT verdict, user_id FROM homelog.sign_in_by_identity("
    "$1, $2, $3, $4, 'Eve', NULL, $5, sha256(uuidv7()::text::bytea), '1 day')"
)
GOOGLE = ("google", "https://accounts.google.com")


async def test_an_identity_opens_the_account_that_it_is_linked_to(dba: asyncpg.Connection) -> None:
    row = await row_of(dba, SIGN_IN, *GOOGLE, "subject", "whatever@example.org", False)
    assert row == ("opened", id_of("ann"))
    assert await dba.fetchval("SELECT homelog.current_user_id()") == id_of("ann")
    assert ("login",) in await told(dba, "event_type")


@pytest.mark.parametrize(
    ("identity", "email", "may_register", "verdict"),
    [
        ((*GOOGLE, "another"), "ANN@example.org", True, "email_taken"),
        ((*GOOGLE, "another"), None, True, "email_required"),
        ((*GOOGLE, "another"), "new@example.org", False, "closed"),
        (("google", "https://another.example.org", "subject"), "ann@example.org", True, "email_taken"),
        (("line", "https://accounts.google.com", "subject"), "ann@example.org", True, "email_taken"),
        (("oidc", "https://accounts.google.com", "subject"), None, True, "email_required"),
    ],
)
async def test_no_other_identity_opens_it(
    dba: asyncpg.Connection, identity: tuple[str, str, str], email: str | None, may_register: bool, verdict: str
) -> None:
    assert await row_of(dba, SIGN_IN, *identity, email, may_register) == (verdict, None)
    assert await dba.fetchval("SELECT homelog.current_user_id()") is None
    assert await told(dba) == []


async def test_an_identity_of_an_account_that_is_not_active_opens_nothing(dba: asyncpg.Connection) -> None:
    await affected(dba, "UPDATE users SET is_active = false WHERE id = '{ann}'")
    assert await row_of(dba, SIGN_IN, *GOOGLE, "subject", None, True) == ("inactive", id_of("ann"))
    assert await affected(dba, "SELECT FROM sessions WHERE auth_provider = 'google'") == 0


async def test_an_identity_without_an_account_makes_one(dba: asyncpg.Connection) -> None:
    row = await row_of(dba, SIGN_IN, *GOOGLE, "another", "eve@example.org", True)
    assert row is not None
    assert await row_of(dba, SIGN_IN, *GOOGLE, "another", "moved@example.org", False) == row
    made = await dba.fetchrow("SELECT email::text, display_name, role FROM users WHERE id = $1", row[1])
    assert made is not None
    assert tuple(made) == ("eve@example.org", "Eve", "operator")
    assert [event for (event,) in await told(dba, "event_type")] == ["create_user", "link_identity", "login", "login"]


async def test_a_ticket_is_spent_once(dba: asyncpg.Connection) -> None:
    spend = "SELECT homelog.spend_ticket(sha256('new'), now())"
    assert [await dba.fetchval(spend) for _ in range(3)] == [True, False, False]


async def test_the_last_way_into_an_account_stays(dba: asyncpg.Connection) -> None:
    leave = "DELETE FROM user_oauth_identities WHERE user_id = '{ann}'"
    for lost in ("UPDATE user_passwords SET is_temporary = true", "DELETE FROM user_passwords"):
        await affected(dba, lost)
        await assert_breaks(dba, "user_oauth_identities_last_way_in", leave)
    assert await affected(dba, "DELETE FROM users WHERE id = '{ann}'") == 1
    assert await affected(dba, "SELECT FROM user_oauth_identities") == 0


async def test_the_tokens_of_a_provider_are_kept_for_ones_own_identity_alone(dba: asyncpg.Connection) -> None:
    keep = "SELECT homelog.keep_provider_tokens($1, $2, $3, NULL)"
    await act_as(dba, "ben")
    await dba.execute(keep, id_of("identity"), "stolen", None)
    await act_as(dba, "ann")
    await dba.execute(keep, id_of("identity"), "sealed", "sealed too")
    await dba.execute(keep, id_of("identity"), "sealed anew", None)
    await dba.execute("RESET ROLE")
    row = await row_of(dba, "SELECT access_token, refresh_token FROM user_oauth_identities")
    assert row == ("sealed anew", "sealed too")


TURNS = (
    "SELECT objid::bigint AS bucket FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
    " AND classid::bigint = hashtext('homelog: readings')::bigint & 4294967295"
)


async def test_an_account_that_goes_takes_all_its_turns_at_once(dba: asyncpg.Connection) -> None:
    """Whoever took one more later, out of order, could wait for a writer who waits for them."""
    await affected(
        dba,
        "WITH made AS (INSERT INTO data_sources (id, name, source_type, unit, home_id, created_by) VALUES"
        " ('{bens}', 'Of a member', 'heat', 'kWh', '{house}', '{ben}'),"
        " ('{former}', 'Of others', 'heat', 'kWh', NULL, '{ben}') RETURNING id)"
        " INSERT INTO audit_logs (user_id, source_id, event_type) VALUES ('{ann}', '{former}', 'create_entry')",
    )
    buckets = await rows_of(
        dba, "SELECT DISTINCT hashtext(s.id)::int & 1023 FROM unnest($1::text[]) AS s (id) ORDER BY 1",
        [str(id_of(source)) for source in ("private", "public", "bens", "former")],
    )  # fmt: skip
    await dba.execute("SELECT homelog.lock_account($1)", id_of("ann"))
    assert await rows_of(dba, f"{TURNS} ORDER BY 1") == buckets
    assert await affected(dba, "DELETE FROM users WHERE id = '{ann}'") == 1
    assert await rows_of(dba, f"{TURNS} ORDER BY 1") == buckets
