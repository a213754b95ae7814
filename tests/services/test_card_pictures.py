"""Uploading the picture a card lacks: whose, when, how often, and what it counts as."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, func, select

from kcardswap.domain.cards import CardNotFound, CardNotPending, CardStatus
from kcardswap.domain.errors import LimitExceeded, NotOwner
from kcardswap.domain.media import ImageType, UploadMissing
from kcardswap.domain.quotas import MIB
from kcardswap.domain.spreadsheets import SheetLine
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.media import media_assets
from kcardswap.runtime import Runtime
from kcardswap.services import cards as card_services
from kcardswap.services import spreadsheets
from kcardswap.services.cards import AnnouncedCard
from tests.binders import PICTURE, announce, confirm, delete, month_usage, picture_of, refused_limit, row
from tests.conftest import MovableClock
from tests.people import make_user
from tests.pictures import encoded, put_card, send, stored
from tests.premium import make_premium

PNG = encoded(ImageType.PNG)


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


def imported(runtime: Runtime, owner_id: UUID) -> UUID:
    """Import one card and return its id."""
    spreadsheets.import_cards(
        runtime.unit_of_work(),
        owner_id=owner_id,
        lines=[SheetLine(2, {"idol": "Haerin", "status": CardStatus.AVAILABLE, "quantity": 1})],
        dry_run=False,
    )
    with runtime.database.reader() as connection:
        newest = select(cards.c.id).where(cards.c.owner_id == owner_id).order_by(cards.c.id.desc())
        found: UUID = connection.execute(newest.limit(1)).scalar_one()
        return found


def ask(
    runtime: Runtime,
    card_id: UUID,
    by: UUID,
    *,
    content_type: ImageType = ImageType.JPEG,
    size: int = len(PICTURE),
) -> AnnouncedCard:
    """Ask for the URL of a card's picture."""
    return card_services.announce_picture(
        runtime.unit_of_work(),
        runtime.storage,
        runtime.quota_calendar,
        card_id=card_id,
        by=by,
        content_type=content_type,
        file_size_bytes=size,
        lifetime=timedelta(minutes=15),
    )


def pictures(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(media_assets)) or 0


def test_an_imported_card_gets_its_picture(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    card_id = imported(runtime, mina)
    announced = ask(runtime, card_id, mina)
    assert announced.card_id == card_id
    assert announced.object_key == f"cards/{mina}/{card_id}.jpg"
    assert announced.expires_at == runtime.clock.now() + timedelta(minutes=15)
    send(runtime, announced.object_key, PICTURE)
    confirm(runtime, card_id, mina)
    card, picture = row(connection, card_id), picture_of(connection, card_id)
    assert (card["upload_status"], card["size_bytes"]) == ("confirmed", len(PICTURE))
    assert (picture["status"], picture["target_id"]) == ("attached", card_id)
    assert month_usage(connection, mina) == len(PICTURE)


def test_an_imported_card_is_never_given_a_time_its_picture_has_to_come_by(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    card_id = imported(runtime, mina)
    ask(runtime, card_id, mina)
    assert row(connection, card_id)["upload_expires_at"] is None
    other = announce(runtime, mina).card_id
    runtime.clock.advance(minutes=5)  # type: ignore[attr-defined]
    renewed = ask(runtime, other, mina)
    assert row(connection, other)["upload_expires_at"] == renewed.expires_at


def test_a_card_whose_url_ran_out_gets_another(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    card_id = put_card(runtime, mina, confirmed=False)
    clock.advance(minutes=16)
    announced = ask(runtime, card_id, mina)
    send(runtime, announced.object_key, PICTURE)
    confirm(runtime, card_id, mina)
    assert row(connection, card_id)["upload_status"] == "confirmed"
    assert pictures(connection) == 1


def test_a_card_that_is_not_ones_own_unknown_deleted_or_confirmed_gets_none(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    yuna, card_id, confirmed = make_user(runtime, "yuna"), imported(runtime, mina), put_card(runtime, mina)
    with pytest.raises(NotOwner):
        ask(runtime, card_id, yuna)
    with pytest.raises(CardNotFound):
        ask(runtime, uuid4(), mina)
    with pytest.raises(CardNotPending):
        ask(runtime, confirmed, mina)
    delete(runtime, card_id, mina)
    with pytest.raises(CardNotFound):
        ask(runtime, card_id, mina)
    assert pictures(connection) == 1


def test_a_new_url_replaces_the_earlier_one_and_takes_no_further_place_of_the_day(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    card_id = imported(runtime, mina)
    for _ in range(5):
        ask(runtime, card_id, mina)
    assert pictures(connection) == 1
    announce(runtime, mina)
    announce(runtime, mina)
    with pytest.raises(LimitExceeded):
        announce(runtime, mina)


def test_a_refused_url_leaves_the_earlier_one_as_it_was(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    card_id = imported(runtime, mina)
    ask(runtime, card_id, mina)
    before = dict(picture_of(connection, card_id))
    with pytest.raises(LimitExceeded):
        ask(runtime, card_id, mina, size=2 * MIB + 1)
    assert dict(picture_of(connection, card_id)) == before


def test_another_type_has_another_key_and_what_came_for_the_first_is_forgotten(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    card_id = imported(runtime, mina)
    first = ask(runtime, card_id, mina)
    send(runtime, first.object_key, PICTURE)
    second = ask(runtime, card_id, mina, content_type=ImageType.PNG, size=len(PNG))
    assert second.object_key == f"cards/{mina}/{card_id}.png"
    assert runtime.storage.upload_size(first.object_key) is None
    # The first URL still takes bytes until it ends; nobody looks at them.
    send(runtime, first.object_key, PICTURE)
    with pytest.raises(UploadMissing):
        confirm(runtime, card_id, mina)
    send(runtime, second.object_key, PNG)
    confirm(runtime, card_id, mina)
    assert picture_of(connection, card_id)["content_type"] == "image/png"
    assert stored(runtime, first.object_key) is None


def test_what_came_through_the_earlier_url_of_the_same_type_is_taken(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    card_id = imported(runtime, mina)
    first = ask(runtime, card_id, mina)
    second = ask(runtime, card_id, mina)
    assert first.object_key == second.object_key
    send(runtime, first.object_key, PICTURE)
    confirm(runtime, card_id, mina)
    assert row(connection, card_id)["upload_status"] == "confirmed"


def test_importing_first_is_no_way_around_the_cards_of_a_day(
    runtime: Runtime, clock: MovableClock, mina: UUID
) -> None:
    clock.moment = runtime.quota_calendar.day(clock.now()).begins_at + timedelta(hours=1)
    made = [imported(runtime, mina) for _ in range(5)]
    clock.advance(days=3)
    for card_id in made[:3]:
        announced = ask(runtime, card_id, mina)
        send(runtime, announced.object_key, PICTURE)
        confirm(runtime, card_id, mina)
    with pytest.raises(LimitExceeded) as refused:
        ask(runtime, made[3], mina)
    assert refused_limit(refused) == ("cards_per_day", 3, 3)
    assert refused.value.details["reset_at"] == runtime.quota_calendar.day(clock.now()).reset_at
    # Deleting gives no place back.
    delete(runtime, made[0], mina)
    with pytest.raises(LimitExceeded):
        announce(runtime, mina)
    clock.advance(days=1)
    ask(runtime, made[3], mina)


def test_a_late_confirmation_needs_a_place_of_the_day_its_url_was_asked_for_on(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    card_id = imported(runtime, mina)
    clock.advance(days=2)
    clock.moment = runtime.quota_calendar.day(clock.now()).begins_at + timedelta(hours=1)
    announced = ask(runtime, card_id, mina)
    send(runtime, announced.object_key, PICTURE)
    clock.advance(minutes=15)
    for _ in range(3):
        announce(runtime, mina)
    with pytest.raises(LimitExceeded) as refused:
        confirm(runtime, card_id, mina)
    assert refused_limit(refused) == ("cards_per_day", 3, 3)
    assert row(connection, card_id)["upload_status"] == "pending"
    clock.advance(minutes=15)
    confirm(runtime, card_id, mina)


def test_the_other_limits_hold_as_for_new_cards(runtime: Runtime, mina: UUID) -> None:
    card_id = imported(runtime, mina)
    with pytest.raises(LimitExceeded) as refused:
        ask(runtime, card_id, mina, size=2 * MIB + 1)
    assert refused_limit(refused) == ("media_file_bytes_max", 2 * MIB, 2 * MIB + 1)
    put_card(runtime, mina, size_bytes=100 * MIB)
    with pytest.raises(LimitExceeded) as refused:
        ask(runtime, card_id, mina)
    assert refused_limit(refused) == ("card_storage_bytes_max", 100 * MIB, 100 * MIB)


def test_premium_asks_as_often_as_it_likes(runtime: Runtime, mina: UUID) -> None:
    make_premium(runtime, mina)
    for _ in range(5):
        ask(runtime, imported(runtime, mina), mina)
