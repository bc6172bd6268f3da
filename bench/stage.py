"""What rows are measured on: a durable embedded PostgreSQL, services and the peer beside it, people and readings."""

import base64
import contextlib
import hashlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from joserfc import jwt
from joserfc.jwk import OctKey

from bench.client import Address, call
from bench.harness import Rounds
from service.embedded import EmbeddedPostgres
from service.migrations import ensure_baseline, upgrade
from service.sqlfile import Query, queries_beside

ROOT = Path(__file__).parent.parent
PEER = Path(__file__).parent / "peer"
CACHE = Path(__file__).parent / ".cache"

WORKERS = 2
PASSWORD = "a phrase that only the benchmark knows"  # noqa: S105 - of people who exist for minutes
HOME_ZONE = "Europe/Copenhagen"
YEAR = (datetime(2022, 12, 31, 23, tzinfo=UTC), datetime(2023, 12, 31, 23, tzinfo=UTC))
"""2023 as that zone has it: 525,600 minutes."""
MINUTE = timedelta(minutes=1)
RISE = 0.0137
"""What a counter of ours climbs in a minute."""
SEEDED_AT_ONCE = 100_000

QUERY = queries_beside(__file__)


class Minutes:
    """The readings that a source is yet to log: one a minute, rising, none twice."""

    def __init__(self) -> None:
        self._first = datetime(2001, 1, 1, tzinfo=UTC)
        self._taken = 0

    def take(self, count: int) -> list[dict[str, Any]]:
        """The next readings."""
        since, self._taken = self._taken, self._taken + count
        return [
            {"timestamp": f"{(self._first + n * MINUTE).isoformat()[:19]}Z", "value": round(n * RISE, 4)}
            for n in range(since, self._taken)
        ]


class Person:
    """Somebody who is signed in."""

    def __init__(self, address: Address, name: str) -> None:
        self.email = f"{name}@example.org"
        account = {"email": self.email, "password": PASSWORD}
        self._address = address
        self.id = UUID(call(address, "POST", "/v1/auth/register", account)["id"])
        self._account = account

    @cached_property
    def token(self) -> str:
        """An access token."""
        token: str = call(self._address, "POST", "/v1/auth/login", self._account)["access_token"]
        return token

    @property
    def session(self) -> UUID:
        """The session that the token is of."""
        claims = self.token.split(".")[1]
        return UUID(json.loads(base64.urlsafe_b64decode(claims + "=="))["sid"])

    @property
    def headers(self) -> dict[str, str]:
        """What goes with every call."""
        return {"Authorization": f"Bearer {self.token}"}

    def made(self, path: str, **fields: Any) -> UUID:
        """The id of what a POST makes."""
        return UUID(call(self._address, "POST", path, fields, self.headers)["id"])


class Place:
    """A database of the stage, and what serves it."""

    def __init__(self, stage: "Stage", url: str, address: Address, process: subprocess.Popen[bytes]) -> None:
        self.stage = stage
        self.url = url
        self.address = address
        self.process = process
        self.dba = psycopg.connect(url, autocommit=True, cursor_factory=psycopg.RawCursor)

    def run(self, query: Query[Any], *values: Any) -> list[Any]:
        """Run a statement as superuser; its rows, if it has any."""
        cursor = self.dba.execute(query.sql, values)
        return cursor.fetchall() if cursor.description else []

    def seed(self, source: UUID, count: int, *, since: datetime = YEAR[0], step: timedelta = MINUTE) -> None:
        """Give a source so many readings, through every trigger that there is."""
        for first in range(0, count, SEEDED_AT_ONCE):
            last = min(first + SEEDED_AT_ONCE, count) - 1
            self.run(QUERY("seed_readings"), source, since, step, first, last)

    def settle(self) -> None:
        """Bring statistics up to date and the disk to rest, as after a quiet minute."""
        self.dba.execute("VACUUM ANALYZE")
        self.dba.execute("CHECKPOINT")

    def checkpoint(self) -> None:
        """Bring the disk to rest, so that no side pays for what the other wrote."""
        self.dba.execute("CHECKPOINT")


class Service(Place):
    """Homelog as `make run` serves it."""

    @property
    def api_url(self) -> str:
        """Where the service itself logs in."""
        return self.stage.server.url("homelog_api", self.dba.info.dbname)

    def person(self, name: str) -> Person:
        """Somebody new."""
        return Person(self.address, name)

    @cached_property
    def ann(self) -> Person:
        """Whom most rows are about."""
        return self.person("ann")

    @cached_property
    def home(self) -> UUID:
        """Ann's home."""
        return self.ann.made("/v1/homes", name="Home", timezone=HOME_ZONE)

    def meter(self, **fields: Any) -> UUID:
        """A counter of Ann's."""
        about = {
            "name": "Meter",
            "source_type": "electric",
            "unit": "kWh",
            "kind": "counter",
            "home_id": str(self.home),
        }
        return self.ann.made("/v1/sources", **(about | fields))

    def ruled_meter(self) -> UUID:
        """A counter with every rule that a validator can hold, none of which our readings break."""
        meter = self.meter()
        self.run(QUERY("add_validator"), meter)
        return meter

    @cached_property
    def year(self) -> UUID:
        """A counter with a year of minutes."""
        meter = self.meter(is_public=True)
        self.seed(meter, 525_600)
        self.settle()
        return meter

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        found: list[int] = []
        waiting = [self.process.pid]
        while waiting:
            pid = waiting.pop()
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
            waiting += map(int, children)
            found += map(int, children)
        return found


class Peer(Place):
    """The peer, which knows Ann and meters of hers by the ids that Homelog gave them."""

    secret = secrets.token_hex(32)

    def __init__(self, *place: Any) -> None:
        super().__init__(*place)
        self._known: set[UUID] = set()

    def headers(self, person: Person) -> dict[str, str]:
        """What goes with every call."""
        now = int(time.time())
        claims = {"sub": str(person.id), "sid": str(person.session), "iat": now, "exp": now + 3600}
        token = jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(self.secret))
        return {"Authorization": f"Bearer {token}"}

    def meter(self, person: Person, meter: UUID, *, readings: int = 0) -> None:
        """Give the peer a meter that Homelog has, with the same validator."""
        if meter in self._known:
            return
        self._known.add(meter)
        self.run(QUERY("add_peer_user"), person.id)
        self.run(QUERY("add_peer_session"), person.session, person.id)
        self.run(QUERY("add_peer_source"), meter)
        self.run(QUERY("add_peer_access"), person.id, meter)
        self.run(QUERY("add_validator"), meter)
        self.seed(meter, readings)
        self.settle()


class Stage:
    """Everything that rows need, made when the first needs it."""

    def __init__(self, folder: Path, rounds: Rounds, *, full: bool = False) -> None:
        self.folder = folder
        self.rounds = rounds
        self.full = full
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "Stage":
        self.server = self._stack.enter_context(EmbeddedPostgres.start(self.folder / "data"))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @cached_property
    def service(self) -> Service:
        """The service that most rows are measured on."""
        return self._stack.enter_context(self.serve("homelog"))

    @cached_property
    def peer(self) -> Peer:
        """The peer, on a database of its own in the same server."""
        return self._stack.enter_context(self._serve_peer())

    @contextlib.contextmanager
    def serve(self, database: str, *, workers: int = WORKERS) -> Iterator[Service]:
        """A service on a new database."""
        self._create(database)
        ensure_baseline(self._superuser(database), self.server.secrets)
        upgrade(self.server.url("homelog_migrator", database))
        environment = {
            "DATABASE_URL": self.server.url("homelog_api", database),
            "HOMELOG_SECRET": self.server.secrets["secret"],
            "HOMELOG_WORKERS": str(workers),
            "HOMELOG_RATE_LIMIT": "0",
        }
        port = _free_port()
        command = [sys.executable, "-m", "service", "serve"]
        with self._running(command, ROOT, environment | {"HOMELOG_PORT": str(port)}, port, "/health/ready") as process:
            service = Service(self, self._superuser(database), ("127.0.0.1", port), process)
            yield service
            service.dba.close()

    @contextlib.contextmanager
    def _serve_peer(self) -> Iterator[Peer]:
        python = peer_python()
        self._create("peer")
        url = self._superuser("peer")
        environment = {"DATABASE_URL": url, "PEER_SECRET": Peer.secret}
        subprocess.run([python, "models.py"], cwd=PEER, env=os.environ | environment, check=True)
        port = _free_port()
        command = [str(python), "-m", "uvicorn", "app:app", f"--port={port}", f"--workers={WORKERS}"]
        command += ["--loop=uvloop", "--http=httptools", "--no-access-log"]
        with self._running(command, PEER, environment, port, "/health") as process:
            peer = Peer(self, url, ("127.0.0.1", port), process)
            yield peer
            peer.dba.close()

    @contextlib.contextmanager
    def _running(
        self, command: list[str], folder: Path, environment: dict[str, str], port: int, health: str
    ) -> Iterator[subprocess.Popen[bytes]]:
        output = self.folder / f"output-{port}"
        with output.open("wb") as log:
            process = subprocess.Popen(
                command, cwd=folder, env=os.environ | environment, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            deadline = time.monotonic() + 60
            while True:
                with contextlib.suppress(OSError):
                    call(("127.0.0.1", port), "GET", health)
                    break
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{' '.join(command)} does not answer:\n{output.read_text()}")
                time.sleep(0.1)
            yield process
        finally:
            process.terminate()
            process.wait(30)

    def _superuser(self, database: str) -> str:
        return self.server.url(self.server.superuser, database)

    def _create(self, database: str) -> None:
        with psycopg.connect(self._superuser("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {database}")


def peer_python() -> Path:
    """The interpreter of the peer's own environment, made where it is missing or older than its requirements."""
    requirements = PEER / "requirements.txt"
    mark = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    folder = CACHE / f"peer-{mark}"
    python = folder / "bin" / "python"
    if not (folder / "done").exists():
        print("Setting up the peer (once, and again when its requirements change) ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        result = subprocess.run([*pip, "--requirement", requirements], capture_output=True, text=True, check=False)
        if result.returncode:
            raise RuntimeError(f"The peer cannot be set up:\n{result.stderr}")
        (folder / "done").touch()
    return python


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
