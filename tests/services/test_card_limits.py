"""The limits of the free plan: what counts, where they end, and when they start again."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Connection, insert

from kcardswap.domain.errors import LimitExceeded
from kcardswap.domain.quotas import MIB
from kcardswap.persistence.orm.quotas import quota_usage
from kcardswap.runtime import Runtime
from tests.binders import PICTURE, announce, confirm, delete, month_usage, refused_limit, row
from tests.conftest import MovableClock
from tests.people import make_user
from tests.pictures import completed_trade, give, put_card, stored


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


def test_a_fourth_card_of_the_day_is_refused_until_midnight_in_taipei(
    runtime: Runtime, clock: MovableClock, mina: UUID
) -> None:
    for _ in range(3):
        announce(runtime, mina)
    with pytest.raises(LimitExceeded) as refused:
        announce(runtime, mina)
    assert refused_limit(refused) == ("cards_per_day", 3, 3)
    reset_at = refused.value.details["reset_at"]
    assert reset_at == runtime.quota_calendar.day(clock.now()).reset_at
    clock.moment = reset_at  # type: ignore[assignment]
    announce(runtime, mina)


def test_cards_of_others_received_cards_and_lapsed_uploads_do_not_count_but_deleted_ones_do(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    clock.moment = runtime.quota_calendar.day(clock.now()).begins_at + timedelta(hours=1)
    yuna = make_user(runtime, "yuna")
    others = put_card(runtime, yuna)
    give(runtime, others, mina, completed_trade(runtime, connection, yuna, mina, others))
    announce(runtime, mina)
    clock.advance(minutes=15)
    kept, removed = put_card(runtime, mina), put_card(runtime, mina)
    delete(runtime, removed, mina)
    announce(runtime, mina)
    with pytest.raises(LimitExceeded):
        announce(runtime, mina)
    assert row(connection, kept)["deleted_at"] is None


def test_a_card_whose_upload_ran_out_is_confirmed_only_while_the_day_has_a_place(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    clock.moment = runtime.quota_calendar.day(clock.now()).begins_at + timedelta(hours=1)
    late = [put_card(runtime, mina, confirmed=False, data=PICTURE) for _ in range(2)]
    clock.advance(minutes=15)
    announce(runtime, mina)
    announce(runtime, mina)
    confirm(runtime, late[0], mina)
    with pytest.raises(LimitExceeded) as refused:
        confirm(runtime, late[1], mina)
    assert refused_limit(refused) == ("cards_per_day", 3, 3)
    assert row(connection, late[1])["upload_status"] == "pending"
    assert month_usage(connection, mina) == len(PICTURE)


def test_a_file_above_the_plans_size_is_refused_when_announced(runtime: Runtime, mina: UUID) -> None:
    announce(runtime, mina, size=2 * MIB)
    with pytest.raises(LimitExceeded) as refused:
        announce(runtime, mina, size=2 * MIB + 1)
    assert refused_limit(refused) == ("media_file_bytes_max", 2 * MIB, 2 * MIB + 1)


def test_a_file_above_the_plans_size_is_refused_when_confirmed(runtime: Runtime, mina: UUID) -> None:
    card_id = put_card(runtime, mina, confirmed=False, data=bytes(2 * MIB + 1))
    with pytest.raises(LimitExceeded) as refused:
        confirm(runtime, card_id, mina)
    assert refused_limit(refused) == ("media_file_bytes_max", 2 * MIB, 2 * MIB + 1)


def test_the_storage_of_a_binder_is_full_when_announcing(runtime: Runtime, mina: UUID) -> None:
    put_card(runtime, mina, size_bytes=100 * MIB - 10)
    announce(runtime, mina, size=10)
    with pytest.raises(LimitExceeded) as refused:
        announce(runtime, mina, size=11)
    assert refused_limit(refused) == ("card_storage_bytes_max", 100 * MIB, 100 * MIB - 10)
    assert refused.value.details["reset_at"] is None


def test_the_real_bytes_count_towards_the_storage_when_confirming(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    full = put_card(runtime, mina, size_bytes=100 * MIB - len(PICTURE) + 1)
    card_id = put_card(runtime, mina, confirmed=False, size_bytes=1, data=PICTURE)
    with pytest.raises(LimitExceeded) as refused:
        confirm(runtime, card_id, mina)
    assert refused_limit(refused) == ("card_storage_bytes_max", 100 * MIB, 100 * MIB - len(PICTURE) + 1)
    # A refusal charges and shows nothing at all, and deleting makes room again.
    assert stored(runtime, f"cards/{mina}/{card_id}.jpg") is None
    assert month_usage(connection, mina) == 0
    delete(runtime, full, mina)
    confirm(runtime, card_id, mina)


def test_received_cards_take_no_storage(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    yuna = make_user(runtime, "yuna")
    large = put_card(runtime, yuna, size_bytes=100 * MIB)
    give(runtime, large, mina, completed_trade(runtime, connection, yuna, mina, large))
    announce(runtime, mina)
    with pytest.raises(LimitExceeded):
        announce(runtime, yuna)


def test_the_bytes_of_the_month_run_out_when_confirming(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    month = runtime.quota_calendar.month(clock.now())
    connection.execute(
        insert(quota_usage).values(
            user_id=mina,
            limit_key="media_bytes_per_month",
            period_start=month.start,
            used=50 * MIB - len(PICTURE) + 1,
            updated_at=clock.now(),
        )
    )
    card_id = put_card(runtime, mina, confirmed=False, data=PICTURE)
    with pytest.raises(LimitExceeded) as refused:
        confirm(runtime, card_id, mina)
    assert refused_limit(refused) == ("media_bytes_per_month", 50 * MIB, 50 * MIB - len(PICTURE) + 1)
    assert refused.value.details["reset_at"] == month.reset_at
    clock.moment = month.reset_at
    confirm(runtime, card_id, mina)
