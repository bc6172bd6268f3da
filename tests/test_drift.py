"""`homelog db diff`: a database as the migrations make it has no difference, and whatever was done to it is named."""

import itertools
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from service.drift import FACTS, CannotCompareError, Facts, differences, facts_as_text, load_facts, look, read_facts
from service.drift.facts import Fact
from service.embedded import EmbeddedPostgres
from service.migrations import SQL, MigrationError, downgrade, required_version, restored_database, status, upgrade

Run = Callable[..., subprocess.CompletedProcess[str]]


_numbers = itertools.count(1)


@contextmanager
def copied(server: EmbeddedPostgres, template: str) -> Iterator[str]:
    """The name of a database with all that the template has: what is a database's own CREATE DATABASE leaves behind."""
    name = f"homelog_drift_{next(_numbers)}"
    with psycopg.connect(server.url(server.superuser, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY WAL_LOG".encode())
        try:
            for statement in (
                "REVOKE ALL ON DATABASE {} FROM PUBLIC",
                "GRANT CREATE ON DATABASE {} TO homelog_owner",
                "GRANT CONNECT ON DATABASE {} TO homelog_migrator, homelog_api, homelog_ops",
                "ALTER DATABASE {} SET timezone = 'UTC'",
            ):
                connection.execute(statement.format(name).encode())
            yield name
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def own(server: EmbeddedPostgres, template: str) -> Iterator[str]:
    """The name of a database that a test may change for good."""
    with copied(server, template) as name:
        yield name


@pytest.fixture(scope="module")
def admin_url(server: EmbeddedPostgres, template: str) -> Iterator[str]:
    """A superuser's login to a database as the migrations make it; tests roll back what they do to it."""
    with copied(server, template) as name:
        yield server.url(server.superuser, name)


@pytest.fixture(scope="module")
def expected() -> Facts:
    return load_facts()


@pytest.fixture
def dba(admin_url: str) -> Iterator[psycopg.Connection]:
    """A superuser in a transaction that is rolled back."""
    with psycopg.connect(admin_url) as connection:
        yield connection
        connection.rollback()


def seen_after(dba: psycopg.Connection, expected: Facts, tampering: str) -> list[str]:
    """What is told of a database to which that was done, looked at with the rights of homelog_ops."""
    name = dba.info.dbname
    dba.execute(tampering.replace("{database}", name).encode())
    dba.execute("SET LOCAL ROLE homelog_ops")
    return differences(expected, read_facts(dba))


# A database as it should be


def test_the_facts_are_fresh(server: EmbeddedPostgres, template: str) -> None:
    url = server.url(server.superuser, template)
    with restored_database(url) as restored_url:
        text = facts_as_text(url, restored_url)
    assert FACTS.read_text("utf-8") == text, "run `make schema` and commit sql/facts.jsonl"


@pytest.mark.parametrize("login", ["homelog_ops", "homelog_api", "homelog_migrator", None])
def test_a_database_as_the_migrations_make_it_has_no_difference(
    server: EmbeddedPostgres, template: str, login: str | None
) -> None:
    seen = look(server.url(login or server.superuser, template))
    assert seen.differences == []
    assert (seen.login, seen.version) == (login or server.superuser, required_version())
    assert seen.facts > 1_000


def test_neither_rows_nor_logins_nor_sessions_are_differences(dba: psycopg.Connection, expected: Facts) -> None:
    assert seen_after(
        dba,
        expected,
        """
        SET timezone = 'Asia/Tokyo'; SET datestyle = 'German'; SET search_path = homelog, public;
        SET bytea_output = 'escape'; SET quote_all_identifiers = on; SET intervalstyle = 'iso_8601';
        INSERT INTO users (email) VALUES ('ann@example.org');
        CREATE TEMPORARY TABLE mine (id int PRIMARY KEY, a text CHECK (a <> '')); CREATE INDEX ON mine (a);
        CREATE FUNCTION pg_temp.mine() RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE TYPE pg_temp.mood AS ENUM ('good');
        ALTER ROLE homelog_ops PASSWORD 'another' VALID UNTIL '2099-01-01';
        CREATE ROLE ann LOGIN;
        ANALYZE;
        """,
    ) == []  # fmt: skip


def test_the_extension_that_the_documents_tell_to_add_is_no_difference(
    dba: psycopg.Connection, expected: Facts
) -> None:
    assert seen_after(dba, expected, "CREATE EXTENSION pg_stat_statements") == []


def test_whoever_owns_the_database_and_made_the_roles_is_no_difference(
    dba: psycopg.Connection, expected: Facts
) -> None:
    assert seen_after(
        dba,
        expected,
        """
        CREATE ROLE landlord LOGIN CREATEROLE; ALTER DATABASE {database} OWNER TO landlord;
        GRANT homelog_owner, homelog_migrator TO landlord WITH ADMIN TRUE;
        REVOKE pg_monitor FROM homelog_ops;
        """,
    ) == []  # fmt: skip


def test_after_down_and_up_again_there_is_no_difference(server: EmbeddedPostgres, own: str) -> None:
    url = server.url("homelog_migrator", own)
    downgrade(url, len(list((SQL / "migrations").glob("*.rollback.sql"))))
    upgrade(url)
    assert look(url).differences == []


def test_a_dump_brings_all_back_but_what_is_the_databases_own(admin_url: str) -> None:
    # What is read back is written with other parentheses and casts, and read back once more with the same.
    with restored_database(admin_url) as once, restored_database(once) as twice:
        assert look(once).differences == look(twice).differences == [
            "PUBLIC has CONNECT on the database, which no migration grants.",
            "PUBLIC has TEMPORARY on the database, which no migration grants.",
            "homelog_api lacks CONNECT on the database, which the migrations grant.",
            "homelog_migrator lacks CONNECT on the database, which the migrations grant.",
            "homelog_ops lacks CONNECT on the database, which the migrations grant.",
            "homelog_owner lacks CREATE on the database, which the migrations grant.",
            "Setting TimeZone of the database is missing: UTC",
        ]  # fmt: skip


# What is done to it

TAMPERED = {
    # Constraints
    "ALTER TABLE readings DROP CONSTRAINT readings_value_finite": [
        (
            "Constraint readings_value_finite on readings is missing: "
            "CHECK (value > '-Infinity'::double precision AND value < 'Infinity'::double precision)"
        )
    ],
    """
    ALTER TABLE homes DROP CONSTRAINT homes_address_length;
    ALTER TABLE homes ADD CONSTRAINT homes_address_length CHECK (length(address) <= 500) NOT VALID;
    COMMENT ON CONSTRAINT homes_address_length ON homes IS 'An address has at most 500 characters.';
    """: [
        (
            "Constraint homes_address_length on homes: definition is “CHECK (length(address) <= 500) NOT VALID”, "
            "not “CHECK (length(address) <= 500)”."
        )
    ],
    "ALTER TABLE plants ALTER CONSTRAINT plants_user_id_fkey NOT ENFORCED": [
        (
            "Constraint plants_user_id_fkey on plants: definition is "
            "“FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE NOT ENFORCED”, not "
            "“FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE”."
        )
    ],
    "ALTER TABLE reading_hours DISABLE TRIGGER ALL": [
        "Constraint reading_hours_source_id_fkey on reading_hours: enforcement is off, not on."
    ],
    "ALTER TABLE plants ADD CONSTRAINT plants_room_short CHECK (length(room) < 100)": [
        "Constraint plants_room_short on plants is not in the migrations: CHECK (length(room) < 100)"
    ],
    "ALTER TABLE users DROP CONSTRAINT users_username_key": [
        "Constraint users_username_key on users is missing: UNIQUE (username)"
    ],
    # Indexes
    "CREATE INDEX readings_handmade ON readings (recorded_at)": [
        (
            "Index readings_handmade on readings is not in the migrations: "
            "CREATE INDEX readings_handmade ON public.readings USING btree (recorded_at)"
        )
    ],
    "DROP INDEX plants_user_id_idx": [
        (
            "Index plants_user_id_idx on plants is missing: "
            "CREATE INDEX plants_user_id_idx ON public.plants USING btree (user_id, id)"
        )
    ],
    "DROP INDEX plants_user_id_idx; CREATE INDEX plants_user_id_idx ON plants (user_id)": [
        (
            "Index plants_user_id_idx on plants: definition is "
            "“CREATE INDEX plants_user_id_idx ON public.plants USING btree (user_id)”, not "
            "“CREATE INDEX plants_user_id_idx ON public.plants USING btree (user_id, id)”."
        )
    ],
    """
    SET allow_system_table_mods = on;
    UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'plants_user_id_idx'::regclass
    """: ["Index plants_user_id_idx on plants: validity is invalid, not valid."],
    "ALTER TABLE plants CLUSTER ON plants_user_id_idx": [
        "Index plants_user_id_idx on plants: clustering is “CLUSTER ON”, not unset."
    ],
    # Functions
    """
    CREATE OR REPLACE FUNCTION homelog.current_user_id() RETURNS uuid LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN '00000000-0000-0000-0000-000000000000'::uuid;
END
$$
    """: [
        (
            "Function homelog.current_user_id(): body differs from line 3 on: "
            "“RETURN '00000000-0000-0000-0000-000000000000'::uuid;”, not "
            "“RETURN nullif(pg_catalog.current_setting('homelog.user_id', true), '')::pg_catalog.uuid;”."
        )
    ],
    "ALTER FUNCTION homelog.find_user(uuid, citext) SECURITY INVOKER": [
        "Function homelog.find_user(uuid,citext): security is INVOKER, not DEFINER."
    ],
    "ALTER FUNCTION homelog.tg__touch_updated_at() RESET search_path": [
        "Function homelog.tg__touch_updated_at(): settings lack search_path=pg_catalog, public, pg_temp."
    ],
    "ALTER FUNCTION homelog.tg__touch_updated_at() SET search_path = public": [
        (
            "Function homelog.tg__touch_updated_at(): settings lack search_path=pg_catalog, public, pg_temp "
            "and have search_path=public besides."
        )
    ],
    "ALTER FUNCTION homelog.current_user_id() VOLATILE PARALLEL UNSAFE COST 1": [
        "Function homelog.current_user_id(): cost is 1, not 100.",
        "Function homelog.current_user_id(): parallelism is UNSAFE, not SAFE.",
        "Function homelog.current_user_id(): volatility is VOLATILE, not STABLE.",
    ],
    "ALTER FUNCTION homelog.current_user_id() OWNER TO homelog_migrator": [
        "Function homelog.current_user_id(): owner is homelog_migrator, not homelog_owner."
    ],
    "CREATE FUNCTION pg_catalog.backdoor(uuid) RETURNS void LANGUAGE sql AS 'SELECT'": [
        "Function pg_catalog.backdoor(uuid) is not in the migrations."
    ],
    """
    CREATE FUNCTION hidden() RETURNS void LANGUAGE sql AS 'SELECT';
    ALTER EXTENSION citext ADD FUNCTION hidden()
    """: ["Function hidden() of extension citext is not in the migrations."],
    # What extensions made: citext decides who signs in
    "CREATE OR REPLACE FUNCTION citext_eq(citext, citext) RETURNS bool LANGUAGE sql AS 'SELECT true'": [
        "Function citext_eq(citext,citext) of extension citext: body is “SELECT true”, not citext_eq.",
        "Function citext_eq(citext,citext) of extension citext: language is sql, not c.",
        "Function citext_eq(citext,citext) of extension citext: library is unset, not $libdir/citext.",
    ],
    """
    ALTER FUNCTION citext_eq(citext, citext) OWNER TO homelog_api;
    ALTER FUNCTION citext_ne(citext, citext) SECURITY DEFINER
    """: [
        "Function citext_eq(citext,citext) of extension citext: owner is homelog_api, not unset.",
        "Function citext_ne(citext,citext) of extension citext: security is DEFINER, not INVOKER.",
    ],
    """
    CREATE FUNCTION hidden() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'SELECT';
    ALTER EXTENSION citext ADD FUNCTION hidden(); ALTER EXTENSION citext DROP FUNCTION strpos(citext, citext)
    """: [
        "Function hidden() of extension citext is not in the migrations.",
        "Function strpos(citext,citext) is not in the migrations.",
        ("Function strpos(citext,citext) of extension citext is missing."),
    ],
    "ALTER OPERATOR FAMILY citext_ops USING hash DROP FUNCTION 2 (citext)": [
        (
            "Operator family citext_ops USING hash of extension citext: functions lack "
            "2 public.citext_hash_extended(public.citext,bigint)."
        )
    ],
    "ALTER EXTENSION citext ADD TABLE plants": [
        "Table plants is missing.",
        "Table plants of extension citext is not in the migrations.",
        "Type plants of extension citext is not in the migrations.",
        "Type plants[] of extension citext is not in the migrations.",
    ],
    """
    CREATE TABLE hidden (a int); GRANT ALL ON hidden TO PUBLIC; CREATE EXTENSION pg_stat_statements;
    ALTER EXTENSION pg_stat_statements ADD TABLE hidden;
    CREATE FUNCTION spy() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'SELECT';
    ALTER EXTENSION pg_stat_statements ADD FUNCTION spy()
    """: [
        "Function spy() of extension pg_stat_statements is not in the migrations.",
        "Table hidden of extension pg_stat_statements is not in the migrations.",
    ],
    # PostgreSQL's own
    """
    CREATE OR REPLACE FUNCTION pg_catalog.lower(text) RETURNS text LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'upper';
    ALTER FUNCTION now() SECURITY DEFINER; ALTER FUNCTION pi() OWNER TO homelog_api
    """: [
        "The functions of PostgreSQL: definers have pg_catalog.now() besides.",
        "The functions of PostgreSQL: fingerprint of those built in is …, not ….",
        "The functions of PostgreSQL: owners have homelog_api of pg_catalog.pi() besides.",
    ],
    # The database
    "SELECT lo_create(0)": ["The database: number of large objects is 1, not 0."],
    "ALTER DATABASE {database} IS_TEMPLATE true": ["The database: IS_TEMPLATE is on, not off."],
    "ALTER TABLE plants RENAME CONSTRAINT plants_room_not_null TO a_room": [
        "Column plants.room: nullability is “CONSTRAINT a_room NOT NULL”, not “NOT NULL”."
    ],
    # Privileges
    "GRANT UPDATE ON audit_logs TO homelog_api": [
        "homelog_api has UPDATE on table audit_logs, which no migration grants."
    ],
    "GRANT UPDATE (user_id) ON plants TO homelog_api": [
        "homelog_api has UPDATE on column plants.user_id, which no migration grants."
    ],
    "REVOKE UPDATE (note) ON plants FROM homelog_api": [
        "homelog_api lacks UPDATE on column plants.note, which the migrations grant."
    ],
    "REVOKE INSERT ON audit_logs FROM homelog_owner": [
        "The owner lacks INSERT on table audit_logs, which the migrations grant."
    ],
    "GRANT SELECT ON plants TO homelog_ops WITH GRANT OPTION": [
        "homelog_ops has GRANT OPTION FOR SELECT on table plants, which no migration grants."
    ],
    "CREATE ROLE grafana; GRANT SELECT ON readings TO grafana; GRANT SELECT ON user_passwords TO PUBLIC": [
        "PUBLIC has SELECT on table user_passwords, which no migration grants.",
        "grafana has SELECT on table readings, which no migration grants.",
    ],
    "GRANT EXECUTE ON FUNCTION homelog.tg__touch_updated_at() TO PUBLIC": [
        "PUBLIC has EXECUTE on function homelog.tg__touch_updated_at(), which no migration grants."
    ],
    "GRANT CREATE ON SCHEMA public TO PUBLIC; GRANT USAGE ON SCHEMA yoyo TO homelog_api": [
        "PUBLIC has CREATE on schema public, which no migration grants.",
        "homelog_api has USAGE on schema yoyo, which no migration grants.",
    ],
    "GRANT TEMPORARY ON DATABASE {database} TO homelog_api; REVOKE CONNECT ON DATABASE {database} FROM homelog_ops": [
        "homelog_api has TEMPORARY on the database, which no migration grants.",
        "homelog_ops lacks CONNECT on the database, which the migrations grant.",
    ],
    """
    GRANT EXECUTE ON FUNCTION pg_read_file(text) TO homelog_api; GRANT SELECT (rolpassword) ON pg_authid TO homelog_ops;
    GRANT SET ON PARAMETER session_replication_role TO homelog_api
    """: [
        "homelog_api has EXECUTE on function pg_catalog.pg_read_file(text), which no migration grants.",
        "homelog_api has SET on parameter session_replication_role, which no migration grants.",
        "homelog_ops has SELECT on column pg_catalog.pg_authid.rolpassword, which no migration grants.",
    ],
    "ALTER DEFAULT PRIVILEGES FOR ROLE homelog_owner GRANT EXECUTE ON FUNCTIONS TO PUBLIC": [
        "PUBLIC has EXECUTE on functions that homelog_owner will make, which no migration grants."
    ],
    "ALTER DEFAULT PRIVILEGES FOR ROLE homelog_owner IN SCHEMA public GRANT SELECT ON TABLES TO homelog_api": [
        "homelog_api has SELECT on tables that homelog_owner will make in schema public, which no migration grants."
    ],
    # Row security
    "ALTER TABLE plants DISABLE ROW LEVEL SECURITY": ["Table plants: row security is off, not on."],
    "ALTER TABLE plants NO FORCE ROW LEVEL SECURITY": ["Table plants: forced row security is off, not on."],
    "ALTER POLICY select_ops ON homes USING (false)": ["Policy select_ops on homes: USING is false, not true."],
    "ALTER POLICY select_ops ON homes TO homelog_ops, homelog_api": [
        "Policy select_ops on homes: roles have homelog_api besides."
    ],
    "CREATE POLICY everything ON homes FOR SELECT TO homelog_api USING (true)": [
        "Policy everything on homes is not in the migrations."
    ],
    "DROP POLICY select_reader ON homes": ["Policy select_reader on homes is missing."],
    "ALTER VIEW shown_plants RESET (security_invoker)": ["View shown_plants: options lack security_invoker=true."],
    # Triggers and rules
    "ALTER TABLE plants DISABLE TRIGGER _100_touch_updated_at": [
        "Trigger _100_touch_updated_at on plants: firing is disabled, not enabled."
    ],
    "DROP TRIGGER _100_touch_updated_at ON homes": [
        (
            "Trigger _100_touch_updated_at on homes is missing: CREATE TRIGGER _100_touch_updated_at BEFORE UPDATE ON "
            "public.homes FOR EACH ROW WHEN ((old.* *<> new.*)) EXECUTE FUNCTION homelog.tg__touch_updated_at()"
        )
    ],
    "CREATE RULE forget AS ON DELETE TO audit_logs DO INSTEAD NOTHING": [
        (
            "Rule forget on audit_logs is not in the migrations: "
            "CREATE RULE forget AS ON DELETE TO public.audit_logs DO INSTEAD NOTHING;"
        )
    ],
    """
    CREATE FUNCTION spy() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
    CREATE EVENT TRIGGER spy ON ddl_command_start EXECUTE FUNCTION spy()
    """: [
        "Event trigger spy is not in the migrations: ON ddl_command_start EXECUTE FUNCTION public.spy()",
        "Function spy() is not in the migrations.",
    ],
    # Columns
    "ALTER TABLE plants ALTER every SET DEFAULT 8": ["Column plants.every: default is 8, not 7."],
    "ALTER TABLE plants ALTER note DROP DEFAULT": ["Column plants.note: default is unset, not ''::text."],
    "ALTER TABLE plants ALTER room DROP NOT NULL": ["Column plants.room: nullability is NULL, not “NOT NULL”."],
    'ALTER TABLE homes ALTER address TYPE text COLLATE "C"': ['Column homes.address: collation is "C", not unset.'],
    "ALTER TABLE plants ALTER note SET STATISTICS 500": ["Column plants.note: statistics target is 500, not unset."],
    "ALTER TABLE plants ALTER note SET STORAGE EXTERNAL": ["Column plants.note: storage is EXTERNAL, not unset."],
    "ALTER TABLE homes ADD motto text": ["Column homes.motto is not in the migrations."],
    "ALTER TABLE homes DROP address": [
        "Column homes.address is missing.",
        "Constraint homes_address_length on homes is missing: CHECK (length(address) <= 500)",
    ],
    "ALTER TABLE yoyo._yoyo_version DROP version, ADD version integer PRIMARY KEY DEFAULT 1": [
        "Column yoyo._yoyo_version.version: default is 1, not unset.",
        "Table yoyo._yoyo_version: columns are in the order installed_at_utc, version, not version, installed_at_utc.",
    ],
    # Types
    "ALTER TYPE plantkind ADD VALUE 'cactus' BEFORE 'succulent'": ["Type plantkind: labels have cactus besides."],
    "ALTER TYPE plantkind RENAME VALUE 'fig' TO 'ficus'": ["Type plantkind: labels lack fig and have ficus besides."],
    """
    SET allow_system_table_mods = on;
    UPDATE pg_enum SET enumsortorder = 99 WHERE enumtypid = 'access_level'::regtype AND enumlabel = 'read'
    """: ["Type access_level: labels are in the order write, admin, read, not read, write, admin."],
    "CREATE DOMAIN percent AS int CHECK (value < 100); CREATE TYPE pair AS (a int, b int)": [
        "Composite type pair is not in the migrations.",
        "Type percent is not in the migrations.",
    ],
    "CREATE CAST (integer AS access_level) WITH INOUT": ["Cast (integer AS access_level) is not in the migrations."],
    # Comments: a constraint's is what the service answers
    "COMMENT ON TABLE homes IS 'Weeds.'": [
        "Table homes: comment is “Weeds.”, not “Places; whoever makes one is its first admin.”."
    ],
    "COMMENT ON CONSTRAINT homes_address_length ON homes IS NULL": [
        "Constraint homes_address_length on homes: comment is unset, not “An address has at most 500 characters.”."
    ],
    # Tables and their like: one difference, whatever is in it
    """
    CREATE TABLE scratch (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a text CHECK (a <> ''));
    CREATE INDEX ON scratch (a); GRANT SELECT (a) ON scratch TO homelog_api
    """: ["Table scratch is not in the migrations."],
    "DROP TABLE line_protocol_sources": ["Table line_protocol_sources is missing."],
    "CREATE SCHEMA reports; CREATE TABLE reports.monthly (a int)": ["Schema reports is not in the migrations."],
    "ALTER TABLE reading_hours SET UNLOGGED": ["Table reading_hours: persistence is UNLOGGED, not LOGGED."],
    "ALTER TABLE homes SET (autovacuum_enabled = off)": ["Table homes: options have autovacuum_enabled=off besides."],
    "ALTER TABLE homes REPLICA IDENTITY FULL": ["Table homes: replica identity is FULL, not DEFAULT."],
    "ALTER TABLE homelog.schema_baseline OWNER TO homelog_ops": [
        "homelog_ops lacks SELECT on table homelog.schema_baseline, which the migrations grant.",
        "Table homelog.schema_baseline: owner is homelog_ops, not homelog_owner.",
    ],
    "CREATE VIEW all_plants AS SELECT name FROM plants": [
        "View all_plants is not in the migrations: SELECT name FROM public.plants;"
    ],
    "CREATE MATERIALIZED VIEW all_plants AS SELECT name FROM plants": [
        "Materialized view all_plants is not in the migrations: SELECT name FROM public.plants;"
    ],
    "CREATE STATISTICS plants_of ON user_id, room FROM plants": [
        (
            "Statistics object plants_of is not in the migrations: "
            "CREATE STATISTICS public.plants_of ON user_id, room FROM public.plants"
        )
    ],
    "CREATE SEQUENCE counter": ["Sequence counter is not in the migrations."],
    "ALTER SEQUENCE audit_logs_id_seq CACHE 10": [
        (
            "Sequence audit_logs_id_seq: parameters is “AS bigint START 1 INCREMENT 1 MINVALUE 1 MAXVALUE "
            "9223372036854775807 CACHE 10”, not “AS bigint START 1 INCREMENT 1 MINVALUE 1 MAXVALUE 9223372036854775807 "
            "CACHE 1”."
        )
    ],
    "CREATE EXTENSION pg_trgm": ["Extension pg_trgm is not in the migrations."],
    "CREATE PUBLICATION copies FOR ALL TABLES": ["Publication copies is not in the migrations."],
    # Roles
    "ALTER ROLE homelog_api BYPASSRLS": ["Role homelog_api: BYPASSRLS is on, not off."],
    "ALTER DATABASE {database} CONNECTION LIMIT 5": ["The database: connection limit is 5, not none."],
    "ALTER ROLE homelog_owner LOGIN": ["Role homelog_owner: LOGIN is on, not off."],
    "CREATE ROLE homelog_guest": ["Role homelog_guest is not in the migrations."],
    "CREATE ROLE mallory; GRANT homelog_owner TO mallory, homelog_api": [
        "Membership of homelog_api in homelog_owner is not in the migrations.",
        "Membership of mallory in homelog_owner is not in the migrations.",
    ],
    "GRANT pg_monitor TO homelog_ops WITH ADMIN OPTION": [
        "Membership of homelog_ops in pg_monitor WITH ADMIN OPTION is not in the migrations."
    ],
    "CREATE ROLE mallory; GRANT pg_write_all_data, pg_signal_backend TO mallory": [
        "Membership of mallory in pg_write_all_data is not in the migrations."
    ],
    "CREATE ROLE eve; ALTER ROLE eve IN DATABASE {database} SET search_path = x; ALTER ROLE eve SET a.b = 1": [
        "Setting search_path of eve in the database is not in the migrations: x"
    ],
    "REVOKE homelog_owner FROM homelog_migrator": ["Membership of homelog_migrator in homelog_owner is missing."],
    "GRANT homelog_owner TO homelog_migrator WITH INHERIT TRUE": [
        "Membership of homelog_migrator in homelog_owner: INHERIT is on, not off."
    ],
    "ALTER ROLE homelog_api RESET statement_timeout": ["Setting statement_timeout of homelog_api is missing: 30s"],
    "ALTER ROLE homelog_api SET lock_timeout = '1h'": ["Setting lock_timeout of homelog_api: value is 1h, not 5s."],
    "ALTER ROLE homelog_api IN DATABASE {database} SET row_security = off": [
        "Setting row_security of homelog_api in the database is not in the migrations: off"
    ],
    "ALTER DATABASE {database} SET timezone = 'Europe/Copenhagen'": [
        "Setting TimeZone of the database: value is Europe/Copenhagen, not UTC."
    ],
    "ALTER DATABASE {database} SET work_mem = '64MB'": [
        "Setting work_mem of the database is not in the migrations: 64MB"
    ],
    # A name that would speak to the terminal
    'CREATE TABLE "a\x1b[2J\nb" ()': ['Table "a [2J b" is not in the migrations.'],
}


@pytest.mark.parametrize("tampering", TAMPERED, ids=lambda tampering: re.sub(r"\W+", "-", tampering).strip("-")[:60])
def test_it_is_named(dba: psycopg.Connection, expected: Facts, tampering: str) -> None:
    seen = [re.sub(r"\b[0-9a-f]{32}\b", "…", sentence) for sentence in seen_after(dba, expected, tampering)]
    assert seen == TAMPERED[tampering]


def change(server: EmbeddedPostgres, database: str, *statements: str) -> None:
    """Do that to the database for good."""
    with psycopg.connect(server.url(server.superuser, database)) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def test_an_edited_migration_is_named(server: EmbeddedPostgres, own: str) -> None:
    change(
        server, own, "UPDATE homelog.schema_migrations SET sha256 = 'x' WHERE migration_id = '0002_create_care_events'"
    )
    assert look(server.url("homelog_ops", own)).differences == [
        "Migration 0002_create_care_events is not the file that was applied: one of the two was edited."
    ]


def test_another_baseline_is_named(server: EmbeddedPostgres, own: str) -> None:
    change(server, own, "UPDATE homelog.schema_baseline SET version = 'baseline-9'")
    assert look(server.url("homelog_ops", own)).differences == ["The baseline is baseline-9, not baseline-1."]


LOST = {
    "DELETE FROM homelog.schema_baseline": "The baseline's row is missing, though",
    "DELETE FROM homelog.schema_migrations WHERE migration_id LIKE '0020%'": "The ledger has no row of 0020",
    f"DELETE FROM homelog.schema_migrations WHERE migration_id = '{required_version()}'": (  # noqa: S608
        f"The ledger has no row of {required_version()}, which yoyo has marked"
    ),
    "DELETE FROM yoyo._yoyo_migration WHERE migration_id LIKE '0020%'": "Yoyo has no mark of 0020",
}


@pytest.mark.parametrize("loss", LOST, ids=LOST.values())
def test_of_a_lost_record_all_commands_say_the_same(server: EmbeddedPostgres, own: str, loss: str) -> None:
    change(server, own, loss)
    url = server.url("homelog_migrator", own)  # the marks are for no other login to read
    (complaint,) = status(url).complaints
    assert look(url).differences == [f"{complaint[:1].upper()}{complaint[1:]}."]
    assert look(url).differences[0].startswith(LOST[loss])
    assert "docs/operations.md, A lost record" in complaint
    with pytest.raises(MigrationError, match=f"^{re.escape(complaint)}$"):
        upgrade(url)


def test_what_landed_and_is_not_in_the_ledger_was_lost_whoever_asks(server: EmbeddedPostgres, own: str) -> None:
    change(server, own, "DELETE FROM homelog.schema_migrations WHERE migration_id LIKE '0020%'")
    told = {tuple(look(server.url(f"homelog_{login}", own)).differences) for login in ("api", "ops", "migrator")}
    assert [complaint[:29] for (complaint,) in told] == ["The ledger has no row of 0020"]


# What cannot be compared


def test_a_database_that_lacks_migrations_is_told_so_and_not_compared(server: EmbeddedPostgres, own: str) -> None:
    undone = downgrade(server.url("homelog_migrator", own), 3)
    with pytest.raises(
        CannotCompareError, match=f"3 migrations are missing, from {undone[-1]} on: run homelog migrate"
    ):
        look(server.url("homelog_ops", own))
    upgrade(server.url("homelog_migrator", own), to=undone[1])
    with pytest.raises(CannotCompareError, match=f"1 migration is missing, from {undone[0]} on: run homelog migrate"):
        look(server.url("homelog_ops", own))


def test_a_database_of_a_later_version_is_told_so_and_not_compared(server: EmbeddedPostgres, own: str) -> None:
    change(server, own, "INSERT INTO homelog.schema_migrations VALUES ('9999_add_rooms', 'x')")
    with pytest.raises(CannotCompareError, match="9999_add_rooms is applied and unknown here"):
        look(server.url("homelog_ops", own))


def test_a_database_without_homelog_is_told_so(server: EmbeddedPostgres) -> None:
    with pytest.raises(CannotCompareError, match="there is no Homelog in this database"):
        look(server.url(server.superuser, "postgres"))


def test_facts_that_are_none_or_of_another_version_are_refused(admin_url: str, tmp_path: Path) -> None:
    file = tmp_path / "facts.jsonl"
    with pytest.raises(CannotCompareError, match="No such file"):
        look(admin_url, file=file)
    for wrong in ("", "{}", "[]\n", '{"version":"0001_x","postgresql":18}\n["table"]\n', "\x00"):
        file.write_text(wrong)
        with pytest.raises(CannotCompareError, match=r"cannot be read from facts\.jsonl"):
            look(admin_url, file=file)
    file.write_text('{"version":"0001_create_sessions","postgresql":18}\n')
    with pytest.raises(
        CannotCompareError,
        match=r"^what sql/facts\.jsonl holds is of 0001_create_sessions, not of \d{4}_\w+: run make schema",
    ):
        look(admin_url, file=file)
    file.write_text(f'{{"version":"{required_version()}","postgresql":19}}\n')
    with pytest.raises(
        CannotCompareError, match="the server is PostgreSQL 18, and writes definitions otherwise than 19"
    ):
        look(admin_url, file=file)


def test_a_database_that_cannot_be_reached_is_told_so_without_the_password() -> None:
    with pytest.raises(CannotCompareError, match="the database cannot be looked at: ") as refused:
        look("postgresql://ann:three-winters@127.0.0.1:1/homelog")
    assert "three-winters" not in str(refused.value)


# The sentences


def told(ours: object, theirs: object) -> list[str]:
    """What is told of a function that has one property, so here and so there."""
    said = [
        Facts(load_facts().origin, [Fact("function", "f()", None, {"body": text} if text else {})])
        for text in (ours, theirs)
    ]
    return differences(*said)


@pytest.mark.parametrize(
    ("ours", "theirs", "sentence"),
    [
        ("a\nb", "a\n  b", "Function f(): body differs from line 2 on, there in blanks."),
        ("a\nb", "a", "Function f(): body differs from line 2 on: unset, not b."),
        ("a\nb", "a\nb\n", "Function f(): body differs from line 3 on: empty, not unset."),
        (None, "a", "Function f(): body is a, not unset."),
        ("a", None, "Function f(): body is unset, not a."),
        ("a" * 300 + "b", "a" * 300 + "c", f"Function f(): body is …{'a' * 40}c, not …{'a' * 40}b."),
        ("b" + "a" * 300, "c" + "a" * 300, f"Function f(): body is “c{'a' * 159}…”, not “b{'a' * 159}…”."),
        (["a", "b"], ["b", "c"], "Function f(): body lack a and have c besides."),
        (None, ["c"], "Function f(): body have c besides."),
        (["a", "b"], ["b", "a"], "Function f(): body are in the order b, a, not a, b."),
    ],
)
def test_a_sentence_shows_where_it_differs(ours: object, theirs: object, sentence: str) -> None:
    assert told(ours, theirs) == [sentence]


# The command


@pytest.fixture
def run(server: EmbeddedPostgres, tmp_path: Path) -> Run:
    """Run the command in a process of its own."""

    def command(url: str | None, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        return subprocess.run(
            [sys.executable, "-m", "service", "db", "diff", *arguments],
            cwd=SQL.parent,
            env=environment | ({"DATABASE_URL": url} if url else {}),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    return command


def test_the_command_is_silent_and_0_without_a_difference(run: Run, server: EmbeddedPostgres, template: str) -> None:
    silent = run(server.url("homelog_ops", template))
    assert (silent.returncode, silent.stdout, silent.stderr) == (0, "", "")
    verbose = run(server.url("homelog_api", template), "--verbose")
    assert (verbose.returncode, verbose.stdout) == (0, "")
    assert re.fullmatch(rf"No difference: \d+ facts of {required_version()}, seen as homelog_api\.\n", verbose.stderr)


def test_the_command_is_1_and_names_what_is_not_known(
    run: Run, server: EmbeddedPostgres, own: str, tmp_path: Path
) -> None:
    url, known = server.url("homelog_ops", own), tmp_path / "known"
    change(
        server,
        own,
        "CREATE INDEX readings_handmade ON readings (recorded_at)",
        "GRANT UPDATE (user_id) ON plants TO homelog_api",
    )
    index = (
        "Index readings_handmade on readings is not in the migrations: "
        "CREATE INDEX readings_handmade ON public.readings USING btree (recorded_at)\n"
    )
    grant = "homelog_api has UPDATE on column plants.user_id, which no migration grants.\n"
    named = run(url)
    assert (named.returncode, named.stdout) == (1, grant + index)
    assert re.fullmatch(rf"2 differences: \d+ facts of {required_version()}, seen as homelog_ops\.\n", named.stderr)

    known.write_text(f"# For the monthly report.\n\n{index}")
    rest = run(url, "--known", str(known))
    assert (rest.returncode, rest.stdout) == (1, grant)
    assert rest.stderr.startswith("1 difference, 1 known: ")

    # What it prints is what it takes.
    known.write_text(named.stdout)
    silent = run(url, "--known", str(known))
    assert (silent.returncode, silent.stdout, silent.stderr) == (0, "", "")

    change(server, own, "DROP INDEX readings_handmade")
    gone = run(url, "--known", str(known))
    assert (gone.returncode, gone.stdout) == (0, "")
    assert gone.stderr == f"{known}: take this out, it is no difference any more: {index}"


def test_the_command_is_2_where_it_cannot_look(run: Run, server: EmbeddedPostgres, template: str) -> None:
    for url, arguments, said in (
        ("postgresql://homelog_ops:secret@127.0.0.1:1/homelog", (), "The database cannot be looked at: "),
        ("mysql://localhost", (), "Homelog cannot start with these settings:"),
        (server.url(server.superuser, "postgres"), (), "There is no Homelog in this database"),
        (server.url("homelog_ops", template), ("--known", "nowhere"), "What is known cannot be read from nowhere"),
        (server.url("homelog_ops", template), ("--unknown",), "usage: "),
    ):
        refused = run(url, *arguments)
        assert (refused.returncode, refused.stdout) == (2, ""), refused.stderr
        assert said in refused.stderr
        assert "Traceback" not in refused.stderr
        assert "secret@" not in refused.stderr
