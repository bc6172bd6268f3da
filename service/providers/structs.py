"""Providers and identities as the API says and takes them, and what a provider says of somebody."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from service.accounts.structs import Email, OpenSession

IdToken = Annotated[str, Meta(max_length=16_384)]
Nonce = Annotated[str, Meta(max_length=500)]
Verdict = Literal["opened", "email_required", "email_taken", "closed", "inactive"]


class LinkedIdentity(Struct, frozen=True):
    """An identity that opens one's account; e-mail, name and picture are the provider's own."""

    id: UUID
    provider: str
    issuer: str
    provider_user_id: str
    email: str | None
    name: str | None
    profile_image: str | None
    created_at: datetime

    @property
    def updated_at(self) -> datetime:
        """When it was linked: what the provider says of somebody is no version."""
        return self.created_at


class ShowIdToken(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An ID token that a provider made for one's own app, and the nonce that the app asked it with, if any."""

    id_token: IdToken
    nonce: Nonce | None = None


class SignInByIdToken(ShowIdToken, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same to sign in; with `cookies` the tokens go into cookies alone."""

    cookies: bool = False


class Complete(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The e-mail that a new account still needs."""

    pending_token: Annotated[str, Meta(max_length=8192)]
    email: Email
    cookies: bool = False


class PendingToken(Struct, frozen=True):
    """What a sign-in goes on with once its e-mail is known."""

    pending_token: str


class Identity(Struct, frozen=True):
    """Whom a provider vouches for: a subject of an issuer. The rest is what it says of them."""

    issuer: str
    subject: str
    email: str | None = None
    name: str | None = None
    picture: str | None = None


class Grant(Struct, frozen=True):
    """What a provider's token endpoint answers; `expires_in` is the access token's, in seconds."""

    id_token: str
    access_token: str
    refresh_token: str | None = None
    expires_in: Annotated[int, Meta(ge=0, le=1_000_000_000)] | None = None


class Outcome(Struct, frozen=True):
    """How signing in with an identity went; all but the verdict is null unless a session was opened."""

    verdict: Verdict
    session_id: UUID | None
    user_id: UUID | None
    auth_provider: str
    created_at: datetime
    identity_id: UUID | None

    @property
    def session(self) -> OpenSession | None:
        """The session that was opened, if one was."""
        if self.verdict != "opened" or self.session_id is None or self.user_id is None:
            return None
        return OpenSession(self.session_id, self.user_id, self.auth_provider, self.created_at)
