"""Repository of wishes."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import func, select

from kcardswap.domain.wishlist import Wish, WishNotFound
from kcardswap.persistence.orm.wishlist import wishlist_items
from kcardswap.persistence.repositories.base import Repository


class WishRepository(Repository[Wish]):
    """The wishes of all people."""

    entity = Wish
    table = wishlist_items
    missing = WishNotFound

    def find_for(self, user_id: UUID, photocard_id: UUID) -> Wish | None:
        """Return the wish of this person for this photocard, or None."""
        return self._one(wishlist_items.c.user_id == user_id, wishlist_items.c.photocard_id == photocard_id)

    def wished_for(self, user_id: UUID, photocard_ids: Iterable[UUID]) -> set[UUID]:
        """Return the photocards among these that a person has a wish for."""
        wanted = sorted(set(photocard_ids))
        statement = select(wishlist_items.c.photocard_id).where(
            wishlist_items.c.user_id == user_id, wishlist_items.c.photocard_id.in_(wanted)
        )
        return set(self.session.scalars(statement))

    def count_of(self, user_id: UUID) -> int:
        """Return how many wishes a person has."""
        statement = select(func.count()).where(wishlist_items.c.user_id == user_id)
        return self.session.scalar(statement) or 0
