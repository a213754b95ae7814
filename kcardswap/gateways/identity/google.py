"""Google: its ID tokens, and the codes it sends web pages and apps instead of them."""

import json
from datetime import datetime
from typing import NoReturn
from urllib.parse import urlencode

import requests
import structlog

from kcardswap.domain.accounts import (
    GoogleUnavailable,
    InvalidGoogleToken,
    Provider,
    RedirectUriNotAllowed,
)
from kcardswap.gateways.http import HttpAnswer, exchange
from kcardswap.gateways.identity.keys import KeySet
from kcardswap.gateways.identity.verifying import IdTokenVerifier, VerifiedIdentity, text_or_none

GOOGLE_ISSUERS = ("https://accounts.google.com", "accounts.google.com")
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
OUR_FAULT = ("invalid_client", "unauthorized_client", "unsupported_grant_type")
"""What the token endpoint says when our own client is set up wrongly: https://www.rfc-editor.org/rfc/rfc6749#section-5.2"""

log = structlog.get_logger(__name__)


class GoogleIdentityProvider:
    """Verifies Google-style ID tokens, which name a verified e-mail address."""

    def __init__(
        self, *, keys: KeySet, client_ids: tuple[str, ...], issuers: tuple[str, ...] = GOOGLE_ISSUERS
    ) -> None:
        self._tokens = IdTokenVerifier(
            keys=keys, client_ids=client_ids, issuers=issuers, invalid=InvalidGoogleToken
        )
        self.issuers = issuers

    def verify(self, id_token: str, *, now: datetime) -> VerifiedIdentity:
        """Return who the token is about.

        :raises InvalidGoogleToken: any check of the ID token failed.
        :raises GoogleUnavailable: Google's keys were never fetched and cannot be.
        """
        claims = self._tokens.claims(id_token, now=now)
        email = text_or_none(claims.get("email"))
        if claims.get("email_verified") is not True or email is None:
            raise InvalidGoogleToken()
        return VerifiedIdentity(
            provider=Provider.GOOGLE,
            subject=claims["sub"],
            email=email,
            name=text_or_none(claims.get("name")),
            picture=text_or_none(claims.get("picture")),
            client_id=self._tokens.client_of(claims),
        )


class GoogleCodes:
    """Redeems authorization codes for ID tokens at Google's token endpoint."""

    def __init__(
        self,
        *,
        token_url: str,
        client_id: str | None,
        client_secret: str | None,
        redirect_uris: tuple[str, ...],
    ) -> None:
        """Ask as ``client_id``; codes count only when they were sent to one of ``redirect_uris``."""
        self._token_url = token_url
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uris = redirect_uris

    def redeem(self, code: str, *, code_verifier: str | None, redirect_uri: str | None) -> str:
        """Return the ID token Google gives for a code, which is not verified yet.

        :param redirect_uri: where Google sent the code; by default the first address that is ours.
        :raises RedirectUriNotAllowed: that address is none of ours.
        :raises InvalidGoogleToken: Google does not take the code.
        :raises GoogleUnavailable: Google cannot be asked, or signing in by code is not set up.
        """
        if redirect_uri is not None and redirect_uri not in self._redirect_uris:
            raise RedirectUriNotAllowed()
        if self._client_id is None or not self._redirect_uris:
            log.error("google_codes_not_configured")
            raise GoogleUnavailable()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": self._client_id,
            "redirect_uri": redirect_uri or self._redirect_uris[0],
        }
        if self._client_secret is not None:
            form["client_secret"] = self._client_secret
        if code_verifier is not None:
            form["code_verifier"] = code_verifier
        return self._read(self._ask(form))

    def _ask(self, form: dict[str, str]) -> HttpAnswer:
        try:
            # A code counts once, so a second try would be refused for the wrong reason.
            body = urlencode(form).encode()
            return exchange("POST", self._token_url, headers=FORM, body=body, repeats=False)
        except requests.RequestException as error:
            log.warning("google_not_reached", error=type(error).__name__)
            raise GoogleUnavailable() from error

    def _read(self, answer: HttpAnswer) -> str:
        try:
            said = json.loads(answer.data)
            if answer.status == 200:
                return str(said["id_token"])
            error = str(said["error"])
        except (ValueError, KeyError, TypeError, RecursionError):
            error = ""
        _refuse(answer.status, error)


def _refuse(status: int, error: str) -> NoReturn:
    if 400 <= status < 500 and error and error not in OUR_FAULT and status != 429:
        raise InvalidGoogleToken()
    log.error("google_code_not_redeemed", status=status, error=error[:40])
    raise GoogleUnavailable()
