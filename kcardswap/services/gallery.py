"""Filling, describing, ordering and emptying one's gallery.

Whoever changes which cards an album has, or their order, locks its owner first: so places stay 0, 1, 2 ...
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from kcardswap.domain.gallery import GalleryCard, rearranged
from kcardswap.domain.quotas import LimitKey, require_room
from kcardswap.gateways.ports import ObjectStorage
from kcardswap.gateways.uploads import let_go
from kcardswap.persistence.unit_of_work import UnitOfWork


def create(uow: UnitOfWork, *, user_id: UUID, description: Mapping[str, Any]) -> UUID:
    """Put a card at the end of somebody's gallery and return it.

    ``description`` takes the keys of ``GalleryCard.describe``.

    :raises LimitExceeded: the gallery is full.
    """
    with uow:
        uow.users.get(user_id, lock=True)
        count = uow.gallery_cards.count_of(user_id)
        plan = uow.quotas.plan_of(user_id)
        require_room(plan, LimitKey.GALLERY_CARDS_COUNT_MAX, used=count, wanted=1)
        card = GalleryCard.create(
            id=uow.new_id(),
            user_id=user_id,
            description=description,
            display_order=count,
            now=uow.clock.now(),
        )
        uow.gallery_cards.add(card)
        uow.commit()
        return card.id


def edit(uow: UnitOfWork, *, card_id: UUID, by: UUID, changes: Mapping[str, Any]) -> None:
    """Change what the owner says about a card; ``changes`` takes the keys of ``GalleryCard.describe``.

    :raises GalleryCardNotFound: unknown.
    :raises NotOwner: somebody else's.
    """
    with uow:
        card = uow.gallery_cards.get_present(card_id, lock=True)
        card.refuse_others(by)
        card.describe(changes)
        uow.commit()


def delete(uow: UnitOfWork, storage: ObjectStorage, *, card_id: UUID, by: UUID) -> None:
    """Take a card out of the gallery together with its picture; the cards behind it move up.

    :raises GalleryCardNotFound: unknown.
    :raises NotOwner: somebody else's.
    """
    with uow:
        uow.gallery_cards.get_present(card_id).refuse_others(by)
        uow.users.get(by, lock=True)
        card = uow.gallery_cards.get_present(card_id, lock=True)
        album = uow.gallery_cards.album_of(by)
        uow.gallery_cards.remove(card)
        uow.flush()
        now = uow.clock.now()
        uow.gallery_cards.arrange(by, [id for id in album if id != card_id], now=now)
        unused_key = None
        if card.media_asset_id is not None:
            media = uow.media.get(card.media_asset_id, lock=True)
            media.delete(now)
            unused_key = media.object_key
        uow.commit()
    if unused_key is not None:
        uow.once_durable(partial(let_go, storage, unused_key))


def reorder(uow: UnitOfWork, *, user_id: UUID, card_ids: Sequence[UUID]) -> int:
    """Put these cards at the front of somebody's gallery, in this order, and return how many.

    The other cards keep their order behind them.

    :raises DuplicateIds: a card is listed twice.
    :raises ForeignIds: a card is not in this gallery.
    """
    with uow:
        uow.users.get(user_id, lock=True)
        album = rearranged(uow.gallery_cards.album_of(user_id), card_ids)
        uow.gallery_cards.arrange(user_id, album, now=uow.clock.now())
        uow.commit()
        return len(card_ids)
