"""Pictures: uploading, confirming and looking at them."""

from typing import Any
from uuid import UUID

from kcardswap.api.blueprint import ADMIN, SIGNED_IN, Blueprint
from kcardswap.api.context import caller, read, runtime, unit_of_work
from kcardswap.api.envelope import Answer
from kcardswap.api.pagination import collection_of, page_answer, page_request
from kcardswap.api.schemas.media import (
    AttachBody,
    MediaAttachedSchema,
    MediaConfirmedSchema,
    MediaUploadBody,
    MediaUploadSchema,
    ReadUrlsBody,
    ReadUrlsSchema,
    SamePictureQuery,
    SamePictureSchema,
)
from kcardswap.domain.errors import LimitExceeded, NotOwner
from kcardswap.domain.gallery import GalleryCardNotFound
from kcardswap.domain.media import (
    ImageRefused,
    MediaAlreadyAttached,
    MediaNotConfirmed,
    MediaNotFound,
    MediaTarget,
    StorageUnavailable,
    UploadMissing,
)
from kcardswap.domain.posts import PostNotFound, PostNotOpen
from kcardswap.queries import media as media_queries
from kcardswap.services import media

blp = Blueprint("media", __name__, description="Pictures: upload, confirm, then attach or show them.")


@blp.operation(
    "POST",
    "/media/upload-url",
    caller=SIGNED_IN,
    body=MediaUploadBody,
    answer=MediaUploadSchema,
    status=201,
    refuses=(LimitExceeded,),
    limit="media_uploads",
)
def announce_media(body: dict[str, Any]) -> dict[str, Any]:
    """Get a URL to upload a picture to."""
    lifetime = runtime().settings.upload_url_lifetime
    announced = media.announce(
        unit_of_work(),
        runtime().storage,
        owner_id=caller().user_id,
        content_type=body["content_type"],
        file_size_bytes=body["file_size_bytes"],
        lifetime=lifetime,
    )
    return {
        **announced._asdict(),
        "required_headers": {"Content-Type": announced.content_type.value},
        "expires_in_minutes": int(lifetime.total_seconds() // 60),
    }


@blp.operation(
    "POST",
    "/media/<id:media_id>/confirm",
    caller=SIGNED_IN,
    answer=MediaConfirmedSchema,
    refuses=(MediaNotFound, NotOwner, UploadMissing, ImageRefused, LimitExceeded, StorageUnavailable),
)
def confirm_media(media_id: UUID) -> dict[str, Any]:
    """Have an uploaded picture checked: its bytes are counted, and everything but the pixels is removed."""
    size = media.confirm(
        unit_of_work(),
        runtime().storage,
        runtime().images,
        runtime().quota_calendar,
        media_id=media_id,
        by=caller().user_id,
    )
    return {"media_id": media_id, "file_size_bytes": size}


@blp.operation(
    "POST",
    "/media/posts/<id:post_id>/attach",
    caller=SIGNED_IN,
    body=AttachBody,
    answer=MediaAttachedSchema,
    refuses=(
        MediaNotFound,
        PostNotFound,
        NotOwner,
        MediaNotConfirmed,
        PostNotOpen,
        MediaAlreadyAttached,
        LimitExceeded,
    ),
)
def attach_media_to_post(body: dict[str, Any], post_id: UUID) -> dict[str, Any]:
    """Show a picture below an open post, behind those it has."""
    media_id = body["media_id"]
    media.attach_to_post(unit_of_work(), media_id=media_id, post_id=post_id, by=caller().user_id)
    return {"media_id": media_id, "attached_to": MediaTarget.POST, "target_id": post_id}


@blp.operation(
    "POST",
    "/media/gallery/cards/<id:card_id>/attach",
    caller=SIGNED_IN,
    body=AttachBody,
    answer=MediaAttachedSchema,
    refuses=(MediaNotFound, GalleryCardNotFound, NotOwner, MediaNotConfirmed, MediaAlreadyAttached),
)
def attach_media_to_gallery_card(body: dict[str, Any], card_id: UUID) -> dict[str, Any]:
    """Show a picture on a card of the gallery, in place of an earlier one, which is deleted."""
    media_id = body["media_id"]
    media.attach_to_gallery_card(
        unit_of_work(), runtime().storage, media_id=media_id, card_id=card_id, by=caller().user_id
    )
    return {"media_id": media_id, "attached_to": MediaTarget.GALLERY_CARD, "target_id": card_id}


@blp.operation(
    "GET",
    "/admin/cards/same-picture",
    caller=ADMIN,
    query=SamePictureQuery,
    answer=collection_of("findings", SamePictureSchema),
)
def list_same_pictures(query: dict[str, Any]) -> Answer:
    """List cards that show the same picture as cards of other owners, the newest finding first."""
    page = read(media_queries.same_pictures, card_id=query.get("card_id"), page=page_request(query))
    return page_answer("findings", page, query, cursors=True)


@blp.operation(
    "POST", "/media/read-urls", caller=SIGNED_IN, body=ReadUrlsBody, answer=ReadUrlsSchema, keyed=False
)
def make_read_urls(body: dict[str, Any]) -> dict[str, Any]:
    """Get signed URLs of pictures the caller may see."""
    found = read(media_queries.readable, ids=body["media_asset_ids"], viewer_id=caller().user_id)
    now = runtime().clock.now()
    return {
        "urls": {str(row.id): runtime().storage.read_url(row.object_key, now=now) for row in found},
        "expires_in_minutes": int(runtime().settings.read_url_lifetime.total_seconds() // 60),
    }
