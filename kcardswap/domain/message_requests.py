"""Message requests: asking a stranger to be written to."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from kcardswap.domain.base import Aggregate, Event
from kcardswap.domain.conversations import Message, Thread
from kcardswap.domain.errors import Conflict, Forbidden, InvalidState, NotFound, SelfTarget
from kcardswap.domain.friendships import NotRecipient


class MessageRequestStatus(StrEnum):
    """How a message request stands; an answer is final."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    DECLINED = "declined"


class Direction(StrEnum):
    """Which way a pending request goes, seen by whoever comes second."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"


class MessageRequestNotFound(NotFound):
    """No such message request, or the caller is no party to it."""

    def __init__(self) -> None:
        super().__init__("message_request")


class RequestPending(Conflict):
    """A request between the two waits for an answer: ``request_id``, and its ``direction`` for the caller."""

    message = "A message request between you is waiting for an answer."
    reason = "request_pending"


class MessageRequestNotPending(InvalidState):
    """The request has been answered."""

    message = "This message request has been answered."
    reason = "not_pending"


class RequestCooldown(InvalidState):
    """The recipient declined lately; ``retry_at`` is when the sender may ask again."""

    message = "This person declined your request. Ask again later."
    reason = "cooldown"


class StrangerMessagesDisabled(Forbidden):
    """The recipient takes message requests of friends only."""

    message = "This person does not take messages from strangers."
    reason = "stranger_messages_disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRequested(Event):
    """``sender_id`` asks to write to ``recipient_id``."""

    aggregate: ClassVar[str] = "message_request"
    message_request_id: UUID
    sender_id: UUID
    recipient_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRequestAccepted(Event):
    """The two talk in ``thread_id`` from now on."""

    aggregate: ClassVar[str] = "message_request"
    message_request_id: UUID
    sender_id: UUID
    recipient_id: UUID
    thread_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRequestDeclined(Event):
    """``recipient_id`` declined, or one of the two blocked the other."""

    aggregate: ClassVar[str] = "message_request"
    message_request_id: UUID
    sender_id: UUID
    recipient_id: UUID


@dataclass(eq=False, kw_only=True)
class MessageRequest(Aggregate):
    """The first message of a stranger, kept until the recipient lets them in."""

    id: UUID
    sender_id: UUID
    recipient_id: UUID
    initial_message: str
    post_id: UUID | None
    status: MessageRequestStatus
    thread_id: UUID | None
    responded_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def send(
        cls,
        *,
        id: UUID,
        sender_id: UUID,
        recipient_id: UUID,
        initial_message: str,
        post_id: UUID | None = None,
        now: datetime,
    ) -> "MessageRequest":
        """Ask ``recipient_id`` to be written to.

        :raises SelfTarget: nobody writes to themselves.
        """
        if sender_id == recipient_id:
            raise SelfTarget
        request = cls(
            id=id,
            sender_id=sender_id,
            recipient_id=recipient_id,
            initial_message=initial_message,
            post_id=post_id,
            status=MessageRequestStatus.PENDING,
            thread_id=None,
            responded_at=None,
            created_at=now,
            updated_at=now,
        )
        request.record(
            MessageRequested(message_request_id=id, sender_id=sender_id, recipient_id=recipient_id)
        )
        return request

    @property
    def people(self) -> tuple[UUID, UUID]:
        """Return the two people, the one who asked first."""
        return self.sender_id, self.recipient_id

    def refuse_unless_recipient(self, person: UUID) -> None:
        """Do nothing for the person who was asked.

        :raises MessageRequestNotFound: ``person`` is no party.
        :raises NotRecipient: ``person`` is the one who asked.
        """
        if person not in self.people:
            raise MessageRequestNotFound
        if person == self.sender_id:
            raise NotRecipient

    def refuse_unless_pending(self) -> None:
        """Do nothing while the request waits.

        :raises MessageRequestNotPending: it was answered.
        """
        if self.status is not MessageRequestStatus.PENDING:
            raise MessageRequestNotPending(status=self.status)

    def refuse_another(self, *, by: UUID) -> None:
        """Tell whoever asks next that this request waits.

        :raises RequestPending: always.
        """
        direction = Direction.OUTGOING if by == self.sender_id else Direction.INCOMING
        raise RequestPending(request_id=self.id, direction=direction)

    def refuse_repeat(self, *, cooldown: timedelta, now: datetime) -> None:
        """Do nothing when this declined request is long enough ago to ask again.

        :raises RequestCooldown: it was declined less than ``cooldown`` ago.
        """
        assert self.responded_at is not None
        retry_at = self.responded_at + cooldown
        if now < retry_at:
            raise RequestCooldown(retry_at=retry_at)

    def accept(self, thread: Thread, *, message_id: UUID, now: datetime) -> Message:
        """Let the sender in: what they asked with is the next message of the two people's thread.

        :raises MessageRequestNotPending: it was answered.
        """
        self.refuse_unless_pending()
        self.status = MessageRequestStatus.ACCEPTED
        self.thread_id = thread.id
        self.responded_at = now
        self.record(
            MessageRequestAccepted(
                message_request_id=self.id,
                sender_id=self.sender_id,
                recipient_id=self.recipient_id,
                thread_id=thread.id,
            )
        )
        return thread.append(
            id=message_id,
            by=self.sender_id,
            content=self.initial_message,
            post_id=self.post_id,
            at=self.created_at,
        )

    def decline(self, *, now: datetime) -> None:
        """Turn the sender away.

        :raises MessageRequestNotPending: it was answered.
        """
        self.refuse_unless_pending()
        self.status = MessageRequestStatus.DECLINED
        self.responded_at = now
        self.record(
            MessageRequestDeclined(
                message_request_id=self.id, sender_id=self.sender_id, recipient_id=self.recipient_id
            )
        )
