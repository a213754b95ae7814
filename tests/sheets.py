"""Spreadsheets as tests send and read them."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, select
from werkzeug.test import TestResponse

from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.catalog import photocards
from kcardswap.persistence.orm.wishlist import wishlist_items
from tests.people import Person

CSV = {"Accept": "text/csv"}
CARD_COLUMNS = [
    *("id", "photocard_id", "idol_group", "idol", "album", "version"),
    *("rarity", "condition", "note", "status", "created_at"),
]
HAERIN = {"idol_group": "NewJeans", "idol": "Haerin", "album": "Get Up", "version": "A"}
IMPORTS = ["/cards/import", "/wishlist/import"]


def sheet(*lines: Mapping[str, Any], delimiter: str = ",") -> bytes:
    """Return a CSV file whose columns are those of all lines together."""
    columns = list(dict.fromkeys(column for line in lines for column in line))
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, columns, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(lines)
    return file.getvalue().encode()


def send(person: Person, path: str, file: bytes | Sequence[Mapping[str, Any]], **fields: Any) -> TestResponse:
    """Send a file, or a sheet of these lines, with the form's other fields."""
    headers = fields.pop("headers", {})
    data = file if isinstance(file, bytes) else sheet(*file)
    form = {"file": (io.BytesIO(data), "sheet.csv", "text/csv"), **fields}
    return person.post(path, data=form, headers=headers)


def lines_of(answer: TestResponse) -> list[dict[str, str]]:
    """Return the lines of a CSV answer, by column, exactly as they stand."""
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert answer.content_type == "text/csv; charset=utf-8"
    text = answer.get_data().decode()
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True))


def stored(connection: Connection) -> tuple[int, int, int]:
    """Return how many cards, wishes and photocards there are."""
    return tuple(  # type: ignore[return-value]
        connection.scalar(select(func.count()).select_from(table)) or 0
        for table in (cards, wishlist_items, photocards)
    )
