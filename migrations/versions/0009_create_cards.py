"""The cards of people's binders; the reference to the trade a card came from is made with the trades."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "cards",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("photocard_id", sa.Uuid),
        sa.Column("idol", sa.String(100)),
        sa.Column("idol_group", sa.String(100)),
        sa.Column("album", sa.String(100)),
        sa.Column("version", sa.String(100)),
        sa.Column("idol_norm", sa.String(200)),
        sa.Column("idol_group_norm", sa.String(200)),
        sa.Column("album_norm", sa.String(200)),
        sa.Column("rarity", sa.String(20)),
        sa.Column("condition", sa.String(20)),
        sa.Column("note", sa.String(500)),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("media_asset_id", sa.Uuid),
        sa.Column("size_bytes", sa.BigInteger),
        sa.Column("upload_status", sa.String(20), nullable=False),
        sa.Column("upload_expires_at", MOMENT),
        sa.Column("upload_confirmed_at", MOMENT),
        sa.Column("acquired_trade_id", sa.Uuid),
        sa.Column("deleted_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cards"),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name="fk_cards_owner_id", ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(
            ["photocard_id"], ["photocards.id"], name="fk_cards_photocard_id", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["media_asset_id"], ["media_assets.id"], name="fk_cards_media_asset_id", ondelete="SET NULL"
        ),
        sa.UniqueConstraint("media_asset_id", name="uq_cards_media_asset_id"),
        sa.CheckConstraint("rarity IN ('common', 'rare', 'epic', 'legendary')", name="ck_cards_rarity"),
        sa.CheckConstraint(
            "condition IN ('mint', 'near_mint', 'good', 'fair', 'poor')", name="ck_cards_condition"
        ),
        sa.CheckConstraint("status IN ('held', 'available', 'trading', 'traded')", name="ck_cards_status"),
        sa.CheckConstraint("upload_status IN ('pending', 'confirmed')", name="ck_cards_upload_status"),
        sa.CheckConstraint("size_bytes >= 0", name="ck_cards_size_bytes"),
        sa.CheckConstraint(
            "upload_status = 'confirmed' OR status IN ('held', 'available')", name="ck_cards_pending_at_rest"
        ),
        sa.CheckConstraint(
            "upload_status = 'pending' OR upload_confirmed_at IS NOT NULL", name="ck_cards_confirmed"
        ),
        sa.CheckConstraint("deleted_at IS NULL OR status <> 'trading'", name="ck_cards_deleted_not_trading"),
    )
    # A person's own binder, and how many cards they made today.
    op.create_index(
        "ix_cards_owner_id_created_at_id", "cards", ["owner_id", sa.text("created_at DESC"), "id"]
    )
    # What others see of a person's binder.
    op.create_index(
        "ix_cards_swappable_owner_id_created_at_id",
        "cards",
        ["owner_id", sa.text("created_at DESC"), "id"],
        postgresql_where=sa.text(
            "status = 'available' AND upload_status = 'confirmed' AND deleted_at IS NULL"
        ),
    )
    # How many have a photocard, and re-pointing them when two entries are merged.
    op.create_index("ix_cards_photocard_id", "cards", ["photocard_id"])
    # The purge of uploads that never came.
    op.create_index(
        "ix_cards_upload_expires_at",
        "cards",
        ["upload_expires_at"],
        postgresql_where=sa.text("upload_status = 'pending'"),
    )


def downgrade() -> None:
    op.drop_table("cards")
