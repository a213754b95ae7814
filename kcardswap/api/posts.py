"""Posts: writing and reading them."""

from typing import Any
from uuid import UUID

from kcardswap.api.blueprint import ANYBODY, SIGNED_IN, Blueprint
from kcardswap.api.context import caller, read, runtime, unit_of_work
from kcardswap.api.envelope import Answer
from kcardswap.api.pagination import collection_of, page_answer, page_request
from kcardswap.api.schemas.posts import (
    CategoriesSchema,
    FeedQuery,
    PostBody,
    PostEditBody,
    PostSchema,
)
from kcardswap.domain.accounts import Role
from kcardswap.domain.errors import LimitExceeded, NotOwner
from kcardswap.domain.personal_data import PersonalDataTold
from kcardswap.domain.posts import CategoryRestricted, PostCategory, PostNotFound, PostNotOpen
from kcardswap.queries import posts as post_queries
from kcardswap.services import posts

blp = Blueprint("posts", __name__, description="What people tell the community, and what comes of it.")


@blp.operation("GET", "/posts/categories", caller=ANYBODY, answer=CategoriesSchema, cache="public")
def list_post_categories() -> object:
    """List what a post can be about."""
    return {"categories": [{"value": category, "label": category.label} for category in PostCategory]}


@blp.operation(
    "POST",
    "/posts",
    caller=SIGNED_IN,
    body=PostBody,
    answer=PostSchema,
    status=201,
    refuses=(PersonalDataTold, CategoryRestricted, LimitExceeded),
)
def create_post(body: dict[str, Any]) -> object:
    """Write a post."""
    post_id = posts.create(
        unit_of_work(),
        runtime().quota_calendar,
        owner_id=caller().user_id,
        may_announce=is_moderator(),
        described=body,
        terms=runtime().post_terms,
    )
    return _post(post_id)


@blp.operation(
    "GET",
    "/posts",
    caller=SIGNED_IN,
    query=FeedQuery,
    answer=collection_of("posts", PostSchema),
    cache="private",
)
def list_posts(query: dict[str, Any]) -> Answer:
    """List open posts, newest first: all, or those of one city, category, idol, group or person."""
    page = read(
        post_queries.feed,
        viewer_id=caller().user_id,
        filters=query,
        now=runtime().clock.now(),
        page=page_request(query),
    )
    return page_answer("posts", page, query, cursors=True)


@blp.operation(
    "GET",
    "/posts/<id:post_id>",
    caller=SIGNED_IN,
    answer=PostSchema,
    refuses=(PostNotFound,),
    cache="private",
)
def show_post(post_id: UUID) -> object:
    """Show a post, also a closed or expired one; administrators see deleted ones, too."""
    return _post(post_id)


@blp.operation(
    "PATCH",
    "/posts/<id:post_id>",
    caller=SIGNED_IN,
    body=PostEditBody,
    answer=PostSchema,
    refuses=(PostNotFound, NotOwner, PersonalDataTold, CategoryRestricted, PostNotOpen),
)
def edit_post(post_id: UUID, body: dict[str, Any]) -> object:
    """Change what an open post of one's own says."""
    posts.edit(
        unit_of_work(), post_id=post_id, by=caller().user_id, may_announce=is_moderator(), changes=body
    )
    return _post(post_id)


@blp.operation(
    "DELETE", "/posts/<id:post_id>", caller=SIGNED_IN, status=204, refuses=(PostNotFound, NotOwner)
)
def delete_post(post_id: UUID) -> None:
    """Delete one's own post with its pictures; administrators delete any."""
    posts.delete(
        unit_of_work(),
        runtime().storage,
        post_id=post_id,
        by=caller().user_id,
        may_moderate=is_moderator(),
    )


@blp.operation(
    "POST",
    "/posts/<id:post_id>/close",
    caller=SIGNED_IN,
    status=204,
    refuses=(PostNotFound, NotOwner, PostNotOpen),
)
def close_post(post_id: UUID) -> None:
    """Take no more answers to one's own post; it stays readable."""
    posts.close(unit_of_work(), post_id=post_id, by=caller().user_id)


def is_moderator() -> bool:
    """Tell whether the caller may announce, take others' words away and read deleted posts."""
    return caller().role.includes(Role.ADMIN)


def _post(post_id: UUID) -> post_queries.PostRow:
    return read(
        post_queries.post,
        post_id=post_id,
        viewer_id=caller().user_id,
        sees_all=is_moderator(),
        now=runtime().clock.now(),
    )
