"""What people think of the people they swapped with, and the sums behind every average."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ratings",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("rater_id", sa.Uuid, nullable=False),
        sa.Column("rated_user_id", sa.Uuid, nullable=False),
        sa.Column("trade_id", sa.Uuid),
        sa.Column("score", sa.SmallInteger, nullable=False),
        sa.Column("comment", sa.String(500)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ratings"),
        sa.ForeignKeyConstraint(["rater_id"], ["users.id"], name="fk_ratings_rater_id", ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(
            ["rated_user_id"], ["users.id"], name="fk_ratings_rated_user_id", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(["trade_id"], ["trades.id"], name="fk_ratings_trade_id", ondelete="RESTRICT"),
        # Once per swap, rater and rated person.
        sa.UniqueConstraint(
            "trade_id", "rater_id", "rated_user_id", name="uq_ratings_trade_id_rater_id_rated_user_id"
        ),
        sa.CheckConstraint("rater_id <> rated_user_id", name=op.f("ck_ratings_two_people")),
        sa.CheckConstraint("score BETWEEN 1 AND 5", name=op.f("ck_ratings_score")),
    )
    # Friends without a swap: once in each direction.
    op.create_index(
        "uq_ratings_rater_id_rated_user_id",
        "ratings",
        ["rater_id", "rated_user_id"],
        unique=True,
        postgresql_where=sa.text("trade_id IS NULL"),
    )
    # What others said about a person, newest first.
    op.create_index(
        "ix_ratings_rated_user_id_created_at_id",
        "ratings",
        ["rated_user_id", sa.text("created_at DESC"), "id"],
    )
    # Foreign key.
    op.create_index("ix_ratings_rater_id", "ratings", ["rater_id"])
    op.create_table(
        "rating_totals",
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("ratings", sa.BigInteger, nullable=False),
        sa.Column("score_sum", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_rating_totals"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_rating_totals_user_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint("ratings > 0", name=op.f("ck_rating_totals_ratings")),
        sa.CheckConstraint(
            "score_sum BETWEEN ratings AND 5 * ratings", name=op.f("ck_rating_totals_score_sum")
        ),
    )


def downgrade() -> None:
    op.drop_table("rating_totals")
    op.drop_table("ratings")
