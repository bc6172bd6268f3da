"""Fetching: the service's only calls to the outside, and what bounds them."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx
import msgspec

T = TypeVar("T")

SECONDS = 5.0
"""How long the calls of one sign-in may take, all together."""
LARGEST = 1024 * 1024
"""How much an answer may hold, in bytes."""


class FailedSignIn(Exception):
    """Why somebody is not signed in, as a word or two of ours: nothing that was sent is in it.

    `said` is the same for the operator's log, more exactly.
    """

    def __init__(self, reason: str, said: str | None = None) -> None:
        super().__init__(reason, said)
        self.reason = reason
        self.said = said or reason


class ProviderDown(FailedSignIn):
    """The provider did not answer, or not in a way that can be used."""


class Misconfigured(ProviderDown):
    """Something answers, and not as this provider would: to try again is no help, the operator has to look."""


@asynccontextmanager
async def in_time() -> AsyncIterator[None]:
    """Bound the calls of one sign-in to SECONDS; raises `ProviderDown`."""
    try:
        async with asyncio.timeout(SECONDS):
            yield
    except TimeoutError:
        raise ProviderDown("too slow") from None


class Fetcher:
    """Pooled connections to the providers. Follows no redirect, and takes no proxy or password from the environment."""

    def __init__(self) -> None:
        context = httpx.create_ssl_context()
        # A provider at home may have a certificate of the household's own.
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        self._client = httpx.AsyncClient(
            verify=context,
            timeout=SECONDS,
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_connections=20, max_keepalive_connections=5, keepalive_expiry=30),
            # Compressed, a small answer could unpack to any size.
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def get(self, url: str, struct: type[T], **options: Any) -> T:
        """What a URL answers, as `struct`. Raises `ProviderDown`."""
        return await self._ask("GET", url, struct, **options)

    async def post(self, url: str, struct: type[T], form: Mapping[str, str], **options: Any) -> T:
        """What a URL answers to a form, as `struct`. Raises `ProviderDown`."""
        return await self._ask("POST", url, struct, data=form, **options)

    async def _ask(self, method: str, url: str, struct: type[T], **options: Any) -> T:
        try:
            async with self._client.stream(method, url, **options) as response:
                if response.status_code != 200:
                    # 400 is a code that is none: somebody's at our callback, and nothing that is configured.
                    passes = response.status_code >= 500 or response.status_code in {400, 408, 429}
                    raise (ProviderDown if passes else Misconfigured)(f"answered {response.status_code}")
                if response.headers.get("content-encoding", "identity") != "identity":
                    raise ProviderDown("answered compressed")
                body = bytearray()
                async for chunk in response.aiter_raw():
                    body += chunk
                    if len(body) > LARGEST:
                        raise ProviderDown("answered too much")
        except httpx.TimeoutException as error:
            raise ProviderDown("cannot be reached", "no answer in time") from error
        except httpx.ConnectError as error:
            raise ProviderDown("cannot be reached", f"cannot connect: {error}") from error
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeEncodeError) as error:
            # The last two where it gave an address or a token that nothing can be sent with: what they say may hold it.
            raise ProviderDown("cannot be reached", f"the call broke off: {type(error).__name__}") from error
        try:
            return msgspec.json.decode(bytes(body), type=struct)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Misconfigured("answered nothing that can be read") from error
