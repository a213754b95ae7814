"""Proposing a swap, and answering one with another."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from kcardswap.domain.accounts import User, UserNotFound
from kcardswap.domain.cards import Card, CardNotFound, CardUnavailable
from kcardswap.domain.errors import NotOwner
from kcardswap.domain.friendships import NotFriends
from kcardswap.domain.trades import (
    ACTIVE_TRADES_PER_PAIR,
    MatchInvalid,
    Meeting,
    Move,
    PairLimitReached,
    Trade,
    TradeTimeouts,
    refuse_duplicates,
    two_party_moves,
)
from kcardswap.persistence.unit_of_work import UnitOfWork
from kcardswap.services.trades.checks import refuse_blocked, refuse_gone, refuse_if_overdue


def propose(
    uow: UnitOfWork,
    *,
    by: UUID,
    responder_id: UUID,
    initiator_card_ids: Sequence[UUID],
    responder_card_ids: Sequence[UUID],
    meeting: Meeting,
    match_id: str | None,
    timeouts: TradeTimeouts,
) -> UUID:
    """Propose a swap to a friend and return its id; every card in it is reserved from now on.

    :raises SelfTarget: nobody swaps with themselves.
    :raises DuplicateIds: a card is listed twice.
    :raises UserNotFound: the responder is unknown, deleted or suspended.
    :raises Blocked: there is a block between the two.
    :raises CardNotFound: a card is unknown or was deleted.
    :raises NotOwner: a card belongs to somebody else than the side it is listed on.
    :raises MatchInvalid: a match was named, and it is none of ours.
    :raises NotFriends: the two are no friends.
    :raises CardUnavailable: somebody else was faster, or a card is not for swap.
    :raises PairLimitReached: the two have three unfinished trades.
    """
    moves = two_party_moves(
        initiator_id=by,
        responder_id=responder_id,
        initiator_card_ids=initiator_card_ids,
        responder_card_ids=responder_card_ids,
    )
    with uow:
        now = uow.clock.now()
        _meet(uow, (by, responder_id), now)
        listed = [move.card_id for move in moves]
        overdue = uow.trades.lock_for_proposal(card_ids=listed, people=(by, responder_id), now=now)
        cards = _lock_cards(uow, listed, ending=overdue)
        _refuse_foreign(moves, cards)
        if match_id is not None:
            raise MatchInvalid
        if not uow.friendships.are_friends(by, responder_id):
            raise NotFriends
        uow.reservations.lapse(overdue, now)
        trade = _start(uow, moves, by=by, meeting=meeting, timeouts=timeouts)
        _reserve(uow, trade, [cards[card_id] for card_id in listed])
        if not uow.reservations.count(trade.pairs, limit=ACTIVE_TRADES_PER_PAIR, now=now):
            raise PairLimitReached
        uow.commit()
        return trade.id


def counter(
    uow: UnitOfWork,
    *,
    trade_id: UUID,
    by: UUID,
    initiator_card_ids: Sequence[UUID],
    responder_card_ids: Sequence[UUID],
    meeting: Meeting | None,
    timeouts: TradeTimeouts,
) -> UUID:
    """Answer a proposal with another one and return its id; ``by`` becomes the initiator.

    Cards in both proposals stay reserved throughout, and the pair's number of unfinished trades does
    not change. No ``meeting`` means the same as before.

    :raises DuplicateIds: a card is listed twice.
    :raises TradeNotFound: unknown, or ``by`` takes no part in it.
    :raises CardNotFound: a card is unknown or was deleted.
    :raises UserNotFound: the other was deleted or is suspended.
    :raises WrongSide: ``by`` proposed it.
    :raises NotTwoParty: more than two take part.
    :raises NotOwner: a card belongs to somebody else than the side it is listed on.
    :raises Blocked: there is a block between the two.
    :raises ProposalTimedOut: too late; the trade is now canceled.
    :raises TradeNotProposed: it already left the proposed state.
    :raises CardUnavailable: a card is in another trade or not for swap.
    """
    listed = (*initiator_card_ids, *responder_card_ids)
    refuse_duplicates(listed)
    with uow:
        now = uow.clock.now()
        people = uow.users.find_many(uow.trades.people_of(trade_id), lock=True)
        old, overdue = _lock_countered(uow, trade_id, listed, people, now)
        old.participant(by)
        cards = _lock_cards(uow, listed, ending=[old, *overdue])
        old.responder(by)
        moves = two_party_moves(
            initiator_id=by,
            responder_id=old.other(by),
            initiator_card_ids=initiator_card_ids,
            responder_card_ids=responder_card_ids,
        )
        _refuse_foreign(moves, cards)
        _make_way(uow, old, people, by=by, now=now)
        uow.reservations.lapse(overdue, now)
        new = _replace(uow, old, moves, cards, by=by, meeting=meeting or old.meeting, timeouts=timeouts)
        uow.commit()
        return new.id


def _meet(uow: UnitOfWork, people: Sequence[UUID], now: datetime) -> None:
    """Lock the people of a new trade and make sure that they may deal with each other."""
    found = uow.users.find_many(people, lock=True)
    if len(found) < len(people):
        raise UserNotFound
    refuse_gone(found.values(), now)
    refuse_blocked(uow, found)


def _lock_countered(
    uow: UnitOfWork, trade_id: UUID, card_ids: Collection[UUID], people: Collection[UUID], now: datetime
) -> tuple[Trade, list[Trade]]:
    """Return the countered trade and the overdue ones in the way of the new one, locked in id order."""
    locked = uow.trades.lock_for_proposal(card_ids=card_ids, people=people, now=now, countered=trade_id)
    old = next(trade for trade in locked if trade.id == trade_id)
    return old, [trade for trade in locked if trade is not old]


def _make_way(uow: UnitOfWork, old: Trade, people: Mapping[UUID, User], *, by: UUID, now: datetime) -> None:
    refuse_blocked(uow, people)
    refuse_if_overdue(uow, old, now)
    old.give_way(by=by, now=now)
    refuse_gone(people.values(), now)


def _lock_cards(uow: UnitOfWork, listed: Iterable[UUID], *, ending: Iterable[Trade]) -> dict[UUID, Card]:
    """Lock the listed cards and, in the same id order, those of trades that are about to end.

    :raises CardNotFound: a listed card is unknown or was deleted.
    """
    listed = list(listed)
    to_release = [card_id for trade in ending for card_id in trade.card_ids]
    cards = uow.cards.find_many([*listed, *to_release], lock=True)
    if any(card_id not in cards or cards[card_id].deleted_at is not None for card_id in listed):
        raise CardNotFound
    return cards


def _refuse_foreign(moves: Iterable[Move], cards: Mapping[UUID, Card]) -> None:
    if any(cards[move.card_id].owner_id != move.giver_id for move in moves):
        raise NotOwner


def _refuse_unavailable(cards: Iterable[Card]) -> None:
    taken = sorted(card.id for card in cards if not card.is_swappable)
    if taken:
        raise CardUnavailable(card_ids=taken)


def _start(
    uow: UnitOfWork,
    moves: Sequence[Move],
    *,
    by: UUID,
    meeting: Meeting,
    timeouts: TradeTimeouts,
    countered: Trade | None = None,
) -> Trade:
    trade = Trade.propose(
        id=uow.new_id(),
        initiator_id=by,
        moves=moves,
        meeting=meeting,
        timeouts=timeouts,
        now=uow.clock.now(),
        new_id=uow.new_id,
        countered_trade_id=None if countered is None else countered.id,
    )
    uow.trades.add(trade)
    # The holds name the trade, and there is no relationship that would send it first.
    uow.flush()
    return trade


def _reserve(uow: UnitOfWork, trade: Trade, cards: Collection[Card]) -> None:
    _refuse_unavailable(cards)
    for card in cards:
        card.reserve()
    lost = uow.reservations.hold(trade.id, (card.id for card in cards), uow.clock.now())
    if lost:
        raise CardUnavailable(card_ids=sorted(lost))


def _replace(
    uow: UnitOfWork,
    old: Trade,
    moves: Sequence[Move],
    cards: Mapping[UUID, Card],
    *,
    by: UUID,
    meeting: Meeting,
    timeouts: TradeTimeouts,
) -> Trade:
    """Start the counter-offer and pass it the cards that both want; the others are freed or reserved."""
    listed = {move.card_id for move in moves}
    kept = listed.intersection(old.card_ids)
    new = _start(uow, moves, by=by, meeting=meeting, timeouts=timeouts, countered=old)
    for card_id in set(old.card_ids) - kept:
        cards[card_id].release()
    uow.reservations.hand_on(kept, to=new.id)
    uow.reservations.drop([old.id])
    _reserve(uow, new, [cards[card_id] for card_id in sorted(listed - kept)])
    return new
