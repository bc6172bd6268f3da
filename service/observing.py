"""What operators see: one structured log line a request, and Prometheus metrics."""

import logging
import os
import sys
from contextvars import ContextVar
from typing import Any

import msgspec
import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess

REQUESTS = Counter(
    "homelog_requests_total", "Requests by route template, method and status.", ["route", "method", "status"]
)
SECONDS = Histogram(
    "homelog_request_seconds",
    "Time to answer, by route template.",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
QUERIES = Counter("homelog_queries_total", "Statements sent, by query name.", ["query"])
INGESTED = Counter("homelog_readings_total", "Readings by outcome.", ["outcome"])

SENT: ContextVar[list[str]] = ContextVar("sent")
"""The names of the statements that the current request has sent, in order."""


def set_up_logging() -> None:
    """JSON lines on standard output, encoded by msgspec; the standard library's loggers join in."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=lambda event, **_: msgspec.json.encode(event, enc_hook=str)),
        ],
        logger_factory=structlog.BytesLoggerFactory(file=sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")


def metrics() -> bytes:
    """Every worker's metrics in Prometheus' text format."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
    return generate_latest()


log: Any = structlog.get_logger()
