"""How every command ends where a URL is wrong or leads nowhere: with a sentence, no traceback and no password."""

import signal
from pathlib import Path

import pytest

from service.cli import main

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


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setenv("HOMELOG_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HOMELOG_SECRET", SECRET)
    for name in URLS:
        # Nobody listens there.
        monkeypatch.setenv(name, "postgresql://homelog_api:hush@127.0.0.1:1/homelog")


def run(command: str, file: Path, capsys: pytest.CaptureFixture[str]) -> tuple[object, str]:
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
