"""Subscriptions, and how much of the limits of one's plan is used."""

from typing import Any

from kcardswap.api.auth import is_internal
from kcardswap.api.blueprint import ADMIN_OR_INTERNAL, SIGNED_IN, Blueprint
from kcardswap.api.context import caller, read, runtime, unit_of_work
from kcardswap.api.schemas.subscriptions import (
    ExpiryRunSchema,
    QuotasSchema,
    ReceiptBody,
    SubscriptionSchema,
)
from kcardswap.domain.errors import ValidationFailed
from kcardswap.domain.subscriptions import (
    ProductMismatch,
    PurchaseTokenUsed,
    PurchaseUnknown,
    StoreUnavailable,
    UnsupportedPlatform,
)
from kcardswap.queries import subscriptions as subscription_queries
from kcardswap.services import subscriptions

BATCH = 100

blp = Blueprint("subscriptions", __name__, description="Premium, and the limits of the plans.")


@blp.operation("GET", "/subscriptions/status", caller=SIGNED_IN, answer=SubscriptionSchema)
def show_subscription() -> object:
    """Show the caller's subscription."""
    return _own_subscription()


@blp.operation(
    "POST",
    "/subscriptions/verify-receipt",
    caller=SIGNED_IN,
    body=ReceiptBody,
    answer=SubscriptionSchema,
    refuses=(UnsupportedPlatform, PurchaseUnknown, ProductMismatch, PurchaseTokenUsed, StoreUnavailable),
    limit="receipt_checks",
    # It repeats safely by itself, and a repetition is to ask the store again.
    keyed=False,
)
def verify_receipt(body: dict[str, Any]) -> object:
    """Have a purchase checked with the store and get what it is worth."""
    if body["product_id"] not in runtime().settings.google_play_product_ids:
        raise ValidationFailed("product_id", "Not a product of ours.", "unknown")
    subscriptions.verify_receipt(unit_of_work(), runtime().play_store, user_id=caller().user_id, **body)
    return _own_subscription()


@blp.operation(
    "POST",
    "/subscriptions/expire-subscriptions",
    caller=ADMIN_OR_INTERNAL,
    answer=ExpiryRunSchema,
    keyed=False,
)
def expire_subscriptions() -> dict[str, Any]:
    """End the subscriptions whose time is over."""
    expired, by = 0, None if is_internal() else caller().user_id
    while batch := subscriptions.expire_over(unit_of_work(), limit=BATCH, by=by):
        expired += batch
    return {"expired_count": expired, "processed_at": runtime().clock.now()}


@blp.operation("GET", "/quotas/me", caller=SIGNED_IN, answer=QuotasSchema)
def show_quotas() -> dict[str, Any]:
    """Show how much of every limit the caller has used."""
    items = read(
        subscription_queries.quotas_of,
        user_id=caller().user_id,
        calendar=runtime().quota_calendar,
        now=runtime().clock.now(),
    )
    return {"items": items}


def _own_subscription() -> object:
    now = runtime().clock.now()
    return read(subscription_queries.subscription_of, user_id=caller().user_id, now=now)
