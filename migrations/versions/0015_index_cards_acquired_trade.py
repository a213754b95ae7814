"""Received cards by the trade they came from, indexed without blocking writers."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Foreign key. CONCURRENTLY runs outside a transaction; a failed build leaves an invalid index, so a
    # second try starts by removing it.
    with op.get_context().autocommit_block():
        op.drop_index("ix_cards_acquired_trade_id", "cards", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            "ix_cards_acquired_trade_id", "cards", ["acquired_trade_id"], postgresql_concurrently=True
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_cards_acquired_trade_id", "cards", postgresql_concurrently=True)
