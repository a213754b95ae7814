"""subscriptions and subscription_purchase_tokens."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Index,
    String,
    Table,
    TextClause,
    UniqueConstraint,
    and_,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from kcardswap.domain.quotas import Plan
from kcardswap.domain.subscriptions import (
    PaymentState,
    Platform,
    Purchase,
    Subscription,
    SubscriptionSource,
    SubscriptionStatus,
)
from kcardswap.persistence.orm.base import (
    choice,
    id_column,
    mapper_registry,
    metadata,
    moment,
    one_of,
    reference,
    times,
)

subscriptions = Table(
    "subscriptions",
    metadata,
    id_column(),
    reference("user_id", "users.id", ondelete="CASCADE"),
    choice("plan", Plan),
    choice("status", SubscriptionStatus),
    moment("started_at", nullable=True),
    moment("expires_at", nullable=True),
    choice("source", SubscriptionSource),
    Column("version", BigInteger, nullable=False),
    *times(),
    UniqueConstraint("user_id"),
    one_of("plan", Plan),
    one_of("status", SubscriptionStatus),
    one_of("source", SubscriptionSource),
    CheckConstraint("(status = 'active') = (plan = 'premium')", name="active_is_premium"),
    CheckConstraint("status <> 'active' OR expires_at IS NOT NULL", name="expires_at"),
    CheckConstraint("version >= 0", name="version"),
)
Index(
    "ix_subscriptions_expires_at",
    subscriptions.c.expires_at,
    postgresql_where=subscriptions.c.status == SubscriptionStatus.ACTIVE.value,
)

purchase_tokens = Table(
    "subscription_purchase_tokens",
    metadata,
    id_column(),
    reference("user_id", "users.id", ondelete="RESTRICT"),
    Column("purchase_token", String(1000), nullable=False),
    Column("product_id", String(100), nullable=False),
    choice("platform", Platform),
    choice("payment_state", PaymentState, nullable=True),
    moment("purchased_at", nullable=True),
    moment("expires_at", nullable=True),
    moment("acknowledged_at", nullable=True),
    moment("last_verified_at", nullable=True),
    moment("next_check_at", nullable=True),
    Column("checks", BigInteger, nullable=False),
    Column("answered_check", BigInteger, nullable=False),
    Column("raw_payload", JSONB, nullable=False),
    *times(),
    UniqueConstraint("purchase_token"),
    one_of("platform", Platform),
    one_of("payment_state", PaymentState),
    CheckConstraint(
        "payment_state NOT IN ('active', 'canceled', 'in_grace_period') OR expires_at IS NOT NULL",
        name="expires_at",
    ),
    CheckConstraint("0 <= answered_check AND answered_check <= checks", name="answered_check"),
    Index("ix_subscription_purchase_tokens_next_check_at", "next_check_at"),
)
Index(
    "ix_subscription_purchase_tokens_user_id_created_at",
    purchase_tokens.c.user_id,
    purchase_tokens.c.created_at.desc(),
)
is_unacknowledged: TextClause = text(
    "acknowledged_at IS NULL AND payment_state IN ('active', 'canceled', 'in_grace_period')"
)
"""Which purchases were paid without the store having been told of the delivery."""
Index(
    "ix_subscription_purchase_tokens_unacknowledged_created_at",
    purchase_tokens.c.created_at,
    postgresql_where=is_unacknowledged,
)


def entitles_at(now: ColumnElement[datetime] | datetime) -> ColumnElement[bool]:
    """Return which subscriptions give premium at ``now``, whether or not a job has noticed their end."""
    return and_(subscriptions.c.status == SubscriptionStatus.ACTIVE, subscriptions.c.expires_at > now)


def map_subscriptions() -> None:
    """Map the subscription and the purchase onto their tables."""
    mapper_registry.map_imperatively(Subscription, subscriptions, version_id_col=subscriptions.c.version)
    mapper_registry.map_imperatively(Purchase, purchase_tokens)
