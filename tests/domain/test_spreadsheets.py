"""How defects of a spreadsheet are told, and how an import is summed up."""

from uuid import uuid4

from kcardswap.domain.spreadsheets import (
    ImportReport,
    LineDefect,
    LineResult,
    MatchedPhotocard,
    Outcome,
    PhotocardMatch,
    SkipReason,
    SpreadsheetRefused,
)


def test_a_defect_says_where_it_is() -> None:
    assert LineDefect(7, "condition", "").field == "line 7: condition"
    assert LineDefect(7, "", "").field == "line 7"


def test_a_refusal_lists_the_first_hundred_defects_in_order_and_counts_all() -> None:
    refusal = SpreadsheetRefused([LineDefect(n, "note", "Too long.", "invalid") for n in range(300, 0, -1)])
    errors: object = refusal.details["errors"]
    assert isinstance(errors, list)
    assert errors[0] == {"field": "line 1: note", "message": "Too long.", "type": "invalid"}
    assert [error["field"] for error in errors] == [f"line {n}: note" for n in range(1, 101)]
    assert refusal.details["errors_total"] == 300


def test_a_report_counts_cards_lines_and_photocards() -> None:
    known, made = uuid4(), uuid4()
    found = {
        2: MatchedPhotocard(known, PhotocardMatch.MATCHED),
        3: MatchedPhotocard(made, PhotocardMatch.NEW),
        4: MatchedPhotocard(made, PhotocardMatch.NEW),
        5: MatchedPhotocard(None, PhotocardMatch.NONE),
    }
    items = [
        LineResult(number, Outcome.IMPORTED, None, quantity=2, photocard=each.match, photocard_id=each.id)
        for number, each in found.items()
    ]
    items.append(LineResult(6, Outcome.SKIPPED, SkipReason.TRADED))
    report = ImportReport.of(items, found, dry_run=False)
    assert (report.imported_count, report.skipped_count) == (8, 1)
    assert (report.matched_photocards, report.new_photocards) == (1, 1)
    assert report.items == items
    tried = ImportReport.of(items, found, dry_run=True)
    assert [item.photocard_id for item in tried.items] == [known, None, None, None, None]
