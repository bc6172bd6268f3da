"""What it takes: a worker's memory while a million readings go in and out, the disk that each reading fills."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from bench.client import JSON, Line
from bench.harness import Bound, NotThere, Result
from bench.ranges import asked
from bench.reads import source_path
from bench.stage import MINUTE, QUERY, RISE, Minutes, Service, Stage

MILLION = 1_000_000
METERS = 20
BATCH = 10_000

MEMORY = Bound("≤", 150, 100, " MB")
DISK = Bound("≤", 170, 130, " B")


def memory(stage: Stage) -> Iterator[Result]:
    """The most memory that a worker ever held (VmHWM): as CSV in, as NDJSON in, as CSV out."""
    if not Path("/proc/self/status").exists():
        raise NotThere("peak memory is read from /proc, which this system does not have")
    for work, media_type in (("taking", "text/csv"), ("taking", "application/x-ndjson"), ("streaming", "text/csv")):
        # A service of its own each time: the peak is of its whole life.
        database = f"memory_{work}_{media_type.rpartition('-')[2].rpartition('/')[2]}"
        with stage.serve(database, workers=1) as service:
            idle = peak(service)
            meter = service.meter() if work == "streaming" else service.ruled_meter()
            line = Line(service.address, service.ann.headers | {"Accept": media_type})
            path = f"{source_path(meter)}/readings"
            if work == "taking":
                file = stage.folder / "million"
                write_million(file, media_type)
                with file.open("rb") as body:
                    size = {"Content-Type": media_type, "Content-Length": str(file.stat().st_size)}
                    line.exchange("POST", path, body, size)
            else:
                if not asked(service, path, media_type).startswith(b"id,timestamp"):
                    raise NotThere(f"GET …/readings does not answer {media_type} yet")
                service.seed(meter, MILLION)
                line.exchange("GET", path)
            line.close()
            most = peak(service)
        yield Result(
            f"memory of a worker {work} 1,000,000 readings as {media_type}",
            "(idle)",
            f"{most:.0f} MB",
            f"{idle:.0f} MB",
            most,
            MEMORY,
        )


def peak(service: Service) -> float:
    """The most memory that any process of a service ever held, in MB."""
    return max(vm_hwm(pid) for pid in service.workers()) / 1000


def vm_hwm(pid: int) -> float:
    """The most memory that a process ever held, in kB."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1.024


def write_million(file: Path, media_type: str) -> None:
    """A file of a million readings."""
    first = datetime(2001, 1, 1, tzinfo=UTC)
    with file.open("w", encoding="utf-8") as out:
        if media_type == "text/csv":
            out.write("timestamp,value\n")
        for n in range(MILLION):
            at, value = f"{(first + n * MINUTE).isoformat()[:19]}Z", round(n * RISE, 4)
            out.write(f"{at},{value}\n" if media_type == "text/csv" else f'{{"timestamp":"{at}","value":{value}}}\n')


def disk(stage: Stage) -> Iterator[Result]:
    """Bytes of heap and indexes for each of a million readings that twenty meters logged in batches."""
    rounds = MILLION // METERS // BATCH
    numbers = range(METERS)
    for how, order in (
        ("one after the other", [number for number in numbers for _ in range(rounds)]),
        ("in turn", [number for _ in range(rounds) for number in numbers]),
    ):
        with stage.serve(f"disk_{how.replace(' ', '_')}") as service:
            meters = [(service.meter(), Minutes()) for _ in numbers]
            line = Line(service.address, service.ann.headers | JSON)
            for meter, to_come in (meters[number] for number in order):
                line.exchange("POST", f"{source_path(meter)}/readings", json.dumps(to_come.take(BATCH)).encode())
            line.close()
            service.settle()
            heap, indexes = service.run(QUERY("disk_of_readings"))[0]
        yield Result(
            f"disk of a stored reading, heap and indexes, of meters that log {how}",
            "(the heap alone)",
            f"{heap + indexes:.0f} B",
            f"{heap:.0f} B",
            heap + indexes,
            DISK,
        )
