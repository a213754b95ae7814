"""Who may keep an answer, and how the same answer is not sent twice."""

import hashlib
from typing import Literal

from flask import Response, request

Cache = Literal["public", "private"]
CACHE_CONTROL: dict[Cache, str] = {"public": "public, max-age=300", "private": "private, no-cache"}


def with_etag(answer: Response, cache: Cache) -> Response:
    """Give an answer its weak ETag, or turn it into a 304 when the caller has it already."""
    answer.headers["Cache-Control"] = CACHE_CONTROL[cache]
    answer.set_etag(hashlib.sha256(answer.get_data()).hexdigest()[:32], weak=True)
    answer.make_conditional(request)
    return answer


def add_cache_headers(answer: Response) -> Response:
    """Say who may keep ``answer``: its caller alone, unless it says otherwise itself."""
    if "Cache-Control" not in answer.headers:
        answer.headers["Cache-Control"] = CACHE_CONTROL["private"]
    # Also without an Origin in the request: what a cache then keeps lacks the headers a browser needs.
    answer.vary.add("Origin")
    if not answer.cache_control.public:
        answer.vary.update(["Authorization", "Cookie"])
    return answer
