"""Posts as people read them: the feed and one by one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    DateTime,
    FromClause,
    Select,
    Uuid,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from kcardswap.domain.friendships import FriendshipStatus
from kcardswap.domain.media import MediaStatus, MediaTarget
from kcardswap.domain.posts import PostCategory, PostNotFound, PostScope, PostStatus
from kcardswap.domain.text import normalise
from kcardswap.persistence.orm.friendships import friendships
from kcardswap.persistence.orm.media import media_assets
from kcardswap.persistence.orm.posts import is_open, post_likes, posts
from kcardswap.persistence.orm.profiles import profiles
from kcardswap.queries.conversations import has_pending_request, has_thread
from kcardswap.queries.keyset import Details, Page, PageRequest, SortKey, fetch_page
from kcardswap.queries.visibility import (
    Person,
    blocked_either_way,
    has_blocked,
    listed_for,
    person_is_gone,
)

FILTERS = ("city_code", "category", "owner_id")
TEXT_FILTERS = ("idol", "idol_group")


class PostRow(NamedTuple):
    """A post as its reader sees it; ``can_message`` is whether they may ask its owner for a conversation."""

    id: UUID
    owner_id: UUID
    owner_nickname: str | None
    owner_avatar_url: str | None
    scope: PostScope
    city_code: str | None
    category: PostCategory
    title: str
    content: str
    idol: str | None
    idol_group: str | None
    status: PostStatus
    like_count: int
    liked_by_me: bool
    can_message: bool
    comment_count: int
    media_asset_ids: list[UUID]
    expires_at: datetime
    created_at: datetime
    updated_at: datetime


_ME = bindparam("viewer_id", type_=Uuid())
_NOW = bindparam("now", type_=DateTime(timezone=True))


def _liked_by_me() -> ColumnElement[bool]:
    mine = select(literal(1)).where(post_likes.c.post_id == posts.c.id, post_likes.c.user_id == _ME)
    return mine.correlate_except(post_likes).exists()


def _are_friends() -> ColumnElement[bool]:
    accepted = select(literal(1)).where(
        func.least(friendships.c.user_id, friendships.c.friend_id) == func.least(posts.c.owner_id, _ME),
        func.greatest(friendships.c.user_id, friendships.c.friend_id) == func.greatest(posts.c.owner_id, _ME),
        friendships.c.status == FriendshipStatus.ACCEPTED,
    )
    return accepted.correlate_except(friendships).exists()


def _can_message() -> ColumnElement[bool]:
    return and_(
        posts.c.owner_id != _ME,
        ~has_thread(posts.c.owner_id, _ME),
        ~has_pending_request(posts.c.owner_id, _ME),
        ~blocked_either_way(posts.c.owner_id, _ME),
        or_(func.coalesce(profiles.c.allow_stranger_chat, true()), _are_friends()),
    )


def _media_asset_ids() -> ColumnElement[list[UUID]]:
    attached = func.array_agg(
        aggregate_order_by(media_assets.c.id, media_assets.c.position), type_=ARRAY(Uuid())
    )
    ids = select(func.coalesce(attached, literal([], ARRAY(Uuid())))).where(
        media_assets.c.target_type == MediaTarget.POST,
        media_assets.c.target_id == posts.c.id,
        media_assets.c.status == MediaStatus.ATTACHED,
    )
    return ids.correlate_except(media_assets).scalar_subquery()


_COLUMNS = {
    "owner_nickname": profiles.c.nickname,
    "owner_avatar_url": profiles.c.avatar_url,
    "status": case((and_(is_open, posts.c.expires_at <= _NOW), PostStatus.EXPIRED), else_=posts.c.status),
    "liked_by_me": _liked_by_me(),
    "can_message": _can_message(),
    "media_asset_ids": _media_asset_ids(),
}
_POST = tuple(_COLUMNS[name] if name in _COLUMNS else posts.c[name] for name in PostRow._fields)
_WITH_OWNER = posts.outerjoin(profiles, profiles.c.user_id == posts.c.owner_id)


def _of_page(source: FromClause, page: FromClause) -> FromClause:
    joined: FromClause = source.outerjoin(posts, posts.c.id == page.c.id)
    return joined.outerjoin(profiles, profiles.c.user_id == posts.c.owner_id)


_DETAILS = Details(_POST, _of_page)
_NEWEST_FIRST = (SortKey(posts.c.created_at, descending=True), SortKey(posts.c.id))
_FEED = select(posts.c.id).where(is_open, posts.c.expires_at > _NOW, *listed_for(_ME, posts.c.owner_id, _NOW))


def feed(
    connection: Connection, *, viewer_id: UUID, filters: Mapping[str, Any], now: datetime, page: PageRequest
) -> Page[PostRow]:
    """Return a page of the open posts of people the viewer gets to see, newest first.

    ``filters`` may hold city_code, category, owner_id (equal) and idol, idol_group (compared as normalised
    text); None filters nothing.
    """
    statement = _FEED.where(*_filtered(filters)).params(viewer_id=viewer_id, now=now)
    return fetch_page(
        connection, statement, sort=_NEWEST_FIRST, page=page, make_row=PostRow, details=_DETAILS
    )


def _filtered(filters: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    given = {name: value for name, value in filters.items() if value is not None}
    equal = [posts.c[name] == given[name] for name in FILTERS if name in given]
    # A text without any letter or digit compares like no text; looking for it finds nothing.
    texts = [
        posts.c[f"{name}_norm"] == (normalise(given[name]) or "") for name in TEXT_FILTERS if name in given
    ]
    return [*equal, *texts]


def is_readable(viewer_id: Person) -> ColumnElement[bool]:
    """Return the condition that the viewer may read a post by its id: it is there, and so is its owner."""
    return and_(
        posts.c.status != PostStatus.DELETED,
        ~person_is_gone(posts.c.owner_id),
        ~has_blocked(posts.c.owner_id, viewer_id),
    )


_ONE: Select[Any] = (
    select(*_POST).select_from(_WITH_OWNER).where(posts.c.id == bindparam("post_id", type_=Uuid()))
)
_READABLE = _ONE.where(is_readable(_ME))
_ANY = _ONE.where(~person_is_gone(posts.c.owner_id))


def post(connection: Connection, *, post_id: UUID, viewer_id: UUID, sees_all: bool, now: datetime) -> PostRow:
    """Return one post, also a closed or expired one.

    :param sees_all: the viewer is an administrator: for them deleted posts and blocks hide nothing.
    :raises PostNotFound: unknown, deleted, or the viewer was blocked by its owner.
    """
    statement = _ANY if sees_all else _READABLE
    values = {"post_id": post_id, "viewer_id": viewer_id, "now": now}
    row = connection.execute(statement, values).one_or_none()
    if row is None:
        raise PostNotFound
    return PostRow(*row)
