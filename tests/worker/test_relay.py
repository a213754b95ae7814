"""Handing on: exactly what is due, to one task each, however many relays look."""

import threading
from datetime import timedelta
from uuid import UUID

import pytest
import structlog

from kcardswap.domain.errors import Unavailable
from kcardswap.runtime import Runtime
from kcardswap.services import outbox as service
from kcardswap.services.outbox import HandedOut
from kcardswap.worker import relay as module
from kcardswap.worker.relay import BATCH, FULL_QUEUE_SECONDS, LOOK_EVERY_SECONDS, WAITING_AT_MOST, Relay
from tests.conftest import MovableClock
from tests.racing import at_once
from tests.worker.events import KIND, LEASE, handed_out, happen, stored, wait_until


class Line:
    """A queue nobody works on."""

    def __init__(self) -> None:
        self.sent: list[HandedOut] = []
        self.broken = False

    def waiting(self) -> int:
        if self.broken:
            raise ConnectionError("nobody listens")
        return len(self.sent)

    def send(self, event: HandedOut) -> None:
        self.sent.append(event)

    def close(self) -> None:
        pass


def ids(events: list[HandedOut]) -> list[UUID]:
    return [event.id for event in events]


def test_what_is_due_is_handed_out_once_within_its_lease(runtime: Runtime, clock: MovableClock) -> None:
    due = happen(runtime, 3)
    later = happen(runtime, 1, after=10)
    assert ids(handed_out(runtime)) == due
    clock.advance(seconds=10)
    assert ids(handed_out(runtime)) == later
    clock.advance(seconds=20)
    assert ids(handed_out(runtime)) == due
    service.finish(runtime.unit_of_work(), event_id=due[0])
    clock.advance(seconds=30)
    assert ids(handed_out(runtime)) == [*due[1:], *later]


def test_those_due_longest_come_first(runtime: Runtime, clock: MovableClock) -> None:
    second = happen(runtime, 2, after=5)
    first = happen(runtime, 2)
    clock.advance(seconds=60)
    assert set(ids(handed_out(runtime, 2))) == set(first)
    assert set(ids(handed_out(runtime, 2))) == set(second)


def test_events_nobody_consumes_are_through_when_they_are_found(runtime: Runtime) -> None:
    [unknown] = happen(runtime, event_type="NobodyCares")
    batch = service.hand_out(runtime.unit_of_work(), consumed=[KIND], lease=LEASE, limit=10)
    assert (batch.found, batch.handed_out) == (1, [])
    assert stored(runtime, unknown).processed_at == runtime.clock.now()
    assert stored(runtime, unknown).attempts == 0


def test_relays_that_look_at_once_never_hand_out_the_same_event(committed_runtime: Runtime) -> None:
    events = happen(committed_runtime, 120)

    def look() -> list[HandedOut]:
        found: list[HandedOut] = []
        while batch := handed_out(committed_runtime, 7):
            found += batch
        return found

    given = [event for each in at_once(*[look] * 4) for event in each]
    assert sorted(ids(given)) == sorted(events)


def test_an_event_is_due_again_when_its_task_was_never_taken_up(
    runtime: Runtime, clock: MovableClock
) -> None:
    [event_id] = happen(runtime)
    for _ in range(20):
        assert handed_out(runtime) == [HandedOut(event_id, 0)]
        clock.advance(seconds=30)
    assert stored(runtime, event_id).attempts == 0


def test_a_relay_goes_on_at_once_while_there_is_more(runtime: Runtime) -> None:
    line = Line()
    relay = Relay(runtime, line, consumed=[KIND])
    events = happen(runtime, BATCH + 1)
    assert relay.look() == 0
    assert relay.look() == LOOK_EVERY_SECONDS
    assert ids(line.sent) == events


def test_a_full_queue_gets_nothing_more_until_somebody_takes_from_it(runtime: Runtime) -> None:
    line = Line()
    relay = Relay(runtime, line, consumed=[KIND])
    events = happen(runtime, WAITING_AT_MOST + 5)
    while relay.look() == 0:
        pass
    assert len(line.sent) == WAITING_AT_MOST
    assert relay.look() == FULL_QUEUE_SECONDS
    assert stored(runtime, events[-1]).available_at == runtime.clock.now()
    line.sent.clear()
    relay.look()
    assert ids(line.sent) == events[-5:]


def test_a_broker_that_is_down_is_reported_once_a_minute_and_nothing_is_lost(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line()
    line.broken = True
    relay = Relay(runtime, line, consumed=[KIND])
    [event_id] = happen(runtime)
    with structlog.testing.capture_logs() as lines:
        assert [relay.look_or_complain() for _ in range(5)] == [LOOK_EVERY_SECONDS] * 5
        monkeypatch.setattr(module, "COMPLAIN_EVERY_SECONDS", 0.0)
        relay.look_or_complain()
    assert [line["event"] for line in lines] == ["relay_waits"] * 2
    assert stored(runtime, event_id).available_at == runtime.clock.now()
    line.broken = False
    relay.look_or_complain()
    assert ids(line.sent) == [event_id]


def test_a_relay_runs_until_it_is_stopped_and_is_woken_by_what_happens(
    committed_runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY_SECONDS", 600.0)
    line, stop = Line(), threading.Event()
    relay = Relay(committed_runtime, line, consumed=[KIND])
    first = happen(committed_runtime)
    running = threading.Thread(target=relay.run, args=[stop])
    running.start()
    wait_until(lambda: ids(line.sent) == first)
    second = happen(committed_runtime)
    relay.wake()
    wait_until(lambda: ids(line.sent) == first + second)
    stop.set()
    relay.wake()
    running.join(5)
    assert not running.is_alive()


def test_replaying_takes_named_events_whether_given_up_or_waiting(
    runtime: Runtime, clock: MovableClock
) -> None:
    waiting, through = happen(runtime, 2)
    for event in handed_out(runtime):
        service.take_up(runtime.unit_of_work(), event=event, lease=timedelta(hours=1))
    service.finish(runtime.unit_of_work(), event_id=through)
    assert service.replay(runtime.unit_of_work(), ids=[waiting, through, runtime.new_id()]) == [waiting]
    assert handed_out(runtime) == [HandedOut(waiting, 0)]


def test_a_database_that_is_down_ends_no_relay(runtime: Runtime) -> None:
    class Down(Line):
        def waiting(self) -> int:
            raise Unavailable("database")

    assert Relay(runtime, Down(), consumed=[KIND]).look_or_complain() == LOOK_EVERY_SECONDS
