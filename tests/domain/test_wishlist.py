"""Wishes: what they start as, and when a card is good enough."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcardswap.domain.cards import Condition
from kcardswap.domain.wishlist import Wish, WishAdded, WishNotFound, laxer, meets, more_urgent, rank

OWNER, PHOTOCARD, WISH = uuid4(), uuid4(), uuid4()
NOW = datetime(2026, 3, 12, tzinfo=UTC)
ANY_CONDITION = st.one_of(st.none(), st.sampled_from(Condition))
PRIORITY = st.integers(1, 3)


def wish(**terms: object) -> Wish:
    return Wish.add(id=WISH, user_id=OWNER, photocard_id=PHOTOCARD, terms=terms, now=NOW)


def test_a_wish_is_of_middling_priority_unless_told_otherwise() -> None:
    made = wish()
    assert (made.priority, made.min_condition, made.note) == (2, None, None)
    assert made.created_at == made.updated_at == NOW
    made = wish(priority=1, min_condition=Condition.GOOD, note="any version", photocard_id=uuid4())
    assert (made.priority, made.min_condition, made.note) == (1, Condition.GOOD, "any version")
    assert made.photocard_id == PHOTOCARD


def test_adding_a_wish_is_an_event() -> None:
    assert wish().collect_events() == [WishAdded(wish_id=WISH, user_id=OWNER, photocard_id=PHOTOCARD)]


def test_only_what_is_given_changes() -> None:
    made = wish(priority=1, note="soon")
    made.change({"min_condition": Condition.MINT, "note": None})
    assert (made.priority, made.min_condition, made.note) == (1, Condition.MINT, None)


def test_others_learn_nothing_about_a_wish() -> None:
    wish().refuse_others(OWNER)
    with pytest.raises(WishNotFound) as refusal:
        wish().refuse_others(uuid4())
    assert refusal.value.details == {"resource_type": "wishlist_item"}


def test_a_condition_is_met_by_itself_and_by_better_ones() -> None:
    good_enough = [condition for condition in Condition if meets(condition, Condition.GOOD)]
    assert good_enough == [Condition.MINT, Condition.NEAR_MINT, Condition.GOOD]


def test_a_card_without_condition_meets_no_condition_but_pleases_who_wants_none() -> None:
    assert not any(meets(None, wanted) for wanted in Condition)
    assert meets(None, None)
    assert all(meets(condition, None) for condition in Condition)


def test_of_two_wishes_the_more_urgent_priority_and_the_laxer_condition_stay() -> None:
    assert more_urgent(3, 1) == more_urgent(1, 3) == 1
    assert laxer(Condition.MINT, Condition.FAIR) is laxer(Condition.FAIR, Condition.MINT) is Condition.FAIR
    assert laxer(Condition.POOR, None) is laxer(None, Condition.POOR) is None


@given(ANY_CONDITION, ANY_CONDITION, ANY_CONDITION)
def test_the_laxer_condition_is_met_by_whatever_met_one_of_the_two(
    condition: Condition | None, a: Condition | None, b: Condition | None
) -> None:
    assert meets(condition, laxer(a, b)) == (meets(condition, a) or meets(condition, b))


def test_conditions_rank_from_the_best_down() -> None:
    assert [rank(condition) for condition in (*Condition, None)] == [0, 1, 2, 3, 4, 5]
