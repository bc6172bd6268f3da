"""Answers: one object with its ETag, a page of many, a creation with its Location."""

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Generic, Protocol, TypeVar

import msgspec
from litestar import Request, Response
from litestar.params import QueryParameter

from service.parameters import INSTANT
from service.problems import Problem

T = TypeVar("T")
V = TypeVar("V", bound="Versioned")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Limit = Annotated[int, QueryParameter(ge=1, le=1000, description="How many items a page holds.")]
Cursor = Annotated[str | None, QueryParameter(description="The next_cursor of the page before.")]

From = Annotated[datetime | None, QueryParameter(name="from", description="The first instant of the range.")]
To = Annotated[datetime | None, QueryParameter(name="to", description="The instant after the range.")]


class Versioned(Protocol):
    """An object whose row says when it last changed."""

    @property
    def updated_at(self) -> datetime:
        """When the row last changed: its version."""


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A page of a list; `next_cursor` is null on the last one."""

    items: list[T]
    next_cursor: str | None


def _encode_time(value: datetime) -> int:
    return (value - _EPOCH) // _MICROSECOND


def etag(updated_at: datetime, body: bytes) -> str:
    """The version of the row, then of all that is shown with it: If-Match holds against the first part alone."""
    return f'"{_encode_time(updated_at):x}-{hashlib.blake2b(body, digest_size=6).hexdigest()}"'


def versions_of(if_match: str | None) -> list[datetime] | None:
    """The row versions that an If-Match header names: None for no condition (absent or `*`).

    Weak tags and tags that are none of ours match nothing, so they make an empty list.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    versions = []
    for tag in if_match.split(","):
        version, _, _ = tag.strip().strip('"').partition("-")
        try:
            if tag.strip().startswith('"'):
                versions.append(_EPOCH + int(version, 16) * _MICROSECOND)
        except (ValueError, OverflowError):
            continue
    return versions


_RANGE = re.compile(r"\s*([\w.+*-]+)/([\w.+*-]+)\s*(?:;(.*))?", re.DOTALL)
_QUALITY = re.compile(r"\bq\s*=\s*(0(?:\.\d*)?|1(?:\.0*)?)\s*(?:;|$)")


LONGEST_ACCEPT = 4096
"""How long an Accept header may be to say anything, in characters; a browser's has 200."""


def preferred(accept: str | None, offered: Sequence[str]) -> str:
    """The media type that an Accept header likes best (RFC 9110 12.5.1); the first one where it likes none.

    One that is too long likes none. Of two that it likes alike, the one that it names comes before one that only a
    wildcard takes in, and then the one that it names first.
    """
    best, chosen = (0.0, 0, 0), offered[0]  # any quality above 0 beats this
    if accept is not None and len(accept) > LONGEST_ACCEPT:
        return chosen
    ranges = [match for part in (accept or "").split(",") if (match := _RANGE.fullmatch(part.lower()))]
    for media_type in offered:
        kind, _, form = media_type.partition("/")
        told = [
            ((match[1] != "*") + (match[2] != "*"), -place, float(quality[1]) if quality else 1.0)
            for place, match in enumerate(ranges)
            if match[1] in {kind, "*"} and match[2] in {form, "*"}
            for quality in [_QUALITY.search(match[3] or "")]
        ]
        if told:
            # The most specific range decides, be it a refusal.
            specific, place, quality = max(told)
            if quality and (quality, specific, place) > best:
                best, chosen = (quality, specific, place), media_type
    return chosen


def found(request: Request[Any, Any, Any], item: V, status_code: int = 200) -> Response[V]:
    """One stored object with its ETag, or 304 if If-None-Match has it already."""
    body = msgspec.json.encode(item)
    tag = etag(item.updated_at, body)
    headers = {"ETag": tag}
    if _is_known(request, tag):
        return Response(None, status_code=304, headers=headers)  # type: ignore[arg-type]
    return Response(body, status_code=status_code, headers=headers, media_type="application/json")  # type: ignore[arg-type]


def document(request: Request[Any, Any, Any], body: bytes, media_type: str) -> Response[bytes]:
    """What is no stored object, with an ETag of its bytes, or 304 if If-None-Match has them already.

    Whoever asks again and again may keep it, and asks each time whether it still holds; nobody between may.
    """
    tag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if _is_known(request, headers["ETag"]):
        return Response(b"", status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=media_type)


def _is_known(request: Request[Any, Any, Any], tag: str) -> bool:
    """Whether a reading request's If-None-Match names that ETag, weakly compared as RFC 9110 says."""
    asked = request.headers.get("if-none-match")
    if asked is None or request.method not in {"GET", "HEAD"}:
        return False
    return asked.strip() == "*" or tag in (each.strip().removeprefix("W/") for each in asked.split(","))


def created(request: Request[Any, Any, Any], is_new: bool, item: V, location: str) -> Response[V]:
    """201 with Location for an object that is new, 200 for one that the same call made before."""
    response = found(request, item, 201 if is_new else 200)
    if is_new:
        response.headers["Location"] = location
    return response


def page(rows: Sequence[T], limit: int, key: Callable[[T], Any], kind: str) -> Page[T]:
    """A page of at most `limit` of the rows, which were asked for as one more than that."""
    shown = list(rows[:limit])
    more = len(rows) > limit
    return Page(shown, encode_cursor(kind, key(shown[-1])) if more else None)


_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def refuse_number(name: str, text: str) -> None:
    """Refuse seconds since 1970 where the query has an instant (422), at `?name`."""
    if _NUMBER.fullmatch(text):
        raise Problem.at(f"?{name}", f"{name}: a number is no time here. {INSTANT}")


def refuse_instant(name: str, at: date | None) -> None:
    """Refuse an instant of the query without a zone (400), or one that no zone could show (422), at `?name`."""
    if isinstance(at, datetime) and at.tzinfo is None:
        raise Problem.at(f"?{name}", "An instant needs a zone: Z, or an offset whose + is sent as %2B.", "unreadable")
    if at is not None and not 1900 <= at.year < 3000:
        raise Problem.at(f"?{name}", "An instant lies between the years 1900 and 3000.")


def refuse_range(since: datetime | None, until: datetime | None) -> None:
    """Refuse the ends of a range as `refuse_instant` does."""
    refuse_instant("from", since)
    refuse_instant("to", until)


def encode_cursor(kind: str, key: Any) -> str:
    """An opaque cursor: the key of the last row, under the name of its list."""
    return urlsafe_b64encode(msgspec.json.encode([kind, key])).decode().rstrip("=")


def decode_cursor(kind: str, cursor: str | None, key: type[T]) -> T | None:
    """The key in a cursor of this list; 400 for anything else."""
    if cursor is None:
        return None
    try:
        raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        of, last = msgspec.json.decode(raw, type=tuple[str, key])  # type: ignore[valid-type]
        if of == kind:
            return last
    except (ValueError, msgspec.MsgspecError):
        pass
    raise Problem("unreadable", "This cursor does not belong to this list.")
