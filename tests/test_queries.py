"""The contract of every queries.sql: what PostgreSQL answers is what the struct says, in its order."""

import ast
import importlib
import pkgutil
import re
import types
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import asyncpg
import msgspec
import pytest

import service
from service import sqlfile
from service.embedded import EmbeddedPostgres
from service.reference.structs import REFERENCE
from service.sqlfile import Query

SERVICE = Path(service.__file__).parent
FILES = sorted(SERVICE.rglob("*.sql"))
MODULES = sorted(SERVICE.rglob("*.py"))

# A query is bound when its module is imported.
for module in pkgutil.walk_packages(service.__path__, "service."):
    if module.name != "service.__main__":
        importlib.import_module(module.name)

# The extended protocol prepares no transaction control.
NOT_PREPARED = {"service:begin_read", "service:begin_write", "service:commit", "service:rollback"}
PREPARED = sorted(sqlfile.ALL.keys() - NOT_PREPARED)

# Which Python type a column of each type comes as; enums and arrays are made out apart.
PYTHON: dict[str, set[Any]] = {
    "bool": {bool},
    "bytea": {bytes},
    "citext": {str},
    "date": {date},
    "float8": {float},
    "int4": {int},
    "int8": {int},
    "interval": {timedelta},
    "jsonb": {dict, list},
    "pg_snapshot": {tuple},
    "text": {str},
    "timestamptz": {datetime},
    "uuid": {UUID},
    "varchar": {str},
    "xid8": {int},
}


@pytest.fixture(scope="module")
async def api(server: EmbeddedPostgres, template: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the service has it, to a database with the whole schema."""
    name = "homelog_contract"
    admin = await asyncpg.connect(server.url(server.superuser, "postgres"))
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    connection = await asyncpg.connect(server.url("homelog_api", name))
    yield connection
    await connection.close()
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.mark.parametrize("name", PREPARED)
async def test_a_query_answers_the_columns_of_its_struct(api: asyncpg.Connection, name: str) -> None:
    query = sqlfile.ALL[name]
    columns = (await api.prepare(query.sql)).get_attributes()
    if query.struct is type(None):
        return
    fields = fields_of(query)
    ahead, columns = columns[: len(columns) - len(fields)], columns[len(columns) - len(fields) :]
    # Transaction.create(), .change() and .each() take the first columns for themselves.
    assert [(column.name, column.type.name) for column in ahead] in (
        [],
        [("place", "int8")],
        [("verdict", "text")],
        [("may", "bool"), ("fresh", "bool")],
    )
    if issubclass(query.struct, msgspec.Struct):
        assert [column.name for column in columns] == [field for field, _ in fields]
    labels = await enum_labels(api)
    wrong = [
        f"{column.name} is {column.type.name}, {field} is {kind}"
        for column, (field, kind) in zip(columns, fields, strict=True)
        if not fits(column.type, kind, labels)
    ]
    assert not wrong


def fields_of(query: Query[Any]) -> list[tuple[str, Any]]:
    """Names and types of what a row becomes, None and metadata stripped."""
    if issubclass(query.struct, msgspec.Struct):
        hints = get_type_hints(query.struct, include_extras=True)
        return [(field, bare(hints[field])) for field in query.struct.__struct_fields__]
    return [("the value", query.struct)]


def bare(kind: Any) -> Any:
    """A type without its metadata and without None."""
    if get_origin(kind) is Annotated:
        return bare(get_args(kind)[0])
    if get_origin(kind) in {Union, types.UnionType}:
        (only,) = (each for each in get_args(kind) if each is not type(None))
        return bare(only)
    return kind


def fits(column: asyncpg.Type, kind: Any, labels: dict[str, tuple[str, ...]]) -> bool:
    """Whether a value of the column is a value of the type."""
    if column.name.endswith("[]"):
        element = column._replace(name=column.name.removesuffix("[]"))
        return get_origin(kind) is list and fits(element, bare(get_args(kind)[0]), labels)
    if column.name in labels:
        return get_origin(kind) is Literal and get_args(kind) == labels[column.name]
    if column.name == "record":
        # A row within the row; what is in it PostgreSQL says only with the row itself.
        return isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    if get_origin(kind) is Literal:
        return str in PYTHON[column.name] and all(isinstance(each, str) for each in get_args(kind))
    return (get_origin(kind) or kind) in PYTHON.get(column.name, ())


async def enum_labels(api: asyncpg.Connection) -> dict[str, tuple[str, ...]]:
    """The labels of each enum type in their order."""
    rows = await api.fetch(
        "SELECT enumtypid::regtype::text AS name, array_agg(enumlabel::text ORDER BY enumsortorder) AS labels"
        " FROM pg_enum GROUP BY 1"
    )
    return {row["name"]: tuple(row["labels"]) for row in rows}


@pytest.mark.parametrize(
    ("column", "kind", "so"),
    [
        ("uuid", UUID, True),
        ("uuid", str, False),
        ("text", str, True),
        ("text", int, False),
        ("int4", float, False),
        ("float8", int, False),
        ("numeric", float, False),
        ("timestamp", datetime, False),
        ("jsonb", dict[str, Any], True),
        ("uuid[]", list[UUID], True),
        ("uuid[]", list[str], False),
        ("uuid[]", UUID, False),
        ("mood", Literal["good", "bad"], True),
        ("mood", Literal["good"], False),
        ("mood", Literal["bad", "good"], False),
        ("mood", str, False),
        ("mood[]", list[Literal["good", "bad"]], True),
        ("text", Literal["good"], True),
        ("int4", Literal["good"], False),
    ],
)
def test_the_contract_tells_types_apart(column: str, kind: Any, so: bool) -> None:
    asked = asyncpg.Type(0, column, "scalar", "pg_catalog")
    assert fits(asked, kind, {"mood": ("good", "bad")}) is so


def test_a_struct_field_is_stripped_of_none_and_metadata() -> None:
    assert bare(Annotated[str, msgspec.Meta(max_length=1)] | None) is str
    assert bare(list[int] | None) == list[int]


def test_every_block_is_bound() -> None:
    written = {f"{file.parent.name}:{name}" for file in FILES for name in sqlfile.blocks(file)}
    assert written == sqlfile.ALL.keys()


def test_every_bound_query_is_asked() -> None:
    bound: dict[str, str] = {}
    loads: Counter[str] = Counter()
    for file in MODULES:
        tree = ast.parse(file.read_text("utf-8"))
        for node in tree.body:
            if isinstance(node, ast.Assign) and "_bind(" in ast.unparse(node.value):
                bound |= {target.id: file.name for target in node.targets if isinstance(target, ast.Name)}
        loads.update(
            node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        )
    assert bound
    assert not [name for name in bound if not loads[name]]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_every_parameter_is_explained_above_its_block(file: Path) -> None:
    blocks = {name: (said, sql) for name, said, sql in sqlfile._BLOCK.findall(file.read_text("utf-8"))}
    wrong = []
    for name, (said, sql) in blocks.items():
        # "As list_plants, and $6 the home": what another block says holds here too.
        told = {each for other, (more, _) in blocks.items() if re.search(rf"\b{other}\b", said) for each in marks(more)}
        if missing := marks(without_comments(sql)) - marks(said) - told:
            wrong.append(f"{name} does not say what {', '.join(sorted(missing))} is")
        if excess := marks(said) - marks(without_comments(sql)):
            wrong.append(f"{name} explains {', '.join(sorted(excess))}, which it does not take")
        if not said and marks(sql):
            wrong.append(f"{name} has no comment")
    assert not wrong


def marks(text: str) -> set[str]:
    return set(re.findall(r"\$\d+", text))


def without_comments(sql: str) -> str:
    return re.sub(r"--[^\n]*|/\*.*?\*/", "", sql, flags=re.DOTALL)


# A statement, not prose: the keywords in upper case, or a whole clause in any case.
STATEMENT = re.compile(
    r"\A\s*(SELECT|INSERT|UPDATE|DELETE|MERGE|WITH|COPY|CALL|TRUNCATE|CREATE|ALTER|DROP|GRANT|REVOKE|SET|RESET|SHOW"
    r"|BEGIN(?!:)|COMMIT|ROLLBACK|LOCK|LISTEN|NOTIFY|VACUUM|ANALYZE|EXPLAIN|DO)\b(?=.*\w)"
    r"|(?i:\bselect\b.+\bfrom\b|\binsert\s+into\b|\bupdate\s+\S+\s+set\b|\bdelete\s+from\b)",
    re.DOTALL,
)

# Where a statement stands in Python, and why. All else is in a queries.sql.
IN_PYTHON = {
    "backup/contents.py": "names tables that only the catalogue knows",
    "backup/dump.py": "begins the transaction whose snapshot is dumped, and its lock",
    "backup/restoring.py": "makes and renames databases, whose names are no parameters",
    "migrations/backend.py": "makes the schema, as other roles and through psycopg",
    "migrations/baseline.py": "asks whether there is a schema at all, through psycopg",
    "migrations/connection.py": "asks whether there is a schema at all, through psycopg",
    "migrations/files.py": "looks for statements in migrations",
    "migrations/history.py": "asks what was applied, in a schema of any age, through psycopg",
    "migrations/rehearsal.py": "prints the statements that a run would send",
    "migrations/runner.py": "makes the schema, as other roles and through psycopg",
    "migrations/snapshot.py": "makes the database of which it takes the snapshot",
    "migrations/statements.py": "looks for statements in migrations",
    "target.py": "makes the embedded server's database before there is one to keep queries in",
}


def test_no_sql_stands_in_a_python_string() -> None:
    found = {file.relative_to(SERVICE).as_posix(): list(statements(file)) for file in MODULES}
    wrong = {name: texts for name, texts in found.items() if texts and name not in IN_PYTHON}
    assert not wrong
    assert not [name for name in IN_PYTHON if not found.get(name)], "an exception that nothing needs"


def statements(file: Path) -> Iterator[str]:
    """The strings of a module that look like SQL; docstrings are prose."""
    tree = ast.parse(file.read_text("utf-8"))
    prose = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in prose:
            continue
        if isinstance(node.value, str) and STATEMENT.search(node.value):
            yield f"{node.lineno}: {node.value}"


@pytest.mark.parametrize(
    ("text", "so"),
    [
        ("SELECT 1", True),
        ("  UPDATE homes", True),
        ("select id from homes", True),
        ("insert into homes values (1)", True),
        ("COPY (SELECT 1) TO STDOUT", True),
        ("Select what to change.", False),
        ("UPDATED", False),
        ("BEGIN:VEVENT", False),
        ("Delete a home; its sources stay.", False),
        ("WITH", False),
        ("Set it to null.", False),
    ],
)
def test_a_statement_is_told_from_prose(text: str, so: bool) -> None:
    assert bool(STATEMENT.search(text)) is so


async def test_the_reference_says_every_enum_of_the_database(api: asyncpg.Connection) -> None:
    said = {name: tuple(entry.value for entry in getattr(REFERENCE, name)) for name in REFERENCE.__struct_fields__}
    assert said == await enum_labels(api)
