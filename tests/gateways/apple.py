"""A stand-in for Apple: its keys, its token endpoint and its revocation, all as strict as Apple's."""

import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from kcardswap.domain.accounts import AppleUnavailable
from kcardswap.gateways.identity import AppleIdentityProvider, KeySet, fetch_keys_from
from tests.gateways.google import OMITTED

CLIENT_ID, OTHER_CLIENT_ID = "app.kcardswap.example", "web.kcardswap.example"
TEAM_ID, KEY_ID = "TEAM123456", "KEY1234567"
ISSUER = "https://appleid.apple.com"
SUBJECT = "001122.abcdef0123456789.0001"


class FakeApple:
    """Knows one team and its key; refuses what Apple refuses, and remembers what it was asked."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.keys = {"apple-1": rsa.generate_private_key(public_exponent=65537, key_size=2048)}
        self.team_key = ec.generate_private_key(ec.SECP256R1())
        self.codes: dict[str, tuple[str, str]] = {}
        self.refresh_tokens: dict[str, str] = {}
        self.revoked: list[str] = []
        self.fetches = 0
        self.asked: list[str] = []
        self.down = False
        self.url = ""

    def token(self, *, key: Any = None, algorithm: str = "RS256", **changes: Any) -> str:
        """Return a signed identity token; ``changes`` replace claims, ``kid`` the key's name."""
        kid = changes.pop("kid", "apple-1")
        seconds = int(self.now().timestamp())
        claims = {
            "iss": ISSUER,
            "aud": CLIENT_ID,
            "sub": SUBJECT,
            "email": "mina@privaterelay.example",
            "email_verified": "true",
            "iat": seconds,
            "exp": seconds + 600,
            **changes,
        }
        payload = json.dumps({name: value for name, value in claims.items() if value is not OMITTED}).encode()
        headers = {} if kid is OMITTED else {"kid": kid}
        return jwt.api_jws.encode(payload, key or self.keys["apple-1"], algorithm=algorithm, headers=headers)

    def code(self, *, subject: str = SUBJECT, client_id: str = CLIENT_ID) -> str:
        """Return a code that one client may redeem once."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = (subject, client_id)
        return code

    def key_file(self, path: Path) -> Path:
        """Write the team's private key, as Apple's portal hands it out, and return its path."""
        path.write_bytes(
            self.team_key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return path

    def provider(self, key_path: Path | None = None, **options: Any) -> AppleIdentityProvider:
        """Return our side of the sign-in, pointed at this stand-in."""
        keys = KeySet(fetch_keys_from(f"{self.url}/auth/keys"), unavailable=AppleUnavailable, **options)
        return AppleIdentityProvider(
            keys=keys,
            client_ids=(CLIENT_ID, OTHER_CLIENT_ID),
            team_id=TEAM_ID,
            key_id=KEY_ID,
            private_key_path=key_path,
            base_url=self.url,
        )

    def published(self) -> dict[str, Any]:
        """Return the public keys as a JWK set."""
        self.fetches += 1
        return {
            "keys": [
                {
                    **jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True),
                    "kid": kid,
                    "use": "sig",
                }
                for kid, key in self.keys.items()
            ]
        }

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Return status and body for a form."""
        self.asked.append(path)
        if not self._is_our_client(form):
            return 400, {"error": "invalid_client"}
        if path == "/auth/revoke":
            return self._revoke(form)
        if form.get("grant_type") != "authorization_code":
            return 400, {"error": "unsupported_grant_type"}
        subject, client_id = self.codes.pop(form.get("code", ""), ("", ""))
        if client_id != form["client_id"]:
            return 400, {"error": "invalid_grant"}
        token = "r." + hashlib.sha256(form["code"].encode()).hexdigest()
        self.refresh_tokens[token] = client_id
        id_token = self.token(sub=subject, aud=client_id)
        return 200, {
            "access_token": "a",
            "token_type": "Bearer",
            "refresh_token": token,
            "id_token": id_token,
        }

    def _revoke(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        token = form.get("token", "")
        if self.refresh_tokens.get(token) != form["client_id"]:
            return 400, {"error": "invalid_request"}
        if form.get("token_type_hint") != "refresh_token":
            return 400, {"error": "unsupported_token_type"}
        self.revoked.append(token)
        return 200, {}

    def _is_our_client(self, form: dict[str, str]) -> bool:
        try:
            secret = form["client_secret"]
            assert jwt.get_unverified_header(secret) == {"alg": "ES256", "kid": KEY_ID, "typ": "JWT"}
            claims = jwt.decode(
                secret,
                self.team_key.public_key(),
                algorithms=["ES256"],
                audience=ISSUER,
                issuer=TEAM_ID,
                options={"verify_exp": False, "verify_iat": False, "require": ["exp", "iat", "sub"]},
            )
        except (KeyError, AssertionError, jwt.PyJWTError):
            return False
        now = self.now().timestamp()
        half_a_year = 15_777_000
        in_time: bool = claims["iat"] <= now + 5 and now < claims["exp"] <= claims["iat"] + half_a_year
        return in_time and claims["sub"] == form.get("client_id") in (CLIENT_ID, OTHER_CLIENT_ID)


@contextmanager
def fake_apple(now: Callable[[], datetime]) -> Iterator[FakeApple]:
    """Run a stand-in on loopback until the block ends; it tells the time by ``now``."""
    apple = FakeApple(now)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if apple.down:
                self.send_error(503)
            elif self.path == "/auth/keys":
                self._say(200, apple.published())
            else:
                self._say(404, {})

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            form = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
            if apple.down:
                self.send_error(503)
            elif self.path not in ("/auth/token", "/auth/revoke"):
                self._say(404, {})
            elif self.headers["Content-Type"] != "application/x-www-form-urlencoded":
                self._say(415, {})
            else:
                self._say(*apple.answer(self.path, form))

        def _say(self, status: int, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode() if body else b""
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    apple.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield apple
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
