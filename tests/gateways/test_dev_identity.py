"""The local identity provider: verified like Google, and trusted only where it is switched on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest

from kcardswap.domain.accounts import InvalidGoogleToken
from kcardswap.gateways.identity import (
    DevIdentityProvider,
    GoogleIdentityProvider,
    KeySet,
    fetch_keys_from,
)
from tests.gateways.google import CLIENT_ID, FakeGoogle, identity_providers

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_the_local_provider_passes_the_same_verification(tmp_path: Path, google: FakeGoogle) -> None:
    dev = DevIdentityProvider(data_dir=tmp_path, base_url="http://localhost")
    strict = GoogleIdentityProvider(keys=KeySet(fetch_keys_from(google.url)), client_ids=(CLIENT_ID,))
    both = identity_providers(strict, dev)
    token = dev.identity_token(email="mina@kcardswap.test", name="Mina", email_verified=True, now=NOW)
    identity = both.verify(token, now=NOW)
    assert identity.email == "mina@kcardswap.test" and identity.subject.startswith("dev-")
    again = dev.identity_token(email="mina@kcardswap.test", name=None, email_verified=True, now=NOW)
    assert both.verify(again, now=NOW).subject == identity.subject
    unverified = dev.identity_token(email="mina@kcardswap.test", name=None, email_verified=False, now=NOW)
    for bad, moment in (
        (unverified, NOW),
        (token, NOW + timedelta(minutes=11)),
        (token, NOW - timedelta(minutes=1)),
    ):
        with pytest.raises(InvalidGoogleToken):
            both.verify(bad, now=moment)
    # It vouches for its own people only, and without it nobody takes its word.
    for without in (strict, identity_providers(strict)):
        with pytest.raises(InvalidGoogleToken):
            without.verify(token, now=NOW)
    posing = google.token(NOW, iss=dev.issuer, aud="kcardswap-dev", azp="kcardswap-dev")
    with pytest.raises(InvalidGoogleToken):
        both.verify(posing, now=NOW)
    assert not google.fetches or google.fetches == 1


def test_the_local_provider_keeps_its_key(tmp_path: Path) -> None:
    first, second = (DevIdentityProvider(data_dir=tmp_path, base_url="http://localhost") for _ in range(2))
    assert first.jwks() == second.jwks()
    [key] = first.jwks()["keys"]
    assert set(key) >= {"kid", "kty", "n", "e", "alg", "use"} and "d" not in key
    assert jwt.PyJWK(key).key_id == key["kid"]
