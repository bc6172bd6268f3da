"""/v1/sources/{source_id}/series."""

import math
import re
from datetime import date, datetime, timedelta
from typing import Annotated, Literal, get_args
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter

from service.answers import refuse_instant
from service.database import Transaction
from service.problems import Problem
from service.requests import PUBLIC, Req, Tx
from service.series.structs import Bucket, Frame, Series, SeriesBucket
from service.sqlfile import queries_beside

_bind = queries_beside(__file__)
FRAME_SERIES = _bind("frame_series", Frame)
SERIES = _bind("series", SeriesBucket)

MOST_POINTS = 20_000
AUTO_POINTS = 500
"""What `bucket=auto` aims to stay below."""

LENGTHS: dict[Bucket, timedelta] = {
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=365.2425 / 12),
    "year": timedelta(days=365.2425),
}
"""How long a bucket is on average; the database makes calendar ones as long as they are."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_EDGE = "An instant (RFC 3339 with a zone), or a local day."

From = Annotated[str | None, QueryParameter(name="from", description=f"{_EDGE} Default: the first reading.")]
To = Annotated[str | None, QueryParameter(name="to", description=f"{_EDGE} Default: the last reading.")]


@get("/v1/sources/{source_id:uuid}/series", operation_id="get_series", opt=PUBLIC)
async def get_series(
    request: Req,
    tx: Tx,
    source_id: FromPath[UUID],
    bucket: FromQuery[Literal[Bucket, "auto"]] = "auto",
    since: From = None,
    until: To = None,
    tz: FromQuery[str | None] = None,
    fill: FromQuery[Literal["none", "null"]] = "none",
) -> Series:
    """A source by buckets of the calendar in `tz`, by default the home's."""
    if tz is not None and tz not in request.app.state.database.timezones:
        raise Problem.at("?tz", "A time zone is an IANA name such as Europe/Copenhagen.")
    frame = await tx.one(FRAME_SERIES, source_id, tz, *_edge("from", since), *_edge("to", until))
    tx.viewed = source_id
    size = _bucket(bucket, frame)
    return Series(
        source_id,
        frame.unit,
        frame.kind,
        frame.tz,
        size,
        await _items(tx, source_id, frame, size, fill == "null"),
    )


async def _items(tx: Transaction, source_id: UUID, frame: Frame, size: Bucket, fill: bool) -> list[SeriesBucket]:
    if frame.since is None or frame.until is None or frame.since >= frame.until:
        return []
    interval = _interval(size)
    return await tx.all(SERIES, source_id, frame.kind, frame.tz, frame.since, frame.until, size, interval, fill)


def _interval(size: Bucket) -> str:
    return {"5m": "5 minutes", "15m": "15 minutes"}.get(size, f"1 {size}")


def _edge(name: str, text: str | None) -> tuple[datetime | None, date | None]:
    """An end of the range: an instant, or a day in the zone that the answer is in."""
    if text is None:
        return None, None
    try:
        day = date.fromisoformat(text) if _DAY.match(text) else None
        instant = None if day else msgspec.convert(text, Annotated[datetime, msgspec.Meta(tz=True)])
    except (ValueError, msgspec.ValidationError):
        raise Problem.at(f"?{name}", f"{_EDGE} A + is sent as %2B.", "unreadable") from None
    refuse_instant(name, day or instant)
    return instant, day


def _bucket(asked: Literal[Bucket, "auto"], frame: Frame) -> Bucket:
    """The bucket to use; 422 if there would be too many, saying how many."""
    length = (frame.until - frame.since) if frame.since and frame.until else timedelta(0)
    points = {size: math.ceil(length / each) for size, each in LENGTHS.items()}
    size: Bucket = (
        next((size for size in get_args(Bucket) if points[size] <= AUTO_POINTS), "year") if asked == "auto" else asked
    )
    if points[size] > MOST_POINTS:
        raise Problem(
            "too_many_points",
            f"{points[size]} points of {size} were asked for, at most {MOST_POINTS} are answered; "
            "take a longer bucket or a shorter range.",
        )
    return size


HANDLERS = [get_series]
