"""Posts as tests write and react to them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, select

from kcardswap.domain.media import CheckedImage, ImageType, MediaAsset
from kcardswap.domain.posts import Post, PostTerms
from kcardswap.persistence.orm.posts import post_comments, post_likes, posts
from kcardswap.runtime import Runtime
from kcardswap.services import posts as services
from kcardswap.services.posts import AcceptedInterest

DESCRIPTION = {"title": "求換 LOVE DIVE", "content": "我有 Wonyoung，想換 Yujin。"}
TERMS = PostTerms(default=timedelta(days=14), longest=timedelta(days=90))


def make_post(runtime: Runtime, owner_id: UUID, **described: Any) -> UUID:
    """Publish a post past the limits of the day."""
    uow = runtime.unit_of_work()
    with uow:
        post = Post.write(
            id=uow.new_id(),
            owner_id=owner_id,
            may_announce=True,
            described={**DESCRIPTION, **described},
            terms=TERMS,
            now=uow.clock.now(),
        )
        uow.posts.add(post)
        uow.commit()
        return post.id


def create(runtime: Runtime, owner_id: UUID, *, may_announce: bool = False, **described: Any) -> UUID:
    """Publish a post as its owner does."""
    return services.create(
        runtime.unit_of_work(),
        runtime.quota_calendar,
        owner_id=owner_id,
        may_announce=may_announce,
        described={**DESCRIPTION, **described},
        terms=runtime.post_terms,
    )


def edit(runtime: Runtime, post_id: UUID, by: UUID, **changes: Any) -> None:
    """Change a post."""
    services.edit(runtime.unit_of_work(), post_id=post_id, by=by, may_announce=False, changes=changes)


def close(runtime: Runtime, post_id: UUID, by: UUID) -> None:
    """Close a post."""
    services.close(runtime.unit_of_work(), post_id=post_id, by=by)


def remove(runtime: Runtime, post_id: UUID, by: UUID, *, may_moderate: bool = False) -> None:
    """Delete a post."""
    services.delete(
        runtime.unit_of_work(), runtime.storage, post_id=post_id, by=by, may_moderate=may_moderate
    )


def like(runtime: Runtime, post_id: UUID, by: UUID) -> tuple[bool, int]:
    """Like a post, or take the like back."""
    return services.toggle_like(runtime.unit_of_work(), post_id=post_id, by=by)


def comment(runtime: Runtime, post_id: UUID, by: UUID, content: str = "還在嗎？") -> UUID:
    """Say something about a post."""
    return services.comment(runtime.unit_of_work(), post_id=post_id, by=by, content=content)


def remove_comment(
    runtime: Runtime, post_id: UUID, comment_id: UUID, by: UUID, *, may_moderate: bool = False
) -> None:
    """Take a comment away."""
    services.delete_comment(
        runtime.unit_of_work(), post_id=post_id, comment_id=comment_id, by=by, may_moderate=may_moderate
    )


def want(runtime: Runtime, post_id: UUID, by: UUID) -> UUID:
    """Express interest in a post."""
    return services.express_interest(runtime.unit_of_work(), post_id=post_id, by=by)


def accept_interest(runtime: Runtime, post_id: UUID, interest_id: UUID, by: UUID) -> AcceptedInterest:
    """Take up an interest."""
    return services.accept_interest(runtime.unit_of_work(), post_id=post_id, interest_id=interest_id, by=by)


def reject_interest(runtime: Runtime, post_id: UUID, interest_id: UUID, by: UUID) -> None:
    """Turn an interest down."""
    services.reject_interest(runtime.unit_of_work(), post_id=post_id, interest_id=interest_id, by=by)


def make_picture(runtime: Runtime, owner_id: UUID, *, confirmed: bool = True) -> UUID:
    """Store a picture that belongs to nothing yet, past all limits."""
    uow = runtime.unit_of_work()
    with uow:
        now = uow.clock.now()
        media = MediaAsset.announce(
            id=uow.new_id(),
            owner_id=owner_id,
            content_type=ImageType.JPEG,
            declared_bytes=4,
            lifetime=timedelta(minutes=15),
            now=now,
        )
        if confirmed:
            image = CheckedImage(data=b"JPEG", content_type=ImageType.JPEG, width=90, height=120, phash=1)
            media.confirm(image, uploaded_bytes=4, now=now)
        uow.media.add(media)
        uow.commit()
        runtime.storage.store(media.object_key, b"JPEG", content_type="image/jpeg")
        return media.id


def miscounted(connection: Connection) -> list[UUID]:
    """Return the posts whose numbers of likes and comments are not those of the rows."""
    likes = select(func.count()).where(post_likes.c.post_id == posts.c.id).scalar_subquery()
    comments = (
        select(func.count())
        .where(post_comments.c.post_id == posts.c.id, post_comments.c.deleted_at.is_(None))
        .scalar_subquery()
    )
    wrong = (posts.c.like_count != likes) | (posts.c.comment_count != comments)
    return list(connection.scalars(select(posts.c.id).where(wrong)))
