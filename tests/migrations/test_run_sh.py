"""sql/init/run.sh: what the db container's first boot does, on a server whose roles it may spoil."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from service.embedded import EmbeddedPostgres, packaged_binaries
from service.migrations import BASELINE, schema_of_new_database
from service.settings import PASSWORDS
from tests.migrations.conftest import Sandbox

AWKWARD = "it's $(a) \"p@ss\" `w` \\gset :x %41\n€ ' -- ;"


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    """A server of this file's own: roles and their passwords belong to the whole cluster."""
    with (
        tempfile.TemporaryDirectory(prefix="homelog-test-", ignore_cleanup_errors=True) as folder,
        EmbeddedPostgres.start(Path(folder), fast=True) as running,
    ):
        yield running


def run(box: Sandbox, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the script, or a shell command in its folder, with the environment that the image gives it."""
    login = conninfo_to_dict(box.admin_url)
    image = {
        "PATH": f"{packaged_binaries()}:{os.environ['PATH']}",
        "PGHOST": str(login["host"]),
        "PGPORT": str(login["port"]),
        "PGPASSWORD": str(login["password"]),
        "POSTGRES_USER": str(login["user"]),
        "POSTGRES_DB": box.database,
    }
    folder = box.root / "init"
    return subprocess.run(
        command or (str(folder / "run.sh"),),
        cwd=folder if command else "/",
        env=image | environ,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def passwords(text: str = "hush") -> dict[str, str]:
    return {name: f"{role} {text}" for role, name in PASSWORDS.items()}


def test_it_makes_what_homelog_migrate_would(empty: Sandbox) -> None:
    result = run(empty, **passwords())
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "Homelog: applying the baseline.\n"
    assert empty.ask("SELECT version FROM homelog.schema_baseline") == [BASELINE]
    assert empty.dump() == schema_of_new_database(empty.admin_url, root=empty.root)


def test_a_second_run_says_so_and_changes_nothing(empty: Sandbox) -> None:
    assert run(empty, **passwords()).returncode == 0
    once = empty.dump()
    result = run(empty, **passwords("other"))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "Homelog: the baseline is already in this database; nothing was changed.\n"
    assert empty.dump() == once
    log_in(empty, "homelog_api", "homelog_api hush")


@pytest.mark.parametrize("from_files", [False, True])
def test_a_password_may_hold_any_character(empty: Sandbox, tmp_path: Path, from_files: bool) -> None:
    given = passwords(AWKWARD)
    if from_files:
        for name, password in given.items():
            (tmp_path / name).write_text(f"{password}\n", encoding="utf-8")
        given = {f"{name}_FILE": str(tmp_path / name) for name in given}
    assert run(empty, **given).returncode == 0
    for role in PASSWORDS:
        log_in(empty, role, f"{role} {AWKWARD}")


def log_in(box: Sandbox, role: str, password: str) -> None:
    with psycopg.connect(make_conninfo(box.admin_url, user=role, password=password)) as connection:
        assert connection.info.user == role


def test_what_fails_leaves_nothing_and_can_be_run_again(empty: Sandbox) -> None:
    before = empty.dump()
    broken = empty.root / "init" / "999_broken.sql"
    broken.write_text("CREATE TABLE left_behind (a int);\nSELECT 1 / 0;\n", encoding="utf-8")
    result = run(empty, **passwords())
    assert result.returncode
    assert "999_broken.sql:2: ERROR:  division by zero" in result.stderr
    assert empty.dump() == before

    broken.unlink()
    assert run(empty, **passwords()).returncode == 0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"HOMELOG_API_PASSWORD": ""}, "HOMELOG_API_PASSWORD is missing"),
        ({"HOMELOG_OPS_PASSWORD_FILE": "/any"}, "HOMELOG_OPS_PASSWORD and HOMELOG_OPS_PASSWORD_FILE are both set"),
    ],
)
def test_no_role_is_made_without_its_one_password(empty: Sandbox, change: dict[str, str], sentence: str) -> None:
    before = empty.dump()
    result = run(empty, **passwords() | change)
    assert result.returncode
    assert result.stderr.startswith(f"Homelog: {sentence}")
    assert empty.dump() == before


def test_the_image_may_read_it_in_instead_of_running_it(empty: Sandbox) -> None:
    result = run(empty, "sh", "-c", "set -e; . ./run.sh; . ./run.sh; echo and goes on", **passwords())
    assert result.returncode == 0
    assert result.stdout.splitlines()[1:] == [
        "Homelog: the baseline is already in this database; nothing was changed.",
        "and goes on",
    ]
    result = run(empty, "sh", "-c", "set -e; . ./run.sh; echo and goes on")
    assert (result.returncode, result.stdout) == (1, "")


def test_no_password_reaches_an_argument_or_the_servers_log(empty: Sandbox, tmp_path: Path) -> None:
    recorder = tmp_path / "psql"
    recorder.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{tmp_path}/sent\ncat >>{tmp_path}/sent\n', encoding="utf-8")
    recorder.chmod(0o755)
    assert run(empty, PATH=f"{tmp_path}:{os.environ['PATH']}", **passwords("canary")).returncode == 0
    sent = (tmp_path / "sent").read_text("utf-8")
    assert "--single-transaction" in sent
    assert "canary" not in sent

    empty.ask(f"ALTER DATABASE {empty.database} SET log_statement = 'all'")
    empty.ask(f"ALTER DATABASE {empty.database} SET log_min_duration_statement = 0")
    (empty.root / "init" / "011_broken.sql").write_text("SELECT 1 / 0;\n", encoding="utf-8")
    result = run(empty, **passwords("canary"))
    assert "division by zero" in result.stderr
    logged = "".join(file.read_text("utf-8") for file in (empty.server.data / "log").iterdir())
    assert "division by zero" in logged
    assert "canary" not in logged + result.stdout + result.stderr
