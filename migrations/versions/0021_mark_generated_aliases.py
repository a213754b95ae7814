"""Spellings nobody typed, such as initial consonants, are told from the names people gave."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "catalog_aliases", sa.Column("generated", sa.Boolean, nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    op.drop_column("catalog_aliases", "generated")
