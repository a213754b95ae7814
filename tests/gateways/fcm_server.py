"""A Firebase of our own on loopback: as strict as the real one, and it breaks on demand.

``python -m tests.gateways.fcm_server FOLDER`` runs it as a process of its own: it prints its address and
its key file as JSON, and appends each accepted message to ``FOLDER/accepted.jsonl``.
"""

import json
import re
import secrets
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import StrEnum
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, NamedTuple
from urllib.parse import parse_qs

import jwt

from kcardswap.gateways.identity import load_private_key, new_private_key

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
FORM = "application/x-www-form-urlencoded"
CLIENT_EMAIL = "pushes@kcardswap-test.iam.gserviceaccount.com"
PROJECT_ID, KEY_ID = "kcardswap-test", "fcm-key-1"
ASSERTION_MAX_SECONDS, TOKEN_SECONDS = 3600, 3599
PAYLOAD_MAX_BYTES = 4096
FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
TOKEN = re.compile(r"[\w:-]{1,4096}", re.ASCII)
TOPIC = re.compile(r"[\w-]{1,32}", re.ASCII)
RESERVED = re.compile(r"from|message_type|notification|google.*|gcm.*", re.IGNORECASE)


class Fault(StrEnum):
    """How the server may fail to answer a message."""

    TOO_MANY = "429"
    UNAVAILABLE = "503"
    ERROR = "500"
    HANG = "hang"
    HANG_UP = "hang up before reading"
    LOST = "take it, but lose the answer"
    WITHDRAWN = "the access token is withdrawn"
    FORBIDDEN = "the account may not send"


class Refused(Exception):
    """Firebase says no, with a status, its name and details."""

    def __init__(self, status: int, name: str, message: str, *details: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"code": status, "message": message, "status": name, "details": list(details)}}


class Accepted(NamedTuple):
    """A message Firebase took."""

    token: str
    notification: dict[str, str]
    data: dict[str, str]
    message: dict[str, Any]


@cache
def private_key() -> str:
    """Return the key of the service account; making one takes long, so there is one per process."""
    return new_private_key()


class FcmServer:
    """What Firebase was sent, which tokens it knows no more, and how it is to misbehave."""

    def __init__(self, folder: Path) -> None:
        self.key_path = folder / "fcm-key.json"
        self.record: Path | None = None
        self.base_url = ""
        self.accepted: list[Accepted] = []
        self.calls: list[str] = []
        """``token``, ``send`` and ``refused`` for every request."""
        self.gone: set[str] = set()
        self.foreign: set[str] = set()
        self.faults: list[Fault] = []
        """How the next messages fail, one entry each."""
        self.retry_after: str | None = "30"
        self.issued: dict[str, float] = {}
        self.stopping = threading.Event()
        self._lock = threading.Lock()

    @contextmanager
    def serve(self) -> Iterator["FcmServer"]:
        """Listen on loopback until the block ends; ``key_path`` is the service account's key meanwhile."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("OfFcm", (Handler,), {"fcm": self}))
        server.daemon_threads = True
        self.base_url = f"http://127.0.0.1:{server.server_address[1]}"
        account = {
            "type": "service_account",
            "project_id": PROJECT_ID,
            "private_key_id": KEY_ID,
            "private_key": private_key(),
            "client_email": CLIENT_EMAIL,
            "client_id": "1",
            "token_uri": f"{self.base_url}/token",
        }
        self.key_path.write_text(json.dumps(account))
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.stopping.set()
            server.shutdown()
            thread.join()
            server.server_close()

    def grant(self, content_type: str, body: bytes) -> dict[str, Any]:
        """Answer a request for an access token."""
        form = parse_qs(body.decode(errors="replace"))
        if content_type != FORM or form.get("grant_type") != [GRANT]:
            raise Refused(400, "INVALID_ARGUMENT", "unsupported_grant_type")
        try:
            self._check_assertion(form["assertion"][0])
        except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
            raise Refused(400, "INVALID_ARGUMENT", "invalid_grant") from error
        token = f"ya29.{secrets.token_urlsafe(24)}"
        self.issued[token] = time.time() + TOKEN_SECONDS
        return {"access_token": token, "expires_in": TOKEN_SECONDS, "token_type": "Bearer"}

    def _check_assertion(self, assertion: str) -> None:
        if jwt.get_unverified_header(assertion)["kid"] != KEY_ID:
            raise ValueError("another key")
        claims = jwt.decode(
            assertion,
            load_private_key(private_key()).public_key(),
            algorithms=["RS256"],
            # Google's libraries name the first, whichever endpoint they ask.
            audience=["https://oauth2.googleapis.com/token", f"{self.base_url}/token"],
            issuer=CLIENT_EMAIL,
            options={"require": ["iss", "aud", "scope", "iat", "exp"]},
        )
        if claims["scope"].split() != [SCOPE] or claims["exp"] - claims["iat"] > ASSERTION_MAX_SECONDS:
            raise ValueError("another scope, or too long a life")

    def admit(self, authorization: str) -> None:
        """Do nothing for an access token of ours that has not run out."""
        scheme, _, token = authorization.partition(" ")
        if scheme != "Bearer" or self.issued.get(token, 0.0) <= time.time():
            raise Refused(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")

    def take(self, content_type: str, body: bytes) -> dict[str, str]:
        """Answer a message that is well formed and whose token is known."""
        if content_type.partition(";")[0].strip() != "application/json":
            raise invalid("", f"Unsupported content type {content_type}.")
        try:
            sent = json.loads(body)
        except ValueError as error:
            raise invalid("", "Invalid JSON payload received.") from error
        message = checked(sent)
        token = message["token"]
        if token in self.gone:
            raise Refused(404, "NOT_FOUND", "Requested entity was not found.", fcm_error("UNREGISTERED"))
        if token in self.foreign:
            raise Refused(403, "PERMISSION_DENIED", "SenderId mismatch", fcm_error("SENDER_ID_MISMATCH"))
        with self._lock:
            self.accepted.append(Accepted(token, message["notification"], message["data"], message))
            if self.record is not None:
                with self.record.open("a") as lines:
                    lines.write(json.dumps(message) + "\n")
            return {"name": f"projects/{PROJECT_ID}/messages/0:{len(self.accepted)}"}


def fcm_error(code: str) -> dict[str, str]:
    """Return the detail in which Firebase names its own error."""
    return {"@type": FCM_ERROR, "errorCode": code}


def invalid(field: str, description: str) -> Refused:
    """Return how Firebase refuses a message that is not well formed."""
    violation = {"@type": BAD_REQUEST, "fieldViolations": [{"field": field, "description": description}]}
    return Refused(400, "INVALID_ARGUMENT", description, violation, fcm_error("INVALID_ARGUMENT"))


def checked(sent: Any) -> dict[str, Any]:
    """Return the message in a request, or refuse it as Firebase does.

    https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages
    """
    if not isinstance(sent, dict) or not set(sent) <= {"message", "validate_only"}:
        raise invalid("", "Unknown name.")
    message = sent.get("message")
    known = {"name", "token", "data", "notification", "android", "webpush", "apns", "fcm_options"}
    if not isinstance(message, dict) or not set(message) <= known:
        raise invalid("message", "Unknown name.")
    if not isinstance(message.get("token"), str) or not TOKEN.fullmatch(message["token"]):
        text = "The registration token is not a valid FCM registration token"
        raise invalid("message.token", text)
    _texts(message, "message.data", message.get("data"))
    for key in message["data"]:
        if RESERVED.fullmatch(key):
            raise invalid("message.data", f"Invalid data payload key: {key}")
    _texts(message, "message.notification", message.get("notification"), {"title", "body", "image"})
    _check_platforms(message)
    payload = {"data": message["data"], "notification": message["notification"]}
    if len(json.dumps(payload, ensure_ascii=False).encode()) > PAYLOAD_MAX_BYTES:
        raise invalid("message", "Android message is too big")
    return message


def _texts(message: Any, field: str, value: Any, known: set[str] | None = None) -> None:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise invalid(field, "Values must be strings.")
    if known is not None and not set(value) <= known:
        raise invalid(field, "Unknown name.")


def _check_platforms(message: dict[str, Any]) -> None:
    android, apns, webpush = (message.get(name, {}) for name in ("android", "apns", "webpush"))
    if not set(android) <= {"collapse_key", "priority", "ttl", "notification"}:
        raise invalid("message.android", "Unknown name.")
    if android.get("priority", "NORMAL") not in ("NORMAL", "HIGH"):
        raise invalid("message.android.priority", "Invalid value.")
    _texts(message, "message.android.notification", android.get("notification", {}))
    _texts(message, "message.apns.headers", apns.get("headers", {}))
    if len(apns.get("headers", {}).get("apns-collapse-id", "").encode()) > 64:
        raise invalid("message.apns.headers", "apns-collapse-id is too long.")
    _texts(message, "message.webpush.headers", webpush.get("headers", {}))
    if not TOPIC.fullmatch(webpush.get("headers", {}).get("Topic", "none")):
        raise invalid("message.webpush.headers", "Invalid Topic.")


class Handler(BaseHTTPRequestHandler):
    """Takes the requests of one server."""

    fcm: ClassVar[FcmServer]
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer a POST."""
        # The connection never serves a second request, so a closed one cannot be mistaken for a fault.
        self.close_connection = True
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with suppress(OSError):
            try:
                self._route(self.headers.get("Content-Type", ""), body)
            except Refused as refused:
                self._answer(refused.status, refused.body)

    def _route(self, content_type: str, body: bytes) -> None:
        fcm = self.fcm
        if self.path == "/token":
            fcm.calls.append("token")
            self._answer(200, fcm.grant(content_type, body))
            return
        if self.path != f"/v1/projects/{PROJECT_ID}/messages:send":
            raise Refused(404, "NOT_FOUND", "Not found.")
        try:
            fcm.admit(self.headers.get("Authorization", ""))
        except Refused:
            fcm.calls.append("refused")
            raise
        fcm.calls.append("send")
        fault = fcm.faults.pop(0) if fcm.faults else None
        if not self._misbehave(fault):
            said = fcm.take(content_type, body)
            if fault is not Fault.LOST:
                self._answer(200, said)

    def _misbehave(self, fault: Fault | None) -> bool:
        """Do what the fault does instead of answering; tell whether that was all."""
        retry_after = {} if self.fcm.retry_after is None else {"Retry-After": self.fcm.retry_after}
        match fault:
            case Fault.HANG:
                self.fcm.stopping.wait(30)
            case Fault.HANG_UP:
                self.connection.shutdown(socket.SHUT_RDWR)
            case Fault.ERROR:
                self._answer(500, Refused(500, "INTERNAL", "Internal error.").body)
            case Fault.TOO_MANY:
                body = Refused(429, "RESOURCE_EXHAUSTED", "Quota", fcm_error("QUOTA_EXCEEDED")).body
                self._answer(429, body, **retry_after)
            case Fault.UNAVAILABLE:
                body = Refused(503, "UNAVAILABLE", "Busy.", fcm_error("UNAVAILABLE")).body
                self._answer(503, body, **retry_after)
            case Fault.WITHDRAWN:
                self.fcm.issued.clear()
                raise Refused(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
            case Fault.FORBIDDEN:
                raise Refused(403, "PERMISSION_DENIED", "Permission denied on resource project.")
            case _:
                return False
        return True

    def _answer(self, status: int, said: Mapping[str, Any], **headers: str) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json; charset=UTF-8",
            "Content-Length": str(len(body)),
            "Connection": "close",
            **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


def main(folder: Path) -> None:
    """Serve until the process is ended."""
    fcm = FcmServer(folder)
    fcm.record = folder / "accepted.jsonl"
    with fcm.serve():
        sys.stdout.write(json.dumps({"base_url": fcm.base_url, "key_path": str(fcm.key_path)}) + "\n")
        sys.stdout.flush()
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
