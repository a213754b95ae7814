"""A served kcardswap: gunicorn on an embedded database, started the way a new user starts it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from kcardswap.persistence.embedded import EmbeddedPostgres

PROJECT = Path(__file__).resolve().parents[2]
START_SECONDS = 60


@dataclass(frozen=True)
class Served:
    """A running server: its base URL, its process and the file its output goes to."""

    url: str
    process: subprocess.Popen[bytes]
    output: Path


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serve(data_dir: Path, *options: str, output: Path, **environment: str) -> Iterator[Served]:
    """Run ``flask serve`` and yield it when it is ready; it is stopped like by Ctrl-C."""
    port = free_port()
    clean = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "DATA_DIR")}
    with output.open("wb") as target:
        process = subprocess.Popen(
            [sys.executable, "-m", "flask", "serve", *options],
            cwd=PROJECT,
            env={**clean, "DATA_DIR": str(data_dir), "PORT": str(port), **environment},
            stdout=target,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield Served(_when_ready(process, port, output), process, output)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
            process.wait(timeout=30)


def _when_ready(process: subprocess.Popen[bytes], port: int, output: Path) -> str:
    url = f"http://localhost:{port}"
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if "kcardswap is ready" in output.read_text():
            assert requests.get(f"{url}/readyz", timeout=5).status_code == 200
            return url
        time.sleep(0.1)
    raise AssertionError(f"not ready:\n{output.read_text()}")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for the tests of a module, without demo data."""
    home = tmp_path_factory.mktemp("served")
    with serve(home / "data", "--no-demo", output=home / "output.txt") as server:
        yield server
    EmbeddedPostgres(home / "data").remove()
