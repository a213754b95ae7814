"""Which pictures somebody may look at."""

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, literal, or_, select

from kcardswap.domain.media import MediaStatus, MediaTarget
from kcardswap.persistence.orm.cards import cards, is_swappable
from kcardswap.persistence.orm.media import media_assets
from kcardswap.persistence.orm.trades import trade_items, trade_participants
from kcardswap.queries.cards import is_open_to


class ReadablePicture(NamedTuple):
    """A picture and the name of its object in the storage."""

    id: UUID
    object_key: str


def readable(connection: Connection, *, ids: Collection[UUID], viewer_id: UUID) -> list[ReadablePicture]:
    """Return the pictures among ``ids`` that are confirmed and that ``viewer_id`` may look at.

    These are their own ones, and those of cards that others offer or that are part of a trade they take
    part in.
    """
    statement = select(media_assets.c.id, media_assets.c.object_key).where(
        media_assets.c.id.in_(sorted(set(ids))),
        media_assets.c.status.in_((MediaStatus.CONFIRMED, MediaStatus.ATTACHED)),
        or_(
            media_assets.c.owner_id == viewer_id,
            and_(
                media_assets.c.target_type == MediaTarget.CARD,
                or_(_is_of_offered_card(viewer_id), _is_in_trade_of(viewer_id)),
            ),
        ),
    )
    return [ReadablePicture(*row) for row in connection.execute(statement)]


def _is_of_offered_card(viewer_id: UUID) -> ColumnElement[bool]:
    offered = select(literal(1)).where(
        cards.c.id == media_assets.c.target_id, is_swappable, is_open_to(viewer_id)
    )
    return offered.select_from(cards).correlate(media_assets).exists()


def _is_in_trade_of(viewer_id: UUID) -> ColumnElement[bool]:
    joined = trade_items.join(trade_participants, trade_participants.c.trade_id == trade_items.c.trade_id)
    item = select(literal(1)).where(
        trade_items.c.card_id == media_assets.c.target_id, trade_participants.c.user_id == viewer_id
    )
    return item.select_from(joined).correlate(media_assets).exists()
