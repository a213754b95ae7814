"""Posts, and what people like, say and want about them."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
OPEN = sa.text("status = 'open'")
NEWEST_FIRST = (sa.text("created_at DESC"), "id")


def upgrade() -> None:
    create_posts()
    index_posts()
    create_post_likes()
    create_post_comments()
    create_post_interests()


def create_posts() -> None:
    op.create_table(
        "posts",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("scope", sa.String(20), nullable=False),
        sa.Column("city_code", sa.String(20)),
        sa.Column("category", sa.String(20), nullable=False),
        sa.Column("title", sa.String(120), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("idol", sa.String(100)),
        sa.Column("idol_group", sa.String(100)),
        sa.Column("idol_norm", sa.String(200)),
        sa.Column("idol_group_norm", sa.String(200)),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("like_count", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("comment_count", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("closed_at", MOMENT),
        sa.Column("deleted_at", MOMENT),
        sa.Column("deleted_by", sa.Uuid),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_posts"),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name="fk_posts_owner_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["deleted_by"], ["users.id"], name="fk_posts_deleted_by", ondelete="SET NULL"
        ),
        sa.CheckConstraint("scope IN ('global', 'city')", name=op.f("ck_posts_scope")),
        sa.CheckConstraint(
            "category IN ('trade', 'giveaway', 'group', 'showcase', 'help', 'announcement')",
            name=op.f("ck_posts_category"),
        ),
        sa.CheckConstraint(
            "status IN ('open', 'closed', 'expired', 'deleted')", name=op.f("ck_posts_status")
        ),
        sa.CheckConstraint("(scope = 'city') = (city_code IS NOT NULL)", name=op.f("ck_posts_city_scope")),
        sa.CheckConstraint(
            "city_code IN ('TPE', 'NTP', 'TAO', 'TXG', 'TNN', 'KHH', 'KEE', 'HSZ', 'CYI', 'HSQ', 'MIA',"
            " 'CHA', 'NAN', 'YUN', 'CYQ', 'PIF', 'ILA', 'HUA', 'TTT', 'PEN', 'KIN', 'LIE')",
            name=op.f("ck_posts_city_code"),
        ),
        sa.CheckConstraint("length(content) BETWEEN 1 AND 5000", name=op.f("ck_posts_content_length")),
        sa.CheckConstraint("like_count >= 0", name=op.f("ck_posts_like_count")),
        sa.CheckConstraint("comment_count >= 0", name=op.f("ck_posts_comment_count")),
        sa.CheckConstraint("expires_at > created_at", name=op.f("ck_posts_expires_at")),
        sa.CheckConstraint(
            "(status = 'deleted') = (deleted_at IS NOT NULL)", name=op.f("ck_posts_deleted_at")
        ),
    )


def index_posts() -> None:
    # The feed, as a whole and by each of its filters. What tells whether a post is shown is in each, so that
    # counting reads no posts.
    for name, *columns in (
        ("ix_posts_open_created_at_id",),
        ("ix_posts_open_city_code_created_at_id", "city_code"),
        ("ix_posts_open_category_created_at_id", "category"),
        ("ix_posts_open_idol_group_norm_created_at_id", "idol_group_norm"),
        ("ix_posts_open_idol_norm_created_at_id", "idol_norm"),
    ):
        op.create_index(
            name,
            "posts",
            [*columns, *NEWEST_FIRST],
            postgresql_include=["owner_id", "expires_at"],
            postgresql_where=OPEN,
        )
    # The job that expires posts.
    op.create_index("ix_posts_open_expires_at", "posts", ["expires_at"], postgresql_where=OPEN)
    # A person's posts.
    op.create_index("ix_posts_owner_id_created_at_id", "posts", ["owner_id", *NEWEST_FIRST])
    # Foreign key.
    op.create_index("ix_posts_deleted_by", "posts", ["deleted_by"])


def create_post_likes() -> None:
    op.create_table(
        "post_likes",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("post_id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_post_likes"),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name="fk_post_likes_post_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_post_likes_user_id", ondelete="CASCADE"),
        # A person likes a post once; also tells whether they do.
        sa.UniqueConstraint("post_id", "user_id", name="uq_post_likes_post_id_user_id"),
    )
    # Foreign key: what a person likes.
    op.create_index("ix_post_likes_user_id", "post_likes", ["user_id"])


def create_post_comments() -> None:
    op.create_table(
        "post_comments",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("post_id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("content", sa.String(1000), nullable=False),
        sa.Column("deleted_at", MOMENT),
        sa.Column("deleted_by", sa.Uuid),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_post_comments"),
        sa.ForeignKeyConstraint(
            ["post_id"], ["posts.id"], name="fk_post_comments_post_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_post_comments_user_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["deleted_by"], ["users.id"], name="fk_post_comments_deleted_by", ondelete="SET NULL"
        ),
    )
    # The comments of a post, newest first.
    op.create_index("ix_post_comments_post_id_created_at_id", "post_comments", ["post_id", *NEWEST_FIRST])
    # Foreign keys: what a person said, and took away.
    op.create_index("ix_post_comments_user_id", "post_comments", ["user_id"])
    op.create_index("ix_post_comments_deleted_by", "post_comments", ["deleted_by"])


def create_post_interests() -> None:
    op.create_table(
        "post_interests",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("post_id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_post_interests"),
        sa.ForeignKeyConstraint(
            ["post_id"], ["posts.id"], name="fk_post_interests_post_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_post_interests_user_id", ondelete="CASCADE"
        ),
        # A person is interested in a post once.
        sa.UniqueConstraint("post_id", "user_id", name="uq_post_interests_post_id_user_id"),
        sa.CheckConstraint(
            "status IN ('pending', 'accepted', 'rejected')", name=op.f("ck_post_interests_status")
        ),
    )
    # Who is interested in a post, newest first.
    op.create_index("ix_post_interests_post_id_created_at_id", "post_interests", ["post_id", *NEWEST_FIRST])
    # What a person is interested in.
    op.create_index(
        "ix_post_interests_user_id_created_at", "post_interests", ["user_id", sa.text("created_at DESC")]
    )


def downgrade() -> None:
    for table in ("post_interests", "post_comments", "post_likes", "posts"):
        op.drop_table(table)
