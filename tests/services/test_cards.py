"""Filling and emptying a binder: confirming, editing, deleting, shared pictures."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, func, insert, select, update

from kcardswap.domain.cards import CardInTrade, CardNotFound, CardTraded, OwnersChoice, PhotocardNotFound
from kcardswap.domain.errors import NotOwner, Unavailable
from kcardswap.domain.media import ImageRefused, ImageType, UploadMissing
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.catalog import photocards
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.runtime import Runtime
from kcardswap.services.cards import AnnouncedCard
from tests.binders import (
    PICTURE,
    announce,
    confirm,
    delete,
    edit,
    month_usage,
    picture_of,
    row,
    set_status,
)
from tests.conftest import MovableClock
from tests.people import make_user
from tests.pictures import SECRET, completed_trade, encoded, give, put_card, send, stored, talkative


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


def make_photocard(connection: Connection, runtime: Runtime, merged_into: UUID | None = None) -> UUID:
    photocard_id, now = runtime.new_id(), runtime.clock.now()
    connection.execute(
        insert(photocards).values(
            id=photocard_id,
            group_text="NewJeans",
            source="album",
            status="merged" if merged_into else "pending",
            merged_into_id=merged_into,
            match_key=photocard_id.hex.ljust(64, "0"),
            search_text="newjeans",
            created_at=now,
            updated_at=now,
        )
    )
    return photocard_id


def test_an_announced_card_waits_for_its_picture(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    announced = announce(runtime, mina, idol="Haerin", status=OwnersChoice.HELD)
    card, picture = row(connection, announced.card_id), picture_of(connection, announced.card_id)
    assert (card["owner_id"], card["idol"], card["status"], card["upload_status"]) == (
        mina,
        "Haerin",
        "held",
        "pending",
    )
    assert (picture["status"], picture["declared_bytes"]) == ("pending", len(PICTURE))
    assert picture["object_key"] == announced.object_key == f"cards/{mina}/{announced.card_id}.jpg"
    assert announced.expires_at == card["upload_expires_at"] == runtime.clock.now() + timedelta(minutes=15)


def test_confirming_checks_cleans_counts_and_shows_the_card(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    data = talkative(ImageType.JPEG)
    announced = announce(runtime, mina, size=len(data))
    send(runtime, announced.object_key, data)
    confirm(runtime, announced.card_id, mina)
    card, picture = row(connection, announced.card_id), picture_of(connection, announced.card_id)
    assert (card["upload_status"], card["size_bytes"]) == ("confirmed", len(data))
    assert (picture["status"], picture["target_type"], picture["target_id"]) == (
        "attached",
        "card",
        announced.card_id,
    )
    assert (picture["actual_bytes"], picture["width"], picture["height"]) == (len(data), 90, 120)
    assert picture["phash"] is not None
    assert month_usage(connection, mina) == len(data)
    shown = stored(runtime, announced.object_key)
    assert shown is not None
    assert SECRET not in shown
    # Nothing of what was uploaded stays behind, for it tells the place.
    assert runtime.storage.upload_size(announced.object_key) is None
    events = connection.scalars(select(outbox.c.event_type).order_by(outbox.c.id))
    assert {"CardConfirmed", "MediaConfirmed"} <= set(events)


def test_confirming_again_changes_nothing(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    announced = announce(runtime, mina)
    send(runtime, announced.object_key, PICTURE)
    confirm(runtime, announced.card_id, mina)
    before = row(connection, announced.card_id), stored(runtime, announced.object_key)
    # Even when the upload URL, which still works, was used for something else meanwhile.
    send(runtime, announced.object_key, b"<html>")
    confirm(runtime, announced.card_id, mina)
    assert (row(connection, announced.card_id), stored(runtime, announced.object_key)) == before
    assert month_usage(connection, mina) == len(PICTURE)


def test_confirming_without_an_upload_is_refused_and_can_be_repeated(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    announced = announce(runtime, mina)
    with pytest.raises(UploadMissing):
        confirm(runtime, announced.card_id, mina)
    send(runtime, announced.object_key, PICTURE)
    confirm(runtime, announced.card_id, mina)
    assert row(connection, announced.card_id)["upload_status"] == "confirmed"


def test_a_crash_after_cleaning_is_healed_by_confirming_again(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    announced = announce(runtime, mina)
    send(runtime, announced.object_key, PICTURE)
    # What a process that died between storing and committing leaves behind.
    runtime.storage.store(announced.object_key, b"half the work", content_type="image/jpeg")
    confirm(runtime, announced.card_id, mina)
    assert stored(runtime, announced.object_key) not in (None, b"half the work")
    assert month_usage(connection, mina) == len(PICTURE)


def test_a_file_that_is_no_picture_counts_nothing(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    announced = announce(runtime, mina)
    send(runtime, announced.object_key, encoded(ImageType.PNG))
    with pytest.raises(ImageRefused):
        confirm(runtime, announced.card_id, mina)
    assert row(connection, announced.card_id)["upload_status"] == "pending"
    assert month_usage(connection, mina) == 0
    assert stored(runtime, announced.object_key) is None


def test_only_the_owner_confirms_edits_and_deletes(runtime: Runtime, mina: UUID) -> None:
    yuna, card_id = make_user(runtime, "yuna"), put_card(runtime, mina)
    for act in (confirm, edit, delete):
        with pytest.raises(NotOwner):
            act(runtime, card_id, yuna)


def test_an_unknown_card_is_not_found(runtime: Runtime, mina: UUID) -> None:
    for act in (confirm, edit, delete):
        with pytest.raises(CardNotFound):
            act(runtime, uuid4(), mina)


def test_a_deleted_card_is_not_found(runtime: Runtime, mina: UUID) -> None:
    card_id = put_card(runtime, mina)
    delete(runtime, card_id, mina)
    for act in (confirm, edit, delete):
        with pytest.raises(CardNotFound):
            act(runtime, card_id, mina)


def test_a_photocard_is_linked_and_a_merged_one_leads_to_its_target(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    target = make_photocard(connection, runtime)
    merged = make_photocard(connection, runtime, merged_into=target)
    card_id = announce(runtime, mina, photocard_id=merged, idol="Haerin").card_id
    assert row(connection, card_id)["photocard_id"] == target
    edit(runtime, card_id, mina, photocard_id=None)
    assert row(connection, card_id)["photocard_id"] is None
    edit(runtime, card_id, mina, photocard_id=merged)
    assert row(connection, card_id)["photocard_id"] == target


def test_an_unknown_photocard_is_refused(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    with pytest.raises(PhotocardNotFound):
        announce(runtime, mina, photocard_id=uuid4())
    card_id = put_card(runtime, mina)
    with pytest.raises(PhotocardNotFound):
        edit(runtime, card_id, mina, photocard_id=uuid4())
    assert connection.scalar(select(func.count()).select_from(cards)) == 1


def test_editing_stores_the_changes(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    card_id = put_card(runtime, mina, idol="Haerin", note="x")
    clock.advance(hours=1)
    edit(runtime, card_id, mina, idol="Min-Ji", note=None, status=OwnersChoice.HELD)
    changed = row(connection, card_id)
    assert (changed["idol"], changed["idol_norm"], changed["note"], changed["status"]) == (
        "Min-Ji",
        "minji",
        None,
        "held",
    )
    assert changed["updated_at"] == clock.now()


@pytest.mark.parametrize(("status", "refusal"), [("trading", CardInTrade), ("traded", CardTraded)])
def test_a_card_trades_decide_about_cannot_be_edited(
    runtime: Runtime, connection: Connection, mina: UUID, status: str, refusal: type[Exception]
) -> None:
    card_id = put_card(runtime, mina)
    set_status(connection, card_id, status)
    with pytest.raises(refusal):
        edit(runtime, card_id, mina, note="x")


def test_a_card_in_an_unfinished_trade_is_not_deleted(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    card_id = put_card(runtime, mina)
    set_status(connection, card_id, "trading")
    with pytest.raises(CardInTrade):
        delete(runtime, card_id, mina)
    assert row(connection, card_id)["deleted_at"] is None
    assert picture_of(connection, card_id)["status"] == "attached"


def confirmed_card(runtime: Runtime, owner_id: UUID) -> AnnouncedCard:
    announced = announce(runtime, owner_id)
    send(runtime, announced.object_key, PICTURE)
    confirm(runtime, announced.card_id, owner_id)
    return announced


def test_deleting_a_card_removes_its_picture_for_good(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    announced = confirmed_card(runtime, mina)
    delete(runtime, announced.card_id, mina)
    assert row(connection, announced.card_id)["deleted_at"] == clock.now()
    picture = picture_of(connection, announced.card_id)
    assert (picture["status"], picture["target_id"], picture["deleted_at"]) == ("deleted", None, clock.now())
    assert stored(runtime, announced.object_key) is None
    events = set(connection.scalars(select(outbox.c.event_type)))
    assert {"CardDeleted", "MediaDeleted"} <= events


def test_deleting_a_card_that_was_never_confirmed_discards_its_upload(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    announced = announce(runtime, mina)
    send(runtime, announced.object_key, PICTURE)
    delete(runtime, announced.card_id, mina)
    assert picture_of(connection, announced.card_id)["status"] == "deleted"
    assert runtime.storage.upload_size(announced.object_key) is None


def test_the_picture_of_a_traded_card_stays_until_its_last_owner_deletes_it(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    yuna, announced = make_user(runtime, "yuna"), confirmed_card(runtime, mina)
    trade = completed_trade(runtime, connection, mina, yuna, announced.card_id)
    received = give(runtime, announced.card_id, yuna, trade)
    delete(runtime, announced.card_id, mina)
    # The history of the trade still shows it, and so does the receiver's binder.
    assert picture_of(connection, announced.card_id)["status"] == "attached"
    assert picture_of(connection, received)["status"] == "attached"
    assert stored(runtime, announced.object_key) is not None
    delete(runtime, received, yuna)
    assert picture_of(connection, announced.card_id)["status"] == "deleted"
    assert picture_of(connection, received)["status"] == "deleted"
    assert stored(runtime, announced.object_key) is None


def test_a_receiver_who_deletes_first_leaves_the_givers_picture_alone(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    yuna, announced = make_user(runtime, "yuna"), confirmed_card(runtime, mina)
    received = give(
        runtime,
        announced.card_id,
        yuna,
        completed_trade(runtime, connection, mina, yuna, announced.card_id),
    )
    delete(runtime, received, yuna)
    assert picture_of(connection, received)["status"] == "deleted"
    assert picture_of(connection, announced.card_id)["status"] == "attached"
    assert stored(runtime, announced.object_key) is not None


def test_a_card_without_a_picture_can_be_deleted_and_not_confirmed(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    card_id = put_card(runtime, mina, confirmed=False)
    connection.execute(update(cards).where(cards.c.id == card_id).values(media_asset_id=None))
    with pytest.raises(UploadMissing):
        confirm(runtime, card_id, mina)
    delete(runtime, card_id, mina)
    assert row(connection, card_id)["deleted_at"] is not None


def test_a_storage_that_is_down_does_not_keep_a_card_from_being_deleted(
    runtime: Runtime, connection: Connection, mina: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*args: object) -> None:
        raise Unavailable("object_storage")

    announced = confirmed_card(runtime, mina)
    monkeypatch.setattr(runtime.storage, "remove", down)
    delete(runtime, announced.card_id, mina)
    assert picture_of(connection, announced.card_id)["status"] == "deleted"


def test_a_card_is_confirmed_though_its_upload_cannot_be_discarded(
    runtime: Runtime, connection: Connection, mina: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*args: object) -> None:
        raise Unavailable("object_storage")

    announced = announce(runtime, mina)
    send(runtime, announced.object_key, PICTURE)
    monkeypatch.setattr(runtime.storage, "discard_upload", down)
    confirm(runtime, announced.card_id, mina)
    assert row(connection, announced.card_id)["upload_status"] == "confirmed"
