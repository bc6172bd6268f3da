"""What a URL says holds for whatever logs in with it: PostgreSQL's own programs, and our own sessions."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.cli import main
from service.embedded import EmbeddedPostgres

Said = Callable[..., tuple[str, str]]


@pytest.fixture
def said(
    server: EmbeddedPostgres, database: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Said]:
    """Run the command with these parameters after the superuser's URL; return its two outputs."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for name in [name for name in os.environ if name.startswith(("HOMELOG", "DATABASE_URL"))]:
        monkeypatch.delenv(name)

    def run(*arguments: str | Path, parameters: str, status: int = 0) -> tuple[str, str]:
        monkeypatch.setenv("HOMELOG_ADMIN_URL", f"{server.url(server.superuser, database)}&{parameters}")
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        told = capfd.readouterr()
        assert (ended.value.code or 0) == status, told.err
        return told.out, told.err

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


PSQL = ("psql", "--role", "superuser", "--", "-XAtc", "SELECT current_database(), current_setting('work_mem')")


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ("channel_binding=require", "channel binding"),
        ("target_session_attrs=standby", "standby"),
        ("options=-c%20work_mem%3Dmuch", "work_mem"),
    ],
)
def test_psql_keeps_to_every_parameter(parameters: str, why: str, said: Said) -> None:
    assert why in said(*PSQL, parameters=parameters, status=2)[1]


def test_psql_takes_another_database_of_the_same_server(said: Said, database: str) -> None:
    # One that has a PG-variable, and one that has none.
    parameters = "options=-c%20work_mem%3D7MB&keepalives_idle=60"
    assert said(*PSQL, parameters=parameters)[0] == f"{database}|7MB\n"
    assert said(*PSQL, "-d", "postgres", parameters=parameters)[0] == "postgres|7MB\n"


@pytest.mark.parametrize("command", [("backup",), ("db", "diff")])
def test_the_options_of_a_url_hold_for_our_own_sessions(command: tuple[str, ...], said: Said, tmp_path: Path) -> None:
    file = [tmp_path / "never.tar"] if command == ("backup",) else []
    status = 1 if file else 2
    told = said(*command, *file, parameters="options=-c%20work_mem%3Dmuch", status=status)[1]
    # Not what pg_dump says, when all is begun.
    assert "The database cannot be " in told
    assert 'invalid value for parameter "work_mem"' in told
