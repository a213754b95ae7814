"""Galleries as tests fill and read them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from kcardswap.domain.media import CheckedImage, ImageType, MediaAsset, MediaTarget
from kcardswap.persistence.orm.gallery import gallery_cards
from kcardswap.runtime import Runtime
from kcardswap.services import gallery

DESCRIPTION = {"title": "My first pull", "idol_name": "Haerin"}


def create(runtime: Runtime, user_id: UUID, **description: Any) -> UUID:
    """Put a card at the end of somebody's gallery."""
    return gallery.create(runtime.unit_of_work(), user_id=user_id, description={**DESCRIPTION, **description})


def delete(runtime: Runtime, card_id: UUID, by: UUID) -> None:
    """Take a card out of a gallery."""
    gallery.delete(runtime.unit_of_work(), runtime.storage, card_id=card_id, by=by)


def reorder(runtime: Runtime, user_id: UUID, *card_ids: UUID) -> int:
    """Put these cards at the front."""
    return gallery.reorder(runtime.unit_of_work(), user_id=user_id, card_ids=card_ids)


def places(connection: Connection, user_id: UUID) -> dict[UUID, int]:
    """Return the cards of somebody's gallery, in order, with their places."""
    columns = gallery_cards.c
    found = connection.execute(
        select(columns.id, columns.display_order)
        .where(columns.user_id == user_id)
        .order_by(columns.display_order)
    )
    return {row.id: row.display_order for row in found}


def picture_for(runtime: Runtime, card_id: UUID) -> UUID:
    """Give a gallery card a checked picture, past all limits, and return the picture."""
    uow = runtime.unit_of_work()
    with uow:
        card, now = uow.gallery_cards.get(card_id, lock=True), uow.clock.now()
        media = MediaAsset.announce(
            id=uow.new_id(),
            owner_id=card.user_id,
            content_type=ImageType.JPEG,
            declared_bytes=4,
            lifetime=timedelta(minutes=15),
            now=now,
        )
        image = CheckedImage(data=b"JPEG", content_type=ImageType.JPEG, width=90, height=120, phash=1)
        media.confirm(image, uploaded_bytes=4, now=now)
        media.attach(MediaTarget.GALLERY_CARD, card_id)
        uow.media.add(media)
        uow.flush()
        card.show(media.id)
        uow.commit()
        runtime.storage.store(media.object_key, b"JPEG", content_type="image/jpeg")
        return media.id
