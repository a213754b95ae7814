"""Repository of rows that were only needed for a while."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Date, Table, delete, func, or_, select, true, tuple_
from sqlalchemy.orm import Session

from kcardswap.domain.cards import CardStatus
from kcardswap.domain.quotas import STANDING
from kcardswap.persistence.orm.accounts import identity_denials, login_throttles, sessions
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.notifications import notifications
from kcardswap.persistence.orm.outbox import idempotency_keys, outbox, processed_events
from kcardswap.persistence.orm.quotas import quota_usage
from kcardswap.persistence.orm.trades import trade_items

CARDS_KEPT = timedelta(days=2)
"""How long deleted cards stay, for the limits of their day to count them."""


class RecordKind(StrEnum):
    """What is removed when its time is over."""

    EXPIRED_SESSIONS = "expired sessions"
    ENDED_SESSIONS = "ended sessions"
    COUNTERS = "counters of limits"
    THROTTLES = "failed sign-ins"
    ANSWERS = "kept answers"
    CONSUMPTIONS = "notes of consumers"
    EVENTS = "events"
    NOTIFICATIONS = "notifications"
    DENIALS = "denials"


@dataclass(frozen=True)
class Rule:
    """How long rows of one kind are kept after the moment in a column, which an index begins with."""

    since: Column[datetime] | Column[date]
    kept: timedelta = timedelta(0)
    where: Sequence[ColumnElement[bool]] = ()

    def is_over(self, now: datetime) -> ColumnElement[bool]:
        """Return the condition under which a row is no longer needed."""
        before = now - self.kept
        return self.since < (before.date() if isinstance(self.since.type, Date) else before)


# Not NOT EXISTS: that may become a join, which need not go along the index of the times.
_event_is_through = func.coalesce(
    select(outbox.c.processed_at.is_not(None))
    .where(outbox.c.id == processed_events.c.event_id)
    .scalar_subquery(),
    true(),
)
RULES = {
    RecordKind.EXPIRED_SESSIONS: Rule(sessions.c.expires_at, timedelta(days=7)),
    RecordKind.ENDED_SESSIONS: Rule(sessions.c.ended_at, timedelta(days=7)),
    # Standing limits have one row for ever, which is their lock.
    RecordKind.COUNTERS: Rule(
        quota_usage.c.period_start, timedelta(days=90), [quota_usage.c.period_start > STANDING]
    ),
    RecordKind.THROTTLES: Rule(login_throttles.c.window_started_at, timedelta(days=1)),
    RecordKind.ANSWERS: Rule(idempotency_keys.c.expires_at),
    # An event that was given up may be replayed later still, and then repeats nothing.
    RecordKind.CONSUMPTIONS: Rule(
        processed_events.c.processed_at,
        timedelta(days=7),
        [_event_is_through],
    ),
    RecordKind.EVENTS: Rule(outbox.c.processed_at, timedelta(days=7)),
    RecordKind.NOTIFICATIONS: Rule(notifications.c.created_at, timedelta(days=90)),
    RecordKind.DENIALS: Rule(identity_denials.c.until),
}


class Place(NamedTuple):
    """A place in the deleted cards, by when they were deleted."""

    deleted_at: datetime
    id: UUID


class PurgedPage(NamedTuple):
    """How many cards of a page were removed, and where it ended; None when there was none."""

    removed: int
    last: Place | None


class RecordsRepository:
    """Rows whose time is over, of every kind that ends by time alone."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def purge(self, kind: RecordKind, *, now: datetime, limit: int) -> int:
        """Remove up to ``limit`` rows, oldest first, but none that others lock; return how many."""
        rule = RULES[kind]
        table = rule.since.table
        assert isinstance(table, Table)
        over = (
            select(*table.primary_key)
            .where(rule.is_over(now), *rule.where)
            .order_by(rule.since)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("over")
        )
        same = [column == over.c[column.name] for column in table.primary_key]
        statement = delete(table).where(*same).returning(*table.primary_key)
        return len(self.session.execute(statement).all())

    def purge_cards(self, *, after: Place | None, before: datetime, limit: int) -> PurgedPage:
        """Remove deleted cards that were in no trade, looking at the next ``limit`` deleted ones."""
        place = tuple_(cards.c.deleted_at, cards.c.id)
        statement = select(cards.c.deleted_at, cards.c.id).where(cards.c.deleted_at < before)
        if after is not None:
            statement = statement.where(place > tuple_(after.deleted_at, after.id))
        page = [Place(*row) for row in self.session.execute(statement.order_by(*place.clauses).limit(limit))]
        if not page:
            return PurgedPage(0, None)
        traded = select(trade_items.c.id).where(
            or_(trade_items.c.card_id == cards.c.id, trade_items.c.received_card_id == cards.c.id)
        )
        free = (
            select(cards.c.id)
            .where(
                cards.c.id.in_([place.id for place in page]),
                cards.c.status != CardStatus.TRADING,
                cards.c.acquired_trade_id.is_(None),
                ~traded.exists(),
            )
            .order_by(cards.c.id)
            .with_for_update(of=cards, skip_locked=True)
        )
        gone = list(self.session.scalars(free))
        self.session.execute(delete(cards).where(cards.c.id.in_(gone)))
        return PurgedPage(len(gone), page[-1])
