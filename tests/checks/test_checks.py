"""The catalogue's rules (sql/checks): the schema keeps each, and each finds what breaks it."""

import os
import subprocess
import sys

import asyncpg
import pytest

from service.embedded import EmbeddedPostgres
from service.migrations import SQL
from tests.processes import SECRET

CHECKS = {file.stem: file.read_text("utf-8") for file in sorted((SQL / "checks").glob("*.sql"))}

# What each check must find. A check that nothing trips proves nothing.
SPOILED = {
    "audit_log_privileges": [
        "GRANT UPDATE (details) ON audit_logs TO homelog_api",
        "GRANT DELETE ON audit_logs TO homelog_ops",
        "GRANT TRUNCATE ON audit_logs TO homelog_migrator",
        "GRANT homelog_owner TO homelog_migrator WITH INHERIT TRUE",
        "GRANT TRIGGER ON audit_logs TO homelog_api",
    ],
    "columns_without_class": [
        "ALTER TABLE homes ADD motto varchar(9)",
        "COMMENT ON COLUMN homes.name IS 'What it is called.'",
        "COMMENT ON COLUMN homes.name IS 'Personal. What it is called.'",
        "COMMENT ON COLUMN homes.name IS 'It is called.Personal.'",
        "COMMENT ON COLUMN homes.name IS 'personal.'",
        "COMMENT ON COLUMN homelog.schema_baseline.version IS NULL",
    ],
    "enum_labels_not_lowercase": ["CREATE TYPE mood AS ENUM ('Good')"],
    "foreign_keys_without_index": [
        "DROP INDEX homes_created_by_idx",
        "DROP INDEX homes_created_by_idx; CREATE INDEX ON homes (created_by) WHERE name = 'x'",
        "DROP INDEX homes_created_by_idx; CREATE INDEX ON homes (id, created_by)",
    ],
    "foreign_keys_without_on_delete": ["CREATE TABLE visits (home_id uuid REFERENCES homes)"],
    "functions_open_to_public": [
        "GRANT EXECUTE ON FUNCTION homelog.act_as(uuid, uuid[]) TO PUBLIC",
        "CREATE FUNCTION homelog.open() RETURNS int LANGUAGE sql RETURN 1",
        "SET ROLE homelog_owner; CREATE FUNCTION public.astray() RETURNS int LANGUAGE sql RETURN 1; RESET ROLE",
    ],
    "functions_without_search_path": [
        "ALTER FUNCTION homelog.act_as(uuid, uuid[]) RESET search_path",
        "ALTER FUNCTION homelog.act_as(uuid, uuid[]) SET search_path = ''",
        "ALTER FUNCTION homelog.act_as(uuid, uuid[]) SET search_path = pg_catalog, public",
        "ALTER FUNCTION homelog.tg__check_home() RESET search_path",
    ],
    "indexes_not_valid": [
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'homes_created_by_idx'::regclass"
    ],
    "objects_of_other_owners": [
        "ALTER TABLE homes OWNER TO homelog_migrator",
        "ALTER FUNCTION homelog.act_as(uuid, uuid[]) OWNER TO postgres",
    ],
    "objects_without_comment": [
        "COMMENT ON TABLE homes IS NULL",
        "COMMENT ON TYPE plantkind IS ' '",
        "COMMENT ON FUNCTION homelog.act_as(uuid, uuid[]) IS NULL",
        "COMMENT ON POLICY owner_all ON homes IS NULL",
        "COMMENT ON CONSTRAINT homes_name_not_blank ON homes IS NULL",
        "COMMENT ON CONSTRAINT users_email_key ON users IS NULL",
        "COMMENT ON CONSTRAINT homes_created_by_fkey ON homes IS NULL",
        "COMMENT ON CONSTRAINT readings_pkey ON readings IS NULL",
        "CREATE VIEW everything AS SELECT id FROM homes",
    ],
    "policies_evaluated_per_row": [
        "ALTER POLICY select_reader ON homes USING (created_by = homelog.current_user_id())",
        "ALTER POLICY insert_writer ON homes WITH CHECK (created_by = homelog.current_user_id())",
    ],
    "policies_misnamed": [
        "ALTER POLICY select_reader ON homes RENAME TO see_homes",
        "ALTER POLICY select_reader ON homes RENAME TO update_reader",
        "ALTER POLICY select_reader ON homes TO PUBLIC",
        "CREATE POLICY select_admin ON homes FOR SELECT TO homelog_api USING (true)",
        "CREATE POLICY select_admin ON homes AS RESTRICTIVE FOR SELECT TO homelog_ops USING (true)",
        "CREATE POLICY all_writer ON homes TO homelog_api USING (true)",
    ],
    "powers_of_login_roles": [
        "ALTER ROLE homelog_api SUPERUSER",
        "ALTER ROLE homelog_ops BYPASSRLS",
        "ALTER ROLE homelog_api CREATEDB",
        "GRANT TEMP ON DATABASE {database} TO homelog_api",
        "GRANT CREATE ON DATABASE {database} TO PUBLIC",
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        "CREATE TABLE own (id int); ALTER TABLE own OWNER TO homelog_api",
        "GRANT homelog_owner TO homelog_api WITH INHERIT FALSE",
        "GRANT pg_monitor TO homelog_api",
    ],
    "secrets_audited": [
        "COMMENT ON COLUMN homes.address IS 'Secret.'",
        "COMMENT ON COLUMN plants.note IS 'Secret.'",
        "CREATE TRIGGER _901_audit AFTER INSERT ON user_passwords EXECUTE FUNCTION homelog.tg__audit_many()",
        "CREATE TRIGGER _901_audit AFTER INSERT ON calendar_links EXECUTE FUNCTION homelog.tg__audit_token()",
    ],
    "secrets_readable": [
        "GRANT SELECT ON user_passwords TO homelog_api",
        "GRANT SELECT (token_hash) ON refresh_tokens TO homelog_ops",
        "COMMENT ON COLUMN homes.address IS 'Where it is. Secret.'",
    ],
    "sequences_and_integer_keys": [
        "ALTER TABLE homes ADD number int GENERATED ALWAYS AS IDENTITY",
        "ALTER TABLE homes ADD number serial",
        "CREATE SEQUENCE numbers; ALTER TABLE homes ADD number int DEFAULT nextval('numbers')",
        "CREATE TABLE rooms (id bigint PRIMARY KEY)",
    ],
    "tables_without_owner_policy": [
        "DROP POLICY owner_all ON homes",
        "ALTER POLICY owner_all ON homes WITH CHECK (false)",
        "ALTER POLICY owner_all ON homes TO PUBLIC",
    ],
    "tables_without_row_security": [
        "ALTER TABLE homes DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE homes NO FORCE ROW LEVEL SECURITY",
        "CREATE TABLE bare (id uuid)",
    ],
    "texts_without_length": [
        "ALTER TABLE homes ADD motto text",
        "ALTER TABLE homes ADD motto citext CHECK (motto <> '')",
        "ALTER TABLE homes ADD motto text CHECK (motto ~ '^x{{1,5}}')",
        "ALTER TABLE homes ADD motto text CHECK (motto ~ '^x+x{{1,5}}$')",
        "ALTER TABLE homes DROP CONSTRAINT homes_address_length",
        "ALTER TABLE homes ADD motto text CHECK (length(address) < 5 AND motto <> '')",
    ],
    "timestamps_without_zone": [
        "ALTER TABLE homes ADD at timestamp",
        "ALTER TABLE homes ADD at timestamp[]",
        "ALTER TABLE homes ADD at timetz",
        "CREATE DOMAIN at AS timestamp; ALTER TABLE homes ADD at at",
    ],
    "triggers_misnamed": [
        "ALTER TRIGGER _100_touch_updated_at ON homes RENAME TO touch_updated_at",
        "ALTER FUNCTION homelog.tg__check_home() RENAME TO check_home",
    ],
    "views_without_security_invoker": [
        "CREATE VIEW everything AS SELECT id FROM homes",
        "CREATE VIEW everything WITH (security_invoker = false) AS SELECT id FROM homes",
        "CREATE MATERIALIZED VIEW everything AS SELECT id FROM homes",
    ],
    "writes_without_columns": [
        "GRANT INSERT ON homes TO homelog_api",
        "GRANT UPDATE ON homes TO homelog_api",
        "GRANT TRUNCATE ON homes TO homelog_ops",
    ],
}  # fmt: skip


@pytest.mark.parametrize("check", CHECKS)
async def test_the_schema_keeps_the_rule(server: EmbeddedPostgres, template: str, check: str) -> None:
    # As on production, where an operator runs them; and no clone, which lacks the privileges on the database itself.
    ops = await asyncpg.connect(server.url("homelog_ops", template))
    try:
        found = [tuple(row) for row in await ops.fetch(CHECKS[check])]
    finally:
        await ops.close()
    assert not found, f"{check} finds {found}"


def test_every_check_says_why_and_is_shown_to_find_something() -> None:
    assert list(CHECKS) == sorted(SPOILED)
    assert not [check for check, query in CHECKS.items() if not query.startswith("-- ")]


@pytest.mark.parametrize("check", CHECKS)
async def test_the_check_finds_what_breaks_the_rule(dba: asyncpg.Connection, database: str, check: str) -> None:
    whole = dba.transaction()
    await whole.start()
    await dba.execute(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
    assert await dba.fetch(CHECKS[check]) == []
    for spoiling in SPOILED[check]:
        transaction = dba.transaction()
        await transaction.start()
        await dba.execute(spoiling.format(database=database))
        found = await dba.fetch(CHECKS[check])
        await transaction.rollback()
        assert found, spoiling
    await whole.rollback()


async def test_what_an_extension_brings_breaks_no_rule(dba: asyncpg.Connection, database: str) -> None:
    await dba.execute(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC; CREATE EXTENSION pg_stat_statements")
    assert not [check for check, query in CHECKS.items() if await dba.fetch(query)]


async def test_the_command_says_what_the_checks_find(
    server: EmbeddedPostgres, dba: asyncpg.Connection, database: str
) -> None:
    def run() -> subprocess.CompletedProcess[str]:
        url = server.url("homelog_api", database)
        environment = {"PATH": os.environ["PATH"], "DATABASE_URL": url, "HOMELOG_SECRET": SECRET}
        command = [sys.executable, "-m", "service", "db", "check", "--database"]
        return subprocess.run(command, cwd=SQL.parent, env=environment, capture_output=True, text=True, check=False)

    await dba.execute(f"REVOKE TEMP ON DATABASE {database} FROM PUBLIC")
    clean = run()
    assert clean.returncode == 0, clean.stderr
    assert clean.stdout.splitlines()[1:] == ["The checks find nothing in the database."]
    await dba.execute("DROP INDEX homes_created_by_idx; ALTER TABLE homes ADD motto varchar(9)")
    spoiled = run()
    assert spoiled.returncode == 1
    said = spoiled.stdout.splitlines()[1:]
    assert said[0] == "columns_without_class: table_name homes, column_name motto"
    assert [line.partition(":")[0] for line in said] == ["columns_without_class", "foreign_keys_without_index"]
