"""`homelog admin`: make an admin, or let somebody in again who is locked out."""

import argparse
import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from service.commands import Add
from service.migrations.commands import bring_up_to_date
from service.settings import Settings
from service.target import CommandError, announce, ask_database, open_target
from service.users.operators import make_admin, recover_account


def register(add: Add) -> None:
    """Add the commands to the command line."""
    admin = add("admin", create, "make an admin, or let one in again").add_subparsers(required=True, metavar="COMMAND")
    for name, act, text in (
        ("create", create, "make an account that is admin, with a temporary password unless one is asked for"),
        ("reset-password", reset_password, "give an account a new password and sign it out everywhere"),
    ):
        command = admin.add_parser(name, help=text, description=text)
        command.set_defaults(command=act)
        command.add_argument("--email", required=True)
        command.add_argument(
            "--ask-password",
            action="store_true",
            help="read the password from the terminal, or a line of standard input, and make none up",
        )
        if act is create:
            command.add_argument("--display-name")


def create(arguments: argparse.Namespace) -> None:
    """Make an admin."""
    chosen = _ask_password(arguments)
    with _migrator("making an admin", may_make=True) as url:
        made_up = ask_database(make_admin(url, arguments.email, arguments.display_name, chosen))
    print(f"{arguments.email} is an admin.")
    _tell_password(made_up)


def reset_password(arguments: argparse.Namespace) -> None:
    """Give an account a new password."""
    chosen = _ask_password(arguments)
    with _migrator("resetting a password") as url:
        made_up = ask_database(recover_account(url, arguments.email, chosen))
    print(f"{arguments.email} has a new password, and is signed out everywhere.")
    _tell_password(made_up)


@contextmanager
def _migrator(what: str, *, may_make: bool = False) -> Iterator[str]:
    """The URL that may change accounts. The embedded server is ours to bring up to date, any other its owner's."""
    settings = Settings.from_environment(os.environ)
    with open_target(settings, may_make=may_make) as target:
        url = target.demand_migrator(what)
        announce(url)
        if settings.embedded and settings.migrator_url is None:
            bring_up_to_date(target)
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
