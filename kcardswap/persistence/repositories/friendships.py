"""Repositories of friendships and blocks."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import func, select

from kcardswap.domain.friendships import Block, Friendship, FriendshipNotFound, FriendshipStatus
from kcardswap.persistence.orm.friendships import blocks, friendships
from kcardswap.persistence.repositories.base import Repository


class FriendshipRepository(Repository[Friendship]):
    """Friendships and friend requests; whoever makes or ends one holds the locks of both users."""

    entity = Friendship
    table = friendships
    missing = FriendshipNotFound

    def find_between(self, a: UUID, b: UUID, *, lock: bool = False) -> Friendship | None:
        """Return the friendship or request of two people, whoever asked, or None."""
        smaller, larger = sorted((a, b))
        return self._one(
            func.least(friendships.c.user_id, friendships.c.friend_id) == smaller,
            func.greatest(friendships.c.user_id, friendships.c.friend_id) == larger,
            lock=lock,
        )

    def are_friends(self, a: UUID, b: UUID) -> bool:
        """Tell whether the two are friends; a request alone does not count."""
        friendship = self.find_between(a, b)
        return friendship is not None and friendship.status is FriendshipStatus.ACCEPTED


class BlockRepository(Repository[Block]):
    """Blocks; whoever makes one, or must not act across one, holds the locks of both users."""

    entity = Block
    table = blocks

    def find_by_pair(self, *, blocker_id: UUID, blocked_id: UUID) -> Block | None:
        """Return the block one person made against another, or None."""
        return self._one(blocks.c.blocker_id == blocker_id, blocks.c.blocked_id == blocked_id)

    def any_among(self, people: Iterable[UUID]) -> bool:
        """Tell whether any two of these people have a block between them, in either direction."""
        everyone = sorted(set(people))
        found = select(blocks.c.id).where(
            blocks.c.blocker_id.in_(everyone), blocks.c.blocked_id.in_(everyone)
        )
        return self.session.execute(found.limit(1)).first() is not None
