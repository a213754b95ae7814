"""Whether this process can serve: the database answers in time and has the schema the code expects."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as AnswerTimeout
from functools import cache
from pathlib import Path
from threading import Lock, Thread

import structlog
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from kcardswap.persistence.engine import Database

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
ANSWER_WITHIN_SECONDS = 1.0
OK = "ok"

log = structlog.get_logger(__name__)


@cache
def shipped_revisions(migrations: Path = MIGRATIONS) -> frozenset[str]:
    """Return the newest revision of the migrations beside this code: the schema it was written for."""
    # A set, because an unmerged branch has two; the commands that merge it must still start.
    return frozenset(ScriptDirectory(str(migrations)).get_heads())


def database_revisions(connection: Connection) -> frozenset[str]:
    """Return the revision the database is at; empty when it never saw a migration."""
    if connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return frozenset()
    return frozenset(connection.scalars(text("SELECT version_num FROM alembic_version")))


class Readiness:
    """Asks the database, and never longer than a second.

    A database that hangs instead of refusing would hold its asker too, so the question is asked on a
    thread of its own; while that one still waits, the answer is no.
    """

    def __init__(
        self,
        database: Database,
        *,
        draining: Callable[[], bool],
        expected: frozenset[str] | None = None,
        answer_within_seconds: float = ANSWER_WITHIN_SECONDS,
    ) -> None:
        self._database = database
        self._draining = draining
        # Now, at start-up: during a deployment the files beside a running process may already be newer.
        self._expected = shipped_revisions() if expected is None else expected
        self._answer_within_seconds = answer_within_seconds
        self._lock = Lock()
        self._pending: Future[frozenset[str]] | None = None
        self._reported: frozenset[str] | None = None

    def checks(self) -> Mapping[str, str]:
        """Return what each check found; everything is well when all say ``ok``."""
        revisions = self._ask()
        return {
            "database": "does not answer" if revisions is None else OK,
            "schema": "unknown" if revisions is None else self._judge(revisions),
            "serving": "draining" if self._draining() else OK,
        }

    def database_answers(self) -> bool:
        """Tell whether the database answers within a second."""
        return self._ask() is not None

    def _ask(self) -> frozenset[str] | None:
        """Return the revisions of the database, or None when it does not say in time."""
        try:
            return self._pending_answer().result(timeout=self._answer_within_seconds)
        except AnswerTimeout:
            return None
        except Exception as error:
            # Whatever keeps the database from answering, requests are better sent elsewhere.
            log.warning("database_does_not_answer", error=type(error).__name__)
            return None

    def _pending_answer(self) -> Future[frozenset[str]]:
        with self._lock:
            if self._pending is None or self._pending.done():
                self._pending = Future()
                # A daemon, so that a database that never answers cannot keep the process from ending.
                Thread(target=self._fulfil, args=(self._pending,), name="readiness", daemon=True).start()
            return self._pending

    def _fulfil(self, answer: Future[frozenset[str]]) -> None:
        try:
            answer.set_result(self._read_revisions())
        except Exception as error:
            answer.set_exception(error)

    def _read_revisions(self) -> frozenset[str]:
        with self._database.reader() as connection:
            return database_revisions(connection)

    def _judge(self, revisions: frozenset[str]) -> str:
        if revisions == self._expected:
            self._reported = None
            return OK
        found, expected = _named(revisions), _named(self._expected)
        if self._reported != revisions:
            # Said once per change, for load balancers ask every second.
            log.error("schema_not_at_head", found=found, expected=expected, run="flask db upgrade")
            self._reported = revisions
        return f"at revision {found}, expected {expected}"


def _named(revisions: frozenset[str]) -> str:
    return " and ".join(sorted(revisions)) or "none"
