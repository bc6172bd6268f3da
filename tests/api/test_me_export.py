"""All that is one's own: read out, and taken in by another server through the same calls."""

import asyncio
import importlib.util
import json
import os
import re
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import msgspec
import pytest

from service.app import EXPORTS
from service.embedded import EmbeddedPostgres
from service.maintenance.running import run as maintain
from service.settings import Settings
from service.transaction import Transaction
from tests.api.test_access_matrix import ROUTES
from tests.conftest import cloned
from tests.people import PASSWORD, Household, Person, serve
from tests.processes import served as serving

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "examples/import_export.py"
_spec = importlib.util.spec_from_file_location("import_export", EXAMPLE)
assert _spec
assert _spec.loader
import_export = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(import_export)

AWKWARD = '"timestamp":"2026-01-01T00:00:00.5+00:00"\n\t\x01\x02\\ ünï\u2028 🪴'


async def exported(person: Person) -> list[Any]:
    """Every line of somebody's export but the last, which counts them."""
    response = await person.get("/v1/me/export")
    assert response.status_code == 200, response.text
    *lines, end = map(json.loads, response.content.splitlines())
    assert end == {"type": "end", "call": None, "body": None, "server": {"lines": len(lines)}}
    return lines


def taken(lines: list[Any]) -> list[Any]:
    """What another server takes in, less what the server makes."""
    return [{**line, "server": None} for line in lines if line["call"]]


def of(lines: list[Any], type_: str) -> list[Any]:
    return [line for line in lines if line["type"] == type_]


async def furnish(ann: Person, ben: Person) -> dict[str, Any]:
    """A household that has something of everything."""
    await ann.patch("/v1/me", {"username": "ann-the-first", "display_name": "Ann\t🪴"})
    place = await ann.home(name="House", address="Somewhere 1")
    meter = await ann.source(
        name="2026-01-01T00:00:00+00:00", kind="counter", home_id=place["id"], meter_number="M-1", is_public=True,
        description=AWKWARD, address="Cellar", thumbnail_url="https://example.org/x.png", place_name="Cellar",
    )  # fmt: skip
    other = await ann.source(name="Other", unit="%", source_type="moisture")
    await ann.invite(place, ben, "read", expires_at="2100-01-01T00:00:00Z")
    await ann.grant(meter, ben, "write")
    path = f"/v1/sources/{meter['id']}"
    await ann.made(f"{path}/meter-events", at="2026-01-02T12:00:00.25Z", kind="swap", old_value=20, new_value=0.5)
    rows = [
        {"timestamp": "2026-01-01T00:00:00Z", "value": 0.1 + 0.2, "notes": AWKWARD, "metadata": {"a": {"at": AWKWARD}}},
        {"timestamp": "2026-01-02T00:00:00.000001Z", "value": 20, "quality_flag": "estimated"},
        {"timestamp": "2026-01-03T00:00:00.5Z", "value": 1e300, "quality_flag": "bad", "notes": " "},
    ]
    await ann.post(f"{path}/readings", rows)
    await ann.post(f"/v1/sources/{other['id']}/readings", [{"timestamp": "2026-01-01T00:00:00Z", "value": -1}])
    # Younger than readings that it would refuse.
    await ann.made(f"{path}/validators", max_value=10, non_decreasing=True, max_rate=1e6)
    await ann.put(f"{path}/retention", {"months": 1200, "action": "delete"})
    await ann.put("/v1/me/line-mappings", {"series": "temperature,room=kitchen value", "source_id": other["id"]})
    await ann.put("/v1/me/line-mappings", {"series": "noise value", "source_id": None})
    fern = await ann.plant(
        home_id=place["id"], species="Nephrolepis", growth=[1, 2.5, 1e-7], last_water="2026-01-01T00:00:00.5Z",
        note=AWKWARD, status="dry", every=3, moisture=0.25, room="Kitchen", light="Shade",
        season_factor=2.5, season_from=11, season_to=2, snoozed_until="2026-01-09",
    )  # fmt: skip
    cactus = await ann.plant(
        name="Cactus", kind="succulent", status="resting", moisture_source_id=other["id"], dry_below=0.1,
        stale_after_hours=48,
    )  # fmt: skip
    await ann.post(f"/v1/plants/{fern['id']}/water", {"at": "2026-01-05T00:00:00Z"})
    await ann.made(f"/v1/plants/{fern['id']}/care-events", kind="repot", at="2026-01-06T00:00:00.5Z", note=AWKWARD)
    await ann.put(f"/v1/plants/{fern['id']}/care-intervals/repot", {"every": 700})
    await ann.post(f"/v1/plants/{fern['id']}/growth", {"value": 3, "at": "2026-01-07T00:00:00Z"})
    await ann.made("/v1/me/calendar-link")
    token = await ann.made("/v1/me/tokens", name="Sensor", scopes=["write:data"], source_ids=[meter["id"]])
    return {"place": place, "meter": meter, "other": other, "fern": fern, "cactus": cactus, "token": token}


@pytest.fixture
async def another(server: EmbeddedPostgres, template: str, settings: Settings) -> AsyncIterator[Household]:
    """A server of somebody else's, with nobody on it."""
    async with cloned(server, template) as name:
        url = server.url("homelog_api", name)
        async with serve(msgspec.structs.replace(settings, database_url=url)) as household:
            yield household


async def import_to(person: Person, lines: list[bytes], left: Counter[str] | None = None) -> list[tuple[Any, str]]:
    """Take lines in as examples/import_export.py does: what was refused. Counts what no call takes in."""
    transport = person.client._transport
    async with httpx.AsyncClient(transport=transport, base_url="http://homelog.test", headers=person.headers) as client:
        return [refused async for refused in import_export.take_in(client, lines, left)]


async def lines_of(person: Person) -> list[bytes]:
    transport = person.client._transport
    async with httpx.AsyncClient(transport=transport, base_url="http://homelog.test", headers=person.headers) as client:
        return b"".join([piece async for piece in import_export.export(client)]).splitlines()


# There and back


async def test_what_another_server_took_in_it_reads_out_again(home: Household, another: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    await furnish(ann, ben)
    hers = await exported(ann)
    for name in ("ben", "somebody"):
        await another.person(name)
    moved = await another.person("ann-elsewhere")
    assert await import_to(moved, await lines_of(ann)) == []
    there = await exported(moved)
    assert taken(there) == taken(hers)
    assert {line["type"] for line in hers} == {line["type"] for line in there} | {"growth", "token", "calendar_link"}


async def test_taking_it_in_twice_changes_nothing(home: Household, another: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    await furnish(ann, ben)
    await another.person("ben")
    moved, lines = await another.person("moved"), await lines_of(ann)
    assert await import_to(moved, lines) == []
    once = await exported(moved)
    assert await import_to(moved, lines) == []
    twice = await exported(moved)
    assert taken(twice) == taken(once)
    # Not even what the server makes, but for what a PATCH and a PUT touch and what tells of them.
    touched = {"account", "line_mapping", "care_interval", "audit"}
    stored = [[line for line in each if line["type"] not in touched] for each in (once, twice)]
    assert stored[0] == stored[1]


async def test_an_import_that_was_cut_off_is_finished_by_the_next(home: Household, another: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    await furnish(ann, ben)
    await another.person("ben")
    moved, lines = await another.person("moved"), await lines_of(ann)
    for cut in range(0, len(lines) - 1, 5):
        with pytest.raises(EOFError):
            await import_to(moved, lines[:cut])
    assert await import_to(moved, lines) == []
    assert taken(await exported(moved)) == taken(await exported(ann))


async def test_somebody_who_is_not_there_is_told_and_the_rest_taken_in(home: Household, another: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    await furnish(ann, ben)
    moved = await another.person("moved")
    refused = await import_to(moved, await lines_of(ann))
    assert [(line["type"], line["body"]["email"]) for line, _ in refused] == [
        ("member", ben.email),
        ("grant", ben.email),
    ]
    assert all(why for _, why in refused)
    about_him = {"member", "grant"}
    assert taken(await exported(moved)) == [
        line for line in taken(await exported(ann)) if line["type"] not in about_him
    ]


async def test_the_sums_of_what_was_thinned_stand_in_an_export_to_be_read(
    home: Household, another: Household, settings: Settings
) -> None:
    ann = await home.person("ann")
    source = await thinned(ann, settings)
    path = f"/v1/sources/{source['id']}"
    horizon = (await ann.get(f"{path}/retention")).json()["thinned_until"]
    lines = await exported(ann)
    sums = of(lines, "thinned_hour")
    assert len(of(lines, "reading")) == 10
    assert [(line["call"], line["body"]) for line in sums] == [(None, None)] * 5
    assert sum(line["server"]["count"] for line in sums) == sum(line["server"]["sum"] for line in sums) == 300
    assert all(line["server"][name].endswith(":00Z") for line in sums for name in ("hour", "first_at", "last_at"))
    assert [line["server"] for line in of(lines, "horizon")] == [
        {"source_id": source["id"], "thinned_until": horizon, "deleted_until": None}
    ]
    # What was thinned stays so when nothing more is to be, and is told all the same.
    assert (await ann.delete(f"{path}/retention")).status_code == 204
    later = await exported(ann)
    assert [of(later, "retention"), of(later, "horizon"), of(later, "thinned_hour")] == [
        [], of(lines, "horizon"), sums
    ]  # fmt: skip

    # No call takes them in: whoever moves is told so, and the ten readings are there.
    moved, left = await another.person("moved"), Counter[str]()
    assert await import_to(moved, await lines_of(ann), left) == []
    assert (left["thinned_hour"], left["horizon"]) == (5, 1)
    assert [len(of(await exported(moved), type_)) for type_ in ("reading", "thinned_hour")] == [10, 0]


async def thinned(person: Person, settings: Settings) -> Any:
    """A source of five hours of old readings that its retention has thinned: 300 times 1."""
    source = await person.source(kind="delta")
    since = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=100)
    rows = [{"timestamp": (since + timedelta(minutes=n)).isoformat(), "value": 1} for n in range(300)]
    assert (await person.post(f"/v1/sources/{source['id']}/readings", rows)).json()["created"] == 300
    await person.put(f"/v1/sources/{source['id']}/retention", {"months": 1, "action": "thin"})
    await maintain(settings.database_url)
    return source


async def test_many_readings_go_in_batches(
    home: Household, another: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, moved = await home.person("ann"), await another.person("moved")
    source = await ann.source()
    rows = [{"timestamp": f"2026-01-{1 + n // 24:02}T{n % 24:02}:00:00Z", "value": n} for n in range(300)]
    await ann.post(f"/v1/sources/{source['id']}/readings", rows)
    monkeypatch.setattr(import_export, "BATCH", 70)
    assert await import_to(moved, await lines_of(ann)) == []
    assert taken(await exported(moved)) == taken(await exported(ann))


# The example as it is called


def run(*args: str, given: bytes = b"", password: str = PASSWORD) -> subprocess.CompletedProcess[bytes]:
    """Call the example where there is no terminal."""
    environment = {"PATH": os.environ["PATH"], "IMPORT_EXPORT_PASSWORD": password}
    command = [sys.executable, str(EXAMPLE), *args]
    return subprocess.run(
        command, input=given, env=environment, check=False, capture_output=True, start_new_session=True
    )


@pytest.fixture
def served(server: EmbeddedPostgres, database: str, tmp_path: Path) -> Iterator[str]:
    """The address of a service of its own processes."""
    with serving(server.url("homelog_api", database), tmp_path) as address:
        yield address


def test_called_it_tells_what_was_refused_and_signs_out(served: str) -> None:
    with httpx.Client(base_url=served) as web:
        for name in ("ann", "ben"):
            web.post("/v1/auth/register", json={"email": f"{name}@example.org", "password": PASSWORD})
        ann = sign_in(web, "ann@example.org", PASSWORD)
        home = web.post("/v1/homes", json={"name": "House", "timezone": "UTC"}, headers=ann).json()
        written = run("export", served, "ann@example.org")
        assert (written.returncode, written.stderr) == (0, b"")
        lines = written.stdout.splitlines(keepends=True)
        again = run("import", served, "ann@example.org", given=written.stdout)
        assert (again.returncode, again.stdout) == (0, b"")
        assert re.fullmatch(rb"Left, as no call takes it in: \d+ audit, \d+ session\.\n", again.stderr)
        # The same server has the home already, and it is somebody else's.
        to_ben = run("import", served, "ben@example.org", given=written.stdout)
        refused, why = to_ben.stderr.decode().splitlines()[0].removeprefix("refused ").rsplit(": ", 1)
        assert (to_ben.returncode, json.loads(refused)["body"]["id"]) == (1, home["id"])
        assert why.strip()
        for given, said in (
            (b"".join(lines[:-1]), "The export was cut off"),
            (b"", "The export was cut off"),
            (lines[0] + b"<html>\n", "Line 2 is none of an export"),
            (lines[0] + b"[]\n", "Line 2 is none of an export"),
        ):
            result = run("import", served, "ann@example.org", given=given)
            assert (result.returncode, result.stderr.decode().startswith(said)) == (1, True), result.stderr
        assert len(web.get("/v1/me/sessions", headers=ann).json()["items"]) == 1
        wrong = run("export", served, "ann@example.org", password="not the phrase")
        assert (wrong.returncode, wrong.stdout, json.loads(wrong.stderr)["status"]) == (1, b"", 401)
        # The first account is an admin; a password of theirs opens its change alone.
        made = web.post("/v1/users", json={"email": "kim@example.org"}, headers=ann).json()
        shut = run("export", served, "kim@example.org", password=made["temporary_password"])
        assert (shut.returncode, json.loads(shut.stderr)["type"]) == (1, "/errors/password_change_required")


def sign_in(web: httpx.Client, email: str, password: str) -> dict[str, str]:
    answer = web.post("/v1/auth/login", json={"email": email, "password": password})
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.mark.parametrize(
    ("args", "password", "status", "said"),
    [
        ([], PASSWORD, 2, "usage: import_export.py [-h] {export,import} address email\n"),
        (["export"], PASSWORD, 2, "the following arguments are required: address, email"),
        (["move", "http://127.0.0.1:1", "ann@example.org"], PASSWORD, 2, "invalid choice"),
        (["export", "http://127.0.0.1:1", "ann@example.org", PASSWORD], PASSWORD, 2, "unrecognized arguments"),
        (["export", "http://127.0.0.1:1", "ann@example.org"], "", 2, "set IMPORT_EXPORT_PASSWORD"),
        (["export", "http://127.0.0.1:1", "ann@example.org"], PASSWORD, 75, "The server cannot be reached"),
        (["export", "127.0.0.1:1", "ann@example.org"], PASSWORD, 75, "The server cannot be reached"),
        (["--help"], PASSWORD, 0, "the variable IMPORT_EXPORT_PASSWORD"),
    ],
)
def test_the_exit_status_tells_what_became_of_a_call(args: list[str], password: str, status: int, said: str) -> None:
    # What stands in standard input is an export: its first line is no password.
    result = run(*args, given=b'{"type":"end","call":null,"body":null}\n', password=password)
    told = (result.stdout if status == 0 else result.stderr).decode()
    assert result.returncode == status, result.stderr
    assert said in told.replace("\n", " ") or said in told
    assert b"Traceback" not in result.stderr


# What is one's own


async def test_every_call_that_makes_something_of_ones_own_stands_in_an_export(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    await furnish(ann, ben)
    said = {
        re.sub(r"/[0-9a-f-]{36}|(?<=intervals)/\w+", "/{}", line["call"])
        for line in await exported(ann)
        if line["call"]
    }
    makes = {
        f"{route.method} {re.sub(r'{.*?}', '{}', route.path)}": name
        for name, route in ROUTES.items()
        if route.method in {"POST", "PUT"} and name not in NOT_TAKEN_ALONG
    }
    assert makes.keys() == said - {"PATCH /v1/me"}
    assert NOT_TAKEN_ALONG.keys() <= ROUTES.keys()


NOT_TAKEN_ALONG = {
    **dict.fromkeys(["register", "login", "refresh", "logout", "change_password"], "is a secret or ends one"),
    **dict.fromkeys(["login_by_id_token", "complete_provider_login"], "opens a session"),
    "create_calendar_link": "its secret is stored nowhere",
    "link_identity": "nobody can vouch for it but the provider; the identity stands there to be read",
    **dict.fromkeys(["create_user", "reset_password"], "administers accounts of others"),
    "create_token": "its secret is stored nowhere; the token stands there to be read",
    "change_grant": "create_grant does it",
    "log_readings": "log_readings_of_many does it",
    "check_validator": "stores nothing",
    **dict.fromkeys(["write_lines", "write_lines_v1"], "readings do it"),
    **dict.fromkeys(["water_plant", "water_plants", "grow_plant"], "the plant has it"),
    "care_for_plants": "create_care_event does it",
    "change_member": "invite_member does it",
}


async def test_what_one_can_read_but_does_not_administer_is_not_ones_own(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    things = await furnish(ann, ben)
    await ann.grant(things["other"], ben, "read")
    public = f"/v1/sources/{things['meter']['id']}"
    assert (await ben.get(public)).status_code == 200
    lines = await exported(ben)
    assert {line["type"] for line in lines} == {"account", "session", "audit"}
    await ann.put(f"{public}/access/{ben.id}", {"access_level": "admin"})
    assert {line["type"] for line in await exported(ben)} == {
        "account", "session", "audit", "source", "grant", "meter_event", "reading", "validator", "retention",
    }  # fmt: skip


async def test_a_source_in_a_home_of_somebody_elses_comes_without_the_home(home: Household, another: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    things = await furnish(ann, ben)
    meter = things["meter"]["id"]
    await ann.put(f"/v1/sources/{meter}/access/{ben.id}", {"access_level": "admin"})
    (line,) = of(await exported(ben), "source")
    assert (line["body"]["home_id"], line["server"]["home_id"]) == (None, things["place"]["id"])
    moved = await another.person("moved")
    await another.person("ann")
    assert await import_to(moved, await lines_of(ben)) == []


async def test_a_mapping_to_a_source_that_stays_is_read_and_not_taken_in(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    things = await furnish(ann, ben)
    await ben.put("/v1/me/line-mappings", {"series": "m f", "source_id": things["meter"]["id"]})
    (line,) = of(await exported(ben), "line_mapping")
    assert (line["call"], line["body"]) == (None, {"series": "m f", "source_id": things["meter"]["id"]})


async def test_what_others_did_to_ones_sources_is_not_ones_own_audit(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    things = await furnish(ann, ben)
    await ben.post(f"/v1/sources/{things['meter']['id']}/readings", {"value": 2, "timestamp": "2026-03-01T00:00:00Z"})
    own = (await ann.get("/v1/audit", params={"user_id": ann.id, "limit": 1000})).json()["items"]
    told = of(await exported(ann), "audit")
    assert [line["server"] | {"user_id": ann.id} for line in told[:-1]] == own[::-1]
    assert told[-1]["server"]["event_type"] == "export_account"


async def test_an_export_shows_each_thing_as_its_own_call_does(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    things = await furnish(ann, ben)
    lines = await exported(ann)
    meter, fern = f"/v1/sources/{things['meter']['id']}", f"/v1/plants/{things['fern']['id']}"
    paths = {
        "account": "/v1/me", "home": "/v1/homes", "source": "/v1/sources", "grant": f"{meter}/access",
        "meter_event": f"{meter}/meter-events", "validator": f"{meter}/validators", "plant": "/v1/plants",
        "line_mapping": "/v1/me/line-mappings", "token": "/v1/me/tokens", "session": "/v1/me/sessions",
        "reading": f"{meter}/readings?order=asc", "member": f"/v1/homes/{things['place']['id']}/members",
        "care": f"{fern}/care-events", "care_interval": f"{fern}/care-intervals", "growth": f"{fern}/growth",
        "calendar_link": "/v1/me/calendar-link", "retention": f"{meter}/retention",
    }  # fmt: skip
    assert {line["type"] for line in lines} == paths.keys() | {"audit"}

    def key(said: Any) -> Any:
        return said.get("id", said.get("user_id", said.get("kind")))

    for type_, path in paths.items():
        answer = (await ann.get(path)).json()
        # Oneself, and whoever has a source by its home, is no grant.
        shown = [item for item in answer.get("items", [answer]) if item.get("via", "grant") == "grant"]
        items = {key(item): item for item in shown if type_ != "member" or item["user_id"] != ann.id}
        seen = 0
        for line in of(lines, type_):
            told = {**(line["server"] or {}), **(line["body"] or {})}
            item = items.get(key(told))
            if item is None:
                assert type_ == "reading"  # of the other source
                continue
            seen += 1
            derived = {"status"} if type_ == "plant" else set()
            assert {name: told[name] for name in told.keys() & item.keys() - derived} == {
                name: item[name] for name in told.keys() & item.keys() - derived
            }
            assert item.keys() - told.keys() <= {
                "access_level", "latest", "due_on", "user_id", "source_id", "current", "sensor", "home_id", "last_at",
            }  # fmt: skip
        assert seen == len(items)


async def test_every_time_in_an_export_is_rfc_3339_in_utc(home: Household) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    await furnish(ann, ben)
    for line in await exported(ann):
        for part in (line["body"] or {}, line["server"] or {}):
            for name, value in part.items():
                if value is not None and (
                    name.endswith("_at") or name in {"at", "timestamp", "event_time", "last_water"}
                ):
                    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", value), name


async def test_an_export_holds_no_secret(home: Household, dba: asyncpg.Connection) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    token = (await furnish(ann, ben))["token"]["token"]
    await dba.execute(
        "INSERT INTO user_oauth_identities (user_id, provider, issuer, provider_user_id, access_token, refresh_token)"
        " VALUES ($1, 'google', 'https://accounts.google.com', 'subject', 'canary one', 'canary two')",
        ann.id,
    )
    said = (await ann.get("/v1/me/export")).text
    assert '"provider":"google","issuer":"https://accounts.google.com","provider_user_id":"subject"' in said
    secrets = [token, PASSWORD, "canary", "$argon2", ann.login["access_token"], ann.login["refresh_token"], "hash"]
    assert [secret for secret in secrets if secret in said] == []


# How it is read out


async def test_an_export_is_of_one_moment(home: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    things = await furnish(ann, ben)
    before = [line for line in await exported(ann) if line["type"] != "audit"]
    copy, copied = Transaction.copy, 0

    async def with_somebody_else_at_work(self: Transaction, query: Any, *args: Any, **options: Any) -> None:
        nonlocal copied
        await copy(self, query, *args, **options)
        copied += 1
        if copied == 2:
            assert (await ann.delete(f"/v1/sources/{things['meter']['id']}")).status_code == 204
            assert (await ann.patch(f"/v1/plants/{things['fern']['id']}", {"name": "Changed"})).status_code == 200

    monkeypatch.setattr(Transaction, "copy", with_somebody_else_at_work)
    assert [line for line in await exported(ann) if line["type"] != "audit"] == before
    assert copied == len(EXPORTS)
    monkeypatch.undo()
    assert [line for line in await exported(ann) if line["type"] != "audit"] != before


async def test_an_export_is_audited_and_bears_its_type(home: Household) -> None:
    ann = await home.person("ann")
    response = await ann.get("/v1/me/export")
    assert response.headers["content-type"].startswith("application/x-ndjson")
    assert response.headers["content-disposition"] == 'attachment; filename="homelog.ndjson"'
    assert (await ann.get("/v1/audit")).json()["items"][0]["event_type"] == "export_account"


async def test_a_hundred_thousand_readings_need_no_more_memory_than_a_few(
    home: Household, dba: asyncpg.Connection
) -> None:
    ann = await home.person("ann")
    source = await ann.source()

    async def peak() -> tuple[int, int]:
        sent = 0

        async def send(message: Any) -> None:
            nonlocal sent
            sent += len(message.get("body", b""))

        async def receive() -> Any:
            await asyncio.Event().wait()

        headers = [(b"authorization", ann.headers["Authorization"].encode())]
        scope = {
            "type": "http", "method": "GET", "path": "/v1/me/export", "raw_path": b"/v1/me/export", "root_path": "",
            "query_string": b"", "headers": headers, "scheme": "http", "http_version": "1.1", "client": ("::1", 1),
            "server": ("homelog.test", 80), "app": None,
        }  # fmt: skip
        tracemalloc.start()
        await home.app(scope, receive, send)  # type: ignore[arg-type]
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return sent, size

    few = [await peak(), await peak()][1]
    await dba.execute(
        "INSERT INTO readings (source_id, value, timestamp)"
        " SELECT $1, n, timestamptz '2020-01-01T00:00:00Z' + n * interval '1 minute'"
        " FROM generate_series(1, 100000) AS n",
        source["id"],
    )
    many = await peak()
    assert many[0] > 100_000 * 200
    assert many[1] < few[1] + 2_000_000


# Who may


async def test_nobody_and_no_device_has_an_export(home: Household) -> None:
    ann = await home.person("ann")
    token = await ann.made("/v1/me/tokens", name="All", scopes=["read:data", "write:data"])
    device = Person(home.client, "device", {"access_token": token["token"]})
    assert (await home.nobody.get("/v1/me/export")).status_code == 401
    assert (await device.get("/v1/me/export")).status_code == 403
    await ann.post("/v1/auth/logout", {"refresh_token": ann.login["refresh_token"]})
    assert (await ann.get("/v1/me/export")).status_code == 401


async def test_whoever_has_nothing_has_an_account(home: Household) -> None:
    ann = await home.person("ann")
    lines = await exported(ann)
    assert [line["type"] for line in lines if line["type"] != "audit"] == ["account", "session"]
    assert uuid4().hex not in json.dumps(lines)
