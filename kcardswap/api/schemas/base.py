"""Strict fields: what a request may say, to the letter, and how answers write it."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from marshmallow import EXCLUDE, ValidationError, fields, validate
from marshmallow import Schema as MarshmallowSchema

FIRST_YEAR, LAST_YEAR = 1969, 2200
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([Zz]|[+-]\d\d:?\d\d)?", re.ASCII)
DIGITS = re.compile(r"\d{1,18}", re.ASCII)
UUID_TEXT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
BIGINT_MAX = 2**63 - 1


def to_json_time(value: datetime) -> str:
    """Return a moment as RFC 3339 in UTC with a trailing Z."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def refuse_unstorable(text: str) -> None:
    """Accept any text PostgreSQL can store.

    :raises ValidationError: it holds NUL or half of a surrogate pair.
    """
    if UNSTORABLE.search(text):
        raise ValidationError("Contains a character that cannot be stored.")


def parse_id(text: str) -> UUID:
    """Return the UUID written as ``text`` in the canonical form.

    ``UUID()`` alone also takes braces, underscores and the digits of other scripts.

    :raises ValueError: anything else.
    """
    if not UUID_TEXT.fullmatch(text):
        raise ValueError("Not a valid UUID.")
    return UUID(text)


class Schema(MarshmallowSchema):
    """Base of all schemas: unknown keys are ignored."""

    class Meta:
        unknown = EXCLUDE

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return this one: flask-smorest copies all schemas of a view for each response that is declared."""
        return self


class Form(Schema):
    """Base of the schemas of multipart forms; the values of their fields are text or the bytes of a file."""


class Text(fields.String):
    """Trimmed text with a length in code points; blank optional text counts as null."""

    def __init__(self, *, min: int = 1, max: int, trim: bool = True, **kwargs: Any) -> None:
        if not kwargs.get("required"):
            kwargs.setdefault("allow_none", True)
        super().__init__(validate=validate.Length(min=min, max=max), **kwargs)
        self._trim = trim

    def deserialize(
        self, value: Any, attr: str | None = None, data: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> Any:
        if isinstance(value, str):
            refuse_unstorable(value)
            value = value.strip() if self._trim else value
            if value == "" and self.allow_none:
                value = None
        return super().deserialize(value, attr, data, **kwargs)


class Id(fields.UUID):
    """The id of something: a UUID, opaque to clients."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> UUID:
        try:
            return parse_id(value)
        except (ValueError, TypeError) as error:
            raise self.make_error("invalid_uuid") from error


class Whole(fields.Integer):
    """A whole number within a range, as a JSON number."""

    def __init__(self, *, min: int = 0, max: int = BIGINT_MAX, **kwargs: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(min=min, max=max), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.make_error("invalid", input=value)
        if isinstance(value, float) and not (math.isfinite(value) and value.is_integer()):
            raise self.make_error("invalid", input=value)
        return int(value)


class QueryWhole(fields.Integer):
    """A whole number within a range, written in plain decimal digits in a query string."""

    def __init__(self, *, min: int = 0, max: int = BIGINT_MAX, **kwargs: Any) -> None:
        super().__init__(validate=validate.Range(min=min, max=max), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not isinstance(value, str) or not DIGITS.fullmatch(value):
            raise self.make_error("invalid", input=value)
        return int(value)


class Flag(fields.Boolean):
    """``true`` or ``false``, nothing that merely looks like it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class QueryFlag(fields.Boolean):
    """``true`` or ``false`` in a query string."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if value not in ("true", "false"):
            raise self.make_error("invalid", input=value)
        return bool(value == "true")


class Choice(fields.Enum[Any]):
    """One value of an enumeration, by its text."""

    def __init__(self, kind: type[StrEnum], **kwargs: Any) -> None:
        super().__init__(kind, by_value=fields.String, **kwargs)


class Moment(fields.DateTime):
    """A moment: RFC 3339, read as UTC without offset, written in UTC with a trailing Z."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", **kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else to_json_time(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        if not isinstance(value, str) or not MOMENT.fullmatch(value):
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE)
        parsed = super()._deserialize(value, attr, data, **kwargs)
        if not FIRST_YEAR < parsed.year < LAST_YEAR:
            raise ValidationError(f"Years {FIRST_YEAR + 1} to {LAST_YEAR - 1}.")
        return (parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed).astimezone(UTC)


class File(fields.Field[bytes]):
    """A file in a multipart form."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs["metadata"] = {"type": "string", "format": "binary", **kwargs.get("metadata", {})}
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bytes:
        if not isinstance(value, bytes):
            raise ValidationError("Send this as a file.")
        return value


def many(field: Callable[[], fields.Field[Any]], *, min: int, max: int, **kwargs: Any) -> fields.List[Any]:
    """Return a list field of ``min`` to ``max`` items."""
    return fields.List(field(), validate=validate.Length(min=min, max=max), **kwargs)


class OkSchema(Schema):
    """It worked."""

    success = fields.Boolean(required=True, metadata={"example": True})
    message = fields.String(required=True, metadata={"example": "Done."})


class PageQuery(Schema):
    """A page by offset."""

    limit = QueryWhole(min=1, max=100, load_default=50, metadata={"description": "Rows of a page."})
    offset = QueryWhole(min=0, max=10_000, metadata={"description": "Rows to skip; default 0."})


class CursorPageQuery(PageQuery):
    """A page by offset or by cursor."""

    cursor = fields.String(
        validate=validate.Length(min=1, max=2000),
        metadata={"description": "The `next_cursor` of the page before; not together with `offset`."},
    )
