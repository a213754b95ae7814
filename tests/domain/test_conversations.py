"""Conversations of two people."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from kcardswap.domain.conversations import (
    Message,
    MessageSent,
    NotParticipant,
    OwnMessage,
    Side,
    Thread,
    ThreadOrigin,
    in_order,
)
from kcardswap.domain.errors import SelfTarget

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SMALL, LARGE = UUID(int=1), UUID(int=2)
STRANGER = UUID(int=3)


@pytest.fixture
def thread() -> Thread:
    return Thread.open(id=uuid4(), people=(SMALL, LARGE), origin=ThreadOrigin.TRADE, now=NOW)


def say(thread: Thread, by: UUID, *, now: datetime = NOW) -> Message:
    return thread.write(id=uuid4(), by=by, content="hello", now=now)


@pytest.mark.parametrize("people", [(SMALL, LARGE), (LARGE, SMALL)])
def test_a_thread_stores_its_people_in_one_order(people: tuple[UUID, UUID]) -> None:
    thread = Thread.open(id=uuid4(), people=people, origin=ThreadOrigin.TRADE, now=NOW)
    assert (thread.user_a_id, thread.user_b_id) == (SMALL, LARGE) == in_order(*people) == thread.people
    assert (thread.next_seq, thread.last_message_at, thread.active_at) == (1, None, NOW)


def test_a_conversation_takes_two() -> None:
    with pytest.raises(SelfTarget):
        Thread.open(id=uuid4(), people=(SMALL, SMALL), origin=ThreadOrigin.FRIEND, now=NOW)


def test_messages_are_numbered_in_the_thread_and_per_sender(thread: Thread) -> None:
    written = [say(thread, by) for by in (SMALL, SMALL, LARGE, SMALL)]
    assert [(message.seq, message.sender_seq) for message in written] == [(1, 1), (2, 2), (3, 1), (4, 3)]
    assert (thread.next_seq, thread.a_sent, thread.b_sent) == (5, 3, 1)
    assert (thread.a_seen, thread.b_seen) == (0, 0)


def test_writing_says_who_wrote_what_to_whom_but_not_the_words(thread: Thread) -> None:
    message = say(thread, LARGE)
    assert thread.collect_events() == [
        MessageSent(thread_id=thread.id, message_id=message.id, sender_id=LARGE, recipient_id=SMALL, seq=1)
    ]


def test_a_message_of_a_slow_clock_is_no_older_than_the_one_before(thread: Thread) -> None:
    first = say(thread, SMALL, now=NOW + timedelta(seconds=2))
    second = say(thread, LARGE, now=NOW + timedelta(seconds=1))
    assert first.created_at == second.created_at == thread.last_message_at == thread.active_at


def test_only_the_two_people_write_and_read(thread: Thread) -> None:
    message = say(thread, SMALL)
    for attempt in (
        lambda: say(thread, STRANGER),
        lambda: thread.other(STRANGER),
        lambda: thread.progress_to(message, by=STRANGER),
    ):
        with pytest.raises(NotParticipant):
            attempt()
    assert thread.next_seq == 2


def test_reading_a_message_is_seeing_all_the_other_wrote_until_then(thread: Thread) -> None:
    for by in (LARGE, SMALL, LARGE):
        message = say(thread, by)
    progress = thread.progress_to(message, by=SMALL)
    assert (progress.side, progress.delivered_seq, progress.read_seq, progress.seen) == (Side.A, 3, 3, 2)
    with pytest.raises(OwnMessage):
        thread.progress_to(message, by=LARGE)
