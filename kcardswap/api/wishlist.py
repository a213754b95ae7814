"""Wishlists: saying what one looks for, seeing what others do."""

from typing import Any
from uuid import UUID

from kcardswap.api.blueprint import SIGNED_IN, Blueprint
from kcardswap.api.context import caller, read, unit_of_work
from kcardswap.api.envelope import Answer
from kcardswap.api.pagination import collection_of, page_answer, page_request
from kcardswap.api.schemas.base import PageQuery
from kcardswap.api.schemas.wishlist import WishBody, WishEditBody, WishlistItemSchema, WishlistQuery
from kcardswap.api.spreadsheets import export_own_wishes
from kcardswap.domain.accounts import UserNotFound
from kcardswap.domain.cards import PhotocardNotFound
from kcardswap.domain.errors import LimitExceeded
from kcardswap.domain.wishlist import WishExists, WishlistPrivate, WishNotFound
from kcardswap.queries import wishlist as wishlist_queries
from kcardswap.services import wishlist

blp = Blueprint("wishlist", __name__, description="What people look for.")

WishlistSchema = collection_of("items", WishlistItemSchema, paged=False)


@blp.operation(
    "GET",
    "/wishlist",
    caller=SIGNED_IN,
    query=WishlistQuery,
    answer=WishlistSchema,
    csv=export_own_wishes,
)
def list_own_wishes(query: dict[str, Any]) -> Answer:
    """List the caller's wishes, most wanted and newest first."""
    page = read(
        wishlist_queries.own_wishlist,
        user_id=caller().user_id,
        priority=query.get("priority"),
        page=page_request(query),
    )
    return page_answer("items", page, query)


@blp.operation(
    "POST",
    "/wishlist",
    caller=SIGNED_IN,
    body=WishBody,
    answer=WishlistItemSchema,
    status=201,
    refuses=(PhotocardNotFound, WishExists, LimitExceeded),
)
def add_wish(body: dict[str, Any]) -> object:
    """Put a photocard on the caller's wishlist."""
    return _wish(wishlist.add(unit_of_work(), user_id=caller().user_id, wanted=body))


@blp.operation(
    "PATCH",
    "/wishlist/<id:item_id>",
    caller=SIGNED_IN,
    body=WishEditBody,
    answer=WishlistItemSchema,
    refuses=(WishNotFound,),
)
def edit_wish(item_id: UUID, body: dict[str, Any]) -> object:
    """Change how much and how well preserved a photocard is wanted."""
    wishlist.edit(unit_of_work(), wish_id=item_id, by=caller().user_id, changes=body)
    return _wish(item_id)


@blp.operation("DELETE", "/wishlist/<id:item_id>", caller=SIGNED_IN, status=204, refuses=(WishNotFound,))
def remove_wish(item_id: UUID) -> None:
    """Take a photocard off the caller's wishlist."""
    wishlist.remove(unit_of_work(), wish_id=item_id, by=caller().user_id)


@blp.operation(
    "GET",
    "/users/<id:user_id>/wishlist",
    caller=SIGNED_IN,
    query=PageQuery,
    answer=WishlistSchema,
    refuses=(UserNotFound, WishlistPrivate),
)
def list_wishes_of_user(user_id: UUID, query: dict[str, Any]) -> Answer:
    """List what somebody looks for, most wanted and newest first."""
    page = read(
        wishlist_queries.wishlist_of,
        user_id=user_id,
        viewer_id=caller().user_id,
        page=page_request(query),
    )
    return page_answer("items", page, query)


def _wish(wish_id: UUID) -> object:
    return read(wishlist_queries.own_wish, wish_id=wish_id, user_id=caller().user_id)
