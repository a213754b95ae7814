"""Limits of the plans, and days and months in Taipei."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from kcardswap.domain.errors import LimitExceeded
from kcardswap.domain.quotas import (
    MIB,
    LimitKey,
    Plan,
    QuotaCalendar,
    limit,
    require_file_size,
    require_room,
)

TAIPEI = QuotaCalendar(ZoneInfo("Asia/Taipei"))


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("now", "start", "reset_at"),
    [
        (utc(2026, 3, 1, 15, 59, 59), date(2026, 3, 1), utc(2026, 3, 1, 16)),
        (utc(2026, 3, 1, 16), date(2026, 3, 2), utc(2026, 3, 2, 16)),
        (utc(2026, 12, 31, 20), date(2027, 1, 1), utc(2027, 1, 1, 16)),
    ],
)
def test_a_day_ends_at_midnight_in_taipei(now: datetime, start: date, reset_at: datetime) -> None:
    day = TAIPEI.day(now)
    assert (day.start, day.reset_at) == (start, reset_at)
    assert (day.reset_at - day.begins_at).total_seconds() == 24 * 3600


@pytest.mark.parametrize(
    ("now", "start", "reset_at"),
    [
        (utc(2026, 2, 28, 15, 59, 59), date(2026, 2, 1), utc(2026, 2, 28, 16)),
        (utc(2026, 2, 28, 16), date(2026, 3, 1), utc(2026, 3, 31, 16)),
        (utc(2026, 12, 31, 16), date(2027, 1, 1), utc(2027, 1, 31, 16)),
        (utc(2026, 12, 5), date(2026, 12, 1), utc(2026, 12, 31, 16)),
    ],
)
def test_a_month_ends_at_midnight_in_taipei(now: datetime, start: date, reset_at: datetime) -> None:
    month = TAIPEI.month(now)
    assert (month.start, month.reset_at) == (start, reset_at)


def test_the_plans_allow_what_they_promise() -> None:
    promised = {
        LimitKey.CARDS_PER_DAY: (3, None),
        LimitKey.CARD_STORAGE_BYTES_MAX: (100 * MIB, 1024 * MIB),
        LimitKey.MEDIA_FILE_BYTES_MAX: (2 * MIB, 5 * MIB),
        LimitKey.MEDIA_BYTES_PER_MONTH: (50 * MIB, 2048 * MIB),
    }
    for key, (free, premium) in promised.items():
        assert (limit(Plan.FREE, key), limit(Plan.PREMIUM, key)) == (free, premium)


def test_room_ends_exactly_at_the_limit() -> None:
    reset_at = utc(2026, 3, 1, 16)
    require_room(Plan.FREE, LimitKey.CARDS_PER_DAY, used=2, wanted=1)
    with pytest.raises(LimitExceeded) as refused:
        require_room(Plan.FREE, LimitKey.CARDS_PER_DAY, used=3, wanted=1, reset_at=reset_at)
    assert refused.value.details == {
        "limit_key": "cards_per_day",
        "limit_value": 3,
        "current_value": 3,
        "reset_at": reset_at,
    }


def test_a_limit_a_plan_does_not_set_leaves_room_for_everything() -> None:
    require_room(Plan.PREMIUM, LimitKey.CARDS_PER_DAY, used=10**9, wanted=10**9)


def test_a_file_may_be_exactly_as_large_as_the_plan_takes() -> None:
    require_file_size(Plan.FREE, 2 * MIB)
    require_file_size(Plan.PREMIUM, 5 * MIB)
    with pytest.raises(LimitExceeded) as refused:
        require_file_size(Plan.FREE, 2 * MIB + 1)
    assert refused.value.details == {
        "limit_key": "media_file_bytes_max",
        "limit_value": 2 * MIB,
        "current_value": 2 * MIB + 1,
        "reset_at": None,
    }
