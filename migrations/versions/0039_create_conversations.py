"""Messages and message requests; conversations count what each side wrote and saw."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
PENDING = sa.text("status = 'pending'")
COUNTS = ("a_sent", "b_sent", "a_seen", "b_seen")
# Not yet checked against old rows; a later migration does so without blocking writers.
CHECKS = {
    "ck_threads_a_counts": "0 <= a_seen AND a_seen <= b_sent",
    "ck_threads_b_counts": "0 <= b_seen AND b_seen <= a_sent",
    "ck_threads_sent": "0 <= a_sent AND 0 <= b_sent AND a_sent + b_sent = next_seq - 1",
}


def upgrade() -> None:
    for name in COUNTS:
        op.add_column("threads", sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))
    for name, rule in CHECKS.items():
        op.create_check_constraint(op.f(name), "threads", rule, postgresql_not_valid=True)
    create_messages()
    create_message_requests()


def create_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("thread_id", sa.Uuid, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("sender_id", sa.Uuid, nullable=False),
        sa.Column("sender_seq", sa.BigInteger, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("post_id", sa.Uuid),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
        sa.ForeignKeyConstraint(
            ["thread_id"], ["threads.id"], name="fk_messages_thread_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["sender_id"], ["users.id"], name="fk_messages_sender_id", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name="fk_messages_post_id", ondelete="SET NULL"),
        # The messages of a conversation in order, from either end and after any of them.
        sa.UniqueConstraint("thread_id", "seq", name="uq_messages_thread_id_seq"),
        sa.CheckConstraint("1 <= sender_seq AND sender_seq <= seq", name=op.f("ck_messages_seqs")),
        sa.CheckConstraint("length(content) BETWEEN 1 AND 5000", name=op.f("ck_messages_content_length")),
    )
    # The oldest messages, for the purge.
    op.create_index("ix_messages_created_at", "messages", ["created_at"])
    # Foreign keys.
    op.create_index("ix_messages_sender_id", "messages", ["sender_id"])
    op.create_index("ix_messages_post_id", "messages", ["post_id"])


def create_message_requests() -> None:
    op.create_table(
        "message_requests",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("sender_id", sa.Uuid, nullable=False),
        sa.Column("recipient_id", sa.Uuid, nullable=False),
        sa.Column("initial_message", sa.Text, nullable=False),
        sa.Column("post_id", sa.Uuid),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("thread_id", sa.Uuid),
        sa.Column("responded_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_message_requests"),
        sa.ForeignKeyConstraint(
            ["sender_id"], ["users.id"], name="fk_message_requests_sender_id", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["recipient_id"], ["users.id"], name="fk_message_requests_recipient_id", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["post_id"], ["posts.id"], name="fk_message_requests_post_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["thread_id"], ["threads.id"], name="fk_message_requests_thread_id", ondelete="SET NULL"
        ),
        sa.CheckConstraint("sender_id <> recipient_id", name=op.f("ck_message_requests_two_people")),
        sa.CheckConstraint(
            "length(initial_message) BETWEEN 1 AND 5000",
            name=op.f("ck_message_requests_initial_message_length"),
        ),
        sa.CheckConstraint(
            "(status = 'pending') = (responded_at IS NULL)", name=op.f("ck_message_requests_responded_at")
        ),
        sa.CheckConstraint(
            "thread_id IS NULL OR status = 'accepted'", name=op.f("ck_message_requests_thread_id")
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'accepted', 'declined')", name=op.f("ck_message_requests_status")
        ),
    )
    # One request waits per pair, whoever asked; also finds it.
    op.create_index(
        "uq_message_requests_pending_pair",
        "message_requests",
        [sa.text("least(sender_id, recipient_id)"), sa.text("greatest(sender_id, recipient_id)")],
        unique=True,
        postgresql_where=PENDING,
    )
    # What a person received and sent, newest first; the second also counts what waits for an answer.
    for side in ("recipient_id", "sender_id"):
        op.create_index(
            f"ix_message_requests_{side}_status_created_at_id",
            "message_requests",
            [side, "status", sa.text("created_at DESC"), "id"],
        )
    # The latest refusal of one person by another, for the cooldown.
    op.create_index(
        "ix_message_requests_declined_pair",
        "message_requests",
        ["sender_id", "recipient_id", sa.text("responded_at DESC")],
        postgresql_where=sa.text("status = 'declined'"),
    )
    # Foreign keys.
    op.create_index("ix_message_requests_post_id", "message_requests", ["post_id"])
    op.create_index("ix_message_requests_thread_id", "message_requests", ["thread_id"])


def downgrade() -> None:
    op.drop_table("message_requests")
    op.drop_table("messages")
    for name in CHECKS:
        op.drop_constraint(op.f(name), "threads", type_="check")
    for name in COUNTS:
        op.drop_column("threads", name)
