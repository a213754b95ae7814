"""The trade and its parts: participants, what each gives, and the state machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations
from uuid import UUID

from kcardswap.domain.base import Aggregate, NewId
from kcardswap.domain.errors import InvalidState
from kcardswap.domain.trades.events import (
    TradeAccepted,
    TradeCanceled,
    TradeCompleted,
    TradeConfirmed,
    TradeCountered,
    TradeProposed,
    TradeRejected,
)
from kcardswap.domain.trades.kinds import UNFINISHED, CancelReason, Meeting, TradeRole, TradeStatus
from kcardswap.domain.trades.moves import Move, refuse_impossible, refuse_unless_swap, seats
from kcardswap.domain.trades.refusals import (
    ConfirmationTimedOut,
    NotTwoParty,
    ProposalTimedOut,
    TradeFinished,
    TradeNotAccepted,
    TradeNotFound,
    TradeNotProposed,
    WrongSide,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeTimeouts:
    """How long people may take, each counted from the step before."""

    proposal: timedelta
    confirmation: timedelta
    mail: timedelta

    def to_confirm(self, meeting: Meeting) -> timedelta:
        """Return how long an accepted trade may take; the mail is slower."""
        return self.mail if meeting is Meeting.MAIL else self.confirmation


@dataclass(eq=False, kw_only=True)
class TradeItem:
    """One card that changes hands; on completion it becomes ``received_card_id`` of the receiver."""

    id: UUID
    trade_id: UUID
    card_id: UUID
    giver_id: UUID
    receiver_id: UUID
    received_card_id: UUID | None
    created_at: datetime


@dataclass(eq=False, kw_only=True)
class TradeParticipant:
    """One person in a trade and the cards they give.

    ``proposed_at`` and ``completed_at`` are those of the trade, kept here too so that a person's trades are
    sorted and counted without reading them.
    """

    id: UUID
    trade_id: UUID
    user_id: UUID
    position: int
    role: TradeRole
    accepted_at: datetime | None
    confirmed_at: datetime | None
    proposed_at: datetime
    completed_at: datetime | None
    gives: list[TradeItem]


@dataclass(eq=False, kw_only=True)
class Trade(Aggregate):
    """A swap of cards among two to five people, all or nothing.

    ``deadline_at`` is set exactly while the trade is unfinished. Whoever changes a trade asks
    ``is_overdue`` first: past the deadline ``lapse`` is the only step left.
    """

    id: UUID
    status: TradeStatus
    meeting: Meeting
    participant_count: int
    accepted_at: datetime | None
    completed_at: datetime | None
    rejected_at: datetime | None
    canceled_at: datetime | None
    cancel_reason: CancelReason | None
    canceled_by: UUID | None
    countered_trade_id: UUID | None
    deadline_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime
    participants: list[TradeParticipant]

    @classmethod
    def propose(
        cls,
        *,
        id: UUID,
        initiator_id: UUID,
        moves: Sequence[Move],
        meeting: Meeting,
        timeouts: TradeTimeouts,
        now: datetime,
        new_id: NewId,
        countered_trade_id: UUID | None = None,
    ) -> "Trade":
        """Put a swap to the others; the initiator accepts by proposing.

        :raises SelfTarget: a card moves to the person who gives it.
        :raises DuplicateIds: a card moves twice.
        :raises UnbalancedSwap: not two to five people who all give and receive.
        :raises ValidationFailed: somebody gives more than 20 cards.
        """
        refuse_impossible(moves)
        refuse_unless_swap(moves, initiator_id=initiator_id)
        participants = _seated(moves, trade_id=id, initiator_id=initiator_id, now=now, new_id=new_id)
        trade = cls(
            id=id,
            status=TradeStatus.PROPOSED,
            meeting=meeting,
            participant_count=len(participants),
            accepted_at=None,
            completed_at=None,
            rejected_at=None,
            canceled_at=None,
            cancel_reason=None,
            canceled_by=None,
            countered_trade_id=countered_trade_id,
            deadline_at=now + timeouts.proposal,
            version=1,
            created_at=now,
            updated_at=now,
            participants=participants,
        )
        trade.record(
            TradeProposed(
                trade_id=id,
                participant_ids=trade.people,
                user_id=initiator_id,
                countered_trade_id=countered_trade_id,
            )
        )
        return trade

    @property
    def people(self) -> tuple[UUID, ...]:
        """Return the participants' user ids in seat order, the initiator first."""
        return tuple(participant.user_id for participant in self.participants)

    @property
    def pairs(self) -> list[tuple[UUID, UUID]]:
        """Return every two of the people, the smaller id first, in ascending order."""
        return list(combinations(sorted(self.people), 2))

    @property
    def items(self) -> list[TradeItem]:
        """Return what everyone gives, in seat order."""
        return [item for participant in self.participants for item in participant.gives]

    @property
    def card_ids(self) -> list[UUID]:
        """Return the ids of all cards that would change hands."""
        return [item.card_id for item in self.items]

    @property
    def is_unfinished(self) -> bool:
        """Tell whether the trade keeps its cards reserved."""
        return self.status in UNFINISHED

    @property
    def giving_pairs(self) -> list[tuple[UUID, UUID]]:
        """Return every giver with a receiver as (smaller id, larger id), each once, in ascending order."""
        return sorted({_in_order(item.giver_id, item.receiver_id) for item in self.items})

    def is_overdue(self, now: datetime) -> bool:
        """Tell whether the deadline has come while somebody still has to act."""
        return self.deadline_at is not None and self.deadline_at <= now

    def participant(self, user_id: UUID) -> TradeParticipant:
        """Return the part of one person.

        :raises TradeNotFound: they take no part; to them the trade does not exist.
        """
        for participant in self.participants:
            if participant.user_id == user_id:
                return participant
        raise TradeNotFound

    def responder(self, user_id: UUID) -> TradeParticipant:
        """Return the part of somebody who was asked.

        :raises TradeNotFound: they take no part.
        :raises WrongSide: they proposed it.
        """
        participant = self.participant(user_id)
        if participant.role is TradeRole.INITIATOR:
            raise WrongSide
        return participant

    def other(self, user_id: UUID) -> UUID:
        """Return the other person of a trade between two.

        :raises TradeNotFound: ``user_id`` takes no part.
        :raises NotTwoParty: more than two take part.
        """
        self.participant(user_id)
        if self.participant_count > 2:
            raise NotTwoParty(status=self.status)
        return next(person for person in self.people if person != user_id)

    def accept(self, *, by: UUID, timeouts: TradeTimeouts, now: datetime) -> None:
        """Accept for one of the people asked; the last acceptance starts the clock for the swap itself.

        Accepting again while others are still to answer changes nothing.

        :raises TradeNotFound: ``by`` takes no part.
        :raises WrongSide: ``by`` proposed it.
        :raises TradeNotProposed: it already left the proposed state.
        """
        participant = self.responder(by)
        self._refuse_unless_proposed()
        if participant.accepted_at is not None:
            return
        participant.accepted_at = now
        self.updated_at = now
        if all(each.accepted_at is not None for each in self.participants):
            self.status = TradeStatus.ACCEPTED
            self.accepted_at = now
            self.deadline_at = now + timeouts.to_confirm(self.meeting)
        self.record(
            TradeAccepted(trade_id=self.id, participant_ids=self.people, user_id=by, status=self.status)
        )

    def reject(self, *, by: UUID, now: datetime) -> None:
        """Turn the proposal down for everybody.

        :raises TradeNotFound: ``by`` takes no part.
        :raises WrongSide: ``by`` proposed it.
        :raises TradeNotProposed: it already left the proposed state.
        """
        self.responder(by)
        self._refuse_unless_proposed()
        self._reject(now)
        self.record(TradeRejected(trade_id=self.id, participant_ids=self.people, user_id=by))

    def give_way(self, *, by: UUID, now: datetime) -> None:
        """Turn the proposal down in favour of a counter-offer of ``by``.

        :raises TradeNotFound: ``by`` takes no part.
        :raises WrongSide: ``by`` proposed it.
        :raises NotTwoParty: more than two take part.
        :raises TradeNotProposed: it already left the proposed state.
        """
        self.responder(by)
        self.other(by)
        self._refuse_unless_proposed()
        self._reject(now)
        self.cancel_reason = CancelReason.COUNTERED
        self.record(TradeCountered(trade_id=self.id, participant_ids=self.people, user_id=by))

    def cancel(self, *, by: UUID, now: datetime) -> None:
        """Call the swap off.

        :raises TradeNotFound: ``by`` takes no part.
        :raises TradeFinished: it is over.
        """
        self.participant(by)
        self.refuse_if_finished()
        self._cancel(CancelReason.USER, at=now, by=by)

    def call_off(self, reason: CancelReason, *, now: datetime) -> None:
        """Cancel because of something outside the trade, such as a block or a suspension; says nobody's name.

        :raises TradeFinished: it is over.
        """
        self.refuse_if_finished()
        self._cancel(reason, at=now, by=None)

    def lapse(self) -> InvalidState:
        """Cancel at the deadline and return the refusal of whoever came too late.

        :raises TradeFinished: it is over.
        """
        self.refuse_if_finished()
        assert self.deadline_at is not None
        late = ProposalTimedOut if self.status is TradeStatus.PROPOSED else ConfirmationTimedOut
        # Reads showed it canceled from the deadline on, so that is what is written.
        self._cancel(CancelReason.TIMEOUT, at=self.deadline_at, by=None)
        return late(status=self.status)

    def confirm(self, *, by: UUID, now: datetime) -> None:
        """Confirm that the cards changed hands; the last confirmation completes the trade.

        Confirming again changes nothing, also after completion.

        :raises TradeNotFound: ``by`` takes no part.
        :raises TradeNotAccepted: not everyone accepted yet.
        :raises TradeFinished: it was rejected or canceled.
        """
        participant = self.participant(by)
        if participant.confirmed_at is not None and self.status in (
            TradeStatus.ACCEPTED,
            TradeStatus.COMPLETED,
        ):
            return
        self.refuse_if_finished()
        if self.status is not TradeStatus.ACCEPTED:
            raise TradeNotAccepted(status=self.status)
        participant.confirmed_at = now
        self.updated_at = now
        self.record(TradeConfirmed(trade_id=self.id, participant_ids=self.people, user_id=by))
        if all(each.confirmed_at is not None for each in self.participants):
            self._complete(now)

    def refuse_if_finished(self) -> None:
        """Do nothing for an unfinished trade.

        :raises TradeFinished: it is over.
        """
        if not self.is_unfinished:
            raise TradeFinished(status=self.status)

    def _refuse_unless_proposed(self) -> None:
        if self.status is not TradeStatus.PROPOSED:
            raise TradeNotProposed(status=self.status)

    def _reject(self, now: datetime) -> None:
        self.status = TradeStatus.REJECTED
        self.rejected_at = self.updated_at = now
        self.deadline_at = None

    def _cancel(self, reason: CancelReason, *, at: datetime, by: UUID | None) -> None:
        self.status = TradeStatus.CANCELED
        self.canceled_at = self.updated_at = at
        self.cancel_reason = reason
        self.canceled_by = by
        self.deadline_at = None
        self.record(TradeCanceled(trade_id=self.id, participant_ids=self.people, reason=reason, user_id=by))

    def _complete(self, now: datetime) -> None:
        self.status = TradeStatus.COMPLETED
        self.completed_at = now
        for participant in self.participants:
            participant.completed_at = now
        self.deadline_at = None
        self.record(TradeCompleted(trade_id=self.id, participant_ids=self.people))


def _in_order(a: UUID, b: UUID) -> tuple[UUID, UUID]:
    return (a, b) if a < b else (b, a)


def _seated(
    moves: Sequence[Move], *, trade_id: UUID, initiator_id: UUID, now: datetime, new_id: NewId
) -> list[TradeParticipant]:
    return [
        TradeParticipant(
            id=new_id(),
            trade_id=trade_id,
            user_id=user_id,
            position=position,
            role=TradeRole.INITIATOR if position == 0 else TradeRole.RESPONDER,
            accepted_at=now if position == 0 else None,
            confirmed_at=None,
            proposed_at=now,
            completed_at=None,
            gives=_given(moves, trade_id=trade_id, giver_id=user_id, now=now, new_id=new_id),
        )
        for position, user_id in enumerate(seats(moves, initiator_id=initiator_id))
    ]


def _given(
    moves: Sequence[Move], *, trade_id: UUID, giver_id: UUID, now: datetime, new_id: NewId
) -> list[TradeItem]:
    return [
        TradeItem(
            id=new_id(),
            trade_id=trade_id,
            card_id=move.card_id,
            giver_id=giver_id,
            receiver_id=move.receiver_id,
            received_card_id=None,
            created_at=now,
        )
        for move in moves
        if move.giver_id == giver_id
    ]
