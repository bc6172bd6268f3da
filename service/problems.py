"""Every way a call can fail, as RFC 9457 problem details; PostgreSQL's errors become them here and nowhere else."""

import errno
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Self

import asyncpg
import msgspec
from litestar import Response
from litestar.exceptions import HTTPException, InternalServerException, ValidationException
from litestar.exceptions import NotFoundException as RouteNotFound
from litestar.handlers import BaseRouteHandler

from service.choices import choices, has_fields
from service.parameters import INSTANT, parameters_of

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

_BY_STATUS = {
    400: "unreadable",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
    503: "unavailable",
}


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

# The fields that a constraint over several columns is about.
_FIELDS = {
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
            problem.errors += [FieldError(f"/{field}", detail) for field in fields]
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
_NO_INSTANT = "Invalid RFC3339 encoded datetime"
# A value of another type cannot be read; one that is only not allowed can.
_OF_ANOTHER_TYPE = re.compile(r"Expected `.*`, got|Invalid (?!enum)")
_MISSING = re.compile(r"Missing required query parameter '(.*?)'")


def wrong_value(error: msgspec.ValidationError, annotation: Any) -> FieldError:
    """What msgspec says of a value that does not fit a type, with a pointer to the place.

    However long what a client calls a field is, little of it is told and none of it is kept.
    """
    said, parts = _what_and_where(str(error), annotation)
    if field := _FIELD.fullmatch(said):
        name = _shortened(field[2], _NAME)
        said, parts = f"Object {field[1]} field {name}", (*parts, name)
        return FieldError("".join(f"/{part}" for part in parts), _sentence(said))
    return FieldError("".join(f"/{part}" for part in parts), _sentence(said, lambda: choices(annotation, parts)))


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


def _sentence(said: str, allowed: Callable[[], Sequence[str]] = lambda: ()) -> str:
    if (value := _NO_CHOICE.match(said)) and (taken := allowed()):
        return f"{value[1]} is none of {', '.join(taken)}."
    return _shortened(said, _SAID).replace("`", "") + "."


def _wrong_query(error: ValidationException, handler: BaseRouteHandler | None) -> Problem:
    if missing := _MISSING.match(error.detail):
        return Problem.at(f"?{missing[1]}", f"The query needs {missing[1]}.", "unreadable")
    found = error.extra if isinstance(error.extra, list) else []
    messages = {str(item.get("key", "")).partition(".")[0]: str(item["message"]) for item in found}
    if "data" in messages:
        return Problem("unreadable", "This call needs a body.")
    errors = [
        FieldError(f"?{name}", INSTANT if said == _NO_INSTANT else _sentence(said, partial(choices, annotation)))
        for argument, name, annotation in (parameters_of(handler) if handler else ())
        if (said := messages.get(argument))
    ]
    if not errors:
        return Problem("unreadable", "The query cannot be read.")
    is_readable = not any(map(_OF_ANOTHER_TYPE.match, messages.values()))
    detail = f"{errors[0].pointer.removeprefix('?')}: {errors[0].detail}"
    return Problem("invalid" if is_readable else "unreadable", detail, *errors)


def problem_of(error: Exception, sentences: Sentences, handler: BaseRouteHandler | None = None) -> Problem | None:
    """The problem that an exception means to a client of that route; None for one that is our own fault."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, asyncpg.InvalidCachedStatementError):
        # A migration ran beside this service. asyncpg has forgotten the statement by now, on every connection.
        return unavailable("The database has just been changed; send it again.")
    if isinstance(error, asyncpg.PostgresError):
        return sentences.problem_of(error)
    if isinstance(error, ValidationException):
        return _wrong_query(error, handler)
    if isinstance(error, RouteNotFound):
        return not_found()
    if isinstance(error, HTTPException) and error.status_code in _BY_STATUS:
        headers = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
        return Problem(_BY_STATUS[error.status_code], str(error.detail), headers=headers)
    # asyncpg's own refusal to encode a value is an InterfaceError too, so it comes first.
    if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
        return Problem("invalid", "A value is outside the range of its field.")
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return Problem("disk_low", "There is no room to take this body in; nothing was changed.")
    if isinstance(error, RecursionError):
        return Problem("unreadable", "The body is nested too deeply.")
    if isinstance(error, InternalServerException) and "disconnected" in str(error.detail):
        return Problem("unreadable", "The body ended too early.")
    if isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError | ConnectionError | TimeoutError):
        return unavailable()
    return None


def answer(problem: Problem, instance: str) -> Response[dict[str, Any]]:
    """The response that tells a problem."""
    return Response(
        problem.body(instance),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=problem.headers,
    )
