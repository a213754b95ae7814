"""Repository of cards."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from kcardswap.domain.cards import Card, CardNotFound, PhotocardNotFound
from kcardswap.domain.quotas import Period
from kcardswap.persistence.orm.cards import cards, counts_as_storage, counts_towards_day
from kcardswap.persistence.orm.catalog import photocards
from kcardswap.persistence.repositories.base import Repository


class CardRepository(Repository[Card]):
    """Every card, also deleted ones."""

    entity = Card
    table = cards
    missing = CardNotFound

    def get_present(self, id: UUID, *, lock: bool = False) -> Card:
        """Return the card with this id unless it was deleted.

        :raises CardNotFound: unknown or deleted.
        """
        card = self.get(id, lock=lock)
        if card.deleted_at is not None:
            raise CardNotFound()
        return card

    def announced_on(self, owner_id: UUID, day: Period, *, now: datetime) -> int:
        """Return how many of a person's cards count towards ``day`` at this moment."""
        statement = select(func.count()).where(
            cards.c.owner_id == owner_id, counts_towards_day(day.begins_at, day.reset_at, now)
        )
        return self.session.scalar(statement) or 0

    def stored_bytes(self, owner_id: UUID) -> int:
        """Return the bytes of the pictures a person uploaded for cards they have not deleted."""
        statement = select(func.sum(cards.c.size_bytes)).where(
            cards.c.owner_id == owner_id, counts_as_storage
        )
        return int(self.session.scalar(statement) or 0)

    def any_present_with(self, media_ids: Iterable[UUID]) -> bool:
        """Tell whether a card that is not deleted shows one of these pictures."""
        statement = select(cards.c.id).where(
            cards.c.media_asset_id.in_(sorted(media_ids)), cards.c.deleted_at.is_(None)
        )
        return self.session.scalar(statement.limit(1)) is not None

    def photocard_behind(self, photocard_id: UUID) -> UUID:
        """Return the catalog entry an id stands for today: itself, or what it was merged into.

        The entry cannot be merged into another until the commit.

        :raises PhotocardNotFound: there is no such entry.
        """
        wanted: UUID | None = photocard_id
        # Merges lead straight to their target; one made while waiting for the lock adds a step.
        while wanted is not None:
            statement = select(photocards.c.merged_into_id).where(photocards.c.id == wanted)
            row = self.session.execute(statement.with_for_update(read=True)).one_or_none()
            if row is None:
                raise PhotocardNotFound()
            photocard_id, wanted = wanted, row.merged_into_id
        return photocard_id
