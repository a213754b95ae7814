"""outbox, processed_events and idempotency_keys."""

from sqlalchemy import (
    CHAR,
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from kcardswap.persistence.orm.base import id_column, metadata, moment, reference

outbox = Table(
    "outbox",
    metadata,
    id_column(),
    Column("event_type", String(80), nullable=False),
    Column("aggregate_type", String(40), nullable=False),
    Column("aggregate_id", Uuid, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("request_id", String(128)),
    moment("created_at"),
    moment("available_at"),
    Column("attempts", BigInteger, nullable=False, server_default="0"),
    moment("processed_at", nullable=True),
    moment("dead_at", nullable=True),
    Column("last_error", Text),
    CheckConstraint("attempts >= 0", name="attempts"),
    CheckConstraint("length(last_error) <= 2000", name="last_error_length"),
)
Index(
    "ix_outbox_available_at_id",
    outbox.c.available_at,
    outbox.c.id,
    postgresql_where=outbox.c.processed_at.is_(None) & outbox.c.dead_at.is_(None),
)
Index("ix_outbox_dead_at", outbox.c.dead_at, postgresql_where=outbox.c.dead_at.is_not(None))
Index("ix_outbox_processed_at", outbox.c.processed_at)

processed_events = Table(
    "processed_events",
    metadata,
    Column("consumer", String(60), primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    moment("processed_at"),
    Index("ix_processed_events_processed_at", "processed_at"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    id_column(),
    reference("user_id", "users.id", ondelete="CASCADE"),
    Column("key", String(255), nullable=False),
    Column("fingerprint", CHAR(64), nullable=False),
    Column("status_code", SmallInteger),
    Column("answer_body", Text),
    moment("created_at"),
    moment("expires_at"),
    UniqueConstraint("user_id", "key"),
    CheckConstraint("length(answer_body) <= 1048576", name="answer_body_length"),
    Index("ix_idempotency_keys_expires_at", "expires_at"),
)
