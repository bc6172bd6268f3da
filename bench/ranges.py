"""Long answers: a year as CSV, a year by days, the latest reading of everything."""

import json
import math
import urllib.request
from collections.abc import Iterator
from typing import Any

import psycopg

from bench.client import Line
from bench.harness import NotThere, Result, at_least, at_most, compare
from bench.postgres import copy_out, psql, put_in
from bench.reads import source_path, sources_of
from bench.stage import HOME_ZONE, QUERY, YEAR, Service, Stage

SOURCES = 1000
DAY_OF_READINGS = 288


def export(stage: Stage) -> Iterator[Result]:
    r"""A year of minutes as CSV, against psql's \copy."""
    service = stage.service
    path = f"{source_path(service.year)}/readings?order=asc"
    if not asked(service, path, "text/csv").startswith(b"id,timestamp"):
        raise NotThere("GET …/readings does not answer text/csv yet")
    line = Line(service.address, service.ann.headers | {"Accept": "text/csv"})
    copy = copy_out(put_in(QUERY("export_readings").sql, service.year, *YEAR))
    yield compare(
        stage.rounds,
        "stream a year of minutes (525,600 readings) as CSV",
        "psql \\\\copy (SELECT …) TO",
        lambda: again(line, path),
        lambda: psql(service.url, copy, warm=copy),
        at_least(0.95, 1.0),
    )
    line.close()


def series(stage: Stage) -> Iterator[Result]:
    """A year by day in the home's time zone, against the same answer from the raw readings."""
    service = stage.service
    path = f"{source_path(service.year)}/series?bucket=day&from=2023-01-01&to=2024-01-01"
    values = (service.year, HOME_ZONE, *YEAR)
    days = put_in(QUERY("days_from_raw").sql, *values)
    _demand_same(json.loads(asked(service, path))["items"], service.dba, days)
    line = Line(service.address, service.ann.headers)
    yield compare(
        stage.rounds,
        f"a year of minutes by day in {HOME_ZONE}",
        "psql: the same answer from the raw readings",
        lambda: again(line, path),
        lambda: psql(service.url, days, warm=days),
        at_least(25, 50),
    )
    line.close()


def latest(stage: Stage) -> Iterator[Result]:
    """The latest reading of 1,000 sources, against a probe of the key for each."""
    service = stage.service
    person = service.person("has_latest")
    sources_of(service, person, SOURCES, each=DAY_OF_READINGS)
    service.settle()
    line = Line(service.address, person.headers)
    probes = put_in(QUERY("latest_of_sources").sql, person.id)
    yield compare(
        stage.rounds,
        "latest reading of 1,000 sources",
        "psql: one index probe × 1,000",
        lambda: again(line, f"/v1/readings/latest?limit={SOURCES}"),
        lambda: psql(service.url, probes, warm=probes),
        at_most(3, 1.5),
    )
    line.close()


def again(line: Line, path: str) -> float:
    """The seconds that an answer takes straight after the same one, as psql's side does: each finds its caches warm."""
    line.exchange("GET", path)
    return line.exchange("GET", path).seconds


def asked(service: Service, path: str, media_type: str = "application/json") -> bytes:
    """The first megabyte of an answer."""
    url = "http://{}:{}{}".format(*service.address, path)
    headers = service.ann.headers | {"Accept": media_type}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:  # noqa: S310 - ours
        content: bytes = answer.read(1 << 20)
        return content


def _demand_same(items: list[dict[str, Any]], dba: psycopg.Connection[Any], days: str) -> None:
    """Both sides must say the same, or their times mean nothing."""
    cursor = dba.execute(days.encode())
    names = [column.name for column in cursor.description or []]
    raw = cursor.fetchall()
    if len(items) != len(raw):
        raise AssertionError(f"{len(items)} days were answered, {len(raw)} are in the readings")
    for item, row in zip(items, raw, strict=True):
        for name, value in zip(names, row, strict=True):
            if isinstance(value, int | float) and not math.isclose(item[name], value, rel_tol=1e-9, abs_tol=1e-6):
                raise AssertionError(f"{name} of {item['start']}: answered {item[name]}, by the readings {value}")
