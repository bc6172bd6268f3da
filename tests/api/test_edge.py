"""The outermost layer over HTTP: hosts, origins, headers."""

import msgspec
import pytest

from service.settings import Settings
from tests.people import serve


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("home.example.org", 200),
        ("HOME.example.org:8000", 200),
        ("a.example.net", 200),
        ("example.net", 400),
        ("evil.org", 400),
        ("home.example.org.evil.org", 400),
        ("]", 400),
        ("", 400),
    ],
)
async def test_only_named_hosts_are_served(settings: Settings, host: str, status: int) -> None:
    named = msgspec.structs.replace(settings, allowed_hosts=("home.example.org", "*.example.net"))
    async with serve(named) as home:
        response = await home.client.get("/v1/reference", headers={"Host": host})
        assert response.status_code == status
        assert (await home.client.get("/health/live", headers={"Host": host})).status_code == 200


async def test_only_named_origins_may_read_answers(settings: Settings) -> None:
    named = msgspec.structs.replace(settings, cors_origins=("https://home.example.org",))
    async with serve(named) as home:
        for origin, allowed in (("https://home.example.org", "https://home.example.org"), ("https://evil.org", None)):
            response = await home.client.get("/v1/reference", headers={"Origin": origin})
            assert response.headers.get("access-control-allow-origin") == allowed
            preflight = await home.client.options(
                "/v1/homes",
                headers={"Origin": origin, "Access-Control-Request-Method": "POST"},
            )
            assert preflight.headers.get("access-control-allow-origin") == allowed


async def test_without_named_origins_no_page_may_read_answers(settings: Settings) -> None:
    async with serve(settings) as home:
        response = await home.client.get("/v1/reference", headers={"Origin": "https://evil.org"})
        assert "access-control-allow-origin" not in response.headers
