"""What is removed when its time is over, and what is not."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Table, func, insert, select, text, update
from sqlalchemy.orm import Session

from kcardswap.domain.quotas import STANDING
from kcardswap.persistence.orm.accounts import identity_denials, login_throttles, sessions
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.notifications import notifications
from kcardswap.persistence.orm.outbox import idempotency_keys, outbox, processed_events
from kcardswap.persistence.orm.quotas import quota_usage
from kcardswap.persistence.repositories.records import RecordsRepository
from kcardswap.runtime import Runtime
from kcardswap.services import records
from kcardswap.services.records import RecordKind
from kcardswap.worker.jobs import purge_records
from tests.conftest import MovableClock
from tests.migrations.test_documents import plan_of
from tests.people import make_user
from tests.pictures import put_card
from tests.swaps import Two, propose

Row = Callable[[Runtime, UUID, datetime], Mapping[str, Any]]


def session(runtime: Runtime, user_id: UUID, expires_at: datetime, **ended: Any) -> Mapping[str, Any]:
    began = {"created_at": expires_at - timedelta(days=7), "last_used_at": expires_at - timedelta(days=7)}
    return {
        "id": runtime.new_id(),
        "user_id": user_id,
        "client": "bearer",
        "expires_at": expires_at,
        **began,
        **ended,
    }


def event_row(runtime: Runtime, processed_at: datetime) -> Mapping[str, Any]:
    ids = {"id": runtime.new_id(), "aggregate_id": runtime.new_id()}
    times = {"created_at": processed_at, "available_at": processed_at, "processed_at": processed_at}
    return {**ids, **times, "event_type": "ThingHappened", "aggregate_type": "thing", "payload": {}}


KINDS: dict[RecordKind, tuple[Table, timedelta, Row]] = {
    RecordKind.EXPIRED_SESSIONS: (sessions, timedelta(days=7), session),
    RecordKind.ENDED_SESSIONS: (
        sessions,
        timedelta(days=7),
        lambda runtime, user_id, ended_at: session(
            runtime, user_id, ended_at + timedelta(days=6), ended_at=ended_at, end_reason="logout"
        ),
    ),
    RecordKind.COUNTERS: (
        quota_usage,
        timedelta(days=90),
        lambda runtime, user_id, at: {
            "user_id": user_id,
            "limit_key": "posts_per_day",
            "period_start": at.date(),
            "used": 1,
            "updated_at": at,
        },
    ),
    RecordKind.THROTTLES: (
        login_throttles,
        timedelta(days=1),
        lambda runtime, user_id, at: {
            "key_hash": runtime.new_id().hex * 2,
            "window_started_at": at,
            "failures": 1,
        },
    ),
    RecordKind.ANSWERS: (
        idempotency_keys,
        timedelta(0),
        lambda runtime, user_id, at: {
            "id": runtime.new_id(),
            "user_id": user_id,
            "key": str(runtime.new_id()),
            "fingerprint": "0" * 64,
            "created_at": at,
            "expires_at": at,
        },
    ),
    RecordKind.CONSUMPTIONS: (
        processed_events,
        timedelta(days=7),
        lambda runtime, user_id, at: {"consumer": "push", "event_id": runtime.new_id(), "processed_at": at},
    ),
    RecordKind.EVENTS: (outbox, timedelta(days=7), lambda runtime, user_id, at: event_row(runtime, at)),
    RecordKind.NOTIFICATIONS: (
        notifications,
        timedelta(days=90),
        lambda runtime, user_id, at: {
            "id": runtime.new_id(),
            "user_id": user_id,
            "type": "rating",
            "payload": {},
            "event_id": runtime.new_id(),
            "created_at": at,
        },
    ),
    RecordKind.DENIALS: (
        identity_denials,
        timedelta(0),
        lambda runtime, user_id, at: {
            "id": runtime.new_id(),
            "provider": "google",
            "subject_hash": runtime.new_id().hex * 2,
            "until": at,
            "created_at": at,
        },
    ),
}
each_kind = pytest.mark.parametrize("kind", RecordKind, ids=lambda kind: kind.value.replace(" ", "-"))


def count(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


@pytest.fixture
def mina(runtime: Runtime, connection: Connection) -> UUID:
    """Somebody, as the only thing there is."""
    user_id = make_user(runtime, "mina")
    for table in (sessions, outbox):
        connection.execute(table.delete())
    return user_id


@each_kind
def test_rows_go_when_their_time_is_over_and_not_before(
    runtime: Runtime, connection: Connection, mina: UUID, kind: RecordKind
) -> None:
    table, kept, row = KINDS[kind]
    # Counters know only days.
    moment = timedelta(days=1) if kind is RecordKind.COUNTERS else timedelta(seconds=1)
    now = runtime.clock.now()
    for number in range(3):
        connection.execute(insert(table).values(**row(runtime, mina, now - kept - moment * (number + 1))))
    connection.execute(insert(table).values(**row(runtime, mina, now - kept)))
    assert [records.purge(runtime.unit_of_work(), kind=kind, limit=2) for _ in range(3)] == [2, 1, 0]
    assert count(connection, table) == 1


@each_kind
def test_what_is_removed_is_found_by_an_index_in_its_order(
    runtime: Runtime, connection: Connection, kind: RecordKind
) -> None:
    # As with many rows.
    connection.execute(text("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off"))
    repository = RecordsRepository(Session(connection))
    plan = plan_of(connection, lambda: repository.purge(kind, now=runtime.clock.now(), limit=500))
    assert re.search(r"CTE over\n +->  Limit\n +->  LockRows\n +->  Index Scan using ix_\w+ on", plan), plan
    assert f"Seq Scan on {KINDS[kind][0].name}" not in plan


def test_the_rows_that_standing_limits_lock_stay(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    values = {
        "user_id": mina,
        "limit_key": "gallery_cards_count_max",
        "used": 0,
        "updated_at": runtime.clock.now(),
    }
    connection.execute(insert(quota_usage).values(**values, period_start=STANDING))
    connection.execute(insert(quota_usage).values(**values, period_start=date(2020, 1, 1)))
    assert records.purge(runtime.unit_of_work(), kind=RecordKind.COUNTERS, limit=10) == 1
    assert list(connection.scalars(select(quota_usage.c.period_start))) == [STANDING]


def test_events_that_are_not_through_stay_however_old(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    for dead_at in (None, clock.now()):
        row = {**event_row(runtime, clock.now()), "processed_at": None, "dead_at": dead_at}
        connection.execute(insert(outbox).values(**row))
    clock.advance(days=1000)
    purge_records(runtime)
    assert count(connection, outbox) == 2


def test_what_was_done_for_an_event_is_known_until_the_event_is_through(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    row = {**event_row(runtime, clock.now()), "processed_at": None, "dead_at": clock.now()}
    connection.execute(insert(outbox).values(**row))
    note = {"consumer": "push", "event_id": row["id"], "processed_at": clock.now()}
    connection.execute(insert(processed_events).values(**note))
    clock.advance(days=30)
    purge_records(runtime)
    assert count(connection, processed_events) == 1
    connection.execute(update(outbox).values(processed_at=clock.now(), dead_at=None))
    purge_records(runtime)
    assert count(connection, processed_events) == 0


def test_denials_without_an_end_stay(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    _, _, row = KINDS[RecordKind.DENIALS]
    connection.execute(insert(identity_denials).values(**{**row(runtime, mina, clock.now()), "until": None}))
    clock.advance(days=1000)
    purge_records(runtime)
    assert count(connection, identity_denials) == 1


def test_deleted_cards_go_after_two_days_unless_they_were_in_a_swap(
    runtime: Runtime, connection: Connection, clock: MovableClock
) -> None:
    two = Two(runtime)
    propose(runtime, two.mina, two.jun, two.minas[:1], two.juns[:1])
    kept = put_card(runtime, two.mina)
    swapped, unswapped, recent = two.minas[0], two.minas[1], two.minas[2]
    connection.execute(update(cards).where(cards.c.id == swapped).values(status="available"))
    old = clock.now() - timedelta(days=2, seconds=1)
    for card_id, deleted_at in ((swapped, old), (unswapped, old), (recent, clock.now())):
        connection.execute(update(cards).where(cards.c.id == card_id).values(deleted_at=deleted_at))
    said = purge_records(runtime)
    assert said.endswith("1 deleted cards.")
    left = set(connection.scalars(select(cards.c.id)))
    assert {swapped, recent, kept} <= left and unswapped not in left


def test_every_page_of_deleted_cards_is_looked_at(
    runtime: Runtime, connection: Connection, clock: MovableClock
) -> None:
    two = Two(runtime)
    propose(runtime, two.mina, two.jun, two.minas[:1], two.juns[:1])
    connection.execute(update(cards).values(status="available", deleted_at=clock.now() - timedelta(days=3)))
    number, seen, removed = count(connection, cards), None, 0
    while (page := records.purge_cards(runtime.unit_of_work(), after=seen, limit=1)).last is not None:
        seen, removed = page.last, removed + page.removed
    assert (removed, count(connection, cards)) == (number - 2, 2)
