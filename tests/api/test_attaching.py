"""Pictures of gallery cards over HTTP."""

from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from kcardswap.domain.accounts import Role
from kcardswap.runtime import Runtime
from tests.api.test_media import confirmed, read_urls, uploaded
from tests.binders import data_of
from tests.people import API, MakePerson, Person, delete, invalid_fields, refused
from tests.pictures import path_of, upload_card
from tests.services.test_same_pictures import card_with, photograph

CARD = {"title": "My first pull", "idol_name": "Haerin"}


@pytest.fixture
def mina(person: MakePerson) -> Person:
    return person("mina")


@pytest.fixture
def yuna(person: MakePerson) -> Person:
    return person("yuna")


@pytest.fixture
def root(person: MakePerson) -> Person:
    return person("root", Role.ADMIN)


def gallery_card(person: Person) -> str:
    made: str = data_of(person.post("/gallery/cards", CARD), 201)["id"]
    return made


def attach(person: Person, media_id: object, card_id: object) -> Any:
    return person.post(f"/media/gallery/cards/{card_id}/attach", {"media_id": str(media_id)})


def test_a_picture_is_attached_shown_and_replaced(mina: Person, client: FlaskClient) -> None:
    card_id, first, second = gallery_card(mina), confirmed(mina), confirmed(mina)
    attached = {"media_id": first, "status": "attached", "attached_to": "gallery_card", "target_id": card_id}
    assert data_of(attach(mina, first, card_id)) == attached
    assert data_of(attach(mina, first, card_id)) == attached
    [card] = data_of(mina.get("/gallery/cards/me"))["items"]
    assert card["media_asset_id"] == first
    url = read_urls(mina, first)[first]
    assert client.get(path_of(url)).status_code == 200
    assert data_of(attach(mina, second, card_id))["media_id"] == second
    assert set(read_urls(mina, first, second)) == {second}
    assert client.get(path_of(url)).status_code == 404
    assert mina.delete(f"/gallery/cards/{card_id}").status_code == 204
    assert read_urls(mina, second) == {}


def test_each_refusal_of_attaching_has_its_reason(mina: Person, yuna: Person) -> None:
    mine, hers, free = gallery_card(mina), gallery_card(yuna), confirmed(mina)
    assert invalid_fields(mina.post(f"/media/gallery/cards/{mine}/attach", {})) == {"media_id"}
    assert refused(attach(mina, uuid4(), mine), 404, "404_NOT_FOUND") == {"resource_type": "media"}
    assert refused(attach(mina, free, uuid4()), 404, "404_NOT_FOUND") == {"resource_type": "gallery_card"}
    refused(attach(mina, free, hers), 403, "403_FORBIDDEN", "not_owner")
    refused(attach(yuna, free, hers), 403, "403_FORBIDDEN", "not_owner")
    refused(attach(mina, uploaded(mina), mine), 422, "422_INVALID_STATE", "media_not_confirmed")
    taken = confirmed(mina)
    data_of(attach(mina, taken, gallery_card(mina)))
    refused(attach(mina, taken, mine), 409, "409_CONFLICT", "media_already_attached")
    card = upload_card(mina)
    media = data_of(mina.post("/cards/upload-url", {"content_type": "image/jpeg", "file_size_bytes": 5}))
    refused(attach(mina, card, mine), 404, "404_NOT_FOUND")
    refused(attach(mina, media["card_id"], mine), 404, "404_NOT_FOUND")


def test_everybody_who_may_see_the_gallery_may_see_its_pictures(
    mina: Person, yuna: Person, person: MakePerson, runtime: Runtime
) -> None:
    media_id, loose = confirmed(mina), confirmed(mina)
    data_of(attach(mina, media_id, gallery_card(mina)))
    blocked = person("blocked")
    assert mina.post("/friends/block", {"user_id": str(blocked.user_id)}).status_code in (200, 201)
    assert set(read_urls(yuna, media_id, loose)) == {media_id}
    assert read_urls(blocked, media_id) == {}
    delete(runtime, mina.user_id)
    assert read_urls(yuna, media_id) == {}


def test_a_keyed_attachment_is_replayed(mina: Person) -> None:
    card_id, first, second = gallery_card(mina), confirmed(mina), confirmed(mina)
    data_of(attach(mina, first, card_id))
    path, body = f"/media/gallery/cards/{card_id}/attach", {"media_id": second}
    answers = [mina.post(path, body, headers={"Idempotency-Key": "attach-1"}) for _ in range(2)]
    assert answers[0].get_data() == answers[1].get_data()
    assert answers[1].headers["Idempotent-Replayed"] == "true"


def test_moderators_see_cards_with_the_picture_of_another_owner(
    mina: Person, yuna: Person, root: Person, runtime: Runtime
) -> None:
    original = card_with(runtime, mina.user_id, photograph(40))
    card_with(runtime, mina.user_id, photograph(41))
    card_with(runtime, yuna.user_id, photograph(42))
    copied = card_with(runtime, yuna.user_id, photograph(40))
    path = "/admin/cards/same-picture"
    found = data_of(root.get(path))
    assert found["total"] == 1
    [finding] = found["findings"]
    assert (finding["card"]["id"], finding["card"]["owner_id"]) == (str(copied), str(yuna.user_id))
    assert [card["id"] for card in finding["same_as"]] == [str(original)]
    assert finding["card"]["image_url"] and finding["same_as"][0]["image_url"]
    assert data_of(root.get(f"{path}?card_id={copied}"))["total"] == 1
    assert data_of(root.get(f"{path}?card_id={original}"))["findings"] == []
    assert invalid_fields(root.get(f"{path}?card_id=1")) == {"card_id"}
    refused(mina.get(path), 403, "403_FORBIDDEN", "role_required")


def test_findings_are_paged_newest_first_and_lose_deleted_cards(
    mina: Person, yuna: Person, root: Person, runtime: Runtime, clock: Any, count_sql: Any
) -> None:
    copies = []
    for seed in range(50, 53):
        card_with(runtime, mina.user_id, photograph(seed))
        copies.append(str(card_with(runtime, yuna.user_id, photograph(seed))))
        clock.advance(seconds=1)
    path, seen, cursor = "/admin/cards/same-picture?limit=2", [], ""
    while cursor is not None:
        answer = root.get(f"{path}{cursor and f'&cursor={cursor}'}")
        seen += [finding["card"]["id"] for finding in data_of(answer)["findings"]]
        cursor = answer.get_json()["meta"]["next_cursor"]
    assert seen == copies[::-1]
    assert yuna.delete(f"/cards/{copies[1]}").status_code == 200
    with count_sql() as sent:
        left = data_of(root.get("/admin/cards/same-picture"))["findings"]
        # One for the caller, one for the page, one for the others.
        assert sent() <= 3
    assert [finding["card"]["id"] for finding in left] == [copies[2], copies[0]]
    [original] = left[0]["same_as"]
    assert mina.delete(f"/cards/{original['id']}").status_code == 200
    left = data_of(root.get("/admin/cards/same-picture"))["findings"]
    assert [len(finding["same_as"]) for finding in left] == [0, 1]


def test_operations_that_use_the_storage_document_its_outage(client: FlaskClient) -> None:
    paths = client.get(f"{API}/openapi.json").get_json()["paths"]

    def services(method: str, path: str) -> set[str]:
        content = paths[f"{API}{path}"][method]["responses"]["503"]["content"]["application/json"]
        return {example["value"]["error"]["details"]["service"] for example in content["examples"].values()}

    assert services("post", "/media/{media_id}/confirm") == {"database", "object_storage"}
    assert services("post", "/cards/{card_id}/confirm-upload") == {"database", "object_storage"}
    assert services("put", "/storage/{key}") == services("get", "/storage/{key}") == {"object_storage"}
    assert services("get", "/cards/me") == {"database"}
