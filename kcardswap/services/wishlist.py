"""Saying what one looks for."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from kcardswap.domain.cards import TEXT_FIELDS
from kcardswap.domain.errors import ValidationFailed
from kcardswap.domain.quotas import LimitKey, require_room
from kcardswap.domain.wishlist import Wish, WishExists
from kcardswap.persistence.unit_of_work import UnitOfWork


def add(uow: UnitOfWork, *, user_id: UUID, wanted: Mapping[str, Any]) -> UUID:
    """Put a photocard on somebody's wishlist and return the wish.

    ``wanted`` names it by photocard_id, or in words by idol, idol_group, album and version; beside them
    it takes the keys of ``Wish.change``.

    :raises PhotocardNotFound: the catalog has no such photocard.
    :raises ValidationFailed: the words name neither a person nor a group.
    :raises WishExists: it is on the list already.
    :raises LimitExceeded: the list is full.
    """
    with uow:
        photocard_id = _photocard(uow, user_id, wanted)
        now = uow.clock.now()
        uow.quotas.lock(user_id, LimitKey.WISHLIST_ITEMS_MAX, now=now)
        # Asked under the lock: of two that add the same photocard the later one sees the earlier one's.
        known = uow.wishes.find_for(user_id, photocard_id)
        if known is not None:
            raise WishExists(wishlist_item_id=known.id)
        count = uow.wishes.count_of(user_id)
        require_room(uow.quotas.plan_of(user_id), LimitKey.WISHLIST_ITEMS_MAX, used=count, wanted=1)
        wish = Wish.add(id=uow.new_id(), user_id=user_id, photocard_id=photocard_id, terms=wanted, now=now)
        uow.wishes.add(wish)
        uow.commit()
        return wish.id


def _photocard(uow: UnitOfWork, user_id: UUID, wanted: Mapping[str, Any]) -> UUID:
    named = wanted.get("photocard_id")
    if named is not None:
        return uow.photocards.behind(named)
    texts = {name: wanted.get(name) for name in TEXT_FIELDS}
    photocard_id = uow.photocards.matching(texts, submitted_by=user_id)
    if photocard_id is None:
        raise ValidationFailed("idol_group", "Send photocard_id, or at least idol or idol_group.", "required")
    return photocard_id


def edit(uow: UnitOfWork, *, wish_id: UUID, by: UUID, changes: Mapping[str, Any]) -> None:
    """Change how much and how well preserved a photocard is wanted; keys as in ``Wish.change``.

    :raises WishNotFound: unknown, or somebody else's.
    """
    with uow:
        wish = uow.wishes.get(wish_id, lock=True)
        wish.refuse_others(by)
        wish.change(changes)
        uow.commit()


def remove(uow: UnitOfWork, *, wish_id: UUID, by: UUID) -> None:
    """Take a photocard off the wishlist.

    :raises WishNotFound: unknown, or somebody else's.
    """
    with uow:
        wish = uow.wishes.get(wish_id, lock=True)
        wish.refuse_others(by)
        uow.wishes.remove(wish)
        uow.commit()
