"""Cards that show the picture of another owner's card, newest first, indexed without blocking writers."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The list of findings. CONCURRENTLY runs outside a transaction; a failed build leaves an invalid
    # index, so a second try starts by removing it.
    with op.get_context().autocommit_block():
        op.drop_index(
            "ix_media_assets_same_picture_at_id", "media_assets", if_exists=True, postgresql_concurrently=True
        )
        op.create_index(
            "ix_media_assets_same_picture_at_id",
            "media_assets",
            [sa.text("same_picture_at DESC"), "id"],
            postgresql_where=sa.text("same_picture_at IS NOT NULL"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_media_assets_same_picture_at_id", "media_assets", postgresql_concurrently=True)
