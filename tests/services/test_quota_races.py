"""Sixteen callers at once never exceed a limit, and every one beyond it is told so."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select

from kcardswap.domain.errors import LimitExceeded
from kcardswap.domain.media import ImageType
from kcardswap.domain.quotas import MIB
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.media import media_assets
from kcardswap.persistence.orm.quotas import quota_usage
from kcardswap.runtime import Runtime
from kcardswap.services import cards as card_services
from kcardswap.services import media as media_services
from tests.conftest import MovableClock
from tests.people import make_user
from tests.pictures import completed_trade, encoded, give, put_card, send, stored

CALLERS = 16
PICTURE = encoded()


@pytest.fixture
def runtime(committed_runtime: Runtime) -> Runtime:
    """A runtime with real commits."""
    return committed_runtime


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


def at_once(works: Sequence[Callable[[], object]]) -> list[LimitExceeded]:
    """Run all works at the same moment and return the refusals; any other exception fails the test."""
    barrier = Barrier(len(works))

    def run(work: Callable[[], object]) -> LimitExceeded | None:
        barrier.wait(timeout=30)
        try:
            work()
        except LimitExceeded as refusal:
            return refusal
        return None

    with ThreadPoolExecutor(len(works)) as pool:
        return [refusal for refusal in pool.map(run, works) if refusal is not None]


def announcing(runtime: Runtime, owner_id: UUID) -> Callable[[], object]:
    return lambda: card_services.announce(
        runtime.unit_of_work(),
        runtime.storage,
        runtime.quota_calendar,
        owner_id=owner_id,
        content_type=ImageType.JPEG,
        file_size_bytes=1000,
        description={},
        lifetime=timedelta(minutes=15),
    )


def confirming(runtime: Runtime, card_id: UUID, owner_id: UUID) -> Callable[[], object]:
    return lambda: card_services.confirm_upload(
        runtime.unit_of_work(),
        runtime.storage,
        runtime.images,
        runtime.quota_calendar,
        card_id=card_id,
        by=owner_id,
    )


def confirming_media(runtime: Runtime, owner_id: UUID) -> Callable[[], object]:
    announced = media_services.announce(
        runtime.unit_of_work(),
        runtime.storage,
        owner_id=owner_id,
        content_type=ImageType.JPEG,
        file_size_bytes=len(PICTURE),
        lifetime=timedelta(minutes=15),
    )
    send(runtime, f"media/{owner_id}/{announced.media_id}.jpg", PICTURE)
    return lambda: media_services.confirm(
        runtime.unit_of_work(),
        runtime.storage,
        runtime.images,
        runtime.quota_calendar,
        media_id=announced.media_id,
        by=owner_id,
    )


def deleting(runtime: Runtime, card_id: UUID, owner_id: UUID) -> Callable[[], object]:
    return lambda: card_services.delete(runtime.unit_of_work(), runtime.storage, card_id=card_id, by=owner_id)


def use_up_month(runtime: Runtime, owner_id: UUID, *, leave: int) -> None:
    month = runtime.quota_calendar.month(runtime.clock.now())
    with runtime.database.transaction() as connection:
        connection.execute(
            insert(quota_usage).values(
                user_id=owner_id,
                limit_key="media_bytes_per_month",
                period_start=month.start,
                used=50 * MIB - leave,
                updated_at=runtime.clock.now(),
            )
        )


def month_usage(runtime: Runtime, owner_id: UUID) -> int:
    with runtime.database.reader() as connection:
        used: int = connection.execute(
            select(quota_usage.c.used).where(
                quota_usage.c.user_id == owner_id, quota_usage.c.limit_key == "media_bytes_per_month"
            )
        ).scalar_one()
        return used


def count(runtime: Runtime, *where: object) -> int:
    with runtime.database.reader() as connection:
        return connection.execute(select(func.count()).select_from(cards).where(*where)).scalar_one()  # type: ignore[arg-type]


def assert_refused(refusals: list[LimitExceeded], key: str, limit: int, resets: datetime | None) -> None:
    for refusal in refusals:
        assert set(refusal.details) == {"limit_key", "limit_value", "current_value", "reset_at"}
        assert (refusal.details["limit_key"], refusal.details["limit_value"]) == (key, limit)
        assert refusal.details["reset_at"] == resets


def test_sixteen_announcements_at_once_make_exactly_three_cards(runtime: Runtime, mina: UUID) -> None:
    refusals = at_once([announcing(runtime, mina)] * CALLERS)
    assert count(runtime, cards.c.owner_id == mina) == 3
    assert len(refusals) == CALLERS - 3
    resets = runtime.quota_calendar.day(runtime.clock.now()).reset_at
    assert_refused(refusals, "cards_per_day", 3, resets)
    assert {refusal.details["current_value"] for refusal in refusals} == {3}


def test_late_confirmations_and_new_cards_share_the_places_of_a_day(
    runtime: Runtime, clock: MovableClock, mina: UUID
) -> None:
    clock.moment = runtime.quota_calendar.day(clock.now()).begins_at + timedelta(hours=1)
    late = [put_card(runtime, mina, confirmed=False, data=PICTURE) for _ in range(CALLERS // 2)]
    clock.advance(minutes=15)
    works = [confirming(runtime, card_id, mina) for card_id in late]
    refusals = at_once([*works, *[announcing(runtime, mina)] * (CALLERS // 2)])
    counting = (cards.c.upload_status == "confirmed") | (cards.c.upload_expires_at > clock.now())
    assert count(runtime, counting) == 3
    assert len(refusals) == CALLERS - 3


def test_sixteen_confirmations_at_once_never_pass_the_bytes_of_the_month(
    runtime: Runtime, mina: UUID
) -> None:
    works = [confirming_media(runtime, mina) for _ in range(CALLERS)]
    use_up_month(runtime, mina, leave=5 * len(PICTURE) + 1)
    refusals = at_once(works)
    assert len(refusals) == CALLERS - 5
    assert month_usage(runtime, mina) == 50 * MIB - 1
    resets = runtime.quota_calendar.month(runtime.clock.now()).reset_at
    assert_refused(refusals, "media_bytes_per_month", 50 * MIB, resets)


def test_the_first_confirmations_of_a_month_are_counted_exactly_too(runtime: Runtime, mina: UUID) -> None:
    assert at_once([confirming_media(runtime, mina) for _ in range(CALLERS)]) == []
    assert month_usage(runtime, mina) == CALLERS * len(PICTURE)


def test_sixteen_confirmations_at_once_never_pass_the_storage_of_a_binder(
    runtime: Runtime, clock: MovableClock, mina: UUID
) -> None:
    put_card(
        runtime, mina, size_bytes=100 * MIB - 2 * len(PICTURE) - 1, made_at=clock.now() - timedelta(days=9)
    )
    works = []
    for _ in range(CALLERS):
        card_id = put_card(runtime, mina, confirmed=False, data=PICTURE)
        works.append(confirming(runtime, card_id, mina))
    refusals = at_once(works)
    assert len(refusals) == CALLERS - 2
    assert count(runtime, cards.c.upload_status == "confirmed") == 3
    with runtime.database.reader() as connection:
        assert connection.scalar(select(func.sum(cards.c.size_bytes))) == 100 * MIB - 1
    # What was refused for the storage is not charged to the month either.
    assert month_usage(runtime, mina) == 2 * len(PICTURE)
    assert_refused(refusals, "card_storage_bytes_max", 100 * MIB, None)


def test_one_card_confirmed_sixteen_times_at_once_is_counted_once(runtime: Runtime, mina: UUID) -> None:
    card_id = put_card(runtime, mina, confirmed=False, data=PICTURE)
    assert at_once([confirming(runtime, card_id, mina)] * CALLERS) == []
    assert month_usage(runtime, mina) == len(PICTURE)


def test_one_picture_confirmed_sixteen_times_at_once_is_counted_once(runtime: Runtime, mina: UUID) -> None:
    assert at_once([confirming_media(runtime, mina)] * CALLERS) == []
    assert month_usage(runtime, mina) == len(PICTURE)


def test_owners_who_delete_a_shared_picture_at_once_leave_nothing_behind(
    runtime: Runtime, mina: UUID
) -> None:
    yuna = make_user(runtime, "yuna")
    for _ in range(10):
        card_id = put_card(runtime, mina)
        key = f"cards/{mina}/{card_id}.jpg"
        runtime.storage.store(key, PICTURE, content_type="image/jpeg")
        with runtime.database.transaction() as connection:
            trade_id = completed_trade(runtime, connection, mina, yuna, card_id)
        received = give(runtime, card_id, yuna, trade_id)
        assert at_once([deleting(runtime, card_id, mina), deleting(runtime, received, yuna)]) == []
        assert stored(runtime, key) is None
    with runtime.database.reader() as connection:
        assert set(connection.scalars(select(media_assets.c.status))) == {"deleted"}
