"""The moves of a swap: which card goes from whom to whom, and what makes a set of them a swap."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from kcardswap.domain.errors import DuplicateIds, SelfTarget, ValidationFailed
from kcardswap.domain.trades.refusals import UnbalancedSwap

PEOPLE_MIN = 2
PEOPLE_MAX = 5
CARDS_PER_PERSON = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One card changing hands."""

    card_id: UUID
    giver_id: UUID
    receiver_id: UUID


def two_party_moves(
    *,
    initiator_id: UUID,
    responder_id: UUID,
    initiator_card_ids: Iterable[UUID],
    responder_card_ids: Iterable[UUID],
) -> tuple[Move, ...]:
    """Return the moves of a swap between two people, the initiator's cards first.

    :raises SelfTarget: initiator and responder are the same person.
    :raises DuplicateIds: a card is listed twice.
    """
    moves = (
        *_gifts(initiator_card_ids, giver_id=initiator_id, receiver_id=responder_id),
        *_gifts(responder_card_ids, giver_id=responder_id, receiver_id=initiator_id),
    )
    refuse_impossible(moves)
    return moves


def _gifts(card_ids: Iterable[UUID], *, giver_id: UUID, receiver_id: UUID) -> Iterable[Move]:
    return (Move(card_id=card_id, giver_id=giver_id, receiver_id=receiver_id) for card_id in card_ids)


def refuse_impossible(moves: Sequence[Move]) -> None:
    """Do nothing when every card moves once and to somebody else.

    :raises SelfTarget: a card moves to the person who gives it.
    :raises DuplicateIds: a card moves twice.
    """
    if any(move.giver_id == move.receiver_id for move in moves):
        raise SelfTarget
    refuse_duplicates([move.card_id for move in moves])


def refuse_duplicates(card_ids: Collection[UUID]) -> None:
    """Do nothing when every card is listed once.

    :raises DuplicateIds: one is listed twice.
    """
    if len(set(card_ids)) < len(card_ids):
        raise DuplicateIds


def refuse_unless_swap(moves: Sequence[Move], *, initiator_id: UUID) -> None:
    """Do nothing when the moves are a swap among two to five people, the initiator one of them.

    :raises UnbalancedSwap: too few or too many people, or somebody only gives or only receives.
    :raises ValidationFailed: somebody gives more than 20 cards.
    """
    given = Counter(move.giver_id for move in moves)
    receivers = {move.receiver_id for move in moves}
    if set(given) != receivers or not PEOPLE_MIN <= len(given) <= PEOPLE_MAX or initiator_id not in given:
        raise UnbalancedSwap
    if max(given.values()) > CARDS_PER_PERSON:
        raise ValidationFailed("moves", f"At most {CARDS_PER_PERSON} cards from one person.", "too_long")


def seats(moves: Sequence[Move], *, initiator_id: UUID) -> list[UUID]:
    """Return everyone in the order the cards travel, starting with the initiator.

    In a ring that is its direction; where the moves branch, the first one listed leads.
    """
    order = [initiator_id]
    while (following := _next_seat(order, moves)) is not None:
        order.append(following)
    return order


def _next_seat(order: Sequence[UUID], moves: Sequence[Move]) -> UUID | None:
    waiting = [move for move in moves if move.receiver_id not in order]
    from_last = (move.receiver_id for move in waiting if move.giver_id == order[-1])
    from_anyone = (move.receiver_id for move in waiting if move.giver_id in order)
    # Two pairs in one proposal are not connected; then the first one left takes the next seat.
    left = (move.receiver_id for move in waiting)
    return next(from_last, None) or next(from_anyone, None) or next(left, None)
