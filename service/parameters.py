"""Query parameters as their clients spell them: a handler's argument may have another name."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from litestar.handlers import BaseRouteHandler
from litestar.params import ParameterKwarg

INSTANT = "An instant is RFC 3339 with a zone, such as 2026-03-01T07:00:00Z; a + is sent as %2B."


class Parameter(NamedTuple):
    """A query parameter: the handler's argument, its name in the query, and its type."""

    argument: str
    name: str
    annotation: Any


def parameters_of(handler: BaseRouteHandler) -> Iterator[Parameter]:
    """The query parameters that a route takes."""
    for argument, field in handler.parsed_fn_signature.parameters.items():
        if isinstance(field.kwarg_definition, ParameterKwarg):
            yield Parameter(argument, field.kwarg_definition.name or argument, field.annotation)
