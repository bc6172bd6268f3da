"""Signing in with an identity that a provider has vouched for, through a browser or by a token."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Response
from litestar.datastructures import Cookie

from service.accounts.signing_in import answer
from service.accounts.tokens import LIFETIME, digest, new_token
from service.cookies import cookie_of
from service.problems import Problem, unauthenticated
from service.providers.configured import Providers
from service.providers.fetching import FailedSignIn
from service.providers.provider import Provider
from service.providers.structs import Grant, Identity, Outcome, PendingToken
from service.providers.tickets import SECONDS, Attempt, Pending, Ticket
from service.requests import Req
from service.settings import Settings
from service.sqlfile import queries_beside
from service.transaction import Transaction

_bind = queries_beside(__file__)
SPEND_TICKET = _bind("spend_ticket", bool)
SIGN_IN_BY_IDENTITY = _bind("sign_in_by_identity", Outcome)
KEEP_PROVIDER_TOKENS = _bind("keep_provider_tokens")

COOKIE = "__Host-homelog_sign_in"
"""Holds the attempt of a browser that is at a provider: one at a time, the latest."""

# Browsers read a backslash as a slash and skip blanks and controls; a page begins with one slash or none, and nothing
# before its first slash looks like a scheme.
_RETURN_TO = re.compile(
    r"(?=[!-Z_a-z~]{1,1000}\Z)(?P<origin>https?://[^/?#]*+)?+(?P<page>(?!//)[^/?#:]*+(?:[/?#].*+)?+)", re.ASCII
)


def cookie_for(attempt: str) -> Cookie:
    """The cookie of an attempt; it comes back when the provider sends the browser here, and with no other call."""
    return Cookie(COOKIE, path="/", value=attempt, max_age=SECONDS, secure=True, httponly=True, samesite="lax")


def attempt_of(request: Req, provider: Provider, state: str | None) -> Attempt:
    """The attempt that this browser began and `state` names. Raises `FailedSignIn`."""
    providers: Providers = request.app.state.providers
    attempt = providers.tickets.read(Attempt, cookie_of(request.scope, COOKIE), provider.name)
    if state != attempt.key:
        raise FailedSignIn("ticket")
    return attempt


def page_to_return_to(settings: Settings, said: str | None) -> str | None:
    """The one URL that an address to go back to means; 422 unless it is a path here or a page of a listed origin.

    It is taken apart by what is allowed, and put together again from what was checked: nobody after this, browsers
    above all, reads it in another way.
    """
    if said is None:
        return None
    found = _RETURN_TO.fullmatch(said)
    origin = (found["origin"] or settings.public_url) if found else None
    if found is None or origin not in {settings.public_url, *settings.cors_origins}:
        raise Problem.at("?return_to", "Return to a path of this service, or to a page of a listed origin.")
    return f"{origin}/{found['page'].removeprefix('/')}"


async def spend(tx: Transaction, ticket: Ticket) -> None:
    """Use a ticket; raises `FailedSignIn` for one that was used before."""
    if not await tx.one(SPEND_TICKET, ticket.digest, ticket.expires_at):
        raise FailedSignIn("used before")


async def sign_in(
    request: Req,
    tx: Transaction,
    provider: Provider,
    identity: Identity,
    *,
    cookies: bool,
    grant: Grant | None = None,
    return_to: str | None = None,
) -> Response[Any]:
    """Open a session for an identity, its account made where it has none; what the provider gave is kept if it may be.

    Raises 401, 403, 409 or 422 for an identity that opens nothing.
    """
    token = new_token()
    settings: Settings = request.app.state.settings
    outcome = await tx.one(
        SIGN_IN_BY_IDENTITY,
        provider.name,
        *msgspec.structs.astuple(identity),
        settings.registration == "open",
        digest(token),
        LIFETIME,
    )
    if outcome.verdict == "email_required":
        return _ask_for_email(request, provider, identity, return_to)
    if outcome.session is None:
        raise _refusal(outcome, provider)
    if grant is not None:
        await _keep(request, tx, outcome, grant)
    response = await answer(request, tx, outcome.session, token, cookies=cookies)
    return response if return_to is None else _sent_back(return_to, response.cookies)


def _ask_for_email(request: Req, provider: Provider, identity: Identity, return_to: str | None) -> Response[None]:
    pending = request.app.state.providers.tickets.write(Pending(provider=provider.name, identity=identity))
    if return_to is not None:
        # After the #, which no browser sends to anybody: a page reads it there.
        said = urlencode({"error": "email_required", "pending_token": pending})
        return _sent_back(f"{return_to.partition('#')[0]}#{said}", [])
    raise Problem(
        "email_required",
        f"{provider.title} tells no e-mail of yours: send one with the pending_token to go on.",
        more=PendingToken(pending),
    )


def _sent_back(url: str, cookies: list[Cookie]) -> Response[None]:
    return Response(None, status_code=303, headers={"Location": url}, cookies=cookies)


async def _keep(request: Req, tx: Transaction, outcome: Outcome, grant: Grant) -> None:
    sealer = request.app.state.providers.tokens
    if sealer is None:
        return
    # What is too long to be stored is no reason to keep somebody out.
    access, refresh = (
        sealer.seal(token.encode(), bound=f"{outcome.identity_id} {column}") if token and len(token) <= 7000 else None
        for column, token in (("access_token", grant.access_token), ("refresh_token", grant.refresh_token))
    )
    lifetime = None if grant.expires_in is None else timedelta(seconds=grant.expires_in)
    await tx.run(KEEP_PROVIDER_TOKENS, outcome.identity_id, access, refresh, lifetime)


def _refusal(outcome: Outcome, provider: Provider) -> Problem:
    match outcome.verdict:
        case "email_taken":
            return Problem(
                "email_taken",
                f"This e-mail already has an account. Sign in to it and link {provider.title} there; "
                "an e-mail alone joins nothing.",
            )
        case "closed":
            return Problem("forbidden", "Registration is closed here; ask an admin for an account.")
        case _:
            return unauthenticated("This account is not active; ask an admin.")
