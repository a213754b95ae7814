"""Who pays for what: one subscription per person, and the purchases the stores sold them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    create_subscriptions()
    create_subscription_purchase_tokens()


def create_subscriptions() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("plan", sa.String(20), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("started_at", MOMENT),
        sa.Column("expires_at", MOMENT),
        sa.Column("source", sa.String(20), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_subscriptions"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_subscriptions_user_id", ondelete="CASCADE"
        ),
        # Also the foreign key's index, and how the plan of a person is found.
        sa.UniqueConstraint("user_id", name="uq_subscriptions_user_id"),
        sa.CheckConstraint("plan IN ('free', 'premium')", name=op.f("ck_subscriptions_plan")),
        sa.CheckConstraint(
            "status IN ('active', 'inactive', 'expired', 'pending')", name=op.f("ck_subscriptions_status")
        ),
        sa.CheckConstraint("source IN ('google_play')", name=op.f("ck_subscriptions_source")),
        sa.CheckConstraint(
            "(status = 'active') = (plan = 'premium')", name=op.f("ck_subscriptions_active_is_premium")
        ),
        sa.CheckConstraint(
            "status <> 'active' OR expires_at IS NOT NULL", name=op.f("ck_subscriptions_expires_at")
        ),
        sa.CheckConstraint("version >= 0", name=op.f("ck_subscriptions_version")),
    )
    # The job that ends subscriptions whose time is over.
    op.create_index(
        "ix_subscriptions_expires_at",
        "subscriptions",
        ["expires_at"],
        postgresql_where=sa.text("status = 'active'"),
    )


def create_subscription_purchase_tokens() -> None:
    op.create_table(
        "subscription_purchase_tokens",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("purchase_token", sa.String(1000), nullable=False),
        sa.Column("product_id", sa.String(100), nullable=False),
        sa.Column("platform", sa.String(20), nullable=False),
        sa.Column("payment_state", sa.String(20)),
        sa.Column("purchased_at", MOMENT),
        sa.Column("expires_at", MOMENT),
        sa.Column("acknowledged_at", MOMENT),
        sa.Column("last_verified_at", MOMENT),
        sa.Column("next_check_at", MOMENT),
        sa.Column("checks", sa.BigInteger, nullable=False),
        sa.Column("answered_check", sa.BigInteger, nullable=False),
        sa.Column("raw_payload", postgresql.JSONB, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_subscription_purchase_tokens"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_subscription_purchase_tokens_user_id", ondelete="RESTRICT"
        ),
        # One purchase entitles one account, for ever.
        sa.UniqueConstraint("purchase_token", name="uq_subscription_purchase_tokens_purchase_token"),
        sa.CheckConstraint(
            "platform IN ('android', 'ios')", name=op.f("ck_subscription_purchase_tokens_platform")
        ),
        sa.CheckConstraint(
            "payment_state IN ('pending', 'pending_canceled', 'active', 'canceled', 'in_grace_period',"
            " 'on_hold', 'paused', 'expired', 'revoked')",
            name=op.f("ck_subscription_purchase_tokens_payment_state"),
        ),
        sa.CheckConstraint(
            "payment_state NOT IN ('active', 'canceled', 'in_grace_period') OR expires_at IS NOT NULL",
            name=op.f("ck_subscription_purchase_tokens_expires_at"),
        ),
        sa.CheckConstraint(
            "0 <= answered_check AND answered_check <= checks",
            name=op.f("ck_subscription_purchase_tokens_answered_check"),
        ),
    )
    # A person's purchases, newest first.
    op.create_index(
        "ix_subscription_purchase_tokens_user_id_created_at",
        "subscription_purchase_tokens",
        ["user_id", sa.text("created_at DESC")],
    )
    # Purchases the store has not been told about for too long.
    op.create_index(
        "ix_subscription_purchase_tokens_unacknowledged_created_at",
        "subscription_purchase_tokens",
        ["created_at"],
        postgresql_where=sa.text(
            "acknowledged_at IS NULL AND payment_state IN ('active', 'canceled', 'in_grace_period')"
        ),
    )
    # The job that asks the store again.
    op.create_index(
        "ix_subscription_purchase_tokens_next_check_at", "subscription_purchase_tokens", ["next_check_at"]
    )


def downgrade() -> None:
    op.drop_table("subscription_purchase_tokens")
    op.drop_table("subscriptions")
