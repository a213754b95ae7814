"""Equal hashes are found over the quarters, so the index of whole hashes goes."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_media_assets_phash", "media_assets", if_exists=True, postgresql_concurrently=True)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_media_assets_phash",
            "media_assets",
            ["phash"],
            postgresql_where=sa.text("target_type = 'card'"),
            postgresql_concurrently=True,
        )
