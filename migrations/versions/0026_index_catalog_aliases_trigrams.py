"""Names that are nearly what was searched for, indexed without blocking writers."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # What a misspelt word was meant to be. CONCURRENTLY runs outside a transaction; a failed build leaves an
    # invalid index, so a second try starts by removing it.
    with op.get_context().autocommit_block():
        op.drop_index(
            "ix_catalog_aliases_norm_trigrams",
            "catalog_aliases",
            if_exists=True,
            postgresql_concurrently=True,
        )
        op.create_index(
            "ix_catalog_aliases_norm_trigrams",
            "catalog_aliases",
            ["norm"],
            postgresql_using="gin",
            postgresql_ops={"norm": "gin_trgm_ops"},
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_catalog_aliases_norm_trigrams", "catalog_aliases", postgresql_concurrently=True)
