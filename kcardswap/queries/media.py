"""Which pictures somebody may look at, and which cards show the same one."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Uuid,
    and_,
    bindparam,
    literal,
    or_,
    select,
    true,
    union_all,
)

from kcardswap.domain.media import MediaStatus, MediaTarget
from kcardswap.persistence.orm.accounts import users
from kcardswap.persistence.orm.cards import cards, is_swappable
from kcardswap.persistence.orm.gallery import gallery_cards
from kcardswap.persistence.orm.media import MOST_SAME_PICTURES, media_assets
from kcardswap.persistence.orm.media import same_pictures as pairs
from kcardswap.persistence.orm.posts import posts
from kcardswap.persistence.orm.trades import trade_items, trade_participants
from kcardswap.queries.cards import CARD_COLUMNS, CARDS_WITH_PICTURES, CardRow, is_open_to
from kcardswap.queries.keyset import Page, PageRequest, SortKey, fetch_page
from kcardswap.queries.posts import is_readable
from kcardswap.queries.visibility import visible_to


class ReadablePicture(NamedTuple):
    """A picture and the name of its object in the storage."""

    id: UUID
    object_key: str


def readable(connection: Connection, *, ids: Collection[UUID], viewer_id: UUID) -> list[ReadablePicture]:
    """Return the pictures among ``ids`` that are confirmed and that ``viewer_id`` may look at.

    These are their own ones, those of cards that others offer or that are part of a trade they take part
    in, and those of galleries and posts.
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
            and_(media_assets.c.target_type == MediaTarget.GALLERY_CARD, _is_in_open_gallery(viewer_id)),
            and_(media_assets.c.target_type == MediaTarget.POST, _is_of_readable_post(viewer_id)),
        ),
    )
    return [ReadablePicture(*row) for row in connection.execute(statement)]


def _is_of_offered_card(viewer_id: UUID) -> ColumnElement[bool]:
    offered = select(literal(1)).where(
        cards.c.id == media_assets.c.target_id, is_swappable, is_open_to(viewer_id)
    )
    return offered.select_from(cards).correlate(media_assets).exists()


def _is_in_open_gallery(viewer_id: UUID) -> ColumnElement[bool]:
    joined = gallery_cards.join(users, users.c.id == gallery_cards.c.user_id)
    card = select(literal(1)).where(gallery_cards.c.id == media_assets.c.target_id, visible_to(viewer_id))
    return card.select_from(joined).correlate(media_assets).exists()


def _is_of_readable_post(viewer_id: UUID) -> ColumnElement[bool]:
    post = select(literal(1)).where(posts.c.id == media_assets.c.target_id, is_readable(viewer_id))
    return post.select_from(posts).correlate(media_assets).exists()


def _is_in_trade_of(viewer_id: UUID) -> ColumnElement[bool]:
    joined = trade_items.join(trade_participants, trade_participants.c.trade_id == trade_items.c.trade_id)
    item = select(literal(1)).where(
        trade_items.c.card_id == media_assets.c.target_id, trade_participants.c.user_id == viewer_id
    )
    return item.select_from(joined).correlate(media_assets).exists()


class SamePicture(NamedTuple):
    """A card that was found to show the picture of other owners' cards, and those that still do."""

    card: CardRow
    found_at: datetime
    same_as: list[CardRow]


_FOUND = (
    select(*CARD_COLUMNS, media_assets.c.same_picture_at)
    .select_from(cards.join(media_assets, media_assets.c.id == cards.c.media_asset_id))
    .where(
        media_assets.c.same_picture_at.is_not(None),
        media_assets.c.status == MediaStatus.ATTACHED,
        cards.c.deleted_at.is_(None),
    )
)
_NEWEST_FIRST = (SortKey(media_assets.c.same_picture_at, descending=True), SortKey(media_assets.c.id))
_SAME_AS = (
    select(pairs.c.card_id, *CARD_COLUMNS)
    .select_from(pairs.join(CARDS_WITH_PICTURES, cards.c.id == pairs.c.other_card_id))
    .where(
        pairs.c.card_id.in_(bindparam("card_ids", expanding=True, type_=Uuid())),
        cards.c.deleted_at.is_(None),
    )
    .order_by(cards.c.created_at, cards.c.id)
)
_card_id = bindparam("card_id", type_=Uuid())


def _same_as(card_id: ColumnElement[UUID]) -> Select[Any]:
    others = union_all(
        select(pairs.c.other_card_id).where(pairs.c.card_id == card_id).correlate_except(pairs),
        select(pairs.c.card_id).where(pairs.c.other_card_id == card_id).correlate_except(pairs),
    )
    return (
        select(cards.c.id)
        .where(cards.c.id.in_(others), cards.c.deleted_at.is_(None))
        .order_by(cards.c.created_at, cards.c.id)
        .limit(MOST_SAME_PICTURES)
    )


_SAME_IDS = _same_as(_card_id)
_asked = cards.alias("asked")
_shown_by_others = _same_as(_asked.c.id).correlate(_asked).lateral("same")
_SAME_IDS_OF = (
    select(_asked.c.id, _shown_by_others.c.id)
    .join_from(_asked, _shown_by_others, true())
    .where(_asked.c.id.in_(bindparam("card_ids", expanding=True, type_=Uuid())))
)


def same_pictures(connection: Connection, *, card_id: UUID | None, page: PageRequest) -> Page[SamePicture]:
    """Return a page of the cards found to show another owner's picture, or this one; newest first."""
    statement = _FOUND if card_id is None else _FOUND.where(cards.c.id == card_id)
    found = fetch_page(connection, statement, sort=_NEWEST_FIRST, page=page, make_row=_finding)
    others: dict[UUID, list[CardRow]] = defaultdict(list)
    for shown_by, *row in connection.execute(_SAME_AS, {"card_ids": [row.card.id for row in found.rows]}):
        others[shown_by].append(CardRow(*row))
    rows = [row._replace(same_as=others[row.card.id]) for row in found.rows]
    return Page(rows, found.total, found.next_key)


def same_picture_card_ids(connection: Connection, *, card_id: UUID) -> list[UUID]:
    """Return the cards that show the same picture as this one, whichever was there first, oldest first.

    No more than ``MOST_SAME_PICTURES`` of them.
    """
    return list(connection.scalars(_SAME_IDS, {"card_id": card_id}))


def same_picture_card_ids_of(connection: Connection, card_ids: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """Return what ``same_picture_card_ids`` says about each of these cards."""
    found: dict[UUID, list[UUID]] = defaultdict(list)
    if card_ids:
        for card_id, other in connection.execute(_SAME_IDS_OF, {"card_ids": sorted(set(card_ids))}):
            found[card_id].append(other)
    return found


def _finding(*columns: Any) -> SamePicture:
    return SamePicture(CardRow(*columns[:-1]), columns[-1], [])
