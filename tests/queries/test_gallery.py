"""Galleries as their owners and others see them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, insert

from kcardswap.domain.accounts import UserNotFound
from kcardswap.domain.gallery import GalleryCardNotFound
from kcardswap.persistence.orm.friendships import blocks
from kcardswap.queries import gallery as gallery_queries
from kcardswap.queries.gallery import GalleryCardRow
from kcardswap.runtime import Runtime
from tests.albums import create, picture_for, reorder
from tests.people import delete, make_user, suspend


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


@pytest.fixture
def yuna(runtime: Runtime) -> UUID:
    return make_user(runtime, "yuna")


def block(connection: Connection, runtime: Runtime, blocker: UUID, blocked: UUID) -> None:
    connection.execute(
        insert(blocks).values(
            id=uuid4(), blocker_id=blocker, blocked_id=blocked, created_at=runtime.clock.now()
        )
    )


def seen(connection: Connection, user_id: UUID, viewer_id: UUID) -> list[UUID]:
    album = gallery_queries.album_of(connection, user_id=user_id, viewer_id=viewer_id)
    return [card.id for card in album]


def test_a_row_tells_everything_about_a_card(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    card_id = create(runtime, mina, era="OMG", description="The very first.")
    media_id = picture_for(runtime, card_id)
    row = gallery_queries.own_card(connection, card_id=card_id, user_id=mina)
    now = runtime.clock.now()
    expected = ("My first pull", "Haerin", "OMG", "The very first.", media_id, 0, now, now)
    assert row == GalleryCardRow(card_id, mina, *expected)


def test_a_card_is_read_by_its_owner_alone(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    card_id = create(runtime, mina)
    for unknown, reader in ((card_id, yuna), (uuid4(), mina)):
        with pytest.raises(GalleryCardNotFound):
            gallery_queries.own_card(connection, card_id=unknown, user_id=reader)


def test_albums_are_in_the_order_of_their_owner_for_everybody(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    create(runtime, yuna)
    a, b, c = (create(runtime, mina) for _ in range(3))
    reorder(runtime, mina, c, a)
    own = gallery_queries.own_album(connection, user_id=mina)
    assert [(card.id, card.display_order) for card in own] == [(c, 0), (a, 1), (b, 2)]
    assert seen(connection, mina, yuna) == seen(connection, mina, mina) == [c, a, b]


def test_an_empty_album_is_not_a_missing_person(connection: Connection, mina: UUID, yuna: UUID) -> None:
    assert seen(connection, mina, yuna) == []
    assert gallery_queries.own_album(connection, user_id=mina) == []
    with pytest.raises(UserNotFound):
        seen(connection, uuid4(), yuna)


def test_blockers_hide_their_album_from_the_blocked_alone(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    card_id, hers = create(runtime, mina), create(runtime, yuna)
    block(connection, runtime, mina, yuna)
    with pytest.raises(UserNotFound):
        seen(connection, mina, yuna)
    assert seen(connection, yuna, mina) == [hers]
    assert seen(connection, mina, make_user(runtime, "jun")) == [card_id]


def test_deleted_people_are_gone_and_suspended_ones_still_there(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    card_id = create(runtime, mina)
    create(runtime, yuna)
    suspend(runtime, mina)
    assert seen(connection, mina, yuna) == [card_id]
    delete(runtime, mina)
    with pytest.raises(UserNotFound):
        seen(connection, mina, yuna)


def test_every_album_is_one_statement(
    runtime: Runtime, connection: Connection, count_sql: Callable[[], Any], mina: UUID, yuna: UUID
) -> None:
    for _ in range(5):
        create(runtime, mina)
    with count_sql() as sent:
        assert len(gallery_queries.own_album(connection, user_id=mina)) == 5
        assert sent() == 1
        assert len(seen(connection, mina, yuna)) == 5
        assert sent() == 2
        assert seen(connection, yuna, mina) == []
        assert sent() == 3
