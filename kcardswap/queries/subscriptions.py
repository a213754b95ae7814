"""Plans: what somebody pays for, and how much of every limit they have used."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    ScalarSelect,
    Table,
    Uuid,
    bindparam,
    func,
    literal,
    select,
)

from kcardswap.domain.quotas import (
    DEFAULT_PLAN,
    LimitKey,
    Plan,
    QuotaCalendar,
    limit,
)
from kcardswap.domain.subscriptions import SubscriptionSource, SubscriptionStatus
from kcardswap.persistence.orm.cards import cards, counts_as_storage, lacks_a_picture
from kcardswap.persistence.orm.conversations import counts_as_waiting, message_requests
from kcardswap.persistence.orm.gallery import gallery_cards
from kcardswap.persistence.orm.media import counts_towards_day, media_assets
from kcardswap.persistence.orm.quotas import quota_usage
from kcardswap.persistence.orm.subscriptions import (
    entitles_at,
    is_unacknowledged,
    purchase_tokens,
    subscriptions,
)
from kcardswap.persistence.orm.wishlist import wishlist_items

Person = ColumnElement[UUID] | BindParameter[UUID] | UUID
_USER = bindparam("user_id", type_=Uuid())
_NOW = bindparam("now", type_=subscriptions.c.expires_at.type)


class SubscriptionRow(NamedTuple):
    """A person's subscription as it stands at this moment."""

    plan: Plan
    status: SubscriptionStatus
    expires_at: datetime | None
    source: SubscriptionSource

    @property
    def entitlement_active(self) -> bool:
        """Tell whether the person has premium now."""
        return self.status is SubscriptionStatus.ACTIVE


NO_SUBSCRIPTION = SubscriptionRow(
    DEFAULT_PLAN, SubscriptionStatus.INACTIVE, None, SubscriptionSource.GOOGLE_PLAY
)
_SUBSCRIPTION = select(*(subscriptions.c[name] for name in SubscriptionRow._fields)).where(
    subscriptions.c.user_id == _USER
)


def subscription_of(connection: Connection, *, user_id: UUID, now: datetime) -> SubscriptionRow:
    """Return somebody's subscription; one whose time is over has expired, whether or not a job noticed."""
    found = connection.execute(_SUBSCRIPTION, {"user_id": user_id}).one_or_none()
    if found is None:
        return NO_SUBSCRIPTION
    row = SubscriptionRow(*found)
    if row.entitlement_active and row.expires_at is not None and row.expires_at <= now:
        return row._replace(plan=Plan.FREE, status=SubscriptionStatus.EXPIRED)
    return row


def plan_of(user_id: Person, now: ColumnElement[datetime] | datetime) -> ColumnElement[Plan]:
    """Return the plan whose limits hold for a person at ``now``, to be selected beside other columns."""
    paid = select(subscriptions.c.plan).where(subscriptions.c.user_id == user_id, entitles_at(now))
    return func.coalesce(paid.scalar_subquery(), literal(DEFAULT_PLAN, subscriptions.c.plan.type))


class QuotaRow(NamedTuple):
    """How much of one limit is used; ``limit_value`` None is no limit, ``reset_at`` None is never."""

    limit_key: LimitKey
    limit_value: int | None
    current_value: int
    reset_at: datetime | None


def _counted(key: LimitKey, period: str) -> ScalarSelect[Any]:
    used = select(quota_usage.c.used).where(
        quota_usage.c.user_id == _USER,
        quota_usage.c.limit_key == key.value,
        quota_usage.c.period_start == bindparam(period, type_=quota_usage.c.period_start.type),
    )
    return used.scalar_subquery()


def _rows_of(table: Table) -> ScalarSelect[Any]:
    return select(func.count()).select_from(table).where(table.c.user_id == _USER).scalar_subquery()


_DAY_BEGINS = bindparam("day_begins_at", type_=media_assets.c.created_at.type)
_DAY_ENDS = bindparam("day_ends_at", type_=media_assets.c.created_at.type)
_USED = {
    LimitKey.POSTS_PER_DAY: _counted(LimitKey.POSTS_PER_DAY, "day"),
    LimitKey.POST_IMAGES_PER_POST_MAX: literal(0),
    LimitKey.GALLERY_CARDS_COUNT_MAX: _rows_of(gallery_cards),
    LimitKey.MEDIA_FILE_BYTES_MAX: literal(0),
    LimitKey.MEDIA_BYTES_PER_MONTH: _counted(LimitKey.MEDIA_BYTES_PER_MONTH, "month"),
    LimitKey.CARDS_PER_DAY: select(func.count())
    .where(media_assets.c.owner_id == _USER, counts_towards_day(_DAY_BEGINS, _DAY_ENDS, _NOW))
    .scalar_subquery(),
    LimitKey.CARD_STORAGE_BYTES_MAX: select(func.sum(cards.c.size_bytes))
    .where(cards.c.owner_id == _USER, counts_as_storage)
    .scalar_subquery(),
    LimitKey.NEARBY_SEARCHES_PER_DAY: _counted(LimitKey.NEARBY_SEARCHES_PER_DAY, "day"),
    LimitKey.PENDING_REQUESTS_MAX: select(func.count())
    .where(message_requests.c.sender_id == _USER, counts_as_waiting)
    .scalar_subquery(),
    LimitKey.WISHLIST_ITEMS_MAX: _rows_of(wishlist_items),
    LimitKey.CARDS_WITHOUT_PICTURE_MAX: select(func.count())
    .where(cards.c.owner_id == _USER, lacks_a_picture)
    .scalar_subquery(),
}
_QUOTAS = select(plan_of(_USER, _NOW), *(func.coalesce(used, 0) for used in _USED.values()))


def quotas_of(
    connection: Connection, *, user_id: UUID, calendar: QuotaCalendar, now: datetime
) -> list[QuotaRow]:
    """Return how much of every limit of their plan somebody has used, counted as the limits are."""
    day, month = calendar.day(now), calendar.month(now)
    values = {
        "user_id": user_id,
        "now": now,
        "day": day.start,
        "day_begins_at": day.begins_at,
        "day_ends_at": day.reset_at,
        "month": month.start,
    }
    plan, *used = connection.execute(_QUOTAS, values).one()
    resets = {key: day.reset_at for key in _USED if key.endswith("_per_day")}
    resets[LimitKey.MEDIA_BYTES_PER_MONTH] = month.reset_at
    return [
        QuotaRow(key, limit(plan, key), int(current), resets.get(key))
        for key, current in zip(_USED, used, strict=True)
    ]


def unacknowledged_since(connection: Connection, *, before: datetime) -> int:
    """Return how many paid purchases made known before then the store has not been told were delivered."""
    statement = select(func.count()).where(is_unacknowledged, purchase_tokens.c.created_at < before)
    return connection.scalar(statement) or 0
