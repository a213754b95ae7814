"""Repository of events on their way to their consumers.

An event is handed out by a relay and taken up by a task. ``attempts`` counts how often it was taken up, and
a task takes it up only while the count is what it was at the handing out. So of several tasks for one event,
after a lease ran out or a broker repeated itself, one works and the others find nothing.
"""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Update, case, func, null, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from kcardswap.domain.base import StoredEvent
from kcardswap.persistence.orm.outbox import outbox, processed_events

_is_open: ColumnElement[bool] = outbox.c.processed_at.is_(None) & outbox.c.dead_at.is_(None)

STORED = tuple(outbox.c[name] for name in StoredEvent._fields)


class HandedOut(NamedTuple):
    """An event a task is to take up: which, and how often it was taken up before."""

    id: UUID
    attempts: int


class Batch(NamedTuple):
    """What one look into the outbox found: how many events were due, and those somebody consumes."""

    found: int
    handed_out: list[HandedOut]


class OutboxRepository:
    """Events that happened, until every consumer has dealt with them."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def hand_out(
        self, *, consumed: Collection[str], now: datetime, until: datetime, max_attempts: int, limit: int
    ) -> Batch:
        """Take up to ``limit`` due events, oldest first, but none that others lock; until then they are ours.

        Events of types nobody consumes are through with that. One that was taken up ``max_attempts`` times
        and never came back is given up.
        """
        due = (
            select(outbox.c.id)
            .where(_is_open, outbox.c.available_at <= now)
            .order_by(outbox.c.available_at, outbox.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("due")
        )
        has_consumers = outbox.c.event_type.in_(sorted(consumed))
        lost = has_consumers & (outbox.c.attempts >= max_attempts)
        statement = (
            update(outbox)
            .where(outbox.c.id == due.c.id)
            .values(
                available_at=until,
                processed_at=case((has_consumers, null()), else_=now),
                dead_at=case((lost, now), else_=null()),
                last_error=case(
                    (lost, func.coalesce(outbox.c.last_error, "The worker was lost.")),
                    else_=outbox.c.last_error,
                ),
            )
            .returning(outbox.c.id, outbox.c.attempts, _is_open.label("is_open"))
        )
        rows = sorted(self.session.execute(statement))
        return Batch(len(rows), [HandedOut(row.id, row.attempts) for row in rows if row.is_open])

    def take_up(self, event: HandedOut, *, until: datetime) -> StoredEvent | None:
        """Count one more attempt and keep the event until then; None when another task has or had it."""
        statement = (
            update(outbox)
            .where(outbox.c.id == event.id, outbox.c.attempts == event.attempts, _is_open)
            .values(attempts=outbox.c.attempts + 1, available_at=until)
            .returning(*STORED)
        )
        row = self.session.execute(statement).one_or_none()
        return None if row is None else StoredEvent(*row)

    def finish(self, event_id: UUID, *, now: datetime) -> None:
        """Note that every consumer is through with an event.

        One that was given up because its task outlived the last lease is dead no longer.
        """
        self.session.execute(
            update(outbox)
            .where(outbox.c.id == event_id, outbox.c.processed_at.is_(None))
            .values(processed_at=now, dead_at=None)
        )

    def postpone(self, event: HandedOut, *, until: datetime, error: str, dead_at: datetime | None) -> None:
        """Note why an attempt failed and when the next may come, or that there is none.

        :param event: as it was handed out; nothing is noted when another attempt began since.
        """
        statement = (
            update(outbox)
            .where(outbox.c.id == event.id, outbox.c.attempts == event.attempts + 1, _is_open)
            .values(available_at=until, last_error=error, dead_at=dead_at)
        )
        self.session.execute(statement)

    def consume(self, consumer: str, event_id: UUID, *, now: datetime) -> bool:
        """Note that ``consumer`` deals with an event in this transaction; False when it did before.

        Whoever does the same in a parallel transaction waits for the end of this one.
        """
        statement = (
            insert(processed_events)
            .values(consumer=consumer, event_id=event_id, processed_at=now)
            .on_conflict_do_nothing()
            .returning(processed_events.c.event_id)
        )
        return self.session.scalar(statement) is not None

    def was_consumed(self, consumer: str, event_id: UUID) -> bool:
        """Tell whether ``consumer`` dealt with an event."""
        statement = select(processed_events.c.event_id).where(
            processed_events.c.consumer == consumer, processed_events.c.event_id == event_id
        )
        return self.session.scalar(statement) is not None

    def replay(self, ids: Collection[UUID], *, now: datetime) -> list[UUID]:
        """Make events due with no attempt behind them; return those that are not through."""
        statement = _from_the_start(now).where(outbox.c.id.in_(sorted(ids))).returning(outbox.c.id)
        return sorted(self.session.scalars(statement))

    def replay_dead(self, event_type: str | None, *, now: datetime, limit: int) -> int:
        """Make up to ``limit`` events that were given up due again, the oldest first; return how many."""
        dead = select(outbox.c.id).where(outbox.c.dead_at.is_not(None)).order_by(outbox.c.dead_at)
        if event_type is not None:
            dead = dead.where(outbox.c.event_type == event_type)
        chosen = dead.limit(limit).with_for_update(skip_locked=True).cte("chosen")
        statement = _from_the_start(now).where(outbox.c.id == chosen.c.id).returning(outbox.c.id)
        return len(list(self.session.scalars(statement)))


def _from_the_start(now: datetime) -> Update:
    return (
        update(outbox)
        .where(outbox.c.processed_at.is_(None))
        .values(available_at=now, attempts=0, dead_at=None)
    )
