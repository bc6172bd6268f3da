"""The pool and the caller's transaction: one request, one transaction, one identity."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy
from asyncpg.protocol import NO_TIMEOUT

from service.identity import NOBODY, Caller
from service.migrations import is_older
from service.observing import SENT, log
from service.problems import Problem, Sentences, not_found, unavailable
from service.sqlfile import Query, maker, queries_beside

T = TypeVar("T")


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
ROLLBACK = _bind("rollback")
SET_FOR_EXPORT = _bind("set_for_export")
SCHEMA_VERSION = _bind("schema_version", str)
LOGIN_ROLE = _bind("login_role", LoginRole)
CONSTRAINT_SENTENCES = _bind("constraint_sentences", ConstraintSentence)
TIMEZONES = _bind("timezones", str)
AUDIT = _bind("audit")
AUDIT_VIEW = _bind("audit_view", type(None))
ACT_AS_TOKEN = _bind("act_as_token", type(None))
ACT_AS_ANY_TOKEN = _bind("act_as_any_token", type(None))
NOTE_TOKEN_USE = _bind("note_token_use", type(None))

ACQUIRE_SECONDS = 4.0
"""How long a request waits for a connection before it is told to come again."""
TRIES = 2
"""How often a transaction's first statement is tried that PostgreSQL ended so that others could go on."""
BEGIN_SECONDS = 2.0
"""A healthy BEGIN takes well under a millisecond; a backend that needs this long is frozen and replaced."""
VIEW_SECONDS = 3600.0
USE_SECONDS = 60.0
"""How exact a device token's last_used_at is."""
REMEMBERED = 100_000
"""How many views and uses a worker remembers, so as not to note them again."""
EXPORT_SECONDS = 900.0
"""How long an export may take; the login role's transaction_timeout says the same."""
COPY_BYTES, COPY_PAUSE_SECONDS = 32 * 1024, 0.001
"""PostgreSQL sends 8 KiB at a time. Where no more has come, a pause lets some gather: a tenth of the wake-ups."""

# What the server says to a connection that it ends or cannot serve, of all that it may say to a BEGIN.
_ENDED = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.IdleSessionTimeoutError,
)
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


class Transaction:
    """The caller's transaction: what handlers ask the database through."""

    __slots__ = (
        "beginning", "caller", "connection", "discard", "if_match", "queries", "read_only", "untouched", "viewed",
    )  # fmt: skip

    def __init__(self, connection: PoolConnectionProxy, beginning: str, caller: Caller, *, read_only: bool) -> None:
        self.connection = connection
        self.beginning = beginning
        """What it began with, and may begin with again while it is untouched: no statement came yet."""
        self.untouched = True
        self.caller = caller
        self.read_only = read_only
        self.discard = False
        """Set by a dry run: the transaction is rolled back however well it went."""
        self.if_match: list[Any] | None = None
        self.queries = SENT.get([])
        self.viewed: Sequence[UUID] = ()
        """The sources that the answer shows, which the audit log keeps."""

    async def _ask(self, ask: Callable[..., Awaitable[T]], query: Query[Any], args: Sequence[Any]) -> T:
        # The victim of a deadlock has lost its transaction, and with it all that it had written and read; the first
        # statement of one has lost nothing that it does not say again. When it has waited its second others are done.
        self.queries.append(query.name)
        tries = TRIES if self.untouched else 1
        self.untouched = False
        while True:
            try:
                return await ask(query.sql, *args)
            except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError) as error:
                tries -= 1
                if tries == 0:
                    raise
                log.warning("tried again", query=query.name, why=error.sqlstate)
            await self.connection.execute(f"{ROLLBACK.sql}; {self.beginning}")

    async def maybe(self, query: Query[T], *args: Any) -> T | None:
        """The first row, None if there is none."""
        record = await self._ask(self.connection.fetchrow, query, args)
        return None if record is None else maker(query.struct)(*record)

    async def one(self, query: Query[T], *args: Any) -> T:
        """The one row; without it what was asked for is not there for this caller: 404."""
        row = await self.maybe(query, *args)
        if row is None:
            raise not_found()
        return row

    async def all(self, query: Query[T], *args: Any) -> list[T]:
        """Every row."""
        make = maker(query.struct)
        return [make(*record) for record in await self._ask(self.connection.fetch, query, args)]

    async def each(self, query: Query[T], count: int, *args: Any) -> list[list[T]]:
        """The rows of each of so many things that were asked for at once.

        The first column is the place of whose row it is, from 1 on, and no part of the struct.
        """
        make = maker(query.struct)
        rows: list[list[T]] = [[] for _ in range(count)]
        for record in await self._ask(self.connection.fetch, query, args):
            rows[record[0] - 1].append(make(*record[1:]))
        return rows

    async def run(self, query: Query[Any], *args: Any) -> None:
        """A statement whose rows nobody reads."""
        await self._ask(self.connection.execute, query, args)

    async def copy(
        self, query: Query[Any], *args: Any, sink: Callable[[bytes], Coroutine[Any, Any, None]], form: Mapping[str, Any]
    ) -> None:
        """Every row, as COPY writes it in that form, to the sink: some whole rows at a time.

        asyncpg puts the arguments into the text as literals that PostgreSQL itself quoted: COPY takes no parameters.
        """

        async def output(rows: bytes) -> None:
            await sink(rows)
            if len(rows) < COPY_BYTES:
                await asyncio.sleep(COPY_PAUSE_SECONDS)

        self.queries.append(query.name)
        self.untouched = False
        # One clock for all: asyncpg's own is wound anew for each of thousands of pieces.
        async with asyncio.timeout(EXPORT_SECONDS):
            await self.connection.copy_from_query(query.sql, *args, output=output, timeout=NO_TIMEOUT, **form)  # type: ignore[arg-type]

    async def create(
        self, query: Query[T], *args: Any, taken: str = "This id is taken by something else."
    ) -> tuple[bool, T]:
        """Idempotent creation of one row: whether it is new, and the row.

        The first column is the verdict: `created`, `stored` (the same was there) or `replaced`; or else `hidden` (404:
        what it would lie in is not visible), `forbidden` (403) or `conflict` (409, told in the words of `taken`). An id
        that is taken by other content or by somebody else is the same 409.
        """
        record = (await self._decided(query, args, taken, nothing="again"))[0]
        return record[0] == "created", maker(query.struct)(*record[1:])

    async def create_many(self, query: Query[T], *args: Any, too_many: Problem | None = None) -> list[T]:
        """Idempotent work on several rows at once: the rows, those that are null left out.

        The first column of every row is the one verdict, as in `create`, or `too_many`, which is the problem of that
        name; no row at all is 404.
        """
        taken = "This id is taken by something else."
        records = await self._decided(query, args, taken, nothing="hidden", too_many=too_many)
        make = maker(query.struct)
        return [make(*record[1:]) for record in records if record[1] is not None]

    async def _decided(
        self, query: Query[Any], args: Sequence[Any], taken: str, *, nothing: str, too_many: Problem | None = None
    ) -> list[asyncpg.Record]:
        # `again`: the key was taken while the statement waited for it, or what it would lie in went, so its snapshot is
        # older than that. A second statement sees it.
        for _ in range(2):
            records = await self._ask(self.connection.fetch, query, args)
            verdict = records[0][0] if records else nothing
            if verdict == "hidden":
                raise not_found()
            if verdict == "forbidden":
                raise Problem("forbidden", "Your access does not allow this.")
            if verdict == "too_many" and too_many is not None:
                raise too_many
            if verdict == "conflict":
                break
            if verdict != "again":
                return records
        raise Problem("conflict", taken)

    async def change(self, query: Query[T], *args: Any) -> T:
        """A write to one row. The first two columns say whether the caller may, and whether If-Match still holds.

        404 if the caller cannot see the row, 403 if they may not write it, 412 if it changed: decided by the one
        statement that would have written.
        """
        record = await self._ask(self.connection.fetchrow, query, args)
        if record is None:
            raise not_found()
        if not record[0]:
            raise Problem("forbidden", "Your access does not allow this.")
        if not record[1] and self.if_match is None:
            # Somebody else's transaction deleted it while this one waited for it.
            raise not_found()
        if not record[1]:
            raise Problem("stale", "It has changed since the version that If-Match names.")
        return maker(query.struct)(*record[2:])


class Database:
    """The pool of one worker, and what it read from the catalogue at start."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.sentences = Sentences()
        self.timezones: frozenset[str] = frozenset()
        self._long = asyncio.Semaphore(max(1, pool.get_max_size() - 2))
        self._noted: OrderedDict[tuple[Hashable, ...], float] = OrderedDict()
        self._exports = asyncio.Semaphore(max(1, (pool.get_max_size() - 2) // 2))

    @classmethod
    async def open(cls, url: str, *, needs: str, size: int = 6) -> "Database":
        """Connect and read the catalogue's sentences.

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
            command_timeout=60,
            timeout=5,
            server_settings={"application_name": "homelog", "timezone": "UTC"},
        )
        database = cls(pool)
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
        Raises 401 for a session that has ended or a token that does not work, 403 for a token without the scope, 503
        for a database that does not answer.
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
            tx = Transaction(connection, beginning, caller, read_only=read_only)
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
            if problem.name == "forbidden":
                await self._audit_refusal(caller, named, tx, problem)
            raise
        for source in tx.viewed:
            key = (caller.user_id, caller.token_hash, source)
            await self._note(key, VIEW_SECONDS, caller, [source], AUDIT_VIEW, source)
        if caller.token_hash is not None and not any_scope:
            await self._note((caller.token_hash,), USE_SECONDS, caller, [], NOTE_TOKEN_USE)

    @asynccontextmanager
    async def export(self, caller: Caller, named: Sequence[UUID]) -> AsyncIterator[Transaction]:
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
            try:
                connection = await self.pool.acquire(timeout=max(0.1, deadline - time.monotonic()))
            except _UNREACHABLE as error:
                raise unavailable() from error
            try:
                await connection.execute(beginning, timeout=BEGIN_SECONDS)
            except Exception as error:
                # Only a server that lives refuses an identity; whatever else was raised, by asyncpg's own state machine
                # too, comes from a connection that is no use any more.
                if isinstance(error, asyncpg.PostgresError) and not isinstance(error, _ENDED):
                    await self._roll_back(connection)
                    await self.pool.release(connection)
                    if error.sqlstate == "HL403":
                        said = error.args[0] if caller.needs else "No device token may do this."
                        raise Problem("forbidden", said) from None
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
            async with self.transaction(caller, [], any_scope=True) as own:
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


def _beginning(caller: Caller, named: Sequence[UUID] | None, *, read_only: bool, any_scope: bool) -> str:
    begin = BEGIN_READ if read_only else BEGIN_WRITE
    if caller.token_hash is None:
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
