"""Interests and what accepting them leads to, on a real database."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, func, select

from kcardswap.domain.accounts import UserNotFound
from kcardswap.domain.errors import Blocked, NotOwner, SelfTarget
from kcardswap.domain.message_requests import MessageRequest
from kcardswap.domain.posts import (
    InterestExists,
    InterestNotFound,
    InterestNotPending,
    PostNotFound,
    PostNotOpen,
)
from kcardswap.persistence.orm.conversations import message_requests, messages, threads
from kcardswap.persistence.orm.friendships import friendships
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.persistence.orm.posts import post_interests
from kcardswap.runtime import Runtime
from kcardswap.services import friendships as friendship_services
from tests.conftest import MovableClock
from tests.people import delete, make_user, suspend
from tests.posts import (
    accept_interest,
    close,
    make_post,
    reject_interest,
    want,
)
from tests.swaps import befriend


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


def payloads(connection: Connection, event_type: str) -> list[dict[str, Any]]:
    statement = select(outbox.c.payload).where(outbox.c.event_type == event_type)
    return list(connection.scalars(statement.order_by(outbox.c.id)))


def block(runtime: Runtime, by: UUID, target: UUID) -> None:
    friendship_services.block(runtime.unit_of_work(), by=by, target_id=target)


def status_of(connection: Connection, interest_id: UUID) -> str:
    return str(connection.scalar(select(post_interests.c.status).where(post_interests.c.id == interest_id)))


def test_an_interest_is_told_to_the_owner(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, post_id: UUID
) -> None:
    interest_id = want(runtime, post_id, jun)
    assert payloads(connection, "InterestExpressed") == [
        {
            "interest_id": str(interest_id),
            "post_id": str(post_id),
            "owner_id": str(mina),
            "user_id": str(jun),
        }
    ]


def test_nobody_is_interested_in_their_own_post_or_twice(
    runtime: Runtime, mina: UUID, jun: UUID, post_id: UUID
) -> None:
    with pytest.raises(SelfTarget):
        want(runtime, post_id, mina)
    interest_id = want(runtime, post_id, jun)
    with pytest.raises(InterestExists):
        want(runtime, post_id, jun)
    reject_interest(runtime, post_id, interest_id, mina)
    with pytest.raises(InterestExists):
        want(runtime, post_id, jun)


def test_accepting_makes_friends_and_opens_a_conversation(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, post_id: UUID
) -> None:
    interest_id = want(runtime, post_id, jun)
    accepted = accept_interest(runtime, post_id, interest_id, mina)
    thread = connection.execute(select(threads)).one()
    assert accepted == (interest_id, True, thread.id)
    assert (thread.user_a_id, thread.user_b_id) == tuple(sorted((mina, jun)))
    assert thread.origin == "interest"
    friendship = connection.execute(select(friendships)).one()
    assert (friendship.user_id, friendship.friend_id, friendship.status) == (jun, mina, "accepted")
    assert status_of(connection, interest_id) == "accepted"
    assert payloads(connection, "InterestAccepted") == [
        {
            "interest_id": str(interest_id),
            "post_id": str(post_id),
            "owner_id": str(mina),
            "user_id": str(jun),
            "thread_id": str(thread.id),
        }
    ]
    # Nobody asked to be friends, so nobody is told that such a request was accepted.
    assert payloads(connection, "FriendRequested") == payloads(connection, "FriendshipAccepted") == []


@pytest.mark.parametrize("asked_by", ["owner", "interested"])
def test_a_friend_request_that_waits_is_accepted_with_the_interest(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, post_id: UUID, asked_by: str
) -> None:
    asking, asked = (mina, jun) if asked_by == "owner" else (jun, mina)
    friendship_id = friendship_services.request(runtime.unit_of_work(), by=asking, target_id=asked)
    accepted = accept_interest(runtime, post_id, want(runtime, post_id, jun), mina)
    assert accepted.friendship_created
    friendship = connection.execute(select(friendships)).one()
    assert (friendship.id, friendship.user_id, friendship.status) == (friendship_id, asking, "accepted")
    (told,) = payloads(connection, "FriendshipAccepted")
    assert told["thread_id"] == str(accepted.chat_room_id)


def test_friends_stay_friends_in_their_one_conversation(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, post_id: UUID
) -> None:
    befriend(runtime, mina, jun)
    accepted = accept_interest(runtime, post_id, want(runtime, post_id, jun), mina)
    thread = connection.execute(select(threads)).one()
    assert (accepted.friendship_created, accepted.chat_room_id) == (False, thread.id)
    assert connection.scalar(select(func.count()).select_from(friendships)) == 1


def test_a_message_request_that_waits_becomes_the_first_message(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID, jun: UUID, post_id: UUID
) -> None:
    uow = runtime.unit_of_work()
    with uow:
        request = MessageRequest.send(
            id=uow.new_id(), sender_id=jun, recipient_id=mina, initial_message="你好", now=clock.now()
        )
        uow.message_requests.add(request)
        uow.commit()
    accepted = accept_interest(runtime, post_id, want(runtime, post_id, jun), mina)
    assert connection.scalar(select(message_requests.c.status)) == "accepted"
    message = connection.execute(select(messages)).one()
    assert (message.thread_id, message.sender_id, message.content) == (accepted.chat_room_id, jun, "你好")


def test_only_the_owner_answers_and_only_below_the_post(
    runtime: Runtime, mina: UUID, jun: UUID, post_id: UUID
) -> None:
    interest_id, other = want(runtime, post_id, jun), make_post(runtime, mina)
    for answer in (accept_interest, reject_interest):
        with pytest.raises(NotOwner):
            answer(runtime, post_id, interest_id, jun)
        for wrong_post, wrong_interest in ((other, interest_id), (post_id, uuid4())):
            with pytest.raises(InterestNotFound):
                answer(runtime, wrong_post, wrong_interest, mina)
        with pytest.raises(PostNotFound):
            answer(runtime, uuid4(), interest_id, mina)
        # What is not there is told before whose it would be.
        with pytest.raises(InterestNotFound):
            answer(runtime, post_id, uuid4(), jun)


def test_an_answer_is_final(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, post_id: UUID
) -> None:
    yuna = make_user(runtime, "yuna")
    accepted, rejected = want(runtime, post_id, jun), want(runtime, post_id, yuna)
    accept_interest(runtime, post_id, accepted, mina)
    reject_interest(runtime, post_id, rejected, mina)
    for interest_id, status in ((accepted, "accepted"), (rejected, "rejected")):
        for answer in (accept_interest, reject_interest):
            with pytest.raises(InterestNotPending) as refusal:
                answer(runtime, post_id, interest_id, mina)
            assert refusal.value.details == {"reason": "not_pending", "status": status}
    assert payloads(connection, "InterestRejected") == [
        {
            "interest_id": str(rejected),
            "post_id": str(post_id),
            "owner_id": str(mina),
            "user_id": str(yuna),
        }
    ]


def test_a_post_that_is_not_open_answers_nobody_and_leaves_nothing_behind(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID, jun: UUID, post_id: UUID
) -> None:
    interest_id, expired = want(runtime, post_id, jun), make_post(runtime, mina)
    expired_interest = want(runtime, expired, jun)
    close(runtime, post_id, mina)
    clock.advance(days=14)
    for post, interest in ((post_id, interest_id), (expired, expired_interest)):
        for answer in (accept_interest, reject_interest):
            with pytest.raises(PostNotOpen):
                answer(runtime, post, interest, mina)
    for table in (threads, friendships):
        assert connection.scalar(select(func.count()).select_from(table)) == 0
    assert status_of(connection, interest_id) == "pending"


def test_nobody_accepts_somebody_who_is_gone(runtime: Runtime, mina: UUID, post_id: UUID) -> None:
    suspended, gone = make_user(runtime, "suspended"), make_user(runtime, "gone")
    wanted = [want(runtime, post_id, person) for person in (suspended, gone)]
    suspend(runtime, suspended)
    delete(runtime, gone)
    for interest_id in wanted:
        with pytest.raises(UserNotFound):
            accept_interest(runtime, post_id, interest_id, mina)


def test_a_block_rejects_what_waits_between_the_two_and_nothing_else(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, post_id: UUID
) -> None:
    yuna = make_user(runtime, "yuna")
    juns, yunas = make_post(runtime, jun), make_post(runtime, yuna)
    rejected = [want(runtime, post_id, jun), want(runtime, juns, mina)]
    kept = [want(runtime, post_id, yuna), want(runtime, yunas, jun), want(runtime, juns, yuna)]
    answered_post = make_post(runtime, mina)
    answered = want(runtime, answered_post, jun)
    accept_interest(runtime, answered_post, answered, mina)
    block(runtime, mina, jun)
    assert {status_of(connection, interest) for interest in rejected} == {"rejected"}
    assert {status_of(connection, interest) for interest in kept} == {"pending"}
    assert status_of(connection, answered) == "accepted"
    told = payloads(connection, "InterestRejected")
    assert {(told["owner_id"], told["user_id"]) for told in told} == {
        (str(mina), str(jun)),
        (str(jun), str(mina)),
    }
    with pytest.raises(Blocked):
        accept_interest(runtime, post_id, rejected[0], mina)
