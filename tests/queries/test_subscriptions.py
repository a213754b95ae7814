"""What somebody pays for, and how much of every limit they have used."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, insert

from kcardswap.domain.quotas import GIB, MIB, Plan
from kcardswap.persistence.orm.quotas import quota_usage
from kcardswap.queries.subscriptions import NO_SUBSCRIPTION, QuotaRow, quotas_of, subscription_of
from kcardswap.runtime import Runtime
from tests.albums import create
from tests.conftest import MovableClock
from tests.people import make_user
from tests.pictures import put_card
from tests.premium import end_premium, make_premium
from tests.talks import knock
from tests.wishes import wish


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


@pytest.fixture
def yuna(runtime: Runtime) -> UUID:
    return make_user(runtime, "yuna")


def quotas(runtime: Runtime, connection: Connection, user_id: UUID) -> dict[str, QuotaRow]:
    rows = quotas_of(connection, user_id=user_id, calendar=runtime.quota_calendar, now=runtime.clock.now())
    return {row.limit_key: row for row in rows}


def use(runtime: Runtime, connection: Connection, user_id: UUID, key: str, used: int, start: Any) -> None:
    connection.execute(
        insert(quota_usage).values(
            user_id=user_id, limit_key=key, period_start=start, used=used, updated_at=runtime.clock.now()
        )
    )


def test_somebody_who_never_bought_anything_has_the_free_plan(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID, yuna: UUID
) -> None:
    make_premium(runtime, yuna)
    assert subscription_of(connection, user_id=mina, now=clock.now()) == NO_SUBSCRIPTION


def test_a_subscription_whose_time_is_over_has_expired_though_no_job_noticed(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    make_premium(runtime, mina, days=1)
    ends_at = clock.now() + timedelta(days=1)
    before = subscription_of(connection, user_id=mina, now=ends_at - timedelta(microseconds=1))
    assert before.entitlement_active and before[:3] == ("premium", "active", ends_at)
    after = subscription_of(connection, user_id=mina, now=ends_at)
    assert not after.entitlement_active and after[:3] == ("free", "expired", ends_at)
    assert quotas(runtime, connection, mina)["cards_per_day"].limit_value is None
    clock.moment = ends_at
    assert quotas(runtime, connection, mina)["cards_per_day"].limit_value == 3


def test_nothing_used_says_every_limit_of_the_free_plan(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    day, month = runtime.quota_calendar.day(clock.now()), runtime.quota_calendar.month(clock.now())
    assert list(quotas(runtime, connection, mina).values()) == [
        ("posts_per_day", 2, 0, day.reset_at),
        ("post_images_per_post_max", 1, 0, None),
        ("gallery_cards_count_max", 50, 0, None),
        ("media_file_bytes_max", 2 * MIB, 0, None),
        ("media_bytes_per_month", 50 * MIB, 0, month.reset_at),
        ("cards_per_day", 3, 0, day.reset_at),
        ("card_storage_bytes_max", 100 * MIB, 0, None),
        ("nearby_searches_per_day", 5, 0, day.reset_at),
        ("pending_requests_max", 20, 0, None),
        ("wishlist_items_max", 100, 0, None),
        ("cards_without_picture_max", 1000, 0, None),
    ]


def test_premium_has_its_own_limits(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    make_premium(runtime, mina)
    limits = {key: row.limit_value for key, row in quotas(runtime, connection, mina).items()}
    assert limits == {
        "posts_per_day": 20,
        "post_images_per_post_max": 4,
        "gallery_cards_count_max": 500,
        "media_file_bytes_max": 5 * MIB,
        "media_bytes_per_month": 2 * GIB,
        "cards_per_day": None,
        "card_storage_bytes_max": GIB,
        "nearby_searches_per_day": None,
        "pending_requests_max": 20,
        "wishlist_items_max": 1000,
        "cards_without_picture_max": 10_000,
    }


def test_what_is_used_is_counted_as_the_limits_count_it(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID, yuna: UUID
) -> None:
    day, month = runtime.quota_calendar.day(clock.now()), runtime.quota_calendar.month(clock.now())
    for person in (mina, yuna):
        for n in range(2 if person is mina else 3):
            create(runtime, person)
            wish(runtime, person, f"Idol {n}")
            knock(runtime, person, make_user(runtime, f"{n}.{person}"))
        put_card(runtime, person, size_bytes=3 * MIB)
        put_card(runtime, person, size_bytes=2 * MIB, made_at=clock.now() - timedelta(days=2))
    for key, used, start in (
        ("posts_per_day", 1, day.start),
        ("posts_per_day", 2, day.start - timedelta(days=1)),
        ("media_bytes_per_month", 7 * MIB, month.start),
        ("media_bytes_per_month", 9 * MIB, month.start - timedelta(days=1)),
        ("nearby_searches_per_day", 4, day.start),
    ):
        use(runtime, connection, mina, key, used, start)
    current = {key: row.current_value for key, row in quotas(runtime, connection, mina).items()}
    assert current == {
        "posts_per_day": 1,
        "post_images_per_post_max": 0,
        "gallery_cards_count_max": 2,
        "media_file_bytes_max": 0,
        "media_bytes_per_month": 7 * MIB,
        "cards_per_day": 1,
        "card_storage_bytes_max": 5 * MIB,
        "nearby_searches_per_day": 4,
        "pending_requests_max": 2,
        "wishlist_items_max": 2,
        "cards_without_picture_max": 0,
    }


def test_after_premium_everything_stays_and_counts_beyond_the_limit(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    make_premium(runtime, mina)
    for _ in range(51):
        create(runtime, mina)
    end_premium(runtime, mina)
    row = quotas(runtime, connection, mina)["gallery_cards_count_max"]
    assert (row.limit_value, row.current_value) == (50, 51)


def test_each_read_is_one_statement(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID, count_sql: Callable[[], Any]
) -> None:
    make_premium(runtime, mina)
    reads: list[Callable[[], object]] = [
        lambda: subscription_of(connection, user_id=mina, now=clock.now()),
        lambda: quotas(runtime, connection, mina),
    ]
    for read in reads:
        with count_sql() as sent:
            read()
            assert sent() == 1


def test_the_plan_of_services_and_of_reads_is_the_same_at_every_moment(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID, count_sql: Callable[[], Any]
) -> None:
    make_premium(runtime, mina, hours=1)
    for minutes, plan in ((0, Plan.PREMIUM), (59, Plan.PREMIUM), (1, Plan.FREE), (600, Plan.FREE)):
        clock.advance(minutes=minutes)
        uow = runtime.unit_of_work()
        with uow:
            assert uow.quotas.plan_of(mina) is plan
            with count_sql() as sent:
                uow.quotas.plan_of(mina)
                assert sent() == 1
        expected = None if plan is Plan.PREMIUM else 3
        assert quotas(runtime, connection, mina)["cards_per_day"].limit_value == expected
