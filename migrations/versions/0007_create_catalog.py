"""Groups, members, releases, the names they go by, and photocards."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
TABLES = ("photocards", "catalog_aliases", "catalog_releases", "catalog_members", "catalog_groups")


def upgrade() -> None:
    # Trigram indexes let searches find parts of names and names that are nearly right.
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    create_groups()
    create_members()
    create_releases()
    create_aliases()
    create_photocards()
    index_photocards()


def create_search_index(table: str) -> None:
    op.create_index(
        f"ix_{table}_search_text",
        table,
        ["search_text"],
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )


def create_groups() -> None:
    op.create_table(
        "catalog_groups",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("slug", sa.String(60), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("name_ko", sa.String(120)),
        sa.Column("name_zh", sa.String(120)),
        sa.Column("emoji", sa.String(16)),
        sa.Column("featured", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("sort_order", sa.Integer, nullable=False, server_default="0"),
        sa.Column("search_text", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_catalog_groups"),
        sa.UniqueConstraint("slug", name="uq_catalog_groups_slug"),
        sa.CheckConstraint("length(search_text) <= 4000", name="ck_catalog_groups_search_text_length"),
    )
    # The groups offered to somebody new.
    op.create_index(
        "ix_catalog_groups_sort_order_id",
        "catalog_groups",
        ["sort_order", "id"],
        postgresql_where=sa.text("featured"),
    )
    # All groups by name, page by page.
    op.create_index("ix_catalog_groups_name_id", "catalog_groups", ["name", "id"])
    # Groups by any part of any of their names.
    create_search_index("catalog_groups")


def create_members() -> None:
    op.create_table(
        "catalog_members",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("group_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("name_ko", sa.String(120)),
        sa.Column("name_zh", sa.String(120)),
        sa.Column("sort_order", sa.Integer, nullable=False, server_default="0"),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_catalog_members"),
        sa.ForeignKeyConstraint(
            ["group_id"], ["catalog_groups.id"], name="fk_catalog_members_group_id", ondelete="RESTRICT"
        ),
        # Also finds the members of a group.
        sa.UniqueConstraint("group_id", "name", name="uq_catalog_members_group_id_name"),
    )


def create_releases() -> None:
    op.create_table(
        "catalog_releases",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("group_id", sa.Uuid, nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("title_ko", sa.String(200)),
        sa.Column("title_zh", sa.String(200)),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("released_on", sa.Date),
        sa.Column("search_text", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_catalog_releases"),
        sa.ForeignKeyConstraint(
            ["group_id"], ["catalog_groups.id"], name="fk_catalog_releases_group_id", ondelete="RESTRICT"
        ),
        sa.UniqueConstraint("group_id", "title", "kind", name="uq_catalog_releases_group_id_title_kind"),
        sa.CheckConstraint(
            "kind IN ('album', 'mini', 'single', 'ost', 'season', 'fanclub', 'other')",
            name="ck_catalog_releases_kind",
        ),
        sa.CheckConstraint("length(search_text) <= 4000", name="ck_catalog_releases_search_text_length"),
    )
    # Releases of one group and of all groups, newest first.
    op.create_index(
        "ix_catalog_releases_group_id_released_on_id",
        "catalog_releases",
        ["group_id", sa.text("released_on DESC"), "id"],
    )
    op.create_index(
        "ix_catalog_releases_released_on_id", "catalog_releases", [sa.text("released_on DESC"), "id"]
    )
    # Releases by any part of any of their titles.
    create_search_index("catalog_releases")


def create_aliases() -> None:
    op.create_table(
        "catalog_aliases",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("group_id", sa.Uuid),
        sa.Column("member_id", sa.Uuid),
        sa.Column("release_id", sa.Uuid),
        sa.Column("locale", sa.String(10), nullable=False),
        sa.Column("text", sa.String(200), nullable=False),
        sa.Column("norm", sa.String(200), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_catalog_aliases"),
        sa.ForeignKeyConstraint(
            ["group_id"], ["catalog_groups.id"], name="fk_catalog_aliases_group_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["catalog_members.id"], name="fk_catalog_aliases_member_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["release_id"], ["catalog_releases.id"], name="fk_catalog_aliases_release_id", ondelete="CASCADE"
        ),
        # Each also finds the aliases of its owner.
        sa.UniqueConstraint("group_id", "norm", name="uq_catalog_aliases_group_id_norm"),
        sa.UniqueConstraint("member_id", "norm", name="uq_catalog_aliases_member_id_norm"),
        sa.UniqueConstraint("release_id", "norm", name="uq_catalog_aliases_release_id_norm"),
        sa.CheckConstraint("locale IN ('en', 'ko', 'zh', 'other')", name="ck_catalog_aliases_locale"),
        sa.CheckConstraint(
            "num_nonnulls(group_id, member_id, release_id) = 1", name="ck_catalog_aliases_one_owner"
        ),
    )
    # What free text means: the owners of a normalised name.
    op.create_index("ix_catalog_aliases_norm", "catalog_aliases", ["norm"])


def create_photocards() -> None:
    op.create_table(
        "photocards",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("group_id", sa.Uuid),
        sa.Column("member_id", sa.Uuid),
        sa.Column("release_id", sa.Uuid),
        sa.Column("group_text", sa.String(100)),
        sa.Column("member_text", sa.String(100)),
        sa.Column("release_text", sa.String(100)),
        sa.Column("version", sa.String(100)),
        sa.Column("source", sa.String(20), nullable=False),
        sa.Column("rarity", sa.String(20)),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("merged_into_id", sa.Uuid),
        sa.Column("match_key", sa.CHAR(64), nullable=False),
        sa.Column("search_text", sa.Text, nullable=False),
        sa.Column("submitted_by", sa.Uuid),
        sa.Column("verified_by", sa.Uuid),
        sa.Column("verified_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_photocards"),
        *photocard_references(),
        sa.UniqueConstraint("match_key", name="uq_photocards_match_key"),
        sa.CheckConstraint(
            "source IN ('album', 'pob', 'lucky_draw', 'event', 'season', 'fanclub', 'other')",
            name="ck_photocards_source",
        ),
        sa.CheckConstraint("status IN ('pending', 'verified', 'merged')", name="ck_photocards_status"),
        sa.CheckConstraint("rarity IN ('common', 'rare', 'epic', 'legendary')", name="ck_photocards_rarity"),
        sa.CheckConstraint("(status = 'merged') = (merged_into_id IS NOT NULL)", name="ck_photocards_merged"),
        sa.CheckConstraint("merged_into_id <> id", name="ck_photocards_merged_into_another"),
        sa.CheckConstraint(
            "status <> 'verified' OR group_id IS NOT NULL", name="ck_photocards_verified_has_group"
        ),
        sa.CheckConstraint("length(search_text) <= 4000", name="ck_photocards_search_text_length"),
    )


def photocard_references() -> list[sa.ForeignKeyConstraint]:
    targets = (
        ("group_id", "catalog_groups.id", "RESTRICT"),
        ("member_id", "catalog_members.id", "RESTRICT"),
        ("release_id", "catalog_releases.id", "RESTRICT"),
        ("merged_into_id", "photocards.id", "RESTRICT"),
        ("submitted_by", "users.id", "SET NULL"),
        ("verified_by", "users.id", "SET NULL"),
    )
    return [
        sa.ForeignKeyConstraint([column], [target], name=f"fk_photocards_{column}", ondelete=ondelete)
        for column, target, ondelete in targets
    ]


def index_photocards() -> None:
    # Photocards of a group, a member or a release.
    op.create_index(
        "ix_photocards_group_id_member_id_release_id_id",
        "photocards",
        ["group_id", "member_id", "release_id", "id"],
    )
    op.create_index("ix_photocards_member_id_id", "photocards", ["member_id", "id"])
    op.create_index("ix_photocards_release_id_id", "photocards", ["release_id", "id"])
    # The newest ones, and the operators' review queue.
    op.create_index(
        "ix_photocards_status_created_at_id", "photocards", ["status", sa.text("created_at DESC"), "id"]
    )
    # Foreign keys: merging re-points earlier merges, erasing an account clears its name.
    op.create_index("ix_photocards_merged_into_id", "photocards", ["merged_into_id"])
    op.create_index("ix_photocards_submitted_by", "photocards", ["submitted_by"])
    op.create_index("ix_photocards_verified_by", "photocards", ["verified_by"])
    # Photocards by any part of their names.
    create_search_index("photocards")


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    op.execute("DROP EXTENSION IF EXISTS pg_trgm")
