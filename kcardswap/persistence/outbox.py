"""Writing domain events into the outbox, in the transaction that causes them."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from kcardswap.domain.base import Event, NewId
from kcardswap.persistence.orm.outbox import outbox


def write_events(
    session: Session, events: Sequence[Event], *, new_id: NewId, now: datetime, request_id: str | None
) -> None:
    """Insert ``events`` in order; they become visible to the relay with the commit of ``session``."""
    if not events:
        return
    rows = [
        {
            "id": new_id(),
            "event_type": type(event).__name__,
            "aggregate_type": event.aggregate,
            "aggregate_id": event.aggregate_id,
            "payload": {name: plain(value) for name, value in asdict(event).items()},
            "request_id": request_id,
            "created_at": now,
            "available_at": now,
        }
        for event in events
    ]
    session.execute(insert(outbox), rows)


def plain(value: Any) -> Any:
    """Return ``value`` as JSON can hold it: ids and times as text, sequences as lists."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value
