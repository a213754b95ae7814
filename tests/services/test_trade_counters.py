"""Counter-offers: one proposal in place of another, with every card kept or freed at once."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, select

from kcardswap.domain.cards import CardNotFound, CardUnavailable
from kcardswap.domain.errors import DuplicateIds, NotOwner
from kcardswap.domain.trades import (
    Meeting,
)
from kcardswap.persistence.orm.trades import card_holds
from kcardswap.runtime import Runtime
from tests.conftest import MovableClock
from tests.swaps import (
    TIMEOUTS,
    Two,
    accept,
    active,
    broken_invariants,
    counter,
    events_of,
    make_card,
    propose,
    statuses,
    stored,
)


@pytest.fixture(autouse=True)
def sound(connection: Connection) -> Any:
    """Whatever a test did, the promises about trades hold afterwards."""
    yield
    assert broken_invariants(connection) == []


def test_a_counter_offer_replaces_a_proposal_with_swapped_roles(
    runtime: Runtime, connection: Connection, clock: MovableClock, two: Two, proposed: UUID
) -> None:
    clock.advance(hours=2)
    new = counter(runtime, proposed, two.jun, two.juns[:2], two.minas[1:2], Meeting.MAIL)
    old = stored(connection, proposed)
    assert (old.status, old.cancel_reason, old.rejected_at) == ("rejected", "countered", clock.now())
    trade = stored(connection, new)
    assert (trade.status, trade.meeting, trade.countered_trade_id) == ("proposed", "mail", proposed)
    assert trade.deadline_at == clock.now() + TIMEOUTS.proposal
    held = select(card_holds.c.card_id).where(card_holds.c.trade_id == new)
    assert set(connection.scalars(held)) == {*two.juns[:2], two.minas[1]}
    assert statuses(connection, two.minas) == ["available", "trading", "available"]
    assert active(connection, two) == 1
    assert events_of(connection, proposed) == ["TradeProposed", "TradeCountered"]
    assert events_of(connection, new) == ["TradeProposed"]
    accept(runtime, new, two.mina)


def test_a_counter_offer_keeps_the_way_to_meet_unless_told(
    runtime: Runtime, connection: Connection, two: Two
) -> None:
    old = propose(runtime, two.mina, two.jun, two.minas[:1], two.juns[:1], meeting=Meeting.MAIL)
    new = counter(runtime, old, two.jun, two.juns[:1], two.minas[:1])
    assert stored(connection, new).meeting == "mail"


def test_counter_offers_go_back_and_forth_without_filling_the_pairs_limit(
    runtime: Runtime, connection: Connection, two: Two, proposed: UUID
) -> None:
    propose(runtime, two.mina, two.jun, two.minas[1:2], two.juns[1:2])
    propose(runtime, two.mina, two.jun, two.minas[2:], two.juns[2:])
    trade_id = proposed
    for _ in range(3):
        trade_id = counter(runtime, trade_id, two.jun, two.juns[:1], two.minas[:1])
        trade_id = counter(runtime, trade_id, two.mina, two.minas[:1], two.juns[:1])
    assert active(connection, two) == 3


def test_counter_offers_are_checked_like_proposals(runtime: Runtime, two: Two, proposed: UUID) -> None:
    with pytest.raises(DuplicateIds):
        counter(runtime, proposed, two.jun, [two.juns[0]] * 2, two.minas[:1])
    with pytest.raises(CardNotFound):
        counter(runtime, proposed, two.jun, [uuid4()], two.minas[:1])
    with pytest.raises(NotOwner):
        counter(runtime, proposed, two.jun, two.minas[1:2], two.minas[:1])
    propose(runtime, two.mina, two.jun, two.minas[1:2], two.juns[1:2])
    with pytest.raises(CardUnavailable) as refused:
        counter(runtime, proposed, two.jun, two.juns[:2], two.minas[:2])
    assert refused.value.details["card_ids"] == sorted([two.juns[1], two.minas[1]])


def test_a_refused_counter_offer_leaves_the_proposal_as_it_was(
    runtime: Runtime, connection: Connection, two: Two, proposed: UUID
) -> None:
    before = stored(connection, proposed)
    with pytest.raises(CardUnavailable):
        counter(runtime, proposed, two.jun, [make_card(runtime, two.jun, confirmed=False)], two.minas[:1])
    assert stored(connection, proposed) == before
