"""One's own data, taken from one Homelog to another: an export, and the calls that take it in again.

Every line of an export names its call and holds the call's body, so this knows no type but the readings, which it sends
many at a time. Sending anything twice stores nothing twice: what was cut off anywhere is begun again.

    import_export.py export http://127.0.0.1:8000 eve@example.org > mine.ndjson
    import_export.py import https://home.example.org eve@example.org < mine.ndjson
"""

import argparse
import asyncio
import json
import os
import sys
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from getpass import GetPassWarning, getpass
from itertools import groupby, islice
from typing import Any

import httpx

BATCH = 1000
"""An answer shows the outcomes of so many rows, so no batch is longer."""
READINGS = "POST /v1/readings"
PATIENCE = 10
"""How often a call is made again that the server had no time for."""
VARIABLE = "IMPORT_EXPORT_PASSWORD"
"""The variable that holds the password where nobody is there to be asked for it."""


async def export(server: httpx.AsyncClient) -> AsyncIterator[bytes]:
    """One's export, in pieces as they come. Raises httpx.HTTPError for one that is cut off."""
    async with server.stream("GET", "/v1/me/export") as answer:
        if answer.is_error:
            await answer.aread()
        answer.raise_for_status()
        async for piece in answer.aiter_bytes():
            yield piece


async def take_in(
    server: httpx.AsyncClient, lines: Iterable[bytes], left: Counter[str] | None = None
) -> AsyncIterator[tuple[Any, str]]:
    """Send an export's lines, which only a line feed ends, to another account: those that it does not take, and why.

    Counts in `left`, by their type, the lines that no call takes in: they stand in an export to be read.
    Raises httpx.HTTPError when a call fails for no fault of its line, ValueError for what is no line of an export,
    EOFError for an export that was cut off.
    """
    for call, group in groupby(_whole(lines), lambda line: line["call"]):
        if call == READINGS:
            while batch := list(islice(group, BATCH)):
                for refused in await _send_readings(server, batch):
                    yield refused
        elif call is not None:
            for line in group:
                method, path = call.split(" ")
                answer = await _call(server, method, path, json=line["body"])
                if answer.is_client_error:
                    yield line, answer.json()["detail"]
        elif left is not None:
            left.update(line["type"] for line in group if line["type"] != "end")


def _whole(lines: Iterable[bytes]) -> Iterator[Any]:
    line: Any = {"type": None}
    for number, said in enumerate(lines, 1):
        line = _read(said)
        if line is None:
            raise ValueError(f"Line {number} is none of an export; what stands before it has been sent.")
        yield line
    if line["type"] != "end":
        raise EOFError("The export was cut off; what there is of it has been sent.")


def _read(said: bytes) -> Any:
    try:
        line = json.loads(said)
    except ValueError:
        return None
    return line if isinstance(line, dict) and line.keys() >= {"type", "call", "body"} else None


async def _send_readings(server: httpx.AsyncClient, batch: list[Any]) -> list[tuple[Any, str]]:
    rows = [line["body"] for line in batch]
    answer = await _call(server, "POST", "/v1/readings", params={"mode": "partial"}, json=rows)
    return [
        (batch[row["index"]], row["detail"])
        for row in answer.raise_for_status().json()["results"]
        if row["status"] in {"conflict", "rejected"}
    ]


async def _call(server: httpx.AsyncClient, method: str, path: str, **options: Any) -> httpx.Response:
    for _ in range(PATIENCE):
        answer = await server.request(method, path, **options)
        if answer.status_code not in {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE}:
            break
        await asyncio.sleep(float(answer.headers.get("Retry-After", 1)))
    # What a line is refused for is told at its end; nobody signed in and a server that fails concern them all.
    if answer.is_server_error or answer.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.TOO_MANY_REQUESTS}:
        answer.raise_for_status()
    return answer


@asynccontextmanager
async def signed_in(address: str, email: str, password: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client that is signed in, and signed out when it has done its work or failed."""
    async with httpx.AsyncClient(base_url=address, timeout=60) as server:
        answer = await _call(server, "POST", "/v1/auth/login", json={"email": email, "password": password})
        session = answer.raise_for_status().json()
        server.headers["Authorization"] = f"Bearer {session['access_token']}"
        try:
            yield server
        finally:
            await _call(server, "POST", "/v1/auth/logout", json={"refresh_token": session["refresh_token"]})


async def run(asked: argparse.Namespace, password: str) -> int:
    """Do what the command line asks: how many lines were refused."""
    async with signed_in(asked.address, asked.email, password) as server:
        if asked.command == "export":
            async for piece in export(server):
                sys.stdout.buffer.write(piece)
            return 0
        refused, left = 0, Counter[str]()
        async for line, why in take_in(server, sys.stdin.buffer, left):
            sys.stderr.write(f"refused {json.dumps(line)}: {why}\n")
            refused += 1
        if left:
            told = ", ".join(f"{count} {type_}" for type_, count in sorted(left.items()))
            sys.stderr.write(f"Left, as no call takes it in: {told}.\n")
        return refused


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description="Write your own data to standard output, or read such an export from standard input into the "
        "account that you sign in to. It may be read again: nothing is stored twice.",
        epilog=f"The password is that of the variable {VARIABLE}; without it, it is asked for at the terminal. Exit "
        "status: 0 done; 1 a line was refused, or the whole, and why; 2 called wrongly; 75 not reached or not able "
        "just now: call again.",
    )
    parser.add_argument("command", choices=["export", "import"])
    parser.add_argument("address", help="the server, such as http://127.0.0.1:8000")
    parser.add_argument("email", help="whose account it is")
    return parser


def password_of(email: str) -> str:
    """The password of the environment, or as typed at the terminal. Raises GetPassWarning where there is none."""
    with warnings.catch_warnings():
        # It would go on and take a line of standard input, which may be the export's first.
        warnings.simplefilter("error", GetPassWarning)
        return os.environ.get(VARIABLE) or getpass(f"Password of {email}: ")


def main() -> int:
    """Do what the command line asks: the exit status."""
    parser = arguments()
    if not sys.argv[1:]:
        parser.print_help(sys.stderr)
        return 2
    asked = parser.parse_args()
    try:
        return 1 if asyncio.run(run(asked, password_of(asked.email))) else 0
    except GetPassWarning:
        parser.error(f"there is no terminal to ask for the password at: set {VARIABLE}")
    except (EOFError, ValueError) as error:
        status, why = 1, str(error)
    except httpx.HTTPStatusError as error:
        status, why = 75 if error.response.status_code in {429, 503} else 1, error.response.text
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        status, why = 75, f"The server cannot be reached: {error}."
    sys.stderr.write(f"{why}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
