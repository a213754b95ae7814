"""Ratings as others read them, and averages wherever people are shown."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, insert, text

from kcardswap.domain.accounts import UserNotFound
from kcardswap.persistence.orm.ratings import rating_totals
from kcardswap.queries import friendships as friend_queries
from kcardswap.queries import profiles, ratings
from kcardswap.queries.friendships import FriendListStatus
from kcardswap.queries.keyset import Page, PageRequest
from kcardswap.queries.ratings import RatingRow
from kcardswap.runtime import Runtime
from kcardswap.services import friendships
from tests.conftest import MovableClock
from tests.people import delete, make_user, suspend
from tests.ratings import rate, swap
from tests.swaps import befriend_all


def listed(connection: Connection, user_id: UUID, viewer_id: UUID, **page: Any) -> Page[RatingRow]:
    request = PageRequest(**{"limit": 10, **page})
    return ratings.ratings_of(connection, user_id=user_id, viewer_id=viewer_id, page=request)


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


@pytest.fixture
def raters(runtime: Runtime, mina: UUID) -> list[UUID]:
    """Three friends of Mina's."""
    friends = [make_user(runtime, name) for name in ("jun", "sora", "haru")]
    befriend_all(runtime, [(friend, mina) for friend in friends])
    return friends


def test_ratings_are_read_newest_first_page_after_page_in_one_statement(
    runtime: Runtime,
    connection: Connection,
    clock: MovableClock,
    mina: UUID,
    raters: list[UUID],
    count_sql: Callable[[], Any],
) -> None:
    trade_id = swap(runtime, raters[0], mina)
    given = [rate(runtime, raters[0], mina, 3, trade_id=trade_id, comment="Fine.")]
    for rater in raters:
        clock.advance(seconds=1)
        given.append(rate(runtime, rater, mina))
    # What Mina says about others is not about her.
    rate(runtime, mina, raters[0], 1)
    with count_sql() as sent:
        page = listed(connection, mina, raters[1])
        assert sent() == 1
    assert [row.id for row in page.rows] == given[::-1]
    assert (page.total, page.next_key) == (4, None)
    oldest = page.rows[-1]
    assert (oldest.rater_id, oldest.rated_user_id, oldest.trade_id) == (raters[0], mina, trade_id)
    assert (oldest.score, oldest.comment) == (3, "Fine.")
    assert page.rows[0].trade_id is None and page.rows[0].comment is None
    part = listed(connection, mina, mina, limit=2, offset=1)
    assert ([row.id for row in part.rows], part.total) == (given[::-1][1:3], 4)
    assert part.next_key == (part.rows[-1].created_at, part.rows[-1].id)
    beyond = listed(connection, mina, mina, offset=10)
    assert (beyond.rows, beyond.total) == ([], 4)


def test_ratings_of_people_who_left_stay_and_count(
    runtime: Runtime, connection: Connection, mina: UUID, raters: list[UUID]
) -> None:
    for rater in raters:
        rate(runtime, rater, mina, 4)
    friendships.block(runtime.unit_of_work(), by=raters[0], target_id=mina)
    suspend(runtime, raters[1])
    delete(runtime, raters[2])
    assert {row.rater_id for row in listed(connection, mina, mina).rows} == set(raters)
    assert ratings.average(connection, user_id=mina, viewer_id=mina) == (mina, 4.0, 3)


def test_people_nobody_rated_have_an_average_of_zero(connection: Connection, mina: UUID) -> None:
    assert listed(connection, mina, mina) == Page([], 0, None)
    assert ratings.average(connection, user_id=mina, viewer_id=mina) == (mina, 0.0, 0)


def test_ratings_of_people_who_are_not_there_are_not_there_either(
    runtime: Runtime, connection: Connection, mina: UUID, raters: list[UUID]
) -> None:
    jun, sora, haru = raters
    rate(runtime, mina, jun)
    friendships.block(runtime.unit_of_work(), by=jun, target_id=mina)
    delete(runtime, sora)
    for gone in (jun, sora, uuid4()):
        with pytest.raises(UserNotFound):
            listed(connection, gone, mina)
        with pytest.raises(UserNotFound):
            ratings.average(connection, user_id=gone, viewer_id=mina)
    # Whoever blocked can still look, and a suspended person is only not rated any more.
    assert listed(connection, mina, jun).total == 0
    suspend(runtime, haru)
    assert listed(connection, haru, mina).total == 0


@pytest.mark.parametrize(
    ("count", "score_sum", "shown"),
    [(1, 5, 5.0), (3, 14, 4.67), (3, 13, 4.33), (8, 33, 4.13), (200, 899, 4.5), (100_000, 399_999, 4.0)],
    ids=["one", "up", "down", "half", "nearly_half", "many"],
)
def test_averages_are_rounded_to_two_decimals_everywhere(
    runtime: Runtime,
    connection: Connection,
    clock: MovableClock,
    mina: UUID,
    raters: list[UUID],
    count: int,
    score_sum: int,
    shown: float,
) -> None:
    connection.execute(insert(rating_totals).values(user_id=mina, ratings=count, score_sum=score_sum))
    now, viewer = clock.now(), raters[0]
    assert ratings.average(connection, user_id=mina, viewer_id=viewer) == (mina, shown, count)
    profile = profiles.public(connection, user_id=mina, viewer_id=viewer, now=now)
    assert (profile.average_score, profile.total_ratings) == (shown, count)
    (friend,) = friend_queries.people(
        connection,
        viewer_id=viewer,
        status=FriendListStatus.ACCEPTED,
        now=now,
        page=PageRequest(limit=10),
    ).rows
    assert friend.average_score == shown


def test_a_thousand_ratings_cost_a_profile_no_more_than_one(
    connection: Connection, clock: MovableClock, mina: UUID, raters: list[UUID]
) -> None:
    connection.execute(
        text(
            "INSERT INTO users (id, role, status, created_at, updated_at)"
            " SELECT gen_random_uuid(), 'user', 'active', now(), now() FROM generate_series(1, 1000)"
        )
    )
    connection.execute(
        text(
            "INSERT INTO ratings (id, rater_id, rated_user_id, score, created_at)"
            " SELECT gen_random_uuid(), id, :mina, 5, now() FROM users WHERE email IS NULL"
        ),
        {"mina": mina},
    )
    connection.execute(text("SET LOCAL enable_seqscan = off"))

    def rows_read() -> int:
        return int(
            connection.scalar(
                text(
                    "SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)"
                    " FROM pg_stat_xact_user_tables WHERE relname = 'ratings'"
                )
            )
            or 0
        )

    before = rows_read()
    profiles.public(connection, user_id=mina, viewer_id=raters[0], now=clock.now())
    ratings.average(connection, user_id=mina, viewer_id=raters[0])
    assert rows_read() == before
    listed(connection, mina, raters[0], limit=10)
    # One more tells whether there is a next page.
    assert rows_read() - before == 11
