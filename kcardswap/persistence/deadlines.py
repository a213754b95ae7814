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
from contextlib import suppress
from typing import Any

from psycopg2 import Error  # type: ignore[import-untyped]
from psycopg2.extensions import connection, cursor  # type: ignore[import-untyped]

ANSWER_WITHIN_SECONDS = 6.0
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


class BoundedConnection(connection):  # type: ignore[misc]
    """A connection that never waits for ever; statements go through its ``BoundedCursor``."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        _deadlines.watch()

    def commit(self) -> None:
        """Commit, or lose the connection."""
        _deadlines.begin(self, ANSWER_WITHIN_SECONDS)
        try:
            super().commit()
        finally:
            _deadlines.end(self)

    def rollback(self) -> None:
        """Roll back, or lose the connection."""
        _deadlines.begin(self, ANSWER_WITHIN_SECONDS)
        try:
            super().rollback()
        finally:
            _deadlines.end(self)


class BoundedCursor(cursor):  # type: ignore[misc]
    """A cursor whose statements are answered in time, or lose their connection."""

    def execute(self, query: Any, vars: Any = None) -> None:
        """Run one statement."""
        seconds = PING_WITHIN_SECONDS if self.connection.autocommit else ANSWER_WITHIN_SECONDS
        _deadlines.begin(self.connection, seconds)
        try:
            super().execute(query, vars)
        finally:
            _deadlines.end(self.connection)

    def executemany(self, query: Any, vars_list: Any) -> None:
        """Run one statement with many sets of values."""
        _deadlines.begin(self.connection, ANSWER_MANY_WITHIN_SECONDS)
        try:
            super().executemany(query, vars_list)
        finally:
            _deadlines.end(self.connection)
