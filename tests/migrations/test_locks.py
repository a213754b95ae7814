"""Migrations among live traffic: what they wait for, how long others wait for them, and two at once."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, text

from tests.conftest import PROJECT, scratch_database
from tests.migrations.running import flask_db, must


@contextmanager
def started(*arguments: str, url: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run ``flask db ...`` beside the test."""
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", "db", *arguments],
        cwd=PROJECT,
        env={**os.environ, "ENVIRONMENT": "test", "DATABASE_URL": url, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def engine_at(url: str) -> Iterator[Engine]:
    engine = create_engine(url, isolation_level="AUTOCOMMIT", pool_size=10)
    yield engine
    engine.dispose()


@contextmanager
def held(engine: Engine, statement: str) -> Iterator[Connection]:
    """Keep a transaction open that ran ``statement``."""
    with engine.connect().execution_options(isolation_level="READ COMMITTED") as connection:
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        connection.execute(text(statement))
        yield connection
        connection.rollback()


@pytest.fixture
def before_link(scratch_url: str) -> str:
    """URL of a database at the revision before cards and trades are linked."""
    must("downgrade", "0012", url=scratch_url)
    return scratch_url


def test_a_migration_gives_up_on_a_lock_tries_again_and_succeeds_while_readers_go_on(before_link: str) -> None:
    # The reader keeps the migration from its lock. Were that patient, all later readers would queue behind it.
    waited: list[float] = []
    with engine_at(before_link) as engine:
        with held(engine, "SELECT count(*) FROM cards"), started("upgrade", "0013", url=before_link) as upgrade:
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline:
                begun = time.monotonic()
                with engine.connect() as reader:
                    reader.execute(text("SET lock_timeout = 0"))
                    reader.execute(text("SELECT count(*) FROM cards"))
                waited.append(time.monotonic() - begun)
                time.sleep(0.005)
            assert upgrade.poll() is None
            still_waiting = upgrade
        del still_waiting
    assert max(waited) < 2.5
