"""Photocards and groups as tests make and read them."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, func, insert, select

from kcardswap.domain.catalog import search_text
from kcardswap.domain.text import normalise
from kcardswap.persistence.orm.catalog import (
    catalog_aliases,
    catalog_groups,
    catalog_members,
    catalog_releases,
    photocards,
)
from kcardswap.persistence.searching import make_searchable
from kcardswap.runtime import Runtime
from kcardswap.services import photocards as photocard_services
from kcardswap.services.photocards import Merger, Submission


class Shelf:
    """Puts catalogue entries straight into the tables, each with its names as aliases."""

    def __init__(self, runtime: Runtime, connection: Connection) -> None:
        self.runtime = runtime
        self.connection = connection

    def group(self, slug: str, *names: str, **values: Any) -> UUID:
        """Add a group called by its slug and ``names``."""
        row = {"slug": slug, "name": slug, "search_text": search_text([slug, *names]), **values}
        return self._with_aliases(catalog_groups, "group_id", row, slug, *names)

    def member(self, group_id: UUID, *names: str) -> UUID:
        """Add a member called ``names``; the first is the stage name."""
        row = {"group_id": group_id, "name": names[0]}
        return self._with_aliases(catalog_members, "member_id", row, *names)

    def release(self, group_id: UUID, *names: str, **values: Any) -> UUID:
        """Add a release called ``names``; the first is the title."""
        row = {
            "group_id": group_id,
            "title": names[0],
            "kind": "album",
            "search_text": search_text(names),
            **values,
        }
        return self._with_aliases(catalog_releases, "release_id", row, *names)

    def alias(self, text: str, *, generated: bool = False, **owner: UUID) -> None:
        """Add another name of the ``group_id``, ``member_id`` or ``release_id`` given."""
        self._alias(text, owner, generated=generated)

    def _alias(self, text: str, owner: dict[str, UUID], *, generated: bool) -> None:
        row = {"locale": "other", "text": text, "norm": normalise(text), "generated": generated, **owner}
        self._insert(catalog_aliases, row)

    def _with_aliases(self, table: Any, owner: str, row: dict[str, Any], *names: str) -> UUID:
        id = self._insert(table, row)
        for name in names:
            self._alias(name, {owner: id}, generated=False)
        return id

    def _insert(self, table: Any, row: dict[str, Any]) -> UUID:
        now = self.runtime.clock.now()
        id = self.runtime.new_id()
        self.connection.execute(insert(table).values(id=id, **row, created_at=now, updated_at=now))
        return id


def group_named(connection: Connection, slug: str) -> UUID:
    """Return the id of the group with this slug."""
    found: UUID = connection.execute(
        select(catalog_groups.c.id).where(catalog_groups.c.slug == slug)
    ).scalar_one()
    return found


def submit(runtime: Runtime, by: UUID, **wanted: Any) -> Submission:
    """Submit a photocard."""
    return photocard_services.submit(runtime.unit_of_work(), by=by, wanted=wanted)


def curate(runtime: Runtime, photocard_id: UUID, by: UUID, **changes: Any) -> None:
    """Correct a photocard."""
    photocard_services.curate(runtime.unit_of_work(), photocard_id=photocard_id, by=by, changes=changes)


def merge(runtime: Runtime, photocard_id: UUID, into_id: UUID, by: UUID) -> Merger:
    """Merge a photocard into another."""
    return photocard_services.merge(runtime.unit_of_work(), photocard_id=photocard_id, into_id=into_id, by=by)


def put_photocard(connection: Connection, **values: Any) -> None:
    """Put a photocard straight into its table and let searches find it."""
    connection.execute(insert(photocards).values(values))
    make_searchable(connection, [values["id"]])


def row(connection: Connection, photocard_id: UUID) -> RowMapping:
    """Return the row of a photocard."""
    statement = select(photocards).where(photocards.c.id == photocard_id)
    return connection.execute(statement).mappings().one()


def number_of_photocards(connection: Connection) -> int:
    """Return how many photocards there are, merged ones too."""
    return connection.scalar(select(func.count()).select_from(photocards)) or 0
