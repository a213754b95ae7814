"""Conversations, messages and message requests as they are read, and what must not appear in them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, literal, select, update

from kcardswap.domain.conversations import NotParticipant, ThreadNotFound, UnknownPosition
from kcardswap.domain.message_requests import MessageRequestNotFound, MessageRequestStatus
from kcardswap.persistence.orm.accounts import users
from kcardswap.persistence.orm.conversations import messages
from kcardswap.queries.conversations import (
    conversation,
    conversations,
    has_pending_request,
    has_thread,
    messages_of,
)
from kcardswap.queries.keyset import PageRequest
from kcardswap.queries.message_requests import Box, message_request, requests_in
from kcardswap.runtime import Runtime
from kcardswap.services import friendships
from tests.conftest import MovableClock
from tests.people import delete, make_user, suspend
from tests.talks import knock, let_in, open_thread, say, turn_away

PAGE = PageRequest(10)


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


@pytest.fixture
def others(runtime: Runtime) -> list[UUID]:
    return [make_user(runtime, name) for name in ("jun", "sora", "haru", "yuna")]


def box(connection: Connection, which: Box, viewer: UUID, **page: Any) -> list[str | None]:
    found = requests_in(
        connection, box=which, viewer_id=viewer, status=None, page=PageRequest(**{"limit": 10, **page})
    )
    named = "sender_nickname" if which is Box.INBOX else "recipient_nickname"
    return [getattr(row, named) for row in found.rows]


def test_conversations_are_one_s_own_from_either_seat_in_one_statement(
    runtime: Runtime,
    connection: Connection,
    clock: MovableClock,
    mina: UUID,
    others: list[UUID],
    count_sql: Callable[[], Any],
) -> None:
    early = UUID(int=1)
    connection.execute(
        users.insert().values(
            id=early, role="user", status="active", created_at=clock.now(), updated_at=clock.now()
        )
    )
    threads = []
    for other in (*others, early):
        clock.advance(seconds=1)
        threads.append(open_thread(runtime, mina, other))
    open_thread(runtime, others[0], others[1])
    clock.advance(seconds=1)
    say(runtime, threads[1], others[1], "hi")
    with count_sql() as sent:
        page = conversations(connection, viewer_id=mina, page=PAGE)
        assert sent() == 1
    assert [row.id for row in page.rows] == [threads[n] for n in (1, 4, 3, 2, 0)]
    assert page.total == 5
    newest = page.rows[0]
    assert newest.last_message is not None
    assert (newest.last_message.content, newest.unread_count) == ("hi", 1)
    # Whoever has no profile has no name.
    assert (page.rows[1].a.user_id, page.rows[1].a.nickname) == (early, None)
    read = []
    for offset in range(5):
        read += conversations(connection, viewer_id=mina, page=PageRequest(1, offset)).rows
    assert read == page.rows
    assert conversations(connection, viewer_id=make_user(runtime, "stranger"), page=PAGE).rows == []


def test_conversations_stay_with_people_who_blocked_left_or_are_suspended(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID, others: list[UUID]
) -> None:
    for other in others:
        clock.advance(seconds=1)
        say(runtime, open_thread(runtime, mina, other), other)
    friendships.block(runtime.unit_of_work(), by=others[0], target_id=mina)
    friendships.block(runtime.unit_of_work(), by=mina, target_id=others[1])
    delete(runtime, others[2])
    suspend(runtime, others[3])
    page = conversations(connection, viewer_id=mina, page=PAGE)
    assert [row.b.nickname for row in page.rows] == ["Yuna", None, "Sora", "Jun"]
    gone = page.rows[1]
    assert gone.last_message is not None
    assert gone.last_message.sender == gone.b == (others[2], None, None)


def test_one_conversation_takes_one_statement_and_a_page_of_messages_two(
    runtime: Runtime, connection: Connection, mina: UUID, others: list[UUID], count_sql: Callable[[], Any]
) -> None:
    thread_id = open_thread(runtime, mina, others[0])
    first = say(runtime, thread_id, mina)
    with count_sql() as sent:
        conversation(connection, thread_id=thread_id, viewer_id=mina)
        assert sent() == 1
    for after in (None, first):
        with count_sql() as sent:
            messages_of(connection, thread_id=thread_id, viewer_id=mina, page=PAGE, after_message_id=after)
            assert sent() == 2


def test_messages_are_those_of_one_thread_for_its_two_people(
    runtime: Runtime, connection: Connection, mina: UUID, others: list[UUID]
) -> None:
    thread_id, other = open_thread(runtime, mina, others[0]), open_thread(runtime, mina, others[1])
    say(runtime, thread_id, mina, "here")
    elsewhere = say(runtime, other, mina, "elsewhere")
    page = messages_of(connection, thread_id=thread_id, viewer_id=others[0], page=PAGE)
    assert [message.content for message in page.rows] == ["here"]
    with pytest.raises(NotParticipant):
        messages_of(connection, thread_id=thread_id, viewer_id=others[1], page=PAGE)
    with pytest.raises(ThreadNotFound):
        messages_of(connection, thread_id=uuid4(), viewer_id=mina, page=PAGE)
    with pytest.raises(UnknownPosition):
        messages_of(connection, thread_id=thread_id, viewer_id=mina, page=PAGE, after_message_id=elsewhere)


def test_messages_whose_sender_is_being_erased_are_those_of_the_other(
    runtime: Runtime, connection: Connection, mina: UUID, others: list[UUID]
) -> None:
    thread_id, heir = open_thread(runtime, mina, others[0]), make_user(runtime, "heir")
    say(runtime, thread_id, others[0])
    delete(runtime, others[0])
    connection.execute(update(messages).values(sender_id=heir))
    (message,) = messages_of(connection, thread_id=thread_id, viewer_id=mina, page=PAGE).rows
    assert message.sender == (others[0], None, None)


def test_the_boxes_hold_one_s_own_requests_newest_first(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID, others: list[UUID]
) -> None:
    jun, sora, haru, yuna = others
    for by, to in ((jun, mina), (sora, mina), (mina, haru), (mina, yuna), (jun, sora)):
        clock.advance(seconds=1)
        knock(runtime, by, to)
    assert box(connection, Box.INBOX, mina) == ["Sora", "Jun"]
    assert box(connection, Box.SENT, mina) == ["Yuna", "Haru"]
    assert box(connection, Box.SENT, mina, limit=1, offset=1) == ["Haru"]


def test_the_boxes_leave_out_blocked_people_and_what_waits_for_nobody(
    runtime: Runtime, connection: Connection, mina: UUID, others: list[UUID]
) -> None:
    jun, sora, haru, yuna = others
    requests = {other: knock(runtime, other, mina) for other in others}
    let_in(runtime, requests[haru], mina)
    friendships.block(runtime.unit_of_work(), by=jun, target_id=mina)
    friendships.block(runtime.unit_of_work(), by=mina, target_id=sora)
    for gone in (haru, yuna):
        delete(runtime, gone)
    # What was answered is history, without a name.
    assert box(connection, Box.INBOX, mina) == [None]
    assert box(connection, Box.SENT, jun) == box(connection, Box.SENT, sora) == []
    assert message_request(connection, request_id=requests[haru], viewer_id=mina).sender_id == haru


def test_a_box_shows_one_state_or_all_and_counts_them(
    runtime: Runtime, connection: Connection, mina: UUID, others: list[UUID], count_sql: Callable[[], Any]
) -> None:
    requests = [knock(runtime, other, mina) for other in others]
    let_in(runtime, requests[0], mina)
    turn_away(runtime, requests[1], mina)
    for status, total in ((None, 4), *zip(MessageRequestStatus, (2, 1, 1), strict=True)):
        with count_sql() as sent:
            page = requests_in(connection, box=Box.INBOX, viewer_id=mina, status=status, page=PageRequest(1))
            assert sent() == 1
        assert (len(page.rows), page.total) == (1, total)


def test_a_request_is_read_by_its_two_people_only(
    runtime: Runtime, connection: Connection, mina: UUID, others: list[UUID]
) -> None:
    request_id = knock(runtime, mina, others[0])
    for person in (mina, others[0]):
        row = message_request(connection, request_id=request_id, viewer_id=person)
        assert (row.sender_nickname, row.recipient_nickname) == ("Mina", "Jun")
    with pytest.raises(MessageRequestNotFound):
        message_request(connection, request_id=request_id, viewer_id=others[1])


def test_fragments_tell_who_talks_and_who_waits_whichever_way(
    runtime: Runtime, connection: Connection, mina: UUID, others: list[UUID]
) -> None:
    jun, sora, haru, _ = others
    open_thread(runtime, mina, jun)
    knock(runtime, sora, mina)
    turn_away(runtime, knock(runtime, mina, haru), haru)
    talks = select(users.c.id).where(has_thread(users.c.id, mina))
    waits = select(users.c.id).where(has_pending_request(literal(mina), users.c.id))
    assert list(connection.scalars(talks)) == [jun]
    assert list(connection.scalars(waits)) == [sora]
    assert connection.scalar(select(has_thread(jun, mina))) is True
    assert connection.scalar(select(has_pending_request(mina, jun))) is False
