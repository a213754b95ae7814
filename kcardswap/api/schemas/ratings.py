"""Ratings."""

from marshmallow import fields

from kcardswap.api.schemas.base import Id, Moment, Schema, Text, Whole
from kcardswap.domain.ratings import BEST_SCORE, COMMENT_MAX_LENGTH, WORST_SCORE

SCORE = {"description": "1 is worst, 5 is best.", "example": 5}
COMMENT = {"example": "Quick answer, card well packed."}
TRADE = "The swap it is for; null between friends."
AVERAGE = {"description": "Of all ratings, to two decimals; 0.0 without ratings.", "example": 4.67}


class RatingBody(Schema):
    """What to say about somebody."""

    rated_user_id = Id(required=True)
    score = Whole(min=WORST_SCORE, max=BEST_SCORE, required=True, metadata=SCORE)
    comment = Text(max=COMMENT_MAX_LENGTH, metadata=COMMENT)
    trade_id = Id(allow_none=True, metadata={"description": TRADE})


class RatingSchema(Schema):
    """One person's word about another."""

    id = Id(required=True)
    rater_id = Id(required=True)
    rated_user_id = Id(required=True)
    trade_id = Id(required=True, allow_none=True, metadata={"description": TRADE})
    score = fields.Integer(required=True, metadata=SCORE)
    comment = fields.String(required=True, allow_none=True, metadata=COMMENT)
    created_at = Moment(required=True)


class AverageScoreSchema(Schema):
    """What the ratings of somebody come to."""

    user_id = Id(required=True)
    average_score = fields.Float(required=True, metadata=AVERAGE)
    total_ratings = fields.Integer(required=True, metadata={"example": 12})
