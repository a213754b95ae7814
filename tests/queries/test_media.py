"""Which pictures somebody may look at."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, insert, select, update

from kcardswap.domain.media import CheckedImage, ImageType, MediaAsset
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.friendships import blocks
from kcardswap.queries import media as media_queries
from kcardswap.runtime import Runtime
from tests.people import delete, make_user
from tests.pictures import completed_trade, give, put_card


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


@pytest.fixture
def yuna(runtime: Runtime) -> UUID:
    return make_user(runtime, "yuna")


def picture_of(connection: Connection, card_id: UUID) -> UUID:
    media_id: UUID | None = connection.scalar(select(cards.c.media_asset_id).where(cards.c.id == card_id))
    assert media_id is not None
    return media_id


def readable(connection: Connection, viewer_id: UUID, *ids: UUID) -> set[UUID]:
    return {row.id for row in media_queries.readable(connection, ids=ids, viewer_id=viewer_id)}


def put_media(runtime: Runtime, owner_id: UUID, *, confirmed: bool = True) -> UUID:
    uow = runtime.unit_of_work()
    with uow:
        now = uow.clock.now()
        media = MediaAsset.announce(
            id=uow.new_id(),
            owner_id=owner_id,
            content_type=ImageType.PNG,
            declared_bytes=5,
            lifetime=runtime.settings.upload_url_lifetime,
            now=now,
        )
        if confirmed:
            image = CheckedImage(data=b"", content_type=ImageType.PNG, width=1, height=1, phash=None)
            media.confirm(image, uploaded_bytes=5, now=now)
        uow.media.add(media)
        uow.commit()
        return media.id


def test_ones_own_confirmed_pictures_are_readable(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    confirmed, pending = put_media(runtime, mina), put_media(runtime, mina, confirmed=False)
    foreign = put_media(runtime, yuna)
    held = picture_of(connection, put_card(runtime, mina, status="held"))
    asked = (confirmed, confirmed, pending, foreign, held, uuid4())
    assert readable(connection, mina, *asked) == {confirmed, held}
    found = media_queries.readable(connection, ids=[confirmed], viewer_id=mina)
    assert [row.object_key for row in found] == [f"media/{mina}/{confirmed}.png"]


@pytest.mark.parametrize(
    ("values", "visible"),
    [
        ({}, True),
        ({"status": "held"}, False),
        ({"status": "trading"}, False),
        ({"status": "traded"}, False),
    ],
)
def test_pictures_of_others_are_readable_while_their_card_is_offered(
    runtime: Runtime,
    connection: Connection,
    mina: UUID,
    yuna: UUID,
    values: dict[str, Any],
    visible: bool,
) -> None:
    card_id = put_card(runtime, mina)
    media_id = picture_of(connection, card_id)
    connection.execute(update(cards).where(cards.c.id == card_id).values(idol="x", **values))
    assert readable(connection, yuna, media_id) == ({media_id} if visible else set())


def test_pictures_of_deleted_cards_and_people_and_of_blockers_are_hidden(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    gone, jiwoo = make_user(runtime, "gone"), make_user(runtime, "jiwoo")
    offered = put_card(runtime, mina)
    deleted, of_gone, of_blocker = put_card(runtime, mina), put_card(runtime, gone), put_card(runtime, jiwoo)
    now = runtime.clock.now()
    connection.execute(update(cards).where(cards.c.id == deleted).values(deleted_at=now))
    delete(runtime, gone)
    connection.execute(insert(blocks).values(id=uuid4(), blocker_id=jiwoo, blocked_id=yuna, created_at=now))
    asked = [picture_of(connection, card_id) for card_id in (offered, deleted, of_gone, of_blocker)]
    assert readable(connection, yuna, *asked) == {asked[0]}


def test_everybody_in_a_trade_sees_the_pictures_of_its_cards(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    stranger = make_user(runtime, "stranger")
    card_id = put_card(runtime, mina)
    received = give(runtime, card_id, yuna, completed_trade(runtime, connection, mina, yuna, card_id))
    given_picture, received_picture = picture_of(connection, card_id), picture_of(connection, received)
    asked = (given_picture, received_picture)
    assert readable(connection, yuna, *asked) == {given_picture, received_picture}
    assert readable(connection, mina, *asked) == {given_picture}
    assert readable(connection, stranger, *asked) == set()


def test_reading_is_one_statement(
    runtime: Runtime, connection: Connection, mina: UUID, count_sql: Callable[[], Any]
) -> None:
    asked = [put_media(runtime, mina) for _ in range(3)]
    with count_sql() as sent:
        assert readable(connection, mina, *asked) == set(asked)
        assert sent() == 1
