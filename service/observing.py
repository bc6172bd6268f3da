"""What operators see: one structured log line a request, and Prometheus metrics."""

import logging
import math
import os
import sys
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary, generate_latest, multiprocess

REQUESTS = Counter(
    "homelog_requests_total", "Requests by route template, method and status.", ["route", "method", "status"]
)
FAILED = Counter(
    "homelog_failed_requests_total",
    "Requests that failed here, by status: 500 a defect, 503 unavailable, 507 no room.",
    ["status"],
)
SECONDS = Histogram(
    "homelog_request_seconds",
    "Time to answer, by route template.",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
QUERIES = Counter("homelog_queries_total", "Statements sent, by query name.", ["query"])
QUERY_SECONDS = Summary(
    "homelog_query_seconds", "Time from sending a statement to its whole answer, by query name.", ["query"]
)
SLOW_QUERIES = Counter("homelog_slow_queries_total", "Statements that were logged as slow, by query name.", ["query"])
POOL_SIZE = Gauge("homelog_pool_connections", "Connections to the database.", multiprocess_mode="livesum")
POOL_MOST = Gauge("homelog_pool_connections_max", "As many as there may be.", multiprocess_mode="livesum")
POOL_USED = Gauge("homelog_pool_connections_used", "Connections that a request has.", multiprocess_mode="livesum")
POOL_WAITING = Gauge("homelog_pool_waiting", "Requests that wait for a connection.", multiprocess_mode="livesum")
POOL_SECONDS = Histogram(
    "homelog_pool_wait_seconds",
    "Time that requests waited for a connection, of those that did.",
    buckets=(0.01, 0.1, 0.5, 1, 2, 4),
)
REFUSALS = Counter(
    "homelog_refusals_total",
    "What was refused for now, by kind: requests over the budget, passwords that were guessed too often, and sign_ins, "
    "batches or connections for which too many waited.",
    ["kind"],
)
BUILD = Gauge(
    "homelog_build_info", "1, of this version on this schema.", ["version", "schema"], multiprocess_mode="livemax"
)
MAINTENANCE_DONE = Counter(
    "homelog_maintenance_done_total",
    "Rows that maintenance removed, or things that it caught up with, by task.",
    ["task"],
)
MAINTENANCE_FAILURES = Counter("homelog_maintenance_failures_total", "Tasks of maintenance that failed.", ["task"])
MAINTENANCE_SECONDS = Counter("homelog_maintenance_seconds_total", "Time that maintenance took, by task.", ["task"])
MAINTENANCE_ENDED = Gauge(
    "homelog_maintenance_last_end_timestamp_seconds",
    "When maintenance ended last, whichever process did it; 0 for never.",
    multiprocess_mode="livemax",
)
INGESTED = Counter(
    "homelog_readings_total", "Readings by outcome: created, duplicates, replaced or rejected.", ["outcome"]
)

OUTCOMES = ("created", "duplicates", "replaced", "rejected")
"""What becomes of a reading that is sent."""

# What an alert waits for is there from the start: a series that begins with the first failure begins at 1, and
# Prometheus sees nothing rise.
for _outcome in OUTCOMES:
    INGESTED.labels(_outcome)
for _status in ("500", "503", "507"):
    FAILED.labels(_status)

SENT: ContextVar[list[str]] = ContextVar("sent")
"""The names of the statements that the current request has sent, in order."""
REQUEST: ContextVar[str | None] = ContextVar("request", default=None)
"""The id of the current request."""


@cache
def _seconds_of(query: str) -> Summary:
    return QUERY_SECONDS.labels(query)


def note_query(query: str, seconds: float, slow: float = math.inf) -> None:
    """Count the time that a statement took, and log it from so many seconds on: never its values."""
    _seconds_of(query).observe(seconds)
    if seconds >= slow:
        SLOW_QUERIES.labels(query).inc()
        log.warning("slow query", id=REQUEST.get(), query=query, ms=round(seconds * 1000, 2))


def set_up_logging(file: BinaryIO | None = None) -> None:
    """Our own log as JSON lines in `file`, else on standard output; libraries' warnings as plain ones on stderr."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=lambda event, **_: msgspec.json.encode(event, enc_hook=str)),
        ],
        logger_factory=structlog.BytesLoggerFactory(file=file or sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")


def metrics() -> bytes:
    """Every worker's metrics in Prometheus' text format."""
    if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        _forget_dead(Path(folder))
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
    return generate_latest()


def _forget_dead(folder: Path) -> None:
    """Remove what workers that are gone said of the present; what they counted stays."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            multiprocess.mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
        except PermissionError:
            pass


log: Any = structlog.get_logger()
