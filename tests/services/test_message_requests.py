"""Message requests on a real database: who may ask whom, and what answers them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, insert, select, update
from sqlalchemy import delete as sql_delete

from kcardswap.domain.accounts import UserNotFound
from kcardswap.domain.conversations import ConversationExists, in_order
from kcardswap.domain.errors import Blocked, LimitExceeded, Refusal, SelfTarget, WriteConflict
from kcardswap.domain.message_requests import (
    MessageRequest,
    MessageRequestNotFound,
    MessageRequestNotPending,
    RequestCooldown,
    RequestPending,
    StrangerMessagesDisabled,
)
from kcardswap.domain.posts import PostNotFound
from kcardswap.domain.quotas import LimitKey
from kcardswap.persistence.orm.conversations import message_requests, messages, threads
from kcardswap.persistence.orm.friendships import blocks
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.persistence.orm.profiles import profiles
from kcardswap.queries.subscriptions import quotas_of
from kcardswap.runtime import Runtime
from kcardswap.services import friendships
from tests.conftest import MovableClock
from tests.people import delete, make_user, suspend
from tests.swaps import accept, befriend, befriend_all, make_cards, propose
from tests.talks import broken_promises, knock, let_in, open_thread, turn_away


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


@pytest.fixture
def jun(runtime: Runtime) -> UUID:
    return make_user(runtime, "jun")


def close_to_strangers(connection: Connection, user_id: UUID) -> None:
    connection.execute(
        update(profiles).where(profiles.c.user_id == user_id).values(allow_stranger_chat=False)
    )


def events_about(connection: Connection, request_id: UUID) -> list[str]:
    mine = select(outbox.c.event_type).where(outbox.c.aggregate_id == request_id).order_by(outbox.c.id)
    return list(connection.scalars(mine))


def test_a_request_is_stored_with_its_event_and_without_its_words_in_it(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID
) -> None:
    request_id = knock(runtime, mina, jun, "canary")
    stored = connection.execute(select(message_requests)).one()
    assert (stored.sender_id, stored.recipient_id, stored.initial_message) == (mina, jun, "canary")
    assert (stored.status, stored.thread_id, stored.responded_at) == ("pending", None, None)
    payload = connection.scalar(select(outbox.c.payload).where(outbox.c.aggregate_id == request_id))
    assert payload == {
        "message_request_id": str(request_id),
        "sender_id": str(mina),
        "recipient_id": str(jun),
    }


def test_accepting_opens_the_thread_with_what_was_asked(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID, jun: UUID
) -> None:
    asked_at = clock.now()
    request_id = knock(runtime, mina, jun, "hi")
    clock.advance(hours=3)
    thread_id = let_in(runtime, request_id, jun)
    message = connection.execute(select(messages)).one()
    assert (message.thread_id, message.seq, message.sender_id, message.content, message.created_at) == (
        thread_id,
        1,
        mina,
        "hi",
        asked_at,
    )
    thread = connection.execute(select(threads)).one()
    assert (thread.origin, thread.last_message_at, thread.active_at) == ("request", asked_at, clock.now())
    request = connection.execute(select(message_requests)).one()
    assert (request.status, request.thread_id, request.responded_at) == ("accepted", thread_id, clock.now())
    assert events_about(connection, request_id) == ["MessageRequested", "MessageRequestAccepted"]
    assert events_about(connection, thread_id) == []
    assert broken_promises(connection) == []


def befriending(runtime: Runtime, mina: UUID, jun: UUID) -> None:
    befriend(runtime, jun, mina)


def swapping(runtime: Runtime, mina: UUID, jun: UUID) -> None:
    befriend_all(runtime, [(mina, jun)])
    trade_id = propose(runtime, jun, mina, make_cards(runtime, jun, 1), make_cards(runtime, mina, 1))
    accept(runtime, trade_id, mina)


@pytest.mark.parametrize("meet", [befriending, swapping], ids=["friendship", "trade"])
def test_whatever_opens_the_thread_accepts_the_request_that_waits(
    runtime: Runtime,
    connection: Connection,
    mina: UUID,
    jun: UUID,
    meet: Callable[[Runtime, UUID, UUID], None],
) -> None:
    request_id = knock(runtime, mina, jun, "hi")
    meet(runtime, mina, jun)
    thread_id = connection.scalar(select(threads.c.id))
    request = connection.execute(select(message_requests)).one()
    assert (request.status, request.thread_id) == ("accepted", thread_id)
    assert connection.execute(select(messages.c.sender_id, messages.c.content)).one() == (mina, "hi")
    assert events_about(connection, request_id) == ["MessageRequested", "MessageRequestAccepted"]
    with pytest.raises(MessageRequestNotPending):
        let_in(runtime, request_id, jun)
    assert broken_promises(connection) == []


def test_declining_is_final_and_starts_the_cooldown_of_that_sender_only(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID, jun: UUID
) -> None:
    request_id = knock(runtime, mina, jun)
    turn_away(runtime, request_id, jun)
    assert events_about(connection, request_id) == ["MessageRequested", "MessageRequestDeclined"]
    for answer in (let_in, turn_away):
        with pytest.raises(MessageRequestNotPending):
            answer(runtime, request_id, jun)
    clock.advance(days=6, hours=23)
    with pytest.raises(RequestCooldown) as refusal:
        knock(runtime, mina, jun)
    assert refusal.value.details["retry_at"] == clock.now() + timedelta(hours=1)
    turn_away(runtime, knock(runtime, jun, mina), mina)
    clock.advance(hours=1)
    turn_away(runtime, knock(runtime, mina, jun), jun)
    # The latest refusal counts.
    clock.advance(days=6)
    with pytest.raises(RequestCooldown):
        knock(runtime, mina, jun)


def store_request(runtime: Runtime, by: UUID, to: UUID) -> UUID:
    """Store a request that waits, whatever stands in its way."""
    uow = runtime.unit_of_work()
    with uow:
        request = MessageRequest.send(
            id=uow.new_id(), sender_id=by, recipient_id=to, initial_message="hi", now=uow.clock.now()
        )
        uow.message_requests.add(request)
        uow.commit()
        return request.id


def store_thread(connection: Connection, runtime: Runtime, a: UUID, b: UUID) -> UUID:
    """Store a thread, whatever waits between its people."""
    now, (first, second) = runtime.clock.now(), in_order(a, b)
    values = {"id": runtime.new_id(), "user_a_id": first, "user_b_id": second, "origin": "trade"}
    connection.execute(insert(threads).values(**values, active_at=now, created_at=now, updated_at=now))
    thread_id: UUID = values["id"]  # type: ignore[assignment]
    return thread_id


def store_block(connection: Connection, runtime: Runtime, by: UUID, to: UUID) -> None:
    """Store a block that ends nothing."""
    values = {"id": runtime.new_id(), "blocker_id": by, "blocked_id": to}
    connection.execute(insert(blocks).values(**values, created_at=runtime.clock.now()))


def test_the_refusals_of_a_request_come_in_the_order_of_the_contract(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID, jun: UUID
) -> None:
    """All obstacles are in the way at once; each is taken away when it was met."""
    turn_away(runtime, knock(runtime, mina, jun), jun)
    clock.advance(days=1)
    for n in range(20):
        knock(runtime, mina, make_user(runtime, f"other{n}"))
    close_to_strangers(connection, jun)
    waiting = store_request(runtime, jun, mina)
    thread_id = store_thread(connection, runtime, mina, jun)
    store_block(connection, runtime, jun, mina)

    def refused(kind: type[Refusal], to: UUID = jun, **more: Any) -> None:
        with pytest.raises(kind):
            knock(runtime, mina, to, **more)

    refused(SelfTarget, mina, post_id=uuid4())
    refused(UserNotFound, uuid4(), post_id=uuid4())
    refused(PostNotFound, post_id=uuid4())
    refused(Blocked)
    friendships.unblock(runtime.unit_of_work(), by=jun, target_id=mina)
    refused(ConversationExists)
    connection.execute(sql_delete(threads).where(threads.c.id == thread_id))
    refused(RequestPending)
    connection.execute(sql_delete(message_requests).where(message_requests.c.id == waiting))
    refused(RequestCooldown)
    clock.advance(days=6)
    refused(StrangerMessagesDisabled)
    befriend_all(runtime, [(mina, jun)])
    refused(LimitExceeded)
    answer_one(runtime, connection, mina, turn_away)
    knock(runtime, mina, jun)


def answer_one(runtime: Runtime, connection: Connection, sender: UUID, answer: Callable[..., object]) -> None:
    """Let the first person a sender waits for answer."""
    request = connection.execute(
        select(message_requests.c.id, message_requests.c.recipient_id)
        .where(message_requests.c.sender_id == sender, message_requests.c.status == "pending")
        .order_by(message_requests.c.id)
        .limit(1)
    ).one()
    answer(runtime, request.id, request.recipient_id)


def test_the_twenty_first_waiting_request_is_over_the_limit(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID
) -> None:
    for n in range(20):
        knock(runtime, mina, make_user(runtime, f"other{n}"))
    with pytest.raises(LimitExceeded) as refusal:
        knock(runtime, mina, jun)
    assert refusal.value.details == {
        "limit_key": "pending_requests_max",
        "limit_value": 20,
        "current_value": 20,
        "reset_at": None,
    }
    answer_one(runtime, connection, mina, let_in)
    knock(runtime, mina, jun)


def test_requests_to_people_who_left_take_no_place(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID
) -> None:
    asked = [make_user(runtime, f"other{n}") for n in range(20)]
    for other in asked:
        knock(runtime, mina, other)
    delete(runtime, asked[0])
    knock(runtime, mina, jun)
    with pytest.raises(LimitExceeded):
        knock(runtime, mina, make_user(runtime, "late"))
    (shown,) = (
        row
        for row in quotas_of(
            connection, user_id=mina, calendar=runtime.quota_calendar, now=runtime.clock.now()
        )
        if row.limit_key is LimitKey.PENDING_REQUESTS_MAX
    )
    assert shown.current_value == 20


@pytest.mark.parametrize("leave", [delete, suspend])
def test_nobody_asks_or_lets_in_somebody_who_is_gone(
    runtime: Runtime, mina: UUID, jun: UUID, leave: Callable[[Runtime, UUID], None]
) -> None:
    request_id = knock(runtime, mina, jun)
    leave(runtime, mina)
    with pytest.raises(UserNotFound):
        let_in(runtime, request_id, jun)
    with pytest.raises(UserNotFound):
        knock(runtime, make_user(runtime, "sana"), mina)
    turn_away(runtime, request_id, jun)


def test_friends_of_a_person_closed_to_strangers_may_ask(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID
) -> None:
    close_to_strangers(connection, jun)
    with pytest.raises(StrangerMessagesDisabled):
        knock(runtime, mina, jun)
    befriend_all(runtime, [(mina, jun)])
    knock(runtime, mina, jun)


def test_a_second_request_is_told_which_one_waits_and_whose_it_is(
    runtime: Runtime, mina: UUID, jun: UUID
) -> None:
    request_id = knock(runtime, mina, jun)
    for by, to, direction in ((mina, jun, "outgoing"), (jun, mina, "incoming")):
        with pytest.raises(RequestPending) as refusal:
            knock(runtime, by, to)
        assert refusal.value.details == {
            "reason": "request_pending",
            "request_id": request_id,
            "direction": direction,
        }


def test_people_who_talk_are_told_where(runtime: Runtime, mina: UUID, jun: UUID) -> None:
    thread_id = open_thread(runtime, mina, jun)
    with pytest.raises(ConversationExists) as refusal:
        knock(runtime, mina, jun)
    assert refusal.value.details["thread_id"] == thread_id


@pytest.mark.parametrize("blocker_asked", [True, False])
def test_a_block_declines_what_waits(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, blocker_asked: bool
) -> None:
    request_id = knock(runtime, mina, jun)
    by, target = (mina, jun) if blocker_asked else (jun, mina)
    friendships.block(runtime.unit_of_work(), by=by, target_id=target)
    assert connection.scalar(select(message_requests.c.status)) == "declined"
    assert events_about(connection, request_id) == ["MessageRequested", "MessageRequestDeclined"]
    with pytest.raises(Blocked):
        let_in(runtime, request_id, jun)
    for one, other in ((mina, jun), (jun, mina)):
        with pytest.raises(Blocked):
            knock(runtime, one, other)


def test_strangers_learn_nothing_of_a_request(runtime: Runtime, mina: UUID, jun: UUID) -> None:
    request_id = knock(runtime, mina, jun)
    for answer in (let_in, turn_away):
        for wanted in (request_id, uuid4()):
            with pytest.raises(MessageRequestNotFound):
                answer(runtime, wanted, make_user(runtime, f"stranger{wanted}{answer.__name__}"))


def add_while_another_does(runtime: Runtime, by: UUID, to: UUID) -> None:
    """Add a request without any lock; the other's crossed it just before."""
    store_request(runtime, to, by)
    store_request(runtime, by, to)


def test_requests_that_cross_are_decided_by_the_constraint(runtime: Runtime, mina: UUID, jun: UUID) -> None:
    with pytest.raises(WriteConflict):
        add_while_another_does(runtime, mina, jun)
    with pytest.raises(RequestPending):
        knock(runtime, mina, jun)
