"""What can go wrong with the private server, told in one line that says what to do."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# A server that finds less than this writes nothing, not even why into its log.
_LEAST_FREE_BYTES = 1 << 20
_LOG_LINES_TOLD = 5


class EmbeddedPostgresError(RuntimeError):
    """The private server could not be started, joined or stopped; one line that says what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


def diagnosis(what: str, output: str, where: Path) -> EmbeddedPostgresError:
    """The error for a server program that failed, from what it printed.

    :param what: the failed step, as the beginning of a sentence.
    :param output: its output or log; a full disk may have kept it empty.
    :param where: directory it wrote to.
    """
    if "No space left on device" in output or "Disk quota exceeded" in output or _is_full(where):
        return _disk_full(where)
    told = f"last log lines: {last_lines(output)}"
    if "Address already in use" in output:
        advice = "its port is in use by another program; end that program or choose another port"
        return EmbeddedPostgresError(f"{what}: {advice}; {told}")
    if "Permission denied" in output:
        advice = (
            f"no permission; give {where} back to the account that runs it or choose another data directory"
        )
        return EmbeddedPostgresError(f"{what}: {advice}; {told}")
    return EmbeddedPostgresError(f"{what}; {told}")


def last_lines(output: str) -> str:
    """The end of a log in one line."""
    return (
        " | ".join([line.strip() for line in output.splitlines() if line.strip()][-_LOG_LINES_TOLD:])
        or "none"
    )


@contextmanager
def told_plainly(where: Path) -> Iterator[None]:
    """Turn failures of file operations inside the block into EmbeddedPostgresError.

    :raises EmbeddedPostgresError: for every OSError.
    """
    try:
        yield
    except OSError as error:
        name = error.filename or where
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _disk_full(where) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            advice = "make it belong to the current user or choose another data directory"
            raise EmbeddedPostgresError(f"no permission to use {name}: {advice}") from error
        raise EmbeddedPostgresError(
            f"cannot use {name}: {error.strerror or error}; repair this first"
        ) from error


def _disk_full(where: Path) -> EmbeddedPostgresError:
    return EmbeddedPostgresError(f"the disk is full: free at least 100 MB where {where} is, then start again")


def _is_full(where: Path) -> bool:
    return where.exists() and shutil.disk_usage(where).free < _LEAST_FREE_BYTES
