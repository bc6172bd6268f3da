"""Bodies parsed by the thousand say what they say row by row."""

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.problems import Problem
from service.readings import csv_parsing, parsing
from service.readings.csv_parsing import csv_chunks
from service.readings.parsing import json_chunks, ndjson_chunks
from service.readings.rows import Chunk
from service.readings.structs import LogReading, LogReadingOf, RowOutcome

UUID_A, UUID_B = "01a200ff-7e77-7026-b880-5ed872beb767", "01A200FF7E777026B8805ED872BEB767"
CELLS: dict[str, list[str]] = {
    "timestamp": ["2020-01-01T00:00:00Z", "2020-01-01 00:00:00.5+01:00", " 2020-01-01T00:00Z", "2020", "", '"', "\\"],
    "value": [
        "1", "-0", "-0.0", "1e5", ".5", "+1", "1.", "007", "1,5", "", " 1 ", "nan", "1_0", "1e400", "null", "1}", "{",
    ],
    "id": ["", UUID_A, UUID_B, "x", " " + UUID_A],
    "source_id": [UUID_A, UUID_B, "", "\\u0030"],
    "quality_flag": ["", "good", "bad", "fine", " good"],
    "notes": ["", " ", " a", "a\nb", "\r\n", '"', "\\n", '","id":"', "ü", "\0", "=1+1", '"notes":""', "x" * 10_001],
    "else": ["", "1", '"', "\\"],
}  # fmt: skip


def told(chunks: Any) -> Any:
    """All rows with their indexes, and what is wrong with the others; or the problem that the body as a whole has."""
    try:
        parts: list[Chunk] = list(chunks)
    except Problem as problem:
        return problem.name, problem.detail
    rows = [pair for part in parts for pair in zip(part.indexes, map(repr, part.rows), strict=True)]
    return rows, [outcome for part in parts for outcome in part.wrong]


@pytest.mark.parametrize("row", [LogReading, LogReadingOf])
@settings(deadline=None)
@given(data=st.data())
def test_csv_by_the_thousand_says_what_it_says_row_by_row(row: Any, data: st.DataObject) -> None:
    columns = data.draw(st.permutations(list(CELLS)))
    rows = data.draw(
        st.lists(st.tuples(*(st.one_of(st.just(CELLS[name][0]), st.sampled_from(CELLS[name])) for name in columns)))
    )
    body = io.StringIO()
    quoting: Any = data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    writer = csv.writer(body, quoting=quoting, lineterminator=data.draw(st.sampled_from(["\n", "\r\n"])))
    writer.writerows([columns, *rows])
    content = body.getvalue().encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsing, "CHUNK_ROWS", data.draw(st.integers(1, 4)))
        patch.setattr(csv_parsing, "CHUNK_ROWS", parsing.CHUNK_ROWS)
        patch.setattr(parsing, "PART_BYTES", data.draw(st.integers(1, 200)))
        at_once = told(csv_chunks(io.BytesIO(content), row, "timestamp", "value"))
        patch.setattr(csv_parsing, "_csv_at_once", lambda *_: None)
        assert at_once == told(csv_chunks(io.BytesIO(content), row, "timestamp", "value"))


ELEMENT: st.SearchStrategy[Any] = st.one_of(
    st.fixed_dictionaries(
        {"value": st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 9))},
        optional={
            "timestamp": st.sampled_from(CELLS["timestamp"]),
            "notes": st.sampled_from([*CELLS["notes"], "},{", "}]"]),
            "metadata": st.dictionaries(st.text(max_size=3), st.lists(st.just({"a": {"b": [{}, {}]}}), max_size=3)),
        },
    ),
    st.sampled_from([None, 1, [], {}, "},{", [{}, {}]]),
)


@settings(deadline=None)
@given(
    st.lists(ELEMENT),
    st.sampled_from([None, 1]),
    st.integers(1, 300),
    st.sampled_from([b"%b", b" %b\n", b"%b]", b"[%b", b"\x0b%b", b"%b,", b"{}%b"]),
)
def test_a_json_array_in_pieces_says_what_it_says_row_by_row(
    elements: list[Any], indent: int | None, piece: int, form: bytes
) -> None:
    content = form % json.dumps(elements, indent=indent).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsing, "PIECE_BYTES", piece)
        in_pieces = told(json_chunks(content, LogReading))
    assert in_pieces == told(parsing._json_rows(content, LogReading, 0))


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([b'{"value":1}', b"", b"  ", b"{}", b'{"value":1}{"value":2}', b'{"value":', b"1}", b"["]))
)
def test_ndjson_is_one_object_a_line(lines: list[bytes]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsing, "PART_BYTES", 7)
        patch.setattr(parsing, "CHUNK_ROWS", 3)
        _, wrong = told(ndjson_chunks(io.BytesIO(b"\n".join(lines)), LogReading))
    full = [line for line in lines if line.strip()]
    assert [outcome.rule for outcome in wrong] == [
        "required" if line in {b'{"value":1}', b"{}"} else "type" if line in {b"1}", b"["} else "readable"
        for line in full
    ]


@pytest.mark.parametrize(
    ("column", "cell", "pointer", "rule", "detail"),
    [
        ("value", "12,5", "/value", "type", "The kWh 12,5 is no number."),
        ("value", "", "/value", "required", "The kWh is missing."),
        ("value", "9" * 100 + "x", "/value", "type", f"The kWh {'9' * 40} is no number."),
        ("timestamp", "2020-01-01", "/timestamp", "type",
         "The timestamp 2020-01-01 is no time with a zone, such as 2026-03-01T07:00:00Z."),
        ("timestamp", "", "/timestamp", "required", "A reading in a batch needs its timestamp."),
        ("id", "7", "/id", "type", "The id 7 is no UUID."),
        ("quality_flag", "fine", "/quality_flag", "type",
         "The quality_flag fine is none of good, questionable, bad, estimated."),
        ("notes", "x" * 10_001, "/notes", "type", "The notes have more than 10,000 characters."),
    ],
)  # fmt: skip
def test_a_wrong_cell_is_told_in_the_words_of_its_column(
    column: str, cell: str, pointer: str, rule: str, detail: str
) -> None:
    good = {"timestamp": "2020-01-01T00:00:00Z", "value": "1", "id": "", "quality_flag": "", "notes": ""}
    body = io.StringIO()
    csv.writer(body).writerows([["timestamp", "kWh", *list(good)[2:]], ({**good, column: cell}).values()])
    _, wrong = told(csv_chunks(io.BytesIO(body.getvalue().encode()), LogReading, "timestamp", "kWh"))
    assert wrong == [RowOutcome(0, "rejected", pointer, rule, detail)]
