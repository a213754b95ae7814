"""An end to every wait for the database that the client keeps itself.

A server that was stopped, or whose machine is gone, ends nothing: neither its own time-outs nor TCP tell a
client that waits in ``recv``. So each connection notes until when it waits, and one thread per process cuts
off those that are overdue: the socket is shut down, and psycopg2 reports a lost connection. (Tried:
psycopg2's own hook for waiting, ``set_wait_callback``, holds for the whole process, migrations included, and
takes COPY away.)
"""

import os
import socket
import threading
import time
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any

from psycopg2 import Error  # type: ignore[import-untyped]
from psycopg2.extensions import connection, cursor  # type: ignore[import-untyped]
from sqlalchemy import text
from sqlalchemy.orm import Session

SAYING_SO_SECONDS = 1.0
ANSWER_WITHIN_SECONDS = 5 + SAYING_SO_SECONDS
"""The server ends a statement after five seconds; one more for saying so."""
PING_WITHIN_SECONDS = 2.0
"""What runs outside a transaction is the pool asking whether a connection still works."""
ANSWER_MANY_WITHIN_SECONDS = 60.0
"""Many statements in one call, each within the server's own limit."""
LOOK_EVERY_SECONDS = 0.5


class Deadlines:
    """Who waits for the database until when, and the thread that ends it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[connection, float] = {}
        self._process = 0

    def watch(self) -> None:
        """Make sure that this process has its thread; forks do not inherit it."""
        with self._lock:
            if self._process == os.getpid():
                return
            self._process = os.getpid()
            self._waiting.clear()
        threading.Thread(target=self._look, name="database-deadlines", daemon=True).start()

    def begin(self, waiting: connection, seconds: float) -> None:
        """Note that ``waiting`` expects its answer within ``seconds``."""
        self._waiting[waiting] = time.monotonic() + seconds

    def end(self, waiting: connection) -> None:
        """Note that the answer came."""
        # Under the lock, so that whoever is being cut off right now does not go on with a dying socket.
        with self._lock:
            self._waiting.pop(waiting, None)

    def _look(self) -> None:
        while True:
            time.sleep(LOOK_EVERY_SECONDS)
            with self._lock:
                now = time.monotonic()
                for overdue in [each for each, until in self._waiting.copy().items() if until <= now]:
                    del self._waiting[overdue]
                    _cut_off(overdue)


def _cut_off(overdue: connection) -> None:
    # Not closed: the thread that waits does that itself, once it is told.
    with suppress(OSError, Error), socket.socket(fileno=os.dup(overdue.fileno())) as end:
        end.shutdown(socket.SHUT_RDWR)


_deadlines = Deadlines()


class _Answered:
    # A class, because every statement goes through it and @contextmanager takes three times as long.
    __slots__ = ("_seconds", "_waiting")

    def __init__(self, waiting: connection, seconds: float) -> None:
        self._waiting = waiting
        self._seconds = seconds

    def __enter__(self) -> None:
        _deadlines.begin(self._waiting, self._seconds)

    def __exit__(self, *error: object) -> None:
        _deadlines.end(self._waiting)


_HERE_ALREADY = nullcontext()


class BoundedConnection(connection):  # type: ignore[misc]
    """A connection that never waits for ever; statements go through its ``BoundedCursor``."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.answer_within = ANSWER_WITHIN_SECONDS
        """How many seconds a statement of the running transaction is waited for."""
        _deadlines.watch()

    def commit(self) -> None:
        """Commit, or lose the connection."""
        try:
            with _Answered(self, self.answer_within):
                super().commit()
        finally:
            self.answer_within = ANSWER_WITHIN_SECONDS

    def rollback(self) -> None:
        """Roll back, or lose the connection."""
        self.answer_within = ANSWER_WITHIN_SECONDS
        with _Answered(self, self.answer_within):
            super().rollback()


class BoundedCursor(cursor):  # type: ignore[misc]
    """A cursor whose statements are answered in time, or lose their connection."""

    def execute(self, query: Any, vars: Any = None) -> None:
        """Run one statement."""
        autocommit = self.connection.autocommit
        with _Answered(self.connection, PING_WITHIN_SECONDS if autocommit else self.connection.answer_within):
            super().execute(query, vars)

    def executemany(self, query: Any, vars_list: Any) -> None:
        """Run one statement with many sets of values."""
        seconds = max(ANSWER_MANY_WITHIN_SECONDS, self.connection.answer_within)
        with _Answered(self.connection, seconds):
            super().executemany(query, vars_list)

    def fetchone(self) -> Any:
        """Return the next row."""
        with self._fetching():
            return super().fetchone()

    def fetchmany(self, size: int | None = None) -> Any:
        """Return the next rows."""
        with self._fetching():
            return super().fetchmany(self.arraysize if size is None else size)

    def fetchall(self) -> Any:
        """Return the rows that are left."""
        with self._fetching():
            return super().fetchall()

    def close(self) -> None:
        """Close the cursor."""
        with self._fetching():
            super().close()

    def _fetching(self) -> AbstractContextManager[None]:
        # The rows of a cursor without a name are here already; one with a name asks the server each time.
        if self.name is None:
            return _HERE_ALREADY
        return _Answered(self.connection, self.connection.answer_within)


def let_statements_take(session: Session, seconds: int) -> None:
    """Let each statement of the running transaction take ``seconds``, for the server and for this client."""
    session.execute(text(f"SET LOCAL statement_timeout = '{seconds}s'"))
    waiting = session.connection().connection.driver_connection
    if isinstance(waiting, BoundedConnection):
        waiting.answer_within = seconds + SAYING_SO_SECONDS
