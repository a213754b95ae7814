"""How an operation is carried out: limits, authentication, repetition, one answer."""

import re
from collections.abc import Callable, Mapping
from functools import wraps
from io import BytesIO
from typing import Any
from urllib.parse import quote_from_bytes

import flask
from flask import Response, current_app, g, request
from marshmallow import ValidationError
from werkzeug.routing import UnicodeConverter

from kcardswap.api.auth import JSON, SAFE_METHODS, Access, authenticate, identify, is_internal
from kcardswap.api.context import caller, runtime
from kcardswap.api.forms import MULTIPART, read_form
from kcardswap.api.limits import RateLimits, caller_address
from kcardswap.api.parser import read_json_object
from kcardswap.api.schemas.base import parse_id, refuse_unstorable
from kcardswap.domain.errors import Refusal, ValidationFailed
from kcardswap.runtime import retrying
from kcardswap.services import idempotency
from kcardswap.services.idempotency import KeptAnswer

View = Callable[..., Response]

ASCII = bytes(range(128))
READERS: dict[str, Callable[[flask.Request], Mapping[str, Any]]] = {
    JSON: read_json_object,
    MULTIPART: read_form,
}
"""How bodies are read, by the content type an operation takes."""
KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)


def guarded(view: View, *, access: Access, limit: str | None, keyed: bool, content_type: str = JSON) -> View:
    """Return ``view`` behind rate limits and authentication; it is repeated when the database asks for it."""

    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Response:
        # One byte more than allowed: at the very limit the framework cannot tell a whole body from a cut one.
        request.max_content_length = runtime().settings.request_max_json_bytes + 1
        _admit(access, limit, content_type)
        parsed = _parsed_path(kwargs)
        body = {} if request.method in SAFE_METHODS else READERS[content_type](request)

        def carry_out() -> Response:
            return view(*args, **parsed)

        key = request.headers.get("Idempotency-Key")
        if keyed and key is not None:
            answer: Response = retrying(lambda: _once(key, body, carry_out))
        else:
            answer = retrying(carry_out)
        return answer

    return wrapper


def _admit(access: Access, limit: str | None, content_type: str) -> None:
    limits: RateLimits = current_app.extensions["rate_limits"]
    if access is Access.ANYBODY:
        limits.count("requests_per_ip", caller_address())
        return
    if access is Access.ADMIN_OR_INTERNAL and is_internal():
        limits.count("requests_per_ip", caller_address())
        return
    try:
        claims = identify(access)
    except Refusal:
        limits.count("requests_per_ip", caller_address())
        raise
    if claims is None:
        limits.count("requests_per_ip", caller_address())
    else:
        limits.count("requests_per_user", str(claims.get("sub")))
    authenticate(claims, access, content_type=content_type)
    if limit is not None:
        limits.count(limit, str(caller().user_id))


class Request(flask.Request):
    """A request whose query may hold any bytes: those that are not ASCII count as percent-encoded."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Decoding them strictly, as the framework does, would break on the first that is no UTF-8.
        self.query_string = quote_from_bytes(self.query_string, safe=ASCII).encode()

    def _get_file_stream(self, *args: Any, **kwargs: Any) -> BytesIO:
        # Forms are bounded and read as a whole, so their files need no place on the disk.
        return BytesIO()


class PathId(str):
    """An id as it stands in a path, not parsed yet."""


class IdConverter(UnicodeConverter):
    """An id in a path. It takes any text, so that a malformed id is a bad request and no unknown path."""

    def to_python(self, value: str) -> PathId:
        """Mark the text as one that has to be an id."""
        return PathId(value)


def _parsed_path(path: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a path, ids parsed.

    :raises ValidationFailed: a malformed id, or text PostgreSQL cannot store.
    """
    parsed = dict(path)
    for name, value in path.items():
        try:
            if isinstance(value, PathId):
                parsed[name] = parse_id(value)
            elif isinstance(value, str):
                refuse_unstorable(value)
        except (ValueError, ValidationError) as error:
            raise ValidationFailed(name, str(error)) from error
    return parsed


def _once(key: str, body: Mapping[str, Any], carry_out: Callable[[], Response]) -> Response:
    """Carry out a keyed request in one transaction with its key, or answer what it was answered before."""
    if not KEY.fullmatch(key):
        raise ValidationFailed("Idempotency-Key", "1 to 255 visible ASCII characters.")
    row_id = runtime().new_id()
    refusal: Refusal | None = None
    with runtime().database.transaction() as connection:
        kept = idempotency.claim(
            connection,
            id=row_id,
            user_id=caller().user_id,
            key=key,
            fingerprint=idempotency.fingerprint(request.method, request.path, body),
            now=runtime().clock.now(),
            lifetime=runtime().settings.idempotency_lifetime,
        )
        if kept is not None:
            return _replayed(kept)
        g.transaction, g.afterwards = connection, []
        try:
            answer = carry_out()
        except Refusal as error:
            # What a service committed before refusing (an expired trade, for instance) stays; the key
            # goes back.
            refusal = error
        finally:
            afterwards = g.pop("afterwards")
            del g.transaction
        if refusal is None and answer.status_code < 300:
            idempotency.keep(
                connection, id=row_id, answer=KeptAnswer(answer.status_code, answer.get_data(True))
            )
        else:
            idempotency.release(connection, id=row_id)
    for work in afterwards:
        work()
    if refusal is not None:
        raise refusal
    return answer


def _replayed(kept: KeptAnswer) -> Response:
    answer = Response(kept.body, kept.status, mimetype="application/json")
    if not kept.body:
        del answer.headers["Content-Type"]
    answer.headers["Idempotent-Replayed"] = "true"
    return answer
