"""What the linters let pass: each exception has its reason, and is one that something needs."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from service.migrations import SQL

ROOT = SQL.parent
CONFIG = (ROOT / ".squawk.toml").read_text("utf-8")
SQUAWK = tomllib.loads(CONFIG)
ROLLBACKS = "*.rollback.sql"
LANDED = [path for path in SQUAWK["excluded_paths"] if path != ROLLBACKS]
FORWARD = [path for path in sorted((SQL / "migrations").glob("*.sql")) if not path.match(ROLLBACKS)]

# What sql/CONVENTIONS.md asks for and no migration had to say yet.
ASKED_FOR = "CREATE INDEX CONCURRENTLY IF NOT EXISTS plants_name_idx ON plants (name);\n"

_RULES = re.compile(r"\b[a-z]+(?:-[a-z]+)+\b")


def broken(sql: str, folder: Path, leaving_out: list[str]) -> set[str]:
    """The rules that a text breaks, but for those left out."""
    config = folder / "squawk.toml"
    config.write_text(
        f'pg_version = "18.0"\nassume_in_transaction = true\nexcluded_rules = {json.dumps(leaving_out)}\n', "utf-8"
    )
    squawk = Path(sys.executable).with_name("squawk")
    command = [str(squawk), "--config", str(config), "--reporter", "json", "--stdin-filepath", "x.sql"]
    said = subprocess.run(command, input=sql, capture_output=True, text=True, check=False)
    return {each["rule_name"] for each in json.loads(said.stdout)}


def reason(item: str) -> str:
    """What the configuration says of an item: after it, or in the comment above."""
    lines = CONFIG.splitlines()
    (number,) = [number for number, line in enumerate(lines) if line.strip().startswith(f'"{item}"')]
    said = [lines[number].partition("#")[2]]
    while lines[number - 1].strip().startswith("#"):
        number -= 1
        said.insert(0, lines[number].strip().removeprefix("#"))
    return " ".join(said).strip()


@pytest.mark.parametrize("item", SQUAWK["excluded_rules"] + SQUAWK["excluded_paths"])
def test_whatever_squawk_lets_pass_has_a_reason(item: str) -> None:
    assert len(reason(item)) > 10


@pytest.mark.parametrize("rule", SQUAWK["excluded_rules"])
def test_a_rule_that_is_left_out_is_one_that_something_breaks(rule: str, tmp_path: Path) -> None:
    texts = [path.read_text("utf-8") for path in FORWARD]
    assert rule in broken("\n".join([*texts, ASKED_FOR]), tmp_path, [])


@pytest.mark.parametrize("path", LANDED)
def test_a_landed_file_breaks_the_rules_that_its_exception_names_and_no_other(path: str, tmp_path: Path) -> None:
    text = (ROOT / path).read_text("utf-8")
    assert broken(text, tmp_path, SQUAWK["excluded_rules"]) == set(_RULES.findall(reason(path)))


def test_an_exception_in_a_file_follows_its_reason() -> None:
    # That it is one that something needs, squawk says itself.
    bare = []
    for path in FORWARD:
        lines = path.read_text("utf-8").splitlines()
        for before, line in zip(["", *lines], lines, strict=False):
            if "squawk-ignore" in line and (
                not re.fullmatch(r" *-- squawk-ignore [a-z, -]+[a-z]", line) or not re.match(r" *-- \w", before)
            ):
                bare.append(f"{path.name}: {line}")
    assert not bare


def test_every_rule_that_another_linter_leaves_out_has_a_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    rules = re.findall(r'^ +"(\w+\d+|D|ARG|T20)",(.*)$', text, re.MULTILINE)
    assert len(rules) > 20
    assert not [rule for rule, said in rules if not re.match(r" +# \S", said)]


def test_no_query_has_an_exception_of_its_own() -> None:
    files = [*ROOT.glob("sql/**/*.sql"), *ROOT.glob("service/**/*.sql"), *ROOT.glob("bench/**/*.sql")]
    assert not [path.name for path in files if "noqa" in path.read_text("utf-8")]
