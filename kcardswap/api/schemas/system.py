"""What the server says about itself."""

from marshmallow import fields

from kcardswap.api.schemas.base import Schema


class RootSchema(Schema):
    """What answers here, and where its documentation is."""

    message = fields.String(required=True, metadata={"example": "kcardswap API"})
    version = fields.String(required=True, metadata={"example": "0.1.0"})
    docs = fields.String(required=True, metadata={"example": "/api/v1/docs"})


class HealthSchema(Schema):
    """Whether the database can be reached."""

    status = fields.String(required=True, metadata={"example": "healthy", "enum": ["healthy", "unhealthy"]})
    service = fields.String(required=True, metadata={"example": "kcardswap"})
    version = fields.String(required=True, metadata={"example": "0.1.0"})


class LivenessSchema(Schema):
    """The process answers."""

    status = fields.String(required=True, metadata={"example": "ok"})


class ReadinessSchema(Schema):
    """Whether to send requests here; every check says ``ok`` or what is wrong."""

    status = fields.String(required=True, metadata={"example": "ready", "enum": ["ready", "unready"]})
    checks = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        metadata={"example": {"database": "ok", "schema": "ok", "serving": "ok"}},
    )
