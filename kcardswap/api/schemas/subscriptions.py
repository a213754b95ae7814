"""Subscriptions and limits."""

from marshmallow import ValidationError, fields, validate

from kcardswap.api.schemas.base import Choice, Moment, Schema, Text
from kcardswap.domain.quotas import LimitKey, Plan
from kcardswap.domain.subscriptions import Platform, SubscriptionSource, SubscriptionStatus


def require_visible(token: str) -> None:
    """Accept visible ASCII, which is what stores make tokens of, and what fits into an index and a URL.

    :raises ValidationError: any other character.
    """
    if not all("!" <= character <= "~" for character in token):
        raise ValidationError("1 to 1000 visible ASCII characters.")


class ReceiptBody(Schema):
    """A purchase as the store's library on the device knows it."""

    platform = Choice(Platform, required=True)
    purchase_token = fields.String(
        required=True,
        validate=[validate.Length(min=1, max=1000), require_visible],
        metadata={"example": "dev-monthly.1", "pattern": "^[!-~]+$"},
    )
    product_id = Text(max=100, required=True, metadata={"example": "premium_monthly"})


class SubscriptionSchema(Schema):
    """What somebody pays for."""

    plan = Choice(Plan, required=True)
    status = Choice(SubscriptionStatus, required=True)
    expires_at = Moment(required=True, allow_none=True)
    entitlement_active = fields.Boolean(
        required=True, metadata={"description": "Whether the limits of premium hold now."}
    )
    source = Choice(SubscriptionSource, required=True)


class ExpiryRunSchema(Schema):
    """What a run did."""

    expired_count = fields.Integer(required=True, metadata={"example": 3})
    processed_at = Moment(required=True)


class QuotaItemSchema(Schema):
    """How much of one limit is used."""

    limit_key = Choice(LimitKey, required=True)
    limit_value = fields.Integer(
        required=True, allow_none=True, metadata={"description": "null is without limit.", "example": 100}
    )
    current_value = fields.Integer(required=True, metadata={"example": 12})
    reset_at = Moment(
        required=True, allow_none=True, metadata={"description": "When counting starts again; null is never."}
    )


class QuotasSchema(Schema):
    """How much of every limit is used."""

    items = fields.List(fields.Nested(QuotaItemSchema), required=True)
