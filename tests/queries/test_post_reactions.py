"""What people say about posts and who is interested in them: who gets to see what, in which order."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, insert

from kcardswap.domain.errors import NotOwner
from kcardswap.domain.posts import (
    CommentNotFound,
    InterestNotFound,
    InterestStatus,
    PostNotFound,
)
from kcardswap.persistence.orm.friendships import blocks
from kcardswap.queries import post_reactions, posts
from kcardswap.queries.keyset import Page, PageRequest
from kcardswap.queries.posts import PostRow
from kcardswap.runtime import Runtime
from kcardswap.services import friendships as friendship_services
from tests.conftest import MovableClock
from tests.people import delete, make_user, suspend
from tests.posts import (
    accept_interest,
    comment,
    make_post,
    reject_interest,
    remove,
    remove_comment,
    want,
)

CountSql = Callable[[], Any]


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


@pytest.fixture
def jun(runtime: Runtime) -> UUID:
    return make_user(runtime, "jun")


@pytest.fixture
def show(connection: Connection, clock: MovableClock) -> Callable[..., PostRow]:
    """Reads one post for somebody."""

    def read(post_id: UUID, viewer: UUID, *, sees_all: bool = False) -> PostRow:
        return posts.post(connection, post_id=post_id, viewer_id=viewer, sees_all=sees_all, now=clock.now())

    return read


@pytest.fixture
def talk(connection: Connection, clock: MovableClock) -> Callable[..., Page[Any]]:
    """Reads the comments of a post for somebody."""

    def read(post_id: UUID, viewer: UUID, *, sees_all: bool = False, **page: Any) -> Any:
        return post_reactions.comments_of(
            connection,
            post_id=post_id,
            viewer_id=viewer,
            sees_all=sees_all,
            now=clock.now(),
            page=PageRequest(**{"limit": 10, **page}),
        )

    return read


@pytest.fixture
def interests(connection: Connection, clock: MovableClock) -> Callable[..., Page[Any]]:
    """Reads who is interested in a post for somebody."""

    def read(post_id: UUID, viewer: UUID, status: InterestStatus | None = None) -> Any:
        return post_reactions.interests_in(
            connection,
            post_id=post_id,
            viewer_id=viewer,
            status=status,
            now=clock.now(),
            page=PageRequest(10),
        )

    return read


def ids(page: Page[Any]) -> list[UUID]:
    return [row.id for row in page.rows]


def block(runtime: Runtime, by: UUID, target: UUID) -> None:
    friendship_services.block(runtime.unit_of_work(), by=by, target_id=target)


def test_comments_come_newest_first_without_deleted_ones_and_hidden_people(
    runtime: Runtime, clock: MovableClock, talk: Any, mina: UUID, jun: UUID
) -> None:
    post_id, other = make_post(runtime, mina), make_post(runtime, mina)
    names = ("deleted", "suspended", "blocking", "blocked")
    people = {name: make_user(runtime, name) for name in names}
    for person in people.values():
        comment(runtime, post_id, person)
    comment(runtime, other, jun)
    remove_comment(runtime, post_id, comment(runtime, post_id, jun), jun)
    first = comment(runtime, post_id, jun, "first")
    clock.advance(seconds=1)
    second = comment(runtime, post_id, mina, "second")
    delete(runtime, people["deleted"])
    suspend(runtime, people["suspended"])
    block(runtime, people["blocking"], jun)
    block(runtime, jun, people["blocked"])
    found = talk(post_id, jun)
    assert ids(found) == [second, first]
    assert found.total == 2
    assert [(row.user_nickname, row.content, row.post_id) for row in found.rows] == [
        ("Mina", "second", post_id),
        ("Jun", "first", post_id),
    ]
    page = talk(post_id, jun, limit=1)
    assert ids(talk(post_id, jun, limit=1, after=page.next_key)) == [first]


def test_the_count_of_comments_is_the_same_for_everybody(
    runtime: Runtime, show: Any, talk: Any, mina: UUID, jun: UUID
) -> None:
    post_id, yuna = make_post(runtime, mina), make_user(runtime, "yuna")
    comment(runtime, post_id, jun)
    comment(runtime, post_id, yuna)
    suspend(runtime, jun)
    assert show(post_id, mina).comment_count == show(post_id, yuna).comment_count == 2
    assert talk(post_id, mina).total == 1


def test_the_comments_of_a_hidden_post_are_hidden_too(
    runtime: Runtime, talk: Any, mina: UUID, jun: UUID
) -> None:
    post_id, empty, removed = (make_post(runtime, mina) for _ in range(3))
    comment(runtime, post_id, mina)
    comment(runtime, removed, mina)
    assert talk(empty, jun).rows == []
    remove(runtime, removed, mina)
    block(runtime, mina, jun)
    for hidden in (post_id, empty, removed, uuid4()):
        with pytest.raises(PostNotFound):
            talk(hidden, jun)
    assert len(talk(removed, make_user(runtime, "root"), sees_all=True).rows) == 1


def test_comments_are_one_statement(
    runtime: Runtime, talk: Any, count_sql: CountSql, mina: UUID, jun: UUID
) -> None:
    post_id = make_post(runtime, mina)
    for _ in range(3):
        comment(runtime, post_id, jun)
    with count_sql() as sent:
        first = talk(post_id, mina, limit=2)
        talk(post_id, mina, limit=2, after=first.next_key)
        assert sent() == 2


def test_a_comment_that_is_not_below_the_post_is_not_found(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    comment_id = comment(runtime, make_post(runtime, mina), mina)
    with pytest.raises(CommentNotFound):
        post_reactions.comment(connection, post_id=uuid4(), comment_id=comment_id)


# Interests


def test_owners_see_who_is_interested_newest_first(
    runtime: Runtime, clock: MovableClock, interests: Any, mina: UUID, jun: UUID
) -> None:
    post_id = make_post(runtime, mina)
    names = ("yuna", "sana", "deleted", "suspended", "blocked", "blocking")
    people = {name: make_user(runtime, name) for name in names}
    wanted = {}
    for name, person in {"jun": jun, **people}.items():
        clock.advance(seconds=1)
        wanted[name] = want(runtime, post_id, person)
    want(runtime, make_post(runtime, mina), jun)
    accept_interest(runtime, post_id, wanted["yuna"], mina)
    reject_interest(runtime, post_id, wanted["sana"], mina)
    delete(runtime, people["deleted"])
    suspend(runtime, people["suspended"])
    block(runtime, mina, people["blocked"])
    block(runtime, people["blocking"], mina)
    found = interests(post_id, mina)
    assert ids(found) == [wanted["sana"], wanted["yuna"], wanted["jun"]]
    assert [(row.user_nickname, row.status.value) for row in found.rows] == [
        ("Sana", "rejected"),
        ("Yuna", "accepted"),
        ("Jun", "pending"),
    ]
    assert found.total == 3
    assert ids(interests(post_id, mina, InterestStatus.PENDING)) == [wanted["jun"]]


def test_interests_are_for_the_owner(
    runtime: Runtime, connection: Connection, interests: Any, count_sql: CountSql, mina: UUID, jun: UUID
) -> None:
    post_id, empty, removed = (make_post(runtime, mina) for _ in range(3))
    want(runtime, post_id, jun)
    remove(runtime, removed, mina)
    for foreign in (post_id, empty):
        with pytest.raises(NotOwner):
            interests(foreign, jun)
    for missing in (removed, uuid4()):
        with pytest.raises(PostNotFound):
            interests(missing, mina)
    assert interests(empty, mina).rows == []
    with count_sql() as sent:
        interests(post_id, mina)
        assert sent() == 1
    block(runtime, mina, jun)
    with pytest.raises(PostNotFound):
        interests(post_id, jun)


def test_one_interest_is_for_the_two_it_concerns(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID
) -> None:
    post_id, other, yuna = make_post(runtime, mina), make_post(runtime, mina), make_user(runtime, "yuna")
    interest_id = want(runtime, post_id, jun)

    def show(viewer: UUID, *, post: UUID = post_id, interest: UUID = interest_id) -> Any:
        return post_reactions.interest(connection, post_id=post, interest_id=interest, viewer_id=viewer)

    left = make_user(runtime, "left")
    lost = want(runtime, post_id, left)
    delete(runtime, left)
    with pytest.raises(InterestNotFound):
        show(mina, interest=lost)
    assert show(mina) == show(jun)
    assert (show(mina).user_nickname, show(mina).status) == ("Jun", "pending")
    with pytest.raises(NotOwner):
        show(yuna)
    for wrong in ({"post": other}, {"interest": uuid4()}):
        with pytest.raises(InterestNotFound):
            show(mina, **wrong)
    with pytest.raises(PostNotFound):
        show(mina, post=uuid4())
    connection.execute(
        insert(blocks).values(id=uuid4(), blocker_id=mina, blocked_id=jun, created_at=runtime.clock.now())
    )
    with pytest.raises(PostNotFound):
        show(jun)
