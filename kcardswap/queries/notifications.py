"""What a person is told, newest first, and how much of it they have not read."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, FromClause, Select, Uuid, and_, bindparam, func, or_, select

from kcardswap.domain.notifications import NotificationType
from kcardswap.persistence.orm.notifications import notifications
from kcardswap.queries.keyset import Page, PageRequest, SortKey, fetch_page
from kcardswap.queries.visibility import blocked_either_way


class NotificationRow(NamedTuple):
    """One thing the reader is told; ``unread_count`` is that of all their notifications."""

    id: UUID
    type: NotificationType
    payload: Mapping[str, str]
    created_at: datetime
    read_at: datetime | None
    unread_count: int


_ME = bindparam("user_id", type_=Uuid())


def _told_to_me(entries: FromClause) -> ColumnElement[bool]:
    """Return the condition that an entry is the reader's, and of nobody with a block between the two."""
    actor = entries.c.actor_id
    return and_(entries.c.user_id == _ME, or_(actor.is_(None), ~blocked_either_way(_ME, actor)))


_all = notifications.alias("all_notifications")
_UNREAD_COUNT = select(func.count()).select_from(_all).where(_told_to_me(_all), _all.c.read_at.is_(None))
_MINE = select(
    notifications.c.id,
    notifications.c.type,
    notifications.c.payload,
    notifications.c.created_at,
    notifications.c.read_at,
    _UNREAD_COUNT.scalar_subquery(),
).where(_told_to_me(notifications))


def inbox(
    connection: Connection, *, user_id: UUID, unread: bool | None, page: PageRequest
) -> Page[NotificationRow]:
    """Return a page of what somebody is told, newest first: all of it, the unread, or what they have read."""
    return fetch_page(
        connection,
        _list_of(unread).params(user_id=user_id),
        sort=(SortKey(notifications.c.created_at, descending=True), SortKey(notifications.c.id, True)),
        page=page,
        make_row=NotificationRow,
    )


def unread_count(connection: Connection, *, user_id: UUID) -> int:
    """Return how many notifications somebody has not read."""
    return connection.scalar(_UNREAD_COUNT, {"user_id": user_id}) or 0


def _list_of(unread: bool | None) -> Select[tuple[object, ...]]:
    if unread is None:
        return _MINE
    read_at = notifications.c.read_at
    return _MINE.where(read_at.is_(None) if unread else read_at.is_not(None))
