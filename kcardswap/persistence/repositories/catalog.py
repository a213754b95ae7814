"""Repository of the catalogue as operators maintain it: groups with all that belongs to them."""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, text, update

from kcardswap.domain.catalog import CatalogGroup, CatalogRelease, PhotocardStatus
from kcardswap.domain.photocards import Photocard
from kcardswap.persistence.deadlines import let_statements_take
from kcardswap.persistence.orm.catalog import catalog_aliases, catalog_groups, catalog_releases, photocards
from kcardswap.persistence.repositories.base import Repository
from kcardswap.persistence.searching import make_searchable

KEYS_AT_ONCE = 1000
IMPORT_STATEMENT_SECONDS = 3600
"""Also how long one import waits for another."""


class CatalogGroupRepository(Repository[CatalogGroup]):
    """Groups with their members and aliases, their releases and photocards."""

    entity = CatalogGroup
    table = catalog_groups

    def lock_all(self) -> None:
        """Keep other imports out until the commit, and let this one take its time.

        Whoever had to wait must also see the groups the other import added: those are not in the
        snapshot of the statement that waited, so groups are read afterwards.
        """
        # The time-outs of the role are made for requests that somebody waits for.
        for limit in ("lock_timeout", "idle_in_transaction_session_timeout"):
            self.session.execute(text(f"SET LOCAL {limit} = 0"))
        let_statements_take(self.session, IMPORT_STATEMENT_SECONDS)
        self.session.execute(
            select(catalog_groups.c.id).order_by(catalog_groups.c.id).with_for_update(key_share=True)
        )

    def by_slug(self, slugs: Collection[str]) -> dict[str, CatalogGroup]:
        """Return the groups with these slugs."""
        wanted = select(CatalogGroup).where(catalog_groups.c.slug.in_(sorted(slugs)))
        return {group.slug: group for group in self._all(wanted.order_by(catalog_groups.c.slug))}

    def slugs_named(self, norms: Collection[str]) -> dict[str, set[str]]:
        """Return, for each normalised name that groups have, the slugs of those groups."""
        found = (
            select(catalog_aliases.c.norm, catalog_groups.c.slug)
            .join(catalog_groups, catalog_groups.c.id == catalog_aliases.c.group_id)
            .where(catalog_aliases.c.norm.in_(sorted(norms)), ~catalog_aliases.c.generated)
        )
        slugs: dict[str, set[str]] = {}
        for norm, slug in self.session.execute(found):
            slugs.setdefault(norm, set()).add(slug)
        return slugs

    def releases_of(self, group_ids: Collection[UUID]) -> list[CatalogRelease]:
        """Return all releases of these groups with their aliases."""
        wanted = select(CatalogRelease).where(catalog_releases.c.group_id.in_(sorted(group_ids)))
        return list(self.session.scalars(wanted.order_by(catalog_releases.c.id)))

    def add_parts(self, added: Iterable[CatalogRelease | Photocard]) -> None:
        """Store new releases or photocards with the next flush."""
        self.session.add_all(added)

    def photocards_with(self, match_keys: Collection[str]) -> dict[str, Photocard]:
        """Return the photocards with these keys by key; nobody is kept from using them."""
        keys, found = sorted(match_keys), dict[str, Photocard]()
        for start in range(0, len(keys), KEYS_AT_ONCE):
            wanted = select(Photocard).where(photocards.c.match_key.in_(keys[start : start + KEYS_AT_ONCE]))
            read = self.session.scalars(wanted.order_by(photocards.c.id))
            found |= {photocard.match_key: photocard for photocard in read}
        return found

    def lock_photocards(self, ids: Collection[UUID]) -> None:
        """Lock these photocards in id order and read anew those loaded before."""
        ordered = sorted(ids)
        for start in range(0, len(ordered), KEYS_AT_ONCE):
            wanted = select(Photocard).where(photocards.c.id.in_(ordered[start : start + KEYS_AT_ONCE]))
            locked = wanted.order_by(photocards.c.id).with_for_update(key_share=True)
            self.session.scalars(locked.execution_options(populate_existing=True)).all()

    def searchable_photocards(self, group_ids: Collection[UUID]) -> list[Any]:
        """Return what the search texts of these groups' photocards are made of, and the texts themselves."""
        made_of = select(
            photocards.c.id,
            photocards.c.group_id,
            photocards.c.member_id,
            photocards.c.release_id,
            photocards.c.group_text,
            photocards.c.member_text,
            photocards.c.release_text,
            photocards.c.version,
            photocards.c.search_text,
        ).where(photocards.c.group_id.in_(sorted(group_ids)), photocards.c.status != PhotocardStatus.MERGED)
        return list(self.session.execute(made_of.order_by(photocards.c.id)))

    def set_search_texts(self, texts: dict[UUID, str]) -> None:
        """Replace the search texts of photocards; nothing else about them changes."""
        if not texts:
            return
        one = update(photocards).where(photocards.c.id == bindparam("photocard_id"))
        self.session.connection().execute(
            one.values(search_text=bindparam("words")),
            [{"photocard_id": id, "words": words} for id, words in sorted(texts.items())],
        )
        make_searchable(self.session, texts)

    def forget(self) -> None:
        """Send what is pending and let go of everything loaded, so that a long import stays small."""
        self.session.flush()
        self.session.expunge_all()

    def _remember(self, entity: CatalogGroup) -> None:
        # Groups record no events, and thousands of them would be kept for nothing.
        return
