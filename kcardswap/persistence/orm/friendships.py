"""friendships and blocks."""

from sqlalchemy import CheckConstraint, Index, Table, UniqueConstraint, func

from kcardswap.domain.friendships import Block, Friendship, FriendshipStatus
from kcardswap.persistence.orm.base import (
    choice,
    id_column,
    mapper_registry,
    metadata,
    moment,
    one_of,
    reference,
    times,
)

friendships = Table(
    "friendships",
    metadata,
    id_column(),
    reference("user_id", "users.id", ondelete="CASCADE"),
    reference("friend_id", "users.id", ondelete="CASCADE"),
    choice("status", FriendshipStatus),
    moment("accepted_at", nullable=True),
    *times(),
    CheckConstraint("user_id <> friend_id", name="two_people"),
    CheckConstraint("(status = 'accepted') = (accepted_at IS NOT NULL)", name="accepted_at"),
    one_of("status", FriendshipStatus),
)
Index(
    "uq_friendships_pair",
    func.least(friendships.c.user_id, friendships.c.friend_id),
    func.greatest(friendships.c.user_id, friendships.c.friend_id),
    unique=True,
)
Index(
    "ix_friendships_user_id_status_created_at_id",
    friendships.c.user_id,
    friendships.c.status,
    friendships.c.created_at.desc(),
    friendships.c.id,
)
Index(
    "ix_friendships_friend_id_status_created_at_id",
    friendships.c.friend_id,
    friendships.c.status,
    friendships.c.created_at.desc(),
    friendships.c.id,
)

blocks = Table(
    "blocks",
    metadata,
    id_column(),
    reference("blocker_id", "users.id", ondelete="CASCADE"),
    reference("blocked_id", "users.id", ondelete="CASCADE"),
    moment("created_at"),
    UniqueConstraint("blocker_id", "blocked_id"),
    CheckConstraint("blocker_id <> blocked_id", name="two_people"),
    Index("ix_blocks_blocked_id_blocker_id", "blocked_id", "blocker_id"),
)
Index("ix_blocks_blocker_id_created_at_id", blocks.c.blocker_id, blocks.c.created_at.desc(), blocks.c.id)


def map_friendships() -> None:
    """Map friendships and blocks onto their tables."""
    mapper_registry.map_imperatively(Friendship, friendships)
    mapper_registry.map_imperatively(Block, blocks)
