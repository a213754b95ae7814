"""Groups, releases and photocards as clients see them."""

from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Float,
    Table,
    Text,
    bindparam,
    cast,
    false,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by, array

from kcardswap.domain.cards import Rarity
from kcardswap.domain.catalog import GroupNotFound, PhotocardSource, PhotocardStatus, ReleaseKind
from kcardswap.domain.text import normalise
from kcardswap.persistence.orm.catalog import (
    RELEASED_ON,
    catalog_aliases,
    catalog_groups,
    catalog_members,
    catalog_releases,
    photocards,
)
from kcardswap.queries.keyset import Page, PageRequest, SortKey, fetch_page
from kcardswap.queries.search import contains_all, words_of


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


class GroupRow(NamedTuple):
    """A group and what else it is called."""

    id: UUID
    slug: str
    name: str
    name_ko: str | None
    name_zh: str | None
    emoji: str | None
    aliases: list[str]
    featured: bool
    sort_order: int


class MemberRow(NamedTuple):
    """A member and what else they are called."""

    id: UUID
    group_id: UUID
    name: str
    name_ko: str | None
    name_zh: str | None
    aliases: list[str]


class ReleaseRow(NamedTuple):
    """A release and what else it is called."""

    id: UUID
    group_id: UUID
    title: str
    title_ko: str | None
    title_zh: str | None
    kind: ReleaseKind
    released_on: date | None
    aliases: list[str]


class GroupWithMembers(NamedTuple):
    """A group, who is in it, and how many releases of it the catalog has."""

    group: GroupRow
    members: list[MemberRow]
    release_count: int


def _aliases(owner: Table, kind: str, *names: str) -> ColumnElement[Any]:
    """Return the spellings of an entry that are none of its ``names`` and that people made up."""
    text = catalog_aliases.c.text
    ordered = func.array_agg(aggregate_order_by(text, text, catalog_aliases.c.id))
    other = select(func.coalesce(ordered, array([], type_=Text))).where(
        catalog_aliases.c[f"{kind}_id"] == owner.c.id,
        ~catalog_aliases.c.generated,
        *(text.is_distinct_from(owner.c[name]) for name in names),
    )
    return cast(other.correlate(owner).scalar_subquery(), ARRAY(Text))


def _columns(row: type[Any], owner: Table, kind: str, *names: str) -> list[ColumnElement[Any]]:
    return [
        _aliases(owner, kind, *names).label("aliases") if field == "aliases" else owner.c[field]
        for field in row._fields
    ]


_GROUP_COLUMNS = _columns(GroupRow, catalog_groups, "group", "name", "name_ko", "name_zh")
_MEMBER_COLUMNS = _columns(MemberRow, catalog_members, "member", "name", "name_ko", "name_zh")
_RELEASE_COLUMNS = _columns(ReleaseRow, catalog_releases, "release", "title", "title_ko", "title_zh")
_BY_NAME = (SortKey(catalog_groups.c.name), SortKey(catalog_groups.c.id))
_NEWEST_RELEASE = (SortKey(RELEASED_ON, descending=True), SortKey(catalog_releases.c.id))


def groups_found(connection: Connection, *, q: str | None, page: PageRequest) -> Page[GroupRow]:
    """Return a page of the groups by name, or those called something like ``q``, most similar first."""
    groups = select(*_GROUP_COLUMNS)
    if q is None:
        return fetch_page(connection, groups, sort=_BY_NAME, page=page, make_row=GroupRow)
    similarity = (
        select(func.max(func.similarity(catalog_aliases.c.norm, normalise(q) or "")))
        .where(catalog_aliases.c.group_id == catalog_groups.c.id)
        .correlate(catalog_groups)
        .scalar_subquery()
    )
    sort = (SortKey(cast(func.coalesce(similarity, 0), Float(53)), descending=True), *_BY_NAME)
    found = groups.where(_is_called(catalog_groups, "group", q))
    return fetch_page(connection, found, sort=sort, page=page, make_row=GroupRow)


def _is_called(owner: Table, kind: str, q: str) -> ColumnElement[bool]:
    """Return the condition that all words of ``q`` are in the names of an entry, or one is nearly like it."""
    words = words_of(q)
    if not words:
        return false()
    alike = catalog_aliases.c.norm.op("%")(normalise(q))
    owners = catalog_aliases.c[f"{kind}_id"]
    return or_(
        contains_all(owner.c.search_text, words),
        owner.c.id.in_(select(owners).where(alike, owners.is_not(None))),
    )


_GROUP = select(
    *_GROUP_COLUMNS,
    select(func.count())
    .where(catalog_releases.c.group_id == catalog_groups.c.id)
    .correlate(catalog_groups)
    .scalar_subquery(),
).where(catalog_groups.c.id == bindparam("group_id", type_=catalog_groups.c.id.type))
_MEMBERS = (
    select(*_MEMBER_COLUMNS)
    .where(catalog_members.c.group_id == bindparam("group_id", type_=catalog_groups.c.id.type))
    .order_by(catalog_members.c.sort_order, catalog_members.c.name, catalog_members.c.id)
)


def group_with_members(connection: Connection, *, group_id: UUID) -> GroupWithMembers:
    """Return one group with its members in their order.

    :raises GroupNotFound: there is no such group.
    """
    row = connection.execute(_GROUP, {"group_id": group_id}).one_or_none()
    if row is None:
        raise GroupNotFound()
    members = [MemberRow(*member) for member in connection.execute(_MEMBERS, {"group_id": group_id})]
    return GroupWithMembers(GroupRow(*row[:-1]), members, row[-1])


def releases_found(
    connection: Connection, *, group_id: UUID | None, q: str | None, page: PageRequest
) -> Page[ReleaseRow]:
    """Return a page of releases, of one group or with a title like ``q``, newest first and undated last.

    :raises GroupNotFound: there is no such group.
    """
    releases = select(*_RELEASE_COLUMNS)
    if group_id is not None:
        releases = releases.where(catalog_releases.c.group_id == group_id)
    if q is not None:
        releases = releases.where(_is_called(catalog_releases, "release", q))
    found = fetch_page(connection, releases, sort=_NEWEST_RELEASE, page=page, make_row=ReleaseRow)
    # Only an empty list has to be told from a group that is not there.
    if group_id is not None and not found.rows and not _has_group(connection, group_id):
        raise GroupNotFound()
    return found


def _has_group(connection: Connection, group_id: UUID) -> bool:
    return connection.scalar(select(literal(1)).where(catalog_groups.c.id == group_id)) is not None


class PhotocardRow(NamedTuple):
    """One photocard; the texts are what to display, also where nothing of the catalogue is linked."""

    id: UUID
    status: PhotocardStatus
    group_id: UUID | None
    group_name: str | None
    member_id: UUID | None
    member_name: str | None
    release_id: UUID | None
    release_title: str | None
    idol_group: str | None
    idol: str | None
    album: str | None
    version: str | None
    source: PhotocardSource
    rarity: Rarity | None
    created_at: datetime
    updated_at: datetime

    @property
    def group(self) -> dict[str, object] | None:
        """Return the group it is linked to."""
        return None if self.group_id is None else {"id": self.group_id, "name": self.group_name}

    @property
    def member(self) -> dict[str, object] | None:
        """Return the member it is linked to."""
        return None if self.member_id is None else {"id": self.member_id, "name": self.member_name}

    @property
    def release(self) -> dict[str, object] | None:
        """Return the release it is linked to."""
        return None if self.release_id is None else {"id": self.release_id, "title": self.release_title}


PHOTOCARD_TEXTS: dict[str, ColumnElement[str | None]] = {
    "idol_group": func.coalesce(catalog_groups.c.name, photocards.c.group_text),
    "idol": func.coalesce(catalog_members.c.name, photocards.c.member_text),
    "album": func.coalesce(catalog_releases.c.title, photocards.c.release_text),
    "version": photocards.c.version,
}
"""What a photocard is called, under the names cards have for it; from ``PHOTOCARDS_WITH_PARTS``."""
PHOTOCARD_COLUMNS = (
    photocards.c.id.label("photocard_id"),
    photocards.c.status.label("photocard_status"),
    photocards.c.group_id,
    catalog_groups.c.name.label("group_name"),
    photocards.c.member_id,
    catalog_members.c.name.label("member_name"),
    photocards.c.release_id,
    catalog_releases.c.title.label("release_title"),
    *(text.label(name) for name, text in PHOTOCARD_TEXTS.items()),
    photocards.c.source,
    photocards.c.rarity.label("photocard_rarity"),
    photocards.c.created_at.label("photocard_created_at"),
    photocards.c.updated_at.label("photocard_updated_at"),
)
"""The columns of a PhotocardRow, to be selected from ``PHOTOCARDS_WITH_PARTS``."""
PHOTOCARDS_WITH_PARTS = (
    photocards.outerjoin(catalog_groups, catalog_groups.c.id == photocards.c.group_id)
    .outerjoin(catalog_members, catalog_members.c.id == photocards.c.member_id)
    .outerjoin(catalog_releases, catalog_releases.c.id == photocards.c.release_id)
)
