"""`homelog maintain`."""

import argparse
import asyncio
import os
import sys
from datetime import timedelta

import asyncpg

from service.commands import Add
from service.maintenance.running import keep_running, run
from service.observing import set_up_logging
from service.settings import Settings
from service.target import ask_database, demand_schema, open_target


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
        ask_database(_demand_schema(url))
        # Standard output is for what was done, where somebody waits for that.
        set_up_logging(sys.stderr.buffer if arguments.once else sys.stdout.buffer)
        if not arguments.once:
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


async def _demand_schema(url: str) -> None:
    connection = await asyncpg.connect(url, timeout=5, command_timeout=30)
    try:
        await demand_schema(connection)
    finally:
        connection.terminate()
