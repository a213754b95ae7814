"""Likes, comments and interests: what people make of posts."""

from typing import Any
from uuid import UUID

from kcardswap.api.blueprint import SIGNED_IN, Blueprint
from kcardswap.api.context import caller, read, runtime, unit_of_work
from kcardswap.api.envelope import Answer
from kcardswap.api.pagination import collection_of, page_answer, page_request
from kcardswap.api.posts import is_moderator
from kcardswap.api.schemas.base import CursorPageQuery
from kcardswap.api.schemas.posts import (
    CommentBody,
    CommentSchema,
    InterestAcceptedSchema,
    InterestSchema,
    InterestsQuery,
    LikeSchema,
)
from kcardswap.domain.accounts import UserNotFound
from kcardswap.domain.errors import Blocked, NotOwner, SelfTarget
from kcardswap.domain.posts import (
    CommentNotFound,
    InterestExists,
    InterestNotFound,
    InterestNotPending,
    PostNotFound,
    PostNotOpen,
)
from kcardswap.queries import post_reactions as reaction_queries
from kcardswap.services import posts

blp = Blueprint("post_reactions", __name__, slice="posts")


@blp.operation(
    "POST",
    "/posts/<id:post_id>/like",
    caller=SIGNED_IN,
    answer=LikeSchema,
    refuses=(PostNotFound, Blocked, PostNotOpen),
)
def toggle_like(post_id: UUID) -> object:
    """Like a post, or take the like back."""
    liked, like_count = posts.toggle_like(unit_of_work(), post_id=post_id, by=caller().user_id)
    return {"liked": liked, "like_count": like_count}


@blp.operation(
    "GET",
    "/posts/<id:post_id>/comments",
    caller=SIGNED_IN,
    query=CursorPageQuery,
    answer=collection_of("comments", CommentSchema),
    refuses=(PostNotFound,),
    cache="private",
)
def list_comments(query: dict[str, Any], post_id: UUID) -> Answer:
    """List what people say about a post, newest first."""
    page = read(
        reaction_queries.comments_of,
        post_id=post_id,
        viewer_id=caller().user_id,
        sees_all=is_moderator(),
        now=runtime().clock.now(),
        page=page_request(query),
    )
    return page_answer("comments", page, query, cursors=True)


@blp.operation(
    "POST",
    "/posts/<id:post_id>/comments",
    caller=SIGNED_IN,
    body=CommentBody,
    answer=CommentSchema,
    status=201,
    refuses=(PostNotFound, Blocked, PostNotOpen),
)
def create_comment(body: dict[str, Any], post_id: UUID) -> object:
    """Say something about a post."""
    comment_id = posts.comment(unit_of_work(), post_id=post_id, by=caller().user_id, content=body["content"])
    return read(reaction_queries.comment, post_id=post_id, comment_id=comment_id)


@blp.operation(
    "DELETE",
    "/posts/<id:post_id>/comments/<id:comment_id>",
    caller=SIGNED_IN,
    status=204,
    refuses=(PostNotFound, CommentNotFound, NotOwner),
)
def delete_comment(post_id: UUID, comment_id: UUID) -> None:
    """Delete one's own comment, or one on one's own post; administrators delete any."""
    posts.delete_comment(
        unit_of_work(),
        post_id=post_id,
        comment_id=comment_id,
        by=caller().user_id,
        may_moderate=is_moderator(),
    )


@blp.operation(
    "POST",
    "/posts/<id:post_id>/interest",
    caller=SIGNED_IN,
    answer=InterestSchema,
    status=201,
    refuses=(PostNotFound, SelfTarget, Blocked, PostNotOpen, InterestExists),
)
def express_interest(post_id: UUID) -> object:
    """Tell the owner of a post that one is interested."""
    interest_id = posts.express_interest(unit_of_work(), post_id=post_id, by=caller().user_id)
    return _interest(post_id, interest_id)


@blp.operation(
    "GET",
    "/posts/<id:post_id>/interests",
    caller=SIGNED_IN,
    query=InterestsQuery,
    answer=collection_of("interests", InterestSchema, paged=False),
    refuses=(PostNotFound, NotOwner),
)
def list_interests(query: dict[str, Any], post_id: UUID) -> Answer:
    """List who is interested in one's own post, newest first."""
    page = read(
        reaction_queries.interests_in,
        post_id=post_id,
        viewer_id=caller().user_id,
        status=query.get("status"),
        now=runtime().clock.now(),
        page=page_request(query),
    )
    return page_answer("interests", page, query)


@blp.operation(
    "GET",
    "/posts/<id:post_id>/interests/<id:interest_id>",
    caller=SIGNED_IN,
    answer=InterestSchema,
    refuses=(PostNotFound, InterestNotFound, NotOwner),
)
def show_interest(post_id: UUID, interest_id: UUID) -> object:
    """Show an interest to the owner of the post or to whoever is interested."""
    return _interest(post_id, interest_id)


@blp.operation(
    "POST",
    "/posts/<id:post_id>/interests/<id:interest_id>/accept",
    caller=SIGNED_IN,
    answer=InterestAcceptedSchema,
    refuses=(
        PostNotFound,
        NotOwner,
        InterestNotFound,
        UserNotFound,
        Blocked,
        InterestNotPending,
        PostNotOpen,
    ),
)
def accept_interest(post_id: UUID, interest_id: UUID) -> object:
    """Accept an interest: the two become friends and have a conversation."""
    return posts.accept_interest(
        unit_of_work(), post_id=post_id, interest_id=interest_id, by=caller().user_id
    )


@blp.operation(
    "POST",
    "/posts/<id:post_id>/interests/<id:interest_id>/reject",
    caller=SIGNED_IN,
    status=204,
    refuses=(PostNotFound, NotOwner, InterestNotFound, InterestNotPending, PostNotOpen),
)
def reject_interest(post_id: UUID, interest_id: UUID) -> None:
    """Turn an interest down."""
    posts.reject_interest(unit_of_work(), post_id=post_id, interest_id=interest_id, by=caller().user_id)


def _interest(post_id: UUID, interest_id: UUID) -> reaction_queries.InterestRow:
    return read(
        reaction_queries.interest, post_id=post_id, interest_id=interest_id, viewer_id=caller().user_id
    )
