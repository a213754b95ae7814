"""What people say about a post."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from kcardswap.domain.base import Aggregate, Event
from kcardswap.domain.errors import NotFound


class CommentNotFound(NotFound):
    """The post has no such comment, or no longer."""

    def __init__(self) -> None:
        super().__init__("comment")


@dataclass(frozen=True, slots=True, kw_only=True)
class PostCommented(Event):
    """Somebody commented on a post of ``owner_id``."""

    aggregate: ClassVar[str] = "post"
    post_id: UUID
    owner_id: UUID
    comment_id: UUID
    user_id: UUID


@dataclass(eq=False, kw_only=True)
class Comment(Aggregate):
    """One remark of one person; its post counts those that are not deleted."""

    id: UUID
    post_id: UUID
    user_id: UUID
    content: str
    deleted_at: datetime | None
    deleted_by: UUID | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def write(
        cls, *, id: UUID, post_id: UUID, owner_id: UUID, user_id: UUID, content: str, now: datetime
    ) -> "Comment":
        """Say something about a post of ``owner_id``."""
        comment = cls(
            id=id,
            post_id=post_id,
            user_id=user_id,
            content=content,
            deleted_at=None,
            deleted_by=None,
            created_at=now,
            updated_at=now,
        )
        comment.record(PostCommented(post_id=post_id, owner_id=owner_id, comment_id=id, user_id=user_id))
        return comment

    def delete(self, *, by: UUID | None, now: datetime) -> None:
        """Take the comment away.

        :raises CommentNotFound: it was taken away before.
        """
        if self.deleted_at is not None:
            raise CommentNotFound
        self.deleted_at = now
        self.deleted_by = by
