"""quota_usage."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, ForeignKey, Index, String, Table, Uuid

from kcardswap.persistence.orm.base import metadata, moment

quota_usage = Table(
    "quota_usage",
    metadata,
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("limit_key", String(40), primary_key=True),
    Column("period_start", Date, primary_key=True),
    Column("used", BigInteger, nullable=False),
    moment("updated_at"),
    CheckConstraint("used >= 0", name="used"),
    Index("ix_quota_usage_period_start", "period_start"),
)
