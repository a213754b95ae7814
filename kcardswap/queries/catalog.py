"""Groups as clients choose them."""

from typing import NamedTuple

from sqlalchemy import Connection, select

from kcardswap.persistence.orm.catalog import catalog_groups


class FeaturedGroup(NamedTuple):
    """A group offered to somebody new; clients know it by its slug."""

    id: str
    name: str
    emoji: str | None
    sort_order: int


_FEATURED = (
    select(catalog_groups.c.slug, catalog_groups.c.name, catalog_groups.c.emoji, catalog_groups.c.sort_order)
    .where(catalog_groups.c.featured)
    .order_by(catalog_groups.c.sort_order, catalog_groups.c.id)
)


def featured_groups(connection: Connection) -> list[FeaturedGroup]:
    """Return the featured groups in their order."""
    return [FeaturedGroup(*row) for row in connection.execute(_FEATURED)]
