"""Friend requests and blocks on a real database, alone and in races."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, func, select

from kcardswap.domain.accounts import UserNotFound
from kcardswap.domain.errors import Blocked, Refusal, SelfTarget
from kcardswap.domain.friendships import (
    AlreadyFriends,
    Block,
    FriendRequestPending,
    FriendshipNotFound,
    FriendshipNotPending,
    NotRecipient,
)
from kcardswap.persistence.orm.conversations import threads
from kcardswap.persistence.orm.friendships import blocks, friendships
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.persistence.orm.trades import trades
from kcardswap.runtime import Runtime, retrying
from kcardswap.services import friendships as services
from tests.conftest import MovableClock
from tests.people import delete, make_user, suspend
from tests.swaps import (
    accept,
    befriend,
    broken_invariants,
    cancel,
    events_of,
    make_card,
    propose,
    statuses,
)


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


@pytest.fixture
def jun(runtime: Runtime) -> UUID:
    return make_user(runtime, "jun")


def ask(runtime: Runtime, by: UUID, target: UUID) -> UUID:
    return services.request(runtime.unit_of_work(), by=by, target_id=target)


def block(runtime: Runtime, by: UUID, target: UUID) -> None:
    retrying(lambda: services.block(runtime.unit_of_work(), by=by, target_id=target))


def count(connection: Connection, table: object) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0  # type: ignore[arg-type]


def test_a_request_is_stored_with_its_event(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID
) -> None:
    friendship_id = ask(runtime, mina, jun)
    stored = connection.execute(select(friendships)).one()
    assert (stored.id, stored.user_id, stored.friend_id, stored.status) == (
        friendship_id,
        mina,
        jun,
        "pending",
    )
    events = select(outbox.c.event_type, outbox.c.payload).where(outbox.c.aggregate_id == friendship_id)
    assert connection.execute(events).one() == (
        "FriendRequested",
        {"friendship_id": str(friendship_id), "user_id": str(mina), "friend_id": str(jun)},
    )
    assert count(connection, threads) == 0


def test_asking_back_is_accepting(runtime: Runtime, connection: Connection, mina: UUID, jun: UUID) -> None:
    friendship_id = ask(runtime, mina, jun)
    assert ask(runtime, jun, mina) == friendship_id
    assert connection.execute(select(friendships.c.user_id, friendships.c.status)).one() == (mina, "accepted")
    opened = connection.execute(select(threads)).one()
    assert (opened.user_a_id, opened.user_b_id) == tuple(sorted((mina, jun)))
    assert opened.origin == "friend"


def test_accepting_tells_where_the_two_talk(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID
) -> None:
    friendship_id = ask(runtime, mina, jun)
    services.accept(runtime.unit_of_work(), friendship_id=friendship_id, by=jun)
    thread_id = connection.scalar(select(threads.c.id))
    payload = connection.scalar(select(outbox.c.payload).where(outbox.c.event_type == "FriendshipAccepted"))
    assert payload is not None
    assert payload["thread_id"] == str(thread_id)


def test_people_who_part_and_meet_again_keep_their_thread(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID
) -> None:
    services.end(runtime.unit_of_work(), friendship_id=befriend(runtime, mina, jun), by=jun)
    assert count(connection, friendships) == 0
    befriend(runtime, jun, mina)
    assert count(connection, threads) == 1


@pytest.mark.parametrize("by_the_one_who_asked", [True, False])
def test_either_party_can_take_a_request_out_of_the_world(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, by_the_one_who_asked: bool
) -> None:
    friendship_id = ask(runtime, mina, jun)
    services.end(
        runtime.unit_of_work(), friendship_id=friendship_id, by=mina if by_the_one_who_asked else jun
    )
    assert count(connection, friendships) == 0


def test_a_rejected_request_is_gone_and_may_be_asked_again(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID
) -> None:
    services.reject(runtime.unit_of_work(), friendship_id=ask(runtime, mina, jun), by=jun)
    assert count(connection, friendships) == 0
    ask(runtime, mina, jun)


def test_requests_that_make_no_sense_are_refused(runtime: Runtime, mina: UUID, jun: UUID) -> None:
    with pytest.raises(SelfTarget):
        ask(runtime, mina, mina)
    with pytest.raises(UserNotFound):
        ask(runtime, mina, uuid4())
    ask(runtime, mina, jun)
    with pytest.raises(FriendRequestPending):
        ask(runtime, mina, jun)
    ask(runtime, jun, mina)
    with pytest.raises(AlreadyFriends):
        ask(runtime, mina, jun)
    with pytest.raises(AlreadyFriends):
        ask(runtime, jun, mina)


@pytest.mark.parametrize("leave", [delete, suspend])
def test_people_who_are_gone_cannot_be_asked(
    runtime: Runtime, mina: UUID, jun: UUID, leave: Callable[[Runtime, UUID], None]
) -> None:
    leave(runtime, jun)
    with pytest.raises(UserNotFound):
        ask(runtime, mina, jun)


ANSWERS = [services.accept, services.reject]


@pytest.mark.parametrize("answer", ANSWERS)
def test_only_the_person_asked_answers(
    runtime: Runtime, mina: UUID, jun: UUID, answer: Callable[..., None]
) -> None:
    friendship_id = ask(runtime, mina, jun)
    with pytest.raises(NotRecipient):
        answer(runtime.unit_of_work(), friendship_id=friendship_id, by=mina)
    with pytest.raises(FriendshipNotFound):
        answer(runtime.unit_of_work(), friendship_id=friendship_id, by=make_user(runtime, "stranger"))
    with pytest.raises(FriendshipNotFound):
        answer(runtime.unit_of_work(), friendship_id=uuid4(), by=jun)
    ask(runtime, jun, mina)
    with pytest.raises(FriendshipNotPending):
        answer(runtime.unit_of_work(), friendship_id=friendship_id, by=jun)


def test_strangers_cannot_end_a_friendship(runtime: Runtime, mina: UUID, jun: UUID) -> None:
    friendship_id = befriend(runtime, mina, jun)
    with pytest.raises(FriendshipNotFound):
        services.end(runtime.unit_of_work(), friendship_id=friendship_id, by=make_user(runtime, "stranger"))
    with pytest.raises(FriendshipNotFound):
        services.end(runtime.unit_of_work(), friendship_id=uuid4(), by=mina)


def test_a_block_ends_the_friendship_and_every_unfinished_trade_of_the_two(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID
) -> None:
    sora = make_user(runtime, "sora")
    befriend(runtime, mina, jun)
    befriend(runtime, mina, sora)
    mine, theirs = make_card(runtime, mina), make_card(runtime, jun)
    proposed = propose(runtime, mina, jun, [mine], [theirs])
    others = [make_card(runtime, jun), make_card(runtime, mina)]
    accepted = propose(runtime, jun, mina, others[:1], others[1:])
    accept(runtime, accepted, mina)
    untouched = propose(runtime, mina, sora, [make_card(runtime, mina)], [make_card(runtime, sora)])
    finished = propose(runtime, mina, jun, [make_card(runtime, mina)], [make_card(runtime, jun)])
    cancel(runtime, finished, jun)

    block(runtime, jun, mina)

    assert [row.friend_id for row in connection.execute(select(friendships))] == [sora]
    ended = select(trades.c.status, trades.c.cancel_reason, trades.c.canceled_by)
    for trade_id in (proposed, accepted):
        assert connection.execute(ended.where(trades.c.id == trade_id)).one() == ("canceled", "blocked", None)
        assert events_of(connection, trade_id)[-1] == "TradeCanceled"
    assert connection.execute(ended.where(trades.c.id == untouched)).one() == ("proposed", None, None)
    assert connection.execute(ended.where(trades.c.id == finished)).one() == ("canceled", "user", jun)
    assert statuses(connection, [mine, theirs, *others]) == ["available"] * 4
    assert count(connection, threads) == 2
    assert broken_invariants(connection) == []


def test_a_block_finds_an_overdue_trade_timed_out_not_blocked(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID, jun: UUID
) -> None:
    befriend(runtime, mina, jun)
    propose(runtime, mina, jun, [make_card(runtime, mina)], [make_card(runtime, jun)])
    deadline = connection.scalar(select(trades.c.deadline_at))
    clock.advance(days=8)
    block(runtime, mina, jun)
    ended = connection.execute(select(trades.c.cancel_reason, trades.c.canceled_at)).one()
    assert ended == ("timeout", deadline)


def test_blocking_and_unblocking_can_be_repeated(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID
) -> None:
    first = services.block(runtime.unit_of_work(), by=mina, target_id=jun)
    assert services.block(runtime.unit_of_work(), by=mina, target_id=jun) == first
    assert connection.scalar(select(func.count()).where(outbox.c.event_type == "UserBlocked")) == 1
    assert services.unblock(runtime.unit_of_work(), by=mina, target_id=jun) == first
    assert services.unblock(runtime.unit_of_work(), by=mina, target_id=jun) == (None, None)
    assert count(connection, blocks) == 0


def test_only_the_blocker_can_lift_a_block(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID
) -> None:
    block(runtime, mina, jun)
    services.unblock(runtime.unit_of_work(), by=jun, target_id=mina)
    assert count(connection, blocks) == 1


@pytest.mark.parametrize("act", [services.block, services.unblock])
def test_blocks_need_another_person(
    runtime: Runtime, mina: UUID, jun: UUID, act: Callable[..., object]
) -> None:
    with pytest.raises(SelfTarget):
        act(runtime.unit_of_work(), by=mina, target_id=mina)
    with pytest.raises(UserNotFound):
        act(runtime.unit_of_work(), by=mina, target_id=uuid4())
    delete(runtime, jun)
    with pytest.raises(UserNotFound):
        act(runtime.unit_of_work(), by=mina, target_id=jun)


def test_a_suspended_person_can_be_blocked(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID
) -> None:
    suspend(runtime, jun)
    block(runtime, mina, jun)
    assert count(connection, blocks) == 1


@pytest.mark.parametrize("blocker_asks", [True, False])
def test_a_block_in_either_direction_refuses_requests(
    runtime: Runtime, mina: UUID, jun: UUID, blocker_asks: bool
) -> None:
    block(runtime, mina, jun)
    with pytest.raises(Blocked):
        ask(runtime, *((mina, jun) if blocker_asks else (jun, mina)))
    services.unblock(runtime.unit_of_work(), by=mina, target_id=jun)
    ask(runtime, jun, mina)


def test_an_acceptance_looks_for_a_block_itself(runtime: Runtime, mina: UUID, jun: UUID) -> None:
    friendship_id = ask(runtime, mina, jun)
    uow = runtime.unit_of_work()
    with uow:
        blocked = Block.between(id=uow.new_id(), blocker_id=mina, blocked_id=jun, now=uow.clock.now())
        uow.blocks.add(blocked)
        uow.commit()
    with pytest.raises(Blocked):
        services.accept(runtime.unit_of_work(), friendship_id=friendship_id, by=jun)


def outcome(work: Callable[[], object], barrier: Barrier) -> type[Refusal] | None:
    """Run a racer and return the kind of its refusal; None when it won."""
    barrier.wait()
    try:
        retrying(work)
    except Refusal as refusal:
        return type(refusal)
    return None


def race(*racers: Callable[[], object]) -> list[type[Refusal] | None]:
    barrier = Barrier(len(racers))
    with ThreadPoolExecutor(len(racers)) as threads_pool:
        return [*threads_pool.map(lambda work: outcome(work, barrier), racers)]


def test_two_people_who_ask_each_other_at_once_are_friends(committed_runtime: Runtime) -> None:
    runtime = committed_runtime
    for n in range(10):
        a, b = make_user(runtime, f"a{n}"), make_user(runtime, f"b{n}")
        assert race(lambda: ask(runtime, a, b), lambda: ask(runtime, b, a)) == [None, None]  # noqa: B023
    with runtime.database.reader() as connection:
        assert [*connection.scalars(select(friendships.c.status))] == ["accepted"] * 10
        assert count(connection, threads) == 10


def test_asking_twice_at_once_makes_one_request(committed_runtime: Runtime) -> None:
    runtime = committed_runtime
    a, b = make_user(runtime, "a"), make_user(runtime, "b")
    outcomes = race(*[lambda: ask(runtime, a, b)] * 4)
    assert sorted(map(str, outcomes)) == sorted(map(str, [None, *[FriendRequestPending] * 3]))
    with runtime.database.reader() as connection:
        assert count(connection, friendships) == 1


def test_a_block_and_a_request_at_once_leave_no_request(committed_runtime: Runtime) -> None:
    runtime = committed_runtime
    for n in range(15):
        a, b = make_user(runtime, f"a{n}"), make_user(runtime, f"b{n}")
        blocked, asked = race(lambda: block(runtime, a, b), lambda: ask(runtime, b, a))  # noqa: B023
        assert blocked is None
        assert asked in (None, Blocked)
    with runtime.database.reader() as connection:
        assert count(connection, friendships) == 0
        assert count(connection, blocks) == 15


def test_a_block_and_an_acceptance_at_once_leave_no_friendship(committed_runtime: Runtime) -> None:
    runtime = committed_runtime
    for n in range(15):
        a, b = make_user(runtime, f"a{n}"), make_user(runtime, f"b{n}")
        request = ask(runtime, a, b)
        outcomes = race(
            lambda: block(runtime, a, b),  # noqa: B023
            lambda: services.accept(runtime.unit_of_work(), friendship_id=request, by=b),  # noqa: B023
        )
        assert outcomes[0] is None
        assert outcomes[1] in (None, FriendshipNotFound)
    with runtime.database.reader() as connection:
        assert count(connection, friendships) == 0
