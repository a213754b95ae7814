"""The people and their sign-ins: users, identities, profiles, sessions, refresh_tokens."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("email", sa.String(320)),
        sa.Column("password_hash", sa.String(255)),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("suspended_until", MOMENT),
        sa.Column("last_seen_at", MOMENT),
        sa.Column("deleted_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("email", name="uq_users_email"),
        sa.CheckConstraint("role IN ('user', 'admin', 'super_admin')", name="ck_users_role"),
        sa.CheckConstraint(
            "status IN ('active', 'under_review', 'suspended', 'deleted')", name="ck_users_status"
        ),
        sa.CheckConstraint("email !~ '[A-Z]'", name="ck_users_email_lower_case"),
        sa.CheckConstraint(
            "password_hash IS NULL OR role IN ('admin', 'super_admin')", name="ck_users_password_role"
        ),
        sa.CheckConstraint(
            "suspended_until IS NULL OR status = 'suspended'", name="ck_users_suspended_until"
        ),
        sa.CheckConstraint("(status = 'deleted') = (deleted_at IS NOT NULL)", name="ck_users_deleted_at"),
        sa.CheckConstraint(
            "deleted_at IS NULL OR (email IS NULL AND password_hash IS NULL)",
            name="ck_users_deleted_is_anonymous",
        ),
    )
    op.create_table(
        "identities",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("provider", sa.String(20), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("email", sa.String(320)),
        sa.Column("sealed_refresh_token", sa.Text),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_identities"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_identities_user_id", ondelete="CASCADE"),
        sa.UniqueConstraint("provider", "subject", name="uq_identities_provider_subject"),
        sa.UniqueConstraint("user_id", "provider", name="uq_identities_user_id_provider"),
        sa.CheckConstraint("provider IN ('google', 'apple')", name="ck_identities_provider"),
        sa.CheckConstraint(
            "length(sealed_refresh_token) <= 4096", name="ck_identities_sealed_refresh_token_length"
        ),
    )
    op.create_table(
        "profiles",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("nickname", sa.String(100)),
        sa.Column("nickname_norm", sa.String(200)),
        sa.Column("avatar_url", sa.String(2048)),
        sa.Column("bio", sa.String(1000)),
        sa.Column("region", sa.String(100)),
        sa.Column("swaps_in_person", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("swaps_by_mail", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("preferences", postgresql.JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")),
        sa.Column("nearby_visible", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("show_online", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("allow_stranger_chat", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("show_wishlist", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_profiles"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_profiles_user_id", ondelete="CASCADE"),
        sa.UniqueConstraint("user_id", name="uq_profiles_user_id"),
        sa.CheckConstraint("avatar_url ~ '^https?://'", name="ck_profiles_avatar_url"),
        sa.CheckConstraint("swaps_in_person OR swaps_by_mail", name="ck_profiles_swap_modes"),
        sa.CheckConstraint("jsonb_typeof(preferences) = 'object'", name="ck_profiles_preferences_object"),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("client", sa.String(20), nullable=False),
        sa.Column("user_agent", sa.String(300)),
        sa.Column("ip_prefix", sa.String(64)),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("last_used_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("end_reason", sa.String(20)),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_sessions_user_id", ondelete="CASCADE"),
        sa.CheckConstraint("client IN ('bearer', 'cookie')", name="ck_sessions_client"),
        sa.CheckConstraint(
            "end_reason IN ('logout', 'logout_all', 'revoked', 'reuse', 'suspended', 'deleted')",
            name="ck_sessions_end_reason",
        ),
        sa.CheckConstraint("expires_at > created_at", name="ck_sessions_expires_at"),
        sa.CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="ck_sessions_ended"),
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("session_id", sa.Uuid, nullable=False),
        sa.Column("parent_id", sa.Uuid),
        sa.Column("token_hash", sa.CHAR(64), nullable=False),
        sa.Column("key_id", sa.String(20), nullable=False),
        sa.Column("issued_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("retired_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_refresh_tokens"),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name="fk_refresh_tokens_session_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["refresh_tokens.id"], name="fk_refresh_tokens_parent_id", ondelete="SET NULL"
        ),
        sa.UniqueConstraint("token_hash", name="uq_refresh_tokens_token_hash"),
        sa.UniqueConstraint("parent_id", name="uq_refresh_tokens_parent_id"),
        sa.CheckConstraint("expires_at > issued_at", name="ck_refresh_tokens_expires_at"),
    )


def downgrade() -> None:
    for table in ("refresh_tokens", "sessions", "profiles", "identities", "users"):
        op.drop_table(table)
