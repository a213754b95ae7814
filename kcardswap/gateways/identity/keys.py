"""The signing keys an identity provider publishes, cached."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import jwt
import requests
import structlog

from kcardswap.domain.accounts import GoogleUnavailable
from kcardswap.domain.errors import Unavailable
from kcardswap.gateways.http import read_body
from kcardswap.gateways.tokens import MALFORMED

KEY_FETCH_INTERVAL_SECONDS = 30
KEY_RETRY_SECONDS = 2
KEY_LIFETIME_SECONDS = 3600
KEY_FETCH_TIMEOUT_SECONDS = (2, 5)
KEY_FETCH_SECONDS = 5
KEY_WAIT_SECONDS = 8

log = structlog.get_logger(__name__)


class KeySet:
    """A provider's published signing keys, cached and looked up again every hour.

    An unknown key id causes at most one fetch in 30 s, so made-up tokens cannot make us hammer the
    provider. While the provider is unreachable, the keys fetched before keep working.
    """

    def __init__(
        self,
        fetch: Callable[[], Mapping[str, Any]],
        *,
        unavailable: type[Unavailable] = GoogleUnavailable,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the keys ``fetch`` returns; ``unavailable`` is raised while there are none."""
        self._fetch = fetch
        self._unavailable = unavailable
        self._monotonic = monotonic
        self._keys: dict[str, jwt.PyJWK] = {}
        self._next_try_at = 0.0
        self._fetched_at = 0.0
        self._lock = threading.Lock()

    def find(self, key_id: str) -> jwt.PyJWK | None:
        """Return the key with this id, or None.

        :raises Unavailable: no key set was ever fetched and it cannot be fetched now.
        """
        known = key_id in self._keys
        if known and self._monotonic() - self._fetched_at < KEY_LIFETIME_SECONDS:
            return self._keys.get(key_id)
        # Whoever knows the key need not wait until another request has looked for newer ones.
        if self._lock.acquire(timeout=0 if known else KEY_WAIT_SECONDS):
            try:
                self._refresh_if_due()
            finally:
                self._lock.release()
        if not self._keys:
            raise self._unavailable()  # type: ignore[call-arg]
        return self._keys.get(key_id)

    def _refresh_if_due(self) -> None:
        if self._monotonic() < self._next_try_at:
            return
        try:
            fetched = jwt.PyJWKSet.from_dict(dict(self._fetch()))
            self._keys = {key.key_id: key for key in fetched.keys if key.key_id} or self._keys
            self._fetched_at = self._monotonic()
        except (requests.RequestException, *MALFORMED) as error:
            log.warning("identity_keys_not_fetched", error=type(error).__name__)
        # Without any key nobody can sign in, so that is tried again soon.
        pause = KEY_FETCH_INTERVAL_SECONDS if self._keys else KEY_RETRY_SECONDS
        self._next_try_at = self._monotonic() + pause


def fetch_keys_from(url: str) -> Callable[[], Mapping[str, Any]]:
    """Return a function that downloads the JWK set at ``url``."""

    def fetch() -> Mapping[str, Any]:
        with requests.get(
            url, timeout=KEY_FETCH_TIMEOUT_SECONDS, allow_redirects=False, stream=True
        ) as answer:
            answer.raise_for_status()
            body = read_body(answer, seconds=KEY_FETCH_SECONDS)
        keys: Mapping[str, Any] = json.loads(body)
        return keys

    return fetch
