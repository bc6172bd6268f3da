"""The line protocol's mappings and answers as the API says and takes them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from service.line_protocol.parsing import SERIES_BYTES

SeriesText = Annotated[str, Meta(min_length=1, max_length=SERIES_BYTES)]


class LineMapping(Struct, frozen=True):
    """Where the values of a series go; without a source they are not kept."""

    id: UUID
    series: str
    source_id: UUID | None
    created_at: datetime
    updated_at: datetime


class MapLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A series, `measurement,tag=value field`, and its source; null for one that is not kept."""

    series: SeriesText
    source_id: UUID | None


class MappedSeries(Struct, frozen=True):
    """A series and its source, null for one that is not kept."""

    series: str
    source_id: UUID | None


class InfluxError(Struct, frozen=True):
    """How InfluxDB 2 says what was wrong."""

    code: str
    message: str


class InfluxErrorV1(Struct, frozen=True):
    """How InfluxDB 1 says what was wrong."""

    error: str


class InfluxHealth(Struct, frozen=True):
    """What InfluxDB 2 says of itself."""

    name: str
    message: str
    status: str
    checks: list[str]
    version: str
