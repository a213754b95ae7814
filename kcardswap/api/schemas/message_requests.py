"""Message requests."""

from enum import StrEnum

from marshmallow import fields

from kcardswap.api.schemas.base import Choice, Id, Moment, PageQuery, Schema, Text
from kcardswap.api.schemas.conversations import MESSAGE_MAX_LENGTH, POST, ThreadSchema
from kcardswap.domain.message_requests import MessageRequestStatus


class StatusFilter(StrEnum):
    """Which message requests a list shows."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    ALL = "all"

    @property
    def status(self) -> MessageRequestStatus | None:
        """Return the one state that is shown, None for all of them."""
        return None if self is StatusFilter.ALL else MessageRequestStatus(self.value)


class MessageRequestsQuery(PageQuery):
    """Which message requests."""

    status_filter = Choice(StatusFilter, load_default=StatusFilter.PENDING)


class MessageRequestBody(Schema):
    """Whom to ask, and what to say first."""

    recipient_id = Id(required=True)
    initial_message = Text(
        max=MESSAGE_MAX_LENGTH, required=True, metadata={"example": "Hello! Is your Haerin still there?"}
    )
    post_id = Id(allow_none=True, metadata=POST)


class MessageRequestSchema(Schema):
    """A stranger's first message; deleted people have neither name nor picture."""

    id = Id(required=True)
    sender_id = Id(required=True)
    sender_nickname = fields.String(required=True, allow_none=True, metadata={"example": "mina"})
    sender_avatar_url = fields.String(required=True, allow_none=True)
    recipient_id = Id(required=True)
    recipient_nickname = fields.String(required=True, allow_none=True, metadata={"example": "jun"})
    recipient_avatar_url = fields.String(required=True, allow_none=True)
    initial_message = fields.String(required=True, metadata={"example": "Hello! Is your Haerin still there?"})
    post_id = Id(required=True, allow_none=True, metadata=POST)
    status = Choice(MessageRequestStatus, required=True)
    thread_id = Id(
        required=True,
        allow_none=True,
        metadata={"description": "Where the two talk; null before acceptance."},
    )
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class AcceptedRequestSchema(Schema):
    """A request that was accepted, and the conversation that starts with it."""

    message_request = fields.Nested(MessageRequestSchema, required=True)
    thread = fields.Nested(ThreadSchema, required=True)
