"""Repository of cards."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select

from kcardswap.domain.cards import Card, CardNotFound, PhotocardNotFound, UploadStatus
from kcardswap.domain.quotas import Period
from kcardswap.persistence.orm.cards import cards
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
        """Return how many of a person's own cards count towards ``day``.

        That is every card made that day, also deleted ones, but neither cards received in a trade nor
        those whose picture never came before their upload URL ran out.
        """
        statement = select(func.count()).where(
            cards.c.owner_id == owner_id,
            cards.c.acquired_trade_id.is_(None),
            cards.c.created_at >= day.begins_at,
            cards.c.created_at < day.reset_at,
            or_(cards.c.upload_status == UploadStatus.CONFIRMED, cards.c.upload_expires_at > now),
        )
        return self.session.scalar(statement) or 0

    def stored_bytes(self, owner_id: UUID) -> int:
        """Return the bytes of the pictures a person uploaded for cards they have not deleted."""
        statement = select(func.sum(cards.c.size_bytes)).where(
            cards.c.owner_id == owner_id,
            cards.c.acquired_trade_id.is_(None),
            cards.c.upload_status == UploadStatus.CONFIRMED,
            cards.c.deleted_at.is_(None),
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
