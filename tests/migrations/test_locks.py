"""Migrations among live traffic: what they wait for, how long others wait for them, and two at once."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import quantiles

import pytest
from sqlalchemy import Connection, Engine, create_engine, text

from tests.conftest import PROJECT
from tests.migrations.running import REVISIONS, flask_db, must

READ = text("SELECT count(*) FROM cards")
WRITE = text("UPDATE cards SET note = note")
WAITING = text(
    """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'kcardswap-migrations'
      AND wait_event_type = 'Lock' AND query LIKE :query
    """
)


@contextmanager
def started(*arguments: str, url: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run ``flask db ...`` beside the test."""
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", "db", *arguments],
        cwd=PROJECT,
        env={
            **os.environ,
            "ENVIRONMENT": "test",
            "DATABASE_URL": url,
            "PYTHONUNBUFFERED": "1",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def engine(scratch_url: str) -> Iterator[Engine]:
    """Engine of the migrated database; each statement commits by itself."""
    engine = create_engine(scratch_url, isolation_level="AUTOCOMMIT", pool_size=10)
    yield engine
    engine.dispose()


@contextmanager
def open_transaction(engine: Engine, statement: str) -> Iterator[Connection]:
    """Keep a transaction open that ran ``statement``."""
    with engine.connect().execution_options(isolation_level="READ COMMITTED") as connection:
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        connection.execute(text(statement))
        yield connection
        connection.rollback()


def wait_until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


def waits(engine: Engine, query: str) -> bool:
    with engine.connect() as connection:
        return bool(connection.scalar(WAITING, {"query": query}))


def read_until(stop: threading.Event, engine: Engine, took: list[float]) -> None:
    """Read the table again and again, patiently, and note how long each time took."""
    with engine.connect() as reader:
        reader.execute(text("SET lock_timeout = 0"))
        while not stop.is_set():
            begun = time.monotonic()
            reader.execute(READ)
            took.append(time.monotonic() - begun)
            time.sleep(0.002)


def test_a_migration_gives_up_on_a_lock_and_tries_again_while_readers_go_on(
    engine: Engine, scratch_url: str
) -> None:
    must("downgrade", "0013", url=scratch_url)
    took: list[float] = []
    stop = threading.Event()
    reading = threading.Thread(target=read_until, args=(stop, engine, took))
    # Dropping a constraint locks readers out, and all who come while it waits for its turn queue behind it.
    with started("downgrade", "0012", url=scratch_url) as downgrade:
        with open_transaction(engine, "SELECT count(*) FROM cards"):
            reading.start()
            wait_until(lambda: waits(engine, "ALTER TABLE%"))
            begun = time.monotonic()
            assert downgrade.stdout is not None
            assert downgrade.stdout.readline().startswith("A lock is taken; attempt 2 in ")
            gave_up_after = time.monotonic() - begun
        printed = downgrade.stdout.read()
        assert downgrade.wait(20) == 0, printed
    stop.set()
    reading.join()
    assert "Downgraded from 0013" in printed
    assert 1.5 < gave_up_after < 3.5
    assert max(took) < 3.5
    # R15 of the reliability promises.
    assert quantiles(took, n=100)[98] <= 0.15


def test_a_lock_that_never_comes_free_ends_in_one_line(engine: Engine, scratch_url: str) -> None:
    must("downgrade", "0012", url=scratch_url)
    with open_transaction(engine, "UPDATE cards SET note = note"):
        done = flask_db(
            "upgrade", "0013", url=scratch_url, MIGRATION_LOCK_TIMEOUT="100ms", MIGRATION_ATTEMPTS="2"
        )
    assert done.exit_code == 1
    assert done.stderr == "Error: The database says: canceling statement due to lock timeout\n"
    assert done.stdout.count("A lock is taken") == 1
    assert "0012" in must("current", url=scratch_url)


def test_an_index_is_built_without_stopping_readers_or_writers_however_long_others_take(
    engine: Engine, scratch_url: str
) -> None:
    must("downgrade", "0014", url=scratch_url)
    with started("upgrade", "0015", url=scratch_url, MIGRATION_LOCK_TIMEOUT="100ms") as upgrade:
        with open_transaction(engine, "UPDATE cards SET note = note"), engine.connect() as connection:
            wait_until(lambda: waits(engine, "CREATE INDEX CONCURRENTLY%"))
            # Longer than a role waits for locks.
            until = time.monotonic() + 2.2
            while time.monotonic() < until:
                begun = time.monotonic()
                connection.execute(READ)
                connection.execute(WRITE)
                assert time.monotonic() - begun < 1
                time.sleep(0.02)
            assert upgrade.poll() is None
        assert upgrade.wait(20) == 0
    assert must("current", url=scratch_url).split() == ["0015"]


def test_an_index_left_invalid_by_a_failed_build_is_built_anew(engine: Engine, scratch_url: str) -> None:
    must("downgrade", "0014", url=scratch_url)
    validity = text(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_cards_acquired_trade_id'::regclass"
    )
    with engine.connect() as connection:
        connection.execute(text("CREATE INDEX ix_cards_acquired_trade_id ON cards (acquired_trade_id)"))
        connection.execute(
            text(
                "UPDATE pg_index SET indisvalid = false"
                " WHERE indexrelid = 'ix_cards_acquired_trade_id'::regclass"
            )
        )
        must("upgrade", url=scratch_url)
        assert connection.scalar(validity) is True


def test_the_limits_of_an_index_build_do_not_stay_with_the_connection(scratch_url: str) -> None:
    # What follows in the same session, possibly somebody else's behind a pooler, is bounded as ever.
    must("downgrade", "0014", url=scratch_url)
    session = create_engine(scratch_url, pool_size=1, max_overflow=0)
    with session.connect() as connection:
        limits = connection.execute(
            text("SELECT current_setting('lock_timeout'), current_setting('statement_timeout')")
        ).one()
    session.dispose()
    assert tuple(limits) == ("2s", "5s")


def test_two_upgrades_at_the_same_moment_share_the_work_and_both_end_well(empty_url: str) -> None:
    with started("upgrade", url=empty_url) as one, started("upgrade", url=empty_url) as other:
        printed = [process.communicate(timeout=60)[0] for process in (one, other)]
        assert (one.returncode, other.returncode) == (0, 0), printed
    assert sum(output.count("Upgraded to") for output in printed) == len(REVISIONS)
    assert "No new upgrade operations" in must("check", url=empty_url)


def test_an_upgrade_that_is_killed_leaves_the_way_free(engine: Engine, scratch_url: str) -> None:
    must("downgrade", "0012", url=scratch_url)
    with (
        open_transaction(engine, "UPDATE cards SET note = note"),
        started("upgrade", url=scratch_url, MIGRATION_LOCK_TIMEOUT="500ms") as killed,
    ):
        wait_until(lambda: waits(engine, "ALTER TABLE%"))
        killed.kill()
    assert "Upgraded to 0013" in must("upgrade", url=scratch_url)
