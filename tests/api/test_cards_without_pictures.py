"""Imported cards over HTTP until their pictures are there."""

from dataclasses import replace
from uuid import uuid4

import pytest
from flask import Flask

from kcardswap.api.limits import RateLimits
from kcardswap.domain.quotas import MIB
from tests.binders import PICTURE, data_of
from tests.people import MakePerson, Person, invalid_fields, refused
from tests.pictures import put, upload_card
from tests.sheets import HAERIN, send


@pytest.fixture
def mina(person: MakePerson) -> Person:
    return person("mina")


@pytest.fixture
def yuna(person: MakePerson) -> Person:
    return person("yuna")


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
