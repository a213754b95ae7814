"""Apple: its identity tokens, and the refresh token that is revoked when somebody leaves."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
import requests
import structlog

from kcardswap.domain.accounts import AppleUnavailable, InvalidAppleToken, Provider
from kcardswap.gateways.http import HttpAnswer, exchange
from kcardswap.gateways.identity.google import FORM
from kcardswap.gateways.identity.keys import KeySet
from kcardswap.gateways.identity.verifying import IdTokenVerifier, VerifiedIdentity, text_or_none

APPLE_ISSUER = "https://appleid.apple.com"
CLIENT_SECRET_LIFETIME = timedelta(minutes=5)
"""Apple allows six months; each is used once."""

log = structlog.get_logger(__name__)


class AppleIdentityProvider:
    """Verifies Apple's identity tokens and talks to its token endpoint.

    https://developer.apple.com/documentation/signinwithapplerestapi
    """

    def __init__(
        self,
        *,
        keys: KeySet,
        client_ids: tuple[str, ...],
        team_id: str | None,
        key_id: str | None,
        private_key_path: Path | None,
        base_url: str,
    ) -> None:
        self._tokens = IdTokenVerifier(
            keys=keys, client_ids=client_ids, issuers=(APPLE_ISSUER,), invalid=InvalidAppleToken
        )
        self._client_ids = client_ids
        self._team_id = team_id
        self._key_id = key_id
        self._private_key_path = private_key_path
        self._base_url = base_url

    def verify(self, identity_token: str, *, nonce: str | None, now: datetime) -> VerifiedIdentity:
        """Return who the token is about; the e-mail address may be missing or Apple's relay.

        :param nonce: what the app made up for this sign-in, as it is or as the SHA-256 Apple was given.
        :raises InvalidAppleToken: any check of the token failed.
        :raises AppleUnavailable: no client is set up, or Apple's keys were never fetched and cannot be.
        """
        if not self._client_ids:
            raise AppleUnavailable()
        claims = self._tokens.claims(identity_token, now=now)
        _refuse_other_nonce(claims, nonce)
        return VerifiedIdentity(
            provider=Provider.APPLE,
            subject=claims["sub"],
            email=_verified_email(claims),
            name=None,
            picture=None,
            client_id=self._tokens.client_of(claims),
        )

    def redeem(self, code: str, identity: VerifiedIdentity, *, now: datetime) -> str:
        """Return Apple's refresh token for a code, with the client it belongs to, as ``revoke`` takes it.

        :raises InvalidAppleToken: Apple does not take the code, or it is somebody else's.
        :raises AppleUnavailable: Apple cannot be asked, or no key is set up.
        """
        answer = self._ask(
            "/auth/token", identity.client_id, {"grant_type": "authorization_code", "code": code}, now
        )
        try:
            said = json.loads(answer.data)
            token, id_token = str(said["refresh_token"]), str(said["id_token"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise AppleUnavailable() from error
        if self._tokens.claims(id_token, now=now)["sub"] != identity.subject:
            raise InvalidAppleToken()
        return json.dumps({"client_id": identity.client_id, "refresh_token": token})

    def revoke(self, redeemed: str, *, now: datetime) -> None:
        """Let Apple forget that the person signed in here; again is fine.

        :raises InvalidAppleToken: Apple does not take the token.
        :raises AppleUnavailable: Apple cannot be asked, or no key is set up.
        """
        kept = json.loads(redeemed)
        form = {"token": kept["refresh_token"], "token_type_hint": "refresh_token"}
        self._ask("/auth/revoke", kept["client_id"], form, now)

    def _ask(self, path: str, client_id: str, form: Mapping[str, str], now: datetime) -> HttpAnswer:
        credentials = {"client_id": client_id, "client_secret": self._client_secret(client_id, now)}
        body = urlencode({**credentials, **form}).encode()
        try:
            # A code counts once, so a second try would be refused for the wrong reason.
            answer = exchange("POST", self._base_url + path, headers=FORM, body=body, repeats=False)
        except requests.RequestException as error:
            log.warning("apple_not_reached", error=type(error).__name__)
            raise AppleUnavailable() from error
        if answer.status == 400 and b"invalid_client" not in answer.data:
            raise InvalidAppleToken()
        if answer.status != 200:
            log.error("apple_refused", status=answer.status, path=path)
            raise AppleUnavailable()
        return answer

    def _client_secret(self, client_id: str, now: datetime) -> str:
        if self._team_id is None or self._key_id is None or self._private_key is None:
            raise AppleUnavailable()
        claims = {
            "iss": self._team_id,
            "sub": client_id,
            "aud": APPLE_ISSUER,
            "iat": int(now.timestamp()),
            "exp": int((now + CLIENT_SECRET_LIFETIME).timestamp()),
        }
        return jwt.encode(claims, self._private_key, algorithm="ES256", headers={"kid": self._key_id})

    @cached_property
    def _private_key(self) -> str | None:
        return None if self._private_key_path is None else self._private_key_path.read_text()


def _refuse_other_nonce(claims: Mapping[str, Any], nonce: str | None) -> None:
    carried = claims.get("nonce")
    if nonce is None and carried is None:
        return
    if nonce is None or not isinstance(carried, str):
        raise InvalidAppleToken()
    hashed = hashlib.sha256(nonce.encode()).hexdigest()
    # As bytes: text that is not ASCII would make the comparison raise.
    good = (hmac.compare_digest(carried.encode(errors="replace"), each.encode()) for each in (nonce, hashed))
    if not any(good):
        raise InvalidAppleToken()


def _verified_email(claims: Mapping[str, Any]) -> str | None:
    """Return the e-mail address, or None: people may keep theirs to themselves.

    :raises InvalidAppleToken: there is one that Apple did not verify.
    """
    if claims.get("email") is None:
        return None
    email, verified = text_or_none(claims["email"]), claims.get("email_verified")
    # Apple says it as a boolean or as text.
    if email is None or not (verified is True or verified == "true"):
        raise InvalidAppleToken()
    return email
