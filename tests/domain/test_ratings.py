"""Ratings: what they tell and when a swap earns one."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from kcardswap.domain.errors import SelfTarget
from kcardswap.domain.ratings import (
    NotParticipant,
    Rating,
    TradeNotCompleted,
    UserRated,
    refuse_unless_swapped,
)
from kcardswap.domain.trades import Meeting, Move, Trade, TradeNotFound, TradeTimeouts

NOW = datetime(2026, 3, 12, 4, 0, tzinfo=UTC)
TIMEOUTS = TradeTimeouts(
    proposal=timedelta(days=7), confirmation=timedelta(hours=48), mail=timedelta(days=14)
)
PEOPLE = [uuid4() for _ in range(3)]


def test_a_rating_says_who_rated_whom_for_what() -> None:
    ids = {name: uuid4() for name in ("id", "rater_id", "rated_user_id", "trade_id")}
    rating = Rating.give(**ids, score=4, comment="Quick.", now=NOW)
    assert (rating.score, rating.comment, rating.created_at) == (4, "Quick.", NOW)
    assert rating.collect_events() == [
        UserRated(
            rating_id=ids["id"],
            rater_id=ids["rater_id"],
            rated_user_id=ids["rated_user_id"],
            trade_id=ids["trade_id"],
        )
    ]


def test_nobody_rates_themselves() -> None:
    me = uuid4()
    with pytest.raises(SelfTarget):
        Rating.give(id=uuid4(), rater_id=me, rated_user_id=me, trade_id=None, score=5, comment=None, now=NOW)


def ring() -> Trade:
    """Three people, each giving a card to the next."""
    return Trade.propose(
        id=uuid4(),
        initiator_id=PEOPLE[0],
        moves=[
            Move(card_id=uuid4(), giver_id=giver, receiver_id=receiver)
            for giver, receiver in zip(PEOPLE, [*PEOPLE[1:], PEOPLE[0]], strict=True)
        ],
        meeting=Meeting.MAIL,
        timeouts=TIMEOUTS,
        now=NOW,
        new_id=uuid4,
    )


def finish(trade: Trade) -> None:
    for person in PEOPLE[1:]:
        trade.accept(by=person, timeouts=TIMEOUTS, now=NOW)
    for person in PEOPLE:
        trade.confirm(by=person, now=NOW)


def earned(trade: Trade, rater: UUID, rated: UUID, *, now: datetime = NOW) -> None:
    refuse_unless_swapped(trade, rater_id=rater, rated_user_id=rated, now=now)


def test_a_completed_swap_earns_a_rating_of_everybody_in_it() -> None:
    trade = ring()
    finish(trade)
    for rater in PEOPLE:
        for rated in PEOPLE:
            earned(trade, rater, rated)


def test_a_stranger_learns_nothing_of_the_trade_and_cannot_be_rated_for_it() -> None:
    for trade in (ring(), ring()):
        with pytest.raises(TradeNotFound):
            earned(trade, uuid4(), PEOPLE[0])
        with pytest.raises(NotParticipant):
            earned(trade, PEOPLE[0], uuid4())
        finish(trade)


def test_an_unfinished_swap_earns_nothing_and_says_how_far_it_is() -> None:
    trade = ring()

    def status(now: datetime = NOW) -> object:
        with pytest.raises(TradeNotCompleted) as refused:
            earned(trade, PEOPLE[0], PEOPLE[1], now=now)
        return refused.value.details["status"]

    assert status() == "proposed"
    assert status(NOW + timedelta(days=8)) == "canceled"
    trade.cancel(by=PEOPLE[0], now=NOW)
    assert status() == "canceled"
