"""A local stand-in for Google Play, as strict as the real one; it exists in development and in tests only."""

import json
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote

import jwt

from kcardswap.gateways.identity import load_private_key, new_private_key
from kcardswap.settings import kept_secret

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GOOGLE_TOKEN_URL = "https://oauth2.googleapis.com/token"
"""What Google's libraries name as the audience of an assertion, wherever they send it."""
SCOPE = "https://www.googleapis.com/auth/androidpublisher"
FORM = "application/x-www-form-urlencoded"
CLIENT_EMAIL = "kcardswap@dev-play-store.iam.gserviceaccount.com"
KEY_ID = "dev-play-store"
PACKAGE_NAME = "com.kcardswap.dev"
ASSERTION_MAX_SECONDS, CLOCK_SKEW_SECONDS, TOKEN_SECONDS = 3600, 10, 3600
FORGOTTEN_AFTER = timedelta(days=60)
"""Google Play answers 410 for purchases that expired longer ago."""
PURCHASES = r"/androidpublisher/v3/applications/([^/]+)/purchases"
GET_PATH = re.compile(PURCHASES + r"/subscriptionsv2/tokens/([^/]+)")
ACKNOWLEDGE_PATH = re.compile(PURCHASES + r"/subscriptions/([^/]+)/tokens/([^/]+):acknowledge")
MONTH, YEAR = timedelta(days=30), timedelta(days=365)
MONTHLY, YEARLY = "premium_monthly", "premium_yearly"


class Fault(Enum):
    """What may go wrong on the way to Google and back."""

    SLOW = "no answer before anybody stops waiting"
    ERROR = "500"
    TOO_MANY = "429 with Retry-After"
    GARBAGE = "200 with something that is no JSON"
    HANG_UP = "the connection ends before anything happened"
    LOST = "it happened, and the connection ends without an answer"


@dataclass(kw_only=True)
class Sold:
    """A purchase the store knows; ``renews_every`` moves an expiry that has passed."""

    state: str
    product_id: str = MONTHLY
    started_at: datetime
    expires_at: datetime | None
    renews_every: timedelta | None = None
    acknowledged: bool = False
    replaces: str | None = None
    offer_id: str | None = None


@dataclass
class Books:
    """What the store sold, how it misbehaves, and who asked for what."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sold: dict[str, Sold] = field(default_factory=dict)
    samples: bool = False
    """Whether tokens like ``dev-monthly.anything`` are purchases as soon as somebody asks for them."""
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    """What was asked, in order: token, get, acknowledge."""

    def sell(self, token: str, state: str = "ACTIVE", *, lasts: timedelta = MONTH, **facts: Any) -> Sold:
        """Sell a purchase under ``token`` that lasts that long from now on; pending ones have no end yet."""
        now = self.now()
        expires_at = None if state == "PENDING" else now + lasts
        self.sold[token] = Sold(
            state=state, started_at=facts.pop("started_at", now), expires_at=expires_at, **facts
        )
        return self.sold[token]

    def refund(self, token: str) -> None:
        """Take a purchase back: it ends at once."""
        sold = self.sold[token]
        sold.state, sold.expires_at, sold.renews_every = "EXPIRED", self.now(), None

    def fail(self, call: str, *faults: Fault) -> None:
        """Let the next calls of a kind (token, get, acknowledge) go wrong."""
        self.faults.setdefault(call, []).extend(faults)

    def find(self, token: str) -> Sold | None:
        """Return the purchase with this token as it stands now."""
        if self.samples and token not in self.sold:
            self._sell_sample(token)
        sold = self.sold.get(token)
        while sold and sold.renews_every and sold.expires_at and sold.expires_at <= self.now():
            sold.expires_at += sold.renews_every
        return sold

    def _sell_sample(self, token: str) -> None:
        sample = SAMPLES.get(token.partition(".")[0])
        if sample is not None:
            self.sell(token, **sample)


SAMPLES: dict[str, dict[str, Any]] = {
    "dev-monthly": {"renews_every": MONTH},
    "dev-yearly": {"product_id": YEARLY, "lasts": YEAR, "renews_every": YEAR},
    "dev-trial": {"lasts": timedelta(days=7), "renews_every": MONTH, "offer_id": "trial"},
    "dev-five-minutes": {"lasts": timedelta(minutes=5)},
    "dev-pending": {"state": "PENDING"},
    "dev-canceled": {"state": "CANCELED", "lasts": timedelta(days=10)},
    "dev-grace": {"state": "IN_GRACE_PERIOD", "lasts": timedelta(days=3)},
    "dev-on-hold": {"state": "ON_HOLD", "lasts": timedelta(days=-1)},
    "dev-paused": {"state": "PAUSED", "lasts": timedelta(days=-1)},
    "dev-expired": {"state": "EXPIRED", "lasts": timedelta(days=-1)},
}
"""What development can buy, by the start of the token."""


class DevPlayStore:
    """The token endpoint and the two operations of the Developer API that are used here, over HTTP.

    An access token is given only for an assertion signed with the key of the service account, for the
    right audience and scope; nothing is answered without one.
    """

    def __init__(self, *, data_dir: Path, books: Books | None = None, package_name: str = PACKAGE_NAME):
        self.books = books or Books()
        self.package_name = package_name
        self.issued: dict[str, float] = {}
        self._folder = data_dir.resolve() / "dev_play_store"
        self._pem = kept_secret(data_dir, "dev_play_store_key.pem", new_private_key)
        self._public_key = load_private_key(self._pem).public_key()
        self.stopping = threading.Event()
        self.base_url = ""
        self.key_path = self._folder / "key.json"

    @contextmanager
    def serve(self, port: int = 0) -> Iterator["DevPlayStore"]:
        """Listen on loopback until the block ends; port 0 takes any that is free.

        ``key_path`` is the key file of the service account meanwhile; it also names the token endpoint.
        """
        server = ThreadingHTTPServer(("127.0.0.1", port), type("OfStore", (Handler,), {"store": self}))
        server.daemon_threads = True
        port = server.server_address[1]
        self.base_url = f"http://127.0.0.1:{port}"
        # It names this server, so another one beside it has a file of its own.
        self.key_path = self._folder / f"service-account-{port}.json"
        self._write_key_file()
        self.stopping.clear()
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.stopping.set()
            server.shutdown()
            thread.join()
            server.server_close()
            self.key_path.unlink(missing_ok=True)

    def _write_key_file(self) -> None:
        self.key_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.key_path.touch(mode=0o600)
        account = {
            "type": "service_account",
            "project_id": "dev-play-store",
            "private_key_id": KEY_ID,
            "private_key": self._pem,
            "client_email": CLIENT_EMAIL,
            "client_id": "1",
            "token_uri": f"{self.base_url}/token",
        }
        self.key_path.write_text(json.dumps(account, indent=2))

    def settings(self) -> dict[str, str]:
        """Return the environment that makes the application use this store."""
        return {
            "GOOGLE_PLAY_PACKAGE_NAME": self.package_name,
            "GOOGLE_PLAY_SERVICE_ACCOUNT_KEY_PATH": str(self.key_path),
            "GOOGLE_PLAY_BASE_URL": self.base_url,
        }

    def grant(self, content_type: str, body: bytes) -> tuple[int, Any]:
        """Answer a request for an access token."""
        form = parse_qs(body.decode(errors="replace"))
        if content_type != FORM or form.get("grant_type") != [GRANT]:
            return 400, {"error": "unsupported_grant_type"}
        try:
            self._check_assertion(form["assertion"][0])
        except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
            return 400, {"error": "invalid_grant", "error_description": type(error).__name__}
        token = f"ya29.{secrets.token_urlsafe(24)}"
        self.issued[token] = time.time() + TOKEN_SECONDS
        return 200, {"access_token": token, "expires_in": TOKEN_SECONDS, "token_type": "Bearer"}

    def _check_assertion(self, assertion: str) -> None:
        if jwt.get_unverified_header(assertion)["kid"] != KEY_ID:
            raise ValueError("another key")
        claims = jwt.decode(
            assertion,
            self._public_key,
            algorithms=["RS256"],
            audience=[GOOGLE_TOKEN_URL, f"{self.base_url}/token"],
            issuer=CLIENT_EMAIL,
            leeway=CLOCK_SKEW_SECONDS,
            options={"require": ["iss", "aud", "scope", "iat", "exp"]},
        )
        if SCOPE not in claims["scope"].split() or claims["exp"] - claims["iat"] > ASSERTION_MAX_SECONDS:
            raise ValueError("another scope, or too long a life")

    def admits(self, authorization: str) -> bool:
        """Tell whether an Authorization header holds an access token of ours that has not run out."""
        scheme, _, token = authorization.partition(" ")
        return scheme == "Bearer" and self.issued.get(token, 0.0) > time.time()

    def purchase(self, package_name: str, token: str) -> tuple[int, Any]:
        """Answer ``purchases.subscriptionsv2.get``."""
        sold = self.books.find(token)
        if package_name != self.package_name:
            return _error(404, "No application was found for the given package name.")
        if sold is None:
            return _error(400, "Invalid Value")
        expiry = sold.expires_at
        if sold.state == "EXPIRED" and expiry is not None and expiry + FORGOTTEN_AFTER < self.books.now():
            return _error(410, "The subscription purchase is no longer available for query.")
        return 200, _described(sold)

    def acknowledge(self, package_name: str, product_id: str, token: str) -> tuple[int, Any]:
        """Answer ``purchases.subscriptions.acknowledge``; acknowledging again is fine."""
        sold = self.books.find(token)
        if package_name != self.package_name or sold is None or sold.product_id != product_id:
            return _error(400, "The purchase token does not match the product ID.")
        if sold.state not in ("ACTIVE", "CANCELED", "IN_GRACE_PERIOD"):
            return _error(400, "The product purchase is not in a state that can be acknowledged.")
        sold.acknowledged = True
        return 204, None


def _described(sold: Sold) -> dict[str, Any]:
    item: dict[str, Any] = {
        "productId": sold.product_id,
        "offerDetails": {"basePlanId": "base", **({"offerId": sold.offer_id} if sold.offer_id else {})},
        "autoRenewingPlan": {"autoRenewEnabled": sold.renews_every is not None},
    }
    if sold.expires_at is not None:
        item["expiryTime"] = _google_time(sold.expires_at)
    said = {
        "kind": "androidpublisher#subscriptionPurchaseV2",
        "startTime": _google_time(sold.started_at),
        "regionCode": "TW",
        "subscriptionState": f"SUBSCRIPTION_STATE_{sold.state}",
        "latestOrderId": "GPA.3300-0000-0000-00000",
        "acknowledgementState": "ACKNOWLEDGEMENT_STATE_"
        + ("ACKNOWLEDGED" if sold.acknowledged else "PENDING"),
        "lineItems": [item],
        "subscribeWithGoogleInfo": {"emailAddress": "buyer@example.com", "givenName": "Mina"},
    }
    return {**said, **({"linkedPurchaseToken": sold.replaces} if sold.replaces else {})}


def _google_time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _error(status: int, message: str) -> tuple[int, Any]:
    return status, {"error": {"code": status, "message": message, "status": HTTPStatus(status).name}}


class Handler(BaseHTTPRequestHandler):
    """Takes the requests of one store."""

    store: ClassVar[DevPlayStore]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer a GET."""
        self._handle("GET", b"")

    def do_POST(self) -> None:
        """Answer a POST."""
        self._handle("POST", self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _handle(self, method: str, body: bytes) -> None:
        # The connection never serves a second request, so a closed one cannot be mistaken for a fault.
        self.close_connection = True
        with suppress(OSError):
            call, carry_out = self._route(method, body)
            self.store.books.calls.append(call)
            waiting = self.store.books.faults.get(call)
            fault = waiting.pop(0) if waiting else None
            if not self._misbehave(fault):
                status, answer = carry_out()
                if fault is not Fault.LOST:
                    self._answer(status, b"" if answer is None else json.dumps(answer).encode())

    def _route(self, method: str, body: bytes) -> tuple[str, Callable[[], tuple[int, Any]]]:
        if method == "POST" and self.path == "/token":
            content_type = self.headers.get("Content-Type", "")
            return "token", lambda: self.store.grant(content_type, body)
        if not self.store.admits(self.headers.get("Authorization", "")):
            return "refused", lambda: _error(401, "Request had invalid authentication credentials.")
        if method == "GET" and (found := GET_PATH.fullmatch(self.path)):
            package, token = map(unquote, found.groups())
            return "get", lambda: self.store.purchase(package, token)
        if method == "POST" and (found := ACKNOWLEDGE_PATH.fullmatch(self.path)):
            package, product, token = map(unquote, found.groups())
            return "acknowledge", lambda: self.store.acknowledge(package, product, token)
        return "unknown", lambda: _error(404, "Not found.")

    def _misbehave(self, fault: Fault | None) -> bool:
        """Do what the fault does instead of answering; tell whether that was all."""
        match fault:
            case Fault.SLOW:
                self.store.stopping.wait(30)
            case Fault.HANG_UP:
                self.connection.shutdown(socket.SHUT_RDWR)
            case Fault.ERROR:
                self._answer(500, b'{"error": {"code": 500, "message": "Internal error."}}')
            case Fault.TOO_MANY:
                self._answer(429, b'{"error": {"code": 429}}', **{"Retry-After": "30"})
            case Fault.GARBAGE:
                self._answer(200, b"<html>Sorry \xff</html>")
            case _:
                return False
        return True

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
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
        """Say nothing: the paths hold purchase tokens."""
