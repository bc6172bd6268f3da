"""The facts of a database: read from its catalogues, and kept in sql/facts.jsonl as what the migrations make."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import psycopg
from psycopg.rows import TupleRow

from service.migrations import BASELINE, SQL
from service.sqlfile import Query, maker, queries_beside

T = TypeVar("T")

FACTS = SQL / "facts.jsonl"


class CannotCompareError(Exception):
    """Why a database cannot be compared, as a sentence."""


class Fact(msgspec.Struct, frozen=True, array_like=True):
    """Something that there is; `part_of` is the title of what it goes with, properties are texts or lists of them."""

    kind: str
    name: str
    part_of: str | None
    properties: dict[str, Any]

    @property
    def title(self) -> str:
        """What no other fact is called."""
        return self.name if self.is_privilege else f"{self.kind} {self.name}"

    @property
    def is_privilege(self) -> bool:
        """Whether it is that somebody holds a privilege: its name is that sentence."""
        return self.kind == "privilege"


class Origin(msgspec.Struct, frozen=True):
    """Of which version facts are, and how PostgreSQL wrote them: other major versions write definitions otherwise."""

    version: str
    postgresql: int


class Facts(msgspec.Struct, frozen=True):
    """All facts of a database, in the order of their titles.

    Of those that a file holds, one with the title of the one before it says how that one is written after a dump and
    a restore: what PostgreSQL reads back is the same rule, now and then with other parentheses and casts.
    """

    origin: Origin
    facts: list[Fact]


_bind = queries_beside(__file__)
_SETTLE = _bind("settle")
_SERVER_VERSION = _bind("server_version", int)
_LAST_MIGRATION = _bind("last_migration", str)
_DATABASE = _bind("database", Fact)
_ROLES = _bind("roles", Fact)
_MEMBERSHIPS = _bind("memberships", Fact)
_SETTINGS = _bind("settings", Fact)
_SCHEMAS = _bind("schemas", Fact)
_EXTENSIONS = _bind("extensions", Fact)
_MEMBERS = _bind("members", Fact)
_OWN_FUNCTIONS = _bind("own_functions", Fact)
_RELATIONS = _bind("relations", Fact)
_COLUMNS = _bind("columns", Fact)
_CONSTRAINTS = _bind("constraints", Fact)
_INDEXES = _bind("indexes", Fact)
_TRIGGERS = _bind("triggers", Fact)
_POLICIES = _bind("policies", Fact)
_RULES = _bind("rules", Fact)
_FUNCTIONS = _bind("functions", Fact)
_TYPES = _bind("types", Fact)
_EVENT_TRIGGERS = _bind("event_triggers", Fact)
_PUBLICATIONS = _bind("publications", Fact)
_STATISTICS_OBJECTS = _bind("statistics_objects", Fact)
_OTHER_OBJECTS = _bind("other_objects", Fact)
_PRIVILEGES = _bind("privileges", Fact)
_PRIVILEGES_ON_OTHERS = _bind("privileges_on_others", Fact)
_DEFAULT_PRIVILEGES = _bind("default_privileges", Fact)

_ALL = (
    _DATABASE,
    _ROLES,
    _MEMBERSHIPS,
    _SETTINGS,
    _SCHEMAS,
    _EXTENSIONS,
    _MEMBERS,
    _OWN_FUNCTIONS,
    _RELATIONS,
    _COLUMNS,
    _CONSTRAINTS,
    _INDEXES,
    _TRIGGERS,
    _POLICIES,
    _RULES,
    _FUNCTIONS,
    _TYPES,
    _EVENT_TRIGGERS,
    _PUBLICATIONS,
    _STATISTICS_OBJECTS,
    _OTHER_OBJECTS,
    _PRIVILEGES,
    _PRIVILEGES_ON_OTHERS,
    _DEFAULT_PRIVILEGES,
)


def settle(connection: psycopg.Connection[TupleRow]) -> None:
    """Have names and definitions written alike whoever asks, for the rest of the transaction."""
    connection.execute(_SETTLE.sql.encode())


def read_server_version(connection: psycopg.Connection[TupleRow]) -> int:
    """The server's major version."""
    return _ask(connection, _SERVER_VERSION)[0] // 10_000


def read_facts(connection: psycopg.Connection[TupleRow]) -> Facts:
    """Read all there is; whoever may log in may ask. Settles the transaction that it is called in."""
    settle(connection)
    version = next(iter(_ask(connection, _LAST_MIGRATION)), BASELINE)
    origin = Origin(version, read_server_version(connection))
    return Facts(origin, sorted((fact for query in _ALL for fact in _ask(connection, query)), key=_by_title))


def _ask(connection: psycopg.Connection[TupleRow], query: Query[T]) -> list[T]:
    make: Callable[..., T] = maker(query.struct)
    return [make(*row) for row in connection.execute(query.sql.encode())]


def _by_title(fact: Fact) -> str:
    return fact.title


def facts_as_text(url: str, restored_url: str) -> str:
    """What sql/facts.jsonl holds where the first database is as it should be, and the second is restored from it."""
    with psycopg.connect(url) as connection:
        made = read_facts(connection)
    with psycopg.connect(restored_url) as connection:
        restored = read_facts(connection)
    properties = {fact.title: fact.properties for fact in made.facts}
    respelt = [fact for fact in restored.facts if fact.properties != properties.get(fact.title, fact.properties)]
    lines: Iterable[msgspec.Struct] = [made.origin, *sorted([*made.facts, *respelt], key=_by_title)]
    return "".join(msgspec.json.encode(line, order="deterministic").decode() + "\n" for line in lines)


def load_facts(file: Path = FACTS) -> Facts:
    """The facts that a file holds. Raises CannotCompareError where there is none that can be read."""
    try:
        first, *rest = file.read_bytes().splitlines()
        origin = msgspec.json.decode(first, type=Origin)
        return Facts(origin, [msgspec.json.decode(line, type=Fact) for line in rest])
    except (OSError, ValueError) as error:
        raise CannotCompareError(f"what the migrations make cannot be read from {file.name}: {error}") from None
