"""Pictures: one row per picture and owner; the bytes are in the object storage."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "media_assets",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("object_key", sa.String(500), nullable=False),
        sa.Column("is_copy", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("content_type", sa.String(100), nullable=False),
        sa.Column("declared_bytes", sa.BigInteger, nullable=False),
        sa.Column("actual_bytes", sa.BigInteger),
        sa.Column("width", sa.Integer),
        sa.Column("height", sa.Integer),
        sa.Column("phash", sa.BigInteger),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("target_type", sa.String(20)),
        sa.Column("target_id", sa.Uuid),
        sa.Column("position", sa.SmallInteger),
        sa.Column("upload_expires_at", MOMENT, nullable=False),
        sa.Column("confirmed_at", MOMENT),
        sa.Column("deleted_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_media_assets"),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name="fk_media_assets_owner_id", ondelete="RESTRICT"
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'confirmed', 'attached', 'deleted')", name="ck_media_assets_status"
        ),
        sa.CheckConstraint(
            "target_type IN ('post', 'gallery_card', 'card')", name="ck_media_assets_target_type"
        ),
        sa.CheckConstraint("declared_bytes >= 0", name="ck_media_assets_declared_bytes"),
        sa.CheckConstraint("actual_bytes >= 0", name="ck_media_assets_actual_bytes"),
        sa.CheckConstraint(
            "(status = 'attached') = (target_id IS NOT NULL)", name="ck_media_assets_attached"
        ),
        sa.CheckConstraint(
            "(target_id IS NULL) = (target_type IS NULL) AND (target_id IS NULL) = (position IS NULL)",
            name="ck_media_assets_target",
        ),
        sa.CheckConstraint(
            "status NOT IN ('confirmed', 'attached')"
            " OR (confirmed_at IS NOT NULL AND actual_bytes IS NOT NULL)",
            name="ck_media_assets_confirmed",
        ),
        sa.CheckConstraint(
            "(status = 'deleted') = (deleted_at IS NOT NULL)", name="ck_media_assets_deleted_at"
        ),
    )
    # Who else uses an object, asked before it is removed.
    op.create_index("ix_media_assets_object_key", "media_assets", ["object_key"])
    op.create_index(
        "uq_media_assets_object_key",
        "media_assets",
        ["object_key"],
        unique=True,
        postgresql_where=sa.text("NOT is_copy"),
    )
    # The pictures of a target, in order.
    op.create_index(
        "uq_media_assets_target_type_target_id_position",
        "media_assets",
        ["target_type", "target_id", "position"],
        unique=True,
        postgresql_where=sa.text("status = 'attached'"),
    )
    # The pictures of a person: the export, and what they may see.
    op.create_index(
        "ix_media_assets_owner_id_created_at", "media_assets", ["owner_id", sa.text("created_at DESC")]
    )
    # The purge of uploads that never came.
    op.create_index(
        "ix_media_assets_upload_expires_at",
        "media_assets",
        ["upload_expires_at"],
        postgresql_where=sa.text("status = 'pending'"),
    )
    # The removal of objects nothing uses any more.
    op.create_index(
        "ix_media_assets_deleted_at",
        "media_assets",
        ["deleted_at"],
        postgresql_where=sa.text("status = 'deleted'"),
    )
    # Moderators ask which other cards show the same picture.
    op.create_index(
        "ix_media_assets_phash",
        "media_assets",
        ["phash"],
        postgresql_where=sa.text("target_type = 'card'"),
    )


def downgrade() -> None:
    op.drop_table("media_assets")
