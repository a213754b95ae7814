"""Rate limits: who may ask how often."""

from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

from flask import Response, g, request
from limits import RateLimitItem, parse
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from kcardswap.domain.errors import RateLimited
from kcardswap.settings import Settings


@dataclass(frozen=True, slots=True)
class Window:
    """How much of a limit is used up in the running window."""

    limit: int
    remaining: int
    reset_at: datetime


class RateLimits:
    """The limits of the API, counted in the configured storage."""

    def __init__(self, settings: Settings) -> None:
        self._limiter = FixedWindowRateLimiter(storage_from_string(settings.rate_limit_storage_url))
        self._items: dict[str, RateLimitItem] = {
            "requests_per_user": parse(settings.rate_limit_user),
            "requests_per_ip": parse(settings.rate_limit_anonymous),
            "media_uploads": parse(settings.rate_limit_media),
        }

    def count(self, limit_key: str, who: str) -> Window:
        """Count one request of ``who`` and return the state of the window.

        :raises RateLimited: the window is used up.
        """
        item = self._items[limit_key]
        allowed = self._limiter.hit(item, limit_key, who)
        reset_time, remaining = self._limiter.get_window_stats(item, limit_key, who)
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
        bits = v4 if ip_address(address).version == 4 else v6
        return str(ip_network(f"{address}/{bits}", strict=False))
    except ValueError:
        return address
