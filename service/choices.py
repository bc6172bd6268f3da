"""The values of a closed set, for whoever sent one that is none of them."""

from collections.abc import Iterator
from enum import Enum
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from msgspec import Struct
from msgspec.structs import fields


def choices(annotation: Any, path: tuple[str, ...] = ()) -> list[str]:
    """The values that a type takes at a path of fields and places, in their order; none where it is no closed set."""
    return [str(value) for each in _types_at(annotation, path) for value in _values(each)]


def has_fields(annotation: Any, path: tuple[str, ...] = ()) -> bool:
    """Whether a type takes an object of fields of its own at a path of fields and places."""
    return any(_is_struct(each) for each in _types_at(annotation, path))


def _types_at(annotation: Any, path: tuple[str, ...]) -> Iterator[Any]:
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _types_at(inside[0], path)
    elif origin in {Union, UnionType}:
        for each in inside:
            yield from _types_at(each, path)
    elif not path:
        yield annotation
    elif origin is list:
        yield from _types_at(inside[0], path[1:])
    elif _is_struct(annotation) and path[0] in (taken := _fields_of(annotation)):
        yield from _types_at(taken[path[0]], path[1:])


def _values(annotation: Any) -> Iterator[Any]:
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        yield from (member.value for member in annotation)
    elif get_origin(annotation) is Literal:
        yield from get_args(annotation)


def _is_struct(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Struct)


# By our types alone: what a client calls its fields is kept nowhere.
@cache
def _fields_of(struct: type[Struct]) -> dict[str, Any]:
    return {each.encode_name: each.type for each in fields(struct)}
