"""Repository of cards."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kcardswap.domain.base import Aggregate
from kcardswap.domain.cards import Card, CardNotFound, CardStatus, UploadStatus
from kcardswap.domain.quotas import Period
from kcardswap.persistence.orm.cards import cards, counts_as_storage, lacks_a_picture
from kcardswap.persistence.orm.media import counts_towards_day, media_assets
from kcardswap.persistence.repositories.base import Repository
from kcardswap.persistence.repositories.media import MediaRepository


class CardRepository(Repository[Card]):
    """Every card, also deleted ones."""

    entity = Card
    table = cards
    missing = CardNotFound

    def __init__(self, session: Session, seen: list[Aggregate], *, media: MediaRepository) -> None:
        super().__init__(session, seen)
        self._media = media

    def get_present(self, id: UUID, *, lock: bool = False) -> Card:
        """Return the card with this id unless it was deleted, or the account of its owner was.

        :raises CardNotFound: unknown or deleted.
        """
        return self._get_of_somebody(id, cards.c.owner_id, cards.c.deleted_at.is_(None), lock=lock)

    def announced_on(self, owner_id: UUID, day: Period, *, now: datetime) -> int:
        """Return how many pictures a person announced for cards count towards ``day`` at this moment."""
        statement = select(func.count()).where(
            media_assets.c.owner_id == owner_id, counts_towards_day(day.begins_at, day.reset_at, now)
        )
        return self.session.scalar(statement) or 0

    def without_picture(self, owner_id: UUID) -> int:
        """Return how many cards of a person were made without a picture and have none yet."""
        statement = select(func.count()).where(cards.c.owner_id == owner_id, lacks_a_picture)
        return self.session.scalar(statement) or 0

    def find_lapsed(self, *, before: datetime, limit: int) -> list[Card]:
        """Return cards whose pictures never came and whose upload URLs ended before this moment, locked.

        Cards made without a picture wait for one as long as it takes. What others have locked is left out.
        """
        statement = (
            select(Card)
            .where(cards.c.upload_status == UploadStatus.PENDING, cards.c.upload_expires_at < before)
            .order_by(cards.c.upload_expires_at, cards.c.id)
            .limit(limit)
            .with_for_update(of=cards, skip_locked=True)
        )
        return self._all(statement.execution_options(populate_existing=True))

    def add_many(self, added: Iterable[Card]) -> None:
        """Store new cards that have nothing to tell yet with the next flush."""
        self.session.add_all(added)

    def stored_bytes(self, owner_id: UUID) -> int:
        """Return the bytes of the pictures a person uploaded for cards they have not deleted."""
        statement = select(func.sum(cards.c.size_bytes)).where(
            cards.c.owner_id == owner_id, counts_as_storage
        )
        return int(self.session.scalar(statement) or 0)

    def take_away(self, card: Card, now: datetime) -> str | None:
        """Delete a locked card and the pictures nobody needs without it; return the key of an unused object.

        The same object may be the picture of the card's earlier and later owners. As long as one of them
        keeps their card, it stays, also for the history of the trades in between.

        :raises CardInTrade: an unfinished trade has reserved it.
        """
        card.delete(now)
        media = None if card.media_asset_id is None else self._media.find(card.media_asset_id)
        if media is None:
            return None
        # Locked first, asked afterwards, so that of two owners who delete at once the later sees the earlier.
        sharing = self._media.on_key(media.object_key)
        self.session.flush()
        if not self.any_present_with(other.id for other in sharing):
            for other in sharing:
                other.delete(now)
            return media.object_key
        if card.status is not CardStatus.TRADED:
            media.delete(now)
        return None

    def any_present_with(self, media_ids: Iterable[UUID]) -> bool:
        """Tell whether a card that is not deleted shows one of these pictures."""
        statement = select(cards.c.id).where(
            cards.c.media_asset_id.in_(sorted(media_ids)), cards.c.deleted_at.is_(None)
        )
        return self.session.scalar(statement.limit(1)) is not None
