"""Saying what one looks for."""

from itertools import product
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, func, insert, select

from kcardswap.domain.cards import Condition, PhotocardNotFound
from kcardswap.domain.errors import LimitExceeded, ValidationFailed
from kcardswap.domain.wishlist import WishExists, WishNotFound, laxer, more_urgent
from kcardswap.persistence.orm.catalog import photocards
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.persistence.orm.wishlist import wishlist_items
from kcardswap.runtime import Runtime
from kcardswap.services import wishlist
from tests.binders import refused_limit
from tests.conftest import MovableClock
from tests.people import make_user
from tests.premium import end_premium, make_premium
from tests.wishes import photocard, row, wish


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


@pytest.fixture
def yuna(runtime: Runtime) -> UUID:
    return make_user(runtime, "yuna")


def merge(runtime: Runtime, id: UUID, into_id: UUID) -> None:
    """Merge two photocards as operators do."""
    uow = runtime.unit_of_work()
    with uow:
        old, target = uow.photocards.lock_for_merge(id, into_id)
        moved = uow.photocards.repoint(id, into_id, now=uow.clock.now())
        old.merge_into(target, by=uuid4(), moved_cards=moved.cards, moved_wishes=moved.wishes)
        uow.commit()


def fill(runtime: Runtime, connection: Connection, user_id: UUID, count: int) -> list[UUID]:
    """Store ``count`` wishes in one go."""
    now = runtime.clock.now()
    made = [
        {
            "id": runtime.new_id(),
            "member_text": f"{n}",
            "source": "album",
            "status": "pending",
            "match_key": f"{n:064}",
            "search_text": f"{n}",
            "created_at": now,
            "updated_at": now,
        }
        for n in range(count)
    ]
    connection.execute(insert(photocards), made)
    wishes = [
        {
            "id": runtime.new_id(),
            "user_id": user_id,
            "photocard_id": each["id"],
            "priority": 2,
            "created_at": now,
            "updated_at": now,
        }
        for each in made
    ]
    connection.execute(insert(wishlist_items), wishes)
    return [wish["id"] for wish in wishes]  # type: ignore[misc]


def test_a_wish_by_id_is_stored_as_told(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    wanted = photocard(runtime, mina)
    terms: dict[str, Any] = {"priority": 1, "min_condition": Condition.GOOD, "note": "soon"}
    stored = row(connection, wish(runtime, mina, photocard_id=wanted, **terms))
    assert (stored["user_id"], stored["photocard_id"]) == (mina, wanted)
    assert {name: stored[name] for name in terms} == terms
    assert stored["created_at"] == stored["updated_at"] == runtime.clock.now()


def test_a_wish_in_words_means_the_photocard_with_these_words(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    known = photocard(runtime, yuna, album="After Like")
    wish_id = wish(runtime, mina, idol_group=" ive ", idol="REI", album="after-like")
    assert row(connection, wish_id)["photocard_id"] == known
    new = row(connection, wish(runtime, mina, idol="Nobody Knows"))
    made = connection.execute(select(photocards).where(photocards.c.id == new["photocard_id"])).one()
    assert (made.status, made.submitted_by, made.member_text) == ("pending", mina, "Nobody Knows")


def test_an_id_wins_over_the_words(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    wanted = photocard(runtime, mina)
    words: dict[str, Any] = {"idol_group": "aespa", "idol": "Karina"}
    assert row(connection, wish(runtime, mina, photocard_id=wanted, **words))["photocard_id"] == wanted
    assert connection.scalar(select(func.count()).select_from(photocards)) == 1


@pytest.mark.parametrize(
    "words",
    [{}, {"album": "OMG", "version": "A"}, {"idol": "!?", "idol_group": None}],
    ids=["none", "album alone", "signs alone"],
)
def test_words_that_name_nobody_are_refused(runtime: Runtime, mina: UUID, words: dict[str, Any]) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        wishlist.add(runtime.unit_of_work(), user_id=mina, wanted=words)
    errors: Any = refusal.value.details["errors"]
    assert [error["field"] for error in errors] == ["idol_group"]


def test_an_unknown_photocard_is_not_found(runtime: Runtime, mina: UUID) -> None:
    with pytest.raises(PhotocardNotFound):
        wish(runtime, mina, photocard_id=uuid4())


def test_a_merged_photocard_stands_for_its_target(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    old, target = photocard(runtime, yuna, "Rei"), photocard(runtime, yuna, "Naoi Rei")
    merge(runtime, old, target)
    wish_id = wish(runtime, mina, photocard_id=old)
    assert row(connection, wish_id)["photocard_id"] == target
    for again in ({"photocard_id": target}, {"photocard_id": old}, {"idol": "rei"}):
        with pytest.raises(WishExists) as refusal:
            wish(runtime, mina, **again)
        assert refusal.value.details["wishlist_item_id"] == wish_id


def test_a_photocard_is_wished_for_once_by_each_person(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    wish_id, other = wish(runtime, mina), wish(runtime, yuna)
    assert other != wish_id
    with pytest.raises(WishExists) as refusal:
        wish(runtime, mina, priority=1)
    assert refusal.value.details == {"reason": "wish_exists", "wishlist_item_id": wish_id}
    assert row(connection, wish_id)["priority"] == 2


def test_a_full_wishlist_takes_nothing_and_leaves_nothing_behind(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    ids = fill(runtime, connection, mina, 99)
    wish(runtime, mina)
    with pytest.raises(LimitExceeded) as refusal:
        wish(runtime, mina, "Liz")
    assert refused_limit(refusal) == ("wishlist_items_max", 100, 100)
    assert refusal.value.details["reset_at"] is None
    # Neither the wish nor the photocard it would have made.
    assert connection.scalar(select(func.count()).select_from(photocards)) == 100
    wishlist.remove(runtime.unit_of_work(), wish_id=ids[0], by=mina)
    wish(runtime, mina, "Liz")


def test_premium_holds_a_thousand_wishes(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    fill(runtime, connection, mina, 999)
    make_premium(runtime, mina)
    wish_id = wish(runtime, mina)
    with pytest.raises(LimitExceeded) as refusal:
        wish(runtime, mina, "Liz")
    assert refused_limit(refusal) == ("wishlist_items_max", 1000, 1000)
    end_premium(runtime, mina)
    # What is there stays and can be changed.
    wishlist.edit(runtime.unit_of_work(), wish_id=wish_id, by=mina, changes={"priority": 1})
    assert row(connection, wish_id)["priority"] == 1


def test_on_a_full_list_a_wish_that_is_there_is_still_named(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    wish_id = wish(runtime, mina)
    fill(runtime, connection, mina, 99)
    with pytest.raises(WishExists) as refusal:
        wish(runtime, mina)
    assert refusal.value.details["wishlist_item_id"] == wish_id


def test_adding_is_told_once_in_the_outbox(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    wish_id = wish(runtime, mina)
    with pytest.raises(WishExists):
        wish(runtime, mina)
    told = connection.execute(select(outbox).where(outbox.c.event_type == "WishAdded")).one()
    photocard_id = row(connection, wish_id)["photocard_id"]
    assert (told.aggregate_type, told.aggregate_id) == ("wish", wish_id)
    assert told.payload == {
        "wish_id": str(wish_id),
        "user_id": str(mina),
        "photocard_id": str(photocard_id),
    }


def test_an_edit_changes_what_is_given_and_dates_it(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    wish_id = wish(runtime, mina, note="soon", min_condition=Condition.MINT)
    clock.advance(hours=1)
    changes = {"priority": 3, "min_condition": None, "photocard_id": uuid4()}
    wishlist.edit(runtime.unit_of_work(), wish_id=wish_id, by=mina, changes=changes)
    stored = row(connection, wish_id)
    assert (stored["priority"], stored["min_condition"], stored["note"]) == (3, None, "soon")
    assert stored["updated_at"] == clock.now() > stored["created_at"]
    assert stored["photocard_id"] != changes["photocard_id"]


def test_removed_wishes_are_gone(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    wish_id = wish(runtime, mina)
    wishlist.remove(runtime.unit_of_work(), wish_id=wish_id, by=mina)
    assert connection.scalar(select(func.count()).select_from(wishlist_items)) == 0
    with pytest.raises(WishNotFound):
        wishlist.remove(runtime.unit_of_work(), wish_id=wish_id, by=mina)
    assert wish(runtime, mina) != wish_id


def test_the_wish_of_somebody_else_is_not_there(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    wish_id = wish(runtime, mina)
    with pytest.raises(WishNotFound):
        wishlist.edit(runtime.unit_of_work(), wish_id=wish_id, by=yuna, changes={"priority": 3})
    with pytest.raises(WishNotFound):
        wishlist.remove(runtime.unit_of_work(), wish_id=wish_id, by=yuna)
    assert row(connection, wish_id)["priority"] == 2


def test_two_wishes_that_become_one_keep_what_the_domain_says(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    old, target = photocard(runtime, mina, "Rei"), photocard(runtime, mina, "Naoi Rei")
    conditions = (*Condition, None)
    people = {}
    for n, (a, b) in enumerate(product(conditions, conditions)):
        user_id = make_user(runtime, f"person{n}")
        urgency = (n % 3 + 1, n // 3 % 3 + 1)
        wish(runtime, user_id, photocard_id=old, priority=urgency[0], min_condition=a)
        kept = wish(runtime, user_id, photocard_id=target, priority=urgency[1], min_condition=b)
        people[kept] = (more_urgent(*urgency), laxer(a, b))
    merge(runtime, old, target)
    stored = connection.execute(select(wishlist_items)).all()
    assert {wish.id: (wish.priority, wish.min_condition) for wish in stored} == people
