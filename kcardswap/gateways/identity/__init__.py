"""Identity providers: who Google, Apple and, in development, the local provider say somebody is."""

import base64
import json
from datetime import datetime

from kcardswap.gateways.identity.apple import AppleIdentityProvider
from kcardswap.gateways.identity.dev import (
    DEV_TOKEN_LIFETIME,
    DevIdentityProvider,
    load_private_key,
    new_private_key,
)
from kcardswap.gateways.identity.google import GoogleCodes, GoogleIdentityProvider
from kcardswap.gateways.identity.keys import KeySet, fetch_keys_from
from kcardswap.gateways.identity.verifying import VerifiedIdentity
from kcardswap.gateways.tokens import MALFORMED

__all__ = [
    "DEV_TOKEN_LIFETIME",
    "AppleIdentityProvider",
    "DevIdentityProvider",
    "GoogleCodes",
    "GoogleIdentityProvider",
    "IdentityProviders",
    "KeySet",
    "VerifiedIdentity",
    "fetch_keys_from",
    "load_private_key",
    "new_private_key",
]


class IdentityProviders:
    """Google, Apple, and in development the local provider, whose tokens look like Google's."""

    def __init__(
        self,
        google: GoogleIdentityProvider,
        dev: DevIdentityProvider | None = None,
        *,
        google_codes: GoogleCodes,
        apple: AppleIdentityProvider,
    ) -> None:
        self.dev = dev
        self.google = google
        self.google_codes = google_codes
        self.apple = apple
        self._dev_verifier = dev.verifier() if dev else None

    def verify(self, id_token: str, *, now: datetime) -> VerifiedIdentity:
        """Return who the token is about, by the rules of ``GoogleIdentityProvider.verify``."""
        if self._dev_verifier is not None and _unverified_issuer(id_token) in self._dev_verifier.issuers:
            return self._dev_verifier.verify(id_token, now=now)
        return self.google.verify(id_token, now=now)


def _unverified_issuer(id_token: str) -> object:
    try:
        payload = id_token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return claims.get("iss")
    except (IndexError, *MALFORMED):
        return None
