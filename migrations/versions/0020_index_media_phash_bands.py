"""Pictures by the four quarters of their perceptual hash, indexed without blocking writers."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Moderators ask which other cards show the same picture. CONCURRENTLY runs outside a transaction; a
    # failed build leaves an invalid index, so a second try starts by removing it.
    with op.get_context().autocommit_block():
        op.drop_index(
            "ix_media_assets_phash_bands", "media_assets", if_exists=True, postgresql_concurrently=True
        )
        op.create_index(
            "ix_media_assets_phash_bands",
            "media_assets",
            [
                # Two hashes that differ in at most three bits agree in at least one of four quarters.
                sa.text(
                    "(ARRAY[(phash >> 48) & 65535::bigint, ((phash >> 32) & 65535::bigint) + 65536,"
                    " ((phash >> 16) & 65535::bigint) + 131072, (phash & 65535::bigint) + 196608])"
                )
            ],
            postgresql_using="gin",
            postgresql_where=sa.text("target_type = 'card'"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_media_assets_phash_bands", "media_assets", postgresql_concurrently=True)
