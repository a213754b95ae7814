"""What the demo seed looks at before it makes anything."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, and_, func, or_, select

from kcardswap.persistence.orm.accounts import users
from kcardswap.persistence.orm.cards import cards, is_swappable
from kcardswap.persistence.orm.friendships import blocks, friendships
from kcardswap.persistence.orm.gallery import gallery_cards
from kcardswap.persistence.orm.trades import trade_participants, trades
from kcardswap.persistence.orm.wishlist import wishlist_items


class Counts(NamedTuple):
    """How much there is."""

    cards: int
    gallery_cards: int
    wishes: int
    friendships: int
    trades: int


def counts(connection: Connection) -> Counts:
    """Return the number of cards, gallery cards, wishes, friendships and swaps."""
    tables = (cards, gallery_cards, wishlist_items, friendships, trades)
    columns = (select(func.count()).select_from(table).scalar_subquery() for table in tables)
    return Counts(*connection.execute(select(*columns)).one())


def user_with_email(connection: Connection, *, email: str) -> UUID | None:
    """Return the account with this address, or None."""
    return connection.scalar(select(users.c.id).where(users.c.email == email))


def uploaded_cards(connection: Connection, *, owner_id: UUID) -> int:
    """Return how many cards somebody uploaded themselves, deleted ones too."""
    own = and_(
        cards.c.owner_id == owner_id,
        cards.c.acquired_trade_id.is_(None),
        cards.c.upload_confirmed_at.is_not(None),
    )
    return connection.scalar(select(func.count()).select_from(cards).where(own)) or 0


class GalleryPlace(NamedTuple):
    """What is at one place of a gallery."""

    id: UUID
    media_asset_id: UUID | None


def gallery_card(connection: Connection, *, user_id: UUID, place: int) -> GalleryPlace | None:
    """Return the card at this place of somebody's gallery, or None."""
    statement = select(gallery_cards.c.id, gallery_cards.c.media_asset_id).where(
        gallery_cards.c.user_id == user_id, gallery_cards.c.display_order == place
    )
    found = connection.execute(statement).one_or_none()
    return None if found is None else GalleryPlace(*found)


def wishes_of(connection: Connection, *, user_id: UUID) -> int:
    """Return how many wishes somebody has."""
    statement = select(func.count()).where(wishlist_items.c.user_id == user_id)
    return connection.scalar(statement) or 0


def photocard_to_wish_for(connection: Connection, *, seeker_id: UUID, owner_id: UUID) -> UUID | None:
    """Return the photocard of the newest card ``owner_id`` offers that the seeker neither has nor wants."""
    theirs = cards.alias()
    has = select(theirs.c.id).where(
        theirs.c.owner_id == seeker_id, theirs.c.photocard_id == cards.c.photocard_id
    )
    wants = select(wishlist_items.c.id).where(
        wishlist_items.c.user_id == seeker_id, wishlist_items.c.photocard_id == cards.c.photocard_id
    )
    offered = select(cards.c.photocard_id).where(
        cards.c.owner_id == owner_id, is_swappable, cards.c.photocard_id.is_not(None)
    )
    lacked = offered.where(~has.exists(), ~wants.exists())
    return connection.scalar(lacked.order_by(cards.c.created_at.desc(), cards.c.id).limit(1))


def swappable_card(connection: Connection, *, owner_id: UUID) -> UUID:
    """Return the oldest card somebody offers."""
    oldest = select(cards.c.id).where(cards.c.owner_id == owner_id, is_swappable).order_by(cards.c.created_at)
    found: UUID = connection.execute(oldest.limit(1)).scalar_one()
    return found


def have_met(connection: Connection, *, a: UUID, b: UUID) -> bool:
    """Tell whether there is a friendship, a request or a block between two people."""
    friends = friendships.c
    edge = or_(
        and_(friends.user_id == a, friends.friend_id == b), and_(friends.user_id == b, friends.friend_id == a)
    )
    blocked = or_(
        and_(blocks.c.blocker_id == a, blocks.c.blocked_id == b),
        and_(blocks.c.blocker_id == b, blocks.c.blocked_id == a),
    )
    return bool(
        connection.scalar(
            select(or_(select(friends.id).where(edge).exists(), select(blocks.c.id).where(blocked).exists()))
        )
    )


def have_traded(connection: Connection, *, a: UUID, b: UUID) -> bool:
    """Tell whether two people ever took part in the same swap."""
    mine, theirs = trade_participants.alias("mine"), trade_participants.alias("theirs")
    shared = select(mine.c.id).where(
        mine.c.trade_id == theirs.c.trade_id, mine.c.user_id == a, theirs.c.user_id == b
    )
    return bool(connection.scalar(select(shared.exists())))
