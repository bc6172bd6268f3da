"""Ten thousand plants: the lists by status and by due day are what plain Python makes of the same rows."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from tests.people import Household, Person
from tests.watering import Pot

PLANTS = 10_000
ZONES = ["Pacific/Kiritimati", "Pacific/Niue", "Pacific/Apia", "Europe/Copenhagen", "America/New_York"]

FILL = """
SELECT setseed(0.5);
SET session_replication_role = replica;
INSERT INTO plants (
    id, user_id, name, kind, home_id, status, every, last_water, season_factor, season_from, season_to, snoozed_until,
    moisture_source_id, moisture_at, dry_since, created_at
)
SELECT
    gen_random_uuid(), $1, 'Plant', 'fig',
    CASE WHEN random() < 0.8 THEN ($2::uuid[])[random(1, cardinality($2::uuid[]))] END,
    (enum_range(NULL::plantstatus))[random(1, 5)], random(1, 20),
    CASE WHEN random() < 0.9 THEN now() - random() * interval '25 days' END,
    CASE WHEN season THEN (random(1, 100) / 10.0)::double precision END,
    CASE WHEN season THEN random(1, 12) END, CASE WHEN season THEN random(1, 12) END,
    CASE WHEN random() < 0.2 THEN current_date + random(-6, 6) END,
    CASE WHEN sensor THEN gen_random_uuid() END,
    CASE WHEN sensor AND random() < 0.9 THEN now() - random() * interval '40 hours' END,
    CASE WHEN sensor AND random() < 0.5 THEN now() - random() * interval '9 days' END,
    -- Many at once, so that the id decides.
    now() - random(1, 100) * interval '1 hour'
FROM (SELECT random() < 0.3 AS season, random() < 0.3 AS sensor FROM generate_series(1, $3::integer) AS n) AS drawn;
RESET session_replication_role;
"""
COLUMNS = ", ".join(Pot.__dataclass_fields__)


@pytest.fixture
async def many(home: Household, dba: asyncpg.Connection) -> tuple[Person, list[asyncpg.Record]]:
    """Ann, and the rows of her plants with the zones they stand in."""
    ann = await home.person("ann")
    homes = [UUID((await ann.home(timezone=zone))["id"]) for zone in ZONES]
    first, replica, insert, reset = (each.strip() for each in FILL.strip().removesuffix(";").split(";\n"))
    await dba.execute(first)
    await dba.execute(replica)
    await dba.execute(insert, UUID(ann.id), homes, PLANTS)
    await dba.execute(reset)
    rows = await dba.fetch(
        f"SELECT p.id, p.created_at, coalesce(h.timezone, 'UTC') AS zone, {COLUMNS}"  # noqa: S608 - names of columns
        " FROM (SELECT p.id, p.created_at, p.home_id, p.user_id, "
        f"{COLUMNS} FROM plants AS p) AS p LEFT JOIN homes AS h ON h.id = p.home_id"
    )
    return ann, rows


def pot_of(row: asyncpg.Record) -> Pot:
    return Pot(**{name: row[name] for name in Pot.__dataclass_fields__})


def today() -> list[date]:
    return [datetime.now(ZoneInfo(zone)).date() for zone in [*ZONES, "UTC"]]


async def pages(ann: Person, path: str) -> list[Any]:
    """Every item of a list, page by page."""
    items: list[Any] = []
    cursor = ""
    while True:
        response = await ann.get(f"{path}&limit=1000{cursor}")
        assert response.status_code == 200, response.text
        page = response.json()
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = f"&cursor={page['next_cursor']}"


async def test_the_lists_of_ten_thousand_plants_are_what_plain_python_says(
    many: tuple[Person, list[asyncpg.Record]],
) -> None:
    ann, rows = many
    assert len(rows) == PLANTS
    # Between two midnights of these zones; should one come in between, once more.
    for _ in range(2):
        days, at = today(), datetime.now(UTC)
        due = {n: [each["id"] for each in await pages(ann, f"/v1/plants/due?within_days={n}")] for n in (0, 2, 9)}
        statuses = ("dry", "soon", "thriving", "watered", "resting", "unknown")
        listed = {each: await pages(ann, f"/v1/plants?status={each}") for each in statuses}
        if today() == days:
            break

    shown = {row["id"]: pot_of(row).shown(row["zone"], at) for row in rows}
    for status, items in listed.items():
        wanted = sorted((id_ for id_, (said, _, _) in shown.items() if said == status), key=lambda id_: id_.int)
        assert wanted
        assert [each["id"] for each in items] == [str(id_) for id_ in wanted]
        for each in items:
            _, day, sensor = shown[UUID(each["id"])]
            assert (each["due_on"], each["sensor"]) == (None if day is None else day.isoformat(), sensor)

    for within, ids in due.items():
        asked = [row for row in rows if pot_of(row).is_due(row["zone"], at, within)]
        asked.sort(key=lambda row: (shown[row["id"]][1] or date.min, row["created_at"], row["id"].int))
        assert ids == [str(row["id"]) for row in asked]
        assert 100 < len(ids) < PLANTS
