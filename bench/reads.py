"""Reads: against pgbench doing the same statements, against the peer, against themselves for others."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from bench.client import flood, request, same
from bench.harness import Result, Side, at_least, at_most, compare
from bench.postgres import pgbench, put_in
from bench.stage import QUERY, YEAR, Peer, Person, Place, Service, Stage
from service.cookies import ACCESS_COOKIE, CSRF_COOKIE, REFRESH_COOKIE
from service.database import ACT_AS, BEGIN_READ, COMMIT
from service.readings.handlers import GET_READING
from service.sources.handlers import GET_SOURCE

CLIENTS = 16
"""So many that both workers are busy however connections fall to them."""


def read(stage: Stage) -> Iterator[Result]:
    """One reading and one source, signed in, against pgbench."""
    service = stage.service
    reading, at = found(service, service.year, 1000)
    for work, path, select in (
        (
            "read one reading",
            reading_path(service.year, reading, at),
            put_in(GET_READING.sql, service.year, reading, at),
        ),
        ("read one source", source_path(service.year), put_in(GET_SOURCE.sql, service.year)),
    ):
        identity = ACT_AS.with_literals(service.ann.id, service.ann.session, [service.year])
        statements = (BEGIN_READ.sql, identity, select, COMMIT.sql)
        script = stage.folder / "read.sql"
        script.write_text("".join(f"{put_in(sql)};\n" for sql in statements), "utf-8")
        yield compare(
            stage.rounds,
            work,
            "pgbench -M prepared: BEGIN, identity, the same SELECT, COMMIT",
            gets(service, path, service.ann.headers),
            lambda script=script: pgbench(  # type: ignore[misc]
                service.api_url, script, clients=CLIENTS, seconds=stage.rounds.seconds
            ),
            at_least(0.5, 0.75),
            rate=True,
        )


def peer(stage: Stage) -> Iterator[Result]:
    """One reading and one source, against the peer."""
    service, other, headers = both(stage)
    reading, at = found(service, service.year, 1000)
    other_reading, _ = found(other, service.year, 1000)
    for work, ours, theirs in (
        ("read one reading", reading_path(service.year, reading, at), reading_path(service.year, other_reading, at)),
        ("read one source", source_path(service.year), source_path(service.year)),
    ):
        yield compare(
            stage.rounds,
            work,
            "the peer",
            gets(service, ours, service.ann.headers),
            gets(other, theirs, headers),
            at_least(8, 12),
            rate=True,
        )


def newest(stage: Stage) -> Iterator[Result]:
    """The latest 100 readings of a source, against the peer."""
    service, other, headers = both(stage)
    path = f"{source_path(service.year)}/readings?limit=100"
    yield compare(
        stage.rounds,
        "latest 100 readings of a source",
        "the peer",
        gets(service, path, service.ann.headers),
        gets(other, path, headers),
        at_least(10, 15),
        rate=True,
    )


def public(stage: Stage) -> Iterator[Result]:
    """A public source, signed in against nobody."""
    service = stage.service
    reading, at = found(service, service.year, 1000)
    path = reading_path(service.year, reading, at)
    yield compare(
        stage.rounds,
        "read one reading, signed in",
        "the same without signing in (the source is public)",
        gets(service, path, service.ann.headers),
        gets(service, path, {}),
        at_least(0.9, 1.0),
        rate=True,
    )


def cookie(stage: Stage) -> Iterator[Result]:
    """One reading, signed in by a browser's cookies against by an access token."""
    service = stage.service
    reading, at = found(service, service.year, 1000)
    path = reading_path(service.year, reading, at)
    token = service.ann.headers["Authorization"].removeprefix("Bearer ")
    held = {REFRESH_COOKIE: f"hr_{'x' * 43}", CSRF_COOKIE: "x" * 43, ACCESS_COOKIE: token}
    yield compare(
        stage.rounds,
        "read one reading, by a browser's cookies",
        "by an access token",
        gets(service, path, {"Cookie": "; ".join(f"{name}={value}" for name, value in held.items())}),
        gets(service, path, service.ann.headers),
        at_least(0.95, 1.0),
        rate=True,
    )


def breadth(stage: Stage) -> Iterator[Result]:
    """The same read for a person with 1,000 sources and for one with 20."""
    service = stage.service

    def side(many: int) -> Side:
        person = service.person(f"has_{many}")
        source = sources_of(service, person, many, each=20)[many // 2]
        reading, at = found(service, source, 10)
        return gets(service, reading_path(source, reading, at), person.headers)

    ours, theirs = side(1000), side(20)
    service.settle()
    yield compare(
        stage.rounds,
        "read one reading, 1,000 sources",
        "the same for a person with 20",
        ours,
        theirs,
        at_most(1.2, 1.05),
        rate=True,
    )


def both(stage: Stage) -> tuple[Service, Peer, Mapping[str, str]]:
    """The service and the peer with the same year of minutes, and Ann's headers for the peer."""
    stage.peer.meter(stage.service.ann, stage.service.year, readings=525_600)
    return stage.service, stage.peer, stage.peer.headers(stage.service.ann)


def sources_of(place: Place, person: Person, many: int, *, each: int) -> list[UUID]:
    """Give a person many sources with some readings each, one every five minutes; return their ids."""
    ids = [row[0] for row in place.run(QUERY("add_sources"), person.id, many)]
    place.run(QUERY("seed_all_readings"), person.id, YEAR[0], timedelta(minutes=5), each)
    return ids


def gets(place: Place, path: str, headers: Mapping[str, str]) -> Side:
    """A side that asks for one path over and over."""
    said = request("GET", path, headers)
    return lambda: flood(place.address, CLIENTS, place.stage.rounds.seconds, same(said))


def found(place: Place, source: UUID, before: int) -> tuple[UUID, datetime]:
    """A reading's id and timestamp, so many before the newest."""
    reading, at = place.run(QUERY("find_reading"), source, before)[0]
    return reading, at.astimezone(UTC)


def source_path(source: UUID) -> str:
    """The path of a source."""
    return f"/v1/sources/{source}"


def reading_path(source: UUID, reading: UUID, at: datetime) -> str:
    """The path of a reading, with its time, as `Location` says it."""
    return f"{source_path(source)}/readings/{reading}?timestamp={at:%Y-%m-%dT%H:%M:%SZ}"
