"""`homelog db diff`: 0 and silence, or 1 and a sentence for each difference; 2 where nothing could be compared."""

import argparse
import sys
from pathlib import Path

from service.drift.facts import CannotCompareError
from service.drift.looking import look


def add_diff(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the command's parser."""
    command = commands.add_parser(
        "diff",
        help="name every difference between the database and what the migrations make",
        description="Name every difference between the database and what the baseline and the migrations make. "
        "Exits with 0 and says nothing where there is none, with 1 where there are some, with 2 where it cannot look.",
    )
    command.add_argument("--known", type=Path, metavar="FILE", help="differences that are meant to be, a line each")
    command.add_argument("--verbose", action="store_true", help="say what was compared where there is no difference")
    return command


def diff(url: str, arguments: argparse.Namespace) -> int:
    """Print each difference that is not known; what is said about the look itself goes to standard error."""
    known = read_known(arguments.known) if arguments.known else []
    seen = look(url)
    for sentence in seen.differences:
        if sentence not in known:
            print(sentence)
    for sentence in known:
        if sentence not in seen.differences:
            print(f"{arguments.known}: take this out, it is no difference any more: {sentence}", file=sys.stderr)
    unknown = sum(sentence not in known for sentence in seen.differences)
    if unknown or arguments.verbose:
        names = f"{unknown} difference{'' if unknown == 1 else 's'}" if unknown else "No difference"
        besides = f", {len(seen.differences) - unknown} known" if known else ""
        print(f"{names}{besides}: {seen.facts} facts of {seen.version}, seen as {seen.login}.", file=sys.stderr)
    return 1 if unknown else 0


def read_known(file: Path) -> list[str]:
    """The sentences of a file, one a line; lines that begin with # say why. Raises CannotCompareError."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CannotCompareError(f"what is known cannot be read from {file}: {error}") from None
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
