"""threads, messages and message_requests."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Index,
    Table,
    Text,
    UniqueConstraint,
    and_,
    func,
    select,
)

from kcardswap.domain.accounts import UserStatus
from kcardswap.domain.conversations import Message, Thread, ThreadOrigin
from kcardswap.domain.message_requests import MessageRequest, MessageRequestStatus
from kcardswap.persistence.orm.accounts import users
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
    _number("a_sent", 0),
    _number("b_sent", 0),
    _number("a_seen", 0),
    _number("b_seen", 0),
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
    CheckConstraint("0 <= a_seen AND a_seen <= b_sent", name="a_counts"),
    CheckConstraint("0 <= b_seen AND b_seen <= a_sent", name="b_counts"),
    CheckConstraint("0 <= a_sent AND 0 <= b_sent AND a_sent + b_sent = next_seq - 1", name="sent"),
    one_of("origin", ThreadOrigin),
)
Index("ix_threads_user_a_id_active_at_id", threads.c.user_a_id, threads.c.active_at.desc(), threads.c.id)
Index("ix_threads_user_b_id_active_at_id", threads.c.user_b_id, threads.c.active_at.desc(), threads.c.id)

messages = Table(
    "messages",
    metadata,
    id_column(),
    reference("thread_id", "threads.id", ondelete="CASCADE"),
    Column("seq", BigInteger, nullable=False),
    reference("sender_id", "users.id", ondelete="RESTRICT"),
    Column("sender_seq", BigInteger, nullable=False),
    Column("content", Text, nullable=False),
    reference("post_id", "posts.id", ondelete="SET NULL", nullable=True),
    moment("created_at"),
    UniqueConstraint("thread_id", "seq"),
    CheckConstraint("1 <= sender_seq AND sender_seq <= seq", name="seqs"),
    CheckConstraint("length(content) BETWEEN 1 AND 5000", name="content_length"),
    Index("ix_messages_created_at", "created_at"),
    Index("ix_messages_sender_id", "sender_id"),
    Index("ix_messages_post_id", "post_id"),
)

message_requests = Table(
    "message_requests",
    metadata,
    id_column(),
    reference("sender_id", "users.id", ondelete="RESTRICT"),
    reference("recipient_id", "users.id", ondelete="RESTRICT"),
    Column("initial_message", Text, nullable=False),
    reference("post_id", "posts.id", ondelete="SET NULL", nullable=True),
    choice("status", MessageRequestStatus),
    reference("thread_id", "threads.id", ondelete="SET NULL", nullable=True),
    moment("responded_at", nullable=True),
    *times(),
    CheckConstraint("sender_id <> recipient_id", name="two_people"),
    CheckConstraint("length(initial_message) BETWEEN 1 AND 5000", name="initial_message_length"),
    CheckConstraint("(status = 'pending') = (responded_at IS NULL)", name="responded_at"),
    CheckConstraint("thread_id IS NULL OR status = 'accepted'", name="thread_id"),
    one_of("status", MessageRequestStatus),
    Index("ix_message_requests_post_id", "post_id"),
    Index("ix_message_requests_thread_id", "thread_id"),
)
Index(
    "uq_message_requests_pending_pair",
    func.least(message_requests.c.sender_id, message_requests.c.recipient_id),
    func.greatest(message_requests.c.sender_id, message_requests.c.recipient_id),
    unique=True,
    postgresql_where=message_requests.c.status == MessageRequestStatus.PENDING,
)
for _side in (message_requests.c.recipient_id, message_requests.c.sender_id):
    Index(
        f"ix_message_requests_{_side.name}_status_created_at_id",
        _side,
        message_requests.c.status,
        message_requests.c.created_at.desc(),
        message_requests.c.id,
    )
Index(
    "ix_message_requests_declined_pair",
    message_requests.c.sender_id,
    message_requests.c.recipient_id,
    message_requests.c.responded_at.desc(),
    postgresql_where=message_requests.c.status == MessageRequestStatus.DECLINED,
)

counts_as_waiting: ColumnElement[bool] = and_(
    message_requests.c.status == MessageRequestStatus.PENDING,
    select(users.c.id)
    .where(users.c.id == message_requests.c.recipient_id, users.c.status != UserStatus.DELETED)
    .correlate(message_requests)
    .exists(),
)
"""Which requests take a place of their sender's limit: nobody answers those to people who left."""


def map_conversations() -> None:
    """Map threads, messages and message requests onto their tables."""
    mapper_registry.map_imperatively(Thread, threads)
    mapper_registry.map_imperatively(Message, messages)
    mapper_registry.map_imperatively(MessageRequest, message_requests)
