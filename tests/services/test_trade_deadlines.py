"""What happens to swaps past their deadline: the first write, the next proposal and the job."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, select

from kcardswap.domain.cards import CardInTrade
from kcardswap.domain.errors import InvalidState, Refusal
from kcardswap.domain.trades import (
    ConfirmationTimedOut,
    ProposalTimedOut,
    TradeFinished,
    TradeNotProposed,
)
from kcardswap.persistence.orm.trades import card_holds
from kcardswap.runtime import Runtime
from kcardswap.services import cards
from kcardswap.services import trades as services
from tests.conftest import MovableClock
from tests.people import make_user
from tests.swaps import (
    Two,
    accept,
    active,
    befriend_all,
    broken_invariants,
    cancel,
    complete,
    counter,
    events_of,
    make_cards,
    propose,
    reject,
    statuses,
    stored,
)


@pytest.fixture(autouse=True)
def sound(connection: Connection) -> Any:
    """Whatever a test did, the promises about trades hold afterwards."""
    yield
    assert broken_invariants(connection) == []


Step = Callable[[Runtime, UUID, UUID], None]


def counter_with_new_cards(runtime: Runtime, trade_id: UUID, by: UUID) -> None:
    uow = runtime.unit_of_work()
    with uow:
        people = uow.trades.people_of(trade_id) if uow.trades.find(trade_id) else [by]
    other = next((person for person in people if person != by), by)
    counter(runtime, trade_id, by, make_cards(runtime, by, 1), make_cards(runtime, other, 1))


ANSWERS: list[Step] = [accept, reject, counter_with_new_cards]
ANSWER_NAMES = ["accept", "reject", "counter"]
STEPS: list[Step] = [*ANSWERS, cancel, complete]
STEP_NAMES = [*ANSWER_NAMES, "cancel", "complete"]


LATE_ON_A_PROPOSAL: list[Step] = [accept, reject, counter_with_new_cards, cancel, complete]


@pytest.mark.parametrize("step", LATE_ON_A_PROPOSAL, ids=STEP_NAMES)
def test_the_first_write_after_the_deadline_of_a_proposal_cancels_it_for_good(
    runtime: Runtime, connection: Connection, clock: MovableClock, two: Two, proposed: UUID, step: Step
) -> None:
    _too_late(runtime, connection, clock, two, proposed, step, ProposalTimedOut, days=7)


@pytest.mark.parametrize("step", [cancel, complete])
def test_the_first_write_after_the_deadline_of_a_swap_cancels_it_for_good(
    runtime: Runtime, connection: Connection, clock: MovableClock, two: Two, accepted: UUID, step: Step
) -> None:
    _too_late(runtime, connection, clock, two, accepted, step, ConfirmationTimedOut, hours=48)


def _too_late(
    runtime: Runtime,
    connection: Connection,
    clock: MovableClock,
    two: Two,
    trade_id: UUID,
    step: Step,
    refusal: type[InvalidState],
    **wait: float,
) -> None:
    deadline: datetime = stored(connection, trade_id).deadline_at
    clock.advance(**wait)
    with pytest.raises(refusal):
        step(runtime, trade_id, two.jun)
    trade = stored(connection, trade_id)
    assert (trade.status, trade.cancel_reason, trade.canceled_at) == ("canceled", "timeout", deadline)
    assert trade.canceled_by is None
    assert statuses(connection, [*two.minas, *two.juns]) == ["available"] * 6
    assert events_of(connection, trade_id)[-1] == "TradeCanceled"
    assert active(connection, two) == 0
    with pytest.raises(Refusal) as again:
        step(runtime, trade_id, two.jun)
    assert type(again.value) in (TradeNotProposed, TradeFinished)


def test_just_before_the_deadline_everything_still_works(
    runtime: Runtime, clock: MovableClock, two: Two, proposed: UUID
) -> None:
    clock.advance(days=7, microseconds=-1)
    accept(runtime, proposed, two.jun)
    clock.advance(hours=48, microseconds=-1)
    complete(runtime, proposed, two.mina)
    complete(runtime, proposed, two.jun)


@pytest.mark.parametrize("answered", [False, True])
def test_a_proposal_takes_over_cards_of_an_overdue_trade(
    runtime: Runtime, connection: Connection, clock: MovableClock, two: Two, proposed: UUID, answered: bool
) -> None:
    if answered:
        accept(runtime, proposed, two.jun)
    sora = make_user(runtime, "sora")
    befriend_all(runtime, [(sora, two.jun)])
    clock.advance(days=7)
    new = propose(runtime, sora, two.jun, make_cards(runtime, sora, 1), two.juns[:1])
    assert stored(connection, proposed).cancel_reason == "timeout"
    assert statuses(connection, [two.minas[0], two.juns[0]]) == ["available", "trading"]
    assert connection.scalar(select(card_holds.c.trade_id).where(card_holds.c.card_id == two.juns[0])) == new
    assert events_of(connection, proposed)[-1] == "TradeCanceled"


def test_a_counter_offer_takes_over_cards_of_an_overdue_trade(
    runtime: Runtime, connection: Connection, clock: MovableClock, two: Two, proposed: UUID
) -> None:
    clock.advance(days=6)
    fresh = propose(runtime, two.mina, two.jun, two.minas[1:2], two.juns[1:2])
    clock.advance(days=1)
    counter(runtime, fresh, two.jun, two.juns[:1], two.minas[:1])
    assert stored(connection, proposed).cancel_reason == "timeout"
    assert active(connection, two) == 1


def test_the_job_cancels_what_is_overdue_and_nothing_else(
    runtime: Runtime, connection: Connection, clock: MovableClock, two: Two, proposed: UUID
) -> None:
    clock.advance(days=6)
    fresh = propose(runtime, two.mina, two.jun, two.minas[1:2], two.juns[1:2])
    done = propose(runtime, two.mina, two.jun, two.minas[2:], two.juns[2:])
    accept(runtime, done, two.jun)
    complete(runtime, done, two.jun)
    complete(runtime, done, two.mina)
    clock.advance(days=1)
    assert services.cancel_overdue(runtime.unit_of_work(), limit=100) == 1
    assert services.cancel_overdue(runtime.unit_of_work(), limit=100) == 0
    assert [stored(connection, trade_id).status for trade_id in (proposed, fresh, done)] == [
        "canceled",
        "proposed",
        "completed",
    ]


def test_the_job_works_in_batches_oldest_deadline_first(
    runtime: Runtime, connection: Connection, clock: MovableClock, two: Two
) -> None:
    made = []
    for mine, his in zip(two.minas, two.juns, strict=True):
        made.append(propose(runtime, two.mina, two.jun, [mine], [his]))
        clock.advance(hours=1)
    clock.advance(days=7)
    assert services.cancel_overdue(runtime.unit_of_work(), limit=2) == 2
    assert [stored(connection, trade_id).status for trade_id in made] == ["canceled", "canceled", "proposed"]
    assert services.cancel_overdue(runtime.unit_of_work(), limit=2) == 1


def test_the_owner_of_a_card_in_an_overdue_trade_has_it_back(
    runtime: Runtime, connection: Connection, clock: MovableClock
) -> None:
    two = Two(runtime)
    edited = propose(runtime, two.mina, two.jun, two.minas[:1], two.juns[:1])
    deleted = propose(runtime, two.mina, two.jun, two.minas[1:2], two.juns[1:2])
    for card_id in two.minas[:2]:
        with pytest.raises(CardInTrade):
            cards.edit(runtime.unit_of_work(), card_id=card_id, by=two.mina, changes={"note": "mine"})
    clock.advance(days=7)
    cards.edit(runtime.unit_of_work(), card_id=two.minas[0], by=two.mina, changes={"note": "mine"})
    cards.delete(runtime.unit_of_work(), runtime.storage, card_id=two.minas[1], by=two.mina)
    for trade_id in (edited, deleted):
        assert stored(connection, trade_id).cancel_reason == "timeout"
    assert statuses(connection, two.juns[:2]) == ["available", "available"]
