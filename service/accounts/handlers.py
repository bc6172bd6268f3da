"""/v1/auth/register, /v1/me: one's own account and its password."""

from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post, put
from litestar.params import JSONBody
from msgspec import UNSET

from service.accounts.guesses import demand_no_wait
from service.accounts.passwords import HASHER, refuse_guessable
from service.accounts.signing_in import FRESH, GET_ME
from service.accounts.structs import ChangeMe, ChangePassword, OwnCredentials, Register, User
from service.answers import created, found
from service.cookies import cleared
from service.database import AUDIT, Database
from service.identity import NOBODY, Caller
from service.problems import Problem
from service.requests import ALWAYS_NEW, LASTS, OPENS_GATE, PUBLIC, Db, Req, Tx, caller_of
from service.sqlfile import queries_beside

_bind = queries_beside(__file__)
REGISTER = _bind("register", User)
OWN_CREDENTIALS = _bind("own_credentials", OwnCredentials)
TRY_OWN_PASSWORD = _bind("try_own_password", int)
FORGIVE_OWN_PASSWORD = _bind("forgive_own_password", type(None))
CHANGE_ME = _bind("change_me", User)
DELETE_ME = _bind("delete_me", UUID)
CHANGE_OWN_PASSWORD = _bind("change_own_password", bool)
SET_FIRST_PASSWORD = _bind("set_first_password", bool)
EXPORT_ACCOUNT = _bind("export_account", str)
EXPORT_IDENTITIES = _bind("export_identities", str)

STALE = "An e-mail is changed within ten minutes of signing in; sign in again."


@post("/v1/auth/register", operation_id="register", opt=PUBLIC | ALWAYS_NEW)
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


@get("/v1/me", operation_id="get_me")
async def get_me(request: Req, tx: Tx) -> Response[User]:
    """One's own account."""
    return found(request, await tx.one(GET_ME))


@patch("/v1/me", operation_id="change_me")
async def change_me(request: Req, tx: Tx, data: JSONBody[ChangeMe]) -> Response[User]:
    """Change what was sent; another e-mail, which signs in, only soon after signing in."""
    return found(request, await tx.change(CHANGE_ME, tx.if_match, msgspec.to_builtins(data), FRESH, refused=STALE))


@delete("/v1/me", operation_id="delete_me", opt=LASTS)
async def delete_me(request: Req, tx: Tx) -> Response[None]:
    """Delete one's account and what it alone administers; what others administer too stays theirs."""
    refused = "An account is deleted within ten minutes of signing in; sign in again."
    await tx.change(DELETE_ME, tx.if_match, FRESH, refused=refused)
    return Response(None, status_code=204, cookies=cleared(request))


@put("/v1/me/password", operation_id="change_password", opt=OPENS_GATE, status_code=204)
async def change_password(request: Req, db: Db, data: JSONBody[ChangePassword]) -> None:
    """Replace the password, or set a first one, and end every other session.

    The one call that a temporary password opens.
    """
    caller = caller_of(request)
    async with db.transaction(caller, [], read_only=True) as tx:
        own = await tx.one(OWN_CREDENTIALS)
    refuse_guessable("/new_password", data.new_password, own.email)
    if data.current_password is UNSET:
        await _set_first_password(db, caller, own, data.new_password)
    elif not await _replace_password(db, caller, own, data.current_password, data.new_password):
        await _audit(db, caller, "change_password_failed")
        raise Problem.at("/current_password", "This is not your current password.")


async def _replace_password(db: Database, caller: Caller, own: OwnCredentials, current: str, new: str) -> bool:
    async with db.transaction(caller, []) as tx:
        seconds = await tx.one(TRY_OWN_PASSWORD)
    demand_no_wait(seconds)
    if not await HASHER.matches(own.password_hash, current):
        return False
    # At once: whatever comes of the new one, the current was no wrong guess.
    async with db.transaction(caller, []) as tx:
        await tx.run(FORGIVE_OWN_PASSWORD)
    if new == current:
        raise Problem.at("/new_password", "A new password is another one than the current.")
    new_hash = await HASHER.hash(new)
    async with db.transaction(caller, []) as tx:
        return await tx.one(CHANGE_OWN_PASSWORD, own.password_hash, new_hash)


async def _set_first_password(db: Database, caller: Caller, own: OwnCredentials, new: str) -> None:
    if own.password_hash is not None:
        raise Problem.at("/current_password", "Only somebody without a password may leave this out.")
    new_hash = await HASHER.hash(new)
    async with db.transaction(caller, []) as tx:
        if not await tx.one(SET_FIRST_PASSWORD, new_hash, FRESH):
            raise Problem("forbidden", "A first password is set within ten minutes of signing in; sign in again.")


async def _audit(db: Database, caller: Caller, event: str, **details: str) -> None:
    async with db.transaction(caller, []) as tx:
        await tx.run(AUDIT, None, None, event, details)


HANDLERS = [register, get_me, change_me, delete_me, change_password]
EXPORTS = [EXPORT_ACCOUNT, EXPORT_IDENTITIES]
