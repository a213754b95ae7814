"""Likes, comments and interests on a real database."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, func, select

from kcardswap.domain.errors import Blocked, NotOwner
from kcardswap.domain.posts import (
    CommentNotFound,
    PostNotFound,
    PostNotOpen,
)
from kcardswap.persistence.orm.moderation import audit_log
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.persistence.orm.posts import post_comments, post_likes, posts
from kcardswap.runtime import Runtime
from kcardswap.services import friendships as friendship_services
from tests.conftest import MovableClock
from tests.people import delete, make_user, suspend
from tests.posts import (
    close,
    comment,
    like,
    make_post,
    remove,
    remove_comment,
    want,
)


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


def counts(connection: Connection, post_id: UUID) -> tuple[int, int]:
    row = connection.execute(
        select(posts.c.like_count, posts.c.comment_count).where(posts.c.id == post_id)
    ).one()
    return row.like_count, row.comment_count


def payloads(connection: Connection, event_type: str) -> list[dict[str, Any]]:
    statement = select(outbox.c.payload).where(outbox.c.event_type == event_type)
    return list(connection.scalars(statement.order_by(outbox.c.id)))


def block(runtime: Runtime, by: UUID, target: UUID) -> None:
    friendship_services.block(runtime.unit_of_work(), by=by, target_id=target)


# What every reaction passes

REACTIONS = {"like": like, "comment": comment, "want": want}
each_reaction = pytest.mark.parametrize("react", REACTIONS.values(), ids=REACTIONS)


@each_reaction
def test_nobody_reacts_to_a_post_that_is_not_open(
    runtime: Runtime, clock: MovableClock, mina: UUID, jun: UUID, post_id: UUID, react: Any
) -> None:
    closed = make_post(runtime, mina)
    close(runtime, closed, mina)
    with pytest.raises(PostNotOpen) as refusal:
        react(runtime, closed, jun)
    assert refusal.value.details["status"] == "closed"
    clock.advance(days=14)
    with pytest.raises(PostNotOpen) as refusal:
        react(runtime, post_id, jun)
    assert refusal.value.details["status"] == "expired"


@each_reaction
def test_nobody_reacts_to_a_post_that_is_not_there(
    runtime: Runtime, mina: UUID, jun: UUID, post_id: UUID, react: Any
) -> None:
    remove(runtime, post_id, mina)
    for missing in (post_id, uuid4()):
        with pytest.raises(PostNotFound):
            react(runtime, missing, jun)


@each_reaction
def test_nobody_reacts_to_a_suspended_or_deleted_person(runtime: Runtime, jun: UUID, react: Any) -> None:
    suspended, gone = make_user(runtime, "suspended"), make_user(runtime, "gone")
    theirs = make_post(runtime, suspended), make_post(runtime, gone)
    suspend(runtime, suspended)
    delete(runtime, gone)
    for post_id in theirs:
        with pytest.raises(PostNotFound):
            react(runtime, post_id, jun)


@each_reaction
def test_nobody_reacts_across_a_block_whoever_made_it(
    runtime: Runtime, mina: UUID, jun: UUID, post_id: UUID, react: Any
) -> None:
    yuna = make_user(runtime, "yuna")
    block(runtime, mina, jun)
    block(runtime, yuna, mina)
    for person in (jun, yuna):
        with pytest.raises(Blocked):
            react(runtime, post_id, person)


# Likes


def test_liking_twice_takes_the_like_back(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, post_id: UUID
) -> None:
    before = connection.scalar(select(posts.c.updated_at).where(posts.c.id == post_id))
    assert like(runtime, post_id, jun) == (True, 1)
    assert like(runtime, post_id, mina) == (True, 2)
    assert like(runtime, post_id, jun) == (False, 1)
    assert like(runtime, post_id, jun) == (True, 2)
    assert connection.scalar(select(func.count()).select_from(post_likes)) == 2
    assert counts(connection, post_id) == (2, 0)
    assert connection.scalar(select(posts.c.updated_at).where(posts.c.id == post_id)) == before
    ids = {"post_id": str(post_id), "owner_id": str(mina)}
    assert payloads(connection, "PostLiked") == [{**ids, "user_id": str(user)} for user in (jun, mina, jun)]


# Comments


def test_a_comment_is_stored_counted_and_told(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, post_id: UUID
) -> None:
    comment_id = comment(runtime, post_id, jun, "想換！")
    stored = connection.execute(select(post_comments)).one()
    assert (stored.id, stored.post_id, stored.user_id, stored.content) == (comment_id, post_id, jun, "想換！")
    assert counts(connection, post_id) == (0, 1)
    assert payloads(connection, "PostCommented") == [
        {
            "post_id": str(post_id),
            "owner_id": str(mina),
            "comment_id": str(comment_id),
            "user_id": str(jun),
        }
    ]


def test_author_owner_and_moderators_delete_a_comment_and_only_the_last_is_audited(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, post_id: UUID
) -> None:
    root, nosy = make_user(runtime, "root"), make_user(runtime, "nosy")
    first, second, third = (comment(runtime, post_id, jun) for _ in range(3))
    with pytest.raises(NotOwner):
        remove_comment(runtime, post_id, first, nosy)
    remove_comment(runtime, post_id, first, jun, may_moderate=True)
    remove_comment(runtime, post_id, second, mina)
    assert connection.scalar(select(func.count()).select_from(audit_log)) == 0
    remove_comment(runtime, post_id, third, root, may_moderate=True)
    audited = connection.execute(select(audit_log)).one()
    assert (audited.actor_id, audited.action, audited.target_id) == (root, "delete_comment", third)
    assert audited.details == {"post_id": str(post_id), "user_id": str(jun)}
    deleted = connection.execute(select(post_comments.c.id, post_comments.c.deleted_by)).all()
    assert {row.id: row.deleted_by for row in deleted} == {first: jun, second: mina, third: root}
    assert counts(connection, post_id) == (0, 0)


def test_a_comment_is_deleted_once_and_only_below_its_post(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, post_id: UUID
) -> None:
    comment_id, other = comment(runtime, post_id, jun), make_post(runtime, mina)
    for wrong_post, wrong_comment in ((other, comment_id), (post_id, uuid4())):
        with pytest.raises(CommentNotFound):
            remove_comment(runtime, wrong_post, wrong_comment, jun)
    with pytest.raises(PostNotFound):
        remove_comment(runtime, uuid4(), comment_id, jun)
    remove_comment(runtime, post_id, comment_id, jun)
    with pytest.raises(CommentNotFound):
        remove_comment(runtime, post_id, comment_id, jun)
    assert counts(connection, post_id) == (0, 0)


def test_own_words_can_be_taken_back_from_closed_posts_and_across_blocks(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, post_id: UUID
) -> None:
    comment_id = comment(runtime, post_id, jun)
    close(runtime, post_id, mina)
    block(runtime, mina, jun)
    remove_comment(runtime, post_id, comment_id, jun)
    assert counts(connection, post_id) == (0, 0)
