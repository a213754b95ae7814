"""Conversations of two people."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "threads",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("user_a_id", sa.Uuid, nullable=False),
        sa.Column("user_b_id", sa.Uuid, nullable=False),
        sa.Column("next_seq", sa.BigInteger, nullable=False, server_default="1"),
        sa.Column("last_message_at", MOMENT),
        sa.Column("active_at", MOMENT, nullable=False),
        sa.Column("a_last_read_seq", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("b_last_read_seq", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("a_last_delivered_seq", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("b_last_delivered_seq", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("origin", sa.String(20), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_threads"),
        sa.ForeignKeyConstraint(
            ["user_a_id"], ["users.id"], name="fk_threads_user_a_id", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["user_b_id"], ["users.id"], name="fk_threads_user_b_id", ondelete="RESTRICT"
        ),
        sa.UniqueConstraint("user_a_id", "user_b_id", name="uq_threads_user_a_id_user_b_id"),
        sa.CheckConstraint("user_a_id < user_b_id", name=op.f("ck_threads_people_in_order")),
        sa.CheckConstraint(
            "0 <= a_last_read_seq AND a_last_read_seq <= a_last_delivered_seq"
            " AND a_last_delivered_seq < next_seq",
            name=op.f("ck_threads_a_seqs"),
        ),
        sa.CheckConstraint(
            "0 <= b_last_read_seq AND b_last_read_seq <= b_last_delivered_seq"
            " AND b_last_delivered_seq < next_seq",
            name=op.f("ck_threads_b_seqs"),
        ),
        sa.CheckConstraint(
            "origin IN ('friend', 'request', 'interest', 'trade')", name=op.f("ck_threads_origin")
        ),
    )
    # A person's conversations, latest activity first, from either seat.
    op.create_index(
        "ix_threads_user_a_id_active_at_id", "threads", ["user_a_id", sa.text("active_at DESC"), "id"]
    )
    op.create_index(
        "ix_threads_user_b_id_active_at_id", "threads", ["user_b_id", sa.text("active_at DESC"), "id"]
    )


def downgrade() -> None:
    op.drop_table("threads")
