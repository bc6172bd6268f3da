"""Who saw and changed what: read by a source's admins, and by everyone of themselves."""

from typing import Any
from uuid import uuid4

import pytest

from tests.people import PASSWORD, Household, Person

COLUMNS = ["id", "event_time", "user_id", "source_id", "entry_id", "event_type", "details"]
MEASURED = "2026-01-01T00:00:00Z"


def of(source: Any) -> str:
    return f"/v1/sources/{source['id']}/audit"


async def rows(person: Person, path: str = "/v1/audit", **filters: Any) -> list[dict[str, Any]]:
    """The rows that somebody is shown, newest first; one's own without a path, also of an admin."""
    if path == "/v1/audit":
        filters["user_id"] = person.id
    response = await person.get(path, params=filters)
    assert response.status_code == 200, response.text
    return list(response.json()["items"])


async def events(person: Person, path: str = "/v1/audit", **filters: Any) -> list[str]:
    return [row["event_type"] for row in await rows(person, path, **filters)]


async def newest(person: Person, path: str = "/v1/audit", **filters: Any) -> dict[str, Any]:
    return (await rows(person, path, **filters))[0]


async def reading(person: Person, source: Any, value: float = 1) -> Any:
    return await person.made(f"/v1/sources/{source['id']}/readings", value=value, timestamp=MEASURED)


# Who reads what


async def test_an_admin_reads_all_that_happened_to_a_source_newest_first(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    meter = await ann.source()
    await ann.grant(meter, ben, "write")
    await reading(ben, meter)
    shown = await rows(ann, of(meter))
    assert [(row["event_type"], row["user_id"]) for row in shown] == [
        ("create_entry", ben.id), ("grant_access", ann.id), ("grant_access", ann.id), ("create_source", ann.id),
    ]  # fmt: skip
    assert {row["source_id"] for row in shown} == {meter["id"]}
    assert [list(row) for row in shown] == [COLUMNS] * 4
    assert all(row["event_time"].endswith("Z") for row in shown)


async def test_every_admin_reads_the_same_whoever_made_the_source(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    meter = await ann.source()
    await ann.grant(meter, ben, "admin")
    assert await events(ben, of(meter)) == ["grant_access", "grant_access", "create_source"]


@pytest.mark.parametrize("level", ["read", "write"])
async def test_who_does_not_administer_a_source_may_not_read_its_audit(home: Household, level: str) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    meter = await ann.source()
    await ann.grant(meter, ben, level)
    response = await ben.get(of(meter))
    assert (response.status_code, response.json()["type"]) == (403, "/errors/forbidden")
    told = await newest(ann, of(meter))
    assert (told["event_type"], told["user_id"]) == ("access_denied", ben.id)


async def test_a_public_source_keeps_its_audit_to_its_admins(home: Household) -> None:
    ann, eve = await home.person("ann"), await home.person("eve")
    meter = await ann.source(is_public=True)
    assert (await eve.get(of(meter))).status_code == 403
    assert (await home.nobody.get(of(meter))).status_code == 401
    await home.nobody.get(f"/v1/sources/{meter['id']}")
    told = await newest(ann, of(meter))
    assert (told["event_type"], told["user_id"]) == ("view_source", None)


async def test_a_stranger_learns_nothing_of_a_source_from_its_audit(home: Household) -> None:
    ann, eve = await home.person("ann"), await home.person("eve")
    meter = await ann.source()
    there, nowhere = await eve.get(of(meter)), await eve.get(of({"id": uuid4()}))
    assert there.status_code == nowhere.status_code == 404
    assert {**there.json(), "instance": ""} == {**nowhere.json(), "instance": ""}
    assert meter["id"] not in str(await rows(eve))


async def test_a_stranger_who_tries_leaves_no_row_with_the_source(home: Household) -> None:
    ann, eve = await home.person("ann"), await home.person("eve")
    meter = await ann.source()
    await eve.get(of(meter))
    assert eve.id not in {row["user_id"] for row in await rows(ann, of(meter))}


async def test_an_admin_of_accounts_is_a_stranger_to_a_sources_audit(home: Household) -> None:
    first, ann = await home.person("first"), await home.person("ann")
    assert first.login["user"]["role"] == "admin"
    meter = await ann.source()
    assert (await first.get(of(meter))).status_code == 404
    assert ann.id not in str(await rows(first))
    assert meter["name"] not in (await first.get("/v1/audit")).text


async def test_an_admin_whose_access_is_revoked_or_lowered_reads_no_more(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    meter = await ann.source()
    await ann.grant(meter, ben, "admin")
    cursor = (await ben.get(of(meter), params={"limit": 1})).json()["next_cursor"]
    grant = f"/v1/sources/{meter['id']}/access/{ben.id}"
    await ann.put(grant, {"access_level": "write"})
    assert (await ben.get(of(meter), params={"cursor": cursor})).status_code == 403
    await ann.delete(grant)
    assert (await ben.get(of(meter), params={"cursor": cursor})).status_code == 404


async def test_the_audit_of_a_deleted_source_is_read_by_nobody_but_of_ones_own_deeds(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    meter = await ann.source()
    await ann.grant(meter, ben, "write")
    made = await reading(ben, meter)
    await ann.delete(f"/v1/sources/{meter['id']}")
    assert (await ann.get(of(meter))).status_code == (await ben.get(of(meter))).status_code == 404
    told = await newest(ann)
    assert (told["event_type"], told["source_id"], told["details"]["readings"]) == ("delete_source", meter["id"], 1)
    told = await newest(ben)
    assert (told["event_type"], told["source_id"], told["entry_id"]) == ("create_entry", meter["id"], made["id"])


async def test_who_makes_their_deleted_source_anew_has_its_whole_story(home: Household) -> None:
    # Nobody else can take its id: test_the_id_of_a_source_that_is_gone_stays_with_who_made_it.
    ann = await home.person("ann")
    meter = await ann.source()
    await ann.delete(f"/v1/sources/{meter['id']}")
    await ann.source(id=meter["id"])
    told = [row["event_type"] for row in await rows(ann, of(meter))]
    assert (told.count("create_source"), told.count("delete_source")) == (2, 1)


async def test_everyone_reads_what_they_did_and_nothing_that_others_did(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    meter = await ann.source()
    await ann.grant(meter, ben, "admin")
    await ben.patch(f"/v1/sources/{meter['id']}", {"name": "Ben's"})
    for person, last in ((ann, "grant_access"), (ben, "update_source")):
        shown = await rows(person)
        assert {row["user_id"] for row in shown} == {person.id}
        assert shown[0]["event_type"] == last
        assert [row["id"] for row in shown] == sorted((row["id"] for row in shown), reverse=True)


@pytest.mark.parametrize("path", ["/v1/audit", "/v1/sources/01890a5d-ac96-774b-bcce-b302099a8057/audit"])
async def test_nobody_reads_any_audit_without_signing_in(home: Household, path: str) -> None:
    assert (await home.nobody.get(path)).status_code == 401


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_nothing_is_written_to_the_audit_over_the_api(home: Household, method: str) -> None:
    ann = await home.person("ann")
    meter = await ann.source()
    for path in ("/v1/audit", of(meter)):
        assert (await ann.call(method, path)).status_code == 405


# What leaves a row


async def test_opening_a_sources_audit_is_a_view_and_ones_own_is_none(home: Household) -> None:
    ann = await home.person("ann")
    meter = await ann.source()
    await rows(ann)
    assert "view_source" not in await events(ann)
    for _ in range(3):
        await rows(ann, of(meter))
    (view,) = await rows(ann, of(meter), event_type="view_source")
    assert (view["user_id"], view["source_id"]) == (ann.id, meter["id"])


async def test_signing_in_and_failing_to_leave_a_row_with_whom_it_is_about(home: Household) -> None:
    ann = await home.person("ann")
    wrong = await home.nobody.post("/v1/auth/login", {"email": ann.email, "password": "not the right phrase"})
    assert wrong.status_code == 401
    shown = await rows(ann)
    assert [row["event_type"] for row in shown] == ["login_failed", "login", "create_user"]
    assert [row["details"].get("provider") for row in shown[:2]] == ["password", "password"]


async def test_a_new_password_leaves_a_row_and_so_does_a_wrong_one(home: Household) -> None:
    ann = await home.person("ann")
    new = {"current_password": "not the right phrase", "new_password": "quite another phrase"}
    await ann.put("/v1/me/password", new)
    await ann.put("/v1/me/password", {**new, "current_password": PASSWORD})
    assert (await events(ann))[:2] == ["change_password", "change_password_failed"]


async def test_a_refusal_leaves_a_row_in_the_name_of_who_was_refused(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    meter = await ann.source()
    await ann.grant(meter, ben, "read")
    assert (await ben.patch(f"/v1/sources/{meter['id']}", {"name": "Mine"})).status_code == 403
    own, seen = await newest(ben), await newest(ann, of(meter))
    assert own == seen
    assert (own["event_type"], own["user_id"], own["source_id"]) == ("access_denied", ben.id, meter["id"])
    assert own["details"]["query"] == "sources:change_source"


async def test_a_grant_its_change_and_its_end_leave_rows_with_old_and_new_level(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    meter = await ann.source()
    await ann.grant(meter, ben, "read")
    grant = f"/v1/sources/{meter['id']}/access/{ben.id}"
    await ann.put(grant, {"access_level": "write"})
    await ann.delete(grant)
    revoked, changed, granted = (await rows(ann, of(meter)))[:3]
    assert (granted["event_type"], granted["details"]["access_level"]) == ("grant_access", "read")
    assert changed["event_type"] == "change_access"
    assert changed["details"]["access_level"] == {"old": "read", "new": "write"}
    assert (revoked["event_type"], revoked["details"]["access_level"]) == ("revoke_access", "write")
    assert [row["details"]["user_id"] for row in (granted, changed, revoked)] == [ben.id] * 3


async def test_a_change_leaves_a_row_with_old_and_new_values_of_what_changed(home: Household) -> None:
    ann = await home.person("ann")
    meter = await ann.source(name="Heat")
    await ann.patch(f"/v1/sources/{meter['id']}", {"name": "Heating", "description": "In the cellar", "unit": "kWh"})
    told = await newest(ann, of(meter))
    assert told["event_type"] == "update_source"
    assert told["details"] == {
        "id": meter["id"],
        "name": {"old": "Heat", "new": "Heating"},
        "description": {"old": None, "new": "In the cellar"},
    }


async def test_a_correction_leaves_a_row_with_what_the_reading_was(home: Household) -> None:
    ann = await home.person("ann")
    meter = await ann.source()
    made = await reading(ann, meter, 1)
    path = f"/v1/sources/{meter['id']}/readings/{made['id']}"
    await ann.patch(path, {"value": 2})
    await ann.delete(path)
    deleted, corrected, logged = (await rows(ann, of(meter)))[:3]
    assert [row["event_type"] for row in (logged, corrected, deleted)] == [
        "create_entry", "update_entry", "delete_entry",
    ]  # fmt: skip
    assert {row["entry_id"] for row in (logged, corrected, deleted)} == {made["id"]}
    assert [corrected["details"][when]["value"] for when in ("old", "new")] == [1, 2]
    assert deleted["details"]["old"]["value"] == 2


async def test_what_one_does_to_a_home_and_a_plant_is_in_ones_own_audit(home: Household) -> None:
    ann = await home.person("ann")
    place = await ann.home(name="Flat")
    fern = await ann.plant()
    await ann.patch(f"/v1/homes/{place['id']}", {"name": "House"})
    await ann.delete(f"/v1/plants/{fern['id']}")
    deleted, changed, planted, joined, moved_in = (await rows(ann))[:5]
    assert [row["event_type"] for row in (moved_in, joined, planted, changed, deleted)] == [
        "create_home", "add_member", "create_plant", "update_home", "delete_plant",
    ]  # fmt: skip
    assert changed["details"]["name"] == {"old": "Flat", "new": "House"}
    assert deleted["details"]["name"] == fern["name"]


async def test_no_secret_is_in_what_the_audit_shows(home: Household) -> None:
    ann = await home.person("ann")
    secret, typed = "a secret quite of my own", "typed into the e-mail field"
    await ann.put("/v1/me/password", {"current_password": PASSWORD, "new_password": secret})
    signed_in = await home.nobody.post("/v1/auth/login", {"email": ann.email, "password": secret})
    await home.nobody.post("/v1/auth/login", {"email": ann.email, "password": typed})
    tokens = signed_in.json()
    await home.nobody.post("/v1/auth/refresh", {"refresh_token": tokens["refresh_token"]})
    await home.nobody.post("/v1/auth/logout", {"refresh_token": tokens["refresh_token"]})
    await ann.patch("/v1/me", {"display_name": "Canary"})
    shown = str(await rows(ann))
    assert "change_password" in shown
    for each in (PASSWORD, secret, typed, tokens["access_token"], tokens["refresh_token"], "$argon2", "Canary"):
        assert each not in shown


# Pages


@pytest.mark.parametrize("whose", ["one's own", "a source's"])
async def test_pages_hold_every_row_once_while_rows_are_added(home: Household, whose: str) -> None:
    ann = await home.person("ann")
    meter = await ann.source()
    path = of(meter) if whose == "a source's" else "/v1/audit"
    for n in range(7):
        await ann.patch(f"/v1/sources/{meter['id']}", {"name": f"Name {n}"})
    await rows(ann, of(meter))  # the one view of the hour
    there = [row["id"] for row in await rows(ann, path)]
    paged: list[int] = []
    cursor: str | None = None
    while True:
        told = (await ann.get(path, params={"limit": 3, **({"cursor": cursor} if cursor else {})})).json()
        paged += [row["id"] for row in told["items"]]
        await ann.patch(f"/v1/sources/{meter['id']}", {"name": f"Meanwhile {len(paged)}"})
        cursor = told["next_cursor"]
        if cursor is None:
            break
    assert paged == there


async def test_a_cursor_opens_only_its_own_list(home: Household) -> None:
    ann = await home.person("ann")
    meter = await ann.source()
    for path, other in (("/v1/audit", of(meter)), (of(meter), "/v1/audit")):
        cursor = (await ann.get(path, params={"limit": 1})).json()["next_cursor"]
        response = await ann.get(other, params={"cursor": cursor})
        assert (response.status_code, response.json()["type"]) == (400, "/errors/unreadable")


async def test_a_cursor_of_one_source_shows_nothing_of_another(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    meter, other = await ann.source(), await ben.source()
    cursor = (await ben.get(of(other), params={"limit": 1})).json()["next_cursor"]
    shown = await rows(ann, of(meter), cursor=cursor)
    assert {row["source_id"] for row in shown} <= {meter["id"]}


# Filters


async def test_a_range_holds_its_first_instant_and_not_its_last(home: Household) -> None:
    ann = await home.person("ann")
    meter = await ann.source()
    for name in ("One", "Two", "Three"):
        await ann.patch(f"/v1/sources/{meter['id']}", {"name": name})
    for path in ("/v1/audit", of(meter)):
        three, two, one = (await rows(ann, path, event_type="update_source"))[:3]
        shown = await rows(ann, path, **{"from": one["event_time"], "to": three["event_time"]})
        assert [row for row in shown if row["event_type"] == "update_source"] == [two, one]
        assert three in await rows(ann, path, **{"from": three["event_time"]})
        assert three not in await rows(ann, path, to=three["event_time"])
        assert await rows(ann, path, **{"from": three["event_time"], "to": one["event_time"]}) == []


async def test_one_type_of_event_may_be_asked_for(home: Household) -> None:
    ann = await home.person("ann")
    meter = await ann.source()
    await ann.patch(f"/v1/sources/{meter['id']}", {"name": "Other"})
    for path in ("/v1/audit", of(meter)):
        assert await events(ann, path, event_type="update_source") == ["update_source"]
        assert await events(ann, path, event_type="delete_source") == []
        assert await events(ann, path, event_type="never_heard_of") == []


BAD = [
    ("limit=0", 422), ("limit=1001", 422), ("limit=many", 400),
    ("from=yesterday", 400), ("to=2026-01-01T00:00:00", 400), ("to=0001-01-01T00:00:00Z", 422),
    ("from=2026-13-01T00:00:00Z", 400),
    ("event_type=", 422), ("event_type=Login", 422), ("event_type=log%20in", 422), ("event_type=%00", 422),
    ("event_type=" + "x" * 51, 422), ("event_type=x_y%27%3B--", 422),
    ("cursor=", 400), ("cursor=x", 400), ("cursor=WyJvd24gYXVkaXQiLDBd", 400),
    ("cursor=WyJvd24gYXVkaXQiLDkyMjMzNzIwMzY4NTQ3NzU4MDhd", 400), ("cursor=WyJvd24gYXVkaXQiLCIxIl0", 400),
]  # fmt: skip
"""The last three name row 0, row 2^63 and row "1"."""


@pytest.mark.parametrize(("query", "status"), BAD)
async def test_a_bad_query_is_refused(home: Household, query: str, status: int) -> None:
    ann = await home.person("ann")
    response = await ann.get(f"/v1/audit?{query}")
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"])
async def test_a_time_at_the_edge_of_the_calendar_breaks_nothing(home: Household, at: str) -> None:
    ann = await home.person("ann")
    for name in ("from", "to"):
        assert (await ann.get(f"/v1/audit?{name}={at}")).status_code < 500
