"""Sign-ins that fail: what is told, and the one audit row that each leaves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from service.database import AUDIT, Database
from service.identity import NOBODY, Caller
from service.problems import Problem, unauthenticated
from service.providers.fetching import FailedSignIn, Misconfigured, ProviderDown
from service.providers.provider import Provider
from service.providers.structs import Identity
from service.refusals import problem_of
from service.sqlfile import queries_beside

RECORD_FAILED_IDENTITY = queries_beside(__file__)("record_failed_identity")

_UNVERIFIED = "What {} said could not be verified; sign in again."
_MISCONFIGURED = "Signing in with {} is misconfigured here; ask the operator."
_DETAILS = {
    "ticket": "This sign-in took too long or began elsewhere; sign in again.",
    "used before": "This sign-in was used before; sign in again.",
    "cancelled": "Signing in with {} was cancelled.",
    "refused": "{} signs nobody in just now, or not you; sign in again.",
}


@asynccontextmanager
async def audited(db: Database, provider: Provider, *, at_callback: bool = False) -> AsyncIterator[list[Identity]]:
    """Tell why a sign-in failed and note it, after all that it did is undone.

    Put the identity into the list once it is known: the row stands in the name of its account. Where the provider
    does not answer, 503 has a client try again; but `at_callback`, whose code is gone, that is a 401 as well.
    """
    known: list[Identity] = []
    try:
        yield known
    except (FailedSignIn, Problem, asyncpg.PostgresError) as failure:
        if isinstance(failure, FailedSignIn):
            problem = _told(failure, provider, at_callback=at_callback)
        else:
            problem = problem_of(failure, db.sentences) or Problem("internal", "The service could not do this.")
        # What is forbidden has left its row already, and a missing e-mail is no failure.
        if problem.name not in {"forbidden", "csrf", "email_required"}:
            issuer, subject = (known[0].issuer, known[0].subject) if known else (None, None)
            reason = failure.reason if isinstance(failure, FailedSignIn) else problem.name
            async with db.transaction(NOBODY, []) as tx:
                await tx.run(RECORD_FAILED_IDENTITY, provider.name, issuer, subject, reason)
        if isinstance(failure, asyncpg.PostgresError):
            raise
        raise problem from failure


@asynccontextmanager
async def linking(db: Database, caller: Caller, provider: Provider) -> AsyncIterator[None]:
    """Tell and note that an identity cannot be linked: the caller stays signed in, so it is a wrong field (422)."""
    try:
        yield
    except FailedSignIn as failure:
        async with db.transaction(caller, []) as tx:
            await tx.run(
                AUDIT, None, None, "link_identity_failed", {"provider": provider.name, "reason": failure.reason}
            )
        if isinstance(failure, ProviderDown):
            raise _down(failure, provider) from failure
        raise Problem.at("/id_token", f"This ID token is none that {provider.title} made for here.") from failure


@asynccontextmanager
async def reachable(provider: Provider) -> AsyncIterator[None]:
    """Tell that a provider does not answer."""
    try:
        yield
    except ProviderDown as failure:
        raise _down(failure, provider) from failure


def _told(failure: FailedSignIn, provider: Provider, *, at_callback: bool) -> Problem:
    if isinstance(failure, ProviderDown) and not at_callback:
        return _down(failure, provider)
    if isinstance(failure, Misconfigured):
        return unauthenticated(_MISCONFIGURED.format(provider.title))
    return unauthenticated(_DETAILS.get(failure.reason, _UNVERIFIED).format(provider.title))


def _down(failure: ProviderDown, provider: Provider) -> Problem:
    if isinstance(failure, Misconfigured):
        return Problem("unavailable", _MISCONFIGURED.format(provider.title), headers={"Retry-After": "60"})
    return Problem("unavailable", f"{provider.title} cannot be reached; try again.", headers={"Retry-After": "10"})
