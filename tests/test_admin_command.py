"""`homelog admin`: the first admin where registration is closed, and the way back in for one who is locked out."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from service.embedded import EmbeddedPostgres
from service.migrations import SQL
from service.settings import Settings
from tests.people import Household, Person, serve

CHOSEN = "three doors, one of them mine"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(server: EmbeddedPostgres, database: str, tmp_path: Path) -> Run:
    """Run a command in a process of its own; the environment is what a test adds to, None takes away."""

    def command(*arguments: str, said: str = "", **environment: str | None) -> subprocess.CompletedProcess[str]:
        given = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "HOMELOG_MIGRATOR_URL": server.url("homelog_migrator", database),
            **environment,
        }
        done = subprocess.run(
            [sys.executable, "-m", "service", "admin", *arguments],
            cwd=SQL.parent,
            env={name: value for name, value in given.items() if value is not None},
            input=said,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        # Which database it works on comes first, wherever one is worked on; tests look at the rest.
        done.stderr = re.sub(r"\ADatabase: [^\n]* as \w+\n", "", done.stderr)
        return done

    return command


def password_in(output: str) -> str:
    (password,) = re.findall(r"^Temporary password: (\S+)$", output, re.MULTILINE)
    return str(password)


async def sign_in(home: Household, password: str, email: str = "ann@example.org") -> Any:
    return await home.nobody.post("/v1/auth/login", {"email": email, "password": password})


async def test_with_registration_closed_the_first_start_goes_by_the_command(
    run: Run, settings: Settings, dba: asyncpg.Connection
) -> None:
    async with serve(msgspec.structs.replace(settings, registration="closed")) as home:
        made = run("create", "--email", "Ann@example.org", "--display-name", "Ann")

        assert (made.returncode, made.stderr) == (0, "")
        assert made.stdout.startswith("Ann@example.org is an admin.\nTemporary password: ")
        password = password_in(made.stdout)
        ann = Person(home.client, "ann", (await sign_in(home, password)).json())
        assert (await ann.get("/v1/me")).json()["type"] == "/errors/password_change_required"
        assert (
            await ann.put("/v1/me/password", {"current_password": password, "new_password": CHOSEN})
        ).status_code == 204
        me = (await ann.get("/v1/me")).json()
        assert (me["role"], me["display_name"], me["is_password_temp"]) == ("admin", "Ann", False)
        assert (await ann.made("/v1/users", email="bob@example.org"))["role"] == "operator"
    told = await dba.fetch("SELECT user_id, event_type FROM audit_logs ORDER BY id LIMIT 1")
    assert [tuple(row) for row in told] == [(None, "create_user")]


async def test_the_password_may_be_chosen_on_standard_input_and_is_printed_nowhere(
    run: Run, home: Household, dba: asyncpg.Connection
) -> None:
    made = run("create", "--email", "ann@example.org", "--ask-password", said=f"{CHOSEN}\n")
    assert (made.returncode, made.stdout, made.stderr) == (0, "ann@example.org is an admin.\n", "")
    ann = Person(home.client, "ann", (await sign_in(home, CHOSEN)).json())
    assert (await ann.get("/v1/users")).status_code == 200


async def test_an_admin_beside_others_can_be_made_at_any_time(
    run: Run, home: Household, dba: asyncpg.Connection
) -> None:
    await home.person("first")
    assert run("create", "--email", "ann@example.org").returncode == 0
    roles = await dba.fetch("SELECT email::text, role FROM users ORDER BY email")
    assert [tuple(row) for row in roles] == [("ann@example.org", "admin"), ("first@example.org", "admin")]


async def test_a_locked_out_admin_is_let_in_again(run: Run, home: Household, dba: asyncpg.Connection) -> None:
    ann = await home.person("ann")
    reset = run("reset-password", "--email", "ANN@example.org")
    assert (reset.returncode, reset.stderr) == (0, "")
    assert (await ann.get("/v1/me")).status_code == 401
    again = Person(home.client, "ann", (await sign_in(home, password_in(reset.stdout))).json())
    assert (await again.get("/v1/me")).status_code == 403

    chosen = run("reset-password", "--email", "ann@example.org", "--ask-password", said=CHOSEN)
    assert (chosen.returncode, "Temporary" in chosen.stdout) == (0, False)
    free = Person(home.client, "ann", (await sign_in(home, CHOSEN)).json())
    assert (await free.get("/v1/me")).json()["is_password_temp"] is False
    whom = "SELECT details::jsonb ->> 'id' FROM audit_logs WHERE event_type = 'reset_password' AND user_id IS NULL"
    assert [row[0] for row in await dba.fetch(whom)] == [ann.id] * 2


@pytest.mark.parametrize(
    ("arguments", "said", "why"),
    [
        (["create", "--email", "ANN@example.org"], "", "This e-mail already has an account."),
        (["create", "--email", "nonsense"], "", "An e-mail address is name@domain, at most 254 characters."),
        (
            ["create", "--email", "b@example.org", "--display-name", "n" * 101],
            "",
            "A text is longer than its field takes.",
        ),
        (["create", "--email", "b@example.org", "--ask-password"], "short\n", "A password has 12 to 128 characters."),
        (["create", "--email", "b@example.org", "--ask-password"], "", "A password has 12 to 128 characters."),
        (
            ["create", "--email", "b@example.org", "--ask-password"],
            "passwordpassword\n",
            "This password is among the first to be guessed; choose another one.",
        ),
        (
            ["reset-password", "--email", "nobody@example.org"],
            "",
            "No account has the e-mail nobody@example.org.",
        ),
    ],
)
async def test_what_cannot_be_done_is_one_sentence_and_changes_nothing(
    run: Run, home: Household, dba: asyncpg.Connection, arguments: list[str], said: str, why: str
) -> None:
    ann = await home.person("ann")
    refused = run(*arguments, said=said)
    assert (refused.returncode, refused.stdout, refused.stderr) == (1, "", f"{why}\n")
    assert await dba.fetchval("SELECT count(*) FROM users") == 1
    assert (await ann.get("/v1/me")).status_code == 200


async def test_a_deactivated_account_is_told_with_the_way_back(
    run: Run, home: Household, dba: asyncpg.Connection
) -> None:
    ann = await home.person("ann")
    bob = await home.person("bob")
    assert (await ann.patch(f"/v1/users/{bob.id}", {"is_active": False})).status_code == 200
    before = await dba.fetchval("SELECT password_hash FROM user_passwords WHERE user_id = $1", bob.id)
    refused = run("reset-password", "--email", "BOB@example.org")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        "This account is deactivated; an admin activates it with PATCH /v1/users/{user_id} "
        '{"is_active": true}, then reset its password.\n'
    )
    assert await dba.fetchval("SELECT password_hash FROM user_passwords WHERE user_id = $1", bob.id) == before


async def test_the_services_own_login_makes_no_admin(
    run: Run, server: EmbeddedPostgres, database: str, dba: asyncpg.Connection
) -> None:
    api = server.url("homelog_api", database)
    secret = {"DATABASE_URL": api, "HOMELOG_SECRET": "4f1c0b7e92d5a86331fe7d20c59b48aa"}
    without = run("create", "--email", "ann@example.org", HOMELOG_MIGRATOR_URL=None, **secret)
    assert without.returncode == 1
    assert without.stderr.startswith("HOMELOG_MIGRATOR_URL is missing")
    instead = run("create", "--email", "ann@example.org", HOMELOG_MIGRATOR_URL=api)
    assert instead.returncode == 1
    assert instead.stderr == "This login may not act as homelog_owner: use homelog_migrator's.\n"
    assert await dba.fetchval("SELECT count(*) FROM users") == 0


async def test_an_older_schema_is_told_with_what_to_do(run: Run, dba: asyncpg.Connection) -> None:
    newest = await dba.fetchval("SELECT max(migration_id) FROM homelog.schema_migrations")
    await dba.execute("DELETE FROM homelog.schema_migrations WHERE migration_id = $1", newest)
    older = run("create", "--email", "ann@example.org")
    assert older.returncode == 1
    assert re.fullmatch(rf"The schema is \S+, this needs {newest}: run `homelog migrate`\.\n", older.stderr)


async def test_an_empty_database_is_told_with_what_to_do(run: Run, server: EmbeddedPostgres, dba: Any) -> None:
    empty = run("create", "--email", "ann@example.org", HOMELOG_MIGRATOR_URL=server.url(server.superuser, "postgres"))
    assert empty.returncode == 1
    assert empty.stderr == "The schema is not there yet: run `homelog migrate` first.\n"


async def test_a_login_that_is_not_let_in_is_told_what_may_be_missing(
    run: Run, server: EmbeddedPostgres, database: str
) -> None:
    url = server.url("homelog_migrator", database).replace("homelog_migrator:", "homelog_migrater:")
    away = run("create", "--email", "ann@example.org", HOMELOG_MIGRATOR_URL=url)
    assert away.returncode == 1
    assert away.stderr.startswith("Password authentication failed")
    assert away.stderr.endswith("the schema is not there yet: run `homelog migrate` first.\n")


def test_in_an_empty_folder_the_first_admin_comes_before_the_first_start(run: Run) -> None:
    with tempfile.TemporaryDirectory(prefix="homelog-") as folder:
        here: dict[str, str | None] = {"HOMELOG_MIGRATOR_URL": None, "HOMELOG_DATA": f"{folder}/data"}
        nobody = run("reset-password", "--email", "ann@example.org", **here)
        assert nobody.returncode == 1
        assert nobody.stderr.startswith(f"There is no database in {folder}/data: homelog up makes one")
        made = run("create", "--email", "ann@example.org", **here)
        assert made.returncode == 0, made.stderr
        assert "\nann@example.org is an admin.\nTemporary password: " in made.stdout


def test_a_database_that_is_not_there_is_one_sentence(run: Run) -> None:
    url = "postgresql://homelog_migrator:x@127.0.0.1:1/homelog"
    away = run("create", "--email", "ann@example.org", HOMELOG_MIGRATOR_URL=url)
    assert away.returncode == 1
    assert away.stderr.startswith("The database cannot be reached")
    assert "Traceback" not in away.stderr


@pytest.mark.parametrize("arguments", [[], ["create"], ["reset-password"], ["promote"]])
def test_a_command_that_is_none_says_how_it_is_used(run: Run, arguments: list[str]) -> None:
    usage = run(*arguments)
    assert usage.returncode == 2
    assert usage.stderr.startswith("usage: homelog admin")
