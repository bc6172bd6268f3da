"""The database that a command of the operator's works on: which one it is, and who may log in to it as what."""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import asyncpg
import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

from service.database import SCHEMA_VERSION, StartError
from service.embedded import AlreadyRunningError, EmbeddedPostgres
from service.migrations import ensure_baseline, is_older, required_version, upgrade
from service.migrations.connection import has_baseline
from service.problems import Problem
from service.settings import Settings

T = TypeVar("T")

DATABASE = "homelog"
NO_SCHEMA = "The schema is not there yet: run `homelog migrate` first."


class CommandError(Exception):
    """Why a command cannot do what it was asked, as a sentence."""


class Target(NamedTuple):
    """A database: URLs by who logs in, passwords by role."""

    superuser: str | None
    migrator: str | None
    ops: str | None
    api: str | None
    passwords: Mapping[str, str]

    def demand_superuser(self, what: str) -> str:
        """A superuser's URL; raises CommandError where there is none, naming what needs it."""
        if self.superuser is None:
            raise CommandError(f"HOMELOG_ADMIN_URL is missing: {what} needs the login of a superuser.")
        return self.superuser

    def demand_migrator(self, what: str = "a migration") -> str:
        """The migrator's URL; raises CommandError where there is none, naming what needs it."""
        if self.migrator is None:
            raise CommandError(f"HOMELOG_MIGRATOR_URL is missing: {what} needs the login of homelog_migrator.")
        return self.migrator

    def demand_api(self) -> str:
        """The service's own URL; raises CommandError where there is none."""
        if self.api is None:
            raise CommandError("DATABASE_URL is missing: this needs the service's own login, homelog_api.")
        return self.api

    def demand_any(self) -> str:
        """The URL of whoever may do least."""
        url = self.ops or self.superuser
        assert url is not None  # noqa: S101 - a target without any login is no target
        return url


@contextlib.contextmanager
def open_target(settings: Settings, *, may_make: bool = False, needs_schema: bool = True) -> Iterator[Target]:
    """The named database, else the embedded one: that of a running Homelog, or started for the while.

    Where there is no embedded one, it is made by a command that `may_make` one; else raises EmbeddedError, and
    CommandError where it lacks the schema that the command needs.
    """
    urls = (settings.database_url, settings.migrator_url)
    if any(urls) or settings.admin_url:
        logins = [(login.get("user"), login.get("password")) for login in map(conninfo_to_dict, filter(None, urls))]
        yield Target(
            superuser=settings.admin_url,
            migrator=settings.migrator_url,
            ops=settings.database_url or settings.migrator_url,
            api=settings.database_url or None,
            passwords={str(user): str(password) for user, password in logins if user and password}
            | dict(settings.passwords),
        )
        return
    try:
        server = EmbeddedPostgres.start(settings.data, may_make=may_make)
    except AlreadyRunningError:
        server = EmbeddedPostgres.attach(settings.data)
    with server:
        if may_make:
            _ensure_database(server)
        elif needs_schema:
            _demand_homelog(server)
        yield _target_on(server)


def _demand_homelog(server: EmbeddedPostgres) -> None:
    # Before there is a schema there are no logins: the server would say that their passwords are wrong.
    if _has_database(server):
        with psycopg.connect(server.url(server.superuser, DATABASE)) as connection:
            if has_baseline(connection):
                return
    raise CommandError("There is no Homelog in it yet: run homelog migrate first.")


def _has_database(server: EmbeddedPostgres) -> bool:
    with psycopg.connect(server.url(server.superuser, "postgres")) as connection:
        return bool(connection.execute("SELECT FROM pg_database WHERE datname = 'homelog'").rowcount)


def embedded_target(server: EmbeddedPostgres) -> Target:
    """Homelog's database on that server, made where it is missing."""
    _ensure_database(server)
    return _target_on(server)


def _ensure_database(server: EmbeddedPostgres) -> None:
    if not _has_database(server):
        with psycopg.connect(server.url(server.superuser, "postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE homelog")


def _target_on(server: EmbeddedPostgres) -> Target:
    return Target(
        superuser=server.url(server.superuser, DATABASE),
        migrator=server.url("homelog_migrator", DATABASE),
        ops=server.url("homelog_ops", DATABASE),
        api=server.url("homelog_api", DATABASE),
        passwords=server.secrets,
    )


@contextlib.contextmanager
def scratch_server() -> Iterator[EmbeddedPostgres]:
    """A server with nothing in it: what is found there depends on the project's files and on nobody's data."""
    with (
        tempfile.TemporaryDirectory(prefix="homelog-") as folder,
        EmbeddedPostgres.start(Path(folder), fast=True) as server,
    ):
        yield server


@contextlib.contextmanager
def scratch_target() -> Iterator[Target]:
    """A new database with the baseline and every migration."""
    with scratch_server() as server:
        target = embedded_target(server)
        ensure_baseline(target.demand_superuser("the baseline"), target.passwords)
        upgrade(target.demand_migrator())
        yield target


def describe(url: str) -> str:
    """Name the database that a URL leads to, and the login, never the password: "homelog at db:5432 as homelog_api".

    What the URL leaves out libpq fills in from the environment, and so does this.
    """
    defaults = {
        option.keyword.decode(): option.val.decode() for option in pq.Conninfo.get_defaults() if option.val is not None
    }
    login = defaults | {key: str(value) for key, value in conninfo_to_dict(url).items()}
    user = login.get("user", "")
    host = login.get("host") or login.get("hostaddr") or "the local socket"
    return f"{login.get('dbname') or user} at {host}:{login.get('port', 5432)} as {user}"


def announce(url: str) -> None:
    """Say on standard error which database a command works on, before it does."""
    print(f"Database: {describe(url)}", file=sys.stderr, flush=True)


async def demand_schema(connection: asyncpg.Connection) -> None:
    """Raise StartError, which says what to run, where the schema is missing or older than this code needs."""
    try:
        version = await connection.fetchval(SCHEMA_VERSION.sql)
    except (asyncpg.InvalidSchemaNameError, asyncpg.UndefinedTableError):
        raise StartError(NO_SCHEMA) from None
    if is_older(version, required_version()):
        raise StartError(f"The schema is {version}, this needs {required_version()}: run `homelog migrate`.")


def ask_database(work: Coroutine[Any, Any, T]) -> T:
    """Run what a command does through asyncpg; raises CommandError where the database cannot be reached, or refuses."""
    try:
        return asyncio.run(work)
    except asyncpg.PostgresError as error:
        raise CommandError(_told(error.sqlstate, str(error.args[0]))) from None
    except Problem as problem:
        raise CommandError(_told("08" if problem.name == "unavailable" else "", problem.detail)) from None
    except (OSError, TimeoutError, asyncpg.InterfaceError) as error:
        raise CommandError(_told("08", str(error) or "it does not answer.")) from None


def told_by(error: psycopg.Error) -> str:
    """What a command says for an error of psycopg's; without its context, which quotes statements."""
    if error.sqlstate is None and isinstance(error, psycopg.OperationalError):
        return _told("08", str(error))
    return _told(error.sqlstate, error.diag.message_primary or str(error).partition("\n")[0])


def _told(sqlstate: str | None, message: str) -> str:
    """`message`, with what it means where its class is that of connections (08)."""
    return f"The database cannot be reached: {message}" if (sqlstate or "").startswith("08") else message
