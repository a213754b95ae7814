"""Repository of catalogue groups."""

from sqlalchemy import select

from kcardswap.domain.catalog import CatalogGroup
from kcardswap.persistence.orm.catalog import catalog_groups
from kcardswap.persistence.repositories.base import Repository


class CatalogGroupRepository(Repository[CatalogGroup]):
    """Groups with their members and aliases."""

    entity = CatalogGroup
    table = catalog_groups

    def all_by_slug(self) -> dict[str, CatalogGroup]:
        """Return every group by its slug, locked against other imports."""
        # Locked first and read afterwards: whoever had to wait must also see the groups the other import
        # added, and those are not in the snapshot of the statement that waited.
        self.session.execute(
            select(catalog_groups.c.id).order_by(catalog_groups.c.id).with_for_update(key_share=True)
        )
        everything = self._all(select(CatalogGroup).order_by(catalog_groups.c.slug))
        return {group.slug: group for group in everything}
