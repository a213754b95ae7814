"""The deleted cards, by when, indexed without blocking writers."""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The purge of deleted cards. CONCURRENTLY runs outside a transaction; a failed build leaves an invalid
    # index, so a second try starts by removing it.
    with op.get_context().autocommit_block():
        op.drop_index("ix_cards_deleted_at_id", "cards", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            "ix_cards_deleted_at_id",
            "cards",
            ["deleted_at", "id"],
            postgresql_where=sa.text("deleted_at IS NOT NULL"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_cards_deleted_at_id", "cards", postgresql_concurrently=True)
