"""The service as it is run, with four workers: what holds for one holds for all together."""

import asyncio
from collections import Counter
from pathlib import Path

import asyncpg
import httpx

from service.embedded import EmbeddedPostgres
from tests.people import PASSWORD, Household
from tests.processes import served

LIMIT, SIGN_INS = 100, 600


async def test_of_600_sign_ins_at_four_processes_exactly_the_limit_is_looked_at(
    server: EmbeddedPostgres, database: str, home: Household, dba: asyncpg.Connection, tmp_path: Path
) -> None:
    people = [await home.person(f"person-{n}") for n in range(50)]
    opened = await dba.fetchval("SELECT count(*) FROM sessions")
    settings = {"HOMELOG_WORKERS": "4", "HOMELOG_RATE_LIMIT": str(LIMIT)}
    uncounted = 0
    with served(server.url("homelog_api", database), tmp_path, **settings) as address:
        # Each connection is some worker's, as the kernel deals them out.
        async with httpx.AsyncClient(
            base_url=address, timeout=300, limits=httpx.Limits(max_connections=None)
        ) as client:

            async def sign_in(n: int) -> httpx.Response:
                nonlocal uncounted
                while True:
                    account = {"email": people[n % 50].email, "password": PASSWORD}
                    answer = await client.post("/v1/auth/login", json=account)
                    if "ratelimit-limit" in answer.headers:
                        return answer
                    # The database was too busy to say what is left: nobody is let through then.
                    assert answer.status_code == 503, answer.text
                    uncounted += 1

            answers = [await sign_in(0)]
            # The minute began with that one. It lasts an hour, however long this machine takes.
            stretched = await dba.execute("UPDATE request_budgets SET began_at = began_at + interval '1 hour'")
            assert stretched == "UPDATE 1"
            answers += await asyncio.gather(*(sign_in(n) for n in range(1, SIGN_INS)))
        workers = await dba.fetchval(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE application_name = 'homelog limits' AND datname = current_database()"
        )
    statuses = Counter(answer.status_code for answer in answers)
    assert workers == 4
    # 503 is for who has found the hashers' queues full, and comes after the limit.
    looked_at = statuses[200] + statuses[503]
    assert looked_at + statuses[429] == SIGN_INS
    # What was granted to who was not waited for any more has lapsed.
    assert looked_at == LIMIT or (uncounted and looked_at < LIMIT)
    assert await dba.fetchval("SELECT count(*) FROM sessions") - opened == statuses[200] > 0
