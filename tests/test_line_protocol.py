"""Reading InfluxDB's line protocol: what the official client writes, what others write, and what nobody should."""

import math
import warnings
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from influxdb_client.client.write.point import Point as _Written

from service.line_protocol.parsing import MICROSECONDS, SERIES_BYTES, Flaw, Point, points, series_of

Written: Any = _Written  # it has no types
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def read(text: str, precision: str = "ns") -> list[tuple[int, str, float, datetime]]:
    """The numbers of every line, of which none may be wrong."""
    found = list(points(text, precision, NOW))
    assert not [each for each in found if isinstance(each, Flaw)], found
    return [(each.line, each.series.text, each.value, each.at) for each in found if isinstance(each, Point)]


def flaws(text: str) -> list[int]:
    return [each.line for each in points(text, "ns", NOW) if isinstance(each, Flaw)]


def at(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds // 1_000_000, UTC).replace(microsecond=microseconds % 1_000_000)


# The official client's own writer

names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
tag_values = names | st.integers()
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63 - 1) | st.booleans()
fields = st.dictionaries(names, numbers | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))


@given(name=names, tags=st.dictionaries(names, tag_values, max_size=4), fields=fields, time=st.integers(0, 2**60))
@example(name="a,b c", tags={"x=y": "1 2", 'q"': "ü"}, fields={'f"': 1.5, "s": 'a "b"\n\\,= c'}, time=1)
@example(name="m", tags={"t": "ends\\"}, fields={"f": 1}, time=1)
def test_what_the_official_client_writes_is_read_as_it_was_meant(
    name: str, tags: dict[str, Any], fields: dict[str, Any], time: int
) -> None:
    # The client's own writer makes these ambiguous: a name that ends with a backslash, and one that is a comment.
    assume(not any(each.endswith("\\") for each in (name, *tags, *fields)))
    assume(not name.lstrip("\t ").startswith("#") and name.strip() and all(each.strip() for each in fields))
    # And it writes line breaks and tabs in names as two characters.
    broken = str.maketrans({"\n": r"\n", "\r": r"\r", "\t": r"\t"})
    point = Written(name)
    for key, value in tags.items():
        point.tag(key, value)
    for key, value in fields.items():
        point.field(key, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        line = point.time(time, "ns").to_line_protocol()
    assume(line)

    found = list(points(line, "ns", NOW))

    numeric = {key.translate(broken): value for key, value in fields.items() if not isinstance(value, str)}
    assert [each for each in found if isinstance(each, Flaw)] == []
    assert {each.series.measurement for each in found if isinstance(each, Point)} <= {name.translate(broken)}
    assert {each.at for each in found if isinstance(each, Point)} <= {at(time // 1000)}
    assert sorted(each.value for each in found if isinstance(each, Point)) == sorted(map(float, numeric.values()))
    assert len({each.series.text for each in found if isinstance(each, Point)}) == len(numeric)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_a_batch_is_read_in_its_order(values: list[float]) -> None:
    text = "\n".join(Written("m").field("f", value).time(n).to_line_protocol() for n, value in enumerate(values))
    assert [row[2] for row in read(text)] == values


@given(st.text() | st.text(alphabet='m,= \\"\n\r\t#ft1.-eiu\0', max_size=60))
def test_no_text_breaks_it_and_every_number_of_a_line_is_finite(text: str) -> None:
    for each in points(text, "s", NOW):
        assert 1 <= each.line <= text.count("\n") + 1
        if isinstance(each, Point):
            assert math.isfinite(each.value)
            assert each.at.tzinfo is UTC
            assert series_of(each.series.text) == each.series


# What a line may be

READ = [
    ("m f=1", [(1, "m f", 1.0, NOW)]),
    ("m f=1 1000", [(1, "m f", 1.0, at(1))]),
    ("m f=1 1999", [(1, "m f", 1.0, at(1))]),
    ("m,b=2,a=1 f=1", [(1, "m,a=1,b=2 f", 1.0, NOW)]),
    (
        "m f=1,g=2i,h=3u,i=t,j=F",
        [(1, f"m {field}", value, NOW) for field, value in zip("fghij", (1, 2, 3, 1, 0), strict=True)],
    ),
    ("m f=-1.5e-3", [(1, "m f", -0.0015, NOW)]),
    ("m f=+.5,g=5.", [(1, "m f", 0.5, NOW), (1, "m g", 5.0, NOW)]),
    ('m f="text"', []),
    ('m f="",g=1', [(1, "m g", 1.0, NOW)]),
    ('m s="a, b=\\"c\\" \\\\",f=1', [(1, "m f", 1.0, NOW)]),
    ('m s="two\nlines",f=1\nm f=2', [(1, "m f", 1.0, NOW), (3, "m f", 2.0, NOW)]),
    ("m f=1\r\nm f=2\r\n", [(1, "m f", 1.0, NOW), (2, "m f", 2.0, NOW)]),
    ("\n\n# m f=9\n  \n\tm f=1", [(5, "m f", 1.0, NOW)]),
    ("  m  f=1  1000  ", [(1, "m f", 1.0, at(1))]),
    (r"a\,b\ c,t\=u=v\ w f\,g=1", [(1, r"a\,b\ c,t\=u=v\ w f\,g", 1.0, NOW)]),
    ("m=n,a=b f=1", [(1, "m=n,a=b f", 1.0, NOW)]),
    (r"m\\,a=b f=1", [(1, r"m\\,a=b f", 1.0, NOW)]),  # the comma is escaped: there are no tags
    ("°C,entity_id=küche value=21.5", [(1, "°C,entity_id=küche value", 21.5, NOW)]),
    ("m f=9223372036854775807i", [(1, "m f", 2.0**63, NOW)]),
    ("m f=18446744073709551615u", [(1, "m f", 2.0**64, NOW)]),
    ("", []),
    ("\n", []),
    ("\r\n", []),
    ("#", []),
]


@pytest.mark.parametrize(("text", "found"), READ)
def test_a_line_is_read(text: str, found: Any) -> None:
    assert read(text) == found


WRONG = [
    "m", "m ", "m f", "m f=", "m =1", "m,a f=1", "m,a= f=1", "m, f=1", "m,=b f=1", ",a=b f=1", "m f=1,", "m f=1 x",
    "m f=1 1.5", "m f=1 1 1", "m f=1 12345678901234567890", "m f=1 -1", 'm f="a', 'm f="a"b', 'm f=a"b"', "m f=nan",
    "m f=inf", "m f=-Infinity", "m f=1e400", "m f=0x10", "m f=1_0", "m f=1.5i", "m f=9223372036854775808i",
    "m f=-9223372036854775809i", "m f=-1u", "m f=18446744073709551616u", "m f=tRUE", "m f=yes", "m f=--1", "m f=١",
    "m f=1 ١", "m,a=1,a=2 f=1", "m\0 f=1", 'm f="\0"', "m,t=\udcff f=1", 'm f="\udcff"', "m\tf=1", r"m\ f=1",
    f"m,t={'x' * SERIES_BYTES} f=1", "{\"value\": 1}", "m f= 1", "m f =1",
]  # fmt: skip


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_line_is_named_and_costs_no_other(line: str) -> None:
    assert flaws(f"m f=1\n{line}\nm f=2") == [2]
    assert len(list(points(f"m f=1\n{line}\nm f=2", "ns", NOW))) == 3


def test_of_a_wrong_line_nothing_is_stored() -> None:
    assert [type(each) for each in points("m f=1,g=nan", "ns", NOW)] == [Flaw]


@pytest.mark.parametrize("precision", MICROSECONDS)
def test_every_precision_tells_the_same_time(precision: str) -> None:
    times, over = MICROSECONDS[precision]
    hour = 3_600_000_000 * 495_000
    assert read(f"m f=1 {hour * over // times}", precision) == [(1, "m f", 1.0, at(hour))]


@pytest.mark.parametrize("precision", MICROSECONDS)
@pytest.mark.parametrize("time", [-(2**63), -1, 2**63 - 1, 10**19 - 1])
def test_a_time_out_of_all_reason_is_a_flaw_or_a_time(precision: str, time: int) -> None:
    assert len(list(points(f"m f=1 {time}", precision, NOW))) == 1


@pytest.mark.parametrize("text", ["m f", "m,a=1,b=2 f", r"a\,b,c\=d=e\ f g\ h", "°C,entity_id=x value"])
def test_a_series_is_read_back_from_its_text(text: str) -> None:
    series = series_of(text)
    assert series is not None
    assert series.text == text


@pytest.mark.parametrize("text", ["m,b=2,a=1 f", r"m,a=\1 f"])
def test_a_series_is_told_in_one_way(text: str) -> None:
    series = series_of(text)
    assert series is not None
    assert series_of(series.text) == series
    assert [row[1] for row in read(f"{text}=1")] == [series.text]


@pytest.mark.parametrize(
    "text", ["", "m", "m f=1", "m  f", " m f", "m f ", "m,a f", "m,a=1,a=1 f", "#m f", "m f\n", "\0 f"]
)
def test_what_is_no_series_is_none(text: str) -> None:
    assert series_of(text) is None


@pytest.mark.parametrize(
    "text",
    ["m " * 400_000, "m,a=b" * 200_000, 'm f="' + "\\" * 1_000_000, "m f=1," * 200_000, " " * 1_000_000,
     "\\" * 1_000_000, "m,a=" + "\\ " * 500_000, "\n" * 1_000_000, "m f=1" + " " * 1_000_000 + "x"],
    ids=range(9),
)  # fmt: skip
def test_a_line_takes_time_by_its_length(text: str) -> None:
    # Read again for each character, a million of them would take hours.
    assert len(list(points(text, "ns", NOW))) <= 1
