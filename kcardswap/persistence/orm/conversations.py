"""threads."""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Table, UniqueConstraint

from kcardswap.domain.conversations import Thread, ThreadOrigin
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


def _number(name: str, start: int) -> Column[Any]:
    return Column(name, BigInteger, nullable=False, server_default=str(start))


threads = Table(
    "threads",
    metadata,
    id_column(),
    reference("user_a_id", "users.id", ondelete="RESTRICT"),
    reference("user_b_id", "users.id", ondelete="RESTRICT"),
    _number("next_seq", 1),
    moment("last_message_at", nullable=True),
    moment("active_at"),
    _number("a_last_read_seq", 0),
    _number("b_last_read_seq", 0),
    _number("a_last_delivered_seq", 0),
    _number("b_last_delivered_seq", 0),
    choice("origin", ThreadOrigin),
    *times(),
    UniqueConstraint("user_a_id", "user_b_id"),
    CheckConstraint("user_a_id < user_b_id", name="people_in_order"),
    CheckConstraint(
        "0 <= a_last_read_seq AND a_last_read_seq <= a_last_delivered_seq"
        " AND a_last_delivered_seq < next_seq",
        name="a_seqs",
    ),
    CheckConstraint(
        "0 <= b_last_read_seq AND b_last_read_seq <= b_last_delivered_seq"
        " AND b_last_delivered_seq < next_seq",
        name="b_seqs",
    ),
    one_of("origin", ThreadOrigin),
)
Index("ix_threads_user_a_id_active_at_id", threads.c.user_a_id, threads.c.active_at.desc(), threads.c.id)
Index("ix_threads_user_b_id_active_at_id", threads.c.user_b_id, threads.c.active_at.desc(), threads.c.id)


def map_conversations() -> None:
    """Map threads onto their table."""
    mapper_registry.map_imperatively(Thread, threads)
