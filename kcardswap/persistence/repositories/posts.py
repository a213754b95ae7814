"""Repositories of posts, comments and interests; likes are rows the posts count."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from kcardswap.domain.base import Aggregate
from kcardswap.domain.posts import (
    Comment,
    CommentNotFound,
    Interest,
    InterestNotFound,
    InterestStatus,
    Post,
    PostNotFound,
    PostStatus,
)
from kcardswap.persistence.orm.posts import is_open, post_comments, post_interests, post_likes, posts
from kcardswap.persistence.repositories.base import Repository
from kcardswap.persistence.repositories.media import MediaRepository


class PostRepository(Repository[Post]):
    """Every post, also deleted ones, with the numbers of its likes and comments."""

    entity = Post
    table = posts
    missing = PostNotFound

    def __init__(self, session: Session, seen: list[Aggregate], *, media: MediaRepository) -> None:
        super().__init__(session, seen)
        self._media = media

    def get_present(self, id: UUID, *, lock: bool = False) -> Post:
        """Return the post with this id unless it was deleted, or the account of its owner was.

        :raises PostNotFound: unknown or deleted.
        """
        is_there = posts.c.status != PostStatus.DELETED
        return self._get_of_somebody(id, posts.c.owner_id, is_there, lock=lock)

    def take_away(self, post: Post, *, by: UUID | None, now: datetime) -> list[str]:
        """Delete a locked post together with its pictures; return the keys of objects no longer needed.

        :raises PostNotFound: it was deleted before.
        """
        post.delete(by=by, now=now)
        pictures = self._media.attached_to_post(post.id)
        for picture in pictures:
            picture.delete(now)
        return [picture.object_key for picture in pictures]

    def toggle_like(self, post: Post, *, by: UUID, id: UUID, now: datetime) -> tuple[bool, int]:
        """Take somebody's like back or add it (as ``id``); return whether they like it now, and all likes.

        The post is locked, so of parallel toggles each sees what the one before it left.
        """
        mine = (post_likes.c.post_id == post.id, post_likes.c.user_id == by)
        taken_back = self.session.execute(delete(post_likes).where(*mine).returning(post_likes.c.id)).all()
        if not taken_back:
            self.session.execute(
                insert(post_likes).values(id=id, post_id=post.id, user_id=by, created_at=now)
            )
            post.liked(by)
        likes = posts.c.like_count + (-1 if taken_back else 1)
        # Past the entity: what others think of a post does not make it a changed one.
        counted = update(posts).where(posts.c.id == post.id).values(like_count=likes)
        return not taken_back, self.session.scalars(counted.returning(posts.c.like_count)).one()

    def count_comment(self, post_id: UUID, change: int) -> None:
        """Add ``change`` to the number of comments of a post, which is locked until the commit."""
        self.session.execute(
            update(posts).where(posts.c.id == post_id).values(comment_count=posts.c.comment_count + change)
        )

    def claim_overdue(self, now: datetime, *, limit: int) -> list[Post]:
        """Return up to ``limit`` open posts past their end, locked; what others have locked is left out."""
        statement = (
            select(Post)
            .where(is_open, posts.c.expires_at <= now)
            .order_by(posts.c.expires_at, posts.c.id)
            .limit(limit)
            .with_for_update(key_share=True, skip_locked=True)
            .execution_options(populate_existing=True)
        )
        return self._all(statement)


class CommentRepository(Repository[Comment]):
    """Every comment, also deleted ones; they change under the lock of their post, which counts them."""

    entity = Comment
    table = post_comments
    missing = CommentNotFound

    def __init__(self, session: Session, seen: list[Aggregate], *, posts: PostRepository) -> None:
        super().__init__(session, seen)
        self._posts = posts

    def publish(self, comment: Comment) -> None:
        """Store a new comment and count it; its post is locked."""
        self.add(comment)
        self._posts.count_comment(comment.post_id, 1)

    def take_away(self, comment: Comment, *, by: UUID | None, now: datetime) -> None:
        """Delete a locked comment and count it out; its post is locked.

        :raises CommentNotFound: it was deleted before.
        """
        comment.delete(by=by, now=now)
        self._posts.count_comment(comment.post_id, -1)


class InterestRepository(Repository[Interest]):
    """Interests; whoever expresses or answers one holds the locks of both users."""

    entity = Interest
    table = post_interests
    missing = InterestNotFound

    def get_in(self, post_id: UUID, interest_id: UUID, *, lock: bool = False) -> Interest:
        """Return this interest in this post.

        :raises InterestNotFound: there is no such interest in it.
        """
        interest = self.get(interest_id, lock=lock)
        if interest.post_id != post_id:
            raise InterestNotFound
        return interest

    def find_by(self, post_id: UUID, user_id: UUID) -> Interest | None:
        """Return somebody's interest in a post, whatever was answered, or None."""
        return self._one(post_interests.c.post_id == post_id, post_interests.c.user_id == user_id)

    def reject_pending_between(self, a: UUID, b: UUID) -> None:
        """Turn down what either of two people wants of posts of the other; both are locked."""
        wanted = or_(
            and_(post_interests.c.user_id == a, posts.c.owner_id == b),
            and_(post_interests.c.user_id == b, posts.c.owner_id == a),
        )
        statement = (
            select(Interest)
            .join(posts, posts.c.id == post_interests.c.post_id)
            .where(wanted, post_interests.c.status == InterestStatus.PENDING)
            .order_by(post_interests.c.id)
        )
        for interest in self._all(statement, lock=True):
            interest.reject(owner_id=b if interest.user_id == a else a)
