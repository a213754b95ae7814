"""Databases of the migration tests."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine, make_url

from kcardswap.persistence.embedded import EmbeddedPostgres, find_system_postgres
from tests.conftest import FAST, scratch_database

OLDEST_SUPPORTED = 15


@pytest.fixture(scope="session")
def oldest_server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server of the oldest PostgreSQL we support, where this machine has one."""
    bin_dir = find_system_postgres(OLDEST_SUPPORTED)
    if bin_dir is None:
        pytest.skip(f"no PostgreSQL {OLDEST_SUPPORTED} in /usr/lib/postgresql/{OLDEST_SUPPORTED}/bin")
    server = EmbeddedPostgres(tmp_path_factory.mktemp("oldest"), options=FAST, bin_dir=bin_dir)
    yield server.start()
    server.remove()


@pytest.fixture(params=["server_url", "oldest_server_url"], ids=["default", "oldest"])
def empty_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of an empty database: once on the suite's server, once on the oldest supported one."""
    with scratch_database(request.getfixturevalue(request.param)) as url:
        yield url


@pytest.fixture
def scratch_url(server_url: str, migrated_url: str) -> Iterator[str]:
    """URL of a migrated database of the test's own."""
    with scratch_database(server_url, make_url(migrated_url).database) as url:
        yield url


@pytest.fixture
def scratch(scratch_url: str) -> Iterator[Connection]:
    """A connection to a migrated database of the test's own; each statement commits by itself."""
    engine = create_engine(scratch_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()
