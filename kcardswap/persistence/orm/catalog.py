"""catalog_groups, catalog_members, catalog_releases, catalog_aliases, photocards and photocard_texts."""

from datetime import date
from typing import Any

from sqlalchemy import (
    CHAR,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    literal_column,
    text,
)
from sqlalchemy.orm import RelationshipProperty, relationship

from kcardswap.domain.cards import Rarity
from kcardswap.domain.catalog import (
    AliasLocale,
    CatalogAlias,
    CatalogGroup,
    CatalogMember,
    CatalogRelease,
    PhotocardSource,
    PhotocardStatus,
    ReleaseKind,
)
from kcardswap.domain.photocards import Photocard
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


def _search_text() -> tuple[Column[Any], CheckConstraint]:
    """Return the column with all names of an entry and the bound on its length."""
    return (
        Column("search_text", Text, nullable=False),
        CheckConstraint("length(search_text) <= 4000", name="search_text_length"),
    )


def _searchable(table_name: str) -> tuple[Column[Any], CheckConstraint, Index]:
    """Return the column ``q`` searches, the bound on its length and its trigram index."""
    return (
        *_search_text(),
        Index(
            f"ix_{table_name}_search_text",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "gin_trgm_ops"},
        ),
    )


catalog_groups = Table(
    "catalog_groups",
    metadata,
    id_column(),
    Column("slug", String(60), nullable=False),
    Column("name", String(120), nullable=False),
    Column("name_ko", String(120)),
    Column("name_zh", String(120)),
    Column("emoji", String(16)),
    Column("featured", Boolean, nullable=False, server_default=false()),
    Column("sort_order", Integer, nullable=False, server_default="0"),
    *_searchable("catalog_groups"),
    *times(),
    UniqueConstraint("slug"),
    Index("ix_catalog_groups_name_id", "name", "id"),
)
Index(
    "ix_catalog_groups_sort_order_id",
    catalog_groups.c.sort_order,
    catalog_groups.c.id,
    postgresql_where=catalog_groups.c.featured,
)

catalog_members = Table(
    "catalog_members",
    metadata,
    id_column(),
    reference("group_id", "catalog_groups.id", ondelete="RESTRICT"),
    Column("name", String(120), nullable=False),
    Column("name_ko", String(120)),
    Column("name_zh", String(120)),
    Column("sort_order", Integer, nullable=False, server_default="0"),
    *times(),
    UniqueConstraint("group_id", "name"),
)

catalog_releases = Table(
    "catalog_releases",
    metadata,
    id_column(),
    reference("group_id", "catalog_groups.id", ondelete="RESTRICT"),
    Column("title", String(200), nullable=False),
    Column("title_ko", String(200)),
    Column("title_zh", String(200)),
    choice("kind", ReleaseKind),
    Column("released_on", Date),
    *_searchable("catalog_releases"),
    *times(),
    UniqueConstraint("group_id", "title", "kind"),
    one_of("kind", ReleaseKind),
)
Index(
    "ix_catalog_releases_group_id_released_on_id",
    catalog_releases.c.group_id,
    catalog_releases.c.released_on.desc(),
    catalog_releases.c.id,
)
RELEASED_ON: ColumnElement[date] = literal_column(
    "COALESCE(catalog_releases.released_on, '0001-01-01'::date)", Date
)
"""When a release came out; those nobody knows the day of are older than all others."""
Index(
    "ix_catalog_releases_newest",
    text("COALESCE(released_on, '0001-01-01'::date) DESC"),
    catalog_releases.c.id,
)

catalog_aliases = Table(
    "catalog_aliases",
    metadata,
    id_column(),
    reference("group_id", "catalog_groups.id", ondelete="CASCADE", nullable=True),
    reference("member_id", "catalog_members.id", ondelete="CASCADE", nullable=True),
    reference("release_id", "catalog_releases.id", ondelete="CASCADE", nullable=True),
    choice("locale", AliasLocale, length=10),
    Column("text", String(200), nullable=False),
    Column("norm", String(200), nullable=False),
    *times(),
    Column("generated", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("group_id", "norm"),
    UniqueConstraint("member_id", "norm"),
    UniqueConstraint("release_id", "norm"),
    one_of("locale", AliasLocale),
    CheckConstraint("num_nonnulls(group_id, member_id, release_id) = 1", name="one_owner"),
    Index("ix_catalog_aliases_norm", "norm"),
    Index(
        "ix_catalog_aliases_norm_trigrams",
        "norm",
        postgresql_using="gin",
        postgresql_ops={"norm": "gin_trgm_ops"},
    ),
)

photocards = Table(
    "photocards",
    metadata,
    id_column(),
    reference("group_id", "catalog_groups.id", ondelete="RESTRICT", nullable=True),
    reference("member_id", "catalog_members.id", ondelete="RESTRICT", nullable=True),
    reference("release_id", "catalog_releases.id", ondelete="RESTRICT", nullable=True),
    Column("group_text", String(100)),
    Column("member_text", String(100)),
    Column("release_text", String(100)),
    Column("version", String(100)),
    choice("source", PhotocardSource),
    choice("rarity", Rarity, nullable=True),
    choice("status", PhotocardStatus),
    reference("merged_into_id", "photocards.id", ondelete="RESTRICT", nullable=True),
    Column("match_key", CHAR(64), nullable=False),
    *_search_text(),
    reference("submitted_by", "users.id", ondelete="SET NULL", nullable=True),
    reference("verified_by", "users.id", ondelete="SET NULL", nullable=True),
    moment("verified_at", nullable=True),
    *times(),
    UniqueConstraint("match_key"),
    one_of("source", PhotocardSource),
    one_of("status", PhotocardStatus),
    one_of("rarity", Rarity),
    CheckConstraint("(status = 'merged') = (merged_into_id IS NOT NULL)", name="merged"),
    CheckConstraint("merged_into_id <> id", name="merged_into_another"),
    CheckConstraint("status <> 'verified' OR group_id IS NOT NULL", name="verified_has_group"),
    Index("ix_photocards_group_id_member_id_release_id_id", "group_id", "member_id", "release_id", "id"),
    Index("ix_photocards_member_id_id", "member_id", "id"),
    Index("ix_photocards_release_id_id", "release_id", "id"),
    Index("ix_photocards_merged_into_id", "merged_into_id"),
    Index("ix_photocards_submitted_by", "submitted_by"),
    Index("ix_photocards_verified_by", "verified_by"),
)
Index(
    "ix_photocards_status_created_at_id",
    photocards.c.status,
    photocards.c.created_at.desc(),
    photocards.c.id,
)
Index(
    "ix_photocards_created_at_id",
    photocards.c.created_at.desc(),
    photocards.c.id,
    postgresql_where=photocards.c.status != PhotocardStatus.MERGED.value,
)

# What a search reads of a photocard that stands for itself. Thousands of rows of a common word are read for
# their number alone, and narrow ones are read in half the time. ``place`` orders them but for whole words.
photocard_texts = Table(
    "photocard_texts",
    metadata,
    Column("photocard_id", Uuid, ForeignKey("photocards.id", ondelete="CASCADE"), primary_key=True),
    Column("group_id", Uuid),
    Column("member_id", Uuid),
    Column("release_id", Uuid),
    Column("place", Integer, nullable=False),
    Column("text", Text, nullable=False),
    CheckConstraint("length(text) <= 4000", name="text_length"),
    Index(
        "ix_photocard_texts_parts",
        "text",
        postgresql_using="gin",
        postgresql_ops={"text": "gin_trgm_ops"},
    ),
    Index("ix_photocard_texts_group_id", "group_id"),
    Index("ix_photocard_texts_trigrams", text("show_trgm(text)"), postgresql_using="gin"),
    Index("ix_photocard_texts_words", text("string_to_array(text, ' ')"), postgresql_using="gin"),
)
PENDING_PLACE = 1_000_000
"""Photocards nobody vouches for come behind all others, whatever words they hold."""


def _aliases() -> "RelationshipProperty[CatalogAlias]":
    # No delete-orphan: an alias has one of several parents, and SQLAlchemy takes it for an orphan as long
    # as any of them is missing.
    return relationship(CatalogAlias, lazy="selectin", cascade="all", passive_deletes=True)


def map_catalog() -> None:
    """Map groups with their members and aliases, releases with theirs, and photocards."""
    mapper_registry.map_imperatively(Photocard, photocards)
    mapper_registry.map_imperatively(CatalogAlias, catalog_aliases)
    mapper_registry.map_imperatively(CatalogRelease, catalog_releases, properties={"aliases": _aliases()})
    mapper_registry.map_imperatively(
        CatalogMember,
        catalog_members,
        properties={"aliases": _aliases()},
    )
    mapper_registry.map_imperatively(
        CatalogGroup,
        catalog_groups,
        properties={
            "members": relationship(CatalogMember, lazy="selectin", order_by=catalog_members.c.name),
            "aliases": _aliases(),
        },
    )
