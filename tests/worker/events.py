"""Events for tests of the worker, in an outbox without others."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import insert, select

from kcardswap.persistence.orm.outbox import outbox, processed_events
from kcardswap.runtime import Runtime
from kcardswap.services import outbox as service
from kcardswap.services.outbox import HandedOut
from kcardswap.worker.handlers import CONSUMERS
from kcardswap.worker.handling import EventHandler

KIND = "ThingHappened"
LEASE = timedelta(seconds=30)


class Stored(NamedTuple):
    """An event as the outbox has it."""

    attempts: int
    available_at: Any
    processed_at: Any
    dead_at: Any
    last_error: str | None


def happen(runtime: Runtime, number: int = 1, *, event_type: str = KIND, after: float = 0) -> list[UUID]:
    """Put events into the outbox, each due a moment after the one before; return their ids in that order."""
    now = runtime.clock.now()
    rows = [
        {
            "id": runtime.new_id(),
            "event_type": event_type,
            "aggregate_type": "thing",
            "aggregate_id": runtime.new_id(),
            "payload": {"number": each},
            "request_id": f"request-{each}",
            "created_at": now,
            "available_at": now + timedelta(seconds=after),
        }
        for each in range(number)
    ]
    with runtime.database.transaction() as connection:
        connection.execute(insert(outbox), rows)
    return [UUID(str(row["id"])) for row in rows]


def handed_out(runtime: Runtime, limit: int = 100, *, consumed: str = KIND) -> list[HandedOut]:
    """Hand out what is due."""
    return service.hand_out(runtime.unit_of_work(), consumed=[consumed], lease=LEASE, limit=limit).handed_out


def carry_out_due(runtime: Runtime) -> None:
    """Do what a worker does, in this process, with everything that is due."""
    handler = EventHandler(runtime, CONSUMERS)
    batch = service.hand_out(runtime.unit_of_work(), consumed=CONSUMERS, lease=LEASE, limit=100)
    for event in batch.handed_out:
        handler.handle(event)


def stored(runtime: Runtime, event_id: UUID) -> Stored:
    """Return what the outbox says of an event."""
    statement = select(*(outbox.c[name] for name in Stored._fields)).where(outbox.c.id == event_id)
    with runtime.database.reader() as connection:
        return Stored(*connection.execute(statement).one())


def consumed(runtime: Runtime, event_id: UUID) -> set[str]:
    """Return the consumers that are through with an event."""
    statement = select(processed_events.c.consumer).where(processed_events.c.event_id == event_id)
    with runtime.database.reader() as connection:
        return set(connection.scalars(statement))


def wait_until(what: Callable[[], bool], *, seconds: float = 60) -> None:
    """Return when ``what`` is so; fail when it does not become so in time."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)
