"""/v1/me/calendar-link and the feed behind it, /v1/plants/calendar.ics."""

import asyncio
import hashlib
import re
import secrets
from typing import Annotated
from uuid import UUID

from litestar import Response, delete, get, post
from litestar.params import QueryParameter

from service.answers import document, found
from service.calendar.icalendar import calendar
from service.calendar.structs import CalendarLink, NewCalendarLink, Watering
from service.problems import not_found
from service.requests import ALWAYS_NEW, KEYED, Db, Req, Tx, caller_of
from service.sqlfile import queries_beside

_bind = queries_beside(__file__)
GET_CALENDAR_LINK = _bind("get_calendar_link", CalendarLink)
CREATE_CALENDAR_LINK = _bind("create_calendar_link", CalendarLink)
DELETE_CALENDAR_LINK = _bind("delete_calendar_link", CalendarLink)
ACT_BY_CALENDAR_KEY = _bind("act_by_calendar_key", UUID)
LIST_WATERINGS = _bind("list_waterings", Watering)
EXPORT_CALENDAR_LINK = _bind("export_calendar_link", str)

MOST = 10_000
"""How many events a feed holds; of more plants, one's own, and then those that want water soonest."""

Key = Annotated[str | None, QueryParameter(description="The secret of a calendar link, which is all it needs.")]
_KEY = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@get("/v1/me/calendar-link", operation_id="get_calendar_link")
async def get_calendar_link(request: Req, tx: Tx) -> Response[CalendarLink]:
    """Whether one has a calendar link, and since when; 404 without one."""
    return found(request, await tx.one(GET_CALENDAR_LINK))


@post("/v1/me/calendar-link", operation_id="create_calendar_link", opt=ALWAYS_NEW)
async def create_calendar_link(tx: Tx) -> Response[NewCalendarLink]:
    """Make one's calendar link, in place of the one before. Its `url` is in this one answer alone."""
    key = secrets.token_urlsafe(32)
    link = await tx.one(CREATE_CALENDAR_LINK, hashlib.sha256(key.encode()).digest())
    made = NewCalendarLink(link.created_at, url=f"/v1/plants/calendar.ics?key={key}")
    return Response(made, status_code=201, headers={"Location": "/v1/me/calendar-link"})


@delete("/v1/me/calendar-link", operation_id="delete_calendar_link")
async def delete_calendar_link(tx: Tx) -> None:
    """Take one's calendar link away: whoever has it is told 404 from now on."""
    await tx.change(DELETE_CALENDAR_LINK, tx.if_match)


@get("/v1/plants/calendar.ics", operation_id="get_calendar", opt=KEYED, media_type="text/calendar")
async def get_calendar(request: Req, db: Db, key: Key = None) -> Response[bytes]:
    """When the plants of a link's owner want water, as iCalendar: their own and those of all their homes."""
    if key is None or not _KEY.fullmatch(key):
        raise not_found()
    async with db.transaction(caller_of(request), [], read_only=True, turn=True) as tx:
        await tx.one(ACT_BY_CALENDAR_KEY, hashlib.sha256(key.encode()).digest())
        waterings = await tx.all(LIST_WATERINGS, MOST)
    body = bytearray()
    for piece in calendar(waterings):
        body += piece
        await asyncio.sleep(0)  # whoever else asks is served before the next piece
    return document(request, bytes(body), "text/calendar")


HANDLERS = [get_calendar_link, create_calendar_link, delete_calendar_link, get_calendar]
EXPORTS = [EXPORT_CALENDAR_LINK]
