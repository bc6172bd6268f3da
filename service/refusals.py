"""Refusals: the problem that an exception means to a client, and the response that tells it."""

import errno
import re
from collections.abc import Iterable
from functools import partial
from typing import Any

import asyncpg
from litestar import Response
from litestar.exceptions import (
    HTTPException,
    InternalServerException,
    MethodNotAllowedException,
    ValidationException,
)
from litestar.exceptions import NotFoundException as RouteNotFound
from litestar.handlers import BaseRouteHandler

from service.choices import choices
from service.parameters import INSTANT, parameters_of
from service.problems import MEDIA_TYPE, FieldError, Problem, Sentences, not_found, sentence, unavailable

_BY_STATUS = {
    400: "unreadable",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    413: "too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
    503: "unavailable",
}
_NO_INSTANT = "Invalid RFC3339 encoded datetime"
# A value of another type cannot be read; one that is only not allowed can.
_OF_ANOTHER_TYPE = re.compile(r"Expected `.*`, got|Invalid (?!enum)")
_MISSING = re.compile(r"Missing required query parameter '(.*?)'")


def _wrong_query(error: ValidationException, handler: BaseRouteHandler | None) -> Problem:
    if missing := _MISSING.match(error.detail):
        return Problem.at(f"?{missing[1]}", f"The query needs {missing[1]}.", "unreadable")
    found = error.extra if isinstance(error.extra, list) else []
    messages = {str(item.get("key", "")).partition(".")[0]: str(item["message"]) for item in found}
    if "data" in messages:
        return Problem("unreadable", "This call needs a body.")
    errors = [
        FieldError(f"?{name}", INSTANT if said == _NO_INSTANT else sentence(said, partial(choices, annotation)))
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
    if isinstance(error, MethodNotAllowedException):
        *others, last = allow((error.headers or {})["allow"].split(", "))
        detail = f"Only {', '.join(others)} and {last} are taken here."
        return Problem("method_not_allowed", detail, headers={"Allow": ", ".join([*others, last])})
    if isinstance(error, HTTPException) and error.status_code in _BY_STATUS:
        return Problem(_BY_STATUS[error.status_code], str(error.detail))
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


def allow(methods: Iterable[str]) -> list[str]:
    """The methods of a path as `Allow` names them: the edge answers HEAD wherever there is a GET."""
    taken = set(methods)
    return sorted(taken | {"HEAD"} if "GET" in taken else taken)


def answer(problem: Problem, instance: str) -> Response[dict[str, Any]]:
    """The response that tells a problem."""
    return Response(
        problem.body(instance),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=problem.headers,
    )
