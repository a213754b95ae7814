"""Signing and reading our own JSON Web Tokens."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
from jwt.types import Options

from kcardswap.domain.accounts import InvalidToken, RefreshInvalid, RefreshToken, Session, User
from kcardswap.domain.errors import TokenExpired

ALGORITHM = "HS256"
ACCESS, RESTRICTED = "access", "restricted"
RESTRICTED_LIFETIME = timedelta(minutes=30)
CLOCK_SKEW_SECONDS = 5
# The library judges times by the clock of the machine and everything in an order of its own.
UNJUDGED: Options = {
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}
MALFORMED = (
    jwt.PyJWTError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    # From the JSON reader, for thousands of brackets.
    RecursionError,
)
"""Everything that made-up tokens raise while they are taken apart."""


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

    user_id: UUID
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
        return self._sign({**claims, "sid": str(session_id), "type": ACCESS}, self.current)

    def restricted_token(self, user: User, *, token_id: UUID, now: datetime) -> str:
        """Return the 30-minute token of a suspended person: for their data, sanctions and appeals only."""
        claims = self._identity(user, now, RESTRICTED_LIFETIME, token_id)
        return self._sign({**claims, "type": RESTRICTED}, self.current)

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

    def read_access_token(self, token: str, *, now: datetime, restricted: bool = False) -> Mapping[str, Any]:
        """Return the claims of an access token; whether its session still lives is for the database to say.

        :param restricted: also take the token of a suspended person; its ``type`` claim tells the two apart.
        :raises TokenExpired: signed by us, past its end.
        :raises InvalidToken: anything else that is wrong with it.
        """
        try:
            claims = self._signed_claims(token)
            ends_at, issued_at = _seconds(claims["exp"]), _seconds(claims["iat"])
        except MALFORMED as error:
            raise InvalidToken() from error
        if ends_at <= now.timestamp():
            raise TokenExpired()
        if (
            not (self._is_ours(claims, ACCESS) or (restricted and self._is_ours(claims, RESTRICTED)))
            or not isinstance(claims.get("sub"), str)
            or issued_at > now.timestamp() + CLOCK_SKEW_SECONDS
        ):
            raise InvalidToken()
        return claims

    def read_refresh_token(self, token: str) -> RefreshClaims:
        """Return the claims of a refresh token of ours; whether it still lives is for its session to say.

        :raises RefreshInvalid: wrong signature, key, type, issuer or audience.
        """
        try:
            claims = self._signed_claims(token)
            if not self._is_ours(claims, "refresh"):
                raise RefreshInvalid()
            return RefreshClaims(*(UUID(claims[name]) for name in ("sub", "jti", "sid")))
        except MALFORMED as error:
            raise RefreshInvalid() from error

    def _signed_claims(self, token: str) -> Mapping[str, Any]:
        """Return what one of our keys signed, none of it judged yet."""
        key = self.keys[jwt.get_unverified_header(token)["kid"]]
        claims: Mapping[str, Any] = jwt.decode(token, key.secret, algorithms=[ALGORITHM], options=UNJUDGED)
        return claims

    def _is_ours(self, claims: Mapping[str, Any], kind: str) -> bool:
        """Tell whether the claims make a token of this kind, issued by us for ourselves."""
        expected = {"type": kind, "iss": self._issuer, "aud": self._audience}
        return all(claims.get(name) == value for name, value in expected.items())

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


def _seconds(value: object) -> float:
    """Return a time claim, which has to be a finite number.

    :raises ValueError: it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("not a time")
    return float(value)
