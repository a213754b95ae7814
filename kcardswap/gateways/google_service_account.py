"""Calling Google's APIs as a service account, whose key lies in a file."""

import threading
from functools import partial
from pathlib import Path
from typing import Any

import google.auth.exceptions
import google.auth.transport
import requests
import structlog
from google.oauth2 import service_account

from kcardswap.gateways.http import CONNECT_SECONDS, READ_SECONDS, HttpAnswer, exchange

log = structlog.get_logger(__name__)


class GoogleUnreachable(Exception):
    """No answer, or no access token to ask with; why is in the log."""


class ServiceAccount:
    """One service account and its access token, which is renewed when it runs out or is refused."""

    def __init__(
        self,
        key_path: Path,
        *,
        scope: str,
        service: str,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        """Use the key in ``key_path`` for ``scope``; lines of the log begin with ``service``."""
        self._key_path = key_path
        self._scope = scope
        self._service = service
        self._exchange = partial(exchange, connect_seconds=connect_seconds, read_seconds=read_seconds)
        self._credentials: service_account.Credentials | None = None
        self._lock = threading.Lock()

    @property
    def project_id(self) -> str:
        """Return the project the account belongs to.

        :raises GoogleUnreachable: the key file is no good.
        """
        with self._lock:
            project_id = self._usable_credentials().project_id
        if not project_id:
            log.error(f"{self._service}_key_file_unusable", error="no project_id")
            raise GoogleUnreachable("no project_id")
        return str(project_id)

    def call(self, method: str, url: str, body: bytes | None = None, *, repeats: bool = True) -> HttpAnswer:
        """Send one request and return the whole answer, whatever it is.

        ``repeats`` allows a connection that breaks to be tried once more, so that Google may see it twice.

        :raises GoogleUnreachable: nobody answers, or there is no access token.
        """
        try:
            answer = self._send(method, url, body, self._access_token(), repeats)
            if answer.status == 401:
                # It may have been withdrawn before its time; with a new one we know.
                answer = self._send(method, url, body, self._access_token(renewed=True), repeats)
        except (requests.RequestException, google.auth.exceptions.GoogleAuthError) as error:
            # Its message would hold the URL or the assertion.
            log.warning(f"{self._service}_not_reached", error=type(error).__name__)
            raise GoogleUnreachable(type(error).__name__) from error
        return answer

    def _send(
        self, method: str, url: str, body: bytes | None, access_token: str, repeats: bool
    ) -> HttpAnswer:
        headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return self._exchange(method, url, headers=headers, body=body, repeats=repeats)

    def _access_token(self, *, renewed: bool = False) -> str:
        with self._lock:
            credentials = self._usable_credentials()
            if renewed or not credentials.valid:
                try:
                    credentials.refresh(self._ask_for_token)  # type: ignore[no-untyped-call]
                except google.auth.exceptions.RefreshError:
                    log.error(f"{self._service}_service_account_refused")
                    raise
                except (ValueError, TypeError, AttributeError, KeyError) as error:
                    # The library trusts what it is sent.
                    log.error(f"{self._service}_token_not_understood", error=type(error).__name__)
                    raise GoogleUnreachable(type(error).__name__) from error
            return str(credentials.token)

    def _usable_credentials(self) -> service_account.Credentials:
        # Not before somebody asks: checking the key takes longer than starting.
        if self._credentials is None:
            try:
                self._credentials = service_account.Credentials.from_service_account_file(  # type: ignore[no-untyped-call]
                    str(self._key_path), scopes=[self._scope]
                )
            except (OSError, ValueError, AttributeError, TypeError) as error:
                log.error(f"{self._service}_key_file_unusable", error=type(error).__name__)
                raise GoogleUnreachable(type(error).__name__) from error
        return self._credentials

    def _ask_for_token(
        self, url: str, method: str = "GET", body: Any = None, headers: Any = None, **options: Any
    ) -> HttpAnswer:
        """Carry a request of the credentials, with our time-outs and without their pauses and repetitions."""
        answer = self._exchange(method, url, headers=headers, body=body)
        if answer.status in google.auth.transport.DEFAULT_RETRYABLE_STATUS_CODES:
            raise google.auth.exceptions.TransportError(str(answer.status))  # type: ignore[no-untyped-call]
        return answer
