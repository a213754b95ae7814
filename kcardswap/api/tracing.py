"""One id and one log line per request."""

import re
import time

import structlog
from flask import Flask, Response, g, request

from kcardswap.api.context import runtime
from kcardswap.runtime import count_statements, statement_count

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)
PROBES = ("/livez", "/readyz", "/health", "/api/v1/health")
log = structlog.get_logger("kcardswap.requests")


def init_tracing(app: Flask) -> None:
    """Give every request of ``app`` an id and a log line."""
    app.before_request(_begin)
    app.after_request(_finish)
    app.teardown_request(_forget)


def _begin() -> None:
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if REQUEST_ID.fullmatch(given) else str(runtime().new_id())
    g.started = time.perf_counter()
    count_statements()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _finish(answer: Response) -> Response:
    answer.headers["X-Request-ID"] = g.request_id
    # The route's template, never the path or query: those carry ids, signatures and search words.
    route = request.url_rule.rule if request.url_rule else None
    # Monitors ask every second and would drown everybody else.
    say = log.debug if route in PROBES else log.info
    say(
        "request",
        method=request.method,
        route=route,
        status=answer.status_code,
        ms=round((time.perf_counter() - g.started) * 1000, 1),
        statements=statement_count(),
    )
    return answer


def _forget(error: BaseException | None) -> None:
    # The thread goes on to serve others, and the server may log in between.
    structlog.contextvars.clear_contextvars()
