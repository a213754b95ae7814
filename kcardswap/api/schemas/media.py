"""Pictures: uploading, confirming and looking at them."""

from marshmallow import fields

from kcardswap.api.schemas.base import Choice, CursorPageQuery, Id, Moment, Schema, Text, Whole, many
from kcardswap.api.schemas.cards import CardSchema
from kcardswap.api.schemas.images import IMAGE_URL_EXAMPLE, UPLOAD_URL_EXAMPLE, required_headers
from kcardswap.domain.media import ImageType, MediaTarget


class MediaUploadBody(Schema):
    """The file somebody wants to upload."""

    content_type = Choice(ImageType, required=True)
    file_size_bytes = Whole(min=1, required=True, metadata={"example": 183204})
    filename = Text(max=255, metadata={"description": "Not kept.", "example": "IMG_0412.HEIC"})


class MediaUploadSchema(Schema):
    """Where to upload a picture."""

    media_id = Id(required=True)
    upload_url = fields.String(required=True, metadata={"example": UPLOAD_URL_EXAMPLE})
    method = fields.Constant("PUT", required=True)
    required_headers = required_headers()
    expires_in_minutes = fields.Integer(required=True, metadata={"example": 15})


class MediaConfirmedSchema(Schema):
    """A checked picture."""

    media_id = Id(required=True)
    status = fields.Constant("confirmed", required=True)
    file_size_bytes = fields.Integer(
        required=True, metadata={"description": "Size of the uploaded file.", "example": 183204}
    )


class AttachBody(Schema):
    """The picture to attach."""

    media_id = Id(required=True)


class MediaAttachedSchema(Schema):
    """A picture in its place."""

    media_id = Id(required=True)
    status = fields.Constant("attached", required=True)
    attached_to = Choice(MediaTarget, required=True)
    target_id = Id(required=True)


class SamePictureQuery(CursorPageQuery):
    """Which findings."""

    card_id = Id(metadata={"description": "Only this card."})


class SamePictureSchema(Schema):
    """A card that shows the picture of cards of other owners."""

    card = fields.Nested(CardSchema, required=True)
    found_at = Moment(required=True)
    same_as = fields.List(
        fields.Nested(CardSchema), required=True, metadata={"description": "The others, oldest first."}
    )


class ReadUrlsBody(Schema):
    """The pictures somebody wants to look at."""

    media_asset_ids = many(Id, min=1, max=50, required=True)


class ReadUrlsSchema(Schema):
    """Signed URLs by picture; those the caller may not see are left out."""

    urls = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        metadata={"example": {"019a7a54-6f3c-7cc1-8a6b-0d6d3b7a5c11": IMAGE_URL_EXAMPLE}},
    )
    expires_in_minutes = fields.Integer(required=True, metadata={"example": 10})
