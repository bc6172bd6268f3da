"""Bodies of many readings: JSON array and NDJSON become chunks of rows, each wrong row named; CSV does beside this.

A body is read into a file first and parsed in chunks, so that a slow client holds no transaction and a million rows
take the memory of one chunk.
"""

import json
import zlib
from collections.abc import AsyncIterable, Callable, Iterator
from functools import cache, partial
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast

import msgspec

from service.problems import Problem
from service.readings.rows import Chunk, Row, checked, wrong_type
from service.readings.structs import RowOutcome

CHUNK_ROWS = 10_000
BODY_BYTES = 256 * 1024 * 1024
JSON_BYTES = 16 * 1024 * 1024
"""A JSON array is held whole while it is decoded; longer bodies are sent as NDJSON or CSV."""
IN_MEMORY = 1024 * 1024
PART_BYTES = 64 * 1024
PIECE_BYTES = 1024 * 1024
"""How much of a JSON array is decoded at once: some 10,000 rows."""
LINE_BYTES = 256 * 1024
MOST_ROWS = 2_000_000

JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv"
JSON_SPACE = b" \t\r\n"


async def spool(body: AsyncIterable[bytes], encoding: str | None) -> BinaryIO:
    """The body in a file, gunzipped; 413 past 256 MiB, counted after gunzip, 400 for broken gzip."""
    coding = (encoding or "identity").strip().lower()
    if coding not in {"identity", "gzip"}:
        raise Problem("unsupported_media_type", "A body may be sent with Content-Encoding gzip, or with none.")
    file = cast(BinaryIO, SpooledTemporaryFile(max_size=IN_MEMORY))  # noqa: SIM115 - closed by the caller
    gunzip = _Gunzip() if coding == "gzip" else None
    size = 0
    async for piece in body:
        for part in gunzip.parts(piece) if gunzip else (piece,):
            size += len(part)
            if size > BODY_BYTES:
                raise Problem("too_large", "A batch has at most 256 MiB.")
            file.write(part)
    if gunzip and not gunzip.is_whole:
        raise Problem("unreadable", "The gzip body ends too early.")
    file.seek(0)
    return file


class _Gunzip:
    """Gunzips piece by piece, so that a bomb is noticed before it fills the memory; members may follow each other."""

    def __init__(self) -> None:
        self._member: Any = None
        # Of nothing at all nothing is missing; clients call an empty body gzip, too.
        self.is_whole = True

    def parts(self, piece: bytes) -> Iterator[bytes]:
        try:
            while piece:
                if self._member is None:
                    self._member = zlib.decompressobj(wbits=31)
                yield self._member.decompress(piece, PART_BYTES)
                self.is_whole = self._member.eof
                piece = self._member.unused_data if self.is_whole else self._member.unconsumed_tail
                if self.is_whole:
                    self._member = None
        except zlib.error:
            raise Problem("unreadable", "The body is no valid gzip.") from None


def json_chunks(body: bytes, row: type[Row]) -> Iterator[Chunk]:
    """The rows of a JSON array; 400 if it is none."""
    # Pieces that end where an object of the array seems to end are decoded as arrays of their own. One that decodes to
    # rows was cut well, for up to there the array says the same; for all that is not the slow way takes over.
    decode = msgspec.json.Decoder(list[row]).decode  # type: ignore[valid-type]
    index, at, end = 0, body.find(b"[") + 1, len(body.rstrip(JSON_SPACE)) - 1
    is_array = not body[: at - 1].strip(JSON_SPACE) and body[end:].startswith(b"]")
    while is_array and at < end:
        cut = body.rfind(b"},", at, at + PIECE_BYTES) + 1 if end - at > PIECE_BYTES else end
        try:
            rows: list[Any] = decode(b"[%b]" % body[at : cut or at])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            break
        if not rows:
            break
        yield checked(rows, range(index, index + len(rows)), [])
        index, at = index + len(rows), cut + 1
    if not is_array or at < end or index == 0:
        yield from _json_rows(body, row, index)


def _json_rows(body: bytes, row: type[Row], begin: int) -> Iterator[Chunk]:
    """The rows from the one with the index `begin` on, one by one, to name all that are wrong."""
    try:
        elements = islice(enumerate(_elements(body.decode())), begin, None)
        while part := list(islice(elements, CHUNK_ROWS)):
            yield _rows_of(part, partial(msgspec.convert, type=row), row)
    except (ValueError, RecursionError) as error:
        raise Problem("unreadable", f"The body is no valid JSON: {error}.") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _elements(text: str) -> Iterator[Any]:
    """The elements of a JSON array one after the other: a list of them all could take a hundred times its text."""
    decode = json.JSONDecoder(parse_constant=_refuse_constant).raw_decode

    def skip(at: int) -> int:
        while text[at : at + 1] in {" ", "\t", "\r", "\n"}:
            at += 1
        return at

    at = skip(0)
    if text[at : at + 1] != "[":
        raise ValueError("a batch is an array")
    at = skip(at + 1)
    more = text[at : at + 1] != "]"
    while more:
        element, at = decode(text, at)
        yield element
        at = skip(at)
        more = text[at : at + 1] == ","
        if more:
            at = skip(at + 1)
        elif text[at : at + 1] != "]":
            raise ValueError(f"expected , or ] at character {at}")
    if skip(at + 1) != len(text):
        raise ValueError("something follows the array")


def lines_of(file: BinaryIO) -> Iterator[list[bytes]]:
    """The lines of a body, some thousands at a time; 413 for one that is too long to be a row, and for too many."""
    lines: list[bytes] = []
    seen, tail, piece = 0, b"", file.read(PART_BYTES)
    while piece:
        lines += (tail + piece).split(b"\n")
        tail, piece = lines.pop(), file.read(PART_BYTES)
        if not piece and tail:
            lines.append(tail)
        if max(map(len, lines), default=0) > LINE_BYTES or len(tail) > LINE_BYTES:
            raise Problem("too_large", "A line has at most 256 KiB.")
        if seen + len(lines) > MOST_ROWS:
            raise Problem("too_large", f"A batch has at most {MOST_ROWS:,} rows; send the rest in another.")
        if len(lines) >= CHUNK_ROWS or not piece:
            yield lines[:CHUNK_ROWS]
            seen += CHUNK_ROWS
            del lines[:CHUNK_ROWS]
    if lines:
        yield lines


@cache
def decoder(row: type[Row]) -> msgspec.json.Decoder[Any]:
    """What decodes one row written as JSON."""
    return msgspec.json.Decoder(row)


def ndjson_chunks(file: BinaryIO, row: type[Row]) -> Iterator[Chunk]:
    """The rows of a body with one JSON object a line; blank lines are skipped."""
    index = 0
    decode = decoder(row).decode
    for part in lines_of(file):
        lines = [line for line in part if line and not line.isspace()]
        yield _rows_of(enumerate(lines, index), decode, row)
        index += len(lines)


def _rows_of(part: Any, decode: Callable[[Any], Row], row: type[Row]) -> Chunk:
    rows: list[Any] = []
    indexes: list[int] = []
    wrong: list[RowOutcome] = []
    for index, raw in part:
        try:
            rows.append(decode(raw))
            indexes.append(index)
        except msgspec.ValidationError as error:
            wrong.append(wrong_type(index, error, row))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            wrong.append(RowOutcome(index, "rejected", "", "readable", f"This is no valid JSON: {error}."))
    return checked(rows, indexes, wrong)
