"""Photocards of every status, newest first, indexed without blocking writers."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The catalog without a search. A failed build leaves an invalid index, so a second try starts by
    # removing it.
    with op.get_context().autocommit_block():
        op.drop_index(
            "ix_photocards_created_at_id", "photocards", if_exists=True, postgresql_concurrently=True
        )
        op.create_index(
            "ix_photocards_created_at_id",
            "photocards",
            [sa.text("created_at DESC"), "id"],
            postgresql_where=sa.text("status <> 'merged'"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_photocards_created_at_id", "photocards", postgresql_concurrently=True)
