"""The command line: thin commands around the settings, the embedded server, the migrations and granian."""

import argparse
import difflib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import psycopg

from service import __version__, drift, migrations
from service.backup import BackupError
from service.backup import commands as backup_commands
from service.commands import Command
from service.database import Database, StartError
from service.embedded import EmbeddedError, EmbeddedPostgres
from service.environment import SettingsError, unknown_variables
from service.maintenance import commands as maintenance_commands
from service.migrations import commands as migration_commands
from service.migrations.commands import bring_up_to_date
from service.programs import ProgramError, find_program, login_as_default
from service.serving import ServingError, demand_free_port, serve
from service.settings import Settings
from service.target import (
    DATABASE,
    CommandError,
    announce,
    ask_database,
    embedded_target,
    open_target,
    scratch_server,
    scratch_target,
    told_by,
)
from service.users import commands as user_commands
from service.users.operators import OperatorError

ROLES = ("ops", "migrator", "superuser")


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one command; exit 0, or 1 (what the command says for a failure) with a sentence on stderr."""
    arguments = _parser().parse_args(argv)
    command: Command = arguments.command
    # As an exception, so that whatever was started is stopped on the way out.
    signal.signal(signal.SIGTERM, _raise_exit)
    try:
        sys.exit(command(arguments))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except SettingsError as error:
        lines = "\n".join(f"  {line}" for line in error.lines)
        _fail(f"Homelog cannot start with these settings:\n{lines}", arguments.failure)
    except (
        BackupError,
        CommandError,
        EmbeddedError,
        OperatorError,
        ProgramError,
        ServingError,
        StartError,
        drift.CannotCompareError,
        migrations.MigrationError,
    ) as error:
        _fail(str(error), arguments.failure)
    except psycopg.Error as error:
        _fail(told_by(error), arguments.failure)


def _raise_exit(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)


def _fail(text: str, status: int) -> NoReturn:
    print(text[:1].upper() + text[1:], file=sys.stderr)
    sys.exit(status)


class _Parser(argparse.ArgumentParser):
    """A parser that answers for what nobody understood itself, with its own usage; argparse leaves that to the first.

    The parsers of commands are of this class, too, as argparse makes them of that of the first.
    """

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse all there is, or exit."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return parsed, unknown


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="homelog", description="A household logbook with a JSON API.")
    parser.add_argument("--version", action="version", version=__version__)
    parser.set_defaults(failure=1)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Command, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(command=run)
        return command

    add("up", _up, "prepare the database (an embedded one unless DATABASE_URL is set) and serve")
    add("serve", _serve, "serve, on the database that DATABASE_URL names")
    db = migration_commands.register(add)
    drift.add_diff(db).set_defaults(command=_diff, failure=2)
    psql = add("psql", _psql, "open psql on the database; ops is DATABASE_URL's login on one of your own")
    psql.add_argument(
        "--role",
        choices=ROLES,
        default="ops",
        help="whom to log in as; default ops, who only reads (on a database of your own: DATABASE_URL's login)",
    )
    psql.add_argument("arguments", nargs="*", metavar="ARGUMENT")
    user_commands.register(add)
    backup_commands.register(add)
    maintenance_commands.register(add)
    for name, run, what in (
        ("schema", _schema, "sql/schema.sql and sql/facts.jsonl from the baseline and the migrations"),
        ("docs", _docs, "the generated documents"),
    ):
        add(name, run, f"write {what}").add_argument(
            "--check", action="store_true", help="write nothing; exit 1 where a file differs"
        )
    return parser


# Serving


def _up(_arguments: argparse.Namespace) -> None:
    settings = Settings.from_environment(os.environ, require_secret=True)
    demand_free_port(settings)
    if not settings.embedded:
        with open_target(settings) as target:
            announce(target.migrator or settings.database_url)
            bring_up_to_date(target)
        _demand_database_and_serve(settings)
        return
    if settings.migrator_url or settings.admin_url:
        raise CommandError("HOMELOG_MIGRATOR_URL or HOMELOG_ADMIN_URL names a database; DATABASE_URL must, too.")
    with EmbeddedPostgres.start(settings.data) as server:
        bring_up_to_date(embedded_target(server))
        # The workers read their settings from the environment.
        os.environ["DATABASE_URL"] = server.url("homelog_api", DATABASE)
        if settings.database_disk is None:
            os.environ["HOMELOG_DATABASE_DISK"] = str(settings.data)
        if not settings.secret:
            os.environ["HOMELOG_SECRET"] = server.secrets["secret"]
        with server.watched():
            _demand_database_and_serve(Settings.from_environment(os.environ, require_secret=True))


def _serve(_arguments: argparse.Namespace) -> None:
    settings = Settings.from_environment(os.environ, require_database=True, require_secret=True)
    demand_free_port(settings)
    _demand_database_and_serve(settings)


def _demand_database_and_serve(settings: Settings) -> None:
    # Once here, where it ends in a sentence: each worker would fail and be started again.
    async def check() -> None:
        database = await Database.open(settings.database_url, needs=migrations.required_version(), size=1)
        await database.close()

    ask_database(check())
    for line in unknown_variables(os.environ):
        print(f"Warning: {line}", file=sys.stderr, flush=True)
    serve(settings)


# The database


def _diff(arguments: argparse.Namespace) -> int:
    with open_target(Settings.from_environment(os.environ)) as target:
        return drift.diff(target.demand_any(), arguments)


def _psql(arguments: argparse.Namespace) -> int:
    # A superuser's may be what brings a database back that was renamed, or lost its tables.
    needs_schema = arguments.role != "superuser"
    with open_target(Settings.from_environment(os.environ), needs_schema=needs_schema) as target:
        url = {"ops": target.ops, "migrator": target.migrator, "superuser": target.superuser}[arguments.role]
        if url is None:
            raise CommandError(f"No URL of a login as {arguments.role} is set.")
        announce(url)
        options, environment = login_as_default(url)
        command = [find_program("psql"), *options, *arguments.arguments]
        # Ctrl-C is psql's, to cancel a query.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return subprocess.run(command, env=environment, check=False).returncode


# Generated files


def _schema(arguments: argparse.Namespace) -> int:
    with (
        scratch_server() as server,
        migrations.new_database(server.url(server.superuser, "postgres")) as url,
        migrations.restored_database(url) as restored_url,
    ):
        files = {
            migrations.SQL / "schema.sql": migrations.dump_schema(url),
            drift.FACTS: drift.facts_as_text(url, restored_url),
        }
    return _write_or_compare(files, arguments, "schema")


def _docs(arguments: argparse.Namespace) -> int:
    from service.docs import generate  # noqa: PLC0415 - it brings the whole application along

    with scratch_target() as target:
        files = generate(str(target.superuser))
    return _write_or_compare(files, arguments, "docs")


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
