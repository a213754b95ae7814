"""Clearing away what uploads leave behind, whatever happens in between."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, insert, select, update

from kcardswap.domain.media import StorageUnavailable, UploadMissing
from kcardswap.gateways.storage import LocalStorage
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.media import media_assets
from kcardswap.runtime import Runtime
from kcardswap.services import uploads
from tests.albums import create
from tests.binders import PICTURE, confirm, delete, row
from tests.conftest import MovableClock
from tests.people import make_user
from tests.pictures import completed_trade, give, put_card, send, stored
from tests.services.test_attaching import attach, picture

LIMIT = 3
LAPSED = timedelta(minutes=15) + uploads.GRACE


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


def run(runtime: Runtime) -> dict[str, int]:
    """Run every step until nothing is left to do and return how many each dealt with."""
    uow, storage = runtime.unit_of_work(), runtime.storage
    steps: dict[str, Callable[[], int]] = {
        "cards": lambda: uploads.drop_lapsed_cards(uow, limit=LIMIT),
        "lapsed": lambda: uploads.drop_lapsed(uow, limit=LIMIT),
        "unused": lambda: uploads.drop_unused(uow, limit=LIMIT),
        "objects": lambda: uploads.remove_objects(uow, storage, limit=LIMIT),
        "rows": lambda: uploads.forget_deleted(uow, limit=LIMIT),
    }
    done = dict.fromkeys(steps, 0)
    for name, step in steps.items():
        while batch := step():
            done[name] += batch
    return {**done, "strays": uploads.remove_strays(uow, storage)}


def did(runtime: Runtime) -> dict[str, int]:
    return {name: count for name, count in run(runtime).items() if count}


def media_of(connection: Connection, media_id: UUID) -> Any:
    return (
        connection.execute(select(media_assets).where(media_assets.c.id == media_id)).mappings().one_or_none()
    )


def cards_left(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(cards)).scalar_one()


def rows_left(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(media_assets)).scalar_one()


def without_picture(runtime: Runtime, connection: Connection, owner_id: UUID) -> UUID:
    """Store a card that was made without a picture and now waits for one."""
    card_id = put_card(runtime, owner_id, confirmed=False)
    connection.execute(update(cards).where(cards.c.id == card_id).values(upload_expires_at=None))
    return card_id


def age(runtime: Runtime, **span: float) -> None:
    """Make every file look as old as ``span``, counted on the test's clock."""
    assert isinstance(runtime.storage, LocalStorage)
    moment = (runtime.clock.now() - timedelta(**span)).timestamp()
    for path in Path(runtime.settings.storage_root).rglob("*"):
        os.utime(path, (moment, moment))


def test_nothing_that_is_in_use_or_still_awaited_is_touched(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    confirmed = put_card(runtime, mina, confirmed=False, data=PICTURE)
    confirm(runtime, confirmed, mina)
    shown = picture(runtime, mina)
    attach(runtime, shown, create(runtime, mina), mina)
    clock.advance(days=30)
    waiting = put_card(runtime, mina, confirmed=False, data=PICTURE)
    unused = picture(runtime, mina)
    age(runtime, days=3)
    before = rows_left(connection)
    clock.advance(minutes=15 + 60)
    assert did(runtime) == {}
    assert rows_left(connection) == before
    confirm(runtime, waiting, mina)
    assert media_of(connection, unused)["status"] == "confirmed"
    assert stored(runtime, f"cards/{mina}/{confirmed}.jpg") is not None


def test_a_card_whose_picture_never_came_goes_an_hour_after_its_url_with_what_was_uploaded(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    lapsed = [put_card(runtime, mina, confirmed=False, data=PICTURE) for _ in range(LIMIT + 2)]
    clock.advance(seconds=LAPSED.total_seconds())
    assert did(runtime) == {}
    clock.advance(seconds=1)
    assert did(runtime) == {"cards": LIMIT + 2, "objects": LIMIT + 2, "rows": LIMIT + 2}
    assert (cards_left(connection), rows_left(connection)) == (0, 0)
    for card_id in lapsed:
        assert runtime.storage.upload_size(f"cards/{mina}/{card_id}.jpg") is None


def test_a_card_made_without_a_picture_loses_only_the_upload_that_never_came(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    card_id = without_picture(runtime, connection, mina)
    send(runtime, f"cards/{mina}/{card_id}.jpg", PICTURE)
    clock.advance(seconds=LAPSED.total_seconds() + 1)
    assert did(runtime) == {"lapsed": 1, "objects": 1, "rows": 1}
    left = row(connection, card_id)
    assert (left["upload_status"], left["media_asset_id"], left["deleted_at"]) == ("pending", None, None)
    with pytest.raises(UploadMissing):
        confirm(runtime, card_id, mina)


def test_a_card_that_waits_on_is_told_that_its_upload_lapsed_while_the_purge_is_at_it(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    card_id = without_picture(runtime, connection, mina)
    send(runtime, f"cards/{mina}/{card_id}.jpg", PICTURE)
    clock.advance(seconds=LAPSED.total_seconds() + 1)
    assert uploads.drop_lapsed(runtime.unit_of_work(), limit=LIMIT) == 1
    with pytest.raises(UploadMissing):
        confirm(runtime, card_id, mina)
    assert row(connection, card_id)["upload_status"] == "pending"


def test_a_checked_picture_nothing_shows_goes_after_seven_days_and_its_row_two_days_later(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    unused = picture(runtime, mina)
    key = media_of(connection, unused)["object_key"]
    clock.advance(days=7)
    assert did(runtime) == {}
    clock.advance(seconds=1)
    assert did(runtime) == {"unused": 1, "objects": 1}
    assert stored(runtime, key) is None
    assert media_of(connection, unused)["object_removed_at"] == clock.now()
    clock.advance(days=2, seconds=1)
    assert did(runtime) == {"rows": 1}
    assert rows_left(connection) == 0


def test_an_object_stays_as_long_as_a_received_card_shows_it(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    yuna = make_user(runtime, "yuna")
    card_id = put_card(runtime, mina, confirmed=False, data=PICTURE)
    confirm(runtime, card_id, mina)
    key = f"cards/{mina}/{card_id}.jpg"
    received = give(runtime, card_id, yuna, completed_trade(runtime, connection, mina, yuna, card_id))
    connection.execute(
        update(media_assets)
        .where(media_assets.c.target_id == card_id)
        .values(status="deleted", target_type=None, target_id=None, position=None, deleted_at=clock.now())
    )
    age(runtime, days=5)
    assert did(runtime) == {"objects": 1}
    assert stored(runtime, key) is not None
    clock.advance(days=3)
    assert did(runtime) == {"rows": 1}
    assert stored(runtime, key) is not None
    delete(runtime, received, yuna)
    assert stored(runtime, key) is None


def test_objects_and_uploads_no_picture_knows_go_after_a_day(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    assert isinstance(runtime.storage, LocalStorage)
    runtime.storage.store("media/nobody/one.jpg", b"x", content_type="image/jpeg")
    send(runtime, "media/nobody/two.jpg", b"x")
    draft = Path(runtime.settings.storage_root) / "uploads/media/nobody/three.jpg.0123456789abcdef"
    draft.write_bytes(b"half")
    # Uploaded again after the check: nobody waits for it any more.
    card_id = put_card(runtime, mina, confirmed=False, data=PICTURE)
    confirm(runtime, card_id, mina)
    send(runtime, f"cards/{mina}/{card_id}.jpg", b"again")
    age(runtime, hours=23)
    assert did(runtime) == {}
    age(runtime, hours=25)
    assert did(runtime) == {"strays": 4}
    assert not draft.exists()
    assert stored(runtime, f"cards/{mina}/{card_id}.jpg") is not None
    assert did(runtime) == {}


def test_the_row_of_a_picture_outlives_a_storage_that_fails(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [picture(runtime, mina) for _ in range(4)]
    keys = [media_of(connection, media_id)["object_key"] for media_id in pictures]
    clock.advance(days=8)
    uploads.drop_unused(runtime.unit_of_work(), limit=10)
    removed: list[str] = []
    remove = runtime.storage.remove

    def fails_at_the_third(key: str) -> None:
        if len(removed) == 2:
            raise StorageUnavailable()
        remove(key)
        removed.append(key)

    monkeypatch.setattr(runtime.storage, "remove", fails_at_the_third)
    with pytest.raises(StorageUnavailable):
        uploads.remove_objects(runtime.unit_of_work(), runtime.storage, limit=10)
    monkeypatch.undo()
    done = [media_of(connection, media_id)["object_removed_at"] is not None for media_id in pictures]
    assert sum(done) == 2
    clock.advance(minutes=9)
    # The claim of the one that failed still holds; afterwards another takes over.
    assert uploads.remove_objects(runtime.unit_of_work(), runtime.storage, limit=10) == 0
    clock.advance(days=3)
    assert did(runtime) == {"objects": 2, "rows": 4}
    assert [stored(runtime, key) for key in keys] == [None] * 4


def test_a_purge_killed_between_marking_and_removing_is_taken_up_again(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(key: str) -> None:
        raise Killed

    card_id = put_card(runtime, mina, confirmed=False, data=PICTURE)
    clock.advance(seconds=LAPSED.total_seconds() + 1)
    assert uploads.drop_lapsed_cards(runtime.unit_of_work(), limit=10) == 1
    monkeypatch.setattr(runtime.storage, "discard_upload", killed)
    with pytest.raises(Killed):
        uploads.remove_objects(runtime.unit_of_work(), runtime.storage, limit=10)
    monkeypatch.undo()
    assert rows_left(connection) == 1
    assert runtime.storage.upload_size(f"cards/{mina}/{card_id}.jpg") is not None
    clock.advance(minutes=11)
    assert did(runtime) == {"objects": 1, "rows": 1}
    assert runtime.storage.upload_size(f"cards/{mina}/{card_id}.jpg") is None


def test_a_dry_run_counts_and_leaves_everything(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    put_card(runtime, mina, confirmed=False, data=PICTURE)
    picture(runtime, mina)
    runtime.storage.store("media/nobody/one.jpg", b"x", content_type="image/jpeg")
    connection.execute(
        insert(media_assets).values(
            id=runtime.new_id(),
            owner_id=mina,
            object_key="media/gone.jpg",
            content_type="image/jpeg",
            declared_bytes=1,
            status="deleted",
            upload_expires_at=clock.now(),
            deleted_at=clock.now(),
            created_at=clock.now(),
            updated_at=clock.now(),
        )
    )
    clock.advance(days=8)
    age(runtime, days=8)
    uow, storage, before = runtime.unit_of_work(), runtime.storage, rows_left(connection)
    assert uploads.drop_lapsed_cards(uow, limit=10, dry_run=True) == 1
    assert uploads.drop_unused(uow, limit=10, dry_run=True) == 1
    assert uploads.remove_objects(uow, storage, limit=10, dry_run=True) == 1
    assert uploads.remove_strays(uow, storage, dry_run=True) == 1
    assert (rows_left(connection), cards_left(connection)) == (before, 1)
    assert uploads.remove_objects(uow, storage, limit=10) == 1
    assert uploads.forget_deleted(uow, limit=10, dry_run=True) == 1
    assert rows_left(connection) == before
    assert stored(runtime, "media/nobody/one.jpg") == b"x"


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.lists(st.sampled_from(["cards", "lapsed", "unused", "objects", "rows", "strays"]), max_size=12)
)
def test_in_whatever_order_the_steps_run_the_end_is_the_same(
    runtime: Runtime, connection: Connection, clock: MovableClock, order: list[str]
) -> None:
    owner = make_user(runtime, runtime.new_id().hex)
    kept = put_card(runtime, owner, confirmed=False, data=PICTURE)
    confirm(runtime, kept, owner)
    lapsed, waits = (put_card(runtime, owner, confirmed=False, data=PICTURE) for _ in range(2))
    connection.execute(update(cards).where(cards.c.id == waits).values(upload_expires_at=None))
    picture(runtime, owner)
    clock.advance(days=8)
    age(runtime, days=8)
    uow, storage = runtime.unit_of_work(), runtime.storage
    steps: dict[str, Callable[[], object]] = {
        "cards": lambda: uploads.drop_lapsed_cards(uow, limit=LIMIT),
        "lapsed": lambda: uploads.drop_lapsed(uow, limit=LIMIT),
        "unused": lambda: uploads.drop_unused(uow, limit=LIMIT),
        "objects": lambda: uploads.remove_objects(uow, storage, limit=LIMIT),
        "rows": lambda: uploads.forget_deleted(uow, limit=LIMIT),
        "strays": lambda: uploads.remove_strays(uow, storage),
    }
    for name in order:
        steps[name]()
    clock.advance(days=3)
    run(runtime)
    clock.advance(days=3)
    run(runtime)
    mine = connection.execute(select(media_assets.c.status).where(media_assets.c.owner_id == owner)).scalars()
    assert list(mine) == ["attached"]
    left = connection.execute(select(cards.c.id).where(cards.c.owner_id == owner)).scalars()
    assert set(left) == {kept, waits} and lapsed not in (kept, waits)
    assert stored(runtime, f"cards/{owner}/{kept}.jpg") is not None
    files = [
        path
        for path in Path(runtime.settings.storage_root).rglob("*")
        if path.is_file() and str(owner) in str(path)
    ]
    assert len(files) == 1


def at_once(works: list[Callable[[], int]]) -> list[int]:
    """Run all works at the same moment and return what they did."""
    barrier = Barrier(len(works))

    def run(work: Callable[[], int]) -> int:
        barrier.wait(timeout=30)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_purges_at_once_share_the_work_and_nothing_is_done_twice(
    committed_runtime: Runtime, clock: MovableClock
) -> None:
    runtime = committed_runtime
    mina = make_user(runtime, "mina")
    for _ in range(20):
        put_card(runtime, mina, confirmed=False, data=PICTURE)
    clock.advance(seconds=LAPSED.total_seconds() + 1)

    def until_done(step: Callable[..., int]) -> Callable[[], int]:
        def work() -> int:
            done = 0
            while batch := step(runtime.unit_of_work(), limit=LIMIT):
                done += batch
            return done

        return work

    assert sum(at_once([until_done(uploads.drop_lapsed_cards)] * 4)) == 20
    objects = lambda uow, limit: uploads.remove_objects(uow, runtime.storage, limit=limit)  # noqa: E731
    assert sum(at_once([until_done(objects)] * 4)) == 20
    assert sum(at_once([until_done(uploads.forget_deleted)] * 4)) == 20
    with runtime.database.reader() as connection:
        assert (rows_left(connection), cards_left(connection)) == (0, 0)


def test_a_confirmation_and_a_purge_at_once_leave_a_card_with_its_picture_or_neither(
    committed_runtime: Runtime, clock: MovableClock
) -> None:
    runtime = committed_runtime
    mina = make_user(runtime, "mina")
    for _ in range(12):
        card_id = put_card(runtime, mina, confirmed=False, data=PICTURE)
        clock.advance(seconds=LAPSED.total_seconds() + 1)

        def confirming(card_id: UUID = card_id) -> int:
            try:
                confirm(runtime, card_id, mina)
            except Exception:
                return 0
            return 1

        def purging() -> int:
            return sum(run(runtime).values())

        confirmed, _ = at_once([confirming, purging])
        clock.advance(days=1)
        run(runtime)
        with runtime.database.reader() as connection:
            there = connection.execute(select(func.count()).where(cards.c.id == card_id)).scalar_one()
        assert there == confirmed
        assert (stored(runtime, f"cards/{mina}/{card_id}.jpg") is not None) == bool(confirmed)
