"""Uploading pictures and confirming them."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, insert, select

from kcardswap.domain.errors import LimitExceeded, NotOwner, Unavailable
from kcardswap.domain.media import ImageRefused, ImageType, MediaNotFound, StorageUnavailable, UploadMissing
from kcardswap.domain.quotas import MIB
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.media import media_assets
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.persistence.orm.quotas import quota_usage
from kcardswap.runtime import Runtime
from kcardswap.services import media as media_services
from tests.conftest import MovableClock
from tests.people import make_user
from tests.pictures import SECRET, encoded, put_card, send, stored, talkative

PICTURE = encoded()


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


def announce(
    runtime: Runtime, owner_id: UUID, *, kind: ImageType = ImageType.JPEG, size: int = len(PICTURE)
) -> UUID:
    return media_services.announce(
        runtime.unit_of_work(),
        runtime.storage,
        owner_id=owner_id,
        content_type=kind,
        file_size_bytes=size,
        lifetime=timedelta(minutes=15),
    ).media_id


def confirm(runtime: Runtime, media_id: UUID, by: UUID) -> int:
    return media_services.confirm(
        runtime.unit_of_work(),
        runtime.storage,
        runtime.images,
        runtime.quota_calendar,
        media_id=media_id,
        by=by,
    )


def key_of(connection: Connection, media_id: UUID) -> str:
    key: str = connection.execute(
        select(media_assets.c.object_key).where(media_assets.c.id == media_id)
    ).scalar_one()
    return key


def uploaded(runtime: Runtime, connection: Connection, owner_id: UUID, data: bytes = PICTURE) -> UUID:
    media_id = announce(runtime, owner_id)
    send(runtime, key_of(connection, media_id), data)
    return media_id


def used(connection: Connection) -> list[int]:
    return list(connection.scalars(select(quota_usage.c.used)))


@pytest.mark.parametrize("kind", list(ImageType))
def test_a_picture_of_every_type_is_confirmed_clean(
    runtime: Runtime, connection: Connection, mina: UUID, kind: ImageType
) -> None:
    data = talkative(kind)
    media_id = announce(runtime, mina, kind=kind, size=len(data))
    key = key_of(connection, media_id)
    assert key == f"media/{mina}/{media_id}.{kind.extension}"
    send(runtime, key, data)
    assert confirm(runtime, media_id, mina) == len(data)
    row = connection.execute(select(media_assets).where(media_assets.c.id == media_id)).one()
    assert (row.status, row.content_type, row.actual_bytes) == ("confirmed", kind.stored_as, len(data))
    shown = stored(runtime, key)
    assert shown is not None
    assert SECRET not in shown
    assert runtime.storage.upload_size(key) is None
    assert used(connection) == [len(data)]
    assert "MediaConfirmed" in set(connection.scalars(select(outbox.c.event_type)))


def test_confirming_again_counts_once(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    media_id = uploaded(runtime, connection, mina)
    assert confirm(runtime, media_id, mina) == confirm(runtime, media_id, mina) == len(PICTURE)
    assert used(connection) == [len(PICTURE)]


def test_only_the_owner_confirms(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    media_id = uploaded(runtime, connection, mina)
    with pytest.raises(NotOwner):
        confirm(runtime, media_id, make_user(runtime, "yuna"))


def test_confirming_before_the_upload_is_refused(runtime: Runtime, mina: UUID) -> None:
    with pytest.raises(UploadMissing):
        confirm(runtime, announce(runtime, mina), mina)


def test_another_type_than_declared_is_refused(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    media_id = uploaded(runtime, connection, mina, encoded(ImageType.WEBP))
    with pytest.raises(ImageRefused):
        confirm(runtime, media_id, mina)
    assert used(connection) == []


def test_unknown_and_deleted_pictures_and_those_of_cards_are_not_found(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    deleted = uploaded(runtime, connection, mina)
    uow = runtime.unit_of_work()
    with uow:
        uow.media.get(deleted).delete(uow.clock.now())
        uow.commit()
    card_id = put_card(runtime, mina, confirmed=False, data=PICTURE)
    of_a_card = connection.scalar(select(cards.c.media_asset_id).where(cards.c.id == card_id))
    assert of_a_card is not None
    for media_id in (uuid4(), deleted, of_a_card):
        with pytest.raises(MediaNotFound):
            confirm(runtime, media_id, mina)


def test_a_file_above_the_plans_size_is_refused_at_both_steps(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    announce(runtime, mina, size=2 * MIB)
    with pytest.raises(LimitExceeded) as refused:
        announce(runtime, mina, size=2 * MIB + 1)
    assert refused.value.details["limit_key"] == "media_file_bytes_max"
    media_id = uploaded(runtime, connection, mina, bytes(2 * MIB + 1))
    with pytest.raises(LimitExceeded) as refused:
        confirm(runtime, media_id, mina)
    assert refused.value.details["current_value"] == 2 * MIB + 1


def test_the_bytes_of_the_month_end_exactly_at_the_limit(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    month = runtime.quota_calendar.month(clock.now())
    connection.execute(
        insert(quota_usage).values(
            user_id=mina,
            limit_key="media_bytes_per_month",
            period_start=month.start,
            used=50 * MIB - len(PICTURE),
            updated_at=clock.now(),
        )
    )
    confirm(runtime, uploaded(runtime, connection, mina), mina)
    media_id = uploaded(runtime, connection, mina)
    with pytest.raises(LimitExceeded) as refused:
        confirm(runtime, media_id, mina)
    assert refused.value.details == {
        "limit_key": "media_bytes_per_month",
        "limit_value": 50 * MIB,
        "current_value": 50 * MIB,
        "reset_at": month.reset_at,
    }
    assert connection.scalar(select(media_assets.c.status).where(media_assets.c.id == media_id)) == "pending"
    assert stored(runtime, key_of(connection, media_id)) is None


def test_a_storage_that_does_not_work_is_named(
    runtime: Runtime, connection: Connection, mina: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **options: object) -> None:
        raise Unavailable("object_storage")

    media_id = uploaded(runtime, connection, mina)
    monkeypatch.setattr(runtime.storage, "store", broken)
    with pytest.raises(Unavailable):
        confirm(runtime, media_id, mina)
    monkeypatch.undo()
    assert confirm(runtime, media_id, mina) == len(PICTURE)


def test_a_picture_is_confirmed_though_its_upload_cannot_be_discarded(
    runtime: Runtime, connection: Connection, mina: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(key: str) -> None:
        raise StorageUnavailable()

    media_id = uploaded(runtime, connection, mina)
    monkeypatch.setattr(runtime.storage, "discard_upload", down)
    assert confirm(runtime, media_id, mina) == len(PICTURE)


def test_an_upload_that_vanishes_while_it_is_checked_is_missing(
    runtime: Runtime, connection: Connection, mina: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    media_id = uploaded(runtime, connection, mina)
    monkeypatch.setattr(runtime.storage, "read_upload", lambda key, max_bytes: None)
    with pytest.raises(UploadMissing):
        confirm(runtime, media_id, mina)


def test_an_upload_that_grows_while_it_is_checked_is_read_no_further_than_the_limit(
    runtime: Runtime, connection: Connection, mina: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    media_id = uploaded(runtime, connection, mina, bytes(3 * MIB))
    monkeypatch.setattr(runtime.storage, "upload_size", lambda key: 1000)
    with pytest.raises(LimitExceeded) as refused:
        confirm(runtime, media_id, mina)
    assert refused.value.details["current_value"] == 2 * MIB + 1
