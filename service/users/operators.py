"""What operators do from the command line: make an admin, and let somebody in again who is locked out.

They are no account; what they may stands with their login, which must be one that may act as the tables' owner. The
service's own may not: whoever held it could make admins at will.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import msgspec

from service.accounts.passwords import HASHER, refuse_guessable, temporary_password
from service.accounts.structs import NewPassword
from service.database import CONSTRAINT_SENTENCES, ConstraintSentence
from service.problems import Problem, Sentences
from service.sqlfile import queries_beside
from service.target import NO_SCHEMA, demand_schema

_bind = queries_beside(__file__)
ACT_AS_OWNER = _bind("act_as_owner")
MAKE_ADMIN = _bind("make_admin")
RECOVER_ACCOUNT = _bind("recover_account")


class OperatorError(Exception):
    """Why nothing was done, as a sentence."""


async def make_admin(url: str, email: str, display_name: str | None, chosen: str | None) -> str | None:
    """Make an admin with the chosen password, else with a temporary one, which is returned.

    `url` logs in as `homelog_migrator`. Raises `OperatorError`, and `StartError` for an older schema.
    """
    password = _checked(chosen, email) if chosen is not None else temporary_password()
    password_hash = await HASHER.hash(password)
    async with _owner(url) as owner:
        await owner.execute(MAKE_ADMIN.sql, email, display_name, password_hash, chosen is None)
    return None if chosen is not None else password


async def recover_account(url: str, email: str, chosen: str | None) -> str | None:
    """Give an active account the chosen password, else a temporary one, which is returned; end its sessions.

    `url` and what is raised: as for `make_admin`.
    """
    password = _checked(chosen, email) if chosen is not None else temporary_password()
    password_hash = await HASHER.hash(password)
    async with _owner(url) as owner:
        if await owner.fetchval(RECOVER_ACCOUNT.sql, email, password_hash, chosen is None) is None:
            raise OperatorError(f"No account has the e-mail {email}.")
    return None if chosen is not None else password


def _checked(password: str, email: str) -> str:
    try:
        msgspec.convert(password, NewPassword)
        refuse_guessable("", password, email)
    except msgspec.ValidationError:
        raise OperatorError("A password has 12 to 128 characters.") from None
    except Problem as problem:
        raise OperatorError(problem.detail) from None
    return password


@asynccontextmanager
async def _owner(url: str) -> AsyncIterator[asyncpg.Connection]:
    try:
        connection = await asyncpg.connect(url, timeout=10, command_timeout=30)
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        # PostgreSQL does not tell a role that is not there from a wrong password.
        raise OperatorError(f"{error}. If its password is right: {NO_SCHEMA[0].lower()}{NO_SCHEMA[1:]}") from None
    try:
        await demand_schema(connection)
        try:
            async with connection.transaction():
                await connection.execute(ACT_AS_OWNER.sql)
                yield connection
        except asyncpg.InsufficientPrivilegeError:
            raise OperatorError("This login may not act as homelog_owner: use homelog_migrator's.") from None
        except asyncpg.ObjectNotInPrerequisiteStateError as error:
            raise OperatorError(str(error)) from None
        except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError) as error:
            raise OperatorError(await _said(connection, error)) from None
    finally:
        await connection.close()


async def _said(connection: asyncpg.Connection, error: asyncpg.PostgresError) -> str:
    sentences = Sentences()
    for record in await connection.fetch(CONSTRAINT_SENTENCES.sql):
        row = ConstraintSentence(*record)
        sentences.by_constraint[row.name] = row.sentence
    problem = sentences.problem_of(error)
    return problem.detail if problem else str(error)
