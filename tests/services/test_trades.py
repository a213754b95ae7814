"""Swaps on a real database: what is reserved, released, handed over, refused and told."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, func, select, update

from kcardswap.domain.accounts import UserNotFound
from kcardswap.domain.cards import CardNotFound, CardStatus, CardUnavailable
from kcardswap.domain.errors import Blocked, DuplicateIds, NotOwner, SelfTarget
from kcardswap.domain.friendships import NotFriends
from kcardswap.domain.trades import (
    MatchInvalid,
    Meeting,
    PairLimitReached,
    TradeFinished,
    TradeNotFound,
    TradeNotProposed,
    WrongSide,
)
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.conversations import threads
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.persistence.orm.trades import card_holds, trades
from kcardswap.runtime import Runtime
from kcardswap.services import friendships
from tests.conftest import MovableClock
from tests.people import delete, make_user, suspend
from tests.swaps import (
    TIMEOUTS,
    Two,
    accept,
    active,
    befriend,
    broken_invariants,
    cancel,
    complete,
    counter,
    events_of,
    make_card,
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


def test_a_proposal_reserves_every_card_and_counts_for_the_pair(
    connection: Connection, two: Two, proposed: UUID
) -> None:
    held = connection.execute(select(card_holds.c.card_id, card_holds.c.trade_id)).all()
    assert {tuple(hold) for hold in held} == {(two.minas[0], proposed), (two.juns[0], proposed)}
    assert statuses(connection, [*two.minas, *two.juns]) == ["trading", "available", "available"] * 2
    assert active(connection, two) == 1
    assert events_of(connection, proposed) == ["TradeProposed"]


def test_a_proposal_lapses_after_seven_days(
    connection: Connection, clock: MovableClock, proposed: UUID
) -> None:
    assert stored(connection, proposed).deadline_at == clock.now() + timedelta(days=7)


def test_the_event_of_a_proposal_names_everyone(connection: Connection, two: Two, proposed: UUID) -> None:
    payload = connection.scalar(select(outbox.c.payload).where(outbox.c.event_type == "TradeProposed"))
    assert payload == {
        "trade_id": str(proposed),
        "participant_ids": [str(two.mina), str(two.jun)],
        "user_id": str(two.mina),
        "countered_trade_id": None,
    }


def test_senseless_proposals_are_refused_first(runtime: Runtime, two: Two) -> None:
    with pytest.raises(SelfTarget):
        propose(runtime, two.mina, two.mina, two.minas[:1], two.minas[1:])
    with pytest.raises(DuplicateIds):
        propose(runtime, two.mina, uuid4(), [two.minas[0]] * 2, two.juns[:1])
    with pytest.raises(DuplicateIds):
        propose(runtime, two.mina, two.jun, two.minas[:1], two.minas[:1])


@pytest.mark.parametrize("leave", [delete, suspend, None])
def test_nobody_swaps_with_people_who_are_gone(
    runtime: Runtime, two: Two, leave: Callable[[Runtime, UUID], None] | None
) -> None:
    if leave is not None:
        leave(runtime, two.jun)
    responder = two.jun if leave else uuid4()
    with pytest.raises(UserNotFound):
        propose(runtime, two.mina, responder, two.minas[:1], two.juns[:1])


@pytest.mark.parametrize("blocker_proposes", [True, False])
def test_a_block_in_either_direction_refuses_proposals_before_looking_at_cards(
    runtime: Runtime, two: Two, blocker_proposes: bool
) -> None:
    blocker, blocked = (two.mina, two.jun) if blocker_proposes else (two.jun, two.mina)
    friendships.block(runtime.unit_of_work(), by=blocker, target_id=blocked)
    with pytest.raises(Blocked):
        propose(runtime, two.mina, two.jun, [uuid4()], two.juns[:1])


def test_unknown_and_deleted_cards_are_not_found(
    runtime: Runtime, connection: Connection, clock: MovableClock, two: Two
) -> None:
    with pytest.raises(CardNotFound):
        propose(runtime, two.mina, two.jun, two.minas[:1], [uuid4()])
    connection.execute(update(cards).where(cards.c.id == two.juns[0]).values(deleted_at=clock.now()))
    with pytest.raises(CardNotFound):
        propose(runtime, two.mina, two.jun, two.minas[:1], two.juns[:1])


def test_each_side_gives_its_own_cards(runtime: Runtime, two: Two) -> None:
    with pytest.raises(NotOwner):
        propose(runtime, two.mina, two.jun, two.juns[:1], two.minas[:1])
    third = make_card(runtime, make_user(runtime, "sora"))
    with pytest.raises(NotOwner):
        propose(runtime, two.mina, two.jun, two.minas[:1], [third])


def test_no_match_is_live_yet(runtime: Runtime, two: Two) -> None:
    with pytest.raises(MatchInvalid):
        propose(runtime, two.mina, two.jun, two.minas[:1], two.juns[:1], match_id="anything")


@pytest.mark.parametrize("asked", [True, False])
def test_strangers_and_people_who_only_asked_cannot_propose(runtime: Runtime, two: Two, asked: bool) -> None:
    sora = make_user(runtime, "sora")
    if asked:
        friendships.request(runtime.unit_of_work(), by=two.mina, target_id=sora)
    with pytest.raises(NotFriends):
        propose(runtime, two.mina, sora, two.minas[:1], make_cards(runtime, sora, 1))


def test_cards_that_are_not_free_are_named(runtime: Runtime, two: Two, proposed: UUID) -> None:
    held = make_card(runtime, two.mina, status=CardStatus.HELD)
    pending = make_card(runtime, two.jun, confirmed=False)
    with pytest.raises(CardUnavailable) as refused:
        propose(
            runtime,
            two.mina,
            two.jun,
            [two.minas[0], two.minas[1], held],
            [two.juns[0], two.juns[1], pending],
        )
    assert refused.value.details == {
        "reason": "card_unavailable",
        "card_ids": sorted([two.minas[0], held, two.juns[0], pending]),
    }


def test_a_refused_proposal_leaves_nothing_behind(
    runtime: Runtime, connection: Connection, two: Two, proposed: UUID
) -> None:
    with pytest.raises(CardUnavailable):
        propose(runtime, two.mina, two.jun, two.minas[1:2], two.juns[:1])
    assert connection.scalar(select(func.count()).select_from(trades)) == 1
    assert statuses(connection, two.minas[1:2]) == ["available"]
    assert active(connection, two) == 1


def test_the_hold_decides_even_where_a_card_looks_free(
    runtime: Runtime, connection: Connection, clock: MovableClock, two: Two, proposed: UUID
) -> None:
    nested = connection.begin_nested()
    hold = {"card_id": two.juns[2], "trade_id": proposed, "created_at": clock.now()}
    connection.execute(card_holds.insert().values(hold))
    with pytest.raises(CardUnavailable) as refused:
        propose(runtime, two.mina, two.jun, two.minas[1:2], two.juns[2:])
    assert refused.value.details["card_ids"] == [two.juns[2]]
    nested.rollback()


def test_a_pair_has_at_most_three_unfinished_trades_in_either_direction(runtime: Runtime, two: Two) -> None:
    first = propose(runtime, two.mina, two.jun, two.minas[:1], two.juns[:1])
    propose(runtime, two.jun, two.mina, two.juns[1:2], two.minas[1:2])
    propose(runtime, two.mina, two.jun, two.minas[2:], two.juns[2:])
    fourth = (make_cards(runtime, two.mina, 1), make_cards(runtime, two.jun, 1))
    with pytest.raises(PairLimitReached) as refused:
        propose(runtime, two.mina, two.jun, *fourth)
    assert refused.value.details == {
        "limit_key": "active_trades_per_pair",
        "limit_value": 3,
        "current_value": 3,
        "reset_at": None,
    }
    cancel(runtime, first, two.mina)
    propose(runtime, two.mina, two.jun, *fourth)


def test_overdue_trades_of_a_pair_do_not_count_against_it(
    runtime: Runtime, connection: Connection, clock: MovableClock, two: Two
) -> None:
    old = [
        propose(runtime, two.mina, two.jun, [mine], [his])
        for mine, his in zip(two.minas, two.juns, strict=True)
    ]
    clock.advance(days=7)
    propose(runtime, two.mina, two.jun, make_cards(runtime, two.mina, 1), make_cards(runtime, two.jun, 1))
    assert {stored(connection, trade_id).cancel_reason for trade_id in old} == {"timeout"}
    assert active(connection, two) == 1


def test_accepting_opens_the_thread_and_starts_the_clock(
    runtime: Runtime, connection: Connection, clock: MovableClock, two: Two, accepted: UUID
) -> None:
    trade = stored(connection, accepted)
    assert (trade.status, trade.accepted_at) == ("accepted", clock.now())
    assert trade.deadline_at == clock.now() + timedelta(hours=48)
    opened = connection.execute(select(threads)).one()
    assert ((opened.user_a_id, opened.user_b_id), opened.origin) == (two.pair, "trade")
    assert events_of(connection, accepted) == ["TradeProposed", "TradeAccepted"]


def test_the_mail_has_two_weeks(
    runtime: Runtime, connection: Connection, clock: MovableClock, two: Two
) -> None:
    trade_id = propose(runtime, two.mina, two.jun, two.minas[:1], two.juns[:1], meeting=Meeting.MAIL)
    accept(runtime, trade_id, two.jun)
    assert stored(connection, trade_id).deadline_at == clock.now() + timedelta(days=14)


def test_accepting_keeps_the_thread_two_friends_have(runtime: Runtime, connection: Connection) -> None:
    a, b = make_user(runtime, "a"), make_user(runtime, "b")
    befriend(runtime, a, b)
    trade_id = propose(runtime, a, b, make_cards(runtime, a, 1), make_cards(runtime, b, 1))
    accept(runtime, trade_id, b)
    assert list(connection.scalars(select(threads.c.origin))) == ["friend"]


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


@pytest.mark.parametrize("step", STEPS, ids=STEP_NAMES)
def test_outside_its_people_a_trade_does_not_exist(runtime: Runtime, proposed: UUID, step: Step) -> None:
    stranger = make_user(runtime, "stranger")
    with pytest.raises(TradeNotFound):
        step(runtime, proposed, stranger)
    with pytest.raises(TradeNotFound):
        step(runtime, uuid4(), stranger)


@pytest.mark.parametrize("step", ANSWERS, ids=ANSWER_NAMES)
def test_only_the_person_asked_answers(runtime: Runtime, two: Two, proposed: UUID, step: Step) -> None:
    with pytest.raises(WrongSide):
        step(runtime, proposed, two.mina)


@pytest.mark.parametrize("step", ANSWERS, ids=ANSWER_NAMES)
def test_a_proposal_is_answered_once(runtime: Runtime, two: Two, accepted: UUID, step: Step) -> None:
    with pytest.raises(TradeNotProposed):
        step(runtime, accepted, two.jun)


@pytest.mark.parametrize("step", [accept, counter_with_new_cards], ids=["accept", "counter"])
@pytest.mark.parametrize("leave", [delete, suspend])
def test_a_proposal_of_somebody_who_is_gone_cannot_be_taken_up(
    runtime: Runtime, two: Two, proposed: UUID, step: Step, leave: Callable[[Runtime, UUID], None]
) -> None:
    leave(runtime, two.mina)
    with pytest.raises(UserNotFound):
        step(runtime, proposed, two.jun)


@pytest.mark.parametrize("step", [accept, counter_with_new_cards], ids=["accept", "counter"])
def test_after_a_block_answers_say_blocked(runtime: Runtime, two: Two, proposed: UUID, step: Step) -> None:
    friendships.block(runtime.unit_of_work(), by=two.mina, target_id=two.jun)
    with pytest.raises(Blocked):
        step(runtime, proposed, two.jun)


@pytest.mark.parametrize("taken", ["owner", "status", "hold"])
def test_accepting_checks_that_the_cards_are_still_there(
    runtime: Runtime, connection: Connection, two: Two, proposed: UUID, taken: str
) -> None:
    card = two.minas[0]
    nested = connection.begin_nested()
    if taken == "owner":
        connection.execute(update(cards).where(cards.c.id == card).values(owner_id=two.jun))
    elif taken == "status":
        connection.execute(update(cards).where(cards.c.id == card).values(status="held"))
    else:
        connection.execute(card_holds.delete().where(card_holds.c.card_id == card))
    with pytest.raises(CardUnavailable) as refused:
        accept(runtime, proposed, two.jun)
    assert refused.value.details["card_ids"] == [card]
    nested.rollback()


@pytest.mark.parametrize(("end", "by_initiator"), [(reject, False), (cancel, True), (cancel, False)])
def test_a_proposal_that_comes_to_nothing_frees_its_cards(
    runtime: Runtime, connection: Connection, two: Two, proposed: UUID, end: Step, by_initiator: bool
) -> None:
    end(runtime, proposed, two.mina if by_initiator else two.jun)
    assert statuses(connection, [*two.minas, *two.juns]) == ["available"] * 6
    assert connection.scalar(select(func.count()).select_from(card_holds)) == 0
    assert active(connection, two) == 0
    assert events_of(connection, proposed)[-1] == ("TradeRejected" if end is reject else "TradeCanceled")
    propose(runtime, two.jun, two.mina, two.juns[:1], two.minas[:1])


def test_an_accepted_swap_can_be_called_off_by_either(
    runtime: Runtime, connection: Connection, two: Two, accepted: UUID
) -> None:
    complete(runtime, accepted, two.mina)
    cancel(runtime, accepted, two.mina)
    trade = stored(connection, accepted)
    assert (trade.status, trade.cancel_reason, trade.canceled_by) == ("canceled", "user", two.mina)
    with pytest.raises(TradeFinished):
        cancel(runtime, accepted, two.jun)
    with pytest.raises(TradeFinished):
        complete(runtime, accepted, two.jun)


def test_every_change_counts_the_version_up(
    runtime: Runtime, connection: Connection, clock: MovableClock, two: Two, accepted: UUID
) -> None:
    assert stored(connection, accepted).version == 2
    clock.advance(seconds=1)
    complete(runtime, accepted, two.jun)
    assert stored(connection, accepted).version == 3


def test_a_locked_trade_is_read_afresh_with_its_people(runtime: Runtime, two: Two, proposed: UUID) -> None:
    first, second = runtime.unit_of_work(), runtime.unit_of_work()
    with first:
        seen = first.trades.get(proposed)
        with second:
            second.trades.get(proposed, lock=True).accept(
                by=two.jun, timeouts=TIMEOUTS, now=second.clock.now()
            )
            second.commit()
        assert seen.participant(two.jun).accepted_at is None
        again = first.trades.get(proposed, lock=True)
        assert again is seen
        assert seen.participant(two.jun).accepted_at is not None
        assert seen.status == "accepted"
