"""Binders and wishlists read as a whole: the same rows as in pages, and nobody else's."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, insert

from kcardswap.domain.cards import Condition, OwnersChoice
from kcardswap.persistence.orm.cards import cards
from kcardswap.queries import cards as card_queries
from kcardswap.queries import wishlist as wishlist_queries
from kcardswap.queries.cards import CardRow, CardSort
from kcardswap.queries.keyset import ROWS_AT_ONCE, PageRequest
from kcardswap.queries.wishlist import WishLine
from kcardswap.runtime import Runtime
from tests.binders import delete
from tests.people import make_user
from tests.pictures import put_card
from tests.wishes import wish


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


@pytest.fixture
def yuna(runtime: Runtime) -> UUID:
    return make_user(runtime, "yuna")


def binder(
    connection: Connection, owner_id: UUID, sort: CardSort = CardSort.NEWEST, **filters: Any
) -> list[CardRow]:
    rows: list[CardRow] = []
    card_queries.whole_binder(connection, owner_id=owner_id, filters=filters, sort=sort, each=rows.append)
    return rows


def wishlist(connection: Connection, user_id: UUID, priority: int | None = None) -> list[WishLine]:
    rows: list[WishLine] = []
    wishlist_queries.whole_wishlist(connection, user_id=user_id, priority=priority, each=rows.append)
    return rows


def test_a_whole_binder_is_all_its_pages_in_their_order(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    now = runtime.clock.now()
    for n in range(7):
        put_card(runtime, mina, idol=f"Idol {n % 2}", made_at=now - timedelta(hours=n // 2))
    put_card(runtime, mina, confirmed=False)
    put_card(runtime, yuna)
    delete(runtime, put_card(runtime, mina), mina)
    for sort in CardSort:
        page = card_queries.binder(
            connection, owner_id=mina, filters={"idol": None}, sort=sort, page=PageRequest(100)
        )
        assert binder(connection, mina, sort) == page.rows
        assert len(page.rows) == 8


def test_filters_narrow_a_whole_binder(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    held = put_card(runtime, mina, idol="Hae-Rin", status=OwnersChoice.HELD)
    put_card(runtime, mina, idol="Minji")
    assert [row.id for row in binder(connection, mina, idol="HAERIN", status="held")] == [held]
    assert binder(connection, mina, idol="Nobody") == []


def test_a_whole_wishlist_is_all_its_wishes_in_their_order(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    for idol, priority in (("Rei", 2), ("Liz", 1), ("Gaeul", 2)):
        wish(runtime, mina, idol, priority=priority, min_condition=Condition.GOOD, note=f"for {idol}")
        runtime.clock.advance(minutes=1)  # type: ignore[attr-defined]
    wish(runtime, yuna, "Leeseo")
    lines = wishlist(connection, mina)
    assert [(line.idol_group, line.idol, line.priority, line.note) for line in lines] == [
        ("IVE", "Liz", 1, "for Liz"),
        ("IVE", "Gaeul", 2, "for Gaeul"),
        ("IVE", "Rei", 2, "for Rei"),
    ]
    page = wishlist_queries.own_wishlist(connection, user_id=mina, priority=None, page=PageRequest(100))
    assert [line.photocard_id for line in lines] == [row.photocard.id for row in page.rows]
    assert [line.idol for line in wishlist(connection, mina, priority=1)] == ["Liz"]


def test_a_whole_list_is_one_statement_however_long_it_is(
    runtime: Runtime, connection: Connection, mina: UUID, count_sql: Callable[[], Any]
) -> None:
    now = runtime.clock.now()
    row = {
        "owner_id": mina,
        "status": "held",
        "upload_status": "pending",
        "created_at": now,
        "updated_at": now,
    }
    many = 2 * ROWS_AT_ONCE + 1
    connection.execute(insert(cards), [{**row, "id": uuid4()} for _ in range(many)])
    wish(runtime, mina)
    reads: list[tuple[Callable[[], list[Any]], int]] = [
        (lambda: binder(connection, mina), many),
        (lambda: wishlist(connection, mina), 1),
    ]
    for read, expected in reads:
        with count_sql() as sent:
            assert len(read()) == expected
            assert sent() == 1
