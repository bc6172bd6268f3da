"""The database as its catalogue tells it: tables and all that belongs to them, for the generated documents."""

from collections.abc import Callable
from typing import TypeVar

import msgspec
import psycopg
from psycopg.rows import TupleRow

from service.sqlfile import Query, queries_beside

T = TypeVar("T")


class Table(msgspec.Struct, frozen=True):
    """A table and what it is for."""

    schema: str
    name: str
    comment: str | None

    @property
    def title(self) -> str:
        """Its name as it is written in SQL: tables of `public` without their schema."""
        return self.name if self.schema == "public" else f"{self.schema}.{self.name}"


class Column(msgspec.Struct, frozen=True):
    """A column, its type as PostgreSQL writes it; its comment without the class of its data."""

    of_table: str
    name: str
    type: str
    is_required: bool
    default_value: str | None
    comment: str | None
    data_class: str | None


class Constraint(msgspec.Struct, frozen=True):
    """A constraint: `kind` is pg_constraint's contype, `sentence` what the API answers when it is violated."""

    of_table: str
    name: str
    kind: str
    definition: str
    sentence: str | None
    referenced: str | None
    columns: list[str]


class Index(msgspec.Struct, frozen=True):
    """An index that no constraint made."""

    of_table: str
    name: str
    definition: str


class Policy(msgspec.Struct, frozen=True):
    """Which rows a role may touch with a verb."""

    of_table: str
    name: str
    verb: str
    roles: list[str]
    comment: str | None


class Trigger(msgspec.Struct, frozen=True):
    """A trigger and the function that it runs."""

    of_table: str
    name: str
    function: str


class Privilege(msgspec.Struct, frozen=True):
    """What a login may do with a table; `columns` is null where it is all of them."""

    of_table: str
    role: str
    verb: str
    columns: list[str] | None


class Enum(msgspec.Struct, frozen=True):
    """A closed set of values."""

    name: str
    comment: str | None
    labels: list[str]


class Function(msgspec.Struct, frozen=True):
    """A function of ours; a definer acts with its owner's rights."""

    name: str
    arguments: str
    result: str
    is_definer: bool
    is_for_api: bool
    comment: str | None


class Role(msgspec.Struct, frozen=True):
    """A role and the settings that its sessions begin with."""

    name: str
    can_log_in: bool
    settings: list[str]
    member_of: list[str]
    comment: str | None


_bind = queries_beside(__file__, "catalogue.sql")
TABLES = _bind("tables", Table)
COLUMNS = _bind("columns", Column)
CONSTRAINTS = _bind("constraints", Constraint)
INDEXES = _bind("indexes", Index)
POLICIES = _bind("policies", Policy)
TRIGGERS = _bind("triggers", Trigger)
PRIVILEGES = _bind("privileges", Privilege)
ENUMS = _bind("enums", Enum)
FUNCTIONS = _bind("functions", Function)
ROLES = _bind("roles", Role)


def read(connection: psycopg.Connection[TupleRow], query: Query[T]) -> list[T]:
    """Every row of one of these queries."""
    make: Callable[..., T] = query.struct
    return [make(*row) for row in connection.execute(query.sql.encode())]
