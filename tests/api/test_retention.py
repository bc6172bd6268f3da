"""For how long a source keeps its readings, over HTTP: who says so, what goes, and what is answered afterwards."""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from service.maintenance.running import run
from service.settings import Settings
from tests.people import Household, Person

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
OLD = NOW - timedelta(days=100)
"""What a retention of a month leaves no single readings of."""


def at(when: datetime) -> str:
    return when.isoformat().replace("+00:00", "Z")


async def log(person: Person, source: Any, rows: list[tuple[datetime, float]], **query: str) -> Any:
    body = [{"timestamp": at(when), "value": value} for when, value in rows]
    response = await person.post(f"/v1/sources/{source['id']}/readings", body, params=query)
    assert response.status_code == 200, response.text
    return response.json()


def minutes(since: datetime, count: int, step: float = 1) -> list[tuple[datetime, float]]:
    """One a minute, climbing unevenly."""
    return [(since + timedelta(minutes=n * step), 1000 + n + (n * n % 7)) for n in range(count)]


async def keep(person: Person, source: Any, months: int = 1, action: str = "thin", **options: Any) -> Any:
    return await person.put(f"/v1/sources/{source['id']}/retention", {"months": months, "action": action}, **options)


async def readings(person: Person, source: Any) -> list[Any]:
    found: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        response = await person.get(
            f"/v1/sources/{source['id']}/readings", params={"limit": 1000, "order": "asc", **cursor}
        )
        found += response.json()["items"]
        if response.json()["next_cursor"] is None:
            return found
        cursor = {"cursor": response.json()["next_cursor"]}


# Who says so


async def test_a_source_keeps_its_readings_for_ever_until_an_admin_says_otherwise(
    home: Household, settings: Settings
) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    await log(ann, source, minutes(OLD, 100))
    assert (await ann.get(f"/v1/sources/{source['id']}/retention")).status_code == 404
    await run(settings.database_url)
    assert len(await readings(ann, source)) == 100

    made = await keep(ann, source, 12)
    assert made.status_code == 201
    assert made.headers["Location"] == f"/v1/sources/{source['id']}/retention"
    told = made.json()
    assert list(told) == [
        *("source_id", "months", "action", "thinned_until", "deleted_until", "created_at", "updated_at", "created_by")
    ]
    assert (told["months"], told["action"], told["thinned_until"], told["created_by"]) == (12, "thin", None, ann.id)
    again = await keep(ann, source, 12)
    assert (again.status_code, again.json()) == (200, told)
    changed = await keep(ann, source, 24, "delete")
    assert (changed.status_code, changed.json()["months"], changed.json()["action"]) == (200, 24, "delete")
    assert changed.json()["created_at"] == told["created_at"] < changed.json()["updated_at"]
    assert (await ann.get(f"/v1/sources/{source['id']}/retention")).json() == changed.json()
    assert (await ann.delete(f"/v1/sources/{source['id']}/retention")).status_code == 204
    assert (await ann.delete(f"/v1/sources/{source['id']}/retention")).status_code == 404


async def test_a_version_that_is_stale_changes_nothing(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    path = f"/v1/sources/{source['id']}/retention"
    assert (await keep(ann, source, headers={"If-Match": '"1"'})).status_code == 412
    first = (await keep(ann, source)).headers["ETag"]
    second = await keep(ann, source, 2, headers={"If-Match": first})
    assert second.status_code == 200
    assert (await keep(ann, source, 3, headers={"If-Match": first})).status_code == 412
    assert (await ann.delete(path, headers={"If-Match": first})).status_code == 412
    assert (await ann.get(path)).json()["months"] == 2
    assert (await ann.delete(path, headers={"If-Match": second.headers["ETag"]})).status_code == 204


@pytest.mark.parametrize(
    "body",
    [
        *({"months": months} for months in (0, -1, 1201, 2**70, 1.5, "1", True, None)),
        {},
        {"months": 1, "action": "drop"},
        {"months": 1, "thinned_until": "2020-01-01T00:00:00Z"},
        {"months": 1, "source_id": str(uuid4())},
    ],
)
async def test_a_retention_that_makes_no_sense_is_refused(home: Household, body: Any) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    response = await ann.put(f"/v1/sources/{source['id']}/retention", body)
    assert response.status_code in {400, 422}, response.text
    assert (await ann.get(f"/v1/sources/{source['id']}/retention")).status_code == 404


async def test_only_admins_say_so_and_whoever_was_granted_it_sees_it(home: Household) -> None:
    ann, ben, eve = [await home.person(name) for name in ("ann", "ben", "eve")]
    source = await ann.source(is_public=True)
    await ann.grant(source, ben, "write")
    path = f"/v1/sources/{source['id']}/retention"
    assert (await keep(ben, source)).status_code == 403
    assert (await keep(eve, source)).status_code == 403
    await keep(ann, source)
    assert (await ben.get(path)).status_code == 200
    assert (await eve.get(path)).status_code == 404
    assert (await ben.delete(path)).status_code == 403
    assert (await home.nobody.get(path)).status_code == 401
    rows = (await ann.get(f"/v1/sources/{source['id']}/audit")).json()["items"]
    assert [row["details"]["months"] for row in rows if row["event_type"] == "create_retention"] == [1]


# What goes


async def test_deleted_readings_are_gone_and_all_that_follows_from_readings_follows(
    home: Household, settings: Settings, dba: asyncpg.Connection
) -> None:
    ann = await home.person("ann")
    source = await ann.source(kind="gauge")
    await log(ann, source, minutes(OLD, 3000))
    await log(ann, source, minutes(NOW - timedelta(days=2), 100))
    cursor = None
    while True:
        page = (await ann.get("/v1/changes", params={"limit": 1000, **({"since": cursor} if cursor else {})})).json()
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break
    await keep(ann, source, 1, "delete")
    done = await run(settings.database_url)
    assert done is not None
    assert done["expire_readings"] == 3000
    left = await readings(ann, source)
    assert len(left) == 100
    for table, column in (("reading_hours", "hour"), ("reading_days", "since"), ("changed_days", "day")):
        assert await dba.fetchval(f"SELECT min({column})::date FROM {table}") >= (NOW - timedelta(days=3)).date()  # noqa: S608
    horizon = (await ann.get(f"/v1/sources/{source['id']}/retention")).json()["deleted_until"]
    assert at(NOW - timedelta(days=33)) < horizon < at(NOW - timedelta(days=27))
    assert horizon.endswith("T00:00:00Z")
    # A copy is told of each; the log of all together, and of no value.
    page = (await ann.get("/v1/changes", params={"limit": 1000, "since": cursor})).json()
    assert {(item["type"], item["op"]) for item in page["items"]} == {("reading", "delete")}
    assert page["has_more"]
    rows = (await ann.get(f"/v1/sources/{source['id']}/audit")).json()["items"]
    expired = [row["details"] for row in rows if row["event_type"] == "expire_entries"]
    assert sum(details["count"] for details in expired) == 3000
    assert all(set(details) == {"action", "count", "first", "last"} for details in expired)
    assert not [row for row in rows if row["event_type"] == "delete_entry"]
    # Nothing more is due today.
    again = await run(settings.database_url)
    assert again is not None
    assert again["expire_readings"] == 0


async def test_the_latest_reading_may_go_too(home: Household, settings: Settings) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    await log(ann, source, minutes(OLD, 3))
    await keep(ann, source, 1, "delete")
    await run(settings.database_url)
    assert (await ann.get(f"/v1/sources/{source['id']}")).json()["latest"] is None


async def test_one_source_that_fails_keeps_no_other_from_its_turn_for_ever(
    home: Household, settings: Settings, dba: asyncpg.Connection
) -> None:
    ann = await home.person("ann")
    fails, other = [await ann.source() for _ in range(2)]
    for source in (fails, other):
        await log(ann, source, minutes(OLD, 60))
        await keep(ann, source, 1, "delete")
    await dba.execute(
        "CREATE FUNCTION stuck() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'stuck'; END $$;"
        "CREATE TRIGGER stuck BEFORE DELETE ON readings"
        f" FOR EACH ROW WHEN (OLD.source_id = '{fails['id']}') EXECUTE FUNCTION stuck()"
    )
    for _ in range(40):  # Each time it is the other's turn first as likely as not.
        done = await run(settings.database_url)
        assert done is not None
        assert done["expire_readings"] is None
        if not await readings(ann, other):
            break
    assert await readings(ann, other) == []
    assert len(await readings(ann, fails)) == 60


@pytest.mark.parametrize(("action", "left"), [("thin", [2, 2]), ("delete", [])])
async def test_an_hour_that_holds_more_than_a_step_goes_in_parts_and_its_sums_stay(
    home: Household, dba: asyncpg.Connection, action: str, left: list[int]
) -> None:
    ann = await home.person("ann")
    source = await ann.source(kind="delta")
    await log(ann, source, [(OLD + timedelta(seconds=7 * n), 1) for n in range(700)])  # 515 of them in the first hour.
    await keep(ann, source, 1, action)
    path = f"/v1/sources/{source['id']}/series"
    before = {size: (await ann.get(path, params={"bucket": size})).json()["items"] for size in ("hour", "day")}
    steps = 0
    while row := await dba.fetchrow("SELECT * FROM homelog.expire_readings(100)"):
        assert row["removed"] <= 100
        steps += 1
        for size, was in before.items():
            now = (await ann.get(path, params={"bucket": size})).json()["items"]
            if action == "thin":
                assert close(now, was), (steps, size)
            else:  # Whole hours go, and of the last one of all what is no whole one.
                assert close(now, was) or sum(bucket["count"] for bucket in now) in {0, 185}, (steps, size, now)
    assert steps in {7, 8, 9}
    times = [reading["timestamp"][:13] for reading in await readings(ann, source)]
    assert list(Counter(times).values()) == left
    late = {"timestamp": at(OLD + timedelta(seconds=1)), "value": 1}
    assert (await ann.post(f"/v1/sources/{source['id']}/readings", late)).status_code == 422


async def test_a_thinned_hour_is_deleted_as_a_whole_once_all_of_it_is_due(home: Household, settings: Settings) -> None:
    ann = await home.person("ann")
    source = await ann.source(kind="delta")
    since, until = NOW - timedelta(days=66), NOW - timedelta(days=56)
    await log(ann, source, [(since + timedelta(minutes=5 * n), 1) for n in range(2880)])
    await keep(ann, source)
    await run(settings.database_url)
    house = await ann.home(timezone="Asia/Kathmandu")
    await ann.patch(f"/v1/sources/{source['id']}", {"home_id": house["id"]})
    await keep(ann, source, 2, "delete")
    await run(settings.database_url)
    cut = datetime.fromisoformat((await ann.get(f"/v1/sources/{source['id']}/retention")).json()["deleted_until"])
    assert cut.strftime("%H:%M") == "18:15"
    assert (await readings(ann, source))[0]["timestamp"] == at(cut.replace(minute=0))
    series = (await ann.get(f"/v1/sources/{source['id']}/series", params={"bucket": "month"})).json()
    left = (until - cut.replace(minute=0)) / timedelta(minutes=5)
    assert sum(bucket["count"] for bucket in series["items"]) == left


ZONES = ["UTC", "Europe/Copenhagen", "Asia/Kathmandu", "Australia/Adelaide"]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("kind", ["gauge", "delta", "counter"])
async def test_a_series_answers_from_sums_as_it_did_from_readings(
    home: Household, settings: Settings, dba: asyncpg.Connection, zone: str, kind: str
) -> None:
    ann = await home.person("ann")
    house = await ann.home(timezone=zone)
    source = await ann.source(kind=kind, home_id=house["id"])
    # Full hours, hours with a few readings, and a hole; a meter that was swapped in the middle of an hour.
    await log(ann, source, minutes(OLD, 4000))
    await log(ann, source, minutes(OLD + timedelta(minutes=4000), 100, 17))
    await log(ann, source, minutes(OLD + timedelta(days=9, minutes=7), 2000, 3.5))
    await log(ann, source, minutes(NOW - timedelta(days=5), 200))
    if kind == "counter":
        swap = {"at": at(OLD + timedelta(hours=30, minutes=31)), "kind": "swap", "new_value": 5}
        await ann.made(f"/v1/sources/{source['id']}/meter-events", **swap)
    asked = [
        {"bucket": size, "tz": tz, **extent}
        for size in ("hour", "day", "week", "month", "year")
        for tz in ([zone] if size == "hour" else [zone, "UTC"])
        for extent in ({}, {"from": at(OLD + timedelta(hours=26)), "to": at(OLD + timedelta(days=11, hours=5))})
        if size != "hour" or zone in {"UTC", "Europe/Copenhagen"}
    ]
    path = f"/v1/sources/{source['id']}/series"
    before = [(await ann.get(path, params=query)).json() for query in asked]
    await keep(ann, source)
    done = await run(settings.database_url)
    assert done is not None
    assert done["expire_readings"] is not None
    assert done["expire_readings"] > 5000
    assert len(await readings(ann, source)) < 1500
    for rebuilt in (False, True):
        for query, was in zip(asked, before, strict=True):
            # Kathmandu's hours are cut by UTC's midnights, Adelaide's too: there a thinned hour counts where it begins.
            if query["tz"] == "UTC" and zone in {"Asia/Kathmandu", "Australia/Adelaide"}:
                continue
            if query["tz"] != "UTC" or zone in {"UTC", "Europe/Copenhagen"}:
                now = (await ann.get(path, params=query)).json()
                assert close(now, was), (query, rebuilt)
        if not rebuilt:
            await dba.execute("SELECT homelog.rebuild_hours($1)", UUID(source["id"]))


def close(now: Any, was: Any) -> bool:
    if isinstance(now, float) and isinstance(was, float):
        return now == pytest.approx(was, rel=1e-9, abs=1e-6)
    if isinstance(now, dict) and isinstance(was, dict):
        # What runs between two readings that are gone is a straight line now.
        return now.keys() == was.keys() and all(
            close(now[name], was[name]) for name in now if name not in {"estimated", "drops"}
        )
    if isinstance(now, list) and isinstance(was, list):
        return len(now) == len(was) and all(close(n, w) for n, w in zip(now, was, strict=True))
    return bool(now == was)


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Asia/Kathmandu", "Australia/Adelaide"])
async def test_days_hours_and_months_agree_where_a_later_midnight_cuts_a_thinned_hour(
    home: Household, settings: Settings, zone: str
) -> None:
    rnd = random.Random(zone)  # noqa: S311 - the same each time
    ann = await home.person("ann")
    source = await ann.source(kind="delta")
    rows: dict[datetime, float] = {}
    for hour in range(96):
        since = OLD.replace(hour=0) + timedelta(hours=hour)
        # In half of the hours the readings lie at one end.
        places = rnd.choice([range(60), range(60), range(25), range(40, 60)])
        rows |= {since + timedelta(minutes=n): rnd.randrange(100) for n in rnd.sample(places, rnd.choice([4, 12, 20]))}
    await log(ann, source, sorted(rows.items()))
    await keep(ann, source)
    await run(settings.database_url)
    house = await ann.home(timezone=zone)
    await ann.patch(f"/v1/sources/{source['id']}", {"home_id": house["id"]})
    await run(settings.database_url)

    expected: Counter[str] = Counter()
    for _, group in groupby(sorted(rows), key=lambda when: when.replace(minute=0)):
        times = list(group)
        for when in times:
            counts_at = times[0] if len(times) >= 10 and when != times[-1] else when
            midnight = counts_at.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0)
            expected[at(midnight.astimezone(UTC))] += int(rows[when])
    path = f"/v1/sources/{source['id']}/series"
    items = {size: (await ann.get(path, params={"bucket": size})).json()["items"] for size in ("hour", "day", "month")}
    assert {bucket["start"]: bucket["sum"] for bucket in items["day"]} == expected
    for buckets in items.values():
        assert sum(bucket["count"] for bucket in buckets) == len(rows)
        assert sum(bucket["sum"] for bucket in buckets) == sum(rows.values())


async def test_parts_of_hours_that_were_thinned_are_refused_and_auto_takes_hours(
    home: Household, settings: Settings
) -> None:
    ann = await home.person("ann")
    source = await ann.source(kind="delta")
    await log(ann, source, minutes(OLD, 600))
    await log(ann, source, minutes(NOW - timedelta(days=1), 600))
    await keep(ann, source)
    await run(settings.database_url)
    path = f"/v1/sources/{source['id']}/series"
    for size in ("5m", "15m"):
        response = await ann.get(path, params={"bucket": size, "to": at(OLD + timedelta(hours=5))})
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "?bucket"), response.text
        assert "only hours are kept" in response.json()["detail"]
        recent = await ann.get(path, params={"bucket": size, "from": at(NOW - timedelta(days=1))})
        assert recent.status_code == 200
    auto = await ann.get(path, params={"to": at(OLD + timedelta(hours=5))})
    assert auto.json()["bucket"] == "hour"
    # A range that begins within such an hour: what of it is known lies there.
    cut = {"bucket": "hour", "from": at(OLD + timedelta(minutes=90)), "to": at(OLD + timedelta(hours=5))}
    buckets = (await ann.get(path, params=cut)).json()["items"]
    assert [bucket["count"] for bucket in buckets] == [1, 60, 60, 60]


# What is written later


async def test_before_the_horizon_nothing_is_written(
    home: Household, settings: Settings, dba: asyncpg.Connection
) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    await log(ann, source, minutes(OLD, 120))
    await keep(ann, source)
    await run(settings.database_url)
    path = f"/v1/sources/{source['id']}/readings"
    kept = (await readings(ann, source))[0]
    hours = await dba.fetch("SELECT * FROM reading_hours")

    late = {"timestamp": at(OLD - timedelta(minutes=1)), "value": 1}
    between = {"timestamp": at(OLD + timedelta(minutes=1, seconds=30)), "value": 1}
    assert (await ann.post(path, between)).status_code == 422
    single = await ann.post(path, late)
    assert (single.status_code, single.json()["errors"][0]["pointer"]) == (422, "/timestamp"), single.text
    assert "retention" in single.json()["detail"]
    good = {"timestamp": at(NOW - timedelta(days=1)), "value": 1}
    atomic = await ann.post(path, [late, good])
    assert (atomic.status_code, atomic.json()["created"]) == (422, 0), atomic.text
    partial = await ann.post(path, [late, good], params={"mode": "partial"})
    assert (partial.status_code, partial.json()["created"], partial.json()["rejected"]) == (200, 1, 1)
    (refused,) = partial.json()["results"]
    assert (refused["index"], refused["status"], refused["rule"]) == (0, "rejected", "retention")
    assert refused["pointer"] == "/timestamp"
    # What was stored may come again: its answer was lost.
    again = {"timestamp": kept["timestamp"], "value": kept["value"]}
    assert (await ann.post(path, again)).status_code == 200
    assert (await ann.post(path, [again])).json()["duplicates"] == 1
    assert (await ann.post(path, [again], params={"on_conflict": "replace"})).json()["rejected"] == 0
    changed = {**again, "value": 7}
    assert (await ann.post(path, [changed], params={"on_conflict": "replace"})).status_code == 422
    assert (await ann.post(path, changed, params={"on_conflict": "replace"})).status_code == 422
    assert (await ann.patch(f"{path}/{kept['id']}", {"value": 7})).status_code == 422
    assert (await ann.patch(f"{path}/{kept['id']}", {"notes": "the first"})).status_code == 200
    assert (await ann.delete(f"{path}/{kept['id']}")).status_code == 422
    for sql in (
        "UPDATE readings SET quality_flag = 'bad' WHERE id = $1",
        "DELETE FROM readings WHERE id = $1",
        "UPDATE readings SET timestamp = timestamp - interval '1 s' WHERE id = $1",
    ):
        with pytest.raises(asyncpg.CheckViolationError, match="retention"):
            await dba.execute(sql, UUID(kept["id"]))
    await dba.execute("SELECT homelog.rebuild_hours($1)", UUID(source["id"]))
    assert await dba.fetch("SELECT * FROM reading_hours") == hours
    assert (await ann.delete(f"/v1/sources/{source['id']}")).status_code == 204
    assert await dba.fetchval("SELECT count(*) FROM readings") == 0


async def test_a_meter_event_before_the_horizon_is_refused_and_stays(
    home: Household, settings: Settings, dba: asyncpg.Connection
) -> None:
    ann = await home.person("ann")
    source = await ann.source(kind="counter")
    await log(ann, source, [(OLD + timedelta(minutes=n), 1000 + n if n < 200 else n) for n in range(300)])
    path = f"/v1/sources/{source['id']}/meter-events"
    event = {"at": at(OLD + timedelta(minutes=30)), "kind": "swap", "old_value": 1030, "new_value": 1030}
    stored = await ann.made(path, **event)
    assert len((await ann.get(f"{path}/suggested")).json()["items"]) == 1
    await keep(ann, source)
    await run(settings.database_url)
    series = (await ann.get(f"/v1/sources/{source['id']}/series", params={"bucket": "day"})).json()

    late = await ann.post(path, {"at": at(OLD + timedelta(minutes=149, seconds=30)), "kind": "swap"})
    assert (late.status_code, late.json()["errors"][0]["pointer"]) == (422, "/at"), late.text
    assert "retention" in late.json()["detail"]
    assert (await ann.delete(f"{path}/{stored['id']}")).status_code == 422
    with pytest.raises(asyncpg.CheckViolationError, match="retention"):
        await dba.execute("UPDATE meter_events SET at = now()")
    # What was noted already may come again; what would be refused is not suggested.
    assert (await ann.post(path, event)).status_code == 200
    assert (await ann.get(f"{path}/suggested")).json()["items"] == []
    assert (await ann.get(f"/v1/sources/{source['id']}/series", params={"bucket": "day"})).json() == series
    recent = await ann.made(path, at=at(NOW - timedelta(days=1)), kind="swap")
    assert (await ann.delete(f"{path}/{recent['id']}")).status_code == 204
    assert (await ann.delete(f"/v1/sources/{source['id']}")).status_code == 204


async def test_partial_stores_what_it_can_beside_another_quality_of_a_reading_that_was_kept(
    home: Household, settings: Settings
) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    await log(ann, source, minutes(OLD, 120))
    await keep(ann, source)
    await run(settings.database_url)
    kept = (await readings(ann, source))[0]
    rows = [
        {"timestamp": kept["timestamp"], "value": kept["value"], "quality_flag": "questionable"},
        {"timestamp": at(NOW - timedelta(days=1)), "value": 3},
    ]
    query = {"mode": "partial", "on_conflict": "replace"}
    response = await ann.post(f"/v1/sources/{source['id']}/readings", rows, params=query)
    assert (response.status_code, response.json()["created"]) == (200, 1), response.text
    assert [(row["index"], row["status"], row["rule"]) for row in response.json()["results"]] == [
        (0, "rejected", "retention")
    ]


async def test_what_was_thinned_may_be_sent_again_and_counts_once(home: Household, settings: Settings) -> None:
    ann = await home.person("ann")
    source = await ann.source(kind="delta")
    rows = minutes(OLD, 120)
    await log(ann, source, rows)
    await keep(ann, source)
    await run(settings.database_url)
    path = f"/v1/sources/{source['id']}"
    again = await log(ann, source, [*rows, (NOW - timedelta(days=1), 1)])
    assert (again["created"], again["duplicates"], again["rejected"]) == (1, 120, 0)
    assert [row["rule"] for row in again["results"]].count("retention") == 116
    assert "thinned" in again["results"][1]["detail"]
    buckets = (await ann.get(f"{path}/series", params={"bucket": "year"})).json()["items"]
    assert sum(bucket["sum"] for bucket in buckets) == sum(value for _, value in rows) + 1
    # One that is to take the place of what nobody knows any more would be lost.
    body = [{"timestamp": at(rows[5][0]), "value": 7}]
    replace = await ann.post(f"{path}/readings", body, params={"on_conflict": "replace"})
    assert (replace.status_code, replace.json()["rejected"]) == (422, 1)


async def test_what_no_sum_of_a_thinned_hour_can_have_is_rejected(home: Household, settings: Settings) -> None:
    ann = await home.person("ann")
    source = await ann.source(kind="delta")
    await log(ann, source, [(OLD + timedelta(minutes=5 * n), 1 + n) for n in range(12)])
    await keep(ann, source)
    await run(settings.database_url)
    path = f"/v1/sources/{source['id']}/readings"
    values = [(0.5, "good"), (1, "good"), (6.5, "questionable"), (12, "good"), (12.5, "questionable"), (99, "bad")]
    rows = [
        {"timestamp": at(OLD + timedelta(minutes=7, seconds=n)), "value": value, "quality_flag": quality}
        for n, (value, quality) in enumerate(values)
    ]
    answer = await ann.post(path, rows, params={"mode": "partial"})
    assert (answer.status_code, answer.json()["created"]) == (200, 0), answer.text
    assert [(row["status"], row["rule"]) for row in answer.json()["results"]] == [
        (status, "retention") for status in ("rejected", "duplicate", "duplicate", "duplicate", "rejected", "duplicate")
    ]
    assert "retention" in answer.json()["results"][0]["detail"]
    assert (await ann.post(path, rows)).status_code == 422


@pytest.mark.parametrize("meanwhile", ["thinned", "ruled"])
async def test_a_batch_that_waits_for_its_turn_is_judged_by_what_was_made_meanwhile(
    home: Household, dba: asyncpg.Connection, meanwhile: str
) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    await log(ann, source, minutes(OLD, 120))
    await keep(ann, source)
    wrong = {"timestamp": at(OLD - timedelta(minutes=1)), "value": 9}
    good = {"timestamp": at(NOW - timedelta(days=1)), "value": 3}
    waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
    async with dba.transaction():
        await dba.execute("SELECT homelog.take_turns(ARRAY[$1::uuid])", UUID(source["id"]))
        posted = asyncio.create_task(
            ann.post(f"/v1/sources/{source['id']}/readings", [wrong, good], params={"mode": "partial"})
        )
        while not posted.done() and not await dba.fetchval(waits):  # noqa: ASYNC110 - nobody tells it
            await asyncio.sleep(0.01)
        assert not posted.done(), posted.result().text
        if meanwhile == "thinned":
            assert await dba.fetch("SELECT * FROM homelog.expire_readings(10000)")
        else:
            await dba.execute(
                "INSERT INTO data_validators (source_id, max_value, action) VALUES ($1, 5, 'reject')",
                UUID(source["id"]),
            )
    answer = await posted
    assert (answer.status_code, answer.json().get("created")) == (200, 1), answer.text
    rule = {"thinned": "retention", "ruled": "max_value"}[meanwhile]
    assert [(row["index"], row["status"], row["rule"]) for row in answer.json()["results"]] == [(0, "rejected", rule)]


async def test_rules_look_at_what_thinning_has_left(home: Household, settings: Settings) -> None:
    ann = await home.person("ann")
    source = await ann.source(kind="counter")
    await log(ann, source, [(OLD + timedelta(minutes=n), 100 + n) for n in range(120)])
    await ann.made(f"/v1/sources/{source['id']}/validators", non_decreasing=True)
    await keep(ann, source)
    await run(settings.database_url)
    path = f"/v1/sources/{source['id']}/readings"
    assert (await ann.post(path, {"timestamp": at(NOW), "value": 218})).status_code == 422
    assert (await ann.post(path, {"timestamp": at(NOW), "value": 219})).status_code == 201


async def test_what_was_deleted_may_be_logged_again_once_nothing_deletes_it(
    home: Household, settings: Settings, dba: asyncpg.Connection
) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    path = f"/v1/sources/{source['id']}/readings"
    reading = {"timestamp": at(OLD), "value": 1}
    await keep(ann, source, 1, "delete")
    await run(settings.database_url)
    assert (await ann.post(path, reading)).status_code == 422
    await keep(ann, source, 6, "delete")
    await run(settings.database_url)
    assert (await ann.post(path, reading)).status_code == 201
    await keep(ann, source, 1, "delete")
    await run(settings.database_url)
    assert await readings(ann, source) == []
    await ann.delete(f"/v1/sources/{source['id']}/retention")
    assert (await ann.post(path, reading)).status_code == 201
    assert await dba.fetchval("SELECT count(*) FROM reading_horizons") == 0


async def test_what_was_thinned_stays_so_and_can_be_deleted_later(
    home: Household, settings: Settings, dba: asyncpg.Connection
) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    await log(ann, source, minutes(OLD, 300))
    await keep(ann, source)
    await run(settings.database_url)
    await ann.delete(f"/v1/sources/{source['id']}/retention")
    late = {"timestamp": at(OLD + timedelta(seconds=1)), "value": 1}
    assert (await ann.post(f"/v1/sources/{source['id']}/readings", late)).status_code == 422
    assert await dba.fetchval("SELECT count(*) FROM reading_hours WHERE is_thinned") == 5
    await keep(ann, source, 1, "delete")
    await run(settings.database_url)
    assert await readings(ann, source) == []
    assert await dba.fetchval("SELECT (SELECT count(*) FROM reading_hours) + (SELECT count(*) FROM reading_days)") == 0


async def test_an_export_says_it_again_elsewhere(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    await keep(ann, source, 18, "delete")
    export = (await ann.get("/v1/me/export")).text
    assert f'"call":"PUT /v1/sources/{source["id"]}/retention"' in export.replace('": "', '":"')
