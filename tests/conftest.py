"""Fixtures: a real PostgreSQL, migrated once per worker, and an application on it."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.orm import Session

from kcardswap.api.limits import RateLimits
from kcardswap.app import build_runtime, create_app
from kcardswap.gateways.dev_play_store import Books, DevPlayStore
from kcardswap.logs import configure_logging
from kcardswap.persistence.embedded import EmbeddedPostgres
from kcardswap.persistence.engine import PooledDatabase, joined_session, make_engine, normalise_url
from kcardswap.persistence.orm.mappings import map_entities
from kcardswap.persistence.statements import count_statements, statement_count
from kcardswap.runtime import EXTENSION, Runtime
from kcardswap.settings import Environment, Settings
from tests.gateways.fcm_server import FcmServer
from tests.openapi_client import CheckedClient
from tests.people import MakePerson, make_person

PROJECT = Path(__file__).resolve().parents[1]
# A test database may lose everything in a crash, so it need not wait for the disk.
INTERNAL_TOKEN = "test-internal-token-test-internal-token"
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}


class MovableClock:
    """A clock that stands still until a test moves it.

    It starts at noon in Taipei, in the middle of a month: no quota period ends by accident.
    """

    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 12, 4, 0, tzinfo=UTC)

    def now(self) -> datetime:
        """Return the moment the test has set."""
        return self.moment

    def advance(self, **span: float) -> None:
        """Move on by a timedelta's keyword arguments."""
        self.moment += timedelta(**span)


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of the server all databases of this test worker are on."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield normalise_url(given)
        return
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), options=FAST)
    yield server.start()
    server.remove()


def run_flask(
    *arguments: str, url: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run ``flask ...`` in a process of its own and return what it printed."""
    env = {**os.environ, "LOG_LEVEL": "WARNING", **({"DATABASE_URL": url} if url else {}), **environment}
    return subprocess.run(
        [sys.executable, "-m", "flask", *arguments],
        cwd=PROJECT,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@contextmanager
def scratch_database(server: str, template: str | None = None) -> Iterator[str]:
    """Yield the URL of a new database, empty or copied from ``template``, dropped afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT", pool_size=1, max_overflow=0)
    with admin.connect() as connection:
        source = template or "template0"
        connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{source}"'))
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        admin.dispose()


@pytest.fixture(scope="session")
def migrated_url(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of the template database: brought to head by ``flask db upgrade``, never written to."""
    with scratch_database(server_url) as url:
        done = run_flask("db", "upgrade", url=url, DATA_DIR=str(tmp_path_factory.mktemp("data")))
        assert done.returncode == 0, done.stderr
        yield url


@pytest.fixture(scope="session")
def suite_url(server_url: str, migrated_url: str) -> Iterator[str]:
    """URL of the database the isolated tests of this worker share."""
    with scratch_database(server_url, make_url(migrated_url).database) as url:
        yield url


@pytest.fixture(scope="session")
def suite_engine(suite_url: str) -> Iterator[Engine]:
    """Engine of the shared database."""
    map_entities()
    engine = create_engine(suite_url)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(suite_engine: Engine) -> Iterator[Connection]:
    """A connection inside a transaction that is rolled back after the test."""
    with suite_engine.connect() as connection:
        transaction = connection.begin()
        yield connection
        transaction.rollback()


class SharedConnectionDatabase:
    """Sessions and readers that all take part in one test's transaction."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def session(self) -> Session:
        """Return a session inside the test's transaction."""
        return joined_session(self.connection)

    @contextmanager
    def reader(self) -> Iterator[Connection]:
        """Yield the test's connection."""
        yield self.connection

    replica = snapshot = reader

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield the test's connection inside a savepoint."""
        with self.connection.begin_nested():
            yield self.connection


@pytest.fixture
def clock() -> MovableClock:
    """A clock the test can move."""
    return MovableClock()


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this worker keeps what is slow to make, such as the development provider's key."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def settings(tmp_path: Path, data_dir: Path, play_server: DevPlayStore) -> Settings:
    """Settings of a test; stored objects are below ``tmp_path``."""
    return Settings(
        environment=Environment.TEST,
        data_dir=data_dir,
        log_level="ERROR",
        public_base_url="http://localhost",
        jwt_secret_key="test-jwt-key-test-jwt-key-test-jwt-key",
        storage_signing_key="test-storage-key-test-storage-key-test",
        hash_pepper="test-pepper-test-pepper-test-pepper-te",
        sealing_key="test-sealing-key-test-sealing-key-test",
        storage_root=tmp_path / "storage",
        dev_identity_provider=True,
        cors_origins=("https://app.kcardswap.example",),
        # Nobody listens there: tests reach nothing beyond loopback.
        google_jwks_url="http://127.0.0.1:9/certs",
        google_token_url="http://127.0.0.1:9/token",
        apple_base_url="http://127.0.0.1:9",
        google_play_package_name=play_server.package_name,
        google_play_key_path=play_server.key_path,
        google_play_base_url=play_server.base_url,
        internal_token=INTERNAL_TOKEN,
        rate_limit_user="100000/5 minutes",
        rate_limit_anonymous="100000/5 minutes",
    )


@pytest.fixture(scope="session")
def play_server(data_dir: Path) -> Iterator[DevPlayStore]:
    """The stand-in for Google Play of this worker, on loopback."""
    with DevPlayStore(data_dir=data_dir).serve() as server:
        yield server


@pytest.fixture
def play(play_server: DevPlayStore, clock: MovableClock) -> Iterator[Books]:
    """What Google Play sold, as far as this test is concerned, by the test's clock."""
    play_server.books = Books(now=clock.now)
    yield play_server.books
    play_server.books = Books()


@pytest.fixture
def fcm(tmp_path: Path) -> Iterator[FcmServer]:
    """A Firebase of this test, on loopback."""
    with FcmServer(tmp_path).serve() as server:
        yield server


def with_clock(runtime: Runtime, clock: MovableClock) -> Runtime:
    """Return ``runtime`` telling the time by ``clock``."""
    return Runtime(**{**vars(runtime), "clock": clock})


@pytest.fixture
def runtime(settings: Settings, connection: Connection, clock: MovableClock) -> Runtime:
    """The runtime of service tests, inside the test's transaction."""
    return with_clock(build_runtime(settings, SharedConnectionDatabase(connection)), clock)


@pytest.fixture
def app(settings: Settings, runtime: Runtime) -> Flask:
    """The application, inside the test's transaction.

    Building it takes longer than most tests, so a worker builds one per kind of settings; everything a
    test could change about it is new in every test. A test that adds routes builds its own.
    """
    configure_logging(settings.log_level)
    app = built_app(replace(settings, storage_root=PROJECT))
    app.extensions[EXTENSION] = runtime
    app.extensions["rate_limits"] = RateLimits(settings)
    return app


@cache
def built_app(settings: Settings) -> Flask:
    """Return the application of ``settings``; nothing in it remembers where objects are stored."""
    app = create_app(settings)
    app.testing = False
    app.test_client_class = CheckedClient
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client without credentials or cookies; it accepts only what the OpenAPI document promises."""
    return app.test_client(use_cookies=False)


@pytest.fixture
def person(runtime: Runtime, client: FlaskClient) -> MakePerson:
    """Make somebody who is signed in: ``person("mina")``, ``person("root", Role.ADMIN)``."""
    return partial(make_person, runtime, client)


@pytest.fixture
def committed_runtime(
    server_url: str, migrated_url: str, settings: Settings, clock: MovableClock
) -> Iterator[Runtime]:
    """A runtime on a database of its own with real commits, for races between threads."""
    with scratch_database(server_url, make_url(migrated_url).database) as url:
        map_entities()
        engine = make_engine(url, pool_size=20, pool_timeout_seconds=30)
        yield with_clock(build_runtime(settings, PooledDatabase(engine)), clock)
        engine.dispose()


@pytest.fixture
def count_sql() -> Callable[[], Any]:
    """Counts the statements sent inside ``with count_sql() as sent: ...``; ``sent()`` tells how many."""

    @contextmanager
    def counting() -> Iterator[Callable[[], int]]:
        count_statements()
        yield statement_count

    return counting
