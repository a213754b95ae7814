"""Structured logs: JSON lines, one per request, without anything that identifies or lets in."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

SECRET_KEYS = ("token", "password", "email", "secret", "signature", "cookie", "authorization")


def configure_logging(level: str) -> None:
    """Send all logs of the process to standard error as JSON, from ``level`` upwards."""
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
        structlog.processors.dict_tracebacks,
        structlog.processors.JSONRenderer(),
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def hide_secrets(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank values whose key says that they are nobody's business."""
    for key in event:
        if any(word in key.lower() for word in SECRET_KEYS):
            event[key] = "[hidden]"
    return event
