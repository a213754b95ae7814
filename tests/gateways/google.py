"""A stand-in for Google: publishes signing keys over HTTP and signs ID tokens with them."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID = "web.apps.example"


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

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    google.url = f"http://127.0.0.1:{server.server_address[1]}/certs"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield google
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
