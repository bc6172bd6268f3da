"""Serving: granian's processes, the port, and the line that says it is ready."""

import errno
import gc
import http.client
import multiprocessing
import os
import resource
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels

from service.settings import Settings

_PORT_SECONDS = 3.0  # a killed service's workers let go of the port within that
_KILL_SECONDS = 10  # for requests in flight at a SIGTERM; the whole exit may take 15
_PARENT_CHECK_SECONDS = 0.25

# Requests at once per worker. A slow body holds its place until the deadline for bodies, so this is far above
# what the database pool serves: the rest waits for a connection or is answered 503, and health still answers.
_BACKPRESSURE = 4096
_DESCRIPTORS = 10_240  # macOS grants no more


class ServingError(Exception):
    """Why the service cannot listen, as a sentence."""


def demand_free_port(settings: Settings) -> None:
    """Raise `ServingError` where something listens on the port, or nothing may.

    granian binds with SO_REUSEPORT, by which a second Homelog would get half of the first one's requests.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    deadline = time.monotonic() + _PORT_SECONDS
    while True:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.host, settings.port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise ServingError(
                        f"Homelog cannot listen on {settings.host} port {settings.port}: {error.strerror}."
                    ) from error
            else:
                return
        if time.monotonic() > deadline:
            raise ServingError(f"Port {settings.port} is in use. Choose another: HOMELOG_PORT={settings.port + 1}")
        time.sleep(0.1)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP, then finish the requests in flight, within 10 s."""
    # The other logins are none of the workers' business.
    for name in (
        "HOMELOG_MIGRATOR_URL",
        "HOMELOG_MIGRATOR_PASSWORD",
        "HOMELOG_ADMIN_URL",
        "HOMELOG_ADMIN_PASSWORD",
        "HOMELOG_OPS_PASSWORD",
    ):
        os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)
    # A forked worker would inherit the data folder's lock and keep it when this process is killed.
    multiprocessing.set_start_method("spawn", force=True)
    _raise_descriptor_limit()
    # Any worker may be asked for the metrics; each writes its own where all can read them.
    with tempfile.TemporaryDirectory(prefix="homelog-metrics-") as metrics:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = metrics
        _run(settings)


def _run(settings: Settings) -> None:
    server = Granian(
        "service.app:create",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.workers,
        loop=Loops.uvloop,
        backpressure=_BACKPRESSURE,
        # Also told to look for HTTP/2, granian waits for the first bytes of a connection for ever.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=10_000),
        websockets=False,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        workers_kill_timeout=_KILL_SECONDS,
    )
    # granian takes SIGHUP for a reload; a closed terminal means stop, unless nohup said otherwise.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        server.on_startup(lambda: signal.signal(signal.SIGHUP, server.signal_handler_interrupt))
    server.on_startup(threading.Thread(target=_announce, args=(settings,), daemon=True).start)
    server.serve(target_loader=partial(load_app, os.getpid()), wrap_loader=False)


def load_app(parent: int) -> Callable[..., Any]:
    """Make the application in a worker process that ends when the process `parent` does."""
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    from service.app import create  # noqa: PLC0415 - in the worker alone: the parent needs none of it

    app: Callable[..., Any] = create()
    # What is made by now stays; looking through all of it again and again would hold requests up.
    gc.collect()
    gc.freeze()
    return app


def _raise_descriptor_limit() -> None:
    # A connection is a descriptor, and the usual soft limit of 1,024 is fewer than the connections we take.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _end_with(parent: int) -> None:
    # Killed, the parent cannot tell its workers; they would go on and share the port with the next ones.
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_SECONDS)
    os._exit(1)


def _announce(settings: Settings) -> None:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - read, not bound
    while True:
        connection = http.client.HTTPConnection(host, settings.port, timeout=5)
        try:
            connection.request("GET", "/health/live")
            # A host check may refuse this name; that too is Homelog's own answer.
            if connection.getresponse().status < 500:
                break
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.1)
    shown = f"[{host}]" if ":" in host else host
    print(f"Homelog answers on http://{shown}:{settings.port}", flush=True)
