"""Answers that are too long to be held: sent piece by piece while they are made."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from litestar import Response
from litestar.connection import Request
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from service.observing import log

Sink = Callable[[bytes], Coroutine[Any, Any, None]]

PIECE = 128 * 1024
"""How many bytes are gathered before they are sent."""
SEND_SECONDS = 60.0
"""How long a client may take for one piece; one that is slower is cut off."""

JSON_LINES: Mapping[str, Any] = {"format": "csv", "delimiter": "\x02", "quote": "\x01"}
"""How COPY writes a column of JSON, a line each: as CSV whose delimiter and quote are control characters.

JSON escapes those and line breaks, so nothing is ever quoted. (COPY's text format would double the backslashes.)
"""

_NO_FREE_PART = b'"notes":null,"metadata":null'
_SHORT_JSON_TIME = re.compile(rb'(\.\d{1,5})\+00:00"')
# No column of text has such a name. Nothing within a text or jsonb looks like this: quotes are escaped in the one, and
# the other has a space after ':'.
_JSON_TIME = re.compile(
    rb'("(?:timestamp|event_time|last_water|hour|(?:[a-z_]+_)?(?:at|until))":"[0-9T:-]{19})(\.\d+)?\+00:00"'
)


class Streamed(Response[None]):
    """A body that `write` hands to its sink.

    The status goes out with the first piece, so whatever `write` raises before is answered as any error is. What it
    raises later reaches the server, which breaks the connection off: a part never looks like the whole. A client that
    hangs up cancels `write`.
    """

    def __init__(
        self, write: Callable[[Sink], Awaitable[None]], media_type: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(None, media_type=media_type, headers=headers)
        self.write = write

    # Litestar's own Stream leaves the generator that it was reading, and the connection in it, to the garbage
    # collector when a client hangs up.
    def to_asgi_response(self, request: Request[Any, Any, Any], **options: Any) -> ASGIResponse:  # type: ignore[override]  # noqa: ARG002 - Litestar passes its defaults, none of which are ours
        """Make the ASGI application that sends it."""
        return _Streaming(self.write, media_type=str(self.media_type), headers=self.headers)


class _Streaming(ASGIResponse):
    _should_set_content_length = False

    def __init__(self, write: Callable[[Sink], Awaitable[None]], **options: Any) -> None:
        super().__init__(**options)
        self.write = write
        self.started = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI calls it
        """Send the body, unless the client goes first."""
        # Tasks of our own: they are cancelled once, and then have the time to give back what they hold.
        sending = asyncio.create_task(self._send(send))
        gone = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait((sending, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sending.cancel()
            gone.cancel()
            await asyncio.wait((sending, gone))
        if not sending.cancelled():
            sending.result()

    async def _send(self, send: Send) -> None:
        try:
            await self._send_all(send)
        except Exception as error:
            if self.started:
                log.warning("cut off", why=repr(error))
            raise

    async def _send_all(self, send: Send) -> None:
        gathered: list[bytes] = []
        size = 0

        async def give(*, more: bool) -> None:
            nonlocal size
            async with asyncio.timeout(SEND_SECONDS):
                if not self.started:
                    self.started = True
                    await self.start_response(send)
                await send({"type": "http.response.body", "body": b"".join(gathered), "more_body": more})
            gathered.clear()
            size = 0

        async def sink(data: bytes) -> None:
            nonlocal size
            gathered.append(data)
            size += len(data)
            if size >= PIECE:
                await give(more=True)

        await self.write(sink)
        await give(more=False)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def json_rows(rows: bytes) -> bytes:
    """Lines of JSON with times as RFC 3339 has them: six digits of fraction or none."""
    if rows.count(_NO_FREE_PART) < rows.count(b"\n"):
        return _JSON_TIME.sub(lambda time: b'%b%bZ"' % (time[1], six_digits(time[2])), rows)
    return _SHORT_JSON_TIME.sub(lambda short: b'%bZ"' % six_digits(short[1]), rows).replace(b'+00:00"', b'Z"')


def six_digits(fraction: bytes | None) -> bytes:
    """A fraction of a second, its point included, with six digits; nothing for none."""
    return fraction.ljust(7, b"0") if fraction else b""
