"""Releases newest first with undated ones last, indexed without blocking writers."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Releases of all groups: undated ones come last. A failed build leaves an invalid index, so a second try
    # starts by removing it.
    with op.get_context().autocommit_block():
        op.drop_index(
            "ix_catalog_releases_newest", "catalog_releases", if_exists=True, postgresql_concurrently=True
        )
        op.create_index(
            "ix_catalog_releases_newest",
            "catalog_releases",
            [sa.text("COALESCE(released_on, '0001-01-01'::date) DESC"), "id"],
            postgresql_concurrently=True,
        )
        op.drop_index("ix_catalog_releases_released_on_id", "catalog_releases", postgresql_concurrently=True)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_catalog_releases_released_on_id",
            "catalog_releases",
            [sa.text("released_on DESC"), "id"],
            postgresql_concurrently=True,
        )
        op.drop_index("ix_catalog_releases_newest", "catalog_releases", postgresql_concurrently=True)
