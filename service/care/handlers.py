"""/v1/plants/…: care, watering, intervals, growth."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, get_args
from uuid import UUID

from litestar import Response, delete, get, patch, post, put
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec.structs import astuple

from service.answers import Cursor, From, Limit, Page, To, created, decode_cursor, found, page, refuse_range
from service.care.structs import (
    MOST_AT_ONCE,
    MOST_NAMED,
    Care,
    CaredFor,
    CareForMany,
    CareInterval,
    CareKey,
    CareKind,
    CareResult,
    CareStatus,
    CorrectGrowth,
    CreateCare,
    DueCare,
    DueCareKey,
    Grow,
    GrowthMeasurement,
    IntervalKey,
    LoggedCare,
    OfMany,
    OtherCareKind,
    SetCareInterval,
    Water,
    Watered,
    WateredPlant,
    Watering,
    WaterMany,
)
from service.plants.structs import Plant
from service.problems import Problem, not_found
from service.requests import DEVICES_READ, DEVICES_WRITE, Req, Tx
from service.sqlfile import queries_beside

_bind = queries_beside(__file__)
PLANT_IS_VISIBLE = _bind("plant_is_visible", bool)
LIST_CARE_EVENTS = _bind("list_care_events", Care)
GET_CARE_EVENT = _bind("get_care_event", Care)
CREATE_CARE_EVENT = _bind("create_care_event", Care)
DELETE_CARE_EVENT = _bind("delete_care_event", UUID)
WATER_PLANT = _bind("water_plant", Watering)
WATER_PLANTS = _bind("water_plants", WateredPlant)
CARE_FOR_PLANTS = _bind("care_for_plants", LoggedCare)
LIST_CARE_INTERVALS = _bind("list_care_intervals", CareInterval)
GET_CARE_INTERVAL = _bind("get_care_interval", CareInterval)
SET_CARE_INTERVAL = _bind("set_care_interval", CareInterval)
DELETE_CARE_INTERVAL = _bind("delete_care_interval", UUID)
LIST_DUE_CARE = _bind("list_due_care", DueCare)
LIST_GROWTH = _bind("list_growth", GrowthMeasurement)
GROW_PLANT = _bind("grow_plant", Plant)
CORRECT_GROWTH = _bind("correct_growth", Plant)
EXPORT_CARE = _bind("export_care", str)
EXPORT_CARE_INTERVALS = _bind("export_care_intervals", str)
EXPORT_GROWTH = _bind("export_growth", str)

Mode = Annotated[
    Literal["atomic", "partial"],
    QueryParameter(description="Care for all that are named or for none, or for those that can be."),
]
WithinDays = Annotated[int, QueryParameter(ge=0, le=3650, description="Due today or within so many days.")]

_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(hours=24)


@get("/v1/plants/{plant_id:uuid}/care-events", operation_id="list_care_events", opt=DEVICES_READ)
async def list_care_events(
    tx: Tx,
    plant_id: FromPath[UUID],
    since: From = None,
    until: To = None,
    kind: FromQuery[CareKind | None] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Care]:
    """What was done for a plant, newest first."""
    refuse_range(since, until)
    last = decode_cursor("care events", cursor, CareKey)
    after = (last.at, last.id) if last else (None, None)
    rows = await tx.all(LIST_CARE_EVENTS, plant_id, since, until, kind, *after, limit + 1)
    if not rows:
        await tx.one(PLANT_IS_VISIBLE, plant_id)
    return page(rows, limit, lambda care: CareKey(care.at, care.id), "care events")


@post("/v1/plants/{plant_id:uuid}/care-events", operation_id="create_care_event", opt=DEVICES_WRITE)
async def create_care_event(
    request: Req, tx: Tx, plant_id: FromPath[UUID], data: JSONBody[CreateCare]
) -> Response[Care]:
    """Log what was done for a plant; a `water` event waters it."""
    _refuse_wrong_time(data.at)
    is_new, care = await tx.create(CREATE_CARE_EVENT, plant_id, data.id, data.kind, data.at, data.note)
    return created(request, is_new, care, f"/v1/plants/{plant_id}/care-events/{care.id}")


@get("/v1/plants/{plant_id:uuid}/care-events/{event_id:uuid}", operation_id="get_care_event", opt=DEVICES_READ)
async def get_care_event(request: Req, tx: Tx, plant_id: FromPath[UUID], event_id: FromPath[UUID]) -> Response[Care]:
    """One thing that was done for a plant."""
    return found(request, await tx.one(GET_CARE_EVENT, plant_id, event_id))


@delete("/v1/plants/{plant_id:uuid}/care-events/{event_id:uuid}", operation_id="delete_care_event")
async def delete_care_event(tx: Tx, plant_id: FromPath[UUID], event_id: FromPath[UUID]) -> None:
    """Undo care: without a watering the plant is what it would be, but for what was changed since."""
    await tx.change(DELETE_CARE_EVENT, plant_id, event_id, tx.if_match)


@post("/v1/plants/{plant_id:uuid}/water", operation_id="water_plant", status_code=200, opt=DEVICES_WRITE)
async def water_plant(
    request: Req, tx: Tx, plant_id: FromPath[UUID], data: JSONBody[Water | None] = None
) -> Response[Plant]:
    """Water a plant, now or at `at`; the body may be left out. A plant that rests is woken by it.

    `Location` names the care event, which undoes it.
    """
    watering = data or Water()
    _refuse_wrong_time(watering.at)
    (done,) = await tx.create_many(WATER_PLANT, plant_id, watering.at, watering.id)
    response = found(request, Plant(*astuple(done)[:-1]))
    response.headers["Location"] = f"/v1/plants/{plant_id}/care-events/{done.event_id}"
    return response


@post("/v1/plants/water", operation_id="water_plants", status_code=200, opt=DEVICES_WRITE)
async def water_plants(tx: Tx, data: JSONBody[WaterMany], mode: Mode = "atomic") -> Watered:
    """Water several plants: those named, of a room (in any home, or in `home_id`) or of a home."""
    _refuse_wrong_time(data.at)
    named = (data.plant_ids, data.room, data.home_id, data.at, data.id, mode == "partial", MOST_AT_ONCE)
    rows = await tx.create_many(WATER_PLANTS, *named, too_many=_too_many(data))
    watered = [Plant(*astuple(row)[:-2]) for row in rows if row.outcome in {"watered", "duplicate"}]
    return Watered(watered, _results(data, {row.id: (row.outcome, row.event_id) for row in rows}))


@post("/v1/plants/care-events", operation_id="care_for_plants", status_code=200, opt=DEVICES_WRITE)
async def care_for_plants(tx: Tx, data: JSONBody[CareForMany], mode: Mode = "atomic") -> CaredFor:
    """Log care of one kind, which is not `water`, for several plants, named as for watering them."""
    _refuse_wrong_time(data.at)
    named = (data.plant_ids, data.room, data.home_id, data.at, data.id, mode == "partial", MOST_AT_ONCE)
    rows = await tx.create_many(CARE_FOR_PLANTS, *named, data.kind, data.note, too_many=_too_many(data))
    logged = [row for row in rows if row.outcome in {"logged", "duplicate"}]
    care = [Care(row.id, row.plant_id, row.user_id, row.kind, row.at, row.note) for row in logged]
    events = {each.plant_id: each.id for each in care}
    return CaredFor(care, _results(data, {row.plant_id: (row.outcome, events.get(row.plant_id)) for row in rows}))


@get("/v1/plants/{plant_id:uuid}/care-intervals", operation_id="list_care_intervals", opt=DEVICES_READ)
async def list_care_intervals(
    tx: Tx, plant_id: FromPath[UUID], limit: Limit = 100, cursor: Cursor = None
) -> Page[CareInterval]:
    """How often a plant wants care other than water."""
    last = decode_cursor("care intervals", cursor, IntervalKey)
    rows = await tx.all(LIST_CARE_INTERVALS, plant_id, last.kind if last else None, limit + 1)
    if not rows:
        await tx.one(PLANT_IS_VISIBLE, plant_id)
    return page(rows, limit, lambda interval: IntervalKey(interval.kind), "care intervals")


@get("/v1/plants/{plant_id:uuid}/care-intervals/{kind:str}", operation_id="get_care_interval", opt=DEVICES_READ)
async def get_care_interval(
    request: Req, tx: Tx, plant_id: FromPath[UUID], kind: FromPath[str]
) -> Response[CareInterval]:
    """One interval of a plant's care."""
    return found(request, await tx.one(GET_CARE_INTERVAL, plant_id, _with_intervals(kind)))


@put("/v1/plants/{plant_id:uuid}/care-intervals/{kind:str}", operation_id="set_care_interval")
async def set_care_interval(
    request: Req, tx: Tx, plant_id: FromPath[UUID], kind: FromPath[str], data: JSONBody[SetCareInterval]
) -> Response[CareInterval]:
    """Say how often a plant wants care other than water; for its owner and its home's admins."""
    return found(request, await tx.change(SET_CARE_INTERVAL, plant_id, _with_intervals(kind), tx.if_match, data.every))


@delete("/v1/plants/{plant_id:uuid}/care-intervals/{kind:str}", operation_id="delete_care_interval")
async def delete_care_interval(tx: Tx, plant_id: FromPath[UUID], kind: FromPath[str]) -> None:
    """End an interval; what was done stays."""
    await tx.change(DELETE_CARE_INTERVAL, plant_id, _with_intervals(kind), tx.if_match)


@get("/v1/plants/care-due", operation_id="list_due_care", opt=DEVICES_READ)
async def list_due_care(
    tx: Tx,
    within_days: WithinDays = 2,
    limit: Limit = 100,
    cursor: Cursor = None,
    room: FromQuery[str | None] = None,
    home_id: FromQuery[UUID | None] = None,
) -> Page[DueCare]:
    """Which care other than water is due: never done first, then the longest due; what rests wants none."""
    last = decode_cursor("due care", cursor, DueCareKey)
    after = (last.due_on, last.plant_id, last.kind) if last else (None, None, None)
    rows = await tx.all(LIST_DUE_CARE, within_days, *after, limit + 1, home_id, room)
    return page(rows, limit, lambda due: DueCareKey(due.due_on, due.plant_id, due.kind), "due care")


@get("/v1/plants/{plant_id:uuid}/growth", operation_id="list_growth", opt=DEVICES_READ)
async def list_growth(
    tx: Tx,
    plant_id: FromPath[UUID],
    since: From = None,
    until: To = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[GrowthMeasurement]:
    """A plant's growth over time, oldest first."""
    refuse_range(since, until)
    last = decode_cursor("growth", cursor, CareKey)
    after = (last.at, last.id) if last else (None, None)
    rows = await tx.all(LIST_GROWTH, plant_id, since, until, *after, limit + 1)
    if not rows:
        await tx.one(PLANT_IS_VISIBLE, plant_id)
    return page(rows, limit, lambda measured: CareKey(measured.at, measured.id), "growth")


@post("/v1/plants/{plant_id:uuid}/growth", operation_id="grow_plant", status_code=200, opt=DEVICES_WRITE)
async def grow_plant(request: Req, tx: Tx, plant_id: FromPath[UUID], data: JSONBody[Grow]) -> Response[Plant]:
    """Append a measurement to a plant's growth."""
    _refuse_wrong_time(data.at)
    (plant,) = await tx.create_many(GROW_PLANT, plant_id, data.value, data.id, data.at)
    return found(request, plant)


@patch("/v1/plants/{plant_id:uuid}/growth/last", operation_id="correct_growth")
async def correct_growth(
    request: Req, tx: Tx, plant_id: FromPath[UUID], data: JSONBody[CorrectGrowth]
) -> Response[Plant]:
    """Correct the last measurement of a plant's growth."""
    return found(request, await tx.change(CORRECT_GROWTH, plant_id, tx.if_match, data.value))


def _too_many(data: OfMany) -> Problem:
    """That a room or home holds more plants than one call cares for."""
    held, pointer = ("room", "/room") if data.room else ("home", "/home_id")
    return Problem.at(
        pointer,
        f"This {held} holds more than {MOST_AT_ONCE:,} plants, and a call cares for no more:"
        f" send plant_ids instead, at most {MOST_NAMED:,} in each call.",
    )


def _results(data: OfMany, outcomes: dict[UUID, tuple[CareStatus, UUID | None]]) -> list[CareResult]:
    """What became of each plant: of those that the caller sees by the database, of the others that there is none."""
    unseen = dict.fromkeys(each for each in data.plant_ids or () if each not in outcomes)
    seen = [CareResult(plant, status, event) for plant, (status, event) in outcomes.items()]
    return [*seen, *(CareResult(each, "not_found", None) for each in unseen)]


def _with_intervals(kind: str) -> str:
    """A kind of care that has intervals; any other word names nothing, so it is 404 as a wrong id is."""
    if kind not in get_args(OtherCareKind):
        raise not_found()
    return kind


def _refuse_wrong_time(at: datetime | None) -> None:
    """Refuse an instant before 1970 or more than 24 hours from now, which no constraint can ask."""
    if at is not None and not _EARLIEST <= at <= datetime.now(UTC) + _AHEAD:
        raise Problem.at("/at", "Care lies between 1970 and 24 hours from now.")


HANDLERS = [
    list_care_events,
    create_care_event,
    get_care_event,
    delete_care_event,
    water_plant,
    water_plants,
    care_for_plants,
    list_care_intervals,
    get_care_interval,
    set_care_interval,
    delete_care_interval,
    list_due_care,
    list_growth,
    grow_plant,
    correct_growth,
]
EXPORTS = [EXPORT_CARE, EXPORT_CARE_INTERVALS, EXPORT_GROWTH]
