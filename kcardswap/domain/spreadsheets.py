"""Cards and wishes that come as lines of a spreadsheet: what becomes of each, and how defects are told."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from kcardswap.domain.errors import Refusal, ValidationFailed

DEFECTS_SHOWN = 100


class LineDefect(NamedTuple):
    """What is wrong with one line; ``column`` is empty when it is the line as a whole."""

    line: int
    column: str
    message: str
    kind: str = "invalid"

    @property
    def field(self) -> str:
        """Return where the defect is, as people look for it."""
        return f"line {self.line}: {self.column}" if self.column else f"line {self.line}"


class SpreadsheetRefused(ValidationFailed):
    """Lines of a spreadsheet are not what the contract says, so none was taken.

    The details list the first hundred defects and say how many there are.
    """

    message = "The spreadsheet has defects; nothing was imported."

    def __init__(self, defects: Sequence[LineDefect]) -> None:
        shown = sorted(defects, key=lambda defect: defect.line)[:DEFECTS_SHOWN]
        errors = [{"field": each.field, "message": each.message, "type": each.kind} for each in shown]
        Refusal.__init__(self, errors=errors, errors_total=len(defects))


class SheetLine(NamedTuple):
    """One line: its number as spreadsheet programs show it, and what it says."""

    number: int
    values: Mapping[str, Any]


class Outcome(StrEnum):
    """What became of a line."""

    IMPORTED = "imported"
    SKIPPED = "skipped"


class SkipReason(StrEnum):
    """Why a line was left out."""

    TRADED = "traded"
    WISH_EXISTS = "wish_exists"


class PhotocardMatch(StrEnum):
    """How a line came to its entry in the catalogue."""

    MATCHED = "matched"
    NEW = "new"
    NONE = "none"


class MatchedPhotocard(NamedTuple):
    """The photocard a description means, and how it was found."""

    id: UUID | None
    match: PhotocardMatch


class LineResult(NamedTuple):
    """What became of one line; ``photocard_id`` is None when it has none, or one a dry run did not keep."""

    line: int
    outcome: Outcome
    reason: SkipReason | None = None
    quantity: int = 0
    photocard: PhotocardMatch = PhotocardMatch.NONE
    photocard_id: UUID | None = None


class ImportReport(NamedTuple):
    """What an import did, or would do."""

    dry_run: bool
    items: list[LineResult]
    matched_photocards: int
    new_photocards: int

    @classmethod
    def of(
        cls, items: Sequence[LineResult], found: Mapping[int, MatchedPhotocard], *, dry_run: bool
    ) -> "ImportReport":
        """Sum up lines; the photocards of a dry run that are new are not kept, so they have no id."""
        of_kind = {
            kind: {each.id for each in found.values() if each.match is kind} for kind in PhotocardMatch
        }
        shown = [
            item._replace(photocard_id=None) if dry_run and item.photocard is PhotocardMatch.NEW else item
            for item in items
        ]
        matched, new = of_kind[PhotocardMatch.MATCHED], of_kind[PhotocardMatch.NEW]
        return cls(dry_run, shown, len(matched), len(new))

    @property
    def imported_count(self) -> int:
        """Return how many cards or wishes were added."""
        return sum(item.quantity for item in self.items)

    @property
    def skipped_count(self) -> int:
        """Return how many lines were left out."""
        return sum(item.outcome is Outcome.SKIPPED for item in self.items)
