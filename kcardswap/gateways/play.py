"""Google Play: what it says of the subscriptions it sold, and telling it that they were delivered."""

import json
import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import google.auth.exceptions
import google.auth.transport
import requests
import structlog
from google.oauth2 import service_account

from kcardswap.domain.subscriptions import (
    PAID,
    PaymentState,
    ProductMismatch,
    PurchaseUnknown,
    StoreAnswer,
    StoreUnavailable,
)
from kcardswap.gateways.http import CONNECT_SECONDS, READ_SECONDS, HttpAnswer, exchange

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
        self._seconds = {"connect_seconds": connect_seconds, "read_seconds": read_seconds}
        self._key_path = key_path
        self._credentials: service_account.Credentials | None = None
        self._lock = threading.Lock()

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
            answer = self._send(method, url, body, self._access_token())
            if answer.status == 401:
                # It may have been withdrawn before its time; with a new one we know.
                answer = self._send(method, url, body, self._access_token(renewed=True))
        except (requests.RequestException, google.auth.exceptions.GoogleAuthError) as error:
            # Its message would hold the purchase token or the assertion.
            log.warning("play_not_reached", error=type(error).__name__)
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

    def _send(self, method: str, url: str, body: bytes | None, access_token: str) -> HttpAnswer:
        headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return exchange(method, url, headers=headers, body=body, **self._seconds)

    def _access_token(self, *, renewed: bool = False) -> str:
        with self._lock:
            credentials = self._credentials = self._credentials or self._read_key()
            if renewed or not credentials.valid:
                try:
                    credentials.refresh(self._ask_for_token)  # type: ignore[no-untyped-call]
                except google.auth.exceptions.RefreshError:
                    log.error("play_service_account_refused")
                    raise
                except (ValueError, TypeError, AttributeError, KeyError) as error:
                    # The library trusts what it is sent.
                    log.error("play_token_not_understood", error=type(error).__name__)
                    raise StoreUnavailable() from error
            return str(credentials.token)

    def _read_key(self) -> service_account.Credentials:
        # Not before somebody asks: checking the key takes longer than starting.
        try:
            return service_account.Credentials.from_service_account_file(  # type: ignore[no-untyped-call,no-any-return]
                str(self._key_path), scopes=[SCOPE]
            )
        except (OSError, ValueError, AttributeError, TypeError) as error:
            log.error("play_key_file_unusable", error=type(error).__name__)
            raise StoreUnavailable() from error

    def _ask_for_token(
        self, url: str, method: str = "GET", body: Any = None, headers: Any = None, **options: Any
    ) -> HttpAnswer:
        """Carry a request of the credentials, with our time-outs and without their pauses and repetitions."""
        answer = exchange(method, url, headers=headers, body=body, **self._seconds)
        if answer.status in google.auth.transport.DEFAULT_RETRYABLE_STATUS_CODES:
            raise google.auth.exceptions.TransportError(str(answer.status))  # type: ignore[no-untyped-call]
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
