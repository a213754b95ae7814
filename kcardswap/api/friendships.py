"""Friends and blocks."""

from typing import Any
from uuid import UUID

from kcardswap.api.blueprint import SIGNED_IN, Blueprint
from kcardswap.api.context import caller, read, runtime, unit_of_work
from kcardswap.api.envelope import Answer
from kcardswap.api.pagination import collection_of, page_answer, page_request
from kcardswap.api.schemas.friendships import (
    BlockBody,
    BlockSchema,
    FriendItemSchema,
    FriendRequestBody,
    FriendshipSchema,
    FriendsQuery,
)
from kcardswap.domain.accounts import UserNotFound
from kcardswap.domain.errors import Blocked, SelfTarget
from kcardswap.domain.friendships import (
    AlreadyFriends,
    FriendRequestPending,
    FriendshipNotFound,
    FriendshipNotPending,
    NotRecipient,
)
from kcardswap.queries import friendships as friendship_queries
from kcardswap.services import friendships
from kcardswap.services.friendships import BlockState

blp = Blueprint("friendships", __name__, description="Friends and blocks.")


@blp.operation(
    "GET",
    "/friends",
    caller=SIGNED_IN,
    query=FriendsQuery,
    answer=collection_of("friends", FriendItemSchema, paged=False),
)
def list_friends(query: dict[str, Any]) -> Answer:
    """List the caller's friends, friend requests or blocked people, newest first."""
    page = read(
        friendship_queries.people,
        viewer_id=caller().user_id,
        status=query["status"],
        now=runtime().clock.now(),
        page=page_request(query),
    )
    return page_answer("friends", page, query)


@blp.operation(
    "POST",
    "/friends/request",
    caller=SIGNED_IN,
    body=FriendRequestBody,
    answer=FriendshipSchema,
    status=201,
    refuses=(SelfTarget, UserNotFound, Blocked, AlreadyFriends, FriendRequestPending),
)
def request_friendship(body: dict[str, Any]) -> object:
    """Ask somebody to be friends; a request from their side is accepted instead."""
    friendship_id = friendships.request(unit_of_work(), by=caller().user_id, target_id=body["target_user_id"])
    return _friendship(friendship_id)


@blp.operation(
    "POST",
    "/friends/<id:friendship_id>/accept",
    caller=SIGNED_IN,
    answer=FriendshipSchema,
    refuses=(FriendshipNotFound, NotRecipient, Blocked, FriendshipNotPending),
)
def accept_friendship(friendship_id: UUID) -> object:
    """Accept a friend request."""
    friendships.accept(unit_of_work(), friendship_id=friendship_id, by=caller().user_id)
    return _friendship(friendship_id)


@blp.operation(
    "POST",
    "/friends/<id:friendship_id>/reject",
    caller=SIGNED_IN,
    status=204,
    refuses=(FriendshipNotFound, NotRecipient, FriendshipNotPending),
)
def reject_friendship(friendship_id: UUID) -> None:
    """Turn a friend request down."""
    friendships.reject(unit_of_work(), friendship_id=friendship_id, by=caller().user_id)


@blp.operation(
    "DELETE", "/friends/<id:friendship_id>", caller=SIGNED_IN, status=204, refuses=(FriendshipNotFound,)
)
def end_friendship(friendship_id: UUID) -> None:
    """Unfriend somebody, or withdraw a request; the conversation stays."""
    friendships.end(unit_of_work(), friendship_id=friendship_id, by=caller().user_id)


@blp.operation(
    "POST",
    "/friends/block",
    caller=SIGNED_IN,
    body=BlockBody,
    answer=BlockSchema,
    refuses=(SelfTarget, UserNotFound),
)
def block_user(body: dict[str, Any]) -> object:
    """Shut somebody out: the friendship ends, unfinished trades of the two are called off."""
    block = friendships.block(unit_of_work(), by=caller().user_id, target_id=body["user_id"])
    return _block_answer(body["user_id"], "blocked", block)


@blp.operation(
    "POST",
    "/friends/unblock",
    caller=SIGNED_IN,
    body=BlockBody,
    answer=BlockSchema,
    refuses=(SelfTarget, UserNotFound),
)
def unblock_user(body: dict[str, Any]) -> object:
    """Let somebody in again; what the block ended stays ended."""
    block = friendships.unblock(unit_of_work(), by=caller().user_id, target_id=body["user_id"])
    return _block_answer(body["user_id"], "unblocked", block)


def _friendship(friendship_id: UUID) -> object:
    return read(friendship_queries.friendship, friendship_id=friendship_id, viewer_id=caller().user_id)


def _block_answer(other: UUID, status: str, block: BlockState) -> dict[str, object]:
    return {
        "id": block.id,
        "user_id": caller().user_id,
        "friend_id": other,
        "status": status,
        "created_at": block.created_at,
        "success": True,
        "message": f"This person is {status}.",
    }
