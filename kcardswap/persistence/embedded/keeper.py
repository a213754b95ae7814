"""The process between a server and the one that started it: it stops the server when that one is gone.

Run as a script with nothing but the standard library: it is up in 30 ms and has imported all it needs
before it gives up root. It watches its parent's process id and not a pipe, because workers that the parent
forks would hold the pipe open. It never exits with 3 or 4: a gunicorn master that reaps it would take it
for a worker that cannot boot.
"""

import fcntl
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

LOCK = "server.lock"
STARTER = "server.starter"
# Names of socket directories that were made for one run of a server.
SHORT_SOCKETS = "/tmp/kcs-"
# Fast shutdown, immediate shutdown, killing; each with the seconds it may take.
STOPPING_S = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
_PARENT_CHECK_S = 0.2


class _Wishes:
    """Signals turned into something to wait for."""

    def __init__(self) -> None:
        self.stop = False
        self._readable, writable = os.pipe()
        os.set_blocking(self._readable, False)
        os.set_blocking(writable, False)
        signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        # The parent's mask is inherited; one that blocks SIGTERM would make this process deaf.
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self.stop = True

    def wait(self) -> None:
        """Until a signal arrives, at most as long as the parent may be dead unnoticed."""
        if select.select([self._readable], [], [], _PARENT_CHECK_S)[0]:
            os.read(self._readable, 512)


def main(arguments: list[str]) -> int:
    """Keep one server until it ends, its starter is gone or SIGTERM arrives.

    :param arguments: the starter's process id, user id and group id to run as (-1: unchanged), seconds to
        wait for processes of an earlier server, cluster and socket directory, the server's command line.
    """
    parent, uid, gid, patience_s, cluster, sockets, *command = arguments
    wishes = _Wishes()
    os.umask(0o077)
    _become(int(uid), int(gid))
    try:
        lock = _lock(Path(cluster), int(parent), float(patience_s))
        if lock is None:
            sys.stderr.write("processes of an earlier server of this cluster still run: end them\n")
            return 1
        _clear_leftovers(Path(cluster))
        Path(cluster, STARTER).write_text(parent)
        # Every process of the server inherits the lock: it is free when the last of them is gone.
        server = subprocess.Popen(command, pass_fds=[lock])
        while server.poll() is None and not wishes.stop and os.getppid() == int(parent):
            wishes.wait()
        _stop(server)
        return 1 if server.returncode else 0
    finally:
        remove_short(sockets)


def remove_short(sockets: str) -> None:
    """Remove a socket directory that was made for one run."""
    if sockets.startswith(SHORT_SOCKETS):
        shutil.rmtree(sockets, ignore_errors=True)


def _become(uid: int, gid: int) -> None:
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def _lock(cluster: Path, parent: int, patience_s: float) -> int | None:
    descriptor = os.open(cluster / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline and os.getppid() == parent:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        time.sleep(0.02)
    return None


def _clear_leftovers(cluster: Path) -> None:
    # PostgreSQL itself refuses to start when the process id in such a file is in use again. Should a server
    # run in spite of the free lock, it still notices by its shared memory and refuses.
    with suppress(OSError, IndexError):
        remove_short(os.fsdecode((cluster / "postmaster.pid").read_bytes()).splitlines()[4])
    for leftover in (cluster / "postmaster.pid", *cluster.glob(".s.PGSQL.*")):
        leftover.unlink(missing_ok=True)


def _stop(server: "subprocess.Popen[bytes]") -> None:
    for number, patience_s in STOPPING_S:
        if server.poll() is not None:
            return
        server.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            server.wait(patience_s)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
