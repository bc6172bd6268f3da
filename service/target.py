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

from service.embedded import AlreadyRunningError, EmbeddedPostgres
from service.migrations import ensure_baseline, upgrade
from service.problems import Problem
from service.settings import Settings

T = TypeVar("T")

DATABASE = "homelog"


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
def open_target(settings: Settings) -> Iterator[Target]:
    """The named database, else the embedded one: that of a running Homelog, or started for the while."""
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
        server = EmbeddedPostgres.start(settings.data)
    except AlreadyRunningError:
        server = EmbeddedPostgres.attach(settings.data)
    with server:
        yield embedded_target(server)


def embedded_target(server: EmbeddedPostgres) -> Target:
    """Homelog's database on that server, made where it is missing."""
    with psycopg.connect(server.url(server.superuser, "postgres"), autocommit=True) as connection:
        if not connection.execute("SELECT FROM pg_database WHERE datname = 'homelog'").rowcount:
            connection.execute("CREATE DATABASE homelog")
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


def ask_database(work: Coroutine[Any, Any, T]) -> T:
    """Run what a command does through asyncpg; raises CommandError where the database cannot be reached."""
    try:
        return asyncio.run(work)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, Problem) as error:
        why = str(error) or "it does not answer."
        raise CommandError(f"The database cannot be reached: {why}") from None
