"""What the tests of the private server share: servers, ways to ask and to kill them."""

import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import OperationalError

import kcardswap
from kcardswap.persistence.embedded import (
    EmbeddedPostgres,
    EmbeddedPostgresError,
)
from kcardswap.persistence.embedded.cluster import Postmaster
from kcardswap.persistence.embedded.files import held_by_someone

FAST = {"fsync": "off", "shared_buffers": "16MB"}
CHECKOUT = Path(kcardswap.__file__).resolve().parent.parent
PREAMBLE = f"""
import os, signal, sys, time
from pathlib import Path
sys.path.insert(0, {str(CHECKOUT)!r})
from kcardswap.persistence.embedded import EmbeddedPostgres, EmbeddedPostgresError
server = EmbeddedPostgres(Path(sys.argv[1]), options={FAST!r})
"""
SERVE = "print(server.start(), flush=True); sys.stdin.read()"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives up its rights")


def scalar(url: str, sql: str) -> object:
    engine = create_engine(
        url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 5}
    )
    with engine.connect() as connection:
        result = connection.execute(text(sql))
        return result.scalar() if result.returns_rows else None


def answers(url: str) -> bool:
    try:
        return scalar(url, "SELECT 1") == 1
    except OperationalError:
        return False


def cluster_of(url: str) -> Path:
    return Path(str(scalar(url, "SHOW data_directory")))


def postmaster_of(cluster: Path) -> Postmaster:
    postmaster = Postmaster.of(cluster)
    assert postmaster is not None
    return postmaster


def ps(pid: int, column: str) -> int:
    return int(subprocess.check_output(["ps", "-o", f"{column}=", "-p", str(pid)], text=True))


def eventually(condition: Callable[[], bool], within_s: float = 10) -> bool:
    deadline = time.monotonic() + within_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def kill_whole_server(cluster: Path) -> None:
    """Keeper first, so that it cannot tidy up."""
    postmaster = postmaster_of(cluster)
    os.kill(ps(postmaster.pid, "ppid"), signal.SIGKILL)
    os.kill(postmaster.pid, signal.SIGKILL)
    assert eventually(lambda: not held_by_someone(cluster / "server.lock"))


@contextmanager
def another_process(data_dir: Path, body: str = SERVE) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", PREAMBLE + body, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@contextmanager
def removed_afterwards(data_dir: Path) -> Iterator[Path]:
    """As root the cluster may be outside pytest's directory, which is not ours to leave behind."""
    yield data_dir
    cleaner = EmbeddedPostgres(data_dir)

    def removed() -> bool:
        try:
            cleaner.remove()
        except EmbeddedPostgresError:
            return False
        return True

    assert eventually(removed)


def refuses(server: EmbeddedPostgres, pattern: str) -> None:
    with pytest.raises(EmbeddedPostgresError, match=pattern) as caught:
        server.start()
    assert "\n" not in str(caught.value)


def host_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["host"][0]


def server_account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def ownership(paths: Iterable[Path]) -> list[tuple[int, int, int]]:
    return [(status.st_uid, status.st_gid, status.st_mode) for status in (path.stat() for path in paths)]
