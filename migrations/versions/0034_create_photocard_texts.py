"""What a search reads of every photocard, in narrow rows of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "photocard_texts",
        sa.Column("photocard_id", sa.Uuid, nullable=False),
        sa.Column("group_id", sa.Uuid, nullable=True),
        sa.Column("member_id", sa.Uuid, nullable=True),
        sa.Column("release_id", sa.Uuid, nullable=True),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("photocard_id", name="pk_photocard_texts"),
        sa.ForeignKeyConstraint(
            ["photocard_id"], ["photocards.id"], name="fk_photocard_texts_photocard_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint("length(text) <= 4000", name="ck_photocard_texts_text_length"),
    )


def downgrade() -> None:
    op.drop_table("photocard_texts")
