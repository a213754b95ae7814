"""Binders and wishlists as spreadsheets: taking files out and in."""

from collections.abc import Iterator
from typing import Any

from flask import Response
from marshmallow import ValidationError

from kcardswap.api.blueprint import SIGNED_IN, Blueprint
from kcardswap.api.context import caller, read, unit_of_work
from kcardswap.api.csv_files import Line, Table, csv_answer, read_csv
from kcardswap.api.parser import flattened
from kcardswap.api.schemas.base import DIGITS, Schema, Whole
from kcardswap.api.schemas.spreadsheets import CardLine, ImportForm, ImportReportSchema, WishLine
from kcardswap.domain.errors import LimitExceeded
from kcardswap.domain.spreadsheets import ImportReport, LineDefect, SheetLine, SpreadsheetRefused
from kcardswap.queries import cards as card_queries
from kcardswap.queries import wishlist as wishlist_queries
from kcardswap.services import spreadsheets

CARD_COLUMNS = (
    "id",
    "photocard_id",
    "idol_group",
    "idol",
    "album",
    "version",
    "rarity",
    "condition",
    "note",
    "status",
    "created_at",
)
"""The columns of a binder as a file; importing reads the same, but every card gets an id and a time anew."""
WISH_COLUMNS = wishlist_queries.WishLine._fields

blp = Blueprint("spreadsheets", __name__, slice="cards")


def export_own_cards(query: dict[str, Any]) -> Response:
    """Answer every own card the filters leave, as a file; pages play no part."""
    return csv_answer(
        "cards",
        CARD_COLUMNS,
        lambda each: read(
            card_queries.whole_binder,
            owner_id=caller().user_id,
            filters=query,
            sort=query["sort"],
            each=each,
        ),
    )


def export_own_wishes(query: dict[str, Any]) -> Response:
    """Answer every own wish the filter leaves, as a file; pages play no part."""
    return csv_answer(
        "wishlist",
        WISH_COLUMNS,
        lambda each: read(
            wishlist_queries.whole_wishlist,
            user_id=caller().user_id,
            priority=query.get("priority"),
            each=each,
        ),
    )


@blp.operation(
    "POST",
    "/cards/import",
    caller=SIGNED_IN,
    body=ImportForm,
    answer=ImportReportSchema,
    refuses=(SpreadsheetRefused, LimitExceeded),
)
def import_cards(body: dict[str, Any]) -> dict[str, Any]:
    """Add the cards of a spreadsheet to the caller's binder, without pictures; all of them or none."""
    table = read_csv(body["file"], (*CARD_COLUMNS, "quantity"))
    report = spreadsheets.import_cards(
        unit_of_work(),
        owner_id=caller().user_id,
        lines=_checked(table, CardLine()),
        dry_run=body["dry_run"],
    )
    return _answer(report, table)


@blp.operation(
    "POST",
    "/wishlist/import",
    caller=SIGNED_IN,
    body=ImportForm,
    answer=ImportReportSchema,
    refuses=(SpreadsheetRefused, LimitExceeded),
    docs={"tags": ["wishlist"]},
)
def import_wishes(body: dict[str, Any]) -> dict[str, Any]:
    """Add the wishes of a spreadsheet to the caller's wishlist, all of them or none."""
    table = read_csv(body["file"], WISH_COLUMNS)
    report = spreadsheets.import_wishes(
        unit_of_work(),
        user_id=caller().user_id,
        lines=_checked(table, WishLine()),
        dry_run=body["dry_run"],
    )
    return _answer(report, table)


def _checked(table: Table, schema: Schema) -> list[SheetLine]:
    """Return the lines as a JSON body with the same values would be understood.

    :raises SpreadsheetRefused: what is wrong with them.
    """
    lines: list[SheetLine] = []
    defects: list[LineDefect] = []
    for line in table.lines:
        if line.is_too_long:
            defects.append(LineDefect(line.number, "", "More cells than the header has columns."))
            continue
        try:
            lines.append(SheetLine(line.number, schema.load(_values(line, schema))))
        except ValidationError as error:
            defects += _defects(line.number, error)
    if defects:
        raise SpreadsheetRefused(defects)
    return lines


def _values(line: Line, schema: Schema) -> dict[str, Any]:
    return {
        column: int(cell) if isinstance(schema.fields.get(column), Whole) and DIGITS.fullmatch(cell) else cell
        for column, cell in line.cells.items()
    }


def _defects(number: int, error: ValidationError) -> Iterator[LineDefect]:
    for each in flattened(error.messages, ""):
        yield LineDefect(number, each["field"], each["message"], each["type"])


def _answer(report: ImportReport, table: Table) -> dict[str, Any]:
    return {
        **report._asdict(),
        "imported_count": report.imported_count,
        "skipped_count": report.skipped_count,
        "unknown_columns": table.unknown_columns,
    }
