"""/v1/sources/{source_id}/series, /v1/series."""

import csv
import io
import math
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec.structs import astuple, replace

from service.answers import preferred, refuse_instant, refuse_number
from service.problems import Problem, not_found
from service.requests import DEVICES_READ, PUBLIC, SOURCES_IN_QUERY, Req, Tx
from service.series.structs import (
    Bucket,
    FlatBucket,
    FlatSeries,
    Frame,
    Series,
    SeriesBucket,
    SeriesOfMany,
)
from service.sqlfile import queries_beside
from service.transaction import Transaction

_bind = queries_beside(__file__)
FRAME_SERIES = _bind("frame_series", Frame)
SERIES_OF_DAYS = _bind("series_of_days", SeriesBucket)
SERIES = _bind("series", SeriesBucket)

PARTS_OF_HOURS = {"5m", "15m"}
MOST_SOURCES = 50
MOST_POINTS = 20_000
AUTO_POINTS = 500
"""What `bucket=auto` stays below for each source; for all together it stays below MOST_POINTS."""
MOST_GAPS = 50
"""Between how many days of a source the others are asked for apart; with more gaps all of them are."""

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

JSON, CSV = "application/json", "text/csv"

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_EDGE = "An instant (RFC 3339 with a zone), or a local day."

From = Annotated[str | None, QueryParameter(name="from", description=f"{_EDGE} Default: the first reading.")]
To = Annotated[str | None, QueryParameter(name="to", description=f"{_EDGE} Default: the last reading.")]
Sources = Annotated[
    list[UUID],
    QueryParameter(name="source_id", min_items=1, max_items=MOST_SOURCES, description="Again for each source."),
]
Asked = FromQuery[Literal[Bucket, "auto"]]
Form = Annotated[Literal["nested", "flat"], QueryParameter(name="format")]
Fill = FromQuery[Literal["none", "null"]]


@get("/v1/sources/{source_id:uuid}/series", operation_id="get_series", opt=PUBLIC | DEVICES_READ)
async def get_series(
    request: Req,
    tx: Tx,
    source_id: FromPath[UUID],
    bucket: Asked = "auto",
    since: From = None,
    until: To = None,
    tz: FromQuery[str | None] = None,
    fill: Fill = "none",
    form: Form = "nested",
) -> Response[Series]:
    """A source by buckets of the calendar in `tz`, by default the home's; as CSV where that is asked for."""
    frames = await _frames(request, tx, [source_id], tz, since, until)
    (series,) = await _series(tx, frames, bucket, fill == "null")
    return _answer(request, [series], form, series)


@get("/v1/series", operation_id="get_series_of_many", opt=PUBLIC | DEVICES_READ | SOURCES_IN_QUERY)
async def get_series_of_many(
    request: Req,
    tx: Tx,
    sources: Sources,
    bucket: Asked = "auto",
    since: From = None,
    until: To = None,
    tz: FromQuery[str | None] = None,
    fill: Fill = "none",
    form: Form = "nested",
) -> Response[SeriesOfMany]:
    """Several sources by the same buckets, each in its home's zone unless `tz` names one for all."""
    frames = await _frames(request, tx, list(dict.fromkeys(sources)), tz, since, until)
    items = await _series(tx, frames, bucket, fill == "null")
    return _answer(request, items, form, SeriesOfMany(items))


async def _frames(
    request: Req, tx: Transaction, sources: list[UUID], tz: str | None, since: str | None, until: str | None
) -> list[Frame]:
    """What is asked for, in the order of the sources; 404 if the caller does not see one of them."""
    if tz is not None and tz not in request.app.state.database.timezones:
        raise Problem.at("?tz", "A time zone is an IANA name such as Europe/Copenhagen.")
    frames = await tx.all(FRAME_SERIES, sources, tz, *_edge("from", since), *_edge("to", until))
    if len(frames) != len(sources):
        raise not_found()
    tx.viewed = sources
    return frames


async def _series(tx: Transaction, frames: list[Frame], bucket: Literal[Bucket, "auto"], fill: bool) -> list[Series]:
    size = _bucket(bucket, frames)
    asked = [frame for frame in frames if frame.since and frame.until and frame.since < frame.until]
    items = {frame.source_id: list[SeriesBucket]() for frame in frames}
    summed = [frame for frame in asked if size == "day" and frame.has_days]
    if summed:
        days = await tx.each(SERIES_OF_DAYS, len(summed), *_columns(summed))
        items |= {frame.source_id: own for frame, own in zip(summed, days, strict=True)}
        asked = [gap for frame in asked for gap in _gaps(frame, items[frame.source_id])]
    if asked:
        rows = await tx.each(SERIES, len(asked), *_columns(asked), size, _interval(size), fill)
        for frame, own in zip(asked, rows, strict=True):
            items[frame.source_id] += own
    for frame in summed:
        items[frame.source_id].sort(key=attrgetter("start"))
    return [Series(frame.source_id, frame.unit, frame.kind, frame.tz, size, items[frame.source_id]) for frame in frames]


def _columns(frames: list[Frame]) -> Iterator[list[Any]]:
    return ([getattr(frame, name) for frame in frames] for name in ("source_id", "kind", "tz", "since", "until"))


def _gaps(frame: Frame, days: list[SeriesBucket]) -> list[Frame]:
    """The frame, or what of it the days leave; where that is in too many pieces, no day is left."""
    edges: list[Any] = [frame.since, *(edge for day in days for edge in (day.start, day.end)), frame.until]
    gaps = [replace(frame, since=s, until=u) for s, u in zip(edges[::2], edges[1::2], strict=True) if s < u]
    if len(gaps) <= MOST_GAPS:
        return gaps
    days.clear()
    return [frame]


def _answer(request: Req, series: list[Series], form: str, nested: Series | SeriesOfMany) -> Response[Any]:
    """As one table, CSV or flat JSON, if that is what was asked for."""
    if preferred(request.headers.get("accept"), (JSON, CSV)) == CSV:
        headers = {"Content-Disposition": 'attachment; filename="series.csv"'}
        return Response(_csv(series), media_type=CSV, headers=headers)  # Litestar adds the charset.
    if form == "flat":
        return Response(FlatSeries([FlatBucket(*(*astuple(b), s.source_id, s.unit)) for s in series for b in s.items]))
    return Response(nested)


def _csv(series: list[Series]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(("source_id", *SeriesBucket.__struct_fields__))
    writer.writerows(msgspec.to_builtins((s.source_id, *astuple(b))) for s in series for b in s.items)
    return text.getvalue()


def _interval(size: Bucket) -> str:
    return {"5m": "5 minutes", "15m": "15 minutes"}.get(size, f"1 {size}")


def _edge(name: str, text: str | None) -> tuple[datetime | None, date | None]:
    """An end of the range: an instant, or a day in the zone that the answer is in."""
    if text is None:
        return None, None
    refuse_number(name, text)
    try:
        day = date.fromisoformat(text) if _DAY.match(text) else None
        instant = None if day else msgspec.convert(text, Annotated[datetime, msgspec.Meta(tz=True)])
    except (ValueError, msgspec.ValidationError):
        raise Problem.at(f"?{name}", f"{_EDGE} A + is sent as %2B.", "unreadable") from None
    refuse_instant(name, day or instant)
    return instant, day


def _thinned(frames: list[Frame]) -> list[datetime]:
    """Up to when readings were thinned, of each source that is asked for from before that."""
    return [
        frame.thinned_until
        for frame in frames
        if frame.since and frame.until and frame.thinned_until and frame.since < min(frame.until, frame.thinned_until)
    ]


def _bucket(asked: Literal[Bucket, "auto"], frames: list[Frame]) -> Bucket:
    """The bucket to use; 422 if there would be too many, saying how many."""
    # A range that ends before it begins has no points, and must not make room for others.
    lengths = [max(timedelta(0), frame.until - frame.since) for frame in frames if frame.since and frame.until]
    points = {size: [math.ceil(length / each) for length in lengths] for size, each in LENGTHS.items()}
    thinned = _thinned(frames)
    if thinned and asked in PARTS_OF_HOURS:
        raise Problem.at(
            "?bucket",
            f"Before {msgspec.to_builtins(max(thinned))} only hours are kept here: take bucket=hour or a later range.",
        )
    fitting = (
        size
        for size in get_args(Bucket)
        if not (thinned and size in PARTS_OF_HOURS)
        and max(points[size], default=0) <= AUTO_POINTS
        and sum(points[size]) <= MOST_POINTS
    )
    size: Bucket = next(fitting, "year") if asked == "auto" else asked
    total = sum(points[size])
    if total > MOST_POINTS:
        raise Problem(
            "too_many_points",
            f"{total} points of {size} were asked for, at most {MOST_POINTS} are answered; "
            "take a longer bucket or a shorter range.",
        )
    return size


HANDLERS = [get_series, get_series_of_many]
