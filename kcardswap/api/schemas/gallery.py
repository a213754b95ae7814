"""Galleries: describing cards and putting them in order."""

from marshmallow import fields

from kcardswap.api.schemas.base import Id, Moment, Schema, Text, many


class GalleryCardBody(Schema):
    """A new card of the gallery."""

    title = Text(max=200, required=True, metadata={"example": "My first pull"})
    idol_name = Text(max=100, required=True, metadata={"example": "Haerin"})
    era = Text(max=100, metadata={"example": "Get Up"})
    description = Text(max=1000, metadata={"example": "Found it in the very first album I bought."})


class GalleryCardEditBody(GalleryCardBody):
    """What to change: absent fields keep their value, null clears era and description."""

    title = Text(max=200, allow_none=False, metadata={"example": "My first pull"})
    idol_name = Text(max=100, allow_none=False, metadata={"example": "Haerin"})


class GalleryCardSchema(Schema):
    """One card of an album to look at."""

    id = Id(required=True)
    user_id = Id(required=True)
    title = fields.String(required=True, metadata={"example": "My first pull"})
    idol_name = fields.String(required=True, metadata={"example": "Haerin"})
    era = fields.String(required=True, allow_none=True, metadata={"example": "Get Up"})
    description = fields.String(required=True, allow_none=True)
    media_asset_id = Id(
        required=True,
        allow_none=True,
        metadata={"description": "The picture; `POST /media/read-urls` says where it is."},
    )
    display_order = fields.Integer(
        required=True, metadata={"description": "Place in the album, from 0.", "example": 0}
    )
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class GalleryOrderBody(Schema):
    """The cards that come first, in this order; the others keep theirs behind them."""

    card_ids = many(Id, min=1, max=500, required=True)


class GalleryOrderSchema(Schema):
    """How many cards were put in order."""

    message = fields.String(required=True, metadata={"example": "Gallery reordered."})
    updated_count = fields.Integer(required=True, metadata={"example": 2})
