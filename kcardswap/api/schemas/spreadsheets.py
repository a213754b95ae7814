"""Spreadsheets of cards and wishes: their forms, their lines, and what became of them."""

from marshmallow import fields

from kcardswap.api.schemas.base import Choice, File, Form, Id, QueryFlag, Schema, Whole
from kcardswap.api.schemas.cards import CardDescription
from kcardswap.api.schemas.wishlist import WishBody
from kcardswap.domain.cards import CardStatus
from kcardswap.domain.spreadsheets import Outcome, PhotocardMatch, SkipReason


class ImportForm(Form):
    """A spreadsheet, and whether only to try it."""

    file = File(
        required=True,
        metadata={"description": "CSV in UTF-8 with a header, at most 1 MB and 2,000 lines."},
    )
    dry_run = QueryFlag(
        load_default=False, metadata={"description": "Tell what would happen and keep nothing."}
    )


class CardLine(CardDescription):
    """What a line says about a card; any status can stand in a file that was exported."""

    status = Choice(CardStatus, load_default=CardStatus.AVAILABLE)
    quantity = Whole(min=1, max=50, load_default=1)


class WishLine(WishBody):
    """What a line says about a wish."""


class ImportedLineSchema(Schema):
    """What became of one line."""

    line = fields.Integer(
        required=True, metadata={"description": "Counted from the header, which is 1.", "example": 2}
    )
    outcome = Choice(Outcome, required=True)
    reason = Choice(
        SkipReason, required=True, allow_none=True, metadata={"description": "Why it was left out."}
    )
    quantity = fields.Integer(
        required=True, metadata={"description": "How many cards or wishes it made.", "example": 1}
    )
    photocard = Choice(
        PhotocardMatch, required=True, metadata={"description": "How it came to its catalog entry."}
    )
    photocard_id = Id(
        required=True, allow_none=True, metadata={"description": "Null for a new one of a dry run."}
    )


class ImportReportSchema(Schema):
    """What an import did, or would do."""

    dry_run = fields.Boolean(required=True)
    imported_count = fields.Integer(required=True, metadata={"example": 1})
    skipped_count = fields.Integer(required=True, metadata={"example": 0})
    matched_photocards = fields.Integer(
        required=True, metadata={"description": "Catalog entries that were found.", "example": 1}
    )
    new_photocards = fields.Integer(
        required=True, metadata={"description": "Catalog entries that had to be made.", "example": 0}
    )
    unknown_columns = fields.List(
        fields.String(), required=True, metadata={"description": "Columns nobody looked at."}
    )
    items = fields.List(fields.Nested(ImportedLineSchema), required=True)
