"""Checked pictures that nothing shows yet, indexed without blocking writers."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The purge of pictures that were never attached. CONCURRENTLY runs outside a transaction; a failed
    # build leaves an invalid index, so a second try starts by removing it.
    with op.get_context().autocommit_block():
        op.drop_index(
            "ix_media_assets_confirmed_at", "media_assets", if_exists=True, postgresql_concurrently=True
        )
        op.create_index(
            "ix_media_assets_confirmed_at",
            "media_assets",
            ["confirmed_at"],
            postgresql_where=sa.text("status = 'confirmed'"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_media_assets_confirmed_at", "media_assets", postgresql_concurrently=True)
