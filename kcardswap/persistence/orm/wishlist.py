"""wishlist_items."""

from sqlalchemy import CheckConstraint, Column, Index, SmallInteger, String, Table, UniqueConstraint

from kcardswap.domain.cards import Condition
from kcardswap.domain.wishlist import Wish
from kcardswap.persistence.orm.base import (
    choice,
    id_column,
    mapper_registry,
    metadata,
    one_of,
    reference,
    times,
)

wishlist_items = Table(
    "wishlist_items",
    metadata,
    id_column(),
    reference("user_id", "users.id", ondelete="CASCADE"),
    reference("photocard_id", "photocards.id", ondelete="RESTRICT"),
    Column("priority", SmallInteger, nullable=False, server_default="2"),
    choice("min_condition", Condition, nullable=True),
    Column("note", String(500)),
    *times(),
    UniqueConstraint("user_id", "photocard_id"),
    CheckConstraint("priority BETWEEN 1 AND 3", name="priority"),
    one_of("min_condition", Condition),
    Index("ix_wishlist_items_photocard_id", "photocard_id"),
)
Index(
    "ix_wishlist_items_user_id_priority_created_at_id",
    wishlist_items.c.user_id,
    wishlist_items.c.priority,
    wishlist_items.c.created_at.desc(),
    wishlist_items.c.id,
)


def map_wishlist() -> None:
    """Map the wish onto its table."""
    mapper_registry.map_imperatively(Wish, wishlist_items)
