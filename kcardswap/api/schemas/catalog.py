"""Groups to choose from."""

from marshmallow import fields

from kcardswap.api.schemas.base import Schema


class FeaturedGroupSchema(Schema):
    """A group offered to somebody new."""

    id = fields.String(required=True, metadata={"description": "The group's slug.", "example": "newjeans"})
    name = fields.String(required=True, metadata={"example": "NewJeans"})
    emoji = fields.String(required=True, allow_none=True, metadata={"example": "🐰"})
    sort_order = fields.Integer(required=True, metadata={"example": 1})


class FeaturedGroupsSchema(Schema):
    """All featured groups, in their order."""

    groups = fields.List(fields.Nested(FeaturedGroupSchema), required=True)
