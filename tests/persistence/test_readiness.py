"""Asking the database whether it can serve, also when it hangs."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import Connection, text

from kcardswap.persistence.engine import PooledDatabase, make_engine
from kcardswap.persistence.readiness import Readiness, database_revisions, shipped_revisions
from kcardswap.runtime import Runtime
from tests.conftest import PROJECT, SharedConnectionDatabase, scratch_database

WELL = {"database": "ok", "schema": "ok", "serving": "ok"}


def never() -> bool:
    return False


@pytest.fixture
def silent_url() -> Iterator[str]:
    """URL of a server that takes connections and never says a word, like a stopped process."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"postgresql://kcardswap@127.0.0.1:{server.getsockname()[1]}/kcardswap"


def test_the_expected_schema_is_the_newest_shipped_migration() -> None:
    newest = max(path.name[:4] for path in (PROJECT / "migrations" / "versions").glob("0*.py"))
    assert shipped_revisions() == {newest}


def test_an_unmerged_branch_has_two_newest_revisions(tmp_path: Path) -> None:
    versions = tmp_path / "versions"
    versions.mkdir()
    (tmp_path / "env.py").touch()
    for revision, parent in (("a", None), ("b", "a"), ("c", "a")):
        (versions / f"{revision}.py").write_text(f"revision = {revision!r}\ndown_revision = {parent!r}\n")
    assert shipped_revisions(tmp_path) == {"b", "c"}


def test_a_migrated_database_is_at_the_expected_schema(connection: Connection) -> None:
    assert database_revisions(connection) == shipped_revisions()


def test_a_database_that_never_saw_a_migration_is_at_no_revision(server_url: str) -> None:
    with scratch_database(server_url) as url:
        engine = make_engine(url)
        readiness = Readiness(PooledDatabase(engine), draining=never, expected=frozenset({"0015"}))
        assert readiness.checks() == {**WELL, "schema": "at revision none, expected 0015"}
        engine.dispose()


def test_a_pooled_database_is_well(committed_runtime: Runtime) -> None:
    readiness = Readiness(committed_runtime.database, draining=never)
    assert readiness.checks() == WELL
    assert readiness.database_answers()


def test_a_database_that_says_nothing_is_given_up_after_a_second(silent_url: str) -> None:
    engine = make_engine(silent_url)
    readiness = Readiness(PooledDatabase(engine), draining=never)
    started = time.monotonic()
    assert not readiness.database_answers()
    assert readiness.checks()["database"] == "does not answer"
    assert time.monotonic() - started < 3
    engine.dispose()


class StuckDatabase(SharedConnectionDatabase):
    """A database that holds whoever asks until it is let go."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.go = Event()
        self.asked = 0

    @contextmanager
    def reader(self) -> Iterator[Connection]:
        """Yield the connection once ``go`` is set."""
        self.asked += 1
        self.go.wait(10)
        yield self.connection


def test_askers_do_not_pile_up_behind_one_that_hangs_and_the_next_answer_counts(
    connection: Connection, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    database = StuckDatabase(connection)
    readiness = Readiness(database, draining=never, answer_within_seconds=0.05)
    assert not readiness.database_answers()
    assert not readiness.database_answers()
    assert database.asked == 1
    database.go.set()
    eventually(readiness.database_answers)


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Wait up to five seconds until something holds."""

    def wait(holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 5
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    return wait


def test_a_mismatch_is_logged_again_only_after_it_changed(connection: Connection) -> None:
    readiness = Readiness(SharedConnectionDatabase(connection), draining=never)
    assert readiness.checks() == WELL
    connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    assert readiness.checks()["schema"].startswith("at revision 0001")
    connection.execute(text("DELETE FROM alembic_version"))
    assert readiness.checks()["schema"].startswith("at revision none")
