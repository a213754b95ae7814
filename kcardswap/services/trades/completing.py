"""Confirming a swap, and moving the cards to their new binders."""

from datetime import datetime
from uuid import UUID

from kcardswap.domain.cards import Card
from kcardswap.domain.media import MediaAsset
from kcardswap.domain.trades import Trade, TradeItem, TradeStatus
from kcardswap.persistence.unit_of_work import UnitOfWork
from kcardswap.services.trades.checks import refuse_if_overdue


def complete(uow: UnitOfWork, *, trade_id: UUID, by: UUID) -> None:
    """Confirm that the cards changed hands; the last confirmation moves them to their new binders.

    :raises TradeNotFound: unknown, or ``by`` takes no part in it.
    :raises ProposalTimedOut: it was not even accepted in time; the trade is now canceled.
    :raises ConfirmationTimedOut: too late; the trade is now canceled.
    :raises TradeNotAccepted: not everyone accepted yet.
    :raises TradeFinished: it was rejected or canceled.
    """
    with uow:
        now = uow.clock.now()
        trade = uow.trades.get(trade_id, lock=True)
        trade.participant(by)
        refuse_if_overdue(uow, trade, now)
        unfinished = trade.is_unfinished
        trade.confirm(by=by, now=now)
        if unfinished and trade.status is TradeStatus.COMPLETED:
            _hand_over(uow, trade, now)
        uow.commit()


def _hand_over(uow: UnitOfWork, trade: Trade, now: datetime) -> None:
    """Make every card the receiver's: theirs is a new card with a copy of the picture's record."""
    given = uow.cards.find_many(trade.card_ids, lock=True)
    uow.reservations.drop([trade.id])
    pictures = uow.media.attached_to_cards(trade.card_ids, lock=True)
    received = []
    for item in trade.items:
        given[item.card_id].give_away()
        card, picture = _received(uow, trade, item, given[item.card_id], pictures.get(item.card_id))
        received.append((item, card))
        if picture is not None:
            uow.media.add(picture)
    # A card names its picture and an item the card received for it: three aggregates, sent in that order.
    uow.flush()
    for _, card in received:
        uow.cards.add(card)
    uow.flush()
    for item, card in received:
        item.received_card_id = card.id
    uow.flush()
    uow.media.pass_on_same_pictures(trade.id)
    uow.reservations.count_off([trade], now)


def _received(
    uow: UnitOfWork, trade: Trade, item: TradeItem, given: Card, picture: MediaAsset | None
) -> tuple[Card, MediaAsset | None]:
    now, card_id = uow.clock.now(), uow.new_id()
    copy = picture and picture.copy_for(item.receiver_id, card_id, id=uow.new_id(), now=now)
    card = given.received_by(
        item.receiver_id,
        id=card_id,
        trade_id=trade.id,
        media_asset_id=None if copy is None else copy.id,
        now=now,
    )
    return card, copy
