"""Spreadsheets as CSV: written so that no program runs what is in a cell, and read back without loss."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from io import StringIO
from typing import IO, Any, NamedTuple

from flask import Response, request

from kcardswap.api.files import file_answer, offer_download
from kcardswap.api.schemas.base import to_json_time
from kcardswap.domain.errors import ValidationFailed
from kcardswap.domain.text import normalise

CSV = "text/csv"
BOM = "\ufeff"
DELIMITERS = ",;\t"
LINES_MAX, COLUMNS_MAX, NAME_MAX_LENGTH = 2000, 100, 100
SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"
SKIPPED = "(?:[^\\S\t\r\n]|['\"\u200b\ufeff])*"
"""Spaces and quotes. No line ends: they begin a place of their own, so looking ahead stays short."""


def _formulas(mark: str) -> re.Pattern[str]:
    """Return ``mark`` wherever spreadsheet programs may take what follows for a formula.

    That is where the text begins, and where a program splits it that separates by another character or
    minds no quotes. After https://owasp.org/www-community/attacks/CSV_Injection, with the full-width signs
    of Asian keyboards.
    """
    inside = f"(?<=[{DELIMITERS}\r\n]){mark}(?={SKIPPED}[{SIGNS}])"
    return re.compile(f"^{mark}(?={SKIPPED}[{SIGNS}\t\r\n])|{inside}")


FORMULA, DEFUSED_FORMULA = _formulas(""), _formulas("'")


def wants_csv() -> bool:
    """Tell whether the caller would rather have text/csv than JSON; who accepts both alike gets JSON."""
    accepted = request.accept_mimetypes
    return bool(accepted) and accepted.quality(CSV) > accepted.quality("application/json")


def csv_answer(
    name: str, columns: Sequence[str], fill: Callable[[Callable[[Any], None]], object]
) -> Response:
    """Answer a file with a header and every row that ``fill`` hands to the function it is given.

    A row has its ``columns`` as attributes.
    """

    def write(file: IO[bytes]) -> None:
        writer = csv.writer(_Encoded(file), lineterminator="\r\n")
        file.write(BOM.encode())
        writer.writerow(columns)
        fill(lambda row: writer.writerow([_cell(getattr(row, column)) for column in columns]))

    return offer_download(file_answer(write, mimetype=CSV), name, "csv")


class _Encoded:
    """Takes text as the csv module writes it, and keeps it as UTF-8."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        return self._file.write(text.encode())


def _cell(value: object) -> str:
    if value is None:
        return ""
    return defused(to_json_time(value) if isinstance(value, datetime) else str(value))


def defused(text: str) -> str:
    """Return ``text`` as a cell no program takes for a formula: with apostrophes where need be."""
    return FORMULA.sub("'", text)


def restored(cell: str) -> str:
    """Return the text ``defused`` made a cell of; every other cell stays as it is."""
    return DEFUSED_FORMULA.sub("", cell)


class Line(NamedTuple):
    """One line of a spreadsheet: its number as spreadsheet programs show it, and its cells by column."""

    number: int
    cells: Mapping[str, str]
    is_too_long: bool
    """Whether it has more cells than the header, as after a comma nobody quoted."""


class Table(NamedTuple):
    """A spreadsheet: its lines, and the columns nobody here knows."""

    lines: list[Line]
    unknown_columns: list[str]


def read_csv(data: bytes, columns: Sequence[str]) -> Table:
    """Return what a file says about ``columns``; blank cells and lines are left out.

    The first line names the columns, in any order, case and spacing. Cells are set apart by commas,
    semicolons or tabs, whichever shows more of the columns.

    :raises ValidationFailed: not CSV in UTF-8, without a known column or with one twice, or too long.
    """
    rows = _rows(_decoded(data), columns)
    _, header = next(rows, (0, []))
    names = _header(header, columns)
    lines = [_line(number, row, names) for number, row in rows]
    if len(lines) > LINES_MAX:
        raise _refusal(f"At most {LINES_MAX} lines below the header; this file has {len(lines)}.", "too_long")
    unknown = [cell.strip() for cell, name in zip(header, names, strict=True) if name is None]
    return Table(lines, [name[:NAME_MAX_LENGTH] for name in unknown if name])


def _decoded(data: bytes) -> str:
    # NUL is what other encodings, and spreadsheets that are no CSV at all, look like as UTF-8.
    with suppress(UnicodeDecodeError):
        if b"\x00" not in data:
            return data.decode("utf-8-sig")
    raise _refusal("Not UTF-8 text. Save the spreadsheet as CSV in UTF-8.", "encoding")


def _rows(text: str, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield every row with something in it, with its number."""

    def known(delimiter: str) -> int:
        # Read leniently: with a wrong delimiter nearly every quote is in a wrong place.
        rows = csv.reader(StringIO(text, newline=""), delimiter=delimiter)
        header = next((row for row in rows if any(map(str.strip, row))), [])
        return sum(name is not None for name in _names(header, columns))

    number = 0
    try:
        # Untranslated, because line ends inside of quotes are part of the cell.
        delimiter = max(DELIMITERS, key=known)
        for row in csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True):
            number += 1
            if any(map(str.strip, row)):
                yield number, row
    except csv.Error as error:
        raise ValidationFailed(f"line {number + 1}", f"Not valid CSV: {error}.", "csv") from error


def _names(header: Sequence[str], columns: Sequence[str]) -> list[str | None]:
    """Return the column each cell of the header stands for, None for one nobody knows."""
    by_norm = {normalise(column): column for column in columns}
    return [by_norm.get(normalise(cell)) for cell in header]


def _header(header: Sequence[str], columns: Sequence[str]) -> list[str | None]:
    names = _names(header, columns)
    counts = Counter(name for name in names if name is not None)
    if not counts or len(names) > COLUMNS_MAX:
        raise _refusal(f"The first line has to name some of the columns {', '.join(columns)}.", "header")
    for name, count in counts.items():
        if count > 1:
            raise _refusal(f"The column {name} comes twice.", "header")
    return names


def _line(number: int, row: Sequence[str], names: Sequence[str | None]) -> Line:
    stripped = [restored(cell.strip()) for cell in row]
    cells = {name: cell for name, cell in zip(names, stripped, strict=False) if name is not None and cell}
    return Line(number, cells, any(stripped[len(names) :]))


def _refusal(message: str, kind: str) -> ValidationFailed:
    return ValidationFailed("file", message, kind)
