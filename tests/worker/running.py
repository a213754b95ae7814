"""Worker processes of tests, their whole output in a file."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.serving import PROJECT
from tests.worker.events import wait_until

READY_SECONDS = 60


@dataclass(frozen=True)
class RunningWorker:
    """A ``flask worker`` and the file all it says goes to."""

    process: subprocess.Popen[bytes]
    output: Path

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Return what it logged of one kind so far."""
        whole = self.output.read_text().split("\n")[:-1]
        said = (json.loads(line) for line in whole if line.startswith("{"))
        return [line for line in said if line["event"] == event]

    def wait_until_ready(self) -> None:
        """Return when it works; fail with what it said when it ends instead."""
        wait_until(
            lambda: self.process.poll() is not None or bool(self.lines("worker_ready")), seconds=READY_SECONDS
        )
        assert self.process.poll() is None, self.output.read_text()

    def kill(self) -> None:
        """End it as a machine that loses power does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        """End it as an operator does and return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def running_worker(
    database_url: str, data_dir: Path, *options: str, name: str = "worker", **environment: str
) -> Iterator[RunningWorker]:
    """Run ``flask worker`` and yield it when it is ready; it is killed in the end if it still runs."""
    with starting_worker(database_url, data_dir, *options, name=name, **environment) as worker:
        worker.wait_until_ready()
        yield worker


@contextmanager
def starting_worker(
    database_url: str, data_dir: Path, *options: str, name: str = "worker", **environment: str
) -> Iterator[RunningWorker]:
    """Run ``flask worker`` and yield it at once, so that something else can be done while it starts."""
    output = data_dir / f"{name}.txt"
    settings = {"DATABASE_URL": database_url, "DATA_DIR": str(data_dir), "LOG_LEVEL": "INFO"}
    with output.open("wb") as target:
        process = subprocess.Popen(
            [sys.executable, "-m", "flask", "worker", *options],
            cwd=PROJECT,
            env={**os.environ, "EVENT_LEASE_SECONDS": "2", **settings, **environment},
            stdout=target,
            stderr=subprocess.STDOUT,
        )
        try:
            yield RunningWorker(process, output)
        finally:
            process.kill()
            process.wait(10)
