"""The one shape of every body: data, meta and error."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from flask import Response, current_app


class Answer(NamedTuple):
    """What a view answers when it has more to say than the data: a meta object, another status, headers."""

    data: Any
    meta: Mapping[str, Any] | None = None
    status: int | None = None
    headers: Mapping[str, str] | None = None


def success(data: Any, meta: Mapping[str, Any] | None, status: int) -> Response:
    """Return the answer to a request that worked."""
    return _json({"data": data, "meta": meta, "error": None}, status)


def failure(code: str, message: str, details: Mapping[str, Any], status: int) -> Response:
    """Return the answer to a request that was refused or broke."""
    error = {"code": code, "message": message, "details": details}
    return _json({"data": None, "meta": None, "error": error}, status)


def _json(body: Mapping[str, Any], status: int) -> Response:
    return Response(current_app.json.dumps(body), status, mimetype="application/json")
