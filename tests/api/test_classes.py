"""What the class of each column decides: personal ones are exported, secret ones come out nowhere.

The classes stand in the columns' COMMENTs; that every column has one, and that no login reads a secret one, is
sql/checks' to say.
"""

import json
from typing import Any

import asyncpg
import pytest

from service.catalogue import COLUMNS
from service.personal_data import KEPT
from service.settings import Settings
from tests.api.test_me_export import exported, furnish, thinned
from tests.people import Household

EXPORTED = {
    # The type of line that a table's rows come as.
    "audit_logs": "audit",
    "calendar_links": "calendar_link",
    "care_events": "care",
    "care_intervals": "care_interval",
    "data_sources": "source",
    "data_validators": "validator",
    "device_tokens": "token",
    "growth_measurements": "growth",
    "home_members": "member",
    "homes": "home",
    "line_protocol_sources": "line_mapping",
    "meter_events": "meter_event",
    "plants": "plant",
    "readings": "reading",
    "reading_horizons": "horizon",
    "reading_hours": "thinned_hour",
    "sessions": "session",
    "source_retentions": "retention",
    "user_oauth_identities": "identity",
    "user_passwords": "account",
    "user_source_access": "grant",
    "users": "account",
}

OTHERWISE = {
    # What has another name there, or is told by what stands there anyway.
    ("user_passwords", "is_temporary"): "is_password_temp",
    ("user_passwords", "created_at"): "password_changed_at",
    ("user_passwords", "used_at"): "is_password_temp",
    ("reading_hours", "is_thinned"): None,  # only such hours are exported; readings make the others
    ("sessions", "is_gated"): None,  # is_password_temp of the account
    ("sessions", "ended_at"): None,  # only sessions that live are exported; the audit log tells of those that ended
    ("device_tokens", "is_gated"): None,  # is_password_temp of the account
}

OWNED_BY_WHO_EXPORTS = {
    "audit_logs", "calendar_links", "device_tokens", "line_protocol_sources", "plants", "sessions",
    "user_oauth_identities", "user_passwords",
}  # fmt: skip

NOT_EXPORTED = {
    **dict.fromkeys(["latest_readings", "reading_days"], "made of readings and thinned hours, which are"),
    **dict.fromkeys(
        ["changed_days", "gained_homes", "gained_sources", "moved_things"],
        "by which GET /v1/changes finds what it tells; what it tells is exported",
    ),
    **dict.fromkeys(["place_tombstones", "source_tombstones", "user_tombstones"], "ids of what is gone"),
    "password_guesses": "about whom is a digest that nobody can read",
    "refresh_tokens": "of a session, which tells when it was made and last used",
    "request_budgets": "a minute's count",
    "stale_days": "of a source whose days are being summed up again",
}


async def of_class(dba: asyncpg.Connection, data_class: str) -> set[tuple[str, str]]:
    """Each column of a class, with its table."""
    rows = await dba.fetch(COLUMNS.sql)
    return {(row["of_table"], row["name"]) for row in rows if row["data_class"] == data_class}


async def link(dba: asyncpg.Connection, user_id: str) -> None:
    await dba.execute(
        "INSERT INTO user_oauth_identities (user_id, provider, issuer, provider_user_id, access_token, refresh_token)"
        " VALUES ($1, 'google', 'https://accounts.google.com', 'subject', 'canary one', 'canary two')",
        user_id,
    )


def told(lines: list[Any]) -> dict[str, set[str]]:
    """The fields of each type of line."""
    fields: dict[str, set[str]] = {}
    for line in lines:
        fields.setdefault(line["type"], set()).update(line["body"] or {}, line["server"] or {})
    return fields


def keys(value: Any) -> set[str]:
    """Every name in a value, however deep."""
    if isinstance(value, dict):
        return set(value).union(*map(keys, value.values()))
    return set().union(*map(keys, value)) if isinstance(value, list) else set()


async def test_every_personal_column_is_exported_or_says_why_not(
    home: Household, settings: Settings, dba: asyncpg.Connection
) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    await furnish(ann, ben)
    await thinned(ann, settings)
    await link(dba, ann.id)
    fields = told(await exported(ann))
    personal = await of_class(dba, "personal")
    tables = {table for table, _ in personal}
    assert tables == EXPORTED.keys() | NOT_EXPORTED.keys() == KEPT.keys()
    assert OTHERWISE.keys() <= personal
    missing = [
        f"{table}.{column}"
        for table, column in sorted(personal)
        if table in EXPORTED
        and (column, table in OWNED_BY_WHO_EXPORTS) != ("user_id", True)
        and OTHERWISE.get((table, column), column) not in fields[EXPORTED[table]] | {None}
    ]
    assert not missing


async def test_no_secret_column_is_exported_or_audited(home: Household, dba: asyncpg.Connection) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    things = await furnish(ann, ben)
    await link(dba, ann.id)
    secret = await of_class(dba, "secret")
    held: list[str] = []
    for table, column in sorted(secret):
        query = f'SELECT "{column}" AS value FROM {table} WHERE "{column}" IS NOT NULL'  # noqa: S608 - the catalogue's
        values = [row["value"] for row in await dba.fetch(query)]
        held += [value.hex() if isinstance(value, bytes) else value for value in values]
    assert len(held) > 5
    export = (await ann.get("/v1/me/export")).content
    for path in (f"/v1/me/tokens/{things['token']['id']}", "/v1/me/calendar-link"):
        assert (await ann.delete(path)).status_code == 204
    await dba.execute("DELETE FROM user_oauth_identities")
    audited = "\n".join([row["details"] for row in await dba.fetch("SELECT details::text FROM audit_logs")])
    assert not [value for value in held if value in export.decode() or value in audited]

    lines = [json.loads(line) for line in [*export.splitlines(), *audited.encode().splitlines()]]
    names = {column for _, column in secret}
    assert {"password_hash", "token_hash", "key_hash"} < names
    assert not names & set().union(*map(keys, lines))


@pytest.mark.parametrize("role", ["homelog_api", "homelog_ops", "homelog_migrator"])
async def test_nobody_who_logs_in_reads_a_secret_column(role: str, dba: asyncpg.Connection) -> None:
    for table, column in sorted(await of_class(dba, "secret")):
        async with dba.transaction():
            await dba.execute(f"SET LOCAL ROLE {role}")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with dba.transaction():
                    await dba.fetch(f'SELECT "{column}" FROM {table}')  # noqa: S608 - the catalogue's names
