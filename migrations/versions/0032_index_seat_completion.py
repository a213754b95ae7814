"""The completed swaps of a person, indexed without blocking writers."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # How many swaps somebody completed, beside every name in a list. CONCURRENTLY runs outside a
    # transaction; a failed build leaves an invalid index, so a second try starts by removing it.
    with op.get_context().autocommit_block():
        op.drop_index(
            "ix_trade_participants_completed_user_id",
            "trade_participants",
            if_exists=True,
            postgresql_concurrently=True,
        )
        op.create_index(
            "ix_trade_participants_completed_user_id",
            "trade_participants",
            ["user_id"],
            postgresql_where=sa.text("completed_at IS NOT NULL"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index(
            "ix_trade_participants_completed_user_id", "trade_participants", postgresql_concurrently=True
        )
