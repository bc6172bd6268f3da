"""The pool: who a transaction acts for, how it begins and ends, and what is noted when it has."""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Hashable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy

from service import __version__
from service.identity import NOBODY, Caller
from service.migrations import is_older
from service.observing import (
    BUILD,
    POOL_MOST,
    POOL_SECONDS,
    POOL_SIZE,
    POOL_USED,
    POOL_WAITING,
    REFUSALS,
    log,
)
from service.problems import Problem, Sentences, unavailable
from service.sqlfile import Query, queries_beside
from service.transaction import ROLLBACK, Transaction


class StartError(Exception):
    """Why the service cannot work on this database, as a sentence."""


class LoginRole(msgspec.Struct, frozen=True):
    """What the service logged in as."""

    name: str
    superuser: bool
    bypasses_rls: bool
    owner: bool


class ConstraintSentence(msgspec.Struct, frozen=True):
    """A constraint, what its violation means in words, and its column if it is one."""

    name: str
    sentence: str | None
    column_name: str | None


_bind = queries_beside(__file__)
BEGIN_READ = _bind("begin_read")
BEGIN_WRITE = _bind("begin_write")
ACT_AS = _bind("act_as", type(None))
COMMIT = _bind("commit")
SET_FOR_EXPORT = _bind("set_for_export")
SCHEMA_VERSION = _bind("schema_version", str)
LOGIN_ROLE = _bind("login_role", LoginRole)
CONSTRAINT_SENTENCES = _bind("constraint_sentences", ConstraintSentence)
TIMEZONES = _bind("timezones", str)
AUDIT = _bind("audit")
AUDIT_VIEW = _bind("audit_view", type(None))
ACT_AS_TOKEN = _bind("act_as_token", type(None))
ACT_AS_ANY_TOKEN = _bind("act_as_any_token", type(None))
ACT_AS_GATED = _bind("act_as_gated", type(None))
ACT_AS_GATED_TOKEN = _bind("act_as_gated_token", type(None))
NOTE_TOKEN_USE = _bind("note_token_use", type(None))

ACQUIRE_SECONDS = 4.0
"""How long a request waits for a connection before it is told to come again."""
WAITED_SECONDS = 0.001
"""Whoever has a connection sooner has not waited for it."""
SAMPLE_SECONDS = 2.0
"""How old what the metrics say of the pool may be."""
BEGIN_SECONDS = 2.0
"""A healthy BEGIN takes well under a millisecond; a backend that needs this long is frozen and replaced."""
COMMAND_SECONDS = 60.0
"""After how long a statement is given up that the server has not; its own limits, of the login role, come first."""
VIEW_SECONDS = 3600.0
USE_SECONDS = 60.0
"""How exact a device token's last_used_at is."""
REMEMBERED = 100_000
"""How many views and uses a worker remembers, so as not to note them again."""

# What the server says to a connection that it ends or cannot serve, of all that it may say to a BEGIN.
_ENDED = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.IdleSessionTimeoutError,
)
# What an identity is refused with, besides 401.
_REFUSED = {"HL403": "forbidden", "HL4PW": "password_change_required"}
_UNREACHABLE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
)


class Connection(asyncpg.Connection):
    """A connection whose release costs no query: every setting of ours ends with its transaction."""

    def get_reset_query(self) -> str:
        """Send nothing at release."""
        return ""


class Database:
    """The pool of one worker, and what it read from the catalogue at start."""

    def __init__(self, pool: asyncpg.Pool, slow: float = math.inf) -> None:
        self.pool = pool
        self.slow = slow
        self._waiting = 0
        self.sentences = Sentences()
        self.timezones: frozenset[str] = frozenset()
        self._long = asyncio.Semaphore(max(1, pool.get_max_size() - 2))
        self._noted: OrderedDict[tuple[Hashable, ...], float] = OrderedDict()
        self._exports = asyncio.Semaphore(max(1, (pool.get_max_size() - 2) // 2))

    @classmethod
    async def open(cls, url: str, *, needs: str, size: int = 6, slow: float = math.inf) -> "Database":
        """Connect and read the catalogue's sentences; statements that take so many seconds are logged as slow.

        Raises `StartError` for a login that row security would not bind, and for a schema older than `needs`.
        """
        pool = await asyncpg.create_pool(
            url,
            min_size=min(2, size),
            max_size=size,
            connection_class=Connection,
            init=_set_up,
            statement_cache_size=512,
            max_cacheable_statement_size=0,  # no limit: the longest statements are those that are costly to plan
            max_cached_statement_lifetime=0,
            max_inactive_connection_lifetime=300,
            command_timeout=COMMAND_SECONDS,
            timeout=5,
            server_settings={"application_name": "homelog", "timezone": "UTC"},
        )
        database = cls(pool, slow)
        POOL_MOST.set(size)
        try:
            await database._check_and_read(needs)
        except BaseException:
            pool.terminate()
            raise
        return database

    async def _check_and_read(self, needs: str) -> None:
        try:
            async with self.transaction(NOBODY, [], read_only=True) as tx:
                role, version = await tx.one(LOGIN_ROLE), await tx.one(SCHEMA_VERSION)
                if role.superuser or role.bypasses_rls or role.owner:
                    raise StartError(
                        f"DATABASE_URL logs in as {role.name}, whom row-level security does not bind; use homelog_api."
                    )
                for row in await tx.all(CONSTRAINT_SENTENCES):
                    self.sentences.by_constraint[row.name] = row.sentence
                    self.sentences.columns[row.name] = row.column_name
                self.timezones = frozenset(await tx.all(TIMEZONES))
        except (asyncpg.UndefinedFunctionError, asyncpg.InvalidSchemaNameError, asyncpg.UndefinedTableError):
            version = "empty"
        except asyncpg.InsufficientPrivilegeError as error:
            raise StartError(f"DATABASE_URL logs in as somebody who may not use Homelog: {error}.") from None
        if version == "empty" or is_older(version, needs):
            raise StartError(f"The schema is {version}, this service needs {needs}: run `homelog migrate`.")
        BUILD.labels(__version__, version).set(1)

    async def close(self) -> None:
        """Give the connections back; those still busy after a few seconds are cut."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.pool.close(), 5)
            return
        self.pool.terminate()

    @asynccontextmanager
    async def transaction(
        self,
        caller: Caller,
        named: Sequence[UUID] | None,
        *,
        read_only: bool = False,
        turn: bool = False,
        any_scope: bool = False,
    ) -> AsyncIterator[Transaction]:
        """A transaction that acts for `caller` and reaches the `named` sources, all that were granted for None.

        Commits when the block ends, rolls back when it raises; audits a refusal, and the first view within an hour,
        in a transaction of its own afterwards. Long work takes `turn`s: some connections are kept for short requests.
        With `any_scope` a device token need not have the scope that its caller `needs`: for what is noted about it.
        Raises 401 for a session that has ended or a token that does not work, 403 for a token without the scope and
        while a password is temporary, 503 for a database that does not answer.
        """
        if turn:
            # Batches wait for each other inside the database too, and must not hold every connection meanwhile.
            async with self._turns(self._long), self.transaction(caller, named, read_only=read_only) as own:
                yield own
            return
        tx: Transaction | None = None
        try:
            beginning = _beginning(caller, named, read_only=read_only, any_scope=any_scope)
            connection = await self._begin(beginning, caller)
            tx = Transaction(connection, beginning, caller, read_only=read_only, slow=self.slow)
            try:
                yield tx
                if tx.discard:
                    await connection.execute(ROLLBACK.sql)
                elif await connection.execute(COMMIT.sql) != "COMMIT":
                    raise unavailable("The transaction could not be committed; nothing was changed.")
            except BaseException:
                await self._roll_back(connection)
                raise
            finally:
                await self.pool.release(connection)
        except Problem as problem:
            if problem.status == 403:
                await self._audit_refusal(caller, named, tx, problem)
            raise
        for source in tx.viewed:
            key = (caller.user_id, caller.token_hash, source)
            await self._note(key, VIEW_SECONDS, caller, [source], AUDIT_VIEW, source)
        if caller.token_hash is not None and not any_scope:
            await self._note((caller.token_hash,), USE_SECONDS, caller, [], NOTE_TOKEN_USE)

    @asynccontextmanager
    async def export(self, caller: Caller, named: Sequence[UUID] | None) -> AsyncIterator[Transaction]:
        """A read-only transaction that lasts as long as its client takes to be told all, up to EXPORT_SECONDS.

        Anybody may export a public source, slowly; so exports take half of the turns at most and leave the rest to
        batches.
        """
        async with (
            self._turns(self._exports),
            self.transaction(caller, named, read_only=True, turn=True) as tx,
        ):
            await tx.run(SET_FOR_EXPORT)
            yield tx

    @asynccontextmanager
    async def _turns(self, turns: asyncio.Semaphore) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(ACQUIRE_SECONDS):
                await turns.acquire()
        except TimeoutError:
            REFUSALS.labels("batches").inc()
            raise unavailable("Too many batches and exports come at once; try again.") from None
        try:
            yield
        finally:
            turns.release()

    async def _begin(self, beginning: str, caller: Caller) -> PoolConnectionProxy:
        deadline = time.monotonic() + ACQUIRE_SECONDS
        # BEGIN is the ping: a connection that died while idle shows it here, where nothing has been done yet, and
        # the next one is tried. It costs no trip of its own.
        while True:
            connection = await self._acquire(max(0.1, deadline - time.monotonic()))
            try:
                await connection.execute(beginning, timeout=BEGIN_SECONDS)
            except Exception as error:
                # Only a server that lives refuses an identity; whatever else was raised, by asyncpg's own state machine
                # too, comes from a connection that is no use any more.
                if isinstance(error, asyncpg.PostgresError) and not isinstance(error, _ENDED):
                    await self._roll_back(connection)
                    await self.pool.release(connection)
                    if error.sqlstate == "HL403" and not caller.needs:
                        raise Problem("forbidden", "No device token may do this.") from None
                    if error.sqlstate in _REFUSED:
                        raise Problem(_REFUSED[error.sqlstate], error.args[0]) from None
                    raise
                _discard(connection)
                await self.pool.release(connection)
                if time.monotonic() > deadline:
                    raise unavailable() from error
            except BaseException:
                await self._roll_back(connection)
                await self.pool.release(connection)
                raise
            else:
                return connection

    async def _acquire(self, seconds: float) -> PoolConnectionProxy:
        """A connection; 503 where none comes free in time."""
        began = time.perf_counter()
        self._waiting += 1
        try:
            return await self.pool.acquire(timeout=seconds)
        except _UNREACHABLE as error:
            REFUSALS.labels("connections").inc()
            raise unavailable() from error
        finally:
            self._waiting -= 1
            waited = time.perf_counter() - began
            # Counting each would cost a request more than having a connection does.
            if waited > WAITED_SECONDS:
                POOL_SECONDS.observe(waited)

    def sample(self) -> None:
        """Note how the pool is just now."""
        size = self.pool.get_size()
        POOL_SIZE.set(size)
        POOL_USED.set(size - self.pool.get_idle_size())
        POOL_WAITING.set(self._waiting)

    @asynccontextmanager
    async def sampled(self) -> AsyncIterator[None]:
        """Note it again and again for the while: whichever worker is asked for the metrics tells of all."""

        async def sample() -> None:
            while True:
                self.sample()
                await asyncio.sleep(SAMPLE_SECONDS)

        task = asyncio.create_task(sample())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _roll_back(self, connection: PoolConnectionProxy) -> None:
        try:
            await connection.execute(ROLLBACK.sql, timeout=BEGIN_SECONDS)
        except Exception:  # noqa: BLE001 - whatever it is, this connection is not to be used again
            _discard(connection)

    async def _audit_refusal(
        self, caller: Caller, named: Sequence[UUID] | None, tx: Transaction | None, problem: Problem
    ) -> None:
        source = named[0] if named and len(named) == 1 else None
        details = {"detail": problem.detail, "query": tx.queries[-1] if tx and tx.queries else None}
        try:
            async with self.transaction(msgspec.structs.replace(caller, is_gate_open=True), []) as own:
                await own.run(AUDIT, source, None, "access_denied", details)
        except (Problem, asyncpg.PostgresError) as error:
            # Whose session ended while they waited is refused all the same.
            log.warning("refusal not audited", query=details["query"], why=str(error))

    async def _note(
        self,
        key: tuple[Hashable, ...],
        seconds: float,
        caller: Caller,
        named: Sequence[UUID],
        query: Query[Any],
        *args: Any,
    ) -> None:
        """Run a query that notes something, once in so many seconds, in a transaction of its own."""
        now = time.monotonic()
        if self._noted.get(key, -seconds) + seconds > now:
            return
        try:
            async with self.transaction(caller, named, any_scope=True) as own:
                await own.run(query, *args)
        except (Problem, asyncpg.PostgresError) as error:
            # The answer is decided and good; the next request tries again.
            log.warning("not noted", query=query.name, why=str(error))
            return
        self._noted[key] = now
        self._noted.move_to_end(key)
        if len(self._noted) > REMEMBERED:
            self._noted.popitem(last=False)


def _act_as_gated(caller: Caller) -> str:
    if caller.token_hash is not None:
        return ACT_AS_GATED_TOKEN.with_literals(caller.token_hash)
    if caller.session_id is not None:
        return ACT_AS_GATED.with_literals(caller.user_id, caller.session_id)
    return ACT_AS.with_literals(None, None, [])


def _beginning(caller: Caller, named: Sequence[UUID] | None, *, read_only: bool, any_scope: bool) -> str:
    begin = BEGIN_READ if read_only else BEGIN_WRITE
    if caller.is_gate_open:
        acting = _act_as_gated(caller)
    elif caller.token_hash is None:
        acting = ACT_AS.with_literals(caller.user_id, caller.session_id, named)
    elif any_scope:
        acting = ACT_AS_ANY_TOKEN.with_literals(caller.token_hash, named)
    else:
        acting = ACT_AS_TOKEN.with_literals(caller.token_hash, caller.needs, named)
    return f"{begin.sql}; {acting}"


def _discard(connection: PoolConnectionProxy) -> None:
    # One that has closed went back to the pool by itself, and then takes no call, not even this.
    with suppress(asyncpg.InterfaceError):
        connection.terminate()


async def _set_up(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: msgspec.json.encode(value).decode(),
        decoder=msgspec.json.decode,
        format="text",
    )
