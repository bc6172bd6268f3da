"""What is wrong with a value is told shortly, at a place that is none of the client's making, and kept nowhere."""

import gc
import tracemalloc

import msgspec
import pytest

from service.bodies import decode
from service.problems import Problem


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    n: int = 0


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    password: str = ""
    inner: Inner | None = None
    many: list[Inner] = []
    counts: dict[int, int] = {}
    needed: list[tuple[int, int]] = []


def told(body: bytes) -> tuple[str, str]:
    with pytest.raises(Problem) as caught:
        decode(body, Outer)
    (error,) = caught.value.errors
    return error.pointer, error.detail


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        (b'{"x":1}', "/x", "Object contains unknown field x."),
        (b'{"inner":{"x":1}}', "/inner/x", "Object contains unknown field x."),
        (b'{"many":[{},{"n":"1"}]}', "/many/1/n", "Expected int, got str."),
        (b'{"counts":{"x":1}}', "/counts", "Expected int, got str."),
        (b'{"counts":{"1 - at `$.password`":1}}', "/counts", "Expected int, got str."),
        (b"[]", "", "Expected object, got array."),
    ],
)
def test_a_wrong_value_is_told_at_its_place(body: bytes, pointer: str, detail: str) -> None:
    assert told(body) == (pointer, detail)


@pytest.mark.parametrize(
    "name",
    ["x - at `$.password", "x - at `$.password`", "x` - at `$.password", "x` - at `$.many[0].n", "`", "x - at `$"],
)
def test_what_a_client_calls_a_field_is_no_place(name: str) -> None:
    body = msgspec.json.encode({name: 1})
    assert told(body)[0] == f"/{name}"
    assert told(b'{"inner":%b}' % body)[0] == f"/inner/{name}"


@pytest.mark.parametrize("piece", [".ab", "a", "`", " - at `", " - at `$.", "[1]", "\n`"])
@pytest.mark.parametrize("start", ["", "x - at `$", "x` - at `$"])
def test_a_long_name_is_cut_and_not_kept(start: str, piece: str) -> None:
    def ask(n: int) -> None:
        pointer, detail = told(msgspec.json.encode({f"{n}{start}" + piece * (1_000_000 // len(piece)): 1}))
        assert len(pointer) <= 102
        assert len(detail) <= 200

    ask(0)
    tracemalloc.start()
    try:
        for n in range(1, 4):
            ask(n)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < 100_000
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_long_value_is_cut() -> None:
    pointer, detail = told(msgspec.json.encode({"counts": {"9" * 1_000_000: 1}}))
    assert (pointer, len(detail) <= 302) == ("/counts", True)
