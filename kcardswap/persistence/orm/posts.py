"""posts, post_likes, post_comments and post_interests."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from kcardswap.domain.locations import CITIES
from kcardswap.domain.posts import (
    Comment,
    Interest,
    InterestStatus,
    Post,
    PostCategory,
    PostScope,
    PostStatus,
)
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

_CODES = ", ".join(f"'{city.code}'" for city in CITIES)

posts = Table(
    "posts",
    metadata,
    id_column(),
    reference("owner_id", "users.id", ondelete="CASCADE"),
    choice("scope", PostScope),
    Column("city_code", String(20)),
    choice("category", PostCategory),
    Column("title", String(120), nullable=False),
    Column("content", Text, nullable=False),
    Column("idol", String(100)),
    Column("idol_group", String(100)),
    Column("idol_norm", String(200)),
    Column("idol_group_norm", String(200)),
    choice("status", PostStatus),
    # Counted here, for reads must not cost more with every like.
    Column("like_count", BigInteger, nullable=False, server_default="0"),
    Column("comment_count", BigInteger, nullable=False, server_default="0"),
    moment("expires_at"),
    moment("closed_at", nullable=True),
    moment("deleted_at", nullable=True),
    reference("deleted_by", "users.id", ondelete="SET NULL", nullable=True),
    *times(),
    one_of("scope", PostScope),
    one_of("category", PostCategory),
    one_of("status", PostStatus),
    CheckConstraint("(scope = 'city') = (city_code IS NOT NULL)", name="city_scope"),
    CheckConstraint(f"city_code IN ({_CODES})", name="city_code"),
    CheckConstraint("length(content) BETWEEN 1 AND 5000", name="content_length"),
    CheckConstraint("like_count >= 0", name="like_count"),
    CheckConstraint("comment_count >= 0", name="comment_count"),
    CheckConstraint("expires_at > created_at", name="expires_at"),
    CheckConstraint("(status = 'deleted') = (deleted_at IS NOT NULL)", name="deleted_at"),
    Index("ix_posts_deleted_by", "deleted_by"),
)

is_open: ColumnElement[bool] = posts.c.status == PostStatus.OPEN
"""Which posts were neither closed, expired by the job nor deleted; also the predicate of partial indexes."""

_newest_first = (posts.c.created_at.desc(), posts.c.id)
Index("ix_posts_owner_id_created_at_id", posts.c.owner_id, *_newest_first)
# What tells whether a post is shown is in them, so that counting the feed reads no posts.
_feed: dict[str, Any] = {"postgresql_include": ["owner_id", "expires_at"], "postgresql_where": is_open}
Index("ix_posts_open_created_at_id", *_newest_first, **_feed)
Index("ix_posts_open_city_code_created_at_id", posts.c.city_code, *_newest_first, **_feed)
Index("ix_posts_open_category_created_at_id", posts.c.category, *_newest_first, **_feed)
Index("ix_posts_open_idol_group_norm_created_at_id", posts.c.idol_group_norm, *_newest_first, **_feed)
Index("ix_posts_open_idol_norm_created_at_id", posts.c.idol_norm, *_newest_first, **_feed)
Index("ix_posts_open_expires_at", posts.c.expires_at, postgresql_where=is_open)

post_likes = Table(
    "post_likes",
    metadata,
    id_column(),
    reference("post_id", "posts.id", ondelete="CASCADE"),
    reference("user_id", "users.id", ondelete="CASCADE"),
    moment("created_at"),
    UniqueConstraint("post_id", "user_id"),
    Index("ix_post_likes_user_id", "user_id"),
)

post_comments = Table(
    "post_comments",
    metadata,
    id_column(),
    reference("post_id", "posts.id", ondelete="CASCADE"),
    reference("user_id", "users.id", ondelete="CASCADE"),
    Column("content", String(1000), nullable=False),
    moment("deleted_at", nullable=True),
    reference("deleted_by", "users.id", ondelete="SET NULL", nullable=True),
    *times(),
    Index("ix_post_comments_user_id", "user_id"),
    Index("ix_post_comments_deleted_by", "deleted_by"),
)
Index(
    "ix_post_comments_post_id_created_at_id",
    post_comments.c.post_id,
    post_comments.c.created_at.desc(),
    post_comments.c.id,
)

post_interests = Table(
    "post_interests",
    metadata,
    id_column(),
    reference("post_id", "posts.id", ondelete="CASCADE"),
    reference("user_id", "users.id", ondelete="CASCADE"),
    choice("status", InterestStatus),
    *times(),
    UniqueConstraint("post_id", "user_id"),
    one_of("status", InterestStatus),
)
Index(
    "ix_post_interests_post_id_created_at_id",
    post_interests.c.post_id,
    post_interests.c.created_at.desc(),
    post_interests.c.id,
)
Index("ix_post_interests_user_id_created_at", post_interests.c.user_id, post_interests.c.created_at.desc())


def map_posts() -> None:
    """Map posts, comments and interests onto their tables; likes are rows without an entity."""
    mapper_registry.map_imperatively(Post, posts)
    mapper_registry.map_imperatively(Comment, post_comments)
    mapper_registry.map_imperatively(Interest, post_interests)
