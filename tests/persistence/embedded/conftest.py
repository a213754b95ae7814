"""Data directories and servers of the tests of the private server."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kcardswap.persistence.embedded import (
    EmbeddedPostgres,
)
from tests.persistence.embedded.servers import FAST, removed_afterwards


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """Below pytest's directories of mode 0700: as root, nothing there is in reach of the server's account."""
    with removed_afterwards(tmp_path / "data") as path:
        yield path


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A directory that everyone may enter."""
    path = Path(tempfile.mkdtemp(prefix="kct-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data directory with a cluster, for tests that start servers but need no new cluster each."""
    with removed_afterwards(tmp_path_factory.mktemp("settled")) as path:
        with EmbeddedPostgres(path, options=FAST):
            pass
        yield path


@pytest.fixture
def server(settled: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(settled, options=FAST) as started:
        yield started


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One server for the tests that leave it as it is."""
    with (
        removed_afterwards(tmp_path_factory.mktemp("shared")) as path,
        EmbeddedPostgres(path, options=FAST) as started,
    ):
        yield started
