"""The object storage of one machine: signed URLs take and show the bytes of pictures."""

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

from flask import Response, request

from kcardswap.api.blueprint import ANYBODY, Blueprint
from kcardswap.api.context import runtime
from kcardswap.api.operation_docs import Taken, document_refusals, security_of
from kcardswap.domain.errors import (
    NotFound,
    PayloadTooLarge,
    Refusal,
    UnsupportedMediaType,
)
from kcardswap.domain.media import (
    ImageType,
    ObjectNotFound,
    SignatureExpired,
    SignatureInvalid,
    StorageUnavailable,
)
from kcardswap.gateways.storage import LocalStorage

blp = Blueprint("storage", __name__, slice="media")

EXPIRES = {
    "name": "expires",
    "description": "Seconds since 1970 at which the URL ends.",
    "schema": {"type": "string", "pattern": "^[0-9]{1,12}$"},
    "example": "1780000000",
}
SIGNATURE = {
    "name": "signature",
    "description": "HMAC-SHA256 over method, key, content type, greatest length and end.",
    "schema": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    "example": "5f0e" * 16,
}
TYPE = {
    "name": "type",
    "description": "Content type the upload must have.",
    "schema": {"type": "string"},
    "example": "image/jpeg",
}
MAX = {
    "name": "max",
    "description": "Greatest length of the upload in bytes.",
    "schema": {"type": "string", "pattern": "^[0-9]{1,12}$"},
    "example": "183204",
}
BINARY = {"schema": {"type": "string", "format": "binary"}}
UPLOADED = {image_type.value: BINARY for image_type in ImageType}
SHOWN = {image_type.stored_as.value: BINARY for image_type in ImageType}
TYPES = {f".{image_type.extension}": image_type.stored_as.value for image_type in ImageType}
View = Callable[[str], Response]


def _signed(
    method: str,
    *,
    parameters: Sequence[dict[str, Any]],
    refuses: Sequence[type[Refusal]],
    docs: dict[str, Any],
) -> Callable[[View], View]:
    """Declare an operation whose URL is its only credential.

    Unlike all others it neither looks at the caller nor counts towards rate limits, and on success it
    answers outside the envelope.
    """

    def declare(view: View) -> View:
        documented = document_refusals(
            view,
            blp,
            refuses,
            caller=ANYBODY,
            takes=Taken(key=False, input=False, body=False),
            always=(),
        )
        documented = blp.doc(
            operationId=view.__name__,
            parameters=[{"in": "query", "required": True, **parameter} for parameter in parameters],
            **security_of(ANYBODY),
            **docs,
        )(documented)
        blp.add_url_rule("/storage/<path:key>", view.__name__, documented, methods=[method])
        return view

    return declare


@_signed(
    "PUT",
    parameters=(TYPE, MAX, EXPIRES, SIGNATURE),
    refuses=(
        SignatureInvalid,
        SignatureExpired,
        NotFound,
        PayloadTooLarge,
        UnsupportedMediaType,
        StorageUnavailable,
    ),
    docs={
        "requestBody": {"required": True, "content": UPLOADED},
        "responses": {200: {"description": "Stored."}},
    },
)
def upload_object(key: str) -> Response:
    """Upload the bytes of a picture to the URL made for it."""
    storage = _local_storage()
    content_type, max_bytes = storage.check_upload(key, request.args, now=runtime().clock.now())
    if request.mimetype != content_type:
        raise UnsupportedMediaType()
    if request.content_length is not None and request.content_length > max_bytes:
        raise PayloadTooLarge(max_bytes)
    # The signature bounds the length, not the limit of JSON bodies.
    request.max_content_length = None
    storage.receive(key, cast(BinaryIO, request.stream), max_bytes=max_bytes)
    return Response(status=200)


@_signed(
    "GET",
    parameters=(EXPIRES, SIGNATURE),
    refuses=(SignatureInvalid, SignatureExpired, ObjectNotFound, StorageUnavailable),
    docs={
        "responses": {
            200: {"description": "The picture.", "content": SHOWN},
            304: {"description": "Unchanged; see `If-None-Match`."},
        }
    },
)
def show_object(key: str) -> Response:
    """Show the picture a signed URL names."""
    storage = _local_storage()
    storage.check_read(key, request.args, now=runtime().clock.now())
    max_age = int(runtime().settings.read_url_lifetime.total_seconds())
    answer = Response(storage.read(key), mimetype=_type_of(key))
    answer.headers["Cache-Control"] = f"private, max-age={max_age}"
    answer.headers["Content-Disposition"] = "inline"
    # What was uploaded is never run, whatever a browser takes it for.
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.add_etag()
    answer.make_conditional(request)
    return answer


def _local_storage() -> LocalStorage:
    """Return the storage on this machine's disk.

    :raises NotFound: the objects are kept elsewhere, and signed URLs point there.
    """
    storage = runtime().storage
    if not isinstance(storage, LocalStorage):
        raise NotFound("path")
    return storage


def _type_of(key: str) -> str:
    return TYPES.get(PurePosixPath(key).suffix, "application/octet-stream")
