"""Binders and wishlists as spreadsheets over HTTP."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import Connection, func, insert, select

from kcardswap.api.limits import RateLimits
from kcardswap.domain.quotas import MIB
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.catalog import photocards
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.persistence.orm.wishlist import wishlist_items
from kcardswap.runtime import Runtime
from tests.binders import CARD_FIELDS, PICTURE, data_of, set_status
from tests.conftest import MovableClock
from tests.people import MakePerson, Person, invalid_fields, refused
from tests.pictures import put, put_card, upload_card
from tests.sheets import CSV, lines_of, send, sheet

CARD_COLUMNS = [
    *("id", "photocard_id", "idol_group", "idol", "album", "version"),
    *("rarity", "condition", "note", "status", "created_at"),
]
WISH_COLUMNS = [
    *("photocard_id", "idol_group", "idol", "album", "version"),
    *("priority", "min_condition", "note"),
]
HAERIN = {"idol_group": "NewJeans", "idol": "Haerin", "album": "Get Up", "version": "A"}
IMPORTS = ["/cards/import", "/wishlist/import"]


@pytest.fixture
def mina(person: MakePerson) -> Person:
    return person("mina")


@pytest.fixture
def yuna(person: MakePerson) -> Person:
    return person("yuna")


def stored(connection: Connection) -> tuple[int, int, int]:
    """Return how many cards, wishes and photocards there are."""
    return tuple(  # type: ignore[return-value]
        connection.scalar(select(func.count()).select_from(table)) or 0
        for table in (cards, wishlist_items, photocards)
    )


# Taking out


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


# Taking in


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


def test_others_see_an_imported_card_once_its_picture_is_there(mina: Person, yuna: Person) -> None:
    send(mina, "/cards/import", [HAERIN])
    path = f"/users/{mina.user_id}/cards"
    assert data_of(yuna.get(path))["cards"] == []
    [card] = data_of(mina.get("/cards/me"))
    announced = data_of(
        mina.post(
            f"/cards/{card['id']}/upload-url",
            {"content_type": "image/jpeg", "file_size_bytes": len(PICTURE)},
        )
    )
    assert announced["card_id"] == card["id"] and announced["method"] == "PUT"
    assert put(mina, announced["upload_url"], PICTURE).status_code == 200
    data_of(mina.post(f"/cards/{card['id']}/confirm-upload"))
    [shown] = data_of(yuna.get(path))["cards"]
    assert (shown["id"], shown["image_url"]) == (card["id"], announced["image_url"])
    assert data_of(mina.get("/cards/quota/status"))["uploads_today"] == 1


def test_an_upload_url_is_for_the_owner_of_a_card_without_its_picture(mina: Person, yuna: Person) -> None:
    upload = {"content_type": "image/jpeg", "file_size_bytes": len(PICTURE)}
    confirmed = upload_card(mina)
    details = refused(
        mina.post(f"/cards/{confirmed}/upload-url", upload), 422, "422_INVALID_STATE", "not_pending"
    )
    assert details["status"] == "confirmed"
    refused(yuna.post(f"/cards/{confirmed}/upload-url", upload), 403, "403_FORBIDDEN", "not_owner")
    assert refused(mina.post(f"/cards/{uuid4()}/upload-url", upload), 404, "404_NOT_FOUND") == {
        "resource_type": "card"
    }
    assert invalid_fields(mina.post("/cards/x/upload-url", upload)) == {"card_id"}
    for field, value in (("content_type", "image/gif"), ("file_size_bytes", 0)):
        assert invalid_fields(mina.post(f"/cards/{confirmed}/upload-url", {**upload, field: value})) == {
            field
        }
    assert invalid_fields(mina.post(f"/cards/{confirmed}/upload-url", {})) == set(upload)


def test_an_upload_url_meets_the_limits_of_new_cards(mina: Person, app: Flask) -> None:
    send(mina, "/cards/import", [{"quantity": 4}])
    path = "/cards/{id}/upload-url"
    upload = {"content_type": "image/jpeg", "file_size_bytes": len(PICTURE)}
    made = [path.format(id=card["id"]) for card in data_of(mina.get("/cards/me"))]
    for each in made[:3]:
        data_of(mina.post(each, upload))
    details = refused(mina.post(made[3], upload), 422, "422_LIMIT_EXCEEDED")
    assert (details["limit_key"], details["current_value"]) == ("cards_per_day", 3)
    too_large = {**upload, "file_size_bytes": 2 * MIB + 1}
    details = refused(mina.post(made[0], too_large), 422, "422_LIMIT_EXCEEDED")
    assert details["limit_key"] == "media_file_bytes_max"
    app.extensions["rate_limits"] = RateLimits(
        replace(app.extensions["kcardswap"].settings, rate_limit_media="1/30 minutes")
    )
    assert mina.post(made[0], upload).status_code == 200
    details = refused(mina.post("/cards/upload-url", upload), 429, "429_RATE_LIMIT_EXCEEDED")
    assert details["limit_key"] == "media_uploads"


def test_cards_without_a_picture_are_among_the_quotas(mina: Person) -> None:
    send(mina, "/cards/import", [{"quantity": 7}])
    [item] = [
        item
        for item in data_of(mina.get("/quotas/me"))["items"]
        if item["limit_key"] == "cards_without_picture_max"
    ]
    assert item == {
        "limit_key": "cards_without_picture_max",
        "limit_value": 1000,
        "current_value": 7,
        "reset_at": None,
    }


def test_both_answers_are_in_the_document(app: Flask) -> None:
    paths = app.test_client().get("/api/v1/openapi.json").get_json()["paths"]
    for path in ("/api/v1/cards/me", "/api/v1/wishlist"):
        content = paths[path]["get"]["responses"]["200"]["content"]
        assert set(content) == {"application/json", "text/csv"}
        assert content["text/csv"]["schema"] == {"type": "string"}
    for path in IMPORTS:
        body = paths[f"/api/v1{path}"]["post"]["requestBody"]
        assert set(body["content"]) == {"multipart/form-data"}


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


@pytest.mark.parametrize("path", IMPORTS)
def test_a_file_from_another_catalog_is_matched_by_its_words(mina: Person, path: str) -> None:
    photocard = data_of(mina.post("/catalog/photocards", HAERIN), 201)
    report = data_of(send(mina, path, [{**HAERIN, "photocard_id": str(uuid4())}]))
    assert report["items"][0]["photocard_id"] == photocard["id"]


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


def test_a_file_with_only_a_header_imports_nothing(mina: Person) -> None:
    report = data_of(send(mina, "/cards/import", b"idol,album"))
    assert (report["imported_count"], report["items"]) == (0, [])


def test_a_file_may_have_two_thousand_lines(mina: Person, connection: Connection, runtime: Runtime) -> None:
    lines = [{"idol": f"Idol {n % 500}", "quantity": 1} for n in range(900)] + [{"status": "traded"}] * 1100
    report = data_of(send(mina, "/cards/import", lines))
    assert (report["imported_count"], report["skipped_count"], report["new_photocards"]) == (900, 1100, 500)


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
