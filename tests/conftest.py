"""A real server for the whole session, a template database built once, clones of it for the tests."""

import os
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from argon2 import PasswordHasher

from service.accounts.passwords import HASHER
from service.embedded import EmbeddedPostgres
from service.migrations import ensure_baseline, upgrade
from service.settings import Settings
from tests.people import Household, Person, serve

TEMPLATE = "homelog_template"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """What `-n auto` is: one process more than there are cores, as many tests wait more than they work."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of our own; without fsync, which only a power cut would miss."""
    # Not below pytest's own folder: another run of pytest closes that to the server's account.
    with (
        tempfile.TemporaryDirectory(prefix="homelog-test-", ignore_cleanup_errors=True) as folder,
        EmbeddedPostgres.start(Path(folder), fast=True) as running,
    ):
        yield running


@pytest.fixture(scope="session")
async def template(server: EmbeddedPostgres) -> str:
    """The name of a database made by the real sql/init and the real migrations."""
    admin = await asyncpg.connect(server.url(server.superuser, "postgres"))
    await admin.execute(f"CREATE DATABASE {TEMPLATE}")
    await admin.close()
    ensure_baseline(server.url(server.superuser, TEMPLATE), server.secrets)
    upgrade(server.url("homelog_migrator", TEMPLATE))
    return TEMPLATE


_clones = iter(range(1_000_000))


@asynccontextmanager
async def cloned(server: EmbeddedPostgres, template: str) -> AsyncIterator[str]:
    """The name of a fresh database with the whole schema and no rows, for the while."""
    name = f"homelog_test_{next(_clones)}"
    admin = await asyncpg.connect(server.url(server.superuser, "postgres"))
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY WAL_LOG")
    yield name
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


def _numbers(catalogue: str, where: str = "true") -> str:
    return f"(SELECT sum(xmin::text::bigint) FROM {catalogue} WHERE {where})"  # noqa: S608 - ours


_OURS = "(SELECT oid FROM pg_database WHERE datname = current_database())"
MADE = "SELECT concat_ws(' ', {}, pg_database_size(current_database()) > 50e6)".format(
    ", ".join(
        [
            *map(_numbers, ("pg_class", "pg_attribute", "pg_constraint", "pg_enum", "pg_policy", "pg_proc")),
            *map(_numbers, ("pg_trigger", "pg_statistic", "homelog.schema_migrations")),
            _numbers("pg_database", f"oid = {_OURS}"),
            _numbers("pg_db_role_setting", f"setdatabase = {_OURS}"),
        ]
    )
)
"""All that tells a database from one with the same schema and no rows: by which transactions its catalogue was made."""


class Shared:
    """The database that tests use one after the other, emptied in between, and the service on it.

    A test that leaves more than rows (a function replaced, statistics, a lock) costs the next one new ones.
    """

    def __init__(self, server: EmbeddedPostgres, template: str) -> None:
        self.server = server
        self.template = template
        self.stack = AsyncExitStack()
        self.name: str | None = None
        self.household: Household | None = None

    async def open(self) -> str:
        """The database's name."""
        if self.name is None:
            self.name = await self.stack.enter_async_context(cloned(self.server, self.template))
            self.dba = await asyncpg.connect(self.server.url(self.server.superuser, self.name))
            self.stack.push_async_callback(self.dba.close)
            await self.dba.execute("SET session_replication_role = replica; SET lock_timeout = '1s'")
            tables = await self.dba.fetch(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            )
            self.emptying = "; ".join(f"DELETE FROM {row['relname']}" for row in tables)  # noqa: S608 - a table's name
            self.made = await self.dba.fetchval(MADE)
        return self.name

    async def serve(self, settings: Settings) -> Household:
        """The service on it; the first test that needs it starts it."""
        if self.household is None:
            self.household = await self.stack.enter_async_context(serve(settings))
        return self.household

    async def tidy(self, *, after_dba: bool) -> None:
        """Remove what a test left: only one with a DBA in it can have left more than rows."""
        try:
            if after_dba and await self.dba.fetchval(MADE) != self.made:
                await self.close()
            else:
                await self.dba.execute(self.emptying)
        except asyncpg.LockNotAvailableError:
            await self.close()

    async def close(self) -> None:
        """Let go of it; the next test opens another."""
        self.name = self.household = None
        await self.stack.aclose()


@pytest.fixture(scope="session")
async def shared(server: EmbeddedPostgres, template: str) -> AsyncIterator[Shared]:
    """What tests share."""
    one = Shared(server, template)
    yield one
    await one.close()


@pytest.fixture
async def database(
    server: EmbeddedPostgres, template: str, shared: Shared, request: pytest.FixtureRequest
) -> AsyncIterator[str]:
    """The name of a database with the whole schema and no rows: the shared one, unless a test is to have its own."""
    if request.node.get_closest_marker("own_database"):
        async with cloned(server, template) as name:
            yield name
        return
    yield await shared.open()
    await shared.tidy(after_dba="dba" in request.fixturenames)


@pytest.fixture
async def dba(server: EmbeddedPostgres, database: str) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection to the test's database, as a DBA has in psql."""
    connection = await asyncpg.connect(server.url(server.superuser, database))
    yield connection
    await connection.close()


@pytest.fixture
def settings(server: EmbeddedPostgres, database: str, tmp_path: Path) -> Settings:
    """Settings of a service that logs in as homelog_api; tests replace what they need to."""
    return Settings(
        database_url=server.url("homelog_api", database),
        data=tmp_path,
        secret="a test's own secret, 32 characters and more",
        rate_limit=0,
        maintenance_minutes=0,
    )


@pytest.fixture
async def home(settings: Settings, database: str, shared: Shared) -> AsyncIterator[Household]:
    """The service on the test's database, and the people who use it."""
    if database == shared.name:
        yield await shared.serve(settings)
        return
    async with serve(settings) as household:
        yield household


@pytest.fixture
async def keeper(home: Household) -> Person:
    """The admin of the service, who came first: the last one stays, and others may go."""
    return await home.person("keeper")


@pytest.fixture(autouse=True)
def quick_hashes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords cost next to nothing, but where they are what is tested."""
    if request.path.name not in {"test_accounts.py", "test_sessions.py", "test_service.py"}:
        monkeypatch.setattr(HASHER, "_argon2", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


_FRESH = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}|\d{2}:\d{2}\.\d{6}|^[\w-]{40,}$", re.IGNORECASE)


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name a case by its place where it may hold a fresh id or time: every worker must find one name."""
    return argname if isinstance(val, dict) or (isinstance(val, str) and _FRESH.search(val)) else None
