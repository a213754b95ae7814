"""Conversations in races with real commits: the promises hold, and no message is lost or told twice."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from kcardswap.domain.errors import Blocked, LimitExceeded, Refusal, Unavailable
from kcardswap.domain.friendships import FriendshipNotFound
from kcardswap.domain.message_requests import MessageRequestNotPending, RequestPending
from kcardswap.persistence.orm.conversations import message_requests, messages, threads
from kcardswap.queries.conversations import MessagePage
from kcardswap.runtime import Runtime
from kcardswap.services import conversations, friendships
from tests.people import make_user
from tests.racing import at_once
from tests.talks import broken_promises, fetch, knock, let_in, look, note, open_thread, say, turn_away

ROUNDS = 10


@pytest.fixture
def runtime(committed_runtime: Runtime) -> Iterator[Runtime]:
    """A runtime with real commits; afterwards the promises about conversations are checked in SQL."""
    yield committed_runtime
    with committed_runtime.database.reader() as connection:
        assert broken_promises(connection) == []


@pytest.fixture
def pairs(runtime: Runtime) -> list[tuple[UUID, UUID]]:
    """Pairs of people, one for each round."""
    return [(make_user(runtime, f"mina{n}"), make_user(runtime, f"jun{n}")) for n in range(ROUNDS)]


def kinds(outcomes: Sequence[Any]) -> list[type[Refusal] | None]:
    """Return the kinds of refusals, None for whoever was not refused."""
    return [type(outcome) if isinstance(outcome, Refusal) else None for outcome in outcomes]


def block(runtime: Runtime, by: UUID, target_id: UUID) -> None:
    friendships.block(runtime.unit_of_work(), by=by, target_id=target_id)


def count(connection: Connection, table: Any, *where: Any) -> int:
    return connection.scalar(select(func.count()).select_from(table).where(*where)) or 0


def test_of_requests_that_cross_one_waits(runtime: Runtime, pairs: list[tuple[UUID, UUID]]) -> None:
    for mina, jun in pairs:
        outcomes = at_once(partial(knock, runtime, mina, jun), partial(knock, runtime, jun, mina))
        assert sorted(map(str, kinds(outcomes))) == sorted(map(str, [None, RequestPending]))
    with runtime.database.reader() as connection:
        assert count(connection, message_requests) == ROUNDS


def test_accepting_twice_at_once_opens_one_thread_with_one_message(
    runtime: Runtime, pairs: list[tuple[UUID, UUID]]
) -> None:
    for mina, jun in pairs:
        request_id = knock(runtime, mina, jun)
        outcomes = at_once(*[partial(let_in, runtime, request_id, jun)] * 4)
        assert kinds(outcomes).count(None) == 1
        assert set(kinds(outcomes)) == {None, MessageRequestNotPending}
    with runtime.database.reader() as connection:
        assert count(connection, threads) == count(connection, messages) == ROUNDS


def test_accepting_and_declining_at_once_does_one_of_them(
    runtime: Runtime, pairs: list[tuple[UUID, UUID]]
) -> None:
    accepted = 0
    for mina, jun in pairs:
        request_id = knock(runtime, mina, jun)
        outcomes = at_once(
            partial(let_in, runtime, request_id, jun), partial(turn_away, runtime, request_id, jun)
        )
        assert sorted(map(str, kinds(outcomes))) == sorted(map(str, [None, MessageRequestNotPending]))
        accepted += isinstance(outcomes[0], UUID)
    with runtime.database.reader() as connection:
        assert count(connection, threads) == count(connection, messages) == accepted


def test_a_friendship_and_a_request_accepted_at_once_share_the_thread(
    runtime: Runtime, pairs: list[tuple[UUID, UUID]]
) -> None:
    for mina, jun in pairs:
        request_id = knock(runtime, mina, jun)
        friendship = friendships.request(runtime.unit_of_work(), by=mina, target_id=jun)

        befriend = partial(friendships.accept, runtime.unit_of_work(), friendship_id=friendship, by=jun)
        outcomes = at_once(befriend, partial(let_in, runtime, request_id, jun))
        assert kinds(outcomes) in ([None, None], [None, MessageRequestNotPending])
    with runtime.database.reader() as connection:
        assert count(connection, threads) == count(connection, messages) == ROUNDS
        assert count(connection, message_requests, message_requests.c.status == "accepted") == ROUNDS


def test_no_message_slips_past_a_block(runtime: Runtime, pairs: list[tuple[UUID, UUID]]) -> None:
    for mina, jun in pairs:
        thread_id = open_thread(runtime, mina, jun)
        send = partial(say, runtime, thread_id, jun)
        outcomes = at_once(partial(block, runtime, mina, jun), send, send, send)
        assert set(kinds(outcomes)) <= {None, Blocked}
        assert kinds(outcomes)[0] is None
        written = sum(isinstance(outcome, UUID) for outcome in outcomes)
        assert kinds([refusal_of(send)]) == [Blocked]
        with runtime.database.reader() as connection:
            assert count(connection, messages, messages.c.thread_id == thread_id) == written


def refusal_of(work: Callable[[], object]) -> Refusal | None:
    try:
        work()
    except Refusal as refusal:
        return refusal
    return None


def test_a_block_and_a_request_at_once_leave_nothing_waiting(
    runtime: Runtime, pairs: list[tuple[UUID, UUID]]
) -> None:
    for mina, jun in pairs:
        request_id = knock(runtime, jun, mina)
        outcomes = at_once(partial(block, runtime, mina, jun), partial(let_in, runtime, request_id, mina))
        assert kinds(outcomes)[0] is None
        assert kinds(outcomes)[1] in (None, Blocked, FriendshipNotFound)
    with runtime.database.reader() as connection:
        assert count(connection, message_requests, message_requests.c.status == "pending") == 0


def test_sixteen_requests_at_once_fill_the_last_places_exactly(runtime: Runtime) -> None:
    mina = make_user(runtime, "mina")
    others = [make_user(runtime, f"other{n}") for n in range(29)]
    for other in others[:13]:
        knock(runtime, mina, other)
    outcomes = at_once(*[partial(knock, runtime, mina, other) for other in others[13:]])
    assert kinds(outcomes).count(None) == 7
    assert kinds(outcomes).count(LimitExceeded) == 9
    with runtime.database.reader() as connection:
        assert count(connection, message_requests) == 20


def test_both_reading_writing_and_purging_at_once_keeps_the_counts(runtime: Runtime, clock: Any) -> None:
    mina, jun = make_user(runtime, "mina"), make_user(runtime, "jun")
    thread_id = open_thread(runtime, mina, jun)
    for n in range(12):
        say(runtime, thread_id, mina if n % 2 else jun)
    clock.advance(days=31)
    purge = partial(
        conversations.purge, runtime.unit_of_work(), older_than=runtime.settings.message_retention, limit=5
    )
    for _ in range(ROUNDS):
        outcomes = at_once(
            partial(say, runtime, thread_id, mina),
            partial(say, runtime, thread_id, jun),
            partial(fetch, runtime, thread_id, mina, limit=1, reading=True),
            partial(fetch, runtime, thread_id, jun, limit=1, reading=True),
            purge,
        )
        assert set(kinds(outcomes)) == {None}
        with runtime.database.reader() as connection:
            assert broken_promises(connection) == []


# Polling: nothing lost, nothing twice


class Writers:
    """Sends messages of two people, some held open between writing and committing while others queue."""

    def __init__(self, runtime: Runtime, thread_id: UUID, people: tuple[UUID, UUID]) -> None:
        self.runtime, self.thread_id, self.people = runtime, thread_id, people
        self._held = ExitStack()
        self._uow: Any = None
        self._waiting: list[Any] = []
        self._pool = ThreadPoolExecutor(4)

    def say(self, n: int) -> None:
        """Send a message; behind one that is held it waits like every writer."""
        self.do(partial(say, self.runtime, self.thread_id, self.people[n % 2]))

    def do(self, work: Callable[[], object]) -> None:
        """Write something; what needs the lock of a held message waits for it in a thread of its own."""
        if self._uow is None:
            work()
        else:
            self._waiting.append(self._pool.submit(patiently, work))

    def hold(self, n: int) -> None:
        """Write a message and keep its transaction open."""
        if self._uow is not None:
            return
        self._uow = self._held.enter_context(self.runtime.unit_of_work())
        thread = self._uow.threads.get(self.thread_id, lock=True)
        now = self._uow.clock.now()
        self._uow.messages.add(
            thread.write(id=self._uow.new_id(), by=self.people[n % 2], content="held", now=now)
        )
        self._uow.flush()

    def let_go(self, commit: bool) -> None:
        """Commit what is held, or give it up, and wait for those behind it."""
        if self._uow is None:
            return
        if commit:
            self._uow.commit()
        self._held.close()
        self._uow = None
        for sending in self._waiting:
            sending.result(timeout=30)
        self._waiting.clear()

    def close(self) -> None:
        """Finish everything."""
        self.let_go(commit=True)
        self._pool.shutdown()


def patiently(work: Callable[[], object]) -> object:
    """Do what clients do when a lock was not to be had in time: try again, for nothing was written."""
    for _ in range(10):
        with suppress(Unavailable):
            return work()
    raise AssertionError("The lock never came.")


class Pollers:
    """Three ways of reading along: after the last message seen, page after page, and back from the newest."""

    def __init__(self, writers: Writers, reader: UUID) -> None:
        self.writers, self.reader = writers, reader
        self.runtime, self.thread_id = writers.runtime, writers.thread_id
        self.polled: list[UUID] = []
        self.forward: list[UUID] = []
        self.anchor: UUID | None = None
        self.cursor: Any = None
        self.back: list[UUID] = []
        self.back_cursor: Any = None
        self.expected_back: list[UUID] | None = None

    def poll(self, limit: int) -> None:
        """Ask for what comes after the last message seen."""
        found = self._fetch(limit, after=self.polled[-1])
        self.polled += [message.id for message in found.rows]

    def page_on(self, limit: int) -> None:
        """Follow the cursor of one poll to its end, step by step; then begin the next poll."""
        found = self._fetch(limit, after=self.anchor, cursor=self.cursor)
        self.forward += [message.id for message in found.rows]
        self.cursor = found.next_key
        if self.cursor is None:
            self.anchor = self.forward[-1]

    def page_back(self, limit: int) -> None:
        """Go one page back from the newest; what comes meanwhile is not on the way."""
        if self.expected_back is not None and self.back_cursor is None:
            return
        if self.expected_back is None:
            self.expected_back = committed(self.runtime, self.thread_id)
        found = self._fetch(limit, cursor=self.back_cursor)
        self.back = [message.id for message in found.rows] + self.back
        self.back_cursor = found.next_key

    def start(self, first: UUID) -> None:
        """Begin after the first message."""
        self.polled, self.forward, self.anchor = [first], [first], first

    def _fetch(self, limit: int, **where: Any) -> MessagePage:
        # Reading never waits, whatever is held; only noting it needs the lock.
        found = look(self.runtime, self.thread_id, self.reader, limit=limit, **where)
        self.writers.do(partial(note, self.runtime, self.thread_id, found))
        return found

    def finish(self) -> None:
        """Read until there is nothing more; everything is committed."""
        everything = len(committed(self.runtime, self.thread_id))
        for _ in range(everything):
            self.poll(2)
            self.page_on(2)
        assert self.cursor is None
        for _ in range(everything):
            self.page_back(3)
        assert self.back_cursor is None


def committed(runtime: Runtime, thread_id: UUID) -> list[UUID]:
    """Return the messages of a thread in their order."""
    with runtime.database.reader() as connection:
        mine = select(messages.c.id).where(messages.c.thread_id == thread_id).order_by(messages.c.seq)
        return list(connection.scalars(mine))


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["say", "hold", "commit", "give up", "poll", "page on", "page back"]),
        st.integers(1, 4),
    ),
    min_size=5,
    max_size=30,
)


# A poll with something to note behind a held message, and a cursor left open at the end.
@example(actions=[("say", 1), ("hold", 1), ("poll", 1), ("say", 2), ("page on", 1), ("commit", 1)])
@example(actions=[("say", 1), ("say", 2), ("say", 1), ("page on", 1), ("hold", 2), ("give up", 1)])
@given(actions=ACTIONS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whoever_reads_along_gets_every_message_once_and_in_order(
    runtime: Runtime, actions: list[tuple[str, int]]
) -> None:
    people = (make_user(runtime, f"mina{runtime.new_id()}"), make_user(runtime, f"jun{runtime.new_id()}"))
    thread_id = open_thread(runtime, *people)
    writers = Writers(runtime, thread_id, people)
    pollers = Pollers(writers, people[0])
    pollers.start(say(runtime, thread_id, people[0]))
    steps: dict[str, Callable[[int], None]] = {
        "say": writers.say,
        "hold": writers.hold,
        "commit": lambda n: writers.let_go(commit=True),
        "give up": lambda n: writers.let_go(commit=False),
        "poll": pollers.poll,
        "page on": pollers.page_on,
        "page back": pollers.page_back,
    }
    try:
        for action, n in actions:
            steps[action](n)
    finally:
        writers.close()
    pollers.finish()
    everything = committed(runtime, thread_id)
    assert pollers.polled == pollers.forward == everything
    assert pollers.back == pollers.expected_back
