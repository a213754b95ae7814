"""Conversations: the one thread two people have, whatever opened it, and the messages in it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from kcardswap.domain.base import Aggregate, Event
from kcardswap.domain.errors import Conflict, Forbidden, InvalidState, NotFound, SelfTarget, ValidationFailed


class ThreadOrigin(StrEnum):
    """What brought two people into a conversation."""

    FRIEND = "friend"
    REQUEST = "request"
    INTEREST = "interest"
    TRADE = "trade"


class MessageStatus(StrEnum):
    """How far a message got on its way to the other person."""

    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"


class Side(StrEnum):
    """Which of the two people of a thread, in the order they are stored."""

    A = "a"
    B = "b"


class ThreadNotFound(NotFound):
    """No such conversation."""

    def __init__(self) -> None:
        super().__init__("thread")


class MessageNotFound(NotFound):
    """No such message in this conversation; perhaps it was too old to be kept."""

    def __init__(self) -> None:
        super().__init__("message")


class NotParticipant(Forbidden):
    """The conversation is of two other people."""

    message = "You take no part in this conversation."
    reason = "not_participant"


class RecipientGone(Forbidden):
    """The other person's account was deleted."""

    message = "This person has left."
    reason = "recipient_gone"


class OwnMessage(InvalidState):
    """Only the other person can read a message."""

    message = "You wrote this message yourself."
    reason = "own_message"


class ConversationExists(Conflict):
    """The two can write to each other already; ``thread_id`` is where."""

    message = "You have a conversation already."
    reason = "conversation_exists"


class UnknownPosition(ValidationFailed):
    """The message to go on after is not, or no longer, in this conversation."""

    def __init__(self) -> None:
        super().__init__(
            "after_message_id", "Not a message of this conversation. Start again without it.", "unknown"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSent(Event):
    """``sender_id`` wrote to ``recipient_id``; ``seq`` is the message's place in the thread."""

    aggregate: ClassVar[str] = "thread"
    thread_id: UUID
    message_id: UUID
    sender_id: UUID
    recipient_id: UUID
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far one person got with the other's messages; zero says nothing about that mark.

    ``seen`` is how many of the other's messages have a place up to ``read_seq``.
    """

    side: Side
    delivered_seq: int = 0
    read_seq: int = 0
    seen: int = 0


@dataclass(eq=False, kw_only=True)
class Message:
    """Something one person of a thread wrote to the other; it never changes.

    ``seq`` is its place in the thread, ``sender_seq`` its place among those of its sender.
    """

    id: UUID
    thread_id: UUID
    seq: int
    sender_id: UUID
    sender_seq: int
    content: str
    post_id: UUID | None
    created_at: datetime


def in_order(a: UUID, b: UUID) -> tuple[UUID, UUID]:
    """Return two people the way a pair is stored: the smaller id first."""
    return (a, b) if a < b else (b, a)


@dataclass(eq=False, kw_only=True)
class Thread(Aggregate):
    """The conversation of two people; its messages are numbered by ``next_seq`` under the lock of its row.

    ``a_sent`` is how many messages the first person wrote, ``a_seen`` how many of the second person's
    they have seen or can see no more; so ``b_sent - a_seen`` wait for them.
    """

    id: UUID
    user_a_id: UUID
    user_b_id: UUID
    next_seq: int
    last_message_at: datetime | None
    active_at: datetime
    a_last_read_seq: int
    b_last_read_seq: int
    a_last_delivered_seq: int
    b_last_delivered_seq: int
    a_sent: int
    b_sent: int
    a_seen: int
    b_seen: int
    origin: ThreadOrigin
    created_at: datetime
    updated_at: datetime

    @classmethod
    def open(cls, *, id: UUID, people: tuple[UUID, UUID], origin: ThreadOrigin, now: datetime) -> "Thread":
        """Return an empty conversation of two people, given in any order.

        :raises SelfTarget: it takes two.
        """
        user_a_id, user_b_id = in_order(*people)
        if user_a_id == user_b_id:
            raise SelfTarget
        return cls(
            id=id,
            user_a_id=user_a_id,
            user_b_id=user_b_id,
            next_seq=1,
            last_message_at=None,
            active_at=now,
            a_last_read_seq=0,
            b_last_read_seq=0,
            a_last_delivered_seq=0,
            b_last_delivered_seq=0,
            a_sent=0,
            b_sent=0,
            a_seen=0,
            b_seen=0,
            origin=origin,
            created_at=now,
            updated_at=now,
        )

    @property
    def people(self) -> tuple[UUID, UUID]:
        """Return the two people."""
        return self.user_a_id, self.user_b_id

    def side_of(self, person: UUID) -> Side:
        """Return which of the two this person is.

        :raises NotParticipant: neither.
        """
        if person == self.user_a_id:
            return Side.A
        if person == self.user_b_id:
            return Side.B
        raise NotParticipant

    def other(self, person: UUID) -> UUID:
        """Return the other one of the two.

        :raises NotParticipant: ``person`` is neither.
        """
        return self.user_b_id if self.side_of(person) is Side.A else self.user_a_id

    def write(
        self, *, id: UUID, by: UUID, content: str, post_id: UUID | None = None, now: datetime
    ) -> Message:
        """Append what ``by`` has to say to the other person.

        :raises NotParticipant: ``by`` is neither of the two.
        """
        recipient = self.other(by)
        message = self.append(id=id, by=by, content=content, post_id=post_id, at=now)
        self.record(
            MessageSent(
                thread_id=self.id, message_id=id, sender_id=by, recipient_id=recipient, seq=message.seq
            )
        )
        return message

    def append(self, *, id: UUID, by: UUID, content: str, post_id: UUID | None, at: datetime) -> Message:
        """Return the next message; nobody is told of it.

        :raises NotParticipant: ``by`` is neither of the two.
        """
        sender_seq = self._count_sent(self.side_of(by))
        # Clocks of machines differ; in a conversation a later message is never the older one.
        created_at = max(at, self.last_message_at or at)
        message = Message(
            id=id,
            thread_id=self.id,
            seq=self.next_seq,
            sender_id=by,
            sender_seq=sender_seq,
            content=content,
            post_id=post_id,
            created_at=created_at,
        )
        self.next_seq += 1
        self.last_message_at = created_at
        self.active_at = max(self.active_at, created_at)
        return message

    def _count_sent(self, side: Side) -> int:
        if side is Side.A:
            self.a_sent += 1
            return self.a_sent
        self.b_sent += 1
        return self.b_sent

    def progress_to(self, message: Message, *, by: UUID) -> Progress:
        """Return how far ``by`` is who has read up to ``message`` of the other person.

        :raises NotParticipant: ``by`` is neither of the two.
        :raises OwnMessage: ``by`` wrote it.
        """
        side = self.side_of(by)
        if message.sender_id == by:
            raise OwnMessage
        return Progress(side=side, delivered_seq=message.seq, read_seq=message.seq, seen=message.sender_seq)
