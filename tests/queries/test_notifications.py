"""What people are told, as they read it."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, text

from kcardswap.queries.keyset import Page, PageRequest
from kcardswap.queries.notifications import NotificationRow, inbox, unread_count
from kcardswap.runtime import Runtime
from kcardswap.services import friendships
from kcardswap.services import notifications as services
from tests.conftest import MovableClock
from tests.notices import happened, request, tell, told
from tests.people import make_user


def listed(
    connection: Connection, user_id: UUID, unread: bool | None = None, **page: Any
) -> Page[NotificationRow]:
    return inbox(connection, user_id=user_id, unread=unread, page=PageRequest(**{"limit": 10, **page}))


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


@pytest.fixture
def jun(runtime: Runtime) -> UUID:
    return make_user(runtime, "jun")


@pytest.fixture
def five(runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID, jun: UUID) -> list[UUID]:
    """Five notifications of Mina, newest first; she read the second and the fourth. Jun has one, too."""
    for n in range(5):
        tell(runtime, request(runtime, to=mina, by=jun))
        # Two at the very same moment still have an order.
        clock.advance(seconds=n % 2)
    tell(runtime, request(runtime, to=jun, by=mina))
    ids = [row.id for row in reversed(told(connection, mina))]
    services.mark_read(runtime.unit_of_work(), user_id=mina, ids=[ids[1], ids[3]])
    return ids


def test_everything_is_listed_newest_first(connection: Connection, mina: UUID, five: list[UUID]) -> None:
    page = listed(connection, mina)
    assert [row.id for row in page.rows] == five
    assert (page.total, page.next_key) == (5, None)
    assert {row.unread_count for row in page.rows} == {3} and unread_count(connection, user_id=mina) == 3


def test_the_unread_and_the_read_are_lists_of_their_own(
    connection: Connection, mina: UUID, five: list[UUID]
) -> None:
    unread, read = listed(connection, mina, unread=True), listed(connection, mina, unread=False)
    assert [row.id for row in unread.rows] == [five[0], five[2], five[4]] and unread.total == 3
    assert [row.id for row in read.rows] == [five[1], five[3]] and read.total == 2
    assert all(row.unread_count == 3 for row in (*unread.rows, *read.rows))


@pytest.mark.parametrize("unread", [None, True, False])
def test_pages_by_key_meet_each_row_once(
    connection: Connection, mina: UUID, five: list[UUID], unread: bool | None
) -> None:
    expected = [row.id for row in listed(connection, mina, unread).rows]
    found, page = [], listed(connection, mina, unread, limit=1)
    found += page.rows
    while page.next_key is not None:
        page = listed(connection, mina, unread, limit=1, after=page.next_key)
        assert page.total is None
        found += page.rows
    assert [row.id for row in found] == expected


def test_nobody_reads_what_others_are_told(connection: Connection, jun: UUID, five: list[UUID]) -> None:
    assert not {row.id for row in listed(connection, jun).rows} & set(five)
    assert listed(connection, uuid4()).rows == [] and unread_count(connection, user_id=uuid4()) == 0


@pytest.mark.parametrize("blocker", ["mina", "jun"])
def test_what_somebody_blocked_did_is_gone_until_the_block_is_lifted(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, five: list[UUID], blocker: str
) -> None:
    tell(runtime, happened(runtime, "ReportResolved", report_id=uuid4(), reporter_id=mina))
    by, target_id = (mina, jun) if blocker == "mina" else (jun, mina)
    friendships.block(runtime.unit_of_work(), by=by, target_id=target_id)
    page = listed(connection, mina)
    assert [row.type for row in page.rows] == ["report_resolved"]
    assert (page.total, page.rows[0].unread_count) == (1, 1)
    friendships.unblock(runtime.unit_of_work(), by=by, target_id=target_id)
    assert listed(connection, mina).total == 6


def test_a_page_is_one_statement(
    connection: Connection, mina: UUID, five: list[UUID], count_sql: Callable[[], Any]
) -> None:
    key = listed(connection, mina, limit=2).next_key
    for unread in (None, True):
        for page in ({"limit": 2}, {"limit": 2, "after": key}):
            with count_sql() as sent:
                listed(connection, mina, unread, **page)
            assert sent() == 1


def test_unread_ones_are_counted_by_their_own_index(connection: Connection, five: list[UUID]) -> None:
    connection.execute(text("SET LOCAL enable_seqscan = off"))
    connection.execute(text("SET LOCAL enable_bitmapscan = off"))
    count = "SELECT count(*) FROM notifications WHERE user_id = :user_id AND read_at IS NULL"
    plan = "\n".join(connection.scalars(text(f"EXPLAIN {count}"), {"user_id": uuid4()}))
    assert "notifications_unread_user_id" in plan
