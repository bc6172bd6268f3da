"""The reference of closed sets, and the page that shows the API without the internet."""

import inspect
import re
from html.parser import HTMLParser

import asyncpg
import pytest

from service.app import HANDLERS
from tests.people import Household

PLANTSTATUS = [
    {"value": "dry", "meaning": "needs water now", "colour": "#BC5B49"},
    {"value": "soon", "meaning": "due within 1–2 days", "colour": "#C9852F"},
    {"value": "thriving", "meaning": "well watered, healthy", "colour": "#3E8E5A"},
    {"value": "watered", "meaning": "watered today", "colour": "#5E8FB8"},
    {"value": "resting", "meaning": "dormant, seasonal rest", "colour": "#7C857B"},
    {"value": "unknown", "meaning": "its sensor is silent", "colour": "#75757F"},
]


async def test_the_reference_has_every_enum_of_the_database_and_no_other(
    home: Household, dba: asyncpg.Connection
) -> None:
    rows = await dba.fetch(
        "SELECT t.typname, array_agg(e.enumlabel::text ORDER BY e.enumsortorder) AS labels"
        " FROM pg_type AS t JOIN pg_enum AS e ON e.enumtypid = t.oid"
        " WHERE t.typnamespace = 'public'::regnamespace GROUP BY t.typname"
    )
    reference = (await home.nobody.get("/v1/reference")).json()
    told = {name: [entry["value"] for entry in entries] for name, entries in reference.items()}
    assert told == {row["typname"]: row["labels"] for row in rows}


async def test_every_value_has_a_meaning_and_perhaps_a_colour(home: Household) -> None:
    reference = (await home.nobody.get("/v1/reference")).json()
    for entry in (entry for entries in reference.values() for entry in entries):
        assert list(entry) == ["value", "meaning", "colour"]
        assert entry["meaning"].strip()
        assert entry["colour"] is None or re.fullmatch(r"#[0-9A-F]{6}", entry["colour"])
    assert reference["plantstatus"] == PLANTSTATUS
    assert {entry["value"]: entry["meaning"] for entry in reference["access_level"]} == {
        "read": "sees it",
        "write": "also logs, corrects and deletes readings, notes meter events, and cares for plants",
        "admin": "also edits, shares and deletes it",
    }
    assert {entry["value"]: entry["meaning"] for entry in reference["plantkind"]} == {
        "monstera": "Monstera deliciosa",
        "fig": "Fiddle leaf fig",
        "pothos": "Pothos",
        "snake": "Snake plant",
        "succulent": "Succulent or cactus",
    }


async def test_the_reference_is_the_same_for_everyone(home: Household) -> None:
    ann = await home.person("ann")
    to_nobody, to_ann = await home.nobody.get("/v1/reference"), await ann.get("/v1/reference")
    assert to_nobody.status_code == to_ann.status_code == 200
    assert to_nobody.content == to_ann.content


async def test_bad_credentials_are_refused_even_where_none_are_needed(home: Household) -> None:
    response = await home.nobody.get("/v1/reference", headers={"Authorization": "Bearer x"})
    assert response.status_code == 401


class Links(HTMLParser):
    """What a page loads or leads to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {value or "" for name, value in attrs if name in {"src", "href", "action", "srcset"}}


async def test_the_page_of_the_api_needs_nothing_from_elsewhere(home: Household) -> None:
    response = await home.nobody.get("/schema")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    page = response.text
    assert not re.search(r"https?:|[\"'(]//|@import", page)
    assert Links(page).found == {"data:,", "/schema/openapi.json"}


@pytest.mark.parametrize("sink", ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("])
async def test_the_page_shows_what_it_reads_as_text_only(home: Household, sink: str) -> None:
    assert sink not in (await home.nobody.get("/schema")).text


async def test_the_page_reads_a_document_that_is_there(home: Household) -> None:
    response = await home.nobody.get("/schema/openapi.json")
    assert response.status_code == 200
    document = response.json()
    assert document["openapi"].startswith("3.1")
    assert {"/v1/plants", "/v1/reference"} <= set(document["paths"])
    assert response.headers["content-type"] == "application/json"


async def test_the_document_has_lower_bounds_of_zero_and_what_a_repeated_call_is_answered(home: Household) -> None:
    document = (await home.nobody.get("/schema/openapi.json")).json()
    for of, bounded in {
        "ChangePlant": {"moisture": ("minimum", 0), "dry_below": ("minimum", 0), "every": ("minimum", 1)},
        "CreatePlant": {"moisture": ("minimum", 0)},
        "CreateValidator": {"max_rate": ("exclusiveMinimum", 0)},
    }.items():
        for field, (bound, value) in bounded.items():
            assert document["components"]["schemas"][of]["properties"][field][bound] == value
    plants, register = document["paths"]["/v1/plants"]["post"], document["paths"]["/v1/auth/register"]["post"]
    assert list(plants["responses"]) == ["201", "200", "default"]
    assert plants["responses"]["200"]["content"] == plants["responses"]["201"]["content"]
    assert list(register["responses"]) == ["201", "default"]
    assert document["components"]["schemas"]["AuditRow"]["properties"]["id"] == {"type": "integer"}


async def test_the_document_says_of_each_put_that_may_make_something_that_it_may(home: Household) -> None:
    document = (await home.nobody.get("/schema/openapi.json")).json()
    puts = {
        operations["put"]["operationId"]: operations["put"]
        for operations in document["paths"].values()
        if "put" in operations
    }
    makes = {
        str(handler.operation_id)
        for handler in HANDLERS
        if "PUT" in handler.http_methods and "return created(" in inspect.getsource(handler.fn)
    }
    assert makes >= {"put_line_mapping", "put_retention"}
    for name, operation in puts.items():
        answers = operation["responses"]
        assert ("201" in answers) == (name in makes), name
        assert name not in makes or answers["201"]["content"] == answers["200"]["content"]


@pytest.mark.parametrize("path", ["/v1/readings", "/v1/sources/{source_id}/readings"])
async def test_the_document_says_what_one_reading_and_what_a_batch_is_answered(home: Household, path: str) -> None:
    document = (await home.nobody.get("/schema/openapi.json")).json()
    answers = document["paths"][path]["post"]["responses"]
    reading, outcome = ({"$ref": f"#/components/schemas/{name}"} for name in ("Reading", "BatchOutcome"))
    assert answers["201"]["content"]["application/json"]["schema"] == reading
    assert answers["200"]["content"]["application/json"]["schema"] == {"oneOf": [reading, outcome]}


async def test_the_document_has_every_schema_that_it_names(home: Household) -> None:
    response = await home.nobody.get("/schema/openapi.json")
    named = set(re.findall(r'"#/components/schemas/(\w+)"', response.text))
    assert {"Reading", "BatchOutcome"} <= named <= set(response.json()["components"]["schemas"])
