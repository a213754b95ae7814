"""Binders and wishlists taken out as spreadsheets over HTTP."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import Connection, insert

from kcardswap.persistence.orm.cards import cards
from kcardswap.runtime import Runtime
from tests.binders import data_of
from tests.conftest import MovableClock
from tests.people import MakePerson, Person, invalid_fields, refused
from tests.pictures import put_card, upload_card
from tests.sheets import CARD_COLUMNS, CSV, HAERIN, IMPORTS, lines_of

WISH_COLUMNS = [
    *("photocard_id", "idol_group", "idol", "album", "version"),
    *("priority", "min_condition", "note"),
]


@pytest.fixture
def mina(person: MakePerson) -> Person:
    return person("mina")


@pytest.fixture
def yuna(person: MakePerson) -> Person:
    return person("yuna")


def test_a_binder_is_downloaded_as_a_file(mina: Person, clock: MovableClock) -> None:
    card_id = upload_card(mina, **HAERIN, rarity="rare", condition="mint", note="one\ntwo", status="held")
    answer = mina.get("/cards/me", headers=CSV)
    [line] = lines_of(answer)
    [card] = data_of(mina.get("/cards/me"))
    assert list(line) == CARD_COLUMNS
    assert line == {column: card[column] for column in CARD_COLUMNS}
    assert (line["id"], line["note"], line["status"]) == (str(card_id), "one\ntwo", "held")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="kcardswap-cards-2026-03-12.csv"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert int(answer.headers["Content-Length"]) == len(answer.get_data())
    assert b"image" not in answer.get_data() and b"storage" not in answer.get_data()


def test_a_card_without_words_of_its_own_is_told_by_its_photocard(mina: Person) -> None:
    photocard = data_of(mina.post("/catalog/photocards", HAERIN), 201)
    upload_card(mina, photocard_id=photocard["id"], album="My own words")
    [line] = lines_of(mina.get("/cards/me", headers=CSV))
    assert {name: line[name] for name in HAERIN} == {**HAERIN, "album": "My own words"}


def test_a_wishlist_is_downloaded_as_a_file(mina: Person) -> None:
    wish = data_of(
        mina.post("/wishlist", {**HAERIN, "priority": 1, "min_condition": "good", "note": "=1+1"}), 201
    )
    answer = mina.get("/wishlist", headers=CSV)
    [line] = lines_of(answer)
    assert list(line) == WISH_COLUMNS
    assert line == {
        **{name: wish["photocard"][name] for name in HAERIN},
        "photocard_id": wish["photocard"]["id"],
        "priority": "1",
        "min_condition": "good",
        "note": "'=1+1",
    }
    assert "kcardswap-wishlist-2026-03-12.csv" in answer.headers["Content-Disposition"]


def test_a_file_holds_all_rows_of_the_filter_in_the_order_asked_for(
    mina: Person, yuna: Person, runtime: Runtime, clock: MovableClock
) -> None:
    start = clock.now() - timedelta(days=3)
    made = [
        put_card(runtime, mina.user_id, made_at=start + timedelta(seconds=n), idol=f"Idol {n % 2}")
        for n in range(6)
    ]
    put_card(runtime, yuna.user_id, idol="Idol 0")
    path = "/cards/me?sort=oldest&idol=IDOL0&limit=1&offset=1"
    assert [line["id"] for line in lines_of(mina.get(path, headers=CSV))] == [str(id) for id in made[::2]]
    for priority, idol in ((3, "Minji"), (1, "Hanni"), (2, "Haerin")):
        mina.post("/wishlist", {"idol": idol, "priority": priority})
    assert [line["idol"] for line in lines_of(mina.get("/wishlist", headers=CSV))] == [
        "Hanni",
        "Haerin",
        "Minji",
    ]
    [line] = lines_of(mina.get("/wishlist?priority=3", headers=CSV))
    assert line["idol"] == "Minji"


def test_an_empty_binder_is_a_file_with_its_header(mina: Person) -> None:
    assert mina.get("/cards/me", headers=CSV).get_data().decode() == (
        "\ufeff" + ",".join(CARD_COLUMNS) + "\r\n"
    )


@pytest.mark.parametrize(
    ("accept", "mimetype"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        ("text/csv;q=0.5, application/json", "application/json"),
        ("text/csv, application/json", "application/json"),
        ("text/csv;q=0", "application/json"),
        ("image/png", "application/json"),
        ("nonsense;;q=x", "application/json"),
        ("text/csv", "text/csv"),
        ("TEXT/CSV", "text/csv"),
        ("text/csv, */*;q=0.1", "text/csv"),
        ("application/json;q=0.4, text/csv;q=0.5", "text/csv"),
        ("text/*", "text/csv"),
    ],
)
@pytest.mark.parametrize("path", ["/cards/me", "/wishlist"])
def test_the_accept_header_decides_between_json_and_csv(
    mina: Person, path: str, accept: str | None, mimetype: str
) -> None:
    answer = mina.get(path, headers={} if accept is None else {"Accept": accept})
    assert (answer.status_code, answer.mimetype) == (200, mimetype)
    assert {"Accept", "Authorization", "Cookie", "Origin"} == set(answer.vary)


def test_what_is_no_spreadsheet_answers_json_and_does_not_vary(mina: Person) -> None:
    answer = mina.get("/cards/quota/status", headers=CSV)
    assert answer.mimetype == "application/json" and "Accept" not in answer.vary


def test_refusals_stay_in_the_envelope(mina: Person) -> None:
    assert invalid_fields(mina.get("/cards/me?sort=x", headers=CSV)) == {"sort"}
    answer = mina.client.get("/api/v1/cards/me", headers=CSV)
    refused(answer, 401, "401_UNAUTHORIZED", "missing")


def test_a_head_request_says_how_long_the_file_is(mina: Person) -> None:
    whole = mina.get("/cards/me", headers=CSV).get_data()
    head = mina._send("HEAD", "/cards/me", headers=CSV)
    assert (head.get_data(), head.headers["Content-Length"]) == (b"", str(len(whole)))
    head.close()


def test_a_large_binder_is_one_statement_and_one_file(
    mina: Person, connection: Connection, clock: MovableClock, count_sql: Any
) -> None:
    now = clock.now()
    row = {"owner_id": mina.user_id, "status": "held", "upload_status": "pending", "note": "x" * 500}
    connection.execute(
        insert(cards), [{**row, "id": uuid4(), "created_at": now, "updated_at": now} for _ in range(3000)]
    )
    mina.get("/profile/me")
    with count_sql() as sent:
        answer = mina.get("/cards/me", headers=CSV)
        assert sent() == 2
    assert len({line["id"] for line in lines_of(answer)}) == 3000
    answer.close()


def test_both_answers_are_in_the_document(app: Flask) -> None:
    paths = app.test_client().get("/api/v1/openapi.json").get_json()["paths"]
    for path in ("/api/v1/cards/me", "/api/v1/wishlist"):
        content = paths[path]["get"]["responses"]["200"]["content"]
        assert set(content) == {"application/json", "text/csv"}
        assert content["text/csv"]["schema"] == {"type": "string"}
    for path in IMPORTS:
        body = paths[f"/api/v1{path}"]["post"]["requestBody"]
        assert set(body["content"]) == {"multipart/form-data"}
