"""Signing and reading our own JSON Web Tokens."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import jwt

from kcardswap.domain.accounts import RefreshInvalid, RefreshToken, Session, User

ALGORITHM = "HS256"
RESTRICTED_LIFETIME = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One HMAC key; its id is derived from it, so rotating keys needs no bookkeeping."""

    secret: str

    @property
    def id(self) -> str:
        """Return the ``kid`` tokens carry: 16 hex digits of the key's SHA-256."""
        return hashlib.sha256(self.secret.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class RefreshClaims:
    """What a refresh token with a good signature says."""

    token_id: UUID
    session_id: UUID


def hash_of(token: str) -> str:
    """Return the SHA-256 by which a refresh token is stored, as 64 hex digits."""
    return hashlib.sha256(token.encode()).hexdigest()


class TokenSigner:
    """Makes tokens with the current key and reads those of the current and the previous one."""

    def __init__(
        self, *, key: str, previous_key: str | None, issuer: str, audience: str, access_lifetime: timedelta
    ) -> None:
        self.current = SigningKey(key)
        self.keys = {self.current.id: self.current}
        if previous_key:
            previous = SigningKey(previous_key)
            self.keys[previous.id] = previous
        self._issuer = issuer
        self._audience = audience
        self.access_lifetime = access_lifetime

    def access_token(self, user: User, session_id: UUID, *, token_id: UUID, now: datetime) -> str:
        """Return an access token that ends ``access_lifetime`` from now."""
        claims = self._identity(user, now, self.access_lifetime, token_id)
        return self._sign({**claims, "sid": str(session_id), "type": "access"}, self.current)

    def restricted_token(self, user: User, *, token_id: UUID, now: datetime) -> str:
        """Return the 30-minute token of a suspended person: for their data, sanctions and appeals only."""
        claims = self._identity(user, now, RESTRICTED_LIFETIME, token_id)
        return self._sign({**claims, "type": "restricted"}, self.current)

    def refresh_token(self, token: RefreshToken, session: Session) -> str:
        """Return the string of ``token``.

        Every claim comes from the stored rows, so the same row always gives the same string: inside the
        grace a repeated refresh is answered with the very successor it already has.
        """
        claims = {
            "sub": str(session.user_id),
            "sid": str(token.session_id),
            "jti": str(token.id),
            "type": "refresh",
            "iss": self._issuer,
            "aud": self._audience,
            "iat": int(token.issued_at.timestamp()),
            "exp": int(token.expires_at.timestamp()),
        }
        return self._sign(claims, self.keys.get(token.key_id, self.current))

    def read_refresh_token(self, token: str) -> RefreshClaims:
        """Return the claims of a refresh token of ours; whether it still lives is for its session to say.

        :raises RefreshInvalid: wrong signature, key, type, issuer or audience.
        """
        try:
            key = self.keys[jwt.get_unverified_header(token)["kid"]]
            claims = jwt.decode(
                token,
                key.secret,
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                audience=self._audience,
                options={
                    "require": ["exp", "iat", "sub", "sid", "jti", "type"],
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
            if claims["type"] != "refresh":
                raise RefreshInvalid()
            return RefreshClaims(token_id=UUID(claims["jti"]), session_id=UUID(claims["sid"]))
        except (jwt.PyJWTError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise RefreshInvalid() from error

    def _identity(self, user: User, now: datetime, lifetime: timedelta, token_id: UUID) -> dict[str, Any]:
        return {
            "sub": str(user.id),
            "email": user.email,
            "role": user.role.value,
            "jti": str(token_id),
            "iss": self._issuer,
            "aud": self._audience,
            "iat": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
        }

    def _sign(self, claims: dict[str, Any], key: SigningKey) -> str:
        return jwt.encode(claims, key.secret, algorithm=ALGORITHM, headers={"kid": key.id})
