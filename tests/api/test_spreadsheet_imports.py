"""Spreadsheets taken into binders and wishlists over HTTP: what their lines become."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, func, select, update

from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.catalog import photocards
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.runtime import Runtime
from tests.binders import CARD_FIELDS, data_of, set_status
from tests.people import MakePerson, Person, refused
from tests.photocards import Shelf, group_named
from tests.pictures import upload_card
from tests.sheets import CARD_COLUMNS, CSV, HAERIN, IMPORTS, lines_of, send, sheet, stored


@pytest.fixture
def mina(person: MakePerson) -> Person:
    return person("mina")


@pytest.fixture
def yuna(person: MakePerson) -> Person:
    return person("yuna")


def test_cards_are_imported_without_a_picture(mina: Person, connection: Connection) -> None:
    lines: list[dict[str, Any]] = [
        {**HAERIN, "rarity": "rare", "condition": "mint", "note": "signed", "status": "held"},
        {"idol": "Minji", "quantity": 2},
    ]
    report = data_of(send(mina, "/cards/import", lines))
    first, second = report["items"]
    assert report == {
        "dry_run": False,
        "imported_count": 3,
        "skipped_count": 0,
        "matched_photocards": 0,
        "new_photocards": 2,
        "unknown_columns": [],
        "items": [first, second],
    }
    assert first == {
        "line": 2,
        "outcome": "imported",
        "reason": None,
        "quantity": 1,
        "photocard": "new",
        "photocard_id": first["photocard_id"],
    }
    assert (second["line"], second["quantity"]) == (3, 2)
    card, *minjis = data_of(mina.get("/cards/me"))
    assert set(card) == CARD_FIELDS
    assert {name: card[name] for name in lines[0]} == lines[0]
    assert (card["photocard_id"], card["image_url"], card["upload_status"]) == (
        first["photocard_id"],
        None,
        "pending",
    )
    assert [(each["idol"], each["status"]) for each in minjis] == [("Minji", "available")] * 2
    assert data_of(mina.get("/cards/quota/status"))["uploads_today"] == 0


def test_wishes_are_imported(mina: Person, connection: Connection) -> None:
    known = data_of(mina.post("/wishlist", {"idol": "Hanni", "priority": 3, "note": "mine"}), 201)
    lines: list[dict[str, Any]] = [
        {**HAERIN, "priority": 1, "min_condition": "good", "note": "any"},
        {"idol": "hanni", "priority": 1},
        {"idol": " HAERIN ", "idol_group": "new jeans", "album": "getup", "version": "a"},
        {"idol": "Minji"},
    ]
    report = data_of(send(mina, "/wishlist/import", lines))
    assert (report["imported_count"], report["skipped_count"]) == (2, 2)
    assert (report["matched_photocards"], report["new_photocards"]) == (1, 2)
    assert [(item["outcome"], item["reason"]) for item in report["items"]] == [
        ("imported", None),
        ("skipped", "wish_exists"),
        ("skipped", "wish_exists"),
        ("imported", None),
    ]
    assert report["items"][1]["photocard_id"] == known["photocard"]["id"]
    items = data_of(mina.get("/wishlist"))["items"]
    assert [(item["photocard"]["idol"], item["priority"], item["note"]) for item in items] == [
        ("Haerin", 1, "any"),
        ("Minji", 2, None),
        ("Hanni", 3, "mine"),
    ]
    events = list(connection.scalars(select(outbox.c.event_type)))
    assert events.count("WishAdded") == 3


@pytest.mark.parametrize("path", IMPORTS)
def test_a_dry_run_tells_the_same_and_keeps_nothing(mina: Person, connection: Connection, path: str) -> None:
    mina.post("/wishlist", {"idol": "Hanni"})
    mina.delete(f"/wishlist/{data_of(mina.get('/wishlist'))['items'][0]['id']}")
    before, events = stored(connection), connection.scalar(select(func.count()).select_from(outbox))
    lines = [HAERIN, {"idol": "Hanni"}]
    tried = data_of(send(mina, path, lines, dry_run="true"))
    assert stored(connection) == before
    assert connection.scalar(select(func.count()).select_from(outbox)) == events
    assert [item["photocard"] for item in tried["items"]] == ["new", "matched"]
    assert tried["items"][0]["photocard_id"] is None and tried["items"][1]["photocard_id"] is not None
    done = data_of(send(mina, path, lines, dry_run="false"))
    assert done["items"][0].pop("photocard_id") is not None
    tried["items"][0].pop("photocard_id")
    assert {**tried, "dry_run": False} == done


def test_a_binder_goes_from_one_account_to_another_and_back(mina: Person, yuna: Person) -> None:
    upload_card(mina, **HAERIN, note="=cmd|' /C calc'!A0", condition="good")
    upload_card(mina, idol="'-quoted", note='a;b,"c"\r\n\td', status="held")
    exported = mina.get("/cards/me", headers=CSV).get_data()
    assert data_of(send(yuna, "/cards/import", exported))["imported_count"] == 2
    told = [name for name in CARD_COLUMNS if name not in ("id", "created_at")]

    def cards_of(person: Person) -> list[dict[str, Any]]:
        return [{name: card[name] for name in told} for card in data_of(person.get("/cards/me?sort=oldest"))]

    assert sorted(cards_of(yuna), key=str) == sorted(cards_of(mina), key=str)


def test_what_trades_made_of_cards_is_not_taken_over(
    mina: Person, yuna: Person, connection: Connection
) -> None:
    made = {status: upload_card(mina, idol=status) for status in ("traded", "trading", "held")}
    for status in ("traded", "trading"):
        set_status(connection, made[status], status)
    connection.execute(cards.update().where(cards.c.id == made["held"]).values(status="held"))
    exported = mina.get("/cards/me?sort=oldest", headers=CSV).get_data()
    report = data_of(send(yuna, "/cards/import", exported))
    assert (report["imported_count"], report["skipped_count"]) == (2, 1)
    assert {item["reason"] for item in report["items"]} == {None, "traded"}
    taken = data_of(yuna.get("/cards/me"))
    assert {(card["idol"], card["status"]) for card in taken} == {("trading", "held"), ("held", "held")}
    assert not {card["id"] for card in taken} & {str(id) for id in made.values()}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_files_of_every_spreadsheet_program_are_read(mina: Person, delimiter: str, bom: str) -> None:
    text = (
        '\r\n" Idol Group ";IDOL;Shop;;note\r\n;;;;\r\nNewJeans;Haerin;Ktown;x;"two\nlines; really"\r\n'
    ).replace(";", delimiter)
    report = data_of(send(mina, "/cards/import", f"{bom}{text}".encode()))
    assert (report["imported_count"], report["unknown_columns"]) == (1, ["Shop"])
    assert report["items"][0]["line"] == 4
    [card] = data_of(mina.get("/cards/me"))
    assert (card["idol_group"], card["idol"], card["note"]) == (
        "NewJeans",
        "Haerin",
        f"two\nlines{delimiter} really",
    )


@pytest.mark.parametrize("path", IMPORTS)
def test_a_file_from_another_catalog_is_matched_by_its_words(mina: Person, path: str) -> None:
    photocard = data_of(mina.post("/catalog/photocards", HAERIN), 201)
    report = data_of(send(mina, path, [{**HAERIN, "photocard_id": str(uuid4())}]))
    assert report["items"][0]["photocard_id"] == photocard["id"]


def test_a_file_with_only_a_header_imports_nothing(mina: Person) -> None:
    report = data_of(send(mina, "/cards/import", b"idol,album"))
    assert (report["imported_count"], report["items"]) == (0, [])


def test_a_file_may_have_two_thousand_lines(mina: Person, connection: Connection, runtime: Runtime) -> None:
    lines = [{"idol": f"Idol {n % 500}", "quantity": 1} for n in range(900)] + [{"status": "traded"}] * 1100
    report = data_of(send(mina, "/cards/import", lines))
    assert (report["imported_count"], report["skipped_count"], report["new_photocards"]) == (900, 1100, 500)


def test_a_repeated_import_gets_the_same_answer_and_no_second_effect(
    mina: Person, connection: Connection
) -> None:
    key = {"Idempotency-Key": "import-1"}
    first, again = (send(mina, "/cards/import", [HAERIN], headers=key) for _ in range(2))
    assert first.get_data() == again.get_data()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert stored(connection)[0] == 1
    for other in (
        send(mina, "/cards/import", [{"idol": "Minji"}], headers=key),
        send(mina, "/cards/import", [HAERIN], headers=key, dry_run="true"),
        send(mina, "/wishlist/import", [HAERIN], headers=key),
    ):
        refused(other, 422, "422_INVALID_STATE", "idempotency_mismatch")


def test_a_keyed_dry_run_keeps_nothing_but_its_answer(mina: Person, connection: Connection) -> None:
    key = {"Idempotency-Key": "try-1"}
    first, again = (
        send(mina, "/cards/import", [HAERIN], headers=key, dry_run="true").get_data() for _ in range(2)
    )
    assert first == again
    assert stored(connection) == (0, 0, 0)


def test_a_sheet_of_the_tests_is_what_it_says() -> None:
    assert sheet({"a": 1}, {"b": "x,y"}) == b'a,b\r\n1,\r\n,"x,y"\r\n'


def test_names_the_catalog_has_longer_than_cards_come_back_cut(
    mina: Person, yuna: Person, runtime: Runtime, connection: Connection
) -> None:
    photocard_id = data_of(mina.post("/catalog/photocards", HAERIN), 201)["id"]
    group_id = group_named(connection, "newjeans")
    release_id = Shelf(runtime, connection).release(group_id, "T" * 150)
    connection.execute(
        update(photocards)
        .where(photocards.c.id == photocard_id)
        .values(group_id=group_id, release_id=release_id, release_text=None)
    )
    upload_card(mina, photocard_id=photocard_id)
    data_of(mina.post("/wishlist", {"photocard_id": photocard_id}), 201)
    for export, path in zip(("/cards/me", "/wishlist"), IMPORTS, strict=True):
        answer = mina.get(export, headers=CSV)
        assert [line["album"] for line in lines_of(answer)] == ["T" * 100]
        assert data_of(send(yuna, path, answer.get_data()))["imported_count"] == 1
