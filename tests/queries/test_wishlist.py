"""Wishlists as their owners and others see them."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, delete, insert, update

from kcardswap.domain.accounts import UserNotFound
from kcardswap.domain.cards import Condition
from kcardswap.domain.wishlist import WishlistPrivate, WishNotFound
from kcardswap.persistence.orm.friendships import blocks
from kcardswap.persistence.orm.profiles import profiles
from kcardswap.queries import wishlist as wishlist_queries
from kcardswap.queries.keyset import Page, PageRequest
from kcardswap.queries.wishlist import WishRow
from kcardswap.runtime import Runtime
from tests.conftest import MovableClock
from tests.migrations.test_documents import plan_of
from tests.people import delete as delete_person
from tests.people import make_user, suspend
from tests.wishes import photocard, wish

FIRST_PAGE = PageRequest(50)


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


@pytest.fixture
def yuna(runtime: Runtime) -> UUID:
    return make_user(runtime, "yuna")


def own(
    connection: Connection, user_id: UUID, priority: int | None = None, page: PageRequest = FIRST_PAGE
) -> Page[WishRow]:
    return wishlist_queries.own_wishlist(connection, user_id=user_id, priority=priority, page=page)


def shown(
    connection: Connection, user_id: UUID, viewer_id: UUID, page: PageRequest = FIRST_PAGE
) -> Page[WishRow]:
    return wishlist_queries.wishlist_of(connection, user_id=user_id, viewer_id=viewer_id, page=page)


def ids(page: Page[WishRow]) -> list[UUID]:
    return [row.id for row in page.rows]


def keep_private(connection: Connection, user_id: UUID) -> None:
    connection.execute(update(profiles).where(profiles.c.user_id == user_id).values(show_wishlist=False))


def block(connection: Connection, runtime: Runtime, blocker: UUID, blocked: UUID) -> None:
    connection.execute(
        insert(blocks).values(
            id=uuid4(), blocker_id=blocker, blocked_id=blocked, created_at=runtime.clock.now()
        )
    )


def test_a_row_tells_everything_about_a_wish(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    wanted = photocard(runtime, mina, idol_group="IVE", idol="Nobody", album="After Like", version="A")
    terms: dict[str, Any] = {"priority": 1, "min_condition": Condition.GOOD, "note": "soon"}
    wish_id = wish(runtime, mina, photocard_id=wanted, **terms)
    row = wishlist_queries.own_wish(connection, wish_id=wish_id, user_id=mina)
    now = runtime.clock.now()
    assert row[:-1] == (wish_id, mina, 1, Condition.GOOD, "soon", now, now)
    card = row.photocard
    assert (card.id, card.status) == (wanted, "pending")
    # The group is one of the featured ones; the member is not known, so the typed text stands.
    assert card.group is not None and card.group["name"] == "IVE"
    assert (card.member, card.release) == (None, None)
    assert (card.idol_group, card.idol, card.album, card.version) == ("IVE", "Nobody", "After Like", "A")


def test_a_wish_is_read_by_its_owner_alone(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    wish_id = wish(runtime, mina)
    for unknown, reader in ((wish_id, yuna), (uuid4(), mina)):
        with pytest.raises(WishNotFound):
            wishlist_queries.own_wish(connection, wish_id=unknown, user_id=reader)


def test_the_most_wanted_come_first_and_of_those_the_newest(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID, yuna: UUID
) -> None:
    made: list[UUID] = []
    for priority in (3, 1, 2, 1):
        clock.advance(minutes=1)
        made.append(wish(runtime, mina, f"Idol {len(made)}", priority=priority))
    wish(runtime, yuna)
    expected = [made[3], made[1], made[2], made[0]]
    assert ids(own(connection, mina)) == ids(shown(connection, mina, yuna)) == expected
    assert ids(own(connection, mina, priority=1)) == expected[:2]
    assert own(connection, mina, priority=1).total == 2


def test_wishes_of_one_moment_are_in_the_order_of_their_ids(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    made = [wish(runtime, mina, f"Idol {n}") for n in range(5)]
    assert ids(own(connection, mina)) == sorted(made)


def test_pages_say_how_many_wishes_there_are(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    made = sorted(wish(runtime, mina, f"Idol {n}") for n in range(5))
    for read in (own, partial(shown, viewer_id=mina)):
        page = read(connection, mina, page=PageRequest(2, 2))
        assert (ids(page), page.total) == (made[2:4], 5)
        beyond = read(connection, mina, page=PageRequest(2, 50))
        assert (beyond.rows, beyond.total) == ([], 5)


def test_an_empty_wishlist_is_neither_private_nor_nobodys(
    connection: Connection, mina: UUID, yuna: UUID
) -> None:
    assert shown(connection, mina, yuna).total == own(connection, mina).total == 0
    with pytest.raises(UserNotFound):
        shown(connection, uuid4(), yuna)


@pytest.mark.parametrize("count", [0, 2], ids=["empty", "filled"])
def test_a_private_wishlist_is_shown_to_its_owner_alone(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID, count: int
) -> None:
    for n in range(count):
        wish(runtime, mina, f"Idol {n}")
    keep_private(connection, mina)
    with pytest.raises(WishlistPrivate):
        shown(connection, mina, yuna)
    assert shown(connection, mina, mina).total == own(connection, mina).total == count


def test_somebody_without_a_profile_shows_their_wishlist(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    wish_id = wish(runtime, mina)
    connection.execute(delete(profiles).where(profiles.c.user_id == mina))
    assert ids(shown(connection, mina, yuna)) == [wish_id]


def test_blockers_hide_their_wishlist_from_the_blocked_alone(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    wish_id, hers = wish(runtime, mina), wish(runtime, yuna)
    keep_private(connection, mina)
    block(connection, runtime, mina, yuna)
    # Not even that it is private.
    with pytest.raises(UserNotFound):
        shown(connection, mina, yuna)
    assert ids(shown(connection, yuna, mina)) == [hers]
    connection.execute(update(profiles).values(show_wishlist=True))
    assert ids(shown(connection, mina, make_user(runtime, "jun"))) == [wish_id]


def test_deleted_people_are_gone_and_suspended_ones_still_there(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    wish_id = wish(runtime, mina)
    suspend(runtime, mina)
    assert ids(shown(connection, mina, yuna)) == [wish_id]
    delete_person(runtime, mina)
    with pytest.raises(UserNotFound):
        shown(connection, mina, yuna)


def test_every_wishlist_is_one_statement(
    runtime: Runtime, connection: Connection, count_sql: Callable[[], Any], mina: UUID, yuna: UUID
) -> None:
    for n in range(5):
        wish(runtime, mina, f"Idol {n}")
    with count_sql() as sent:
        assert len(own(connection, mina).rows) == 5
        assert sent() == 1
        assert len(shown(connection, mina, yuna).rows) == 5
        assert sent() == 2
        assert own(connection, yuna).rows == []
        assert sent() == 3


def test_counting_wishes_does_not_look_for_their_photocards(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    wish(runtime, mina)
    plan = plan_of(connection, lambda: own(connection, mina))
    # Once for the page; the count needs none.
    assert plan.count(" on photocards") == 1
