"""/v1/auth/{provider} and /v1/me/identities."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from service.accounts.signing_in import FRESH
from service.accounts.structs import SignedIn, SignedInByCookies
from service.answers import Cursor, Limit, Page, created, decode_cursor, found, page
from service.cookies import refuse_foreign_page
from service.identity import NOBODY
from service.providers.refusing import audited, linking, reachable
from service.providers.signing_in import attempt_of, cookie_for, page_to_return_to, sign_in, spend
from service.providers.structs import Complete, LinkedIdentity, ShowIdToken, SignInByIdToken
from service.providers.tickets import Attempt, Pending
from service.requests import PUBLIC, Db, Req, Tx, caller_of
from service.sqlfile import queries_beside

_bind = queries_beside(__file__)
LIST_IDENTITIES = _bind("list_identities", LinkedIdentity)
GET_IDENTITY = _bind("get_identity", LinkedIdentity)
LINK_IDENTITY = _bind("link_identity", LinkedIdentity)
UNLINK_IDENTITY = _bind("unlink_identity", UUID)

STALE = "An identity is linked within ten minutes of signing in; sign in again."

Code = Annotated[str | None, QueryParameter(description="What the provider gives for tokens, once.")]
State = Annotated[str | None, QueryParameter(name="state", description="What the browser was sent with.")]
Iss = Annotated[str | None, QueryParameter(description="Who answers (RFC 9207).")]
Error = Annotated[str | None, QueryParameter(description="Why the provider signs nobody in.")]
ReturnTo = Annotated[
    str | None,
    QueryParameter(description="Where the browser goes then: a path of this service, or a page of a listed origin."),
]


@get("/v1/auth/{provider:str}/login", operation_id="begin_provider_login", opt=PUBLIC, status_code=303)
async def begin_login(request: Req, provider: FromPath[str], return_to: ReturnTo = None) -> Response[None]:
    """Send a browser to a provider to sign in there; it comes back to the callback."""
    providers = request.app.state.providers
    asked = providers.named(provider)
    attempt = Attempt(provider=provider, return_to=page_to_return_to(request.app.state.settings, return_to))
    async with reachable(asked):
        url = await asked.authorization_url(attempt)
    cookie = cookie_for(providers.tickets.write(attempt))
    return Response(None, status_code=303, headers={"Location": url}, cookies=[cookie])


@get("/v1/auth/{provider:str}/callback", operation_id="finish_provider_login", opt=PUBLIC)
async def finish_login(
    request: Req,
    db: Db,
    provider: FromPath[str],
    code: Code = None,
    said_state: State = None,
    iss: Iss = None,
    error: Error = None,
) -> Response[SignedInByCookies]:
    """Where a provider sends a browser back to: signs it in by cookies, and on to `return_to` if that was said."""
    asked = request.app.state.providers.named(provider)
    async with audited(db, asked, at_callback=True) as known:
        attempt = attempt_of(request, asked, said_state)
        async with db.transaction(NOBODY, []) as tx:
            await spend(tx, attempt)
        identity, grant = await asked.redeem(asked.answered(code, iss, error), attempt)
        known.append(identity)
        async with db.transaction(NOBODY, []) as tx:
            return await sign_in(request, tx, asked, identity, cookies=True, grant=grant, return_to=attempt.return_to)


@post("/v1/auth/{provider:str}/id-token", operation_id="login_by_id_token", opt=PUBLIC, status_code=200)
async def login_by_id_token(
    request: Req, db: Db, provider: FromPath[str], data: JSONBody[SignInByIdToken]
) -> Response[SignedIn] | Response[SignedInByCookies]:
    """Sign in with an ID token that an app of one's own was given."""
    asked = request.app.state.providers.named(provider)
    async with audited(db, asked) as known:
        identity = await asked.vouched(data.id_token, data.nonce)
        known.append(identity)
        async with db.transaction(NOBODY, []) as tx:
            if data.cookies:
                refuse_foreign_page(request)
            return await sign_in(request, tx, asked, identity, cookies=data.cookies)


@post("/v1/auth/{provider:str}/complete", operation_id="complete_provider_login", opt=PUBLIC, status_code=200)
async def complete_login(
    request: Req, db: Db, provider: FromPath[str], data: JSONBody[Complete]
) -> Response[SignedIn] | Response[SignedInByCookies]:
    """Go on with a sign-in that lacked an e-mail. The one that is typed joins no account that there is."""
    providers = request.app.state.providers
    asked = providers.named(provider)
    async with audited(db, asked) as known:
        pending = providers.tickets.read(Pending, data.pending_token, provider)
        known.append(pending.identity)
        identity = msgspec.structs.replace(pending.identity, email=data.email)
        async with db.transaction(NOBODY, []) as tx:
            if data.cookies:
                refuse_foreign_page(request)
            await spend(tx, pending)
            return await sign_in(request, tx, asked, identity, cookies=data.cookies)


@get("/v1/me/identities", operation_id="list_identities")
async def list_identities(tx: Tx, limit: Limit = 100, cursor: Cursor = None) -> Page[LinkedIdentity]:
    """The identities that open one's account, oldest first."""
    rows = await tx.all(LIST_IDENTITIES, decode_cursor("identities", cursor, UUID), limit + 1)
    return page(rows, limit, lambda identity: identity.id, "identities")


@get("/v1/me/identities/{provider:str}", operation_id="get_identity")
async def get_identity(request: Req, tx: Tx, provider: FromPath[str]) -> Response[LinkedIdentity]:
    """The identity of one provider that opens one's account."""
    return found(request, await tx.one(GET_IDENTITY, provider))


@post("/v1/me/identities/{provider:str}", operation_id="link_identity")
async def link_identity(
    request: Req, db: Db, provider: FromPath[str], data: JSONBody[ShowIdToken]
) -> Response[LinkedIdentity]:
    """Have an identity open one's account from now on: one of each provider, soon after signing in."""
    asked = request.app.state.providers.named(provider)
    caller = caller_of(request)
    async with linking(db, caller, asked):
        identity = await asked.vouched(data.id_token, data.nonce)
    async with db.transaction(caller, []) as tx:
        is_new, linked = await tx.create(
            LINK_IDENTITY, provider, *msgspec.structs.astuple(identity), FRESH, refused=STALE
        )
    return created(request, is_new, linked, f"/v1/me/identities/{provider}")


@delete("/v1/me/identities/{provider:str}", operation_id="unlink_identity")
async def unlink_identity(tx: Tx, provider: FromPath[str]) -> None:
    """Unlink an identity, and end the sessions that it opened; never the last way into the account."""
    await tx.change(UNLINK_IDENTITY, provider, tx.if_match)


HANDLERS = [
    begin_login,
    finish_login,
    login_by_id_token,
    complete_login,
    list_identities,
    get_identity,
    link_identity,
    unlink_identity,
]
