"""Pushing to devices: Firebase Cloud Messaging, and the log where it is not configured."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import structlog

from kcardswap.domain.notifications import Push, PushFailed, PushOutcome
from kcardswap.gateways.google_service_account import GoogleUnreachable, ServiceAccount
from kcardswap.gateways.http import CONNECT_SECONDS, READ_SECONDS, HttpAnswer

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
UNREGISTERED, FOREIGN, INVALID = "UNREGISTERED", "SENDER_ID_MISMATCH", "INVALID_ARGUMENT"
"""https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode"""
LONGEST_PAUSE_SECONDS = 3600.0
DIGITS = re.compile(r"\d{1,9}", re.ASCII)

log = structlog.get_logger(__name__)


class LoggedPushSender:
    """Writes a line instead of pushing; for machines without a Firebase project."""

    def send(self, push: Push) -> PushOutcome:
        """Tell the log that there would have been a push, but not to which device nor in which words."""
        log.info("push_not_configured", type=push.data["type"], user_id=str(push.user_id))
        return PushOutcome.SENT


class FcmPushSender:
    """Firebase Cloud Messaging, HTTP v1 API."""

    def __init__(
        self,
        *,
        credentials_path: Path,
        base_url: str,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._base_url = base_url
        self._account = ServiceAccount(
            credentials_path,
            scope=SCOPE,
            service="fcm",
            connect_seconds=connect_seconds,
            read_seconds=read_seconds,
        )

    def send(self, push: Push) -> PushOutcome:
        """Hand one push to Firebase, which may get it twice if its answer is lost."""
        body = json.dumps({"message": message_of(push)}, ensure_ascii=False).encode()
        try:
            project = quote(self._account.project_id, safe="")
            url = f"{self._base_url}/v1/projects/{project}/messages:send"
            answer = self._account.call("POST", url, body, repeats=False)
        except GoogleUnreachable as error:
            raise PushFailed("fcm_not_reached") from error
        if 200 <= answer.status < 300:
            return PushOutcome.SENT
        if _is_about_token(answer):
            log.info("push_token_gone", status=answer.status, user_id=str(push.user_id))
            return PushOutcome.TOKEN_GONE
        _say_why(answer)
        raise PushFailed(f"fcm_{answer.status}", retry_after=_retry_after(answer))


def message_of(push: Push) -> dict[str, Any]:
    """Return the message as the API takes it.

    Whatever has the same tag replaces what the device shows. Android's collapse keys stay unused: a device
    that is offline keeps four of them only.
    """
    # A web push topic has 32 characters at most; the other two take up to 64 bytes.
    topic = hashlib.sha256(push.tag.encode()).hexdigest()[:32]
    return {
        "token": push.fcm_token,
        "notification": {"title": push.text.title, "body": push.text.body},
        "data": dict(push.data),
        "android": {"priority": "HIGH", "notification": {"tag": topic}},
        "apns": {"headers": {"apns-collapse-id": topic}, "payload": {"aps": {"sound": "default"}}},
        "webpush": {"headers": {"Topic": topic}, "notification": {"tag": topic}},
    }


def _is_about_token(answer: HttpAnswer) -> bool:
    """Tell whether the API says that the token leads nowhere, or to somebody else's application."""
    error = _error(answer)
    details = [each for each in _list(error.get("details")) if isinstance(each, Mapping)]
    codes = {each.get("errorCode") for each in details}
    if answer.status == 404:
        return UNREGISTERED in codes
    if answer.status == 403:
        return FOREIGN in codes
    if answer.status == 400 and error.get("status") == INVALID:
        fields = [each for part in details for each in _list(part.get("fieldViolations"))]
        named = any(isinstance(each, Mapping) and each.get("field") == "message.token" for each in fields)
        return named or "registration token" in str(error.get("message"))
    return False


def _say_why(answer: HttpAnswer) -> None:
    if answer.status in (401, 403):
        log.error("fcm_credentials_refused", status=answer.status)
    elif answer.status in (400, 404):
        # Not its message: that may quote what we sent.
        log.error("fcm_refused", status=answer.status, error=str(_error(answer).get("status"))[:40])
    else:
        log.warning("fcm_failed", status=answer.status)


def _retry_after(answer: HttpAnswer) -> float | None:
    """Return how many seconds the API wants to be left alone; it says so in seconds or as a moment."""
    text = answer.headers.get("Retry-After", "").strip()
    if DIGITS.fullmatch(text):
        seconds = float(text)
    else:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError):
            return None
        seconds = (moment.astimezone(UTC) - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 1.0), LONGEST_PAUSE_SECONDS)


def _error(answer: HttpAnswer) -> Mapping[str, Any]:
    try:
        said = json.loads(answer.data)
    except (ValueError, RecursionError):
        return {}
    error = said.get("error") if isinstance(said, Mapping) else None
    return error if isinstance(error, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
