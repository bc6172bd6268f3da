"""`homelog maintain`."""

import argparse
import asyncio
import os
from collections.abc import Callable
from datetime import timedelta

from service.maintenance.running import keep_running, run
from service.observing import set_up_logging
from service.settings import Settings
from service.target import ask_database, open_target

Command = Callable[[argparse.Namespace], int | None]
Add = Callable[[str, Command, str], argparse.ArgumentParser]


def register(add: Add) -> None:
    """Add the command to the command line."""
    add("maintain", maintain, "clean up as the service does by itself, again and again").add_argument(
        "--once", action="store_true", help="do it once and say what was done"
    )


def maintain(arguments: argparse.Namespace) -> int:
    """Clean up once and say what was done; or again and again, as the service does by itself."""
    settings = Settings.from_environment(os.environ)
    with open_target(settings) as target:
        url = target.demand_api()
        if not arguments.once:
            set_up_logging()
            asyncio.run(keep_running(url, timedelta(minutes=settings.maintenance_minutes or 60)))
        done = ask_database(run(url))
    if done is None:
        print("Somebody else is cleaning up just now.")
        return 1
    for task, count in done.items():
        if count != 0:
            print(f"{task}: {'failed; the log says why' if count is None else count}")
    if not any(done.values()) and None not in done.values():
        print("There was nothing to do.")
    return 1 if None in done.values() else 0
