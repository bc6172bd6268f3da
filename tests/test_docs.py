"""What the documents say is so: their commands run, their names exist, their links lead somewhere."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from service.docs import generate, openapi
from service.embedded import EmbeddedPostgres
from service.environment import EXAMPLES, FROM_FILES
from service.identity import Scope
from service.migrations import SQL
from service.problems import CATALOGUE
from service.settings import Settings
from service.sqlfile import ALL
from tests.people import Household
from tests.processes import served as serving

ROOT = SQL.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("sql/**/*.md")], key=str)
GENERATED = {"errors.md", "metrics.md", "schema.md", "settings.md"}
WRITTEN = [page for page in PAGES if page.name not in GENERATED]
CALLS = {
    (method.upper(), path)
    for path, methods in json.loads(openapi())["paths"].items()
    for method in methods
    if method in {"get", "post", "put", "patch", "delete"}
} | {("GET", "/schema"), ("GET", "/schema/openapi.json")}

DATA = ROOT.parent / "shared" / "data"

_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
needs_curl = pytest.mark.skipif(
    not (shutil.which("bash") and shutil.which("curl")), reason="the commands are for bash and curl"
)


def blocks(page: Path, language: str) -> list[str]:
    return [code for said, code in _FENCE.findall(page.read_text("utf-8")) if said == language]


def code(page: Path) -> list[str]:
    """Every code span and every line of a fenced block."""
    text = page.read_text("utf-8")
    lines = [line for _, block in _FENCE.findall(text) for line in block.splitlines()]
    return _SPAN.findall(_FENCE.sub("", text)) + lines


def without_diagrams(page: Path) -> str:
    return re.sub(r"^```mermaid\n.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


# The commands


@pytest.fixture
def served(server: EmbeddedPostgres, database: str, tmp_path: Path) -> Iterator[str]:
    """The address of `homelog serve`, its own processes and all, on the test's database; limited as it is unset."""
    with serving(server.url("homelog_api", database), tmp_path, HOMELOG_RATE_LIMIT="") as address:
        yield address


def run_bash(script: str, api: str) -> str:
    environment = {"PATH": os.environ["PATH"], "API": api, "LC_ALL": "C.UTF-8"}
    result = subprocess.run(
        [str(shutil.which("bash")), "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def agrees(said: Any, got: Any) -> bool:
    """Whether an answer is what a page shows, "…" standing for any value."""
    if said == "…":
        return True
    if isinstance(said, dict) and isinstance(got, dict):
        return said.keys() == got.keys() and all(agrees(said[key], got[key]) for key in said)
    if isinstance(said, list) and isinstance(got, list):
        return len(said) == len(got) and all(map(agrees, said, got))
    return bool(said == got)


@needs_curl
def test_the_readme_does_what_it_says(served: str) -> None:
    readme = ROOT / "README.md"
    said = run_bash("\n".join(blocks(readme, "bash")), served)
    (picture,) = blocks(readme, "text")
    assert picture in said
    answers = [json.loads(line) for line in said.splitlines() if line.startswith('{"') and line.endswith("}")]
    batch = next(answer for answer in answers if "received" in answer)
    assert (batch["received"], batch["created"]) == (8760, 8760)
    due = [[plant["status"] for plant in answer["items"]] for answer in answers if "items" in answer]
    assert due == [["thriving"], []]
    assert [line[-3:] for line in said.splitlines() if re.search(r"} \d{3}$", line)] == ["404", "200"]


@needs_curl
def test_the_walk_through_the_api_answers_what_it_shows(served: str) -> None:
    text = (ROOT / "docs/api.md").read_text("utf-8")
    if not DATA.is_dir():
        # The files of others are not in this project: without them their section is not walked.
        text = re.sub(r"^## Two real meters$.*?(?=^## )", "", text, flags=re.MULTILINE | re.DOTALL)
    steps = [(language, block) for language, block in _FENCE.findall(text) if language in {"bash", "json", "text"}]
    # Each block ends with a mark that no answer holds, so that each answer is found again.
    script = "\n".join(f"{block}\nprintf '\\001'" for language, block in steps if language == "bash")
    answers = iter(run_bash(script, served).split("\1"))
    answer = ""
    for language, block in steps:
        if language == "bash":
            answer = next(answers)
        elif language == "json":
            assert agrees(json.loads(block), json.loads(answer)), f"{block}\nis said, answered is\n{answer}"
        else:
            assert answer == block


async def test_what_the_page_of_the_database_shows_runs(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    meter = await ann.source()
    await ann.made(f"/v1/sources/{meter['id']}/readings", value=1)
    look, catch_up, rebuild, *_ = blocks(ROOT / "docs/database.md", "sql")
    begin, act, role, select, rollback = look.splitlines()
    for statement in (begin, act.replace("the account''s id", ann.id).replace("the source''s id", meter["id"]), role):
        await dba.execute(statement)
    assert await dba.fetchval(select) == 1
    await dba.execute(rollback)
    async with dba.transaction():
        await dba.execute("SET LOCAL session_replication_role = replica; UPDATE readings SET value = 2")
        await dba.execute(catch_up)
    assert (await ann.get(f"/v1/sources/{meter['id']}")).json()["latest"]["value"] == 2
    await dba.execute(rebuild.replace("the home''s id", (await ann.home())["id"]))


def test_the_sample_is_what_its_maker_makes() -> None:
    sample = (ROOT / "examples/heat_meter_sample.csv").read_bytes()
    made = subprocess.run([sys.executable, ROOT / "examples/make_sample.py"], capture_output=True, check=True).stdout
    assert made == sample
    assert len(sample) < 400_000


# What is generated


async def test_the_generated_documents_are_fresh(server: EmbeddedPostgres, database: str) -> None:
    stale = [
        str(path.relative_to(ROOT))
        for path, text in generate(server.url(server.superuser, database)).items()
        if not path.exists() or path.read_text("utf-8") != text
    ]
    assert not stale, "run make docs"


def test_every_error_of_the_catalogue_is_answered_and_every_setting_is_asked_for() -> None:
    """What nothing uses yet has no place in what users read."""
    python = "\n".join(path.read_text("utf-8") for path in ROOT.glob("service/**/*.py") if path.name != "docs.py")
    assert not [name for name in CATALOGUE if python.count(f'"{name}"') < 2]
    assert not [name for name in Settings.__struct_fields__ if not re.search(rf"settings\.{name}\b", python)]


# The names


@each_page
def test_every_call_that_a_page_names_exists(page: Path) -> None:
    wrong = []
    for said in code(page):
        for method, path in re.findall(r"\b(GET|POST|PUT|PATCH|DELETE) (/[\w/{}.-]*)", said.partition("call ")[0]):
            if (method, path) not in CALLS:
                wrong.append(f"{method} {path}")
        # In a command a variable stands where the path has a parameter.
        for method, path in re.findall(r"\bcall (\w+) [\"']?(/[\w/$-]*)", said):
            if not known(f"/v1{path}", method):
                wrong.append(f"{method} {path}")
        paths = re.findall(
            r"(?:\$API|127\.0\.0\.1:8000|(?<![\w.}/]))(/(?:v1|health|metrics|schema)\b[\w/${}.-]*)", said
        )
        named = (path.rstrip("/.") for path in paths)
        wrong += [path for path in named if not known(path) and path not in {"/v1", "/v1$2", "/v1/auth"}]
    assert not wrong


def known(path: str, method: str | None = None) -> bool:
    plain = re.sub(r"\$\w+|\{\w+\}", "{}", path)
    return any(plain == re.sub(r"\{\w+\}", "{}", template) for verb, template in CALLS if method in {None, verb})


def test_every_call_is_described() -> None:
    said = "\n".join(_SPAN.findall((ROOT / "docs/api.md").read_text("utf-8")))
    missing = [f"{method} {path}" for method, path in sorted(CALLS) if f"{method} {path}\n" not in said + "\n"]
    assert set(missing) <= {"GET /schema", "GET /schema/openapi.json"}


@each_page
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {name for said in code(page) for name in re.findall(r"^make ([a-z]+)", said)}
    assert named <= targets


def test_every_make_target_is_named() -> None:
    targets = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {name for page in WRITTEN for said in code(page) for name in re.findall(r"^make ([a-z]+)", said)}
    assert targets <= named


@each_page
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    named = {name for said in code(page) for name in re.findall(r"^homelog ([a-z]+)\b", said)}
    if named:
        shown = subprocess.run(
            [sys.executable, "-m", "service", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        assert named <= set(re.findall(r"^ {4}([a-z]+)\b", shown, re.MULTILINE))


@each_page
def test_every_variable_that_a_page_names_is_read(page: Path) -> None:
    named = set(re.findall(r"\b(?:HOMELOG|DATABASE)_[A-Z_]*[A-Z]\b", page.read_text("utf-8")))
    assert named <= EXAMPLES.keys() | {f"{name}_FILE" for name in FROM_FILES}
    python = "\n".join(path.read_text("utf-8") for path in ROOT.glob("service/**/*.py"))
    others = set(re.findall(r"`((?:PROMETHEUS|XDG|PG)_?[A-Z_]+)`", page.read_text("utf-8")))
    assert all(name in python for name in others)


@each_page
def test_every_error_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    named = [(int(status), name) for status, name in re.findall(r"\b([45]\d\d) `(\w+)`", text)]
    assert [(CATALOGUE[name][0], name) for _, name in named] == named
    assert set(re.findall(r"/errors/(\w+)", text)) <= CATALOGUE.keys()


@each_page
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    file = re.compile(
        r"(?<![\w./$<>{}-])((?:\.ci|docs|examples|scripts|service|sql|tests)/[\w./*-]*"
        r"|\w[\w.-]*\.(?:py|md|sql|toml|yml|sh|csv|json|txt))(?![\w{<])"
    )
    wrong = []
    for said in code(page):
        for name in file.findall(said):
            plain = name.rstrip("./")
            places = (ROOT, page.parent, ROOT / "sql", ROOT / "sql/ops")
            if "NNNN_" in plain or plain in _NOT_OURS:
                continue
            if not any(list(place.glob(plain)) for place in places):
                wrong.append(name)
    assert not wrong


# Made when something runs, or somebody else's.
_NOT_OURS = {"heat_meter_660.csv", "path/to/heat_meter_660.csv", "secrets.json", "openapi.json", "queries.sql"} | {
    "structs.py", "handlers.py", "roles.sql", "manifest.json",
    "docker-compose.override.yml"
}  # fmt: skip


@each_page
def test_every_migration_that_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(r"\b\d{4}_[a-z]\w+", page.read_text("utf-8")))
    assert named - _EXAMPLES <= {file.stem for file in ROOT.glob("sql/migrations/[0-9]*.sql")}


# What an upgrade that there may be some day brings.
_EXAMPLES = {"0042_add_pot_size"}


@each_page
def test_every_query_that_a_page_names_exists(page: Path) -> None:
    named = {said for said in code(page) if re.fullmatch(r"[a-z]+:[a-z_]+", said)}
    assert named - set(Scope) <= ALL.keys()


@each_page
def test_everything_of_the_schema_that_a_page_names_exists(page: Path) -> None:
    text = without_diagrams(page)
    sql = "\n".join(path.read_text("utf-8") for path in ROOT.glob("sql/[im]*/*.sql"))
    named = {name for said in _SPAN.findall(text) for name in re.findall(r"\bhomelog\.([a-z]\w+)", said)}
    assert all(re.search(rf"\bhomelog\.{name}\b", sql) for name in named)
    roles = {name for said in _SPAN.findall(text) for name in re.findall(r"(?<!__Host-)\bhomelog_[a-z]+\b", said)}
    assert all(re.search(rf"\b{name}\b", sql) for name in roles)


@each_page
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    for said in code(page):
        for file, name in re.findall(r"(tests/[\w/]+\.py)::(\w+)", said):
            assert re.search(rf"^(?:async )?def {name}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE), said
    # Elsewhere a test may stand by its name alone.
    tests = "\n".join(path.read_text("utf-8") for path in ROOT.glob("tests/**/*.py"))
    for name in {said for said in code(page) if re.fullmatch(r"test_\w+", said)}:
        assert re.search(rf"^(?:async )?def {name}\(", tests, re.MULTILINE), name


SECTIONS = {
    "Access", "Input", "Passwords", "Guesses", "Sessions", "Browsers", "Device tokens", "Secrets",
    "Signing in with providers", "HTTP", "Audit", "One's own", "When something breaks", "Operation",
}  # fmt: skip


def test_every_statement_of_security_is_proven_by_tests_that_are_run(request: pytest.FixtureRequest) -> None:
    lines = (ROOT / "docs/security.md").read_text("utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.startswith("| **")][1:]
    proofs = {row: set(re.findall(r"`(tests/[\w/]+\.py::test_\w+)`", row.rpartition(" | ")[2])) for row in rows}
    assert rows
    assert not [row for row, tests in proofs.items() if not tests]
    assert not [row for row in rows if re.search(r"`test_\w+`", row)], "a test is named with its file"
    assert set(re.findall(r"^\| \*\*(.*?)\*\* \|", "\n".join(lines), re.MULTILINE)) >= SECTIONS
    named = set().union(*proofs.values())
    # Asked of pytest itself, so that a test that it does not collect proves nothing: of this run, else of another one.
    collected = {item.nodeid.partition("[")[0] for item in request.session.items}
    if files := sorted({test.partition("::")[0] for test in named - collected}):
        command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files]
        said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        collected |= {line.partition("[")[0] for line in said.splitlines()}
    assert named <= collected


# The links


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in _LINK.findall(_FENCE.sub("", page.read_text("utf-8"))):
        if target.startswith("https://"):
            continue
        path, _, heading = target.partition("#")
        place = (page.parent / path) if path else page
        assert place.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.*)$", place.read_text("utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}, target


def test_every_page_is_linked() -> None:
    reached, waiting = {ROOT / "README.md"}, [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        for target in _LINK.findall(page.read_text("utf-8")):
            place = (page.parent / target.partition("#")[0]).resolve()
            found = [place] if place.suffix == ".md" else sorted(place.glob("*.md")) if place.is_dir() else []
            waiting += [each for each in found if each not in reached]
            reached.update(found)
    assert set(PAGES) <= reached


@each_page
def test_no_page_names_a_place_on_somebodys_machine(page: Path) -> None:
    text = page.read_text("utf-8")
    assert str(ROOT) not in text
    assert not re.findall(r"(?<![\w.~$}])/(?:home|Users|root|work|tmp|mnt)/\w+", text)
