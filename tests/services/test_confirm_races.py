"""A picture uploaded again while it is checked or cleared away: what is counted is what is kept."""

import io
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from threading import Event, Thread
from typing import Any
from uuid import UUID

import pytest
from PIL import Image
from sqlalchemy import RowMapping, select, text, update

from kcardswap.domain.errors import Unavailable
from kcardswap.domain.media import CheckedImage, ImageType
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.media import media_assets
from kcardswap.runtime import Runtime
from kcardswap.services import cards as card_services
from kcardswap.services import media as media_services
from kcardswap.services import uploads
from tests.binders import confirm as confirm_card
from tests.conftest import MovableClock
from tests.people import make_user
from tests.pictures import drawing, encoded, put_card, send, stored
from tests.services.test_attaching import at_once

SIZES = {width: encoded(ImageType.JPEG, drawing(width, 120)) for width in (60, 90, 120)}


@pytest.fixture
def runtime(committed_runtime: Runtime) -> Runtime:
    """A runtime with real commits."""
    return committed_runtime


class SlowCleaner:
    """Checks pictures, and holds the first one back until it is let go."""

    def __init__(self, runtime: Runtime) -> None:
        self.images = runtime.images
        self.checked, self.go_on = Event(), Event()

    def clean(self, data: bytes, declared: ImageType) -> CheckedImage:
        """Return the checked picture, the first one late."""
        image = self.images.clean(data, declared)
        if not self.checked.is_set():
            self.checked.set()
            assert self.go_on.wait(20)
        return image


def announced(runtime: Runtime, owner_id: UUID) -> tuple[UUID, str]:
    made = media_services.announce(
        runtime.unit_of_work(),
        runtime.storage,
        owner_id=owner_id,
        content_type=ImageType.JPEG,
        file_size_bytes=100_000,
        lifetime=timedelta(minutes=15),
    )
    return made.media_id, f"media/{owner_id}/{made.media_id}.jpg"


def confirm(runtime: Runtime, media_id: UUID, by: UUID) -> int:
    return media_services.confirm(
        runtime.unit_of_work(),
        runtime.storage,
        runtime.images,
        runtime.quota_calendar,
        media_id=media_id,
        by=by,
    )


def kept(runtime: Runtime, key: str) -> RowMapping:
    """Return the row of a picture after comparing it with the stored object."""
    with runtime.database.reader() as connection:
        found = (
            connection.execute(select(media_assets).where(media_assets.c.object_key == key)).mappings().one()
        )
    data = stored(runtime, key)
    assert data is not None
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.width == found["width"]
    assert found["actual_bytes"] == len(SIZES[found["width"]])
    return found


def with_images(runtime: Runtime, images: Any) -> Runtime:
    return Runtime(**{**vars(runtime), "images": images})


@pytest.mark.parametrize("of_a_card", [False, True])
def test_a_slow_check_does_not_overwrite_what_a_faster_one_confirmed(
    runtime: Runtime, of_a_card: bool
) -> None:
    mina = make_user(runtime, "mina")
    media_id, key = announced(runtime, mina)
    act: Callable[[Runtime], object] = lambda runtime: confirm(runtime, media_id, mina)  # noqa: E731
    if of_a_card:
        card_id = put_card(runtime, mina, confirmed=False)
        key = f"cards/{mina}/{card_id}.jpg"
        act = lambda runtime: confirm_card(runtime, card_id, mina)  # noqa: E731
    send(runtime, key, SIZES[60])
    slow = SlowCleaner(runtime)

    def faster() -> None:
        assert slow.checked.wait(20)
        send(runtime, key, SIZES[120])
        act(runtime)
        slow.go_on.set()

    assert at_once([partial(act, with_images(runtime, slow)), faster]) == []
    assert kept(runtime, key)["width"] == 120


def test_confirming_and_uploading_again_at_once_keeps_object_and_size_together(runtime: Runtime) -> None:
    mina = make_user(runtime, "mina")
    for _ in range(8):
        media_id, key = announced(runtime, mina)
        send(runtime, key, SIZES[60])
        confirming = [partial(confirm, runtime, media_id, mina)] * 4
        sending = [partial(send, runtime, key, SIZES[width]) for width in (90, 120, 60)]
        assert at_once([*confirming, *sending]) == []
        kept(runtime, key)


def lapsed_upload(runtime: Runtime, clock: MovableClock, owner_id: UUID) -> tuple[UUID, str]:
    """Store a card that goes on waiting, and the upload nobody confirmed in time; return it with the key."""
    card_id = put_card(runtime, owner_id, confirmed=False, data=SIZES[60])
    uow = runtime.unit_of_work()
    with uow:
        uow.session.execute(update(cards).where(cards.c.id == card_id).values(upload_expires_at=None))
        uow.commit()
    clock.advance(hours=2)
    assert uploads.drop_lapsed(uow, limit=1) == 1
    return card_id, f"cards/{owner_id}/{card_id}.jpg"


@pytest.mark.parametrize("slow", ["discard_upload", "remove"])
def test_a_picture_that_comes_while_the_earlier_one_is_cleared_away_stays(
    runtime: Runtime, clock: MovableClock, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    mina = make_user(runtime, "mina")
    card_id, key = lapsed_upload(runtime, clock, mina)

    def again() -> None:
        card_services.announce_picture(
            runtime.unit_of_work(),
            runtime.storage,
            runtime.quota_calendar,
            card_id=card_id,
            by=mina,
            content_type=ImageType.JPEG,
            file_size_bytes=100_000,
            lifetime=timedelta(minutes=15),
        )
        send(runtime, key, SIZES[120])
        confirm_card(runtime, card_id, mina)

    coming, carry_out = Thread(target=again), getattr(runtime.storage, slow)

    def slowly(key: str) -> None:
        if not coming.ident:
            coming.start()
            coming.join(1.5)
        carry_out(key)

    monkeypatch.setattr(runtime.storage, slow, slowly)
    uploads.remove_objects(runtime.unit_of_work(), runtime.storage, limit=1)
    coming.join(20)
    assert kept(runtime, key)["width"] == 120


@pytest.mark.parametrize("slow", ["discard_upload", "remove"])
@pytest.mark.parametrize("fails", [False, True])
def test_a_purge_that_loses_its_lock_removes_nothing_more_and_is_repeated(
    runtime: Runtime, clock: MovableClock, monkeypatch: pytest.MonkeyPatch, slow: str, fails: bool
) -> None:
    _, key = lapsed_upload(runtime, clock, make_user(runtime, "mina"))
    runtime.storage.store(key, SIZES[60], content_type="image/jpeg")

    def too_slowly(key: str) -> None:
        with runtime.database.reader() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND state = 'idle in transaction'"
                    " AND query LIKE '%media_assets%'"
                )
            )
        if fails:
            raise Unavailable("object_storage")

    monkeypatch.setattr(runtime.storage, slow, too_slowly)
    with pytest.raises(Unavailable):
        uploads.remove_objects(runtime.unit_of_work(), runtime.storage, limit=1)
    monkeypatch.undo()
    assert stored(runtime, key) is not None
    clock.advance(minutes=11)
    assert uploads.remove_objects(runtime.unit_of_work(), runtime.storage, limit=1) == 1
    assert stored(runtime, key) is None
