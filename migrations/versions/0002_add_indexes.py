"""The indexes of the first five tables, each with the query it serves."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Administrators list people, newest first, with and without a status filter.
    op.create_index("ix_users_status_created_at_id", "users", ["status", sa.text("created_at DESC"), "id"])
    op.create_index("ix_users_created_at_id", "users", [sa.text("created_at DESC"), "id"])
    # The job that lifts suspensions looks for the ones that ran out.
    op.create_index(
        "ix_users_suspended_until",
        "users",
        ["suspended_until"],
        postgresql_where=sa.text("status = 'suspended'"),
    )
    # Administrators find people by the start of their nickname.
    op.create_index(
        "ix_profiles_nickname_norm",
        "profiles",
        ["nickname_norm"],
        postgresql_ops={"nickname_norm": "text_pattern_ops"},
    )
    # A person's live sessions: the list, and ending all of them.
    op.create_index(
        "ix_sessions_user_id_last_used_at",
        "sessions",
        ["user_id", sa.text("last_used_at DESC")],
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    # Foreign key: all sessions of a person, ended ones too, go with the account.
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    # The purge of old sessions.
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    # Foreign key: the tokens of a session.
    op.create_index("ix_refresh_tokens_session_id", "refresh_tokens", ["session_id"])


def downgrade() -> None:
    op.drop_index("ix_refresh_tokens_session_id", "refresh_tokens")
    op.drop_index("ix_sessions_expires_at", "sessions")
    op.drop_index("ix_sessions_user_id", "sessions")
    op.drop_index("ix_sessions_user_id_last_used_at", "sessions")
    op.drop_index("ix_profiles_nickname_norm", "profiles")
    op.drop_index("ix_users_suspended_until", "users")
    op.drop_index("ix_users_created_at_id", "users")
    op.drop_index("ix_users_status_created_at_id", "users")
