"""Spreadsheets over HTTP that are not taken in, with all their defects."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection

from tests.binders import data_of
from tests.people import MakePerson, Person, invalid_fields, refused
from tests.sheets import IMPORTS, send, stored


@pytest.fixture
def mina(person: MakePerson) -> Person:
    return person("mina")


def test_every_defect_is_told_with_its_line_and_nothing_is_kept(mina: Person, connection: Connection) -> None:
    lines: list[dict[str, Any]] = [
        {"idol": "Haerin", "condition": "mint"},
        {"idol": "x" * 101, "condition": "new"},
        {"idol": "Minji", "rarity": "mythic", "quantity": 0},
        {"idol": "Hanni", "quantity": "two", "photocard_id": "17", "status": "sold"},
    ]
    answer = send(mina, "/cards/import", lines)
    details = refused(answer, 400, "400_VALIDATION_FAILED")
    assert {error["field"] for error in details["errors"]} == {
        *("line 3: idol", "line 3: condition", "line 4: rarity", "line 4: quantity"),
        *("line 5: quantity", "line 5: photocard_id", "line 5: status"),
    }
    assert all(set(error) == {"field", "message", "type"} for error in details["errors"])
    assert details["errors_total"] == 7
    assert stored(connection) == (0, 0, 0)


def test_a_hundred_defects_are_listed_and_all_are_counted(mina: Person) -> None:
    details = refused(send(mina, "/cards/import", [{"condition": "new"}] * 250), 400, "400_VALIDATION_FAILED")
    assert (len(details["errors"]), details["errors_total"]) == (100, 250)
    assert details["errors"][0]["field"] == "line 2: condition"


@pytest.mark.parametrize("path", IMPORTS)
def test_a_photocard_the_catalog_does_not_have_is_a_defect_of_its_line(
    mina: Person, connection: Connection, path: str
) -> None:
    lines = [{"idol": "Haerin"}, {"photocard_id": str(uuid4())}]
    assert invalid_fields(send(mina, path, lines)) == {"line 3: photocard_id"}
    assert stored(connection) == (0, 0, 0)


def test_a_wish_has_to_name_something_and_a_card_need_not(mina: Person) -> None:
    lines = [{"album": "Get Up", "note": "x"}]
    assert invalid_fields(send(mina, "/wishlist/import", lines)) == {"line 2: idol_group"}
    report = data_of(send(mina, "/cards/import", lines))
    assert report["items"][0]["photocard"] == "none" and report["items"][0]["photocard_id"] is None


@pytest.mark.parametrize("priority", ["0", "4", "1.0", "high", "-1"])
def test_a_priority_is_1_to_3(mina: Person, priority: str) -> None:
    answer = send(mina, "/wishlist/import", [{"idol": "Haerin", "priority": priority}])
    assert invalid_fields(answer) == {"line 2: priority"}


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b"", "file"),
        (b"\r\n\r\n", "file"),
        (b"name,price\r\na,b\r\n", "file"),
        (b"idol,Idol\r\na,b\r\n", "file"),
        ("idol\r\nHaerin\r\n".encode("utf-16"), "file"),
        ("idol\r\nHaerin\r\n".encode("utf-16-le"), "file"),
        ("idol\r\n혜린\r\n".encode("euc-kr"), "file"),
        (b"PK\x03\x04\x14\x00\x00", "file"),
        (b"idol\r\nnul\x00\r\n", "file"),
        (b'idol,album\r\n"Haerin,Get Up\r\n', "line 2"),
        (b'idol,album\r\n"Haerin"x,Get Up\r\n', "line 2"),
        (b"idol,album\r\nHaerin,Get Up,too much\r\n", "line 2"),
        (b"idol\r\n" + b"a\r\n" * 2001, "file"),
        (b"idol" + b",x" * 100 + b"\r\n", "file"),
        (b"idol\r\n" + b"x" * 140_000 + b"\r\n", "line 2"),
    ],
    ids=range(15),
)
@pytest.mark.parametrize("path", IMPORTS)
def test_what_is_no_such_file_is_refused(mina: Person, path: str, data: bytes, field: str) -> None:
    assert invalid_fields(send(mina, path, data)) == {field}


def test_limits_hold_for_the_whole_file(mina: Person, connection: Connection) -> None:
    lines: list[dict[str, Any]] = [{"idol": "Haerin", "quantity": 50}] * 20
    data_of(send(mina, "/cards/import", lines))
    details = refused(send(mina, "/cards/import", [{"idol": "Minji"}]), 422, "422_LIMIT_EXCEEDED")
    assert details == {
        "limit_key": "cards_without_picture_max",
        "limit_value": 1000,
        "current_value": 1000,
        "reset_at": None,
    }
    wishes = [{"idol": f"Idol {n}"} for n in range(101)]
    details = refused(send(mina, "/wishlist/import", wishes), 422, "422_LIMIT_EXCEEDED")
    assert (details["limit_key"], details["current_value"]) == ("wishlist_items_max", 0)
    assert stored(connection) == (1000, 0, 1)
    assert data_of(send(mina, "/wishlist/import", wishes[:100]))["imported_count"] == 100
    # A line that is on the list already needs no room.
    assert data_of(send(mina, "/wishlist/import", wishes[:100]))["skipped_count"] == 100
