"""What the OpenAPI document says about the refusals and the security of an operation."""

import inspect
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple
from zlib import crc32

import flask_smorest
from marshmallow import Schema as MarshmallowSchema
from marshmallow import fields

from kcardswap.api.auth import ADMIN_OR_INTERNAL, ADMINISTRATIVE, ANYBODY, Access, OriginNotAllowed
from kcardswap.api.errors import Public, public_kind
from kcardswap.api.schemas.base import Form, Schema
from kcardswap.domain import errors
from kcardswap.domain.accounts import (
    AccountSuspended,
    CredentialMissing,
    InvalidToken,
    RoleRequired,
    SessionEnded,
)
from kcardswap.domain.errors import Refusal
from kcardswap.services.idempotency import IdempotencyMismatch, InProgress

ALWAYS: tuple[type[Refusal], ...] = (errors.RateLimited, errors.Unavailable)
SIGNED_IN_REFUSALS: tuple[type[Refusal], ...] = (
    CredentialMissing,
    InvalidToken,
    SessionEnded,
    errors.TokenExpired,
    AccountSuspended,
    OriginNotAllowed,
)
EXAMPLES: dict[type[fields.Field[Any]], Any] = {
    fields.DateTime: "2026-03-01T12:00:00Z",
    fields.Boolean: True,
}
"""What stands in an example for a field that brings none of its own."""
KEY_PARAMETER = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "description": "Makes a repetition safe: the same key and request get the same answer for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "example": "2f1c9a34-proposal-1",
}

CSV_DOCS = {
    "schema": {"type": "string"},
    "example": "\ufeffphotocard_id,idol_group,idol,album\r\n,NewJeans,Haerin,Get Up\r\n",
}
"""How the answer to a caller who wants text/csv is described."""


class ErrorSchema(Schema):
    """Why a request was refused."""

    code = fields.String(required=True, metadata={"example": "404_NOT_FOUND"})
    message = fields.String(required=True, metadata={"description": "Prose for people."})
    details = fields.Dict(
        keys=fields.String(), required=True, metadata={"description": "Facts for programs."}
    )


class FailureSchema(Schema):
    """The envelope of every refusal."""

    data = fields.Raw(required=True, metadata={"type": "null"})
    meta = fields.Raw(required=True, metadata={"type": "null"})
    error = fields.Nested(ErrorSchema, required=True)


def security_of(access: Access) -> dict[str, Any]:
    """Return the security requirement and the caller of an operation for its documentation."""
    if access is ANYBODY:
        return {"security": [], "x-caller": access.value}
    ways: list[dict[str, list[str]]] = [{"bearer": []}, {"cookie": []}]
    if access is ADMIN_OR_INTERNAL:
        ways.append({"internal": []})
    return {"security": ways, "x-caller": access.value}


def body_docs(schema: type[Schema]) -> dict[str, Any]:
    """Return whether a body of this schema has to be sent, and an example of one unless it is a form."""
    required = any(field.required for field in schema().fields.values())
    return {"required": required, **({} if issubclass(schema, Form) else {"example": example_of(schema)})}


def example_of(schema: type[MarshmallowSchema]) -> dict[str, Any]:
    """Return an example of ``schema`` made of the examples of its fields."""
    fields_shown = schema().fields.items()
    found = {name: _example_of_field(field) for name, field in fields_shown if not field.dump_only}
    # A field that cannot stand beside the others says so.
    alone = {name for name, field in fields_shown if field.metadata.get("x-alone")}
    return {name: value for name, value in found.items() if value is not None and name not in alone}


def _example_of_field(field: fields.Field[Any]) -> Any:
    if "example" in field.metadata:
        return field.metadata["example"]
    if isinstance(field, fields.Nested):
        return example_of(type(field.schema))
    if isinstance(field, fields.List):
        inner = _example_of_field(field.inner)
        return None if inner is None else [inner]
    if isinstance(field, fields.UUID):
        # One id per field: the same one twice would rarely make sense.
        return f"0199a7c0-5f3e-7c52-9d6a-{crc32(str(field.name).encode()):012x}"
    if isinstance(field, fields.Enum):
        return next(member.value for member in field.enum)
    return next((example for kind, example in EXAMPLES.items() if isinstance(field, kind)), None)


class Taken(NamedTuple):
    """What an operation takes: an Idempotency-Key, anything at all, a body.

    A write without a body of its own still refuses one that is none.
    """

    key: bool
    input: bool
    body: bool


def document_refusals(
    view: Callable[..., Any],
    blueprint: flask_smorest.Blueprint,
    refuses: Sequence[type[Refusal]],
    *,
    caller: Access,
    takes: Taken,
    always: Sequence[type[Refusal]] = ALWAYS,
) -> Callable[..., Any]:
    """Return ``view`` with one documented response per status it can be refused with."""
    refusals = [*refuses, *always]
    if caller is not ANYBODY:
        refusals += SIGNED_IN_REFUSALS
    if caller in ADMINISTRATIVE:
        refusals.append(RoleRequired)
    if takes.input or takes.body:
        refusals.append(errors.ValidationFailed)
    if takes.body:
        refusals += [errors.PayloadTooLarge, errors.UnsupportedMediaType]
    if takes.key:
        refusals += [InProgress, IdempotencyMismatch]
        view = blueprint.doc(parameters=[KEY_PARAMETER])(view)
    for status, group in sorted(_by_status(refusals).items()):
        view = blueprint.alt_response(
            status,
            schema=FailureSchema,
            description=" · ".join(dict.fromkeys(_name(refusal) for refusal in group)),
            examples={_key(refusal): _example(refusal) for refusal in group},
        )(view)
    return view


def _by_status(refusals: Iterable[type[Refusal]]) -> dict[int, list[type[Refusal]]]:
    groups: dict[int, list[type[Refusal]]] = defaultdict(list)
    for refusal in dict.fromkeys(refusals):
        groups[public_kind(refusal).status].append(refusal)
    return groups


def _name(refusal: type[Refusal]) -> str:
    public: Public = public_kind(refusal)
    return f"{public.code} {refusal.reason or ''}".strip()


def _key(refusal: type[Refusal]) -> str:
    return refusal.reason or refusal.__name__


class Example(dict[str, Any]):
    """An example of the document, which nobody changes.

    Operations are declared in steps, and each step copies all that was declared before. Copying the examples,
    too, took 0.6 of the 3.3 seconds that every process needs to start.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> "Example":
        return self


def _example(refusal: type[Refusal]) -> Example:
    details = _details(refusal)
    error = {"code": public_kind(refusal).code, "message": _message(refusal), "details": details}
    return Example(
        summary=(inspect.getdoc(refusal) or "").splitlines()[0],
        value={"data": None, "meta": None, "error": error},
    )


def _message(refusal: type[Refusal]) -> str:
    if issubclass(refusal, errors.LimitExceeded):
        return "Limit reached: 3/3."
    return refusal.message


def _details(refusal: type[Refusal]) -> dict[str, Any]:
    if issubclass(refusal, errors.ValidationFailed):
        return {"errors": [{"field": "field", "message": "Not valid.", "type": "invalid"}]}
    if issubclass(refusal, errors.LimitExceeded):
        return {"limit_key": "requests_per_user", "limit_value": 3, "current_value": 3, "reset_at": None}
    if issubclass(refusal, errors.NotFound):
        return {"resource_type": refusal.__name__.removesuffix("NotFound").lower() or "path"}
    if issubclass(refusal, errors.PayloadTooLarge):
        return {"max_bytes": 131072}
    if refusal is errors.Unavailable:
        return {"service": "database"}
    if issubclass(refusal, errors.Unavailable):
        # Refusals of one service take no arguments: they know which it is.
        return dict(refusal().details)  # type: ignore[call-arg]
    return {"reason": refusal.reason} if refusal.reason else {}
