"""The embedded server: real clusters, stopped, killed, orphaned, and run by root and by others."""

import contextlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from service.embedded import AlreadyRunningError, EmbeddedError, EmbeddedPostgres, packaged_binaries

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

# Starts a server, says so with its URL, and waits to be killed.
HOLDER = """
import sys, time
from pathlib import Path
from service.embedded import EmbeddedPostgres
server = EmbeddedPostgres.start(Path(sys.argv[1]), fast=True)
print(server.url("postgres", "postgres"), flush=True)
time.sleep(600)
"""


def ask(server: EmbeddedPostgres, sql: str) -> str:
    with psycopg.connect(server.url(server.superuser, "postgres"), autocommit=True) as connection:
        row = connection.execute(sql.encode()).fetchone()
    return str(row[0]) if row else ""


def keep_a_row(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url(server.superuser, "postgres")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS n")


def postmaster_of(data: Path) -> int:
    return int((data / "postgres" / "postmaster.pid").read_text().split()[0])


@pytest.fixture
def data() -> Iterator[Path]:
    # Not pytest's own tmp_path, whose length would decide where the socket goes.
    with tempfile.TemporaryDirectory(prefix="homelog-") as folder:
        yield Path(folder)


@pytest.fixture
def server(data: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres.start(data, fast=True) as server:
        yield server


@pytest.fixture
def holder(data: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, "-c", HOLDER, data], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline().startswith("postgresql://")
        yield process
        process.kill()


def test_a_cluster_is_unicode_and_checksummed_and_reached_by_socket_alone(server: EmbeddedPostgres) -> None:
    assert ask(server, "SHOW server_version").startswith("18.")
    assert ask(server, "SELECT lower('ÄÖÜ')") == "äöü"
    assert ask(server, "SHOW data_checksums") == "on"
    assert ask(server, "SHOW listen_addresses") == ""
    assert ask(server, "SHOW timezone") == "UTC"


def test_durability_is_given_up_only_when_asked_to(data: Path) -> None:
    with EmbeddedPostgres.start(data) as server:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert ask(server, f"SHOW {setting}") == "on"


def test_a_wrong_password_is_refused(server: EmbeddedPostgres) -> None:
    url = server.url(server.superuser, "postgres").replace(server.secrets["superuser"], "guess")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url)


def test_data_and_secrets_survive_stop_and_start(data: Path) -> None:
    with EmbeddedPostgres.start(data, fast=True) as server:
        keep_a_row(server)
        secrets = server.secrets
    assert not (data / "postgres" / "postmaster.pid").exists()
    with EmbeddedPostgres.start(data, fast=True) as server:
        assert ask(server, "SELECT n FROM kept") == "42"
        assert server.secrets == secrets


def test_secrets_are_long_and_for_their_owner_alone(server: EmbeddedPostgres, data: Path) -> None:
    assert set(server.secrets) == {"superuser", "homelog_migrator", "homelog_api", "homelog_ops", "secret"}
    assert all(len(secret) >= 43 for secret in server.secrets.values())  # 256 bits in base64
    status = (data / "secrets.json").stat()
    assert stat.S_IMODE(status.st_mode) == 0o600
    assert status.st_uid == os.geteuid()


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_what_was_committed_survives_a_restart(server: EmbeddedPostgres, mode: str) -> None:
    keep_a_row(server)
    server.restart("fast" if mode == "fast" else "immediate")
    assert ask(server, "SELECT n FROM kept") == "42"


def test_a_killed_server_is_started_again_while_watched(server: EmbeddedPostgres, data: Path) -> None:
    killed = postmaster_of(data)
    with server.watched():
        os.kill(killed, signal.SIGKILL)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                assert ask(server, "SELECT 1") == "1"
                break
            except psycopg.OperationalError:
                time.sleep(0.05)
    assert postmaster_of(data) != killed


def test_whoever_watches_waits_for_no_recovery_when_it_is_to_end(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    recovering = threading.Event()
    states = iter([None])

    def postmaster() -> Any:
        # Dead at the first look, and from then on not ready.
        with contextlib.suppress(StopIteration):
            return next(states)
        recovering.set()
        return SimpleNamespace(status="starting")

    with monkeypatch.context() as while_it_recovers:
        while_it_recovers.setattr("service.embedded.server._START_SECONDS", 20)
        while_it_recovers.setattr(server, "_postmaster", postmaster)
        with server.watched():
            assert recovering.wait(10)
            began = time.monotonic()
        assert time.monotonic() - began < 10


def test_a_folder_in_use_is_refused(holder: subprocess.Popen[str], data: Path) -> None:
    with pytest.raises(AlreadyRunningError, match=rf"process {holder.pid}\) uses"):
        EmbeddedPostgres.start(data)


def test_a_command_uses_the_running_server_and_leaves_it_running(holder: subprocess.Popen[str], data: Path) -> None:
    with EmbeddedPostgres.attach(data) as server:
        assert ask(server, "SELECT 1") == "1"
    assert ask(server, "SELECT 1") == "1"


def test_the_orphan_of_a_killed_service_is_adopted_and_stopped(holder: subprocess.Popen[str], data: Path) -> None:
    orphan = postmaster_of(data)
    holder.kill()
    holder.wait()
    with EmbeddedPostgres.start(data) as server:
        assert postmaster_of(data) == orphan
        assert ask(server, "SELECT 1") == "1"
    assert not (data / "postgres" / "postmaster.pid").exists()


def test_a_service_and_a_server_killed_together_leave_nothing_in_the_way(
    holder: subprocess.Popen[str], data: Path
) -> None:
    os.kill(postmaster_of(data), signal.SIGKILL)
    holder.kill()
    holder.wait()
    with EmbeddedPostgres.start(data, fast=True) as server:
        assert ask(server, "SELECT 1") == "1"


def test_a_dead_servers_number_that_another_process_got_is_no_obstacle(data: Path) -> None:
    EmbeddedPostgres.start(data, fast=True).stop()
    (data / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{data}/postgres\n1\n5432\n{data}/run\n")
    with EmbeddedPostgres.start(data, fast=True) as server:
        assert ask(server, "SELECT 1") == "1"


def test_an_interrupted_initdb_is_done_again(data: Path) -> None:
    (data / "postgres.new" / "base").mkdir(parents=True)
    with EmbeddedPostgres.start(data, fast=True) as server:
        assert ask(server, "SELECT 1") == "1"
    assert not (data / "postgres.new").exists()


def test_a_cluster_of_another_major_version_is_left_alone(data: Path) -> None:
    EmbeddedPostgres.start(data, fast=True).stop()
    (data / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedError, match=r"was made by PostgreSQL 17 and this is 18\."):
        EmbeddedPostgres.start(data)


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_a_cluster_without_its_secrets_is_left_alone(data: Path, damage: str) -> None:
    EmbeddedPostgres.start(data, fast=True).stop()
    if damage == "missing":
        (data / "secrets.json").unlink()
    else:
        (data / "secrets.json").write_text("{")
    with pytest.raises(EmbeddedError, match=damage):
        EmbeddedPostgres.start(data)


def test_a_server_that_cannot_start_shows_the_end_of_its_log(data: Path) -> None:
    EmbeddedPostgres.start(data, fast=True).stop()
    with (data / "postgres" / "postgresql.conf").open("a") as file:
        file.write("max_connections = none\n")
    with pytest.raises(EmbeddedError, match="max_connections"):
        EmbeddedPostgres.start(data)


def test_a_path_too_long_for_a_socket_is_no_obstacle(data: Path) -> None:
    deep = data / ("a" * 60) / ("ü" * 40) / "with space"
    with EmbeddedPostgres.start(deep, fast=True) as server:
        assert ask(server, "SELECT 1") == "1"
        folder = Path(ask(server, "SHOW unix_socket_directories").strip('"'))
        with EmbeddedPostgres.attach(deep) as same:
            assert ask(same, "SELECT 1") == "1"
    assert not folder.exists()


def test_a_port_is_opened_only_when_asked_to(data: Path) -> None:
    with EmbeddedPostgres.start(data, port=54329, fast=True) as server:
        assert ask(server, "SHOW listen_addresses") == "127.0.0.1"
        assert ask(server, "SHOW port") == "54329"


@as_root
def test_root_runs_it_as_an_unprivileged_user_and_opens_only_the_way(data: Path) -> None:
    data.chmod(0o700)
    with EmbeddedPostgres.start(data / "deep" / "data", fast=True) as server:
        assert ask(server, "SELECT 1") == "1"
    owner = (data / "deep" / "data" / "postgres").stat().st_uid
    assert pwd.getpwuid(owner).pw_name in {"postgres", "nobody"}
    assert stat.S_IMODE(data.stat().st_mode) == 0o701
    assert (data / "deep" / "data" / "secrets.json").stat().st_uid == 0


def copy_binaries(into: Path) -> Path:
    package = packaged_binaries().parents[1]
    for folder in (package, package.with_name(f"{package.name}.libs")):
        if folder.exists():
            shutil.copytree(folder, into / folder.name, symlinks=True)
    return into / package.name


@as_root
def test_binaries_that_only_root_can_reach_are_copied(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private = data / "private"
    private.mkdir(mode=0o700)
    package = copy_binaries(private)
    monkeypatch.setattr("service.embedded.account._package", lambda: package)
    with EmbeddedPostgres.start(data / "data", fast=True) as server:
        assert ask(server, "SELECT 1") == "1"
    assert len(list((data / "data").glob("bin-*"))) == 1
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


# Prints whose the process and its files are.
ORDINARY = """
import os, sys
from pathlib import Path
from service.embedded import EmbeddedPostgres
with EmbeddedPostgres.start(Path(sys.argv[1]), fast=True) as server:
    print({os.getuid(), *(path.stat().st_uid for path in server.data.iterdir())})
"""


@as_root
def test_an_ordinary_user_needs_no_other(data: Path) -> None:
    nobody = pwd.getpwnam("nobody")

    def run(python: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, *arguments],
            user=nobody.pw_uid,
            group=nobody.pw_gid,
            extra_groups=[],
            cwd="/",
            env={"PYTHONPATH": str(data / "lib"), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    def can_run(python: str) -> bool:
        with contextlib.suppress(OSError):
            return run(python, "-c", "import sys; assert sys.version_info >= (3, 11)").returncode == 0
        return False

    # The embedded server needs the standard library alone, so any Python that this user may run will do.
    python = next(filter(can_run, (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3")), None)
    if python is None:
        pytest.skip("no Python 3.11 that another user may run")
    copy_binaries(data / "lib")
    shutil.copytree(Path(__file__).parents[1] / "service", data / "lib" / "service")
    home = data / "home"
    home.mkdir()
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    data.chmod(0o711)
    result = run(python, "-c", ORDINARY, home / "data")
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == str({nobody.pw_uid})
