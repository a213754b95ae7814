"""Structured logs: JSON lines, one per request, without anything that identifies or lets in."""

import logging
import sys
import traceback
import warnings
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog
from gunicorn.glogging import Logger  # type: ignore[import-untyped]
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
    root = logging.getLogger()
    if not any(isinstance(handler, JsonLines) for handler in root.handlers):
        root.addHandler(JsonLines(logging.WARNING))
    warnings.showwarning = _log_warning


class JsonLines(logging.Handler):
    """Says what libraries log in our JSON lines: their words, without what they fill in.

    The arguments of their messages are addresses, statements and what people sent.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Log the record's message as our own loggers would, from the same level upwards."""
        log = structlog.get_logger()
        say = log.error if record.levelno >= logging.ERROR else log.warning
        if record.levelno < logging.WARNING:
            say = log.info
        say(self.words(record), logger=record.name, exc_info=record.exc_info)

    def words(self, record: logging.LogRecord) -> str:
        """Return what to say of ``record``."""
        return str(record.msg)


class ServerLines(JsonLines):
    """The same for the server itself, whose messages name processes and signals."""

    def words(self, record: logging.LogRecord) -> str:
        """Return the whole message."""
        return record.getMessage()


class GunicornLogger(Logger):  # type: ignore[misc]
    """gunicorn's log in our JSON lines, without anything of the requests it could not serve.

    Used with ``gunicorn --logger-class kcardswap.logs.GunicornLogger``.
    """

    def setup(self, cfg: Any) -> None:
        """Send everything to standard error; in the process that loads no application, from INFO upwards."""
        super().setup(cfg)
        if not structlog.is_configured():
            configure_logging("INFO")
        self.error_log.handlers = [ServerLines()]

    def warning(self, msg: str, *args: Any, **options: Any) -> None:
        """Log a warning, of a malformed request only what kind it is.

        gunicorn puts the caller's address and the malformed header or request line into the message,
        which may be a misspelt Authorization header or a signed URL.
        """
        if msg.startswith("Invalid request"):
            msg, args = "Invalid request: %s", (type(sys.exception()).__name__,)
        super().warning(msg, *args, **options)

    def exception(self, msg: str, *args: Any, **options: Any) -> None:
        """Log an exception without the path and query of the request that met it."""
        super().exception(msg.partition(" %")[0], **options)

    def access(self, *request: Any) -> None:
        """Log no access: its line would hold the query, and every request has a line of ours."""


def _log_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    # The message may quote data.
    structlog.get_logger().warning("warned", category=category.__name__, filename=filename, lineno=lineno)


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
