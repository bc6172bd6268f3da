"""Plants with a sensor in their pot: what its readings move, and who learns what."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from tests.people import Household, Person

UNKNOWN = "01900000-0000-7000-8000-000000000000"


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).replace(microsecond=0).strftime("%Y-%m-%dT%H:%M:%SZ")


class Pot:
    """Ann's fern with a sensor, whose readings come one minute after the other."""

    def __init__(self, ann: Person, plant: Any, source: Any) -> None:
        self.ann, self.plant, self.source = ann, plant, source
        self.minutes = 600

    async def reads(self, *values: float, **fields: Any) -> list[Any]:
        """Log values, in one batch if there are several; the plant after that."""
        rows = []
        for value in values:
            self.minutes -= 1
            rows.append({"value": value, "timestamp": ago(minutes=self.minutes), **fields})
        response = await self.ann.post(f"/v1/sources/{self.source['id']}/readings", rows if len(rows) > 1 else rows[0])
        assert response.status_code in {200, 201}, response.text
        return await self.shown()

    async def shown(self) -> list[Any]:
        told = (await self.ann.get(f"/v1/plants/{self.plant['id']}")).json()
        return [told["moisture"], told["status"], told["sensor"]]


async def pot_of(home: Household, unit: str = "%", **fields: Any) -> Pot:
    ann = await home.person("ann")
    source = await ann.source(name="Soil", source_type="moisture", unit=unit)
    plant = await ann.plant(moisture_source_id=source["id"], last_water=ago(days=3), **fields)
    return Pot(ann, plant, source)


async def test_a_sensor_without_a_reading_is_unknown_and_so_is_the_plant(home: Household) -> None:
    pot = await pot_of(home)
    assert await pot.shown() == [0.5, "unknown", "unknown"]
    assert [each["id"] for each in (await pot.ann.get("/v1/plants?status=unknown")).json()["items"]] == [
        pot.plant["id"]
    ]


@pytest.mark.parametrize("unit", ["%", "1"])
async def test_a_plant_turns_dry_below_its_limit_and_is_dry_until_five_percent_above(
    home: Household, unit: str
) -> None:
    pot = await pot_of(home, unit, dry_below=0.1)
    part = 100 if unit == "%" else 1
    for value, status in (
        (0.5, "thriving"), (0.12, "thriving"), (0.1, "thriving"), (0.0999, "dry"), (0.1, "dry"), (0.1499, "dry"),
        (0.15, "thriving"), (0.1, "thriving"), (0.05, "dry"), (0.9, "thriving"),
    ):  # fmt: skip
        assert await pot.reads(value * part) == [pytest.approx(value), status, "fresh"], value


async def test_a_batch_moves_a_plant_as_its_readings_one_by_one_do(home: Household) -> None:
    pot = await pot_of(home)
    assert await pot.reads(60, 19, 22) == [0.22, "dry", "fresh"]
    assert await pot.reads(24, 25, 21) == [0.21, "thriving", "fresh"]
    assert await pot.reads(10, 90) == [0.9, "thriving", "fresh"]


async def test_what_is_no_share_or_bad_says_nothing(home: Household) -> None:
    pot = await pot_of(home)
    assert await pot.reads(140) == [0.5, "unknown", "unknown"]
    assert await pot.reads(100) == [1, "thriving", "fresh"]
    for fault in (100.5, -3, -1e-9, 1e300):
        assert await pot.reads(fault) == [1, "thriving", "fresh"]
    assert await pot.reads(5, quality_flag="bad") == [1, "thriving", "fresh"]
    assert await pot.reads(7, quality_flag="questionable") == [0.07, "dry", "fresh"]
    # It neither ends nor begins that the soil is dry, in a batch either.
    assert await pot.reads(140, 22) == [0.22, "dry", "fresh"]
    assert await pot.reads(60, -3, 50) == [0.5, "thriving", "fresh"]


UNITS = {
    **dict.fromkeys(["%", "percent", "pct", "Percent", "% VWC", "%VWC"], 0.15),
    **dict.fromkeys(["1", "fraction"], None),
}


@pytest.mark.parametrize("unit", UNITS)
async def test_a_sensor_says_a_share_in_one_of_these_units(home: Household, unit: str) -> None:
    pot = await pot_of(home, unit)
    assert (await pot.reads(15))[0] == (UNITS[unit] or 0.5)
    assert (await pot.reads(0.5))[0] == (0.005 if UNITS[unit] else 0.5)


@pytest.mark.parametrize("unit", ["°C", "kWh", "‰", "100%", "ppm", "percentage", "V", "0.1", "11"])
async def test_a_unit_that_is_no_share_is_refused_in_words_that_say_which_are(home: Household, unit: str) -> None:
    ann = await home.person("ann")
    source, plant = await ann.source(unit=unit), await ann.plant()
    for response in (
        await ann.patch(f"/v1/plants/{plant['id']}", {"moisture_source_id": source["id"]}),
        await ann.post("/v1/plants", {"name": "x", "kind": "fig", "moisture_source_id": source["id"]}),
    ):
        assert response.status_code == 422
        detail = "Moisture is a share: the unit of its source is %, percent or pct, or 1 or fraction for 0 to 1."
        assert response.json()["errors"] == [{"pointer": "/moisture_source_id", "detail": detail}]


async def test_a_source_that_changes_what_it_says_is_read_anew_or_followed_no_more(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    source = await ann.source(unit="%")
    await ann.grant(source, ben)
    path = f"/v1/sources/{source['id']}"
    plants = [(who, f"/v1/plants/{(await who.plant(moisture_source_id=source['id']))['id']}") for who in (ann, ben)]
    await ann.post(f"{path}/readings", {"value": 0.4})

    async def shown() -> list[Any]:
        told = [(await who.get(plant)).json() for who, plant in plants]
        return [[each["moisture"], each["sensor"], each["moisture_source_id"]] for each in told]

    for change, said in (
        ({"unit": "percent"}, [0.004, "fresh", source["id"]]),
        ({"unit": "1"}, [0.4, "fresh", source["id"]]),
        ({"name": "Pot"}, [0.4, "fresh", source["id"]]),
        ({"unit": "°C"}, [0.4, None, None]),
    ):
        assert (await ann.patch(path, change)).status_code == 200
        assert await shown() == [said, said], change
    await ann.patch(path, {"unit": "%"})
    for who, plant in plants:
        assert (await who.patch(plant, {"moisture_source_id": source["id"]})).status_code == 200
    assert (await ann.patch(path, {"kind": "counter"})).status_code == 200
    assert [each[1:] for each in await shown()] == [[None, None]] * 2


async def test_a_correction_and_a_deletion_move_it_too(home: Household, dba: asyncpg.Connection) -> None:
    pot = await pot_of(home)
    await pot.reads(60)
    assert await pot.reads(5) == [0.05, "dry", "fresh"]
    path = f"/v1/sources/{pot.source['id']}/readings"
    (newest,) = (await pot.ann.get(f"{path}?limit=1")).json()["items"]
    assert (await pot.ann.patch(f"{path}/{newest['id']}", {"value": 55})).status_code == 200
    assert await pot.shown() == [0.55, "thriving", "fresh"]
    assert (await pot.ann.patch(f"{path}/{newest['id']}", {"value": 5})).status_code == 200
    assert (await pot.shown())[1] == "dry"
    assert (await pot.ann.patch(f"{path}/{newest['id']}", {"quality_flag": "bad"})).status_code == 200
    assert await pot.shown() == [0.6, "thriving", "fresh"]
    assert (await pot.ann.delete(f"{path}/{newest['id']}")).status_code == 204
    assert await pot.shown() == [0.6, "thriving", "fresh"]
    # An older reading that comes late says nothing of now.
    response = await pot.ann.post(path, {"value": 1, "timestamp": ago(days=2)})
    assert response.status_code == 201
    assert await pot.shown() == [0.6, "thriving", "fresh"]


@pytest.mark.parametrize(
    ("change", "then"),
    [
        ({"quality_flag": "bad"}, "thriving"),
        ({"value": 21}, "thriving"),
        ({"value": 140}, "thriving"),
        (None, "thriving"),
        ({"value": 19}, "dry"),
    ],
)
async def test_a_reading_that_is_dry_no_more_keeps_no_plant_dry(
    home: Household, change: dict[str, Any] | None, then: str
) -> None:
    """Between the two limits a plant stays as it was; the next reading asks what that rests on."""
    pot = await pot_of(home)
    assert await pot.reads(60, 5) == [0.05, "dry", "fresh"]
    assert await pot.reads(22) == [0.22, "dry", "fresh"]
    path = f"/v1/sources/{pot.source['id']}/readings"
    dry = (await pot.ann.get(path)).json()["items"][1]
    if change is None:
        assert (await pot.ann.delete(f"{path}/{dry['id']}")).status_code == 204
    else:
        assert (await pot.ann.patch(f"{path}/{dry['id']}", change)).status_code == 200
    assert await pot.shown() == [0.22, "dry", "fresh"]
    assert await pot.reads(23) == [0.23, then, "fresh"]
    assert await pot.reads(22) == [0.22, then, "fresh"]


async def test_a_wet_reading_that_comes_late_moves_nothing(home: Household) -> None:
    pot = await pot_of(home)
    await pot.reads(5)
    late = ago(minutes=pot.minutes - 1)
    pot.minutes -= 2
    assert await pot.reads(22) == [0.22, "dry", "fresh"]
    await pot.ann.made(f"/v1/sources/{pot.source['id']}/readings", value=90, timestamp=late)
    assert await pot.shown() == [0.22, "dry", "fresh"]
    assert await pot.reads(22) == [0.22, "dry", "fresh"]


async def test_a_sensor_whose_readings_are_all_gone_is_unknown(home: Household) -> None:
    pot = await pot_of(home)
    await pot.reads(60)
    path = f"/v1/sources/{pot.source['id']}/readings"
    (only,) = (await pot.ann.get(path)).json()["items"]
    assert (await pot.ann.delete(f"{path}/{only['id']}")).status_code == 204
    assert (await pot.shown())[1:] == ["unknown", "unknown"]


async def test_a_silent_sensor_is_unknown_after_its_hours(home: Household, dba: asyncpg.Connection) -> None:
    pot = await pot_of(home, stale_after_hours=24)
    await pot.reads(60)
    ask = (
        "SELECT s.status::text, s.sensor::text FROM plants AS p"
        " CROSS JOIN LATERAL homelog.shown_plant(p, NULL, p.moisture_at + $1) AS s"
    )
    hours, moment = timedelta(hours=24), timedelta(microseconds=1)
    for later, shown in (
        (hours - moment, ("thriving", "fresh")),
        (hours, ("unknown", "unknown")),
        # By then it is due, whether or not its sensor says so.
        (timedelta(days=5), ("dry", "unknown")),
    ):
        assert [tuple(row) for row in await dba.fetch(ask, later)] == [shown]


async def test_watering_closes_what_the_sensor_opened_until_it_says_otherwise(home: Household) -> None:
    pot = await pot_of(home)
    await pot.reads(60)
    assert (await pot.reads(5))[1] == "dry"
    due = (await pot.ann.get("/v1/plants/due?within_days=0")).json()["items"]
    assert [each["id"] for each in due] == [pot.plant["id"]]
    told = (await pot.ann.post(f"/v1/plants/{pot.plant['id']}/water")).json()
    assert [told["moisture"], told["status"], told["due_on"]] == [1, "watered", None]
    assert (await pot.ann.get("/v1/plants/due?within_days=0")).json()["items"] == []


async def test_what_its_sensor_finds_wet_is_not_due_however_long_ago_it_was_watered(home: Household) -> None:
    pot = await pot_of(home)
    await pot.ann.patch(f"/v1/plants/{pot.plant['id']}", {"last_water": ago(days=40)})
    assert len((await pot.ann.get("/v1/plants/due")).json()["items"]) == 1
    assert (await pot.reads(60))[1] == "thriving"
    assert (await pot.ann.get("/v1/plants/due")).json()["items"] == []


async def test_a_reading_makes_no_edit_stale_and_leaves_no_audit_of_the_plant(
    home: Household, dba: asyncpg.Connection
) -> None:
    pot = await pot_of(home)
    before = await pot.ann.get(f"/v1/plants/{pot.plant['id']}")
    count = "SELECT count(*) FROM audit_logs WHERE event_type = 'update_plant'"
    told = await dba.fetchval(count)
    await pot.reads(60)
    after = await pot.ann.get(f"/v1/plants/{pot.plant['id']}")
    assert after.headers["etag"] != before.headers["etag"]
    assert after.json()["updated_at"] == before.json()["updated_at"]
    assert await dba.fetchval(count) == told
    changed = await pot.ann.patch(
        f"/v1/plants/{pot.plant['id']}", {"note": "x"}, headers={"If-Match": before.headers["etag"]}
    )
    assert changed.status_code == 200
    assert changed.json()["updated_at"] != before.json()["updated_at"]
    assert await dba.fetchval(count) == told + 1


async def test_sending_a_plant_again_is_the_same_plant_whatever_its_sensor_said(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source(unit="%")
    body = {"id": UNKNOWN, "name": "Fern", "kind": "fig", "moisture_source_id": source["id"]}
    assert (await ann.post("/v1/plants", body)).status_code == 201
    await ann.post(f"/v1/sources/{source['id']}/readings", {"value": 30})
    again = await ann.post("/v1/plants", body)
    assert (again.status_code, again.json()["moisture"]) == (200, 0.3)
    assert (await ann.post("/v1/plants", {**body, "dry_below": 0.3})).status_code == 409


async def test_a_new_limit_or_sensor_judges_what_was_read_before(home: Household) -> None:
    pot = await pot_of(home)
    await pot.reads(60, 30)
    plant = f"/v1/plants/{pot.plant['id']}"
    assert (await pot.ann.patch(plant, {"dry_below": 0.31})).json()["status"] == "dry"
    assert (await pot.ann.patch(plant, {"dry_below": 0.2})).json()["status"] == "thriving"
    other = await pot.ann.source(unit="1")
    told = (await pot.ann.patch(plant, {"moisture_source_id": other["id"]})).json()
    assert [told["moisture"], told["sensor"], told["moisture_at"]] == [0.3, "unknown", None]
    await pot.ann.post(f"/v1/sources/{other['id']}/readings", {"value": 0.1})
    assert await pot.shown() == [0.1, "dry", "fresh"]
    told = (await pot.ann.patch(plant, {"moisture_source_id": None})).json()
    assert [told["moisture"], told["sensor"], told["moisture_at"], told["status"]] == [0.1, None, None, "thriving"]


async def test_only_a_source_that_one_may_read_is_named(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    hidden, granted = await ann.source(), await ann.source(unit="%")
    await ann.grant(granted, ben)
    plant = await ben.plant()
    answers = []
    for source_id in (hidden["id"], UNKNOWN):
        for response in (
            await ben.patch(f"/v1/plants/{plant['id']}", {"moisture_source_id": source_id}),
            await ben.post("/v1/plants", {"name": "x", "kind": "fig", "moisture_source_id": source_id}),
        ):
            assert response.status_code == 422
            answers.append(response.json()["errors"])
    detail = "There is no such source that was granted to you or stands in a home of yours."
    assert answers == [[{"pointer": "/moisture_source_id", "detail": detail}]] * 4
    assert (await ben.patch(f"/v1/plants/{plant['id']}", {"moisture_source_id": granted["id"]})).status_code == 200


async def test_a_source_that_is_merely_public_is_no_sensor(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    public = await ann.source(unit="%", is_public=True)
    plant = await ben.plant()
    assert (await ben.get(f"/v1/sources/{public['id']}")).status_code == 200
    refused = await ben.patch(f"/v1/plants/{plant['id']}", {"moisture_source_id": public["id"]})
    detail = "There is no such source that was granted to you or stands in a home of yours."
    assert (refused.status_code, refused.json()["errors"][0]["detail"]) == (422, detail)
    await ann.grant(public, ben)
    assert (await ben.patch(f"/v1/plants/{plant['id']}", {"moisture_source_id": public["id"]})).status_code == 200


async def test_a_source_is_the_sensor_of_a_hundred_plants_at_most_even_of_those_made_at_once(
    home: Household, dba: asyncpg.Connection
) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    source = await ann.source(unit="%")
    await ann.grant(source, ben)
    many = "INSERT INTO plants (user_id, name, kind, moisture_source_id) SELECT $1, 'x', 'fig', $2"
    await dba.execute(f"{many} FROM generate_series(1, 98)", ben.id, source["id"])
    plant = {"name": "Fern", "kind": "fig", "moisture_source_id": source["id"]}
    answers = await asyncio.gather(*[ann.post("/v1/plants", plant) for _ in range(6)])
    assert sorted(each.status_code for each in answers) == [201] * 2 + [422] * 4
    detail = "A source is the sensor of at most 100 plants."
    refused = await ann.patch(f"/v1/plants/{(await ann.plant())['id']}", {"moisture_source_id": source["id"]})
    assert refused.json()["errors"] == [{"pointer": "/moisture_source_id", "detail": detail}]
    # Those of somebody who lost the source take no room in it.
    assert (await ann.delete(f"/v1/sources/{source['id']}/access/{ben.id}")).status_code == 204
    assert (await ann.post("/v1/plants", plant)).status_code == 201


async def test_a_plants_reader_sees_its_moisture_and_not_the_readings(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    house = await ann.home()
    source = await ann.source(unit="%")
    plant = await ann.plant(home_id=house["id"], moisture_source_id=source["id"])
    invited = await ann.post(f"/v1/homes/{house['id']}/members", {"email": ben.email, "access_level": "read"})
    assert invited.status_code == 201
    await ann.post(f"/v1/sources/{source['id']}/readings", {"value": 30})
    told = (await ben.get(f"/v1/plants/{plant['id']}")).json()
    assert [told["moisture"], told["sensor"]] == [0.3, "fresh"]
    assert (await ben.get(f"/v1/sources/{source['id']}/readings")).status_code == 404


async def test_a_source_that_was_taken_away_moves_the_plant_no_more(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    source = await ann.source(unit="%")
    await ann.grant(source, ben)
    plant = await ben.plant(moisture_source_id=source["id"])
    path = f"/v1/sources/{source['id']}/readings"
    await ann.post(path, {"value": 30, "timestamp": ago(minutes=9)})
    assert (await ben.get(f"/v1/plants/{plant['id']}")).json()["moisture"] == 0.3
    assert (await ann.delete(f"/v1/sources/{source['id']}/access/{ben.id}")).status_code == 204
    await ann.post(path, {"value": 80, "timestamp": ago(minutes=8)})
    assert (await ben.get(f"/v1/plants/{plant['id']}")).json()["moisture"] == 0.3


async def test_a_plant_outlives_its_sensor(home: Household) -> None:
    pot = await pot_of(home)
    await pot.reads(10)
    assert (await pot.ann.delete(f"/v1/sources/{pot.source['id']}")).status_code == 204
    told = (await pot.ann.get(f"/v1/plants/{pot.plant['id']}")).json()
    assert [told["moisture_source_id"], told["sensor"], told["moisture_at"]] == [None, None, None]
    assert [told["moisture"], told["status"]] == [0.1, "thriving"]


async def test_watering_ends_a_snooze(home: Household) -> None:
    ann = await home.person("ann")
    plant = await ann.plant(last_water=ago(days=9))
    path = f"/v1/plants/{plant['id']}"
    tomorrow = (datetime.now(UTC) + timedelta(1)).date().isoformat()
    told = (await ann.patch(path, {"snoozed_until": tomorrow})).json()
    assert [told["status"], told["due_on"], told["snoozed_until"]] == ["soon", tomorrow, tomorrow]
    assert (await ann.get("/v1/plants/due?within_days=0")).json()["items"] == []
    # A watering that is told late, and is not the latest, changes nothing.
    await ann.post(f"{path}/water", {"at": ago(days=20)})
    assert (await ann.get(path)).json()["snoozed_until"] == tomorrow
    told = (await ann.post(f"{path}/water")).json()
    assert [told["status"], told["snoozed_until"]] == ["watered", None]
    told = (await ann.patch(path, {"last_water": ago(minutes=0), "snoozed_until": tomorrow})).json()
    assert told["snoozed_until"] == tomorrow


async def test_undoing_a_watering_puts_the_plant_off_again(home: Household) -> None:
    ann = await home.person("ann")
    plant = await ann.plant(last_water=ago(days=9))
    path = f"/v1/plants/{plant['id']}"
    tomorrow = (datetime.now(UTC) + timedelta(1)).date().isoformat()
    await ann.patch(path, {"snoozed_until": tomorrow})
    first = await ann.made(f"{path}/care-events", kind="water", at=ago(hours=2))
    second = await ann.made(f"{path}/care-events", kind="water", at=ago(hours=1))
    late = await ann.made(f"{path}/care-events", kind="water", at=ago(days=20))
    for care, put_off in ((first, None), (late, None), (second, tomorrow)):
        assert (await ann.get(path)).json()["snoozed_until"] is None
        assert (await ann.delete(f"{path}/care-events/{care['id']}")).status_code == 204
        assert (await ann.get(path)).json()["snoozed_until"] == put_off


async def test_a_plant_stays_put_off_when_a_watering_that_was_told_late_outlives_the_one_that_ended_it(
    home: Household,
) -> None:
    ann = await home.person("ann")
    tomorrow = (datetime.now(UTC) + timedelta(1)).date().isoformat()
    plant = await ann.plant(last_water=ago(days=9), snoozed_until=tomorrow)
    path = f"/v1/plants/{plant['id']}"
    ended = await ann.made(f"{path}/care-events", kind="water")
    late = await ann.made(f"{path}/care-events", kind="water", at=ago(days=20))
    assert (await ann.get(path)).json()["snoozed_until"] is None
    for care in (ended, late):
        assert (await ann.delete(f"{path}/care-events/{care['id']}")).status_code == 204
        assert (await ann.get(path)).json()["snoozed_until"] == tomorrow


async def test_who_said_when_it_was_watered_has_ended_that_it_was_put_off(home: Household) -> None:
    ann = await home.person("ann")
    tomorrow, said = (datetime.now(UTC) + timedelta(1)).date().isoformat(), ago(days=2)
    for later in ([], [ago(hours=1)]):
        plant = await ann.plant(last_water=ago(days=9), snoozed_until=tomorrow)
        path = f"/v1/plants/{plant['id']}"
        first = await ann.made(f"{path}/care-events", kind="water", at=ago(days=1))
        await ann.patch(path, {"last_water": said})
        others = [await ann.made(f"{path}/care-events", kind="water", at=at) for at in later]
        for care in (first, *others):
            assert (await ann.delete(f"{path}/care-events/{care['id']}")).status_code == 204
        told = (await ann.get(path)).json()
        assert [told["last_water"], told["snoozed_until"]] == [said, None]


async def test_undoing_a_watering_leaves_what_the_sensor_said_since(home: Household) -> None:
    pot = await pot_of(home)
    assert await pot.reads(30) == [0.3, "thriving", "fresh"]
    path = f"/v1/plants/{pot.plant['id']}/care-events"
    late = await pot.ann.made(path, kind="water", at=ago(days=9))
    assert await pot.reads(100) == [1, "thriving", "fresh"]
    assert (await pot.ann.delete(f"{path}/{late['id']}")).status_code == 204
    assert await pot.shown() == [1, "thriving", "fresh"]


async def test_a_watering_after_the_last_reading_outlives_the_undoing_of_another(home: Household) -> None:
    pot = await pot_of(home)
    assert await pot.reads(30) == [0.3, "thriving", "fresh"]
    path = f"/v1/plants/{pot.plant['id']}/care-events"
    await pot.ann.made(path, kind="water", at=ago(minutes=1))
    late = await pot.ann.made(path, kind="water", at=ago(days=9))
    assert (await pot.ann.delete(f"{path}/{late['id']}")).status_code == 204
    assert (await pot.shown())[0] == 1


async def test_undoing_a_watering_of_a_plant_with_a_sensor_asks_the_sensor(home: Household) -> None:
    pot = await pot_of(home)
    assert await pot.reads(10) == [0.1, "dry", "fresh"]
    path = f"/v1/plants/{pot.plant['id']}/care-events"
    care = await pot.ann.made(path, kind="water", at=ago(minutes=1))
    assert (await pot.shown())[0] == 1
    assert (await pot.ann.delete(f"{path}/{care['id']}")).status_code == 204
    assert await pot.shown() == [0.1, "dry", "fresh"]


@pytest.mark.parametrize("kind", ["counter", "delta"])
async def test_moisture_is_an_instant_value(home: Household, kind: str) -> None:
    ann = await home.person("ann")
    source, plant = await ann.source(kind=kind), await ann.plant()
    for response in (
        await ann.patch(f"/v1/plants/{plant['id']}", {"moisture_source_id": source["id"]}),
        await ann.post("/v1/plants", {"name": "x", "kind": "fig", "moisture_source_id": source["id"]}),
    ):
        assert response.status_code == 422
        detail = "Moisture is an instant value: only a source of the kind gauge can say it."
        assert response.json()["errors"] == [{"pointer": "/moisture_source_id", "detail": detail}]


async def test_an_id_that_is_replayed_tells_seasons_apart(home: Household) -> None:
    ann = await home.person("ann")
    season = {"season_factor": 2, "season_from": 11, "season_to": 2}
    body = {"id": UNKNOWN, "name": "Fern", "kind": "fig", **season}
    assert (await ann.post("/v1/plants", body)).status_code == 201
    assert (await ann.post("/v1/plants", body)).status_code == 200
    assert (await ann.post("/v1/plants", {**body, "season_to": 3})).status_code == 409
    cleared = await ann.patch(f"/v1/plants/{UNKNOWN}", dict.fromkeys(season))
    assert [cleared.json()[name] for name in season] == [None] * 3


SINCE_DAYS = [(72, 10), (48, 12), (26, 15), (1, 22)]
"""Hours ago and percent: dry, and not yet wet enough to be so no more."""


async def dry_for_days(home: Household) -> tuple[Pot, str, Any]:
    """A pot that turned dry three days ago, its plant's path, and the newest reading's."""
    pot = await pot_of(home)
    path = f"/v1/plants/{pot.plant['id']}"
    assert (await pot.ann.patch(path, {"last_water": ago(days=10)})).status_code == 200
    for hours, value in SINCE_DAYS:
        row = {"value": value, "timestamp": ago(hours=hours)}
        logged = await pot.ann.post(f"/v1/sources/{pot.source['id']}/readings", row)
    return pot, path, logged.headers["location"]


async def standing(ann: Person, path: str) -> list[Any]:
    told = (await ann.get(path)).json()
    return [told["moisture"], told["status"], told["due_on"]]


async def test_undoing_a_watering_leaves_a_plant_dry_since_the_day_when_it_turned(home: Household) -> None:
    pot, path, _ = await dry_for_days(home)
    before = await standing(pot.ann, path)
    assert before[:2] == [0.22, "dry"]
    care = await pot.ann.made(f"{path}/care-events", kind="water")
    assert (await standing(pot.ann, path))[1] == "watered"
    assert (await pot.ann.delete(f"{path}/care-events/{care['id']}")).status_code == 204
    assert await standing(pot.ann, path) == before


@pytest.mark.parametrize("change", [{"quality_flag": "questionable"}, {"value": 23}])
async def test_correcting_the_newest_reading_does_not_make_a_dry_plant_thrive(
    home: Household, change: dict[str, Any]
) -> None:
    pot, path, newest = await dry_for_days(home)
    before = await standing(pot.ann, path)
    assert (await pot.ann.patch(newest, change)).status_code == 200
    assert (await standing(pot.ann, path))[1:] == before[1:]


async def test_undoing_the_later_of_two_waterings_believes_no_reading_from_before_the_first(home: Household) -> None:
    pot = await pot_of(home)
    path = f"/v1/plants/{pot.plant['id']}"
    readings = f"/v1/sources/{pot.source['id']}/readings"
    assert (await pot.ann.post(readings, {"value": 30, "timestamp": ago(hours=2)})).status_code == 201
    await pot.ann.made(f"{path}/care-events", kind="water", at=ago(hours=1))
    later = await pot.ann.made(f"{path}/care-events", kind="water", at=ago(minutes=30))
    assert (await pot.ann.delete(f"{path}/care-events/{later['id']}")).status_code == 204
    assert (await standing(pot.ann, path))[0] == 1
