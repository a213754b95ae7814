"""Which cards were found to show the picture of which others."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "same_pictures",
        sa.Column("card_id", sa.Uuid, nullable=False),
        sa.Column("other_card_id", sa.Uuid, nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("card_id", "other_card_id", name="pk_same_pictures"),
        sa.ForeignKeyConstraint(
            ["card_id"], ["cards.id"], name="fk_same_pictures_card_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["other_card_id"], ["cards.id"], name="fk_same_pictures_other_card_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint("card_id <> other_card_id", name="ck_same_pictures_two_cards"),
    )
    # From the card that was there first to those found to show its picture.
    op.create_index("ix_same_pictures_other_card_id", "same_pictures", ["other_card_id"])


def downgrade() -> None:
    op.drop_table("same_pictures")
