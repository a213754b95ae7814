"""Guards of the sign-in: login_throttles and identity_denials."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "login_throttles",
        sa.Column("key_hash", sa.CHAR(64), nullable=False),
        sa.Column("window_started_at", MOMENT, nullable=False),
        sa.Column("failures", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("key_hash", name="pk_login_throttles"),
        sa.CheckConstraint("failures >= 0", name="ck_login_throttles_failures"),
    )
    # The purge of windows that are over.
    op.create_index("ix_login_throttles_window_started_at", "login_throttles", ["window_started_at"])
    op.create_table(
        "identity_denials",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("provider", sa.String(20), nullable=False),
        sa.Column("subject_hash", sa.CHAR(64), nullable=False),
        sa.Column("until", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_identity_denials"),
        sa.UniqueConstraint("provider", "subject_hash", name="uq_identity_denials_provider_subject_hash"),
        sa.CheckConstraint("provider IN ('google', 'apple')", name="ck_identity_denials_provider"),
    )
    # The purge of denials that ran out.
    op.create_index("ix_identity_denials_until", "identity_denials", ["until"])


def downgrade() -> None:
    op.drop_table("identity_denials")
    op.drop_table("login_throttles")
