"""Message requests: the gate to a first message from a stranger."""

from typing import Any
from uuid import UUID

from kcardswap.api.blueprint import SIGNED_IN, Blueprint
from kcardswap.api.context import caller, read, runtime, unit_of_work
from kcardswap.api.envelope import Answer
from kcardswap.api.pagination import page_answer, page_request
from kcardswap.api.schemas.message_requests import (
    AcceptedRequestSchema,
    MessageRequestBody,
    MessageRequestSchema,
    MessageRequestsQuery,
)
from kcardswap.domain.accounts import UserNotFound
from kcardswap.domain.conversations import ConversationExists
from kcardswap.domain.errors import Blocked, LimitExceeded, SelfTarget
from kcardswap.domain.friendships import NotRecipient
from kcardswap.domain.message_requests import (
    MessageRequestNotFound,
    MessageRequestNotPending,
    RequestCooldown,
    RequestPending,
    StrangerMessagesDisabled,
)
from kcardswap.domain.posts import PostNotFound
from kcardswap.queries import conversations as conversation_queries
from kcardswap.queries import message_requests as request_queries
from kcardswap.queries.message_requests import Box
from kcardswap.services import message_requests

blp = Blueprint(
    "message_requests", __name__, slice="conversations", description="Asking strangers to be written to."
)


@blp.operation(
    "POST",
    "/message-requests",
    caller=SIGNED_IN,
    body=MessageRequestBody,
    answer=MessageRequestSchema,
    status=201,
    refuses=(
        SelfTarget,
        UserNotFound,
        PostNotFound,
        Blocked,
        ConversationExists,
        RequestPending,
        RequestCooldown,
        StrangerMessagesDisabled,
        LimitExceeded,
    ),
)
def send_message_request(body: dict[str, Any]) -> object:
    """Ask somebody to be written to."""
    request_id = message_requests.send(
        unit_of_work(), by=caller().user_id, cooldown=runtime().settings.message_request_cooldown, **body
    )
    return _message_request(request_id)


@blp.operation(
    "GET",
    "/message-requests/inbox",
    caller=SIGNED_IN,
    query=MessageRequestsQuery,
    answer=MessageRequestSchema,
    many=True,
)
def list_received_message_requests(query: dict[str, Any]) -> Answer:
    """List the message requests the caller received, newest first."""
    return _requests(Box.INBOX, query)


@blp.operation(
    "GET",
    "/message-requests/sent",
    caller=SIGNED_IN,
    query=MessageRequestsQuery,
    answer=MessageRequestSchema,
    many=True,
)
def list_sent_message_requests(query: dict[str, Any]) -> Answer:
    """List the message requests the caller sent, newest first."""
    return _requests(Box.SENT, query)


@blp.operation(
    "POST",
    "/message-requests/<id:request_id>/accept",
    caller=SIGNED_IN,
    answer=AcceptedRequestSchema,
    refuses=(MessageRequestNotFound, NotRecipient, UserNotFound, Blocked, MessageRequestNotPending),
)
def accept_message_request(request_id: UUID) -> object:
    """Let somebody in: what they asked with becomes the first message of a thread."""
    thread_id = message_requests.accept(unit_of_work(), request_id=request_id, by=caller().user_id)
    thread = read(conversation_queries.conversation, thread_id=thread_id, viewer_id=caller().user_id)
    return {"message_request": _message_request(request_id), "thread": thread}


@blp.operation(
    "POST",
    "/message-requests/<id:request_id>/decline",
    caller=SIGNED_IN,
    answer=MessageRequestSchema,
    refuses=(MessageRequestNotFound, NotRecipient, MessageRequestNotPending),
)
def decline_message_request(request_id: UUID) -> object:
    """Turn somebody away."""
    message_requests.decline(unit_of_work(), request_id=request_id, by=caller().user_id)
    return _message_request(request_id)


def _message_request(request_id: UUID) -> object:
    return read(request_queries.message_request, request_id=request_id, viewer_id=caller().user_id)


def _requests(box: Box, query: dict[str, Any]) -> Answer:
    page = read(
        request_queries.requests_in,
        box=box,
        viewer_id=caller().user_id,
        status=query["status_filter"].status,
        page=page_request(query),
    )
    return page_answer(None, page, query)
