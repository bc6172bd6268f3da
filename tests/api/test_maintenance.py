"""What the service cleans up by itself, and what it leaves alone, as those who use it see it."""

import asyncio
import os
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from service.embedded import EmbeddedPostgres
from service.maintenance import running
from service.maintenance.running import TASKS, run
from service.observing import MAINTENANCE_FAILURES
from service.settings import Settings
from service.sqlfile import Query
from tests.people import PASSWORD, Household, serve

YEAR = datetime(2026, 1, 1, tzinfo=UTC)


async def clean(settings: Settings) -> dict[str, int | None]:
    done = await run(settings.database_url)
    assert done is not None
    return dict(done)


async def days_pass(dba: asyncpg.Connection, days: int) -> None:
    """Whatever went, went so many days earlier."""
    for table in ("source_tombstones", "user_tombstones", "place_tombstones"):
        await dba.execute(f"UPDATE {table} SET deleted_at = deleted_at - make_interval(days => $1)", days)  # noqa: S608


# Sign-ins


async def test_a_used_refresh_token_is_known_for_a_month_and_unknown_afterwards(
    home: Household, settings: Settings, dba: asyncpg.Connection
) -> None:
    for name, days, ends in (("ann", 29, True), ("ben", 31, False)):
        person = await home.person(name)
        first = person.login["refresh_token"]
        second = (await person.post("/v1/auth/refresh", {"refresh_token": first})).json()["refresh_token"]
        await dba.execute(
            "UPDATE refresh_tokens SET replaced_at = replaced_at - make_interval(days => $1)"
            " WHERE replaced_at IS NOT NULL",
            days,
        )
        await clean(settings)
        # Too old to be of use to whoever has it; and too old to be held against its owner.
        assert (await person.post("/v1/auth/refresh", {"refresh_token": first})).status_code == 401
        again = await person.post("/v1/auth/refresh", {"refresh_token": second})
        assert again.status_code == (401 if ends else 200)


async def test_sessions_that_live_are_left_and_others_go_after_a_month(
    home: Household, settings: Settings, dba: asyncpg.Connection
) -> None:
    ann = await home.person("ann")
    account = {"email": ann.email, "password": PASSWORD}
    ended, expired, late = [(await home.client.post("/v1/auth/login", json=account)).json() for _ in range(3)]
    await home.client.post("/v1/auth/logout", json={"refresh_token": ended["refresh_token"]})
    ids = [row["id"] for row in await dba.fetch("SELECT id FROM sessions ORDER BY id")]
    await dba.execute("UPDATE sessions SET ended_at = ended_at - interval '31 days' WHERE ended_at IS NOT NULL")
    await dba.execute("UPDATE sessions SET expires_at = now() - interval '31 days' WHERE id = $1", ids[2])
    await dba.execute("UPDATE sessions SET expires_at = now() - interval '29 days' WHERE id = $1", ids[3])
    before = (await ann.get("/v1/me/sessions")).json()
    done = await clean(settings)
    assert done["clean_sessions"] == 2
    assert [row["id"] for row in await dba.fetch("SELECT id FROM sessions ORDER BY id")] == [ids[0], ids[3]]
    assert (await ann.get("/v1/me/sessions")).json() == before
    assert [item["id"] for item in before["items"]] == [str(ids[0])]
    for gone in (ended, expired, late):
        headers = {"Authorization": f"Bearer {gone['access_token']}"}
        assert (await home.client.get("/v1/me", headers=headers)).status_code == 401
        body = {"refresh_token": gone["refresh_token"]}
        assert (await home.client.post("/v1/auth/refresh", json=body)).status_code == 401


async def test_whoever_still_has_to_wait_waits_on(home: Household, settings: Settings, dba: asyncpg.Connection) -> None:
    for waits in (None, -timedelta(seconds=1), timedelta(hours=1)):
        for days in (1, 3):
            await dba.execute(
                "INSERT INTO password_guesses (about, began_at, failures, waits_until)"
                " VALUES (sha256(convert_to($1, 'UTF8')), now() - make_interval(days => $2), 5, now() + $3)",
                *(f"{waits} {days}", days, waits),
            )
    await dba.execute(
        "INSERT INTO request_budgets VALUES (uuidv7(), now(), 1), (uuidv7(), now() - interval '1 hour', 1)"
    )
    await dba.execute(
        "INSERT INTO spent_tickets VALUES (sha256('a'), now()), (sha256('b'), now() - interval '2 hours')"
    )
    done = await clean(settings)
    assert (done["clean_password_guesses"], done["clean_request_budgets"], done["clean_spent_tickets"]) == (2, 1, 1)
    assert await dba.fetchval("SELECT count(*) FROM password_guesses") == 4


# Copies


async def test_a_cursor_is_told_of_all_that_went_for_as_long_as_it_is_good(
    home: Household, settings: Settings, dba: asyncpg.Connection
) -> None:
    ann = await home.person("ann")
    source, plant = await ann.source(), await ann.plant()
    reading = await ann.made(f"/v1/sources/{source['id']}/readings", value=1)
    cursor = (await ann.get("/v1/changes")).json()["next_cursor"]
    await ann.delete(f"/v1/sources/{source['id']}/readings/{reading['id']}")
    await ann.delete(f"/v1/plants/{plant['id']}")
    await days_pass(dba, 90)
    assert (await clean(settings))["clean_tombstones"] == 0
    gone = (await ann.get("/v1/changes", params={"since": cursor})).json()["items"]
    assert {(item["type"], item["op"]) for item in gone} >= {("reading", "delete"), ("plant", "delete")}
    await days_pass(dba, 2)
    assert (await clean(settings))["clean_tombstones"] == 2
    # By then the cursor says so itself: tests/api/test_changes.py has those of 90 days ago answered by 410.


async def test_a_guest_is_forgotten_when_every_copy_has_been_told(
    home: Household, settings: Settings, dba: asyncpg.Connection
) -> None:
    ann, eve = await home.person("ann"), await home.person("eve")
    house = await ann.home()
    await ann.invite(house, eve, "read", expires_at="2999-01-01T00:00:00Z")
    await dba.execute("SET session_replication_role = replica")
    for days, gone in ((90, 0), (92, 1)):
        await dba.execute(
            "UPDATE home_members SET expires_at = now() - make_interval(days => $1) WHERE expires_at IS NOT NULL", days
        )
        assert (await clean(settings))["clean_guests"] == gone
    await dba.execute("RESET session_replication_role")
    assert (await eve.get(f"/v1/homes/{house['id']}")).status_code == 404
    assert (await ann.invite(house, eve))["access_level"] == "read"
    assert (await eve.get(f"/v1/homes/{house['id']}")).status_code == 200


# Days


async def fill(person: Any, source: Any, since: datetime = YEAR, count: int = 400) -> None:
    rows = [{"timestamp": (since + timedelta(hours=n)).isoformat(), "value": n} for n in range(count)]
    response = await person.post(f"/v1/sources/{source['id']}/readings", rows)
    assert response.json()["created"] == count, response.text


async def midnights(dba: asyncpg.Connection, source: Any) -> set[str]:
    rows = await dba.fetch(
        "SELECT DISTINCT to_char(since AT TIME ZONE 'UTC', 'HH24:MI') AS at FROM reading_days WHERE source_id = $1",
        UUID(source["id"]),
    )
    return {row["at"] for row in rows}


async def test_days_follow_their_home_into_another_zone(
    home: Household, settings: Settings, dba: asyncpg.Connection
) -> None:
    ann = await home.person("ann")
    house = await ann.home(timezone="UTC")
    inside, outside, empty = await ann.source(home_id=house["id"]), await ann.source(), await ann.source()
    await fill(ann, inside)
    await fill(ann, outside)
    assert (await clean(settings))["rebuild_stale_days"] == 0
    await ann.patch(f"/v1/homes/{house['id']}", {"name": "Another"})
    assert await dba.fetchval("SELECT count(*) FROM stale_days") == 0
    await ann.patch(f"/v1/homes/{house['id']}", {"timezone": "Asia/Kathmandu"})
    await ann.patch(f"/v1/sources/{empty['id']}", {"home_id": house["id"]})
    assert await midnights(dba, inside) == {"00:00"}
    asked = {"bucket": "day"}
    before = (await ann.get(f"/v1/sources/{inside['id']}/series", params=asked)).json()
    assert (await clean(settings))["rebuild_stale_days"] == 1
    assert await midnights(dba, inside) == {"18:15"}
    assert (await ann.get(f"/v1/sources/{inside['id']}/series", params=asked)).json() == before
    await ann.patch(f"/v1/sources/{inside['id']}", {"home_id": None})
    assert (await clean(settings))["rebuild_stale_days"] == 1
    assert await midnights(dba, inside) == {"00:00"}
    assert await midnights(dba, outside) == {"00:00"}


async def test_a_zone_that_changes_while_days_are_summed_up_is_not_forgotten(
    server: EmbeddedPostgres, database: str, home: Household, settings: Settings, dba: asyncpg.Connection
) -> None:
    ann = await home.person("ann")
    house = await ann.home(timezone="UTC")
    source = await ann.source(home_id=house["id"])
    await fill(ann, source)
    await ann.patch(f"/v1/homes/{house['id']}", {"timezone": "Asia/Tokyo"})
    other = await asyncpg.connect(server.url(server.superuser, database))
    async with other.transaction():
        await other.execute("UPDATE homes SET timezone = 'Asia/Kathmandu'")
        assert (await clean(settings))["rebuild_stale_days"] == 0
    assert (await clean(settings))["rebuild_stale_days"] == 1
    await other.close()
    assert await midnights(dba, source) == {"18:15"}


# Who does it, and when


async def test_of_many_processes_one_runs_and_not_before_it_is_time(
    home: Household, settings: Settings, dba: asyncpg.Connection
) -> None:
    runs = await asyncio.gather(*(run(settings.database_url, timedelta(hours=1)) for _ in range(8)))
    assert len([done for done in runs if done is not None]) == 1
    assert await run(settings.database_url, timedelta(hours=1)) is None
    assert await run(settings.database_url, timedelta(0)) is not None
    rows = await dba.fetch("SELECT ended_at IS NOT NULL AS ended, done::text FROM maintenance_runs")
    assert [row["ended"] for row in rows] == [True, True]
    assert msgspec.json.decode(rows[0]["done"]).keys() == TASKS.keys()


async def test_while_somebody_is_at_work_nobody_else_deletes(
    server: EmbeddedPostgres, database: str, settings: Settings, dba: asyncpg.Connection
) -> None:
    await dba.execute("INSERT INTO spent_tickets VALUES (sha256('b'), now() - interval '2 hours')")
    other = await asyncpg.connect(server.url("homelog_api", database))
    async with other.transaction():
        assert await other.fetchval("SELECT homelog.begin_maintenance('0')") is not None
        assert await run(settings.database_url) is None
        api = await asyncpg.connect(settings.database_url)
        assert await api.fetchval("SELECT homelog.clean_spent_tickets(10)") == 0
        await api.close()
    await other.close()
    assert (await clean(settings))["clean_spent_tickets"] == 1


@pytest.mark.own_database
async def test_a_task_that_fails_keeps_none_of_the_others_from_their_work(
    settings: Settings, dba: asyncpg.Connection
) -> None:
    await dba.execute("INSERT INTO spent_tickets VALUES (sha256('b'), now() - interval '2 hours')")
    await dba.execute("REVOKE EXECUTE ON FUNCTION homelog.clean_sessions(integer) FROM homelog_api")
    done = await clean(settings)
    assert (done["clean_sessions"], done["clean_spent_tickets"]) == (None, 1)
    async with serve(settings) as home:
        said = (await home.client.get("/metrics")).text
    assert 'homelog_maintenance_failures_total{task="clean_sessions"}' in said
    assert 'homelog_maintenance_done_total{task="clean_spent_tickets"}' in said
    assert "homelog_maintenance_last_end_timestamp_seconds" in said


@pytest.mark.own_database
async def test_the_service_runs_by_itself(
    settings: Settings, dba: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.maintenance.running.FIRST_SECONDS", 0.0)
    async with serve(msgspec.structs.replace(settings, maintenance_minutes=1)), asyncio.timeout(30):
        while not await dba.fetchval("SELECT count(*) FROM maintenance_runs WHERE ended_at IS NOT NULL"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@pytest.mark.own_database
async def test_a_table_that_has_just_been_filled_gets_its_statistics(
    settings: Settings, dba: asyncpg.Connection
) -> None:
    await dba.execute("ALTER TABLE homes SET (autovacuum_enabled = false)")
    await dba.execute("INSERT INTO homes (name) SELECT 'Home ' || n FROM generate_series(1, 5000) AS n")
    async with asyncio.timeout(30):
        while await dba.fetchval("SELECT n_mod_since_analyze FROM pg_stat_user_tables WHERE relname = 'homes'") < 5000:
            await dba.execute("SELECT pg_stat_force_next_flush()")
            await asyncio.sleep(0.05)
    assert (await clean(settings))["analyze_grown"]
    assert await dba.fetchval("SELECT reltuples FROM pg_class WHERE relname = 'homes'") == 5000


@pytest.mark.own_database
async def test_a_table_that_somebody_holds_is_passed_over_and_the_run_ends(
    settings: Settings, dba: asyncpg.Connection
) -> None:
    await dba.execute("ALTER TABLE homes SET (autovacuum_enabled = false)")
    await dba.execute("INSERT INTO homes (name) SELECT 'Home ' || n FROM generate_series(1, 5000) AS n")
    await dba.execute(
        "INSERT INTO spent_tickets SELECT sha256(n::text::bytea), now() FROM generate_series(1, 3000) AS n"
    )
    await dba.execute("SELECT pg_stat_force_next_flush()")
    async with dba.transaction():
        await dba.execute("LOCK TABLE homes IN SHARE UPDATE EXCLUSIVE MODE")
        async with asyncio.timeout(30):
            done = await clean(settings)
    assert (done["analyze_grown"] or 0) >= 1
    assert await dba.fetchval("SELECT reltuples FROM pg_class WHERE relname = 'spent_tickets'") == 3000
    assert await dba.fetchval("SELECT last_analyze FROM pg_stat_user_tables WHERE relname = 'homes'") is None


async def test_runs_are_few_whoever_begins_them(settings: Settings, dba: asyncpg.Connection) -> None:
    await dba.execute(
        "INSERT INTO maintenance_runs (began_at)"
        " SELECT now() - n * interval '1 second' FROM generate_series(1, 10100) AS n"
    )
    api = await asyncpg.connect(settings.database_url)
    for every in (None, timedelta(days=-1), timedelta(0)):
        assert await api.fetchval("SELECT homelog.begin_maintenance($1)", every) is not None
    await api.close()
    assert await dba.fetchval("SELECT count(*) FROM maintenance_runs") == 10_000


async def test_a_run_of_a_clock_that_was_wrong_keeps_no_other_from_running(
    settings: Settings, dba: asyncpg.Connection
) -> None:
    await dba.execute("INSERT INTO maintenance_runs (began_at) VALUES (now() + interval '1 year')")
    for every in (timedelta(hours=1), timedelta(0)):
        assert await run(settings.database_url, every) is not None
    assert await run(settings.database_url, timedelta(hours=1)) is None


# What a stolen login of the service's could do with it


async def test_nobody_who_calls_says_what_is_due(home: Household, settings: Settings, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    await fill(ann, source, datetime.now(UTC) - timedelta(days=500))
    await ann.put(f"/v1/sources/{source['id']}/retention", {"months": 1200, "action": "delete"})
    counts = (
        "SELECT (SELECT count(*) FROM readings), (SELECT count(*) FROM sessions), (SELECT count(*) FROM audit_logs)"
    )
    before = await dba.fetch(counts)
    api = await asyncpg.connect(settings.database_url)
    for query in TASKS.values():
        for most in (-1, 0, 2**31 - 1) if "$1" in query.sql else (None,):
            await api.fetch(query.sql, *(() if most is None else (most,)))
    await api.close()
    assert (await dba.fetch(counts)) == before


# What nobody foresaw


async def test_a_run_that_meets_what_nobody_foresaw_is_counted_and_the_next_one_comes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = asyncio.Queue[None]()

    async def fail(*_: object) -> None:
        runs.put_nowait(None)
        raise ValueError

    monkeypatch.setattr(running, "run", fail)
    failures = MAINTENANCE_FAILURES.labels("begin")
    before = failures._value.get()
    work = asyncio.create_task(running.keep_running(settings.database_url, timedelta(milliseconds=1)))
    for _ in range(3):
        await asyncio.wait_for(runs.get(), 10)
    assert not work.done()
    assert failures._value.get() >= before + 2
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work


async def test_a_task_that_meets_what_nobody_foresaw_leaves_the_others_to_be_done(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One column, where a step has two.
    monkeypatch.setitem(running.TASKS, "clean_guests", Query("odd", "SELECT 1", running.Step))
    done = await clean(settings)
    assert [name for name, count in done.items() if count is None] == ["clean_guests"]


async def test_a_look_that_meets_what_nobody_foresaw_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = asyncio.Queue[None]()

    class Odd:
        def transaction(self, *_: object, **__: object) -> None:
            looks.put_nowait(None)
            raise ValueError

    monkeypatch.setattr(running, "LOOK_SECONDS", 0.001)
    failures = MAINTENANCE_FAILURES.labels("look")
    before = failures._value.get()
    async with running.last_end_told(Odd()):  # type: ignore[arg-type]
        for _ in range(3):
            await asyncio.wait_for(looks.get(), 10)
    assert failures._value.get() >= before + 2


# By hand


async def test_an_operator_has_it_done_at_once(settings: Settings, dba: asyncpg.Connection, tmp_path: Path) -> None:
    await dba.execute("INSERT INTO spent_tickets VALUES (sha256('b'), now() - interval '2 hours')")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DATABASE_URL": settings.database_url}

    async def maintain() -> tuple[int | None, str, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "service", "maintain", "--once"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
        )
        said, told = await process.communicate()
        return process.returncode, said.decode(), told.decode()

    status, said, _ = await maintain()
    assert status == 0
    # Nothing but sentences: who runs it reads no log.
    assert "clean_spent_tickets: 1\n" in said
    assert all(re.fullmatch(r"[a-z_]+: \d+", line) for line in said.splitlines()), said

    newest = await dba.fetchval("SELECT max(migration_id) FROM homelog.schema_migrations")
    await dba.execute("DELETE FROM homelog.schema_migrations WHERE migration_id = $1", newest)
    status, said, told = await maintain()
    assert (status, said) == (1, "")
    assert re.fullmatch(rf"The schema is \S+, this needs {newest}: run `homelog migrate`\.\n", told)
