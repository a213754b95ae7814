"""device_tokens and notifications."""

from sqlalchemy import (
    CHAR,
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from kcardswap.domain.notifications import Device, DevicePlatform, Notification, NotificationType
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

device_tokens = Table(
    "device_tokens",
    metadata,
    id_column(),
    reference("user_id", "users.id", ondelete="CASCADE"),
    Column("device_id", String(128), nullable=False),
    choice("platform", DevicePlatform),
    Column("fcm_token", Text, nullable=False),
    Column("fcm_token_hash", CHAR(64), nullable=False),
    *times(),
    UniqueConstraint("user_id", "device_id"),
    UniqueConstraint("fcm_token_hash"),
    one_of("platform", DevicePlatform),
    CheckConstraint("length(fcm_token) BETWEEN 1 AND 4096", name="fcm_token_length"),
)

notifications = Table(
    "notifications",
    metadata,
    id_column(),
    reference("user_id", "users.id", ondelete="CASCADE"),
    choice("type", NotificationType, length=40),
    Column("payload", JSONB, nullable=False),
    reference("actor_id", "users.id", ondelete="CASCADE", nullable=True),
    Column("collapse_key", String(120)),
    Column("collapse_seq", BigInteger),
    Column("event_id", Uuid, nullable=False),
    moment("created_at"),
    moment("read_at", nullable=True),
    moment("pushed_at", nullable=True),
    UniqueConstraint("event_id", "user_id", "type"),
    one_of("type", NotificationType),
    CheckConstraint("(collapse_key IS NULL) = (collapse_seq IS NULL)", name="collapse"),
    CheckConstraint("collapse_seq >= 0", name="collapse_seq"),
)
Index(
    "uq_notifications_unread_user_id_collapse_key",
    notifications.c.user_id,
    notifications.c.collapse_key,
    unique=True,
    postgresql_where=notifications.c.read_at.is_(None) & notifications.c.collapse_key.is_not(None),
)
Index(
    "ix_notifications_user_id_created_at_id",
    notifications.c.user_id,
    notifications.c.created_at.desc(),
    notifications.c.id.desc(),
)
Index(
    "ix_notifications_unread_user_id_created_at_id",
    notifications.c.user_id,
    notifications.c.created_at.desc(),
    notifications.c.id.desc(),
    postgresql_where=notifications.c.read_at.is_(None),
)
Index(
    "ix_notifications_actor_id",
    notifications.c.actor_id,
    postgresql_where=notifications.c.actor_id.is_not(None),
)
Index("ix_notifications_created_at", notifications.c.created_at)


def map_notifications() -> None:
    """Map devices and notifications onto their tables."""
    mapper_registry.map_imperatively(Device, device_tokens)
    mapper_registry.map_imperatively(Notification, notifications)
