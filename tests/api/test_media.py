"""Pictures over HTTP: upload, confirm, read."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, insert, select

from kcardswap.domain.errors import WriteConflict
from kcardswap.domain.media import ImageType
from kcardswap.domain.quotas import MIB
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.quotas import quota_usage
from kcardswap.runtime import Runtime
from kcardswap.services import idempotency
from tests.binders import PICTURE, data_of
from tests.people import API, MakePerson, Person, invalid_fields, refused
from tests.pictures import path_of, put, talkative, upload_card

UPLOAD = {"content_type": "image/jpeg", "file_size_bytes": len(PICTURE)}


@pytest.fixture
def mina(person: MakePerson) -> Person:
    return person("mina")


@pytest.fixture
def yuna(person: MakePerson) -> Person:
    return person("yuna")


def uploaded(person: Person, data: bytes = PICTURE, content_type: str = "image/jpeg") -> str:
    """Announce and upload a picture and return its id."""
    body = {"content_type": content_type, "file_size_bytes": len(data)}
    announced = data_of(person.post("/media/upload-url", body), 201)
    assert put(person, announced["upload_url"], data, content_type).status_code == 200
    media_id: str = announced["media_id"]
    return media_id


def confirmed(person: Person) -> str:
    media_id = uploaded(person)
    assert person.post(f"/media/{media_id}/confirm").status_code == 200
    return media_id


def read_urls(person: Person, *ids: object) -> dict[str, str]:
    urls: dict[str, str] = data_of(
        person.post("/media/read-urls", {"media_asset_ids": [str(media_id) for media_id in ids]})
    )["urls"]
    return urls


def test_an_announcement_says_where_and_how_to_upload(mina: Person) -> None:
    announced = data_of(mina.post("/media/upload-url", {**UPLOAD, "filename": "IMG_1.JPG"}), 201)
    assert set(announced) == {"media_id", "upload_url", "method", "required_headers", "expires_in_minutes"}
    assert (announced["method"], announced["expires_in_minutes"]) == ("PUT", 15)
    assert announced["required_headers"] == {"Content-Type": "image/jpeg"}


@pytest.mark.parametrize("kind", list(ImageType))
def test_every_kind_of_picture_is_confirmed_and_shown(mina: Person, kind: ImageType) -> None:
    data = talkative(kind)
    media_id = uploaded(mina, data, kind.value)
    answer = mina.post(f"/media/{media_id}/confirm")
    assert data_of(answer) == {"media_id": media_id, "status": "confirmed", "file_size_bytes": len(data)}
    shown = mina.client.get(path_of(read_urls(mina, media_id)[media_id]))
    assert (shown.status_code, shown.mimetype) == (200, kind.stored_as.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("content_type", "image/svg+xml"),
        ("content_type", "application/pdf"),
        ("content_type", None),
        ("file_size_bytes", 0),
        ("file_size_bytes", "5"),
        ("file_size_bytes", None),
        ("filename", "x" * 256),
        ("filename", 5),
        ("filename", "nul\x00"),
    ],
)
def test_a_defect_of_an_announcement_names_its_field(mina: Person, field: str, value: Any) -> None:
    assert invalid_fields(mina.post("/media/upload-url", {**UPLOAD, field: value})) == {field}


@pytest.mark.parametrize("field", ["content_type", "file_size_bytes"])
def test_an_announcement_needs_type_and_size(mina: Person, field: str) -> None:
    body = {name: value for name, value in UPLOAD.items() if name != field}
    assert invalid_fields(mina.post("/media/upload-url", body)) == {field}


def test_a_file_the_plan_does_not_take_is_refused(mina: Person) -> None:
    body = {**UPLOAD, "file_size_bytes": 2 * MIB + 1}
    details = refused(mina.post("/media/upload-url", body), 422, "422_LIMIT_EXCEEDED")
    assert (details["limit_key"], details["reset_at"]) == ("media_file_bytes_max", None)


def test_confirming_again_has_the_same_answer(mina: Person) -> None:
    media_id = uploaded(mina)
    first, again = (mina.post(f"/media/{media_id}/confirm") for _ in range(2))
    assert first.get_data() == again.get_data()


def test_confirming_before_the_upload_is_a_conflict(mina: Person) -> None:
    media_id = data_of(mina.post("/media/upload-url", UPLOAD), 201)["media_id"]
    refused(mina.post(f"/media/{media_id}/confirm"), 409, "409_CONFLICT", "upload_missing")


def test_a_file_that_is_no_picture_is_a_bad_request(mina: Person) -> None:
    media_id = uploaded(mina, b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    assert invalid_fields(mina.post(f"/media/{media_id}/confirm")) == {"file"}


def test_foreign_unknown_and_malformed_pictures_are_refused(mina: Person, yuna: Person) -> None:
    media_id = uploaded(mina)
    refused(yuna.post(f"/media/{media_id}/confirm"), 403, "403_FORBIDDEN", "not_owner")
    assert refused(mina.post(f"/media/{uuid4()}/confirm"), 404, "404_NOT_FOUND") == {"resource_type": "media"}
    assert invalid_fields(mina.post("/media/x/confirm")) == {"media_id"}


def test_the_bytes_of_the_month_are_refused_with_their_four_details(
    mina: Person, runtime: Runtime, connection: Connection
) -> None:
    now = runtime.clock.now()
    month = runtime.quota_calendar.month(now)
    connection.execute(
        insert(quota_usage).values(
            user_id=mina.user_id,
            limit_key="media_bytes_per_month",
            period_start=month.start,
            used=50 * MIB,
            updated_at=now,
        )
    )
    answer = mina.post(f"/media/{uploaded(mina)}/confirm")
    assert refused(answer, 422, "422_LIMIT_EXCEEDED") == {
        "limit_key": "media_bytes_per_month",
        "limit_value": 50 * MIB,
        "current_value": 50 * MIB,
        "reset_at": month.reset_at.isoformat().replace("+00:00", "Z"),
    }


@pytest.mark.parametrize("path", ["/media/upload-url", f"/media/{UUID(int=1)}/confirm", "/media/read-urls"])
def test_pictures_are_for_people_who_signed_in(client: FlaskClient, path: str) -> None:
    refused(client.post(API + path), 401, "401_UNAUTHORIZED", "missing")


def test_a_keyed_confirmation_is_replayed(mina: Person) -> None:
    media_id, key = uploaded(mina), {"Idempotency-Key": "confirm"}
    first, again = (mina.post(f"/media/{media_id}/confirm", headers=key) for _ in range(2))
    assert first.get_data() == again.get_data()
    assert again.headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("kind", ["media", "cards"])
def test_a_keyed_confirmation_that_has_to_be_repeated_still_finds_the_upload(
    mina: Person, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    answers = [WriteConflict(), None]
    keep = idempotency.keep

    def keep_later(*args: Any, **options: Any) -> None:
        refusal = answers.pop(0)
        if refusal is not None:
            raise refusal
        keep(*args, **options)

    if kind == "media":
        path = f"/media/{uploaded(mina)}/confirm"
    else:
        announced = data_of(mina.post("/cards/upload-url", UPLOAD))
        assert put(mina, announced["upload_url"], PICTURE).status_code == 200
        path = f"/cards/{announced['card_id']}/confirm-upload"
    monkeypatch.setattr(idempotency, "keep", keep_later)
    assert mina.post(path, headers={"Idempotency-Key": "confirm"}).status_code == 200
    assert answers == []


def test_read_urls_leave_out_what_the_caller_may_not_see(
    mina: Person, yuna: Person, connection: Connection
) -> None:
    own, pending = confirmed(mina), uploaded(mina)
    foreign, unknown = confirmed(yuna), uuid4()
    offered_card = upload_card(yuna)
    offered = connection.scalar(select(cards.c.media_asset_id).where(cards.c.id == offered_card))
    urls = read_urls(mina, own, own, pending, foreign, unknown, offered)
    assert set(urls) == {own, str(offered)}
    for url in urls.values():
        assert mina.client.get(path_of(url)).status_code == 200


def test_read_urls_say_how_long_they_hold_and_ignore_a_key(mina: Person) -> None:
    body = {"media_asset_ids": [str(uuid4())]}
    for _ in range(2):
        answer = mina.post("/media/read-urls", body, headers={"Idempotency-Key": "r"})
        assert data_of(answer) == {"urls": {}, "expires_in_minutes": 10}
        assert "Idempotent-Replayed" not in answer.headers


@pytest.mark.parametrize("ids", [[], [str(UUID(int=1))] * 51, None, "x", 5])
def test_a_defect_of_the_list_of_ids_is_named(mina: Person, ids: Any) -> None:
    assert invalid_fields(mina.post("/media/read-urls", {"media_asset_ids": ids})) == {"media_asset_ids"}


def test_a_malformed_id_is_named_with_its_place(mina: Person) -> None:
    body = {"media_asset_ids": [str(uuid4()), "x"]}
    assert invalid_fields(mina.post("/media/read-urls", body)) == {"media_asset_ids.1"}


def test_fifty_ids_are_taken(mina: Person) -> None:
    assert read_urls(mina, *[uuid4()] * 50) == {}


def test_reading_costs_one_statement_beside_authentication(mina: Person, count_sql: Any) -> None:
    ids = [confirmed(mina) for _ in range(3)]
    with count_sql() as sent:
        assert set(read_urls(mina, *ids)) == set(ids)
        assert sent() <= 2
