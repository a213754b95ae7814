"""What people say about a post, and who is interested in it."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, DateTime, Select, Uuid, bindparam, select

from kcardswap.domain.errors import NotOwner
from kcardswap.domain.posts import CommentNotFound, InterestNotFound, InterestStatus, PostNotFound
from kcardswap.persistence.orm.posts import post_comments, post_interests, posts
from kcardswap.persistence.orm.profiles import profiles
from kcardswap.queries.keyset import Page, PageRequest, SortKey, fetch_page
from kcardswap.queries.posts import is_readable
from kcardswap.queries.visibility import listed_for, person_is_gone


class CommentRow(NamedTuple):
    """A comment and who wrote it."""

    id: UUID
    post_id: UUID
    user_id: UUID
    user_nickname: str | None
    user_avatar_url: str | None
    content: str
    created_at: datetime
    updated_at: datetime


class InterestRow(NamedTuple):
    """An interest and whose it is."""

    id: UUID
    post_id: UUID
    user_id: UUID
    status: InterestStatus
    created_at: datetime
    updated_at: datetime
    user_nickname: str | None
    user_avatar_url: str | None


_ME = bindparam("viewer_id", type_=Uuid())
_NOW = bindparam("now", type_=DateTime(timezone=True))
_POST_ID = bindparam("post_id", type_=Uuid())
_NEWEST_COMMENTS = (SortKey(post_comments.c.created_at, descending=True), SortKey(post_comments.c.id))
_NEWEST_INTERESTS = (SortKey(post_interests.c.created_at, descending=True), SortKey(post_interests.c.id))
_PROFILE = {"user_nickname": profiles.c.nickname, "user_avatar_url": profiles.c.avatar_url}
_COMMENTS = (
    select(
        *(
            _PROFILE[name] if name in _PROFILE else post_comments.c[name].label(name)
            for name in CommentRow._fields
        )
    )
    .select_from(post_comments.outerjoin(profiles, profiles.c.user_id == post_comments.c.user_id))
    .where(post_comments.c.post_id == _POST_ID)
)
_INTERESTS = (
    select(
        *(
            _PROFILE[name] if name in _PROFILE else post_interests.c[name].label(name)
            for name in InterestRow._fields
        )
    )
    .select_from(post_interests.outerjoin(profiles, profiles.c.user_id == post_interests.c.user_id))
    .where(post_interests.c.post_id == _POST_ID)
)


def _posts_for(sees_all: bool) -> Select[tuple[UUID, UUID]]:
    """Return who owns the post, as a row only when the viewer may read it."""
    owned = select(posts.c.id, posts.c.owner_id).where(posts.c.id == _POST_ID)
    return owned.where(~person_is_gone(posts.c.owner_id)) if sees_all else owned.where(is_readable(_ME))


def comments_of(
    connection: Connection,
    *,
    post_id: UUID,
    viewer_id: UUID,
    sees_all: bool,
    now: datetime,
    page: PageRequest,
) -> Page[CommentRow]:
    """Return a page of what people the viewer gets to see say about a post, newest first.

    :param sees_all: as for ``posts.post``.
    :raises PostNotFound: the viewer may not read the post.
    """
    values = {"post_id": post_id, "viewer_id": viewer_id, "now": now}
    readable = _posts_for(sees_all)
    statement = _COMMENTS.where(
        post_comments.c.deleted_at.is_(None),
        readable.exists(),
        *listed_for(_ME, post_comments.c.user_id, _NOW),
    ).params(values)
    found = fetch_page(connection, statement, sort=_NEWEST_COMMENTS, page=page, make_row=CommentRow)
    if not found.rows and not found.total and connection.execute(readable, values).one_or_none() is None:
        # Only an empty list has to be told from a post that is not there.
        raise PostNotFound
    return found


_COMMENT = _COMMENTS.where(post_comments.c.id == bindparam("comment_id", type_=Uuid()))


def comment(connection: Connection, *, post_id: UUID, comment_id: UUID) -> CommentRow:
    """Return one comment of a post, as its author sees it.

    :raises CommentNotFound: there is no such comment.
    """
    row = connection.execute(_COMMENT, {"post_id": post_id, "comment_id": comment_id}).one_or_none()
    if row is None:
        raise CommentNotFound
    return CommentRow(*row)


def interests_in(
    connection: Connection,
    *,
    post_id: UUID,
    viewer_id: UUID,
    status: InterestStatus | None,
    now: datetime,
    page: PageRequest,
) -> Page[InterestRow]:
    """Return a page of who is interested in a post of the viewer, newest first; None is any status.

    :raises PostNotFound: the viewer may not read the post.
    :raises NotOwner: somebody else's.
    """
    values = {"post_id": post_id, "viewer_id": viewer_id, "now": now}
    readable = _posts_for(sees_all=False)
    statement = _INTERESTS.where(
        readable.where(posts.c.owner_id == _ME).exists(), *listed_for(_ME, post_interests.c.user_id, _NOW)
    )
    if status is not None:
        statement = statement.where(post_interests.c.status == status)
    found = fetch_page(
        connection, statement.params(values), sort=_NEWEST_INTERESTS, page=page, make_row=InterestRow
    )
    if not found.rows and not found.total:
        _require_owner(connection, readable, values)
    return found


def _require_owner(
    connection: Connection, readable: Select[tuple[UUID, UUID]], values: dict[str, Any]
) -> None:
    found = connection.execute(readable, values).one_or_none()
    if found is None:
        raise PostNotFound
    if found.owner_id != values["viewer_id"]:
        raise NotOwner


_INTEREST = _INTERESTS.add_columns(posts.c.owner_id).where(
    post_interests.c.id == bindparam("interest_id", type_=Uuid()),
    posts.c.id == post_interests.c.post_id,
    ~person_is_gone(post_interests.c.user_id),
)


def interest(connection: Connection, *, post_id: UUID, interest_id: UUID, viewer_id: UUID) -> InterestRow:
    """Return one interest in a post to whom it concerns.

    :raises PostNotFound: the viewer may not read the post.
    :raises InterestNotFound: the post has no such interest, or whose it was left.
    :raises NotOwner: neither the post nor the interest is the viewer's.
    """
    values = {"post_id": post_id, "interest_id": interest_id, "viewer_id": viewer_id}
    row = connection.execute(_INTEREST.where(is_readable(_ME)), values).one_or_none()
    if row is None:
        if connection.execute(_posts_for(sees_all=False), values).one_or_none() is None:
            raise PostNotFound
        raise InterestNotFound
    found = InterestRow(*row[:-1])
    if viewer_id not in (found.user_id, row.owner_id):
        raise NotOwner
    return found
