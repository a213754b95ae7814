"""The photocards people look for, and how well preserved they have to be."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "wishlist_items",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("photocard_id", sa.Uuid, nullable=False),
        sa.Column("priority", sa.SmallInteger, nullable=False, server_default="2"),
        sa.Column("min_condition", sa.String(20)),
        sa.Column("note", sa.String(500)),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_wishlist_items"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_wishlist_items_user_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["photocard_id"], ["photocards.id"], name="fk_wishlist_items_photocard_id", ondelete="RESTRICT"
        ),
        sa.UniqueConstraint("user_id", "photocard_id", name="uq_wishlist_items_user_id_photocard_id"),
        sa.CheckConstraint("priority BETWEEN 1 AND 3", name="ck_wishlist_items_priority"),
        sa.CheckConstraint(
            "min_condition IN ('mint', 'near_mint', 'good', 'fair', 'poor')",
            name="ck_wishlist_items_min_condition",
        ),
    )
    # How many want a photocard, and re-pointing them when two entries are merged.
    op.create_index("ix_wishlist_items_photocard_id", "wishlist_items", ["photocard_id"])
    # A person's wishlist, most wanted first.
    op.create_index(
        "ix_wishlist_items_user_id_priority_created_at_id",
        "wishlist_items",
        ["user_id", "priority", sa.text("created_at DESC"), "id"],
    )


def downgrade() -> None:
    op.drop_table("wishlist_items")
