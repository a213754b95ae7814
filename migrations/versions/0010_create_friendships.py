"""Friends and blocks."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "friendships",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("friend_id", sa.Uuid, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("accepted_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_friendships"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_friendships_user_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["friend_id"], ["users.id"], name="fk_friendships_friend_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint("user_id <> friend_id", name=op.f("ck_friendships_two_people")),
        sa.CheckConstraint(
            "(status = 'accepted') = (accepted_at IS NOT NULL)", name=op.f("ck_friendships_accepted_at")
        ),
        sa.CheckConstraint("status IN ('pending', 'accepted')", name=op.f("ck_friendships_status")),
    )
    # One friendship per pair, whoever asked; also finds it.
    op.create_index(
        "uq_friendships_pair",
        "friendships",
        [sa.text("least(user_id, friend_id)"), sa.text("greatest(user_id, friend_id)")],
        unique=True,
    )
    # A person's friends and requests, newest first, from either side.
    op.create_index(
        "ix_friendships_user_id_status_created_at_id",
        "friendships",
        ["user_id", "status", sa.text("created_at DESC"), "id"],
    )
    op.create_index(
        "ix_friendships_friend_id_status_created_at_id",
        "friendships",
        ["friend_id", "status", sa.text("created_at DESC"), "id"],
    )
    op.create_table(
        "blocks",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("blocker_id", sa.Uuid, nullable=False),
        sa.Column("blocked_id", sa.Uuid, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_blocks"),
        sa.ForeignKeyConstraint(
            ["blocker_id"], ["users.id"], name="fk_blocks_blocker_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["blocked_id"], ["users.id"], name="fk_blocks_blocked_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("blocker_id", "blocked_id", name="uq_blocks_blocker_id_blocked_id"),
        sa.CheckConstraint("blocker_id <> blocked_id", name=op.f("ck_blocks_two_people")),
    )
    # "Am I blocked by them" inside lists; the unique constraint answers the other direction.
    op.create_index("ix_blocks_blocked_id_blocker_id", "blocks", ["blocked_id", "blocker_id"])
    # The people somebody blocked, newest first.
    op.create_index(
        "ix_blocks_blocker_id_created_at_id", "blocks", ["blocker_id", sa.text("created_at DESC"), "id"]
    )


def downgrade() -> None:
    op.drop_table("blocks")
    op.drop_table("friendships")
