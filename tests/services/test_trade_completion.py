"""Completing swaps: the cards given become the receivers' own, once."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, func, select, update

from kcardswap.domain.cards import CardStatus, CardUnavailable
from kcardswap.domain.trades import (
    NotTwoParty,
    TradeNotAccepted,
)
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.conversations import threads
from kcardswap.persistence.orm.media import media_assets
from kcardswap.persistence.orm.trades import trade_items
from kcardswap.runtime import Runtime
from kcardswap.services import friendships
from tests.conftest import MovableClock
from tests.people import make_user
from tests.swaps import (
    Two,
    accept,
    active,
    broken_invariants,
    complete,
    counter,
    events_of,
    make_card,
    propose,
    propose_ring,
    statuses,
    stored,
)


@pytest.fixture(autouse=True)
def sound(connection: Connection) -> Any:
    """Whatever a test did, the promises about trades hold afterwards."""
    yield
    assert broken_invariants(connection) == []


def test_a_proposal_cannot_be_completed(runtime: Runtime, two: Two, proposed: UUID) -> None:
    with pytest.raises(TradeNotAccepted):
        complete(runtime, proposed, two.mina)


def test_completion_makes_the_receivers_their_own_cards(
    runtime: Runtime, connection: Connection, clock: MovableClock, two: Two
) -> None:
    giver = make_card(runtime, two.mina, description={"idol": "Rei", "rarity": "epic", "note": "my own note"})
    trade_id = propose(runtime, two.mina, two.jun, [giver, two.minas[0]], two.juns[:1])
    accept(runtime, trade_id, two.jun)
    complete(runtime, trade_id, two.jun)
    assert stored(connection, trade_id).status == "accepted"
    clock.advance(hours=1)
    complete(runtime, trade_id, two.mina)

    assert (stored(connection, trade_id).status, stored(connection, trade_id).completed_at) == (
        "completed",
        clock.now(),
    )
    assert statuses(connection, [giver, two.minas[0], two.juns[0]]) == ["traded"] * 3
    item = connection.execute(select(trade_items).where(trade_items.c.card_id == giver)).one()
    new = connection.execute(select(cards).where(cards.c.id == item.received_card_id)).one()
    assert (new.owner_id, new.acquired_trade_id, new.status) == (two.jun, trade_id, "held")
    assert (new.idol, new.rarity, new.note, new.upload_status) == ("Rei", "epic", None, "confirmed")
    pictures = select(media_assets.c.object_key, media_assets.c.owner_id, media_assets.c.is_copy)
    old_picture = connection.execute(pictures.where(media_assets.c.target_id == giver)).one()
    new_picture = connection.execute(pictures.where(media_assets.c.target_id == new.id)).one()
    assert old_picture == (new_picture.object_key, two.mina, False)
    assert new_picture == (old_picture.object_key, two.jun, True)
    assert active(connection, two) == 0
    assert events_of(connection, trade_id)[-3:] == ["TradeConfirmed", "TradeConfirmed", "TradeCompleted"]


def test_confirming_twice_changes_nothing(
    runtime: Runtime, connection: Connection, clock: MovableClock, two: Two, accepted: UUID
) -> None:
    complete(runtime, accepted, two.mina)
    before = stored(connection, accepted)
    clock.advance(minutes=5)
    complete(runtime, accepted, two.mina)
    assert stored(connection, accepted) == before
    complete(runtime, accepted, two.jun)
    completed = stored(connection, accepted)
    clock.advance(days=30)
    complete(runtime, accepted, two.mina)
    complete(runtime, accepted, two.jun)
    assert stored(connection, accepted) == completed
    received = select(func.count()).where(cards.c.acquired_trade_id == accepted)
    assert connection.scalar(received) == 2


def test_a_card_without_a_picture_is_handed_over_without_one(
    runtime: Runtime, connection: Connection, two: Two, accepted: UUID
) -> None:
    connection.execute(
        update(cards).where(cards.c.id.in_([two.minas[0], two.juns[0]])).values(media_asset_id=None)
    )
    connection.execute(media_assets.delete().where(media_assets.c.target_id.in_([two.minas[0], two.juns[0]])))
    complete(runtime, accepted, two.mina)
    complete(runtime, accepted, two.jun)
    received = select(cards.c.media_asset_id).where(cards.c.acquired_trade_id == accepted)
    assert list(connection.scalars(received)) == [None, None]


def test_a_received_card_can_be_swapped_on(runtime: Runtime, two: Two, accepted: UUID) -> None:
    complete(runtime, accepted, two.mina)
    complete(runtime, accepted, two.jun)
    with pytest.raises(CardUnavailable):
        propose(runtime, two.mina, two.jun, two.minas[:1], two.juns[1:2])
    uow = runtime.unit_of_work()
    with uow:
        received = list(uow.cards.find_many(_received(uow, accepted)).values())
        for card in received:
            card.edit({"status": CardStatus.AVAILABLE})
        uow.commit()
    by_owner = {card.owner_id: card.id for card in received}
    propose(runtime, two.jun, two.mina, [by_owner[two.jun]], [by_owner[two.mina]])


def _received(uow: Any, trade_id: UUID) -> list[UUID]:
    return [item.received_card_id for item in uow.trades.get(trade_id).items]


def test_a_ring_of_three_goes_all_the_way(runtime: Runtime, connection: Connection, two: Two) -> None:
    sora = make_user(runtime, "sora")
    people = [two.mina, two.jun, sora]
    gives = [two.minas[0], two.juns[0], make_card(runtime, sora)]
    ring = propose_ring(runtime, people, gives)
    accept(runtime, ring, sora)
    assert stored(connection, ring).status == "proposed"
    assert connection.scalar(select(func.count()).select_from(threads)) == 0
    accept(runtime, ring, two.jun)
    assert stored(connection, ring).status == "accepted"
    assert connection.scalar(select(func.count()).select_from(threads)) == 3
    for person in people:
        complete(runtime, ring, person)
    assert statuses(connection, gives) == ["traded"] * 3
    received = select(cards.c.owner_id).where(cards.c.acquired_trade_id == ring)
    assert sorted(connection.scalars(received)) == sorted(people)


def test_a_ring_has_no_counter_offer_but_anybody_can_call_it_off(
    runtime: Runtime, connection: Connection, two: Two
) -> None:
    sora = make_user(runtime, "sora")
    gives = [two.minas[0], two.juns[0], make_card(runtime, sora)]
    ring = propose_ring(runtime, [two.mina, two.jun, sora], gives)
    with pytest.raises(NotTwoParty):
        counter(runtime, ring, two.jun, two.juns[:1], two.minas[:1])
    friendships.block(runtime.unit_of_work(), by=two.jun, target_id=sora)
    assert stored(connection, ring).cancel_reason == "blocked"
    assert statuses(connection, gives) == ["available"] * 3
