"""What the tests of SQL rules share: people with a source, a home and a plant, and ways to act as them.

Ids are said by name: `{ann}` in a statement is Ann's.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

import asyncpg
import pytest

from service.embedded import EmbeddedPostgres

# Ann owns the house, the plant in it and both sources; Ben may write to `private`, Cat may read it; Dan has a plant of
# his own and nothing else; `off` is an account that was deactivated, and was a guest in the house.
CAST = """
INSERT INTO users (id, email, username, is_active) VALUES
    ('{ann}', 'ann@example.org', 'ann', true), ('{ben}', 'ben@example.org', NULL, true),
    ('{cat}', 'cat@example.org', NULL, true), ('{dan}', 'dan@example.org', NULL, true),
    ('{off}', 'off@example.org', NULL, false);
INSERT INTO user_passwords (user_id, password_hash) SELECT id, '$argon2id$hash of ' || email FROM users;
INSERT INTO user_oauth_identities (id, user_id, provider, issuer, provider_user_id, access_token)
    VALUES ('{identity}', '{ann}', 'google', 'https://accounts.google.com', 'subject', 'encrypted');
INSERT INTO spent_tickets (ticket_hash, expires_at) VALUES (sha256('ticket'), now() + interval '10 minutes');
INSERT INTO sessions (id, user_id, auth_provider, expires_at) VALUES
    ('{session}', '{ann}', 'password', now() + interval '1 day'),
    ('{other session}', '{ben}', 'password', now() + interval '1 day');
INSERT INTO refresh_tokens (token_hash, session_id) VALUES (sha256('token'), '{session}');
INSERT INTO device_tokens (id, user_id, name, scopes, token_hash) VALUES
    ('{token}', '{ann}', 'Sensor', '{{read:data,write:data}}', sha256('device'));
INSERT INTO calendar_links (user_id, key_hash) VALUES ('{ann}', sha256('calendar'));
INSERT INTO homes (id, name, created_by) VALUES ('{house}', 'House', '{ann}');
INSERT INTO home_members (home_id, user_id, access_level, expires_at) VALUES
    ('{house}', '{ann}', 'admin', NULL), ('{house}', '{off}', 'read', '2026-01-01 00:00Z');
INSERT INTO data_sources (id, name, source_type, unit, kind, home_id, is_public, created_by) VALUES
    ('{private}', 'Private', 'heat', 'kWh', 'counter', '{house}', false, '{ann}'),
    ('{public}', 'Public', 'heat', 'kWh', 'gauge', NULL, true, '{ann}');
INSERT INTO user_source_access (user_id, source_id, access_level, granted_by) VALUES
    ('{ann}', '{private}', 'admin', '{ann}'), ('{ben}', '{private}', 'write', '{ann}'),
    ('{cat}', '{private}', 'read', '{ann}'), ('{ann}', '{public}', 'admin', '{ann}');
INSERT INTO line_protocol_sources (id, user_id, series, source_id, is_made) VALUES
    ('{mapping}', '{ann}', 'm f', '{private}', true);
INSERT INTO readings (id, source_id, value, timestamp, recorded_by) VALUES
    ('{reading}', '{private}', 1, '2026-01-01 00:00Z', '{ann}'),
    ('{another reading}', '{private}', 2, '2026-01-02 00:00Z', '{ben}'),
    ('{third reading}', '{private}', 3, '2026-01-03 00:00Z', NULL),
    ('{public reading}', '{public}', 4, '2026-01-01 00:00Z', '{ann}');
INSERT INTO meter_events (id, source_id, at, kind, created_by) VALUES
    ('{swap}', '{private}', '2026-01-02 12:00Z', 'swap', '{ann}'),
    ('{public swap}', '{public}', '2026-01-02 12:00Z', 'swap', '{ann}');
INSERT INTO latest_readings (source_id, id, timestamp, value, quality_flag)
    SELECT DISTINCT ON (source_id) source_id, id, timestamp, value, quality_flag
    FROM readings ORDER BY source_id, timestamp DESC;
INSERT INTO reading_hours (source_id, hour, count, min, max, sum, first_at, first_value, last_at, last_value, drops)
    SELECT id, '2026-01-01 00:00Z', 10, 1, 2, 15, '2026-01-01 00:00Z', 1, '2026-01-01 00:54Z', 2, 0 FROM data_sources;
INSERT INTO reading_days (source_id, since, until, count, min, max, sum, first_at, first_value, last_at, last_value,
                          drops)
    SELECT id, '2026-01-01 00:00Z', '2026-01-02 00:00Z', 10, 1, 2, 15, '2026-01-01 00:00Z', 1, '2026-01-01 00:54Z', 2, 0
    FROM data_sources;
INSERT INTO source_retentions (source_id, months, created_by) VALUES ('{private}', 12, '{ann}');
INSERT INTO reading_horizons (source_id, thinned_until) SELECT id, '1970-01-01 00:00Z' FROM data_sources;
INSERT INTO stale_days (source_id) VALUES ('{private}');
INSERT INTO maintenance_runs DEFAULT VALUES;
INSERT INTO data_validators (id, source_id, min_value, created_by) VALUES ('{validator}', '{private}', 0, '{ann}');
INSERT INTO plants (id, user_id, name, kind, home_id) VALUES
    ('{fern}', '{ann}', 'Fern', 'pothos', '{house}'), ('{cactus}', '{dan}', 'Cactus', 'succulent', NULL);
INSERT INTO care_events (id, plant_id, user_id, kind) VALUES ('{watering}', '{fern}', '{ann}', 'water');
INSERT INTO care_intervals (plant_id, kind, every) VALUES ('{fern}', 'mist', 7);
INSERT INTO growth_measurements (id, plant_id, user_id, value) VALUES ('{growth}', '{fern}', '{ann}', 1);
INSERT INTO changed_sources (source_id) VALUES ('{private}'), ('{public}');
INSERT INTO changed_days (source_id, day) SELECT source_id, timestamp::date FROM readings;
INSERT INTO gained_sources (user_id, source_id) SELECT user_id, source_id FROM user_source_access;
INSERT INTO gained_homes (home_id, user_id) SELECT home_id, user_id FROM home_members;
INSERT INTO moved_things (type, id) VALUES ('plant', '{fern}');
INSERT INTO place_tombstones (place_id, id, type, op) VALUES ('{house}', '{gone plant}', 'plant', 'lost');
INSERT INTO source_tombstones (source_id, id, type) VALUES
    ('{private}', '{gone reading}', 'reading'), ('{public}', '{gone reading}', 'reading');
INSERT INTO user_tombstones (user_id, id, type, op) VALUES
    ('{ann}', '{gone home}', 'home', 'delete'), ('{cat}', '{gone source}', 'source', 'lost');
INSERT INTO request_budgets VALUES ('{ann}', now(), 1);
INSERT INTO password_guesses (about) VALUES (sha256('guess'));
INSERT INTO audit_logs (user_id, source_id, event_type) VALUES
    ('{ann}', '{private}', 'create_entry'), ('{ben}', '{private}', 'create_entry'),
    (NULL, '{public}', 'view_source'), ('{dan}', NULL, 'login');
"""


class _Ids(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return str(id_of(name))


def id_of(name: str) -> UUID:
    """The id of whoever or whatever is called that."""
    return uuid5(NAMESPACE_OID, name)


def said(sql: str) -> str:
    """A statement with its names replaced by ids."""
    return sql.format_map(_Ids())


@asynccontextmanager
async def cloned(server: EmbeddedPostgres, template: str, name: str) -> AsyncIterator[asyncpg.Connection]:
    """A DBA's connection to a database of that name with the cast, who came without leaving an audit row."""
    admin = await asyncpg.connect(server.url(server.superuser, "postgres"))
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    # What the baseline takes from everyone on its database, a clone does not inherit.
    await admin.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
    dba = await asyncpg.connect(server.url(server.superuser, name))
    await dba.execute("SET session_replication_role = replica")
    await dba.execute(said(CAST))
    await dba.execute("RESET session_replication_role")
    yield dba
    await dba.close()
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


DELIBERATELY = "ALTER TABLE readings DISABLE TRIGGER _100_refuse_truncate"
"""What a DBA says who empties the table of readings all the same."""


async def act_as(dba: asyncpg.Connection, person: str, *sources: str, every: bool = False) -> None:
    """Become the service on behalf of a person, reaching the named sources or every one that was granted."""
    named = None if every else [id_of(source) for source in sources]
    await dba.execute("RESET ROLE")
    caller = None if person == "nobody" else id_of(person)
    await dba.execute("SELECT homelog.act_as($1::uuid, $2::uuid[])", caller, named)
    await dba.execute("SET LOCAL ROLE homelog_api")


async def affected(dba: asyncpg.Connection, sql: str) -> int:
    """How many rows a statement saw or changed."""
    return int((await dba.execute(said(sql))).rpartition(" ")[2])


async def row_of(dba: asyncpg.Connection, sql: str, *args: Any) -> tuple[Any, ...] | None:
    """The first row."""
    row = await dba.fetchrow(said(sql), *args)
    return None if row is None else tuple(row)


async def rows_of(dba: asyncpg.Connection, sql: str, *args: Any) -> list[tuple[Any, ...]]:
    """Every row."""
    return [tuple(row) for row in await dba.fetch(said(sql), *args)]


async def told(dba: asyncpg.Connection, columns: str = "event_type, details") -> list[tuple[Any, ...]]:
    """The audit rows that came after the cast's own, oldest first."""
    await dba.execute("RESET ROLE")
    return await rows_of(dba, f"SELECT {columns} FROM audit_logs ORDER BY id OFFSET 4")  # noqa: S608


async def assert_breaks(dba: asyncpg.Connection, constraint: str, sql: str) -> None:
    """The statement must violate that constraint; a NOT NULL one is called table_column_not_null."""
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as broken:
        async with dba.transaction():
            await dba.execute(said(sql))
    if isinstance(broken.value, asyncpg.NotNullViolationError):
        # PostgreSQL names the column of these, not the constraint.
        assert f"{broken.value.table_name}_{broken.value.column_name}_not_null" == constraint
    else:
        assert broken.value.constraint_name == constraint


async def constraints_of(dba: asyncpg.Connection, tables: Iterable[str]) -> set[str]:
    """Every constraint of the tables."""
    rows = await dba.fetch("SELECT conname FROM pg_constraint WHERE conrelid::regclass::text = ANY ($1)", list(tables))
    return {row[0] for row in rows}


async def triggers_of(dba: asyncpg.Connection, table: str) -> set[str]:
    """Every trigger of ours on the table, but for the one that all audited tables have."""
    rows = await dba.fetch(
        "SELECT tgname FROM pg_trigger WHERE tgrelid = $1::text::regclass AND NOT tgisinternal", table
    )
    return {row[0] for row in rows} - {"_100_refuse_truncate"}


async def policies_of(dba: asyncpg.Connection, table: str) -> set[str]:
    """Every policy on the table."""
    rows = await dba.fetch("SELECT polname FROM pg_policy WHERE polrelid = $1::text::regclass", table)
    return {row[0] for row in rows}


async def granted_to(dba: asyncpg.Connection, role: str, table: str, verb: str) -> set[str]:
    """The columns that a role may use so."""
    rows = await dba.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0"
        " AND NOT attisdropped AND has_column_privilege($2::name, attrelid, attnum, $3)",
        *(table, role, verb),
    )
    return {row[0] for row in rows}
