"""From refusals to answers: the only place that knows which kind has which status and code."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import structlog
from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from kcardswap.api.context import runtime
from kcardswap.api.envelope import failure
from kcardswap.api.limits import Window, remember
from kcardswap.api.schemas.base import to_json_time
from kcardswap.domain import errors
from kcardswap.domain.errors import Refusal, WriteConflict

log = structlog.get_logger(__name__)
RETRY_AFTER_SECONDS = "1"


class Public(NamedTuple):
    """How a kind of refusal looks from outside."""

    status: int
    code: str


KINDS: dict[type[Refusal], Public] = {
    errors.ValidationFailed: Public(400, "400_VALIDATION_FAILED"),
    errors.InvalidRequest: Public(400, "400_INVALID_REQUEST"),
    errors.TokenExpired: Public(401, "401_TOKEN_EXPIRED"),
    errors.Unauthorized: Public(401, "401_UNAUTHORIZED"),
    errors.Blocked: Public(403, "403_BLOCKED"),
    errors.Forbidden: Public(403, "403_FORBIDDEN"),
    errors.NotFound: Public(404, "404_NOT_FOUND"),
    errors.Conflict: Public(409, "409_CONFLICT"),
    errors.PayloadTooLarge: Public(413, "413_PAYLOAD_TOO_LARGE"),
    errors.UnsupportedMediaType: Public(415, "415_UNSUPPORTED_MEDIA_TYPE"),
    errors.InvalidState: Public(422, "422_INVALID_STATE"),
    errors.RateLimited: Public(429, "429_RATE_LIMIT_EXCEEDED"),
    errors.LimitExceeded: Public(422, "422_LIMIT_EXCEEDED"),
    errors.Unavailable: Public(503, "503_SERVICE_UNAVAILABLE"),
}

HTTP_CODES = {
    400: "400_VALIDATION_FAILED",
    404: "404_NOT_FOUND",
    405: "405_METHOD_NOT_ALLOWED",
    413: "413_PAYLOAD_TOO_LARGE",
    415: "415_UNSUPPORTED_MEDIA_TYPE",
}


def public_kind(refusal: type[Refusal]) -> Public:
    """Return status and code of a refusal class: those of its nearest ancestor in the table."""
    return next(KINDS[kind] for kind in refusal.__mro__ if kind in KINDS)


def answer_refusal(refusal: Refusal) -> Response:
    """Return the answer a refusal leads to, with the headers its status asks for."""
    status, code = public_kind(type(refusal))
    answer = failure(code, str(refusal), _plain(refusal.details), status)
    if status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    elif isinstance(refusal, errors.RateLimited):
        _remember(refusal)
        answer.headers["Retry-After"] = str(_seconds_until(refusal.details.get("reset_at")))
    elif status == 503 or refusal.reason == "in_progress":
        answer.headers["Retry-After"] = RETRY_AFTER_SECONDS
    return answer


def _remember(refusal: errors.RateLimited) -> None:
    """Let the headers of the answer show the limit that refused, whoever counted it."""
    details = refusal.details
    limit, reset_at = details["limit_value"], details["reset_at"]
    if isinstance(limit, int) and isinstance(reset_at, datetime):
        remember(Window(limit, 0, reset_at))


def _seconds_until(moment: object) -> int:
    if not isinstance(moment, datetime):
        return int(RETRY_AFTER_SECONDS)
    return max(1, math.ceil((moment - runtime().clock.now()).total_seconds()))


def _plain(details: Mapping[str, object]) -> dict[str, Any]:
    return {
        name: to_json_time(value) if isinstance(value, datetime) else value for name, value in details.items()
    }


def answer_http_error(error: HTTPException) -> Response:
    """Return an error of the web framework (unknown path, method, size) in the envelope."""
    status = error.code or 500
    if status < 400:
        return Response(status=status, headers=dict(error.get_headers()))
    details: dict[str, Any] = {}
    if status == 404:
        details = {"resource_type": "path"}
    elif status == 413:
        details = {"max_bytes": runtime().settings.request_max_json_bytes}
    elif status == 400:
        details = {"errors": [{"field": "", "message": error.description, "type": "invalid"}]}
    code = HTTP_CODES.get(status, f"{status}_ERROR")
    answer = failure(code, error.description or error.name, details, status)
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after", "www-authenticate"):
            answer.headers[name] = value
    return answer


def answer_crash(error: Exception) -> Response:
    """Return the answer to a bug, which is logged with its traceback and told to nobody else."""
    log.exception("request_crashed", error=type(error).__name__)
    return failure("500_INTERNAL_ERROR", "Something went wrong on our side.", {}, 500)


def answer_write_conflict(error: WriteConflict) -> Response:
    """Return the answer when repeating a unit of work did not help: the caller may try again."""
    return answer_refusal(errors.Unavailable("database"))


def register_error_handlers(app: Flask) -> None:
    """Make every failure of ``app`` leave in the one envelope."""
    app.register_error_handler(Refusal, answer_refusal)
    app.register_error_handler(WriteConflict, answer_write_conflict)
    app.register_error_handler(HTTPException, answer_http_error)
    app.register_error_handler(Exception, answer_crash)
