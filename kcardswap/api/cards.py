"""Binders: filling and describing one's own, looking at others'."""

from typing import Any
from uuid import UUID

from kcardswap.api.blueprint import SIGNED_IN, Blueprint
from kcardswap.api.context import caller, read, runtime, unit_of_work
from kcardswap.api.envelope import Answer
from kcardswap.api.pagination import collection_of, page_answer, page_request
from kcardswap.api.schemas.base import OkSchema
from kcardswap.api.schemas.cards import (
    BinderQuery,
    CardEditBody,
    CardFilters,
    CardPictureBody,
    CardSchema,
    CardUploadBody,
    CardUploadSchema,
    QuotaStatusSchema,
)
from kcardswap.api.spreadsheets import export_own_cards
from kcardswap.domain.accounts import UserNotFound
from kcardswap.domain.cards import (
    CardInTrade,
    CardNotFound,
    CardNotPending,
    CardTraded,
    PhotocardNotFound,
)
from kcardswap.domain.errors import LimitExceeded, NotOwner
from kcardswap.domain.media import ImageRefused, ImageType, StorageUnavailable, UploadMissing
from kcardswap.queries import cards as card_queries
from kcardswap.services import cards

blp = Blueprint(
    "cards", __name__, description="Binders of cards that can be swapped, and galleries of cards to look at."
)


@blp.operation(
    "POST",
    "/cards/upload-url",
    caller=SIGNED_IN,
    body=CardUploadBody,
    answer=CardUploadSchema,
    refuses=(PhotocardNotFound, LimitExceeded),
    limit="media_uploads",
)
def announce_card(body: dict[str, Any]) -> dict[str, Any]:
    """Add a card and get the URL to upload its picture to."""
    announced = cards.announce(
        unit_of_work(),
        runtime().storage,
        runtime().quota_calendar,
        owner_id=caller().user_id,
        content_type=ImageType(body["content_type"]),
        file_size_bytes=body["file_size_bytes"],
        description=body,
        lifetime=runtime().settings.upload_url_lifetime,
    )
    return _upload(announced)


@blp.operation(
    "POST",
    "/cards/<id:card_id>/upload-url",
    caller=SIGNED_IN,
    body=CardPictureBody,
    answer=CardUploadSchema,
    refuses=(CardNotFound, NotOwner, CardNotPending, LimitExceeded),
    limit="media_uploads",
)
def announce_card_picture(card_id: UUID, body: dict[str, Any]) -> dict[str, Any]:
    """Get a URL to upload the picture a card lacks to; it replaces an earlier one of the same card."""
    announced = cards.announce_picture(
        unit_of_work(),
        runtime().storage,
        runtime().quota_calendar,
        card_id=card_id,
        by=caller().user_id,
        content_type=ImageType(body["content_type"]),
        file_size_bytes=body["file_size_bytes"],
        lifetime=runtime().settings.upload_url_lifetime,
    )
    return _upload(announced)


def _upload(announced: cards.AnnouncedCard) -> dict[str, Any]:
    return {**announced._asdict(), "required_headers": {"Content-Type": announced.content_type.value}}


@blp.operation(
    "POST",
    "/cards/<id:card_id>/confirm-upload",
    caller=SIGNED_IN,
    answer=OkSchema,
    refuses=(CardNotFound, NotOwner, UploadMissing, ImageRefused, LimitExceeded, StorageUnavailable),
)
def confirm_card_upload(card_id: UUID) -> dict[str, Any]:
    """Have the uploaded picture of a card checked; the card is shown from then on."""
    cards.confirm_upload(
        unit_of_work(),
        runtime().storage,
        runtime().images,
        runtime().quota_calendar,
        card_id=card_id,
        by=caller().user_id,
    )
    return {"success": True, "message": "Card confirmed."}


@blp.operation(
    "GET",
    "/cards/me",
    caller=SIGNED_IN,
    query=BinderQuery,
    answer=CardSchema,
    many=True,
    csv=export_own_cards,
)
def list_own_cards(query: dict[str, Any]) -> Answer:
    """List the caller's own cards, also unconfirmed and traded ones."""
    page = read(
        card_queries.binder,
        owner_id=caller().user_id,
        filters=query,
        sort=query["sort"],
        page=page_request(query),
    )
    return page_answer(None, page, query, cursors=True)


@blp.operation("GET", "/cards/quota/status", caller=SIGNED_IN, answer=QuotaStatusSchema)
def show_card_quota() -> object:
    """Show how many cards and bytes the caller may still upload."""
    now = runtime().clock.now()
    day = runtime().quota_calendar.day(now)
    return read(card_queries.quota_status, owner_id=caller().user_id, day=day, now=now)


@blp.operation(
    "PATCH",
    "/cards/<id:card_id>",
    caller=SIGNED_IN,
    body=CardEditBody,
    answer=CardSchema,
    refuses=(CardNotFound, NotOwner, PhotocardNotFound, CardInTrade, CardTraded),
)
def edit_card(card_id: UUID, body: dict[str, Any]) -> object:
    """Change what the owner says about a card."""
    cards.edit(unit_of_work(), card_id=card_id, by=caller().user_id, changes=body)
    return read(card_queries.own_card, card_id=card_id, owner_id=caller().user_id)


@blp.operation(
    "DELETE",
    "/cards/<id:card_id>",
    caller=SIGNED_IN,
    answer=OkSchema,
    refuses=(CardNotFound, NotOwner, CardInTrade),
)
def delete_card(card_id: UUID) -> dict[str, Any]:
    """Take a card out of the binder."""
    cards.delete(unit_of_work(), runtime().storage, card_id=card_id, by=caller().user_id)
    return {"success": True, "message": "Card deleted."}


@blp.operation(
    "GET",
    "/users/<id:user_id>/cards",
    caller=SIGNED_IN,
    query=CardFilters,
    answer=collection_of("cards", CardSchema),
    refuses=(UserNotFound,),
)
def list_cards_of_user(user_id: UUID, query: dict[str, Any]) -> Answer:
    """List the cards somebody offers for swapping, newest first."""
    page = read(
        card_queries.cards_of,
        owner_id=user_id,
        viewer_id=caller().user_id,
        filters=query,
        page=page_request(query),
    )
    return page_answer("cards", page, query, cursors=True)
