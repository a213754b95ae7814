"""The texts of photocards by their parts, their letters and their words, indexed without blocking writers."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # CONCURRENTLY runs outside a transaction; a failed build leaves an invalid index, so a second try starts
    # by removing it.
    with op.get_context().autocommit_block():
        op.drop_index(
            "ix_photocard_texts_parts", "photocard_texts", if_exists=True, postgresql_concurrently=True
        )
        op.create_index(
            "ix_photocard_texts_parts",
            "photocard_texts",
            ["text"],
            postgresql_using="gin",
            postgresql_ops={"text": "gin_trgm_ops"},
            postgresql_concurrently=True,
        )
        op.drop_index(
            "ix_photocard_texts_group_id", "photocard_texts", if_exists=True, postgresql_concurrently=True
        )
        op.create_index(
            "ix_photocard_texts_group_id",
            "photocard_texts",
            ["group_id"],
            postgresql_concurrently=True,
        )
        op.drop_index(
            "ix_photocard_texts_trigrams", "photocard_texts", if_exists=True, postgresql_concurrently=True
        )
        op.create_index(
            "ix_photocard_texts_trigrams",
            "photocard_texts",
            [sa.text("show_trgm(text)")],
            postgresql_using="gin",
            postgresql_concurrently=True,
        )
        op.drop_index(
            "ix_photocard_texts_words", "photocard_texts", if_exists=True, postgresql_concurrently=True
        )
        op.create_index(
            "ix_photocard_texts_words",
            "photocard_texts",
            [sa.text("string_to_array(text, ' ')")],
            postgresql_using="gin",
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_photocard_texts_words", "photocard_texts", postgresql_concurrently=True)
        op.drop_index("ix_photocard_texts_trigrams", "photocard_texts", postgresql_concurrently=True)
        op.drop_index("ix_photocard_texts_group_id", "photocard_texts", postgresql_concurrently=True)
        op.drop_index("ix_photocard_texts_parts", "photocard_texts", postgresql_concurrently=True)
