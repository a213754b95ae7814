"""media_assets."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Uuid,
    false,
)

from kcardswap.domain.media import MediaAsset, MediaStatus, MediaTarget
from kcardswap.persistence.orm.base import (
    choice,
    id_column,
    mapper_registry,
    metadata,
    moment,
    one_of,
    reference,
    times,
)

media_assets = Table(
    "media_assets",
    metadata,
    id_column(),
    reference("owner_id", "users.id", ondelete="RESTRICT"),
    Column("object_key", String(500), nullable=False),
    Column("is_copy", Boolean, nullable=False, server_default=false()),
    Column("content_type", String(100), nullable=False),
    Column("declared_bytes", BigInteger, nullable=False),
    Column("actual_bytes", BigInteger),
    Column("width", Integer),
    Column("height", Integer),
    Column("phash", BigInteger),
    choice("status", MediaStatus),
    choice("target_type", MediaTarget, nullable=True),
    # Three kinds of target, so no foreign key; what attaches or deletes a target does it here too.
    Column("target_id", Uuid),
    Column("position", SmallInteger),
    moment("upload_expires_at"),
    moment("confirmed_at", nullable=True),
    moment("deleted_at", nullable=True),
    *times(),
    one_of("status", MediaStatus),
    one_of("target_type", MediaTarget),
    CheckConstraint("declared_bytes >= 0", name="declared_bytes"),
    CheckConstraint("actual_bytes >= 0", name="actual_bytes"),
    CheckConstraint("(status = 'attached') = (target_id IS NOT NULL)", name="attached"),
    CheckConstraint(
        "(target_id IS NULL) = (target_type IS NULL) AND (target_id IS NULL) = (position IS NULL)",
        name="target",
    ),
    CheckConstraint(
        "status NOT IN ('confirmed', 'attached') OR (confirmed_at IS NOT NULL AND actual_bytes IS NOT NULL)",
        name="confirmed",
    ),
    CheckConstraint("(status = 'deleted') = (deleted_at IS NOT NULL)", name="deleted_at"),
    Index("ix_media_assets_object_key", "object_key"),
)
Index(
    "uq_media_assets_object_key",
    media_assets.c.object_key,
    unique=True,
    postgresql_where=~media_assets.c.is_copy,
)
Index(
    "uq_media_assets_target_type_target_id_position",
    media_assets.c.target_type,
    media_assets.c.target_id,
    media_assets.c.position,
    unique=True,
    postgresql_where=media_assets.c.status == MediaStatus.ATTACHED.value,
)
Index("ix_media_assets_owner_id_created_at", media_assets.c.owner_id, media_assets.c.created_at.desc())
Index(
    "ix_media_assets_upload_expires_at",
    media_assets.c.upload_expires_at,
    postgresql_where=media_assets.c.status == MediaStatus.PENDING.value,
)
Index(
    "ix_media_assets_deleted_at",
    media_assets.c.deleted_at,
    postgresql_where=media_assets.c.status == MediaStatus.DELETED.value,
)
Index(
    "ix_media_assets_phash",
    media_assets.c.phash,
    postgresql_where=media_assets.c.target_type == MediaTarget.CARD.value,
)


def map_media() -> None:
    """Map the picture onto its table."""
    mapper_registry.map_imperatively(MediaAsset, media_assets)
