"""What owners and trades may do to a card."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from kcardswap.domain.cards import (
    Card,
    CardConfirmed,
    CardDeleted,
    CardInTrade,
    CardNotPending,
    CardStatus,
    CardTraded,
    CardUnavailable,
    Condition,
    OwnersChoice,
    Rarity,
    UploadStatus,
)
from kcardswap.domain.errors import NotOwner

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OWNER = uuid4()


def announced(**description: Any) -> Card:
    return Card.announce(
        id=uuid4(),
        owner_id=OWNER,
        media_asset_id=uuid4(),
        description=description,
        upload_expires_at=NOW + timedelta(minutes=15),
        now=NOW,
    )


def confirmed(**description: Any) -> Card:
    card = announced(**description)
    card.confirm_upload(size_bytes=1000, now=NOW)
    card.collect_events()
    return card


def trading() -> Card:
    card = confirmed()
    card.reserve()
    return card


def traded() -> Card:
    card = trading()
    card.give_away()
    return card


def deleted() -> Card:
    card = confirmed()
    card.delete(NOW)
    return card


def held() -> Card:
    return confirmed(status=OwnersChoice.HELD)


def test_an_announced_card_is_available_but_not_swappable_until_its_picture_came() -> None:
    card = announced(idol="Haerin", note="Mint!", rarity=Rarity.RARE)
    assert (card.status, card.upload_status) == (CardStatus.AVAILABLE, UploadStatus.PENDING)
    assert not card.is_swappable
    card.confirm_upload(size_bytes=1000, now=NOW)
    assert card.is_swappable
    assert (card.size_bytes, card.upload_confirmed_at) == (1000, NOW)
    assert card.collect_events() == [CardConfirmed(card_id=card.id, owner_id=OWNER)]


def test_texts_are_kept_as_typed_and_compared_without_case_and_signs() -> None:
    card = announced(idol=" Hae-Rin ", idol_group="NewJeans", album="Get Up!", version="A")
    assert (card.idol, card.idol_group, card.album, card.version) == (" Hae-Rin ", "NewJeans", "Get Up!", "A")
    assert (card.idol_norm, card.idol_group_norm, card.album_norm) == ("haerin", "newjeans", "getup")


def test_a_card_that_has_its_picture_waits_for_no_other() -> None:
    announced().refuse_confirmed()
    with pytest.raises(CardNotPending) as refused:
        confirmed().refuse_confirmed()
    assert refused.value.details == {"reason": "not_pending", "status": "confirmed"}


def test_a_card_made_without_a_picture_is_never_given_a_time_it_has_to_come_by() -> None:
    until, media_id = NOW + timedelta(hours=1), uuid4()
    imported = Card.announce(id=uuid4(), owner_id=OWNER, description={}, now=NOW)
    for card, expected in ((imported, None), (announced(), until)):
        card.await_picture(media_id, until=until)
        assert (card.media_asset_id, card.upload_expires_at) == (media_id, expected)


def test_only_the_owner_is_let_through() -> None:
    card = confirmed()
    card.refuse_others(OWNER)
    with pytest.raises(NotOwner):
        card.refuse_others(uuid4())


def test_editing_changes_given_fields_and_clears_those_set_to_none() -> None:
    card = confirmed(idol="Haerin", album="Get Up", condition=Condition.MINT, note="x")
    card.edit({"idol": None, "note": None, "rarity": Rarity.EPIC, "status": OwnersChoice.HELD})
    assert (card.idol, card.idol_norm, card.note) == (None, None, None)
    assert (card.album, card.condition, card.rarity) == ("Get Up", Condition.MINT, Rarity.EPIC)
    assert card.status is CardStatus.HELD


def test_the_owner_switches_between_held_and_available() -> None:
    card = held()
    card.edit({"status": OwnersChoice.AVAILABLE})
    assert card.status is CardStatus.AVAILABLE
    with pytest.raises(ValueError, match="trading"):
        card.edit({"status": "trading"})


def test_another_text_without_a_photocard_breaks_the_link_to_the_catalog() -> None:
    entry = uuid4()
    card = confirmed(idol="Haerin", photocard_id=entry)
    card.edit({"idol": "Haerin", "note": "same text"})
    assert card.photocard_id == entry
    card.edit({"idol": "Minji"})
    assert card.photocard_id is None
    card.edit({"idol": "Hanni", "photocard_id": entry})
    assert card.photocard_id == entry


@pytest.mark.parametrize(("make", "refusal"), [(trading, CardInTrade), (traded, CardTraded)])
def test_a_card_in_a_trade_or_given_away_cannot_be_edited(
    make: Callable[[], Card], refusal: type[Exception]
) -> None:
    card = make()
    with pytest.raises(refusal) as refused:
        card.edit({"note": "new"})
    assert refused.value.details["status"] == card.status  # type: ignore[attr-defined]
    assert card.note is None


@pytest.mark.parametrize("make", [announced, held, trading, traded, deleted])
def test_a_card_that_is_not_swappable_cannot_be_reserved(make: Callable[[], Card]) -> None:
    card = make()
    before = card.status
    with pytest.raises(CardUnavailable) as refused:
        card.reserve()
    assert refused.value.details == {"reason": "card_unavailable", "card_ids": [card.id]}
    assert card.status is before


def test_a_trade_that_came_to_nothing_gives_the_card_back() -> None:
    card = trading()
    card.release()
    assert card.status is CardStatus.AVAILABLE


@pytest.mark.parametrize("make", [held, traded])
def test_releasing_a_card_no_trade_has_reserved_changes_nothing(make: Callable[[], Card]) -> None:
    card = make()
    before = card.status
    card.release()
    assert card.status is before


@pytest.mark.parametrize("make", [confirmed, held, traded])
def test_only_a_reserved_card_can_be_given_away(make: Callable[[], Card]) -> None:
    with pytest.raises(CardUnavailable):
        make().give_away()


def test_the_receiver_gets_a_held_card_with_everything_but_the_note() -> None:
    given = confirmed(
        idol="Haerin",
        idol_group="NewJeans",
        album="Get Up",
        version="A",
        rarity=Rarity.EPIC,
        condition=Condition.GOOD,
        note="from my sister",
        photocard_id=uuid4(),
    )
    receiver, new_id, trade, media = uuid4(), uuid4(), uuid4(), uuid4()
    card = given.received_by(
        receiver, id=new_id, trade_id=trade, media_asset_id=media, now=NOW + timedelta(hours=1)
    )
    assert (card.id, card.owner_id, card.acquired_trade_id, card.media_asset_id) == (
        new_id,
        receiver,
        trade,
        media,
    )
    assert (card.status, card.upload_status, card.note) == (CardStatus.HELD, UploadStatus.CONFIRMED, None)
    same = ("photocard_id", "idol", "idol_group", "album", "version", "rarity", "condition", "size_bytes")
    norms = ("idol_norm", "idol_group_norm", "album_norm")
    for name in (*same, *norms):
        assert getattr(card, name) == getattr(given, name)
    assert card.created_at == card.upload_confirmed_at == NOW + timedelta(hours=1)


@pytest.mark.parametrize("make", [announced, confirmed, held, traded])
def test_a_card_outside_trades_is_deleted_and_says_so(make: Callable[[], Card]) -> None:
    card = make()
    card.collect_events()
    card.delete(NOW)
    assert card.deleted_at == NOW
    assert not card.is_swappable
    assert card.collect_events() == [CardDeleted(card_id=card.id, owner_id=OWNER)]


def test_a_card_reserved_by_a_trade_cannot_be_deleted() -> None:
    card = trading()
    with pytest.raises(CardInTrade):
        card.delete(NOW)
    assert card.deleted_at is None


def test_the_id_of_an_event_is_the_card() -> None:
    card_id: UUID = uuid4()
    assert CardDeleted(card_id=card_id, owner_id=OWNER).aggregate_id == card_id
