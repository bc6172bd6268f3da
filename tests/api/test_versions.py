"""Versions: only what changes an object makes a new one, so nobody's If-Match fails for nothing."""

from typing import Any

import asyncpg
import pytest

from tests.people import Household, Person

METADATA = {"place": {"floor": 1.50}, "tags": ["a"]}


async def a_home(ann: Person) -> tuple[str, dict[str, Any]]:
    return f"/v1/homes/{(await ann.home(address='A road'))['id']}", {"name": "Home", "address": "A road"}


async def a_source(ann: Person) -> tuple[str, dict[str, Any]]:
    return f"/v1/sources/{(await ann.source())['id']}", {"name": "Meter", "unit": "kWh", "description": None}


async def a_reading(ann: Person) -> tuple[str, dict[str, Any]]:
    fields = {"value": 0.1, "notes": "n", "metadata": METADATA}
    path = f"/v1/sources/{(await ann.source())['id']}/readings"
    return f"{path}/{(await ann.made(path, **fields))['id']}", fields


async def a_rule(ann: Person) -> tuple[str, dict[str, Any]]:
    path = f"/v1/sources/{(await ann.source())['id']}/validators"
    return f"{path}/{(await ann.made(path, max_value=7))['id']}", {"max_value": 7, "min_value": None}


async def a_plant(ann: Person) -> tuple[str, dict[str, Any]]:
    plant = await ann.plant(growth=[1, 2.5], last_water="2026-01-01T08:00:00Z")
    return f"/v1/plants/{plant['id']}", {name: plant[name] for name in ("name", "moisture", "growth", "last_water")}


async def oneself(ann: Person) -> tuple[str, dict[str, Any]]:
    return "/v1/me", {"display_name": "Ann"}


async def an_account(ann: Person) -> tuple[str, dict[str, Any]]:
    return f"/v1/users/{ann.id}", {"role": "admin", "is_active": True}


@pytest.mark.parametrize("make", [a_home, a_source, a_reading, a_rule, a_plant, oneself, an_account])
async def test_a_patch_that_changes_nothing_makes_no_new_version(
    home: Household, dba: asyncpg.Connection, make: Any
) -> None:
    ann = await home.person("ann")
    path, stored = await make(ann)
    before = await ann.get(path)
    audited = await dba.fetchval("SELECT count(*) FROM audit_logs WHERE event_type LIKE 'update%'")
    nothing: dict[str, Any] = {}
    for said in (nothing, stored):
        again = await ann.patch(path, said, headers={"If-Match": before.headers["etag"]})
        assert (again.status_code, again.json()) == (200, before.json())
        assert again.headers["etag"] == before.headers["etag"]
    assert await dba.fetchval("SELECT count(*) FROM audit_logs WHERE event_type LIKE 'update%'") == audited
    assert (await ann.patch(path, {}, headers={"If-Match": '"1-1"'})).status_code == 412


async def test_a_put_that_changes_nothing_makes_no_new_version(home: Household) -> None:
    ann = await home.person("ann")
    plant, source = await ann.plant(), await ann.source()
    for path, said in (
        (f"/v1/plants/{plant['id']}/care-intervals/repot", {"every": 365}),
        ("/v1/me/line-mappings", {"series": "power,room=hall value", "source_id": source["id"]}),
        (f"/v1/sources/{source['id']}/retention", {"months": 24}),
    ):
        first, again = await ann.put(path, said), await ann.put(path, said)
        assert again.status_code == 200, again.text
        assert (again.json(), again.headers["etag"]) == (first.json(), first.headers["etag"])


async def test_what_is_shown_otherwise_is_a_new_version_even_where_it_compares_as_equal(home: Household) -> None:
    ann = await home.person("ann")
    path, _ = await a_reading(ann)
    plant, _ = await a_plant(ann)
    for of, said in (
        (path, {"metadata": {"place": {"floor": 1.500}, "tags": ["a", 1.0]}}),
        (path, {"metadata": {"place": {"floor": 1.500}, "tags": ["a", 1]}}),
        ("/v1/me", {"email": "Ann@example.org"}),
        (plant, {"growth": [1, 3]}),
    ):
        before = await ann.get(of)
        after = await ann.patch(of, said)
        assert after.status_code == 200, after.text
        assert after.json()["updated_at"] > before.json()["updated_at"]


async def test_a_patch_of_a_plant_that_changes_back_is_stale_after_the_change(home: Household) -> None:
    ann = await home.person("ann")
    path, stored = await a_plant(ann)
    before = await ann.get(path)
    assert (await ann.patch(path, {"name": "Palm"})).status_code == 200
    assert (await ann.patch(path, stored, headers={"If-Match": before.headers["etag"]})).status_code == 412
    assert (await ann.patch(path, {})).json()["name"] == "Palm"
