"""A stand-in for Google: publishes signing keys over HTTP, signs ID tokens with them, redeems codes."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from kcardswap.gateways.identity import (
    AppleIdentityProvider,
    DevIdentityProvider,
    GoogleCodes,
    GoogleIdentityProvider,
    IdentityProviders,
    KeySet,
)

CLIENT_ID = "web.apps.example"
CLIENT_SECRET = "google-secret-canary"
REDIRECT_URIS = ("https://app.kcardswap.example/auth", "https://app.kcardswap.example")
CODE_LIFETIME = timedelta(minutes=10)


def identity_providers(
    google: GoogleIdentityProvider, dev: DevIdentityProvider | None = None
) -> IdentityProviders:
    """Return providers of which only Google and the local one are set up."""
    codes = GoogleCodes(token_url="", client_id=None, client_secret=None, redirect_uris=())
    apple = AppleIdentityProvider(
        keys=KeySet(dict), client_ids=(), team_id=None, key_id=None, private_key_path=None, base_url=""
    )
    return IdentityProviders(google, dev, google_codes=codes, apple=apple)


@dataclass
class Grant:
    """What a code was made for."""

    id_token: str
    redirect_uri: str
    challenge: str | None
    ends_at: datetime


class Omitted:
    """Stands for a claim that is left out."""

    def __repr__(self) -> str:
        return "OMITTED"


OMITTED = Omitted()


class FakeGoogle:
    """Serves its public keys strictly: one path, one method, and it counts who asks."""

    def __init__(self) -> None:
        self.keys = {"key-1": rsa.generate_private_key(public_exponent=65537, key_size=2048)}
        self.fetches = 0
        self.respond: Callable[[BaseHTTPRequestHandler], None] = self.publish
        self.url = ""
        self.token_url = ""
        self.grants: dict[str, Grant] = {}
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.redeem: Callable[[dict[str, str]], tuple[int, bytes]] = self.redeem_strictly

    def code(
        self, *, id_token: str, redirect_uri: str = REDIRECT_URIS[0], verifier: str | None = None
    ) -> str:
        """Return a code as Google sends it to ``redirect_uri``, once, for ten minutes."""
        code = f"4/{secrets.token_urlsafe(12)}"
        challenge = None if verifier is None else challenge_of(verifier)
        self.grants[code] = Grant(id_token, redirect_uri, challenge, self.now() + CODE_LIFETIME)
        return code

    def codes(self) -> GoogleCodes:
        """Return our side of the code flow, pointed at this stand-in."""
        return GoogleCodes(
            token_url=self.token_url,
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            redirect_uris=REDIRECT_URIS,
        )

    def redeem_strictly(self, form: dict[str, str]) -> tuple[int, bytes]:
        """Return status and body for a form, as https://www.rfc-editor.org/rfc/rfc6749#section-5 says."""
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return 401, b'{"error": "invalid_client"}'
        if form.get("grant_type") != "authorization_code":
            return 400, b'{"error": "unsupported_grant_type"}'
        grant = self.grants.pop(form.get("code", ""), None)
        if grant is None or grant.ends_at <= self.now():
            return 400, b'{"error": "invalid_grant"}'
        if grant.redirect_uri != form.get("redirect_uri"):
            return 400, b'{"error": "redirect_uri_mismatch"}'
        verifier = form.get("code_verifier")
        if grant.challenge != (None if verifier is None else challenge_of(verifier)):
            return 400, b'{"error": "invalid_grant", "error_description": "Invalid code verifier."}'
        return 200, json.dumps({"access_token": "a", "expires_in": 3599, "id_token": grant.id_token}).encode()

    def publish(self, request: BaseHTTPRequestHandler) -> None:
        """Answer with the public keys."""
        keys = [
            {**jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": name, "use": "sig"}
            for name, key in self.keys.items()
        ]
        self.answer(request, json.dumps({"keys": keys}).encode())

    @staticmethod
    def answer(request: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
        """Answer with ``body``."""
        request.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    def drip(self, request: BaseHTTPRequestHandler) -> None:
        """Answer one byte at a time, each soon enough to keep a reader waiting."""
        request.send_response(200)
        request.send_header("Content-Length", "1000000")
        request.end_headers()
        for _ in range(300):
            request.wfile.write(b" ")
            request.wfile.flush()
            time.sleep(0.1)

    def token(self, now: datetime, *, key: Any = None, algorithm: str = "RS256", **changes: Any) -> str:
        """Return a signed ID token; ``changes`` replace claims, ``kid`` the key's name."""
        kid = changes.pop("kid", "key-1")
        seconds = int(now.timestamp())
        claims = {
            "iss": "https://accounts.google.com",
            "aud": CLIENT_ID,
            "azp": CLIENT_ID,
            "sub": "110169484474386276334",
            "email": "mina@example.test",
            "email_verified": True,
            "name": "Mina",
            "picture": "https://pictures.example/mina.jpg",
            "iat": seconds,
            "exp": seconds + 3600,
            **changes,
        }
        payload = json.dumps({name: value for name, value in claims.items() if value is not OMITTED}).encode()
        headers = {} if kid is OMITTED else {"kid": kid}
        return jwt.api_jws.encode(payload, key or self.keys["key-1"], algorithm=algorithm, headers=headers)


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a verifier: https://www.rfc-editor.org/rfc/rfc7636#section-4.2"""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


@contextmanager
def fake_google() -> Iterator[FakeGoogle]:
    """Run a stand-in on loopback until the block ends."""
    google = FakeGoogle()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/certs":
                self.send_error(404)
                return
            google.fetches += 1
            try:
                google.respond(self)
            except OSError:
                # Whoever asked hung up first.
                self.close_connection = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if self.path != "/token" or self.headers["Content-Type"] != "application/x-www-form-urlencoded":
                self.send_error(404)
                return
            status, data = google.redeem({name: values[0] for name, values in parse_qs(body).items()})
            google.answer(self, data, status)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    google.url = f"http://127.0.0.1:{server.server_address[1]}/certs"
    google.token_url = f"http://127.0.0.1:{server.server_address[1]}/token"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield google
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
