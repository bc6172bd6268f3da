"""Whose a connection is: the client's address, as the server sees it or as a proxy that is trusted says it."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from litestar.types import Scope

Address = IPv4Address | IPv6Address

UNKNOWN = "unknown"
"""Of a connection that has no address: all that come through one Unix socket, say."""
HOMES_BITS = 64
"""What one household is given of IPv6: whoever has one of its addresses has them all."""

LONGEST = 4096
"""How much of either header is read, in characters; a chain of a hundred proxies writes less."""

_NOBODY = "unknown"
"""One hop that is nobody's: as good as no word at all."""

# Possessive throughout: what was read is never read again, whatever follows it.
_HOP = re.compile(r"""(?:\[([^\]]*+)\](?::\w*+)?|([^:]*+)(?::\w*+)?|(.*+))\Z""", re.DOTALL)
_FOR = re.compile(r"""(?:\A|;)\s*+for\s*+=\s*+("(?:[^"\\]|\\.)*+"|[^;,"\s]*+)""", re.IGNORECASE | re.DOTALL)
_ELEMENTS = re.compile(r"""(?:[^,"]|"(?:[^"\\]|\\.?+)*+(?:"|\Z))++""", re.DOTALL)


class Peers:
    """Tells clients' addresses. `proxies` are the addresses and networks whose word on them is taken."""

    def __init__(self, proxies: Sequence[str]) -> None:
        self._proxies = [ip_network(proxy) for proxy in proxies]

    def address(self, scope: Scope) -> str:
        """The client's address, of IPv6 the /64 that it is in."""
        client = scope.get("client")
        if client is None:
            return UNKNOWN
        if not self._proxies:
            return _shown(client[0])
        peer = _parsed(client[0])
        return UNKNOWN if peer is None else _household(self._behind(peer, scope))

    def _behind(self, peer: Address, scope: Scope) -> Address:
        if not self._is_proxy(peer):
            return peer
        said = [self._first_stranger(peer, hops) for hops in (_x_forwarded_for(scope), _forwarded(scope)) if hops]
        # A proxy writes one of the two headers and hands the other on as the client sent it: where they contradict
        # each other, neither is believed.
        return said[0] if said and all(address == said[0] for address in said) else peer

    def _first_stranger(self, peer: Address, hops: Sequence[str]) -> Address:
        # From the right, where each proxy adds whom it talks to; what stands left of the first stranger is its word.
        for hop in reversed(hops):
            found = _HOP.match(hop.strip())
            address = _parsed(next(filter(None, found.groups()), "")) if found else None
            if address is None:
                return peer
            peer = address
            if not self._is_proxy(peer):
                break
        return peer

    def _is_proxy(self, address: Address) -> bool:
        return any(address in proxies for proxies in self._proxies)


def _said(scope: Scope, wanted: bytes) -> str:
    return ",".join(value.decode("latin-1") for name, value in scope["headers"] if name == wanted)


def _x_forwarded_for(scope: Scope) -> list[str]:
    said = _said(scope, b"x-forwarded-for")
    if len(said) > LONGEST:
        # Whole hops from the right, where proxies write: however much a client writes before, its address is told.
        said = said[-LONGEST:].partition(",")[2] or _NOBODY
    return said.split(",") if said else []


def _forwarded(scope: Scope) -> list[str]:
    said = _said(scope, b"forwarded")
    # Where an element begins shows from the left alone.
    elements: Iterable[str] = _ELEMENTS.findall(said if len(said) <= LONGEST else _NOBODY)
    return [found[1].strip('"') if (found := _FOR.search(element.strip())) else "" for element in elements]


def _parsed(text: str) -> Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _household(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((address, HOMES_BITS), strict=False))


@lru_cache(maxsize=10_000)
def _shown(text: str) -> str:
    address = _parsed(text)
    return UNKNOWN if address is None else _household(address)
