"""One database with the cast for each module of rules, and a transaction that is rolled back for each test."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from service.embedded import EmbeddedPostgres
from tests.sql.rules import cloned


@pytest.fixture(scope="module")
async def household(
    server: EmbeddedPostgres, template: str, request: pytest.FixtureRequest
) -> AsyncIterator[asyncpg.Connection]:
    """A DBA's connection to a database with the cast of tests/sql/rules.py."""
    name = request.module.__name__.rpartition(".")[2]
    async with cloned(server, template, f"homelog_{name}") as dba:
        yield dba


@pytest.fixture
async def dba(household: asyncpg.Connection) -> AsyncIterator[asyncpg.Connection]:
    """The same connection in a transaction that is rolled back."""
    transaction = household.transaction()
    await transaction.start()
    yield household
    await transaction.rollback()
