"""Galleries over HTTP."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, func, select

from kcardswap.persistence.orm.gallery import gallery_cards
from kcardswap.runtime import Runtime
from tests.albums import create, picture_for, places
from tests.binders import data_of
from tests.people import MakePerson, Person, invalid_fields, refused, suspend

CARD = {"title": "My first pull", "idol_name": "Haerin"}
FIELDS = {
    "id",
    "user_id",
    "title",
    "idol_name",
    "era",
    "description",
    "media_asset_id",
    "display_order",
    "created_at",
    "updated_at",
}


@pytest.fixture
def mina(person: MakePerson) -> Person:
    return person("mina")


@pytest.fixture
def yuna(person: MakePerson) -> Person:
    return person("yuna")


def add(person: Person, **changes: Any) -> Any:
    return data_of(person.post("/gallery/cards", {**CARD, **changes}), 201)


def ids(album: Any) -> list[str]:
    return [card["id"] for card in album["items"]]


def test_a_new_card_is_answered_whole_and_last(mina: Person) -> None:
    add(mina)
    card = add(mina, title="  Trimmed  ", era="OMG", description=" ")
    assert card.keys() == FIELDS
    assert (card["user_id"], card["title"], card["era"], card["description"]) == (
        str(mina.user_id),
        "Trimmed",
        "OMG",
        None,
    )
    assert (card["display_order"], card["media_asset_id"]) == (1, None)
    assert card["created_at"] == card["updated_at"] == "2026-03-12T04:00:00Z"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": None}, "title"),
        ({"title": "  "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"idol_name": None}, "idol_name"),
        ({"idol_name": "x" * 101}, "idol_name"),
        ({"era": "x" * 101}, "era"),
        ({"description": "x" * 1001}, "description"),
        ({"title": 7}, "title"),
    ],
    ids=["null", "blank", "long title", "no idol", "long idol", "long era", "long description", "number"],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_bad_description_is_refused_with_its_field(
    mina: Person, method: str, changes: dict[str, Any], field: str
) -> None:
    if method == "POST":
        answer = mina.post("/gallery/cards", {**CARD, **changes})
    else:
        answer = mina.patch(f"/gallery/cards/{add(mina)['id']}", changes)
    assert invalid_fields(answer) == {field}


def test_a_new_card_needs_a_title_and_an_idol(mina: Person) -> None:
    assert invalid_fields(mina.post("/gallery/cards", {})) == {"title", "idol_name"}


def test_the_limits_of_the_contract_fit(mina: Person) -> None:
    card = add(mina, title="題" * 200, idol_name="아" * 100, era="e" * 100, description="d" * 1000)
    assert [len(card[name]) for name in ("title", "idol_name", "era", "description")] == [200, 100, 100, 1000]


def test_a_full_gallery_takes_no_card(mina: Person, runtime: Runtime) -> None:
    for _ in range(50):
        create(runtime, mina.user_id)
    details = refused(mina.post("/gallery/cards", CARD), 422, "422_LIMIT_EXCEEDED")
    assert details == {
        "limit_key": "gallery_cards_count_max",
        "limit_value": 50,
        "current_value": 50,
        "reset_at": None,
    }


def test_a_keyed_card_is_made_once(mina: Person, connection: Connection) -> None:
    headers = {"Idempotency-Key": "card-1"}
    first = mina.post("/gallery/cards", CARD, headers=headers)
    again = mina.post("/gallery/cards", CARD, headers=headers)
    assert data_of(first, 201) == data_of(again, 201)
    assert connection.scalar(select(func.count()).select_from(gallery_cards)) == 1


def test_an_edit_changes_what_is_given(mina: Person) -> None:
    card = add(mina, era="OMG")
    edited = data_of(mina.patch(f"/gallery/cards/{card['id']}", {"title": "Best", "era": None}))
    assert edited == {**card, "title": "Best", "era": None}
    assert data_of(mina.patch(f"/gallery/cards/{card['id']}", {})) == edited


def test_places_and_pictures_are_not_edited(mina: Person) -> None:
    card = add(mina)
    injected = {"display_order": 9, "media_asset_id": str(uuid4()), "user_id": str(uuid4())}
    assert data_of(mina.patch(f"/gallery/cards/{card['id']}", injected)) == card


def test_deleting_answers_nothing_and_closes_the_gap(mina: Person) -> None:
    a, b, c = (add(mina)["id"] for _ in range(3))
    answer = mina.delete(f"/gallery/cards/{b}")
    assert (answer.status_code, answer.get_data()) == (204, b"")
    album = data_of(mina.get("/gallery/cards/me"))
    assert [(card["id"], card["display_order"]) for card in album["items"]] == [(a, 0), (c, 1)]
    refused(mina.delete(f"/gallery/cards/{b}"), 404, "404_NOT_FOUND")


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_cards_of_others_and_unknown_ones_are_refused(mina: Person, yuna: Person, method: str) -> None:
    foreign = add(yuna)["id"]
    send = mina.patch if method == "PATCH" else mina.delete
    refused(send(f"/gallery/cards/{foreign}"), 403, "403_FORBIDDEN", "not_owner")
    details = refused(send(f"/gallery/cards/{uuid4()}"), 404, "404_NOT_FOUND")
    assert details == {"resource_type": "gallery_card"}
    assert invalid_fields(send("/gallery/cards/card-7")) == {"card_id"}
    assert ids(data_of(yuna.get("/gallery/cards/me"))) == [foreign]


def test_a_new_order_says_how_many_cards_it_named(mina: Person) -> None:
    a, b, c, d = (add(mina)["id"] for _ in range(4))
    answer = data_of(mina.put("/gallery/cards/reorder", {"card_ids": [c, a]}))
    assert answer == {"message": "Gallery reordered.", "updated_count": 2}
    assert ids(data_of(mina.get("/gallery/cards/me"))) == [c, a, b, d]


def test_an_order_names_cards_of_the_caller_once_each(mina: Person, yuna: Person) -> None:
    a, b, foreign = add(mina)["id"], add(mina)["id"], add(yuna)["id"]
    for listed, reason in (
        ([b, b], "duplicate_ids"),
        ([b, foreign], "foreign_ids"),
        ([str(uuid4())], "foreign_ids"),
    ):
        answer = mina.put("/gallery/cards/reorder", {"card_ids": listed})
        refused(answer, 400, "400_INVALID_REQUEST", reason)
    assert ids(data_of(mina.get("/gallery/cards/me"))) == [a, b]


@pytest.mark.parametrize(
    ("listed", "field"),
    [(None, "card_ids"), ([], "card_ids"), ([str(uuid4())] * 501, "card_ids"), (["x"], "card_ids.0")],
    ids=["null", "none", "too many", "no id"],
)
def test_a_malformed_order_is_refused(mina: Person, listed: object, field: str) -> None:
    assert invalid_fields(mina.put("/gallery/cards/reorder", {"card_ids": listed})) == {field}


def test_an_order_of_no_gallery_is_foreign(mina: Person) -> None:
    answer = mina.put("/gallery/cards/reorder", {"card_ids": [str(uuid4())]})
    refused(answer, 400, "400_INVALID_REQUEST", "foreign_ids")


def test_albums_are_read_whole_by_their_owner_and_by_others(
    mina: Person, yuna: Person, runtime: Runtime
) -> None:
    a, b = add(mina), add(mina)
    media_id = picture_for(runtime, UUID(b["id"]))
    expected = {"items": [a, {**b, "media_asset_id": str(media_id)}], "total": 2}
    own = mina.get("/gallery/cards/me")
    assert own.get_json()["meta"] is None
    assert data_of(own) == expected
    assert data_of(yuna.get(f"/users/{mina.user_id}/gallery/cards")) == expected
    assert data_of(mina.get(f"/users/{mina.user_id}/gallery/cards")) == expected
    assert data_of(mina.get(f"/users/{yuna.user_id}/gallery/cards")) == {"items": [], "total": 0}


def test_the_album_of_nobody_of_a_blocker_and_of_somebody_suspended(
    mina: Person, yuna: Person, runtime: Runtime
) -> None:
    card_id = add(mina)["id"]
    path = f"/users/{mina.user_id}/gallery/cards"
    unknown = yuna.get(f"/users/{uuid4()}/gallery/cards")
    refused(unknown, 404, "404_NOT_FOUND")
    suspend(runtime, mina.user_id)
    assert ids(data_of(yuna.get(path))) == [card_id]
    yuna.post("/friends/block", {"user_id": str(mina.user_id)})
    # Blocking shuts the other out, not oneself.
    assert ids(data_of(yuna.get(path))) == [card_id]


def test_the_blocked_person_finds_nobody(mina: Person, yuna: Person) -> None:
    add(mina)
    mina.post("/friends/block", {"user_id": str(yuna.user_id)})
    hidden = yuna.get(f"/users/{mina.user_id}/gallery/cards")
    assert hidden.status_code == 404
    assert hidden.get_data() == yuna.get(f"/users/{uuid4()}/gallery/cards").get_data()


def test_a_gallery_of_fifty_is_reordered_and_read_in_a_handful_of_statements(
    mina: Person, yuna: Person, runtime: Runtime, connection: Connection, count_sql: Callable[[], Any]
) -> None:
    made = [str(create(runtime, mina.user_id)) for _ in range(50)]
    assert mina.put("/gallery/cards/reorder", {"card_ids": made[::-1]}).status_code == 200
    assert [str(card_id) for card_id in places(connection, mina.user_id)] == made[::-1]
    with count_sql() as sent:
        assert len(data_of(yuna.get(f"/users/{mina.user_id}/gallery/cards"))["items"]) == 50
    # One for who is calling, one for the album.
    assert sent() <= 2
