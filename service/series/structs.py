"""Series as the API says them."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

Bucket = Literal["5m", "15m", "hour", "day", "week", "month", "year"]


class SeriesBucket(Struct, frozen=True):
    """What a source showed from `start` up to `end`, its values in the source's unit.

    `count`, `min`, `max`, `avg`, `sum`, `first` and `last` are of the readings inside; `consumption` is what went
    through: of a counter the difference of its values at the two edges, interpolated between neighbouring readings.
    `coverage` (0 to 1) is the share of the bucket that lies between the source's first and last reading.
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


class Series(Struct, frozen=True):
    """A source by buckets."""

    source_id: UUID
    unit: str
    kind: Literal["gauge", "counter", "delta"]
    tz: str
    bucket: Bucket
    items: list[SeriesBucket]


class Frame(Struct, frozen=True):
    """What a series is of: the source, the zone, and the range that was asked for or that readings span.

    `since` and `until` are None for a source that has no readings and a range that names no ends.
    """

    unit: str
    kind: Literal["gauge", "counter", "delta"]
    tz: str
    since: datetime | None
    until: datetime | None
