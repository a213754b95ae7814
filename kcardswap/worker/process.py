"""A worker process: threads that carry events out, the relay and the schedule, until it is told to stop."""

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Thread
from types import FrameType
from typing import Any

import structlog
from celery import signals  # type: ignore[import-untyped]
from celery.worker import WorkController, state  # type: ignore[import-untyped]

from kcardswap.runtime import Runtime
from kcardswap.services.outbox import HandedOut
from kcardswap.worker import pulse
from kcardswap.worker.broker import EventQueue, make_celery
from kcardswap.worker.handlers import CONSUMERS
from kcardswap.worker.handling import EventHandler, Outcome
from kcardswap.worker.jobs import JOBS
from kcardswap.worker.relay import Relay
from kcardswap.worker.schedule import Schedule

EXTRA_CONNECTIONS = 2
"""The relay's and the schedule's."""
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a process does besides carrying events out, and with how many threads it does that."""

    relay: bool
    schedule: bool
    concurrency: int


class Worker:
    """Everything of one worker process."""

    def __init__(self, runtime: Runtime, parts: Parts) -> None:
        self._settings = runtime.settings
        self._handler = EventHandler(runtime, CONSUMERS)
        self._celery = make_celery(runtime.settings, self._carry_out)
        self._relay = Relay(runtime, EventQueue(self._celery), consumed=CONSUMERS.keys())
        self._stop = Event()
        self._parts = parts
        loops: list[Callable[[Event], None]] = []
        if parts.relay:
            loops.append(self._relay.run)
        if parts.schedule:
            loops.append(Schedule(runtime, JOBS).run)
        self._loops = [Thread(target=loop, args=[self._stop], daemon=True) for loop in loops]

    def run(self) -> int:
        """Work until SIGTERM or SIGINT and return the exit status.

        Then nothing new begins, and what runs has a while to end. What does not is left to its lease.
        """
        signals.setup_logging.connect(_keep_our_logging)
        controller = WorkController(
            app=self._celery,
            pool_cls="threads",
            concurrency=self._parts.concurrency,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
        self.listen()
        for loop in self._loops:
            loop.start()
        Thread(target=pulse.beat, args=[self._settings.data_dir, self._is_well], daemon=True).start()
        log.info("worker_ready", relay=self._parts.relay, schedule=self._parts.schedule)
        controller.start()
        self._end()
        return int(controller.exitcode or 0)

    def listen(self) -> None:
        """Let the first of the signals stop this process."""
        for number in STOP_SIGNALS:
            signal.signal(number, self._begin_to_stop)

    def _carry_out(self, event: HandedOut) -> None:
        if self._handler.handle(event) is Outcome.DONE:
            self._relay.wake()

    def _begin_to_stop(self, number: int, frame: FrameType | None) -> None:
        # A second signal would come in between, and wait for ever for the locks this one holds.
        for each in STOP_SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        self._stop.set()
        self._relay.wake()
        state.should_stop = 0
        Thread(target=self._give_up, daemon=True).start()

    def _give_up(self) -> None:
        time.sleep(self._settings.worker_grace.total_seconds())
        log.warning("worker_left_tasks_to_their_leases")
        sys.stderr.flush()
        os._exit(0)

    def _end(self) -> None:
        self._stop.set()
        for loop in self._loops:
            loop.join()
        pulse.end(self._settings.data_dir)
        log.info("worker_stopped")

    def _is_well(self) -> bool:
        return not self._stop.is_set() and all(loop.is_alive() for loop in self._loops)


def _keep_our_logging(**options: Any) -> None:
    """Keep Celery from setting up logging: whoever is connected to its signal takes care of that."""
