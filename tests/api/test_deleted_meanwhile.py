"""An account that goes while its request is under way: 401, as the next request is told."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import asyncpg
import httpx
import pytest

from service.problems import OWN_ACCOUNT
from tests.people import Household, Person

Call = Callable[[Person], Awaitable[httpx.Response]]
SOURCE = {"name": "Meter", "source_type": "heat", "unit": "kWh"}
MAKING: dict[str, Call] = {
    "a device token": lambda who: who.post("/v1/me/tokens", {"name": "Sensor", "scopes": ["read:data"]}),
    "a home": lambda who: who.post("/v1/homes", {"name": "Home", "timezone": "UTC"}),
    "a plant": lambda who: who.post("/v1/plants", {"name": "Fern", "kind": "pothos"}),
    "a source": lambda who: who.post("/v1/sources", SOURCE),
    "a calendar link": lambda who: who.post("/v1/me/calendar-link"),
}

WAITING = """
    SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')
"""


@pytest.mark.parametrize("thing", MAKING)
async def test_who_is_deleted_meanwhile_makes_nothing(home: Household, dba: asyncpg.Connection, thing: str) -> None:
    await home.person("keeper")
    ann = await home.person("ann")
    going = dba.transaction()
    await going.start()
    await dba.execute("DELETE FROM users WHERE id = $1", UUID(ann.id))
    making = asyncio.ensure_future(MAKING[thing](ann))
    while not await dba.fetchval(WAITING) and not making.done():
        await asyncio.sleep(0.01)
        await dba.execute("SELECT pg_stat_clear_snapshot()")
    await going.commit()
    answer = await making
    assert answer.status_code == 401, answer.text
    assert answer.json()["type"] == "/errors/unauthenticated"
    assert "www-authenticate" in answer.headers
    assert (await ann.get("/v1/me")).json()["detail"] == answer.json()["detail"]


async def test_every_account_that_a_constraint_asks_for_is_the_callers_or_one_that_is_named(
    dba: asyncpg.Connection,
) -> None:
    query = """
        SELECT conname FROM pg_constraint
        WHERE contype = 'f' AND confrelid = 'users'::regclass AND conparentid = 0
    """
    named = {"user_source_access_user_id_fkey", "home_members_user_id_fkey"}
    assert {row[0] for row in await dba.fetch(query)} == OWN_ACCOUNT | named
