"""Carrying out one event: each of its consumers once, whatever became of the others."""

import time
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

import structlog

from kcardswap.domain.base import RetryLater, StoredEvent
from kcardswap.domain.errors import Refusal, WriteConflict
from kcardswap.domain.notifications import PushFailed
from kcardswap.runtime import Runtime, retrying
from kcardswap.services import outbox
from kcardswap.services.outbox import HandedOut
from kcardswap.worker.consumers import Consumers, Inside, Outside

ERROR_MAX_CHARACTERS = 500
PACKAGE = Path(__file__).parents[1]
log = structlog.get_logger("kcardswap.events")


class Outcome(StrEnum):
    """What became of a task."""

    DONE = "done"
    RETRY = "retry"
    DEAD = "dead"
    STALE = "stale"
    """Another task has the event, or had it."""


class EventHandler:
    """Carries out events that were handed out; safe to use from several threads."""

    def __init__(self, runtime: Runtime, consumers: Consumers) -> None:
        self._runtime = runtime
        self._consumers = consumers

    def handle(self, handed: HandedOut) -> Outcome:
        """Run the consumers of an event that are not through with it, note how it ended, and log one line."""
        began = time.perf_counter()
        event = retrying(lambda: self._take_up(handed))
        if event is None:
            log.debug("event_handled", event_id=str(handed.id), outcome=Outcome.STALE.value)
            return Outcome.STALE
        with structlog.contextvars.bound_contextvars(request_id=event.request_id):
            outcome = self._carry_out(handed, event)
            log.info(
                "event_handled",
                event_id=str(event.id),
                type=event.event_type,
                attempt=handed.attempts + 1,
                outcome=outcome.value,
                ms=round((time.perf_counter() - began) * 1000, 1),
            )
        return outcome

    def _take_up(self, handed: HandedOut) -> StoredEvent | None:
        lease = self._runtime.settings.event_lease
        return outbox.take_up(self._runtime.unit_of_work(), event=handed, lease=lease)

    def _carry_out(self, handed: HandedOut, event: StoredEvent) -> Outcome:
        consumers = self._consumers.get(event.event_type, ())
        failures = [failure for each in consumers if (failure := self._failure_of(each, event)) is not None]
        if not failures:
            retrying(lambda: outbox.finish(self._runtime.unit_of_work(), event_id=event.id))
            return Outcome.DONE
        pause = retrying(lambda: self._postpone(handed, failures))
        return Outcome.DEAD if pause is None else Outcome.RETRY

    def _postpone(self, handed: HandedOut, failures: list[Exception]) -> timedelta | None:
        asked = [failure.seconds for failure in failures if isinstance(failure, RetryLater)]
        return outbox.postpone(
            self._runtime.unit_of_work(),
            event=handed,
            error="; ".join(map(described, failures))[:ERROR_MAX_CHARACTERS],
            at_least=timedelta(seconds=max(asked, default=0)),
        )

    def _failure_of(self, consumer: Inside | Outside, event: StoredEvent) -> Exception | None:
        """Let one consumer do its part and return what went wrong."""
        try:
            if isinstance(consumer, Inside):
                for work in retrying(lambda: self._inside(consumer, event)):
                    work()
            else:
                self._outside(consumer, event)
        except RetryLater as later:
            log.info("consumer_asks_for_later", consumer=consumer.name, seconds=later.seconds)
            return later
        except Exception as error:
            log.error("consumer_failed", consumer=consumer.name, exc_info=True)
            return error
        return None

    def _inside(self, consumer: Inside, event: StoredEvent) -> list[Callable[[], None]]:
        """Return what has to wait for the end of the transaction."""
        afterwards: list[Callable[[], None]] = []
        with self._runtime.database.transaction() as connection:
            uow = self._runtime.unit_of_work(connection, request_id=event.request_id, afterwards=afterwards)
            if outbox.begin_consuming(uow, consumer=consumer.name, event_id=event.id):
                consumer.work(uow, event)
        return afterwards

    def _outside(self, consumer: Outside, event: StoredEvent) -> None:
        name, uow = consumer.name, self._runtime.unit_of_work()
        if not outbox.was_consumed(uow, consumer=name, event_id=event.id):
            consumer.work(self._runtime, event)
            retrying(lambda: outbox.begin_consuming(uow, consumer=name, event_id=event.id))


def described(error: Exception) -> str:
    """Return what may be kept of an error: its class and where in this project it came from.

    Messages are kept of our own errors only; others quote what people wrote.
    """
    name = type(error).__name__
    if isinstance(error, Refusal | WriteConflict | RetryLater | PushFailed):
        return f"{name}: {error}"
    place, trace = "", error.__traceback__
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        if path.is_relative_to(PACKAGE):
            place = f" at {path.relative_to(PACKAGE)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{name}{place}"
