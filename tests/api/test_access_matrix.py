"""Who may call what: every route × actor, as statuses over HTTP.

The routes are the OpenAPI document's own: a new one fails here until it has its row.
"""

import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from service.app import HANDLERS, create_app
from service.embedded import EmbeddedPostgres
from service.identity import AccessTokens, Scope
from service.operation.handlers import describe
from service.settings import Settings
from tests.people import PASSWORD, Household, Person, serve
from tests.providers import PUBLIC_URL, line_token, provider

ACTORS = ["anonymous", "bad", "stranger", "reader", "writer", "admin", "anonymous*", "stranger*"]
"""Nobody; somebody with a forged token; signed in without a grant; granted read, write and admin of the source that the
path names, the admin being owner of the home and the plant too. Starred: the source is public."""

Row = tuple[int, int, int, int, int, int, int | None, int | None]
"""The status that each actor gets; None where no source is named, so that none can be public."""

DEVICES = ["reading token", "writing token", "token elsewhere", "token that ended"]
"""Device tokens of the admin: with the scope read:data, with write:data, with both but bound to another source, and one
that was taken away."""
MEMBERS = ["member-read", "member-write", "member-admin", "guest"]
"""Members of the home where the source and the plant stand, by their level, without a grant of their own; and who was
one, with the level write, until just now."""
NO_DEVICE = (403, 403, 403, 401)
NOT_ASKED = (200, 200, 200, 200)

SPECIAL = ["temporary", "keeper"]
"""Somebody with a temporary password, who was granted admin of the source; and an admin of the service, who administers
accounts and was granted nothing."""

MATRIX: dict[str, Row] = {
    # Operation: asked without a token, so that a bad one is not looked at either.
    "health_live": (200, 200, 200, 200, 200, 200, None, None),
    "health_ready": (200, 200, 200, 200, 200, 200, None, None),
    "metrics": (200, 200, 200, 200, 200, 200, None, None),
    "error": (200, 200, 200, 200, 200, 200, None, None),
    "get_reference": (200, 401, 200, 200, 200, 200, None, None),
    # Accounts: each actor's own, but for the session, which is the admin's.
    "register": (201, 201, 201, 201, 201, 201, None, None),
    "login": (200, 200, 200, 200, 200, 200, None, None),
    "refresh": (200, 200, 200, 200, 200, 200, None, None),
    "logout": (204, 204, 204, 204, 204, 204, None, None),
    "get_me": (401, 401, 200, 200, 200, 200, None, None),
    "change_me": (401, 401, 200, 200, 200, 200, None, None),
    "delete_me": (401, 401, 204, 204, 204, 204, None, None),
    "export_me": (401, 401, 200, 200, 200, 200, None, None),
    "change_password": (401, 401, 204, 204, 204, 204, None, None),
    "list_sessions": (401, 401, 200, 200, 200, 200, None, None),
    "end_other_sessions": (401, 401, 204, 204, 204, 204, None, None),
    "get_session": (401, 401, 404, 404, 404, 200, None, None),
    "end_session": (401, 401, 404, 404, 404, 204, None, None),
    # Accounts, for admins of the service: the accounts that are named are the newcomer's and the grantee's.
    "list_users": (401, 401, 404, 404, 404, 404, None, None),
    "create_user": (401, 401, 404, 404, 404, 404, None, None),
    "get_user": (401, 401, 404, 404, 404, 404, None, None),
    "change_user": (401, 401, 404, 404, 404, 404, None, None),
    "delete_user": (401, 401, 404, 404, 404, 404, None, None),
    "reset_password": (401, 401, 404, 404, 404, 404, None, None),
    # Device tokens: each actor's own, but for the one that is named, which is the admin's.
    "list_tokens": (401, 401, 200, 200, 200, 200, None, None),
    "create_token": (401, 401, 201, 201, 201, 201, None, None),
    "get_token": (401, 401, 404, 404, 404, 200, None, None),
    "delete_token": (401, 401, 404, 404, 404, 204, None, None),
    # Providers: one that does not answer, at which no browser has been; each actor's own identities, but for the one
    # that is shown, which is the admin's.
    "begin_provider_login": (503, 503, 503, 503, 503, 503, None, None),
    "finish_provider_login": (401, 401, 401, 401, 401, 401, None, None),
    "login_by_id_token": (200, 200, 200, 200, 200, 200, None, None),
    "complete_provider_login": (200, 200, 200, 200, 200, 200, None, None),
    "list_identities": (401, 401, 200, 200, 200, 200, None, None),
    "get_identity": (401, 401, 404, 404, 404, 200, None, None),
    "link_identity": (401, 401, 409, 409, 409, 200, None, None),
    "unlink_identity": (401, 401, 404, 404, 404, 204, None, None),
    # InfluxDB's line protocol: for device tokens alone; each actor's own mappings, but for the admin's that is named.
    "write_lines": (401, 401, 401, 401, 401, 401, None, None),
    "write_lines_v1": (401, 401, 401, 401, 401, 401, None, None),
    "ping": (204, 204, 204, 204, 204, 204, None, None),
    "health_of_influxdb": (200, 200, 200, 200, 200, 200, None, None),
    "list_line_mappings": (401, 401, 200, 200, 200, 200, None, None),
    "put_line_mapping": (401, 401, 422, 422, 201, 201, None, None),
    "get_line_mapping": (401, 401, 404, 404, 404, 200, None, None),
    "delete_line_mapping": (401, 401, 404, 404, 404, 204, None, None),
    # Calendar links: each actor's own, but that the admin has one. Its feed is read with the admin's key.
    "get_calendar_link": (401, 401, 404, 404, 404, 200, None, None),
    "create_calendar_link": (401, 401, 201, 201, 201, 201, None, None),
    "delete_calendar_link": (401, 401, 404, 404, 404, 204, None, None),
    "get_calendar": (200, 401, 200, 200, 200, 200, None, None),
    # Homes
    "list_homes": (401, 401, 200, 200, 200, 200, None, None),
    "create_home": (401, 401, 201, 201, 201, 201, None, None),
    "get_home": (401, 401, 404, 404, 404, 200, None, None),
    "change_home": (401, 401, 404, 404, 404, 200, None, None),
    "delete_home": (401, 401, 404, 404, 404, 204, None, None),
    # Members: seen, invited and removed by a home's admins
    "list_members": (401, 401, 404, 404, 404, 200, None, None),
    "invite_member": (401, 401, 404, 404, 404, 201, None, None),
    "get_member": (401, 401, 404, 404, 404, 200, None, None),
    "change_member": (401, 401, 404, 404, 404, 200, None, None),
    "remove_member": (401, 401, 404, 404, 404, 204, None, None),
    # Sources
    "list_sources": (401, 401, 200, 200, 200, 200, None, None),
    "create_source": (401, 401, 201, 201, 201, 201, None, None),
    "get_source": (401, 401, 404, 200, 200, 200, 200, 200),
    "change_source": (401, 401, 404, 403, 403, 200, 401, 403),
    "delete_source": (401, 401, 404, 403, 403, 204, 401, 403),
    # Sharing
    "list_grants": (401, 401, 404, 403, 403, 200, 401, 403),
    "create_grant": (401, 401, 404, 403, 403, 201, 401, 403),
    "get_grant": (401, 401, 404, 403, 403, 200, 401, 403),
    "change_grant": (401, 401, 404, 403, 403, 200, 401, 403),
    "delete_grant": (401, 401, 404, 403, 403, 204, 401, 403),
    # Audit: one's own, and a source's for its admins
    "list_own_audit": (401, 401, 200, 200, 200, 200, None, None),
    "list_source_audit": (401, 401, 404, 403, 403, 200, 401, 403),
    # Readings
    "list_readings": (401, 401, 404, 200, 200, 200, 200, 200),
    "log_readings": (401, 401, 404, 403, 201, 201, 401, 403),
    "log_readings_of_many": (401, 401, 422, 422, 200, 200, 401, 422),  # that row's outcome
    "list_latest": (401, 401, 200, 200, 200, 200, None, None),
    "get_reading": (401, 401, 404, 200, 200, 200, 200, 200),
    "correct_reading": (401, 401, 404, 403, 200, 200, 401, 403),
    "delete_reading": (401, 401, 404, 403, 204, 204, 401, 403),
    "get_series": (401, 401, 404, 200, 200, 200, 200, 200),
    "get_series_of_many": (401, 401, 404, 200, 200, 200, 200, 200),
    # Meter events
    "list_meter_events": (401, 401, 404, 200, 200, 200, 200, 200),
    "create_meter_event": (401, 401, 404, 403, 201, 201, 401, 403),
    "suggest_meter_events": (401, 401, 404, 200, 200, 200, 200, 200),
    "get_meter_event": (401, 401, 404, 200, 200, 200, 200, 200),
    "delete_meter_event": (401, 401, 404, 403, 204, 204, 401, 403),
    # Rules: seen by whoever was granted the source, made by its admins
    "get_retention": (401, 401, 404, 200, 200, 200, 401, 404),
    "put_retention": (401, 401, 404, 403, 403, 200, 401, 403),
    "delete_retention": (401, 401, 404, 403, 403, 204, 401, 404),
    "list_validators": (401, 401, 404, 200, 200, 200, 401, 403),
    "create_validator": (401, 401, 404, 403, 403, 201, 401, 403),
    "get_validator": (401, 401, 404, 200, 200, 200, 401, 404),
    "change_validator": (401, 401, 404, 403, 403, 200, 401, 404),
    "delete_validator": (401, 401, 404, 403, 403, 204, 401, 404),
    "check_validator": (401, 401, 404, 200, 200, 200, 401, 403),
    # Changes: one's own and what one was granted
    "list_changes": (401, 401, 200, 200, 200, 200, None, None),
    # Plants
    "list_plants": (401, 401, 200, 200, 200, 200, None, None),
    "list_due_plants": (401, 401, 200, 200, 200, 200, None, None),
    "create_plant": (401, 401, 201, 201, 201, 201, None, None),
    "get_plant": (401, 401, 404, 404, 404, 200, None, None),
    "change_plant": (401, 401, 404, 404, 404, 200, None, None),
    "delete_plant": (401, 401, 404, 404, 404, 204, None, None),
    "water_plant": (401, 401, 404, 404, 404, 200, None, None),
    "water_plants": (401, 401, 404, 404, 404, 200, None, None),
    # Care: the plant is the admin's, in the admin's home
    "list_care_events": (401, 401, 404, 404, 404, 200, None, None),
    "create_care_event": (401, 401, 404, 404, 404, 201, None, None),
    "get_care_event": (401, 401, 404, 404, 404, 200, None, None),
    "delete_care_event": (401, 401, 404, 404, 404, 204, None, None),
    "care_for_plants": (401, 401, 404, 404, 404, 200, None, None),
    "list_care_intervals": (401, 401, 404, 404, 404, 200, None, None),
    "get_care_interval": (401, 401, 404, 404, 404, 200, None, None),
    "set_care_interval": (401, 401, 404, 404, 404, 200, None, None),
    "delete_care_interval": (401, 401, 404, 404, 404, 204, None, None),
    "list_due_care": (401, 401, 200, 200, 200, 200, None, None),
    "list_growth": (401, 401, 404, 404, 404, 200, None, None),
    "grow_plant": (401, 401, 404, 404, 404, 200, None, None),
    "correct_growth": (401, 401, 404, 404, 404, 200, None, None),
}

DEVICE_MATRIX: dict[str, tuple[int, int, int, int]] = dict.fromkeys(MATRIX, NO_DEVICE) | {
    # The routes that a device token may call; and those that look at no credentials.
    **dict.fromkeys(["health_live", "health_ready", "metrics", "error", "login", "refresh"], NOT_ASKED),
    "health_of_influxdb": NOT_ASKED,
    **dict.fromkeys(["logout", "ping"], (204, 204, 204, 204)),
    **dict.fromkeys(["write_lines", "write_lines_v1"], (403, 204, 400, 401)),  # bound, it makes no source
    "register": (201, 201, 201, 201),
    "begin_provider_login": (503, 503, 503, 503),
    "finish_provider_login": (401, 401, 401, 401),
    **dict.fromkeys(["login_by_id_token", "complete_provider_login"], NOT_ASKED),
    "get_reference": (200, 200, 200, 401),
    "list_sources": (200, 403, 200, 401),
    "get_source": (200, 403, 404, 401),
    "list_readings": (200, 403, 404, 401),
    "log_readings": (403, 201, 404, 401),
    "log_readings_of_many": (403, 200, 422, 401),
    "list_latest": (200, 403, 200, 401),
    "get_reading": (200, 403, 404, 401),
    "get_series": (200, 403, 404, 401),
    "get_series_of_many": (200, 403, 404, 401),
    "create_meter_event": (403, 201, 404, 401),
    "list_changes": (200, 403, 200, 401),
    "list_plants": (200, 403, 200, 401),
    "list_due_plants": (200, 403, 200, 401),
    "get_plant": (200, 403, 404, 401),
    "water_plant": (403, 200, 404, 401),
    "water_plants": (403, 200, 404, 401),
    "grow_plant": (403, 200, 404, 401),
    "list_care_events": (200, 403, 404, 401),
    "create_care_event": (403, 201, 404, 401),
    "get_care_event": (200, 403, 404, 401),
    "care_for_plants": (403, 200, 404, 401),
    "list_care_intervals": (200, 403, 404, 401),
    "get_care_interval": (200, 403, 404, 401),
    "list_due_care": (200, 403, 200, 401),
    "list_growth": (200, 403, 404, 401),
}

MEMBER_MATRIX: dict[str, tuple[int, int, int, int]] = {
    # A member's level holds for a source as a grant's does, and a guest whose time is over is a stranger.
    **{name: (row[3], row[4], row[5], row[2]) for name, row in MATRIX.items()},
    # Sessions, tokens, links and mappings are one person's, whoever they live with.
    **dict.fromkeys(["get_session", "end_session", "get_token", "delete_token"], (404, 404, 404, 404)),
    **dict.fromkeys(["get_identity", "unlink_identity"], (404, 404, 404, 404)),
    "link_identity": (409, 409, 409, 409),
    **dict.fromkeys(["get_calendar_link", "delete_calendar_link"], (404, 404, 404, 404)),
    **dict.fromkeys(["get_line_mapping", "delete_line_mapping"], (404, 404, 404, 404)),
    # And it holds for the home and its plants, which nobody is granted.
    "get_home": (200, 200, 200, 404),
    "change_home": (403, 403, 200, 404),
    "delete_home": (403, 403, 204, 404),
    "list_members": (403, 403, 200, 404),
    "invite_member": (403, 403, 201, 404),
    "get_member": (403, 403, 200, 404),
    "change_member": (403, 403, 200, 404),
    "remove_member": (403, 403, 204, 404),
    "get_plant": (200, 200, 200, 404),
    "change_plant": (403, 403, 200, 404),
    "delete_plant": (403, 403, 204, 404),
    "water_plant": (403, 200, 200, 404),
    "water_plants": (403, 200, 200, 404),
    "list_care_events": (200, 200, 200, 404),
    "create_care_event": (403, 201, 201, 404),
    "get_care_event": (200, 200, 200, 404),
    "delete_care_event": (403, 204, 204, 404),
    "care_for_plants": (403, 200, 200, 404),
    "list_care_intervals": (200, 200, 200, 404),
    "get_care_interval": (200, 200, 200, 404),
    "set_care_interval": (403, 403, 200, 404),
    "delete_care_interval": (403, 403, 204, 404),
    "list_growth": (200, 200, 200, 404),
    "grow_plant": (403, 200, 200, 404),
    "correct_growth": (403, 200, 200, 404),
}

# What does not look at who asks is open to a temporary password too, but for the refresh, which would prolong it.
GATED: dict[str, int | None] = {
    operation: row[ACTORS.index("stranger")] if row[ACTORS.index("bad")] != 401 else 403
    for operation, row in MATRIX.items()
} | {
    "change_password": 204,
    "refresh": 403,
    # 401 for everybody.
    **dict.fromkeys(["finish_provider_login", "write_lines", "write_lines_v1"], 401),
}
# To whatever is not an account an admin of the service is a stranger.
KEEPER: dict[str, int | None] = {operation: row[ACTORS.index("stranger")] for operation, row in MATRIX.items()} | {
    "list_users": 200,
    "create_user": 201,
    "get_user": 200,
    "change_user": 200,
    "delete_user": 204,
    "reset_password": 200,
}

LISTED: dict[str, tuple[str, set[str]]] = {
    # What a list holds, and whose list has it. A public source is found by its id alone.
    "list_homes": ("home_id", {"admin", *MEMBERS[:3]}),
    "list_sources": ("source_id", {"reader", "writer", "admin", "reading token", *MEMBERS[:3]}),
    "list_latest": ("source_id", {"reader", "writer", "admin", "reading token", *MEMBERS[:3]}),
    "list_changes": ("reading_id", {"reader", "writer", "admin", "reading token", *MEMBERS[:3]}),
    "list_plants": ("plant_id", {"admin", "reading token", *MEMBERS[:3]}),
    "list_due_plants": ("plant_id", {"admin", "reading token", *MEMBERS[:3]}),
    "list_due_care": ("plant_id", {"admin", "reading token", *MEMBERS[:3]}),
    "list_sessions": ("session_id", {"admin"}),
    "list_tokens": ("token_id", {"admin"}),
    "list_identities": ("identity_id", {"admin"}),
    "list_line_mappings": ("mapping_id", {"admin"}),
    "list_own_audit": ("source_id", {"admin", "keeper"}),
    "list_users": ("user_id", {"keeper"}),
}
QUERIES = {"get_series_of_many": "?source_id={source_id}", "get_calendar": "?key={calendar_key}"}
"""Routes that need a query."""
INFLUXDB = {"write_lines", "write_lines_v1"}
"""Routes that say what is wrong in InfluxDB's words."""
LINE = provider("http://127.0.0.1:9", "line")
"""A provider that does not answer; what it has signed is known by its secret."""
HIDDEN = {"openapi", "root", "schema_page"}
"""The description is not in itself; it is public. HEAD is its GET's."""


class Route(NamedTuple):
    """An operation of the document."""

    method: str
    path: str
    takes_body: bool


DOCUMENT = describe(create_app(Settings(data=Path(), secret="x" * 40)).app)
ROUTES = {
    operation["operationId"]: Route(method.upper(), path, "requestBody" in operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}
STATUSES = {
    operation["operationId"]: operation["responses"].keys()
    for operations in DOCUMENT["paths"].values()
    for operation in operations.values()
}
"""What the document says that an operation answers."""

# A well-formed body for each operation that takes one.
BODIES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "register": lambda ids: {"email": f"new-{uuid4()}@example.org", "password": PASSWORD},
    "login": lambda ids: {"email": ids["email"], "password": PASSWORD},
    "refresh": lambda ids: {"refresh_token": ids["refresh_token"]},
    "logout": lambda ids: {"refresh_token": ids["refresh_token"]},
    "change_me": lambda ids: {"display_name": "Changed"},
    "change_password": lambda ids: {"current_password": ids["password"], "new_password": "quite another phrase"},
    "login_by_id_token": lambda ids: {"id_token": ids["id_token"]},
    "complete_provider_login": lambda ids: {
        "pending_token": ids["pending_token"],
        "email": f"new-{uuid4()}@example.org",
    },
    "link_identity": lambda ids: {"id_token": ids["id_token"]},
    "create_user": lambda ids: {"email": f"new-{uuid4()}@example.org"},
    "change_user": lambda ids: {"display_name": "Changed"},
    "create_token": lambda ids: {"name": "New", "scopes": ["read:data"]},
    "write_lines": lambda ids: b"m f=1",
    "write_lines_v1": lambda ids: b"m f=1",
    "put_line_mapping": lambda ids: {"series": f"m,n={uuid4()} f", "source_id": ids["source_id"]},
    "create_home": lambda ids: {"name": "New"},
    "change_home": lambda ids: {"name": "Changed"},
    "invite_member": lambda ids: {"user_id": ids["other_id"], "access_level": "read"},
    "change_member": lambda ids: {"access_level": "write"},
    "create_source": lambda ids: {"name": "New", "source_type": "heat", "unit": "kWh"},
    "change_source": lambda ids: {"name": "Changed"},
    "create_grant": lambda ids: {"user_id": ids["other_id"], "access_level": "read"},
    "change_grant": lambda ids: {"access_level": "write"},
    "log_readings": lambda ids: {"value": 2, "timestamp": "2026-02-01T00:00:00Z"},
    "log_readings_of_many": lambda ids: [
        {"source_id": ids["source_id"], "value": 2, "timestamp": "2026-02-01T00:00:00Z"}
    ],
    "correct_reading": lambda ids: {"value": 3},
    "create_meter_event": lambda ids: {"at": "2026-02-01T00:00:00Z", "kind": "swap"},
    "put_retention": lambda ids: {"months": 24},
    "create_validator": lambda ids: {"max_value": 100},
    "change_validator": lambda ids: {"max_value": 100},
    "check_validator": lambda ids: {"max_value": 100},
    "create_plant": lambda ids: {"name": "New", "kind": "fig"},
    "change_plant": lambda ids: {"name": "Changed"},
    "water_plant": lambda ids: {},
    "water_plants": lambda ids: {"plant_ids": [ids["plant_id"]]},
    "create_care_event": lambda ids: {"kind": "water"},
    "care_for_plants": lambda ids: {"plant_ids": [ids["plant_id"]], "kind": "mist"},
    "set_care_interval": lambda ids: {"every": 8},
    "grow_plant": lambda ids: {"value": 1},
    "correct_growth": lambda ids: {"value": 2},
}
FRESH = {
    *("create_calendar_link", "get_calendar", "delete_me", "change_password", "end_session", "end_other_sessions"),
    *("logout", "refresh", "list_sessions", "delete_user", "reset_password"),
}
"""What ends an account, a session or a calendar's link is asked of somebody who is there for this alone."""
OF_ONESELF = {"create_calendar_link", "delete_me", "change_password", "end_other_sessions"}
"""And for these whoever else asks is new, too."""


class Scene:
    """A household, and for each actor a source, a home and a plant, made anew once a call has changed them."""

    def __init__(self, household: Household, dba: asyncpg.Connection, people: dict[str, Person]) -> None:
        self.household = household
        self.dba = dba
        self.people = people
        self.made: dict[tuple[str, bool, bool], tuple[Person, dict[str, Any]]] = {}
        self.counting = ""

    async def newcomer(self) -> Person:
        return await self.household.person(f"newcomer-{uuid4()}")

    async def prepare(self, operation: str, actor: str) -> tuple[Person, dict[str, Any]]:
        """Who calls, and the ids and words that the call is made of."""
        key = self.key(operation, actor)
        if key not in self.made:
            self.made[key] = await self.make(*key)
        caller, ids = self.made[key]
        return caller, ids | ({"event_id": ids["care_id"]} if "care" in operation else {})

    def spend(self, operation: str, actor: str) -> None:
        """What was made for the actor has changed: the next call gets its own."""
        self.made.pop(self.key(operation, actor), None)

    @staticmethod
    def key(operation: str, actor: str) -> tuple[str, bool, bool]:
        """What is made for one operation does for all others of its kind, until one of them changes it."""
        return actor, operation in FRESH, operation in OF_ONESELF

    async def make(self, actor: str, fresh: bool, of_oneself: bool) -> tuple[Person, dict[str, Any]]:
        """Somebody who calls, and everything that is called for."""
        admin, named = self.people["admin"], self.people["grantee"]
        caller = await temporary(self.people["keeper"]) if actor == "temporary" else self.people[actor.rstrip("*")]
        if fresh:
            admin, named = await self.newcomer(), await self.newcomer()
            caller = admin if actor == "admin" else caller
        if of_oneself and actor not in {"anonymous", "bad", "temporary", *DEVICES}:
            caller = await self.newcomer()
        home = await admin.home()
        source = await admin.source(kind="counter", is_public=actor.endswith("*"), home_id=home["id"])
        await admin.invite(home, self.people["grantee"])
        if actor in MEMBERS:
            await admin.invite(home, caller, "write" if actor == "guest" else actor.removeprefix("member-"))
        if actor == "guest":
            ends = (
                "UPDATE home_members SET expires_at = now() + interval '1 microsecond'"
                " WHERE (home_id, user_id) = ($1, $2)"
            )
            await self.dba.execute(ends, UUID(home["id"]), UUID(caller.id))
        for level, name in (("read", "reader"), ("write", "writer"), ("read", "grantee")):
            await admin.grant(source, self.people[name], level)
        if actor in {"admin", "temporary"} and caller is not admin:
            await admin.grant(source, caller, "admin")
        reading = await admin.made(f"/v1/sources/{source['id']}/readings", value=1, timestamp="2026-01-01T00:00:00Z")
        event = await admin.made(f"/v1/sources/{source['id']}/meter-events", at="2026-01-01T12:00:00Z", kind="reset")
        validator = await admin.made(f"/v1/sources/{source['id']}/validators", min_value=0)
        await admin.put(f"/v1/sources/{source['id']}/retention", {"months": 1200})
        plant = await admin.plant(home_id=home["id"], growth=[1])
        care = await admin.made(f"/v1/plants/{plant['id']}/care-events", kind="observe")
        await admin.put(f"/v1/plants/{plant['id']}/care-intervals/mist", {"every": 7})
        sessions = (await admin.get("/v1/me/sessions")).json()["items"]
        token = await admin.made("/v1/me/tokens", name="Named", scopes=["read:data"])
        mapping = await admin.put("/v1/me/line-mappings", {"series": f"m,n={uuid4()} f", "source_id": source["id"]})
        shown = {"id_token": line_token(LINE.issuer, sub=admin.id)}
        identity = await admin.post("/v1/me/identities/line", shown)
        unknown = {"id_token": line_token(LINE.issuer, sub=str(uuid4()))}
        calendar = await admin.made("/v1/me/calendar-link")
        return caller, {
            **shown,
            "calendar_key": calendar["url"].partition("=")[2],
            "pending_token": (await admin.post("/v1/auth/line/id-token", unknown)).json()["pending_token"],
            "provider": "line",
            "identity_id": identity.json()["id"],
            "token_id": token["id"],
            "mapping_id": mapping.json()["id"],
            "home_id": home["id"],
            "source_id": source["id"],
            "reading_id": reading["id"],
            "event_id": event["id"],
            "care_id": care["id"],
            "kind": "mist",
            "validator_id": validator["id"],
            "plant_id": plant["id"],
            "user_id": named.id,
            "other_id": self.people["other"].id,
            "session_id": next(each["id"] for each in sessions if each["current"]),
            "email": admin.email,
            "password": caller.password,
            "refresh_token": (caller if actor == "temporary" else admin).login["refresh_token"],
            "name": "not_found",
        }

    async def stored(self) -> list[tuple[Any, ...]]:
        """What changes with whatever is written to any table, but for the audit log, which tells of refusals too.

        Whoever writes has a higher transaction id than every row that is there: rows that come and go change the count,
        rows that change and as many that come as go raise the sum.
        """
        rows = await self.dba.fetch(self.counting or await self.count())
        return [tuple(row) for row in rows]

    async def count(self) -> str:
        """The statement that counts every table."""
        tables = await self.dba.fetch(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
            " AND relname NOT IN ('audit_logs', 'device_tokens') ORDER BY 1"
        )
        counted = "SELECT '{0}', count(*), sum(xmin::text::bigint) FROM {0}"
        # When a token was last used is noted of what is refused, too.
        tokens = (
            "SELECT 'device_tokens', count(*), sum(hashtextextended((to_jsonb(t) - 'last_used_at')::text, 0))"
            " FROM device_tokens AS t"
        )
        self.counting = " UNION ALL ".join([*(counted.format(table) for (table,) in tables), tokens])
        return self.counting


@pytest.fixture(scope="module")
async def scene(server: EmbeddedPostgres, template: str) -> AsyncIterator[Scene]:
    """The service on a database of the module's own, with somebody for each actor."""
    name = "homelog_access_matrix"
    postgres = await asyncpg.connect(server.url(server.superuser, "postgres"))
    await postgres.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    dba = await asyncpg.connect(server.url(server.superuser, name))
    # One admin makes a token for nearly every cell: more than an account may have.
    await dba.execute("ALTER TABLE device_tokens DISABLE TRIGGER _700_bound")
    secret = "a test's own secret, 32 characters and more"
    with tempfile.TemporaryDirectory() as data:
        settings = Settings(
            database_url=server.url("homelog_api", name),
            data=Path(data),
            secret=secret,
            rate_limit=0,
            maintenance_minutes=0,
            public_url=PUBLIC_URL,
            providers={"line": LINE},
        )
        async with serve(settings) as household:
            names = ("keeper", "admin", "stranger", "reader", "writer", "grantee", "other", *MEMBERS)
            people = {each: await household.person(each) for each in names}
            forged = AccessTokens("another secret, of 32 characters or more").issue(
                UUID(people["admin"].id), uuid4(), "password", 0
            )
            people |= {"anonymous": household.nobody, "bad": Person(household.client, "bad", {"access_token": forged})}
            people |= {each: await device(people["admin"], each) for each in DEVICES}
            yield Scene(household, dba, people)
    await dba.close()
    await postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await postgres.close()


async def device(owner: Person, name: str) -> Person:
    """What holds a device token of the owner's."""
    scopes = {"reading token": ["read:data"], "writing token": ["write:data"]}.get(name, ["read:data", "write:data"])
    bound = {"source_ids": [(await owner.source())["id"]]} if name == "token elsewhere" else {}
    made = await owner.made("/v1/me/tokens", name=name, scopes=scopes, **bound)
    if name == "token that ended":
        assert (await owner.delete(f"/v1/me/tokens/{made['id']}")).status_code == 204
    return Person(owner.client, name, {"access_token": made["token"], "user": owner.login["user"]})


async def temporary(keeper: Person) -> Person:
    """Somebody who has signed in with the temporary password that an admin of the service gave them."""
    name = f"temporary-{uuid4()}"
    made = await keeper.made("/v1/users", email=f"{name}@example.org")
    account = {"email": made["email"], "password": made["temporary_password"]}
    signed_in = await keeper.client.post("/v1/auth/login", json=account)
    return Person(keeper.client, name, signed_in.json(), account["password"])


async def ask(caller: Person, operation: str, ids: dict[str, Any]) -> httpx.Response:
    route = ROUTES[operation]
    body = BODIES[operation](ids) if route.takes_body else None
    options = {"content": body} if isinstance(body, bytes) else {"json": body} if route.takes_body else {}
    query = QUERIES.get(operation, "").format_map(ids)
    return await caller.call(route.method, route.path.format_map(ids) + query, **options)


def test_every_route_has_its_row_and_every_row_its_route() -> None:
    assert ROUTES.keys() == MATRIX.keys() == DEVICE_MATRIX.keys() == MEMBER_MATRIX.keys()
    assert ROUTES.keys() == GATED.keys() == KEEPER.keys()
    assert {name for name, route in ROUTES.items() if route.takes_body} == BODIES.keys()
    assert {handler.operation_id for handler in HANDLERS} == ROUTES.keys() | HIDDEN
    assert {name for name, row in MATRIX.items() if row[-1] is not None} - {"log_readings_of_many", *QUERIES} == {
        name for name, route in ROUTES.items() if "{source_id}" in route.path
    }
    lists = {name for name, route in ROUTES.items() if name.startswith("list_") and "{" not in route.path}
    assert lists == LISTED.keys()


def test_the_description_asks_for_what_is_looked_at() -> None:
    for operation in (each for operations in DOCUMENT["paths"].values() for each in operations.values()):
        name = operation["operationId"]
        asked = operation.get("security", DOCUMENT["security"])
        row, devices = dict(zip(ACTORS, MATRIX[name], strict=True)), DEVICE_MATRIX[name]
        expected: list[dict[str, list[str]]] = []
        if row["bad"] == 401 != row["stranger"]:
            expected += [{"bearer": []}, {"cookie": []}]
        if devices[0] != devices[1]:
            expected += [{"device_token": [Scope.READ if devices[1] == 403 else Scope.WRITE]}]
        if expected and not {row["anonymous"], row["anonymous*"]} <= {401, None}:
            expected = [{}, *expected]
        assert asked == expected, name


CELLS = [
    (operation, actor, status)
    for operation, row in MATRIX.items()
    for actor, status in zip(ACTORS, row, strict=True)
    if status is not None
] + [
    (operation, actor, status)
    for matrix, actors in ((DEVICE_MATRIX, DEVICES), (MEMBER_MATRIX, MEMBERS))
    for operation, row in matrix.items()
    for actor, status in zip(actors, row, strict=True)
]
CELLS += [
    (operation, actor, status)
    for actor, statuses in (("temporary", GATED), ("keeper", KEEPER))
    for operation, status in statuses.items()
    if status is not None
]


@pytest.mark.parametrize(("operation", "actor", "status"), CELLS)
async def test_a_cell(scene: Scene, operation: str, actor: str, status: int) -> None:
    caller, ids = await scene.prepare(operation, actor)
    before = await scene.stored() if status >= 400 else []
    response = await ask(caller, operation, ids)
    assert response.status_code == status, response.text
    assert status >= 400 or str(status) in STATUSES[operation]
    if status < 400 and ROUTES[operation].method != "GET":
        scene.spend(operation, actor)
    if status >= 400:
        if operation not in INFLUXDB:
            assert response.headers["content-type"] == "application/problem+json"
        assert ("www-authenticate" in response.headers) is (status == 401)
        assert await scene.stored() == before, "a refusal changed something"
    if status == 403:
        last = "SELECT user_id, source_id, event_type FROM audit_logs ORDER BY id DESC LIMIT 1"
        assert tuple(await scene.dba.fetchrow(last) or ()) == (
            UUID(caller.id),
            UUID(ids["source_id"]) if "{source_id}" in ROUTES[operation].path + QUERIES.get(operation, "") else None,
            "access_denied",
        )


@pytest.mark.parametrize("operation", LISTED)
@pytest.mark.parametrize(
    "actor",
    ["stranger", "reader", "writer", "admin", "stranger*", "reading token", "token elsewhere", "keeper", *MEMBERS],
)
async def test_a_list_holds_what_is_ones_own_or_granted(scene: Scene, operation: str, actor: str) -> None:
    if operation == "list_own_audit":
        # What was refused before is in the audit of who asked.
        scene.spend(operation, actor)
    caller, ids = await scene.prepare(operation, actor)
    of, whose = LISTED[operation]
    assert (ids[of] in await every_page(caller, operation)) is (actor in whose)


async def every_page(caller: Person, operation: str) -> str:
    """All that a list shows: every test before has left something there. A device is told nothing of some lists."""
    place = "since" if operation == "list_changes" else "cursor"
    texts, asked = [], {"limit": "1000"}
    while True:
        response = await caller.get(ROUTES[operation].path, params=asked)
        texts.append(response.text)
        told = response.json()
        if response.status_code in {403, 404} or not told.get("has_more", told["next_cursor"]):
            return "".join(texts)
        asked[place] = told["next_cursor"]


INVISIBLE = [
    (operation, actor, status)
    for operation, actor, status in CELLS
    if actor.rstrip("*") in {"anonymous", "stranger", "token elsewhere", "keeper", "guest"}
    and "_id}" in ROUTES[operation].path
    and status in {401, 404}
]


@pytest.mark.parametrize(("operation", "actor", "status"), INVISIBLE)
async def test_what_one_may_not_see_looks_like_what_is_not_there(
    scene: Scene, operation: str, actor: str, status: int
) -> None:
    caller, ids = await scene.prepare(operation, actor)
    there = await ask(caller, operation, ids)
    for name in ("source_id", "home_id", "plant_id", "session_id", "token_id", "validator_id", "mapping_id", "user_id"):
        ids[name] = str(uuid4())
    for inside in ({}, {name: str(uuid4()) for name in ("reading_id", "event_id")}):
        nowhere = await ask(caller, operation, ids | inside)
        assert told(nowhere) == told(there)
    assert there.status_code == status


@pytest.mark.parametrize("operation", [name for name, route in ROUTES.items() if "_id}" in route.path])
@pytest.mark.parametrize("actor", ["anonymous", "stranger", "admin"])
async def test_an_id_that_is_none_looks_like_one_of_nothing(scene: Scene, operation: str, actor: str) -> None:
    caller = scene.people[actor]
    names = (
        "source_id",
        "home_id",
        "plant_id",
        "session_id",
        "reading_id",
        "event_id",
        "user_id",
        "token_id",
        "validator_id",
        "mapping_id",
        "kind",
    )
    ids = {name: str(uuid4()) for name in names}
    ids["other_id"] = scene.people["other"].id
    nothing = await ask(caller, operation, ids)
    for misshapen in ("1", "x", "%00", "null", "..%2F..", "0" * 1000):
        none = await ask(caller, operation, {**ids, **dict.fromkeys(ids, misshapen), "other_id": ids["other_id"]})
        assert told(none) == told(nothing)


def told(response: httpx.Response) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
    """All that an answer tells, but for the request's own id."""
    problem = {name: value for name, value in response.json().items() if name != "instance"}
    headers = [(name, value) for name, value in response.headers.items() if name != "x-request-id"]
    return response.status_code, problem, sorted(headers)


@pytest.mark.parametrize("operation", ROUTES)
async def test_a_token_of_a_session_that_has_ended_opens_nothing(scene: Scene, operation: str) -> None:
    caller = await scene.newcomer()
    _, ids = await scene.prepare(operation, "stranger")
    await caller.post("/v1/auth/logout", {"refresh_token": caller.login["refresh_token"]})
    response = await ask(caller, operation, ids)
    # What is public is refused as well: bad credentials are 401 everywhere but where none are asked for.
    open_to_all = MATRIX[operation][ACTORS.index("bad")] != 401
    assert (response.status_code == 401) is not open_to_all, response.text
    scene.spend(operation, "stranger")


@pytest.mark.parametrize("operation", [name for name, route in ROUTES.items() if route.method == "DELETE"])
async def test_a_deletion_takes_no_body_and_then_deletes_nothing(scene: Scene, operation: str) -> None:
    actor = "admin" if MATRIX[operation][ACTORS.index("admin")] == 204 else "keeper"
    caller, ids = await scene.prepare(operation, actor)
    path = ROUTES[operation].path.format_map(ids)
    before = await scene.stored()

    async def chunks() -> AsyncIterator[bytes]:
        yield b"{}"

    for options in ({"json": {"current_password": "wrong"}}, {"content": b"\xff"}, {"content": chunks()}):
        response = await caller.call("DELETE", path, **options)
        assert (response.status_code, response.json()["detail"]) == (400, "This takes no body.")
        assert response.json()["type"] == "/errors/unreadable"
        assert (await scene.people["anonymous"].call("DELETE", path, **options)).status_code == 401
    assert await scene.stored() == before
    empty = {"Content-Length": "0", "Content-Type": "application/json"}
    assert (await caller.delete(path, headers=empty)).status_code == 204
    scene.spend(operation, actor)


async def test_access_that_is_revoked_is_gone_with_the_next_request(scene: Scene) -> None:
    admin, writer = scene.people["admin"], scene.people["writer"]
    caller, ids = await scene.prepare("get_source", "writer")
    assert (await ask(caller, "log_readings", ids)).status_code == 201
    path = f"/v1/sources/{ids['source_id']}/access/{writer.id}"
    assert (await admin.put(path, {"access_level": "read"})).status_code == 200
    assert (await ask(caller, "correct_reading", ids)).status_code == 403
    assert (await admin.delete(path)).status_code == 204
    for operation in ("get_source", "list_readings", "get_reading", "correct_reading", "log_readings"):
        assert (await ask(caller, operation, ids)).status_code == 404
    scene.spend("get_source", "writer")


@pytest.mark.parametrize("path", ["/schema", "/schema/openapi.json"])
@pytest.mark.parametrize("actor", ["anonymous", "bad", "stranger"])
async def test_the_description_is_everyones(scene: Scene, path: str, actor: str) -> None:
    assert (await scene.people[actor].get(path)).status_code == 200
