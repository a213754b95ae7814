"""Reading bodies and queries, strictly."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from flask import Request
from marshmallow import Schema, ValidationError
from webargs.flaskparser import FlaskParser

from kcardswap.api.context import runtime
from kcardswap.api.forms import read_form
from kcardswap.api.schemas.base import refuse_unstorable
from kcardswap.domain.errors import PayloadTooLarge, Refusal, UnsupportedMediaType, ValidationFailed

MAX_DEPTH = 20


class RequestInvalid(ValidationFailed):
    """One or more fields of the request are not what the contract says."""

    def __init__(self, errors: list[dict[str, str]]) -> None:
        Refusal.__init__(self, errors=errors)


class RequestParser(FlaskParser):
    """Parses requests and refuses defects in the envelope's terms."""

    DEFAULT_VALIDATION_STATUS = 400

    def load_json(self, req: Request, schema: Schema) -> Any:
        """Return the body as an object; no body is an empty one.

        :raises UnsupportedMediaType: a body that does not call itself JSON.
        :raises ValidationFailed: not one JSON object, not UTF-8, too deep, or with numbers that are none.
        """
        return read_json_object(req)

    def load_querystring(self, req: Request, schema: Schema) -> Any:
        """Return the query parameters; text PostgreSQL cannot store is refused.

        :raises ValidationFailed: a value holds NUL.
        """
        for name, values in req.args.lists():
            if any("\x00" in value for value in values):
                raise ValidationFailed(name, "Contains a character that cannot be stored.")
        return super().load_querystring(req, schema)

    def load_files(self, req: Request, schema: Schema) -> Any:
        """Return the fields of the multipart form in the body, as ``read_form`` does."""
        return read_form(req)

    def handle_error(self, error: ValidationError, *args: Any, **kwargs: Any) -> NoReturn:
        """Turn the defects marshmallow found into one refusal that lists them all."""
        messages = error.messages if isinstance(error.messages, dict) else {"": error.messages}
        # webargs nests the messages under the location.
        defects = [defect for found in messages.values() for defect in flattened(found, "")]
        raise RequestInvalid(defects) from error


def flattened(messages: Any, field: str) -> Iterator[dict[str, str]]:
    """Yield what marshmallow found wrong below ``field``, one defect after the other."""
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            step = name if isinstance(name, str) and name != "_schema" else str(name)
            path = field if name == "_schema" else f"{field}.{step}" if field else step
            yield from flattened(inner, path)
        return
    for message in messages if isinstance(messages, list) else [messages]:
        yield {"field": field, "message": str(message), "type": _kind(str(message))}


def _kind(message: str) -> str:
    if message.startswith("Missing data"):
        return "required"
    return "null" if message.startswith("Field may not be null") else "invalid"


def read_json_object(req: Request) -> dict[str, Any]:
    """Return the JSON object in the body of ``req``, by the rules of ``RequestParser.load_json``."""
    body = req.get_data(cache=True)
    limit = runtime().settings.request_max_json_bytes
    if len(body) > limit:
        raise PayloadTooLarge(limit)
    if not body:
        return {}
    if req.mimetype != "application/json":
        raise UnsupportedMediaType()
    try:
        value = json.loads(body.decode(), parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise ValidationFailed("", "The body is not valid JSON.", "json") from error
    if not isinstance(value, dict):
        raise ValidationFailed("", "The body must be a JSON object.", "json")
    _refuse_depth(value)
    # Only an escape can bring in what JSON does not take literally.
    if rb"\u" in body:
        _refuse_unstorable(value, "")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("number out of range")
    return number


def _refuse_unstorable(value: Any, field: str) -> None:
    try:
        if isinstance(value, str):
            refuse_unstorable(value)
        elif isinstance(value, dict):
            for key, inner in value.items():
                refuse_unstorable(key)
                _refuse_unstorable(inner, f"{field}.{key}" if field else key)
        elif isinstance(value, list):
            for number, inner in enumerate(value):
                _refuse_unstorable(inner, f"{field}.{number}" if field else str(number))
    except ValidationError as error:
        raise ValidationFailed(field, str(error)) from error


def _refuse_depth(value: Any) -> None:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise ValidationFailed("", f"At most {MAX_DEPTH} levels deep.", "json")
