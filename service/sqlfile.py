"""queries.sql → typed queries: what stands in the file is what PostgreSQL sees."""

import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar, overload
from uuid import UUID

import msgspec

T = TypeVar("T")

Literal = UUID | Sequence[UUID] | bytes | StrEnum | None
"""What may stand in a statement's text: its own text is known whatever was sent."""

_BLOCK = re.compile(r"^-- name: (\w+)\n((?:--[^\n]*\n)*)(.*?)(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)
_FIRST_WORD = re.compile(r"\w+")
_PARAMETER = re.compile(r"\$(\d+)")

ALL: dict[str, "Query[Any]"] = {}
"""Every query bound so far, by its tag: what the contract test prepares."""


class Query(Generic[T]):
    """One statement of a queries.sql, bound to the struct that its columns make.

    `struct` is None for statements whose rows nobody reads, a plain type for single-column ones.
    """

    __slots__ = ("name", "parts", "sql", "struct")

    def __init__(self, name: str, sql: str, struct: type[T]) -> None:
        self.name = name
        # Behind the first word (`SELECT /* homes:get_home */ …`): what comes before it pg_stat_statements leaves out.
        self.sql = _FIRST_WORD.sub(rf"\g<0> /* {name} */", sql, count=1)
        self.struct = struct
        self.parts = _PARAMETER.split(self.sql)

    def with_literals(self, *values: Literal) -> str:
        """The statement as one string for the simple protocol, which takes no parameters.

        Only what cannot hold SQL can be put in: UUIDs and bytes, whose text is hexadecimal digits and dashes whatever
        was sent, and the members of an enumeration, whose text stands in this program.
        """
        said = [_literal(value) for value in values]
        return "".join(said[int(part) - 1] if odd % 2 else part for odd, part in enumerate(self.parts))

    def __repr__(self) -> str:
        return f"Query({self.name})"


def _literal(value: Literal) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, UUID | StrEnum):
        return f"'{value}'"
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'"
    if not all(isinstance(item, UUID) for item in value):
        raise TypeError("only UUIDs, bytes and members of enumerations go into a statement's text")
    return "'{" + ",".join(map(str, value)) + "}'"


@cache
def blocks(file: Path) -> dict[str, str]:
    """The statements of a queries.sql by name, without the comments above them."""
    found = {name: sql.strip().removesuffix(";") for name, _, sql in _BLOCK.findall(file.read_text("utf-8"))}
    if not found:
        raise ValueError(f"{file} holds no '-- name: …' block")
    return found


class Binder:
    """Binds the blocks of one file to structs."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.feature = file.parent.name

    @overload
    def __call__(self, name: str) -> Query[None]: ...
    @overload
    def __call__(self, name: str, struct: type[T]) -> Query[T]: ...
    def __call__(self, name: str, struct: type[Any] | None = None) -> Query[Any]:
        """The query of that name; its rows become `struct`. Raises LookupError."""
        try:
            sql = blocks(self.file)[name]
        except KeyError:
            raise LookupError(f"{self.file} has no query {name!r}") from None
        query: Query[Any] = Query(f"{self.feature}:{name}", sql, struct or type(None))
        ALL[query.name] = query
        return query


def queries_beside(module: str, name: str = "queries.sql") -> Binder:
    """A binder for the queries.sql beside a module: `queries_beside(__file__)("get_home", Home)`."""
    return Binder(Path(module).with_name(name))


def maker(struct: type[T]) -> Callable[..., T]:
    """How a record's columns become a value: a struct takes them in order, a plain type is the one column."""
    return struct if issubclass(struct, msgspec.Struct) else _the_column


def _the_column(value: Any) -> Any:
    return value
