"""The feed and what people say about posts: who gets to see what, in which order, in how many statements."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, update

from kcardswap.domain.message_requests import MessageRequest
from kcardswap.domain.posts import (
    PostCategory,
    PostNotFound,
    PostStatus,
)
from kcardswap.persistence.orm.profiles import profiles
from kcardswap.queries import posts
from kcardswap.queries.keyset import Page, PageRequest
from kcardswap.queries.media import readable
from kcardswap.queries.posts import PostRow
from kcardswap.runtime import Runtime
from kcardswap.services import friendships as friendship_services
from kcardswap.services import media as media_services
from tests.conftest import MovableClock
from tests.people import delete, make_user, suspend
from tests.posts import (
    close,
    comment,
    like,
    make_picture,
    make_post,
    remove,
)
from tests.premium import make_premium
from tests.swaps import befriend

CountSql = Callable[[], Any]


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


@pytest.fixture
def jun(runtime: Runtime) -> UUID:
    return make_user(runtime, "jun")


@pytest.fixture
def feed(connection: Connection, clock: MovableClock) -> Callable[..., Page[PostRow]]:
    """Reads the feed for somebody, with filters."""

    def read(viewer: UUID, *, limit: int = 10, after: Any = None, offset: int = 0, **filters: Any) -> Any:
        page = PageRequest(limit, offset, after)
        return posts.feed(connection, viewer_id=viewer, filters=filters, now=clock.now(), page=page)

    return read


@pytest.fixture
def show(connection: Connection, clock: MovableClock) -> Callable[..., PostRow]:
    """Reads one post for somebody."""

    def read(post_id: UUID, viewer: UUID, *, sees_all: bool = False) -> PostRow:
        return posts.post(connection, post_id=post_id, viewer_id=viewer, sees_all=sees_all, now=clock.now())

    return read


def ids(page: Page[Any]) -> list[UUID]:
    return [row.id for row in page.rows]


def block(runtime: Runtime, by: UUID, target: UUID) -> None:
    friendship_services.block(runtime.unit_of_work(), by=by, target_id=target)


# The feed


def test_the_feed_holds_open_posts_newest_first(
    runtime: Runtime, clock: MovableClock, feed: Any, mina: UUID, jun: UUID
) -> None:
    over = make_post(runtime, mina, expires_at=clock.now() + timedelta(hours=1))
    first = make_post(runtime, mina)
    clock.advance(hours=1)
    second, closed, deleted = (make_post(runtime, jun) for _ in range(3))
    close(runtime, closed, jun)
    remove(runtime, deleted, jun)
    clock.advance(seconds=1)
    third = make_post(runtime, mina, city_code="TPE")
    found = feed(jun)
    assert ids(found) == [third, second, first]
    assert found.total == 3
    assert over not in ids(feed(mina))


def test_the_feed_leaves_out_people_who_are_hidden_from_the_viewer(
    runtime: Runtime, clock: MovableClock, feed: Any, mina: UUID
) -> None:
    names = ("there", "deleted", "suspended", "blocking", "blocked")
    people = {name: make_user(runtime, name) for name in names}
    written = {name: make_post(runtime, person) for name, person in people.items()}
    delete(runtime, people["deleted"])
    suspend(runtime, people["suspended"])
    block(runtime, people["blocking"], mina)
    block(runtime, mina, people["blocked"])
    found = feed(mina)
    assert (ids(found), found.total) == ([written["there"]], 1)
    assert feed(mina, owner_id=people["blocked"]).rows == []
    # Others still see them.
    assert set(ids(feed(people["there"]))) == {written[name] for name in ("there", "blocking", "blocked")}


def test_a_suspension_past_its_end_hides_nothing(
    runtime: Runtime, connection: Connection, clock: MovableClock, feed: Any, mina: UUID, jun: UUID
) -> None:
    post_id = make_post(runtime, jun)
    suspend(runtime, jun)
    uow = runtime.unit_of_work()
    with uow:
        uow.users.get(jun).suspended_until = clock.now() + timedelta(hours=1)
        uow.commit()
    assert ids(feed(mina)) == []
    clock.advance(hours=1)
    assert ids(feed(mina)) == [post_id]


def test_filters_narrow_the_feed(runtime: Runtime, feed: Any, mina: UUID, jun: UUID) -> None:
    everywhere = make_post(runtime, mina, idol="Yu Jin", idol_group="IVE")
    taipei = make_post(runtime, mina, city_code="TPE", category=PostCategory.HELP)
    tainan = make_post(runtime, jun, city_code="TNN", idol="YUJIN!", idol_group="i v e")
    assert set(ids(feed(mina))) == {everywhere, taipei, tainan}
    assert ids(feed(mina, city_code="TPE")) == [taipei]
    assert ids(feed(mina, city_code="KIN")) == []
    assert ids(feed(mina, category=PostCategory.HELP)) == [taipei]
    assert set(ids(feed(mina, idol="yu-jin"))) == {everywhere, tainan}
    assert ids(feed(mina, idol="ＹｕＪｉｎ", city_code="TNN")) == [tainan]
    assert set(ids(feed(mina, idol_group="IVE"))) == {everywhere, tainan}
    assert ids(feed(mina, idol_group="IVE", owner_id=jun)) == [tainan]
    assert ids(feed(mina, idol="!!!")) == []
    assert ids(feed(mina, owner_id=uuid4())) == []


def test_pages_by_key_and_by_offset_hold_the_same_posts(
    runtime: Runtime, clock: MovableClock, feed: Any, mina: UUID
) -> None:
    # All at one moment: only their ids tell them apart.
    made = sorted(make_post(runtime, mina) for _ in range(7))
    first = feed(mina, limit=3)
    second = feed(mina, limit=3, after=first.next_key)
    third = feed(mina, limit=3, after=second.next_key)
    assert [*ids(first), *ids(second), *ids(third)] == made
    assert (first.total, second.total, third.next_key) == (7, None, None)
    assert ids(feed(mina, limit=3, offset=3)) == ids(second)


def test_a_post_tells_its_owner_its_likes_its_comments_and_its_pictures(
    runtime: Runtime,
    connection: Connection,
    clock: MovableClock,
    feed: Any,
    show: Any,
    mina: UUID,
    jun: UUID,
) -> None:
    make_premium(runtime, mina)
    post_id, other = make_post(runtime, mina), make_post(runtime, mina)
    pictures = [make_picture(runtime, mina) for _ in range(3)]
    for media_id in reversed(pictures):
        media_services.attach_to_post(runtime.unit_of_work(), media_id=media_id, post_id=post_id, by=mina)
    connection.execute(
        update(profiles).where(profiles.c.user_id == mina).values(avatar_url="https://x.test/a")
    )
    like(runtime, post_id, jun)
    like(runtime, post_id, mina)
    like(runtime, other, mina)
    comment(runtime, post_id, jun)
    rows = {row.id: row for row in feed(jun).rows}
    row = rows[post_id]
    assert row == show(post_id, jun)
    assert (row.owner_id, row.owner_nickname, row.owner_avatar_url) == (mina, "Mina", "https://x.test/a")
    assert (row.like_count, row.liked_by_me, row.comment_count) == (2, True, 1)
    assert row.media_asset_ids == pictures[::-1]
    assert row.status is PostStatus.OPEN
    assert (rows[other].like_count, rows[other].liked_by_me) == (1, False)
    assert (rows[other].comment_count, rows[other].media_asset_ids) == (0, [])


@pytest.mark.parametrize("filters", [{}, {"city_code": "TPE"}, {"idol": "Rei"}], ids=["all", "city", "idol"])
def test_the_feed_is_one_statement(
    runtime: Runtime, feed: Any, count_sql: CountSql, mina: UUID, jun: UUID, filters: dict[str, Any]
) -> None:
    for _ in range(3):
        like(runtime, make_post(runtime, mina, city_code="TPE", idol="Rei"), jun)
    with count_sql() as sent:
        first = feed(jun, limit=2, **filters)
        assert sent() == 1
        feed(jun, limit=2, after=first.next_key, **filters)
        assert sent() == 2


# Whether the viewer may ask for a conversation


def test_strangers_may_ask_owners_who_allow_it(
    runtime: Runtime, connection: Connection, show: Any, mina: UUID, jun: UUID
) -> None:
    post_id = make_post(runtime, mina)
    assert show(post_id, jun).can_message
    assert not show(post_id, mina).can_message
    connection.execute(update(profiles).where(profiles.c.user_id == mina).values(allow_stranger_chat=False))
    assert not show(post_id, jun).can_message
    # A friend may, also one whose conversation is not there.
    befriended = friendship_services.request(runtime.unit_of_work(), by=jun, target_id=mina)
    assert not show(post_id, jun).can_message
    uow = runtime.unit_of_work()
    with uow:
        uow.friendships.get(befriended).accept(by=mina, thread_id=uow.new_id(), now=uow.clock.now())
        uow.commit()
    assert show(post_id, jun).can_message


def test_nobody_asks_for_a_conversation_that_is_there_or_asked_for(
    runtime: Runtime, show: Any, mina: UUID, jun: UUID
) -> None:
    post_id, yuna, sana = make_post(runtime, mina), make_user(runtime, "yuna"), make_user(runtime, "sana")
    befriend(runtime, jun, mina)
    assert not show(post_id, jun).can_message
    uow = runtime.unit_of_work()
    with uow:
        for sender, recipient in ((yuna, mina), (mina, sana)):
            uow.message_requests.add(
                MessageRequest.send(
                    id=uow.new_id(),
                    sender_id=sender,
                    recipient_id=recipient,
                    initial_message="hi",
                    now=uow.clock.now(),
                )
            )
        uow.commit()
    assert not show(post_id, yuna).can_message
    assert not show(post_id, sana).can_message


def test_nobody_asks_across_a_block(runtime: Runtime, show: Any, mina: UUID, jun: UUID) -> None:
    post_id = make_post(runtime, mina)
    block(runtime, jun, mina)
    # Whoever blocks still reads the posts of the other.
    assert not show(post_id, jun).can_message


# One post


def test_closed_and_expired_posts_stay_readable(
    runtime: Runtime, clock: MovableClock, show: Any, mina: UUID, jun: UUID
) -> None:
    closed, expired = make_post(runtime, mina), make_post(runtime, mina)
    close(runtime, closed, mina)
    clock.advance(days=14)
    assert show(closed, jun).status is PostStatus.CLOSED
    assert show(expired, jun).status is PostStatus.EXPIRED


def test_deleted_posts_are_for_administrators(runtime: Runtime, show: Any, mina: UUID, jun: UUID) -> None:
    post_id = make_post(runtime, mina)
    remove(runtime, post_id, mina)
    for person in (mina, jun):
        with pytest.raises(PostNotFound):
            show(post_id, person)
    assert show(post_id, jun, sees_all=True).status is PostStatus.DELETED


def test_the_blocked_and_posts_of_the_deleted_find_nothing(
    runtime: Runtime, show: Any, mina: UUID, jun: UUID
) -> None:
    gone, suspended = make_user(runtime, "gone"), make_user(runtime, "suspended")
    post_id, of_gone, of_suspended = (make_post(runtime, person) for person in (mina, gone, suspended))
    block(runtime, mina, jun)
    delete(runtime, gone)
    suspend(runtime, suspended)
    for hidden in (post_id, of_gone, uuid4()):
        with pytest.raises(PostNotFound):
            show(hidden, jun)
    with pytest.raises(PostNotFound):
        show(of_gone, jun, sees_all=True)
    assert show(post_id, jun, sees_all=True).id == post_id
    assert show(of_suspended, jun).id == of_suspended


def test_pictures_are_seen_by_those_who_may_read_the_post(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID
) -> None:
    yuna, post_id, media_id = (
        make_user(runtime, "yuna"),
        make_post(runtime, mina),
        make_picture(runtime, mina),
    )
    loose = make_picture(runtime, mina)
    media_services.attach_to_post(runtime.unit_of_work(), media_id=media_id, post_id=post_id, by=mina)
    block(runtime, mina, yuna)

    def seen_by(viewer: UUID) -> set[UUID]:
        return {row.id for row in readable(connection, ids=[media_id, loose], viewer_id=viewer)}

    assert (seen_by(mina), seen_by(jun), seen_by(yuna)) == ({media_id, loose}, {media_id}, set())
    close(runtime, post_id, mina)
    assert seen_by(jun) == {media_id}
    remove(runtime, post_id, mina)
    assert (seen_by(mina), seen_by(jun)) == ({loose}, set())
