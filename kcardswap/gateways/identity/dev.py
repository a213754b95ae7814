"""The local stand-in for Google in development."""

import hashlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from kcardswap.gateways.identity.google import GoogleIdentityProvider
from kcardswap.gateways.identity.keys import KeySet
from kcardswap.settings import kept_secret

DEV_TOKEN_LIFETIME = timedelta(minutes=10)
DEV_CLIENT_ID = "kcardswap-dev"


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
