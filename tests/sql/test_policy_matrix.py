"""Who sees and changes what, of every table: table × actor × verb, as the service acts for each.

The tables are the catalogue's own: a new one fails here until it has its entry.
"""

import asyncpg
import pytest

from tests.sql.rules import act_as, affected, id_of, rows_of

ACTORS = ["ann", "ben", "cat", "dan", "nobody"]
"""The admin of `private` and `public` and owner of the house; who may write to `private`; who may read it; a stranger,
who has a plant; nobody. Each request names both sources."""

Cells = tuple[int | None, int | None, int | None, int | None, int | None]
"""How many rows each actor sees or changes; None: the statement is refused."""

NONE: Cells = (0, 0, 0, 0, 0)
REFUSED: Cells = (None, None, None, None, None)

MATRIX: dict[str, dict[str, Cells]] = {
    "audit_logs": {
        "SELECT": (3, 1, 0, 1, 0),  # hers and all of her sources; what one did oneself
        "INSERT": (1, 1, 1, 1, 1),
        "UPDATE": REFUSED,
        "DELETE": REFUSED,
    },
    "calendar_links": {
        "SELECT": (1, 0, 0, 0, 0),
        "INSERT": (1, 1, 1, 1, None),  # or another key for the one that is there
        "UPDATE": (1, 0, 0, 0, 0),
        "DELETE": (1, 0, 0, 0, 0),
    },
    "care_events": {
        "SELECT": (1, 0, 0, 0, 0),
        "INSERT": (1, None, None, None, None),
        "UPDATE": REFUSED,
        "DELETE": (1, 0, 0, 0, 0),
    },
    "care_intervals": {
        "SELECT": (1, 0, 0, 0, 0),
        "INSERT": (1, None, None, None, None),
        "UPDATE": (1, 0, 0, 0, 0),
        "DELETE": (1, 0, 0, 0, 0),
    },
    "changed_days": {
        "SELECT": (4, 3, 3, 0, 0),  # a public source's are for those who were granted it
        "INSERT": REFUSED,
        "UPDATE": REFUSED,
        "DELETE": REFUSED,
    },
    "changed_sources": {
        "SELECT": (2, 1, 1, 0, 0),
        "INSERT": REFUSED,
        "UPDATE": REFUSED,
        "DELETE": REFUSED,
    },
    "data_sources": {
        "SELECT": (2, 2, 2, 1, 1),  # the public one is everyone's who names it
        "INSERT": REFUSED,  # homelog.create_source()
        "UPDATE": (2, 0, 0, 0, 0),
        "DELETE": (2, 0, 0, 0, 0),
    },
    "data_validators": {
        "SELECT": (1, 1, 1, 0, 0),
        "INSERT": (1, None, None, None, None),
        "UPDATE": (1, 0, 0, 0, 0),
        "DELETE": (1, 0, 0, 0, 0),
    },
    "device_tokens": {
        "SELECT": (1, 0, 0, 0, 0),
        "INSERT": (1, 1, 1, 1, None),
        "UPDATE": REFUSED,
        "DELETE": (1, 0, 0, 0, 0),
    },
    "gained_homes": {"SELECT": REFUSED, "INSERT": REFUSED, "UPDATE": REFUSED, "DELETE": REFUSED},
    "gained_sources": {"SELECT": REFUSED, "INSERT": REFUSED, "UPDATE": REFUSED, "DELETE": REFUSED},
    "growth_measurements": {
        "SELECT": (1, 0, 0, 0, 0),
        "INSERT": (1, None, None, None, None),
        "UPDATE": (1, 0, 0, 0, 0),
        "DELETE": REFUSED,
    },
    "home_members": {
        "SELECT": (2, 0, 0, 0, 0),
        "INSERT": (1, None, None, None, None),
        "UPDATE": (2, 0, 0, 0, 0),
        "DELETE": (1, 0, 0, 0, 0),  # the others'
    },
    "homes": {
        "SELECT": (1, 0, 0, 0, 0),  # a source that is granted does not show the home it stands in
        "INSERT": (1, 1, 1, 1, None),
        "UPDATE": (1, 0, 0, 0, 0),
        "DELETE": (1, 0, 0, 0, 0),
    },
    "maintenance_runs": {"SELECT": REFUSED, "INSERT": REFUSED, "UPDATE": REFUSED, "DELETE": REFUSED},
    "meter_events": {
        "SELECT": (2, 2, 2, 1, 1),
        "INSERT": (1, 1, None, None, None),
        "UPDATE": REFUSED,
        "DELETE": (2, 1, 0, 0, 0),
    },
    "latest_readings": {
        "SELECT": (2, 2, 2, 1, 1),
        "INSERT": REFUSED,  # triggers on readings
        "UPDATE": REFUSED,
        "DELETE": REFUSED,
    },
    "line_protocol_sources": {
        "SELECT": (1, 0, 0, 0, 0),
        "INSERT": (1, 1, 1, 1, None),
        "UPDATE": (1, 0, 0, 0, 0),
        "DELETE": (1, 0, 0, 0, 0),
    },
    "moved_things": {"SELECT": REFUSED, "INSERT": REFUSED, "UPDATE": REFUSED, "DELETE": REFUSED},
    "password_guesses": {"SELECT": REFUSED, "INSERT": REFUSED, "UPDATE": REFUSED, "DELETE": REFUSED},
    "place_tombstones": {"SELECT": REFUSED, "INSERT": REFUSED, "UPDATE": REFUSED, "DELETE": REFUSED},
    "plants": {
        "SELECT": (1, 0, 0, 1, 0),
        "INSERT": (1, 1, 1, 1, None),
        "UPDATE": (1, 0, 0, 1, 0),
        "DELETE": (1, 0, 0, 1, 0),
    },
    "readings": {
        "SELECT": (4, 4, 4, 1, 1),
        "INSERT": (1, 1, None, None, None),
        "UPDATE": (4, 3, 0, 0, 0),
        "DELETE": (4, 3, 0, 0, 0),
    },
    "reading_days": {
        "SELECT": (2, 2, 2, 1, 1),
        "INSERT": REFUSED,  # triggers on readings
        "UPDATE": REFUSED,
        "DELETE": REFUSED,
    },
    "reading_horizons": {
        "SELECT": (2, 2, 2, 1, 1),
        "INSERT": REFUSED,  # homelog.expire_readings()
        "UPDATE": REFUSED,
        "DELETE": REFUSED,
    },
    "reading_hours": {
        "SELECT": (2, 2, 2, 1, 1),
        "INSERT": REFUSED,  # triggers on readings
        "UPDATE": REFUSED,
        "DELETE": REFUSED,
    },
    "refresh_tokens": {"SELECT": REFUSED, "INSERT": REFUSED, "UPDATE": REFUSED, "DELETE": REFUSED},
    "request_budgets": {"SELECT": REFUSED, "INSERT": REFUSED, "UPDATE": REFUSED, "DELETE": REFUSED},
    "sessions": {
        "SELECT": (1, 1, 0, 0, 0),
        "INSERT": REFUSED,
        "UPDATE": (1, 1, 0, 0, 0),
        "DELETE": REFUSED,
    },
    "source_retentions": {
        "SELECT": (1, 1, 1, 0, 0),
        "INSERT": (1, None, None, None, None),
        "UPDATE": (1, 0, 0, 0, 0),
        "DELETE": (1, 0, 0, 0, 0),
    },
    "source_tombstones": {
        "SELECT": (2, 1, 1, 0, 0),
        "INSERT": REFUSED,
        "UPDATE": REFUSED,
        "DELETE": REFUSED,
    },
    "spent_tickets": {"SELECT": REFUSED, "INSERT": REFUSED, "UPDATE": REFUSED, "DELETE": REFUSED},
    "stale_days": {"SELECT": REFUSED, "INSERT": REFUSED, "UPDATE": REFUSED, "DELETE": REFUSED},
    "user_oauth_identities": {
        "SELECT": (1, 0, 0, 0, 0),
        "INSERT": (1, 1, 1, 1, None),
        "UPDATE": REFUSED,
        "DELETE": (1, 0, 0, 0, 0),
    },
    "user_passwords": {
        "SELECT": (1, 1, 1, 1, 0),
        "INSERT": REFUSED,
        "UPDATE": REFUSED,
        "DELETE": REFUSED,
    },
    "user_source_access": {
        "SELECT": (4, 1, 1, 0, 0),
        "INSERT": (1, None, None, None, None),
        "UPDATE": (4, 0, 0, 0, 0),
        "DELETE": (2, 1, 1, 0, 0),  # the others'; one gives up one's own
    },
    "user_tombstones": {
        "SELECT": (1, 0, 1, 0, 0),
        "INSERT": REFUSED,
        "UPDATE": REFUSED,
        "DELETE": REFUSED,
    },
    "users": {
        "SELECT": (1, 1, 1, 1, 0),
        "INSERT": REFUSED,
        "UPDATE": (1, 1, 1, 1, 0),
        "DELETE": (1, 1, 1, 1, 0),
    },
}

VIEWS: dict[str, Cells] = {
    # What each actor sees of a view, which nobody writes to.
    "shown_care_intervals": (1, 0, 0, 0, 0),
    "shown_plants": (1, 0, 0, 1, 0),
}

# Inserts of what each actor would make, in their own name where a name is asked for.
INSERTS = {
    "audit_logs": "(user_id, event_type) VALUES ({caller}, 'login')",
    "calendar_links": "(key_hash) VALUES (sha256('x')) ON CONFLICT (user_id) DO UPDATE SET key_hash = sha256('x')",
    "care_events": "(plant_id, kind) VALUES ('{fern}', 'water')",
    "changed_days": "(source_id, day) VALUES ('{private}', '2026-01-09')",
    "changed_sources": "(source_id) VALUES ('{private}')",
    "care_intervals": "(plant_id, kind, every) VALUES ('{fern}', 'repot', 365)",
    "data_sources": "(name, source_type, unit) VALUES ('x', 'x', 'x')",
    "data_validators": "(source_id, max_value) VALUES ('{private}', 1)",
    "device_tokens": "(name, scopes, token_hash) VALUES ('x', '{{read:data}}', sha256('x'))",
    "gained_homes": "(home_id, user_id) VALUES ('{house}', {caller})",
    "gained_sources": "(user_id, source_id) VALUES ({caller}, '{private}')",
    "growth_measurements": "(plant_id, value) VALUES ('{fern}', 1)",
    "home_members": "(home_id, user_id, access_level) VALUES ('{house}', '{dan}', 'read')",
    "homes": "(name) VALUES ('x')",
    "maintenance_runs": "DEFAULT VALUES",
    "latest_readings": "SELECT source_id, id, timestamp, value, quality_flag FROM readings",
    "meter_events": "(source_id, at, kind) VALUES ('{private}', now(), 'swap')",
    "line_protocol_sources": "(series) VALUES ('n f')",
    "moved_things": "(type, id) VALUES ('plant', '{fern}')",
    "password_guesses": "(about) VALUES (sha256('x'))",
    "place_tombstones": "(place_id, id, type, op) VALUES ('{house}', '{fern}', 'plant', 'lost')",
    "plants": "(name, kind) VALUES ('x', 'fig')",
    "readings": "(source_id, timestamp, value) VALUES ('{private}', now(), 1)",
    "reading_days": (
        "SELECT source_id, timestamp, timestamp + interval '1 day', 10, 1, 1, 10, timestamp, 1, timestamp, 1, 0"
        " FROM readings"
    ),
    "reading_horizons": "(source_id, deleted_until) VALUES ('{private}', now())",
    "reading_hours": "SELECT source_id, timestamp, 10, 1, 1, 10, timestamp, 1, timestamp, 1, 0 FROM readings",
    "refresh_tokens": "(token_hash, session_id) VALUES (sha256('x'), '{session}')",
    "request_budgets": "VALUES ({caller}, now(), 1)",
    "sessions": "(user_id, auth_provider, expires_at) VALUES ({caller}, 'password', now())",
    "source_retentions": "(source_id, months) VALUES ('{public}', 1)",
    "stale_days": "(source_id) VALUES ('{public}')",
    "source_tombstones": "(source_id, id, type) VALUES ('{private}', '{reading}', 'reading')",
    "spent_tickets": "(ticket_hash, expires_at) VALUES (sha256('x'), now())",
    "user_oauth_identities": "(provider, issuer, provider_user_id) VALUES ('line', 'https://x', 'x')",
    "user_passwords": "(user_id, password_hash) VALUES ({caller}, '$argon2id$')",
    "user_source_access": "(user_id, source_id, access_level) VALUES ('{dan}', '{private}', 'read')",
    "user_tombstones": "(user_id, id, type, op) VALUES ({caller}, '{house}', 'home', 'delete')",
    "users": "(email) VALUES ('x@example.org')",
}
# What a column may be set to, but to what it is: a session is ended and never revived, a hash is not read.
UPDATES = {("calendar_links", "key_hash"): "sha256('y')", ("sessions", "ended_at"): "now()"}
# All that one may, but where a rule of the table stops the last of it.
DELETES = dict.fromkeys(["user_source_access", "home_members"], " WHERE user_id <> '{ann}'")

CELLS = [
    (table, verb, actor, cells[n])
    for table, verbs in MATRIX.items()
    for verb, cells in verbs.items()
    for n, actor in enumerate(ACTORS)
]


async def test_every_table_has_its_entry(dba: asyncpg.Connection) -> None:
    rows = await dba.fetch(
        "SELECT relname FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')"
    )
    assert {row[0] for row in rows} - VIEWS.keys() == MATRIX.keys() == INSERTS.keys()
    assert all(verbs.keys() == {"SELECT", "INSERT", "UPDATE", "DELETE"} for verbs in MATRIX.values())


async def statement(dba: asyncpg.Connection, table: str, verb: str, actor: str) -> str:
    """What does most of what the verb may: of every row that is there, in the columns that are granted."""
    if verb == "INSERT":
        caller = "NULL" if actor == "nobody" else f"'{id_of(actor)}'"
        return f"INSERT INTO {table} {INSERTS[table].replace('{caller}', caller)}"
    if verb == "DELETE":
        return f"DELETE FROM {table}{DELETES.get(table, '')}"  # noqa: S608
    columns = await rows_of(
        dba,
        "SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped"
        " AND attidentity = '' ORDER BY has_column_privilege('homelog_api', attrelid, attnum, $2) DESC, attnum LIMIT 1",
        *(table, verb),
    )
    ((column,),) = columns
    if verb == "SELECT":
        return f"SELECT {column} FROM {table}"  # noqa: S608
    value = UPDATES.get((table, column), column)
    return f"UPDATE {table} SET {column} = {value}"  # noqa: S608


@pytest.mark.parametrize(("table", "verb", "actor", "expected"), CELLS)
async def test_a_cell(dba: asyncpg.Connection, table: str, verb: str, actor: str, expected: int | None) -> None:
    sql = await statement(dba, table, verb, actor)
    await act_as(dba, actor, "private", "public")
    if expected is None:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await affected(dba, sql)
    else:
        assert await affected(dba, sql) == expected


@pytest.mark.parametrize(
    ("view", "actor", "expected"), [(view, *each) for view in VIEWS for each in zip(ACTORS, VIEWS[view], strict=True)]
)
async def test_a_view_shows_what_its_tables_show(dba: asyncpg.Connection, view: str, actor: str, expected: int) -> None:
    await act_as(dba, actor, "private", "public")
    assert await affected(dba, f"SELECT FROM {view}") == expected
    written = "SELECT has_any_column_privilege($1::text, 'INSERT, UPDATE') OR has_table_privilege($1::text, 'DELETE')"
    assert not await dba.fetchval(written, view)


@pytest.mark.parametrize("table", MATRIX)
async def test_the_cast_has_a_row_of_everything(dba: asyncpg.Connection, table: str) -> None:
    # Else a cell that says 0 would prove nothing.
    assert await affected(dba, f"SELECT FROM {table}") > 0


@pytest.mark.parametrize("table", MATRIX)
async def test_the_service_empties_no_table_and_changes_none_of_its_rules(dba: asyncpg.Connection, table: str) -> None:
    await act_as(dba, "ann", "private", "public")
    for sql in (
        f"TRUNCATE {table}",
        f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
        f"CREATE TRIGGER _100_x BEFORE INSERT ON {table} EXECUTE FUNCTION homelog.tg__refuse_change()",
        f"CREATE POLICY x ON {table} USING (true)",
        f"DROP TABLE {table}",
        f"CREATE TEMPORARY TABLE {table} (id uuid)",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with dba.transaction():
                await dba.execute(sql)


@pytest.mark.parametrize("table", MATRIX)
async def test_without_an_identity_no_row_of_a_person_is_seen(dba: asyncpg.Connection, table: str) -> None:
    # A query sent before act_as() finds nothing, rather than everything.
    sql = await statement(dba, table, "SELECT", "nobody")
    await dba.execute("SET LOCAL ROLE homelog_api")
    if MATRIX[table]["SELECT"] == REFUSED:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await affected(dba, sql)
    else:
        assert await affected(dba, sql) == 0


@pytest.mark.parametrize("table", MATRIX)
async def test_a_request_that_names_no_source_sees_none_of_it(dba: asyncpg.Connection, table: str) -> None:
    await act_as(dba, "cat")
    if table in {
        "data_sources", "readings", "latest_readings", "reading_days", "reading_hours", "data_validators",
        "meter_events",
    }:  # fmt: skip
        assert await affected(dba, f"SELECT FROM {table}") == 0
