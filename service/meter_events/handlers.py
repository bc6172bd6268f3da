"""/v1/sources/{source_id}/meter-events."""

from datetime import UTC, datetime
from uuid import UUID

from litestar import Response, delete, get, post
from litestar.params import FromPath, JSONBody

from service.answers import Cursor, From, Limit, Page, To, created, decode_cursor, found, page, refuse_range
from service.meter_events.structs import CreateMeterEvent, MeterEvent, SuggestedMeterEvent
from service.problems import Problem
from service.readings.rows import AHEAD, FIRST
from service.readings.structs import Instant
from service.requests import DEVICES_WRITE, PUBLIC, Req, Tx
from service.sqlfile import queries_beside

_bind = queries_beside(__file__)
LIST_METER_EVENTS = _bind("list_meter_events", MeterEvent)
SOURCE_IS_VISIBLE = _bind("source_is_visible", bool)
GET_METER_EVENT = _bind("get_meter_event", MeterEvent)
CREATE_METER_EVENT = _bind("create_meter_event", MeterEvent)
DELETE_METER_EVENT = _bind("delete_meter_event", UUID)
SUGGEST_METER_EVENTS = _bind("suggest_meter_events", SuggestedMeterEvent)
EXPORT_METER_EVENTS = _bind("export_meter_events", str)


@get("/v1/sources/{source_id:uuid}/meter-events", operation_id="list_meter_events", opt=PUBLIC)
async def list_meter_events(
    tx: Tx, source_id: FromPath[UUID], limit: Limit = 100, cursor: Cursor = None
) -> Page[MeterEvent]:
    """The events of a meter, oldest first."""
    rows = await tx.all(LIST_METER_EVENTS, source_id, decode_cursor("meter events", cursor, Instant), limit + 1)
    if not rows:
        await tx.one(SOURCE_IS_VISIBLE, source_id)
    tx.viewed = [source_id]
    return page(rows, limit, lambda event: event.at, "meter events")


@post("/v1/sources/{source_id:uuid}/meter-events", operation_id="create_meter_event", opt=DEVICES_WRITE)
async def create_meter_event(
    request: Req, tx: Tx, source_id: FromPath[UUID], data: JSONBody[CreateMeterEvent]
) -> Response[MeterEvent]:
    """Note that a counter was swapped, rolled over or was reset; the same again is answered as stored."""
    if not FIRST <= data.at <= datetime.now(UTC) + AHEAD:
        raise Problem.at("/at", "A meter event lies between 1970 and 24 hours from now.")
    is_new, event = await tx.create(
        CREATE_METER_EVENT, source_id, data.id, data.at, data.kind, data.old_value, data.new_value,
        taken="The source already has another event with this id or at this time.",
    )  # fmt: skip
    return created(request, is_new, event, f"/v1/sources/{source_id}/meter-events/{event.id}")


@get("/v1/sources/{source_id:uuid}/meter-events/suggested", operation_id="suggest_meter_events", opt=PUBLIC)
async def suggest_meter_events(
    tx: Tx,
    source_id: FromPath[UUID],
    since: From = None,
    until: To = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[SuggestedMeterEvent]:
    """An event for each drop of a counter that none explains, ready to be posted; oldest first."""
    refuse_range(since, until)
    last = decode_cursor("suggested meter events", cursor, Instant)
    rows = await tx.all(SUGGEST_METER_EVENTS, source_id, since, until, last, limit + 1)
    if not rows:
        await tx.one(SOURCE_IS_VISIBLE, source_id)
    tx.viewed = [source_id]
    return page(rows, limit, lambda event: event.after.timestamp, "suggested meter events")


@get("/v1/sources/{source_id:uuid}/meter-events/{event_id:uuid}", operation_id="get_meter_event", opt=PUBLIC)
async def get_meter_event(
    request: Req, tx: Tx, source_id: FromPath[UUID], event_id: FromPath[UUID]
) -> Response[MeterEvent]:
    """One event of a meter."""
    event = await tx.one(GET_METER_EVENT, source_id, event_id)
    tx.viewed = [source_id]
    return found(request, event)


@delete("/v1/sources/{source_id:uuid}/meter-events/{event_id:uuid}", operation_id="delete_meter_event")
async def delete_meter_event(tx: Tx, source_id: FromPath[UUID], event_id: FromPath[UUID]) -> None:
    """Remove an event; the meter's values are then taken as one again."""
    await tx.change(DELETE_METER_EVENT, source_id, event_id, tx.if_match)


HANDLERS = [list_meter_events, create_meter_event, suggest_meter_events, get_meter_event, delete_meter_event]
EXPORTS = [EXPORT_METER_EVENTS]
