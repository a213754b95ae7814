"""Somebody who visits a server and leaves canaries: words that must not turn up anywhere else."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from tests.people import API
from tests.serving import Server


@dataclass
class Visitor:
    """Talks to a server and remembers every secret it was given and every status it got."""

    server: Server
    secrets: set[str] = field(default_factory=set)
    statuses: set[int] = field(default_factory=set)

    def send(self, method: str, path: str, status: int, **options: Any) -> requests.Response:
        """Send a request with canaries in its query and headers, and assert what it is answered."""
        canaries = {
            "User-Agent": "canary-agent",
            "Referer": "https://canary-referer.example/",
            "X-Forwarded-For": "canary-address",
            "X-Canary": "canary-header",
        }
        headers = canaries | options.pop("headers", {})
        mark = "&" if "?" in path else "?"
        answer = requests.request(
            method,
            f"{self.server.url}{path}{mark}canary=canary-query",
            headers=headers,
            timeout=20,
            allow_redirects=False,
            **options,
        )
        assert answer.status_code == status, (method, path, answer.text)
        self.statuses.add(answer.status_code)
        self.secrets |= {cookie.split(";")[0].partition("=")[2] for cookie in set_cookies(answer)} - {""}
        return answer

    def sign_in(self, name: str) -> dict[str, str]:
        """Sign somebody in and return the headers to call with."""
        query = f"?email=canary-{name}@kcardswap.test&name=Canary-{name}"
        given = self.send("GET", f"{API}/dev/identity-token{query}", 200).json()["data"]["identity_token"]
        signed_in = self.send("POST", f"{API}/auth/google-login", 200, json={"google_token": given})
        tokens = signed_in.json()["data"]
        self.secrets |= {given, tokens["access_token"], tokens["refresh_token"]}
        renewed = self.send(
            "POST", f"{API}/auth/refresh", 200, json={"refresh_token": tokens["refresh_token"]}
        ).json()["data"]
        self.secrets |= {renewed["access_token"], renewed["refresh_token"]}
        return {"Authorization": f"Bearer {renewed['access_token']}"}

    def keep_signatures(self, *urls: str) -> None:
        """Remember the signatures of signed URLs."""
        self.secrets |= {parse_qs(urlsplit(url).query)["signature"][0] for url in urls}


def set_cookies(answer: requests.Response) -> list[str]:
    """Return every Set-Cookie of an answer."""
    return list(answer.raw.headers.getlist("Set-Cookie"))


def local(url: str) -> str:
    """Return path and query of a signed URL."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"
