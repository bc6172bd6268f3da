"""Series as the API says them."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

Kind = Literal["gauge", "counter", "delta"]
Bucket = Literal["5m", "15m", "hour", "day", "week", "month", "year"]


class SeriesBucket(Struct, frozen=True):
    """What a source showed from `start` up to `end`, its values in the source's unit.

    `count`, `min`, `max`, `avg`, `sum`, `first` and `last` are of the readings inside; `consumption` is what went
    through: of a counter the difference of its values at the two edges, interpolated between neighbouring readings and
    running on across meter events. `coverage` (0 to 1) is the share of the bucket that lies between the source's first
    and last reading; `estimated` (0 to 1) is the share of that in which a counter's consumption is interpolated;
    `drops` is how often a counter falls there without a meter event that explains it. The last two are null for others.
    """

    start: datetime
    end: datetime
    count: int
    min: float | None
    max: float | None
    avg: float | None
    sum: float | None
    first: float | None
    last: float | None
    consumption: float | None
    coverage: float
    estimated: float | None
    drops: int | None


class Series(Struct, frozen=True):
    """A source by buckets."""

    source_id: UUID
    unit: str
    kind: Kind
    tz: str
    bucket: Bucket
    items: list[SeriesBucket]


class SeriesOfMany(Struct, frozen=True):
    """Several sources by the same buckets, in the order in which they were named."""

    items: list[Series]


class FlatBucket(SeriesBucket, frozen=True):
    """A bucket with all that says whose and of what it is, one flat object."""

    source_id: UUID
    unit: str


class FlatSeries(Struct, frozen=True):
    """The buckets of all sources in one list, as Grafana's Infinity data source and spreadsheets read them."""

    items: list[FlatBucket]


class Frame(Struct, frozen=True):
    """What a series is of: the source, the zone, and the range that was asked for or that readings span.

    `since` and `until` are None for a source that has no readings and a range that names no ends. `has_days` says
    whether any of its days are summed up, `thinned_until` up to when hours are kept in the place of their readings.
    """

    source_id: UUID
    unit: str
    kind: Kind
    tz: str
    since: datetime | None
    until: datetime | None
    has_days: bool
    thinned_until: datetime | None
