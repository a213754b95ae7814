"""Liking posts and commenting on them."""

from uuid import UUID

from kcardswap.domain.errors import NotOwner
from kcardswap.domain.moderation import AuditAction
from kcardswap.domain.posts import Comment, CommentNotFound
from kcardswap.persistence.unit_of_work import UnitOfWork
from kcardswap.services.posts.checks import post_to_react_to


def toggle_like(uow: UnitOfWork, *, post_id: UUID, by: UUID) -> tuple[bool, int]:
    """Like a post, or take the like back; return whether it is liked now, and how many like it.

    :raises PostNotFound: unknown or deleted, or its owner is deleted or suspended.
    :raises Blocked: there is a block between the two.
    :raises PostNotOpen: it was closed, or its time is over.
    """
    with uow:
        now = uow.clock.now()
        post = post_to_react_to(uow, post_id, by=by)
        post.refuse_unless_open(now)
        liked, likes = uow.posts.toggle_like(post, by=by, id=uow.new_id(), now=now)
        uow.commit()
        return liked, likes


def comment(uow: UnitOfWork, *, post_id: UUID, by: UUID, content: str) -> UUID:
    """Say something about a post and return the comment.

    :raises PostNotFound: unknown or deleted, or its owner is deleted or suspended.
    :raises Blocked: there is a block between the two.
    :raises PostNotOpen: it was closed, or its time is over.
    """
    with uow:
        now = uow.clock.now()
        post = post_to_react_to(uow, post_id, by=by)
        post.refuse_unless_open(now)
        written = Comment.write(
            id=uow.new_id(), post_id=post.id, owner_id=post.owner_id, user_id=by, content=content, now=now
        )
        uow.comments.publish(written)
        uow.commit()
        return written.id


def delete_comment(uow: UnitOfWork, *, post_id: UUID, comment_id: UUID, by: UUID, may_moderate: bool) -> None:
    """Take a comment away: one's own, one on one's own post, or as a moderator any.

    What neither its author nor the owner of the post takes away is in the audit log.

    :raises PostNotFound: unknown or deleted.
    :raises CommentNotFound: the post has no such comment, or no longer.
    :raises NotOwner: neither the comment nor the post is the caller's, who is no moderator.
    """
    with uow:
        post = uow.posts.get_present(post_id, lock=True)
        taken = uow.comments.get(comment_id, lock=True)
        if taken.post_id != post.id or taken.deleted_at is not None:
            raise CommentNotFound
        is_involved = by in (taken.user_id, post.owner_id)
        if not (is_involved or may_moderate):
            raise NotOwner
        uow.comments.take_away(taken, by=by, now=uow.clock.now())
        if not is_involved:
            uow.audit.write(
                actor_id=by,
                action=AuditAction.DELETE_COMMENT,
                target_type="comment",
                target_id=taken.id,
                details={"post_id": post.id, "user_id": taken.user_id},
            )
        uow.commit()
