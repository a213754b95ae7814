"""Who may ask, answer and part, and what blocks are."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from kcardswap.domain.errors import SelfTarget
from kcardswap.domain.friendships import (
    AlreadyFriends,
    Block,
    FriendRequested,
    FriendRequestPending,
    Friendship,
    FriendshipAccepted,
    FriendshipNotFound,
    FriendshipNotPending,
    FriendshipStatus,
    NotRecipient,
    UserBlocked,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
MINA, JUN, STRANGER = UUID(int=1), UUID(int=2), UUID(int=3)


@pytest.fixture
def asked() -> Friendship:
    """A request of Mina to Jun whose events are collected."""
    friendship = Friendship.request(id=uuid4(), user_id=MINA, friend_id=JUN, now=NOW)
    friendship.collect_events()
    return friendship


def test_a_request_waits_for_the_other_person() -> None:
    friendship = Friendship.request(id=uuid4(), user_id=MINA, friend_id=JUN, now=NOW)
    assert friendship.status is FriendshipStatus.PENDING
    assert friendship.people == (MINA, JUN)
    assert friendship.collect_events() == [
        FriendRequested(friendship_id=friendship.id, user_id=MINA, friend_id=JUN)
    ]


def test_nobody_befriends_themselves() -> None:
    with pytest.raises(SelfTarget):
        Friendship.request(id=uuid4(), user_id=MINA, friend_id=MINA, now=NOW)


def test_the_person_asked_accepts_and_both_can_talk(asked: Friendship) -> None:
    thread = uuid4()
    asked.accept(by=JUN, thread_id=thread, now=LATER)
    assert (asked.status, asked.accepted_at) == (FriendshipStatus.ACCEPTED, LATER)
    assert asked.collect_events() == [
        FriendshipAccepted(friendship_id=asked.id, user_id=MINA, friend_id=JUN, thread_id=thread)
    ]


def test_the_person_who_asked_cannot_answer(asked: Friendship) -> None:
    with pytest.raises(NotRecipient):
        asked.accept(by=MINA, thread_id=uuid4(), now=LATER)


def test_to_strangers_a_friendship_does_not_exist(asked: Friendship) -> None:
    with pytest.raises(FriendshipNotFound):
        asked.accept(by=STRANGER, thread_id=uuid4(), now=LATER)
    with pytest.raises(FriendshipNotFound):
        asked.other(STRANGER)


def test_each_of_the_two_has_the_other(asked: Friendship) -> None:
    assert (asked.other(MINA), asked.other(JUN)) == (JUN, MINA)


def test_an_accepted_request_cannot_be_answered_again(asked: Friendship) -> None:
    asked.accept(by=JUN, thread_id=uuid4(), now=LATER)
    with pytest.raises(FriendshipNotPending) as refused:
        asked.accept(by=JUN, thread_id=uuid4(), now=LATER)
    assert refused.value.details == {"reason": "not_pending", "status": "accepted"}


def test_asking_twice_is_refused_but_asking_back_is_an_answer(asked: Friendship) -> None:
    with pytest.raises(FriendRequestPending):
        asked.refuse_repeat(by=MINA)
    asked.refuse_repeat(by=JUN)


@pytest.mark.parametrize("person", [MINA, JUN])
def test_friends_cannot_ask_again(asked: Friendship, person: UUID) -> None:
    asked.accept(by=JUN, thread_id=uuid4(), now=LATER)
    with pytest.raises(AlreadyFriends):
        asked.refuse_repeat(by=person)


def test_a_block_has_a_direction_and_is_told() -> None:
    block = Block.between(id=uuid4(), blocker_id=MINA, blocked_id=JUN, now=NOW)
    assert (block.blocker_id, block.blocked_id) == (MINA, JUN)
    assert block.collect_events() == [UserBlocked(block_id=block.id, blocker_id=MINA, blocked_id=JUN)]


def test_nobody_blocks_themselves() -> None:
    with pytest.raises(SelfTarget):
        Block.between(id=uuid4(), blocker_id=MINA, blocked_id=MINA, now=NOW)
