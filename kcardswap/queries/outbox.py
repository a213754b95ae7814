"""What operators see of the outbox."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, select

from kcardswap.persistence.orm.outbox import outbox


class OutboxState(StrEnum):
    """Which events of the outbox are meant."""

    OPEN = "open"
    """On their way, whenever they are due."""
    DUE = "due"
    DEAD = "dead"


class OutboxRow(NamedTuple):
    """One event on its way, or given up."""

    id: UUID
    event_type: str
    created_at: datetime
    available_at: datetime
    attempts: int
    dead_at: datetime | None
    last_error: str | None


def waiting_events(
    connection: Connection, *, state: OutboxState, now: datetime, limit: int
) -> list[OutboxRow]:
    """Return events that are not through: dead ones by when they were given up, others by when due."""
    if state is OutboxState.DEAD:
        where: tuple[ColumnElement[bool], ...] = (outbox.c.dead_at.is_not(None),)
        order = outbox.c.dead_at
    else:
        where = (outbox.c.processed_at.is_(None), outbox.c.dead_at.is_(None))
        order = outbox.c.available_at
    if state is OutboxState.DUE:
        where += (outbox.c.available_at <= now,)
    statement = (
        select(*(outbox.c[name] for name in OutboxRow._fields))
        .where(*where)
        .order_by(order, outbox.c.id)
        .limit(limit)
    )
    return [OutboxRow(*row) for row in connection.execute(statement)]
