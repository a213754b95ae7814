"""Cities and counties."""

from marshmallow import fields

from kcardswap.api.schemas.base import Schema


class CitySchema(Schema):
    """A city or county of Taiwan."""

    code = fields.String(required=True, metadata={"description": "What posts carry.", "example": "TPE"})
    name = fields.String(required=True, metadata={"example": "Taipei City"})
    name_zh = fields.String(required=True, metadata={"example": "臺北市"})


class CitiesSchema(Schema):
    """All cities and counties, in the order to show them."""

    cities = fields.List(fields.Nested(CitySchema), required=True)
