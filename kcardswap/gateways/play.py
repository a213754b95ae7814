"""Google Play: what it says of the subscriptions it sold, and telling it that they were delivered."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import structlog

from kcardswap.domain.subscriptions import (
    PAID,
    PaymentState,
    ProductMismatch,
    PurchaseUnknown,
    StoreAnswer,
    StoreUnavailable,
)
from kcardswap.gateways.google_service_account import GoogleUnreachable, ServiceAccount
from kcardswap.gateways.http import CONNECT_SECONDS, READ_SECONDS, HttpAnswer

SCOPE = "https://www.googleapis.com/auth/androidpublisher"
STATES = {
    "SUBSCRIPTION_STATE_PENDING": PaymentState.PENDING,
    "SUBSCRIPTION_STATE_PENDING_PURCHASE_CANCELED": PaymentState.PENDING_CANCELED,
    "SUBSCRIPTION_STATE_ACTIVE": PaymentState.ACTIVE,
    "SUBSCRIPTION_STATE_CANCELED": PaymentState.CANCELED,
    "SUBSCRIPTION_STATE_IN_GRACE_PERIOD": PaymentState.IN_GRACE_PERIOD,
    "SUBSCRIPTION_STATE_ON_HOLD": PaymentState.ON_HOLD,
    "SUBSCRIPTION_STATE_PAUSED": PaymentState.PAUSED,
    "SUBSCRIPTION_STATE_EXPIRED": PaymentState.EXPIRED,
}
"""https://developers.google.com/android-publisher/api-ref/rest/v3/purchases.subscriptionsv2#SubscriptionState"""
KEPT_FIELDS = (
    "subscriptionState",
    "acknowledgementState",
    "startTime",
    "regionCode",
    "latestOrderId",
    "lineItems",
    "testPurchase",
)
"""What of an answer is stored; the rest may hold a person's name, e-mail or own words."""
TOKEN_UNKNOWN = (400, 404, 410)
WRONG_CREDENTIALS = (401, 403)

log = structlog.get_logger(__name__)


class NoPlayStore:
    """Google Play where it is not configured."""

    def subscription(self, purchase_token: str) -> StoreAnswer:
        """Refuse."""
        raise StoreUnavailable()

    def acknowledge(self, purchase_token: str, product_id: str) -> None:
        """Refuse."""
        raise StoreUnavailable()


class GooglePlayStore:
    """The Google Play Developer API, asked as a service account."""

    def __init__(
        self,
        *,
        package_name: str,
        product_ids: tuple[str, ...],
        key_path: Path,
        base_url: str,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._purchases = f"{base_url}/androidpublisher/v3/applications/{quote(package_name)}/purchases"
        self._product_ids = frozenset(product_ids)
        self._account = ServiceAccount(
            key_path,
            scope=SCOPE,
            service="play",
            connect_seconds=connect_seconds,
            read_seconds=read_seconds,
        )

    def subscription(self, purchase_token: str) -> StoreAnswer:
        """Return what Google Play says of a purchase now."""
        url = f"{self._purchases}/subscriptionsv2/tokens/{quote(purchase_token, safe='')}"
        answer = self._call("GET", url)
        try:
            return self._read(json.loads(answer.data))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            log.error("play_answer_not_understood", error=type(error).__name__)
            raise StoreUnavailable() from error

    def acknowledge(self, purchase_token: str, product_id: str) -> None:
        """Tell Google Play that the purchase was delivered; again is fine."""
        product, token = quote(product_id, safe=""), quote(purchase_token, safe="")
        self._call("POST", f"{self._purchases}/subscriptions/{product}/tokens/{token}:acknowledge", b"{}")

    def _read(self, said: Mapping[str, Any]) -> StoreAnswer:
        state = STATES[said["subscriptionState"]]
        expiries = {item["productId"]: _moment(item.get("expiryTime")) for item in said["lineItems"]}
        ours = {name: expiry for name, expiry in expiries.items() if name in self._product_ids}
        if not ours:
            raise ProductMismatch()
        known = {name: expiry for name, expiry in ours.items() if expiry is not None}
        product_id = max(known, key=known.__getitem__) if known else min(ours)
        if state in PAID and not known:
            raise ValueError("paid until nobody knows when")
        return StoreAnswer(
            state=state,
            product_id=product_id,
            product_ids=frozenset(ours),
            purchased_at=_moment(said.get("startTime")),
            expires_at=known.get(product_id),
            acknowledged=said.get("acknowledgementState") == "ACKNOWLEDGEMENT_STATE_ACKNOWLEDGED",
            replaces=_storable(said.get("linkedPurchaseToken")),
            payload=_storable({name: said[name] for name in KEPT_FIELDS if name in said}),
        )

    def _call(self, method: str, url: str, body: bytes | None = None) -> HttpAnswer:
        try:
            answer = self._account.call(method, url, body)
        except GoogleUnreachable as error:
            raise StoreUnavailable() from error
        if answer.status in TOKEN_UNKNOWN:
            raise PurchaseUnknown()
        if answer.status in WRONG_CREDENTIALS:
            log.error("play_credentials_refused", status=answer.status)
        elif not 200 <= answer.status < 300:
            log.warning("play_failed", status=answer.status)
        if not 200 <= answer.status < 300:
            raise StoreUnavailable()
        return answer


def _moment(text: Any) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without offset")
    return moment


def _storable(value: Any) -> Any:
    """Return ``value`` if PostgreSQL can store every text in it.

    :raises ValueError: it holds NUL or half of a surrogate pair.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if "\\u0000" in text:
        raise ValueError("a text with NUL")
    text.encode()
    return value
