"""The sessions that ended, by when, indexed without blocking writers."""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The purge of ended sessions. CONCURRENTLY runs outside a transaction; a failed build leaves an invalid
    # index, so a second try starts by removing it.
    with op.get_context().autocommit_block():
        op.drop_index("ix_sessions_ended_at", "sessions", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            "ix_sessions_ended_at",
            "sessions",
            ["ended_at"],
            postgresql_where=sa.text("ended_at IS NOT NULL"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_sessions_ended_at", "sessions", postgresql_concurrently=True)
