"""Giving gallery cards their pictures."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, RowMapping, select

from kcardswap.domain.errors import NotOwner, Refusal
from kcardswap.domain.gallery import GalleryCardNotFound
from kcardswap.domain.media import (
    CheckedImage,
    ImageType,
    MediaAlreadyAttached,
    MediaAsset,
    MediaNotConfirmed,
    MediaNotFound,
    StorageUnavailable,
)
from kcardswap.persistence.orm.gallery import gallery_cards
from kcardswap.persistence.orm.media import media_assets
from kcardswap.runtime import Runtime
from kcardswap.services import media as media_services
from tests.albums import create
from tests.binders import PICTURE, picture_of
from tests.people import make_user
from tests.pictures import put_card, stored


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


def picture(runtime: Runtime, owner_id: UUID, *, confirmed: bool = True) -> UUID:
    """Store a picture of somebody's, with its object."""
    uow = runtime.unit_of_work()
    with uow:
        now = uow.clock.now()
        media = MediaAsset.announce(
            id=uow.new_id(),
            owner_id=owner_id,
            content_type=ImageType.JPEG,
            declared_bytes=len(PICTURE),
            lifetime=timedelta(minutes=15),
            now=now,
        )
        if confirmed:
            image = CheckedImage(data=b"", content_type=ImageType.JPEG, width=90, height=120, phash=1)
            media.confirm(image, uploaded_bytes=len(PICTURE), now=now)
        uow.media.add(media)
        uow.commit()
        runtime.storage.store(media.object_key, PICTURE, content_type="image/jpeg")
        return media.id


def attach(runtime: Runtime, media_id: UUID, card_id: UUID, by: UUID) -> None:
    media_services.attach_to_gallery_card(
        runtime.unit_of_work(), runtime.storage, media_id=media_id, card_id=card_id, by=by
    )


def row(connection: Connection, media_id: UUID) -> RowMapping:
    return connection.execute(select(media_assets).where(media_assets.c.id == media_id)).mappings().one()


def shown_on(connection: Connection, card_id: UUID) -> UUID | None:
    shown: UUID | None = connection.execute(
        select(gallery_cards.c.media_asset_id).where(gallery_cards.c.id == card_id)
    ).scalar_one()
    return shown


def test_a_checked_picture_is_shown_on_the_card(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    media_id, card_id = picture(runtime, mina), create(runtime, mina)
    for _ in range(2):
        attach(runtime, media_id, card_id, mina)
        found = row(connection, media_id)
        assert (found["status"], found["target_type"], found["target_id"]) == (
            "attached",
            "gallery_card",
            card_id,
        )
        assert shown_on(connection, card_id) == media_id


@pytest.mark.parametrize("newer_first", [False, True])
def test_another_picture_takes_its_place_and_the_earlier_one_goes_with_its_object(
    runtime: Runtime, connection: Connection, mina: UUID, newer_first: bool
) -> None:
    first, second = picture(runtime, mina), picture(runtime, mina)
    if newer_first:
        first, second = second, first
    card_id = create(runtime, mina)
    attach(runtime, first, card_id, mina)
    attach(runtime, second, card_id, mina)
    assert shown_on(connection, card_id) == second
    replaced = row(connection, first)
    assert (replaced["status"], replaced["target_id"]) == ("deleted", None)
    assert stored(runtime, replaced["object_key"]) is None
    assert stored(runtime, row(connection, second)["object_key"]) == PICTURE


def test_a_storage_that_does_not_work_does_not_keep_anybody_waiting(
    runtime: Runtime, connection: Connection, mina: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(key: str) -> None:
        raise StorageUnavailable()

    first, second, card_id = picture(runtime, mina), picture(runtime, mina), create(runtime, mina)
    attach(runtime, first, card_id, mina)
    monkeypatch.setattr(runtime.storage, "remove", broken)
    attach(runtime, second, card_id, mina)
    assert row(connection, first)["object_removed_at"] is None
    assert shown_on(connection, card_id) == second


def test_what_cannot_be_attached_is_refused_and_changes_nothing(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    yuna = make_user(runtime, "yuna")
    mine, other = create(runtime, mina), create(runtime, mina)
    taken, present = picture(runtime, mina), picture(runtime, mina)
    attach(runtime, taken, other, mina)
    attach(runtime, present, mine, mina)
    deleted = picture(runtime, mina)
    uow = runtime.unit_of_work()
    with uow:
        uow.media.get(deleted).delete(uow.clock.now())
        uow.commit()
    of_a_card = picture_of(connection, put_card(runtime, mina))["id"]
    free, foreign = picture(runtime, mina), picture(runtime, yuna)
    hers = create(runtime, yuna)
    refusals: list[tuple[UUID, UUID, type[Refusal]]] = [
        (uuid4(), mine, MediaNotFound),
        (deleted, mine, MediaNotFound),
        (of_a_card, mine, MediaNotFound),
        (free, uuid4(), GalleryCardNotFound),
        (foreign, uuid4(), GalleryCardNotFound),
        (foreign, mine, NotOwner),
        (free, hers, NotOwner),
        (picture(runtime, mina, confirmed=False), mine, MediaNotConfirmed),
        (taken, mine, MediaAlreadyAttached),
    ]
    for media_id, card_id, refusal in refusals:
        with pytest.raises(refusal):
            attach(runtime, media_id, card_id, mina)
        assert shown_on(connection, mine) == present
        assert row(connection, present)["status"] == "attached"
    assert shown_on(connection, other) == taken


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1)), max_size=8))
def test_whatever_is_attached_in_whatever_order_a_picture_has_one_place_and_a_card_one_picture(
    runtime: Runtime, connection: Connection, acts: list[tuple[int, int]]
) -> None:
    owner = make_user(runtime, uuid4().hex)
    pictures, cards = [picture(runtime, owner) for _ in range(3)], [create(runtime, owner) for _ in range(2)]
    shown: dict[int, int] = {}
    gone: set[int] = set()
    for which, where in acts:
        elsewhere = any(place != where and there == which for place, there in shown.items())
        if which in gone or elsewhere:
            with pytest.raises(MediaNotFound if which in gone else MediaAlreadyAttached):
                attach(runtime, pictures[which], cards[where], owner)
            continue
        attach(runtime, pictures[which], cards[where], owner)
        if shown.get(where, which) != which:
            gone.add(shown[where])
        shown[where] = which
    for where, card_id in enumerate(cards):
        assert shown_on(connection, card_id) == (pictures[shown[where]] if where in shown else None)
    assert {n for n in range(3) if row(connection, pictures[n])["status"] == "deleted"} == gone


def test_one_picture_attached_to_two_cards_at_once_gets_one_place(committed_runtime: Runtime) -> None:
    runtime = committed_runtime
    mina = make_user(runtime, "mina")
    for _ in range(5):
        media_id, cards = picture(runtime, mina), [create(runtime, mina) for _ in range(4)]
        refusals = at_once([partial(attach, runtime, media_id, card_id, mina) for card_id in cards])
        assert [type(refusal) for refusal in refusals] == [MediaAlreadyAttached] * 3
        with runtime.database.reader() as connection:
            shown = [shown_on(connection, card_id) for card_id in cards]
        assert sorted(shown, key=str) == sorted([media_id, None, None, None], key=str)


def test_pictures_attached_to_one_card_at_once_leave_the_last_one(committed_runtime: Runtime) -> None:
    runtime = committed_runtime
    mina = make_user(runtime, "mina")
    card_id, pictures = create(runtime, mina), [picture(runtime, mina) for _ in range(6)]
    assert at_once([partial(attach, runtime, media_id, card_id, mina) for media_id in pictures]) == []
    with runtime.database.reader() as connection:
        last = shown_on(connection, card_id)
        for media_id in pictures:
            found = row(connection, media_id)
            assert found["status"] == ("attached" if media_id == last else "deleted")
            assert (stored(runtime, found["object_key"]) is None) == (media_id != last)


def at_once(works: Sequence[Callable[[], object]]) -> list[Refusal]:
    """Run all works at the same moment and return the refusals; any other exception fails the test."""
    barrier = Barrier(len(works))

    def run(work: Callable[[], object]) -> Refusal | None:
        barrier.wait(timeout=30)
        try:
            work()
        except Refusal as refusal:
            return refusal
        return None

    with ThreadPoolExecutor(len(works)) as pool:
        return [refusal for refusal in pool.map(run, works) if refusal is not None]
