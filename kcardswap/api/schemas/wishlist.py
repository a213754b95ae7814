"""Wishlists: what somebody looks for."""

from marshmallow import fields

from kcardswap.api.schemas.base import Choice, Id, Moment, PageQuery, QueryWhole, Schema, Text, Whole
from kcardswap.api.schemas.catalog import PhotocardSchema
from kcardswap.domain.cards import Condition
from kcardswap.domain.wishlist import DEFAULT_PRIORITY, LEAST_WANTED, MOST_WANTED

PRIORITY = {"description": "1 is wanted most, 3 least.", "example": 1}


class WishTerms(Schema):
    """How much and how well preserved a photocard is wanted."""

    min_condition = Choice(
        Condition,
        allow_none=True,
        metadata={"description": "Met by this condition or a better one; null is met by every card."},
    )
    note = Text(max=500, metadata={"example": "Any version is fine."})


class WishBody(WishTerms):
    """What to look for: a photocard of the catalog, or the words on it."""

    photocard_id = Id(allow_none=True, metadata={"description": "Wins over the words."})
    idol = Text(max=100, metadata={"example": "Haerin"})
    idol_group = Text(max=100, metadata={"example": "NewJeans"})
    album = Text(max=100, metadata={"example": "Get Up"})
    version = Text(max=100, metadata={"example": "Bunny Beach Bag"})
    priority = Whole(min=MOST_WANTED, max=LEAST_WANTED, load_default=DEFAULT_PRIORITY, metadata=PRIORITY)


class WishEditBody(WishTerms):
    """What to change: absent fields keep their value, null clears."""

    priority = Whole(min=MOST_WANTED, max=LEAST_WANTED, metadata=PRIORITY)


class WishlistQuery(PageQuery):
    """Which of one's own wishes."""

    priority = QueryWhole(min=MOST_WANTED, max=LEAST_WANTED, metadata=PRIORITY)


class WishlistItemSchema(Schema):
    """One wish for one photocard."""

    id = Id(required=True)
    user_id = Id(required=True)
    photocard = fields.Nested(PhotocardSchema, required=True)
    priority = fields.Integer(required=True, metadata=PRIORITY)
    min_condition = Choice(Condition, required=True, allow_none=True)
    note = fields.String(required=True, allow_none=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)
