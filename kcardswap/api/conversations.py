"""Conversations, in two serialisations: threads for one client, chat rooms for the other."""

from typing import Any
from uuid import UUID

from marshmallow import fields

from kcardswap.api.blueprint import SIGNED_IN, Blueprint
from kcardswap.api.context import caller, read, read_primary, unit_of_work
from kcardswap.api.envelope import Answer
from kcardswap.api.pagination import collection_of, page_answer, page_request
from kcardswap.api.schemas.base import CursorPageQuery, PageQuery
from kcardswap.api.schemas.conversations import (
    ChatMessageSchema,
    ChatMessagesQuery,
    ChatRoomSchema,
    MessageBody,
    ThreadMessageSchema,
    ThreadSchema,
)
from kcardswap.domain.conversations import (
    MessageNotFound,
    NotParticipant,
    OwnMessage,
    RecipientGone,
    ThreadNotFound,
)
from kcardswap.domain.errors import Blocked
from kcardswap.domain.posts import PostNotFound
from kcardswap.queries import conversations as conversation_queries
from kcardswap.queries.conversations import MessagePage, ThreadRow
from kcardswap.queries.keyset import Page
from kcardswap.services import conversations

blp = Blueprint("conversations", __name__, description="Message requests, threads and chats.")
HAS_MORE = fields.Boolean(
    required=True, metadata={"description": "There are more messages in the direction of this page."}
)
WRITING_REFUSES = (ThreadNotFound, PostNotFound, NotParticipant, RecipientGone, Blocked)


@blp.operation(
    "GET", "/threads", caller=SIGNED_IN, query=PageQuery, answer=collection_of("threads", ThreadSchema)
)
def list_threads(query: dict[str, Any]) -> Answer:
    """List the caller's conversations, latest activity first."""
    return page_answer("threads", _conversations(query), query)


@blp.operation(
    "GET",
    "/threads/<id:thread_id>",
    caller=SIGNED_IN,
    answer=ThreadSchema,
    refuses=(ThreadNotFound, NotParticipant),
)
def show_thread(thread_id: UUID) -> object:
    """Show one conversation of the caller."""
    return read(conversation_queries.conversation, thread_id=thread_id, viewer_id=caller().user_id)


@blp.operation(
    "GET",
    "/threads/<id:thread_id>/messages",
    caller=SIGNED_IN,
    query=CursorPageQuery,
    answer=collection_of("messages", ThreadMessageSchema),
    refuses=(ThreadNotFound, NotParticipant),
)
def list_thread_messages(thread_id: UUID, query: dict[str, Any]) -> Answer:
    """List messages, oldest first, in pages back from the newest; being shown the newest page is reading."""
    page = _messages(thread_id, query, reading=True)
    return page_answer("messages", page, query, cursors=True)


@blp.operation(
    "POST",
    "/threads/<id:thread_id>/messages",
    caller=SIGNED_IN,
    body=MessageBody,
    answer=ThreadMessageSchema,
    status=201,
    refuses=WRITING_REFUSES,
)
def write_thread_message(thread_id: UUID, body: dict[str, Any]) -> object:
    """Write to the other person of a thread."""
    return _written(thread_id, body)


@blp.operation(
    "GET", "/chats", caller=SIGNED_IN, query=PageQuery, answer=collection_of("rooms", ChatRoomSchema)
)
def list_chats(query: dict[str, Any]) -> Answer:
    """List the caller's chat rooms, latest activity first."""
    return page_answer("rooms", _conversations(query), query)


@blp.operation(
    "GET",
    "/chats/<id:room_id>/messages",
    caller=SIGNED_IN,
    query=ChatMessagesQuery,
    answer=collection_of("messages", ChatMessageSchema, has_more=HAS_MORE),
    refuses=(ThreadNotFound, NotParticipant),
)
def list_chat_messages(room_id: UUID, query: dict[str, Any]) -> Answer:
    """List messages, oldest first: those after one, or the newest."""
    page = _messages(room_id, query, after_message_id=query.get("after_message_id"))
    return page_answer("messages", page, query, cursors=True, has_more=page.next_key is not None)


@blp.operation(
    "POST",
    "/chats/<id:room_id>/messages",
    caller=SIGNED_IN,
    body=MessageBody,
    answer=ChatMessageSchema,
    status=201,
    refuses=WRITING_REFUSES,
)
def write_chat_message(room_id: UUID, body: dict[str, Any]) -> object:
    """Write to the other person of a room."""
    return _written(room_id, body)


@blp.operation(
    "POST",
    "/chats/<id:room_id>/messages/<id:message_id>/read",
    caller=SIGNED_IN,
    status=204,
    refuses=(ThreadNotFound, NotParticipant, MessageNotFound, OwnMessage),
)
def read_chat_message(room_id: UUID, message_id: UUID) -> None:
    """Mark a message of the other person read, and all earlier ones."""
    conversations.read_up_to(unit_of_work(), thread_id=room_id, message_id=message_id, by=caller().user_id)


def _conversations(query: dict[str, Any]) -> Page[ThreadRow]:
    return read(conversation_queries.conversations, viewer_id=caller().user_id, page=page_request(query))


def _messages(
    thread_id: UUID, query: dict[str, Any], *, after_message_id: UUID | None = None, reading: bool = False
) -> MessagePage:
    # A replica that is behind may lack the very message a poll goes on after.
    found = read_primary(
        conversation_queries.messages_of,
        thread_id=thread_id,
        viewer_id=caller().user_id,
        page=page_request(query),
        after_message_id=after_message_id,
        reading=reading,
    )
    if found.progress is not None:
        conversations.note_progress(unit_of_work(), thread_id=thread_id, progress=found.progress)
    return found


def _written(thread_id: UUID, body: dict[str, Any]) -> object:
    message_id = conversations.write(unit_of_work(), thread_id=thread_id, by=caller().user_id, **body)
    return read(conversation_queries.message, message_id=message_id, viewer_id=caller().user_id)
