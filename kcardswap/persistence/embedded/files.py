"""Private files, and locks between processes: a locked file is free again when its last holder is gone."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kcardswap.persistence.embedded.failures import EmbeddedPostgresError

_RETRY_S = 0.02


@contextmanager
def exclusive(path: Path, timeout_s: float) -> Iterator[int]:
    """Hold the lock ``path`` during the block; the value is its file descriptor.

    A child that inherits the descriptor keeps the lock when this process dies inside the block.

    :raises EmbeddedPostgresError: someone else held it for ``timeout_s`` seconds.
    """
    descriptor = open_private(path)
    try:
        deadline = time.monotonic() + timeout_s
        while not _taken(descriptor):
            if time.monotonic() > deadline:
                advice = "find the process that hangs while it starts, and end it"
                raise EmbeddedPostgresError(f"{path} was locked for {timeout_s:g} seconds: {advice}")
            time.sleep(_RETRY_S)
        yield descriptor
        # A fork in another thread may have copied the descriptor; closing alone would leave that copy locked.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def held_by_someone(path: Path) -> bool:
    """Whether a process holds the lock ``path``; a missing file is free."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        return not _taken(descriptor)
    finally:
        os.close(descriptor)


def open_private(path: Path, flags: int = 0) -> int:
    """Open a file that only its owner may read, made when missing; root gives it to its directory's owner.

    Otherwise an ordinary user could no longer use a data directory after root had joined the server.
    """
    flags |= os.O_RDWR | os.O_NOFOLLOW
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        descriptor = os.open(path, flags | os.O_CREAT, 0o600)
    if os.geteuid() == 0:
        directory = path.parent.stat()
        os.fchown(descriptor, directory.st_uid, directory.st_gid)
    return descriptor


def write_private(path: Path, text: str) -> None:
    """Replace the content of a file of ``open_private``."""
    with os.fdopen(open_private(path, os.O_TRUNC), "w") as file:
        file.write(text)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
