"""Galleries, in the order of their owners."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Uuid, bindparam, select

from kcardswap.domain.accounts import UserNotFound
from kcardswap.domain.gallery import GalleryCardNotFound
from kcardswap.persistence.orm.accounts import users
from kcardswap.persistence.orm.gallery import gallery_cards
from kcardswap.queries.visibility import visible_to


class GalleryCardRow(NamedTuple):
    """One card of an album; ``media_asset_id`` is its picture, None as long as there is none."""

    id: UUID
    user_id: UUID
    title: str
    idol_name: str
    era: str | None
    description: str | None
    media_asset_id: UUID | None
    display_order: int
    created_at: datetime
    updated_at: datetime


_USER_ID = bindparam("user_id", type_=Uuid())
_COLUMNS = tuple(gallery_cards.c[name] for name in GalleryCardRow._fields)
_OWN_CARD = select(*_COLUMNS).where(
    gallery_cards.c.id == bindparam("card_id", type_=Uuid()), gallery_cards.c.user_id == _USER_ID
)
_OWN_ALBUM = (
    select(*_COLUMNS).where(gallery_cards.c.user_id == _USER_ID).order_by(gallery_cards.c.display_order)
)
# From the person, not from the cards: one row without a card is an empty album, no row is nobody.
_ALBUM = (
    select(*_COLUMNS)
    .select_from(users.outerjoin(gallery_cards))
    .where(users.c.id == _USER_ID, visible_to(bindparam("viewer_id", type_=Uuid())))
    .order_by(gallery_cards.c.display_order)
)


def own_card(connection: Connection, *, card_id: UUID, user_id: UUID) -> GalleryCardRow:
    """Return one card of its owner.

    :raises GalleryCardNotFound: unknown, or somebody else's.
    """
    row = connection.execute(_OWN_CARD, {"card_id": card_id, "user_id": user_id}).one_or_none()
    if row is None:
        raise GalleryCardNotFound()
    return GalleryCardRow(*row)


def own_album(connection: Connection, *, user_id: UUID) -> list[GalleryCardRow]:
    """Return somebody's own cards in their order."""
    return [GalleryCardRow(*row) for row in connection.execute(_OWN_ALBUM, {"user_id": user_id})]


def album_of(connection: Connection, *, user_id: UUID, viewer_id: UUID) -> list[GalleryCardRow]:
    """Return the cards of somebody's gallery in their order.

    :raises UserNotFound: unknown, deleted, or the viewer was blocked by them.
    """
    rows = connection.execute(_ALBUM, {"user_id": user_id, "viewer_id": viewer_id}).all()
    if not rows:
        raise UserNotFound()
    return [GalleryCardRow(*row) for row in rows if row.id is not None]
