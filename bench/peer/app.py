"""The peer: the calls that the benchmark compares, as FastAPI, SQLAlchemy 2 and Pydantic are meant to be used."""

import os
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID, uuid4

import jwt
from fastapi import Depends, FastAPI, HTTPException, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from models import Access, AccessLevel, AuditLog, Reading, Session, Source, User, Validator, engine
from schemas import BatchOutcome, Latest, LogReading, ReadingOut, ReadingPage, SourceOut, is_steeper
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import selectinload

SECRET = os.environ["PEER_SECRET"]
WRITERS = {AccessLevel.write, AccessLevel.admin}

new_session = async_sessionmaker(engine(), expire_on_commit=False)
app = FastAPI()
bearer = HTTPBearer()


async def session() -> AsyncIterator[AsyncSession]:
    """The request's session; what is not committed is rolled back."""
    async with new_session() as opened:
        yield opened


Db = Annotated[AsyncSession, Depends(session)]


async def current_user(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)], db: Db) -> UUID:
    """The account of a token that is good and whose session lives."""
    try:
        claims = jwt.decode(credentials.credentials, SECRET, algorithms=["HS256"])
    except jwt.InvalidTokenError:
        raise HTTPException(401) from None
    found = await db.scalar(
        select(User.id)
        .join(Session, Session.user_id == User.id)
        .where(User.id == UUID(claims["sub"]), User.is_active)
        .where(Session.id == UUID(claims["sid"]), Session.expires_at > func.now())
    )
    if found is None:
        raise HTTPException(401)
    return found


Me = Annotated[UUID, Depends(current_user)]


class Reached(NamedTuple):
    """A source that the caller may read, and what else they may do with it; None: it is public."""

    source: Source
    level: AccessLevel | None
    me: UUID


async def readable(source_id: UUID, me: Me, db: Db) -> Reached:
    """The source of the path, with the caller's access in the same query."""
    row = (
        await db.execute(
            select(Source, Access.access_level)
            .outerjoin(Access, (Access.source_id == Source.id) & (Access.user_id == me))
            .where(Source.id == source_id)
            .where(Source.is_public | Access.access_level.is_not(None))
        )
    ).first()
    if row is None:
        raise HTTPException(404)
    return Reached(row[0], row[1], me)


async def writable(source_id: UUID, me: Me, db: Db) -> Reached:
    """The source of the path with its validators, for who may write to it."""
    row = (
        await db.execute(
            select(Source, Access.access_level)
            .join(Access, (Access.source_id == Source.id) & (Access.user_id == me))
            .where(Source.id == source_id)
            .options(selectinload(Source.validators))
        )
    ).first()
    if row is None:
        raise HTTPException(404)
    if row[1] not in WRITERS:
        raise HTTPException(403)
    return Reached(row[0], row[1], me)


Readable = Annotated[Reached, Depends(readable)]
Writable = Annotated[Reached, Depends(writable)]


@app.get("/health")
async def health() -> dict[str, str]:
    """Whether it runs."""
    return {"status": "ok"}


@app.get("/v1/sources/{source_id}")
async def get_source(reached: Readable, db: Db) -> SourceOut:
    """One source with its newest reading."""
    latest = await db.scalar(
        select(Reading).where(Reading.source_id == reached.source.id).order_by(Reading.timestamp.desc()).limit(1)
    )
    answer = SourceOut.model_validate(reached.source)
    answer.access_level = reached.level
    answer.latest = Latest.model_validate(latest) if latest else None
    return answer


@app.get("/v1/sources/{source_id}/readings")
async def list_readings(
    reached: Readable,
    db: Db,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: datetime | None = None,
) -> ReadingPage:
    """A source's readings, newest first."""
    query = select(Reading).where(Reading.source_id == reached.source.id)
    if cursor is not None:
        query = query.where(Reading.timestamp < cursor)
    rows = (await db.scalars(query.order_by(Reading.timestamp.desc()).limit(limit + 1))).all()
    return ReadingPage(
        items=[ReadingOut.model_validate(row) for row in rows[:limit]],
        next_cursor=rows[limit - 1].timestamp if len(rows) > limit else None,
    )


@app.get("/v1/sources/{source_id}/readings/{reading_id}", response_model=ReadingOut)
async def get_reading(reached: Readable, reading_id: UUID, timestamp: datetime, db: Db) -> Any:
    """One reading."""
    reading = await db.get(Reading, (reached.source.id, timestamp))
    if reading is None or reading.id != reading_id:
        raise HTTPException(404)
    return reading


@app.post("/v1/sources/{source_id}/readings", status_code=201, response_model=ReadingOut)
async def log_reading(reached: Writable, data: LogReading, db: Db) -> Any:
    """Log one reading."""
    await refuse_invalid(db, reached.source, [data])
    reading = Reading(**columns(data, reached))
    db.add(reading)
    db.add(audit_of([data], reached, reading.id))
    await commit(db)
    return reading


@app.post("/v1/sources/{source_id}/readings/batch")
async def log_batch(
    reached: Writable, data: list[LogReading], db: Db, how: Literal["insert", "add_all"] = "insert"
) -> BatchOutcome:
    """Log many readings, all or none."""
    await refuse_invalid(db, reached.source, data)
    if how == "insert":
        try:
            await db.execute(insert(Reading), [columns(row, reached) for row in data])
        except IntegrityError:
            raise HTTPException(409) from None
    else:
        db.add_all([Reading(**columns(row, reached)) for row in data])
    db.add(audit_of(data, reached))
    await commit(db)
    return BatchOutcome(received=len(data), created=len(data))


async def commit(db: AsyncSession) -> None:
    """Commit; a key that is taken is 409."""
    try:
        await db.commit()
    except IntegrityError:
        raise HTTPException(409) from None


def columns(data: LogReading, reached: Reached) -> dict[str, Any]:
    """A reading's columns."""
    return {
        "id": data.id or uuid4(),
        "source_id": reached.source.id,
        "value": data.value,
        "timestamp": data.timestamp,
        "recorded_by": reached.me,
        "quality_flag": data.quality_flag,
        "notes": data.notes,
        "extra": data.metadata,
    }


def audit_of(rows: list[LogReading], reached: Reached, entry: UUID | None = None) -> AuditLog:
    """The one audit row of what is logged."""
    times = [row.timestamp for row in rows]
    details = {"count": len(rows), "first": min(times).isoformat(), "last": max(times).isoformat()}
    return AuditLog(
        user_id=reached.me, source_id=reached.source.id, entry_id=entry, event_type="create_entry", details=details
    )


async def refuse_invalid(db: AsyncSession, source: Source, rows: list[LogReading]) -> None:
    """Raise 422 if a row breaks a rule of the source."""
    for validator in source.validators:
        refuse_out_of_range(validator, rows)
    if any(rule.non_decreasing or rule.max_rate is not None for rule in source.validators):
        times = [row.timestamp for row in rows]
        of_source = select(Reading.timestamp, Reading.value).where(Reading.source_id == source.id)
        before = (
            await db.execute(
                of_source.where(Reading.timestamp < min(times)).order_by(Reading.timestamp.desc()).limit(1)
            )
        ).all()
        after = (
            await db.execute(of_source.where(Reading.timestamp > max(times)).order_by(Reading.timestamp).limit(1))
        ).all()
        steps = [*before, *sorted((row.timestamp, row.value) for row in rows), *after]
        for validator in source.validators:
            refuse_steps(validator, [(step[0], step[1]) for step in steps])


def refuse_out_of_range(validator: Validator, rows: Iterable[LogReading]) -> None:
    """Raise 422 if a value is below the minimum or above the maximum."""
    low, high = validator.min_value, validator.max_value
    for row in rows:
        if (low is not None and row.value < low) or (high is not None and row.value > high):
            raise HTTPException(422, f"{row.value} is out of range")


def refuse_steps(validator: Validator, steps: list[tuple[datetime, float]]) -> None:
    """Raise 422 if values fall, or climb too fast."""
    for before, after in pairwise(steps):
        if validator.non_decreasing and after[1] < before[1]:
            raise HTTPException(422, f"{after[1]} is below the value before")
        if is_steeper(before, after, validator.max_rate):
            raise HTTPException(422, f"{after[1]} is too steep")
