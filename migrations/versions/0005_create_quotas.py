"""What people have used up of the limits of their plan."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "quota_usage",
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("limit_key", sa.String(40), nullable=False),
        sa.Column("period_start", sa.Date, nullable=False),
        sa.Column("used", sa.BigInteger, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        # Also the foreign key's index: user_id comes first.
        sa.PrimaryKeyConstraint("user_id", "limit_key", "period_start", name="pk_quota_usage"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_quota_usage_user_id", ondelete="CASCADE"),
        sa.CheckConstraint("used >= 0", name="ck_quota_usage_used"),
    )
    # The purge of counters of periods long over.
    op.create_index("ix_quota_usage_period_start", "quota_usage", ["period_start"])


def downgrade() -> None:
    op.drop_table("quota_usage")
