"""Lists of friends, requests and blocked people."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, update

from kcardswap.domain.friendships import FriendshipNotFound
from kcardswap.persistence.orm.profiles import profiles
from kcardswap.queries.friendships import FriendListStatus, FriendRow, friendship, people
from kcardswap.queries.keyset import Page, PageRequest
from kcardswap.runtime import Runtime
from kcardswap.services import friendships as services
from tests.conftest import MovableClock
from tests.people import delete, make_user
from tests.swaps import accept, befriend, complete, make_cards, propose


def listed(
    connection: Connection, viewer: UUID, status: str, clock: MovableClock, **page: Any
) -> Page[FriendRow]:
    return people(
        connection,
        viewer_id=viewer,
        status=FriendListStatus(status),
        now=clock.now(),
        page=PageRequest(**{"limit": 10, **page}),
    )


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


def test_friends_requests_and_blocked_people_are_three_lists(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    names = ("friend", "asked", "asking", "blocked", "blocker", "gone", "stranger")
    by_name = {name: make_user(runtime, name) for name in names}
    befriend(runtime, by_name["friend"], mina)
    befriend(runtime, mina, by_name["gone"])
    befriend(runtime, by_name["stranger"], by_name["friend"])
    clock.advance(seconds=1)
    services.request(runtime.unit_of_work(), by=mina, target_id=by_name["asked"])
    clock.advance(seconds=1)
    services.request(runtime.unit_of_work(), by=by_name["asking"], target_id=mina)
    services.block(runtime.unit_of_work(), by=mina, target_id=by_name["blocked"])
    services.block(runtime.unit_of_work(), by=by_name["blocker"], target_id=mina)
    delete(runtime, by_name["gone"])

    friends = listed(connection, mina, "accepted", clock)
    assert [(row.nickname, row.status, row.direction) for row in friends.rows] == [
        ("Friend", "accepted", None)
    ]
    assert friends.total == 1
    pending = listed(connection, mina, "pending", clock)
    assert [(row.nickname, row.direction) for row in pending.rows] == [
        ("Asking", "incoming"),
        ("Asked", "outgoing"),
    ]
    blocked = listed(connection, mina, "blocked", clock)
    assert [(row.user_id, row.status, row.direction) for row in blocked.rows] == [
        (by_name["blocked"], "blocked", None)
    ]
    assert (friends.total, pending.total, blocked.total) == (1, 2, 1)


def test_people_say_how_many_swaps_they_completed(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    jun = make_user(runtime, "jun")
    befriend(runtime, mina, jun)
    for finish in (True, False):
        trade_id = propose(runtime, mina, jun, make_cards(runtime, mina, 1), make_cards(runtime, jun, 1))
        accept(runtime, trade_id, jun)
        if finish:
            complete(runtime, trade_id, mina)
            complete(runtime, trade_id, jun)
    assert listed(connection, mina, "accepted", clock).rows[0].completed_trades == 1


def test_being_online_lasts_five_minutes_and_can_be_hidden(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    jun = make_user(runtime, "jun")
    befriend(runtime, mina, jun)
    clock.advance(minutes=5)
    assert listed(connection, mina, "accepted", clock).rows[0].is_online is True
    clock.advance(seconds=1)
    assert listed(connection, mina, "accepted", clock).rows[0].is_online is False
    connection.execute(update(profiles).where(profiles.c.user_id == jun).values(show_online=False))
    assert listed(connection, mina, "accepted", clock).rows[0].is_online is None


def test_pages_are_newest_first_with_the_true_total(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    for n in range(5):
        clock.advance(seconds=1)
        services.request(runtime.unit_of_work(), by=mina, target_id=make_user(runtime, f"p{n}"))
    page = listed(connection, mina, "pending", clock, limit=2, offset=1)
    assert ([row.nickname for row in page.rows], page.total) == (["P3", "P2"], 5)


def test_friends_asked_and_friends_who_asked_are_one_list_page_after_page(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    asked = [n % 3 > 0 for n in range(7)]
    for n, mine in enumerate(asked):
        # Two requests at a time, so that some come at the same moment and only their ids order them.
        clock.advance(seconds=n % 2)
        other = make_user(runtime, f"p{n}")
        by, target_id = (mina, other) if mine else (other, mina)
        services.request(runtime.unit_of_work(), by=by, target_id=target_id)
    whole = listed(connection, mina, "pending", clock)
    assert whole.total == len(whole.rows) == 7
    assert sorted(whole.rows, key=lambda row: (-row.created_at.timestamp(), row.id)) == whole.rows
    assert {row.nickname: row.direction == "outgoing" for row in whole.rows} == {
        f"P{n}": mine for n, mine in enumerate(asked)
    }
    read: list[FriendRow] = []
    after = None
    while len(read) < 7:
        page = listed(connection, mina, "pending", clock, limit=2, after=after)
        read, after = read + page.rows, page.next_key
    assert (read, after) == (whole.rows, None)


def test_a_friendship_is_read_by_its_two_people_only(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    jun = make_user(runtime, "jun")
    friendship_id = services.request(runtime.unit_of_work(), by=mina, target_id=jun)
    assert friendship(connection, friendship_id=friendship_id, viewer_id=mina).thread_id is None
    services.accept(runtime.unit_of_work(), friendship_id=friendship_id, by=jun)
    for person in (mina, jun):
        row = friendship(connection, friendship_id=friendship_id, viewer_id=person)
        assert (row.user_id, row.friend_id, row.status) == (mina, jun, "accepted")
        assert row.thread_id is not None
    with pytest.raises(FriendshipNotFound):
        friendship(connection, friendship_id=friendship_id, viewer_id=make_user(runtime, "stranger"))
