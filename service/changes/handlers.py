"""/v1/changes."""

from typing import Annotated

from litestar import get
from litestar.params import QueryParameter
from msgspec.structs import astuple, replace

from service.answers import Limit, decode_cursor, encode_cursor
from service.changes.phases import DELETIONS, UPSERTS, from_key
from service.changes.structs import EPOCH, AnyChange, Changes, Moment, Now, Pass, Whole
from service.problems import Problem
from service.requests import DEVICES_READ, SPANS_ALL, Tx
from service.sqlfile import queries_beside
from service.transaction import Transaction

_bind = queries_beside(__file__)
JUDGE_CURSOR = _bind("judge_cursor", bool)
BEGIN_PASS = _bind("begin_pass", Now)

EVERYTHING = Moment((1, 1, ()), EPOCH)
"""The snapshot that shows nothing."""

Since = Annotated[str | None, QueryParameter(description="The next_cursor of the answer before; without it, all.")]


@get("/v1/changes", operation_id="list_changes", opt=SPANS_ALL | DEVICES_READ)
async def list_changes(tx: Tx, since: Since = None, limit: Limit = 100) -> Changes:
    """What the caller may see that changed since the cursor, and what is gone or not theirs to see any more."""
    at = await _under_way(tx, decode_cursor("changes", since, Whole | Pass))  # type: ignore[arg-type] # mypy: no type
    items: list[AnyChange] = []
    for phase, key in from_key(at.key):
        room = limit - len(items)
        rows = await phase.rows(tx, at.beginning, key, room + 1)
        items += map(phase.change, rows[:room])
        if len(rows) > room:
            last = phase.key_of(rows[room - 1]) if room else key
            return Changes(items, encode_cursor("changes", replace(at, key=last)), has_more=True)
    return Changes(items, encode_cursor("changes", Whole(at.era, at.following)), has_more=False)


async def _under_way(tx: Transaction, cursor: Whole | Pass | None) -> Pass:
    """The pass that a cursor is in, or that begins at it; 410 where nobody can tell any more what is gone since."""
    if cursor is not None and not await tx.one(JUDGE_CURSOR, cursor.era, *astuple(cursor.beginning)):
        raise Problem("cursor_expired", "Begin anew without a cursor: what is gone since this one may be forgotten.")
    if isinstance(cursor, Pass):
        return cursor
    now = await tx.one(BEGIN_PASS)
    following = Moment(now.snapshot, now.at)
    if cursor is None:
        return Pass(now.era, EVERYTHING, following, UPSERTS[0].key())
    return Pass(now.era, cursor.beginning, following, DELETIONS[0].key())


HANDLERS = [list_changes]
