"""The service as a whole: what the database does beneath it, what every answer carries, what operators see."""

import asyncio
import io
import logging
import os
import re
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import msgspec
import pytest
import structlog

from service.database import ACQUIRE_SECONDS, Database, StartError
from service.embedded import EmbeddedPostgres
from service.migrations import ensure_baseline, required_version, upgrade
from service.observing import set_up_logging
from service.settings import Settings
from tests.people import PASSWORD, Household, Person, serve

# The database beneath


@pytest.fixture(scope="module")
def own() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL that a test may stop: nobody else's."""
    with (
        tempfile.TemporaryDirectory(prefix="homelog-test-", ignore_cleanup_errors=True) as folder,
        EmbeddedPostgres.start(Path(folder), fast=True) as running,
    ):
        ensure_baseline(running.url(running.superuser, "postgres"), running.secrets)
        upgrade(running.url("homelog_migrator", "postgres"))
        yield running


@pytest.fixture
async def household(own: EmbeddedPostgres, settings: Settings) -> AsyncIterator[Household]:
    """The service on that server."""
    url = own.url("homelog_api", "postgres")
    async with serve(msgspec.structs.replace(settings, database_url=url)) as household:
        yield household


@pytest.fixture
async def ann(household: Household) -> Person:
    """Somebody new on that server, signed in."""
    return await household.person(f"ann-{uuid4()}")


def pool_of(household: Household) -> asyncpg.Pool:
    database: Database = household.app.app.state.database
    return database.pool


async def fill_pool(household: Household) -> None:
    """Open every connection that the pool may have, and leave them idle."""
    pool = pool_of(household)
    held = [await pool.acquire() for _ in range(pool.get_max_size())]
    for connection in held:
        await pool.release(connection)


def assert_come_again(response: httpx.Response) -> None:
    assert response.status_code == 503, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "/errors/unavailable"
    assert 1 <= int(response.headers["retry-after"]) <= 60


@pytest.mark.parametrize("mode", ["fast", "immediate"])
@pytest.mark.parametrize("at_once", [False, True], ids=["one by one", "at once"])
async def test_a_restart_of_the_idle_database_is_noticed_by_no_request(
    household: Household, ann: Person, own: EmbeddedPostgres, mode: Any, at_once: bool
) -> None:
    await fill_pool(household)
    # The loop stands still meanwhile, so that the pool has not heard of it either.
    own.restart(mode)
    if at_once:
        answers = await asyncio.gather(*(ann.get("/v1/homes") for _ in range(30)))
    else:
        answers = [await ann.get("/v1/homes") for _ in range(30)]
    assert [answer.status_code for answer in answers] == [200] * 30


async def test_a_write_after_a_restart_is_made_once(household: Household, ann: Person, own: EmbeddedPostgres) -> None:
    await fill_pool(household)
    own.restart()
    for n in range(10):
        assert (await ann.post("/v1/homes", {"name": f"Home {n}"})).status_code == 201
    assert len((await ann.get("/v1/homes")).json()["items"]) == 10


async def test_a_backend_that_is_frozen_is_replaced(household: Household, ann: Person, own: EmbeddedPostgres) -> None:
    await fill_pool(household)
    dba = await asyncpg.connect(own.url(own.superuser, "postgres"))
    idle = "SELECT pid FROM pg_stat_activity WHERE application_name = 'homelog' ORDER BY state_change DESC"
    frozen = await dba.fetchval(idle)
    os.kill(frozen, signal.SIGSTOP)
    try:
        answers = [await ann.get("/v1/homes") for _ in range(30)]
        assert [answer.status_code for answer in answers] == [200] * 30
    finally:
        os.kill(frozen, signal.SIGCONT)
    await dba.close()


async def test_a_backend_that_dies_within_a_request_is_503_and_the_next_one_is_served(
    household: Household, ann: Person, own: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    dba = await asyncpg.connect(own.url(own.superuser, "postgres"))
    made = await ann.home()
    lock = dba.transaction()
    await lock.start()
    await dba.execute("SELECT FROM homes WHERE id = $1 FOR UPDATE", made["id"])
    waiting = asyncio.create_task(ann.patch(f"/v1/homes/{made['id']}", {"name": "Changed"}))
    blocked = "SELECT pid FROM pg_stat_activity WHERE application_name = 'homelog' AND wait_event_type = 'Lock'"
    while not (pid := await dba.fetchval(blocked)):  # noqa: ASYNC110 - it is another process's state
        await asyncio.sleep(0.02)
    with logged(monkeypatch) as lines:
        await dba.execute("SELECT pg_terminate_backend($1)", pid)
        assert_come_again(response := await waiting)
    told = msgspec.json.decode(lines.getvalue().splitlines()[0])
    assert (told["event"], told["id"]) == ("unavailable", response.headers["x-request-id"])
    # The server's farewell, or that the connection was lost, whichever is read first.
    assert told["why"] in {"57P01", "08003"}
    await lock.rollback()
    await dba.close()
    assert (await ann.get(f"/v1/homes/{made['id']}")).json() == made


async def test_a_table_that_changes_beside_the_service_is_503_once(
    household: Household, ann: Person, own: EmbeddedPostgres
) -> None:
    made = await ann.home(address="Here")
    path = f"/v1/homes/{made['id']}"
    await fill_pool(household)
    for _ in range(12):
        assert (await ann.get(path)).status_code == 200
    dba = await asyncpg.connect(own.url(own.superuser, "postgres"))
    await dba.execute("ALTER TABLE homes ALTER COLUMN address TYPE varchar")
    try:
        assert_come_again(await ann.get(path))
        for _ in range(12):
            answer = await ann.get(path)
            assert (answer.status_code, answer.json()) == (200, made)
    finally:
        await dba.execute("ALTER TABLE homes ALTER COLUMN address TYPE text")
        await dba.close()


async def test_with_every_connection_busy_a_request_is_told_to_come_again(household: Household, ann: Person) -> None:
    pool = pool_of(household)
    held = [await pool.acquire() for _ in range(pool.get_max_size())]
    began = time.monotonic()
    answers = await asyncio.gather(*(ann.get("/v1/homes") for _ in range(20)))
    seconds = time.monotonic() - began
    live = await household.client.get("/health/live")
    for connection in held:
        await pool.release(connection)
    for answer in answers:
        assert_come_again(answer)
    assert seconds < ACQUIRE_SECONDS + 1 <= 5
    assert live.status_code == 200
    assert (await ann.get("/v1/homes")).status_code == 200


async def test_a_lock_that_is_not_let_go_ends_the_request_that_waits_for_it(
    household: Household, ann: Person, own: EmbeddedPostgres
) -> None:
    made = await ann.home()
    dba = await asyncpg.connect(own.url(own.superuser, "postgres"))
    lock = dba.transaction()
    await lock.start()
    await dba.execute("SELECT FROM homes WHERE id = $1 FOR UPDATE", made["id"])
    assert_come_again(await ann.patch(f"/v1/homes/{made['id']}", {"name": "Changed"}))
    await lock.rollback()
    await dba.close()
    assert (await ann.patch(f"/v1/homes/{made['id']}", {"name": "Changed"})).status_code == 200


async def test_while_the_database_is_down_the_service_says_so_and_then_serves_again(
    household: Household, ann: Person, own: EmbeddedPostgres
) -> None:
    await fill_pool(household)
    own._shut_down(signal.SIGINT)
    try:
        began = time.monotonic()
        for path in ("/v1/homes", f"/v1/sources/{uuid4()}", "/health/ready"):
            assert_come_again(await ann.get(path))
        assert_come_again(await ann.post("/v1/homes", {"name": "Home"}))
        assert_come_again(await household.client.post("/v1/auth/login", json={"email": "x", "password": "y"}))
        assert time.monotonic() - began < 5
        assert (await household.client.get("/health/live")).status_code == 200
        assert (await household.client.get("/v1/reference")).status_code == 200
        assert (await household.client.get("/metrics")).status_code == 200
    finally:
        own._launch()
    assert (await household.client.get("/health/ready")).json() == {
        "status": "ready", "schema_version": required_version(),
    }  # fmt: skip
    assert (await ann.get("/v1/homes")).status_code == 200


@pytest.mark.parametrize(
    ("raising", "status", "name"),
    [
        ("RAISE EXCEPTION 'x' USING ERRCODE = 'check_violation', CONSTRAINT = 'homes_name_not_blank'", 422, "invalid"),
        ("RAISE EXCEPTION 'x' USING ERRCODE = 'unique_violation'", 409, "conflict"),
        ("RAISE EXCEPTION 'x' USING ERRCODE = 'serialization_failure'", 503, "unavailable"),
        ("RAISE EXCEPTION 'x' USING ERRCODE = 'disk_full'", 507, "disk_low"),
        ("PERFORM pg_terminate_backend(pg_backend_pid())", 503, "unavailable"),
        ("RAISE EXCEPTION 'secret internals'", 500, "internal"),
    ],
)
async def test_what_fails_at_commit_is_answered_as_it_is_and_nothing_is_stored(
    home: Household, dba: asyncpg.Connection, raising: str, status: int, name: str
) -> None:
    ann = await home.person("ann")
    await dba.execute(
        f"CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
        f" AS $$ BEGIN {raising}; RETURN NULL; END $$;"
        " CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON homes DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION fail()"
    )
    response = await ann.post("/v1/homes", {"name": "Home"})
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert response.json()["type"] == f"/errors/{name}"
    assert ("retry-after" in response.headers) is (status == 503)
    assert "secret internals" not in response.text
    assert (await ann.get("/v1/homes")).json()["items"] == []
    await dba.execute("DROP TRIGGER fail ON homes")
    assert (await ann.post("/v1/homes", {"name": "Home"})).status_code == 201


# Starting


async def assert_does_not_start(settings: Settings, url: str, said: str) -> None:
    # Litestar's lifespan wraps whatever stops it.
    with pytest.RaisesGroup(pytest.RaisesExc(StartError, match=said), flatten_subgroups=True):
        async with serve(msgspec.structs.replace(settings, database_url=url)):
            pass


@pytest.mark.parametrize(
    ("role", "said"),
    [
        ("postgres", "logs in as postgres, whom row-level security does not bind; use homelog_api"),
        ("homelog_migrator", "may not use Homelog"),
        ("homelog_ops", "may not use Homelog"),
    ],
)
async def test_the_service_starts_as_nobody_but_its_own_role(
    server: EmbeddedPostgres, settings: Settings, database: str, role: str, said: str
) -> None:
    await assert_does_not_start(settings, server.url(role, database), said)


async def test_the_service_does_not_start_when_its_login_escapes_row_security(
    own: EmbeddedPostgres, settings: Settings
) -> None:
    # On a server of its own: roles are everyone's.
    dba = await asyncpg.connect(own.url(own.superuser, "postgres"))
    for spoil, mend in (
        ("ALTER ROLE homelog_api BYPASSRLS", "ALTER ROLE homelog_api NOBYPASSRLS"),
        ("ALTER ROLE homelog_api SUPERUSER", "ALTER ROLE homelog_api NOSUPERUSER"),
        ("GRANT homelog_owner TO homelog_api WITH INHERIT FALSE", "REVOKE homelog_owner FROM homelog_api"),
    ):
        await dba.execute(spoil)
        await assert_does_not_start(settings, own.url("homelog_api", "postgres"), "use homelog_api")
        await dba.execute(mend)
    await dba.close()


async def test_the_service_does_not_start_on_an_old_schema(settings: Settings, dba: asyncpg.Connection) -> None:
    await dba.execute(
        "DELETE FROM homelog.schema_migrations"
        " WHERE migration_id = (SELECT max(migration_id) FROM homelog.schema_migrations)"
    )
    await assert_does_not_start(settings, settings.database_url, "run `homelog migrate`")
    await dba.execute("DELETE FROM homelog.schema_migrations")
    await assert_does_not_start(settings, settings.database_url, "run `homelog migrate`")


async def test_the_service_starts_on_a_newer_schema(settings: Settings, dba: asyncpg.Connection) -> None:
    # Expand first: the old service runs on while the new one is rolled out.
    await dba.execute("INSERT INTO homelog.schema_migrations (migration_id, sha256) VALUES ('9999_future', '')")
    async with serve(settings) as home:
        assert (await home.client.get("/health/ready")).json()["schema_version"] == "9999_future"


async def test_the_service_does_not_start_on_an_empty_database(server: EmbeddedPostgres, settings: Settings) -> None:
    admin = await asyncpg.connect(server.url(server.superuser, "postgres"))
    await admin.execute("CREATE DATABASE homelog_empty")
    await assert_does_not_start(settings, server.url("homelog_api", "homelog_empty"), "run `homelog migrate`")
    await admin.execute("DROP DATABASE homelog_empty")
    await admin.close()


async def test_a_schema_that_was_rolled_back_beneath_the_service_makes_it_not_ready(
    home: Household, dba: asyncpg.Connection
) -> None:
    assert (await home.client.get("/health/ready")).status_code == 200
    await dba.execute("DELETE FROM homelog.schema_migrations")
    assert_come_again(await home.client.get("/health/ready"))


# What every answer carries

SECURITY = {
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-frame-options": "DENY",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
REQUESTS: list[tuple[str, str, dict[str, Any], int]] = [
    ("GET", "/v1/homes", {}, 200),
    ("GET", "/health/live", {}, 200),
    ("GET", "/metrics", {}, 200),
    ("POST", "/v1/homes", {"json": {"name": "Home"}}, 201),
    ("POST", "/v1/homes", {"content": b"{", "headers": {"Content-Type": "application/json"}}, 400),
    ("GET", "/v1/homes?limit=0", {}, 422),
    ("GET", "/v1/homes", {"headers": {"Authorization": "Bearer x"}}, 401),
    ("GET", f"/v1/homes/{uuid4()}", {}, 404),
    ("GET", "/nowhere", {}, 404),
    ("GET", "/v1/nowhere", {}, 404),
    ("PUT", "/v1/homes", {"json": {}}, 405),
    ("POST", "/v1/homes", {"content": b"{}", "headers": {"Content-Type": "text/plain"}}, 415),
    ("POST", "/v1/homes", {"content": b"x" * 11_000_000, "headers": {"Content-Type": "application/json"}}, 413),
    ("POST", "/v1/homes", {"json": {"name": ""}}, 422),
    ("GET", "/v1/plants", {}, 500),
]


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    REQUESTS,
    ids=[f"{method} {status} {n}" for n, (method, _, _, status) in enumerate(REQUESTS)],
)
async def test_every_answer_carries_the_security_headers_and_an_id(
    home: Household, dba: asyncpg.Connection, method: str, path: str, options: dict[str, Any], status: int
) -> None:
    ann = await home.person("ann")
    if status == 500:
        await dba.execute("ALTER TABLE plants RENAME COLUMN room TO place")
    response = await ann.call(method, path, **options)
    assert response.status_code == status, response.text
    assert {name: response.headers.get(name) for name in SECURITY} == SECURITY
    for name in [*SECURITY, "x-request-id"]:
        assert len(response.headers.get_list(name)) == 1
    assert re.fullmatch(r"[0-9a-f-]{36}", response.headers["x-request-id"])
    if status >= 400:
        assert response.headers["content-type"] == "application/problem+json"
        problem = response.json()
        assert problem["instance"] == response.headers["x-request-id"]
        assert problem["status"] == status
        assert problem["type"].startswith("/errors/")
        assert (await home.client.get(problem["type"])).json()["title"] == problem["title"]


async def test_an_answer_that_has_not_changed_carries_them_too(home: Household) -> None:
    ann = await home.person("ann")
    made = await ann.home()
    first = await ann.get(f"/v1/homes/{made['id']}")
    again = await ann.get(f"/v1/homes/{made['id']}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert {name: again.headers.get(name) for name in SECURITY} == SECURITY


async def test_what_breaks_inside_shows_nothing_of_the_inside(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    await dba.execute("ALTER TABLE plants RENAME COLUMN room TO place")
    response = await ann.get("/v1/plants")
    assert response.status_code == 500
    assert not re.search(r"column|select|traceback|asyncpg|plants|place\b", response.text, re.IGNORECASE)


async def test_each_request_has_an_id_of_its_own(home: Household) -> None:
    answers = [await home.client.get("/health/live", headers={"X-Request-Id": "mine"}) for _ in range(5)]
    ids = {answer.headers["x-request-id"] for answer in answers}
    assert len(ids) == 5
    assert "mine" not in ids


# What operators see


async def test_metrics_name_routes_and_never_what_was_asked_for(home: Household) -> None:
    ann = await home.person("ann")
    source, made, canary = await ann.source(), await ann.home(), uuid4()
    for path in (
        f"/v1/homes/{made['id']}",
        f"/v1/sources/{source['id']}/readings?from=2026-01-01T00:00:00Z",
        f"/v1/sources/{canary}",
        f"/v1/{canary}",
        f"/{canary}",
        f"/v1/homes/{canary}/x",
        "/v1/homes/no-uuid",
    ):
        await ann.get(path)
    await ann.call("PUT", f"/v1/homes/{made['id']}", json={})
    await ann.call(f"M{canary}", "/v1/homes")
    said = (await home.client.get("/metrics")).text
    assert 'route="/v1/homes/{home_id}"' in said
    assert 'query="homes:get_home"' in said
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", said, re.IGNORECASE)
    assert 'method="(other)"' in said
    assert "no-uuid" not in said
    assert "2026-01-01" not in said


@contextmanager
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.BytesIO]:
    """What the service logs meanwhile, as it would stand on standard output and standard error."""
    lines = io.BytesIO()
    set_up_logging()
    logger = structlog.wrap_logger(structlog.BytesLogger(lines))
    for module in ("service.edge", "service.app"):
        monkeypatch.setattr(f"{module}.log", logger)
    handler = logging.StreamHandler(io.TextIOWrapper(lines, "utf-8", write_through=True))
    # httpx is the test's own client.
    handler.addFilter(lambda record: not record.name.startswith("http"))
    logging.getLogger().addHandler(handler)
    yield lines
    logging.getLogger().removeHandler(handler)
    handler.stream.detach()


async def test_a_request_is_one_line_with_its_route_and_its_statements(
    home: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await home.person("ann")
    made = await ann.home()
    with logged(monkeypatch) as lines:
        response = await ann.get(f"/v1/homes/{made['id']}")
        await home.client.get("/nowhere")
        await home.client.get("/v1/homes", headers={"Authorization": "Bearer x"})
    found, nowhere, refused = (msgspec.json.decode(line) for line in lines.getvalue().splitlines())
    assert found | {"ms": 0, "timestamp": ""} == {
        "event": "request", "level": "info", "timestamp": "", "id": response.headers["x-request-id"],
        "method": "GET", "route": "/v1/homes/{home_id}", "status": 200, "ms": 0, "queries": ["homes:get_home"],
    }  # fmt: skip
    assert (nowhere["status"], nowhere["route"]) == (404, "(none)")
    assert refused["status"] == 401


async def test_what_breaks_is_logged_under_the_id_that_was_answered(
    home: Household, dba: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await home.person("ann")
    await dba.execute("ALTER TABLE plants RENAME COLUMN room TO place")
    with logged(monkeypatch) as lines:
        response = await ann.get("/v1/plants")
    broken, request = (msgspec.json.decode(line) for line in lines.getvalue().splitlines())
    assert broken["id"] == request["id"] == response.headers["x-request-id"]
    assert (broken["level"], request["status"]) == ("error", 500)
    assert "UndefinedColumnError" in broken["exception"]


async def test_no_log_line_holds_a_secret(
    household: Household, own: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    email, canary = f"canary-{uuid4()}@example.org", "canary phrase one two"
    account = {"email": email, "password": canary}
    post = household.client.post
    with logged(monkeypatch) as lines:
        await post("/v1/auth/register", json=account)
        await post("/v1/auth/register", json=account)  # taken
        await post("/v1/auth/register", json={**account, "extra": canary})
        await post("/v1/auth/register", content=f'{{"password": "{canary}"'.encode())
        await post("/v1/auth/login", json={**account, "password": canary + "!"})
        await post("/v1/auth/login", json={"email": canary, "password": canary})
        await post(f"/v1/auth/login?password={canary}", json=account)
        await post("/v1/auth/login", json=account, headers={"Authorization": f"Basic {canary}"})
        signed_in = (await post("/v1/auth/login", json=account)).json()
        bearer = {"Authorization": f"Bearer {signed_in['access_token']}"}
        await household.client.get(f"/v1/homes?token={canary}", headers=bearer)
        await household.client.get("/v1/homes", headers={"Authorization": f"Bearer {canary}"})
        await household.client.get(f"/v1/{canary}", headers={**bearer, "Cookie": f"x={canary}"})
        await household.client.put(
            "/v1/me/password", headers=bearer, json={"current_password": canary, "new_password": PASSWORD}
        )
        refreshed = (await post("/v1/auth/refresh", json={"refresh_token": signed_in["refresh_token"]})).json()
        await post("/v1/auth/refresh", json={"refresh_token": canary})
        # An error that nobody foresaw, while all of it is in flight.
        dba = await asyncpg.connect(own.url(own.superuser, "postgres"))
        await dba.execute("ALTER TABLE user_passwords RENAME TO hidden")
        for path in ("register", "login"):
            broken = await post(f"/v1/auth/{path}", json={**account, "email": f"other-{email}"})
            assert broken.status_code == 500
        await dba.execute("ALTER TABLE hidden RENAME TO user_passwords")
        hashes = await dba.fetch("SELECT password_hash FROM user_passwords")
        await dba.close()
    server_log = b"".join(file.read_bytes() for file in (own.data / "log").glob("*.log"))
    log = (lines.getvalue() + server_log).decode()
    assert log.count('"request"') >= 17
    secrets = [
        canary, canary.replace(" ", "%20"), email, *(row[0] for row in hashes),
        *(each[name] for each in (signed_in, refreshed) for name in ("access_token", "refresh_token")),
    ]  # fmt: skip
    assert [secret for secret in secrets if secret in log] == []
