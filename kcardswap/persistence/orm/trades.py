"""trades, trade_participants, trade_items, card_holds, trade_shipments and trade_pairs."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    and_,
    text,
)
from sqlalchemy.orm import relationship

from kcardswap.domain.trades import (
    CancelReason,
    Meeting,
    Trade,
    TradeItem,
    TradeParticipant,
    TradeRole,
    TradeStatus,
)
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

trades = Table(
    "trades",
    metadata,
    id_column(),
    choice("status", TradeStatus),
    choice("meeting", Meeting),
    Column("participant_count", SmallInteger, nullable=False),
    moment("accepted_at", nullable=True),
    moment("completed_at", nullable=True),
    moment("rejected_at", nullable=True),
    moment("canceled_at", nullable=True),
    choice("cancel_reason", CancelReason, nullable=True),
    reference("canceled_by", "users.id", ondelete="SET NULL", nullable=True),
    reference("countered_trade_id", "trades.id", ondelete="RESTRICT", nullable=True),
    moment("deadline_at", nullable=True),
    Column("version", BigInteger, nullable=False),
    *times(),
    UniqueConstraint("countered_trade_id"),
    one_of("status", TradeStatus),
    one_of("meeting", Meeting),
    one_of("cancel_reason", CancelReason),
    CheckConstraint("participant_count BETWEEN 2 AND 5", name="participant_count"),
    CheckConstraint("status NOT IN ('accepted', 'completed') OR accepted_at IS NOT NULL", name="accepted_at"),
    CheckConstraint("(status = 'completed') = (completed_at IS NOT NULL)", name="completed_at"),
    CheckConstraint("(status = 'rejected') = (rejected_at IS NOT NULL)", name="rejected_at"),
    CheckConstraint("(status = 'canceled') = (canceled_at IS NOT NULL)", name="canceled_at"),
    CheckConstraint("(status IN ('proposed', 'accepted')) = (deadline_at IS NOT NULL)", name="deadline_at"),
    CheckConstraint(
        "(status = 'canceled') = (cancel_reason IS NOT NULL AND cancel_reason <> 'countered')",
        name="canceled_for_a_reason",
    ),
    CheckConstraint(
        "cancel_reason IS DISTINCT FROM 'countered' OR status = 'rejected'", name="countered_is_rejected"
    ),
    CheckConstraint("canceled_by IS NULL OR cancel_reason = 'user'", name="canceled_by"),
    CheckConstraint("version >= 0", name="version"),
    Index("ix_trades_canceled_by", "canceled_by"),
)
Index(
    "ix_trades_deadline_at",
    trades.c.deadline_at,
    postgresql_where=text("status IN ('proposed', 'accepted')"),
)

trade_participants = Table(
    "trade_participants",
    metadata,
    id_column(),
    reference("trade_id", "trades.id", ondelete="CASCADE"),
    reference("user_id", "users.id", ondelete="RESTRICT"),
    Column("position", SmallInteger, nullable=False),
    choice("role", TradeRole),
    moment("accepted_at", nullable=True),
    moment("confirmed_at", nullable=True),
    moment("proposed_at"),
    moment("completed_at", nullable=True),
    UniqueConstraint("trade_id", "user_id"),
    UniqueConstraint("trade_id", "position"),
    one_of("role", TradeRole),
    CheckConstraint("position BETWEEN 0 AND 4", name="position"),
    CheckConstraint("(role = 'initiator') = (position = 0)", name="initiator_first"),
    CheckConstraint("role <> 'initiator' OR accepted_at IS NOT NULL", name="initiator_accepts"),
    CheckConstraint("confirmed_at IS NULL OR accepted_at IS NOT NULL", name="confirmed_at"),
)
Index(
    "uq_trade_participants_initiator",
    trade_participants.c.trade_id,
    unique=True,
    postgresql_where=text("role = 'initiator'"),
)
Index(
    "ix_trade_participants_user_id_proposed_at_trade_id",
    trade_participants.c.user_id,
    trade_participants.c.proposed_at.desc(),
    trade_participants.c.trade_id,
)
Index(
    "ix_trade_participants_completed_user_id",
    trade_participants.c.user_id,
    postgresql_where=trade_participants.c.completed_at.is_not(None),
)


def _takes_part(person: str) -> ForeignKeyConstraint:
    """Return the rule that ``person`` takes part in the trade of the row.

    Deleting an account puts another user in a participant's seat; everything here follows.
    """
    return ForeignKeyConstraint(
        ["trade_id", person],
        ["trade_participants.trade_id", "trade_participants.user_id"],
        ondelete="CASCADE",
        onupdate="CASCADE",
    )


trade_items = Table(
    "trade_items",
    metadata,
    id_column(),
    reference("trade_id", "trades.id", ondelete="CASCADE"),
    reference("card_id", "cards.id", ondelete="RESTRICT"),
    Column("giver_id", Uuid, nullable=False),
    Column("receiver_id", Uuid, nullable=False),
    reference("received_card_id", "cards.id", ondelete="RESTRICT", nullable=True),
    moment("created_at"),
    _takes_part("giver_id"),
    _takes_part("receiver_id"),
    UniqueConstraint("trade_id", "card_id"),
    UniqueConstraint("received_card_id"),
    CheckConstraint("giver_id <> receiver_id", name="two_people"),
    Index("ix_trade_items_card_id", "card_id"),
    Index("ix_trade_items_trade_id_giver_id", "trade_id", "giver_id"),
    Index("ix_trade_items_trade_id_receiver_id", "trade_id", "receiver_id"),
)

card_holds = Table(
    "card_holds",
    metadata,
    Column("card_id", Uuid, ForeignKey("cards.id", ondelete="RESTRICT"), primary_key=True),
    reference("trade_id", "trades.id", ondelete="CASCADE"),
    moment("created_at"),
    Index("ix_card_holds_trade_id", "trade_id"),
)

trade_shipments = Table(
    "trade_shipments",
    metadata,
    id_column(),
    reference("trade_id", "trades.id", ondelete="CASCADE"),
    Column("sender_id", Uuid, nullable=False),
    Column("receiver_id", Uuid, nullable=False),
    Column("carrier", String(60), nullable=False),
    Column("tracking_number", String(100), nullable=False),
    *times(),
    _takes_part("sender_id"),
    _takes_part("receiver_id"),
    UniqueConstraint("trade_id", "sender_id", "receiver_id"),
    CheckConstraint("sender_id <> receiver_id", name="two_people"),
    Index("ix_trade_shipments_trade_id_receiver_id", "trade_id", "receiver_id"),
)

trade_pairs = Table(
    "trade_pairs",
    metadata,
    Column("user_a_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("user_b_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("active_trades", BigInteger, nullable=False),
    moment("updated_at"),
    CheckConstraint("user_a_id < user_b_id", name="people_in_order"),
    CheckConstraint("active_trades >= 0", name="active_trades"),
    Index("ix_trade_pairs_user_b_id", "user_b_id"),
)


def map_trades() -> None:
    """Map a trade, its participants and what they give onto their tables."""
    mapper_registry.map_imperatively(TradeItem, trade_items)
    # The items hang off their giver, so that participants are inserted before the items that name them.
    mapper_registry.map_imperatively(
        TradeParticipant,
        trade_participants,
        properties={
            "gives": relationship(
                TradeItem,
                primaryjoin=and_(
                    trade_items.c.trade_id == trade_participants.c.trade_id,
                    trade_items.c.giver_id == trade_participants.c.user_id,
                ),
                foreign_keys=[trade_items.c.trade_id, trade_items.c.giver_id],
                order_by=trade_items.c.id,
                lazy="selectin",
                cascade="all, delete-orphan",
                passive_deletes=True,
            )
        },
    )
    mapper_registry.map_imperatively(
        Trade,
        trades,
        version_id_col=trades.c.version,
        properties={
            "participants": relationship(
                TradeParticipant,
                order_by=trade_participants.c.position,
                lazy="selectin",
                cascade="all, delete-orphan",
                passive_deletes=True,
            )
        },
    )
