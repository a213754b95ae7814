"""Reactions and limits of posts under parallel callers, with real commits."""

from collections import Counter
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import func, select

from kcardswap.domain.errors import Blocked, LimitExceeded
from kcardswap.domain.posts import CommentNotFound, InterestExists, InterestNotPending, PostNotOpen
from kcardswap.persistence.orm.conversations import threads
from kcardswap.persistence.orm.friendships import friendships
from kcardswap.persistence.orm.media import media_assets
from kcardswap.persistence.orm.posts import post_comments, post_interests, post_likes, posts
from kcardswap.runtime import Runtime
from kcardswap.services import friendships as friendship_services
from kcardswap.services import media as media_services
from kcardswap.services import posts as services
from tests.conftest import MovableClock
from tests.people import make_user
from tests.posts import (
    accept_interest,
    close,
    comment,
    create,
    like,
    make_picture,
    make_post,
    miscounted,
    reject_interest,
    remove_comment,
    want,
)
from tests.racing import at_once

CALLERS = 16


@pytest.fixture
def runtime(committed_runtime: Runtime) -> Runtime:
    """A runtime with real commits."""
    return committed_runtime


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


@pytest.fixture
def jun(runtime: Runtime) -> UUID:
    return make_user(runtime, "jun")


@pytest.fixture
def post_id(runtime: Runtime, mina: UUID) -> UUID:
    """An open post of Mina."""
    return make_post(runtime, mina)


def count(runtime: Runtime, table: object) -> int:
    with runtime.database.reader() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0  # type: ignore[arg-type]


def assert_counted(runtime: Runtime, post_id: UUID, *, likes: int, comments: int = 0) -> None:
    with runtime.database.reader() as connection:
        row = connection.execute(select(posts).where(posts.c.id == post_id)).one()
        assert (row.like_count, row.comment_count) == (likes, comments)
        assert miscounted(connection) == []


def test_one_person_toggling_sixteen_times_at_once_likes_as_before(
    runtime: Runtime, jun: UUID, post_id: UUID
) -> None:
    results = at_once(*[partial(like, runtime, post_id, jun)] * CALLERS)
    # Each saw what the one before it left, so the answers alternate.
    assert Counter(results) == {(True, 1): CALLERS // 2, (False, 0): CALLERS // 2}
    assert_counted(runtime, post_id, likes=0)
    at_once(*[partial(like, runtime, post_id, jun)] * (CALLERS - 1))
    assert count(runtime, post_likes) == 1
    assert_counted(runtime, post_id, likes=1)


def test_sixteen_people_liking_at_once_are_sixteen_likes(runtime: Runtime, post_id: UUID) -> None:
    people = [make_user(runtime, f"person{n}") for n in range(CALLERS)]
    results = at_once(*[partial(like, runtime, post_id, person) for person in people])
    assert sorted(likes for _, likes in results) == list(range(1, CALLERS + 1))
    assert_counted(runtime, post_id, likes=CALLERS)


def test_comments_likes_and_deletions_at_once_are_counted_exactly(
    runtime: Runtime, mina: UUID, jun: UUID, post_id: UUID
) -> None:
    there = [comment(runtime, post_id, jun) for _ in range(4)]
    deletions = [
        partial(remove_comment, runtime, post_id, comment_id, by)
        for comment_id in there
        for by in (mina, jun)
    ]
    results = at_once(
        *deletions,
        *[partial(comment, runtime, post_id, mina)] * 4,
        *[partial(comment, runtime, post_id, jun)] * 3,
        partial(like, runtime, post_id, jun),
    )
    # Each comment is deleted by one of the two.
    assert Counter(map(type, results[: len(deletions)])) == {type(None): 4, CommentNotFound: 4}
    assert_counted(runtime, post_id, likes=1, comments=7)
    assert count(runtime, post_comments) == 11


def test_sixteen_posts_at_once_never_pass_the_limit_of_the_day(
    runtime: Runtime, clock: MovableClock, mina: UUID
) -> None:
    results = at_once(*[partial(create, runtime, mina)] * CALLERS)
    refusals = [result for result in results if isinstance(result, LimitExceeded)]
    assert len(refusals) == CALLERS - 2 and count(runtime, posts) == 2
    resets = runtime.quota_calendar.day(clock.now()).reset_at
    for refusal in refusals:
        assert refusal.details["limit_key"] == "posts_per_day"
        assert (refusal.details["current_value"], refusal.details["reset_at"]) == (2, resets)


def test_pictures_attached_at_once_never_pass_the_limit_of_a_post(
    runtime: Runtime, mina: UUID, post_id: UUID
) -> None:
    def attach(media_id: UUID) -> None:
        media_services.attach_to_post(runtime.unit_of_work(), media_id=media_id, post_id=post_id, by=mina)

    pictures = [make_picture(runtime, mina) for _ in range(8)]
    results = at_once(*[partial(attach, media_id) for media_id in pictures])
    assert Counter(map(type, results)) == {type(None): 1, LimitExceeded: 7}
    with runtime.database.reader() as connection:
        attached = select(media_assets.c.position).where(media_assets.c.target_id == post_id)
        assert list(connection.scalars(attached)) == [0]


def test_one_interest_expressed_sixteen_times_at_once_is_one(
    runtime: Runtime, jun: UUID, post_id: UUID
) -> None:
    results = at_once(*[partial(want, runtime, post_id, jun)] * CALLERS)
    assert Counter(map(type, results)) == {UUID: 1, InterestExists: CALLERS - 1}
    assert count(runtime, post_interests) == 1


def test_an_interest_is_answered_once(runtime: Runtime, mina: UUID, jun: UUID) -> None:
    for _ in range(5):
        post_id = make_post(runtime, mina)
        interest_id = want(runtime, post_id, jun)
        accepting = partial(accept_interest, runtime, post_id, interest_id, mina)
        rejecting = partial(reject_interest, runtime, post_id, interest_id, mina)
        results = at_once(*[accepting] * 4, *[rejecting] * 4)
        assert Counter(map(type, results))[InterestNotPending] == 7


def test_interests_both_ways_accepted_at_once_make_one_friendship_and_one_conversation(
    runtime: Runtime, mina: UUID, jun: UUID, post_id: UUID
) -> None:
    juns = make_post(runtime, jun)
    minas_wish, juns_wish = want(runtime, juns, mina), want(runtime, post_id, jun)
    first, second = at_once(
        partial(accept_interest, runtime, post_id, juns_wish, mina),
        partial(accept_interest, runtime, juns, minas_wish, jun),
    )
    assert {first.friendship_created, second.friendship_created} == {True, False}
    assert first.chat_room_id == second.chat_room_id
    assert count(runtime, friendships) == count(runtime, threads) == 1


def test_nothing_slips_past_a_block(runtime: Runtime, mina: UUID) -> None:
    for n in range(5):
        jun, post_id = make_user(runtime, f"jun{n}"), make_post(runtime, mina)
        answered = make_post(runtime, mina)
        interest_id = want(runtime, answered, jun)
        block = partial(friendship_services.block, runtime.unit_of_work(), by=mina, target_id=jun)
        at_once(
            block,
            partial(want, runtime, post_id, jun),
            partial(accept_interest, runtime, answered, interest_id, mina),
            partial(like, runtime, post_id, jun),
        )
        with runtime.database.reader() as connection:
            waiting = select(func.count()).where(
                post_interests.c.user_id == jun, post_interests.c.status == "pending"
            )
            assert connection.scalar(waiting) == 0
            assert miscounted(connection) == []
        assert count(runtime, friendships) == 0
        for refused in (partial(like, runtime, post_id, jun), partial(want, runtime, post_id, jun)):
            with pytest.raises(Blocked):
                refused()


def test_what_is_closed_meanwhile_is_not_answered_any_more(runtime: Runtime, mina: UUID, jun: UUID) -> None:
    for _ in range(5):
        post_id = make_post(runtime, mina)
        interest_id = want(runtime, post_id, jun)
        at_once(
            partial(close, runtime, post_id, mina),
            partial(accept_interest, runtime, post_id, interest_id, mina),
            partial(comment, runtime, post_id, jun),
        )
        with pytest.raises((PostNotOpen, InterestNotPending)):
            accept_interest(runtime, post_id, interest_id, mina)
        with runtime.database.reader() as connection:
            assert miscounted(connection) == []


def test_jobs_at_once_expire_each_post_once(runtime: Runtime, clock: MovableClock, mina: UUID) -> None:
    for _ in range(10):
        make_post(runtime, mina)
    clock.advance(days=14)
    expiring = partial(services.expire_overdue, limit=4)
    done = at_once(*[lambda: expiring(runtime.unit_of_work())] * 4)
    done += [expiring(runtime.unit_of_work()) for _ in range(3)]
    assert sum(done) == 10
