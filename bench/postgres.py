"""The other side of many rows: psql and pgbench, by their own clocks. Both come with the embedded server."""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from psycopg.conninfo import conninfo_to_dict

from service.embedded import packaged_binaries

_TIME = re.compile(r"^Time: ([\d.]+) ms", re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/")
_PARAMETER = re.compile(r"\$(\d+)")
_RATE = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)


def psql(url: str, *statements: str, warm: str = "SELECT 1") -> float:
    r"""Run statements in one psql session; return the seconds that the last took, by psql's own clock.

    `warm` runs before, so that what a new connection must look up first is not counted. A \copy is one line.
    """
    script = "\n".join([r"\o /dev/null", _as_line(warm), r"\timing on", *map(_as_line, statements)])
    said = _run(["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"], url, script)
    return float(_TIME.findall(said)[-1]) / 1000


def pgbench(url: str, script: Path, *, clients: int, seconds: float) -> float:
    """Run a script of prepared statements for so long; return the seconds of a transaction on average."""
    options = ["--no-vacuum", "--protocol=prepared", f"--client={clients}", "--jobs=2", f"--time={max(1, seconds):.0f}"]
    said = _run(["pgbench", *options, f"--file={script}"], url)
    return 1 / float(_RATE.findall(said)[-1])


def put_in(sql: str, *values: UUID | datetime | str) -> str:
    """A statement with its parameters as literals, for tools that have no parameters. Only for what we made up.

    Neither literals nor comments hold a colon, which pgbench would take for the beginning of a variable.
    """
    return _PARAMETER.sub(lambda found: _literal(values[int(found[1]) - 1]), _COMMENT.sub("", sql)).strip()


def _literal(value: UUID | datetime | str) -> str:
    match value:
        case UUID():
            return f"'{value}'::uuid"
        case datetime():
            return f"'{value.astimezone(UTC):%Y%m%dT%H%M%S}Z'::timestamptz"
        case _:
            return f"'{value}'::text"


def copy_out(select: str) -> str:
    r"""A \copy of what a SELECT answers, as CSV to nowhere."""
    return rf"\copy ({_as_line(select).rstrip(';')}) TO '/dev/null' (FORMAT csv, HEADER)"


def _as_line(statement: str) -> str:
    line = " ".join(statement.split())
    return line if line.startswith("\\") else line.rstrip(";") + ";"


def _run(command: Sequence[str], url: str, script: str | None = None) -> str:
    result = subprocess.run(
        [packaged_binaries() / command[0], *command[1:]],
        input=script,
        env=os.environ | _login(url) | {"LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise RuntimeError(f"{command[0]}: {result.stderr[:1000]}")
    return result.stdout


def _login(url: str) -> Mapping[str, str]:
    # In the environment: a program's arguments are for everyone on the machine to read.
    names = {"dbname": "PGDATABASE"}
    return {names.get(key, f"PG{key.upper()}"): str(value) for key, value in conninfo_to_dict(url).items()}
