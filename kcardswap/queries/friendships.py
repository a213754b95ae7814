"""Friends, requests and blocks as the people in them read them."""

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    DateTime,
    FromClause,
    Select,
    String,
    Uuid,
    and_,
    bindparam,
    case,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)

from kcardswap.domain.accounts import UserStatus
from kcardswap.domain.friendships import FriendshipNotFound, FriendshipStatus
from kcardswap.persistence.orm.accounts import users
from kcardswap.persistence.orm.conversations import threads
from kcardswap.persistence.orm.friendships import blocks, friendships
from kcardswap.persistence.orm.profiles import profiles
from kcardswap.queries.keyset import Page, PageRequest, SortKey, fetch_page
from kcardswap.queries.profiles import completed_trades_of, online
from kcardswap.queries.ratings import average_score_of


class FriendListStatus(StrEnum):
    """Which list of people: friends, requests of both directions, or the people the reader blocked."""

    ACCEPTED = "accepted"
    PENDING = "pending"
    BLOCKED = "blocked"


class Direction(StrEnum):
    """Which way a request goes, seen by the reader."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"


class FriendshipRow(NamedTuple):
    """A friendship; ``thread_id`` is where the two talk, None before acceptance."""

    id: UUID
    user_id: UUID
    friend_id: UUID
    status: FriendshipStatus
    created_at: datetime
    thread_id: UUID | None


class FriendRow(NamedTuple):
    """The other person of a friendship, request or block; ``is_online`` is None when they hide it."""

    id: UUID
    user_id: UUID
    nickname: str | None
    avatar_url: str | None
    status: FriendListStatus
    created_at: datetime
    direction: Direction | None
    average_score: float
    completed_trades: int
    is_online: bool | None


_ME = bindparam("viewer_id", type_=Uuid())
_NOW = bindparam("now", type_=DateTime(timezone=True))

_FRIENDSHIP = (
    select(
        friendships.c.id,
        friendships.c.user_id,
        friendships.c.friend_id,
        friendships.c.status,
        friendships.c.created_at,
        threads.c.id,
    )
    .select_from(
        friendships.outerjoin(
            threads,
            and_(
                threads.c.user_a_id == func.least(friendships.c.user_id, friendships.c.friend_id),
                threads.c.user_b_id == func.greatest(friendships.c.user_id, friendships.c.friend_id),
                friendships.c.status == FriendshipStatus.ACCEPTED,
            ),
        )
    )
    .where(
        friendships.c.id == bindparam("friendship_id", type_=Uuid()),
        or_(friendships.c.user_id == _ME, friendships.c.friend_id == _ME),
    )
)


def friendship(connection: Connection, *, friendship_id: UUID, viewer_id: UUID) -> FriendshipRow:
    """Return one friendship of the reader.

    :raises FriendshipNotFound: unknown, or the reader is no party.
    """
    values = {"friendship_id": friendship_id, "viewer_id": viewer_id}
    row = connection.execute(_FRIENDSHIP, values).one_or_none()
    if row is None:
        raise FriendshipNotFound
    return FriendshipRow(*row)


def _people(
    edges: FromClause, person: ColumnElement[UUID], status: ColumnElement[str], direction: ColumnElement[Any]
) -> Select[Any]:
    """Return the select of a FriendRow for each ``person`` of ``edges`` who still has an account."""
    return (
        select(
            edges.c.id.label("id"),
            users.c.id.label("user_id"),
            profiles.c.nickname,
            profiles.c.avatar_url,
            status.label("status"),
            edges.c.created_at.label("created_at"),
            direction.label("direction"),
            average_score_of(users.c.id).label("average_score"),
            completed_trades_of(users.c.id).label("completed_trades"),
            online(_NOW).label("is_online"),
        )
        .join_from(edges, users, users.c.id == person)
        .outerjoin(profiles, profiles.c.user_id == users.c.id)
        .where(users.c.status != UserStatus.DELETED)
    )


def _seen_by(reader: Column[Any], person: Column[Any], direction: Direction) -> Select[Any]:
    return select(
        friendships.c.id,
        reader.label("reader_id"),
        person.label("person_id"),
        friendships.c.status,
        friendships.c.created_at,
        literal(direction.value, String()).label("direction"),
    )


# Each friendship as either of its people sees it. Nothing is filtered inside, so PostgreSQL treats the two
# as parts of one table and merges an index of each in the order of the list: a page reads its own rows and
# no more, however many friends there are. One select with OR has to read and sort all of them.
_SIDES = union_all(
    _seen_by(friendships.c.user_id, friendships.c.friend_id, Direction.OUTGOING),
    _seen_by(friendships.c.friend_id, friendships.c.user_id, Direction.INCOMING),
).subquery("sides")
_FRIENDS = _people(
    _SIDES,
    _SIDES.c.person_id,
    _SIDES.c.status,
    case((_SIDES.c.status == FriendshipStatus.PENDING, _SIDES.c.direction)),
).where(_SIDES.c.reader_id == _ME)
_BLOCKED = _people(
    blocks, blocks.c.blocked_id, literal(FriendListStatus.BLOCKED.value, String()), null()
).where(blocks.c.blocker_id == _ME)


def people(
    connection: Connection, *, viewer_id: UUID, status: FriendListStatus, now: datetime, page: PageRequest
) -> Page[FriendRow]:
    """Return a page of the reader's friends, requests in both directions, or blocked people, newest first."""
    statement, edges = _list_of(status)
    return fetch_page(
        connection,
        statement.params(viewer_id=viewer_id, now=now),
        sort=(SortKey(edges.c.created_at, descending=True), SortKey(edges.c.id)),
        page=page,
        make_row=_friend,
    )


def _list_of(status: FriendListStatus) -> tuple[Select[Any], FromClause]:
    if status is FriendListStatus.BLOCKED:
        return _BLOCKED, blocks
    return _FRIENDS.where(_SIDES.c.status == FriendshipStatus(status)), _SIDES


def _friend(*columns: Any) -> FriendRow:
    row = FriendRow(*columns)
    direction = None if row.direction is None else Direction(row.direction)
    return row._replace(status=FriendListStatus(row.status), direction=direction)
