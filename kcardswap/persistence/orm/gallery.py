"""gallery_cards."""

from sqlalchemy import Column, Integer, String, Table, UniqueConstraint

from kcardswap.domain.gallery import GalleryCard
from kcardswap.persistence.orm.base import id_column, mapper_registry, metadata, reference, times

gallery_cards = Table(
    "gallery_cards",
    metadata,
    id_column(),
    reference("user_id", "users.id", ondelete="CASCADE"),
    Column("title", String(200), nullable=False),
    Column("idol_name", String(100), nullable=False),
    Column("era", String(100)),
    Column("description", String(1000)),
    reference("media_asset_id", "media_assets.id", ondelete="SET NULL", nullable=True),
    # No CHECK against negative numbers: renumbering passes through them.
    Column("display_order", Integer, nullable=False),
    *times(),
    UniqueConstraint("media_asset_id"),
    UniqueConstraint("user_id", "display_order"),
)


def map_gallery() -> None:
    """Map the gallery card onto its table."""
    mapper_registry.map_imperatively(GalleryCard, gallery_cards)
