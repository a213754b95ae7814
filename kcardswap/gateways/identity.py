"""Identity providers: verifying the ID tokens of Google, and of the local provider in development."""

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import requests
import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from kcardswap.domain.accounts import InvalidGoogleToken
from kcardswap.domain.errors import Unavailable
from kcardswap.gateways.http import read_body
from kcardswap.settings import kept_secret

GOOGLE_ISSUERS = ("https://accounts.google.com", "accounts.google.com")
CLOCK_SKEW_SECONDS = 5
KEY_FETCH_INTERVAL_SECONDS = 30
KEY_RETRY_SECONDS = 2
KEY_LIFETIME_SECONDS = 3600
KEY_FETCH_TIMEOUT_SECONDS = (2, 5)
KEY_FETCH_SECONDS = 5
KEY_WAIT_SECONDS = 8
SUBJECT_MAX_LENGTH = 255
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
MALFORMED = (jwt.PyJWTError, KeyError, ValueError, TypeError, AttributeError, OverflowError, RecursionError)
"""Everything that made-up tokens and key sets raise while they are taken apart."""
DEV_TOKEN_LIFETIME = timedelta(minutes=10)
DEV_CLIENT_ID = "kcardswap-dev"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedIdentity:
    """What a provider vouches for."""

    subject: str
    email: str
    name: str | None
    picture: str | None


class KeySet:
    """A provider's published signing keys, cached and looked up again every hour.

    An unknown key id causes at most one fetch in 30 s, so made-up tokens cannot make us hammer the
    provider. While the provider is unreachable, the keys fetched before keep working.
    """

    def __init__(
        self, fetch: Callable[[], Mapping[str, Any]], *, monotonic: Callable[[], float] = time.monotonic
    ):
        self._fetch = fetch
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
            raise Unavailable("google_oauth")
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


class GoogleIdentityProvider:
    """Verifies Google-style ID tokens: signature, issuer, audience, times and a verified e-mail."""

    def __init__(
        self, *, keys: KeySet, client_ids: tuple[str, ...], issuers: tuple[str, ...] = GOOGLE_ISSUERS
    ):
        self._keys = keys
        self._client_ids = client_ids
        self.issuers = issuers

    def verify(self, id_token: str, *, now: datetime) -> VerifiedIdentity:
        """Return who the token is about.

        :raises InvalidGoogleToken: any check of the ID token failed.
        :raises Unavailable: the provider's keys were never fetched and cannot be.
        """
        try:
            claims = self._decode(id_token)
        except MALFORMED as error:
            raise InvalidGoogleToken() from error
        self._refuse_unless_trustworthy(claims, now)
        return VerifiedIdentity(
            subject=claims["sub"],
            email=claims["email"],
            name=_text_or_none(claims.get("name")),
            picture=_text_or_none(claims.get("picture")),
        )

    def _decode(self, id_token: str) -> dict[str, Any]:
        key_id = jwt.get_unverified_header(id_token)["kid"]
        key = self._keys.find(key_id)
        if key is None:
            raise InvalidGoogleToken()
        # Times are checked below against our own clock.
        return jwt.decode(
            id_token,
            key.key,
            algorithms=["RS256"],
            audience=list(self._client_ids),
            issuer=list(self.issuers),
            options={
                "require": ["exp", "iat", "sub", "aud", "iss"],
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )

    def _refuse_unless_trustworthy(self, claims: Mapping[str, Any], now: datetime) -> None:
        trustworthy = (
            _is_running(claims, now.timestamp())
            and ("azp" not in claims or claims["azp"] in self._client_ids)
            and claims.get("email_verified") is True
            and _text_or_none(claims.get("email")) is not None
            and 1 <= len(_text_or_none(claims["sub"]) or "") <= SUBJECT_MAX_LENGTH
        )
        if not trustworthy:
            raise InvalidGoogleToken()


def _is_running(claims: Mapping[str, Any], now: float) -> bool:
    """Tell whether ``now`` is between the times of a token, give or take the clock skew."""
    issued_at, ends_at, begins_at = claims["iat"], claims["exp"], claims.get("nbf", claims["iat"])
    return (
        all(type(value) in (int, float) for value in (issued_at, ends_at, begins_at))
        and issued_at <= now + CLOCK_SKEW_SECONDS
        and begins_at <= now + CLOCK_SKEW_SECONDS
        and ends_at > now - CLOCK_SKEW_SECONDS
    )


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) and not UNSTORABLE.search(value) else None


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


class DevIdentityProvider:
    """A local stand-in for Google that signs ID tokens for anybody; it exists in development only.

    It has a key of its own, kept in ``DATA_DIR``, and its tokens pass the same complete verification.
    """

    def __init__(self, *, data_dir: Path, base_url: str) -> None:
        self.issuer = f"{base_url}/api/v1/dev"
        self._key = load_private_key(kept_secret(data_dir, "dev_identity_key.pem", new_private_key))
        self._key_id = self._thumbprint()

    def identity_token(self, *, email: str, name: str | None, email_verified: bool, now: datetime) -> str:
        """Return an ID token for the person with this address; the subject is derived from it."""
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": DEV_CLIENT_ID,
            "azp": DEV_CLIENT_ID,
            "sub": "dev-" + hashlib.sha256(email.encode()).hexdigest()[:32],
            "email": email,
            "email_verified": email_verified,
            "iat": int(now.timestamp()),
            "exp": int((now + DEV_TOKEN_LIFETIME).timestamp()),
        }
        if name:
            claims["name"] = name
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self._key_id})

    def jwks(self) -> dict[str, Any]:
        """Return the public key as a JWK set."""
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": self._key_id, "use": "sig", "alg": "RS256"}]}

    def verifier(self) -> GoogleIdentityProvider:
        """Return the verification of this provider's tokens."""
        return GoogleIdentityProvider(
            keys=KeySet(self.jwks), client_ids=(DEV_CLIENT_ID,), issuers=(self.issuer,)
        )

    def _thumbprint(self) -> str:
        der = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return hashlib.sha256(der).hexdigest()[:16]


def load_private_key(pem: str) -> rsa.RSAPrivateKey:
    """Return the RSA key ``new_private_key`` wrote as ``pem``."""
    # Checking an RSA key takes 40 ms, and this one is a file of our own making.
    key = serialization.load_pem_private_key(pem.encode(), password=None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def new_private_key() -> str:
    """Return a new RSA key, as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


class IdentityProviders:
    """Google, and in development the local provider beside it; a token's issuer picks the one to ask."""

    def __init__(self, google: GoogleIdentityProvider, dev: DevIdentityProvider | None = None) -> None:
        self.dev = dev
        self.google = google
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
