"""The database as a document: a diagram, every table with what belongs to it, types, functions and roles."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, TypeVar

import psycopg
from psycopg.rows import TupleRow

from service import markdown
from service.catalogue import (
    COLUMNS,
    CONSTRAINTS,
    ENUMS,
    FUNCTIONS,
    INDEXES,
    POLICIES,
    PRIVILEGES,
    ROLES,
    TABLES,
    TRIGGERS,
    Column,
    Constraint,
    Function,
    Privilege,
    Table,
    read,
)
from service.personal_data import personal_data

T = TypeVar("T")

_SHORT_TYPES = {"timestamp with time zone": "timestamptz", "character varying": "varchar"}


def schema_page(connection: psycopg.Connection[TupleRow]) -> str:
    """The database as it is: a diagram, then every table, type, function and role."""
    tables = read(connection, TABLES)
    columns = _by_table(read(connection, COLUMNS))
    constraints = _by_table(read(connection, CONSTRAINTS))
    indexes = _by_table(read(connection, INDEXES))
    policies = _by_table(read(connection, POLICIES))
    triggers = _by_table(read(connection, TRIGGERS))
    privileges = _by_table(read(connection, PRIVILEGES))
    parts = ["## Diagram", _diagram(tables, columns, constraints), "## Tables"]
    for table in tables:
        mine = constraints.get(table.name, [])
        parts += [
            f"### {table.title}",
            table.comment or "",
            markdown.table(
                ("column", "type", "rule", "class", "what it is"),
                [_column(each, mine) for each in columns[table.name]],
            ),
            markdown.table(
                ("constraint", "rule", "sentence"),
                [(f"`{each.name}`", f"`{each.definition}`", each.sentence or "") for each in mine],
            ),
            markdown.table(
                ("policy", "verb", "for", "who"),
                [
                    (f"`{each.name}`", each.verb, markdown.codes(each.roles), each.comment or "")
                    for each in policies.get(table.name, [])
                ],
            ),
            markdown.listing("Privileges", [_privilege(each) for each in privileges.get(table.name, [])]),
            markdown.listing("Indexes", [f"`{each.definition}`" for each in indexes.get(table.name, [])]),
            markdown.listing(
                "Triggers", [f"`{each.name}` runs `{each.function}`" for each in triggers.get(table.name, [])]
            ),
        ]
    return markdown.document(
        "The schema",
        "The database as `sql/init` and the migrations make it; what it is for and how to change it says "
        "[database.md](database.md). A constraint's sentence is what the API answers when it is violated. A column's "
        "class is the last word of its comment: [what they mean](#personal-data).",
        *parts,
        *personal_data(tables, columns),
        "## Types",
        markdown.table(
            ("type", "labels", "meaning"),
            [(f"`{each.name}`", markdown.codes(each.labels), each.comment or "") for each in read(connection, ENUMS)],
        ),
        "## Functions",
        "All in schema `homelog`. A definer acts with its owner's rights; “API” are those that the service may call.",
        markdown.table(
            ("function", "returns", "", "what it does"),
            [_function(each) for each in read(connection, FUNCTIONS)],
        ),
        "## Roles",
        markdown.table(
            ("role", "logs in", "acts as", "settings", "who it is"),
            [
                (
                    f"`{each.name}`",
                    "yes" if each.can_log_in else "no",
                    markdown.codes(each.member_of),
                    markdown.codes(each.settings),
                    each.comment or "",
                )
                for each in read(connection, ROLES)
            ],
        ),
    )


# Parts of a document


def _diagram(
    tables: Sequence[Table],
    columns: Mapping[str, Sequence[Column]],
    constraints: Mapping[str, Sequence[Constraint]],
) -> str:
    lines = ["```mermaid", "erDiagram"]
    for table in tables:
        optional = {each.name for each in columns[table.name] if not each.is_required}
        for key in constraints.get(table.name, []):
            if key.kind == "f":
                one = "|o" if optional.intersection(key.columns) else "||"
                alone = any(each.kind in "pu" and each.columns == key.columns for each in constraints[table.name])
                many = "o|" if alone else "o{"
                lines.append(f"    {key.referenced} {one}--{many} {table.name} : {'_'.join(key.columns)}")
    for table in tables:
        keys = constraints.get(table.name, [])
        lines.append(f"    {table.name} {{")
        for column in columns[table.name]:
            marks = [
                mark
                for kind, mark in (("p", "PK"), ("f", "FK"), ("u", "UK"))
                if any(each.kind == kind and column.name in each.columns for each in keys)
            ]
            lines.append(f"        {_type(column).replace(' ', '_')} {column.name} {', '.join(marks)}".rstrip())
        lines.append("    }")
    return "\n".join([*lines, "```"])


def _column(column: Column, constraints: Sequence[Constraint]) -> tuple[str, ...]:
    rules = []
    if any(each.kind == "p" and column.name in each.columns for each in constraints):
        rules.append("key")
    elif not column.is_required:
        rules.append("null")
    if column.default_value is not None:
        rules.append(f"default `{column.default_value}`")
    return f"`{column.name}`", f"`{_type(column)}`", ", ".join(rules), column.data_class or "", column.comment or ""


def _type(column: Column) -> str:
    said = column.type
    for long, short in _SHORT_TYPES.items():
        said = said.replace(long, short)
    return said


def _privilege(privilege: Privilege) -> str:
    columns = f" ({', '.join(privilege.columns)})" if privilege.columns else ""
    return f"`{privilege.role}`: {privilege.verb}{columns}"


def _function(function: Function) -> tuple[str, ...]:
    marks = [mark for mark, holds in (("definer", function.is_definer), ("API", function.is_for_api)) if holds]
    call = f"`{function.name}({function.arguments})`"
    return call, f"`{function.result}`", ", ".join(marks), function.comment or ""


def _by_table(items: Iterable[T]) -> dict[str, list[T]]:
    """What belongs to each table; the query has put a table's own beside each other."""

    def table(item: Any) -> str:
        name: str = item.of_table
        return name

    return {name: list(own) for name, own in groupby(items, table)}
