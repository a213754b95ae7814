"""Ratings in tests."""

from uuid import UUID

from sqlalchemy import Connection, func, select

from kcardswap.persistence.orm.ratings import rating_totals, ratings
from kcardswap.runtime import Runtime
from kcardswap.services import ratings as services
from tests.swaps import accept, complete, make_cards, propose


def rate(
    runtime: Runtime,
    by: UUID,
    whom: UUID,
    score: int = 5,
    *,
    trade_id: UUID | None = None,
    comment: str | None = None,
) -> UUID:
    """Rate somebody, for a swap or as a friend."""
    return services.rate(
        runtime.unit_of_work(), by=by, rated_user_id=whom, score=score, comment=comment, trade_id=trade_id
    )


def swap(runtime: Runtime, a: UUID, b: UUID) -> UUID:
    """Let two friends complete a swap and return it."""
    trade_id = propose(runtime, a, b, make_cards(runtime, a, 1), make_cards(runtime, b, 1))
    accept(runtime, trade_id, b)
    for person in (a, b):
        complete(runtime, trade_id, person)
    return trade_id


def kept_totals(connection: Connection) -> dict[UUID, tuple[int, int]]:
    """Return what is kept about everybody: how many ratings, and the sum of their scores."""
    rows = connection.execute(select(rating_totals))
    return {row.user_id: (row.ratings, row.score_sum) for row in rows}


def real_totals(connection: Connection) -> dict[UUID, tuple[int, int]]:
    """Return the same, counted from the ratings themselves."""
    person = ratings.c.rated_user_id
    rows = connection.execute(select(person, func.count(), func.sum(ratings.c.score)).group_by(person))
    return {user_id: (count, total) for user_id, count, total in rows}
