"""The command line: thin commands around the settings, the embedded server, the migrations and granian."""

import argparse
import asyncio
import contextlib
import difflib
import getpass
import importlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from shutil import which
from typing import Any, NamedTuple, NoReturn, TypeVar

import asyncpg
import psycopg
from psycopg.conninfo import conninfo_to_dict

from service import __version__, migrations
from service.database import Database, StartError
from service.embedded import AlreadyRunningError, EmbeddedError, EmbeddedPostgres, packaged_binaries
from service.environment import SettingsError, unknown_variables
from service.problems import Problem
from service.serving import ServingError, demand_free_port, serve
from service.settings import Settings
from service.users.operators import OperatorError, make_admin, recover_account

T = TypeVar("T")

DATABASE = "homelog"
ROLES = ("ops", "migrator", "superuser")


class CommandError(Exception):
    """Why a command cannot do what it was asked, as a sentence."""


class _Target(NamedTuple):
    """The database that a command works on: URLs by who logs in, passwords by role."""

    superuser: str | None
    migrator: str | None
    ops: str | None
    passwords: Mapping[str, str]


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one command; exit 0, or 1 with a sentence on stderr."""
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int | None] = arguments.command
    # As an exception, so that whatever was started is stopped on the way out.
    signal.signal(signal.SIGTERM, _raise_exit)
    try:
        sys.exit(command(arguments))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except SettingsError as error:
        _fail("Homelog cannot start with these settings:\n" + "\n".join(f"  {line}" for line in error.lines))
    except (CommandError, EmbeddedError, OperatorError, ServingError, StartError, migrations.MigrationError) as error:
        _fail(str(error))
    except psycopg.OperationalError as error:
        _fail(f"The database cannot be reached: {error}")


def _raise_exit(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)


def _fail(text: str) -> NoReturn:
    print(text[:1].upper() + text[1:], file=sys.stderr)
    sys.exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="homelog", description="A household logbook with a JSON API.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], int | None], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(command=run)
        return command

    add("up", _up, "prepare the database (an embedded one unless DATABASE_URL is set) and serve")
    add("serve", _serve, "serve, on the database that DATABASE_URL names")
    add("migrate", _migrate, "apply the baseline where it is missing, then the missing migrations")
    downgrade = add("downgrade", _downgrade, "roll the last migrations back")
    downgrade.add_argument("--steps", type=int, default=1, help="how many; default 1")
    migration = add("migration", _migration, "start a new migration and its rollback")
    migration.add_argument("description", help='what it does, such as "add plants.pot_size"')
    psql = add("psql", _psql, "open psql on the database; ops is DATABASE_URL's login on one of your own")
    psql.add_argument(
        "--role",
        choices=ROLES,
        default="ops",
        help="whom to log in as; default ops, who only reads (on a database of your own: DATABASE_URL's login)",
    )
    psql.add_argument("arguments", nargs="*", metavar="ARGUMENT")
    admin = add("admin", _admin_create, "make an admin, or let one in again").add_subparsers(
        required=True, metavar="COMMAND"
    )
    for name, act, text in (
        ("create", _admin_create, "make an account that is admin, with a temporary password unless one is asked for"),
        ("reset-password", _admin_reset_password, "give an account a new password and sign it out everywhere"),
    ):
        command = admin.add_parser(name, help=text, description=text)
        command.set_defaults(command=act)
        command.add_argument("--email", required=True)
        command.add_argument(
            "--ask-password",
            action="store_true",
            help="read the password from the terminal, or a line of standard input, and make none up",
        )
        if act is _admin_create:
            command.add_argument("--display-name")
    for name, run, what in (
        ("schema", _schema, "sql/schema.sql from the baseline and the migrations"),
        ("docs", _docs, "the generated documents"),
    ):
        add(name, run, f"write {what}").add_argument(
            "--check", action="store_true", help="write nothing; exit 1 where a file differs"
        )
    return parser


# Serving


def _up(_arguments: argparse.Namespace) -> None:
    settings = Settings.from_environment(os.environ)
    demand_free_port(settings)
    if not settings.embedded:
        with _target(settings) as target:
            _bring_up_to_date(target)
        _demand_database_and_serve(settings)
        return
    if settings.migrator_url or settings.admin_url:
        raise CommandError("HOMELOG_MIGRATOR_URL or HOMELOG_ADMIN_URL names a database; DATABASE_URL must, too.")
    with EmbeddedPostgres.start(settings.data) as server:
        _bring_up_to_date(_embedded_target(server))
        # The workers read their settings from the environment.
        os.environ["DATABASE_URL"] = server.url("homelog_api", DATABASE)
        if settings.database_disk is None:
            os.environ["HOMELOG_DATABASE_DISK"] = str(settings.data)
        if not settings.secret:
            os.environ["HOMELOG_SECRET"] = server.secrets["secret"]
        with server.watched():
            _demand_database_and_serve(Settings.from_environment(os.environ))


def _serve(_arguments: argparse.Namespace) -> None:
    settings = Settings.from_environment(os.environ, require_database=True)
    demand_free_port(settings)
    _demand_database_and_serve(settings)


def _demand_database_and_serve(settings: Settings) -> None:
    # Once here, where it ends in a sentence: each worker would fail and be started again.
    async def check() -> None:
        database = await Database.open(settings.database_url, needs=migrations.required_version(), size=1)
        await database.close()

    _ask_database(check())
    for line in unknown_variables(os.environ):
        print(f"Warning: {line}", file=sys.stderr, flush=True)
    serve(settings)


def _ask_database(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except (OSError, TimeoutError, asyncpg.PostgresError, Problem) as error:
        raise CommandError(f"The database cannot be reached: {error}") from None


# The database


@contextlib.contextmanager
def _target(settings: Settings) -> Iterator[_Target]:
    """The named database, else the embedded one: that of a running Homelog, or started for the while."""
    urls = (settings.database_url, settings.migrator_url)
    if any(urls):
        logins = [conninfo_to_dict(url) for url in urls if url]
        yield _Target(
            superuser=settings.admin_url,
            migrator=settings.migrator_url,
            ops=settings.database_url or settings.migrator_url,
            passwords={str(login["user"]): str(login["password"]) for login in logins if "password" in login}
            | dict(settings.passwords),
        )
        return
    try:
        server = EmbeddedPostgres.start(settings.data)
    except AlreadyRunningError:
        server = EmbeddedPostgres.attach(settings.data)
    with server:
        yield _embedded_target(server)


def _embedded_target(server: EmbeddedPostgres) -> _Target:
    with psycopg.connect(server.url(server.superuser, "postgres"), autocommit=True) as connection:
        if not connection.execute("SELECT FROM pg_database WHERE datname = 'homelog'").rowcount:
            connection.execute("CREATE DATABASE homelog")
    return _Target(
        superuser=server.url(server.superuser, DATABASE),
        migrator=server.url("homelog_migrator", DATABASE),
        ops=server.url("homelog_ops", DATABASE),
        passwords=server.secrets,
    )


def _bring_up_to_date(target: _Target) -> list[str]:
    """Apply what is missing, as far as there is a login that may; return the migrations applied."""
    if target.superuser and migrations.ensure_baseline(target.superuser, target.passwords):
        print("Applied the baseline.", flush=True)
    applied = migrations.upgrade(target.migrator) if target.migrator else []
    for name in applied:
        print(f"Applied {name}.", flush=True)
    return applied


def _migrate(_arguments: argparse.Namespace) -> None:
    with _target(Settings.from_environment(os.environ)) as target:
        _demand_migrator(target)
        if not _bring_up_to_date(target):
            print("No migration is missing.")


def _downgrade(arguments: argparse.Namespace) -> None:
    with _target(Settings.from_environment(os.environ)) as target:
        undone = migrations.downgrade(_demand_migrator(target), arguments.steps)
    print("\n".join(f"Rolled {name} back." for name in undone) or "No migration to roll back.")


def _demand_migrator(target: _Target, what: str = "a migration") -> str:
    if target.migrator is None:
        raise CommandError(f"HOMELOG_MIGRATOR_URL is missing: {what} needs the login of homelog_migrator.")
    return target.migrator


def _migration(arguments: argparse.Namespace) -> None:
    for path in migrations.create(arguments.description):
        print(os.path.relpath(path))


def _psql(arguments: argparse.Namespace) -> int:
    with _target(Settings.from_environment(os.environ)) as target:
        url = {"ops": target.ops, "migrator": target.migrator, "superuser": target.superuser}[arguments.role]
        if url is None:
            raise CommandError(f"No URL of a login as {arguments.role} is set.")
        # In the environment: a program's arguments are for everyone on the machine to read.
        names = {"dbname": "PGDATABASE", "sslrootcert": "PGSSLROOTCERT"}
        login = {names.get(key, f"PG{key.upper()}"): str(value) for key, value in conninfo_to_dict(url).items()}
        # Ctrl-C is psql's, to cancel a query.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        command = [_psql_binary(), *arguments.arguments]
        return subprocess.run(command, env=os.environ | login, check=False).returncode


def _psql_binary() -> str:
    with contextlib.suppress(EmbeddedError):
        if (packaged := packaged_binaries() / "psql").exists():
            return str(packaged)
    if found := which("psql"):
        return found
    raise CommandError("psql is not installed.")


# Accounts


def _admin_create(arguments: argparse.Namespace) -> None:
    chosen = _ask_password(arguments)
    with _login_for_accounts("making an admin") as url:
        made_up = _ask_database(make_admin(url, arguments.email, arguments.display_name, chosen))
    print(f"{arguments.email} is an admin.")
    _tell_password(made_up)


def _admin_reset_password(arguments: argparse.Namespace) -> None:
    chosen = _ask_password(arguments)
    with _login_for_accounts("resetting a password") as url:
        made_up = _ask_database(recover_account(url, arguments.email, chosen))
    print(f"{arguments.email} has a new password, and is signed out everywhere.")
    _tell_password(made_up)


@contextlib.contextmanager
def _login_for_accounts(what: str) -> Iterator[str]:
    """The URL that may change accounts. The embedded server is ours to bring up to date, any other its owner's."""
    settings = Settings.from_environment(os.environ)
    with _target(settings) as target:
        url = _demand_migrator(target, what)
        if settings.embedded and settings.migrator_url is None:
            _bring_up_to_date(target)
        yield url


def _ask_password(arguments: argparse.Namespace) -> str | None:
    if not arguments.ask_password:
        return None
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != password:
        raise CommandError("The two passwords differ; nothing was changed.")
    return password


def _tell_password(made_up: str | None) -> None:
    if made_up is not None:
        print(f"Temporary password: {made_up}\nIt signs in once, within 24 hours, and then must be changed.")


# Generated files


def _schema(arguments: argparse.Namespace) -> int:
    with _scratch_server() as server:
        text = migrations.schema_of_new_database(server.url(server.superuser, "postgres"))
    return _write_or_compare({migrations.SQL / "schema.sql": text}, arguments, "schema")


def _docs(arguments: argparse.Namespace) -> int:
    try:
        generate: Callable[[str], Mapping[Path, str]] = importlib.import_module("service.docs").generate
    except ModuleNotFoundError as error:
        if error.name != "service.docs":
            raise
        raise CommandError("There is no service/docs.py to generate documents.") from None
    with _scratch_server() as server:
        target = _embedded_target(server)
        migrations.ensure_baseline(str(target.superuser), target.passwords)
        migrations.upgrade(str(target.migrator))
        files = generate(str(target.superuser))
    return _write_or_compare(files, arguments, "docs")


@contextlib.contextmanager
def _scratch_server() -> Iterator[EmbeddedPostgres]:
    """A server with nothing in it: what is generated depends on the project's files and on nobody's data."""
    with (
        tempfile.TemporaryDirectory(prefix="homelog-") as folder,
        EmbeddedPostgres.start(Path(folder), fast=True) as server,
    ):
        yield server


def _write_or_compare(files: Mapping[Path, str], arguments: argparse.Namespace, command: str) -> int:
    stale = 0
    for path, text in files.items():
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        if before == text:
            continue
        name = os.path.relpath(path)
        if arguments.check:
            stale = 1
            diff = difflib.unified_diff(before.splitlines(), text.splitlines(), name, "generated", lineterm="")
            print("\n".join(list(diff)[:40]))
            print(f"{name} is out of date: run make {command}.", file=sys.stderr)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"Wrote {name}.")
    return stale
