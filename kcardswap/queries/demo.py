"""What the demo seed looks at before it makes anything."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, and_, func, or_, select

from kcardswap.persistence.orm.accounts import users
from kcardswap.persistence.orm.cards import cards, is_swappable
from kcardswap.persistence.orm.friendships import blocks, friendships
from kcardswap.persistence.orm.trades import trade_participants, trades


class Counts(NamedTuple):
    """How much there is."""

    cards: int
    friendships: int
    trades: int


def counts(connection: Connection) -> Counts:
    """Return the number of cards, friendships and swaps."""
    columns = (
        select(func.count()).select_from(table).scalar_subquery() for table in (cards, friendships, trades)
    )
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
