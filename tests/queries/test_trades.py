"""Swaps as their people read them."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, select, update

from kcardswap.domain.cards import CardStatus
from kcardswap.domain.media import MediaStatus
from kcardswap.domain.trades import TradeNotFound, TradeStatus
from kcardswap.persistence.orm.media import media_assets
from kcardswap.persistence.orm.trades import trades
from kcardswap.queries.keyset import Page, PageRequest
from kcardswap.queries.trades import TradeRow, history, trade
from kcardswap.runtime import Runtime
from tests.conftest import MovableClock
from tests.people import delete, make_user
from tests.swaps import (
    Two,
    accept,
    befriend_all,
    cancel,
    complete,
    make_cards,
    propose,
    propose_ring,
)


@pytest.fixture
def two(runtime: Runtime) -> Two:
    return Two(runtime)


def swap(runtime: Runtime, two: Two, n: int = 0) -> UUID:
    return propose(runtime, two.mina, two.jun, [two.minas[n]], [two.juns[n]])


def past(
    connection: Connection, viewer: UUID, clock: MovableClock, status: str | None = None, **page: Any
) -> Page[TradeRow]:
    return history(
        connection,
        viewer_id=viewer,
        status=None if status is None else TradeStatus(status),
        now=clock.now(),
        page=PageRequest(**{"limit": 10, **page}),
    )


def test_a_trade_shows_its_people_in_seat_order_and_what_each_gives(
    runtime: Runtime, connection: Connection, clock: MovableClock, two: Two
) -> None:
    trade_id = propose(runtime, two.mina, two.jun, two.minas[:2], two.juns[:1])
    row = trade(connection, trade_id=trade_id, viewer_id=two.jun, now=clock.now())
    assert [(person.nickname, person.position, person.role) for person in row.participants] == [
        ("Mina", 0, "initiator"),
        ("Jun", 1, "responder"),
    ]
    assert (row.initiator.user_id, row.responder_id, row.responder_confirmed_at) == (two.mina, two.jun, None)
    assert [(item.card_id, item.giver_id, item.owner_side) for item in row.items] == [
        (two.minas[0], two.mina, "initiator"),
        (two.minas[1], two.mina, "initiator"),
        (two.juns[0], two.jun, "responder"),
    ]
    assert [item.card.status for item in row.items] == [CardStatus.TRADING] * 3
    assert all(item.card.object_key and item.card.id == item.card_id for item in row.items)


def test_people_outside_a_trade_do_not_find_it(
    runtime: Runtime, connection: Connection, clock: MovableClock, two: Two
) -> None:
    trade_id = swap(runtime, two)
    for missing in ((trade_id, make_user(runtime, "stranger")), (uuid4(), two.mina)):
        with pytest.raises(TradeNotFound):
            trade(connection, trade_id=missing[0], viewer_id=missing[1], now=clock.now())


def test_past_its_deadline_a_trade_reads_as_it_will_be_written(
    runtime: Runtime, connection: Connection, clock: MovableClock, two: Two
) -> None:
    trade_id = swap(runtime, two)
    deadline = clock.now() + timedelta(days=7)
    before = trade(
        connection, trade_id=trade_id, viewer_id=two.mina, now=deadline - timedelta(microseconds=1)
    ).head
    assert (before.status, before.deadline_at, before.canceled_at) == ("proposed", deadline, None)
    after = trade(connection, trade_id=trade_id, viewer_id=two.mina, now=deadline).head
    assert (after.status, after.cancel_reason, after.canceled_at) == ("canceled", "timeout", deadline)
    assert (after.deadline_at, after.canceled_by) == (None, None)
    assert connection.scalar(select(trades.c.status).where(trades.c.id == trade_id)) == "proposed"
    clock.advance(days=7)
    assert past(connection, two.mina, clock, "proposed").total == 0
    assert past(connection, two.mina, clock, "canceled").total == 1


def test_history_holds_only_ones_own_trades_in_all_states_newest_first(
    runtime: Runtime, connection: Connection, clock: MovableClock, two: Two
) -> None:
    sora = make_user(runtime, "sora")
    befriend_all(runtime, [(sora, two.jun)])
    first = swap(runtime, two)
    cancel(runtime, first, two.jun)
    clock.advance(seconds=1)
    second = swap(runtime, two, 1)
    accept(runtime, second, two.jun)
    clock.advance(seconds=1)
    foreign = propose(runtime, sora, two.jun, make_cards(runtime, sora, 1), two.juns[2:])
    assert [row.head.id for row in past(connection, two.mina, clock).rows] == [second, first]
    assert [row.head.id for row in past(connection, two.jun, clock).rows] == [foreign, second, first]
    assert [row.head.id for row in past(connection, two.jun, clock, "accepted").rows] == [second]
    assert past(connection, two.mina, clock, "rejected").rows == []
    assert past(connection, two.mina, clock).rows[0].items[0].trade_id == second


def test_history_pages_by_offset_and_by_key(
    runtime: Runtime, connection: Connection, clock: MovableClock, two: Two
) -> None:
    made = []
    for n in range(3):
        # Two of the three in the same moment: the id decides between them.
        clock.advance(seconds=n // 2)
        made.append(swap(runtime, two, n))
    everything = [row.head.id for row in past(connection, two.mina, clock).rows]
    assert sorted(everything) == sorted(made)
    by_offset = [past(connection, two.mina, clock, limit=1, offset=n) for n in range(4)]
    assert [row.head.id for page in by_offset for row in page.rows] == everything
    assert [page.total for page in by_offset] == [3] * 4
    by_key, after = [], None
    for _ in range(3):
        page = past(connection, two.mina, clock, limit=1, after=after)
        by_key += [row.head.id for row in page.rows]
        after = page.next_key
    assert (by_key, after) == (everything, None)


def test_a_deleted_person_stays_in_the_history_without_a_name(
    runtime: Runtime, connection: Connection, clock: MovableClock, two: Two
) -> None:
    trade_id = swap(runtime, two)
    delete(runtime, two.jun)
    row = trade(connection, trade_id=trade_id, viewer_id=two.mina, now=clock.now())
    assert [(person.user_id, person.nickname, person.avatar_url) for person in row.participants] == [
        (two.mina, "Mina", None),
        (two.jun, None, None),
    ]


def test_the_picture_of_a_card_given_away_stays_in_the_history(
    runtime: Runtime, connection: Connection, clock: MovableClock, two: Two
) -> None:
    trade_id = swap(runtime, two)
    accept(runtime, trade_id, two.jun)
    complete(runtime, trade_id, two.jun)
    complete(runtime, trade_id, two.mina)
    before = trade(connection, trade_id=trade_id, viewer_id=two.mina, now=clock.now())
    given = media_assets.c.target_id == two.minas[0]
    connection.execute(
        update(media_assets)
        .where(given)
        .values(
            status=MediaStatus.DELETED,
            deleted_at=clock.now(),
            target_id=None,
            target_type=None,
            position=None,
        )
    )
    after = trade(connection, trade_id=trade_id, viewer_id=two.mina, now=clock.now())
    assert [item.card.object_key for item in after.items] == [item.card.object_key for item in before.items]
    assert all(item.card.object_key for item in after.items)
    assert all(item.received_card_id for item in after.items)


def test_a_ring_has_no_sides(runtime: Runtime, connection: Connection, clock: MovableClock, two: Two) -> None:
    sora = make_user(runtime, "sora")
    order = [two.mina, two.jun, sora]
    gives = [two.minas[0], two.juns[0], make_cards(runtime, sora, 1)[0]]
    ring_id = propose_ring(runtime, order, gives)
    row = trade(connection, trade_id=ring_id, viewer_id=sora, now=clock.now())
    assert [person.user_id for person in row.participants] == order
    assert (row.responder_id, row.responder_confirmed_at) == (None, None)
    assert [item.owner_side for item in row.items] == [None] * 3


@pytest.mark.parametrize("count", [1, 3])
def test_history_takes_two_statements_however_many_trades_there_are(
    runtime: Runtime, connection: Connection, clock: MovableClock, two: Two, count_sql: Any, count: int
) -> None:
    for n in range(count):
        swap(runtime, two, n)
    with count_sql() as sent:
        assert len(past(connection, two.mina, clock).rows) == count
        assert sent() == 2
