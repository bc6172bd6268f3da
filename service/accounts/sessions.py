"""/v1/auth/login, refresh and logout, /v1/me/sessions: how sessions open, go on and end."""

from uuid import UUID

from litestar import Response, delete, get, post
from litestar.params import FromPath, JSONBody

from service.accounts.guesses import demand_no_wait, in_turn
from service.accounts.passwords import HASHER, is_weak
from service.accounts.signing_in import answer, presented, prove
from service.accounts.structs import (
    Credentials,
    Login,
    OpenSession,
    Refresh,
    RefreshedSession,
    Session,
    SignedIn,
    SignedInByCookies,
)
from service.accounts.tokens import ABSOLUTE, GRACE, LIFETIME, digest, new_token, successors
from service.answers import Cursor, Limit, Page, decode_cursor, found, page
from service.cookies import cleared, refuse_foreign_page
from service.database import Database
from service.identity import NOBODY, Caller
from service.problems import Problem, unauthenticated
from service.requests import PUBLIC, Db, Req, Tx, address_of
from service.sqlfile import queries_beside

_bind = queries_beside(__file__)
FIND_CREDENTIALS = _bind("find_credentials", Credentials)
TRY_SIGN_IN = _bind("try_sign_in", int)
FORGIVE_SIGN_IN = _bind("forgive_sign_in", type(None))
OPEN_SESSION = _bind("open_session", OpenSession)
REHASH_PASSWORD = _bind("rehash_password")
RECORD_FAILED_LOGIN = _bind("record_failed_login")
REFRESH_SESSION = _bind("refresh_session", RefreshedSession)
END_SESSION_OF_TOKEN = _bind("end_session_of_token", bool)
LIST_SESSIONS = _bind("list_sessions", Session)
GET_SESSION = _bind("get_session", Session)
END_SESSION = _bind("end_session", UUID)
END_OTHER_SESSIONS = _bind("end_other_sessions")
EXPORT_SESSIONS = _bind("export_sessions", str)


@post("/v1/auth/login", operation_id="login", opt=PUBLIC, status_code=200)
async def login(request: Req, db: Db, data: JSONBody[Login]) -> Response[SignedIn | SignedInByCookies]:
    """Sign in. Which of e-mail and password is wrong shows neither in words nor in time."""
    async with in_turn(data.email, address_of(request)):
        async with db.transaction(NOBODY, []) as tx:
            if data.cookies:
                refuse_foreign_page(request)
            seconds = await tx.one(TRY_SIGN_IN, data.email, address_of(request))
            stored = await tx.maybe(FIND_CREDENTIALS, data.email)
        demand_no_wait(seconds)
        matches = await HASHER.matches(stored.password_hash if stored else None, data.password)
        if stored and matches and (opened := await _open(request, db, stored, data)):
            return opened
    async with db.transaction(NOBODY, []) as tx:
        await tx.run(RECORD_FAILED_LOGIN, data.email)
    raise unauthenticated("The e-mail or the password is wrong.")


@post("/v1/auth/refresh", operation_id="refresh", opt=PUBLIC, status_code=200)
async def refresh(
    request: Req, db: Db, data: JSONBody[Refresh | None] = None
) -> Response[SignedIn | SignedInByCookies]:
    """Rotate a refresh token. One that was used before ends its session, but for the grace."""
    held = presented(request, data)
    following = successors(held.token, request.app.state.settings.secrets)
    async with db.transaction(NOBODY, []) as tx:
        await prove(request, tx, held)
        session = await tx.maybe(REFRESH_SESSION, digest(held.token), list(following), LIFETIME, ABSOLUTE, GRACE)
    # Refused only now that what it ended is committed.
    if session is None:
        raise unauthenticated("This refresh token does not work any more; sign in again.")
    async with db.transaction(Caller(session.user_id, session.session_id), [], read_only=True) as tx:
        return await answer(request, tx, session, following[session.successor], cookies=held.by_cookie)


@post("/v1/auth/logout", operation_id="logout", opt=PUBLIC, status_code=204)
async def logout(request: Req, tx: Tx, data: JSONBody[Refresh | None] = None) -> Response[None]:
    """End the session of the refresh token that is given, and its access tokens with it; what has ended stays so."""
    if data is None and not cleared(request):
        # An access token names no session here: whoever sends nothing else must not believe that one has ended.
        raise Problem.at("/refresh_token", "Without the cookie this is needed.")
    held = presented(request, data)
    await prove(request, tx, held)
    await tx.run(END_SESSION_OF_TOKEN, digest(held.token))
    return Response(None, status_code=204, cookies=cleared(request))


@get("/v1/me/sessions", operation_id="list_sessions")
async def list_sessions(tx: Tx, limit: Limit = 100, cursor: Cursor = None) -> Page[Session]:
    """Where one is signed in, oldest first."""
    rows = await tx.all(LIST_SESSIONS, decode_cursor("sessions", cursor, UUID), limit + 1)
    return page(rows, limit, lambda session: session.id, "sessions")


@delete("/v1/me/sessions", operation_id="end_other_sessions")
async def end_other_sessions(tx: Tx) -> None:
    """End every session of one's own but the one that asks."""
    await tx.run(END_OTHER_SESSIONS)


@get("/v1/me/sessions/{session_id:uuid}", operation_id="get_session")
async def get_session(request: Req, tx: Tx, session_id: FromPath[UUID]) -> Response[Session]:
    """One of one's own sessions."""
    return found(request, await tx.one(GET_SESSION, session_id))


@delete("/v1/me/sessions/{session_id:uuid}", operation_id="end_session")
async def end_session(tx: Tx, session_id: FromPath[UUID]) -> None:
    """End one of one's own sessions, also the one that asks."""
    await tx.one(END_SESSION, session_id)


async def _open(
    request: Req, db: Database, stored: Credentials, data: Login
) -> Response[SignedIn | SignedInByCookies] | None:
    stronger = await HASHER.hash(data.password) if is_weak(stored.password_hash) else None
    token = new_token()
    async with db.transaction(NOBODY, []) as tx:
        session = await tx.maybe(OPEN_SESSION, stored.user_id, stored.password_hash, digest(token), LIFETIME)
        if session is not None:
            await tx.run(FORGIVE_SIGN_IN, data.email, address_of(request))
            if stronger is not None:
                await tx.run(REHASH_PASSWORD, stored.user_id, stored.password_hash, stronger)
            return await answer(request, tx, session, token, cookies=data.cookies)
        newer = await tx.maybe(FIND_CREDENTIALS, data.email)
    # At another worker the same password may have been given a stronger hash meanwhile.
    is_other = newer is not None and newer.password_hash != stored.password_hash
    if newer and is_other and await HASHER.matches(newer.password_hash, data.password):
        return await _open(request, db, newer, data)
    return None


HANDLERS = [login, refresh, logout, list_sessions, end_other_sessions, get_session, end_session]
EXPORTS = [EXPORT_SESSIONS]
