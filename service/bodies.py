"""Request bodies, decoded strictly: the declared media type, valid UTF-8, the exact types, no unknown field."""

from functools import cache
from typing import Any, ClassVar

import msgspec
from litestar.dto import AbstractDTO
from litestar.typing import FieldDefinition

from service.problems import Problem, wrong_value


class StrictBody(AbstractDTO[Any]):
    """Decodes the `data` of a handler by its annotation, in place of Litestar's lenient decoder.

    Litestar reads "5" as an integer and takes JSON under any media type. What is wrong with a body is kept until the
    caller is known: somebody who is not signed in learns that first.
    """

    annotations: ClassVar[dict[str, Any]] = {}

    @classmethod
    def create_for_field_definition(
        cls,
        field_definition: FieldDefinition,
        handler_id: str,
        backend_cls: Any = None,  # noqa: ARG003 - we have no backend
    ) -> None:
        """Note what a handler takes."""
        if field_definition.name == "data":
            cls.annotations[handler_id] = field_definition.annotation

    @classmethod
    def create_openapi_schema(
        cls,
        field_definition: FieldDefinition,
        handler_id: str,  # noqa: ARG003 - the annotation says all
        schema_creator: Any,
    ) -> Any:
        """Describe the annotation itself, no model made of it."""
        return schema_creator.for_field_definition(field_definition)

    @classmethod
    def generate_field_definitions(cls, model_type: Any) -> Any:  # noqa: ARG003
        """Nothing: msgspec knows the fields."""
        return ()

    @classmethod
    def detect_nested_field(cls, field_definition: FieldDefinition) -> bool:  # noqa: ARG003
        """Nothing is nested for a transfer that does not happen."""
        return False

    def decode_bytes(self, value: bytes) -> Any:
        """The body as the handler's annotation, None with a note of what is wrong with it."""
        connection = self.asgi_connection
        try:
            if connection.headers.get("content-encoding", "identity").strip().lower() != "identity":
                raise Problem("unsupported_media_type", "This call takes no Content-Encoding.")
            refuse_media_type(connection.headers.get("content-type"), "application/json")
            return decode(value, self.annotations[connection.route_handler.handler_id])
        except Problem as problem:
            # Without what led to it, which holds the body and the scope: they would be kept until the next collection.
            problem.__context__ = problem.__traceback__ = None
            connection.scope["homelog.wrong_body"] = problem  # type: ignore[typeddict-unknown-key]
            return None


def refuse_media_type(content_type: str | None, *taken: str) -> str:
    """The media type of a body if it is one of `taken`, else 415. A charset other than UTF-8 is none."""
    media_type, _, parameters = (content_type or "").partition(";")
    media_type = media_type.strip().lower()
    charset = parameters.lower().replace(" ", "").replace('"', "")
    if media_type not in taken or ("charset=" in charset and "charset=utf-8" not in charset):
        raise Problem("unsupported_media_type", f"Send {' or '.join(taken)} in UTF-8.")
    return media_type


@cache
def _decoder(annotation: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(annotation, strict=True)


def decode(body: bytes, annotation: Any) -> Any:
    """A JSON body as `annotation`; 400 for what is no JSON, 422 with a pointer for what does not fit."""
    try:
        return _decoder(annotation).decode(body)
    except msgspec.ValidationError as error:
        wrong = wrong_value(error, annotation)
        raise Problem.at(wrong.pointer, wrong.detail) from None
    except msgspec.DecodeError as error:
        raise Problem("unreadable", f"The body is no valid JSON: {error}.") from None
    except UnicodeDecodeError:
        raise Problem("unreadable", "The body is not valid UTF-8.") from None
    except RecursionError:
        raise Problem("unreadable", "The body is nested too deeply.") from None
