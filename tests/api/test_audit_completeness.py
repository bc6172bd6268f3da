"""Whatever writes leaves a row, whatever is refused does too: asked of every route that the description has."""

from typing import Any

import pytest

from service.database import Database
from tests.api.test_access_matrix import DEVICE_MATRIX, MATRIX, ROUTES, Scene, ask, scene
from tests.people import PASSWORD

__all__ = ["scene"]

LEAVES: dict[str, set[str]] = {
    # Which events each call leaves that its admin, or somebody new, makes.
    "register": {"create_user"},
    "login": {"login"},
    "logout": {"logout"},
    "change_me": {"update_user"},
    "delete_me": {"delete_user", "revoke_access"},
    "export_me": {"export_account"},
    "change_password": {"change_password"},
    "end_session": {"end_session"},
    "end_other_sessions": {"end_session"},
    "login_by_id_token": {"login"},
    "complete_provider_login": {"create_user", "link_identity", "login"},
    "link_identity": {"link_identity"},
    "unlink_identity": {"unlink_identity"},
    "create_user": {"create_user"},
    "change_user": {"update_user"},
    "delete_user": {"delete_user"},
    "reset_password": {"reset_password"},
    "create_token": {"create_token"},
    "delete_token": {"delete_token"},
    "put_line_mapping": {"create_line_mapping"},
    "delete_line_mapping": {"delete_line_mapping"},
    "create_home": {"create_home", "add_member"},
    "change_home": {"update_home"},
    "delete_home": {"delete_home", "remove_member", "update_plant", "update_source"},  # what stood in it stands nowhere
    "create_source": {"create_source", "grant_access"},
    "change_source": {"update_source"},
    "delete_source": {"delete_source"},
    "create_grant": {"grant_access"},
    "change_grant": {"change_access"},
    "delete_grant": {"revoke_access"},
    "log_readings": {"create_entry"},
    "log_readings_of_many": {"create_entry"},
    "correct_reading": {"update_entry"},
    "delete_reading": {"delete_entry"},
    "create_meter_event": {"create_meter_event"},
    "delete_meter_event": {"delete_meter_event"},
    "create_validator": {"create_validator"},
    "change_validator": {"update_validator"},
    "delete_validator": {"delete_validator"},
    "put_retention": {"change_retention"},
    "delete_retention": {"delete_retention"},
    "create_plant": {"create_plant"},
    "change_plant": {"update_plant"},
    "delete_plant": {"delete_plant", "delete_care", "delete_interval"},
    "water_plant": {"create_care", "update_plant"},
    "water_plants": {"create_care", "update_plant"},
    "grow_plant": {"update_plant"},
    "correct_growth": {"update_plant"},
    "create_care_event": {"create_care", "update_plant"},
    "care_for_plants": {"create_care"},
    "delete_care_event": {"delete_care"},
    "set_care_interval": {"update_interval"},
    "delete_care_interval": {"delete_interval"},
    "invite_member": {"add_member"},
    "change_member": {"change_member"},
    "remove_member": {"remove_member"},
    "create_calendar_link": {"create_calendar_link"},
    "delete_calendar_link": {"delete_calendar_link"},
    "write_lines": {"create_entry", "create_source", "create_line_mapping", "grant_access"},
    "write_lines_v1": {"create_entry"},
}
LEAVES_NOTHING = {
    "refresh": "a session goes on; a token that is used again ends it and is told",
    "check_validator": "it stores nothing",
}
WRITES_THOUGH_GET = {"export_me"}
"""And where a provider sends a browser back to, which tests/api/test_providers.py asks of all its outcomes."""
CALLED_BY = dict.fromkeys(["write_lines", "write_lines_v1"], "writing token") | dict.fromkeys(
    ["create_user", "change_user", "delete_user", "reset_password"], "keeper"
)


async def newest(scene: Scene) -> int:
    """The number of the newest row."""
    return int(await scene.dba.fetchval("SELECT coalesce(max(id), 0) FROM audit_logs"))


async def told_since(scene: Scene, last: int) -> list[tuple[Any, ...]]:
    rows = await scene.dba.fetch(
        "SELECT event_type, user_id::text, source_id::text FROM audit_logs WHERE id > $1", last
    )
    return [tuple(row) for row in rows]


def test_every_route_that_writes_says_what_it_leaves() -> None:
    writes = {name for name, route in ROUTES.items() if route.method != "GET" and route.method != "HEAD"}
    assert writes | WRITES_THOUGH_GET == LEAVES.keys() | LEAVES_NOTHING.keys()


@pytest.mark.parametrize("operation", LEAVES)
async def test_every_change_leaves_its_row_in_the_name_of_who_made_it(scene: Scene, operation: str) -> None:
    actor = CALLED_BY.get(operation, "admin")
    scene.spend(operation, actor)
    caller, ids = await scene.prepare(operation, actor)
    if operation == "end_other_sessions":
        await caller.post("/v1/auth/login", {"email": caller.email, "password": PASSWORD})
    if operation == "link_identity":
        await caller.delete("/v1/me/identities/line")
    last = await newest(scene)
    response = await ask(caller, operation, ids)
    assert response.status_code < 300, response.text
    rows = await told_since(scene, last)
    # That the token of a device is in use, or a source was looked at, may be told besides.
    assert {event for event, _, _ in rows} - {"view_source"} == LEAVES[operation]
    made = {"register": lambda: response.json()["id"], "complete_provider_login": lambda: response.json()["user"]["id"]}
    who = made.get(operation, lambda: caller.id)()
    assert {user for _, user, _ in rows} == {who}
    if "{source_id}" in ROUTES[operation].path:
        assert {source for _, _, source in rows} == {ids["source_id"]}


REFUSED = [
    (operation, actor)
    for operation, row in MATRIX.items()
    for actor, status in zip(("reader", "writer"), row[3:5], strict=True)
    if status == 403
] + [(operation, "reading token") for operation, row in DEVICE_MATRIX.items() if row[0] == 403]


@pytest.mark.parametrize(("operation", "actor"), REFUSED)
async def test_every_refusal_leaves_a_row_in_the_name_of_who_was_refused(
    scene: Scene, operation: str, actor: str
) -> None:
    caller, ids = await scene.prepare(operation, actor)
    last = await newest(scene)
    assert (await ask(caller, operation, ids)).status_code == 403
    rows = await told_since(scene, last)
    assert [(event, user) for event, user, _ in rows] == [("access_denied", caller.id)]


async def test_every_sign_in_leaves_a_row_and_every_failed_one_too(scene: Scene) -> None:
    ann = await scene.newcomer()
    for account, event, who in (
        ({"email": ann.email, "password": "not hers at all"}, "login_failed", ann.id),
        ({"email": "nobody-at-all@example.org", "password": "not hers at all"}, "login_failed", None),
    ):
        last = await newest(scene)
        assert (await scene.household.nobody.post("/v1/auth/login", account)).status_code == 401
        assert await told_since(scene, last) == [(event, who, None)]
    token = {"refresh_token": ann.login["refresh_token"]}
    for _ in range(2):
        newer = (await scene.household.nobody.post("/v1/auth/refresh", token)).json()
        token_before, token = token, {"refresh_token": newer["refresh_token"]}
    last = await newest(scene)
    await scene.household.nobody.post("/v1/auth/refresh", {"refresh_token": ann.login["refresh_token"]})
    assert await told_since(scene, last) == [("refresh_reused", ann.id, None)]
    assert token_before != token


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_logs SET user_id = NULL", "DELETE FROM audit_logs", "TRUNCATE audit_logs", "DROP TABLE audit_logs"],
)
async def test_the_service_itself_cannot_change_or_empty_the_log(scene: Scene, statement: str) -> None:
    """On the service's own connection, as whoever broke into it would try."""
    database: Database = scene.household.app.app.state.database
    before = await scene.dba.fetchval("SELECT count(*) FROM audit_logs")
    async with database.pool.acquire() as connection:
        with pytest.raises(Exception, match=r"permission denied|must be owner"):
            await connection.execute(statement)
    assert await scene.dba.fetchval("SELECT count(*) FROM audit_logs") == before
