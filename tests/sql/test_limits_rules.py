"""The rules of what limits requests and guesses: counts that no caller sees or touches but through their functions."""

import asyncpg
import pytest

from tests.sql.rules import act_as, assert_breaks, constraints_of, granted_to, id_of, policies_of, row_of

BROKEN = [
    ("request_budgets_pkey", "INSERT INTO request_budgets VALUES ('{ann}', now(), 1)"),
    ("request_budgets_taken_positive", "INSERT INTO request_budgets VALUES ('{ben}', now(), 0)"),
    ("request_budgets_identity_not_null", "INSERT INTO request_budgets VALUES (NULL, now(), 1)"),
    ("request_budgets_began_at_not_null", "INSERT INTO request_budgets VALUES ('{ben}', NULL, 1)"),
    ("request_budgets_taken_not_null", "INSERT INTO request_budgets VALUES ('{ben}', now(), NULL)"),
    ("password_guesses_pkey", "INSERT INTO password_guesses (about) VALUES (sha256('guess'))"),
    ("password_guesses_about_sha256", "INSERT INTO password_guesses (about) VALUES ('ann@example.org')"),
    (
        "password_guesses_failures_not_negative",
        "INSERT INTO password_guesses (about, failures) VALUES (sha256('x'), -1)",
    ),
    ("password_guesses_about_not_null", "INSERT INTO password_guesses DEFAULT VALUES"),
    ("password_guesses_began_at_not_null", "UPDATE password_guesses SET began_at = NULL"),
    ("password_guesses_failures_not_null", "UPDATE password_guesses SET failures = NULL"),
]
TABLES = ["request_budgets", "password_guesses"]


@pytest.mark.parametrize(("constraint", "sql"), BROKEN)
async def test_a_constraint_holds_even_for_a_dba(dba: asyncpg.Connection, constraint: str, sql: str) -> None:
    await assert_breaks(dba, constraint, sql)


async def test_every_constraint_is_tested(dba: asyncpg.Connection) -> None:
    assert await constraints_of(dba, TABLES) == {constraint for constraint, _ in BROKEN}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("role", ["homelog_api", "homelog_ops"])
@pytest.mark.parametrize("verb", ["SELECT", "INSERT", "UPDATE"])
async def test_only_functions_touch_what_is_counted(dba: asyncpg.Connection, table: str, role: str, verb: str) -> None:
    assert await policies_of(dba, table) == {"owner_all"}
    assert await granted_to(dba, role, table, verb) == set()


TAKE = "SELECT granted, remaining, round(seconds) FROM homelog.take_requests(ARRAY[$1::uuid], ARRAY[$2::integer], $3)"


async def test_a_budget_is_taken_in_shares_that_shrink_and_never_exceeds_its_limit(dba: asyncpg.Connection) -> None:
    await act_as(dba, "nobody")
    granted = []
    while (row := await row_of(dba, TAKE, id_of("who"), 10, 100)) and row[0]:
        granted.append(row[0])
        assert row[1:] == (100 - sum(granted), 60)
    assert row == (0, 0, 60)
    assert sum(granted) == 100
    assert granted[:6] == [10] * 6
    assert granted[6:] == sorted(granted[6:], reverse=True)
    assert granted[-1] == 1


@pytest.mark.parametrize(("most", "expected"), [(1, (1, 0)), (50, (0, 0)), (1000, (10, 890))])
async def test_a_limit_that_was_changed_holds_at_once(
    dba: asyncpg.Connection, most: int, expected: tuple[int, int]
) -> None:
    if most > 1:
        await dba.execute("INSERT INTO request_budgets VALUES ($1, clock_timestamp(), 100)", id_of("who"))
    row = await row_of(dba, TAKE, id_of("who"), 10, most)
    assert row is not None
    assert row[:2] == expected


async def test_several_budgets_are_taken_from_in_one_step(dba: asyncpg.Connection) -> None:
    who = [id_of(name) for name in ("one", "two", "three")]
    await dba.execute("INSERT INTO request_budgets VALUES ($1, clock_timestamp(), 100)", who[1])
    rows = await dba.fetch(
        "SELECT identity, granted, remaining FROM homelog.take_requests($1, $2, 100)", who, [10, 10, 3]
    )
    assert {row[0]: tuple(row)[1:] for row in rows} == {who[0]: (10, 90), who[1]: (0, 0), who[2]: (3, 97)}


async def test_a_minute_that_is_over_begins_anew(dba: asyncpg.Connection) -> None:
    sixty = "INSERT INTO request_budgets VALUES ($1, clock_timestamp() - interval '60 seconds', 100)"
    await dba.execute(sixty, id_of("who"))
    assert await row_of(dba, TAKE, id_of("who"), 10, 100) == (10, 90, 60)


async def test_what_is_over_does_not_pile_up(dba: asyncpg.Connection) -> None:
    await dba.execute(
        "INSERT INTO request_budgets SELECT uuidv7(), now() - interval '2 minutes', 1 FROM generate_series(1, 3000);"
        "INSERT INTO password_guesses SELECT sha256(n::text::bytea), now() - interval '3 days' FROM"
        " generate_series(1, 3000) AS n"
    )
    await dba.execute("SELECT setseed(0.5)")
    await act_as(dba, "nobody")
    for n in range(2000):
        await dba.execute("SELECT homelog.take_requests(ARRAY[$1::uuid], ARRAY[1], 1000000)", id_of("who"))
        await dba.execute("SELECT homelog.try_sign_in($1, $2)", f"{n}", f"{n}")
    await dba.execute("RESET ROLE")
    assert await dba.fetchval("SELECT count(*) FROM request_budgets") == 2  # Ann's and this one
    old = "SELECT count(*) FROM password_guesses WHERE began_at < now() - interval '2 days'"
    assert await dba.fetchval(old) == 0


@pytest.mark.parametrize("call", ["count_guess(sha256('x'), 1, '1 day')", "take_guess_back(sha256('x'))"])
async def test_the_service_counts_nothing_but_sign_ins_and_its_callers_own(dba: asyncpg.Connection, call: str) -> None:
    await act_as(dba, "ann")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await dba.execute(f"SELECT homelog.{call}")
