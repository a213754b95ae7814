"""Pictures: uploading, confirming and looking at them."""

from typing import Any
from uuid import UUID

from kcardswap.api.blueprint import SIGNED_IN, Blueprint
from kcardswap.api.context import caller, read, runtime, unit_of_work
from kcardswap.api.schemas.media import (
    MediaConfirmedSchema,
    MediaUploadBody,
    MediaUploadSchema,
    ReadUrlsBody,
    ReadUrlsSchema,
)
from kcardswap.domain.errors import LimitExceeded, NotOwner
from kcardswap.domain.media import ImageRefused, MediaNotFound, UploadMissing
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
    refuses=(MediaNotFound, NotOwner, UploadMissing, ImageRefused, LimitExceeded),
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
