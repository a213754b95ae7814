"""What others said about people, and what that comes to on average."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Numeric,
    Uuid,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    true,
)

from kcardswap.domain.accounts import UserNotFound
from kcardswap.persistence.orm.accounts import users
from kcardswap.persistence.orm.ratings import rating_totals, ratings
from kcardswap.queries.keyset import Page, PageRequest
from kcardswap.queries.visibility import visible_to

DECIMALS = 2
"""Decimal places of an average; halves are rounded up."""


class RatingRow(NamedTuple):
    """One rating; ``trade_id`` is None for one between friends."""

    id: UUID
    rater_id: UUID
    rated_user_id: UUID
    trade_id: UUID | None
    score: int
    comment: str | None
    created_at: datetime


class AverageRow(NamedTuple):
    """What somebody's ratings come to; the average of none is 0.0."""

    user_id: UUID
    average_score: float
    total_ratings: int


def average_score_of(user_id: ColumnElement[UUID]) -> ColumnElement[float]:
    """Return the average score of this person as a column of the surrounding select; 0.0 without ratings."""
    return func.coalesce(_total(user_id, _AVERAGE), 0.0)


def total_ratings_of(user_id: ColumnElement[UUID]) -> ColumnElement[int]:
    """Return how many ratings this person has as a column of the surrounding select."""
    return func.coalesce(_total(user_id, rating_totals.c.ratings), 0)


def _total(user_id: ColumnElement[UUID], value: ColumnElement[float]) -> ColumnElement[float]:
    return (
        select(value)
        .where(rating_totals.c.user_id == user_id)
        .correlate_except(rating_totals)
        .scalar_subquery()
    )


_EXACT = cast(rating_totals.c.score_sum, Numeric) / rating_totals.c.ratings
_AVERAGE = cast(func.round(_EXACT, literal_column(str(DECIMALS))), Double)
_COLUMNS = tuple(ratings.c[name] for name in RatingRow._fields)
_USER_ID = bindparam("user_id", type_=Uuid())
_IS_SHOWN = (users.c.id == _USER_ID, visible_to(bindparam("viewer_id", type_=Uuid())))
_RATING = select(*_COLUMNS).where(ratings.c.id == bindparam("rating_id", type_=Uuid()))
_SUMMARY = select(users.c.id, average_score_of(users.c.id), total_ratings_of(users.c.id)).where(*_IS_SHOWN)


def rating(connection: Connection, *, rating_id: UUID) -> RatingRow:
    """Return one rating that is known to be there."""
    return RatingRow(*connection.execute(_RATING, {"rating_id": rating_id}).one())


def average(connection: Connection, *, user_id: UUID, viewer_id: UUID) -> AverageRow:
    """Return what the ratings of somebody come to.

    :raises UserNotFound: unknown, deleted, or the viewer was blocked by them.
    """
    row = connection.execute(_SUMMARY, {"user_id": user_id, "viewer_id": viewer_id}).one_or_none()
    if row is None:
        raise UserNotFound()
    return AverageRow(*row)


def ratings_of(
    connection: Connection, *, user_id: UUID, viewer_id: UUID, page: PageRequest
) -> Page[RatingRow]:
    """Return a page of what others said about somebody, newest first, also people who are gone.

    :raises UserNotFound: unknown, deleted, or the viewer was blocked by them.
    """
    newest_first = (ratings.c.created_at.desc(), ratings.c.id)
    wanted = (
        select(*_COLUMNS)
        .where(ratings.c.rated_user_id == users.c.id)
        .correlate(users)
        .order_by(*newest_first)
        # As bound parameters the planner would have to guess how few rows are wanted.
        .limit(literal_column(str(int(page.limit) + 1)))
        .offset(literal_column(str(int(page.offset))))
        .lateral("page")
    )
    # From the person, not from the ratings: their total is at hand, and no row at all is nobody.
    statement = (
        select(total_ratings_of(users.c.id).label("total"), *wanted.c)
        .select_from(users.outerjoin(wanted, true()))
        .where(*_IS_SHOWN)
        .order_by(wanted.c.created_at.desc(), wanted.c.id)
    )
    found = connection.execute(statement, {"user_id": user_id, "viewer_id": viewer_id}).all()
    if not found:
        raise UserNotFound()
    rows = [RatingRow(*row[1:]) for row in found if row.id is not None]
    shown = rows[: page.limit]
    next_key = (shown[-1].created_at, shown[-1].id) if len(rows) > page.limit else None
    return Page(shown, total=found[0].total, next_key=next_key)
