"""Cards people have, by photocard, indexed without blocking writers."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # How many have a photocard, read from the index alone. A failed build leaves an invalid index, so a
    # second try starts by removing it.
    with op.get_context().autocommit_block():
        op.drop_index(
            "ix_cards_had_photocard_id_owner_id", "cards", if_exists=True, postgresql_concurrently=True
        )
        op.create_index(
            "ix_cards_had_photocard_id_owner_id",
            "cards",
            ["photocard_id", "owner_id"],
            postgresql_where=sa.text(
                "upload_status = 'confirmed' AND status <> 'traded' AND deleted_at IS NULL"
            ),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_cards_had_photocard_id_owner_id", "cards", postgresql_concurrently=True)
