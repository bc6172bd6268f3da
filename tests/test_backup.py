"""Backup and restore: the drill, and everything that may happen to a file or to who writes it."""

import asyncio
import fcntl
import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from io import BytesIO
from pathlib import Path
from shutil import which
from typing import Any

import asyncpg
import msgspec
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from service.backup import ArchiveError, BackupError, back_up, check, restore, restoring
from service.backup.archive import PIECE_BYTES, ArchiveWriter, read_archive
from service.cli import main
from service.drift import look
from service.embedded import EmbeddedPostgres, packaged_binaries
from service.migrations import LOCK_KEY, SQL, connection, dump_schema, ensure_baseline, upgrade
from service.programs import ProgramError, find_program
from service.settings import Settings
from tests.api.test_me_export import furnish
from tests.checks.test_checks import CHECKS
from tests.people import PASSWORD, Household, Person, serve

pytestmark = pytest.mark.own_database
ROLES = ("homelog_migrator", "homelog_api", "homelog_ops")
FINGERPRINT = """
    SELECT count(*), coalesce(sum(substring(sha256(convert_to(r::text, 'UTF8')) FOR 8)::bigint), 0)::text
    FROM {} AS r
"""
Command = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[EmbeddedPostgres]:
    """Another cluster, which has never heard of Homelog: no role, no database."""
    with (
        tempfile.TemporaryDirectory(prefix="homelog-test-", ignore_cleanup_errors=True) as folder,
        EmbeddedPostgres.start(Path(folder), fast=True) as running,
    ):
        yield running


@pytest.fixture
def fresh(elsewhere: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    """The same, made as it was afterwards."""
    yield elsewhere
    with psycopg.connect(elsewhere.url("postgres", "postgres"), autocommit=True) as connection:
        for (name,) in connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^homelog'").fetchall():
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        for (name,) in connection.execute("SELECT rolname FROM pg_roles WHERE oid >= 16384").fetchall():
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


@pytest.fixture
def admin_url(server: EmbeddedPostgres, database: str) -> str:
    return server.url(server.superuser, database)


@pytest.fixture(scope="module")
def backup(server: EmbeddedPostgres, template: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of a database without rows, which all tests read and none changes."""
    path = tmp_path_factory.mktemp("backup") / "empty.tar"
    back_up(server.url(server.superuser, template), path)
    return path


@pytest.fixture
def yesterdays(backup: Path, tmp_path: Path) -> Path:
    """A copy of it, to be written over."""
    return Path(shutil.copy(backup, tmp_path / "yesterday.tar"))


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., str]]:
    """Run the command in this process, to its end with that status, and return what it said on standard error."""
    handler = signal.getsignal(signal.SIGTERM)

    def run(*arguments: str | Path, status: int = 0, **environment: str) -> str:
        with monkeypatch.context() as patch:
            for name in [name for name in os.environ if name.startswith(("HOMELOG", "DATABASE_URL"))]:
                patch.delenv(name)
            for name, value in environment.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main([str(argument) for argument in arguments])
        told = capsys.readouterr().err
        assert (ended.value.code or 0) == status, told
        return told

    yield run
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def homelog(tmp_path: Path) -> Iterator[Command]:
    """Start the command in a process of its own, with HOMELOG_ADMIN_URL alone in its environment."""
    started = []

    def start(url: str, *arguments: str | Path, before: Sequence[str] = (), **options: Any) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [*before, sys.executable, "-m", "service", *arguments],
            cwd=SQL.parent,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "HOMELOG_ADMIN_URL": url},
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stderr
        process.stderr.close()


def tool(name: str) -> str:
    """A program that every system has."""
    return which(name) or pytest.skip(f"{name} is not installed")


def restore_into(server: EmbeddedPostgres, path: Path, passwords: dict[str, str] | None = None) -> None:
    own = {role: server.secrets[role] for role in ROLES}
    restore(server.url("postgres", "homelog"), path, own if passwords is None else passwords)


def databases(server: EmbeddedPostgres) -> list[str]:
    return [
        name
        for (name,) in ask(server.url("postgres", "postgres"), "SELECT datname FROM pg_database ORDER BY 1")
        if name.startswith("homelog")
    ]


def ask(url: str, query: str) -> list[Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def without_casts(schema: str) -> str:
    """A schema as text, less what PostgreSQL writes otherwise when it has read its own text: IN over a varchar."""
    return re.sub(r"[()\[\]]|::text|::character varying", "", schema)


async def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


@asynccontextmanager
async def held_up(dba: asyncpg.Connection) -> AsyncIterator[None]:
    """Meanwhile nobody can read the readings: a backup waits there, its file begun."""
    transaction = dba.transaction()
    await transaction.start()
    await dba.execute("LOCK TABLE readings IN ACCESS EXCLUSIVE MODE")
    yield
    await transaction.rollback()


# The drill


async def live(home: Household, dba: asyncpg.Connection) -> tuple[Person, dict[str, Any]]:
    """Everything that a database of Homelog's can hold, through the API as far as it goes."""
    ann, ben = await home.person("ann"), await home.person("ben")
    things = await furnish(ann, ben)
    meter = f"/v1/sources/{things['meter']['id']}"
    hours = [{"timestamp": f"2026-01-05T{n // 60:02}:{n % 60:02}:00Z", "value": 1 + n / 1e3} for n in range(120)]
    assert (await ann.post(f"{meter}/readings", hours)).status_code == 200
    # What is gone leaves traces, and what is guessed.
    await ann.delete(f"{meter}/readings/{(await ann.get(f'{meter}/readings')).json()['items'][0]['id']}")
    await ann.delete(f"/v1/plants/{things['cactus']['id']}")
    fern = f"/v1/plants/{things['fern']['id']}"
    await ann.delete(f"{fern}/care-events/{(await ann.get(f'{fern}/care-events')).json()['items'][0]['id']}")
    await ann.patch(f"/v1/sources/{things['other']['id']}", {"home_id": things["place"]["id"]})
    assert (await ann.delete(f"/v1/sources/{(await ann.source())['id']}")).status_code == 204
    await home.nobody.post("/v1/auth/login", {"email": ann.email, "password": "a wrong long phrase"})
    await ann.get("/v1/plants")
    # What only a provider, a limit and a cleaning make.
    moved = await ann.patch(f"/v1/homes/{things['place']['id']}", {"timezone": "Asia/Kathmandu"})
    assert moved.status_code == 200
    await dba.execute("SELECT homelog.begin_maintenance('1 hour')")
    await dba.execute(
        "INSERT INTO reading_horizons (source_id, deleted_until) VALUES ($1, '1990-01-01 UTC')", things["meter"]["id"]
    )
    await dba.execute(
        "INSERT INTO user_oauth_identities (user_id, provider, issuer, provider_user_id)"
        " VALUES ($1, 'line', 'https://access.line.me', 'U1')",
        ann.id,
    )
    return ann, things


async def test_the_drill(
    database: str,
    fresh: EmbeddedPostgres,
    home: Household,
    dba: asyncpg.Connection,
    settings: Settings,
    admin_url: str,
    tmp_path: Path,
) -> None:
    ann, things = await live(home, dba)
    # What the baseline says, and a clone made for a test forgets.
    await dba.execute(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
    await dba.execute(f"GRANT CONNECT ON DATABASE {database} TO homelog_migrator, homelog_api, homelog_ops")
    await dba.execute(f"GRANT CREATE ON DATABASE {database} TO homelog_owner")
    await dba.execute(f"ALTER DATABASE {database} SET timezone = 'UTC'")
    meter = f"/v1/sources/{things['meter']['id']}"
    cursor = (await ann.get("/v1/changes")).json()["next_cursor"]
    written = asyncio.Event()

    async def write_on() -> int:
        count = 0
        with suppress(asyncio.CancelledError):
            while True:
                reading = {"timestamp": f"2026-02-01T00:00:00.{count:06}Z", "value": 2}
                assert (await ann.post(f"{meter}/readings", reading)).status_code == 201
                count += 1
                written.set()
        return count

    path = tmp_path / "drill.tar"
    writer = asyncio.create_task(write_on())
    await written.wait()
    manifest = await asyncio.to_thread(back_up, admin_url, path)
    written.clear()
    await written.wait()
    writer.cancel()
    count = await writer

    # All that was there when it began and nothing torn: each reading has its audit row and is summed up.
    stored = manifest.tables["public.readings"].rows
    assert 0 < stored - 122 < count
    empty = {name for name, table in manifest.tables.items() if not table.rows}
    # Counted in memory first, or made by a provider's page alone.
    assert empty <= {"public.request_budgets", "public.spent_tickets"}

    await asyncio.to_thread(restore_into, fresh, path)
    assert databases(fresh) == ["homelog"]
    url = fresh.url("postgres", "homelog")
    for name, table in manifest.tables.items():
        assert ask(url, FINGERPRINT.format(name)) == [(table.rows, table.fingerprint)], name
    assert without_casts(dump_schema(url)) == without_casts(dump_schema(admin_url))
    assert {name for name, query in CHECKS.items() if ask(url, query)} == set()
    assert look(url).differences == []
    assert ask(url, "SELECT count(*) FROM pg_stats WHERE tablename = 'readings'") > [(0,)]

    # Passwords, tokens and grants are what they were; so is what they may not.
    restored = msgspec.structs.replace(settings, database_url=fresh.url("homelog_api", "homelog"))
    async with serve(restored) as there:
        answer = await there.nobody.post("/v1/auth/login", {"email": ann.email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        again = Person(there.client, "ann", answer.json())
        readings = (await again.get(f"{meter}/readings", params={"limit": 1000})).json()["items"]
        assert len(readings) == stored - 1  # the other source has one
        assert (await again.get(meter)).json()["latest"]["id"] == readings[0]["id"]
        told = {"audit": len((await again.get(f"{meter}/audit", params={"limit": 1000})).json()["items"])}
        logged = await again.post(f"{meter}/readings", {"timestamp": "2026-02-02T00:00:00Z", "value": 3})
        assert logged.status_code == 201, logged.text
        assert len((await again.get(f"{meter}/audit", params={"limit": 1000})).json()["items"]) > min(
            told["audit"], 999
        )
        assert (await again.post(f"{meter}/readings", {"value": 11})).status_code == 422  # the validator
        device = Person(there.client, "sensor")
        device.headers = {"Authorization": f"Bearer {things['token']['token']}"}
        sent = await device.post(f"{meter}/readings", {"timestamp": "2026-02-02T00:01:00Z", "value": 3})
        assert sent.status_code == 201, sent.text
        eve = await there.person("eve")
        assert (await eve.get("/v1/sources")).json()["items"] == []
        assert (await eve.post(f"{meter}/readings", {"value": 1})).status_code in {403, 404}
        # A copy that a phone holds is of another history.
        assert (await again.get("/v1/changes", params={"since": cursor})).status_code == 410
        assert (await again.get("/v1/changes")).status_code == 200
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(fresh.url("homelog_api", "homelog"), "DELETE FROM audit_logs")
    assert ask(fresh.url("homelog_api", "homelog"), "SELECT count(*) FROM data_sources") == [(0,)]
    # And it goes on from there: nothing is to be applied, and it can be backed up in its turn.
    assert await asyncio.to_thread(upgrade, fresh.url("homelog_migrator", "homelog")) == []
    assert (await asyncio.to_thread(back_up, url, tmp_path / "next.tar")).tables.keys() == manifest.tables.keys()


OF_ROLES = (
    """
    SELECT rolname, rolpassword, rolcanlogin, rolconnlimit, rolvaliduntil, rolbypassrls, rolsuper
    FROM pg_authid WHERE rolname ~ '^(homelog|watcher)_' ORDER BY 1
    """,
    """
    SELECT r.rolname, s.setdatabase <> 0, s.setconfig
    FROM pg_db_role_setting AS s
    LEFT JOIN pg_roles AS r ON r.oid = s.setrole
    JOIN pg_database AS d ON s.setdatabase IN (0, d.oid)
    WHERE d.datname = current_database() ORDER BY 1, 2
    """,
    """
    SELECT roleid::regrole::text, member::regrole::text, admin_option, inherit_option, set_option
    FROM pg_auth_members WHERE member::regrole::text ~ '^homelog_' ORDER BY 1, 2
    """,
    """
    SELECT a.grantee::regrole::text, a.privilege_type
    FROM pg_database AS d, aclexplode(d.datacl) AS a WHERE d.datname = current_database() ORDER BY 1, 2
    """,
    "SELECT rolname, shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname ~ '^homelog_' ORDER BY 1",
)


def test_roles_come_with_their_passwords_attributes_and_settings(
    fresh: EmbeddedPostgres, database: str, admin_url: str, tmp_path: Path
) -> None:
    quoted = sql.Identifier('watcher_50% "off" $do$').as_string()
    try:
        ask_nothing(
            admin_url,
            f"CREATE ROLE {quoted} LOGIN CONNECTION LIMIT 3 VALID UNTIL '2100-01-01 UTC' PASSWORD 'it''s %s, $do$'",
            f"GRANT SELECT ON plants TO {quoted}",
            f"ALTER ROLE {quoted} SET search_path = 'a, b', public",
            f"ALTER ROLE {quoted} SET application_name = 'a \\ $do$ %I ''b'''",
            f"ALTER ROLE {quoted} IN DATABASE {database} SET work_mem = '5MB'",
        )
        back_up(admin_url, tmp_path / "roles.tar")
        # Without passwords of its own the cluster gets those of the backup.
        restore_into(fresh, tmp_path / "roles.tar", {})
        for query in OF_ROLES:
            assert ask(fresh.url("postgres", "homelog"), query) == ask(admin_url, query)
    finally:
        ask_nothing(admin_url, f"DROP OWNED BY {quoted}", f"DROP ROLE {quoted}")


def test_who_is_only_a_member_comes_too(fresh: EmbeddedPostgres, database: str, admin_url: str, tmp_path: Path) -> None:
    try:
        ask_nothing(
            admin_url,
            "CREATE ROLE watcher_grafana LOGIN PASSWORD 'x'",
            "GRANT homelog_ops TO watcher_grafana WITH INHERIT TRUE, SET FALSE",
            "CREATE ROLE watcher_team",
            "GRANT watcher_grafana TO watcher_team",
            "CREATE ROLE watcher_door",
            f"GRANT CONNECT ON DATABASE {database} TO watcher_door",
            "CREATE ROLE stranger_somebody",
        )
        back_up(admin_url, tmp_path / "members.tar")
        restore_into(fresh, tmp_path / "members.tar", {})
        url = fresh.url("postgres", "homelog")
        for query in OF_ROLES:
            assert ask(url, query) == ask(admin_url, query)
        assert ask(url, "SELECT FROM pg_roles WHERE rolname ~ '^stranger_'") == []
    finally:
        ask_nothing(
            admin_url,
            f"REVOKE CONNECT ON DATABASE {database} FROM watcher_door",
            "DROP ROLE watcher_team, watcher_grafana, watcher_door, stranger_somebody",
        )


def test_a_database_that_was_set_to_read_only_comes_back(
    fresh: EmbeddedPostgres, database: str, admin_url: str, tmp_path: Path
) -> None:
    ask_nothing(admin_url, f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    # And a server that ends sessions which idle, as those do that wait for pg_restore.
    ask_nothing(fresh.url("postgres", "postgres"), "ALTER SYSTEM SET idle_session_timeout = '50ms'")
    ask_nothing(fresh.url("postgres", "postgres"), "SELECT pg_reload_conf()")
    back_up(admin_url, tmp_path / "b.tar")
    undo = f"ALTER DATABASE {database} RESET default_transaction_read_only"
    ask_nothing(admin_url, "SET default_transaction_read_only = off", undo)
    restore_into(fresh, tmp_path / "b.tar")
    assert ask(fresh.url("postgres", "homelog"), "SHOW default_transaction_read_only") == [("on",)]
    ask_nothing(fresh.url("postgres", "postgres"), "ALTER SYSTEM RESET ALL", "SELECT pg_reload_conf()")


@pytest.mark.parametrize("setting", ["log_min_duration_sample = 0", "log_transaction_sample_rate = 1"])
def test_no_hash_of_a_password_is_in_the_servers_log_afterwards(
    setting: str, fresh: EmbeddedPostgres, backup: Path
) -> None:
    url = fresh.url("postgres", "postgres")
    ask_nothing(url, f"ALTER SYSTEM SET {setting}", "ALTER SYSTEM SET log_statement_sample_rate = 1")
    ask_nothing(url, "SELECT pg_reload_conf()")
    restore_into(fresh, backup)
    ask_nothing(url, "ALTER SYSTEM RESET ALL", "SELECT pg_reload_conf()")
    assert not [file for file in (fresh.data / "log").iterdir() if "SCRAM-SHA-256$" in file.read_text(errors="replace")]


def test_whose_a_subscription_is_comes_too(
    fresh: EmbeddedPostgres, database: str, admin_url: str, tmp_path: Path
) -> None:
    ask_nothing(
        admin_url,
        "CREATE ROLE far_away SUPERUSER",
        "CREATE SUBSCRIPTION far CONNECTION 'dbname=x' PUBLICATION p WITH (connect = false, slot_name = NONE)",
        "ALTER SUBSCRIPTION far OWNER TO far_away",
    )
    back_up(admin_url, tmp_path / "b.tar")
    ask_nothing(admin_url, "DROP SUBSCRIPTION far", "DROP ROLE far_away")
    restore_into(fresh, tmp_path / "b.tar")
    ask_nothing(fresh.url("postgres", "homelog"), "DROP SUBSCRIPTION far")


def test_a_role_of_that_name_that_is_there_may_be_somebody_else(
    fresh: EmbeddedPostgres, admin_url: str, tmp_path: Path
) -> None:
    try:
        ask_nothing(
            admin_url,
            "CREATE ROLE watcher_team SUPERUSER",
            "CREATE ROLE watcher_alice SUPERUSER CREATEROLE BYPASSRLS LOGIN CONNECTION LIMIT 3 PASSWORD 'x'",
            "CREATE ROLE watcher_bob LOGIN VALID UNTIL '2000-01-01' PASSWORD 'x'",
            "COMMENT ON ROLE watcher_alice IS 'Our DBA'",
            "ALTER ROLE watcher_alice SET work_mem = '5MB'",
            "GRANT homelog_ops TO watcher_team, watcher_alice, watcher_bob",
            "GRANT watcher_team, pg_execute_server_program TO watcher_alice",
        )
        back_up(admin_url, tmp_path / "roles.tar")
    finally:
        ask_nothing(admin_url, "DROP ROLE watcher_alice, watcher_bob, watcher_team")
    there = fresh.url("postgres", "postgres")
    ask_nothing(
        there,
        "CREATE ROLE watcher_team CREATEDB",
        "CREATE ROLE watcher_alice",
        "CREATE ROLE watcher_bob SUPERUSER LOGIN PASSWORD 'bobs'",
        "COMMENT ON ROLE watcher_bob IS 'Who restores'",
    )
    before = ask(there, OF_WATCHERS)
    restore(make_conninfo(there, user="watcher_bob", password="bobs", dbname="homelog"), tmp_path / "roles.tar", {})
    assert ask(there, OF_WATCHERS) == before
    assert ask(there, OF_THEIR_MEMBERSHIPS) == [
        ("homelog_ops", "watcher_alice"),
        ("homelog_ops", "watcher_bob"),
        ("homelog_ops", "watcher_team"),
    ]


OF_WATCHERS = """
    SELECT to_jsonb(a), shobj_description(a.oid, 'pg_authid'), s.setconfig
    FROM pg_authid AS a LEFT JOIN pg_db_role_setting AS s ON s.setrole = a.oid
    WHERE a.rolname ~ '^watcher_' ORDER BY a.rolname
"""
OF_THEIR_MEMBERSHIPS = """
    SELECT roleid::regrole::text, member::regrole::text
    FROM pg_auth_members WHERE member::regrole::text ~ '^watcher_' ORDER BY 1, 2
"""


def test_what_reaches_past_the_logbook_goes_to_no_role_but_homelogs(
    fresh: EmbeddedPostgres, admin_url: str, tmp_path: Path
) -> None:
    try:
        ask_nothing(
            admin_url,
            "CREATE ROLE watcher_team",
            "CREATE ROLE watcher_alice SUPERUSER CREATEROLE CREATEDB REPLICATION BYPASSRLS LOGIN PASSWORD 'x'",
            "COMMENT ON ROLE watcher_alice IS 'Our DBA'",
            "GRANT homelog_ops TO watcher_team",
            "GRANT watcher_team, pg_execute_server_program, postgres TO watcher_alice",
        )
        back_up(admin_url, tmp_path / "roles.tar")
    finally:
        ask_nothing(admin_url, "DROP ROLE watcher_alice, watcher_team")
    restore_into(fresh, tmp_path / "roles.tar", {})
    url = fresh.url("postgres", "homelog")
    attributes = """
        SELECT
            rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls,
            rolcanlogin, rolpassword IS NOT NULL, shobj_description(oid, 'pg_authid')
        FROM pg_authid WHERE rolname = 'watcher_alice'
    """
    assert ask(url, attributes) == [(False, True, True, "Our DBA")]
    assert ask(url, OF_THEIR_MEMBERSHIPS) == [("homelog_ops", "watcher_team"), ("watcher_team", "watcher_alice")]


def test_a_membership_that_two_have_granted_comes_as_what_it_is_together(
    fresh: EmbeddedPostgres, admin_url: str, tmp_path: Path
) -> None:
    try:
        ask_nothing(
            admin_url,
            "CREATE ROLE watcher_landlord",
            "CREATE ROLE watcher_tenant",
            "GRANT homelog_ops TO watcher_landlord WITH ADMIN TRUE",
            "GRANT homelog_ops TO watcher_tenant WITH ADMIN TRUE, INHERIT FALSE, SET FALSE",
            "GRANT homelog_ops TO watcher_tenant WITH ADMIN FALSE, INHERIT TRUE, SET TRUE GRANTED BY watcher_landlord",
        )
        back_up(admin_url, tmp_path / "roles.tar")
    finally:
        ask_nothing(
            admin_url,
            "REVOKE homelog_ops FROM watcher_tenant GRANTED BY watcher_landlord",
            "DROP ROLE watcher_tenant, watcher_landlord",
        )
    restore_into(fresh, tmp_path / "roles.tar", {})
    options = """
        SELECT admin_option, inherit_option, set_option
        FROM pg_auth_members WHERE member = 'watcher_tenant'::regrole
    """
    assert ask(fresh.url("postgres", "homelog"), options) == [(True, True, True)]


def test_what_a_dba_added_comes_back_and_hinders_nothing(
    fresh: EmbeddedPostgres, database: str, admin_url: str, tmp_path: Path
) -> None:
    try:
        ask_nothing(
            admin_url,
            # What is made anew from the tables is not what it was.
            "CREATE TABLE counted (n int)",
            "CREATE MATERIALIZED VIEW stale AS SELECT count(*) AS n FROM counted",
            "INSERT INTO counted VALUES (1)",
            "CREATE MATERIALIZED VIEW of_now AS SELECT clock_timestamp() AS at",
            "CREATE MATERIALIZED VIEW never AS SELECT 1 AS n WITH NO DATA",
            "CREATE TABLE parted (n int) PARTITION BY RANGE (n)",
            "CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (9)",
            "INSERT INTO parted VALUES (1)",
            "SET allow_in_place_tablespaces = on",
            "CREATE TABLESPACE backup_test LOCATION ''",
            "CREATE TABLE elsewhere (n int) TABLESPACE backup_test",
            f"ALTER DATABASE {database} CONNECTION LIMIT 77",
            f"COMMENT ON DATABASE {database} IS 'Ours, 100%, it''s $do$'",
        )
        manifest = back_up(admin_url, tmp_path / "more.tar")
    finally:
        ask_nothing(admin_url, "DROP TABLE IF EXISTS elsewhere", "DROP TABLESPACE IF EXISTS backup_test")
    assert {"public.counted", "public.parted", "public.part", "public.elsewhere"} <= manifest.tables.keys()
    assert not {"public.stale", "public.of_now", "public.never"} & manifest.tables.keys()
    restore_into(fresh, tmp_path / "more.tar")
    url = fresh.url("postgres", "homelog")
    assert ask(url, "SELECT (TABLE stale), (SELECT count(*) FROM of_now), (TABLE parted)") == [(1, 1, 1)]
    of_database = """
        SELECT datconnlimit, shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()
    """
    assert ask(url, of_database) == ask(admin_url, of_database) == [(77, "Ours, 100%, it's $do$")]


def ask_nothing(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def test_a_cluster_keeps_its_own_passwords(fresh: EmbeddedPostgres, backup: Path) -> None:
    # docker compose's, say, whose first boot has applied the baseline, and migrate the migrations.
    url = fresh.url("postgres", "homelog")
    ask_nothing(fresh.url("postgres", "postgres"), "CREATE DATABASE homelog")
    ensure_baseline(url, fresh.secrets)
    upgrade(fresh.url("homelog_migrator", "homelog"))
    restore_into(fresh, backup, {})
    for role in ROLES:
        assert ask(fresh.url(role, "homelog"), "SELECT current_user") == [(role,)]
    assert databases(fresh) == ["homelog"]


# What a backup is


def test_it_opens_with_tools_that_everybody_has(backup: Path, tmp_path: Path) -> None:
    folder = tmp_path / "opened"
    folder.mkdir()
    subprocess.run([tool("tar"), "-xf", backup, "-C", folder], check=True)
    subprocess.run([tool("sha256sum"), "--check", "--quiet", "SHA256SUMS"], cwd=folder, check=True)
    dump = subprocess.run([tool("tar"), "-xOf", backup, "database"], check=True, capture_output=True).stdout
    (tmp_path / "database.dump").write_bytes(dump)
    command = [str(packaged_binaries() / "pg_restore"), "--list", str(tmp_path / "database.dump")]
    assert "TABLE DATA public readings" in subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert (folder / "roles.sql").read_text().count("PASSWORD ''SCRAM-SHA-256$") == 3
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["schema"] in {path.stem for path in (SQL / "migrations").glob("*.sql")}


def test_it_is_for_its_owner_alone(backup: Path) -> None:
    assert backup.stat().st_mode & 0o777 == 0o600
    assert names_in(backup.parent) == ["empty.tar"]


def test_a_dump_of_many_pieces_is_put_together_again() -> None:
    whole = random.Random(1).randbytes(2 * PIECE_BYTES + 7)  # noqa: S311 - any bytes will do
    file = BytesIO()
    archive = ArchiveWriter(file, 0)
    archive.add_pieces("database", BytesIO(whole))
    archive.finish()
    file.seek(0)
    pieces = list(read_archive(file))
    assert [name for name, _ in pieces] == ["database/000000", "database/000001", "database/000002"]
    assert b"".join(piece for _, piece in pieces) == whole
    with tarfile.open(fileobj=BytesIO(file.getvalue())) as opened:
        assert [(member.name, member.size) for member in opened][:-1] == [(name, len(piece)) for name, piece in pieces]


def test_standard_output_gets_the_same(homelog: Command, admin_url: str, tmp_path: Path) -> None:
    with (tmp_path / "out.tar").open("wb") as file:
        process = homelog(admin_url, "backup", "-", stdout=file)
        said = process.communicate()[1]
    assert process.returncode == 0, said
    assert "Backed up" in said
    assert check(tmp_path / "out.tar").rows


def test_a_folder_gets_a_file_named_by_the_time(said: Callable[..., str], admin_url: str, tmp_path: Path) -> None:
    said("backup", tmp_path, HOMELOG_ADMIN_URL=admin_url)
    (path,) = tmp_path.glob("homelog-*Z.tar")
    assert "is whole and unchanged" in said("restore", "--check", path)


def test_the_backup_of_yesterday_stays_until_todays_is_whole(yesterdays: Path, admin_url: str) -> None:
    yesterday = yesterdays.read_bytes()
    with pytest.raises(BackupError):
        back_up(admin_url.replace("postgresql://postgres:", "postgresql://postgres:wrong"), yesterdays)
    assert yesterdays.read_bytes() == yesterday
    back_up(admin_url, yesterdays)
    assert yesterdays.read_bytes() != yesterday


@pytest.mark.parametrize("role", ROLES)
def test_who_sees_a_part_backs_nothing_up(server: EmbeddedPostgres, database: str, role: str, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="row-level security does not filter"):
        back_up(server.url(role, database), tmp_path / "part.tar")
    assert names_in(tmp_path) == []


def test_a_database_of_somebody_elses_is_not_backed_up(server: EmbeddedPostgres, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="none of Homelog's"):
        back_up(server.url("postgres", "postgres"), tmp_path / "theirs.tar")
    assert names_in(tmp_path) == []


def test_programs_that_are_too_old_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 15.4 (Some distribution)'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProgramError, match=r"must be of PostgreSQL 99 or newer, and .* is of 18 and .* is of 15\."):
        find_program("pg_dump", 99)
    assert find_program("pg_dump", 18) == packaged_binaries() / "pg_dump"


def test_who_takes_no_more_of_it_is_told(homelog: Command, admin_url: str) -> None:
    with Path("/dev/full").open("wb") as full:
        process = homelog(admin_url, "backup", "-", stdout=full)
        assert process.communicate()[1].endswith("\nStandard output cannot be written: No space left on device.\n")
        assert process.returncode == 1
    process = homelog(admin_url, "backup", "-", stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.close()
    assert process.communicate()[1].endswith("\nWhoever was to take the backup has gone.\n")
    assert process.returncode == 1


def test_a_link_is_followed(admin_url: str, tmp_path: Path) -> None:
    link = tmp_path / "latest.tar"
    link.symlink_to(tmp_path / "here.tar")
    back_up(admin_url, link)
    assert link.is_symlink()
    assert check(tmp_path / "here.tar") == check(link)
    assert sorted(names_in(tmp_path)) == ["here.tar", "latest.tar"]


def test_what_is_no_file_is_not_written_over_nor_read(fresh: EmbeddedPostgres, admin_url: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "b.tar.unfinished")
    with pytest.raises(BackupError, match="is there and no file"):
        back_up(admin_url, tmp_path / "pipe")
    with pytest.raises(BackupError, match=r"b\.tar\.unfinished is there and is no file"):
        back_up(admin_url, tmp_path / "b.tar")
    assert sorted(names_in(tmp_path)) == ["b.tar.unfinished", "pipe"]
    with pytest.raises(ArchiveError, match="no whole and unchanged backup: what should be a header in it is none"):
        restore_into(fresh, Path("/dev/zero"))


def test_what_somebody_else_could_read_along_in_is_not_written_to(admin_url: str, tmp_path: Path) -> None:
    unfinished = tmp_path / "b.tar.unfinished"
    others = tmp_path / "others"
    others.write_text("precious")
    unfinished.hardlink_to(others)
    with pytest.raises(BackupError, match=r"b\.tar\.unfinished is there and is not ours alone: take it away"):
        back_up(admin_url, tmp_path / "b.tar")
    assert others.read_text() == "precious"
    if os.geteuid() == 0:
        others.unlink()
        os.chown(unfinished, 65534, 65534)
        with pytest.raises(BackupError, match="is not ours alone"):
            back_up(admin_url, tmp_path / "b.tar")


# Killed, and two at once


def test_a_backup_that_ends_while_the_next_one_begins_is_not_emptied(
    yesterdays: Path, admin_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = yesterdays
    unfinished = backup.with_name(f"{backup.name}.unfinished")
    finished = backup.read_bytes()
    backup.rename(unfinished)
    lock = fcntl.flock

    def lock_late(descriptor: int, operation: int) -> None:
        if not backup.exists():  # the first one's last step, after this one has opened the file
            unfinished.rename(backup)
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", lock_late)
    with pytest.raises(BackupError):
        back_up(admin_url.replace("postgresql://postgres:", "postgresql://postgres:wrong"), backup)
    assert backup.read_bytes() == finished
    assert names_in(backup.parent) == [backup.name]


async def test_a_killed_backup_leaves_none_under_its_name(
    homelog: Command, dba: asyncpg.Connection, admin_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "kept.tar"
    unfinished = tmp_path / "kept.tar.unfinished"
    async with held_up(dba):
        killed = homelog(admin_url, "backup", path)
        await until(unfinished.exists)
        await until(lambda: locked(unfinished))
        with pytest.raises(BackupError, match="Another backup is writing"):
            await asyncio.to_thread(back_up, admin_url, path)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert not path.exists()
    await asyncio.to_thread(back_up, admin_url, path)
    check(path)
    assert not unfinished.exists()


async def test_a_backup_waits_for_a_migration_and_the_migration_not_for_it(
    dba: asyncpg.Connection, admin_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await dba.execute("SELECT pg_advisory_lock($1)", LOCK_KEY)
    backup = asyncio.create_task(asyncio.to_thread(back_up, admin_url, tmp_path / "waited.tar"))
    try:
        await until(lambda: "a migration is running; waiting at most 10 minutes" in caplog.messages or backup.done())
        # As migrations do: it waits for whoever has a snapshot.
        await dba.execute("CREATE INDEX CONCURRENTLY ON users (created_at)")
        assert not backup.done()
    finally:
        await dba.execute("SELECT pg_advisory_unlock($1)", LOCK_KEY)
        await backup
    check(tmp_path / "waited.tar")


def test_a_migration_that_does_not_end_is_told(admin_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LOCK_WAIT", 0.0)
    with psycopg.connect(admin_url) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK_KEY])
        with pytest.raises(BackupError, match="A migration has been running for 10 minutes"):
            back_up(admin_url, tmp_path / "never.tar")
    assert names_in(tmp_path) == []


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def locked(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


async def test_a_stopped_backup_leaves_nothing(
    homelog: Command, dba: asyncpg.Connection, admin_url: str, tmp_path: Path
) -> None:
    async with held_up(dba):
        stopped = homelog(admin_url, "backup", tmp_path / "never.tar")
        await until((tmp_path / "never.tar.unfinished").exists)
        await asyncio.sleep(0.5)
        stopped.send_signal(signal.SIGTERM)
        await asyncio.to_thread(stopped.wait, 60)
    assert stopped.returncode == 128 + signal.SIGTERM
    assert names_in(tmp_path) == []


async def test_a_killed_restore_leaves_nothing_under_the_name_and_heals(
    homelog: Command, fresh: EmbeddedPostgres, backup: Path
) -> None:
    url = fresh.url("postgres", "homelog")
    made = "SELECT oid FROM pg_database WHERE datname IN ('homelog', 'homelog_restoring')"
    seen: list[Any] = [[]]
    for seconds in (0.0, 0.3, 1.0):
        killed = homelog(url, "restore", backup)
        # Its own, not what the one before it has left.
        await until(lambda: ask(fresh.url("postgres", "postgres"), made) not in seen)
        await asyncio.sleep(seconds)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        await until(lambda: not connected(fresh, "postgres"))
        seen.append(ask(fresh.url("postgres", "postgres"), made))
        if "homelog" in (left := databases(fresh)):  # it was quick
            break
        assert left == ["homelog_restoring"]
    else:
        await asyncio.to_thread(restore_into, fresh, backup)
    assert databases(fresh) == ["homelog"]
    assert ask(url, "SELECT count(*) FROM homelog.schema_migrations") != [(0,)]


@pytest.mark.parametrize("name", ["homelog_restoring", "homelog_replaced"])
def test_only_what_a_restore_has_made_is_cleared_away(fresh: EmbeddedPostgres, backup: Path, name: str) -> None:
    maintenance = fresh.url("postgres", "postgres")
    ask_nothing(maintenance, f"CREATE DATABASE {name}")
    ask_nothing(fresh.url("postgres", name), "CREATE TABLE precious AS SELECT 1 AS n")
    with pytest.raises(BackupError, match=f"There is a database {name}, which no restore has made"):
        restore_into(fresh, backup)
    assert databases(fresh) == [name]
    assert ask(fresh.url("postgres", name), "SELECT n FROM precious") == [(1,)]


def test_what_a_killed_restore_has_left_is_cleared_away(fresh: EmbeddedPostgres, backup: Path) -> None:
    maintenance = fresh.url("postgres", "postgres")
    # Killed in its middle, after the old one lost its name, and before what it has made was marked.
    for name in ("homelog_restoring", "homelog_replaced"):
        ask_nothing(maintenance, f"CREATE DATABASE {name}", f"COMMENT ON DATABASE {name} IS '{restoring._MARK}'")
    ask_nothing(fresh.url("postgres", "homelog_restoring"), "CREATE TABLE half AS SELECT 1 AS n")
    restore_into(fresh, backup)
    ask_nothing(maintenance, "DROP DATABASE homelog", "CREATE DATABASE homelog_restoring")
    restore_into(fresh, backup)
    assert databases(fresh) == ["homelog"]
    comment = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'homelog'"
    assert ask(maintenance, comment) == [(None,)]


def test_a_restore_that_is_done_has_not_failed_where_the_empty_database_stays(
    fresh: EmbeddedPostgres, backup: Path, said: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    ask_nothing(fresh.url("postgres", "postgres"), "CREATE DATABASE homelog")
    url = fresh.url("postgres", "homelog")
    with pytest.MonkeyPatch.context() as patch:

        def fail(_: object) -> None:
            raise psycopg.errors.ObjectInUse("somebody uses it")

        patch.setattr(restoring._Restore, "_drop_old", fail)
        told = said("restore", backup, HOMELOG_ADMIN_URL=url)
    assert "are those of the backup" in told
    assert caplog.messages == ["Restored, but homelog_replaced could not be dropped: somebody uses it."]
    assert databases(fresh) == ["homelog", "homelog_replaced"]
    assert ask(url, "SELECT count(*) FROM users") == [(0,)]
    # The next one does it.
    restore_into(fresh, backup)
    assert databases(fresh) == ["homelog"]


@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize("replaces", [True, False])
def test_a_restore_that_loses_its_connection_at_the_end_looks_what_has_the_name(
    committed: bool, replaces: bool, fresh: EmbeddedPostgres, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if replaces:
        ask_nothing(fresh.url("postgres", "postgres"), "CREATE DATABASE homelog")
    rename = restoring._Restore._rename_both

    def lose(self: restoring._Restore, comment: str | None, *, replaces: bool) -> None:
        if committed:
            rename(self, comment, replaces=replaces)
        self.connection.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(restoring._Restore, "_rename_both", lose)
    if committed:
        restore_into(fresh, backup)
        assert ask(fresh.url("postgres", "homelog"), "SELECT count(*) FROM users") == [(0,)]
        assert "homelog_restoring" not in databases(fresh)
    else:
        with pytest.raises(BackupError, match="Nothing was restored: server closed the connection unexpectedly"):
            restore_into(fresh, backup)
        assert databases(fresh) == ["homelog"] * replaces + ["homelog_restoring"]
    monkeypatch.undo()
    restore_into(fresh, backup)
    assert databases(fresh) == ["homelog"]


def test_where_nobody_can_say_what_has_the_name_a_restore_says_that(
    fresh: EmbeddedPostgres, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(self: restoring._Restore, *_: object, **__: object) -> None:
        self.connection.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(restoring._Restore, "_rename_both", lose)
    monkeypatch.setattr(restoring, "_LOST_SECONDS", 0.0)
    with pytest.raises(BackupError, match=r"^The connection was lost while homelog_restoring took the name homelog"):
        restore_into(fresh, backup)


def connected(server: EmbeddedPostgres, database: str) -> bool:
    query = "SELECT FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()"
    return bool(ask(server.url("postgres", "postgres"), query.format(database)))


# What is refused


def test_every_flipped_bit_is_noticed(backup: Path, tmp_path: Path) -> None:
    whole = backup.read_bytes()
    chosen = random.Random(backup.name)  # noqa: S311 - any places will do
    last = len(whole) - 1
    # Headers, padding, hashes and the end as well: all of the last and the first blocks, and some of what is between.
    places = [*range(0, 1100, 7), *range(last - 6000, last, 13), last, *(chosen.randrange(last) for _ in range(40))]
    damaged = tmp_path / "damaged.tar"
    for place in places:
        damaged.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << chosen.randrange(8)]) + whole[place + 1 :])
        with pytest.raises(ArchiveError):
            check(damaged)


def test_every_part_of_a_backup_is_too_little_and_more_is_too_much(backup: Path, tmp_path: Path) -> None:
    whole = backup.read_bytes()
    damaged = tmp_path / "damaged.tar"
    for length in (0, 1, 511, 512, 513, 1024, len(whole) // 2, *range(len(whole) - 3000, len(whole), 99)):
        damaged.write_bytes(whole[:length])
        with pytest.raises(ArchiveError):
            check(damaged)
    damaged.write_bytes(whole + b"\0")
    with pytest.raises(ArchiveError):
        check(damaged)


def rewritten(backup: Path, edit: Callable[[dict[str, bytes]], None]) -> bytes:
    """The same with other members, its hashes right."""
    members = dict(read_archive(BytesIO(backup.read_bytes())))
    edit(members)
    file = BytesIO()
    archive = ArchiveWriter(file, 0)
    for name, content in members.items():
        archive.add(name, content)
    archive.finish()
    return file.getvalue()


def test_an_edited_member_is_noticed(backup: Path, tmp_path: Path, fresh: EmbeddedPostgres) -> None:
    folder = tmp_path / "edited"
    folder.mkdir()
    subprocess.run([tool("tar"), "-xf", backup, "-C", folder], check=True)
    (folder / "roles.sql").write_text((folder / "roles.sql").read_text().replace("NOSUPERUSER", "SUPERUSER"))
    edited = tmp_path / "edited.tar"
    command = [
        tool("tar"),
        "--format=ustar",
        "-cf",
        str(edited),
        "roles.sql",
        "database",
        "manifest.json",
        "SHA256SUMS",
    ]
    subprocess.run(command, cwd=folder, check=True)
    with pytest.raises(ArchiveError):
        restore_into(fresh, edited)
    assert databases(fresh) == []


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (lambda members: members.pop("roles.sql"), "a part is missing"),
        (lambda members: members.pop("manifest.json"), "a part is missing"),
        (lambda members: members.pop("database/000000"), "a part is missing"),
        (lambda members: members.update({"manifest.json": b"{}"}), "Another version of Homelog made"),
        (lambda members: members.update({"manifest.json": b"\xff"}), "Another version of Homelog made"),
    ],
)
def test_what_is_no_backup_is_refused_in_a_sentence(
    edit: Callable[[dict[str, bytes]], None], why: str, backup: Path, fresh: EmbeddedPostgres, tmp_path: Path
) -> None:
    (tmp_path / "edited.tar").write_bytes(rewritten(backup, edit))
    with pytest.raises(ArchiveError, match=why):
        restore_into(fresh, tmp_path / "edited.tar")
    assert databases(fresh) == []


def of_manifest(**fields: Any) -> Callable[[dict[str, bytes]], None]:
    def edit(members: dict[str, bytes]) -> None:
        members["manifest.json"] = json.dumps({**json.loads(members["manifest.json"]), **fields}).encode()

    return edit


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (of_manifest(schema="9999_from_the_future"), "is newer than this Homelog"),
        (of_manifest(postgres="99.1"), r"of PostgreSQL 99\.1 and this one is 18"),
        (of_manifest(tables={"public.plants": {"rows": 7, "fingerprint": "7"}}), r"differs .*public\.plants"),
        (lambda members: members.update({"database/000000": members["database/000000"][:-9999]}), "pg_restore failed"),
        (lambda members: members.update({"database/000000": b"no dump"}), "pg_restore failed"),
    ],
)
def test_what_does_not_come_back_as_it_was_leaves_no_database(
    edit: Callable[[dict[str, bytes]], None], why: str, backup: Path, fresh: EmbeddedPostgres, tmp_path: Path
) -> None:
    (tmp_path / "edited.tar").write_bytes(rewritten(backup, edit))
    with pytest.raises(BackupError, match=why):
        restore_into(fresh, tmp_path / "edited.tar")
    assert databases(fresh) == []


def test_a_database_that_holds_something_is_left_alone(
    fresh: EmbeddedPostgres, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restoring, "_PASSERS_BY_SECONDS", 0.1)
    ask_nothing(fresh.url("postgres", "postgres"), "CREATE DATABASE homelog TEMPLATE template0")
    with (
        psycopg.connect(fresh.url("postgres", "homelog")),
        pytest.raises(BackupError, match="Somebody is connected to"),
    ):
        restore_into(fresh, backup)
    monkeypatch.undo()
    ask_nothing(fresh.url("postgres", "homelog"), "CREATE TABLE theirs (n int)")
    with pytest.raises(BackupError, match="holds something"):
        restore_into(fresh, backup)
    assert ask(fresh.url("postgres", "homelog"), "SELECT * FROM theirs") == []
    assert databases(fresh) == ["homelog"]


def test_a_household_is_not_restored_over_but_renamed_with_the_line_that_the_refusal_gives(
    fresh: EmbeddedPostgres, backup: Path, said: Callable[..., str]
) -> None:
    restore_into(fresh, backup)
    url = fresh.url("postgres", "homelog")
    ask_nothing(url, "INSERT INTO users (email) VALUES ('ann@example.org')")
    refusal = said("restore", backup, status=1, HOMELOG_ADMIN_URL=url)
    assert re.search(r"holds something \(.*users.*\)", refusal)
    assert ask(url, "SELECT email::text FROM users") == [("ann@example.org",)]
    assert databases(fresh) == ["homelog"]
    program, *line = shlex.split(refusal.rpartition("rename it first: ")[2])
    assert program == "homelog"
    said(*line, HOMELOG_ADMIN_URL=url)
    # What is in the roles is not in the database: it stays, and is told.
    ask_nothing(url.replace("/homelog?", "/postgres?"), *LEFT_IN_ROLES)
    told = said("restore", backup, HOMELOG_ADMIN_URL=url)
    assert "are those of the backup" in told
    for sentence in (
        "homelog_api has SET on parameter session_replication_role",
        "Membership of homelog_api in pg_read_all_data",
        "Membership of homelog_ops in homelog_owner",
        "Setting work_mem of homelog_ops",
    ):
        assert sentence in told
    assert databases(fresh) == ["homelog", "homelog_old"]
    assert ask(url, "SELECT FROM users") == []
    assert ask(fresh.url("postgres", "homelog_old"), "SELECT email::text FROM users") == [("ann@example.org",)]
    ask_nothing(url, "REVOKE SET ON PARAMETER session_replication_role FROM homelog_api")


def test_the_database_that_is_announced_is_the_one_that_is_restored(
    fresh: EmbeddedPostgres, backup: Path, said: Callable[..., str]
) -> None:
    url = fresh.url("postgres", "homelog_two")
    told = said("restore", backup, HOMELOG_ADMIN_URL=url)
    assert told.startswith("Database: homelog_two at ")
    assert databases(fresh) == ["homelog_two"]
    nameless = url.replace("/homelog_two?", "/?")
    assert "HOMELOG_ADMIN_URL must name the database" in said("restore", backup, status=1, HOMELOG_ADMIN_URL=nameless)
    assert databases(fresh) == ["homelog_two"]


LEFT_IN_ROLES = (
    "GRANT homelog_owner TO homelog_ops",
    "GRANT pg_read_all_data TO homelog_api",
    "ALTER ROLE homelog_ops SET work_mem = '99MB'",
    "GRANT SET ON PARAMETER session_replication_role TO homelog_api",
)


MADE_BY_HAND = (
    ("CREATE VIEW report AS SELECT 1 AS n", "view public.report", "DROP VIEW report"),
    ("CREATE FUNCTION mine() RETURNS int RETURN 1", "function public.mine()", "DROP FUNCTION mine"),
    ("CREATE SCHEMA app", "schema app", "DROP SCHEMA app"),
    ("CREATE TYPE mood AS ENUM ('good')", "type public.mood", "DROP TYPE mood"),
    ("CREATE SEQUENCE numbers", "sequence public.numbers", "DROP SEQUENCE numbers"),
    (
        "CREATE SUBSCRIPTION far CONNECTION 'dbname=x' PUBLICATION p WITH (connect = false, slot_name = NONE)",
        "subscription far",
        "DROP SUBSCRIPTION far",
    ),
    ("SELECT lo_from_bytea(7777777, 'precious')", "large object 7777777", "SELECT lo_unlink(7777777)"),
)


def test_nothing_is_restored_over_what_somebody_made_by_hand(fresh: EmbeddedPostgres, backup: Path) -> None:
    ask_nothing(fresh.url("postgres", "postgres"), "CREATE DATABASE homelog")
    # In an empty database, then in Homelog's; each alone, for one that is found would hide one that is not.
    for _ in range(2):
        for statement, what, undo in MADE_BY_HAND:
            ask_nothing(fresh.url("postgres", "homelog"), statement)
            with pytest.raises(BackupError, match=re.escape(f"holds something ({what})")):
                restore_into(fresh, backup)
            ask_nothing(fresh.url("postgres", "homelog"), undo)
        restore_into(fresh, backup)


def test_a_name_that_leaves_no_room_for_a_restores_own_is_refused(fresh: EmbeddedPostgres, backup: Path) -> None:
    with pytest.raises(BackupError, match="name is too long"):
        restore(fresh.url("postgres", "h" * 54), backup, {})


def test_who_is_no_superuser_restores_nothing(fresh: EmbeddedPostgres, backup: Path) -> None:
    restore_into(fresh, backup)
    with pytest.raises(BackupError, match="superuser"):
        restore(fresh.url("homelog_migrator", "homelog").replace("/homelog?", "/other?"), backup, {})
    assert databases(fresh) == ["homelog"]


@pytest.mark.parametrize(
    ("file", "why"),
    [
        ("none.tar", "none.tar cannot be read: No such file"),
        (".", "cannot be read: Is a directory"),
        ("empty.tar", "no whole and unchanged backup: it ends too early"),
        ("-", "name a file"),
    ],
)
@pytest.mark.parametrize("check", [(), ("--check",)])
def test_what_is_no_backup_is_said_before_a_server_is_made(
    file: str, why: str, check: tuple[str, ...], said: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "empty.tar").touch()
    path = file if file == "-" else tmp_path / file
    assert why in said("restore", *check, path, status=1, HOMELOG_DATA=str(tmp_path / "new"))
    assert names_in(tmp_path) == ["empty.tar"]


def test_where_no_backup_can_be_written_is_said(said: Callable[..., str], admin_url: str, tmp_path: Path) -> None:
    (tmp_path / "shut").mkdir(0o000)
    whys = {tmp_path / "none/none.tar": "No such file", tmp_path / ("n" * 300): "File name too long"}
    if os.geteuid():
        whys[tmp_path / "shut/x.tar"] = "Permission denied"
    for path, why in whys.items():
        assert f"cannot be written: {why}" in said("backup", path, status=1, HOMELOG_ADMIN_URL=admin_url)


def test_a_file_that_grows_no_more_is_told(homelog: Command, admin_url: str, tmp_path: Path) -> None:
    limit = [tool("prlimit"), "--fsize=65536"]
    process = homelog(admin_url, "backup", tmp_path / "never.tar", before=limit)
    assert process.communicate()[1].endswith("/never.tar.unfinished cannot be written: File too large.\n")
    assert process.returncode == 1
    assert names_in(tmp_path) == []


def test_a_folder_that_is_not_there_is_not_written_as_a_file(
    said: Callable[..., str], admin_url: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    for name in ("backups", "file"):
        assert f"{name} is no folder" in said("backup", f"{tmp_path}/{name}/", status=1, HOMELOG_ADMIN_URL=admin_url)
    assert names_in(tmp_path) == ["file"]


@pytest.mark.parametrize("first", ["--version", "--format=custom"])
def test_a_program_that_may_not_be_run_is_told_and_not_the_file(
    first: str, said: Callable[..., str], admin_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    popen = subprocess.Popen

    def refuse(command: list[str], **options: Any) -> Any:
        if command[1] == first:
            raise PermissionError(13, "Permission denied")
        return popen(command, **options)

    monkeypatch.setattr(subprocess, "Popen", refuse)
    told = said("backup", tmp_path / "never.tar", status=1, HOMELOG_ADMIN_URL=admin_url)
    assert re.search(r"pg_dump cannot be run: Permission denied\.$", told)
    assert names_in(tmp_path) == []


# The embedded server, as `homelog` runs it


def test_the_embedded_server_needs_no_setting(fresh: EmbeddedPostgres, backup: Path, said: Callable[..., str]) -> None:
    restore_into(fresh, backup)
    with tempfile.TemporaryDirectory(prefix="homelog-") as folder:
        path, back = Path(folder, "b.tar"), Path(folder, "back")
        # Of a server that runs, into one that is made for it.
        said("backup", path, HOMELOG_DATA=str(fresh.data))
        told = said("restore", path, HOMELOG_DATA=str(back))
        assert told.endswith("are those of the backup.\n")
        # Its own secrets.json holds the passwords that are good there.
        with EmbeddedPostgres.start(back, fast=True) as server:
            assert ask(server.url("homelog_api", "homelog"), "SELECT 1") == [(1,)]
