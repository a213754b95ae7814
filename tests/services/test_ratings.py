"""Rating people: earned by a swap or a friendship, once, and counted."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from kcardswap.domain.accounts import UserNotFound
from kcardswap.domain.errors import Blocked, SelfTarget
from kcardswap.domain.friendships import NotFriends
from kcardswap.domain.ratings import AlreadyRated, NotParticipant, TradeNotCompleted
from kcardswap.domain.trades import TradeNotFound
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.persistence.orm.ratings import ratings
from kcardswap.runtime import Runtime
from kcardswap.services import friendships
from tests.people import delete, make_user, suspend
from tests.ratings import kept_totals, rate, real_totals, swap
from tests.swaps import Two, accept, befriend_all, complete, make_cards, propose_ring


@pytest.fixture(autouse=True)
def counted(connection: Connection) -> Any:
    """Whatever a test did, what is kept about people is what their ratings come to."""
    yield
    assert kept_totals(connection) == real_totals(connection)


def test_a_rating_is_stored_counted_and_told(runtime: Runtime, connection: Connection, two: Two) -> None:
    trade_id = swap(runtime, two.mina, two.jun)
    rating_id = rate(runtime, two.mina, two.jun, 4, trade_id=trade_id, comment="Quick.")
    row = connection.execute(select(ratings).where(ratings.c.id == rating_id)).one()
    assert (row.rater_id, row.rated_user_id, row.trade_id) == (two.mina, two.jun, trade_id)
    assert (row.score, row.comment, row.created_at) == (4, "Quick.", runtime.clock.now())
    assert kept_totals(connection) == {two.jun: (1, 4)}
    event = connection.execute(select(outbox).where(outbox.c.aggregate_id == rating_id)).one()
    assert (event.event_type, event.payload) == (
        "UserRated",
        {
            "rating_id": str(rating_id),
            "rater_id": str(two.mina),
            "rated_user_id": str(two.jun),
            "trade_id": str(trade_id),
        },
    )


def test_both_sides_of_every_swap_rate_once_and_friends_once_more(runtime: Runtime, two: Two) -> None:
    swaps = [swap(runtime, two.mina, two.jun) for _ in range(2)]
    for trade_id in (*swaps, None):
        for rater, rated in ((two.mina, two.jun), (two.jun, two.mina)):
            rate(runtime, rater, rated, trade_id=trade_id)
            with pytest.raises(AlreadyRated):
                rate(runtime, rater, rated, 1, trade_id=trade_id)


def test_everybody_in_a_ring_rates_everybody_else(runtime: Runtime, connection: Connection) -> None:
    people = [make_user(runtime, name) for name in ("mina", "jun", "sora")]
    cards = [make_cards(runtime, person, 1)[0] for person in people]
    trade_id = propose_ring(runtime, people, cards)
    for person in people[1:]:
        accept(runtime, trade_id, person)
    for person in people:
        complete(runtime, trade_id, person)
    for rater in people:
        for rated in people:
            if rater != rated:
                rate(runtime, rater, rated, trade_id=trade_id)
    assert set(kept_totals(connection).values()) == {(2, 10)}


def test_only_a_completed_swap_of_the_two_counts(
    runtime: Runtime, connection: Connection, two: Two, accepted: UUID
) -> None:
    sora = make_user(runtime, "sora")
    with pytest.raises(TradeNotFound):
        rate(runtime, two.mina, two.jun, trade_id=uuid4())
    with pytest.raises(TradeNotFound):
        rate(runtime, sora, two.jun, trade_id=accepted)
    with pytest.raises(NotParticipant):
        rate(runtime, two.mina, sora, trade_id=accepted)
    with pytest.raises(TradeNotCompleted) as refused:
        rate(runtime, two.mina, two.jun, trade_id=accepted)
    assert refused.value.details == {"reason": "trade_not_completed", "status": "accepted"}
    assert real_totals(connection) == {}


def test_without_a_swap_only_friends_rate_each_other(runtime: Runtime, two: Two) -> None:
    sora = make_user(runtime, "sora")
    friendships.request(runtime.unit_of_work(), by=two.mina, target_id=sora)
    for rater, rated in ((two.mina, sora), (sora, two.mina)):
        with pytest.raises(NotFriends):
            rate(runtime, rater, rated)


def test_a_swap_is_rated_after_the_friendship_ended(
    runtime: Runtime, connection: Connection, two: Two
) -> None:
    trade_id = swap(runtime, two.mina, two.jun)
    friendships.block(runtime.unit_of_work(), by=two.mina, target_id=two.jun)
    friendships.unblock(runtime.unit_of_work(), by=two.mina, target_id=two.jun)
    rate(runtime, two.mina, two.jun, trade_id=trade_id)
    assert kept_totals(connection) == {two.jun: (1, 5)}


def test_oneself_and_people_who_are_not_there_are_not_rated(runtime: Runtime, two: Two) -> None:
    with pytest.raises(SelfTarget):
        rate(runtime, two.mina, two.mina)
    with pytest.raises(UserNotFound):
        rate(runtime, two.mina, uuid4())
    trade_id = swap(runtime, two.mina, two.jun)
    for leave in (suspend, delete):
        leave(runtime, two.jun)
        with pytest.raises(UserNotFound):
            rate(runtime, two.mina, two.jun, trade_id=trade_id)


@pytest.mark.parametrize("blocker", ["mina", "jun"])
def test_a_block_in_either_direction_stops_ratings(runtime: Runtime, two: Two, blocker: str) -> None:
    trade_id = swap(runtime, two.mina, two.jun)
    by, target = (two.mina, two.jun) if blocker == "mina" else (two.jun, two.mina)
    friendships.block(runtime.unit_of_work(), by=by, target_id=target)
    for of in (trade_id, uuid4(), None):
        with pytest.raises(Blocked):
            rate(runtime, two.mina, two.jun, trade_id=of)


@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    given=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 5)), min_size=1, max_size=12
    )
)
def test_totals_are_what_the_ratings_come_to_whoever_rates_whom(
    runtime: Runtime, connection: Connection, given: list[tuple[int, int, int]]
) -> None:
    with connection.begin_nested() as nested:
        people = [make_user(runtime, f"person{n}") for n in range(4)]
        befriend_all(runtime, [(people[a], people[b]) for b in range(4) for a in range(b)])
        seen: set[tuple[int, int]] = set()
        for rater, rated, score in given:
            if rater == rated or (rater, rated) in seen:
                with pytest.raises((SelfTarget, AlreadyRated)):
                    rate(runtime, people[rater], people[rated], score)
                continue
            seen.add((rater, rated))
            rate(runtime, people[rater], people[rated], score)
        assert kept_totals(connection) == real_totals(connection)
        nested.rollback()
