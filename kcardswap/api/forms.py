"""Reading multipart forms: a file and the fields beside it, strictly."""

from collections.abc import Iterator

from flask import Request
from marshmallow import ValidationError
from werkzeug.exceptions import RequestEntityTooLarge

from kcardswap.api.schemas.base import refuse_unstorable
from kcardswap.domain.errors import PayloadTooLarge, UnsupportedMediaType, ValidationFailed

MULTIPART = "multipart/form-data"
FILE_MAX_BYTES = 1024 * 1024
"""The largest file a form may carry."""
FORM_MAX_BYTES = FILE_MAX_BYTES + 64 * 1024
"""The largest form: around its file there are names, boundaries and short fields."""


def read_form(req: Request) -> dict[str, str | bytes]:
    """Return the fields of the form in the body of ``req``: files as bytes, the others as text.

    No body is an empty form.

    :raises UnsupportedMediaType: a body that does not call itself a multipart form.
    :raises PayloadTooLarge: its file, or the whole of it, is too large.
    :raises ValidationFailed: a field that comes twice or has no name, or text PostgreSQL cannot store.
    """
    # One byte more than allowed, as for every body.
    req.max_content_length = FORM_MAX_BYTES + 1
    try:
        body = req.get_data(cache=True)
        if len(body) > FORM_MAX_BYTES:
            raise PayloadTooLarge(FILE_MAX_BYTES)
        if not body:
            return {}
        if req.mimetype != MULTIPART:
            raise UnsupportedMediaType()
        return _each_once(_parts(req))
    except RequestEntityTooLarge as error:
        raise PayloadTooLarge(FILE_MAX_BYTES) from error


def _parts(req: Request) -> Iterator[tuple[str, str | bytes]]:
    # Werkzeug's name of a part without one is None.
    if not all((*req.form, *req.files)):
        raise ValidationFailed("", "Every part needs a name.")
    for name, text in req.form.items(multi=True):
        try:
            refuse_unstorable(f"{name}{text}")
        except ValidationError as error:
            raise ValidationFailed(str(name), str(error)) from error
        yield name, text
    for name, file in req.files.items(multi=True):
        file.seek(0)
        data = file.read(FILE_MAX_BYTES + 1)
        if len(data) > FILE_MAX_BYTES:
            raise PayloadTooLarge(FILE_MAX_BYTES)
        yield name, data


def _each_once(parts: Iterator[tuple[str, str | bytes]]) -> dict[str, str | bytes]:
    fields: dict[str, str | bytes] = {}
    for name, value in parts:
        if name in fields:
            raise ValidationFailed(name, "Send this field once.", "duplicate")
        fields[name] = value
    return fields
