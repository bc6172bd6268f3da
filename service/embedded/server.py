"""The server: taking the folder, making the cluster, starting, adopting and stopping."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, NamedTuple, Self
from urllib.parse import quote, urlencode

from service.embedded.account import account_for, open_the_way, run_as, say, usable_binaries, user_name
from service.embedded.errors import AlreadyRunningError, EmbeddedError, GoneError
from service.embedded.passwords import make_secrets, read_secrets, sync_folder, write_private
from service.embedded.probes import is_postgres, listens

_SOCKET_PREFIX = "homelog-socket-"
_SUN_PATH_MAX = 103  # bytes, macOS; Linux takes 107
_START_SECONDS = 900.0  # recovery replays at most max_wal_size, which a slow card takes minutes for
_STOP_SECONDS = 60.0
_LOCK_SECONDS = 2.0  # a killed service's workers notice within that

# Tests only: the machine's crash may then lose data, the server's own does not.
_FAST = {"fsync": "off", "full_page_writes": "off"}


class _Postmaster(NamedTuple):
    """What postmaster.pid says of a live server; `status` is 'starting', 'ready' or 'stopping'."""

    pid: int
    socket: Path
    status: str


class EmbeddedPostgres:
    """A running embedded server; use as a context manager or call `stop`."""

    superuser = "postgres"

    def __init__(self, data: Path, *, port: int | None = None, fast: bool = False) -> None:
        """Describe a server; `start` and `attach` are the ways to one that runs."""
        self.data = data.expanduser().resolve()
        self.secrets: dict[str, str] = {}
        self._port = port
        self._fast = fast
        self._cluster = self.data / "postgres"
        self._socket = Path()
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(cls, data: Path, *, port: int | None = None, fast: bool = False, may_make: bool = True) -> Self:
        """Start the server of the folder `data`, making the cluster first or adopting an orphaned server.

        With `port` it listens on 127.0.0.1 too; `fast` gives up durability and is for tests. Unless it `may_make` a
        cluster, a folder without one is left as it is. Raises `AlreadyRunningError` where another process holds the
        folder, `EmbeddedError` for all else.
        """
        server = cls(data, port=port, fast=fast)
        try:
            if not may_make and not server._cluster.exists():
                raise EmbeddedError(
                    f"There is no database in {server.data}: homelog up makes one, HOMELOG_DATA or DATABASE_URL names"
                    " another."
                )
            server._take_folder()
            server._prepare()
            server._launch()
        except BaseException as error:
            if server._process:
                server._shut_down(signal.SIGINT)
            server._release()
            if isinstance(error, OSError):
                raise EmbeddedError(f"The embedded PostgreSQL in {server.data} cannot start: {error}.") from error
            raise
        return server

    @classmethod
    def attach(cls, data: Path) -> Self:
        """Use the server that another process runs in `data`; `stop` then leaves it running."""
        server = cls(data)
        try:
            server.secrets = read_secrets(server.data)
        except FileNotFoundError:
            raise EmbeddedError(f"Another Homelog is still setting up {server.data}; try again soon.") from None
        except PermissionError:
            raise EmbeddedError(f"{server.data} belongs to another user.") from None
        server._await_ready()
        return server

    def url(self, user: str, database: str) -> str:
        """Return the URL, password included, by which `user` reaches `database` over the socket."""
        password = self.secrets["superuser" if user == self.superuser else user]
        # The port is part of the socket's name; said, so that PGPORT cannot change it.
        query = urlencode({"host": self._socket.parent, "port": self._socket.suffix[1:]})
        return f"postgresql://{quote(user, safe='')}:{password}@/{quote(database, safe='')}?{query}"

    def stop(self) -> None:
        """Stop the server, rolling open transactions back, and let go of the folder."""
        if self._lock is None:
            return
        self._shut_down(signal.SIGINT)
        self._release()

    def restart(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop and start the server; `immediate` is a crash, with recovery at the start."""
        self._shut_down(signal.SIGINT if mode == "fast" else signal.SIGQUIT)
        self._launch()

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Meanwhile start the server again when it dies, killed by the kernel for memory, say."""
        done = threading.Event()

        def watch() -> None:
            while not done.wait(1.0):
                if self._postmaster() is None:
                    say("PostgreSQL died; starting it again ...")
                    try:
                        self._launch(done)
                    except (EmbeddedError, OSError) as error:
                        say(str(error))

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # The folder

    def _take_folder(self) -> None:
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (self.data / "lock").open("a+", encoding="utf-8")
        deadline = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    lock.seek(0)
                    holder = lock.read().strip() or "unknown"
                    lock.close()
                    raise AlreadyRunningError(
                        f"Another Homelog (process {holder}) uses {self.data}. Stop it first, or choose"
                        " another folder with HOMELOG_DATA."
                    ) from None
                time.sleep(0.1)
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock

    def _release(self) -> None:
        if self._socket.parent.name.startswith(_SOCKET_PREFIX):
            shutil.rmtree(self._socket.parent, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _prepare(self) -> None:
        self._account = account_for(self._cluster)
        if self._account:
            open_the_way(self.data, self._account)
        for name in ("run", "log"):
            (self.data / name).mkdir(mode=0o700, exist_ok=True)
            self._give(self.data / name)
        self._binaries, version = usable_binaries(self.data, self._account)
        if self._cluster.exists():
            self._check_cluster(version)
        else:
            self._make_cluster()

    def _give(self, path: Path) -> None:
        if self._account:
            os.chown(path, self._account.uid, self._account.gid)

    def _check_cluster(self, version: str) -> None:
        owner = self._cluster.stat().st_uid
        if owner != (self._account.uid if self._account else os.geteuid()):
            raise EmbeddedError(f"{self._cluster} belongs to another user ({user_name(owner)}).")
        found = (self._cluster / "PG_VERSION").read_text(encoding="ascii").strip()
        if found != version.partition(".")[0]:
            raise EmbeddedError(
                f"{self._cluster} was made by PostgreSQL {found} and this is {version}. Dump it with the"
                " Homelog that made it and restore the dump into a new folder."
            )
        try:
            self.secrets = read_secrets(self.data)
        except FileNotFoundError:
            raise EmbeddedError(
                f"{self.data / 'secrets.json'}, which holds the passwords of {self._cluster}, is missing;"
                " restore it from a backup."
            ) from None

    def _make_cluster(self) -> None:
        self.secrets = make_secrets(self.data)
        if not self._fast:
            say(f"Making a PostgreSQL cluster in {self._cluster} (once, some seconds) ...")
        # A folder of that name is an initdb that was interrupted: only a finished one gets the cluster's.
        unfinished = self._cluster.with_name("postgres.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._give(unfinished)
        password_file = self.data / "run" / "initdb.password"
        write_private(password_file, self.secrets["superuser"])
        self._give(password_file)
        try:
            result = subprocess.run(
                [
                    self._binaries / "initdb",
                    f"--pgdata={unfinished}",
                    f"--username={self.superuser}",
                    f"--pwfile={password_file}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    # The same order and case rules on every machine, whatever locales it has.
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                    "--locale=C",
                    "--set=timezone=UTC",
                    "--set=log_timezone=UTC",
                    *(["--no-sync"] if self._fast else []),
                ],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                **run_as(self._account),
            )
        finally:
            password_file.unlink()
        if result.returncode:
            raise EmbeddedError(f"PostgreSQL could not make a cluster in {unfinished}:\n{result.stdout.strip()}")
        unfinished.rename(self._cluster)
        sync_folder(self.data)

    # The server

    def _launch(self, given_up: threading.Event | None = None) -> None:
        """Adopt the server that runs in the cluster, else start one; return when it accepts connections.

        Raises EmbeddedError where it cannot start, or the wait for it is `given_up`.
        """
        if self._postmaster():
            with contextlib.suppress(GoneError):  # it was stopping
                self._await_ready(given_up)
                return
        self._forget_the_dead()
        # The children of a server that was killed need a moment to notice and let go of its memory.
        for pause in (0.2, 1.0, 5.0, 0.0):
            self._spawn()
            try:
                self._await_ready(given_up)
            except GoneError:
                tail = self._log_tail()
                if pause and "shared memory block" in tail:
                    time.sleep(pause)
                    continue
                raise EmbeddedError(f"PostgreSQL in {self._cluster} did not start. Its log ends:\n{tail}") from None
            return

    def _forget_the_dead(self) -> None:
        # A dead server's number may by now be another process's of the same user (after a reboot, say), or a
        # zombie's where nobody reaps; PostgreSQL would take either for a live server and refuse to start. The
        # lock on the folder is ours, and surviving children of the dead one it finds by its shared memory.
        for file in (self.data / "run").glob(".s.PGSQL.*"):
            file.unlink()
        file = self._cluster / "postmaster.pid"
        with contextlib.suppress(FileNotFoundError, IndexError, ValueError):
            if not is_postgres(int(file.read_text(encoding="utf-8").split()[0])):
                file.unlink()

    def _spawn(self) -> None:
        port = self._port or 5432
        library = self._binaries.parent / "lib" / "pg_stat_statements.so"
        options = {
            "listen_addresses": "127.0.0.1" if self._port else "",
            "port": port,
            "unix_socket_directories": f'"{self._socket_folder(port)}"',
            "unix_socket_permissions": "0700",
            "password_encryption": "scram-sha-256",
            "shared_preload_libraries": library.stem if library.exists() else "",
            "logging_collector": "on",
            "log_directory": self.data / "log",
            "log_filename": "postgresql-%a.log",  # one a weekday, each overwritten after a week
            "log_truncate_on_rotation": "on",
            "log_rotation_age": "1d",
            "log_rotation_size": 0,
            **(_FAST if self._fast else {}),
        }
        settings = [f"--{name}={value}" for name, value in options.items()]
        with (self.data / "log" / "start.log").open("wb") as log:
            # A session of its own, so that Ctrl-C reaches the service alone, which then stops it in order.
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._cluster, *settings],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **run_as(self._account),
            )

    def _socket_folder(self, port: int) -> Path:
        folder = self.data / "run"
        if len(os.fsencode(folder / f".s.PGSQL.{port}")) <= _SUN_PATH_MAX:
            return folder
        if self._socket.parent.name.startswith(_SOCKET_PREFIX):  # a restart keeps the URLs handed out
            return self._socket.parent
        folder = Path(tempfile.mkdtemp(prefix=_SOCKET_PREFIX))
        self._give(folder)
        return folder

    def _postmaster(self) -> _Postmaster | None:
        try:
            lines = (self._cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return None
        # pid, cluster, start time, port, socket folder, address, shared memory, status; written bit by bit
        lines += [""] * 8
        if not lines[0].isdecimal() or not is_postgres(int(lines[0])):
            return None
        socket_file = Path(lines[4]) / f".s.PGSQL.{lines[3]}"
        status = lines[7].strip() or "starting"
        if status == "ready" and not listens(socket_file):
            return None  # the number is by now another server's
        return _Postmaster(int(lines[0]), socket_file, status)

    def _await_ready(self, given_up: threading.Event | None = None) -> None:
        """Wait until the server accepts connections and learn its socket; raise `GoneError` if it ends."""
        began = time.monotonic()
        told = began
        while (now := time.monotonic()) < began + _START_SECONDS:
            postmaster = self._postmaster()
            if postmaster and postmaster.status == "ready":
                self._socket = postmaster.socket
                return
            launching = self._process is not None and self._process.poll() is None
            if postmaster is None and not launching:
                raise GoneError(f"No PostgreSQL runs in {self._cluster}.")
            if given_up and given_up.is_set():
                raise EmbeddedError("PostgreSQL is not waited for any longer.")
            if now > told + 10:
                told = now
                say(f"PostgreSQL is not ready after {now - began:.0f} s (recovery takes minutes at times) ...")
            time.sleep(0.05)
        raise EmbeddedError(f"PostgreSQL in {self._cluster} was not ready after {_START_SECONDS:.0f} s.")

    def _shut_down(self, how: signal.Signals) -> None:
        # An immediate stop loses nothing either, it only makes the next start a recovery.
        for attempt in (how, signal.SIGQUIT):
            if self._process:
                self._process.send_signal(attempt)
            elif postmaster := self._postmaster():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(postmaster.pid, attempt)
            if self._await_end():
                self._process = None
                return
        raise EmbeddedError(f"PostgreSQL in {self._cluster} does not stop.")

    def _await_end(self) -> bool:
        deadline = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < deadline:
            ended = self._process.poll() is not None if self._process else self._postmaster() is None
            if ended:
                return True
            time.sleep(0.02)
        return False

    def _log_tail(self) -> str:
        files = sorted((self.data / "log").glob("*.log"), key=lambda file: file.stat().st_mtime)
        return "\n".join("".join(file.read_text(errors="replace") for file in files).splitlines()[-15:])
