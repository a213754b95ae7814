"""The trade against a model: whatever people do, in any order, it is in the state the model says."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID, uuid4

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kcardswap.domain.errors import Refusal
from kcardswap.domain.trades import (
    CancelReason,
    Meeting,
    Move,
    NotTwoParty,
    Trade,
    TradeFinished,
    TradeNotAccepted,
    TradeNotProposed,
    TradeTimeouts,
    WrongSide,
)

START = datetime(2026, 3, 1, tzinfo=UTC)
TIMEOUTS = TradeTimeouts(
    proposal=timedelta(hours=9), confirmation=timedelta(hours=5), mail=timedelta(hours=7)
)
SEATS = st.integers(0, 4)


def refusal_of(step: object) -> type[Refusal] | None:
    """Run a step and return the kind of its refusal, None when it went through."""
    assert callable(step)
    try:
        step()
    except Refusal as refusal:
        return type(refusal)
    return None


class TradeMachine(RuleBasedStateMachine):
    """Two to five people act on one trade; the model is five plain values."""

    @initialize(count=st.integers(2, 5), meeting=st.sampled_from(Meeting))
    def start(self, count: int, meeting: Meeting) -> None:
        self.people = [UUID(int=n + 1) for n in range(count)]
        self.now = START
        self.patience = TIMEOUTS.to_confirm(meeting)
        self.trade = Trade.propose(
            id=uuid4(),
            initiator_id=self.people[0],
            moves=[
                Move(card_id=uuid4(), giver_id=giver, receiver_id=receiver)
                for giver, receiver in pairwise([*self.people, self.people[0]])
            ],
            meeting=meeting,
            timeouts=TIMEOUTS,
            now=self.now,
            new_id=uuid4,
        )
        self.status = "proposed"
        self.reason: str | None = None
        self.accepted = {0}
        self.confirmed: set[int] = set()
        self.deadline: datetime | None = START + TIMEOUTS.proposal

    def seat(self, number: int) -> int:
        return number % len(self.people)

    @property
    def overdue(self) -> bool:
        return self.deadline is not None and self.deadline <= self.now

    def end(self, status: str, reason: str | None = None) -> None:
        self.status, self.reason, self.deadline = status, reason, None

    @rule(hours=st.integers(1, 6))
    def wait(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @precondition(lambda self: self.overdue)
    @rule()
    def lapse(self) -> None:
        deadline = self.deadline
        self.trade.lapse()
        self.end("canceled", "timeout")
        assert self.trade.canceled_at == deadline

    @precondition(lambda self: not self.overdue)
    @rule(number=SEATS)
    def accept(self, number: int) -> None:
        seat = self.seat(number)
        refused = refusal_of(lambda: self.trade.accept(by=self.people[seat], timeouts=TIMEOUTS, now=self.now))
        if seat == 0:
            assert refused is WrongSide
        elif self.status != "proposed":
            assert refused is TradeNotProposed
        else:
            assert refused is None
            self.accepted.add(seat)
            if len(self.accepted) == len(self.people):
                self.status, self.deadline = "accepted", self.now + self.patience

    @precondition(lambda self: not self.overdue)
    @rule(number=SEATS, countering=st.booleans())
    def turn_down(self, number: int, countering: bool) -> None:
        seat = self.seat(number)
        step = self.trade.give_way if countering else self.trade.reject
        refused = refusal_of(lambda: step(by=self.people[seat], now=self.now))
        if seat == 0:
            assert refused is WrongSide
        elif countering and len(self.people) > 2:
            assert refused is NotTwoParty
        elif self.status != "proposed":
            assert refused is TradeNotProposed
        else:
            assert refused is None
            self.end("rejected", "countered" if countering else None)

    @precondition(lambda self: not self.overdue)
    @rule(number=SEATS)
    def cancel(self, number: int) -> None:
        person = self.people[self.seat(number)]
        refused = refusal_of(lambda: self.trade.cancel(by=person, now=self.now))
        if self.status not in ("proposed", "accepted"):
            assert refused is TradeFinished
        else:
            assert refused is None
            assert self.trade.canceled_by == person
            self.end("canceled", "user")

    @precondition(lambda self: not self.overdue)
    @rule(reason=st.sampled_from([CancelReason.BLOCKED, CancelReason.SUSPENDED, CancelReason.CARD_REMOVED]))
    def call_off(self, reason: CancelReason) -> None:
        refused = refusal_of(lambda: self.trade.call_off(reason, now=self.now))
        if self.status not in ("proposed", "accepted"):
            assert refused is TradeFinished
        else:
            assert refused is None
            self.end("canceled", reason)

    @precondition(lambda self: not self.overdue)
    @rule(number=SEATS)
    def confirm(self, number: int) -> None:
        seat = self.seat(number)
        refused = refusal_of(lambda: self.trade.confirm(by=self.people[seat], now=self.now))
        if self.status == "completed" or (self.status == "accepted" and seat in self.confirmed):
            assert refused is None
        elif self.status == "accepted":
            assert refused is None
            self.confirmed.add(seat)
            if len(self.confirmed) == len(self.people):
                self.end("completed")
        else:
            assert refused is (TradeNotAccepted if self.status == "proposed" else TradeFinished)

    @invariant()
    def agrees_with_the_model(self) -> None:
        trade = self.trade
        assert (trade.status, trade.cancel_reason, trade.deadline_at) == (
            self.status,
            self.reason,
            self.deadline,
        )
        assert {p.position for p in trade.participants if p.accepted_at} == self.accepted
        assert {p.position for p in trade.participants if p.confirmed_at} == self.confirmed
        assert trade.is_unfinished == (self.status in ("proposed", "accepted"))
        assert trade.is_overdue(self.now) == self.overdue

    @invariant()
    def has_the_times_of_its_state(self) -> None:
        trade = self.trade
        assert (trade.accepted_at is not None) == (len(self.accepted) == len(self.people))
        assert (trade.completed_at is not None) == (self.status == "completed")
        assert (trade.rejected_at is not None) == (self.status == "rejected")
        assert (trade.canceled_at is not None) == (self.status == "canceled")
        if self.status == "completed":
            assert len(self.confirmed) == len(self.people)


TradeMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestTradeMachine = TradeMachine.TestCase
