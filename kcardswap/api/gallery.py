"""Galleries: filling and ordering one's own, looking at others'."""

from typing import Any
from uuid import UUID

from kcardswap.api.blueprint import SIGNED_IN, Blueprint
from kcardswap.api.context import caller, read, runtime, unit_of_work
from kcardswap.api.pagination import collection_of
from kcardswap.api.schemas.gallery import (
    GalleryCardBody,
    GalleryCardEditBody,
    GalleryCardSchema,
    GalleryOrderBody,
    GalleryOrderSchema,
)
from kcardswap.domain.accounts import UserNotFound
from kcardswap.domain.errors import DuplicateIds, LimitExceeded, NotOwner
from kcardswap.domain.gallery import ForeignIds, GalleryCardNotFound
from kcardswap.queries import gallery as gallery_queries
from kcardswap.queries.gallery import GalleryCardRow
from kcardswap.services import gallery

blp = Blueprint("gallery", __name__, slice="cards")

AlbumSchema = collection_of("items", GalleryCardSchema, paged=False)


@blp.operation("GET", "/gallery/cards/me", caller=SIGNED_IN, answer=AlbumSchema)
def list_own_gallery_cards() -> dict[str, Any]:
    """List the caller's gallery in order."""
    return _album(read(gallery_queries.own_album, user_id=caller().user_id))


@blp.operation(
    "GET",
    "/users/<id:user_id>/gallery/cards",
    caller=SIGNED_IN,
    answer=AlbumSchema,
    refuses=(UserNotFound,),
)
def list_gallery_cards_of_user(user_id: UUID) -> dict[str, Any]:
    """List somebody's gallery in order."""
    return _album(read(gallery_queries.album_of, user_id=user_id, viewer_id=caller().user_id))


@blp.operation(
    "POST",
    "/gallery/cards",
    caller=SIGNED_IN,
    body=GalleryCardBody,
    answer=GalleryCardSchema,
    status=201,
    refuses=(LimitExceeded,),
)
def create_gallery_card(body: dict[str, Any]) -> object:
    """Put a card at the end of the caller's gallery."""
    return _card(gallery.create(unit_of_work(), user_id=caller().user_id, description=body))


@blp.operation(
    "PATCH",
    "/gallery/cards/<id:card_id>",
    caller=SIGNED_IN,
    body=GalleryCardEditBody,
    answer=GalleryCardSchema,
    refuses=(GalleryCardNotFound, NotOwner),
)
def edit_gallery_card(card_id: UUID, body: dict[str, Any]) -> object:
    """Change what the owner says about a card of the gallery."""
    gallery.edit(unit_of_work(), card_id=card_id, by=caller().user_id, changes=body)
    return _card(card_id)


@blp.operation(
    "DELETE",
    "/gallery/cards/<id:card_id>",
    caller=SIGNED_IN,
    status=204,
    refuses=(GalleryCardNotFound, NotOwner),
)
def delete_gallery_card(card_id: UUID) -> None:
    """Take a card and its picture out of the gallery; the cards behind it move up."""
    gallery.delete(unit_of_work(), runtime().storage, card_id=card_id, by=caller().user_id)


@blp.operation(
    "PUT",
    "/gallery/cards/reorder",
    caller=SIGNED_IN,
    body=GalleryOrderBody,
    answer=GalleryOrderSchema,
    refuses=(DuplicateIds, ForeignIds),
)
def reorder_gallery_cards(body: dict[str, Any]) -> dict[str, Any]:
    """Put cards at the front of the caller's gallery, in this order."""
    count = gallery.reorder(unit_of_work(), user_id=caller().user_id, card_ids=body["card_ids"])
    return {"message": "Gallery reordered.", "updated_count": count}


def _card(card_id: UUID) -> object:
    return read(gallery_queries.own_card, card_id=card_id, user_id=caller().user_id)


def _album(cards: list[GalleryCardRow]) -> dict[str, Any]:
    return {"items": cards, "total": len(cards)}
