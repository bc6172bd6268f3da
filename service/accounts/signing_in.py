"""How every sign-in is answered, whoever vouched: the tokens in the body, or in a browser's cookies."""

from datetime import timedelta
from uuid import UUID

from litestar import Response
from msgspec import UNSET

from service.accounts.structs import OpenSession, Presented, Refresh, SignedIn, SignedInByCookies, User
from service.accounts.tokens import LIFETIME, digest
from service.cookies import CSRF_HEADER, REFRESH_COOKIE, cookie_of, cookies_of, csrf_of, forgery, is_forged
from service.identity import ACCESS_SECONDS
from service.problems import Problem
from service.requests import Req
from service.sqlfile import queries_beside
from service.transaction import Transaction

FRESH = timedelta(minutes=10)
"""How long after signing in one may give oneself another way in (a first password, a provider, an admin, a reset), or
delete an account: no proof but the session is asked, and whoever has taken one must not stay when it ends."""

_bind = queries_beside(__file__)
GET_ME = _bind("get_me", User)
SESSION_OF_TOKEN = _bind("session_of_token", UUID)


async def answer(
    request: Req, tx: Transaction, session: OpenSession, refresh_token: str, *, cookies: bool, status_code: int = 200
) -> Response[SignedIn | SignedInByCookies]:
    """The answer to somebody who has just opened or refreshed `session`, as whom the transaction acts.

    With `cookies` no token is in the body. Whether a page may ask for them is not decided here: see
    `refuse_foreign_page`.
    """
    state = request.app.state
    user = await tx.one(GET_ME)
    access_token = state.tokens.issue(
        session.user_id, session.session_id, session.auth_provider, session.created_at.timestamp()
    )
    if not cookies:
        said = SignedIn(access_token, "Bearer", ACCESS_SECONDS, refresh_token, user)
        return Response(said, status_code=status_code)
    csrf = csrf_of(state.settings.secret, session.session_id)
    return Response(
        SignedInByCookies(user),
        status_code=status_code,
        cookies=cookies_of(access_token, ACCESS_SECONDS, refresh_token, int(LIFETIME.total_seconds()), csrf),
        headers={CSRF_HEADER: csrf},
    )


def presented(request: Req, data: Refresh | None) -> Presented:
    """The refresh token in the body, else the one in the cookie; without either one that never was."""
    if data is not None and data.refresh_token is not UNSET:
        return Presented(data.refresh_token, by_cookie=False)
    held = cookie_of(request.scope, REFRESH_COOKIE)
    if held is None and data is not None:
        raise Problem.at("/refresh_token", "Without the cookie this is needed.")
    return Presented(held or "", by_cookie=True)


async def prove(request: Req, tx: Transaction, held: Presented) -> None:
    """Refuse what a browser was made to send (403 `csrf`): a session that lives ends or goes on for a page of ours."""
    if not held.by_cookie:
        return
    session_id = await tx.maybe(SESSION_OF_TOKEN, digest(held.token))
    if session_id is not None and is_forged(request, session_id):
        raise forgery()
