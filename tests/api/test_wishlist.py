"""Wishlists over HTTP."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, func, select

from kcardswap.persistence.orm.catalog import photocards
from kcardswap.persistence.orm.wishlist import wishlist_items
from kcardswap.runtime import Runtime
from tests.binders import data_of
from tests.conftest import MovableClock
from tests.people import MakePerson, Person, delete, invalid_fields, refused, suspend
from tests.services.test_wishlist import fill
from tests.wishes import photocard

REI = {"idol_group": "IVE", "idol": "Rei"}
FIELDS = {"id", "user_id", "photocard", "priority", "min_condition", "note", "created_at", "updated_at"}


@pytest.fixture
def mina(person: MakePerson) -> Person:
    return person("mina")


@pytest.fixture
def yuna(person: MakePerson) -> Person:
    return person("yuna")


def add(person: Person, **wanted: Any) -> Any:
    return data_of(person.post("/wishlist", wanted or REI), 201)


def ids(listed: Any) -> list[str]:
    return [item["id"] for item in listed["items"]]


def test_a_wish_by_id_is_answered_with_its_photocard(mina: Person, yuna: Person, runtime: Runtime) -> None:
    wanted = photocard(runtime, yuna.user_id)
    terms = {"priority": 1, "min_condition": "good", "note": "soon"}
    wish = add(mina, photocard_id=str(wanted), **terms)
    assert wish.keys() == FIELDS
    assert {name: wish[name] for name in terms} == terms
    assert wish["user_id"] == str(mina.user_id)
    assert wish["created_at"] == wish["updated_at"] == "2026-03-12T04:00:00Z"
    card = wish["photocard"]
    assert (card["id"], card["status"], card["idol"]) == (str(wanted), "pending", "Rei")
    assert card["group"]["name"] == card["idol_group"] == "IVE"


def test_a_wish_in_words_starts_with_the_defaults(mina: Person) -> None:
    wish = add(mina, **REI, album="After Like", version="A")
    assert (wish["priority"], wish["min_condition"], wish["note"]) == (2, None, None)
    card = wish["photocard"]
    assert (card["idol"], card["album"], card["version"]) == ("Rei", "After Like", "A")


def test_two_people_with_the_same_words_want_the_same_photocard(mina: Person, yuna: Person) -> None:
    assert add(mina)["photocard"]["id"] == add(yuna, idol_group="ive", idol="REI")["photocard"]["id"]


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({}, "idol_group"),
        ({"idol": " ", "idol_group": None, "album": "OMG"}, "idol_group"),
        ({**REI, "priority": 0}, "priority"),
        ({**REI, "priority": 4}, "priority"),
        ({**REI, "priority": "1"}, "priority"),
        ({**REI, "priority": None}, "priority"),
        ({**REI, "min_condition": "shiny"}, "min_condition"),
        ({**REI, "note": "x" * 501}, "note"),
        ({"idol": "x" * 101}, "idol"),
        ({"photocard_id": "rei"}, "photocard_id"),
    ],
    ids=[
        "nothing",
        "no name",
        "priority 0",
        "priority 4",
        "priority as text",
        "no priority",
        "unknown condition",
        "long note",
        "long idol",
        "no id",
    ],
)
def test_a_malformed_wish_is_refused_with_its_field(
    mina: Person, connection: Connection, wanted: dict[str, Any], field: str
) -> None:
    assert invalid_fields(mina.post("/wishlist", wanted)) == {field}
    assert connection.scalar(select(func.count()).select_from(photocards)) == 0


def test_an_unknown_photocard_is_not_found(mina: Person) -> None:
    answer = mina.post("/wishlist", {"photocard_id": str(uuid4()), **REI})
    assert refused(answer, 404, "404_NOT_FOUND") == {"resource_type": "photocard"}


def test_a_second_wish_for_a_photocard_names_the_first(mina: Person) -> None:
    wish = add(mina)
    again = mina.post("/wishlist", {"photocard_id": wish["photocard"]["id"]})
    details = refused(again, 409, "409_CONFLICT", "wish_exists")
    assert details == {"reason": "wish_exists", "wishlist_item_id": wish["id"]}


def test_a_full_wishlist_takes_no_wish(mina: Person, runtime: Runtime, connection: Connection) -> None:
    fill(runtime, connection, mina.user_id, 100)
    assert refused(mina.post("/wishlist", REI), 422, "422_LIMIT_EXCEEDED") == {
        "limit_key": "wishlist_items_max",
        "limit_value": 100,
        "current_value": 100,
        "reset_at": None,
    }


def test_a_keyed_wish_is_made_once_and_answered_the_same(mina: Person, connection: Connection) -> None:
    headers = {"Idempotency-Key": "wish-1"}
    first, again = (mina.post("/wishlist", REI, headers=headers) for _ in range(2))
    assert data_of(first, 201) == data_of(again, 201)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert connection.scalar(select(func.count()).select_from(wishlist_items)) == 1
    # A refusal keeps nothing, so its key stays free.
    other = {"Idempotency-Key": "wish-2"}
    refused(mina.post("/wishlist", REI, headers=other), 409, "409_CONFLICT", "wish_exists")
    assert data_of(mina.post("/wishlist", {"idol": "Liz"}, headers=other), 201)


def test_an_edit_changes_what_is_given(mina: Person, clock: MovableClock) -> None:
    wish = add(mina, **REI, note="soon", min_condition="mint")
    clock.advance(minutes=5)
    changes = {"priority": 3, "min_condition": None}
    edited = data_of(mina.patch(f"/wishlist/{wish['id']}", changes))
    assert edited == {**wish, **changes, "updated_at": "2026-03-12T04:05:00Z"}
    assert data_of(mina.patch(f"/wishlist/{wish['id']}", {})) == edited


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"priority": None}, "priority"),
        ({"priority": 9}, "priority"),
        ({"min_condition": "x"}, "min_condition"),
        ({"note": "x" * 501}, "note"),
    ],
    ids=["no priority", "priority 9", "unknown condition", "long note"],
)
def test_a_malformed_edit_is_refused(mina: Person, changes: dict[str, Any], field: str) -> None:
    assert invalid_fields(mina.patch(f"/wishlist/{add(mina)['id']}", changes)) == {field}


def test_the_photocard_of_a_wish_stays(mina: Person, runtime: Runtime) -> None:
    wish = add(mina)
    other = photocard(runtime, mina.user_id, "Liz")
    assert data_of(mina.patch(f"/wishlist/{wish['id']}", {"photocard_id": str(other)})) == wish


def test_a_removed_wish_is_gone(mina: Person) -> None:
    wish_id = add(mina)["id"]
    answer = mina.delete(f"/wishlist/{wish_id}")
    assert (answer.status_code, answer.get_data()) == (204, b"")
    refused(mina.delete(f"/wishlist/{wish_id}"), 404, "404_NOT_FOUND")
    assert data_of(mina.get("/wishlist")) == {"items": [], "total": 0}


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_the_wish_of_somebody_else_answers_like_none(mina: Person, yuna: Person, method: str) -> None:
    foreign = add(yuna)["id"]
    send = mina.patch if method == "PATCH" else mina.delete
    hidden = send(f"/wishlist/{foreign}")
    assert refused(hidden, 404, "404_NOT_FOUND") == {"resource_type": "wishlist_item"}
    assert hidden.get_data() == send(f"/wishlist/{uuid4()}").get_data()
    assert invalid_fields(send("/wishlist/rei")) == {"item_id"}
    assert ids(data_of(yuna.get("/wishlist"))) == [foreign]


def test_the_own_wishlist_is_paged_and_filtered(mina: Person, yuna: Person, clock: MovableClock) -> None:
    made: list[dict[str, Any]] = []
    for priority in (2, 1, 3, 1):
        clock.advance(minutes=1)
        made.append(add(mina, idol=f"Idol {len(made)}", priority=priority))
    add(yuna)
    expected = [made[3], made[1], made[0], made[2]]
    assert data_of(mina.get("/wishlist")) == {"items": expected, "total": 4}
    answer = mina.get("/wishlist", query_string={"limit": 2, "offset": 2})
    assert data_of(answer) == {"items": expected[2:], "total": 4}
    assert answer.get_json()["meta"] == {
        "total": 4,
        "page": 2,
        "page_size": 2,
        "total_pages": 2,
        "next_cursor": None,
    }
    # There is no cursor, not even where there are more pages.
    assert mina.get("/wishlist?limit=1").get_json()["meta"]["next_cursor"] is None
    assert data_of(mina.get("/wishlist?priority=1")) == {"items": expected[:2], "total": 2}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("priority=0", "priority"),
        ("priority=4", "priority"),
        ("limit=101", "limit"),
        ("offset=10001", "offset"),
    ],
    ids=["priority 0", "priority 4", "limit 101", "offset 10001"],
)
def test_a_malformed_page_is_refused(mina: Person, query: str, field: str) -> None:
    assert invalid_fields(mina.get(f"/wishlist?{query}")) == {field}


def test_others_read_a_wishlist_page_by_page(mina: Person, yuna: Person) -> None:
    made = [add(mina, idol=f"Idol {n}") for n in range(3)]
    path = f"/users/{mina.user_id}/wishlist"
    listed = data_of(yuna.get(path))
    assert listed == data_of(mina.get(path)) == data_of(mina.get("/wishlist"))
    assert sorted(ids(listed)) == sorted(wish["id"] for wish in made)
    assert ids(data_of(yuna.get(f"{path}?limit=1&offset=1"))) == ids(listed)[1:2]
    assert data_of(mina.get(f"/users/{yuna.user_id}/wishlist")) == {"items": [], "total": 0}


def test_the_privacy_flag_closes_and_opens_a_wishlist(mina: Person, yuna: Person) -> None:
    wish_id = add(mina)["id"]
    path = f"/users/{mina.user_id}/wishlist"
    assert ids(data_of(yuna.get(path))) == [wish_id]
    assert data_of(mina.put("/profile/me", {"privacy_flags": {"show_wishlist": False}}))
    refused(yuna.get(path), 403, "403_FORBIDDEN", "wishlist_private")
    # One's own id always works, and the flag changes nothing else.
    assert ids(data_of(mina.get(path))) == ids(data_of(mina.get("/wishlist"))) == [wish_id]
    assert yuna.get(f"/users/{mina.user_id}/gallery/cards").status_code == 200
    assert data_of(mina.put("/profile/me", {"privacy_flags": {"show_wishlist": True}}))
    assert ids(data_of(yuna.get(path))) == [wish_id]


def test_the_wishlist_of_nobody_of_a_blocker_and_of_somebody_deleted_answer_alike(
    mina: Person, yuna: Person, person: MakePerson, runtime: Runtime
) -> None:
    gone = person("gone")
    for each in (mina, gone):
        add(each)
    delete(runtime, gone.user_id)
    mina.put("/profile/me", {"privacy_flags": {"show_wishlist": False}})
    mina.post("/friends/block", {"user_id": str(yuna.user_id)})
    unknown = yuna.get(f"/users/{uuid4()}/wishlist")
    refused(unknown, 404, "404_NOT_FOUND")
    for hidden in (mina, gone):
        assert yuna.get(f"/users/{hidden.user_id}/wishlist").get_data() == unknown.get_data()


def test_the_wishlist_of_somebody_suspended_is_still_read(
    mina: Person, yuna: Person, runtime: Runtime
) -> None:
    wish_id = add(mina)["id"]
    suspend(runtime, mina.user_id)
    assert ids(data_of(yuna.get(f"/users/{mina.user_id}/wishlist"))) == [wish_id]


def test_a_wishlist_of_a_hundred_is_one_statement(
    mina: Person, yuna: Person, runtime: Runtime, connection: Connection, count_sql: Callable[[], Any]
) -> None:
    fill(runtime, connection, mina.user_id, 100)
    for path, reader in (("/wishlist", mina), (f"/users/{mina.user_id}/wishlist", yuna)):
        with count_sql() as sent:
            listed = data_of(reader.get(path, query_string={"limit": 100}))
        assert (len(listed["items"]), listed["total"]) == (100, 100)
        # One for who is calling, one for the page.
        assert sent() <= 2
