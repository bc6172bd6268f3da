"""The values of a closed set, for whoever sent one that is none of them."""

from collections.abc import Iterable
from enum import Enum
from functools import lru_cache
from itertools import chain
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from msgspec import Struct
from msgspec.structs import fields


@lru_cache(256)
def choices(annotation: Any, path: tuple[str, ...] = ()) -> list[str]:
    """The values that a type takes at a path of fields and places, in their order; none where it is no closed set."""
    return [str(value) for value in _choices(annotation, path)]


def _choices(annotation: Any, path: tuple[str, ...]) -> Iterable[Any]:
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _choices(inside[0], path)
    if origin in {Union, UnionType}:
        return chain.from_iterable(_choices(each, path) for each in inside)
    if not path:
        is_enum = isinstance(annotation, type) and issubclass(annotation, Enum)
        return (member.value for member in annotation) if is_enum else inside if origin is Literal else ()
    if origin is list:
        return _choices(inside[0], path[1:])
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        return chain.from_iterable(_choices(each.type, path[1:]) for each in fields(annotation) if each.name == path[0])
    return ()
