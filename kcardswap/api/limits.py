"""Rate limits: who may ask how often."""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any, cast

import structlog
from flask import Response, current_app, g, request
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionLost
from redis.retry import Retry

from kcardswap.domain.errors import RateLimited
from kcardswap.settings import Settings

COMPLAINT_INTERVAL_SECONDS = 60
PATIENCE_SECONDS = 0.5
AWAY_SECONDS = 5
"""How long a storage that failed is not asked again."""
ABBREVIATIONS = re.compile(r"(?<=[\d/ ])(s|min|h|d)$")
UNITS = {"s": "second", "min": "minute", "h": "hour", "d": "day"}
DOCUMENTS = ("docs", "docs_asset", "api-docs.openapi_json")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Window:
    """How much of a limit is used up in the running window."""

    limit: int
    remaining: int
    reset_at: datetime


class RateLimits:
    """The limits of the API, counted in the configured storage.

    While that storage is away every process counts for itself, so requests are served and limits are
    looser by the number of processes. Of all requests of a process one in five seconds waits for it then.
    """

    def __init__(self, settings: Settings) -> None:
        self.shared = FixedWindowRateLimiter(_storage(settings.rate_limit_storage_url))
        self.own = FixedWindowRateLimiter(MemoryStorage())
        self.items: dict[str, RateLimitItem] = {
            "requests_per_user": parse_limit(settings.rate_limit_user),
            "requests_per_ip": parse_limit(settings.rate_limit_anonymous),
            "media_uploads": parse_limit(settings.rate_limit_media),
            "receipt_checks": parse_limit(settings.rate_limit_receipts),
            "account_exports": parse_limit(settings.rate_limit_exports),
        }
        self._complain_after = 0.0
        self._ask_again_at = 0.0

    def count(self, limit_key: str, who: str) -> Window:
        """Count one request of ``who`` and return the state of the window.

        :raises RateLimited: the window is used up.
        """
        item = self.items[limit_key]
        hit = self._hit_shared(item, limit_key, who) or _hit(self.own, item, limit_key, who)
        allowed, reset_time, remaining = hit
        window = Window(item.amount, remaining, datetime.fromtimestamp(reset_time, UTC))
        remember(window)
        if not allowed:
            raise RateLimited(
                limit_key=limit_key,
                limit_value=item.amount,
                current_value=item.amount,
                reset_at=window.reset_at,
            )
        return window

    def _hit_shared(self, item: RateLimitItem, *who: str) -> tuple[bool, float, int] | None:
        """Count in the configured storage; None while it is away."""
        now = time.monotonic()
        if now < self._ask_again_at:
            return None
        if self._ask_again_at:
            # It was away: this request finds out whether it is back, the others need not wait with it.
            self._ask_again_at = now + AWAY_SECONDS
        try:
            hit = _hit(self.shared, item, *who)
        except StorageError as error:
            self._ask_again_at = time.monotonic() + AWAY_SECONDS
            self._complain(error)
            return None
        self._ask_again_at = 0.0
        return hit

    def _complain(self, error: StorageError) -> None:
        now = time.monotonic()
        if now >= self._complain_after:
            self._complain_after = now + COMPLAINT_INTERVAL_SECONDS
            log.error("rate_limit_storage_away", error=type(error.storage_error).__name__)


def parse_limit(text: str) -> RateLimitItem:
    """Return the limit written as ``1500/5min`` or in the longer forms of the limits library.

    :raises ValueError: it is no limit.
    """
    return parse(ABBREVIATIONS.sub(lambda found: UNITS[found[1]], text))


def _storage(url: str) -> Storage:
    options: dict[str, Any] = {}
    if url.startswith("redis"):
        # A server that hangs must not hold a request. A connection it closed, because it was started again
        # or tired of waiting, is replaced by a new one.
        retry = Retry(NoBackoff(), 1, supported_errors=(ConnectionLost,))
        options = {
            "socket_connect_timeout": PATIENCE_SECONDS,
            "socket_timeout": PATIENCE_SECONDS,
            "retry": retry,
        }
    return cast(Storage, storage_from_string(url, wrap_exceptions=True, **options))


def _hit(limiter: FixedWindowRateLimiter, item: RateLimitItem, *who: str) -> tuple[bool, float, int]:
    allowed = limiter.hit(item, *who)
    reset_time, remaining = limiter.get_window_stats(item, *who)
    return allowed, reset_time, remaining


def count_other_requests() -> None:
    """Count what is no operation for the caller's address: unknown paths, wrong methods, the documents.

    :raises RateLimited: the window is used up.
    """
    if request.method != "OPTIONS" and (request.routing_exception or request.endpoint in DOCUMENTS):
        limits: RateLimits = current_app.extensions["rate_limits"]
        limits.count("requests_per_ip", caller_address())


def remember(window: Window) -> None:
    """Keep the tightest window of this request for the headers of its answer."""
    tightest: Window | None = g.get("rate_window")
    if tightest is None or window.remaining < tightest.remaining:
        g.rate_window = window


def add_rate_headers(answer: Response) -> Response:
    """Tell the caller how much of the tightest limit is left."""
    window: Window | None = g.get("rate_window")
    if window is not None:
        seconds = max(0, int((window.reset_at - datetime.now(UTC)).total_seconds()))
        answer.headers["RateLimit-Limit"] = str(window.limit)
        answer.headers["RateLimit-Remaining"] = str(window.remaining)
        answer.headers["RateLimit-Reset"] = str(seconds)
    return answer


def caller_address() -> str:
    """Return the caller's IP address as limits count it: IPv6 cut to /64, which is one household."""
    return _cut(request.remote_addr or "", v4=32, v6=64)


def caller_prefix() -> str | None:
    """Return the caller's network as sessions show it: /24 or /48, which is no exact place."""
    return _cut(request.remote_addr, v4=24, v6=48) if request.remote_addr else None


def _cut(address: str, *, v4: int, v6: int) -> str:
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    # An IPv4 address seen through an IPv6 socket is still one address, not a part of one network for all.
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return str(ip_network((ip, v4 if ip.version == 4 else v6), strict=False))
