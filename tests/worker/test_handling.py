"""One event and its consumers: each once, whatever becomes of the others."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest
from sqlalchemy import func, select

from kcardswap.domain.accounts import User
from kcardswap.domain.base import RetryLater, StoredEvent
from kcardswap.domain.errors import Unavailable
from kcardswap.domain.notifications import PushFailed
from kcardswap.persistence.orm.accounts import users
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.persistence.unit_of_work import UnitOfWork
from kcardswap.runtime import Runtime
from kcardswap.services import outbox as service
from kcardswap.services.outbox import MAX_ATTEMPTS, HandedOut
from kcardswap.worker.consumers import Inside, Outside
from kcardswap.worker.handling import EventHandler, Outcome
from tests.conftest import MovableClock
from tests.racing import at_once
from tests.worker.events import KIND, consumed, handed_out, happen, stored, wait_until

Failure = Callable[[], Exception]


class Reached:
    """Something outside that counts how often it was reached, and fails as often as it is told to."""

    def __init__(self, *failures: Exception) -> None:
        self.times = 0
        self.failures = list(failures)

    def __call__(self, runtime: Runtime, event: StoredEvent) -> None:
        self.times += 1
        if self.failures:
            raise self.failures.pop(0)


def make_somebody(uow: UnitOfWork, event: StoredEvent) -> None:
    """Leave a row behind, and an event of its own."""
    with uow:
        uow.users.add(User.register(id=uow.new_id(), email=None, now=uow.clock.now()))
        uow.commit()


def handler(runtime: Runtime, *consumers: Inside | Outside) -> EventHandler:
    return EventHandler(runtime, {KIND: consumers})


def handle_all(runtime: Runtime, handler: EventHandler) -> list[Outcome]:
    return [handler.handle(each) for each in handed_out(runtime)]


def number_of_users(runtime: Runtime) -> int:
    with runtime.database.reader() as connection:
        return connection.scalar(select(func.count()).select_from(users)) or 0


def test_consumers_get_the_event_and_it_is_through_when_all_are(runtime: Runtime) -> None:
    seen: list[StoredEvent] = []
    inside = Inside(name="inside", work=lambda uow, event: seen.append(event))
    outside = Outside(name="outside", work=lambda runtime, event: seen.append(event))
    [event_id] = happen(runtime)
    assert handle_all(runtime, handler(runtime, inside, outside)) == [Outcome.DONE]
    assert [(each.id, each.event_type, dict(each.payload)) for each in seen] == [
        (event_id, KIND, {"number": 0})
    ] * 2
    assert seen[0].request_id == "request-0" and seen[0].created_at == runtime.clock.now()
    assert consumed(runtime, event_id) == {"inside", "outside"}
    assert stored(runtime, event_id).processed_at == runtime.clock.now()
    assert handed_out(runtime) == []


def test_what_a_consumer_causes_carries_the_request_of_the_event(runtime: Runtime) -> None:
    happen(runtime)
    handle_all(runtime, handler(runtime, Inside(name="inside", work=make_somebody)))
    with runtime.database.reader() as connection:
        caused = connection.scalars(
            select(outbox.c.request_id).where(outbox.c.event_type == "UserRegistered")
        )
        assert list(caused) == ["request-0"]


def test_a_failure_leaves_nothing_of_its_consumer_and_repeats_no_other(
    runtime: Runtime, clock: MovableClock
) -> None:
    def fail(uow: UnitOfWork, event: StoredEvent) -> None:
        make_somebody(uow, event)
        raise ValueError("what somebody wrote")

    reached, before = Reached(), number_of_users(runtime)
    consumers: list[Inside | Outside] = [
        Inside(name="fails", work=fail),
        Inside(name="inside", work=make_somebody),
        Outside(name="outside", work=reached),
    ]
    [event_id] = happen(runtime)
    assert handle_all(runtime, handler(runtime, *consumers)) == [Outcome.RETRY]
    assert consumed(runtime, event_id) == {"inside", "outside"}
    clock.advance(seconds=2)
    assert handle_all(runtime, handler(runtime, *consumers)) == [Outcome.RETRY]
    assert number_of_users(runtime) == before + 1 and reached.times == 1
    clock.advance(seconds=4)
    consumers[0] = Inside(name="fails", work=make_somebody)
    assert handle_all(runtime, handler(runtime, *consumers)) == [Outcome.DONE]
    assert number_of_users(runtime) == before + 2 and reached.times == 1


def test_pauses_double_up_to_an_hour_and_the_twelfth_failure_is_the_last(
    runtime: Runtime, clock: MovableClock
) -> None:
    [event_id] = happen(runtime)
    failing = handler(runtime, Outside(name="outside", work=Reached(*[ValueError()] * MAX_ATTEMPTS)))
    pauses = []
    for _ in range(MAX_ATTEMPTS - 1):
        assert handle_all(runtime, failing) == [Outcome.RETRY]
        pauses.append((stored(runtime, event_id).available_at - clock.now()).total_seconds())
        clock.advance(seconds=pauses[-1] - 0.1)
        assert handed_out(runtime) == []
        clock.advance(seconds=0.1)
    assert pauses == [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048]
    assert handle_all(runtime, failing) == [Outcome.DEAD]
    clock.advance(days=1)
    assert handed_out(runtime) == []
    left = stored(runtime, event_id)
    assert left.dead_at is not None and left.attempts == MAX_ATTEMPTS
    assert service.replay_dead(runtime.unit_of_work(), event_type="Other") == 0
    assert service.replay_dead(runtime.unit_of_work(), event_type=KIND) == 1
    assert handle_all(runtime, failing) == [Outcome.DONE]
    assert stored(runtime, event_id).dead_at is None


def test_whoever_asks_for_later_gets_at_least_that(runtime: Runtime, clock: MovableClock) -> None:
    reached = Reached()
    asking = Outside(name="outside", work=Reached(RetryLater(90), RetryLater(1)))
    [event_id] = happen(runtime)
    all_of_it = handler(runtime, asking, Outside(name="other", work=reached))
    assert handle_all(runtime, all_of_it) == [Outcome.RETRY]
    assert stored(runtime, event_id).available_at == clock.now() + timedelta(seconds=90)
    clock.advance(seconds=90)
    assert handle_all(runtime, all_of_it) == [Outcome.RETRY]
    assert stored(runtime, event_id).available_at == clock.now() + timedelta(seconds=4)
    clock.advance(seconds=4)
    assert handle_all(runtime, all_of_it) == [Outcome.DONE]
    assert reached.times == 1


@pytest.mark.parametrize(
    ("failure", "kept"),
    [
        (lambda: ValueError("mina@kcardswap.test wrote this"), "ValueError"),
        (
            lambda: Unavailable("push"),
            "Unavailable: A service this depends on is unavailable. Try again shortly.",
        ),
        (lambda: RetryLater(30), "RetryLater: again in 30 s"),
        (lambda: PushFailed("fcm_403"), "PushFailed: fcm_403"),
    ],
    ids=["a bug", "a refusal", "later", "a push"],
)
def test_of_an_error_no_more_is_kept_than_its_kind(runtime: Runtime, failure: Failure, kept: str) -> None:
    [event_id] = happen(runtime)
    handle_all(runtime, handler(runtime, Outside(name="outside", work=Reached(failure()))))
    error = stored(runtime, event_id).last_error
    assert error is not None and error.startswith(kept) and "mina" not in error


def test_of_two_tasks_for_one_event_the_first_works(runtime: Runtime, clock: MovableClock) -> None:
    reached = Reached(ValueError())
    happen(runtime)
    [first] = handed_out(runtime)
    clock.advance(seconds=31)
    [again] = handed_out(runtime)
    working = handler(runtime, Outside(name="outside", work=reached))
    assert again == first
    assert working.handle(again) is Outcome.RETRY
    assert working.handle(first) is Outcome.STALE
    assert working.handle(HandedOut(runtime.new_id(), 0)) is Outcome.STALE
    assert reached.times == 1


def test_a_worker_lost_in_the_middle_is_replaced_when_its_lease_is_over(
    runtime: Runtime, clock: MovableClock
) -> None:
    class Killed(BaseException):
        """Nothing of the process goes on."""

    def die(runtime: Runtime, event: StoredEvent) -> None:
        raise Killed

    reached = Reached()
    [event_id] = happen(runtime)
    dying = handler(runtime, Outside(name="before", work=reached), Outside(name="outside", work=die))
    with pytest.raises(Killed):
        handle_all(runtime, dying)
    assert handed_out(runtime) == []
    clock.advance(seconds=30)
    replaced = handler(runtime, Outside(name="before", work=reached), Outside(name="outside", work=reached))
    assert handle_all(runtime, replaced) == [Outcome.DONE]
    assert reached.times == 2 and stored(runtime, event_id).attempts == 2


def test_an_event_that_loses_every_worker_is_given_up(runtime: Runtime, clock: MovableClock) -> None:
    [event_id] = happen(runtime)
    for _ in range(MAX_ATTEMPTS):
        [event] = handed_out(runtime)
        service.take_up(runtime.unit_of_work(), event=event, lease=timedelta(seconds=30))
        clock.advance(seconds=30)
    assert handed_out(runtime) == []
    left = stored(runtime, event_id)
    assert left.dead_at == clock.now() and left.last_error == "The worker was lost."


def test_an_event_that_was_given_up_too_soon_is_through_when_its_last_task_ends(
    runtime: Runtime, clock: MovableClock
) -> None:
    [event_id] = happen(runtime)
    for _ in range(MAX_ATTEMPTS):
        [event] = handed_out(runtime)
        service.take_up(runtime.unit_of_work(), event=event, lease=timedelta(seconds=30))
        clock.advance(seconds=31)
    assert handed_out(runtime) == [] and stored(runtime, event_id).dead_at is not None
    service.finish(runtime.unit_of_work(), event_id=event_id)
    left = stored(runtime, event_id)
    assert left.processed_at == clock.now() and left.dead_at is None


def test_a_late_failure_takes_nothing_back(runtime: Runtime, clock: MovableClock) -> None:
    [event_id] = happen(runtime)
    [slow] = handed_out(runtime)
    service.take_up(runtime.unit_of_work(), event=slow, lease=timedelta(seconds=30))
    clock.advance(seconds=31)
    assert handle_all(runtime, handler(runtime)) == [Outcome.DONE]
    service.postpone(runtime.unit_of_work(), event=slow, error="ValueError")
    assert stored(runtime, event_id).last_error is None
    assert handed_out(runtime) == []


def test_threads_that_get_the_same_event_have_its_effects_once(committed_runtime: Runtime) -> None:
    runtime = committed_runtime
    before = number_of_users(runtime)
    events = happen(runtime, 20)
    handled = handler(runtime, Inside(name="inside", work=make_somebody))
    tasks = handed_out(runtime)
    outcomes = at_once(*[lambda: [handled.handle(each) for each in tasks]] * 4)
    assert sum(each.count(Outcome.DONE) for each in outcomes) == len(events)
    assert number_of_users(runtime) == before + len(events)


def test_a_consumer_slower_than_its_lease_has_its_effect_once(
    committed_runtime: Runtime, clock: MovableClock
) -> None:
    runtime = committed_runtime
    begun, go_on = Event(), Event()

    def slow(uow: UnitOfWork, event: StoredEvent) -> None:
        make_somebody(uow, event)
        begun.set()
        assert go_on.wait(10)

    before = number_of_users(runtime)
    [event_id] = happen(runtime)
    working = handler(runtime, Inside(name="inside", work=slow))
    [first] = handed_out(runtime)
    with ThreadPoolExecutor(2) as pool:
        outcomes = [pool.submit(working.handle, first)]
        assert begun.wait(10)
        clock.advance(seconds=31)
        [second] = handed_out(runtime)
        outcomes.append(pool.submit(working.handle, second))
        wait_until(lambda: stored(runtime, event_id).attempts == 2)
        go_on.set()
    assert [outcome.result() for outcome in outcomes] == [Outcome.DONE, Outcome.DONE]
    assert number_of_users(runtime) == before + 1
    assert consumed(runtime, event_id) == {"inside"}
