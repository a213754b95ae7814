"""What the demo seed looks at before it makes anything."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, and_, func, literal, or_, select

from kcardswap.domain.posts import InterestStatus
from kcardswap.domain.trades import TradeStatus
from kcardswap.persistence.orm.accounts import users
from kcardswap.persistence.orm.cards import cards, is_swappable
from kcardswap.persistence.orm.conversations import messages, threads
from kcardswap.persistence.orm.friendships import blocks, friendships
from kcardswap.persistence.orm.gallery import gallery_cards
from kcardswap.persistence.orm.posts import is_open, post_comments, post_interests, post_likes, posts
from kcardswap.persistence.orm.ratings import ratings
from kcardswap.persistence.orm.trades import trade_participants, trades
from kcardswap.persistence.orm.wishlist import wishlist_items


class Counts(NamedTuple):
    """How much there is."""

    cards: int
    gallery_cards: int
    wishes: int
    friendships: int
    trades: int
    posts: int
    ratings: int


def counts(connection: Connection) -> Counts:
    """Return the number of cards, gallery cards, wishes, friendships, swaps, posts and ratings."""
    tables = (cards, gallery_cards, wishlist_items, friendships, trades, posts, ratings)
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


def completed_trade(connection: Connection, *, a: UUID, b: UUID) -> UUID | None:
    """Return a swap two people completed, or None."""
    mine, theirs = trade_participants.alias("mine"), trade_participants.alias("theirs")
    shared = (
        select(trades.c.id)
        .join(mine, and_(mine.c.trade_id == trades.c.id, mine.c.user_id == a))
        .join(theirs, and_(theirs.c.trade_id == trades.c.id, theirs.c.user_id == b))
        .where(trades.c.status == TradeStatus.COMPLETED)
    )
    return connection.scalar(shared.order_by(trades.c.created_at).limit(1))


def has_rated(connection: Connection, *, rater_id: UUID, rated_user_id: UUID, trade_id: UUID | None) -> bool:
    """Tell whether somebody rated somebody for this swap, or as a friend."""
    given = select(ratings.c.id).where(
        ratings.c.rater_id == rater_id,
        ratings.c.rated_user_id == rated_user_id,
        ratings.c.trade_id.is_not_distinct_from(trade_id),
    )
    return bool(connection.scalar(select(given.exists())))


def post_with_title(connection: Connection, *, owner_id: UUID, title: str) -> UUID | None:
    """Return somebody's post with this title, also one that is no longer open, or None."""
    titled = select(posts.c.id).where(posts.c.owner_id == owner_id, posts.c.title == title)
    return connection.scalar(titled.order_by(posts.c.created_at).limit(1))


class Reactions(NamedTuple):
    """Whether a post is open, and what one person made of it."""

    is_open: bool
    liked: bool
    commented: bool
    interested: bool


def reactions(connection: Connection, *, post_id: UUID, user_id: UUID) -> Reactions:
    """Return what somebody made of a post."""
    did = (
        select(literal(1)).where(table.c.post_id == post_id, table.c.user_id == user_id).exists()
        for table in (post_likes, post_comments, post_interests)
    )
    return Reactions._make(connection.execute(select(is_open, *did).where(posts.c.id == post_id)).one())


def pending_interest(connection: Connection, *, post_id: UUID) -> UUID | None:
    """Return an interest in a post that waits for an answer, or None."""
    waiting = select(post_interests.c.id).where(
        post_interests.c.post_id == post_id, post_interests.c.status == InterestStatus.PENDING
    )
    return connection.scalar(waiting.order_by(post_interests.c.created_at).limit(1))


class Talk(NamedTuple):
    """The conversation of two people; None when they have none."""

    thread_id: UUID | None
    messages: int


def talk(connection: Connection, *, a: UUID, b: UUID) -> Talk:
    """Return the conversation of two people and how many messages there are in it."""
    smaller, larger = sorted((a, b))
    pair = (threads.c.user_a_id == smaller, threads.c.user_b_id == larger)
    thread_id = connection.scalar(select(threads.c.id).where(*pair))
    count = select(func.count()).where(messages.c.thread_id == thread_id)
    return Talk(thread_id, connection.scalar(count) or 0)
