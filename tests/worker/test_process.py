"""Whole worker processes: stopped, killed, several at once."""

import json
import signal
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from celery.worker import state  # type: ignore[import-untyped]
from flask import Flask
from sqlalchemy import func, insert, select

from kcardswap.domain.notifications import DevicePlatform, Push, PushOutcome
from kcardswap.persistence.orm.jobs import scheduled_jobs
from kcardswap.persistence.orm.notifications import notifications
from kcardswap.persistence.orm.outbox import outbox, processed_events
from kcardswap.runtime import Runtime, SystemClock
from kcardswap.services.notifications import register_device
from kcardswap.settings import Settings
from kcardswap.worker import pulse
from kcardswap.worker.process import STOP_SIGNALS, Parts, Worker
from kcardswap.worker.relay import Relay
from tests.people import make_user
from tests.worker.events import carry_out_due, wait_until
from tests.worker.running import running_worker, starting_worker

EVENTS = 80
"""Each causes a second one: what is stored is pushed."""


@pytest.fixture
def url(committed_runtime: Runtime) -> str:
    """URL of a database of the test's own."""
    return committed_runtime.database.engine.url.render_as_string(hide_password=False)  # type: ignore[attr-defined, no-any-return]


def ask_to_be_friends(runtime: Runtime, number: int) -> list[UUID]:
    """Put so many friend requests of one person to another into the outbox, as far as consumers can tell."""
    mina, jun = make_user(runtime, "mina"), make_user(runtime, "jun")
    register_device(
        runtime.unit_of_work(),
        user_id=jun,
        device_id="phone",
        platform=DevicePlatform.WEB,
        fcm_token="canary-token",
    )
    now = runtime.clock.now()
    rows = [
        {
            "id": runtime.new_id(),
            "event_type": "FriendRequested",
            "aggregate_type": "friendship",
            "aggregate_id": (friendship_id := runtime.new_id()),
            "payload": {"friendship_id": str(friendship_id), "user_id": str(mina), "friend_id": str(jun)},
            "request_id": "canary-request",
            "created_at": now,
            "available_at": now,
        }
        for _ in range(number)
    ]
    with runtime.database.transaction() as connection:
        connection.execute(insert(outbox), rows)
    return [UUID(str(row["id"])) for row in rows]


def number_of(runtime: Runtime, what: object) -> int:
    with runtime.database.reader() as connection:
        return connection.scalar(select(func.count()).where(what)) or 0  # type: ignore[arg-type]


def consumptions(runtime: Runtime) -> int:
    return number_of(runtime, processed_events.c.event_id.is_not(None))


def open_events(runtime: Runtime) -> int:
    return number_of(runtime, outbox.c.processed_at.is_(None))


class CountingSender:
    """Takes every push and counts them."""

    def __init__(self) -> None:
        self.times = 0

    def send(self, push: Push) -> PushOutcome:
        self.times += 1
        return PushOutcome.SENT


def test_workers_killed_in_the_middle_leave_each_effect_once(
    committed_runtime: Runtime, url: str, tmp_path: Path
) -> None:
    sender = CountingSender()
    runtime = replace(committed_runtime, clock=SystemClock(), push_sender=sender)
    with (
        starting_worker(url, tmp_path, "--no-schedule", name="first") as first,
        starting_worker(url, tmp_path, "--no-schedule", name="second") as second,
    ):
        first.wait_until_ready()
        second.wait_until_ready()
        events = ask_to_be_friends(runtime, EVENTS)
        wait_until(lambda: consumptions(runtime) > EVENTS // 4)
        first.kill()
        wait_until(lambda: consumptions(runtime) > EVENTS)
        second.kill()
    left = open_events(runtime)
    assert left > 0

    def is_over() -> bool:
        carry_out_due(runtime)
        return open_events(runtime) == 0

    # Whoever comes next, here this process, carries out what is left when the leases are over.
    wait_until(is_over)
    with runtime.database.reader() as connection:
        assert sorted(connection.scalars(select(notifications.c.event_id))) == sorted(events)
    assert number_of(runtime, outbox.c.dead_at.is_not(None)) == 0
    assert number_of(runtime, outbox.c.event_type == "NotificationStored") == EVENTS
    # A killed worker may have pushed what it could not note any more; never more than it worked on at once.
    in_logs = sum(len(each.lines("push_not_configured")) for each in (first, second))
    assert in_logs > 0 and 0 < sender.times <= left
    assert EVENTS <= in_logs + sender.times <= EVENTS + 2 * 4


def test_a_worker_tells_the_request_behind_each_event_and_nothing_people_wrote(
    committed_runtime: Runtime, url: str, tmp_path: Path
) -> None:
    runtime = committed_runtime
    [event_id] = ask_to_be_friends(runtime, 1)
    with running_worker(url, tmp_path, name="first") as worker:
        wait_until(
            lambda: (
                open_events(runtime) == 0 and number_of(runtime, scheduled_jobs.c.outcome.is_not(None)) >= 8
            )
        )
        assert pulse.is_alive(tmp_path)
        assert worker.stop() == 0
    told, caused = worker.lines("event_handled")
    assert {
        "event_id",
        "type",
        "request_id",
        "ms",
        "outcome",
        "attempt",
        "timestamp",
        "level",
        "event",
    } == set(told)
    assert (told["event_id"], told["type"], told["outcome"]) == (str(event_id), "FriendRequested", "done")
    assert (caused["type"], caused["request_id"]) == ("NotificationStored", "canary-request")
    assert worker.lines("worker_stopped")
    assert "mina" not in worker.output.read_text() and "canary-token" not in worker.output.read_text()
    levels = {line["level"] for line in map(json.loads, worker.output.read_text().splitlines())}
    assert levels == {"info"}
    assert not pulse.is_alive(tmp_path)


def test_without_a_broker_a_worker_needs_its_own_relay(app: Flask) -> None:
    done = app.test_cli_runner().invoke(args=["worker", "--no-relay"])
    assert done.exit_code == 2
    assert "CELERY_BROKER_URL" in done.output


def test_a_check_fails_until_a_worker_shows_signs_of_life(
    app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check() -> tuple[int, str]:
        done = app.test_cli_runner().invoke(args=["worker", "--check"])
        return done.exit_code, done.output

    assert check() == (1, "Error: No worker shows signs of life here.\n")
    once = iter([True, False])
    monkeypatch.setattr(pulse, "BEAT_EVERY_SECONDS", 0)
    pulse.beat(settings.data_dir, lambda: next(once))
    assert check() == (0, "")
    pulse.end(settings.data_dir)
    assert check()[0] == 1


def test_a_second_signal_does_not_come_in_between_what_the_first_does(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker(runtime, Parts(relay=True, schedule=False, concurrency=1))
    begun = []

    def begin(relay: Relay) -> None:
        begun.append(relay)
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(Relay, "wake", begin)
    monkeypatch.setattr(Worker, "_give_up", lambda worker: None)
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    try:
        worker.listen()
        signal.raise_signal(signal.SIGINT)
        assert len(begun) == 1
    finally:
        state.should_stop = None
        for number, handler in before.items():
            signal.signal(number, handler)
