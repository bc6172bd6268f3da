"""Nobody waits for whom they keep waiting: whoever takes several locks takes them in the one order of ARCHITECTURE.md.

Each case is staged: somebody holds a row, one call comes to wait for it with other locks in hand, another call waits
for those. Then the row is let go. Had the two taken their locks in different orders, one of them would end as the
victim of a deadlock, which is 503 here, where no statement is tried twice.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest

from service.embedded import EmbeddedPostgres
from tests.people import Household, Person

LOW, MIDDLE, HIGH = (f"01900000-0000-7000-8000-{number:012}" for number in (1, 2, 3))

Call = Awaitable[httpx.Response]


class Stage:
    """Ann and Ben administer a home with a source in it, which three plants follow; Cat may write there.

    The plants lie in the table in the reverse order of their ids, so that whoever locks them as they lie meets whoever
    locks them in order.
    """

    def __init__(self, ann: Person, ben: Person, cat: Person, holder: asyncpg.Connection) -> None:
        self.ann, self.ben, self.cat = ann, ben, cat
        self.holder = holder
        self.place: Any = None
        self.source: Any = None

    async def furnish(self, owner: Person) -> None:
        """Let the owner make the home, the source and the plants, and invite the others."""
        self.place = await owner.home()
        for person, level in ((self.ann, "admin"), (self.ben, "admin"), (self.cat, "write")):
            if person is not owner:
                await owner.invite(self.place, person, level)
        self.source = await owner.source(unit="%", home_id=self.place["id"])
        for person in (self.ann, self.ben):
            if person is not owner:
                await owner.grant(self.source, person, "admin")
        for plant_id in (HIGH, MIDDLE, LOW):
            await owner.plant(id=plant_id, home_id=self.place["id"], moisture_source_id=self.source["id"])

    def member(self, who: Person) -> str:
        return f"/v1/homes/{self.place['id']}/members/{who.id}"

    def grant(self, who: Person) -> str:
        return f"/v1/sources/{self.source['id']}/access/{who.id}"

    def delete_home(self) -> Call:
        return self.ann.delete(f"/v1/homes/{self.place['id']}")

    def delete_source(self) -> Call:
        return self.ann.delete(f"/v1/sources/{self.source['id']}")

    def delete_account(self) -> Call:
        return self.ben.delete("/v1/me")

    def water(self) -> Call:
        return self.cat.post("/v1/plants/water", {"plant_ids": [LOW, HIGH]})

    def water_one(self) -> Call:
        return self.ben.post(f"/v1/plants/{LOW}/water")

    def remove(self) -> Call:
        return self.ann.delete(self.member(self.ben))

    def lower(self) -> Call:
        return self.ann.put(self.member(self.ben), {"access_level": "read"})

    def leave(self) -> Call:
        return self.cat.delete(self.member(self.cat))

    def revoke(self) -> Call:
        return self.ann.delete(self.grant(self.ben))

    def lower_grant(self) -> Call:
        return self.ann.put(self.grant(self.ben), {"access_level": "read"})

    async def settled(self, *calls: "asyncio.Task[httpx.Response]") -> None:
        """Wait until each of the calls waits for a lock or is done."""
        sql = """
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND usename = 'homelog_api' AND wait_event_type = 'Lock'
        """
        while await self.holder.fetchval(sql) < sum(not call.done() for call in calls):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.005)

    async def meet(self, held: str, first: Call, second: Call) -> list[int]:
        """What the two are answered: the first comes to what is held, the second to the first."""
        transaction = self.holder.transaction()
        await transaction.start()
        await self.holder.execute(held)
        one = asyncio.ensure_future(first)
        await self.settled(one)
        other = asyncio.ensure_future(second)
        await self.settled(one, other)
        await transaction.rollback()
        return [answer.status_code for answer in await asyncio.gather(one, other)]


@pytest.fixture
async def stage(
    home: Household, server: EmbeddedPostgres, database: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stage]:
    monkeypatch.setattr("service.transaction.TRIES", 1)
    holder = await asyncpg.connect(server.url(server.superuser, database))
    ann, ben, cat = [await home.person(name) for name in ("ann", "ben", "cat")]
    yield Stage(ann, ben, cat, holder)
    await holder.close()


PLANT = f"SELECT FROM plants WHERE id = '{MIDDLE}' FOR UPDATE"
HOME = "SELECT FROM homes FOR SHARE"
SOURCE = "SELECT FROM data_sources FOR SHARE"

MEETINGS: dict[str, tuple[str, Callable[[Stage], Call], Callable[[Stage], Call]]] = {
    "a home goes, an admin is removed": (PLANT, Stage.delete_home, Stage.remove),
    "a home goes, an admin is lowered": (PLANT, Stage.delete_home, Stage.lower),
    "a home goes, a member leaves": (HOME, Stage.delete_home, Stage.leave),
    "a home goes, its plants are watered": (PLANT, Stage.delete_home, Stage.water),
    "an admin is removed, a member leaves": (HOME, Stage.remove, Stage.leave),
    "a source goes, a grant is revoked": (SOURCE, Stage.delete_source, Stage.revoke),
    "a source goes, a grant is lowered": (SOURCE, Stage.delete_source, Stage.lower_grant),
    "a source goes, those that follow it are watered": (PLANT, Stage.delete_source, Stage.water),
    "an account goes, its plants are watered": (PLANT, Stage.delete_account, Stage.water),
    "an account goes, and waters": (PLANT, Stage.delete_account, Stage.water_one),
    "an account goes, and is removed": (PLANT, Stage.delete_account, Stage.remove),
    "an account goes, and is lowered": (PLANT, Stage.delete_account, Stage.lower),
    "an account goes, its grant is revoked": (PLANT, Stage.delete_account, Stage.revoke),
    "an account goes, the home goes": (PLANT, Stage.delete_account, Stage.delete_home),
    "an account goes, the source goes": (PLANT, Stage.delete_account, Stage.delete_source),
}


@pytest.mark.parametrize("meeting", MEETINGS)
@pytest.mark.parametrize("swapped", [False, True], ids=["", "the other way round"])
async def test_two_who_meet_both_come_through(stage: Stage, meeting: str, swapped: bool) -> None:
    held, first, second = MEETINGS[meeting]
    await stage.furnish(stage.ben if first is Stage.delete_account else stage.ann)
    calls = (second, first) if swapped else (first, second)
    answers = await stage.meet(held, calls[0](stage), calls[1](stage))
    assert 503 not in answers
    # Whoever comes second may find that there is nothing left to do, or that they may not any more.
    assert answers[0] in {200, 204}
    assert set(answers) <= {200, 204, 401, 403, 404, 409, 422}


async def victim(stage: Stage) -> httpx.Response:
    """What a call is answered that a DBA keeps waiting, and is kept waiting by, until PostgreSQL ends the call."""
    await stage.furnish(stage.ann)
    transaction = stage.holder.transaction()
    await transaction.start()
    # Of two who wait for each other the one looks first who is to look first.
    await stage.holder.execute("SET LOCAL deadlock_timeout = '1min'")
    await stage.holder.execute(f"SELECT FROM plants WHERE id = '{HIGH}' FOR UPDATE")
    call = asyncio.ensure_future(stage.water())
    await stage.settled(call)
    await stage.holder.execute(f"SELECT FROM plants WHERE id = '{LOW}' FOR UPDATE")
    await transaction.rollback()
    return await call


async def test_the_victim_of_a_deadlock_is_tried_once_more(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.transaction.TRIES", 2)
    assert (await victim(stage)).status_code == 200
    for plant_id in (LOW, HIGH):
        care = (await stage.ann.get(f"/v1/plants/{plant_id}/care-events")).json()["items"]
        assert [each["user_id"] for each in care] == [stage.cat.id]


async def test_who_falls_a_victim_again_is_told_to_come_again(stage: Stage) -> None:
    answer = await victim(stage)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert not (await stage.ann.get(f"/v1/plants/{LOW}/care-events")).json()["items"]


async def test_who_lost_their_rights_while_they_waited_is_refused(stage: Stage) -> None:
    await stage.furnish(stage.ann)
    transaction = stage.holder.transaction()
    await transaction.start()
    await stage.holder.execute(HOME)
    calls = []
    for call in (stage.remove(), stage.ben.delete(stage.member(stage.cat))):
        calls.append(asyncio.ensure_future(call))
        await stage.settled(*calls)
    await transaction.rollback()
    assert [answer.status_code for answer in await asyncio.gather(*calls)] == [204, 404]


STANDS = """
    SELECT id FROM homes AS h
    WHERE NOT EXISTS (SELECT FROM home_members AS m WHERE m.home_id = h.id AND m.access_level = 'admin')
    UNION ALL
    SELECT id FROM data_sources AS s
    WHERE NOT EXISTS (SELECT FROM user_source_access AS a WHERE a.source_id = s.id AND a.access_level = 'admin')
    UNION ALL
    SELECT id FROM plants AS p
    WHERE last_water IS DISTINCT FROM (
        SELECT max(at) FROM care_events AS c WHERE c.plant_id = p.id AND c.kind = 'water'
    )
"""
"""What there must be none of: things without an admin, plants that were watered otherwise than their care says."""


@pytest.mark.parametrize("seed", range(6))
async def test_a_household_that_does_everything_at_once_is_told_of_no_deadlock(
    home: Household, stage: Stage, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    # PostgreSQL makes some of its own, of three who want one row at two versions.
    monkeypatch.setattr("service.transaction.TRIES", 2)
    dice = random.Random(seed)  # noqa: S311 - a shuffle
    await stage.furnish(stage.ben)
    calls = [
        *(stage.water() for _ in range(3)),
        stage.water_one(),
        stage.ann.post("/v1/plants/care-events", {"home_id": stage.place["id"], "kind": "mist"}),
        stage.ann.patch(f"/v1/plants/{MIDDLE}", {"moisture_source_id": None}),
        *(stage.ann.post(f"/v1/sources/{stage.source['id']}/readings", {"value": value}) for value in (10, 90)),
        stage.leave(),
        dice.choice([stage.remove, stage.lower])(),
        dice.choice([stage.revoke, stage.lower_grant])(),
        dice.choice([stage.delete_home, stage.delete_account])(),
        stage.delete_source(),
    ]
    dice.shuffle(calls)
    answers = await asyncio.gather(*calls)
    assert all(answer.status_code < 500 for answer in answers), [answer.text for answer in answers]
    assert not await stage.holder.fetch(STANDS)
