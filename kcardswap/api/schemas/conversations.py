"""Conversations and their messages, written in two ways: as threads, and as chat rooms."""

from marshmallow import fields

from kcardswap.api.schemas.base import Choice, CursorPageQuery, Id, Moment, Schema, Text
from kcardswap.domain.conversations import MessageStatus

MESSAGE_MAX_LENGTH = 5000
STATUS = {"description": "How far the message got on its way to the other person."}
POST = {"description": "The post this is about."}


class MessageBody(Schema):
    """What to say."""

    content = Text(max=MESSAGE_MAX_LENGTH, required=True, metadata={"example": "Is your Haerin still there?"})
    post_id = Id(allow_none=True, metadata=POST)


class ChatMessagesQuery(CursorPageQuery):
    """Which messages of a room."""

    after_message_id = Id(
        metadata={"description": "Only the messages after this one, going forward. Without it the newest."}
    )


class ThreadMessageSchema(Schema):
    """A message in a thread; deleted people have neither name nor picture."""

    id = Id(required=True)
    thread_id = Id(required=True)
    sender_id = Id(required=True, attribute="sender.user_id")
    sender_nickname = fields.String(
        required=True, allow_none=True, attribute="sender.nickname", metadata={"example": "mina"}
    )
    sender_avatar_url = fields.String(required=True, allow_none=True, attribute="sender.avatar_url")
    content = fields.String(required=True, metadata={"example": "Is your Haerin still there?"})
    post_id = Id(required=True, allow_none=True, metadata=POST)
    status = Choice(MessageStatus, required=True, metadata=STATUS)
    created_at = Moment(required=True)


class ThreadSchema(Schema):
    """The conversation of two people; ``user_a_id`` is the smaller id."""

    id = Id(required=True)
    user_a_id = Id(required=True, attribute="a.user_id")
    user_a_nickname = fields.String(required=True, allow_none=True, attribute="a.nickname")
    user_a_avatar_url = fields.String(required=True, allow_none=True, attribute="a.avatar_url")
    user_b_id = Id(required=True, attribute="b.user_id")
    user_b_nickname = fields.String(required=True, allow_none=True, attribute="b.nickname")
    user_b_avatar_url = fields.String(required=True, allow_none=True, attribute="b.avatar_url")
    created_at = Moment(required=True)
    updated_at = Moment(required=True)
    last_message_at = Moment(required=True, allow_none=True)
    last_message = fields.Nested(
        ThreadMessageSchema,
        required=True,
        allow_none=True,
        metadata={"description": "Null before the first, and when all are too old to be kept."},
    )
    unread_count = fields.Integer(
        required=True,
        metadata={"description": "Messages of the other the caller has not read.", "example": 2},
    )


class ChatMessageSchema(Schema):
    """A message in a room."""

    id = Id(required=True)
    room_id = Id(required=True, attribute="thread_id")
    sender_id = Id(required=True, attribute="sender.user_id")
    content = fields.String(required=True, metadata={"example": "Is your Haerin still there?"})
    status = Choice(MessageStatus, required=True, metadata=STATUS)
    created_at = Moment(required=True)
    post_id = Id(required=True, allow_none=True, metadata=POST)


class ChatPersonSchema(Schema):
    """One of the two people of a room; deleted people have neither name nor picture."""

    user_id = Id(required=True)
    nickname = fields.String(required=True, allow_none=True, metadata={"example": "mina"})
    avatar_url = fields.String(required=True, allow_none=True)


class ChatRoomSchema(Schema):
    """The conversation of two people; its id is that of the thread."""

    id = Id(required=True)
    participants = fields.List(fields.Nested(ChatPersonSchema), required=True)
    last_message = fields.Nested(
        ChatMessageSchema,
        required=True,
        allow_none=True,
        metadata={"description": "Null before the first, and when all are too old to be kept."},
    )
    unread_count = fields.Integer(
        required=True,
        metadata={"description": "Messages of the other the caller has not read.", "example": 2},
    )
    created_at = Moment(required=True)
