"""Events on their way: handed out to tasks, taken up, consumed once each, tried again, given up, replayed."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from kcardswap.domain.base import StoredEvent
from kcardswap.persistence.repositories.outbox import Batch as Batch
from kcardswap.persistence.repositories.outbox import HandedOut as HandedOut
from kcardswap.persistence.unit_of_work import UnitOfWork

MAX_ATTEMPTS = 12
LONGEST_PAUSE = timedelta(hours=1)
REPLAYED_AT_ONCE = 1000


def hand_out(uow: UnitOfWork, *, consumed: Collection[str], lease: timedelta, limit: int) -> Batch:
    """Take up to ``limit`` due events for tasks; those not dealt with within ``lease`` are due again.

    :param consumed: the types of events somebody consumes; all others are through with this.
    """
    with uow:
        now = uow.clock.now()
        batch = uow.outbox.hand_out(
            consumed=consumed, now=now, until=now + lease, max_attempts=MAX_ATTEMPTS, limit=limit
        )
        uow.commit()
        return batch


def take_up(uow: UnitOfWork, *, event: HandedOut, lease: timedelta) -> StoredEvent | None:
    """Begin an attempt at an event; None when it is through, given up, or another task has it."""
    with uow:
        stored = uow.outbox.take_up(event, until=uow.clock.now() + lease)
        uow.commit()
        return stored


def begin_consuming(uow: UnitOfWork, *, consumer: str, event_id: UUID) -> bool:
    """Note that ``consumer`` deals with an event, in the transaction of its effects; False when it did."""
    with uow:
        first = uow.outbox.consume(consumer, event_id, now=uow.clock.now())
        uow.commit()
        return first


def was_consumed(uow: UnitOfWork, *, consumer: str, event_id: UUID) -> bool:
    """Tell whether ``consumer`` is through with an event."""
    with uow:
        return uow.outbox.was_consumed(consumer, event_id)


def finish(uow: UnitOfWork, *, event_id: UUID) -> None:
    """Note that all consumers are through with an event."""
    with uow:
        uow.outbox.finish(event_id, now=uow.clock.now())
        uow.commit()


def postpone(
    uow: UnitOfWork, *, event: HandedOut, error: str, at_least: timedelta = timedelta(0)
) -> timedelta | None:
    """Note a failed attempt and return after how long the next one comes; None when there is none.

    The pause is 2, 4, 8 ... seconds up to an hour, and never shorter than ``at_least``.
    """
    attempts = event.attempts + 1
    pause = max(min(timedelta(seconds=2**attempts), LONGEST_PAUSE), at_least)
    given_up = attempts >= MAX_ATTEMPTS
    with uow:
        now = uow.clock.now()
        uow.outbox.postpone(event, until=now + pause, error=error, dead_at=now if given_up else None)
        uow.commit()
    return None if given_up else pause


def replay(uow: UnitOfWork, *, ids: Collection[UUID]) -> list[UUID]:
    """Let these events be tried at once, with all attempts before them; return those that are not through."""
    with uow:
        replayed = uow.outbox.replay(ids, now=uow.clock.now())
        uow.commit()
        return replayed


def replay_dead(uow: UnitOfWork, *, event_type: str | None = None) -> int:
    """Let all events that were given up, or those of one type, be tried again; return how many.

    An outage may leave more of them than one statement has time for.
    """
    replayed = 0
    while batch := _replay_some_dead(uow, event_type):
        replayed += batch
    return replayed


def _replay_some_dead(uow: UnitOfWork, event_type: str | None) -> int:
    with uow:
        replayed = uow.outbox.replay_dead(event_type, now=uow.clock.now(), limit=REPLAYED_AT_ONCE)
        uow.commit()
        return replayed
