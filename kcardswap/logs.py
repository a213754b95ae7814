"""Structured logs: JSON lines, one per request, without anything that identifies or lets in."""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.typing import ExcInfo

SECRET_KEYS = ("token", "password", "email", "secret", "signature", "cookie", "authorization")
MAX_CAUSES, MAX_FRAMES = 5, 50


def configure_logging(level: str) -> None:
    """Send all logs of the process to standard error as JSON, from ``level`` upwards."""
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
        structlog.processors.ExceptionRenderer(traceback_without_data),
        structlog.processors.JSONRenderer(),
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        # Looked up for every line: whoever redirects standard error gets what is said from then on.
        logger_factory=lambda *names: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def traceback_without_data(exc_info: ExcInfo) -> list[dict[str, Any]]:
    """Return where an exception and its causes come from, the last one raised first.

    Messages and local variables are left out: they quote what people sent, down to the parameters of
    the SQL statement that failed.
    """
    described: list[dict[str, Any]] = []
    cause: BaseException | None = exc_info[1]
    while cause is not None and len(described) < MAX_CAUSES:
        frames = [
            {"filename": frame.filename, "lineno": frame.lineno, "name": frame.name}
            for frame in traceback.extract_tb(cause.__traceback__)[-MAX_FRAMES:]
        ]
        state = getattr(getattr(cause, "diag", None), "sqlstate", None)
        described.append({"exc_type": type(cause).__name__, "sqlstate": state, "frames": frames})
        cause = cause.__cause__ or cause.__context__
    return described


def hide_secrets(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank values whose key says that they are nobody's business."""
    for key in event:
        if any(word in key.lower() for word in SECRET_KEYS):
            event[key] = "[hidden]"
    return event
