"""Signs of life of the workers of a machine, for whoever restarts what does not work."""

import socket
import time
from collections.abc import Callable
from pathlib import Path

BEAT_EVERY_SECONDS = 5.0
ALIVE_WITHIN_SECONDS = 30.0


def beat(data_dir: Path, is_well: Callable[[], bool]) -> None:
    """Touch the file of this machine every few seconds as long as ``is_well``."""
    path = _path(data_dir)
    while is_well():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        time.sleep(BEAT_EVERY_SECONDS)


def end(data_dir: Path) -> None:
    """Remove the file; another worker of this machine makes it anew."""
    _path(data_dir).unlink(missing_ok=True)


def is_alive(data_dir: Path) -> bool:
    """Tell whether a worker of this machine, or of this container, was well lately."""
    try:
        touched = _path(data_dir).stat().st_mtime
    except FileNotFoundError:
        return False
    return time.time() - touched < ALIVE_WITHIN_SECONDS


def _path(data_dir: Path) -> Path:
    return data_dir / f"worker.{socket.gethostname()}.alive"
