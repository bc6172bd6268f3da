"""examples/offline_client.py does what docs/sync.md says: phones that are cut off anywhere agree in the end."""

import importlib.util
import json
import random
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from service.embedded import EmbeddedPostgres
from tests.people import PASSWORD, Household, Person
from tests.processes import served as serving

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples/offline_client.py"
_spec = importlib.util.spec_from_file_location("offline_client", EXAMPLE)
assert _spec
assert _spec.loader
offline_client = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(offline_client)

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


class Network(httpx.AsyncBaseTransport):
    """The way to the service, which now and then loses a question, or its answer when all is done."""

    def __init__(self, household: Household, lose: Callable[[], str] = lambda: "") -> None:
        self.way = httpx.ASGITransport(app=household.app)  # type: ignore[arg-type]
        self.lose = lose

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request on, unless it is lost."""
        what = self.lose()
        if what == "question":
            raise httpx.ConnectError("lost")
        answer = await self.way.handle_async_request(request)
        await answer.aread()
        if what == "answer":
            raise httpx.ReadError("lost")
        return answer


def phone_of(person: Person, path: Path, network: Network) -> Any:
    """A phone that is signed in."""
    client = httpx.AsyncClient(transport=network, base_url="http://homelog.test", headers=person.headers)
    return offline_client.Phone(str(path), client)


async def there(person: Person, source: Any) -> list[Any]:
    """What the service says of a source's readings."""
    page = (await person.get(f"/v1/sources/{source['id']}/readings?limit=1000&order=asc")).json()
    return sorted(page["items"], key=lambda reading: str(reading["id"]))


async def test_what_is_logged_offline_comes_to_the_other_phone(home: Household, tmp_path: Path) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    source = await ann.source()
    await ann.grant(source, ben, "write")
    network = Network(home)
    hers, his = phone_of(ann, tmp_path / "hers", network), phone_of(ben, tmp_path / "his", network)
    id_ = hers.log(source["id"], 12.5, NEW_YEAR)
    assert (hers.objects("reading"), [each["id"] for each in hers.waiting()]) == ([], [id_])
    for phone in (hers, his):
        await phone.sync()
    assert hers.waiting() == []
    assert hers.objects("reading") == his.objects("reading") == await there(ann, source)
    assert [(each["id"], each["value"]) for each in his.objects("reading")] == [(id_, 12.5)]


async def test_of_two_values_at_one_time_the_first_stays_and_the_second_is_shown(
    home: Household, tmp_path: Path
) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    source = await ann.source()
    await ann.grant(source, ben, "write")
    network = Network(home)
    hers, his = phone_of(ann, tmp_path / "hers", network), phone_of(ben, tmp_path / "his", network)
    first = hers.log(source["id"], 1, NEW_YEAR)
    second = his.log(source["id"], 2, NEW_YEAR)
    same = his.log(source["id"], 3, NEW_YEAR + timedelta(hours=1))
    hers.log(source["id"], 3, NEW_YEAR + timedelta(hours=1))
    for phone in (hers, his, hers):
        await phone.sync()
    assert hers.objects("reading") == his.objects("reading")
    assert [each["value"] for each in hers.objects("reading")] == [1, 3]
    assert first in {each["id"] for each in his.objects("reading")}
    assert [(each["id"], why) for each, why in his.refused()] == [
        (second, "The source already has another value at this time.")
    ]
    assert hers.refused() == []
    assert same not in {each["id"] for each in his.objects("reading")}


async def test_who_lost_a_source_loses_its_copy_and_what_was_to_be_sent_to_it_is_refused(
    home: Household, tmp_path: Path
) -> None:
    ann, ben = await home.person("ann"), await home.person("ben")
    source = await ann.source()
    await ann.grant(source, ben, "write")
    phone = phone_of(ben, tmp_path / "copy", Network(home))
    phone.log(source["id"], 1, NEW_YEAR)
    await phone.sync()
    assert len(phone.objects("reading")) == 1
    await ann.delete(f"/v1/sources/{source['id']}/access/{ben.id}")
    phone.log(source["id"], 2, NEW_YEAR + timedelta(hours=1))
    await phone.sync()
    assert phone.objects("source") == phone.objects("reading") == phone.waiting() == []
    assert [why for _, why in phone.refused()] == ["There is no such source that you can see."]


async def test_a_copy_that_is_too_old_stays_until_a_new_one_is_whole(
    home: Household, dba: asyncpg.Connection, tmp_path: Path
) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    kept, gone = [
        await ann.made(f"/v1/sources/{source['id']}/readings", value=n, timestamp=f"2026-01-0{n}T00:00:00Z")
        for n in (1, 2)
    ]
    losses = iter(["", "", "", "question"])
    phone = phone_of(ann, tmp_path / "copy", Network(home, lambda: next(losses, "")))
    await phone.sync()
    # The tombstone is forgotten, and the cursor with it.
    await ann.delete(f"/v1/sources/{source['id']}/readings/{gone['id']}")
    await dba.execute("DELETE FROM source_tombstones")
    await dba.execute(
        "CREATE OR REPLACE FUNCTION homelog.change_retention() RETURNS interval LANGUAGE sql IMMUTABLE PARALLEL SAFE"
        " RETURN interval '0'"
    )
    phone.log(source["id"], 3, NEW_YEAR + timedelta(days=2))
    with pytest.raises(httpx.ConnectError):
        await phone.sync()
    assert len(phone.objects("reading")) == 2
    await phone.sync()
    assert phone.objects("reading") == await there(ann, source)
    assert kept["id"] in {each["id"] for each in phone.objects("reading")}


@pytest.mark.parametrize("seed", range(5))
async def test_phones_that_are_cut_off_anywhere_agree_in_the_end(home: Household, tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - it is to be the same every time
    ann, ben = await home.person(f"ann-{seed}"), await home.person(f"ben-{seed}")
    sources = [await ann.source(name=name) for name in ("One", "Two")]
    for source in sources:
        await ann.grant(source, ben, "write")
    network = Network(home)
    phones = [phone_of(ann, tmp_path / "hers", network), phone_of(ben, tmp_path / "his", network)]
    logged = 0
    for _ in range(60):
        number = dice.randrange(2)
        phone, person, source = phones[number], (ann, ben)[number], dice.choice(sources)
        deed = dice.choice(["log", "log", "log", "sync", "sync", "correct", "remove"])
        if deed == "log":
            phone.log(source["id"], dice.randrange(3), NEW_YEAR + timedelta(hours=dice.randrange(20)))
            logged += 1
        elif deed == "sync":
            network.lose = lambda: dice.choice(["", "question", "answer"])
            try:
                await phone.sync()
            except httpx.TransportError:
                continue
            finally:
                network.lose = lambda: ""
        elif readings := await there(person, source):
            path = f"/v1/sources/{source['id']}/readings/{dice.choice(readings)['id']}"
            done = await (person.delete(path) if deed == "remove" else person.patch(path, {"value": -1}))
            assert done.status_code in {200, 204}
    for phone in [*phones, *phones]:
        await phone.sync()
    for phone in phones:
        assert phone.waiting() == []
        for source in sources:
            held = [each for each in phone.objects("reading") if each["source_id"] == source["id"]]
            assert held == await there(ann, source)
    assert logged > 10


async def test_a_sync_goes_on_over_many_pages_and_batches(
    home: Household, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    monkeypatch.setattr(offline_client, "BATCH", 70)
    monkeypatch.setattr(offline_client, "PAGE", 40)
    phone = phone_of(ann, tmp_path / "copy", Network(home))
    for n in range(300):
        phone.log(source["id"], n, NEW_YEAR + timedelta(minutes=n))
    await phone.sync()
    assert phone.waiting() == phone.refused() == []
    assert len(phone.objects("reading")) == 300


def test_ids_are_made_in_order() -> None:
    ids = [offline_client.uuid7() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert {(each.version, each.variant) for each in ids} == {(7, "specified in RFC 4122")}
    assert [each.int >> 80 for each in ids] == sorted(each.int >> 80 for each in ids)


# The command line


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(EXAMPLE), *args], check=False, capture_output=True, text=True)


@pytest.fixture
def served(server: EmbeddedPostgres, database: str, tmp_path: Path) -> Iterator[str]:
    """The address of a service of its own processes."""
    with serving(server.url("homelog_api", database), tmp_path) as address:
        yield address


def test_the_page_says_how_to_run_it(served: str, tmp_path: Path) -> None:
    text = (ROOT / "docs/sync.md").read_text("utf-8")
    (block,) = re.findall(r"^```bash\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    log, waiting, sync, show = map(shlex.split, block.splitlines())
    assert {tuple(line[:3]) for line in (log, waiting, sync, show)} == {
        (".venv/bin/python", "examples/offline_client.py", "copy.db")
    }
    assert sync[3:5] == ["sync", "http://127.0.0.1:8000"]
    with httpx.Client(base_url=served) as web:
        account = {"email": sync[5], "password": sync[6]}
        web.post("/v1/auth/register", json=account)
        token = web.post("/v1/auth/login", json=account).json()["access_token"]
        source = {"id": log[4], "name": "Meter", "source_type": "heat", "unit": "kWh"}
        web.post("/v1/sources", json=source, headers={"Authorization": f"Bearer {token}"})
    sync[4] = served
    said = []
    for line in (log, waiting, sync, show):
        result = run(str(tmp_path / "copy.db"), *line[3:])
        assert (result.returncode, result.stderr) == (0, "")
        said.append(result.stdout)
    assert json.loads(said[1].removeprefix("waiting "))["id"] == said[0].strip()
    assert said[2].startswith("sent 1, refused 0; the copy holds 0 home, 1 source, ")
    assert json.loads(said[3].removeprefix("reading "))["id"] == said[0].strip()


def test_a_copy_of_one_account_is_refused_to_another(served: str, tmp_path: Path) -> None:
    copy = str(tmp_path / "copy.db")
    with httpx.Client(base_url=served) as web:
        for name in ("ann", "ben"):
            web.post("/v1/auth/register", json={"email": f"{name}@example.org", "password": PASSWORD})
    assert run(copy, "sync", served, "ann@example.org", PASSWORD).returncode == 0
    run(copy, "log", str(uuid4()), "1")
    before = run(copy, "show").stdout
    refused = run(copy, "sync", served, "ben@example.org", PASSWORD)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "This copy belongs to another account: take another file.\n"
    assert run(copy, "show").stdout == before
    wrong = run(copy, "sync", served, "ann@example.org", "not the phrase")
    assert (wrong.returncode, json.loads(wrong.stderr)["status"]) == (1, 401)


@pytest.mark.parametrize(
    ("args", "status"),
    [
        ([], 2),
        (["copy.db"], 2),
        (["copy.db", "forget"], 2),
        (["copy.db", "log", "a meter", "1"], 2),
        (["copy.db", "log", str(uuid4()), "nan"], 2),
        (["copy.db", "log", str(uuid4()), "1e400"], 2),
        (["copy.db", "show", "everything"], 2),
        (["copy.db", "sync", "http://127.0.0.1:1", "ann@example.org", PASSWORD], 75),
        (["nowhere/copy.db", "show"], 1),
        (["-h"], 0),
    ],
)
def test_the_exit_status_tells_what_became_of_a_call(args: list[str], status: int, tmp_path: Path) -> None:
    place = [str(tmp_path / args[0]), *args[1:]] if args and args[0] != "-h" else args
    result = run(*place)
    assert result.returncode == status, result.stderr
    assert "Traceback" not in result.stderr
    assert bool(result.stderr) == (status != 0)


def test_what_is_logged_without_a_network_waits(tmp_path: Path) -> None:
    copy = str(tmp_path / "copy.db")
    id_ = run(copy, "log", "01890a5d-ac96-774b-bcce-b302099a8057", "12.5").stdout.strip()
    word, _, reading = run(copy, "show").stdout.partition(" ")
    assert (word, json.loads(reading)["value"], json.loads(reading)["id"]) == ("waiting", 12.5, id_)
    assert run(copy, "show", "reading").stdout == ""
