"""A real server for the whole session, a template database built once, clones of it for the tests."""

import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from argon2 import PasswordHasher

from service.accounts.passwords import HASHER
from service.embedded import EmbeddedPostgres
from service.migrations import ensure_baseline, upgrade
from service.settings import Settings
from tests.people import Household, serve

TEMPLATE = "homelog_template"


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


@pytest.fixture(scope="session")
async def shared(server: EmbeddedPostgres, template: str) -> AsyncIterator[str]:
    """The name of a database that tests use one after the other."""
    async with cloned(server, template) as name:
        yield name


@pytest.fixture
async def database(
    server: EmbeddedPostgres, template: str, shared: str, request: pytest.FixtureRequest
) -> AsyncIterator[str]:
    """The name of a database with the whole schema and no rows.

    A test that gets at the database itself (`dba`) has one of its own; the others, who only speak HTTP, share one that
    is emptied after each.
    """
    if "dba" in request.fixturenames:
        async with cloned(server, template) as name:
            yield name
        return
    yield shared
    dba = await asyncpg.connect(server.url(server.superuser, shared))
    await dba.execute("SET session_replication_role = replica")
    for table in await dba.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    ):
        await dba.execute(f"DELETE FROM {table['relname']}")  # noqa: S608 - a table's name
    await dba.close()


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
    )


@dataclass
class Kept:
    """What ends with the session."""

    stack: AsyncExitStack
    household: Household | None = None


@pytest.fixture(scope="session")
async def kept() -> AsyncIterator[Kept]:
    """The service on the shared database; the first test that needs it starts it."""
    async with AsyncExitStack() as stack:
        yield Kept(stack)


@pytest.fixture
async def home(settings: Settings, database: str, shared: str, kept: Kept) -> AsyncIterator[Household]:
    """The service on the test's database, and the people who use it."""
    if database != shared:
        async with serve(settings) as household:
            yield household
        return
    if kept.household is None:
        kept.household = await kept.stack.enter_async_context(serve(settings))
    yield kept.household


@pytest.fixture(autouse=True)
def quick_hashes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords cost next to nothing, but where they are what is tested."""
    if request.path.name not in {"test_accounts.py", "test_sessions.py", "test_service.py"}:
        monkeypatch.setattr(HASHER, "_argon2", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


_FRESH = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}|\d{2}:\d{2}\.\d{6}|^[\w-]{40,}$", re.IGNORECASE)


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name a case by its place where it may hold a fresh id or time: every worker must find one name."""
    return argname if isinstance(val, dict) or (isinstance(val, str) and _FRESH.search(val)) else None
