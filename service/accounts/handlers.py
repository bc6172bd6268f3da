"""/v1/auth and /v1/me."""

from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post, put
from litestar.params import FromPath, JSONBody

from service.accounts.passwords import HASHER, is_weak, refuse_guessable
from service.accounts.structs import (
    ChangeMe,
    ChangePassword,
    Credentials,
    Login,
    OpenSession,
    OwnCredentials,
    Refresh,
    Register,
    Session,
    SignedIn,
    User,
)
from service.accounts.tokens import GRACE, LIFETIME, digest, new_token, successor
from service.answers import Cursor, Limit, Page, created, decode_cursor, found, page
from service.database import AUDIT, Database, Transaction
from service.identity import ACCESS_SECONDS, NOBODY, Caller
from service.problems import Problem, unauthenticated
from service.requests import PUBLIC, Db, Req, Tx, caller_of
from service.sqlfile import queries_beside

_bind = queries_beside(__file__)
REGISTER = _bind("register", User)
FIND_CREDENTIALS = _bind("find_credentials", Credentials)
OWN_CREDENTIALS = _bind("own_credentials", OwnCredentials)
OPEN_SESSION = _bind("open_session", OpenSession)
REHASH_PASSWORD = _bind("rehash_password")
RECORD_FAILED_LOGIN = _bind("record_failed_login")
REFRESH_SESSION = _bind("refresh_session", OpenSession)
END_SESSION_OF_TOKEN = _bind("end_session_of_token", bool)
GET_ME = _bind("get_me", User)
CHANGE_ME = _bind("change_me", User)
DELETE_ME = _bind("delete_me", UUID)
CHANGE_OWN_PASSWORD = _bind("change_own_password", bool)
LIST_SESSIONS = _bind("list_sessions", Session)
END_SESSION = _bind("end_session", UUID)


@post("/v1/auth/register", operation_id="register", opt=PUBLIC)
async def register(request: Req, db: Db, data: JSONBody[Register]) -> Response[User]:
    """Make an account; the first one is an admin. 403 where the configuration closes this."""
    if request.app.state.settings.registration == "closed":
        detail = "Registration is closed here; ask an admin for an account."
        await _audit(db, NOBODY, "access_denied", detail=detail)
        raise Problem("forbidden", detail)
    refuse_guessable("/password", data.password, data.email)
    password_hash = await HASHER.hash(data.password)
    async with db.transaction(NOBODY, []) as tx:
        user = await tx.one(REGISTER, data.email, data.display_name, password_hash)
    return created(request, True, user, "/v1/me")


@post("/v1/auth/login", operation_id="login", opt=PUBLIC, status_code=200)
async def login(request: Req, db: Db, data: JSONBody[Login]) -> SignedIn:
    """Sign in. Which of e-mail and password is wrong shows neither in words nor in time."""
    async with db.transaction(NOBODY, [], read_only=True) as tx:
        stored = await tx.maybe(FIND_CREDENTIALS, data.email)
    matches = await HASHER.matches(stored.password_hash if stored else None, data.password)
    if stored and matches and (answer := await _open(request, db, stored, data.password)):
        return answer
    async with db.transaction(NOBODY, []) as tx:
        await tx.run(RECORD_FAILED_LOGIN, data.email)
    raise unauthenticated("The e-mail or the password is wrong.")


@post("/v1/auth/refresh", operation_id="refresh", opt=PUBLIC, status_code=200)
async def refresh(request: Req, db: Db, data: JSONBody[Refresh]) -> SignedIn:
    """Rotate a refresh token. One that was used before ends its session, but for the grace."""
    following = successor(data.refresh_token, request.app.state.settings.secret)
    async with db.transaction(NOBODY, []) as tx:
        session = await tx.maybe(REFRESH_SESSION, digest(data.refresh_token), digest(following), LIFETIME, GRACE)
    # Refused only now that what it ended is committed.
    if session is None:
        raise unauthenticated("This refresh token does not work any more; sign in again.")
    async with db.transaction(Caller(session.user_id, session.session_id), [], read_only=True) as tx:
        return await _signed_in(request, tx, session, following)


@post("/v1/auth/logout", operation_id="logout", opt=PUBLIC, status_code=204)
async def logout(tx: Tx, data: JSONBody[Refresh]) -> None:
    """End the session of a refresh token, and its access tokens with it; what has ended stays so."""
    await tx.run(END_SESSION_OF_TOKEN, digest(data.refresh_token))


@get("/v1/me", operation_id="get_me")
async def get_me(request: Req, tx: Tx) -> Response[User]:
    """One's own account."""
    return found(request, await tx.one(GET_ME))


@patch("/v1/me", operation_id="change_me")
async def change_me(request: Req, tx: Tx, data: JSONBody[ChangeMe]) -> Response[User]:
    """Change what was sent."""
    return found(request, await tx.change(CHANGE_ME, tx.if_match, msgspec.to_builtins(data)))


@delete("/v1/me", operation_id="delete_me")
async def delete_me(tx: Tx) -> None:
    """Delete one's account and what it alone administers; what others administer too stays theirs."""
    await tx.change(DELETE_ME, tx.if_match)


@put("/v1/me/password", operation_id="change_password", status_code=204)
async def change_password(request: Req, db: Db, data: JSONBody[ChangePassword]) -> None:
    """Replace the password and end every other session."""
    caller = caller_of(request)
    async with db.transaction(caller, [], read_only=True) as tx:
        own = await tx.one(OWN_CREDENTIALS)
    refuse_guessable("/new_password", data.new_password, own.email)
    changed = False
    if await HASHER.matches(own.password_hash, data.current_password):
        new_hash = await HASHER.hash(data.new_password)
        async with db.transaction(caller, []) as tx:
            changed = await tx.one(CHANGE_OWN_PASSWORD, own.password_hash, new_hash)
    if not changed:
        await _audit(db, caller, "change_password_failed")
        raise Problem.at("/current_password", "This is not your current password.")


@get("/v1/me/sessions", operation_id="list_sessions")
async def list_sessions(tx: Tx, limit: Limit = 100, cursor: Cursor = None) -> Page[Session]:
    """Where one is signed in, oldest first."""
    rows = await tx.all(LIST_SESSIONS, decode_cursor("sessions", cursor, UUID), limit + 1)
    return page(rows, limit, lambda session: session.id, "sessions")


@delete("/v1/me/sessions/{session_id:uuid}", operation_id="end_session")
async def end_session(tx: Tx, session_id: FromPath[UUID]) -> None:
    """End one of one's own sessions, also the one that asks."""
    await tx.one(END_SESSION, session_id)


async def _open(request: Req, db: Database, stored: Credentials, password: str) -> SignedIn | None:
    stronger = await HASHER.hash(password) if is_weak(stored.password_hash) else None
    token = new_token()
    async with db.transaction(NOBODY, []) as tx:
        session = await tx.maybe(OPEN_SESSION, stored.user_id, stored.password_hash, digest(token), LIFETIME)
        if session is None:
            return None
        if stronger is not None:
            await tx.run(REHASH_PASSWORD, stored.user_id, stored.password_hash, stronger)
        return await _signed_in(request, tx, session, token)


async def _signed_in(request: Req, tx: Transaction, session: OpenSession, refresh_token: str) -> SignedIn:
    access_token = request.app.state.tokens.issue(
        session.user_id, session.session_id, session.auth_provider, session.created_at.timestamp()
    )
    return SignedIn(access_token, "Bearer", ACCESS_SECONDS, refresh_token, await tx.one(GET_ME))


async def _audit(db: Database, caller: Caller, event: str, **details: str) -> None:
    async with db.transaction(caller, []) as tx:
        await tx.run(AUDIT, None, None, event, details)


HANDLERS = [
    register,
    login,
    refresh,
    logout,
    get_me,
    change_me,
    delete_me,
    change_password,
    list_sessions,
    end_session,
]
