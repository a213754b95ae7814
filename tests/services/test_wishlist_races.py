"""Wishes made by many at once, with real commits: one per photocard, and never more than the plan has."""

from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select

from kcardswap.domain.errors import LimitExceeded, Refusal, WriteConflict
from kcardswap.domain.wishlist import Wish, WishExists, WishNotFound
from kcardswap.persistence.orm.catalog import photocards
from kcardswap.persistence.orm.wishlist import wishlist_items
from kcardswap.runtime import Runtime
from kcardswap.services import wishlist
from tests.people import make_user
from tests.racing import at_once
from tests.services.test_wishlist import fill, merge
from tests.wishes import photocard, wish

CALLERS = 16
ROUNDS = 12


@pytest.fixture
def runtime(committed_runtime: Runtime) -> Runtime:
    """A runtime with real commits."""
    return committed_runtime


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


def wishes(runtime: Runtime, user_id: UUID) -> int:
    with runtime.database.reader() as connection:
        statement = select(func.count()).where(wishlist_items.c.user_id == user_id)
        return connection.scalar(statement) or 0


def test_sixteen_at_once_fill_the_last_places_exactly(runtime: Runtime, mina: UUID) -> None:
    with runtime.database.transaction() as connection:
        fill(runtime, connection, mina, 93)
    outcomes = at_once(*[partial(wish, runtime, mina, f"Idol {n}") for n in range(CALLERS)])
    refusals = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    assert len(refusals) == CALLERS - 7
    assert {type(refusal) for refusal in refusals} == {LimitExceeded}
    assert wishes(runtime, mina) == 100


def test_of_many_wishes_for_one_photocard_one_is_kept_and_named_to_the_others(
    runtime: Runtime, mina: UUID
) -> None:
    for n in range(ROUNDS):
        outcomes = at_once(*[partial(wish, runtime, mina, f"Idol {n}")] * 6)
        (made,) = [outcome for outcome in outcomes if isinstance(outcome, UUID)]
        refusals = [outcome for outcome in outcomes if outcome != made]
        assert [refusal.details for refusal in refusals] == [
            {"reason": "wish_exists", "wishlist_item_id": made}
        ] * 5
    assert wishes(runtime, mina) == ROUNDS


def test_many_people_with_the_same_words_wish_for_one_photocard(runtime: Runtime) -> None:
    people = [make_user(runtime, f"person{n}") for n in range(8)]
    for n in range(ROUNDS):
        outcomes = at_once(*[partial(wish, runtime, user_id, f"Idol {n}") for user_id in people])
        assert all(isinstance(outcome, UUID) for outcome in outcomes), outcomes
    with runtime.database.reader() as connection:
        assert connection.scalar(select(func.count()).select_from(photocards)) == ROUNDS
        each = select(func.count(wishlist_items.c.id)).group_by(wishlist_items.c.photocard_id)
        assert set(connection.scalars(each)) == {8}


def add_while_another_does(runtime: Runtime, user_id: UUID, photocard_id: UUID, first: UUID) -> None:
    """Add a wish without any lock, and commit the same wish as ``first`` just before it."""
    uow = runtime.unit_of_work()
    with uow:
        now = uow.clock.now()
        late = Wish.add(id=uow.new_id(), user_id=user_id, photocard_id=photocard_id, terms={}, now=now)
        uow.wishes.add(late)
        values = {"id": first, "user_id": user_id, "photocard_id": photocard_id}
        with runtime.database.transaction() as connection:
            connection.execute(insert(wishlist_items).values(**values, created_at=now, updated_at=now))
        uow.commit()


def test_a_wish_that_slipped_in_between_is_found_by_trying_again(runtime: Runtime, mina: UUID) -> None:
    """The constraint decides even where no lock did."""
    wanted, first = photocard(runtime, mina), runtime.new_id()
    with pytest.raises(WriteConflict):
        add_while_another_does(runtime, mina, wanted, first)
    with pytest.raises(WishExists) as refusal:
        wish(runtime, mina, photocard_id=wanted)
    assert refusal.value.details["wishlist_item_id"] == first


def test_a_wish_edited_and_removed_at_once_is_gone_in_the_end(runtime: Runtime, mina: UUID) -> None:
    for n in range(ROUNDS):
        wish_id = wish(runtime, mina, f"Idol {n}")
        changes = {"priority": 1}
        edited, removed, again = at_once(
            partial(wishlist.edit, runtime.unit_of_work(), wish_id=wish_id, by=mina, changes=changes),
            partial(wishlist.remove, runtime.unit_of_work(), wish_id=wish_id, by=mina),
            partial(wishlist.remove, runtime.unit_of_work(), wish_id=wish_id, by=mina),
        )
        assert edited is None or isinstance(edited, WishNotFound)
        assert sorted(map(type, (removed, again)), key=str) == [type(None), WishNotFound]
    assert wishes(runtime, mina) == 0


def test_no_wish_is_left_on_a_photocard_that_is_merged_meanwhile(runtime: Runtime, mina: UUID) -> None:
    jun = make_user(runtime, "jun")
    for n in range(ROUNDS):
        old, target = photocard(runtime, jun, f"Old {n}"), photocard(runtime, jun, f"New {n}")
        outcomes = at_once(
            partial(merge, runtime, old, target),
            partial(wish, runtime, mina, photocard_id=old),
            partial(wish, runtime, jun, f"Old {n}"),
            partial(wish, runtime, jun, photocard_id=target),
        )
        assert all(outcome is None or isinstance(outcome, UUID | WishExists) for outcome in outcomes)
        with runtime.database.reader() as connection:
            left = select(func.count()).where(wishlist_items.c.photocard_id == old)
            assert connection.scalar(left) == 0
            moved = select(wishlist_items.c.user_id).where(wishlist_items.c.photocard_id == target)
            assert sorted(connection.scalars(moved)) == sorted([mina, jun])
