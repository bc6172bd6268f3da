"""The same answers from ever more readings: databases of different sizes side by side."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta

from bench.harness import Result, at_most, compare
from bench.reads import found, gets, reading_path, source_path
from bench.stage import YEAR, Service, Stage

SOURCES = 10
HOURS = 12


def growth(stage: Stage) -> Iterator[Result]:
    """Read, latest and series of one source at 10⁴ and 10⁶ stored readings, at 10⁷ too where `full`."""
    sizes = [4, 6, *([7] if stage.full else [])]
    with ExitStack() as stack:
        services = [stack.enter_context(stage.serve(f"growth_{size}")) for size in sizes]
        asked = [_paths(service, 10**size // SOURCES) for service, size in zip(services, sizes, strict=True)]
        small, *_ = services
        for size, service, paths in list(zip(sizes, services, asked, strict=True))[1:]:
            for work, path in paths.items():
                yield compare(
                    stage.rounds,
                    f"{work} at {10**size:,} stored readings",
                    f"at {10 ** sizes[0]:,}",
                    gets(service, path, service.ann.headers),
                    gets(small, asked[0][work], small.ann.headers),
                    at_most(1.5, 1.1),
                    rate=True,
                )


def _paths(service: Service, each: int) -> dict[str, str]:
    """Seed sources with as many readings each; the paths to ask one of them by."""
    meters = [service.meter() for _ in range(SOURCES)]
    for meter in meters:
        service.seed(meter, each)
    service.settle()
    meter = meters[SOURCES // 2]
    reading, at = found(service, meter, 100)
    end = YEAR[0] + timedelta(minutes=each)
    span = f"from={end - timedelta(hours=HOURS):%Y-%m-%dT%H:%M:%SZ}&to={end:%Y-%m-%dT%H:%M:%SZ}"
    return {
        "read one reading": reading_path(meter, reading, at),
        "latest 100 readings": f"{source_path(meter)}/readings?limit=100",
        f"series of {HOURS} hours": f"{source_path(meter)}/series?bucket=hour&{span}",
    }
