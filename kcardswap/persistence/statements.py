"""Counting SQL statements: for the log line of each request, and for the tests that bound them."""

from contextvars import ContextVar
from typing import Any

from sqlalchemy import Engine, event

_count: ContextVar[int] = ContextVar("statement_count", default=0)


def count_statements() -> None:
    """Start counting from zero in this context."""
    _count.set(0)


def statement_count() -> int:
    """Return how many statements this context has sent since it began to count."""
    return _count.get()


@event.listens_for(Engine, "before_cursor_execute")
def _note(*args: Any) -> None:
    _count.set(_count.get() + 1)
