"""The calendar feed: whose plants it shows and when, behind a link that is made and taken away.

What is answered is read by an independent library, as a calendar app would.
"""

import asyncio
import hashlib
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import asyncpg
import httpx
import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.calendar.handlers import MOST
from service.calendar.icalendar import EVENTS, OCTETS, calendar
from service.calendar.structs import Watering
from tests.people import PASSWORD, Household, Person
from tests.test_service import logged

LINK = "/v1/me/calendar-link"
FEED = "/v1/plants/calendar.ics"


async def link(owner: Person) -> str:
    """The address of a new feed of the owner's."""
    response = await owner.post(LINK)
    assert response.status_code == 201, response.text
    return str(response.json()["url"])


async def feed(home: Household, url: str) -> httpx.Response:
    """What an app is answered, which has nothing but the address."""
    response = await home.client.get(url)
    assert response.status_code == 200, response.text
    return response


def read(body: bytes) -> list[Any]:
    """The events of a feed that must be valid, line for line and as a whole."""
    assert body.endswith(b"\r\n")
    for line in body[:-2].split(b"\r\n"):
        assert 0 < len(line) <= OCTETS
        assert not re.search(rb"[\x00-\x1f\x7f]", line), line
        line.decode()
    (whole,) = icalendar.Calendar.from_ical(body, multiple=True)
    assert whole.errors == []
    assert whole["version"] == "2.0"
    assert whole["prodid"]
    events = list(whole.walk("VEVENT"))
    assert len(whole.subcomponents) == len(events)
    for event in events:
        assert event.errors == []
        assert set(event.required) <= event.keys()
        assert all(not isinstance(value, list) for value in event.values()), "a property that stands once came twice"
    assert len({event["uid"] for event in events}) == len(events)
    return events


def shown(body: bytes) -> dict[str, date]:
    """What the feed says is to be done, and on which day."""
    return {str(event["summary"]): event.start for event in read(body)}


def today(zone: str = "UTC", days: int = 0) -> date:
    return datetime.now(ZoneInfo(zone)).date() + timedelta(days)


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).isoformat()


# The link


async def test_a_link_is_shown_once_and_is_256_random_bits(home: Household) -> None:
    ann = await home.person("ann")
    response = await ann.post(LINK)
    made = response.json()
    assert (response.status_code, response.headers["location"]) == (201, LINK)
    assert re.fullmatch(re.escape(FEED) + r"\?key=[A-Za-z0-9_-]{43}", made.pop("url"))
    there = await ann.get(LINK)
    assert (there.status_code, there.json()) == (200, made)
    assert made.keys() == {"created_at"}


async def test_only_a_digest_of_the_key_is_stored(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    key = (await link(ann)).partition("=")[2]
    assert await dba.fetchval("SELECT key_hash FROM calendar_links") == hashlib.sha256(key.encode()).digest()


async def test_another_link_replaces_the_one_before_at_once(home: Household) -> None:
    ann = await home.person("ann")
    old = await link(ann)
    before = (await ann.get(LINK)).json()["created_at"]
    new = await link(ann)
    assert (await home.client.get(old)).status_code == 404
    await feed(home, new)
    assert (await ann.get(LINK)).json()["created_at"] > before


async def test_of_two_links_made_at_once_one_works(home: Household) -> None:
    ann = await home.person("ann")
    urls = await asyncio.gather(*(link(ann) for _ in range(5)))
    statuses = [(await home.client.get(url)).status_code for url in urls]
    assert sorted(statuses) == [200, 404, 404, 404, 404]


async def test_a_link_that_was_taken_away_is_404_at_once(home: Household) -> None:
    ann = await home.person("ann")
    url = await link(ann)
    assert (await ann.get(LINK)).status_code == 200
    assert (await ann.delete(LINK)).status_code == 204
    assert (await home.client.get(url)).status_code == 404
    assert (await ann.get(LINK)).status_code == 404
    assert (await ann.delete(LINK)).status_code == 404


async def test_a_link_outlives_a_new_password_and_signing_out(home: Household) -> None:
    ann = await home.person("ann")
    url = await link(ann)
    changed = await ann.put("/v1/me/password", {"current_password": PASSWORD, "new_password": "another long phrase"})
    assert changed.status_code == 204
    assert (await feed(home, url)).status_code == 200
    signed_out = await ann.post("/v1/auth/logout", {"refresh_token": ann.login["refresh_token"]})
    assert signed_out.status_code == 204
    assert (await feed(home, url)).status_code == 200


async def test_a_link_is_taken_away_only_in_the_version_that_is_named(home: Household) -> None:
    ann = await home.person("ann")
    await link(ann)
    seen = (await ann.get(LINK)).headers["etag"]
    url = await link(ann)
    assert (await ann.delete(LINK, headers={"If-Match": seen})).status_code == 412
    await feed(home, url)
    seen = (await ann.get(LINK)).headers["etag"]
    assert (await ann.delete(LINK, headers={"If-Match": seen})).status_code == 204


async def test_a_link_is_ones_own(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    url = await link(ann)
    assert (await ben.get(LINK)).status_code == 404
    assert (await ben.delete(LINK)).status_code == 404
    await link(ben)
    await feed(home, url)


@pytest.mark.parametrize("scope", ["read:data", "write:data"])
async def test_a_device_token_makes_no_link_and_reads_no_feed(home: Household, scope: str) -> None:
    ann = await home.person("ann")
    url = await link(ann)
    made = await ann.made("/v1/me/tokens", name="Sensor", scopes=[scope])
    sensor = Person(ann.client, "sensor", {"access_token": made["token"]})
    for method, path in (("POST", LINK), ("GET", LINK), ("DELETE", LINK), ("GET", url)):
        assert (await sensor.call(method, path)).status_code == 403
    await feed(home, url)


@pytest.mark.parametrize(
    "query",
    [
        "", "?key=", "?key=x", f"?key={'A' * 43}", f"?key={'A' * 44}", f"?key={'A' * 7_000}", "?key=%00", "?key=%ff",
        f"?key={'é' * 43}", f"?key={'A' * 43}%0A", f"?token={'A' * 43}", "?key=a&key=b",
    ],
)  # fmt: skip
async def test_a_key_that_is_none_looks_like_one_that_was_taken_away(home: Household, query: str) -> None:
    ann = await home.person("ann")
    url = await link(ann)
    await ann.delete(LINK)
    answers = [await home.client.get(path) for path in (FEED + query, url)]
    told = [{**each.json(), "instance": ""} for each in answers]
    assert told[0] == told[1]
    assert {each.status_code for each in answers} == {404}
    assert all("www-authenticate" not in each.headers for each in answers)


@pytest.mark.usefixtures("keeper")
@pytest.mark.parametrize("end", ["deactivated", "deleted"])
async def test_the_link_of_an_account_that_is_not_active_is_404(
    home: Household, dba: asyncpg.Connection, end: str
) -> None:
    ann = await home.person("ann")
    await ann.plant()
    url = await link(ann)
    if end == "deleted":
        assert (await ann.delete("/v1/me")).status_code == 204
    else:
        await dba.execute("UPDATE users SET is_active = false WHERE id = $1", ann.id)
    assert (await home.client.get(url)).status_code == 404


async def test_while_a_password_is_temporary_the_link_is_shut_too(home: Household, keeper: Person) -> None:
    ann = await home.person("ann")
    await ann.plant()
    url = await link(ann)
    temporary = (await keeper.post(f"/v1/users/{ann.id}/password-reset")).json()["temporary_password"]
    assert (await home.client.get(url)).status_code == 404
    opened = await home.client.post("/v1/auth/login", json={"email": ann.email, "password": temporary})
    own = Person(home.client, "ann", opened.json())
    new = {"current_password": temporary, "new_password": "quite another phrase"}
    assert (await own.put("/v1/me/password", new)).status_code == 204
    assert (await home.client.get(url)).status_code == 200


async def test_making_replacing_and_taking_away_is_audited(home: Household) -> None:
    ann = await home.person("ann")
    await link(ann)
    await link(ann)
    await ann.delete(LINK)
    rows = (await ann.get("/v1/audit")).json()["items"]
    assert [row["event_type"] for row in rows if "calendar" in row["event_type"]] == [
        "delete_calendar_link", "replace_calendar_link", "create_calendar_link",
    ]  # fmt: skip


async def test_no_key_is_in_an_error_a_log_line_a_metric_or_an_audit_row(
    home: Household, dba: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await home.person("ann")
    await ann.plant()
    answers: list[httpx.Response] = []
    with logged(monkeypatch) as lines:
        url = await link(ann)
        answers += [await home.client.get(url), await home.client.head(url)]
        answers += [await home.client.get(f"{url}x"), await home.client.post(url), await ann.get(url)]
        answers.append(await home.client.get(url, headers={"Authorization": "Bearer x"}))
        await dba.execute("ALTER TABLE calendar_links RENAME COLUMN key_hash TO hidden")
        answers.append(await home.client.get(url))
        await dba.execute("ALTER TABLE calendar_links RENAME COLUMN hidden TO key_hash")
        await ann.delete(LINK)
        answers.append(await home.client.get(url))
    assert [each.status_code for each in answers] == [200, 200, 404, 401, 200, 401, 500, 404]
    key = url.partition("=")[2]
    rows = await dba.fetchval("SELECT string_agg(l::text, '') FROM audit_logs AS l")
    metrics = (await home.client.get("/metrics")).text
    told = [each.text + str(each.headers) for each in answers]
    for said in (*told, lines.getvalue().decode(), rows, metrics):
        assert key not in said
        assert hashlib.sha256(key.encode()).hexdigest() not in said


# Whose plants


async def test_the_feed_holds_ones_own_plants_and_those_of_all_ones_homes(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    house, cabin, bens = await ann.home(), await ben.home(name="Cabin"), await ben.home(name="Attic")
    await ben.made(f"/v1/homes/{cabin['id']}/members", user_id=ann.id, access_level="read")
    await ann.plant(name="Own")
    await ann.plant(name="Housed", home_id=house["id"])
    await ben.plant(name="Shared", home_id=cabin["id"])
    await ben.plant(name="Foreign")
    await ben.plant(name="Foreign too", home_id=bens["id"])

    told = shown((await feed(home, await link(ann))).content)
    assert told.keys() == {"Water Own", "Water Housed", "Water Shared"}


async def test_what_a_guest_sees_ends_with_their_stay(home: Household, dba: asyncpg.Connection) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    house = await ann.home()
    await ann.plant(home_id=house["id"])
    ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    await ann.made(f"/v1/homes/{house['id']}/members", user_id=ben.id, access_level="write", expires_at=ends)
    url = await link(ben)
    assert shown((await feed(home, url)).content).keys() == {"Water Fern"}
    await dba.execute("UPDATE home_members SET expires_at = now() + interval '1 us' WHERE expires_at IS NOT NULL")
    assert shown((await feed(home, url)).content) == {}


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
async def test_a_plant_that_one_left_behind_has_its_days_where_it_stands(home: Household, zone: str) -> None:
    # On the other side of the date line it is, at any hour, another day than UTC's for one of the two.
    ann, ben = await home.person("ann"), await home.person("ben")
    house = await ann.home(name="Far away", timezone=zone)
    await ann.invite(house, ben, "write")
    fern = await ben.plant(home_id=house["id"], every=3)
    await ben.plant(name="New", home_id=house["id"])
    await ben.post(f"/v1/plants/{fern['id']}/water")
    await ben.put(f"/v1/plants/{fern['id']}/care-intervals/mist", {"every": 2})
    await ben.post(f"/v1/plants/{fern['id']}/care-events", {"kind": "mist"})
    assert (await ann.delete(f"/v1/homes/{house['id']}/members/{ben.id}")).status_code == 204

    body = (await feed(home, await link(ben))).content
    assert shown(body) == {"Water Fern": today(zone, 3), "Water New": today(zone)}
    assert b"Far away" not in body
    for path in (f"/v1/plants/{fern['id']}", f"/v1/plants/{fern['id']}/care-intervals/mist"):
        own, theirs = await ben.get(path), await ann.get(path)
        assert own.json() == theirs.json()
    (due,) = (await ben.get("/v1/plants/care-due?within_days=2")).json()["items"]
    assert due["due_on"] == today(zone, 2).isoformat()
    assert (await ben.get("/v1/plants/care-due?within_days=1")).json()["items"] == []
    assert [each["id"] for each in (await ben.get("/v1/plants/due?within_days=3")).json()["items"]][1:] == [fern["id"]]
    assert len((await ben.get("/v1/plants/due?within_days=2")).json()["items"]) == 1


async def test_a_feed_is_its_owners_whoever_asks(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    await ann.plant(name="Anns")
    await ben.plant(name="Bens")
    url = await link(ann)
    assert shown((await ben.get(url)).content).keys() == {"Water Anns"}
    # And who asked is who they were, afterwards.
    assert [plant["name"] for plant in (await ben.get("/v1/plants")).json()["items"]] == ["Bens"]


# When


async def test_a_plant_stands_on_the_day_that_it_is_due(home: Household) -> None:
    ann = await home.person("ann")
    await ann.plant(name="Soon", room="Kitchen", every=3, last_water=ago(days=1))
    await ann.plant(name="Today", every=2, last_water=ago(days=2))
    await ann.plant(name="Late", every=1, last_water=ago(days=300))
    await ann.plant(name="New")
    await ann.plant(name="Asleep", status="resting", last_water=ago(days=300))

    body = (await feed(home, await link(ann))).content
    assert shown(body) == {
        "Water Soon (Kitchen)": today(days=2),
        "Water Today": today(),
        "Water Late": today(),
        "Water New": today(),
    }
    told = {str(event["summary"]): str(event.get("description", "")) for event in read(body)}
    assert told["Water Late"] == f"Due since {today(days=-299)}."
    assert told["Water New"] == "Never watered."
    assert told["Water Today"] == told["Water Soon (Kitchen)"] == ""


async def test_a_sensor_says_when(home: Household) -> None:
    ann = await home.person("ann")
    dry, wet = await ann.source(unit="%", kind="gauge"), await ann.source(unit="%", kind="gauge")
    await ann.made(f"/v1/sources/{dry['id']}/readings", value=5)
    await ann.made(f"/v1/sources/{wet['id']}/readings", value=80)
    await ann.plant(name="Dry", every=300, last_water=ago(days=2), moisture_source_id=dry["id"])
    await ann.plant(name="Wet", every=1, last_water=ago(days=9), moisture_source_id=wet["id"])
    await ann.plant(name="New and wet", moisture_source_id=wet["id"])
    assert shown((await feed(home, await link(ann))).content) == {"Water Dry": today()}


async def test_what_was_put_off_stands_on_the_day_that_it_was_put_off_to(home: Household) -> None:
    ann = await home.person("ann")
    await ann.plant(every=1, last_water=ago(days=9), snoozed_until=today(days=4).isoformat())
    assert shown((await feed(home, await link(ann))).content) == {"Water Fern": today(days=4)}


@pytest.mark.parametrize(
    "zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Copenhagen", "Asia/Kathmandu"]
)
async def test_a_day_is_the_homes_on_either_side_of_the_date_line(home: Household, zone: str) -> None:
    ann = await home.person("ann")
    place = await ann.home(name="Far away", timezone=zone)
    await ann.plant(name="New", home_id=place["id"])
    fern = await ann.plant(home_id=place["id"], last_water=ago(days=1), every=9)
    body = (await feed(home, await link(ann))).content
    assert shown(body) == {
        "Water New": today(zone),
        "Water Fern": date.fromisoformat((await ann.get(f"/v1/plants/{fern['id']}")).json()["due_on"]),
    }
    assert {event["location"] for event in read(body)} == {"Far away"}


async def test_every_event_takes_a_whole_day_and_nobodys_time(home: Household) -> None:
    ann = await home.person("ann")
    await ann.plant()
    (event,) = read((await feed(home, await link(ann))).content)
    assert event["transp"] == "TRANSPARENT"
    assert event["dtstart"].params["value"] == "DATE"
    assert event.duration == timedelta(1)


async def test_after_a_watering_the_event_moves_and_does_not_double(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    fern = await ann.plant(every=5, last_water=ago(days=4))
    # As if it had been made a while ago: a sequence counts seconds.
    await dba.execute(
        "SET session_replication_role = replica; UPDATE plants SET updated_at = now() - interval '1 second'"
    )
    url = await link(ann)
    (before,) = read((await feed(home, url)).content)
    (again,) = read((await feed(home, url)).content)
    assert 0 < before["sequence"] == again["sequence"] < 2**31
    await ann.post(f"/v1/plants/{fern['id']}/water")
    (after,) = read((await feed(home, url)).content)
    assert before["uid"] == after["uid"]
    assert (before.start, after.start) == (today(days=1), today(days=5))
    assert after["sequence"] > before["sequence"]
    assert after.last_modified > before.last_modified
    assert after.stamp == after.last_modified


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "Palm"}, {"Water Palm": 2}),
        ({"room": "Hall"}, {"Water Fern (Hall)": 2}),
        ({"every": 9}, {"Water Fern": 8}),
        ({"status": "resting"}, {}),
    ],
)
async def test_a_change_changes_the_one_event(home: Household, change: dict[str, Any], told: dict[str, int]) -> None:
    ann = await home.person("ann")
    fern = await ann.plant(every=3, last_water=ago(days=1))
    url = await link(ann)
    (before,) = read((await feed(home, url)).content)
    assert (await ann.patch(f"/v1/plants/{fern['id']}", change)).status_code == 200
    body = (await feed(home, url)).content
    assert shown(body) == {summary: today(days=days) for summary, days in told.items()}
    assert {event["uid"] for event in read(body)} <= {before["uid"]}


async def test_a_home_that_is_renamed_changes_its_plants_events(home: Household) -> None:
    ann = await home.person("ann")
    house = await ann.home()
    await ann.plant(home_id=house["id"])
    url = await link(ann)
    before = await feed(home, url)
    await ann.patch(f"/v1/homes/{house['id']}", {"name": "Cabin"})
    after = await feed(home, url)
    assert read(after.content)[0]["location"] == "Cabin"
    assert after.headers["etag"] != before.headers["etag"]


async def test_a_plant_that_is_deleted_is_gone_from_the_feed(home: Household) -> None:
    ann = await home.person("ann")
    fern = await ann.plant()
    url = await link(ann)
    await ann.delete(f"/v1/plants/{fern['id']}")
    assert shown((await feed(home, url)).content) == {}


# For those who poll


async def test_the_feed_is_the_same_bytes_until_something_changes(home: Household) -> None:
    ann = await home.person("ann")
    house = await ann.home()
    for n in range(20):
        await ann.plant(name=f"Fern {n}", home_id=house["id"], **({"last_water": ago(days=n)} if n % 2 else {}))
    url = await link(ann)
    first = await feed(home, url)
    await asyncio.sleep(1.1)  # a stamp of the moment would tell
    again = await feed(home, url)
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    for asked in (first.headers["etag"], "W/" + first.headers["etag"], '"x", ' + first.headers["etag"], "*"):
        response = await home.client.get(url, headers={"If-None-Match": asked})
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["etag"] == first.headers["etag"]
        assert response.headers.get_list("cache-control") == ["private, no-cache"]
    await ann.plant(name="One more")
    changed = await home.client.get(url, headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


async def test_a_link_that_was_taken_away_is_404_even_for_who_knows_the_answer(home: Household) -> None:
    ann = await home.person("ann")
    url = await link(ann)
    etag = (await feed(home, url)).headers["etag"]
    await ann.delete(LINK)
    gone = await home.client.get(url, headers={"If-None-Match": etag})
    assert (gone.status_code, gone.headers["cache-control"]) == (404, "no-store")


async def test_what_is_answered_says_what_it_is_and_head_says_it_too(home: Household) -> None:
    ann = await home.person("ann")
    await ann.plant()
    url = await link(ann)
    told = await feed(home, url)
    asked = await home.client.head(url)
    assert told.headers["content-type"] == "text/calendar; charset=utf-8"
    assert (asked.status_code, asked.content) == (200, b"")
    for name in ("content-type", "content-length", "etag"):
        assert asked.headers[name] == told.headers[name]
    assert (await home.client.head(FEED)).status_code == 404
    assert b"\r\nREFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n" in told.content
    assert b"\r\nX-PUBLISHED-TTL:PT1H\r\n" in told.content
    assert b"\r\nX-WR-CALNAME:Plants\r\n" in told.content


async def test_a_feed_without_plants_is_an_empty_calendar(home: Household) -> None:
    assert read((await feed(home, await link(await home.person("ann")))).content) == []


async def test_a_feed_is_bounded_and_keeps_what_is_due_soonest(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    await dba.execute(
        "INSERT INTO plants (user_id, name, kind, every, last_water)"
        " SELECT $1, 'Fern ' || n, 'fig', 1 + (n > $2)::integer, now() FROM generate_series(1, $2 + 10) AS n",
        *(UUID(ann.id), MOST),
    )
    response = await feed(home, await link(ann))
    assert response.content.count(b"BEGIN:VEVENT") == MOST
    day = today(days=1).isoformat().replace("-", "").encode()
    assert response.content.count(b"DTSTART;VALUE=DATE:" + day) == MOST


async def test_nobody_crowds_ones_own_plants_out_of_the_feed(home: Household, dba: asyncpg.Connection) -> None:
    ann, eve = await home.person("ann"), await home.person("eve")
    # Hers want water in a month, those of somebody who took her into a home unasked have never had any.
    mine = [await ann.plant(name=f"Mine {n}", every=30, last_water=ago(minutes=1)) for n in range(2)]
    trap = await eve.home()
    await eve.invite(trap, ann)
    await dba.execute(
        "INSERT INTO plants (user_id, name, kind, home_id) SELECT $1, 'Spam', 'fig', $2 FROM generate_series(1, $3)",
        *(UUID(eve.id), UUID(trap["id"]), MOST),
    )
    body = (await feed(home, await link(ann))).content
    assert body.count(b"BEGIN:VEVENT") == MOST
    for plant in mine:
        assert f"UID:{plant['id']}-water\r\n".encode() in body
    assert (await ann.delete(f"/v1/homes/{trap['id']}/members/{ann.id}")).status_code == 204
    assert set(shown((await feed(home, await link(ann))).content)) == {"Water Mine 0", "Water Mine 1"}


async def test_others_have_their_turn_while_a_long_feed_is_made(home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    await dba.execute(
        "INSERT INTO plants (user_id, name, kind) SELECT $1, 'Fern', 'fig' FROM generate_series(1, $2)",
        *(UUID(ann.id), 100 * EVENTS),
    )
    url = await link(ann)
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    other = asyncio.create_task(take_turns())
    fetched = await feed(home, url)
    other.cancel()
    assert fetched.content.count(b"BEGIN:VEVENT") == 100 * EVENTS
    assert turns >= 100


async def test_the_feed_takes_one_statement_however_many_plants(
    home: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await home.person("ann")
    for _ in range(3):
        await ann.plant()
    url = await link(ann)
    with logged(monkeypatch) as lines:
        await feed(home, url)
    (line,) = lines.getvalue().decode().splitlines()
    assert '"queries":["calendar:act_by_calendar_key","calendar:list_waterings"]' in line


# Whatever is in a name

NASTY = {
    "an event": "Fern\r\nBEGIN:VEVENT",
    "an end": "Fern\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    "a property": "Fern\nATTENDEE:mailto:x@example.org",
    "a carriage return": "Fern\rX",
    "other ends of a line": "Fern\u2028X\u2029Y\x85Z",
    "controls": "Fern\x07\x1b[31m\x7f",
    "punctuation": "Fern; big, green \\n and \\, :",
    "a backslash": "Fern\\",
    "a fold": "Fern\r\n X",
    "families": "👩‍👩‍👧‍👦🪴" * 10,
    "two octets": "Ä" * 100,
    "three octets": "花" * 100,
    "one octet": "x" * 100,
}


@pytest.mark.parametrize("name", NASTY.values(), ids=NASTY)
async def test_a_name_is_a_name_whatever_is_in_it(home: Household, name: str) -> None:
    ann = await home.person("ann")
    house = await ann.home(name=name[:100])
    made = await ann.plant(name=name[:100], room=name[:100], home_id=house["id"])
    (event,) = read((await feed(home, await link(ann))).content)
    line = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", made["name"])
    assert event["summary"] == f"Water {line} ({line})"
    assert event["location"] == line
    assert event["uid"] == f"{made['id']}-water"
    assert event.keys() == {
        "UID", "DTSTAMP", "LAST-MODIFIED", "SEQUENCE", "DTSTART", "SUMMARY", "LOCATION", "DESCRIPTION", "TRANSP",
    }  # fmt: skip


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200)
DAY = st.dates(date(1970, 1, 1))


@given(
    st.lists(st.tuples(TEXT, TEXT, st.none() | TEXT, st.none() | DAY, DAY), max_size=5),
    st.datetimes(datetime(1970, 1, 1), datetime(3000, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - with a zone
)
def test_every_text_is_written_as_valid_lines_that_are_read_back(
    rows: list[tuple[str, str, str | None, date | None, date]], modified: datetime
) -> None:
    waterings = [Watering(uuid4(), *row, modified) for row in rows]
    body = b"".join(calendar(waterings))
    assert b"".join(calendar(waterings)) == body
    events = read(body)
    assert [event["uid"] for event in events] == [f"{watering.plant_id}-water" for watering in waterings]
    assert [event.start for event in events] == [watering.day for watering in waterings]
    for event, watering in zip(events, waterings, strict=True):
        room = f" ({watering.room})" if watering.room.strip() else ""
        line = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", f"Water {watering.name}{room}")
        assert event["summary"] == line
