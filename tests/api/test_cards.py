"""Binders over HTTP."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, insert, select

from kcardswap.api.limits import RateLimits
from kcardswap.domain.media import ImageType
from kcardswap.domain.quotas import MIB
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.quotas import quota_usage
from kcardswap.runtime import Runtime
from tests.binders import CARD_FIELDS, PICTURE, data_of, set_status
from tests.conftest import MovableClock
from tests.people import API, MakePerson, Person, invalid_fields, refused
from tests.pictures import announce, encoded, path_of, put, put_card, upload_card

UPLOAD = {"content_type": "image/jpeg", "file_size_bytes": len(PICTURE)}
TEXTS = {"idol": 100, "idol_group": 100, "album": 100, "version": 100, "note": 500}


@pytest.fixture
def mina(person: MakePerson) -> Person:
    return person("mina")


@pytest.fixture
def yuna(person: MakePerson) -> Person:
    return person("yuna")


def test_a_card_is_announced_uploaded_confirmed_and_shown(mina: Person, clock: MovableClock) -> None:
    announced = data_of(
        mina.post(
            "/cards/upload-url",
            {**UPLOAD, "idol": " Haerin ", "idol_group": "NewJeans", "rarity": "rare", "condition": "mint"},
        )
    )
    assert set(announced) == {
        "upload_url",
        "method",
        "required_headers",
        "image_url",
        "expires_at",
        "card_id",
    }
    assert announced["method"] == "PUT"
    assert announced["required_headers"] == {"Content-Type": "image/jpeg"}
    assert announced["expires_at"] == (clock.now() + timedelta(minutes=15)).isoformat().replace("+00:00", "Z")
    stored = put(mina, announced["upload_url"], PICTURE)
    assert (stored.status_code, stored.get_data()) == (200, b"")
    confirmed = data_of(mina.post(f"/cards/{announced['card_id']}/confirm-upload"))
    assert set(confirmed) == {"success", "message"}
    assert confirmed["success"] is True
    [card] = data_of(mina.get("/cards/me"))
    assert set(card) == CARD_FIELDS
    assert (card["id"], card["owner_id"]) == (announced["card_id"], str(mina.user_id))
    assert (card["idol"], card["idol_group"], card["rarity"], card["condition"]) == (
        "Haerin",
        "NewJeans",
        "rare",
        "mint",
    )
    assert (card["status"], card["upload_status"], card["size_bytes"]) == (
        "available",
        "confirmed",
        len(PICTURE),
    )
    assert card["image_url"] == announced["image_url"]
    shown = mina.client.get(path_of(card["image_url"]))
    assert (shown.status_code, shown.mimetype) == (200, "image/jpeg")


def test_a_card_may_start_held(mina: Person) -> None:
    upload_card(mina, status="held")
    [card] = data_of(mina.get("/cards/me"))
    assert card["status"] == "held"


@pytest.mark.parametrize("content_type", ["image/jpeg", "image/png", "image/webp"])
def test_cards_take_three_kinds_of_pictures(mina: Person, content_type: str) -> None:
    data = encoded(ImageType(content_type))
    announced = announce(mina, data, content_type=content_type)
    assert announced["required_headers"] == {"Content-Type": content_type}
    assert put(mina, announced["upload_url"], data, content_type).status_code == 200
    assert mina.post(f"/cards/{announced['card_id']}/confirm-upload").status_code == 200
    assert mina.client.get(path_of(announced["image_url"])).mimetype == content_type


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("content_type", "image/gif"),
        ("content_type", "image/heic"),
        ("content_type", "text/html"),
        ("content_type", None),
        ("content_type", 1),
        ("file_size_bytes", 0),
        ("file_size_bytes", -1),
        ("file_size_bytes", 1.5),
        ("file_size_bytes", "1000"),
        ("file_size_bytes", True),
        ("file_size_bytes", None),
        ("file_size_bytes", 2**63),
        ("photocard_id", "x"),
        ("photocard_id", 5),
        ("rarity", "mythic"),
        ("condition", "new"),
        ("status", "trading"),
        ("status", "traded"),
        ("status", None),
        *((name, "x" * (limit + 1)) for name, limit in TEXTS.items()),
        *((name, "nul\x00") for name in TEXTS),
        *((name, 5) for name in TEXTS),
    ],
)
def test_a_defect_of_an_announcement_names_its_field(mina: Person, field: str, value: Any) -> None:
    assert invalid_fields(mina.post("/cards/upload-url", {**UPLOAD, field: value})) == {field}


@pytest.mark.parametrize("field", list(TEXTS))
def test_half_of_a_surrogate_pair_is_refused(mina: Person, field: str) -> None:
    body = json.dumps({**UPLOAD, field: "\ud800"})
    answer = mina.post("/cards/upload-url", data=body, headers={"Content-Type": "application/json"})
    assert invalid_fields(answer) == {field}


@pytest.mark.parametrize("field", ["content_type", "file_size_bytes"])
def test_an_announcement_needs_type_and_size(mina: Person, field: str) -> None:
    body = {name: value for name, value in UPLOAD.items() if name != field}
    assert invalid_fields(mina.post("/cards/upload-url", body)) == {field}


def test_texts_may_have_exactly_their_greatest_length_in_any_script(mina: Person) -> None:
    longest = {name: "해" * limit for name, limit in TEXTS.items()}
    card_id = upload_card(mina, **longest)
    [card] = data_of(mina.get("/cards/me"))
    assert {name: card[name] for name in TEXTS} == longest
    assert data_of(mina.patch(f"/cards/{card_id}", {"idol": "ﷺ" * 100}))["idol"] == "ﷺ" * 100


def test_blank_texts_count_as_none_and_unknown_keys_have_no_effect(mina: Person, yuna: Person) -> None:
    upload_card(mina, idol="  ", owner_id=str(yuna.user_id), upload_status="pending", id=str(uuid4()))
    [card] = data_of(mina.get("/cards/me"))
    assert card["idol"] is None
    assert card["owner_id"] == str(mina.user_id)


def test_an_unknown_photocard_is_not_found(mina: Person) -> None:
    answer = mina.post("/cards/upload-url", {**UPLOAD, "photocard_id": str(uuid4())})
    assert refused(answer, 404, "404_NOT_FOUND") == {"resource_type": "photocard"}
    card_id = upload_card(mina)
    answer = mina.patch(f"/cards/{card_id}", {"photocard_id": str(uuid4())})
    assert refused(answer, 404, "404_NOT_FOUND") == {"resource_type": "photocard"}


def test_limits_are_refused_with_their_four_details(mina: Person, runtime: Runtime) -> None:
    too_large = {**UPLOAD, "file_size_bytes": 2 * MIB + 1}
    assert refused(mina.post("/cards/upload-url", too_large), 422, "422_LIMIT_EXCEEDED") == {
        "limit_key": "media_file_bytes_max",
        "limit_value": 2 * MIB,
        "current_value": 2 * MIB + 1,
        "reset_at": None,
    }
    for _ in range(3):
        announce(mina, PICTURE)
    reset_at = runtime.quota_calendar.day(runtime.clock.now()).reset_at
    assert refused(mina.post("/cards/upload-url", UPLOAD), 422, "422_LIMIT_EXCEEDED") == {
        "limit_key": "cards_per_day",
        "limit_value": 3,
        "current_value": 3,
        "reset_at": reset_at.isoformat().replace("+00:00", "Z"),
    }


def test_a_full_binder_takes_no_more_pictures(mina: Person, runtime: Runtime) -> None:
    put_card(runtime, mina.user_id, size_bytes=100 * MIB)
    details = refused(mina.post("/cards/upload-url", UPLOAD), 422, "422_LIMIT_EXCEEDED")
    assert details["limit_key"] == "card_storage_bytes_max"


def test_the_month_runs_out_at_confirm(mina: Person, runtime: Runtime, connection: Connection) -> None:
    now = runtime.clock.now()
    connection.execute(
        insert(quota_usage).values(
            user_id=mina.user_id,
            limit_key="media_bytes_per_month",
            period_start=runtime.quota_calendar.month(now).start,
            used=50 * MIB,
            updated_at=now,
        )
    )
    announced = announce(mina, PICTURE)
    put(mina, announced["upload_url"], PICTURE)
    answer = mina.post(f"/cards/{announced['card_id']}/confirm-upload")
    assert refused(answer, 422, "422_LIMIT_EXCEEDED")["limit_key"] == "media_bytes_per_month"


def test_both_upload_urls_share_one_rate_limit(app: Flask, mina: Person, yuna: Person) -> None:
    settings = app.extensions["kcardswap"].settings
    app.extensions["rate_limits"] = RateLimits(replace(settings, rate_limit_media="2/30 minutes"))
    assert mina.post("/cards/upload-url", UPLOAD).status_code == 200
    assert mina.post("/media/upload-url", UPLOAD).status_code == 201
    for path in ("/cards/upload-url", "/media/upload-url"):
        answer = mina.post(path, UPLOAD)
        details = refused(answer, 429, "429_RATE_LIMIT_EXCEEDED")
        assert (details["limit_key"], details["limit_value"]) == ("media_uploads", 2)
        assert "2/2" in answer.get_json()["error"]["message"]
        assert int(answer.headers["Retry-After"]) > 0
    assert yuna.post("/cards/upload-url", UPLOAD).status_code == 200


def test_confirming_is_refused_without_an_upload_and_safe_to_repeat(mina: Person) -> None:
    announced = announce(mina, PICTURE)
    path = f"/cards/{announced['card_id']}/confirm-upload"
    refused(mina.post(path), 409, "409_CONFLICT", "upload_missing")
    put(mina, announced["upload_url"], PICTURE)
    assert data_of(mina.post(path)) == data_of(mina.post(path))


def test_a_picture_of_another_type_is_a_bad_request(mina: Person) -> None:
    data = encoded(ImageType.PNG)
    announced = announce(mina, data)
    put(mina, announced["upload_url"], data)
    assert invalid_fields(mina.post(f"/cards/{announced['card_id']}/confirm-upload")) == {"file"}


def test_a_keyed_announcement_and_confirmation_are_answered_once(mina: Person) -> None:
    key = {"Idempotency-Key": "card-1"}
    first, again = (mina.post("/cards/upload-url", UPLOAD, headers=key) for _ in range(2))
    assert first.get_data() == again.get_data()
    assert again.headers["Idempotent-Replayed"] == "true"
    announced = first.get_json()["data"]
    path = f"/cards/{announced['card_id']}/confirm-upload"
    key = {"Idempotency-Key": "confirm-1"}
    refused(mina.post(path, headers=key), 409, "409_CONFLICT", "upload_missing")
    put(mina, announced["upload_url"], PICTURE)
    assert mina.post(path, headers=key).status_code == 200
    assert mina.post(path, headers=key).headers["Idempotent-Replayed"] == "true"
    [card] = data_of(mina.get("/cards/me"))
    assert card["upload_status"] == "confirmed"


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/cards/{}/confirm-upload"), ("PATCH", "/cards/{}"), ("DELETE", "/cards/{}")],
)
def test_foreign_unknown_and_malformed_cards_are_refused(
    mina: Person, yuna: Person, method: str, path: str
) -> None:
    def act(person: Person, card_id: object) -> Any:
        return getattr(person, method.lower())(path.format(card_id), {})

    card_id = upload_card(mina)
    refused(act(yuna, card_id), 403, "403_FORBIDDEN", "not_owner")
    assert refused(act(mina, uuid4()), 404, "404_NOT_FOUND") == {"resource_type": "card"}
    assert invalid_fields(act(mina, "x")) == {"card_id"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/cards/upload-url"),
        ("POST", f"/cards/{UUID(int=1)}/confirm-upload"),
        ("GET", "/cards/me"),
        ("GET", "/cards/quota/status"),
        ("PATCH", f"/cards/{UUID(int=1)}"),
        ("DELETE", f"/cards/{UUID(int=1)}"),
        ("GET", f"/users/{UUID(int=1)}/cards"),
    ],
)
def test_binders_are_for_people_who_signed_in(client: FlaskClient, method: str, path: str) -> None:
    refused(client.open(API + path, method=method), 401, "401_UNAUTHORIZED", "missing")


def test_editing_changes_what_is_sent_and_clears_what_is_null(mina: Person) -> None:
    card_id = upload_card(mina, idol="Haerin", album="Get Up", rarity="rare", note="x")
    changed = data_of(
        mina.patch(
            f"/cards/{card_id}",
            {"idol": "Minji", "rarity": None, "note": " ", "condition": "good", "status": "held"},
        )
    )
    assert set(changed) == CARD_FIELDS
    assert (changed["idol"], changed["album"], changed["rarity"], changed["note"]) == (
        "Minji",
        "Get Up",
        None,
        None,
    )
    assert (changed["condition"], changed["status"]) == ("good", "held")
    assert data_of(mina.get("/cards/me")) == [changed]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "trading"),
        ("status", "traded"),
        ("status", None),
        ("rarity", "x"),
        ("condition", ""),
        ("photocard_id", "x"),
        *((name, "x" * (limit + 1)) for name, limit in TEXTS.items()),
    ],
)
def test_a_defect_of_an_edit_names_its_field(mina: Person, field: str, value: Any) -> None:
    card_id = upload_card(mina)
    assert invalid_fields(mina.patch(f"/cards/{card_id}", {field: value})) == {field}


def test_read_only_fields_of_a_card_stay(mina: Person, yuna: Person) -> None:
    card_id = upload_card(mina)
    before = data_of(mina.get("/cards/me"))[0]
    sent = {"owner_id": str(yuna.user_id), "id": str(uuid4()), "size_bytes": 1, "upload_status": "pending"}
    assert data_of(mina.patch(f"/cards/{card_id}", sent)) == before


@pytest.mark.parametrize(("status", "reason"), [("trading", "card_in_trade"), ("traded", "card_traded")])
def test_cards_trades_decide_about_are_not_edited(
    mina: Person, connection: Connection, status: str, reason: str
) -> None:
    card_id = upload_card(mina)
    set_status(connection, card_id, status)
    details = refused(mina.patch(f"/cards/{card_id}", {"note": "x"}), 422, "422_INVALID_STATE", reason)
    assert details["status"] == status


def test_deleting_removes_card_and_picture(mina: Person) -> None:
    card_id = upload_card(mina)
    [card] = data_of(mina.get("/cards/me"))
    assert set(data_of(mina.delete(f"/cards/{card_id}"))) == {"success", "message"}
    assert data_of(mina.get("/cards/me")) == []
    refused(mina.delete(f"/cards/{card_id}"), 404, "404_NOT_FOUND")
    refused(mina.client.get(path_of(card["image_url"])), 404, "404_NOT_FOUND")


def test_a_reserved_card_is_not_deleted(mina: Person, connection: Connection) -> None:
    card_id = upload_card(mina)
    set_status(connection, card_id, "trading")
    refused(mina.delete(f"/cards/{card_id}"), 422, "422_INVALID_STATE", "card_in_trade")


def test_a_picture_that_came_late_leaves_no_trace_of_the_upload(mina: Person, connection: Connection) -> None:
    announced = announce(mina, PICTURE)
    put(mina, announced["upload_url"], PICTURE)
    mina.delete(f"/cards/{announced['card_id']}")
    refused(mina.post(f"/cards/{announced['card_id']}/confirm-upload"), 404, "404_NOT_FOUND")
    assert connection.scalar(select(cards.c.upload_status)) == "pending"
