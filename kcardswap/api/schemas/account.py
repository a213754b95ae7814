"""Leaving for good, and taking one's data along."""

from enum import StrEnum

from marshmallow import fields

from kcardswap.api.schemas.base import Choice, Moment, Schema


class ExportFormat(StrEnum):
    """How an export is packed."""

    ZIP = "zip"
    JSON = "json"


class Confirmation(StrEnum):
    """A word nobody types by accident."""

    DELETE = "DELETE"


class DeleteAccountBody(Schema):
    """That the caller means it."""

    confirm = Choice(Confirmation, required=True)


class DeletionSchema(Schema):
    """When the account was deleted, and by when its traces are erased."""

    deleted_at = Moment(required=True)
    erase_by = Moment(required=True)


class ExportQuery(Schema):
    """How the export is packed."""

    format = Choice(ExportFormat, load_default=ExportFormat.ZIP, metadata={"example": "zip"})


class ExportSchema(Schema):
    """Every row about the caller, by table."""

    exported_at = Moment(required=True)
    tables = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.Dict()),
        required=True,
        metadata={"description": "A list of rows per table; each row has a member per column."},
    )
