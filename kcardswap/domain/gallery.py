"""Galleries: an album of cards to look at, in the order its owner likes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from kcardswap.domain.base import Aggregate
from kcardswap.domain.errors import DuplicateIds, InvalidRequest, NotFound, NotOwner

DESCRIPTION_FIELDS = ("title", "idol_name", "era", "description")


class GalleryCardNotFound(NotFound):
    """No such card in any gallery."""

    def __init__(self) -> None:
        super().__init__("gallery_card")


class ForeignIds(InvalidRequest):
    """A list of ids names things the caller does not have."""

    message = "The list names a card that is not in your gallery."
    reason = "foreign_ids"


@dataclass(eq=False, kw_only=True)
class GalleryCard(Aggregate):
    """One card of somebody's album; it shows a picture and is never swapped."""

    id: UUID
    user_id: UUID
    title: str
    idol_name: str
    era: str | None
    description: str | None
    media_asset_id: UUID | None
    display_order: int
    """Place in the album: 0, 1, 2 ... without gaps; kept by the services, under the lock of the owner."""
    created_at: datetime
    updated_at: datetime

    @classmethod
    def create(
        cls, *, id: UUID, user_id: UUID, description: Mapping[str, Any], display_order: int, now: datetime
    ) -> "GalleryCard":
        """Create a card without a picture; ``description`` takes the keys of ``describe``."""
        return cls(
            id=id,
            user_id=user_id,
            title=description["title"],
            idol_name=description["idol_name"],
            era=description.get("era"),
            description=description.get("description"),
            media_asset_id=None,
            display_order=display_order,
            created_at=now,
            updated_at=now,
        )

    def refuse_others(self, user_id: UUID) -> None:
        """Do nothing for the owner.

        :raises NotOwner: the card belongs to somebody else.
        """
        if self.user_id != user_id:
            raise NotOwner()

    def describe(self, changes: Mapping[str, Any]) -> None:
        """Take over the given ones of title, idol_name, era and description."""
        for name in DESCRIPTION_FIELDS:
            if name in changes:
                setattr(self, name, changes[name])

    def show(self, media_asset_id: UUID) -> UUID | None:
        """Show this picture from now on; return the one it takes the place of, None when there was none."""
        replaced = None if self.media_asset_id == media_asset_id else self.media_asset_id
        self.media_asset_id = media_asset_id
        return replaced


def rearranged(album: Sequence[UUID], first: Sequence[UUID]) -> list[UUID]:
    """Return the cards of ``album`` with those of ``first`` at the front; the others keep their order.

    :raises DuplicateIds: ``first`` names a card twice.
    :raises ForeignIds: ``first`` names a card that is not in the album.
    """
    chosen = set(first)
    if len(chosen) < len(first):
        raise DuplicateIds()
    if not chosen <= set(album):
        raise ForeignIds()
    return [*first, *(card_id for card_id in album if card_id not in chosen)]
