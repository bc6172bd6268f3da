"""`homelog db` and the names that were there before it: what a DBA and an operator do to the schema."""

import argparse
import os
import sys

from psycopg.conninfo import conninfo_to_dict

from service.commands import Add, Command
from service.migrations.baseline import ensure_baseline
from service.migrations.checks import check_database, check_files, freeze
from service.migrations.files import create, read_chain
from service.migrations.runner import (
    MigrationStatus,
    SchemaStatus,
    downgrade,
    last_applied,
    rehearse_baseline,
    rehearse_downgrade,
    rehearse_upgrade,
    status,
    upgrade,
)
from service.settings import Settings
from service.target import CommandError, Target, announce, describe, open_target, scratch_target


def register(add: Add) -> "argparse._SubParsersAction[argparse.ArgumentParser]":
    """Add the commands to the command line; return where others add theirs to `homelog db`."""
    db = add("db", show_status, "look at the schema, change it, check it").add_subparsers(
        required=True, metavar="COMMAND"
    )

    def sub(name: str, run: Command, text: str) -> argparse.ArgumentParser:
        command = db.add_parser(name, help=text, description=text)
        command.set_defaults(command=run)
        return command

    sub("status", show_status, "say which schema the database has; exit 0 where it is the one of these files, else 1")
    up = sub("upgrade", run_upgrade, "apply the baseline where it is missing, then the missing migrations")
    up.add_argument("--to", metavar="NNNN", help="go no further than this migration")
    _add_dry_run(up)
    _add_downgrade_arguments(sub("downgrade", run_downgrade, "roll the last migrations back, and say what is lost"))
    sub("new", start_migration, "start a new migration and its rollback").add_argument("description", nargs="+")
    check = sub(
        "check",
        run_check,
        "check the files: order, names, pairs, hashes, depends, locks; of a database only what is asked for",
    )
    more = check.add_mutually_exclusive_group()
    more.add_argument("--database", action="store_true", help="run sql/checks on the database, too")
    more.add_argument("--new", action="store_true", help="run sql/checks on a new database made of the files, too")
    more.add_argument("--freeze", action="store_true", help="note that all of them have landed: none may change now")

    # The names from before `homelog db`; a downgrade keeps its arguments.
    _add_dry_run(add("migrate", run_upgrade, "the same as db upgrade")).set_defaults(to=None)
    _add_downgrade_arguments(add("downgrade", run_downgrade, "the same as db downgrade"))
    add("migration", start_migration, "the same as db new").add_argument("description", nargs="+")
    return db


def _add_dry_run(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--dry-run", action="store_true", help="change nothing; print the SQL that would run")
    return parser


def _add_downgrade_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--steps", type=int, default=1, help="how many; default 1")
    parser.add_argument("--yes", action="store_true", help="do not ask, where more than one is rolled back")
    _add_dry_run(parser)


# The schema


def show_status(_arguments: argparse.Namespace) -> int:
    """Say in words how files and database compare; 1 where they are not the same."""
    with open_target(Settings.from_environment(os.environ)) as target:
        # Before the baseline there is nobody but the superuser to log in as.
        url = target.superuser or target.migrator or target.ops
        assert url is not None  # noqa: S101 - a target without any login is no target
        print(f"Database: {describe(url)}", flush=True)
        found = status(url)
    print("\n".join(_in_words(found)))
    return 0 if found.up_to_date else 1


def _in_words(found: SchemaStatus) -> list[str]:
    if found.baseline is None and not found.complaints:
        return ["Baseline: missing.", f"Missing: all {len(found.migrations)} migrations.", "Run `homelog db upgrade`."]
    of = {state: [one for one in found.migrations if one.state == state] for state in _HEADINGS}
    applied = [one for one in found.migrations if one.applied_at is not None]
    last = f", the last {applied[-1].id} at {applied[-1].applied_at:%Y-%m-%d %H:%M %Z}" if applied else ""
    lines = [f"Baseline: {found.baseline or 'missing'}.", f"Applied: {_count(applied)}{last}."]
    for state, heading in _HEADINGS.items():
        lines += [f"{heading}:", *(f"  {one.id}" for one in of[state])] if of[state] else []
    lines += [f"{complaint[:1].upper()}{complaint[1:]}." for complaint in found.complaints]
    if found.up_to_date:
        lines.append("Up to date.")
    elif not found.complaints:
        lines.append("Run `homelog db upgrade`.")
    return lines


_HEADINGS = {
    "pending": "Missing",
    "skipped": "Missing, though later ones are applied",
    "edited": "Edited after they were applied",
    "unknown": "Unknown to this code",
}


def _count(migrations: list[MigrationStatus]) -> str:
    return f"{len(migrations)} migration{'' if len(migrations) == 1 else 's'}"


def run_upgrade(arguments: argparse.Namespace) -> None:
    """Apply what is missing, or print it."""
    with open_target(Settings.from_environment(os.environ), may_make=not arguments.dry_run) as target:
        migrator = target.demand_migrator()
        announce(migrator)
        if arguments.dry_run:
            print(_rehearse(target, migrator, arguments.to), end="")
        elif not bring_up_to_date(target, to=arguments.to):
            print(_nothing_missing(arguments.to))


def _rehearse(target: Target, migrator: str, to: str | None) -> str:
    baseline = rehearse_baseline(target.superuser) if target.superuser else ""
    if baseline:
        # Without it there is neither login nor schema to try the migrations on.
        rest = ", ".join(migration.id for migration in read_chain()) or "none"
        return f"{baseline}\n-- Then the migrations, which a dry run shows once the baseline is there: {rest}.\n"
    return rehearse_upgrade(migrator, to=to) or f"-- {_nothing_missing(to)}\n"


def _nothing_missing(to: str | None) -> str:
    return f"No migration is missing up to {to}." if to else "No migration is missing."


def bring_up_to_date(target: Target, to: str | None = None) -> list[str]:
    """Apply what is missing, as far as there is a login that may, and say each; return the migrations applied."""
    if target.superuser and target.migrator:
        _demand_one_database(target.superuser, target.migrator)
    if target.superuser and ensure_baseline(target.superuser, target.passwords):
        print("Applied the baseline.", flush=True)
    if not target.migrator:
        return []
    return upgrade(target.migrator, to=to, tell=lambda id_: print(f"Applied {id_}.", flush=True))


def _demand_one_database(superuser: str, migrator: str) -> None:
    # By name alone: one server may be reached by several ways.
    names = [conninfo_to_dict(url).get("dbname") for url in (superuser, migrator)]
    if names[0] != names[1]:
        raise CommandError(
            f"HOMELOG_ADMIN_URL names the database {names[0]} and HOMELOG_MIGRATOR_URL names {names[1]}: the baseline"
            " would go into the one and the migrations into the other."
        )


def run_downgrade(arguments: argparse.Namespace) -> None:
    """Say what is lost, ask where it is much, and roll back; or print it."""
    with open_target(Settings.from_environment(os.environ)) as target:
        migrator = target.demand_migrator()
        announce(migrator)
        if arguments.dry_run:
            print(rehearse_downgrade(migrator, arguments.steps), end="")
            return
        migrations = last_applied(migrator, arguments.steps)
        for migration in migrations:
            print(migration.loss or f"The rollback of {migration.id} does not say what is lost.", flush=True)
        if len(migrations) > 1 and not arguments.yes:
            _demand_agreement(migrator, len(migrations))
        downgrade(
            migrator,
            arguments.steps,
            expected=[migration.id for migration in migrations],
            tell=lambda id_: print(f"Rolled {id_} back.", flush=True),
        )


def _demand_agreement(url: str, steps: int) -> None:
    if not sys.stdin.isatty():
        raise CommandError(
            f"{steps} migrations would be rolled back and nobody is here to agree: say --yes if that is meant. "
            "Nothing was changed."
        )
    answer = input(f"Roll {steps} migrations back, on {describe(url)}? Type how many: ")
    if answer.strip() != str(steps):
        raise CommandError("Nothing was changed.")


# The checks, and new files


def start_migration(arguments: argparse.Namespace) -> None:
    """Write the next pair of files and print their names."""
    for path in create(" ".join(arguments.description)):
        print(os.path.relpath(path))


def run_check(arguments: argparse.Namespace) -> int:
    """Print what is wrong with the files, and with a database that is to be looked at; 1 where something is."""
    if complaints := check_files():
        print("\n".join(f"{complaint[:1].upper()}{complaint[1:]}." for complaint in complaints), file=sys.stderr)
        return 1
    if arguments.freeze:
        print("\n".join(f"Froze {id_}." for id_ in freeze()) or "All are frozen already.")
        return 0
    print(f"{len(read_chain())} migrations, and all is well with their files.", flush=True)
    return _check_database(arguments) if arguments.database or arguments.new else 0


def _check_database(arguments: argparse.Namespace) -> int:
    if arguments.new:
        with scratch_target() as target:
            found = check_database(target.demand_any())
    else:
        with open_target(Settings.from_environment(os.environ)) as target:
            announce(target.demand_any())
            found = check_database(target.demand_any())
    print("\n".join(found) or "The checks find nothing in the database.")
    return 1 if found else 0
