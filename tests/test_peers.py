"""The client's address: the peer's own, or what a trusted proxy says, and nothing that a client says of itself."""

from typing import Any

import pytest

from service.peers import LONGEST, Peers

PROXIES = ("10.0.0.0/8", "192.0.2.1", "2001:db8:ffff::/48")


def address(peer: str | None, *headers: tuple[str, str], proxies: tuple[str, ...] = PROXIES) -> str:
    scope: Any = {
        "client": None if peer is None else (peer, 1234),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }
    return Peers(proxies).address(scope)


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("203.0.113.1", "203.0.113.1"),
        ("::ffff:203.0.113.1", "203.0.113.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix", "unknown"),
        (None, "unknown"),
    ],
)
@pytest.mark.parametrize("proxies", [(), PROXIES])
def test_a_peer_is_its_address_or_its_household(peer: str | None, expected: str, proxies: tuple[str, ...]) -> None:
    assert address(peer, proxies=proxies) == expected


@pytest.mark.parametrize("name", ["x-forwarded-for", "forwarded"])
@pytest.mark.parametrize("proxies", [(), PROXIES])
def test_what_a_client_says_of_itself_is_not_looked_at(name: str, proxies: tuple[str, ...]) -> None:
    said = "198.51.100.7" if name == "x-forwarded-for" else "for=198.51.100.7"
    assert address("203.0.113.1", (name, said), proxies=proxies) == "203.0.113.1"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("203.0.113.1", "203.0.113.1"),
        ("198.51.100.7, 203.0.113.1", "203.0.113.1"),  # the left one is the client's own word
        ("203.0.113.1, 10.1.1.1, 192.0.2.1", "203.0.113.1"),
        ("198.51.100.7,203.0.113.1,10.1.1.1", "203.0.113.1"),
        ("10.1.1.1", "10.1.1.1"),  # somebody on the proxies' own network
        ("203.0.113.1:8443", "203.0.113.1"),
        ("[2001:db8::1]:8443", "2001:db8::/64"),
        ("2001:db8::1", "2001:db8::/64"),
        ("unknown", "10.0.0.1"),
        ("203.0.113.1, unknown", "10.0.0.1"),
        ("203.0.113.1, _hidden, 10.1.1.1", "10.1.1.1"),
        ("203.0.113.1,", "10.0.0.1"),
        ("", "10.0.0.1"),
        ("]:[", "10.0.0.1"),
        ("203.0.113.1é", "10.0.0.1"),
        (", " * 5000, "10.0.0.1"),
    ],
)
def test_a_proxy_is_believed_up_to_the_first_stranger(said: str, expected: str) -> None:
    assert address("10.0.0.1", ("x-forwarded-for", said)) == expected


def test_headers_that_repeat_are_one_list() -> None:
    said = [("x-forwarded-for", "198.51.100.7"), ("x-forwarded-for", "203.0.113.1")]
    assert address("10.0.0.1", *said) == "203.0.113.1"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("for=203.0.113.1", "203.0.113.1"),
        ("For=203.0.113.1;proto=https;by=10.0.0.1", "203.0.113.1"),
        ('proto=https;for="203.0.113.1:443"', "203.0.113.1"),
        ('for="[2001:db8:cafe::17]:4711"', "2001:db8:cafe::/64"),
        ("for=198.51.100.7, for=203.0.113.1", "203.0.113.1"),
        ('for="a,for=198.51.100.7", for=203.0.113.1', "203.0.113.1"),
        ("for=203.0.113.1, for=10.1.1.1", "203.0.113.1"),
        ("for=203.0.113.1, proto=https", "10.0.0.1"),
        ("for=_hidden", "10.0.0.1"),
        ("by=203.0.113.1", "10.0.0.1"),
        ('for="203.0.113.1', "10.0.0.1"),
    ],
)
def test_the_standard_header_is_read_as_well(said: str, expected: str) -> None:
    assert address("10.0.0.1", ("forwarded", said)) == expected


@pytest.mark.parametrize(("other", "expected"), [("203.0.113.1", "203.0.113.1"), ("198.51.100.7", "10.0.0.1")])
def test_headers_that_contradict_each_other_are_not_believed(other: str, expected: str) -> None:
    """A proxy that writes one hands on the other, which its client may have made up to look like somebody else."""
    said = [("x-forwarded-for", "203.0.113.1"), ("forwarded", f"for={other}")]
    assert address("10.0.0.1", *said) == expected


def test_a_header_that_is_too_long_is_not_believed() -> None:
    padded = "for=203.0.113.1".rjust(LONGEST)
    assert address("10.0.0.1", ("forwarded", padded)) == "203.0.113.1"
    assert address("10.0.0.1", ("forwarded", f" {padded}")) == "10.0.0.1"
    assert address("10.0.0.1", ("forwarded", padded), ("forwarded", "for=203.0.113.1")) == "10.0.0.1"


@pytest.mark.parametrize("padding", ["1", "10.0.0.1,", "198.51.100.7, ", ",", " ", "unknown,"])
@pytest.mark.parametrize("length", [4000, 4080, 4095, 4096, 4097, 100_000])
def test_what_a_client_pads_the_header_with_hides_nobody(padding: str, length: int) -> None:
    said = (padding * length)[:length]
    assert address("10.0.0.1", ("x-forwarded-for", f"{said}, 203.0.113.1, 10.1.1.1")) == "203.0.113.1"
    assert address("10.0.0.1", ("x-forwarded-for", said), ("x-forwarded-for", "203.0.113.1")) == "203.0.113.1"


def test_a_hop_that_is_cut_is_nobodys() -> None:
    assert address("10.0.0.1", ("x-forwarded-for", "203.0.113.1".rjust(LONGEST + 1))) == "10.0.0.1"


@pytest.mark.parametrize("name", ["x-forwarded-for", "forwarded"])
@pytest.mark.parametrize(
    "text",
    ['"', '"\\"', '\\"', 'for="', ";for", "; ", ";for=\\", ",", '",', "[", "]", ":", ":a", "1", "10.0.0.1,", 'for="\\'],
)
@pytest.mark.parametrize("end", ["", '"', "\\", '"\\', "\n", " \n!"])
def test_a_header_takes_time_by_its_length(name: str, text: str, end: str) -> None:
    # Read again for each character, so many of them would take an hour.
    for length in (*range(LONGEST - 100, LONGEST), 400_000):
        assert address("10.0.0.1", (name, (text * (length // len(text))) + end))
