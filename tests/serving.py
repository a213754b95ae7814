"""Real servers for tests: gunicorn in a process group of its own, its whole output in a file."""

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

import requests

PROJECT = Path(__file__).resolve().parents[1]
START_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """A running gunicorn: where it listens and the file all it says goes to."""

    url: str
    output: Path


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def gunicorn(application: str, *, data_dir: Path, database_url: str, **environment: str) -> Iterator[Server]:
    """Serve ``application`` (``module:name``) until the block ends.

    It has ``WEB_CONCURRENCY`` workers, or one, of four threads.
    """
    port = free_port()
    output = data_dir / "gunicorn.txt"
    settings = {
        "DATABASE_URL": database_url,
        "DATA_DIR": str(data_dir),
        "PORT": str(port),
        "LOG_LEVEL": "INFO",
    }
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread"]
    command += ["--workers", environment.get("WEB_CONCURRENCY", "1"), "--threads", "4", "--no-control-socket"]
    command += ["--logger-class", "kcardswap.logs.GunicornLogger", application]
    with output.open("wb") as target:
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env={**os.environ, **settings, **environment},
            stdout=target,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            server = Server(f"http://127.0.0.1:{port}", output)
            wait_until_up(server, process)
            yield server
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)


def wait_until_up(server: Server, process: subprocess.Popen[bytes] | None = None) -> None:
    """Return when the server answers; fail with what it said when it does not."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and (process is None or process.poll() is None):
        try:
            if requests.get(f"{server.url}/livez", timeout=2).status_code == 200:
                return
        except requests.RequestException:
            pass
        time.sleep(0.1)
    raise AssertionError(f"not up:\n{server.output.read_text()}")
