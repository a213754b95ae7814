"""Processes that stand and fall together."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

SUPERVISOR = """
import os, sys
from kcardswap.commands.processes import SERVER, Processes
processes = Processes(dict(os.environ))
processes.start(SERVER, [sys.executable, "-c", sys.argv[1]])
processes.start("The worker", [sys.executable, "-c", sys.argv[2]])
print("started", flush=True)
sys.exit(processes.wait())
"""
STAYS = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); time.sleep(60)"


@pytest.fixture
def running() -> Iterator[list[subprocess.Popen[str]]]:
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def supervise(running: list[subprocess.Popen[str]], server: str, worker: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, server, worker],
        cwd=Path(__file__).resolve().parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    running.append(process)
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_told_to_stop_it_stops_both_and_ends_well(
    running: list[subprocess.Popen[str]], number: signal.Signals
) -> None:
    process = supervise(running, STAYS, STAYS)
    time.sleep(0.3)
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    assert (process.returncode, said) == (0, "")


@pytest.mark.parametrize(
    ("server", "worker", "status", "named"),
    [
        (STAYS, "raise SystemExit(3)", 3, "The worker stopped with status 3"),
        ("raise SystemExit(0)", STAYS, 1, "gunicorn stopped with status 0"),
    ],
    ids=["the worker", "the server"],
)
def test_when_one_ends_it_says_so_and_stops_the_other(
    running: list[subprocess.Popen[str]], server: str, worker: str, status: int, named: str
) -> None:
    process = supervise(running, server, worker)
    _, said = process.communicate(timeout=20)
    assert process.returncode == status
    assert said.startswith(named)
