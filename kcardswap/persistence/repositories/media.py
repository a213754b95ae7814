"""Repository of pictures."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select

from kcardswap.domain.media import MediaAsset, MediaNotFound, MediaStatus, MediaTarget
from kcardswap.persistence.orm.media import media_assets
from kcardswap.persistence.repositories.base import Repository


class MediaRepository(Repository[MediaAsset]):
    """Every picture, also deleted ones."""

    entity = MediaAsset
    table = media_assets
    missing = MediaNotFound

    def get_present(self, id: UUID, *, lock: bool = False) -> MediaAsset:
        """Return the picture with this id unless it was deleted.

        :raises MediaNotFound: unknown or deleted.
        """
        media = self.get(id, lock=lock)
        if media.status is MediaStatus.DELETED:
            raise MediaNotFound()
        return media

    def attached_to_cards(self, card_ids: Iterable[UUID], *, lock: bool = False) -> dict[UUID, MediaAsset]:
        """Return the pictures attached to these cards, by card id, locked in id order."""
        statement = (
            select(MediaAsset)
            .where(
                media_assets.c.target_type == MediaTarget.CARD,
                media_assets.c.target_id.in_(sorted(set(card_ids))),
                media_assets.c.status == MediaStatus.ATTACHED,
            )
            .order_by(media_assets.c.id)
        )
        return {media.target_id: media for media in self._all(statement, lock=lock) if media.target_id}

    def on_key(self, object_key: str) -> list[MediaAsset]:
        """Return every picture that uses this object and is not deleted, locked in id order."""
        statement = (
            select(MediaAsset)
            .where(media_assets.c.object_key == object_key, media_assets.c.status != MediaStatus.DELETED)
            .order_by(media_assets.c.id)
        )
        return self._all(statement, lock=True)
