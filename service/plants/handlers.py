"""/v1/plants."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import UnsetType

from service.answers import Cursor, Limit, Page, created, decode_cursor, found, page
from service.plants.structs import (
    ChangePlant,
    CreatePlant,
    DueKey,
    Kind,
    Plant,
    Status,
)
from service.problems import Problem
from service.requests import DEVICES_READ, Req, Tx
from service.sqlfile import queries_beside

_bind = queries_beside(__file__)
LIST_PLANTS = _bind("list_plants", Plant)
LIST_PLANTS_OF_HOME = _bind("list_plants_of_home", Plant)
LIST_DUE_PLANTS = _bind("list_due_plants", Plant)
GET_PLANT = _bind("get_plant", Plant)
CREATE_PLANT = _bind("create_plant", Plant)
CHANGE_PLANT = _bind("change_plant", Plant)
DELETE_PLANT = _bind("delete_plant", UUID)
EXPORT_PLANTS = _bind("export_plants", str)

WithinDays = Annotated[int, QueryParameter(ge=0, le=365, description="Due today or within so many days.")]

_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(hours=24)


@get("/v1/plants", operation_id="list_plants", opt=DEVICES_READ)
async def list_plants(
    tx: Tx,
    limit: Limit = 100,
    cursor: Cursor = None,
    room: FromQuery[str | None] = None,
    kind: FromQuery[Kind | None] = None,
    status: FromQuery[Status | None] = None,
    home_id: FromQuery[UUID | None] = None,
) -> Page[Plant]:
    """The plants that the caller may see; `status` is compared with what it is now."""
    asked = (decode_cursor("plants", cursor, UUID), limit + 1, room, kind, status)
    if home_id is None:
        rows = await tx.all(LIST_PLANTS, *asked)
    else:
        rows = await tx.all(LIST_PLANTS_OF_HOME, *asked, home_id)
    return page(rows, limit, lambda plant: plant.id, "plants")


@get("/v1/plants/due", operation_id="list_due_plants", opt=DEVICES_READ)
async def list_due_plants(
    tx: Tx,
    within_days: WithinDays = 2,
    limit: Limit = 100,
    cursor: Cursor = None,
    room: FromQuery[str | None] = None,
    home_id: FromQuery[UUID | None] = None,
) -> Page[Plant]:
    """What needs water: never watered first, then the longest due; what rests needs none."""
    last = decode_cursor("due", cursor, DueKey)
    after = (last.due_on, last.created_at, last.id) if last else (None, None, None)
    rows = await tx.all(LIST_DUE_PLANTS, within_days, *after, limit + 1, home_id, room)
    return page(rows, limit, lambda plant: DueKey(plant.due_on, plant.created_at, plant.id), "due")


@post("/v1/plants", operation_id="create_plant")
async def create_plant(request: Req, tx: Tx, data: JSONBody[CreatePlant]) -> Response[Plant]:
    """Make a plant, which is the caller's."""
    _refuse_wrong_time("/last_water", data.last_water)
    is_new, plant = await tx.create(CREATE_PLANT, *msgspec.structs.astuple(data))
    return created(request, is_new, plant, f"/v1/plants/{plant.id}")


@get("/v1/plants/{plant_id:uuid}", operation_id="get_plant", opt=DEVICES_READ)
async def get_plant(request: Req, tx: Tx, plant_id: FromPath[UUID]) -> Response[Plant]:
    """One plant."""
    return found(request, await tx.one(GET_PLANT, plant_id))


@patch("/v1/plants/{plant_id:uuid}", operation_id="change_plant")
async def change_plant(request: Req, tx: Tx, plant_id: FromPath[UUID], data: JSONBody[ChangePlant]) -> Response[Plant]:
    """Change what was sent."""
    _refuse_wrong_time("/last_water", data.last_water)
    return found(request, await tx.change(CHANGE_PLANT, plant_id, tx.if_match, msgspec.to_builtins(data)))


@delete("/v1/plants/{plant_id:uuid}", operation_id="delete_plant")
async def delete_plant(tx: Tx, plant_id: FromPath[UUID]) -> None:
    """Delete a plant and what was logged of its care."""
    await tx.change(DELETE_PLANT, plant_id, tx.if_match)


def _refuse_wrong_time(pointer: str, at: datetime | UnsetType | None) -> None:
    """Refuse an instant before 1970 or more than 24 hours from now, which no constraint can ask."""
    if isinstance(at, datetime) and not _EARLIEST <= at <= datetime.now(UTC) + _AHEAD:
        raise Problem.at(pointer, "A watering lies between 1970 and 24 hours from now.")


HANDLERS = [
    list_plants,
    list_due_plants,
    create_plant,
    get_plant,
    change_plant,
    delete_plant,
]
EXPORTS = [EXPORT_PLANTS]
