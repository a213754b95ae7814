"""What makes a swap, who may do what to it, and what deadlines mean, for two people and for rings."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest

from kcardswap.domain.errors import DuplicateIds, InvalidState, SelfTarget, ValidationFailed
from kcardswap.domain.trades import (
    CancelReason,
    ConfirmationTimedOut,
    Meeting,
    Move,
    NotTwoParty,
    PairLimitReached,
    ProposalTimedOut,
    Trade,
    TradeAccepted,
    TradeCanceled,
    TradeCompleted,
    TradeConfirmed,
    TradeCountered,
    TradeFinished,
    TradeNotAccepted,
    TradeNotFound,
    TradeNotProposed,
    TradeProposed,
    TradeRejected,
    TradeRole,
    TradeStatus,
    TradeTimeouts,
    UnbalancedSwap,
    WrongSide,
    two_party_moves,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
TIMEOUTS = TradeTimeouts(
    proposal=timedelta(days=7), confirmation=timedelta(hours=48), mail=timedelta(days=14)
)
MINA, JUN, HARU, SORA, DAN, STRANGER = (UUID(int=n) for n in range(1, 7))


def move(giver: UUID, receiver: UUID) -> Move:
    return Move(card_id=uuid4(), giver_id=giver, receiver_id=receiver)


def ring(*people: UUID) -> list[Move]:
    return [move(giver, receiver) for giver, receiver in pairwise((*people, people[0]))]


def propose(moves: Sequence[Move], *, by: UUID = MINA, meeting: Meeting = Meeting.IN_PERSON) -> Trade:
    return Trade.propose(
        id=uuid4(),
        initiator_id=by,
        moves=moves,
        meeting=meeting,
        timeouts=TIMEOUTS,
        now=NOW,
        new_id=uuid4,
    )


@pytest.fixture
def trade() -> Trade:
    """A swap Mina proposed to Jun, its events collected."""
    trade = propose(ring(MINA, JUN))
    trade.collect_events()
    return trade


@pytest.fixture
def accepted(trade: Trade) -> Trade:
    """The swap after Jun accepted."""
    trade.accept(by=JUN, timeouts=TIMEOUTS, now=LATER)
    trade.collect_events()
    return trade


def test_a_proposal_seats_the_initiator_first_and_counts_it_as_their_acceptance() -> None:
    trade = propose(ring(MINA, JUN))
    mina, jun = trade.participants
    assert (mina.role, mina.position, mina.accepted_at) == (TradeRole.INITIATOR, 0, NOW)
    assert (jun.role, jun.position, jun.accepted_at) == (TradeRole.RESPONDER, 1, None)
    assert trade.status is TradeStatus.PROPOSED
    assert trade.is_unfinished
    assert trade.deadline_at == NOW + timedelta(days=7)
    assert trade.collect_events() == [
        TradeProposed(trade_id=trade.id, participant_ids=(MINA, JUN), user_id=MINA, countered_trade_id=None)
    ]


def test_two_party_moves_list_the_initiators_cards_first() -> None:
    a, b, c = uuid4(), uuid4(), uuid4()
    moves = two_party_moves(
        initiator_id=MINA, responder_id=JUN, initiator_card_ids=[a, b], responder_card_ids=[c]
    )
    assert [(m.card_id, m.giver_id, m.receiver_id) for m in moves] == [
        (a, MINA, JUN),
        (b, MINA, JUN),
        (c, JUN, MINA),
    ]


def test_nobody_swaps_with_themselves() -> None:
    with pytest.raises(SelfTarget):
        two_party_moves(
            initiator_id=MINA, responder_id=MINA, initiator_card_ids=[uuid4()], responder_card_ids=[uuid4()]
        )


def test_a_card_is_listed_once() -> None:
    card = uuid4()
    with pytest.raises(DuplicateIds):
        two_party_moves(
            initiator_id=MINA, responder_id=JUN, initiator_card_ids=[card], responder_card_ids=[card]
        )


@pytest.mark.parametrize(
    "moves",
    [
        [move(MINA, JUN)],
        [move(MINA, JUN), move(JUN, HARU), move(HARU, JUN)],
        [move(JUN, HARU), move(HARU, JUN)],
        ring(MINA, JUN, HARU, SORA, DAN, STRANGER),
        [],
    ],
    ids=["a gift", "one only gives", "without the initiator", "six people", "nothing"],
)
def test_what_is_no_swap_among_two_to_five_people_is_refused(moves: list[Move]) -> None:
    with pytest.raises(UnbalancedSwap):
        propose(moves)


def test_twenty_cards_of_one_person_are_a_swap_and_twenty_one_are_not() -> None:
    many = [move(MINA, JUN) for _ in range(20)]
    assert len(propose([*many, move(JUN, MINA)]).card_ids) == 21
    with pytest.raises(ValidationFailed):
        propose([*many, move(MINA, JUN), move(JUN, MINA)])


def test_a_ring_is_seated_in_the_direction_the_cards_travel() -> None:
    moves = ring(MINA, JUN, HARU, SORA, DAN)
    trade = propose([moves[3], moves[1], moves[0], moves[4], moves[2]])
    assert trade.people == (MINA, JUN, HARU, SORA, DAN)
    assert trade.participant_count == 5
    assert len(trade.pairs) == 10


def test_where_moves_branch_everyone_still_has_a_seat() -> None:
    moves = [
        move(MINA, JUN),
        move(MINA, HARU),
        move(JUN, MINA),
        move(HARU, MINA),
        move(SORA, DAN),
        move(DAN, SORA),
    ]
    assert set(propose(moves).people) == {MINA, JUN, HARU, SORA, DAN}
    assert propose(moves[:4]).people == (MINA, JUN, HARU)


def test_pairs_are_every_two_people_but_only_givers_and_receivers_need_to_talk() -> None:
    trade = propose([*ring(JUN, SORA, MINA, HARU)], by=SORA)
    assert len(trade.pairs) == 6
    assert all(a < b for a, b in trade.pairs)
    assert trade.giving_pairs == [(MINA, HARU), (MINA, SORA), (JUN, HARU), (JUN, SORA)]


def test_the_person_asked_accepts_and_the_clock_for_the_swap_starts(trade: Trade) -> None:
    trade.accept(by=JUN, timeouts=TIMEOUTS, now=LATER)
    assert (trade.status, trade.accepted_at) == (TradeStatus.ACCEPTED, LATER)
    assert trade.deadline_at == LATER + timedelta(hours=48)
    assert trade.collect_events() == [
        TradeAccepted(trade_id=trade.id, participant_ids=(MINA, JUN), user_id=JUN, status="accepted")
    ]


def test_the_mail_gets_more_time() -> None:
    trade = propose(ring(MINA, JUN), meeting=Meeting.MAIL)
    trade.accept(by=JUN, timeouts=TIMEOUTS, now=LATER)
    assert trade.deadline_at == LATER + timedelta(days=14)


def test_a_ring_of_three_is_accepted_with_the_last_answer_and_completed_with_the_last_confirmation() -> None:
    trade = propose(ring(MINA, JUN, HARU))
    trade.accept(by=HARU, timeouts=TIMEOUTS, now=LATER)
    assert trade.status == "proposed"
    assert trade.accepted_at is None
    trade.accept(by=HARU, timeouts=TIMEOUTS, now=LATER + timedelta(hours=1))
    assert trade.participant(HARU).accepted_at == LATER
    trade.accept(by=JUN, timeouts=TIMEOUTS, now=LATER)
    assert trade.status == "accepted"
    for person in (JUN, MINA):
        trade.confirm(by=person, now=LATER)
        assert trade.status == "accepted"
    trade.confirm(by=HARU, now=LATER)
    assert (trade.status, trade.completed_at, trade.deadline_at) == (TradeStatus.COMPLETED, LATER, None)
    assert [(type(event), getattr(event, "status", None)) for event in trade.collect_events()] == [
        (TradeProposed, None),
        (TradeAccepted, "proposed"),
        (TradeAccepted, "accepted"),
        (TradeConfirmed, None),
        (TradeConfirmed, None),
        (TradeConfirmed, None),
        (TradeCompleted, None),
    ]


def test_one_person_of_a_ring_can_reject_for_all() -> None:
    trade = propose(ring(MINA, JUN, HARU))
    trade.accept(by=JUN, timeouts=TIMEOUTS, now=LATER)
    trade.reject(by=HARU, now=LATER)
    assert (trade.status, trade.rejected_at, trade.cancel_reason) == (TradeStatus.REJECTED, LATER, None)


def test_a_ring_has_no_counter_offer() -> None:
    trade = propose(ring(MINA, JUN, HARU))
    with pytest.raises(NotTwoParty):
        trade.give_way(by=JUN, now=LATER)


def test_a_rejected_proposal_is_told_to_everyone_in_it(trade: Trade) -> None:
    trade.reject(by=JUN, now=LATER)
    assert (trade.status, trade.rejected_at, trade.deadline_at) == (TradeStatus.REJECTED, LATER, None)
    assert trade.collect_events() == [
        TradeRejected(trade_id=trade.id, participant_ids=(MINA, JUN), user_id=JUN)
    ]


def test_a_countered_proposal_is_rejected_with_that_reason(trade: Trade) -> None:
    trade.give_way(by=JUN, now=LATER)
    assert (trade.status, trade.cancel_reason) == (TradeStatus.REJECTED, CancelReason.COUNTERED)
    assert trade.collect_events() == [
        TradeCountered(trade_id=trade.id, participant_ids=(MINA, JUN), user_id=JUN)
    ]


@pytest.mark.parametrize("person", [MINA, JUN])
def test_either_side_can_call_an_unfinished_swap_off(accepted: Trade, person: UUID) -> None:
    accepted.cancel(by=person, now=LATER)
    assert (accepted.status, accepted.canceled_by) == (TradeStatus.CANCELED, person)
    assert accepted.collect_events() == [
        TradeCanceled(trade_id=accepted.id, participant_ids=(MINA, JUN), reason="user", user_id=person)
    ]


@pytest.mark.parametrize(
    "reason",
    [CancelReason.BLOCKED, CancelReason.SUSPENDED, CancelReason.ACCOUNT_DELETED, CancelReason.CARD_REMOVED],
)
def test_what_happens_outside_calls_a_swap_off_without_a_name(trade: Trade, reason: CancelReason) -> None:
    trade.call_off(reason, now=LATER)
    assert (trade.status, trade.cancel_reason, trade.canceled_by) == (TradeStatus.CANCELED, reason, None)
    assert trade.collect_events() == [
        TradeCanceled(trade_id=trade.id, participant_ids=(MINA, JUN), reason=reason, user_id=None)
    ]


STEPS: list[Callable[[Trade, UUID], None]] = [
    lambda trade, by: trade.accept(by=by, timeouts=TIMEOUTS, now=LATER),
    lambda trade, by: trade.reject(by=by, now=LATER),
    lambda trade, by: trade.give_way(by=by, now=LATER),
    lambda trade, by: trade.cancel(by=by, now=LATER),
    lambda trade, by: trade.confirm(by=by, now=LATER),
]
STEP_NAMES = ["accept", "reject", "counter", "cancel", "complete"]


@pytest.mark.parametrize("step", STEPS, ids=STEP_NAMES)
def test_to_people_outside_a_trade_does_not_exist(trade: Trade, step: Callable[[Trade, UUID], None]) -> None:
    with pytest.raises(TradeNotFound):
        step(trade, STRANGER)
    with pytest.raises(TradeNotFound):
        trade.other(STRANGER)


@pytest.mark.parametrize("step", STEPS[:3], ids=STEP_NAMES[:3])
def test_the_initiator_cannot_answer_their_own_proposal(
    trade: Trade, step: Callable[[Trade, UUID], None]
) -> None:
    with pytest.raises(WrongSide):
        step(trade, MINA)


@pytest.mark.parametrize("step", STEPS[:3], ids=STEP_NAMES[:3])
def test_an_answered_proposal_cannot_be_answered_again(
    accepted: Trade, step: Callable[[Trade, UUID], None]
) -> None:
    with pytest.raises(TradeNotProposed) as refused:
        step(accepted, JUN)
    assert refused.value.details["status"] == "accepted"


def test_a_proposal_cannot_be_completed(trade: Trade) -> None:
    with pytest.raises(TradeNotAccepted) as refused:
        trade.confirm(by=MINA, now=LATER)
    assert refused.value.details == {"reason": "trade_not_accepted", "status": "proposed"}


def finished(how: str) -> Trade:
    trade = propose(ring(MINA, JUN))
    if how == "rejected":
        trade.reject(by=JUN, now=LATER)
    elif how == "canceled":
        trade.cancel(by=MINA, now=LATER)
    else:
        trade.accept(by=JUN, timeouts=TIMEOUTS, now=LATER)
        trade.confirm(by=JUN, now=LATER)
        trade.confirm(by=MINA, now=LATER)
    trade.collect_events()
    return trade


@pytest.mark.parametrize("how", ["rejected", "canceled", "completed"])
def test_a_finished_trade_stays_finished(how: str) -> None:
    trade = finished(how)
    for step in STEPS[:3]:
        with pytest.raises(TradeNotProposed):
            step(trade, JUN)
    with pytest.raises(TradeFinished):
        trade.cancel(by=JUN, now=LATER)
    with pytest.raises(TradeFinished):
        trade.call_off(CancelReason.BLOCKED, now=LATER)
    with pytest.raises(TradeFinished):
        trade.lapse()
    assert trade.status == how
    assert trade.collect_events() == []
    assert not trade.is_unfinished
    assert not trade.is_overdue(NOW + timedelta(days=365))


@pytest.mark.parametrize("how", ["rejected", "canceled"])
def test_a_trade_that_came_to_nothing_cannot_be_completed(how: str) -> None:
    with pytest.raises(TradeFinished) as refused:
        finished(how).confirm(by=JUN, now=LATER)
    assert refused.value.details["status"] == how


def test_confirming_again_changes_nothing_also_after_completion(accepted: Trade) -> None:
    accepted.confirm(by=JUN, now=LATER)
    accepted.collect_events()
    accepted.confirm(by=JUN, now=LATER + timedelta(minutes=1))
    assert accepted.participant(JUN).confirmed_at == LATER
    assert accepted.collect_events() == []
    completed = finished("completed")
    completed.confirm(by=JUN, now=LATER + timedelta(minutes=1))
    assert completed.completed_at == LATER
    assert completed.collect_events() == []


def test_a_swap_confirmed_by_one_and_canceled_by_the_other_is_off(accepted: Trade) -> None:
    accepted.confirm(by=JUN, now=LATER)
    accepted.cancel(by=MINA, now=LATER)
    with pytest.raises(TradeFinished):
        accepted.confirm(by=JUN, now=LATER)


def test_a_deadline_counts_from_its_very_moment(trade: Trade) -> None:
    assert trade.deadline_at is not None
    assert not trade.is_overdue(trade.deadline_at - timedelta(microseconds=1))
    assert trade.is_overdue(trade.deadline_at)


@pytest.mark.parametrize("answered", [False, True])
def test_a_trade_past_its_deadline_was_canceled_at_that_moment(trade: Trade, answered: bool) -> None:
    if answered:
        trade.accept(by=JUN, timeouts=TIMEOUTS, now=LATER)
        trade.collect_events()
    deadline = trade.deadline_at
    late = trade.lapse()
    expected: type[InvalidState] = ConfirmationTimedOut if answered else ProposalTimedOut
    assert type(late) is expected
    assert late.details["status"] == "canceled"
    assert (trade.canceled_at, trade.cancel_reason, trade.canceled_by) == (
        deadline,
        CancelReason.TIMEOUT,
        None,
    )
    assert trade.collect_events() == [
        TradeCanceled(trade_id=trade.id, participant_ids=(MINA, JUN), reason="timeout", user_id=None)
    ]


def test_the_limit_of_a_pair_says_all_four_facts() -> None:
    assert PairLimitReached().details == {
        "limit_key": "active_trades_per_pair",
        "limit_value": 3,
        "current_value": 3,
        "reset_at": None,
    }
