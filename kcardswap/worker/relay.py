"""The relay: hands events of the outbox on to the queue."""

import threading
import time
from collections.abc import Collection
from typing import Protocol

import structlog

from kcardswap.runtime import Runtime, retrying
from kcardswap.services import outbox
from kcardswap.services.outbox import HandedOut

LOOK_EVERY_SECONDS = 1.0
FULL_QUEUE_SECONDS = 0.1
BATCH = 50
WAITING_AT_MOST = 100
"""How many tasks may wait for a worker; what is not handed out yet waits in the outbox without a lease."""
COMPLAIN_EVERY_SECONDS = 60.0
log = structlog.get_logger(__name__)


class Sink(Protocol):
    """Where events go."""

    def waiting(self) -> int:
        """Return how many tasks no worker took yet."""

    def send(self, event: HandedOut) -> None:
        """Let a worker carry ``event`` out."""

    def close(self) -> None:
        """Let go of what failed; the next use begins anew."""


class Relay:
    """Looks for due events every second, and at once when there may be more."""

    def __init__(self, runtime: Runtime, queue: Sink, *, consumed: Collection[str]) -> None:
        self._runtime = runtime
        self._queue = queue
        self._consumed = consumed
        self._awake = threading.Event()
        self._complained_at = -COMPLAIN_EVERY_SECONDS

    def wake(self) -> None:
        """Look at once: an event that was carried out may have caused others."""
        self._awake.set()

    def run(self, stop: threading.Event) -> None:
        """Hand on until ``stop``; what fails is tried again."""
        while not stop.is_set():
            self._awake.clear()
            pause = self.look_or_complain()
            if pause:
                self._awake.wait(pause)
        self._queue.close()

    def look_or_complain(self) -> float:
        """Hand on one batch; a database or broker that fails is reported once a minute."""
        try:
            return self.look()
        except Exception:
            self._queue.close()
            self._complain()
            return LOOK_EVERY_SECONDS

    def look(self) -> float:
        """Hand on one batch of due events and return after how many seconds to look again."""
        room = min(BATCH, WAITING_AT_MOST - self._queue.waiting())
        if room <= 0:
            return FULL_QUEUE_SECONDS
        batch = retrying(lambda: self._hand_out(room))
        for event in batch.handed_out:
            self._queue.send(event)
        return 0 if batch.found == room else LOOK_EVERY_SECONDS

    def _hand_out(self, limit: int) -> outbox.Batch:
        return outbox.hand_out(
            self._runtime.unit_of_work(),
            consumed=self._consumed,
            lease=self._runtime.settings.event_lease,
            limit=limit,
        )

    def _complain(self) -> None:
        now = time.monotonic()
        if now - self._complained_at >= COMPLAIN_EVERY_SECONDS:
            self._complained_at = now
            log.error("relay_waits", exc_info=True)
