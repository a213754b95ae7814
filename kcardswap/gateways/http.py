"""Asking other services over HTTP without ever waiting long or reading much."""

import time
from collections.abc import Mapping
from typing import NamedTuple

import requests

CONNECT_SECONDS, READ_SECONDS = 2.0, 5.0
ANSWER_MAX_BYTES = 262_144


class HttpAnswer(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    data: bytes


def exchange(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    connect_seconds: float = CONNECT_SECONDS,
    read_seconds: float = READ_SECONDS,
    repeats: bool = True,
) -> HttpAnswer:
    """Send one request and return the whole answer.

    A connection that breaks is tried once more if ``repeats``, so the other side may see a request twice.

    :raises requests.RequestException: nobody there, too slow, or too long an answer.
    """
    try:
        return _exchange(method, url, headers, body, connect_seconds, read_seconds)
    except requests.Timeout:
        raise
    except requests.ConnectionError:
        if not repeats:
            raise
        return _exchange(method, url, headers, body, connect_seconds, read_seconds)


def _exchange(
    method: str,
    url: str,
    headers: Mapping[str, str] | None,
    body: bytes | None,
    connect_seconds: float,
    read_seconds: float,
) -> HttpAnswer:
    with requests.request(
        method,
        url,
        headers=headers,
        data=body,
        timeout=(connect_seconds, read_seconds),
        allow_redirects=False,
        stream=True,
    ) as answer:
        return HttpAnswer(answer.status_code, answer.headers, read_body(answer, seconds=read_seconds))


def read_body(answer: requests.Response, *, seconds: float, max_bytes: int = ANSWER_MAX_BYTES) -> bytes:
    """Return the body of a streamed answer.

    :raises requests.Timeout: it takes longer than ``seconds`` or has more than ``max_bytes``.
    """
    deadline = time.monotonic() + seconds
    body = bytearray()
    # The library's time-out only bounds the pause between two packets, and it waits for whole chunks.
    for byte in answer.iter_content(1):
        body += byte
        if len(body) > max_bytes or time.monotonic() > deadline:
            raise requests.Timeout("too slow or too long")
    return bytes(body)
