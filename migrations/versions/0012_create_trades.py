"""Swaps: trades, who takes part, what moves, what is reserved, what was posted, and how many a pair has."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    create_trades()
    create_trade_participants()
    create_trade_items()
    create_card_holds()
    create_trade_shipments()
    create_trade_pairs()


def create_trades() -> None:
    op.create_table(
        "trades",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("meeting", sa.String(20), nullable=False),
        sa.Column("participant_count", sa.SmallInteger, nullable=False),
        sa.Column("accepted_at", MOMENT),
        sa.Column("completed_at", MOMENT),
        sa.Column("rejected_at", MOMENT),
        sa.Column("canceled_at", MOMENT),
        sa.Column("cancel_reason", sa.String(20)),
        sa.Column("canceled_by", sa.Uuid),
        sa.Column("countered_trade_id", sa.Uuid),
        sa.Column("deadline_at", MOMENT),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_trades"),
        sa.ForeignKeyConstraint(
            ["canceled_by"], ["users.id"], name="fk_trades_canceled_by", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["countered_trade_id"], ["trades.id"], name="fk_trades_countered_trade_id", ondelete="RESTRICT"
        ),
        sa.UniqueConstraint("countered_trade_id", name="uq_trades_countered_trade_id"),
        sa.CheckConstraint(
            "status IN ('proposed', 'accepted', 'completed', 'rejected', 'canceled')",
            name=op.f("ck_trades_status"),
        ),
        sa.CheckConstraint("meeting IN ('in_person', 'mail')", name=op.f("ck_trades_meeting")),
        sa.CheckConstraint(
            "cancel_reason IN ('user', 'timeout', 'blocked', 'suspended', 'account_deleted',"
            " 'card_removed', 'countered')",
            name=op.f("ck_trades_cancel_reason"),
        ),
        sa.CheckConstraint("participant_count BETWEEN 2 AND 5", name=op.f("ck_trades_participant_count")),
        sa.CheckConstraint(
            "status NOT IN ('accepted', 'completed') OR accepted_at IS NOT NULL",
            name=op.f("ck_trades_accepted_at"),
        ),
        sa.CheckConstraint(
            "(status = 'completed') = (completed_at IS NOT NULL)", name=op.f("ck_trades_completed_at")
        ),
        sa.CheckConstraint(
            "(status = 'rejected') = (rejected_at IS NOT NULL)", name=op.f("ck_trades_rejected_at")
        ),
        sa.CheckConstraint(
            "(status = 'canceled') = (canceled_at IS NOT NULL)", name=op.f("ck_trades_canceled_at")
        ),
        sa.CheckConstraint(
            "(status IN ('proposed', 'accepted')) = (deadline_at IS NOT NULL)",
            name=op.f("ck_trades_deadline_at"),
        ),
        sa.CheckConstraint(
            "(status = 'canceled') = (cancel_reason IS NOT NULL AND cancel_reason <> 'countered')",
            name=op.f("ck_trades_canceled_for_a_reason"),
        ),
        sa.CheckConstraint(
            "cancel_reason IS DISTINCT FROM 'countered' OR status = 'rejected'",
            name=op.f("ck_trades_countered_is_rejected"),
        ),
        sa.CheckConstraint(
            "canceled_by IS NULL OR cancel_reason = 'user'", name=op.f("ck_trades_canceled_by")
        ),
        sa.CheckConstraint("version >= 0", name=op.f("ck_trades_version")),
    )
    # The job that cancels overdue trades, and a proposal that meets one.
    op.create_index(
        "ix_trades_deadline_at",
        "trades",
        ["deadline_at"],
        postgresql_where=sa.text("status IN ('proposed', 'accepted')"),
    )
    # Foreign key.
    op.create_index("ix_trades_canceled_by", "trades", ["canceled_by"])


def create_trade_participants() -> None:
    op.create_table(
        "trade_participants",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("trade_id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("position", sa.SmallInteger, nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("accepted_at", MOMENT),
        sa.Column("confirmed_at", MOMENT),
        sa.Column("proposed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_trade_participants"),
        sa.ForeignKeyConstraint(
            ["trade_id"], ["trades.id"], name="fk_trade_participants_trade_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_trade_participants_user_id", ondelete="RESTRICT"
        ),
        sa.UniqueConstraint("trade_id", "user_id", name="uq_trade_participants_trade_id_user_id"),
        sa.UniqueConstraint("trade_id", "position", name="uq_trade_participants_trade_id_position"),
        sa.CheckConstraint("role IN ('initiator', 'responder')", name=op.f("ck_trade_participants_role")),
        sa.CheckConstraint("position BETWEEN 0 AND 4", name=op.f("ck_trade_participants_position")),
        sa.CheckConstraint(
            "(role = 'initiator') = (position = 0)", name=op.f("ck_trade_participants_initiator_first")
        ),
        sa.CheckConstraint(
            "role <> 'initiator' OR accepted_at IS NOT NULL",
            name=op.f("ck_trade_participants_initiator_accepts"),
        ),
        sa.CheckConstraint(
            "confirmed_at IS NULL OR accepted_at IS NOT NULL", name=op.f("ck_trade_participants_confirmed_at")
        ),
    )
    # A trade has one initiator.
    op.create_index(
        "uq_trade_participants_initiator",
        "trade_participants",
        ["trade_id"],
        unique=True,
        postgresql_where=sa.text("role = 'initiator'"),
    )
    # A person's trades, newest first, and how many of them were completed.
    op.create_index(
        "ix_trade_participants_user_id_proposed_at_trade_id",
        "trade_participants",
        ["user_id", sa.text("proposed_at DESC"), "trade_id"],
    )


def create_trade_items() -> None:
    op.create_table(
        "trade_items",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("trade_id", sa.Uuid, nullable=False),
        sa.Column("card_id", sa.Uuid, nullable=False),
        sa.Column("giver_id", sa.Uuid, nullable=False),
        sa.Column("receiver_id", sa.Uuid, nullable=False),
        sa.Column("received_card_id", sa.Uuid),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_trade_items"),
        sa.ForeignKeyConstraint(
            ["trade_id"], ["trades.id"], name="fk_trade_items_trade_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["card_id"], ["cards.id"], name="fk_trade_items_card_id", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["received_card_id"], ["cards.id"], name="fk_trade_items_received_card_id", ondelete="RESTRICT"
        ),
        takes_part("trade_items", "giver_id"),
        takes_part("trade_items", "receiver_id"),
        sa.UniqueConstraint("trade_id", "card_id", name="uq_trade_items_trade_id_card_id"),
        sa.UniqueConstraint("received_card_id", name="uq_trade_items_received_card_id"),
        sa.CheckConstraint("giver_id <> receiver_id", name=op.f("ck_trade_items_two_people")),
    )
    # Was this card ever part of a trade.
    op.create_index("ix_trade_items_card_id", "trade_items", ["card_id"])
    # Foreign keys: what each person of a trade gives and receives.
    op.create_index("ix_trade_items_trade_id_giver_id", "trade_items", ["trade_id", "giver_id"])
    op.create_index("ix_trade_items_trade_id_receiver_id", "trade_items", ["trade_id", "receiver_id"])


def create_card_holds() -> None:
    op.create_table(
        "card_holds",
        sa.Column("card_id", sa.Uuid, nullable=False),
        sa.Column("trade_id", sa.Uuid, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("card_id", name="pk_card_holds"),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name="fk_card_holds_card_id", ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(
            ["trade_id"], ["trades.id"], name="fk_card_holds_trade_id", ondelete="CASCADE"
        ),
    )
    # A trade that ends lets go of its cards.
    op.create_index("ix_card_holds_trade_id", "card_holds", ["trade_id"])


def create_trade_shipments() -> None:
    op.create_table(
        "trade_shipments",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("trade_id", sa.Uuid, nullable=False),
        sa.Column("sender_id", sa.Uuid, nullable=False),
        sa.Column("receiver_id", sa.Uuid, nullable=False),
        sa.Column("carrier", sa.String(60), nullable=False),
        sa.Column("tracking_number", sa.String(100), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_trade_shipments"),
        sa.ForeignKeyConstraint(
            ["trade_id"], ["trades.id"], name="fk_trade_shipments_trade_id", ondelete="CASCADE"
        ),
        takes_part("trade_shipments", "sender_id"),
        takes_part("trade_shipments", "receiver_id"),
        sa.UniqueConstraint(
            "trade_id", "sender_id", "receiver_id", name="uq_trade_shipments_trade_id_sender_id_receiver_id"
        ),
        sa.CheckConstraint("sender_id <> receiver_id", name=op.f("ck_trade_shipments_two_people")),
    )
    # Foreign key: what is on its way to somebody; the unique constraint covers the sender's.
    op.create_index("ix_trade_shipments_trade_id_receiver_id", "trade_shipments", ["trade_id", "receiver_id"])


def create_trade_pairs() -> None:
    op.create_table(
        "trade_pairs",
        sa.Column("user_a_id", sa.Uuid, nullable=False),
        sa.Column("user_b_id", sa.Uuid, nullable=False),
        sa.Column("active_trades", sa.BigInteger, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("user_a_id", "user_b_id", name="pk_trade_pairs"),
        sa.ForeignKeyConstraint(
            ["user_a_id"], ["users.id"], name="fk_trade_pairs_user_a_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_b_id"], ["users.id"], name="fk_trade_pairs_user_b_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint("user_a_id < user_b_id", name=op.f("ck_trade_pairs_people_in_order")),
        sa.CheckConstraint("active_trades >= 0", name=op.f("ck_trade_pairs_active_trades")),
    )
    # Foreign key; the primary key covers the other person.
    op.create_index("ix_trade_pairs_user_b_id", "trade_pairs", ["user_b_id"])


def takes_part(table: str, person: str) -> sa.ForeignKeyConstraint:
    """Return the rule that ``person`` takes part in the trade; it follows when a seat changes hands."""
    return sa.ForeignKeyConstraint(
        ["trade_id", person],
        ["trade_participants.trade_id", "trade_participants.user_id"],
        name=f"fk_{table}_trade_id_{person}",
        ondelete="CASCADE",
        onupdate="CASCADE",
    )


def downgrade() -> None:
    for table in (
        "trade_pairs",
        "trade_shipments",
        "card_holds",
        "trade_items",
        "trade_participants",
        "trades",
    ):
        op.drop_table(table)
