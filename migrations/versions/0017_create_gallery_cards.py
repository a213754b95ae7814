"""The cards of people's galleries: an album to look at, in the owner's order."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "gallery_cards",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("idol_name", sa.String(100), nullable=False),
        sa.Column("era", sa.String(100)),
        sa.Column("description", sa.String(1000)),
        sa.Column("media_asset_id", sa.Uuid),
        sa.Column("display_order", sa.Integer, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gallery_cards"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_gallery_cards_user_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["media_asset_id"],
            ["media_assets.id"],
            name="fk_gallery_cards_media_asset_id",
            ondelete="SET NULL",
        ),
        sa.UniqueConstraint("media_asset_id", name="uq_gallery_cards_media_asset_id"),
        # Also reads an album in order.
        sa.UniqueConstraint("user_id", "display_order", name="uq_gallery_cards_user_id_display_order"),
    )


def downgrade() -> None:
    op.drop_table("gallery_cards")
