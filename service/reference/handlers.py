"""/v1/reference."""

from litestar import get

from service.reference.structs import REFERENCE, Reference
from service.requests import PUBLIC


@get("/v1/reference", operation_id="get_reference", opt=PUBLIC)
async def get_reference() -> Reference:
    """Every closed set of values with its meanings and colours; the same for everyone."""
    return REFERENCE


HANDLERS = [get_reference]
