"""Accounts whose traces are to be erased: erasure_requests."""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "erasure_requests",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("requested_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("next_try_at", MOMENT, nullable=False),
        sa.Column("heir_id", sa.Uuid),
        sa.Column("sealed_refresh_token", sa.Text),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("last_error", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_erasure_requests"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_erasure_requests_user_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["heir_id"], ["users.id"], name="fk_erasure_requests_heir_id", ondelete="SET NULL"
        ),
        sa.UniqueConstraint("user_id", name="uq_erasure_requests_user_id"),
        sa.UniqueConstraint("heir_id", name="uq_erasure_requests_heir_id"),
        sa.CheckConstraint("attempts >= 0", name="ck_erasure_requests_attempts"),
        sa.CheckConstraint(
            "length(sealed_refresh_token) <= 4096", name="ck_erasure_requests_sealed_refresh_token_length"
        ),
        sa.CheckConstraint("length(last_error) <= 1000", name="ck_erasure_requests_last_error_length"),
    )
    # The job that erases what is due.
    op.create_index("ix_erasure_requests_next_try_at", "erasure_requests", ["next_try_at"])


def downgrade() -> None:
    op.drop_table("erasure_requests")
