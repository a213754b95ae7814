"""Cards: uploading, describing and listing them."""

from marshmallow import fields

from kcardswap.api.schemas.base import Choice, CursorPageQuery, Id, Moment, QueryWhole, Schema, Text, Whole
from kcardswap.api.schemas.images import UPLOAD_URL_EXAMPLE, ImageUrl, required_headers
from kcardswap.domain.cards import CardStatus, Condition, OwnersChoice, Rarity, UploadStatus
from kcardswap.domain.media import CardImageType
from kcardswap.queries.cards import CardSort


class CardDescription(Schema):
    """What an owner says about a card."""

    photocard_id = Id(allow_none=True, metadata={"description": "The card's entry in the catalog."})
    idol = Text(max=100, metadata={"example": "Haerin"})
    idol_group = Text(max=100, metadata={"example": "NewJeans"})
    album = Text(max=100, metadata={"example": "Get Up"})
    version = Text(max=100, metadata={"example": "Bunny Beach Bag"})
    rarity = Choice(Rarity, allow_none=True)
    condition = Choice(Condition, allow_none=True)
    note = Text(max=500, metadata={"example": "A tiny scratch on the back."})


class CardPictureBody(Schema):
    """The file of a card's picture."""

    content_type = Choice(CardImageType, required=True)
    file_size_bytes = Whole(min=1, required=True, metadata={"example": 183204})


class CardUploadBody(CardPictureBody, CardDescription):
    """A new card and the file of its picture."""

    status = Choice(OwnersChoice, load_default=OwnersChoice.AVAILABLE)


class CardEditBody(CardDescription):
    """What to change: absent fields keep their value, null clears."""

    status = Choice(OwnersChoice)


class CardUploadSchema(Schema):
    """Where to upload the picture of a card."""

    card_id = Id(required=True)
    upload_url = fields.String(required=True, metadata={"example": UPLOAD_URL_EXAMPLE})
    method = fields.Constant("PUT", required=True)
    required_headers = required_headers()
    image_url = ImageUrl(required=True)
    expires_at = Moment(required=True)


class CardSchema(Schema):
    """One physical card; there is no quantity."""

    id = Id(required=True)
    owner_id = Id(required=True)
    photocard_id = Id(required=True, allow_none=True)
    idol = fields.String(required=True, allow_none=True, metadata={"example": "Haerin"})
    idol_group = fields.String(required=True, allow_none=True, metadata={"example": "NewJeans"})
    album = fields.String(required=True, allow_none=True, metadata={"example": "Get Up"})
    version = fields.String(required=True, allow_none=True)
    rarity = Choice(Rarity, required=True, allow_none=True)
    condition = Choice(Condition, required=True, allow_none=True)
    note = fields.String(required=True, allow_none=True)
    status = Choice(CardStatus, required=True)
    image_url = ImageUrl(required=True, allow_none=True)
    size_bytes = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Size of the uploaded file."}
    )
    upload_status = Choice(UploadStatus, required=True)
    acquired_trade_id = Id(
        required=True, allow_none=True, metadata={"description": "The trade the card was received in."}
    )
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class CardFilters(CursorPageQuery):
    """Filters every list of cards has; texts are compared without case, spaces and signs."""

    photocard_id = Id()
    idol = Text(max=100, metadata={"example": "haerin"})
    idol_group = Text(max=100, metadata={"example": "new jeans"})


class BinderQuery(CardFilters):
    """Which of one's own cards, and in which order."""

    status = Choice(CardStatus)
    album = Text(max=100, metadata={"example": "get up"})
    rarity = Choice(Rarity)
    sort = Choice(CardSort, load_default=CardSort.NEWEST)
    limit = QueryWhole(min=1, max=500, load_default=500, metadata={"description": "Rows of a page."})


class QuotaStatusSchema(Schema):
    """How much of the binder's limits is used; sizes in bytes and in MiB."""

    uploads_today = fields.Integer(required=True, metadata={"example": 1})
    daily_limit = fields.Integer(required=True, allow_none=True, metadata={"example": 3})
    remaining_uploads = fields.Integer(required=True, allow_none=True, metadata={"example": 2})
    storage_used_bytes = fields.Integer(required=True, metadata={"example": 183204})
    storage_limit_bytes = fields.Integer(required=True, metadata={"example": 104857600})
    remaining_storage_bytes = fields.Integer(required=True, metadata={"example": 104674396})
    storage_used_mb = fields.Float(required=True, metadata={"example": 0.17})
    storage_limit_mb = fields.Float(required=True, metadata={"example": 100.0})
    remaining_storage_mb = fields.Float(required=True, metadata={"example": 99.83})
    unlimited = fields.Boolean(required=True, metadata={"example": False})
