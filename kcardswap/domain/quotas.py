"""The limits of the plans, and the days and months they are counted in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from kcardswap.domain.errors import LimitExceeded

MIB = 1024 * 1024
GIB = 1024 * MIB
STANDING = date(1970, 1, 1)
"""The period of limits that are not counted per day or month."""


class Plan(StrEnum):
    """What a person pays for."""

    FREE = "free"
    PREMIUM = "premium"


DEFAULT_PLAN = Plan.FREE
"""The plan of people without a subscription that runs."""


class LimitKey(StrEnum):
    """The limits clients know by name."""

    POSTS_PER_DAY = "posts_per_day"
    POST_IMAGES_PER_POST_MAX = "post_images_per_post_max"
    GALLERY_CARDS_COUNT_MAX = "gallery_cards_count_max"
    CARDS_PER_DAY = "cards_per_day"
    CARD_STORAGE_BYTES_MAX = "card_storage_bytes_max"
    MEDIA_FILE_BYTES_MAX = "media_file_bytes_max"
    MEDIA_BYTES_PER_MONTH = "media_bytes_per_month"
    NEARBY_SEARCHES_PER_DAY = "nearby_searches_per_day"
    PENDING_REQUESTS_MAX = "pending_requests_max"
    WISHLIST_ITEMS_MAX = "wishlist_items_max"
    CARDS_WITHOUT_PICTURE_MAX = "cards_without_picture_max"


LIMITS: Mapping[Plan, Mapping[LimitKey, int | None]] = {
    Plan.FREE: {
        LimitKey.POSTS_PER_DAY: 2,
        LimitKey.POST_IMAGES_PER_POST_MAX: 1,
        LimitKey.GALLERY_CARDS_COUNT_MAX: 50,
        LimitKey.CARDS_PER_DAY: 3,
        LimitKey.CARD_STORAGE_BYTES_MAX: 100 * MIB,
        LimitKey.MEDIA_FILE_BYTES_MAX: 2 * MIB,
        LimitKey.MEDIA_BYTES_PER_MONTH: 50 * MIB,
        LimitKey.NEARBY_SEARCHES_PER_DAY: 5,
        LimitKey.PENDING_REQUESTS_MAX: 20,
        LimitKey.WISHLIST_ITEMS_MAX: 100,
        LimitKey.CARDS_WITHOUT_PICTURE_MAX: 1000,
    },
    Plan.PREMIUM: {
        LimitKey.POSTS_PER_DAY: 20,
        LimitKey.POST_IMAGES_PER_POST_MAX: 4,
        LimitKey.GALLERY_CARDS_COUNT_MAX: 500,
        LimitKey.CARDS_PER_DAY: None,
        LimitKey.CARD_STORAGE_BYTES_MAX: GIB,
        LimitKey.MEDIA_FILE_BYTES_MAX: 5 * MIB,
        LimitKey.MEDIA_BYTES_PER_MONTH: 2 * GIB,
        LimitKey.NEARBY_SEARCHES_PER_DAY: None,
        LimitKey.PENDING_REQUESTS_MAX: 20,
        LimitKey.WISHLIST_ITEMS_MAX: 1000,
        LimitKey.CARDS_WITHOUT_PICTURE_MAX: 10_000,
    },
}
"""What each plan allows; None is without limit."""


@dataclass(frozen=True, slots=True)
class Period:
    """The day or month a limit is counted in: its first day, and when it ends in UTC."""

    start: date
    begins_at: datetime
    reset_at: datetime


@dataclass(frozen=True, slots=True)
class QuotaCalendar:
    """Days and months as the people of ``timezone`` live them."""

    timezone: ZoneInfo

    def day(self, now: datetime) -> Period:
        """Return the day ``now`` falls on."""
        start = now.astimezone(self.timezone).date()
        return self._period(start, start + timedelta(days=1))

    def month(self, now: datetime) -> Period:
        """Return the month ``now`` falls in."""
        start = now.astimezone(self.timezone).date().replace(day=1)
        return self._period(start, (start + timedelta(days=31)).replace(day=1))

    def _period(self, start: date, end: date) -> Period:
        return Period(start, self._midnight(start), self._midnight(end))

    def _midnight(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=self.timezone).astimezone(UTC)


def limit(plan: Plan, key: LimitKey) -> int | None:
    """Return what ``plan`` allows of ``key``, or None when it sets no limit."""
    return LIMITS[plan][key]


def require_room(
    plan: Plan, key: LimitKey, *, used: int, wanted: int, reset_at: datetime | None = None
) -> None:
    """Do nothing when ``wanted`` more on top of ``used`` stay within the plan.

    :raises LimitExceeded: they do not; ``reset_at`` is when the count starts again, None for never.
    """
    allowed = limit(plan, key)
    if allowed is not None and used + wanted > allowed:
        raise LimitExceeded(limit_key=key, limit_value=allowed, current_value=used, reset_at=reset_at)


def require_file_size(plan: Plan, size_bytes: int) -> None:
    """Do nothing for a file the plan takes.

    :raises LimitExceeded: it is larger; ``current_value`` is its size.
    """
    allowed = limit(plan, LimitKey.MEDIA_FILE_BYTES_MAX)
    if allowed is not None and size_bytes > allowed:
        raise LimitExceeded(
            limit_key=LimitKey.MEDIA_FILE_BYTES_MAX, limit_value=allowed, current_value=size_bytes
        )
