"""Lines of the log as tests read them."""

from typing import Any

Lines = list[dict[str, Any]]
REQUEST_LINE = {"event", "level", "timestamp", "request_id", "method", "route", "status", "ms", "statements"}
