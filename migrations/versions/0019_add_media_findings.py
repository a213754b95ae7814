"""Pictures remember how they look mirrored, when another owner showed the same, and how far the purge is."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("media_assets", sa.Column("phash_mirror", sa.BigInteger))
    op.add_column("media_assets", sa.Column("same_picture_at", MOMENT))
    op.add_column("media_assets", sa.Column("purge_claimed_at", MOMENT))
    op.add_column("media_assets", sa.Column("object_removed_at", MOMENT))


def downgrade() -> None:
    for name in ("object_removed_at", "purge_claimed_at", "same_picture_at", "phash_mirror"):
        op.drop_column("media_assets", name)
