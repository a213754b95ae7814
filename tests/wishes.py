"""Wishlists and the photocards on them as tests make and read them."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, select

from kcardswap.persistence.orm.wishlist import wishlist_items
from kcardswap.runtime import Runtime
from kcardswap.services import wishlist


def photocard(runtime: Runtime, submitted_by: UUID, idol: str = "Rei", **texts: str) -> UUID:
    """Return the photocard these words mean, making a pending one when the catalog lacks it."""
    uow = runtime.unit_of_work()
    with uow:
        words = {"idol_group": "IVE", "idol": idol, **texts}
        found = uow.photocards.matching(words, submitted_by=submitted_by)
        uow.commit()
    assert found is not None
    return found


def wish(runtime: Runtime, user_id: UUID, idol: str = "Rei", **wanted: Any) -> UUID:
    """Put a photocard on somebody's wishlist, by the words on it unless ``photocard_id`` names it."""
    words = {} if "photocard_id" in wanted else {"idol_group": "IVE", "idol": idol}
    return wishlist.add(runtime.unit_of_work(), user_id=user_id, wanted={**words, **wanted})


def row(connection: Connection, wish_id: UUID) -> RowMapping:
    """Return the row of a wish."""
    return connection.execute(select(wishlist_items).where(wishlist_items.c.id == wish_id)).mappings().one()
