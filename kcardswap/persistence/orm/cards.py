"""cards."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Index,
    String,
    Table,
    UniqueConstraint,
    and_,
)

from kcardswap.domain.cards import Card, CardStatus, Condition, Rarity, UploadStatus
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

cards = Table(
    "cards",
    metadata,
    id_column(),
    reference("owner_id", "users.id", ondelete="RESTRICT"),
    reference("photocard_id", "photocards.id", ondelete="RESTRICT", nullable=True),
    Column("idol", String(100)),
    Column("idol_group", String(100)),
    Column("album", String(100)),
    Column("version", String(100)),
    Column("idol_norm", String(200)),
    Column("idol_group_norm", String(200)),
    Column("album_norm", String(200)),
    choice("rarity", Rarity, nullable=True),
    choice("condition", Condition, nullable=True),
    Column("note", String(500)),
    choice("status", CardStatus),
    reference("media_asset_id", "media_assets.id", ondelete="SET NULL", nullable=True),
    Column("size_bytes", BigInteger),
    choice("upload_status", UploadStatus),
    moment("upload_expires_at", nullable=True),
    moment("upload_confirmed_at", nullable=True),
    reference("acquired_trade_id", "trades.id", ondelete="RESTRICT", nullable=True),
    moment("deleted_at", nullable=True),
    *times(),
    UniqueConstraint("media_asset_id"),
    one_of("rarity", Rarity),
    one_of("condition", Condition),
    one_of("status", CardStatus),
    one_of("upload_status", UploadStatus),
    CheckConstraint("size_bytes >= 0", name="size_bytes"),
    CheckConstraint("upload_status = 'confirmed' OR status IN ('held', 'available')", name="pending_at_rest"),
    CheckConstraint("upload_status = 'pending' OR upload_confirmed_at IS NOT NULL", name="confirmed"),
    CheckConstraint("deleted_at IS NULL OR status <> 'trading'", name="deleted_not_trading"),
    Index("ix_cards_photocard_id", "photocard_id"),
    Index("ix_cards_acquired_trade_id", "acquired_trade_id"),
)

is_swappable: ColumnElement[bool] = and_(
    cards.c.status == CardStatus.AVAILABLE,
    cards.c.upload_status == UploadStatus.CONFIRMED,
    cards.c.deleted_at.is_(None),
)
"""Which cards others see and trades may reserve; also the predicate of a partial index."""

lacks_a_picture: ColumnElement[bool] = and_(
    cards.c.upload_status == UploadStatus.PENDING,
    cards.c.upload_expires_at.is_(None),
    cards.c.deleted_at.is_(None),
)
"""Which cards were made without a picture and have none yet; they stay until somebody deletes them."""

is_had: ColumnElement[bool] = and_(
    cards.c.upload_status == UploadStatus.CONFIRMED,
    cards.c.status != CardStatus.TRADED,
    cards.c.deleted_at.is_(None),
)
"""Which cards somebody has, for swapping or not; also the predicate of a partial index."""

counts_as_storage: ColumnElement[bool] = and_(
    cards.c.acquired_trade_id.is_(None),
    cards.c.upload_status == UploadStatus.CONFIRMED,
    cards.c.deleted_at.is_(None),
)
"""Which cards' ``size_bytes`` count towards the storage of their owner: own uploads that are still there."""


Index("ix_cards_owner_id_created_at_id", cards.c.owner_id, cards.c.created_at.desc(), cards.c.id)
Index(
    "ix_cards_swappable_owner_id_created_at_id",
    cards.c.owner_id,
    cards.c.created_at.desc(),
    cards.c.id,
    postgresql_where=is_swappable,
)
Index("ix_cards_had_photocard_id_owner_id", cards.c.photocard_id, cards.c.owner_id, postgresql_where=is_had)
Index(
    "ix_cards_upload_expires_at",
    cards.c.upload_expires_at,
    postgresql_where=cards.c.upload_status == UploadStatus.PENDING.value,
)
Index(
    "ix_cards_deleted_at_id",
    cards.c.deleted_at,
    cards.c.id,
    postgresql_where=cards.c.deleted_at.is_not(None),
)


def map_cards() -> None:
    """Map the card onto its table."""
    mapper_registry.map_imperatively(Card, cards)
