"""How every command ends where a URL is wrong or leads nowhere: with a sentence, no traceback and no password."""

import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from service.cli import main
from service.embedded import EmbeddedPostgres

SECRET = "kR7vQ2mZ9xT4pL8wB3nF6yH1cD5gJ0sA"
URLS = ("DATABASE_URL", "HOMELOG_MIGRATOR_URL", "HOMELOG_ADMIN_URL")
COMMANDS = {
    "up": 1,
    "serve": 1,
    "db status": 1,
    "db upgrade": 1,
    "db downgrade": 1,
    "db check --database": 1,
    "db diff": 2,
    "psql": 1,
    "admin create --email ann@example.org": 1,
    "backup FILE": 1,
    "restore FILE": 1,
    "maintain --once": 1,
}
"""And the exit status; cron takes a 1 of `db diff` for differences."""
SERVING = {"up", "serve"}
MAKING = {"up", "serve", "db upgrade", "admin create --email ann@example.org", "restore FILE"}
"""Those that make a database where there is none, and one that has none of its own."""


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setenv("HOMELOG_DATA", str(tmp_path / "data"))
    for name in URLS:
        # Nobody listens there.
        monkeypatch.setenv(name, "postgresql://homelog_api:hush@127.0.0.1:1/homelog")


def run(command: str, file: Path, capsys: pytest.CaptureFixture[str]) -> tuple[object, str]:
    with pytest.MonkeyPatch.context() as given:
        if command in SERVING:  # whatever else there is signs nothing
            given.setenv("HOMELOG_SECRET", SECRET)
        with pytest.raises(SystemExit) as ended:
            main(command.replace("FILE", str(file)).split())
    said = capsys.readouterr()
    return ended.value.code, said.out + said.err


@pytest.mark.parametrize("command", COMMANDS)
def test_a_password_that_is_not_percent_encoded_is_told_by_its_variable(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in URLS:
        for password in ("hu%sh", "hu#sh", "hu/sh"):
            with monkeypatch.context() as wrong:
                wrong.setenv(name, f"postgresql://ann:{password}@db/homelog")
                status, said = run(command, tmp_path / "b.tar", capsys)
            assert status == COMMANDS[command], said
            assert f"\n  {name} is not a database's URL; a password's special characters are percent-enc" in said
            assert "ann:" not in said
            assert "hu" not in said
            assert "sh@" not in said


# psql says it itself, and a restore first wants a file that is whole.
@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - {"psql", "restore FILE"}))
def test_a_server_that_is_down_is_told(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, said = run(command, tmp_path / "b.tar", capsys)
    assert status == COMMANDS[command], said
    assert "cannot be " in said  # reached, or looked at
    assert "refused" in said or "Connect call failed" in said
    assert "hush" not in said


def test_the_baseline_goes_into_no_other_database_than_the_migrations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOMELOG_ADMIN_URL", "postgresql://postgres:hush@127.0.0.1:1/other")
    status, said = run("db upgrade", tmp_path, capsys)
    assert status == 1
    assert "HOMELOG_ADMIN_URL names the database other and HOMELOG_MIGRATOR_URL names homelog" in said


@pytest.mark.parametrize("command", sorted(SERVING))
def test_only_what_serves_wants_a_secret(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOMELOG_SECRET", "")
    monkeypatch.setattr("tests.test_exit_status.SERVING", set())
    status, said = run(command, tmp_path, capsys)
    assert (status, "HOMELOG_SECRET is missing" in said) == (1, True)


# A database that is not there, or not Homelog's


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in URLS:
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("embedded")
@pytest.mark.parametrize("command", [*sorted(COMMANDS.keys() - MAKING), "db upgrade --dry-run"])
def test_who_mistypes_a_folder_is_told_so_and_no_database_is_made_there(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder := tmp_path / "data").mkdir(mode=0o700)
    modes = [path.stat().st_mode for path in (folder, tmp_path)]
    status, said = run(command, tmp_path / "b.tar", capsys)
    assert status == COMMANDS.get(command, 1), said
    assert said.endswith(
        f"There is no database in {folder}: homelog up makes one, HOMELOG_DATA or DATABASE_URL names another.\n"
    )
    assert list(folder.iterdir()) == []
    assert [path.stat().st_mode for path in (folder, tmp_path)] == modes


@pytest.fixture(scope="module")
def bare() -> Iterator[EmbeddedPostgres]:
    """A server that was made, and then nothing came of it."""
    with (
        tempfile.TemporaryDirectory(prefix="homelog-test-", ignore_cleanup_errors=True) as folder,
        EmbeddedPostgres.start(Path(folder), fast=True) as running,
    ):
        yield running


@pytest.mark.usefixtures("embedded")
@pytest.mark.parametrize("with_database", [False, True], ids=["no database", "an empty one"])
@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - MAKING))
def test_an_embedded_server_that_has_no_homelog_yet_is_told_with_what_to_do(
    command: str,
    with_database: bool,
    bare: EmbeddedPostgres,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HOMELOG_DATA", str(bare.data))
    monkeypatch.setattr("service.embedded.server._LOCK_SECONDS", 0)
    with psycopg.connect(bare.url(bare.superuser, "postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS homelog")
        if with_database:
            connection.execute("CREATE DATABASE homelog")
        status, said = run(command, tmp_path / "b.tar", capsys)
        assert connection.execute("SELECT FROM pg_database WHERE datname = 'homelog'").rowcount == with_database
    assert status == COMMANDS[command], said
    assert said.endswith("There is no Homelog in it yet: run homelog migrate first.\n")


@pytest.mark.usefixtures("embedded")
def test_a_superuser_gets_in_where_the_database_was_renamed(
    bare: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOMELOG_DATA", str(bare.data))
    monkeypatch.setattr("service.embedded.server._LOCK_SECONDS", 0)
    with psycopg.connect(bare.url(bare.superuser, "postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS homelog")
        status, said = run("psql --role superuser -- -d postgres -l", tmp_path, capsys)
        assert status == 0, said
        # One that takes the name would be in the way of renaming it back.
        assert not connection.execute("SELECT FROM pg_database WHERE datname = 'homelog'").rowcount


@pytest.mark.parametrize(
    ("command", "name", "sentence"),
    [
        (
            "db check --database",
            "HOMELOG_ADMIN_URL",
            "There is no Homelog in this database: homelog migrate makes it\n",
        ),
        ("maintain --once", "DATABASE_URL", "The schema is not there yet: run `homelog migrate` first.\n"),
    ],
)
def test_a_database_without_homelog_is_told_with_what_to_do(
    command: str,
    name: str,
    sentence: str,
    server: EmbeddedPostgres,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for other in URLS:
        monkeypatch.delenv(other)
    monkeypatch.setenv(name, server.url(server.superuser, "postgres"))
    status, said = run(command, tmp_path, capsys)
    assert (status, said.endswith(sentence)) == (1, True), said
    assert "reached" not in said


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (psycopg.errors.LockNotAvailable("canceling statement due to lock timeout\nCONTEXT: x"), "Canceling statement"),
        (psycopg.errors.UndefinedTable('relation "x" does not exist\nLINE 1: SELECT'), 'Relation "x" does not exist\n'),
        (psycopg.errors.ConnectionFailure("gone"), "The database cannot be reached: gone\n"),
        (
            psycopg.OperationalError("the connection is lost"),
            "The database cannot be reached: the connection is lost\n",
        ),
    ],
)
def test_only_a_database_that_does_not_answer_is_out_of_reach(
    error: psycopg.Error,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("service.migrations.commands.status", fail)
    status, said = run("db status", tmp_path, capsys)
    assert (status, said.split("\n", 1)[1].startswith(sentence)) == (1, True), said
    assert "CONTEXT" not in said
    assert "SELECT" not in said
