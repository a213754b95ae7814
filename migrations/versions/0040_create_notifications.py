"""What people are told, and the devices it is pushed to."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    create_device_tokens()
    create_notifications()


def create_device_tokens() -> None:
    op.create_table(
        "device_tokens",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("device_id", sa.String(128), nullable=False),
        sa.Column("platform", sa.String(20), nullable=False),
        sa.Column("fcm_token", sa.Text, nullable=False),
        sa.Column("fcm_token_hash", sa.CHAR(64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_device_tokens"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_device_tokens_user_id", ondelete="CASCADE"
        ),
        # Also the foreign key's index, and how the devices of a person are found.
        sa.UniqueConstraint("user_id", "device_id", name="uq_device_tokens_user_id_device_id"),
        # A token leads to one device, so to one person. It may be too long for an index itself.
        sa.UniqueConstraint("fcm_token_hash", name="uq_device_tokens_fcm_token_hash"),
        sa.CheckConstraint("platform IN ('android', 'ios', 'web')", name=op.f("ck_device_tokens_platform")),
        sa.CheckConstraint(
            "length(fcm_token) BETWEEN 1 AND 4096", name=op.f("ck_device_tokens_fcm_token_length")
        ),
    )


def create_notifications() -> None:
    op.create_table(
        "notifications",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("payload", postgresql.JSONB, nullable=False),
        sa.Column("actor_id", sa.Uuid),
        sa.Column("collapse_key", sa.String(120)),
        sa.Column("collapse_seq", sa.BigInteger),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("read_at", MOMENT),
        sa.Column("pushed_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_notifications"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_notifications_user_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["users.id"], name="fk_notifications_actor_id", ondelete="CASCADE"
        ),
        # What happened is told to a person once, however often the event is handed on.
        sa.UniqueConstraint("event_id", "user_id", "type", name="uq_notifications_event_id_user_id_type"),
        sa.CheckConstraint(
            "type IN ('friend_request', 'friend_accepted', 'message_request', 'message_request_accepted',"
            " 'chat_message', 'trade_proposal', 'trade_accepted', 'trade_rejected', 'trade_canceled',"
            " 'trade_shipped', 'trade_confirmed', 'trade_completed', 'interest', 'interest_accepted',"
            " 'interest_rejected', 'rating', 'match_suggested', 'report_resolved', 'moderation_warning',"
            " 'moderation_removal', 'moderation_suspension', 'appeal_decided')",
            name=op.f("ck_notifications_type"),
        ),
        sa.CheckConstraint(
            "(collapse_key IS NULL) = (collapse_seq IS NULL)", name=op.f("ck_notifications_collapse")
        ),
        sa.CheckConstraint("collapse_seq >= 0", name=op.f("ck_notifications_collapse_seq")),
    )
    # One unread entry per room, kept at the newest message.
    op.create_index(
        "uq_notifications_unread_user_id_collapse_key",
        "notifications",
        ["user_id", "collapse_key"],
        unique=True,
        postgresql_where=sa.text("read_at IS NULL AND collapse_key IS NOT NULL"),
    )
    # A person's notifications, newest first.
    op.create_index(
        "ix_notifications_user_id_created_at_id",
        "notifications",
        ["user_id", sa.text("created_at DESC"), sa.text("id DESC")],
    )
    # The unread ones: their list, their number, and marking them all.
    op.create_index(
        "ix_notifications_unread_user_id_created_at_id",
        "notifications",
        ["user_id", sa.text("created_at DESC"), sa.text("id DESC")],
        postgresql_where=sa.text("read_at IS NULL"),
    )
    # What a person caused, when their account is erased.
    op.create_index(
        "ix_notifications_actor_id",
        "notifications",
        ["actor_id"],
        postgresql_where=sa.text("actor_id IS NOT NULL"),
    )
    # The job that forgets the old ones.
    op.create_index("ix_notifications_created_at", "notifications", ["created_at"])


def downgrade() -> None:
    op.drop_table("notifications")
    op.drop_table("device_tokens")
