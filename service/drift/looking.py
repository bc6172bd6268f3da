"""A database, looked at from outside: is it one that can be compared, and what differs."""

from pathlib import Path
from typing import NamedTuple

import psycopg

from service.drift.comparing import differences
from service.drift.facts import (
    FACTS,
    CannotCompareError,
    load_facts,
    read_facts,
    read_server_version,
    settle,
)
from service.migrations import SQL, MigrationError, required_version
from service.migrations.connection import has_baseline, open_session
from service.migrations.files import BASELINE, read_chain
from service.migrations.history import History

# A look takes half a second; what takes longer hangs.
_OPTIONS = "-c statement_timeout=60s -c default_transaction_read_only=on -c idle_in_transaction_session_timeout=60s"


class Seen(NamedTuple):
    """What a look found."""

    differences: list[str]
    login: str
    version: str
    facts: int


def look(url: str, *, root: Path = SQL, file: Path = FACTS) -> Seen:
    """Compare a database with what its version of the files makes.

    Any of Homelog's logins may; nothing is written, and no other server is needed. Raises CannotCompareError where the
    database is none of this version, or cannot be asked.
    """
    expected = load_facts(file)
    try:
        if expected.origin.version != (needed := required_version(root)):
            raise CannotCompareError(
                f"what sql/{file.name} holds is of {expected.origin.version}, not of {needed}: run make schema"
            )
        with open_session(url, _OPTIONS, application_name="homelog db diff", connect_timeout=10) as connection:
            # One snapshot for all queries.
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            settle(connection)
            if (server := read_server_version(connection)) != (known := expected.origin.postgresql):
                raise CannotCompareError(
                    f"the server is PostgreSQL {server}, and writes definitions otherwise than {known}"
                )
            if not has_baseline(connection):
                raise CannotCompareError("there is no Homelog in this database: homelog migrate makes it")
            recorded = _differences_in_record(History.read(connection, read_chain(root)))
            found = read_facts(connection)
            login = connection.info.user
    except (psycopg.Error, MigrationError) as error:
        raise CannotCompareError(f"the database cannot be looked at: {' '.join(str(error).split())}") from error
    return Seen([*recorded, *differences(expected, found)], login, found.origin.version, len(found.facts))


def _differences_in_record(history: History) -> list[str]:
    """What the record of migrations has that the files do not, or has lost.

    Raises CannotCompareError where the database is another version, as far as the record can be believed.
    """
    states, lost = history.states(), history.lost()
    if unknown := [id_ for id_, state in states.items() if state == "unknown"]:
        raise CannotCompareError(f"{unknown[0]} is applied and unknown here: look with the version that applied it")
    if complaints := history.out_of_order():
        raise CannotCompareError(complaints[0])
    if missing := history.missing:
        count = "1 migration is" if len(missing) == 1 else f"{len(missing)} migrations are"
        why = f"{count} missing, from {missing[0]} on: run homelog migrate, then look again"
        raise CannotCompareError(lost[0] if lost else why)
    edited = [
        f"Migration {id_} is not the file that was applied: one of the two was edited."
        for id_, state in states.items()
        if state == "edited"
    ]
    # Where its row is lost that is the complaint.
    other = history.baseline not in {BASELINE, None}
    baseline = [f"The baseline is {history.baseline}, not {BASELINE}."] if other else []
    return [*baseline, *edited, *(f"{complaint[:1].upper()}{complaint[1:]}." for complaint in lost)]
