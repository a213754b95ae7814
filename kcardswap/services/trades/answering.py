"""Accepting and turning down a swap, and calling it off."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from kcardswap.domain.cards import Card, CardStatus, CardUnavailable
from kcardswap.domain.conversations import Thread, ThreadOrigin
from kcardswap.domain.trades import Trade, TradeItem, TradeStatus, TradeTimeouts
from kcardswap.persistence.unit_of_work import UnitOfWork
from kcardswap.services.trades.checks import refuse_blocked, refuse_gone, refuse_if_overdue


def accept(uow: UnitOfWork, *, trade_id: UUID, by: UUID, timeouts: TradeTimeouts) -> None:
    """Accept a proposed swap for one of the people asked; with the last of them everyone can talk.

    :raises TradeNotFound: unknown, or ``by`` takes no part in it.
    :raises WrongSide: ``by`` proposed it.
    :raises UserNotFound: another participant was deleted or is suspended.
    :raises Blocked: there is a block between two of the people.
    :raises ProposalTimedOut: too late; the trade is now canceled.
    :raises TradeNotProposed: it already left the proposed state.
    :raises CardUnavailable: a card is no longer the giver's or no longer reserved.
    """
    with uow:
        now = uow.clock.now()
        people = uow.users.find_many(uow.trades.people_of(trade_id), lock=True)
        trade = uow.trades.get(trade_id, lock=True)
        trade.responder(by)
        refuse_blocked(uow, people)
        refuse_if_overdue(uow, trade, now)
        trade.accept(by=by, timeouts=timeouts, now=now)
        refuse_gone(people.values(), now)
        _refuse_unless_kept(uow, trade)
        if trade.status is TradeStatus.ACCEPTED:
            _open_threads(uow, trade, now)
        uow.commit()


def reject(uow: UnitOfWork, *, trade_id: UUID, by: UUID) -> None:
    """Turn a proposal down for everybody; the cards are free again.

    :raises TradeNotFound: unknown, or ``by`` takes no part in it.
    :raises WrongSide: ``by`` proposed it.
    :raises ProposalTimedOut: too late; the trade is now canceled.
    :raises TradeNotProposed: it already left the proposed state.
    """
    with uow:
        now = uow.clock.now()
        trade = uow.trades.get(trade_id, lock=True)
        trade.responder(by)
        refuse_if_overdue(uow, trade, now)
        trade.reject(by=by, now=now)
        uow.reservations.release([trade], now)
        uow.commit()


def cancel(uow: UnitOfWork, *, trade_id: UUID, by: UUID) -> None:
    """Call an unfinished swap off; the cards are free again.

    :raises TradeNotFound: unknown, or ``by`` takes no part in it.
    :raises ProposalTimedOut: the deadline came first.
    :raises ConfirmationTimedOut: the deadline came first.
    :raises TradeFinished: it is over.
    """
    with uow:
        now = uow.clock.now()
        trade = uow.trades.get(trade_id, lock=True)
        trade.participant(by)
        refuse_if_overdue(uow, trade, now)
        trade.cancel(by=by, now=now)
        uow.reservations.release([trade], now)
        uow.commit()


def cancel_overdue(uow: UnitOfWork, *, limit: int) -> int:
    """Cancel up to ``limit`` trades past their deadline and return how many.

    Repeats safely, and any number of callers may do so at once: each leaves out what others claimed.
    """
    with uow:
        now = uow.clock.now()
        overdue = uow.trades.claim_overdue(now, limit=limit)
        uow.reservations.lapse(overdue, now)
        uow.commit()
        return len(overdue)


def _refuse_unless_kept(uow: UnitOfWork, trade: Trade) -> None:
    cards = uow.cards.find_many(trade.card_ids, lock=True)
    held = uow.reservations.held_by(trade.id)
    lost = sorted(item.card_id for item in trade.items if not _is_kept(item, cards[item.card_id], held))
    if lost:
        raise CardUnavailable(card_ids=lost)


def _is_kept(item: TradeItem, card: Card, held: Collection[UUID]) -> bool:
    return card.owner_id == item.giver_id and card.status is CardStatus.TRADING and card.id in held


def _open_threads(uow: UnitOfWork, trade: Trade, now: datetime) -> None:
    for pair in trade.giving_pairs:
        uow.threads.open(Thread.open(id=uow.new_id(), people=pair, origin=ThreadOrigin.TRADE, now=now))
