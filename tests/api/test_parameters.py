"""Whatever is wrong with a query is told by the name that its client sent, and what would be right."""

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from service.app import create_app
from service.settings import Settings
from tests.people import Household

DOCUMENT = create_app(Settings(data=Path(), secret="x" * 40)).app.openapi_schema.to_schema()
ZERO = "2026-03-01T07:00:00Z"
INSTANT = f"An instant is RFC 3339 with a zone, such as {ZERO}; a + is sent as %2B."


def wrong_for(schema: dict[str, Any]) -> list[tuple[str, int]]:
    """Values that a parameter does not take, and the status of each."""
    branches = [schema, *schema.get("oneOf", [])]
    types = {kind for each in branches for kind in ([each["type"]] if isinstance(each.get("type"), str) else [])}
    formats = {each.get("format") for each in branches}
    if "enum" in schema:
        return [("nothing of this", 422), ("data", 422)]
    if "date-time" in formats:
        return [("yesterday", 400), ("2026-01-01", 400), ("2026-01-01T00:00:00", 400), ("1700000000", 422)]
    if "uuid" in formats or "boolean" in types or "array" in types:
        return [("x", 400)]
    if "integer" in types:
        return [("many", 400), (str(int(schema["maximum"]) + 1), 422), (str(int(schema["minimum"]) - 1), 422)]
    if "pattern" in schema:
        return [("!", 422)]
    return [("x" * (schema["maxLength"] + 1), 422)] if "maxLength" in schema else []


WRONG = [
    (method.upper(), path, each["name"], value, status)
    for path, operations in DOCUMENT["paths"].items()
    if path.startswith("/v1/")
    for method, operation in operations.items()
    for each in operation.get("parameters", [])
    if each["in"] == "query"
    for value, status in wrong_for(each["schema"])
]


BODIES = {
    "/v1/sources/{source_id}/validators/check": {"min_value": 1},
    "/v1/plants/water": {"room": "x"},
    "/v1/plants/care-events": {"room": "x", "kind": "mist"},
}


async def test_a_wrong_parameter_of_any_route_is_told_by_its_name_in_the_query(home: Household) -> None:
    ann = await home.person("ann")
    assert len(WRONG) > 100
    for method, path, name, value, status in WRONG:
        ids = {part: uuid4() for part in re.findall(r"{(.*?)}", path)}
        query = {"source_id": str(uuid4()), name: value} if path == "/v1/series" else {name: value}
        body = BODIES.get(path, {"value": 1})
        options = {"json": body} if method in {"POST", "PATCH"} else {}
        response = await ann.call(method, path.format_map(ids), params=query, **options)
        problem = response.json()
        said = (response.status_code, problem["type"], [error["pointer"] for error in problem.get("errors", ())])
        kind = "unreadable" if status == 400 else "invalid"
        assert said == (status, f"/errors/{kind}", [f"?{name}"]), (method, path, name, value, problem)


async def test_every_wrong_parameter_is_told(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    path = f"/v1/sources/{source['id']}/readings"
    problem = (await ann.get(path, params={"from": "yesterday", "limit": "0", "order": "data"})).json()
    assert problem["detail"] == f"from: {INSTANT}"
    assert {error["pointer"]: error["detail"] for error in problem["errors"]} == {
        "?from": INSTANT,
        "?limit": "Expected int >= 1.",
        "?order": "'data' is none of asc, desc.",
    }


async def test_a_missing_parameter_is_named(home: Household) -> None:
    ann = await home.person("ann")
    response = await ann.get("/v1/series")
    assert response.status_code == 400
    assert response.json()["errors"] == [{"pointer": "?source_id", "detail": "The query needs source_id."}]
    response = await ann.get("/v1/series?source_id=x")
    assert response.json()["errors"] == [{"pointer": "?source_id", "detail": "Invalid UUID."}]


async def test_whoever_is_not_signed_in_learns_that_first(home: Household) -> None:
    for query in ("from=1700000000", "from=yesterday", "limit=many"):
        assert (await home.nobody.get(f"/v1/audit?{query}")).status_code == 401


# Times


@pytest.mark.parametrize("number", ["1700000000", "1700000000.5", "-1", "+5", "1.7e9", "0", ".5", "9" * 40])
async def test_seconds_since_1970_are_no_time(home: Household, number: str) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    for path, name in (
        (f"/v1/sources/{source['id']}/readings", "from"),
        (f"/v1/sources/{source['id']}/readings/{uuid4()}", "timestamp"),
        (f"/v1/sources/{source['id']}/series", "to"),
        (f"/v1/series?source_id={source['id']}", "from"),
    ):
        response = await ann.get(path + ("&" if "?" in path else "?") + name + "=" + number.replace("+", "%2B"))
        assert response.status_code == 422, (path, response.text)
        (error,) = response.json()["errors"]
        assert (error["pointer"], INSTANT in error["detail"]) == (f"?{name}", True)


async def test_a_day_alone_is_for_series_that_have_a_zone(home: Household) -> None:
    ann = await home.person("ann")
    source = await ann.source()
    await ann.made(f"/v1/sources/{source['id']}/readings", value=1, timestamp="2026-01-01T00:00:00Z")
    assert (await ann.get(f"/v1/sources/{source['id']}/series?from=2026-01-01")).status_code == 200
    for accept in ("application/json", "text/csv", "application/x-ndjson"):
        response = await ann.get(f"/v1/sources/{source['id']}/readings?from=2026-01-01", headers={"Accept": accept})
        assert response.status_code == 400
        assert response.json()["errors"] == [{"pointer": "?from", "detail": INSTANT}]


# Closed sets


@pytest.mark.parametrize(
    ("path", "body", "pointer", "detail"),
    [
        ("/v1/plants", {"name": "x", "kind": "rose"}, "/kind",
         "'rose' is none of monstera, fig, pothos, snake, succulent."),
        ("/v1/sources", {"name": "x", "source_type": "x", "unit": "x", "kind": "x"}, "/kind",
         "'x' is none of gauge, counter, delta."),
        ("/v1/me/tokens", {"name": "x", "scopes": ["read:data", "all"]}, "/scopes/1",
         "'all' is none of read:data, write:data."),
        ("/v1/plants", {"name": "x", "kind": "x" * 1000}, "/kind",
         f"'{'x' * 41} is none of monstera, fig, pothos, snake, succulent."),
    ],
)  # fmt: skip
async def test_a_wrong_choice_in_a_body_is_told_the_choices(
    home: Household, path: str, body: Any, pointer: str, detail: str
) -> None:
    ann = await home.person("ann")
    response = await ann.post(path, body)
    assert response.status_code == 422
    assert response.json()["errors"] == [{"pointer": pointer, "detail": detail}]


async def test_a_wrong_choice_in_a_batch_is_told_the_choices(home: Household) -> None:
    ann = await home.person("ann")
    path = f"/v1/sources/{(await ann.source())['id']}/readings"
    choices = "'fine' is none of good, questionable, bad, estimated."
    single = await ann.post(path, {"value": 1, "quality_flag": "fine"})
    assert single.json()["errors"] == [{"pointer": "/quality_flag", "detail": choices}]
    row = {"timestamp": "2026-01-01T00:00:00Z", "value": 1, "quality_flag": "fine"}
    (outcome,) = (await ann.post(path, [row])).json()["results"]
    assert (outcome["pointer"], outcome["detail"]) == ("/quality_flag", choices)


async def test_influxdbs_clients_are_told_the_choices_too(home: Household) -> None:
    ann = await home.person("ann")
    token = await ann.made("/v1/me/tokens", name="x", scopes=["write:data"])
    headers = {"Authorization": f"Token {token['token']}"}
    response = await home.nobody.post("/api/v2/write?precision=m", content=b"a b=1", headers=headers)
    assert response.status_code == 422
    assert response.json()["message"] == "precision: 'm' is none of ns, us, ms, s."
