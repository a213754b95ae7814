"""Writing and reading on a real database: who may, what is counted, and what the purge leaves."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from kcardswap.domain.conversations import (
    MessageNotFound,
    MessageStatus,
    NotParticipant,
    OwnMessage,
    RecipientGone,
    ThreadNotFound,
)
from kcardswap.domain.errors import Blocked
from kcardswap.domain.posts import PostNotFound
from kcardswap.persistence.orm.conversations import messages, threads
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.queries.conversations import ThreadRow, conversation
from kcardswap.runtime import Runtime
from kcardswap.services import conversations, friendships
from tests.conftest import MovableClock
from tests.people import delete, make_user, suspend
from tests.talks import broken_promises, fetch, open_thread, say


class Talk:
    """Mina and Jun, who have a conversation."""

    def __init__(self, runtime: Runtime, connection: Connection, suffix: object = "") -> None:
        self.runtime, self.connection = runtime, connection
        self.mina, self.jun = make_user(runtime, f"mina{suffix}"), make_user(runtime, f"jun{suffix}")
        self.thread_id = open_thread(runtime, self.mina, self.jun)

    def say(self, by: UUID, content: str = "hello") -> UUID:
        return say(self.runtime, self.thread_id, by, content)

    def read(self, message_id: UUID, by: UUID) -> None:
        conversations.read_up_to(
            self.runtime.unit_of_work(), thread_id=self.thread_id, message_id=message_id, by=by
        )

    def fetch(self, by: UUID, **options: Any) -> list[MessageStatus]:
        page = fetch(self.runtime, self.thread_id, by, **options)
        return [message.status for message in page.rows]

    def seen_by(self, person: UUID) -> ThreadRow:
        return conversation(self.connection, thread_id=self.thread_id, viewer_id=person)

    def unread(self) -> tuple[int, int]:
        """Return what Mina and Jun have not read, after comparing all counters with the messages."""
        assert broken_promises(self.connection) == []
        return self.seen_by(self.mina).unread_count, self.seen_by(self.jun).unread_count


@pytest.fixture
def talk(runtime: Runtime, connection: Connection) -> Talk:
    return Talk(runtime, connection)


def test_a_message_is_stored_with_an_event_that_has_no_words(talk: Talk, connection: Connection) -> None:
    message_id = talk.say(talk.mina, "canary")
    stored = connection.execute(select(messages)).one()
    assert (stored.id, stored.seq, stored.sender_id, stored.content) == (message_id, 1, talk.mina, "canary")
    sent = select(outbox.c.payload).where(outbox.c.event_type == "MessageSent")
    assert connection.execute(sent).scalar_one() == {
        "thread_id": str(talk.thread_id),
        "message_id": str(message_id),
        "sender_id": str(talk.mina),
        "recipient_id": str(talk.jun),
        "seq": 1,
    }


def test_writing_brings_a_conversation_to_the_top(talk: Talk, clock: MovableClock) -> None:
    clock.advance(hours=1)
    talk.say(talk.jun)
    row = talk.seen_by(talk.mina)
    assert row.last_message_at == clock.now()
    assert talk.connection.scalar(select(threads.c.active_at)) == clock.now()


def test_only_participants_write_and_read(runtime: Runtime, talk: Talk) -> None:
    message_id, stranger = talk.say(talk.mina), make_user(runtime, "stranger")
    with pytest.raises(NotParticipant):
        talk.say(stranger)
    with pytest.raises(NotParticipant):
        talk.read(message_id, stranger)
    with pytest.raises(NotParticipant):
        talk.fetch(stranger)
    for attempt in (
        lambda: say(runtime, uuid4(), talk.mina),
        lambda: fetch(runtime, uuid4(), talk.mina),
        lambda: conversation(talk.connection, thread_id=uuid4(), viewer_id=talk.mina),
    ):
        with pytest.raises(ThreadNotFound):
            attempt()


@pytest.mark.parametrize("writer_blocked", [True, False])
def test_nobody_writes_across_a_block_and_both_still_read(
    runtime: Runtime, talk: Talk, writer_blocked: bool
) -> None:
    talk.say(talk.mina)
    by, target = (talk.jun, talk.mina) if writer_blocked else (talk.mina, talk.jun)
    friendships.block(runtime.unit_of_work(), by=by, target_id=target)
    for person in (talk.mina, talk.jun):
        with pytest.raises(Blocked):
            talk.say(person)
        assert len(talk.fetch(person)) == 1
    friendships.unblock(runtime.unit_of_work(), by=by, target_id=target)
    talk.say(talk.mina)


def test_nobody_writes_to_somebody_who_left(runtime: Runtime, talk: Talk) -> None:
    delete(runtime, talk.jun)
    with pytest.raises(RecipientGone):
        talk.say(talk.mina)


def test_a_suspended_person_still_gets_messages(runtime: Runtime, talk: Talk) -> None:
    suspend(runtime, talk.jun)
    talk.say(talk.mina)
    assert talk.unread() == (0, 1)


def test_a_message_names_no_post_that_is_not_there(runtime: Runtime, talk: Talk) -> None:
    with pytest.raises(PostNotFound):
        say(runtime, talk.thread_id, talk.mina, post_id=uuid4())


def test_a_message_is_sent_then_delivered_then_read(talk: Talk) -> None:
    first, second = talk.say(talk.mina), talk.say(talk.mina)
    assert talk.fetch(talk.mina) == ["sent", "sent"]
    assert talk.fetch(talk.jun) == ["delivered", "delivered"]
    assert talk.fetch(talk.mina) == ["delivered", "delivered"]
    talk.read(first, talk.jun)
    assert talk.fetch(talk.mina) == ["read", "delivered"]
    assert talk.unread() == (0, 1)
    talk.read(second, talk.jun)
    talk.read(first, talk.jun)
    assert talk.fetch(talk.mina) == ["read", "read"]
    assert talk.unread() == (0, 0)


def test_reading_one_s_own_messages_changes_nothing(talk: Talk) -> None:
    talk.say(talk.mina)
    assert talk.fetch(talk.mina, reading=True) == ["sent"]
    assert talk.unread() == (0, 1)


def test_writing_is_not_reading(talk: Talk) -> None:
    talk.say(talk.mina)
    talk.say(talk.jun)
    assert talk.unread() == (1, 1)
    assert talk.fetch(talk.mina)[0] == "sent"


def test_only_the_newest_page_reads_and_only_what_is_fetched_is_delivered(talk: Talk) -> None:
    for _ in range(3):
        talk.say(talk.mina)
    assert talk.fetch(talk.jun, limit=1, offset=1, reading=True) == ["delivered"]
    assert talk.fetch(talk.mina) == ["delivered", "delivered", "sent"]
    assert talk.unread() == (0, 3)
    assert talk.fetch(talk.jun, limit=1, reading=True) == ["read"]
    assert talk.fetch(talk.mina) == ["read"] * 3
    assert talk.unread() == (0, 0)


def test_the_newest_page_is_reading_also_when_all_of_it_is_one_s_own(talk: Talk) -> None:
    talk.say(talk.mina)
    talk.say(talk.jun)
    talk.fetch(talk.jun, limit=1, reading=True)
    assert talk.unread() == (1, 0)
    assert talk.fetch(talk.mina)[0] == "read"


def test_a_message_that_comes_while_a_page_is_read_stays_unread(runtime: Runtime, talk: Talk) -> None:
    talk.say(talk.mina)
    uow = runtime.unit_of_work()
    with uow:
        thread = uow.threads.get(talk.thread_id)
        (message_id,) = talk.connection.scalars(select(messages.c.id))
        progress = thread.progress_to(uow.messages.get_in(talk.thread_id, message_id), by=talk.jun)
    talk.say(talk.mina)
    conversations.note_progress(runtime.unit_of_work(), thread_id=talk.thread_id, progress=progress)
    assert talk.unread() == (0, 1)


def test_a_message_of_another_thread_or_one_s_own_cannot_be_read(runtime: Runtime, talk: Talk) -> None:
    other = open_thread(runtime, talk.mina, make_user(runtime, "sana"))
    elsewhere = say(runtime, other, talk.mina)
    for unknown in (elsewhere, uuid4()):
        with pytest.raises(MessageNotFound):
            talk.read(unknown, talk.jun)
    with pytest.raises(OwnMessage):
        talk.read(talk.say(talk.mina), talk.mina)


def purge(runtime: Runtime, *, days: int = 30, limit: int = 100) -> int:
    return conversations.purge(runtime.unit_of_work(), older_than=timedelta(days=days), limit=limit)


def test_the_purge_takes_what_is_too_old_and_no_moment_earlier(talk: Talk, clock: MovableClock) -> None:
    talk.say(talk.mina)
    clock.advance(days=30)
    assert purge(talk.runtime) == 0
    clock.advance(microseconds=1)
    kept = talk.say(talk.jun)
    assert (purge(talk.runtime), purge(talk.runtime)) == (1, 0)
    assert list(talk.connection.scalars(select(messages.c.id))) == [kept]
    assert talk.unread() == (1, 0)


def test_an_emptied_conversation_has_no_last_message_and_nothing_unread(
    talk: Talk, clock: MovableClock
) -> None:
    for by in (talk.mina, talk.jun, talk.mina):
        talk.say(by)
    before = talk.connection.execute(select(threads.c.active_at, threads.c.updated_at)).one()
    clock.advance(days=31)
    assert (purge(talk.runtime, limit=2), talk.unread()) == (2, (0, 1))
    assert (purge(talk.runtime, limit=2), talk.unread()) == (1, (0, 0))
    row = talk.seen_by(talk.mina)
    assert (row.last_message, row.last_message_at) == (None, None)
    assert talk.connection.execute(select(threads.c.active_at, threads.c.updated_at)).one() == before
    talk.say(talk.mina)
    assert talk.unread() == (0, 1)


def test_the_purge_leaves_out_conversations_somebody_is_writing_in(
    committed_runtime: Runtime, clock: MovableClock
) -> None:
    runtime = committed_runtime
    people = [make_user(runtime, f"person{n}") for n in range(3)]
    busy, quiet = open_thread(runtime, *people[:2]), open_thread(runtime, *people[1:])
    say(runtime, busy, people[0])
    say(runtime, quiet, people[1])
    clock.advance(days=31)
    uow = runtime.unit_of_work()
    with uow:
        uow.threads.get(busy, lock=True)
        assert purge(runtime) == 1
    assert purge(runtime) == 1


Step = tuple[str, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["mina says", "jun says", "mina reads", "jun reads", "jun opens", "mina opens", "purge"]
        ),
        st.integers(0, 5),
    ),
    max_size=25,
)


@given(steps=STEPS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_the_counts_are_those_of_the_messages(
    runtime: Runtime, connection: Connection, clock: MovableClock, steps: Sequence[Step]
) -> None:
    talk = Talk(runtime, connection, uuid4())
    people = {"mina": talk.mina, "jun": talk.jun}
    for step, n in steps:
        who, _, what = step.partition(" ")
        if what == "says":
            talk.say(people[who])
        elif what == "reads":
            read_one(talk, people[who], n)
        elif what == "opens":
            talk.fetch(people[who], limit=1 + n, reading=True)
        else:
            clock.advance(days=10 * n)
            purge(runtime, limit=1 + n)
        unread = talk.unread()
        assert min(unread) >= 0
    for person in people.values():
        talk.fetch(person, reading=True)
    assert talk.unread() == (0, 0)


def read_one(talk: Talk, reader: UUID, n: int) -> None:
    theirs = select(messages.c.id).where(
        messages.c.thread_id == talk.thread_id, messages.c.sender_id != reader
    )
    found = talk.connection.scalar(theirs.order_by(messages.c.seq).offset(n).limit(1))
    if found is not None:
        talk.read(found, reader)


@pytest.mark.parametrize("reading", [False, True])
def test_a_page_with_something_new_writes_once_and_with_nothing_new_not_at_all(
    committed_runtime: Runtime, count_sql: Any, reading: bool
) -> None:
    # Real transactions: the savepoints of the others would be counted, too.
    runtime = committed_runtime
    mina, jun = make_user(runtime, "mina"), make_user(runtime, "jun")
    thread_id = open_thread(runtime, mina, jun)
    say(runtime, thread_id, mina)
    for statements in (3, 2):
        with count_sql() as sent:
            fetch(runtime, thread_id, jun, reading=reading)
            assert sent() == statements
    say(runtime, thread_id, jun)
    with count_sql() as sent:
        fetch(runtime, thread_id, jun, reading=reading)
        assert sent() == 2
