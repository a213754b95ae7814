"""What every ID token has to pass: signature, issuer, audience and times."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jwt

from kcardswap.domain.accounts import Provider
from kcardswap.domain.errors import Unauthorized
from kcardswap.gateways.identity.keys import KeySet
from kcardswap.gateways.tokens import MALFORMED

CLOCK_SKEW_SECONDS = 5
SUBJECT_MAX_LENGTH = 255
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedIdentity:
    """What a provider vouches for; ``client_id`` is the client of ours the token was made for."""

    provider: Provider
    subject: str
    email: str | None
    name: str | None
    picture: str | None
    client_id: str


class IdTokenVerifier:
    """Reads the ID tokens one provider signs for us."""

    def __init__(
        self,
        *,
        keys: KeySet,
        client_ids: tuple[str, ...],
        issuers: tuple[str, ...],
        invalid: type[Unauthorized],
    ) -> None:
        """Trust ``keys`` of ``issuers`` for tokens made for ``client_ids``; the rest is ``invalid``."""
        self._keys = keys
        self._client_ids = client_ids
        self.issuers = issuers
        self._invalid = invalid

    def claims(self, id_token: str, *, now: datetime) -> Mapping[str, Any]:
        """Return what a good token says.

        :raises Unauthorized: any check failed.
        :raises Unavailable: the provider's keys were never fetched and cannot be.
        """
        try:
            claims = self._decode(id_token)
        except MALFORMED as error:
            raise self._invalid() from error
        trustworthy = (
            _is_running(claims, now.timestamp())
            and ("azp" not in claims or claims["azp"] in self._client_ids)
            and 1 <= len(text_or_none(claims["sub"]) or "") <= SUBJECT_MAX_LENGTH
        )
        if not trustworthy:
            raise self._invalid()
        return claims

    def client_of(self, claims: Mapping[str, Any]) -> str:
        """Return the first of our clients among the audience of a good token."""
        audience: list[str] = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        return next(client for client in audience if client in self._client_ids)

    def _decode(self, id_token: str) -> dict[str, Any]:
        key_id = jwt.get_unverified_header(id_token)["kid"]
        key = self._keys.find(key_id)
        if key is None:
            raise self._invalid()
        # Times are checked above against our own clock.
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


def _is_running(claims: Mapping[str, Any], now: float) -> bool:
    """Tell whether ``now`` is between the times of a token, give or take the clock skew."""
    issued_at, ends_at, begins_at = claims["iat"], claims["exp"], claims.get("nbf", claims["iat"])
    return (
        all(type(value) in (int, float) for value in (issued_at, ends_at, begins_at))
        and issued_at <= now + CLOCK_SKEW_SECONDS
        and begins_at <= now + CLOCK_SKEW_SECONDS
        and ends_at > now - CLOCK_SKEW_SECONDS
    )


def text_or_none(value: object) -> str | None:
    """Return a claim that is text the database can store, or None."""
    return value if isinstance(value, str) and not UNSTORABLE.search(value) else None
