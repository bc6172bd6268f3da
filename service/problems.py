"""Every way a call can fail, as RFC 9457 problem details; PostgreSQL's errors become them here and nowhere else.

Nothing here knows the web framework: the commands of operators tell the same sentences, and start without it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import asyncpg
import msgspec

from service.choices import choices, has_fields

MEDIA_TYPE = "application/problem+json"

CATALOGUE: dict[str, tuple[int, str]] = {
    "unreadable": (400, "The request cannot be read"),
    "unauthenticated": (401, "Sign in first"),
    "forbidden": (403, "You may not do this"),
    "csrf": (403, "This may come from a page of somebody else"),
    "password_change_required": (403, "Change your temporary password first"),
    "not_found": (404, "There is no such thing"),
    "method_not_allowed": (405, "This cannot be done here"),
    "too_slow": (408, "The request came too slowly"),
    "conflict": (409, "This contradicts what is stored"),
    "email_taken": (409, "This e-mail already has an account"),
    "last_admin": (409, "The last admin cannot go"),
    "cursor_expired": (410, "This cursor is too old"),
    "stale": (412, "It has changed since you read it"),
    "too_large": (413, "The body is too large"),
    "unsupported_media_type": (415, "This media type is not taken here"),
    "invalid": (422, "A field is wrong"),
    "batch_rejected": (422, "The batch was rejected and nothing stored"),
    "email_required": (422, "An e-mail is needed to go on"),
    "too_many_points": (422, "The answer would have too many points"),
    "rate_limited": (429, "Too many requests"),
    "internal": (500, "Something broke here"),
    "unavailable": (503, "The service cannot answer just now"),
    "disk_low": (507, "There is no room to store this"),
}
"""Error name → status and title. A title never changes; the detail tells the case."""


class FieldError(msgspec.Struct, frozen=True):
    """One wrong field: an RFC 6901 pointer into the body, or `?name` for a query parameter."""

    pointer: str
    detail: str


class ProblemDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of every error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldError] = []


class Problem(Exception):
    """A call that failed. `more` is added to the body as it is: a batch's counts and results."""

    def __init__(
        self,
        name: str,
        detail: str,
        *errors: FieldError,
        headers: Mapping[str, str] | None = None,
        more: msgspec.Struct | None = None,
    ) -> None:
        super().__init__(detail)
        self.name = name
        self.status, self.title = CATALOGUE[name]
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.more = more

    @classmethod
    def at(cls, pointer: str, detail: str, name: str = "invalid") -> Self:
        """A problem with one field of the request."""
        return cls(name, detail, FieldError(pointer, detail))

    def body(self, instance: str) -> dict[str, Any]:
        """What is sent: the problem's own members, then whatever else it carries."""
        details = ProblemDetails(f"/errors/{self.name}", self.title, self.status, self.detail, instance, self.errors)
        said: dict[str, Any] = msgspec.to_builtins(details)
        if self.more is not None:
            said |= msgspec.to_builtins(self.more)
        return said


def not_found() -> Problem:
    """What is not there and what one may not see, told alike."""
    return Problem("not_found", "There is nothing here that you can see.")


def unauthenticated(detail: str = "This needs a valid access token.") -> Problem:
    """No credentials, or bad ones."""
    return Problem("unauthenticated", detail, headers={"WWW-Authenticate": 'Bearer realm="homelog"'})


def unavailable(detail: str = "The database cannot be reached; try again.") -> Problem:
    """Nothing was done, and trying again may help."""
    return Problem("unavailable", detail, headers={"Retry-After": "2"})


def rate_limited(seconds: int, detail: str, headers: Mapping[str, str] | None = None) -> Problem:
    """Nothing was done, and trying again before so many seconds are over will not help."""
    return Problem("rate_limited", detail, headers={**(headers or {}), "Retry-After": str(seconds)})


# A constraint whose violation has a name of its own in the catalogue.
_NAMED = {
    "users_email_key": "email_taken",
    "users_last_admin": "last_admin",
    "user_source_access_last_admin": "last_admin",
    "home_members_last_admin": "last_admin",
}

# The fields that a constraint over several columns is about; none where it is about what the body does not say.
_FIELDS = {
    "meter_events_of_counter": [""],
    "home_members_admin_stays": ["expires_at"],
    "plants_season_whole": ["season_factor", "season_from", "season_to"],
}

# Where one of these finds no account it was the caller's, and has been deleted since the request began. Who is given
# access to a source or a home is somebody else, whom the request names: those are not among them.
OWN_ACCOUNT = frozenset(
    {
        "calendar_links_user_id_fkey",
        "care_events_user_id_fkey",
        "data_sources_created_by_fkey",
        "data_validators_created_by_fkey",
        "device_tokens_user_id_fkey",
        "growth_measurements_user_id_fkey",
        "home_members_granted_by_fkey",
        "homes_created_by_fkey",
        "line_protocol_sources_user_id_fkey",
        "meter_events_created_by_fkey",
        "plants_user_id_fkey",
        "sessions_user_id_fkey",
        "source_retentions_created_by_fkey",
        "user_oauth_identities_user_id_fkey",
        "user_passwords_user_id_fkey",
        "user_source_access_granted_by_fkey",
    }
)

# SQLSTATE, or its class, → error name. A constraint's COMMENT replaces the detail (see `Sentences`).
_SQLSTATES = {
    "HL401": "unauthenticated",
    "HL403": "forbidden",
    "HL404": "not_found",
    "HL4PW": "password_change_required",
    "23505": "conflict",
    "23000": "conflict",
    "23503": "invalid",
    "23514": "invalid",
    "23502": "invalid",
    "22001": "invalid",
    "22003": "invalid",
    "22008": "invalid",
    "22021": "invalid",
    "22P05": "invalid",
    "22": "invalid",
    "42501": "forbidden",
    "53100": "disk_low",
    "40": "unavailable",
    "53": "unavailable",
    "55P03": "unavailable",
    "57": "unavailable",
    "25P03": "unavailable",
    "25P04": "unavailable",
    "08": "unavailable",
    "58": "unavailable",
}
_DETAILS = {
    "22001": "A text is longer than its field takes.",
    "22003": "A number is outside the range of its field.",
    "22008": "A time is outside the range of its field.",
    "22021": "A text may not hold the character NUL.",
    "22P05": "A text may not hold the character NUL.",
    "42501": "Your access does not allow this.",
    "53100": "The database has no room left; nothing was stored.",
}


class Sentences:
    """The COMMENT of every constraint, read once from the catalogue, by constraint name."""

    def __init__(self) -> None:
        self.by_constraint: dict[str, str | None] = {}
        self.columns: dict[str, str | None] = {}

    def problem_of(self, error: asyncpg.PostgresError) -> Problem | None:
        """The problem that a PostgreSQL error means to a client; None for one that is our own fault."""
        state = error.sqlstate or ""
        name = _SQLSTATES.get(state) or _SQLSTATES.get(state[:2])
        if name is None:
            return None
        if name == "unavailable":
            return unavailable("The database could not finish this; send it again: nothing is stored twice.")
        if name == "unauthenticated":
            return unauthenticated(error.args[0])
        if name == "not_found":
            return not_found()
        if name == "password_change_required":
            return Problem(name, error.args[0])
        constraint = getattr(error, "constraint_name", None) or ""
        if state == "23503" and constraint in OWN_ACCOUNT:
            return unauthenticated("This session has ended.")
        column = getattr(error, "column_name", None) or self.columns.get(constraint)
        # A rule that stands in a trigger names a constraint that the catalogue has not, and says its own sentence.
        said = error.args[0] if constraint and constraint not in self.by_constraint else None
        detail = self.by_constraint.get(constraint) or said or _DETAILS.get(state) or "A field is wrong."
        problem = Problem(_NAMED.get(constraint, name), detail)
        if problem.name == "invalid":
            fields = _FIELDS.get(constraint, [column] if column else [])
            problem.errors += [FieldError(f"/{field}" if field else "", detail) for field in fields]
        return problem


# A place as msgspec writes it, which ends its message; of our types none is longer or deeper.
_PLACE = re.compile(r"(?:key` in `)?\$([^`]{,100})`")
_DEPTH = 10
_FIELD = re.compile(r"Object (missing required|contains unknown) field `(.*)`", re.DOTALL)
_UNKNOWN = "Object contains unknown field `"
_NAME = 100
"""How many characters of what a client calls a field are told."""
_SAID = 300
"""How many characters of what is wrong with a value are told."""
_NO_CHOICE = re.compile(r"^Invalid enum value (.{,42})")


def wrong_value(error: msgspec.ValidationError, annotation: Any) -> FieldError:
    """What msgspec says of a value that does not fit a type, with a pointer to the place.

    However long what a client calls a field is, little of it is told and none of it is kept.
    """
    said, parts = _what_and_where(str(error), annotation)
    if field := _FIELD.fullmatch(said):
        name = _shortened(field[2], _NAME)
        said, parts = f"Object {field[1]} field {name}", (*parts, name)
        return FieldError("".join(f"/{part}" for part in parts), sentence(said))
    return FieldError("".join(f"/{part}" for part in parts), sentence(said, lambda: choices(annotation, parts)))


def _what_and_where(said: str, annotation: Any) -> tuple[str, tuple[str, ...]]:
    what, _, place = said.rpartition(" - at `")
    found = _PLACE.fullmatch(place)
    if found is None:
        return said, ()
    parts = tuple(re.findall(r"[^.\[\]]+", found[1])[:_DEPTH])
    # A client may call a field what looks like a place: then no closing mark stands before it, or it is none of ours.
    if what.startswith(_UNKNOWN) and not (what.endswith("`") and has_fields(annotation, parts)):
        return said, ()
    return what, parts


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def sentence(said: str, allowed: Callable[[], Sequence[str]] = lambda: ()) -> str:
    """What msgspec says of a value as a sentence; of a word that is no choice it tells those that are allowed."""
    if (value := _NO_CHOICE.match(said)) and (taken := allowed()):
        return f"{value[1]} is none of {', '.join(taken)}."
    return _shortened(said, _SAID).replace("`", "") + "."
