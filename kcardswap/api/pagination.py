"""Pages in requests and answers: limits, offsets and cursors."""

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from flask import g, request
from itsdangerous import BadData, URLSafeSerializer
from marshmallow import fields

from kcardswap.api.context import runtime
from kcardswap.api.envelope import Answer
from kcardswap.api.schemas.base import Schema
from kcardswap.domain.errors import ValidationFailed
from kcardswap.queries.keyset import Page, PageRequest, UnknownCursor

PAGE_KEYS = ("limit", "offset", "cursor")
DECODERS: dict[str, Callable[[str], Any]] = {
    "time": datetime.fromisoformat,
    "date": date.fromisoformat,
    "id": UUID,
}


def page_request(query: Mapping[str, Any]) -> PageRequest:
    """Return the page a parsed query asks for.

    :raises UnknownCursor: a cursor of another list or of other filters.
    :raises ValidationFailed: a cursor together with an offset.
    """
    cursor, offset = query.get("cursor"), query.get("offset")
    if cursor is None:
        return PageRequest(query["limit"], offset or 0)
    if offset is not None:
        raise ValidationFailed("cursor", "Send a cursor or an offset, not both.")
    try:
        key = tuple(_decoded(part) for part in _signer(query).loads(cursor))
    except (BadData, ValueError, TypeError) as error:
        raise UnknownCursor from error
    return PageRequest(query["limit"], after=key)


def page_answer(
    collection: str | None, page: Page[Any], query: Mapping[str, Any], *, cursors: bool = False, **more: Any
) -> Answer:
    """Return a page as an answer: the rows under ``collection`` beside ``total``, or a bare array for None.

    ``cursors`` says that the list can be continued by cursor; ``more`` goes into the data.
    """
    next_cursor = _signer(query).dumps([_encoded(part) for part in page.next_key]) if page.next_key else None
    meta: dict[str, Any] = {
        "page_size": query["limit"],
        "next_cursor": _text(next_cursor) if cursors else None,
    }
    if page.total is not None:
        limit, offset = query["limit"], query.get("offset") or 0
        meta |= {"total": page.total, "page": offset // limit + 1, "total_pages": -(-page.total // limit)}
    if collection is None:
        return Answer(page.rows, meta)
    return Answer({collection: page.rows, "total": page.total, **more}, meta)


@cache
def collection_of(
    name: str, item: type[Schema], *, paged: bool = True, **more: fields.Field[Any]
) -> type[Schema]:
    """Return the schema of an object that holds a list of ``item`` under ``name`` and its ``total``."""
    members: dict[str, Any] = {
        name: fields.List(fields.Nested(item), required=True),
        "total": fields.Integer(
            required=True, allow_none=paged, metadata={"description": "All rows there are; null by cursor."}
        ),
        **more,
    }
    title = item.__name__.removesuffix("Schema") + "List" + "".join(part.title() for part in more)
    members["__doc__"] = f"A list of {name}."
    return type(f"{title}Schema", (Schema,), members)


class MetaSchema(Schema):
    """What is said about a list beside its rows."""

    total = fields.Integer(metadata={"description": "All rows there are; absent by cursor."})
    page = fields.Integer(metadata={"description": "Number of this page, from 1."})
    page_size = fields.Integer(metadata={"description": "Rows asked for."})
    total_pages = fields.Integer(metadata={"description": "Pages there are."})
    next_cursor = fields.String(
        allow_none=True, metadata={"description": "Send it as `cursor` for the next page; null at the end."}
    )


def _signer(query: Mapping[str, Any]) -> URLSafeSerializer:
    # Signed with the list, its reader and its filters, so that a cursor works only where it came from.
    filters = {key: str(value) for key, value in sorted(query.items()) if key not in PAGE_KEYS}
    reader = g.caller.user_id if "caller" in g else ""
    salt = f"{reader} {request.path}?{json.dumps(filters)}"
    return URLSafeSerializer(runtime().settings.hash_pepper, salt=salt)


def _text(value: str | bytes | None) -> str | None:
    return value.decode() if isinstance(value, bytes) else value


def _encoded(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"time": value.isoformat()}
    if isinstance(value, UUID):
        return {"id": str(value)}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    return value


def _decoded(value: Any) -> Any:
    if isinstance(value, dict):
        [(kind, text)] = value.items()
        return DECODERS[kind](text)
    return value
