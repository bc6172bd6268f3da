"""The peer's tables; run as a program it makes them."""

import asyncio
import enum
import os
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, DateTime, Enum, ForeignKey, Identity, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncAttrs, AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

NOW = text("now()")


class AccessLevel(enum.StrEnum):
    """What somebody may do with a source."""

    read = "read"
    write = "write"
    admin = "admin"


class QualityFlag(enum.StrEnum):
    """How far a reading is to be trusted."""

    good = "good"
    questionable = "questionable"
    bad = "bad"
    estimated = "estimated"


def now() -> datetime:
    """Made here rather than by the database: a default that has to be fetched costs the peer time."""
    return datetime.now(UTC)


class Base(AsyncAttrs, DeclarativeBase):
    """Every table."""

    type_annotation_map = {datetime: DateTime(timezone=True), dict[str, Any]: JSONB}  # noqa: RUF012 - SQLAlchemy's own way


class User(Base):
    """An account."""

    __tablename__ = "users"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    email: Mapped[str] = mapped_column(Text, unique=True)
    is_active: Mapped[bool] = mapped_column(default=True, server_default="true")


class Session(Base):
    """A session that access tokens are of."""

    __tablename__ = "sessions"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime]


class Source(Base):
    """A meter or sensor."""

    __tablename__ = "data_sources"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(String(100))
    description: Mapped[str | None] = mapped_column(Text)
    source_type: Mapped[str] = mapped_column(String(50))
    unit: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(20), server_default="gauge")
    home_id: Mapped[UUID | None]
    meter_number: Mapped[str | None] = mapped_column(String(100))
    place_name: Mapped[str | None] = mapped_column(String(200))
    address: Mapped[str | None] = mapped_column(Text)
    thumbnail_url: Mapped[str | None] = mapped_column(Text)
    is_public: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(server_default=NOW)
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey(User.id, ondelete="SET NULL"), index=True)

    # Loaded where something is written, with the source; anywhere else asking for them is a mistake.
    validators: Mapped[list["Validator"]] = relationship(lazy="raise")


class Access(Base):
    """A grant."""

    __tablename__ = "user_source_access"
    source_id: Mapped[UUID] = mapped_column(ForeignKey(Source.id, ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), primary_key=True, index=True)
    access_level: Mapped[AccessLevel] = mapped_column(Enum(AccessLevel, name="access_level"))


class Reading(Base):
    """What a source showed at a time."""

    __tablename__ = "readings"
    id: Mapped[UUID] = mapped_column(default=uuid4)
    source_id: Mapped[UUID] = mapped_column(ForeignKey(Source.id, ondelete="CASCADE"), primary_key=True)
    value: Mapped[float]
    timestamp: Mapped[datetime] = mapped_column(primary_key=True)
    recorded_at: Mapped[datetime] = mapped_column(default=now, server_default=NOW)
    recorded_by: Mapped[UUID | None]
    quality_flag: Mapped[QualityFlag] = mapped_column(
        Enum(QualityFlag, name="quality_flag"), default=QualityFlag.good, server_default="good"
    )
    notes: Mapped[str | None] = mapped_column(Text)
    # `metadata` is SQLAlchemy's own word.
    extra: Mapped[dict[str, Any] | None] = mapped_column("metadata", JSONB(none_as_null=True))
    updated_at: Mapped[datetime] = mapped_column(default=now, server_default=NOW, onupdate=now)

    __table_args__ = (
        CheckConstraint("value > '-Infinity' AND value < 'Infinity'"),
        CheckConstraint("timestamp >= '1970-01-01 00:00+00' AND timestamp < '10000-01-01 00:00+00'"),
        CheckConstraint("length(notes) <= 10000"),
    )


class Validator(Base):
    """Rules that a source's readings must keep."""

    __tablename__ = "data_validators"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4, server_default=text("uuidv7()"))
    source_id: Mapped[UUID] = mapped_column(ForeignKey(Source.id, ondelete="CASCADE"), index=True)
    min_value: Mapped[float | None]
    max_value: Mapped[float | None]
    non_decreasing: Mapped[bool] = mapped_column(server_default="false")
    max_rate: Mapped[float | None]


class AuditLog(Base):
    """Who changed what."""

    __tablename__ = "audit_logs"
    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    event_time: Mapped[datetime] = mapped_column(default=now)
    user_id: Mapped[UUID | None]
    source_id: Mapped[UUID | None]
    entry_id: Mapped[UUID | None]
    event_type: Mapped[str] = mapped_column(Text)
    details: Mapped[dict[str, Any]]

    __table_args__ = (Index(None, "event_time"), Index(None, "user_id", "id"), Index(None, "source_id", "id"))


def engine() -> AsyncEngine:
    """The pool: as many connections as a worker of Homelog has, without a ping before use."""
    url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://", 1)
    return create_async_engine(url, pool_size=6, max_overflow=0)


async def make_tables() -> None:
    """Make what is missing."""
    pool = engine()
    async with pool.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await pool.dispose()


if __name__ == "__main__":
    asyncio.run(make_tables())
